package main

import (
	"github.com/mmcloughlin/avo/operand"
)

// This file emits dropout's masks: Philox 4x32-10 for many blocks at once, eight
// 16-bit lanes of each compared with the threshold.
//
// The four words of a block lie in the lower halves of the 64-bit lanes of four
// registers, where VPMULUDQ wants them; what is in the upper halves doesn't
// matter.

// The layout of package cpu's philoxArgs.
const (
	philoxIndex = 0  // of the first block
	philoxKey   = 8  // two words
	philoxStep  = 16 // c2 and c3
	philoxHigh  = 24 // the threshold's upper half, four times
)

var (
	philoxMul  = [2]uint32{0xD2511F53, 0xCD9E8D57}
	philoxWeyl = [2]uint32{0x9E3779B9, 0xBB67AE85}
)

// philox emits the loop over groups of blocks; it stops before a group that has
// a lane equal to the threshold, and returns how many bytes it wrote.
func philox(a *asm) {
	name := "dropoutBits" + a.suffix()
	a.function(name, "func(dst *byte, n int, p *philoxArgs) int")
	groups, lanes := 2, 4
	if a.wide {
		groups, lanes = 4, 8
	}
	a.Doc(
		name+" is rng.DropoutBits for whole groups of blocks, a byte each, while",
		"fewer than n bytes are written and no 16-bit lane ties with the threshold:",
		"",
		"\tdst[k] = bits of lane(block(index+k), j) > high",
		"",
		"It returns the number of bytes written, a multiple of the group.",
	)
	dst := a.Load(a.Param("dst"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64())
	p := a.Load(a.Param("p"), a.GP64())
	word := func(off int) vec {
		v := a.vec()
		a.VPBROADCASTD(operand.Mem{Base: p, Disp: off}, v)
		return v
	}
	pair := func(off int) vec {
		v := a.vec()
		a.VPBROADCASTQ(operand.Mem{Base: p, Disp: off}, v)
		return v
	}

	// The blocks of the lanes, so that the lower 64-bit lanes of the 128-bit ones
	// hold the first half: that is the order in which the masks come out.
	order := []uint64{0, 1, 2, 3}
	if a.wide {
		order = []uint64{0, 4, 1, 5, 2, 6, 3, 7}
	}
	lane := a.data("lane"+a.suffix(), func() {
		for _, i := range order {
			a.AppendDatum(operand.U64(i))
		}
	})
	step := a.data("step"+a.suffix(), func() {
		for range order {
			a.AppendDatum(operand.U64(lanes))
		}
	})
	index := pair(philoxIndex)
	a.VPADDQ(lane, index, index)
	a.hoist(func() {
		for k := range 2 {
			a.bits(philoxMul[k])
			a.bits(philoxWeyl[k])
		}
	})
	// AVX2 compares with signs.
	signs := a.data("signs", func() {
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

	key := []vec{word(philoxKey), word(philoxKey + 4)}
	type block struct{ c [4]vec }
	b := make([]block, groups)
	for g := range b {
		c1 := a.vec()
		a.VPSRLQ(operand.Imm(32), index, c1)
		b[g].c = [4]vec{a.copy(index), c1, word(philoxStep), word(philoxStep + 4)}
		a.VPADDQ(step, index, index)
	}
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
	high := pair(philoxHigh)
	ties, tiesMask := vec(nil), a.K()
	if a.wide {
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
		if a.wide {
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
	if a.wide {
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
	a.VZEROUPPER()
	a.RET()
}

// xorInto makes d ^ x ^ y of d.
func (a *asm) xorInto(d, x, y vec) {
	if a.wide {
		a.VPTERNLOGD(operand.Imm(0x96), y, x, d)
		return
	}
	a.VPXOR(x, d, d)
	a.VPXOR(y, d, d)
}
