package main

import "fmt"

// This file writes the microkernels of matrix products.

const (
	lanes    = 8 // of what package product takes for a vector here: a pair of registers
	tallest  = 6 // rows of a tile
	unrolled = 4 // k in a round of the loop, a register of A
)

// widths lists the widths of the tiles of so many rows, in vectors. Four
// multiply-adds of latency 4 a cycle want 16 accumulators.
func widths(rows int) []int {
	switch rows {
	case 1:
		return []int{1, 2, 4, 8}
	case 2:
		return []int{1, 2, 4}
	case 3:
		return []int{1, 2, 4}
	}
	return []int{1, 2}
}

func gemm(a *asm) {
	a.row("var kernelsNEON = gemmKernels{\nlanes: %d,\npartial: 2,\ncopy: copyNEON,\ndepthwise: depthwiseNEON,\ntranspose: transposeNEON,\ntiles: tiles{\n", lanes)
	microkernels(a, tallest, false)
	a.row("},\nstructured: %d,\nunstructured: %d,\nnonzero: nonzeroNEON,\nlist: listGeneric,\nlisted: tiles{\n", structured, unstructured)
	microkernels(a, tallestListed, true)
	a.row("},\n}\n")
	copyBlock(a)
	depthwise(a)
	transposeBlock(a)
	a.newKernel(nonzero)
}

// microkernels emits those of up to so many rows, and their table.
func microkernels(a *asm, tallest int, listed bool) {
	for _, cols := range []bool{false, true} {
		a.row("{\n{},\n")
		for rows := 1; rows <= tallest; rows++ {
			a.row("{")
			for _, vectors := range widths(rows) {
				m := microkernel{asm: a, rows: rows, vectors: vectors, cols: cols, listed: listed}
				m.emit()
				a.row("{%d, %d, %s}, ", vectors, lanes, m.name())
			}
			a.row("},\n")
		}
		a.row("},\n")
	}
}

// A microkernel computes tiles. A vector is a pair of registers. Two of them need
// not be full: the second then begins tail columns after the first and computes some
// columns again, to the same bits. One that isn't full is two registers that overlap
// like that, and with less than four columns one register whose last lanes repeat
// its last column.
type microkernel struct {
	*asm
	rows, vectors int
	cols          bool // A's columns are contiguous, not its rows
	listed        bool // the k are those of a list
	narrow        bool // the tile has less than four columns
}

// What the registers hold. Beside these, second and third are bytes from the first
// register of a row, or its first lane, to the others.
const (
	arg   = r(0)
	baseA = r(1) // of the present tile
	baseB = r(2)
	baseC = r(3)
	lda   = r(4)
	ldb   = r(5)
	ldc   = r(6)
	count = r(7)  // of tiles left
	depth = r(8)  // the k that are left
	ptrB  = r(9)  // and the next two, where a row of B or C is
	ptrA  = r(12) // and the next ones, where a row of A is
	rowC  = r(21)
)

// A field of the argument comes to a register, or is added to it.
type field struct {
	name string
	to   r
}

func (m *microkernel) name() string {
	order := "Rows"
	if m.cols {
		order = "Cols"
	}
	if m.listed {
		order += "Listed"
	}
	return fmt.Sprintf("tile%dx%d%sNEON", m.rows, m.vectors*lanes, order)
}

// registers is how many hold a row of the tile.
func (m *microkernel) registers() int {
	if m.narrow {
		return 1
	}
	return 2 * m.vectors
}

func (m *microkernel) acc(i, j int) v { return v(i*m.registers() + j) }

// regA is the register of A that has row i, and the lane.
func (m *microkernel) regA(i, p int) (v, int) {
	first := m.rows * 2 * m.vectors
	if m.cols {
		return v(first + i/4), i % 4
	}
	return v(first + i), p
}

// regB is one of the two that B is read to.
const regB = v(30)

