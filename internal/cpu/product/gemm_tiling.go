package product

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// This file cuts products into tasks: which operands are packed, how large a tile is, in what order
// the tiles come and how far they go along k at a time. The table of strategies decides.

// A tiling says how a product is computed. It depends on the shape and on the caches' sizes, never
// on the values, and changes no bit.
type tiling struct {
	kernels *gemmKernels

	// transposeC says that it is the transpose of C that is computed, and transposed
	// when it is stored: lanes then lie along M.
	transposeC       bool
	a, b             matrix // the factors, after that exchange
	sourceA, sourceB source // which are packed from here
	halfB            bool   // b is of 16 bits, and widened: as it is packed, or instead
	m, n             int    // the rows of a, the columns of b

	vectors int // in the width of a tile
	count   int // of panels of rows, each as high as a tile
	height  int // of a panel: the first few are one row higher
	higher  int

	packA, packB bool
	farA         bool // a comes from memory, in whole panels of rows
	farC         bool // C doesn't stay in the caches
	inRegisters  bool // b is transposed in registers, where it lies
	stationaryB  bool // the order of tiles: for each panel of b, all panels of a; if false, for each panel of a, all of b
	panel        int  // columns of a packed panel of b
	ldA          int  // elements between rows of packed a
	stepK        int  // of k between visits to a tile
	nonTemporal  bool // C is stored by non-temporal stores, which leave the caches alone

	keepB  bool // B is packed once for many runs
	shared bool // the workers pack together
	pass   pass

	splitK bool      // k is shared out: a task computes one chain (a block of 4096 k) of every element of C
	sums   []float32 // the chains after the first

	// Else a task is a region, and packs what it needs by itself.
	regionPanels, regionCols int          // of a task
	gridRows, tasks          int          // regions below each other, and all
	recorded                 [][]gemmCall // of tasks that are small
}

// StoreWork is how many multiply-adds cost as much as to store an element of a product.
const StoreWork = 16

const (
	// A product of fewer multiply-adds runs on one core: it takes 3 µs, and to hand half of
	// it over takes 1 µs where the cores are far apart.
	serialWork = 5 << 16

	// A task has at least so many multiply-adds, a µs: to claim one costs 50 ns.
	taskWork = 1 << 17

	// A C of up to so many elements, in so few tasks, is small: if there are several chains and
	// so many multiply-adds, a core gets a chain of all elements. 2²² take 25 µs, the additions of
	// the chains 2.
	smallC, fewTasks, splitWork = 1 << 14, 4, 1 << 22

	// So many chains of operands that don't stay in the caches are shared out, whatever the tasks.
	farChains = 4

	// A factor of so many columns is read where it is, if it is multiplied for as few rows.
	fewColumns = 512

	// Up to so many multiply-adds, and elements of B that are packed, the calls of a task are
	// recorded: beyond, to find out which calls they are takes less than 1 % of the time, and
	// packing again is as fast from a buffer of the worker.
	recordedWork   = 1 << 26
	recordedPacked = 1 << 17

	// To pack the B of so many rows of A takes a hundredth of the time of their product: it is not worth to keep it.
	keptRows = 1024

	// A non-temporal store of an element of C costs as much as so many multiply-adds at most. An ordinary one reads the line that it
	// will overwrite, from memory.
	nonTemporalWork = 8
)

// cacheElements returns how many elements the caches hold, as far as products make use of them. The shares
// of them below were found by measuring on cores with 48 KiB, 1 MiB and 32 MiB, to which the numbers
// in brackets belong. A second level of 2 MiB made no product faster: the rows of a larger B lie on more
// pages than the TLB has entries for. A third level of more than 32 MiB is shared by more cores than
// a product runs on.
func cacheElements() (l1, l2, l3 int) {
	c := isa.Caches()
	return min(c.L1, 48<<10) / 4, min(c.L2, 1<<20) / 4, min(c.L3, 32<<20) / 4
}

