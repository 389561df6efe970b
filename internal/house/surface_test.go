package house

// Everything that is exported is called with what nobody would give it: nil, nil in an interface, zero values, extreme
// numbers, in each argument and in each field of each argument. Nothing may panic, hang, or take much memory. That is
// tried in a process of its own, whose memory and time are limited.

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"image"
	"image/png"
	"io"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/data/csv"
	"github.com/cornu-ml/cornu/data/idx"
	"github.com/cornu-ml/cornu/data/imagefolder"
	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
	"github.com/cornu-ml/cornu/viz"
)

// surface has the functions that are called, of those with type parameters instances, and the members of the families.
// What types there are, their signatures say.
var surface = slices.Concat([]any{
	cornu.Load, cornu.LoadWith, cornu.LoadFS, cornu.LoadFSWith, cornu.LoadFrom, cornu.NewModel, cornu.NewSequential, cornu.Apply, cornu.ApplyAll, cornu.Infer, cornu.Input,
	cornu.SetThreads, cornu.Threads, cornu.SetMemoryLimit, cornu.MemoryLimit, cornu.Tier, cornu.ByOutput[float64],
	activation.ByName, activation.Names, activation.Register,
	initializer.ByName, initializer.Names, initializer.Register, initializer.Fans,
	regularizer.ByName, regularizer.Names, regularizer.Register,
	constraint.ByName, constraint.Names, constraint.Register,
	loss.ByName, loss.Names, loss.Register, loss.Check, loss.Of, loss.Masked, loss.Func,
	metric.ByName, metric.Names, metric.Register, metric.Rows, metric.DirectionOf, metric.Named, metric.Unnamed, metric.OfLoss,
	optimizer.ByName, optimizer.Names, optimizer.Register, optimizer.ScheduleByName, optimizer.ScheduleNames, optimizer.RegisterSchedule,
	optimizer.Check, optimizer.Step, optimizer.CommonOf, optimizer.Slots, optimizer.Scalars, optimizer.ByRows,
	layer.Class, layer.Classes, layer.Config, layer.Frozen, layer.Name, layer.Register, layer.Summary, layer.FromConfig, layer.New,
	layer.NewContext, layer.NewNetwork, layer.NewModel, layer.Apply, layer.ApplyAll, layer.Infer, layer.Broken, layer.Inner, layer.Own, layer.Freeze, layer.ResetStates, layer.Variables,
	data.New, data.FromRows[float32], data.FromRows[uint8], data.Floats, data.Bytes, data.Pixels, data.Scaled, data.FromTensor,
	data.OneHot[int], data.OneHot[uint8], data.OneHot[int64], data.Labels[int], data.Labels[uint8], data.Integers[int], data.Integers[int32], data.Epoch, data.SpecOf,
	data.Prefetch, data.Func, data.Map, data.Augment, data.ClassWeights, data.Texts, data.Preprocess, data.Ahead, data.Adapt,
	data.TimeseriesWindows, data.PadSequences[int32], data.PadSequences[string], data.Buckets[float32], data.Bucketed, data.BucketBySequenceLength[int32], data.BucketBySequenceLength[string], data.ShapesOf,
	layer.Transform, layer.ValuesOf,
	csv.New, csv.Read, csv.ReadFile, csv.Fit,
	idx.Read, imagefolder.Open, imagefolder.Decode, dataset.New,
	tensor.Of[float32], tensor.Of[bool], tensor.Zeros, tensor.Data[float32], tensor.DTypeOf[int32], tensor.Concat,
	tensor.ToCategorical[int], tensor.ToCategorical[uint8], tensor.FromRows[float32], tensor.ToLabels, tensor.ToRows[float32],
	tensor.Normalize, tensor.FromBytes, tensor.ToBytes, tensor.ReadNpy, tensor.WriteNpy, tensor.ReadNpz, tensor.WriteNpz,
	train.NewStep, train.NewOptimizer, train.Find, train.Fit, train.Evaluate, train.Predict, train.PredictInto, train.Batch,
	graph.New, graph.Gradients, graph.Concat, graph.Pack, graph.Select, graph.Ops, graph.SoftmaxCrossentropy,
	kerasfile.Groups, kerasfile.Order, kerasfile.Open, kerasfile.SlotShape, kerasfile.Write, kerasfile.WriteH5, kerasfile.WriteWeights, kerasfile.WriteWeightsH5,
	kerasfile.ReadConfig, kerasfile.OpenNetwork, kerasfile.OpenWeights, kerasfile.Weigh,
	safetensors.Open, safetensors.Read, safetensors.Write,
	viz.Save, viz.Write, viz.Gray,
},
	members(activation.Names(), activation.ByName), members(initializer.Names(), initializer.ByName),
	members(regularizer.Names(), regularizer.ByName), members(constraint.Names(), constraint.ByName),
	members(loss.Names(), loss.ByName), members(metric.Names(), metric.ByName),
	members(optimizer.Names(), optimizer.ByName), members(optimizer.ScheduleNames(), optimizer.ScheduleByName),
	members(layer.Classes(), layer.New))

