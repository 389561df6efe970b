package graph

// This file differentiates: a sweep from a node back to what it depends on.

import "slices"

// Gradients returns the derivative of the scalar y with respect to each node,
// in that node's shape; zeros where y does not depend on it. The derivatives
// are ordinary nodes and can be differentiated in turn.
//
// Gradients that meet at a node are added in the order of the nodes that they
// come from.
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
	return sweep(y, g.Scalar(1), wrt, nil)
}

// sweep returns what dy at y is worth at each node of wrt. No gradient passes
// back beyond the nodes of stop.
func sweep(y, dy *Node, wrt, stop []*Node) []*Node {
	g := y.graph
	// What comes before all of wrt depends on none of them.
	first := y.id + 1
	for _, n := range wrt {
		first = min(first, n.id)
	}
	nodes := g.nodes[first : y.id+1]
	depends := make([]bool, len(nodes)) // on a node of wrt
	leaf := make([]bool, len(nodes))
	mark := func(marks []bool, list []*Node) {
		for _, n := range list {
			if first <= n.id && n.id <= y.id {
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
	if len(nodes) > 0 {
		arrived[len(nodes)-1] = []*Node{dy}
	}
	total := make([]*Node, len(nodes))
	outer := g.origin
	for k, n := range slices.Backward(nodes) {
		if !depends[k] || len(arrived[k]) == 0 {
			continue
		}
		g.origin = n
		if outer != nil {
			g.origin = outer
		}
		list := arrived[k]
		sum := list[len(list)-1]
		for i := len(list) - 2; i >= 0; i-- {
			sum = sum.Add(list[i])
		}
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
	g.origin = outer

	out := make([]*Node, len(wrt))
	for i, n := range wrt {
		if n.id <= y.id && total[n.id-first] != nil {
			out[i] = total[n.id-first]
		} else {
			out[i] = g.Scalar(0).BroadcastTo(n.shape)
		}
	}
	return out
}
