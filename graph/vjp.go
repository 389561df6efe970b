package graph

// This file holds the derivatives. Each rule returns what the gradient dy at a
// node n is worth at its input i (a vector-Jacobian product), made of ordinary
// nodes, so that it can be differentiated again.
//
// At kinks: Abs has slope 0 at 0, Relu too; Max and Min give a tie to their
// first operand; ReduceMax and ReduceMin share it evenly.

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// unbroadcast adds up what broadcasting has repeated: it brings the gradient
// back to the shape of the operand.
func unbroadcast(dy *Node, to tensor.Shape) *Node {
	from := dy.Shape()
	if from.Equal(to) {
		return dy
	}
	lead := len(from) - len(to)
	var repeated []int
	for i, d := range from {
		if i < lead || to[i-lead] == 1 && d != 1 {
			repeated = append(repeated, i)
		}
	}
	if len(repeated) > 0 {
		dy = dy.Sum(repeated...)
	}
	return dy.Reshape(to...)
}

func addVJP(n, dy *Node, i int) *Node { return unbroadcast(dy, n.inputs[i].shape) }

func subVJP(n, dy *Node, i int) *Node {
	if i == 1 {
		dy = dy.Neg()
	}
	return unbroadcast(dy, n.inputs[i].shape)
}

func mulVJP(n, dy *Node, i int) *Node {
	return unbroadcast(dy.Mul(n.inputs[1-i]), n.inputs[i].shape)
}

func divVJP(n, dy *Node, i int) *Node {
	b := n.inputs[1]
	if i == 0 {
		return unbroadcast(dy.Div(b), n.inputs[0].shape)
	}
	return unbroadcast(dy.Mul(n).Div(b).Neg(), b.shape)
}

func maxVJP(n, dy *Node, i int) *Node {
	return unbroadcast(pick(n.inputs[1].LessEqual(n.inputs[0]), dy, i), n.inputs[i].shape)
}

func minVJP(n, dy *Node, i int) *Node {
	return unbroadcast(pick(n.inputs[0].LessEqual(n.inputs[1]), dy, i), n.inputs[i].shape)
}

// pick gives the gradient to operand 0 where first holds, to operand 1 elsewhere.
func pick(first, dy *Node, i int) *Node {
	zero := dy.graph.Scalar(0)
	if i == 0 {
		return Select(first, dy, zero)
	}
	return Select(first, zero, dy)
}

func powVJP(n, dy *Node, i int) *Node {
	a, b := n.inputs[0], n.inputs[1]
	g := n.graph
	zero, one := g.Scalar(0), g.Scalar(1)
	if i == 0 {
		// b·a^(b-1), but 0 and not 0·∞ where the power is constant.
		slope := b.Mul(a.Pow(b.Sub(one)))
		return unbroadcast(dy.Mul(Select(b.Equal(zero), zero, slope)), a.shape)
	}
	positive := zero.Less(a)
	log := Select(positive, a, one).Log()
	return unbroadcast(dy.Mul(n).Mul(log), b.shape)
}

func castVJP(_, dy *Node, _ int) *Node   { return dy }
func negVJP(_, dy *Node, _ int) *Node    { return dy.Neg() }
func absVJP(n, dy *Node, _ int) *Node    { return dy.Mul(n.inputs[0].Sign()) }
func squareVJP(n, dy *Node, _ int) *Node { return dy.Mul(n.inputs[0].MulScalar(2)) }
func sqrtVJP(n, dy *Node, _ int) *Node   { return dy.Div(n.MulScalar(2)) }
func expVJP(n, dy *Node, _ int) *Node    { return dy.Mul(n) }
func expm1VJP(n, dy *Node, _ int) *Node  { return dy.Mul(n.inputs[0].Exp()) }
func logVJP(n, dy *Node, _ int) *Node    { return dy.Div(n.inputs[0]) }
func log1pVJP(n, dy *Node, _ int) *Node  { return dy.Div(n.inputs[0].AddScalar(1)) }

func tanhVJP(n, dy *Node, _ int) *Node {
	return dy.Mul(n.graph.Scalar(1).Sub(n.Square()))
}

func sigmoidVJP(n, dy *Node, _ int) *Node {
	return dy.Mul(n.Mul(n.graph.Scalar(1).Sub(n)))
}

func erfVJP(n, dy *Node, _ int) *Node {
	return dy.Mul(n.inputs[0].Square().Neg().Exp().MulScalar(2 / math.Sqrt(math.Pi)))
}

// reluVJP is dy where relu(x) > 0 and +0 elsewhere: the slope at 0 is 0. ReluGrad's kernels are in internal/cpu/elementwise.
func reluVJP(n, dy *Node, _ int) *Node { return dy.ReluGrad(n) }

func softplusVJP(n, dy *Node, _ int) *Node { return dy.Mul(n.inputs[0].Sigmoid()) }
func sinVJP(n, dy *Node, _ int) *Node      { return dy.Mul(n.inputs[0].Cos()) }
func cosVJP(n, dy *Node, _ int) *Node      { return dy.Mul(n.inputs[0].Sin()).Neg() }

// ReluGrad, MaskScale and Dropout are linear in what they mask: the gradient
// meets the same mask.

func reluGradVJP(n, dy *Node, i int) *Node {
	if i == 1 {
		return nil
	}
	return dy.ReluGrad(n.inputs[1])
}

func maskScaleVJP(n, dy *Node, i int) *Node {
	if i == 1 {
		return nil
	}
	return apply(OpMaskScale, *n.attr, dy, n.inputs[1])
}

