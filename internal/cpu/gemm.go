package cpu

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file multiplies matrices: how a product is cut into tasks and tiles. The
// tiles' kernels are in gemm_*.go.

// An Epilogue is what follows a product, done region by region while the region
// is in the cache.
type Epilogue interface {
	// Region processes rows r0 … r1-1 and columns c0 … c1-1 of the product.
	Region(worker, r0, r1, c0, c1 int)
}

// Gemm computes C = op(A)·op(B), row-major: op(A) is M×K and op(B) is K×N. LDA,
// LDB and LDC are the distances of rows in memory.
//
// k is cut into blocks of 4096. In a block every element of C is one chain of
// fused multiply-adds in increasing k, from +0; the blocks are added in order.
// So the bits depend neither on how the product is tiled nor on the processor.
type Gemm struct {
	M, N, K        int
	TransA, TransB bool // A is stored K×M, B is stored N×K
	A, B, C        []float32
	LDA, LDB, LDC  int
	Epilogue       Epilogue // nil: none

	tiling
	scratch [par.MaxWorkers]*gemmScratch
}

// blockK is the length of a chain.
const blockK = 4096

// A tiling says how a product is cut. A task is a range of columns over all rows,
// packed first, or a range of rows over all columns, with B read in place.
type tiling struct {
	tier     Tier
	rows     int // of a tile, at most
	lanes    int // of a tile's width
	byColumn bool
	packA    bool
	step     int // columns, or row tiles, of a task
	kStep    int // how much of k is packed at a time
	tiles    int // of rows
	tasks    int
}

// A gemmTile is a kernel's argument: one tile. Strides are in bytes.
type gemmTile struct {
	a, b, c            unsafe.Pointer
	ars, aks, brs, crs int
	k                  int
	mask               uint32 // of the columns
	_                  uint32
	mode               int       // how the chain begins and ends
	lanes              [16]int32 // the mask as AVX2 wants it: -1 or 0
}

// The modes of a tile.
const (
	modeStart = iota // from +0
	modeGoOn         // from what C holds
	modeAdd          // from +0, and the result is added to C
)

// gemmScratch is what one worker packs into.
type gemmScratch struct {
	tile gemmTile
	b    []float32
	a    []float32
}

// Prepare chooses the tiling. It is to be called once after the fields are set;
// Run does so if need be.
func (g *Gemm) Prepare() {
	g.tier = Active()
	t := &g.tiling
	switch g.tier {
	case AVX512:
		t.rows, t.lanes = 14, 32
	case AVX2:
		t.rows, t.lanes = 6, 16
	default:
		t.rows, t.lanes = 4, 8
	}
	t.tiles = (g.M + t.rows - 1) / t.rows
	footprint := g.K * g.N * 4
	t.byColumn = g.K > 0 && (g.TransB || footprint > 832<<10 || g.LDB%1024 == 0 && g.M >= 64 && footprint > 64<<10)
	if t.byColumn {
		t.step = min(max((g.N/8+t.lanes-1)/t.lanes*t.lanes, t.lanes), 4*t.lanes)
		t.kStep = 1024
		if g.K > blockK {
			t.kStep = blockK
			t.step = t.lanes
		}
		t.packA = !g.TransA && g.LDA%512 == 0 && g.N >= 4*t.lanes
		t.tasks = (g.N + t.step - 1) / t.step
	} else {
		t.step = 1
		if work := t.rows * g.N * g.K; work < 1<<17 {
			t.step = min(t.tiles, (1<<17+work-1)/max(work, 1))
		}
		t.kStep = blockK
		if t.tiles > 0 {
			t.tasks = (t.tiles + t.step - 1) / t.step
		}
	}
	if g.M == 0 || g.N == 0 {
		t.tasks = 0
	}
	if g.M*g.N*g.K < 1<<16 && t.tasks > 1 {
		t.step, t.tasks = max(t.tiles, g.N), 1
		if t.byColumn {
			t.step = g.N
		}
	}
}

// Tasks returns the number of tasks that Run is made of.
func (g *Gemm) Tasks() int { return g.tasks }

// Run computes the product.
func (g *Gemm) Run(p *par.Pool) {
	if g.lanes == 0 || g.tier != Active() {
		g.Prepare()
	}
	p.Run(g, g.tasks)
}

// Do does one task.
func (g *Gemm) Do(worker, index int) {
	s := g.scratch[worker]
	if s == nil {
		s = &gemmScratch{}
		if g.byColumn {
			s.b = make([]float32, (g.step+g.lanes)*min(g.K, g.kStep))
		}
		if g.packA {
			s.a = make([]float32, 16*min(g.K, g.kStep))
		}
		g.scratch[worker] = s
	}
	if g.byColumn {
		g.columns(worker, s, index*g.step, min((index+1)*g.step, g.N))
		return
	}
	for tile := index * g.step; tile < min((index+1)*g.step, g.tiles); tile++ {
		g.row(worker, s, tile)
	}
}

