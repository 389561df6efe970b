package layer

// This file makes images of other sizes: along each axis a new pixel is a weighted mean of old
// ones, as in jax.image.resize, by which Keras does it.

import (
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/resample"
)

// nearest is the interpolation that takes the nearest pixel, and weighs none.
const nearest = "nearest"

// smooth are the interpolations that weigh pixels.
var smooth = []string{"bicubic", "bilinear", "lanczos3", "lanczos5"}

// interpolates returns an error unless there is an interpolation of that name.
func interpolates(b *Builder, name string) error {
	if name != nearest && !slices.Contains(smooth, name) {
		return b.Errorf("Interpolation is %q, it must be one of %s or %s", name, strings.Join(smooth, ", "), nearest)
	}
	return nil
}

// weights returns the matrix [size, n] whose columns say what n new pixels on a line take of
// size old ones.
func weights(size, n int, interpolation string, antialias bool) []float32 {
	m := make([]float32, size*n)
	for j, s := range resample.Line(size, n, interpolation, antialias) {
		for i, w := range s.Weights {
			m[(s.First+i)*n+j] = w
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
