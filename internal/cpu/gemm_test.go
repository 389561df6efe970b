package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/par"
)

// product is the definition of Gemm, element by element.
func product(g *Gemm) []float32 {
	c := make([]float32, g.M*g.N)
	for i := range g.M {
		for j := range g.N {
			var total float32
			for k0 := 0; k0 < g.K; k0 += chain {
				var sum float32
				for k := k0; k < min(k0+chain, g.K); k++ {
					a, b := i*g.LDA+k, k*g.LDB+j
					if g.TransA {
						a = k*g.LDA + i
					}
					if g.TransB {
						b = j*g.LDB + k
					}
					sum = fmath.FMA(g.A[a], g.B[b], sum)
				}
				if k0 == 0 {
					total = sum
				} else {
					total += sum
				}
			}
			c[i*g.N+j] = total
		}
	}
	return c
}

// randomGemm returns a product of random numbers, with pad extra columns in
// memory.
func randomGemm(m, n, k int, transA, transB bool, pad int) *Gemm {
	g := &Gemm{M: m, N: n, K: k, TransA: transA, TransB: transB, LDA: k + pad, LDB: n + pad, LDC: n + pad}
	rowsA, rowsB := m, k
	if transA {
		g.LDA, rowsA = m+pad, k
	}
	if transB {
		g.LDB, rowsB = k+pad, n
	}
	r := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
	fill := func(size int) []float32 {
		s := make([]float32, size)
		for i := range s {
			s[i] = float32(r.NormFloat64())
		}
		return s
	}
	g.A, g.B, g.C = fill(rowsA*g.LDA), fill(rowsB*g.LDB), fill(m*g.LDC)
	return g
}

func TestProductsHaveTheSameBitsOnEveryTier(t *testing.T) {
	defer Force(Active())
	type size struct{ m, n, k int }
	sizes := []size{{1, 1, 4099}, {3, 17, 8200}, {130, 70, 1100}, {40, 300, 700}, {65, 1024, 70}, {128, 10, 64}, {2, 3, 0}, {0, 3, 4}, {3, 0, 4}}
	for m := 1; m < 34; m += 3 {
		for n := 1; n < 70; n += 4 {
			sizes = append(sizes, size{m, n, 1 + (m*n)%37})
		}
	}
	for _, s := range sizes {
		for form := range 4 {
			g := randomGemm(s.m, s.n, s.k, form&1 != 0, form&2 != 0, s.m%3)
			want := product(g)
			for _, tier := range Supported() {
				if err := Force(tier); err != nil {
					t.Fatal(err)
				}
				for _, workers := range []int{1, 3} {
					c := make([]float32, len(g.C))
					h := &Gemm{M: g.M, N: g.N, K: g.K, TransA: g.TransA, TransB: g.TransB, A: g.A, B: g.B, C: c, LDA: g.LDA, LDB: g.LDB, LDC: g.LDC}
					h.Run(par.New(workers))
					for i := range g.M {
						for j := range g.N {
							if got := c[i*g.LDC+j]; math.Float32bits(got) != math.Float32bits(want[i*g.N+j]) {
								t.Fatalf("%v transA %v transB %v, tier %v, %d workers: element (%d, %d) is %v, want %v", s, g.TransA, g.TransB, tier, workers, i, j, got, want[i*g.N+j])
							}
						}
					}
				}
			}
		}
	}
}
