package ref

// This file bounds what float32 may make of a graph: interval arithmetic over the
// nodes, each interval widened by the rounding of its op (Moore 1966; Higham 2002,
// chapter 3, for the sums).

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/graph"
)

// An interval holds, for each element of a node, the least and the greatest value
// that a computation in float32 may give. Both are NaN where nothing is known: after
// an overflow, a division by what may be 0, or a NaN.
type interval struct{ lo, hi value }

// u is the unit roundoff of float32, tiny its least positive number.
const (
	u    = 0x1p-24
	tiny = 0x1p-149
)

// ulps is how far, in units of u, a function of one or two numbers may be off.
const ulps = 4

// Bounds returns bounds of the values of nodes of g, computed in float32 in any
// order of their sums, NaN where it knows none. What is fed is taken as exact.
func (r Run) Bounds(g *graph.Graph, want ...*graph.Node) (lo, hi [][]float64, err error) {
	feed := map[*graph.Node]interval{}
	for n, data := range r.Feed {
		shape := n.Shape().Concrete(r.Batch)
		feed[n] = interval{value{shape, data}, value{shape, data}}
	}
	values, err := r.bounds(g, feed, want...)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range values {
		lo, hi = append(lo, v.lo.data), append(hi, v.hi.data)
	}
	return lo, hi, nil
}

// bounds is Bounds of what is known to be in intervals.
func (r *Run) bounds(g *graph.Graph, feed map[*graph.Node]interval, want ...*graph.Node) ([]interval, error) {
	fed := Run{Batch: r.Batch, Feed: map[*graph.Node][]float64{}}
	for n := range feed {
		fed.Feed[n] = nil
	}
	need, err := fed.needed(g, want)
	if err != nil {
		return nil, err
	}
	values := make([]interval, len(need))
	for id, n := range g.Nodes() {
		if !need[id] {
			continue
		}
		shape := n.Shape().Concrete(r.Batch)
		size := shape.Numel()
		out := interval{value{shape, make([]float64, size)}, value{shape, make([]float64, size)}}
		if x, fed := feed[n]; fed {
			copy(out.lo.data, x.lo.data)
			copy(out.hi.data, x.hi.data)
		} else {
			in := make([]interval, len(n.Inputs()))
			for i, x := range n.Inputs() {
				in[i] = values[x.ID()]
			}
			rule := boundTable[n.Op()]
			if rule == nil {
				return nil, fmt.Errorf("ref: %v was fed nothing", n)
			}
			rule(r, n, in, out)
		}
		for i, l := range out.lo.data {
			if h := out.hi.data[i]; !(math.Abs(l) <= math.MaxFloat32 && math.Abs(h) <= math.MaxFloat32) {
				out.lo.data[i], out.hi.data[i] = math.NaN(), math.NaN()
			}
		}
		values[id] = out
	}
	result := make([]interval, len(want))
	for i, n := range want {
		result[i] = values[n.ID()]
	}
	return result, nil
}

// A boundRule fills out from in.
type boundRule func(r *Run, n *graph.Node, in []interval, out interval)