// others has the types that no signature names.
var others func(
	cornu.ShapeError, cornu.BytesError, loss.Error, optimizer.Clip, optimizer.EMA, layer.Error, layer.Lambda, callback.CSVLogger, callback.EarlyStopping,
	callback.Func, callback.LearningRateScheduler, callback.ReduceLROnPlateau, callback.SwapEMAWeights,
	callback.TensorBoard, callback.TerminateOnNaN, callback.ModelCheckpoint, callback.BackupAndRestore, data.LabelError, data.IntegerError, data.LengthError, data.Sample, data.IntegerBatches, layer.RowError, csv.Error, train.Func,
	train.Progress, train.NonFiniteError, train.CheckpointError, kerasfile.CompileError, graph.Error, graph.Recurrence, graph.Scanned, viz.Chart, viz.Grid, viz.Curves, viz.Confusion, viz.Diagram,
	viz.Sketch, viz.Box, viz.Circle, viz.Link, viz.Text,
)

// members has those of a registry.
func members[T any](names []string, byName func(string) (T, error)) (all []any) {
	for _, name := range names {
		v, err := byName(name)
		if err != nil {
			panic(err)
		}
		all = append(all, v)
	}
	return all
}

// spared are packages, types and methods that aren't called, and why.
var spared = map[string]string{
	"bench":                    "a program",
	"examples/autoencoder":     "a program",
	"examples/cvae":            "a program",
	"examples/dcgan":           "a program",
	"examples/resnet":          "a program",
	"cmd/cornu":                "a program",
	"callback/remote":          "asks the network",
	"data/download":            "asks the network",
	"dataset/mnist":            "asks the network",
	"dataset/fashionmnist":     "asks the network",
	"data.kernel.Run":          "has no error to return: it panics rather than read what isn't there, and who reads a source catches that",
	"kerasfile.Write":          "gets a state that package cornu has made",
	"kerasfile.WriteWeights":   "gets a state that package cornu has made",
	"kerasfile.WriteH5":        "gets a state that package cornu has made",
	"kerasfile.WriteWeightsH5": "gets a state that package cornu has made",
	"kerasfile.Model":          "files give one, and there is no other way to get one",
	"kerasfile.Weights":        "files give one, and there is no other way to get one",
	"safetensors.File":         "files give one, and there is no other way to get one",
	"safetensors.Array":        "files give one, and there is no other way to get one",
	"kerasfile.Array":          "files give one, and there is no other way to get one",
	"data.Random":              "functions are given one, and there is no other way to get one",
	"layer.Builder":            "hooks are given one, and there is no other way to get one",
	"layer.Context":            "hooks are given one, and there is no other way to get one",
	"optimizer.Update":         "hooks are given one, and there is no other way to get one",
}

// hooks are methods that the library calls with what it has made, and that a user writes rather than calls: trainings
// call them here.
var hooks = []string{
	"Build", "Call", "CallAll", "Update", "Accumulate", "Result", "Results", "Mask",
	"TrainBegin", "TrainEnd", "TestBegin", "TestEnd", "EpochBegin", "EpochEnd", "BatchBegin", "BatchEnd",
	"SaveState", "LoadState",
}

func hook(t reflect.Type, name string) bool {
	return slices.Contains(hooks, name) && strings.Contains(" layer loss metric optimizer callback ", " "+path.Base(t.Elem().PkgPath())+" ")
}