// size says how many rows and columns a tile has.
func (m *microkernel) size() string {
	rows, columns := fmt.Sprintf("%d rows", m.rows), fmt.Sprint(m.vectors*lanes)
	if m.rows == 1 {
		rows = "one row"
	}
	if m.vectors <= 2 {
		columns = fmt.Sprintf("%d to %s", (m.vectors-1)*lanes+1, columns)
	}
	return rows + " and " + columns + " columns"
}

func (m *microkernel) emit() {
	a := m.asm
	each, from := "p := range k", "a[i*lda+p]"
	if m.cols {
		from = "a[p*lda+i]"
	}
	if m.listed {
		each = "_, p := range list[:k]"
	}
	a.function(m.name(), "(t *tile)", 8, "computes tiles of "+m.size(),
		"for "+each+" {",
		fmt.Sprintf("	for i := range %d {", m.rows),
		fmt.Sprintf("		for j := range %d {", m.vectors*lanes),
		fmt.Sprintf("			c[i*ldc+j] = fmath.FMA(%s, b[p*ldb+j], c[i*ldc+j])", from))
	a.op("MOVD t+0(FP), %v", arg)
	fields := []field{{"a", baseA}, {"b", baseB}, {"c", baseC}, {"lda", lda}, {"ldb", ldb}, {"ldc", ldc}, {"count", count}}
	if m.listed {
		fields = append(fields, field{"list", lists}, field{"ks", ks})
	}
	for _, f := range fields {
		a.op("MOVD tile_%s(%v), %v", f.name, arg, f.to)
	}
	switch m.vectors {
	case 1:
		a.op("MOVD tile_tail(%v), %v", arg, second)
		a.op("SUBS $4, %v, %v", second, temp)
		a.op("BLT narrow")
		a.op("LSL $2, %v, %v", temp, second)
	case 2:
		a.op("MOVD tile_tail(%v), %v", arg, second)
		a.op("LSL $2, %v, %v", second, second)
	}
	m.tiles("")
	if m.vectors == 1 {
		a.label("narrow")
		// Of 1, 2 or 3 columns, the second lane is column 0, 1 or 1.
		a.op("SUB $1, %v, %v", second, third)
		a.op("LSR $1, %v, %v", second, second)
		a.op("LSL $2, %v, %v", second, second)
		a.op("LSL $2, %v, %v", third, third)
		m.narrow = true
		m.tiles("Narrow")
		m.narrow = false
	}
}

// tiles emits the loop over the tiles. suffix tells its labels from those of another.
func (m *microkernel) tiles(suffix string) {
	a := m.asm
	a.label("tile" + suffix)
	a.op("MOVD tile_resume(%v), %v", arg, temp)
	a.op("CBZ %v, zero%s", temp, suffix)
	a.op("MOVD %v, %v", baseC, rowC)
	for i := range m.rows {
		m.moveC(i, false)
	}
	a.op("B multiply%s", suffix)
	a.label("zero" + suffix)
	for i := range m.rows * m.registers() {
		a.clear(v(i))
	}

	a.label("multiply" + suffix)
	a.op("MOVD %v, %v", baseA, ptrA)
	if !m.cols {
		for i := 1; i < m.rows; i++ {
			a.op("ADD %v, %v, %v", lda, ptrA+r(i-1), ptrA+r(i))
		}
	}
	if m.listed {
		m.eachListed(suffix)
	} else {
		m.each(suffix)
	}

	a.label("store" + suffix)
	steps := []field{{"aStep", baseA}, {"bStep", baseB}, {"cStep", baseC}}
	if m.listed {
		m.check("done" + suffix)
		steps = []field{{"aStep", baseA}, {"cStep", baseC}, {"listStep", lists}, {"ksStep", ks}}
	}
	a.op("MOVD %v, %v", baseC, rowC)
	for i := range m.rows {
		m.moveC(i, true)
	}
	for _, f := range steps {
		a.op("MOVD tile_%s(%v), %v", f.name, arg, temp)
		a.op("ADD %v, %v, %v", temp, f.to, f.to)
	}
	a.op("SUBS $1, %v, %v", count, count)
	if m.listed {
		a.op("MOVD %v, tile_count(%v)", count, arg)
	}
	a.op("BNE tile%s", suffix)
	if m.listed {
		a.label("done" + suffix)
	}
	a.op("RET")
}

