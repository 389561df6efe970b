package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes convolutions and the gradients of their images as products of patches and the kernel, on the
// tiles of matrix products. Patches are read as they lie in the image, or packed as they are needed, a block of rows and a step of k at a time; the
// kernel is packed once for all, step by step in the only task that reads it, or read where it is if there are few pixels. Pixels at the
// border see less taps than others: those that see the same are rows of one product, so that nothing outside the image is multiplied.

// An implicit is a product of patches, of several lattices, and a packed kernel.
type implicit struct {
	tileSize
	stepK    int // of k between visits to a tile
	n, depth int // columns of the kernel, of a group, and rows
	groups   int
	c        []float32 // the result, ldc elements from pixel to pixel
	ldc      int
	epilogue cpu.Epilogue
	pool     *ConvPool // that results are handed to instead, or nil

	packKernel func(s *gemmScratch, to panels, group, c0, c1, k0, k1 int) // rows k0 … k1-1 of columns c0 … c1-1
	asItIs     matrix                                                     // the kernel, groups side by side, if tiles can read it so
	inPlace    bool                                                       // and do
	reading    reading                                                    // how patches come to tiles
	once       bool                                                       // a column of the kernel is read in one task alone, which packs it step by step
	far        bool                                                       // the packed kernel comes from beyond the second-level cache
	spans      [3][]span                                                  // the classes are those of their combinations
	classes    []class
	tasks      []implicitTask
	batchRows  int       // that are multiplied by a step of the kernel before the next
	packed     []float32 // the kernel, while it runs
}

// A class is the pixels that see the same taps: for each group their patches, and the steps in which
// their columns are multiplied.
type class struct {
	patches []*patches
	steps   []step  // step i has the columns of k from i·stepK to (i+1)·stepK
	lies    bool    // patches are read as they lie
	list    []int32 // of a listed one: where patches and the kernel are for each k
}

// A step is columns of patches that are packed at once. They belong to one chain.
type step struct {
	c0, c1 int
	runs   []run
	begins bool    // the chain begins here
	ends   bool    // or ends
	later  bool    // it isn't the first of its elements
	list   []int32 // of a class that is read in segments: where they are
}

// A run is columns, counted in their step, that are multiplied by neighbouring rows of the kernel.
type run struct{ first, n, k int }

// An implicitTask is blocks of rows by columns of a group.
type implicitTask struct {
	blocks        []rowBlock
	group, c0, c1 int
}

// A rowBlock is rows of a class.
type rowBlock struct {
	class  *class
	r0, r1 int
}

const (
	// An implicit product has at least so many tasks, if they are worth it: then it matters little that
	// one core does one more than another.
	implicitTasks = 24

	// Rows are packed once for each task, for at least so many columns: to pack an element costs as much as 8
	// multiply-adds.
	implicitCols = 128

	// A kernel for so many pixels is read where it is. To pack an element costs as much as 8 multiply-adds.
	fewRows = 256
)

// A tileSize is what tiles a convolution's product is made of.
type tileSize struct {
	kernels *gemmKernels
	vectors int // in the width of a tile
	panel   int // columns of a packed panel
	tallest int // rows of a tile
}

// tilesFor returns those of a product of so many columns.
func tilesFor(n int) tileSize {
	k := gemmTiers[isa.Active()]
	t := tileSize{kernels: k, vectors: 1}
	if k.fits(2, n) {
		t.vectors = 2
	}
	t.panel, t.tallest = t.vectors*k.lanes, k.tiles.tallest(t.vectors)
	return t
}

