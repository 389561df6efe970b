package cpu

import (
	"sync"
	"sync/atomic"
	"unsafe"

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
// columns: each a matrix of its own, one after the other.
func (g *Gemm) panels(s *gemmScratch, b matrix, k, cols int) matrix {
	w := g.panel
	out := matrix{data: grow(&s.b, (cols+w-1)/w*w*k), ld: w}
	x := &s.block
	x.ldd, x.lds = 4*w, 4*b.ld
	for col := 0; col < cols; {
		x.src = &b.from(0, col).data[0]
		x.dst = &out.from(col/w*k, col%w).data[0]
		left := min(cols, col/w*w+w) - col // to the end of the panel
		if b.trans {
			x.rows, x.cols = min(left, g.kernels.lanes), k
			g.kernels.transpose(x)
			col += x.rows
		} else {
			x.rows, x.cols = k, min(left, 2*g.kernels.lanes)
			g.kernels.copy(x)
			col += x.cols
		}
	}
	return out
}

// blockOfA copies panels p … end-1 of rows of a and k columns to where they don't
// get into each other's way in the cache. If a is transposed, each panel becomes a
// matrix of its own, one after the other.
func (g *Gemm) blockOfA(s *gemmScratch, a matrix, p, end, k int) matrix {
	rows := g.row(end) - g.row(p)
	if !a.trans {
		out := matrix{data: grow(&s.a, rows*g.ldA), ld: g.ldA}
		for i := range rows {
			copy(out.data[i*out.ld:][:k], a.data[i*a.ld:])
		}
		return out
	}
	out := matrix{data: grow(&s.a, (end-p)*k*g.ldA), ld: g.ldA, trans: true}
	x := &s.block
	x.ldd, x.lds, x.rows = 4*out.ld, 4*a.ld, k
	for i := range end - p {
		x.cols, _ = g.alike(p+i, end)
		x.src = &a.from(g.row(p+i)-g.row(p), 0).data[0]
		x.dst = &out.data[i*k*out.ld]
		g.kernels.copy(x)
	}
	return out
}

// transpose copies rows × cols of src to the transposed dst.
func (g *Gemm) transpose(s *gemmScratch, dst, src matrix, rows, cols int) {
	x := &s.block
	x.ldd, x.lds, x.cols = 4*dst.ld, 4*src.ld, cols
	for i := 0; i < rows; i += g.kernels.lanes {
		x.rows = min(rows-i, g.kernels.lanes)
		x.dst, x.src = &dst.from(0, i).data[0], &src.from(i, 0).data[0]
		g.kernels.transpose(x)
	}
}

// A gemmScratch is what one task works in. It belongs to no product: the tasks
// that run at the same time share a few.
type gemmScratch struct {
	tile    tile
	block   block
	a, b, c []float32
}

// grow returns n elements of a buffer, which begin at a cache line.
func grow(buffer *[]float32, n int) []float32 {
	if len(*buffer) < n {
		const line = 16
		s := make([]float32, n+line)
		skip := 0
		for uintptr(unsafe.Pointer(&s[skip]))%(4*line) != 0 {
			skip++
		}
		*buffer = s[skip : skip+n]
	}
	return (*buffer)[:n]
}

// gemmScratches has the scratch that each worker used last, which is in its cache;
// what belongs to none because two pools run at once is in spare.
var gemmScratches struct {
	last  [par.MaxWorkers]atomic.Pointer[gemmScratch]
	mu    sync.Mutex
	spare []*gemmScratch
}

func acquireScratch(worker int) *gemmScratch {
	all := &gemmScratches
	if s := all.last[worker].Swap(nil); s != nil {
		return s
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	n := len(all.spare)
	if n == 0 {
		return new(gemmScratch)
	}
	s := all.spare[n-1]
	all.spare = all.spare[:n-1]
	return s
}

func releaseScratch(worker int, s *gemmScratch) {
	all := &gemmScratches
	if all.last[worker].CompareAndSwap(nil, s) {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.spare = append(all.spare, s)
}
