package plan

// This file holds the compiler to the oracle: every op against its float64 meaning.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

const batch = tensor.Batch

// cases lists each op with operands of shapes that broadcast, are empty, odd or
// of size 1. The tolerance is relative to the magnitude of what is summed: an
// elementwise op is within a few units in the last place, a sum of n within n.
var cases = []struct {
	op     graph.Op
	shapes []tensor.Shape
	build  func(in []*graph.Node) *graph.Node
	ulps   float64
}{
	{graph.OpAdd, shapes(s(batch, 7), s(7)), binary((*graph.Node).Add), 1},
	{graph.OpAdd, shapes(s(batch, 1), s(1, 5)), binary((*graph.Node).Add), 1},
	{graph.OpAdd, shapes(s(batch, 1, 3), s(2, 3)), binary((*graph.Node).Add), 1},
	{graph.OpSub, shapes(s(batch, 3, 2), s(3, 1)), binary((*graph.Node).Sub), 1},
	{graph.OpSub, shapes(s(3), s()), binary((*graph.Node).Sub), 1},
	{graph.OpMul, shapes(s(batch, 4, 3), s(batch, 1, 3)), binary((*graph.Node).Mul), 1},
	{graph.OpMul, shapes(s(batch, 4, 3), s(batch, 1, 1)), binary((*graph.Node).Mul), 1},
	{graph.OpDiv, shapes(s(), s(batch, 2)), binary((*graph.Node).Div), 1},
	{graph.OpMax, shapes(s(batch, 5), s(batch, 5)), binary((*graph.Node).Max), 0},
	{graph.OpMin, shapes(s(batch, 5), s(batch, 1)), binary((*graph.Node).Min), 0},
	{graph.OpPow, shapes(s(batch, 5), s(5)), func(in []*graph.Node) *graph.Node { return in[0].Abs().Pow(in[1]) }, 4},
	{graph.OpLess, shapes(s(batch, 5), s(5)), binary((*graph.Node).Less), 0},
	{graph.OpLessEqual, shapes(s(batch, 5), s(5)), binary((*graph.Node).LessEqual), 0},
	{graph.OpEqual, shapes(s(batch, 5), s(batch, 5)), binary((*graph.Node).Equal), 0},
	{graph.OpNeg, shapes(s(batch, 33)), unary((*graph.Node).Neg), 0},
	{graph.OpAbs, shapes(s(batch, 33)), unary((*graph.Node).Abs), 0},
	{graph.OpSign, shapes(s(batch, 33)), unary((*graph.Node).Sign), 0},
	{graph.OpSquare, shapes(s(batch, 33)), unary((*graph.Node).Square), 1},
	{graph.OpSqrt, shapes(s(batch, 33)), func(in []*graph.Node) *graph.Node { return in[0].Abs().Sqrt() }, 1},
	{graph.OpExp, shapes(s(batch, 33)), unary((*graph.Node).Exp), 4},
	{graph.OpExpm1, shapes(s(batch, 33)), unary((*graph.Node).Expm1), 4},
	{graph.OpLog, shapes(s(batch, 33)), func(in []*graph.Node) *graph.Node { return in[0].Abs().Log() }, 4},
	{graph.OpLog1p, shapes(s(batch, 33)), func(in []*graph.Node) *graph.Node { return in[0].Abs().Log1p() }, 4},
	{graph.OpTanh, shapes(s(batch, 33)), unary((*graph.Node).Tanh), 4},
	{graph.OpSigmoid, shapes(s(batch, 33)), unary((*graph.Node).Sigmoid), 4},
	{graph.OpErf, shapes(s(batch, 33)), unary((*graph.Node).Erf), 4},
	{graph.OpRelu, shapes(s(batch, 33)), unary((*graph.Node).Relu), 0},
	{graph.OpSoftplus, shapes(s(batch, 33)), unary((*graph.Node).Softplus), 4},
	{graph.OpSin, shapes(s(batch, 33)), unary((*graph.Node).Sin), 4},
	{graph.OpCos, shapes(s(batch, 33)), unary((*graph.Node).Cos), 4},
	{graph.OpFloor, shapes(s(batch, 33)), unary((*graph.Node).Floor), 0},
	{graph.OpReluGrad, shapes(s(batch, 9), s(batch, 9)), binary((*graph.Node).ReluGrad), 0},
	{graph.OpMaskScale, shapes(s(batch, 9), s(batch, 9)), func(in []*graph.Node) *graph.Node {
		return in[0].Graph().Node(graph.OpMaskScale, graph.Attr{Scale: 1.75}, in...)
	}, 1},
	{graph.OpSelect, shapes(s(batch, 9), s(9), s()), func(in []*graph.Node) *graph.Node {
		return graph.Select(in[0].Less(in[2]), in[1], in[0])
	}, 0},
	{graph.OpDropout, shapes(s(batch, 9)), func(in []*graph.Node) *graph.Node { return in[0].Dropout(0.3, 5) }, 2},
	{graph.OpRandomUniform, shapes(s(batch, 9)), unary((*graph.Node).RandomUniform), 0},
	{graph.OpCast, shapes(s(batch, 9)), unary(func(x *graph.Node) *graph.Node { return x.Graph().Node(graph.OpCast, graph.Attr{}, x) }), 0},
	{graph.OpStopGradient, shapes(s(batch, 9)), unary((*graph.Node).StopGradient), 0},
	{graph.OpSum, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].Sum() }, 100},
	{graph.OpSum, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].Sum(0, 2) }, 100},
	{graph.OpSum, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].SumKeep(1) }, 10},
	{graph.OpReduceMax, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].ReduceMax(0) }, 0},
	{graph.OpReduceMin, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].ReduceMin(-1) }, 0},
	{graph.OpArgMax, shapes(s(batch, 4, 5)), func(in []*graph.Node) *graph.Node { return in[0].ArgMax(1) }, 0},
	{graph.OpSoftmax, shapes(s(batch, 10)), func(in []*graph.Node) *graph.Node { return in[0].Softmax(-1) }, 8},
	{graph.OpSoftmax, shapes(s(batch, 4, 3)), func(in []*graph.Node) *graph.Node { return in[0].Softmax(1) }, 8},
	{graph.OpLogSoftmax, shapes(s(batch, 10)), func(in []*graph.Node) *graph.Node { return in[0].LogSoftmax(-1) }, 16},
	{graph.OpSoftmaxCrossentropy, shapes(s(batch, 6), s(batch, 6)), func(in []*graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(in[0], in[1].Softmax(-1), 1e-7, false)
	}, 32},
	{graph.OpSoftmaxCrossentropy, shapes(s(batch, 6), s(batch, 6)), func(in []*graph.Node) *graph.Node {
		return graph.SoftmaxCrossentropy(in[0], in[1].ArgMax(-1), 0, true)
	}, 32},
	{graph.OpSoftmaxCrossentropyGrad, shapes(s(batch, 6), s(batch, 6)), func(in []*graph.Node) *graph.Node {
		return graph.Gradients(graph.SoftmaxCrossentropy(in[0], in[1].ArgMax(-1), 1e-7, true).Sum(), in[0])[0]
	}, 32},
	{graph.OpSoftmaxCrossentropyGrad, shapes(s(batch, 6), s(batch, 6)), func(in []*graph.Node) *graph.Node {
		return graph.Gradients(graph.SoftmaxCrossentropy(in[0], in[1].Softmax(-1), 0, false).Sum(), in[0])[0]
	}, 32},
	{graph.OpMatMul, shapes(s(batch, 7), s(7, 5)), binary((*graph.Node).MatMul), 16},
	{graph.OpMatMul, shapes(s(batch, 2, 7), s(7, 5)), binary((*graph.Node).MatMul), 16},
	{graph.OpMatMul, shapes(s(batch, 7), s(5, 7)), func(in []*graph.Node) *graph.Node { return in[0].MatMulT(in[1], false, true) }, 16},
	{graph.OpMatMul, shapes(s(batch, 2, 7), s(batch, 2, 5)), func(in []*graph.Node) *graph.Node { return in[0].MatMulT(in[1], true, false) }, 32},
	{graph.OpBatchMatMul, shapes(s(batch, 4, 7), s(batch, 7, 3)), binary((*graph.Node).MatMul), 16},
	{graph.OpAttention, shapes(s(batch, 5, 6), s(batch, 7, 6), s(batch, 7, 10)), attend(graph.Heads{Heads: 2, Scale: 0.5}), 512},
	{graph.OpAttention, shapes(s(batch, 66, 2), s(batch, 5, 1), s(batch, 5, 3)), attend(graph.Heads{Heads: 2, Groups: 1, Scale: 0.25, Causal: true}), 512},
	{graph.OpAttention, shapes(s(batch, 6, 2), s(batch, 4, 2), s(batch, 4, 2), s(batch, 1, 4)), attend(graph.Heads{Heads: 1, Scale: 0.5, Window: 3}), 512},
	{graph.OpAttention, shapes(s(batch, 6, 4), s(batch, 5, 2), s(batch, 5, 2), s(batch, 6, 5)), attend(graph.Heads{Heads: 2, Groups: 1, Scale: 0.5, Causal: true, Window: 2}), 512},
	{graph.OpAttention, shapes(s(batch, 2, 3), s(batch, 5, 3), s(batch, 5, 1), s(1, 2, 5)), attend(graph.Heads{Heads: 1, Scale: 0.5}), 512},
	{graph.OpAttention, shapes(s(batch, 5, 6), s(batch, 7, 6), s(batch, 7, 10)), attend(graph.Heads{Heads: 2, Scale: 0.5, Rate: 0.25, Stream: 2}), 512},
	{graph.OpAttention, shapes(s(batch, 3, 2), s(batch, 0, 2), s(batch, 0, 2)), attend(graph.Heads{Heads: 1, Scale: 0.5}), 0},
	{graph.OpAttentionGrad, shapes(s(batch, 5, 4), s(batch, 7, 4), s(batch, 7, 6)), attended(graph.Heads{Heads: 2, Scale: 0.25}), 4096},
	{graph.OpAttentionGrad, shapes(s(batch, 66, 2), s(batch, 6, 1), s(batch, 6, 2)), attended(graph.Heads{Heads: 2, Groups: 1, Scale: 0.25, Causal: true}), 4096},
	{graph.OpAttentionGrad, shapes(s(batch, 5, 2), s(batch, 4, 2), s(batch, 4, 2), s(batch, 5, 4)), attended(graph.Heads{Heads: 1, Scale: 0.25, Window: 3}), 4096},
	{graph.OpAttentionGrad, shapes(s(batch, 66, 4), s(batch, 7, 4), s(batch, 7, 6)), attended(graph.Heads{Heads: 2, Scale: 0.25, Causal: true, Rate: 0.25, Stream: 2}), 4096},
	{graph.OpAttentionGrad, shapes(s(batch, 0, 2), s(batch, 3, 2), s(batch, 3, 2), s(batch, 0, 3)), attended(graph.Heads{Heads: 1, Scale: 0.25}), 0},
	{graph.OpConv, shapes(s(batch, 7, 3), s(3, 3, 5)), convolve(graph.Window{}), 16},
	{graph.OpConv, shapes(s(batch, 5, 6, 4), s(3, 2, 2, 6)), func(in []*graph.Node) *graph.Node {
		return convolve(graph.Window{Stride: []int{2, 1}, Dilation: []int{1, 2}, Low: []int{1, 2}, High: []int{1, 0}, Groups: 2})(in).Relu()
	}, 32},
	{graph.OpConv, shapes(s(batch, 2, 3, 4, 1), s(2, 2, 3, 1, 3)), convolve(graph.Window{Stride: []int{1, 2, 3}, Low: []int{0, 1, 0}}), 32},
	{graph.OpConv, shapes(s(batch, 3, 2, 3, 2, 2), s(1, 2, 1, 2, 2, 3)), convolve(graph.Window{Low: []int{1, 1, 0}}.Stacked()), 8},
	{graph.OpConvInputGrad, shapes(s(batch, 2, 3, 4), s(3, 2, 1, 4)), func(in []*graph.Node) *graph.Node {
		return in[0].ConvTranspose(in[1], graph.Window{Stride: []int{2, 2}, Low: []int{1, 0}, Groups: 2}, 4, 6)
	}, 32},
	{graph.OpConvKernelGrad, shapes(s(batch, 6, 2), s(batch, 3, 3)), func(in []*graph.Node) *graph.Node {
		return in[0].ConvKernelGrad(in[1], graph.Window{Size: []int{2}, Stride: []int{2}, Dilation: []int{2}, High: []int{1}})
	}, 512},
	{graph.OpMaxPool, shapes(s(batch, 5, 4, 3)), unary(func(x *graph.Node) *graph.Node {
		return x.MaxPool(graph.Window{Size: []int{3, 2}, Stride: []int{2, 2}, Low: []int{1, 0}, High: []int{1, 1}})
	}), 0},
	{graph.OpArgMaxPool, shapes(s(batch, 5, 4, 3)), unary(func(x *graph.Node) *graph.Node {
		return x.ArgMaxPool(graph.Window{Size: []int{3, 2}, Low: []int{1, 0}, High: []int{1, 1}})
	}), 0},
	{graph.OpPoolTake, shapes(s(batch, 5, 2), s(batch, 5, 2)), func(in []*graph.Node) *graph.Node {
		w := graph.Window{Size: []int{3}, High: []int{1}}
		return in[0].Graph().Node(graph.OpPoolTake, graph.Attr{Window: w}, in[0].ArgMaxPool(w), in[1])
	}, 0},
	{graph.OpPoolPut, shapes(s(batch, 5, 6, 2)), unary(func(x *graph.Node) *graph.Node {
		w := graph.Window{Size: []int{3, 2}, Stride: []int{1, 2}, High: []int{1, 0}}
		return x.Graph().Node(graph.OpPoolPut, graph.Attr{Window: w, Shape: x.Shape()}, x.ArgMaxPool(w), x.MaxPool(w))
	}), 8},
	{graph.OpAveragePool, shapes(s(batch, 5, 4, 3)), unary(func(x *graph.Node) *graph.Node {
		return x.AveragePool(graph.Window{Size: []int{3, 2}, Stride: []int{2, 1}, Low: []int{1, 1}, High: []int{2, 0}})
	}), 8},
	{graph.OpAveragePoolGrad, shapes(s(batch, 3, 2)), unary(func(dy *graph.Node) *graph.Node {
		return dy.Graph().Node(graph.OpAveragePoolGrad, graph.Attr{Window: graph.Window{Size: []int{3}, Low: []int{1}}, Shape: s(batch, 4, 2)}, dy)
	}), 8},
	{graph.OpReshape, shapes(s(batch, 4, 3)), func(in []*graph.Node) *graph.Node { return in[0].Reshape(batch, 12) }, 0},
	{graph.OpTranspose, shapes(s(batch, 4, 3)), func(in []*graph.Node) *graph.Node { return in[0].Transpose(2, 0, 1) }, 0},
	{graph.OpBroadcastTo, shapes(s(4, 1)), func(in []*graph.Node) *graph.Node { return in[0].BroadcastTo(s(batch, 4, 3)) }, 0},
	{graph.OpSlice, shapes(s(batch, 8)), func(in []*graph.Node) *graph.Node {
		return in[0].Slice([]int{0, 1}, []int{graph.End, 7}, []int{1, 2})
	}, 0},
	{graph.OpPad, shapes(s(batch, 3)), func(in []*graph.Node) *graph.Node { return in[0].Pad([]int{0, 2}, []int{0, 1}) }, 0},
	{graph.OpConcat, shapes(s(batch, 3), s(batch, 2)), func(in []*graph.Node) *graph.Node { return graph.Concat(1, in...) }, 0},
	{graph.OpPack, shapes(s(3, 2), s(4)), func(in []*graph.Node) *graph.Node {
		return graph.Pack(32, []int{0, 16}, in[0].Neg(), in[1])
	}, 0},
	{graph.OpView, shapes(s(12)), func(in []*graph.Node) *graph.Node { return in[0].View(3, s(2, 4)) }, 0},
	{graph.OpScan, shapes(s(batch, 3), s(4, batch, 3), s(3, 3)), recur(false, func(s *graph.Scanned) *graph.Node { return s.State(0) }), 64},
	{graph.OpScan, shapes(s(batch, 9), s(batch, 2, 9), s(9, 9)), func(in []*graph.Node) *graph.Node {
		in[1] = in[1].Transpose(1, 0, 2)
		return recur(true, func(s *graph.Scanned) *graph.Node {
			return s.State(0).Transpose(1, 0, 2).Add(s.Output(0).Sum(0, 2).Reshape(batch, 1, 1))
		})(in)
	}, 64},
	{graph.OpScan, shapes(s(batch, 3), s(3, batch, 3), s(3, 3)), func(in []*graph.Node) *graph.Node {
		h := recur(false, func(s *graph.Scanned) *graph.Node { return s.Final(0) })(in)
		return graph.Gradients(h.Sum(), in[2])[0]
	}, 1024},
	{graph.OpScan, shapes(s(batch, 3), s(3, batch, 3), s(3, 3)), func(in []*graph.Node) *graph.Node {
		h := recur(true, func(s *graph.Scanned) *graph.Node { return s.State(0).Mul(s.Output(0).BroadcastTo(s.State(0).Shape())) })(in)
		return graph.Gradients(h.Sum(), in[1])[0]
	}, 256},
	{graph.OpOneHot, shapes(s(batch, 6)), func(in []*graph.Node) *graph.Node { return in[0].ArgMax(-1).OneHot(6) }, 0},
	{graph.OpGather, shapes(s(6, 3, 2), s(batch, 4, 6)), func(in []*graph.Node) *graph.Node { return in[0].Gather(in[1].ArgMax(-1)) }, 0},
	{graph.OpGather, shapes(s(4), s(batch)), func(in []*graph.Node) *graph.Node { return in[0].Gather(in[1].Floor()) }, 0},
	{graph.OpGather, shapes(s(batch, 7, 2), s(batch, 4, 3, 7)), func(in []*graph.Node) *graph.Node { return in[0].BatchGather(in[1].ArgMax(-1)) }, 0},
	{graph.OpScatterAdd, shapes(s(batch, 70, 3), s(batch, 70, 6)), func(in []*graph.Node) *graph.Node {
		return in[0].BatchScatterAdd(in[1].ArgMax(-1), 5)
	}, 64},
	{graph.OpScatterAdd, shapes(s(batch, 2, 5), s(batch, 2, 6)), func(in []*graph.Node) *graph.Node {
		return in[0].ScatterAdd(in[1].ArgMax(-1), 5)
	}, 64},
	{graph.OpGroupSum, shapes(s(batch, 70, 3), s(batch, 70, 6)), func(in []*graph.Node) *graph.Node {
		return in[0].GroupSum(in[1].ArgMax(-1), 5)
	}, 4096},
	{graph.OpNumel, shapes(s(batch, 6)), func(in []*graph.Node) *graph.Node { return in[0].Numel().Add(in[0]) }, 1},
}

