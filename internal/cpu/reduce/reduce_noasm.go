//go:build !amd64 && !arm64

package reduce

func sumRows(y, x []float32, n int)    { sumRowsGeneric(y, x, n) }
func maxRow(x []float32) float32       { return maxRowGeneric(x) }
func minRow(x []float32) float32       { return minRowGeneric(x) }
func argMaxRows(y, x []float32, n int) { argMaxRowsGeneric(y, x, n) }

func reduceColumns(op Op, y, x []float32, n, stride int) {
	reduceColumnsGeneric(op, y, x, n, stride)
}

// Finite reports whether no element is infinite or NaN.
func Finite(x []float32) bool { return finiteGeneric(x) }
