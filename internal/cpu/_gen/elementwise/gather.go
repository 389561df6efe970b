package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits the gathers of rows, and fill.

// ahead is how many rows before their turn rows are fetched into the cache, for
// elements of so many bytes.
var ahead = map[int]int32{1: 8, 4: 4}

// gather emits a gather of rows of elements of size bytes; convert loads one
// vector of them.
func gather(a *asm, name, typ, doc string, size int, convert func(m operand.Mem) vec) {
	name += a.suffix()
	a.function(name, "func(dst *float32, src *"+typ+", rows *int32, count, known, width int)")
	a.Doc(
		name+" does this for each of count rows of width elements:", "", "\t"+doc, "",
		"known rows, no fewer, are to be wanted before long. width is at least a vector:",
		"a last partial one overlaps the one before.",
	)
	dst := a.Load(a.Param("dst"), a.GP64())
	src := a.Load(a.Param("src"), a.GP64())
	rows := a.Load(a.Param("rows"), a.GP64())
	count := a.Load(a.Param("count"), a.GP64())
	known := a.Load(a.Param("known"), a.GP64())
	width := a.Load(a.Param("width"), a.GP64())
	a.hoist(func() { convert(operand.Mem{Base: src}) })

	// at returns where row r begins.
	rowAt := func(r operand.Op) reg.GPVirtual {
		p := a.GP64()
		a.MOVLQSX(r, p)
		a.IMULQ(width, p)
		a.LEAQ(operand.Mem{Base: src, Index: p, Scale: uint8(size)}, p)
		return p
	}
	w := a.lanes()
	row, done := a.label("row"), a.label("done")
	a.Label(row)
	a.TESTQ(count, count)
	a.JZ(operand.LabelRef(done))
	from := rowAt(operand.Mem{Base: rows})
	// The row to fetch: the last one again near the end.
	a.DECQ(known)
	next := a.GP64()
	a.MOVQ(operand.I32(ahead[size]), next)
	a.CMPQ(known, next)
	a.CMOVQLT(known, next)
	fetch := rowAt(operand.Mem{Base: rows, Index: next, Scale: 4})

	i, last := a.GP64(), a.GP64()
	a.XORQ(i, i)
	a.LEAQ(operand.Mem{Base: width, Disp: -w}, last)
	// Four vectors, that is a line or some, then one at a time.
	four, one, rest := a.label("four"), a.label("one"), a.label("rest")
	limit := a.GP64()
	a.LEAQ(operand.Mem{Base: width, Disp: -4 * w}, limit)
	a.CMPQ(i, limit)
	a.JG(operand.LabelRef(one))
	a.Label(four)
	for line := 0; line < 4*w*size; line += 64 {
		a.PREFETCHT0(operand.Mem{Base: fetch, Index: i, Scale: uint8(size), Disp: line})
	}
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
	a.ADDQ(operand.Imm(4), rows)
	a.DECQ(count)
	a.JMP(operand.LabelRef(row))
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
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
	name := "fill" + a.suffix()
	a.function(name, "func(dst *float32, n int, value float32)")
	a.Doc(name+" does this for each of n elements:", "", "\tdst = value")
	dst := a.Load(a.Param("dst"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64()).(reg.GPVirtual)
	v := a.broadcastParam("value")
	a.loop(n, 4, func(i reg.GPVirtual, disp int) { a.store(v, at(dst, i, disp)) })
	a.VZEROUPPER()
	a.RET()
}
