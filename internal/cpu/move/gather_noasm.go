//go:build !amd64 && !arm64

package move

import "github.com/cornu-ml/cornu/internal/fmath"

func gatherUnit(dst []float32, src []uint8, rows []int32, width int) {
	gatherTable(dst, src, rows, width, &fmath.ByteToUnit)
}

func gatherFloat32(dst, src []float32, rows []int32, width int) {
	gatherFloat32Generic(dst, src, rows, width)
}

// SetAll sets every element of x to v.
func SetAll(x []float32, v float32) { fillGeneric(x, v) }
