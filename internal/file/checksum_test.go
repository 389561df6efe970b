package file

import (
	"bytes"
	"hash/crc32"
	"testing"
)

func TestAChecksumOfPiecesIsThatOfTheWhole(t *testing.T) {
	b := make([]byte, 13<<20+12345)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	// What is read before: nothing, all, pieces apart, and pieces that meet and overlap.
	reads := [][][2]int{nil, {{0, len(b)}}, {{70000, 9 << 20}}, {{1 << 20, 2 << 20}, {5, 1 << 20}, {3 << 20, 3<<20 + 10}, {1<<20 - 1, 8 << 20}}}
	for _, threads := range []int{1, 2, 3} {
		for _, n := range []int{0, 1, 7, summedAtOnce, 8<<20 - 1, 8<<20 + 1, len(b)} {
			for _, read := range reads {
				s := &Summed{R: bytes.NewReader(b), Name: "member", Size: int64(n), CRC: crc32.ChecksumIEEE(b[:n]), Threads: threads}
				for _, r := range read {
					if r[1] > n {
						continue
					}
					got := make([]byte, r[1]-r[0])
					if k, err := s.ReadAt(got, int64(r[0])); k != len(got) || err != nil || !bytes.Equal(got, b[r[0]:r[1]]) {
						t.Fatalf("bytes %v: %d, %v, or others", r, k, err)
					}
				}
				for range 2 {
					if err := s.Verify(); err != nil {
						t.Errorf("of %d bytes on %d threads, %v of them read: %v", n, threads, read, err)
					}
				}
			}
		}
	}
	short := &Summed{R: bytes.NewReader(b), Name: "member", Size: int64(len(b)) + 10, Threads: 2}
	if n, err := short.ReadAt(make([]byte, len(b)+10), 0); n != len(b) || err == nil {
		t.Errorf("%d of %d bytes are read: %v", n, len(b), err)
	}
	if err := short.Verify(); err == nil {
		t.Error("more bytes than there are have a checksum")
	}
}
