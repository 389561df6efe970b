package fmath

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
)

// The oracle of the float64 functions is their series in 300 bits.
const bigPrec = 300

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(bigPrec).SetFloat64(x) }

func bigNew() *big.Float { return new(big.Float).SetPrec(bigPrec) }

// bigExp is e^x: the Taylor series of x/2^k, squared k times.
func bigExp(x *big.Float) *big.Float {
	k := max(x.MantExp(nil)+8, 0)
	r := bigNew().SetMantExp(x, -k)
	sum, term := bigOf(1), bigOf(1)
	for n := 1; n < 60; n++ {
		term.Mul(term, r).Quo(term, bigOf(float64(n)))
		sum.Add(sum, term)
	}
	for range k {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog is ln x by Halley's iteration on e^y = x.
func bigLog(x *big.Float) *big.Float {
	m := bigNew()
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := bigOf(math.Log(f))
	for range 4 {
		w := bigExp(y)
		y.Add(y, bigNew().Quo(bigNew().Mul(bigOf(2), bigNew().Sub(m, w)), bigNew().Add(m, w)))
	}
	return y.Add(y, bigNew().Mul(bigOf(float64(e)), bigLn2()))
}

var ln2Cache *big.Float

func bigLn2() *big.Float {
	if ln2Cache == nil {
		// ln 2 = 2·artanh(1/3)
		sum, term := bigNew(), bigNew().Quo(bigOf(2), bigOf(3))
		for n := 1; n < 400; n += 2 {
			sum.Add(sum, bigNew().Quo(term, bigOf(float64(n))))
			term.Quo(term, bigOf(9))
		}
		ln2Cache = sum
	}
	return ln2Cache
}

var piCache *big.Float

// bigPi is π to 1500 bits, by Machin's formula.
func bigPi() *big.Float {
	if piCache != nil {
		return piCache
	}
	of := func(x float64) *big.Float { return new(big.Float).SetPrec(1500).SetFloat64(x) }
	arctan := func(k float64) *big.Float { // of 1/k
		sum, term := of(0), of(1)
		term.Quo(term, of(k))
		for n := 1; n < 1500; n += 2 {
			t := new(big.Float).Quo(term, of(float64(n)))
			if n%4 == 3 {
				t.Neg(t)
			}
			sum.Add(sum, t)
			term.Quo(term, of(k*k))
		}
		return sum
	}
	piCache = new(big.Float).Sub(new(big.Float).Mul(of(16), arctan(5)), new(big.Float).Mul(of(4), arctan(239)))
	return piCache
}

func bigSin(x float64) *big.Float {
	// Reduce modulo 2π to [-π, π] in 1500 bits, then Taylor.
	w := new(big.Float).SetPrec(1500).SetFloat64(x)
	turn := new(big.Float).Mul(bigPi(), big.NewFloat(2))
	t := new(big.Float).Quo(w, turn)
	n, _ := t.Add(t, new(big.Float).SetFloat64(math.Copysign(0.5, x))).Int(nil)
	w.Sub(w, new(big.Float).SetPrec(1500).Mul(new(big.Float).SetPrec(1500).SetInt(n), turn))
	return bigSinReduced(bigNew().Set(w))
}

func bigSinReduced(r *big.Float) *big.Float {
	square := bigNew().Mul(r, r)
	sum, term := bigNew().Set(r), bigNew().Set(r)
	for n := 2; n < 120; n += 2 {
		term.Mul(term, square).Quo(term, bigOf(-float64(n*(n+1))))
		sum.Add(sum, term)
	}
	return sum
}

func bigCos(x float64) *big.Float {
	// cos x = sin(π/2 - |x|), reduced as one number.
	w := new(big.Float).SetPrec(1500).SetFloat64(math.Abs(x))
	half := new(big.Float).Quo(bigPi(), big.NewFloat(2))
	w.Sub(half, w)
	turn := new(big.Float).Mul(bigPi(), big.NewFloat(2))
	t := new(big.Float).Quo(w, turn)
	n, _ := t.Sub(t, big.NewFloat(0.5)).Int(nil)
	w.Sub(w, new(big.Float).SetPrec(1500).Mul(new(big.Float).SetPrec(1500).SetInt(n), turn))
	return bigSinReduced(bigNew().Set(w))
}

// ulps64 is the distance of got from want in units in the last place of want.
func ulps64(got float64, want *big.Float) float64 {
	nearest, _ := want.Float64()
	if got == nearest && (math.IsInf(got, 0) || got == 0) {
		return 0
	}
	if math.IsInf(nearest, 0) || math.IsInf(got, 0) || got != got {
		return math.Inf(1)
	}
	_, e := math.Frexp(nearest)
	ulp := math.Ldexp(1, max(e-53, -1074))
	d, _ := bigNew().Sub(want, bigOf(got)).Float64()
	return math.Abs(d) / ulp
}

func TestFloat64FunctionsAreAccurate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	span := func(low, high float64) func() float64 {
		return func() float64 { return low + (high-low)*r.Float64() }
	}
	anyOf := func(low, high float64) func() float64 { // exponents spread evenly
		return func() float64 { return math.Exp(span(math.Log(low), math.Log(high))()) }
	}
	signed := func(f func() float64) func() float64 {
		return func() float64 { return math.Copysign(f(), r.Float64()-0.5) }
	}
	one := bigOf(1)
	for _, c := range []struct {
		name string
		f    func(float64) float64
		want func(float64) *big.Float
		draw []func() float64
		ulps float64
	}{
		{
			"Exp64", Exp64, func(x float64) *big.Float { return bigExp(bigOf(x)) },
			[]func() float64{span(-1, 1), span(-745, 709), signed(anyOf(1e-300, 1))},
			0.55,
		},
		{
			"Expm164", Expm164, func(x float64) *big.Float { return bigNew().Sub(bigExp(bigOf(x)), one) },
			[]func() float64{span(-2, 2), span(-50, 709), signed(anyOf(1e-60, 1))},
			1,
		},
		{
			"Tanh64", Tanh64, func(x float64) *big.Float {
				e := bigExp(bigOf(2 * x))
				return e.Quo(bigNew().Sub(e, one), bigNew().Add(e, one))
			},
			[]func() float64{span(-2, 2), span(-25, 25), signed(anyOf(1e-60, 1))},
			2,
		},
		{
			"Log64", Log64, func(x float64) *big.Float { return bigLog(bigOf(x)) },
			[]func() float64{span(0, 2), span(0.99, 1.01), anyOf(5e-324, 1e308)},
			0.51,
		},
		{
			"Log1p64", Log1p64, func(x float64) *big.Float { return bigLog(bigNew().Add(one, bigOf(x))) },
			[]func() float64{span(-1, 2), span(-0.01, 0.01), signed(anyOf(1e-60, 1)), anyOf(1, 1e308)},
			1,
		},
		{
			"Sin64", Sin64, bigSin,
			[]func() float64{span(-1, 1), span(-10, 10), signed(anyOf(1e-300, 1e308))},
			1,
		},
		{
			"Cos64", Cos64, bigCos,
			[]func() float64{span(-1, 1), span(-10, 10), signed(anyOf(1e-300, 1e308))},
			1,
		},
	} {
		var worst, at float64
		for _, draw := range c.draw {
			for range choice.Effort(80, 400) {
				x := draw()
				if d := ulps64(c.f(x), c.want(x)); d > worst {
					worst, at = d, x
				}
			}
		}
		t.Logf("%s: %.3f ulp at %v", c.name, worst, at)
		if worst > c.ulps {
			t.Errorf("%s(%v) is off by %.3f ulp, more than %v", c.name, at, worst, c.ulps)
		}
	}
}

func TestPow64IsAccurate(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var worst, worstX, worstY float64
	for i := range choice.Effort(300, 1500) {
		x, y := math.Exp(60*r.Float64()-30), 40*r.Float64()-20
		switch i % 3 {
		case 1: // a decay after many steps
			x, y = 1-math.Exp(-12*r.Float64()), math.Floor(math.Exp(13*r.Float64()))
		case 2: // close to overflow
			y = 700 / math.Log(x)
		}
		if got := Pow64(x, y); got > 0 {
			if d := ulps64(got, bigExp(bigNew().Mul(bigOf(y), bigLog(bigOf(x))))); d > worst {
				worst, worstX, worstY = d, x, y
			}
		}
	}
	t.Logf("%.3f ulp at %v, %v", worst, worstX, worstY)
	if worst > 1 {
		t.Errorf("Pow64(%v, %v) is off by %.3f ulp", worstX, worstY, worst)
	}
}

func TestFloat64SpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	values := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e300, -1e300, 1 << 53, inf, -inf, nan}
	same := func(a, b float64) bool {
		if a != a || b != b {
			return a != a && b != b
		}
		return math.Signbit(a) == math.Signbit(b) && (a == b || math.Abs(a-b) <= 4e-16*math.Abs(b))
	}
	for _, c := range []struct {
		name    string
		f, want func(float64) float64
	}{
		{"Exp64", Exp64, math.Exp},
		{"Expm164", Expm164, math.Expm1},
		{"Tanh64", Tanh64, math.Tanh},
		{"Log64", Log64, math.Log},
		{"Log1p64", Log1p64, math.Log1p},
		{"Sin64", Sin64, math.Sin},
		{"Cos64", Cos64, math.Cos},
	} {
		for _, x := range values {
			if got, want := c.f(x), c.want(x); !same(got, want) {
				t.Errorf("%s(%v) = %v, want %v", c.name, x, got, want)
			}
		}
	}
	for _, x := range values {
		for _, y := range values {
			if got, want := Pow64(x, y), math.Pow(x, y); !same(got, want) {
				t.Errorf("Pow64(%v, %v) = %v, want %v", x, y, got, want)
			}
		}
	}
}

