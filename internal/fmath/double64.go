package fmath

import "math"

// This file holds arithmetic on unevaluated sums hi + lo of two float64, lo at
// most half an ulp of hi: about 106 bits. The float64 functions use it where one
// rounding at the end isn't enough by itself. See Dekker, "A floating-point
// technique for extending the available precision" (1971).

type double64 struct{ hi, lo float64 }

// sum64 is a + b, exactly (Knuth's TwoSum).
func sum64(a, b float64) double64 {
	s := a + b
	t := s - a
	return double64{s, (a - (s - t)) + (b - t)}
}

// fastSum64 is a + b, exactly, for |a| >= |b| or a = 0.
func fastSum64(a, b float64) double64 {
	s := a + b
	return double64{s, b - (s - a)}
}

// product64 is a·b, exactly but for underflow.
func product64(a, b float64) double64 {
	p := float64(a * b)
	return double64{p, math.FMA(a, b, -p)}
}

func (x double64) add(y double64) double64 {
	s := sum64(x.hi, y.hi)
	return fastSum64(s.hi, s.lo+(x.lo+y.lo))
}

func (x double64) mul(y double64) double64 {
	p := product64(x.hi, y.hi)
	return fastSum64(p.hi, p.lo+math.FMA(x.hi, y.lo, float64(x.lo*y.hi)))
}

func (x double64) div(y double64) double64 {
	q := x.hi / y.hi
	r := math.FMA(-q, y.hi, x.hi) // exact
	return fastSum64(q, (r+math.FMA(-q, y.lo, x.lo))/y.hi)
}

// horner64 returns c[0] + c[1]·x + c[2]·x² + …
func horner64(x float64, c []float64) float64 {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = math.FMA(y, x, c[i])
	}
	return y
}
