package plan

// This file turns graph nodes into values: concrete shapes, no duplicates, no
// dead code, constants folded.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
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
	n     int // elements
	scope string

	konst  []float32 // what it holds, if that is known at compile time
	update bool      // needed by the update alone
	stored bool      // the value of an update
	stays  bool      // read after the run
	check  bool      // must be finite, which its kernel finds out by the way
	users  []*value  // each once
	unit   *unit
	first  int // in the tree of longest paths, where what depends on it begins
	last   int // and ends

	buffer *buffer // where it is stored; views and placed values share one
	offset int     // in the buffer
	inSlab []bool  // of a Pack: which of its operands are stored where they belong, place by place
}

// elementwise maps the graph's elementwise ops to the kernels' instructions.
var elementwise = map[graph.Op]cpu.EOp{
	graph.OpAdd: cpu.OpAdd, graph.OpSub: cpu.OpSub, graph.OpMul: cpu.OpMul, graph.OpDiv: cpu.OpDiv,
	graph.OpMax: cpu.OpMax, graph.OpMin: cpu.OpMin, graph.OpPow: cpu.OpPow,
	graph.OpLess: cpu.OpLess, graph.OpLessEqual: cpu.OpLessEqual, graph.OpEqual: cpu.OpEqual,
	graph.OpNeg: cpu.OpNeg, graph.OpAbs: cpu.OpAbs, graph.OpSign: cpu.OpSign, graph.OpSquare: cpu.OpSquare,
	graph.OpSqrt: cpu.OpSqrt, graph.OpExp: cpu.OpExp, graph.OpExpm1: cpu.OpExpm1, graph.OpLog: cpu.OpLog,
	graph.OpLog1p: cpu.OpLog1p, graph.OpTanh: cpu.OpTanh, graph.OpSigmoid: cpu.OpSigmoid, graph.OpErf: cpu.OpErf,
	graph.OpRelu: cpu.OpRelu, graph.OpSoftplus: cpu.OpSoftplus, graph.OpSin: cpu.OpSin, graph.OpCos: cpu.OpCos,
	graph.OpFloor: cpu.OpFloor, graph.OpReluGrad: cpu.OpReluGrad, graph.OpMaskScale: cpu.OpMaskScale,
	graph.OpSelect: cpu.OpSelect, graph.OpDropout: cpu.OpDropout,
}

func (v *value) elementwise() bool { _, ok := elementwise[v.op]; return ok }

// scalar reports whether v is one constant number, which programs hold inline.
func (v *value) scalar() bool { return v.konst != nil && v.n == 1 }

// leaf reports whether v is not computed.
func (v *value) leaf() bool {
	return v.konst != nil || v.op == graph.OpInput || v.op == graph.OpParam
}

// view reports whether v is its operand's memory under another shape.
func (v *value) view() bool {
	return v.konst == nil && (v.op == graph.OpReshape || v.op == graph.OpView)
}

// root returns the value whose memory v is in, and where in it.
func (v *value) root() (root *value, offset int) {
	for v.view() {
		if v.op == graph.OpView {
			offset += v.attr.Offsets[0]
		}
		v = v.in[0]
	}
	return v, offset
}

// lowering is the state of Plan.lower.
type lowering struct {
	*Plan
	batch int
	seen  map[string]*value
}

