package cornu_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// trained returns a model that has taken some steps, and the data of its steps.
func trained(t *testing.T, o optimizer.Optimizer) (*cornu.Sequential, *data.Arrays) {
	t.Helper()
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 4}, &layer.Dropout{Rate: 0.3}, &layer.Dense{Units: 2, Name: "last"})
	m.Seed(1<<63 + 1)
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: o, Metrics: []metric.Metric{metric.Named("error", metric.MeanAbsoluteError{})}}); err != nil {
		t.Fatal(err)
	}
	x, err := data.Floats([]float32{1, 2, 3, 4, 5, 6, -1, 0, 2, 0.5, 1, -2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	y, err := data.Floats([]float32{1, 0, 2, -1, 0, 1, 0.5, 3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	source := &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
	for range 3 {
		if _, err := m.TrainOnBatch(source); err != nil {
			t.Fatal(err)
		}
	}
	return m, source
}

func equalWeights(a, b [][]float32) bool {
	return fmt.Sprintf("%x", a) == fmt.Sprintf("%x", b)
}

// A model that comes back from a file takes the steps that it would have taken, to the bit, with a schedule or a
// rate that was set.
func TestALoadedModelGoesOnToTheBit(t *testing.T) {
	for i, o := range []optimizer.Optimizer{
		optimizer.Adam{},
		optimizer.Adam{},
		optimizer.SGD{Schedule: optimizer.ExponentialDecay{InitialLearningRate: 0.1, DecaySteps: 2, DecayRate: 0.5}},
		optimizer.Adafactor{},
		optimizer.Nadam{},
		optimizer.RMSprop{Momentum: 0.5, EMA: optimizer.EMA{On: true}},
	} {
		m, source := trained(t, o)
		path := filepath.Join(t.TempDir(), []string{"m.keras", "m.h5"}[i%2])
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := cornu.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		result, err := again.TrainOnBatch(source)
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.TrainOnBatch(source)
		if err != nil {
			t.Fatal(err)
		}
		if !equalWeights(weightsOf(t, again), weightsOf(t, &m.Model)) || result.Metrics["error"] != want.Metrics["error"] {
			t.Errorf("%s: the loaded model went another way: %v, want %v", o.Name(), result, want)
		}
	}
}

// A context ends loading between any two reads, and before what is compiled.
func TestAContextEndsLoading(t *testing.T) {
	m, _ := trained(t, optimizer.Adam{})
	content := written(t, "m.keras", m.Save)
	var reads atomic.Int64 // from several cores
	load := func(last int64) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		reads.Store(0)
		_, err := cornu.LoadFrom(readerFunc(func(b []byte, at int64) (int, error) {
			if reads.Add(1) == last {
				cancel()
			}
			return bytes.NewReader(content).ReadAt(b, at)
		}), int64(len(content)), "m.keras", cornu.LoadConfig{Context: ctx})
		return err
	}
	if err := load(0); err != nil {
		t.Fatal(err)
	}
	for last := range reads.Load() {
		if err := load(last + 1); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled at read %d of %d: %v", last+1, reads.Load(), err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	path := filepath.Join(t.TempDir(), "m.keras")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"LoadWith":    second(cornu.LoadWith(path, cornu.LoadConfig{Context: ctx})),
		"LoadFSWith":  second(cornu.LoadFSWith(os.DirFS(filepath.Dir(path)), "m.keras", cornu.LoadConfig{Context: ctx})),
		"a stream":    second(cornu.LoadFSWith(streams{os.DirFS(filepath.Dir(path))}, "m.keras", cornu.LoadConfig{Context: ctx})),
		"LoadWeights": second(m.LoadWeightsWith(path, cornu.LoadWeightsConfig{Context: ctx})),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A file that can't be read anywhere but in order is read until its context ends.
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := cornu.LoadFSWith(streams{tape{}}, "m.keras", cornu.LoadConfig{Context: ctx}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a file without an end: %v", err)
	}
}

// streams is a file system whose files are read in order.
type streams struct{ fs.FS }

func (s streams) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return struct{ fs.File }{f}, err
}

// A tape is a file system of one file, which has no end.
type tape struct{ fs.File }

func (f tape) Open(string) (fs.File, error) { return f, nil }
func (tape) Stat() (fs.FileInfo, error)     { return fstest.MapFS{"f": {}}.Stat("f") }
func (tape) Close() error                   { return nil }

func (tape) Read(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return 1, nil
}

type readerFunc func([]byte, int64) (int, error)

func (f readerFunc) ReadAt(b []byte, at int64) (int, error) { return f(b, at) }

// Arrays that are read in pieces, by several goroutines, are whole, and what is missing of them is an error.
func TestLargeArraysAreReadInPieces(t *testing.T) {
	m := stack(t, 3, &layer.Dense{Units: 1 << 20}, &layer.Dense{Units: 1})
	content := written(t, "m.weights.h5", m.SaveWeights)
	path := filepath.Join(t.TempDir(), "m.weights.h5")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	again := stack(t, 4, &layer.Dense{Units: 1 << 20}, &layer.Dense{Units: 1})
	if err := again.LoadWeights(path); err != nil {
		t.Fatal(err)
	}
	want, got := weightsOf(t, &m.Model), weightsOf(t, &again.Model)
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("array %d isn't what was written", i)
		}
	}
	if err := os.Truncate(path, int64(len(content)-5<<20)); err != nil {
		t.Fatal(err)
	}
	if err := again.LoadWeights(path); err == nil {
		t.Error("a file that is cut off is no error")
	}
}

