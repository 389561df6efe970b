package graph

// This file makes the nodes of attention: weighted means whose weights are never stored.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// Heads says how attention is computed: by how many heads, and which keys a query sees.
type Heads struct {
	Heads  int     // that queries have side by side
	Groups int     // that keys and values have side by side; each is shared by as many heads. 0: Heads
	Scale  float64 // of the products of queries and keys, rounded to float32
	Causal bool    // query i sees keys 0 … i alone
	Window int     // and of these, or of all, those less than so far from it; 0: however far
	Rate   float64 // weights are set to 0 at random, each with this probability, and the rest divided by 1-Rate, as [Node.Dropout] does
	Stream uint16  // of that; its elements are [batch, Heads, T, S]
}

// Attention returns for each query of each head the mean of the values, weighed by the softmax over the keys of
// Scale·query·key (Vaswani et al. 2017): for queries n [batch, T, Heads·d], keys [batch, S, Groups·d] and values [batch, S, Groups·e] it
// is [batch, T, Heads·e]. A mask [batch or 1, T or 1, S], or nil, is 0 where a query doesn't see a key; it has no gradient. A query that
// sees no key has zeros. Memory doesn't grow with T·S: the weights are there for some queries at a time, and are computed again for the
// gradient.
func (n *Node) Attention(keys, values, mask *Node, heads Heads) *Node {
	in := []*Node{n, keys, values}
	if mask != nil {
		in = append(in, mask)
	}
	return apply(OpAttention, Attr{Heads: heads}, in...)
}

// attentionSizes checks what queries, keys, values and a mask have in common.
func attentionSizes(a *Attr, q, k, v tensor.Shape, mask []*Node) (keyDim, valueDim int, msg string) {
	h := &a.Heads
	if h.Groups == 0 {
		h.Groups = h.Heads
	}
	switch {
	case h.Heads < 1 || h.Groups < 1 || h.Heads%h.Groups != 0:
		return 0, 0, fmt.Sprintf("the heads are %d and their groups %d: both must be positive, and the groups divide the heads", h.Heads, h.Groups)
	case !(h.Rate >= 0 && h.Rate < 1):
		return 0, 0, fmt.Sprintf("the rate of dropout, %v, must be at least 0 and less than 1", h.Rate)
	case h.Window < 0:
		return 0, 0, fmt.Sprintf("the window is %d, it must be positive, or 0 for none", h.Window)
	case len(q) != 3 || len(k) != 3 || len(v) != 3 || q[1:].HasBatch() || k[1:].HasBatch() || v[1:].HasBatch():
		return 0, 0, "queries, keys and values must be of the form [batch, steps, heads · numbers]"
	case q[0] != k[0] || q[0] != v[0] || k[1] != v[1]:
		return 0, 0, "queries, keys and values must have the same batch, keys and values the same steps"
	case q[2] == 0 || v[2] == 0 || q[2]%h.Heads != 0 || k[2]%h.Groups != 0 || v[2]%h.Groups != 0 || q[2]/h.Heads != k[2]/h.Groups:
		return 0, 0, fmt.Sprintf("queries have %d numbers in %d heads, keys %d and values %d in %d groups: heads and groups must divide them, and a head of queries have as many as a group of keys, one or more", q[2], h.Heads, k[2], v[2], h.Groups)
	case len(mask) > 1:
		return 0, 0, "takes one mask"
	}
	if len(mask) > 0 {
		if m := mask[0].shape; len(m) != 3 || m[0] != q[0] && m[0] != 1 || m[1] != q[1] && m[1] != 1 || m[2] != k[1] {
			return 0, 0, fmt.Sprintf("the mask must be of the form [%s or 1, %d or 1, %d]", dim(q[0]), q[1], k[1])
		}
	}
	return q[2] / h.Heads, v[2] / h.Groups, ""
}

func attentionShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if len(in) < 3 {
		return nil, "needs queries, keys and values"
	}
	q, k, v := in[0].shape, in[1].shape, in[2].shape
	_, e, msg := attentionSizes(a, q, k, v, in[3:])
	if msg != "" {
		return nil, msg
	}
	return tensor.Shape{q[0], q[1], a.Heads.Heads * e}, ""
}

// attentionGradShape: the operands are queries, keys, values, what attention gave, the gradient at it and perhaps the mask. The
// result is [batch, max(T, S), ...], the gradients of queries, keys and values side by side, zeros below the shorter ones.
func attentionGradShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if len(in) < 5 {
		return nil, "needs queries, keys, values, the result and its gradient"
	}
	q, k, v := in[0].shape, in[1].shape, in[2].shape
	_, e, msg := attentionSizes(a, q, k, v, in[5:])
	if msg != "" {
		return nil, msg
	}
	if y := (tensor.Shape{q[0], q[1], a.Heads.Heads * e}); !in[3].shape.Equal(y) || !in[4].shape.Equal(y) {
		return nil, fmt.Sprintf("the result and its gradient must have the shape %v", y)
	}
	return tensor.Shape{q[0], max(q[1], k[1]), q[2] + k[2] + v[2]}, ""
}

func attentionVJP(n, dy *Node, i int) *Node {
	if i > 2 {
		return nil
	}
	in := slices.Insert(slices.Clone(n.inputs), 3, n, dy)
	grad := apply(OpAttentionGrad, *n.attr, in...)
	if !grad.Valid() {
		return grad
	}
	from := 0
	for _, x := range n.inputs[:i] {
		from += x.shape[2]
	}
	shape := n.inputs[i].shape
	return grad.Slice([]int{0, 0, from}, []int{End, shape[1], from + shape[2]}, nil)
}

