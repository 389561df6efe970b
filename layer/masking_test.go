package layer_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// evaluate returns what layers make, one behind the other, of a sample that is a sequence.
func evaluate(t *testing.T, x []float64, steps int, layers ...layer.Layer) []float64 {
	t.Helper()
	features := len(x) / steps
	in := layer.Apply(&layer.Input{Shape: tensor.Shape{steps, features}})
	y := in
	for _, l := range layers {
		y = layer.Apply(l, y)
	}
	n, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	c := layer.NewContext(g, false)
	input := g.Input("x", in.Shape())
	feed := map[*graph.Node][]float64{input: x}
	out := n.Trace(c, []*graph.Node{input})
	for _, v := range n.Variables() {
		value := make([]float64, v.Shape.Numel())
		for i := range value {
			value[i] = math.Sin(float64(7*i + len(value)))
		}
		feed[c.Value(v)] = value
	}
	got, err := ref.Eval(g, 1, feed, out...)
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// Steps that don't count leave no trace: the result is that of the sequence without them.
func TestStepsThatDoNotCountLeaveNoTrace(t *testing.T) {
	short := []float64{0.5, -1, 2, 0.25, -0.75, 1.5}
	long := []float64{9, 9, 0.5, -1, 9, 9, 9, 9, 2, 0.25, -0.75, 1.5, 9, 9}
	for _, backwards := range []bool{false, true} {
		for _, l := range []layer.Layer{
			&layer.SimpleRNN{Units: 2, GoBackwards: backwards}, &layer.LSTM{Units: 3, GoBackwards: backwards}, &layer.GRU{Units: 2, GoBackwards: backwards},
			&layer.Bidirectional{Layer: &layer.LSTM{Units: 2}}, &layer.GlobalAveragePooling1D{},
		} {
			got, want := evaluate(t, long, 7, &layer.Masking{MaskValue: 9}, &layer.Dropout{Rate: 0.5}, l), evaluate(t, short, 3, l)
			if !slices.Equal(got, want) {
				t.Errorf("%T: %v, want %v", l, got, want)
			}
		}
	}
}

// What a sequence has at steps that don't count is what it had before, or zeros, where that is asked for.
func TestStepsThatDoNotCountRepeatTheStateOrAreZeros(t *testing.T) {
	x := []float64{9, 0.5, 9, 2}
	for _, zero := range []bool{false, true} {
		l := &layer.SimpleRNN{Units: 1, ReturnSequences: true, ZeroOutputForMask: zero}
		got := evaluate(t, x, 4, &layer.Masking{MaskValue: 9}, l)
		short := evaluate(t, []float64{0.5, 2}, 2, l)
		want := []float64{0, short[0], short[0], short[1]}
		if zero {
			want[2] = 0
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// Which layers pass a mask on: what comes after them leaves out the steps.
func TestMasksReachWhatKerasLetsThemReach(t *testing.T) {
	apply := func(join func(x, masked *layer.Node) *layer.Node) string {
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{2, 1}})
		y := join(x, layer.Apply(&layer.Masking{}, x))
		n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New()
		c := layer.NewContext(g, true)
		in := g.Input("x", x.Shape())
		m := c.Mask(n.Trace(c, []*graph.Node{in})[0])
		if m == nil {
			return "none"
		}
		got, err := ref.Eval(g, 1, map[*graph.Node][]float64{in: {0, 3}}, m)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got[0])
	}
	other := &layer.Masking{MaskValue: 3}
	for i, c := range []struct {
		join func(x, masked *layer.Node) *layer.Node
		want string
	}{
		{func(_, m *layer.Node) *layer.Node { return layer.Apply(&layer.Dense{Units: 2}, m) }, "[0 1]"},
		{func(_, m *layer.Node) *layer.Node {
			return layer.Apply(&layer.TimeDistributed{Layer: &layer.PReLU{}}, m)
		}, "[0 1]"},
		{func(_, m *layer.Node) *layer.Node { return layer.Apply(&layer.Rescaling{Scale: 2}, m) }, "[0 1]"},
		{func(_, m *layer.Node) *layer.Node { return layer.Apply(&layer.Conv1D{Filters: 1, KernelSize: 1}, m) }, "none"},
		{func(x, m *layer.Node) *layer.Node { return layer.Apply(&layer.Add{}, x, m) }, "none"},
		{func(x, m *layer.Node) *layer.Node { return layer.Apply(&layer.Maximum{}, layer.Apply(other, x), m) }, "[1 1]"},
		{func(x, m *layer.Node) *layer.Node { return layer.Apply(&layer.Concatenate{Axis: 1}, x, m) }, "[1 1 0 1]"},
		{func(_, m *layer.Node) *layer.Node { return layer.Apply(&layer.Concatenate{}, m, m) }, "[0 1]"},
		{func(_, m *layer.Node) *layer.Node {
			return layer.Apply(&layer.Bidirectional{Layer: &layer.GRU{Units: 1, ReturnSequences: true}}, m)
		}, "[0 1]"},
		{func(_, m *layer.Node) *layer.Node { return layer.Apply(&layer.GRU{Units: 1}, m) }, "none"},
	} {
		if got := apply(c.join); got != c.want {
			t.Errorf("case %d: the mask is %s, want %s", i, got, c.want)
		}
	}
}
