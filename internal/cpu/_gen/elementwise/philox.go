package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// This file emits dropout's masks: Philox 4x32-10 for many blocks at once, eight
// 16-bit lanes of each compared with the threshold.
//
// The four words of a block lie in the lower halves of the 64-bit lanes of four
// registers, where VPMULUDQ wants them; what is in the upper halves doesn't
// matter.

var (
	philoxMul  = [2]uint32{0xD2511F53, 0xCD9E8D57}
	philoxWeyl = [2]uint32{0x9E3779B9, 0xBB67AE85}
)

// philox emits the loop over groups of blocks; it stops before a group that has
// a lane equal to the threshold, and returns how many bytes it wrote.
func philox(a *asm) {
	name := "dropoutBits" + a.Suffix()
	a.function(name, "func(dst *byte, n int, p *philoxArgs) int")
	groups, lanes := 2, 4
	if a.Wide {
		groups, lanes = 4, 8
	}
	a.Doc(
		fmt.Sprintf("%s makes the masks of groups of %d blocks, a byte each, while", name, groups*lanes),
		"fewer than n bytes are written and no 16-bit lane ties with the threshold:",
		"",
		"\tdst[k] = bits of lane(block(list[k]+index), j) > high",
		"",
		"After each group it adds step to the index and stride bytes to the list. It",
		"returns the number of bytes written.",
	)
	dst := a.Load(a.Param("dst"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64())
	p := a.Struct("p")
	word := func(field string, i int) vec {
		v := a.vec()
		a.VPBROADCASTD(p.Field(field, i), v)
		return v
	}
	pair := func(m operand.Mem) vec {
		v := a.vec()
		a.VPBROADCASTQ(m, v)
		return v
	}

	// On AVX-512 the masks of the even lanes come out together, then those of the
	// odd ones.
	var order op
	if a.Wide {
		order = a.reg(a.Data("order", func() {
			for _, i := range []uint64{0, 4, 1, 5, 2, 6, 3, 7} {
				a.AppendDatum(operand.U64(i))
			}
		}))
	}
	index, list := pair(p.Field("index")), a.GP64()
	a.MOVQ(p.Field("list"), list)
	a.hoist(maxHoisted, func() {
		for k := range 2 {
			a.bits(philoxMul[k])
			a.bits(philoxWeyl[k])
		}
	})
	// AVX2 compares with signs.
	signs := a.Data("signs", func() {
		for range 16 {
			a.AppendDatum(operand.U16(0x8000))
		}
	})
	i := a.GP64()
	a.XORQ(i, i)
	loop, tie, done := a.label("groups"), a.label("tie"), a.label("end")
	a.Label(loop)
	a.CMPQ(i, n)
	a.JGE(operand.LabelRef(done))

	key := []vec{word("key", 0), word("key", 1)}
	type block struct{ c [4]vec }
	b := make([]block, groups)
	for g := range b {
		c0, c1 := a.vec(), a.vec()
		m := operand.Mem{Base: list, Disp: 8 * g * lanes}
		if a.Wide {
			a.VPERMQ(m, order, c0)
			a.VPADDQ(index, c0, c0)
		} else {
			a.VPADDQ(m, index, c0)
		}
		a.VPSRLQ(operand.Imm(32), c0, c1)
		b[g].c = [4]vec{c0, c1, word("upper", 0), word("upper", 1)}
	}
	a.VPADDQ(pair(p.Field("step")), index, index)
	a.ADDQ(p.Field("stride"), list)
	for round := range 10 {
		for g := range b {
			c := &b[g].c
			p0, p1 := a.vec(), a.vec()
			a.VPMULUDQ(a.bits(philoxMul[0]), c[0], p0)
			a.VPMULUDQ(a.bits(philoxMul[1]), c[2], p1)
			a.VPSRLQ(operand.Imm(32), p1, c[0])
			a.VPSRLQ(operand.Imm(32), p0, c[2])
			a.xorInto(c[0], c[1], key[0])
			a.xorInto(c[2], c[3], key[1])
			c[1], c[3] = p1, p0
		}
		if round < 9 {
			for k := range key {
				a.VPADDD(a.bits(philoxWeyl[k]), key[k], key[k])
			}
		}
	}
	high := pair(p.Field("high", 0))
	ties, tiesMask := vec(nil), a.K()
	if a.Wide {
		a.KXORD(tiesMask, tiesMask, tiesMask)
	} else {
		a.VPXOR(signs, high, high)
		ties = a.zero()
	}
	for g := range b {
		// Gather the words of each block in one 128-bit lane.
		c := b[g].c
		lower, upper, t := a.vec(), a.vec(), a.vec()
		a.VPUNPCKLDQ(c[1], c[0], lower)
		a.VPUNPCKLDQ(c[3], c[2], t)
		a.VPUNPCKLQDQ(t, lower, lower)
		a.VPUNPCKHDQ(c[1], c[0], upper)
		a.VPUNPCKHDQ(c[3], c[2], t)
		a.VPUNPCKLQDQ(t, upper, upper)
		if a.Wide {
			for half, w := range []vec{lower, upper} {
				k, same := a.K(), a.K()
				a.VPCMPUW(operand.Imm(6), high, w, k)
				a.VPCMPEQW(high, w, same)
				a.KORD(same, tiesMask, tiesMask)
				a.KMOVD(k, operand.Mem{Base: dst, Index: i, Scale: 1, Disp: g*lanes + 4*half})
			}
			continue
		}
		for _, w := range []vec{lower, upper} {
			a.VPXOR(signs, w, w)
			a.VPCMPEQW(high, w, t)
			a.VPOR(t, ties, ties)
			a.VPCMPGTW(high, w, w)
		}
		a.VPACKSSWB(upper, lower, lower)
		bits := a.GP32()
		a.VPMOVMSKB(lower, bits)
		a.MOVL(bits, operand.Mem{Base: dst, Index: i, Scale: 1, Disp: g * lanes})
	}
	if a.Wide {
		a.KORTESTD(tiesMask, tiesMask)
	} else {
		a.VPTEST(ties, ties)
	}
	a.JNZ(operand.LabelRef(tie))
	a.ADDQ(operand.I32(groups*lanes), i)
	a.JMP(operand.LabelRef(loop))
	a.Label(tie)
	a.Label(done)
	a.Store(i, a.ReturnIndex(0))
	a.End()
}

// xorInto makes d ^ x ^ y of d.
func (a *asm) xorInto(d, x, y vec) {
	if a.Wide {
		a.VPTERNLOGD(operand.Imm(0x96), y, x, d)
		return
	}
	a.VPXOR(x, d, d)
	a.VPXOR(y, d, d)
}
