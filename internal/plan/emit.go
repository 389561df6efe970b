package plan

// This file makes the kernels of a unit: those that are not elementwise by the functions that
// the table in ops.go names, elementwise ones as one program.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// A memory returns where a value is stored.
type memory func(*value) []float32

// A call is what an emitter makes kernels of: a value and where it and its operands
// are stored.
type call struct {
	*value
	data     memory
	exec     *Exec        // holds the random numbers' key, and whether all is finite
	epilogue cpu.Epilogue // nil, or what the kernel hands finished regions to
}

// kernels returns what computes the unit, in any order.
func (u *unit) kernels(data memory, e *Exec) []cpu.Kernel {
	if u.root == nil {
		return []cpu.Kernel{u.program(data, e)}
	}
	c := &call{value: u.root, data: data, exec: e}
	switch {
	case len(u.pools) > 0:
		return emitPooled(c, u)
	case len(u.members) > 0:
		c.epilogue = u.program(data, e)
	case u.root.check:
		c.epilogue = &reduce.AllFinite{X: data(u.root), Bad: &e.bad, Cols: u.root.shape[len(u.root.shape)-1]}
	}
	return u.root.traits().emit(c)
}

// evaluate computes a value whose operands are known: the passes' one question to the
// kernels.
func (p *Plan) evaluate(v *value) []float32 {
	out := make([]float32, v.n)
	alone := unitOf(v)
	alone.stored = []*value{v}
	data := func(x *value) []float32 {
		if x == v {
			return out
		}
		return x.konst
	}
	for _, k := range alone.kernels(data, &Exec{plan: p}) {
		k.Run(nil)
	}
	return out
}

// A programBuilder makes one elementwise kernel of a unit's members.
type programBuilder struct {
	kernel *elementwise.Kernel
	exec   *Exec
}

// number adds a constant to the program and returns its register.
func (b *programBuilder) number(x float32) uint8 {
	p := b.kernel.Program
	p.Consts = append(p.Consts, x)
	return uint8(p.Operands + len(p.Consts) - 1)
}

// program binds the unit's members as one elementwise kernel.
func (u *unit) program(data memory, e *Exec) *elementwise.Kernel {
	return u.programOf(-1, u.stored, data, e)
}

// programOf binds the unit's members on so many rows, all if that is less than 0, storing some of them.
func (u *unit) programOf(rows int, stored []*value, data memory, e *Exec) *elementwise.Kernel {
	shape := u.members[0].shape
	n := shape.Numel()
	cuts := u.cuts
	if u.root != nil { // whose rows are the program's
		if last := shape[len(shape)-1]; last < n && (len(cuts) == 0 || cuts[0] != last) {
			cuts = slices.Insert(slices.Clone(cuts), 0, last)
		}
	}
	k := &elementwise.Kernel{Program: &elementwise.Program{}, Cols: n}
	if len(cuts) > 0 {
		k.Cols = cuts[0]
	}
	if n > 0 {
		k.Rows = n / k.Cols
		for i := len(cuts) - 1; i > 0; i-- { // the blocks between cuts, the outermost first
			end := n
			if i < len(cuts)-1 {
				end = cuts[i+1]
			}
			k.Outer = append(k.Outer, end/cuts[i])
		}
	}
	if rows >= 0 {
		k.Rows = rows
	}

	register := map[*value]uint8{}
	for _, v := range u.members {
		register[v] = 0
	}
	var operands, constants []*value
	for _, v := range u.members {
		for _, x := range v.in {
			if _, ok := register[x]; ok {
				continue
			}
			register[x] = 0
			if x.scalar() {
				constants = append(constants, x)
			} else {
				operands = append(operands, x)
			}
		}
	}
	for i, x := range operands {
		register[x] = uint8(i)
		if x.traits().slab && x.n == n {
			k.Parts = x.attr.Offsets
		}
		k.In = append(k.In, operand(x, shape, cuts, data))
	}
	k.Program.Operands = len(operands)
	b := &programBuilder{kernel: k, exec: e}
	for _, x := range constants {
		register[x] = b.number(x.konst[0])
	}
	code := make([]elementwise.Instr, len(u.members))
	for i, v := range u.members {
		code[i].Op = v.traits().instr
		if immediate := v.traits().immediate; immediate != nil {
			immediate(b, v, &code[i])
		}
	}
	first := len(operands) + len(k.Program.Consts)
	for i, v := range u.members {
		register[v] = uint8(first + i)
		for j, field := range []*uint8{&code[i].A, &code[i].B, &code[i].C} {
			if j < len(v.in) {
				*field = register[v.in[j]]
			}
		}
	}
	k.Program.Code = code
	outputs := slices.DeleteFunc(slices.Clone(stored), func(v *value) bool { return v == u.root })
	for _, v := range outputs {
		k.Program.Outputs = append(k.Program.Outputs, uint8(register[v]))
		out := operand(v, shape, cuts, data)
		out.ColStride = 1
		k.Out = append(k.Out, out)
	}
	k.Prepare()
	for i, x := range operands {
		e.follow(x, func(data []float32) { k.In[i].Data = data })
	}
	for i, v := range outputs {
		e.follow(v, func(data []float32) { k.Out[i].Data = data })
	}
	return k
}

