package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
)

// eachBenchTier runs a benchmark for every tier that this machine has.
func eachBenchTier(b *testing.B, f func(b *testing.B)) {
	before := Active()
	defer func() { must(b, Force(before)) }()
	for _, tier := range Supported() {
		must(b, Force(tier))
		b.Run(tier.String(), f)
	}
}

// reportBytes reports the rate at which a run moves bytes.
func reportBytes(b *testing.B, bytes int) {
	b.ReportMetric(float64(bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

// A tile of 512 elements in the first-level cache.
func BenchmarkPrimitive(b *testing.B) {
	eachBenchTier(b, func(b *testing.B) {
		x := make([]float32, 4*tileSize)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range x {
			x[i] = float32(r.Float64()*4 + 0.1)
		}
		for op := range EOp(numEOps) {
			f := opsOf(Active())[op]
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
				reportBytes(b, 4*n*(f.vectors+len(e.Out)))
			})
		}
	}
}

// The epilogue of a hidden layer of the listing: bias, relu and dropout.
func BenchmarkEpilogue(b *testing.B) {
	eachBenchTier(b, func(b *testing.B) {
		for i := range fusedPrograms[:min(4, len(fusedPrograms))] {
			f := &fusedPrograms[i]
			b.Run(f.name, func(b *testing.B) {
				e := kernelOf(f, rand.New(rand.NewPCG(1, 2)), 128, 256, full)
				for k := 1; k < f.vectors; k++ {
					e.In[k] = row.operand(rand.New(rand.NewPCG(1, 2)), 128, 256)
				}
				for b.Loop() {
					e.Run(nil)
				}
			})
		}
	})
}
