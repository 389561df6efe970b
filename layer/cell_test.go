package layer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A minimalCell is the cell of the example in Keras's documentation.
type minimalCell struct {
	Name  string
	Units int

	kernel, recurrent *layer.Variable

	step func(c *layer.Context, x, h *graph.Node) []*graph.Node // nil: as there
}

func (l *minimalCell) Build(b *layer.Builder, in []tensor.Shape) error {
	l.kernel = b.Variable("kernel", tensor.Shape{in[0][1], l.Units}, layer.VariableConfig{})
	l.recurrent = b.Variable("recurrent_kernel", tensor.Shape{l.Units, l.Units}, layer.VariableConfig{Initializer: initializer.Orthogonal{}})
	return nil
}

func (l *minimalCell) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	return l.CallAll(c, in)[0]
}

func (l *minimalCell) CallAll(c *layer.Context, in []*graph.Node) []*graph.Node {
	if l.step != nil {
		return l.step(c, in[0], in[1])
	}
	h := in[0].MatMul(c.Value(l.kernel)).Add(in[1].MatMul(c.Value(l.recurrent)))
	return []*graph.Node{h, h}
}

func (l *minimalCell) StateShapes() []tensor.Shape { return []tensor.Shape{{l.Units}} }

func TestACellOfOnesOwnRunsOverASequence(t *testing.T) {
	x := []float64{0.5, -1, 2, 0.25, 9, 9, -0.75, 1.5}
	plain := &layer.SimpleRNN{Units: 3, Activation: activation.Linear{}, NoBias: true, ReturnSequences: true, GoBackwards: true}
	want := evaluate(t, x, 4, &layer.Masking{MaskValue: 9}, plain)
	if got := evaluate(t, x, 4, &layer.Masking{MaskValue: 9}, &layer.RNN{Cell: &minimalCell{Units: 3}, ReturnSequences: true, GoBackwards: true}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// And in a stack, first or last.
	one, other := &layer.SimpleRNNCell{Units: 2, Activation: activation.Linear{}, NoBias: true}, &layer.LSTMCell{Units: 2}
	for _, cells := range [][2][]layer.Cell{
		{{one, other}, {&minimalCell{Units: 2}, &layer.LSTMCell{Units: 2}}},
		{{&layer.LSTMCell{Units: 2}, &layer.SimpleRNNCell{Units: 2, Activation: activation.Linear{}, NoBias: true}}, {&layer.LSTMCell{Units: 2}, &minimalCell{Units: 2}}},
	} {
		want := evaluate(t, x, 4, &layer.RNN{Cell: &layer.StackedRNNCells{Cells: cells[0]}})
		if got := evaluate(t, x, 4, &layer.RNN{Cell: &layer.StackedRNNCells{Cells: cells[1]}}); !slices.Equal(got, want) {
			t.Errorf("stacked: %v, want %v", got, want)
		}
	}
}

func TestACellThatCannotBeRunSaysWhy(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	flat := layer.Apply(&layer.Input{Shape: tensor.Shape{2}})

	own := func(step func(c *layer.Context, x, h *graph.Node) []*graph.Node) layer.Layer {
		return &layer.RNN{Cell: &minimalCell{Units: 2, step: step}}
	}
	for _, c := range []struct {
		layer layer.Layer
		in    []*layer.Node
		want  string
	}{
		{&layer.RNN{}, []*layer.Node{x}, "Cell is nil"},
		{&layer.RNN{Cell: &layer.LSTMCell{Units: 2}}, []*layer.Node{flat}, "takes a sequence"},
		{&layer.RNN{Cell: &layer.LSTMCell{}}, []*layer.Node{x}, "Units is 0"},
		{&layer.RNN{Cell: &layer.LSTMCell{Units: 2}}, []*layer.Node{x, flat}, "a state to begin with, of 2, got 2 inputs"},
		{&layer.RNN{Cell: &layer.GRUCell{Units: 3}}, []*layer.Node{x, flat}, "has the shape (None, 2), it must be (None, 3)"},
		{&layer.RNN{Cell: &layer.StackedRNNCells{}}, []*layer.Node{x}, "Cells is empty"},
		{&layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{nil}}}, []*layer.Node{x}, "cell 0 is nil"},
		{&layer.LSTMCell{Units: 2}, []*layer.Node{flat}, "takes a step and a state, of 2, got 1 inputs"},
		{&layer.LSTMCell{Units: 2}, []*layer.Node{x}, "put it into layer.RNN"},
		{own(func(_ *layer.Context, x, h *graph.Node) []*graph.Node { return []*graph.Node{x} }), []*layer.Node{x}, "returned 1 nodes"},
		{own(func(c *layer.Context, x, h *graph.Node) []*graph.Node {
			c.AddLoss(x.Sum())
			return []*graph.Node{h, h}
		}), []*layer.Node{x}, "can neither add a loss"},
		{own(func(_ *layer.Context, x, h *graph.Node) []*graph.Node {
			return []*graph.Node{h, x.Sub(x.Mean(0)).Add(h)}
		}), []*layer.Node{x}, "mixes the rows of the batch"},

		{&layer.ConvLSTM2D{Filters: 2, KernelSize: [2]int{2, 2}}, []*layer.Node{x}, "takes a sequence, of 5 axes"},
		{&layer.ConvLSTM1D{Filters: 2, KernelSize: 4}, []*layer.Node{layer.Apply(&layer.Input{Shape: tensor.Shape{2, 3, 1}})}, "reaches over 4 steps"},
	} {
		if err := layer.Apply(c.layer, c.in...).Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.layer, err, c.want)
		}
	}
}

// Where steps don't count, the output is that of the step before, which must be in the state.
func TestAMaskNeedsACellWhoseStateBeginsWithItsOutput(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	cell := &minimalCell{Units: 2, step: func(_ *layer.Context, _, h *graph.Node) []*graph.Node {
		return []*graph.Node{h.SliceAxis(1, 0, 1), h}
	}}
	y := layer.Apply(&layer.RNN{Cell: cell}, layer.Apply(&layer.Masking{}, x))
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	n.Trace(layer.NewContext(g, false), []*graph.Node{g.Input("x", x.Shape())})
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "the first part of its state") {
		t.Errorf("%v", err)
	}
}

func TestCellsThatAreExchangedAfterTheyWereBuiltAreAnError(t *testing.T) {
	input := func() *layer.Node { return layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}}) }
	stack := &layer.StackedRNNCells{Cells: []layer.Cell{&layer.LSTMCell{Units: 2}}}
	rnn, stacked := &layer.RNN{Cell: &layer.GRUCell{Units: 2}}, &layer.RNN{Cell: stack}
	for _, l := range []layer.Layer{rnn, stacked} {
		if err := layer.Apply(l, input()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	stack.Cells = append(stack.Cells, &layer.GRUCell{Units: 3})
	for _, cell := range []layer.Cell{nil, &layer.LSTMCell{Units: 2}} {
		rnn.Cell = cell
		for _, l := range []layer.Layer{rnn, stacked} {
			if err := layer.Apply(l, input()).Err(); err == nil || !strings.Contains(err.Error(), "were exchanged") {
				t.Errorf("%T: %v", cell, err)
			}
		}
	}
	stack.Cells = nil
	if err := layer.Apply(stacked, input()).Err(); err == nil || !strings.Contains(err.Error(), "were exchanged") {
		t.Errorf("no cells: %v", err)
	}
}