// attentionGradVJP writes the gradient out in ordinary nodes and differentiates that, with respect to aliases of its operands:
// one node may stand in two places.
func attentionGradVJP(n, dy *Node, i int) *Node {
	if i > 4 {
		return nil
	}
	var operands []*Node
	for _, in := range n.inputs {
		operands = append(operands, apply(OpReshape, Attr{Shape: in.shape}, in))
	}
	return backward(n.Expand(operands...), dy, operands[i:i+1], operands)[0]
}

// Expand returns what n, an Attention or the gradient of one, is of other operands of the same shapes, in products and elementwise
// operations: for who differentiates it once more, or bounds what rounding makes of it.
func (n *Node) Expand(operands ...*Node) *Node {
	if !n.Valid() || n.op != OpAttention && n.op != OpAttentionGrad || len(operands) != len(n.inputs) {
		return n.Graph().Fail("Expand is for attention, and takes as many operands as that has")
	}
	h, g := n.attr.Heads, operands[0].Graph()
	for i, x := range operands {
		if want := n.inputs[i].shape; !x.Valid() || !x.shape.Equal(want) {
			return g.Fail("Expand of %v: operand %d has the shape %v, it must be %v", n.op, i, x.Shape(), want)
		}
	}
	q, k, v, mask := operands[0], operands[1], operands[2], operands[3:]
	if n.op == OpAttentionGrad {
		mask = operands[5:]
	}
	batch, steps, values := q.shape[0], q.shape[1], k.shape[1]
	if values == 0 {
		return g.Scalar(0).BroadcastTo(n.shape)
	}
	share := h.Heads / h.Groups
	// A group's heads are below each other: [batch, Groups, share·T, numbers].
	apart := func(x *Node) *Node {
		numbers := x.shape[2] / h.Heads
		return x.Reshape(batch, steps, h.Groups, share, numbers).Transpose(0, 2, 3, 1, 4).Reshape(batch, h.Groups, share*steps, numbers)
	}
	together := func(x *Node) *Node {
		numbers := x.shape[3]
		return x.Reshape(batch, h.Groups, share, steps, numbers).Transpose(0, 3, 1, 2, 4).Reshape(batch, steps, h.Heads*numbers)
	}
	split := func(x *Node) *Node {
		return x.Reshape(batch, values, h.Groups, x.shape[2]/h.Groups).Transpose(0, 2, 1, 3)
	}
	join := func(x *Node) *Node {
		return x.Transpose(0, 2, 1, 3).Reshape(batch, values, h.Groups*x.shape[3])
	}
	qs, ks, vs := apart(q.MulScalar(h.Scale)), split(k), split(v)
	scores := qs.BatchMatMul(ks, false, true).Reshape(batch, h.Groups, share, steps, values)
	counts := g.Band(steps, values, h.Causal, h.Window)
	if len(mask) > 0 {
		m := mask[0].NotEqual(g.Scalar(0))
		m = m.Reshape(m.shape[0], 1, 1, m.shape[1], values)
		if counts != nil {
			m = m.Mul(counts)
		}
		counts = m
	}
	if counts == nil {
		counts = g.Scalar(1)
	}
	// Those that aren't seen are as far from the greatest as that, which no derivative makes infinite.
	top := Select(counts, scores, g.Scalar(-1e30)).ReduceMaxKeep(-1).StopGradient()
	e := Select(counts, scores, top).Sub(top).Exp().Mul(counts)
	weights := e.Div(e.SumKeep(-1).Max(g.Scalar(1))).Reshape(batch, h.Groups, share*steps, values)
	kept := weights.Dropout(h.Rate, h.Stream)
	if n.op == OpAttention {
		return together(kept.BatchMatMul(vs, false, false))
	}
	y, dy := apart(operands[3]), apart(operands[4])
	ds := weights.Mul(dy.BatchMatMul(vs, false, true).Dropout(h.Rate, h.Stream).Sub(dy.Mul(y).SumKeep(-1)))
	dq := together(ds.BatchMatMul(ks, false, false)).MulScalar(h.Scale)
	dk, dv := join(ds.BatchMatMul(qs, true, false)), join(kept.BatchMatMul(dy, true, false))
	below := func(x *Node) *Node { return x.Pad([]int{0, 0, 0}, []int{0, max(steps, values) - x.shape[1], 0}) }
	return Concat(2, below(dq), below(dk), below(dv))
}

// Band returns [steps, values], 1 where a step sees a value by their places and 0 where not; nil if each sees all. With causal
// it sees no later one, with a window other than 0 only those less than so far from it.
func (g *Graph) Band(steps, values int, causal bool, window int) *Node {
	if !causal && window == 0 {
		return nil
	}
	const most = 1 << 24 // beyond, float32 has not every number
	if min(steps, values) < 0 || max(steps, values) > most {
		return g.fail(OpAttention, nil, "a band of %d steps by %d values: each is to be from 0 to %d", steps, values, most)
	}
	places := func(n int, shape ...int) *Node {
		list := make([]float32, n)
		for i := range list {
			list[i] = float32(i)
		}
		return g.Const(list, shape...)
	}
	here, there := places(steps, steps, 1), places(values, 1, values)
	var band *Node
	if causal {
		band = here.GreaterEqual(there)
	}
	if window > 0 {
		near := here.Sub(there).Abs().Less(g.Scalar(float64(window)))
		if band != nil {
			near = near.Mul(band)
		}
		band = near
	}
	return band
}
