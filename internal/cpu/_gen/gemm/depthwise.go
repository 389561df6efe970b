package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// This file emits what depthwise convolutions are made of.

// depthwise emits sums of products column by column: blocks of four vectors, then single ones.
func (g *generator) depthwise() {
	const block = 4
	g.function("depthwise"+g.Suffix(), "t", "depthwise")
	g.Doc(
		"depthwise"+g.Suffix()+" sums products column by column:",
		"",
		"	for n := range count {",
		"		for p := range k {",
		"			for j := range cols {",
		"				c[n*cStep+j] = fmath.FMA(a[n*aStep+offsets[2*p]+j], b[offsets[2*p+1]+j], c[n*cStep+j])",
		"			}",
		"		}",
		"	}",
	)
	a, b, c, cols := g.load("a"), g.load("b"), g.load("c"), g.load("cols")
	offsets := g.load("offsets")
	lanes := g.Lanes()
	// rows emits the loop over the rows for some vectors, of which the only one may be masked.
	rows := func(name string, vectors int, m avx.Mask) {
		load := func(mem operand.Mem, v reg.VecPhysical) { g.LoadLanes(mem, m, v) }
		at := func(base reg.GPVirtual, v int) operand.Mem { return operand.Mem{Base: base, Disp: 4 * lanes * v} }
		rowA, rowC, count := g.GP64(), g.GP64(), g.GP64()
		g.MOVQ(a, rowA)
		g.MOVQ(c, rowC)
		g.MOVQ(g.field("count"), count)
		g.Label(name + "Row")
		for v := range vectors {
			g.Zero(g.v(v))
		}
		g.CMPQ(g.field("resume"), operand.I8(0))
		g.JEQ(operand.LabelRef(name + "Sum"))
		for v := range vectors {
			load(at(rowC, v), g.v(v))
		}
		g.Label(name + "Sum")
		k, next, from, kernel := g.GP64(), g.GP64(), g.GP64(), g.GP64()
		g.MOVQ(g.field("k"), k)
		g.MOVQ(offsets, next)
		g.Label(name + "Product")
		g.MOVQ(operand.Mem{Base: next}, from)
		g.ADDQ(rowA, from)
		g.MOVQ(operand.Mem{Base: next, Disp: 8}, kernel)
		g.ADDQ(b, kernel)
		for v := range vectors {
			load(at(kernel, v), g.v(block+v))
			if m != nil {
				load(at(from, v), g.v(2*block))
				g.VFMADD231PS(g.v(2*block), g.v(block+v), g.v(v))
			} else {
				g.VFMADD231PS(at(from, v), g.v(block+v), g.v(v))
			}
		}
		g.ADDQ(operand.I8(16), next)
		g.DECQ(k)
		g.JNZ(operand.LabelRef(name + "Product"))
		for v := range vectors {
			g.StoreLanes(g.v(v), m, at(rowC, v))
		}
		g.ADDQ(g.field("aStep"), rowA)
		g.ADDQ(g.field("cStep"), rowC)
		g.DECQ(count)
		g.JNZ(operand.LabelRef(name + "Row"))
		for _, p := range []reg.GPVirtual{a, b, c} {
			g.ADDQ(operand.U32(4*lanes*vectors), p)
		}
	}
	g.Label("blocks")
	g.SUBQ(operand.U32(block*lanes), cols)
	g.JLT(operand.LabelRef("rest"))
	rows("block", block, nil)
	g.JMP(operand.LabelRef("blocks"))
	g.Label("rest")
	g.ADDQ(operand.U32(block*lanes), cols)
	g.Label("vectors")
	g.JZ(operand.LabelRef("done"))
	width := g.GP64()
	g.MOVQ(operand.U32(lanes), width)
	g.CMPQ(cols, width)
	g.CMOVQLT(cols, width)
	m := g.firstLanes(width, 1)
	rows("vector", 1, m)
	g.SUBQ(width, cols)
	g.JMP(operand.LabelRef("vectors"))
	g.Label("done")
	g.End()
}
