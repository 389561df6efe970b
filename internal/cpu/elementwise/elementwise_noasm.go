//go:build !amd64 && !arm64

package elementwise

import "github.com/cornu-ml/cornu/internal/cpu/isa"

// Primitives returns the primitives of a tier.
func Primitives(isa.Tier) *[NumOps]Primitive { return &genericOps }

var fusedPrograms []fusedProgram

func copyRows(l *fusedLoop)  { copyRowsGeneric(l) }
func splatRows(l *fusedLoop) { splatRowsGeneric(l) }