// prepare cuts the product into tasks. Its fields up to classes are to be set.
func (x *implicit) prepare() {
	x.tileSize = tilesFor(x.n)
	l1, l2, _ := cacheElements()
	rows, work := 0, 0
	for i := range x.classes {
		c := &x.classes[i]
		rows += c.patches[0].lattice.rows
		work += c.work(c.patches[0].lattice.rows)
	}
	tasks := (min(implicitTasks, work*x.n*x.groups/taskWork+1) + x.groups - 1) / x.groups
	panels := (x.n + x.panel - 1) / x.panel
	least := max(2*x.tallest, 32)
	if x.depth*x.n > l2/2 {
		// The kernel comes from beyond that cache, so a step of it is multiplied by many rows.
		least, x.batchRows = blockRows, 4*blockRows
	}
	down := max(min(tasks, rows/least), 1)
	across := min((tasks+down-1)/down, max(x.n/implicitCols, 1))
	if few := 8 / down; across < few {
		across = min(few, tasks, panels)
	}
	unit := x.tallest
	if x.pool != nil { // whole rows of what is pooled, and all filters
		unit, across, x.batchRows = x.pool.row(), 1, 0
	}
	// Rows of a large kernel that are far from each other meet in few sets of the cache.
	x.inPlace = x.asItIs.data != nil && rows <= fewRows && (x.asItIs.ld <= inPlaceFilters || x.depth*x.n <= l2/2)
	x.reading = x.chooseReading()
	x.once = down == 1 && !x.inPlace && x.reading != listedPatches && x.pool == nil
	most := l1 * 2 / 3 / x.panel
	if x.kernels.lanes == 8 { // a line of the panel is for so many multiply-adds that the second-level cache is fast enough
		most = 2 * l1 / x.panel
	}
	if x.reading == segmentedPatches { // chains go on in registers
		most = chain
	}
	if x.once { // what the task packs of the kernel fills a quarter of that cache, and all rows are multiplied by it
		most, x.batchRows = min(most, l2/4/(ceilDiv(panels, across)*x.panel)), rows
	}
	x.far = x.reading == segmentedPatches && !x.inPlace && !x.once && x.depth*x.n > l2/2
	x.stepK = stepOf(most, x.depth)
	for i := range x.classes {
		c := &x.classes[i]
		c.steps = c.patches[0].steps(x.stepK, x.depth)
	}
	x.listPatches()
	// A block's rows fill seven sixteenths of the second-level cache at most.
	most = max(min(l2*7/16/x.stepK, 2*blockRows)/x.tallest, 1) * x.tallest
	if x.reading != packedPatches {
		most = 2 * blockRows
	}
	if x.pool != nil {
		most = max(most/unit, 1) * unit
	}
	for _, blocks := range x.blocks(down, work, most, unit) {
		for group := range x.groups {
			for part := range across {
				t := implicitTask{blocks: blocks, group: group, c0: part * panels / across * x.panel, c1: min((part+1)*panels/across*x.panel, x.n)}
				x.tasks = append(x.tasks, t)
			}
		}
	}
}

// stepOf returns how many k a step goes along, so that steps are of one length and none passes the end of a
// chain: at most as many as a first-level cache has room for.
func stepOf(most, depth int) int {
	for size := 64; ; size *= 2 {
		if 2*size > most || size == chain {
			if depth > chain {
				return size
			}
			steps := (depth + size - 1) / size
			return (depth + steps - 1) / steps
		}
	}
}

// work is the multiply-adds of so many rows, for each column.
func (c *class) work(rows int) int { return rows * max(c.patches[0].cols, StoreWork) }

// blocks cuts the rows of all classes into so many lists of about as much work, of blocks of at most so many rows, and of
// a multiple of unit where there are as many.
func (x *implicit) blocks(count, work, most, unit int) [][]rowBlock {
	lists := make([][]rowBlock, 1, count)
	done := 0
	for i := range x.classes {
		c := &x.classes[i]
		rows := c.patches[0].lattice.rows
		unit, most := unit, most
		if run := c.patches[0].lattice.last().count; c.lies && x.pool == nil && run <= most { // tiles end where a row of the image does
			unit, most = run, most/run*run
		}
		for r := 0; r < rows; {
			end := work * len(lists) / count // of the present list
			n := max((end-done)/c.work(1), 1)
			n = min(ceilDiv(n, unit)*unit, most, rows-r)
			last := &lists[len(lists)-1]
			*last = append(*last, rowBlock{c, r, r + n})
			r += n
			if done += c.work(n); done >= end && len(lists) < count {
				lists = append(lists, nil)
			}
		}
	}
	if len(lists[len(lists)-1]) == 0 {
		lists = lists[:len(lists)-1]
	}
	return lists
}

// steps cuts the columns into steps of so many k, of depth in all.
func (p *patches) steps(size, depth int) []step {
	steps := make([]step, (depth+size-1)/size)
	last := -1 // the last step that has columns
	for _, g := range p.segments {
		for done := 0; done < g.n; {
			k := g.k + done
			n := min(g.n-done, size-k%size)
			u := &steps[k/size]
			if len(u.runs) == 0 {
				u.c0, u.c1 = g.first+done, g.first+done
				u.begins = last < 0 || last*size/chain != k/chain
				u.later = last >= 0 && (u.begins || steps[last].later)
				if last >= 0 {
					steps[last].ends = u.begins
				}
				last = k / size
			}
			if i := len(u.runs) - 1; i >= 0 && u.runs[i].k+u.runs[i].n == k {
				u.runs[i].n += n
			} else {
				u.runs = append(u.runs, run{u.c1 - u.c0, n, k})
			}
			u.c1 += n
			done += n
		}
	}
	if last >= 0 {
		steps[last].ends = true
	}
	return steps
}

