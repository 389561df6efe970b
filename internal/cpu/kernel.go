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

// Reaches panics unless x has the n elements that a kernel's loops, which look at no
// length, will reach. It is asked once, when the kernel is bound.
func Reaches[T any](what string, x []T, n int) {
	if len(x) < n {
		panic(fmt.Sprintf("cpu: %s has %d elements, the kernel reaches %d", what, len(x), n))
	}
}

// An Epilogue computes something of each region of a product as soon as the region is complete, while it is in the cache.
// An elementwise kernel is one.
type Epilogue interface {
	// Region processes rows r0 … r1-1 and columns c0 … c1-1 of the product.
	// Calls that overlap in time have different workers and disjoint regions.
	// A region may be processed again, when it has been computed again.
	Region(worker, r0, r1, c0, c1 int)
}
