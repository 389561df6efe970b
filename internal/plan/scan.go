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
	return cost * (v.shape[0] - 1)
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
	bodies := c.bodies
	if bodies == nil { // of what is known at compile time
		var err error
		if bodies, err = bodiesOf(c.exec.plan.config, body, c.shape[1]); err != nil {
			panic(err)
		}
	}
	batch, width := c.shape[1], c.shape[2]
	k := &scan{steps: c.shape[0] - 1, reverse: body.Reverse()}
	first, after := 0, 1 // the places of the state before the first step, and of what step 0 gives
	if k.reverse {
		first, after = k.steps, 0
	}
	carry, xs, consts := c.in[:len(body.Carry())], c.in[len(body.Carry()):][:len(body.Sequences())], c.in[len(body.Carry())+len(body.Sequences()):]
	result := c.data(c.value)
	blocks := blocksOf(batch)
	for i, r0 := range blocks[:len(blocks)-1] {
		count := blocks[i+1] - r0
		if count == 0 {
			continue
		}
		p := bodies[slices.IndexFunc(bodies, func(p *Plan) bool { return p.config.Batch == count })]
		b := &scanBlock{}
		storage := map[*graph.Node]slab.Span{}
		for j, n := range body.Constants() {
			if !n.Shape().HasBatch() {
				storage[n] = slab.Of(c.data(consts[j]))
			}
		}
		b.exec = p.Bind(storage)
		// into copies what x has of the block, at each step if it is a sequence, to the leaf n of the body.
		into := func(n *graph.Node, x *value, sequence bool) rowCopy {
			dst := b.exec.Value(n)
			steps := x.strides()
			r := rowCopy{dst: dst, count: count, width: n.Shape()[1:].Numel()}
			if sequence {
				r.srcStep, steps = steps[0], steps[1:]
			}
			r.dstRow, r.srcRow = r.width, steps[0]
			if len(dst) > 0 && x.n > 0 {
				r.src = c.data(x)[r0*r.srcRow:]
			}
			return r
		}
		at := 0
		next := body.Next()
		for j, n := range body.Columns() {
			w := n.Shape()[1:].Numel()
			out := b.exec.Value(n)
			from := rowCopy{src: out, count: count, width: w, dstRow: width, srcRow: w, dstStep: batch * width}
			if count*w*k.steps > 0 {
				from.dst = result[(after*batch+r0)*width+at:]
			}
			b.end = append(b.end, from)
			state := slices.Index(next, j)
			start := from
			start.dstStep = 0
			if count*w > 0 {
				start.dst = result[(first*batch+r0)*width+at:]
			}
			if state < 0 {
				start.src, start.srcRow = make([]float32, w), 0
			} else {
				x := carry[state]
				start.srcRow = x.strides()[0]
				if count*w > 0 {
					start.src = c.data(x)[r0*start.srcRow:]
				}
				b.once = append(b.once, into(body.Carry()[state], x, false))
				b.carry = append(b.carry, rowCopy{
					dst: b.exec.Value(body.Carry()[state]), src: from.dst, count: count, width: w, dstRow: w, srcRow: width, srcStep: from.dstStep,
				})
			}
			b.once = append(b.once, start)
			at += w
		}
		for i, k := range next {
			if k >= len(body.Columns()) { // no column
				n := body.Carry()[i]
				w := n.Shape()[1:].Numel()
				b.once = append(b.once, into(n, carry[i], false))
				b.carry = append(b.carry, rowCopy{dst: b.exec.Value(n), src: b.exec.Value(body.Results()[k]), count: count, width: w, dstRow: w, srcRow: w})
			}
		}
		for j, n := range body.Sequences() {
			b.before = append(b.before, into(n, xs[j], true))
		}
		for j, n := range body.Constants() {
			if n.Shape().HasBatch() {
				b.once = append(b.once, into(n, consts[j], false))
			}
		}
		k.blocks = append(k.blocks, b)
	}
	return []cpu.Kernel{k}
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
