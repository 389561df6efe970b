package reduce

import (
	"math"

	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file holds softmax, its logarithm, and its cross-entropy with targets.
// All of them start from the maximum m of a row, e_i = exp(x_i - m) and
// s = Σ e_i, which is summed in the order of [Reduction].

// A Softmax kernel writes e_i / s to each row of Y. Y may be X.
type Softmax struct {
	X, Y    []float32
	Rows, N int
}

// A LogSoftmax kernel writes (x_i - m) - log s to each row of Y. Y may be X.
type LogSoftmax struct {
	X, Y    []float32
	Rows, N int
}

// A SoftmaxCrossentropy kernel writes the cross-entropy between Target and the
// softmax p of each row of Logits [Rows, N] to Loss [Rows]. Target is a
// distribution, [Rows, N], or if Sparse a label for each row, [Rows]; a label
// that is no index from 0 to N-1 is a distribution of zeros. Labels that are integers are in Labels, and Target is nil.
//
// With Clip 0 the loss is -Σ t_i·logsoftmax_i. Otherwise it is Keras's loss of
// probabilities, which clips them: -Σ t_i·log(min(max(p_i, Clip), 1-Clip)).
type SoftmaxCrossentropy struct {
	Logits, Target, Loss []float32
	Rows, N              int
	Clip                 float32
	Sparse               bool
	Labels               []int32
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
	Labels                         []int32
}

// limits returns the bounds to which a Clip limits probabilities: infinite ones for a Clip of 0.
func limits(clip float32) (lo, hi float32) {
	if clip == 0 {
		return float32(math.Inf(-1)), float32(math.Inf(1))
	}
	return clip, 1 - clip
}

// Tasks returns the number of tasks that Run is made of.
func (k *Softmax) Tasks() int { return par.RowTasks(k.Rows, k.N) }

// Run computes Y.
func (k *Softmax) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *Softmax) Do(_, index int) {
	r0, r1 := par.TaskRows(index, k.Rows, k.N)
	softmaxRows(k.Y[r0*k.N:r1*k.N], k.X[r0*k.N:r1*k.N], r1-r0, k.N)
}

// SoftmaxRows replaces rows of n elements, each of which begins ld elements after the one before, by their softmax, on the core that
// calls it.
func SoftmaxRows(x []float32, ld, rows, n int) {
	if ld == n || rows == 1 {
		softmaxRows(x[:rows*n], x[:rows*n], rows, n)
		return
	}
	for r := range rows {
		row := x[r*ld:][:n]
		softmaxRows(row, row, 1, n)
	}
}

// Tasks returns the number of tasks that Run is made of.
func (k *LogSoftmax) Tasks() int { return par.RowTasks(k.Rows, k.N) }

// Run computes Y.
func (k *LogSoftmax) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *LogSoftmax) Do(_, index int) {
	r0, r1 := par.TaskRows(index, k.Rows, k.N)
	logSoftmaxRows(k.Y[r0*k.N:r1*k.N], k.X[r0*k.N:r1*k.N], r1-r0, k.N)
}

// Tasks returns the number of tasks that Run is made of.
func (k *SoftmaxCrossentropy) Tasks() int { return par.RowTasks(k.Rows, k.N) }

// Run computes Loss.
func (k *SoftmaxCrossentropy) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *SoftmaxCrossentropy) Do(_, index int) {
	part := *k
	r0, r1 := par.TaskRows(index, k.Rows, k.N)
	part.Rows = r1 - r0
	part.Logits, part.Loss = k.Logits[r0*k.N:r1*k.N], k.Loss[r0:r1]
	part.Target, part.Labels = targetRows(k.Target, k.Labels, r0, r1, k.N, k.Sparse)
	part.rows()
}

// Tasks returns the number of tasks that Run is made of.
func (k *SoftmaxCrossentropyGrad) Tasks() int { return par.RowTasks(k.Rows, k.N) }

