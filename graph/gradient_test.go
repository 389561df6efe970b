package graph_test

// Derivatives against central differences in float64.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

const batch = tensor.Batch

type nodes = []*graph.Node

// A derivative is an expression to differentiate over inputs of several shapes.
type derivative struct {
	name   string
	op     graph.Op // that the expression is about
	build  func(x nodes) *graph.Node
	draw   func(r *rand.Rand, input int) float64 // nil draws from (-2, 2), away from kinks
	shapes [][]tensor.Shape                      // of the inputs, case by case
}

func positive(r *rand.Rand, _ int) float64 { return 0.2 + 2*r.Float64() }

func anywhere(r *rand.Rand, _ int) float64 {
	// No two numbers of a draw are near each other or near an integer.
	return math.Floor(4*r.Float64()-2) + 0.1 + 0.8*r.Float64()
}

var unaryShapes = [][]tensor.Shape{{{}}, {{1}}, {{0}}, {{7}}, {{batch, 3}}, {{2, 0, 3}}, {{3, 1, 5}}}

var binaryShapes = [][]tensor.Shape{
	{{}, {}},
	{{3}, {}},
	{{}, {3}},
	{{1}, {5}},
	{{0}, {1}},
	{{1}, {0, 1}},
	{{batch, 3}, {3}},
	{{3}, {batch, 3}},
	{{batch, 1}, {1, 3}},
	{{batch, 3}, {batch, 1}},
	{{2, 1, 3}, {5, 1}},
	{{2, 3, 5}, {2, 3, 5}},
}

func unary(f func(x *graph.Node) *graph.Node) func(nodes) *graph.Node {
	return func(x nodes) *graph.Node { return f(x[0]) }
}

func binary(f func(a, b *graph.Node) *graph.Node) func(nodes) *graph.Node {
	return func(x nodes) *graph.Node { return f(x[0], x[1]) }
}

// attend is attention to keys and values, x[1] and x[2], and with a mask, where x[3] is positive.
func attend(h graph.Heads) func(nodes) *graph.Node {
	return func(x nodes) *graph.Node {
		var mask *graph.Node
		if len(x) > 3 {
			mask = x[3].Greater(x[3].Graph().Scalar(0))
		}
		return x[0].Attention(x[1], x[2], mask, h)
	}
}

func convolve(w graph.Window) func(nodes) *graph.Node {
	return binary(func(x, kernel *graph.Node) *graph.Node { return x.Conv(kernel, w) })
}

func label(r *rand.Rand, input int) float64 {
	if input == 1 {
		return float64(r.IntN(4)) // of 3 classes: one is no index
	}
	return anywhere(r, input)
}

// confident draws logits that softmax brings under and over a clip of 0.05.
func confident(r *rand.Rand, input int) float64 {
	if input == 1 {
		return r.Float64()
	}
	return 3 * anywhere(r, input)
}

