package plan

// This file gives each stored value a place: a range of the arena that nothing
// else uses while it lives, the parameter's own storage, or a part of a slab.

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/mem"
)

// A buffer is memory that one or more values use.
type buffer struct {
	size     int    // bytes
	from, to int    // the levels between which it must keep its content
	holder   *value // whose content it is last
	offset   int    // in the arena
	param    *value // the parameter whose storage it is, not in the arena
	zero     bool   // must be zero before the first run: a slab with gaps
	konst    []float32
	window   *graph.Node // whose memory is given before each run, not in the arena
}

// align is the granularity of the arena: a cache line, which is a vector too.
const align = 64

func (p *Plan) place() error {
	ends := p.levels
	p.findLastReads()
	for _, v := range p.values {
		v.buffer = nil
	}
	// Slabs first, since what they pack is placed inside them.
	for _, v := range slices.Backward(p.values) {
		if v.slab() {
			b := &buffer{size: v.bytes(), from: -1, to: ends, zero: true}
			p.keep(v, b, 0)
			v.inPlace = make([]bool, len(v.in))
			if p.config.NoPasses {
				continue
			}
			for i, x := range v.in {
				root, offset := x.root()
				if offset == 0 && root.n == x.n && root.buffer == nil && !root.leaf() && !root.slab() {
					p.keep(root, b, v.attr.Offsets[i])
					v.inPlace[i] = true
				}
			}
		}
	}
	p.updateInPlace()
	if !p.config.NoPasses {
		views := p.views()
		p.openWindows(views)
		p.joinInPlace(ends, views)
	}
	for _, u := range p.units {
		for _, v := range u.stored {
			switch root, _ := v.root(); {
			case root != v || v.buffer != nil:
			case v.konst != nil:
				v.buffer = &buffer{konst: v.konst}
			case v.param():
				v.buffer = &buffer{param: v}
			case v.input():
				v.buffer = &buffer{size: v.extent() * v.dtype.Size(), from: -1, to: ends}
			default:
				v.buffer = p.buffer(u, v, ends)
			}
		}
		if u.root != nil && len(u.members) > 0 && len(u.pools) == 0 && u.root.buffer == nil {
			// The root is formed where the epilogue's first result goes.
			u.root.buffer, u.root.offset = u.stored[0].buffer, u.stored[0].offset
			u.root.run, u.root.stride = u.stored[0].run, u.stored[0].stride
		}
	}
	p.check()
	return p.pack()
}

// smallCheck is how many numbers Finite looks at itself.
const smallCheck = 1024

// check finds out how each value that must be finite is looked at: those in a slab
// whose kernels have an epilogue, as gradients of weights, in that, while they are in
// the cache.
func (p *Plan) check() {
	for _, n := range p.program.Checks {
		v := p.nodes[n]
		if !v.slab() || p.config.NoPasses {
			p.checks = append(p.checks, v)
			continue
		}
		for i, x := range v.in {
			root, _ := x.root()
			if v.inPlace[i] && root.traits().epilogue && len(root.unit.members) == 0 {
				root.check = true
			} else {
				p.checks = append(p.checks, x)
			}
		}
	}
}

// keep places v in b at offset.
func (p *Plan) keep(v *value, b *buffer, offset int) { v.buffer, v.offset = b, offset }

// findLastReads notes when each value is read last.
func (p *Plan) findLastReads() {
	for _, v := range p.values {
		v.lastRead, v.lastReader = v.unit.index, nil
		for _, reader := range v.reads {
			switch u := reader.unit; {
			case u.index > v.lastRead || v.lastReader == nil && u.index == v.lastRead:
				v.lastRead, v.lastReader = u.index, u
			case u.index == v.lastRead && u != v.lastReader:
				v.lastReader = v.unit // there are several
			}
		}
	}
}

// buffer returns where unit u stores v: over an operand that is read here for
// the last time, element by element, and that no other result of u has taken, or
// in a place of its own.
func (p *Plan) buffer(u *unit, v *value, ends int) *buffer {
	last := v.lastRead
	if v.liveOut {
		last = ends
	}
	if u.root == nil && !p.config.NoPasses {
		for _, m := range u.members {
			for _, x := range m.in {
				root, _ := x.root()
				b := root.buffer
				if b == nil || b.holder != root || root.n != v.n || x.unit == u || b.to != u.index || !diesIn(u, root) {
					continue
				}
				b.to, b.holder = last, v
				return b
			}
		}
	}
	return &buffer{size: v.bytes(), from: u.index, to: last, holder: v}
}

