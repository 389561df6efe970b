package cpu

import (
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file holds softmax, its logarithm, and its cross-entropy with targets.
// With m the maximum of a row, every one starts from e_i = exp(x_i - m) and
// s = Σ e_i, summed in the order of [Reduce].

// rowGrain is the number of elements of a softmax that are worth handing to
// another core.
const rowGrain = 4096

// A Softmax kernel writes e_i / s to each row of Y. Y may be X.
type Softmax struct {
	X, Y    []float32
	Rows, N int

	rows rowSplit
}

// A LogSoftmax kernel writes (x_i - m) - log s to each row of Y. Y may be X.
type LogSoftmax struct {
	X, Y    []float32
	Rows, N int

	rows rowSplit
}

// A SoftmaxCrossentropy kernel writes the cross-entropy between Target and the
// softmax p of each row of Logits [Rows, N] to Loss [Rows]. Target is a
// distribution, [Rows, N], or if Sparse a label for each row, [Rows].
//
// With Clip 0 the loss is -Σ t_i·logsoftmax_i. Otherwise it is Keras's, which is
// given probabilities and limits them: -Σ t_i·log(min(max(p_i, Clip), 1-Clip)).
type SoftmaxCrossentropy struct {
	Logits, Target, Loss []float32
	Rows, N              int
	Clip                 float32
	Sparse               bool

	rows rowSplit
}

// A SoftmaxCrossentropyGrad kernel writes to DLogits the derivative of
// Σ DLoss·loss, with the loss of [SoftmaxCrossentropy] of the same fields. With
// w_i = t_i where p_i is within its limits and 0 where it was clipped, and
// W = Σ w_i, that is DLoss·(p_i·W - w_i).
type SoftmaxCrossentropyGrad struct {
	Logits, Target, DLoss, DLogits []float32
	Rows, N                        int
	Clip                           float32
	Sparse                         bool

	rows rowSplit
}

// rowSplit cuts rows into chunks by the shape alone.
type rowSplit struct{ rows, per int }

func (s *rowSplit) run(p *par.Pool, job par.Job, rows, n int) {
	s.rows, s.per = rows, max(rowGrain/max(n, 1), 1)
	p.Run(job, (rows+s.per-1)/s.per)
}

func (s *rowSplit) chunk(index int) (r0, r1 int) {
	r0 = index * s.per
	return r0, min(r0+s.per, s.rows)
}

// Run computes Y.
func (k *Softmax) Run(p *par.Pool) { k.rows.run(p, k, k.Rows, k.N) }

// Do computes chunk index of Run.
func (k *Softmax) Do(_, index int) {
	for r, r1 := k.rows.chunk(index); r < r1; r++ {
		softmaxRow(k.Y[r*k.N:(r+1)*k.N], k.X[r*k.N:(r+1)*k.N])
	}
}

// Run computes Y.
func (k *LogSoftmax) Run(p *par.Pool) { k.rows.run(p, k, k.Rows, k.N) }

// Do computes chunk index of Run.
func (k *LogSoftmax) Do(_, index int) {
	for r, r1 := k.rows.chunk(index); r < r1; r++ {
		x, y := k.X[r*k.N:(r+1)*k.N], k.Y[r*k.N:(r+1)*k.N]
		m := maxRow(x)
		l := fmath.Log(sumExp(x, m))
		for i, v := range x {
			y[i] = (v - m) - l
		}
	}
}

// Run computes Loss.
func (k *SoftmaxCrossentropy) Run(p *par.Pool) { k.rows.run(p, k, k.Rows, k.N) }

// Do computes chunk index of Run.
func (k *SoftmaxCrossentropy) Do(_, index int) {
	for r, r1 := k.rows.chunk(index); r < r1; r++ {
		z := k.Logits[r*k.N : (r+1)*k.N]
		m := maxRow(z)
		s := sumExp(z, m)
		var l float32
		if k.Clip == 0 {
			l = fmath.Log(s)
		}
		// term is log q_i.
		term := func(i int) float32 {
			if k.Clip == 0 {
				return (z[i] - m) - l
			}
			return fmath.Log(min(max(fmath.Exp(z[i]-m)/s, k.Clip), 1-k.Clip))
		}
		if k.Sparse {
			k.Loss[r] = -term(int(k.Target[r]))
			continue
		}
		t := k.Target[r*k.N : (r+1)*k.N]
		k.Loss[r] = -sumBlocks(k.N, func(i int) float32 { return t[i] * term(i) })
	}
}

// Run computes DLogits.
func (k *SoftmaxCrossentropyGrad) Run(p *par.Pool) { k.rows.run(p, k, k.Rows, k.N) }

// Do computes chunk index of Run.
func (k *SoftmaxCrossentropyGrad) Do(_, index int) {
	for r, r1 := k.rows.chunk(index); r < r1; r++ {
		d := k.DLogits[r*k.N : (r+1)*k.N]
		softmaxRow(d, k.Logits[r*k.N:(r+1)*k.N])
		// weight is w_i.
		weight := func(i int) float32 {
			var t float32
			switch {
			case !k.Sparse:
				t = k.Target[r*k.N+i]
			case i == int(k.Target[r]):
				t = 1
			}
			if k.Clip != 0 && !(d[i] >= k.Clip && d[i] <= 1-k.Clip) {
				return 0
			}
			return t
		}
		sum := sumBlocks(k.N, weight)
		for i, p := range d {
			d[i] = k.DLoss[r] * (float32(p*sum) - weight(i))
		}
	}
}

func softmaxRow(y, x []float32) {
	m := maxRow(x)
	for i, v := range x {
		y[i] = fmath.Exp(v - m)
	}
	s := sumRow(y)
	for i := range y {
		y[i] /= s
	}
}

// sumExp returns Σ exp(x_i - m).
func sumExp(x []float32, m float32) float32 {
	return sumBlocks(len(x), func(i int) float32 { return fmath.Exp(x[i] - m) })
}

// sumBlocks adds term(0) … term(n-1) in the order of sumRow.
func sumBlocks(n int, term func(int) float32) float32 {
	var y float32
	for b := 0; b == 0 || b < n; b += sumBlock {
		var lane [16]float32
		for i := b; i < min(b+sumBlock, n); i++ {
			lane[i%16] += term(i)
		}
		if s := sumTree(&lane); b == 0 {
			y = s
		} else {
			y += s
		}
	}
	return y
}
