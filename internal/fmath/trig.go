package fmath

import (
	"math"
	"math/bits"
)

// Sine and cosine compute in float64, where a reduction by two parts of π/2 is
// enough for moderate arguments; Payne and Hanek's reduction does the rest. The
// polynomials are those of musl's sinf.

const (
	twoOverPi = 6.36619772367581382433e-01
	pio2Hi    = 1.57079631090164184570e+00 // 25 bits: n times it is exact
	pio2Lo    = 1.58932547735281966916e-08

	// trigMedium bounds the arguments that the two parts of π/2 reduce.
	trigMedium = 0x1p27
)

// Sin returns the sine of x, within 0.51 ulp.
func Sin(x float32) float32 {
	if x == 0 {
		return x
	}
	r, q := reducePi(x)
	return quadrant(r, q)
}

// Cos returns the cosine of x, within 0.51 ulp.
func Cos(x float32) float32 {
	r, q := reducePi(x)
	return quadrant(r, q+1)
}

// quadrant returns sin(r + q·π/2) for |r| <= π/4.
func quadrant(r float64, q int64) float32 {
	z := float64(r * r)
	var y float64
	if q&1 == 0 {
		p := float64(z*0x16cd878c3b46a7p-71) - 0x1a00f9e2cae774p-65
		p = float64(p*z) + 0x111110896efbb2p-59
		p = float64(p*z) - 0x15555554cbac77p-55
		y = float64(float64(p*z)*r) + r
	} else {
		p := float64(z*0x199342e0ee5069p-68) - 0x16c087e80f1e27p-62
		p = float64(p*z) + 0x155553e1053a42p-57
		p = float64(p*z) - 0x1ffffffd0c5e81p-54
		y = float64(p*z) + 1
	}
	if q&2 != 0 {
		y = -y
	}
	return float32(y)
}

// reducePi writes x = r + q·π/2 with |r| <= π/4 (a little more at the ends), q
// modulo 4.
func reducePi(x float32) (r float64, q int64) {
	const shift = 0x1.8p52
	w := float64(x)
	if math.Abs(w) < trigMedium {
		t := float64(w*twoOverPi) + shift
		n := t - shift
		r = w - float64(n*pio2Hi)
		r -= float64(n * pio2Lo)
		return r, int64(math.Float64bits(t))
	}
	return reducePiLarge(x)
}

// twoOverPiBits are the bits of 2/π after the point.
var twoOverPiBits = [...]uint64{
	0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561,
}

// reducePiLarge is reducePi for any x of at least trigMedium (Payne and Hanek,
// "Radian reduction for trigonometric functions", 1983): of the product x·2/π
// only the bits that matter modulo 4 are formed.
func reducePiLarge(x float32) (r float64, q int64) {
	b := math.Float32bits(x)
	e := b >> 23 & 0xFF
	if e == 0xFF {
		return math.NaN(), 0
	}
	// |x| = m·2^(e-150). Bits of 2/π whose product with 2^(e-150) is a multiple
	// of 4 drop out; the next 128 are w0 and w1.
	m := uint64(b&(1<<23-1) | 1<<23)
	drop := uint(e - 150 - 2)
	i, s := drop/64, drop%64
	t := twoOverPiBits[i:]
	w0 := t[0]<<s | t[1]>>(64-s)
	w1 := t[1]<<s | t[2]>>(64-s)
	high, low := bits.Mul64(m, w1)
	high += m * w0
	q = int64(high >> 62)
	f := int64(high<<2 | low>>62) // the fraction of a quadrant, from -½ to ½
	if f < 0 {
		q++
	}
	r = float64(float64(f) * (math.Pi / 2 * 0x1p-64))
	if b&signBit != 0 {
		r, q = -r, -q
	}
	return r, q
}
