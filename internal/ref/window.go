package ref

// This file says in float64 what convolutions and pools mean, and what float32 may
// make of them.

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// A touch is a tap of a window that is at a pixel of the image, at one of the
// window's places. All three are counted in row-major order.
type touch struct{ place, tap, pixel int }

// touches lists the touches of a window at all its places over an image of the shape,
// which give one of the shape out: place by place, and there tap by tap.
func touches(w *graph.Window, image, out tensor.Shape) []touch {
	image, out = image[1:len(image)-1], out[1:len(out)-1]
	taps := tensor.Shape(w.Size)
	var list []touch
	for place := range out.Numel() {
	taps:
		for tap := range taps.Numel() {
			pixel, p, t := 0, place, tap
			step := 1
			for i, n := range slices.Backward(image) {
				at := p%out[i]*w.Stride[i] - w.Low[i] + t%taps[i]*w.Dilation[i]
				if at < 0 || at >= n {
					continue taps
				}
				pixel += at * step
				step, p, t = step*n, p/out[i], t/taps[i]
			}
			list = append(list, touch{place, tap, pixel})
		}
	}
	return list
}

// convolution calls f for each product of the three operands of a convolution: with
// the places of the element of the image, of the kernel and of the result.
func convolution(w *graph.Window, image, kernel, out tensor.Shape, f func(x, k, y int)) {
	channels, filters := image[len(image)-1], out[len(out)-1]
	pixels, places := image[1:len(image)-1].Numel(), out[1:len(out)-1].Numel()
	inGroup, outGroup := channels/w.Groups, filters/w.Groups
	list := touches(w, image, out)
	for n := range image[0] {
		for _, t := range list {
			for filter := range filters {
				for c := range inGroup {
					channel := filter/max(outGroup, 1)*inGroup + c
					f((n*pixels+t.pixel)*channels+channel, (t.tap*inGroup+c)*filters+filter, (n*places+t.place)*filters+filter)
				}
			}
		}
	}
}

func conv(_ *Run, a *graph.Attr, in []value, out value) {
	convolution(&a.Window, in[0].shape, in[1].shape, out.shape, func(x, k, y int) {
		out.data[y] += float64(in[0].data[x] * in[1].data[k])
	})
}

func convInputGrad(_ *Run, a *graph.Attr, in []value, out value) {
	convolution(&a.Window, out.shape, in[1].shape, in[0].shape, func(x, k, y int) {
		out.data[x] += float64(in[0].data[y] * in[1].data[k])
	})
}

func convKernelGrad(_ *Run, a *graph.Attr, in []value, out value) {
	convolution(&a.Window, in[0].shape, out.shape, in[1].shape, func(x, k, y int) {
		out.data[k] += float64(in[0].data[x] * in[1].data[y])
	})
}

// pooled calls f for each touch of a window at an image of the shape, channel by
// channel: with the places of the elements of the image and of the result.
func pooled(w *graph.Window, image, out tensor.Shape, f func(x, y, tap int)) {
	channels := image[len(image)-1]
	pixels, places := image[1:len(image)-1].Numel(), out[1:len(out)-1].Numel()
	list := touches(w, image, out)
	for n := range image[0] {
		for _, t := range list {
			for c := range channels {
				f((n*pixels+t.pixel)*channels+c, (n*places+t.place)*channels+c, t.tap)
			}
		}
	}
}

func argMaxPool(_ *Run, a *graph.Attr, in []value, out value) {
	best := make([]float64, len(out.data))
	for y := range best {
		best[y] = math.Inf(-1)
		out.data[y] = -1
	}
	pooled(&a.Window, in[0].shape, out.shape, func(x, y, tap int) {
		v, top := in[0].data[x], best[y]
		if out.data[y] < 0 || v > top || math.IsNaN(v) && !math.IsNaN(top) {
			best[y], out.data[y] = v, float64(tap)
		}
	})
}

func maxPool(_ *Run, a *graph.Attr, in []value, out value) {
	for y := range out.data {
		out.data[y] = math.Inf(-1)
	}
	pooled(&a.Window, in[0].shape, out.shape, func(x, y, _ int) { out.data[y] = max(out.data[y], in[0].data[x]) })
}

func poolTake(_ *Run, a *graph.Attr, in []value, out value) {
	pooled(&a.Window, in[1].shape, out.shape, func(x, y, tap int) {
		if in[0].data[y] == float64(tap) {
			out.data[y] = in[1].data[x]
		}
	})
}

func poolPut(_ *Run, a *graph.Attr, in []value, out value) {
	pooled(&a.Window, out.shape, in[0].shape, func(x, y, tap int) {
		if in[0].data[y] == float64(tap) {
			out.data[x] += in[1].data[y]
		}
	})
}

// counts returns how many pixels a pool has at each place.
func counts(w *graph.Window, image, out tensor.Shape) []float64 {
	n := make([]float64, out.Numel())
	pooled(w, image, out, func(_, y, _ int) { n[y]++ })
	return n
}

func averagePool(_ *Run, a *graph.Attr, in []value, out value) {
	pooled(&a.Window, in[0].shape, out.shape, func(x, y, _ int) { out.data[y] += in[0].data[x] })
	for y, n := range counts(&a.Window, in[0].shape, out.shape) {
		out.data[y] /= n
	}
}

