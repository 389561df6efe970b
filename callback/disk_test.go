package callback

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cornu-ml/cornu/internal/faulty"
)

// What a log held before stays, an operation that fails ends the training, and the next one goes on after whole lines.
func TestALogKeepsItsLinesWhenTheDiskFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.csv")
	fit := func() error { return fitLogging(t, plainRows()[:2], &CSVLogger{Filename: path, Append: true}) }
	if err := fit(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fit(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	faulty.Each(t, func(f *faulty.Fault) {
		if err := os.WriteFile(path, before, 0o644); err != nil {
			t.Fatal(err)
		}
		err := fit()
		if (err != nil) != (len(f.Failed()) > 0) || err != nil && !errors.Is(err, faulty.ErrDisk) {
			t.Errorf("%v failed, and the error is %v", f.Failed(), err)
		}
		left, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(left, before) || !bytes.HasPrefix(after, left) {
			t.Errorf("%v failed, and the file holds %q", f.Failed(), left)
		}
	})
	whole := before[:len(before)-5] // torn
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := fit(); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(before, []byte("\n"))
	if left, _ := os.ReadFile(path); !bytes.Equal(left, append(bytes.Join(lines[:2], nil), after[len(before):]...)) {
		t.Errorf("after a torn line it holds %q", left)
	}
}

func TestATrainingEndsWhenTensorBoardsFileCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	faulty.Each(t, func(f *faulty.Fault) {
		err := fitLogging(t, plainRows()[:2], &TensorBoard{LogDir: folder})
		if (err != nil) != (len(f.Failed()) > 0) || err != nil && !errors.Is(err, faulty.ErrDisk) {
			t.Errorf("%v failed, and the error is %v", f.Failed(), err)
		}
	})
}
