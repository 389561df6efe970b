package main

import "math"

// This file emits the functions of internal/fmath, operation for operation.

const (
	log2e          = 1.44269504088896341
	ln2Hi          = 0.693359375
	ln2Lo          = -2.12194440e-4
	roundShift     = 12582912
	roundShiftBits = 0x4B400000
	oneBits        = 0x3F800000
	sqrtHalfBits   = 0x3F3504F3
	signBit        = 0x80000000
	nanBits        = 0x7FC00000
	allOnes        = 0xFFFFFFFF
)

var inf = float32(math.Inf(1))

// keep returns x where p is true and +0 elsewhere.
func (k *kernel) keep(p, x vec) vec { return k.and(p, x) }

func (k *kernel) relu(x vec) vec { return k.max(x, k.c(0)) }

func (k *kernel) withSign(y, x vec) vec { return k.or(y, k.and(x, k.bits(signBit))) }

func (k *kernel) sign(x vec) vec {
	y := k.or(k.and(x, k.bits(signBit)), k.c(1))
	y = k.choose(k.isZero(x), k.c(0), y)
	return k.choose(k.equal(x, x), y, x)
}

func (k *kernel) reduceExp(x vec) (r, i vec) {
	t := k.fma(k.c(roundShift), x, k.c(log2e))
	n := k.sub(t, k.c(roundShift))
	r = k.fma(x, n, k.c(-ln2Hi))
	r = k.fma(r, n, k.c(-ln2Lo))
	return r, k.subInt(t, k.bits(roundShiftBits))
}

// exp2Int returns 2^i.
func (k *kernel) exp2Int(i vec) vec { return k.addInt(k.shiftLeft(i, 23), k.bits(oneBits)) }

func (k *kernel) exp(x vec) vec {
	r, i := k.reduceExp(k.max(k.min(x, k.c(89)), k.c(-104)))
	y := k.polynomial(r, 1.382321352e-3, 8.368823677e-3, 4.166823998e-2, 1.666651964e-1, 4.999999404e-1, 1, 1)
	half := k.shiftRight(i, 1)
	y = k.mul(y, k.exp2Int(half))
	return k.mul(y, k.exp2Int(k.subInt(i, half)))
}

func (k *kernel) expm1(x vec) vec {
	r, i := k.reduceExp(k.max(k.min(x, k.c(89)), k.c(-20)))
	p := k.polynomial(r, 1.996102947e-4, 1.393371029e-3, 8.333189413e-3, 4.166647792e-2, 1.666666716e-1, 0.5)
	p = k.fma(r, k.mul(r, r), p)
	s := k.exp2Int(k.addInt(i, k.bits(allOnes)))
	y := k.mul(k.fma(k.sub(s, k.c(0.5)), s, p), k.c(2))
	return k.withSign(k.choose(k.isZeroInt(i), p, y), x)
}

func (k *kernel) sigmoid(x vec) vec {
	e := k.exp(k.or(x, k.bits(signBit)))
	n := k.choose(k.negative(x), e, k.c(1))
	d := k.add(e, k.c(1))
	y := k.div(n, d)
	lost := k.sub(e, k.sub(d, k.c(1)))
	return k.fms(y, lost, y)
}

func (k *kernel) tanh(x vec) vec {
	abs := k.abs(x)
	z := k.mul(x, x)
	p := k.polynomial(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	small := k.fma(abs, k.mul(p, z), abs)
	e := k.add(k.exp(k.add(abs, abs)), k.c(1))
	big := k.sub(k.c(1), k.div(k.c(2), e))
	return k.withSign(k.choose(k.greaterEqual(k.c(0.625), abs), small, big), x)
}

func (k *kernel) erf(x vec) vec {
	abs := k.abs(x)
	z := k.mul(x, x)
	small := k.polynomial(z, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1)
	small = k.fma(abs, small, abs)
	p := k.polynomial(abs, -1.72853470e-5, 3.83197126e-4)
	q := k.polynomial(abs, -3.88396438e-3, 2.42546219e-2)
	p = k.fma(q, p, z)
	for _, c := range []float32{-1.06777877e-1, -6.34846687e-1, -1.28717512e-1} {
		p = k.fma(k.c(c), p, abs)
	}
	p = k.fma(k.neg(abs), p, abs)
	big := k.sub(k.c(1), k.exp(p))
	return k.withSign(k.choose(k.greaterEqual(k.c(0.927734375), abs), small, big), x)
}

func (k *kernel) logPoly(f, n vec) vec {
	p := k.polynomial(f, -7.637431473e-2, 1.276271343e-1, -1.315947473e-1, 1.420150250e-1,
		-1.662341356e-1, 2.000124454e-1, -2.500081956e-1, 3.333333135e-1, -0.5)
	p = k.fma(k.mul(n, k.c(ln2Lo)), p, k.mul(f, f))
	return k.fma(k.add(f, p), n, k.c(ln2Hi))
}

func (k *kernel) log(x vec) vec {
	tiny := k.greater(k.c(0x1p-126), x)
	m := k.choose(tiny, k.mul(x, k.c(0x1p23)), x)
	n := k.shiftRight(k.subInt(m, k.bits(sqrtHalfBits)), 23)
	f := k.sub(k.subInt(m, k.shiftLeft(n, 23)), k.c(1))
	// The exponent is whole, and -23 of a denormal is added to it exactly.
	y := k.logPoly(f, k.add(k.toFloat(n), k.keep(tiny, k.c(-23))))
	y = k.choose(k.equal(x, k.c(inf)), k.c(inf), y)
	y = k.choose(k.notNegative(x), y, k.bits(nanBits))
	return k.choose(k.isZero(x), k.c(-inf), y)
}

func (k *kernel) log1pCore(x vec) vec {
	u := k.add(x, k.c(1))
	n := k.shiftRight(k.subInt(u, k.bits(sqrtHalfBits)), 23)
	s := k.subInt(k.bits(0x40800000), k.shiftLeft(n, 23))
	f := k.fma(k.sub(k.mul(s, k.c(0.25)), k.c(1)), k.mul(x, s), k.c(0.25))
	return k.logPoly(f, k.toFloat(n))
}

func (k *kernel) log1p(x vec) vec {
	y := k.withSign(k.log1pCore(x), x)
	y = k.choose(k.equal(x, k.c(inf)), k.c(inf), y)
	y = k.choose(k.greaterEqual(x, k.c(-1)), y, k.bits(nanBits))
	return k.choose(k.equal(x, k.c(-1)), k.c(-inf), y)
}

func (k *kernel) softplus(x vec) vec {
	y := k.log1pCore(k.exp(k.or(x, k.bits(signBit))))
	y = k.choose(k.positive(x), k.add(x, y), y)
	return k.choose(k.equal(x, x), y, k.bits(nanBits))
}
