//go:build !amd64 && !arm64

package cpu

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// opsOf returns the primitives of a tier.
func opsOf(isa.Tier) *[numEOps]primitive { return &genericOps }

var fusedPrograms []fusedProgram

func copyRows(l *fusedLoop)  { copyRowsGeneric(l) }
func splatRows(l *fusedLoop) { splatRowsGeneric(l) }
