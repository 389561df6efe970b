package cpu

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// opsOf returns the primitives of a tier.
func opsOf(t isa.Tier) *[numEOps]primitive {
	if t == isa.NEON {
		return &neonOps
	}
	return &genericOps
}

// neonOps has plain Go where there is no loop.
var neonOps = func() [numEOps]primitive {
	ops := genericOps
	for op, loop := range opsNEON {
		ops[op] = loop
	}
	return ops
}()

func copyRows(l *fusedLoop) {
	if isa.Active() == isa.NEON {
		fusedCopyNEON(l)
	} else {
		copyRowsGeneric(l)
	}
}

func splatRows(l *fusedLoop) {
	if isa.Active() == isa.NEON {
		fusedSplatNEON(l)
	} else {
		splatRowsGeneric(l)
	}
}