// Cosines and sines where x is as close to a multiple of π/2 as a float64 can be
// (Kahan's example) and at the ends of the range.
func TestSin64ReducesTheWorstArguments(t *testing.T) {
	for _, x := range []float64{
		0x1.6ac5b262ca1ffp849, math.MaxFloat64, math.Pi, math.Pi / 2, math.Pi / 4, 3 * math.Pi / 4, 0x1p52, 1e22, 710,
	} {
		for _, x := range []float64{x, -x} {
			if d := ulps64(Sin64(x), bigSin(x)); d > 1 {
				t.Errorf("Sin64(%v) is off by %.3f ulp", x, d)
			}
			if d := ulps64(Cos64(x), bigCos(x)); d > 1 {
				t.Errorf("Cos64(%v) is off by %.3f ulp", x, d)
			}
		}
	}
}

func TestNormalQuantile64InvertsTheDistribution(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 20_000 {
		p := r.Float64()
		if i%2 == 1 {
			p = math.Exp(-700 * r.Float64()) // the far tail
		}
		z := NormalQuantile64(p)
		back := math.Erfc(-z/math.Sqrt2) / 2
		// dp/p for a relative error of z: |z|·φ(z)/p, about z² in the tail.
		if d := math.Abs(back-p) / p; d > 1e-15*(3+z*z) {
			t.Fatalf("NormalQuantile64(%v) = %v, whose probability is %v", p, z, back)
		}
	}
	for p, want := range map[float64]float64{0: math.Inf(-1), 0.5: 0, 1: math.Inf(1)} {
		if z := NormalQuantile64(p); z != want {
			t.Errorf("NormalQuantile64(%v) = %v, want %v", p, z, want)
		}
	}
	for _, p := range []float64{-1, 2, math.NaN()} {
		if z := NormalQuantile64(p); z == z {
			t.Errorf("NormalQuantile64(%v) = %v, want NaN", p, z)
		}
	}
}
