package plan

// This file answers whether one unit depends on another while units are merged. It keeps
// all units in a topological order, so that a search for a path between two looks only at
// the units that the order has between them.

import (
	"cmp"
	"math"
	"slices"
)

// An order is a topological order of units as a list; numbers increase along it. When two
// units are merged, the units that the search has found between them move, as in Pearce
// and Kelly's dynamic topological sort (2006).
type order struct {
	head     unit // precedes the first unit and follows the last
	searches int
	users    []*unit // the last search's from, and what it found to depend on that
	inputs   []*unit // the last search's to, and what it found that to depends on
	usersEnd bool    // users is complete; else inputs is
}

// A position is where a unit is in an order.
type position struct {
	number        int64
	before, after *unit
	used, needed  int // the number of the last search that reached the unit forward, and back
}

// order lists the units, each of one value, by the lengths of their longest paths from
// leaves.
//
// It also numbers a tree in which the parent of each value is the operand with the longest
// path. The descendants of a value have an interval of numbers. Most values that depend on
// another are descendants of it, which descends finds out without a search.
func (p *Plan) order() *order {
	depth := make([]int, len(p.values))
	size := make([]int, len(p.values)) // how many descendants a value has, itself among them
	parent := make([]*value, len(p.values))
	for _, v := range p.values {
		for _, x := range v.in {
			if parent[v.id] == nil || depth[x.id] > depth[parent[v.id].id] {
				parent[v.id] = x
			}
		}
		if x := parent[v.id]; x != nil {
			depth[v.id] = depth[x.id] + 1
		}
		size[v.id]++
	}
	for _, v := range slices.Backward(p.values) {
		if x := parent[v.id]; x != nil {
			size[x.id] += size[v.id]
		}
	}
	free := 0
	next := make([]int, len(p.values)) // the first number of a value's interval that no child has
	for _, v := range p.values {
		at := &free
		if x := parent[v.id]; x != nil {
			at = &next[x.id]
		}
		v.first, v.last = *at, *at+size[v.id]-1
		*at += size[v.id]
		next[v.id] = v.first + 1
	}

	o := &order{}
	o.head.before, o.head.after = &o.head, &o.head
	o.head.number = math.MaxInt64
	for _, v := range slices.SortedStableFunc(slices.Values(p.values), func(a, b *value) int { return cmp.Compare(depth[a.id], depth[b.id]) }) {
		v.unit.link(o.head.before, &o.head)
	}
	o.renumber()
	return o
}

// link puts u between two that are neighbours.
func (u *unit) link(before, after *unit) {
	u.before, u.after = before, after
	before.after, after.before = u, u
}

// unlink takes u out.
func (u *unit) unlink() { u.before.after, u.after.before = u.after, u.before }

// renumber gives all units numbers at equal distances.
func (o *order) renumber() {
	n := int64(0)
	for u := o.head.after; u != &o.head; u = u.after {
		n++
	}
	step := math.MaxInt64 / (n + 1)
	at := int64(0)
	for u := o.head.after; u != &o.head; u = u.after {
		at += step
		u.number = at
	}
}

// between reports whether a value outside both units depends on from and is needed by
// to, which reads from. It goes forward from the one and back from the other in turns,
// since one of the two ways may be long.
func (o *order) between(from, to *unit) bool {
	if descends(from, to) {
		return true
	}
	o.searches++
	o.users, o.inputs = append(o.users[:0], from), append(o.inputs[:0], to)
	for i := 0; ; i++ {
		if i == len(o.users) || i == len(o.inputs) {
			o.usersEnd = i == len(o.users)
			return false
		}
		for v := range o.users[i].all {
			for _, x := range v.users {
				switch u := x.unit; {
				case u == to && i > 0:
					return true
				case u != to && u != from && u.used != o.searches && u.number < to.number:
					u.used = o.searches
					o.users = append(o.users, u)
				}
			}
		}
		for v := range o.inputs[i].all {
			for _, x := range v.in {
				switch u := x.unit; {
				case u == from && i > 0:
					return true
				case u != from && u != to && u.needed != o.searches && u.number > from.number:
					u.needed = o.searches
					o.inputs = append(o.inputs, u)
				}
			}
		}
	}
}

// descends reports whether an operand of to, outside both units, is a descendant in the tree of a value of
// from.
func descends(from, to *unit) bool {
	for v := range to.all {
		for _, x := range v.in {
			if x.unit == from || x.unit == to {
				continue
			}
			for a := range from.all {
				if a.first <= x.first && x.first <= a.last {
					return true
				}
			}
		}
	}
	return false
}

// move gives to, which from is about to be merged into, a place after all that either
// reads and before all that reads either. between was called with the two just before,
// and found nothing.
func (o *order) move(from, to *unit) {
	byNumber := func(a, b *unit) int { return cmp.Compare(a.number, b.number) }
	if o.usersEnd { // to keeps its place, and what depends on from moves behind it
		from.unlink()
		o.insert(to, slices.SortedFunc(slices.Values(o.users[1:]), byNumber))
		return
	}
	// to comes where from is, and what it needs before it.
	needed := append(slices.SortedFunc(slices.Values(o.inputs[1:]), byNumber), to)
	before := from.before
	from.unlink()
	o.insert(before, needed)
}

// insert moves units behind another.
func (o *order) insert(before *unit, list []*unit) {
	for _, u := range list {
		u.unlink()
	}
	after := before.after
	low := int64(0)
	if before != &o.head {
		low = before.number
	}
	step := (after.number - low) / int64(len(list)+1)
	for i, u := range list {
		u.link(before, after)
		u.number = low + int64(i+1)*step
		before = u
	}
	if step == 0 && len(list) > 0 {
		o.renumber()
	}
}
