package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/fused"
)

// This file turns programs of elementwise operations into loops.

// An opcode is an elementwise operation: the suffix of its constant in package
// elementwise, its scalar meaning, and the instructions for one vector.
type opcode struct {
	name   string
	scalar string // in terms of a, b, c
	arity  int
	emit   func(a *asm, v []vec) vec
}

func unary(f func(*asm, vec) vec) func(*asm, []vec) vec {
	return func(a *asm, v []vec) vec { return f(a, v[0]) }
}

func binary(f func(a *asm, x, y vec) vec) func(*asm, []vec) vec {
	return func(a *asm, v []vec) vec { return f(a, v[0], v[1]) }
}

func comparison(how uint64) func(*asm, []vec) vec {
	return func(a *asm, v []vec) vec { return a.keep(a.cmp(how, v[0], v[1]), a.c(1)) }
}

var opcodes = []opcode{
	{"Add", "a + b", 2, binary(func(a *asm, x, y vec) vec { return a.add(x, y) })},
	{"Sub", "a - b", 2, binary(func(a *asm, x, y vec) vec { return a.sub(x, y) })},
	{"Mul", "a * b", 2, binary(func(a *asm, x, y vec) vec { return a.mul(x, y) })},
	{"Div", "a / b", 2, binary(func(a *asm, x, y vec) vec { return a.div(x, y) })},
	{"Max", "max(a, b)", 2, binary((*asm).max)},
	{"Min", "min(a, b)", 2, binary((*asm).min)},
	{"Pow", "fmath.Pow(a, b)", 2, binary((*asm).pow)},
	{"Less", "1 if a < b else 0", 2, comparison(less)},
	{"LessEqual", "1 if a <= b else 0", 2, comparison(lessEqual)},
	{"Equal", "1 if a == b else 0", 2, comparison(equal)},
	{"Neg", "-a", 1, unary(func(a *asm, x vec) vec { return a.xor(x, a.bits(signBit)) })},
	{"Abs", "|a|", 1, unary(func(a *asm, x vec) vec { return a.and(x, a.bits(absBits)) })},
	{"Sign", "fmath.Sign(a)", 1, unary((*asm).sign)},
	{"Square", "a * a", 1, unary(func(a *asm, x vec) vec { return a.mul(x, x) })},
	{"Sqrt", "√a", 1, unary(func(a *asm, x vec) vec { return a.sqrt(x) })},
	{"Exp", "fmath.Exp(a)", 1, unary((*asm).exp)},
	{"Expm1", "fmath.Expm1(a)", 1, unary((*asm).expm1)},
	{"Log", "fmath.Log(a)", 1, unary((*asm).log)},
	{"Log1p", "fmath.Log1p(a)", 1, unary((*asm).log1p)},
	{"Tanh", "fmath.Tanh(a)", 1, unary((*asm).tanh)},
	{"Sigmoid", "fmath.Sigmoid(a)", 1, unary((*asm).sigmoid)},
	{"Erf", "fmath.Erf(a)", 1, unary((*asm).erf)},
	{"Relu", "fmath.Relu(a)", 1, unary((*asm).relu)},
	{"Softplus", "fmath.Softplus(a)", 1, unary((*asm).softplus)},
	{"Sin", "fmath.Sin(a), |a| < 2^27", 1, unary((*asm).sin)},
	{"Cos", "fmath.Cos(a), |a| < 2^27", 1, unary((*asm).cos)},
	{"Floor", "⌊a⌋", 1, unary(func(a *asm, x vec) vec { return a.floor(x) })},
	{"ReluGrad", "b > 0 ? a : 0", 2, binary(func(a *asm, x, y vec) vec { return a.keep(a.cmp(greater, y, a.zero()), x) })},
	{"MaskScale", "b > 0 ? a * c : 0", 3, func(a *asm, v []vec) vec {
		return a.keep(a.cmp(greater, v[1], a.zero()), a.mul(v[0], v[2]))
	}},
	{"Select", "a != 0 ? b : c", 3, func(a *asm, v []vec) vec {
		return a.choose(a.cmp(notEqual, v[0], a.zero()), v[1], v[2])
	}},
}

func opcodeNamed(name string) *opcode {
	for i := range opcodes {
		if opcodes[i].name == name {
			return &opcodes[i]
		}
	}
	panic("no opcode " + name)
}

// cheap operations are run for several vectors before the loop branches.
var cheap = map[string]bool{
	"Add": true, "Sub": true, "Mul": true, "Neg": true, "Abs": true, "Square": true, "Relu": true,
	"ReluGrad": true, "MaskScale": true, "Select": true, "Less": true, "LessEqual": true, "Equal": true, "Floor": true,
}

// chained operations are chains of so many instructions that a core sees few of them ahead: two vectors pass through in turns. On AVX-512
// they do so only in loops of one operation: what a program has of them does so if none waits for the other.
var chained = map[string]bool{"Exp": true, "Tanh": true, "Sigmoid": true}

