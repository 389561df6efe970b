package product

import (
	"math"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file leaves out what a product multiplies by zero. No bit of C changes: if b is
// finite, adding 0·b to a chain can but turn -0 into +0. So tiles with a chain that ends
// at -0 are computed again, with their zeros. So is all of C if B isn't finite, which
// shows in C, or, for k of which A has zeros only, when B is looked at.

// Zeros says where zeros are to be expected in A: how products find them.
type Zeros int

// Where zeros are.
const (
	NoZeros           Zeros = iota // products multiply by those there are
	ZerosStructured                // in the same columns of neighbouring rows of op(A): pixels of images
	ZerosUnstructured              // anywhere: what relu and dropout return
)

// worthwhile is the largest share of the multiplications left at which a product without its zeros is
// faster than with them. Tiles of 6 rows, for structured zeros, run nearly as fast as those of
// ordinary products; tiles of one row don't.
var worthwhile = [...]float64{ZerosStructured: 0.8, ZerosUnstructured: 0.38}

const (
	// A product of fewer multiply-adds, columns or k isn't searched for zeros.
	zerosWork, zerosCols, zerosK = 1 << 21, 128, 64

	// The lists have at most so many elements.
	zerosRoom = 1 << 22

	// An A of more elements has left the caches before it is multiplied, unless each
	// task looks for the zeros of its rows.
	zerosLate = 1 << 20
	zerosStep = 512 // of k, for which they look at once

	// If there were few zeros, so many runs don't look for them.
	zerosRest = 31
	notLooked = math.MaxInt64
)

// The nonzeros of a product are lists of k, one for each panel of rows: those for which
// one of the rows is not zero. They are also the job that makes the lists.
type nonzeros struct {
	product *Gemm    // cut as is best without zeros
	words   int      // of bits of a panel, one for each k
	room    int      // elements of the list of a panel
	bits    []uint64 // of the panels
	lists   []int32  // of the panels: those of the k from k0 to k1 count from k0 and begin there
	counts  []int32  // of the lists, those from k0 on at k0/64

	late           bool         // tasks of the product make the lists that they need
	groups, panels int          // tasks, and the panels that each searches
	left           atomic.Int64 // multiply-adds, for each column, that the lists leave
	most           int64        // that it is worthwhile to have left
	infinite       atomic.Bool
	rest           int // runs until zeros are looked for again
}

// prepareZeros makes ready to leave out zeros, if the product is one for that.
func (g *Gemm) prepareZeros() {
	g.nonzeros = nil
	if g.Zeros == NoZeros || g.HalfB.Data != nil || g.M < 16 || g.N < zerosCols || g.K < zerosK || g.M*g.N*g.K < zerosWork {
		return
	}
	z := &nonzeros{words: (g.K + 63) / 64, most: int64(worthwhile[g.Zeros] * float64(g.M*g.K))}
	z.product = &Gemm{
		M: g.M, N: g.N, K: g.K, TransA: g.TransA, TransB: g.TransB,
		A: g.A, B: g.B, C: g.C, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC, Epilogue: g.Epilogue, Zeros: g.Zeros,
		lists: z,
	}
	if _, ok := g.Epilogue.(*reduce.AllFinite); ok {
		z.product.Epilogue = nil // a product with zeros left out is given up at the first number that isn't finite
	}
	z.late = g.M >= 256 && g.M*g.K > zerosLate
	t := &z.product.tiling
	t.cutZeros(z.product)
	z.room = 64*z.words + 16
	if t.count*z.room > zerosRoom {
		return
	}
	z.bits = make([]uint64, t.count*z.words)
	z.lists = make([]int32, t.count*z.room)
	z.counts = make([]int32, t.count*z.words)
	z.panels = 64 / (t.height + min(t.higher, 1))
	z.groups = (t.count + z.panels - 1) / z.panels
	z.groups += z.groups % 2 // two cores get as many each
	z.panels = (t.count + z.groups - 1) / z.groups
	z.groups = (t.count + z.panels - 1) / z.panels
	z.left.Store(notLooked)
	g.nonzeros = z
}

// Look returns a job of so many tasks that looks for zeros. It has to be done before
// Tasks and Do are called, and Finish is to be called when all tasks are done.
func (g *Gemm) Look() (job par.Job, tasks int) {
	z := g.nonzeros
	if z == nil {
		return nil, 0
	}
	z.infinite.Store(false)
	z.left.Store(notLooked)
	if z.rest > 0 && !g.blank() {
		z.rest--
		return nil, 0
	}
	z.left.Store(0)
	if z.late {
		return z, 1 // one group is searched; whether zeros are left out is decided by it alone
	}
	return z, z.groups
}

// blank reports whether the first and the last row of A, as it is stored, are zero: as all are in the state that a recurrent network begins
// with, in the midst of others.
func (g *Gemm) blank() bool {
	rows, cols := g.M, g.K
	if g.TransA {
		rows, cols = cols, rows
	}
	for _, row := range [...]int{rows - 1, 0} {
		for _, x := range g.A[row*g.LDA:][:cols] {
			if x != 0 {
				return false
			}
		}
	}
	return true
}

// leavesOut reports whether zeros were found that are worthwhile to leave out.
func (g *Gemm) leavesOut() bool {
	return g.nonzeros != nil && g.nonzeros.left.Load() <= g.nonzeros.most
}

// tasks returns how many tasks leave out zeros; the last one looks at B.
func (z *nonzeros) tasks() int {
	if z.late {
		return z.product.tasks
	}
	return z.product.tasks + 1
}

// Finish computes the product with its zeros if B was found not to be finite. If there
// were few zeros, they will not be looked for for a while.
func (g *Gemm) Finish(p *par.Pool) {
	z := g.nonzeros
	if z == nil || z.left.Load() == notLooked {
		return
	}
	if g.leavesOut() {
		if z.late {
			z.checkB()
		}
		if !z.infinite.Load() {
			return
		}
		z.left.Store(notLooked)
		g.run(p)
	}
	z.rest = zerosRest
}

// checkB checks B for the k that no list has.
func (z *nonzeros) checkB() {
	g := z.product
	for i := range z.words {
		none := ^uint64(0)
		for at := i; at < len(z.bits); at += z.words {
			none &^= z.bits[at]
		}
		if rest := g.K - 64*i; rest < 64 {
			none &= 1<<rest - 1
		}
		if none != 0 && g.TransB {
			z.checkRows(g.B, g.N, g.K, g.LDB)
			return
		}
		for none != 0 {
			k := bits.TrailingZeros64(none)
			count := bits.TrailingZeros64(^(none >> k))
			none &^= (1<<count - 1) << k
			k += 64 * i
			z.checkRows(g.B[k*g.LDB:], count, g.N, g.LDB)
		}
	}
}

// checkRows notes whether all rows of x are finite, between which there may be what is
// not of the product.
func (z *nonzeros) checkRows(x []float32, rows, cols, ld int) {
	if cols == ld {
		rows, cols = 1, rows*cols
	}
	for i := range rows {
		z.check(x[i*ld:][:cols])
	}
}

// check notes whether all of x is finite.
func (z *nonzeros) check(x []float32) {
	if !reduce.Finite(x) {
		z.infinite.Store(true)
	}
}

// Do makes the lists of a group of panels.
func (z *nonzeros) Do(worker, index int) {
	g := z.product
	s := acquireScratch(worker, g.kernels)
	p0 := index * z.panels
	p1 := min(p0+z.panels, g.count)
	left, end := 0, g.K
	if z.late {
		end = g.stepFrom(0)
	}
	for k0, k1 := 0, 0; k0 < end; k0 = k1 {
		k1 = g.stepFrom(k0)
		left += z.look(s, p0, p1, k0, k1)
	}
	if z.late {
		left = int(float64(left) * float64(g.M*g.K) / float64((g.row(p1)-g.row(p0))*end))
	}
	z.left.Add(int64(left))
	releaseScratch(worker, s)
}

// look makes the lists of panels p0 … p1-1, no more than a group, for k from k0 to k1.
// It returns the multiply-adds, for each column, that they leave.
func (z *nonzeros) look(s *gemmScratch, p0, p1, k0, k1 int) (left int) {
	g := z.product
	r0, r1 := g.row(p0), g.row(p1)
	for k := k0; k < k1; k += 64 {
		g.search(s, r0, r1, k, min(k+64, k1))
		row := 0
		for p := p0; p < p1; p++ {
			height, _ := g.alike(p, p1)
			any := uint64(0)
			for _, w := range s.words[row : row+height] {
				any |= w
			}
			z.bits[p*z.words+k/64] = any
			row += height
		}
	}
	l := &s.listing
	l.words = (k1 - k0 + 63) / 64
	for p := p0; p < p1; p++ {
		height, _ := g.alike(p, p1)
		l.list, l.bits = &z.lists[p*z.room+k0], &z.bits[p*z.words+k0/64]
		g.kernels.list(l)
		z.counts[p*z.words+k0/64] = int32(l.n)
		left += height * l.n
	}
	return left
}

// search sets the bits of a word for each of the rows r0 … r1-1 of op(A), at most 64:
// those of the k from k0 to k1, at most 64, where it has no zero.
func (g *Gemm) search(s *gemmScratch, r0, r1, k0, k1 int) {
	x := &s.search
	x.bits, x.x, x.ldx = &s.words[0], &g.a.from(r0, k0).data[0], 4*g.a.ld
	x.rows, x.cols = r1-r0, k1-k0
	if g.a.trans {
		x.rows, x.cols = x.cols, x.rows
	}
	switch down := g.kernels.nonzeroDown; {
	case !g.a.trans:
		g.kernels.nonzero(x)
	case down != nil:
		down(x)
	default:
		g.kernels.nonzero(x)
		clear(s.words[x.rows:])
		transposeBits(&s.words)
	}
}

// listed computes count panels of rows from panel p on for the columns of b, from what
// A has no zeros for.
func (g *Gemm) listed(s *gemmScratch, p, k0 int, a, b, c matrix, height, count, cols int) {
	t, z := &s.tile, g.lists
	t.listStep, t.ksStep = 4*z.room, 4*z.words
	for col := 0; col < cols; {
		m, width := g.kernels.widest(g.kernels.listed.of(a.trans, height), g.vectors, cols-col)
		width = min(cols-col, width)
		for done := 0; done < count; done++ {
			t.list, t.ks = &z.lists[(p+done)*z.room+k0], &z.counts[(p+done)*z.words+k0/64]
			t.count, t.aStep, t.cStep = count-done, stepDown(a, height), 4*height*c.ld
			s.multiply(m, a.from(done*height, 0), b.from(0, col), c.from(done*height, col), width)
			if done = count - t.count; done < count {
				g.withZeros(s, a.from(done*height, 0), b.from(0, col), c.from(done*height, col), height, width)
			}
		}
		col += width
	}
}

// withZeros computes a tile that the listed k don't suffice for.
func (g *Gemm) withZeros(s *gemmScratch, a, b, c matrix, height, width int) {
	g.across(s, a, b, c, height, width)
	for i := range height {
		g.lists.check(c.from(i, 0).data[:width])
	}
}

// cutZeros cuts a product that leaves out zeros into tasks.
func (t *tiling) cutZeros(g *Gemm) {
	*t = uncut(g)
	t.vectors = t.kernels.structured
	t.panel = t.vectors * t.kernels.lanes
	_, l2, _ := cacheElements()
	most := l2 * 13 / 16
	t.packB = t.b.trans || min(g.K, chain)*t.n > most && !(g.lists.late && zerosStep*t.n <= most)
	if g.Zeros == ZerosUnstructured {
		// A row of A comes to few rows of B at a time, so those are to stay in the
		// first-level cache while many rows of A are multiplied by them.
		if !t.b.trans || t.n >= 8*t.panel {
			t.vectors = t.kernels.unstructured
			t.panel = t.vectors * t.kernels.lanes
		}
		t.cutRows(1)
		t.stationaryB, t.stepK = true, 1<<13/t.panel
		t.regionPanels, t.regionCols = 64, t.n
	} else {
		t.cutRows(t.kernels.listed.tallest(t.vectors))
		t.stationaryB, t.stepK = t.packB, chain
		// As of other products, a core keeps to its half of the columns, or of a gradient's rows.
		t.regionPanels, t.regionCols = (t.count+7)/8, (t.n/2+31)/32*32
		if t.a.trans {
			t.regionPanels, t.regionCols = (t.count+15)/16, t.n
		}
	}
	if t.packB {
		t.stationaryB, t.stepK = true, min(t.stepK, 1<<15/t.panel)
		t.regionPanels, t.regionCols = t.count, max(t.n/8/t.panel, 1)*t.panel
	}
	if g.lists.late { // then rows are shared out, whatever the columns
		height := (t.m + t.count - 1) / t.count
		t.regionPanels, t.regionCols = 64/height, t.n
		if t.packB {
			t.regionPanels *= 4 // each task packs B
		}
		if g.Zeros == ZerosStructured {
			t.stepK = min(t.stepK, zerosStep)
		}
	}
	t.cutRegions()
}

// nonzeroGeneric sets the bits of what is not zero.
func nonzeroGeneric(x *search) {
	for i, w := 0, unsafe.Slice(x.bits, x.rows); i < x.rows; i++ {
		w[i] = 0
		for j, v := range vectorAt(unsafe.Add(unsafe.Pointer(x.x), i*x.ldx), x.cols) {
			if v != 0 {
				w[i] |= 1 << j
			}
		}
	}
}

// listGeneric lists bits.
func listGeneric(l *listing) {
	list := unsafe.Slice(l.list, 64*l.words)
	l.n = 0
	for i, w := range unsafe.Slice(l.bits, l.words) {
		for ; w != 0; w &= w - 1 {
			list[l.n] = int32(64*i + bits.TrailingZeros64(w))
			l.n++
		}
	}
}

// transposeBits swaps bit j of word i and bit i of word j.
func transposeBits(w *[64]uint64) {
	mask := ^uint64(0)
	for step := 32; step > 0; step /= 2 {
		mask ^= mask << step // of the right half of each square
		for i := 0; i < 64; i = (i + step + 1) &^ step {
			x, y := &w[i], &w[i+step]
			swap := (*x>>step ^ *y) & mask
			*x ^= swap << step
			*y ^= swap
		}
	}
}
