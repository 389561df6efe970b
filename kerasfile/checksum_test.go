package kerasfile

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
)

func TestAChecksumInSharesIsThatOfTheWhole(t *testing.T) {
	defer par.SetDefault(par.Default().Workers())
	b := make([]byte, 3*leastShare+12345)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	for _, threads := range []int{1, 2, 3} {
		par.SetDefault(threads)
		for _, n := range []int{0, 1, 7, summedAtOnce, 2*leastShare - 1, 2*leastShare + 1, len(b)} {
			sum, err := checksum(bytes.NewReader(b), int64(n))
			if want := crc32.ChecksumIEEE(b[:n]); sum != want || err != nil {
				t.Errorf("of %d bytes on %d threads: %08x (%v), want %08x", n, threads, sum, err, want)
			}
		}
	}
	if _, err := checksum(bytes.NewReader(b), 1<<62); err == nil {
		t.Error("more bytes than there are have a checksum")
	}
}

func TestABitThatFlipsInStoredWeightsIsNoticed(t *testing.T) {
	b, err := os.ReadFile("testdata/frozen.keras")
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(b))
	members, err := list(bytes.NewReader(b), size)
	if err != nil {
		t.Fatal(err)
	}
	weights := members[weightsName]
	begin, err := weights.DataOffset()
	if err != nil || weights.Method != zip.Store {
		t.Fatalf("%v: the weights are stored by method %d, 0 was expected", err, weights.Method)
	}
	n := int(weights.UncompressedSize64)
	if _, _, err := Open(bytes.NewReader(b), size, Limits{}); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		at := int(begin) + i*(n-1)/499 // the first byte and the last are among them
		b[at] ^= 1 << (i % 8)
		_, _, err := Open(bytes.NewReader(b), size, Limits{})
		_, also := Weigh(bytes.NewReader(b), size, Limits{})
		for _, err := range []error{err, also} {
			if err == nil || !strings.HasPrefix(err.Error(), "model.weights.h5: it is damaged: the CRC-32 of its") {
				t.Fatalf("bit %d of byte %d is another: %v", i%8, at, err)
			}
		}
		b[at] ^= 1 << (i % 8)
	}
}
