package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/faulty"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

// Weights that went through other formats are those that they were: the model that they come back to is the same file.
func TestAModelIsTheSameAfterAWayThroughEveryFormat(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	r.must("fit", model, "--data", r.npy("x.npy", array(r, r.x, 12, 4))+","+r.npy("y.npy", array(r, r.x[:12], 12)), "--quiet", "-o", model)
	want := fileOf(r, "m.keras")
	for _, way := range [][]string{
		{"a.keras"}, {"a.h5"}, {"a.weights.h5"}, {"a.npz"}, {"a.safetensors"}, {"a.npz", "b.safetensors", "c.npz"}, {"a.safetensors", "b.npz", "c.safetensors"},
	} {
		at := model
		for _, to := range way {
			_, _, errs := call("convert", at, r.in(to))
			if told := strings.Contains(errs, to+" holds weights alone; only "+model+" has the network"); told != (at == model && to != "a.keras" && to != "a.h5") {
				t.Errorf("from %s to %s it says %q", at, to, errs)
			}
			at = r.in(to)
		}
		if way[0] == "a.keras" || way[0] == "a.h5" {
			r.must("convert", at, r.in("back.keras"))
		} else {
			r.must("convert", at, r.in("back.keras"), "--model", model)
		}
		if !bytes.Equal(fileOf(r, "back.keras"), want) {
			t.Errorf("by way of %v it is another model", way)
		}
	}
	if !bytes.Equal(fileOf(r, "a.npz"), fileOf(r, "c.npz")) && !bytes.Equal(fileOf(r, "a.safetensors"), fileOf(r, "c.safetensors")) {
		t.Error("there and back between arrays it is another file")
	}
}

