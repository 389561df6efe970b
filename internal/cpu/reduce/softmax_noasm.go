//go:build !amd64 && !arm64

package reduce

func softmaxRows(y, x []float32, rows, n int)    { softmaxRowsGeneric(y, x, rows, n) }
func logSoftmaxRows(y, x []float32, rows, n int) { logSoftmaxRowsGeneric(y, x, rows, n) }

// rows computes Loss.
func (k *SoftmaxCrossentropy) rows() { k.rowsGeneric() }

// rows computes DLogits.
func (k *SoftmaxCrossentropyGrad) rows() { k.rowsGeneric() }