var derivatives = []derivative{
	{"Add", graph.OpAdd, binary((*graph.Node).Add), nil, binaryShapes},
	{"Sub", graph.OpSub, binary((*graph.Node).Sub), nil, binaryShapes},
	{"Mul", graph.OpMul, binary((*graph.Node).Mul), nil, binaryShapes},
	{"Div", graph.OpDiv, binary((*graph.Node).Div), positive, binaryShapes},
	{"Max", graph.OpMax, binary((*graph.Node).Max), nil, binaryShapes},
	{"Min", graph.OpMin, binary((*graph.Node).Min), nil, binaryShapes},
	{"Pow", graph.OpPow, binary((*graph.Node).Pow), positive, binaryShapes},
	{"cube", graph.OpPow, unary(func(x *graph.Node) *graph.Node { return x.Pow(x.Graph().Scalar(3)) }), nil, unaryShapes},
	{"Less", graph.OpLess, binary((*graph.Node).Less), nil, binaryShapes},
	{"LessEqual", graph.OpLessEqual, binary((*graph.Node).LessEqual), nil, binaryShapes},
	{"Equal", graph.OpEqual, binary((*graph.Node).Equal), nil, binaryShapes},

	{"Neg", graph.OpNeg, unary((*graph.Node).Neg), nil, unaryShapes},
	{"Abs", graph.OpAbs, unary((*graph.Node).Abs), nil, unaryShapes},
	{"Sign", graph.OpSign, unary((*graph.Node).Sign), nil, unaryShapes},
	{"Square", graph.OpSquare, unary((*graph.Node).Square), nil, unaryShapes},
	{"Sqrt", graph.OpSqrt, unary((*graph.Node).Sqrt), positive, unaryShapes},
	{"Exp", graph.OpExp, unary((*graph.Node).Exp), nil, unaryShapes},
	{"Expm1", graph.OpExpm1, unary((*graph.Node).Expm1), nil, unaryShapes},
	{"Log", graph.OpLog, unary((*graph.Node).Log), positive, unaryShapes},
	{"Log1p", graph.OpLog1p, unary((*graph.Node).Log1p), positive, unaryShapes},
	{"Tanh", graph.OpTanh, unary((*graph.Node).Tanh), nil, unaryShapes},
	{"Sigmoid", graph.OpSigmoid, unary((*graph.Node).Sigmoid), nil, unaryShapes},
	{"Erf", graph.OpErf, unary((*graph.Node).Erf), nil, unaryShapes},
	{"Relu", graph.OpRelu, unary((*graph.Node).Relu), nil, unaryShapes},
	{"Softplus", graph.OpSoftplus, unary((*graph.Node).Softplus), nil, unaryShapes},
	{"Sin", graph.OpSin, unary((*graph.Node).Sin), nil, unaryShapes},
	{"Cos", graph.OpCos, unary((*graph.Node).Cos), nil, unaryShapes},
	{"Floor", graph.OpFloor, unary((*graph.Node).Floor), nil, unaryShapes},
	{"Round", graph.OpFloor, unary((*graph.Node).Round), positive, unaryShapes},
	{"Clip", graph.OpMax, unary(func(x *graph.Node) *graph.Node { return x.Clip(-1, 1) }), nil, unaryShapes},

	{"ReluGrad", graph.OpReluGrad, binary((*graph.Node).ReluGrad), nil, [][]tensor.Shape{{{batch, 3}, {batch, 3}}, {{}, {}}}},
	{"MaskScale", graph.OpMaskScale, binary(func(d, h *graph.Node) *graph.Node {
		return d.Graph().Node(graph.OpMaskScale, graph.Attr{Scale: 1.5}, d, h)
	}), nil, [][]tensor.Shape{{{batch, 3}, {batch, 3}}, {{5}, {5}}}},
	{"Select", graph.OpSelect, func(x nodes) *graph.Node {
		return graph.Select(x[0].Greater(x[0].Graph().Scalar(0)), x[1], x[2])
	}, nil, [][]tensor.Shape{{{batch, 3}, {3}, {batch, 1}}, {{}, {5}, {3, 1}}, {{0}, {1}, {}}}},
	{"Dropout", graph.OpDropout, unary(func(x *graph.Node) *graph.Node { return x.Dropout(0.4, 3) }), nil, unaryShapes},
	{"RandomUniform", graph.OpRandomUniform, unary((*graph.Node).RandomUniform), nil, unaryShapes},
	{"RandomNormal", graph.OpRandomUniform, unary((*graph.Node).RandomNormal), nil, unaryShapes},

	{"Sum", graph.OpSum, unary(func(x *graph.Node) *graph.Node { return x.Sum().Square() }), nil, unaryShapes},
	{"Sum(-1)", graph.OpSum, unary(func(x *graph.Node) *graph.Node { return x.Sum(-1).Square() }), nil, unaryShapes[1:]},
	{"SumKeep(0)", graph.OpSum, unary(func(x *graph.Node) *graph.Node { return x.SumKeep(0).Mul(x) }), nil, unaryShapes[1:]},
	{"Mean(0, 2)", graph.OpSum, unary(func(x *graph.Node) *graph.Node { return x.Mean(0, 2).Exp() }), nil, [][]tensor.Shape{{{batch, 3, 5}}, {{2, 3, 1}}}},
	{"MeanKeep", graph.OpNumel, unary(func(x *graph.Node) *graph.Node { return x.MeanKeep().Mul(x) }), nil, [][]tensor.Shape{{{}}, {{batch, 3}}, {{5}}}},
	{"ReduceMax", graph.OpReduceMax, unary(func(x *graph.Node) *graph.Node { return x.ReduceMax(-1) }), nil, [][]tensor.Shape{{{1}}, {{7}}, {{batch, 3}}, {{3, 1, 5}}}},
	{"ReduceMaxKeep", graph.OpReduceMax, unary(func(x *graph.Node) *graph.Node { return x.ReduceMaxKeep(0).Mul(x) }), nil, [][]tensor.Shape{{{7}}, {{batch, 3}}, {{3, 1, 5}}}},
	{"ReduceMin", graph.OpReduceMin, unary(func(x *graph.Node) *graph.Node { return x.ReduceMin() }), nil, [][]tensor.Shape{{{}}, {{7}}, {{batch, 3}}, {{3, 1, 5}}}},
	{"ReduceMinKeep", graph.OpReduceMin, unary(func(x *graph.Node) *graph.Node { return x.ReduceMinKeep(-1).Mul(x) }), nil, [][]tensor.Shape{{{7}}, {{batch, 3}}}},
	{"ArgMax", graph.OpArgMax, unary(func(x *graph.Node) *graph.Node { return x.ArgMax(-1) }), nil, [][]tensor.Shape{{{7}}, {{batch, 3}}}},
	{"Softmax", graph.OpSoftmax, unary(func(x *graph.Node) *graph.Node { return x.Softmax(-1) }), nil, unaryShapes[1:]},
	{"Softmax(0)", graph.OpSoftmax, unary(func(x *graph.Node) *graph.Node { return x.Softmax(0) }), nil, unaryShapes[1:]},
	{"LogSoftmax", graph.OpLogSoftmax, unary(func(x *graph.Node) *graph.Node { return x.LogSoftmax(-1) }), nil, unaryShapes[1:]},
	{"LogSoftmax(0)", graph.OpLogSoftmax, unary(func(x *graph.Node) *graph.Node { return x.LogSoftmax(0) }), nil, unaryShapes[1:]},

	{"SoftmaxCrossentropy from logits", graph.OpSoftmaxCrossentropy, binary(func(z, t *graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(z, t, 0, false)
	}), nil, [][]tensor.Shape{{{batch, 3}, {batch, 3}}, {{5}, {5}}, {{2, 1, 1}, {2, 1, 1}}, {{batch, 0}, {batch, 0}}}},
	{"SoftmaxCrossentropy clipped", graph.OpSoftmaxCrossentropy, binary(func(z, t *graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(z, t, 0.05, false)
	}), confident, [][]tensor.Shape{{{batch, 3}, {batch, 3}}, {{5}, {5}}, {{7, 3}, {7, 3}}}},
	{"SoftmaxCrossentropy sparse", graph.OpSoftmaxCrossentropy, binary(func(z, t *graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(z, t.StopGradient(), 0, true)
	}), label, [][]tensor.Shape{{{batch, 3}, {batch}}, {{3}, {}}, {{2, 5, 3}, {2, 5}}}},
	{"SoftmaxCrossentropy sparse clipped", graph.OpSoftmaxCrossentropyGrad, binary(func(z, t *graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(z.MulScalar(3), t.StopGradient(), 0.05, true)
	}), label, [][]tensor.Shape{{{batch, 3}, {batch}}, {{7, 3}, {7}}}},
	{"SoftmaxCrossentropyGrad", graph.OpSoftmaxCrossentropyGrad, func(x nodes) *graph.Node {
		return x[0].Graph().Node(graph.OpSoftmaxCrossentropyGrad, graph.Attr{}, x...)
	}, nil, [][]tensor.Shape{{{batch, 3}, {batch, 3}, {batch}}, {{5}, {5}, {}}}},
	{"SoftmaxCrossentropyGrad clipped", graph.OpSoftmaxCrossentropyGrad, func(x nodes) *graph.Node {
		return x[0].Graph().Node(graph.OpSoftmaxCrossentropyGrad, graph.Attr{Clip: 0.05}, x...)
	}, confident, [][]tensor.Shape{{{batch, 3}, {batch, 3}, {batch}}, {{5}, {5}, {}}}},
	{"SoftmaxCrossentropyGrad of one node twice", graph.OpSoftmaxCrossentropyGrad, func(x nodes) *graph.Node {
		return x[0].Graph().Node(graph.OpSoftmaxCrossentropyGrad, graph.Attr{}, x[0], x[0], x[0].Sum(-1))
	}, nil, [][]tensor.Shape{{{batch, 3}}}},

	{"MatMul", graph.OpMatMul, binary((*graph.Node).MatMul), nil, [][]tensor.Shape{
		{{batch, 3}, {3, 5}}, {{3}, {3, 2}}, {{1, 1}, {1, 1}}, {{batch, 0}, {0, 3}}, {{2, 3}, {3, 0}}, {{batch, 2, 3}, {3, 5}},
	}},
	{"MatMul transB", graph.OpMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, false, true) }), nil, [][]tensor.Shape{
		{{batch, 3}, {5, 3}}, {{3}, {2, 3}}, {{2, 1, 3}, {5, 3}}, {{2, 0}, {3, 0}},
	}},
	{"MatMul transA", graph.OpMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, false) }), nil, [][]tensor.Shape{
		{{batch, 3}, {batch, 5}}, {{3}, {2}}, {{batch, 2, 3}, {batch, 2, 5}}, {{0, 2}, {0, 3}},
	}},
	{"MatMul transA transB", graph.OpMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, true) }), nil, [][]tensor.Shape{
		{{3, 2}, {5, 3}}, {{1, 3}, {2, 1}}, {{3, batch}, {5, 3}},
	}},
	{"BatchMatMul", graph.OpBatchMatMul, binary((*graph.Node).MatMul), nil, [][]tensor.Shape{
		{{batch, 2, 3}, {batch, 3, 5}}, {{2, 1, 1, 3}, {2, 1, 3, 1}}, {{0, 2, 3}, {0, 3, 5}},
	}},
	{"BatchMatMul transA", graph.OpBatchMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.BatchMatMul(b, true, false) }), nil, [][]tensor.Shape{{{batch, 3, 2}, {batch, 3, 5}}}},
	{"BatchMatMul transB", graph.OpBatchMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.BatchMatMul(b, false, true) }), nil, [][]tensor.Shape{{{batch, 2, 3}, {batch, 5, 3}}}},
	{"BatchMatMul transA transB", graph.OpBatchMatMul, binary(func(a, b *graph.Node) *graph.Node { return a.BatchMatMul(b, true, true) }), nil, [][]tensor.Shape{{{batch, 3, 2}, {batch, 5, 3}}}},

	{"Attention", graph.OpAttention, attend(graph.Heads{Heads: 2, Scale: 0.5}), nil, [][]tensor.Shape{{{batch, 3, 4}, {batch, 2, 4}, {batch, 2, 6}}, {{1, 1, 2}, {1, 1, 2}, {1, 1, 2}}, {{batch, 2, 2}, {batch, 0, 2}, {batch, 0, 2}}}},
	{"Attention in groups, causal", graph.OpAttention, attend(graph.Heads{Heads: 4, Groups: 2, Scale: 1, Causal: true}), nil, [][]tensor.Shape{{{batch, 3, 4}, {batch, 2, 2}, {batch, 2, 4}}}},
	{"Attention with a window", graph.OpAttention, attend(graph.Heads{Heads: 1, Scale: 0.25, Window: 2}), nil, [][]tensor.Shape{{{2, 2, 2}, {2, 4, 2}, {2, 4, 1}}}},
	{"Attention with a mask", graph.OpAttention, attend(graph.Heads{Heads: 1, Scale: 0.25}), nil, [][]tensor.Shape{{{batch, 3, 2}, {batch, 2, 2}, {batch, 2, 2}, {batch, 3, 2}}, {{batch, 2, 2}, {batch, 3, 2}, {batch, 3, 2}, {1, 1, 3}}}},
	{"Attention with dropout", graph.OpAttention, attend(graph.Heads{Heads: 2, Scale: 0.5, Rate: 0.4, Stream: 3}), nil, [][]tensor.Shape{{{batch, 3, 4}, {batch, 2, 4}, {batch, 2, 6}}}},
	{"AttentionGrad", graph.OpAttentionGrad, func(x nodes) *graph.Node {
		return x[0].Graph().Node(graph.OpAttentionGrad, graph.Attr{Heads: graph.Heads{Heads: 2, Groups: 1, Scale: 0.5, Causal: true}}, x...)
	}, nil, [][]tensor.Shape{{{batch, 2, 2}, {batch, 3, 1}, {batch, 3, 2}, {batch, 2, 4}, {batch, 2, 4}}}},

	{"Conv 1D", graph.OpConv, convolve(graph.Window{}), nil, [][]tensor.Shape{{{batch, 5, 2}, {3, 2, 3}}, {{1, 1, 1}, {1, 1, 1}}, {{0, 4, 2}, {2, 2, 1}}, {{2, 4, 0}, {2, 0, 1}}}},
	{"Conv 2D padded, strided", graph.OpConv, convolve(graph.Window{Stride: []int{2, 3}, Low: []int{1, 0}, High: []int{2, 1}}), nil, [][]tensor.Shape{{{batch, 4, 5, 2}, {3, 2, 2, 3}}}},
	{"Conv 2D dilated", graph.OpConv, convolve(graph.Window{Dilation: []int{2, 1}, Low: []int{2, 1}, High: []int{1, 0}}), nil, [][]tensor.Shape{{{2, 5, 3, 1}, {3, 2, 1, 2}}}},
	{"Conv 2D in groups", graph.OpConv, convolve(graph.Window{Groups: 2, High: []int{0, 1}}), nil, [][]tensor.Shape{{{2, 3, 3, 4}, {2, 2, 2, 6}}}},
	{"Conv 3D", graph.OpConv, convolve(graph.Window{Stride: []int{1, 2, 1}, Low: []int{1, 0, 0}}), nil, [][]tensor.Shape{{{batch, 2, 3, 2, 1}, {2, 2, 2, 1, 2}}}},
	{"Conv 3D of stacked images", graph.OpConv, convolve(graph.Window{Stride: []int{1, 2, 1}, Low: []int{1, 0, 0}}.Stacked()), nil, [][]tensor.Shape{{{batch, 2, 2, 3, 2, 1}, {1, 2, 2, 1, 1, 2}}}},
	{"ConvInputGrad", graph.OpConvInputGrad, binary(func(dy, k *graph.Node) *graph.Node {
		return dy.ConvTranspose(k, graph.Window{Stride: []int{2, 2}, Low: []int{1, 0}, Groups: 2}, 4, 6)
	}), nil, [][]tensor.Shape{{{batch, 2, 3, 4}, {3, 2, 1, 4}}}},
	{"ConvKernelGrad", graph.OpConvKernelGrad, binary(func(x, dy *graph.Node) *graph.Node {
		return x.ConvKernelGrad(dy, graph.Window{Size: []int{2}, Stride: []int{2}, Dilation: []int{2}, High: []int{1}})
	}), nil, [][]tensor.Shape{{{batch, 6, 2}, {batch, 3, 3}}}},
	{"MaxPool", graph.OpMaxPool, unary(func(x *graph.Node) *graph.Node {
		return x.MaxPool(graph.Window{Size: []int{3, 2}, Stride: []int{1, 2}, Low: []int{1, 0}, High: []int{1, 1}})
	}), nil, [][]tensor.Shape{{{batch, 4, 3, 2}}, {{1, 2, 5, 1}}}},
	{"ArgMaxPool", graph.OpArgMaxPool, unary(func(x *graph.Node) *graph.Node { return x.ArgMaxPool(graph.Window{Size: []int{2}}) }), nil, [][]tensor.Shape{{{batch, 4, 2}}}},
	{"PoolPut", graph.OpPoolPut, binary(func(x, dy *graph.Node) *graph.Node {
		w := graph.Window{Size: []int{2, 2}}
		return x.Graph().Node(graph.OpPoolPut, graph.Attr{Window: w, Shape: x.Shape()}, x.ArgMaxPool(w), dy)
	}), nil, [][]tensor.Shape{{{batch, 3, 4, 2}, {batch, 2, 3, 2}}}},
	{"PoolTake", graph.OpPoolTake, binary(func(x, dx *graph.Node) *graph.Node {
		w := graph.Window{Size: []int{2}, Stride: []int{3}}
		return x.Graph().Node(graph.OpPoolTake, graph.Attr{Window: w}, x.ArgMaxPool(w), dx)
	}), nil, [][]tensor.Shape{{{batch, 5, 2}, {batch, 5, 2}}}},
	{"AveragePool", graph.OpAveragePool, unary(func(x *graph.Node) *graph.Node {
		return x.AveragePool(graph.Window{Size: []int{3, 2}, Stride: []int{2, 1}, Low: []int{1, 1}, High: []int{2, 0}})
	}), nil, [][]tensor.Shape{{{batch, 4, 3, 2}}, {{1, 1, 1, 1}}}},
	{"AveragePoolGrad", graph.OpAveragePoolGrad, unary(func(dy *graph.Node) *graph.Node {
		return dy.Graph().Node(graph.OpAveragePoolGrad, graph.Attr{Window: graph.Window{Size: []int{3}, Low: []int{1}}, Shape: tensor.Shape{batch, 4, 2}}, dy)
	}), nil, [][]tensor.Shape{{{batch, 3, 2}}}},

	{"Reshape", graph.OpReshape, unary(func(x *graph.Node) *graph.Node { return x.Reshape(batch, 6) }), nil, [][]tensor.Shape{{{batch, 2, 3}}, {{6, 2}}, {{0, 6}}}},
	{"Transpose", graph.OpTranspose, unary(func(x *graph.Node) *graph.Node { return x.Transpose() }), nil, unaryShapes},
	{"Transpose(1, 2, 0)", graph.OpTranspose, unary(func(x *graph.Node) *graph.Node { return x.Transpose(1, 2, 0) }), nil, [][]tensor.Shape{{{batch, 3, 5}}, {{2, 1, 3}}}},
	{"BroadcastTo", graph.OpBroadcastTo, unary(func(x *graph.Node) *graph.Node { return x.BroadcastTo(tensor.Shape{batch, 2, 3}) }), nil, [][]tensor.Shape{{{}}, {{3}}, {{2, 1}}, {{batch, 1, 3}}, {{1, 1, 1}}}},
	{"BroadcastTo nothing", graph.OpBroadcastTo, unary(func(x *graph.Node) *graph.Node { return x.BroadcastTo(tensor.Shape{0, 3}) }), nil, [][]tensor.Shape{{{}}, {{3}}}},
	{"Slice", graph.OpSlice, unary(func(x *graph.Node) *graph.Node {
		return x.Slice([]int{0, 1, -4}, []int{graph.End, -1, graph.End}, []int{1, 1, 2})
	}), nil, [][]tensor.Shape{{{batch, 3, 5}}, {{2, 2, 4}}, {{1, 7, 6}}}},
	{"SliceAxis", graph.OpSlice, unary(func(x *graph.Node) *graph.Node { return x.SliceAxis(-1, 1, 3) }), nil, [][]tensor.Shape{{{batch, 3}}, {{5}}}},
	{"Reverse", graph.OpSlice, unary(func(x *graph.Node) *graph.Node { return x.Reverse(-1) }), nil, [][]tensor.Shape{{{batch, 3}}, {{5}}, {{0}}, {{2, 1}}}},
	{"Pad", graph.OpPad, unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{0, 2}, []int{0, 1}) }), nil, [][]tensor.Shape{{{batch, 3}}, {{1, 1}}, {{2, 0}}}},
	{"Pad apart", graph.OpPad, unary(func(x *graph.Node) *graph.Node {
		return x.Graph().Node(graph.OpPad, graph.Attr{Begin: []int{5}, Step: []int{-2}, Shape: tensor.Shape{7}}, x)
	}), nil, [][]tensor.Shape{{{3}}, {{1}}, {{0}}}},
	{"Concat(0)", graph.OpConcat, func(x nodes) *graph.Node { return graph.Concat(0, x...) }, nil, [][]tensor.Shape{{{2}, {3}, {0}}, {{1}}, {{2, batch}, {1, batch}}}},
	{"Concat(-1)", graph.OpConcat, func(x nodes) *graph.Node { return graph.Concat(-1, x...) }, nil, [][]tensor.Shape{{{batch, 2}, {batch, 3}}, {{2, 0}, {2, 1}}}},
	{"Pack", graph.OpPack, func(x nodes) *graph.Node { return graph.Pack(20, []int{0, 8}, x...) }, nil, [][]tensor.Shape{{{2, 3}, {5}}, {{}, {3, 1}}, {{0}, {4, 3}}}},
	{"View", graph.OpView, unary(func(x *graph.Node) *graph.Node { return x.View(2, tensor.Shape{2, 3}) }), nil, [][]tensor.Shape{{{8}}, {{13}}}},

	{"slices side by side", graph.OpSlice, sliced(1, [2]int{0, 2}, [2]int{5, 7}, [2]int{2, 5}), nil, slicedShapes},
	{"slices with gaps", graph.OpSlice, sliced(1, [2]int{1, 2}, [2]int{4, 6}), nil, slicedShapes},
	{"a slice twice", graph.OpSlice, sliced(1, [2]int{3, 7}, [2]int{0, 3}, [2]int{3, 7}), nil, slicedShapes},
	{"slices that overlap", graph.OpSlice, sliced(1, [2]int{0, 4}, [2]int{3, 7}), nil, slicedShapes},
	{"slices that begin together", graph.OpSlice, sliced(1, [2]int{0, 4}, [2]int{0, 7}, [2]int{0, 3}), nil, slicedShapes},
	{"slices of none", graph.OpSlice, sliced(1, [2]int{0, 4}, [2]int{4, 4}, [2]int{4, 6}), nil, slicedShapes},
	{"slices and the whole", graph.OpSlice, func(x nodes) *graph.Node {
		return sliced(1, [2]int{0, 4}, [2]int{4, 7})(x).Mul(x[0].Square().Mean())
	}, nil, slicedShapes},
	{"slices along two axes", graph.OpSlice, func(x nodes) *graph.Node {
		return sliced(1, [2]int{0, 4}, [2]int{4, 7})(x).Mul(sliced(2, [2]int{0, 1}, [2]int{1, 3})(x))
	}, nil, [][]tensor.Shape{{{batch, 7, 3}}}},

	{"OneHot", graph.OpOneHot, unary(func(x *graph.Node) *graph.Node { return x.OneHot(3) }), nil, unaryShapes},
	{"Gather", graph.OpGather, binary((*graph.Node).Gather), label, [][]tensor.Shape{{{3, 2}, {batch, 4}}, {{3}, {5}}, {{3, 2, 1}, {}}, {{0, 2}, {batch}}}},
	{"BatchGather", graph.OpGather, binary((*graph.Node).BatchGather), label, [][]tensor.Shape{{{batch, 3, 2}, {batch, 4, 2}}, {{2, 3}, {2}}, {{batch, 0, 1}, {batch, 2}}}},
	{"ScatterAdd", graph.OpScatterAdd, binary(func(x, at *graph.Node) *graph.Node { return x.ScatterAdd(at, 3) }), label, [][]tensor.Shape{{{batch, 4, 2}, {batch, 4}}, {{5}, {5}}, {{2, 1}, {}}}},
	{"BatchScatterAdd", graph.OpScatterAdd, binary(func(x, at *graph.Node) *graph.Node { return x.BatchScatterAdd(at, 3) }), label, [][]tensor.Shape{{{batch, 4, 2}, {batch, 4}}, {{5}, {5}}}},
	{"GroupSum", graph.OpGroupSum, binary(func(x, at *graph.Node) *graph.Node { return x.GroupSum(at, 3) }), label, [][]tensor.Shape{{{batch, 4, 2}, {batch, 4}}, {{5}, {5}}, {{2, 1}, {}}}},
	{"Cast", graph.OpCast, unary(func(x *graph.Node) *graph.Node { return x.Graph().Node(graph.OpCast, graph.Attr{}, x) }), nil, unaryShapes},
	{"StopGradient", graph.OpStopGradient, unary(func(x *graph.Node) *graph.Node { return x.StopGradient().Mul(x.StopGradient().MulScalar(0)) }), nil, unaryShapes},
}

