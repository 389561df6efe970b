package ref

// This file says in float64 what each op means.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// table holds the meaning of each op but the leaves that must be fed: it fills
// out, which is zero, from in.
var table = [...]func(r *Run, a *graph.Attr, in []value, out value){
	graph.OpConst: constant,

	graph.OpAdd:       binary(func(x, y float64) float64 { return x + y }),
	graph.OpSub:       binary(func(x, y float64) float64 { return x - y }),
	graph.OpMul:       binary(func(x, y float64) float64 { return x * y }),
	graph.OpDiv:       binary(func(x, y float64) float64 { return x / y }),
	graph.OpMax:       binary(func(x, y float64) float64 { return max(x, y) }),
	graph.OpMin:       binary(func(x, y float64) float64 { return min(x, y) }),
	graph.OpPow:       binary(math.Pow),
	graph.OpLess:      binary(func(x, y float64) float64 { return truth(x < y) }),
	graph.OpLessEqual: binary(func(x, y float64) float64 { return truth(x <= y) }),
	graph.OpEqual:     binary(func(x, y float64) float64 { return truth(x == y) }),

	graph.OpNeg:      unary(func(x float64) float64 { return -x }),
	graph.OpAbs:      unary(math.Abs),
	graph.OpSign:     unary(sign),
	graph.OpSquare:   unary(func(x float64) float64 { return x * x }),
	graph.OpSqrt:     unary(math.Sqrt),
	graph.OpExp:      unary(math.Exp),
	graph.OpExpm1:    unary(math.Expm1),
	graph.OpLog:      unary(math.Log),
	graph.OpLog1p:    unary(math.Log1p),
	graph.OpTanh:     unary(math.Tanh),
	graph.OpSigmoid:  unary(sigmoid),
	graph.OpErf:      unary(math.Erf),
	graph.OpRelu:     unary(relu),
	graph.OpSoftplus: unary(func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }),
	graph.OpSin:      unary(math.Sin),
	graph.OpCos:      unary(math.Cos),
	graph.OpFloor:    unary(math.Floor),

	graph.OpReluGrad:      reluGrad,
	graph.OpMaskScale:     maskScale,
	graph.OpSelect:        choose,
	graph.OpDropout:       dropout,
	graph.OpRandomUniform: randomUniform,
	graph.OpStopGradient:  same,

	graph.OpSum:                     sum,
	graph.OpReduceMax:               extreme(math.Inf(-1), func(x, y float64) float64 { return max(x, y) }),
	graph.OpReduceMin:               extreme(math.Inf(1), func(x, y float64) float64 { return min(x, y) }),
	graph.OpArgMax:                  argMax,
	graph.OpSoftmax:                 softmax,
	graph.OpLogSoftmax:              logSoftmax,
	graph.OpSoftmaxCrossentropy:     crossentropy,
	graph.OpSoftmaxCrossentropyGrad: crossentropyGrad,

	graph.OpMatMul:      matMul,
	graph.OpBatchMatMul: batchMatMul,

	graph.OpAttention:     attention,
	graph.OpAttentionGrad: attentionGrad,

	graph.OpConv:            conv,
	graph.OpConvInputGrad:   convInputGrad,
	graph.OpConvKernelGrad:  convKernelGrad,
	graph.OpMaxPool:         maxPool,
	graph.OpArgMaxPool:      argMaxPool,
	graph.OpPoolTake:        poolTake,
	graph.OpPoolPut:         poolPut,
	graph.OpAveragePool:     averagePool,
	graph.OpAveragePoolGrad: averagePoolGrad,

	graph.OpReshape:     same,
	graph.OpTranspose:   transpose,
	graph.OpBroadcastTo: broadcastTo,
	graph.OpSlice:       slice,
	graph.OpPad:         pad,
	graph.OpConcat:      concat,
	graph.OpPack:        pack,
	graph.OpView:        view,

	graph.OpOneHot:     oneHot,
	graph.OpGather:     gather,
	graph.OpScatterAdd: scatterAdd,
	graph.OpGroupSum:   groupSum,
	graph.OpScan:       nil, // runs the table
	graph.OpNumel:      numel,
	graph.OpCast:       same,
}

func constant(_ *Run, a *graph.Attr, _ []value, out value) {
	for i, v := range a.Data {
		out.data[i] = float64(v)
	}
}

func same(_ *Run, _ *graph.Attr, in []value, out value) { copy(out.data, in[0].data) }

func unary(f func(x float64) float64) func(*Run, *graph.Attr, []value, value) {
	return func(_ *Run, _ *graph.Attr, in []value, out value) {
		for i, x := range in[0].data {
			out.data[i] = f(x)
		}
	}
}

