//go:build !amd64 && !arm64

package elementwise

// bits is bitsGeneric.
func (d *Dropout) bits(k *keep, start, rows, blocks, cols int) {
	d.bitsGeneric(k, start, rows, blocks, cols)
}

func applyDropout(l *fusedLoop) { applyDropoutGeneric(l) }
