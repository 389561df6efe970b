package product

import (
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file copies the operands of a product to where they are read fast.

// A matrix is a view of an operand. Element (i, j) is data[i*ld+j], or
// data[j*ld+i] if trans.
type matrix struct {
	data  []float32
	ld    int
	trans bool
}

// from is the part of m that begins at element (i, j).
func (m matrix) from(i, j int) matrix {
	if m.trans {
		i, j = j, i
	}
	m.data = m.data[i*m.ld+j:]
	return m
}

// A source is an operand as it lies in memory: rows of elements, of which products copy parts to
// where their tiles read them fast. A matrix is one.
type source interface {
	// pack copies columns c0 … c1-1 of rows r0 … r1-1 into panels, row by row.
	pack(s *gemmScratch, to panels, r0, r1, c0, c1 int)
	// packTransposed copies columns c0 … c1-1 of rows r0 … r1-1 into panels, each row to a column.
	packTransposed(s *gemmScratch, to panels, r0, r1, c0, c1 int)
}

// Panels are columns that were packed: so many side by side are a matrix of their own, and
// the next ones begin step elements later.
type panels struct {
	data            []float32
	ld, width, step int
}

// panel is panel i.
func (p panels) panel(i int) matrix { return matrix{data: p.data[i*p.step:], ld: p.ld} }

func (m matrix) pack(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	src, rows, cols, w := matrix{data: m.data, ld: m.ld}.from(r0, c0), r1-r0, c1-c0, to.width
	if two := 2 * s.kernels.lanes; w > two { // what is copied is no wider
		for col := 0; col < cols; col += w {
			dst, from, width := to.panel(col/w), src.from(0, col), min(cols-col, w)
			full := width / two * two
			s.copy(dst, from, rows, two, width/two, two)
			if full < width {
				s.copy(dst.from(0, full), from.from(0, full), rows, width-full, 1, 0)
			}
		}
		return
	}
	full := cols / w * w
	s.copy(to.panel(0), src, rows, w, cols/w, to.step)
	if full < cols {
		s.copy(to.panel(cols/w), src.from(0, full), rows, cols-full, 1, 0)
	}
}

func (m matrix) packTransposed(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	for row := r0; row < r1; {
		col := row - r0 // of the panels
		rows := min(r1-row, to.width-col%to.width, s.kernels.lanes)
		dst := to.panel(col/to.width).from(0, col%to.width)
		s.transpose(dst, matrix{data: m.data[row*m.ld+c0:], ld: m.ld}, rows, c1-c0)
		row += rows
	}
}

// packColumns packs columns c0 … c1-1 of B for k from k0 to k1, into panels as wide as tiles.
func (g *Gemm) packColumns(s *gemmScratch, dst []float32, k0, k1, c0, c1 int) (first matrix) {
	to := panels{data: dst, ld: g.panel, width: g.panel, step: panelSize(g.panel, k1-k0)}
	if g.b.trans {
		g.sourceB.packTransposed(s, to, c0, c1, k0, k1)
	} else {
		g.sourceB.pack(s, to, k0, k1, c0, c1)
	}
	return to.panel(0)
}

// sizeB is the room for packed panels of k rows and so many columns.
func (g *Gemm) sizeB(k, cols int) int {
	return (cols + g.panel - 1) / g.panel * panelSize(g.panel, k)
}

// panelSize is the room of a packed panel of k rows or columns: a line of the cache
// is left free so that not all panels begin in the same set of it.
func panelSize(width, k int) int { return width*k + 16 }

// panel is panel i of packed panels of k rows, or of k columns if m is transposed.
func (m matrix) panel(i, k int) matrix {
	m.data = m.data[i*panelSize(m.ld, k):]
	return m
}

// packRows packs panels p0 … p1-1 of the rows of A for k from k0 to k1, to where they don't get
// into each other's way in the cache. If A is transposed, each panel becomes a matrix of its own.
func (g *Gemm) packRows(s *gemmScratch, dst []float32, p0, p1, k0, k1 int) {
	if !g.a.trans {
		w := 2 * g.kernels.lanes
		g.sourceA.pack(s, panels{data: dst, ld: g.ldA, width: w, step: w}, g.row(p0), g.row(p1), k0, k1)
		return
	}
	step := panelSize(g.ldA, k1-k0)
	for p := p0; p < p1; {
		height, count := g.alike(p, p1)
		to := panels{data: dst[(p-p0)*step:], ld: g.ldA, width: height, step: step}
		g.sourceA.pack(s, to, k0, k1, g.row(p), g.row(p+count))
		p += count
	}
}

// sizeA is the room for panels p … end-1 of packed rows of k columns.
func (g *Gemm) sizeA(p, end, k int) int {
	if g.a.trans {
		return (end - p) * panelSize(g.ldA, k)
	}
	return (g.row(end) - g.row(p)) * g.ldA
}

// copy copies matrices that lie side by side, of rows × cols, to dst and every step
// elements from there.
func (s *gemmScratch) copy(dst, src matrix, rows, cols, count, step int) {
	if rows == 0 || cols == 0 || count == 0 {
		return
	}
	x := &s.block
	x.dst, x.src = &dst.data[0], &src.data[0]
	x.ldd, x.lds, x.rows, x.cols = 4*dst.ld, 4*src.ld, rows, cols
	x.count, x.dstStep = count, 4*step
	s.move(s.kernels.copy)
}

// transpose copies rows × cols of src to the transposed dst.
func (s *gemmScratch) transpose(dst, src matrix, rows, cols int) {
	x := &s.block
	x.ldd, x.lds, x.cols = 4*dst.ld, 4*src.ld, cols
	for i := 0; i < rows; i += s.kernels.lanes {
		x.rows = min(rows-i, s.kernels.lanes)
		x.dst, x.src = &dst.from(0, i).data[0], &src.from(i, 0).data[0]
		s.move(s.kernels.transpose)
	}
}

// A gemmScratch is what one task works in: the arguments of assembly, packed parts
// of B, and results that are not yet C. It belongs to no product: the tasks that run
// at the same time share a few.
type gemmScratch struct {
	kernels     *gemmKernels
	tile        tile
	block       block
	depthwise   depthwise
	b, c        []float32
	wide        []float32 // rows of halves, as they are packed
	nonTemporal bool      // results are stored by non-temporal stores where that can be

	a    []float32 // rows of A that are packed:
	pass uint64    // for this pass
	row  int       // and this row of its tasks

	search  search
	listing listing
	words   [64]uint64 // bits that were found
	list    []int32    // of places
	put     elementwise.Loop

	prefetch [2]prefetchTarget // what is wanted in the next step, of B and of A
	fetched  float32           // of no use: what fetch is seen to do

	ahead      [2][]float32 // what the tiles of convolutions fetch: a line of the cache for every four k,
	aheadDense bool         // or four vectors
	segmentsK  int          // of tiles whose k comes in segments, all together

	// While recording, calls are only noted: a small product takes no longer than
	// to find out which calls it is made of.
	recording bool
	calls     []gemmCall
}

// A prefetchTarget is so many columns of a matrix, as it is stored.
type prefetchTarget struct {
	matrix
	cols int
}

// A gemmCall is a call of a microkernel, or of a copy.
type gemmCall struct {
	tile     tile
	block    block
	multiply func(*tile)
	move     func(*block)
}

func (c *gemmCall) run() {
	if c.multiply != nil {
		c.multiply(&c.tile)
	} else {
		c.move(&c.block)
	}
}

// multiply calls a microkernel for tiles of cols columns.
func (s *gemmScratch) multiply(m microkernel, a, b, c matrix, cols int) {
	t := &s.tile
	t.a, t.b, t.c = &a.data[0], &b.data[0], &c.data[0]
	t.lda, t.ldb, t.ldc = 4*a.ld, 4*b.ld, 4*c.ld
	t.tail, t.nonTemporal = cols-(m.vectors-1)*m.lanes, 0
	if s.nonTemporal && t.tail == m.lanes {
		t.nonTemporal = 1
	}
	if s.recording {
		s.calls = append(s.calls, gemmCall{tile: *t, multiply: m.run})
		return
	}
	m.run(t)
}

// move calls a copy of the block.
func (s *gemmScratch) move(f func(*block)) {
	if s.recording {
		s.calls = append(s.calls, gemmCall{block: s.block, move: f})
		return
	}
	f(&s.block)
}

// grow returns n elements of a buffer, which begin at a cache line.
func grow[T float32 | int32](buffer *[]T, n int) []T {
	if len(*buffer) < n {
		*buffer = mem.Make[T](n)
	}
	return (*buffer)[:n]
}

// gemmScratches has the scratch that each worker used last, which is in its cache;
// what belongs to none because two pools run at once is in spare.
var gemmScratches struct {
	last  [par.MaxWorkers]atomic.Pointer[gemmScratch]
	spare par.FreeList[gemmScratch]
}

func acquireScratch(worker int, k *gemmKernels) *gemmScratch {
	s := gemmScratches.last[worker].Swap(nil)
	if s == nil {
		s = gemmScratches.spare.Get()
	}
	s.kernels, s.nonTemporal = k, false
	return s
}

func releaseScratch(worker int, s *gemmScratch) {
	if !gemmScratches.last[worker].CompareAndSwap(nil, s) {
		gemmScratches.spare.Put(s)
	}
}
