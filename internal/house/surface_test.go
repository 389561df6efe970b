package house

// Nothing that the public names reach panics, hangs, or takes more memory than the limit: every function and every
// method is called with nil, zero values and extreme numbers in each argument, and in each field of each argument.

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"image"
	"image/png"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/csv"
	"github.com/cornu-ml/cornu/data/idx"
	"github.com/cornu-ml/cornu/data/imagefolder"
	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
	"github.com/cornu-ml/cornu/viz"
)

// surface are the packages that are tested here.
var surface = []string{"data", "data/csv", "data/idx", "data/imagefolder", "tensor", "train", "graph", "dataset", "viz"}

// functions are the exported ones; of those with type parameters, instances.
var functions = map[string][]any{
	"data.New":          {data.New},
	"data.FromRows":     {data.FromRows[float32], data.FromRows[uint8]},
	"data.Floats":       {data.Floats},
	"data.Bytes":        {data.Bytes},
	"data.Pixels":       {data.Pixels},
	"data.Scaled":       {data.Scaled},
	"data.OneHot":       {data.OneHot[int], data.OneHot[uint8], data.OneHot[int64]},
	"data.Labels":       {data.Labels[int], data.Labels[uint8]},
	"data.FromTensor":   {data.FromTensor},
	"data.Epoch":        {data.Epoch},
	"data.SpecOf":       {data.SpecOf},
	"data.Prefetch":     {data.Prefetch},
	"data.Func":         {data.Func},
	"data.ClassWeights": {data.ClassWeights},

	"data/csv.New":            {csv.New},
	"data/csv.Read":           {csv.Read},
	"data/csv.ReadFile":       {csv.ReadFile},
	"data/csv.Fit":            {csv.Fit},
	"data/idx.Read":           {idx.Read},
	"data/imagefolder.Open":   {imagefolder.Open},
	"data/imagefolder.Decode": {imagefolder.Decode},

	"tensor.Of":            {tensor.Of[float32], tensor.Of[bool]},
	"tensor.Zeros":         {tensor.Zeros},
	"tensor.Data":          {tensor.Data[float32]},
	"tensor.DTypeOf":       {tensor.DTypeOf[int32]},
	"tensor.Concat":        {tensor.Concat},
	"tensor.ToCategorical": {tensor.ToCategorical[int], tensor.ToCategorical[uint8]},
	"tensor.FromRows":      {tensor.FromRows[float32]},
	"tensor.ToLabels":      {tensor.ToLabels},
	"tensor.ToRows":        {tensor.ToRows[float32]},
	"tensor.Normalize":     {tensor.Normalize},
	"tensor.FromBytes":     {tensor.FromBytes},
	"tensor.ToBytes":       {tensor.ToBytes},
	"tensor.ReadNpy":       {tensor.ReadNpy},
	"tensor.WriteNpy":      {tensor.WriteNpy},
	"tensor.ReadNpz":       {tensor.ReadNpz},
	"tensor.WriteNpz":      {tensor.WriteNpz},

	"train.NewStep":      {train.NewStep},
	"train.NewOptimizer": {train.NewOptimizer},
	"train.Find":         {train.Find},
	"train.Fit":          {train.Fit},
	"train.Evaluate":     {train.Evaluate},
	"train.Predict":      {train.Predict},
	"train.PredictInto":  {train.PredictInto},
	"train.Batch":        {train.Batch},

	"graph.New":                 {graph.New},
	"graph.Gradients":           {graph.Gradients},
	"graph.Concat":              {graph.Concat},
	"graph.Pack":                {graph.Pack},
	"graph.Select":              {graph.Select},
	"graph.Ops":                 {graph.Ops},
	"graph.SoftmaxCrossentropy": {graph.SoftmaxCrossentropy},

	"dataset.New": {dataset.New},

	"viz.Save":  {viz.Save},
	"viz.Write": {viz.Write},
	"viz.Gray":  {viz.Gray},
}

