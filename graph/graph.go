// Package graph is Cornu's one intermediate representation: what layers,
// losses and optimizers emit, what derivatives are taken of, and what a
// compiler turns into kernel calls.
//
// A Graph is a list of nodes in the order they were made, which is a
// topological order. A Node is plain data: an Op, its inputs, an Attr and the
// Shape that the op's rule gives. Arithmetic is that of float32; integers, labels and
// truth values travel as exact float32 numbers. Of an Input it can be said that it
// holds integers below a bound, see Integers; what is given as bytes, or stored as 16 bits, has a DType. One dimension of a shape may be
// tensor.Batch, whose size is known only when a compiled graph runs.
//
// Expressions chain on nodes:
//
//	loss := yTrue.Sub(yPred).Square().Mean(-1)
//
// No function here panics or returns an error. The first mistake is kept in
// Graph.Err, with the user's file and line, and a poisoned node is returned
// which is safe to go on with.
//
// A Graph is not safe for concurrent use while it is built.
package graph

// This file defines Graph and Node, and the one way a node is made.

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/tensor"
)

// maxRank bounds the dimensions of a node.
const maxRank = 6

// A Graph is a list of nodes, each made after its inputs.
type Graph struct {
	nodes   []*Node
	scopes  []string
	pos     Pos                        // the user's line that stands for nodes made far below it
	origin  *Node                      // while a derivative is emitted, the node that it is of
	reached func(*Node) bool           // and whether the derivative is asked for, of an operand or of what that is made of
	scans   map[[2]*Node]*scanGradient // of scans, by the scan and what is the gradient at it
	streams uint16
	poison  *Node
	err     error
}

// New returns an empty graph.
func New() *Graph { return &Graph{} }

// poisoned returns the node that stands for all that went wrong.
func (g *Graph) poisoned() *Node {
	if g.poison == nil {
		g.poison = &Node{graph: g, id: -1, op: OpInvalid, attr: &Attr{}, shape: tensor.Shape{}}
	}
	return g.poison
}

// Err returns the first error made while building the graph, or nil. It is an
// *Error.
func (g *Graph) Err() error { return g.err }

// Nodes returns all nodes in order of creation, which is a topological order:
// Nodes()[n.ID()] == n. The slice is the graph's own and must not be changed.
func (g *Graph) Nodes() []*Node { return g.nodes }

// PushScope names the layer whose nodes are made next. Scopes nest.
func (g *Graph) PushScope(name string) { g.scopes = append(g.scopes, name) }

// PopScope ends the scope that the last PushScope began.
func (g *Graph) PopScope() {
	if len(g.scopes) > 0 {
		g.scopes = g.scopes[:len(g.scopes)-1]
	}
}

// Scope returns the current scope: the pushed names joined by slashes.
func (g *Graph) Scope() string {
	if g.origin != nil {
		return g.origin.scope
	}
	return strings.Join(g.scopes, "/")
}

// NextStream returns a fresh number for a node that draws random numbers: 0, 1,
// 2, … in order of the calls, so that it depends on topology and never on names.
func (g *Graph) NextStream() uint16 {
	s := g.streams
	if s == maxStream {
		g.fail(OpInvalid, nil, "a graph has at most %d random streams", maxStream)
		return s
	}
	g.streams++
	return s
}

// Streams from here on belong to initializers and shuffles.
const maxStream = 0x8000

// A Node is the result of one operation. Nodes are immutable.
type Node struct {
	graph  *Graph
	id     int
	op     Op
	inputs []*Node
	attr   *Attr
	shape  tensor.Shape
	dtype  DType
	scope  string
	pos    Pos
}

// Graph returns the graph that n belongs to.
func (n *Node) Graph() *Graph {
	if n.absent() {
		return orphan("a method").graph
	}
	return n.graph
}

// absent reports whether n is no node of any graph: nil, or the zero value.
func (n *Node) absent() bool { return n == nil || n.graph == nil }

// ID returns the index of n in Graph.Nodes, or -1 if n is poisoned.
func (n *Node) ID() int {
	if n.absent() {
		return -1
	}
	return n.id
}

