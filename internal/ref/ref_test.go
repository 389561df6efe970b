package ref_test

// The oracle's own tests: numbers worked out by hand or by NumPy.

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

const batch = tensor.Batch

var inf, nan = math.Inf(1), math.NaN()

// An operand is what an input of the shape is fed.
type operand struct {
	shape tensor.Shape
	data  []float64
}

func vector(v ...float64) operand { return operand{tensor.Shape{len(v)}, v} }

// image is one of one sample and one spatial dimension.
func image(pixels, channels int, v ...float64) operand {
	return operand{tensor.Shape{1, pixels, channels}, v}
}

func matrix23(v ...float64) operand { return operand{tensor.Shape{2, 3}, v} }

func TestMeanings(t *testing.T) {
	type node = graph.Node
	one := func(f func(x *node) *node) func([]*node) *node {
		return func(x []*node) *node { return f(x[0]) }
	}
	two := func(f func(a, b *node) *node) func([]*node) *node {
		return func(x []*node) *node { return f(x[0], x[1]) }
	}
	raw := func(op graph.Op, attr graph.Attr) func([]*node) *node {
		return func(x []*node) *node { return x[0].Graph().Node(op, attr, x...) }
	}
	steps := func(n int, data ...float64) operand { return operand{tensor.Shape{1, n, 1}, data} }
	attention := func(h graph.Heads) func([]*node) *node {
		return func(x []*node) *node { return x[0].Attention(x[1], x[2], append(x, nil)[3], h) }
	}
	e := math.E
	for _, c := range []struct {
		name string
		in   []operand
		make func(x []*node) *node
		want []float64
	}{
		{"Add broadcasts", []operand{{tensor.Shape{2, 1}, []float64{1, 2}}, vector(10, 20)}, two((*node).Add), []float64{11, 21, 12, 22}},
		{"Sub", []operand{vector(5), vector(7)}, two((*node).Sub), []float64{-2}},
		{"Mul", []operand{vector(5), vector(7)}, two((*node).Mul), []float64{35}},
		{"Div", []operand{vector(1, 1, 0), vector(4, 0, 0)}, two((*node).Div), []float64{0.25, inf, nan}},
		{"Max", []operand{vector(1, nan, 2), vector(2, 1, nan)}, two((*node).Max), []float64{2, nan, nan}},
		{"Min", []operand{vector(1, nan, 2), vector(2, 1, nan)}, two((*node).Min), []float64{1, nan, nan}},
		{"Pow", []operand{vector(2, -2, 0, -1), vector(3, 3, 0, 0.5)}, two((*node).Pow), []float64{8, -8, 1, nan}},
		{"Less", []operand{vector(1, 2, 3, nan), vector(2, 2, 2, 2)}, two((*node).Less), []float64{1, 0, 0, 0}},
		{"LessEqual", []operand{vector(1, 2, 3, nan), vector(2, 2, 2, 2)}, two((*node).LessEqual), []float64{1, 1, 0, 0}},
		{"Greater", []operand{vector(1, 2, 3, nan), vector(2, 2, 2, 2)}, two((*node).Greater), []float64{0, 0, 1, 0}},
		{"GreaterEqual", []operand{vector(1, 2, 3, nan), vector(2, 2, 2, 2)}, two((*node).GreaterEqual), []float64{0, 1, 1, 0}},
		{"Equal", []operand{vector(1, 2, nan), vector(2, 2, nan)}, two((*node).Equal), []float64{0, 1, 0}},
		{"NotEqual", []operand{vector(1, 2, nan), vector(2, 2, nan)}, two((*node).NotEqual), []float64{1, 0, 1}},

		{"Neg", []operand{vector(1, -2)}, one((*node).Neg), []float64{-1, 2}},
		{"Abs", []operand{vector(1, -2)}, one((*node).Abs), []float64{1, 2}},
		{"Sign", []operand{vector(3, -2, 0, nan)}, one((*node).Sign), []float64{1, -1, 0, nan}},
		{"Square", []operand{vector(3, -2)}, one((*node).Square), []float64{9, 4}},
		{"Sqrt", []operand{vector(9, -1)}, one((*node).Sqrt), []float64{3, nan}},
		{"Exp", []operand{vector(0, 1, -inf)}, one((*node).Exp), []float64{1, e, 0}},
		{"Expm1", []operand{vector(1e-20, -inf)}, one((*node).Expm1), []float64{1e-20, -1}},
		{"Log", []operand{vector(e, 0, -1)}, one((*node).Log), []float64{1, -inf, nan}},
		{"Log1p", []operand{vector(1e-20, -1)}, one((*node).Log1p), []float64{1e-20, -inf}},
		{"Tanh", []operand{vector(0.5, inf)}, one((*node).Tanh), []float64{0.46211715726000975, 1}},
		{"Sigmoid", []operand{vector(0, 2, -1000, 1000)}, one((*node).Sigmoid), []float64{0.5, 0.8807970779778823, 0, 1}},
		{"Erf", []operand{vector(0.5, -inf)}, one((*node).Erf), []float64{0.5204998778130465, -1}},
		{"Relu", []operand{vector(2, -2, nan)}, one((*node).Relu), []float64{2, 0, nan}},
		{"Softplus", []operand{vector(0, 1000, -1000)}, one((*node).Softplus), []float64{math.Ln2, 1000, 0}},
		{"Sin", []operand{vector(0.5)}, one((*node).Sin), []float64{0.479425538604203}},
		{"Cos", []operand{vector(0.5)}, one((*node).Cos), []float64{0.8775825618903728}},
		{"Floor", []operand{vector(1.5, -1.5)}, one((*node).Floor), []float64{1, -2}},
		{
			"Round goes to even",
			[]operand{vector(0.5, 1.5, 2.5, -0.5, -1.5, 1.2, -1.2, 1e-9, -1e-9, 7, 0.49999997)},
			one((*node).Round),
			[]float64{0, 2, 2, 0, -2, 1, -1, 0, 0, 7, 0},
		},
		{"Clip", []operand{vector(-3, 0.5, 3)}, one(func(x *node) *node { return x.Clip(-1, 1) }), []float64{-1, 0.5, 1}},
		{"AddScalar", []operand{vector(1)}, one(func(x *node) *node { return x.AddScalar(0.5) }), []float64{1.5}},
		{"ReluGrad", []operand{vector(5, 6, 7, 8), vector(1, 0, -1, nan)}, two((*node).ReluGrad), []float64{5, 0, 0, 0}},
		{"MaskScale", []operand{vector(5, 6, 7), vector(1, 0, -1)}, raw(graph.OpMaskScale, graph.Attr{Scale: 2}), []float64{10, 0, 0}},
		{"Select", []operand{vector(1, 0, nan), vector(5, 6, 7), {tensor.Shape{}, []float64{9}}}, raw(graph.OpSelect, graph.Attr{}), []float64{5, 9, 7}},
		{"StopGradient", []operand{vector(1, 2)}, one((*node).StopGradient), []float64{1, 2}},

		{"Sum of rows", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Sum(1) }), []float64{6, 15}},
		{"Sum of columns", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Sum(0) }), []float64{5, 7, 9}},
		{"Sum of all", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Sum() }), []float64{21}},
		{"Mean", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Mean(-1) }), []float64{2, 5}},
		{"Mean of nothing", []operand{{tensor.Shape{0}, nil}}, one(func(x *node) *node { return x.Mean() }), []float64{nan}},
		{"ReduceMax", []operand{matrix23(1, 3, 2, nan, 5, 6)}, one(func(x *node) *node { return x.ReduceMax(1) }), []float64{3, nan}},
		{"ReduceMin", []operand{matrix23(1, 3, 2, nan, 5, 6)}, one(func(x *node) *node { return x.ReduceMin(1) }), []float64{1, nan}},
		{"ArgMax takes the first, NaN above all", []operand{matrix23(1, 3, 3, 9, nan, nan)}, one(func(x *node) *node { return x.ArgMax(1) }), []float64{1, 1}},
		{"ArgMax of columns", []operand{matrix23(1, 3, 3, 9, 2, 3)}, one(func(x *node) *node { return x.ArgMax(0) }), []float64{1, 0, 0}},
		{
			"Softmax",
			[]operand{matrix23(0, math.Log(2), math.Log(5), 1000, 1000, -1000)},
			one(func(x *node) *node { return x.Softmax(-1) }),
			[]float64{0.125, 0.25, 0.625, 0.5, 0.5, 0},
		},
		{
			"Softmax of columns",
			[]operand{matrix23(0, 0, 0, math.Log(3), 0, inf)},
			one(func(x *node) *node { return x.Softmax(0) }),
			[]float64{0.25, 0.5, nan, 0.75, 0.5, nan},
		},
		{
			"LogSoftmax",
			[]operand{matrix23(0, math.Log(2), math.Log(5), 1000, 1000, -1000)},
			one(func(x *node) *node { return x.LogSoftmax(-1) }),
			[]float64{math.Log(0.125), math.Log(0.25), math.Log(0.625), math.Log(0.5), math.Log(0.5), -2000 + math.Log(0.5)},
		},
		{
			"SoftmaxCrossentropy from logits",
			[]operand{vector(0, math.Log(2), math.Log(5)), vector(0, 0.5, 0.5)},
			two(func(z, t *node) *node { return graph.SoftmaxCrossentropy(z, t, 0, false) }),
			[]float64{-0.5*math.Log(0.25) - 0.5*math.Log(0.625)},
		},
		{
			"SoftmaxCrossentropy clips a sure mistake and a sure hit",
			[]operand{{tensor.Shape{2, 2}, []float64{0, 1000, 1000, 0}}, {tensor.Shape{2, 2}, []float64{1, 0, 1, 0}}},
			two(func(z, t *node) *node { return graph.SoftmaxCrossentropy(z, t, 0.25, false) }),
			[]float64{-math.Log(0.25), -math.Log(0.75)},
		},
		{
			"SoftmaxCrossentropy sparse",
			[]operand{matrix23(0, math.Log(2), math.Log(5), 0, 0, 0), vector(2, 3)},
			two(func(z, t *node) *node { return graph.SoftmaxCrossentropy(z, t, 0, true) }),
			[]float64{-math.Log(0.625), 0},
		},
		{
			"SoftmaxCrossentropyGrad",
			[]operand{vector(0, math.Log(2), math.Log(5)), vector(0, 0, 1), {tensor.Shape{}, []float64{2}}},
			raw(graph.OpSoftmaxCrossentropyGrad, graph.Attr{}),
			[]float64{0.25, 0.5, -0.75},
		},
		{
			"SoftmaxCrossentropyGrad stops at the clip",
			[]operand{vector(0, math.Log(2), math.Log(5)), vector(0, 0, 1), {tensor.Shape{}, []float64{2}}},
			raw(graph.OpSoftmaxCrossentropyGrad, graph.Attr{Clip: 0.4}),
			[]float64{0, 0, 0},
		},

		{
			"MatMul",
			[]operand{matrix23(1, 2, 3, 4, 5, 6), {tensor.Shape{3, 2}, []float64{1, 10, 2, 20, 3, 30}}},
			two((*node).MatMul),
			[]float64{14, 140, 32, 320},
		},
		{
			"MatMul transA",
			[]operand{matrix23(1, 2, 3, 4, 5, 6), {tensor.Shape{2, 1}, []float64{1, 10}}},
			two(func(a, b *node) *node { return a.MatMulT(b, true, false) }),
			[]float64{41, 52, 63},
		},
		{
			"MatMul transB",
			[]operand{matrix23(1, 2, 3, 4, 5, 6), {tensor.Shape{1, 3}, []float64{1, 10, 100}}},
			two(func(a, b *node) *node { return a.MatMulT(b, false, true) }),
			[]float64{321, 654},
		},
		{
			"BatchMatMul",
			[]operand{{tensor.Shape{2, 1, 2}, []float64{1, 2, 3, 4}}, {tensor.Shape{2, 2, 1}, []float64{1, 10, 100, 1000}}},
			two((*node).MatMul),
			[]float64{21, 4300},
		},

		{"Conv", []operand{image(3, 1, 1, 2, 3), {tensor.Shape{2, 1, 1}, []float64{1, 10}}}, two(func(x, k *node) *node { return x.Conv(k, graph.Window{}) }), []float64{21, 32}},
		{
			"Conv padded, dilated, strided",
			[]operand{image(4, 1, 1, 2, 3, 4), {tensor.Shape{2, 1, 1}, []float64{1, 10}}},
			two(func(x, k *node) *node {
				return x.Conv(k, graph.Window{Stride: []int{3}, Dilation: []int{2}, Low: []int{1}, High: []int{2}})
			}),
			[]float64{20, 3},
		},
		{
			"Conv of two dimensions, channels and filters",
			[]operand{{tensor.Shape{1, 2, 2, 2}, []float64{1, 2, 3, 4, 5, 6, 7, 8}}, {tensor.Shape{1, 2, 2, 2}, []float64{1, 0, 10, 0, 100, 0, 1000, 1}}},
			two(func(x, k *node) *node { return x.Conv(k, graph.Window{}) }),
			[]float64{4321, 4, 8765, 8},
		},
		{
			"Conv in groups",
			[]operand{image(2, 2, 1, 2, 3, 4), {tensor.Shape{2, 1, 4}, []float64{1, 10, 100, 1000, 2, 20, 200, 2000}}},
			two(func(x, k *node) *node { return x.Conv(k, graph.Window{Groups: 2}) }),
			[]float64{7, 70, 1000, 10000},
		},
		{
			"ConvTranspose",
			[]operand{image(2, 1, 1, 2), {tensor.Shape{3, 1, 1}, []float64{1, 10, 100}}},
			two(func(x, k *node) *node { return x.ConvTranspose(k, graph.Window{Stride: []int{2}}, 6) }),
			[]float64{1, 10, 102, 20, 200, 0},
		},
		{
			"ConvKernelGrad",
			[]operand{image(3, 1, 1, 2, 3), image(2, 1, 10, 100)},
			two(func(x, dy *node) *node { return x.ConvKernelGrad(dy, graph.Window{Size: []int{2}}) }),
			[]float64{210, 320},
		},
		{
			"MaxPool skips padding, NaN above all",
			[]operand{image(4, 1, -3, -2, nan, 5)},
			one(func(x *node) *node { return x.MaxPool(graph.Window{Size: []int{2}, Low: []int{1}}) }),
			[]float64{-3, -2, nan, nan},
		},
		{
			"ArgMaxPool takes the first, counted in all taps",
			[]operand{image(5, 1, -3, -3, -2, nan, nan)},
			one(func(x *node) *node { return x.ArgMaxPool(graph.Window{Size: []int{2}, Low: []int{1}}) }),
			[]float64{1, 0, 1, 1, 0},
		},
		{
			"PoolTake",
			[]operand{image(3, 1, 0, 1, 1), image(3, 1, 5, 6, 7)},
			raw(graph.OpPoolTake, graph.Attr{Window: graph.Window{Size: []int{2}, High: []int{1}}}),
			[]float64{5, 7, 0},
		},
		{
			"PoolPut",
			[]operand{image(2, 1, 1, 0), image(2, 1, 5, 6)},
			raw(graph.OpPoolPut, graph.Attr{Window: graph.Window{Size: []int{2}}, Shape: tensor.Shape{1, 3, 1}}),
			[]float64{0, 11, 0},
		},
		{
			"AveragePool skips padding",
			[]operand{image(3, 1, 1, 2, 4)},
			one(func(x *node) *node { return x.AveragePool(graph.Window{Size: []int{2}, High: []int{1}}) }),
			[]float64{1.5, 3, 4},
		},
		{
			"AveragePoolGrad",
			[]operand{image(3, 1, 1, 2, 4)},
			raw(graph.OpAveragePoolGrad, graph.Attr{Window: graph.Window{Size: []int{2}, High: []int{1}}, Shape: tensor.Shape{1, 3, 1}}),
			[]float64{0.5, 1.5, 5},
		},

		{
			"Attention is the mean of values, weighed by the softmax of query times key", // e^0 and e^log 3, or both 1
			[]operand{steps(2, 1, 0), steps(2, 0, math.Log(3)), {tensor.Shape{1, 2, 2}, []float64{4, 0, 8, 4}}},
			attention(graph.Heads{Heads: 1, Scale: 1}),
			[]float64{7, 3, 6, 2},
		},
		{
			"Attention of heads that share keys and values",
			[]operand{{tensor.Shape{1, 1, 2}, []float64{2, 0}}, steps(2, 0, math.Log(3)), steps(2, 4, 8)},
			attention(graph.Heads{Heads: 2, Groups: 1, Scale: 0.5}),
			[]float64{7, 6},
		},
		{
			"Attention to what a step may see", // of two keys, the last being its own, without the first of all
			[]operand{steps(4, 0, 0, 0, 0), steps(4, 1, 2, 3, 4), steps(4, 1, 2, 4, 8), {tensor.Shape{1, 1, 4}, []float64{0, 1, 1, 1}}},
			attention(graph.Heads{Heads: 1, Scale: 1, Causal: true, Window: 2}),
			[]float64{0, 2, 3, 6},
		},

		{"Reshape", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Reshape(3, 2) }), []float64{1, 2, 3, 4, 5, 6}},
		{"Transpose", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Transpose() }), []float64{1, 4, 2, 5, 3, 6}},
		{"BroadcastTo", []operand{vector(1, 2)}, one(func(x *node) *node { return x.BroadcastTo(tensor.Shape{2, 2}) }), []float64{1, 2, 1, 2}},
		{"Slice", []operand{vector(0, 1, 2, 3, 4)}, one(func(x *node) *node { return x.Slice([]int{1}, []int{-1}, []int{2}) }), []float64{1, 3}},
		{"Reverse", []operand{matrix23(1, 2, 3, 4, 5, 6)}, one(func(x *node) *node { return x.Reverse(1) }), []float64{3, 2, 1, 6, 5, 4}},
		{"Pad", []operand{vector(1, 2)}, one(func(x *node) *node { return x.Pad([]int{1}, []int{2}) }), []float64{0, 1, 2, 0, 0}},
		{"Concat", []operand{{tensor.Shape{2, 1}, []float64{1, 2}}, {tensor.Shape{2, 2}, []float64{3, 4, 5, 6}}}, two(func(a, b *node) *node { return graph.Concat(1, a, b) }), []float64{1, 3, 4, 2, 5, 6}},
		{"Pack", []operand{vector(1, 2), vector(3)}, two(func(a, b *node) *node { return graph.Pack(6, []int{1, 4}, a, b) }), []float64{0, 1, 2, 0, 3, 0}},
		{"View", []operand{vector(0, 1, 2, 3, 4)}, one(func(x *node) *node { return x.View(1, tensor.Shape{3}) }), []float64{1, 2, 3}},
		{"Cast", []operand{vector(1, 2)}, one(func(x *node) *node { return x.Graph().Node(graph.OpCast, graph.Attr{}, x) }), []float64{1, 2}},
		{"OneHot", []operand{vector(1, 0, 2, -1, 0.5, nan)}, one(func(x *node) *node { return x.OneHot(2) }), []float64{0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"Gather", []operand{matrix23(1, 2, 3, 4, 5, 6), vector(1, 0, 2, -1, 0.5, nan)}, two((*node).Gather), []float64{4, 5, 6, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{"ScatterAdd", []operand{matrix23(1, 2, 3, 4, 5, 6), vector(2, 2)}, two(func(x, at *node) *node { return x.ScatterAdd(at, 3) }), []float64{0, 0, 0, 0, 0, 0, 5, 7, 9}},
		{"ScatterAdd leaves out what is no index", []operand{vector(1, 2, 3, 4), vector(0, 3, nan, 0)}, two(func(x, at *node) *node { return x.ScatterAdd(at, 3) }), []float64{5, 0, 0}},
		{"BatchGather", []operand{{tensor.Shape{2, 3}, []float64{1, 2, 3, 4, 5, 6}}, {tensor.Shape{2, 2}, []float64{2, 0, 3, 1}}}, two((*node).BatchGather), []float64{3, 1, 0, 5}},
		{"BatchScatterAdd", []operand{{tensor.Shape{2, 2}, []float64{1, 2, 3, 4}}, {tensor.Shape{2, 2}, []float64{1, 1, 0, 2}}}, two(func(x, at *node) *node { return x.BatchScatterAdd(at, 2) }), []float64{0, 3, 3, 0}},
		{"GroupSum", []operand{vector(1, 2, 3, 4), vector(1, 0, 1, 5)}, two(func(x, at *node) *node { return x.GroupSum(at, 5) }), []float64{4, 2, 4, 0}},
		{"Numel of the batch", []operand{{tensor.Shape{batch, 2}, []float64{1, 2, 3, 4, 5, 6}}}, one(func(x *node) *node { return x.Numel() }), []float64{6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			feed := map[*node][]float64{}
			var x []*node
			for _, o := range c.in {
				n := g.Input("x", o.shape)
				feed[n] = o.data
				x = append(x, n)
			}
			got, err := ref.Eval(g, 3, feed, c.make(x))
			if err != nil {
				t.Fatal(err)
			}
			if len(got[0]) != len(c.want) {
				t.Fatalf("got %v, want %v", got[0], c.want)
			}
			for i, v := range got[0] {
				same := v == c.want[i] || math.IsNaN(v) && math.IsNaN(c.want[i])
				if !same && !(math.Abs(v-c.want[i]) < 1e-12) {
					t.Errorf("element %d is %v, want %v", i, v, c.want[i])
				}
			}
		})
	}
}

func TestRandomOpsFollowSeedStreamAndStep(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 100})
	dropped := x.Dropout(0.25, 5)
	g.NextStream()
	uniform, normal := x.RandomUniform(), x.RandomNormal()
	ones := make([]float64, 100_000)
	for i := range ones {
		ones[i] = 1
	}
	run := ref.Run{Batch: 1000, Seed: 3, Step: 9, Feed: map[*graph.Node][]float64{x: ones}}
	out, err := run.Eval(g, dropped, uniform, normal)
	if err != nil {
		t.Fatal(err)
	}
	source := rng.New(3, 1, 9)
	for i, u := range out[1] {
		if u != float64(source.Float32(uint64(i))) {
			t.Fatalf("uniform number %d is %v", i, u)
		}
	}
	kept := 0.0
	for i, v := range out[0] {
		switch v {
		case 0:
		case 1 / 0.75:
			kept++
		default:
			t.Fatalf("dropout made %v of 1 at %d", v, i)
		}
	}
	if kept < 74_500 || kept > 75_500 {
		t.Errorf("dropout of 0.25 kept %v of 100,000", kept)
	}
	mean, square := 0.0, 0.0
	for _, v := range out[2] {
		mean += v / 1e5
		square += v * v / 1e5
	}
	if math.Abs(mean) > 0.01 || math.Abs(square-1) > 0.02 {
		t.Errorf("the normal numbers have mean %v and mean square %v", mean, square)
	}
	for name, other := range map[string]ref.Run{"seed": {Batch: 1000, Seed: 4, Step: 9, Feed: run.Feed}, "step": {Batch: 1000, Seed: 3, Step: 10, Feed: run.Feed}} {
		again, err := other.Eval(g, uniform)
		if err != nil {
			t.Fatal(err)
		}
		if again[0][0] == out[1][0] {
			t.Errorf("another %s draws the same", name)
		}
	}
}

func TestAnyNodeCanBeFed(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{2})
	y := x.Exp()
	got, err := ref.Eval(g, 1, map[*graph.Node][]float64{y: {3, 4}}, y.Sum())
	if err != nil || got[0][0] != 7 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestEvalRefuses(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 2})
	bad := graph.New()
	poison := bad.Fail("broken")
	for _, c := range []struct {
		graph *graph.Graph
		batch int
		feed  map[*graph.Node][]float64
		want  *graph.Node
		says  string
	}{
		{g, 1, nil, x.Exp(), "was fed nothing"},
		{g, 2, map[*graph.Node][]float64{x: {1}}, x.Exp(), "was fed 1 numbers"},
		{g, -1, nil, x, "the batch -1 is negative"},
		{g, 1, nil, nil, "not of this graph"},
		{g, 1, nil, graph.New().Scalar(1), "not of this graph"},
		{bad, 1, nil, poison, "broken"},
	} {
		if _, err := ref.Eval(c.graph, c.batch, c.feed, c.want); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %q", err, c.says)
		}
	}
}