// uncut is the product as a whole.
func uncut(g *Gemm) tiling {
	a, b := matrix{g.A, g.LDA, g.TransA}, matrix{g.B, g.LDB, g.TransB}
	half := g.HalfB.Data != nil
	var sourceB source = &b
	if half {
		sourceB = halfMatrix{g.HalfB, g.LDB}
	}
	return tiling{kernels: gemmTiers[isa.Active()], a: a, b: b, sourceA: &a, sourceB: sourceB, halfB: half, m: g.M, n: g.N}
}

// A gemmShape is what strategies are chosen by.
type gemmShape struct {
	*tiling
	k        int
	depth    int // of the longest chain
	work     int // multiply-adds
	tallest  int // rows of a tile of the chosen width
	epilogue bool
	l1, l2   int // elements that the caches hold
	l3       int

	inL2   bool // B stays in the second-level cache
	bigA   bool // A doesn't stay in the third-level cache beside B and C
	steepA bool // A is transposed, and its rows for each k are far from each other
	ofMany bool // a product whose B is kept is for several cores

	// What strategies may ask for besides.
	leastPanels int  // of a region, if rows are shared out
	halves      bool // the first half of the tasks computes the left half of C's columns, the second half the right
	chains      bool // each region of a C of 4·smallC elements or less is computed chain by chain
}

func (t *tiling) cut(g *Gemm) {
	*t = uncut(g)
	if g.M == 0 || g.N == 0 {
		return
	}
	t.chooseSide(g)
	x := t.shapeOf(g)
	t.keepB = x.keeps(g)
	t.packB = t.halfB || t.b.trans && !t.inRegisters
	t.stationaryB = t.packB
	t.regionCols = t.n
	for i := range strategies {
		if s := &strategies[i]; s.fits(x) {
			s.apply(x)
			break
		}
	}
	if x.halves && t.n >= 128 && !t.a.trans {
		// Half of the workers claim tasks from the front, the others from the back (internal/par). If C's
		// columns are halved, a core reads the same half of B, which is a weight, in each step. A gradient
		// (A transposed) isn't halved so, but by rows, as the optimizer's step divides the weight.
		t.regionCols = (t.n/2 + 31) / 32 * 32
		x.leastPanels *= 2
	}
	t.farA = t.stationaryB && x.bigA && !t.packA && !t.a.trans
	if !t.packA && t.a.ld%1024 == 0 && !t.a.trans {
		// The rows of a tile meet in one set of the first-level cache, which has 12 ways on
		// Intel's cores and 8 on AMD's: two are left to B and C.
		x.tallest = min(x.tallest, 10)
	}
	t.cutRows(x.tallest)
	t.regionPanels = t.count
	if x.leastPanels > 0 {
		if even := t.count + t.count%2; even <= t.m { // two cores get as much each
			t.cutRows((t.m + even - 1) / even)
		}
		t.regionPanels = max(t.count*taskWork/x.work, x.leastPanels)
	}
	// A C of more than a quarter of the third-level cache would not be there any more when it is read next.
	t.nonTemporal = !t.transposeC && g.Epilogue == nil && 4*t.m*t.n >= x.l3 && g.K >= nonTemporalWork && aligned(g.C) && g.LDC%isa.LineFloats == 0
	if steps := (x.depth + t.stepK - 1) / t.stepK; steps > 0 {
		t.stepK = (x.depth + steps - 1) / steps
	}
	t.cutRegions()
	// More tasks of far operands would read them again and again.
	far := !x.inL2 && g.K >= farChains*chain
	t.splitK = !t.shared && (t.tasks <= fewTasks || far) && g.K > chain && t.m*t.n <= smallC && x.work >= splitWork
	if x.chains {
		t.splitK = x.splits() && x.work >= splitWork
	} else if t.splitK {
		t.regionPanels, t.regionCols = t.count, t.n
		if far { // a step of both fills half of the second-level cache
			t.stepK = min(t.stepK, max(x.l2/2/(t.m+t.n), 64))
		}
		t.cutRegions()
	}
}

