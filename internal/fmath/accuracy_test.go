package fmath

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"os"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
)

// ulps returns the distance of got from want in units in the last place of a
// float32 of want's size.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case got != got || want != want:
		if got != got && want != want {
			return 0
		}
		return math.Inf(1)
	case got == rounded:
		if math.Signbit(float64(got)) != math.Signbit(want) {
			return math.Inf(1) // the sign of zero
		}
		return math.Min(math.Abs(float64(got)-want)/ulpOf(want), 0.5)
	case math.IsInf(float64(got), 0):
		got = float32(math.Copysign(math.MaxFloat32, float64(got)))
		return 1 + ulps(got, want)
	case math.IsInf(float64(rounded), 0):
		want = math.Copysign(0x1p128, want)
	}
	return math.Abs(float64(got)-want) / ulpOf(want)
}

func ulpOf(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, min(max(e-24, -149), 104))
}

func sigmoid64(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

func softplus64(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// accuracy lists the functions of one argument with the largest error that
// their comments state.
var accuracy = []struct {
	name string
	f    func(float32) float32
	want func(float64) float64
	ulps float64
}{
	{"Exp", Exp, math.Exp, 0.9},
	{"Expm1", Expm1, math.Expm1, 1.45},
	{"Log", Log, math.Log, 0.85},
	{"Log1p", Log1p, math.Log1p, 1.45},
	{"Tanh", Tanh, math.Tanh, 1.35},
	{"Sigmoid", Sigmoid, sigmoid64, 1.95},
	{"Erf", Erf, math.Erf, 1.01},
	{"Softplus", Softplus, softplus64, 1.75},
	{"Sin", Sin, math.Sin, 0.51},
	{"Cos", Cos, math.Cos, 0.51},
	{"Sqrt", Sqrt, math.Sqrt, 0.5},
	{"Floor", Floor, math.Floor, 0},
}

// worst returns f's largest error over every stride-th float32.
func worst(f func(float32) float32, want func(float64) float64, stride uint64) (ulp float64, at float32) {
	for b := uint64(0); b < 1<<32; b += stride {
		x := math.Float32frombits(uint32(b))
		if d := ulps(f(x), want(float64(x))); d > ulp {
			ulp, at = d, x
		}
	}
	return ulp, at
}

// Every function stays within its stated error on a sample of all float32, on a
// grid of moderate values, and at the special ones. CORNU_LONG=1 takes all 2³².
func TestFunctionsAreWithinTheirStatedError(t *testing.T) {
	for _, a := range accuracy {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			stride := uint64(16_764_928 / choice.Effort(409, 4096))
			if os.Getenv("CORNU_LONG") != "" {
				stride = 1
			}
			ulp, at := worst(a.f, a.want, stride)
			for i := -300_000; i <= 300_000; i += 7 / choice.Effort(1, 7) {
				x := float32(i) * 3.1e-5
				if d := ulps(a.f(x), a.want(float64(x))); d > ulp {
					ulp, at = d, x
				}
			}
			for _, x := range specials {
				if d := ulps(a.f(x), a.want(float64(x))); d > ulp {
					ulp, at = d, x
				}
			}
			t.Logf("%.3f ulp at %v", ulp, at)
			if ulp > a.ulps {
				t.Errorf("%s(%v) = %v is %.3f ulp from %v, more than %v", a.name, at, a.f(at), ulp, a.want(float64(at)), a.ulps)
			}
		})
	}
}

// The bits are the same on every machine: these are hashes of 100,000 results of
// each function.
func TestFunctionsHaveTheseBits(t *testing.T) {
	want := map[string]uint64{
		"Exp":      0x277bc51850d19be6,
		"Expm1":    0x7fde1a92c60e411b,
		"Log":      0xc497e48da446aaba,
		"Log1p":    0xa577dd5091243b39,
		"Tanh":     0x8a553af04d3fd62f,
		"Sigmoid":  0x8cd84c2aeefaf6c8,
		"Erf":      0x44b5bf47d5b58136,
		"Softplus": 0x47d87e2c9071c1da,
		"Sin":      0xca32b3dd048ef9a8,
		"Cos":      0xb46dd1dfbd163784,
		"Sqrt":     0xbcd825632ff0acc2,
		"Floor":    0x19373f70df334c36,
	}
	for _, a := range accuracy {
		h := fnv.New64a()
		for b := uint64(0); b < 1<<32; b += 42_943 {
			y := a.f(math.Float32frombits(uint32(b)))
			if y != y {
				y = nan
			}
			var bits [4]byte
			binary.LittleEndian.PutUint32(bits[:], math.Float32bits(y))
			h.Write(bits[:])
		}
		if got := h.Sum64(); got != want[a.name] {
			t.Errorf("the results of %s hash to %#x, want %#x", a.name, got, want[a.name])
		}
	}
}