// Run computes DLogits.
func (k *SoftmaxCrossentropyGrad) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *SoftmaxCrossentropyGrad) Do(_, index int) {
	part := *k
	r0, r1 := par.TaskRows(index, k.Rows, k.N)
	part.Rows = r1 - r0
	part.Logits, part.DLogits, part.DLoss = k.Logits[r0*k.N:r1*k.N], k.DLogits[r0*k.N:r1*k.N], k.DLoss[r0:r1]
	part.Target, part.Labels = targetRows(k.Target, k.Labels, r0, r1, k.N, k.Sparse)
	part.rows()
}

// targetRows returns the targets of rows r0 … r1-1.
func targetRows(t []float32, labels []int32, r0, r1, n int, sparse bool) ([]float32, []int32) {
	switch {
	case labels != nil:
		return nil, labels[r0:r1]
	case sparse:
		return t[r0:r1], nil
	}
	return t[r0*n : r1*n], nil
}

// class returns the label of row r as the index of one of n classes, -1 if it is none.
func class(t []float32, labels []int32, r, n int) int {
	if labels == nil {
		return move.LabelIndex(t[r], n)
	}
	if i := int(labels[r]); uint(i) < uint(n) {
		return i
	}
	return -1
}

// The definitions: what follows is plain Go, and the vector kernels equal it.

func softmaxRowsGeneric(y, x []float32, rows, n int) {
	for r := range rows {
		x, y := x[r*n:][:n], y[r*n:][:n]
		m := maxRowGeneric(x)
		for i, v := range x {
			y[i] = fmath.Exp(v - m)
		}
		s := sumRow(y)
		for i := range y {
			y[i] /= s
		}
	}
}

func logSoftmaxRowsGeneric(y, x []float32, rows, n int) {
	for r := range rows {
		x, y := x[r*n:][:n], y[r*n:][:n]
		m := maxRowGeneric(x)
		l := fmath.Log(sumExpGeneric(x, m))
		for i, v := range x {
			y[i] = (v - m) - l
		}
	}
}

// rowsGeneric is rows in plain Go.
func (k *SoftmaxCrossentropy) rowsGeneric() {
	lo, hi := limits(k.Clip)
	for r := range k.Rows {
		z := k.Logits[r*k.N:][:k.N]
		m := maxRowGeneric(z)
		s := sumExpGeneric(z, m)
		l := fmath.Log(s)
		logq := func(i int) float32 {
			if k.Clip == 0 {
				return (z[i] - m) - l
			}
			return fmath.Log(min(max(fmath.Exp(z[i]-m)/s, lo), hi))
		}
		if k.Sparse {
			k.Loss[r] = 0
			if i := class(k.Target, k.Labels, r, k.N); i >= 0 {
				k.Loss[r] = 0 - logq(i)
			}
			continue
		}
		t := k.Target[r*k.N:][:k.N]
		k.Loss[r] = 0 - sumOf(k.N, func(i int) float32 { return t[i] * logq(i) })
	}
}

// rowsGeneric is rows in plain Go.
func (k *SoftmaxCrossentropyGrad) rowsGeneric() {
	lo, hi := limits(k.Clip)
	softmaxRowsGeneric(k.DLogits, k.Logits, k.Rows, k.N)
	for r := range k.Rows {
		d := k.DLogits[r*k.N:][:k.N]
		weight := func(i int) float32 {
			switch {
			case !(d[i] >= lo && d[i] <= hi):
				return 0
			case !k.Sparse:
				return k.Target[r*k.N+i]
			case i == class(k.Target, k.Labels, r, k.N):
				return 1
			}
			return 0
		}
		sum := sumOf(k.N, weight)
		for i, p := range d {
			d[i] = k.DLoss[r] * (float32(p*sum) - weight(i))
		}
	}
}

// sumExpGeneric returns Σ exp(x_i - m).
func sumExpGeneric(x []float32, m float32) float32 {
	return sumOf(len(x), func(i int) float32 { return fmath.Exp(x[i] - m) })
}

// sumOf adds term(0) … term(n-1) in the order of [Reduction].
func sumOf(n int, term func(int) float32) float32 {
	var sum float32
	for b := 0; b == 0 || b < n; b += sumBlock {
		var lane [16]float32
		for i := b; i < min(b+sumBlock, n); i++ {
			lane[i%16] += term(i)
		}
		if part := sumTree(&lane); b == 0 {
			sum = part
		} else {
			sum += part
		}
	}
	return sum
}