// samples make good values of types: the usual argument, and the receivers whose methods are called.
var samples = []func() any{
	func() any { return rows(8, 3) },
	func() any { return &tensor.Tensor{} },
	func() any { t, _ := tensor.Zeros(tensor.Uint8, 2, 3); return t },
	func() any { t, _ := tensor.Zeros(tensor.Int64, 0, 3); return t },
	func() any { t, _ := tensor.Zeros(tensor.Bool); return t },
	func() any { t, _ := tensor.Of([]float64{math.NaN(), math.Inf(1), -1e300, 0}, 4); return t },
	func() any { a, _ := data.New(rows(8, 3), rows(8, 1)); return a },
	func() any { return &data.Arrays{} },
	func() any { c, _ := data.Floats(make([]float32, 24), 3); return &c },
	func() any { c, _ := data.Pixels(make([]uint8, 24), 3); return &c },
	func() any { c, _ := data.OneHot(make([]int, 8), 3); return &c },
	func() any { s := data.Prefetch(generator(8), 2); return &s },
	func() any { s, _ := data.ClassWeights(generator(8), map[int]float64{1: 2}); return &s },
	func() any { a, _ := data.New(rows(8, 3), nil); _, last, _ := a.Split(0.5); return last },
	func() any { s := generator(8); return &s },
	func() any {
		b, _ := data.Epoch(context.Background(), generator(8), data.EpochConfig{BatchSize: 4})
		return &b
	},
	func() any { return data.EpochConfig{BatchSize: 4} },
	func() any { return data.Spec{X: []tensor.Shape{{3}}, Y: []tensor.Shape{{1}}, Len: 8} },
	func() any {
		return &data.Batch{X: [][]float32{make([]float32, 12)}, Y: [][]float32{make([]float32, 4)}}
	},
	func() any { return data.Batch{X: [][]float32{make([]float32, 24)}, Y: [][]float32{make([]float32, 8)}} },
	func() any { return houses() },
	func() any { return &csv.Table{} },
	func() any { return csv.Row{} },
	func() any { return csv.Config{} },
	func() any { return schema() },
	func() any { p, _ := csv.Fit(houses(), schema()); return p },
	func() any { return &csv.Preparation{} },
	func() any { f, _ := imagefolder.Open(pictures(), imagefolder.Config{Height: 2, Width: 2}); return f },
	func() any { return &imagefolder.Folder{} },
	func() any { return imagefolder.Config{Height: 2, Width: 2} },
	func() any { var f fs.FS = pictures(); return &f },
	func() any { return tensor.Shape{3} },
	func() any { s, _ := newStep(true); return s },
	func() any { return &train.Step{} },
	func() any { _, b := newStep(true); return b },
	func() any { return train.NewOptimizer(optimizer.SGD{}) },
	func() any { return &train.Optimizer{} },
	func() any { return train.Config{Epochs: 2, BatchSize: 4} },
	func() any { return train.EvaluateConfig{BatchSize: 4} },
	func() any { return &train.History{} },
	func() any { return &train.State{} },
	func() any { return &train.Progress{} },
	func() any { return &layer.Network{} },
	func() any { return &layer.Variable{} },
	func() any { return graph.New() },
	func() any { return graph.New().Input("x", tensor.Shape{tensor.Batch, 3}) },
	func() any { return graph.New().Const([]float32{1, 2}, 2) },
	func() any { s, _ := dataset.New(make([]uint8, 24), make([]uint8, 4), 2, 3, 10); return s },
	func() any { return &dataset.Set{} },
	func() any { o := optimizer.Optimizer(optimizer.SGD{}); return &o },
	func() any { m := metric.Metric(metric.Accuracy{}); return &m },
	func() any { c := train.Callback(&callback.TerminateOnNaN{}); return &c },
	func() any { p := viz.Picture(&viz.Chart{Lines: []viz.Line{{Y: []float64{1, 2}}}}); return &p },
	func() any {
		return viz.Chart{
			Title: "t", Lines: []viz.Line{{Name: "a", X: []float64{1, 2}, Y: []float64{1, 3}}, {F: math.Sqrt, Dashed: true}},
			Marks: []viz.Mark{{X: 1, Y: 1, Text: "m"}},
		}
	},
	func() any { return viz.Line{X: []float64{1, 2}, Y: []float64{1, 3}} },
	func() any {
		return viz.Grid{Images: [][]uint8{make([]uint8, 6), make([]uint8, 6)}, Width: 3, Height: 2}
	},
	func() any {
		return viz.Curves{History: &train.History{Epoch: []int{0, 1}, Values: map[string][]float64{"loss": {2, 1}, "val_loss": {3, 2}}}}
	},
	func() any { return viz.Confusion{Counts: [][]float64{{1, 2}, {3, 4}}} },
	func() any { return viz.Diagram{Model: model{}} },
	func() any { var m viz.Model = model{}; return &m },
	func() any {
		return viz.Sketch{Width: 50, Height: 40, Shapes: []viz.Shape{viz.Box{X: 1, Y: 1, Width: 9, Height: 9, Text: "b"}}}
	},
	func() any { var s viz.Shape = viz.Text{X: 1, Y: 1, Text: "t"}; return &s },
	func() any { return viz.Box{X: 1, Y: 1, Width: 9, Height: 9, Text: "b"} },
	func() any { return viz.Circle{X: 9, Y: 9, Radius: 3, Text: "c"} },
	func() any { return viz.Link{X1: 1, Y1: 1, X2: 9, Y2: 9, Arrow: true} },
	func() any { return viz.SVG },
	func() any { var w io.Writer = io.Discard; return &w },
	func() any { var r io.Reader = strings.NewReader("x"); return &r },
	func() any { var r io.ReaderAt = strings.NewReader("x"); return &r },
}

