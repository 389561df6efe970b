package graph

// This file differentiates: it walks back from a node back to what it depends on.

import (
	"maps"
	"slices"
)

// Gradients returns the derivative of the scalar y with respect to each node,
// in that node's shape; zeros where y does not depend on it. The derivatives
// are ordinary nodes and can be differentiated in turn.
//
// Gradients that meet at a node are added in the order of the nodes that they
// come from. Those of slices that do not overlap are joined, which takes as long as
// the node is large, however many they are. Those of a table in which several sequences of indices are looked up are one
// ScatterAdd of them all.
func Gradients(y *Node, wrt ...*Node) []*Node {
	out := make([]*Node, len(wrt))
	fill := func(n *Node) []*Node {
		for i := range out {
			out[i] = n
		}
		return out
	}
	if y.absent() {
		return fill(orphan("Gradients"))
	}
	g := y.graph
	if !y.Valid() {
		return fill(g.poisoned())
	}
	for _, n := range wrt {
		switch {
		case n.absent():
			return fill(g.Fail("the gradient of a nil node was asked for"))
		case n.graph != g:
			return fill(g.Fail("the gradient of a node of another graph was asked for"))
		case !n.Valid():
			return fill(g.poisoned())
		}
	}
	if y.Rank() != 0 {
		return fill(g.Fail("the gradient of a node of shape %v was asked for: only a scalar has one, take Sum or Mean first", y.shape))
	}
	return backward(y, g.Scalar(1), wrt, nil)
}

// backward returns what dy at y is worth at each node of wrt. No gradient passes
// back beyond the nodes of stop.
func backward(y, dy *Node, wrt, stop []*Node) []*Node {
	return backwardAll([]*Node{y}, []*Node{dy}, wrt, stop)
}

// backwardAll is backward for several results, each with what it is worth.
func backwardAll(ys, dys, wrt, stop []*Node) []*Node {
	g := ys[0].graph
	end := 0
	for _, y := range ys {
		end = max(end, y.id+1)
	}
	// What comes before all of wrt depends on none of them.
	first := end
	for _, n := range wrt {
		first = min(first, n.id)
	}
	nodes := g.nodes[first:end]
	depends := make([]bool, len(nodes)) // on a node of wrt
	leaf := make([]bool, len(nodes))
	mark := func(marks []bool, list []*Node) {
		for _, n := range list {
			if first <= n.id && n.id < end {
				marks[n.id-first] = true
			}
		}
	}
	mark(leaf, stop)
	mark(depends, wrt)
	reached := func(n *Node) bool { return n.id >= first && depends[n.id-first] }
	for k, n := range nodes {
		depends[k] = depends[k] || !leaf[k] && slices.ContainsFunc(n.inputs, reached)
	}

	// arrived[k] holds the gradients at node k, from the last user to the first.
	arrived := make([][]*Node, len(nodes))
	for i, y := range ys {
		if y.id >= first {
			arrived[y.id-first] = append(arrived[y.id-first], dys[i])
		}
	}
	total := make([]*Node, len(nodes))
	outer, around := g.origin, g.reached
	g.reached = reached
	for k, n := range slices.Backward(nodes) {
		if !depends[k] || len(arrived[k]) == 0 {
			continue
		}
		g.origin = n
		if outer != nil {
			g.origin = outer
		}
		slices.Reverse(arrived[k])
		sum := added(joinScatters(joinSlices(arrived[k])))
		total[k] = sum
		if leaf[k] {
			continue
		}
		for i := len(n.inputs) - 1; i >= 0; i-- {
			in := n.inputs[i]
			if !reached(in) {
				continue
			}
			if d := opTable[n.op].vjp(n, sum, i); d != nil {
				arrived[in.id-first] = append(arrived[in.id-first], d)
			}
		}
	}
	g.origin, g.reached = outer, around

	out := make([]*Node, len(wrt))
	for i, n := range wrt {
		if n.id < end && total[n.id-first] != nil {
			out[i] = total[n.id-first]
		} else {
			out[i] = g.Scalar(0).BroadcastTo(n.shape)
		}
	}
	return out
}

func added(list []*Node) *Node {
	sum := list[0]
	for _, n := range list[1:] {
		sum = sum.Add(n)
	}
	return sum
}

// joinSlices concatenates the gradients of slices along one axis that do not overlap, in
// the place of the first of them. Those of the same slice are added before.
func joinSlices(list []*Node) []*Node {
	axis, first := -1, 0
	parts := map[int][]*Node{} // by where the slice begins
	for i, n := range list {
		at := slicedAxis(n)
		if at < 0 || axis >= 0 && at != axis {
			continue
		}
		if axis < 0 {
			axis, first = at, i
		}
		begin := n.attr.Begin[axis]
		parts[begin] = append(parts[begin], n.inputs[0])
	}
	if len(parts) < 2 {
		return list
	}
	whole := list[first]
	zeros := func(size int) *Node {
		shape := whole.shape.Clone()
		shape[axis] = size
		return whole.graph.Scalar(0).BroadcastTo(shape)
	}
	var joined []*Node
	end := 0
	for _, begin := range slices.Sorted(maps.Keys(parts)) {
		size := parts[begin][0].shape[axis]
		for _, n := range parts[begin] {
			if n.shape[axis] != size {
				return list
			}
		}
		switch {
		case begin < end:
			return list
		case begin > end:
			joined = append(joined, zeros(begin-end))
		}
		joined = append(joined, added(parts[begin]))
		end = begin + size
	}
	if end < whole.shape[axis] {
		joined = append(joined, zeros(whole.shape[axis]-end))
	}
	var rest []*Node
	for i, n := range list {
		switch {
		case i == first:
			rest = append(rest, Concat(axis, joined...))
		case slicedAxis(n) != axis:
			rest = append(rest, n)
		}
	}
	return rest
}

// slicedAxis returns the one axis along which n, the gradient of a slice of every element,
// has zeros before or after, or -1.
func slicedAxis(n *Node) int {
	if n.op != OpPad {
		return -1
	}
	axis := -1
	for i, d := range n.inputs[0].shape {
		if n.attr.Step[i] != 1 || d == 0 {
			return -1
		}
		if d != n.shape[i] {
			if axis >= 0 {
				return -1
			}
			axis = i
		}
	}
	return axis
}

// joinScatters makes one ScatterAdd of those of sequences of the same samples, in the place of the first of them.
func joinScatters(list []*Node) []*Node {
	var x, indices, rest []*Node
	first := 0
	for _, n := range list {
		switch {
		case n.op != OpScatterAdd || n.attr.Batched || n.inputs[1].Rank() != 2 || len(indices) > 0 && n.inputs[1].shape[0] != indices[0].shape[0]:
			rest = append(rest, n)
		default:
			if len(indices) == 0 {
				first = len(rest)
			}
			x, indices = append(x, n.inputs[0]), append(indices, n.inputs[1])
		}
	}
	if len(indices) < 2 {
		return list
	}
	return slices.Insert(rest, first, Concat(1, x...).ScatterAdd(Concat(1, indices...), list[0].shape[0]))
}
