package product

import (
	"math"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

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
	HalfB          Halves // B, if that is stored so: then B is nil, and Zeros say nothing
	LDA, LDB, LDC  int
	Epilogue       cpu.Epilogue // or nil
	Zeros          Zeros        // where A has many
	Keeps          *Kept        // where B may be packed once for many runs, or nil
	Alone          bool         // one core has all rows, and B if that is kept: else its tasks are for several

	tiling
	kept     []float32 // B as Keeps packs it
	nonzeros *nonzeros // what leaves out zeros, or nil
	intoA    []pointer // of recorded calls, once A has moved
	intoC    []pointer
	lists    *nonzeros // whose product this is, or nil
}

// chain is the length of a chain of multiply-adds.
const chain = 4096

// Prepare cuts the product into tasks. It is to be called once after the fields
// are set; Run calls it if need be.
func (g *Gemm) Prepare() {
	g.check()
	g.tiling.cut(g)
	g.prepareZeros()
	if g.keepB {
		g.kept = g.Keeps.hold(g)
	}
	if g.HalfB.Data != nil { // to widen is no call that is recorded
		return
	}
	if g.shared || g.splitK || g.K == 0 || g.M*g.N*g.K > recordedWork || g.packB && !g.keepB && g.K*g.n > recordedPacked {
		return
	}
	for index := range g.tasks {
		s := &gemmScratch{kernels: g.kernels, recording: true}
		g.multiply(s, g.region(index))
		g.recorded = append(g.recorded, s.calls)
	}
}

// check panics if the product is of more than its arrays hold.
func (g *Gemm) check() {
	for _, m := range []struct {
		name           string
		data           []float32
		rows, cols, ld int
		trans          bool
	}{{"A", g.A, g.M, g.K, g.LDA, g.TransA}, {"B", g.B, g.K, g.N, g.LDB, g.TransB}, {"C", g.C, g.M, g.N, g.LDC, false}} {
		if m.trans {
			m.rows, m.cols = m.cols, m.rows
		}
		if m.rows > 0 && m.cols > 0 {
			if m.name == "B" && g.HalfB.Data != nil {
				cpu.Reaches("matrix B of a product", g.HalfB.Data, (m.rows-1)*m.ld+m.cols)
				continue
			}
			cpu.Reaches("matrix "+m.name+" of a product", m.data, (m.rows-1)*m.ld+m.cols)
		}
	}
}

// Tasks returns the number of tasks that Run is made of, or 0 if they come in steps.
func (g *Gemm) Tasks() int {
	switch {
	case g.leavesOut():
		return g.nonzeros.tasks()
	case g.shared || g.splitK:
		return 0
	}
	return g.tasks
}

// Run computes C.
func (g *Gemm) Run(p *par.Pool) {
	if g.kernels == nil {
		g.Prepare()
	}
	if job, n := g.Look(); n > 0 {
		p.Run(job, n)
	}
	g.run(p)
	g.Finish(p)
}

func (g *Gemm) run(p *par.Pool) {
	switch n := g.Tasks(); {
	case g.splitK && n == 0:
		g.runChains(p)
	case g.shared && n == 0:
		g.runShared(p)
	case n == 1:
		g.Do(0, 0)
	default:
		p.Run(g, n)
	}
}

// Do does one task: a region of C from its first multiplication to its epilogue.
func (g *Gemm) Do(worker, index int) {
	if g.leavesOut() {
		z := g.nonzeros
		if index >= z.product.tasks {
			z.checkB()
			return
		}
		g = z.product
	}
	r := g.region(index)
	if g.recorded != nil {
		for i := range g.recorded[index] {
			g.recorded[index][i].run()
		}
	} else {
		s := acquireScratch(worker, g.kernels)
		g.multiply(s, r)
		releaseScratch(worker, s)
	}
	if g.Epilogue != nil {
		g.runEpilogue(worker, r)
	}
}

// A region is a part of C: panels p0 … p1-1 of rows, columns c0 … c1-1.
type region struct{ p0, p1, c0, c1 int }

// runEpilogue runs the epilogue on a region that is finished.
func (g *Gemm) runEpilogue(worker int, r region) {
	if r0, r1 := g.row(r.p0), g.row(r.p1); g.transposeC {
		g.Epilogue.Region(worker, r.c0, r.c1, r0, r1)
	} else {
		g.Epilogue.Region(worker, r0, r1, r.c0, r.c1)
	}
}

