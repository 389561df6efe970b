package layer

// This file defines Node, the symbolic tensor by which networks are written down.

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Node is the result of applying a layer: a tensor that has a shape and no
// values. Nodes are made by Apply, and networks are made of nodes.
type Node struct {
	layer     Layer
	in        []*Node
	shape     tensor.Shape
	serial    uint64  // counts applications, in the order in which the program makes them
	results   []*Node // of the application, which n is one of
	inference bool    // the layer is called as in inference
	trials    *trials // where an axis of an input has a size that is not known; else nil
	err       error
}

var serials atomic.Uint64

// Shape returns the shape, whose first dimension is tensor.Batch. Others may be tensor.None, where an Input says so.
func (n *Node) Shape() tensor.Shape { return n.shape }

// Layer returns the layer that was applied.
func (n *Node) Layer() Layer { return n.layer }

// Inputs returns the nodes that it was applied to.
func (n *Node) Inputs() []*Node { return n.in }

// Broken returns a node that stands for an error, which a network that is made with it returns.
func Broken(err error) *Node {
	n := &Node{err: err}
	n.results = []*Node{n}
	return n
}

// Output returns which of the layer's outputs n is, from 0.
func (n *Node) Output() int { return max(slices.Index(n.results, n), 0) }

// Results returns all results of the application that n is one of.
func (n *Node) Results() []*Node { return n.results }

// Inference reports whether the layer was applied by Infer.
func (n *Node) Inference() bool { return n.inference }

// first returns the first result of the application, which stands for it.
func (n *Node) first() *Node { return n.results[0] }

// none reports whether n is nil, or a Node that Apply hasn't made.
func (n *Node) none() bool { return n == nil || n.layer == nil && n.err == nil }

// Err returns the first error made on the way to n, with the user's line, or nil.
func (n *Node) Err() error { return n.err }

// Apply applies a layer to nodes and returns the result. An *Input is applied to
// none. A mistake is kept in the node that is returned, which is safe to go on
// with; making a network of it returns the error.
func Apply(l Layer, in ...*Node) *Node {
	n := applied(l, false, in)
	if k := len(n.results); k > 1 && n.err == nil {
		n.err = &Error{Layer: provisional(n), Class: Class(l), Shapes: shapesOf(in), Pos: here(), Msg: fmt.Sprintf("it has %d outputs: ApplyAll returns them", k)}
	}
	return n
}

// ApplyAll is Apply for layers of several outputs, and returns them all.
func ApplyAll(l Layer, in ...*Node) []*Node { return applied(l, false, in).results }

// Infer applies a layer that behaves as in inference, even in training, as if Keras's call had
// training=False: dropout drops nothing, and BatchNormalization uses its moving statistics and
// keeps them. Its weights are trained unless they are frozen. It returns all outputs.
func Infer(l Layer, in ...*Node) []*Node { return applied(l, true, in).results }

// applied returns the first result of an application.
func applied(l Layer, inference bool, in []*Node) *Node {
	n := &Node{layer: l, in: slices.Clone(in), serial: serials.Add(1), inference: inference}
	n.results = []*Node{n}
	for _, x := range in {
		if x != nil && x.err != nil {
			n.err = x.err
			return n
		}
	}
	if err := n.apply(); err != nil {
		n.err = err
	}
	return n
}

func shapesOf(nodes []*Node) []tensor.Shape {
	list := make([]tensor.Shape, len(nodes))
	for i, x := range nodes {
		if x != nil {
			list[i] = x.shape
		}
	}
	return list
}

// apply checks the application and finds the shape of its result.
func (n *Node) apply() error {
	if err := check(n.layer); err != nil {
		return &Error{Class: fmt.Sprintf("%T", n.layer), Pos: here(), Msg: err.Error()}
	}
	n.layer = distinct(n.layer)
	e := &Error{Class: Class(n.layer), Pos: here()}
	if n.fits(e) {
		return nil
	}
	e.Layer = provisional(n)
	return e
}

