// Package cpu defines what a kernel is: one computation of a compiled graph on slices of float32. The kernels are in packages
// below it, by what they do:
//
//   - isa: the instruction sets, the sizes of the caches, the peak rate
//   - product: matrix products, convolutions, pools
//   - elementwise: programs of elementwise operations, dropout
//   - attention: attention and its gradient, made of the others
//   - reduce: sums and extremes along an axis, softmax and its cross-entropy
//   - move: copies, fills, lookup and update of the rows of tables (Embedding)
//
// A kernel is a struct of slices and sizes, bound once and run many times; Run
// allocates nothing and never fails, since whoever binds it has checked the
// sizes. The plain Go code of each is the definition. The assembly tiers, which
// generators under _gen write, compute the same bits, for every length, every
// alignment and every number of workers: see docs/adr for how.
package cpu

//go:generate go run -C _gen ./gemm ../product
//go:generate go run -C _gen ./elementwise ..
//go:generate go run -C _gen ./neon ..
