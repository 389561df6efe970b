package cpu

import (
	"sync"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes products that are large in every direction: passes over k, in
// each of which the workers first pack both factors together and then share out the
// tiles.

// A pass is what one packing serves.
type pass struct {
	space        *gemmSpace
	p0, p1       int // panels of rows
	c0, c1       int // columns
	k0, k1       int
	packA, packB int // tasks of packing
	panels, down int // of rows of a task, and tasks below each other
}

const (
	// The packed factors of a pass, 8 MB each, are to stay in the last-level
	// cache.
	passRows, passCols = 2048, 2048

	// A task multiplies so many rows of A, which are to stay in the second-level
	// cache, by so many columns of B.
	blockRows, blockCols = 112, 512
)

func (g *Gemm) runShared(p *par.Pool) {
	x := &g.pass
	x.space = acquireSpace()
	panels := max(passRows/g.height, 1)
	for x.c0 = 0; x.c0 < g.n; x.c0 = x.c1 {
		x.c1 = min(x.c0+passCols, g.n)
		for x.p0 = 0; x.p0 < g.count; x.p0 = x.p1 {
			x.p1 = min(x.p0+panels, g.count)
			for x.k0 = 0; x.k0 < g.K; x.k0 = x.k1 {
				x.k1 = g.stepFrom(x.k0)
				g.runPass(p)
			}
		}
	}
	releaseSpace(x.space)
	x.space = nil
}

func (g *Gemm) runPass(p *par.Pool) {
	x := &g.pass
	rows, cols, depth := g.row(x.p1)-g.row(x.p0), x.c1-x.c0, x.k1-x.k0
	grow(&x.space.b, g.sizeB(depth, cols))
	x.packB = (cols + blockCols - 1) / blockCols
	x.packA = 0
	x.panels = max(blockRows/g.height, 1)
	x.down = (x.p1 - x.p0 + x.panels - 1) / x.panels
	if g.packA {
		x.packA = x.down
		grow(&x.space.a, g.offsetA(x.p1, depth)-g.offsetA(x.p0, depth))
	}
	if x.k0 >= chain {
		grow(&x.space.c, rows*cols)
	}
	p.Run((*gemmPacking)(g), x.packA+x.packB)
	p.Run((*gemmPass)(g), x.down*x.packB)
}

// gemmPacking is the first job of a pass.
type gemmPacking Gemm

func (j *gemmPacking) Do(worker, index int) {
	g, x := (*Gemm)(j), &j.pass
	depth := x.k1 - x.k0
	s := acquireScratch(worker)
	defer releaseScratch(worker, s)
	if index < x.packB {
		col := index * blockCols
		cols := min(x.c1-x.c0-col, blockCols)
		g.panels(s, x.space.b[g.sizeB(depth, col):], g.b.from(x.k0, x.c0+col), depth, cols)
		return
	}
	p := x.p0 + (index-x.packB)*x.panels
	dst := x.space.a[g.offsetA(p, depth)-g.offsetA(x.p0, depth):]
	g.rows(s, dst, g.a.from(g.row(p), x.k0), p, min(p+x.panels, x.p1), depth)
}

// gemmPass is the second job of a pass.
type gemmPass Gemm

func (j *gemmPass) Do(worker, index int) {
	g, x := (*Gemm)(j), &j.pass
	p, col := x.p0+index%x.down*x.panels, x.c0+index/x.down*blockCols
	r := part{p, min(p+x.panels, x.p1), col, min(col+blockCols, x.c1)}
	rows, cols, depth := g.row(r.p1)-g.row(r.p0), r.c1-r.c0, x.k1-x.k0

	c := matrix{data: g.C, ld: g.LDC}.from(g.row(r.p0), r.c0)
	sum := c
	if x.k0 >= chain {
		sum = matrix{data: x.space.c, ld: x.c1 - x.c0}.from(g.row(r.p0)-g.row(x.p0), r.c0-x.c0)
	}
	a := g.a.from(g.row(r.p0), x.k0)
	if g.packA {
		a.data, a.ld = x.space.a[g.offsetA(r.p0, depth)-g.offsetA(x.p0, depth):], g.ldA
	}
	b := matrix{data: x.space.b[g.sizeB(depth, r.c0-x.c0):], ld: g.panel}

	s := acquireScratch(worker)
	g.sweep(s, a, b, sum, r, x.k0, x.k1)
	if x.k0 >= chain && g.endsChain(x.k1) {
		g.add(s, c, sum, rows, cols)
	}
	releaseScratch(worker, s)
	if x.k1 == g.K && g.Epilogue != nil {
		g.goOn(worker, r)
	}
}

// A gemmSpace holds the packed factors of a pass, and the chains after the first.
type gemmSpace struct{ a, b, c []float32 }

var gemmSpaces struct {
	mu   sync.Mutex
	free []*gemmSpace
}

func acquireSpace() *gemmSpace {
	all := &gemmSpaces
	all.mu.Lock()
	defer all.mu.Unlock()
	n := len(all.free)
	if n == 0 {
		return new(gemmSpace)
	}
	s := all.free[n-1]
	all.free = all.free[:n-1]
	return s
}

func releaseSpace(s *gemmSpace) {
	all := &gemmSpaces
	all.mu.Lock()
	defer all.mu.Unlock()
	all.free = append(all.free, s)
}
