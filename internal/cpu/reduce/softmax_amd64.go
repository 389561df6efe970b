package reduce

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file puts softmax and its cross-entropy together from the tiers' loops:
// one loop over short rows, or several passes over each long one.

// shortRow is the longest row that the loops over short rows take.
const shortRow = 16

func softmaxRows(y, x []float32, rows, n int) {
	tier := isa.Active()
	switch {
	case tier != isa.AVX512 && tier != isa.AVX2 || n == 0:
		softmaxRowsGeneric(y, x, rows, n)
	case n > shortRow:
		for r := range rows {
			y, x := y[r*n:][:n], x[r*n:][:n]
			share(y, expSum(y, x, maxRow(x)))
		}
	case tier == isa.AVX512:
		softmaxRowsAVX512(&y[0], &x[0], rows, n)
	default:
		softmaxRowsAVX2(&y[0], &x[0], rows, n)
	}
}

func logSoftmaxRows(y, x []float32, rows, n int) {
	tier := isa.Active()
	switch {
	case tier != isa.AVX512 && tier != isa.AVX2 || n == 0:
		logSoftmaxRowsGeneric(y, x, rows, n)
	case n > shortRow:
		for r := range rows {
			y, x := y[r*n:][:n], x[r*n:][:n]
			m := maxRow(x)
			l := fmath.Log(sumExp(x, m))
			if tier == isa.AVX512 {
				subtractTwoAVX512(&y[0], &x[0], n, m, l)
			} else {
				subtractTwoAVX2(&y[0], &x[0], n, m, l)
			}
		}
	case tier == isa.AVX512:
		logSoftmaxRowsAVX512(&y[0], &x[0], rows, n)
	default:
		logSoftmaxRowsAVX2(&y[0], &x[0], rows, n)
	}
}

// rows computes Loss.
func (k *SoftmaxCrossentropy) rows() {
	tier := isa.Active()
	switch {
	case tier != isa.AVX512 && tier != isa.AVX2 || k.N == 0 || k.Sparse && !indices(k.Target, k.Labels, k.Rows, k.N):
		k.rowsGeneric()
	case k.N > shortRow:
		k.longRows(tier)
	case k.Labels != nil:
		k.shortLabels(tier)
	default:
		k.shortRows(tier)
	}
}

func (k *SoftmaxCrossentropy) shortRows(tier isa.Tier) {
	loss, z, t := &k.Loss[0], &k.Logits[0], &k.Target[0]
	lo, hi := limits(k.Clip)
	switch clipped := k.Clip != 0; {
	case tier == isa.AVX512 && k.Sparse && clipped:
		sparseClippedRowsAVX512(z, loss, t, k.Rows, k.N, lo, hi)
	case tier == isa.AVX512 && k.Sparse:
		sparseCrossentropyRowsAVX512(z, loss, t, k.Rows, k.N)
	case tier == isa.AVX512 && clipped:
		denseClippedRowsAVX512(z, t, loss, k.Rows, k.N, lo, hi)
	case tier == isa.AVX512:
		denseCrossentropyRowsAVX512(z, t, loss, k.Rows, k.N)
	case k.Sparse && clipped:
		sparseClippedRowsAVX2(z, loss, t, k.Rows, k.N, lo, hi)
	case k.Sparse:
		sparseCrossentropyRowsAVX2(z, loss, t, k.Rows, k.N)
	case clipped:
		denseClippedRowsAVX2(z, t, loss, k.Rows, k.N, lo, hi)
	default:
		denseCrossentropyRowsAVX2(z, t, loss, k.Rows, k.N)
	}
}

// shortLabels is shortRows of labels that are integers.
func (k *SoftmaxCrossentropy) shortLabels(tier isa.Tier) {
	var labels [labelBlock]float32
	part := *k
	for r := 0; r < k.Rows; r += labelBlock {
		part.Rows, part.Target = min(labelBlock, k.Rows-r), asFloats(&labels, k.Labels[r:])
		part.Logits, part.Loss = k.Logits[r*k.N:], k.Loss[r:]
		part.shortRows(tier)
	}
}

func (k *SoftmaxCrossentropy) longRows(tier isa.Tier) {
	lo, hi := limits(k.Clip)
	for r := range k.Rows {
		z := k.Logits[r*k.N:][:k.N]
		m := maxRow(z)
		s := sumExp(z, m)
		l := fmath.Log(s)
		if k.Sparse {
			v := z[class(k.Target, k.Labels, r, k.N)] - m
			if k.Clip == 0 {
				k.Loss[r] = 0 - (v - l)
			} else {
				k.Loss[r] = 0 - fmath.Log(min(max(fmath.Exp(v)/s, lo), hi))
			}
			continue
		}
		t := k.Target[r*k.N:][:k.N]
		k.Loss[r] = 0 - sumBlocks(k.N, func(i, n int) float32 {
			switch clipped := k.Clip != 0; {
			case tier == isa.AVX512 && clipped:
				return clippedSumAVX512(&z[i], &t[i], n, m, s, lo, hi)
			case tier == isa.AVX512:
				return crossentropySumAVX512(&z[i], &t[i], n, m, l)
			case clipped:
				return clippedSumAVX2(&z[i], &t[i], n, m, s, lo, hi)
			}
			return crossentropySumAVX2(&z[i], &t[i], n, m, l)
		})
	}
}

