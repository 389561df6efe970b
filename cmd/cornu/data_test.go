package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/faulty"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A room is a folder with a model and data: 12 samples of 4 numbers, of 3 classes.
type room struct {
	*testing.T
	folder string
	x      []float32
	y      []int64
}

func newRoom(t *testing.T) *room {
	r := &room{T: t, folder: t.TempDir()}
	for i := range 12 {
		r.y = append(r.y, int64(i*7%3))
		for k := range 4 {
			r.x = append(r.x, float32(i*k%5)-float32(r.y[i]))
		}
	}
	return r
}

func (r *room) in(name string) string { return filepath.Join(r.folder, name) }

func (r *room) check(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *room) write(name string, content []byte) string {
	r.Helper()
	r.check(os.WriteFile(r.in(name), content, 0o644))
	return r.in(name)
}

// model writes a model of an input of that shape.
func (r *room) model(name string, l loss.Loss, units int, last activation.Activation, input ...int) string {
	r.Helper()
	m := cornu.NewSequential(&layer.Input{Shape: input})
	if len(input) > 1 {
		m.Add(&layer.Flatten{})
	}
	m.Add(&layer.Dense{Units: 8, Activation: activation.ReLU{}}, &layer.Dense{Units: units, Activation: last})
	cfg := cornu.CompileConfig{Loss: l, Optimizer: optimizer.Adam{LearningRate: 0.05}}
	if units == 3 {
		cfg.Metrics = []metric.Metric{metric.Accuracy{}}
	}
	if l != nil {
		r.check(m.Compile(cfg))
	}
	r.check(m.Save(r.in(name)))
	return r.in(name)
}

func array[T tensor.Element](r *room, values []T, shape ...int) *tensor.Tensor {
	r.Helper()
	t, err := tensor.Of(values, shape...)
	r.check(err)
	return t
}

func (r *room) npy(name string, t *tensor.Tensor) string {
	r.Helper()
	var b bytes.Buffer
	r.check(tensor.WriteNpy(&b, t))
	return r.write(name, b.Bytes())
}

func (r *room) npz(name string, arrays map[string]*tensor.Tensor) string {
	r.Helper()
	var b bytes.Buffer
	r.check(tensor.WriteNpz(&b, arrays))
	return r.write(name, b.Bytes())
}

// table writes a CSV file; label makes the last cell of a class.
func (r *room) table(name, header string, label func(int64) string) string {
	r.Helper()
	text := header
	for i, y := range r.y {
		for _, v := range r.x[4*i : 4*i+4] {
			text += fmt.Sprint(v, ",")
		}
		text += label(y) + "\n"
	}
	return r.write(name, []byte(text))
}

// must runs a command line that succeeds.
func (r *room) must(args ...string) string {
	r.Helper()
	status, out, errs := call(args...)
	if status != 0 {
		r.Fatalf("cornu %s ends with %d: %s", strings.Join(args, " "), status, errs)
	}
	return out
}

// fitted trains a model and returns the file that comes of it.
func (r *room) fitted(model string, args ...string) []byte {
	r.Helper()
	to := r.in("fitted.keras")
	r.must(append([]string{"fit", model, "--epochs", "3", "--batch", "5", "--quiet", "-o", to}, args...)...)
	content, err := os.ReadFile(to)
	r.check(err)
	return content
}

