package layer_test

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestAttentionSaysWhatDoesNotFit(t *testing.T) {
	seq := func(dims ...int) tensor.Shape { return dims }
	heads := func() *layer.MultiHeadAttention { return &layer.MultiHeadAttention{NumHeads: 2, KeyDim: 3} }
	for _, c := range []struct {
		layer layer.Layer
		in    []tensor.Shape
		want  string
	}{
		{heads(), []tensor.Shape{seq(3, 4)}, "takes a query and a value, then perhaps a key and a mask, got 1 inputs: a sequence that looks at itself is both query and value"},
		{&layer.MultiHeadAttention{KeyDim: 3}, []tensor.Shape{seq(3, 4), seq(3, 4)}, "NumHeads is 0 and KeyDim 3, both must be positive"},
		{heads(), []tensor.Shape{seq(3, 4), seq(3, 2, 4)}, "as many axes as each other"},
		{heads(), []tensor.Shape{make(tensor.Shape, 30), make(tensor.Shape, 30)}, "query, value and key have 31 axes"},
		{heads(), []tensor.Shape{seq(3, 4), seq(5, 4), seq(4, 4)}, "value and key must have the same steps, axis 1 has 5 and 4"},
		{heads(), []tensor.Shape{seq(3, 4), seq(5, 4), seq(5, 4), seq(5, 3)}, "the mask, the fourth input, must be of the shape (batch, steps of the query, steps of the value)"},
		{&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 1, Dropout: 1}, []tensor.Shape{seq(3, 4), seq(3, 4)}, "Dropout is 1"},
		{&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 1, AttentionAxes: []int{0}}, []tensor.Shape{seq(3, 4), seq(3, 4)}, "AttentionAxes must name axes between"},
		{&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 1, UseCausalMask: true}, []tensor.Shape{seq(3, 2, 4), seq(3, 2, 4)}, "say which by AttentionAxes"},
		{&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 4, NumKeyValueHeads: 3}, []tensor.Shape{seq(3, 4), seq(3, 4)}, "NumKeyValueHeads is 3: it must divide NumQueryHeads, 4"},
		{&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 4, NumKeyValueHeads: 2}, []tensor.Shape{seq(3, 4), seq(3, 5)}, "as many features, they have 4 and 5"},
		{&layer.Attention{}, []tensor.Shape{seq(3, 4), seq(3, 5)}, "query and key must have as many features, they have 4 and 5"},
		{&layer.Attention{ScoreMode: "cosine"}, []tensor.Shape{seq(3, 4), seq(3, 4)}, `ScoreMode is "cosine", it must be dot or concat`},
		{&layer.AdditiveAttention{}, []tensor.Shape{seq(3)}, "takes a query and a value"},
		{&layer.EinsumDense{Equation: "ab,bc"}, []tensor.Shape{seq(3)}, "it must be of the form"},
		{&layer.EinsumDense{Equation: "abc,cd->abd", OutputShape: []int{2}}, []tensor.Shape{seq(3, 4)}, `OutputShape must have a size for each of the axes "bd"`},
		{&layer.EinsumDense{Equation: "abc,cd->abd", OutputShape: []int{2, 5}}, []tensor.Shape{seq(3, 4)}, `another size of the axis "b"`},
		{&layer.EinsumDense{Equation: "abc,cd->abd", OutputShape: []int{0, 5}}, []tensor.Shape{seq(4)}, "doesn't name as many axes as the input has"},
		{&layer.EinsumDense{Equation: "abc,ad->bd", OutputShape: []int{0, 5}}, []tensor.Shape{seq(3, 4)}, "the batch, the first axis of the input, must be the first of the output"},
		{&layer.PositionEmbedding{SequenceLength: 2}, []tensor.Shape{seq(3, 4)}, "SequenceLength is 2: the input has more steps, 3"},
	} {
		var in []*layer.Node
		for _, s := range c.in {
			in = append(in, layer.Apply(&layer.Input{Shape: s}))
		}
		err := layer.Apply(c.layer, in...).Err()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "attention_test.go") {
			t.Errorf("%T: the error is %v, want %q", c.layer, err, c.want)
		}
	}
}

// Keras 3.15.1 adds as many losses: a penalty for each projection, and of GroupQueryAttention one more for each output.
func TestTheActivityOfAttentionIsPenalizedAsInKeras(t *testing.T) {
	for _, c := range []struct {
		layer layer.Layer
		want  int
	}{
		{&layer.MultiHeadAttention{NumHeads: 2, KeyDim: 2, ActivityRegularizer: regularizer.L2{L2: 0.1}}, 4},
		{&layer.MultiHeadAttention{NumHeads: 2, KeyDim: 2, ActivityRegularizer: regularizer.L2{L2: 0.1}, ReturnAttentionScores: true}, 4},
		{&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 2, NumKeyValueHeads: 1, ActivityRegularizer: regularizer.L2{L2: 0.1}}, 5},
		{&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 2, NumKeyValueHeads: 1, ActivityRegularizer: regularizer.L2{L2: 0.1}, ReturnAttentionScores: true}, 6},
	} {
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 4}})
		n, err := layer.NewNetwork([]*layer.Node{x}, layer.ApplyAll(c.layer, x, x))
		if err != nil {
			t.Fatal(err)
		}
		context := layer.NewContext(graph.New(), true)
		n.Trace(context, []*graph.Node{context.Graph().Input("x", x.Shape())})
		if got := len(context.Losses()); got != c.want {
			t.Errorf("%+v: %d penalties, Keras has %d", c.layer, got, c.want)
		}
	}
}

// What attention gives doesn't depend on whether its weights are asked for. Padded steps of the
// query are left out of what follows.
func TestAttentionIsTheSameWithItsWeights(t *testing.T) {
	run := func(l layer.Layer) []float64 {
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{4, 3}})
		m := layer.Apply(&layer.Masking{MaskValue: 9}, x)
		y := layer.ApplyAll(l, m, m)[0]
		out := layer.Apply(&layer.GlobalAveragePooling1D{}, y)
		n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{out})
		if err != nil {
			t.Fatal(err)
		}
		g := graph.New()
		c := layer.NewContext(g, false)
		in := g.Input("x", x.Shape())
		feed := map[*graph.Node][]float64{in: {0.5, -1, 2, 1, 0.25, -0.5, -1, 1, 0.75, 9, 9, 9}}
		result := n.Trace(c, []*graph.Node{in})
		for _, v := range n.Variables() {
			for i := range v.Shape.Numel() {
				feed[c.Value(v)] = append(feed[c.Value(v)], math.Sin(float64(7*i+v.Shape.Numel())))
			}
		}
		got, err := ref.Eval(g, 1, feed, result...)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	for _, both := range [][2]layer.Layer{
		{&layer.MultiHeadAttention{NumHeads: 2, KeyDim: 2}, &layer.MultiHeadAttention{NumHeads: 2, KeyDim: 2, ReturnAttentionScores: true}},
		{&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 2, NumKeyValueHeads: 1, UseCausalMask: true}, &layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 2, NumKeyValueHeads: 1, UseCausalMask: true, ReturnAttentionScores: true}},
		{&layer.Attention{}, &layer.Attention{ReturnAttentionScores: true}},
	} {
		want := run(both[0])
		for i, v := range run(both[1]) {
			if math.Abs(v-want[i]) > 1e-6 {
				t.Errorf("%T: with weights number %d is %v, without %v", both[0], i, v, want[i])
			}
		}
	}
}
