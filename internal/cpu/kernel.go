package cpu

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file defines what all kernels have in common.

// A Kernel is one computation bound to its memory.
type Kernel interface {
	// Run computes it on the pool's workers. It allocates nothing.
	Run(p *par.Pool)
}

// reaches panics unless x has the n elements that a kernel's loops, which look at no
// length, will reach. It is asked once, when the kernel is bound.
func reaches[T any](what string, x []T, n int) {
	if len(x) < n {
		panic(fmt.Sprintf("cpu: %s has %d elements, the kernel reaches %d", what, len(x), n))
	}
}
