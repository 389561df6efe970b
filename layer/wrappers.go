package layer

// This file has the layers that apply another one to a sequence: in both directions of time, and to each step.

import (
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Bidirectional", func() Layer { return &Bidirectional{} })
	Register("TimeDistributed", func() Layer { return &TimeDistributed{} })
}

// Bidirectional applies one recurrent layer to a sequence and another one to the sequence in reverse order, and merges their
// outputs (Schuster and Paliwal 1997). The inputs after the first are initial states: the first half of them is for Layer, the
// second half for the other layer. With ReturnState the last states are outputs in the same order.
//
// Shapes: those of Layer; with MergeMode "concat" the last axis of the output has the features of both layers, with "none" there
// are two outputs, first that of Layer.
type Bidirectional struct {
	Name          string
	Frozen        bool
	Layer         Layer  // a recurrent layer
	BackwardLayer Layer  // the other, which begins with the last step; nil: one with the configuration of Layer
	MergeMode     string `default:"concat" keras:"merge_mode,null"` // concat, sum, mul, ave, or none

	backward Layer
}

// direction is what Bidirectional needs to know of a recurrent layer.
type direction struct{ backwards, sequences, state, stateful bool }

func directionOf(l Layer) direction {
	return direction{field[bool](l, "GoBackwards"), field[bool](l, "ReturnSequences"), field[bool](l, "ReturnState"), field[bool](l, "Stateful")}
}

// Build builds both layers.
func (l *Bidirectional) Build(b *Builder, in []tensor.Shape) error {
	modes := []string{"concat", "sum", "mul", "ave", "none"}
	if mode := config.Resolve(*l).MergeMode; !slices.Contains(modes, mode) {
		return b.Errorf("MergeMode is %q, it must be one of %s", mode, strings.Join(modes, ", "))
	}
	if l.Layer == nil {
		return b.Errorf("Layer is nil: say what runs over the sequence, &layer.LSTM{Units: 8} for one")
	}
	if err := check(l.Layer); err != nil {
		return b.Errorf("Layer: %v", err)
	}
	base := strings.TrimPrefix(nameOf(l.Layer), "forward_")
	l.backward = l.BackwardLayer
	if l.backward == nil {
		cfg, err := Config(l.Layer)
		if err != nil {
			return b.Errorf("the layer in the other direction can't be made from Layer, give it as BackwardLayer: %v", err)
		}
		if _, ok := cfg["go_backwards"].(bool); !ok {
			return b.Errorf("Layer, a %s, has no field GoBackwards: it must be a recurrent layer", Class(l.Layer))
		}
		cfg["go_backwards"], cfg["name"] = true, "backward_"+base
		if l.backward, err = FromConfig(Class(l.Layer), cfg); err != nil {
			return b.Errorf("the layer in the other direction can't be made from Layer, give it as BackwardLayer: %v", err)
		}
	}
	one, other := directionOf(l.Layer), directionOf(l.backward)
	switch {
	case one.backwards == other.backwards:
		return b.Errorf("GoBackwards is %v of both layers: one must go forwards and one backwards", one.backwards)
	case one.sequences != other.sequences || one.state != other.state:
		return b.Errorf("ReturnSequences and ReturnState must be the same of both layers: they are %v and %v, %v and %v",
			one.sequences, one.state, other.sequences, other.state)
	case one.stateful != other.stateful:
		return b.Errorf("Stateful must be the same of both layers: it is %v and %v", one.stateful, other.stateful)
	case len(in)%2 == 0:
		return b.Errorf("takes a sequence, or a sequence and the states of both layers, got %d inputs", len(in))
	}
	for _, inner := range []Layer{l.Layer, l.backward} {
		if err := b.Layer(inner, halves(in, inner == l.backward)...); err != nil {
			return err
		}
	}
	remember(l.Layer, func(r *record) {
		if r.name == "" {
			r.name = "forward_" + base
		}
	})
	return nil
}

// halves returns the first of a list, and the first or the second half of the others.
func halves[T any](list []T, second bool) []T {
	at := 1 + len(list)/2
	if second {
		return append(list[:1:1], list[at:]...)
	}
	return list[:at:at]
}

// Call emits the layer's nodes and returns the first output.
func (l *Bidirectional) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *Bidirectional) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	defer c.freeze(l)()
	defer func(before bool) { c.bothWays = before }(c.bothWays)
	c.bothWays = true
	forward, backward := c.Layer(l.Layer, halves(in, false)...), c.Layer(l.backward, halves(in, true)...)
	x, y := forward[0], backward[0]
	if directionOf(l.Layer).sequences {
		if inOrder := c.reversed[y]; inOrder != nil {
			y = inOrder
		} else {
			y = y.Reverse(1)
		}
	}
	var out []*graph.Node
	switch config.Resolve(*l).MergeMode {
	case "sum":
		out = append(out, x.Add(y))
	case "mul":
		out = append(out, x.Mul(y))
	case "ave":
		out = append(out, x.Add(y).Mul(c.Graph().Scalar(0.5)))
	case "none":
		out = append(out, x, y)
	default:
		out = append(out, graph.Concat(x.Rank()-1, x, y))
	}
	if directionOf(l.Layer).sequences {
		for _, y := range out {
			c.SetMask(y, c.Mask(in[0]))
		}
	}
	return append(append(out, forward[1:]...), backward[1:]...)
}

// TimeDistributed applies a layer to each step of a sequence. Dropout drops different elements at each step, and a
// BatchNormalization computes the statistics of each step by itself, as in Keras.
//
// Shapes: (batch, steps, …) → (batch, steps, …), where the rest is what Layer makes of (batch, …).
type TimeDistributed struct {
	Name   string
	Frozen bool
	Layer  Layer
}

// Build builds the layer for one step.
func (l *TimeDistributed) Build(b *Builder, in []tensor.Shape) error {
	switch {
	case l.Layer == nil:
		return b.Errorf("Layer is nil: say what is applied to each step, &layer.Dense{Units: 1} for one")
	case len(in) != 1 || len(in[0]) < 3:
		return b.Errorf("takes one sequence, (batch, steps, …), whose steps have at least one axis")
	}
	return b.Layer(l.Layer, append(in[0][:1:1], in[0][2:]...))
}

// Call emits the layer's nodes.
func (l *TimeDistributed) Call(c *Context, in []*graph.Node) *graph.Node {
	defer c.freeze(l)()
	c.graph.PushScope(nameOf(l.Layer))
	defer c.graph.PopScope()
	x := in[0]
	switch l.Layer.(type) {
	case *Dense, *Activation, *ReLU, *LeakyReLU, *ELU: // which do the same with all axes but the last
		return l.Layer.Call(c, in)
	}
	shape := x.Shape()
	steps := make([]*graph.Node, shape[1])
	for i := range steps {
		// As in Keras, penalties on the layer's activity don't count.
		y := l.Layer.Call(c, []*graph.Node{x.SliceAxis(1, i, i+1).Reshape(append(shape[:1:1], shape[2:]...)...)})
		if y == nil {
			return nil
		}
		if !y.Valid() {
			return y
		}
		s := y.Shape()
		steps[i] = y.Reshape(append(tensor.Shape{s[0], 1}, s[1:]...)...)
	}
	return graph.Concat(1, steps...)
}
