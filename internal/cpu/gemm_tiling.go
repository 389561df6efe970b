package cpu

// This file cuts products into tasks.

// A tiling says how a product is computed. It looks at the shape alone.
type tiling struct {
	kernels *gemmKernels

	// swap says that it is the transpose of C that is computed, and transposed
	// when it is stored: lanes then lie along M.
	swap bool
	a, b matrix // the factors, after the swap
	m, n int    // the rows of a, the columns of b

	vectors int // in the width of a tile
	count   int // of panels of rows, each as high as a tile
	height  int // of a panel: the first few are one row higher
	higher  int

	packA, packB bool
	downward     bool // the order of tiles: down the panels, or across the columns
	panel        int  // columns of a packed panel of b
	ldA          int  // elements between rows of packed a
	stepK        int  // of k between visits to a tile

	shared bool // the workers pack together
	pass   pass

	// Else a task is a region, and packs what it needs by itself.
	regionPanels, regionCols int // of a task
	gridRows, tasks          int // regions below each other, and all
}

// l2 is how many elements of B may stay in the second-level cache.
const l2 = 208 << 10

func newTiling(g *Gemm) tiling {
	t := tiling{
		kernels: gemmTiers[Active()],
		a:       matrix{g.A, g.LDA, g.TransA},
		b:       matrix{g.B, g.LDB, g.TransB},
		m:       g.M,
		n:       g.N,
	}
	if g.M == 0 || g.N == 0 {
		return t
	}
	lanes := t.kernels.lanes
	if g.TransA && g.N <= lanes && g.M > g.N && g.K <= chain {
		t.swap = true
		t.a, t.b = matrix{g.B, g.LDB, !g.TransB}, matrix{g.A, g.LDA, !g.TransA}
		t.m, t.n = g.N, g.M
	}

	// The widest tile that is high enough for all rows, or the highest.
	t.vectors = 1
	for _, v := range []int{1, 2, 3, 4, 6, 8, 12, 16} {
		h := t.kernels.tallest(v)
		if h > 0 && (v-1)*lanes < t.n && (v <= 2 || h >= t.m) {
			t.vectors = v
		}
	}
	tallest := t.kernels.tallest(t.vectors)
	t.count = (t.m + tallest - 1) / tallest
	if t.count > 2 && t.count%2 != 0 {
		t.count++
	}
	t.height, t.higher = t.m/t.count, t.m%t.count

	t.panel = t.vectors * lanes
	t.ldA = (tallest + lanes - 1) / lanes * lanes
	t.regionPanels, t.regionCols = t.count, t.n
	work := t.m * t.n * g.K
	inL2 := g.K*t.n <= l2
	switch {
	case work < 1<<17: // one task
		t.packB = t.b.trans
		t.downward = t.packB
		t.stepK = chain
	case !t.swap && t.m >= 256 && t.n >= 256 && g.K >= 64 && (!inL2 || t.b.trans && t.m > 512):
		t.shared = true
		t.packA = t.a.ld%1024 == 0 || t.n >= 512
		t.packB, t.downward = true, true
		t.stepK = passK
		if !t.a.trans {
			t.ldA = t.stepK + lanes
		}
	case t.b.trans || !inL2 && t.m > 2*tallest || g.Epilogue == nil && t.m >= 4*tallest:
		t.packB = t.b.trans || !inL2
		t.downward = true
		t.stepK = 512
		t.regionCols = t.panel
	default:
		t.regionPanels = max(t.count*(1<<17)/work, 1)
		t.stepK = 448
	}
	if steps := (min(g.K, chain) + t.stepK - 1) / t.stepK; steps > 0 {
		t.stepK = (min(g.K, chain) + steps - 1) / steps
	}
	t.gridRows = (t.count + t.regionPanels - 1) / t.regionPanels
	t.tasks = t.gridRows * ((t.n + t.regionCols - 1) / t.regionCols)
	return t
}

// row is where panel p of the rows begins.
func (t *tiling) row(p int) int { return p*t.height + min(p, t.higher) }

// alike returns the height of panel p and how many panels from p to end have it.
func (t *tiling) alike(p, end int) (height, count int) {
	if p < t.higher {
		return t.height + 1, min(end, t.higher) - p
	}
	return t.height, end - p
}

// region is what task index computes.
func (t *tiling) region(index int) part {
	p, c := index%t.gridRows*t.regionPanels, index/t.gridRows*t.regionCols
	return part{p, min(p+t.regionPanels, t.count), c, min(c+t.regionCols, t.n)}
}
