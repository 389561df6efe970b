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
	var list reg.GPVirtual
	if m.fetches() {
		m.next = m.load("next")
	}
	step := func(u int) {
		column, row := m.GP64(), m.GP64()
		m.MOVQ(operand.Mem{Base: list, Disp: 8 * u}, row) // both at once: it is loads that tiles of one vector wait for
		m.MOVLQSX(row.As32(), column)
		m.ADDQ(a, column)
		m.SARQ(operand.U8(32), row)
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
	list = m.load("list")
	m.overK(m.load("k"), "store", step, func(n int) { m.ADDQ(operand.I8(8*n), list) })
	m.nextTile(a, b, c, count)
}