// multiply computes a region.
func (g *Gemm) multiply(s *gemmScratch, r region) {
	r0, cols := g.row(r.p0), r.c1-r.c0
	rows := g.row(r.p1) - r0
	c := matrix{data: g.C, ld: g.LDC}
	if g.transposeC {
		c = matrix{data: grow(&s.c, rows*cols), ld: cols}
	} else {
		c = c.from(r0, r.c0)
	}
	if g.K == 0 {
		for i := range rows {
			clear(c.from(i, 0).data[:cols])
		}
	}
	for k := 0; k < g.K; k += chain {
		if k == 0 {
			g.chain(s, r, 0, c)
			continue
		}
		sum := matrix{data: grow(&s.c, rows*cols), ld: cols}
		g.chain(s, r, k, sum)
		g.add(s, c, sum, rows, cols)
	}
	if g.transposeC {
		s.transpose(matrix{data: g.C, ld: g.LDC}.from(r.c0, r0), c, rows, cols)
	}
}

// chain computes a region of the chains that begin at k0.
func (g *Gemm) chain(s *gemmScratch, r region, k0 int, c matrix) {
	r0, cols, end := g.row(r.p0), r.c1-r.c0, min(k0+chain, g.K)
	for k1 := 0; k0 < end; k0 = k1 {
		k1 = g.stepFrom(k0)
		s.prefetch = [2]prefetchTarget{}
		if k1 < g.K {
			if !g.b.trans && !g.keepB && g.HalfB.Data == nil {
				s.prefetch[0] = prefetchTarget{g.b.from(k1, r.c0), cols}
			}
			if g.a.trans {
				s.prefetch[1] = prefetchTarget{g.a.from(r0, k1), g.row(r.p1) - r0}
			}
		}
		if g.halfB && !g.packB && g.m == 1 && !g.a.trans {
			sums := c.data[:cols]
			if k0%chain == 0 {
				clear(sums)
			}
			if rowTimes(sums, g.a.data[k0:k1], g.HalfB.from(k0*g.LDB+r.c0), g.LDB) {
				continue
			}
		}
		var b matrix
		switch {
		case g.keepB:
			b = matrix{data: g.kept[g.keptAt(k0)+g.sizeB(k1-k0, r.c0):], ld: g.panel}
		case g.packB:
			b = g.packColumns(s, grow(&s.b, g.sizeB(k1-k0, cols)), k0, k1, r.c0, r.c1)
		case g.halfB:
			b = halfMatrix{g.HalfB, g.LDB}.wide(s, k0, k1, r.c0, r.c1)
		default:
			b = g.b.from(k0, r.c0)
		}
		if g.lists != nil && g.lists.late {
			for p := r.p0; p < r.p1; p += g.lists.panels {
				g.lists.look(s, p, min(p+g.lists.panels, r.p1), k0, k1)
			}
		}
		g.multiplyStep(s, g.a.from(r0, k0), b, c, r, k0, k1)
	}
	s.prefetch = [2]prefetchTarget{}
}

// stepFrom returns the end of the step over k that begins at k0.
func (g *Gemm) stepFrom(k0 int) int { return min(k0+g.stepK, k0/chain*chain+chain, g.K) }

// endsChain reports whether chains end at k.
func (g *Gemm) endsChain(k int) bool { return k == g.K || k%chain == 0 }

// multiplyStep multiplies the rows of a region by its columns from k0 to k1, where a and b
// begin: one panel of columns after the other, or all at once.
func (g *Gemm) multiplyStep(s *gemmScratch, a, b, c matrix, r region, k0, k1 int) {
	t, cols := &s.tile, r.c1-r.c0
	t.k, t.resume, t.far = k1-k0, 0, 0
	if k0%chain > 0 {
		t.resume = 1
	}
	s.nonTemporal = g.nonTemporal && k1 == g.K && k0 < chain
	if g.farC && (!s.nonTemporal || t.resume == 1) {
		t.far = 1
	}
	width := cols
	if g.stationaryB {
		width = g.panel
	}
	across, down := (cols+g.panel-1)/g.panel, r.p1-r.p0
	t.sparse = g.sparse(s, across, down)
	for col := 0; col < cols; col += width {
		panel := b.from(0, col)
		if g.packB {
			panel = b.panel(col/g.panel, t.k)
		}
		for p := r.p0; p < r.p1; {
			height, count := g.alike(p, r.p1)
			row := g.row(p) - g.row(r.p0)
			strip := a.from(row, 0)
			if g.packA && a.trans {
				strip = a.panel(p-r.p0, t.k)
			}
			switch {
			case g.lists != nil:
				g.listed(s, p, k0, strip, panel, c.from(row, col), height, count, min(width, cols-col))
				p += count
			case g.inRegisters:
				g.acrossTransposedB(s, strip, panel, c.from(row, col), height, width)
				p++
			case g.stationaryB:
				if g.farA && col == 0 && a.ld == t.k && t.k >= pieceTiles {
					g.fetchBelow(s, strip, height)
				} else {
					count = min(count, g.fetch(s, panel, col/g.panel*down+p-r.p0))
				}
				g.down(s, strip, panel, c.from(row, col), height, count, min(width, cols-col))
				p += count
			default:
				g.fetch(s, panel, (p-r.p0)*across)
				g.across(s, strip, panel, c.from(row, col), height, width)
				p++
			}
		}
	}
}