var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2, -2, inf, -inf, nan,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 3 * math.SmallestNonzeroFloat32,
	0x1p-126, -0x1p-126, math.Nextafter32(0x1p-126, 0), math.MaxFloat32, -math.MaxFloat32,
	math.Nextafter32(1, 0), math.Nextafter32(1, 2), math.Nextafter32(-1, 0), math.Nextafter32(-1, -2),
	88.72283, 88.72284, 88.7229, 89, 89.1, -87.33, -87.4, -103.9, -103.97, -103.98, -104, -104.1,
	0x1p24, 0x1p27, math.Nextafter32(0x1p27, 0), 0x1p64, math.Pi, math.Pi / 2, 3 * math.Pi / 4,
	tanhSmall, math.Nextafter32(tanhSmall, 1), erfSmall, math.Nextafter32(erfSmall, 1),
}

func TestPowIsCorrectlyRoundedAlmostAlways(t *testing.T) {
	r := uint64(1)
	next := func() uint64 { r = r*6364136223846793005 + 1442695040888963407; return r >> 32 }
	check := func(x, y float32) {
		if d := ulps(Pow(x, y), math.Pow(float64(x), float64(y))); d > 0.501 {
			t.Errorf("Pow(%v, %v) = %v is %.3f ulp from %v", x, y, Pow(x, y), d, math.Pow(float64(x), float64(y)))
		}
	}
	for range choice.Effort(80_000, 2_000_000) {
		check(math.Float32frombits(uint32(next())), math.Float32frombits(uint32(next())))
		check(float32(next())*0x1p-28, float32(int32(next()))*0x1p-25)
	}
	for _, x := range append(specials, 3, -3, 1.5, -1.5) {
		for _, y := range append(specials, 3, -3, 1.5, -1.5) {
			check(x, y)
		}
	}
}

func TestFMARoundsOnce(t *testing.T) {
	// The sum of 1 + 2^-24 is a midpoint; a sticky bit far below decides.
	check := func(a, b, c float32) {
		t.Helper()
		want := fmaBig(a, b, c)
		if got := FMA(a, b, c); math.Float32bits(got) != math.Float32bits(want) && !(got != got && want != want) {
			t.Errorf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
	r := uint64(1)
	next := func() uint32 { r = r*6364136223846793005 + 1442695040888963407; return uint32(r >> 32) }
	for range choice.Effort(12_000, 200_000) {
		a, b, c := next(), next(), next()
		check(math.Float32frombits(a), math.Float32frombits(b), math.Float32frombits(c))
		// Near each other, few bits: midpoints are frequent.
		m := func(u uint32) float32 { return math.Float32frombits(u&0x80F00FFF | 0x3F000000) }
		check(m(a), m(b), m(c))
		// Around the denormal boundary.
		d := func(u, e uint32) float32 { return math.Float32frombits(u&0x807FFFFF | (e+u>>28)<<23) }
		check(d(a, 56), d(b, 56), d(c, 0))
	}
	check(1, 1, 0x1p-24)
	check(1+0x1p-12, 1+0x1p-12, 0x1p-60)
	for _, a := range specials {
		for _, b := range specials {
			for _, c := range specials {
				check(a, b, c)
			}
		}
	}
}

// fmaBig is a*b + c with exact arithmetic, rounded once.
func fmaBig(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	if s := p + q; p == 0 || q == 0 || s == 0 || math.IsInf(s, 0) || s != s {
		return float32(s) // exact, or no number
	}
	f := new(big.Float).SetPrec(600).SetFloat64(p)
	f.Add(f, new(big.Float).SetFloat64(q))
	r, _ := f.Float32()
	return r
}

func TestReluKeepsNaNAndSigns(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct{ got, want float32 }{
		{Relu(nan), nan},
		{Relu(negZero), 0},
		{Relu(-inf), 0},
		{Relu(inf), inf},
		{Sign(negZero), 0},
		{Sign(nan), nan},
		{Sign(-3), -1},
		{Abs(-inf), inf},
	} {
		if math.Float32bits(c.got) != math.Float32bits(c.want) {
			t.Errorf("got %v (%x), want %v", c.got, math.Float32bits(c.got), c.want)
		}
	}
}

func TestByteToUnitIsCorrectlyRounded(t *testing.T) {
	for u, got := range ByteToUnit {
		if want := float32(float64(u) / 255); got != want {
			t.Errorf("ByteToUnit[%d] = %v, want %v", u, got, want)
		}
	}
}

func BenchmarkScalar(b *testing.B) {
	for _, a := range accuracy {
		b.Run(a.name, func(b *testing.B) {
			var sum float32
			for i := range b.N {
				sum += a.f(float32(i&1023)*0.01 - 5)
			}
			sink = fmt.Sprint(sum)
		})
	}
}

var sink string
