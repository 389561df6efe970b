// Package examples_test runs the example programs for a moment.
package examples_test

import (
	"bytes"
	"image"
	_ "image/png" // what they draw
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
)

func TestExamplesRun(t *testing.T) {
	if !choice.Thorough() {
		t.Skip("seven programs are linked, which takes seconds: CORNU_CI=1 does it")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir, "./autoencoder", "./charlm", "./cvae", "./dcgan", "./forecast", "./languages", "./resnet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		program, draws string
		flags          []string
	}{
		{"autoencoder", "denoised.png", nil},
		{"charlm", "", []string{"-write", "5"}},
		{"cvae", "conditioned.png", nil},
		{"dcgan", "generated.png", nil},
		{"forecast", "", nil},
		{"languages", "", []string{"-say", "to be or not to be", "-save", "l.keras"}},
		{"resnet", "", []string{"-blocks", "1"}},
		{"resnet", "", []string{"-blocks", "1", "-version", "2", "-save", "m.keras"}},
	} {
		program := exec.Command(filepath.Join(dir, c.program), append(c.flags, "-limit", "32", "-epochs", "1")...)
		program.Dir = dir
		if out, err := program.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c.program, err, out)
			continue
		}
		if c.draws == "" {
			continue
		}
		file, err := os.ReadFile(filepath.Join(dir, c.draws))
		if err != nil {
			t.Error(err)
		} else if _, _, err := image.Decode(bytes.NewReader(file)); err != nil {
			t.Errorf("%s: %v", c.draws, err)
		}
	}
}
