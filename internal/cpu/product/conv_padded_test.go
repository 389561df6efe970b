package product

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// paddedWindow is a convolution whose gradient of the kernel multiplies padding: of several chains, strided.
func paddedWindow() Window {
	return convShape{"", 6, 31, 3, 18, 3, 1, 1, 1}.window()
}

// gradOf returns the gradient of the kernel by tiles, by the definition, and the way of the first.
func gradOf(t *testing.T, w Window, x, dy []float32) (got, want []float32, g *kernelGrad) {
	t.Helper()
	got, want = make([]float32, volume(w.Taps)*w.Channels/w.Groups*w.Filters), make([]float32, volume(w.Taps)*w.Channels/w.Groups*w.Filters)
	k := &ConvKernelGrad{Window: w, X: x, DY: dy, DK: got}
	k.Run(nil)
	g, ok := k.way.(*kernelGrad)
	if !ok || g.classes[0].padded == nil {
		t.Fatal("padding is not multiplied")
	}
	defer cputest.Force(t, isa.Active())
	cputest.Force(t, isa.Generic)
	(&ConvKernelGrad{Window: w, X: x, DY: dy, DK: want}).Run(nil)
	return got, want, g
}

// computedAgain reports whether a tap was computed without its padding.
func computedAgain(g *kernelGrad) bool {
	for i := range g.tasks {
		for j := range g.tasks[i].again {
			if g.tasks[i].again[j].Load() {
				return true
			}
		}
	}
	return false
}

func TestPaddingChangesNoBitOfAKernelsGradient(t *testing.T) {
	w := paddedWindow()
	r := rand.New(rand.NewPCG(7, 7))
	cputest.EachTier(t, func(t *testing.T) {
		if isa.Active() == isa.Generic {
			return
		}
		for name, c := range map[string]struct {
			again  bool
			change func(x, dy []float32)
		}{
			"any numbers": {false, func(_, _ []float32) {}},
			"a filter without a gradient, a channel of zeros": {false, func(x, dy []float32) {
				for i := 4; i < len(dy); i += w.Filters {
					dy[i] = float32(math.Copysign(0, -1))
				}
				for i := 1; i < len(x); i += w.Channels {
					x[i] = 0
				}
			}},
			"chains at minus zero": {true, func(x, dy []float32) {
				for i := range x {
					x[i] = -1e-30 // 0·dy is +0 then: at the end of a chain it would show
				}
				for i := range dy {
					dy[i] = 1e-30
				}
			}},
			"a sample of zeros beside one without a gradient": {true, func(x, dy []float32) {
				for sample := 0; sample < w.Batch; sample += 2 {
					clear(x[sample*len(x)/w.Batch:][:len(x)/w.Batch])
					clear(dy[(sample+1)*len(dy)/w.Batch:][:len(dy)/w.Batch])
				}
			}},
			"an infinite gradient at the border": {true, func(_, dy []float32) { dy[w.Filters/2] = float32(math.Inf(1)) }},
			"one that is NaN":                    {true, func(_, dy []float32) { dy[len(dy)-1] = float32(math.NaN()) }},
		} {
			x, dy := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, w.Batch*volume(w.Places)*w.Filters)
			c.change(x, dy)
			got, want, g := gradOf(t, w, x, dy)
			for i, v := range want {
				if !cputest.SameBits(got[i], v) {
					t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], v)
				}
			}
			if again := computedAgain(g); again != c.again {
				t.Errorf("%s: computed again without padding: %v, want %v", name, again, c.again)
			}
		}
	})
}