// spared are calls that may do what they say they do.
var spared = map[string]string{
	"data.kernel.Run": "has no error to return: it panics rather than read what isn't there, and who reads a source catches that",
}

func rows(n, width int) *tensor.Tensor {
	t, err := tensor.Zeros(tensor.Float32, n, width)
	if err != nil {
		panic(err)
	}
	return t
}

func houses() *csv.Table {
	t, err := csv.New([]string{"area", "district", "sold", "price"},
		[]string{"100", "Mitte", "2020-01-02", "3"}, []string{"", "Pankow", "2020-05-06", "2"}, []string{"70", "Mitte", "2021-01-01", "1"})
	if err != nil {
		panic(err)
	}
	return t
}

func schema() csv.Schema {
	return csv.Schema{
		Inputs: []csv.Column{
			{Name: "area", Missing: csv.Mean, Scale: csv.Standard, Indicator: true},
			{Name: "district", Kind: csv.Category, Unknown: csv.OOV},
			{Name: "sold", Kind: csv.Date, Parts: []csv.Part{csv.Year, csv.Days}},
		},
		Targets: []csv.Column{{Name: "price"}},
	}
}

func pictures() fs.FS {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		panic(err)
	}
	return fstest.MapFS{"a/1.png": {Data: file.Bytes()}, "b/1.png": {Data: file.Bytes()}, "b/2.png": {Data: file.Bytes()}}
}

func generator(n int) data.Source {
	spec := data.Spec{X: []tensor.Shape{{3}}, Y: []tensor.Shape{{1}}, Len: n}
	return data.Func(spec, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for range n {
				if !yield(data.Sample{X: [][]float32{{1, 2, 3}}, Y: [][]float32{{1}}}, nil) {
					return
				}
			}
		}
	})
}