func binary(f func(x, y float64) float64) func(*Run, *graph.Attr, []value, value) {
	return func(_ *Run, _ *graph.Attr, in []value, out value) {
		x, y := broadcast(in[0].shape, out.shape), broadcast(in[1].shape, out.shape)
		for i := range out.data {
			out.data[i] = f(in[0].data[x[i]], in[1].data[y[i]])
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // ±0 or NaN
}

func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func relu(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return x
}

func reluGrad(_ *Run, _ *graph.Attr, in []value, out value) {
	for i, y := range in[1].data {
		if y > 0 {
			out.data[i] = in[0].data[i]
		}
	}
}

func maskScale(_ *Run, a *graph.Attr, in []value, out value) {
	for i, h := range in[1].data {
		if h > 0 {
			out.data[i] = in[0].data[i] * a.Scale
		}
	}
}

func choose(_ *Run, _ *graph.Attr, in []value, out value) {
	cond, x, y := broadcast(in[0].shape, out.shape), broadcast(in[1].shape, out.shape), broadcast(in[2].shape, out.shape)
	for i := range out.data {
		if in[0].data[cond[i]] != 0 {
			out.data[i] = in[1].data[x[i]]
		} else {
			out.data[i] = in[2].data[y[i]]
		}
	}
}

func dropout(r *Run, a *graph.Attr, in []value, out value) {
	n := len(out.data)
	keep := make([]byte, (n+7)/8)
	rng.DropoutBits(keep, rng.New(r.Seed, a.Stream, r.Step), 0, n, rng.Threshold(a.Rate))
	for i, x := range in[0].data {
		if keep[i/8]>>(i%8)&1 == 1 {
			out.data[i] = x / (1 - a.Rate)
		}
	}
}

func randomUniform(r *Run, a *graph.Attr, _ []value, out value) {
	source := rng.New(r.Seed, a.Stream, r.Step)
	for i := range out.data {
		out.data[i] = float64(source.Float32(uint64(i)))
	}
}

func sum(_ *Run, a *graph.Attr, in []value, out value) {
	for i, at := range reduction(in[0].shape, a.Axes) {
		out.data[at] += in[0].data[i]
	}
}

func extreme(none float64, f func(x, y float64) float64) func(*Run, *graph.Attr, []value, value) {
	return func(_ *Run, a *graph.Attr, in []value, out value) {
		for i := range out.data {
			out.data[i] = none
		}
		for i, at := range reduction(in[0].shape, a.Axes) {
			out.data[at] = f(out.data[at], in[0].data[i])
		}
	}
}

// rows returns the positions of each run of elements along an axis.
func rows(s tensor.Shape, axis int) [][]int {
	heads := s.Clone()
	heads[axis] = 1
	steps := strides(s)
	var out [][]int
	for _, head := range positions(heads, 0, steps) {
		row := make([]int, s[axis])
		for i := range row {
			row[i] = head + i*steps[axis]
		}
		out = append(out, row)
	}
	return out
}

func argMax(_ *Run, a *graph.Attr, in []value, out value) {
	x := in[0].data
	for i, row := range rows(in[0].shape, a.Axes[0]) {
		best := 0
		for k, at := range row {
			if top := x[row[best]]; x[at] > top || math.IsNaN(x[at]) && !math.IsNaN(top) {
				best = k
			}
		}
		out.data[i] = float64(best)
	}
}

func softmax(_ *Run, a *graph.Attr, in []value, out value) {
	for _, row := range rows(in[0].shape, a.Axes[0]) {
		top, total := math.Inf(-1), 0.0
		for _, at := range row {
			top = max(top, in[0].data[at])
		}
		for _, at := range row {
			out.data[at] = math.Exp(in[0].data[at] - top)
			total += out.data[at]
		}
		for _, at := range row {
			out.data[at] /= total
		}
	}
}

func logSoftmax(_ *Run, a *graph.Attr, in []value, out value) {
	for _, row := range rows(in[0].shape, a.Axes[0]) {
		top, total := math.Inf(-1), 0.0
		for _, at := range row {
			top = max(top, in[0].data[at])
		}
		for _, at := range row {
			total += math.Exp(in[0].data[at] - top)
		}
		for _, at := range row {
			out.data[at] = in[0].data[at] - top - math.Log(total)
		}
	}
}

// classes returns the target as a distribution over the last axis of logits.
func classes(a *graph.Attr, logits, target value) value {
	if !a.Sparse {
		return target
	}
	t := value{logits.shape, make([]float64, len(logits.data))}
	oneHot(nil, nil, []value{target}, t)
	return t
}

// clips returns the bounds as the float32 numbers that kernels compare with.
func clips(a *graph.Attr) (low, high float64) {
	return float64(float32(a.Clip)), float64(float32(1 - a.Clip))
}

func crossentropy(r *Run, a *graph.Attr, in []value, out value) {
	logits := in[0]
	t := classes(a, logits, in[1])
	last := &graph.Attr{Axes: []int{len(logits.shape) - 1}}
	log := value{logits.shape, make([]float64, len(logits.data))}
	if a.Clip > 0 {
		softmax(r, last, in, log)
		low, high := clips(a)
		for i, p := range log.data {
			log.data[i] = math.Log(min(max(p, low), high))
		}
	} else {
		logSoftmax(r, last, in, log)
	}
	for i, row := range rows(logits.shape, last.Axes[0]) {
		for _, at := range row {
			if !a.Sparse || t.data[at] != 0 {
				out.data[i] -= float64(t.data[at] * log.data[at])
			}
		}
	}
}

func crossentropyGrad(r *Run, a *graph.Attr, in []value, out value) {
	logits, dloss := in[0], in[2]
	t := classes(a, logits, in[1])
	last := &graph.Attr{Axes: []int{len(logits.shape) - 1}}
	p := value{logits.shape, make([]float64, len(logits.data))}
	softmax(r, last, in, p)
	low, high := clips(a)
	passes := func(at int) float64 {
		if a.Clip > 0 && !(low <= p.data[at] && p.data[at] <= high) {
			return 0
		}
		return t.data[at]
	}
	for i, row := range rows(logits.shape, last.Axes[0]) {
		total := 0.0
		for _, at := range row {
			total += passes(at)
		}
		for _, at := range row {
			out.data[at] = (float64(p.data[at]*total) - passes(at)) * dloss.data[i]
		}
	}
}

// product multiplies the m×k matrix x by the k×n matrix y. A matrix is its
// first element's place and the strides of its rows and columns.
func product(x, y, out []float64, m, k, n int, xs, ys [2]int) {
	for i := range m {
		for j := range n {
			acc := 0.0
			for l := range k {
				acc += float64(x[i*xs[0]+l*xs[1]] * y[l*ys[0]+j*ys[1]])
			}
			out[i*n+j] = acc
		}
	}
}

// matrix returns the strides of a matrix of so many stored columns.
func matrix(columns int, transposed bool) [2]int {
	if transposed {
		return [2]int{1, columns}
	}
	return [2]int{columns, 1}
}

func matMul(_ *Run, a *graph.Attr, in []value, out value) {
	l, r := in[0], in[1]
	n := out.shape[len(out.shape)-1]
	k := 1
	switch {
	case a.TransA:
		for _, d := range l.shape[:len(l.shape)-1] {
			k *= d
		}
	default:
		k = l.shape[len(l.shape)-1]
	}
	m := 1
	for _, d := range out.shape[:len(out.shape)-1] {
		m *= d
	}
	product(l.data, r.data, out.data, m, k, n,
		matrix(l.shape[len(l.shape)-1], a.TransA), matrix(r.shape[len(r.shape)-1], a.TransB))
}

func batchMatMul(_ *Run, a *graph.Attr, in []value, out value) {
	l, r := in[0], in[1]
	rank := len(out.shape)
	m, n := out.shape[rank-2], out.shape[rank-1]
	k := l.shape[rank-1]
	if a.TransA {
		k = l.shape[rank-2]
	}
	for i := range out.shape[:rank-2].Numel() {
		product(l.data[i*m*k:], r.data[i*k*n:], out.data[i*m*n:], m, k, n,
			matrix(l.shape[rank-1], a.TransA), matrix(r.shape[rank-1], a.TransB))
	}
}

func transpose(_ *Run, a *graph.Attr, in []value, out value) {
	from := strides(in[0].shape)
	steps := make([]int, len(from))
	for i, k := range a.Axes {
		steps[i] = from[k]
	}
	for i, at := range positions(out.shape, 0, steps) {
		out.data[i] = in[0].data[at]
	}
}

func broadcastTo(_ *Run, _ *graph.Attr, in []value, out value) {
	for i, at := range broadcast(in[0].shape, out.shape) {
		out.data[i] = in[0].data[at]
	}
}

// box returns where each element of the smaller tensor of a Slice or a Pad lies
// in the larger.
func box(a *graph.Attr, small, large tensor.Shape) []int {
	first := 0
	steps := strides(large)
	for i := range steps {
		first += a.Begin[i] * steps[i]
		steps[i] *= a.Step[i]
	}
	return positions(small, first, steps)
}

func slice(_ *Run, a *graph.Attr, in []value, out value) {
	for i, at := range box(a, out.shape, in[0].shape) {
		out.data[i] = in[0].data[at]
	}
}

func pad(_ *Run, a *graph.Attr, in []value, out value) {
	for i, at := range box(a, in[0].shape, out.shape) {
		out.data[at] = in[0].data[i]
	}
}

func concat(_ *Run, a *graph.Attr, in []value, out value) {
	axis := a.Axes[0]
	steps := strides(out.shape)
	begin := 0
	for _, x := range in {
		for i, at := range positions(x.shape, begin*steps[axis], steps) {
			out.data[at] = x.data[i]
		}
		begin += x.shape[axis]
	}
}

func pack(_ *Run, a *graph.Attr, in []value, out value) {
	for i, x := range in {
		copy(out.data[a.Offsets[i]:], x.data)
	}
}

func view(_ *Run, a *graph.Attr, in []value, out value) {
	copy(out.data, in[0].data[a.Offsets[0]:])
}

func oneHot(_ *Run, _ *graph.Attr, in []value, out value) {
	depth := out.shape[len(out.shape)-1]
	for i, x := range in[0].data {
		if k := int(x); float64(k) == x && 0 <= k && k < depth {
			out.data[i*depth+k] = 1
		}
	}
}

func numel(r *Run, a *graph.Attr, in []value, out value) {
	n := 1
	for _, i := range a.Axes {
		n *= in[0].shape[i]
	}
	out.data[0] = float64(n)
}