// What is trained on is the same in whatever file it is, and what the library makes of it.
func TestAModelIsTrainedAlikeOnEveryKindOfData(t *testing.T) {
	r := newRoom(t)
	sparse := r.model("sparse.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	model, err := cornu.Load(sparse)
	r.check(err)
	x, err := data.Floats(r.x, 4)
	r.check(err)
	y, err := data.Labels(r.y)
	r.check(err)
	_, err = model.Fit(context.Background(), &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, cornu.FitConfig{Epochs: 3, BatchSize: 5, Quiet: true})
	r.check(err)
	r.check(model.Save(r.in("want.keras")))
	want, err := os.ReadFile(r.in("want.keras"))
	r.check(err)

	var hot []float32
	for _, y := range r.y {
		for k := range int64(3) {
			hot = append(hot, map[bool]float32{true: 1}[k == y])
		}
	}
	xs, ys, column := array(r, r.x, 12, 4), array(r, r.y, 12), array(r, r.y, 12, 1)
	number := func(y int64) string { return fmt.Sprint(y) }
	word := func(y int64) string { return []string{"apple", "pear", "quince"}[y] }
	header := "a,b,c,d,kind\n"
	xnpy := r.npy("x.npy", xs)
	for name, args := range map[string][]string{
		"a pair of .npy":             {xnpy + "," + r.npy("y.npy", ys)},
		"labels in a column":         {xnpy + "," + r.npy("column.npy", column)},
		"one-hot rows":               {xnpy + "," + r.npy("hot.npy", array(r, hot, 12, 3))},
		"more axes":                  {r.npy("x4.npy", array(r, r.x, 12, 2, 2)) + "," + r.in("y.npy")},
		"an .npz of x and y":         {r.npz("xy.npz", map[string]*tensor.Tensor{"x": xs, "y": ys})},
		"Keras's names":              {r.npz("keras.npz", map[string]*tensor.Tensor{"x_train": xs, "y_train": ys, "x_test": ys, "y_test": xs})},
		"arrays without names":       {r.npz("arr.npz", map[string]*tensor.Tensor{"arr_0": xs, "arr_1": ys})},
		"names of input and output":  {r.npz("names.npz", map[string]*tensor.Tensor{"input_layer": xs, "dense_1": ys})},
		"weights of 1":               {r.npz("ones.npz", map[string]*tensor.Tensor{"x": xs, "y": ys, "sample_weight": array(r, slices.Repeat([]float32{1}, 12), 12)})},
		"a table":                    {r.table("t.csv", header, number), "--label", "kind"},
		"a table of words":           {r.table("words.csv", header, word), "--label", "kind"},
		"a table without names":      {r.table("bare.csv", "", word), "--label", "4", "--no-header"},
		"columns by name":            {r.in("t.csv"), "--label", "kind", "--columns", "a,b,c,d"},
		"a table with a schema":      {r.in("words.csv"), "--schema", r.write("s.json", []byte(`{"inputs": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}], "targets": [{"name": "kind", "kind": "category"}]}`))},
		"a name that needs quotes":   {r.table("a, b c.csv", header, number), "--label", "kind"},
		"a table with other commas":  {r.write("t.tsv", bytes.ReplaceAll(fileOf(r, "t.csv"), []byte(","), []byte("\t"))), "--label", "kind"},
		"IDX files, one compressed":  {r.idx("x.idx", 0x0D, r.x, 12, 4) + "," + r.idx("y.idx", 0x08, labels(r.y), 12)},
		"validation that says much":  {xnpy + "," + r.in("y.npy"), "--validation", r.in("xy.npz")},
		"one thread":                 {xnpy + "," + r.in("y.npy"), "--threads", "1"},
		"what it was compiled with":  {xnpy + "," + r.in("y.npy"), "--loss", "sparse_categorical_crossentropy", "--lr", "0.05", "--metrics", "accuracy"},
		"the seed that is in a file": {xnpy + "," + r.in("y.npy"), "--seed", "0"},
	} {
		if got := r.fitted(sparse, append([]string{"--data"}, args...)...); !bytes.Equal(got, want) {
			t.Errorf("%s: the model that comes of it is another", name)
		}
	}
	// A loss of one-hot rows is the same one of labels.
	onehot := r.model("onehot.keras", loss.CategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	if a, b := r.fitted(onehot, "--data", r.in("xy.npz")), r.fitted(onehot, "--data", xnpy+","+r.in("hot.npy")); !bytes.Equal(a, b) {
		t.Error("a loss of one-hot rows sees other labels than one-hot rows")
	}
}

func fileOf(r *room, name string) []byte {
	r.Helper()
	b, err := os.ReadFile(r.in(name))
	r.check(err)
	return b
}

func labels(y []int64) (b []uint8) {
	for _, v := range y {
		b = append(b, uint8(v))
	}
	return b
}

// idx writes an IDX file.
func (r *room) idx(name string, kind byte, values any, shape ...uint32) string {
	r.Helper()
	b := bytes.NewBuffer([]byte{0, 0, kind, byte(len(shape))})
	r.check(binary.Write(b, binary.BigEndian, shape))
	r.check(binary.Write(b, binary.BigEndian, values))
	return r.write(name, b.Bytes())
}

func TestTheStandardInputIsATable(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	path := r.table("t.csv", "a,b,c,d,kind\n", func(y int64) string { return fmt.Sprint(y) })
	root := newRoot()
	root.SetArgs([]string{"fit", model, "--data", "-", "--label", "kind", "--epochs", "3", "--batch", "5", "--quiet", "-o", r.in("piped.keras")})
	root.SetIn(bytes.NewReader(fileOf(r, "t.csv")))
	r.check(root.Execute())
	if want := r.fitted(model, "--data", path, "--label", "kind"); !bytes.Equal(fileOf(r, "piped.keras"), want) {
		t.Error("the same table in a file makes another model")
	}
}

// A picture is what its pixels are: 0 to 255, or what --scale says; in the size and the colours of the model's input.
func TestPicturesAreReadAsTheModelTakesThem(t *testing.T) {
	r := newRoom(t)
	var pixels []uint8
	for i := range 12 {
		img := image.NewGray(image.Rect(0, 0, 3, 3))
		for k := range img.Pix {
			img.Pix[k] = uint8(i*k*5) + uint8(100*r.y[i])
		}
		pixels = append(pixels, img.Pix...)
		folder := r.in("pictures/" + []string{"apple", "pear", "quince"}[r.y[i]])
		r.check(os.MkdirAll(folder, 0o755))
		var b bytes.Buffer
		r.check(png.Encode(&b, img))
		r.check(os.WriteFile(filepath.Join(folder, fmt.Sprintf("%02d.png", i)), b.Bytes(), 0o644))
	}
	// The order of a folder is that of its classes.
	var x []uint8
	var y []int64
	for class := range int64(3) {
		for i, label := range r.y {
			if label == class {
				x, y = append(x, pixels[9*i:9*i+9]...), append(y, class)
			}
		}
	}
	arrays := r.npz("pixels.npz", map[string]*tensor.Tensor{"x": array(r, x, 12, 3, 3), "y": array(r, y, 12)})
	for i, shape := range [][]int{{3, 3, 1}, {3, 3}, {9}} {
		model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, shape...)
		for k, scale := range [][]string{nil, {"--scale", "0,1"}, {"--scale", "-1,1"}} {
			if k != i && !choice.Thorough() {
				continue
			}
			a := r.fitted(model, append([]string{"--data", arrays}, scale...)...)
			b := r.fitted(model, append([]string{"--data", r.in("pictures")}, scale...)...)
			if !bytes.Equal(a, b) {
				t.Errorf("%v, %v: pictures and their pixels make different models", shape, scale)
			}
		}
	}
	scaled, unscaled := r.in("scaled.keras"), r.in("unscaled.keras")
	r.must("fit", r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 9), "--data", arrays, "--scale", "0,1", "--quiet", "-o", scaled)
	r.must("fit", scaled, "--data", arrays, "--quiet", "-o", unscaled)
	for _, args := range [][]string{{"evaluate", scaled, "--data", arrays}, {"predict", scaled, "--data", r.in("pictures")}, {"predict", scaled, "--data", r.in("pictures/pear/01.png")}, {"predict", unscaled, "--data", arrays, "--scale", "0,1"}} {
		want := "trained on bytes as numbers from 0 to 1: give --scale 0,1"
		if args[1] == unscaled {
			want = "trained on bytes as numbers from 0 to 255: give --scale 0,255"
		}
		if _, _, errs := call(args...); !strings.Contains(errs, want) || strings.Contains(errs, "data.Pixels") {
			t.Errorf("%v: it says %s", args, errs)
		}
	}
	model := r.model("rgb.keras", loss.CategoricalCrossentropy{}, 3, activation.Softmax{}, 5, 4, 3)
	r.fitted(model, "--data", r.in("pictures"))
	all := r.must("predict", model, "--data", r.in("pictures"))
	one := r.must("predict", model, "--data", r.in("pictures/pear/01.png"))
	lines := strings.Split(strings.TrimSpace(one), "\n")
	if len(lines) != 2 || strings.Count(all, "\n") != 13 || !strings.Contains(strings.Join(strings.Fields(all), " "), strings.Join(strings.Fields(lines[1]), " ")) {
		t.Errorf("of all:\n%s\nof one:\n%s", all, one)
	}
}