// operand says how x is spread over a shape that is cut.
func operand(x *value, shape tensor.Shape, cuts cuts, data memory) elementwise.Operand {
	o := elementwise.Operand{Data: data(x)}
	n := shape.Numel()
	at := func(i int) int { // where x goes on after i elements
		if i >= n {
			return 0
		}
		return x.place(shape, i)
	}
	if o.ColStride = at(1); len(cuts) > 0 {
		if cuts[0] == 1 {
			o.ColStride = 0
		}
		o.RowStride = at(cuts[0])
	}
	for i := len(cuts) - 1; i > 0; i-- {
		o.Outer = append(o.Outer, at(cuts[i]))
	}
	return o
}

func emitMatMul(c *call) []cpu.Kernel {
	a, b := c.in[0], c.in[1]
	g := gemm(a.shape, b.shape, c.attr)
	if a.apart() {
		g.LDA = a.stride
	}
	if b.apart() {
		g.LDB = b.stride
	}
	if c.apart() {
		g.LDC = c.stride
	}
	g.A, g.C, g.Epilogue = c.data(a), c.data(c.value), c.epilogue
	if b.dtype == graph.Float32 {
		g.B = c.data(b)
	} else {
		g.HalfB = c.halves(b)
	}
	g.Zeros = c.zeros(a)
	if root, _ := b.root(); root.param() {
		g.Keeps, g.Alone = c.exec.kept, c.exec.packed == nil
	}
	g.Prepare()
	c.exec.follow(a, g.MoveA)
	c.exec.follow(c.value, g.MoveC)
	return []cpu.Kernel{g}
}

func costOfMatMul(v *value) int {
	a := v.in[0].shape
	k := a[len(a)-1]
	if v.attr.TransA {
		k = lead(a)
	}
	return costOfProduct(v, k)
}

func costOfBatchMatMul(v *value) int {
	a := v.in[0].shape
	k := a[len(a)-1]
	if v.attr.TransA {
		k = a[len(a)-2]
	}
	return costOfProduct(v, k)
}

// costOfProduct is that of k multiply-adds an element.
func costOfProduct(v *value, k int) int { return v.n * max(k, product.StoreWork) / 128 }

// zeros says how a product may look for zeros in a factor.
func (c *call) zeros(v *value) product.Zeros {
	if config := &c.exec.plan.config; config.NoPasses || config.KeepZeros {
		return product.NoZeros
	}
	root, _ := v.root()
	switch root.traits().zeros {
	case zerosStructured:
		return product.ZerosStructured
	case zerosUnstructured:
		return product.ZerosUnstructured
	}
	return product.NoZeros
}

// gemm sizes the product of two matrices; what leads in a is rows.
func gemm(a, b tensor.Shape, attr *graph.Attr) *product.Gemm {
	lastA, lastB := a[len(a)-1], b[len(b)-1]
	leadA, leadB := lead(a), lead(b)
	g := &product.Gemm{TransA: attr.TransA, TransB: attr.TransB, LDA: lastA, LDB: lastB}
	g.M, g.K, g.N = leadA, lastA, lastB
	if attr.TransA {
		g.M, g.K = lastA, leadA
	}
	if attr.TransB {
		g.N = leadB
	}
	g.LDC = g.N
	return g
}

