package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// copyBlock emits a copy of rows of at most two vectors.
func (g *generator) copyBlock() {
	g.function("copy"+g.isa.name, "t", "block")
	g.Doc(
		fmt.Sprintf("// cols <= %d", 2*g.isa.lanes),
		"for i := range rows {",
		"	copy(dst[i*ldd:][:cols], src[i*lds:])",
	)
	dst, src, ldd, lds, rows := g.load("dst"), g.load("src"), g.load("ldd"), g.load("lds"), g.load("rows")
	cols := g.load("cols")
	x, y := g.v(0), g.v(1)
	second := 4 * g.isa.lanes

	g.CMPQ(cols, operand.I8(g.isa.lanes))
	g.JLE(operand.LabelRef("narrow"))
	g.SUBQ(operand.I8(g.isa.lanes), cols)
	m := g.firstLanes(cols, 1)
	g.Label("wide")
	g.VMOVUPS(operand.Mem{Base: src}, x)
	g.loadMasked(operand.Mem{Base: src, Disp: second}, m, y)
	g.VMOVUPS(x, operand.Mem{Base: dst})
	g.storeMasked(y, m, operand.Mem{Base: dst, Disp: second})
	g.ADDQ(lds, src)
	g.ADDQ(ldd, dst)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("wide"))
	g.leave()

	g.Label("narrow")
	m = g.firstLanes(cols, 1)
	g.Label("one")
	g.loadMasked(operand.Mem{Base: src}, m, x)
	g.storeMasked(x, m, operand.Mem{Base: dst})
	g.ADDQ(lds, src)
	g.ADDQ(ldd, dst)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("one"))
	g.leave()
}

func (g *generator) leave() {
	if !g.wide() {
		g.VZEROUPPER()
	}
	g.RET()
}

// transposeBlock emits the transpose of at most one vector of rows, of any length.
func (g *generator) transposeBlock() {
	n := g.isa.lanes
	g.function("transpose"+g.isa.name, "t", "block")
	g.Doc(
		fmt.Sprintf("// rows <= %d", n),
		"for i := range rows {",
		"	for j := range cols {",
		"		dst[j*ldd+i] = src[i*lds+j]",
	)
	t := &transposer{generator: g, dst: g.load("dst"), src: g.load("src"), ldd: g.load("ldd"), left: g.load("cols")}
	t.lds = g.load("lds")
	t.lds3, t.lds5 = g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: t.lds, Index: t.lds, Scale: 2}, t.lds3)
	g.LEAQ(operand.Mem{Base: t.lds, Index: t.lds, Scale: 4}, t.lds5)
	rows := g.load("rows")
	t.row = []reg.GPVirtual{t.src}
	for i := 7; i < n; i += 7 {
		next := g.GP64()
		g.LEAQ(operand.Mem{Base: t.row[len(t.row)-1], Index: t.lds, Scale: 2}, next)
		g.LEAQ(operand.Mem{Base: next, Index: t.lds5, Scale: 1}, next)
		t.row = append(t.row, next)
	}
	if g.wide() {
		t.emitWide(rows)
	} else {
		t.emitNarrow(rows)
	}
	g.leave()
}

type transposer struct {
	*generator
	dst, src, ldd, left reg.GPVirtual
	lds, lds3, lds5     reg.GPVirtual
	row                 []reg.GPVirtual // every seventh row
}

// at is where column col of row r is.
func (t *transposer) at(r, col int) operand.Mem {
	distances := map[int]reg.GPVirtual{1: t.lds, 3: t.lds3, 5: t.lds5}
	return at(t.row[r/7], distances, r%7, 4*col)
}

// next moves on to the next block of columns.
func (t *transposer) next() {
	for _, r := range t.row {
		t.ADDQ(operand.I8(4*t.isa.lanes), r)
	}
}

// quads transposes the 4×4 matrices that the lanes of 128 bits of four registers
// hold, with four more to work in. Register i then holds column i.
func (t *transposer) quads(x [4]reg.VecPhysical, w [4]reg.VecPhysical) {
	t.VUNPCKLPS(x[1], x[0], w[0])
	t.VUNPCKHPS(x[1], x[0], w[1])
	t.VUNPCKLPS(x[3], x[2], w[2])
	t.VUNPCKHPS(x[3], x[2], w[3])
	t.VUNPCKLPD(w[2], w[0], x[0])
	t.VUNPCKHPD(w[2], w[0], x[1])
	t.VUNPCKLPD(w[3], w[1], x[2])
	t.VUNPCKHPD(w[3], w[1], x[3])
}

// transpose emits the loop over blocks of as many columns as a vector has lanes.
// piece does a part of a block, from a column on: its loads are plain, or, at the
// edges, limited to the rows and columns that there are.
func (t *transposer) transpose(rows reg.GPVirtual, width int, piece func(col int, edge bool)) {
	n := t.isa.lanes
	t.CMPQ(rows, operand.I8(n))
	t.JNE(operand.LabelRef("edge"))
	t.SUBQ(operand.I8(n), t.left)
	t.JLT(operand.LabelRef("rest"))
	t.Label("full")
	for col := 0; col < n; col += width {
		piece(col, false)
	}
	t.next()
	t.SUBQ(operand.I8(n), t.left)
	t.JGE(operand.LabelRef("full"))
	t.Label("rest")
	t.ADDQ(operand.I8(n), t.left)
	t.JZ(operand.LabelRef("done"))
	t.Label("edge")
	for col := 0; col < n; col += width {
		piece(col, true)
	}
	t.next()
	t.JMP(operand.LabelRef("edge"))
	t.Label("done")
}

