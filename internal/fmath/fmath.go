// Package fmath holds functions whose bits are the same on every machine: for
// float32, and under names that end in 64 for float64.
//
// The standard library's math package is not deterministic in that sense: its
// Exp, Log and Cos change with the processor's FMA, with GOARCH and with
// GOAMD64. Here each function is one fixed sequence of IEEE 754 operations,
// with fused multiply-adds only where FMA is written. The scalar code is the
// definition; the vector kernels of internal/cpu repeat the float32 functions
// operation for operation and agree with them bit for bit.
//
// Denormals are kept, and every function takes every float32. The comment on
// each function states its largest error, in units in the last place of the
// result; the tests assert it.
package fmath

import "math"

// FMA returns a*b + c rounded once.
//
// float32(math.FMA(float64(a), float64(b), float64(c))) would round twice. The
// product of two float32 is exact in float64, so only the sum needs care: if
// it falls on the midpoint of two neighbouring float32 the error of the sum
// decides, and fmaOdd rounds the sum to odd (Boldo and Melquiond, "Emulation of
// a FMA and correctly rounded sums: proved algorithms using rounding to odd",
// 2008). Everywhere else the second rounding is harmless.
func FMA(a, b, c float32) float32 {
	s := float64(float64(a)*float64(b)) + float64(c)
	u := math.Float64bits(s)
	if u&(1<<29-1) != 1<<28 && u<<1 >= (1023-126)<<53 {
		return float32(s)
	}
	return fmaOdd(a, b, c)
}

// fmaOdd is FMA by rounding to odd, right for every argument: also for results
// that are denormal, whose midpoints lie elsewhere.
func fmaOdd(a, b, c float32) float32 {
	p, q := float64(float64(a)*float64(b)), float64(c)
	s := p + q
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	// Knuth's TwoSum: s + e is exactly p + q.
	t := s - p
	e := (p - (s - t)) + (q - t)
	u := math.Float64bits(s)
	if e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}

// Relu returns x where it is positive, NaN where it is NaN, and +0 elsewhere,
// also for -0.
func Relu(x float32) float32 {
	if x <= 0 {
		return 0
	}
	return x
}

// Sqrt returns the correctly rounded square root of x.
func Sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// Floor returns the greatest integer not above x.
func Floor(x float32) float32 { return float32(math.Floor(float64(x))) }

// Abs returns x without its sign.
func Abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ signBit) }

// Sign returns 1, 0 or -1 as x is positive, zero or negative, and NaN for NaN.
// The zero it returns is +0.
func Sign(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	case x == 0:
		return 0
	}
	return x
}

const signBit = 1 << 31

// withSign returns y with the sign bit of x set if x has it. Odd functions end
// with it, so that -0 stays -0.
func withSign(y, x float32) float32 {
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&signBit)
}

var (
	inf = math.Float32frombits(0x7F800000)
	nan = math.Float32frombits(0x7FC00000)
)

// ByteToUnit maps a byte u to the float32 nearest to u/255. (Multiplying by
// 1/255 misses it for 126 of the 256 values.)
var ByteToUnit = func() (t [256]float32) {
	for u := range t {
		t[u] = float32(u) / 255
	}
	return t
}()