var boundTable = [...]boundRule{
	graph.OpConst: rising(0),

	graph.OpAdd: corners(1, func(x, y float64) float64 { return x + y }),
	graph.OpSub: corners(1, func(x, y float64) float64 { return x - y }),
	graph.OpMul: corners(1, func(x, y float64) float64 { return x * y }),
	graph.OpDiv: apart(corners(1, func(x, y float64) float64 { return x / y })),
	graph.OpMax: rising(0),
	graph.OpMin: rising(0),
	graph.OpPow: powers(corners(ulps, math.Pow)),

	graph.OpLess:      compared(func(x, y [2]float64) (never, always bool) { return x[0] >= y[1], x[1] < y[0] }),
	graph.OpLessEqual: compared(func(x, y [2]float64) (never, always bool) { return x[0] > y[1], x[1] <= y[0] }),
	graph.OpEqual: compared(func(x, y [2]float64) (never, always bool) {
		return x[1] < y[0] || y[1] < x[0], x[0] == y[1] && x[1] == y[0]
	}),

	graph.OpNeg:      falling,
	graph.OpAbs:      valley(0),
	graph.OpSign:     rising(0),
	graph.OpSquare:   valley(1),
	graph.OpSqrt:     rising(1),
	graph.OpExp:      rising(ulps),
	graph.OpExpm1:    rising(ulps),
	graph.OpLog:      rising(ulps),
	graph.OpLog1p:    rising(ulps),
	graph.OpTanh:     rising(ulps),
	graph.OpSigmoid:  rising(ulps),
	graph.OpErf:      rising(ulps),
	graph.OpRelu:     rising(0),
	graph.OpSoftplus: rising(ulps),
	graph.OpSin:      steady,
	graph.OpCos:      steady,
	graph.OpFloor:    rising(0),

	graph.OpReluGrad:      masked(0),
	graph.OpMaskScale:     masked(3),
	graph.OpSelect:        chosen,
	graph.OpDropout:       rising(3),
	graph.OpRandomUniform: rising(0),
	graph.OpStopGradient:  rising(0),

	graph.OpSum:                     sums,
	graph.OpReduceMax:               rising(0),
	graph.OpReduceMin:               rising(0),
	graph.OpArgMax:                  argMaxBounds,
	graph.OpSoftmax:                 softmaxBounds,
	graph.OpLogSoftmax:              logSoftmaxBounds,
	graph.OpSoftmaxCrossentropy:     crossentropyBounds,
	graph.OpSoftmaxCrossentropyGrad: crossentropyGradBounds,

	graph.OpMatMul:      products(matMul, contracted),
	graph.OpBatchMatMul: products(batchMatMul, contracted),

	graph.OpConv:            products(conv, perFilter),
	graph.OpConvInputGrad:   products(convInputGrad, perChannel),
	graph.OpConvKernelGrad:  products(convKernelGrad, perFilter),
	graph.OpMaxPool:         rising(0),
	graph.OpArgMaxPool:      argMaxPoolBounds,
	graph.OpPoolTake:        poolTakeBounds,
	graph.OpPoolPut:         poolPutBounds,
	graph.OpAveragePool:     averagePoolBounds,
	graph.OpAveragePoolGrad: averagePoolGradBounds,

	graph.OpReshape:     rising(0),
	graph.OpTranspose:   rising(0),
	graph.OpBroadcastTo: rising(0),
	graph.OpSlice:       rising(0),
	graph.OpPad:         rising(0),
	graph.OpConcat:      rising(0),
	graph.OpPack:        rising(0),
	graph.OpView:        rising(0),

	graph.OpOneHot:     oneHotBounds,
	graph.OpGather:     bySample(gatherBounds),
	graph.OpScatterAdd: bySample(scatterAddBounds),
	graph.OpGroupSum:   groupSumBounds,
	graph.OpCast:       rising(0),
	graph.OpScan:       nil, // runs the table
	graph.OpNumel:      rising(0),
}

// widen makes an interval wider by so many roundings.
func (v interval) widen(i int, roundings float64) {
	if roundings > 0 {
		slack := float64(roundings*u*max(math.Abs(v.lo.data[i]), math.Abs(v.hi.data[i]))) + tiny
		v.lo.data[i] -= slack
		v.hi.data[i] += slack
	}
}

// at returns the bounds of element i.
func (v interval) at(i int) [2]float64 { return [2]float64{v.lo.data[i], v.hi.data[i]} }

func (v interval) set(i int, lo, hi float64) { v.lo.data[i], v.hi.data[i] = lo, hi }

// magnitude is the greatest absolute value of element i.
func (v interval) magnitude(i int) float64 {
	return max(math.Abs(v.lo.data[i]), math.Abs(v.hi.data[i]))
}

func ends(in []interval) (lo, hi []value) {
	for _, x := range in {
		lo, hi = append(lo, x.lo), append(hi, x.hi)
	}
	return lo, hi
}

// rising is the rule of an op that grows with all of its operands.
func rising(roundings float64) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		lo, hi := ends(in)
		table[n.Op()](r, n.Attr(), lo, out.lo)
		table[n.Op()](r, n.Attr(), hi, out.hi)
		for i := range out.lo.data {
			out.widen(i, roundings)
		}
	}
}

// falling is that of one that shrinks, without rounding.
func falling(r *Run, n *graph.Node, in []interval, out interval) {
	rising(0)(r, n, in, interval{out.hi, out.lo})
}

// valley is that of one that grows with the absolute value.
func valley(roundings float64) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		lo, hi := ends(in)
		table[n.Op()](r, n.Attr(), lo, out.lo)
		table[n.Op()](r, n.Attr(), hi, out.hi)
		for i, a := range out.lo.data {
			b := out.hi.data[i]
			out.set(i, min(a, b), max(a, b))
			if x := in[0].at(i); x[0] < 0 && x[1] > 0 {
				out.lo.data[i] = 0
			}
			out.widen(i, roundings)
		}
	}
}