// store writes a column; at an edge it ends after the last one.
func (t *transposer) store(v reg.VecPhysical, edge bool, lanes mask) {
	if !edge {
		t.VMOVUPS(v, operand.Mem{Base: t.dst})
		t.ADDQ(t.ldd, t.dst)
		return
	}
	t.storeMasked(v, lanes, operand.Mem{Base: t.dst})
	t.ADDQ(t.ldd, t.dst)
	t.DECQ(t.left)
	t.JZ(operand.LabelRef("done"))
}

// emitWide transposes 16×8 pieces: registers 0 … 3 hold rows 0 … 3 in their low
// halves and 4 … 7 in their high halves, registers 4 … 7 the other rows.
func (t *transposer) emitWide(rows reg.GPVirtual) {
	lanes := t.firstLanes(rows, 1)
	none := t.GP64()
	t.XORQ(none, none)
	t.transpose(rows, 8, func(col int, edge bool) {
		columns := t.GP64()
		if edge {
			eight := t.GP64()
			t.MOVQ(operand.U32(8), eight)
			t.CMPQ(t.left, eight)
			t.CMOVQLT(t.left, eight)
			t.MOVL(operand.I32(-1), columns.As32())
			t.BZHIL(eight.As32(), columns.As32(), columns.As32())
		}
		load := func(r int, into reg.VecPhysical) {
			k := t.GP64()
			t.MOVQ(columns, k)
			t.CMPQ(rows, operand.I8(r))
			t.CMOVQLE(none, k)
			t.KMOVW(k.As32(), reg.K2)
			t.VMOVUPS_Z(t.at(r, col), reg.K2, into)
		}
		for i := range 8 {
			low := i%4 + i/4*8
			if x := zmm[i]; edge {
				load(low, ymm[i])
				load(low+4, ymm[8])
				t.VINSERTF32X8(operand.U8(1), ymm[8], x, x)
			} else {
				t.VMOVUPS(t.at(low, col), ymm[i])
				t.VINSERTF32X8(operand.U8(1), t.at(low+4, col), x, x)
			}
		}
		w := [4]reg.VecPhysical{zmm[8], zmm[9], zmm[10], zmm[11]}
		t.quads([4]reg.VecPhysical{zmm[0], zmm[1], zmm[2], zmm[3]}, w)
		t.quads([4]reg.VecPhysical{zmm[4], zmm[5], zmm[6], zmm[7]}, w)
		for i, imm := range []uint64{0x88, 0xDD} {
			for j := range 4 {
				t.VSHUFF32X4(operand.U8(imm), zmm[4+j], zmm[j], zmm[8+4*i+j])
			}
		}
		for i := range 8 {
			t.store(zmm[8+i], edge, lanes)
		}
	})
}

// emitNarrow transposes 8×4 pieces: registers 0 … 3 hold rows 0 … 3 in their low
// halves and 4 … 7 in their high halves.
func (t *transposer) emitNarrow(rows reg.GPVirtual) {
	lanes := t.firstLanes(rows, 1)
	none, table := t.GP64(), t.GP64()
	t.XORQ(none, none)
	t.LEAQ(t.slidingMask(), table)
	t.transpose(rows, 4, func(col int, edge bool) {
		columns := t.GP64()
		if edge {
			t.MOVQ(operand.U32(4), columns)
			t.CMPQ(t.left, columns)
			t.CMOVQLT(t.left, columns)
			t.NEGQ(columns)
		}
		load := func(r int, into reg.VecPhysical) {
			n := t.GP64()
			t.MOVQ(columns, n)
			t.CMPQ(rows, operand.I8(r))
			t.CMOVQLE(none, n)
			t.VMOVUPS(operand.Mem{Base: table, Index: n, Scale: 4, Disp: 32}, reg.X5)
			t.VMASKMOVPS(t.at(r, col), reg.X5, into)
		}
		for i := range 4 {
			if x := xmm[i]; edge {
				load(i, x)
				load(i+4, reg.X4)
				t.VINSERTF128(operand.U8(1), reg.X4, ymm[i], ymm[i])
			} else {
				t.VMOVUPS(t.at(i, col), x)
				t.VINSERTF128(operand.U8(1), t.at(i+4, col), ymm[i], ymm[i])
			}
		}
		t.quads([4]reg.VecPhysical{ymm[0], ymm[1], ymm[2], ymm[3]}, [4]reg.VecPhysical{ymm[8], ymm[9], ymm[10], ymm[11]})
		for i := range 4 {
			t.store(ymm[i], edge, lanes)
		}
	})
}

var xmm = [...]reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3}