// chooseSide chooses whether C or its transpose is computed, and how wide tiles are.
func (t *tiling) chooseSide(g *Gemm) {
	lanes := t.kernels.lanes
	_, _, l3 := cacheElements()
	narrow := g.N <= lanes && g.M > g.N
	if !g.TransA { // A is then transposed on the way, which pays if it is in the caches, or in registers
		narrow = g.N <= 4 && g.M >= lanes && g.K >= lanes && (t.readsTransposed(g.K, g.N, g.M) || g.M*g.K <= l3/2)
	}
	if narrow && g.K <= chain && !t.halfB {
		t.transposeC = true
		t.a, t.b = matrix{g.B, g.LDB, !g.TransB}, matrix{g.A, g.LDA, !g.TransA}
		a, b := t.a, t.b
		t.sourceA, t.sourceB = &a, &b
		t.m, t.n = g.N, g.M
	}

	t.vectors = t.kernels.width(t.m, t.n, t.b.trans)
	t.panel = t.vectors * lanes
	t.inRegisters = t.b.trans && !t.halfB && t.readsTransposed(g.K, t.m, t.n)
}

// width returns how many vectors wide the tiles of m rows and n columns are: the widest that is high enough for all rows,
// or the highest.
func (k *gemmKernels) width(m, n int, transB bool) int {
	vectors := 1
	for _, v := range []int{2, 3, 4, 6, 8, 12, 16} {
		height := k.tiles.tallest(v)
		few := height >= m && (v <= 4 || !transB)
		if height > 0 && k.fits(v, n) && (v == 2 || few) {
			vectors = v
		}
	}
	return vectors
}

// readsTransposed reports whether a transposed B of m rows of A is best read where it is, and
// transposed in registers: on 8 lanes, whose chains are short, only if it has to come from afar.
func (t *tiling) readsTransposed(k, m, n int) bool {
	_, l2, _ := cacheElements()
	return m <= t.kernels.transposedB.tallest(1) && (t.kernels.lanes == 16 || min(k, chain)*n > l2*13/16)
}

// keeps reports whether g's B is packed before, if g has where: where all rows are in one panel, B is read once in any case.
func (x *gemmShape) keeps(g *Gemm) bool {
	switch {
	case g.Keeps == nil || x.halfB || x.transposeC || x.m <= x.tallest || g.K == 0 || g.K > chain:
		return false
	case x.ofMany && (x.work < serialWork || x.m > keptRows):
		return false
	}
	return g.Keeps.takes(g)
}

func (t *tiling) shapeOf(g *Gemm) *gemmShape {
	x := &gemmShape{
		tiling: t, k: g.K, depth: min(g.K, chain), work: t.m * t.n * max(g.K, StoreWork),
		tallest: t.kernels.tiles.tallest(t.vectors), epilogue: g.Epilogue != nil, ofMany: !g.Alone,
	}
	x.l1, x.l2, x.l3 = cacheElements()
	// B may take 13/16 of the second-level cache [208 Ki elements]; the rest is left to A and C. A B of up to
	// twice that isn't packed either for few rows of A, at most 8 for each lane of a vector: packing costs more
	// than it saves then. The exception is a k of more than 8·n.
	most := x.l2 * 13 / 16
	x.inL2 = !t.halfB && (x.depth*t.n <= most || t.m <= 8*t.kernels.lanes && x.k*t.n <= 2*most && x.k <= 8*t.n)
	x.bigA = t.m*x.depth > x.l3/4
	// Tiles read one row of a transposed A for each k, a line or two of the cache from each. An A of half
	// the second-level cache [2¹⁷ elements] stays there. Tiles of 8 lanes are less high: they read as many
	// lines for fewer multiply-adds, so the limit is an eighth of the cache.
	far := x.l2 / 2
	if t.kernels.lanes == 8 {
		far = x.l2 / 8
	}
	x.steepA = t.a.trans && t.m*x.k > far
	return x
}

