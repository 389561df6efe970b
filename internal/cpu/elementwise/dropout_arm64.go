package elementwise

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// dropoutBits is the active tier's loop.
func dropoutBits(dst *byte, n int, p *philoxArgs) int { return dropoutBitsNEON(dst, n, p) }

func applyDropout(l *fusedLoop) {
	if isa.Active() == isa.NEON {
		fusedDropoutNEON(l)
	} else {
		applyDropoutGeneric(l)
	}
}
