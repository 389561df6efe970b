package cornu_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
)

// stack returns a model of layers over three inputs, with weights of its own.
func stack(t *testing.T, seed uint64, layers ...layer.Layer) *cornu.Sequential {
	t.Helper()
	m := cornu.NewSequential(append([]layer.Layer{&layer.Input{Shape: tensor.Shape{3}}}, layers...)...)
	m.Seed(seed)
	return m
}

// valuesOf returns the weights by their paths.
func valuesOf(t *testing.T, m *cornu.Sequential) map[string][]float32 {
	t.Helper()
	variables, err := m.Variables()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, v := range variables {
		out[v.Path] = slices.Clone(v.Value())
	}
	return out
}

func TestWeightsComeBackFromFilesOfEveryFormat(t *testing.T) {
	m, _ := trained(t, optimizer.Adam{})
	want := weightsOf(t, &m.Model)
	for _, name := range []string{"m.weights.h5", "m.h5", "m.safetensors", "m.npz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := m.SaveWeights(path); err != nil {
			t.Fatal(err)
		}
		// What is in a file counts, not its name.
		moved := filepath.Join(t.TempDir(), "file")
		if err := os.Rename(path, moved); err != nil {
			t.Fatal(err)
		}
		for _, byName := range []bool{false, true} {
			again := stack(t, 5, &layer.Dense{Units: 4}, &layer.Dropout{Rate: 0.3}, &layer.Dense{Units: 2, Name: "last"})
			skipped, err := again.LoadWeightsWith(moved, cornu.LoadWeightsConfig{ByName: byName})
			if err != nil || len(skipped) > 0 || !equalWeights(weightsOf(t, &again.Model), want) {
				t.Errorf("%s, by name %v: other weights came back: %v, %v", name, byName, skipped, err)
			}
		}
	}
}

// What np.savez(file, *model.get_weights()) and safetensors of {v.path: v for v in model.weights} write.
func TestArraysThatPythonNamesAreTheModelsInOrderAndByPath(t *testing.T) {
	m, _ := trained(t, optimizer.Adam{})
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	variables, err := m.Variables()
	if err != nil {
		t.Fatal(err)
	}
	numbered, prefixed := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for i, w := range weights {
		numbered[fmt.Sprint("arr_", i)] = w
		prefixed["sequential/"+variables[i].Path] = w
	}
	files := map[string]func(io.Writer) error{
		"x.npz":         func(w io.Writer) error { return tensor.WriteNpz(w, numbered) },
		"x.safetensors": func(w io.Writer) error { return safetensors.Write(w, prefixed, nil) },
	}
	for name, write := range files {
		path := filepath.Join(t.TempDir(), name)
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		again := stack(t, 5, &layer.Dense{Units: 4}, &layer.Dense{Units: 2, Name: "last"})
		if err := again.LoadWeights(path); err != nil || !equalWeights(weightsOf(t, &again.Model), weightsOf(t, &m.Model)) {
			t.Errorf("%s: other weights came back, %v", name, err)
		}
		shorter := stack(t, 5, &layer.Dense{Units: 4})
		if err := shorter.LoadWeights(path); err == nil {
			t.Errorf("%s: more arrays than a model has are no error", name)
		}
	}
}

// A network with a new head takes what it can from the old one, and says what it leaves.
func TestANewHeadKeepsItsWeightsAndTheRestIsLoaded(t *testing.T) {
	old := stack(t, 1, &layer.Dense{Units: 4, Name: "base"}, &layer.Dense{Units: 4, Name: "middle"}, &layer.Dense{Units: 2, Name: "head"})
	source := valuesOf(t, old)
	for _, name := range []string{"m.weights.h5", "m.keras", "m.h5", "m.safetensors", "m.npz"} {
		path := filepath.Join(t.TempDir(), name)
		save := old.SaveWeights
		if strings.HasSuffix(name, ".keras") {
			save = old.Save
		}
		if err := save(path); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			layers  []layer.Layer
			cfg     cornu.LoadWeightsConfig
			taken   []string
			skipped []string // is said of them, in order
			want    string   // is in the error
		}{
			{
				layers: []layer.Layer{&layer.Dense{Units: 4, Name: "base"}, &layer.Dense{Units: 4, Name: "middle"}, &layer.Dense{Units: 5, Name: "head"}},
				want:   "variable head/kernel has shape (4, 5), the file's ",
			},
			{
				layers:  []layer.Layer{&layer.Dense{Units: 4, Name: "base"}, &layer.Dense{Units: 4, Name: "middle"}, &layer.Dense{Units: 5, Name: "head"}},
				cfg:     cornu.LoadWeightsConfig{SkipMismatch: true},
				taken:   []string{"base", "middle"},
				skipped: []string{"variable head/kernel has shape (4, 5)"},
			},
			{
				layers:  []layer.Layer{&layer.Dense{Units: 4, Name: "middle2"}, &layer.Dense{Units: 2, Name: "head"}},
				cfg:     cornu.LoadWeightsConfig{ByName: true},
				taken:   []string{"head"},
				skipped: []string{`layer "middle2": the file has no arrays for it`, "base", "middle"},
			},
			{
				layers: []layer.Layer{&layer.Dense{Units: 4, Name: "base"}, &layer.Dense{Units: 5, Name: "head"}},
				cfg:    cornu.LoadWeightsConfig{ByName: true},
				want:   "variable head/kernel has shape (4, 5), the file's ",
			},
			{
				layers:  []layer.Layer{&layer.Dense{Units: 4, Name: "base"}, &layer.Dense{Units: 5, Name: "head"}},
				cfg:     cornu.LoadWeightsConfig{ByName: true, SkipMismatch: true},
				taken:   []string{"base"},
				skipped: []string{"variable head/kernel has shape (4, 5)", "middle"},
			},
			{
				layers: []layer.Layer{&layer.Dense{Units: 7}},
				cfg:    cornu.LoadWeightsConfig{ByName: true, SkipMismatch: true},
				want:   "nothing of the file fits the model",
			},
		} {
			m := stack(t, 2, test.layers...)
			before := valuesOf(t, m)
			skipped, err := m.LoadWeightsWith(path, test.cfg)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s, %+v: got %v, want an error with %q", name, test.cfg, err, test.want)
				continue
			}
			for i, text := range test.skipped {
				if test.want == "" && len(skipped) < len(test.skipped) || !strings.Contains(strings.Join(skipped[i:], "\n"), text) {
					t.Errorf("%s, %+v: left out %q, want that of %q", name, test.cfg, skipped, text)
				}
			}
			for p, got := range valuesOf(t, m) {
				want := before[p]
				if layerName, _, _ := strings.Cut(p, "/"); slices.Contains(test.taken, layerName) {
					want = source[p]
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, %+v: %s has other weights", name, test.cfg, p)
				}
			}
		}
	}
}

