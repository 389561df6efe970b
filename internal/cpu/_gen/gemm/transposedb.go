package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/cornu-ml/cornu/internal/cpu/_gen/avx"
)

// This file emits microkernels that read a transposed B where it is.

// transposedB emits one for tiles of so many rows and one vector, and returns its name. It
// loads B square by square and transposes each in registers, beside the accumulators.
func (g *generator) transposedB(rows, vectors int, cols bool) string {
	m := &microkernel{generator: g, rows: rows, vectors: vectors, cols: cols}
	name := m.begin("TransposedB", "p := range k", "b[j*ldb+p]")
	n := g.Lanes()
	width := m.load("tail")
	m.tail = m.firstLanes(width, 1)
	a, b := m.load("a"), m.load("b")
	c, count := m.spill("c"), m.spill("count")
	m.lda = multiples(m, "lda", m.indices())
	ldb := multiples(m, "ldb", []int{1, 3, 5})

	m.Label("tile")
	m.start(c)
	m.a, m.b = []reg.GPVirtual{m.copy(a)}, m.copy(b)
	k := m.load("k")
	// load loads a square, of the columns of a mask if there is one, and returns the
	// registers that hold its columns, and some that are free.
	load := func(loaded string, lanes avx.Mask) (columns, free []reg.VecPhysical) {
		row := m.copy(m.b)
		for i := range n {
			if i > 0 && i%7 == 0 {
				m.LEAQ(at(row, ldb, 6, 0), row)
				m.ADDQ(ldb[1], row)
			}
			if mem, v := at(row, ldb, i%7, 0), m.v(m.sizes.squares+i); lanes != nil {
				m.LoadLanes(mem, lanes, v)
			} else {
				m.VMOVUPS(mem, v)
				mem.Disp = 512
				m.PREFETCHT0(mem)
			}
			if i < n-1 {
				m.CMPQ(width, operand.I8(i+1))
				m.JEQ(operand.LabelRef(loaded))
			}
		}
		m.Label(loaded)
		return m.square(m.sizes.squares)
	}
	// multiply multiplies for column p of a square.
	multiply := func(p int, columns, free []reg.VecPhysical) {
		for i := range rows {
			mem := operand.Mem{Base: m.a[0], Disp: 4 * i}
			if !cols {
				mem = at(m.a[0], m.lda, i, 4*p)
			}
			if m.Wide {
				m.VFMADD231PS_BCST(mem, columns[p], m.acc(i, 0))
			} else {
				m.VBROADCASTSS(mem, free[i])
				m.VFMADD231PS(free[i], columns[p], m.acc(i, 0))
			}
		}
		if cols {
			m.ADDQ(m.lda[1], m.a[0])
		}
	}
	m.SUBQ(operand.I8(n), k)
	m.JLT(operand.LabelRef("rest"))
	m.Label("square")
	columns, free := load("loaded", nil)
	for p := range n {
		multiply(p, columns, free)
	}
	if !cols {
		m.ADDQ(operand.I8(4*n), m.a[0])
	}
	m.ADDQ(operand.I8(4*n), m.b)
	m.SUBQ(operand.I8(n), k)
	m.JGE(operand.LabelRef("square"))
	m.Label("rest")
	m.ADDQ(operand.I8(n), k)
	m.JZ(operand.LabelRef("store"))
	columns, free = load("restLoaded", m.firstLanes(k, 2))
	for p := range n - 1 {
		multiply(p, columns, free)
		m.CMPQ(k, operand.I8(p+1))
		m.JEQ(operand.LabelRef("store"))
	}

	m.Label("store")
	m.finish(c)
	m.ADDQ(m.field("bStep"), b)
	step := m.load("cStep")
	m.ADDQ(step, c)
	m.DECQ(count)
	m.JNZ(operand.LabelRef("tile"))
	m.End()
	return name
}
