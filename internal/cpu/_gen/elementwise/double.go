package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// This file emits the functions of internal/fmath that compute in float64: a
// vector of float32 is two of float64.

func (a *asm) c64(x float64) op     { return a.bits64(math.Float64bits(x)) }
func (a *asm) bits64(b uint64) op   { return a.constant(constant{b, 64}) }
func (a *asm) add64(x, y op) vec    { return a.bitwise(a.VADDPD, x, y) }
func (a *asm) mul64(x, y op) vec    { return a.bitwise(a.VMULPD, x, y) }
func (a *asm) xor64(x, y op) vec    { return a.bitwise(a.VXORPD, x, y) }
func (a *asm) addInt64(x, y op) vec { return a.bitwise(a.VPADDQ, x, y) }
func (a *asm) and64(x, y op) vec    { return a.bitwise(a.VANDPD, x, y) }
func (a *asm) or64(x, y op) vec     { return a.bitwise(a.VORPD, x, y) }
func (a *asm) sub64(x, y op) vec    { return a.ordered(a.VSUBPD, x, y) }
func (a *asm) div64(x, y op) vec    { return a.ordered(a.VDIVPD, x, y) }
func (a *asm) min64(x, y op) vec    { return a.ordered(a.VMINPD, x, y) }
func (a *asm) max64(x, y op) vec    { return a.ordered(a.VMAXPD, x, y) }
func (a *asm) subInt64(x, y op) vec { return a.ordered(a.VPSUBQ, x, y) }
func (a *asm) left64(x vec, n uint64) vec {
	d := a.vec()
	a.VPSLLQ(operand.Imm(n), x, d)
	return d
}

func (a *asm) ordered(f func(...op), x, y op) vec {
	d := a.vec()
	f(y, a.reg(x), d)
	return d
}

// horner64 returns the polynomial in x with the coefficients c, highest first,
// each product rounded before the addition.
func (a *asm) horner64(x vec, c ...float64) vec {
	p := a.reg(a.c64(c[0]))
	for _, k := range c[1:] {
		p = a.add64(a.mul64(p, x), a.c64(k))
	}
	return p
}

// odd chooses the 64-bit lanes whose integer is odd.
func (a *asm) odd(x vec) pred {
	if a.Wide {
		k := a.K()
		a.VPTESTMQ(a.bits64(1), x, k)
		return k
	}
	return a.left64(x, 63)
}

func (a *asm) choose64(p pred, yes, no vec) vec {
	if a.Wide {
		d := a.copy(no)
		a.VMOVAPD(yes, p, d)
		return d
	}
	d := a.vec()
	a.VBLENDVPD(p, yes, no, d)
	return d
}

// halves computes f, from float64 to float64, on both halves of float32 vectors.
func (a *asm) halves(f func(x []vec) vec, x ...vec) vec {
	half := func(k uint64) vec {
		var in []vec
		for _, v := range x {
			w := a.vec()
			if a.Wide {
				h := a.YMM()
				a.VEXTRACTF32X8(operand.Imm(k), v, h)
				a.VCVTPS2PD(h, w)
			} else {
				h := a.XMM()
				a.VEXTRACTF128(operand.Imm(k), v, h)
				a.VCVTPS2PD(h, w)
			}
			in = append(in, w)
		}
		y := f(in)
		if a.Wide {
			h := a.YMM()
			a.VCVTPD2PS(y, h)
			return h
		}
		h := a.XMM()
		a.VCVTPD2PSY(y, h)
		return h
	}
	low, high, d := half(0), half(1), a.vec()
	if a.Wide {
		a.VINSERTF32X8(operand.Imm(1), high, low.AsZ(), d)
	} else {
		a.VINSERTF128(operand.Imm(1), high, low.AsY(), d)
	}
	return d
}

// sine returns sin(x + quarters·π/2).
func (a *asm) sine(x vec, quarters uint64) vec {
	return a.halves(func(in []vec) vec {
		w := in[0]
		t := a.add64(a.mul64(w, a.c64(6.36619772367581382433e-01)), a.c64(0x1.8p52))
		n := a.sub64(t, a.c64(0x1.8p52))
		r := a.sub64(w, a.mul64(n, a.c64(1.57079631090164184570e+00)))
		r = a.sub64(r, a.mul64(n, a.c64(1.58932547735281966916e-08)))
		if quarters != 0 {
			t = a.addInt64(t, a.bits64(quarters))
		}
		z := a.mul64(r, r)
		p := a.horner64(z, 0x16cd878c3b46a7p-71, -0x1a00f9e2cae774p-65, 0x111110896efbb2p-59, -0x15555554cbac77p-55)
		sin := a.add64(a.mul64(a.mul64(p, z), r), r)
		p = a.horner64(z, 0x199342e0ee5069p-68, -0x16c087e80f1e27p-62, 0x155553e1053a42p-57, -0x1ffffffd0c5e81p-54)
		cos := a.add64(a.mul64(p, z), a.c64(1))
		y := a.choose64(a.odd(t), cos, sin)
		return a.xor64(y, a.and64(a.left64(t, 62), a.bits64(1<<63)))
	}, x)
}

