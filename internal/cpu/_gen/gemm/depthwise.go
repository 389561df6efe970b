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

// depthwise emits sums of products column by column.
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
	d := g.beginDepthwise()
	d.count = g.AllocLocal(8)
	d.columns(map[bool]int{true: 4, false: 2}[g.Wide], d.rows)

	g.function("depthwise3x3"+g.Suffix(), "t", "depthwise")
	g.Doc(
		"depthwise3x3"+g.Suffix()+" sums products of three lines of three rows column by column:",
		"",
		"	for n := range 9 {",
		"		for p := range k {",
		"			for j := range cols {",
		"				c[n*cStep+j] = fmath.FMA(a[n/3*lineStep+n%3*aStep+offsets[2*p]+j], b[offsets[2*p+1]+j], c[n*cStep+j])",
		"			}",
		"		}",
		"	}",
	)
	d = g.beginDepthwise()
	d.lineStep = g.load("lineStep")
	d.columns(map[bool]int{true: 2, false: 1}[g.Wide], func(name string, vectors int, m avx.Mask) {
		d.sum(name, 3, 3, vectors, m, d.a, d.c)
	})
}

func (g *generator) beginDepthwise() *depthwise {
	return &depthwise{generator: g, a: g.load("a"), b: g.load("b"), c: g.load("c"), aSteps: g.steps("aStep")}
}

// columns emits the loop over the columns: blocks of so many vectors, then single ones, of which the last one is masked.
func (d *depthwise) columns(block int, sums func(name string, vectors int, m avx.Mask)) {
	cols, lanes := d.AllocLocal(8), d.Lanes()
	d.MOVQ(d.load("cols"), cols)
	next := func(vectors int) {
		for _, p := range []reg.GPVirtual{d.a, d.b, d.c} {
			d.ADDQ(operand.U32(4*lanes*vectors), p)
		}
	}
	d.Label("blocks")
	d.SUBQ(operand.U32(block*lanes), cols)
	d.JLT(operand.LabelRef("rest"))
	sums("block", block, nil)
	next(block)
	d.JMP(operand.LabelRef("blocks"))
	d.Label("rest")
	d.ADDQ(operand.U32(block*lanes), cols)
	d.Label("vectors")
	d.CMPQ(cols, operand.I8(0))
	d.JLE(operand.LabelRef("done"))
	width := d.GP64()
	d.MOVQ(operand.U32(lanes), width)
	d.CMPQ(cols, width)
	d.CMOVQLT(cols, width)
	m := d.firstLanes(width, 1)
	sums("vector", 1, m)
	next(1)
	d.SUBQ(operand.U32(lanes), cols)
	d.JMP(operand.LabelRef("vectors"))
	d.Label("done")
	d.End()
}

// A depthwise is the state of the function.
type depthwise struct {
	*generator
	a, b, c  reg.GPVirtual
	aSteps   map[int]reg.GPVirtual
	lineStep reg.GPVirtual
	count    operand.Mem // rows that are left
}

// steps loads a distance, and three times as much.
func (g *generator) steps(field string) map[int]reg.GPVirtual {
	s := map[int]reg.GPVirtual{1: g.load(field), 3: g.GP64()}
	g.LEAQ(at(s[1], s, 2, 0), s[3])
	return s
}

// rows emits the loop over all rows for some vectors, of which the only one may be masked.
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
		d.sum(label, 1, rows, vectors, m, rowA, rowC)
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
}

// sum emits the sums of so many lines of rows.
func (d *depthwise) sum(name string, lines, rows, vectors int, m avx.Mask, rowA, rowC reg.GPVirtual) {
	sum := func(l, i, v int) reg.VecPhysical { return d.v((l*rows+i)*vectors + v) }
	temp := func(i int) reg.VecPhysical { return d.v(lines*rows*vectors + i) }
	vector := func(base reg.GPVirtual, steps map[int]reg.GPVirtual, i, v int) operand.Mem {
		return at(base, steps, i, 4*d.Lanes()*v)
	}
	each := func(do func(l, i, v int)) {
		for l := range lines {
			for i := range rows {
				for v := range vectors {
					do(l, i, v)
				}
			}
		}
	}
	// eachC calls do with the vectors of C and their sums.
	eachC := func(do func(c operand.Mem, sum reg.VecPhysical)) {
		steps, line := d.steps("cStep"), d.GP64()
		d.MOVQ(rowC, line)
		each(func(l, i, v int) {
			if l > 0 && i+v == 0 {
				d.LEAQ(at(line, steps, rows, 0), line)
			}
			do(vector(line, steps, i, v), sum(l, i, v))
		})
	}
	each(func(l, i, v int) { d.Zero(sum(l, i, v)) })
	d.CMPQ(d.field("resume"), operand.I8(0))
	d.JEQ(operand.LabelRef(name + "Sum"))
	eachC(func(c operand.Mem, sum reg.VecPhysical) { d.LoadLanes(c, m, sum) })
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
	each(func(l, i, v int) {
		if l > 0 && i+v == 0 {
			d.ADDQ(d.lineStep, from)
		}
		x := vector(from, d.aSteps, i, v)
		if m == nil {
			d.VFMADD231PS(x, temp(v), sum(l, i, v))
			return
		}
		d.LoadLanes(x, m, temp(vectors))
		d.VFMADD231PS(temp(vectors), temp(v), sum(l, i, v))
	})
	d.ADDQ(operand.I8(16), next)
	d.DECQ(k)
	d.JNZ(operand.LabelRef(name + "Product"))
	eachC(func(c operand.Mem, sum reg.VecPhysical) { d.StoreLanes(sum, m, c) })
}
