package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits reductions. Sums along a row have 16 virtual lanes, one vector
// on AVX-512 and two on AVX2.

// A row16 is the 16 virtual lanes.
type row16 []vec

// each16 makes a row16 of f(k, lane), where lane is the first of vector k.
func (a *asm) each16(f func(k, lane int) vec) row16 {
	var r row16
	for k := range 16 / a.Lanes() {
		r = append(r, f(k, k*a.Lanes()))
	}
	return r
}

// tail16 limits a row16 to the first n elements, 0 <= n <= 16: what it returns
// is the tail of each vector.
func (a *asm) tail16(n reg.GPVirtual) []pred { return a.firstLanes(n, 16/a.Lanes()) }

// with runs f with loads and stores limited to p.
func (a *asm) with(p pred, f func()) {
	a.tail = p
	f()
	a.tail = nil
}

// The steps of a tree over 16 lanes: every lane gets the result.

// apart returns v with the lanes d apart exchanged, d < lanes.
func (a *asm) apart(v vec, d int) vec {
	t := a.vec()
	switch {
	case d == 8:
		a.VSHUFF32X4(operand.Imm(0x4E), v, v, t)
	case d == 4 && a.Wide:
		a.VSHUFF32X4(operand.Imm(0xB1), v, v, t)
	case d == 4:
		a.VPERM2F128(operand.Imm(1), v, v, t)
	case d == 2:
		a.VPERMILPS(operand.Imm(0x4E), v, t)
	case d == 1:
		a.VPERMILPS(operand.Imm(0xB1), v, t)
	}
	return t
}

// tree combines the 16 lanes of r: those 8 apart, then 4, 2 and 1 apart. Every
// lane of the result has it.
func (a *asm) tree(r row16, f func(x, y vec) vec) vec {
	v := r[0]
	d := 8
	if !a.Wide {
		v = f(r[0], r[1])
		d = 4
	}
	for ; d > 0; d /= 2 {
		v = f(v, a.apart(v, d))
	}
	return v
}

// storeLane stores lane 0.
func (a *asm) storeLane(v vec, m operand.Mem) { a.VMOVSS(v.AsX(), m) }

func (a *asm) addv(x, y vec) vec { return a.add(x, y) }

