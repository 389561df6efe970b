package hdf5

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// An entry of golden.json is what h5py reads of an object.
type entry struct {
	content
	Shape      []int
	Dtype      string
	Attributes map[string]content
}

type content struct {
	Integers []int64
	Floats   []goldenFloat
	Texts    []string
}

// A goldenFloat is a float32 in Python's JSON, which has Infinity.
type goldenFloat float32

func (f *goldenFloat) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "1e999":
		*f = goldenFloat(math.Inf(1))
		return nil
	case "-1e999":
		*f = goldenFloat(math.Inf(-1))
		return nil
	}
	var x float64
	err := json.Unmarshal(b, &x)
	*f = goldenFloat(x)
	return err
}

func golden(t testing.TB) map[string]map[string]entry {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]map[string]entry
	if err := json.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	return files
}

func openFile(t testing.TB, name string) *Group {
	t.Helper()
	r, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	info, err := r.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r, info.Size(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := f.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// What other programs wrote is read as they read it: every type, layout, filter, kind of
// link and of attribute.
func TestFilesOfH5pyAndPyTablesAreRead(t *testing.T) {
	for name, objects := range golden(t) {
		t.Run(name, func(t *testing.T) {
			root := openFile(t, name)
			for path, want := range objects {
				o, err := root.Open(path)
				if err != nil {
					t.Error(err)
					continue
				}
				var attributes []*Attribute
				switch o := o.(type) {
				case *Group:
					attributes, err = o.Attributes()
				case *Dataset:
					checkDataset(t, o, want)
					attributes, err = o.Attributes()
				case *NamedType:
					if name := o.Type().String(); name != want.Dtype {
						t.Errorf("%s is the type %s, want %s", path, name, want.Dtype)
					}
					attributes, err = o.Attributes()
				}
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
				found := map[string]*Attribute{}
				for _, a := range attributes {
					found[a.Name] = a
				}
				for name, want := range want.Attributes {
					a := found[name]
					if a == nil {
						t.Errorf("%s: no attribute %s", path, name)
						continue
					}
					checkContent(t, path+"@"+name, want, a)
				}
			}
			paths := map[string]bool{}
			if err := root.Walk(func(path string, _ any, err error) error {
				if err != nil {
					t.Error(err)
				}
				paths[path] = true
				return nil
			}); err != nil {
				t.Error(err)
			}
			for path := range objects {
				if !paths[path] {
					t.Errorf("a walk doesn't come to %s", path)
				}
			}
		})
	}
}

func checkDataset(t *testing.T, d *Dataset, want entry) {
	t.Helper()
	if want.Shape != nil && !reflect.DeepEqual(d.Shape(), want.Shape) && len(d.Shape())+len(want.Shape) > 0 {
		t.Errorf("%s has shape %v, want %v", d.Path(), d.Shape(), want.Shape)
	}
	checkContent(t, d.Path(), want.content, floatsOf{d})
}

// floatsOf reads an array as an attribute is read.
type floatsOf struct{ *Dataset }

func (d floatsOf) Float32s() ([]float32, error) {
	x := make([]float32, d.Len())
	return x, d.Dataset.Float32s(x)
}

func checkContent(t *testing.T, what string, want content, got interface {
	Float32s() ([]float32, error)
	Int64s() ([]int64, error)
	Strings() ([]string, error)
},
) {
	t.Helper()
	if want.Texts != nil {
		if s, err := got.Strings(); err != nil || !reflect.DeepEqual(s, want.Texts) && len(s)+len(want.Texts) > 0 {
			t.Errorf("%s is %q, %v; want %q", what, s, err, want.Texts)
		}
	}
	if want.Integers != nil {
		if v, err := got.Int64s(); err != nil || !reflect.DeepEqual(v, want.Integers) {
			t.Errorf("%s is %v, %v; want %v", what, v, err, want.Integers)
		}
	}
	if want.Floats != nil {
		x, err := got.Float32s()
		if err != nil || len(x) != len(want.Floats) {
			t.Errorf("%s has %d elements, %v; want %d", what, len(x), err, len(want.Floats))
			return
		}
		for i, v := range x {
			if math.Float32bits(v) != math.Float32bits(float32(want.Floats[i])) {
				t.Errorf("%s: element %d is %v, want %v", what, i, v, want.Floats[i])
				return
			}
		}
	}
}

// A message of a kind that the format didn't have yet may say whether the object can be read without it.
func TestAnUnknownMessageMayForbidToReadItsObject(t *testing.T) {
	f := &File{}
	f.limits.Objects = 10
	o := &object{f: f}
	for _, m := range []message{{kind: lastMessage + 1}, {kind: lastMessage + 1, flags: 1 << 3}, {kind: lastMessage, flags: failIfUnknown}} {
		if _, err := o.add(m, nil); err != nil {
			t.Errorf("a message of kind %#x with flags %#x: %v", m.kind, m.flags, err)
		}
	}
	if _, err := o.add(message{kind: lastMessage + 1, flags: failIfUnknown}, nil); err == nil || !strings.Contains(err.Error(), "kind 0x18") {
		t.Errorf("got %v", err)
	}
}
