package graph_test

// The shapes that ops give, and what they say of operands that do not fit.

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// unknown is the first number that is no op.
var unknown = graph.Op(len(graph.Ops()) + 1)

// That each has a shape rule and a derivative, TestEveryOpWithADerivativeIsChecked shows, for it makes a node of each.
func TestEveryOpHasAName(t *testing.T) {
	for _, op := range graph.Ops() {
		if name := op.String(); name == "" || strings.HasPrefix(name, "Op(") {
			t.Errorf("op %d is called %q", op, name)
		}
	}
	if got := unknown.String(); !strings.HasPrefix(got, "Op(") {
		t.Errorf("an unknown op is called %q", got)
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []tensor.Shape
		make func(x nodes) *graph.Node
		want tensor.Shape
	}{
		{"a row broadcasts over the batch", []tensor.Shape{{batch, 3}, {3}}, binary((*graph.Node).Add), tensor.Shape{batch, 3}},
		{"both broadcast", []tensor.Shape{{batch, 1}, {1, 3}}, binary((*graph.Node).Add), tensor.Shape{batch, 3}},
		{"nothing broadcasts with one", []tensor.Shape{{0}, {1}}, binary((*graph.Node).Add), tensor.Shape{0}},
		{"Select broadcasts three", []tensor.Shape{{batch, 1, 1}, {2, 1}, {3}}, func(x nodes) *graph.Node { return graph.Select(x[0], x[1], x[2]) }, tensor.Shape{batch, 2, 3}},
		{"Sum of all", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Sum() }), tensor.Shape{}},
		{"Sum of the last", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Sum(-1) }), tensor.Shape{batch}},
		{"SumKeep", []tensor.Shape{{batch, 3, 5}}, unary(func(x *graph.Node) *graph.Node { return x.SumKeep(0, -1) }), tensor.Shape{1, 3, 1}},
		{"Mean", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Mean(0) }), tensor.Shape{3}},
		{"ArgMax", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.ArgMax(-1) }), tensor.Shape{batch}},
		{"Softmax", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Softmax(-1) }), tensor.Shape{batch, 3}},
		{"SoftmaxCrossentropy", []tensor.Shape{{batch, 3}, {batch, 3}}, binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 1e-7, false) }), tensor.Shape{batch}},
		{"SoftmaxCrossentropy sparse", []tensor.Shape{{batch, 4, 3}, {batch, 4}}, binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0, true) }), tensor.Shape{batch, 4}},
		{"MatMul", []tensor.Shape{{batch, 4, 3}, {3, 5}}, binary((*graph.Node).MatMul), tensor.Shape{batch, 4, 5}},
		{"the gradient of a weight", []tensor.Shape{{batch, 4, 3}, {batch, 4, 5}}, binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, false) }), tensor.Shape{3, 5}},
		{"the gradient of an input", []tensor.Shape{{batch, 5}, {3, 5}}, binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, false, true) }), tensor.Shape{batch, 3}},
		{"MatMul matrix by matrix", []tensor.Shape{{batch, 4, 3}, {batch, 3, 5}}, binary((*graph.Node).MatMul), tensor.Shape{batch, 4, 5}},
		{"Conv", []tensor.Shape{{batch, 28, 27, 3}, {3, 2, 3, 8}}, convolve(graph.Window{}), tensor.Shape{batch, 26, 26, 8}},
		{"Conv strided, dilated, padded, in groups", []tensor.Shape{{batch, 9, 4}, {3, 2, 6}}, convolve(graph.Window{Stride: []int{2}, Dilation: []int{3}, Low: []int{1}, High: []int{2}, Groups: 2}), tensor.Shape{batch, 3, 6}},
		{"Conv 3D", []tensor.Shape{{batch, 4, 5, 6, 2}, {1, 2, 3, 2, 7}}, convolve(graph.Window{}), tensor.Shape{batch, 4, 4, 4, 7}},
		{"the gradient of a kernel", []tensor.Shape{{batch, 9, 4}, {batch, 4, 6}}, binary(func(x, dy *graph.Node) *graph.Node {
			return x.ConvKernelGrad(dy, graph.Window{Size: []int{2}, Stride: []int{2}, Groups: 2})
		}), tensor.Shape{2, 2, 6}},
		{"ConvTranspose", []tensor.Shape{{batch, 4, 6}, {2, 2, 6}}, binary(func(x, k *graph.Node) *graph.Node {
			return x.ConvTranspose(k, graph.Window{Stride: []int{2}, Groups: 2}, 9)
		}), tensor.Shape{batch, 9, 4}},
		{"MaxPool", []tensor.Shape{{batch, 5, 6, 3}}, unary(func(x *graph.Node) *graph.Node {
			return x.MaxPool(graph.Window{Size: []int{2, 3}, Stride: []int{2, 3}, High: []int{1, 0}})
		}), tensor.Shape{batch, 3, 2, 3}},
		{"AveragePool", []tensor.Shape{{batch, 5, 3}}, unary(func(x *graph.Node) *graph.Node { return x.AveragePool(graph.Window{Size: []int{5}}) }), tensor.Shape{batch, 1, 3}},
		{"Attention", []tensor.Shape{{batch, 5, 8}, {batch, 3, 4}, {batch, 3, 6}}, func(x nodes) *graph.Node {
			return x[0].Attention(x[1], x[2], nil, graph.Heads{Heads: 4, Groups: 2})
		}, tensor.Shape{batch, 5, 12}},
		{"Reshape keeps the batch", []tensor.Shape{{batch, 28, 28}}, unary(func(x *graph.Node) *graph.Node { return x.Reshape(batch, 784) }), tensor.Shape{batch, 784}},
		{"ForBatch makes rows the batch", []tensor.Shape{{4, 6}}, unary(func(x *graph.Node) *graph.Node { return x.ForBatch(4) }), tensor.Shape{batch, 6}},
		{"ForBatch makes the batch rows", []tensor.Shape{{batch, 6}}, unary(func(x *graph.Node) *graph.Node { return x.ForBatch(4) }), tensor.Shape{4, 6}},
		{"Reshape infers without a batch", []tensor.Shape{{4, 6}}, unary(func(x *graph.Node) *graph.Node { return x.Reshape(-1, 8) }), tensor.Shape{3, 8}},
		{"Transpose", []tensor.Shape{{batch, 3, 5}}, unary(func(x *graph.Node) *graph.Node { return x.Transpose(0, 2, -2) }), tensor.Shape{batch, 5, 3}},
		{"Transpose reverses", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Transpose() }), tensor.Shape{3, batch}},
		{"BroadcastTo", []tensor.Shape{{3}}, unary(func(x *graph.Node) *graph.Node { return x.BroadcastTo(tensor.Shape{batch, 3}) }), tensor.Shape{batch, 3}},
		{"Slice by steps", []tensor.Shape{{batch, 7}}, unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{0, 1}, []int{batch, -1}, []int{1, 2}) }), tensor.Shape{batch, 3}},
		{"Slice of nothing", []tensor.Shape{{7}}, unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{3}, []int{3}, nil) }), tensor.Shape{0}},
		{"SliceAxis", []tensor.Shape{{batch, 7}}, unary(func(x *graph.Node) *graph.Node { return x.SliceAxis(1, 2, graph.End) }), tensor.Shape{batch, 5}},
		{"Reverse", []tensor.Shape{{batch, 7}}, unary(func(x *graph.Node) *graph.Node { return x.Reverse(1) }), tensor.Shape{batch, 7}},
		{"Pad", []tensor.Shape{{batch, 7}}, unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{0, 1}, []int{0, 2}) }), tensor.Shape{batch, 10}},
		{"Concat", []tensor.Shape{{batch, 2}, {batch, 3}}, func(x nodes) *graph.Node { return graph.Concat(-1, x...) }, tensor.Shape{batch, 5}},
		{"Pack", []tensor.Shape{{2, 2}, {3}}, func(x nodes) *graph.Node { return graph.Pack(16, []int{0, 8}, x...) }, tensor.Shape{16}},
		{"View", []tensor.Shape{{16}}, unary(func(x *graph.Node) *graph.Node { return x.View(8, tensor.Shape{3, 1}) }), tensor.Shape{3, 1}},
		{"OneHot", []tensor.Shape{{batch}}, unary(func(x *graph.Node) *graph.Node { return x.OneHot(10) }), tensor.Shape{batch, 10}},
		{"Gather", []tensor.Shape{{10, 3, 2}, {batch, 4}}, binary((*graph.Node).Gather), tensor.Shape{batch, 4, 3, 2}},
		{"Gather by a scalar", []tensor.Shape{{10, 3}, {}}, binary((*graph.Node).Gather), tensor.Shape{3}},
		{"BatchGather", []tensor.Shape{{batch, 10, 2}, {batch, 4, 5}}, binary((*graph.Node).BatchGather), tensor.Shape{batch, 4, 5, 2}},
		{"BatchGather of a row each", []tensor.Shape{{3, 10}, {3}}, binary((*graph.Node).BatchGather), tensor.Shape{3}},
		{"BatchScatterAdd", []tensor.Shape{{batch, 4, 5, 2}, {batch, 4, 5}}, binary(func(x, at *graph.Node) *graph.Node { return x.BatchScatterAdd(at, 10) }), tensor.Shape{batch, 10, 2}},
		{"ScatterAdd", []tensor.Shape{{batch, 4, 3}, {batch, 4}}, binary(func(x, at *graph.Node) *graph.Node { return x.ScatterAdd(at, 10) }), tensor.Shape{10, 3}},
		{"GroupSum", []tensor.Shape{{batch, 4, 3}, {batch, 4}}, binary(func(x, at *graph.Node) *graph.Node { return x.GroupSum(at, 10) }), tensor.Shape{batch, 4, 3}},
		{"MatMul of a batch by itself", []tensor.Shape{{batch, 3}, {batch, 3}}, binary(func(a, b *graph.Node) *graph.Node {
			return a.MatMulT(b, false, true).Abs()
		}), tensor.Shape{batch, batch}},
		{"Numel of the batch", []tensor.Shape{{batch, 3}}, unary(func(x *graph.Node) *graph.Node { return x.Numel() }), tensor.Shape{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			got := c.make(inputs(g, c.in...))
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			if !got.Shape().Equal(c.want) {
				t.Errorf("got %v, want %v", got.Shape(), c.want)
			}
		})
	}
}

