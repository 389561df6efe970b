package product

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/par"
)

// Products read and write nothing beside their operands: each ends, or begins, where
// memory that can't be touched does.
func TestProductsStayWithinTheirOperands(t *testing.T) {
	defer isa.Force(isa.Active())
	copyTo := func(to, from []float32) []float32 { copy(to, from); return to }
	for _, k := range []int{1, 3, 4, 9} {
		for m := 1; m <= 15; m++ {
			for n := 1; n <= 35; n++ {
				r := rand.New(rand.NewPCG(uint64(m), uint64(n)))
				form, atStart := r.IntN(4), r.IntN(2) == 0
				if testing.Short() && r.IntN(4) != 0 {
					continue
				}
				t.Run(fmt.Sprintf("%dx%dx%d form %d", m, n, k, form), func(t *testing.T) {
					g := randomGemm(m, n, k, form&1 != 0, form&2 != 0, 0)
					want := product(g)
					g.A = copyTo(cputest.Fenced[float32](t, len(g.A), atStart), g.A)
					g.B = copyTo(cputest.Fenced[float32](t, len(g.B), atStart), g.B)
					g.C = cputest.Fenced[float32](t, len(g.C), atStart)
					for _, tier := range isa.Supported() {
						if err := isa.Force(tier); err != nil {
							t.Fatal(err)
						}
						g.Prepare()
						move.SetAll(g.C, -1)
						g.Run((*par.Pool)(nil))
						for i, got := range g.C {
							if math.Float32bits(got) != math.Float32bits(want[i]) {
								t.Fatalf("%v: element %d is %v, want %v", tier, i, got, want[i])
							}
						}
					}
				})
			}
		}
	}
}

func TestNoProductReachesBeyondItsMatrices(t *testing.T) {
	kernels := map[string]func(short func(int) []float32) cpu.Kernel{}
	for _, size := range [][3]int{{1, 1, 1}, {3, 17, 5}, {1, 64, 300}, {40, 50, 60}, {130, 70, 500}} {
		for trans := range 4 {
			m, n, k := size[0], size[1], size[2]
			kernels[fmt.Sprintf("product %v, transposed %02b", size, trans)] = func(short func(int) []float32) cpu.Kernel {
				g := &Gemm{
					M: m, N: n, K: k, TransA: trans&1 > 0, TransB: trans&2 > 0, LDA: k, LDB: n, LDC: n,
					A: short(m * k), B: short(k * n), C: short(m * n),
				}
				if g.TransA {
					g.LDA = m
				}
				if g.TransB {
					g.LDB = k
				}
				return g
			}
		}
	}
	cputest.CheckBounds(t, kernels)
}