var slicedShapes = [][]tensor.Shape{{{batch, 7}}, {{2, 7, 3}}}

// sliced adds up what slices along an axis come to, each times its number.
func sliced(axis int, spans ...[2]int) func(x nodes) *graph.Node {
	return func(x nodes) *graph.Node {
		sum := x[0].Graph().Scalar(0)
		for i, span := range spans {
			sum = sum.Add(x[0].SliceAxis(axis, span[0], span[1]).Square().MulScalar(float64(i + 1)).Sum())
		}
		return sum
	}
}

// The gradient of a sequence that was taken apart is one node of the size of the sequence,
// not the sum of as many as there were parts.
func TestGradientsOfSlicesAreJoined(t *testing.T) {
	g := graph.New()
	const steps = 20
	x := g.Input("x", tensor.Shape{batch, steps, 3})
	sum := g.Scalar(0)
	for i := range steps {
		sum = sum.Add(x.SliceAxis(1, i, i+1).Square().Sum())
	}
	before := len(g.Nodes())
	dx := graph.Gradients(sum, x)[0]
	if dx.Op() != graph.OpConcat || len(dx.Inputs()) != steps {
		t.Errorf("the gradient is %v", dx)
	}
	whole := 0
	for _, n := range g.Nodes()[before:] {
		if n.Shape().Equal(x.Shape()) && n.Op() != graph.OpPad {
			whole++
		}
	}
	if whole != 1 {
		t.Errorf("%d nodes of the size of the sequence are computed", whole)
	}
}

