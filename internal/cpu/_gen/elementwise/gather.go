package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits the gathers of rows, and fill.

// fetched is how many bytes of a row are fetched before the first row is gathered. What
// follows is fetched by the processor, who sees where it goes on.
const fetched = 1 << 12

// gather emits a gather of rows of elements of size bytes; convert loads one
// vector of them.
func gather(a *asm, name, typ, doc string, size int, convert func(m operand.Mem) vec) {
	name += a.Suffix()
	a.function(name, "func(dst *float32, src *"+typ+", rows *int32, count, width int)")
	a.Doc(
		name+" does this for each of count rows of width elements:", "", "\t"+doc, "",
		"It fetches all of them first. width is at least a vector: a last partial one",
		"overlaps the one before.",
	)
	dst := a.Load(a.Param("dst"), a.GP64())
	src := a.Load(a.Param("src"), a.GP64())
	rows := a.Load(a.Param("rows"), a.GP64())
	count := a.Load(a.Param("count"), a.GP64())
	width := a.Load(a.Param("width"), a.GP64())
	a.hoist(maxHoisted, func() { convert(operand.Mem{Base: src}) })

	from, i, last := a.GP64(), a.GP64(), a.GP64()
	// eachRow emits a loop over the rows, which begin at from.
	eachRow := func(name string, body func()) {
		row, done, n := a.label(name), a.label("done"), a.GP64()
		a.XORQ(n, n)
		a.Label(row)
		a.CMPQ(n, count)
		a.JGE(operand.LabelRef(done))
		a.MOVLQSX(operand.Mem{Base: rows, Index: n, Scale: 4}, from)
		a.IMULQ(width, from)
		a.LEAQ(operand.Mem{Base: src, Index: from, Scale: uint8(size)}, from)
		body()
		a.INCQ(n)
		a.JMP(operand.LabelRef(row))
		a.Label(done)
	}

	a.IMUL3Q(operand.Imm(uint64(size)), width, last)
	a.DECQ(last)
	bound := a.GP64()
	a.MOVQ(operand.I32(fetched), bound)
	a.CMPQ(last, bound)
	a.CMOVQGT(bound, last)
	eachRow("fetch", func() {
		line := a.label("line")
		a.XORQ(i, i)
		a.Label(line)
		a.PREFETCHT1(operand.Mem{Base: from, Index: i, Scale: 1})
		a.ADDQ(operand.Imm(64), i)
		a.CMPQ(i, last)
		a.JL(operand.LabelRef(line))
		a.PREFETCHT1(operand.Mem{Base: from, Index: last, Scale: 1})
	})

	w := a.Lanes()
	limit := a.GP64()
	a.LEAQ(operand.Mem{Base: width, Disp: -w}, last)
	a.LEAQ(operand.Mem{Base: width, Disp: -4 * w}, limit)
	eachRow("row", func() {
		// Four vectors, that is a line or some, then one at a time.
		four, one, rest := a.label("four"), a.label("one"), a.label("rest")
		a.XORQ(i, i)
		a.CMPQ(i, limit)
		a.JG(operand.LabelRef(one))
		a.Label(four)
		for k := range 4 {
			v := convert(operand.Mem{Base: from, Index: i, Scale: uint8(size), Disp: k * w * size})
			a.VMOVUPS(v, at(dst, i, 4*k*w))
		}
		a.ADDQ(operand.I32(4*w), i)
		a.CMPQ(i, limit)
		a.JLE(operand.LabelRef(four))
		a.Label(one)
		a.CMPQ(i, last)
		a.JG(operand.LabelRef(rest))
		a.VMOVUPS(convert(operand.Mem{Base: from, Index: i, Scale: uint8(size)}), at(dst, i, 0))
		a.ADDQ(operand.I32(w), i)
		a.JMP(operand.LabelRef(one))
		a.Label(rest)
		a.VMOVUPS(convert(operand.Mem{Base: from, Index: last, Scale: uint8(size)}), at(dst, last, 0))
		a.LEAQ(operand.Mem{Base: dst, Index: width, Scale: 4}, dst)
	})
	a.End()
}

// unit loads bytes and divides them by 255: the product with 1/255 is corrected
// by its remainder, which rounds all 256 quotients as a division does.
func unit(a *asm) func(m operand.Mem) vec {
	return func(m operand.Mem) vec {
		x := a.vec()
		a.VPMOVZXBD(m, x)
		x = a.toFloat(x)
		q := a.mul(x, a.c(1./255))
		a.VFNMADD231PS(a.c(255), q, x) // x - 255·q
		a.fma(q, x, a.c(1./255))
		return q
	}
}

