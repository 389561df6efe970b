package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file emits the tiles that convolutions are made of where the image is multiplied as it lies: k comes in segments, in each of which
// the operands follow each other, and a list says where each begins.

// segmented emits one and returns its name.
func (g *generator) segmented(rows, vectors int) string {
	m := &microkernel{generator: g, rows: rows, vectors: vectors, segmented: true}
	name := m.begin("Segmented", "x, y, n := range segments; p := range n", "b[y+p*ldb+j]")
	m.emitSegmented()
	return name
}

func (m *microkernel) emitSegmented() {
	if m.vectors == 1 {
		m.tail = m.firstLanes(m.load("tail"), 1)
	}
	a, b, c, count := m.load("a"), m.load("b"), m.spill("c"), m.spill("count")
	m.lda = multiples(m, "lda", m.indices())
	m.ldb = multiples(m, "ldb", []int{1, 3})
	left := m.AllocLocal(8)
	fetches := m.vectors == 2 && 2*m.rows >= m.sizes.tallest
	if fetches {
		m.next = m.load("next")
	}

	m.Label("tile")
	m.start(c)
	m.MOVQ(m.load("k"), left)
	list := m.load("list")

	m.Label("segment")
	column, row, k := m.GP64(), m.GP64(), m.GP64()
	m.MOVLQSX(operand.Mem{Base: list}, column)
	m.MOVLQSX(operand.Mem{Base: list, Disp: 4}, row)
	m.MOVLQSX(operand.Mem{Base: list, Disp: 8}, k)
	m.ADDQ(operand.I8(12), list)
	m.ADDQ(a, column)
	m.ADDQ(b, row)
	m.a, m.b = []reg.GPVirtual{column}, row
	if m.rows > 7 {
		second := m.GP64()
		m.LEAQ(operand.Mem{Base: column, Index: m.lda[1], Scale: 2}, second)
		m.ADDQ(m.lda[5], second)
		m.a = append(m.a, second)
	}
	m.overK(k, "next", m.step, func(n int) {
		m.advance(n)
		if n == unroll && fetches {
			m.PREFETCHT1(operand.Mem{Base: m.next})
			m.ADDQ(m.field("nextStep"), m.next)
		}
	})
	m.Label("next")
	m.DECQ(left)
	m.JNZ(operand.LabelRef("segment"))
	m.nextTile(a, b, c, count)
}
