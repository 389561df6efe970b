// Package mem allocates large arrays so that the processor reaches them fast.
package mem

import "unsafe"

const (
	line = 64 // bytes in a line of the cache

	// A huge page is one entry in place of 512 in what the processor remembers of
	// addresses. A training step visits more pages than it remembers: rows of a data set
	// at random, weights, gradients, an optimizer's slots.
	huge = 2 << 20
	// An array of fewer bytes would leave more than half of its huge page empty.
	least = huge / 2
)

// Make returns n zeros that begin at a line of the cache; 1 MB or more are on huge pages,
// where the system has them.
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

// Grow returns s with room for more elements: n will come in the end, or fewer if their
// source breaks off, and all that is allocated on the way are most elements. Room is made
// for up to four times as many as there are, and at the end for no more than n. If most
// leaves no room to copy, it is made for all at once. n is more than len(s), and at most
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
