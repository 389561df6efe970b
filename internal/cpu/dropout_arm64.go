package cpu

// dropoutBits is the active tier's loop.
func dropoutBits(dst *byte, n int, p *philoxArgs) int { return dropoutBitsNEON(dst, n, p) }

func applyDropout(l *fusedLoop) {
	if Active() == NEON {
		fusedDropoutNEON(l)
	} else {
		applyDropoutGeneric(l)
	}
}
