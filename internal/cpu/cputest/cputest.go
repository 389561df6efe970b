package cputest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// EachTier runs a test for every tier that this machine has.
func EachTier(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	before := isa.Active()
	defer func() { must(t, isa.Force(before)) }()
	for _, tier := range isa.Supported() {
		must(t, isa.Force(tier))
		t.Run(tier.String(), f)
	}
}

// must ends the test if there is an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// SameBits reports whether a and b are the same float32; all NaNs are one.
func SameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// FirstDifference returns the first index at which got and want aren't the same
// bits, or -1.
func FirstDifference(got, want []float32) int {
	for i := range want {
		if !SameBits(got[i], want[i]) {
			return i
		}
	}
	return -1
}

// Special are the numbers at the edges of operations: zeros, infinities, NaN, denormal numbers, limits of exponentials
// and of integers.
var Special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 0.625, 0.9277344, 2,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xFFC00001),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, 0x1.fffffcp-127,
	math.MaxFloat32, -math.MaxFloat32, 88.72283, 88.7229, 89.5, -87.4, -103.97, -104.5,
	0x1p23, 0x1p24, -0x1p24, 8388607.5, -8388607.5, 0x1p27, 0x1p31, -0x1p31,
}

// FillMixed fills x with moderate numbers, any bits, and special values.
func FillMixed(r *rand.Rand, x []float32) {
	for i := range x {
		switch k := r.IntN(16); {
		case k < 3:
			x[i] = Special[r.IntN(len(Special))]
		case k < 6:
			x[i] = math.Float32frombits(r.Uint32())
		default:
			x[i] = float32(r.NormFloat64() * 4)
		}
	}
}

// Pools are pools of several sizes.
var Pools = map[int]*par.Pool{1: nil, 2: par.New(2), 3: par.New(3), 7: par.New(7)}

// EachBenchTier runs a benchmark for every tier that this machine has.
func EachBenchTier(b *testing.B, f func(b *testing.B)) {
	before := isa.Active()
	defer func() { must(b, isa.Force(before)) }()
	for _, tier := range isa.Supported() {
		must(b, isa.Force(tier))
		b.Run(tier.String(), f)
	}
}

// ReportBytes reports the rate at which a run moves bytes.
func ReportBytes(b *testing.B, bytes int) {
	b.ReportMetric(float64(bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

// Random returns n numbers of a normal distribution.
func Random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// WithZeros draws numbers, of which some are zeros of both signs and some denormal.
func WithZeros(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch r.IntN(12) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = float32(math.Copysign(0, -1))
		case 2:
			x[i] = float32(r.NormFloat64() * 1e-39)
		default:
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

// Force makes the tier the active one.
func Force(t *testing.T, tier isa.Tier) {
	t.Helper()
	if err := isa.Force(tier); err != nil {
		t.Fatal(err)
	}
}

// CheckBounds checks on every tier that a kernel with an array that is one element too short panics in Go, before any loop
// in assembly reads or writes what isn't its own. The functions make kernels of arrays that short returns.
func CheckBounds(t *testing.T, kernels map[string]func(short func(n int) []float32) cpu.Kernel) {
	t.Helper()
	// panics tells whether a kernel whose array number i is short panics, and of how many arrays it is.
	panics := func(newKernel func(short func(n int) []float32) cpu.Kernel, i int) (yes bool, arrays int) {
		defer func() { yes = recover() != nil }()
		newKernel(func(n int) []float32 {
			memory := make([]float32, n+64) // what lies behind is not the kernel's
			if arrays++; arrays-1 == i {
				n--
			}
			return memory[:n:n]
		}).Run(nil)
		return false, arrays
	}
	EachTier(t, func(t *testing.T) {
		for name, newKernel := range kernels {
			yes, arrays := panics(newKernel, -1)
			if yes {
				t.Errorf("%s panics with arrays that are long enough", name)
			}
			for i := range arrays {
				if yes, _ := panics(newKernel, i); !yes {
					t.Errorf("%s: array %d is too short, and was used", name, i)
				}
			}
		}
	})
}
