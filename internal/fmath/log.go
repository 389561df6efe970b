package fmath

import "math"

// This file holds the logarithm and the functions made of it.

const sqrtHalfBits = 0x3F3504F3 // √½

// logPoly returns ln(1+f) + k·ln 2 for √½ <= 1+f < √2; the polynomial's own
// error is 2^-27.
func logPoly(f, k float32) float32 {
	p := FMA(-7.637431473e-2, f, 1.276271343e-1)
	p = FMA(p, f, -1.315947473e-1)
	p = FMA(p, f, 1.420150250e-1)
	p = FMA(p, f, -1.662341356e-1)
	p = FMA(p, f, 2.000124454e-1)
	p = FMA(p, f, -2.500081956e-1)
	p = FMA(p, f, 3.333333135e-1)
	p = FMA(p, f, -0.5)
	y := f + FMA(p, float32(f*f), float32(k*ln2Lo))
	return FMA(k, ln2Hi, y)
}

// Log returns the natural logarithm of x, within 0.85 ulp.
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

// Log1p returns ln(1+x), within 1.45 ulp, also where x is far smaller than 1.
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

// Softplus returns ln(1 + e^x), within 1.75 ulp.
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
