package reduce

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// reduceOne is the oracle: what a Reduction gives for one output, from its
// definition.
func reduceOne(op Op, x []float32, chain bool) float32 {
	switch op {
	case Sum:
		lanes := 16
		if chain {
			lanes = 1
		}
		var y float32
		for b := 0; b == 0 || b < len(x); b += 4096 {
			var lane [16]float32
			for i := b; i < min(b+4096, len(x)); i++ {
				lane[i%lanes] += x[i]
			}
			for d := lanes / 2; d > 0; d /= 2 {
				for l := range d {
					lane[l] += lane[l+d]
				}
			}
			if b == 0 {
				y = lane[0]
			} else {
				y += lane[0]
			}
		}
		return y
	case Max:
		y := float32(math.Inf(-1))
		for _, v := range x {
			y = max(y, v)
		}
		return y
	case Min:
		y := float32(math.Inf(1))
		for _, v := range x {
			y = min(y, v)
		}
		return y
	}
	best := 0
	for i, v := range x {
		if v > x[best] || v != v && x[best] == x[best] {
			best = i
		}
	}
	return float32(best)
}

// reduced is what a Reduction gives for all outputs.
func reduced(k *Reduction) []float32 {
	var want, x []float32
	for o := range k.Outer {
		for i := range k.Inner {
			x = x[:0]
			for n := range k.N {
				x = append(x, k.X[(o*k.N+n)*k.Inner+i])
			}
			want = append(want, reduceOne(k.Op, x, k.Inner != 1))
		}
	}
	return want
}

func checkReduce(t *testing.T, k *Reduction, want []float32) {
	t.Helper()
	for i, want := range want {
		if got := k.Y[i]; !cputest.SameBits(got, want) {
			t.Fatalf("reduction %d of [%d, %d, %d] at (%d, %d) is %v, want %v", k.Op, k.Outer, k.N, k.Inner, i/k.Inner, i%k.Inner, got, want)
		}
	}
}

// reduceInput fills x; every other input has no NaN and no infinity.
func reduceInput(r *rand.Rand, x []float32, special bool) {
	if special {
		cputest.FillMixed(r, x)
		return
	}
	for i := range x {
		x[i] = float32(math.Round(r.NormFloat64()*8)) * 0.37 // ties are frequent
	}
}

// Reductions equal their definition for every length and between fences.
func TestReductionsEqualTheirDefinition(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		var shapes [][3]int
		for n := 1; n <= 70; n++ {
			shapes = append(shapes, [3]int{1, n, 1}, [3]int{6, n, 1}, [3]int{1, 3, n}, [3]int{2, n, 5})
		}
		shapes = append(shapes, [][3]int{
			{3, 0, 1},
			{2, 0, 3},
			{0, 3, 1},
			{2, 3, 0},
			{5, 4095, 1},
			{2, 4096, 1},
			{3, 4097, 1},
			{1, 100_000, 1},
			{700, 130, 1},
			{1, 128, 256},
			{1, 128, 784},
			{3, 50, 1000},
			{1, 60_000, 10},
			{1, 4096, 3},
			{1, 4097, 3},
			{2, 8193, 20},
			{1, 4100, 130},
			{1, 2, 70_001},
		}...)
		cases := cputest.SampleOf(13)
		for _, s := range shapes {
			for op := Sum; op <= ArgMax; op++ {
				if op == ArgMax && s[1] == 0 {
					continue
				}
				for _, special := range []bool{false, true} {
					if !cases.Has() {
						continue
					}
					k := &Reduction{Op: op, Outer: s[0], N: s[1], Inner: s[2]}
					k.X = cputest.Fenced[float32](t, s[0]*s[1]*s[2], special)
					k.Y = cputest.Fenced[float32](t, s[0]*s[2], special)
					reduceInput(r, k.X, special)
					k.Prepare()
					want := reduced(k)
					for range 2 { // the second time with what the first left
						k.Run(cputest.Pools[3])
						checkReduce(t, k, want)
					}
				}
			}
		}
	})
}

// A batch's sum is as accurate as a mean over 100,000 rows needs: one chain would end at 10,033.6.
func TestSumsOfColumnsStayAccurate(t *testing.T) {
	const rows, cols = 100_352, 2
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = 0.1
	}
	k := &Reduction{Op: Sum, X: x, Y: make([]float32, cols), Outer: 1, N: rows, Inner: cols}
	k.Prepare()
	k.Run(cputest.Pools[2])
	// An addition errs by 2⁻²⁴ of the partial sum at most, which is half of the whole on the mean: 4096 in
	// a block and then one for each of the 25 blocks err by 1.2 together.
	want := float64(rows) * float64(float32(0.1))
	bound := want / 2 * (4096 + 25) * 0x1p-24
	for _, got := range k.Y {
		if math.Abs(float64(got)-want) > bound {
			t.Errorf("%d times 0.1 is %v, want %v within %v", rows, got, want, bound)
		}
	}
}

