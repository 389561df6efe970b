package faulty

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/cornu-ml/cornu/internal/file"
)

func TestAFileIsWholeOrAsItWasWhateverFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.txt")
	write := func() error {
		return file.WriteFunc(path, func(w io.Writer) error {
			for range 3 {
				if _, err := io.WriteString(w, "after"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	Replaces(t, folder, write) // a new file
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	Replaces(t, folder, write)
}

// Each operation of a replaced file fails once: none is left out of what tests can see.
func TestEveryOperationFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	Each(t, func(f *Fault) {
		err := file.Write(path, []byte("after"))
		for _, o := range f.Failed() {
			seen[o.Name] = true
		}
		if (err == nil) != (len(f.Failed()) == 0) {
			t.Errorf("%v failed, and the error is %v", f.Failed(), err)
		}
	})
	for _, want := range []string{"open", "write", "sync", "chmod", "close", "rename", "remove"} {
		if !seen[want] {
			t.Errorf("no %s failed", want)
		}
	}
}
