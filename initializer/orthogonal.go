package initializer

// This file holds the orthogonal initializer.

import (
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Orthogonal sets a variable to Gain times a random orthogonal matrix, all
// orthogonal matrices being equally likely. A shape of more than two dimensions
// is taken as a matrix of its last dimension against the others; if it isn't
// square, its rows or its columns, whichever are fewer, are orthonormal. Saxe,
// McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning
// in deep linear neural networks" (2013).
type Orthogonal struct {
	Gain *float64 `default:"1"`
}

// Name returns "orthogonal".
func (Orthogonal) Name() string { return "orthogonal" }

// Init fills dst. The shape must have two dimensions or more.
func (i Orthogonal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	n := len(shape)
	if n < 2 {
		return errorf(i, "shape %v has fewer than two dimensions", shape)
	}
	if err := normal(i, 0, 1, 0, dst, shape, seed, stream); err != nil {
		return err
	}
	rows, cols := shape[:n-1].Numel(), shape[n-1]
	count, length := min(rows, cols), max(rows, cols)
	at := func(v, j int) *float32 { // element j of vector v
		if rows < cols {
			return &dst[v*cols+j]
		}
		return &dst[j*cols+v]
	}
	vectors := make([][]float64, count)
	for v := range vectors {
		vectors[v] = make([]float64, length)
		for j := range vectors[v] {
			vectors[v][j] = float64(*at(v, j))
		}
		orthonormalize(vectors[v], vectors[:v])
	}
	gain := *config.Resolve(i).Gain
	for v := range vectors {
		for j, x := range vectors[v] {
			*at(v, j) = float32(gain * x)
		}
	}
	return nil
}

// orthonormalize makes x orthogonal to the orthonormal vectors before it, and of
// length 1: a step of the QR decomposition whose R has a positive diagonal, by
// Gram and Schmidt's way, done twice, which is enough (Giraud, Langou and
// Rozložník, "The loss of orthogonality in the Gram–Schmidt orthogonalization
// process", 2005).
func orthonormalize(x []float64, before [][]float64) {
	for range 2 {
		for _, b := range before {
			d := dot(x, b)
			for j := range x {
				x[j] -= float64(d * b[j])
			}
		}
	}
	length := math.Sqrt(dot(x, x))
	for j := range x {
		x[j] /= length
	}
}

// dot sums in four chains, which the processor can work on at once.
func dot(x, y []float64) float64 {
	var s [4]float64
	for len(x) >= 4 && len(y) >= 4 {
		s[0] += float64(x[0] * y[0])
		s[1] += float64(x[1] * y[1])
		s[2] += float64(x[2] * y[2])
		s[3] += float64(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	for j := range x {
		s[0] += float64(x[j] * y[j])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