func (a *asm) sin(x vec) vec { return a.choose(a.cmp(equal, x, a.zero()), x, a.sine(x, 0)) }
func (a *asm) cos(x vec) vec { return a.sine(x, 1) }

// pow computes |x|^y for finite operands in float64, and puts the special cases
// right after that.
func (a *asm) pow(x, y vec) vec {
	abs := a.and(x, a.bits(absBits))
	r := a.halves(func(in []vec) vec {
		b, y := in[0], in[1]
		// log2Wide. The exponent is shifted out as an unsigned number.
		const sqrtHalf, bias = 0x3FE6A09E667F3BCD, 1 << 62
		u := a.addInt64(a.subInt64(b, a.bits64(sqrtHalf)), a.bits64(bias))
		e := a.vec()
		a.VPSRLQ(operand.Imm(52), u, e)
		k := a.sub64(a.or64(e, a.c64(0x1p52)), a.c64(0x1p52+1024))
		m := a.addInt64(a.subInt64(b, a.left64(e, 52)), a.bits64(bias))
		s := a.div64(a.sub64(m, a.c64(1)), a.add64(m, a.c64(1)))
		p := a.horner64(a.mul64(s, s), 1./15, 1./13, 1./11, 1./9, 1./7, 1./5, 1./3, 1)
		l := a.add64(a.mul64(a.mul64(s, p), a.c64(2*math.Log2E)), k)
		// exp2Wide.
		t := a.max64(a.min64(a.mul64(y, l), a.c64(160)), a.c64(-160))
		q := a.add64(t, a.c64(0x1.8p52))
		r := a.mul64(a.sub64(t, a.sub64(q, a.c64(0x1.8p52))), a.c64(math.Ln2))
		p = a.horner64(r, 1./3628800, 1./362880, 1./40320, 1./5040, 1./720, 1./120, 1./24, 1./6, 1./2, 1, 1)
		return a.mul64(p, a.addInt64(a.left64(q, 52), a.bits64(1023<<52)))
	}, abs, y)

	inf := a.bits(infBits)
	infOr0 := func(p pred) vec { return a.keep(p, inf) }
	same := func(p, q pred) pred { // both or neither
		if a.Wide {
			k := a.K()
			a.KXNORW(p, q, k)
			return k
		}
		return a.xor(a.xor(p, q), a.bits(allOnes))
	}
	yInf := a.cmp(equal, a.and(y, a.bits(absBits)), inf)
	far := infOr0(same(a.cmp(greater, abs, a.c(1)), a.cmp(greater, y, a.zero())))
	r = a.choose(yInf, a.choose(a.cmp(equal, abs, a.c(1)), a.c(1), far), r)
	zero, infinite := a.cmp(equal, abs, a.zero()), a.cmp(equal, abs, inf)
	r = a.choose(zero, infOr0(a.cmp(less, y, a.zero())), r)
	r = a.choose(infinite, infOr0(a.cmp(greater, y, a.zero())), r)

	// A negative x, maybe -0: integers alone have a sign, and only odd ones
	// change it. Half of an odd number is no integer.
	floor := a.floor(y)
	half := a.mul(y, a.c(0.5))
	whole := a.cmp(equal, floor, y)
	oddY := a.bothPred(whole, a.cmp(notEqual, a.floor(half), half))
	negative := a.and(x, a.bits(signBit))
	r = a.or(r, a.keep(oddY, negative))
	moderate := a.bothPred(a.cmp(notEqual, abs, a.zero()), a.cmp(notEqual, abs, inf))
	noRoot := a.bothPred(a.bothPred(moderate, a.cmp(less, x, a.zero())), a.cmp(notEqual, floor, y))
	r = a.choose(noRoot, a.bits(nanBits), r)
	r = a.choose(a.cmp(unordered, x, y), a.bits(nanBits), r)
	r = a.choose(a.cmp(equal, y, a.zero()), a.c(1), r)
	return a.choose(a.cmp(equal, x, a.c(1)), a.c(1), r)
}
