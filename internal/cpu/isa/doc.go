// Package isa describes the processor: the instruction sets that it supports, the tier in use (a tier is the set of kernels
// for one instruction set), the sizes of its caches, and its peak rate of floating-point operations. CORNU_CPU chooses
// another tier, CORNU_CACHE other sizes. No result depends on any of it.
package isa

//go:generate go run -C ../_gen ./peak ../isa