// lead is the product of all dimensions but the last.
func lead(s tensor.Shape) int { return s[:len(s)-1].Numel() }

func emitBatchMatMul(c *call) []cpu.Kernel {
	a, b := matricesOf(c, c.in[0]), matricesOf(c, c.in[1])
	stored := strides(c.shape)
	shape, steps := c.shape.Clone(), slices.Clone(stored)
	for to, from := range c.attr.Axes { // the order in which they are stored
		shape[from], steps[from] = c.shape[to], stored[to]
	}
	last := len(shape) - 1
	y := &matrices{all: c.data(c.value), shape: shape[:last-1], steps: steps[:last-1]}
	var kernels []cpu.Kernel
	for i := range y.shape.Numel() {
		g := &product.Gemm{
			M: shape[last-1], N: shape[last], LDA: a.ld, LDB: b.ld, LDC: steps[last-1],
			TransA: c.attr.TransA != a.columns, TransB: c.attr.TransB != b.columns,
			A: a.data(i), B: b.data(i), C: y.data(i),
		}
		if g.K = a.cols; c.attr.TransA {
			g.K = a.rows
		}
		g.Prepare()
		kernels = append(kernels, g)
	}
	return kernels
}

// matrices are those in the last two dimensions of a value.
type matrices struct {
	rows, cols int
	ld         int
	columns    bool // columns are without gaps, not rows
	all        []float32
	shape      tensor.Shape // of what leads
	steps      []int
}

func matricesOf(c *call, x *value) *matrices {
	steps, last := x.strides(), len(x.shape)-1
	m := &matrices{rows: x.shape[last-1], cols: x.shape[last], all: c.data(x), shape: x.shape[:last-1], steps: steps[:last-1]}
	if m.ld = steps[last-1]; steps[last] != 1 {
		m.ld, m.columns = steps[last], true
	}
	return m
}

// data returns the memory that begins with matrix i.
func (m *matrices) data(i int) []float32 {
	at := 0
	for k, d := range slices.Backward(m.shape) {
		at += i % d * m.steps[k]
		i /= d
	}
	return m.all[at:]
}

func emitReduction(op reduce.Op) func(c *call) []cpu.Kernel {
	return func(c *call) []cpu.Kernel {
		x := c.in[0]
		k, _ := reductionOf(c.value, x)
		k.Op, k.X, k.Y = op, c.data(x), c.data(c.value)
		k.Prepare()
		return []cpu.Kernel{k}
	}
}

// emitSum adds up what is stored, or what a pool puts, if no other kernel does so.
func emitSum(c *call) []cpu.Kernel {
	if x := c.in[0]; x.unstored {
		if _, sum := together(x); sum == c.value {
			return nil
		}
		k := &product.PutSum{Put: putOf(c, x), Y: c.data(c.value)}
		k.Prepare()
		return []cpu.Kernel{k}
	}
	return emitReduction(reduce.Sum)(c)
}

// A stretch is neighbouring dimensions as one: step is the distance in memory of neighbours,
// 0 if there is no such. It is 1 or more for a single element.
type stretch struct{ size, step int }

// stretchOf makes one dimension of several.
func stretchOf(shape tensor.Shape, steps []int) stretch {
	s := stretch{size: shape.Numel(), step: 1}
	last := true
	for i, d := range slices.Backward(shape) {
		switch {
		case d == 1:
		case last:
			s.step, last = steps[i], false
		case steps[i] != s.step*shape[i+1:].Numel():
			s.step = 0
			return s
		}
	}
	return s
}

// reductionOf returns the geometry of a reduction v, of one run of adjacent axes of x. It reports false
// if no kernel takes x as it is: those that there are go along rows, or along rows of columns.
func reductionOf(v, x *value) (k *reduce.Reduction, ok bool) {
	steps, axes := x.strides(), v.attr.Axes
	if steps == nil {
		return nil, false
	}
	first, last := axes[0], axes[len(axes)-1]+1
	of := func(from, to int) stretch { return stretchOf(x.shape[from:to], steps[from:to]) }
	outer, n, inner := of(0, first), of(first, last), of(last, len(x.shape))
	lanes := inner.size == 1 && x.n > 0 && n.size > 1 && n.step != 1
	if lanes { // the columns are dimensions before those that are reduced
		for columns := first - 1; columns >= 0 && of(columns, first).step == 1; columns-- {
			outer, inner = of(0, columns), of(columns, first)
		}
	}
	k = &reduce.Reduction{Outer: outer.size, N: n.size, Inner: inner.size, Lanes: lanes}
	if x.apart() {
		k.OuterStride, k.Stride = outer.step, n.step
	}
	return k, outer.step > 0 && n.step > 0 && inner.step == 1 && (inner.size > 1 || n.step == 1)
}

