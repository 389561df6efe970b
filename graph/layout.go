package graph

// This file makes the nodes of matrix products and those that move elements
// about without changing them.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/tensor"
)

// MatMul returns the matrix product: [..., K] × [K, N] → [..., N]. If both have
// more than two dimensions it multiplies matrix by matrix:
// [..., M, K] × [..., K, N] → [..., M, N].
func (n *Node) MatMul(b *Node) *Node {
	if n.Rank() > 2 && b.Rank() > 2 {
		return n.BatchMatMul(b, false, false)
	}
	return n.MatMulT(b, false, false)
}

// MatMulT is MatMul by matrices stored transposed:
//
//	transB: [..., K] × [N, K] → [..., N]
//	transA: [..., M] × [..., N] → [M, N], contracting all that leads
//	both:   [K, M] × [N, K] → [M, N]
//
// The second is the gradient of a weight.
func (n *Node) MatMulT(b *Node, transA, transB bool) *Node {
	return apply(OpMatMul, Attr{TransA: transA, TransB: transB}, n, b)
}

// BatchMatMul multiplies the matrices in the last two dimensions, each stored
// transposed if so said. The dimensions before are equal.
func (n *Node) BatchMatMul(b *Node, transA, transB bool) *Node {
	return apply(OpBatchMatMul, Attr{TransA: transA, TransB: transB}, n, b)
}

// Reshape gives n other dimensions, in the same row-major order. The batch
// stays where dims has tensor.Batch; if n has no batch, that dimension is
// inferred.
func (n *Node) Reshape(dims ...int) *Node {
	if n.Valid() && n.shape.Equal(dims) {
		return n
	}
	return apply(OpReshape, Attr{Shape: append(tensor.Shape{}, dims...)}, n)
}

// ForBatch turns a node whose first axis has so many rows into one whose first axis is the batch, and the other way round. A program with
// such a node is one for batches of that size alone.
func (n *Node) ForBatch(rows int) *Node {
	shape := n.Shape().Clone()
	switch {
	case !n.Valid(): // apply says so
	case len(shape) == 0 || shape[1:].HasBatch() || rows <= 0:
		return n.graph.fail(OpReshape, []*Node{n}, "ForBatch(%d) makes the first axis the batch, or rows: no other may depend on the batch, and there must be rows", rows)
	case shape[0] == tensor.Batch:
		shape[0] = rows
	default:
		shape[0] = tensor.Batch
	}
	return apply(OpReshape, Attr{Shape: shape, Rows: rows}, n)
}

// WithRank gives n axes of 1 behind its own until it has so many, as weights of samples
// need beside the values of their steps. A node that has as many is returned as it is.
func (n *Node) WithRank(rank int) *Node {
	if !n.Valid() {
		return n
	}
	shape := n.shape.Clone()
	for len(shape) < min(rank, maxRank+1) { // of more, Reshape says that they are too many
		shape = append(shape, 1)
	}
	return n.Reshape(shape...)
}

// Transpose permutes the axes: axis i of the result is axis perm[i] of n. With
// no permutation the order is reversed.
func (n *Node) Transpose(perm ...int) *Node { return apply(OpTranspose, Attr{Axes: perm}, n) }

// BroadcastTo repeats n to the shape, by the rule of Add.
func (n *Node) BroadcastTo(shape tensor.Shape) *Node {
	if n.Valid() && n.shape.Equal(shape) {
		return n
	}
	return apply(OpBroadcastTo, Attr{Shape: shape.Clone()}, n)
}

// End is the end of a dimension, whatever its size.
const End = math.MaxInt

// Slice takes the elements begin ≤ i < end of each dimension, every step-th. A
// nil step is 1 throughout. Negative indices count from the end; the batch can
// only be taken whole, as 0 to End.
func (n *Node) Slice(begin, end, step []int) *Node {
	shape := n.Shape()
	if step == nil {
		step = make([]int, len(shape))
		for i := range step {
			step[i] = 1
		}
	}
	if !n.Valid() {
		return apply(OpSlice, Attr{}, n)
	}
	if len(begin) != len(shape) || len(end) != len(shape) || len(step) != len(shape) {
		return n.Graph().fail(OpSlice, []*Node{n}, "begin, end and step need one number for each of the %d dimensions", len(shape))
	}
	attr := Attr{Begin: make([]int, len(shape)), Step: step, Shape: shape.Clone()}
	for i, d := range shape {
		if d == tensor.Batch {
			if begin[i] != 0 || end[i] != End && end[i] != tensor.Batch || step[i] != 1 {
				return n.Graph().fail(OpSlice, []*Node{n}, "dimension %d is the batch, which stays whole: 0 to End by 1", i)
			}
			continue
		}
		from, to := fromEnd(begin[i], d), fromEnd(end[i], d)
		if from < 0 || to > d || from > to || step[i] < 1 {
			return n.Graph().fail(OpSlice, []*Node{n}, "dimension %d: %s is not within its size, %d", i, span(begin[i], end[i], step[i]), d)
		}
		attr.Begin[i] = from
		attr.Shape[i] = 0
		if to > from {
			attr.Shape[i] = (to-from-1)/step[i] + 1
		}
	}
	return apply(OpSlice, attr, n)
}