// each emits the loop over k.
func (m *microkernel) each(suffix string) {
	a := m.asm
	a.op("MOVD %v, %v", baseB, ptrB)
	m.besideB()
	a.op("MOVD tile_k(%v), %v", arg, depth)
	a.op("SUBS $%d, %v, %v", unrolled, depth, depth)
	a.op("BLT rest%s", suffix)
	a.label("unrolled" + suffix)
	if !m.cols {
		for i := range m.rows {
			x, _ := m.regA(i, 0)
			a.op("FMOVQ.P 16(%v), F%d", ptrA+r(i), x)
		}
	}
	for p := range unrolled {
		m.step(p)
	}
	a.op("SUBS $%d, %v, %v", unrolled, depth, depth)
	a.op("BGE unrolled%s", suffix)
	a.label("rest" + suffix)
	a.op("ADDS $%d, %v, %v", unrolled, depth, depth)
	a.op("BEQ store%s", suffix)
	a.label("single" + suffix)
	if !m.cols {
		for i := range m.rows {
			x, _ := m.regA(i, 0)
			a.op("FMOVS.P 4(%v), F%d", ptrA+r(i), x)
		}
	}
	m.step(0)
	a.op("SUBS $1, %v, %v", depth, depth)
	a.op("BNE single%s", suffix)
}

// besideB sets where the other registers of a row of B are read.
func (m *microkernel) besideB() {
	if m.vectors <= 2 {
		m.op("ADD %v, %v, %v", second, ptrB, ptrB+1)
	}
	if m.narrow {
		m.op("ADD %v, %v, %v", third, ptrB, ptrB+2)
	}
}

// step emits the multiply-adds of one k, and goes to the next if it isn't from a list.
func (m *microkernel) step(p int) {
	a := m.asm
	if m.cols {
		for i := 0; i < m.rows; i += 4 {
			x, _ := m.regA(i, 0)
			switch min(m.rows-i, 4) {
			case 4:
				a.op("FMOVQ %d(%v), F%d", 4*i, ptrA, x)
			case 3:
				a.op("FMOVD %d(%v), F%d", 4*i, ptrA, x)
				a.op("ADD $%d, %v, %v", 4*i+8, ptrA, temp)
				a.op("VLD1 (%v), %v.S[2]", temp, x)
			case 2:
				a.op("FMOVD %d(%v), F%d", 4*i, ptrA, x)
			case 1:
				a.op("FMOVS %d(%v), F%d", 4*i, ptrA, x)
			}
		}
		if !m.listed {
			a.op("ADD %v, %v, %v", lda, ptrA, ptrA)
		}
	}
	for pair := range m.vectors {
		n := 2
		switch {
		case m.narrow:
			n = 1
			a.op("FMOVS (%v), F%d", ptrB, regB)
			a.op("VLD1 (%v), %v.S[1]", ptrB+1, regB)
			a.op("VLD1 (%v), %v.S[2]", ptrB+2, regB)
			for i := range 3 {
				a.op("ADD %v, %v, %v", ldb, ptrB+r(i), ptrB+r(i))
			}
		case m.vectors == 1:
			a.op("VLD1.P (%v)(%v), [%v.S4]", ptrB, ldb, regB)
			a.op("VLD1.P (%v)(%v), [%v.S4]", ptrB+1, ldb, regB+1)
		case m.vectors == 2:
			a.op("VLD1.P (%v)(%v), [%v.S4, %v.S4]", ptrB+r(pair), ldb, regB, regB+1)
		default:
			a.op("FLDPQ %d(%v), (F%d, F%d)", 32*pair, ptrB, regB, regB+1)
		}
		for i := range m.rows {
			x, lane := m.regA(i, p)
			for j := range n {
				a.fmlaElement(m.acc(i, 2*pair+j), regB+v(j), x, lane)
			}
		}
	}
	if m.vectors > 2 && !m.listed {
		a.op("ADD %v, %v, %v", ldb, ptrB, ptrB)
	}
}

