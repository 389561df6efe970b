package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits the tiles that convolutions are made of where image and kernel are multiplied as they lie: the operands of
// each k are where a list says (Dukhan, The Indirect Convolution Algorithm, 2019).

// indirect emits one and returns its name.
func (g *generator) indirect(rows, vectors int) string {
	m := &microkernel{generator: g, rows: rows, vectors: vectors, indirect: true}
	name := m.begin("Indirect", "p := range k", "b[list[2*p+1]+j]")
	m.emitIndirect()
	return name
}

func (m *microkernel) emitIndirect() {
	if m.vectors == 1 {
		m.tail = m.firstLanes(m.load("tail"), 1)
	}
	a, b := m.load("a"), m.load("b")
	c, count := m.spill("c"), m.spill("count")
	m.lda = multiples(m, "lda", m.indices())
	var seven reg.GPVirtual // rows of A
	if m.rows > 7 {
		seven = m.GP64()
		m.LEAQ(operand.Mem{Base: m.lda[5], Index: m.lda[1], Scale: 2}, seven)
	}
	step := func(list reg.GPVirtual, u int) {
		column, row := m.GP64(), m.GP64()
		m.MOVLQSX(operand.Mem{Base: list, Disp: 8 * u}, column)
		m.ADDQ(a, column)
		m.MOVLQSX(operand.Mem{Base: list, Disp: 8*u + 4}, row)
		m.ADDQ(b, row)
		m.a, m.b = []reg.GPVirtual{column}, row
		if m.rows > 7 {
			second := m.GP64()
			m.LEAQ(operand.Mem{Base: column, Index: seven, Scale: 1}, second)
			m.a = append(m.a, second)
		}
		m.step(0)
	}

	m.Label("tile")
	m.start(c)
	list, k := m.load("list"), m.load("k")
	m.SUBQ(operand.I8(unroll), k)
	m.JLT(operand.LabelRef("rest"))
	m.Label("unrolled")
	for u := range unroll {
		step(list, u)
	}
	m.ADDQ(operand.I8(8*unroll), list)
	m.SUBQ(operand.I8(unroll), k)
	m.JGE(operand.LabelRef("unrolled"))
	m.Label("rest")
	m.ADDQ(operand.I8(unroll), k)
	m.JZ(operand.LabelRef("store"))
	m.Label("single")
	step(list, 0)
	m.ADDQ(operand.I8(8), list)
	m.DECQ(k)
	m.JNZ(operand.LabelRef("single"))

	m.Label("store")
	m.finish(c)
	m.ADDQ(m.field("aStep"), a)
	m.ADDQ(m.field("bStep"), b)
	next := m.load("cStep")
	m.ADDQ(next, c)
	m.DECQ(count)
	m.JNZ(operand.LabelRef("tile"))
	m.End()
}
