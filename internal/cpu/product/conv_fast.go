package product

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file chooses how a convolution is computed on the tiles of matrix products: as a plain product, where
// there is one tap, or as a product of patches.

// A way computes a convolution on the tiles of products.
type way interface{ Run(p *par.Pool) }

// product returns the way of a convolution, or nil where the definition is the way.
func (k *Conv) product() way {
	w := &k.Window
	if !w.multiplies() {
		return nil
	}
	if w.pointwise() {
		return prepared(&Gemm{
			M: w.Batch * volume(w.Image), N: w.Filters, K: w.Channels, A: k.X, B: k.K, C: k.Y,
			LDA: w.ImageStride, LDB: w.Filters, LDC: w.ResultStride, Epilogue: k.Epilogue,
		})
	}
	if w.depthwise() {
		return (&channelwise{
			window: w, x: k.X, k: k.K, y: k.Y, size: w.Image, results: w.Places, ldx: w.ImageStride, ldy: w.ResultStride, epilogue: k.Epilogue,
			spans: spansOf(along(w.placeSpans), w.Places),
		}).prepare()
	}
	x := k.patches()
	z := &narrow{
		x: x, batch: w.Batch, channels: w.Channels, data: k.X, size: w.Image, stride: w.ImageStride, results: w.Places, kernel: matrix{data: k.K, ld: 1},
	}
	if z.prepare(w, func(tap, c int) int { return (tap*w.Channels + c) * w.Filters }) {
		return z
	}
	x.prepare()
	return x
}

// patches returns the product of patches, which isn't cut into tasks yet.
func (k *Conv) patches() *implicit {
	w := &k.Window
	channels, filters := w.Channels/w.Groups, w.Filters/w.Groups
	kernel := matrix{data: k.K, ld: w.Filters}
	x := &implicit{
		n: filters, depth: volume(w.Taps) * channels, groups: w.Groups, c: k.Y, ldc: w.ResultStride, epilogue: k.Epilogue,
		asItIs: kernel,
	}
	x.packKernel = func(s *gemmScratch, to panels, group, c0, c1, k0, k1 int) {
		kernel.pack(s, to, k0, k1, group*filters+c0, group*filters+c1)
	}
	tap := func(d, h, w int) int { return ((d*k.Taps[1]+h)*k.Taps[2] + w) * channels }
	x.spans = along(w.placeSpans)
	x.classes = classes(x.spans, w.Groups, func(group int, spans [3]*span) *patches {
		return patchesOf(k.X, w.Batch, w.ImageStride, group*channels, channels, w.Image, w.Places, spans, tap)
	})
	return x
}

// product returns the way of the gradient of an image, or nil where the definition is the way.
func (k *ConvInputGrad) product() way {
	w := &k.Window
	if !w.multiplies() {
		return nil
	}
	if w.pointwise() {
		return prepared(&Gemm{
			M: w.Batch * volume(w.Image), N: w.Channels, K: w.Filters, TransB: true, A: k.DY, B: k.K, C: k.DX,
			LDA: w.ResultStride, LDB: w.Filters, LDC: w.ImageStride, Epilogue: k.Epilogue,
		})
	}
	if w.depthwise() {
		return (&channelwise{
			window: w, x: k.DY, k: k.K, y: k.DX, size: w.Places, results: w.Image, ldx: w.ResultStride, ldy: w.ImageStride, epilogue: k.Epilogue,
			spans: spansOf(along(w.pixelSpans), w.Image),
		}).prepare()
	}
	channels, filters := w.Channels/w.Groups, w.Filters/w.Groups
	x := &implicit{
		n: channels, depth: volume(w.Taps) * filters, groups: w.Groups, c: k.DX, ldc: w.ImageStride, epilogue: k.Epilogue,
	}
	x.packKernel = func(s *gemmScratch, to panels, group, c0, c1, k0, k1 int) {
		for tap := k0 / filters; tap*filters < k1; tap++ {
			kernel := matrix{data: k.K[tap*channels*w.Filters:], ld: w.Filters}
			f0, f1 := max(k0-tap*filters, 0), min(k1-tap*filters, filters)
			at := to
			at.data = to.data[(tap*filters+f0-k0)*to.ld:]
			kernel.packTransposed(s, at, c0, c1, group*filters+f0, group*filters+f1)
		}
	}
	tap := func(d, h, w int) int { return ((d*k.Taps[1]+h)*k.Taps[2] + w) * filters }
	x.spans = along(w.pixelSpans)
	x.classes = classes(x.spans, w.Groups, func(group int, spans [3]*span) *patches {
		return patchesOf(k.DY, w.Batch, w.ResultStride, group*filters, filters, w.Places, w.Image, spans, tap)
	})
	z := &narrow{
		x: x, batch: w.Batch, channels: w.Filters, data: k.DY, size: w.Places, stride: w.ResultStride, results: w.Image, kernel: matrix{data: k.K, ld: w.Filters},
	}
	if z.prepare(w, func(tap, f int) int { return tap*w.Channels*w.Filters + f }) {
		return z
	}
	x.prepare()
	return x
}

// multiplies reports whether there is anything to multiply, on tiles that are faster than the definition.
func (w *Window) multiplies() bool {
	return isa.Active() != isa.Generic && w.Batch*volume(w.Image)*volume(w.Places)*volume(w.Taps)*w.Channels*w.Filters > 0
}

// pointwise reports whether the convolution is a product of the image as it is.
func (w *Window) pointwise() bool {
	one := [3]int{1, 1, 1}
	return w.Taps == one && w.Stride == one && w.Low == [3]int{} && w.Places == w.Image && w.Groups == 1
}

// classes returns the classes of pixels: those of each combination of spans along the dimensions.
func classes(spans [3][]span, groups int, of func(group int, spans [3]*span) *patches) (all []class) {
	for i := range spans[0] {
		for j := range spans[1] {
			for k := range spans[2] {
				var c class
				for group := range groups {
					c.patches = append(c.patches, of(group, [3]*span{&spans[0][i], &spans[1][j], &spans[2][k]}))
				}
				all = append(all, c)
			}
		}
	}
	return all
}

// prepared cuts a product into tasks.
func prepared(g *Gemm) *Gemm {
	g.Prepare()
	return g
}

// product returns the way of the gradient of a kernel, or nil where the definition is the way.
func (k *ConvKernelGrad) product() way {
	w := &k.Window
	if !w.multiplies() {
		return nil
	}
	if w.pointwise() {
		return prepared(&Gemm{
			M: w.Channels, N: w.Filters, K: w.Batch * volume(w.Places), TransA: true, A: k.X, B: k.DY, C: k.DK,
			LDA: w.ImageStride, LDB: w.ResultStride, LDC: w.Filters, Epilogue: k.Epilogue,
		})
	}
	if w.depthwise() {
		return newChannelwiseGrad(k)
	}
	x := &kernelGrad{window: w, n: w.Filters / w.Groups, c: k.DK, dy: k.DY, put: k.Put, total: k.Sums, epilogue: k.Epilogue}
	x.tapClasses(k.X)
	x.pad(k.X)
	x.prepare()
	if k.Sums != nil {
		x.partial = make([]float32, (len(x.classes[0].begins)-1)*x.n)
	}
	return x
}
