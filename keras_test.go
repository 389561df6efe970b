package cornu_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A kerasCase is what real Keras computed with a model that it saved: see
// kerasfile/testdata/make.py.
type kerasCase struct {
	X, Y    []struct{ Shape, Data []json.Number }
	Weights [][]float64
	Predict [][]float64 // of each output
	Next    [][]float64 // the weights after three more steps on X and Y

	Evaluate map[string][]float64 // the losses and metrics on X and Y; nil: not asked
}

func (c *kerasCase) tensors(t *testing.T, list []struct{ Shape, Data []json.Number }) []*tensor.Tensor {
	t.Helper()
	var out []*tensor.Tensor
	for _, a := range list {
		var shape []int
		for _, d := range a.Shape {
			n, err := d.Int64()
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, int(n))
		}
		values := make([]float32, len(a.Data))
		for i, d := range a.Data {
			x, err := d.Float64()
			if err != nil {
				t.Fatal(err)
			}
			values[i] = float32(x)
		}
		one, err := tensor.Of(values, shape...)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, one)
	}
	return out
}

func kerasCases(t *testing.T) map[string]*kerasCase {
	t.Helper()
	text, err := os.ReadFile("kerasfile/testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases map[string]*kerasCase }
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	return golden.Cases
}

// near compares numbers that Keras and Cornu have computed in float32, in orders of their own.
func near(t *testing.T, what string, got []float32, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= bound*max(1, math.Abs(w))) {
			t.Errorf("%s: number %d is %v, want %v", what, i, got[i], w)
			return
		}
	}
}

