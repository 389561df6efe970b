//go:build unix

package cputest

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// Fenced returns n elements that end (or begin, if atStart) where memory that
// can't be touched begins (or ends).
func Fenced[T any](t testing.TB, n int, atStart bool) []T {
	t.Helper()
	page := os.Getpagesize()
	size := n * int(unsafe.Sizeof(*new(T)))
	inner := (size + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, inner+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	for _, fence := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	begin := page + inner - size
	if atStart {
		begin = page
	}
	if n == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[begin])), n)
}