// rows computes DLogits.
func (k *SoftmaxCrossentropyGrad) rows() {
	tier := isa.Active()
	switch {
	case tier != isa.AVX512 && tier != isa.AVX2 || k.N == 0 || k.Sparse && !indices(k.Target, k.Labels, k.Rows, k.N):
		k.rowsGeneric()
	case k.N > shortRow:
		k.longRows(tier)
	case k.Labels != nil:
		k.shortLabels(tier)
	default:
		k.shortRows(tier)
	}
}

func (k *SoftmaxCrossentropyGrad) shortRows(tier isa.Tier) {
	d, z, t, dl := &k.DLogits[0], &k.Logits[0], &k.Target[0], &k.DLoss[0]
	lo, hi := limits(k.Clip)
	switch {
	case tier == isa.AVX512 && k.Sparse:
		sparseGradRowsAVX512(d, z, dl, t, k.Rows, k.N, lo, hi)
	case tier == isa.AVX512:
		denseGradRowsAVX512(d, z, t, dl, k.Rows, k.N, lo, hi)
	case k.Sparse:
		sparseGradRowsAVX2(d, z, dl, t, k.Rows, k.N, lo, hi)
	default:
		denseGradRowsAVX2(d, z, t, dl, k.Rows, k.N, lo, hi)
	}
}

// shortLabels is shortRows of labels that are integers.
func (k *SoftmaxCrossentropyGrad) shortLabels(tier isa.Tier) {
	var labels [labelBlock]float32
	part := *k
	for r := 0; r < k.Rows; r += labelBlock {
		part.Rows, part.Target = min(labelBlock, k.Rows-r), asFloats(&labels, k.Labels[r:])
		part.Logits, part.DLogits, part.DLoss = k.Logits[r*k.N:], k.DLogits[r*k.N:], k.DLoss[r:]
		part.shortRows(tier)
	}
}

func (k *SoftmaxCrossentropyGrad) longRows(tier isa.Tier) {
	lo, hi := limits(k.Clip)
	softmaxRows(k.DLogits, k.Logits, k.Rows, k.N)
	for r := range k.Rows {
		d, dl := k.DLogits[r*k.N:][:k.N], k.DLoss[r]
		if k.Sparse {
			i := class(k.Target, k.Labels, r, k.N)
			var w float32
			if p := d[i]; p >= lo && p <= hi {
				w = 1
			}
			at := dl * (float32(d[i]*w) - w)
			if tier == isa.AVX512 {
				scaleTwoAVX512(&d[0], k.N, dl, w)
			} else {
				scaleTwoAVX2(&d[0], k.N, dl, w)
			}
			d[i] = at
			continue
		}
		t := k.Target[r*k.N:][:k.N]
		w := sumBlocks(k.N, func(i, n int) float32 {
			if tier == isa.AVX512 {
				return weightSumAVX512(&d[i], &t[i], n, lo, hi)
			}
			return weightSumAVX2(&d[i], &t[i], n, lo, hi)
		})
		if tier == isa.AVX512 {
			gradApplyAVX512(&d[0], &t[0], k.N, dl, w, lo, hi)
		} else {
			gradApplyAVX2(&d[0], &t[0], k.N, dl, w, lo, hi)
		}
	}
}

// share divides parts of a whole, of which none is negative, by their sum, which is at least 1.
func share(y []float32, sum float32) {
	if isa.Active() == isa.AVX512 {
		shareAVX512(&y[0], len(y), sum, 1/sum)
	} else {
		shareAVX2(&y[0], len(y), sum, 1/sum)
	}
}

// expSum writes exp(x_i - m) to y and returns its sum.
func expSum(y, x []float32, m float32) float32 {
	tier := isa.Active()
	return sumBlocks(len(x), func(i, n int) float32 {
		if tier == isa.AVX512 {
			return expSumAVX512(&y[i], &x[i], n, m)
		}
		return expSumAVX2(&y[i], &x[i], n, m)
	})
}

// sumExp returns Σ exp(x_i - m).
func sumExp(x []float32, m float32) float32 {
	tier := isa.Active()
	return sumBlocks(len(x), func(i, n int) float32 {
		if tier == isa.AVX512 {
			return sumExpAVX512(&x[i], n, m)
		}
		return sumExpAVX2(&x[i], n, m)
	})
}

// sumBlocks adds, in order, what sum returns for each block of n elements from i.
func sumBlocks(length int, sum func(i, n int) float32) float32 {
	y := sum(0, min(length, sumBlock))
	for i := sumBlock; i < length; i += sumBlock {
		y += sum(i, min(length-i, sumBlock))
	}
	return y
}

// indices reports whether each label is an integer from 0 to n-1. The vector kernels don't check it.
func indices(t []float32, labels []int32, rows, n int) bool {
	for r := range rows {
		if class(t, labels, r, n) < 0 {
			return false
		}
	}
	return true
}

// labelBlock is how many labels are converted at once for the loops over short rows, which take float32.
const labelBlock = 64

// asFloats converts labels, as many as dst holds at most.
func asFloats(dst *[labelBlock]float32, labels []int32) []float32 {
	n := min(len(labels), labelBlock)
	for i, l := range labels[:n] {
		dst[i] = float32(l)
	}
	return dst[:n]
}
