package plan

// This file binds a plan to memory and runs it.

import (
	"unsafe"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
)

// An Exec is a plan bound to an arena of its own and to the parameters' storage.
// One goroutine at a time may use it.
type Exec struct {
	// Seed and Step key the random numbers of the next run.
	Seed, Step uint64

	plan    *Plan
	arena   []byte // at a line of the cache
	storage map[*graph.Node]slab.Span
	compute []cpu.Kernel
	ends    []int // by level: how many kernels of compute are of it or of those before
	update  []cpu.Kernel
	bad     uint32      // set by the checks of Compute
	small   [][]float32 // checked by Finite itself
	windows map[*graph.Node]*Window
	kept    *product.Kept // where second factors of products that are Params are packed once for many runs, or nil
	packed  *Packed       // which kept is of, or nil
}

// Bind allocates an arena and binds every kernel. storage holds the contents of
// each Param node; Update writes to them. What it has for a node of Program.Windows is the memory until Point says another.
func (p *Plan) Bind(storage map[*graph.Node]slab.Span) *Exec { return p.bind(storage, nil, nil) }

// bind is Bind for a plan that is run many times after each change of a Param, before which the tasks of kept are to be done: by one core, unless
// kept is of packed.
func (p *Plan) bind(storage map[*graph.Node]slab.Span, kept *product.Kept, packed *Packed) *Exec {
	e := &Exec{plan: p, arena: mem.Make[byte](p.arena), storage: storage, windows: map[*graph.Node]*Window{}, kept: kept, packed: packed}
	for n := range p.program.Windows {
		if p.opens(n) {
			e.windows[n] = &Window{data: storage[n].Host()}
		}
	}
	for i := 0; i < len(p.units); {
		first := p.units[i]
		var kernels []weighed
		before := map[*unit]task{} // by the last unit of a task: the kernels of the task that run before the unit's
		for ; i < len(p.units) && p.units[i].index == first.index; i++ {
			u := p.units[i]
			if !u.called() {
				continue
			}
			list := u.kernels(e.data, e)
			switch {
			case u.next != nil:
				before[u.task()] = append(before[u.task()], list...)
			case before[u] != nil:
				kernels = append(kernels, weighed{append(before[u], list...), u.cost()})
			default:
				for _, k := range list {
					kernels = append(kernels, weighed{k, u.cost() / len(list)})
				}
			}
		}
		list := &e.compute
		if first.update {
			list = &e.update
		}
		*list = append(*list, levelOf(kernels)...)
		for len(e.ends) <= first.index {
			e.ends = append(e.ends, len(e.compute))
		}
	}
	var checks []weighed
	for _, v := range p.checks {
		if v.n <= smallCheck {
			e.small = append(e.small, e.data(v))
		} else {
			checks = append(checks, weighed{&reduce.AllFinite{X: e.data(v), Bad: &e.bad}, v.n / 32})
		}
	}
	e.compute = append(e.compute, levelOf(checks)...)
	for _, m := range p.moves {
		e.update = append(e.update, e.move(m))
	}
	return e
}

// move stores the new value of a parameter, or of some of its rows.
func (e *Exec) move(m update) cpu.Kernel {
	if m.rows == nil {
		return copyOf(e.data(m.param), e.data(m.value))
	}
	rows, width := rowsOf(m.param, false)
	return &move.StoreRows{Src: e.data(m.value), Dst: e.data(m.param), Rows: rows, Width: width, Indices: e.indices(m.rows, e.data)}
}

// data returns the memory of v.
func (e *Exec) data(v *value) []float32 {
	if v.konst != nil {
		return v.konst
	}
	root, offset := v.root()
	b, n := root.buffer, v.extent()
	offset += root.offset
	switch {
	case root.konst != nil:
		return root.konst[offset:][:n:n]
	case root.param():
		return e.storage[root.node].Part(offset, n).Host()
	case b.param != nil:
		return e.storage[b.param.node].Part(offset, n).Host()
	case b.window != nil:
		return e.windows[b.window].data[offset:][:n:n]
	}
	return elements[float32](e.arena, b.offset, offset+n)[offset:]
}

// A Window is the memory of an Input or of an output, which may be elsewhere at each run.
type Window struct {
	data    []float32
	readers []windowReader // and who writes to it
}

// A windowReader is a kernel that has n numbers of a window, from number at on.
type windowReader struct {
	at, n int
	move  func(data []float32)
}

// Window returns the window of a node, or nil if that is in the arena.
func (e *Exec) Window(n *graph.Node) *Window { return e.windows[n] }

// Point says where the memory is from now on.
func (w *Window) Point(data []float32) {
	w.data = data
	for i := range w.readers {
		r := &w.readers[i]
		r.move(data[r.at:][:r.n:r.n])
	}
}

// follow has a kernel told where the memory of x is, if that is a window.
func (e *Exec) follow(x *value, move func(data []float32)) {
	if len(e.windows) == 0 { // as of what is computed at compile time, which has no place yet
		return
	}
	root, offset := x.root()
	if b := root.buffer; root.konst == nil && b != nil && b.window != nil {
		w := e.windows[b.window]
		w.readers = append(w.readers, windowReader{root.offset + offset, x.extent(), move})
	}
}

// opens reports whether a node is in a window.
func (p *Plan) opens(n *graph.Node) bool {
	v := p.nodes[n]
	return v != nil && v.base.buffer != nil && v.base.buffer.window == n
}