func TestEveryDerivativeAgreesWithCentralDifferences(t *testing.T) {
	for _, d := range derivatives {
		t.Run(d.name, func(t *testing.T) {
			for _, shapes := range d.shapes {
				sizes := []int{3}
				if slices.ContainsFunc(shapes, tensor.Shape.HasBatch) {
					sizes = []int{3, 1, 0}
				}
				for _, size := range sizes {
					d.check(t, shapes, size)
				}
			}
		})
	}
}

// check compares first and second derivatives.
func (d derivative) check(t *testing.T, shapes []tensor.Shape, size int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(size)))
	g := graph.New()
	feed := map[*graph.Node][]float64{}
	input := func(s tensor.Shape, draw func() float64) *graph.Node {
		n := g.Input("x", s)
		feed[n] = make([]float64, s.Concrete(size).Numel())
		for i := range feed[n] {
			feed[n][i] = draw()
		}
		return n
	}
	// weigh makes a scalar of y that tells its elements apart.
	weigh := func(y *graph.Node) *graph.Node {
		return y.Mul(input(y.Shape(), func() float64 { return r.Float64() - 0.5 })).Sum()
	}
	draw := d.draw
	if draw == nil {
		draw = anywhere
	}
	var x nodes
	for i, s := range shapes {
		x = append(x, input(s, func() float64 { return draw(r, i) }))
	}

	first := weigh(d.build(x))
	gradients := graph.Gradients(first, x...)
	second := g.Scalar(0)
	for _, n := range gradients {
		second = second.Add(weigh(n))
	}
	curvature := graph.Gradients(second, x...)
	if err := g.Err(); err != nil {
		t.Fatalf("%v: %v", shapes, err)
	}

	run := ref.Run{Batch: size, Seed: 7, Step: 11, Feed: feed}
	got, err := run.Eval(g, append(slices.Clone(gradients), curvature...)...)
	if err != nil {
		t.Fatalf("%v: %v", shapes, err)
	}
	for i, n := range x {
		if !gradients[i].Shape().Equal(n.Shape()) {
			t.Fatalf("%v: the gradient at input %d has the shape %v", shapes, i, gradients[i].Shape())
		}
		for k := range feed[n] {
			want := difference(t, run, g, n, k, first, second)
			for order, got := range []float64{got[i][k], got[len(x)+i][k]} {
				if math.Abs(got-want[order]) > 2e-6*(1+math.Abs(want[order])) {
					t.Errorf("%v, batch %d: derivative %d at input %d element %d is %v, the central difference %v",
						shapes, size, order+1, i, k, got, want[order])
				}
			}
		}
	}
}

