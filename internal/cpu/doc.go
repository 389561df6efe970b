// Package cpu holds the kernels: what a compiled graph runs on slices of
// float32.
//
// A kernel is a struct of slices and sizes, bound once and run many times; Run
// allocates nothing and never fails, since whoever binds it has checked the
// sizes. The plain Go code of each is the definition. The assembly tiers, which
// generators under _gen write, compute the same bits, for every length, every
// alignment and every number of workers: see docs/adr for how.
package cpu

//go:generate go run -C _gen ./gemm ..
//go:generate go run -C _gen ./neon ..