// Keras 2's load_weights(by_name=True).
func TestAnH5FileOfKeras2GivesItsLayersByName(t *testing.T) {
	whole, err := cornu.LoadWith("kerasfile/testdata/keras2.h5", cornu.LoadConfig{Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	variables, err := whole.Variables()
	if err != nil {
		t.Fatal(err)
	}
	first := variables[0]
	name, _, _ := strings.Cut(first.Path, "/")
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{first.Shape[0]}}, &layer.Dense{Units: first.Shape[1], Name: name}, &layer.Dense{Units: 9, Name: "own"})
	skipped, err := m.LoadWeightsWith("kerasfile/testdata/keras2.h5", cornu.LoadWeightsConfig{ByName: true})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(valuesOf(t, m)[name+"/kernel"], first.Value()) || !strings.Contains(skipped[0], `layer "own"`) {
		t.Errorf("its kernel isn't the file's, or %q isn't what was left out", skipped)
	}
}

func TestAFileOfAModelWithMoreLayersIsRefused(t *testing.T) {
	more := stack(t, 1, &layer.Dense{Units: 4}, &layer.Dense{Units: 4})
	for _, name := range []string{"m.weights.h5", "m.safetensors", "m.npz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := more.SaveWeights(path); err != nil {
			t.Fatal(err)
		}
		err := stack(t, 1, &layer.Dense{Units: 4}).LoadWeights(path)
		if err == nil || !strings.Contains(err.Error(), "is of no layer of the model") || !strings.Contains(err.Error(), "dense_1") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWeightsOfOtherTypesAreConvertedAndThatIsSaid(t *testing.T) {
	header := `{"dense/bias":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"dense/kernel":{"dtype":"BF16","shape":[3,1],"data_offsets":[8,14]}}`
	content := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
	content = append(content, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f) // 1
	content = append(content, 0x80, 0x3f, 0, 0xc0, 0x40, 0x40)
	var npz bytes.Buffer
	z := zip.NewWriter(&npz)
	for _, a := range []struct{ name, descr, shape, content string }{
		{"dense/kernel", "<V2", "(3, 1)", "\x80\x3f\x00\xc0\x40\x40"},
		{"dense/bias", "<f2", "(1,)", "\x00\x3c"},
	} {
		header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", a.descr, a.shape)
		w, err := z.Create(a.name + ".npy")
		if err == nil {
			_, err = io.WriteString(w, "\x93NUMPY\x01\x00"+string([]byte{byte(len(header)), 0})+header+a.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		types   []string
	}{
		"x.safetensors": {content, []string{"bfloat16", "float64"}},
		"x.npz":         {npz.Bytes(), []string{"bfloat16", "float16"}},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, c.content, 0o666); err != nil {
			t.Fatal(err)
		}
		m := stack(t, 1, &layer.Dense{Units: 1})
		var log bytes.Buffer
		if _, err := m.LoadWeightsWith(path, cornu.LoadWeightsConfig{Log: &log}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(weightsOf(t, &m.Model)); got != "[[1 -2 3] [1]]" {
			t.Errorf("%s: the weights are %s", name, got)
		}
		for _, kind := range c.types {
			if want := "weights of type " + kind + " are converted to float32"; !strings.Contains(log.String(), want) {
				t.Errorf("%s: it isn't said that %s, but %s", name, want, &log)
			}
		}
	}
}

func TestLayersOfOneNameInTwoModelsAreFoundByName(t *testing.T) {
	build := func(seed uint64) *cornu.Model {
		part := func(name string) layer.Layer {
			m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 3, Name: "dense"})
			m.Name = name
			return m.AsLayer()
		}
		x := cornu.Input(3)
		m := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 2, Name: "dense"}, cornu.Apply(part("b"), cornu.Apply(part("a"), x)))})
		m.Seed(seed)
		return m
	}
	from, to := build(1), build(2)
	for _, ending := range []string{".keras", ".weights.h5", ".h5"} {
		path := filepath.Join(t.TempDir(), "m"+ending)
		save := from.SaveWeights
		if ending != ".weights.h5" {
			save = from.Save
		}
		if err := save(path); err != nil {
			t.Fatal(err)
		}
		to.Seed(2)
		if skipped, err := to.LoadWeightsWith(path, cornu.LoadWeightsConfig{ByName: true}); err != nil || len(skipped) > 0 {
			t.Errorf("%s: %v, left out: %v", ending, err, skipped)
		}
		if !reflect.DeepEqual(weightsOf(t, to), weightsOf(t, from)) {
			t.Errorf("%s: other weights", ending)
		}
	}
}