// here is the graph of the present call.
var here = graph.New()

// samples make good values of types. The first of a type is the usual argument; each is a receiver too.
var samples = []func() any{
	func() any { return here },
	func() any { return here.Input("x", tensor.Shape{tensor.Batch, 3}) },
	func() any { return here.Const([]float32{1, 2}, 2) },
	func() any { return here.Scalar(math.NaN()) },
	func() any { return here.Input("empty", tensor.Shape{tensor.Batch, 0}) },
	func() any { return here.Input("fixed", tensor.Shape{3}) },
	func() any { return graph.New().Input("of another graph", tensor.Shape{tensor.Batch, 3}) },
	func() any { return layer.Apply(&layer.Input{Shape: tensor.Shape{3}}) },
	func() any { return model{}.Network().Inputs() },
	func() any { return model{}.Network() },
	func() any { return layer.NewContext(here, true) },
	func() any { return &trained().Model },
	func() any { return trained() },
	func() any { return new(layer.Layer(&layer.Dense{Units: 3})) },
	func() any {
		g := here.Input("g", tensor.Shape{9})
		return optimizer.Update{
			Param: here.Param("w", tensor.Shape{9}), Grad: g, Slots: []*graph.Node{g, g, g}, Shapes: []tensor.Shape{{3, 3}}, Offsets: []int{0},
			HostScalar: func(name string, f func(float64, uint64) float64) *graph.Node {
				f(0.5, 1)
				return here.Input(name, tensor.Shape{})
			},
		}
	},
	func() any { return new(loss.Loss(loss.MeanSquaredError{})) },
	func() any { return new(metric.Metric(metric.Accuracy{})) },
	func() any { return new(optimizer.Optimizer(optimizer.SGD{})) },
	func() any { return new(train.Callback(&callback.TerminateOnNaN{})) },
	func() any {
		return cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Metrics: []metric.Metric{metric.Accuracy{}}}
	},
	func() any { return cornu.FitConfig{BatchSize: 2, Quiet: true} },
	func() any { return rows(8, 3) },
	func() any { t, _ := tensor.Zeros(tensor.Uint8, 2, 3); return t },
	func() any { t, _ := tensor.Zeros(tensor.Int64, 0, 3); return t },
	func() any { t, _ := tensor.Zeros(tensor.Bool); return t },
	func() any { t, _ := tensor.Of([]string{"a b", "", "c"}); return t },
	func() any { t, _ := tensor.Of([]float64{math.NaN(), math.Inf(1), -1e300, 0}, 4); return t },
	func() any { return tensor.Shape{tensor.Batch, 3} },
	func() any { return tensor.Shape{3} },
	func() any { a, _ := data.New(rows(8, 3), rows(8, 1)); return a },
	func() any { a, _ := data.New(rows(8, 3), rows(8, 1)); return new(data.Source(a)) },
	func() any { c, _ := data.Floats(make([]float32, 24), 3); return &c },
	func() any { c, _ := data.Pixels(make([]uint8, 24), 3); return &c },
	func() any { c, _ := data.OneHot(make([]int, 8), 3); return &c },
	func() any { return new(data.Prefetch(generator(8), 2)) },
	func() any { s, _ := data.ClassWeights(generator(8), map[int]float64{1: 2}); return &s },
	func() any { c, _ := data.Texts([]string{"a b", "c"}); return &c },
	func() any { a, _ := data.New(rows(8, 3), nil); _, last, _ := a.Split(0.5); return last },
	func() any { return new(generator(8)) },
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
	func() any { return schema() },
	func() any { p, _ := csv.Fit(houses(), schema()); return p },
	func() any { f, _ := imagefolder.Open(pictures(), imagefolder.Config{Height: 2, Width: 2}); return f },
	func() any { return imagefolder.Config{Height: 2, Width: 2} },
	func() any { return new(pictures()) },
	func() any { s, _ := newStep(); return s },
	func() any { _, b := newStep(); return b },
	func() any { return train.NewOptimizer(optimizer.SGD{}) },
	func() any { return train.Config{Epochs: 2, BatchSize: 4, Quiet: true} },
	func() any { return train.EvaluateConfig{BatchSize: 4, Quiet: true} },
	func() any { s, _ := dataset.New(make([]uint8, 24), make([]uint8, 4), 2, 3, 10); return s },
	func() any {
		return viz.Chart{
			Title: "t", Lines: []viz.Line{{Name: "a", X: []float64{1, 2}, Y: []float64{1, 3}}, {F: math.Sqrt, Dashed: true}},
			Marks: []viz.Mark{{X: 1, Y: 1, Text: "m"}},
		}
	},
	func() any { return new(viz.Picture(&viz.Chart{Lines: []viz.Line{{Y: []float64{1, 2}}}})) },
	func() any { return viz.Line{X: []float64{1, 2}, Y: []float64{1, 3}} },
	func() any {
		return viz.Grid{Images: [][]uint8{make([]uint8, 6), make([]uint8, 6)}, Width: 3, Height: 2}
	},
	func() any {
		return viz.Curves{History: &train.History{Epoch: []int{0, 1}, Values: map[string][]float64{"loss": {2, 1}, "val_loss": {3, 2}}}}
	},
	func() any { return viz.Confusion{Counts: [][]float64{{1, 2}, {3, 4}}} },
	func() any { return viz.Diagram{Model: model{}} },
	func() any { return new(viz.Model(model{})) },
	func() any {
		return viz.Sketch{Width: 50, Height: 40, Shapes: []viz.Shape{viz.Box{X: 1, Y: 1, Width: 9, Height: 9, Text: "b"}}}
	},
	func() any { return new(viz.Shape(viz.Text{X: 1, Y: 1, Text: "t"})) },
	func() any { return viz.Box{X: 1, Y: 1, Width: 9, Height: 9, Text: "b"} },
	func() any { return viz.Circle{X: 9, Y: 9, Radius: 3, Text: "c"} },
	func() any { return viz.Link{X1: 1, Y1: 1, X2: 9, Y2: 9, Arrow: true} },
	func() any { return viz.SVG },
	func() any { return new(io.Writer(io.Discard)) },
	func() any { return new(io.Reader(strings.NewReader("x"))) },
	func() any { return new(io.ReaderAt(strings.NewReader("x"))) },
}

