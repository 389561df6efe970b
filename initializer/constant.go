package initializer

// This file holds the initializers that draw nothing.

import (
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Zeros sets every element to 0.
type Zeros struct{}

// Name returns "zeros".
func (Zeros) Name() string { return "zeros" }

// Init fills dst.
func (i Zeros) Init(dst []float32, shape tensor.Shape, _ uint64, _ uint16) error {
	return fill(i, dst, shape, 0)
}

// Ones sets every element to 1.
type Ones struct{}

// Name returns "ones".
func (Ones) Name() string { return "ones" }

// Init fills dst.
func (i Ones) Init(dst []float32, shape tensor.Shape, _ uint64, _ uint16) error {
	return fill(i, dst, shape, 1)
}

// Constant sets every element to Value.
type Constant struct {
	Value float64
}

// Name returns "constant".
func (Constant) Name() string { return "constant" }

// Init fills dst.
func (i Constant) Init(dst []float32, shape tensor.Shape, _ uint64, _ uint16) error {
	return fill(i, dst, shape, float32(i.Value))
}

func fill(i Initializer, dst []float32, shape tensor.Shape, value float32) error {
	if err := check(i, dst, shape); err != nil {
		return err
	}
	for j := range dst {
		dst[j] = value
	}
	return nil
}

// Identity sets a matrix to Gain times the identity; one that is not square has
// zeros to the right or below.
type Identity struct {
	Gain *float64 `default:"1"`
}

// Name returns "identity".
func (Identity) Name() string { return "identity" }

// Init fills dst. The shape must be a matrix's.
func (i Identity) Init(dst []float32, shape tensor.Shape, _ uint64, _ uint16) error {
	if len(shape) != 2 {
		return errorf(i, "shape %v is no matrix", shape)
	}
	if err := fill(i, dst, shape, 0); err != nil {
		return err
	}
	gain := float32(*config.Resolve(i).Gain)
	for j := range min(shape[0], shape[1]) {
		dst[j*shape[1]+j] = gain
	}
	return nil
}