// newStep makes a step over samples of three inputs and a target, and returns its builder too.
func newStep(trains bool) (*train.Step, *train.StepBuilder) {
	var builder *train.StepBuilder
	v := &layer.Variable{Name: "v", Shape: tensor.Shape{3, 1}, Trainable: true, Drawn: true}
	s, err := train.NewStep(1, func(b *train.StepBuilder) {
		builder = b
		x, y := b.Input("x", tensor.Shape{tensor.Batch, 3}), b.Target("y", tensor.Shape{tensor.Batch, 1})
		out := x.MatMul(b.Variable(v))
		b.Output(out)
		loss := out.Sub(y).Square().Mean()
		b.Mean("loss", loss)
		if trains {
			b.Minimize(loss, train.NewOptimizer(optimizer.SGD{}), v)
		}
	})
	if err != nil {
		panic(err)
	}
	return s, builder
}

// A model is one to draw.
type model struct{}

func (model) Network() *layer.Network {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(&layer.Dense{Units: 2}, x)})
	if err != nil {
		panic(err)
	}
	return n
}

// A caller makes values and calls with them.
type caller struct {
	t       *testing.T
	random  *rand.Rand
	good    map[reflect.Type][]func() any
	types   []reflect.Type // of good, in order
	calls   int
	failed  map[string]bool
	current string
}

func newCaller(t *testing.T) *caller {
	c := &caller{t: t, random: rand.New(rand.NewPCG(1, 2)), good: map[reflect.Type][]func() any{}, failed: map[string]bool{}}
	for _, make := range samples {
		typ := reflect.TypeOf(make())
		if typ.Kind() == reflect.Pointer && typ.Elem().Kind() == reflect.Interface {
			typ = typ.Elem()
		}
		if c.good[typ] == nil {
			c.types = append(c.types, typ)
		}
		c.good[typ] = append(c.good[typ], make)
	}
	return c
}

var contextType = reflect.TypeFor[context.Context]()

// usual returns a good value of a type, if one is known, or else the zero value.
func (c *caller) usual(t reflect.Type) reflect.Value {
	if t == contextType {
		return c.context(100 * time.Millisecond)
	}
	if good := c.good[t]; len(good) > 0 {
		v := reflect.ValueOf(good[0]())
		if t.Kind() == reflect.Interface {
			v = v.Elem()
		}
		return v
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint64, reflect.Float64, reflect.Float32:
		return reflect.ValueOf(4).Convert(t)
	case reflect.Slice:
		s := reflect.MakeSlice(t, 1, 1)
		s.Index(0).Set(c.usual(t.Elem()))
		return s
	case reflect.Pointer:
		return reflect.New(t.Elem())
	case reflect.Func:
		return c.function(t)
	}
	return reflect.Zero(t)
}

func (c *caller) context(d time.Duration) reflect.Value {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	c.t.Cleanup(cancel)
	return reflect.ValueOf(&ctx).Elem()
}

// function returns one that returns zero values.
func (c *caller) function(t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
		var out []reflect.Value
		for i := range t.NumOut() {
			out = append(out, reflect.Zero(t.Out(i)))
		}
		return out
	})
}

