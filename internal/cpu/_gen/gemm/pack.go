package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// copyBlock emits the copy of a row of blocks of at most two vectors' width.
func (g *generator) copyBlock() {
	n := g.Lanes()
	g.function("copy"+g.Suffix(), "t", "block")
	g.Doc(
		fmt.Sprintf("copy%s copies matrices that lie side by side, of at most %d columns:", g.Suffix(), 2*n),
		"",
		"	for i := range rows {",
		"		for n := range count {",
		"			copy(dst[n*dstStep+i*ldd:][:cols], src[n*cols+i*lds:])",
		"		}",
		"	}",
	)
	dst, src, dstStep, rows, cols := g.load("dst"), g.load("src"), g.load("dstStep"), g.load("rows"), g.load("cols")
	srcStep, ahead := g.GP64(), g.GP64()
	g.MOVQ(cols, srcStep)
	g.SHLQ(operand.U8(2), srcStep)
	g.MOVQ(g.field("lds"), ahead)
	g.SHLQ(operand.U8(2), ahead) // rows that are prefetched
	var masks [2]avx.Mask
	low, high := g.GP64(), g.GP64()
	g.MOVQ(operand.U32(n), low)
	g.CMPQ(cols, low)
	g.CMOVQLT(cols, low)
	g.MOVQ(cols, high)
	g.SUBQ(low, high)
	masks[0], masks[1] = g.firstLanes(low, 1), g.firstLanes(high, 2)

	from, to, count := g.GP64(), g.GP64(), g.GP64()
	if !g.Wide { // AMD's processors take many times as long to store by a mask
		g.CMPQ(high, operand.U8(n))
		g.JNE(operand.LabelRef("row"))
		g.Label("whole")
		g.MOVQ(src, from)
		g.MOVQ(dst, to)
		g.MOVQ(g.field("count"), count)
		g.Label("two")
		g.PREFETCHT0(operand.Mem{Base: from, Index: ahead, Scale: 1})
		for i := range 2 {
			g.VMOVUPS(operand.Mem{Base: from, Disp: 4 * n * i}, g.v(i))
			g.VMOVUPS(g.v(i), operand.Mem{Base: to, Disp: 4 * n * i})
		}
		g.ADDQ(srcStep, from)
		g.ADDQ(dstStep, to)
		g.DECQ(count)
		g.JNZ(operand.LabelRef("two"))
		g.ADDQ(g.field("lds"), src)
		g.ADDQ(g.field("ldd"), dst)
		g.DECQ(rows)
		g.JNZ(operand.LabelRef("whole"))
		g.End()
	}
	g.Label("row")
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	g.MOVQ(g.field("count"), count)
	g.TESTQ(high, high)
	g.JZ(operand.LabelRef("low"))
	g.Label("wide")
	for i, m := range masks {
		at := operand.Mem{Base: from, Disp: 4 * n * i}
		if i == 0 || g.Wide {
			g.PREFETCHT0(operand.Mem{Base: from, Index: ahead, Scale: 1, Disp: at.Disp})
		}
		g.LoadLanes(at, m, g.v(i))
		g.StoreLanes(g.v(i), m, operand.Mem{Base: to, Disp: at.Disp})
	}
	g.ADDQ(srcStep, from)
	g.ADDQ(dstStep, to)
	g.DECQ(count)
	g.JNZ(operand.LabelRef("wide"))
	g.JMP(operand.LabelRef("next"))
	g.Label("low")
	if !g.Wide {
		g.CMPQ(low, operand.U8(n))
		g.JE(operand.LabelRef("one"))
	}
	g.Label("narrow")
	g.PREFETCHT0(operand.Mem{Base: from, Index: ahead, Scale: 1})
	g.LoadLanes(operand.Mem{Base: from}, masks[0], g.v(0))
	g.StoreLanes(g.v(0), masks[0], operand.Mem{Base: to})
	g.ADDQ(srcStep, from)
	g.ADDQ(dstStep, to)
	g.DECQ(count)
	g.JNZ(operand.LabelRef("narrow"))
	if !g.Wide {
		g.JMP(operand.LabelRef("next"))
		g.Label("one")
		g.PREFETCHT0(operand.Mem{Base: from, Index: ahead, Scale: 1})
		g.VMOVUPS(operand.Mem{Base: from}, g.v(0))
		g.VMOVUPS(g.v(0), operand.Mem{Base: to})
		g.ADDQ(srcStep, from)
		g.ADDQ(dstStep, to)
		g.DECQ(count)
		g.JNZ(operand.LabelRef("one"))
	}
	g.Label("next")
	g.ADDQ(g.field("lds"), src)
	g.ADDQ(g.field("ldd"), dst)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.End()
}

