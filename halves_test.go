package cornu_test

// Models whose weights are kept as 16 bits.

import (
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

// savedNetwork trains a network of convolutions and products a little and returns its file.
func savedNetwork(t *testing.T) (path string, source *data.Arrays) {
	t.Helper()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{6, 6, 2}},
		&layer.Conv2D{Filters: 5, KernelSize: [2]int{3, 3}, Activation: activation.ReLU{}},
		&layer.BatchNormalization{},
		&layer.Flatten{},
		&layer.Dense{Units: 40, Activation: activation.ReLU{}},
		&layer.Dense{Units: 3, Activation: activation.Softmax{}},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.CategoricalCrossentropy{}}); err != nil {
		t.Fatal(err)
	}
	y := make([]float32, 3*20)
	for i := range 20 {
		y[3*i+i%3] = 1
	}
	source = &data.Arrays{X: []data.Column{column(t, wave(20*72, 1), 6, 6, 2)}, Y: []data.Column{column(t, y, 3)}}
	fit(t, model, source, cornu.FitConfig{BatchSize: 8, Epochs: 2})
	path = filepath.Join(t.TempDir(), "model.keras")
	if err := model.Save(path); err != nil {
		t.Fatal(err)
	}
	return path, source
}

func TestWeightsOf16BitsGiveTheBitsOfThoseFloats(t *testing.T) {
	path, source := savedNetwork(t)
	x := tensorOf(t, wave(20*72, 3), 20, 6, 6, 2)
	full, err := cornu.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	exact, err := full.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for _, dtype := range []graph.DType{graph.BFloat16, graph.Float16} {
		half, err := cornu.LoadWith(path, cornu.LoadConfig{Weights: dtype})
		if err != nil {
			t.Fatal(err)
		}
		variables, err := half.Variables()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range variables {
			kernel := strings.HasSuffix(v.Path, "kernel")
			if kind := slab.SpanOf(v).Slab.Kind(); (string(kind) == dtype.String()) != kernel {
				t.Errorf("%s is kept as %s", v.Path, kind)
			}
		}
		weights, err := half.Weights()
		if err != nil {
			t.Fatal(err)
		}
		unit := map[graph.DType]float64{graph.BFloat16: 0x1p-8, graph.Float16: 0x1p-11}[dtype]
		for i, w := range weights {
			got, _ := tensor.Data[float32](w)
			want, _ := tensor.Data[float32](exact[i])
			for k, g := range got {
				d := math.Abs(float64(g) - float64(want[k]))
				if d > unit*math.Abs(float64(want[k]))+0x1p-25 || len(w.Shape()) < 2 && d > 0 {
					t.Fatalf("%v: %s at %d is %v, in the file %v", dtype, variables[i].Path, k, g, want[k])
				}
			}
		}
		if err := full.SetWeights(weights); err != nil {
			t.Fatal(err)
		}
		for _, rows := range []int{1, 20} {
			part, err := x.Slice(0, 0, rows)
			if err != nil {
				t.Fatal(err)
			}
			want, err := full.Predict(ctx, part)
			if err != nil {
				t.Fatal(err)
			}
			got, err := half.Predict(ctx, part)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := tensor.Data[float32](got)
			b, _ := tensor.Data[float32](want)
			for i := range a {
				if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
					t.Fatalf("%v: prediction %d of %d rows is %v, of the same weights as float32 %v", dtype, i, rows, a[i], b[i])
				}
			}
		}
		got, err := half.Evaluate(ctx, source, cornu.EvaluateConfig{Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := full.Evaluate(ctx, source, cornu.EvaluateConfig{Quiet: true})
		if err != nil || got.Loss != want.Loss {
			t.Errorf("%v: loss %v, want %v (%v)", dtype, got.Loss, want.Loss, err)
		}

		_, err = half.Fit(ctx, source, cornu.FitConfig{Quiet: true})
		if err == nil || !strings.Contains(err.Error(), "kept as "+dtype.String()+", which predicts and evaluates but can't be trained") {
			t.Errorf("Fit: %v", err)
		}
		// What is saved are these weights, whatever they are loaded as.
		again := filepath.Join(t.TempDir(), "again.keras")
		if err := half.Save(again); err != nil {
			t.Fatal(err)
		}
		same, err := cornu.Load(again)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := same.Fit(ctx, source, cornu.FitConfig{Quiet: true}); err != nil {
			t.Errorf("Fit after it was loaded as float32: %v", err)
		}
	}
}

func TestWeightsThatAreTooLargeFor16BitsAreAnError(t *testing.T) {
	path, _ := savedNetwork(t)
	model, err := cornu.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	variables, _ := model.Variables()
	large := variables[0].Value()
	large[5] = 65520
	if err := variables[0].Assign(large); err != nil {
		t.Fatal(err)
	}
	if err := model.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := cornu.LoadWith(path, cornu.LoadConfig{Weights: graph.BFloat16, Log: io.Discard}); err != nil {
		t.Error(err)
	}
	_, err = cornu.LoadWith(path, cornu.LoadConfig{Weights: graph.Float16, Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "variable conv2d/kernel: 65520 is too large for float16, which has numbers up to 65504: bfloat16 has larger ones") {
		t.Errorf("float16: %v", err)
	}
	_, err = cornu.LoadWith(path, cornu.LoadConfig{Weights: 9})
	if err == nil || !strings.Contains(err.Error(), "LoadConfig.Weights is DType(9)") {
		t.Errorf("type 9: %v", err)
	}
}
