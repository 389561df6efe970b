package hdf5

// Files that were made to mislead a reader are refused with an error that says why, and take no more memory than their limits allow.

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/hostile"
)

// firstError opens everything in a file and reads the array x, within a megabyte.
func firstError(b []byte) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{Bytes: 1 << 20})
	if err != nil {
		return err
	}
	root, err := f.Root()
	if err != nil {
		return err
	}
	err = root.Walk(func(_ string, object any, err error) error { return err })
	if err != nil {
		return err
	}
	d, err := root.Dataset("x")
	if err != nil {
		return err
	}
	x := make([]float32, min(d.Len(), 1<<20))
	if len(x) < d.Len() {
		_, err := d.Int64s()
		return err
	}
	return d.Float32s(x)
}

// See testdata/make_hostile.py.
func TestFilesThatPointElsewhereOrNowhereAreRefused(t *testing.T) {
	want := map[string]string{
		"external_link.h5":              "which is not opened",
		"external_storage.h5":           "its elements are in another file, which is not opened",
		"virtual.h5":                    "virtual",
		"soft_circle.h5":                "links",
		"soft_nowhere.h5":               "there is no such object",
		"hard_circle.h5":                "there is no such object", // the walk ends, and x isn't in the root
		"deep.h5":                       "more than 128 groups in each other",
		"terabytes_earliest.h5":         "over the budget",
		"terabytes_latest.h5":           "over the budget",
		"terabytes_chunked_earliest.h5": "over the budget",
		"terabytes_chunked_latest.h5":   "over the budget",
		"bomb.h5":                       "over the budget",
		"compound.h5":                   "compound",
		"reference.h5":                  "reference",
		"type_of_itself.h5":             "damaged: what it shares at",
		"type_is_a_group.h5":            "damaged: what it shares at",
		"types_in_a_circle.h5":          "damaged: what it shares at",
	}
	files, err := filepath.Glob("testdata/hostile/*.h5")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files, want %d: %v", len(files), len(want), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := firstError(b); err == nil || !strings.Contains(err.Error(), want[filepath.Base(file)]) {
			t.Errorf("%s: got %v, want an error with %s", file, err, want[filepath.Base(file)])
		}
	}
}

// A file that is cut off anywhere is refused, unless nothing of what is missing was in use.
func TestFilesThatAreCutOffAnywhereAreRefused(t *testing.T) {
	for _, name := range []string{"small_old.h5", "small_tree.h5", "small_dense.h5", "small_shared.h5", "small_packed_deep.h5"} {
		whole, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		step := 8
		if testing.Short() {
			step = 64
		}
		for at := 0; at < len(whole); at += step {
			b := whole[:at]
			f, err := Open(bytes.NewReader(b), int64(len(b)), Limits{})
			if at < len(signature) && !errors.Is(err, ErrFormat) {
				t.Errorf("%s, cut at %d: %v", name, at, err)
			}
			if err == nil && f.size != int64(at) {
				t.Errorf("%s, cut at %d: it has %d bytes", name, at, f.size)
			}
			readAll(b)
		}
	}
}

func TestWhateverAFileHoldsReadingItEndsInLittleMemory(t *testing.T) {
	var seeds [][]byte
	for _, pattern := range []string{"testdata/small_*.h5", "testdata/hostile/*.h5"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			seeds = append(seeds, b)
		}
	}
	for _, f := range hostileHeaps(t) {
		seeds = append(seeds, f.Content)
	}
	hostile.Try(t, seeds, readAll)
}
