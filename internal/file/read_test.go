package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestARegularFileIsOpenedAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	names := []string{path}
	if os.Symlink(path, link) == nil {
		names = append(names, link)
	}
	for _, name := range names {
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

// silent gives nothing for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestAReaderThatGivesNothingIsGivenUp(t *testing.T) {
	r := Steady(silent{})
	for range 3 { // whoever goes on after an error
		if _, err := io.ReadFull(r, make([]byte, 1)); err != io.ErrNoProgress {
			t.Errorf("the error is %v", err)
		}
	}
	slow := Steady(iotest.OneByteReader(strings.NewReader("text")))
	if b, err := io.ReadAll(slow); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
}