func weightsOf(t *testing.T, m *cornu.Model) [][]float32 {
	t.Helper()
	weights, err := m.Weights()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, w := range weights {
		x, err := tensor.Data[float32](w)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// reloaded saves a model to a file of that name, and loads it.
func reloaded(t *testing.T, m *cornu.Model, name string) *cornu.Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := cornu.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// loadQuiet loads a file that is read as it is, without notes.
func loadQuiet(t *testing.T, path string) *cornu.Model {
	t.Helper()
	var notes bytes.Buffer
	m, err := cornu.LoadWith(path, cornu.LoadConfig{Log: &notes})
	if err != nil {
		t.Fatal(err)
	}
	for note := range strings.Lines(notes.String()) {
		if !strings.Contains(note, "its seed is not used") {
			t.Error(note)
		}
	}
	return m
}

// Keras's files are opened with every bit of their weights, predict what Keras predicts, and are trained
// on as Keras trains on; and what Cornu writes of them comes back the same. KERASFILE_OUT=FOLDER keeps what is
// written, for make.py to have Keras read it.
func TestFilesOfKerasAreReadTrainedAndWrittenBack(t *testing.T) {
	folder := os.Getenv("KERASFILE_OUT")
	cases := kerasCases(t)
	for i, file := range slices.Sorted(maps.Keys(cases)) {
		want := cases[file]
		t.Run(file, func(t *testing.T) {
			m := loadQuiet(t, filepath.Join("kerasfile/testdata", file))
			out := folder
			if out == "" {
				out = t.TempDir()
			}
			saved := filepath.Join(out, file)
			if filepath.Ext(saved) == ".h5" {
				saved += ".keras"
			}
			legacy := strings.TrimSuffix(saved, ".keras") + ".whole.h5"
			if !choice.Thorough() && folder == "" {
				// One chain through all that is read and written, by one format or the other, which hold the same configuration: what goes
				// wrong on the way shows at its end.
				checkWeights(t, "of Keras", m, want)
				path := []string{saved, legacy}[i%2]
				if err := m.Save(path); err != nil {
					t.Fatal(err)
				}
				checkKeras(t, "of Cornu, as "+filepath.Ext(path), loadQuiet(t, path), want)
				return
			}
			if err := m.Save(saved); err != nil {
				t.Fatal(err)
			}
			if err := m.SaveWeights(strings.TrimSuffix(saved, ".keras") + ".weights.h5"); err != nil {
				t.Fatal(err)
			}
			if err := m.Save(legacy); err != nil {
				t.Fatal(err)
			}
			checkKeras(t, "of Keras", m, want)
			checkKeras(t, "of Cornu", loadQuiet(t, saved), want)
			checkKeras(t, "of Cornu, as .h5", loadQuiet(t, legacy), want)
		})
	}
}

func checkWeights(t *testing.T, what string, m *cornu.Model, want *kerasCase) {
	t.Helper()
	for i, w := range weightsOf(t, m) {
		near(t, what+": weights", w, want.Weights[i], 0)
	}
}

func checkKeras(t *testing.T, what string, m *cornu.Model, want *kerasCase) {
	t.Helper()
	checkWeights(t, what, m, want)
	x := want.tensors(t, want.X)
	y, err := m.PredictAll(context.Background(), x...)
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range y {
		values, err := tensor.Data[float32](one)
		if err != nil {
			t.Fatal(err)
		}
		near(t, what+": prediction", values, want.Predict[i], 1e-6)
	}
	if want.Next == nil {
		return
	}
	columns := func(list []*tensor.Tensor) (out []data.Column) {
		for _, one := range list {
			c, err := data.FromTensor(one)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
		return out
	}
	source := &data.Arrays{X: columns(x), Y: columns(want.tensors(t, want.Y))}
	if want.Evaluate != nil {
		result, err := m.Evaluate(context.Background(), source, cornu.EvaluateConfig{Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range want.Evaluate {
			got := result.Vectors[name]
			if len(got) != len(value) {
				one, err := result.Metric(name)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				got = []float64{one}
			}
			list := make([]float32, len(got))
			for i, v := range got {
				list[i] = float32(v)
			}
			near(t, what+": "+name, list, value, 1e-5)
		}
	}
	for range 3 {
		if _, err := m.TrainOnBatch(source); err != nil {
			t.Fatal(err)
		}
	}
	for i, w := range weightsOf(t, m) {
		near(t, what+": weights after three steps", w, want.Next[i], 1e-6)
	}
}

// keras2Golden is what Keras 2 computed: see kerasfile/testdata/make_keras2.py.
type keras2Golden struct {
	X, Y, Predict []float64
	Weights       [][]float64
	Next          map[string][][]float64 // the weights after three more steps, by optimizer
}

func keras2(t *testing.T) (golden keras2Golden) {
	t.Helper()
	text, err := os.ReadFile("kerasfile/testdata/keras2.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

// What Keras 2 saved is read under Keras 3's names.
func TestFilesOfKeras2AreRead(t *testing.T) {
	want := keras2(t)
	values := make([]float32, len(want.X))
	for i, v := range want.X {
		values[i] = float32(v)
	}
	x, err := tensor.Of(values, 6, 5)
	if err != nil {
		t.Fatal(err)
	}
	for file, version := range map[string]string{"keras2.h5": "2.21", "keras224.h5": "2.2.4"} {
		var notes bytes.Buffer
		m, err := cornu.LoadWith("kerasfile/testdata/"+file, cornu.LoadConfig{Log: &notes})
		if err != nil {
			t.Fatal(err)
		}
		if notes.Len() > 0 {
			t.Errorf("%s: %s", file, &notes)
		}
		for i, w := range weightsOf(t, m) {
			near(t, file, w, want.Weights[i], 0)
		}
		y, err := m.Predict(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.Data[float32](y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, file, got, want.Predict, 1e-6)
		// The compile settings are understood: Keras 2.2.4's rate falls as lr/(1 + decay·iterations).
		saved := filepath.Join(t.TempDir(), "m.keras")
		if err := m.Save(saved); err != nil {
			t.Fatal(err)
		}
		config := configOf(t, saved)
		rate := `"learning_rate": 0.00999999`
		if version == "2.2.4" {
			rate = `"InverseTimeDecay"`
		}
		for _, entry := range []string{rate, `"categorical_crossentropy"`, `accuracy"`, `"negative_slope": 0.2`} {
			if !strings.Contains(config, entry) {
				t.Errorf("%s: the configuration has no %s", file, entry)
			}
		}
	}
}

// Trainings go on from the state that Keras 2's optimizers have in files, in all of their layouts.
func TestTheStateOfKeras2sOptimizersIsRead(t *testing.T) {
	golden := keras2(t)
	column := func(values []float64, width int) data.Column {
		list := make([]float32, len(values))
		for i, v := range values {
			list[i] = float32(v)
		}
		c, err := data.Floats(list, width)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	source := &data.Arrays{X: []data.Column{column(golden.X, 5)}, Y: []data.Column{column(golden.Y, 3)}}
	for name, want := range golden.Next {
		m := loadQuiet(t, "kerasfile/testdata/keras2_"+name+".h5")
		for range 3 {
			if _, err := m.TrainOnBatch(source); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range weightsOf(t, m) {
			near(t, name, w, want[i], 1e-6)
		}
	}
}

// Models as Keras 2 has saved them: one whose groups it has named in several ways, and one of functions of TensorFlow between layers.
func TestArchivesOfKeras2AreReadAndTrainedOn(t *testing.T) {
	for name, endings := range map[string][]string{"archive2": {".keras", "_213.keras", "_windows.keras", ".h5"}, "functions2": {".keras", ".h5"}} {
		text, err := os.ReadFile("kerasfile/testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		want := &kerasCase{}
		if err := json.Unmarshal(text, want); err != nil {
			t.Fatal(err)
		}
		for _, ending := range endings {
			checkKeras(t, name+ending, loadQuiet(t, "kerasfile/testdata/"+name+ending), want)
		}
	}
}

// A loss of somebody's own is no reason not to read the network and its weights.
func TestAModelIsReadWithoutWhatItWasCompiledWith(t *testing.T) {
	const file = "kerasfile/testdata/frozen.keras"
	path := rezipped(t, file, func(name string) []byte {
		if name != "config.json" {
			return nil
		}
		return []byte(strings.ReplaceAll(configOf(t, file), `"categorical_crossentropy"`, `"my_loss"`))
	})
	_, err := cornu.Load(path)
	var foreign *kerasfile.CompileError
	if !errors.As(err, &foreign) || !strings.Contains(err.Error(), `unknown loss "my_loss"`) || !strings.Contains(err.Error(), "LoadConfig.Uncompiled") {
		t.Fatal(err)
	}
	m, err := cornu.LoadWith(path, cornu.LoadConfig{Uncompiled: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, compiled := m.Compiled(); compiled {
		t.Error("it is compiled")
	}
	checkWeights(t, "uncompiled", m, kerasCases(t)["frozen.keras"])
}

// Keras has written the layers in its order, which counts operations that make masks.
func TestLayersAreInTheOrderOfKeras(t *testing.T) {
	for name := range kerasCases(t) {
		if strings.HasPrefix(name, "applications") || strings.HasPrefix(name, "operations") { // which are several layers here
			continue
		}
		m, err := cornu.LoadWith(filepath.Join("kerasfile/testdata", name), cornu.LoadConfig{Log: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, l := range m.Network().Layers() { // in the order of the file
			want = append(want, m.Network().Name(l))
		}
		spec, err := m.Network().Spec()
		if err != nil {
			t.Fatal(err)
		}
		if got := kerasfile.Order(spec); !slices.Equal(got, want) {
			t.Errorf("%s: the layers are in the order %v\nin Keras %v", name, got, want)
		}
	}
}

// The arrays of a file of weights are in Keras's order too: of two embeddings each gets its own.
func TestWeightsOfMaskedSequencesAreInTheOrderOfKeras(t *testing.T) {
	apply := func(l layer.Layer, n ...*cornu.Node) *cornu.Node { return cornu.Apply(l, n...) }
	build := func() *cornu.Model {
		a, b := cornu.Input(6), cornu.Input(6)
		e, f := &layer.Embedding{Name: "e", InputDim: 9, OutputDim: 4, MaskZero: true}, &layer.Embedding{Name: "f", InputDim: 9, OutputDim: 4}
		x := apply(&layer.LSTM{Units: 2}, apply(&layer.Concatenate{}, apply(e, a), apply(f, b)))
		y := apply(&layer.GRU{Units: 2}, apply(&layer.Multiply{}, apply(e, a), apply(&layer.Dense{Units: 4}, apply(f, b))))
		return cornu.NewModel([]*cornu.Node{a, b}, []*cornu.Node{x, y})
	}
	m := build()
	m.Seed(5)
	path := filepath.Join(t.TempDir(), "m.weights.h5")
	if err := m.SaveWeights(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	h, err := hdf5.Open(file, info.Size(), hdf5.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := h.Root()
	if err != nil {
		t.Fatal(err)
	}
	first, err := root.Dataset("layers/embedding/vars/0")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 36)
	if err := first.Float32s(got); err != nil {
		t.Fatal(err)
	}
	again := build()
	if err := again.LoadWeights(path); err != nil {
		t.Fatal(err)
	}
	for _, v := range again.Network().Variables() {
		if v.Path == "e/embeddings" && !slices.Equal(v.Value(), got) {
			t.Error("the first embedding of the file is not the one that Keras has first")
		}
	}
	for i, v := range m.Network().Variables() {
		if !slices.Equal(v.Value(), again.Network().Variables()[i].Value()) {
			t.Errorf("%s has other weights", v.Path)
		}
	}
}

// An optimizer that scales its loss has no state before its first step, whether its rate is in it or in a schedule.
func TestAnOptimizerThatHasNotStepped(t *testing.T) {
	const file = "kerasfile/testdata/unstepped.keras"
	m, err := cornu.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := data.FromRows([][]float32{{1, 2, 3, 4, 5}}, [][]float32{{0, 1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.TrainOnBatch(source); err != nil {
		t.Error(err)
	}
}

// What Muon has defaults for may be none in Keras.
func TestMuonOfNothing(t *testing.T) {
	const file = "kerasfile/testdata/optimizer_muon.keras"
	none := regexp.MustCompile(`"(rms_rate|weight_decay|adam_weight_decay)": [0-9.]+`)
	path := rezipped(t, file, func(name string) []byte {
		if name != "config.json" {
			return nil
		}
		return none.ReplaceAll([]byte(configOf(t, file)), []byte(`"$1": null`))
	})
	for range 2 { // as Keras wrote it, and as Cornu does
		m, err := cornu.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		cfg, _ := m.Compiled()
		if o := cfg.Optimizer.(optimizer.Muon); !o.NoRMSRate || o.RMSRate != 0 || *o.WeightDecay != 0 || *o.AdamWeightDecay != 0 {
			t.Errorf("it is read as %+v", o)
		}
		path = filepath.Join(t.TempDir(), "m.keras")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		if text := configOf(t, path); strings.Contains(text, "no_rms_rate") || !strings.Contains(text, `"rms_rate": null`) {
			t.Error("Keras doesn't read what was written")
		}
	}
}

// configOf returns config.json of a .keras file.
func configOf(t *testing.T, path string) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := z.Open("config.json")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
