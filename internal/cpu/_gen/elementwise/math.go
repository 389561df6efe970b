package main

import "github.com/mmcloughlin/avo/operand"

// This file emits the functions of internal/fmath, operation for operation.

const (
	log2e          = 1.44269504088896341
	ln2Hi          = 0.693359375
	ln2Lo          = -2.12194440e-4
	roundShift     = 12582912
	roundShiftBits = 0x4B400000
	oneBits        = 0x3F800000
	sqrtHalfBits   = 0x3F3504F3
)

// reduceExp writes x as i·ln 2 + r and returns roundShift + i for i.
func (a *asm) reduceExp(x vec) (r, t vec) {
	t = a.copy(a.c(roundShift))
	a.fma(t, x, a.c(log2e))
	n := a.sub(t, a.c(roundShift))
	r = a.copy(x)
	a.fma(r, n, a.c(-ln2Hi))
	a.fma(r, n, a.c(-ln2Lo))
	return r, t
}

// exp2Int returns 2^i.
func (a *asm) exp2Int(i vec) vec {
	return a.addInt(a.shiftLeft(i, 23), a.bits(oneBits))
}

// exp takes the lanes whose result is 0 aside: on their way there a product
// would underflow, which is slow. Of t, which is roundShift + i, no bit of roundShift is left by a shift by 23.
func (a *asm) exp(x vec) vec {
	some := a.cmp(notLess, x, a.c(-104))
	r, t := a.reduceExp(a.keptMin(some, a.c(89), x))
	y := a.expPoly(r)
	half := a.exp2Int(a.shiftRight(t, 1))
	rest := a.addInt(a.subInt(a.shiftLeft(t, 23), half), a.bits(2*oneBits)) // 2^(i - i/2)
	return a.keptProduct(some, a.mul(y, half), rest)
}

// expPlusOne is e^min(x, most) + 1 for an x that is not negative, where e^most does not overflow: one factor, 2^i, is enough then, and as the product
// with it is exact the sum is one multiply-add. i is in the low bits of t, above which roundShift has none that a shift by 23 leaves.
func (a *asm) expPlusOne(x vec, most float32) vec {
	r, t := a.reduceExp(a.rawMin(a.c(most), x))
	e := a.expPoly(r)
	a.horner(e, a.exp2Int(t), a.c(1))
	return e
}

func (a *asm) expPoly(r vec) vec {
	return a.polynomial(r, 1.382321352e-3, 8.368823677e-3, 4.166823998e-2, 1.666651964e-1, 4.999999404e-1, 1, 1)
}

func (a *asm) expm1(x vec) vec {
	r, t := a.reduceExp(a.rawMax(a.c(-20), a.rawMin(a.c(89), x)))
	i := a.subInt(t, a.bits(roundShiftBits))
	p := a.polynomial(r, 1.996102947e-4, 1.393371029e-3, 8.333189413e-3, 4.166647792e-2, 1.666666716e-1, 0.5)
	a.horner(p, a.mul(r, r), r)
	s := a.exp2Int(a.addInt(i, a.bits(allOnes)))
	y := a.copy(p)
	a.horner(y, s, a.sub(s, a.c(0.5)))
	y = a.mul(y, a.c(2))
	return a.withSign(a.choose(a.cmpZeroInt(i), p, y), x)
}

func (a *asm) withSign(y, x vec) vec {
	if !a.Wide {
		return a.or(y, a.and(x, a.bits(signBit)))
	}
	const or, and = 0xF0, 0x88 // of the truth table: the first operand, and both others
	d := a.copy(y)
	a.VPTERNLOGD(operand.Imm(or|and), a.bits(signBit), x, d)
	return d
}

func (a *asm) sigmoid(x vec) vec {
	e := a.exp(a.or(x, a.bits(signBit)))
	n := a.choose(a.cmp(less, x, a.zero()), e, a.c(1))
	d := a.add(e, a.c(1))
	y := a.div(n, d)
	lost := a.sub(e, a.sub(d, a.c(1)))
	z := a.copy(y)
	a.VFNMADD231PS(lost, y, z)
	return z
}