// moveC loads or stores row i of C, and goes to the next row.
func (m *microkernel) moveC(i int, store bool) {
	a := m.asm
	first := m.acc(i, 0)
	switch {
	case m.narrow:
		if store {
			a.op("FMOVS F%d, (%v)", first, rowC)
		} else {
			a.op("FMOVS (%v), F%d", rowC, first) // the other lanes are 0
		}
		for i, offset := range []r{second, third} {
			a.op("ADD %v, %v, %v", offset, rowC, temp)
			if store {
				a.op("VST1 %v.S[%d], (%v)", first, i+1, temp)
			} else {
				a.op("VLD1 (%v), %v.S[%d]", temp, first, i+1)
			}
		}
	case m.vectors == 1:
		a.op("ADD %v, %v, %v", second, rowC, temp)
		for j, at := range []r{rowC, temp} {
			if store {
				a.op("FMOVQ F%d, (%v)", first+v(j), at)
			} else {
				a.op("FMOVQ (%v), F%d", at, first+v(j))
			}
		}
	default:
		for pair := range m.vectors {
			at, offset := rowC, 32*pair
			if m.vectors == 2 && pair == 1 {
				a.op("ADD %v, %v, %v", second, rowC, temp)
				at, offset = temp, 0
			}
			x := first + v(2*pair)
			if store {
				a.op("FSTPQ (F%d, F%d), %d(%v)", x, x+1, offset, at)
			} else {
				a.op("FLDPQ %d(%v), (F%d, F%d)", offset, at, x, x+1)
			}
		}
	}
	if i < m.rows-1 {
		a.op("ADD %v, %v, %v", ldc, rowC, rowC)
	}
}

// copyBlock emits the copy of blocks: of 16 columns at a time, or else of 4 and of 1.
func copyBlock(a *asm) {
	const (
		dst, src, ldd, lds, rows = r(1), r(2), r(3), r(4), r(5)
		step, cols, to, from, n  = r(6), r(7), r(8), r(9), r(10)
		left, toCol              = r(11), r(12)
	)
	a.function("copyNEON", "(t *block)", 8, "copies matrices that lie side by side",
		"for i := range rows {",
		"	for n := range count {",
		"		copy(dst[n*dstStep+i*ldd:][:cols], src[n*cols+i*lds:])")
	a.op("MOVD t+0(FP), %v", arg)
	for _, f := range []struct {
		name string
		to   r
	}{{"dst", dst}, {"src", src}, {"ldd", ldd}, {"lds", lds}, {"rows", rows}, {"dstStep", step}, {"cols", cols}} {
		a.op("MOVD block_%s(%v), %v", f.name, arg, f.to)
	}
	a.label("row")
	a.op("MOVD %v, %v", dst, to)
	a.op("MOVD %v, %v", src, from)
	a.op("MOVD block_count(%v), %v", arg, n)
	a.label("matrix")
	a.op("MOVD %v, %v", to, toCol)
	a.op("SUBS $16, %v, %v", cols, left)
	a.op("BLT fours")
	a.label("sixteen")
	a.op("VLD1.P 64(%v), [V0.S4, V1.S4, V2.S4, V3.S4]", from)
	a.op("VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(%v)", toCol)
	a.op("SUBS $16, %v, %v", left, left)
	a.op("BGE sixteen")
	a.label("fours")
	a.op("ADDS $12, %v, %v", left, left)
	a.op("BLT ones")
	a.label("four")
	a.op("FMOVQ.P 16(%v), F0", from)
	a.op("FMOVQ.P F0, 16(%v)", toCol)
	a.op("SUBS $4, %v, %v", left, left)
	a.op("BGE four")
	a.label("ones")
	a.op("ADDS $4, %v, %v", left, left)
	a.op("BEQ next")
	a.label("one")
	a.op("FMOVS.P 4(%v), F0", from)
	a.op("FMOVS.P F0, 4(%v)", toCol)
	a.op("SUBS $1, %v, %v", left, left)
	a.op("BNE one")
	a.label("next")
	a.op("ADD %v, %v, %v", step, to, to)
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE matrix")
	a.op("ADD %v, %v, %v", lds, src, src)
	a.op("ADD %v, %v, %v", ldd, dst, dst)
	a.op("SUBS $1, %v, %v", rows, rows)
	a.op("BNE row")
	a.op("RET")
}

