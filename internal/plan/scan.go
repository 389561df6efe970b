package plan

// This file runs scans: the body, which has a plan of its own, step by step.
//
// Rows of the batch don't depend on each other, so a block of them stays with a core for all steps: there is no waiting
// between steps, and a block's state and its part of the arena stay in the core's cache. What the body reads of sequences and
// of the state, and what it gives, its kernels find where it is at each step: nothing is copied, but for kernels that can't.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
)

const (
	// Blocks of a scan have about so many rows: as many as make good use of what a product reads of a weight, and so
	// few that there are blocks for many cores.
	blockRows = 32

	// A batch that would be one block is two, of at least so many rows.
	leastBlockRows = 8
)

// blocksOf returns where the blocks of a batch begin, and where the last one ends.
func blocksOf(batch int) []int {
	count := max((batch+blockRows-1)/blockRows, min(batch/leastBlockRows, 2), 1)
	if count > 1 && count%2 == 1 { // as many for each of two cores
		count++
	}
	list := make([]int, count+1)
	for i := range list {
		list[i] = batch * i / count
	}
	return list
}

// bodiesOf compiles a body for each number of rows that the blocks of a batch have. in are the operands of the scan, nil if they are
// constants.
func bodiesOf(config Config, body *graph.Body, batch int, in []*value) ([]*Plan, error) {
	var list []*Plan
	program := Program{Graph: body.Graph(), Outputs: body.Results(), Windows: windowsOf(body, in)}
	blocks := blocksOf(batch)
	for i := range blocks[1:] {
		rows := blocks[i+1] - blocks[i]
		if slices.ContainsFunc(list, func(p *Plan) bool { return p.config.Batch == rows }) {
			continue
		}
		config.Batch = rows
		p, err := Compile(program, config)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// perRow returns how many numbers n has in a row of the batch.
func perRow(n *graph.Node) int { return n.Shape()[1:].Numel() }

// windowsOf returns how far the rows of a body's operands and results lie apart.
func windowsOf(body *graph.Body, in []*value) map[*graph.Node]int {
	windows := map[*graph.Node]int{}
	open := func(n *graph.Node, stride int) {
		if n.Op().Leaf() && slices.Contains(body.Results(), n) {
			return // what a step is given and gives as it is would be in two places: it is copied
		}
		if w := perRow(n); stride == w || stride > w && w >= leastRow {
			windows[n] = stride
		}
	}
	columns := body.Columns()
	for i, n := range body.Results() {
		if i < len(columns) {
			open(n, body.Width())
		} else {
			open(n, perRow(n))
		}
	}
	for i, k := range body.Next() {
		n := body.Carry()[i]
		if k < len(columns) {
			open(n, body.Width())
		} else {
			open(n, perRow(n))
		}
	}
	for i, n := range body.Sequences() {
		if in != nil {
			open(n, in[len(body.Carry())+i].strides()[1])
		}
	}
	return windows
}

// A scan multiplies its inputs for itself if blocks have so many rows, since fewer read more of the weight than they save, and inputs so many
// numbers, since the tiles of shorter products take longer than to read what is stored.
const leastProjected, leastInputs = 16, 64

// projected returns the body of a scan with the products in it that its sequences are, and its operands then: what takes more than a
// quarter of the second-level cache, so that it has left it before it is read, is computed when a block needs it, and never stored. Where training stores
// all that the steps give, no time was saved.
func (l *lowering) projected(n *graph.Node, in []*value) (*graph.Body, []*value) {
	body := n.Attr().Body
	if l.config.NoPasses || !body.Last() || l.batch < leastProjected*(len(blocksOf(l.batch))-1) {
		return body, in
	}
	l2 := isa.Caches().L2
	for i, y := range n.Inputs()[len(body.Carry()):][:len(body.Sequences())] {
		with, x, weights := body.Project(i, y)
		if with == nil || x.Shape()[2] < leastInputs || l.readBeside(n, y) ||
			4*y.Shape().Concrete(l.batch).Numel() <= l2/4 || 4*weights[0].Shape().Numel() > l2/2 {
			continue
		}
		sequence := l.floats(l.nodes[x], x.Scope())
		if sequence.dtype != graph.Float32 {
			continue
		}
		body, in = with, slices.Clone(in)
		in[len(body.Carry())+i] = sequence
		for _, w := range weights {
			in = append(in, l.nodes[w])
		}
	}
	return body, in
}

// readBeside reports whether others than a scan, with more or fewer columns, need its operand y.
func (l *lowering) readBeside(scan, y *graph.Node) bool {
	return slices.ContainsFunc(l.readersOf(y), func(n *graph.Node) bool {
		return n == nil || n.Attr().Body == nil || !scan.Attr().Body.Extends(n.Attr().Body)
	})
}

func costOfScan(v *value) int {
	cost := 0
	for _, p := range v.bodies {
		for _, u := range p.units {
			cost += u.cost()
		}
	}
	return cost * v.in[len(v.attr.Body.Carry())].shape[0]
}

// takesScan is for scans, which read rows of the batch at any distance from each other, and steps of time too.
func takesScan(v, x *value) bool {
	body := v.attr.Body
	steps := x.strides()
	if steps == nil {
		return false
	}
	leaves := slices.Concat(body.Carry(), body.Sequences(), body.Constants())
	for i, y := range v.in {
		inner := leaves[i].Shape()
		if y != x {
			continue
		}
		if !inner.HasBatch() {
			return false
		}
		inner = inner[1:]
		for k, step := range strides(inner) {
			if inner[k] > 1 && steps[len(steps)-len(inner)+k] != step {
				return false
			}
		}
	}
	return true
}

// A scan is the kernel.
type scan struct {
	steps   int
	reverse bool
	blocks  []*scanBlock
	kept    product.Kept // weights of the body, unless those of all that the program predicts by are packed
}

// A scanBlock is some rows of the batch, with what computes a step of them.
type scanBlock struct {
	exec    *Exec
	in, out []port
	needed  int       // kernels that the columns need: what comes behind them gives states alone, which nobody asks for after the last step
	once    []rowCopy // done before the first step
	last    []rowCopy // done after the last one
}

// A strip is rows in memory, which begin stride numbers after one another.
type strip struct {
	data   []float32
	stride int
}

// A rowCopy copies rows of so many numbers.
type rowCopy struct {
	dst, src     strip
	count, width int
}

func (r rowCopy) do() {
	switch {
	case r.width == 0:
	case r.dst.stride == r.width && r.src.stride == r.width:
		copy(r.dst.data[:r.count*r.width], r.src.data)
	default:
		for i := range r.count {
			copy(r.dst.data[i*r.dst.stride:][:r.width], r.src.data[i*r.src.stride:])
		}
	}
}

// A place is where rows of a block are at each step of time: one step further on from one to the next, from first on; or in a ring of two.
type place struct {
	strip
	step, first int
	ring        bool
}

// at returns where the rows are at step t.
func (p *place) at(t int) strip {
	i := t + p.first
	if p.ring {
		i %= 2
	}
	return strip{p.data[min(i*p.step, len(p.data)):], p.stride}
}

// from returns the place that begins so many numbers further on.
func (p place) from(n int) place {
	p.data = p.data[min(n, len(p.data)):]
	return p
}

// A port is an Input or a result of the body, and where its rows are at each step.
type port struct {
	place
	node   *graph.Node
	count  int
	width  int
	window *Window // in which they are; nil: they are copied
	own    strip   // of an Input: to here
}

// emitScan makes a scan of the body's plans. Those of a scan that is known at compile time are made here.
func emitScan(c *call) []cpu.Kernel {
	body := c.attr.Body
	carry, xs := len(body.Carry()), len(body.Sequences())
	s := &scanBinder{
		call: c, body: body, carry: c.in[:carry], xs: c.in[carry:][:xs], consts: c.in[carry+xs:],
		steps: c.in[carry].shape[0], batch: c.shape[1], width: c.shape[2], result: c.data(c.value),
	}
	k := &scan{steps: s.steps, reverse: body.Reverse()}
	s.after = 1
	if k.reverse {
		s.begin, s.after = k.steps-1, 0
	}
	bodies := c.bodies
	if bodies == nil {
		var err error
		if bodies, err = bodiesOf(c.exec.plan.config, body, s.batch, nil); err != nil {
			panic(err)
		}
	}
	kept := &k.kept
	if c.exec.packed != nil && !slices.ContainsFunc(s.consts, func(x *value) bool { root, _ := x.root(); return !root.param() }) {
		kept = c.exec.kept
	}
	blocks := blocksOf(s.batch)
	for i, from := range blocks[:len(blocks)-1] {
		if count := blocks[i+1] - from; count > 0 {
			p := bodies[slices.IndexFunc(bodies, func(p *Plan) bool { return p.config.Batch == count })]
			k.blocks = append(k.blocks, s.bind(p, from, count, kept))
		}
	}
	return []cpu.Kernel{k}
}

// A scanBinder makes the blocks of a scan.
type scanBinder struct {
	*call
	body              *graph.Body
	carry, xs, consts []*value
	steps             int
	batch, width      int
	result            []float32
	begin             int // the step of time that is run first
	after             int // 1 if what a step gives is behind what it was given; 0: before that
}

// bind makes the block of count rows, from one on.
func (s *scanBinder) bind(p *Plan, from, count int, kept *product.Kept) *scanBlock {
	b := &scanBlock{}
	// ringOf returns memory for the rows of what a step gives, beside those of what it is given.
	ringOf := func(width int) place {
		return place{strip: strip{mem.Make[float32](2 * count * width), width}, step: count * width, ring: true}
	}
	columns := place{strip: strip{s.result[min(from*s.width, len(s.result)):], s.width}, step: s.batch * s.width}
	if s.body.Last() {
		columns = ringOf(s.width)
		last := columns
		last.first = s.after
		b.last = append(b.last, rowCopy{
			dst: strip{s.result[min(from*s.width, len(s.result)):], s.width}, src: last.at(max(s.steps-1, 0) - s.begin), count: count, width: s.width,
		})
	}
	var given []place // for each result, where that is after a step
	at := 0
	for i, n := range s.body.Results() {
		if i < len(s.body.Columns()) {
			given = append(given, columns.from(at))
			at += perRow(n)
		} else {
			given = append(given, ringOf(perRow(n)))
		}
		given[i].first = s.after
	}
	before := func(k int) place {
		x := given[k]
		x.first = 1 - s.after
		return x
	}

	// The state before the first step, and zeros beside it.
	next := s.body.Next()
	for i := range s.carry {
		x := before(next[i])
		b.once = append(b.once, rowCopy{dst: x.at(s.begin), src: s.rowsOf(s.carry[i], from, 0), count: count, width: perRow(s.body.Carry()[i])})
	}
	for k, n := range s.body.Columns() {
		if x := before(k); !x.ring && !slices.Contains(next, k) {
			b.once = append(b.once, rowCopy{dst: x.at(s.begin), src: strip{make([]float32, perRow(n)), 0}, count: count, width: perRow(n)})
		}
	}
	if s.steps == 0 {
		return b
	}

	storage := map[*graph.Node]slab.Span{}
	for i, n := range s.body.Sequences() {
		x := place{strip: s.rowsOf(s.xs[i], from, 1), step: s.xs[i].strides()[0]}
		b.in = append(b.in, s.port(p, storage, n, x, count))
	}
	for i, n := range s.body.Carry() {
		b.in = append(b.in, s.port(p, storage, n, before(next[i]), count))
	}
	for k, n := range s.body.Results() {
		b.out = append(b.out, s.port(p, storage, n, given[k], count))
	}
	for i, n := range s.body.Constants() {
		if !n.Shape().HasBatch() {
			storage[n] = slab.Of(s.data(s.consts[i]))
		}
	}
	b.exec = p.bind(storage, kept, nil)
	for _, n := range s.body.Columns() {
		b.needed = max(b.needed, b.exec.computed(n))
	}
	for i, n := range s.body.Constants() {
		if n.Shape().HasBatch() {
			to, stride := b.exec.rows(n)
			b.once = append(b.once, rowCopy{dst: strip{to, stride}, src: s.rowsOf(s.consts[i], from, 0), count: count, width: perRow(n)})
		}
	}
	for i := range b.in {
		if x := &b.in[i]; x.own.data == nil {
			x.open(b.exec)
			x.own.data, x.own.stride = b.exec.rows(x.node)
		}
	}
	for i := range b.out {
		b.out[i].open(b.exec)
	}
	return b
}

// rowsOf returns the rows of x from one on, which its axis counts.
func (s *scanBinder) rowsOf(x *value, from, axis int) strip {
	r := strip{stride: x.strides()[axis]}
	if x.n > 0 {
		r.data = s.data(x)[from*r.stride:]
	}
	return r
}

// port makes the port of an Input or of a result. If that is in a window, storage gets what the window shows first.
func (s *scanBinder) port(p *Plan, storage map[*graph.Node]slab.Span, n *graph.Node, at place, count int) port {
	x := port{place: at, node: n, count: count, width: perRow(n)}
	if stride, ok := p.window(n); ok {
		shown := at.at(s.begin)
		if shown.stride != stride && count > 1 { // the sequence was given other gaps since the body was compiled
			x.own = strip{mem.Make[float32](count * stride), stride}
			shown = x.own
		}
		storage[n] = slab.Of(shown.data)
	}
	return x
}

// open looks for the window, and has its kernels find out now what they have to do when it moves.
func (x *port) open(e *Exec) {
	if x.window = e.Window(x.node); x.window != nil {
		x.window.Point(x.window.data)
	}
}

// read makes the rows of step t an Input.
func (x *port) read(t int) {
	if now := x.at(t); x.window != nil {
		x.window.Point(now.data)
	} else {
		rowCopy{x.own, now, x.count, x.width}.do()
	}
}

// store copies a result to where it belongs after step t.
func (x *port) store(t int, e *Exec) {
	if x.window == nil {
		data, stride := e.rows(x.node) // which may be in the window of another node
		rowCopy{x.at(t), strip{data, stride}, x.count, x.width}.do()
	}
}

// Tasks returns the number of blocks.
func (s *scan) Tasks() int { return len(s.blocks) }

// Look returns the job that packs the weights, which comes first.
func (s *scan) Look() (par.Job, int) { return &s.kept, s.kept.Tasks() }

// Finish has nothing to do.
func (s *scan) Finish(*par.Pool) {}

// Run runs all steps of all blocks.
func (s *scan) Run(p *par.Pool) {
	p.Run(s.Look())
	p.Run(s, len(s.blocks))
}

// Do runs all steps of one block.
func (s *scan) Do(_, index int) {
	b := s.blocks[index]
	for i := range b.once {
		b.once[i].do()
	}
	for step := range s.steps {
		t := step
		if s.reverse {
			t = s.steps - 1 - step
		}
		for i := range b.in {
			b.in[i].read(t)
		}
		for i := range b.out {
			if x := &b.out[i]; x.window != nil {
				x.window.Point(x.at(t).data)
			}
		}
		kernels := b.exec.compute
		if step == s.steps-1 {
			kernels = kernels[:b.needed]
		}
		for _, k := range kernels {
			k.Run(nil)
		}
		for i := range b.out {
			b.out[i].store(t, b.exec)
		}
	}
	for i := range b.last {
		b.last[i].do()
	}
}
