package main

import (
	"fmt"
	"strings"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/fused"
)

// This file writes the loops of elementwise operations and of the programs that have
// one of their own.

// An opcode is an elementwise operation: the suffix of its constant in package elementwise,
// its scalar meaning, and the instructions for one vector. Operations that have none
// here run in plain Go.
type opcode struct {
	name   string
	scalar string // in terms of a, b, c
	arity  int
	emit   func(k *kernel, x []vec) vec
}

func unary(f func(*kernel, vec) vec) func(*kernel, []vec) vec {
	return func(k *kernel, x []vec) vec { return f(k, x[0]) }
}

func binary(f func(k *kernel, x, y vec) vec) func(*kernel, []vec) vec {
	return func(k *kernel, x []vec) vec { return f(k, x[0], x[1]) }
}

var opcodes = []opcode{
	{"Add", "a + b", 2, binary((*kernel).add)},
	{"Sub", "a - b", 2, binary((*kernel).sub)},
	{"Mul", "a * b", 2, binary((*kernel).mul)},
	{"Div", "a / b", 2, binary((*kernel).div)},
	{"Max", "max(a, b)", 2, binary((*kernel).max)},
	{"Min", "min(a, b)", 2, binary((*kernel).min)},
	{"Less", "1 if a < b else 0", 2, binary(func(k *kernel, x, y vec) vec { return k.keep(k.greater(y, x), k.c(1)) })},
	{"LessEqual", "1 if a <= b else 0", 2, binary(func(k *kernel, x, y vec) vec { return k.keep(k.greaterEqual(y, x), k.c(1)) })},
	{"Equal", "1 if a == b else 0", 2, binary(func(k *kernel, x, y vec) vec { return k.keep(k.equal(x, y), k.c(1)) })},
	{"Neg", "-a", 1, unary((*kernel).neg)},
	{"Abs", "|a|", 1, unary((*kernel).abs)},
	{"Sign", "fmath.Sign(a)", 1, unary((*kernel).sign)},
	{"Square", "a * a", 1, unary(func(k *kernel, x vec) vec { return k.mul(x, x) })},
	{"Sqrt", "√a", 1, unary((*kernel).sqrt)},
	{"Exp", "fmath.Exp(a)", 1, unary((*kernel).exp)},
	{"Expm1", "fmath.Expm1(a)", 1, unary((*kernel).expm1)},
	{"Log", "fmath.Log(a)", 1, unary((*kernel).log)},
	{"Log1p", "fmath.Log1p(a)", 1, unary((*kernel).log1p)},
	{"Tanh", "fmath.Tanh(a)", 1, unary((*kernel).tanh)},
	{"Sigmoid", "fmath.Sigmoid(a)", 1, unary((*kernel).sigmoid)},
	{"Erf", "fmath.Erf(a)", 1, unary((*kernel).erf)},
	{"Relu", "fmath.Relu(a)", 1, unary((*kernel).relu)},
	{"Softplus", "fmath.Softplus(a)", 1, unary((*kernel).softplus)},
	{"Floor", "⌊a⌋", 1, unary((*kernel).floor)},
	{"ReluGrad", "b > 0 ? a : 0", 2, binary(func(k *kernel, x, y vec) vec { return k.keep(k.positive(y), x) })},
	{"MaskScale", "b > 0 ? a * c : 0", 3, func(k *kernel, x []vec) vec {
		return k.keep(k.positive(x[1]), k.mul(x[0], x[2]))
	}},
	{"Select", "a != 0 ? b : c", 3, func(k *kernel, x []vec) vec {
		return k.choose(k.isZero(x[0]), x[2], x[1])
	}},
}

func elementwise(a *asm) {
	a.row("// opsNEON has the operations that have a loop.\nvar opsNEON = map[Op]Primitive{\n")
	for _, o := range opcodes {
		a.newKernel(func(k *kernel) { primitive(k, o) })
		a.row("Op%s: op%sNEON,\n", o.name, o.name)
	}
	a.row("}\n\n// fusedPrograms are the programs that have a loop of their own.\nvar fusedPrograms = []fusedProgram{\n")
	for _, f := range fused.Programs {
		a.newKernel(func(k *kernel) { fusedLoop(k, f) })
		if len(f.Steps) > 0 {
			a.row("{\n%sneon: fused%sNEON,\n},\n", f.Fields(), f.Name)
		}
	}
	a.row("}\n")
}

