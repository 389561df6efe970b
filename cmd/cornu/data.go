package main

// This file reads DATA, what commands are given to train on, to test with, to predict: the model's inputs, and what it
// was compiled for, say what is made of the numbers in the files.

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/idx"
	"github.com/cornu-ml/cornu/data/imagefolder"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

// aboutData is what the help of each command says of DATA.
const aboutData = `DATA is one of
  x.npy,y.npy      arrays, of NumPy's .npy or as IDX files (also .gz): the inputs, then the targets; x.npy alone to predict
  data.npz         arrays x and y; or x_train, y_train, x_test, y_test; or those of the model's names of inputs and outputs
  table.csv, -     a table with names in its first line, of numbers but for its labels; - is the standard input
  folder           pictures, .png and .jpeg, in a folder for each class; any folder of pictures to predict
  picture.png      one picture to predict
Pictures get the size and the colours of the model's input, and labels become what its loss wants, indices or one-hot
rows. Bytes and the pixels of pictures are numbers from 0 to 255: --scale 0,1 says otherwise.`

// dataFlags are the flags that say how DATA are read.
type dataFlags struct {
	path     string
	labels   []string
	columns  []string
	noHeader bool
	schema   string
	prepared string
	scale    scale
}

func (d *dataFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.path, "data", "", "the `DATA`")
	f.StringSliceVar(&d.labels, "label", nil, "of a table: the `COLUMN` to be learned, or several with commas between them")
	f.StringSliceVar(&d.columns, "columns", nil, "of a table: the `COLUMNS` that are the input; all but the labels if it isn't said")
	f.BoolVar(&d.noHeader, "no-header", false, "of a table: there is no line of names; the columns are called 0, 1, 2, …")
	f.StringVar(&d.schema, "schema", "", "of a table: a `FILE` of JSON that says what the columns are, a csv.Schema")
	f.StringVar(&d.prepared, "prepared", "", "of a table: a `FILE` of JSON with what was learnt of its columns and classes; fit writes it if it isn't there or --schema is")
	f.Var(&d.scale, "scale", "what bytes 0 and 255 become, `LOW,HIGH`, if not 0 and 255")
}

// check returns an error about the first flag whose value makes no sense.
func (d *dataFlags) check(c *cobra.Command) error {
	switch {
	case d.path == "":
		return misuse("--data: say what the data are; see %s --help", c.CommandPath())
	case d.schema != "" && d.columns != nil:
		return misuse("--schema and --columns: both say what the input is")
	case d.schema != "" && d.labels != nil:
		return misuse("--schema and --label: the schema has the labels, in its targets")
	}
	return nil
}

// scale is what bytes become.
type scale struct {
	low, high float64
	set       bool
}

func (s *scale) String() string {
	if !s.set {
		return ""
	}
	return fmt.Sprintf("%v,%v", s.low, s.high)
}

func (s *scale) Type() string { return "scale" }

func (s *scale) Set(text string) error {
	low, high, two := strings.Cut(text, ",")
	var errs [2]error
	s.low, errs[0] = strconv.ParseFloat(strings.TrimSpace(low), 64)
	s.high, errs[1] = strconv.ParseFloat(strings.TrimSpace(high), 64)
	if !two || errors.Join(errs[:]...) != nil || !(s.low < s.high) {
		return errors.New("want two numbers, the lower one first, with a comma between them, such as 0,1")
	}
	s.set = true
	return nil
}

// A purpose is what data are for.
type purpose int

const (
	toTrain purpose = iota
	toTest
	toPredict
)

// A wanted is an input or an output of a model, and what data have to be for it.
type wanted struct {
	name    string
	shape   tensor.Shape // of a sample's input or output
	target  tensor.Shape // of an output: of a sample's target, as its loss wants it
	classes int          // how many the output tells apart; 0 if it isn't known to
	labels  bool         // the loss wants labels, not one-hot rows
}

