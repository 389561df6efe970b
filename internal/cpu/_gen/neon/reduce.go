package main

import "fmt"

// This file writes reductions, and the gathers of a data set's rows.

func reductions(a *asm) {
	sumRows(a)
	for _, e := range extremes {
		extremeRow(a, e)
	}
	for _, c := range columns {
		a.newKernel(func(k *kernel) { reduceColumns(k, c) })
	}
	notFinite(a)
}

// sumRows emits the sums of rows of at most 4096 elements: lane l of the 16 of four
// registers adds the elements l, l+16, ….
func sumRows(a *asm) {
	const (
		y, x, rows, n = r(0), r(1), r(2), r(3)
	)
	a.function("sumRowsNEON", "(y, x *float32, rows, n int)", 32, "sums each of rows rows of n elements",
		"for r := range rows {",
		"	var lane [16]float32",
		"	for i, v := range x[r*n:][:n] {",
		"		lane[i%16] += v",
		"	}",
		"	y[r] = sumTree(&lane)")
	a.op("MOVD y+0(FP), %v", y)
	a.op("MOVD x+8(FP), %v", x)
	a.op("MOVD rows+16(FP), %v", rows)
	a.op("MOVD n+24(FP), %v", n)
	a.label("row")
	a.op("CBZ %v, done", rows)
	for i := range v(4) {
		a.clear(i)
	}
	a.op("SUBS $16, %v, %v", n, left)
	a.op("BLT few")
	a.label("many")
	a.op("VLD1.P 64(%v), [V4.S4, V5.S4, V6.S4, V7.S4]", x)
	for i := range v(4) {
		a.fadd(i, i, 4+i)
	}
	a.op("SUBS $16, %v, %v", left, left)
	a.op("BGE many")
	a.label("few")
	a.op("ADD $16, %v, %v", left, left)
	for i := range v(4) {
		a.op("CMP $4, %v", left)
		a.op("BLT partial%d", i)
		if i < 3 {
			a.op("FMOVQ.P 16(%v), F4", x)
			a.fadd(i, i, 4)
			a.op("SUB $4, %v, %v", left, left)
		}
	}
	// The lanes that a partial vector lacks are +0, which changes no sum that began
	// with +0.
	for i := range v(4) {
		a.label(fmt.Sprintf("partial%d", i))
		a.op("CBZ %v, tree", left)
		a.op("FMOVS.P 4(%v), F4", x)
		for lane := 1; lane <= 2; lane++ {
			a.op("CMP $%d, %v", lane, left)
			a.op("BEQ add%d", i)
			a.op("VLD1.P 4(%v), V4.S[%d]", x, lane)
		}
		a.label(fmt.Sprintf("add%d", i))
		a.fadd(i, i, 4)
		if i < 3 {
			a.op("B tree")
		}
	}
	a.label("tree")
	a.fadd(0, 0, 2)
	a.fadd(1, 1, 3)
	a.fadd(0, 0, 1)
	a.op("VEXT $8, V0.B16, V0.B16, V1.B16")
	a.fadd(0, 0, 1)
	a.op("VEXT $4, V0.B16, V0.B16, V1.B16")
	a.op("FADDS F1, F0, F0")
	a.op("FMOVS.P F0, 4(%v)", y)
	a.op("SUB $1, %v, %v", rows, rows)
	a.op("B row")
	a.label("done")
	a.op("RET")
}

func (a *asm) fadd(d, x, y v) { a.three(0x4E20D400, "FADD", d, x, y) }

// three emits an instruction on four lanes.
func (a *asm) three(code uint32, name string, d, x, y v) {
	a.op("%s", word(code|uint32(y)<<16|uint32(x)<<5|uint32(d), "%s %v.4S, %v.4S, %v.4S", name, d, x, y))
}

// An extreme is the maximum or the minimum. Their order doesn't matter: they treat
// -0 and +0 as different, and NaN wins.
type extreme struct {
	name, of    string
	first       uint32 // that of nothing
	vector, all uint32
}

var extremes = []extreme{
	{"max", "FMAX", 0xFF800000, 0x4E20F400, 0x6E30F800},
	{"min", "FMIN", 0x7F800000, 0x4EA0F400, 0x6EB0F800},
}

