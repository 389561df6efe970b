package plan

// This file turns graph nodes into values: concrete shapes, no duplicates, no
// dead code, constants folded.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/tensor"
)

// A value is one result of the program, of a concrete shape.
type value struct {
	id    int
	node  *graph.Node // the Input or the Param that it is, if it is one
	op    graph.Op
	in    []*value
	attr  *graph.Attr
	shape tensor.Shape
	dtype graph.DType // what the elements are stored as: of leaves, and what is moved of them, others than Float32 too
	n     int         // elements
	scope string

	konst    []float32 // what it holds, if that is known at compile time
	update   bool      // needed by the update alone
	newParam bool      // what an update stores in a parameter
	liveOut  bool      // read after the run
	check    bool      // must be finite, which its kernel finds out by the way
	unstored bool      // not stored: the kernels that read it compute it a part at a time, as they go
	users    []*value  // each once
	layout
	reads []*value // of a base: what reads it or a view of it, each once

	lastRead   int   // of a base: the last level that reads it
	lastReader *unit // the unit that does, or the value's own if there are several
	unit       *unit
	first      int // the least number of the value and its descendants in the tree that order.go makes
	last       int // the greatest

	buffer *buffer // where it is stored; views and placed values share one
	offset int     // in the buffer

	bodies []*Plan // of a scan: the plans of its body, for each number of rows that its blocks have

	inPlace []bool // which operands are stored where they belong in v, if it joins them; nil: none
}

// bytes returns how much memory v's elements take.
func (v *value) bytes() int { return v.n * v.dtype.Size() }

// traits returns the row of the value's op.
func (v *value) traits() *traits { return &table[v.op] }

func (v *value) elementwise() bool { return v.traits().role == roleElementwise }

// input reports whether v is given before each run, param whether it outlives runs.
func (v *value) input() bool { return v.traits().role == roleInput }
func (v *value) param() bool { return v.traits().role == roleParam }

// slab reports whether v is computed by placing its operands in it.
func (v *value) slab() bool { return v.konst == nil && v.traits().slab }

// scalar reports whether v is one constant number, which programs hold inline.
func (v *value) scalar() bool { return v.konst != nil && v.n == 1 }

// leaf reports whether v is not computed.
func (v *value) leaf() bool {
	return v.konst != nil || v.input() || v.param()
}

// view reports whether v is its operand's memory under another shape.
func (v *value) view() bool {
	return v.konst == nil && (v.alias || v.traits().role == roleView)
}

// lowering is the state of Plan.lower.
type lowering struct {
	*Plan
	batch int
	seen  map[string]*value
	need  []bool // by node, whether a result depends on it
	err   error  // of what can't be compiled

	readers map[*graph.Node][]*graph.Node // see readersOf; nil until it is asked
}

func (p *Plan) lower() error {
	l := &lowering{Plan: p, batch: p.config.Batch, seen: map[string]*value{}}
	p.nodes, p.integers = map[*graph.Node]*value{}, map[*graph.Node]*value{}
	l.need = l.reachable()
	needed := l.need
	for _, n := range p.program.Graph.Nodes() {
		if needed[n.ID()] {
			v, err := l.node(n)
			if err := cmp.Or(err, l.err); err != nil {
				return err
			}
			p.nodes[n] = v
		}
	}
	for _, list := range [][]*graph.Node{p.program.Outputs, p.program.Checks} {
		for _, n := range list {
			p.nodes[n] = l.compact(l.floats(p.nodes[n], n.Scope()))
		}
	}
	for _, u := range p.program.Updates {
		value := l.compact(l.floats(p.nodes[u.Value], u.Value.Scope()))
		if root, _ := value.root(); root.param() {
			// Another update may overwrite what this one stores.
			value = l.repeat(value, value.shape, value.scope)
		}
		value.newParam = true
		up := update{param: p.nodes[u.Param], value: value}
		if u.Rows != nil {
			up.rows = l.indices(u.Rows)
			up.rows.newParam = true // is read after the run
		}
		p.updates = append(p.updates, up)
	}
	p.dropDead()
	return nil
}

// indices returns what names rows, as it is stored.
func (l *lowering) indices(n *graph.Node) *value {
	v := l.nodes[n]
	if !l.config.NoPasses {
		v = v.stored(graph.Uint8)
	}
	return l.compact(v)
}

