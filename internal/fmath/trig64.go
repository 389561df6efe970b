package fmath

import (
	"math"
	"math/bits"
)

// This file holds the float64 sine and cosine. Outside of |x| <= π/4 every
// argument takes Payne and Hanek's reduction, which is exact enough for all. The
// polynomials are those of FreeBSD's msun.

// Sin64 returns the sine of x, within 1 ulp.
func Sin64(x float64) float64 {
	if x == 0 {
		return x
	}
	r, q := reducePi64(x)
	return quadrant64(r, q)
}

// Cos64 returns the cosine of x, within 1 ulp.
func Cos64(x float64) float64 {
	r, q := reducePi64(x)
	return quadrant64(r, q+1)
}

// quadrant64 returns sin(r + q·π/2) for |r| <= π/4.
func quadrant64(r double64, q int) float64 {
	x, z := r.hi, float64(r.hi*r.hi)
	var y float64
	if q&1 == 0 {
		// sin(x + lo) = x + (x³·S(x²) + lo·(1 - x²/2))
		y = x + math.FMA(float64(x*z), horner64(z, sinTail), float64(r.lo*math.FMA(z, -0.5, 1)))
	} else {
		// cos(x + lo) = 1 - x²/2 + (x⁴·C(x²) - x·lo)
		h := float64(z * 0.5)
		w := 1 - h
		y = w + ((1 - w - h) + math.FMA(float64(z*z), horner64(z, cosTail), -float64(x*r.lo)))
	}
	if q&2 != 0 {
		return -y
	}
	return y
}

var (
	sinTail = []float64{
		-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
		2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10,
	}
	cosTail = []float64{
		4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
		-2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11,
	}
)

// twoOverPi64 are the bits of 2/π after the point, behind 64 zeros.
var twoOverPi64 = [...]uint64{
	0x0000000000000000,
	0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561,
	0xB7246E3A424DD2E0, 0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484,
	0xE99C7026B45F7E41, 0x3991D639835339F4, 0x9C845F8BBDF9283B, 0x1FF897FFDE05980F,
	0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D, 0x7527BAC7EBE5F17B,
	0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB,
}

// reducePi64 writes x = r + q·π/2 with |r| <= π/4, q modulo 4.
func reducePi64(x float64) (r double64, q int) {
	switch {
	case x-x != 0:
		return double64{math.NaN(), 0}, 0
	case math.Abs(x) <= math.Pi/4:
		return double64{x, 0}, 0
	}
	// |x| = m·2^e. Of 2/π·2^e, the bits worth 4 and more don't matter; w holds
	// the next 192, and m·w, modulo 2^192, the quadrant in its two top bits.
	b := math.Float64bits(x)
	m := b&(1<<52-1) | 1<<52
	e := int(b>>52&0x7FF) - 1075
	i, s := uint(e+62)/64, uint(e+62)%64
	var w [3]uint64
	for j := range w {
		w[j] = twoOverPi64[i+uint(j)]<<s | twoOverPi64[i+uint(j)+1]>>(64-s)
	}
	p1, _ := bits.Mul64(m, w[2])
	c0, low := bits.Mul64(m, w[1])
	p1, carry := bits.Add64(p1, low, 0)
	p0 := m*w[0] + c0 + carry

	// The fraction of a quadrant, from -½ to ½, in 126 bits.
	q = int(p0 >> 62)
	p0, p1 = p0<<2|p1>>62, p1<<2
	negative := p0>>63 != 0
	if negative {
		q++
		p1, carry = bits.Sub64(0, p1, 0)
		p0, _ = bits.Sub64(0, p0, carry)
	}
	// Normalised, its first 53 bits and the 53 after them are two floats.
	shift := uint(bits.LeadingZeros64(p0))
	p0, p1 = p0<<shift|p1>>(64-shift), p1<<shift
	unit := pow2(-53 - int(shift))
	f := double64{
		float64(p0>>11) * unit,
		float64(p0<<53>>11|p1>>22) * (unit * 0x1p-53),
	}
	r = f.mul(double64{0x1.921fb54442d18p+00, 0x1.1a62633145c07p-54})
	if negative {
		r.hi, r.lo = -r.hi, -r.lo
	}
	if x < 0 {
		r.hi, r.lo, q = -r.hi, -r.lo, -q
	}
	return r, q
}