// extremeRow emits the reduction of one row.
func extremeRow(a *asm, e extreme) {
	const x, n = r(1), r(3)
	a.function(e.name+"RowNEON", "(x *float32, n int) (y float32)", 20, "returns y after this, with Go's "+e.name,
		"for _, v := range x[:n] {",
		fmt.Sprintf("	y = %s(y, v)", e.name))
	a.op("MOVD x+0(FP), %v", x)
	a.op("MOVD n+8(FP), %v", n)
	a.op("MOVW $%#x, %v", e.first, temp)
	for i := range v(4) {
		a.op("VDUP %v, V%d.S4", temp, i)
	}
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BLT few")
	a.label("many")
	a.op("VLD1.P 64(%v), [V4.S4, V5.S4, V6.S4, V7.S4]", x)
	for i := range v(4) {
		a.three(e.vector, e.of, i, i, 4+i)
	}
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BGE many")
	a.label("few")
	a.op("ADDS $12, %v, %v", n, n)
	a.op("BLT rest")
	a.label("four")
	a.op("FMOVQ.P 16(%v), F4", x)
	a.three(e.vector, e.of, 0, 0, 4)
	a.op("SUBS $4, %v, %v", n, n)
	a.op("BGE four")
	a.label("rest")
	a.op("ADDS $4, %v, %v", n, n)
	a.op("BEQ across")
	a.label("one")
	a.op("VLD1R.P 4(%v), [V4.S4]", x)
	a.three(e.vector, e.of, 1, 1, 4)
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE one")
	a.label("across")
	a.three(e.vector, e.of, 0, 0, 2)
	a.three(e.vector, e.of, 1, 1, 3)
	a.three(e.vector, e.of, 0, 0, 1)
	a.op("%s", word(e.all, "%sV S0, V0.4S", e.of))
	a.op("FMOVS F0, y+16(FP)")
	a.op("RET")
}

// A column is a reduction of each column over rows.
type column struct {
	name, scalar string
	first        uint32
	do           func(k *kernel, x, y vec) vec
}

var columns = []column{
	{"sum", "y[i] += x[r*stride+i]", 0, (*kernel).add},
	{"max", "y[i] = max(y[i], x[r*stride+i])", 0xFF800000, (*kernel).max},
	{"min", "y[i] = min(y[i], x[r*stride+i])", 0x7F800000, (*kernel).min},
}

// reduceColumns emits a reduction of columns, of 16 at a time while there are as
// many.
func reduceColumns(k *kernel, c column) {
	const y, x, rows, stride, from, n = r(0), r(1), r(2), r(4), r(5), r(6)
	k.begin(c.name+"ColumnsNEON", "(y, x *float32, n, cols, stride int)", 40, "reduces each of cols columns of a matrix whose rows are stride apart",
		"for r := range n {",
		"	for i := range cols {",
		"		"+c.scalar)
	k.op("MOVD y+0(FP), %v", y)
	k.op("MOVD x+8(FP), %v", x)
	k.op("MOVD n+16(FP), %v", rows)
	k.op("MOVD cols+24(FP), %v", left)
	k.op("MOVD stride+32(FP), %v", stride)
	k.op("LSL $2, %v, %v", stride, stride)
	var sums [4]vec
	for i := range sums {
		sums[i] = k.pin()
	}
	strip := func(vectors int, suffix string) {
		for i := range vectors {
			k.move(sums[i], k.bits(c.first))
		}
		k.op("MOVD %v, %v", x, from)
		k.op("MOVD %v, %v", rows, n)
		k.op("CBZ %v, store%s", n, suffix)
		k.label("row" + suffix)
		for i := range vectors {
			k.move(sums[i], c.do(k, sums[i], k.loadAt(from, 16*i)))
		}
		k.op("ADD %v, %v, %v", stride, from, from)
		k.op("SUBS $1, %v, %v", n, n)
		k.op("BNE row%s", suffix)
		k.label("store" + suffix)
		for i := range vectors {
			k.store(sums[i], y)
		}
		k.op("ADD $%d, %v, %v", 16*vectors, x, x)
	}
	for _, vectors := range []int{4, 1} {
		name := fmt.Sprint(4 * vectors)
		k.label("strip" + name)
		k.op("CMP $%d, %v", 4*vectors, left)
		k.op("BLT below%s", name)
		strip(vectors, name)
		k.op("SUB $%d, %v, %v", 4*vectors, left, left)
		k.op("B strip%s", name)
		k.label("below" + name)
	}
	k.op("CBZ %v, done", left)
	k.offsets(left)
	k.partial = true
	strip(1, "Partial")
	k.partial = false
	k.label("done")
	k.op("RET")
}

// notFinite emits the search for exponents of ones only.
func notFinite(a *asm) {
	const x, n = r(1), r(3)
	a.function("notFiniteNEON", "(x *float32, n int) (found bool)", 17, "reports whether one of n elements is infinite or NaN",
		"for _, v := range x[:n] {",
		"	found = found || v-v != 0")
	a.op("MOVD x+0(FP), %v", x)
	a.op("MOVD n+8(FP), %v", n)
	a.op("MOVW $0x7F800000, %v", temp)
	a.op("VDUP %v, V16.S4", temp)
	for i := range v(4) {
		a.clear(i)
	}
	test := func(i, x v) {
		a.op("VAND V16.B16, %v.B16, %v.B16", x, x)
		a.op("VCMEQ V16.S4, %v.S4, %v.S4", x, x)
		a.op("VORR %v.B16, %v.B16, %v.B16", x, i, i)
	}
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BLT few")
	a.label("many")
	a.op("VLD1.P 64(%v), [V4.S4, V5.S4, V6.S4, V7.S4]", x)
	for i := range v(4) {
		test(i, 4+i)
	}
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BGE many")
	a.label("few")
	a.op("ADDS $16, %v, %v", n, n)
	a.op("BEQ across")
	a.label("one")
	a.op("VLD1R.P 4(%v), [V4.S4]", x)
	test(0, 4)
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE one")
	a.label("across")
	a.op("VORR V1.B16, V0.B16, V0.B16")
	a.op("VORR V3.B16, V2.B16, V2.B16")
	a.op("VORR V2.B16, V0.B16, V0.B16")
	a.op("VMOV V0.D[0], %v", temp)
	a.op("VMOV V0.D[1], %v", x)
	a.op("ORR %v, %v, %v", x, temp, temp)
	a.op("CMP $0, %v", temp)
	a.op("CSET NE, %v", temp)
	a.op("MOVB %v, found+16(FP)", temp)
	a.op("RET")
}

