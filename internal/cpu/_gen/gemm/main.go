// Command gemm writes the matrix product's kernels for amd64.
//
// A kernel computes one tile of C, up to 14×32 with AVX-512 and 6×16 with AVX2,
// in registers: rows are broadcast, columns are lanes, and every element is one
// chain of fused multiply-adds in the order of k.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	for rows := 1; rows <= 14; rows++ {
		for vecs := 1; vecs <= 2; vecs++ {
			tile512(rows, vecs, true)
			tile512(rows, vecs, false)
		}
	}
	for rows := 1; rows <= 6; rows++ {
		for vecs := 1; vecs <= 2; vecs++ {
			for _, masked := range []bool{false, true} {
				tile256(rows, vecs, true, masked)
				tile256(rows, vecs, false, masked)
			}
		}
	}
	pack512()
	pack256()
	peak("peak512", zmm[:24], zmm[30], zmm[31])
	peak("peak256", ymm[:12], ymm[14], ymm[15])
	Generate()
}

var (
	zmm = []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
	ymm = []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
)

// The fields of gemmTile.
const (
	fieldA, fieldB, fieldC       = 0, 8, 16
	fieldARS, fieldAKS           = 24, 32
	fieldBRS, fieldCRS           = 40, 48
	fieldK, fieldMask, fieldMode = 56, 64, 72
	fieldLanes                   = 80 // the mask of AVX2: a word for each lane
)

// doc writes the scalar loop that a kernel of so many rows and columns is.
func doc(name string, rows, cols int, strided bool) {
	order := "A's rows contiguous"
	if strided {
		order = "A's rows strided"
	}
	Doc(
		fmt.Sprintf("%s computes a tile of %d rows and up to %d columns, %s:", name, rows, cols, order),
		"",
		fmt.Sprintf("\tfor r := range %d {", rows),
		"\t\tfor c := range cols {",
		"\t\t\tsum := 0 // C[r][c] in mode 1",
		"\t\t\tfor i := range k {",
		"\t\t\t\tsum = FMA(A[r*ars+i*aks], B[i*brs+c], sum)",
		"\t\t\t}",
		"\t\t\tC[r][c] = sum // sum + C[r][c] in mode 2",
		"\t\t}",
		"\t}",
	)
}

// tile512 writes one kernel. In the form "rows", A's rows are strided and k is
// contiguous (a row-major A); else the rows are contiguous and k is strided (a
// transposed or packed A).
func tile512(rows, vecs int, strided bool) {
	form := "T"
	if strided {
		form = "N"
	}
	name := fmt.Sprintf("gemm512%s%dx%d", form, rows, vecs)
	TEXT(name, NOSPLIT, "func(t *byte)")
	doc(name, rows, 16*vecs, strided)
	t := Load(Param("t"), GP64())
	mask := GP32()
	MOVL(Mem{Base: t, Disp: fieldMask}, mask)
	masks := []Register{K1, K2}
	KMOVW(mask, K1)
	if vecs == 2 {
		SHRL(Imm(16), mask)
		KMOVW(mask, K2)
	}
	kernel{
		rows: rows, vecs: vecs, strided: strided, t: t, size: 64, reg: zmm,
		zero:  func(v VecPhysical) { VPXORD(v, v, v) },
		load:  func(at Mem, v int, to, _ VecPhysical) { VMOVUPS_Z(at, masks[v], to) },
		store: func(from VecPhysical, v int, at Mem, _ VecPhysical) { VMOVUPS(from, masks[v], at) },
	}.emit()
}

