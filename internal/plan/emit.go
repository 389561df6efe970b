package plan

// This file makes the kernels of a unit: a table by op for those that are not
// elementwise, and one program for those that are.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// A memory returns where a value is stored.
type memory func(*value) []float32

// kernels returns what computes the unit, in any order. e holds the random
// numbers' key.
func (u *unit) kernels(data memory, e *Exec) []cpu.Kernel {
	if u.root == nil {
		return []cpu.Kernel{u.program(data, e)}
	}
	kernels := emitters[u.root.op](u.root, data, e)
	if len(u.members) > 0 {
		gemm := kernels[0].(*cpu.Gemm)
		gemm.Epilogue = u.program(data, e)
		gemm.Prepare()
	}
	return kernels
}

// emitters holds the kernels of every op that is neither elementwise, a view nor
// a leaf.
var emitters = map[graph.Op]func(v *value, data memory, e *Exec) []cpu.Kernel{
	graph.OpMatMul:                  emitMatMul,
	graph.OpBatchMatMul:             emitBatchMatMul,
	graph.OpSum:                     emitReduce,
	graph.OpReduceMax:               emitReduce,
	graph.OpReduceMin:               emitReduce,
	graph.OpArgMax:                  emitReduce,
	graph.OpSoftmax:                 emitSoftmax,
	graph.OpLogSoftmax:              emitSoftmax,
	graph.OpSoftmaxCrossentropy:     emitCrossentropy,
	graph.OpSoftmaxCrossentropyGrad: emitCrossentropyGrad,
	graph.OpTranspose:               emitTranspose,
	graph.OpBroadcastTo:             emitBroadcast,
	graph.OpSlice:                   emitSlice,
	graph.OpPad:                     emitPad,
	graph.OpConcat:                  emitConcat,
	graph.OpPack:                    emitPack,
	graph.OpOneHot:                  emitOneHot,
	graph.OpRandomUniform:           emitRandomUniform,
}

// program binds the unit's members as one elementwise kernel.
func (u *unit) program(data memory, e *Exec) *cpu.Elementwise {
	shape := u.members[0].shape
	n, cols := shape.Numel(), u.cols
	if u.root != nil {
		cols = shape[len(shape)-1]
	}
	if cols == 0 {
		cols = n
	}
	k := &cpu.Elementwise{Program: &cpu.Program{}, Cols: cols}
	if cols > 0 {
		k.Rows = n / cols
	}

	register := map[*value]int{}
	var operands, constants []*value
	var scales []float32
	for _, v := range u.members {
		for _, x := range v.in {
			if _, ok := register[x]; ok || slices.Contains(u.members, x) {
				continue
			}
			register[x] = -1
			if x.scalar() {
				constants = append(constants, x)
			} else {
				operands = append(operands, x)
			}
		}
		if v.op == graph.OpMaskScale {
			scales = append(scales, float32(v.attr.Scale))
		}
	}
	for i, x := range operands {
		register[x] = i
		if x.op == graph.OpPack && x.n == n {
			k.Parts = x.attr.Offsets
		}
		k.In = append(k.In, operand(x, shape, cols, data))
	}
	for _, x := range constants {
		register[x] = len(operands) + len(k.Program.Consts)
		k.Program.Consts = append(k.Program.Consts, x.konst[0])
	}
	scale := len(operands) + len(k.Program.Consts)
	k.Program.Consts = append(k.Program.Consts, scales...)
	next := len(operands) + len(k.Program.Consts)
	k.Program.Operands = len(operands)
	for i, v := range u.members {
		register[v] = next + i
		instr := cpu.Instr{Op: elementwise[v.op]}
		for j, field := range []*uint8{&instr.A, &instr.B, &instr.C} {
			if j < len(v.in) {
				*field = uint8(register[v.in[j]])
			}
		}
		switch v.op {
		case graph.OpMaskScale:
			instr.C = uint8(scale)
			scale++
		case graph.OpDropout:
			instr.B = uint8(len(k.Dropouts))
			k.Dropouts = append(k.Dropouts, cpu.Dropout{
				Seed: &e.Seed, Step: &e.Step, Stream: v.attr.Stream,
				Threshold: rng.Threshold(v.attr.Rate), Scale: float32(1 / (1 - v.attr.Rate)),
			})
		}
		k.Program.Code = append(k.Program.Code, instr)
	}
	for _, v := range u.stored {
		if v == u.root {
			continue
		}
		k.Program.Outputs = append(k.Program.Outputs, uint8(register[v]))
		k.Out = append(k.Out, cpu.Operand{Data: data(v), RowStride: cols, ColStride: 1})
	}
	k.Prepare()
	return k
}

