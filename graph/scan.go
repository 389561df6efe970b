package graph

// This file runs a body over time: Scan, the body, and its shape rule. The derivative is in scan_vjp.go.

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/tensor"
)

// A Body is what a Scan does at each step of time: a graph of its own, traced once.
type Body struct {
	graph     *Graph
	carry, xs []*Node // Inputs of the graph: the state before a step, the elements of sequences at it
	consts    []*Node // Inputs that depend on the batch, Params that don't: the same at each step
	next      []*Node // the state after a step
	outs      []*Node // what is stacked beside it
	hidden    []bool  // which states are no columns by themselves: nobody asks for them; nil: none
	columns   []*Node // next and outs, each node once: the result is these, side by side
	reverse   bool
	last      bool // the result is of the last step alone
	key       string
}

// Graph returns the graph of the body.
func (b *Body) Graph() *Graph { return b.graph }

// Carry returns the Inputs that hold the state before a step.
func (b *Body) Carry() []*Node { return b.carry }

// Sequences returns the Inputs that hold the elements of sequences at a step.
func (b *Body) Sequences() []*Node { return b.xs }

// Constants returns the leaves that are the same at each step: Inputs if they depend on the batch, else Params.
func (b *Body) Constants() []*Node { return b.consts }

// Columns returns what stands side by side in the result.
func (b *Body) Columns() []*Node { return b.columns }

