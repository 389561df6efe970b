package elementwise

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// A tile of 512 elements in the first-level cache.
func BenchmarkPrimitive(b *testing.B) {
	cputest.EachBenchTier(b, func(b *testing.B) {
		x := make([]float32, 4*tileSize)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range x {
			x[i] = float32(r.Float64()*4 + 0.1)
		}
		for op := range Op(NumOps) {
			f := Primitives(isa.Active())[op]
			if f == nil {
				continue
			}
			b.Run(op.String(), func(b *testing.B) {
				for b.Loop() {
					f(&x[0], &x[tileSize], &x[2*tileSize], &x[3*tileSize], tileSize)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tileSize, "ns/element")
			})
		}
	})
}

// The optimizers over the slab of the listing's model, on one and two threads.
func BenchmarkFusedUpdate(b *testing.B) {
	const n = 269_328
	for i := range fusedPrograms {
		f := &fusedPrograms[i]
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", f.name, threads), func(b *testing.B) {
				e := kernelOf(f, rand.New(rand.NewPCG(1, 2)), 1, n, full)
				for k := range e.Out {
					e.Out[k] = e.In[map[int]int{0: 0, 1: f.vectors - 1, 2: max(f.vectors-2, 0)}[k]]
				}
				pool := par.New(threads)
				e.Run(pool)
				for b.Loop() {
					e.Run(pool)
				}
				cputest.ReportBytes(b, 4*n*(f.vectors+len(e.Out)))
			})
		}
	}
}

// Epilogues of a hidden layer of 128×256, whole and in the regions of a product's
// tasks. The last program is interpreted.
func BenchmarkEpilogue(b *testing.B) {
	const rows, cols = 128, 256
	cputest.EachBenchTier(b, func(b *testing.B) {
		for name, code := range map[string][]Instr{
			"bias":           {{Op: OpAdd, A: 0, B: 1}},
			"bias-relu":      {{Op: OpAdd, A: 0, B: 1}, {Op: OpRelu, A: 2}},
			"bias-relu-drop": {{Op: OpAdd, A: 0, B: 1}, {Op: OpRelu, A: 2}, {Op: OpDropout, A: 3}},
			"bias-tanh":      {{Op: OpAdd, A: 0, B: 1}, {Op: OpTanh, A: 2}},
		} {
			for _, width := range []int{32, cols} {
				b.Run(fmt.Sprintf("%s/%d", name, width), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 2))
					x := full.operand(r, rows, cols)
					e := &Kernel{
						Program: &Program{Operands: 2, Code: code, Outputs: []uint8{uint8(1 + len(code))}},
						Rows:    rows, Cols: cols,
						In:       []Operand{x, row.operand(r, rows, cols)},
						Out:      []Operand{x},
						Dropouts: []Dropout{testDropout(1)},
					}
					e.Prepare()
					for b.Loop() {
						for c := 0; c < cols; c += width {
							e.Region(0, 0, rows, c, c+width)
						}
					}
				})
			}
		}
	})
}