func fromEnd(i, d int) int {
	switch {
	case i == End:
		return d
	case i < 0:
		return i + d
	}
	return i
}

func span(begin, end, step int) string {
	to := fmt.Sprint(end)
	if end == End {
		to = "the end"
	}
	return fmt.Sprintf("%d to %s by %d", begin, to, step)
}

// SliceAxis takes the elements begin ≤ i < end of one axis.
func (n *Node) SliceAxis(at, begin, end int) *Node {
	at, msg := axis(at, n.Rank())
	if !n.Valid() {
		return apply(OpSlice, Attr{}, n)
	}
	if msg != "" {
		return n.Graph().fail(OpSlice, []*Node{n}, "%s", msg)
	}
	from, to := make([]int, n.Rank()), make([]int, n.Rank())
	for i := range to {
		to[i] = End
	}
	from[at], to[at] = begin, end
	return n.Slice(from, to, nil)
}

// Reverse turns the order of the elements along the axes around.
func (n *Node) Reverse(list ...int) *Node {
	if !n.Valid() {
		return apply(OpSlice, Attr{}, n)
	}
	all, msg := axes(list, n.Rank())
	if msg != "" {
		return n.Graph().fail(OpSlice, []*Node{n}, "%s", msg)
	}
	attr := Attr{Begin: make([]int, n.Rank()), Step: make([]int, n.Rank()), Shape: n.shape}
	for i := range attr.Step {
		attr.Step[i] = 1
	}
	for _, i := range all {
		if n.shape[i] == tensor.Batch {
			return n.Graph().fail(OpSlice, []*Node{n}, "axis %d is the batch, which keeps its order", i)
		}
		attr.Begin[i], attr.Step[i] = max(n.shape[i]-1, 0), -1
	}
	return apply(OpSlice, attr, n)
}

// Pad puts before and after many zeros around each dimension. The batch takes none.
func (n *Node) Pad(before, after []int) *Node {
	if !n.Valid() {
		return apply(OpPad, Attr{}, n)
	}
	if len(before) != n.Rank() || len(after) != n.Rank() {
		return n.Graph().fail(OpPad, []*Node{n}, "before and after need one number for each of the %d dimensions", n.Rank())
	}
	attr := Attr{Begin: before, Step: make([]int, n.Rank()), Shape: n.shape.Clone()}
	for i := range attr.Step {
		attr.Step[i] = 1
		if before[i] < 0 || after[i] < 0 {
			return n.Graph().fail(OpPad, []*Node{n}, "dimension %d: padding of %d and %d cannot be negative", i, before[i], after[i])
		}
		if before[i] == 0 && after[i] == 0 {
			continue
		}
		if n.shape[i] == tensor.Batch {
			return n.Graph().fail(OpPad, []*Node{n}, "dimension %d is the batch, which takes no padding", i)
		}
		if before[i] > End-after[i]-n.shape[i] {
			return n.Graph().fail(OpPad, []*Node{n}, "dimension %d: padding of %d and %d is too much", i, before[i], after[i])
		}
		attr.Shape[i] += before[i] + after[i]
	}
	return apply(OpPad, attr, n)
}

// Concat joins the nodes along an axis. All other dimensions are equal.
func Concat(axis int, nodes ...*Node) *Node {
	return apply(OpConcat, Attr{Axes: []int{axis}}, nodes...)
}

// Pack lays the elements of each node at its offset in a slab of size numbers,
// with zeros between. Offsets rise, and no two nodes overlap.
func Pack(size int, offsets []int, nodes ...*Node) *Node {
	return apply(OpPack, Attr{Shape: tensor.Shape{size}, Offsets: offsets}, nodes...)
}

// View takes the tensor of a shape that lies at an offset in the slab n: what
// Pack has put there.
func (n *Node) View(offset int, shape tensor.Shape) *Node {
	return apply(OpView, Attr{Shape: shape.Clone(), Offsets: []int{offset}}, n)
}
