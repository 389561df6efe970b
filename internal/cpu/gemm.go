package cpu

import "github.com/cornu-ml/cornu/internal/par"

// This file multiplies matrices: what a product is, and how a task of it walks
// over its tiles. How a product is cut into tasks is in gemm_tiling.go, the
// tiles' kernels are in gemm_generic.go and in assembly.

// A Gemm kernel computes the matrix product C = op(A)·op(B). All are row-major
// with LDA, LDB and LDC elements from row to row; op(A) is M×K, op(B) is K×N.
// C overlaps neither A nor B.
//
// k is cut into blocks of 4096. Within a block every element of C is one chain of
// fused multiply-adds in increasing k, from +0; the blocks are added in order.
// Tiles, tasks and instruction sets change nothing in that, nor in the bits.
type Gemm struct {
	M, N, K        int
	TransA, TransB bool // A is stored as K×M, B as N×K
	A, B, C        []float32
	LDA, LDB, LDC  int
	Epilogue       Epilogue // or nil

	tiling
}

// An Epilogue goes on with a product, region by region, while the region is in the
// cache. [Elementwise] is one.
type Epilogue interface {
	// Region processes rows r0 … r1-1 and columns c0 … c1-1 of the product.
	// Calls that overlap in time have different workers and disjoint regions.
	Region(worker, r0, r1, c0, c1 int)
}

// chain is the length of a chain of multiply-adds.
const chain = 4096

// Prepare cuts the product into tasks. It is to be called once after the fields
// are set; Run calls it if need be.
func (g *Gemm) Prepare() { g.tiling = newTiling(g) }

// Tasks returns the number of tasks that Run is made of.
func (g *Gemm) Tasks() int { return g.tasks }

// Run computes C.
func (g *Gemm) Run(p *par.Pool) {
	if g.kernels == nil {
		g.Prepare()
	}
	p.Run(g, g.tasks)
}

// Do does one task: a region of C from its first multiplication to its epilogue.
func (g *Gemm) Do(worker, index int) {
	r := g.region(index)
	s := acquireScratch(worker)
	g.multiply(s, r)
	releaseScratch(worker, s)
	if g.Epilogue == nil {
		return
	}
	if r0, r1 := g.row(r.p0), g.row(r.p1); g.swap {
		g.Epilogue.Region(worker, r.c0, r.c1, r0, r1)
	} else {
		g.Epilogue.Region(worker, r0, r1, r.c0, r.c1)
	}
}

// A part is a region of C: panels p0 … p1-1 of rows, columns c0 … c1-1.
type part struct{ p0, p1, c0, c1 int }

// multiply computes a region.
func (g *Gemm) multiply(s *gemmScratch, r part) {
	r0, cols := g.row(r.p0), r.c1-r.c0
	rows := g.row(r.p1) - r0
	c := matrix{data: g.C, ld: g.LDC}
	if g.swap {
		c = matrix{data: grow(&s.c, rows*cols), ld: cols}
	} else {
		c = c.from(r0, r.c0)
	}
	if g.K == 0 {
		for i := range rows {
			clear(c.from(i, 0).data[:cols])
		}
	}
	for k0 := 0; k0 < g.K; k0 += chain {
		k1 := min(k0+chain, g.K)
		b := g.b.from(k0, r.c0)
		if g.packB {
			b = g.panels(s, b, k1-k0, cols)
		}
		for p := r.p0; p < r.p1; p += g.block {
			end := min(p+g.block, r.p1)
			g.chains(s, part{p, end, 0, cols}, k0, k1, b, c.from(g.row(p)-r0, 0))
		}
	}
	if g.swap {
		g.transpose(s, matrix{data: g.C, ld: g.LDC}.from(r.c0, r0), c, rows, cols)
	}
}

// chains computes the chains from k0 to k1 of a part of C, and adds them if they
// are not the first. b is from k0 on.
func (g *Gemm) chains(s *gemmScratch, r part, k0, k1 int, b, c matrix) {
	sum, r0 := c, g.row(r.p0)
	rows := g.row(r.p1) - r0
	if k0 > 0 {
		sum = matrix{data: grow(&s.c, rows*r.c1), ld: r.c1}
	}
	t := &s.tile
	t.resume = 0
	for k := k0; k < k1; k += g.stepK {
		t.k = min(g.stepK, k1-k)
		a := g.a.from(r0, k)
		if g.packA {
			a = g.blockOfA(s, a, r.p0, r.p1, t.k)
		}
		if !g.packB {
			g.strip(t, a, b.from(k-k0, 0), sum, r.p0, r.p1, r.c1)
		} else {
			for col := 0; col < r.c1; col += g.panel {
				panel := b.from(col/g.panel*(k1-k0)+k-k0, 0)
				g.strip(t, a, panel, sum.from(0, col), r.p0, r.p1, min(g.panel, r.c1-col))
			}
		}
		t.resume = 1
	}
	if k0 > 0 {
		g.add(t, c, sum, rows, r.c1)
	}
}

// strip multiplies panels p … end-1 of rows by columns of B: panel after panel if
// B is packed and stays in the cache, else tile after tile of one panel of A.
func (g *Gemm) strip(t *tile, a, b, c matrix, p, end, cols int) {
	for first := p; p < end; {
		height, count := g.alike(p, end)
		row := g.row(p) - g.row(first)
		panel := a
		if g.packA && a.trans {
			panel.data = panel.data[(p-first)*t.k*a.ld:]
		} else {
			panel = panel.from(row, 0)
		}
		if g.rowInner {
			g.down(t, panel, b, c.from(row, 0), height, count, cols)
			p += count
		} else {
			g.across(t, panel, b, c.from(row, 0), height, cols)
			p++
		}
	}
}

// across computes a panel of rows, tile by tile.
func (g *Gemm) across(t *tile, a, b, c matrix, height, cols int) {
	t.aStep = 0
	for col := 0; col < cols; {
		m, width := g.kernels.widest(a.trans, height, g.vectors, cols-col)
		t.count = max((cols-col)/width, 1)
		t.bStep, t.cStep = 4*width, 4*width
		t.run(m, a, b.from(0, col), c.from(0, col), min(cols-col, width))
		col += t.count * width
	}
}

// down computes count panels of the same height.
func (g *Gemm) down(t *tile, a, b, c matrix, height, count, cols int) {
	t.count = count
	t.aStep, t.bStep, t.cStep = 4*height*a.ld, 0, 4*height*c.ld
	switch {
	case g.packA && a.trans:
		t.aStep = 4 * t.k * a.ld
	case a.trans:
		t.aStep = 4 * height
	}
	for col := 0; col < cols; {
		m, width := g.kernels.widest(a.trans, height, g.vectors, cols-col)
		t.run(m, a, b.from(0, col), c.from(0, col), min(cols-col, width))
		col += width
	}
}

// run calls a microkernel for tiles of cols columns.
func (t *tile) run(m microkernel, a, b, c matrix, cols int) {
	t.a, t.b, t.c = &a.data[0], &b.data[0], &c.data[0]
	t.lda, t.ldb, t.ldc = 4*a.ld, 4*b.ld, 4*c.ld
	t.tail = cols - (m.vectors-1)*m.lanes
	m.run(t)
}

var one = matrix{data: []float32{1}}

// add adds x to c: the product of 1 and x, on the chains that c holds.
func (g *Gemm) add(t *tile, c, x matrix, rows, cols int) {
	t.k, t.resume = 1, 1
	for i := range rows {
		g.across(t, one, x.from(i, 0), c.from(i, 0), 1, cols)
	}
}