// transposeBlock emits the transpose: square by square of 4×4. The last square of a
// row or a column overlaps the one before; what is smaller than a square goes
// element by element.
func transposeBlock(a *asm) {
	const (
		dst, src, ldd, lds, rows, cols = r(1), r(2), r(3), r(4), r(5), r(6)
		i, j, from, to, n              = r(7), r(8), r(9), r(10), r(11)
	)
	a.function("transposeNEON", "(t *block)", 8, "transposes a matrix",
		"for i := range rows {",
		"	for j := range cols {",
		"		dst[j*ldd+i] = src[i*lds+j]")
	a.op("MOVD t+0(FP), %v", arg)
	for _, f := range []struct {
		name string
		to   r
	}{{"dst", dst}, {"src", src}, {"ldd", ldd}, {"lds", lds}, {"rows", rows}, {"cols", cols}} {
		a.op("MOVD block_%s(%v), %v", f.name, arg, f.to)
	}
	a.op("CMP $4, %v", rows)
	a.op("BLT scalar")
	a.op("CMP $4, %v", cols)
	a.op("BLT scalar")
	a.op("SUB $4, %v, %v", rows, rows) // where the last square begins
	a.op("SUB $4, %v, %v", cols, cols)
	a.op("MOVD $0, %v", j)
	a.label("column")
	a.op("MOVD $0, %v", i)
	a.label("square")
	a.op("MADD %v, %v, %v, %v", lds, src, i, from)
	a.op("ADD %v<<2, %v, %v", j, from, from)
	for q := range 4 {
		a.op("VLD1 (%v), [V%d.S4]", from, q)
		if q < 3 {
			a.op("ADD %v, %v, %v", lds, from, from)
		}
	}
	a.op("MADD %v, %v, %v, %v", ldd, dst, j, to)
	a.op("ADD %v<<2, %v, %v", i, to, to)
	for q := range 2 {
		a.op("VTRN1 V%d.S4, V%d.S4, V%d.S4", 2*q+1, 2*q, 4+2*q)
		a.op("VTRN2 V%d.S4, V%d.S4, V%d.S4", 2*q+1, 2*q, 5+2*q)
	}
	a.op("VTRN1 V6.D2, V4.D2, V0.D2")
	a.op("VTRN1 V7.D2, V5.D2, V1.D2")
	a.op("VTRN2 V6.D2, V4.D2, V2.D2")
	a.op("VTRN2 V7.D2, V5.D2, V3.D2")
	for q := range 4 {
		a.op("VST1 [V%d.S4], (%v)", q, to)
		if q < 3 {
			a.op("ADD %v, %v, %v", ldd, to, to)
		}
	}
	next := func(i, last r, loop string) {
		a.op("CMP %v, %v", last, i)
		a.op("BEQ %sEnd", loop)
		a.op("ADD $4, %v, %v", i, i)
		a.op("CMP %v, %v", last, i)
		a.op("CSEL LT, %v, %v, %v", i, last, i)
		a.op("B %s", loop)
		a.label(loop + "End")
	}
	next(i, rows, "square")
	next(j, cols, "column")
	a.op("RET")

	a.label("scalar")
	a.op("MOVD %v, %v", src, from)
	a.op("MOVD %v, %v", dst, to)
	a.op("MOVD %v, %v", cols, n)
	a.label("one")
	a.op("FMOVS.P 4(%v), F0", from)
	a.op("FMOVS F0, (%v)", to)
	a.op("ADD %v, %v, %v", ldd, to, to)
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE one")
	a.op("ADD %v, %v, %v", lds, src, src)
	a.op("ADD $4, %v, %v", dst, dst)
	a.op("SUBS $1, %v, %v", rows, rows)
	a.op("BNE scalar")
	a.op("RET")
}