// Tasks returns 0: the tasks come in steps.
func (x *implicit) Tasks() int { return 0 }

// Do is not called, since there are no tasks.
func (x *implicit) Do(_, _ int) {}

// Run packs the kernel and computes the product.
func (x *implicit) Run(p *par.Pool) {
	if x.inPlace || x.once {
		p.Run((*implicitProduct)(x), len(x.tasks))
		return
	}
	space := gemmSpaces.Get()
	x.packed = grow(&space.b, x.groups*x.groupSize())
	p.Run((*implicitKernel)(x), x.groups*x.packs())
	p.Run((*implicitProduct)(x), len(x.tasks))
	x.packed = nil
	gemmSpaces.Put(space)
}

// groupSize is the room of the packed kernel of a group.
func (x *implicit) groupSize() int {
	return (x.n + x.panel - 1) / x.panel * panelSize(x.panel, x.depth)
}

// packs is how many tasks pack the kernel of a group: one for each panel or, where columns lie side by side, for some rows, so that memory is
// read in long runs.
func (x *implicit) packs() int {
	if x.asItIs.data != nil {
		return min(ceilDiv(x.depth, 64), implicitTasks)
	}
	return (x.n + x.panel - 1) / x.panel
}

// implicitKernel is the job of packing the kernel.
type implicitKernel implicit

// Do packs a panel, or rows.
func (j *implicitKernel) Do(worker, index int) {
	x := (*implicit)(j)
	packs := x.packs()
	group, i := index/packs, index%packs
	c0, c1, k0, k1 := i*x.panel, min((i+1)*x.panel, x.n), 0, x.depth
	if x.asItIs.data != nil {
		c0, c1, k0, k1 = 0, x.n, i*x.depth/packs, (i+1)*x.depth/packs
	}
	s := acquireScratch(worker, x.kernels)
	to := x.kernelPanels(group, c0)
	to.data = to.data[k0*to.ld:]
	x.packKernel(s, to, group, c0, c1, k0, k1)
	releaseScratch(worker, s)
}

// kernelPanels is where the kernel of a group is packed, from column c0 on.
func (x *implicit) kernelPanels(group, c0 int) panels {
	step := panelSize(x.panel, x.depth)
	return panels{data: x.packed[group*x.groupSize()+c0/x.panel*step:], ld: x.panel, width: x.panel, step: step}
}

// kernel is the kernel of a task from row k and column col on, of which a panel can be read as far as it is in a step.
func (x *implicit) kernel(s *gemmScratch, t *implicitTask, k, col int) matrix {
	switch {
	case x.once:
		return x.stepPanels(s, t).panel(col/x.panel).from(k%x.stepK, 0)
	case x.inPlace:
		return x.asItIs.from(k, t.group*x.n+t.c0+col)
	}
	return x.kernelPanels(t.group, t.c0+col).panel(0).from(k, 0)
}

// stepPanels is where a task packs a step of its columns of the kernel.
func (x *implicit) stepPanels(s *gemmScratch, t *implicitTask) panels {
	step := panelSize(x.panel, x.stepK)
	return panels{data: grow(&s.wide, ceilDiv(t.c1-t.c0, x.panel)*step), ld: x.panel, width: x.panel, step: step}
}

// implicitProduct is the job of multiplying.
type implicitProduct implicit

// Do computes a task, batch by batch of its blocks.
func (j *implicitProduct) Do(worker, index int) {
	x := (*implicit)(j)
	t := &x.tasks[index]
	s := acquireScratch(worker, x.kernels)
	for blocks := t.blocks; len(blocks) > 0; {
		if b := &blocks[0]; b.class.list != nil {
			x.asTheyLie(worker, s, t, b)
			blocks = blocks[1:]
			continue
		}
		n, rows := 0, 0
		for n == 0 || n < len(blocks) && rows+blocks[n].r1-blocks[n].r0 <= x.batchRows && blocks[n].class.list == nil {
			rows += blocks[n].r1 - blocks[n].r0
			n++
		}
		x.batch(worker, s, t, blocks[:n], rows)
		blocks = blocks[n:]
	}
	releaseScratch(worker, s)
}

