package fmath

import "math"

// This file holds the float64 functions, for what is computed on the host once a
// variable or once a step: initial weights, schedules, powers of a decay. They
// have the same bits on every machine and are written to be short and accurate,
// not fast.

// ln 2 in two parts; the upper has 32 bits, so that n times it is exact.
const (
	ln2Hi64 = 0x1.62e42feep-1
	ln2Lo64 = 0x1.a39ef35793c76p-33
)

// expTail are the coefficients of (e^r - 1 - r)/r²; at |r| <= ln2/2 what is left
// out is 2^-60 of e^r - 1.
var expTail = []float64{
	1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880,
	1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800, 1. / 87178291200,
}

// expm1Reduced writes e^(x + lo) = 2^n·(1 + p), |x| <= 1100.
func expm1Reduced(x, lo float64) (p double64, n int) {
	k := math.Floor(math.FMA(x, math.Log2E, 0.5))
	r := sum64(math.FMA(-k, ln2Hi64, x), math.FMA(-k, ln2Lo64, lo)) // the first is exact
	square := float64(r.hi * r.hi)
	return double64{r.hi, math.FMA(square, horner64(r.hi, expTail), r.lo+float64(r.hi*r.lo))}, int(k)
}

// exp64 returns e^(x + lo) for a lo below x's ulp.
func exp64(x, lo float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	p, n := expm1Reduced(x, lo)
	y := sum64(1, p.hi)
	return scale64(y.hi+(y.lo+p.lo), n)
}

// scale64 returns x·2^n for |n| < 2000, rounded once if x is in [½, 2].
func scale64(x float64, n int) float64 {
	half := n / 2
	return float64(x*pow2(half)) * pow2(n-half)
}

func pow2(n int) float64 { return math.Float64frombits(uint64(n+1023) << 52) }

// Exp64 returns e^x, within 0.55 ulp.
func Exp64(x float64) float64 { return exp64(x, 0) }

// Expm164 returns e^x - 1, within 1 ulp.
func Expm164(x float64) float64 {
	switch {
	case x != x || x == 0:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -40:
		return -1
	}
	p, n := expm1Reduced(x, 0)
	if n == 0 {
		return p.hi + p.lo
	}
	s := pow2(n - 1) // 2^1024 is no float64
	y := sum64(s-0.5, float64(s*p.hi))
	return (y.hi + (y.lo + float64(s*p.lo))) * 2
}

// Tanh64 returns the hyperbolic tangent of x, within 2 ulp.
func Tanh64(x float64) float64 {
	t := Expm164(2 * math.Abs(x))
	y := 1 - 2/(t+2)
	if t < 1 {
		y = t / (t + 2)
	}
	return math.Copysign(y, x)
}
