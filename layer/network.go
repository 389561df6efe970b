package layer

// This file defines Network: layers put together, from input nodes to output
// nodes.

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// A Network is all that lies between some input nodes and some output nodes.
type Network struct {
	inputs, outputs []*Node
	feeds           []*Node // of the graph
	front           *Front  // nil: nothing is done on the host
	nodes           []*Node // in the order of execution, inputs first
	layers          []Layer // each once, in Keras's order, or that of a Spec
	name            map[Layer]string
	variables       []*Variable
	owner           map[*Variable]Layer   // among layers
	around          map[*Variable][]Layer // those that may say that it is frozen
	whole           *Model                // the network as a layer, the first one that NewModel made of it, or nil
	of              *Network              // which it is for some sizes of what isn't known there, or nil
}

// NewNetwork makes a network of the nodes between inputs, which are results of
// Input layers, and outputs. It returns the first error made while the nodes
// were. Layers that were given one name twice are an error.
func NewNetwork(inputs, outputs []*Node) (*Network, error) {
	return newNetwork(inputs, outputs, nil)
}

// newNetwork is NewNetwork with the layers in an order that is given, or in Keras's if that is nil.
func newNetwork(inputs, outputs []*Node, layers []Layer) (*Network, error) {
	n := &Network{inputs: slices.Clone(inputs), outputs: slices.Clone(outputs), owner: map[*Variable]Layer{}, around: map[*Variable][]Layer{}}
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil, fmt.Errorf("layer: a network needs an input and an output, got %d and %d", len(inputs), len(outputs))
	}
	for _, x := range slices.Concat(inputs, outputs) {
		if x.none() {
			return nil, fmt.Errorf("layer: an input or output of the network is nil")
		}
		if x.err != nil {
			return nil, x.err
		}
	}
	for i, x := range inputs {
		if _, ok := x.layer.(*Input); !ok {
			return nil, fmt.Errorf("layer: input %d of the network is the output of a %s: it must be that of an Input", i, Class(x.layer))
		}
		if slices.Index(inputs, x) != i {
			return nil, fmt.Errorf("layer: input %d of the network is given twice", i)
		}
	}
	if err := n.order(); err != nil {
		return nil, err
	}
	if layers != nil {
		place := map[Layer]int{}
		for i, l := range layers {
			place[l] = i
		}
		slices.SortStableFunc(n.layers, func(a, b Layer) int { return cmp.Compare(place[a], place[b]) })
	}
	if err := n.divide(); err != nil {
		return nil, err
	}
	if err := n.identify(); err != nil {
		return nil, err
	}
	return n, nil
}

// order finds the nodes and the layers, as map_graph in keras/src/ops/function.py
// does: the farther from the outputs the earlier, and then in the order in which
// a walk from the outputs meets them.
func (n *Network) order() error {
	var walked []*Node // every node after its inputs
	met := map[Layer]int{}
	seen := map[*Node]bool{}
	var err error
	var visit func(x *Node)
	visit = func(x *Node) {
		if seen[x] {
			return
		}
		seen[x] = true
		if _, ok := met[x.layer]; !ok {
			met[x.layer] = len(met)
		}
		if _, ok := x.layer.(*Input); ok && !slices.Contains(n.inputs, x) && err == nil {
			err = fmt.Errorf("layer: the network's outputs depend on an Input of shape %v that is not among its inputs", x.shape)
		}
		for _, y := range x.in {
			visit(y)
		}
		walked = append(walked, x)
	}
	for _, x := range n.outputs {
		visit(x)
	}
	if err != nil {
		return err
	}

	depth := map[*Node]int{}
	layerDepth := map[Layer]int{}
	for _, x := range slices.Backward(walked) {
		d := max(depth[x], layerDepth[x.layer])
		depth[x], layerDepth[x.layer] = d, d
		for _, y := range x.in {
			depth[y] = max(depth[y], d+1)
		}
	}
	for _, x := range n.inputs {
		if !seen[x] { // nothing depends on it
			walked = append(walked, x)
			met[x.layer] = -1
			layerDepth[x.layer] = 0
		}
	}

	n.nodes = walked
	slices.SortStableFunc(n.nodes, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(depth[b], depth[a]), cmp.Compare(met[a.layer], met[b.layer]))
	})
	listed := map[Layer]bool{}
	for _, x := range n.nodes {
		if !listed[x.layer] {
			listed[x.layer] = true
			n.layers = append(n.layers, x.layer)
		}
	}
	slices.SortStableFunc(n.layers, func(a, b Layer) int {
		return cmp.Or(cmp.Compare(layerDepth[b], layerDepth[a]), cmp.Compare(met[a], met[b]))
	})
	return nil
}

