package kerasfile

import (
	"archive/zip"
	"bytes"
	"cmp"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
)

func TestAChecksumOfPiecesIsThatOfTheWhole(t *testing.T) {
	defer par.SetDefault(par.Default().Workers())
	b := make([]byte, 13<<20+12345)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	// What is read before: nothing, all, pieces apart, and pieces that meet and overlap.
	reads := [][][2]int{nil, {{0, len(b)}}, {{70000, 9 << 20}}, {{1 << 20, 2 << 20}, {5, 1 << 20}, {3 << 20, 3<<20 + 10}, {1<<20 - 1, 8 << 20}}}
	for _, threads := range []int{1, 2, 3} {
		par.SetDefault(threads)
		for _, n := range []int{0, 1, 7, summedAtOnce, 8<<20 - 1, 8<<20 + 1, len(b)} {
			for _, read := range reads {
				s := &summed{r: bytes.NewReader(b), name: "member", size: int64(n), want: crc32.ChecksumIEEE(b[:n])}
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
					if err := s.verify(); err != nil {
						t.Errorf("of %d bytes on %d threads, %v of them read: %v", n, threads, read, err)
					}
				}
			}
		}
	}
	short := &summed{r: bytes.NewReader(b), name: "member", size: int64(len(b)) + 10}
	if n, err := short.ReadAt(make([]byte, len(b)+10), 0); n != len(b) || err == nil {
		t.Errorf("%d of %d bytes are read: %v", n, len(b), err)
	}
	if err := short.verify(); err == nil {
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
	// read opens the weights, reads some of their arrays, and asks whether they are sound.
	read := func(w *Weights, err error) error {
		if err != nil {
			return err
		}
		arrays, err := w.ByName()
		for _, list := range arrays {
			for _, a := range list[:len(list)/2] {
				a.Read(make([]float32, a.Shape().Numel()))
			}
		}
		return cmp.Or(w.Verify(), err)
	}
	both := func() []error {
		_, w, err := Open(bytes.NewReader(b), size, Limits{})
		also, alsoErr := Weigh(bytes.NewReader(b), size, Limits{})
		return []error{read(w, err), read(also, alsoErr)}
	}
	if errs := both(); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	flips := 100
	if os.Getenv("CORNU_CI") != "" {
		flips = 500
	}
	for i := range flips {
		at := int(begin) + i*(n-1)/(flips-1) // the first byte and the last are among them
		b[at] ^= 1 << (i % 8)
		for _, err := range both() {
			if err == nil || !strings.HasPrefix(err.Error(), "model.weights.h5: it is damaged: the CRC-32 of its") {
				t.Fatalf("bit %d of byte %d is another: %v", i%8, at, err)
			}
		}
		b[at] ^= 1 << (i % 8)
	}
}
