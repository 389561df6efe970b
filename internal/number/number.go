// Package number turns the bytes of numbers in files into Go's numbers and back, and knows what float32 holds.
package number

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"unsafe"
)

// LittleEndian says that this machine's numbers are stored as most files' are.
var LittleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// MaxInteger is the number up to which float32 has all integers.
const MaxInteger = 1 << 24

// A Wide number is one whose bytes files hold as memory does, but for their order.
type Wide interface{ float32 | float64 | int64 }

// Bytes returns the memory of x.
func Bytes[T Wide](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}

// Append appends the numbers' little-endian bytes to b.
func Append[T Wide](b []byte, x []T) []byte {
	from := len(b)
	b = append(b, Bytes(x)...)
	swap[T](b[from:])
	return b
}

// Put writes the numbers' little-endian bytes to b, which has room for them.
func Put[T Wide](b []byte, x []T) {
	swap[T](b[:copy(b, Bytes(x))])
}

// Copy sets dst to the little-endian numbers in b, which has as many.
func Copy[T Wide](dst []T, b []byte) {
	m := Bytes(dst)
	copy(m, b)
	swap[T](m)
}

// swap turns each number's bytes around, on machines where that is to be done.
func swap[T Wide](b []byte) {
	if LittleEndian {
		return
	}
	for size := int(unsafe.Sizeof(*new(T))); len(b) > 0; b = b[size:] {
		slices.Reverse(b[:size])
	}
}

// A Kind is a type of numbers, with NumPy's name.
type Kind string

// The kinds. A Bool is a byte.
const (
	Float16  Kind = "float16"
	BFloat16 Kind = "bfloat16"
	Float32  Kind = "float32"
	Float64  Kind = "float64"
	Int8     Kind = "int8"
	Int16    Kind = "int16"
	Int32    Kind = "int32"
	Int64    Kind = "int64"
	Uint8    Kind = "uint8"
	Uint16   Kind = "uint16"
	Uint32   Kind = "uint32"
	Uint64   Kind = "uint64"
	Bool     Kind = "bool"
)

// Size returns the bytes of a number, 0 if the kind is not known.
func (k Kind) Size() int {
	switch k {
	case Int8, Uint8, Bool:
		return 1
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// IsInteger reports whether the kind is one of integers or booleans.
func (k Kind) IsInteger() bool {
	switch k {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Bool:
		return true
	}
	return false
}

// Integer returns the integer at the beginning of b. Those of Uint64 above the greatest
// int64 are negative.
func Integer(b []byte, kind Kind, order binary.ByteOrder) int64 {
	switch kind {
	case Int8:
		return int64(int8(b[0]))
	case Uint8, Bool:
		return int64(b[0])
	case Int16:
		return int64(int16(order.Uint16(b)))
	case Uint16:
		return int64(order.Uint16(b))
	case Int32:
		return int64(int32(order.Uint32(b)))
	case Uint32:
		return int64(order.Uint32(b))
	}
	return int64(order.Uint64(b))
}

// Float32s fills dst with the numbers in b, rounded to the nearest float32. b has the bytes of
// len(dst) numbers.
func Float32s(dst []float32, b []byte, kind Kind, order binary.ByteOrder) error {
	switch kind {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(b[4*i:]))
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(b[8*i:])))
		}
	case Float16:
		for i := range dst {
			dst[i] = FromFloat16(order.Uint16(b[2*i:]))
		}
	case BFloat16:
		for i := range dst {
			dst[i] = FromBFloat16(order.Uint16(b[2*i:]))
		}
	case Uint64:
		for i := range dst {
			dst[i] = float32(order.Uint64(b[8*i:]))
		}
	default:
		if !kind.IsInteger() {
			return fmt.Errorf("elements of type %s, numbers were expected", kind)
		}
		size := kind.Size()
		for i := range dst {
			dst[i] = float32(Integer(b[i*size:], kind, order))
		}
	}
	return nil
}

// FromBFloat16 widens a bfloat16, exactly.
func FromBFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// FromFloat16 widens an IEEE 754 binary16, exactly.
func FromFloat16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp, man := uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0:
		f := float32(man) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 255<<23 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// ToBFloat16 rounds x to the nearest bfloat16, halves to even.
func ToBFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// ToFloat16 rounds x to the nearest binary16, halves to even. What is beyond its numbers becomes infinite.
func ToFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 1<<31 - 1
	switch {
	case bits > 255<<23: // not a number
		return sign | 0x7e00
	case bits >= 143<<23: // 65536 and more
		return sign | 0x7c00
	case bits < 113<<23: // less than 2⁻¹⁴: whole multiples of 2⁻²⁴, and adding ½ rounds to those
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+0.5)-math.Float32bits(0.5))
	}
	return sign | uint16((bits-112<<23+0xfff+bits>>13&1)>>13)
}

// Write writes little-endian numbers.
func Write(w io.Writer, x []float32) error {
	if LittleEndian {
		_, err := w.Write(Bytes(x))
		return err
	}
	var b []byte
	for part := range slices.Chunk(x, 1<<14) {
		b = Append(b[:0], part)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
