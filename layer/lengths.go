package layer

// This file has networks whose sequences may have several lengths, or whose images several sizes: of which an Input has an axis of the
// size tensor.None, or a TextVectorization makes one. Such a network has the layers, and for each size that comes it is made again of the
// same layers, by At.

import (
	"fmt"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// trialSizes stand for the sizes that aren't known, when a layer is applied: the first two that are possible say what the shape of the
// result depends on. A window may need more steps than the first, and a table of positions may have fewer.
var trialSizes = []int{16, 24, 32, 8, 64, 12, 4, 48, 128, 6, 2, 96, 256, 3, 512, 1, 1024}

// trials are the shapes that the results of an application have for sizes of what isn't known.
type trials struct {
	sync.Mutex
	of map[int]trial
}

type trial struct {
	shapes []tensor.Shape // of the results
	err    *Error         // why there are none
}

// open reports whether an axis of the shape isn't known, beside the batch.
func open(s tensor.Shape) bool { return len(s) > 0 && slices.Contains(s[1:], tensor.None) }

// known returns a shape without the sizes that aren't known.
func known(s tensor.Shape, size int) tensor.Shape {
	if !open(s) {
		return s
	}
	s = s.Clone()
	for i := 1; i < len(s); i++ {
		if s[i] == tensor.None {
			s[i] = size
		}
	}
	return s
}

// allKnown is known of each shape.
func allKnown(shapes []tensor.Shape, size int) []tensor.Shape {
	list := make([]tensor.Shape, len(shapes))
	for i, s := range shapes {
		list[i] = known(s, size)
	}
	return list
}

// sized returns the shapes of the results of n's application where all that isn't known has a size.
func (n *Node) sized(size int) trial {
	first := n.first()
	if first.trials == nil {
		return trial{shapes: allKnown(shapesOf(first.results), size)}
	}
	first.trials.Lock()
	defer first.trials.Unlock()
	t, ok := first.trials.of[size]
	if !ok {
		t = first.try(size)
		first.trials.of[size] = t
	}
	return t
}

// try finds what sized returns.
func (n *Node) try(size int) trial {
	e := &Error{Class: Class(n.layer)}
	if input, ok := n.layer.(*Input); ok {
		return trial{shapes: []tensor.Shape{known(append(tensor.Shape{tensor.Batch}, input.Shape...), size)}}
	}
	for _, x := range n.in {
		t := x.sized(size)
		if t.err != nil {
			return trial{err: t.err}
		}
		e.Shapes = append(e.Shapes, t.shapes[x.Output()])
	}
	if shapes := n.outputs(e); shapes != nil {
		return trial{shapes: allKnown(shapes, size)}
	}
	return trial{err: e}
}

// fitsSizes finds the shapes of the results where sizes aren't known, or puts what is wrong into e.
func (n *Node) fitsSizes(e *Error) bool {
	n.trials = &trials{of: map[int]trial{}}
	var found []trial
	var wrong *Error
	for _, size := range trialSizes {
		if slices.ContainsFunc(n.in, func(x *Node) bool { return x.sized(size).err != nil }) {
			continue // it is a layer before that can't have it
		}
		t := n.try(size)
		n.trials.of[size] = t
		if t.err == nil {
			found = append(found, t)
		} else if wrong == nil {
			wrong = t.err
		}
		if len(found) == 2 {
			break
		}
	}
	switch {
	case len(found) == 0 && wrong == nil:
		e.Msg = "no size of the axes that aren't known suits all layers before it"
		return false
	case len(found) < 2:
		if wrong != nil {
			e.Shapes, e.Msg, e.Err = wrong.Shapes, wrong.Msg, wrong.Err
			if wrong.Pos.File != "" {
				e.Pos = wrong.Pos
			}
		}
		if len(found) == 1 {
			e.Msg += "; an axis that isn't known (None) must be able to have several sizes, and no weight of a layer can depend on it: take the last output of a recurrent layer, or a GlobalAveragePooling1D, where a Flatten stands"
		}
		return false
	}
	shapes := make([]tensor.Shape, len(found[0].shapes))
	for i, s := range found[0].shapes {
		other := found[1].shapes[i]
		if len(other) != len(s) {
			e.Msg = fmt.Sprintf("the result has the shape %v or %v, by the size of an axis that isn't known: it must have as many axes", s, other)
			return false
		}
		shapes[i] = s.Clone()
		for k := range s {
			if s[k] != other[k] {
				shapes[i][k] = tensor.None
			}
		}
	}
	n.give(shapes)
	return true
}

// Open reports whether what the network's graph is fed with has axes of sizes that aren't known, beside the batch.
func (n *Network) Open() bool {
	return slices.ContainsFunc(n.feeds, func(x *Node) bool { return open(x.shape) })
}

// At returns the network for Feeds of shapes, which don't count the batch: the same layers, with nodes of these shapes, where axes of the
// Feeds have the size tensor.None. A network that isn't Open is returned as it is.
func (n *Network) At(shapes []tensor.Shape) (*Network, error) {
	if !n.Open() {
		return n, nil
	}
	if len(shapes) != len(n.feeds) {
		return nil, fmt.Errorf("layer: the network is fed with %d inputs, got shapes of %d", len(n.feeds), len(shapes))
	}
	made := map[*Node]*Node{}
	var inputs, outputs []*Node
	for _, x := range n.nodes {
		if made[x] != nil {
			continue
		}
		first := x.first()
		y := &Node{layer: first.layer, serial: first.serial, inference: first.inference}
		y.results = []*Node{y}
		e := &Error{Layer: n.name[x.layer], Class: Class(x.layer)}
		for _, in := range first.in {
			y.in = append(y.in, made[in])
			e.Shapes = append(e.Shapes, made[in].shape)
		}
		if i := slices.Index(n.feeds, x); i >= 0 {
			shape := append(tensor.Shape{tensor.Batch}, shapes[i]...)
			if !shape.Fits(x.shape) || shape.Check() != nil {
				return nil, fmt.Errorf("layer: %q can't have the shape %v: it has %v", n.name[x.layer], shape, x.shape)
			}
			y.give([]tensor.Shape{shape})
		} else if x.ahead() { // the graph doesn't see it
			y.give([]tensor.Shape{x.shape})
		} else {
			results := y.outputs(e)
			if results == nil {
				return nil, e
			}
			y.give(results)
		}
		for i, result := range first.results {
			made[result] = y.results[min(i, len(y.results)-1)]
		}
	}
	for _, x := range n.inputs {
		inputs = append(inputs, made[x])
	}
	for _, x := range n.outputs {
		outputs = append(outputs, made[x])
	}
	m, err := newNetwork(inputs, outputs, n.layers)
	if err != nil {
		return nil, err
	}
	m.name, m.of = n.name, n
	return m, nil
}

// Example returns the network for some size of the axes whose size isn't known.
func (n *Network) Example() (*Network, error) {
	var first error
	for _, size := range trialSizes {
		var shapes []tensor.Shape
		for _, x := range n.feeds {
			shapes = append(shapes, known(x.shape, size)[1:])
		}
		m, err := n.At(shapes)
		if err == nil {
			return m, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// at returns the network for nodes of a graph.
func (n *Network) at(inputs []*graph.Node) (*Network, error) {
	var shapes []tensor.Shape
	for i, x := range inputs {
		if !x.Valid() || x.Rank() == 0 {
			return nil, fmt.Errorf("layer: input %d of the network is nil or has no batch", i)
		}
		shapes = append(shapes, x.Shape()[1:])
	}
	return n.At(shapes)
}