// Results returns the columns, and behind them what is the next value of a state and no column.
func (b *Body) Results() []*Node {
	list := slices.Clone(b.columns)
	for _, n := range b.next {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// Next returns for each state which of the results is its next value.
func (b *Body) Next() []int {
	results := b.Results()
	list := make([]int, len(b.next))
	for i, n := range b.next {
		list[i] = slices.Index(results, n)
	}
	return list
}

// Reverse reports whether the last step of time is the first that is run.
func (b *Body) Reverse() bool { return b.reverse }

// Last reports whether the result is of the last step alone.
func (b *Body) Last() bool { return b.last }

// Extends reports whether b has the columns of other, and perhaps more behind them, and does the same.
func (b *Body) Extends(other *Body) bool {
	return other != nil && b.graph == other.graph && b.reverse == other.reverse && b.last == other.last && len(b.columns) >= len(other.columns) &&
		slices.Equal(b.columns[:len(other.columns)], other.columns) && slices.Equal(b.next, other.next)
}

// Width returns how many numbers a row of the result has.
func (b *Body) Width() int {
	n := 0
	for _, c := range b.columns {
		n += perRow(c)
	}
	return n
}

func perRow(n *Node) int { return n.shape[1:].Numel() }

// A Recurrence is what a Scan is given.
type Recurrence struct {
	Init      []*Node // the state before the first step: (batch, …) each
	Sequences []*Node // (steps, batch, …) each; at least one
	Constants []*Node // weights, and (batch, …): the same at each step
	Reverse   bool    // from the last step to the first
	Last      bool    // nobody asks for States or Outputs, only for Finals and LastOutputs: where that is so, less is stored
	Unread    []bool  // which states nobody asks for; nil: none
	// Step emits one step's nodes from what the state, the sequences and the constants are at it. It returns the
	// next state and what else is to be stacked. It works row by row of the batch, and draws no random
	// numbers: what is random is drawn before, once or as a sequence.
	Step func(state, x, constants []*Node) (next, outputs []*Node)
}

// A Scanned is the result of Scan.
type Scanned struct {
	node *Node
	body *Body
}

// Scan runs a step over time, from one state to the next. It is one node, however many steps there are.
func (r Recurrence) Scan(g *Graph) *Scanned {
	if g == nil {
		g = orphan("a scan").graph
	}
	failed := func(format string, args ...any) *Scanned { return &Scanned{node: g.Fail(format, args...)} }
	inputs := slices.Concat(r.Init, r.Sequences, r.Constants)
	for _, n := range inputs {
		switch {
		case n.absent() || n.graph != g:
			return failed("an operand of a scan is of no graph, or of another one")
		case !n.Valid():
			return &Scanned{node: g.poisoned()}
		}
	}
	if len(r.Sequences) == 0 {
		return failed("a scan needs a sequence, which says how many steps there are")
	}
	if r.Step == nil {
		return failed("a scan's Step is nil: say what it does")
	}
	if r.Unread != nil && len(r.Unread) != len(r.Init) {
		return failed("a scan of %d states is told of %d which are read", len(r.Init), len(r.Unread))
	}
	b := &Body{graph: New(), reverse: r.Reverse, last: r.Last && r.Sequences[0].Rank() > 0 && r.Sequences[0].shape[0] != 0, hidden: slices.Clone(r.Unread)}
	b.graph.PushScope(g.Scope())
	for i, n := range r.Init {
		b.carry = append(b.carry, b.graph.Input(fmt.Sprintf("state %d", i), n.shape))
	}
	for i, n := range r.Sequences {
		if n.Rank() < 2 {
			return failed("sequence %d of a scan has the shape %v: it needs steps and a batch", i, n.shape)
		}
		b.xs = append(b.xs, b.graph.Input(fmt.Sprintf("x %d", i), n.shape[1:]))
	}
	for i, n := range r.Constants {
		b.consts = append(b.consts, b.graph.shared(fmt.Sprintf("constant %d", i), n.shape))
	}
	b.next, b.outs = r.Step(slices.Clone(b.carry), slices.Clone(b.xs), slices.Clone(b.consts))
	if err := b.graph.err; err != nil {
		if g.err == nil {
			g.err = err
		}
		return &Scanned{node: g.poisoned()}
	}
	if msg := b.settle(); msg != "" {
		return failed("the step of a scan: %s", msg)
	}
	return &Scanned{node: g.node(OpScan, Attr{Body: b}, inputs...), body: b}
}

// shared makes the leaf for what is the same at each step.
func (g *Graph) shared(name string, shape tensor.Shape) *Node {
	if shape.HasBatch() {
		return g.Input(name, shape)
	}
	return g.Param(name, shape)
}

// settle lists the columns, and says what is wrong with the body.
func (b *Body) settle() string {
	if len(b.next) != len(b.carry) {
		return fmt.Sprintf("it returns %d states, it was given %d", len(b.next), len(b.carry))
	}
	for i, n := range b.next { // each state has a column of its own
		if !n.absent() && slices.Contains(b.next[:i], n) {
			b.next[i] = apply(OpReshape, Attr{Shape: n.shape}, n)
		}
	}
	b.columns = nil
	for i := range b.hidden { // a state that is a part of the one before is not computed, and overwritten meanwhile
		b.hidden[i] = b.hidden[i] && !passed(b.next[i])
	}
	for i, n := range slices.Concat(b.next, b.outs) {
		switch {
		case n.absent() || n.graph != b.graph:
			return "it returns a node that it has not made of its own operands"
		case n.Rank() < 1 || n.shape[0] != tensor.Batch:
			return fmt.Sprintf("it returns a node of shape %v, whose first dimension must be the batch", n.shape)
		}
		if hidden := i < len(b.next) && b.hidden != nil && b.hidden[i]; !hidden && !slices.Contains(b.columns, n) {
			b.columns = append(b.columns, n)
		}
	}
	if len(b.columns) == 0 {
		return "it returns nothing"
	}
	for i, n := range b.next {
		if !n.shape.Equal(b.carry[i].shape) {
			return fmt.Sprintf("state %d has the shape %v after it and %v before", i, n.shape, b.carry[i].shape)
		}
	}
	needed := b.needed()
	var key strings.Builder
	for _, n := range b.graph.nodes {
		if !needed[n.id] {
			continue
		}
		if msg := rowWise(n); msg != "" {
			return msg
		}
		key.WriteString(n.String() + "\n")
	}
	for _, list := range [][]*Node{b.carry, b.xs, b.consts, b.next, b.columns} {
		for _, n := range list {
			fmt.Fprintf(&key, "%d ", n.id)
		}
		key.WriteString("; ")
	}
	fmt.Fprint(&key, b.reverse, b.last)
	b.key = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(key.String())))
	return ""
}

