package main

import (
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/viz"
)

// fewFigures leaves one figure in so many to be drawn as pixels; that each can be drawn, package book tests.
func fewFigures(t *testing.T, in int) {
	all := figures
	t.Cleanup(func() { figures = all })
	if !choice.Thorough() {
		figures = nil
		for i := in - 1; i < len(all); i += in {
			figures = append(figures, all[i])
		}
	}
}

func TestEveryFigureIsWrittenAsPNGAndSVG(t *testing.T) {
	fewFigures(t, 3)
	folder := filepath.Join(t.TempDir(), "new")
	status, out, errs := call("figures", "-o", folder)
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2*len(figures) {
		t.Errorf("%d files for %d figures", len(files), len(figures))
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		if !strings.Contains(out, path+"\n") {
			t.Errorf("%s isn't listed", path)
		}
		if !regexp.MustCompile(`^1\.[34]\.[1-9]-[a-z0-9-]+\.(svg|png)$`).MatchString(file.Name()) {
			t.Errorf("a file is called %s", file.Name())
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == ".png" {
			if _, err := png.Decode(strings.NewReader(string(content))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		} else if !strings.HasSuffix(string(content), "</svg>\n") {
			t.Errorf("%s doesn't end as SVG does", path)
		}
	}
}

func TestFiguresThatCannotBeWrittenLeaveNothing(t *testing.T) {
	fewFigures(t, 4)
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{filepath.Join(folder, "none", "figures"), file} {
		if status, _, errs := call("figures", "-o", target); status != failed || !strings.Contains(errs, target) {
			t.Errorf("%s: status %d, %q", target, status, errs)
		}
	}

	taken := filepath.Join(t.TempDir(), figures[1].Name+".svg")
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := call("figures", "-o", filepath.Dir(taken)); status != failed || !strings.Contains(errs, taken+" is a folder") {
		t.Errorf("a figure's name is taken: status %d, %q", status, errs)
	}
	if left, _ := os.ReadDir(filepath.Dir(taken)); len(left) != 1 {
		t.Errorf("%v were left", left)
	}

	figures = append(figures[:1:1], book.Figure{Name: "1.3.10-broken", Draw: func() (viz.Picture, error) { return nil, errors.New("no such thing") }})
	made, existing := filepath.Join(folder, "made"), t.TempDir()
	for _, target := range []string{made, existing} {
		if status, _, errs := call("figures", "-o", target); status != failed || !strings.Contains(errs, "1.3.10-broken: no such thing") {
			t.Errorf("a broken figure: status %d, %q", status, errs)
		}
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("%v were left", left)
	}
	if left, _ := os.ReadDir(existing); len(left) != 0 {
		t.Errorf("%v were left", left)
	}
}
