package tensor

// This file scales tensors: keras.utils.normalize, and the bytes of images to
// numbers and back.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// Normalize returns t with its vectors along an axis divided by their norms:
// (Σ|x|^order)^(1/order), and the greatest |x| for an infinite order. Keras's
// order is 2. A negative axis counts from the end; vectors of zeros stay. The
// result is Float64 if t is, and Float32 otherwise.
func Normalize(t *Tensor, axis int, order float64) (*Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("tensor: Normalize of a nil tensor")
	}
	if !(order > 0) {
		return nil, fmt.Errorf("tensor: Normalize: the order is %v, it must be positive", order)
	}
	at := axis
	if at < 0 {
		at += len(t.shape)
	}
	if at < 0 || at >= len(t.shape) {
		return nil, fmt.Errorf("tensor: Normalize: shape %v has no axis %d", t.shape, axis)
	}
	x, err := t.Cast(Float64)
	if err != nil {
		return nil, err
	}
	data := x.data.([]float64)
	n, inner := t.shape[at], t.shape[at+1:].Numel()
	for i := range len(data) / max(n, 1) {
		line := data[i/inner*n*inner+i%inner:]
		norm := norm(line, n, inner, order)
		if norm == 0 {
			continue
		}
		for j := range n {
			line[j*inner] /= norm
		}
	}
	if t.dtype == Float64 {
		return x, nil
	}
	return x.Cast(Float32)
}

// norm is that of the n elements of x that lie step apart.
func norm(x []float64, n, step int, order float64) float64 {
	sum, greatest := 0.0, 0.0
	for j := range n {
		v := math.Abs(x[j*step])
		greatest = max(greatest, v)
		switch order {
		case 1:
			sum += v
		case 2:
			sum += float64(v * v)
		default:
			sum += fmath.Pow64(v, order)
		}
	}
	switch {
	case math.IsInf(order, 1):
		return greatest
	case order == 1:
		return sum
	case order == 2:
		return math.Sqrt(sum)
	}
	return fmath.Pow64(sum, 1/order)
}

// FromBytes scales bytes to numbers: 0 becomes low, 255 becomes high, and what is
// between them lies between. An image for a network goes from 0 to 1, or from −1
// to 1. The result is Float32.
func FromBytes(t *Tensor, low, high float64) (*Tensor, error) {
	data, err := Data[uint8](t)
	if err != nil {
		return nil, fmt.Errorf("tensor: FromBytes: %w", err)
	}
	if err := scalable(low, high); err != nil {
		return nil, fmt.Errorf("tensor: FromBytes: %w", err)
	}
	var table [256]float32
	for u := range table {
		table[u] = float32(low + float64(float64(u)*(high-low))/255)
	}
	out := make([]float32, len(data))
	for i, u := range data {
		out[i] = table[u]
	}
	return wrap(out, t.shape)
}

// ToBytes scales numbers to bytes, each to the nearest: low becomes 0 and high
// 255. Numbers beyond them become 0 and 255 too, and so NaN becomes 0. It undoes
// FromBytes.
func ToBytes(t *Tensor, low, high float64) (*Tensor, error) {
	if err := scalable(low, high); err != nil {
		return nil, fmt.Errorf("tensor: ToBytes: %w", err)
	}
	x, err := t.Cast(Float64)
	if err != nil {
		return nil, fmt.Errorf("tensor: ToBytes: %w", err)
	}
	data := x.data.([]float64)
	out := make([]uint8, len(data))
	for i, v := range data {
		out[i] = uint8(truncate(float64((v-low)*255)/(high-low)+0.5, 0, 255))
	}
	return wrap(out, t.shape)
}

// scalable returns an error unless numbers can be scaled to and from the range.
func scalable(low, high float64) error {
	if width := high - low; !(width > 0) || math.IsInf(width, 0) {
		return fmt.Errorf("the range from %v to %v is empty or not finite", low, high)
	}
	return nil
}
