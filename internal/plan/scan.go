package plan

// This file runs scans: the body, which has a plan of its own, step by step.
//
// Rows of the batch don't depend on each other, so a block of them stays with a core for all steps: there is no waiting
// between steps, and a block's state and its part of the arena stay in the core's cache.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
)

// Blocks of a scan have about so many rows: as many as make good use of what a product reads of a weight, and so
// few that there are blocks for many cores.
const blockRows = 32

// blocksOf returns where the blocks of a batch begin, and where the last one ends.
func blocksOf(batch int) []int {
	count := max((batch+blockRows-1)/blockRows, 1)
	if count > 1 && count%2 == 1 { // as many for each of two cores
		count++
	}
	list := make([]int, count+1)
	for i := range list {
		list[i] = batch * i / count
	}
	return list
}

// bodiesOf compiles a body for each number of rows that the blocks of a batch have.
func bodiesOf(config Config, body *graph.Body, batch int) ([]*Plan, error) {
	var list []*Plan
	blocks := blocksOf(batch)
	for i := range blocks[1:] {
		rows := blocks[i+1] - blocks[i]
		if slices.ContainsFunc(list, func(p *Plan) bool { return p.config.Batch == rows }) {
			continue
		}
		config.Batch = rows
		p, err := Compile(Program{Graph: body.Graph(), Outputs: body.Results()}, config)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
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
}

// A scanBlock is some rows of the batch, with what computes a step of them.
type scanBlock struct {
	exec              *Exec
	once, before, end []rowCopy // done before the first step, before each one and after each one
	carry             []rowCopy // from the results of a step to the operands of the next one
}

// A rowCopy copies rows from one place to another; step t's are t steps further on.
type rowCopy struct {
	dst, src         []float32
	count, width     int
	dstRow, srcRow   int // from one row to the next
	dstStep, srcStep int // from one step of time to the next
}

func (r *rowCopy) copy(t int) {
	dst, src := r.dst[min(t*r.dstStep, len(r.dst)):], r.src[min(t*r.srcStep, len(r.src)):]
	if r.dstRow == r.width && r.srcRow == r.width {
		copy(dst[:r.count*r.width], src)
		return
	}
	for i := range r.count {
		copy(dst[i*r.dstRow:][:r.width], src[i*r.srcRow:])
	}
}

func emitScan(c *call) []cpu.Kernel {
	body := c.attr.Body
	carry, xs := len(body.Carry()), len(body.Sequences())
	s := &scanBinder{
		c: c, body: body, carry: c.in[:carry], xs: c.in[carry:][:xs], consts: c.in[carry+xs:],
		steps: c.in[carry].shape[0], batch: c.shape[1], width: c.shape[2], result: c.data(c.value), first: -1,
	}
	k := &scan{steps: s.steps, reverse: body.Reverse()}
	if !body.Last() {
		s.first, s.after, s.step = 0, 1, 1
		if k.reverse {
			s.first, s.after = k.steps, 0
		}
	}
	bodies := c.bodies
	if bodies == nil { // of what is known at compile time
		var err error
		if bodies, err = bodiesOf(c.exec.plan.config, body, s.batch); err != nil {
			panic(err)
		}
	}
	blocks := blocksOf(s.batch)
	for i, from := range blocks[:len(blocks)-1] {
		if rows := blocks[i+1] - from; rows > 0 {
			p := bodies[slices.IndexFunc(bodies, func(p *Plan) bool { return p.config.Batch == rows })]
			k.blocks = append(k.blocks, s.bind(p, from, rows))
		}
	}
	return []cpu.Kernel{k}
}

// A scanBinder makes the blocks of a scan.
type scanBinder struct {
	c                 *call
	body              *graph.Body
	carry, xs, consts []*value
	steps             int
	batch, width      int
	result            []float32
	first             int // the place in the result of the state before the first step, -1 if it isn't there
	after, step       int // the place of what step 0 gives, and how much further that of the next step is
}

// bind makes the block of so many rows, from one on.
func (s *scanBinder) bind(p *Plan, from, rows int) *scanBlock {
	storage := map[*graph.Node]slab.Span{}
	for i, n := range s.body.Constants() {
		if !n.Shape().HasBatch() {
			storage[n] = slab.Of(s.c.data(s.consts[i]))
		}
	}
	b := &scanBlock{exec: p.Bind(storage)}
	for i, n := range s.body.Sequences() {
		r := s.rows(s.xs[i], from, rows, true)
		r.dst = b.exec.Value(n)
		b.before = append(b.before, r)
	}
	for i, n := range s.body.Constants() {
		if n.Shape().HasBatch() {
			r := s.rows(s.consts[i], from, rows, false)
			r.dst = b.exec.Value(n)
			b.once = append(b.once, r)
		}
	}
	for i, n := range s.body.Carry() {
		r := s.rows(s.carry[i], from, rows, false)
		r.dst = b.exec.Value(n)
		b.once = append(b.once, r)
	}
	next, at := s.body.Next(), 0
	for i, n := range s.body.Columns() {
		w := n.Shape()[1:].Numel()
		place := func(step int) []float32 {
			if rows*w == 0 {
				return nil
			}
			return s.result[(step*s.batch+from)*s.width+at:]
		}
		out := rowCopy{src: b.exec.Value(n), count: rows, width: w, dstRow: s.width, srcRow: w, dstStep: s.step * s.batch * s.width}
		if s.steps > 0 {
			out.dst = place(s.after)
		}
		b.end = append(b.end, out)
		if s.first >= 0 {
			start := rowCopy{src: make([]float32, w), dst: place(s.first), count: rows, width: w, dstRow: s.width}
			if state := slices.Index(next, i); state >= 0 {
				x := s.rows(s.carry[state], from, rows, false)
				start.src, start.srcRow = x.src, x.srcRow
			}
			b.once = append(b.once, start)
		}
		at += w
	}
	results := s.body.Results()
	for i, n := range s.body.Carry() {
		w := n.Shape()[1:].Numel()
		r := rowCopy{dst: b.exec.Value(n), count: rows, width: w, dstRow: w, srcRow: w}
		if k := next[i]; k < len(b.end) { // which may be another part of the state before, by now overwritten
			r.src, r.srcRow, r.srcStep = b.end[k].dst, s.width, b.end[k].dstStep
		} else {
			r.src = b.exec.Value(results[k])
		}
		b.carry = append(b.carry, r)
	}
	return b
}

// rows returns what copies rows of x, at each step if it is a sequence, to memory without gaps.
func (s *scanBinder) rows(x *value, from, rows int, sequence bool) rowCopy {
	steps, shape := x.strides(), x.shape
	r := rowCopy{count: rows}
	if sequence {
		r.srcStep, steps, shape = steps[0], steps[1:], shape[1:]
	}
	r.width, r.srcRow = shape[1:].Numel(), steps[0]
	r.dstRow = r.width
	if rows*r.width > 0 && x.n > 0 {
		r.src = s.c.data(x)[from*r.srcRow:]
	}
	return r
}

// Tasks returns the number of blocks.
func (s *scan) Tasks() int { return len(s.blocks) }

// Run runs all steps of all blocks.
func (s *scan) Run(p *par.Pool) { p.Run(s, len(s.blocks)) }

// Do runs all steps of one block.
func (s *scan) Do(_, index int) {
	b := s.blocks[index]
	for i := range b.once {
		b.once[i].copy(0)
	}
	for step := range s.steps {
		t := step
		if s.reverse {
			t = s.steps - 1 - step
		}
		for i := range b.before {
			b.before[i].copy(t)
		}
		b.exec.Compute(nil)
		for i := range b.end {
			b.end[i].copy(t)
		}
		for i := range b.carry {
			b.carry[i].copy(t)
		}
	}
}
