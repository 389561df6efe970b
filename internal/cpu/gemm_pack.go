package cpu

import (
	"sync/atomic"

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

// panels packs k rows of b and as many columns as cols into panels of g.panel
// columns, each a matrix of its own.
func (g *Gemm) panels(s *gemmScratch, dst []float32, b matrix, k, cols int) matrix {
	w := g.panel
	out := matrix{data: dst, ld: w}
	if two := 2 * g.kernels.lanes; !b.trans && w > two { // what is copied is no wider
		for col := 0; col < cols; col += w {
			to, from, width := out.panel(col/w, k), b.from(0, col), min(cols-col, w)
			full := width / two * two
			g.copy(s, to, from, k, two, width/two, two)
			g.copy(s, to.from(0, full), from.from(0, full), k, width-full, 1, 0)
		}
		return out
	}
	if !b.trans {
		full := cols / w * w
		g.copy(s, out, b, k, w, cols/w, panelSize(w, k))
		g.copy(s, out.panel(cols/w, k), b.from(0, full), k, cols-full, 1, 0)
		return out
	}
	for col := 0; col < cols; {
		to := out.panel(col/w, k)
		rows := min(cols-col, w-col%w, g.kernels.lanes)
		g.transpose(s, to.from(0, col%w), matrix{b.data[col*b.ld:], b.ld, false}, rows, k)
		col += rows
	}
	return out
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

// copy copies matrices that lie side by side, of rows × cols, to dst and every step
// elements from there.
func (g *Gemm) copy(s *gemmScratch, dst, src matrix, rows, cols, count, step int) {
	if rows == 0 || cols == 0 || count == 0 {
		return
	}
	x := &s.block
	x.dst, x.src = &dst.data[0], &src.data[0]
	x.ldd, x.lds, x.rows, x.cols = 4*dst.ld, 4*src.ld, rows, cols
	x.count, x.dstStep = count, 4*step
	s.move(g.kernels.copy)
}

// rows packs panels p … end-1 of rows of a and k columns to where they don't get
// into each other's way in the cache. If a is transposed, each panel becomes a matrix
// of its own.
func (g *Gemm) rows(s *gemmScratch, dst []float32, a matrix, p, end, k int) {
	if !a.trans {
		out := matrix{data: dst, ld: g.ldA}
		rows, w := g.row(end)-g.row(p), 2*g.kernels.lanes
		full := k / w * w
		g.copy(s, out, a, rows, w, k/w, w)
		g.copy(s, out.from(0, full), a.from(0, full), rows, k-full, 1, 0)
		return
	}
	out := matrix{data: dst, ld: g.ldA, trans: true}
	for first := p; p < end; {
		height, count := g.alike(p, end)
		src := matrix{a.data[g.row(p)-g.row(first):], a.ld, false}
		g.copy(s, out.panel(p-first, k), src, k, height, count, panelSize(g.ldA, k))
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

// transpose copies rows × cols of src to the transposed dst.
func (g *Gemm) transpose(s *gemmScratch, dst, src matrix, rows, cols int) {
	x := &s.block
	x.ldd, x.lds, x.cols = 4*dst.ld, 4*src.ld, cols
	for i := 0; i < rows; i += g.kernels.lanes {
		x.rows = min(rows-i, g.kernels.lanes)
		x.dst, x.src = &dst.from(0, i).data[0], &src.from(i, 0).data[0]
		s.move(g.kernels.transpose)
	}
}

// A gemmScratch is what one task works in: the arguments of assembly, packed parts
// of B, and results that are not yet C. It belongs to no product: the tasks that run
// at the same time share a few.
type gemmScratch struct {
	tile  tile
	block block
	b, c  []float32
	past  bool // results go past the caches where they can

	a    []float32 // rows of A that are packed:
	pass uint64    // for this pass
	row  int       // and this row of its tasks

	search  search
	listing listing
	words   [64]uint64 // bits that were found

	coming [2]coming // what is wanted in the next step, of B and of A

	// While recording, calls are only noted: a small product takes no longer than
	// to find out which calls it is made of.
	recording bool
	script    []gemmCall
}

// A coming is so many columns of a matrix, as it is stored.
type coming struct {
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
	t.tail, t.past = cols-(m.vectors-1)*m.lanes, 0
	if s.past && t.tail == m.lanes {
		t.past = 1
	}
	if s.recording {
		s.script = append(s.script, gemmCall{tile: *t, multiply: m.run})
		return
	}
	m.run(t)
}

// move calls a copy of the block.
func (s *gemmScratch) move(f func(*block)) {
	if s.recording {
		s.script = append(s.script, gemmCall{block: s.block, move: f})
		return
	}
	f(&s.block)
}

// grow returns n elements of a buffer, which begin at a cache line.
func grow(buffer *[]float32, n int) []float32 {
	if len(*buffer) < n {
		*buffer = mem.Make[float32](n)
	}
	return (*buffer)[:n]
}

// gemmScratches has the scratch that each worker used last, which is in its cache;
// what belongs to none because two pools run at once is in spare.
var gemmScratches struct {
	last  [par.MaxWorkers]atomic.Pointer[gemmScratch]
	spare freeList[gemmScratch]
}

func acquireScratch(worker int) *gemmScratch {
	if s := gemmScratches.last[worker].Swap(nil); s != nil {
		return s
	}
	return gemmScratches.spare.get()
}

func releaseScratch(worker int, s *gemmScratch) {
	if !gemmScratches.last[worker].CompareAndSwap(nil, s) {
		gemmScratches.spare.put(s)
	}
}
