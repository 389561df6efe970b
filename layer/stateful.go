package layer

// This file keeps the states of recurrent layers from batch to batch.

import (
	"errors"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/tensor"
)

// ResetStates sets the states of l, and of the layers that it is made of, to zeros: those that Stateful recurrent layers keep from
// batch to batch.
func ResetStates(l Layer) error {
	if check(l) != nil {
		return nil
	}
	var err error
	walk(l, nil, func(l Layer, _ []Layer) {
		for _, v := range recall(l).states {
			err = errors.Join(err, v.Assign(make([]float32, v.Shape.Numel())))
		}
	})
	return err
}

// batchSize returns the size that all batches have which reach the layer, by the Inputs that lead to it: 0 if it is any.
func (b *Builder) batchSize() int {
	seen := map[*Node]bool{}
	var find func(nodes []*Node) int
	find = func(nodes []*Node) int {
		for _, n := range nodes {
			if n == nil || seen[n] {
				continue
			}
			seen[n] = true
			if input, ok := n.layer.(*Input); ok && input.BatchSize > 0 {
				return input.BatchSize
			}
			if size := find(n.in); size > 0 {
				return size
			}
		}
		return 0
	}
	return find(b.node.in)
}

// states declares the parts of a state that lasts from batch to batch, if the layer is Stateful.
func (s *settings) states(b *Builder, shapes []tensor.Shape) error {
	if !s.Stateful {
		return nil
	}
	rows := b.batchSize()
	if rows <= 0 {
		return b.Errorf("Stateful needs to know the size of batches: say it where data enter, layer.Input{BatchSize: …}")
	}
	for _, shape := range shapes {
		b.states = append(b.states, &Variable{Name: "rnn_state", Shape: append(tensor.Shape{rows}, shape...), Initializer: initializer.Zeros{}})
	}
	return nil
}

// kept returns the state that the last batch has left.
func kept(c *Context, states []*Variable) []*graph.Node {
	var list []*graph.Node
	for _, v := range states {
		list = append(list, c.Value(v).ForBatch(v.Shape[0]))
	}
	return list
}
