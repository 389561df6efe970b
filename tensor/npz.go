package tensor

// This file reads and writes NumPy's .npz: a zip of .npy files.

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
)

// ReadNpz reads all arrays of an .npz file of size bytes, by name. Together
// they may take budget bytes (0 means DefaultBudget), whatever the archive says
// of their sizes. Entries that share bytes of the file are an error: a small file
// would be a large one.
func ReadNpz(r io.ReaderAt, size, budget int64) (map[string]*Tensor, error) {
	if config.IsNil(r) {
		return nil, errors.New("npz: there is no reader")
	}
	if budget == 0 {
		budget = DefaultBudget
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	if err := file.Apart(archive.File); err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	out := map[string]*Tensor{}
	for _, f := range archive.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("npz: %q is no .npy array", f.Name)
		}
		if out[name] != nil {
			return nil, fmt.Errorf("npz: %q stands twice", name)
		}
		t, taken, err := readEntry(f, budget)
		if err != nil {
			return nil, fmt.Errorf("npz: %q: %w", name, err)
		}
		budget -= taken
		out[name] = t
	}
	return out, nil
}

func readEntry(f *zip.File, budget int64) (t *Tensor, taken int64, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	if t, taken, err = readNpy(r, budget); err != nil {
		return nil, 0, err
	}
	// Reading on to the end checks the sum of the whole entry.
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		if err == nil || n > 0 {
			err = fmt.Errorf("there is more than one array")
		}
		return nil, 0, err
	}
	return t, taken, nil
}

// WriteNpz writes tensors by name as an .npz file, as numpy.savez does: not
// compressed, in order of the names, the same bytes every time.
func WriteNpz(w io.Writer, tensors map[string]*Tensor) error {
	if w == nil {
		return errors.New("npz: there is nothing to write to: the writer is nil")
	}
	archive := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			err = WriteNpy(entry, tensors[name])
		}
		if err != nil {
			return fmt.Errorf("npz: %q: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("npz: %w", err)
	}
	return nil
}
