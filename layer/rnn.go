package layer

// This file runs cells over sequences: RNN, and what all recurrent layers do with a sequence.

import (
	"cmp"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() { Register("RNN", func() Layer { return &RNN{} }) }

// RNN applies a cell to the steps of a sequence, one after the other, and hands the state from one to the next.
//
// It takes a sequence and, if there is one, the state to begin with, which is else zero.
//
// Shapes: (batch, steps, …) → what Cell gives of (batch, …) at the last step; with ReturnSequences at all steps, the second axis of
// the output; with ReturnState the parts of the last state are outputs too, behind the first.
type RNN struct {
	Name              string
	Frozen            bool
	Cell              Cell
	ReturnSequences   bool
	ReturnState       bool
	GoBackwards       bool // begin with the last step; a sequence that is returned begins with it too
	Stateful          bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll            bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask bool
}

// Build builds the cell.
func (l *RNN) Build(b *Builder, in []tensor.Shape) error {
	switch {
	case config.IsNil(l.Cell):
		return b.Errorf("Cell is nil: say what is done at each step, &layer.LSTMCell{Units: 8} for one")
	case len(in) == 0 || len(in[0]) < 3:
		return b.Errorf("takes a sequence, (batch, steps, …), whose steps have at least one axis")
	}
	if err := b.Layer(l.Cell, stepOf(in[0])); err != nil {
		return err
	}
	return cmp.Or(statesFit(b, in[1:], l.Cell.StateShapes()), settingsOf(l).states(b, l.Cell.StateShapes()))
}

// stepOf returns the shape of a step of a sequence, (batch, …).
func stepOf(sequence tensor.Shape) tensor.Shape {
	if len(sequence) < 2 { // a layer that is applied again says what is wrong with it
		return nil
	}
	return slices.Delete(sequence.Clone(), 1, 2)
}

// Call emits the layer's nodes and returns the first output.
func (l *RNN) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *RNN) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	if wrong := exchanged(c, l, l.Cell); wrong != nil {
		return []*graph.Node{wrong}
	}
	defer c.freeze(l)()
	return settingsOf(l).scan(c, in, bodyOf(c, l.Cell, stepOf(in[0].Shape())), l.Cell.StateShapes(), recall(l).states)
}

// statesFit checks what a recurrent layer is given to begin with: nothing, or all parts of a state.
func statesFit(b *Builder, in, want []tensor.Shape) error {
	if len(in) != 0 && len(in) != len(want) {
		return b.Errorf("takes one input, or one and a state to begin with, of %d, got %d inputs", len(want), 1+len(in))
	}
	for i, s := range in {
		if want := append(tensor.Shape{tensor.Batch}, want[i]...); !s.Equal(want) {
			return b.Errorf("state %d to begin with has the shape %v, it must be %v", i, s, want)
		}
	}
	return nil
}

// swapped returns x with its first two axes the other way round: the steps of a sequence, and the batch.
func swapped(x *graph.Node) *graph.Node {
	if x.Rank() < 2 {
		return x.Graph().Fail("takes a sequence, (batch, steps, …), got an input of shape %v", x.Shape())
	}
	perm := []int{1, 0}
	for i := 2; i < x.Rank(); i++ {
		perm = append(perm, i)
	}
	return x.Transpose(perm...)
}

// scan runs over a sequence what a cell does, whose state has parts of such shapes. It goes on from the states of the last batch if there
// are some, and leaves its own.
func (s *settings) scan(c *Context, in []*graph.Node, body cellBody, shapes []tensor.Shape, states []*Variable) []*graph.Node {
	g := c.Graph()
	var x *graph.Node
	if body.sequence != nil {
		x = body.sequence(in[0])
	} else {
		x = body.project(swapped(in[0]), body.input)
	}
	state := slices.Clip(in[1:])
	if len(state) == 0 {
		state = kept(c, states)
	}
	if len(state) == 0 {
		for _, shape := range shapes {
			state = append(state, g.Scalar(0).BroadcastTo(append(tensor.Shape{tensor.Batch}, shape...)))
		}
	}
	sequences := []*graph.Node{x}
	mask := c.Mask(in[0])
	var counts *graph.Node           // (steps, batch, 1)
	if mask != nil && len(in) == 1 { // as in Keras 3, no steps are left out where a state is given
		if mask.Rank() != 2 {
			return []*graph.Node{g.Fail("a recurrent layer takes a mask of steps, (batch, steps), not one of the shape %v", mask.Shape())}
		}
		counts = swapped(mask).WithRank(3)
		sequences = append(sequences, counts)
	}
	scan := graph.Recurrence{
		Init: state, Sequences: sequences, Constants: body.inner, Reverse: s.GoBackwards,
		Step: func(state, x, inner []*graph.Node) (next, outputs []*graph.Node) {
			y, next := body.step(x[0], state, inner)
			if len(x) == 1 {
				return next, []*graph.Node{y}
			}
			// A step that doesn't count leaves the state as it is.
			choose := func(now, before *graph.Node) *graph.Node { return graph.Select(x[1].WithRank(now.Rank()), now, before) }
			at := slices.Index(next, y)
			next = slices.Clone(next)
			for i := range next {
				next[i] = choose(next[i], state[i])
			}
			switch {
			case at >= 0:
				y = next[at]
			case !y.Shape().Equal(state[body.output].Shape()):
				y = y.Graph().Fail("a step that doesn't count has the output of the step before, which the cell must have as the first part of its state: that has shape %v, the output %v", state[body.output].Shape(), y.Shape())
			default:
				y = choose(y, state[body.output])
			}
			return next, []*graph.Node{y}
		},
	}
	if !c.Training() { // where the derivative doesn't ask for more
		scan.Last = !s.ReturnSequences
		scan.Unread = slices.Repeat([]bool{!s.ReturnState && len(states) == 0}, len(shapes))
	}
	scanned := scan.Scan(g)
	for i, v := range states {
		c.Update(v, scanned.Final(i).ForBatch(v.Shape[0]))
	}
	var out []*graph.Node
	zero := counts != nil && (s.ZeroOutputForMask || c.bothWays) // of steps that don't count
	if s.ReturnSequences {
		y := scanned.Output(0)
		if zero {
			y = graph.Select(counts.WithRank(y.Rank()), y, g.Scalar(0))
		}
		out = append(out, swapped(y))
		if s.GoBackwards {
			inOrder := out[0]
			out[0] = swapped(y.Reverse(0))
			c.inOrder(out[0], inOrder)
		}
		c.SetMask(out[0], mask)
	} else {
		y := scanned.LastOutput(0)
		if zero && !c.bothWays {
			at := counts.Shape()[0] - 1
			if s.GoBackwards {
				at = 0
			}
			y = graph.Select(counts.SliceAxis(0, at, at+1).Reshape(tensor.Batch, 1).WithRank(y.Rank()), y, g.Scalar(0))
		}
		out = append(out, y)
	}
	if s.ReturnState {
		for i := range shapes {
			out = append(out, scanned.Final(i))
		}
	}
	return out
}

// inOrder says that x, which begins with the last step, is y the other way round.
func (c *Context) inOrder(x, y *graph.Node) {
	if c.reversed == nil {
		c.reversed = map[*graph.Node]*graph.Node{}
	}
	c.reversed[x] = y
}