func gathers(a *asm) {
	gather(a, "gatherUnit", "uint8", "dst[i] = src[row*width+i] / 255", 1, unit(a))
	gather(a, "gatherFloat32", "float32", "dst[i] = src[row*width+i]", 4, func(m operand.Mem) vec {
		v := a.vec()
		a.VMOVUPS(m, v)
		return v
	})
	name := "fill" + a.Suffix()
	a.function(name, "func(dst *float32, n int, value float32)")
	a.Doc(name+" does this for each of n elements:", "", "\tdst = value")
	dst := a.Load(a.Param("dst"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	v := a.broadcastParam("value")
	a.loop(n, 4, func(i reg.GPVirtual, disp int) { a.store(v, at(dst, i, disp)) })
	a.End()
}

// widening emits what widens n numbers, a vector of them at least, which convert loads a vector of. It is for 8 lanes alone: it
// waits for memory, so a tier of 16 has nothing to gain.
func widening(a *asm, name, doc string, convert func(m operand.Mem) vec) {
	name += a.Suffix()
	a.function(name, "func(dst *float32, src *uint16, n int)")
	a.Doc(
		name+" does this for each of n elements:", "", "\t"+doc, "",
		"n is at least a vector: a last partial one overlaps the one before.",
	)
	dst := a.Load(a.Param("dst"), a.GP64())
	src := a.Load(a.Param("src"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64())
	i, last, limit, w := a.GP64(), a.GP64(), a.GP64(), a.Lanes()
	a.LEAQ(operand.Mem{Base: n, Disp: -w}, last)
	a.LEAQ(operand.Mem{Base: n, Disp: -4 * w}, limit)
	four, one, rest := a.label("four"), a.label("one"), a.label("rest")
	vector := func(i reg.Register, k int) {
		a.VMOVUPS(convert(operand.Mem{Base: src, Index: i, Scale: 2, Disp: 2 * k * w}), at(dst, i, 4*k*w))
	}
	a.XORQ(i, i)
	a.CMPQ(i, limit)
	a.JG(operand.LabelRef(one))
	a.Label(four)
	for k := range 4 {
		vector(i, k)
	}
	a.ADDQ(operand.I32(4*w), i)
	a.CMPQ(i, limit)
	a.JLE(operand.LabelRef(four))
	a.Label(one)
	a.CMPQ(i, last)
	a.JG(operand.LabelRef(rest))
	vector(i, 0)
	a.ADDQ(operand.I32(w), i)
	a.JMP(operand.LabelRef(one))
	a.Label(rest)
	vector(last, 0)
	a.End()
}

func widenings(a *asm) {
	if a.Wide {
		return
	}
	load := func(m operand.Mem) vec {
		x := a.vec()
		a.VPMOVZXWD(m, x)
		return x
	}
	brain := func(m operand.Mem) vec { return a.shiftLeft(load(m), 16) }
	binary16 := func(m operand.Mem) vec {
		x := a.vec()
		a.VCVTPH2PS(m, x) // exact, for denormal numbers too, whatever MXCSR says of these
		return x
	}
	widening(a, "widenBFloat16", "dst = Float32frombits(src << 16)", brain)
	widening(a, "widenFloat16", "dst = number.FromFloat16(src)", binary16)
	for _, vectors := range []int{8, 1} {
		rowOfHalves(a, fmt.Sprint("rowBFloat16x", vectors), vectors, brain)
		rowOfHalves(a, fmt.Sprint("rowFloat16x", vectors), vectors, binary16)
	}
}

// rowOfHalves emits what multiplies a row by a matrix of so many vectors of columns, of which convert loads and widens one.
func rowOfHalves(a *asm, name string, vectors int, convert func(m operand.Mem) vec) {
	name += a.Suffix()
	a.function(name, "func(c, a *float32, b *uint16, k, ld int)")
	a.Doc(
		fmt.Sprintf("%s does this for each of %d columns, with b widened:", name, vectors*a.Lanes()), "",
		"\tfor i := range k {", "\t\tc[j] = fmath.FMA(a[i], b[i*ld+j], c[j])", "\t}", "", "k is at least 1.",
	)
	c := a.Load(a.Param("c"), a.GP64())
	row := a.Load(a.Param("a"), a.GP64())
	b := a.Load(a.Param("b"), a.GP64())
	k := a.Load(a.Param("k"), a.GP64())
	ld := a.Load(a.Param("ld"), a.GP64())
	a.ADDQ(ld, ld) // bytes
	var sums []vec
	for i := range vectors {
		v := a.vec()
		a.VMOVUPS(operand.Mem{Base: c, Disp: 4 * i * a.Lanes()}, v)
		sums = append(sums, v)
	}
	next := a.label("next")
	a.Label(next)
	x := a.vec()
	a.VBROADCASTSS(operand.Mem{Base: row}, x)
	for i, sum := range sums {
		a.fma(sum, x, convert(operand.Mem{Base: b, Disp: 2 * i * a.Lanes()}))
	}
	a.ADDQ(operand.I8(4), row)
	a.ADDQ(ld, b)
	a.DECQ(k)
	a.JNE(operand.LabelRef(next))
	for i, sum := range sums {
		a.VMOVUPS(sum, operand.Mem{Base: c, Disp: 4 * i * a.Lanes()})
	}
	a.End()
}