func inputs(g *graph.Graph, shapes ...tensor.Shape) nodes {
	var x nodes
	for _, s := range shapes {
		x = append(x, g.Input("x", s))
	}
	return x
}

func TestErrors(t *testing.T) {
	raw := func(op graph.Op, attr graph.Attr) func(x nodes) *graph.Node {
		return func(x nodes) *graph.Node { return x[0].Graph().Node(op, attr, x...) }
	}
	attention := func(h graph.Heads) func(x nodes) *graph.Node {
		return func(x nodes) *graph.Node { return x[0].Attention(x[1], x[1], append(x, nil)[2], h) }
	}
	for _, c := range []struct {
		in   []tensor.Shape
		make func(x nodes) *graph.Node
		want string
	}{
		{
			[]tensor.Shape{{batch, 3}, {4}},
			binary((*graph.Node).Add),
			"Add of (None, 3) and (4,): the shapes do not broadcast: aligned at the last dimension, each pair must be equal or hold a 1",
		},
		{
			[]tensor.Shape{{batch}, {4}},
			binary((*graph.Node).Mul),
			"Mul of (None,) and (4,): the shapes do not broadcast: aligned at the last dimension, each pair must be equal or hold a 1",
		},
		{
			[]tensor.Shape{{batch, 1}, {1, batch}},
			binary((*graph.Node).Mul),
			"Mul of (None, 1) and (1, None): shape (None, None) has 2 symbolic dimensions, at most one is allowed",
		},
		{
			[]tensor.Shape{{2}, {3}, {4}},
			func(x nodes) *graph.Node { return graph.Select(x[0], x[1], x[2]) },
			"Select of (2,), (3,) and (4,): the shapes do not broadcast: aligned at the last dimension, each pair must be equal or hold a 1",
		},
		{
			[]tensor.Shape{{2}, {1}},
			binary((*graph.Node).ReluGrad),
			"ReluGrad of (2,) and (1,): the shapes must be equal",
		},
		{
			[]tensor.Shape{{batch, 784}, {100, 10}},
			binary((*graph.Node).MatMul),
			"MatMul of (None, 784) and (100, 10): the inner dimensions, 784 and 100, must be equal",
		},
		{
			[]tensor.Shape{{batch, 28, 28}, {3, 3, 1, 8}},
			convolve(graph.Window{}),
			"Conv of (None, 28, 28) and (3, 3, 1, 8): the kernel of a convolution over 1 spatial dimensions is [taps..., channels, filters], of 3 dimensions, not (3, 3, 1, 8)",
		},
		{
			[]tensor.Shape{{batch, 2, 28, 1}, {3, 3, 1, 8}},
			convolve(graph.Window{Low: []int{0, 1}}),
			"Conv of (None, 2, 28, 1) and (3, 3, 1, 8): along spatial dimension 0 the window reaches over 3 pixels, the image has 2",
		},
		{
			[]tensor.Shape{{batch, 4, 28, 1}, {3, 3, 1, 8}},
			convolve(graph.Window{Low: []int{1, 0}, Dilation: []int{3, 1}}),
			"Conv of (None, 4, 28, 1) and (3, 3, 1, 8): along spatial dimension 0 the window reaches over 7 pixels, the image has 5 with its padding",
		},
		{
			[]tensor.Shape{{batch, 8, 8, 3}, {3, 3, 1, 8}},
			convolve(graph.Window{}),
			"Conv of (None, 8, 8, 3) and (3, 3, 1, 8): the kernel (3, 3, 1, 8) has 1 channels, the image 3 in 1 groups",
		},
		{
			[]tensor.Shape{{batch, 8, 8, 3}, {3, 3, 1, 8}},
			convolve(graph.Window{Groups: 3}),
			"Conv of (None, 8, 8, 3) and (3, 3, 1, 8): the groups, 3, must divide the channels, 3, and the filters, 8",
		},
		{
			[]tensor.Shape{{batch, 8, 3}, {3, 3, 8}},
			convolve(graph.Window{Stride: []int{0}}),
			"Conv of (None, 8, 3) and (3, 3, 8): the window's stride is 0, it must be 1 … 268435456",
		},
		{
			[]tensor.Shape{{batch, 8, 3}, {3, 3, 8}},
			convolve(graph.Window{Stride: []int{1, 1}}),
			"Conv of (None, 8, 3) and (3, 3, 8): the window's stride [1 1] needs one number for each of the 1 spatial dimensions",
		},
		{
			[]tensor.Shape{{batch, 8, 3}, {3, 3, 8}},
			convolve(graph.Window{Groups: -1}),
			"Conv of (None, 8, 3) and (3, 3, 8): the window's groups are -1, there must be at least 1",
		},
		{
			[]tensor.Shape{{batch, 8, 3}, {3, 3, 8}},
			convolve(graph.Window{Dilation: []int{1 << 28}}),
			"Conv of (None, 8, 3) and (3, 3, 8): a window of 3 taps dilated by 268435456 is too large",
		},
		{
			[]tensor.Shape{{8, batch, 3}, {3, 3, 8}},
			convolve(graph.Window{}),
			"Conv of (8, None, 3) and (3, 3, 8): only the first dimension of the image (8, None, 3) may be the batch",
		},
		{
			[]tensor.Shape{{batch, 3}, {3, 3, 8}},
			convolve(graph.Window{}),
			"Conv of (None, 3) and (3, 3, 8): an image is [N, spatial..., channels], with one to three spatial dimensions, not (None, 3)",
		},
		{
			[]tensor.Shape{{batch, 3, 8}, {3, 2, 8}},
			binary(func(x, k *graph.Node) *graph.Node { return x.ConvTranspose(k, graph.Window{}, 7) }),
			"ConvInputGrad of (None, 3, 8) and (3, 2, 8): the window over an image (None, 7, 2) gives (None, 5, 8), not (None, 3, 8)",
		},
		{
			[]tensor.Shape{{batch, 9, 2}, {batch, 3, 8}},
			binary(func(x, dy *graph.Node) *graph.Node { return x.ConvKernelGrad(dy, graph.Window{Size: []int{3}}) }),
			"ConvKernelGrad of (None, 9, 2) and (None, 3, 8): the window over an image (None, 9, 2) gives (None, 7, 8), not (None, 3, 8)",
		},
		{
			[]tensor.Shape{{batch, 9, 2}, {batch, 3, 8}},
			binary(func(x, dy *graph.Node) *graph.Node { return x.ConvKernelGrad(dy, graph.Window{}) }),
			"ConvKernelGrad of (None, 9, 2) and (None, 3, 8): the window's size [] needs one number for each of the 1 spatial dimensions",
		},
		{
			[]tensor.Shape{{batch, 2, 8}},
			unary(func(x *graph.Node) *graph.Node { return x.MaxPool(graph.Window{Size: []int{3}}) }),
			"MaxPool of (None, 2, 8): along spatial dimension 0 the window reaches over 3 pixels, the image has 2",
		},
		{
			[]tensor.Shape{{batch, 2, 8}},
			unary(func(x *graph.Node) *graph.Node { return x.MaxPool(graph.Window{Size: []int{3}, Low: []int{3}}) }),
			"MaxPool of (None, 2, 8): along spatial dimension 0 padding of 3 and 0 would let a window of 3 see nothing else",
		},
		{
			[]tensor.Shape{{batch, 0, 8}},
			unary(func(x *graph.Node) *graph.Node {
				return x.AveragePool(graph.Window{Size: []int{3}, Low: []int{2}, High: []int{2}})
			}),
			"AveragePool of (None, 0, 8): spatial dimension 0 is empty: there is nothing to pool",
		},
		{
			[]tensor.Shape{{batch, 5, 8}},
			unary(func(x *graph.Node) *graph.Node {
				return x.AveragePool(graph.Window{Size: []int{3}, Dilation: []int{2}})
			}),
			"AveragePool of (None, 5, 8): the window of a pool has neither dilation nor groups",
		},
		{
			[]tensor.Shape{{batch, 5, 8}, {batch, 5, 7}},
			raw(graph.OpPoolPut, graph.Attr{Window: graph.Window{Size: []int{1}}, Shape: tensor.Shape{batch, 5, 8}}),
			"PoolPut of (None, 5, 8) and (None, 5, 7): the shapes must be equal",
		},
		{
			[]tensor.Shape{{batch, 4, 8}, {batch, 4, 8}},
			raw(graph.OpPoolTake, graph.Attr{Window: graph.Window{Size: []int{2}}}),
			"PoolTake of (None, 4, 8) and (None, 4, 8): the window over an image (None, 4, 8) gives (None, 3, 8), not (None, 4, 8)",
		},
		{
			[]tensor.Shape{{batch, 4, 8}},
			raw(graph.OpAveragePoolGrad, graph.Attr{Window: graph.Window{Size: []int{2}}, Shape: tensor.Shape{batch, 4, 8}}),
			"AveragePoolGrad of (None, 4, 8): the window over an image (None, 4, 8) gives (None, 3, 8), not (None, 4, 8)",
		},
		{
			[]tensor.Shape{{784, batch}, {100, 10}},
			binary((*graph.Node).MatMul),
			"MatMul of (784, None) and (100, 10): the inner dimensions, None and 100, must be equal",
		},
		{
			[]tensor.Shape{{batch, 3}, {3}},
			binary((*graph.Node).MatMul),
			"MatMul of (None, 3) and (3,): the right must be a matrix, of two dimensions, it has 1",
		},
		{
			[]tensor.Shape{{}, {3, 3}},
			binary((*graph.Node).MatMul),
			"MatMul of () and (3, 3): a scalar is no matrix: use Mul",
		},
		{
			[]tensor.Shape{{batch, 3}, {4, 3}},
			binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, false) }),
			"MatMul of (None, 3) and (4, 3): all dimensions but the last, (None,) and (4,), must be equal",
		},
		{
			[]tensor.Shape{{4, 3}, {4, 3}},
			binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, true) }),
			"MatMul of (4, 3) and (4, 3): the inner dimensions, 4 and 3, must be equal",
		},
		{
			[]tensor.Shape{{1, 4, 3}, {4, 3}},
			binary(func(a, b *graph.Node) *graph.Node { return a.MatMulT(b, true, true) }),
			"MatMul of (1, 4, 3) and (4, 3): both transposed must be matrices",
		},
		{
			[]tensor.Shape{{batch, 4, 3}, {5, 3, 2}},
			binary((*graph.Node).MatMul),
			"BatchMatMul of (None, 4, 3) and (5, 3, 2): both must have three dimensions or more, equal but for the last two",
		},
		{
			[]tensor.Shape{{batch, 4, 3}, {batch, 4, 2}},
			binary((*graph.Node).MatMul),
			"BatchMatMul of (None, 4, 3) and (None, 4, 2): the inner dimensions, 3 and 4, must be equal",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Sum(2) }),
			"Sum of (None, 3): axis 2 is not one of -2 … 1",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return x.Sum(0) }),
			"Sum of (): axis 0: a scalar has no axes",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Mean(1, -1) }),
			"Sum of (None, 3): the axes [1 -1] name one twice",
		},
		{
			[]tensor.Shape{{batch, 0}},
			unary(func(x *graph.Node) *graph.Node { return x.ReduceMax(1) }),
			"ReduceMax of (None, 0): axis 1 is empty: nothing has no extreme",
		},
		{
			[]tensor.Shape{{0}},
			unary(func(x *graph.Node) *graph.Node { return x.ArgMax(0) }),
			"ArgMax of (0,): axis 0 is empty: nothing has no extreme",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return x.Softmax(-1) }),
			"Softmax of (): axis -1: a scalar has no axes",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpSoftmax, graph.Attr{}),
			"Softmax of (3,): needs one axis, got []",
		},
		{
			[]tensor.Shape{{batch, 10}, {batch}},
			binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0, false) }),
			"SoftmaxCrossentropy of (None, 10) and (None,): the target must have the shape of the logits, (None, 10)",
		},
		{
			[]tensor.Shape{{batch, 10}, {batch, 10}},
			binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0, true) }),
			"SoftmaxCrossentropy of (None, 10) and (None, 10): a sparse target holds one class index a row: its shape must be (None,)",
		},
		{
			[]tensor.Shape{{batch, 10}, {batch, 10}},
			binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0.5, false) }),
			"SoftmaxCrossentropy of (None, 10) and (None, 10): the clip 0.5 must be at least 0 and less than 0.5",
		},
		{
			[]tensor.Shape{{}, {}},
			binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0, false) }),
			"SoftmaxCrossentropy of () and (): the logits need a last dimension, the classes",
		},
		{
			[]tensor.Shape{{3, batch}, {3}},
			binary(func(a, b *graph.Node) *graph.Node { return graph.SoftmaxCrossentropy(a, b, 0, true) }),
			"SoftmaxCrossentropy of (3, None) and (3,): the classes, the last dimension of the logits, may not depend on the batch",
		},
		{
			[]tensor.Shape{{batch, 10}, {batch, 10}, {}},
			raw(graph.OpSoftmaxCrossentropyGrad, graph.Attr{}),
			"SoftmaxCrossentropyGrad of (None, 10), (None, 10) and (): the gradient of the loss must have the loss's shape, (None,)",
		},
		{
			[]tensor.Shape{{batch, 784}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(batch, 28, 27) }),
			"Reshape of (None, 784): 784 elements a sample do not fill the target (None, 28, 27), which has 756",
		},
		{
			[]tensor.Shape{{784}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(28, 27) }),
			"Reshape of (784,): 784 elements do not fill the target (28, 27), which has 756",
		},
		{
			[]tensor.Shape{{784}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(batch, 27) }),
			"Reshape of (784,): 784 elements do not fill the target (None, 27)",
		},
		{
			[]tensor.Shape{{batch, 784}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(784) }),
			"Reshape of (None, 784): the target (784,) must keep the batch: one dimension tensor.Batch",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.MatMulT(x, false, true).Reshape(batch, 1) }),
			"Reshape of (None, None): it has a number for each two samples of a batch, the target (None, 1) has 1 for each sample",
		},
		{
			[]tensor.Shape{{6}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(-2, 3) }),
			"Reshape of (6,): dimension 0 of shape [-2 3] is negative",
		},
		{
			[]tensor.Shape{{6}},
			unary(func(x *graph.Node) *graph.Node { return x.Reshape(1, 1, 1, 1, 1, 1, 6) }),
			"Reshape of (6,): a node has at most 6 dimensions",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Transpose(0) }),
			"Transpose of (None, 3): the permutation [0] must name each of the 2 axes once",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Transpose(1, 1) }),
			"Transpose of (None, 3): the axes [1 1] name one twice",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.BroadcastTo(tensor.Shape{3}) }),
			"BroadcastTo of (None, 3): the shape does not broadcast to (3,): aligned at the last dimension, each pair must be equal or the input's be 1",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{0, 1}, []int{graph.End, 4}, nil) }),
			"Slice of (None, 3): dimension 1: 1 to 4 by 1 is not within its size, 3",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{-4}, []int{graph.End}, []int{1}) }),
			"Slice of (3,): dimension 0: -4 to the end by 1 is not within its size, 3",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{0}, []int{3}, []int{0}) }),
			"Slice of (3,): dimension 0: 0 to 3 by 0 is not within its size, 3",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{1, 0}, []int{graph.End, 3}, nil) }),
			"Slice of (None, 3): dimension 0 is the batch, which stays whole: 0 to End by 1",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Slice([]int{1}, []int{2}, nil) }),
			"Slice of (None, 3): begin, end and step need one number for each of the 2 dimensions",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 1) }),
			"Slice of (None, 3): axis 2 is not one of -2 … 1",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpSlice, graph.Attr{Begin: []int{1}, Step: []int{math.MinInt}, Shape: tensor.Shape{2}}),
			fmt.Sprintf("Slice of (3,): dimension 0: 2 indices from 1 by %d leave 0 … 2", math.MinInt),
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpSlice, graph.Attr{Begin: []int{0}, Step: []int{2}, Shape: tensor.Shape{3}}),
			"Slice of (3,): dimension 0: 3 indices from 0 by 2 leave 0 … 2",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpSlice, graph.Attr{Begin: []int{0}, Step: []int{0}, Shape: tensor.Shape{3}}),
			"Slice of (3,): the step of dimension 0 is 0",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpSlice, graph.Attr{Begin: []int{0}, Step: []int{1}, Shape: tensor.Shape{-3}}),
			"Slice of (3,): the size of dimension 0 is -3",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpPad, graph.Attr{Shape: tensor.Shape{5}}),
			"Pad of (3,): begin and step need one number for each of the 1 dimensions",
		},
		{
			[]tensor.Shape{{batch}},
			raw(graph.OpPad, graph.Attr{Begin: []int{0}, Step: []int{1}, Shape: tensor.Shape{5}}),
			"Pad of (None,): dimension 0 is the batch, which stays whole",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Reverse(0) }),
			"Slice of (None, 3): axis 0 is the batch, which keeps its order",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{1, 0}, []int{0, 0}) }),
			"Pad of (None, 3): dimension 0 is the batch, which takes no padding",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{0, -1}, []int{0, 0}) }),
			"Pad of (None, 3): dimension 1: padding of -1 and 0 cannot be negative",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{0}, []int{0, 0}) }),
			"Pad of (None, 3): before and after need one number for each of the 2 dimensions",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{math.MaxInt}, []int{math.MaxInt}) }),
			fmt.Sprintf("Pad of (3,): dimension 0: padding of %d and %[1]d is too much", math.MaxInt),
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Pad([]int{math.MaxInt / 2}, []int{0}) }),
			fmt.Sprintf("Pad of (3,): shape (%d,) has too many elements", math.MaxInt/2+3),
		},
		{
			[]tensor.Shape{{batch, 2}, {batch, 3, 1}},
			func(x nodes) *graph.Node { return graph.Concat(1, x...) },
			"Concat of (None, 2) and (None, 3, 1): the shapes must be equal but for axis 1",
		},
		{
			[]tensor.Shape{{batch, 2}, {batch, 2}},
			func(x nodes) *graph.Node { return graph.Concat(0, x...) },
			"Concat of (None, 2) and (None, 2): axis 0 is the batch, which stays whole",
		},
		{
			[]tensor.Shape{{2}, {2, 1}},
			func(x nodes) *graph.Node { return graph.Concat(0, x...) },
			"Concat of (2,) and (2, 1): the shapes must be equal but for axis 0",
		},
		{
			[]tensor.Shape{{batch}},
			func(x nodes) *graph.Node { return graph.Pack(5, []int{0}, x...) },
			"Pack of (None,): operand 0 depends on the batch, its place would not be known",
		},
		{
			[]tensor.Shape{{3}, {3}},
			func(x nodes) *graph.Node { return graph.Pack(8, []int{0, 2}, x...) },
			"Pack of (3,) and (3,): operand 1, 3 numbers at offset 2, must lie between 3 and 8",
		},
		{
			[]tensor.Shape{{3}, {3}},
			func(x nodes) *graph.Node { return graph.Pack(8, []int{0, 6}, x...) },
			"Pack of (3,) and (3,): operand 1, 3 numbers at offset 6, must lie between 3 and 8",
		},
		{
			[]tensor.Shape{{3}, {3}},
			func(x nodes) *graph.Node { return graph.Pack(8, []int{0}, x...) },
			"Pack of (3,) and (3,): needs an offset for each of the 2 operands, got 1",
		},
		{
			[]tensor.Shape{{3}},
			func(x nodes) *graph.Node { return graph.Pack(-1, []int{0}, x...) },
			"Pack of (3,): a slab has one dimension, of known size, not the shape (None,)",
		},
		{
			[]tensor.Shape{{8}},
			unary(func(x *graph.Node) *graph.Node { return x.View(3, tensor.Shape{2, 3}) }),
			"View of (8,): 6 numbers at offset 3 leave the slab of 8",
		},
		{
			[]tensor.Shape{{8}},
			unary(func(x *graph.Node) *graph.Node { return x.View(0, tensor.Shape{batch}) }),
			"View of (8,): the shape (None,) may not depend on the batch",
		},
		{
			[]tensor.Shape{{8, 1}},
			unary(func(x *graph.Node) *graph.Node { return x.View(0, tensor.Shape{8}) }),
			"View of (8, 1): a slab has one dimension, of known size",
		},
		{
			[]tensor.Shape{{8}},
			raw(graph.OpView, graph.Attr{}),
			"View of (8,): needs one offset, got 0",
		},
		{
			[]tensor.Shape{{batch}},
			unary(func(x *graph.Node) *graph.Node { return x.OneHot(0) }),
			"OneHot of (None,): the depth 0 must be at least 1",
		},
		{
			[]tensor.Shape{{batch, 3}, {batch}},
			binary((*graph.Node).Gather),
			"Gather of (None, 3) and (None,): the table, of shape (None, 3), may not depend on the batch",
		},
		{
			[]tensor.Shape{{}, {batch}},
			binary((*graph.Node).Gather),
			"Gather of () and (None,): a scalar is no table of rows",
		},
		{
			[]tensor.Shape{{batch, 3}, {batch, 4}},
			binary(func(x, at *graph.Node) *graph.Node { return x.ScatterAdd(at, 2) }),
			"ScatterAdd of (None, 3) and (None, 4): there must be a row for each index: a shape that begins as theirs, (None, 4)",
		},
		{
			[]tensor.Shape{{3, batch}, {3}},
			binary(func(x, at *graph.Node) *graph.Node { return x.GroupSum(at, 2) }),
			"GroupSum of (3, None) and (3,): rows may not depend on the batch",
		},
		{
			[]tensor.Shape{{batch, 3}, {4}},
			binary((*graph.Node).BatchGather),
			"Gather of (None, 3) and (4,): each sample must have a table, [batch, rows, …], and indices, [batch, …]",
		},
		{
			[]tensor.Shape{{3, batch}, {3}},
			binary((*graph.Node).BatchGather),
			"Gather of (3, None) and (3,): rows may not depend on the batch",
		},
		{
			[]tensor.Shape{{3}, {}},
			binary(func(x, at *graph.Node) *graph.Node { return x.BatchScatterAdd(at, 2) }),
			"ScatterAdd of (3,) and (): each sample must have indices, [batch, …]",
		},
		{
			[]tensor.Shape{{3}, {3}},
			binary(func(x, at *graph.Node) *graph.Node { return x.ScatterAdd(at, -1) }),
			"ScatterAdd of (3,) and (3,): a table can't have -1 rows",
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {batch, 3, 4}},
			attention(graph.Heads{Heads: 2, Groups: -1}),
			"Attention of (None, 2, 4), (None, 3, 4) and (None, 3, 4): the heads are 2 and their groups -1: both must be positive, and the groups divide the heads",
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {batch, 3, 4}},
			attention(graph.Heads{Heads: 2, Window: -1}),
			"Attention of (None, 2, 4), (None, 3, 4) and (None, 3, 4): the window is -1, it must be positive, or 0 for none",
		},
		{
			[]tensor.Shape{{2, batch, 4}, {2, batch, 4}},
			attention(graph.Heads{Heads: 2}),
			"Attention of (2, None, 4), (2, None, 4) and (2, None, 4): queries, keys and values must be of the form [batch, steps, heads · numbers]",
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {2, 3, 4}},
			attention(graph.Heads{Heads: 2}),
			"Attention of (None, 2, 4), (2, 3, 4) and (2, 3, 4): queries, keys and values must have the same batch, keys and values the same steps",
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {batch, 3, 3}},
			attention(graph.Heads{Heads: 2}),
			"Attention of (None, 2, 4), (None, 3, 3) and (None, 3, 3): queries have 4 numbers in 2 heads, keys 3 and values 3 in 2 groups: heads and groups must divide them, and a head of queries have as many as a group of keys, one or more",
		},
		{
			[]tensor.Shape{{batch, 2, 0}, {batch, 3, 0}},
			attention(graph.Heads{Heads: math.MaxInt}),
			fmt.Sprintf("Attention of (None, 2, 0), (None, 3, 0) and (None, 3, 0): queries have 0 numbers in %d heads, keys 0 and values 0 in %[1]d groups: heads and groups must divide them, and a head of queries have as many as a group of keys, one or more", math.MaxInt),
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {batch, 3, 4}, {batch, 3, 3}},
			attention(graph.Heads{Heads: 2}),
			"Attention of (None, 2, 4), (None, 3, 4), (None, 3, 4) and (None, 3, 3): the mask must be of the form [None or 1, 2 or 1, 3]",
		},
		{
			[]tensor.Shape{{batch, 2, 4}, {batch, 3, 4}},
			binary(func(x, y *graph.Node) *graph.Node {
				return x.Attention(x, x, nil, graph.Heads{Heads: 2}).Expand(x, x, y)
			}),
			"Expand of Attention: operand 2 has the shape (None, 3, 4), it must be (None, 2, 4)",
		},
		{
			[]tensor.Shape{{batch, 2}},
			unary(func(x *graph.Node) *graph.Node { return x.Expand() }),
			"Expand is for attention, and takes as many operands as that has",
		},
		{
			[]tensor.Shape{{3, 2}},
			unary(func(x *graph.Node) *graph.Node { return x.ForBatch(4) }),
			"Reshape of (3, 2): (3, 2) is not (None, 2) of a batch of 4",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return x.ForBatch(1) }),
			"Reshape of (): ForBatch(1) makes the first axis the batch, or rows: no other may depend on the batch, and there must be rows",
		},
		{
			[]tensor.Shape{{batch, 2}},
			unary(func(x *graph.Node) *graph.Node { return x.ForBatch(0) }),
			"Reshape of (None, 2): ForBatch(0) makes the first axis the batch, or rows: no other may depend on the batch, and there must be rows",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Numel(5) }),
			"Numel of (None, 3): axis 5 is not one of -2 … 1",
		},
		{
			[]tensor.Shape{{batch, 3}},
			unary(func(x *graph.Node) *graph.Node { return x.Dropout(1, 0) }),
			"Dropout of (None, 3): the rate 1 must be at least 0 and less than 1",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Dropout(math.NaN(), 0) }),
			"Dropout of (3,): the rate NaN must be at least 0 and less than 1",
		},
		{
			[]tensor.Shape{{batch, -3}},
			func(x nodes) *graph.Node { return x[0] },
			"Input: dimension 1 of shape [-1 -3] is negative",
		},
		{
			[]tensor.Shape{{math.MaxInt / 2, 3}},
			func(x nodes) *graph.Node { return x[0] },
			fmt.Sprintf("Input: shape (%d, 3) has too many elements", math.MaxInt/2),
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return x.Graph().Param("w", tensor.Shape{batch}) }),
			"Param: the shape (None,) may not depend on the batch",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return x.Graph().Const([]float32{1, 2}, 3) }),
			"Const: the shape (3,) needs 3 numbers, got 2",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return graph.Gradients(x, x)[0] }),
			"the gradient of a node of shape (3,) was asked for: only a scalar has one, take Sum or Mean first",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node { return graph.Gradients(x, nil)[0] }),
			"the gradient of a nil node was asked for",
		},
		{
			[]tensor.Shape{{}},
			unary(func(x *graph.Node) *graph.Node {
				return graph.Gradients(x, graph.New().Input("y", tensor.Shape{}))[0]
			}),
			"the gradient of a node of another graph was asked for",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Add(nil) }),
			"Add of (3,) and nothing: an operand is nil",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Add(graph.New().Input("y", tensor.Shape{3})) }),
			"Add of (3,) and (3,): operands belong to different graphs",
		},
		{
			[]tensor.Shape{{3}},
			raw(graph.OpAdd, graph.Attr{}),
			"Add of (3,): takes 2 operands, got 1",
		},
		{
			[]tensor.Shape{{3}, {3}},
			raw(graph.OpAbs, graph.Attr{}),
			"Abs of (3,) and (3,): takes one operand, got 2",
		},
		{
			[]tensor.Shape{{3}},
			unary(func(x *graph.Node) *graph.Node { return x.Graph().Node(graph.OpConcat, graph.Attr{}) }),
			"Concat: takes at least one operand, got 0",
		},
		{
			[]tensor.Shape{{3}},
			raw(unknown, graph.Attr{}),
			"no such op",
		},
	} {
		t.Run(c.want, func(t *testing.T) {
			g := graph.New()
			g.PushScope("encoder")
			g.PushScope("dense_1")
			n := c.make(inputs(g, c.in...))
			if n.Valid() {
				t.Fatalf("made %v", n)
			}
			var e *graph.Error
			if !errors.As(g.Err(), &e) {
				t.Fatalf("the error is %v", g.Err())
			}
			if !strings.HasSuffix(e.Pos.File, "_test.go") {
				t.Errorf("the error points at %v", e.Pos)
			}
			_, got, _ := strings.Cut(e.Error(), ": encoder/dense_1: ")
			if got != c.want && !strings.HasSuffix(got, ": "+c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnErrorPointsAtTheLineOfTheUser(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 3})
	_, _, line, _ := runtime.Caller(0)
	x.Mean(7)
	var e *graph.Error
	if !errors.As(g.Err(), &e) {
		t.Fatal("no error")
	}
	if e.Pos.Line != line+1 {
		t.Errorf("the error points at %v, want line %d", e.Pos, line+1)
	}
	if e.Op != graph.OpSum || len(e.Shapes) != 1 || !e.Shapes[0].Equal(x.Shape()) {
		t.Errorf("the error is of %v of %v", e.Op, e.Shapes)
	}
}

func TestTheFirstErrorIsKept(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{3})
	x.OneHot(-1)
	first := g.Err()
	x.OneHot(-2)
	g.Fail("another")
	if g.Err() != first {
		t.Errorf("got %v, want %v", g.Err(), first)
	}
}

func TestTheErrorOfAnotherGraphIsTakenOver(t *testing.T) {
	other := graph.New()
	bad := other.Input("x", tensor.Shape{3}).OneHot(-1)
	g := graph.New()
	g.Input("y", tensor.Shape{3}).Add(bad)
	if g.Err() != other.Err() {
		t.Errorf("got %v, want %v", g.Err(), other.Err())
	}
	var none *graph.Node
	g = graph.New()
	g.Input("y", tensor.Shape{3}).Add(none.Relu())
	if err := g.Err(); err == nil || !strings.HasSuffix(err.Error(), "Relu of a nil node") {
		t.Errorf("got %v", err)
	}
}

func TestAPoisonedNodeIsSafeToGoOnWith(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{3})
	poison := g.Fail("stop")
	for _, d := range derivatives {
		for i := range d.shapes[0] {
			operands := slices.Repeat(nodes{x}, len(d.shapes[0]))
			operands[i] = poison
			if n := d.build(operands); n.Valid() && !slices.Contains(n.Inputs(), x) {
				t.Errorf("%s of poison at operand %d is %v", d.name, i, n)
			}
		}
	}
	if n := graph.Gradients(poison, x)[0]; n.Valid() {
		t.Errorf("the gradient of poison is %v", n)
	}
	if n := graph.Gradients(x.Sum(), poison)[0]; n.Valid() {
		t.Errorf("the gradient at poison is %v", n)
	}
	if poison.ID() != -1 || poison.Graph() != g || poison.Inputs() != nil || poison.Attr() == nil {
		t.Errorf("poison is %#v", poison)
	}
	if err := g.Err(); !strings.HasSuffix(err.Error(), "stop") {
		t.Errorf("the error became %v", err)
	}
}

func TestANilNodeIsSafe(t *testing.T) {
	for _, d := range derivatives {
		if d.op == graph.OpSoftmaxCrossentropyGrad || d.op == graph.OpMaskScale {
			continue // made through a graph
		}
		n := d.build(make(nodes, len(d.shapes[0])))
		if n.Valid() || n.Graph().Err() == nil {
			t.Errorf("%s of nil is %v", d.name, n)
		}
	}
	if n := graph.Gradients(nil, nil)[0]; n.Valid() {
		t.Errorf("the gradient of nil is %v", n)
	}
	var none *graph.Node
	if none.Shape() != nil || none.Scope() != "" || none.Pos() != (graph.Pos{}) || none.String() == "" {
		t.Error("nil has properties")
	}
}