func TestAllFiniteFindsWhatIsNot(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		for n := range 300 {
			x := cputest.Fenced[float32](t, n, n%2 == 0)
			for i := range x {
				x[i] = cputest.Special[[]int{0, 1, 2, 13, 18, 19}[i%6]]
			}
			check := func(want uint32) {
				t.Helper()
				var bad uint32
				(&AllFinite{X: x, Bad: &bad}).Run(nil)
				if bad != want {
					t.Fatalf("of %d elements: bad is %d, want %d", n, bad, want)
				}
			}
			check(0)
			for i := range x {
				for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					before := x[i]
					x[i] = v
					check(1)
					x[i] = before
				}
			}
		}
	})
}

func BenchmarkReduce(b *testing.B) {
	cputest.EachBenchTier(b, func(b *testing.B) {
		for _, k := range []*Reduction{
			{Op: Sum, Outer: 1, N: 128, Inner: 256},
			{Op: Sum, Outer: 1, N: 128, Inner: 10},
			{Op: Sum, Outer: 128, N: 256, Inner: 1},
			{Op: Sum, Outer: 1, N: 269_328, Inner: 1},
			{Op: Sum, Outer: 1, N: 128, Inner: 1},
			{Op: Max, Outer: 128, N: 256, Inner: 1},
			{Op: ArgMax, Outer: 128, N: 10, Inner: 1},
		} {
			b.Run(fmt.Sprintf("%d/%dx%dx%d", k.Op, k.Outer, k.N, k.Inner), func(b *testing.B) {
				k.X, k.Y = make([]float32, k.Outer*k.N*k.Inner), make([]float32, k.Outer*k.Inner)
				reduceInput(rand.New(rand.NewPCG(1, 2)), k.X, false)
				for b.Loop() {
					k.Run(nil)
				}
				cputest.ReportBytes(b, 4*len(k.X))
			})
		}
		b.Run("AllFinite/269328", func(b *testing.B) {
			var bad uint32
			k := &AllFinite{X: make([]float32, 269_328), Bad: &bad}
			for b.Loop() {
				k.Run(nil)
			}
			cputest.ReportBytes(b, 4*len(k.X))
		})
	})
}

// What lies apart is reduced as if it had been copied.
func TestReductionsOfWhatLiesApart(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range choice.Effort(70, 200) {
		k := Reduction{Op: Op(r.IntN(4)), Outer: 1 + r.IntN(4), N: 1 + r.IntN(40), Inner: 1 + r.IntN(4)*r.IntN(50)}
		if r.IntN(20) == 0 {
			k.N += 4090 + r.IntN(5000)
		}
		k.Lanes = k.Inner > 1 && r.IntN(2) == 0
		k.Stride = k.Inner + r.IntN(9)
		k.OuterStride = k.N*k.Stride + r.IntN(9)
		switch {
		case k.Inner == 1:
			k.Stride = 1
			k.OuterStride = k.N + r.IntN(9)
		case r.IntN(2) == 0: // what is reduced lies further apart than results
			k.OuterStride = k.Inner + r.IntN(9)
			k.Stride = k.Outer*k.OuterStride + r.IntN(9)
		}
		k.X = cputest.WithZeros(r, (k.Outer-1)*k.OuterStride+(k.N-1)*k.Stride+k.Inner)
		k.Y = make([]float32, k.Outer*k.Inner)
		want, column := make([]float32, len(k.Y)), make([]float32, k.N)
		for i := range want {
			for n := range column {
				column[n] = k.X[i/k.Inner*k.OuterStride+n*k.Stride+i%k.Inner]
			}
			want[i] = reduceOne(k.Op, column, k.Inner > 1 && !k.Lanes)
		}
		cputest.EachTier(t, func(t *testing.T) {
			for _, pool := range cputest.Pools {
				run := k
				run.Prepare()
				run.Run(pool)
				if i := cputest.FirstDifference(k.Y, want); i >= 0 {
					t.Fatalf("%v of %d × %d × %d, strides %d and %d, lanes %v: element %d is %v, want %v",
						k.Op, k.Outer, k.N, k.Inner, k.OuterStride, k.Stride, k.Lanes, i, k.Y[i], want[i])
				}
			}
		})
	}
}

func TestNoReductionReachesBeyondItsArrays(t *testing.T) {
	kernels := map[string]func(short func(int) []float32) cpu.Kernel{
		"all finite": func(short func(int) []float32) cpu.Kernel {
			return &AllFinite{X: make([]float32, 100), Bad: new(uint32)}
		},
	}
	for _, op := range []Op{Sum, Max, Min, ArgMax} {
		for _, size := range [][3]int{{4, 100, 1}, {3, 7, 33}, {1, 9000, 5}, {1, 1, 1}} {
			o, n, i := size[0], size[1], size[2]
			kernels[fmt.Sprintf("reduction %d of %v", op, size)] = func(short func(int) []float32) cpu.Kernel {
				k := &Reduction{Op: op, X: short(o * n * i), Y: short(o * i), Outer: o, N: n, Inner: i}
				k.Prepare()
				return k
			}
		}
	}
	cputest.CheckBounds(t, kernels)
}