// diesIn reports whether unit u is the last to read x, and reads each element of
// it for the same element of its own results alone.
func diesIn(u *unit, x *value) bool {
	if x.lastReader != u {
		return false
	}
	for _, m := range u.members {
		for _, in := range m.in {
			if root, _ := in.root(); root == x && (in.n != x.n || in.apart()) {
				return false
			}
		}
	}
	return true
}

// views lists the views of each base.
func (p *Plan) views() map[*value][]*value {
	views := map[*value][]*value{}
	for _, v := range p.values {
		if v.view() {
			views[v.base] = append(views[v.base], v)
		}
	}
	return views
}

// openWindows places what is given before each run, or stored where that is said then.
func (p *Plan) openWindows(views map[*value][]*value) {
	for _, n := range p.program.Graph.Nodes() {
		stride, ok := p.program.Windows[n]
		v := p.nodes[n]
		if !ok || v == nil || v.n == 0 {
			continue
		}
		root, at := v.root()
		switch row := v.n / v.shape[0]; {
		case !root.follows() || root.buffer != nil || at != 0 || root.n != v.n:
		case v.input(), !root.leaf() && !root.slab() && (stride == row || spread(root, views[root], layout{run: row, stride: stride}, nil)):
			p.keep(root, &buffer{window: n}, 0)
		}
	}
}

// follows reports whether all that computes v, a base, and reads it finds it where it is at a run.
func (v *value) follows() bool {
	if u := v.unit; len(u.pools) > 0 || u.root != nil && !v.input() && (u.root.traits().follows == nil || !u.root.traits().follows(u.root, nil)) {
		return false
	}
	for _, reader := range v.reads {
		if follows := reader.traits().follows; len(reader.unit.pools) > 0 || !reader.elementwise() && (follows == nil || !follows(reader, v)) {
			return false
		}
	}
	return true
}

// joinInPlace lets what a value joins be computed where it belongs in that value, if who
// computes it can leave gaps between its rows and who reads it takes them.
func (p *Plan) joinInPlace(ends int, views map[*value][]*value) {
	for _, c := range slices.Backward(p.values) { // what is joined may join others in turn
		row := c.traits()
		if row.parts == nil || c.konst != nil || c.n == 0 {
			continue
		}
		parts := row.parts(c)
		b, offset := c.buffer, c.offset
		if b == nil {
			b = &buffer{size: c.bytes(), from: c.unit.index, to: c.lastRead}
			if c.liveOut {
				b.to = ends
			}
		}
		inPlace := make([]bool, len(c.in))
		for i, x := range c.in {
			root, at := x.root()
			if parts[i].run == 0 || at != 0 || root.n != x.n || root.n == 0 || root.buffer != nil || root.leaf() || root.liveOut || root.slab() || b.window != nil && !root.follows() {
				continue
			}
			if !spread(root, views[root], parts[i], c) {
				continue
			}
			p.keep(root, b, offset+parts[i].at)
			b.from, b.to = min(b.from, root.unit.index), max(b.to, root.lastRead)
			inPlace[i] = true
		}
		if slices.Contains(inPlace, true) {
			p.keep(c, b, offset)
			c.inPlace = inPlace
		}
	}
	// A task can't end with a unit that is not called: the units that would have run before such a unit go to
	// the task after it, or become tasks of their own.
	for _, u := range slices.Backward(p.units) {
		if u.next != nil && !u.next.called() {
			u.next = u.next.next
		}
		u.end = nil
		if u.next != nil {
			u.end = u.next.task()
		}
	}
}

// spread gives root, of which there are these views, runs that are apart. It reports false,
// and changes nothing, if the unit that computes it or one that reads it, but for c, does
// not take them.
func spread(root *value, views []*value, where layout, c *value) bool {
	all := append([]*value{root}, views...)
	for _, v := range all {
		if v.n != root.n || v.apart() {
			return false
		}
	}
	set := func(run, stride int) {
		for _, v := range all {
			v.run, v.stride = run, stride
		}
	}
	if where.run == root.n || where.run == where.stride {
		return true
	}
	set(where.run, where.stride)
	rows := map[*unit]bool{} // that must go by these rows
	takes := func() bool {
		switch u := root.unit; {
		case u.root == nil:
			rows[u] = true
		case !u.root.traits().rows || u.root.shape[len(u.root.shape)-1] != where.run:
			return false
		}
		for _, reader := range root.reads {
			if reader == c {
				continue
			}
			for _, x := range reader.in {
				switch takes := reader.traits().takes; {
				case x.base != root:
				case reader.elementwise():
					if x.n != reader.n {
						return false
					}
					rows[reader.unit] = true
				case takes == nil || !takes(reader, x):
					return false
				}
			}
		}
		for u := range rows {
			cuts, ok := u.cuts.join(cuts{where.run})
			if u.root != nil {
				shape := u.members[0].shape
				ok = ok && cuts.rows(shape[len(shape)-1], root.n)
			}
			if !ok || where.run < leastRow {
				return false
			}
		}
		return true
	}
	if !takes() {
		set(root.n, root.n)
		return false
	}
	for u := range rows {
		u.cuts, _ = u.cuts.join(cuts{where.run})
	}
	return true
}

