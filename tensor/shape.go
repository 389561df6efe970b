// Package tensor holds what every other package agrees on: element types,
// shapes, and plain tensors in the memory of the host, with the .npy and .npz
// files that carry them to and from NumPy.
//
// A Tensor here is data at the edge of the library (a data set, a weight, a
// prediction). Computation happens in package graph, over nodes.
package tensor

// This file defines Shape and the symbolic batch dimension.

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Batch stands for the dimension whose size is known only when a network runs:
// Keras's None. A shape holds it at most once.
const Batch = -1

// None stands in the shape of a layer.Input, and in the Spec of a source, for a dimension beside the batch that may have another size in each
// batch: the number of steps of a sequence, or the height and the width of an image.
const None = Batch

// A Shape lists the dimensions of a tensor, the slowest first. The empty shape
// is a scalar's.
type Shape []int

// String writes the shape as Keras does: (None, 784), (10,), ().
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		if d == Batch {
			b.WriteString("None")
		} else {
			b.WriteString(strconv.Itoa(d))
		}
	}
	if len(s) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

// Rank returns the number of dimensions.
func (s Shape) Rank() int { return len(s) }

// Numel returns the number of elements, or Batch if that depends on the batch. More
// than an int can hold, which Check refuses, are math.MaxInt.
func (s Shape) Numel() int {
	n := 1
	for _, d := range s {
		if d == Batch {
			return Batch
		}
		switch {
		case d == 0:
			return 0
		case d > 0 && n > math.MaxInt/d:
			n = math.MaxInt
		default:
			n *= d
		}
	}
	return n
}

// HasBatch reports whether a dimension is symbolic.
func (s Shape) HasBatch() bool { return slices.Contains(s, Batch) }

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// Clone returns a copy, never nil.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

// Concrete returns a copy whose symbolic dimension is batch.
func (s Shape) Concrete(batch int) Shape {
	c := s.Clone()
	for i, d := range c {
		if d == Batch {
			c[i] = batch
		}
	}
	return c
}

// Check returns an error unless the shape is one that a tensor can have: no
// dimension negative but for one Batch, and a size in bytes that fits an int
// whatever the element type.
func (s Shape) Check() error {
	const limit = math.MaxInt / 8
	batches, n := 0, 1
	for i, d := range s {
		switch {
		case d == Batch:
			batches++
		case d < 0:
			return fmt.Errorf("dimension %d of shape %v is negative", i, []int(s))
		case d == 0: // the other dimensions must still be in bounds
		case n > limit/d:
			return fmt.Errorf("shape %v has too many elements", s)
		default:
			n *= d
		}
	}
	if batches > 1 {
		return fmt.Errorf("shape %v has %d symbolic dimensions, at most one is allowed", s, batches)
	}
	return nil
}

// Fits reports whether a shape is one of those that pattern, in which dimensions may be None, stands for.
func (s Shape) Fits(pattern Shape) bool {
	return slices.EqualFunc(s, pattern, func(d, p int) bool { return d == p || p == None && d >= 0 })
}