// difference returns how fast each node changes with element k of input n.
func difference(t *testing.T, run ref.Run, g *graph.Graph, n *graph.Node, k int, of ...*graph.Node) []float64 {
	t.Helper()
	const h = 1e-5
	x := run.Feed[n][k]
	at := func(v float64) [][]float64 {
		run.Feed[n][k] = v
		out, err := run.Eval(g, of...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	above, below := at(x+h), at(x-h)
	run.Feed[n][k] = x
	slope := make([]float64, len(of))
	for i := range of {
		slope[i] = (above[i][0] - below[i][0]) / (2 * h)
	}
	return slope
}

func TestEveryOpWithADerivativeIsChecked(t *testing.T) {
	for _, op := range graph.Ops() {
		checked := slices.ContainsFunc(derivatives, func(d derivative) bool { return d.op == op })
		if !op.Leaf() && !checked {
			t.Errorf("%v is in no test of derivatives", op)
		}
	}
}

func TestDerivativesAtKinks(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name  string
		build func(x nodes) *graph.Node
		at    []float64
		want  []float64
	}{
		{"Relu at 0 is flat", unary((*graph.Node).Relu), []float64{0}, []float64{0}},
		{"Abs at 0 is flat", unary((*graph.Node).Abs), []float64{0}, []float64{0}},
		{"Max gives a tie to the first", binary((*graph.Node).Max), []float64{2, 2}, []float64{1, 0}},
		{"Min gives a tie to the first", binary((*graph.Node).Min), []float64{2, 2}, []float64{1, 0}},
		{"Clip passes at its lower end", unary(func(x *graph.Node) *graph.Node { return x.Clip(-1, 1) }), []float64{-1}, []float64{1}},
		{"Clip passes at its upper end", unary(func(x *graph.Node) *graph.Node { return x.Clip(-1, 1) }), []float64{1}, []float64{1}},
		{"Clip is flat outside", unary(func(x *graph.Node) *graph.Node { return x.Clip(-1, 1) }), []float64{1.5}, []float64{0}},
		{"0 to the 0 is flat in both", binary((*graph.Node).Pow), []float64{0, 0}, []float64{0, 0}},
		{"0 to the 1 has slope 1", binary((*graph.Node).Pow), []float64{0, 1}, []float64{1, 0}},
		{"a negative base has no slope in the exponent", binary((*graph.Node).Pow), []float64{-2, 2}, []float64{-4, 0}},
		{"what Select leaves out is never NaN", func(x nodes) *graph.Node {
			return graph.Select(x[0], x[1], x[2])
		}, []float64{1, 3, nan}, []float64{0, 1, 0}},
		{"a far logit saturates", unary((*graph.Node).Sigmoid), []float64{-inf}, []float64{0}},
		{"softplus far out", unary((*graph.Node).Softplus), []float64{1000}, []float64{1}},
		{"ties share ReduceMax", func(x nodes) *graph.Node {
			return graph.Concat(0, x[0].Reshape(1), x[1].Reshape(1), x[2].Reshape(1)).ReduceMax()
		}, []float64{5, 5, 1}, []float64{0.5, 0.5, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			feed := map[*graph.Node][]float64{}
			var x nodes
			for _, v := range c.at {
				n := g.Input("x", tensor.Shape{})
				feed[n] = []float64{v}
				x = append(x, n)
			}
			got, err := ref.Eval(g, 1, feed, graph.Gradients(c.build(x), x...)...)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if got[i][0] != want {
					t.Errorf("the gradient at operand %d is %v, want %v", i, got[i][0], want)
				}
			}
		})
	}
}

