package elementwise

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// Primitives returns the primitives of a tier.
func Primitives(t isa.Tier) *[NumOps]Primitive {
	if t == isa.NEON {
		return &neonOps
	}
	return &genericOps
}

// neonOps has plain Go where there is no loop.
var neonOps = func() [NumOps]Primitive {
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