// transposeBlock emits the transpose of at most one vector of rows, of any length:
// square by square, of which every line of the cache is read once.
func (g *generator) transposeBlock() {
	n := g.Lanes()
	g.function("transpose"+g.Suffix(), "t", "block")
	g.Doc(
		fmt.Sprintf("transpose%s transposes a matrix of at most %d rows:", g.Suffix(), n),
		"",
		"	for i := range rows {",
		"		for j := range cols {",
		"			dst[j*ldd+i] = src[i*lds+j]",
		"		}",
		"	}",
	)
	dst, src, ldd, rows, cols := g.load("dst"), g.load("src"), g.load("ldd"), g.load("rows"), g.load("cols")
	lds := map[int]reg.GPVirtual{1: g.load("lds"), 3: g.GP64(), 5: g.GP64()}
	g.LEAQ(at(lds[1], lds, 2, 0), lds[3])
	g.LEAQ(at(lds[1], lds, 4, 0), lds[5])
	lanes := g.firstLanes(rows, 2)

	g.Label("square")
	width := g.GP64()
	g.MOVQ(operand.U32(n), width)
	g.CMPQ(cols, width)
	g.CMOVQLT(cols, width)
	columns := g.firstLanes(width, 1)
	row := g.GP64()
	g.MOVQ(src, row)
	for i := range n {
		if i > 0 && i%7 == 0 {
			g.LEAQ(at(row, lds, 6, 0), row)
			g.ADDQ(lds[1], row)
		}
		g.LoadLanes(at(row, lds, i%7, 0), columns, g.v(i))
		if i < n-1 {
			g.CMPQ(rows, operand.I8(i+1))
			g.JEQ(operand.LabelRef("loaded"))
		}
	}
	g.Label("loaded")
	transposed, _ := g.square(0)
	store := func(do func(v reg.VecPhysical, to operand.Mem)) {
		for _, v := range transposed {
			do(v, operand.Mem{Base: dst})
			g.ADDQ(ldd, dst)
			g.DECQ(cols)
			g.JZ(operand.LabelRef("done"))
		}
	}
	if !g.Wide {
		g.CMPQ(rows, operand.U8(n))
		g.JNE(operand.LabelRef("masked"))
		store(func(v reg.VecPhysical, to operand.Mem) { g.VMOVUPS(v, to) })
		g.ADDQ(operand.I8(4*n), src)
		g.JMP(operand.LabelRef("square"))
		g.Label("masked")
	}
	store(func(v reg.VecPhysical, to operand.Mem) { g.StoreLanes(v, lanes, to) })
	g.ADDQ(operand.I8(4*n), src)
	g.JMP(operand.LabelRef("square"))
	g.Label("done")
	g.End()
}

// square transposes the registers from first on, as many as they have lanes, with the
// four behind them to work in. It returns those that hold the columns, and those that
// don't.
func (g *generator) square(first int) (columns, free []reg.VecPhysical) {
	n := g.Lanes()
	var x []reg.VecPhysical
	for i := range n + 4 {
		x = append(x, g.v(first+i))
	}
	w := x[n:]
	// Then x[4*i+j] has rows 4i … 4i+3 of the columns j, 4+j, … in its lanes of 128
	// bits, and matrices of such lanes are left.
	for i := 0; i < n; i += 4 {
		g.quads(x[i:i+4], w)
	}
	if !g.Wide {
		for j := range 4 {
			g.VPERM2F128(operand.U8(0x20), x[4+j], x[j], w[j])
			g.VPERM2F128(operand.U8(0x31), x[4+j], x[j], x[4+j])
		}
		return append(w, x[4:8]...), x[:4]
	}
	for j := range 4 {
		g.VSHUFF32X4(operand.U8(0x44), x[4+j], x[j], w[0])
		g.VSHUFF32X4(operand.U8(0xEE), x[4+j], x[j], w[1])
		g.VSHUFF32X4(operand.U8(0x44), x[12+j], x[8+j], w[2])
		g.VSHUFF32X4(operand.U8(0xEE), x[12+j], x[8+j], w[3])
		g.VSHUFF32X4(operand.U8(0x88), w[2], w[0], x[j])
		g.VSHUFF32X4(operand.U8(0xDD), w[2], w[0], x[4+j])
		g.VSHUFF32X4(operand.U8(0x88), w[3], w[1], x[8+j])
		g.VSHUFF32X4(operand.U8(0xDD), w[3], w[1], x[12+j])
	}
	return x[:n], w
}

// quads transposes the 4×4 matrices that the lanes of 128 bits of four registers
// hold, with four more to work in. Register i then holds column i.
func (g *generator) quads(x, w []reg.VecPhysical) {
	g.VUNPCKLPS(x[1], x[0], w[0])
	g.VUNPCKHPS(x[1], x[0], w[1])
	g.VUNPCKLPS(x[3], x[2], w[2])
	g.VUNPCKHPS(x[3], x[2], w[3])
	g.VUNPCKLPD(w[2], w[0], x[0])
	g.VUNPCKHPD(w[2], w[0], x[1])
	g.VUNPCKLPD(w[3], w[1], x[2])
	g.VUNPCKHPD(w[3], w[1], x[3])
}