func TestDataThatDoNotFitAreToldWithBothShapes(t *testing.T) {
	r := newRoom(t)
	sparse := r.model("sparse.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	regression := r.model("regression.keras", loss.MeanSquaredError{}, 1, nil, 4)
	bare := r.model("bare.keras", nil, 3, activation.Softmax{}, 4)
	x, y := r.npy("x.npy", array(r, r.x, 12, 4)), r.npy("y.npy", array(r, r.y, 12))
	wide, far := r.npy("wide.npy", array(r, r.x, 6, 8)), r.npy("far.npy", array(r, append(r.y[:11:11], 3), 12))
	words := r.table("t.csv", "a,b,c,d,kind\n", func(y int64) string { return []string{"apple", "pear"}[y%2] })
	r.table("bare.csv", "", func(y int64) string { return "9" })
	r.check(os.MkdirAll(r.in("empty"), 0o755))
	page := r.write("page.npy", []byte("<!DOCTYPE html>"))
	for _, test := range []struct {
		model string
		args  []string
		want  []string
	}{
		{sparse, []string{wide + "," + y}, []string{"wide.npy: its samples have shape (8,)", `input "input_layer" takes (4,)`}},
		{sparse, []string{x + "," + wide}, []string{"wide.npy: its samples have shape (8,)", `output "dense_1" have ()`}},
		{regression, []string{x + "," + wide}, []string{"wide.npy: its samples have shape (8,)", `output "dense_1" have (1,)`}},
		{regression, []string{r.npy("inf.npy", array(r, append(r.x[:47:47], 3e38), 12, 4)) + "," + y, "--lr", "1e30"}, []string{"not finite: look for extreme numbers in the data, or lower --lr\n"}},
		{sparse, []string{x}, []string{"there are no targets", x + ",y.npy"}},
		{sparse, []string{x + "," + y + "," + y}, []string{"there are 3 arrays; the model has 1 input and 1 output"}},
		{sparse, []string{x + "," + far}, []string{"the label of row 11 is 3", "3 classes"}},
		{bare, []string{x + "," + y}, []string{"it wasn't compiled", "--loss"}},
		{sparse, []string{words}, []string{"say with --label", "a, b, c, d, kind"}},
		{sparse, []string{words, "--label", "kind"}, []string{"2 classes (apple, pear)", `output "dense_1" tells 3 apart`}},
		{sparse, []string{words, "--label", "knd"}, []string{`"knd"`, "a, b, c, d, kind"}},
		{sparse, []string{words, "--label", "kind", "--columns", "a,b"}, []string{"2 columns for the input (a, b)", "takes (4,)"}},
		{sparse, []string{words, "--label", "a"}, []string{"kind", "no number", "--columns"}},
		{sparse, []string{r.in("bare.csv"), "--label", "0"}, []string{"--no-header", "0 to 4"}},
		{sparse, []string{r.in("empty")}, []string{"no folder holds a .png"}}, // of 2 × 2 pixels
		{r.model("five.keras", loss.MeanSquaredError{}, 1, nil, 5), []string{r.in("empty")}, []string{"takes (5,)", "pictures are (height, width)"}},
		{sparse, []string{page}, []string{"page.npy", "data that are known"}},
		{sparse, []string{r.in("none.npy")}, []string{"none.npy"}},
		{sparse, []string{r.npz("z.npz", map[string]*tensor.Tensor{"a": array(r, r.x, 12, 4)})}, []string{"it holds the arrays a", "x and y"}},
		{sparse, []string{x + "," + y, "--validation", wide + "," + y}, []string{"wide.npy", "(8,)"}},
	} {
		args := append([]string{"fit", test.model, "-o", r.in("out.keras"), "--data"}, test.args...)
		status, out, errs := call(args...)
		for _, want := range test.want {
			if status != failed || out != "" && !strings.Contains(want, "finite") || !strings.Contains(errs, want) {
				t.Errorf("%v: status %d, %q, it doesn't say %q", test.args, status, errs, want)
			}
		}
		if _, err := os.Stat(r.in("out.keras")); err == nil {
			t.Fatalf("%v: a model was written", test.args)
		}
	}
}

func TestMistakesInTheFlagsOfDataAreToldFirst(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"fit", "m.keras", "-o", "m.keras"}, "--data: say what the data are"},
		{[]string{"fit", "m.keras", "--data", "x.npy"}, "--output: say where the trained model goes"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.txt"}, "files that end with .keras or .h5"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "none/m.keras"}, "--output: there is no folder none"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.keras", "--epochs", "0"}, "--epochs: must be at least 1"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.keras", "--batch", "0"}, "--batch: must be at least 1"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.keras", "--scale", "1,0"}, "--scale: want two numbers"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.keras", "--validation-split", "1"}, "--validation-split: a share is between"},
		{[]string{"fit", "m.keras", "--data", "x.npy", "-o", "m.keras", "--schema", "s.json", "--label", "a"}, "--schema and --label"},
		{[]string{"fit", "m.keras", "--data", "-", "--validation", "-", "-o", "m.keras"}, "read only once"},
		{[]string{"fit", "--data", "x.npy", "-o", "m.keras"}, "takes one file"},
		{[]string{"evaluate", "m.keras"}, "--data: say what the data are"},
		{[]string{"evaluate", "m.keras", "--data", "x.npy", "-o", "m.npy"}, "a file of .csv or .json"},
		{[]string{"evaluate", "m.keras", "--epochs", "1"}, "unknown flag: --epochs"},
		{[]string{"predict", "m.keras", "--data", "x.npy", "-o", "m.txt"}, "a file of .csv, .json, .npy or .npz"},
		{[]string{"predict", "m.keras", "--data", "x.npy", "--threads", "-1"}, "--threads: must not be negative"},
	} {
		if status, out, errs := call(test.args...); status != misused || out != "" || !strings.Contains(errs, test.want) {
			t.Errorf("cornu %s: status %d, %q", strings.Join(test.args, " "), status, errs)
		}
	}
}

