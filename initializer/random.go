package initializer

// This file holds the uniform and the normal distributions.

import (
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/tensor"
)

// RandomUniform draws from the uniform distribution over [Minval, Maxval).
type RandomUniform struct {
	Minval *float64 `default:"-0.05"`
	Maxval *float64 `default:"0.05"`
}

// Name returns "random_uniform".
func (RandomUniform) Name() string { return "random_uniform" }

// Init fills dst.
func (i RandomUniform) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	i = config.Resolve(i)
	return uniform(i, *i.Minval, *i.Maxval, dst, shape, seed, stream)
}

func uniform(i Initializer, low, high float64, dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	width := high - low
	if !(width >= 0 && width <= math.MaxFloat64) {
		return errorf(i, "there is no interval from %v to %v", low, high)
	}
	if err := check(i, dst, shape); err != nil {
		return err
	}
	draw(dst, seed, stream, func(random uint64) float64 {
		u := float64(random>>11) * 0x1p-53 // in [0, 1)
		return float64(width*u) + low
	})
	return nil
}

// RandomNormal draws from the normal distribution of that mean and standard
// deviation.
type RandomNormal struct {
	Mean   float64
	Stddev *float64 `default:"0.05"`
}

// Name returns "random_normal".
func (RandomNormal) Name() string { return "random_normal" }

// Init fills dst.
func (i RandomNormal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	i = config.Resolve(i)
	return normal(i, i.Mean, *i.Stddev, 0, dst, shape, seed, stream)
}

// TruncatedNormal is RandomNormal without what is more than two standard
// deviations from the mean. What remains has the standard deviation
// 0.8796·Stddev.
type TruncatedNormal struct {
	Mean   float64
	Stddev *float64 `default:"0.05"`
}

// Name returns "truncated_normal".
func (TruncatedNormal) Name() string { return "truncated_normal" }

// Init fills dst.
func (i TruncatedNormal) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	i = config.Resolve(i)
	return normal(i, i.Mean, *i.Stddev, belowTwo, dst, shape, seed, stream)
}

// belowTwo is the probability that a standard normal variable is below -2.
const belowTwo = 0.022750131948179207

// normal fills dst from the normal distribution less a tail of that probability
// at either end. It maps uniform numbers by the inverse of the distribution
// function, which takes one number an element, always.
func normal(i Initializer, mean, stddev, tail float64, dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	if !(stddev >= 0 && stddev <= math.MaxFloat64) {
		return errorf(i, "Stddev is %v, it must be finite and not negative", stddev)
	}
	if err := check(i, dst, shape); err != nil {
		return err
	}
	draw(dst, seed, stream, func(random uint64) float64 {
		u := (float64(random>>12) + 0.5) * 0x1p-52 // in (0, 1)
		z := fmath.NormalQuantile64(float64((1-2*tail)*u) + tail)
		return float64(stddev*z) + mean
	})
	return nil
}
