package product

import (
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes the gradient of a convolution's kernel as a product: of the transposed patches of the
// image with the gradient of the result. A row is a channel of a tap, a column a filter, and k counts the places.
// Taps that are inside the image at the same places are rows of one product. The definition, whose bits these are,
// is ConvKernelGrad in conv.go.

// A kernelGrad is that product.
type kernelGrad struct {
	window *Window
	tileSize
	stepK    int      // of k between visits to a tile
	lies     bool     // patches are multiplied as they lie in the image (conv_indirect.go),
	copied   bool     // or as they lie in a copy of it with zeros around (conv_padded.go);
	turned   tileSize // then, with few filters: tiles that compute the transpose
	n        int      // filters of a group
	c, dy    []float32
	put      *Pool     // puts dy where that isn't stored; else nil
	total    []float32 // with put: the sums of dy over all places; or nil
	partial  []float32 // those of each chain
	epilogue cpu.Epilogue

	classes []tapClass
	tasks   []gradTask
	chains  int       // of an element, at most; there is room for one if there is none
	wave    int       // how many are computed side by side; 1 if a task computes all of its elements'
	sums    []float32 // of those after the first, while it runs
	first   int       // the chain that the wave begins with

	filters, channels []atomic.Int32 // whether they are zero in each chain, where padding is multiplied
}

// inPlaceFilters is the most filters of which dy is read where it is, if its rows follow each other or are listed: the rows of a
// panel are then as far apart.
const inPlaceFilters = 128

// A tapClass is taps that are inside the image at the same places.
type tapClass struct {
	x, dy  *patches // of a group: a row for each place
	group  int
	row    int   // the first of the result
	begins []int // where chains begin among the places, and where the last ends

	padded *padded    // if the taps go over all places
	parts  []tapClass // then: those of taps that are inside at the same places
}

// A gradTask is rows of a class.
type gradTask struct {
	class  *tapClass
	m0, m1 int
	again  []atomic.Bool // parts of the class that are to be computed without padding
}

// tapClasses sets the classes for patches of x.
func (k *kernelGrad) tapClasses(x []float32) {
	w := k.window
	channels := w.Channels / w.Groups
	type places struct{ from, to [3]int }
	var last places
	for group := range w.Groups {
		for tap := range volume(w.Taps) {
			var t [3]int
			t[0], t[1], t[2] = split(tap, w.Taps)
			var now places
			for d := range 3 {
				now.from[d], now.to[d] = w.visiting(d, t[d])
			}
			if tap == 0 || now != last {
				k.classes = append(k.classes, k.tapClass(x, group, tap, now.from, now.to))
				last = now
			}
			c := &k.classes[len(k.classes)-1]
			c.x.add(((t[0]*w.Dilation[0]*w.Image[1]+t[1]*w.Dilation[1])*w.Image[2]+t[2]*w.Dilation[2])*w.ImageStride, tap*channels, channels)
		}
	}
}

// pad makes a class of all taps of a group, if padding is multiplied.
func (k *kernelGrad) pad(x []float32) {
	w := k.window
	if !w.padsWell() {
		return
	}
	parts := k.classes
	k.classes = nil
	for group := range w.Groups {
		whole := k.tapClass(x, group, 0, [3]int{}, w.Places)
		whole.x.cols = volume(w.Taps) * w.Channels / w.Groups
		whole.padded = newPadded(w, x, group)
		for _, p := range parts {
			if p.group == group && p.x.cols > 0 {
				whole.parts = append(whole.parts, p)
			}
		}
		k.classes = append(k.classes, whole)
	}
	chains := len(k.classes[0].begins) - 1
	k.filters, k.channels = make([]atomic.Int32, chains*w.Filters), make([]atomic.Int32, chains*w.Channels)
}

// tapClass returns a class without taps, of the places.
func (k *kernelGrad) tapClass(x []float32, group, tap int, from, to [3]int) tapClass {
	w := k.window
	row := [3]int{w.Image[1] * w.Image[2] * w.ImageStride, w.Image[2] * w.ImageStride, w.ImageStride}
	place := [3]int{w.Places[1] * w.Places[2], w.Places[2], 1}
	axes := [4]latticeAxis{{w.Batch, w.Image[0] * row[0], w.Places[0] * place[0]}}
	at, first := group*w.Channels/w.Groups, 0
	for d := range 3 {
		axes[d+1] = latticeAxis{to[d] - from[d], w.Stride[d] * row[d], place[d]}
		at += w.pixel(d, from[d], 0) * row[d]
		first += from[d] * place[d]
	}
	c := tapClass{x: &patches{data: x, lattice: newLattice(at, first, axes)}, group: group, row: tap * w.Channels / w.Groups}
	for i := range axes {
		axes[i].from = axes[i].to * w.ResultStride
	}
	c.dy = &patches{data: k.dy, lattice: newLattice(first*w.ResultStride+group*k.n, first, axes)}
	c.dy.add(0, 0, k.n)
	l := &c.x.lattice
	for r := 0; r < l.rows; {
		c.begins = append(c.begins, r)
		_, place, _ := l.at(r)
		r = l.search((place/chain + 1) * chain)
	}
	c.begins = append(c.begins, l.rows)
	return c
}

// prepare cuts the product into tasks.
func (k *kernelGrad) prepare() {
	k.tileSize = tilesFor(k.n)
	// A panel of dy fills two thirds of the first-level cache while it is multiplied by all rows; the rows of a task fill
	// seven sixteenths of the second, in steps that are shorter for more rows.
	l1, l2, _ := cacheElements()
	rows := 0
	for i := range k.classes {
		rows = max(rows, k.classes[i].x.cols)
	}
	p := k.classes[0].padded
	k.lies, k.copied = k.liesWell(), p != nil && p.asItLies(k.kernels)
	room := k.panel // in the first-level cache, for each k
	if k.lies || k.copied {
		k.turn()
		room += min(k.window.Stride[2]*k.window.Channels, 32)
	}
	k.stepK = max(min(l1*2/3/room, l2*7/16/rows)/isa.LineFloats, 8) * isa.LineFloats
	if k.copied {
		p.cut(k.stepK)
	}
	most := max(l2*7/16/k.stepK/k.tallest, 1) * k.tallest
	work, blocks := 0, 0
	k.chains = 1
	for i := range k.classes {
		c := &k.classes[i]
		work += c.x.lattice.rows * c.x.cols * k.n
		k.chains = max(k.chains, len(c.begins)-1)
		blocks += (c.x.cols + most - 1) / most
	}
	tasks := min(implicitTasks, work/taskWork+1)
	if k.copied {
		tasks = min(tasks, surroundedTasks)
	}
	if blocks < tasks {
		// Chains are computed side by side, as many as are wanted and 32 MiB hold, or as 512 KiB hold.
		k.wave = min(k.chains, max((tasks+blocks-1)/blocks, 1<<17/len(k.c)), max(8<<20/len(k.c), 1))
		if blocks*k.wave < tasks {
			rows = 0
			for i := range k.classes {
				rows += k.classes[i].x.cols
			}
			least := 4 * k.tallest
			if k.n > inPlaceFilters || !k.lies && !k.classes[0].dy.lattice.dense { // dy is packed by each task
				least = ceilDiv(implicitCols, k.tallest) * k.tallest
			}
			most = min(most, max(rows*k.wave/tasks/k.tallest*k.tallest, least))
		}
	}
	k.wave = max(k.wave, 1)
	for i := range k.classes {
		c := &k.classes[i]
		blocks, unit := ceilDiv(c.x.cols, most), 1
		if k.lies || k.copied {
			if n := k.segments(c)[0].n; c.x.cols%n == 0 && c.x.cols/n >= blocks {
				unit = n // tiles end where taps do that lie side by side
			}
		}
		for b := range blocks {
			k.tasks = append(k.tasks, gradTask{c, b * (c.x.cols / unit) / blocks * unit, (b + 1) * (c.x.cols / unit) / blocks * unit, make([]atomic.Bool, len(c.parts))})
		}
	}
}

// Run computes the product, and the sums if they are wanted.
func (k *kernelGrad) Run(p *par.Pool) {
	k.multiply(p)
	if k.total != nil {
		k.addUp()
	}
}

// multiply computes the product.
func (k *kernelGrad) multiply(p *par.Pool) {
	k.forget()
	if k.wave == 1 {
		p.Run((*gradRows)(k), len(k.tasks))
		return
	}
	space := gemmSpaces.Get()
	k.sums = grow(&space.c, k.wave*len(k.c))
	for k.first = 0; k.first < k.chains; k.first += k.wave {
		p.Run((*gradChains)(k), len(k.tasks)*min(k.wave, k.chains-k.first))
		p.Run((*gradSums)(k), len(k.tasks))
	}
	k.sums = nil
	gemmSpaces.Put(space)
}

// result is where the result of a task belongs in an array like the kernel.
func (k *kernelGrad) result(t *gradTask, c []float32) matrix {
	return matrix{data: c[(t.class.row+t.m0)*k.window.Filters+t.class.group*k.n:], ld: k.window.Filters}
}

// gradRows is the job of computing rows, from their first chain to the last.
type gradRows kernelGrad

// Do computes the rows of a task.
func (j *gradRows) Do(worker, index int) {
	k := (*kernelGrad)(j)
	t := &k.tasks[index]
	k.rows(worker, t)
	k.finish(worker, t)
}

// rows computes the rows of a task, from their first chain to the last.
func (k *kernelGrad) rows(worker int, t *gradTask) {
	s := acquireScratch(worker, k.kernels)
	c, rows := k.result(t, k.c), t.m1-t.m0
	for i := range len(t.class.begins) - 1 {
		if i == 0 {
			k.chain(s, t, i, c)
			continue
		}
		sum := matrix{data: grow(&s.c, rows*k.n), ld: k.n}
		k.chain(s, t, i, sum)
		addRows(c, sum, rows, k.n)
	}
	releaseScratch(worker, s)
	if t.class.x.lattice.rows == 0 { // taps that are at no place
		for i := range rows {
			clear(c.from(i, 0).data[:k.n])
		}
	}
}

// finish runs the epilogue on the rows of a task.
func (k *kernelGrad) finish(worker int, t *gradTask) {
	k.again(worker, t)
	if k.epilogue != nil {
		k.epilogue.Region(worker, t.class.row+t.m0, t.class.row+t.m1, t.class.group*k.n, (t.class.group+1)*k.n)
	}
}

// gradChains is the job of computing chains side by side.
type gradChains kernelGrad

// Do computes a chain of the rows of a task.
func (j *gradChains) Do(worker, index int) {
	k := (*kernelGrad)(j)
	index = k.shortLast(index)
	t, i := &k.tasks[index%len(k.tasks)], index/len(k.tasks)
	if k.first+i >= len(t.class.begins)-1 {
		return
	}
	s := acquireScratch(worker, k.kernels)
	k.chain(s, t, k.first+i, k.sumOf(t, i))
	releaseScratch(worker, s)
}

// shortLast returns which of a wave's tasks is the one of an index: those of the last chain, which may be short, come last, in the middle, since half of the workers claim
// tasks from the front, the others from the back.
func (k *kernelGrad) shortLast(index int) int {
	if k.chains > k.first+k.wave {
		return index
	}
	n := len(k.tasks)
	long := (k.chains - 1 - k.first) * n
	switch {
	case index < long/2:
		return index
	case index < long/2+n:
		return index - long/2 + long
	}
	return index - n
}

// sumOf is where chain i of a wave is summed up.
func (k *kernelGrad) sumOf(t *gradTask, i int) matrix {
	if k.first+i == 0 {
		return k.result(t, k.c)
	}
	return k.result(t, k.sums[i*len(k.c):])
}

// gradSums is the job of adding up the chains of a wave.
type gradSums kernelGrad

// Do adds the chains of the rows of a task in order.
func (j *gradSums) Do(worker, index int) {
	k := (*kernelGrad)(j)
	t := &k.tasks[index]
	chains := len(t.class.begins) - 1
	c := k.result(t, k.c)
	for i := range k.wave {
		if k.first+i > 0 && k.first+i < chains {
			addRows(c, k.sumOf(t, i), t.m1-t.m0, k.n)
		}
	}
	if chains == 0 && k.first == 0 {
		k.rows(worker, t)
	}
	if last := max(chains-1, 0); last >= k.first && last < k.first+k.wave {
		k.finish(worker, t)
	}
}

// chain computes a chain of the rows of a task.
func (k *kernelGrad) chain(s *gemmScratch, t *gradTask, number int, c matrix) {
	s.pass = 0 // what was packed of A for a pass is overwritten
	class := t.class
	inPlace := k.put != nil || (class.dy.lattice.dense || k.lies) && k.window.ResultStride <= inPlaceFilters
	ld := k.panel // of dy
	if inPlace {
		ld = k.window.ResultStride
	}
	begin, end := class.begins[number], class.begins[number+1]
	copied := class.padded != nil && k.copied
	sum := c
	turned := k.turned.vectors > 0 && (copied || k.lies)
	if turned {
		sum = matrix{data: grow(&s.wide, k.n*(t.m1-t.m0)), ld: t.m1 - t.m0}
	}
	s.tile.resume = 0
	if copied {
		k.multiplyCopies(s, t, begin, end, inPlace, sum)
		begin = end
	}
	for r0 := begin; r0 < end; {
		r1 := min(r0+k.stepK, end)
		dy := panels{ld: ld, step: k.panel}
		switch {
		case k.put != nil:
			r1 = k.endOfStep(r0, end)
			dy.data = k.putPlaces(s, r0, r1)
		default:
			dy = k.gradients(s, class, r0, r1, inPlace)
		}
		s.tile.k = r1 - r0
		k.fetchAhead(s, t, r1, min(r1+k.stepK, end))
		if k.total != nil && t.m0 == 0 {
			k.addPlaces(s, dy, number)
		}
		switch {
		case k.lies:
			from, _, _ := class.x.lattice.at(r0)
			k.listPlaces(s, class, r0, r1, inPlace)
			k.multiplyListed(s, t, r0, r1, s.list, class.x.data, from, dy, sum)
		default:
			a := k.pack(s, t, r0, r1)
			for col := 0; col < k.n; col += k.panel {
				k.down(s, k.kernels.tiles.by(a.trans), a, dy.panel(col/k.panel), c.from(0, col), t.m1-t.m0, min(k.panel, k.n-col))
			}
		}
		s.tile.resume = 1
		r0 = r1
	}
	if turned {
		s.transpose(c, sum, k.n, t.m1-t.m0)
	}
	if class.padded != nil {
		k.verify(t, number, c)
	}
}

// gradients returns the gradients of places from r0 on, in place, or those of r0 … r1-1 packed.
func (k *kernelGrad) gradients(s *gemmScratch, c *tapClass, r0, r1 int, inPlace bool) panels {
	if inPlace {
		from, _, _ := c.dy.lattice.at(r0)
		return panels{data: c.dy.data[from:], ld: k.window.ResultStride, step: k.panel}
	}
	step := panelSize(k.panel, r1-r0)
	dy := panels{data: grow(&s.b, ceilDiv(k.n, k.panel)*step), ld: k.panel, width: k.panel, step: step}
	c.dy.pack(s, dy, r0, r1, 0, k.n)
	return dy
}

// segments returns the taps of a class that lie side by side, in the image or in a copy with zeros around.
func (k *kernelGrad) segments(c *tapClass) []segment {
	if k.copied && c.padded != nil {
		return c.padded.taps
	}
	return c.x.segments
}

// fetchAhead has tiles fetch the gradients of places r0 … r1-1, which are multiplied next.
func (k *kernelGrad) fetchAhead(s *gemmScratch, t *gradTask, r0, r1 int) {
	s.ahead[0] = nil
	if k.put != nil || r0 == r1 {
		return
	}
	first, _, _ := t.class.dy.lattice.at(r0)
	last, _, _ := t.class.dy.lattice.at(r1 - 1)
	s.ahead[0] = t.class.dy.data[first : last+k.n]
	turns := s.tile.k / pieceTiles * ceilDiv(t.m1-t.m0, k.tallest) * ceilDiv(k.n, k.panel)
	if k.turned.vectors > 0 {
		turns = s.tile.k / pieceTiles * ceilDiv(t.m1-t.m0, k.turned.vectors*k.kernels.lanes) * ceilDiv(k.n, k.turned.tallest)
	}
	s.aheadDense = turns*isa.LineFloats < len(s.ahead[0])+len(s.ahead[1])/4
}

// pack packs patches of places r0 … r1-1 for a task, transposed.
func (k *kernelGrad) pack(s *gemmScratch, t *gradTask, r0, r1 int) (a matrix) {
	class, rows := t.class, t.m1-t.m0
	if class.x.data == nil { // a PutSum's
		return ones(s, r1-r0)
	}
	if class.padded == nil && class.x.contiguous() {
		a.ld = oddLines(r1 - r0)
		a.data = grow(&s.a, rows*a.ld)
		class.x.packColumns(a, r0, r1, t.m0, t.m1)
		return a
	}
	ld := (rows/isa.LineFloats + 2) * isa.LineFloats // no power of 2, so that rows don't meet in one set of the cache
	a = matrix{data: grow(&s.a, (r1-r0)*ld), ld: ld, trans: true}
	if to := (panels{data: a.data, ld: ld, width: ld}); class.padded != nil {
		class.padded.pack(s, to, r0, r1, t.m0, t.m1)
	} else {
		class.x.pack(s, to, r0, r1, t.m0, t.m1)
	}
	return a
}
