package layer

// This file turns layers and networks into plain data and back: what all file
// formats are written from and read into.

import (
	"container/heap"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Config returns the layer's configuration as a map that JSON can hold, with
// Keras's names and with defaults put in.
func Config(l Layer) (map[string]any, error) {
	if config.IsNil(l) {
		return nil, errors.New("layer: a nil layer has no configuration")
	}
	m, err := config.Encode(l)
	if err != nil {
		return nil, fmt.Errorf("layer %q (%s): %w", Name(l), Class(l), err)
	}
	return m, nil
}

// FromConfig returns a new layer of a registered class, configured by what
// Config returned. Entries that are missing have their defaults.
func FromConfig(class string, cfg map[string]any) (Layer, error) {
	l, err := New(class)
	if err != nil {
		return nil, err
	}
	if err := config.Decode(cfg, l); err != nil {
		return nil, fmt.Errorf("layer of class %s: %w", class, err)
	}
	return l, nil
}

// A Spec is a network without its weights, as plain data.
type Spec struct {
	Layers  []LayerSpec // in Keras's order
	Inputs  []NodeSpec
	Outputs []NodeSpec
}

// A LayerSpec is a layer of a Spec, and where it is applied.
type LayerSpec struct {
	Class   string
	Name    string         // in the network
	Config  map[string]any // with that name
	Inbound [][]NodeSpec   // the inputs of each application; an Input's has none
	Infer   []bool         // which of the applications are Infer's; nil: none
	Shapes  []tensor.Shape // of the first one's inputs: for those who read it, not to make a network
	Types   []tensor.DType // of these, String or not; nil: they are numbers
	Network *Spec          // what a Model is
	Kept    Kept           // what a Keeper has learnt
}

// A NodeSpec names a node: a result of a layer's Index-th application.
type NodeSpec struct {
	Layer  string
	Index  int
	Output int // which of the results, from 0
}

// Spec returns the network as data. It is an error if a layer holds what has no
// name in a registry, such as a function.
func (n *Network) Spec() (*Spec, error) {
	applied := n.applications()
	ref := func(x *Node) NodeSpec {
		return NodeSpec{n.name[x.layer], slices.Index(applied[x.layer], x.first()), x.Output()}
	}
	refs := func(nodes []*Node) []NodeSpec {
		list := make([]NodeSpec, len(nodes))
		for i, x := range nodes {
			list[i] = ref(x)
		}
		return list
	}
	s := &Spec{Inputs: refs(n.inputs), Outputs: refs(n.outputs)}
	for _, l := range n.layers {
		one, err := n.layerSpec(l)
		if err != nil {
			return nil, err
		}
		for _, x := range applied[l] {
			one.Inbound = append(one.Inbound, refs(x.in))
			one.Infer = append(one.Infer, x.inference)
		}
		if list := applied[l]; len(list) > 0 {
			one.Shapes = n.ShapesOf(list[0].in)
			if in := list[0].in; slices.ContainsFunc(in, (*Node).Texts) {
				one.Types = make([]tensor.DType, len(in))
				for i, x := range in {
					if x.Texts() {
						one.Types[i] = tensor.String
					}
				}
			}
		}
		if !slices.Contains(one.Infer, true) {
			one.Infer = nil
		}
		s.Layers = append(s.Layers, one)
	}
	if n.Frozen() {
		s.freeze()
	}
	return s, nil
}

// layerSpec returns what a layer is.
func (n *Network) layerSpec(l Layer) (LayerSpec, error) {
	one := LayerSpec{Class: Class(l), Name: n.name[l]}
	if _, ok := l.(*Lambda); ok {
		return one, fmt.Errorf("layer %q is a Lambda, whose function no file can hold: make it a type with Build and Call, and tell layer.Register of it", one.Name)
	}
	var err error
	if one.Config, err = Config(l); err != nil {
		return one, err
	}
	one.Config["name"] = one.Name
	if k, ok := l.(Keeper); ok {
		one.Kept = k.Keep()
		maps.Copy(one.Config, one.Kept.Config)
	}
	if m, ok := l.(*Model); ok {
		if one.Network, err = m.network.Spec(); err != nil {
			return one, fmt.Errorf("layer %q: %w", one.Name, err)
		}
		if m.Frozen {
			one.Network.freeze()
		}
		return one, nil
	}
	known, err := New(one.Class)
	if err != nil || reflect.TypeOf(known) != reflect.TypeOf(l) {
		return one, fmt.Errorf("layer %q is a %T, which no class is registered for: see layer.Register", one.Name, l)
	}
	// Layers in the configuration have the names that they go by.
	nameInner(one.Config, Inner(l))
	return one, nil
}

// nameInner gives the layers in a configuration the names of those that they are.
func nameInner(cfg map[string]any, list []Layer) {
next:
	for _, inner := range list {
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(cfg))) { // "layer" before "backward_layer"
			members, ok := cfg[key].([]any)
			if !ok {
				members = []any{cfg[key]}
			}
			for _, v := range members {
				o, _ := v.(map[string]any)
				own, ok := o["config"].(map[string]any)
				if ok && o["class_name"] == Class(inner) && (own["name"] == "" || own["name"] == nameOf(inner)) {
					own["name"] = nameOf(inner)
					nameInner(own, Inner(inner))
					continue next
				}
			}
		}
	}
}

