package cornu_test

// This file is about models that take texts: see kerasfile/testdata/make_texts.py.

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

func textsOf(t testing.TB, values []string, shape ...int) *tensor.Tensor {
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

func columnFrom(t testing.TB, x *tensor.Tensor) data.Column {
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

// rezipped copies an archive with members as change has them, which returns nil for those that stay.
func rezipped(t *testing.T, path string, change func(name string) []byte) string {
	t.Helper()
	from, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var b bytes.Buffer
	to := zip.NewWriter(&b)
	for _, f := range from.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if other := change(f.Name); other != nil {
			content = other
		}
		w, err := to.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "changed.keras")
	if err := os.WriteFile(out, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestVocabulariesOfFilesAreNotTrusted(t *testing.T) {
	const of = "assets/layers/%s/vocabulary.txt"
	for _, c := range []struct{ layer, content, want string }{
		{"string_lookup", "[UNK]\n[UNK]\na\na", `layer "string_lookup_2": vocabulary.txt: the vocabulary has "a" twice`},
		{"string_lookup", "\n\n", `the vocabulary has "", which is a special token`},
		{"integer_lookup", "-1\n2001\nx", `vocabulary.txt: line 3: strconv.Atoi: parsing "x"`},
		{"text_vectorization", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm", "the vocabulary has 14 tokens with the special ones, MaxTokens is 12"},
		{"text_vectorization", "[UNK]\nthe", "has shape"}, // the model is narrower then
		{"text_vectorization_1", strings.Repeat("a\n", 1001), "it has 1002 lines, the limit is 1000: see Limits.Objects"},
	} {
		path := rezipped(t, "kerasfile/testdata/texts.keras", func(name string) []byte {
			if name == fmt.Sprintf(of, c.layer) {
				return []byte(c.content)
			}
			return nil
		})
		_, err := cornu.LoadWith(path, cornu.LoadConfig{Limits: kerasfile.Limits{Objects: 1000}, Log: io.Discard})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.layer, err, c.want)
		}
	}
}

func TestACategoryThatIsNoneIsAnError(t *testing.T) {
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &layer.CategoryEncoding{NumTokens: 3})
	x, err := tensor.Of([]int32{0, 1, 2, 3}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	var wrong *data.IntegerError
	if _, err := m.Predict(context.Background(), x); !errors.As(err, &wrong) || wrong.Row != 1 || wrong.Value != 3 {
		t.Error(err)
	}
}

// What the categories count is a second input, which .h5 files keep too.
func TestCountsOfCategoriesAreKeptInFiles(t *testing.T) {
	categories, counts := cornu.Apply(&layer.Input{Shape: tensor.Shape{2}}), cornu.Apply(&layer.Input{Shape: tensor.Shape{2}})
	model := cornu.NewModel([]*cornu.Node{categories, counts}, []*cornu.Node{cornu.Apply(&layer.CategoryEncoding{NumTokens: 3, OutputMode: "count"}, categories, counts)})
	x, w := tensorOf(t, []float32{0, 2, 1, 1}, 2, 2), tensorOf(t, []float32{0.5, 3, 1, 4}, 2, 2)
	for _, name := range []string{"m.keras", "m.h5"} {
		loaded := reloaded(t, model, name)
		y, err := loaded.Predict(context.Background(), x, w)
		if err != nil {
			t.Fatal(err)
		}
		if got := floats(t, y); !slices.Equal(got, []float32{0.5, 0, 3, 0, 5, 0}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A model that takes texts as its users write them, and is saved with its vocabulary.
func ExampleSequential_texts() {
	ctx := context.Background()
	reviews := []string{"What a good film!", "Bad, bad actors.", "a good day", "it was bad"}
	x, err := tensor.Of(reviews)
	if err != nil {
		log.Fatal(err)
	}
	y, err := tensor.Of([]float32{1, 0, 1, 0})
	if err != nil {
		log.Fatal(err)
	}
	words := &layer.TextVectorization{OutputMode: "multi_hot"}
	if err := words.Adapt(x); err != nil {
		log.Fatal(err)
	}
	model := cornu.NewSequential(&layer.Input{DType: tensor.String}, words, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.2}}); err != nil {
		log.Fatal(err)
	}
	source, err := data.New(x, y)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := model.Fit(ctx, source, cornu.FitConfig{Epochs: 100, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	fresh, err := tensor.Of([]string{"a GOOD actor", "a bad film"})
	if err != nil {
		log.Fatal(err)
	}
	liked, err := model.Predict(ctx, fresh)
	if err != nil {
		log.Fatal(err)
	}
	scores, err := tensor.Data[float32](liked)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(words.GetVocabulary()[:3], scores[0] > scores[1])
	// Output: [[UNK] bad good] true
}
