package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits what products need that leave out zeros of A.

// emitListed emits count tiles below each other, each with its list of k.
func (m *microkernel) emitListed() {
	if m.vectors == 1 {
		m.tail = m.firstLanes(m.load("tail"), 1)
	}
	a, b, c := m.load("a"), m.load("b"), m.spill("c")
	m.lda = multiples(m, "lda", m.indices())
	ldb := m.load("ldb")
	lists, ks := m.spill("list"), m.spill("ks")

	m.Label("tile")
	m.start(c)
	list, k := m.copy(lists), m.copy(ks)
	m.MOVLQSX(operand.Mem{Base: k}, k)
	m.TESTQ(k, k)
	m.JZ(operand.LabelRef("store"))
	m.Label("next")
	p, column := m.GP64(), m.GP64()
	m.MOVL(operand.Mem{Base: list}, p.As32())
	if m.cols {
		m.MOVQ(m.lda[1], column)
		m.IMULQ(p, column)
		m.ADDQ(a, column)
	} else {
		m.LEAQ(operand.Mem{Base: a, Index: p, Scale: 4}, column)
	}
	m.IMULQ(ldb, p)
	m.ADDQ(b, p)
	m.a, m.b = []reg.GPVirtual{column}, p
	m.step(0)
	m.ADDQ(operand.I8(4), list)
	m.DECQ(k)
	m.JNZ(operand.LabelRef("next"))

	m.Label("store")
	m.check("done")
	m.finish(c)
	m.ADDQ(m.field("aStep"), a)
	for _, f := range []struct {
		field string
		local operand.Mem
	}{{"cStep", c}, {"listStep", lists}, {"ksStep", ks}} {
		step := m.load(f.field)
		m.ADDQ(step, f.local)
	}
	m.DECQ(m.field("count"))
	m.JNZ(operand.LabelRef("tile"))
	m.Label("done")
	m.End()
}

// check jumps to label if an accumulator is -0, which is the least of integers, or not
// finite: 0 times that is NaN.
func (m *microkernel) check(label string) {
	least, sum, zero := m.temp(0), m.temp(1), m.temp(2)
	m.Zero(sum)
	m.Zero(zero)
	last := m.rows*m.vectors - 1
	m.VPMINSD(m.v(0), m.v(last), least)
	for i := range last + 1 {
		if i > 0 && i < last {
			m.VPMINSD(m.v(i), least, least)
		}
		m.VFMADD231PS(zero, m.v(i), sum)
	}
	ones := zero
	if m.Wide {
		m.VPTERNLOGD(operand.U8(0xFF), ones, ones, ones)
		m.VPSLLD(operand.U8(31), ones, ones)
		m.VPCMPEQD(least, ones, reg.K2)
		m.VCMPPS(operand.U8(3), sum, sum, reg.K3) // unordered
		m.KORTESTW(reg.K2, reg.K3)
	} else {
		m.VPCMPEQD(ones, ones, ones)
		m.VPSLLD(operand.U8(31), ones, ones)
		m.VPCMPEQD(least, ones, least)
		m.VCMPPS(operand.U8(3), sum, sum, sum)
		m.VPOR(least, sum, sum)
		m.VPTEST(sum, sum)
	}
	m.JNZ(operand.LabelRef(label))
}

