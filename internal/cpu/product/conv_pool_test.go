package product

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/par"
)

// biasRelu is an epilogue.
type biasRelu struct{ y, bias []float32 }

func (e *biasRelu) Region(_, r0, r1, c0, c1 int) {
	for r := r0; r < r1; r++ {
		for c := c0; c < c1; c++ {
			v := &e.y[r*len(e.bias)+c]
			if *v += e.bias[c]; *v <= 0 {
				*v = 0
			}
		}
	}
}

func TestConvolutionsPoolWhatTheyCompute(t *testing.T) {
	pools := []*par.Pool{nil, par.New(3)}
	defer pools[1].Close()
	for number, s := range []convShape{
		{"", 3, 9, 3, 18, 3, 1, 0, 1},
		{"", 9, 14, 1, 64, 3, 1, 0, 1},
		{"", 2, 13, 20, 33, 5, 2, 0, 1},
		{"", 1, 60, 2, 16, 2, 1, 0, 1},
	} {
		r := rand.New(rand.NewPCG(5, uint64(number)))
		w := s.window()
		places := w.Places[1]
		x, kernel, bias := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, volume(w.Taps)*w.Channels*w.Filters), cputest.WithZeros(r, w.Filters)
		x[len(x)/3], x[len(x)-1] = float32(math.NaN()), float32(math.Inf(1))
		cputest.EachTier(t, func(t *testing.T) {
			y := make([]float32, w.Batch*volume(w.Places)*w.Filters)
			(&Conv{Window: w, X: x, K: kernel, Y: y}).Run(nil)
			(&biasRelu{y, bias}).Region(0, 0, len(y)/w.Filters, 0, w.Filters)
			pooled := Window{
				Batch: w.Batch, Image: w.Places, Places: [3]int{1, places / 2, places / 2}, Taps: [3]int{1, 2, 2}, Stride: [3]int{1, 2, 2},
				Dilation: [3]int{1, 1, 1}, Channels: w.Filters, Filters: w.Filters, Groups: w.Filters,
			}
			n := w.Batch * volume(pooled.Places) * w.Filters
			top, arg := make([]float32, n), make([]float32, n)
			(&Pool{Op: MaxPool, Window: pooled, X: y, Y: top}).Run(nil)
			(&Pool{Op: ArgMaxPool, Window: pooled, X: y, Y: arg}).Run(nil)
			for _, p := range pools {
				for _, wanted := range []bool{true, false} {
					k := &ConvPool{
						Window: w, X: x, K: kernel, Max: make([]float32, n),
						Then: func(_ int, y []float32) cpu.Epilogue { return &biasRelu{y, bias} },
					}
					if wanted {
						k.Arg = make([]float32, n)
					}
					k.Places = [3]int{1, places / 2 * 2, places / 2 * 2}
					for range 2 {
						k.Run(p)
						for i, want := range top {
							if !cputest.SameBits(k.Max[i], want) {
								t.Fatalf("shape %d: maximum %d is %v, want %v", number, i, k.Max[i], want)
							}
							if wanted && k.Arg[i] != arg[i] {
								t.Fatalf("shape %d: the tap of %d is %v, want %v", number, i, k.Arg[i], arg[i])
							}
						}
					}
				}
			}
		})
	}
}