// The table, CSV, JSON and the array hold what the model says, and the classes' names.
func TestPredictionsAreWrittenInEveryFormat(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	words := r.table("t.csv", "a,b,c,d,kind\n", func(y int64) string { return []string{"apple", "pear", "quince"}[y] })
	r.fitted(model, "--data", words, "--label", "kind", "--prepared", r.in("p.json"))
	m, err := cornu.Load(r.in("fitted.keras"))
	r.check(err)
	y, err := m.Predict(context.Background(), array(r, r.x, 12, 4))
	r.check(err)
	want, err := tensor.Data[float32](y)
	r.check(err)
	predict := func(name string) []byte {
		r.must("predict", r.in("fitted.keras"), "--data", words, "--prepared", r.in("p.json"), "-o", r.in(name))
		return fileOf(r, name)
	}
	back, err := tensor.ReadNpy(bytes.NewReader(predict("p.npy")), 0)
	r.check(err)
	if got, _ := tensor.Data[float32](back); !slices.Equal(got, want) || !back.Shape().Equal(tensor.Shape{12, 3}) {
		t.Errorf("the array is %v", got)
	}
	var objects []map[string]any
	r.check(json.Unmarshal(predict("p.json2.json"), &objects))
	lines := strings.Split(string(predict("p.csv")), "\n")
	if lines[0] != "class,apple,pear,quince" || len(lines) != 14 || len(objects) != 12 {
		t.Fatalf("%d lines, %d objects, the first line %s", len(lines), len(objects), lines[0])
	}
	for i, o := range objects {
		best := classOf(want[3*i : 3*i+3])
		class := []string{"apple", "pear", "quince"}[best]
		line := class
		for k, name := range []string{"apple", "pear", "quince"} {
			line += fmt.Sprint(",", want[3*i+k])
			if float32(o[name].(float64)) != want[3*i+k] {
				t.Errorf("row %d: %v", i, o)
			}
		}
		if lines[i+1] != line || o["class"] != class {
			t.Errorf("row %d: %q and %v, want %q", i, lines[i+1], o, line)
		}
	}
	if shown := r.must("predict", r.in("fitted.keras"), "--data", r.npy("x.npy", array(r, r.x, 12, 4))); !strings.HasPrefix(shown, "class  y0 ") {
		t.Errorf("without names it prints\n%s", shown)
	}
}

