package tensor

// This file defines the element types.

import "fmt"

// A DType is the type of a tensor's elements. Its zero value is Float32.
type DType uint8

// The element types.
const (
	Float32 DType = iota
	Float64
	Uint8
	Int32
	Int64
	Bool
	String // texts, which a layer such as TextVectorization makes numbers of
)

var dtypes = [...]struct {
	name string
	size int
}{
	Float32: {"float32", 4},
	Float64: {"float64", 8},
	Uint8:   {"uint8", 1},
	Int32:   {"int32", 4},
	Int64:   {"int64", 8},
	Bool:    {"bool", 1},
	String:  {"string", 16},
}

// String returns NumPy's name of the type.
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Size returns the bytes of one element: of a text, without its letters.
func (d DType) Size() int {
	if int(d) < len(dtypes) {
		return dtypes[d].size
	}
	return 0
}

// An Element is a Go type that a tensor can hold.
type Element interface {
	float32 | float64 | uint8 | int32 | int64 | bool | string
}

// DTypeOf returns the DType of T.
func DTypeOf[T Element]() DType {
	switch any(*new(T)).(type) {
	case float64:
		return Float64
	case uint8:
		return Uint8
	case int32:
		return Int32
	case int64:
		return Int64
	case bool:
		return Bool
	case string:
		return String
	}
	return Float32
}

// MarshalText returns NumPy's name of the type.
func (d DType) MarshalText() ([]byte, error) {
	if int(d) >= len(dtypes) {
		return nil, fmt.Errorf("tensor: there is no %v", d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText finds a type by NumPy's name.
func (d *DType) UnmarshalText(name []byte) error {
	for i, one := range dtypes {
		if one.name == string(name) {
			*d = DType(i)
			return nil
		}
	}
	return fmt.Errorf("tensor: there is no element type %q", name)
}
