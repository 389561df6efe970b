package cpu

// This file holds what the kernels' tests share.

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// eachTier runs a test for every tier that this machine has.
func eachTier(t *testing.T, f func(t *testing.T)) {
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

// sameBits reports whether a and b are the same float32; all NaNs are one.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// firstDifference returns the first index at which got and want aren't the same
// bits, or -1.
func firstDifference(got, want []float32) int {
	for i := range want {
		if !sameBits(got[i], want[i]) {
			return i
		}
	}
	return -1
}

// special are the numbers at the edges of operations: zeros, infinities, NaN, denormal numbers, limits of exponentials
// and of integers.
var special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 0.625, 0.9277344, 2,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xFFC00001),
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126, 0x1.fffffcp-127,
	math.MaxFloat32, -math.MaxFloat32, 88.72283, 88.7229, 89.5, -87.4, -103.97, -104.5,
	0x1p23, 0x1p24, -0x1p24, 8388607.5, -8388607.5, 0x1p27, 0x1p31, -0x1p31,
}

// fillMixed fills x with moderate numbers, any bits, and special values.
func fillMixed(r *rand.Rand, x []float32) {
	for i := range x {
		switch k := r.IntN(16); {
		case k < 3:
			x[i] = special[r.IntN(len(special))]
		case k < 6:
			x[i] = math.Float32frombits(r.Uint32())
		default:
			x[i] = float32(r.NormFloat64() * 4)
		}
	}
}

// testPools are pools of several sizes.
var testPools = map[int]*par.Pool{1: nil, 2: par.New(2), 3: par.New(3), 7: par.New(7)}

// eachBenchTier runs a benchmark for every tier that this machine has.
func eachBenchTier(b *testing.B, f func(b *testing.B)) {
	before := isa.Active()
	defer func() { must(b, isa.Force(before)) }()
	for _, tier := range isa.Supported() {
		must(b, isa.Force(tier))
		b.Run(tier.String(), f)
	}
}

// reportBytes reports the rate at which a run moves bytes.
func reportBytes(b *testing.B, bytes int) {
	b.ReportMetric(float64(bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

// randomSlice returns n numbers of a normal distribution.
func randomSlice(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// operandOf draws numbers, of which some are zeros of both signs and some denormal.
func operandOf(r *rand.Rand, n int) []float32 {
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

// force makes the tier the active one.
func force(t *testing.T, tier isa.Tier) {
	t.Helper()
	if err := isa.Force(tier); err != nil {
		t.Fatal(err)
	}
}

// checkBounds checks on every tier that a kernel with an array that is one element too short panics in Go, before any loop
// in assembly reads or writes what isn't its own. The functions make kernels of arrays that short returns.
func checkBounds(t *testing.T, kernels map[string]func(short func(n int) []float32) Kernel) {
	t.Helper()
	// panics tells whether a kernel whose array number i is short panics, and of how many arrays it is.
	panics := func(newKernel func(short func(n int) []float32) Kernel, i int) (yes bool, arrays int) {
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
	eachTier(t, func(t *testing.T) {
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
