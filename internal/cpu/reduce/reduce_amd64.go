package reduce

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file chooses between the tiers' reductions.

// first returns the address of x's first element; if x is empty, it must not be read.
func first[T any](x []T) *T { return unsafe.SliceData(x) }

func sumRows(y, x []float32, n int) {
	switch isa.Active() {
	case isa.AVX512:
		sumRowsAVX512(first(y), first(x), len(y), n, n)
	case isa.AVX2:
		sumRowsAVX2(first(y), first(x), len(y), n, n)
	default:
		sumRowsGeneric(y, x, n)
	}
}

func maxRow(x []float32) float32 {
	switch isa.Active() {
	case isa.AVX512:
		return maxRowAVX512(first(x), len(x))
	case isa.AVX2:
		return maxRowAVX2(first(x), len(x))
	}
	return maxRowGeneric(x)
}

func minRow(x []float32) float32 {
	switch isa.Active() {
	case isa.AVX512:
		return minRowAVX512(first(x), len(x))
	case isa.AVX2:
		return minRowAVX2(first(x), len(x))
	}
	return minRowGeneric(x)
}

func argMaxRows(y, x []float32, n int) {
	switch isa.Active() {
	case isa.AVX512:
		argMaxRowsAVX512(first(y), first(x), len(y), n)
	case isa.AVX2:
		argMaxRowsAVX2(first(y), first(x), len(y), n)
	default:
		argMaxRowsGeneric(y, x, n)
	}
}

func reduceColumns(op Op, y, x []float32, n, stride int) {
	tier := isa.Active()
	switch {
	case tier != isa.AVX512 && tier != isa.AVX2 || op == ArgMax:
		reduceColumnsGeneric(op, y, x, n, stride)
	case op == Sum && tier == isa.AVX512:
		sumColumnsAVX512(first(y), first(x), n, len(y), stride)
	case op == Sum:
		sumColumnsAVX2(first(y), first(x), n, len(y), stride)
	case op == Max && tier == isa.AVX512:
		maxColumnsAVX512(first(y), first(x), n, len(y), stride)
	case op == Max:
		maxColumnsAVX2(first(y), first(x), n, len(y), stride)
	case tier == isa.AVX512:
		minColumnsAVX512(first(y), first(x), n, len(y), stride)
	default:
		minColumnsAVX2(first(y), first(x), n, len(y), stride)
	}
}

// Finite reports whether no element is infinite or NaN.
func Finite(x []float32) bool {
	switch isa.Active() {
	case isa.AVX512:
		return !notFiniteAVX512(first(x), len(x))
	case isa.AVX2:
		return !notFiniteAVX2(first(x), len(x))
	}
	return finiteGeneric(x)
}
