package ref

// This file runs the body of a Scan step by step.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
)

// scan runs the steps of a body: V is what stands for an operand. at cuts step t out of a sequence, once evaluates the
// results of the body of what its leaves hold, and put stores column k at a place of the result, of shape
// (steps+1, batch, width), from a number of its rows on.
func scan[V any](body *graph.Body, steps int, in []V, at func(leaf *graph.Node, x V, t int) V,
	once func(leaves []*graph.Node, held []V) []V, put func(place, from int, column *graph.Node, v V),
) {
	carry, xs := body.Carry(), body.Sequences()
	leaves := slices.Concat(carry, xs, body.Constants())
	held := slices.Clone(in)
	columns := body.Columns()
	first := make([]int, len(columns)) // of the numbers of each column
	for k := 1; k < len(columns); k++ {
		first[k] = first[k-1] + columns[k-1].Shape()[1:].Numel()
	}
	next := body.Next()
	place := 0
	if body.Reverse() {
		place = steps
	}
	for i, k := range next {
		if k < len(columns) && !body.Last() {
			put(place, first[k], columns[k], held[i])
		}
	}
	for step := range steps {
		t, place := step, step+1
		if body.Reverse() {
			t = steps - 1 - step
			place = t
		}
		if body.Last() {
			place = 0
		}
		for i, x := range xs {
			held[len(carry)+i] = at(x, in[len(carry)+i], t)
		}
		after := once(leaves, held)
		for k, c := range columns {
			put(place, first[k], c, after[k])
		}
		for i, k := range next {
			held[i] = after[k]
		}
	}
}

// step returns what a sequence holds at step t.
func step(batch int) func(leaf *graph.Node, x value, t int) value {
	return func(leaf *graph.Node, x value, t int) value {
		shape := leaf.Shape().Concrete(batch)
		n := shape.Numel()
		return value{shape, x.data[t*n:][:n]}
	}
}

// store returns what puts the rows of a column where they belong in out.
func store(batch int, out value) func(place, from int, column *graph.Node, v value) {
	return func(place, from int, column *graph.Node, v value) {
		n := column.Shape()[1:].Numel()
		for row := range batch {
			copy(out.data[(place*batch+row)*out.shape[2]+from:][:n], v.data[row*n:])
		}
	}
}

func evalScan(r *Run, a *graph.Attr, in []value, out value) {
	body := a.Body
	once := func(leaves []*graph.Node, held []value) []value {
		inner := Run{Batch: r.Batch, Feed: map[*graph.Node][]float64{}}
		for i, leaf := range leaves {
			inner.Feed[leaf] = held[i].data
		}
		data, err := inner.Eval(body.Graph(), body.Results()...)
		if err != nil {
			panic(err) // a bug: the body was checked when the scan was made
		}
		columns := make([]value, len(data))
		for k, c := range body.Results() {
			columns[k] = value{c.Shape().Concrete(r.Batch), data[k]}
		}
		return columns
	}
	scan(body, in[len(body.Carry())].shape[0], in, step(r.Batch), once, store(r.Batch, out))
}

func scanBounds(r *Run, n *graph.Node, in []interval, out interval) {
	body := n.Attr().Body
	at, low, high := step(r.Batch), store(r.Batch, out.lo), store(r.Batch, out.hi)
	once := func(leaves []*graph.Node, held []interval) []interval {
		feed := map[*graph.Node]interval{}
		for i, leaf := range leaves {
			feed[leaf] = held[i]
		}
		columns, err := (&Run{Batch: r.Batch}).bounds(body.Graph(), feed, body.Results()...)
		if err != nil {
			panic(err) // a bug: the body was checked when the scan was made
		}
		return columns
	}
	scan(body, in[len(body.Carry())].lo.shape[0], in,
		func(leaf *graph.Node, x interval, t int) interval {
			return interval{at(leaf, x.lo, t), at(leaf, x.hi, t)}
		}, once,
		func(place, from int, column *graph.Node, v interval) {
			low(place, from, column, v.lo)
			high(place, from, column, v.hi)
		})
}

// The rows of scans are filled in here because they run the tables.
func init() {
	table[graph.OpScan], boundTable[graph.OpScan] = evalScan, scanBounds
}
