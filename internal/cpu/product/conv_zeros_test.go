package product

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// sparseWindows are convolutions whose gradients leave out zeros.
func sparseWindows() []Window {
	tall := convShape{"", 5, 40, 33, 20, 3, 1, 0, 1}.window() // several bands of rows, two chains
	tall.Stride = [3]int{1, 2, 1}
	tall.Places[1] = 19
	apart := convShape{"", 4, 14, 20, 70, 3, 1, 2, 1}.window() // dilated taps, more filters than a word has bits
	apart.Dilation = [3]int{1, 2, 2}
	apart.Places = [3]int{1, 14, 14}
	valid := apart
	valid.Low, valid.Places = [3]int{}, [3]int{1, 10, 10}
	return []Window{
		convShape{"", 9, 13, 64, 64, 3, 1, 0, 1}.window(),
		convShape{"", 3, 17, 16, 40, 5, 2, 2, 1}.window(),
		convShape{"", 5, 18, 24, 24, 4, 2, 0, 1}.window(),
		tall, apart, valid,
		convShape{"", 6, 16, 32, 32, 3, 1, 1, 1}.window(),
	}
}

// gradients are a convolution's, without what is multiplied by zero and with it.
type gradients struct {
	x, k, dy       []float32
	image, kernel  [2][]float32
	sparse, undone [2]bool // whether zeros were left out, and whether all was computed again then
}

func (g *gradients) compute(w Window, p *par.Pool) {
	for i := range g.image {
		g.image[i], g.kernel[i] = make([]float32, len(g.x)), make([]float32, len(g.k))
		zeros := [2]Zeros{ZerosUnstructured, NoZeros}[i]
		image := &ConvInputGrad{Window: w, DY: g.dy, K: g.k, DX: g.image[i], Zeros: zeros}
		kernel := &ConvKernelGrad{Window: w, X: g.x, DY: g.dy, DK: g.kernel[i], Zeros: zeros}
		image.Run(p)
		kernel.Run(p)
		if i == 0 {
			g.sparse = [2]bool{image.sparse != nil && image.sparse.worthwhile(), kernel.sparse != nil && kernel.sparse.worthwhile()}
			g.undone = [2]bool{g.sparse[0] && image.sparse.bad.Load(), g.sparse[1] && kernel.sparse.bad.Load()}
		}
	}
}

func TestGradientsOfConvolutionsLeaveOutZeros(t *testing.T) {
	p := par.New(3)
	defer p.Close()
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	cputest.EachTier(t, func(t *testing.T) {
		if isa.Active() == isa.Generic {
			return
		}
		for number, w := range sparseWindows() {
			for name, c := range map[string]struct {
				change func(g *gradients)
				undone [2]bool
			}{
				"any numbers": {func(*gradients) {}, [2]bool{}},
				"chains at minus zero": {func(g *gradients) {
					for _, x := range [][]float32{g.x, g.k, g.dy} {
						for i, v := range x {
							if v != 0 {
								x[i] = -1e-30
							}
						}
					}
					for i, v := range g.dy {
						g.dy[i] = -v
					}
				}, [2]bool{true, true}},
				"an infinite pixel":      {func(g *gradients) { g.x[len(g.x)/2] = inf }, [2]bool{false, true}},
				"a kernel that is NaN":   {func(g *gradients) { g.k[len(g.k)-1] = nan }, [2]bool{}}, // is seen before
				"a gradient that is NaN": {func(g *gradients) { g.dy[len(g.dy)/2] = nan }, [2]bool{true, true}},
			} {
				r := rand.New(rand.NewPCG(3, uint64(number)))
				normal := func(n int) []float32 {
					x := make([]float32, n)
					for i := range x {
						x[i] = float32(r.NormFloat64())
					}
					return x
				}
				g := &gradients{
					x: normal(w.Batch * volume(w.Image) * w.Channels), k: normal(volume(w.Taps) * w.Channels * w.Filters),
					dy: normal(w.Batch * volume(w.Places) * w.Filters),
				}
				for i := range g.dy {
					if r.IntN(6) > 0 {
						g.dy[i] = float32(math.Copysign(0, r.Float64()-0.5))
					}
				}
				c.change(g)
				g.compute(w, p)
				for i, want := range g.image[1] {
					if got := g.image[0][i]; !cputest.SameBits(got, want) {
						t.Fatalf("%s, window %d: element %d of the image's gradient is %v, want %v", name, number, i, got, want)
					}
				}
				for i, want := range g.kernel[1] {
					if got := g.kernel[0][i]; !cputest.SameBits(got, want) {
						t.Fatalf("%s, window %d: element %d of the kernel's gradient is %v, want %v", name, number, i, got, want)
					}
				}
				if want := [2]bool{true, true}; g.sparse != want {
					t.Errorf("%s, window %d: zeros are left out of image and kernel: %v, want %v", name, number, g.sparse, want)
				}
				if g.undone != c.undone {
					t.Errorf("%s, window %d: all is computed again, of image and kernel: %v, want %v", name, number, g.undone, c.undone)
				}
			}
		}
	})
}

func TestFewZerosAreMultiplied(t *testing.T) {
	w := sparseWindows()[0]
	dy := cputest.WithZeros(rand.New(rand.NewPCG(1, 1)), w.Batch*volume(w.Places)*w.Filters)
	k := &ConvInputGrad{Window: w, DY: dy, K: make([]float32, volume(w.Taps)*w.Channels*w.Filters), DX: make([]float32, w.Batch*volume(w.Image)*w.Channels), Zeros: ZerosUnstructured}
	if k.Prepare(); k.sparse != nil && k.sparse.run(nil) {
		t.Error("zeros are looked for where there are none")
	}
}
