package hdf5

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// A counter counts how often it is read.
type counter struct {
	io.ReaderAt
	reads int
}

func (c *counter) ReadAt(b []byte, at int64) (int, error) {
	c.reads++
	return c.ReaderAt.ReadAt(b, at)
}

// What opens one object takes doesn't grow with the number of others beside it: a deep network has thousands of layers.
func TestOpeningAnObjectCostsTheSameBesideManyOthers(t *testing.T) {
	reads := func(n int) float64 {
		w := NewWriter()
		for i := range n {
			w.Group("layers").Group(fmt.Sprint(i)).Float32s("x", []int{1}, []float32{float32(i)})
		}
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		r := &counter{ReaderAt: bytes.NewReader(b.Bytes())}
		f, err := Open(r, int64(b.Len()), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		root, err := f.Root()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			path := fmt.Sprintf("layers/%d/x", i)
			d, err := root.Dataset(path)
			if err != nil {
				t.Fatal(err)
			}
			var x [1]float32
			if err := d.Float32s(x[:]); err != nil || x[0] != float32(i) || d.Path() != "/"+path {
				t.Fatalf("%s: %v of %s, %v", path, x, d.Path(), err)
			}
		}
		return float64(r.reads) / float64(n)
	}
	if few, many := reads(20), reads(2000); many > few {
		t.Errorf("an object of 2000 is opened with %.1f reads, one of 20 with %.1f", many, few)
	}
}
