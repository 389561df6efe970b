package fmath

import "math"

// This file holds the float64 logarithms, powers, and the normal quantile.

// logTail are the coefficients of 2·artanh(s) - 2s - 2s³/3 over s⁵, in powers of
// s²; at |s| <= 0.1716 what is left out is 2^-70 of the whole.
var logTail = []float64{
	2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21, 2. / 23, 2. / 25, 2. / 27,
}

// log64 returns ln x to about 64 bits, for a positive finite x.
func log64(x float64) double64 {
	e := 0
	if x < 0x1p-1022 {
		x *= 0x1p54
		e = -54
	}
	const sqrtHalf = 0x3FE6A09E667F3BCD
	b := int64(math.Float64bits(x))
	k := (b - sqrtHalf) >> 52
	m := math.Float64frombits(uint64(b - k<<52)) // in [√½, √2)

	// ln m = 2·artanh s = 2s + 2s³/3 + 2s⁵/5 + …
	s := double64{m - 1, 0}.div(sum64(m, 1))
	z := s.mul(s)
	t := z.mul(double64{2. / 3, 0x1.5555555555555p-55}.add(double64{float64(z.hi * horner64(z.hi, logTail)), 0}))
	y := s.mul(double64{2, 0}.add(t))

	n := float64(k + int64(e))
	return double64{float64(n * ln2Hi64), 0}.add(product64(n, ln2Lo64)).add(y)
}

// Log64 returns the natural logarithm of x, within 0.51 ulp.
func Log64(x float64) float64 {
	switch {
	case x != x || x == math.Inf(1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	return log64(x).hi
}

// Log1p64 returns ln(1 + x), within 1 ulp.
func Log1p64(x float64) float64 {
	if !(x > -1 && x < math.MaxFloat64) || x == 0 {
		if x == 0 {
			return x
		}
		return Log64(1 + x)
	}
	u := sum64(1, x)
	y := log64(u.hi)
	return y.hi + (y.lo + u.lo/u.hi)
}

// Pow64 returns x^y with the special cases of IEEE 754's pow, within 1 ulp.
func Pow64(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return math.NaN()
	}
	whole := math.Floor(y) == y
	odd := whole && math.Abs(y) < 0x1p53 && int64(y)&1 != 0
	a := math.Abs(x)
	var r float64
	switch {
	case a == 1:
		r = 1
	case a == 0 || math.IsInf(a, 1) || math.IsInf(y, 0):
		if (a > 1) == (y > 0) {
			r = math.Inf(1)
		}
	default:
		l := log64(a)
		// Beyond these bounds the result overflows or vanishes in any case.
		p := product64(l.hi, max(min(y, 0x1p64), -0x1p64))
		r = exp64(p.hi, math.FMA(l.lo, y, p.lo))
	}
	switch {
	case !math.Signbit(x):
		return r
	case odd:
		return -r
	case !whole && a != 0 && !math.IsInf(a, 1):
		return math.NaN()
	}
	return r
}

// NormalQuantile64 returns the z below which a standard normal variable falls
// with probability p: Wichura, "Algorithm AS 241: The percentage points of the
// normal distribution" (1988), PPND16, relative accuracy about 1e-16.
func NormalQuantile64(p float64) float64 {
	switch {
	case !(p >= 0 && p <= 1):
		return math.NaN()
	case p == 0:
		return math.Inf(-1)
	case p == 1:
		return math.Inf(1)
	}
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		return float64(q*horner64(r, quantileA)) / horner64(r, quantileB)
	}
	r := math.Sqrt(-Log64(min(p, 1-p)))
	var z float64
	if r <= 5 {
		z = horner64(r-1.6, quantileC) / horner64(r-1.6, quantileD)
	} else {
		z = horner64(r-5, quantileE) / horner64(r-5, quantileF)
	}
	return math.Copysign(z, q)
}

var (
	quantileA = []float64{
		3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
		4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3,
	}
	quantileB = []float64{
		1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
		2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3,
	}
	quantileC = []float64{
		1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
		1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
	}
	quantileD = []float64{
		1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
		1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
	}
	quantileE = []float64{
		6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
		2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
	}
	quantileF = []float64{
		1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
		7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
	}
)
