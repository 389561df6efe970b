package plan

// This file is the table of what the compiler knows of each op. No other file of the
// package names one: an op costs a row here, and what the row refers to if no other op
// has it yet.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/tensor"
)

// traits is a row of the table.
type traits struct {
	role role

	// lower makes the values of a node; nil makes one of the node's op.
	lower func(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value

	// place says where in the memory of its first operand, which has layout x, the
	// result is, if it can be there: that of a view always, that of another op unless
	// passes are off.
	place func(v *value, x *layout) (where layout, ok bool)

	// parts says where in the result of an op that joins its operands each of them is; those
	// that are no runs have no length.
	parts func(v *value) []layout

	// takes reports whether v's kernel reads an operand x whose runs are apart; nil is
	// never. Elementwise programs need no row here: what they read is in cuts.go.
	takes func(v, x *value) bool

	// instr is the instruction of an elementwise op. immediate completes it where
	// it takes more than the values that the op reads.
	instr     elementwise.Op
	immediate func(p *programBuilder, v *value, instr *elementwise.Instr)

	// emit makes the kernels of an op that has some of its own; they may run at the
	// same time. cost estimates what they take on one core, in nanoseconds; nil is
	// that of writing the result.
	emit func(c *call) []cpu.Kernel
	cost func(v *value) int

	// epilogue: the op has one kernel, which hands finished regions of its result,
	// as rows of its last dimension, to call.epilogue: elementwise values of the
	// result's shape may be computed there, and whether the result is finite.
	epilogue bool

	// follows reports whether v's kernels read an operand with the memory of x, or write v if x is nil, where that is at a run, and not
	// where it was when they were bound; nil is never. Elementwise programs do.
	follows func(v, x *value) bool

	// rows: the kernel can leave gaps between the rows of its result.
	rows bool

	// tasks: the kernels are made of tasks for several cores, or are several; no
	// level runs them on one core in a row with others.
	tasks bool

	// random: two runs give different results, so nothing is computed beforehand.
	random bool

	// late: the operands outlive runs, so the result is computed on the level before the first that reads it, and takes no
	// memory before.
	late bool

	// moves: the op moves numbers without looking at them: of integers it makes integers.
	moves bool

	// integers reports whether the kernel reads operand i as integers where that is stored so; nil is never. Whatever else
	// reads integers is given a float32 copy.
	integers func(a *graph.Attr, i int) bool

	// slab: the result is a slab that holds the operands at attr.Offsets.
	slab bool

	// pools reports whether the op has a kernel that also computes a max pool of its result, or of what follows it
	// element by element; nil is never. pooled says what such a pool is of it.
	pools  func(v, pool *value) bool
	pooled pooled

	// puts reports whether the result, most of which is zeros, needn't be stored: kernels can compute a part of it at a time. takesPut
	// reports whether v's kernel does so for an operand x. nil is never, both. ofPut says what it makes of it.
	puts     func(v *value) bool
	takesPut func(v, x *value) bool
	ofPut    ofPut

	// zeros says where the result has many zeros.
	zeros zeroPattern
}

// A role says what a value of an op is to the passes.
type role uint8

const (
	noRole          role = iota // the op has no row
	roleInput                   // given before each run
	roleParam                   // in memory that outlives runs
	roleConst                   // known when the graph is compiled
	roleView                    // the memory of its operand under another shape
	roleElementwise             // an instruction of a program
	roleKernel                  // computed by kernels of its own
	roleReplaced                // a node of the op becomes values of others
)

// pooled says what a pool computes.
type pooled uint8

const (
	notPooled  pooled = iota
	theMaximum        // of each place's pixels
	itsTap            // the number of the one that it is
)

// ofPut says what a kernel makes of what a pool puts.
type ofPut uint8

const (
	nothingOfPut ofPut = iota
	itsSum             // over all pixels
	itsProduct         // with an image; the kernel can have its sum as well
)

// A zeroPattern says where a matrix has many zeros, if it has.
type zeroPattern uint8

const (
	zerosUnstructured zeroPattern = iota // as relu and dropout leave them
	zerosStructured                      // in the same columns of neighbouring rows: pixels of images
	noZeros
)

// instruction is the row of an elementwise op.
func instruction(instr elementwise.Op) traits {
	return traits{role: roleElementwise, instr: instr}
}

// reduction is the row of a reduction of one run of adjacent axes.
func reduction(op reduce.Op) traits {
	return traits{role: roleKernel, lower: lowerReduction, emit: emitReduction(op), cost: costOfReduction, takes: takesReduced}
}

var table [256]traits

// The table is filled here because lowering makes values, which looks into the table.
func init() {
	table = [256]traits{
		graph.OpInput: {role: roleInput, lower: lowerLeaf, zeros: zerosStructured},
		graph.OpParam: {role: roleParam, lower: lowerLeaf, zeros: noZeros},
		graph.OpConst: {role: roleConst, lower: lowerConst},
		graph.OpNumel: {role: roleReplaced, lower: lowerNumel, integers: first},

		graph.OpStopGradient: {role: roleReplaced, lower: lowerIdentity, moves: true},

		graph.OpAdd:       instruction(elementwise.OpAdd),
		graph.OpSub:       instruction(elementwise.OpSub),
		graph.OpMul:       instruction(elementwise.OpMul),
		graph.OpDiv:       instruction(elementwise.OpDiv),
		graph.OpMax:       instruction(elementwise.OpMax),
		graph.OpMin:       instruction(elementwise.OpMin),
		graph.OpPow:       instruction(elementwise.OpPow),
		graph.OpLess:      instruction(elementwise.OpLess),
		graph.OpLessEqual: instruction(elementwise.OpLessEqual),
		graph.OpEqual:     instruction(elementwise.OpEqual),
		graph.OpNeg:       instruction(elementwise.OpNeg),
		graph.OpAbs:       instruction(elementwise.OpAbs),
		graph.OpSign:      instruction(elementwise.OpSign),
		graph.OpSquare:    instruction(elementwise.OpSquare),
		graph.OpSqrt:      instruction(elementwise.OpSqrt),
		graph.OpExp:       instruction(elementwise.OpExp),
		graph.OpExpm1:     instruction(elementwise.OpExpm1),
		graph.OpLog:       instruction(elementwise.OpLog),
		graph.OpLog1p:     instruction(elementwise.OpLog1p),
		graph.OpTanh:      instruction(elementwise.OpTanh),
		graph.OpSigmoid:   instruction(elementwise.OpSigmoid),
		graph.OpErf:       instruction(elementwise.OpErf),
		graph.OpRelu:      instruction(elementwise.OpRelu),
		graph.OpSoftplus:  instruction(elementwise.OpSoftplus),
		graph.OpSin:       instruction(elementwise.OpSin),
		graph.OpCos:       instruction(elementwise.OpCos),
		graph.OpFloor:     instruction(elementwise.OpFloor),
		graph.OpSelect:    instruction(elementwise.OpSelect),
		graph.OpReluGrad:  {role: roleElementwise, lower: lowerReluGrad, instr: elementwise.OpReluGrad},
		graph.OpMaskScale: {role: roleElementwise, instr: elementwise.OpMaskScale, immediate: scaleOfMask},
		graph.OpDropout:   {role: roleElementwise, instr: elementwise.OpDropout, immediate: dropoutOf, random: true},

		graph.OpRandomUniform: {role: roleKernel, emit: emitRandomUniform, random: true},

		graph.OpSum:       {role: roleKernel, lower: lowerReduction, emit: emitSum, cost: costOfReduction, takes: takesReduced, takesPut: sumsPut, ofPut: itsSum},
		graph.OpReduceMax: reduction(reduce.Max),
		graph.OpReduceMin: reduction(reduce.Min),
		graph.OpArgMax:    {role: roleKernel, emit: emitReduction(reduce.ArgMax), cost: costOfReduction, takes: takesReduced},

		graph.OpSoftmax:                 {role: roleKernel, lower: lowerSoftmax, emit: emitSoftmax, cost: costOfExponentials},
		graph.OpLogSoftmax:              {role: roleKernel, lower: lowerSoftmax, emit: emitLogSoftmax, cost: costOfExponentials},
		graph.OpSoftmaxCrossentropy:     {role: roleKernel, emit: emitCrossentropy, cost: costOfExponentials, integers: labels},
		graph.OpSoftmaxCrossentropyGrad: {role: roleKernel, emit: emitCrossentropyGrad, cost: costOfExponentials, integers: labels},

		graph.OpMatMul:      {role: roleKernel, lower: lowerMatMul, emit: emitMatMul, cost: costOfMatMul, epilogue: true, rows: true, tasks: true, takes: takesRows, follows: followsFirst},
		graph.OpBatchMatMul: {role: roleKernel, lower: lowerBatchMatMul, emit: emitBatchMatMul, cost: costOfBatchMatMul, tasks: true, takes: takesMatrices},

		graph.OpAttention:     {role: roleKernel, emit: emitAttention, cost: costOfAttention, rows: true, tasks: true, takes: takesHeads, zeros: noZeros, random: true},
		graph.OpAttentionGrad: {role: roleKernel, emit: emitAttentionGrad, cost: costOfAttention, tasks: true, takes: takesHeads, zeros: noZeros, random: true},

		graph.OpConv:           {role: roleKernel, emit: emitConv, cost: costOfConv, pools: poolsResult, epilogue: true, rows: true, tasks: true, takes: takesImage},
		graph.OpConvInputGrad:  {role: roleKernel, emit: emitConvInputGrad, cost: costOfConvInputGrad, epilogue: true, rows: true, tasks: true, takes: takesImage},
		graph.OpConvKernelGrad: {role: roleKernel, emit: emitConvKernelGrad, cost: costOfConvKernelGrad, epilogue: true, tasks: true, takes: takesImages, takesPut: multipliesPut, ofPut: itsProduct},

		graph.OpMaxPool:         {role: roleKernel, emit: emitPool(product.MaxPool), cost: costOfPool, pooled: theMaximum, rows: true, takes: takesPooled},
		graph.OpArgMaxPool:      {role: roleKernel, emit: emitPool(product.ArgMaxPool), cost: costOfPool, pooled: itsTap, rows: true, takes: takesPooled},
		graph.OpPoolTake:        {role: roleKernel, emit: emitPool(product.PoolTake), cost: costOfPool, rows: true, takes: takesPooled},
		graph.OpPoolPut:         {role: roleKernel, emit: emitPoolBack(product.PoolPut), cost: costOfPool, rows: true, takes: takesPooled, puts: putsInFours},
		graph.OpAveragePool:     {role: roleKernel, emit: emitPool(product.AveragePool), cost: costOfPool, rows: true, takes: takesPooled},
		graph.OpAveragePoolGrad: {role: roleKernel, emit: emitPoolBack(product.AveragePoolGrad), cost: costOfPool, rows: true, takes: takesPooled},

		graph.OpReshape:     {role: roleView, place: placeOfReshape, takes: takesRuns, moves: true},
		graph.OpView:        {role: roleView, place: placeOfView, moves: true},
		graph.OpTranspose:   {role: roleKernel, emit: emitTranspose, place: placeOfTranspose, takes: takesStrides, moves: true, follows: followsAll},
		graph.OpBroadcastTo: {role: roleKernel, lower: lowerBroadcast, emit: emitBroadcast, takes: takesSame, moves: true, follows: followsAll},
		graph.OpSlice:       {role: roleKernel, emit: emitSlice, place: placeOfSlice, takes: takesStrides, moves: true, follows: followsAll},
		graph.OpPad:         {role: roleKernel, emit: emitPad, tasks: true, takes: takesStrides, moves: true},
		graph.OpConcat:      {role: roleKernel, emit: emitConcat, parts: partsOfConcat, rows: true, takes: takesStrides, moves: true, follows: followsAll},
		graph.OpPack:        {role: roleKernel, emit: emitPack, tasks: true, slab: true},
		graph.OpOneHot:      {role: roleKernel, emit: emitOneHot, integers: first},
		graph.OpGather:      {role: roleKernel, lower: lowerGather, emit: emitGather, zeros: noZeros, integers: second},
		graph.OpScatterAdd:  {role: roleKernel, lower: lowerIndexed, emit: emitScatterAdd, cost: costOfSums, integers: second},
		graph.OpGroupSum:    {role: roleKernel, lower: lowerIndexed, emit: emitGroupSum, cost: costOfSums, integers: second},
		graph.OpCast:        {role: roleKernel, lower: lowerCast, emit: emitCast, late: true, integers: first},

		graph.OpScan: {role: roleKernel, lower: lowerScan, emit: emitScan, cost: costOfScan, tasks: true, takes: takesScan},
	}
}

// Which operands are read as integers: functions for traits.integers.

func first(_ *graph.Attr, i int) bool  { return i == 0 }
func second(_ *graph.Attr, i int) bool { return i == 1 }
func labels(a *graph.Attr, i int) bool { return i == 1 && a.Sparse }

// The rest of this file is what rows refer to that names ops: how nodes become values.

func lowerLeaf(l *lowering, n *graph.Node, shape tensor.Shape, _ []*value) *value {
	v := l.add(n.Op(), n.Attr(), shape, n.Scope())
	v.node = n
	if v.dtype == graph.Int32 {
		l.integers[n] = v
	}
	if stride, ok := l.program.Windows[n]; ok && !l.config.NoPasses && v.input() {
		v.space(stride)
	}
	return v
}

func lowerConst(l *lowering, n *graph.Node, shape tensor.Shape, _ []*value) *value {
	return l.constant(n.Attr().Data, shape)
}

func lowerIdentity(_ *lowering, _ *graph.Node, _ tensor.Shape, in []*value) *value { return in[0] }

func lowerCast(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if in[0].dtype == graph.Float32 {
		return in[0]
	}
	return l.add(n.Op(), n.Attr(), shape, n.Scope(), in...)
}

// widen makes float32 of operands that are integers, but where the op takes integers.
func (l *lowering) widen(row *traits, a *graph.Attr, in []*value, scope string) {
	floats := func(x *value) bool { return x.dtype != graph.Int32 }
	if row.moves && !slices.ContainsFunc(in, floats) {
		return
	}
	for i, x := range in {
		if row.integers == nil || !row.integers(a, i) {
			in[i] = l.floats(x, scope)
		}
	}
}

// floats returns v, or what it is as float32 if it is integers.
func (l *lowering) floats(v *value, scope string) *value {
	if v.dtype != graph.Int32 {
		return v
	}
	return l.add(graph.OpCast, &graph.Attr{}, v.shape, scope, v)
}

// lowerIndexed reads indices that are given as bytes where they are.
func lowerIndexed(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if !l.config.NoPasses {
		in[1] = in[1].stored(graph.Uint8)
	}
	return l.add(n.Op(), n.Attr(), shape, n.Scope(), in...)
}

// lowerGather does so, and looks rows up where they are stored as 16 bits.
func lowerGather(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if !l.config.NoPasses {
		in[0] = in[0].stored(graph.BFloat16, graph.Float16)
	}
	return lowerIndexed(l, n, shape, in)
}

func lowerNumel(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	count := 1
	for _, axis := range n.Attr().Axes {
		count *= in[0].shape[axis]
	}
	return l.constant([]float32{float32(count)}, shape)
}

func lowerBroadcast(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if in[0].shape.Equal(shape) {
		return in[0]
	}
	return l.repeat(in[0], shape, n.Scope())
}

// lowerReduction makes one value per run of adjacent reduced axes, innermost first, so
// that each is one kernel over [outer, n, inner].
func lowerReduction(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	x, axes := in[0], n.Attr().Axes
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

// lowerSoftmax moves the axis to the end and back, if it is another.
func lowerSoftmax(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	x, axis := in[0], n.Attr().Axes[0]
	last := len(shape) - 1
	if axis == last {
		return l.add(n.Op(), n.Attr(), shape, n.Scope(), x)
	}
	perm := make([]int, len(shape))
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
	x = l.add(n.Op(), &graph.Attr{Axes: []int{last}}, moved, n.Scope(), x)
	return l.add(graph.OpTranspose, &graph.Attr{Axes: back}, shape, n.Scope(), x)
}

// lowerMatMul reads transposed matrices where they come from.
func lowerMatMul(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if len(in[0].shape) > 2 || len(in[1].shape) > 2 { // what leads in A is rows, not a matrix each
		a, attr := in[0], *n.Attr()
		b := in[1]
		if !l.config.NoPasses {
			if x := b.transposed(); x != nil && len(x.shape) == 2 {
				attr.TransB = !attr.TransB
				b = x
			}
			b = b.stored(graph.BFloat16, graph.Float16)
		}
		return l.add(n.Op(), &attr, shape, n.Scope(), a, b)
	}
	return lowerBatchMatMul(l, n, shape, in)
}

// lowerBatchMatMul does so for the matrices in the last two dimensions.
func lowerBatchMatMul(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	attr := *n.Attr()
	if !l.config.NoPasses {
		if a := in[0].transposed(); a != nil {
			in[0], attr.TransA = a, !attr.TransA
		}
		if b := in[1].transposed(); b != nil {
			in[1], attr.TransB = b, !attr.TransB
		}
		if n.Op() == graph.OpMatMul {
			in[1] = in[1].stored(graph.BFloat16, graph.Float16)
		}
	}
	order := l.readAs(n)
	if order == nil {
		return l.add(n.Op(), &attr, shape, n.Scope(), in...)
	}
	// Matrices are stored in the order of axes in which they are read, rows with gaps between them, and this is a view.
	stored, back := make(tensor.Shape, len(order)), make([]int, len(order))
	for to, from := range order {
		stored[to], back[from] = shape[from], to
	}
	attr.Axes = order
	return l.permuted(l.add(n.Op(), &attr, stored, n.Scope(), in...), back, n.Scope())
}

// readAs returns the order of axes in which products of matrices are read, if one transposition reads them all and rows stay rows; else nil.
func (l *lowering) readAs(n *graph.Node) []int {
	if l.config.NoPasses || n.Op() != graph.OpBatchMatMul {
		return nil
	}
	readers := l.readersOf(n)
	if len(readers) != 1 || readers[0] == nil || readers[0].Op() != graph.OpTranspose {
		return nil
	}
	order := readers[0].Attr().Axes
	if last := len(order) - 1; order[last] != last {
		return nil
	}
	return order
}

// stored returns what v is the float32 copy of, if that is stored as one of these types, or v: for kernels that widen it as
// they read it.
func (v *value) stored(as ...graph.DType) *value {
	if v.op != graph.OpCast || !slices.Contains(as, v.in[0].dtype) {
		return v
	}
	return v.in[0]
}

// transposed returns the matrices in the last two dimensions of which v has the
// transposed ones, or nil if v is no such copy.
func (v *value) transposed() *value {
	if v.op != graph.OpTranspose || v.konst != nil {
		return nil
	}
	last := len(v.shape) - 1
	for i, axis := range v.attr.Axes {
		switch {
		case i < last-1 && axis != i:
			return nil
		case i == last-1 && axis != last:
			return nil
		}
	}
	if last < 1 {
		return nil
	}
	return v.in[0]
}

// lowerReluGrad reads the mask of the gradient through relu and dropout, which would be
// drawn again, off the forward result, which is stored anyway: with h = dropout(relu(z)),
// an element was kept and positive exactly if h > 0, since the scale is at least 1. The
// bits are the same, the mask costs nothing.
//
// Of the gradient through a max pool, which is put where the maxima are, it masks what is put there, since y is positive at
// the maximum exactly if the maximum is: so y itself is not needed.
func lowerReluGrad(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	if put := in[0]; !l.config.NoPasses && put.op == graph.OpPoolPut && put.konst == nil && put.in[0].op == graph.OpArgMaxPool && put.in[0].in[0] == in[1] {
		arg, grad := put.in[0], put.in[1]
		if top := l.find(graph.OpMaxPool, arg.attr, arg.shape, in[1]); top != nil && sameWindow(&arg.attr.Window, &put.attr.Window) {
			masked := l.add(n.Op(), n.Attr(), grad.shape, n.Scope(), grad, top)
			return l.add(put.op, put.attr, put.shape, put.scope, arg, masked)
		}
	}
	v := l.add(n.Op(), n.Attr(), shape, n.Scope(), in...)
	if l.config.NoPasses || v.op != graph.OpReluGrad || v.konst != nil {
		return v
	}
	grad, y := v.in[0], v.in[1]
	if grad.op != graph.OpDropout || y.op != graph.OpRelu || grad.n != v.n || grad.in[0].n != v.n || y.n != v.n {
		return v
	}
	if h := l.find(graph.OpDropout, grad.attr, y.shape, y); h != nil {
		v.op = graph.OpMaskScale
		v.attr = &graph.Attr{Scale: 1 / (1 - h.attr.Rate)}
		v.in = []*value{grad.in[0], h}
	}
	return v
}

// constant makes a value that is known.
func (l *lowering) constant(data []float32, shape tensor.Shape) *value {
	v := l.add(graph.OpConst, &graph.Attr{Data: data}, shape, "")
	v.konst = data
	return v
}

// permuted returns x with its axes in another order; those that it lacks come first.
func (l *lowering) permuted(x *value, order []int, scope string) *value {
	if x.op == graph.OpTranspose && x.alias && len(order) == len(x.shape) {
		same := true
		for to, from := range order {
			same = same && x.attr.Axes[from] == to
		}
		if same { // it is the other way round
			return x.in[0]
		}
	}
	if lacks := len(order) - len(x.shape); lacks > 0 {
		shape := append(slices.Repeat(tensor.Shape{1}, lacks), x.shape...)
		x = l.add(graph.OpReshape, &graph.Attr{Shape: shape}, shape, scope, x)
	}
	shape := make(tensor.Shape, len(order))
	for to, from := range order {
		shape[to] = x.shape[from]
	}
	return l.add(graph.OpTranspose, &graph.Attr{Axes: order}, shape, scope, x)
}

// repeat spreads x out to a shape that it broadcasts to.
func (l *lowering) repeat(x *value, shape tensor.Shape, scope string) *value {
	return l.add(graph.OpBroadcastTo, &graph.Attr{Shape: shape}, shape, scope, x)
}

// repeated returns what v repeats, or nil if v is no copy that repeats.
func (v *value) repeated() *value {
	if v.op == graph.OpBroadcastTo && v.konst == nil {
		return v.in[0]
	}
	return nil
}

// lowerScan makes one value of all scans that have the same body and operands, the one that stacks most: the others are
// its first columns.
func lowerScan(l *lowering, n *graph.Node, shape tensor.Shape, in []*value) *value {
	widest := n
	if !l.config.NoPasses {
		for _, other := range l.program.Graph.Nodes()[n.ID()+1:] {
			if other.Op() == graph.OpScan && l.need[other.ID()] && other.Attr().Body.Extends(widest.Attr().Body) && slices.Equal(other.Inputs(), n.Inputs()) {
				widest = other
			}
		}
	}
	whole := widest.Shape().Concrete(l.batch)
	body, in := l.projected(widest, in)
	v := l.add(graph.OpScan, &graph.Attr{Body: body}, whole, n.Scope(), in...)
	if v.konst == nil && v.bodies == nil {
		v.bodies, l.err = bodiesOf(l.config, body, l.batch, v.in)
		for _, p := range v.bodies {
			l.config.Held += (p.arena + 3) / 4 * (l.batch/max(p.config.Batch, 1) + 1)
		}
	}
	if widest == n {
		return v
	}
	return l.add(graph.OpSlice, &graph.Attr{Begin: []int{0, 0, 0}, Step: []int{1, 1, 1}, Shape: shape}, shape, n.Scope(), v)
}

// Numbers that instructions take beside values.

func scaleOfMask(p *programBuilder, v *value, instr *elementwise.Instr) {
	instr.C = p.number(float32(v.attr.Scale))
}

func dropoutOf(p *programBuilder, v *value, instr *elementwise.Instr) {
	instr.B = uint8(len(p.kernel.Dropouts))
	p.kernel.Dropouts = append(p.kernel.Dropouts, *p.exec.dropout(v.attr.Rate, v.attr.Stream))
}