func dropoutVJP(n, dy *Node, _ int) *Node { return apply(OpDropout, *n.attr, dy) }

func selectVJP(n, dy *Node, i int) *Node {
	if i == 0 {
		return nil
	}
	return unbroadcast(pick(n.inputs[0], dy, i-1), n.inputs[i].shape)
}

// spread repeats a reduced node along the axes that were reduced.
func spread(reduced *Node, axes []int, to tensor.Shape) *Node {
	kept := to.Clone()
	for _, i := range axes {
		kept[i] = 1
	}
	return reduced.Reshape(kept...).BroadcastTo(to)
}

func sumVJP(n, dy *Node, _ int) *Node { return spread(dy, n.attr.Axes, n.inputs[0].shape) }

func extremeVJP(n, dy *Node, _ int) *Node {
	x := n.inputs[0]
	ties := x.Equal(spread(n, n.attr.Axes, x.shape))
	share := dy.Div(ties.sum(n.attr.Axes, n.attr.Keep))
	return spread(share, n.attr.Axes, x.shape).Mul(ties)
}

func softmaxVJP(n, dy *Node, _ int) *Node {
	return dy.Sub(dy.Mul(n).SumKeep(n.attr.Axes...)).Mul(n)
}

func logSoftmaxVJP(n, dy *Node, _ int) *Node {
	return dy.Sub(n.Exp().Mul(dy.SumKeep(n.attr.Axes...)))
}

func crossentropyVJP(n, dy *Node, i int) *Node {
	logits, target := n.inputs[0], n.inputs[1]
	if i == 0 {
		return apply(OpSoftmaxCrossentropyGrad, *n.attr, logits, target, dy)
	}
	if n.attr.Sparse {
		return nil
	}
	log := logits.LogSoftmax(-1)
	if clip := n.attr.Clip; clip > 0 {
		log = logits.Softmax(-1).Clip(clip, 1-clip).Log()
	}
	return lastAxis(dy).Mul(log).Neg()
}

// crossentropyGradVJP writes the gradient out in ordinary nodes, with p the
// probabilities, t the target and m marking what the clip lets through,
//
//	∂loss/∂z = p · Σ m·t - m·t
//
// and differentiates that, with respect to aliases of its operands: one node may
// stand in two places.
func crossentropyGradVJP(n, dy *Node, i int) *Node {
	var operands []*Node
	for _, in := range n.inputs {
		operands = append(operands, apply(OpReshape, Attr{Shape: in.shape}, in))
	}
	logits, target, dloss := operands[0], operands[1], operands[2]
	t := target
	if n.attr.Sparse {
		t = target.OneHot(logits.shape[logits.Rank()-1])
	}
	p := logits.Softmax(-1)
	if clip := n.attr.Clip; clip > 0 {
		g := n.graph
		t = t.Mul(g.Scalar(clip).LessEqual(p)).Mul(p.LessEqual(g.Scalar(1 - clip)))
	}
	grad := p.Mul(t.SumKeep(-1)).Sub(t).Mul(lastAxis(dloss))
	return backward(grad, dy, operands[i:i+1], operands)[0]
}

func lastAxis(n *Node) *Node { return n.Reshape(append(n.shape.Clone(), 1)...) }

func matMulVJP(n, dy *Node, i int) *Node {
	a, b := n.inputs[0], n.inputs[1]
	mul := func(l, r *Node, transL, transR bool) *Node {
		return apply(n.op, Attr{TransA: transL, TransB: transR}, l, r)
	}
	switch ta, tb := n.attr.TransA, n.attr.TransB; {
	case i == 0 && !ta:
		return mul(dy, b, false, !tb)
	case i == 0:
		return mul(b, dy, tb, true)
	case !tb:
		return mul(a, dy, !ta, false)
	default:
		return mul(dy, a, true, ta)
	}
}

func reshapeVJP(n, dy *Node, _ int) *Node {
	return apply(OpReshape, Attr{Shape: n.inputs[0].shape, Rows: n.attr.Rows}, dy)
}

func transposeVJP(n, dy *Node, _ int) *Node {
	inverse := make([]int, len(n.attr.Axes))
	for i, from := range n.attr.Axes {
		inverse[from] = i
	}
	return dy.Transpose(inverse...)
}

func broadcastToVJP(n, dy *Node, _ int) *Node { return unbroadcast(dy, n.inputs[0].shape) }

// Slice and Pad are each other's transpose.

func sliceVJP(n, dy *Node, _ int) *Node {
	return apply(OpPad, Attr{Begin: n.attr.Begin, Step: n.attr.Step, Shape: n.inputs[0].shape}, dy)
}

func padVJP(n, dy *Node, _ int) *Node {
	return apply(OpSlice, Attr{Begin: n.attr.Begin, Step: n.attr.Step, Shape: n.inputs[0].shape}, dy)
}

func concatVJP(n, dy *Node, i int) *Node {
	at := n.attr.Axes[0]
	begin := 0
	for _, in := range n.inputs[:i] {
		begin += in.shape[at]
	}
	return dy.SliceAxis(at, begin, begin+n.inputs[i].shape[at])
}

func packVJP(n, dy *Node, i int) *Node {
	return dy.View(n.attr.Offsets[i], n.inputs[i].shape)
}

func viewVJP(n, dy *Node, _ int) *Node {
	return Pack(n.inputs[0].shape[0], slices.Clone(n.attr.Offsets), dy)
}
