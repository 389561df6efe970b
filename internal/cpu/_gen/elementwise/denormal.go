package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// This file multiplies and divides numbers that are denormal or nearly so. An
// instruction that finds one or makes one is finished by microcode on Intel's
// processors, which takes a hundred times as long; sums, comparisons and integers
// aren't. So magnitudes are scaled by way of integers, and what becomes denormal is
// rounded by a sum. No bit is other than the instruction's own.

const (
	exponent     = 1 << 23 // one of it, in the bits of a number
	scale        = 64
	leastNormal  = 0x1p-126
	leastScaled  = 0x1p-62 // times 2^64. From there to twice as much numbers are 2^-85 apart, as denormal ones times 2^64 are
	tiny         = 0x1p-100
	leastShared  = 0x1p-76  // what is left of it is a multiple of 2^-123, and normal
	noLongerTiny = 0x1p-106 // a moment that has decayed to this is still normal when it has been multiplied by a rate
)

// unlessTiny goes to other code if in some lane x and y are that small and one isn't
// zero. That code comes back to where land is called.
func (a *asm) unlessTiny(x, y vec, other func()) (land func()) {
	return a.unlessSmall(a.magnitude(a.or(x, y)), math.Float32bits(noLongerTiny), other)
}

// unlessSmall goes to other code if some lane of m, which isn't negative, is less than what has these bits, and not zero.
func (a *asm) unlessSmall(m vec, least uint32, other func()) (land func()) {
	lessOne := a.addInt(m, a.bits(math.MaxUint32)) // zero becomes the largest
	found := a.atMostInt(lessOne, a.bits(least-2))
	away, back, tail := a.label("tiny"), a.label("back"), a.tail
	if a.Wide {
		a.KORTESTW(found, found)
	} else {
		a.VPTEST(found, found)
	}
	a.JNZ(operand.LabelRef(away))
	if !a.dry {
		a.asides = append(a.asides, func() {
			a.Label(away)
			a.tail = tail
			other()
			a.tail = nil
			a.JMP(operand.LabelRef(back))
		})
	}
	return func() { a.Label(back) }
}

// emitAsides emits, behind the end of a function, where it goes now and then.
func (a *asm) emitAsides() {
	for _, aside := range a.asides {
		aside()
	}
	a.asides = nil
}

// magnitude is |x|.
func (a *asm) magnitude(x vec) vec { return a.and(x, a.bits(absBits)) }

// scaled returns m·2^64 for a tiny m that isn't negative.
func (a *asm) scaled(m vec) vec {
	return a.choose(a.cmp(less, m, a.c(leastNormal)),
		a.mul(a.toFloat(m), a.c(0x1p-149*0x1p64)), // the bits are the multiple of 2^-149
		a.addInt(m, a.bits(scale*exponent)))
}

// carefulProduct is x·y where x may be tiny.
func (a *asm) carefulProduct(x, y vec) vec {
	const ordinary = 0x1p100
	absX, absY := a.magnitude(x), a.magnitude(y)
	small := a.bothPred(a.cmp(less, absX, a.c(tiny)), a.cmp(less, absY, a.c(ordinary)))
	scaledX := a.scaled(absX)
	// If it is normal, it only has to be scaled back.
	product := a.mul(scaledX, absY)
	normal := a.subInt(product, a.bits(scale*exponent))
	// If not, the sum rounds it, and its last bits say what multiple of 2^-149 it is.
	rounded := a.copy(a.c(leastScaled))
	a.fma(rounded, scaledX, absY)
	denormal := a.subInt(rounded, a.c(leastScaled))
	result := a.choose(a.cmp(less, product, a.c(leastScaled)), denormal, normal)
	result = a.or(result, a.and(a.xor(x, y), a.bits(signBit)))
	return a.choose(small, result, a.product(a.choose(small, a.c(1), x), y))
}

// carefulSquare is x·x: of what is tiny that is zero.
func (a *asm) carefulSquare(x vec) vec {
	y := a.choose(a.cmp(less, a.magnitude(x), a.c(tiny)), a.c(0), x)
	return a.product(y, y)
}

// share is x/y for 0 ≤ x ≤ 1 ≤ y, which inverse is the inverse of, rounded. Two steps that each add what is left, times the inverse, find the
// quotient as it is rounded (Markstein 1990), in less time than the divider takes, if what is left is exact: where x is very small the divider is asked.
func (a *asm) share(x, y, inverse vec) vec {
	q := a.mul(x, inverse)
	for range 2 {
		left := a.copy(x)
		a.VFNMADD231PS(y, q, left)
		a.fma(q, left, inverse)
	}
	a.unlessSmall(x, math.Float32bits(leastShared), func() { a.VDIVPS(y, x, q) })()
	return q
}

// carefulQuotient is x/y where x may be denormal. Scaling both by a power of two
// changes no bit of it; if y overflows, it is zero either way.
func (a *asm) carefulQuotient(x, y vec) vec {
	absX := a.magnitude(x)
	denormal := a.cmp(less, absX, a.c(leastNormal))
	dividend := a.or(a.scaled(absX), a.and(x, a.bits(signBit)))
	return a.div(a.choose(denormal, dividend, x), a.product(y, a.choose(denormal, a.c(0x1p64), a.c(1))))
}