// updateInPlace lets a unit of the update write straight into the parameter if
// it is the only one that still reads what it overwrites, element by element.
// The rest is computed aside and moved at the end.
func (p *Plan) updateInPlace() {
	elsewhere := p.readElsewhere()
	for i, up := range p.updates {
		v := up.value
		root, offset := up.param.root()
		if up.rows == nil && !p.config.NoPasses && v.buffer == nil && !v.leaf() && !v.view() && v.update && v.unit.root == nil && !elsewhere[i] {
			p.keep(v, &buffer{param: root}, offset)
		} else {
			p.moves = append(p.moves, up)
			v.base.liveOut = true
			if up.rows != nil {
				up.rows.base.liveOut = true
			}
		}
	}
}

// readElsewhere reports for each update whether another unit of the update reads some of
// what it overwrites, or its own reads other numbers too than those of the same place.
func (p *Plan) readElsewhere() []bool {
	elsewhere := make([]bool, len(p.updates))
	updates := map[*value][]int{} // of a parameter
	for i, up := range p.updates {
		root, _ := up.param.root()
		updates[root] = append(updates[root], i)
	}
	for param, list := range updates {
		span := func(i int) (from, to int) {
			up := p.updates[i].param
			return up.at, up.at + up.n
		}
		slices.SortFunc(list, func(a, b int) int { return cmp.Compare(p.updates[a].param.at, p.updates[b].param.at) })
		for _, reader := range param.reads {
			if !reader.unit.update {
				continue
			}
			for _, x := range reader.in {
				if x.base != param {
					continue
				}
				first, _ := slices.BinarySearchFunc(list, x.at, func(i, at int) int { // no two overlap
					if _, to := span(i); to <= at {
						return -1
					}
					return 1
				})
				for _, i := range list[first:] {
					from, to := span(i)
					if from >= x.at+x.extent() {
						break
					}
					if reader.unit != p.updates[i].value.unit || from != x.at || to != x.at+x.n || x.apart() {
						elsewhere[i] = true
					}
				}
			}
		}
	}
	return elsewhere
}

// pack gives the buffers of the arena their offsets: the largest first, each as
// low as it can be among those that live at the same time. It is an error if there is
// not the memory for it.
func (p *Plan) pack() error {
	var buffers []*buffer
	var most *value
	seen := map[*buffer]bool{}
	for _, v := range p.values {
		if b := v.buffer; b != nil && b.param == nil && b.konst == nil && b.window == nil && !seen[b] {
			seen[b] = true
			buffers = append(buffers, b)
			if most == nil || b.size > most.buffer.size {
				most = v
			}
		}
	}
	if most == nil {
		return nil
	}
	fits := func(bytes float64) error {
		return mem.CheckBatch(p.config.Batch, bytes, float64(4*float64(p.config.Held)), "%s of shape %v is the largest result of the step: for a batch of %d, all that is held at the same time, with the weights and slots,",
			most.whose(), most.shape, p.config.Batch)
	}
	if err := fits(peak(buffers)); err != nil {
		return err // and the sums below can't overflow
	}
	if len(buffers) > manyBuffers {
		p.arena = packByTime(buffers)
		return fits(float64(p.arena))
	}
	slices.SortStableFunc(buffers, func(a, b *buffer) int { return cmp.Compare(b.size, a.size) })
	var placed []*buffer // by offset
	for _, b := range buffers {
		offset := 0
		for _, other := range placed {
			if other.to < b.from || b.to < other.from {
				continue
			}
			if offset+b.size <= other.offset {
				break
			}
			offset = max(offset, other.offset+other.size)
			offset = (offset + align - 1) / align * align
		}
		b.offset = offset
		at, _ := slices.BinarySearchFunc(placed, b, func(x, y *buffer) int { return cmp.Compare(x.offset, y.offset) })
		placed = slices.Insert(placed, at, b)
		p.arena = max(p.arena, offset+b.size)
	}
	return fits(float64(p.arena))
}