// batch computes the columns of a task for blocks of so many rows in all.
func (x *implicit) batch(worker int, s *gemmScratch, t *implicitTask, blocks []rowBlock, rows int) {
	s.pass = 0 // what was packed of A for a pass is overwritten
	cols := t.c1 - t.c0
	for number := range x.classes[0].steps {
		if x.once {
			x.packKernel(s, x.stepPanels(s, t), t.group, t.c0, t.c1, number*x.stepK, min((number+1)*x.stepK, x.depth))
		}
		row := 0
		for i := range blocks {
			b := &blocks[i]
			u := &b.class.steps[number]
			if len(u.runs) > 0 {
				c := x.result(worker, s, t, b, row, rows)
				if !u.later {
					x.multiply(s, t, b, number, c)
				} else {
					sum := matrix{data: grow(&s.b, rows*cols)[row*cols:], ld: cols}
					if x.multiply(s, t, b, number, sum); u.ends {
						x.add(t, b, c, sum)
					}
				}
			}
			row += b.r1 - b.r0
		}
	}
	row := 0
	for i := range blocks {
		b := &blocks[i]
		x.finish(worker, s, t, b, x.result(worker, s, t, b, row, rows))
		row += b.r1 - b.r0
	}
}

// result is where a block, which begins at a row of a batch of so many, is computed: in the result, if its
// pixels follow each other there. Of one that is stored run by run as it is computed it has no data.
func (x *implicit) result(worker int, s *gemmScratch, t *implicitTask, b *rowBlock, row, rows int) matrix {
	if x.pool != nil {
		return matrix{data: x.pool.block(worker).y, ld: x.n}
	}
	if l := &b.class.patches[t.group].lattice; l.dense {
		return matrix{data: x.c[(l.to+b.r0)*x.ldc+t.group*x.n+t.c0:], ld: x.ldc}
	}
	if b.class.lies {
		return matrix{}
	}
	cols := t.c1 - t.c0
	return matrix{data: grow(&s.c, rows*cols)[row*cols:], ld: cols}
}

// finish copies a block that was computed elsewhere to its pixels, and runs the epilogue on it.
func (x *implicit) finish(worker int, s *gemmScratch, t *implicitTask, b *rowBlock, c matrix) {
	if x.pool != nil {
		x.pool.finish(worker, b.r0, b.r1)
		return
	}
	p := b.class.patches[t.group]
	l, cols := &p.lattice, t.c1-t.c0
	if p.cols == 0 {
		for i := range b.r1 - b.r0 {
			clear(c.from(i, 0).data[:cols])
		}
	}
	last := l.last()
	for r := b.r0; r < b.r1; {
		_, to, run := l.at(r)
		if run = min(run, b.r1-r); l.dense {
			run = b.r1 - r
		} else if !b.class.lies {
			at := matrix{data: x.c[to*x.ldc+t.group*x.n+t.c0:], ld: last.to * x.ldc}
			s.copyWide(at, c.from(r-b.r0, 0), run, cols)
		}
		if x.epilogue != nil {
			n := run // pixels that follow each other
			if !l.dense && last.to != 1 {
				n = 1
			}
			for i := 0; i < run; i += n {
				x.epilogue.Region(worker, to+i*last.to, to+i*last.to+n, t.group*x.n+t.c0, t.group*x.n+t.c1)
			}
		}
		r += run
	}
}

// multiply computes a step of a block.
func (x *implicit) multiply(s *gemmScratch, t *implicitTask, b *rowBlock, number int, c matrix) {
	if b.class.lies {
		x.segmented(s, t, b, number, c)
		return
	}
	rows, cols := b.r1-b.r0, t.c1-t.c0
	u := &b.class.steps[number]
	p, k := b.class.patches[t.group], u.c1-u.c0
	var a matrix
	if p.contiguous() {
		ld := oddLines(rows)
		a = matrix{data: grow(&s.a, k*ld), ld: ld, trans: true}
		p.packColumns(a, b.r0, b.r1, u.c0, u.c1)
	} else {
		ld := oddLines(k)
		a = matrix{data: grow(&s.a, rows*ld), ld: ld}
		p.pack(s, panels{data: a.data, ld: ld, width: ld}, b.r0, b.r1, u.c0, u.c1)
	}
	tiles := x.kernels.tiles.by(a.trans)
	for col := 0; col < cols; col += x.panel {
		for i, r := range u.runs {
			s.tile.k, s.tile.resume = r.n, 1
			if u.begins && i == 0 {
				s.tile.resume = 0
			}
			x.down(s, tiles, a.from(0, r.first), x.kernel(s, t, r.k, col), c.from(0, col), rows, min(x.panel, cols-col))
		}
	}
}

