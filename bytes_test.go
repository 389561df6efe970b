package cornu_test

// This file tests that training and serving see the same numbers in the same bytes.

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// sum returns a model that adds up two numbers and learns nothing.
func sum(t *testing.T) *cornu.Sequential {
	t.Helper()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{2}},
		&layer.Dense{Units: 1, NoBias: true, KernelInitializer: initializer.Ones{}, Frozen: true},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanAbsoluteError{}, Optimizer: optimizer.SGD{}}); err != nil {
		t.Fatal(err)
	}
	return model
}

// The error is 0 exactly where Evaluate sees the same numbers as Predict.
func TestABytesNumberIsTheSameInFitAndInPredict(t *testing.T) {
	pixels := []uint8{255, 0, 51, 102}
	plain := tensorOf(t, pixels, 2, 2)
	half, err := tensor.FromBytes(plain, -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	column := func(c data.Column, err error) data.Column {
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	set, err := dataset.New(pixels, []uint8{0, 0}, 1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := set.Flat().Inputs(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		source *data.Arrays
		x      *tensor.Tensor // what Predict is given
		want   []float32
		other  bool // plain bytes are other numbers
	}{
		{"a tensor", source(t, data.New)(plain, nil), plain, []float32{255, 153}, false},
		{"rows", source(t, data.FromRows[uint8])([][]uint8{{255, 0}, {51, 102}}, nil), plain, []float32{255, 153}, false},
		{"bytes", &data.Arrays{X: []data.Column{column(data.Bytes(pixels, 2))}}, plain, []float32{255, 153}, false},
		{"pixels", &data.Arrays{X: []data.Column{column(data.Pixels(pixels, 2))}}, scaled, []float32{1, 0.6}, true},
		{"images", set.Flat().Arrays, scaled, []float32{1, 0.6}, true},
		{"scaled", &data.Arrays{X: []data.Column{column(data.Scaled(pixels, -1, 1, 2))}}, half, []float32{0, -0.8}, true},
	} {
		model := sum(t)
		y, err := data.Floats(c.want, 1)
		if err != nil {
			t.Fatal(err)
		}
		labelled := &data.Arrays{X: c.source.X, Y: []data.Column{y}}
		history := fit(t, model, labelled, cornu.FitConfig{BatchSize: 2})
		if last, _ := history.Last("loss"); math.Abs(last) > 1e-6 {
			t.Errorf("%s: Fit sees other numbers: the error is %v", c.name, last)
		}
		for _, predict := range []func() (*tensor.Tensor, error){
			func() (*tensor.Tensor, error) { return model.Predict(ctx, c.x) },
			func() (*tensor.Tensor, error) {
				return model.PredictSource(ctx, labelled, cornu.PredictConfig{})
			},
		} {
			got, err := predict()
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if d := slices.Max([]float32{floats(t, got)[0] - c.want[0], floats(t, got)[1] - c.want[1]}); d > 1e-6 || d < -1e-6 {
				t.Errorf("%s: %v, want %v", c.name, floats(t, got), c.want)
			}
		}
		bytes := &data.Arrays{X: []data.Column{column(data.Bytes(pixels, 2))}, Y: labelled.Y}
		errs := []error{
			second(model.Predict(ctx, plain)),
			second(model.PredictSource(ctx, bytes, cornu.PredictConfig{})),
			second(model.Evaluate(ctx, bytes, cornu.EvaluateConfig{Quiet: true})),
			second(model.TestOnBatch(bytes)),
			second(model.Fit(ctx, labelled, cornu.FitConfig{Quiet: true, ValidationData: bytes})),
		}
		for i, err := range errs {
			if c.other && (err == nil || !strings.Contains(err.Error(), "input 0 holds bytes as numbers from 0 to 255, but the model was trained on bytes as numbers from ")) || !c.other && err != nil {
				t.Errorf("%s: plain bytes in way %d: %v", c.name, i, err)
			}
		}
		if _, err := model.Fit(ctx, bytes, cornu.FitConfig{Quiet: true}); err != nil {
			t.Errorf("%s: it can't be trained on other numbers: %v", c.name, err)
		}
		if _, err := model.Predict(ctx, plain); err != nil {
			t.Errorf("%s: trained on plain bytes now: %v", c.name, err)
		}
	}
}

// source makes a source of what it is given, or fails the test.
func source[T any](t *testing.T, f func(x, y T) (*data.Arrays, error)) func(x, y T) *data.Arrays {
	return func(x, y T) *data.Arrays {
		t.Helper()
		a, err := f(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// What the bytes were goes with the model into its file.
func TestALoadedModelRefusesOtherBytesThanItWasTrainedOn(t *testing.T) {
	pixels := []uint8{255, 0, 51, 102}
	x, err := data.Pixels(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	y, err := data.Floats([]float32{1, 0.6}, 1)
	if err != nil {
		t.Fatal(err)
	}
	model := sum(t)
	fit(t, model, &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, cornu.FitConfig{BatchSize: 2})
	plain := tensorOf(t, pixels, 2, 2)
	_, want := model.Predict(context.Background(), plain)
	if want == nil {
		t.Fatal("the model takes other bytes")
	}
	folder := os.Getenv("KERASFILE_OUT")
	if folder == "" {
		folder = t.TempDir()
	}
	for _, name := range []string{"bytes.keras", "bytes.h5"} {
		path := filepath.Join(folder, name)
		if err := model.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := cornu.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Predict(context.Background(), plain); err == nil || err.Error() != want.Error() {
			t.Errorf("%s: other bytes give %v, want %v", name, err, want)
		}
	}
}