// tile256 writes one kernel for AVX2. The columns of an edge are read and written
// under a mask, which is in memory because no register is left.
func tile256(rows, vecs int, strided, masked bool) {
	form := "T"
	if strided {
		form = "N"
	}
	name := fmt.Sprintf("gemm256%s%dx%d", form, rows, vecs)
	if masked {
		name += "m"
	}
	TEXT(name, NOSPLIT, "func(t *byte)")
	doc(name, rows, 8*vecs, strided)
	t := Load(Param("t"), GP64())
	k := kernel{
		rows: rows, vecs: vecs, strided: strided, t: t, size: 32, reg: ymm,
		zero:  func(v VecPhysical) { VXORPS(v, v, v) },
		load:  func(at Mem, _ int, to, _ VecPhysical) { VMOVUPS(at, to) },
		store: func(from VecPhysical, _ int, at Mem, _ VecPhysical) { VMOVUPS(from, at) },
	}
	if masked {
		lanes := func(v int, to VecPhysical) { VMOVUPS(Mem{Base: t, Disp: fieldLanes + 32*v}, to) }
		k.load = func(at Mem, v int, to, tmp VecPhysical) { lanes(v, tmp); VMASKMOVPS(at, tmp, to) }
		k.store = func(from VecPhysical, v int, at Mem, tmp VecPhysical) { lanes(v, tmp); VMASKMOVPS(from, tmp, at) }
	}
	k.emit()
}

// A kernel is what the instruction sets have in common.
type kernel struct {
	rows, vecs int
	strided    bool
	t          Register
	size       int           // bytes of a vector
	reg        []VecPhysical // rows*vecs sums, vecs of B, two of A
	zero       func(v VecPhysical)
	load       func(at Mem, v int, to, tmp VecPhysical)
	store      func(from VecPhysical, v int, at Mem, tmp VecPhysical)
}

func (g kernel) emit() {
	field := func(off int) GPVirtual {
		r := GP64()
		MOVQ(Mem{Base: g.t, Disp: off}, r)
		return r
	}
	a, b, k := field(fieldA), field(fieldB), field(fieldK)
	ars, aks, brs := field(fieldARS), field(fieldAKS), field(fieldBRS)
	sum := func(i, v int) VecPhysical { return g.reg[i*g.vecs+v] }
	bv := g.reg[g.rows*g.vecs:][:g.vecs]
	tmp := g.reg[(g.rows+1)*g.vecs:][:2]

	// eachOfC walks the tile of C.
	eachOfC := func(f func(i, v int, at Mem)) {
		c, crs := field(fieldC), field(fieldCRS)
		for i := range g.rows {
			for v := range g.vecs {
				f(i, v, Mem{Base: c, Disp: g.size * v})
			}
			if i < g.rows-1 {
				ADDQ(crs, c)
			}
		}
	}

	// The chains start at +0, or at what C holds.
	CMPQ(Mem{Base: g.t, Disp: fieldMode}, Imm(1))
	JE(LabelRef("load"))
	for i := range g.rows {
		for v := range g.vecs {
			g.zero(sum(i, v))
		}
	}
	JMP(LabelRef("start"))
	Label("load")
	eachOfC(func(i, v int, at Mem) { g.load(at, v, sum(i, v), tmp[0]) })
	Label("start")

	// at is A's element of row i at k+u: three rows a base register.
	bases := []GPVirtual{a}
	if g.strided {
		for i := 3; i < g.rows; i += 3 {
			base := GP64()
			LEAQ(Mem{Base: bases[len(bases)-1], Index: ars, Scale: 2}, base)
			ADDQ(ars, base)
			bases = append(bases, base)
		}
	}
	at := func(i, u int) Mem {
		if !g.strided {
			return Mem{Base: a, Disp: 4 * i}
		}
		m := Mem{Base: bases[i/3], Disp: 4 * u}
		if i%3 > 0 {
			m.Index, m.Scale = ars, uint8(i%3)
		}
		return m
	}
	one := func(u int) {
		for v := range g.vecs {
			g.load(Mem{Base: b, Disp: g.size * v}, v, bv[v], tmp[0])
		}
		ADDQ(brs, b)
		for i := range g.rows {
			x := tmp[i%2]
			VBROADCASTSS(at(i, u), x)
			for v := range g.vecs {
				VFMADD231PS(bv[v], x, sum(i, v))
			}
		}
	}
	advance := func(n int) {
		if !g.strided {
			ADDQ(aks, a)
			return
		}
		for _, base := range bases {
			ADDQ(Imm(uint64(4*n)), base)
		}
	}
	const unroll = 4
	if g.strided {
		SUBQ(Imm(unroll), k)
		JL(LabelRef("tail"))
		Label("loop")
		for u := range unroll {
			one(u)
		}
		advance(unroll)
		SUBQ(Imm(unroll), k)
		JGE(LabelRef("loop"))
		Label("tail")
		ADDQ(Imm(unroll), k)
		JZ(LabelRef("done"))
	}
	Label("single")
	one(0)
	advance(1)
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("done")

	CMPQ(Mem{Base: g.t, Disp: fieldMode}, Imm(2))
	JE(LabelRef("add"))
	eachOfC(func(i, v int, at Mem) { g.store(sum(i, v), v, at, tmp[0]) })
	VZEROUPPER()
	RET()
	Label("add")
	eachOfC(func(i, v int, at Mem) {
		g.load(at, v, tmp[1], tmp[0])
		VADDPS(sum(i, v), tmp[1], sum(i, v))
		g.store(sum(i, v), v, at, tmp[0])
	})
	VZEROUPPER()
	RET()
}