// window reports whether a node is in a window, and how far its rows are apart then.
func (p *Plan) window(n *graph.Node) (stride int, ok bool) { return p.nodes[n].rowStride(), p.opens(n) }

// rows returns the memory of an Input or an output, and how far the rows of its first dimension are apart.
func (e *Exec) rows(n *graph.Node) (data []float32, stride int) {
	v := e.plan.nodes[n]
	return e.data(v), v.rowStride()
}

// elements returns n numbers of memory from byte at on, which are aligned.
func elements[T float32 | uint8](memory []byte, at, n int) []T {
	if n == 0 {
		return []T{}
	}
	_ = memory[at+n*int(unsafe.Sizeof(*new(T)))-1]
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[at])), n)
}

// ints returns memory in which integers are stored.
func ints(memory []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory))
}

// Bytes is Value for an Input that holds bytes.
func (e *Exec) Bytes(n *graph.Node) []uint8 {
	v := e.plan.nodes[n]
	if v == nil || v.dtype != graph.Uint8 || !v.input() {
		return nil
	}
	return e.bytes(v)
}

// Int32s is Value for an Input that holds integers.
func (e *Exec) Int32s(n *graph.Node) []int32 {
	v := e.plan.integers[n]
	if v == nil {
		return nil
	}
	return ints(e.data(v))
}

// bytes returns the memory of an input of bytes, or of a view of one.
func (e *Exec) bytes(v *value) []uint8 {
	root, at := v.root()
	return elements[uint8](e.arena, root.buffer.offset, at+v.n)[at:]
}

// Value returns the memory of an Input node, to be filled before a run, or of an
// output, to be read after it. It is nil for a node that the plan doesn't hold.
func (e *Exec) Value(n *graph.Node) []float32 {
	v := e.plan.nodes[n]
	if v == nil || v.dtype != graph.Float32 || v.buffer == nil && !v.view() && v.konst == nil {
		return nil
	}
	return e.data(v)
}

// Compute runs everything but the updates: one kernel, or one level of kernels, after the other. Between two there is this loop
// and what par.Pool.Run takes to hand the next one out.
func (e *Exec) Compute(p *par.Pool) {
	e.bad = 0
	if e.packed != nil {
		e.packed.renew(p)
	}
	for _, k := range e.compute {
		k.Run(p)
	}
}

// computed returns how many kernels have run when a node is computed.
func (e *Exec) computed(n *graph.Node) int { return e.ends[e.plan.nodes[n].unit.index] }

// Finite reports whether all checked values of the last Compute are finite.
func (e *Exec) Finite() bool {
	for _, list := range e.small {
		for _, x := range list {
			if x-x != 0 {
				return false
			}
		}
	}
	return e.bad == 0
}

// Update stores the new parameters.
func (e *Exec) Update(p *par.Pool) {
	for _, k := range e.update {
		k.Run(p)
	}
}

// A NonFinite is the first value of a run that is not finite: a parameter, an input or
// a result.
type NonFinite struct {
	Node  *graph.Node
	Index int // of the first element that is not finite
	// Row is the first row of the batch that is not finite, if Node is an Input
	// or has the batch as its first dimension, else -1.
	Row int
}

// FirstNonFinite runs the last Compute again, node by node, and finds the first value
// that is not finite, parameters and inputs first. The parameters must not have
// been updated since. It returns nil if all is finite.
func (e *Exec) FirstNonFinite(pool *par.Pool) (*NonFinite, error) {
	config := e.plan.config
	config.NoPasses = true
	p, err := Compile(e.plan.program, config)
	if err != nil {
		return nil, err
	}
	again := p.Bind(e.storage)
	again.Seed, again.Step = e.Seed, e.Step
	for _, leaf := range []role{roleParam, roleInput} {
		for _, n := range p.program.Graph.Nodes() {
			if table[n.Op()].role != leaf || p.nodes[n] == nil {
				continue
			}
			var content []float32
			switch to := p.nodes[n]; {
			case leaf == roleParam:
				content = e.storage[n].View()
			case p.integers[n] != nil: // all of them are finite
				copy(again.Int32s(n), e.Int32s(n))
			case to.dtype == graph.Float32:
				content = again.data(to)
				copy(content, e.Value(n))
			default: // so are bytes
				copy(again.Bytes(n), e.Bytes(n))
			}
			if c := firstNonFinite(n, content); c != nil {
				return c, nil
			}
		}
	}
	origin := map[*value]*graph.Node{}
	for _, n := range p.program.Graph.Nodes() {
		if v := p.nodes[n]; v != nil && origin[v] == nil {
			origin[v] = n
		}
	}
	for _, u := range p.units {
		if u.update || !u.called() {
			continue
		}
		for _, k := range u.kernels(again.data, again) {
			k.Run(pool)
		}
		for _, v := range u.stored {
			if n := origin[v]; n != nil && v.dtype == graph.Float32 {
				if c := firstNonFinite(n, again.data(v)); c != nil {
					return c, nil
				}
			}
		}
	}
	return nil, nil
}

// firstNonFinite returns the first element of n's content that is not finite, nil if all
// are.
func firstNonFinite(n *graph.Node, content []float32) *NonFinite {
	for i, x := range content {
		if x-x == 0 {
			continue
		}
		c := &NonFinite{Node: n, Index: i, Row: -1}
		if s := n.Shape(); len(s) > 0 && s[0] < 0 {
			width := 1
			for _, d := range s[1:] {
				width *= d
			}
			c.Row = i / width
		}
		return c
	}
	return nil
}