// Numbers that were scaled for the training come back in their units.
func TestPredictionsOfSequencesOfAnyLengthAreATable(t *testing.T) {
	r := newRoom(t)
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{tensor.None, 1}}, &layer.Dense{Units: 1, KernelInitializer: initializer.Ones{}})
	r.check(m.Save(r.in("open.keras")))
	r.npy("steps.npy", array(r, []float32{1, 2, 3, 4}, 2, 2, 1))
	if got, want := r.must("predict", r.in("open.keras"), "--data", r.in("steps.npy")), "y0_0  y1_0\n1     2\n3     4\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestARegressionPredictsInTheUnitsOfItsTable(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	table := r.table("t.csv", "a,b,c,d,price\n", func(y int64) string { return fmt.Sprint(1e6 + 1e5*float64(y)) })
	schema := r.write("s.json", []byte(`{"rest": {"scale": "standard"}, "inputs": [{"name": "a"}], "targets": [{"name": "price", "scale": "standard"}]}`))
	r.must("fit", model, "--data", table, "--schema", schema, "--prepared", r.in("p.json"), "--validation", table, "--epochs", "60", "--quiet", "-o", model)
	lines := strings.Fields(r.must("predict", model, "--data", table, "--prepared", r.in("p.json")))
	if lines[0] != "price" || len(lines) != 13 {
		t.Fatalf("it prints %q", lines)
	}
	for i, line := range lines[1:] {
		var price float64
		fmt.Sscan(line, &price)
		if price < 0.9e6+1e5*float64(r.y[i]) || price > 1.1e6+1e5*float64(r.y[i]) {
			t.Errorf("row %d: %s, want about %v", i, line, 1e6+1e5*float64(r.y[i]))
		}
	}
	if status, _, errs := call("predict", model, "--data", table, "--schema", schema); status != failed || !strings.Contains(errs, "--prepared") {
		t.Errorf("a schema that learns: status %d, %s", status, errs)
	}
}