// wantedBy returns the inputs and outputs of a model.
func wantedBy(model *cornu.Model) (inputs, outputs []wanted, err error) {
	net := model.Network()
	if net == nil {
		return nil, nil, errors.New("the model's file doesn't say what its input is")
	}
	compiled, _ := model.Compiled()
	for _, in := range net.Inputs() {
		if in.Texts() {
			return nil, nil, fmt.Errorf("the model's input %q is texts, and the command takes numbers: train and ask it in a program, by cornu.Load", net.Name(in.Layer()))
		}
		inputs = append(inputs, wanted{name: net.Name(in.Layer()), shape: in.Shape()[1:]})
	}
	for i, out := range net.Outputs() {
		w := wanted{name: net.Name(out.Layer()), shape: out.Shape()[1:], target: out.Shape()[1:]}
		var l loss.Loss
		if compiled.Losses != nil {
			l = compiled.Losses[i]
		} else {
			l = compiled.Loss
		}
		if fitter, ok := l.(loss.Fitter); ok {
			target, err := fitter.TargetShape(out.Shape())
			if err != nil {
				return nil, nil, fmt.Errorf("output %q: %w", w.name, err)
			}
			w.target = target[1:]
		}
		if c, ok := l.(loss.Classifier); ok {
			w.classes, _ = c.Classes(out.Shape())
			w.labels = true
		} else if l != nil && ofClasses(l.Name()) && len(w.shape) > 0 {
			w.classes = w.shape[len(w.shape)-1]
		} else if l != nil && strings.HasPrefix(l.Name(), "binary_") && w.shape.Numel() == 1 {
			w.classes = 2
		}
		outputs = append(outputs, w)
	}
	return inputs, outputs, nil
}

// ofClasses reports whether the targets of a loss are one-hot rows.
func ofClasses(loss string) bool {
	return strings.HasPrefix(loss, "categorical_") || loss == "kl_divergence"
}

// A sampling is what is read of DATA: a source of samples, and what is known of them.
type sampling struct {
	data.Source
	classes []string // the names of the classes, in order; nil if the data have none
	files   []string // of the samples, if each is one
	targets []string // the names of what is learned
	back    func(*tensor.Tensor) ([][]float64, error)
}

// read reads DATA for a model.
func (d *dataFlags) read(c *cobra.Command, model *cornu.Model, path string, use purpose) (*sampling, error) {
	inputs, outputs, err := wantedBy(model)
	if err != nil {
		return nil, err
	}
	r := reader{dataFlags: d, use: use, inputs: inputs, outputs: outputs, in: c.InOrStdin(), notes: c.ErrOrStderr()}
	s, err := r.read(path)
	if err != nil {
		return nil, fmt.Errorf("the data %s: %w", path, err)
	}
	return s, nil
}

// A reader makes samples of files.
type reader struct {
	*dataFlags
	use             purpose
	inputs, outputs []wanted
	in              io.Reader // for -
	notes           io.Writer
}

func (r *reader) read(path string) (*sampling, error) {
	if path == "-" {
		return r.table(r.in)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return r.folder(path)
	case err == nil:
		switch ending(path) {
		case "csv", "tsv", "txt":
			f, err := os.Open(path) // which may be a pipe
			if err != nil {
				return nil, err
			}
			defer f.Close()
			s, err := r.table(f)
			if err != nil && info.Mode().IsRegular() {
				if what := file.Describe(f, info.Size()); !strings.HasPrefix(what, "of a format") {
					return nil, fmt.Errorf("it is no table: it is %s", what)
				}
			}
			return s, err
		case "npz":
			return r.npz(path)
		case "png", "jpg", "jpeg":
			return r.picture(path)
		}
	}
	paths := []string{path}
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(path, ",") {
		paths = strings.Split(path, ",")
	} else if err != nil {
		return nil, err
	}
	var arrays []*tensor.Tensor
	for _, p := range paths {
		t, err := readArray(p)
		if err != nil {
			return nil, err
		}
		arrays = append(arrays, t)
	}
	return r.arrays(paths, arrays)
}

