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
