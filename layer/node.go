package layer

// This file defines Node, the symbolic tensor by which networks are written down.

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Node is the result of applying a layer: a tensor of known shape and no
// values. Nodes are made by Apply, and networks are made of nodes.
type Node struct {
	layer  Layer
	in     []*Node
	shape  tensor.Shape
	serial uint64 // counts applications, in the order in which the program makes them
	err    error
}

var serials atomic.Uint64

// Shape returns the shape, whose first dimension is tensor.Batch.
func (n *Node) Shape() tensor.Shape { return n.shape }

// Layer returns the layer that was applied.
func (n *Node) Layer() Layer { return n.layer }

// Inputs returns the nodes that it was applied to.
func (n *Node) Inputs() []*Node { return n.in }

// Err returns the first error made on the way to n, with the user's line, or nil.
func (n *Node) Err() error { return n.err }

// Apply applies a layer to nodes and returns the result. An *Input is applied to
// none. A mistake is kept in the node that is returned, which is safe to go on
// with; making a network of it returns the error.
func Apply(l Layer, in ...*Node) *Node {
	n := &Node{layer: l, in: slices.Clone(in), serial: serials.Add(1)}
	scratch := graph.New()
	fail := func(name, msg string, err error) *Node {
		e := &Error{Layer: name, Msg: msg, Err: err}
		if l != nil {
			e.Class = Class(l)
		}
		for _, x := range in {
			if x != nil {
				e.Shapes = append(e.Shapes, x.shape)
			}
		}
		e.Pos = scratch.Fail("").Graph().Err().(*graph.Error).Pos
		n.err = e
		return n
	}
	for _, x := range in {
		if x != nil && x.err != nil {
			n.err = x.err
			return n
		}
	}
	if v := reflect.ValueOf(l); v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fail("", "a layer is a pointer to a struct", nil)
	}
	if slices.Contains(in, nil) {
		return fail(provisional(n), "an input is nil", nil)
	}
	input, isInput := l.(*Input)
	if isInput != (len(in) == 0) {
		return fail(provisional(n), fmt.Sprintf("an Input takes no nodes, and every other layer at least one; got %d", len(in)), nil)
	}

	name := provisional(n)
	if isInput {
		n.shape = append(tensor.Shape{tensor.Batch}, input.Shape...)
		if err := n.shape.Check(); err != nil {
			return fail(name, err.Error(), err)
		}
		return n
	}
	c := NewContext(scratch, true)
	shapes := make([]tensor.Shape, len(in))
	nodes := make([]*graph.Node, len(in))
	for i, x := range in {
		shapes[i] = x.shape
		nodes[i] = scratch.Input("", x.shape)
	}
	if err := build(l, name, shapes); err != nil {
		if e, ok := err.(*Error); ok {
			return fail(name, e.Msg, e.Err)
		}
		return fail(name, err.Error(), err)
	}
	out := c.call(l, name, nodes)
	if err := scratch.Err(); err != nil {
		e := *err.(*graph.Error)
		pos := e.Pos
		e.Pos, e.Scope = graph.Pos{}, ""
		fail(name, e.Error(), err)
		n.err.(*Error).Pos = pos
		return n
	}
	n.shape = out.Shape().Clone()
	return n
}

// provisional names a layer that is no part of a network yet as if what leads to
// it were one: in a sequential network it is the name that it will have.
func provisional(n *Node) string {
	var nodes []*Node
	seen := map[*Node]bool{}
	var visit func(*Node)
	visit = func(x *Node) {
		if x == nil || seen[x] {
			return
		}
		seen[x] = true
		for _, y := range x.in {
			visit(y)
		}
		nodes = append(nodes, x)
	}
	visit(n)
	return names(nodes)[n.layer]
}

// earlier orders nodes as the program made them.
func earlier(a, b *Node) int { return cmp.Compare(a.serial, b.serial) }

// names gives every layer of the nodes its name: the user's, or the one that it
// has from another network, or Keras's for its class (dense, dense_1, …),
// numbered in the order in which layers were first applied.
func names(nodes []*Node) map[Layer]string {
	nodes = slices.Clone(nodes)
	slices.SortFunc(nodes, earlier)
	byLayer := map[Layer]string{}
	taken := map[string]bool{}
	for _, n := range nodes {
		if name := Name(n.layer); name != "" {
			byLayer[n.layer] = name
			taken[name] = true
		}
	}
	for _, n := range nodes {
		if name := recall(n.layer).name; name != "" && byLayer[n.layer] == "" && !taken[name] {
			byLayer[n.layer] = name
			taken[name] = true
		}
	}
	used := map[string]int{}
	for _, n := range nodes {
		base := config.Snake(Class(n.layer))
		for byLayer[n.layer] == "" {
			name := base
			if k := used[base]; k > 0 {
				name = fmt.Sprintf("%s_%d", base, k)
			}
			used[base]++
			if !taken[name] {
				byLayer[n.layer] = name
				taken[name] = true
			}
		}
	}
	return byLayer
}
