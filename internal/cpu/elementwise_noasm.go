//go:build !amd64 && !arm64

package cpu

// opsOf returns the primitives of a tier.
func opsOf(Tier) *[numEOps]primitive { return &genericOps }

var fusedPrograms []fusedProgram

func copyRows(l *fusedLoop)  { copyRowsGeneric(l) }
func splatRows(l *fusedLoop) { splatRowsGeneric(l) }
