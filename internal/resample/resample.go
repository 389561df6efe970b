// Package resample says which pixels of a line those of a longer or shorter one are made of, and to what parts, as jax.image.resize
// and tf.image.resize do it.
package resample

import (
	"math"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// A Span is what a new pixel is made of: the old pixels from First on, each times its weight. The weights are computed in
// float64, add up to 1, unless all are 0, and are rounded once.
type Span struct {
	First   int
	Weights []float32
}

// A kernel is the weight of a pixel at a distance, in pixels, which is none beyond the radius.
type kernel struct {
	radius float64
	weight func(x float64) float64
}

var kernels = map[string]kernel{
	"bilinear":      {1, func(x float64) float64 { return max(0, 1-x) }},
	"bicubic":       {2, cubic},
	"mitchellcubic": {2, mitchell},
	"gaussian":      {1.5, gaussian},
	"lanczos3":      {3, func(x float64) float64 { return lanczos(3, x) }},
	"lanczos5":      {5, func(x float64) float64 { return lanczos(5, x) }},
}

// cubic is the kernel of Keys (1981), with a = -1/2.
func cubic(x float64) float64 {
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float64((float64((float64(-0.5*x)+2.5)*x)-4)*x) + 2
	}
	return float64(float64((float64(1.5*x)-2.5)*x)*x) + 1
}

// mitchell is the kernel of Mitchell and Netravali (1988), with B = C = 1/3.
func mitchell(x float64) float64 {
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float64((float64((float64(-7./18*x)+2)*x)-10./3)*x) + 16./9
	}
	return float64(float64((float64(7./6*x)-2)*x)*x) + 8./9
}

// gaussian is that of a standard deviation of half a pixel.
func gaussian(x float64) float64 {
	if x >= 1.5 {
		return 0
	}
	return fmath.Exp64(-2 * x * x)
}

// lanczos is sinc(x) windowed by sinc(x/radius) (Duchon 1979).
func lanczos(radius, x float64) float64 {
	switch {
	case x > radius:
		return 0
	case x <= 1e-3:
		return 1
	}
	a := math.Pi * x
	return radius * fmath.Sin64(a) * fmath.Sin64(a/radius) / (a * a)
}

// Line returns the spans of n new pixels on a line of size old ones: by "bilinear", "bicubic", "mitchellcubic", "gaussian", "lanczos3" or
// "lanczos5" interpolation, for which pixels are half a pixel from the edge, or by "area", the mean of what a new pixel covers. antialias
// widens the kernel where the line shrinks.
func Line(size, n int, interpolation string, antialias bool) []Span {
	step := float64(size) / float64(n) // of new pixels, in old ones
	width := 1.0
	if antialias {
		width = max(step, 1)
	}
	k := kernels[interpolation]
	spans := make([]Span, n)
	var weights []float64
	for j := range spans {
		first, end := covered(j, size, step)
		at := float64((float64(j)+0.5)*step) - 0.5
		if interpolation != "area" {
			reach := float64(k.radius * width)
			first, end = int(math.Floor(at-reach)), int(math.Ceil(at+reach))+1
		}
		first, end = max(first, 0), min(end, size)
		weights = weights[:0]
		sum := 0.0
		for i := first; i < end; i++ {
			w := 0.0
			if interpolation == "area" {
				w = min(float64(i+1), float64(float64(j+1)*step)) - max(float64(i), float64(float64(j)*step))
			} else {
				w = k.weight(math.Abs(at-float64(i)) / width)
			}
			weights = append(weights, w)
			sum += w
		}
		s := Span{first, make([]float32, len(weights))}
		for i, w := range weights {
			if math.Abs(sum) > 1000*0x1p-23 { // as in jax.image: a pixel that sees next to nothing of the old ones is 0
				s.Weights[i] = float32(w / sum)
			}
		}
		spans[j] = s
	}
	return spans
}

// covered returns the old pixels that new pixel j covers, in part or as a whole.
func covered(j, size int, step float64) (first, end int) {
	first = min(int(float64(j)*step), size-1)
	return first, max(int(math.Ceil(float64(j+1)*step)), first+1)
}