// operand says how x is spread over shape, seen as rows of cols.
func operand(x *value, shape tensor.Shape, cols int, data memory) cpu.Operand {
	o := cpu.Operand{Data: data(x)}
	switch patternOf(x.shape, shape).kind {
	case full:
		o.RowStride, o.ColStride = cols, 1
	case row:
		o.ColStride = 1
	case column:
		o.RowStride = 1
	}
	return o
}

func emitMatMul(v *value, data memory, e *Exec) []cpu.Kernel {
	a, b := v.in[0], v.in[1]
	g := gemm(a.shape, b.shape, v.attr)
	g.A, g.B, g.C = data(a), data(b), data(v)
	if c := &e.plan.config; !c.NoPasses && !c.KeepZeros {
		g.Zeros = zeros(a)
	}
	if v.check {
		g.Epilogue = &cpu.AllFinite{X: g.C, Bad: &e.bad, Cols: g.N}
	}
	g.Prepare()
	return []cpu.Kernel{g}
}

// zeros says where a factor of a product has zeros, if it has many: samples where their
// neighbours do, what is computed anywhere, parameters nowhere.
func zeros(v *value) cpu.Zeros {
	switch root, _ := v.root(); root.op {
	case graph.OpInput:
		return cpu.ZerosTogether
	case graph.OpParam:
		return cpu.NoZeros
	}
	return cpu.ZerosScattered
}

