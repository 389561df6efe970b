package product

import (
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file tests convolutions and pools of parts of wider images, and into such.

// gap is what lies between pixels. No kernel may change it, or take it for a pixel.
const gap = -98765

// apart spreads pixels of so many channels, stride from one to the next.
func apart(x []float32, channels, stride int) []float32 {
	y := make([]float32, extent(len(x)/channels, stride, channels))
	for i := range y {
		y[i] = gap
		if c := i % stride; c < channels {
			y[i] = x[i/stride*channels+c]
		}
	}
	return y
}

func TestConvolutionsAndPoolsOfPartsOfImages(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	cases := cputest.SampleOf(3)
	for number, w := range productWindows() {
		if !cases.Has() {
			continue
		}
		r := rand.New(rand.NewPCG(5, uint64(number)))
		x, k, y := cputest.WithZeros(r, w.Batch*volume(w.Image)*w.Channels), cputest.WithZeros(r, volume(w.Taps)*w.Channels/w.Groups*w.Filters), cputest.WithZeros(r, w.Batch*volume(w.Places)*w.Filters)
		wide := w
		wide.ImageStride, wide.ResultStride = w.Channels+1+r.IntN(20), w.Filters+1+r.IntN(20)
		// run returns the results of kernels on images in wider ones, or not, each in a wider image in the end.
		run := func(w *Window, p *par.Pool, image, result func(x []float32) []float32) [][]float32 {
			out := [][]float32{result(make([]float32, len(y))), image(make([]float32, len(x))), make([]float32, len(k))}
			kernels := []cpu.Kernel{
				&Conv{Window: *w, X: image(x), K: k, Y: out[0]},
				&ConvInputGrad{Window: *w, DY: result(y), K: k, DX: out[1]},
				&ConvKernelGrad{Window: *w, X: image(x), DY: result(y), DK: out[2]},
			}
			if w.Filters == w.Channels && w.Dilation == [3]int{1, 1, 1} && poolable(w) {
				arg := make([]float32, len(y))
				for op := MaxPool; op <= AveragePoolGrad; op++ {
					at := &Pool{Op: op, Window: *w, X: image(x), Y: result(make([]float32, len(y))), Arg: arg}
					out = append(out, at.Y)
					if at.back() {
						at.X, at.Y = image(make([]float32, len(x))), result(y)
						out[len(out)-1] = at.X
					}
					kernels = append(kernels, at)
				}
			}
			for _, kernel := range kernels {
				kernel.Run(p)
			}
			return out
		}
		whole := func(x []float32) []float32 { return append([]float32(nil), x...) }
		inImage := func(x []float32) []float32 { return apart(x, w.Channels, wide.ImageStride) }
		inResult := func(x []float32) []float32 { return apart(x, w.Filters, wide.ResultStride) }
		cputest.EachTier(t, func(t *testing.T) {
			if isa.Active() == isa.Generic && longer(&w, 200_000) {
				return
			}
			want := run(&w, nil, whole, whole)
			for i, p := range []*par.Pool{nil, pool} {
				if i != (number+int(isa.Active()))%2 && !choice.Thorough() {
					continue
				}
				for i, got := range run(&wide, p, inImage, inResult) {
					want := want[i]
					switch {
					case i == 1 || i >= 3+int(PoolPut):
						want = inImage(want)
					case i != 2:
						want = inResult(want)
					}
					for j, v := range want {
						if !cputest.SameBits(got[j], v) {
							t.Fatalf("window %d %+v: result %d, element %d is %v, want %v", number, wide, i, j, got[j], v)
						}
					}
				}
			}
		})
	}
}

// poolable reports whether there is a tap inside the image at each place.
func poolable(w *Window) bool {
	for d := range 3 {
		for o := range w.Places[d] {
			if t0, t1 := w.inside(d, o); t0 == t1 {
				return false
			}
		}
	}
	return true
}
