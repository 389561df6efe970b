package product

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// A block of a product has the bits of the whole, whether its chains are summed at once or gone on with.
func TestBlocksSumAsProducts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 2}, {64, 64, 64}, {61, 33, 130}, {7, 300, 17}, {64, 9, 1}, {2, 3, 4100}, {40, 70, 0}} {
		m, n, k := size[0], size[1], size[2]
		for _, trans := range []bool{false, true} {
			a, b, want := make([]float32, (m+2)*(k+2)), make([]float32, (k+1)*(n+3)), make([]float32, m*n)
			cputest.FillMixed(r, a)
			cputest.FillMixed(r, b)
			if size[0] != 61 { // moderate numbers, whose sums are finite
				for _, x := range [][]float32{a, b} {
					for i := range x {
						x[i] = float32(r.NormFloat64())
					}
				}
			}
			left, alongK := Matrix{a, k + 2, false}, 1
			if trans {
				left, alongK = Matrix{a, m + 2, true}, m+2
			}
			right := Matrix{b, n + 3, false}
			g := &Gemm{M: m, N: n, K: k, TransA: trans, A: a, LDA: left.LD, B: b, LDB: n + 3, C: want, LDC: n}
			g.Run(nil)
			cputest.EachTier(t, func(t *testing.T) {
				got := make([]float32, m*(n+1))
				check := func(what string) {
					for i := range m {
						if j := cputest.FirstDifference(got[i*(n+1):][:n], want[i*n:][:n]); j >= 0 {
							t.Errorf("%s %v, transposed %v: element %d, %d is %v, want %v", what, size, trans, i, j, got[i*(n+1)+j], want[i*n+j])
							return
						}
					}
				}
				Multiply(0, Matrix{got, n + 1, false}, left, right, m, n, k, false)
				check("at once")
				if k < 4096 {
					clear(got)
					for from := 0; from < k; from += 5 {
						to := min(from+5, k)
						Multiply(0, Matrix{got, n + 1, false}, Matrix{a[from*alongK:], left.LD, trans}, Matrix{b[from*right.LD:], right.LD, false}, m, n, to-from, true)
					}
					check("piece by piece")
				}
			})
		}
	}
}

func TestTransposeIsTheTranspose(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 40}, {33, 17}} {
		rows, cols := size[0], size[1]
		src, dst := make([]float32, rows*(cols+1)), make([]float32, cols*(rows+2))
		for i := range src {
			src[i] = float32(i)
		}
		cputest.EachTier(t, func(t *testing.T) {
			Transpose(0, dst, rows+2, src, cols+1, rows, cols)
			for i := range rows {
				for j := range cols {
					if got, want := dst[j*(rows+2)+i], src[i*(cols+1)+j]; got != want {
						t.Fatal(fmt.Sprint(size), i, j, got, want)
					}
				}
			}
		})
	}
}
