package move

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file chooses between the tiers' gathers.

func gatherUnit(dst []float32, src []uint8, rows []int32, width int) {
	if isa.Active() == isa.NEON {
		gatherUnitNEON(unsafe.SliceData(dst), unsafe.SliceData(src), unsafe.SliceData(rows), len(rows), width)
	} else {
		gatherTable(dst, src, rows, width, &fmath.ByteToUnit)
	}
}

// gatherFloat32 is plain Go, whose copy is as fast.
func gatherFloat32(dst, src []float32, rows []int32, width int) {
	gatherFloat32Generic(dst, src, rows, width)
}

// SetAll sets every element of x to v.
func SetAll(x []float32, v float32) {
	if isa.Active() == isa.NEON {
		fillNEON(unsafe.SliceData(x), len(x), v)
	} else {
		fillGeneric(x, v)
	}
}