// pack512 writes the transposition of up to 16 rows, in blocks of 16×16.
func pack512() {
	TEXT("pack512", NOSPLIT, "func(dst *byte, dstStride int, src *byte, srcStride int, rows, k int)")
	Doc(
		"pack512 transposes up to 16 rows of k > 0 numbers; strides are in bytes:",
		"",
		"\tfor r := range rows {",
		"\t\tfor i := range k {",
		"\t\t\tdst[i][r] = src[r][i]",
		"\t\t}",
		"\t}",
	)
	dst, ds := Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	src, ss := Load(Param("src"), GP64()), Load(Param("srcStride"), GP64())
	rows, k := Load(Param("rows"), GP64()), Load(Param("k"), GP64())
	z := zmm
	// K2: the rows that there are, as lanes of the result.
	ones := GP32()
	MOVL(U32(1), ones)
	MOVQ(rows.(GPVirtual), RCX)
	SHLL(CL, ones)
	DECL(ones)
	KMOVW(ones, K2)

	Label("block")
	TESTQ(k, k)
	JLE(LabelRef("end"))
	// K1: the columns of this block.
	full := GP32()
	MOVL(U32(0xffff), full)
	CMPQ(k, Imm(16))
	JGE(LabelRef("mask"))
	MOVL(U32(1), full)
	MOVQ(k.(GPVirtual), RCX)
	SHLL(CL, full)
	DECL(full)
	Label("mask")
	KMOVW(full, K1)
	p, left := GP64(), GP64()
	MOVQ(src.(GPVirtual), p)
	MOVQ(rows.(GPVirtual), left)
	for i := range 16 {
		VPXORD(z[i], z[i], z[i])
	}
	for i := range 16 {
		VMOVUPS_Z(Mem{Base: p}, K1, z[i])
		ADDQ(ss.(GPVirtual), p)
		DECQ(left)
		JZ(LabelRef("read"))
	}
	Label("read")
	// 16×16: pairs, quads, then 128-bit lanes twice.
	for i := 0; i < 16; i += 2 {
		VUNPCKLPS(z[i+1], z[i], z[16+i])
		VUNPCKHPS(z[i+1], z[i], z[17+i])
	}
	for i := 0; i < 16; i += 4 {
		VUNPCKLPD(z[18+i], z[16+i], z[i])
		VUNPCKHPD(z[18+i], z[16+i], z[i+1])
		VUNPCKLPD(z[19+i], z[17+i], z[i+2])
		VUNPCKHPD(z[19+i], z[17+i], z[i+3])
	}
	// z[4g+c] holds, in lane l, column 4l+c of rows 4g … 4g+3.
	for c := range 4 {
		VSHUFF32X4(U8(0x44), z[4+c], z[c], z[16+4*c])
		VSHUFF32X4(U8(0xee), z[4+c], z[c], z[17+4*c])
		VSHUFF32X4(U8(0x44), z[12+c], z[8+c], z[18+4*c])
		VSHUFF32X4(U8(0xee), z[12+c], z[8+c], z[19+4*c])
	}
	for c := range 4 {
		VSHUFF32X4(U8(0x88), z[18+4*c], z[16+4*c], z[c])    // column c
		VSHUFF32X4(U8(0xdd), z[18+4*c], z[16+4*c], z[4+c])  // column 4+c
		VSHUFF32X4(U8(0x88), z[19+4*c], z[17+4*c], z[8+c])  // column 8+c
		VSHUFF32X4(U8(0xdd), z[19+4*c], z[17+4*c], z[12+c]) // column 12+c
	}
	for i := range 16 {
		VMOVUPS(z[i], K2, Mem{Base: dst})
		ADDQ(ds.(GPVirtual), dst.(GPVirtual))
		DECQ(k.(GPVirtual))
		JZ(LabelRef("end"))
	}
	ADDQ(Imm(64), src.(GPVirtual))
	JMP(LabelRef("block"))
	Label("end")
	VZEROUPPER()
	RET()
}