// steady is that of one of slope 1 at most, between -1 and 1.
func steady(r *Run, n *graph.Node, in []interval, out interval) {
	lo, hi := ends(in)
	table[n.Op()](r, n.Attr(), lo, out.lo)
	for i, y := range out.lo.data {
		width := hi[0].data[i] - lo[0].data[i]
		out.set(i, max(y-width, -1), min(y+width, 1))
		out.widen(i, ulps)
	}
}

// pairs calls f with the bounds of both operands of each element.
func pairs(in []interval, out interval, f func(i int, x, y [2]float64)) {
	a, b := broadcast(in[0].lo.shape, out.lo.shape), broadcast(in[1].lo.shape, out.lo.shape)
	for i := range out.lo.data {
		f(i, in[0].at(a[i]), in[1].at(b[i]))
	}
}

// corners is the rule of an op whose extremes are among the ends of its operands.
func corners(roundings float64, f func(x, y float64) float64) boundRule {
	return func(_ *Run, _ *graph.Node, in []interval, out interval) {
		pairs(in, out, func(i int, x, y [2]float64) {
			a, b, c, d := f(x[0], y[0]), f(x[0], y[1]), f(x[1], y[0]), f(x[1], y[1])
			out.set(i, min(a, b, c, d), max(a, b, c, d))
			out.widen(i, roundings)
		})
	}
}

// apart is rule where the divisor is not 0.
func apart(rule boundRule) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		rule(r, n, in, out)
		pairs(in, out, func(i int, _, y [2]float64) {
			if y[0] <= 0 && y[1] >= 0 {
				out.set(i, math.NaN(), math.NaN())
			}
		})
	}
}

// powers is rule where the base is positive, or both operands are known.
func powers(rule boundRule) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		rule(r, n, in, out)
		pairs(in, out, func(i int, x, y [2]float64) {
			if x[0] <= 0 && (x[0] != x[1] || y[0] != y[1]) {
				out.set(i, math.NaN(), math.NaN())
			}
		})
	}
}

// compared is the rule of a comparison. What may be NaN is like nothing.
func compared(f func(x, y [2]float64) (never, always bool)) boundRule {
	return func(_ *Run, _ *graph.Node, in []interval, out interval) {
		pairs(in, out, func(i int, x, y [2]float64) {
			never, always := f(x, y)
			out.set(i, truth(always), truth(!never))
		})
	}
}

// masked is the rule of what passes where a mask is positive.
func masked(roundings float64) boundRule {
	return func(_ *Run, n *graph.Node, in []interval, out interval) {
		scale := 1.0
		if n.Op() == graph.OpMaskScale {
			scale = n.Attr().Scale
		}
		for i := range out.lo.data {
			x, mask := in[0].at(i), in[1].at(i)
			a, b := x[0]*scale, x[1]*scale
			switch {
			case mask[1] <= 0:
				a, b = 0, 0
			case !(mask[0] > 0):
				a, b = min(a, b, 0), max(a, b, 0)
			}
			out.set(i, min(a, b), max(a, b))
			out.widen(i, roundings)
		}
	}
}

func chosen(_ *Run, _ *graph.Node, in []interval, out interval) {
	cond, x, y := broadcast(in[0].lo.shape, out.lo.shape), broadcast(in[1].lo.shape, out.lo.shape), broadcast(in[2].lo.shape, out.lo.shape)
	for i := range out.lo.data {
		c, a, b := in[0].at(cond[i]), in[1].at(x[i]), in[2].at(y[i])
		switch {
		case c == [2]float64{0, 0}:
			a = b
		case c[0] > 0 || c[1] < 0:
			b = a
		}
		out.set(i, min(a[0], b[0]), max(a[1], b[1]))
	}
}

// sums bounds a sum of n numbers by n roundings of the sum of their magnitudes.
func sums(r *Run, n *graph.Node, in []interval, out interval) {
	rising(0)(r, n, in, out)
	total := make([]float64, len(out.lo.data))
	terms := float64(len(in[0].lo.data)) / float64(max(1, len(total)))
	for i, at := range reduction(in[0].lo.shape, n.Attr().Axes) {
		total[at] += in[0].magnitude(i)
	}
	for i, t := range total {
		slack := float64(terms * u * (t + tiny))
		if t > math.MaxFloat32 { // a part of the sum may overflow
			slack = math.NaN()
		}
		out.set(i, out.lo.data[i]-slack, out.hi.data[i]+slack)
	}
}

