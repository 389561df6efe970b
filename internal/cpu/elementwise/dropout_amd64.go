package elementwise

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// dropoutBits is the active tier's loop.
func dropoutBits(dst *byte, n int, p *philoxArgs) int {
	if isa.Active() == isa.AVX512 {
		return dropoutBitsAVX512(dst, n, p)
	}
	return dropoutBitsAVX2(dst, n, p)
}

func applyDropout(l *fusedLoop) {
	switch isa.Active() {
	case isa.AVX2:
		fusedDropoutAVX2(l)
	case isa.AVX512:
		fusedDropoutAVX512(l)
	default:
		applyDropoutGeneric(l)
	}
}