// reachable marks the nodes that the program's results depend on, and all inputs.
func (l *lowering) reachable() []bool {
	nodes := l.program.Graph.Nodes()
	needed := make([]bool, len(nodes))
	for _, list := range [][]*graph.Node{l.program.Outputs, l.program.Checks} {
		for _, n := range list {
			needed[n.ID()] = true
		}
	}
	for _, u := range l.program.Updates {
		needed[u.Param.ID()], needed[u.Value.ID()] = true, true
		if u.Rows != nil {
			needed[u.Rows.ID()] = true
		}
	}
	for _, n := range slices.Backward(nodes) {
		if table[n.Op()].role == roleInput {
			needed[n.ID()] = true
		}
		if needed[n.ID()] {
			for _, in := range n.Inputs() {
				needed[in.ID()] = true
			}
		}
	}
	return needed
}

// readersOf returns what reads n, of what is needed: nil stands for who reads results.
func (l *lowering) readersOf(n *graph.Node) []*graph.Node {
	if l.readers == nil {
		l.readers = l.program.readers(l.need)
	}
	return l.readers[n]
}

// readers returns what reads each node, of those that are needed: nil stands for who reads results.
func (p *Program) readers(need []bool) map[*graph.Node][]*graph.Node {
	readers := map[*graph.Node][]*graph.Node{}
	for _, n := range p.Graph.Nodes() {
		for _, x := range n.Inputs() {
			if need[n.ID()] {
				readers[x] = append(readers[x], n)
			}
		}
	}
	for _, n := range slices.Concat(p.Outputs, p.Checks) {
		readers[n] = append(readers[n], nil)
	}
	for _, u := range p.Updates {
		readers[u.Value] = append(readers[u.Value], nil)
	}
	return readers
}

// node lowers one node whose inputs are lowered.
func (l *lowering) node(n *graph.Node) (*value, error) {
	in := make([]*value, len(n.Inputs()))
	for i, x := range n.Inputs() {
		in[i] = l.nodes[x]
	}
	shape := n.Shape().Concrete(l.batch)
	if err := shape.Check(); err != nil {
		v := value{op: n.Op(), attr: n.Attr(), scope: n.Scope()}
		return nil, fmt.Errorf("%s for a batch of %d: %w", v.whose(), l.batch, err)
	}
	row := &table[n.Op()]
	l.widen(row, n.Attr(), in, n.Scope())
	switch {
	case row.role == noRole:
		return nil, fmt.Errorf("plan: no kernel for %v", n)
	case row.lower != nil:
		return row.lower(l, n, shape, in), nil
	}
	return l.add(n.Op(), n.Attr(), shape, n.Scope(), in...), nil
}

// add makes a value, or finds the one that is equal.
func (l *lowering) add(op graph.Op, attr *graph.Attr, shape tensor.Shape, scope string, in ...*value) *value {
	if v := l.reordered(op, attr, shape, scope, in); v != nil {
		return v
	}
	v := &value{id: len(l.values), op: op, attr: attr, shape: shape, n: shape.Numel(), scope: scope, in: in}
	if v.dtype = attr.DType; v.traits().moves {
		v.dtype = in[0].dtype
	}
	if v.elementwise() {
		l.broadcast(v)
	} else {
		l.gather(v)
	}
	if !l.config.NoPasses && !v.input() && !v.param() {
		key := keyOf(op, attr, shape, v.in)
		if same, ok := l.seen[key]; ok {
			return same
		}
		l.fold(v)
		l.seen[key] = v
	}
	l.settle(v)
	v.id = len(l.values)
	l.values = append(l.values, v)
	return v
}

// find returns the value that add would find, or nil.
func (l *lowering) find(op graph.Op, attr *graph.Attr, shape tensor.Shape, in ...*value) *value {
	return l.seen[keyOf(op, attr, shape, in)]
}

// keyOf is equal for values that are.
func keyOf(op graph.Op, attr *graph.Attr, shape tensor.Shape, in []*value) string {
	var key strings.Builder
	fmt.Fprint(&key, op, " ", attr.Key(), " ", shape)
	for _, x := range in {
		fmt.Fprint(&key, " ", x.id)
	}
	return key.String()
}

// fold computes a value whose operands are all known.
func (l *lowering) fold(v *value) {
	if len(v.in) == 0 || v.traits().random {
		return
	}
	for _, x := range v.in {
		if x.konst == nil {
			return
		}
	}
	if v.view() {
		l.settle(v)
		v.konst = v.base.konst[v.at:][:v.n:v.n]
		return
	}
	if mem.Check(v.n, 4, "") != nil {
		return // place returns the error
	}
	v.konst = l.evaluate(v)
}

