package product

import "github.com/cornu-ml/cornu/internal/par"

// This file computes products of a small C and a long k, as gradients of convolutions
// are: one chain beside the other, since C is too small to be cut.

func (g *Gemm) runChains(p *par.Pool) {
	space := gemmSpaces.Get()
	chains := (g.K + chain - 1) / chain
	g.sums = grow(&space.c, (chains-1)*g.m*g.n)
	p.Run((*gemmChains)(g), chains*g.tasks)
	p.Run((*gemmSums)(g), g.tasks)
	g.sums = nil
	gemmSpaces.Put(space)
}

// sumOf is where chain i of the elements of C is summed up.
func (g *Gemm) sumOf(i int, r region) matrix {
	c := matrix{data: g.C, ld: g.LDC}
	if i > 0 {
		c = matrix{data: g.sums[(i-1)*g.m*g.n:], ld: g.n}
	}
	return c.from(g.row(r.p0), r.c0)
}

// gemmChains is the job of the chains.
type gemmChains Gemm

// Do computes a chain of each element of a region.
func (j *gemmChains) Do(worker, index int) {
	g := (*Gemm)(j)
	i, r := index/g.tasks, g.region(index%g.tasks)
	s := acquireScratch(worker, g.kernels)
	g.chain(s, r, i*chain, g.sumOf(i, r))
	releaseScratch(worker, s)
}

// gemmSums is the job of adding up the chains.
type gemmSums Gemm

// Do adds the chains of a region in order.
func (j *gemmSums) Do(worker, index int) {
	g := (*Gemm)(j)
	r := g.region(index)
	s := acquireScratch(worker, g.kernels)
	for i := 1; i*chain < g.K; i++ {
		g.add(s, g.sumOf(0, r), g.sumOf(i, r), g.row(r.p1)-g.row(r.p0), r.c1-r.c0)
	}
	releaseScratch(worker, s)
	if g.Epilogue != nil {
		g.runEpilogue(worker, r)
	}
}
