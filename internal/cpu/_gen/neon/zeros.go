package main

import "fmt"

// This file writes what products need that leave out zeros of A.

const (
	// How wide tiles are, in vectors, for zeros at the same k in neighbouring rows, and for
	// zeros anywhere.
	structured, unstructured = 4, 8

	tallestListed = 3 // rows of a tile that is so wide
)

// What more registers hold where the k are those of a list.
const (
	lists = r(15) // where the list of the present tile begins
	list  = r(16) // and where it goes on
	ks    = r(17)
	index = r(23) // a k of the list
)

// eachListed emits the loop over the k of a list.
func (m *microkernel) eachListed(suffix string) {
	a := m.asm
	a.op("MOVD %v, %v", lists, list)
	a.op("MOVWU (%v), %v", ks, depth)
	a.op("CBZ %v, store%s", depth, suffix)
	a.label("listed" + suffix)
	a.op("MOVWU.P 4(%v), %v", list, index)
	if m.cols {
		a.op("MADD %v, %v, %v, %v", lda, baseA, index, ptrA)
	} else {
		for i := range m.rows {
			x, _ := m.regA(i, 0)
			a.op("FMOVS (%v)(%v<<2), F%d", ptrA+r(i), index, x)
		}
	}
	a.op("MADD %v, %v, %v, %v", ldb, baseB, index, ptrB)
	m.besideB()
	m.step(0)
	a.op("SUBS $1, %v, %v", depth, depth)
	a.op("BNE listed%s", suffix)
}

// check jumps to label if an accumulator is -0, which is the least of integers, or not
// finite: 0 times that is NaN.
func (m *microkernel) check(label string) {
	a := m.asm
	const least, sum, zero = regB, regB + 1, regB - 1
	a.clear(least)
	a.clear(sum)
	a.clear(zero)
	for i := range v(m.rows * m.registers()) {
		a.three(0x4EA06C00, "SMIN", least, least, i)
		a.op("VFMLA %v.S4, %v.S4, %v.S4", zero, i, sum)
	}
	a.across(0x4EB1A800, "SMINV", least, least)
	a.op("FMOVS F%d, %v", least, temp)
	a.op("CMPW $1, %v", temp) // which only overflows from the least
	a.op("BVS %s", label)
	a.across(0x6EB0A800, "UMAXV", sum, sum) // NaN or 0
	a.op("FMOVS F%d, %v", sum, temp)
	a.op("CBNZW %v, %s", temp, label)
}

// across emits an instruction from four lanes to one.
func (a *asm) across(code uint32, name string, d, x v) {
	a.op("%s", word(code|uint32(x)<<5|uint32(d), "%s S%d, %v.4S", name, d, x))
}

// nonzero emits the search for what is not zero: 16 columns at a time, of which the
// last may overlap those before, or with less than 16 one by one.
func nonzero(k *kernel) {
	const (
		bits, x, ldx, rows, cols = r(1), r(2), r(3), r(4), r(5)
		before                   = r(6) // columns before the last 16
		chosen                   = r(7) // their bits
		last                     = r(8) // where the last 16 columns are
		word, column             = r(9), r(10)
	)
	groups := []r{x, r(11), r(12), last} // where columns are read
	k.begin("nonzeroNEON", "(t *search)", 8, "sets the bits of what is not zero in rows of at most 64 columns",
		"for i := range rows {",
		"	bits[i] = 0",
		"	for j := range cols {",
		"		if x[i*ldx+j] != 0 {",
		"			bits[i] |= 1 << j")
	k.op("MOVD t+0(FP), %v", arg)
	for _, f := range []field{{"bits", bits}, {"x", x}, {"ldx", ldx}, {"rows", rows}, {"cols", cols}} {
		k.op("MOVD search_%s(%v), %v", f.name, arg, f.to)
	}
	k.op("SUBS $16, %v, %v", cols, before)
	k.op("BLT few")
	k.op("MOVD $1, %v", chosen)
	k.op("LSL %v, %v, %v", before, chosen, chosen)
	k.op("SUB $1, %v, %v", chosen, chosen)
	k.op("ADD %v<<2, %v, %v", before, x, last)
	for i, at := range groups[1:3] {
		k.op("ADD $%d, %v, %v", 64*(i+1), x, at)
		k.op("CMP %v, %v", last, at)
		k.op("CSEL LO, %v, %v, %v", at, last, at)
	}
	k.label("row")
	var sums []vec
	for _, at := range groups {
		var zero [4]vec
		for i := range zero {
			zero[i] = k.isZero(k.loadAt(at, 16*i))
		}
		halves := k.known("VUZP1", "B16", k.known("VUZP1", "H8", zero[0], zero[1]), k.known("VUZP1", "H8", zero[2], zero[3]))
		sums = append(sums, k.and(halves, k.lanes([4]uint32{0x08040201, 0x80402010, 0x08040201, 0x80402010})))
	}
	for len(sums) > 1 {
		sums = append(sums[2:], k.known("VADDP", "B16", sums[0], sums[1]))
	}
	k.with(none, []vec{k.known("VADDP", "B16", sums[0], sums[0])}, fmt.Sprintf("FMOVD F%%d, %v", word))
	k.op("MVN %v, %v", word, word)
	k.op("AND %v, %v, %v", chosen, word, temp)
	k.op("LSR $48, %v, %v", word, word)
	k.op("LSL %v, %v, %v", before, word, word)
	k.op("ORR %v, %v, %v", temp, word, word)
	k.op("MOVD.P %v, 8(%v)", word, bits)
	for _, at := range groups {
		k.op("ADD %v, %v, %v", ldx, at, at)
	}
	k.op("SUBS $1, %v, %v", rows, rows)
	k.op("BNE row")
	k.op("RET")

	k.label("few")
	k.op("ADD %v<<2, %v, %v", cols, x, column)
	k.op("MOVD %v, %v", cols, left)
	k.op("MOVD $0, %v", word)
	k.label("one")
	k.op("MOVWU.W -4(%v), %v", column, temp)
	k.op("TSTW $0x7FFFFFFF, %v", temp)
	k.op("CSET NE, %v", temp)
	k.op("ADD %v<<1, %v, %v", word, temp, word)
	k.op("SUBS $1, %v, %v", left, left)
	k.op("BNE one")
	k.op("MOVD.P %v, 8(%v)", word, bits)
	k.op("ADD %v, %v, %v", ldx, x, x)
	k.op("SUBS $1, %v, %v", rows, rows)
	k.op("BNE few")
	k.op("RET")
}
