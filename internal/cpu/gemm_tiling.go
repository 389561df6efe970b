package cpu

import "unsafe"

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
	turned       bool // b is transposed, in registers
	downward     bool // the order of tiles: down the panels, or across the columns
	panel        int  // columns of a packed panel of b
	ldA          int  // elements between rows of packed a
	stepK        int  // of k between visits to a tile
	past         bool // C goes past the caches

	shared bool // the workers pack together
	pass   pass

	sideBySide bool      // chains are computed side by side
	sums       []float32 // of those after the first

	// Else a task is a region, and packs what it needs by itself.
	regionPanels, regionCols int          // of a task
	gridRows, tasks          int          // regions below each other, and all
	scripts                  [][]gemmCall // of tasks that are small
}

// StoreWork is how many multiply-adds cost as much as to store an element of a product.
const StoreWork = 16

const (
	// l2 is how many elements of B may stay in the second-level cache. It doesn't pay to
	// pack twice as many for so few rows for each lane of a vector, unless they are long.
	l2, someRows = 208 << 10, 8

	// A B of more elements comes from memory: for so many rows it is read row by row,
	// not tile by tile.
	farB, fewRows = 5 << 20, 7

	// A product of fewer multiply-adds runs on one core: it takes 3 µs, and to hand half of
	// it over takes 1 µs where the cores are far apart.
	serialWork = 5 << 16

	// A C of so many elements is not kept in the caches for whoever reads it next, if
	// there are so many multiply-adds for each: those that go past the caches are slow.
	pastCache, pastWork = 2 << 20, 24

	// A C of up to so many elements, in so few tasks, is small: a core gets a chain, if
	// there are several chains and so many multiply-adds.
	smallC, fewTasks, sideWork = 1 << 14, 4, 1 << 22

	// Up to so many multiply-adds, and elements of B that are packed, it pays to
	// know the calls beforehand.
	scriptWork   = 1 << 26
	scriptPacked = 1 << 17

	// A task has at least so many multiply-adds.
	taskWork = 1 << 17
)

// uncut is the product as a whole.
func uncut(g *Gemm) tiling {
	return tiling{
		kernels: gemmTiers[Active()],
		a:       matrix{g.A, g.LDA, g.TransA},
		b:       matrix{g.B, g.LDB, g.TransB},
		m:       g.M,
		n:       g.N,
	}
}

