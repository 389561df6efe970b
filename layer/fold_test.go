package layer_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// inferred are the outputs of a network in inference, and whether it still subtracts a mean from what depends on the batch.
func inferred(t *testing.T, n *layer.Network, values map[*layer.Variable][]float64, x []float64) (y [][]float64, subtracts bool) {
	t.Helper()
	g := graph.New()
	in := g.Input("x", n.Inputs()[0].Shape())
	feed := map[*graph.Node][]float64{in: x}
	c := layer.NewContext(g, false)
	for _, v := range n.Variables() {
		feed[c.Value(v)] = values[v]
	}
	out := n.Trace(c, []*graph.Node{in})
	y, err := ref.Eval(g, 2, feed, out...)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range g.Nodes() {
		subtracts = subtracts || x.Op() == graph.OpSub && x.Shape().HasBatch()
	}
	return y, subtracts
}

func TestBatchNormalizationIsFoldedIntoWhatItFollows(t *testing.T) {
	relu := activation.ReLU{}
	for _, c := range []struct {
		name   string
		layer  layer.Layer
		norm   layer.BatchNormalization
		in     tensor.Shape
		folded bool
	}{
		{"Dense", &layer.Dense{Units: 3}, layer.BatchNormalization{}, tensor.Shape{4}, true},
		{"Dense of steps", &layer.Dense{Units: 3, NoBias: true}, layer.BatchNormalization{}, tensor.Shape{5, 4}, true},
		{"Conv1D", &layer.Conv1D{Filters: 3, KernelSize: 2, Padding: "causal"}, layer.BatchNormalization{NoCenter: true}, tensor.Shape{5, 2}, true},
		{"Conv2D", &layer.Conv2D{Filters: 4, KernelSize: [2]int{2, 3}, Groups: 2}, layer.BatchNormalization{NoScale: true}, tensor.Shape{4, 5, 2}, true},
		{"Conv2D without bias", &layer.Conv2D{Filters: 3, KernelSize: [2]int{2, 2}, NoBias: true}, layer.BatchNormalization{NoScale: true, NoCenter: true}, tensor.Shape{4, 5, 2}, true},
		{"Conv2D, channels first", &layer.Conv2D{Filters: 3, KernelSize: [2]int{2, 2}, DataFormat: "channels_first"}, layer.BatchNormalization{Axis: 1}, tensor.Shape{2, 4, 5}, true},
		{"Conv3D", &layer.Conv3D{Filters: 3, KernelSize: [3]int{2, 1, 2}}, layer.BatchNormalization{Axis: 4}, tensor.Shape{2, 3, 3, 2}, true},
		{"Conv1DTranspose", &layer.Conv1DTranspose{Filters: 3, KernelSize: 2}, layer.BatchNormalization{}, tensor.Shape{4, 2}, true},
		{"Conv2DTranspose", &layer.Conv2DTranspose{Filters: 3, KernelSize: [2]int{3, 2}, Strides: [2]int{2, 2}}, layer.BatchNormalization{}, tensor.Shape{3, 2, 2}, true},
		{"Conv3DTranspose", &layer.Conv3DTranspose{Filters: 2, KernelSize: [3]int{2, 1, 1}}, layer.BatchNormalization{}, tensor.Shape{2, 2, 1, 2}, true},
		{"DepthwiseConv1D", &layer.DepthwiseConv1D{KernelSize: 2, DepthMultiplier: 2}, layer.BatchNormalization{}, tensor.Shape{4, 2}, true},
		{"DepthwiseConv2D", &layer.DepthwiseConv2D{KernelSize: [2]int{2, 2}, DepthMultiplier: 2}, layer.BatchNormalization{}, tensor.Shape{4, 3, 2}, true},
		{"SeparableConv1D", &layer.SeparableConv1D{Filters: 3, KernelSize: 2}, layer.BatchNormalization{}, tensor.Shape{4, 2}, true},
		{"SeparableConv2D", &layer.SeparableConv2D{Filters: 3, KernelSize: [2]int{2, 2}}, layer.BatchNormalization{}, tensor.Shape{4, 3, 2}, true},

		{"another axis", &layer.Conv2D{Filters: 3, KernelSize: [2]int{2, 2}}, layer.BatchNormalization{Axis: 1}, tensor.Shape{4, 5, 2}, false},
		{"another axis, channels first", &layer.Conv2D{Filters: 3, KernelSize: [2]int{2, 2}, DataFormat: "channels_first"}, layer.BatchNormalization{}, tensor.Shape{2, 4, 5}, false},
		{"an activation between", &layer.Dense{Units: 3, Activation: relu}, layer.BatchNormalization{}, tensor.Shape{4}, false},
		{"a penalty on what is between", &layer.Dense{Units: 3, ActivityRegularizer: regularizer.L2{L2: 1}}, layer.BatchNormalization{}, tensor.Shape{4}, false},
		{"no product", &layer.Activation{Func: relu}, layer.BatchNormalization{}, tensor.Shape{4}, false},
	} {
		x := layer.Apply(&layer.Input{Shape: c.in})
		between := layer.Apply(c.layer, x)
		y := layer.Apply(&c.norm, between)
		n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		whole, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y, between}) // where what is between is wanted too
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		values := map[*layer.Variable][]float64{}
		for _, v := range n.Variables() {
			values[v] = make([]float64, v.Shape.Numel())
			for i := range values[v] {
				values[v][i] = 0.5 + r.Float64() // variances too
			}
		}
		in := make([]float64, 2*c.in.Numel())
		for i := range in {
			in[i] = r.NormFloat64()
		}
		got, subtracts := inferred(t, n, values, in)
		want, unfolded := inferred(t, whole, values, in)
		if subtracts == c.folded || !unfolded {
			t.Errorf("%s: folded: %v, want %v", c.name, !subtracts, c.folded)
		}
		for i, v := range got[0] {
			if w := want[0][i]; math.Abs(v-w) > 1e-12*(1+math.Abs(w)) {
				t.Errorf("%s: value %d is %v, want %v", c.name, i, v, w)
				break
			}
		}
	}
}

// In training the layers are what they are: the gradient goes through them.
func TestNothingIsFoldedInTraining(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{4}})
	y := layer.Infer(&layer.BatchNormalization{}, layer.Apply(&layer.Dense{Units: 3}, x))
	n, err := layer.NewNetwork([]*layer.Node{x}, y)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	n.Trace(layer.NewContext(g, true), []*graph.Node{g.Input("x", x.Shape())})
	for _, x := range g.Nodes() {
		if x.Op() == graph.OpSub && x.Shape().HasBatch() {
			return
		}
	}
	t.Error("no mean is subtracted")
}
