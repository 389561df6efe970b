package fmath

import "math"

// This file holds the exponential and the functions made of it.

const (
	log2e = 1.44269504088896341

	// ln 2 in two parts. The upper one has nine bits, so that n times it is
	// exact for every exponent n.
	ln2Hi = 0.693359375
	ln2Lo = -2.12194440e-4

	// roundShift is 1.5·2²³: adding it leaves the nearest integer (ties to even)
	// in the low bits of the sum.
	roundShift     = 12582912
	roundShiftBits = 0x4B400000

	expHigh = 89   // e^89 overflows
	expLow  = -104 // e^-104 rounds to 0
)

// reduceExp writes x = n·ln 2 + r with |r| <= ln2/2, n an integer, for x within
// [expLow, expHigh].
func reduceExp(x float32) (n, r float32, i int32) {
	t := FMA(x, log2e, roundShift)
	n = t - roundShift
	r = FMA(n, -ln2Hi, x)
	r = FMA(n, -ln2Lo, r)
	return n, r, int32(math.Float32bits(t)) - roundShiftBits
}

// expPoly returns e^r for |r| <= ln2/2; the polynomial's own error is 2^-28.
func expPoly(r float32) float32 {
	p := FMA(1.382321352e-3, r, 8.368823677e-3)
	p = FMA(p, r, 4.166823998e-2)
	p = FMA(p, r, 1.666651964e-1)
	p = FMA(p, r, 4.999999404e-1)
	p = FMA(p, r, 1)
	return FMA(p, r, 1)
}

// expm1Poly returns e^r - 1 for |r| <= ln2/2; the polynomial's own error is
// 2^-31.
func expm1Poly(r float32) float32 {
	p := FMA(1.996102947e-4, r, 1.393371029e-3)
	p = FMA(p, r, 8.333189413e-3)
	p = FMA(p, r, 4.166647792e-2)
	p = FMA(p, r, 1.666666716e-1)
	p = FMA(p, r, 0.5)
	return FMA(float32(r*r), p, r)
}

// exp2Int returns 2^i for -126 <= i <= 127.
func exp2Int(i int32) float32 { return math.Float32frombits(uint32(i+127) << 23) }

// clampExp limits x to [expLow, expHigh] and lets NaN pass.
func clampExp(x float32) float32 {
	if x > expHigh {
		x = expHigh
	}
	if x < expLow {
		x = expLow
	}
	return x
}

// Exp returns e^x, within 0.9 ulp.
func Exp(x float32) float32 {
	_, r, i := reduceExp(clampExp(x))
	y := expPoly(r)
	// Two steps, so that only the last one rounds when the result is denormal.
	half := i >> 1
	return float32(y*exp2Int(half)) * exp2Int(i-half)
}

// Expm1 returns e^x - 1, within 1.45 ulp, also where e^x is almost 1.
func Expm1(x float32) float32 {
	_, r, i := reduceExp(clampExpm1(x))
	y := expm1Poly(r)
	if i != 0 {
		// 2·(2^(i-1)·y + (2^(i-1) - 1/2)), since 2^128 is no float32.
		s := exp2Int(i - 1)
		y = FMA(s, y, s-0.5) * 2
	}
	return withSign(y, x)
}

// clampExpm1 is clampExp with the lower bound where e^x - 1 has become -1.
func clampExpm1(x float32) float32 {
	if x > expHigh {
		x = expHigh
	}
	if x < expm1Low {
		x = expm1Low
	}
	return x
}

const expm1Low = -20

// Sigmoid returns 1/(1 + e^-x), within 1.95 ulp.
func Sigmoid(x float32) float32 {
	e := Exp(math.Float32frombits(math.Float32bits(x) | signBit))
	n := float32(1)
	if x < 0 {
		n = e
	}
	d := 1 + e
	y := n / d
	// The rounding error of d would change the quotient by up to one ulp.
	lost := e - (d - 1)
	return FMA(-lost, y, y)
}

// Tanh returns the hyperbolic tangent of x, within 1.35 ulp.
func Tanh(x float32) float32 {
	a := Abs(x)
	z := float32(x * x)
	// Cephes, tanhf.c.
	p := FMA(-5.70498872745e-3, z, 2.06390887954e-2)
	p = FMA(p, z, -5.37397155531e-2)
	p = FMA(p, z, 1.33314422036e-1)
	p = FMA(p, z, -3.33332819422e-1)
	y := FMA(float32(p*z), a, a)
	if !(a <= tanhSmall) {
		y = 1 - 2/(Exp(a+a)+1)
	}
	return withSign(y, x)
}

const tanhSmall = 0.625

// Erf returns the error function of x, within 1.01 ulp. The two polynomials are
// N. Juffa's.
func Erf(x float32) float32 {
	a := Abs(x)
	z := float32(x * x)
	var y float32
	if a <= erfSmall {
		p := FMA(-5.96761703e-4, z, 4.99119423e-3)
		p = FMA(p, z, -2.67681349e-2)
		p = FMA(p, z, 1.12819925e-1)
		p = FMA(p, z, -3.76125336e-1)
		p = FMA(p, z, 1.28379166e-1)
		y = FMA(p, a, a)
	} else {
		p := FMA(-1.72853470e-5, a, 3.83197126e-4)
		q := FMA(-3.88396438e-3, a, 2.42546219e-2)
		p = FMA(p, z, q)
		p = FMA(p, a, -1.06777877e-1)
		p = FMA(p, a, -6.34846687e-1)
		p = FMA(p, a, -1.28717512e-1)
		p = FMA(p, a, -a)
		y = 1 - Exp(p)
	}
	return withSign(y, x)
}

const erfSmall = 0.927734375
