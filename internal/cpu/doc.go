// Package cpu holds the kernels: what a compiled graph runs on slices of
// float32.
//
// A kernel is a struct of slices and sizes, bound once and run many times; Run
// allocates nothing and never fails, since whoever binds it has checked the
// sizes. The plain Go code of each is the definition. The assembly tiers, which
// generators under _gen write, compute the same bits, for every length, every
// alignment and every number of workers: see docs/adr for how.
//
// Where things are: kernel.go says what a kernel is; gemm*.go multiply matrices (gemm_tiling.go decides the tiles,
// gemm_zeros.go leaves out zeros); conv*.go, pool.go and window.go are convolutions and pools; elementwise*.go, program.go
// and fused.go run chains of elementwise operations, dropout*.go draws their random bits; reduce*.go, softmax*.go and
// finite.go go over rows or columns for one number; copy.go, gather*.go and halves*.go move and convert. The instruction
// sets and the caches' sizes, by which all choose, are package isa.
package cpu

//go:generate go run -C _gen ./gemm ..
//go:generate go run -C _gen ./neon ..