// sparse returns 1 if prefetching can be sparse: if one line of the cache for every four k of a step's tiles
// fetches all that the step has to fetch. It hinders the multiply-adds less than denser prefetching.
func (g *Gemm) sparse(s *gemmScratch, across, down int) int {
	pieces := 0
	for _, c := range s.prefetch {
		pieces += (c.cols + isa.LineFloats - 1) / isa.LineFloats
	}
	if pieces == 0 {
		pieces = across * g.panel / isa.LineFloats // the packed panels themselves
	}
	if across*down >= pieceTiles*pieces {
		return 1
	}
	return 0
}

// pieceTiles is the number of tiles that together prefetch one piece.
const pieceTiles = 4

// fetch sets what the tiles from number i of a step on prefetch: pieces of the operands of the next step (s.prefetch), and when
// all of those have been fetched, the next packed panel. It returns for how many tiles this holds.
func (g *Gemm) fetch(s *gemmScratch, panel matrix, i int) (tiles int) {
	t, width := &s.tile, 4*g.kernels.lanes
	if t.sparse == 1 {
		width = isa.LineFloats
	}
	if t.k >= pieceTiles {
		piece := i / pieceTiles
		for _, c := range s.prefetch {
			if at := piece * width; at < c.cols {
				row := i % pieceTiles * (t.k / pieceTiles)
				last := (len(c.data) - 1 - at) / c.ld
				t.next, t.nextStep = &c.data[min(row, last)*c.ld+at], 4*c.ld
				return pieceTiles - i%pieceTiles
			}
			piece -= (c.cols + width - 1) / width
		}
	}
	t.next, t.nextStep = &panel.from(t.k-1, 0).data[0], 2*width
	if t.sparse == 1 {
		t.nextStep = 4 * isa.LineFloats
	}
	return math.MaxInt
}

// fetchBelow sets what panels of whole rows of A prefetch: the panel below each.
func (g *Gemm) fetchBelow(s *gemmScratch, a matrix, height int) {
	t, bytes := &s.tile, 4*height*a.ld
	t.sparse = 0
	t.next, t.nextStep = &a.data[min(height*a.ld, len(a.data)-1)], bytes/(t.k/pieceTiles)
}

// across computes one panel of rows, tile after tile from left to right: its rows of A stay in the cache, and B is read once.
func (g *Gemm) across(s *gemmScratch, a, b, c matrix, height, cols int) {
	t := &s.tile
	t.aStep = 0
	for col := 0; col < cols; {
		m, width := g.kernels.widest(g.kernels.tiles.of(a.trans, height), g.vectors, cols-col)
		t.count = max((cols-col)/width, 1)
		t.bStep, t.cStep = 4*width, 4*width
		s.multiply(m, a, b.from(0, col), c.from(0, col), min(cols-col, width))
		col += t.count * width
	}
}

// acrossTransposedB is across for a B that is transposed and not packed.
func (g *Gemm) acrossTransposedB(s *gemmScratch, a, b, c matrix, height, cols int) {
	t, m := &s.tile, g.kernels.transposedB.of(a.trans, height)[0]
	t.aStep, t.bStep, t.cStep = 0, 4*m.lanes*b.ld, 4*m.lanes
	full := cols / m.lanes * m.lanes
	if t.count = full / m.lanes; full > 0 {
		s.multiply(m, a, b, c, m.lanes)
	}
	if t.count = 1; cols > full {
		s.multiply(m, a, b.from(0, full), c.from(0, full), cols-full)
	}
}

// down computes count panels of the same height, tile below tile: the columns of B stay in the cache, and A is read once.
func (g *Gemm) down(s *gemmScratch, a, b, c matrix, height, count, cols int) {
	t := &s.tile
	t.count = count
	t.aStep, t.bStep, t.cStep = stepDown(a, height), 0, 4*height*c.ld
	if g.packA && a.trans {
		t.aStep = 4 * panelSize(a.ld, t.k)
	}
	for col := 0; col < cols; {
		m, width := g.kernels.widest(g.kernels.tiles.of(a.trans, height), g.vectors, cols-col)
		s.multiply(m, a, b.from(0, col), c.from(0, col), min(cols-col, width))
		col += width
	}
}

// stepDown is how many bytes a panel of so many rows is above the next one.
func stepDown(a matrix, height int) int {
	if a.trans {
		return 4 * height
	}
	return 4 * height * a.ld
}

var one = matrix{data: []float32{1}}

// add adds x to c: the product of 1 and x, on the chains that c holds.
func (g *Gemm) add(s *gemmScratch, c, x matrix, rows, cols int) {
	s.tile.k, s.tile.resume = 1, 1
	for i := range rows {
		g.across(s, one, x.from(i, 0), c.from(i, 0), 1, cols)
	}
}