func (a *asm) tanh(x vec) vec {
	abs := a.and(x, a.bits(absBits))
	z := a.mul(x, x)
	p := a.polynomial(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	small := a.mul(p, z)
	a.horner(small, abs, abs)
	e := a.expPlusOne(a.add(abs, abs), 20) // from there on the result is 1
	return a.withSign(a.subWhere(a.cmp(notLE, abs, a.c(0.625)), a.c(1), a.div(a.c(2), e), small), x)
}

func (a *asm) erf(x vec) vec {
	abs := a.and(x, a.bits(absBits))
	z := a.mul(x, x)
	small := a.polynomial(z, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1)
	a.horner(small, abs, abs)
	p := a.polynomial(abs, -1.72853470e-5, 3.83197126e-4)
	q := a.polynomial(abs, -3.88396438e-3, 2.42546219e-2)
	a.horner(p, z, q)
	a.horner(p, abs, a.c(-1.06777877e-1))
	a.horner(p, abs, a.c(-6.34846687e-1))
	a.horner(p, abs, a.c(-1.28717512e-1))
	a.horner(p, abs, a.xor(abs, a.bits(signBit)))
	big := a.sub(a.c(1), a.exp(p))
	return a.withSign(a.choose(a.cmp(lessEqual, abs, a.c(0.927734375)), small, big), x)
}

func (a *asm) logPoly(f, k vec) vec {
	p := a.polynomial(f, -7.637431473e-2, 1.276271343e-1, -1.315947473e-1, 1.420150250e-1,
		-1.662341356e-1, 2.000124454e-1, -2.500081956e-1, 3.333333135e-1, -0.5)
	a.horner(p, a.mul(f, f), a.mul(k, a.c(ln2Lo)))
	y := a.add(f, p)
	a.fma(y, k, a.c(ln2Hi))
	return y
}

func (a *asm) log(x vec) vec {
	tiny := a.cmp(less, x, a.c(leastNormal))
	m := a.choose(tiny, a.mul(x, a.c(0x1p23)), x)
	k := a.shiftRight(a.subInt(m, a.bits(sqrtHalfBits)), 23)
	f := a.sub(a.subInt(m, a.shiftLeft(k, 23)), a.c(1))
	y := a.logPoly(f, a.add(a.toFloat(k), a.keep(tiny, a.c(-23))))
	y = a.choose(a.cmp(equal, x, a.bits(infBits)), a.bits(infBits), y)
	y = a.choose(a.cmp(notGE, x, a.zero()), a.bits(nanBits), y)
	return a.choose(a.cmp(equal, x, a.zero()), a.bits(negInfBits), y)
}

func (a *asm) log1pCore(x vec) vec {
	u := a.add(x, a.c(1))
	k := a.shiftRight(a.subInt(u, a.bits(sqrtHalfBits)), 23)
	s := a.subInt(a.bits(0x40800000), a.shiftLeft(k, 23))
	f := a.sub(a.mul(s, a.c(0.25)), a.c(1))
	a.fma(f, a.mul(x, s), a.c(0.25))
	return a.logPoly(f, a.toFloat(k))
}

func (a *asm) log1p(x vec) vec {
	y := a.withSign(a.log1pCore(x), x)
	y = a.choose(a.cmp(equal, x, a.bits(infBits)), a.bits(infBits), y)
	y = a.choose(a.cmp(notGE, x, a.c(-1)), a.bits(nanBits), y)
	return a.choose(a.cmp(equal, x, a.c(-1)), a.bits(negInfBits), y)
}

func (a *asm) softplus(x vec) vec {
	y := a.log1pCore(a.exp(a.or(x, a.bits(signBit))))
	y = a.choose(a.cmp(greater, x, a.zero()), a.add(x, y), y)
	return a.choose(a.cmp(unordered, x, x), a.bits(nanBits), y)
}

func (a *asm) relu(x vec) vec { return a.keep(a.cmp(notLE, x, a.zero()), x) }

// max is Go's: where both are zero either order of VMAXPS gives its second
// operand, and the sum of two NaN-tainted lanes is NaN.
func (a *asm) max(x, y vec) vec {
	m := a.and(a.rawMax(x, y), a.rawMax(y, x))
	return a.choose(a.cmp(unordered, x, y), a.add(x, y), m)
}

func (a *asm) min(x, y vec) vec {
	m := a.or(a.rawMin(x, y), a.rawMin(y, x))
	return a.choose(a.cmp(unordered, x, y), a.add(x, y), m)
}

func (a *asm) sign(x vec) vec {
	y := a.or(a.and(x, a.bits(signBit)), a.c(1))
	y = a.keep(a.cmp(notEqual, x, a.zero()), y)
	return a.choose(a.cmp(unordered, x, x), x, y)
}
