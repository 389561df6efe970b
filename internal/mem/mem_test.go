package mem

import (
	"slices"
	"testing"
	"unsafe"
)

func TestArraysAreZeroAndAligned(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1000, least/4 - 1, least / 4, least/4 + 1, huge / 4, huge/4 + 1, 3*huge/4 - 5, least, huge + 1} {
		for range 3 { // the heap gives back what was used before
			floats, bytes := Make[float32](n), Make[uint8](n)
			if len(floats) != n || cap(floats) != n || len(bytes) != n || cap(bytes) != n {
				t.Fatalf("%d: lengths %d and %d, capacities %d and %d", n, len(floats), len(bytes), cap(floats), cap(bytes))
			}
			align := func(p unsafe.Pointer, size int) {
				t.Helper()
				want := uintptr(line)
				if size >= least {
					want = huge
				}
				if n > 0 && uintptr(p)%want != 0 {
					t.Errorf("%d bytes begin at %p, want a multiple of %d", size, p, want)
				}
			}
			align(unsafe.Pointer(unsafe.SliceData(floats)), 4*n)
			align(unsafe.Pointer(unsafe.SliceData(bytes)), n)
			if slices.ContainsFunc(floats, func(x float32) bool { return x != 0 }) || slices.ContainsFunc(bytes, func(x uint8) bool { return x != 0 }) {
				t.Errorf("%d: not all zero", n)
			}
			for i := range n {
				floats[i], bytes[i] = 1, 1
			}
		}
	}
}
