package fmath

import "math"

// This file holds the power.

// Pow returns x^y within 0.501 ulp, with the special cases of IEEE 754's pow. It
// computes in float64, where the error of 2^(y·log₂x) is far below that ulp.
func Pow(x, y float32) float32 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return nan
	}
	a := Abs(x)
	var r float32
	switch {
	case a == 0 || a == inf:
		if (a == 0) == (y < 0) {
			r = inf
		}
	case y == inf || y == -inf:
		switch {
		case a == 1:
			r = 1
		case (a > 1) == (y > 0):
			r = inf
		}
	default:
		r = exp2Wide(float64(float64(y) * log2Wide(a)))
	}
	if math.Float32bits(x)&signBit == 0 {
		return r
	}
	// x is negative, maybe -0: the sign follows y, and only integers have one.
	whole := Floor(y) == y
	odd := whole && Abs(y) < 1<<24 && int32(y)&1 != 0
	switch {
	case odd:
		return -r
	case !whole && a != 0 && a != inf:
		return nan
	}
	return r
}

// log2Wide returns log₂ a for a positive finite float32, to about 45 bits.
func log2Wide(a float32) float64 {
	b := int64(math.Float64bits(float64(a))) // normal in float64 in any case
	const sqrtHalf = 0x3FE6A09E667F3BCD
	k := (b - sqrtHalf) >> 52
	m := math.Float64frombits(uint64(b - k<<52))
	// ln m = 2·artanh s = 2s(1 + s²/3 + s⁴/5 + …), |s| <= 0.1716.
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	p := float64(z*(1./15)) + 1./13
	p = float64(p*z) + 1./11
	p = float64(p*z) + 1./9
	p = float64(p*z) + 1./7
	p = float64(p*z) + 1./5
	p = float64(p*z) + 1./3
	p = float64(p*z) + 1
	return float64(float64(s*p)*(2*math.Log2E)) + float64(k)
}

// exp2Wide returns 2^t rounded once, from an error of about 2^-45.
func exp2Wide(t float64) float32 {
	const shift = 0x1.8p52
	t = max(min(t, 160), -160)
	n := (t + shift) - shift
	r := float64((t - n) * math.Ln2)
	p := float64(r*(1./3628800)) + 1./362880
	p = float64(p*r) + 1./40320
	p = float64(p*r) + 1./5040
	p = float64(p*r) + 1./720
	p = float64(p*r) + 1./120
	p = float64(p*r) + 1./24
	p = float64(p*r) + 1./6
	p = float64(p*r) + 1./2
	p = float64(p*r) + 1
	p = float64(p*r) + 1
	return float32(p * math.Float64frombits(uint64(int64(n)+1023)<<52))
}