// takesReduced is for reductions.
func takesReduced(v, x *value) bool {
	_, ok := reductionOf(v, x)
	return ok && x.n > 0
}

func costOfReduction(v *value) int { return v.in[0].n / 8 }

// rows returns how a value is seen as rows of its last dimension.
func rows(v *value) (rows, n int) { return lead(v.shape), v.shape[len(v.shape)-1] }

func emitSoftmax(c *call) []cpu.Kernel {
	x := c.in[0]
	rows, n := rows(x)
	return []cpu.Kernel{&reduce.Softmax{X: c.data(x), Y: c.data(c.value), Rows: rows, N: n}}
}

func emitLogSoftmax(c *call) []cpu.Kernel {
	x := c.in[0]
	rows, n := rows(x)
	return []cpu.Kernel{&reduce.LogSoftmax{X: c.data(x), Y: c.data(c.value), Rows: rows, N: n}}
}

// costOfExponentials is that of one for each element of the first operand.
func costOfExponentials(v *value) int { return v.in[0].n }

func emitCrossentropy(c *call) []cpu.Kernel {
	logits := c.in[0]
	rows, n := rows(logits)
	k := &reduce.SoftmaxCrossentropy{
		Logits: c.data(logits), Loss: c.data(c.value),
		Rows: rows, N: n,
		Clip: float32(c.attr.Clip), Sparse: c.attr.Sparse,
	}
	k.Target, k.Labels = c.targets(c.in[1])
	return []cpu.Kernel{k}
}

func emitCrossentropyGrad(c *call) []cpu.Kernel {
	logits, grad := c.in[0], c.in[2]
	rows, n := rows(logits)
	k := &reduce.SoftmaxCrossentropyGrad{
		Logits: c.data(logits), DLoss: c.data(grad), DLogits: c.data(c.value),
		Rows: rows, N: n,
		Clip: float32(c.attr.Clip), Sparse: c.attr.Sparse,
	}
	k.Target, k.Labels = c.targets(c.in[1])
	return []cpu.Kernel{k}
}

// targets returns the memory of a cross-entropy's targets: labels, if they are stored as integers.
func (c *call) targets(x *value) (numbers []float32, labels []int32) {
	if x.dtype == graph.Int32 {
		return nil, ints(c.data(x))
	}
	return c.data(x), nil
}

// copyOf copies all of src.
func copyOf(dst, src []float32) cpu.Kernel {
	return &move.StridedCopy{Src: src, Dst: dst, Dims: []int{len(src)}, SrcStrides: []int{1}, DstStrides: []int{1}}
}

func emitTranspose(c *call) []cpu.Kernel {
	x := c.in[0]
	from := x.strides()
	src := make([]int, len(from))
	for to, axis := range c.attr.Axes {
		src[to] = from[axis]
	}
	return c.copied(x, &move.StridedCopy{Dims: c.shape, SrcStrides: src, DstStrides: strides(c.shape)})
}

func emitBroadcast(c *call) []cpu.Kernel {
	x := c.in[0]
	switch {
	case x.steps != nil:
		return c.copied(x, &move.StridedCopy{Dims: x.shape, SrcStrides: x.steps, DstStrides: strides(x.shape)})
	case x.apart():
		return c.copied(x, &move.StridedCopy{Dims: []int{x.n / x.run, x.run}, SrcStrides: []int{x.stride, 1}, DstStrides: []int{x.run, 1}})
	case x.n == 1:
		return c.copied(x, &move.StridedCopy{Dims: []int{c.n}, SrcStrides: []int{0}, DstStrides: []int{1}})
	}
	src := make([]int, len(c.shape))
	lead := len(c.shape) - len(x.shape)
	for i, step := range strides(x.shape) {
		if x.shape[i] != 1 {
			src[lead+i] = step
		}
	}
	return c.copied(x, &move.StridedCopy{Dims: c.shape, SrcStrides: src, DstStrides: strides(c.shape)})
}

