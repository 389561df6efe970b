package terminal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAndBuffersAreNoTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if Is(file) || Is(null) || Is(&bytes.Buffer{}) || Is(nil) {
		t.Error("one is taken for a terminal")
	}
	if Columns(file) != 0 || Columns(null) != 0 || Columns(&bytes.Buffer{}) != 0 || Columns(nil) != 0 {
		t.Error("one has columns")
	}
}