func TestAModelOfSeveralInputsAndOutputsIsTrained(t *testing.T) {
	r := newRoom(t)
	left, right := cornu.Apply(&layer.Input{Shape: tensor.Shape{2}, Name: "left"}), cornu.Apply(&layer.Input{Shape: tensor.Shape{2}, Name: "right"})
	both := cornu.Apply(&layer.Concatenate{}, left, right)
	m := cornu.NewModel([]*cornu.Node{left, right}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Units: 3, Activation: activation.Softmax{}, Name: "kind"}, both), cornu.Apply(&layer.Dense{Units: 1, Name: "size"}, both),
	})
	r.check(m.Compile(cornu.CompileConfig{Losses: []loss.Loss{loss.SparseCategoricalCrossentropy{}, loss.MeanSquaredError{}}}))
	r.check(m.Save(r.in("m.keras")))
	a, b := array(r, r.x[:24], 12, 2), array(r, r.x[24:], 12, 2)
	kind, size := array(r, r.y, 12), array(r, r.x[:12], 12)
	named := r.fitted(r.in("m.keras"), "--data", r.npz("m.npz", map[string]*tensor.Tensor{"left": a, "right": b, "kind": kind, "size": size}))
	listed := r.fitted(r.in("m.keras"), "--data", r.npy("a.npy", a)+","+r.npy("b.npy", b)+","+r.npy("k.npy", kind)+","+r.npy("s.npy", size))
	if !bytes.Equal(named, listed) {
		t.Error("arrays by their names and by their places make different models")
	}
	shown := r.must("predict", r.in("fitted.keras"), "--data", r.in("a.npy")+","+r.in("b.npy"))
	if got := strings.Join(strings.Fields(strings.Split(shown, "\n")[0]), " "); got != "kind.class kind.y0 kind.y1 kind.y2 size.y" {
		t.Errorf("the columns are %s", got)
	}
	r.must("predict", r.in("fitted.keras"), "--data", r.in("m.npz"), "-o", r.in("p.npz"))
	z := fileOf(r, "p.npz")
	if all, err := tensor.ReadNpz(bytes.NewReader(z), int64(len(z)), 0); err != nil || !all["size"].Shape().Equal(tensor.Shape{12, 1}) || len(all) != 2 {
		t.Errorf("the archive holds %v, %v", all, err)
	}
}