// extremes are numbers, texts and what an interface{} may hold.
var (
	extremeInts   = []int64{0, 1, -1, 2, 3, 255, 1000, 1 << 31, 1 << 60}
	extremeFloats = []float64{0, 1, -1, 0.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 1e-300, 5e-324, 1e16}
	extremeTexts  = []string{"", "x", "\x00\xff\n\x1b[2J", "ä%s%d/../", strings.Repeat("long ", 2000)}
	extremes      = []any{0, 1.5, "x", []any{nil}, map[string]any{"": nil}, math.NaN()}
)

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
func newStep() (*train.Step, *train.StepBuilder) {
	var builder *train.StepBuilder
	v := &layer.Variable{Name: "v", Shape: tensor.Shape{3, 1}, Trainable: true, Initializer: initializer.Zeros{}}
	s, err := train.NewStep(1, func(b *train.StepBuilder) {
		builder = b
		x, y := b.Input("x", tensor.Shape{tensor.Batch, 3}), b.Target("y", tensor.Shape{tensor.Batch, 1})
		out := x.MatMul(b.Variable(v))
		b.Output(out)
		loss := out.Sub(y).Square().Mean()
		b.Mean("loss", loss)
		b.Minimize(loss, train.NewOptimizer(optimizer.SGD{}), v)
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

// trained makes a model that is compiled.
func trained() *cornu.Sequential {
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 1})
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
		panic(err)
	}
	return m
}

// A maker makes a value, a new one each time.
type maker = func() reflect.Value

// A caller makes values and calls with them.
type caller struct {
	t         *testing.T
	random    *rand.Rand
	functions []reflect.Value
	types     []reflect.Type // of ours, but for interfaces
	reached   map[reflect.Type]bool
	good      map[reflect.Type][]maker
	made      map[madeKey][]maker
	after     []func()       // to be called after the present call
	failed    map[string]int // by place
	log       *os.File       // has the name of the present call
	out       io.Writer      // of what fails
	watchdog  *time.Timer
	mixes     int // calls with several strange arguments at once, of each function
	every     int // one in so many values is trained with
	sample    int // one in so many strange arguments is tried
	tried     int
}

