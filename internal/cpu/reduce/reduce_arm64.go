package reduce

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file chooses between the tiers' reductions.

// first returns the address of x's first element; if x is empty, it must not be read.
func first[T any](x []T) *T { return unsafe.SliceData(x) }

func sumRows(y, x []float32, n int) {
	if isa.Active() == isa.NEON {
		sumRowsNEON(first(y), first(x), len(y), n)
	} else {
		sumRowsGeneric(y, x, n)
	}
}

func maxRow(x []float32) float32 {
	if isa.Active() == isa.NEON {
		return maxRowNEON(first(x), len(x))
	}
	return maxRowGeneric(x)
}

func minRow(x []float32) float32 {
	if isa.Active() == isa.NEON {
		return minRowNEON(first(x), len(x))
	}
	return minRowGeneric(x)
}

func argMaxRows(y, x []float32, n int) { argMaxRowsGeneric(y, x, n) }

func reduceColumns(op Op, y, x []float32, n, stride int) {
	switch {
	case isa.Active() != isa.NEON || op == ArgMax:
		reduceColumnsGeneric(op, y, x, n, stride)
	case op == Sum:
		sumColumnsNEON(first(y), first(x), n, len(y), stride)
	case op == Max:
		maxColumnsNEON(first(y), first(x), n, len(y), stride)
	default:
		minColumnsNEON(first(y), first(x), n, len(y), stride)
	}
}

// Finite reports whether no element is infinite or NaN.
func Finite(x []float32) bool {
	if isa.Active() == isa.NEON {
		return !notFiniteNEON(first(x), len(x))
	}
	return finiteGeneric(x)
}
