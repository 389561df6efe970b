// Package isa says what the processor has: the instruction sets, one of which is the tier whose kernels run, the
// sizes of its caches, and how many floating-point operations it does at most. CORNU_CPU and CORNU_CACHE choose
// others. No result depends on any of it.
package isa

//go:generate go run -C ../_gen ./peak ../isa