// Small arrays are read on all cores: of those that can't be read, it is the first that is named.
func TestTheFirstArrayThatCannotBeReadIsNamed(t *testing.T) {
	var layers []layer.Layer
	for range 30 {
		layers = append(layers, &layer.Dense{Units: 100})
	}
	content := written(t, "m.h5", stack(t, 3, layers...).Save)
	half := int64(len(content) / 2)
	var first string
	for range 10 {
		_, err := cornu.LoadFrom(readerFunc(func(b []byte, at int64) (int, error) {
			if len(b) == 4*100*100 && at > half {
				return 0, io.ErrUnexpectedEOF
			}
			return bytes.NewReader(content).ReadAt(b, at)
		}), int64(len(content)), "m.h5", cornu.LoadConfig{})
		if err == nil || !strings.Contains(err.Error(), "variable dense_") || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the error is %v", err)
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Fatalf("first the error was %s, now %v", first, err)
		}
	}
}

func TestTheSameModelGivesTheSameBytes(t *testing.T) {
	m, _ := trained(t, optimizer.Adam{})
	files := [][]byte{written(t, "a.keras", m.Save), written(t, "b.keras", m.Save)}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two files of one model differ")
	}
	again, err := cornu.LoadFS(fstest.MapFS{"m.keras": &fstest.MapFile{Data: files[0]}}, "m.keras")
	if err != nil {
		t.Fatal(err)
	}
	if !equalWeights(weightsOf(t, again), weightsOf(t, &m.Model)) {
		t.Error("a file system gives other weights")
	}
}

func TestWeightsAloneAreSavedAndLoaded(t *testing.T) {
	m, source := trained(t, optimizer.Adam{})
	path := filepath.Join(t.TempDir(), "m.weights.h5")
	if err := m.SaveWeights(path); err != nil {
		t.Fatal(err)
	}
	other, _ := trained(t, optimizer.Adam{})
	if _, err := other.TrainOnBatch(source); err != nil {
		t.Fatal(err)
	}
	if equalWeights(weightsOf(t, &other.Model), weightsOf(t, &m.Model)) {
		t.Fatal("the models are the same already")
	}
	if err := other.LoadWeights(path); err != nil {
		t.Fatal(err)
	}
	if !equalWeights(weightsOf(t, &other.Model), weightsOf(t, &m.Model)) {
		t.Error("the weights are others")
	}
	// The optimizer's state too: the next step is the same.
	for _, m := range []*cornu.Sequential{m, other} {
		if _, err := m.TrainOnBatch(source); err != nil {
			t.Fatal(err)
		}
	}
	if !equalWeights(weightsOf(t, &other.Model), weightsOf(t, &m.Model)) {
		t.Error("the optimizer's state is another")
	}

	misfit := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 5}, &layer.Dense{Units: 2})
	before := weightsOf(t, &misfit.Model)
	err := misfit.LoadWeights(path)
	if err == nil || !strings.Contains(err.Error(), "variable dense/kernel has shape (3, 5), the file's /layers/dense/vars/0 has (3, 4)") {
		t.Errorf("got %v", err)
	}
	if !equalWeights(before, weightsOf(t, &misfit.Model)) {
		t.Error("a file that doesn't fit has changed weights")
	}
}