func (t *tiling) cut(g *Gemm) {
	*t = uncut(g)
	if g.M == 0 || g.N == 0 {
		return
	}
	lanes := t.kernels.lanes
	// turned reports whether a transposed B is best read where it is: on 8 lanes, whose
	// chains are short, only if it has to come from afar.
	turned := func(m, n int) bool {
		return m <= t.kernels.turned.tallest(1) && (lanes == 16 || min(g.K, chain)*n > l2)
	}
	narrow := g.N <= lanes && g.M > g.N
	if !g.TransA { // A is then transposed on the way, which pays if it is in the caches, or in registers
		narrow = g.N <= 4 && g.M >= lanes && g.K >= lanes && (turned(g.N, g.M) || g.M*g.K <= 4<<20)
	}
	if narrow && g.K <= chain {
		t.swap = true
		t.a, t.b = matrix{g.B, g.LDB, !g.TransB}, matrix{g.A, g.LDA, !g.TransA}
		t.m, t.n = g.N, g.M
	}

	// The widest tile that is high enough for all rows, or the highest.
	t.vectors = 1
	for _, v := range []int{2, 3, 4, 6, 8, 12, 16} {
		height := t.kernels.tiles.tallest(v)
		fits := t.n >= v*lanes || v <= t.kernels.partial && t.n > (v-1)*lanes
		few := height >= t.m && (v <= 4 || !t.b.trans)
		if height > 0 && fits && (v == 2 || few) {
			t.vectors = v
		}
	}
	t.panel = t.vectors * lanes
	tallest := t.kernels.tiles.tallest(t.vectors)
	work := t.m * t.n * max(g.K, StoreWork)
	inL2 := min(g.K, chain)*t.n <= l2 || t.m <= someRows*lanes && g.K*t.n <= 2*l2 && g.K <= 8*t.n
	big := t.m*min(g.K, chain) > 2<<20
	// Tiles read one row of a transposed A for each k. If A is far away, it is packed, or
	// those rows are few enough to stay where they are until all tiles have passed. Of
	// others they read runs, the longer the better.
	least, far := 449, 1<<17
	if lanes == 8 {
		least, far = 256, 1<<15
	}
	steep := t.a.trans && t.m*g.K > far
	downK := 1024
	switch {
	case steep:
		downK = 64
	case t.a.trans:
		downK = 448
	case big:
		downK = chain
	}
	page := 512 / t.panel * t.panel // columns that make good use of a page

	t.regionCols = t.n
	t.turned = t.b.trans && turned(t.m, t.n)
	t.packB = t.b.trans && !t.turned
	t.downward = t.packB
	leastPanels := 0 // of a region, if rows are shared out
	halves := false  // columns too, in two
	switch {
	case t.turned:
		t.stepK = chain
		if work >= serialWork {
			t.regionCols = max(t.n/min(max(work/taskWork, 8), 32)/lanes, 1) * lanes
		}
	case work < serialWork:
		t.stepK = chain
		t.downward = t.packB || 2*(t.n/t.panel) < t.m/tallest // fewer calls
	case t.m <= tallest && !t.b.trans && (t.m < fewRows || min(g.K, chain)*t.n <= farB): // B streams by, once
		t.regionCols = page
		t.stepK = 128
		switch {
		case inL2:
			t.stepK = chain
			t.regionCols = max(t.n/4/t.panel, 1) * t.panel
		case t.m <= 3 && t.n >= 2048: // long runs of few rows of B, while C stays in the cache
			t.stepK = 10
			t.regionCols = 1024
		}
	case g.K >= 64 && t.n >= 128 && (t.m >= 4096 || t.m >= 1024 && t.n > 448 || t.m > 448 && !inL2 || t.m >= least && steep):
		t.shared = true
		t.packA, t.packB, t.downward = true, true, true
		t.stepK = passK
		t.ldA = t.stepK + lanes
		if t.a.trans {
			t.ldA = (tallest + lanes - 1) / lanes * lanes
		}
	case !inL2 && big || t.b.trans && t.m > 512: // A is read once
		t.packB, t.downward = true, true
		t.regionCols = min(page/2, t.n)
		t.stepK = min(downK, 256)
		leastPanels = max(t.m/tallest/8, 7)
	case !inL2 && !t.b.trans:
		t.packB, t.downward = true, true
		switch { // the more rows, the less it matters how B is read
		case t.m > 256:
			page /= 8
		case t.m > 64:
			page /= 2
		}
		t.regionCols = min(page, (t.n/8+t.panel-1)/t.panel*t.panel)
		t.stepK = min(1<<16/t.regionCols, 1024)
	case !inL2: // long runs of B's rows
		t.regionCols = 64 / t.panel * t.panel
		t.stepK = 1024
	case t.b.trans:
		t.regionCols = t.panel
		t.stepK = 512
		if t.m <= 4 {
			t.stepK = 128 // the panel stays in the first-level cache
		}
	case g.Epilogue == nil && t.m >= 4*tallest && t.m*t.n <= 4*l2 && g.K >= 64:
		t.downward = true
		t.regionCols = t.panel
		t.stepK = downK
		if columns := (t.n + t.panel - 1) / t.panel; columns < 8 {
			leastPanels = max(t.m/tallest*columns/8, 1)
		}
	case t.m >= 40*tallest && g.K >= 64:
		t.downward, halves = true, true
		t.stepK = downK
		leastPanels = 10
	case t.m > 3*tallest:
		halves = true
		t.stepK = 448
		leastPanels = 1
	default:
		t.stepK = 448
		t.regionCols = max(t.n/4/t.panel, 1) * t.panel
	}
	if halves && t.n >= 128 && !t.a.trans {
		// The front half of the tasks is to the left, the other to the right: a core
		// keeps to its half of a weight. Of a gradient it is above and below, as in the
		// optimizer's step.
		t.regionCols = (t.n/2 + 31) / 32 * 32
		leastPanels *= 2
	}
	if !t.packA && t.a.ld%1024 == 0 && !t.a.trans {
		// The rows of a tile meet in one set of the first-level cache, which
		// holds few of them.
		tallest = min(tallest, 10)
	}
	t.cutRows(tallest)
	t.regionPanels = t.count
	if leastPanels > 0 {
		if even := t.count + t.count%2; even <= t.m { // two cores get as much each
			t.cutRows((t.m + even - 1) / even)
		}
		t.regionPanels = max(t.count*taskWork/work, leastPanels)
	}
	t.past = !t.swap && g.Epilogue == nil && t.m*t.n >= pastCache && g.K >= pastWork && aligned(g.C) && g.LDC%lineFloats == 0
	if steps := (min(g.K, chain) + t.stepK - 1) / t.stepK; steps > 0 {
		t.stepK = (min(g.K, chain) + steps - 1) / steps
	}
	t.cutRegions()
	t.sideBySide = !t.shared && t.tasks <= fewTasks && g.K > chain && t.m*t.n <= smallC && work >= sideWork
	if t.sideBySide {
		t.regionPanels, t.regionCols = t.count, t.n
		t.cutRegions()
	}
}

// cutRegions counts the regions, of regionPanels by regionCols.
func (t *tiling) cutRegions() {
	t.gridRows = (t.count + t.regionPanels - 1) / t.regionPanels
	t.tasks = t.gridRows * ((t.n + t.regionCols - 1) / t.regionCols)
}

// cutRows cuts the rows into panels that are as high as each other, or one row higher.
func (t *tiling) cutRows(tallest int) {
	t.count = (t.m + tallest - 1) / tallest
	t.height, t.higher = t.m/t.count, t.m%t.count
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

const lineFloats = 16 // elements in a line of the cache

func aligned(s []float32) bool { return uintptr(unsafe.Pointer(&s[0]))%(4*lineFloats) == 0 }
