package product

// This file multiplies blocks of matrices for kernels that are made of several products, one after the other, on the core that
// calls it.

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// A Matrix is a matrix in memory: element (i, j) is Data[i*LD+j], or Data[j*LD+i] if Trans.
type Matrix struct {
	Data  []float32
	LD    int
	Trans bool
}

func (m Matrix) reaches(what string, rows, cols int) {
	if m.Trans {
		rows, cols = cols, rows
	}
	cpu.Reaches(what, m.Data, (rows-1)*m.LD+cols)
}

// Multiply computes C = A·B of m×n numbers, each of which sums k products, in the order of a [Gemm]. If resume is true it goes on with
// the chains that C holds; then k is at most 4096. C and B aren't transposed. Nothing is packed and no other core helps:
// it is for blocks that the core's caches hold. Calls that overlap have different workers.
func Multiply(worker int, c, a, b Matrix, m, n, k int, resume bool) {
	if m == 0 || n == 0 {
		return
	}
	c.reaches("matrix C of a product", m, n)
	if k == 0 {
		for i := 0; i < m && !resume; i++ {
			clear(c.Data[i*c.LD:][:n])
		}
		return
	}
	a.reaches("matrix A of a product", m, k)
	b.reaches("matrix B of a product", k, n)
	kernels := gemmTiers[isa.Active()]
	s := acquireScratch(worker, kernels)
	x, to := matrix{a.Data, a.LD, a.Trans}, matrix{data: c.Data, ld: c.LD}
	var g Gemm
	g.kernels, g.m, g.n, g.vectors = kernels, m, n, kernels.width(m, n, false)
	g.cutRows(kernels.tiles.tallest(g.vectors))
	for k0 := 0; k0 < k; k0 += chain {
		y := matrix{data: b.Data, ld: b.LD}
		if k0 == 0 {
			g.near(s, x, y, to, 0, min(k, chain), resume)
			continue
		}
		sum := matrix{data: grow(&s.c, m*n), ld: n}
		g.near(s, x, y, sum, k0, min(k, k0+chain), false)
		g.add(s, to, sum, m, n)
	}
	releaseScratch(worker, s)
}

// near computes a chain, from k0 to k1, of a product whose operands are in the caches: as much of B at a time as half of the
// first-level cache holds, while all rows of A pass by.
func (g *Gemm) near(s *gemmScratch, a, b, c matrix, k0, k1 int, resume bool) {
	l1, _, _ := cacheElements()
	step := min(k1-k0, 128)
	width := max(l1/2/step/(g.vectors*g.kernels.lanes), 1) * g.vectors * g.kernels.lanes
	t := &s.tile
	s.prefetch, s.nonTemporal = [2]prefetchTarget{}, false
	t.far, t.sparse = 0, 1
	for k := k0; k < k1; k += step {
		t.k, t.resume = min(step, k1-k), 0
		if resume || k > k0 {
			t.resume = 1
		}
		for col := 0; col < g.n; col += width {
			part, cols := b.from(k, col), min(width, g.n-col)
			next := part // of B that is read
			if col+width < g.n {
				next = b.from(k, col+width)
			} else if k+step < k1 {
				next = b.from(k+step, 0)
			}
			// The tiles of a panel of A fetch so many lines of the cache, one for every four k: from one row after the other.
			fetched := cols / (g.vectors * g.kernels.lanes) * (t.k / 4)
			for p := range g.count {
				t.next, t.nextStep = &part.data[0], 0
				if line, row := p*fetched/t.k*isa.LineFloats, p*fetched%t.k; line < width && row*b.ld+line < len(next.data) {
					t.next, t.nextStep = &next.data[row*b.ld+line], 4*b.ld
				}
				height, _ := g.alike(p, g.count)
				g.across(s, a.from(g.row(p), k), part, c.from(g.row(p), col), height, cols)
			}
		}
	}
}

// Transpose writes the transpose of rows × cols numbers of src, ldd and lds elements from row to row.
func Transpose(worker int, dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	cpu.Reaches("what is transposed", src, (rows-1)*lds+cols)
	cpu.Reaches("a transpose", dst, (cols-1)*ldd+rows)
	s := acquireScratch(worker, gemmTiers[isa.Active()])
	s.transpose(matrix{data: dst, ld: ldd}, matrix{data: src, ld: lds}, rows, cols)
	releaseScratch(worker, s)
}