// Project returns the body of the same scan with sequence i, y, computed at each step, if y is a product of a sequence by a weight, or the sum
// of that and of a bias, and else nil. It takes the elements of x in place of those of y, and weights behind the other constants.
func (b *Body) Project(i int, y *Node) (body *Body, x *Node, weights []*Node) {
	if i < 0 || i >= len(b.xs) || y.Rank() != 3 || !y.shape[1:].Equal(b.xs[i].shape) {
		return nil, nil, nil
	}
	same := func(n *Node) bool { return !n.shape.HasBatch() }
	product := y
	if y.op == OpAdd && y.inputs[1].Rank() == 1 && same(y.inputs[1]) {
		product, weights = y.inputs[0], y.inputs[1:]
	}
	if product.op != OpMatMul || product.attr.TransA || product.Rank() != 3 || product.inputs[0].Rank() != 3 || product.inputs[1].Rank() != 2 || !same(product.inputs[1]) {
		return nil, nil, nil
	}
	x, weights = product.inputs[0], slices.Concat(product.inputs[1:], weights)
	body = &Body{graph: New(), reverse: b.reverse, last: b.last, hidden: slices.Clone(b.hidden)}
	copies := map[*Node]*Node{}
	copied := func(list []*Node) (to []*Node) {
		for _, n := range list {
			to = append(to, body.graph.transplant(n, copies))
		}
		return to
	}
	body.graph.origin = y
	body.xs = append(body.xs, body.graph.Input("x", x.shape[1:]))
	for k, n := range weights {
		body.consts = append(body.consts, body.graph.Param(fmt.Sprintf("weight %d", k), n.shape))
	}
	at := body.graph.node(OpMatMul, *product.attr, body.xs[0], body.consts[0])
	if len(weights) > 1 {
		at = at.Add(body.consts[1])
	}
	body.graph.origin = nil
	copies[b.xs[i]] = at
	body.carry = copied(b.carry)
	body.xs = slices.Concat(copied(b.xs[:i]), body.xs, copied(b.xs[i+1:]))
	body.consts = append(copied(b.consts), body.consts...)
	body.next, body.outs = copied(b.next), copied(b.outs)
	if body.graph.err != nil || body.settle() != "" || len(body.columns) != len(b.columns) {
		return nil, nil, nil
	}
	return body, x, weights
}

// passed reports whether n is a leaf, or a part of one.
func passed(n *Node) bool {
	for !n.absent() {
		switch n.op {
		case OpReshape, OpSlice, OpTranspose, OpView, OpStopGradient:
			n = n.inputs[0]
		default:
			return n.op.Leaf()
		}
	}
	return true
}

// needed marks the nodes that the results are made of.
func (b *Body) needed() []bool {
	needed := make([]bool, len(b.graph.nodes))
	for _, n := range b.Results() {
		needed[n.id] = true
	}
	for _, n := range slices.Backward(b.graph.nodes) {
		if needed[n.id] {
			for _, in := range n.inputs {
				needed[in.id] = true
			}
		}
	}
	return needed
}

// rowWise says what keeps a node of a body from being computed row by row of the batch, or "".
func rowWise(n *Node) string {
	if n.op == OpDropout || n.op == OpRandomUniform || n.attr.Heads.Rate > 0 {
		return fmt.Sprintf("%v draws random numbers: they must be drawn before the scan, once or as a sequence", n.op)
	}
	if n.attr.Rows > 0 {
		return fmt.Sprintf("%v is of a batch of %d rows, each of which must be computed by itself", n.op, n.attr.Rows)
	}
	batched := func(s tensor.Shape) bool { return s.HasBatch() }
	first := func(s tensor.Shape) bool { return s[0] == tensor.Batch && !s[1:].HasBatch() }
	for _, in := range n.inputs {
		if batched(in.shape) && (!first(in.shape) || !batched(n.shape) || !first(n.shape)) {
			return fmt.Sprintf("%v, of %v to %v, mixes the rows of the batch, each of which must be computed by itself", n.op, in.shape, n.shape)
		}
	}
	if (n.op == OpSoftmax || n.op == OpLogSoftmax) && n.attr.Axes[0] == 0 && batched(n.shape) {
		return fmt.Sprintf("%v along the batch mixes its rows, each of which must be computed by itself", n.op)
	}
	return ""
}

