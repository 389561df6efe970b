package layer_test

// What operations compute is compared with Keras's in kerasfile/testdata/operations.keras.

import (
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// operated applies an operation to inputs of these shapes.
func operated(l *layer.Operation, shapes ...tensor.Shape) ([]*layer.Node, error) {
	var in []*layer.Node
	for _, s := range shapes {
		in = append(in, layer.Apply(&layer.Input{Shape: s}))
	}
	out := layer.ApplyAll(l, in...)
	_, err := layer.NewNetwork(in, out)
	return out, err
}

func TestAKeyTakesWhatPythonTakes(t *testing.T) {
	for key, want := range map[string]tensor.Shape{
		":":                {-1, 5, 4},
		":, 0":             {-1, 4},
		":,-1":             {-1, 4},
		"..., 0":           {-1, 5},
		":, 1:3":           {-1, 2, 4},
		":, -3:-1, ...":    {-1, 2, 4},
		":, ::2, None":     {-1, 3, 1, 4},
		":, 1::3":          {-1, 2, 4},
		":, :100":          {-1, 5, 4},
		":, -100:2":        {-1, 2, 4},
		":, ::-1":          {-1, 5, 4},
		"..., None":        {-1, 5, 4, 1},
		":, None, 2, :, 1": nil,
		":, None, 2, 1":    {-1, 1},
	} {
		out, err := operated(&layer.Operation{Op: "GetItem", Key: key}, tensor.Shape{5, 4})
		if want == nil {
			if err == nil {
				t.Errorf("%s is no error", key)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", key, err)
		} else if got := out[0].Shape(); !got.Equal(want) {
			t.Errorf("%s gives %v, want %v", key, got, want)
		}
	}
}

func TestOperationsThatDoNotFitAreErrors(t *testing.T) {
	one := []tensor.Shape{{5, 4}}
	two := []tensor.Shape{{5, 4}, {5, 4}}
	for _, test := range []struct {
		operation layer.Operation
		in        []tensor.Shape
		want      string
	}{
		{layer.Operation{Op: "Sqr"}, one, `unknown operation "Sqr": the known ones are Add, `},
		{layer.Operation{Op: "Sqrt"}, two, "Sqrt takes 1 operands, got 2"},
		{layer.Operation{Op: "Power"}, one, "Power takes 2 operands, got 1"},
		{layer.Operation{Op: "Sqrt", Number: new(2.0)}, one, "Number is 2, Sqrt takes none"},
		{layer.Operation{Op: "Mean"}, one, "Axis is empty"},
		{layer.Operation{Op: "Mean", Axis: []int{1, 0}}, one, "Axis is [1 0]: an axis of the batch can't be meant"},
		{layer.Operation{Op: "Mean", Axis: []int{-3}}, one, "an axis of the batch"},
		{layer.Operation{Op: "Mean", Axis: []int{3}}, one, "Axis is [3], there are 3 axes"},
		{layer.Operation{Op: "Mean", Axis: []int{1, -2}}, one, "Axis is [1 -2], which names one twice"},
		{layer.Operation{Op: "LogSoftmax", Axis: []int{1, 2}}, one, "LogSoftmax needs one axis"},
		{layer.Operation{Op: "Squeeze", Axis: []int{1}}, one, "axis 1 has size 5, not 1"},
		{layer.Operation{Op: "ExpandDims", Axis: []int{4}}, one, "Axis is [4], there are 4 axes"},
		{layer.Operation{Op: "Stack", Axis: []int{1}}, []tensor.Shape{{5, 4}, {4}}, "Stack takes tensors of one shape"},
		{layer.Operation{Op: "Split", Axis: []int{1}, Sections: 2}, one, "Sections is 2, it must be from 1 to 1024 and divide the size of the axis, 5"},
		{layer.Operation{Op: "Split", Axis: []int{1}, Indices: []int{3, 2}}, one, "Indices is [3 2], they must rise from 0 to 5"},
		{layer.Operation{Op: "Split", Axis: []int{1}, Sections: 5, Indices: []int{2}}, one, "Sections is 5 and Indices [2]"},
		{layer.Operation{Op: "GetItem", Key: "0"}, one, "the axis of the batch"},
		{layer.Operation{Op: "GetItem", Key: "None"}, one, "the axis of the batch"},
		{layer.Operation{Op: "GetItem", Key: "1:"}, one, "the axis of the batch stays whole"},
		{layer.Operation{Op: "GetItem", Key: ":, 5"}, one, `":, 5": "5": the axis has size 5`},
		{layer.Operation{Op: "GetItem", Key: ":, 2:2"}, one, "it takes nothing from an axis of size 5"},
		{layer.Operation{Op: "GetItem", Key: ":, 3::-1"}, one, "only ::-1 is known"},
		{layer.Operation{Op: "GetItem", Key: "..., 1, ..."}, one, "no key of a tensor of 3 axes"},
		{layer.Operation{Op: "GetItem", Key: ":, :, :, 0"}, one, "no key of a tensor of 3 axes"},
		{layer.Operation{Op: "GetItem", Key: ":, 1:2:3:4"}, one, "too many colons"},
		{layer.Operation{Op: "GetItem", Key: ":, x"}, one, "invalid syntax"},
		{layer.Operation{Op: "GetItem"}, one, "invalid syntax"},
	} {
		_, err := operated(&test.operation, test.in...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %s", test.operation, err, test.want)
		}
	}
}