func (p *Plan) lower() error {
	l := &lowering{Plan: p, batch: p.config.Batch, seen: map[string]*value{}}
	p.nodes = map[*graph.Node]*value{}
	needed := l.reachable()
	for _, n := range p.program.Graph.Nodes() {
		if needed[n.ID()] {
			v, err := l.node(n)
			if err != nil {
				return err
			}
			p.nodes[n] = v
		}
	}
	for _, u := range p.program.Updates {
		value := p.nodes[u.Value]
		if root, _ := value.root(); root.op == graph.OpParam && root.konst == nil {
			// Another update may overwrite what this one stores.
			value = l.add(graph.OpBroadcastTo, &graph.Attr{Shape: value.shape}, value.shape, value.scope, value)
		}
		value.stored = true
		p.updates = append(p.updates, move{p.nodes[u.Param], value})
	}
	if !p.config.NoPasses {
		p.shareDropout()
	}
	p.sweep()
	return nil
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
	}
	for _, n := range slices.Backward(nodes) {
		if n.Op() == graph.OpInput {
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
	switch op := n.Op(); op {
	case graph.OpStopGradient:
		return in[0], nil
	case graph.OpConst:
		return l.constant(n.Attr().Data, shape), nil
	case graph.OpNumel:
		count := 1
		for _, axis := range n.Attr().Axes {
			count *= in[0].shape[axis]
		}
		return l.constant([]float32{float32(count)}, shape), nil
	case graph.OpBroadcastTo:
		if in[0].shape.Equal(shape) {
			return in[0], nil
		}
	case graph.OpSum, graph.OpReduceMax, graph.OpReduceMin:
		return l.reduce(n, in[0], shape), nil
	case graph.OpSoftmax, graph.OpLogSoftmax:
		if axis := n.Attr().Axes[0]; axis != len(shape)-1 {
			return l.softmaxAcross(n, in[0], axis), nil
		}
	}
	v := l.add(n.Op(), n.Attr(), shape, n.Scope(), in...)
	if op := n.Op(); op == graph.OpInput || op == graph.OpParam {
		v.node = n
	}
	if _, ok := emitters[n.Op()]; !ok && !v.elementwise() && !v.view() && !v.leaf() {
		return nil, fmt.Errorf("plan: no kernel for %v", n)
	}
	return v, nil
}

// add makes a value, or finds the one that is equal.
func (l *lowering) add(op graph.Op, attr *graph.Attr, shape tensor.Shape, scope string, in ...*value) *value {
	v := &value{id: len(l.values), op: op, attr: attr, shape: shape, n: shape.Numel(), scope: scope, in: in}
	if v.elementwise() {
		l.broadcast(v)
	}
	if !l.config.NoPasses && op != graph.OpInput && op != graph.OpParam {
		var key strings.Builder
		fmt.Fprint(&key, op, " ", attr.Key(), " ", shape)
		for _, x := range v.in {
			fmt.Fprint(&key, " ", x.id)
		}
		if same, ok := l.seen[key.String()]; ok {
			return same
		}
		defer func() { l.seen[key.String()] = v }()
		l.fold(v)
	}
	v.id = len(l.values)
	l.values = append(l.values, v)
	return v
}

func (l *lowering) constant(data []float32, shape tensor.Shape) *value {
	v := l.add(graph.OpConst, &graph.Attr{Data: data}, shape, "")
	v.konst = data
	return v
}

// fold computes a value whose operands are all known.
func (l *lowering) fold(v *value) {
	if len(v.in) == 0 || v.op == graph.OpDropout || v.op == graph.OpRandomUniform {
		return
	}
	for _, x := range v.in {
		if x.konst == nil {
			return
		}
	}
	if v.view() {
		_, offset := v.root()
		v.konst = v.in[0].konst[offset:][:v.n:v.n]
		return
	}
	if mem.Check(v.n, 4, "") != nil {
		return // placing says so
	}
	out := make([]float32, v.n)
	alone := unitOf(v)
	alone.stored = []*value{v}
	for _, k := range alone.kernels(func(x *value) []float32 {
		if x == v {
			return out
		}
		return x.konst
	}, &Exec{plan: l.Plan}) {
		k.Run(nil)
	}
	v.konst = out
}

// reduce makes one value per run of adjacent reduced axes, innermost first, so
// that each is one kernel over [outer, n, inner].
func (l *lowering) reduce(n *graph.Node, x *value, shape tensor.Shape) *value {
	axes := n.Attr().Axes
	kept := x.shape.Clone()
	for len(axes) > 0 {
		first := len(axes) - 1
		for first > 0 && axes[first-1] == axes[first]-1 {
			first--
		}
		run := axes[first:]
		axes = axes[:first]
		for _, axis := range run {
			kept[axis] = 1
		}
		x = l.add(n.Op(), &graph.Attr{Axes: run, Keep: true}, kept.Clone(), n.Scope(), x)
	}
	if !kept.Equal(shape) {
		x = l.add(graph.OpReshape, &graph.Attr{Shape: shape}, shape, n.Scope(), x)
	}
	return x
}

// softmaxAcross moves the axis to the end and back.
func (l *lowering) softmaxAcross(n *graph.Node, x *value, axis int) *value {
	perm := make([]int, len(x.shape))
	for i := range perm {
		perm[i] = i
	}
	perm = append(slices.Delete(perm, axis, axis+1), axis)
	back := make([]int, len(perm))
	moved := make(tensor.Shape, len(perm))
	for to, from := range perm {
		back[from], moved[to] = to, x.shape[from]
	}
	x = l.add(graph.OpTranspose, &graph.Attr{Axes: perm}, moved, n.Scope(), x)
	x = l.add(n.Op(), &graph.Attr{Axes: []int{len(perm) - 1}}, moved, n.Scope(), x)
	return l.add(graph.OpTranspose, &graph.Attr{Axes: back}, n.Shape().Concrete(l.batch), n.Scope(), x)
}

// broadcast sees to it that an elementwise value's operands are full, scalars,
// rows or columns of one split of its shape into rows × columns; another operand
// is spread out to the full shape first. With passes on, an operand that was
// spread out already is read where it came from, if it can be.
func (l *lowering) broadcast(v *value) {
	cols := 0
	v.in = slices.Clone(v.in)
	for i, x := range v.in {
		if !l.config.NoPasses {
			for x.op == graph.OpBroadcastTo && x.konst == nil && patternOf(x.in[0].shape, v.shape).fits(cols) {
				x = x.in[0]
			}
		}
		pattern := patternOf(x.shape, v.shape)
		if !pattern.fits(cols) {
			x = l.add(graph.OpBroadcastTo, &graph.Attr{Shape: v.shape}, v.shape, v.scope, x)
		} else if pattern.cols != 0 {
			cols = pattern.cols
		}
		v.in[i] = x
	}
}

// A pattern says how an operand is spread over an elementwise value seen as
// rows × cols. cols is 0 if every split will do.
type pattern struct {
	kind kind
	cols int
}

type kind int

const (
	full   kind = iota // one number an element
	single             // one number for all
	row                // one row, the same for all rows
	column             // one number a row
	mixed              // none of these
)

func (p pattern) fits(cols int) bool {
	return p.kind != mixed && (p.cols == 0 || cols == 0 || p.cols == cols)
}

// patternOf aligns shape with out as NumPy does, at the last axis.
func patternOf(shape, out tensor.Shape) pattern {
	n, outN := shape.Numel(), out.Numel()
	switch {
	case n == outN:
		return pattern{kind: full}
	case n == 1:
		return pattern{kind: single}
	}
	lead := len(out) - len(shape)
	at := func(i int) int {
		if i < lead {
			return 1
		}
		return shape[i-lead]
	}
	// The axes along which the operand is repeated must be a head or a tail.
	first, last := len(out), -1
	for i := range out {
		if at(i) != out[i] {
			first, last = min(first, i), i
		}
	}
	tail := 1
	for _, d := range out[last+1:] {
		tail *= d
	}
	if n == tail { // nothing but repeated axes before
		return pattern{kind: row, cols: tail}
	}
	head := 1
	for _, d := range out[:first] {
		head *= d
	}
	if n == head {
		return pattern{kind: column, cols: outN / head}
	}
	return pattern{kind: mixed}
}

// shareDropout rewrites the gradient through relu and dropout, whose mask is
// drawn again, into a test of the forward result, which is stored anyway: with
// h = dropout(relu(z)), an element was kept and positive exactly if h > 0, since
// the scale is at least 1. The bits are the same, the mask costs nothing.
func (p *Plan) shareDropout() {
	type key struct {
		x      *value
		stream uint16
	}
	dropped := map[key]*value{}
	for _, v := range p.values {
		if v.op == graph.OpDropout {
			dropped[key{v.in[0], v.attr.Stream}] = v
		}
	}
	for _, v := range p.values {
		if v.op != graph.OpReluGrad || v.in[0].op != graph.OpDropout || v.in[1].op != graph.OpRelu {
			continue
		}
		grad, y := v.in[0], v.in[1]
		h := dropped[key{y, grad.attr.Stream}]
		if h == nil || h.attr.Rate != grad.attr.Rate || h.id > v.id || h.n != v.n || grad.in[0].n != v.n {
			continue
		}
		v.op = graph.OpMaskScale
		v.attr = &graph.Attr{Scale: 1 / (1 - h.attr.Rate)}
		v.in = []*value{grad.in[0], h}
	}
}

// sweep drops what is not read any more, finds who reads what, and what is
// needed by the update alone.
func (p *Plan) sweep() {
	const dead, update, compute = 0, 1, 2
	need := make(map[*value]int)
	for _, u := range p.updates {
		need[u.param], need[u.value] = update, update
	}
	for _, list := range [][]*graph.Node{p.program.Outputs, p.program.Checks} {
		for _, n := range list {
			v := p.nodes[n]
			need[v] = compute
			v.stays = true
		}
	}
	for _, v := range slices.Backward(p.values) {
		for _, x := range v.in {
			need[x] = max(need[x], need[v])
		}
	}
	kept := p.values[:0]
	for _, v := range p.values {
		if need[v] == dead && v.op != graph.OpInput {
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
		if v.stays {
			root, _ := v.root()
			root.stays = true
		}
	}
}
