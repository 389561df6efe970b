package cornu_test

// This file is about models that take texts: see kerasfile/testdata/make_texts.py.

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

func textsOf(t *testing.T, values []string, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func numbersOf(t *testing.T, x *tensor.Tensor, err error) []float32 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	values, err := tensor.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func columnFrom(t *testing.T, x *tensor.Tensor) data.Column {
	t.Helper()
	c, err := data.FromTensor(x)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKerasTexts(t *testing.T) {
	text, err := os.ReadFile("kerasfile/testdata/texts.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Inputs struct {
			Review      []string
			Kind, Tags  [][]string
			Year, Stars [][]int32
			Height      [][]float32
		}
		Predict [][]float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	in := want.Inputs
	x := []*tensor.Tensor{textsOf(t, in.Review)}
	for _, rows := range [][][]string{in.Kind, in.Tags} {
		one, err := tensor.FromRows(rows)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, one)
	}
	for _, rows := range [][][]int32{in.Year, in.Stars} {
		one, err := tensor.FromRows(rows)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, one)
	}
	height, err := tensor.FromRows(in.Height)
	if err != nil {
		t.Fatal(err)
	}
	x = append(x, height)
	var predict []float64
	for _, row := range want.Predict {
		predict = append(predict, row...)
	}

	out := os.Getenv("KERASFILE_OUT")
	if out == "" {
		out = t.TempDir()
	}
	saved := filepath.Join(out, "texts.keras")
	m := loadQuiet(t, "kerasfile/testdata/texts.keras")
	if err := m.Save(saved); err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string]*cornu.Model{"of Keras": m, "of Cornu": loadQuiet(t, saved)} {
		y, err := m.Predict(context.Background(), x...)
		near(t, what, numbersOf(t, y, err), predict, 2e-6)
		source := &data.Arrays{}
		for _, one := range x {
			source.X = append(source.X, columnFrom(t, one))
		}
		y, err = m.PredictSource(context.Background(), source, cornu.PredictConfig{BatchSize: 3})
		near(t, what+", of a source", numbersOf(t, y, err), predict, 2e-6)
	}
	if err := m.Save(filepath.Join(out, "texts.h5")); err == nil || !strings.Contains(err.Error(), "save the model to a .keras file") {
		t.Errorf("an .h5 file: %v", err)
	}
}

// spam is a model that takes texts and is not built yet.
func spam(t *testing.T, texts *tensor.Tensor) *cornu.Sequential {
	t.Helper()
	vectorize := &layer.TextVectorization{OutputMode: "count"}
	if err := vectorize.Adapt(texts); err != nil {
		t.Fatal(err)
	}
	m := cornu.NewSequential(vectorize, &layer.Dense{Units: 1})
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAModelIsTrainedOnTexts(t *testing.T) {
	texts := textsOf(t, []string{"buy now", "see you now", "buy buy", "see me", "you see", "now buy it", "it is me"})
	y, err := tensor.Of([]float32{1, 0, 1, 0, 0, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	source, err := data.New(texts, y)
	if err != nil {
		t.Fatal(err)
	}
	m := spam(t, texts)
	cfg := cornu.FitConfig{Epochs: 60, BatchSize: 3, Quiet: true, ValidationSplit: 0.2}
	history, err := m.Fit(context.Background(), source, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := history.Last("loss"); err != nil || last > 0.05 {
		t.Errorf("the loss is %v, %v", last, err)
	}
	got, err := m.Predict(context.Background(), texts)
	for i, v := range numbersOf(t, got, err) {
		if spam := numbersOf(t, y, nil)[i] == 1; spam != (v > 0.5) {
			t.Errorf("text %d is %v", i, v)
		}
	}
	if _, err := m.Evaluate(context.Background(), source, cornu.EvaluateConfig{Quiet: true}); err != nil {
		t.Error(err)
	}
	if _, err := m.TrainOnBatch(source); err != nil {
		t.Error(err)
	}
	// As a step of the data it comes to the same bits.
	one, other := spam(t, texts), cornu.NewSequential(&layer.Dense{Units: 1})
	if err := other.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
		t.Fatal(err)
	}
	cfg.ValidationSplit, cfg.Epochs = 0, 3
	before, err := data.Preprocess(source, one.Layers()[0].(layer.Host))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Fit(context.Background(), source, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Fit(context.Background(), data.Prefetch(before, 2), cfg); err != nil {
		t.Fatal(err)
	}
	a, b := weightsOf(t, &one.Model), weightsOf(t, &other.Model)
	for i := range a {
		near(t, "weights", a[i], wide(b[i]), 0)
	}
}

func wide(x []float32) []float64 {
	var y []float64
	for _, v := range x {
		y = append(y, float64(v))
	}
	return y
}

func TestTextsForNumbersAreErrors(t *testing.T) {
	ctx := context.Background()
	texts := textsOf(t, []string{"a b", "c"})
	numbers, err := tensor.Of([]float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	words, plain := spam(t, texts), cornu.NewSequential(&layer.Input{}, &layer.Flatten{}, &layer.Dense{Units: 1})
	if err := words.Build(); err == nil || !strings.Contains(err.Error(), "the input is numbers, it takes texts") {
		t.Errorf("built for numbers: %v", err)
	}
	words = cornu.NewSequential(append([]layer.Layer{&layer.Input{DType: tensor.String}}, spam(t, texts).Layers()...)...)
	_, err1 := words.Predict(ctx, numbers)
	_, err2 := plain.Predict(ctx, texts)
	err3 := words.PredictInto(make([]float32, 1), make([]float32, 1))
	source, err := data.New(texts, numbers)
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
		t.Fatal(err)
	}
	_, err4 := plain.Fit(ctx, source, cornu.FitConfig{Quiet: true})
	_, err5 := data.New(numbers, texts)
	outer := cornu.Input(1)
	err6 := cornu.NewModel([]*cornu.Node{outer}, []*cornu.Node{cornu.Apply(words.AsLayer(), outer)}).Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}})
	unadapted := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Normalization{})
	_, err7 := unadapted.Weights()
	for want, err := range map[string]error{
		"takes texts, the data have numbers":         err1,
		"takes numbers, the data have texts":         err2,
		"PredictInto: the model takes texts":         err3,
		"cornu: input \"input_layer\" takes numbers": err4,
		"y[0] is texts: only inputs can be":          err5,
		"a model with such can't be a layer":         err6,
		"has not seen data: call its Adapt":          err7,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
