package tensor

// This file rearranges and converts tensors: reshape, slice, concatenate, cast.

import (
	"fmt"
	"math"
)

// Reshape returns a tensor of other dimensions over the same elements, which it
// shares. One dimension may be -1: it is inferred.
func (t *Tensor) Reshape(dims ...int) (*Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("tensor: Reshape of a nil tensor")
	}
	shape := Shape(dims).Clone()
	if err := shape.Check(); err != nil {
		return nil, fmt.Errorf("tensor: %w", err)
	}
	have, need := t.Numel(), shape.Concrete(1).Numel()
	if shape.HasBatch() {
		if need == 0 || have%need != 0 {
			return nil, fmt.Errorf("tensor: %d elements do not fill the shape %v", have, dims)
		}
		shape = shape.Concrete(have / need)
	} else if have != need {
		return nil, fmt.Errorf("tensor: %d elements do not fill the shape %v, which has %d", have, shape, need)
	}
	return &Tensor{t.dtype, shape, t.data}, nil
}

// Rows returns the elements begin ≤ i < end of the first axis. It shares them.
func (t *Tensor) Rows(begin, end int) (*Tensor, error) {
	if err := t.within(0, begin, end); err != nil {
		return nil, err
	}
	shape := t.Shape()
	width := shape[1:].Numel()
	shape[0] = end - begin
	out := &Tensor{dtype: t.dtype, shape: shape}
	from, to := begin*width, end*width
	switch data := t.data.(type) {
	case []float32:
		out.data = data[from:to:to]
	case []float64:
		out.data = data[from:to:to]
	case []uint8:
		out.data = data[from:to:to]
	case []int32:
		out.data = data[from:to:to]
	case []int64:
		out.data = data[from:to:to]
	case []bool:
		out.data = data[from:to:to]
	case []string:
		out.data = data[from:to:to]
	}
	return out, nil
}

// Slice returns a copy of the elements begin ≤ i < end of an axis; a negative
// axis counts from the end.
func (t *Tensor) Slice(axis, begin, end int) (*Tensor, error) {
	if t != nil && axis < 0 {
		axis += len(t.shape)
	}
	if err := t.within(axis, begin, end); err != nil {
		return nil, err
	}
	shape := t.Shape()
	shape[axis] = end - begin
	out, err := Zeros(t.dtype, shape...)
	if err != nil {
		return nil, err
	}
	outer, inner := t.shape[:axis].Numel(), t.shape[axis+1:].Numel()
	copyBlocks(out, t, outer, (end-begin)*inner, 0, (end-begin)*inner, begin*inner, t.shape[axis]*inner)
	return out, nil
}

func (t *Tensor) within(axis, begin, end int) error {
	switch {
	case t == nil:
		return fmt.Errorf("tensor: slice of a nil tensor")
	case axis < 0 || axis >= len(t.shape):
		return fmt.Errorf("tensor: shape %v has no such axis to slice", t.shape)
	case begin < 0 || begin > end || end > t.shape[axis]:
		return fmt.Errorf("tensor: slice %d:%d is not within 0:%d, axis %d of shape %v", begin, end, t.shape[axis], axis, t.shape)
	}
	return nil
}

// Concat returns a copy of the tensors joined along an axis; a negative axis
// counts from the end. Element types and all other dimensions are equal.
func Concat(axis int, tensors ...*Tensor) (*Tensor, error) {
	if len(tensors) == 0 {
		return nil, fmt.Errorf("tensor: Concat of nothing")
	}
	for i, t := range tensors {
		if t == nil {
			return nil, fmt.Errorf("tensor: operand %d of Concat is nil", i)
		}
	}
	first := tensors[0]
	if axis < 0 {
		axis += len(first.shape)
	}
	if axis < 0 || axis >= len(first.shape) {
		return nil, fmt.Errorf("tensor: shape %v has no such axis to concatenate", first.shape)
	}
	shape := first.Shape()
	shape[axis] = 0
	for i, t := range tensors {
		if t.dtype != first.dtype {
			return nil, fmt.Errorf("tensor: operand %d of Concat is %v, the first is %v", i, t.dtype, first.dtype)
		}
		if len(t.shape) != len(shape) || !t.shape[:axis].Equal(shape[:axis]) || !t.shape[axis+1:].Equal(shape[axis+1:]) {
			return nil, fmt.Errorf("tensor: operand %d of Concat has the shape %v, the first %v: they must be equal but for axis %d", i, t.shape, first.shape, axis)
		}
		shape[axis] += t.shape[axis]
	}
	out, err := Zeros(first.dtype, shape...)
	if err != nil {
		return nil, err
	}
	outer, inner := shape[:axis].Numel(), shape[axis+1:].Numel()
	at := 0
	for _, t := range tensors {
		n := t.shape[axis] * inner
		copyBlocks(out, t, outer, n, at, shape[axis]*inner, 0, n)
		at += n
	}
	return out, nil
}

