package product

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/par"
)

// putOf returns the pool whose image is what a convolution computes.
func putOf(w Window) *Pool {
	return &Pool{Op: PoolPut, Window: Window{
		Batch: w.Batch, Image: w.Places, Places: [3]int{1, w.Places[1] / 2, w.Places[2] / 2}, Taps: [3]int{1, 2, 2}, Stride: [3]int{1, 2, 2},
		Dilation: [3]int{1, 1, 1}, Channels: w.Filters, Filters: w.Filters, Groups: w.Filters,
	}}
}

func TestWhatAPoolPutsIsMultipliedAndAddedUpWithoutBeingStored(t *testing.T) {
	pools := []*par.Pool{nil, par.New(3)}
	defer pools[1].Close()
	apart := convShape{"", 3, 40, 2, 33, 3, 1, 0, 1}.window()
	apart.Stride, apart.Dilation, apart.Places = [3]int{1, 1, 2}, [3]int{1, 2, 1}, [3]int{1, 36, 19}
	for number, w := range []Window{
		convShape{"", 9, 28, 1, 64, 3, 1, 0, 1}.window(), // chains that end within rows that are put together
		convShape{"", 5, 33, 1, 18, 5, 1, 0, 1}.window(), // an odd number of rows and columns
		convShape{"", 3, 12, 3, 100, 2, 1, 0, 1}.window(),
		convShape{"", 2, 9, 15, 2, 3, 3, 0, 1}.window(),
		convShape{"", 1, 300, 1, 20, 3, 1, 0, 1}.window(), // a row that fills steps
		apart,
	} {
		r := rand.New(rand.NewPCG(7, uint64(number)))
		put := putOf(w)
		n := put.Batch * volume(put.Places) * put.Channels
		x, y, arg := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, n), make([]float32, n)
		for i := range arg {
			arg[i] = float32(r.IntN(4))
		}
		if number == 1 {
			y[n/2], y[n-1] = float32(math.NaN()), float32(math.Inf(-1))
		}
		put.Y, put.Arg = y, arg
		cputest.EachTier(t, func(t *testing.T) {
			if isa.Active() == isa.Generic {
				if w.TakesPut() || put.PutsInFours() {
					t.Error("plain Go is said to read what a pool puts as it puts it")
				}
				return
			}
			if !w.TakesPut() || !put.PutsInFours() {
				t.Fatalf("shape %d: what the pool puts is stored", number)
			}
			stored := *put
			stored.X = make([]float32, w.Batch*volume(w.Places)*w.Filters)
			stored.Run(nil)
			kernel, sum := make([]float32, volume(w.Taps)*w.Channels*w.Filters), make([]float32, w.Filters)
			(&ConvKernelGrad{Window: w, X: x, DY: stored.X, DK: kernel}).Run(nil)
			reduction := &reduce.Reduction{X: stored.X, Y: sum, Outer: 1, N: w.Batch * volume(w.Places), Inner: w.Filters}
			reduction.Prepare()
			reduction.Run(nil)
			for _, p := range pools {
				grad := &ConvKernelGrad{Window: w, X: x, Put: put, DK: make([]float32, len(kernel)), Sums: make([]float32, len(sum))}
				sums := &PutSum{Put: put, Y: make([]float32, len(sum))}
				sums.Prepare()
				for range 2 {
					grad.Run(p)
					sums.Run(p)
					if i := cputest.FirstDifference(grad.DK, kernel); i >= 0 {
						t.Fatalf("shape %d: element %d of the kernel's gradient is %v, want %v", number, i, grad.DK[i], kernel[i])
					}
					for _, got := range [][]float32{sums.Y, grad.Sums} {
						if i := cputest.FirstDifference(got, sum); i >= 0 {
							t.Fatalf("shape %d: sum %d is %v, want %v", number, i, got[i], sum[i])
						}
					}
				}
			}
		})
	}
}

func TestPaddingAndManyChannelsAskForAStoredGradient(t *testing.T) {
	if isa.Active() == isa.Generic {
		return
	}
	for name, s := range map[string]convShape{
		"padding":   {"", 3, 12, 1, 16, 3, 1, 1, 1},
		"channels":  {"", 3, 12, 16, 16, 3, 1, 0, 1},
		"groups":    {"", 3, 12, 4, 16, 3, 1, 0, 2},
		"filters":   {"", 3, 12, 1, 129, 3, 1, 0, 1},
		"one pixel": {"", 3, 12, 4, 16, 1, 1, 0, 1},
	} {
		if w := s.window(); w.TakesPut() {
			t.Errorf("%s: the gradient of the kernel is said to take what a pool puts", name)
		}
	}
}

func TestWhatAPoolPutsReachesNoFurtherThanItsArrays(t *testing.T) {
	w := convShape{"", 2, 10, 1, 20, 3, 1, 0, 1}.window()
	// panics reports whether kernels panic of which array number i is one element too short.
	panics := func(i int) (yes bool) {
		defer func() { yes = recover() != nil }()
		array := func(number, n int) []float32 {
			if number == i {
				n--
			}
			return make([]float32, n, n+64)
		}
		put := putOf(w)
		put.Y, put.Arg = array(0, 2*4*4*20), array(1, 2*4*4*20)
		(&ConvKernelGrad{Window: w, X: array(2, 2*10*10), Put: put, DK: array(3, 3*3*20), Sums: array(4, 20)}).Run(nil)
		sums := &PutSum{Put: put, Y: array(5, 20)}
		sums.Prepare()
		sums.Run(nil)
		return false
	}
	cputest.EachTier(t, func(t *testing.T) {
		if isa.Active() == isa.Generic {
			return
		}
		if panics(-1) {
			t.Error("arrays that are long enough make kernels panic")
		}
		for i := range 6 {
			if !panics(i) {
				t.Errorf("array %d is too short, and was used", i)
			}
		}
	})
}
