package ref

// This file says what the operations on rows of a table mean, and bounds their rounding.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// eachRow calls f with the place of each index of x that names one of so many rows, and the row.
func eachRow(x value, rows int, f func(i, row int)) {
	for i, v := range x.data {
		if k := int(v); float64(k) == v && 0 <= k && k < rows {
			f(i, k)
		}
	}
}

// width returns how many numbers there are for each index.
func width(x, indices value) int { return x.shape[len(indices.shape):].Numel() }

// samples returns each sample of operands and result by itself where each has a table, and all in one elsewhere.
func samples(a *graph.Attr, in []value, out value) [][]value {
	all := append(in[:2:2], out)
	if !a.Batched {
		return [][]value{all}
	}
	list := make([][]value, out.shape[0])
	for i := range list {
		for _, x := range all {
			n := len(x.data) / len(list)
			list[i] = append(list[i], value{x.shape[1:], x.data[i*n:][:n]})
		}
	}
	return list
}

func gather(_ *Run, a *graph.Attr, in []value, out value) {
	for _, one := range samples(a, in, out) {
		table, indices, out := one[0], one[1], one[2]
		n := table.shape[1:].Numel()
		eachRow(indices, table.shape[0], func(i, row int) { copy(out.data[i*n:][:n], table.data[row*n:]) })
	}
}

func scatterAdd(_ *Run, a *graph.Attr, in []value, out value) {
	for _, one := range samples(a, in, out) {
		x, indices, out := one[0], one[1], one[2]
		n := width(x, indices)
		eachRow(indices, a.Depth, func(i, row int) {
			for k, v := range x.data[i*n:][:n] {
				out.data[row*n+k] += v
			}
		})
	}
}

func groupSum(_ *Run, a *graph.Attr, in []value, out value) {
	n := width(in[0], in[1])
	eachRow(in[1], a.Depth, func(i, row int) {
		eachRow(in[1], a.Depth, func(j, other int) {
			if other != row {
				return
			}
			for k, v := range in[0].data[j*n:][:n] {
				out.data[i*n+k] += v
			}
		})
	})
}

// bySample bounds each sample by itself where each has a table.
func bySample(rule boundRule) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		lo := samples(n.Attr(), []value{in[0].lo, in[1].lo}, out.lo)
		hi := samples(n.Attr(), []value{in[0].hi, in[1].hi}, out.hi)
		for i := range lo {
			rule(r, n, []interval{{lo[i][0], hi[i][0]}, {lo[i][1], hi[i][1]}}, interval{lo[i][2], hi[i][2]})
		}
	}
}

// gatherBounds: a row is one of those that its index may be, and zeros if it may be none.
func gatherBounds(_ *Run, _ *graph.Node, in []interval, out interval) {
	table := in[0]
	rows, n := table.lo.shape[0], table.lo.shape[1:].Numel()
	for i := range in[1].lo.data {
		at := in[1].at(i)
		first, last, none := rows, -1, true
		for row := range rows {
			k := float64(row)
			if !(at[1] < k || k < at[0]) {
				first, last = min(first, row), row
				none = none && at != [2]float64{k, k}
			}
		}
		for k := range n {
			lo, hi := 0.0, 0.0
			if !none {
				lo, hi = table.lo.data[first*n+k], table.hi.data[first*n+k]
			}
			for row := first; row <= last; row++ {
				lo, hi = min(lo, table.lo.data[row*n+k]), max(hi, table.hi.data[row*n+k])
			}
			out.set(i*n+k, lo, hi)
		}
	}
}

// scatterAddBounds are those of the product of the indices' one-hot vectors, transposed, and the rows.
func scatterAddBounds(r *Run, n *graph.Node, in []interval, out interval) {
	count, wide, rows := len(in[1].lo.data), width(in[0].lo, in[1].lo), n.Attr().Depth
	flat := func(x interval, shape ...int) interval {
		return interval{value{tensor.Shape(shape), x.lo.data}, value{tensor.Shape(shape), x.hi.data}}
	}
	hot := flat(interval{value{data: make([]float64, count*rows)}, value{data: make([]float64, count*rows)}}, count, rows)
	if rows > 0 {
		oneHotBounds(nil, nil, in[1:], hot)
	}
	products(func(_ *Run, _ *graph.Attr, in []value, out value) {
		matMul(nil, &graph.Attr{TransA: true}, in, out)
	}, func(*graph.Node, []interval) int { return count })(r, n, []interval{hot, flat(in[0], count, wide)}, flat(out, rows, wide))
}

func groupSumBounds(r *Run, n *graph.Node, in []interval, out interval) {
	shape := append(tensor.Shape{n.Attr().Depth}, in[0].lo.shape[len(in[1].lo.shape):]...)
	sums := interval{value{shape, make([]float64, shape.Numel())}, value{shape, make([]float64, shape.Numel())}}
	scatterAddBounds(r, n, in, sums)
	gatherBounds(r, n, []interval{sums, in[1]}, out)
}
