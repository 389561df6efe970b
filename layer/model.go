package layer

// This file makes layers of layers: a network that is a layer of another, and what layers of
// one's own are made of.

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Model is a network as a layer of others, in which its layers keep their weights: what they
// learn in one place they know in the others.
//
// Shapes: those of the network's inputs → those of its outputs.
type Model struct {
	Name   string
	Frozen bool // nothing in it is trained, and its BatchNormalization keeps its statistics

	network    *Network
	sequential bool
}

// NewModel returns a network as a layer. sequential says that it is a Sequential, whose class
// Keras tells from Functional's.
func NewModel(n *Network, sequential bool) *Model {
	l := &Model{network: n, sequential: sequential}
	if n != nil && n.whole == nil {
		n.whole = l
	}
	return l
}

// Network returns the network, nil if there is none.
func (l *Model) Network() *Network { return l.network }

// Sequential reports whether the network is a Sequential.
func (l *Model) Sequential() bool { return l.sequential }

// class returns Keras's name of the class.
func (l *Model) class() string {
	if l.sequential {
		return "Sequential"
	}
	return "Functional"
}

// Build checks the inputs.
func (l *Model) Build(b *Builder, in []tensor.Shape) error {
	if l.network == nil {
		return b.Errorf("it has no network: the model is not built, or Compile returns what is wrong with it")
	}
	if l.network.front != nil {
		return b.Errorf("layers of it work on the host, ahead of the graph, such as %s: a model with such can't be a layer; apply them to the inputs of the whole model", describe(l.network.front.example()))
	}
	for _, inner := range l.network.layers {
		b.hold(inner)
	}
	return l.fits(b, in)
}

func (l *Model) fits(b *Builder, in []tensor.Shape) error {
	want := l.network.inputs
	if len(in) != len(want) {
		return b.Errorf("takes %d inputs, got %d", len(want), len(in))
	}
	for i, s := range in {
		if !s.Fits(want[i].shape) {
			return b.Errorf("its input %d, %q, has shape %v, not %v", i, l.network.Name(want[i].layer), want[i].shape, s)
		}
	}
	return nil
}

// Call emits the nodes of a network of one output.
func (l *Model) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the network's nodes.
func (l *Model) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	if l.network == nil {
		return []*graph.Node{c.Graph().Fail("the model is not built")}
	}
	for i, x := range in {
		if i >= len(l.network.inputs) || !x.Shape().Fits(l.network.inputs[i].shape) {
			return []*graph.Node{c.Graph().Fail("input %d of the model can't have the shape %v", i, x.Shape())}
		}
	}
	defer c.freeze(l)()
	return l.network.Trace(c, in)
}

// A Several is a layer that may have several outputs. ApplyAll returns them all.
type Several interface {
	Layer
	// CallAll emits the layer's nodes, as Call does, and returns all outputs. There are as
	// many of them in every graph.
	CallAll(c *Context, in []*graph.Node) []*graph.Node
}

// Layer builds l, which the layer that is built is made of: Call emits its nodes by
// Context.Layer, and its variables are among those of the layer around it, behind its own.
func (b *Builder) Layer(l Layer, in ...tensor.Shape) error {
	if err := check(l); err != nil {
		return b.Errorf("a layer that it is made of: %v", err)
	}
	if err := config.CheckFields(l); err != nil {
		return b.Errorf("%v", err)
	}
	if l == b.layer {
		return b.Errorf("it can't be made of itself")
	}
	if err := build(&Node{layer: l, in: b.node.in, serial: b.node.serial}, in); err != nil {
		return err
	}
	b.hold(l)
	return nil
}

// hold takes down that the layer is made of l.
func (b *Builder) hold(l Layer) { b.inner = append(b.inner, l) }

// Layer emits the nodes of l, which Builder.Layer has built, and returns its outputs.
func (c *Context) Layer(l Layer, in ...*graph.Node) []*graph.Node {
	if err := check(l); err != nil {
		return []*graph.Node{c.graph.Fail("a layer that is called: %v", err)}
	}
	return c.call(l, nameOf(l), in)
}