func TestGradientsThatMeetAreAddedInNodeOrder(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{})
	y := x.Exp().Add(x.Sin()).Add(x.Tanh())
	dx := graph.Gradients(y, x)[0]
	// (exp' + sin') + tanh'
	if dx.Op() != graph.OpAdd {
		t.Fatalf("the gradient is %v", dx)
	}
	if last := dx.Inputs()[1]; last.Inputs()[1].Op() != graph.OpSub {
		t.Errorf("the last term is %v, want tanh's", last)
	}
	if first := dx.Inputs()[0].Inputs()[0]; first.Inputs()[1].Op() != graph.OpExp {
		t.Errorf("the first term is %v, want exp's", first)
	}
}

func TestGradientPenalty(t *testing.T) {
	// d/dw of ‖∂(w·x²)/∂x‖² = ‖2wx‖² is 8wx² summed up.
	g := graph.New()
	x, w := g.Input("x", tensor.Shape{3}), g.Param("w", tensor.Shape{})
	dx := graph.Gradients(w.Mul(x.Square()).Sum(), x)[0]
	dw := graph.Gradients(dx.Square().Sum(), w)[0]
	got, err := ref.Eval(g, 1, map[*graph.Node][]float64{x: {1, 2, 3}, w: {0.5}}, dw)
	if err != nil {
		t.Fatal(err)
	}
	if got[0][0] != 8*0.5*14 {
		t.Errorf("got %v, want %v", got[0][0], 8*0.5*14)
	}
}

