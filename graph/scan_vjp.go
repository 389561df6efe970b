package graph

// This file differentiates Scan: another scan, from the last step to the first, of the body's derivative.
//
// What the derivative needs of the forward steps is either recomputed, where that is cheap and all that it is made of is
// at hand, or kept: it becomes further columns of the forward scan. The derivative of a weight sums over the
// batch and over time: that is no part of the body, but one product of what all steps have stacked.

import (
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// A scanGradient is what the gradient at a scan is worth at each of its operands.
type scanGradient struct{ at []*Node }

func scanVJP(n, dy *Node, i int) *Node {
	g := n.graph
	key := [2]*Node{n, dy}
	if g.scans[key] == nil {
		if g.scans == nil {
			g.scans = map[[2]*Node]*scanGradient{}
		}
		g.scans[key] = reverseScan(g, n, dy)
	}
	if d := g.scans[key].at[i]; d != nil {
		return d
	}
	return nil
}

// reverseScan differentiates a scan; one that is of its last step alone as the part that it is of a scan of all steps.
func reverseScan(g *Graph, n, dy *Node) *scanGradient {
	if b := n.attr.Body; b.last {
		whole := *b
		whole.last = false
		if msg := whole.settle(); msg != "" {
			g.Fail("the derivative of a scan: %s", msg)
		}
		n = g.node(OpScan, Attr{Body: &whole}, n.inputs...)
		if !n.Valid() {
			return &scanGradient{at: make([]*Node, len(n.inputs))}
		}
		before, behind := n.shape[0]-1, 0
		if b.reverse {
			before, behind = behind, before
		}
		dy = dy.Pad([]int{before, 0, 0}, []int{behind, 0, 0})
	}
	r := &reversal{g: g, n: n, body: n.attr.Body}
	return r.run(dy)
}

// A reversal is the state of differentiating one scan.
type reversal struct {
	g    *Graph
	n    *Node
	body *Body

	work    *Graph          // a copy of the body, followed by its derivative
	forward int             // how many nodes the copy has
	of      map[*Node]*Node // the copies of nodes of the body
	source  map[*Node]*Node // and back
	kept    []*Node         // copies of what the forward scan keeps
	stacked []*Node         // nodes of work that the reverse scan stacks
	seeds   []*Node         // for each column: the Input that is its gradient

	scan, back *Scanned // the forward scan with what is kept, and the reverse one
	lifted     map[*Node]*Node
}

// transplant copies n, and what it is made of, into g, but for what copies has already.
func (g *Graph) transplant(n *Node, copies map[*Node]*Node) *Node {
	if m, ok := copies[n]; ok {
		return m
	}
	in := make([]*Node, len(n.inputs))
	for i, x := range n.inputs {
		in[i] = g.transplant(x, copies)
	}
	outer := g.origin
	if outer == nil {
		g.origin = n
	}
	m := g.node(n.op, *n.attr, in...)
	g.origin = outer
	copies[n] = m
	return m
}

func (r *reversal) run(dy *Node) *scanGradient {
	g, b := r.g, r.body
	leaves := slices.Concat(b.carry, b.xs, b.consts)
	grad := &scanGradient{at: make([]*Node, len(leaves))}

	// The body and its derivative.
	r.work, r.of, r.source = New(), map[*Node]*Node{}, map[*Node]*Node{}
	var wrt []*Node
	which := map[*Node]int{} // the operand that a leaf stands for
	for i, leaf := range leaves {
		copied := r.work.shared(leaf.attr.Name, leaf.shape)
		r.of[leaf] = copied
		if i < len(b.carry) || g.reached == nil || g.reached(r.n.inputs[i]) {
			wrt = append(wrt, copied)
			which[copied] = i
		}
	}
	var results []*Node
	for _, n := range b.Results() {
		results = append(results, r.work.transplant(n, r.of))
	}
	for from, to := range r.of {
		r.source[to] = from
	}
	r.forward = len(r.work.nodes)
	for _, c := range results {
		r.seeds = append(r.seeds, r.work.Input("gradient", c.shape))
	}
	grads := backwardAll(results, r.seeds, wrt, nil)
	dcarry, drest := grads[:len(b.carry)], grads[len(b.carry):]

	// What the reverse scan stacks: the gradients of sequences and of what has rows, and what those of weights sum up.
	for i, d := range drest {
		if leaf := leaves[which[wrt[len(b.carry)+i]]]; leaf.shape.HasBatch() {
			r.stack(d)
		} else {
			r.collect(d, map[*Node]bool{})
		}
	}
	r.choose(slices.Concat(dcarry, r.stacked))
	r.stacked = slices.DeleteFunc(r.stacked, r.atHand) // what the forward scan keeps
	r.scan = r.keep()
	if !r.scan.Valid() || !r.reverse(dcarry, dy) {
		return grad
	}

	// The results.
	for i, leaf := range b.carry {
		if r.back.body.hidden[i] {
			continue
		}
		grad.at[i] = r.back.Final(i).Reshape(leaf.shape...)
		if d := r.initial(dy, i); d != nil {
			grad.at[i] = grad.at[i].Add(d)
		}
	}
	r.lifted = map[*Node]*Node{}
	for i, d := range drest {
		k := which[wrt[len(b.carry)+i]]
		switch leaf := leaves[k]; {
		case k < len(b.carry)+len(b.xs):
			grad.at[k] = r.series(d)
		case leaf.shape.HasBatch():
			grad.at[k] = r.series(d).Sum(0)
		default:
			grad.at[k] = r.lift(d)
		}
	}
	return grad
}

// stack asks for n at all steps.
func (r *reversal) stack(n *Node) {
	if !r.atHand(n) && !slices.Contains(r.stacked, n) {
		r.stacked = append(r.stacked, n)
	}
}

// atHand reports whether n at all steps is a sequence, or a column of the forward scan.
func (r *reversal) atHand(n *Node) bool {
	from := r.source[n]
	return from != nil && (slices.Contains(r.body.columns, from) || slices.Contains(r.body.carry, from) || slices.Contains(r.body.xs, from)) ||
		slices.Contains(r.kept, n)
}

// collect asks for what the derivative d of a weight sums up over the rows.
func (r *reversal) collect(d *Node, seen map[*Node]bool) {
	if seen[d] {
		return
	}
	seen[d] = true
	if !sums(d) {
		for _, in := range d.inputs {
			r.collect(in, seen)
		}
		return
	}
	for _, in := range d.inputs {
		if in.shape.HasBatch() {
			r.stack(in)
		}
	}
}

// sums reports whether n, which has no rows, is made of what has.
func sums(n *Node) bool {
	return slices.ContainsFunc(n.inputs, func(in *Node) bool { return in.shape.HasBatch() })
}

// lift returns what d, which has no rows, is worth when it is added up over all steps.
func (r *reversal) lift(d *Node) *Node {
	if m, ok := r.lifted[d]; ok {
		return m
	}
	g := r.g
	var m *Node
	switch i := slices.Index(r.body.consts, r.source[d]); {
	case d.id < r.forward && i >= 0:
		m = r.n.inputs[len(r.body.carry)+len(r.body.xs)+i]
	case !sums(d):
		in := make([]*Node, len(d.inputs))
		for k, x := range d.inputs {
			in[k] = r.lift(x)
		}
		m = g.node(d.op, *d.attr, in...)
	case d.op == OpMatMul && d.attr.TransA && !d.attr.TransB:
		m = apply(OpMatMul, Attr{TransA: true}, r.series(d.inputs[0]), r.series(d.inputs[1]))
	case d.op == OpConvKernelGrad:
		window := d.attr.Window.Stacked()
		image, dy := batchFirst(r.series(d.inputs[0])), batchFirst(r.series(d.inputs[1]))
		m = image.ConvKernelGrad(dy, window).Reshape(d.shape...)
	case d.op == OpSum:
		axes := []int{0}
		for _, axis := range d.attr.Axes {
			axes = append(axes, axis+1)
		}
		m = r.series(d.inputs[0]).Sum(axes...).Reshape(d.shape...)
	default:
		m = g.Fail("a scan can't be differentiated by a weight that reaches %v, which sums over the batch", d.op)
	}
	r.lifted[d] = m
	return m
}

// batchFirst turns (steps, batch, …) into (batch, steps, …).
func batchFirst(n *Node) *Node {
	perm := []int{1, 0}
	for i := 2; i < n.Rank(); i++ {
		perm = append(perm, i)
	}
	return n.Transpose(perm...)
}

// series returns n at all steps: (steps, batch, …).
func (r *reversal) series(n *Node) *Node {
	from := r.source[n]
	if n.id >= r.forward {
		from = nil
	}
	if i := slices.Index(r.stacked, n); i >= 0 {
		return r.back.Output(i)
	}
	if from == nil {
		return r.g.Fail("a scan's derivative has lost a node")
	}
	if i := slices.Index(r.body.xs, from); i >= 0 {
		return r.n.inputs[len(r.body.carry)+i]
	}
	if i := slices.Index(r.body.carry, from); i >= 0 {
		return r.scan.before(r.body.next[i])
	}
	return r.scan.after(from)
}

// cheap reports whether to compute an op again costs less than to keep its result.
func cheap(op Op) bool {
	switch op {
	case OpAdd, OpSub, OpMul, OpMax, OpMin, OpLess, OpLessEqual, OpEqual, OpNeg, OpAbs, OpSign, OpSquare, OpRelu, OpFloor,
		OpReluGrad, OpMaskScale, OpSelect, OpStopGradient, OpReshape, OpBroadcastTo, OpSlice, OpConcat:
		return true
	}
	return false
}

// choose lists what is to be kept of the forward steps for the results.
func (r *reversal) choose(results []*Node) {
	needed := make([]bool, r.forward)
	seen := map[*Node]bool{}
	var walk func(n *Node)
	walk = func(n *Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.id < r.forward {
			needed[n.id] = true
			return
		}
		for _, in := range n.inputs {
			walk(in)
		}
	}
	for _, n := range results {
		walk(n)
	}
	free := func(n *Node) bool { return !n.shape.HasBatch() || n.op.Leaf() || r.atHand(n) }
	for _, n := range r.work.nodes[:r.forward] {
		if needed[n.id] && !free(n) && !cheap(n.op) {
			r.kept = append(r.kept, n)
		}
	}
	var again func(n *Node) bool
	again = func(n *Node) bool {
		return free(n) || cheap(n.op) && !slices.ContainsFunc(n.inputs, func(in *Node) bool { return !again(in) })
	}
	for _, n := range r.work.nodes[:r.forward] {
		if needed[n.id] && !again(n) {
			r.kept = append(r.kept, n)
		}
	}
}

// keep returns the forward scan with what is kept.
func (r *reversal) keep() *Scanned {
	wider := *r.body
	wider.outs = slices.Clone(wider.outs)
	for _, n := range r.kept {
		wider.outs = append(wider.outs, r.source[n])
	}
	for _, n := range wider.next { // what was hidden
		if !slices.Contains(wider.columns, n) {
			wider.outs = append(wider.outs, n)
		}
	}
	if len(wider.outs) == len(r.body.outs) {
		return &Scanned{node: r.n, body: r.body}
	}
	if msg := wider.settle(); msg != "" {
		return &Scanned{node: r.g.Fail("the derivative of a scan: %s", msg)}
	}
	return &Scanned{node: r.g.node(OpScan, Attr{Body: &wider}, r.n.inputs...), body: &wider}
}

// leastCarried is the least magnitude of a gradient that goes on to the step before. Hundreds of steps make gradients denormal, and
// Intel's processors multiply such numbers a hundred times as slowly. This is far enough above them for what a step makes of it, and
// 1e-30, of which no optimizer makes a step that a weight feels.
const leastCarried = 0x1p-100

// vanishing returns n with 0 for what is smaller than leastCarried; NaN stays.
func vanishing(n *Node) *Node {
	return Select(n.Abs().Less(n.graph.Scalar(leastCarried)), n.graph.Scalar(0), n)
}

// reverse makes the reverse scan.
func (r *reversal) reverse(dcarry []*Node, dy *Node) bool {
	g, b := r.g, r.body
	back := &Body{graph: New(), reverse: !b.reverse}
	var init, xs, consts []*Node
	copies := map[*Node]*Node{}

	// Gradients arrive from the steps behind and from the results.
	for i, n := range b.carry {
		back.carry = append(back.carry, back.graph.Input("gradient of "+n.attr.Name, n.shape))
		d := g.Scalar(0).BroadcastTo(n.shape)
		if last := r.final(dy, i); last != nil {
			d = last
		}
		init = append(init, d)
	}
	for k, c := range b.Results() {
		var sum *Node
		for i, n := range b.next {
			if n == c {
				d := vanishing(back.carry[i])
				if sum == nil {
					sum = d
				} else {
					sum = sum.Add(d)
				}
			}
		}
		if d := r.steps(dy, c); d != nil {
			x := back.graph.Input("gradient of a column", c.shape)
			back.xs, xs = append(back.xs, x), append(xs, d)
			if sum == nil {
				sum = x
			} else {
				sum = sum.Add(x)
			}
		}
		if sum == nil {
			sum = back.graph.Scalar(0).BroadcastTo(c.shape)
		}
		copies[r.seeds[k]] = sum
	}

	// What it reads of the forward steps.
	seen := map[*Node]bool{}
	var weights []int  // constants whose transposes are read,
	var turned []*Node // which are these
	var read func(n *Node)
	read = func(n *Node) {
		if seen[n] || copies[n] != nil {
			return
		}
		seen[n] = true
		if n.id < r.forward && r.atHand(n) {
			x := back.graph.Input("forward", n.shape)
			back.xs, xs = append(back.xs, x), append(xs, r.series(n))
			copies[n] = x
			return
		}
		if i := slices.Index(b.consts, r.source[n]); n.id < r.forward && i >= 0 {
			x := back.graph.shared(n.attr.Name, n.shape)
			back.consts, consts = append(back.consts, x), append(consts, r.n.inputs[len(b.carry)+len(b.xs)+i])
			copies[n] = x
			return
		}
		for _, in := range n.inputs {
			read(in)
		}
		// The transpose of a weight is made once, not at each step.
		if n.op == OpMatMul && n.attr.TransB && !n.attr.TransA && n.inputs[0].Rank() == 2 {
			if i := slices.Index(b.consts, r.source[n.inputs[1]]); i >= 0 {
				k := slices.Index(weights, i)
				if k < 0 {
					w := r.n.inputs[len(b.carry)+len(b.xs)+i].Transpose()
					k = len(weights)
					weights = append(weights, i)
					turned = append(turned, back.graph.Param("transposed "+b.consts[i].attr.Name, w.shape))
					back.consts, consts = append(back.consts, turned[k]), append(consts, w)
				}
				copies[n] = back.graph.transplant(n.inputs[0], copies).MatMul(turned[k])
			}
		}
	}
	results := slices.Concat(dcarry, r.stacked)
	for _, n := range results {
		read(n)
	}
	if len(xs) == 0 { // nothing says how many steps there are
		x := r.n.inputs[len(b.carry)]
		back.xs, xs = append(back.xs, back.graph.Input("x", x.shape[1:])), append(xs, x)
	}
	for _, n := range dcarry {
		back.next = append(back.next, back.graph.transplant(n, copies))
	}
	for _, n := range r.stacked {
		back.outs = append(back.outs, back.graph.transplant(n, copies))
	}
	if err := back.graph.err; err != nil {
		if g.err == nil {
			g.err = err
		}
		return false
	}
	back.hidden = make([]bool, len(back.next))
	for i := range back.next {
		back.hidden[i] = len(back.outs) > 0 && g.reached != nil && !g.reached(r.n.inputs[i])
	}
	if msg := back.settle(); msg != "" {
		g.Fail("the derivative of a scan: %s", msg)
		return false
	}
	r.back = &Scanned{node: g.node(OpScan, Attr{Body: back}, slices.Concat(init, xs, consts)...), body: back}
	return r.back.Valid()
}

// place is where the state before the first step is in the result, and where the last one is.
func (r *reversal) place() (first, last int) {
	steps := r.n.shape[0] - 1
	if r.body.reverse {
		return steps, 0
	}
	return 0, steps
}

// padded returns what a gradient that is zero but in a part of the result has in that part, if it is so.
func padded(dy *Node) (part *Node, begin []int, ok bool) {
	if dy.op != OpPad || slices.ContainsFunc(dy.attr.Step, func(step int) bool { return step != 1 }) {
		return dy, []int{0, 0, 0}, false
	}
	part, begin = dy.inputs[0], slices.Clone(dy.attr.Begin)
	if inner, at, ok := padded(part); ok {
		for i := range begin {
			begin[i] += at[i]
		}
		part = inner
	}
	return part, begin, true
}

// partOf returns what the gradient dy has at places from … to-1 of the numbers begin … end-1 of rows, and nil if it is
// known to be zero there.
func partOf(dy *Node, from, to, begin, end int) *Node {
	part, at, ok := padded(dy)
	if !ok {
		if dy.op == OpAdd && dy.inputs[0].shape.Equal(dy.shape) && dy.inputs[1].shape.Equal(dy.shape) {
			a, b := partOf(dy.inputs[0], from, to, begin, end), partOf(dy.inputs[1], from, to, begin, end)
			if a == nil || b == nil {
				if a == nil {
					return b
				}
				return a
			}
			return a.Add(b)
		}
		return dy.SliceAxis(0, from, to).SliceAxis(2, begin, end)
	}
	t0, t1 := max(from, at[0]), min(to, at[0]+part.shape[0])
	c0, c1 := max(begin, at[2]), min(end, at[2]+part.shape[2])
	if t0 >= t1 || c0 >= c1 {
		return nil
	}
	d := part.SliceAxis(0, t0-at[0], t1-at[0]).SliceAxis(2, c0-at[2], c1-at[2])
	if t0 == from && t1 == to && c0 == begin && c1 == end {
		return d
	}
	return d.Pad([]int{t0 - from, 0, c0 - begin}, []int{to - t1, 0, end - c1})
}

// alone reports whether nothing but the place of one state says what dy is at the last step.
func (r *reversal) alone(dy *Node) bool {
	part, at, ok := padded(dy)
	_, last := r.place()
	return ok && part.shape[0] == 1 && at[0] == last
}

// steps returns the gradient dy at column c after each step, or nil if it is zero.
func (r *reversal) steps(dy, c *Node) *Node {
	if r.alone(dy) && slices.Contains(r.body.next, c) {
		return nil // it is where the reverse scan begins
	}
	if !slices.Contains(r.body.columns, c) {
		return nil
	}
	begin, end := r.body.span(c)
	first, _ := r.place()
	from := 1
	if first != 0 {
		from = 0
	}
	d := partOf(dy, from, from+r.n.shape[0]-1, begin, end)
	if d == nil {
		return nil
	}
	return d.Reshape(append(tensor.Shape{r.n.shape[0] - 1}, c.shape...)...)
}

// final returns what the reverse scan begins with at state i, or nil for zero.
func (r *reversal) final(dy *Node, i int) *Node {
	c := r.body.next[i]
	if !r.alone(dy) || slices.Index(r.body.next, c) != i || !slices.Contains(r.body.columns, c) {
		return nil
	}
	begin, end := r.body.span(c)
	_, last := r.place()
	if d := partOf(dy, last, last+1, begin, end); d != nil {
		return d.Reshape(c.shape...)
	}
	return nil
}

// initial returns the gradient dy at state i before the first step, or nil for zero.
func (r *reversal) initial(dy *Node, i int) *Node {
	c := r.body.next[i]
	if !slices.Contains(r.body.columns, c) {
		return nil
	}
	begin, end := r.body.span(c)
	first, _ := r.place()
	if d := partOf(dy, first, first+1, begin, end); d != nil {
		return d.Reshape(c.shape...)
	}
	return nil
}