// A model may be written where it was read, and goes on from there: as often in two commands as in one.
func TestAFittedModelGoesOnWhereItStopped(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	pair := r.npy("x.npy", array(r, r.x, 12, 4)) + "," + r.npy("y.npy", array(r, r.x[:12], 12))
	first := r.must("evaluate", model, "--data", pair)
	r.must("fit", model, "--data", pair, "--epochs", "20", "--quiet", "-o", model)
	second := r.must("evaluate", model, "--data", pair)
	r.must("fit", model, "--data", pair, "--epochs", "20", "--quiet", "-o", model)
	third := r.must("evaluate", model, "--data", pair)
	number := func(text string) (v float64) {
		fmt.Sscanf(text, "loss: %g", &v)
		return v
	}
	if a, b, c := number(first), number(second), number(third); !(a > b && b > c && c > 0) {
		t.Errorf("the losses are %v, %v, %v", a, b, c)
	}
	r.must("evaluate", model, "--data", pair, "-o", r.in("e.json"))
	var found []map[string]float64
	r.check(json.Unmarshal(fileOf(r, "e.json"), &found))
	if got := fmt.Sprintf("loss: %.4f\n", found[0]["loss"]); got != third {
		t.Errorf("the file has %v, printed is %s", found, third)
	}
}

func TestAnInterruptedFitKeepsWhatItReached(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	pair := r.npy("x.npy", array(r, r.x, 12, 4)) + "," + r.npy("y.npy", array(r, r.x[:12], 12))
	before := fileOf(r, "m.keras")
	ctx, cancel := context.WithCancel(context.Background())
	var errs strings.Builder
	status := run(ctx, []string{"fit", model, "--data", pair, "--epochs", "1000000", "-o", model}, &afterLine{"Epoch 3/", cancel}, &errs)
	want := "in epoch "
	if status != interrupted || !strings.Contains(errs.String(), want) || !strings.Contains(errs.String(), "saved to "+model) {
		t.Errorf("status %d: %s", status, errs.String())
	}
	if bytes.Equal(before, fileOf(r, "m.keras")) {
		t.Error("the file is as it was")
	}
	r.must("evaluate", model, "--data", pair)

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	before = fileOf(r, "m.keras")
	if status := run(cancelled, []string{"fit", model, "--data", pair, "-o", model}, io.Discard, io.Discard); status != interrupted || !bytes.Equal(before, fileOf(r, "m.keras")) {
		t.Errorf("before its first step: status %d, or the file changed", status)
	}
}

