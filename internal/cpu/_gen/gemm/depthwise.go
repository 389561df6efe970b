package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// This file emits what depthwise convolutions are made of.

// depthwiseRows is the most rows that are summed at a time: what is loaded of B is multiplied by all of them.
const depthwiseRows = 4

// depthwise emits sums of products column by column: blocks of several vectors, as many as there are registers for, then single ones.
func (g *generator) depthwise() {
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
	d := &depthwise{generator: g, a: g.load("a"), b: g.load("b"), c: g.load("c"), aSteps: g.steps("aStep"), count: g.AllocLocal(8)}
	cols := g.AllocLocal(8)
	g.MOVQ(g.load("cols"), cols)
	lanes, block := g.Lanes(), 2
	if g.Wide {
		block = 4
	}
	g.Label("blocks")
	g.SUBQ(operand.U32(block*lanes), cols)
	g.JLT(operand.LabelRef("rest"))
	d.rows("block", block, nil)
	g.JMP(operand.LabelRef("blocks"))
	g.Label("rest")
	g.ADDQ(operand.U32(block*lanes), cols)
	g.Label("vectors")
	g.CMPQ(cols, operand.I8(0))
	g.JLE(operand.LabelRef("done"))
	width := g.GP64()
	g.MOVQ(operand.U32(lanes), width)
	g.CMPQ(cols, width)
	g.CMOVQLT(cols, width)
	m := g.firstLanes(width, 1)
	d.rows("vector", 1, m)
	g.SUBQ(operand.U32(lanes), cols)
	g.JMP(operand.LabelRef("vectors"))
	g.Label("done")
	g.End()
}

// A depthwise is the state of the function.
type depthwise struct {
	*generator
	a, b, c reg.GPVirtual
	aSteps  map[int]reg.GPVirtual
	count   operand.Mem // rows that are left
}

// steps loads a distance, and three times as much.
func (g *generator) steps(field string) map[int]reg.GPVirtual {
	s := map[int]reg.GPVirtual{1: g.load(field), 3: g.GP64()}
	g.LEAQ(at(s[1], s, 2, 0), s[3])
	return s
}

// rows emits the loop over all rows for some vectors, of which the only one may be masked, and goes on to the next vectors.
func (d *depthwise) rows(name string, vectors int, m avx.Mask) {
	rowA, rowC, count := d.GP64(), d.GP64(), d.GP64()
	d.MOVQ(d.a, rowA)
	d.MOVQ(d.c, rowC)
	d.MOVQ(d.field("count"), count)
	d.MOVQ(count, d.count)
	for rows := depthwiseRows; rows > 0; rows-- {
		label := fmt.Sprint(name, rows)
		d.Label(label)
		d.CMPQ(d.count, operand.I8(rows))
		d.JLT(operand.LabelRef(label + "Less"))
		d.sum(label, rows, vectors, m, rowA, rowC)
		if rows == depthwiseRows {
			d.LEAQ(at(rowA, d.aSteps, rows, 0), rowA)
			d.LEAQ(at(rowC, map[int]reg.GPVirtual{1: d.load("cStep")}, rows, 0), rowC)
			d.SUBQ(operand.I8(rows), d.count)
			d.JMP(operand.LabelRef(label))
		} else {
			d.JMP(operand.LabelRef(name + "Done"))
		}
		d.Label(label + "Less")
	}
	d.Label(name + "Done")
	for _, p := range []reg.GPVirtual{d.a, d.b, d.c} {
		d.ADDQ(operand.U32(4*d.Lanes()*vectors), p)
	}
}

// sum emits the sums of so many rows.
func (d *depthwise) sum(name string, rows, vectors int, m avx.Mask, rowA, rowC reg.GPVirtual) {
	sum := func(i, v int) reg.VecPhysical { return d.v(i*vectors + v) }
	temp := func(i int) reg.VecPhysical { return d.v(rows*vectors + i) }
	vector := func(base reg.GPVirtual, steps map[int]reg.GPVirtual, i, v int) operand.Mem {
		return at(base, steps, i, 4*d.Lanes()*v)
	}
	each := func(do func(i, v int)) {
		for i := range rows {
			for v := range vectors {
				do(i, v)
			}
		}
	}
	each(func(i, v int) { d.Zero(sum(i, v)) })
	d.CMPQ(d.field("resume"), operand.I8(0))
	d.JEQ(operand.LabelRef(name + "Sum"))
	steps := d.steps("cStep")
	each(func(i, v int) { d.LoadLanes(vector(rowC, steps, i, v), m, sum(i, v)) })
	d.Label(name + "Sum")
	k, next, from, kernel := d.load("k"), d.load("offsets"), d.GP64(), d.GP64()
	d.Label(name + "Product")
	d.MOVQ(operand.Mem{Base: next}, from)
	d.ADDQ(rowA, from)
	d.MOVQ(operand.Mem{Base: next, Disp: 8}, kernel)
	d.ADDQ(d.b, kernel)
	for v := range vectors {
		d.LoadLanes(vector(kernel, nil, 0, v), m, temp(v))
	}
	each(func(i, v int) {
		x := vector(from, d.aSteps, i, v)
		if m == nil {
			d.VFMADD231PS(x, temp(v), sum(i, v))
			return
		}
		d.LoadLanes(x, m, temp(vectors))
		d.VFMADD231PS(temp(vectors), temp(v), sum(i, v))
	})
	d.ADDQ(operand.I8(16), next)
	d.DECQ(k)
	d.JNZ(operand.LabelRef(name + "Product"))
	steps = d.steps("cStep")
	each(func(i, v int) { d.StoreLanes(sum(i, v), m, vector(rowC, steps, i, v)) })
}