type madeKey struct {
	t     reflect.Type
	depth int
}

func newCaller(t *testing.T) *caller {
	c := &caller{
		t: t, random: rand.New(rand.NewPCG(1, 2)), reached: map[reflect.Type]bool{}, good: map[reflect.Type][]maker{},
		made: map[madeKey][]maker{}, failed: map[string]int{},
	}
	for _, v := range surface {
		if r := reflect.ValueOf(v); r.Kind() == reflect.Func && r.Type().Name() == "" {
			c.functions = append(c.functions, r)
		}
		c.reach(reflect.TypeOf(v))
	}
	c.reach(reflect.TypeOf(others))
	for _, sample := range samples {
		t := reflect.TypeOf(sample())
		make := func() reflect.Value { return reflect.ValueOf(sample()) }
		if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Interface {
			t, make = t.Elem(), func() reflect.Value { return reflect.ValueOf(sample()).Elem() }
		}
		c.good[t] = append(c.good[t], make)
		switch other := reflect.PointerTo(t); {
		case t.Kind() == reflect.Pointer:
			c.good[t.Elem()] = append(c.good[t.Elem()], func() reflect.Value { return make().Elem() })
		case t.Kind() != reflect.Interface:
			c.good[other] = append(c.good[other], func() reflect.Value { return pointer(make()) })
		}
	}
	c.good[contextType] = []maker{c.context(30 * time.Millisecond), c.context(0)}
	return c
}

var contextType = reflect.TypeFor[context.Context]()

func (c *caller) context(d time.Duration) maker {
	return func() reflect.Value {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		c.after = append(c.after, cancel)
		return reflect.ValueOf(&ctx).Elem()
	}
}

func pointer(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}

// reach finds the types of ours that a type names.
func (c *caller) reach(t reflect.Type) {
	if c.reached[t] {
		return
	}
	c.reached[t] = true
	dir, ours := strings.CutPrefix(t.PkgPath()+"/", module+"/")
	if ours = ours && ast.IsExported(t.Name()) && !internal(dir); ours && t.Kind() != reflect.Interface {
		c.types = append(c.types, t)
	}
	if !ours && t.Name() != "" {
		return
	}
	switch t.Kind() {
	case reflect.Map:
		c.reach(t.Key())
		c.reach(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		c.reach(t.Elem())
	case reflect.Func:
		for in := range t.Ins() {
			c.reach(in)
		}
		for out := range t.Outs() {
			c.reach(out)
		}
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() {
				c.reach(f.Type)
			}
		}
	}
	if t.Name() != "" && t.Kind() != reflect.Interface {
		t = reflect.PointerTo(t)
	}
	for m := range t.Methods() {
		c.reach(m.Type)
	}
}

// values makes values of a type: first the usual one, which is sensible where that is known, then the others.
func (c *caller) values(t reflect.Type, depth int) []maker {
	key := madeKey{t, depth}
	if c.made[key] == nil {
		c.made[key] = c.list(t, depth)
	}
	return c.made[key]
}

