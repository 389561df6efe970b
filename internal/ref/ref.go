// Package ref interprets a graph slowly, in float64, one plain loop for each
// op. It is what every kernel, pass and derivative is compared with.
package ref

// This file evaluates a graph: it checks what is fed and walks the nodes.

import (
	"errors"
	"fmt"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// A Run says with what a graph is evaluated.
type Run struct {
	Batch int                       // the size of the symbolic dimension
	Seed  uint64                    // of the random ops
	Step  uint64                    // of the random ops
	Feed  map[*graph.Node][]float64 // a value for each Input and Param that is needed, or for any other node
}

// Eval evaluates nodes of g with seed and step 0.
func Eval(g *graph.Graph, batch int, feed map[*graph.Node][]float64, want ...*graph.Node) ([][]float64, error) {
	return Run{Batch: batch, Feed: feed}.Eval(g, want...)
}

// value is a node's value: its elements in row-major order.
type value struct {
	shape tensor.Shape
	data  []float64
}

// Eval returns the values of nodes of g, in row-major order.
func (r Run) Eval(g *graph.Graph, want ...*graph.Node) ([][]float64, error) {
	need, err := r.needed(g, want)
	if err != nil {
		return nil, err
	}
	values := make([]value, len(need))
	for id, n := range g.Nodes() {
		if !need[id] {
			continue
		}
		out := value{shape: n.Shape().Concrete(r.Batch)}
		if data, fed := r.Feed[n]; fed {
			if len(data) != out.shape.Numel() {
				return nil, fmt.Errorf("ref: %v was fed %d numbers", n, len(data))
			}
			out.data = data
		} else {
			eval := table[n.Op()]
			if eval == nil {
				return nil, fmt.Errorf("ref: %v was fed nothing", n)
			}
			in := make([]value, len(n.Inputs()))
			for i, x := range n.Inputs() {
				in[i] = values[x.ID()]
			}
			out.data = make([]float64, out.shape.Numel())
			eval(&r, n.Attr(), in, out)
		}
		values[id] = out
	}

	result := make([][]float64, len(want))
	for i, n := range want {
		result[i] = values[n.ID()].data
	}
	return result, nil
}

// needed marks the nodes that must be evaluated for those that are wanted.
func (r Run) needed(g *graph.Graph, want []*graph.Node) ([]bool, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	if r.Batch < 0 {
		return nil, fmt.Errorf("ref: the batch %d is negative", r.Batch)
	}
	nodes := g.Nodes()
	need := make([]bool, len(nodes))
	for _, n := range want {
		if !n.Valid() || n.Graph() != g {
			return nil, errors.New("ref: a node that was asked for is not of this graph")
		}
		need[n.ID()] = true
	}
	for id := len(nodes) - 1; id >= 0; id-- {
		if _, fed := r.Feed[nodes[id]]; need[id] && !fed {
			for _, in := range nodes[id].Inputs() {
				need[in.ID()] = true
			}
		}
	}
	return need, nil
}

// strides returns how far apart the neighbours of each dimension are.
func strides(s tensor.Shape) []int {
	out := make([]int, len(s))
	step := 1
	for i := len(s) - 1; i >= 0; i-- {
		out[i] = step
		step *= s[i]
	}
	return out
}

// positions returns, for each index of shape in row-major order, first plus the
// index's product with steps. All layout and all reduction is such a list.
func positions(shape tensor.Shape, first int, steps []int) []int {
	out := make([]int, 0, shape.Numel())
	index := make([]int, len(shape))
	for range shape.Numel() {
		at := first
		for i, k := range index {
			at += k * steps[i]
		}
		out = append(out, at)
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}

// broadcast returns where each element of to lies in from.
func broadcast(from, to tensor.Shape) []int {
	steps := make([]int, len(to))
	lead := len(to) - len(from)
	for i, step := range strides(from) {
		if from[i] != 1 {
			steps[lead+i] = step
		}
	}
	return positions(to, 0, steps)
}

// reduction returns where each element of s goes once the axes are reduced.
func reduction(s tensor.Shape, axes []int) []int {
	kept := s.Clone()
	for _, i := range axes {
		kept[i] = 1
	}
	return broadcast(kept, s)
}
