package fmath

import "math"

// This file holds the logarithm and the functions made of it.

const sqrtHalfBits = 0x3F3504F3 // √½

// logPoly returns ln(1+f) + k·ln 2 for √½ <= 1+f < √2 (Cephes, logf.c).
func logPoly(f, k float32) float32 {
	z := float32(f * f)
	p := FMA(7.0376836292e-2, f, -1.1514610310e-1)
	p = FMA(p, f, 1.1676998740e-1)
	p = FMA(p, f, -1.2420140846e-1)
	p = FMA(p, f, 1.4249322787e-1)
	p = FMA(p, f, -1.6668057665e-1)
	p = FMA(p, f, 2.0000714765e-1)
	p = FMA(p, f, -2.4999993993e-1)
	p = FMA(p, f, 3.3333331174e-1)
	y := float32(float32(p*f) * z)
	y = FMA(k, ln2Lo, y)
	y = FMA(-0.5, z, y)
	y = f + y
	return FMA(k, ln2Hi, y)
}

// Log returns the natural logarithm of x.
func Log(x float32) float32 {
	var k0 int32
	m := x
	if m < 0x1p-126 {
		m *= 0x1p23
		k0 = -23
	}
	b := int32(math.Float32bits(m))
	k := (b - sqrtHalfBits) >> 23
	f := math.Float32frombits(uint32(b-k<<23)) - 1
	y := logPoly(f, float32(k+k0))
	switch {
	case x == 0:
		return -inf
	case !(x >= 0): // NaN too
		return nan
	case x == inf:
		return inf
	}
	return y
}

// log1pCore returns ln(1+x) for finite x > -1, without the sign of a zero.
func log1pCore(x float32) float32 {
	k := (int32(math.Float32bits(1+x)) - sqrtHalfBits) >> 23
	// f = (1+x)/2^k - 1 with one rounding; 4/2^k is normal where 1/2^k is not.
	s := math.Float32frombits(0x40800000 - uint32(k)<<23)
	f := FMA(float32(x*s), 0.25, float32(s*0.25)-1)
	return logPoly(f, float32(k))
}

// Log1p returns ln(1+x), also where x is far smaller than 1.
func Log1p(x float32) float32 {
	switch {
	case x == -1:
		return -inf
	case !(x >= -1): // NaN too
		return nan
	case x == inf:
		return inf
	}
	return withSign(log1pCore(x), x)
}

// Softplus returns ln(1 + e^x).
func Softplus(x float32) float32 {
	e := Exp(math.Float32frombits(math.Float32bits(x) | signBit))
	y := log1pCore(e)
	if x > 0 {
		return x + y
	}
	if x != x {
		return nan
	}
	return y
}