// chains reports whether a step of a program is such an operation.
func chains(step string) bool {
	_, name, _ := fused.Parse(step)
	return chained[name]
}

// waits reports whether a step reads what others make.
func waits(step string, others []string) bool {
	_, _, args := fused.Parse(step)
	return slices.ContainsFunc(others, func(other string) bool {
		result, _, _ := fused.Parse(other)
		return slices.Contains(args, result)
	})
}

// primitive emits the loop of one operation over n elements.
func primitive(a *asm, o opcode) {
	a.function("op"+o.name+a.Suffix(), "func(dst, a, b, c *float32, n int)")
	a.Doc(fmt.Sprintf("op%s%s does this for each of n elements:", o.name, a.Suffix()), "", "\tdst = "+o.scalar)
	dst := a.Load(a.Param("dst"), a.GP64())
	var in []reg.Register
	for _, p := range []string{"a", "b", "c"}[:o.arity] {
		in = append(in, a.Load(a.Param(p), a.GP64()))
	}
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	body := func(i reg.GPVirtual, disp int) {
		var v []vec
		for _, p := range in {
			v = append(v, a.load(at(p, i, disp)))
		}
		a.store(o.emit(a, v), at(dst, i, disp))
	}
	if o.name != "Pow" { // which needs all registers for its values
		a.hoist(chainHoisted, func() { body(n, 0) })
	}
	unroll := 1
	if cheap[o.name] {
		unroll = 4
	}
	if chained[o.name] {
		unroll, a.turns = 2, true
	}
	a.loop(n, unroll, body)
	a.turns = false
	a.End()
}

// toWrite is how many bytes before their turn lines are fetched that are to be written.
const toWrite = 1 << 10

// maxPointers is how many pointers a loop has in registers: the others are on the stack.
const maxPointers = 7

// fusedLoop emits f as one loop over the columns of each row.
func fusedLoop(a *asm, f fused.Program) {
	name := "fused" + f.Name + a.Suffix()
	a.function(name, "func(l *fusedLoop)")
	doc := []string{name + " does this for each element of l:", ""}
	for _, s := range f.Steps {
		r, n, args := fused.Parse(s)
		doc = append(doc, fmt.Sprintf("\t%s = %s(%s)", r, strings.ToLower(n), strings.Join(args, ", ")))
	}
	doc = append(doc, "", "and stores "+strings.Join(f.Outputs, ", ")+".")
	a.Doc(doc...)

	l := a.Struct("l")
	load := func(field string, i ...int) reg.GPVirtual {
		r := a.GP64()
		a.MOVQ(l.Field(field, i...), r)
		return r
	}
	// inRow returns a pointer of l in the present row.
	index := a.GP64()
	inRow := func(pointer string, i ...int) reg.GPVirtual {
		p := load(pointer+"Stride", i...)
		a.IMULQ(index, p)
		a.ADDQ(l.Field(pointer, i...), p)
		return p
	}

	values := map[string]vec{}
	pointers := map[string]operand.Op{}
	pointer := func(s string) reg.Register {
		if r, ok := pointers[s].(reg.GPVirtual); ok {
			return r
		}
		r := a.GP64()
		a.MOVQ(pointers[s], r)
		return r
	}
	// hold keeps a pointer where there is room.
	hold := func(s string, p reg.GPVirtual) {
		if len(pointers) < maxPointers {
			pointers[s] = p
			return
		}
		local := a.AllocLocal(8)
		a.MOVQ(p, local)
		pointers[s] = local
	}
	var keepPointer, keepIndex, keepShift reg.GPVirtual
	var compute func(i reg.GPVirtual, disp int, careful bool)
	// compute emits the steps for the vector at element i, denormal numbers with care or
	// without.
	compute = func(i reg.GPVirtual, disp int, careful bool) {
		v := map[string]vec{}
		for s, r := range values {
			v[s] = r
		}
		value := func(s string) vec {
			if _, ok := v[s]; !ok {
				v[s] = a.load(at(pointer(s), i, disp))
			}
			return v[s]
		}
		if f.Updates() && a.tail == nil && !careful {
			a.fetchToWrite(at(pointer("out "+f.Outputs[0]), i, disp+toWrite))
		}
		land := func() {}
		if decays := f.Decays(); decays != nil && !careful {
			land = a.unlessTiny(value(decays[0]), value(decays[1]), func() { compute(i, disp, true) })
		}
		var turns [][]ir.Node // of the chains that the last steps are, none of which waits for another
		for k, s := range f.Steps {
			from := a.emitted()
			result, name, args := fused.Parse(s)
			if name == "Dropout" {
				v[result] = a.dropout(value(args[0]), value(args[1]), keepPointer, i, keepIndex, keepShift, disp)
				continue
			}
			var in []vec
			for _, x := range args {
				in = append(in, value(x))
			}
			switch {
			case careful && name == "Mul" && args[0] == args[1]:
				v[result] = a.carefulSquare(in[0])
			case careful && name == "Mul":
				v[result] = a.carefulProduct(in[0], in[1])
			case careful && name == "Div":
				v[result] = a.carefulQuotient(in[0], in[1])
			case name == "Mul" && f.Divides():
				v[result] = a.product(in[0], in[1])
			default:
				v[result] = opcodeNamed(name).emit(a, in)
			}
			if !chains(s) || a.dry {
				continue
			}
			turns = append(turns, slices.Clone(a.active().Nodes[from:]))
			if k+1 == len(f.Steps) || !chains(f.Steps[k+1]) || waits(f.Steps[k+1], f.Steps[k+1-len(turns):k+1]) {
				a.inTurns(turns)
				turns = nil
			}
		}
		for _, o := range f.Outputs {
			a.store(value(o), at(pointer("out "+o), i, disp))
		}
		land()
	}
	body := func(i reg.GPVirtual, disp int) { compute(i, disp, false) }

	cols := load("cols")
	row, done := a.label("row"), a.label("return")
	for _, s := range f.Scalars {
		values[s] = a.vec()
	}
	for _, s := range f.Vectors {
		pointers[s] = cols // a stand-in for the dry run
	}
	for _, o := range f.Outputs {
		pointers["out "+o] = cols
	}
	keepPointer, keepIndex, keepShift = cols, cols, cols
	chain := slices.ContainsFunc(f.Steps, chains)
	a.crowded = chain && len(f.Steps) > 2
	most := chainHoisted
	if a.crowded {
		most = crowdedHoisted
	}
	a.hoist(most, func() { body(cols, 0) })
	clear(pointers)

	a.XORQ(index, index)
	a.Label(row)
	a.CMPQ(index, l.Field("rows"))
	a.JGE(operand.LabelRef(done))
	for k, s := range f.Vectors {
		hold(s, inRow("in", k))
	}
	for j, s := range f.Scalars {
		k := len(f.Vectors) + j
		p := inRow("in", k)
		a.VBROADCASTSS(operand.Mem{Base: p}, values[s])
	}
	for k, o := range f.Outputs {
		hold("out "+o, inRow("out", k))
	}
	if f.Dropout() {
		keepPointer = inRow("keep")
		// The shift within a byte moves on from row to row.
		keepShift = load("shiftStep")
		a.IMULQ(index, keepShift)
		a.ADDQ(l.Field("keepShift"), keepShift)
		a.ANDQ(operand.Imm(7), keepShift)
		keepIndex = a.GP64()
	}
	unroll := 2
	if f.Dropout() || f.Decays() != nil || len(pointers) > maxPointers || a.crowded {
		unroll = 1
	}
	a.turns = chain && !a.Wide && !a.crowded
	a.loop(cols, unroll, body)
	a.turns, a.crowded = false, false
	a.INCQ(index)
	a.JMP(operand.LabelRef(row))
	a.Label(done)
	a.End()
	a.emitAsides()
}

