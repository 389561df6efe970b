//go:build !amd64

package cpu

// opsOf returns the primitives of a tier.
func opsOf(Tier) *[numEOps]primitive { return &genericOps }

var fusedPrograms []fusedProgram