// ending is what a file's name ends with, without the dot, in lower case.
func ending(path string) string { return strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")) }

// readArray reads a file of NumPy's or an IDX file.
func readArray(path string) (*tensor.Tensor, error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 6)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	var t *tensor.Tensor
	switch begins := func(s string) bool { return strings.HasPrefix(string(head), s) }; {
	case begins("\x93NUMPY"):
		t, err = tensor.ReadNpy(f, budget)
	case begins("\x1F\x8B"), begins("\x00\x00"):
		t, err = idx.Read(f, budget)
	default:
		return nil, fmt.Errorf("%s is no data that are known, an .npy, .npz, .csv, .png, .jpg or IDX file, or a folder of pictures: it is %s", path, file.Describe(f, info.Size()))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(t.Shape()) == 0 {
		return nil, fmt.Errorf("%s is one number: its first dimension has to count the samples", path)
	}
	return t, nil
}

// budget is how many bytes an array may have.
const budget = 64 << 30

// arrays are the inputs and then the targets.
func (r *reader) arrays(names []string, arrays []*tensor.Tensor) (*sampling, error) {
	n, m := len(r.inputs), len(r.outputs)
	switch {
	case len(arrays) == n+m:
		return r.pair(arrays[:n], arrays[n:], nil, names)
	case len(arrays) == n && r.use == toPredict:
		return r.pair(arrays, nil, nil, names)
	case len(arrays) == n:
		return nil, fmt.Errorf("there are no targets: give them after the %s, with a comma: %s,y.npy", many(n, "input"), strings.Join(names, ","))
	}
	return nil, fmt.Errorf("there are %s; the model has %s and %s", many(len(arrays), "array"), many(n, "input"), many(m, "output"))
}

// many counts things.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// readNpz reads the arrays of an archive, and returns their names in its order, and their types in it.
func readNpz(path string) (all map[string]*tensor.Tensor, names []string, types map[string]string, err error) {
	f, err := file.Open(path)
	if err != nil {
		return nil, nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, nil, nil, fmt.Errorf("it is no .npz file that is whole: it is %s: %w", file.Describe(f, info.Size()), err)
	}
	for _, entry := range z.File {
		names = append(names, strings.TrimSuffix(entry.Name, ".npy"))
	}
	if all, err = tensor.ReadNpz(f, info.Size(), budget); err == nil {
		types, err = file.NpzTypes(f, info.Size())
	}
	return all, names, types, err
}

// npz finds the arrays in an archive by their names.
func (r *reader) npz(path string) (*sampling, error) {
	all, there, _, err := readNpz(path)
	if err != nil {
		return nil, err
	}
	part := map[purpose]string{toTrain: "_train", toTest: "_test", toPredict: "_test"}[r.use]
	numbered := func(list []wanted, from int) (names []string) {
		for i := range list {
			names = append(names, fmt.Sprintf("arr_%d", from+i))
		}
		return names
	}
	named := func(list []wanted) (names []string) {
		for _, w := range list {
			names = append(names, w.name)
		}
		return names
	}
	choices := [][2][]string{
		{named(r.inputs), named(r.outputs)},
		{numbered(r.inputs, 0), numbered(r.outputs, len(r.inputs))},
	}
	if len(r.inputs) == 1 && len(r.outputs) == 1 {
		choices = append([][2][]string{{{"x"}, {"y"}}, {{"x" + part}, {"y" + part}}, {{"X"}, {"y"}}}, choices...)
	}
	find := func(names []string) (list []*tensor.Tensor) {
		for _, name := range names {
			t := all[name]
			if t == nil || len(t.Shape()) == 0 {
				return nil
			}
			list = append(list, t)
		}
		return list
	}
	for _, names := range choices {
		x, y := find(names[0]), find(names[1])
		if x == nil || y == nil && r.use != toPredict {
			continue
		}
		return r.pair(x, y, all["sample_weight"], slices.Concat(names[0], names[1]))
	}
	if r.use == toPredict && len(all) == 1 && len(r.inputs) == 1 {
		return r.pair(find(there), nil, nil, there)
	}
	want := strings.Join(choices[0][0], ", ")
	if r.use != toPredict {
		want += " and " + strings.Join(choices[0][1], ", ")
	}
	return nil, fmt.Errorf("it holds the arrays %s; wanted are %s, or others that the help of --data lists", strings.Join(there, ", "), want)
}

// pair makes a source of the arrays of inputs and targets. The names are those of the inputs and then of the targets.
func (r *reader) pair(x, y []*tensor.Tensor, weights *tensor.Tensor, names []string) (*sampling, error) {
	a := &data.Arrays{}
	for i, t := range x {
		c, err := r.input(r.inputs[i], t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		a.X = append(a.X, c)
	}
	if r.use != toPredict {
		for i, t := range y {
			c, err := r.target(r.outputs[i], t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", names[len(x)+i], err)
			}
			a.Y = append(a.Y, c)
		}
	}
	if weights != nil && r.use != toPredict {
		c, err := data.FromTensor(weights)
		if err != nil {
			return nil, fmt.Errorf("sample_weight: %w", err)
		}
		if c.Shape().Numel() != 1 {
			return nil, fmt.Errorf("sample_weight: it has shape %v, wanted is one number for each sample", weights.Shape())
		}
		a.Weights = numbersOf(c)
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return &sampling{Source: a}, nil
}

// numbersOf returns the numbers of a column.
func numbersOf(c data.Column) []float32 {
	rows := make([]int32, c.Len())
	for i := range rows {
		rows[i] = int32(i)
	}
	values := make([]float32, len(rows)*c.Shape().Numel())
	c.Kernel(values, rows).Run(nil)
	return values
}

// input makes a column for an input of the model. Its samples may lack axes of 1, or be a table where the model takes rows.
func (r *reader) input(w wanted, t *tensor.Tensor) (data.Column, error) {
	have := t.Shape()[1:]
	if have.Fits(w.shape) { // of which some may be any
		w.shape = have
	}
	if !fits(have, w.shape) && !(len(w.shape) == 1 || len(have) == 1) || have.Numel() != w.shape.Numel() {
		return nil, fmt.Errorf("its samples have shape %v, the model's input %q takes %v", have, w.name, w.shape)
	}
	if bytes, err := tensor.Data[uint8](t); err == nil {
		if r.scale.set {
			return data.Scaled(bytes, r.scale.low, r.scale.high, w.shape...)
		}
		return data.Bytes(bytes, w.shape...)
	}
	c, err := data.FromTensor(t)
	if err != nil {
		return nil, err
	}
	return data.Floats(numbersOf(c), w.shape...)
}

// target makes a column for an output of the model, of what its loss wants: labels become one-hot rows, and these labels.
func (r *reader) target(w wanted, t *tensor.Tensor) (data.Column, error) {
	have := t.Shape()[1:]
	if have.Fits(w.target) {
		w.target = have
	}
	c, err := data.FromTensor(t)
	if err != nil {
		return nil, err
	}
	values := numbersOf(c)
	switch {
	case fits(have, w.target):
		return data.Floats(values, w.target...)
	case w.labels && w.classes > 0 && fits(have, w.shape):
		if values, err = indices(values, w.classes); err != nil {
			return nil, fmt.Errorf("its samples have shape %v: as labels the model's output %q takes %v, and as one-hot rows %v, of which %w", have, w.name, w.target, w.shape, err)
		}
		return data.Floats(values, w.target...)
	case w.classes > 0 && len(w.target) > 0 && fits(have, w.target[:len(w.target)-1]):
		hot := make([]float32, len(values)*w.classes)
		for i, v := range values {
			if v != float32(int(v)) || v < 0 || int(v) >= w.classes {
				return nil, fmt.Errorf("sample %d: %w", i/max(have.Numel(), 1), &data.LabelError{Row: i, Label: float64(v), Classes: w.classes})
			}
			hot[i*w.classes+int(v)] = 1
		}
		return data.Floats(hot, w.target...)
	}
	return nil, fmt.Errorf("its samples have shape %v, the targets of the model's output %q have %v", have, w.name, w.target)
}

// fits reports whether two shapes are the same but for axes of 1.
func fits(a, b tensor.Shape) bool {
	without := func(s tensor.Shape) tensor.Shape {
		return slices.DeleteFunc(s.Clone(), func(n int) bool { return n == 1 })
	}
	return without(a).Equal(without(b))
}

// indices returns where the 1 is in each row of numbers that are 0 or 1.
func indices(rows []float32, classes int) ([]float32, error) {
	list := make([]float32, len(rows)/classes)
	for i := range list {
		ones := 0
		for k, v := range rows[i*classes : (i+1)*classes] {
			switch v {
			case 0:
			case 1:
				list[i] = float32(k)
				ones++
			default:
				ones = 2
			}
		}
		if ones != 1 {
			return nil, fmt.Errorf("row %d is none: it isn't 1 at one place and 0 elsewhere", i)
		}
	}
	return list, nil
}

// pictures says how pictures are read for the model's input.
func (r *reader) pictures() (imagefolder.Config, error) {
	var cfg imagefolder.Config
	if len(r.inputs) != 1 || len(r.outputs) != 1 {
		return cfg, fmt.Errorf("pictures are for a model of one input and one output, this one has %s and %s: give it arrays", many(len(r.inputs), "input"), many(len(r.outputs), "output"))
	}
	shape := r.inputs[0].shape
	channels := 0
	switch {
	case len(shape) == 3:
		cfg.Height, cfg.Width, channels = shape[0], shape[1], shape[2]
	case len(shape) == 2:
		cfg.Height, cfg.Width, channels = shape[0], shape[1], 1
	case len(shape) == 1: // a square, row by row
		for channels = range 4 {
			side := 1
			for channels > 0 && side*side*channels < shape[0] {
				side++
			}
			if side*side*channels == shape[0] {
				cfg.Height, cfg.Width = side, side
				break
			}
		}
	}
	cfg.Color = map[int]imagefolder.Color{1: imagefolder.Grayscale, 3: imagefolder.RGB, 4: imagefolder.RGBA}[channels]
	if cfg.Color == "" || cfg.Height <= 0 || cfg.Width <= 0 {
		return cfg, fmt.Errorf("a picture is no input for the model: %q takes %v, and pictures are (height, width), with 1, 3 or 4 channels, or a row of the pixels of a square", r.inputs[0].name, shape)
	}
	return cfg, nil
}

// picture reads one picture to predict.
func (r *reader) picture(path string) (*sampling, error) {
	if r.use != toPredict {
		return nil, errors.New("one picture has no label: give a folder that has a folder of pictures for each class")
	}
	cfg, err := r.pictures()
	if err != nil {
		return nil, err
	}
	f, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	x, err := imagefolder.Decode(f, cfg)
	if err != nil {
		return nil, err
	}
	values, err := tensor.Data[float32](x)
	if err != nil {
		return nil, err
	}
	c, err := r.pixels(values)
	if err != nil {
		return nil, err
	}
	return &sampling{Source: &data.Arrays{X: []data.Column{c}}, files: []string{path}}, nil
}

// pixels returns the pixels of pictures, from 0 to 255, as inputs, where --scale wants them.
func (r *reader) pixels(values []float32) (data.Column, error) {
	if r.scale.set {
		for i, v := range values {
			values[i] = float32(r.scale.low + float64(float64(v)*(r.scale.high-r.scale.low))/255)
		}
	}
	c, err := data.Floats(values, r.inputs[0].shape...)
	return pixelColumn{c, r}, err
}

// A pixelColumn has pixels that were bytes, as pictures have them.
type pixelColumn struct {
	data.Column
	read *reader
}

// Range returns what the bytes became, which a model that is trained on them remembers.
func (p pixelColumn) Range() data.Range {
	if s := p.read.scale; s.set {
		return data.Range{Low: s.low, High: s.high}
	}
	return data.Range{Low: 0, High: 255}
}

// folder reads a folder of folders of pictures, or, to predict, any folder of pictures.
func (r *reader) folder(path string) (*sampling, error) {
	cfg, err := r.pictures()
	if err != nil {
		return nil, err
	}
	out := r.outputs[0]
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if r.use == toPredict {
		cfg.Classes = []string{filepath.Base(root)}
		root = filepath.Dir(root)
	}
	f, err := imagefolder.Open(os.DirFS(root), cfg)
	if err != nil {
		return nil, err
	}
	s := &sampling{classes: f.Classes}
	if r.use == toPredict {
		s.classes = nil
		for _, name := range f.Files {
			within, _ := filepath.Rel(cfg.Classes[0], filepath.FromSlash(name))
			s.files = append(s.files, filepath.Join(path, within))
		}
	} else if out.classes != len(f.Classes) {
		n := fmt.Sprintf("the model's output %q tells %d apart", out.name, out.classes)
		if out.classes == 0 {
			n = fmt.Sprintf("the model's output %q, of shape %v, was compiled with a loss that is for no classes", out.name, out.shape)
		}
		return nil, fmt.Errorf("it has a folder for each of %d classes (%s); %s", len(f.Classes), some(f.Classes), n)
	}
	all, err := f.Load()
	if err != nil {
		return nil, fmt.Errorf("%w; it is read into memory", err)
	}
	x, err := r.pixels(numbersOf(all.X[0]))
	if err != nil {
		return nil, err
	}
	a := &data.Arrays{X: []data.Column{x}}
	if r.use != toPredict {
		labels, err := tensor.Of(f.Labels, len(f.Labels))
		if err != nil {
			return nil, err
		}
		y, err := r.target(out, labels)
		if err != nil {
			return nil, err
		}
		a.Y = []data.Column{y}
	}
	s.Source = a
	return s, nil
}

// some lists the first of many names.
func some(names []string) string {
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
