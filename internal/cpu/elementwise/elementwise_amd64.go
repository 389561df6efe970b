package elementwise

import (
	"math"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// Primitives returns the primitives of a tier.
func Primitives(t isa.Tier) *[NumOps]Primitive {
	switch t {
	case isa.AVX2:
		return &opsAVX2
	case isa.AVX512:
		return &opsAVX512
	}
	return &genericOps
}

// The loops of sine and cosine leave large arguments to plain Go.
func init() {
	limit := math.Float32bits(0x1p27) - 1
	for _, op := range []Op{OpSin, OpCos} {
		avx2, avx512, plain := opsAVX2[op], opsAVX512[op], genericOps[op]
		opsAVX2[op] = func(dst, a, b, c *float32, n int) {
			if outsideAVX2(a, n, limit) {
				plain(dst, a, b, c, n)
			} else {
				avx2(dst, a, b, c, n)
			}
		}
		opsAVX512[op] = func(dst, a, b, c *float32, n int) {
			if outsideAVX512(a, n, limit) {
				plain(dst, a, b, c, n)
			} else {
				avx512(dst, a, b, c, n)
			}
		}
	}
}

func copyRows(l *fusedLoop) {
	switch isa.Active() {
	case isa.AVX2:
		fusedCopyAVX2(l)
	case isa.AVX512:
		fusedCopyAVX512(l)
	default:
		copyRowsGeneric(l)
	}
}

func splatRows(l *fusedLoop) {
	switch isa.Active() {
	case isa.AVX2:
		fusedSplatAVX2(l)
	case isa.AVX512:
		fusedSplatAVX512(l)
	default:
		splatRowsGeneric(l)
	}
}
