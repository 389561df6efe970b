package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is an instruction set and the sizes of tile that suit it.
type isa struct {
	name  string
	lanes int
	rows  int // the tallest tile

	tallest int // of two vectors

	// vectors lists the widths of the tiles of so many rows, in vectors. Two
	// multiply-adds of latency 4 a cycle want 8 accumulators or more.
	vectors func(rows int) []int

	tallestListed int // of the tiles whose k are listed
	squares       int // the most rows of tiles of a transposed B
}

// How wide tiles whose k are listed are best, in vectors: for zeros at the same k in
// neighbouring rows, and for zeros anywhere.
const structured, unstructured = 4, 8

var avx512 = isa{name: "AVX512", lanes: 16, rows: 14, tallest: 14, tallestListed: 6, squares: 4, vectors: func(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, 4, 8, 16}
	case rows == 2:
		return []int{1, 2, 4, 8}
	case rows <= 6:
		return []int{1, 2, 4}
	}
	return []int{1, 2}
}}

var avx2 = isa{name: "AVX2", lanes: 8, rows: 12, tallest: 6, tallestListed: 3, squares: 2, vectors: func(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, 4, 12}
	case rows == 2:
		return []int{1, 2, 6}
	case rows == 3:
		return []int{1, 2, 4}
	case rows == 4:
		return []int{1, 2, 3}
	case rows <= 6:
		return []int{1, 2}
	}
	return []int{1}
}}

func (g *generator) wide() bool { return g.isa.lanes == 16 }

// v is vector register i.
func (g *generator) v(i int) reg.VecPhysical {
	if g.wide() {
		return zmm[i]
	}
	return ymm[i]
}

var (
	ymm = [...]reg.VecPhysical{
		reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15,
	}
	zmm = [...]reg.VecPhysical{
		reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
		reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
	}
)

// A mask chooses the first lanes of a vector: an opmask on AVX-512, a vector of
// ones and zeros on AVX2.
type mask operand.Op

// firstLanes sets mask number i (from 1) to the first n lanes. On AVX2 it is the
// vector register last-i+1.
func (g *generator) firstLanes(n reg.GPVirtual, i int) mask {
	if g.wide() {
		bits := g.GP32()
		g.MOVL(operand.I32(-1), bits)
		g.BZHIL(n.As32(), bits, bits)
		k := [...]reg.OpmaskPhysical{1: reg.K1, 2: reg.K2}[i]
		g.KMOVW(bits, k)
		return k
	}
	table := g.slidingMask()
	address := g.GP64()
	g.LEAQ(table, address)
	offset := g.GP64()
	g.MOVQ(n, offset)
	g.NEGQ(offset)
	m := ymm[16-i]
	g.VMOVUPS(operand.Mem{Base: address, Index: offset, Scale: 4, Disp: 32}, m)
	return m
}

// slidingMask is 8 lanes of ones and 8 of zeros: the 8 lanes from 8-n on choose n.
func (g *generator) slidingMask() operand.Mem {
	const name = "slidingMask"
	if !g.hasMask {
		g.hasMask = true
		m := g.StaticGlobal(name)
		g.DataAttributes(8 | 16) // RODATA|NOPTR
		for i := range 16 {
			g.AppendDatum(operand.U32(-uint32(1 - i/8)))
		}
		return m
	}
	return operand.NewDataAddr(operand.NewStaticSymbol(name), 0)
}

func (g *generator) loadMasked(m operand.Mem, lanes mask, dst reg.VecPhysical) {
	if g.wide() {
		g.VMOVUPS_Z(m, lanes, dst)
		return
	}
	g.VMASKMOVPS(m, lanes, dst)
}

func (g *generator) storeMasked(src reg.VecPhysical, lanes mask, m operand.Mem) {
	if g.wide() {
		g.VMOVUPS(src, lanes, m)
		return
	}
	g.VMASKMOVPS(src, lanes, m)
}

func (g *generator) zero(v reg.VecPhysical) {
	if g.wide() {
		g.VPXORD(v, v, v)
		return
	}
	g.VXORPS(v, v, v)
}

// listed is vectors for the tiles whose k are listed.
func (i isa) listed(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, structured, unstructured}
	case rows <= i.tallestListed:
		return []int{1, 2, structured}
	}
	return nil
}

// transposedB is vectors for the tiles of a transposed B.
func (i isa) transposedB(rows int) []int {
	if rows > i.squares {
		return nil
	}
	return []int{1}
}
