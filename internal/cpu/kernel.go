package cpu

import "github.com/cornu-ml/cornu/internal/par"

// This file defines what all kernels have in common.

// A Kernel is one computation bound to its memory.
type Kernel interface {
	// Run computes it on the pool's workers. It allocates nothing.
	Run(p *par.Pool)
}