func (c *caller) list(t reflect.Type, depth int) []maker {
	list := slices.Clone(c.good[t])
	add := func(make maker) { list = append(list, make) }
	constant := func(v any) { add(func() reflect.Value { return reflect.ValueOf(v).Convert(t) }) }
	zero := func() reflect.Value { return reflect.Zero(t) }
	below := func(t reflect.Type) []maker { return c.values(t, max(depth-1, 0)) }
	switch t.Kind() {
	case reflect.Bool:
		constant(false)
		constant(true)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		constant(4)
		for _, n := range append(extremeInts, math.MaxInt64, math.MinInt64) {
			constant(n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		constant(4)
		for _, n := range extremeInts {
			constant(n)
		}
	case reflect.Float64, reflect.Float32:
		constant(4)
		for _, f := range extremeFloats {
			constant(f)
		}
	case reflect.String:
		for _, s := range extremeTexts {
			constant(s)
		}
	case reflect.Slice:
		if depth == 0 {
			add(func() reflect.Value { return reflect.MakeSlice(t, 3, 3) })
		} else {
			elements := below(t.Elem())
			for _, e := range elements {
				add(func() reflect.Value { return reflect.Append(zero(), e()) })
				add(func() reflect.Value { return reflect.Append(zero(), elements[0](), e()) })
			}
		}
		add(zero)
		add(func() reflect.Value { return reflect.MakeSlice(t, 0, 0) })
	case reflect.Array:
		add(zero)
		for _, e := range below(t.Elem()) {
			add(func() reflect.Value {
				v := reflect.New(t).Elem()
				for i := range v.Len() {
					v.Index(i).Set(e())
				}
				return v
			})
		}
	case reflect.Map:
		add(zero)
		with := func(k, e maker) {
			add(func() reflect.Value {
				m := reflect.MakeMap(t)
				m.SetMapIndex(k(), e())
				return m
			})
		}
		keys, elements := c.values(t.Key(), 0), below(t.Elem())
		for _, k := range keys {
			with(k, elements[0])
		}
		for _, e := range elements {
			with(keys[0], e)
		}
	case reflect.Func:
		add(func() reflect.Value {
			return reflect.MakeFunc(t, func([]reflect.Value) (zeros []reflect.Value) {
				for out := range t.Outs() {
					zeros = append(zeros, reflect.Zero(out))
				}
				return zeros
			})
		})
		add(zero)
	case reflect.Pointer:
		add(func() reflect.Value { return reflect.New(t.Elem()) })
		add(zero)
		if depth > 0 && t.Elem().Kind() != reflect.Struct {
			for _, e := range below(t.Elem()) {
				add(func() reflect.Value { return pointer(e()) })
			}
		}
	case reflect.Struct:
		add(zero)
	case reflect.Interface:
		add(zero)
		for _, of := range c.types {
			if of.Implements(t) {
				add(func() reflect.Value { return reflect.Zero(of) })
			}
			if p := reflect.PointerTo(of); p.Implements(t) {
				add(func() reflect.Value { return reflect.Zero(p) }) // a typed nil
				add(func() reflect.Value { return reflect.New(of) })
			}
		}
		if t.NumMethod() == 0 {
			for _, v := range extremes {
				add(func() reflect.Value { return reflect.ValueOf(&v).Elem() })
			}
		}
	}
	base, usual := t, list[0]
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	if base.Kind() == reflect.Struct && depth > 0 {
		for f := range base.Fields() {
			if !f.IsExported() {
				continue
			}
			for _, e := range below(f.Type) {
				add(func() reflect.Value {
					v := usual()
					if t.Kind() == reflect.Struct {
						v = pointer(v)
					}
					v.Elem().FieldByIndex(f.Index).Set(e())
					if t.Kind() == reflect.Struct {
						v = v.Elem()
					}
					return v
				})
			}
		}
	}
	return list
}

// call calls a function, and fails the test if that panics, hangs, or takes much memory.
func (c *caller) call(name string, f func(args []reflect.Value), makers []maker) {
	c.log.WriteAt(fmt.Appendf(nil, "%-200.200s", name), 0)
	c.watchdog.Reset(30 * time.Second)
	cornu.SetMemoryLimit(256 << 20)
	cornu.SetThreads(2)
	here = graph.New()
	args := make([]reflect.Value, len(makers))
	defer func() {
		if value := recover(); value != nil {
			at := place(debug.Stack())
			if c.failed[at]++; c.failed[at] == 1 {
				given := ""
				for _, a := range args {
					given += fmt.Sprintf("%+v", a) + ", "
				}
				c.t.Fail()
				fmt.Fprintf(c.out, "%s panics: %v\n\tgiven %.300s\n%s", name, value, given, at)
			}
		}
		for _, f := range c.after {
			f()
		}
		c.after = nil
	}()
	for i, make := range makers {
		args[i] = make()
	}
	f(args)
}

// place says where in the library a stack is.
func place(stack []byte) string {
	var lines []string
	for line := range strings.Lines(string(stack)) {
		if strings.Contains(line, ".go:") && !strings.Contains(line, "/src/") && !strings.Contains(line, "surface_test.go") && !strings.Contains(line, "/capped/") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), 5)], "")
}