func averagePoolGrad(_ *Run, a *graph.Attr, in []value, out value) {
	n := counts(&a.Window, out.shape, in[0].shape)
	pooled(&a.Window, out.shape, in[0].shape, func(x, y, _ int) { out.data[x] += in[0].data[y] / n[y] })
}

// perFilter is how many products of the gradient, or of the kernel, an element sums at
// most: those of one filter.
func perFilter(_ *graph.Node, in []interval) int {
	s := in[1].lo.shape
	return s[:len(s)-1].Numel()
}

// perChannel is how many products an element of the gradient of an image sums at most.
func perChannel(n *graph.Node, in []interval) int {
	s := in[1].lo.shape
	return s[:len(s)-2].Numel() * s[len(s)-1] / n.Attr().Window.Groups
}

// argMaxPoolBounds finds the first and the last tap that can be at the greatest.
func argMaxPoolBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	w, x := &n.Attr().Window, in[0]
	least := make([]float64, len(out.lo.data))
	known := make([]bool, len(least))
	for y := range least {
		least[y], known[y] = math.Inf(-1), true
	}
	pooled(w, x.lo.shape, out.lo.shape, func(at, y, _ int) {
		b := x.at(at)
		known[y] = known[y] && b[0] <= b[1]
		least[y] = max(least[y], b[0])
	})
	first := make([]bool, len(least))
	pooled(w, x.lo.shape, out.lo.shape, func(at, y, tap int) {
		if !known[y] || x.hi.data[at] >= least[y] {
			if !first[y] {
				out.lo.data[y], first[y] = float64(tap), true
			}
			out.hi.data[y] = float64(tap)
		}
	})
}

// taken calls f for each touch whose tap may be the one that arg holds, and says
// whether it is.
func taken(w *graph.Window, arg interval, image, out tensor.Shape, f func(x, y int, sure bool)) {
	pooled(w, image, out, func(x, y, tap int) {
		b, t := arg.at(y), float64(tap)
		if !(t < b[0] || t > b[1]) {
			f(x, y, b[0] == t && b[1] == t)
		}
	})
}

func poolTakeBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	sure := make([]bool, len(out.lo.data))
	for y := range sure {
		out.set(y, math.Inf(1), math.Inf(-1))
	}
	// Every tap that may be taken counts, and 0, unless it is known that there is one:
	// no tap may have the number.
	taken(&n.Attr().Window, in[0], in[1].lo.shape, out.lo.shape, func(x, y int, certain bool) {
		b := in[1].at(x)
		out.set(y, min(out.lo.data[y], b[0]), max(out.hi.data[y], b[1]))
		sure[y] = sure[y] || certain
	})
	for y, certain := range sure {
		if !certain {
			out.set(y, min(out.lo.data[y], 0), max(out.hi.data[y], 0))
		}
	}
}

func poolPutBounds(_ *Run, n *graph.Node, in []interval, out interval) {
	terms, total := make([]float64, len(out.lo.data)), make([]float64, len(out.lo.data))
	taken(&n.Attr().Window, in[0], out.lo.shape, in[0].lo.shape, func(x, y int, sure bool) {
		b := in[1].at(y)
		if !sure {
			b[0], b[1] = min(b[0], 0), max(b[1], 0)
		}
		out.set(x, out.lo.data[x]+b[0], out.hi.data[x]+b[1])
		terms[x]++
		total[x] += in[1].magnitude(y)
	})
	loosen(out, terms, total)
}

// loosen widens what is a sum of so many terms, of that sum of magnitudes.
func loosen(out interval, terms, total []float64) {
	for i, t := range total {
		slack := float64(terms[i] * u * (t + tiny))
		if t > math.MaxFloat32 {
			slack = math.NaN()
		}
		out.set(i, out.lo.data[i]-slack, out.hi.data[i]+slack)
	}
}

func averagePoolBounds(r *Run, n *graph.Node, in []interval, out interval) {
	rising(0)(r, n, in, out)
	terms, total := counts(&n.Attr().Window, in[0].lo.shape, out.lo.shape), make([]float64, len(out.lo.data))
	pooled(&n.Attr().Window, in[0].lo.shape, out.lo.shape, func(x, y, _ int) { total[y] += in[0].magnitude(x) })
	for y, t := range total {
		// n roundings of the sum, and one of the quotient.
		slack := float64((terms[y]+1)*u*t)/terms[y] + tiny
		if t > math.MaxFloat32 {
			slack = math.NaN()
		}
		out.set(y, out.lo.data[y]-slack, out.hi.data[y]+slack)
	}
}

func averagePoolGradBounds(r *Run, n *graph.Node, in []interval, out interval) {
	rising(0)(r, n, in, out)
	count := counts(&n.Attr().Window, out.lo.shape, in[0].lo.shape)
	terms, total := make([]float64, len(out.lo.data)), make([]float64, len(out.lo.data))
	pooled(&n.Attr().Window, out.lo.shape, in[0].lo.shape, func(x, y, _ int) {
		terms[x] += 2 // a rounding of the quotient, which may be tiny, and one of the sum
		total[x] += in[0].magnitude(y)/count[y] + tiny
	})
	for x := range total {
		out.widen(x, 1)
		if terms[x] > 0 {
			s := float64(terms[x] / 2 * tiny)
			out.set(x, out.lo.data[x]-s, out.hi.data[x]+s)
		}
	}
	loosen(out, terms, total)
}
