package plan

// This file says how an elementwise program goes over its operands, which may be spread over
// its shape, or have gaps.

import (
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// Cuts are where a program that goes over all elements of a shape, in row-major order, has to
// jump in some operand: after so many elements, and as many again. They rise, and each divides
// the next: so elements between two of the first are a row, rows between two of the second a
// block, and so on.
type cuts []int

const (
	// Where rows come in blocks, rows are at least so long, and blocks so large: else to
	// go on to the next one takes longer than to copy what lies apart.
	leastRow   = 8
	leastBlock = 64
)

// join returns the cuts of two operands together. It reports false if they are none, or not worth it.
func (c cuts) join(d cuts) (cuts, bool) {
	if len(d) == 0 || slices.Equal(c, d) {
		return c, true
	}
	all := append(slices.Clone(c), d...)
	slices.Sort(all)
	all = slices.Compact(all)
	for i := range all[1:] {
		if all[i+1]%all[i] != 0 {
			return nil, false
		}
	}
	return all, len(all) < 2 || all[0] >= leastRow && all[1] >= leastBlock
}

// rows reports whether a program that has these cuts can go over rows of so many elements of n.
func (c cuts) rows(row, n int) bool {
	if len(c) == 0 || row == n {
		return len(c) == 0
	}
	all, ok := c.join(cuts{row})
	return ok && all[0] == row
}

// cutsOf returns the cuts that an operand x of a shape needs. It reports false if no program can
// read x so: its neighbours in a row lie apart.
func cutsOf(x *value, out tensor.Shape) (cuts, bool) {
	n := out.Numel()
	switch {
	case n == 0 || x.n == 1 || x.n == n && !x.apart():
		return nil, true
	case x.n == n && x.steps == nil:
		return cuts{x.run}, true
	}
	steps := x.over(out)
	if steps == nil {
		return nil, false
	}
	var c cuts
	inner, size, step := 1, 1, 0 // elements further in, and of the present stretch, and their distance
	for i, d := range slices.Backward(out) {
		switch {
		case d == 1:
		case inner == 1:
			if step = steps[i]; step > 1 {
				return nil, false
			}
			inner, size = d, d
		case steps[i] == step*size:
			size *= d
			inner *= d
		default:
			c = append(c, inner)
			size, step = d, steps[i]
			inner *= d
		}
	}
	return c, true
}

// over returns the distances in memory of x's elements for neighbours along each dimension of a
// shape that x is spread over, or nil if there are several for one.
func (x *value) over(out tensor.Shape) []int {
	own := x.strides()
	if own == nil {
		return nil
	}
	steps := make([]int, len(out))
	lead := len(out) - len(x.shape)
	for i, d := range x.shape {
		if at := lead + i; at >= 0 && d == out[at] {
			steps[at] = own[i]
		}
	}
	return steps
}

// place returns where in memory, from its first element, x has what belongs to element i of a shape.
func (x *value) place(out tensor.Shape, i int) int {
	switch {
	case x.n == 1:
		return 0
	case x.n == out.Numel() && !x.apart():
		return i
	case x.n == out.Numel() && x.steps == nil:
		return i/x.run*x.stride + i%x.run
	}
	at := 0
	for k, step := range slices.Backward(x.over(out)) {
		at += i % out[k] * step
		i /= out[k]
	}
	return at
}