// nonzero emits the search for what is not zero.
func (g *generator) nonzero() {
	g.function("nonzero"+g.Suffix(), "t", "search")
	g.Doc(
		fmt.Sprintf("nonzero%s sets the bits of what is not zero in rows of at most 64 columns:", g.Suffix()),
		"",
		"	for i := range rows {",
		"		bits[i] = 0",
		"		for j := range cols {",
		"			if x[i*ldx+j] != 0 {",
		"				bits[i] |= 1 << j",
		"			}",
		"		}",
		"	}",
	)
	bits, x, ldx, rows := g.load("bits"), g.load("x"), g.load("ldx"), g.load("rows")
	if g.Wide {
		columns, magnitude := g.fourMasks()
		first := g.GP32()
		g.Label("row")
		for i, k := range columns {
			to := []reg.OpmaskPhysical{reg.K5, reg.K6, reg.K7, reg.K1}[i]
			if i == 3 { // there is no eighth mask
				g.KMOVW(reg.K1, first)
			}
			g.VPTESTMD(operand.Mem{Base: x, Disp: 64 * i}, magnitude, k, to)
		}
		g.KUNPCKWD(reg.K5, reg.K6, reg.K5)
		g.KUNPCKWD(reg.K7, reg.K1, reg.K7)
		g.KUNPCKDQ(reg.K5, reg.K7, reg.K5)
		g.KMOVW(first, reg.K1)
		g.KMOVQ(reg.K5, operand.Mem{Base: bits})
	} else {
		zero := g.v(0)
		g.Zero(zero)
		all, word := g.GP64(), g.GP64()
		masks := g.AllocLocal(8 * 32)
		left, n := g.GP64(), g.GP64()
		eight := g.GP64()
		g.MOVQ(g.field("cols"), left)
		g.MOVQ(operand.U32(8), eight)
		for i := range 8 {
			none := g.GP64()
			g.XORQ(none, none)
			g.MOVQ(left, n)
			g.CMPQ(n, operand.I8(0))
			g.CMOVQLT(none, n)
			g.CMPQ(n, operand.I8(8))
			g.CMOVQGT(eight, n)
			g.VMOVUPS(g.firstLanes(n, 1), masks.Offset(32*i))
			g.SUBQ(operand.I8(8), left)
		}
		g.Label("row")
		for i := range 8 {
			v := g.v(1)
			g.VMOVUPS(masks.Offset(32*i), g.v(2))
			g.VMASKMOVPS(operand.Mem{Base: x, Disp: 32 * i}, g.v(2), v)
			g.VPSLLD(operand.U8(1), v, v) // without the sign
			g.VPCMPEQD(zero, v, v)
			if i == 0 {
				g.VMOVMSKPS(v, all.As32())
				continue
			}
			g.VMOVMSKPS(v, word.As32())
			g.SHLQ(operand.U8(8*i), word)
			g.ORQ(word, all)
		}
		g.NOTQ(all)
		g.MOVQ(all, operand.Mem{Base: bits})
	}
	g.ADDQ(operand.I8(8), bits)
	g.ADDQ(ldx, x)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.End()
}

// fourMasks returns masks that choose the columns there are among 64, and a vector of
// the bits that make a number other than zero, on AVX-512.
func (g *generator) fourMasks() (columns []reg.OpmaskPhysical, magnitude reg.VecPhysical) {
	chosen := g.GP64()
	g.MOVQ(operand.I32(-1), chosen)
	g.BZHIQ(g.load("cols"), chosen, chosen)
	columns = []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}
	for i, k := range columns {
		if i > 0 {
			g.SHRQ(operand.U8(16), chosen)
		}
		g.KMOVW(chosen.As32(), k)
	}
	magnitude = g.v(0)
	g.VPTERNLOGD(operand.U8(0xFF), magnitude, magnitude, magnitude)
	g.VPSRLD(operand.U8(1), magnitude, magnitude)
	return columns, magnitude
}

