package graph

// This file has the operations on rows of a table that are named by their indices: a layer that looks rows up is
// Gather, its derivative ScatterAdd.

import (
	"fmt"

	"github.com/cornu-ml/cornu/tensor"
)

// Gather looks rows of a table up: n is the table, [rows, …], and the result has the row for each index,
// [indices…, …]. A number that is no index of a row gives zeros; Node.Integers sees to
// it that there is none. The table can't depend on the batch: BatchGather has one for each sample.
func (n *Node) Gather(indices *Node) *Node { return apply(OpGather, Attr{}, n, indices) }

// BatchGather looks rows up of a table for each sample: n is the tables, [batch, rows, …], the indices are [batch, indices…],
// and the result is [batch, indices…, …]. A number that is no index of a row gives zeros. Images are read at computed places by it,
// as tables of their pixels: indices are exact up to 2²⁴ rows.
func (n *Node) BatchGather(indices *Node) *Node {
	return apply(OpGather, Attr{Batched: true}, n, indices)
}

// ScatterAdd adds up what belongs to the same row of a table: n is [indices…, …], and each row of the result,
// [rows, …], is the sum of those of n that have its index, in their order; that of none is 0. What has a number that is
// no index is in no sum. It is the gradient of Gather, and has the bits of the product of the indices' OneHot, transposed,
// with n: sums are cut in blocks of 4096 indices.
func (n *Node) ScatterAdd(indices *Node, rows int) *Node {
	return apply(OpScatterAdd, Attr{Depth: rows}, n, indices)
}

// BatchScatterAdd is ScatterAdd for each sample by itself: n is [batch, indices…, …], the indices are [batch, indices…], and the
// result is [batch, rows, …]. It is the gradient of BatchGather.
func (n *Node) BatchScatterAdd(indices *Node, rows int) *Node {
	return apply(OpScatterAdd, Attr{Depth: rows, Batched: true}, n, indices)
}

// GroupSum replaces each row of n, [indices…, …], by the sum of all rows of n that have the same index. That is Gather of
// ScatterAdd, but without the table of sums between them, so that its cost grows with the number of indices and not with that
// of the table's rows. A number that is not an index, from 0 to rows-1, gives zeros.
func (n *Node) GroupSum(indices *Node, rows int) *Node {
	return apply(OpGroupSum, Attr{Depth: rows}, n, indices)
}

func gatherShape(a *Attr, in []*Node) (tensor.Shape, string) {
	table, indices := in[0].shape, in[1].shape
	switch {
	case a.Batched && (len(table) < 2 || len(indices) == 0 || table[0] != indices[0]):
		return nil, "each sample must have a table, [batch, rows, …], and indices, [batch, …]"
	case a.Batched && table[1:].HasBatch():
		return nil, "rows may not depend on the batch"
	case a.Batched:
		return append(indices.Clone(), table[2:]...), ""
	case len(table) == 0:
		return nil, "a scalar is no table of rows"
	case table.HasBatch():
		return nil, fmt.Sprintf("the table, of shape %v, may not depend on the batch", table)
	}
	return append(indices.Clone(), table[1:]...), ""
}

func scatterAddShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if _, msg := groupSumShape(a, in); msg != "" {
		return nil, msg
	}
	indices := in[1].shape
	rows := tensor.Shape{a.Depth}
	if a.Batched {
		if len(indices) == 0 {
			return nil, "each sample must have indices, [batch, …]"
		}
		rows = tensor.Shape{indices[0], a.Depth}
	}
	return append(rows, in[0].shape[len(indices):]...), ""
}

func groupSumShape(a *Attr, in []*Node) (tensor.Shape, string) {
	x, indices := in[0].shape, in[1].shape
	switch {
	case a.Depth < 0:
		return nil, fmt.Sprintf("a table can't have %d rows", a.Depth)
	case len(x) < len(indices) || !x[:len(indices)].Equal(indices):
		return nil, fmt.Sprintf("there must be a row for each index: a shape that begins as theirs, %v", indices)
	case x[len(indices):].HasBatch():
		return nil, "rows may not depend on the batch"
	}
	return x, ""
}

func gatherVJP(n, dy *Node, i int) *Node {
	switch table, indices := n.inputs[0], n.inputs[1]; {
	case i == 1:
		return nil
	case n.attr.Batched:
		return dy.BatchScatterAdd(indices, table.shape[1])
	default:
		return dy.ScatterAdd(indices, table.shape[0])
	}
}

func scatterAddVJP(n, dy *Node, i int) *Node {
	switch indices := n.inputs[1]; {
	case i == 1:
		return nil
	case n.attr.Batched:
		return dy.BatchGather(indices)
	default:
		return dy.Gather(indices)
	}
}

// Of each two rows with the same index, either is a term of the other's sum.
func groupSumVJP(n, dy *Node, i int) *Node {
	if i == 1 {
		return nil
	}
	return dy.GroupSum(n.inputs[1], n.attr.Depth)
}