// oddLines is more than n, and an odd number of lines of the cache, so that rows don't meet in few sets of it.
func oddLines(n int) int {
	lines := n/isa.LineFloats + 2
	return (lines + 1 - lines%2) * isa.LineFloats
}

// down multiplies rows of a by a panel b, tile below tile, of those that are given by their height.
func (x *tileSize) down(s *gemmScratch, tiles []microkernels, a, b, c matrix, rows, cols int) {
	for _, part := range x.parts(rows) {
		if part.count > 0 {
			x.stack(s, tiles[part.height], a.from(part.first, 0), b, c.from(part.first, 0), part.count, stepDown(a, part.height), 4*part.height*c.ld, cols)
		}
	}
}

// downLines does so with so many matrices a, lines that are aStep elements apart, and their results: tiles of one line after the other, or each
// of all lines, whichever takes fewer calls.
func (x *tileSize) downLines(s *gemmScratch, tiles []microkernels, a, b, c matrix, rows, lines, aStep, cStep, cols int) {
	parts := x.parts(rows)
	if calls := min(parts[0].count, 1) + min(parts[1].count, 1); lines*calls <= parts[0].count+parts[1].count {
		for i := range lines {
			x.down(s, tiles, matrix{data: a.data[i*aStep:], ld: a.ld}, b, matrix{data: c.data[i*cStep:], ld: c.ld}, rows, cols)
		}
		return
	}
	for _, part := range parts {
		for i := range part.count {
			row := part.first + i*part.height
			x.stack(s, tiles[part.height], a.from(row, 0), b, c.from(row, 0), lines, 4*aStep, 4*cStep, cols)
		}
	}
}

// A tilePart is so many tiles of one height below each other.
type tilePart struct{ first, height, count int }

// parts cuts rows into as few tiles as possible: those of the first part are one row higher.
func (x *tileSize) parts(rows int) [2]tilePart {
	count := ceilDiv(rows, x.tallest)
	height, higher := rows/count, rows%count
	return [2]tilePart{{0, height + 1, higher}, {higher * (height + 1), height, count - higher}}
}

// stack multiplies count tiles, the bytes between which aStep and cStep are.
func (x *tileSize) stack(s *gemmScratch, tiles microkernels, a, b, c matrix, count, aStep, cStep, cols int) {
	t := &s.tile
	t.far = 0
	t.aStep, t.bStep, t.cStep = aStep, 0, cStep
	for col := 0; col < cols; {
		m, width := x.kernels.widest(tiles, x.vectors, cols-col)
		t.count = count
		s.fetchAhead(b)
		s.multiply(m, a, b.from(0, col), c.from(0, col), min(cols-col, width))
		col += width
	}
}

// add adds sums of a block, a row for each of the block's, to its result c.
func (x *implicit) add(t *implicitTask, b *rowBlock, c, sums matrix) {
	l, cols := &b.class.patches[t.group].lattice, t.c1-t.c0
	if c.data != nil {
		addRows(c, sums, b.r1-b.r0, cols)
		return
	}
	for r := b.r0; r < b.r1; {
		_, to, run := l.at(r)
		run = min(run, b.r1-r)
		addRows(matrix{data: x.c[to*x.ldc+t.group*x.n+t.c0:], ld: l.last().to * x.ldc}, sums.from(r-b.r0, 0), run, cols)
		r += run
	}
}

// fetchAhead sets what tiles fetch while they multiply: what comes next of what is ahead, or nothing but what they read.
func (s *gemmScratch) fetchAhead(b matrix) {
	t := &s.tile
	t.sparse, t.next, t.nextStep = 1, &b.data[0], 0
	k := max(t.k, s.segmentsK)
	for i, x := range s.ahead {
		if len(x) == 0 {
			continue
		}
		t.next, t.nextStep = &x[0], 4*isa.LineFloats
		if s.aheadDense {
			t.sparse, t.nextStep = 0, 4*pieceTiles*s.kernels.lanes
		}
		s.ahead[i] = x[min(t.count*(k/pieceTiles)*t.nextStep/4, len(x)):]
		return
	}
}

// addRows adds x to c.
func addRows(c, x matrix, rows, cols int) {
	for i := range rows {
		to := c.from(i, 0).data[:cols]
		for j, v := range x.from(i, 0).data[:cols] {
			to[j] += v
		}
	}
}