// nonzeroDown emits nonzero and the transpose of its bits.
func (g *generator) nonzeroDown() {
	g.function("nonzeroDown"+g.Suffix(), "t", "search")
	g.Doc(
		fmt.Sprintf("nonzeroDown%s sets the bits of what is not zero in columns of at most 64 rows:", g.Suffix()),
		"",
		"	for j := range 64 {",
		"		bits[j] = 0",
		"	}",
		"	for i := range rows {",
		"		for j := range cols {",
		"			if x[i*ldx+j] != 0 {",
		"				bits[j] |= 1 << i",
		"			}",
		"		}",
		"	}",
	)
	bits, x, ldx, rows := g.load("bits"), g.load("x"), g.load("ldx"), g.load("rows")
	columns, magnitude := g.fourMasks()
	none, chosen := g.v(1), g.GP32()
	g.Zero(none)
	// For every 16 columns 64 rows of 16 bits.
	square := g.AllocLocal(4 * 128)
	for i := range 8 {
		g.VMOVDQU32(none, square.Offset(64*i))
	}
	row := g.GP64()
	g.LEAQ(square, row)
	g.Label("row")
	for i, k := range columns {
		g.VPTESTMD(operand.Mem{Base: x, Disp: 64 * i}, magnitude, k, reg.K5)
		g.KMOVW(reg.K5, chosen)
		g.MOVW(chosen.As16(), operand.Mem{Base: row, Disp: 128 * i})
	}
	g.ADDQ(operand.I8(2), row)
	g.ADDQ(ldx, x)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	// The sign bits of the rows are the last of 16 columns; then the others follow.
	four := g.GP64()
	g.LEAQ(square, row)
	g.ADDQ(operand.U8(8*15), bits)
	g.MOVQ(operand.U32(4), four)
	g.Label("columns")
	g.VMOVDQU32(operand.Mem{Base: row}, g.v(0))
	g.VMOVDQU32(operand.Mem{Base: row, Disp: 64}, g.v(1))
	for i := range 16 {
		low, high := g.v(0), g.v(1)
		g.VPMOVW2M(low, reg.K1)
		g.VPMOVW2M(high, reg.K2)
		g.KUNPCKDQ(reg.K1, reg.K2, reg.K1)
		g.KMOVQ(reg.K1, operand.Mem{Base: bits, Disp: -8 * i})
		g.VPADDW(low, low, low)
		g.VPADDW(high, high, high)
	}
	g.SUBQ(operand.I8(-128), row)
	g.SUBQ(operand.I8(-128), bits)
	g.DECQ(four)
	g.JNZ(operand.LabelRef("columns"))
	g.End()
}

// list emits the listing of bits.
func (g *generator) list() {
	g.function("list"+g.Suffix(), "t", "listing")
	g.Doc(
		fmt.Sprintf("list%s lists the numbers of the bits that are set, in place of which it may", g.Suffix()),
		"write up to 15 more elements:",
		"",
		"	n = 0",
		"	for i := range 64 * words {",
		"		if bits[i/64]>>(i%64)&1 != 0 {",
		"			list[n] = i",
		"			n++",
		"		}",
		"	}",
	)
	list, bits, words := g.load("list"), g.load("bits"), g.load("words")
	const name = "sixteenNumbers"
	numbers := g.StaticGlobal(name)
	g.DataAttributes(8 | 16) // RODATA|NOPTR
	for i := range 16 {
		g.AppendDatum(operand.U32(uint32(i)))
	}
	number, step, out := g.v(0), g.v(1), g.v(2)
	g.VMOVDQU32(numbers, number)
	sixteen := g.GP32()
	g.MOVL(operand.U32(16), sixteen)
	g.VPBROADCASTD(sixteen, step)
	begin := g.GP64()
	g.MOVQ(list, begin)
	word, part, count := g.GP64(), g.GP64(), g.GP64()
	g.Label("word")
	g.MOVQ(operand.Mem{Base: bits}, word)
	for i := range 4 {
		g.KMOVW(word.As32(), reg.K1)
		g.VPCOMPRESSD_Z(number, reg.K1, out)
		g.VMOVDQU32(out, operand.Mem{Base: list})
		g.MOVWLZX(word.As16(), part.As32())
		g.POPCNTL(part.As32(), count.As32())
		g.LEAQ(operand.Mem{Base: list, Index: count, Scale: 4}, list)
		g.VPADDD(step, number, number)
		if i < 3 {
			g.SHRQ(operand.U8(16), word)
		}
	}
	g.ADDQ(operand.I8(8), bits)
	g.DECQ(words)
	g.JNZ(operand.LabelRef("word"))
	g.SUBQ(begin, list)
	g.SHRQ(operand.U8(2), list)
	g.MOVQ(list, g.field("n"))
	g.End()
}