// pack256 writes the transposition of 8 rows, in blocks of 8×8.
func pack256() {
	TEXT("pack256", NOSPLIT, "func(dst *byte, dstStride int, src *byte, srcStride int, blocks int)")
	Doc(
		"pack256 transposes 8 rows of 8*blocks numbers, blocks > 0; strides are in bytes:",
		"",
		"\tfor r := range 8 {",
		"\t\tfor i := range 8*blocks {",
		"\t\t\tdst[i][r] = src[r][i]",
		"\t\t}",
		"\t}",
	)
	dst, ds := Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	src, ss := Load(Param("src"), GP64()), Load(Param("srcStride"), GP64())
	blocks := Load(Param("blocks"), GP64())
	y := ymm
	Label("block")
	p := GP64()
	MOVQ(src, p)
	for i := range 8 {
		VMOVUPS(Mem{Base: p}, y[i])
		if i < 7 {
			ADDQ(ss, p)
		}
	}
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(y[i+1], y[i], y[8+i])
		VUNPCKHPS(y[i+1], y[i], y[9+i])
	}
	for i := 0; i < 8; i += 4 {
		VUNPCKLPD(y[10+i], y[8+i], y[i])
		VUNPCKHPD(y[10+i], y[8+i], y[i+1])
		VUNPCKLPD(y[11+i], y[9+i], y[i+2])
		VUNPCKHPD(y[11+i], y[9+i], y[i+3])
	}
	for c := range 4 {
		VPERM2F128(U8(0x20), y[4+c], y[c], y[8+c])
		VPERM2F128(U8(0x31), y[4+c], y[c], y[12+c])
	}
	for c := range 8 {
		VMOVUPS(y[8+c], Mem{Base: dst})
		ADDQ(ds, dst)
	}
	ADDQ(Imm(32), src)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// peak writes a loop of nothing but fused multiply-adds of registers.
func peak(name string, sums []VecPhysical, x, y VecPhysical) {
	TEXT(name, NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("%s does n rounds of %d fused multiply-adds of vectors, none of which waits for another.", name, len(sums)))
	n := Load(Param("n"), GP64())
	for _, v := range append([]VecPhysical{x, y}, sums...) {
		if len(sums) == 24 {
			VPXORD(v, v, v)
		} else {
			VXORPS(v, v, v)
		}
	}
	Label("loop")
	for _, v := range sums {
		VFMADD231PS(x, y, v)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
