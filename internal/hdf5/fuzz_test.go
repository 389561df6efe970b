package hdf5

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
)

// Whatever is in a file, reading all of it ends, and takes no more memory than its limits
// allow.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/small_*.h5")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, x := range hostileHeaps(f) {
		f.Add(x.Content)
	}
	f.Fuzz(func(t *testing.T, b []byte) { readAll(b) })
}

// readAll reads everything that is in a file and forgets it.
func readAll(b []byte) {
	file, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Bytes: 1 << 20, Objects: 5000, Depth: 40})
	if err != nil {
		return
	}
	root, err := file.Root()
	if err != nil {
		return
	}
	root.Walk(func(_ string, object any, err error) error {
		switch o := object.(type) {
		case *Group:
			readAttributes(o.object)
			for _, name := range o.Names() {
				o.Open(name)
			}
		case *NamedType:
			readAttributes(o.object)
		case *Dataset:
			readAttributes(o.object)
			if o.Len() < 1<<18 {
				o.Float32s(make([]float32, o.Len()))
			}
			o.Int64s()
			o.Strings()
		}
		return nil
	})
}

func readAttributes(o *object) {
	list, err := o.Attributes()
	if err != nil {
		return
	}
	for _, a := range list {
		a.Strings()
		a.Int64s()
		a.Float32s()
	}
}

// Files with a bit turned over, or cut off, are read or refused.
func TestDamagedFilesAreNoTrouble(t *testing.T) {
	for _, name := range []string{"userblock.h5", "earliest.h5", "latest.h5"} {
		whole, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range choice.Effort(8, 60) {
			at := i * 7919 * 13 % len(whole)
			b := bytes.Clone(whole)
			b[at] ^= 1 << (i % 8)
			readAll(b)
			readAll(whole[:at])
		}
	}
}