// copyBlocks copies count blocks of n elements; the offsets and the distances
// of the blocks are the destination's, then the source's.
func copyBlocks(dst, src *Tensor, count, n, dstAt, dstStep, srcAt, srcStep int) {
	switch d := dst.data.(type) {
	case []float32:
		blocks(d, src.data.([]float32), count, n, dstAt, dstStep, srcAt, srcStep)
	case []float64:
		blocks(d, src.data.([]float64), count, n, dstAt, dstStep, srcAt, srcStep)
	case []uint8:
		blocks(d, src.data.([]uint8), count, n, dstAt, dstStep, srcAt, srcStep)
	case []int32:
		blocks(d, src.data.([]int32), count, n, dstAt, dstStep, srcAt, srcStep)
	case []int64:
		blocks(d, src.data.([]int64), count, n, dstAt, dstStep, srcAt, srcStep)
	case []bool:
		blocks(d, src.data.([]bool), count, n, dstAt, dstStep, srcAt, srcStep)
	case []string:
		blocks(d, src.data.([]string), count, n, dstAt, dstStep, srcAt, srcStep)
	}
}

func blocks[T Element](dst, src []T, count, n, dstAt, dstStep, srcAt, srcStep int) {
	for i := range count {
		copy(dst[dstAt+i*dstStep:][:n], src[srcAt+i*srcStep:])
	}
}

// Cast returns a copy whose elements are converted to a type. A number becomes
// an integer by dropping its fraction, and the nearest one that the type has if
// it is out of range; NaN becomes 0. A number becomes true unless it is 0, and
// true becomes 1. Texts are no numbers, and no number becomes a text.
func (t *Tensor) Cast(dtype DType) (*Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("tensor: Cast of a nil tensor")
	}
	if (t.dtype == String) != (dtype == String) {
		return nil, fmt.Errorf("tensor: %v elements can't be cast to %v", t.dtype, dtype)
	}
	out, err := Zeros(dtype, t.shape...)
	if err != nil {
		return nil, err
	}
	switch data := t.data.(type) {
	case []float32:
		castReal(out, data)
	case []float64:
		castReal(out, data)
	case []uint8:
		castInt(out, data)
	case []int32:
		castInt(out, data)
	case []int64:
		castInt(out, data)
	case []string:
		copy(out.data.([]string), data)
	case []bool:
		bits := make([]uint8, len(data))
		for i, v := range data {
			if v {
				bits[i] = 1
			}
		}
		castInt(out, bits)
	}
	return out, nil
}

func castReal[T float32 | float64](out *Tensor, data []T) {
	switch d := out.data.(type) {
	case []float32:
		convert(d, data, func(v T) float32 { return float32(v) })
	case []float64:
		convert(d, data, func(v T) float64 { return float64(v) })
	case []uint8:
		convert(d, data, func(v T) uint8 { return uint8(truncate(float64(v), 0, math.MaxUint8)) })
	case []int32:
		convert(d, data, func(v T) int32 { return int32(truncate(float64(v), math.MinInt32, math.MaxInt32)) })
	case []int64:
		convert(d, data, func(v T) int64 { return truncate(float64(v), math.MinInt64, math.MaxInt64) })
	case []bool:
		convert(d, data, func(v T) bool { return v != 0 })
	}
}

func castInt[T uint8 | int32 | int64](out *Tensor, data []T) {
	switch d := out.data.(type) {
	case []float32:
		convert(d, data, func(v T) float32 { return float32(v) })
	case []float64:
		convert(d, data, func(v T) float64 { return float64(v) })
	case []uint8:
		convert(d, data, func(v T) uint8 { return uint8(min(max(int64(v), 0), math.MaxUint8)) })
	case []int32:
		convert(d, data, func(v T) int32 { return int32(min(max(int64(v), math.MinInt32), math.MaxInt32)) })
	case []int64:
		convert(d, data, func(v T) int64 { return int64(v) })
	case []bool:
		convert(d, data, func(v T) bool { return v != 0 })
	}
}

func convert[D, S Element](dst []D, src []S, f func(S) D) {
	for i, v := range src {
		dst[i] = f(v)
	}
}

// truncate drops the fraction within bounds. What Go's own conversion makes of
// a number out of range depends on the machine.
func truncate(v float64, low, high int64) int64 {
	switch {
	case v != v:
		return 0
	case v <= float64(low):
		return low
	case v >= float64(high):
		return high
	}
	return int64(v)
}
