package product

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/par"
)

// halvesOf rounds numbers to 16 bits.
func halvesOf(x []float32, brain bool) Halves {
	narrow := number.ToFloat16
	if brain {
		narrow = number.ToBFloat16
	}
	h := Halves{Data: []uint16{}, Brain: brain}
	for _, v := range x {
		h.Data = append(h.Data, narrow(v))
	}
	return h
}

func TestProductsOfHalvesHaveTheBitsOfThoseOfFloats(t *testing.T) {
	sizes := []size{{1, 1, 1, 0}, {1, 10, 256, 0}, {3, 5, 7, 2}, {1, 300, 200, 3}, {1, 77, 130, 1}, {1, 8, 33, 0}, {1, 7, 40, 0}, {17, 33, 65, 1}, {128, 70, 130, 0}, {40, 24, 4200, 0}, {600, 160, 90, 0}, {5, 0, 3, 0}, {4, 5, 0, 0}}
	if !choice.Thorough() {
		sizes = slices.DeleteFunc(sizes, func(s size) bool { return s.k > 4000 })
	}
	pool := par.New(2)
	defer pool.Close()
	cputest.EachTier(t, func(t *testing.T) {
		for _, s := range sizes {
			if s.slow() {
				continue
			}
			for form := range 8 {
				g := randomGemm(s.m, s.n, s.k, form&1 > 0, form&2 > 0, s.pad)
				for i := range g.B {
					g.B[i] *= 1 << 14 // so that the least become denormal binary16
				}
				half := halvesOf(g.B, form&4 > 0)
				half.widen(g.B)
				h := &Gemm{
					M: g.M, N: g.N, K: g.K, TransA: g.TransA, TransB: g.TransB, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC,
					A: g.A, HalfB: half, C: slices.Clone(g.C), Zeros: ZerosUnstructured,
				}
				h.Run(pool)
				g.Run(pool)
				for i, x := range g.C {
					if math.Float32bits(x) != math.Float32bits(h.C[i]) {
						t.Fatalf("%v, form %b: element %d is %v, of floats %v", s, form, i, h.C[i], x)
					}
				}
			}
		}
	})
}

func TestAProductOfHalvesAllocatesNothing(t *testing.T) {
	for _, rows := range []int{8, 1} {
		g := randomGemm(rows, 75, 100, false, false, 0)
		g.HalfB, g.B = halvesOf(g.B, true), nil
		g.Run(nil)
		if n := testing.AllocsPerRun(10, func() { g.Run(nil) }); n > 0 {
			t.Errorf("%d rows: %v allocations", rows, n)
		}
	}
}

func TestWidenIsExact(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	cputest.EachTier(t, func(t *testing.T) {
		for _, brain := range []bool{true, false} {
			wide := make([]float32, len(all))
			(&Widen{Src: Halves{all, brain}, Dst: wide}).Run(nil)
			for i, x := range wide {
				want := math.Float32frombits(uint32(i) << 16)
				if !brain {
					want = number.FromFloat16(uint16(i))
				}
				if math.Float32bits(x) != math.Float32bits(want) && x == x {
					t.Fatalf("%04x becomes %v, want %v", i, x, want)
				}
			}
			for _, n := range []int{0, 1, 3, 7, 8, 9, 31, 33, 100} { // of every length, and no more
				dst := make([]float32, n+1)
				dst[n] = 7
				Halves{all[0x3c00:], brain}.widen(dst[:n])
				if !slices.Equal(dst[:n], wide[0x3c00:][:n]) || dst[n] != 7 {
					t.Fatalf("the first %d are %v", n, dst)
				}
			}
		}
	})
}

func BenchmarkProductOfHalves(b *testing.B) {
	for _, s := range []size{{1, 256, 784, 0}, {1, 4096, 4096, 0}, {128, 256, 784, 0}, {128, 4096, 4096, 0}} {
		for _, kind := range []string{"float32", "bfloat16", "float16"} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.m, s.n, s.k, kind), func(b *testing.B) {
				g := randomGemm(s.m, s.n, s.k, false, false, 0)
				if kind != "float32" {
					for i := range g.B {
						g.B[i] *= 1 << 14
					}
					g.HalfB, g.B = halvesOf(g.B, kind == "bfloat16"), nil
				}
				g.Prepare()
				for b.Loop() {
					g.Run(nil)
				}
			})
		}
	}
}
