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

func TestWhatGrowsTakesNoMoreThanItMay(t *testing.T) {
	for _, n := range []int{1, 1 << 16, 1<<16 + 1, 1 << 18, 1_000_000, 1 << 20, 3_333_333} {
		for _, most := range []int{n, n + n/4, 2*n + 1<<16} {
			var s []uint8
			total, largest := 0, 0
			for len(s) < n {
				if len(s) == cap(s) {
					came := len(s)
					s = Grow(s, n, most)
					if total += cap(s); most > n+n/2+1<<16 && cap(s) > max(4*came+4, 1<<18+4) {
						t.Errorf("%d of %d: room for %d", came, n, cap(s))
					}
					largest = max(largest, cap(s))
				}
				s = s[:len(s)+1]
				s[len(s)-1] = uint8(len(s))
			}
			if total > most || largest != n {
				t.Errorf("%d elements took %d, at most %d in all", n, total, most)
			}
			for i, v := range s {
				if v != uint8(i+1) {
					t.Fatalf("element %d of %d is lost", i, n)
				}
			}
		}
	}
}