// gemm sizes the product of two matrices; what leads in a is rows.
func gemm(a, b tensor.Shape, attr *graph.Attr) *cpu.Gemm {
	lastA, lastB := a[len(a)-1], b[len(b)-1]
	leadA, leadB := lead(a), lead(b)
	g := &cpu.Gemm{TransA: attr.TransA, TransB: attr.TransB, LDA: lastA, LDB: lastB}
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

func emitBatchMatMul(v *value, data memory, _ *Exec) []cpu.Kernel {
	a, b := v.in[0], v.in[1]
	matrix := func(s tensor.Shape) (tensor.Shape, int) {
		m := s[len(s)-2:]
		return m, m.Numel()
	}
	shapeA, sizeA := matrix(a.shape)
	shapeB, sizeB := matrix(b.shape)
	_, sizeC := matrix(v.shape)
	var kernels []cpu.Kernel
	for i := range v.shape[:len(v.shape)-2].Numel() {
		g := gemm(shapeA, shapeB, v.attr)
		g.A, g.B, g.C = data(a)[i*sizeA:][:sizeA], data(b)[i*sizeB:][:sizeB], data(v)[i*sizeC:][:sizeC]
		g.Prepare()
		kernels = append(kernels, g)
	}
	return kernels
}

var reductions = map[graph.Op]cpu.ReduceOp{
	graph.OpSum: cpu.ReduceSum, graph.OpReduceMax: cpu.ReduceMax,
	graph.OpReduceMin: cpu.ReduceMin, graph.OpArgMax: cpu.ArgMax,
}

func emitReduce(v *value, data memory, _ *Exec) []cpu.Kernel {
	x, axes := v.in[0], v.attr.Axes
	first, last := axes[0], axes[len(axes)-1]
	k := &cpu.Reduce{
		Op: reductions[v.op], X: data(x), Y: data(v),
		Outer: x.shape[:first].Numel(), N: x.shape[first : last+1].Numel(), Inner: x.shape[last+1:].Numel(),
	}
	k.Prepare()
	return []cpu.Kernel{k}
}

func emitSoftmax(v *value, data memory, _ *Exec) []cpu.Kernel {
	x := v.in[0]
	rows, n := lead(x.shape), x.shape[len(x.shape)-1]
	if v.op == graph.OpLogSoftmax {
		return []cpu.Kernel{&cpu.LogSoftmax{X: data(x), Y: data(v), Rows: rows, N: n}}
	}
	return []cpu.Kernel{&cpu.Softmax{X: data(x), Y: data(v), Rows: rows, N: n}}
}

func emitCrossentropy(v *value, data memory, _ *Exec) []cpu.Kernel {
	logits, target := v.in[0], v.in[1]
	return []cpu.Kernel{&cpu.SoftmaxCrossentropy{
		Logits: data(logits), Target: data(target), Loss: data(v),
		Rows: lead(logits.shape), N: logits.shape[len(logits.shape)-1],
		Clip: float32(v.attr.Clip), Sparse: v.attr.Sparse,
	}}
}

func emitCrossentropyGrad(v *value, data memory, _ *Exec) []cpu.Kernel {
	logits, target, grad := v.in[0], v.in[1], v.in[2]
	return []cpu.Kernel{&cpu.SoftmaxCrossentropyGrad{
		Logits: data(logits), Target: data(target), DLoss: data(grad), DLogits: data(v),
		Rows: lead(logits.shape), N: logits.shape[len(logits.shape)-1],
		Clip: float32(v.attr.Clip), Sparse: v.attr.Sparse,
	}}
}

// strides returns the distances in memory of a row-major shape's neighbours.
func strides(s tensor.Shape) []int {
	d := make([]int, len(s))
	step := 1
	for i, n := range slices.Backward(s) {
		d[i] = step
		step *= n
	}
	return d
}

// copyOf copies all of src.
func copyOf(dst, src []float32) cpu.Kernel {
	return &cpu.StridedCopy{Src: src, Dst: dst, Dims: []int{len(src)}, SrcStrides: []int{1}, DstStrides: []int{1}}
}

func emitTranspose(v *value, data memory, _ *Exec) []cpu.Kernel {
	x := v.in[0]
	from := strides(x.shape)
	src := make([]int, len(from))
	for to, axis := range v.attr.Axes {
		src[to] = from[axis]
	}
	return []cpu.Kernel{&cpu.StridedCopy{Src: data(x), Dst: data(v), Dims: v.shape, SrcStrides: src, DstStrides: strides(v.shape)}}
}

func emitBroadcast(v *value, data memory, _ *Exec) []cpu.Kernel {
	x := v.in[0]
	if x.n == 1 {
		return []cpu.Kernel{&cpu.StridedCopy{Src: data(x), Dst: data(v), Dims: []int{v.n}, SrcStrides: []int{0}, DstStrides: []int{1}}}
	}
	src := make([]int, len(v.shape))
	lead := len(v.shape) - len(x.shape)
	for i, step := range strides(x.shape) {
		if x.shape[i] != 1 {
			src[lead+i] = step
		}
	}
	return []cpu.Kernel{&cpu.StridedCopy{Src: data(x), Dst: data(v), Dims: v.shape, SrcStrides: src, DstStrides: strides(v.shape)}}
}

// window walks shape from begin, step by step.
func window(shape tensor.Shape, begin, step []int) (offset int, walk []int) {
	walk = strides(shape)
	for i := range walk {
		offset += begin[i] * walk[i]
		walk[i] *= step[i]
	}
	return offset, walk
}

func emitSlice(v *value, data memory, _ *Exec) []cpu.Kernel {
	x := v.in[0]
	offset, walk := window(x.shape, v.attr.Begin, v.attr.Step)
	return []cpu.Kernel{&cpu.StridedCopy{
		Src: data(x), Dst: data(v), Dims: v.shape, SrcOff: offset, SrcStrides: walk, DstStrides: strides(v.shape),
	}}
}

func emitPad(v *value, data memory, _ *Exec) []cpu.Kernel {
	x := v.in[0]
	offset, walk := window(v.shape, v.attr.Begin, v.attr.Step)
	return []cpu.Kernel{sequence{
		&cpu.Fill{Dst: data(v)},
		&cpu.StridedCopy{
			Src: data(x), Dst: data(v), Dims: x.shape, SrcStrides: strides(x.shape), DstOff: offset, DstStrides: walk,
		},
	}}
}

func emitConcat(v *value, data memory, _ *Exec) []cpu.Kernel {
	axis := v.attr.Axes[0]
	to := strides(v.shape)
	var kernels []cpu.Kernel
	offset := 0
	for _, x := range v.in {
		kernels = append(kernels, &cpu.StridedCopy{
			Src: data(x), Dst: data(v), Dims: x.shape, SrcStrides: strides(x.shape), DstOff: offset, DstStrides: to,
		})
		offset += x.shape[axis] * to[axis]
	}
	return kernels
}

// emitPack copies what is not in the slab already.
func emitPack(v *value, data memory, _ *Exec) []cpu.Kernel {
	var kernels []cpu.Kernel
	for i, x := range v.in {
		if v.inSlab == nil || !v.inSlab[i] {
			offset := v.attr.Offsets[i]
			kernels = append(kernels, copyOf(data(v)[offset:][:x.n], data(x)))
		}
	}
	return kernels
}

func emitOneHot(v *value, data memory, _ *Exec) []cpu.Kernel {
	return []cpu.Kernel{&cpu.OneHot{Labels: data(v.in[0]), Y: data(v), Rows: v.in[0].n, Depth: v.attr.Depth}}
}

func emitRandomUniform(v *value, data memory, e *Exec) []cpu.Kernel {
	return []cpu.Kernel{&cpu.RandomUniform{Dst: data(v), Seed: &e.Seed, Step: &e.Step, Stream: v.attr.Stream}}
}