// l1Step scales so many k, of which the packed panels stay in a first-level cache of 48 KiB.
func (x *gemmShape) l1Step(k int) int { return max(k*x.l1/(12<<10), 64) }

// rowsStep is the number of k of a step in which a panel of B stays in the cache and the rows of A are read once.
func (x *gemmShape) rowsStep() int {
	switch {
	case x.steepA:
		return 64 // so many rows of A stay in the first-level cache until all tiles have read them
	case x.a.trans:
		return x.l1Step(448)
	case x.bigA:
		return chain // A is read once, in the longest runs
	}
	return 1024
}

// againStep is how many k tiles go along at most where a region has several panels of B, for each of which A is
// read. On 8 lanes and with a second-level cache of less than 1 MiB it is so many that this part of A takes half of
// the cache, so that A is fetched once for all panels. Where A comes from a larger cache, or rows meet in one set, shorter steps cost as much as they save.
func (x *gemmShape) againStep() int {
	if x.kernels.lanes > 8 || x.l2 >= 1<<20/4 || x.regionCols <= x.panel || x.a.ld%1024 == 0 {
		return chain
	}
	return max(x.l2/2/x.m, 128)
}

// halfPage is so many columns that half a page of memory has of each row, in whole panels: what is
// fetched of B then uses each entry of the TLB twice.
func (x *gemmShape) halfPage() int { return 512 / x.panel * x.panel }

// A strategy is a way through a product.
type strategy struct {
	name  string
	fits  func(x *gemmShape) bool
	apply func(x *gemmShape)
}