// primitive emits the loop of one operation over n elements.
func primitive(k *kernel, o opcode) {
	k.begin("op"+o.name+"NEON", "(dst, a, b, c *float32, n int)", 40, "does this for each of n elements", "dst = "+o.scalar)
	const dst = r(0)
	k.op("MOVD dst+0(FP), %v", dst)
	for i := range o.arity {
		k.op("MOVD %c+%d(FP), %v", "abc"[i], 8+8*i, dst+1+r(i))
	}
	k.op("MOVD n+32(FP), %v", left)
	unroll := 1
	if !strings.Contains(o.scalar, "fmath") {
		unroll = 4
	}
	k.loop(unroll, func() {
		var x []vec
		for i := range o.arity {
			x = append(x, k.load(dst+1+r(i)))
		}
		k.store(o.emit(k, x), dst)
	})
	k.op("RET")
}

// fusedLoop emits f as one loop over the columns of each row.
func fusedLoop(k *kernel, f fused.Program) {
	const (
		row      = r(1)
		pointers = r(4) // those of vectors, then those of outputs
		keep     = r(16)
		bit      = r(17) // of the present element
	)
	var doc []string
	for _, s := range f.Steps {
		r, n, args := fused.Parse(s)
		doc = append(doc, fmt.Sprintf("%s = %s(%s)", r, strings.ToLower(n), strings.Join(args, ", ")))
	}
	doc = append(doc, "store "+strings.Join(f.Outputs, ", "))
	k.begin("fused"+f.Name+"NEON", "(l *fusedLoop)", 8, "does this for each element of l", doc...)
	k.op("MOVD l+0(FP), %v", arg)
	k.op("MOVD $0, %v", row)
	inRow := func(pointer, stride string, i int, to r) {
		k.op("MOVD (fusedLoop_%s+%d)(%v), %v", pointer, 8*i, arg, to)
		k.op("MOVD (fusedLoop_%s+%d)(%v), %v", stride, 8*i, arg, temp)
		k.op("MADD %v, %v, %v, %v", temp, to, row, to)
	}
	k.label("row")
	k.op("MOVD fusedLoop_rows(%v), %v", arg, temp)
	k.op("CMP %v, %v", temp, row)
	k.op("BGE return")
	place := map[string]r{}
	for i, s := range f.Vectors {
		place[s] = pointers + r(i)
		inRow("in", "inStride", i, place[s])
	}
	scalars := map[string]vec{}
	for i, s := range f.Scalars {
		inRow("in", "inStride", len(f.Vectors)+i, left)
		scalars[s] = k.splat(left)
	}
	for i, s := range f.Outputs {
		place["out "+s] = pointers + r(len(f.Vectors)+i)
		inRow("out", "outStride", i, place["out "+s])
	}
	if f.Dropout() {
		inRow("keep", "keepStride", 0, keep)
		k.op("MOVD fusedLoop_keepShift(%v), %v", arg, bit)
		k.op("MOVD fusedLoop_shiftStep(%v), %v", arg, temp)
		k.op("MADD %v, %v, %v, %v", temp, bit, row, bit)
		k.op("AND $7, %v, %v", bit, bit)
	}
	k.op("MOVD fusedLoop_cols(%v), %v", arg, left)
	k.loop(2, func() {
		values := map[string]vec{}
		for s, x := range scalars {
			values[s] = x
		}
		value := func(s string) vec {
			if _, ok := values[s]; !ok {
				values[s] = k.load(place[s])
			}
			return values[s]
		}
		for _, s := range f.Steps {
			result, name, args := fused.Parse(s)
			var x []vec
			for _, s := range args {
				x = append(x, value(s))
			}
			if name == "Dropout" {
				values[result] = k.keep(k.mask(keep, bit), k.mul(x[0], x[1]))
				continue
			}
			for _, o := range opcodes {
				if o.name == name {
					values[result] = o.emit(k, x)
				}
			}
		}
		for _, s := range f.Outputs {
			k.store(value(s), place["out "+s])
		}
	})
	k.op("ADD $1, %v, %v", row, row)
	k.op("B row")
	k.label("return")
	k.op("RET")
}

// mask returns which of four elements are kept: bit tells where, from the byte at
// keep, the first one's bit is. It moves bit.
func (k *kernel) mask(keep, bit r) vec {
	const bits = r(24)
	k.op("LSR $3, %v, %v", bit, temp)
	k.op("ADD %v, %v, %v", keep, temp, temp)
	k.op("MOVHU (%v), %v", temp, bits)
	k.op("AND $7, %v, %v", bit, temp)
	k.op("LSR %v, %v, %v", temp, bits, bits)
	k.op("ADD $4, %v, %v", bit, bit)
	x := k.value()
	k.with(x, nil, fmt.Sprintf("VDUP %v, V%%d.S4", bits))
	return k.known("VCMTST", "S4", x, k.lanes([4]uint32{1, 2, 4, 8}))
}