// sumRows emits the sums of rows of up to 4096 elements.
func sumRows(a *asm) {
	name := "sumRows" + a.Suffix()
	a.function(name, "func(y, x *float32, rows, n, stride int)")
	a.Doc(
		name+" does this for each of rows rows of n elements, stride apart:",
		"",
		"\tlane[i%16] += x[i], from +0, for i from 0 to n-1",
		"\ty = the sum of the lanes, 8 apart first, then 4, 2 and 1",
	)
	y := a.Load(a.Param("y"), a.GP64())
	x := a.Load(a.Param("x"), a.GP64())
	rows := a.Load(a.Param("rows"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	stride := a.Load(a.Param("stride"), a.GP64())
	a.SHLQ(operand.Imm(2), stride)
	limit, rest := a.GP64(), a.GP64()
	a.MOVQ(n, limit)
	a.ANDQ(operand.I32(-16), limit)
	a.MOVQ(n, rest)
	a.SUBQ(limit, rest)
	masks := a.tail16(rest)

	// pass sums count rows at once.
	pass := func(count int) {
		p := []reg.Register{x}
		for len(p) < count {
			q := a.GP64()
			a.LEAQ(operand.Mem{Base: p[len(p)-1], Index: stride, Scale: 1}, q)
			p = append(p, q)
		}
		sums := make([]row16, count)
		for r := range sums {
			sums[r] = a.each16(func(int, int) vec { return a.zero() })
		}
		i := a.GP64()
		a.XORQ(i, i)
		loop, last := a.label("loop"), a.label("last")
		a.CMPQ(i, limit)
		a.JGE(operand.LabelRef(last))
		a.Label(loop)
		for r, s := range sums {
			for k := range s {
				a.VADDPS(at(p[r], i, 4*k*a.Lanes()), s[k], s[k])
			}
		}
		a.ADDQ(operand.Imm(16), i)
		a.CMPQ(i, limit)
		a.JL(operand.LabelRef(loop))
		a.Label(last)
		tree := a.label("tree")
		a.TESTQ(rest, rest)
		a.JZ(operand.LabelRef(tree))
		for r, s := range sums {
			for k := range s {
				a.with(masks[k], func() {
					t := a.load(at(p[r], i, 4*k*a.Lanes()))
					a.VADDPS(t, s[k], s[k])
				})
			}
		}
		a.Label(tree)
		for r, s := range sums {
			a.storeLane(a.tree(s, a.addv), operand.Mem{Base: y, Disp: 4 * r})
		}
		a.LEAQ(operand.Mem{Base: p[count-1], Index: stride, Scale: 1}, x)
		a.ADDQ(operand.Imm(uint64(4*count)), y)
	}
	four, one, done := a.label("four"), a.label("one"), a.label("done")
	a.Label(four)
	a.SUBQ(operand.Imm(4), rows)
	a.JL(operand.LabelRef(one))
	pass(4)
	a.JMP(operand.LabelRef(four))
	a.Label(one)
	a.ADDQ(operand.Imm(4), rows)
	again := a.label("again")
	a.Label(again)
	a.DECQ(rows)
	a.JL(operand.LabelRef(done))
	pass(1)
	a.JMP(operand.LabelRef(again))
	a.Label(done)
	a.End()
}

// An extreme is max or min.
type extreme struct {
	name, scalar string
	start        uint32 // of nothing
	combine      func(a *asm, x, y vec) vec
}

var extremes = []extreme{
	{"max", "max(y, x[i])", negInfBits, (*asm).max},
	{"min", "min(y, x[i])", infBits, (*asm).min},
}

// extremeRow emits the extreme of one row.
func extremeRow(a *asm, e extreme) {
	name := e.name + "Row" + a.Suffix()
	a.function(name, "func(x *float32, n int) float32")
	a.Doc(name+" returns y after this, with Go's "+e.name+":", "", "\ty = "+e.scalar)
	x := a.Load(a.Param("x"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	const unroll = 4
	start := a.reg(a.bits(e.start))
	var acc [unroll]vec
	for u := range acc {
		acc[u] = a.copy(start)
	}
	a.loop(n, unroll, func(i reg.GPVirtual, disp int) {
		u := disp / 4 / a.Lanes()
		v := a.load(at(x, i, disp))
		if a.tail != nil {
			v = a.choose(a.tail, v, start)
		}
		a.VMOVAPS(e.combine(a, acc[u], v), acc[u])
	})
	all := acc[0]
	for _, v := range acc[1:] {
		all = e.combine(a, all, v)
	}
	for d := a.Lanes() / 2; d > 0; d /= 2 {
		all = e.combine(a, all, a.apart(all, d))
	}
	a.storeLane(all, a.returnMem())
	a.End()
}

// returnMem is where a function's only result goes.
func (a *asm) returnMem() operand.Mem {
	b, err := a.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// columns emits a reduction of every column of a matrix: one chain from start
// each.
func columns(a *asm, name, scalar string, start uint32, combine func(acc, x vec) vec) {
	full := name + "Columns" + a.Suffix()
	a.function(full, "func(y, x *float32, n, cols, stride int)")
	a.Doc(full+" does this for each of cols columns of a matrix whose rows are stride apart:", "", "\t"+scalar)
	y := a.Load(a.Param("y"), a.GP64())
	x := a.Load(a.Param("x"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64())
	cols := a.Load(a.Param("cols"), a.GP64()).(reg.GPVirtual)
	stride := a.Load(a.Param("stride"), a.GP64())
	a.SHLQ(operand.Imm(2), stride)
	first := a.reg(a.bits(start))

	// block reduces count vectors of columns.
	block := func(count int) {
		acc := make([]vec, count)
		for k := range acc {
			acc[k] = a.copy(first)
		}
		p, r := a.GP64(), a.GP64()
		a.MOVQ(x, p)
		a.MOVQ(n, r)
		loop, done := a.label("rows"), a.label("store")
		a.TESTQ(r, r)
		a.JZ(operand.LabelRef(done))
		a.Label(loop)
		for k := range acc {
			v := a.load(operand.Mem{Base: p, Disp: 4 * k * a.Lanes()})
			a.VMOVAPS(combine(acc[k], v), acc[k])
		}
		a.ADDQ(stride, p)
		a.DECQ(r)
		a.JNZ(operand.LabelRef(loop))
		a.Label(done)
		for k := range acc {
			a.store(acc[k], operand.Mem{Base: y, Disp: 4 * k * a.Lanes()})
		}
		a.ADDQ(operand.I32(4*count*a.Lanes()), x)
		a.ADDQ(operand.I32(4*count*a.Lanes()), y)
	}
	done := a.label("done")
	for _, count := range []int{8, 1} {
		again, less := a.label("again"), a.label("less")
		a.Label(again)
		a.CMPQ(cols, operand.I32(count*a.Lanes()))
		a.JL(operand.LabelRef(less))
		block(count)
		a.SUBQ(operand.I32(count*a.Lanes()), cols)
		a.JMP(operand.LabelRef(again))
		a.Label(less)
	}
	a.TESTQ(cols, cols)
	a.JZ(operand.LabelRef(done))
	a.tailOf(cols)
	block(1)
	a.tail = nil
	a.Label(done)
	a.End()
}

// argMaxRows emits the index of the first maximum of each row.
func argMaxRows(a *asm) {
	name := "argMaxRows" + a.Suffix()
	a.function(name, "func(y, x *float32, rows, n int)")
	a.Doc(
		name+" does this for each of rows rows of n > 0 elements, one after another:",
		"",
		"\ty = the first i with x[i] == m, or x[i] NaN if m is, where m = max(x...)",
	)
	y := a.Load(a.Param("y"), a.GP64())
	x := a.Load(a.Param("x"), a.GP64())
	rows := a.Load(a.Param("rows"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	start := a.reg(a.bits(negInfBits))
	row, done := a.label("row"), a.label("done")
	a.Label(row)
	a.DECQ(rows)
	a.JL(operand.LabelRef(done))

	m := a.copy(start)
	a.loop(n, 1, func(i reg.GPVirtual, disp int) {
		v := a.load(at(x, i, disp))
		if a.tail != nil {
			v = a.choose(a.tail, v, start)
		}
		a.VMOVAPS(a.max(m, v), m)
	})
	all := m
	for d := a.Lanes() / 2; d > 0; d /= 2 {
		all = a.max(all, a.apart(all, d))
	}
	// The first lane that is equal or, if the maximum is NaN, not equal to itself.
	found, next := a.label("found"), a.label("next")
	i, bits := a.GP64(), a.GP32()
	a.XORQ(i, i)
	a.Label(next)
	left, whole, test := a.GP64(), a.label("whole"), a.label("test")
	a.MOVQ(n, left)
	a.SUBQ(i, left)
	v := a.vec()
	a.CMPQ(left, operand.Imm(uint64(a.Lanes())))
	a.JGE(operand.LabelRef(whole))
	a.tailOf(left)
	a.VMOVAPS(a.load(at(x, i, 0)), v)
	a.tail = nil
	a.JMP(operand.LabelRef(test))
	a.Label(whole)
	a.VMOVUPS(at(x, i, 0), v)
	a.Label(test)
	same, nan, nanMax := a.cmp(equal, v, all), a.cmp(unordered, v, v), a.cmp(unordered, all, all)
	if a.Wide {
		k := a.K()
		a.KANDW(nan, nanMax, k)
		a.KORW(same, k, k)
		a.KMOVW(k, bits)
	} else {
		t := a.or(same, a.and(nan, nanMax))
		a.VMOVMSKPS(t, bits)
	}
	a.BSFL(bits, bits)
	a.JNZ(operand.LabelRef(found))
	a.ADDQ(operand.I32(a.Lanes()), i)
	a.JMP(operand.LabelRef(next))
	a.Label(found)
	a.ADDL(bits, i.As32())
	f := a.XMM()
	a.VXORPS(f, f, f)
	a.VCVTSI2SSL(i.As32(), f, f)
	a.VMOVSS(f, operand.Mem{Base: y})
	a.ADDQ(operand.Imm(4), y)
	a.LEAQ(operand.Mem{Base: x, Index: n, Scale: 4}, x)
	a.JMP(operand.LabelRef(row))
	a.Label(done)
	a.End()
}

// notFinite emits the search for infinities and NaNs.
func notFinite(a *asm) {
	name := "notFinite" + a.Suffix()
	a.function(name, "func(x *float32, n int) bool")
	a.Doc(name+" reports whether one of n elements is infinite or NaN:", "", "\ty += 0 * x[i], which is NaN then")
	x := a.Load(a.Param("x"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	const unroll = 8
	zero := a.zero()
	var acc [unroll]vec
	for u := range acc {
		acc[u] = a.zero()
	}
	a.loop(n, unroll, func(i reg.GPVirtual, disp int) {
		m := op(at(x, i, disp))
		if a.tail != nil {
			m = a.load(m)
		}
		a.VFMADD231PS(m, zero, acc[disp/4/a.Lanes()])
	})
	all := acc[0]
	for _, v := range acc[1:] {
		all = a.add(all, v)
	}
	bad, bits := a.cmp(unordered, all, all), a.GP32()
	if a.Wide {
		a.KMOVW(bad, bits)
	} else {
		a.VMOVMSKPS(bad, bits)
	}
	a.TESTL(bits, bits)
	a.SETNE(a.returnMem())
	a.End()
}

func reductions(a *asm) {
	sumRows(a)
	columns(a, "sum", "y = y + x[i], from +0", 0, a.addv)
	for _, e := range extremes {
		extremeRow(a, e)
		columns(a, e.name, fmt.Sprintf("y = %s", e.scalar), e.start, func(acc, x vec) vec { return e.combine(a, acc, x) })
	}
	argMaxRows(a)
	notFinite(a)
}