func s(dims ...int) tensor.Shape                 { return append(tensor.Shape{}, dims...) }
func shapes(list ...tensor.Shape) []tensor.Shape { return list }

func unary(f func(x *graph.Node) *graph.Node) func([]*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node { return f(in[0]) }
}

func binary(f func(x, y *graph.Node) *graph.Node) func([]*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node { return f(in[0], in[1]) }
}

// recur runs h = tanh(x + h·W) over time, and stacks what is twice the first number of h too.
func recur(reverse bool, result func(s *graph.Scanned) *graph.Node) func([]*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node {
		return result(graph.Recurrence{
			Init: in[:1], Sequences: in[1:2], Constants: in[2:3], Reverse: reverse,
			Step: func(state, x, c []*graph.Node) (next, outputs []*graph.Node) {
				h := x[0].Add(state[0].MatMul(c[0])).Tanh()
				return []*graph.Node{h}, []*graph.Node{h.SliceAxis(1, 0, 1).MulScalar(2)}
			},
		}.Scan(in[0].Graph()))
	}
}

// attend is attention of in[0] to keys and values, and with a mask, where in[3] isn't negative.
func attend(h graph.Heads) func(in []*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node {
		var mask *graph.Node
		if len(in) > 3 {
			mask = in[3].GreaterEqual(in[3].Graph().Scalar(0))
		}
		return in[0].Attention(in[1], in[2], mask, h)
	}
}

