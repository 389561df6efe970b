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
	down         int // tasks of multiplying that lie below each other
}

const (
	// The packed factors of a pass, 8 MB each, are to stay in the last-level
	// cache.
	passRows, passCols, passK = 2048, 2048, 1024

	// A task multiplies some panels of A by some panels of B.
	taskPanels, taskCols = 5, 256
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
				x.k1 = min(x.k0+passK, g.K)
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
	x.packB = (cols + taskCols - 1) / taskCols
	x.packA = 0
	x.down = (x.p1 - x.p0 + taskPanels - 1) / taskPanels
	if g.packA {
		x.packA = x.down
		grow(&x.space.a, x.sliceA(g)*((depth+g.stepK-1)/g.stepK))
	}
	if x.k0 >= chain {
		grow(&x.space.c, rows*cols)
	}
	p.Run((*gemmPacking)(g), x.packA+x.packB)
	p.Run((*gemmPass)(g), x.down*x.packB)
}

// sliceA is the room of stepK columns of packed A.
func (x *pass) sliceA(g *Gemm) int { return g.offsetA(x.p1, g.stepK) - g.offsetA(x.p0, g.stepK) }

// gemmPacking is the first job of a pass.
type gemmPacking Gemm

func (j *gemmPacking) Do(worker, index int) {
	g, x := (*Gemm)(j), &j.pass
	depth := x.k1 - x.k0
	s := acquireScratch(worker)
	defer releaseScratch(worker, s)
	if index < x.packB {
		col := index * taskCols
		cols := min(x.c1-x.c0-col, taskCols)
		g.panels(s, x.space.b[g.sizeB(depth, col):], g.b.from(x.k0, x.c0+col), depth, cols)
		return
	}
	p := x.p0 + (index-x.packB)*taskPanels
	end := min(p+taskPanels, x.p1)
	for k := 0; k < depth; k += g.stepK {
		dst := x.space.a[k/g.stepK*x.sliceA(g):]
		width := min(g.stepK, depth-k)
		g.rows(s, dst[g.offsetA(p, width)-g.offsetA(x.p0, width):], g.a.from(g.row(p), x.k0+k), p, end, width)
	}
}

// gemmPass is the second job of a pass.
type gemmPass Gemm

func (j *gemmPass) Do(worker, index int) {
	g, x := (*Gemm)(j), &j.pass
	depth := x.k1 - x.k0
	p := x.p0 + index%x.down*taskPanels
	end := min(p+taskPanels, x.p1)
	col := index / x.down * taskCols
	cols := min(x.c1-x.c0-col, taskCols)
	rows := g.row(end) - g.row(p)

	c := matrix{data: g.C, ld: g.LDC}.from(g.row(p), x.c0+col)
	sum := c
	if x.k0 >= chain {
		sum = matrix{data: x.space.c, ld: x.c1 - x.c0}.from(g.row(p)-g.row(x.p0), col)
	}
	b := matrix{data: x.space.b[g.sizeB(depth, col):], ld: g.panel}

	s := acquireScratch(worker)
	t := &s.tile
	for k := 0; k < depth; k += g.stepK {
		t.k, t.resume = min(g.stepK, depth-k), x.k0%chain+k
		a := g.a.from(g.row(p), x.k0+k)
		if g.packA {
			a.ld = g.ldA
			a.data = x.space.a[k/g.stepK*x.sliceA(g)+g.offsetA(p, t.k)-g.offsetA(x.p0, t.k):]
		}
		g.sweep(t, a, b, sum, p, end, cols, k, depth)
	}
	if last := x.k1 == g.K || x.k1%chain == 0; last && x.k0 >= chain {
		g.add(t, c, sum, rows, cols)
	}
	releaseScratch(worker, s)
	if x.k1 == g.K {
		g.goOn(worker, part{p, end, x.c0 + col, x.c0 + col + cols})
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
