package cpu

import (
	"slices"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes convolutions and the gradients of their images as products of patches and the kernel, on the
// tiles of matrix products. Patches are packed as they are needed, a block of rows and a step of k at a time; the
// kernel is packed once for all. Pixels at the border see less taps than others: those that see the same
// are rows of one product, so that nothing outside the image is multiplied.

// An implicit is a product of patches, of several lattices, and a packed kernel.
type implicit struct {
	kernels  *gemmKernels
	vectors  int // in the width of a tile
	panel    int // columns of a packed panel of the kernel
	tallest  int // rows of a tile
	stepK    int // of k between visits to a tile
	n, depth int // columns of the kernel, of a group, and rows
	groups   int
	c        []float32 // the result, ldc elements from pixel to pixel
	ldc      int
	epilogue Epilogue

	packKernel func(s *gemmScratch, to panels, group, c0, c1 int) // columns c0 … c1-1
	classes    []class
	tasks      []implicitTask
	packed     []float32 // the kernel, while it runs
}

// A class is the pixels that see the same taps: for each group their patches, and the steps in which
// their columns are multiplied.
type class struct {
	patches []*patches
	steps   []step
}

// A step is columns of patches that are packed at once. They belong to one chain.
type step struct {
	c0, c1 int
	runs   []run
	begins bool // the chain begins here
	ends   bool // or ends
	later  bool // it isn't the first of its elements
}

// A run is columns, counted in their step, that are multiplied by neighbouring rows of the kernel.
type run struct{ first, n, k int }

// An implicitTask is rows of a class by columns of a group.
type implicitTask struct {
	class          *class
	group          int
	r0, r1, c0, c1 int
}

// An implicit product has at least so many tasks, if they are worth it: then it matters little that one core
// does one more than another.
const implicitTasks = 24

// prepare cuts the product into tasks. Its fields up to classes are to be set.
func (x *implicit) prepare() {
	k := gemmTiers[Active()]
	x.kernels, x.vectors = k, 1
	if x.n >= 2*k.lanes || k.partial >= 2 && x.n > k.lanes {
		x.vectors = 2
	}
	x.panel, x.tallest = x.vectors*k.lanes, k.tiles.tallest(x.vectors)
	// A panel of the kernel stays in two thirds of the first-level cache while rows pass by; the rows of a
	// task fill seven sixteenths of the second.
	l1, l2, _ := caches.elements()
	x.stepK = max(l1*2/3/x.panel/lineFloats, 4) * lineFloats
	most := max(l2*7/16/min(x.stepK, x.depth)/x.tallest, 1) * x.tallest
	rows, work := 0, 0
	for i := range x.classes {
		c := &x.classes[i]
		c.steps = c.patches[0].steps(x.stepK)
		rows += c.patches[0].lattice.rows
		work += c.patches[0].lattice.rows * max(c.patches[0].cols, StoreWork)
	}
	work *= x.n * x.groups
	tasks := min(implicitTasks, work/taskWork+1)
	per := max(rows*x.groups/tasks/x.tallest, 1) * x.tallest
	per = min(per, most, blockRows/x.tallest*x.tallest)
	across := 1
	if panels := (x.n + x.panel - 1) / x.panel; rows*x.groups/per < tasks {
		across = min((tasks*per+rows*x.groups-1)/(rows*x.groups), panels)
	}
	for i := range x.classes {
		c := &x.classes[i]
		all := c.patches[0].lattice.rows
		blocks := (all + per - 1) / per
		for block := range blocks {
			for group := range x.groups {
				for part := range across {
					panels := (x.n + x.panel - 1) / x.panel
					t := implicitTask{class: c, group: group, r0: block * all / blocks, r1: (block + 1) * all / blocks}
					t.c0, t.c1 = part*panels/across*x.panel, min((part+1)*panels/across*x.panel, x.n)
					if t.r0 < t.r1 && t.c0 < t.c1 {
						x.tasks = append(x.tasks, t)
					}
				}
			}
		}
	}
	// Long tasks come first.
	slices.SortStableFunc(x.tasks, func(a, b implicitTask) int { return b.work() - a.work() })
}

// work is the multiply-adds of a task.
func (t *implicitTask) work() int {
	return (t.r1 - t.r0) * (t.c1 - t.c0) * t.class.patches[0].cols
}

// steps cuts the columns into steps of at most so many.
func (p *patches) steps(most int) (steps []step) {
	number := -1 // of the chain that the last step belongs to
	for _, g := range p.segments {
		for done := 0; done < g.n; {
			k := g.k + done
			last := len(steps) - 1
			if begins := k/chain != number; begins || steps[last].c1-steps[last].c0 == most {
				if begins && last >= 0 {
					steps[last].ends = true
				}
				steps = append(steps, step{c0: g.first + done, c1: g.first + done, begins: begins, later: last >= 0 && (begins || steps[last].later)})
				number = k / chain
				last++
			}
			u := &steps[last]
			n := min(g.n-done, chain-k%chain, u.c0+most-u.c1)
			if i := len(u.runs) - 1; i >= 0 && u.runs[i].k+u.runs[i].n == k {
				u.runs[i].n += n
			} else {
				u.runs = append(u.runs, run{u.c1 - u.c0, n, k})
			}
			u.c1 += n
			done += n
		}
	}
	if len(steps) > 0 {
		steps[len(steps)-1].ends = true
	}
	return steps
}

// Tasks returns 0: the tasks come in steps.
func (x *implicit) Tasks() int { return 0 }

// Do is not called, since there are no tasks.
func (x *implicit) Do(_, _ int) {}

// Run packs the kernel and computes the product.
func (x *implicit) Run(p *par.Pool) {
	space := gemmSpaces.get()
	x.packed = grow(&space.b, x.groups*x.groupSize())
	p.Run((*implicitKernel)(x), x.groups*x.packs())
	p.Run((*implicitProduct)(x), len(x.tasks))
	x.packed = nil
	gemmSpaces.put(space)
}

// groupSize is the room of the packed kernel of a group.
func (x *implicit) groupSize() int {
	return (x.n + x.panel - 1) / x.panel * panelSize(x.panel, x.depth)
}

// packs is how many tasks pack the kernel of a group: one for each panel.
func (x *implicit) packs() int { return (x.n + x.panel - 1) / x.panel }

// implicitKernel is the job of packing the kernel.
type implicitKernel implicit

// Do packs a panel.
func (j *implicitKernel) Do(worker, index int) {
	x := (*implicit)(j)
	group, i := index/x.packs(), index%x.packs()
	s := acquireScratch(worker, x.kernels)
	c0 := i * x.panel
	x.packKernel(s, x.kernelPanels(group, c0), group, c0, min(c0+x.panel, x.n))
	releaseScratch(worker, s)
}

// kernelPanels is where the kernel of a group is packed, from column c0 on.
func (x *implicit) kernelPanels(group, c0 int) panels {
	step := panelSize(x.panel, x.depth)
	return panels{data: x.packed[group*x.groupSize()+c0/x.panel*step:], ld: x.panel, width: x.panel, step: step}
}

// implicitProduct is the job of multiplying.
type implicitProduct implicit

// Do computes rows of a class.
func (j *implicitProduct) Do(worker, index int) {
	x := (*implicit)(j)
	t := &x.tasks[index]
	p := t.class.patches[t.group]
	s := acquireScratch(worker, x.kernels)
	s.pass = 0 // what was packed of A for a pass is overwritten
	rows, cols := t.r1-t.r0, t.c1-t.c0
	_, first, _ := p.lattice.at(t.r0)
	c := matrix{data: x.c[first*x.ldc+t.group*x.n+t.c0:], ld: x.ldc}
	if !p.lattice.dense {
		c = matrix{data: grow(&s.c, rows*cols), ld: cols}
	}
	x.multiply(s, t, p, c)
	if !p.lattice.dense {
		x.scatter(s, t, p, c)
	}
	releaseScratch(worker, s)
	if x.epilogue != nil {
		for r := t.r0; r < t.r1; {
			_, to, run := p.lattice.at(r)
			if run = min(run, t.r1-r); p.lattice.dense {
				run = t.r1 - r
			} else if last := &p.lattice.axes[len(p.lattice.axes)-1]; last.to != 1 {
				run = 1
			}
			x.epilogue.Region(worker, to, to+run, t.group*x.n+t.c0, t.group*x.n+t.c1)
			r += run
		}
	}
}

// scatter copies the rows of a task, which were computed side by side, to their pixels.
func (x *implicit) scatter(s *gemmScratch, t *implicitTask, p *patches, c matrix) {
	step := p.lattice.axes[len(p.lattice.axes)-1].to * x.ldc
	for r := t.r0; r < t.r1; {
		_, to, run := p.lattice.at(r)
		run = min(run, t.r1-r)
		s.copyWide(matrix{data: x.c[to*x.ldc+t.group*x.n+t.c0:], ld: step}, c.from(r-t.r0, 0), run, t.c1-t.c0)
		r += run
	}
}

// multiply computes the rows and columns of a task.
func (x *implicit) multiply(s *gemmScratch, t *implicitTask, p *patches, c matrix) {
	rows, cols := t.r1-t.r0, t.c1-t.c0
	if p.cols == 0 {
		for i := range rows {
			clear(c.from(i, 0).data[:cols])
		}
	}
	ld := (min(x.stepK, p.cols)/lineFloats + 2) * lineFloats // no power of 2, so that rows don't meet in one set of the cache
	a := matrix{data: grow(&s.a, rows*ld), ld: ld}
	for i := range t.class.steps {
		u, to := &t.class.steps[i], c
		if u.later {
			to = matrix{data: grow(&s.b, rows*cols), ld: cols}
		}
		p.pack(s, panels{data: a.data, ld: ld, width: p.cols}, t.r0, t.r1, u.c0, u.c1)
		for col := 0; col < cols; col += x.panel {
			b := x.kernelPanels(t.group, t.c0+col).panel(0)
			for j, r := range u.runs {
				s.tile.k, s.tile.resume = r.n, 1
				if u.begins && j == 0 {
					s.tile.resume = 0
				}
				x.rows(s, a.from(0, r.first), b.from(r.k, 0), to.from(0, col), rows, min(x.panel, cols-col))
			}
		}
		if u.later && u.ends {
			addRows(c, to, rows, cols)
		}
	}
}

// rows multiplies packed rows, panel by panel, with a packed panel of the kernel.
func (x *implicit) rows(s *gemmScratch, a, b, c matrix, rows, cols int) {
	t := &s.tile
	t.far, t.sparse, t.next, t.nextStep = 0, 1, &b.data[0], 0
	count := (rows + x.tallest - 1) / x.tallest
	height, higher := rows/count, rows%count
	for _, part := range [2]struct{ first, height, count int }{{0, height + 1, higher}, {higher * (height + 1), height, count - higher}} {
		if part.count == 0 {
			continue
		}
		t.aStep, t.bStep, t.cStep = 4*part.height*a.ld, 0, 4*part.height*c.ld
		for col := 0; col < cols; {
			m, width := x.kernels.widest(x.kernels.tiles.of(a.trans, part.height), x.vectors, cols-col)
			t.count = part.count
			s.multiply(m, a.from(part.first, 0), b.from(0, col), c.from(part.first, col), min(cols-col, width))
			col += width
		}
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
