package product

import "github.com/cornu-ml/cornu/internal/mem"

// This file packs factors B once for many products: the weights of a recurrent network, for all steps and all blocks of rows.

// A Kept holds the factors B, packed, of products that have it as their Keeps. It is the job that packs them: that is to be done before the
// products run, and again when a factor has changed.
type Kept struct {
	first []*Gemm // of the products of each factor
	parts []keptPart
}

// A keptPart is what a task packs: the rows of B of one step over k.
type keptPart struct {
	g  *Gemm
	k0 int
}

// hold returns the memory for g's B, which is that of the other products of the same B that read it in the same order.
func (x *Kept) hold(g *Gemm) []float32 {
	for _, h := range x.first {
		if &h.B[0] == &g.B[0] && h.K == g.K && h.N == g.N && h.LDB == g.LDB && h.TransB == g.TransB && h.panel == g.panel && h.stepK == g.stepK {
			return h.kept
		}
	}
	x.first = append(x.first, g)
	for k0 := 0; k0 < g.K; k0 = g.stepFrom(k0) {
		x.parts = append(x.parts, keptPart{g, k0})
	}
	return mem.Make[float32](g.keptAt(g.K))
}

// Tasks returns of how many tasks the job is made.
func (x *Kept) Tasks() int { return len(x.parts) }

// Do does one.
func (x *Kept) Do(worker, index int) {
	g, k0 := x.parts[index].g, x.parts[index].k0
	s := acquireScratch(worker, g.kernels)
	g.packColumns(s, g.kept[g.keptAt(k0):], k0, g.stepFrom(k0), 0, g.n)
	releaseScratch(worker, s)
}

// keptAt is where the columns that are packed for k from k0 on begin.
func (g *Gemm) keptAt(k0 int) int {
	steps := (k0 + g.stepK - 1) / g.stepK
	return g.sizeB(k0, g.n) + (steps-1)*g.sizeB(0, g.n)
}