// attended is the gradients of queries, keys and values, one behind the other.
func attended(h graph.Heads) func(in []*graph.Node) *graph.Node {
	return func(in []*graph.Node) *graph.Node {
		var parts []*graph.Node
		for _, x := range graph.Gradients(attend(h)(in).Square().Sum(), in[:3]...) {
			parts = append(parts, x.Reshape(batch, x.Shape()[1:].Numel()))
		}
		return graph.Concat(1, parts...)
	}
}

func convolve(w graph.Window) func([]*graph.Node) *graph.Node {
	return binary(func(x, kernel *graph.Node) *graph.Node { return x.Conv(kernel, w) })
}

func TestEveryOpHasACase(t *testing.T) {
	covered := map[graph.Op]bool{graph.OpInput: true, graph.OpParam: true, graph.OpConst: true}
	for _, c := range cases {
		covered[c.op] = true
	}
	for _, op := range graph.Ops() {
		if !covered[op] {
			t.Errorf("%v is compared with nothing", op)
		}
	}
}

func TestEveryOpAgreesWithItsMeaning(t *testing.T) {
	for i, c := range cases {
		for _, rows := range []int{0, 1, 3, 130} {
			name := fmt.Sprintf("%v case %d batch %d", c.op, i, rows)
			g := graph.New()
			feed := map[*graph.Node][]float64{}
			var in []*graph.Node
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for j, shape := range c.shapes {
				n := g.Input(fmt.Sprint("in", j), shape)
				values := make([]float64, shape.Concrete(rows).Numel())
				for k := range values {
					values[k] = float64(float32(math.Round(r.NormFloat64()*32) / 16))
				}
				feed[n] = values
				in = append(in, n)
			}
			out := c.build(in)
			if !out.Valid() {
				t.Fatalf("%s: %v", name, g.Err())
			}
			want, err := ref.Run{Batch: rows, Seed: 3, Step: 4, Feed: feed}.Eval(g, out)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			largest := 0.0
			for _, x := range want[0] {
				if !math.IsInf(x, 0) {
					largest = max(largest, math.Abs(x))
				}
			}
			for _, noPasses := range []bool{false, true} {
				if rows < 130 && noPasses != ((i+rows)%2 == 0) && !choice.Thorough() {
					continue // with passes or without
				}
				got := evaluate(t, g, rows, noPasses, feed, out)
				for k, x := range want[0] {
					y := float64(got[k])
					if x == y || x != x && y != y {
						continue
					}
					if d := math.Abs(x - y); !(d <= c.ulps*0x1p-24*max(1, largest)) {
						t.Fatalf("%s, passes %v: element %d is %v, want %v", name, !noPasses, k, y, x)
					}
				}
			}
		}
	}
}

// evaluate compiles and runs one node of g.
func evaluate(t *testing.T, g *graph.Graph, rows int, noPasses bool, feed map[*graph.Node][]float64, out *graph.Node) []float32 {
	t.Helper()
	p, err := Compile(Program{Graph: g, Outputs: []*graph.Node{out}}, Config{Batch: rows, NoPasses: noPasses})
	if err != nil {
		t.Fatal(err)
	}
	e := p.Bind(nil)
	e.Seed, e.Step = 3, 4
	for n, values := range feed {
		if to := e.Value(n); to != nil {
			for i, x := range values {
				to[i] = float32(x)
			}
		}
	}
	e.Compute(nil)
	return e.Value(out)
}
