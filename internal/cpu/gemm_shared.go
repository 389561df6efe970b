package cpu

import (
	"sync"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes products that are large in every direction, pass by pass: in
// each, the workers share what is packed of B.

const (
	// What is packed of B for a pass, 8 MB, is to stay in the last-level cache. If there are
	// several passes over k, so are the rows of C that they go on from.
	passRows, passCols, passK = 2048, 2048, 1024

	// A task multiplies so many rows of A by so many columns of B. Tasks that
	// follow one another have the same rows, which a worker packs for itself: they
	// stay in its second-level cache.
	blockRows, blockCols = 112, 256

	fewBlocks = 24
	maxAcross = 2 * passCols / blockCols
)

// A pass is a part of C and a range of k, and what is packed for it: whoever first
// needs a block of B packs it.
type pass struct {
	space        *gemmSpace
	region       part
	k0, k1       int
	down, across int // blocks of rows and of columns
	cols         [maxAcross]sync.Once
	number       uint64 // no two have the same
}

var passes atomic.Uint64

func (g *Gemm) runShared(p *par.Pool) {
	x := &g.pass
	x.space = gemmSpaces.get()
	r := &x.region
	panels := max(passRows/(g.height+min(g.higher, 1)), 1)
	if g.K <= g.stepK {
		panels = g.count // B is packed once
	}
	for r.c0 = 0; r.c0 < g.n; r.c0 = r.c1 {
		r.c1 = min(r.c0+passCols, g.n)
		for r.p0 = 0; r.p0 < g.count; r.p0 = r.p1 {
			r.p1 = min(r.p0+panels, g.count)
			for x.k0 = 0; x.k0 < g.K; x.k0 = x.k1 {
				x.k1 = g.stepFrom(x.k0)
				g.runPass(p)
			}
		}
	}
	gemmSpaces.put(x.space)
	x.space = nil
}

func (g *Gemm) runPass(p *par.Pool) {
	x := &g.pass
	r, depth := &x.region, x.k1-x.k0
	rows, cols := g.row(r.p1)-g.row(r.p0), r.c1-r.c0
	grow(&x.space.b, g.sizeB(depth, cols))
	if x.k0 >= chain {
		grow(&x.space.c, rows*cols)
	}
	x.down = (rows + blockRows - 1) / blockRows
	x.across = (cols + blockCols - 1) / blockCols
	// Who does one more than the others takes that much longer.
	if x.down*x.across < fewBlocks {
		x.across *= 2
	}
	if x.down*x.across < fewBlocks {
		x.down = min(2*x.down, r.p1-r.p0)
	}
	x.cols, x.number = [maxAcross]sync.Once{}, passes.Add(1)
	p.Run((*gemmPass)(g), x.down*x.across)
}

// gemmPass is the job of a pass.
type gemmPass Gemm

// Do packs what a task needs, if no one did, and multiplies.
func (j *gemmPass) Do(worker, index int) {
	g, x := (*Gemm)(j), &j.pass
	row, col := index/x.across, index%x.across
	all, r := &x.region, part{}
	panels, columns := all.p1-all.p0, (all.c1-all.c0+g.panel-1)/g.panel
	r.p0, r.p1 = all.p0+row*panels/x.down, all.p0+(row+1)*panels/x.down
	r.c0 = all.c0 + col*columns/x.across*g.panel
	r.c1 = min(all.c0+(col+1)*columns/x.across*g.panel, all.c1)
	rows, cols, depth := g.row(r.p1)-g.row(r.p0), r.c1-r.c0, x.k1-x.k0

	s := acquireScratch(worker)
	a := matrix{grow(&s.a, g.sizeA(r.p0, r.p1, depth)), g.ldA, g.a.trans}
	if s.pass != x.number || s.row != row {
		s.pass, s.row = x.number, row
		g.rows(s, a.data, g.a.from(g.row(r.p0), x.k0), r.p0, r.p1, depth)
	}
	b := matrix{data: x.space.b[g.sizeB(depth, r.c0-all.c0):], ld: g.panel}
	x.cols[col].Do(func() { g.panels(s, b.data, g.b.from(x.k0, r.c0), depth, cols) })

	c := matrix{data: g.C, ld: g.LDC}.from(g.row(r.p0), r.c0)
	sum := c
	if x.k0 >= chain {
		sum = matrix{data: x.space.c, ld: all.c1 - all.c0}.from(g.row(r.p0)-g.row(all.p0), r.c0-all.c0)
	}
	g.sweep(s, a, b, sum, r, x.k0, x.k1)
	if x.k0 >= chain && g.endsChain(x.k1) {
		g.add(s, c, sum, rows, cols)
	}
	releaseScratch(worker, s)
	if x.k1 == g.K && g.Epilogue != nil {
		g.goOn(worker, r)
	}
}

// A gemmSpace holds what is packed of B for a pass, and the chains after the first.
type gemmSpace struct{ b, c []float32 }

var gemmSpaces freeList[gemmSpace]