// try calls f with the first values of each parameter, with each of the others in turn, and with others for several at
// once. Those of the first parameters may be given: of a method, the receivers.
func (c *caller) try(name string, f reflect.Value, values [][]maker) {
	if spared[name] != "" {
		return
	}
	t, given := f.Type(), len(values)
	do := func(args []reflect.Value) {
		if t.IsVariadic() {
			f.CallSlice(args)
		} else {
			f.Call(args)
		}
	}
	for i := given; i < t.NumIn(); i++ {
		values = append(values, c.values(t.In(i), 2))
	}
	usual := make([]maker, len(values))
	for i, list := range values {
		usual[i] = list[0]
	}
	c.call(name, do, usual)
	for i, list := range values {
		for k, value := range list[1:] {
			if c.tried++; c.tried%c.sample != 0 {
				continue
			}
			args := slices.Clone(usual)
			args[i] = value
			c.call(fmt.Sprintf("%s, argument %d, value %d", name, i, k+1), do, args)
		}
	}
	for n := 0; n < c.mixes && len(values)-given > 1; n++ {
		args := slices.Clone(usual)
		for i, list := range values {
			if i >= given && t.In(i) != contextType && c.random.IntN(2) == 0 {
				args[i] = list[c.random.IntN(len(list))]
			}
		}
		c.call(name+", several arguments", do, args)
	}
}

// methods calls those of a type.
func (c *caller) methods(t reflect.Type, receivers []maker) {
	name := strings.TrimPrefix(t.String(), "*")
	for m := range t.Methods() {
		if spared[name] == "" && !hook(t, m.Name) {
			c.try(name+"."+m.Name, m.Func, [][]maker{receivers})
		}
	}
}

// all makes all calls.
func (c *caller) all() {
	for _, f := range c.functions {
		c.try(strings.TrimPrefix(runtime.FuncForPC(f.Pointer()).Name(), module+"/"), f, nil)
	}
	for _, t := range c.types {
		p := reflect.PointerTo(t)
		values := slices.DeleteFunc(slices.Clone(c.values(p, 2)), func(make maker) bool { return make().IsNil() })
		c.methods(p, values)
		every := c.every
		if strings.HasSuffix(t.PkgPath(), "/viz") {
			every = 1 // a drawing is cheap
		}
		for k := 0; k < len(values); k += every {
			c.call(fmt.Sprintf("use of %v, value %d", t, k), func(args []reflect.Value) { use(args[0]) }, values[k:k+1])
		}
	}
	for t, list := range c.good { // whose types have no name that is exported
		for _, make := range list {
			if v := make(); t.Kind() == reflect.Interface && !c.reached[v.Elem().Type()] && strings.HasPrefix(t.PkgPath(), module) {
				c.methods(v.Elem().Type(), []maker{func() reflect.Value { return make().Elem() }})
			}
		}
	}
}

// use does with a value what it is for: trains a model with it, or draws it.
func use(p reflect.Value) {
	cfg := cornu.CompileConfig{Loss: loss.MeanSquaredError{}}
	fit := cornu.FitConfig{BatchSize: 2, Epochs: 2, ValidationSplit: 0.5, Quiet: true}
	dense := layer.Dense{Units: 3}
	var between layer.Layer
	switch v := p.Elem().Interface().(type) {
	case activation.Activation:
		dense.Activation = v
	case initializer.Initializer:
		dense.KernelInitializer = v
	case regularizer.Regularizer:
		dense.KernelRegularizer, dense.ActivityRegularizer = v, v
	case constraint.Constraint:
		dense.KernelConstraint = v
	case loss.Loss:
		cfg.Loss = v
	case metric.Metric:
		cfg.Metrics = []metric.Metric{v}
	case optimizer.Optimizer:
		cfg.Optimizer = v
	case optimizer.Schedule:
		cfg.Optimizer = optimizer.SGD{Schedule: v}
	default:
		switch v := p.Interface().(type) {
		case layer.Layer:
			between = v
		case train.Callback:
			fit.Callbacks = []train.Callback{v}
		case viz.Picture:
			viz.Write(io.Discard, viz.SVG, v)
			return
		case viz.Shape:
			viz.Write(io.Discard, viz.SVG, viz.Sketch{Width: 50, Height: 40, Shapes: []viz.Shape{v}})
			return
		default:
			return
		}
	}
	in := cornu.Input(3)
	x := cornu.Apply(&dense, in)
	if between != nil {
		one := cornu.Apply(between, x)
		if one.Err() != nil { // or of two
			y := cornu.Apply(&dense, in)
			one = cornu.Apply(between, y, y)
		}
		x = cornu.Apply(&layer.Dense{Units: 3}, one)
	}
	m := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{x})
	if m.Compile(cfg) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	samples, err := data.FromRows([][]float32{{0, 1, 2}, {1, 0, 0}, {0, 1, 0}, {3, 2, 1}}, [][]float32{{0, 1, 2}, {1, 0, 0}, {0, 1, 0}, {3, 2, 1}})
	if err != nil {
		panic(err)
	}
	if _, err := m.Fit(ctx, samples, fit); err != nil {
		return
	}
	m.Evaluate(ctx, samples, cornu.EvaluateConfig{Quiet: true})
	m.Predict(ctx, rows(2, 3))
	m.Summary(io.Discard)
}