// identify names the layers and collects their variables.
func (n *Network) identify() error {
	n.name = names(n.nodes)
	byName := map[string]Layer{}
	for _, l := range n.layers {
		name := n.name[l]
		if other, ok := byName[name]; ok {
			return &Error{
				Layer: name, Class: Class(l), Shapes: []tensor.Shape{n.shape(other), n.shape(l)},
				Msg: "another layer, a " + Class(other) + ", has the same name: names must be unique in a network",
			}
		}
		byName[name] = l
		backward(l, nil, func(inner Layer, around []Layer) { // who declares a variable names it
			path := name
			if len(around) > 0 {
				for _, l := range append(around[1:len(around):len(around)], inner) {
					path += "/" + nameOf(l)
				}
			}
			remember(inner, func(r *record) {
				for _, v := range slices.Concat(r.variables, r.states) {
					if v.Path == "" {
						v.Path = path + "/" + v.Name
					}
				}
			})
		})
		for _, v := range n.VariablesOf(l) {
			if n.owner[v] == nil {
				n.variables = append(n.variables, v)
				n.owner[v] = l
			}
		}
		walk(l, nil, func(l Layer, around []Layer) {
			for _, v := range recall(l).variables {
				n.around[v] = append(append(n.around[v], around...), l)
			}
		})
	}
	for l, name := range n.name {
		remember(l, func(r *record) {
			if r.name == "" {
				r.name = name
			}
		})
	}
	return nil
}