// copied makes k the copy of x to the call's value.
func (c *call) copied(x *value, k *move.StridedCopy) []cpu.Kernel {
	k.Src, k.Dst = c.data(x), c.data(c.value)
	c.exec.follow(x, func(data []float32) { k.Src = data })
	c.exec.follow(c.value, func(data []float32) { k.Dst = data })
	return []cpu.Kernel{k}
}

// window walks along the strides from begin, step by step.
func window(walk, begin, step []int) (offset int, _ []int) {
	for i := range walk {
		offset += begin[i] * walk[i]
		walk[i] *= step[i]
	}
	return offset, walk
}

func emitSlice(c *call) []cpu.Kernel {
	x := c.in[0]
	offset, walk := window(x.strides(), c.attr.Begin, c.attr.Step)
	return c.copied(x, &move.StridedCopy{Dims: c.shape, SrcOff: offset, SrcStrides: walk, DstStrides: strides(c.shape)})
}

func emitPad(c *call) []cpu.Kernel {
	x := c.in[0]
	offset, walk := window(strides(c.shape), c.attr.Begin, c.attr.Step)
	return []cpu.Kernel{sequence{
		&move.Fill{Dst: c.data(c.value)},
		&move.StridedCopy{
			Src: c.data(x), Dst: c.data(c.value), Dims: x.shape, SrcStrides: x.strides(), DstOff: offset, DstStrides: walk,
		},
	}}
}

// emitConcat copies what is not where it belongs already.
func emitConcat(c *call) []cpu.Kernel {
	to, parts := c.strides(), partsOfConcat(c.value)
	var kernels []cpu.Kernel
	for i, x := range c.in {
		if c.inPlace == nil || !c.inPlace[i] {
			kernels = append(kernels, c.copied(x, &move.StridedCopy{Dims: x.shape, SrcStrides: x.strides(), DstOff: parts[i].at, DstStrides: to})...)
		}
	}
	return kernels
}

// emitPack copies what is not in the slab already.
func emitPack(c *call) []cpu.Kernel {
	var kernels []cpu.Kernel
	for i, x := range c.in {
		if c.inPlace == nil || !c.inPlace[i] {
			offset := c.attr.Offsets[i]
			kernels = append(kernels, copyOf(c.data(c.value)[offset:][:x.n], c.data(x)))
		}
	}
	return kernels
}

func emitOneHot(c *call) []cpu.Kernel {
	return []cpu.Kernel{&move.OneHot{Indices: c.exec.indices(c.in[0], c.data), Y: c.data(c.value), Rows: c.in[0].n, Depth: c.attr.Depth}}
}

func emitCast(c *call) []cpu.Kernel {
	x, to := c.in[0], c.data(c.value)
	switch x.dtype {
	case graph.Uint8:
		return []cpu.Kernel{&move.ToFloat32[uint8]{Src: c.exec.bytes(x), Dst: to}}
	case graph.Int32:
		return []cpu.Kernel{&move.ToFloat32[int32]{Src: ints(c.data(x)), Dst: to}}
	}
	return []cpu.Kernel{&product.Widen{Src: c.halves(x), Dst: to}}
}

// halves returns the memory of a parameter, or a view of one, that is stored as 16 bits.
func (c *call) halves(v *value) product.Halves {
	root, offset := v.root()
	return product.Halves{Data: c.exec.storage[root.node].Part(offset, v.n).Halves(), Brain: root.dtype == graph.BFloat16}
}

// dropout returns what drops elements with this probability.
func (e *Exec) dropout(rate float64, stream uint16) *elementwise.Dropout {
	return &elementwise.Dropout{Seed: &e.Seed, Step: &e.Step, Stream: stream, Threshold: rng.Threshold(rate), Scale: float32(1 / (1 - rate))}
}

func emitRandomUniform(c *call) []cpu.Kernel {
	return []cpu.Kernel{&elementwise.RandomUniform{Dst: c.data(c.value), Seed: &c.exec.Seed, Step: &c.exec.Step, Stream: c.attr.Stream}}
}
