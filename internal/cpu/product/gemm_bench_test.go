package product

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// BenchmarkGemm measures products against the peak of the same minute: the listing's
// shapes, square ones, skinny ones. A figure is the median of many short
// measurements, since other processes come and go; the best is beside it.
func BenchmarkGemm(b *testing.B) {
	type shape struct {
		m, n, k int
		form    string // whether A and B are transposed
	}
	shapes := []shape{
		{128, 256, 784, "NN"},
		{128, 256, 256, "NN"},
		{128, 10, 256, "NN"},
		{784, 256, 128, "TN"},
		{256, 256, 128, "TN"},
		{256, 10, 128, "TN"},
		{128, 256, 256, "NT"},
		{128, 256, 10, "NT"},
		{1, 256, 784, "NN"},
		{1, 256, 256, "NN"},
		{1, 10, 256, "NN"},
		{1, 4096, 4096, "NN"},
		{1, 4096, 4096, "NT"},
		{8, 1024, 1024, "NN"},
		{32, 256, 784, "NN"},
		{16, 1024, 1024, "NN"},
		{16, 4096, 4096, "NN"},
		{1024, 16, 1024, "NN"},
		{1024, 1, 1024, "NN"},
		{1024, 16, 1024, "TN"},
		{8192, 256, 784, "NN"},
		{784, 256, 8192, "TN"},
		{64, 256, 3136, "TN"}, // kernels' gradients of 1×1 convolutions
		{256, 64, 25088, "TN"},
		{512, 128, 6272, "TN"},
		{25088, 256, 64, "NN"}, // such convolutions, and gradients of their images
		{25088, 128, 128, "NT"},
		{100352, 64, 32, "NN"},
		{4096, 4096, 16, "NN"},
		{40000, 256, 16, "NT"},
	}
	for _, n := range []int{16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1000, 1024, 2048, 4096} {
		for _, form := range []string{"NN", "TN", "NT"} {
			shapes = append(shapes, shape{n, n, n, form})
		}
	}
	for _, s := range shapes {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d/threads=%d", s.form, s.m, s.n, s.k, threads), func(b *testing.B) {
				g := randomGemm(s.m, s.n, s.k, s.form[0] == 'T', s.form[1] == 'T', 0)
				p := par.New(threads)
				defer p.Close()
				flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
				runs := max(int(2e7/flops), 1)
				peak := isa.PeakFMA(threads)
				var rates []float64
				for b.Loop() {
					start := time.Now()
					for range runs {
						g.Run(p)
					}
					rates = append(rates, flops*float64(runs)/time.Since(start).Seconds()/1e9)
				}
				slices.Sort(rates)
				median, best := rates[len(rates)/2], rates[len(rates)-1]
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*runs), "ns/op")
				b.ReportMetric(median, "GFLOP/s")
				b.ReportMetric(median/peak, "median/peak")
				b.ReportMetric(best/peak, "best/peak")
			})
		}
	}
}