// peak returns how many bytes live at the same time at most.
func peak(buffers []*buffer) float64 {
	ends := slices.SortedFunc(slices.Values(buffers), func(a, b *buffer) int { return cmp.Compare(a.to, b.to) })
	live, most := 0.0, 0.0
	for _, b := range slices.SortedFunc(slices.Values(buffers), func(a, b *buffer) int { return cmp.Compare(a.from, b.from) }) {
		for ; ends[0].to < b.from; ends = ends[1:] { // b itself is among them
			live -= float64(ends[0].size)
		}
		live += float64(b.size)
		most = max(most, live)
	}
	return most
}

// manyBuffers is the number of buffers beyond which they are not compared pair by pair.
const manyBuffers = 2000

// packByTime gives buffers their offsets in the order in which they begin to live: each gets
// the smallest gap between those that live at that time that is large enough, or the end of
// the arena. It returns the size of the arena.
func packByTime(buffers []*buffer) (arena int) {
	starts := slices.SortedStableFunc(slices.Values(buffers), func(a, b *buffer) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.size, a.size))
	})
	ends := slices.SortedStableFunc(slices.Values(buffers), func(a, b *buffer) int { return cmp.Compare(a.to, b.to) })
	round := func(b *buffer) int { return (b.size + align - 1) / align * align }
	free := &gaps{}
	for _, b := range starts {
		for ; ends[0].to < b.from; ends = ends[1:] { // b itself is among them
			free.add(gap{ends[0].offset, round(ends[0])})
		}
		offset, ok := free.take(round(b))
		if !ok {
			offset = free.end(arena)
			arena = offset + round(b)
		}
		b.offset = offset
	}
	return arena
}

// A gap is a part of the arena that is free.
type gap struct{ offset, size int }

// gaps are all gaps, by offset and by size. No two are adjacent.
type gaps struct{ byOffset, bySize []gap }

func compareOffset(a, b gap) int { return cmp.Compare(a.offset, b.offset) }
func compareSize(a, b gap) int {
	return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.offset, b.offset))
}

func (f *gaps) put(g gap) {
	at, _ := slices.BinarySearchFunc(f.byOffset, g, compareOffset)
	f.byOffset = slices.Insert(f.byOffset, at, g)
	at, _ = slices.BinarySearchFunc(f.bySize, g, compareSize)
	f.bySize = slices.Insert(f.bySize, at, g)
}

func (f *gaps) drop(g gap) {
	at, _ := slices.BinarySearchFunc(f.byOffset, g, compareOffset)
	f.byOffset = slices.Delete(f.byOffset, at, at+1)
	at, _ = slices.BinarySearchFunc(f.bySize, g, compareSize)
	f.bySize = slices.Delete(f.bySize, at, at+1)
}

// add frees a part, and joins it with its neighbours.
func (f *gaps) add(g gap) {
	if g.size == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(f.byOffset, g, compareOffset)
	if at < len(f.byOffset) {
		if next := f.byOffset[at]; g.offset+g.size == next.offset {
			f.drop(next)
			g.size += next.size
		}
	}
	if at > 0 {
		if before := f.byOffset[at-1]; before.offset+before.size == g.offset {
			f.drop(before)
			g = gap{before.offset, before.size + g.size}
		}
	}
	f.put(g)
}

// take takes size bytes from the smallest gap that has as many.
func (f *gaps) take(size int) (offset int, ok bool) {
	if size == 0 {
		return 0, true
	}
	at, _ := slices.BinarySearchFunc(f.bySize, gap{size: size}, compareSize)
	if at == len(f.bySize) {
		return 0, false
	}
	g := f.bySize[at]
	f.drop(g)
	if g.size > size {
		f.put(gap{g.offset + size, g.size - size})
	}
	return g.offset, true
}

// end takes the gap at the end of an arena of that size, if there is one, and returns
// where it begins.
func (f *gaps) end(arena int) int {
	if n := len(f.byOffset); n > 0 && f.byOffset[n-1].offset+f.byOffset[n-1].size == arena {
		arena = f.byOffset[n-1].offset
		f.drop(f.byOffset[n-1])
	}
	return arena
}

// whose says which layer v is of.
func (v *value) whose() string {
	switch {
	case v.scope != "":
		return fmt.Sprintf("layer %q: the result of %v", v.scope, v.op)
	case v.input():
		return fmt.Sprintf("input %q", v.attr.Name)
	}
	return fmt.Sprintf("the result of %v", v.op)
}