func TestGradientOfWhatDoesNotDependIsZeros(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{batch, 2}), g.Input("y", tensor.Shape{})
	later := g.Input("later", tensor.Shape{3})
	for i, n := range graph.Gradients(y, x, y, later, x.Sum()) {
		want := [][]float64{{0, 0, 0, 0}, {1}, {0, 0, 0}, {0}}[i]
		got, err := ref.Eval(g, 2, nil, n)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0], want) {
			t.Errorf("gradient %d is %v, want %v", i, got[0], want)
		}
	}
}

func TestDerivativesCarryTheScopeAndLineOfWhatTheyAreOf(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{})
	g.PushScope("dense")
	y := x.Tanh()
	g.PopScope()
	for _, n := range g.Nodes()[y.ID()+1:] {
		t.Errorf("unexpected %v", n)
	}
	before := len(g.Nodes())
	graph.Gradients(y, x)
	for _, n := range g.Nodes()[before+1:] {
		if n.Scope() != "dense" || n.Pos() != y.Pos() {
			t.Errorf("%v is of %q at %v", n, n.Scope(), n.Pos())
		}
	}
}

func ExampleGradients() {
	g := graph.New()
	x := g.Input("x", tensor.Shape{})
	y := x.Square().Sub(x).AddScalar(-1)
	slope := graph.Gradients(y, x)[0]
	got, err := ref.Eval(g, 1, map[*graph.Node][]float64{x: {0.5}}, y, slope)
	fmt.Println(got[0][0], got[1][0], err)
	// Output: -1.25 0 <nil>
}
