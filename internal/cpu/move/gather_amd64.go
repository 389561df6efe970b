package move

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file chooses between the tiers' gathers.

func gatherUnit(dst []float32, src []uint8, rows []int32, width int) {
	switch tier := isa.Active(); {
	case tier == isa.AVX512 && width >= 16:
		gatherUnitAVX512(unsafe.SliceData(dst), unsafe.SliceData(src), unsafe.SliceData(rows), len(rows), width)
	case tier == isa.AVX2 && width >= 8:
		gatherUnitAVX2(unsafe.SliceData(dst), unsafe.SliceData(src), unsafe.SliceData(rows), len(rows), width)
	default:
		gatherTable(dst, src, rows, width, &fmath.ByteToUnit)
	}
}

func gatherFloat32(dst, src []float32, rows []int32, width int) {
	switch tier := isa.Active(); {
	case tier == isa.AVX512 && width >= 16:
		gatherFloat32AVX512(unsafe.SliceData(dst), unsafe.SliceData(src), unsafe.SliceData(rows), len(rows), width)
	case tier == isa.AVX2 && width >= 8:
		gatherFloat32AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), unsafe.SliceData(rows), len(rows), width)
	default:
		gatherFloat32Generic(dst, src, rows, width)
	}
}

// SetAll sets every element of x to v.
func SetAll(x []float32, v float32) {
	switch isa.Active() {
	case isa.AVX512:
		fillAVX512(unsafe.SliceData(x), len(x), v)
	case isa.AVX2:
		fillAVX2(unsafe.SliceData(x), len(x), v)
	default:
		fillGeneric(x, v)
	}
}
