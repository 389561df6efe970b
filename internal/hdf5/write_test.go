package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// written is a file with all that a Writer writes.
func written() *Writer {
	w := NewWriter()
	w.Attribute("text", "Größe")
	w.Attribute("empty text", "")
	w.Attribute("number", int64(-3))
	w.Attribute("float", 0.1)
	w.Attribute("true", true)
	w.Attribute("texts", []string{"kernel", "", "bias"})
	w.Attribute("none", []string{})
	for i := range 280 {
		w.Group("many").Float32s(fmt.Sprintf("x%d", i), nil, []float32{float32(i)})
	}
	vars := w.Group("/layers/dense/vars")
	vars.Attribute("name", "dense")
	vars.Float32s("0", []int{2, 3}, []float32{1, -2, 3.5, 0, 1e-40, 6})
	vars.Float32s("1", []int{3}, []float32{7, 8, 9})
	vars.Float32s("nothing", []int{0, 4}, nil)
	vars.Int("iterations", 1<<40)
	w.Group("layers/empty")
	return w
}

// The bytes are those of a file that h5py has read: golden.json, made by make.py, says what it found in
// it. UPDATE=1 writes it anew.
func TestAWriterGivesTheFileThatH5pyRead(t *testing.T) {
	var b bytes.Buffer
	n, err := written().WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, b.Len(), err)
	}
	const name = "testdata/written.h5"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("the file has other bytes than " + name)
	}
}

func TestAWriterRefusesWhatCannotBeStored(t *testing.T) {
	for want, fill := range map[string]func(w *Writer){
		"already":      func(w *Writer) { w.Group("a"); w.Float32s("a", nil, []float32{1}) },
		"is an array":  func(w *Writer) { w.Float32s("a", nil, []float32{1}); w.Group("a/b") },
		"name":         func(w *Writer) { w.Float32s("a/b", nil, []float32{1}) },
		"too long":     func(w *Writer) { w.Attribute("a", []string{strings.Repeat("x", 70_000)}) },
		"can't be":     func(w *Writer) { w.Attribute("a", 1) },
		"for shape":    func(w *Writer) { w.Float32s("a", []int{2}, nil) },
		"a zero in it": func(w *Writer) { w.Attribute("a", "x\x00") },
	} {
		w := NewWriter()
		fill(w)
		if _, err := w.WriteTo(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	full := errors.New("full")
	if _, err := written().WriteTo(failing{full}); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
