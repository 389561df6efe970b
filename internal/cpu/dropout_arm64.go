package cpu

// bits is bitsGeneric.
func (d *Dropout) bits(k *keep, start, rows, blocks, cols int) {
	d.bitsGeneric(k, start, rows, blocks, cols)
}

func applyDropout(l *fusedLoop) {
	if Active() == NEON {
		fusedDropoutNEON(l)
	} else {
		applyDropoutGeneric(l)
	}
}