// Op returns the operation.
func (n *Node) Op() Op {
	if n == nil {
		return OpInvalid
	}
	return n.op
}

// Valid reports whether n is an ordinary node: neither nil nor poisoned.
func (n *Node) Valid() bool { return n.Op() != OpInvalid }

// Inputs returns the operands. The slice must not be changed.
func (n *Node) Inputs() []*Node {
	if n == nil {
		return nil
	}
	return n.inputs
}

// Attr returns the attributes, never nil. They must not be changed.
func (n *Node) Attr() *Attr {
	if n.absent() {
		return &Attr{}
	}
	return n.attr
}

// Shape returns the shape. It must not be changed.
func (n *Node) Shape() tensor.Shape {
	if n == nil {
		return nil
	}
	return n.shape
}

// Rank returns the number of dimensions.
func (n *Node) Rank() int { return len(n.Shape()) }

// Scope returns the name of the layer that made n.
func (n *Node) Scope() string {
	if n == nil {
		return ""
	}
	return n.scope
}

// Pos returns the line of the user's code that made n.
func (n *Node) Pos() Pos {
	if n == nil {
		return Pos{}
	}
	return n.pos
}

// String describes n on one line: %5 = MatMul(%3, %4) (None, 256).
func (n *Node) String() string {
	if !n.Valid() {
		return "%! = invalid"
	}
	var b strings.Builder
	b.WriteString("%" + strconv.Itoa(n.id) + " = " + n.op.String() + "(")
	for i, in := range n.inputs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("%" + strconv.Itoa(in.id))
	}
	b.WriteString(")")
	if key := n.attr.Key(); key != "" {
		b.WriteString(" {" + key + "}")
	}
	b.WriteString(" " + n.shape.String())
	return b.String()
}

// Node makes a node of any op: the way for compiler passes, which rewrite one
// graph into another. Attributes are those that the op's own constructor would
// have stored. It is checked like every other.
func (g *Graph) Node(op Op, attr Attr, inputs ...*Node) *Node {
	return g.node(op, attr, inputs...)
}

// node is where every node is made: it checks the operands, applies the op's
// shape rule, and records where the user stood.
func (g *Graph) node(op Op, attr Attr, inputs ...*Node) *Node {
	for _, in := range inputs {
		switch {
		case in.absent():
			return g.fail(op, inputs, "an operand is nil")
		case in.graph != g:
			if g.err == nil && in.graph.err != nil {
				g.err = in.graph.err
			}
			return g.fail(op, inputs, "operands belong to different graphs")
		case in.op == OpInvalid:
			return g.poisoned()
		}
	}
	if int(op) >= len(opTable) || op == OpInvalid {
		return g.fail(op, inputs, "no such op")
	}
	info := &opTable[op]
	if n := len(inputs); n != info.arity && info.arity != variadic || n == 0 && info.arity == variadic {
		return g.fail(op, inputs, "takes %s, got %d", info.operands(), n)
	}
	attr = attr.clone()
	shape, msg := info.shape(&attr, inputs)
	dtype, wrong := dtypeOf(op, &attr, inputs)
	if msg == "" {
		msg = wrong
	}
	if msg == "" && len(shape) > maxRank {
		msg = "a node has at most " + strconv.Itoa(maxRank) + " dimensions"
	}
	if msg == "" {
		if err := checkShape(op, shape, inputs); err != nil {
			msg = err.Error()
		}
	}
	if msg != "" {
		return g.fail(op, inputs, "%s", msg)
	}
	n := &Node{graph: g, id: len(g.nodes), op: op, inputs: slices.Clone(inputs), attr: &attr, shape: shape.Clone(), dtype: dtype, scope: g.Scope()}
	if g.origin != nil {
		n.pos = g.origin.pos
	} else {
		n.pos = g.maker()
	}
	g.nodes = append(g.nodes, n)
	return n
}

// apply makes a node in the graph of its first operand that is not nil.
func apply(op Op, attr Attr, inputs ...*Node) *Node {
	for _, in := range inputs {
		if !in.absent() {
			return in.graph.node(op, attr, inputs...)
		}
	}
	return orphan(op.String())
}
