package kerasfile_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/kerasfile"
)

func TestABitThatFlipsInStoredWeightsIsNoticed(t *testing.T) {
	b, err := os.ReadFile("testdata/frozen.keras")
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(b))
	archive, err := zip.NewReader(bytes.NewReader(b), size)
	if err != nil {
		t.Fatal(err)
	}
	weights := archive.File[slices.IndexFunc(archive.File, func(f *zip.File) bool { return f.Name == "model.weights.h5" })]
	begin, err := weights.DataOffset()
	if err != nil || weights.Method != zip.Store {
		t.Fatalf("%v: the weights are stored by method %d, 0 was expected", err, weights.Method)
	}
	n := int(weights.UncompressedSize64)
	// read opens the weights, reads some of their arrays, and asks whether they are sound.
	read := func(w *kerasfile.Weights, err error) error {
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
		_, w, err := kerasfile.Open(bytes.NewReader(b), size, kerasfile.Limits{})
		also, alsoErr := kerasfile.Weigh(bytes.NewReader(b), size, kerasfile.Limits{})
		return []error{read(w, err), read(also, alsoErr)}
	}
	if errs := both(); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	flips := choice.Effort(100, 500)
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
