package cpu

// opsOf returns the primitives of a tier.
func opsOf(t Tier) *[numEOps]primitive {
	if t == NEON {
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
	if Active() == NEON {
		fusedCopyNEON(l)
	} else {
		copyRowsGeneric(l)
	}
}

func splatRows(l *fusedLoop) {
	if Active() == NEON {
		fusedSplatNEON(l)
	} else {
		splatRowsGeneric(l)
	}
}
