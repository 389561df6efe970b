package checkpoint

// This file turns numbers into bytes and back, as memory that is copied where the machine stores them as files do.

import (
	"encoding/binary"
	"unsafe"
)

// A number is an element of an array.
type number interface{ float32 | float64 | int64 }

// little says that this machine's numbers are little-endian.
var little = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Append appends numbers to b.
func Append[T number](b []byte, numbers []T) []byte {
	from := len(b)
	b = append(b, memory(numbers)...)
	swap[T](b[from:])
	return b
}

// Put writes numbers to b, which has room for them.
func Put[T number](b []byte, numbers []T) {
	swap[T](b[:copy(b, memory(numbers))])
}

// Copy sets numbers to those in b, which has as many.
func Copy[T number](numbers []T, b []byte) {
	m := memory(numbers)
	copy(m, b)
	swap[T](m)
}

// memory returns the memory of numbers.
func memory[T number](numbers []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*int(unsafe.Sizeof(*new(T))))
}

// swap turns each number's bytes around, on machines where that is to be done.
func swap[T number](b []byte) {
	if little {
		return
	}
	for size := int(unsafe.Sizeof(*new(T))); len(b) > 0; b = b[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}