// fits finds the shape of the result, or puts what is wrong into e.
func (n *Node) fits(e *Error) bool {
	if slices.ContainsFunc(n.in, (*Node).none) {
		e.Msg = "an input is nil"
		return false
	}
	e.Shapes = append(e.Shapes, shapesOf(n.in)...)
	input, ok := n.layer.(*Input)
	if ok != (len(n.in) == 0) {
		e.Msg = fmt.Sprintf("an Input takes no nodes, and every other layer at least one; got %d", len(n.in))
		return false
	}
	if ok {
		if input.BatchSize < 0 {
			e.Msg = fmt.Sprintf("BatchSize is %d, it must be positive, or 0 for any", input.BatchSize)
			return false
		}
		n.shape = append(tensor.Shape{tensor.Batch}, input.Shape...)
		if e.Err = known(n.shape, 1).Check(); e.Err != nil {
			e.Msg = e.Err.Error()
			return false
		}
		return !open(n.shape) || n.fitsSizes(e)
	}
	if err := config.CheckFields(n.layer); err != nil {
		e.Msg, e.Err = err.Error(), err
		return false
	}
	if e.Msg = n.placed(); e.Msg != "" {
		return false
	}
	if slices.ContainsFunc(e.Shapes, open) {
		return n.fitsSizes(e)
	}
	shapes := n.outputs(e)
	if shapes == nil {
		return false
	}
	n.give(shapes)
	return true
}

// outputs returns the shapes of what the layer makes of inputs of e.Shapes, or puts what is wrong into e.
func (n *Node) outputs(e *Error) []tensor.Shape {
	if err := build(n, e.Shapes); err != nil {
		e.Msg, e.Err = err.Error(), err
		if own, ok := err.(*Error); ok {
			e.Msg, e.Err = own.Msg, own.Err
		}
		return nil
	}
	h := n.host()
	if h == nil {
		return n.trace(e)
	}
	shape := h.Output(e.Shapes)
	checked := shape
	if _, ok := h.(ragged); ok {
		checked = known(shape, 1)
	}
	switch e.Err = checked.Check(); {
	case e.Err != nil:
		e.Msg = "the result: " + e.Err.Error()
	case len(shape) == 0 || shape[0] != tensor.Batch:
		e.Msg = fmt.Sprintf("the result: Output returned the shape %v, which must begin with the batch", shape)
	}
	if e.Msg != "" {
		return nil
	}
	return []tensor.Shape{shape}
}

// trace calls the layer on a scratch graph, whose nodes know their shapes, and returns those of the results. What
// goes wrong is put into e.
func (n *Node) trace(e *Error) []tensor.Shape {
	scratch := graph.New()
	var in []*graph.Node
	for _, s := range e.Shapes {
		in = append(in, scratch.Input("", s))
	}
	c := NewContext(scratch, !n.inference)
	out := c.call(n.layer, "", in)
	if err, ok := scratch.Err().(*graph.Error); ok {
		inner := *err
		inner.Pos, inner.Scope = graph.Pos{}, ""
		e.Pos, e.Msg, e.Err = err.Pos, inner.Error(), err
		return nil
	}
	var shapes []tensor.Shape
	for _, y := range out {
		s := y.Shape().Clone()
		if err := s.Check(); err != nil {
			e.Msg, e.Err = "the result: "+err.Error(), err
			return nil
		}
		shapes = append(shapes, s)
	}
	return shapes
}

// give makes the results of the application, of these shapes, of which n is the first.
func (n *Node) give(shapes []tensor.Shape) {
	n.shape = shapes[0]
	for _, s := range shapes[1:] {
		other := *n
		other.shape = s
		n.results = append(n.results, &other)
	}
	for _, x := range n.results {
		x.results = n.results
	}
}

// here returns the user's line, as the graph finds it.
func here() graph.Pos {
	g := graph.New()
	g.Fail("")
	return g.Err().(*graph.Error).Pos
}

// provisional names a layer that is no part of a network yet as if what leads to
// it were one: in a sequential network it is the name that it will have. It takes as
// long as there are nodes, so that it is for errors, and for who asks.
func provisional(n *Node) string {
	var nodes []*Node
	seen := map[*Node]bool{}
	var visit func(*Node)
	visit = func(x *Node) {
		if x.none() || seen[x] {
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

// snake returns the name that Keras gives the first layer of a class.
func snake(l Layer) string { return config.Snake(Class(l)) }

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
		base := snake(n.layer)
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
