package product

import (
	"sync"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes products that are large in every direction, pass by pass: in
// each, the workers share what is packed of B.

const (
	// A task multiplies so many rows of A by so many columns of B: 8 panels of 14 rows, and a multiple of
	// every tile's width. Tasks that follow one another have the same rows, which a worker packs for itself.
	blockRows, blockCols = 112, 256

	// A pass has at most so many rows and columns of C.
	passRows, passCols = 2048, 2048

	fewBlocks = 24
	maxAcross = 2 * passCols / blockCols
)

// passStep is how many k a pass goes along [1024]: the rows of A that a worker packed fill seven sixteenths
// of its second-level cache, beside a panel of B and tiles of C.
func (x *gemmShape) passStep() int {
	return max(x.l2*7/16/blockRows/isa.LineFloats, 4) * isa.LineFloats
}

// passSize returns the most rows and columns of C of a pass. What is packed of B for it [8 MiB] is to stay in a
// quarter of the last-level cache; if there are several passes over k, so are the rows of C that they go on
// from [16 MiB] in half of it.
func (t *tiling) passSize() (rows, cols int) {
	_, _, l3 := cacheElements()
	cols = min(max(l3/4/t.stepK/blockCols, 1)*blockCols, passCols)
	return min(max(l3/2/cols, blockRows), passRows), cols
}

// A pass is a part of C and a range of k, and what is packed for it: whoever first
// needs a block of B packs it.
type pass struct {
	space        *gemmSpace
	region       region
	k0, k1       int
	down, across int // blocks of rows and of columns
	cols         [maxAcross]sync.Once
	number       uint64 // no two have the same
}

var passes atomic.Uint64

func (g *Gemm) runShared(p *par.Pool) {
	x := &g.pass
	x.space = gemmSpaces.Get()
	r := &x.region
	rows, cols := g.passSize()
	panels := max(rows/(g.height+min(g.higher, 1)), 1)
	if g.K <= g.stepK {
		panels = g.count // B is packed once
	}
	for r.c0 = 0; r.c0 < g.n; r.c0 = r.c1 {
		r.c1 = min(r.c0+cols, g.n)
		for r.p0 = 0; r.p0 < g.count; r.p0 = r.p1 {
			r.p1 = min(r.p0+panels, g.count)
			for x.k0 = 0; x.k0 < g.K; x.k0 = x.k1 {
				x.k1 = g.stepFrom(x.k0)
				g.runPass(p)
			}
		}
	}
	gemmSpaces.Put(x.space)
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
	// With few blocks, a worker that has one more than the others takes that much longer: they are halved.
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
	all, r := &x.region, region{}
	panels, columns := all.p1-all.p0, (all.c1-all.c0+g.panel-1)/g.panel
	r.p0, r.p1 = all.p0+row*panels/x.down, all.p0+(row+1)*panels/x.down
	r.c0 = all.c0 + col*columns/x.across*g.panel
	r.c1 = min(all.c0+(col+1)*columns/x.across*g.panel, all.c1)
	rows, cols, depth := g.row(r.p1)-g.row(r.p0), r.c1-r.c0, x.k1-x.k0

	s := acquireScratch(worker, g.kernels)
	a := matrix{grow(&s.a, g.sizeA(r.p0, r.p1, depth)), g.ldA, g.a.trans}
	if s.pass != x.number || s.row != row {
		s.pass, s.row = x.number, row
		g.packRows(s, a.data, r.p0, r.p1, x.k0, x.k1)
	}
	b := matrix{data: x.space.b[g.sizeB(depth, r.c0-all.c0):], ld: g.panel}
	x.cols[col].Do(func() { g.packColumns(s, b.data, x.k0, x.k1, r.c0, r.c1) })

	c := matrix{data: g.C, ld: g.LDC}.from(g.row(r.p0), r.c0)
	sum := c
	if x.k0 >= chain {
		sum = matrix{data: x.space.c, ld: all.c1 - all.c0}.from(g.row(r.p0)-g.row(all.p0), r.c0-all.c0)
	}
	g.multiplyStep(s, a, b, sum, r, x.k0, x.k1)
	if x.k0 >= chain && g.endsChain(x.k1) {
		g.add(s, c, sum, rows, cols)
	}
	releaseScratch(worker, s)
	if x.k1 == g.K && g.Epilogue != nil {
		g.runEpilogue(worker, r)
	}
}

// A gemmSpace holds what is packed of B for a pass, and the chains after the first.
type gemmSpace struct{ b, c []float32 }

var gemmSpaces par.FreeList[gemmSpace]
