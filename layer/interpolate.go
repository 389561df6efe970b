package layer

// This file makes images of other sizes: along each axis a new pixel is a weighted mean of old
// ones, as in jax.image.resize, by which Keras does it.

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// nearest is the interpolation that takes the nearest pixel, and weighs none.
const nearest = "nearest"

// kernels are the weights of a pixel at a distance, in pixels, by interpolation.
var kernels = map[string]func(x float64) float64{
	"bilinear": func(x float64) float64 { return max(0, 1-x) },
	"bicubic":  cubic,
	"lanczos3": func(x float64) float64 { return lanczos(3, x) },
	"lanczos5": func(x float64) float64 { return lanczos(5, x) },
}

// interpolations lists what there is, for errors.
func interpolations() string {
	return strings.Join(slices.Sorted(maps.Keys(kernels)), ", ") + " or " + nearest
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

// weights returns the matrix [size, n] whose columns say what n new pixels on a line take of
// size old ones. Pixels are half a pixel from the edge. antialias widens the kernel where the
// line shrinks. The weights are computed in float64, add up to 1 and are rounded once.
func weights(size, n int, interpolation string, antialias bool) []float32 {
	kernel := kernels[interpolation]
	step := float64(size) / float64(n) // of new pixels, in old ones
	width := 1.0
	if antialias {
		width = max(step, 1)
	}
	m := make([]float32, size*n)
	line := make([]float64, size)
	for j := range n {
		at := float64((float64(j)+0.5)*step) - 0.5
		sum := 0.0
		for i := range line {
			line[i] = kernel(math.Abs(at-float64(i)) / width)
			sum += line[i]
		}
		for i, w := range line {
			if math.Abs(sum) > 1000*0x1p-23 {
				m[i*n+j] = float32(w / sum)
			}
		}
	}
	return m
}

// interpolate makes the axis n long.
func interpolate(x *graph.Node, axis, n int, interpolation string, antialias bool) *graph.Node {
	if !x.Valid() || x.Shape()[axis] == n {
		return x
	}
	size := x.Shape()[axis]
	y := last(x, axis).MatMul(x.Graph().Const(weights(size, n, interpolation, antialias), size, n))
	return unlast(y, axis)
}

// unlast moves the last axis to a place, as last moved it from there.
func unlast(y *graph.Node, axis int) *graph.Node {
	if axis == y.Rank()-1 {
		return y
	}
	var back []int
	for i := range y.Rank() {
		switch {
		case i < axis:
			back = append(back, i)
		case i == axis:
			back = append(back, y.Rank()-1)
		default:
			back = append(back, i-1)
		}
	}
	return y.Transpose(back...)
}
