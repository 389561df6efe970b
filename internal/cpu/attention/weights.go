package attention

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
)

// This file computes the weights of a block of queries.

// see sets the space's mask to that of sample b.
func (s *space) see(x *Sizes, m Mask, b int) {
	s.mask = Mask{}
	s.first, s.end, s.gaps = 0, x.Keys, false
	if m.Data == nil {
		return
	}
	n := x.Keys
	if m.Queries {
		n *= x.Queries
	}
	if !m.Batch {
		b = 0
	}
	s.mask = Mask{Data: m.Data[b*n:][:n], Queries: m.Queries}
	if !m.Queries {
		s.first, s.end, s.gaps = seen(s.mask.Data, 0, x.Keys)
	}
}

// seen returns the first of the keys lo … hi-1 that a mask shows, the key after the last that it shows, and whether it hides
// keys between them.
func seen(mask []float32, lo, hi int) (first, end int, gaps bool) {
	for lo < hi && mask[lo] == 0 {
		lo++
	}
	for hi > lo && mask[hi-1] == 0 {
		hi--
	}
	for _, m := range mask[lo:hi] {
		if m == 0 {
			return lo, hi, true
		}
	}
	return lo, hi, false
}

// within narrows the range of keys lo … hi-1 by those at both ends that the sample's mask hides from all queries.
func (s *space) within(lo, hi int) (int, int) {
	lo, hi = max(lo, s.first), min(hi, s.end)
	return min(lo, hi), hi
}

// weigh computes the weights of the queries from … to-1, a row each. Its columns are the keys lo … hi-1, from the first that
// one of these queries sees to the last.
func (s *space) weigh(worker int, x *Sizes, q Array, from, to int) (lo, hi int) {
	lo, hi = x.Keys, 0
	for i := from; i < to; i++ {
		a, b := s.within(x.band(i))
		if s.mask.Queries {
			a, b, _ = seen(s.mask.Data[i*x.Keys:][:x.Keys], a, b)
		}
		s.ranges[i-from] = [2]int{a, b}
		if a < b {
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	if lo >= hi {
		return 0, 0
	}
	s.scaled(x, Array{s.query, x.KeyDim}, Array{q.rows(from), q.LD}, to-from)
	product.Multiply(worker, product.Matrix{Data: s.weights, LD: s.ld}, product.Matrix{Data: s.query, LD: x.KeyDim},
		product.Matrix{Data: s.keys[lo:], LD: s.ld}, to-from, hi-lo, x.KeyDim, false)
	if same := s.ranges[:to-from]; !s.gaps && !s.mask.Queries && !slices.ContainsFunc(same, func(r [2]int) bool { return r != same[0] }) {
		reduce.SoftmaxRows(s.weights, s.ld, to-from, hi-lo)
		return lo, hi
	}
	for i := from; i < to; i++ {
		row := s.weights[(i-from)*s.ld:][:hi-lo]
		a, b := s.ranges[i-from][0], s.ranges[i-from][1]
		if a >= b {
			clear(row)
			continue
		}
		clear(row[:a-lo])
		clear(row[b-lo:])
		part := row[a-lo : b-lo]
		if s.gaps || s.mask.Queries {
			mask := s.mask.Data[a:b]
			if s.mask.Queries {
				mask = s.mask.Data[i*x.Keys:][a:b]
			}
			for j, m := range mask {
				if m == 0 {
					part[j] = float32(math.Inf(-1))
				}
			}
			if only, _, _ := seen(mask, 0, len(mask)); only == len(mask) { // it hides all keys from this query
				clear(part)
				continue
			}
		}
		reduce.SoftmaxRows(part, len(part), 1, len(part))
	}
	return lo, hi
}

// dropped drops of rows of weights, or of the gradients at them, what the dropout says: from row first of all rows of weights on, which there
// are, for the keys lo … hi-1.
func (s *space) dropped(weights []float32, x *Sizes, first, rows, lo, hi int) {
	if x.Dropout != nil {
		s.drop.Rows(weights, s.ld, first, rows, lo, hi-lo)
	}
}

// scaled writes rows of KeyDim numbers times Scale.
func (s *space) scaled(x *Sizes, to, from Array, rows int) {
	if rows*x.KeyDim == 0 {
		return
	}
	if !s.bound {
		for i := range rows {
			row := to.rows(i)[:x.KeyDim]
			for j, v := range from.rows(i)[:x.KeyDim] {
				row[j] = v * x.Scale
			}
		}
		return
	}
	s.loop.Size(rows, x.KeyDim)
	s.loop.In(0, &from.Data[0], from.LD)
	s.loop.In(1, &x.Scale, 0)
	s.loop.Out(0, &to.Data[0], to.LD)
	s.loop.Run()
}
