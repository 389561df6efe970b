package cpu

// dropoutBits is the active tier's loop.
func dropoutBits(dst *byte, n int, p *philoxArgs) int {
	if Active() == AVX512 {
		return dropoutBitsAVX512(dst, n, p)
	}
	return dropoutBitsAVX2(dst, n, p)
}

func applyDropout(l *fusedLoop) {
	switch Active() {
	case AVX2:
		fusedDropoutAVX2(l)
	case AVX512:
		fusedDropoutAVX512(l)
	default:
		applyDropoutGeneric(l)
	}
}