// member is a file of an archive.
type member struct{ name, content string }

// archive makes a zip with the members of a good file, changed by change.
func archive(t *testing.T, change func(members []member) []member) []byte {
	t.Helper()
	m, _ := trained(t, optimizer.Adam{})
	content := written(t, "m.keras", m.Save)
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var members []member
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{f.Name, string(b)})
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range change(members) {
		f, err := w.Create(m.name)
		if err == nil {
			_, err = io.WriteString(f, m.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// replaced changes the text of config.json.
func replaced(old, text string) func([]member) []member {
	return func(members []member) []member {
		for i := range members {
			if members[i].name == "config.json" {
				if !strings.Contains(members[i].content, old) {
					panic("config.json has no " + old)
				}
				members[i].content = strings.Replace(members[i].content, old, text, 1)
			}
		}
		return members
	}
}

func with(name, content string) func([]member) []member {
	return func(members []member) []member { return append(members, member{name, content}) }
}

// What no honest writer writes is refused, and the error says what it is.
func TestFilesThatAreNotSoundAreRefused(t *testing.T) {
	good := archive(t, func(m []member) []member { return m }) // compressed, which Keras doesn't, but zip can
	if _, err := cornu.LoadFrom(bytes.NewReader(good), int64(len(good)), "good", cornu.LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":                {nil, "it is empty"},
		"html":                 {[]byte("<!DOCTYPE html><html>"), "it is a page of HTML"},
		"lfs":                  {[]byte("version https://git-lfs.github.com/spec/v1"), "a pointer of Git LFS"},
		"picture":              {[]byte("\x89PNG\r\n\x1a\n...."), "it is a PNG picture"},
		"damaged HDF5":         {[]byte("\x89HDF\r\n\x1a\n...."), "hdf5: superblock: version 46 is not known"},
		"weights alone":        {weightsFile(t), "it has weights and no model: Model.LoadWeights reads it"},
		"cut off":              {good[:len(good)/2], "zip: not a valid zip file"},
		"no weights":           {archive(t, func(m []member) []member { return m[:2] }), "it has no model.weights.h5"},
		"two weights":          {archive(t, with("model.weights.h5", "")), `two members of the name "model.weights.h5"`},
		"outside":              {archive(t, with("assets/../../x", "")), "leads out of the archive"},
		"absolute":             {archive(t, with("/etc/passwd", "")), "leads out of the archive"},
		"unknown member":       {archive(t, with("script.py", "")), `a member "script.py", which no .keras file has`},
		"twice in an object":   {archive(t, replaced(`"units": 4`, `"units": 4, "units": 9`)), `the name "units" is twice`},
		"code":                 {archive(t, replaced(`"class_name": "Dropout"`, `"class_name": "Lambda"`)), "a Lambda holds code"},
		"a function":           {archive(t, replaced(`"activation": null`, `"activation": {"module": "os", "class_name": "function", "config": "system"}`)), "a function of somebody's own is not read"},
		"unknown layers":       {archive(t, replaced(`"class_name": "Dropout"`, `"class_name": "Drop"`)), "layers of these classes are not known: Drop; the known ones are"},
		"unknown setting":      {archive(t, replaced(`"rate": 0.3`, `"rate": 0.3, "pace": 1`)), `unknown field of Dropout "pace"`},
		"other weights":        {archive(t, replaced(`"units": 4`, `"units": 5`)), "variable dense/kernel has shape (3, 5), the file's /layers/dense/vars/0 has (3, 4)"},
		"more than can be":     {archive(t, replaced(`"units": 4`, `"units": 1099511627776`)), "dense"},
		"deep":                 {archive(t, replaced(`"activation": null`, `"activation": `+strings.Repeat("[", 200)+strings.Repeat("]", 200))), "too deep"},
		"no model":             {archive(t, replaced(`"class_name": "Sequential"`, `"class_name": "MyModel"`)), `its class is "MyModel"`},
		"weights that are not": {archive(t, func(m []member) []member { m[2].content = "nothing"; return m }), "model.weights.h5: not an HDF5 file"},
	} {
		_, err := cornu.LoadFrom(bytes.NewReader(test.content), int64(len(test.content)), "the file", cornu.LoadConfig{})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "the file") {
			t.Errorf("%s: got %v, want an error with %s", name, err, test.want)
		}
	}
}

func weightsFile(t *testing.T) []byte {
	t.Helper()
	m, _ := trained(t, optimizer.Adam{})
	return written(t, "m.weights.h5", m.SaveWeights)
}

// written returns what save writes to a file of that name.
func written(t *testing.T, name string, save func(path string) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := save(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSavingSaysWhatIsWrong(t *testing.T) {
	m, _ := trained(t, optimizer.Adam{})
	folder := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(folder, "m.weights.h5"):       "SaveWeights writes those",
		filepath.Join(folder, "m.pt"):               "must end with .keras or .h5",
		filepath.Join(folder, "missing", "m.keras"): "no such file or directory",
	} {
		if err := m.Save(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %s", err, want)
		}
	}
	if err := cornu.NewSequential(&layer.Dense{Units: 1}).Save(filepath.Join(folder, "m.keras")); err == nil || !strings.Contains(err.Error(), "not built") {
		t.Errorf("got %v", err)
	}
	if _, err := cornu.Load(filepath.Join(folder, "none.keras")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A list of names that is too long for an attribute of HDF5 is several, as Keras has it.
func TestAnH5FileOfManyLayersHasTheirNamesInParts(t *testing.T) {
	layers := []layer.Layer{&layer.Input{Shape: tensor.Shape{3}}}
	for i := range 700 {
		layers = append(layers, &layer.Activation{Func: activation.ReLU{}, Name: fmt.Sprintf("%0100d", i)})
	}
	m := cornu.NewSequential(append(layers, &layer.Dense{Units: 2})...)
	m.Seed(7)
	path := filepath.Join(t.TempDir(), "m.h5")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("layer_names1\x00")) || bytes.Contains(b, []byte("layer_names\x00")) {
		t.Error("the names are in one attribute")
	}
	again, err := cornu.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !equalWeights(weightsOf(t, again), weightsOf(t, &m.Model)) {
		t.Error("other weights came back")
	}
	if folder := os.Getenv("KERASFILE_OUT"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "long.h5"), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// A layer of a user's own goes to files by the name that it is registered with, "package>class", as Keras's.
func TestALayerOfOnesOwnIsFoundByItsRegisteredName(t *testing.T) {
	layer.Register("mine>Twice", func() layer.Layer { return &twice{} })
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &twice{Dense: layer.Dense{Units: 2}})
	path := filepath.Join(t.TempDir(), "m.keras")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := cornu.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Network().Layers()[1].(*twice); !ok {
		t.Errorf("a %T came back", again.Network().Layers()[1])
	}
	x, err := tensor.Of([]float32{1, 2}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Predict(context.Background(), x); err != nil {
		t.Error(err)
	}
}

type twice struct{ layer.Dense }

// A file has the name of a function, as Keras's have, and whoever registered it has the model's loss and metrics again.
func TestAFunctionOfOnesOwnIsFoundByItsRegisteredName(t *testing.T) {
	half := func(yTrue, yPred *graph.Node) *graph.Node { return yTrue.Sub(yPred).Square().Mean(-1).MulScalar(0.5) }
	build := func(prefix string) *cornu.Sequential {
		m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &layer.Dense{Units: 1})
		metrics := []metric.Metric{metric.OfLoss(loss.Func(prefix+"_metric", half)), metric.Named("renamed", metric.OfLoss(loss.Func(prefix+"_metric", half)))}
		if err := m.Compile(cornu.CompileConfig{Loss: loss.Func(prefix+"_loss", half), Metrics: metrics}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	path := filepath.Join(t.TempDir(), "m.keras")
	says(t, build("unknown").Save(path), `"unknown_loss", a loss.function, is of no registered class: Register of package loss makes it known to files`)

	loss.Register(loss.Func("half_loss", half))
	loss.Register(loss.Func("other_loss", half))
	metric.Register(metric.OfLoss(loss.Func("half_metric", half)))
	m := build("half")
	source, err := data.FromRows([][]float32{{1, 2}, {3, -1}}, [][]float32{{1}, {0}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".keras", ".h5"} {
		if err := m.Save(path + ending); err != nil {
			t.Fatal(err)
		}
		again, err := cornu.Load(path + ending)
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Evaluate(context.Background(), source, cornu.EvaluateConfig{Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := again.Evaluate(context.Background(), source, cornu.EvaluateConfig{Quiet: true})
		if err != nil || !maps.Equal(got.Metrics, want.Metrics) || len(got.Metrics) != 3 {
			t.Errorf("%s: it measures %v (%v), want %v", ending, got.Metrics, err, want.Metrics)
		}
	}
}

// What a file may make its reader take is bounded by more than the file's size, and who needs more
// is told which limit to set.
func TestALimitThatAFileExceedsIsNamedWithBothNumbers(t *testing.T) {
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{60}}, &layer.Dense{Units: 60})
	if err := m.Compile(cornu.CompileConfig{Optimizer: optimizer.Adam{}, Loss: loss.MeanSquaredError{}}); err != nil {
		t.Fatal(err)
	}
	x, err := data.Floats(make([]float32, 60), 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.TrainOnBatch(&data.Arrays{X: []data.Column{x}, Y: []data.Column{x}}); err != nil {
		t.Fatal(err)
	}
	content := written(t, "m.keras", m.Save)
	weights := filepath.Join(t.TempDir(), "m.weights.h5")
	if err := m.SaveWeights(weights); err != nil {
		t.Fatal(err)
	}
	load := func(l kerasfile.Limits) error {
		_, err := cornu.LoadFrom(bytes.NewReader(content), int64(len(content)), "the file", cornu.LoadConfig{Limits: l})
		return err
	}
	const parameters = 60*60 + 60
	for _, enough := range []kerasfile.Limits{{}, {Parameters: parameters}, {Bytes: 8 * parameters}, {Rank: 2}} {
		if err := load(enough); err != nil {
			t.Errorf("%+v: %v", enough, err)
		}
	}
	for _, test := range []struct {
		limits kerasfile.Limits
		want   string
	}{
		{kerasfile.Limits{Parameters: parameters - 1}, "variable dense/bias of shape (60,): with it the model has 3660 parameters, the limit is 3659: see Limits.Parameters"},
		{kerasfile.Limits{Bytes: 4*parameters - 1}, "variable dense/bias of shape (60,): with it the weights take 14640 bytes, the limit is 14639: see Limits.Bytes"},
		{kerasfile.Limits{Bytes: 8*parameters - 1}, "the optimizer's state: array /optimizer/vars/5 of shape (60,): with it the state takes 29280 bytes, the limit is 29279: see Limits.Bytes"},
		{kerasfile.Limits{Bytes: 100}, "config.json: it has "},
		{kerasfile.Limits{Rank: 1}, "its batch_shape has 2 dimensions, the limit is 1: see Limits.Rank"},
		{kerasfile.Limits{Depth: 3}, "values in values, too deep: the limit is 3: see Limits.Depth"},
		{kerasfile.Limits{Objects: 9}, "too many objects and lists: the limit is 9: see Limits.Objects"},
	} {
		if err := load(test.limits); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "cornu: Load: the file: ") {
			t.Errorf("%+v: got %v, want an error with %s", test.limits, err, test.want)
		}
	}
	for want, limits := range map[string]kerasfile.Limits{
		"see Limits.Objects": {Objects: 1},
		"See Limits.Depth":   {Depth: 2},
		"see Limits.Rank":    {Rank: 1},
	} {
		if _, err := m.LoadWeightsWith(weights, cornu.LoadWeightsConfig{Limits: limits}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadWeights, %+v: got %v, want an error with %s", limits, err, want)
		}
	}
}

func TestALayerOfTooManyParametersIsRefusedBeforeItHasMemory(t *testing.T) {
	content := archive(t, replaced(`"units": 4`, `"units": 10000000`)) // 160 MB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := cornu.LoadFrom(bytes.NewReader(content), int64(len(content)), "the file", cornu.LoadConfig{Limits: kerasfile.Limits{Parameters: 1e6}})
	runtime.ReadMemStats(&after)
	if want := "variable dense/kernel of shape (3, 10000000): with it the model has 30000000 parameters, the limit is 1000000: see Limits.Parameters"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %s", err, want)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 10<<20 {
		t.Errorf("%d bytes of memory were taken", took)
	}
}
