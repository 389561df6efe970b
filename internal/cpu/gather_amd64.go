package cpu

import (
	"github.com/cornu-ml/cornu/internal/fmath"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file chooses between the tiers' gathers.

func gatherUnit(dst []float32, src []uint8, rows []int32, width int) {
	switch tier := isa.Active(); {
	case tier == isa.AVX512 && width >= 16:
		gatherUnitAVX512(first(dst), first(src), first(rows), len(rows), width)
	case tier == isa.AVX2 && width >= 8:
		gatherUnitAVX2(first(dst), first(src), first(rows), len(rows), width)
	default:
		gatherTable(dst, src, rows, width, &fmath.ByteToUnit)
	}
}

func gatherFloat32(dst, src []float32, rows []int32, width int) {
	switch tier := isa.Active(); {
	case tier == isa.AVX512 && width >= 16:
		gatherFloat32AVX512(first(dst), first(src), first(rows), len(rows), width)
	case tier == isa.AVX2 && width >= 8:
		gatherFloat32AVX2(first(dst), first(src), first(rows), len(rows), width)
	default:
		gatherFloat32Generic(dst, src, rows, width)
	}
}

func fill(x []float32, v float32) {
	switch isa.Active() {
	case isa.AVX512:
		fillAVX512(first(x), len(x), v)
	case isa.AVX2:
		fillAVX2(first(x), len(x), v)
	default:
		fillGeneric(x, v)
	}
}