// reordered computes an elementwise value in the order that its operands' dimensions have in memory, where
// fewer of them are copied then, and returns a view in the order that is asked for: where channels come first
// after a convolution, whose result has them last, they stay last. It returns nil if that is not so.
func (l *lowering) reordered(op graph.Op, attr *graph.Attr, shape tensor.Shape, scope string, in []*value) *value {
	n := shape.Numel()
	if l.config.NoPasses || table[op].role != roleElementwise || table[op].random || n == 0 {
		return nil
	}
	var order []int // of the axes
	in = slices.Clone(in)
	for i, x := range in {
		for from := x.repeated(); from != nil; from = x.repeated() {
			x = from
		}
		in[i] = x
		if x.n == n && len(x.shape) != len(shape) {
			return nil
		}
		if _, ok := cutsOf(x, shape); !ok && x.n == n && x.steps != nil && order == nil {
			for axis := range shape {
				order = append(order, axis)
			}
			slices.SortStableFunc(order, func(a, b int) int { return x.steps[b] - x.steps[a] })
		}
	}
	if order == nil {
		return nil
	}
	now, then := 0, 0 // operands that are copied
	for _, x := range in {
		if x.n < n || x.konst != nil {
			continue
		}
		if _, ok := cutsOf(x, shape); !ok {
			now++
		}
		if !x.inRows(order) {
			then++
		}
	}
	if then >= now {
		return nil
	}
	for i, x := range in {
		if x.n > 1 {
			in[i] = l.permuted(x, order, scope)
		}
	}
	moved, back := make(tensor.Shape, len(order)), make([]int, len(order))
	for to, from := range order {
		moved[to], back[from] = shape[from], to
	}
	return l.permuted(l.add(op, attr, moved, scope, in...), back, scope)
}

// inRows reports whether neighbours along the last of the axes, in that order, are neighbours in memory.
func (x *value) inRows(order []int) bool {
	steps := x.strides()
	if steps == nil {
		return false
	}
	for _, axis := range slices.Backward(order) {
		if x.shape[axis] > 1 {
			return steps[axis] == 1
		}
	}
	return true
}

// broadcast sees to it that an elementwise value's program can read its operands; what
// it can't is spread out to the full shape first. With passes on, an operand that was
// spread out already is read where it came from, if it can be.
func (l *lowering) broadcast(v *value) {
	var all cuts
	v.in = slices.Clone(v.in)
	for i, x := range v.in {
		joined, ok := l.joined(all, x, v.shape)
		if !l.config.NoPasses {
			for from := x.repeated(); from != nil; from = x.repeated() {
				under, fits := l.joined(all, from, v.shape)
				if !fits {
					break
				}
				x, joined, ok = from, under, true
			}
		}
		if ok {
			all = joined
		} else {
			x = l.repeat(x, v.shape, v.scope)
		}
		v.in[i] = x
	}
}

// joined adds the cuts that x needs to those that there are. Without passes there is one at most.
func (l *lowering) joined(all cuts, x *value, out tensor.Shape) (cuts, bool) {
	more, ok := cutsOf(x, out)
	if ok {
		all, ok = all.join(more)
	}
	return all, ok && (len(all) < 2 || !l.config.NoPasses)
}

// dropDead drops what is not read any more, finds who reads what, and what is
// needed by the update alone.
func (p *Plan) dropDead() {
	const dead, update, compute = 0, 1, 2
	need := make(map[*value]int)
	for _, u := range p.updates {
		need[u.param], need[u.value] = update, update
		if u.rows != nil {
			need[u.rows] = update
		}
	}
	for _, list := range [][]*graph.Node{p.program.Outputs, p.program.Checks} {
		for _, n := range list {
			v := p.nodes[n]
			need[v] = compute
			v.liveOut = true
		}
	}
	for _, v := range slices.Backward(p.values) {
		for _, x := range v.in {
			need[x] = max(need[x], need[v])
		}
	}
	kept := p.values[:0]
	for _, v := range p.values {
		if need[v] == dead && !v.input() {
			continue
		}
		v.id = len(kept)
		v.update = need[v] == update
		kept = append(kept, v)
		for _, x := range v.in {
			if len(x.users) == 0 || x.users[len(x.users)-1] != v {
				x.users = append(x.users, v)
			}
		}
	}
	p.values = kept
	// A view that is read after the run keeps its root.
	for _, v := range p.values {
		if v.liveOut {
			v.base.liveOut = true
		}
		if !v.view() {
			for _, x := range v.in {
				if r := x.base.reads; len(r) == 0 || r[len(r)-1] != v {
					x.base.reads = append(r, v)
				}
			}
		}
	}
}