// freeze says of all layers that they are frozen, as Keras does of those of a model that is.
func (s *Spec) freeze() {
	for _, one := range s.Layers {
		if _, ok := one.Config["trainable"]; ok {
			one.Config["trainable"] = false
		}
		if one.Network != nil {
			one.Network.freeze()
		}
	}
}

// applications lists the first result of each application of each layer, in the order in which it
// was applied.
func (n *Network) applications() map[Layer][]*Node {
	applied := map[Layer][]*Node{}
	seen := map[*Node]bool{}
	for _, x := range n.nodes {
		if first := x.first(); !seen[first] {
			seen[first] = true
			applied[x.layer] = append(applied[x.layer], first)
		}
	}
	for _, list := range applied {
		slices.SortFunc(list, earlier)
	}
	return applied
}

// Network makes the network that s describes, with new layers, which are in the order of s.Layers.
func (s *Spec) Network() (*Network, error) {
	nodes := map[string][]*Node{}
	find := func(r NodeSpec) *Node {
		if list := nodes[r.Layer]; r.Index >= 0 && r.Index < len(list) {
			if results := list[r.Index].results; r.Output >= 0 && r.Output < len(results) {
				return results[r.Output]
			}
		}
		return nil
	}
	layers := make([]Layer, len(s.Layers))
	names := map[string]bool{}
	for i, one := range s.Layers {
		var err error
		if layers[i], err = one.layer(); err != nil {
			return nil, err
		}
		if names[one.Name] {
			return nil, fmt.Errorf("layer: two layers are called %q", one.Name)
		}
		names[one.Name] = true
	}
	// Layers stand behind their inputs, but for those that are applied several times: rounds go through the layers in their
	// order, and in each those have a turn that wait for no node any more.
	type application struct {
		layer string
		index int
	}
	waiting := map[application][]int{}      // layers
	found := make([][]*Node, len(s.Layers)) // inputs of the next application
	next := make(turns, len(s.Layers))
	for i := range next {
		next[i] = i
	}
	for len(next) > 0 {
		turn := heap.Pop(&next).(int)
		i := turn % len(s.Layers)
		one := s.Layers[i]
		for k := len(nodes[one.Name]); k < len(one.Inbound); k++ {
			for len(found[i]) < len(one.Inbound[k]) {
				r := one.Inbound[k][len(found[i])]
				x := find(r)
				if x == nil {
					waiting[application{r.Layer, r.Index}] = append(waiting[application{r.Layer, r.Index}], i)
					break
				}
				found[i] = append(found[i], x)
			}
			if len(found[i]) < len(one.Inbound[k]) {
				break
			}
			x := applied(layers[i], k < len(one.Infer) && one.Infer[k], found[i])
			if x.err != nil {
				return nil, x.err
			}
			nodes[one.Name], found[i] = append(nodes[one.Name], x), nil
			for _, j := range waiting[application{one.Name, k}] {
				if j <= i { // in the next round
					j += len(s.Layers)
				}
				heap.Push(&next, turn-i+j)
			}
		}
	}
	ends := func(refs []NodeSpec) ([]*Node, error) {
		list := make([]*Node, len(refs))
		for i, r := range refs {
			if list[i] = find(r); list[i] == nil {
				return nil, fmt.Errorf("layer: there is no output %d of application %d of layer %q", r.Output, r.Index, r.Layer)
			}
		}
		return list, nil
	}
	inputs, err := ends(s.Inputs)
	if err != nil {
		return nil, err
	}
	outputs, err := ends(s.Outputs)
	if err != nil {
		return nil, err
	}
	return newNetwork(inputs, outputs, layers)
}

// turns is a heap of turns: the number of the round times that of the layers, and the number of the layer.
type turns []int

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i] < t[j] }
func (t turns) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(x any)        { *t = append(*t, x.(int)) }
func (t *turns) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// layer makes the layer.
func (s *LayerSpec) layer() (Layer, error) {
	if s.Network == nil {
		l, err := FromConfig(s.Class, s.Config)
		if k, ok := l.(Keeper); ok && err == nil {
			if err := k.Restore(s.Kept); err != nil {
				return nil, fmt.Errorf("layer %q: %w", s.Name, err)
			}
		}
		return l, err
	}
	n, err := s.Network.Network()
	if err != nil {
		return nil, fmt.Errorf("layer %q: %w", s.Name, err)
	}
	m := NewModel(n, s.Class == "Sequential")
	return m, config.Decode(s.Config, m)
}
