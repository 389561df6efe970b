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
	pack512()
	Generate()
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
	t := Load(Param("t"), GP64())
	field := func(off int) GPVirtual {
		r := GP64()
		MOVQ(Mem{Base: t, Disp: off}, r)
		return r
	}
	a, b, k := field(0), field(8), field(56)
	ars, aks, brs := field(24), field(32), field(40)
	_ = aks
	mask := GP32()
	MOVL(Mem{Base: t, Disp: 64}, mask)
	KMOVW(mask, K1)
	if vecs == 2 {
		SHRL(Imm(16), mask)
		KMOVW(mask, K2)
	}
	masks := []Register{K1, K2}
	acc := make([][]VecPhysical, rows)
	z := []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
	next := 0
	reg := func() VecPhysical { next++; return z[next-1] }
	for i := range acc {
		for range vecs {
			acc[i] = append(acc[i], reg())
		}
	}
	bv := []VecPhysical{reg()}
	if vecs == 2 {
		bv = append(bv, reg())
	}
	tmp := []VecPhysical{reg(), reg()}

	// Where the chains start: at +0, or at what C holds.
	c, crs := GP64(), GP64()
	MOVQ(Mem{Base: t, Disp: 16}, c)
	MOVQ(Mem{Base: t, Disp: 48}, crs)
	mode := GP64()
	MOVQ(Mem{Base: t, Disp: 72}, mode)
	CMPQ(mode, Imm(1))
	JE(LabelRef("load"))
	for i := range acc {
		for v := range vecs {
			VPXORD(acc[i][v], acc[i][v], acc[i][v])
		}
	}
	JMP(LabelRef("start"))
	Label("load")
	for i := range acc {
		for v := range vecs {
			VMOVUPS_Z(Mem{Base: c, Disp: 64 * v}, masks[v], acc[i][v])
		}
		if i < rows-1 {
			ADDQ(crs, c)
		}
	}
	Label("start")

	// at returns A's element of row i at k plus u.
	bases := []GPVirtual{a}
	if strided {
		for i := 3; i < rows; i += 3 {
			next := GP64()
			LEAQ(Mem{Base: bases[len(bases)-1], Index: ars, Scale: 2}, next)
			ADDQ(ars, next)
			bases = append(bases, next)
		}
	}
	at := func(i, u int) Mem {
		if !strided {
			return Mem{Base: a, Disp: 4 * i}
		}
		m := Mem{Base: bases[i/3], Disp: 4 * u}
		if i%3 > 0 {
			m.Index, m.Scale = ars, uint8(i%3)
		}
		return m
	}
	one := func(u int) {
		for v := range vecs {
			VMOVUPS_Z(Mem{Base: b, Disp: 64 * v}, masks[v], bv[v])
		}
		ADDQ(brs, b)
		for i := range acc {
			x := tmp[i%2]
			VBROADCASTSS(at(i, u), x)
			for v := range vecs {
				VFMADD231PS(bv[v], x, acc[i][v])
			}
		}
	}
	advance := func(n int) {
		if !strided {
			ADDQ(aks, a)
			return
		}
		for _, base := range bases {
			ADDQ(Imm(uint64(4*n)), base)
		}
	}
	const unroll = 4
	if strided {
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
	} else {
		TESTQ(k, k)
		JZ(LabelRef("done"))
	}
	Label("single")
	one(0)
	advance(1)
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("done")

	MOVQ(Mem{Base: t, Disp: 16}, c)
	CMPQ(mode, Imm(2))
	JE(LabelRef("add"))
	for i := range acc {
		for v := range vecs {
			VMOVUPS(acc[i][v], masks[v], Mem{Base: c, Disp: 64 * v})
		}
		if i < rows-1 {
			ADDQ(crs, c)
		}
	}
	VZEROUPPER()
	RET()
	Label("add")
	for i := range acc {
		for v := range vecs {
			VMOVUPS_Z(Mem{Base: c, Disp: 64 * v}, masks[v], tmp[v%2])
			VADDPS(acc[i][v], tmp[v%2], acc[i][v])
			VMOVUPS(acc[i][v], masks[v], Mem{Base: c, Disp: 64 * v})
		}
		if i < rows-1 {
			ADDQ(crs, c)
		}
	}
	VZEROUPPER()
	RET()
}

// pack512 writes the transposition of 16 rows: k (a multiple of 16 is not needed)
// numbers of each of the rows src, src+stride, … become k rows of 16, dst apart.
// Rows from count on are not read; their lanes are left out.
func pack512() {
	TEXT("pack512", NOSPLIT, "func(dst *byte, dstStride int, src *byte, srcStride int, rows, k int)")
	dst, ds := Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	src, ss := Load(Param("src"), GP64()), Load(Param("srcStride"), GP64())
	rows, k := Load(Param("rows"), GP64()), Load(Param("k"), GP64())
	z := []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
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