// An interrupted fit that keeps checkpoints goes on to the bits of one that wasn't interrupted.
func TestAFitGoesOnFromItsCheckpoint(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.MeanSquaredError{}, 1, nil, 4)
	pair := r.npy("x.npy", array(r, r.x, 12, 4)) + "," + r.npy("y.npy", array(r, r.x[:12], 12))
	args := []string{"fit", model, "--data", pair, "--epochs", "200", "--batch", "5"}
	r.must(append(args, "-o", r.in("whole.h5"))...)
	args = append(args, "--checkpoint", r.in("state"), "--checkpoint-every", "7", "-o", r.in("parts.h5"))
	ctx, cancel := context.WithCancel(context.Background())
	var errs strings.Builder
	status := run(ctx, args, &afterLine{"Epoch 3/", cancel}, &errs)
	if want := "goes on from the checkpoint in " + r.in("state"); status != interrupted || !strings.Contains(errs.String(), want) {
		t.Errorf("status %d: %s", status, errs.String())
	}
	if bytes.Equal(fileOf(r, "whole.h5"), fileOf(r, "parts.h5")) {
		t.Error("it was not interrupted")
	}
	r.must(args...)
	if !bytes.Equal(fileOf(r, "whole.h5"), fileOf(r, "parts.h5")) {
		t.Error("it goes on to another model")
	}
}

// Whatever operation on files fails, a file that a command writes is whole or as it was, and the command says so.
func TestNothingIsLostWhenTheDiskFails(t *testing.T) {
	r := newRoom(t)
	model := r.model("m.keras", loss.SparseCategoricalCrossentropy{}, 3, activation.Softmax{}, 4)
	table := r.table("t.csv", "a,b,c,d,kind\n", func(y int64) string { return fmt.Sprint(y) })
	fit := []string{"fit", model, "--data", table, "--label", "kind", "--quiet"}
	predict := []string{"predict", model, "--data", table, "--label", "kind"}
	for name, args := range map[string][]string{
		"fitted.keras":  append(fit, "-o", "fitted.keras"),
		"curves.svg":    append(fit, "-o", "fitted.keras", "--curves", "curves.svg"),
		"prepared.json": append(fit, "-o", "fitted.keras", "--prepared", "prepared.json"),
		"p.csv":         append(predict, "-o", "p.csv"),
		"p.json":        append(predict, "-o", "p.json"),
		"p.npy":         append(predict, "-o", "p.npy"),
		"p.npz":         append(predict, "-o", "p.npz"),
		"e.csv":         {"evaluate", model, "--data", table, "--label", "kind", "-o", "e.csv"},
		"net.svg":       {"plot", model, "-o", "net.svg"},
	} {
		folder := t.TempDir()
		args = slices.Clone(args)
		for i := range args {
			if i > 1 && (args[i-1] == "-o" || args[i-1] == "--curves" || args[i-1] == "--prepared") {
				args[i] = filepath.Join(folder, args[i])
			}
		}
		// The others are written by the same means.
		if quick := name == "fitted.keras" || name == "p.csv"; !quick && os.Getenv("CORNU_CI") == "" {
			continue
		}
		if name != "prepared.json" { // which would be read
			r.check(os.WriteFile(filepath.Join(folder, name), []byte("before"), 0o644))
		}
		faulty.Replaces(t, folder, func() error {
			root := newRoot()
			root.SetArgs(args)
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			return root.Execute()
		})
		if t.Failed() {
			t.Fatalf("by cornu %s", strings.Join(args, " "))
		}
	}
}
