// Package mem allocates large arrays, aligned to cache lines and on huge pages, and bounds how much is allocated at once
// (limit.go).
package mem

import "unsafe"

const (
	line = 64 // bytes in a line of the cache

	// A huge page takes one entry of the TLB, the processor's cache of page addresses, in
	// place of 512. A training step visits more small pages than the TLB has entries: rows
	// of a data set at random, weights, gradients, an optimizer's slots.
	huge = 2 << 20
	// An array of fewer bytes would leave more than half of its huge page empty.
	least = huge / 2
)

// Make returns n zeros, aligned to a cache line. 1 MiB or more are on huge pages, where the
// system has them.
func Make[T float32 | float64 | uint8 | uint16 | int32 | int64 | bool](n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	align, room := line/size, n
	if n >= least/size {
		align = huge / size
		room = (n + align - 1) / align * align
	}
	s := make([]T, room+align)
	at := int(uintptr(unsafe.Pointer(&s[0]))) / size % align
	s = s[(align-at)%align:][:room:room]
	if align > line/size {
		adviseHuge(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), room*size))
	}
	return s[:n:n]
}

// Grow returns s with a larger capacity, for a slice that is filled bit by bit. n is the
// length that s reaches if its source doesn't end early, and is more than len(s). most is
// how many elements all the arrays on the way may have together, and is at least n.
//
// The new capacity is the smallest of n, n/4, n/16, … that is more than len(s) and at
// least 65,536. It is n at once if the arrays on the way, 4/3 of n together, would exceed
// most.
func Grow[T float32 | float64 | uint8 | int32 | int64 | bool](s []T, n, most int) []T {
	const few = 1 << 16
	room := n
	if n <= most/4*3-few {
		// The sizes n, n/4, n/16, … add up to 4/3 of n.
		for room/4 >= few && room/4 > len(s) {
			room /= 4
		}
	}
	return append(Make[T](room)[:0], s...)
}