// products bounds an op that sums products of its two operands' elements, so many for
// each of its own: with the middle m and the radius d of each interval, a·b lies within
// |ma|·db + da·(|mb|+db) of ma·mb.
func products(multiply func(*Run, *graph.Attr, []value, value), count func(n *graph.Node, in []interval) int) boundRule {
	return func(r *Run, n *graph.Node, in []interval, out interval) {
		var middle, size, radius, reach [2]value
		for i := range middle {
			x := in[i]
			for _, v := range []*value{&middle[i], &size[i], &radius[i], &reach[i]} {
				*v = value{x.lo.shape, make([]float64, len(x.lo.data))}
			}
			for k := range x.lo.data {
				m := float64((x.lo.data[k] + x.hi.data[k]) / 2)
				d := x.hi.data[k] - m
				middle[i].data[k], size[i].data[k], radius[i].data[k], reach[i].data[k] = m, math.Abs(m), d, math.Abs(m)+d
			}
		}
		product := func(a, b value) []float64 {
			v := value{out.lo.shape, make([]float64, len(out.lo.data))}
			multiply(r, n.Attr(), []value{a, b}, v)
			return v.data
		}
		center, first, second := product(middle[0], middle[1]), product(size[0], radius[1]), product(radius[0], reach[1])
		total := product(reach[0], reach[1])
		terms := float64(count(n, in))
		for i, c := range center {
			slack := first[i] + second[i] + float64((terms+1)*u*total[i]) + float64(terms*tiny)
			if total[i] > math.MaxFloat32 {
				slack = math.NaN()
			}
			out.set(i, c-slack, c+slack)
		}
	}
}

// contracted is how many products each element of a product of matrices sums.
func contracted(n *graph.Node, in []interval) int {
	last := len(in[0].lo.shape)
	if n.Attr().TransA {
		return in[0].lo.shape[:last-1].Numel()
	}
	return in[0].lo.shape[last-1]
}

// argMaxBounds finds the first and the last that can be the greatest.
func argMaxBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	for i, row := range rows(in[0].lo.shape, n.Attr().Axes[0]) {
		least := math.Inf(-1)
		known := true
		for _, at := range row {
			x := in[0].at(at)
			known = known && x[0] <= x[1]
			least = max(least, x[0])
		}
		first, last := -1, 0
		for k, at := range row {
			if !known || in[0].hi.data[at] >= least {
				if first < 0 {
					first = k
				}
				last = k
			}
		}
		out.set(i, float64(first), float64(last))
	}
}

// span returns the greatest that a row can hold, and how far the rest can be below it.
func span(x interval, row []int) (top, spread float64) {
	top, low := math.Inf(-1), math.Inf(1)
	for _, at := range row {
		top, low = max(top, x.hi.data[at]), min(low, x.lo.data[at])
	}
	return top, top - low
}

// softmaxBounds: an element grows with its own logit and shrinks with the others'.
func softmaxBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	for _, row := range rows(in[0].lo.shape, n.Attr().Axes[0]) {
		probabilities(in[0], row, func(k int, lo, hi float64) { out.set(row[k], lo, hi) })
	}
}

// probabilities calls f with the bounds of each softmax of a row.
func probabilities(x interval, row []int, f func(k int, lo, hi float64)) {
	top, spread := span(x, row)
	low, high := make([]float64, len(row)), make([]float64, len(row))
	for k, at := range row {
		low[k], high[k] = math.Exp(x.lo.data[at]-top), math.Exp(x.hi.data[at]-top)
	}
	for k := range row {
		others, most := 0.0, 0.0
		for j := range row {
			if j != k {
				others += high[j]
				most += low[j]
			}
		}
		slack := float64(u * (float64(len(row)) + 2*ulps + 4 + float64(2*spread)))
		lo, hi := low[k]/(low[k]+others), high[k]/(high[k]+most)
		f(k, float64(lo*math.Exp(-slack))-tiny, float64(hi*math.Exp(slack))+tiny)
	}
}

func logSoftmaxBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	for _, row := range rows(in[0].lo.shape, n.Attr().Axes[0]) {
		logProbabilities(in[0], row, func(k int, lo, hi float64) { out.set(row[k], lo, hi) })
	}
}

// logProbabilities calls f with the bounds of each log-softmax of a row.
func logProbabilities(x interval, row []int, f func(k int, lo, hi float64)) {
	_, spread := span(x, row)
	for k, at := range row {
		most, least := 0.0, 0.0
		for j, other := range row {
			if j != k {
				most += math.Exp(x.hi.data[other] - x.lo.data[at])
				least += math.Exp(x.lo.data[other] - x.hi.data[at])
			}
		}
		slack := float64(u * (float64(len(row)) + 3*ulps + float64(4*spread)))
		f(k, -math.Log1p(most)-slack, -math.Log1p(least)+slack)
	}
}

// targets returns the target of a cross-entropy as a distribution.
func targets(n *graph.Node, in []interval) interval {
	if !n.Attr().Sparse {
		return in[1]
	}
	shape := in[0].lo.shape
	t := interval{value{shape, make([]float64, len(in[0].lo.data))}, value{shape, make([]float64, len(in[0].lo.data))}}
	oneHotBounds(nil, nil, in[1:2], t)
	return t
}

func crossentropyBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	logits, t := in[0], targets(n, in)
	low, high := clips(n.Attr())
	for i, row := range rows(logits.lo.shape, len(logits.lo.shape)-1) {
		lo, hi, total := 0.0, 0.0, 0.0
		add := func(k int, a, b float64) {
			x := t.at(row[k])
			if n.Attr().Sparse && x == [2]float64{} {
				return
			}
			lo -= max(a*x[0], a*x[1], b*x[0], b*x[1])
			hi -= min(a*x[0], a*x[1], b*x[0], b*x[1])
			total += float64(max(math.Abs(a), math.Abs(b)) * t.magnitude(row[k]))
		}
		if n.Attr().Clip > 0 {
			probabilities(logits, row, func(k int, a, b float64) {
				a, b = math.Log(min(max(a, low), high)), math.Log(min(max(b, low), high))
				slack := float64(ulps * u * max(math.Abs(a), math.Abs(b)))
				add(k, a-slack, b+slack)
			})
		} else {
			logProbabilities(logits, row, add)
		}
		// Each term and each sum is rounded, to a denormal number perhaps.
		slack := float64(float64(len(row)+1) * (float64(u*total) + tiny))
		out.set(i, lo-slack, hi+slack)
	}
}

func crossentropyGradBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	logits, t, dloss := in[0], targets(n, in), in[2]
	low, high := clips(n.Attr())
	for i, row := range rows(logits.lo.shape, len(logits.lo.shape)-1) {
		p, passes := make([][2]float64, len(row)), make([][2]float64, len(row))
		var sum [2]float64
		total := 0.0
		probabilities(logits, row, func(k int, a, b float64) {
			p[k] = [2]float64{a, b}
			passes[k] = t.at(row[k])
			if n.Attr().Clip > 0 {
				switch {
				case b < low || a > high:
					passes[k] = [2]float64{}
				case a < low || b > high:
					passes[k] = [2]float64{min(0, passes[k][0]), max(0, passes[k][1])}
				}
			}
			sum[0] += passes[k][0]
			sum[1] += passes[k][1]
			total += t.magnitude(row[k])
		})
		for k, at := range row {
			lo := min(p[k][0]*sum[0], p[k][1]*sum[0]) - passes[k][1]
			hi := max(p[k][0]*sum[1], p[k][1]*sum[1]) - passes[k][0]
			slack := float64(u*float64(len(row)+3)*(p[k][1]*total)) + float64(2*u*t.magnitude(at))
			lo, hi = lo-slack, hi+slack
			d := dloss.at(i)
			out.set(at, min(lo*d[0], lo*d[1], hi*d[0], hi*d[1]), max(lo*d[0], lo*d[1], hi*d[0], hi*d[1]))
			out.widen(at, 1)
		}
	}
}

func oneHotBounds(_ *Run, _ *graph.Node, in []interval, out interval) {
	depth := out.lo.shape[len(out.lo.shape)-1]
	for i := range in[0].lo.data {
		x := in[0].at(i)
		for k := range depth {
			class := float64(k)
			out.set(i*depth+k, truth(x[0] == class && x[1] == class), truth(!(x[1] < class || class < x[0])))
		}
	}
}