func gathers(a *asm) {
	a.newKernel(gatherUnit)
	fill(a)
}

// gatherUnit emits the gather of bytes, 16 at a time: the quotient by 255 of a byte
// is the product with 1/255 and one correction, which a test compares with the table.
func gatherUnit(k *kernel) {
	const dst, src, rows, count, width, from, n = r(0), r(1), r(2), r(3), r(4), r(5), r(6)
	k.begin("gatherUnitNEON", "(dst *float32, src *uint8, rows *int32, count, width int)", 40, "fetches count rows of width bytes and scales them",
		"for i := range count {",
		"	for j := range width {",
		"		dst[i*width+j] = float32(src[rows[i]*width+j]) / 255")
	k.op("MOVD dst+0(FP), %v", dst)
	k.op("MOVD src+8(FP), %v", src)
	k.op("MOVD rows+16(FP), %v", rows)
	k.op("MOVD count+24(FP), %v", count)
	k.op("MOVD width+32(FP), %v", width)
	unit := func(x vec) vec {
		x = k.unary(0x6E21D800, "UCVTF", x, "")
		y := k.mul(x, k.c(1./255))
		return k.fma(y, k.fms(x, y, k.c(255)), k.c(1./255))
	}
	lengthen := func(x vec, high bool, from, to string, code uint32) vec {
		name := "UXTL"
		if high {
			name = "UXTL2"
			code |= 1 << 30
		}
		d := k.value()
		k.queue = append(k.queue, inst{dst: d, src: []vec{x}, text: func(reg func(vec) v) string {
			return word(code|uint32(reg(x))<<5|uint32(reg(d)), "%s %v.%s, %v.%s", name, reg(d), to, reg(x), from)
		}})
		return d
	}
	k.label("row")
	k.op("CBZ %v, return", count)
	k.op("MOVW.P 4(%v), %v", rows, from)
	k.op("MADD %v, %v, %v, %v", width, src, from, from)
	k.op("SUBS $16, %v, %v", width, n)
	k.op("BLT few")
	k.label("sixteen")
	bytes := k.value()
	k.with(bytes, nil, fmt.Sprintf("FMOVQ.P 16(%v), F%%d", from))
	for high := range 4 {
		half := lengthen(bytes, high >= 2, map[bool]string{false: "8B", true: "16B"}[high >= 2], "8H", 0x2F08A400)
		x := lengthen(half, high%2 == 1, map[bool]string{false: "4H", true: "8H"}[high%2 == 1], "4S", 0x2F10A400)
		k.store(unit(x), dst)
	}
	k.op("SUBS $16, %v, %v", n, n)
	k.op("BGE sixteen")
	k.label("few")
	k.op("ADDS $16, %v, %v", n, n)
	k.op("BEQ next")
	k.label("one")
	k.op("MOVBU.P 1(%v), %v", from, temp)
	x := k.value()
	k.with(x, nil, fmt.Sprintf("VDUP %v, V%%d.S4", temp))
	k.with(none, []vec{unit(x)}, fmt.Sprintf("FMOVS.P F%%d, 4(%v)", dst))
	k.op("SUBS $1, %v, %v", n, n)
	k.op("BNE one")
	k.label("next")
	k.op("SUB $1, %v, %v", count, count)
	k.op("B row")
	k.label("return")
	k.op("RET")
}

// fill emits the loop that writes one value everywhere.
func fill(a *asm) {
	const x, n = r(0), r(1)
	a.function("fillNEON", "(x *float32, n int, v float32)", 20, "writes one value n times",
		"for i := range n {",
		"	x[i] = v")
	a.op("MOVD x+0(FP), %v", x)
	a.op("MOVD n+8(FP), %v", n)
	a.op("MOVWU v+16(FP), %v", temp)
	for i := range v(4) {
		a.op("VDUP %v, V%d.S4", temp, i)
	}
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BLT few")
	a.label("many")
	a.op("VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(%v)", x)
	a.op("SUBS $16, %v, %v", n, n)
	a.op("BGE many")
	a.label("few")
	a.op("ADDS $16, %v, %v", n, n)
	a.op("BEQ done")
	a.label("one")
	a.op("FMOVS.P F0, 4(%v)", x)
	a.op("SUBS $1, %v, %v", n, n)
	a.op("BNE one")
	a.label("done")
	a.op("RET")
}