// rowsOf returns the rows of a row tile: as even as can be.
func (g *Gemm) rowsOf(tile int) (r0, r1 int) {
	return tile * g.M / g.tiles, (tile + 1) * g.M / g.tiles
}

// row computes all columns of a row tile, B in place.
func (g *Gemm) row(worker int, s *gemmScratch, tile int) {
	r0, r1 := g.rowsOf(tile)
	if g.K == 0 {
		for r := r0; r < r1; r++ {
			clear(g.C[r*g.LDC:][:g.N])
		}
	}
	for k0 := 0; k0 < g.K; k0 += blockK {
		k := min(blockK, g.K-k0)
		for c := 0; c < g.N; c += g.lanes {
			g.tile(s, r0, r1, c, min(c+g.lanes, g.N), k0, k, nil, g.B[k0*g.LDB+c:], g.LDB)
		}
	}
	if g.Epilogue != nil {
		g.Epilogue.Region(worker, r0, r1, 0, g.N)
	}
}

// columns computes a range of columns, which it packs first.
func (g *Gemm) columns(worker int, s *gemmScratch, c0, c1 int) {
	for k0 := 0; k0 < g.K; k0 += g.kStep {
		k := min(g.kStep, g.K-k0)
		for c := c0; c < c1; c += g.lanes {
			g.packB(s.b[(c-c0)*k:], c, min(c+g.lanes, c1), k0, k)
		}
		last := k0+k >= g.K
		for tile := range g.tiles {
			r0, r1 := g.rowsOf(tile)
			var a []float32
			if g.packA {
				a = s.a
				g.pack(a, 16, g.A[r0*g.LDA+k0:], g.LDA, r1-r0, k)
			}
			for c := c0; c < c1; c += g.lanes {
				g.tile(s, r0, r1, c, min(c+g.lanes, c1), k0, k, a, s.b[(c-c0)*k:], g.lanes)
			}
			if last && g.Epilogue != nil {
				g.Epilogue.Region(worker, r0, r1, c0, c1)
			}
		}
	}
}

// packB copies columns c0 … c1-1 of op(B), k rows from k0, to rows of lanes.
func (g *Gemm) packB(dst []float32, c0, c1, k0, k int) {
	if !g.TransB {
		for i := range k {
			copy(dst[i*g.lanes:], g.B[(k0+i)*g.LDB+c0:][:c1-c0])
		}
		return
	}
	for c := c0; c < c1; c += 16 {
		g.pack(dst[c-c0:], g.lanes, g.B[c*g.LDB+k0:], g.LDB, min(16, c1-c), k)
	}
}

// tile computes rows r0 … r1-1 and columns c0 … c1-1 over k from k0. a is the
// packed rows, 16 apart, or nil; b are k rows, ldb apart.
func (g *Gemm) tile(s *gemmScratch, r0, r1, c0, c1, k0, k int, a, b []float32, ldb int) {
	mode := modeStart
	switch {
	case k0 > 0 && k0%blockK == 0:
		mode = modeAdd
	case k0 > 0:
		mode = modeGoOn
	}
	ars, aks := g.LDA, 1
	switch {
	case a != nil:
		ars, aks = 1, 16
	case g.TransA:
		ars, aks = 1, g.LDA
		a = g.A[k0*g.LDA+r0:]
	default:
		a = g.A[r0*g.LDA+k0:]
	}
	if g.tier != Generic {
		t := &s.tile
		t.a, t.b, t.c = unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), unsafe.Pointer(&g.C[r0*g.LDC+c0])
		t.ars, t.aks, t.brs, t.crs = 4*ars, 4*aks, 4*ldb, 4*g.LDC
		t.k, t.mode = k, mode
		t.gemm(g.tier, r1-r0, c1-c0, ars != 1)
		return
	}
	for r := range r1 - r0 {
		row := g.C[(r0+r)*g.LDC+c0 : (r0+r)*g.LDC+c1]
		for c := range row {
			sum := float32(0)
			if mode == modeGoOn {
				sum = row[c]
			}
			for i := range k {
				sum = fmath.FMA(a[r*ars+i*aks], b[i*ldb+c], sum)
			}
			if mode == modeAdd {
				sum += row[c]
			}
			row[c] = sum
		}
	}
}

// pack transposes rows of k numbers, lds apart, at most 16, into k rows, ldd
// apart.
func (g *Gemm) pack(dst []float32, ldd int, src []float32, lds, rows, k int) {
	if g.tier != Generic {
		packAsm(g.tier, dst, ldd, src, lds, rows, k)
		return
	}
	packGo(dst, ldd, src, lds, rows, k)
}

func packGo(dst []float32, ldd int, src []float32, lds, rows, k int) {
	for r := range rows {
		for i, x := range src[r*lds:][:k] {
			dst[i*ldd+r] = x
		}
	}
}
