package layer

// This file defines Context, through which a layer emits its nodes.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Context is what a layer sees of the graph that it is traced into.
type Context struct {
	graph    *graph.Graph
	training bool
	frozen   bool                // by a layer around the present one
	fold     *BatchNormalization // that the present layer does too
	values   map[*Variable]*graph.Node
	losses   []*graph.Node
	updates  []VariableUpdate
	masks    map[*graph.Node]*graph.Node
	bothWays bool                        // the layer is in a Bidirectional
	reversed map[*graph.Node]*graph.Node // of sequences that begin with the last step: those that begin with the first
}

// A VariableUpdate is a variable's new value, which a layer asked for.
type VariableUpdate struct {
	Variable *Variable
	Value    *graph.Node
}

// NewContext returns a context for tracing layers into g.
func NewContext(g *graph.Graph, training bool) *Context {
	if g == nil {
		g = graph.New()
		g.Fail("a context needs a graph")
	}
	return &Context{graph: g, training: training, values: map[*Variable]*graph.Node{}}
}

// Graph returns the graph.
func (c *Context) Graph() *graph.Graph { return c.graph }

// Training reports whether the graph is one of training: dropout drops, and
// statistics are those of the batch.
func (c *Context) Training() bool { return c.training }

// Frozen reports whether l is frozen: whether it or a layer around it, such as a model that
// is a layer, says so.
func (c *Context) Frozen(l Layer) bool { return c.frozen || Frozen(l) }

// freeze says that what l is made of is frozen if l is, until the function that it returns is called.
func (c *Context) freeze(l Layer) func() {
	frozen := c.frozen
	c.frozen = c.Frozen(l)
	return func() { c.frozen = frozen }
}

// Bind makes n the node of v in this graph. Without it the node is a Param.
func (c *Context) Bind(v *Variable, n *graph.Node) { c.values[v] = n }

// Value returns the node of v in this graph.
func (c *Context) Value(v *Variable) *graph.Node {
	if v == nil {
		return c.graph.Fail("a variable is nil: Build must declare it")
	}
	n, ok := c.values[v]
	if !ok {
		n = c.graph.Param(v.label(), v.Shape)
		c.values[v] = n
	}
	return n
}

// AddLoss adds a scalar to the loss of the network.
func (c *Context) AddLoss(n *graph.Node) { c.losses = append(c.losses, n) }

// Update gives v a new value after the step, which Value returns from now on, so
// that a layer that is applied twice updates twice. A layer does so only in
// training.
func (c *Context) Update(v *Variable, n *graph.Node) {
	if v == nil {
		c.graph.Fail("a variable is nil: Build must declare it")
		return
	}
	c.values[v] = n
	for i := range c.updates {
		if c.updates[i].Variable == v {
			c.updates[i].Value = n
			return
		}
	}
	c.updates = append(c.updates, VariableUpdate{v, n})
}

// Losses returns what was added with AddLoss, penalties on activity included.
func (c *Context) Losses() []*graph.Node { return c.losses }

// Updates returns what was given to Update.
func (c *Context) Updates() []VariableUpdate { return c.updates }

// call emits the nodes of l under its name, and returns its outputs.
func (c *Context) call(l Layer, name string, in []*graph.Node) []*graph.Node {
	c.graph.PushScope(name)
	defer c.graph.PopScope()
	var out []*graph.Node
	if several, ok := l.(Several); ok {
		out = several.CallAll(c, in)
	} else {
		out = []*graph.Node{l.Call(c, in)}
	}
	if len(out) == 0 {
		return []*graph.Node{c.graph.Fail("CallAll returned no node")}
	}
	c.pass(l, in, out)
	for i, y := range out {
		switch {
		case y == nil:
			out[i] = c.graph.Fail("Call returned no node")
		case y.Graph() != c.graph:
			out[i] = c.graph.Fail("Call returned a node of another graph")
		default:
			if r := activityRegularizer(l); r != nil {
				c.penalize(y, r)
			}
		}
	}
	return out
}

// penalize adds a penalty on the output of a layer to the loss. As in Keras 3 it
// does not grow with the batch.
func (c *Context) penalize(out *graph.Node, r regularizer.Regularizer) {
	penalty := r.Penalty(out)
	if s := out.Shape(); len(s) > 0 && s[0] == tensor.Batch {
		penalty = penalty.Div(out.Numel(0))
	}
	c.AddLoss(penalty)
}
