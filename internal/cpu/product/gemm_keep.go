package product

import (
	"slices"

	"github.com/cornu-ml/cornu/internal/mem"
)

// This file packs factors B once for many products: the weights of a recurrent network, for all steps and all blocks of rows, and those of a network
// that predicts, for all batches.

// A Kept holds the factors B, packed, of products that have it as their Keeps. It is the job that packs them: that is to be done before the
// products run, and again when a factor has changed.
type Kept struct {
	// Room is how many elements may be held, if it is not 0. Products of further factors do without.
	Room int

	factors []*Gemm // products of no A: a factor each
	parts   []keptPart
	held    int // elements
}

// A keptPart is what a task packs: the rows of B of one step over k.
type keptPart struct {
	g  *Gemm
	k0 int
}

// takes reports whether g's B is held, or can be.
func (x *Kept) takes(g *Gemm) bool {
	return x.Room == 0 || x.held+g.K*g.N <= x.Room || slices.ContainsFunc(x.factors, g.sharesB)
}

// sharesB reports whether h has the same B.
func (g *Gemm) sharesB(h *Gemm) bool {
	return &h.B[0] == &g.B[0] && h.K == g.K && h.N == g.N && h.LDB == g.LDB && h.TransB == g.TransB
}

// hold returns the memory for g's B, which is that of the other products of the same B that read it in the same order.
func (x *Kept) hold(g *Gemm) []float32 {
	for _, h := range x.factors {
		if g.sharesB(h) && h.panel == g.panel && h.stepK == g.stepK {
			return h.kept
		}
	}
	h := &Gemm{N: g.N, K: g.K, TransB: g.TransB, B: g.B, LDB: g.LDB}
	h.tiling = uncut(h)
	h.panel, h.stepK = g.panel, g.stepK
	h.kept = mem.Make[float32](h.keptAt(h.K))
	x.factors = append(x.factors, h)
	x.held += len(h.kept)
	for k0 := 0; k0 < h.K; k0 = h.stepFrom(k0) {
		x.parts = append(x.parts, keptPart{h, k0})
	}
	return h.kept
}

// Tasks returns of how many tasks the job is made. Those of factors that are held later come behind the others.
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
