package product

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// widenFast widens by assembly, if the tier and the length allow: that of AVX2, for both tiers.
func widenFast(dst []float32, h Halves) bool {
	if isa.Active() == isa.Generic || len(dst) < 8 {
		return false
	}
	if h.Brain {
		widenBFloat16AVX2(&dst[0], &h.Data[0], len(dst))
	} else {
		widenFloat16AVX2(&dst[0], &h.Data[0], len(dst))
	}
	return true
}

// rowTimes adds to c the products of the numbers of a with as many rows of h, which are ld apart, in their order, if the tier and
// the number of columns allow.
func rowTimes(c, a []float32, h Halves, ld int) bool {
	const lanes = 8
	if isa.Active() == isa.Generic || len(a) == 0 || len(c) < lanes {
		return false
	}
	j := 0
	for ; len(c)-j >= 8*lanes; j += 8 * lanes {
		if h.Brain {
			rowBFloat16x8AVX2(&c[j], &a[0], &h.Data[j], len(a), ld)
		} else {
			rowFloat16x8AVX2(&c[j], &a[0], &h.Data[j], len(a), ld)
		}
	}
	one := func(to *float32, j int) {
		if h.Brain {
			rowBFloat16x1AVX2(to, &a[0], &h.Data[j], len(a), ld)
		} else {
			rowFloat16x1AVX2(to, &a[0], &h.Data[j], len(a), ld)
		}
	}
	for ; len(c)-j >= lanes; j += lanes {
		one(&c[j], j)
	}
	if rest := c[j:]; len(rest) > 0 { // the vector of the last columns overlaps the one before, and is computed aside
		var last [lanes]float32
		tail := last[lanes-len(rest):]
		copy(tail, rest)
		one(&last[0], len(c)-lanes)
		copy(rest, tail)
	}
	return true
}
