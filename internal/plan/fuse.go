package plan

// This file groups values into units, each of which becomes one kernel call, and
// orders the units.

import (
	"container/heap"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// A unit is what one kernel call computes: a root, which is not elementwise, or
// elementwise members of one shape, or a root and the members that follow it in its
// epilogue.
type unit struct {
	root    *value
	members []*value // topological
	cuts    cuts     // that the members' operands ask for
	pools   []*value // of the last result before them, which the root's kernel pools as it computes it
	stored  []*value // what is read outside, in order; empty after fuse only where the root is unstored
	index   int      // of its level, in the order of execution
	update  bool
	next    *unit // the unit in whose task this one is run, before it; nil: a task of its own
	end     *unit // the last unit of that task

	position
}

// values lists what the unit computes.
func (u *unit) values() []*value {
	if u.root == nil {
		return u.members
	}
	return slices.Concat([]*value{u.root}, u.members, u.pools)
}

// all yields what the unit computes.
func (u *unit) all(yield func(v *value) bool) {
	if u.root != nil && !yield(u.root) {
		return
	}
	for _, list := range [][]*value{u.members, u.pools} {
		for _, v := range list {
			if !yield(v) {
				return
			}
		}
	}
}

// lastID is the greatest id of the unit's values, but for pools.
func (u *unit) lastID() int {
	switch n := len(u.members); {
	case u.root == nil:
		return u.members[n-1].id
	case n == 0:
		return u.root.id
	default:
		return max(u.root.id, u.members[n-1].id)
	}
}

// called reports whether the unit is work: leaves and views are not.
func (u *unit) called() bool {
	v := u.root
	if v == nil {
		return true
	}
	if v.inPlace != nil {
		return slices.Contains(v.inPlace, false)
	}
	return !u.free() && v.n > 0
}

// free reports whether the unit is known to be no work before it is placed.
func (u *unit) free() bool {
	return u.root != nil && (u.root.leaf() || u.root.view() || u.root.unstored)
}

// unitOf returns the unit of v alone.
func unitOf(v *value) *unit {
	if v.elementwise() && v.konst == nil {
		return &unit{members: []*value{v}, cuts: cutsOfAll(v), update: v.update}
	}
	return &unit{root: v, update: v.update}
}

// maxMembers bounds a program, whose interpreter has one L1 buffer a member.
const maxMembers = 48

func (p *Plan) fuse() {
	for _, v := range p.values {
		v.unit = unitOf(v)
	}
	if !p.config.NoPasses {
		o := p.order()
		for _, v := range p.values {
			if v.unit.root == v {
				continue
			}
			for _, x := range v.in {
				if from, to := x.unit, v.unit; from != to && joinable(from, to) && !o.between(from, to) {
					o.move(from, to)
					p.merge(from, to)
				}
			}
		}
	}
	if !p.config.NoPasses {
		for _, v := range p.values {
			v.unit.pool()
			v.unstore()
		}
	}
	listed := map[*unit]bool{}
	for _, v := range p.values {
		if !listed[v.unit] {
			listed[v.unit] = true
			p.units = append(p.units, v.unit)
		}
	}
	for _, u := range p.units {
		for _, v := range u.values() {
			outside := func(x *value) bool { return x.unit != u }
			if v.unstored {
				continue
			}
			if v.liveOut || v.newParam || slices.ContainsFunc(v.users, outside) {
				u.stored = append(u.stored, v)
			}
		}
		if len(u.stored) == 0 && (u.root == nil || !u.root.unstored) { // an input that nothing reads
			u.stored = u.values()
		}
	}
}

// pool takes max pools into a unit, if they are all that is read of it and its root has a kernel for that: then what is pooled is
// never stored. Each member reads what the kernel has at hand: what is of the unit, or the same in each row.
func (u *unit) pool() {
	if u.root == nil || u.root.traits().pools == nil || len(u.pools) > 0 {
		return
	}
	var y *value // that is read outside
	var readers []*value
	for v := range u.all {
		if v.liveOut || v.newParam || v.traits().random {
			return
		}
		for _, reader := range v.users {
			if reader.unit == u {
				continue
			}
			if y != nil && y != v || reader.traits().pooled == notPooled || !u.root.traits().pools(u.root, reader) {
				return
			}
			y = v
			readers = append(readers, reader)
		}
		if v == u.root {
			continue
		}
		for _, x := range v.in {
			if x.unit != u && !x.scalar() && !x.isRowOf(v.shape) {
				return
			}
		}
	}
	seen := map[pooled]bool{}
	for _, reader := range readers {
		if len(reader.unit.values()) != 1 || seen[reader.traits().pooled] {
			return
		}
		seen[reader.traits().pooled] = true
	}
	if seen[theMaximum] {
		u.pools = readers
		for _, reader := range readers {
			reader.unit = u
		}
	}
}

// unstore leaves v to the kernels that read it, if they all compute it as they go.
func (v *value) unstore() {
	if v.konst != nil || v.liveOut || v.newParam || len(v.users) == 0 || v.traits().puts == nil || !v.traits().puts(v) {
		return
	}
	for _, reader := range v.users {
		if takes := reader.traits().takesPut; takes == nil || !takes(reader, v) {
			return
		}
	}
	v.unstored = true
	for _, x := range v.in { // who reads v reads them
		for _, reader := range v.users {
			if !slices.Contains(x.base.reads, reader) {
				x.base.reads = append(x.base.reads, reader)
			}
		}
	}
}

// isRowOf reports whether x is the same in each row of a shape: it has the size of the last dimension.
func (x *value) isRowOf(shape tensor.Shape) bool {
	last := shape[len(shape)-1]
	return x.n == last && len(x.shape) > 0 && x.shape[len(x.shape)-1] == last && !x.apart()
}

// cutsOfAll returns the cuts that an elementwise value's operands ask for.
func cutsOfAll(v *value) (all cuts) {
	for _, x := range v.in {
		c, _ := cutsOf(x, v.shape)
		all, _ = all.join(c)
	}
	return all
}

// joinable reports whether the unit to, which reads from, can take it in if nothing
// would have to run in the middle: both are elementwise over one shape, or from is of
// that shape and has an epilogue.
func joinable(from, to *unit) bool {
	if len(from.members) == 0 && (!from.root.traits().epilogue || from.root.konst != nil) {
		return false
	}
	if from.root != nil && to.root != nil || from.update != to.update {
		return false
	}
	if len(from.members)+len(to.members) > maxMembers {
		return false
	}
	shape := to.members[0].shape
	if !from.values()[0].shape.Equal(shape) {
		return false
	}
	cuts, ok := from.cuts.join(to.cuts)
	if !ok || (from.root != nil || to.root != nil) && !cuts.rows(shape[len(shape)-1], shape.Numel()) {
		return false
	}
	// A kernel's operands can't be made in its epilogue.
	return to.root == nil || !slices.ContainsFunc(to.root.in, func(x *value) bool { return x.unit == from })
}

// merge moves from's values into to.
func (p *Plan) merge(from, to *unit) {
	if from.root != nil {
		to.root = from.root
	}
	to.cuts, _ = to.cuts.join(from.cuts)
	to.members = append(to.members, from.members...)
	slices.SortFunc(to.members, func(a, b *value) int { return a.id - b.id })
	for _, v := range from.values() {
		v.unit = to
	}
}

// schedule orders the units: each after those it reads, the update's last,
// otherwise as they were written. Units that could run at the same time are on
// one level, the lowest that what they read allows; without passes each is on a
// level of its own.
func (p *Plan) schedule() {
	waiting := map[*unit]int{}
	readers := map[*unit][]*unit{}
	for _, u := range p.units {
		seen := map[*unit]bool{u: true}
		for _, v := range u.values() {
			for _, x := range v.in {
				if !seen[x.unit] {
					seen[x.unit] = true
					waiting[u]++
					readers[x.unit] = append(readers[x.unit], u)
				}
			}
		}
	}
	ready := &unitHeap{}
	for _, u := range p.units {
		if waiting[u] == 0 {
			heap.Push(ready, u)
		}
	}
	ordered := make([]*unit, 0, len(p.units))
	for ready.Len() > 0 {
		u := heap.Pop(ready).(*unit)
		u.index = len(ordered)
		ordered = append(ordered, u)
		for _, r := range readers[u] {
			if waiting[r]--; waiting[r] == 0 {
				heap.Push(ready, r)
			}
		}
	}
	if len(ordered) != len(p.units) {
		panic("plan: units depend on each other") // a bug of fuse
	}
	if !p.config.NoPasses {
		joinSmall(ordered)
		assignLevels(ordered)
	}
	p.units = ordered
	p.levels = ordered[len(ordered)-1].index + 1
}

// cost estimates what the unit costs on one core, in nanoseconds. It decides
// what is run where, never what comes of it.
func (u *unit) cost() int {
	ns := 0
	for _, v := range u.values() {
		if cost := v.traits().cost; cost != nil {
			ns += cost(v)
		} else {
			ns += v.n / 16
		}
	}
	return ns
}

// smallCost is the cost below which a level is not worth a hand-off, which takes
// up to half a microsecond.
const smallCost = 2000

// joinSmall puts a small unit that one other small unit alone reads into that one's
// task: a hand-off would cost more than it does. One that computes nothing, since it
// is empty, is not called, and ends no task.
func joinSmall(units []*unit) {
	small := func(u *unit) bool {
		return !u.free() && u.cost() < smallCost && (u.root == nil || u.root.n > 0 && !u.root.traits().tasks)
	}
	for _, u := range slices.Backward(units) {
		if !small(u) {
			continue
		}
		var reader *unit
		single := true
		for _, v := range u.stored {
			single = single && !v.liveOut
			for _, r := range v.reads {
				if r.unit != u {
					single = single && (reader == nil || reader == r.unit)
					reader = r.unit
				}
			}
		}
		if single && reader != nil && reader.update == u.update && small(reader) {
			u.next = reader
		}
	}
	for _, u := range units { // a view belongs to the task that computes its memory
		if u.root != nil && u.root.view() {
			if root, _ := u.root.root(); root.unit.update == u.update { // else it would move the task to the update
				u.next = root.unit.next
			}
		}
	}
	for _, u := range slices.Backward(units) { // the next one comes later
		if u.next != nil {
			u.end = u.next.task()
		}
	}
}

// task returns the last unit of the task that u is part of.
func (u *unit) task() *unit {
	if u.end == nil {
		return u
	}
	return u.end
}

// assignLevels gives the units, which are in order, their levels, and sorts by them.
func assignLevels(units []*unit) {
	first := 0 // of the update
	for _, u := range units {
		u.index = 0
	}
	for _, u := range units {
		task := u.task()
		if u.update {
			task.index = max(task.index, first)
		}
		for _, v := range u.values() {
			for _, x := range v.in {
				if from := x.unit; from.task() != task {
					at := from.task().index
					if !from.free() {
						at++
					}
					task.index = max(task.index, at)
				}
			}
		}
		if !u.update {
			first = max(first, task.index+1)
		}
	}
	for _, u := range units {
		u.index = u.task().index
	}
	delay(units)
	slices.SortStableFunc(units, func(a, b *unit) int { return a.index - b.index })
}

// delay moves units that are late, and those that read such alone, to the level before the first that reads them.
func delay(units []*unit) {
	late := map[*unit]bool{}
	for _, u := range units {
		some, all := u.root != nil && u.root.traits().late, true
		for _, v := range u.values() {
			for _, x := range v.in {
				if from := x.unit; from != u && !from.free() {
					some, all = some || late[from], all && late[from]
				}
			}
		}
		if some && all && !u.update {
			late[u] = true
		}
	}
	if len(late) == 0 {
		return
	}
	for _, u := range slices.Backward(units) {
		if !late[u] || u.next != nil {
			continue
		}
		first, kept := math.MaxInt, false
		for _, v := range u.stored {
			kept = kept || v.liveOut
			for _, x := range v.users {
				if task := x.unit.task(); task != u {
					first = min(first, task.index)
				}
			}
		}
		if !kept && first < math.MaxInt {
			u.index = max(u.index, first-1)
		}
	}
	for _, u := range units {
		u.index = u.task().index
	}
}

// unitHeap yields the update's units last, then the earliest written first.
type unitHeap []*unit

func (h unitHeap) Len() int { return len(h) }
func (h unitHeap) Less(i, j int) bool {
	if h[i].update != h[j].update {
		return h[j].update
	}
	return h[i].lastID() < h[j].lastID()
}
func (h unitHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *unitHeap) Push(x any)   { *h = append(*h, x.(*unit)) }
func (h *unitHeap) Pop() any {
	u := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return u
}