// dropout emits keep ? x*scale : 0 for the vector at element i; the mask bit of
// element 0 is bit shift of the byte at keep.
func (a *asm) dropout(x, scale vec, keep, i, tmp, shift reg.GPVirtual, disp int) vec {
	a.MOVQ(i, tmp)
	a.SHRQ(operand.Imm(3), tmp)
	mask := operand.Mem{Base: keep, Index: tmp, Scale: 1, Disp: disp / 32}
	y := a.mul(x, scale)
	if a.Wide {
		bits, k := a.GP32(), a.K()
		a.MOVL(mask, bits)
		a.SHRXL(shift.As32(), bits, bits)
		a.KMOVW(bits, k)
		return a.keep(k, y)
	}
	lane := a.Data("lanebits", func() {
		for j := range 8 {
			a.AppendDatum(operand.U32(1 << j))
		}
	})
	count, v := a.XMM(), a.vec()
	a.VMOVQ(shift, count)
	a.VPBROADCASTD(mask, v)
	a.VPSRLD(count, v, v)
	a.VPAND(lane, v, v)
	a.VPCMPEQD(lane, v, v)
	return a.keep(v, y)
}

// outside emits the search for arguments that a loop doesn't take.
func outside(a *asm) {
	name := "outside" + a.Suffix()
	a.function(name, "func(x *float32, n int, limit uint32) bool")
	a.Doc(name+" reports whether one of n elements has this:", "", "\tbits of |x[i]| > limit")
	x := a.Load(a.Param("x"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	limit := a.broadcastParam("limit")
	most := a.zero()
	a.loop(n, 4, func(i reg.GPVirtual, disp int) {
		a.VPMAXUD(a.and(a.load(at(x, i, disp)), a.bits(absBits)), most, most)
	})
	a.VPMAXUD(limit, most, most)
	bits := a.GP32()
	if a.Wide {
		k := a.K()
		a.VPCMPUD(operand.Imm(4), limit, most, k)
		a.KMOVW(k, bits)
	} else {
		a.VPCMPEQD(limit, most, most)
		a.VMOVMSKPS(most, bits)
		a.XORL(operand.Imm(0xFF), bits)
	}
	a.TESTL(bits, bits)
	a.SETNE(a.returnMem())
	a.End()
}