// scanShape is (steps+1, batch, width): the columns after each step, and the state before the first one, at the
// place before it in the order of steps; or (1, batch, width) of the last step.
func scanShape(a *Attr, in []*Node) (tensor.Shape, string) {
	b := a.Body
	if b == nil {
		return nil, "it has no body"
	}
	if want := len(b.carry) + len(b.xs) + len(b.consts); len(in) != want {
		return nil, fmt.Sprintf("the body takes %d operands, got %d", want, len(in))
	}
	steps := 0
	for i, leaf := range slices.Concat(b.carry, b.xs, b.consts) {
		shape := in[i].shape
		if k := i - len(b.carry); k >= 0 && k < len(b.xs) {
			if len(shape) < 2 || shape[0] == tensor.Batch {
				return nil, fmt.Sprintf("sequence %d has the shape %v: steps come first, then the batch", k, shape)
			}
			if k > 0 && shape[0] != steps {
				return nil, fmt.Sprintf("sequence %d has %d steps, the first one %d", k, shape[0], steps)
			}
			steps, shape = shape[0], shape[1:]
		}
		if !shape.Equal(leaf.shape) {
			return nil, fmt.Sprintf("operand %d has the shape %v at each step, the body takes %v", i, shape, leaf.shape)
		}
	}
	if b.last {
		steps = 0
	}
	return tensor.Shape{steps + 1, tensor.Batch, b.Width()}, ""
}

// Valid reports whether the scan could be built.
func (s *Scanned) Valid() bool { return s != nil && s.node.Valid() }

// State returns state i after each step: (steps, batch, …).
func (s *Scanned) State(i int) *Node {
	return s.result(i, "state", func(b *Body) []*Node { return b.next }, s.after)
}

// Output returns output i of each step: (steps, batch, …).
func (s *Scanned) Output(i int) *Node {
	return s.result(i, "output", func(b *Body) []*Node { return b.outs }, s.after)
}

// Final returns state i after the last step that was run: (batch, …).
func (s *Scanned) Final(i int) *Node {
	return s.result(i, "state", func(b *Body) []*Node { return b.next }, s.last)
}

// LastOutput returns output i of the last step that was run: (batch, …).
func (s *Scanned) LastOutput(i int) *Node {
	return s.result(i, "output", func(b *Body) []*Node { return b.outs }, s.last)
}

func (s *Scanned) result(i int, what string, list func(b *Body) []*Node, of func(*Node) *Node) *Node {
	if s == nil || s.node == nil {
		return orphan("the result of a scan")
	}
	if !s.Valid() {
		return s.node
	}
	nodes := list(s.body)
	switch {
	case i < 0 || i >= len(nodes):
		return s.node.graph.Fail("the scan has no %s %d", what, i)
	case !slices.Contains(s.body.columns, nodes[i]):
		return s.node.graph.Fail("%s %d of the scan is said to be unread", what, i)
	}
	return of(nodes[i])
}

// last returns a column after the last step that was run.
func (s *Scanned) last(n *Node) *Node {
	at := s.node.shape[0] - 1
	if s.body.reverse {
		at = 0
	}
	return s.column(n, at, at+1).Reshape(n.shape...)
}

// after returns a column after each step, before what it was before each.
func (s *Scanned) after(n *Node) *Node {
	if s.body.last {
		return s.node.graph.Fail("the scan is said to be read after the last step alone")
	}
	from := 1
	if s.body.reverse {
		from = 0
	}
	return s.column(n, from, from+s.node.shape[0]-1)
}

func (s *Scanned) before(n *Node) *Node {
	from := 0
	if s.body.reverse {
		from = 1
	}
	return s.column(n, from, from+s.node.shape[0]-1)
}

// column returns what is at the places from … to-1 of the column that n is.
func (s *Scanned) column(n *Node, from, to int) *Node {
	begin, end := s.body.span(n)
	rows := s.node.SliceAxis(0, from, to)
	if end-begin < s.node.shape[2] {
		rows = rows.SliceAxis(2, begin, end)
	}
	return rows.Reshape(append(tensor.Shape{to - from}, n.shape...)...)
}

// span returns which numbers of a row the column n has.
func (b *Body) span(n *Node) (begin, end int) {
	for _, c := range b.columns {
		end = begin + perRow(c)
		if c == n {
			break
		}
		begin = end
	}
	return begin, end
}