// strange returns values of a type that a caller should not have given.
func (c *caller) strange(t reflect.Type, depth int) []reflect.Value {
	list := []reflect.Value{reflect.Zero(t)}
	add := func(values ...any) {
		for _, v := range values {
			list = append(list, reflect.ValueOf(v).Convert(t))
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		add(true)
	case reflect.Int, reflect.Int64:
		add(1, -1, 2, 3, -7, 1<<31, 1<<40, 1<<60, math.MaxInt, math.MinInt)
	case reflect.Int32:
		add(int32(1), int32(-1), int32(math.MaxInt32), int32(math.MinInt32))
	case reflect.Uint8:
		add(uint8(1), uint8(7), uint8(255))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		add(uint16(1), uint16(math.MaxUint16))
	case reflect.Float32, reflect.Float64:
		add(1.0, -1.0, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 5e-324, 1e16)
	case reflect.String:
		add("x", "\x00\xff\n\x1b[2J", strings.Repeat("long ", 2000))
	case reflect.Slice:
		list = append(list, reflect.MakeSlice(t, 0, 0))
		if depth > 0 {
			for _, e := range c.strange(t.Elem(), depth-1) {
				for _, n := range []int{1, 2} {
					s := reflect.MakeSlice(t, n, n)
					s.Index(0).Set(c.usual(t.Elem()))
					s.Index(n - 1).Set(e)
					list = append(list, s)
				}
			}
		}
	case reflect.Map:
		list = append(list, reflect.MakeMap(t))
		if depth > 0 {
			for _, k := range c.strange(t.Key(), 0) {
				m := reflect.MakeMap(t)
				m.SetMapIndex(k, c.usual(t.Elem()))
				list = append(list, m)
			}
			for _, e := range c.strange(t.Elem(), depth-1) {
				m := reflect.MakeMap(t)
				m.SetMapIndex(c.usual(t.Key()), e)
				list = append(list, m)
			}
		}
	case reflect.Pointer:
		list = append(list, reflect.New(t.Elem()))
		if depth > 0 && t.Elem().Kind() != reflect.Struct {
			for _, e := range c.strange(t.Elem(), depth-1) {
				p := reflect.New(t.Elem())
				p.Elem().Set(e)
				list = append(list, p)
			}
		}
	case reflect.Func:
		list = append(list, c.function(t))
	case reflect.Interface:
		if t == contextType {
			return append(list, c.context(0))
		}
		for _, typ := range c.types {
			switch {
			case !typ.Implements(t):
			case typ.Kind() == reflect.Pointer:
				list = append(list, reflect.Zero(typ), reflect.New(typ.Elem())) // a typed nil, a zero value
			case typ.Kind() == reflect.Struct:
				list = append(list, reflect.Zero(typ), reflect.Zero(reflect.PointerTo(typ)))
				if depth > 0 {
					list = append(list, c.strange(typ, depth+1)...)
				}
			}
		}
	}
	for _, good := range c.good[t] {
		v := reflect.ValueOf(good())
		if t.Kind() == reflect.Interface {
			v = v.Elem()
		}
		list = append(list, v)
	}
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	if base.Kind() == reflect.Struct && depth > 0 {
		for i := range base.NumField() {
			f := base.Field(i)
			if !f.IsExported() {
				continue
			}
			for _, e := range c.strange(f.Type, depth-1) {
				v := c.usual(t)
				into := v
				if t.Kind() == reflect.Pointer {
					into = v.Elem()
				} else {
					into = reflect.New(t).Elem()
					into.Set(v)
					v = into
				}
				into.Field(i).Set(e)
				list = append(list, v)
			}
		}
	}
	return list
}

// call calls a function and fails the test if it panics or hangs.
func (c *caller) call(name string, f reflect.Value, args []reflect.Value) (out []reflect.Value) {
	if c.failed[name] || spared[name] != "" {
		return nil
	}
	c.calls++
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		text := fmt.Sprintf("%T", safe(a))
		if k := a.Kind(); k != reflect.Func && k != reflect.Pointer && k != reflect.Interface {
			text = fmt.Sprintf("%.200s", fmt.Sprintf("%+v", safe(a)))
		} else if k != reflect.Func && a.IsNil() {
			text = "nil"
		}
		b.WriteString(text)
	}
	c.current = name + "(" + b.String() + ")"
	late := time.AfterFunc(20*time.Second, func() { panic(c.current + " hangs") })
	defer late.Stop()
	defer func() {
		if value := recover(); value != nil {
			c.failed[name] = true
			c.t.Errorf("%s panics: %v\n%s", c.current, value, place())
		}
	}()
	if f.Type().IsVariadic() {
		return f.CallSlice(args)
	}
	return f.Call(args)
}

