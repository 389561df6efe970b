package tensor

// This file defines Tensor, how one is made and how its elements are reached.

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/mem"
)

// A Tensor is a dense, row-major array in the memory of the host. Its shape
// never holds Batch.
type Tensor struct {
	dtype DType
	shape Shape
	data  any // []T, T the type that dtype names
}

// Of makes a tensor of shape over data, which it shares and does not copy. With
// no shape given the tensor has one dimension.
func Of[T Element](data []T, shape ...int) (*Tensor, error) {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	return wrap(data, shape)
}

// wrap is Of, except that an empty shape is a scalar's.
func wrap[T Element](data []T, shape Shape) (*Tensor, error) {
	if err := concrete(shape); err != nil {
		return nil, err
	}
	if n := shape.Numel(); n != len(data) {
		return nil, fmt.Errorf("tensor: shape %v needs %d elements, got %d", shape, n, len(data))
	}
	if data == nil {
		data = []T{}
	}
	return &Tensor{DTypeOf[T](), shape.Clone(), data}, nil
}

func concrete(shape Shape) error {
	if shape.HasBatch() {
		return fmt.Errorf("tensor: shape %v: a tensor's dimensions cannot be negative", []int(shape))
	}
	if err := shape.Check(); err != nil {
		return fmt.Errorf("tensor: %w", err)
	}
	return nil
}

// Data returns the elements of t in row-major order. They are t's own, not a
// copy. It is an error if T is not t's element type; Cast converts.
func Data[T Element](t *Tensor) ([]T, error) {
	if t == nil {
		return nil, fmt.Errorf("tensor: Data of a nil tensor")
	}
	data, ok := t.data.([]T)
	if !ok {
		return nil, fmt.Errorf("tensor: elements are %v, not %v", t.DType(), DTypeOf[T]())
	}
	return data, nil
}

// Zeros makes a tensor of zeros (false, if dtype is Bool, and "", if it is String). With no dimension
// given it is a scalar.
func Zeros(dtype DType, shape ...int) (*Tensor, error) {
	if err := concrete(shape); err != nil {
		return nil, err
	}
	s := Shape(shape)
	if err := mem.Check(s.Numel(), float64(dtype.Size()), "tensor: %v elements of shape %v", dtype, s); err != nil {
		return nil, err
	}
	data := alloc(dtype, s.Numel())
	if data == nil {
		return nil, fmt.Errorf("tensor: no such element type: %v", dtype)
	}
	return &Tensor{dtype, s.Clone(), data}, nil
}

func alloc(dtype DType, n int) any {
	switch dtype {
	case Float32:
		return make([]float32, n)
	case Float64:
		return make([]float64, n)
	case Uint8:
		return make([]uint8, n)
	case Int32:
		return make([]int32, n)
	case Int64:
		return make([]int64, n)
	case Bool:
		return make([]bool, n)
	case String:
		return make([]string, n)
	}
	return nil
}

// DType returns the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Shape returns a copy of the shape.
func (t *Tensor) Shape() Shape { return t.shape.Clone() }

// Dim returns the size of dimension i, or 0 if there is no such dimension.
func (t *Tensor) Dim(i int) int {
	if i < 0 || i >= len(t.shape) {
		return 0
	}
	return t.shape[i]
}

// Numel returns the number of elements.
func (t *Tensor) Numel() int { return t.shape.Numel() }

// String describes the tensor, without its elements.
func (t *Tensor) String() string { return fmt.Sprintf("%v%v", t.dtype, t.shape) }