// strategies lists them in the order in which they are asked. Numbers without a reason beside them were
// found by measuring products of many shapes on one and two cores.
var strategies = [...]strategy{
	{
		// B was packed before, for many runs: a panel of it stays in half of the first-level cache while all rows of A pass by. All
		// is for the core that has this B in its cache, a task for the columns of which C stays in half of the first-level cache until
		// the epilogue reads it; or there are about eight tasks: of so many rows that their A stays in half of the second-level cache.
		name: "B kept",
		fits: func(x *gemmShape) bool { return x.keepB },
		apply: func(x *gemmShape) {
			x.packB, x.inRegisters, x.stationaryB = true, false, true
			x.stepK = max(x.l1/2/x.panel, 64)
			switch {
			case !x.ofMany && x.epilogue:
				x.regionCols = max(x.l1/2/x.m/x.panel, 1) * x.panel
			case x.ofMany:
				parts := (x.m*x.k + x.l2/2 - 1) / (x.l2 / 2)
				x.regionCols = min(max(x.n*parts/8/x.panel, 1)*x.panel, x.n)
				if parts > 1 {
					x.leastPanels = (x.m + x.tallest*parts - 1) / (x.tallest * parts)
				}
			}
		},
	},
	{
		// Few rows of A and a transposed B: each element of B is read once, along its rows. Tasks are
		// whole vectors of columns; 8 to 32 of them, so that two cores end at the same time.
		name: "B transposed in registers",
		fits: func(x *gemmShape) bool { return x.inRegisters },
		apply: func(x *gemmShape) {
			x.stepK = chain
			if x.work >= serialWork {
				lanes := x.kernels.lanes
				x.regionCols = max(x.n/min(max(x.work/taskWork, 8), 32)/lanes, 1) * lanes
			}
		},
	},
	{
		// Few rows of A and a B of 16 bits: each element of B is used for one panel of rows, so it is widened and not
		// packed too, as many rows as stay in half of the first-level cache.
		name: "one panel, B of 16 bits",
		fits: func(x *gemmShape) bool { return x.halfB && x.m <= x.tallest && !x.b.trans },
		apply: func(x *gemmShape) {
			x.packB, x.stationaryB = false, false
			x.regionCols = min(max(x.n/2/x.panel, 1)*x.panel, 4*x.halfPage()) // long runs of memory, which is what it waits for
			x.stepK = max(x.l1/2/min(x.n, x.regionCols), 4)
			if x.work < serialWork {
				x.regionCols = x.n
				x.stepK = max(x.l1/2/x.n, 4)
			}
		},
	},
	{
		// All is one task, in the order that takes fewer calls.
		name: "small",
		fits: func(x *gemmShape) bool { return x.work < serialWork },
		apply: func(x *gemmShape) {
			x.stepK = chain
			x.stationaryB = x.packB || 2*(x.n/x.panel) < x.m/x.tallest
		},
	},
	{
		// The gradient of a weight that is small beside the k it sums. Rows of both factors are short and follow each other, so a
		// step of them is near wherever it comes from: to pack A costs more than it saves, and so does B, which tiles of 16 lanes
		// read as fast from the second-level cache. A step of a panel of B fills half of the first-level cache [192 k of 32
		// columns], one of A a quarter of the second-level cache at most.
		name: "few columns, long k",
		fits: func(x *gemmShape) bool {
			return x.a.trans && !x.b.trans && !x.halfB && x.kernels.lanes == 16 && (x.steepA || !x.inL2) &&
				x.m > x.tallest && x.m <= fewColumns && x.n <= fewColumns && 2*x.m*x.n <= fewColumns*fewColumns && x.b.ld <= fewColumns
		},
		apply: func(x *gemmShape) {
			x.stationaryB = true
			x.stepK = min(x.l1Step(192), max(x.l2/4/x.m, 64))
			x.chains = true
			tasks := 4
			if x.splits() {
				switch { // each has all chains to do
				case x.m*x.n > smallC:
					tasks = min(tasks, ceilDiv(8, ceilDiv(x.k, chain)))
				case x.uneven():
					tasks = 2
				default:
					tasks = 1
				}
			}
			// A region has 9 panels of rows, and up to 128 columns: for fewer, the other factor is read too often.
			panels := ceilDiv(x.m, x.tallest)
			down := max(min(ceilDiv(tasks, ceilDiv(x.n, 128)), panels/9), 1)
			across := max(ceilDiv(x.n, 128), ceilDiv(tasks, down))
			x.regionCols = ceilDiv(x.n, across*x.panel) * x.panel
			if across = ceilDiv(x.n, x.regionCols); tasks > 1 && across*down%2 == 1 {
				down *= 2
			}
			if down > 1 {
				x.leastPanels = ceilDiv(panels+panels%2, down)
			}
		},
	},
	{
		// One panel of rows: B is read once, tile by tile, from the second-level cache.
		name: "one panel, B near",
		fits: func(x *gemmShape) bool { return x.onePanel() && x.inL2 },
		apply: func(x *gemmShape) {
			x.stepK = chain
			x.regionCols = max(x.n/4/x.panel, 1) * x.panel
		},
	},
	{
		// A few panels of rows and a C [of 128 Ki elements] that fills half of the second-level cache at most: B is read where it is, 64 KiB
		// at a time, in long runs that are in that cache for all rows, beside those that are fetched for the next step. Rows of B that are a
		// multiple of 16 KiB apart meet in few sets of the caches, which tiles of 8 lanes wait for.
		name: "few rows, B far",
		fits: func(x *gemmShape) bool {
			return !x.b.trans && !x.halfB && (x.kernels.lanes == 16 || x.kernels.lanes == 8 && x.b.ld < 4096) && !x.inL2 &&
				x.m >= 7 && x.m <= 64 && 2*x.m*x.n <= x.l2 && (x.m > x.tallest || x.n > fewColumns)
		},
		apply: func(x *gemmShape) {
			x.regionCols = min(ceilDiv(x.n, 4*x.panel)*x.panel, 64*x.kernels.lanes)
			x.stepK = min(max(x.l2/16/x.regionCols, 32), 4*x.kernels.lanes)
		},
	},
	{
		// Few rows of a wide B: it is read 10 rows of 4 KiB at a time, runs that the hardware prefetcher
		// recognises, while 3 rows of C [12 KiB] stay in the first-level cache.
		name: "one panel of few rows, B far",
		fits: func(x *gemmShape) bool { return x.onePanel() && x.m <= 3 && x.n >= 2048 },
		apply: func(x *gemmShape) {
			x.stepK = 10
			x.regionCols = 1024
		},
	},
	{
		// As above, for more rows of C: runs of 2 KiB of B, and of so many k that what is fetched ahead
		// stays in the second-level cache [256 KiB].
		name: "one panel, B far",
		fits: func(x *gemmShape) bool { return x.onePanel() },
		apply: func(x *gemmShape) {
			x.stepK = 128
			x.regionCols = x.halfPage()
		},
	},
	{
		// Many rows of A and a B that is packed in a quarter of the second-level cache [64 Ki elements]: rows of A
		// are used too few times to pay for packing them, as those of an image are by a 1×1 convolution. They are read where they are, by each
		// panel of B; those of a task fill three eighths of that cache.
		name: "many rows, small B",
		fits: func(x *gemmShape) bool {
			return !x.a.trans && !x.halfB && x.m >= 4096 && x.n >= 64 && x.n <= 256 && x.k >= 32 && 4*x.k*x.n <= x.l2 && (x.n >= 128 || x.k <= 256)
		},
		apply: func(x *gemmShape) {
			x.packB, x.stationaryB, x.farC = true, true, true
			x.stepK = chain
			panels := ceilDiv(x.m, x.tallest)
			tasks := max(ceilDiv(panels, max(x.l2*3/8/x.k/x.tallest, 1)), 8)
			x.leastPanels = ceilDiv(panels+panels%2, tasks+tasks%2) // so that two cores get as much each
		},
	},
	{
		// Large in every direction, or an A whose rows are better gathered once: see gemm_shared.go.
		// Below these sizes packing costs more than it saves: a row of A is packed for n columns, of B
		// for m rows.
		name: "shared packing",
		fits: func(x *gemmShape) bool {
			least := 449 // rows of a transposed A that pay for packing it
			if x.kernels.lanes == 8 {
				least = 256
			}
			return x.k >= 64 && x.n >= 128 && (x.m >= 4096 || x.m >= 1024 && x.n > 448 || x.m > 448 && !x.inL2 || x.m >= least && x.steepA)
		},
		apply: func(x *gemmShape) {
			lanes := x.kernels.lanes
			x.shared, x.farC = true, true
			x.packA, x.packB, x.stationaryB = true, true, true
			x.stepK = x.passStep()
			x.ldA = x.stepK + lanes
			if x.a.trans {
				x.ldA = (x.tallest + lanes - 1) / lanes * lanes
			}
		},
	},
	{
		// A comes from memory, so it is read once: for all columns of a task, of which there are so few
		// that a packed step of B stays in the second-level cache [256 KiB].
		name: "A far",
		fits: func(x *gemmShape) bool { return !x.inL2 && x.bigA || x.b.trans && x.m > 512 },
		apply: func(x *gemmShape) {
			x.packB, x.stationaryB = true, true
			x.regionCols = min(x.halfPage()/2, x.n)
			x.stepK = min(x.rowsStep(), 256)
			x.leastPanels = max(min(x.m/x.tallest/8, x.l2/2/x.stepK/x.tallest), 7) // whose A stays in that cache for all columns
		},
	},
	{
		// B comes from the third-level cache: it is packed, as many columns at a time as make 64 Ki elements
		// [a quarter of the second-level cache], fewer the more rows it is used for.
		name: "B far",
		fits: func(x *gemmShape) bool { return !x.inL2 && !x.b.trans },
		apply: func(x *gemmShape) {
			x.packB, x.stationaryB = true, true
			cols := x.halfPage()
			switch { // the more rows, the less it matters how B is read
			case x.m > 256:
				cols /= 8
			case x.m > 64:
				cols /= 2
			}
			x.regionCols = min(cols, (x.n/8+x.panel-1)/x.panel*x.panel)
			x.stepK = min(x.l2/4/x.regionCols, 1024, x.againStep())
			if x.a.trans && x.kernels.lanes == 16 {
				x.stepK = min(x.stepK, x.l1Step(256))
			}
		},
	},
	{
		// A transposed B comes from the third-level cache: its rows are read in runs of 4 KiB, a page.
		name: "transposed B far",
		fits: func(x *gemmShape) bool { return !x.inL2 },
		apply: func(x *gemmShape) {
			x.regionCols = 64 / x.panel * x.panel
			x.stepK = min(1024, x.againStep())
		},
	},
	{
		// A transposed B is packed panel by panel. For up to 4 rows a panel isn't used again, so it stays
		// in the first-level cache [16 KiB of two vectors].
		name: "transposed B near",
		fits: func(x *gemmShape) bool { return x.b.trans },
		apply: func(x *gemmShape) {
			x.regionCols = x.panel
			x.stepK = 512
			if x.m <= 4 {
				x.stepK = 128
			}
		},
	},
	{
		// All fits in the caches, and there is no epilogue, which needs whole rows of C: a task is a panel of columns.
		name: "columns",
		fits: func(x *gemmShape) bool {
			return !x.epilogue && x.m >= 4*x.tallest && x.m*x.n <= x.l2*13/4 && x.k >= 64
		},
		apply: func(x *gemmShape) {
			x.stationaryB = true
			x.regionCols = x.panel
			x.stepK = x.rowsStep()
			if columns := (x.n + x.panel - 1) / x.panel; columns < 8 {
				x.leastPanels = max(x.m/x.tallest*columns/8, 1)
			}
		},
	},
	{
		// Many rows: a task multiplies at least 10 panels of A by a panel of B.
		name: "many rows",
		fits: func(x *gemmShape) bool { return x.m >= 40*x.tallest && x.k >= 64 },
		apply: func(x *gemmShape) {
			x.stationaryB, x.halves = true, true
			x.stepK = x.rowsStep()
			x.leastPanels = 10
		},
	},
	{
		// A panel of A [14 rows of 448, 24 KiB] stays in the first-level cache while it is multiplied by all of B.
		name: "rows",
		fits: func(x *gemmShape) bool { return x.m > 3*x.tallest },
		apply: func(x *gemmShape) {
			x.halves = true
			x.stepK = x.l1Step(448)
			x.leastPanels = 1
		},
	},
	{
		// Too few rows to be shared out: the columns are.
		name: "few rows",
		fits: func(*gemmShape) bool { return true },
		apply: func(x *gemmShape) {
			x.stepK = x.l1Step(448)
			x.regionCols = max(x.n/4/x.panel, 1) * x.panel
		},
	},
}

// onePanel reports whether all rows are in one panel and B is read where it is. If B comes from memory
// [more than 5 Mi elements], it is read row by row and not tile by tile, for fewer than 7 rows.
func (x *gemmShape) onePanel() bool {
	return x.m <= x.tallest && !x.b.trans && !x.halfB && (x.m < 7 || x.depth*x.n <= x.l3*5/8)
}

// splits reports whether there are several chains, of a C that isn't too large to be computed chain by chain where regions of it are tasks.
func (x *gemmShape) splits() bool { return x.k > chain && x.m*x.n <= 4*smallC }

// uneven reports whether of two cores that share out the chains one has more than a seventh too much to do.
func (x *gemmShape) uneven() bool {
	full := x.k / chain
	most := (full + 1) / 2 * chain
	if full%2 == 0 {
		most += x.k % chain
	}
	return 2*7*most > 8*x.k
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
func (t *tiling) region(index int) region {
	p, c := index%t.gridRows*t.regionPanels, index/t.gridRows*t.regionCols
	return region{p, min(p+t.regionPanels, t.count), c, min(c+t.regionCols, t.n)}
}

func aligned(s []float32) bool { return uintptr(unsafe.Pointer(&s[0]))%(4*isa.LineFloats) == 0 }
