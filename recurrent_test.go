package cornu_test

// This file has what tests of recurrent networks share, and says what of a batch a row depends on.

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// layersOf makes the layers of a golden case.
func layersOf(t *testing.T, c golden.Case) []layer.Layer {
	t.Helper()
	var layers []layer.Layer
	for _, x := range c.Config["layers"].([]any) {
		o := x.(map[string]any)
		l, err := layer.FromConfig(o["class_name"].(string), o["config"].(map[string]any))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	return layers
}

// numbered lists the tensors prefix0, prefix1, … of a case.
func numbered(c golden.Case, prefix string) []golden.Tensor {
	var list []golden.Tensor
	for {
		x, ok := c.Tensors[fmt.Sprint(prefix, len(list))]
		if !ok {
			return list
		}
		list = append(list, x)
	}
}

func tensorsOf(t *testing.T, list []golden.Tensor) []*tensor.Tensor {
	t.Helper()
	var out []*tensor.Tensor
	for _, x := range list {
		out = append(out, tensorOf(t, x.Data, x.Shape...))
	}
	return out
}

func columnsOf(t *testing.T, list []golden.Tensor) []data.Column {
	t.Helper()
	var out []data.Column
	for _, x := range list {
		column, err := data.Floats(x.Data, x.Shape[1:]...)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, column)
	}
	return out
}

// sameTensors compares with what Keras computed in float32 in orders of its own.
func sameTensors(t *testing.T, what string, got [][]float32, want []golden.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d arrays, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		closeTo(t, fmt.Sprint(what, " ", i), got[i], w.Data)
	}
}

// What a row's result is depends on no other row, nor on how long others are.
func TestARowDoesNotDependOnItsNeighboursLengths(t *testing.T) {
	const rows, steps, features = 40, 7, 3
	x := wave(rows*steps*features, 1)
	for row := range rows {
		for step := row % (steps + 1); step < steps; step++ {
			clear(x[(row*steps+step)*features:][:features])
		}
	}
	for _, l := range []layer.Layer{
		&layer.LSTM{Units: 5}, &layer.GRU{Units: 5, ReturnSequences: true}, &layer.GRU{Units: 4, ResetBefore: true},
		&layer.Bidirectional{Layer: &layer.SimpleRNN{Units: 5, ReturnSequences: true}},
	} {
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{steps, features}}, &layer.Masking{}, l)
		predict := func(x []float32) []float32 {
			y, err := model.Predict(context.Background(), tensorOf(t, x, len(x)/steps/features, steps, features))
			if err != nil {
				t.Fatal(err)
			}
			return floats(t, y)
		}
		all := predict(x)
		width := len(all) / rows
		for row := range rows {
			if alone := predict(x[row*steps*features:][:steps*features]); !slices.Equal(alone, all[row*width:][:width]) {
				t.Errorf("%T: row %d is %v alone, %v among others", l, row, alone, all[row*width:][:width])
			}
		}
	}
}
