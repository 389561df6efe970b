// Package golden reads the golden files: what real Keras computed, for tests to be held against. Only tests import it.
//
// The files in testdata are made by keras_golden.py (Keras 3) and keras2_golden.py (Keras 2.2.4, the book's). Files of
// the same form, of fresh random inputs, are made by keras_compare.py wherever Keras is installed; see LoadFresh.
package golden

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
)

//go:embed testdata/*.json
var files embed.FS

// A File is one golden file: cases of one kind.
type File struct {
	MadeBy map[string]string `json:"made_by"` // versions of Keras and of what it ran on
	Cases  []Case
}

// A Case is one computation: its configuration, what went in and what came out.
type Case struct {
	Name    string            // unique in its file
	Class   string            // Keras's class or function
	Config  map[string]any    // Keras's keyword arguments that aren't the default
	Numbers map[string]Floats // float64 values, such as a history
	Texts   map[string]string
	Tensors map[string]Tensor
}

// A Tensor holds float32 values exactly as Keras gave them, row major.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Floats is one number or a list of them.
type Floats []float64

// Load returns testdata/name.json, which it reads once: what its cases hold is shared.
func Load(t testing.TB, name string) File {
	t.Helper()
	once, _ := loaded.LoadOrStore(name, sync.OnceValues(func() (File, error) {
		text, err := files.ReadFile("testdata/" + name + ".json")
		return parse(name, text, err)
	}))
	file, err := once.(func() (File, error))()
	if err != nil {
		t.Fatal(err)
	}
	file.Cases = slices.Clone(file.Cases)
	return file
}

// loaded has the files that were read, by name.
var loaded sync.Map

func parse(name string, text []byte, err error) (file File, _ error) {
	if err != nil {
		return file, err
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return file, fmt.Errorf("golden file %s: %w", name, err)
	}
	return file, nil
}

// fresh is the environment variable that names the folder where keras_compare.py has written what Keras computed of fresh
// inputs.
const fresh = "CORNU_KERAS"

// LoadFresh reads name.json in that folder. The test is skipped where there is none.
func LoadFresh(t testing.TB, name string) File {
	t.Helper()
	folder := os.Getenv(fresh)
	if folder == "" {
		t.Skipf("set %s to a folder that keras_compare.py has filled", fresh)
	}
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	}
	file, err := parse(name, text, err)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Case returns the case of that name and fails the test where there is none.
func (f File) Case(t testing.TB, name string) Case {
	t.Helper()
	for _, c := range f.Cases {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no golden case %q", name)
	return Case{}
}

// Float is the configured number of that name, or otherwise if the case leaves it at Keras's default.
func (c Case) Float(name string, otherwise float64) float64 {
	if v, ok := c.Config[name].(float64); ok {
		return v
	}
	return otherwise
}

// Bool is the configured flag of that name; Keras's default is false for all that occur.
func (c Case) Bool(name string) bool {
	v, _ := c.Config[name].(bool)
	return v
}

// String is the configured string of that name, or "".
func (c Case) String(name string) string {
	v, _ := c.Config[name].(string)
	return v
}

// UnmarshalJSON reads {"shape": …, "data": …}.
func (t *Tensor) UnmarshalJSON(text []byte) error {
	var raw struct {
		Shape []int
		Data  []json.RawMessage
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	t.Shape, t.Data = raw.Shape, make([]float32, len(raw.Data))
	for i, r := range raw.Data {
		v, err := number(r, 32)
		if err != nil {
			return err
		}
		t.Data[i] = float32(v)
	}
	size := 1
	for _, d := range t.Shape {
		size *= d
	}
	if size != len(t.Data) {
		return fmt.Errorf("shape %v with %d values", t.Shape, len(t.Data))
	}
	return nil
}

// UnmarshalJSON reads a number or a list of numbers.
func (f *Floats) UnmarshalJSON(text []byte) error {
	list := []json.RawMessage{text}
	if text[0] == '[' {
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
	}
	*f = make(Floats, len(list))
	for i, r := range list {
		v, err := number(r, 64)
		if err != nil {
			return err
		}
		(*f)[i] = v
	}
	return nil
}

// number reads a JSON number, or one of the strings "inf", "-inf" and "nan" that stand for what JSON lacks.
func number(raw json.RawMessage, bits int) (float64, error) {
	switch string(raw) {
	case `"inf"`:
		return math.Inf(1), nil
	case `"-inf"`:
		return math.Inf(-1), nil
	case `"nan"`:
		return math.NaN(), nil
	}
	return strconv.ParseFloat(string(raw), bits)
}