func TestNothingThatIsExportedPanicsOrHangsOrTakesMuchMemory(t *testing.T) {
	const variable = "CORNU_SURFACE" // the file with the name of the present call
	name := os.Getenv(variable)
	if name == "" {
		name = filepath.Join(t.TempDir(), "call")
		t.Setenv(variable, name)
	}
	capped.Run(t, 2<<30, func() {
		debug.SetGCPercent(800) // there is little that lives
		debug.SetMemoryLimit(512 << 20)
		c := newCaller(t)
		c.mixes, c.every, c.sample = 1, 64, 16
		if choice.Thorough() {
			c.mixes, c.every, c.sample = 60, 1, 1
		}
		var err error
		if c.log, err = os.Create(name); err != nil {
			t.Fatal(err)
		}
		defer c.log.Close()
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(t.TempDir())
		stdout, stderr := os.Stdout, os.Stderr
		os.Stdout, os.Stderr, c.out = null, null, stderr
		defer func() { os.Stdout, os.Stderr = stdout, stderr }()
		end := func(why string) {
			stack := make([]byte, 1<<16)
			fmt.Fprintf(stderr, "%s\n%s", why, place(stack[:runtime.Stack(stack, true)]))
			os.Exit(3)
		}
		c.watchdog = time.AfterFunc(30*time.Second, func() { end("it hangs") })
		defer c.watchdog.Stop()
		go func() {
			for range time.Tick(50 * time.Millisecond) {
				var m runtime.MemStats
				if runtime.ReadMemStats(&m); m.HeapInuse+m.StackInuse > 1<<30 {
					end(fmt.Sprintf("it takes %d MB", (m.HeapInuse+m.StackInuse)>>20))
				}
			}
		}()
		c.all()
	})
	if call, err := os.ReadFile(name); t.Failed() && err == nil {
		t.Logf("the last call was of %s", bytes.TrimSpace(call))
	}
}

// The tables of this file are complete.
func TestTheSurfaceIsWhole(t *testing.T) {
	c, known := newCaller(t), map[string]bool{}
	for _, f := range c.functions {
		name := runtime.FuncForPC(f.Pointer()).Name()
		known[strings.TrimSuffix(name, "[...]")] = true
	}
	for _, t := range c.types {
		known[t.PkgPath()+"."+t.Name()] = true
	}
	packages := source(t)
	for dir, p := range packages {
		if internal(dir) || spared[dir] != "" {
			continue
		}
		check := func(id *ast.Ident) {
			if full := strings.TrimSuffix(module+"/"+dir, "/") + "." + id.Name; id.IsExported() && !known[full] {
				t.Errorf("%s is not called by TestNothingThatIsExportedPanicsOrHangsOrTakesMuchMemory", full)
			}
		}
		for _, file := range p.files {
			for _, d := range file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil {
						check(d.Name)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						s, ok := s.(*ast.TypeSpec)
						if !ok || s.Assign.IsValid() {
							continue
						}
						if _, ok := s.Type.(*ast.InterfaceType); !ok {
							check(s.Name)
						}
					}
				}
			}
		}
	}
}