// nameOf returns the name of a layer that is part of another.
func nameOf(l Layer) string {
	for _, name := range []string{Name(l), recall(l).name} {
		if name != "" {
			return name
		}
	}
	return snake(l)
}

// Freeze sets the field Frozen of l and of all that it is made of, as setting Keras's trainable does. A
// layer's own field says the same of all that is in it, and leaves theirs as they are.
func Freeze(l Layer, frozen bool) {
	if check(l) != nil {
		return
	}
	walk(l, nil, func(l Layer, _ []Layer) {
		if f := reflect.ValueOf(l).Elem().FieldByName("Frozen"); f.IsValid() && f.Kind() == reflect.Bool && f.CanSet() {
			f.SetBool(frozen)
		}
	})
	if m, ok := l.(*Model); ok && m.network != nil {
		for _, inner := range m.network.layers { // of a model that isn't a layer yet
			Freeze(inner, frozen)
		}
	}
}

// Own returns the variables that l has itself, without those of the layers that it is made of: those
// that are trained first.
func Own(l Layer) []*Variable {
	own := slices.Clone(recall(l).variables)
	slices.SortStableFunc(own, func(a, b *Variable) int {
		return cmp.Compare(b2i(b.Trainable), b2i(a.Trainable))
	})
	return own
}

// Inner returns the layers that l is made of, nil for most.
func Inner(l Layer) []Layer { return recall(l).inner }

// walk calls f for l and for all that it is made of, with what is around each, outermost first.
func walk(l Layer, around []Layer, f func(l Layer, around []Layer)) {
	f(l, around)
	around = append(around[:len(around):len(around)], l)
	for _, inner := range Inner(l) {
		walk(inner, around, f)
	}
}

// backward is walk, but for the order: a layer comes after those that it is made of.
func backward(l Layer, around []Layer, f func(l Layer, around []Layer)) {
	beyond := append(around[:len(around):len(around)], l)
	for _, inner := range Inner(l) {
		backward(inner, beyond, f)
	}
	f(l, around)
}

// All returns the layers of the network and those that they are made of, each once.
func (n *Network) All() []Layer {
	var list []Layer
	seen := map[Layer]bool{}
	for _, l := range n.layers {
		walk(l, nil, func(l Layer, _ []Layer) {
			if !seen[l] {
				seen[l] = true
				list = append(list, l)
			}
		})
	}
	return list
}

// Output returns the result of the layer of that name, of its first application if it is applied
// several times, or else an error: from the network's inputs to it is a network of its own, which
// shares the layers.
func (n *Network) Output(name string) (*Node, error) {
	l, err := n.Find(name)
	if err != nil {
		return nil, err
	}
	if list := n.applications()[l]; len(list) > 0 {
		return list[0], nil
	}
	return nil, fmt.Errorf("layer %q is applied within another layer, not in this network", name)
}

// Find returns the layer of that name. A path, names joined by slashes, finds one that a layer
// is made of: "encoder/dense". The error of an unknown name lists the known ones.
func (n *Network) Find(path string) (Layer, error) { return find(n, path, path) }

func find(n *Network, path, whole string) (Layer, error) {
	var known []string
	for _, l := range n.layers {
		name := n.name[l]
		if name == path {
			return l, nil
		}
		if rest, ok := strings.CutPrefix(path, name+"/"); ok {
			if m, ok := l.(*Model); ok && m.network != nil {
				return find(m.network, rest, whole)
			}
			for _, inner := range Inner(l) {
				if nameOf(inner) == rest {
					return inner, nil
				}
			}
		}
		known = append(known, name)
	}
	err := config.Unknown("layer", path, known)
	if path != whole {
		err = fmt.Errorf("%w, in %q", err, whole)
	}
	return nil, err
}
