package crc

import (
	"hash/crc32"
	"testing"
)

func texts() []byte {
	b := make([]byte, 1<<18)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}

func TestSumsAreThoseOfTheStandardLibrary(t *testing.T) {
	all := texts()
	for _, from := range []int{0, 1, 31} {
		for n := 0; n <= len(all)-from; n += 1 + n/9 {
			b := all[from : from+n]
			for _, crc := range []uint32{0, 1, 0xdeadbeef, 1<<32 - 1} {
				if got, want := Update(crc, b), crc32.Update(crc, crc32.IEEETable, b); got != want {
					t.Fatalf("%d bytes from %d behind %08x: %08x, want %08x", n, from, crc, got, want)
				}
			}
		}
	}
}

func TestTheSumOfATextIsThatOfItsParts(t *testing.T) {
	b := texts()
	whole := crc32.ChecksumIEEE(b)
	for _, at := range []int{0, 1, 1000, 1 << 17, len(b) - 1, len(b)} {
		if got := Join(crc32.ChecksumIEEE(b[:at]), crc32.ChecksumIEEE(b[at:]), int64(len(b)-at)); got != whole {
			t.Errorf("in two at %d: %08x, want %08x", at, got, whole)
		}
	}
}

// BenchmarkUpdate sums what is in a core's cache.
func BenchmarkUpdate(b *testing.B) {
	content := texts()
	for name, update := range map[string]func(uint32, []byte) uint32{
		"ours":     Update,
		"standard": func(crc uint32, b []byte) uint32 { return crc32.Update(crc, crc32.IEEETable, b) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				update(0, content)
			}
		})
	}
}