func safe(v reflect.Value) any {
	if !v.IsValid() || !v.CanInterface() {
		return nil
	}
	return v.Interface()
}

// place says where a recovered panic was: the first lines of ours on the stack.
func place() string {
	var lines []string
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		if strings.Contains(line, ".go:") && !strings.Contains(line, "/src/") && !strings.Contains(line, "surface_test.go") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), 4)], "\n")
}

// try calls f, whose first arguments may be given, with each of the rest strange in turn, and then with several.
func (c *caller) try(name string, f reflect.Value, given func() []reflect.Value) (out []reflect.Value) {
	t := f.Type()
	first := len(given())
	usual := func() []reflect.Value {
		args := given()
		for i := first; i < t.NumIn(); i++ {
			args = append(args, c.usual(t.In(i)))
		}
		return args
	}
	out = c.call(name, f, usual())
	strange := make([][]reflect.Value, t.NumIn())
	for i := first; i < t.NumIn(); i++ {
		strange[i] = c.strange(t.In(i), 2)
		for k := range strange[i] {
			args := usual()
			args[i] = strange[i][k]
			c.call(name, f, args)
		}
	}
	if t.NumIn()-first > 1 {
		for range 60 {
			args := usual()
			for i := first; i < t.NumIn(); i++ {
				if t.In(i) != contextType && c.random.IntN(2) == 0 {
					args[i] = strange[i][c.random.IntN(len(strange[i]))]
				}
			}
			c.call(name, f, args)
		}
	}
	return out
}

// ours reports whether the methods of a type are part of what is tested.
func ours(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	dir, ok := strings.CutPrefix(t.PkgPath(), module+"/")
	return ok && (slices.Contains(surface, dir) || t == reflect.TypeFor[layer.Network]() || t == reflect.TypeFor[layer.Variable]())
}

// methods calls those of a value, and of the same value with something strange in each of its fields.
func (c *caller) methods(make func() reflect.Value) {
	t := make().Type()
	name := strings.TrimPrefix(t.String(), "*")
	for i := range t.NumMethod() {
		m := t.Method(i)
		c.try(name+"."+m.Name, m.Func, func() []reflect.Value { return []reflect.Value{make()} })
		if !ast.IsExported(name[strings.IndexByte(name, '.')+1:]) {
			continue // nobody can make one
		}
		for _, v := range c.strange(t, 2) {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				continue
			}
			args := []reflect.Value{v}
			for i := 1; i < m.Type.NumIn(); i++ {
				args = append(args, c.usual(m.Type.In(i)))
			}
			c.call(name+"."+m.Name, m.Func, args)
		}
	}
}

func TestNoArgumentMakesAnythingPanicOrHang(t *testing.T) {
	capped.Run(t, 4<<30, func() {
		t.Chdir(t.TempDir())
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		stdout := os.Stdout
		os.Stdout = null
		defer func() { os.Stdout = stdout }()
		mem.SetLimit(256 << 20)
		defer mem.SetLimit(0)
		c := newCaller(t)
		for _, name := range slices.Sorted(maps.Keys(functions)) {
			for _, f := range functions[name] {
				c.try(name, reflect.ValueOf(f), func() []reflect.Value { return nil })
			}
		}
		for _, make := range samples {
			receiver := func() reflect.Value {
				v := reflect.ValueOf(make())
				if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Interface {
					v = v.Elem().Elem()
				}
				return v
			}
			if v := receiver(); ours(v.Type()) {
				c.methods(receiver)
			}
		}
		t.Logf("%d calls", c.calls)
	})
}

func TestEveryFunctionOfTheSurfaceIsCalled(t *testing.T) {
	packages, _ := source(t, parser.SkipObjectResolution)
	for _, dir := range surface {
		for _, file := range packages[dir].files {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && functions[dir+"."+f.Name.Name] == nil {
					t.Errorf("%s.%s is missing in the table of this test", dir, f.Name.Name)
				}
			}
		}
	}
}