func TestWhatCannotBeConvertedIsSaid(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	r.must("convert", model, r.in("a.npz"))
	r.must("convert", model, r.in("a.weights.h5"))
	other := r.model("other.keras", loss.MeanSquaredError{}, 1, nil, 4)
	page := r.write("page.keras", []byte("<!DOCTYPE html>"))
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{r.in("a.npz"), r.in("b.keras")}, misused, "name a file that has it with --model"},
		{[]string{r.in("a.weights.h5"), r.in("b.npz")}, misused, "name a file that has it with --model"},
		{[]string{model, r.in("b.txt")}, misused, "ends with .keras or .h5, one of weights with .weights.h5"},
		{[]string{model, r.in("none/b.npz")}, misused, "there is no folder"},
		{[]string{model}, misused, "takes two files, got 1"},
		{[]string{page, r.in("b.npz")}, failed, "a page of HTML"},
		{[]string{r.in("none.keras"), r.in("b.npz")}, failed, "none.keras"},
		{[]string{r.in("a.npz"), r.in("b.keras"), "--model", other}, failed, "shape"},
	} {
		status, out, errs := call(append([]string{"convert"}, test.args...)...)
		if status != test.status || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("%v: status %d, %q", test.args, status, errs)
		}
	}
	for _, name := range []string{"b.keras", "b.npz", "b.txt"} {
		if _, err := os.Stat(r.in(name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestEveryFormatIsInspected(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	r.must("convert", model, r.in("m.safetensors"))
	r.must("convert", model, r.in("m.weights.h5"))
	r.npz("m.npz", map[string]*tensor.Tensor{"dense/kernel": array(r, r.x[:32], 4, 8)})
	r.npy("m.npy", array(r, r.y, 12))
	header := "{'descr': '<f2', 'fortran_order': False, 'shape': (), }\n" // of a type that isn't read
	r.write("half.npy", []byte("\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header))
	for name, want := range map[string]string{
		"m.keras":       `"config.json", `,
		"m.safetensors": "dense/kernel  float32 (4, 8)  128 bytes\n",
		"m.weights.h5":  "0  float32 (4, 8)  128 bytes\n",
		"m.npz":         "\"dense/kernel.npy\", 256 bytes\n  array  float32 (4, 8)  128 bytes\n",
		"m.npy":         "array  int64 (12,)  96 bytes\n",
		"half.npy":      "array  float16 ()  2 bytes\n",
	} {
		if out := r.must("inspect", r.in(name)); !strings.Contains(out, want) {
			t.Errorf("of %s it prints\n%s", name, out)
		}
	}
}

func TestAConversionLosesNothingWhenTheDiskFails(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	r.must("convert", model, r.in("m.npz"))
	for from, names := range map[string][]string{model: {"a.keras", "a.h5", "a.weights.h5", "a.npz", "a.safetensors"}, r.in("m.npz"): {"b.safetensors"}} {
		for _, name := range names {
			if name != "a.safetensors" && os.Getenv("CORNU_CI") == "" {
				continue // the others are written by the same means
			}
			folder := t.TempDir()
			to := filepath.Join(folder, name)
			r.check(os.WriteFile(to, []byte("before"), 0o644))
			faulty.Replaces(t, folder, func() error {
				root := newRoot()
				root.SetArgs([]string{"convert", from, to})
				root.SetOut(io.Discard)
				root.SetErr(io.Discard)
				return root.Execute()
			})
		}
	}
}

// A file that is not what its name says is read if it is another that is known, and is otherwise said to be what it is.
func TestAWrongEndingIsToldWithWhatTheFileIs(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 2, 2)
	for _, name := range []string{"m.h5", "m.weights.h5", "m.npz", "m.safetensors"} {
		r.must("convert", model, r.in(name))
	}
	picture := []byte("\x89PNG\r\n\x1a\n....")
	for what, content := range map[string][]byte{
		"a page of HTML":        []byte("\n<!DOCTYPE html><title>404</title>"),
		"a PNG picture":         picture,
		"a pointer of Git LFS":  []byte("version https://git-lfs.github.com/spec/v1\n"),
		"empty":                 nil,
		"is no regular file":    {0}, // a folder
		`begins with "a letter`: []byte("a letter to the editor"),
	} {
		named := func(ending string) string {
			path := r.in("wrong." + ending)
			r.check(os.RemoveAll(path))
			if what == "is no regular file" {
				r.check(os.Mkdir(path, 0o755))
				return path
			}
			return r.write("wrong."+ending, content)
		}
		for i, ending := range []string{"keras", "h5", "weights.h5", "safetensors", "npz", "npy"} {
			path := named(ending)
			for k, args := range [][]string{
				{"inspect", path},
				{"summary", path},
				{"predict", path, "--data", r.in("x.npy")},
				{"convert", path, r.in("out.keras"), "--model", model},
				{"predict", model, "--data", path},
				{"fit", model, "--data", path, "-o", r.in("out.keras")},
			} {
				if ending == "npy" && args[0] == "convert" {
					continue
				}
				if (i+k+len(what))%3 != 0 && !choice.Thorough() {
					continue // each command meets each ending, and each content
				}
				want := what
				if what == "is no regular file" && args[0] != "inspect" {
					want = "" // as data it is a folder of pictures, and there is none in it
				}
				status, out, errs := call(args...)
				if status != failed || out != "" || !strings.Contains(errs, "wrong."+ending) || !strings.Contains(errs, want) {
					t.Errorf("%s, %v: status %d, %q, %q", what, args, status, out, errs)
				}
			}
		}
		// As a table or a picture it is what a table or a picture could not be.
		for _, ending := range []string{"csv", "png"} {
			if status, out, errs := call("predict", model, "--data", named(ending)); status != failed || out != "" || !strings.Contains(errs, "wrong."+ending) {
				t.Errorf("%s as .%s: status %d, %q, %q", what, ending, status, out, errs)
			}
		}
	}
	// What is known is known by its content.
	for _, from := range []string{"m.keras", "m.h5", "m.weights.h5", "m.npz", "m.safetensors"} {
		for _, ending := range []string{"keras", "h5", "weights.h5", "safetensors", "npz"} {
			path := r.write("other."+ending, fileOf(r, from))
			r.must("inspect", path)
			want := map[bool]int{true: 0, false: failed}[from == "m.keras" || from == "m.h5"]
			if status, _, errs := call("summary", path); status != want || want == failed && !strings.Contains(errs, "other."+ending) {
				t.Errorf("%s as .%s: status %d, %q", from, ending, status, errs)
			}
		}
	}
}