// shape returns what the layer puts out where it is first applied.
func (n *Network) shape(l Layer) tensor.Shape {
	return n.nodes[slices.IndexFunc(n.nodes, func(x *Node) bool { return x.layer == l })].shape
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Inputs returns the input nodes.
func (n *Network) Inputs() []*Node { return n.inputs }

// Outputs returns the output nodes.
func (n *Network) Outputs() []*Node { return n.outputs }

// Nodes returns the nodes, every one after those that it is made of.
func (n *Network) Nodes() []*Node { return n.nodes }

// BatchSize returns the size that all batches have, if an Input says it, and else 0.
func (n *Network) BatchSize() int {
	for _, x := range n.inputs {
		if in, ok := x.layer.(*Input); ok && in.BatchSize > 0 {
			return in.BatchSize
		}
	}
	return 0
}

// ShapesOf returns the shapes of nodes of the network, with the size of its batches if that is known; a nil node has none.
func (n *Network) ShapesOf(nodes []*Node) []tensor.Shape {
	list := shapesOf(nodes)
	if size := n.BatchSize(); size > 0 {
		for i, shape := range list {
			if len(shape) > 0 && shape[0] == tensor.Batch {
				list[i] = shape.Clone()
				list[i][0] = size
			}
		}
	}
	return list
}

// Reordered returns the network with its layers, and so its variables, in the order of their names.
func (n *Network) Reordered(names []string) *Network {
	other := *n
	other.layers, other.variables = slices.Clone(n.layers), nil
	slices.SortStableFunc(other.layers, func(a, b Layer) int {
		return cmp.Compare(slices.Index(names, n.name[a]), slices.Index(names, n.name[b]))
	})
	listed := map[*Variable]bool{}
	for _, l := range other.layers {
		for _, v := range n.VariablesOf(l) {
			if !listed[v] {
				listed[v], other.variables = true, append(other.variables, v)
			}
		}
	}
	return &other
}

// Layers returns the layers, each once: in Keras's order, or in that of the Spec that the network was made of.
func (n *Network) Layers() []Layer { return n.layers }

// Name returns the name that the layer has in the network.
func (n *Network) Name(l Layer) string { return n.name[l] }

// Variables returns the variables in model order: layer by layer, and in a layer
// those that are trained first.
func (n *Network) Variables() []*Variable { return n.variables }

// VariablesOf returns the variables of one layer in the order that Keras counts them in: its
// own, those that are trained first, and then those of the layers that it is made of, one after
// the other. A variable that several of these layers share is listed once for each.
func (n *Network) VariablesOf(l Layer) []*Variable {
	var list []*Variable
	walk(l, nil, func(l Layer, _ []Layer) { list = append(list, Own(l)...) })
	return list
}

// States returns the states that recurrent layers keep from batch to batch, if they are Stateful. States are no weights.
func (n *Network) States() []*Variable {
	var list []*Variable
	for _, l := range n.All() {
		list = append(list, recall(l).states...)
	}
	return list
}

// Frozen reports whether nothing in the network is trained: whether the layer is frozen that NewModel first made of it.
func (n *Network) Frozen() bool {
	if n.of != nil {
		return n.of.Frozen()
	}
	return n.whole != nil && n.whole.Frozen
}

// Trainable reports whether the optimizer may change v: it is trainable, and neither its layer
// nor one around that is frozen, nor the network.
func (n *Network) Trainable(v *Variable) bool {
	return v != nil && v.Trainable && !n.Frozen() && !slices.ContainsFunc(n.around[v], Frozen)
}

// TrainableVariables returns the variables that the optimizer may change, in model
// order.
func (n *Network) TrainableVariables() []*Variable {
	var list []*Variable
	for _, v := range n.variables {
		if n.Trainable(v) {
			list = append(list, v)
		}
	}
	return list
}

// Trace emits the network's nodes, given those of its Feeds, which are its inputs unless layers work on the host, and returns
// those of its outputs. What layers add to the loss is then in c.Losses; the penalties
// on weights are in Penalties.
func (n *Network) Trace(c *Context, inputs []*graph.Node) []*graph.Node {
	if c == nil || c.graph == nil {
		c = NewContext(nil, false) // whose graph says so
	}
	if n.Open() {
		m, err := n.at(inputs)
		if err != nil {
			return slices.Repeat([]*graph.Node{c.graph.Fail("%v", err)}, len(n.outputs))
		}
		return m.Trace(c, inputs)
	}
	value := map[*Node]*graph.Node{}
	training, frozen := c.training, c.frozen
	defer func() { c.training, c.frozen = training, frozen }()
	c.frozen = frozen || n.Frozen()
	for i, x := range n.feeds {
		switch {
		case i >= len(inputs):
			value[x] = c.graph.Fail("the network has %d inputs, got %d", len(n.feeds), len(inputs))
		case !inputs[i].Valid():
			value[x] = c.graph.Fail("input %d of the network is nil", i)
		default:
			value[x] = inputs[i]
		}
	}
	var folded map[*Node]*BatchNormalization
	if !training {
		folded = n.folded()
	}
	for _, x := range n.nodes {
		if value[x] != nil || x.ahead() {
			continue
		}
		if len(x.in) == 1 && folded[x.in[0]] != nil { // which is what x is
			value[x] = value[x.in[0]]
			continue
		}
		in := make([]*graph.Node, len(x.in))
		for i, y := range x.in {
			in[i] = value[y]
		}
		c.training = training && !x.inference
		c.fold = folded[x]
		out := c.call(x.layer, n.name[x.layer], in)
		c.fold = nil
		for i, result := range x.results {
			value[result] = out[min(i, len(out)-1)]
		}
	}
	out := make([]*graph.Node, len(n.outputs))
	for i, x := range n.outputs {
		out[i] = value[x]
	}
	return out
}

// Penalties emits the penalties of the regularizers on the weights that are
// trained, in model order.
func (n *Network) Penalties(c *Context) []*graph.Node {
	var out []*graph.Node
	for _, v := range n.variables {
		if v.Regularizer != nil && n.Trainable(v) {
			out = append(out, v.Regularizer.Penalty(c.Value(v)))
		}
	}
	return out
}
