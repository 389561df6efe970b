package cornu_test

// This file calls everything that the library exports with what nobody would
// give it: nil, nil in an interface, zero values, extreme numbers. Nothing may
// panic, hang, or take much memory. That is tried in a process of its own, whose
// memory and time are limited.

import (
	"bufio"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// surface has the functions that each package exports, and a value of each type;
// those of the families come from their registries.
var surface = map[string][]any{
	".": {
		cornu.Load, cornu.LoadWith, cornu.LoadFS, cornu.LoadFrom,
		cornu.LoadConfig{},
		cornu.NewModel, cornu.NewSequential, cornu.Apply, cornu.Input, cornu.SetThreads, cornu.Threads, cornu.SetMemoryLimit, cornu.MemoryLimit, cornu.Tier, cornu.ByOutput[float64],
		cornu.CompileConfig{},
		cornu.OutputConfig{},
		cornu.EvaluateConfig{},
		cornu.FitConfig{},
		cornu.PredictConfig{},
		cornu.Model{},
		cornu.Sequential{},
		cornu.Result{},
		cornu.ShapeError{},
	},
	"activation":  {activation.ByName, activation.Names, activation.Register},
	"initializer": {initializer.ByName, initializer.Names, initializer.Register, initializer.Fans},
	"regularizer": {regularizer.ByName, regularizer.Names, regularizer.Register},
	"constraint":  {constraint.ByName, constraint.Names, constraint.Register},
	"loss": {
		loss.ByName, loss.Names, loss.Register, loss.Check, loss.Of, loss.Func, loss.Error{}, loss.Reduction(""),
	},
	"metric": {
		metric.ByName, metric.Names, metric.Register, metric.Rows, metric.DirectionOf, metric.Named, metric.Unnamed, metric.OfLoss, metric.Direction(0),
	},
	"optimizer": {
		optimizer.ByName, optimizer.Names, optimizer.Register, optimizer.ScheduleByName, optimizer.ScheduleNames, optimizer.RegisterSchedule,
		optimizer.Check, optimizer.Step, optimizer.CommonOf, optimizer.Slots, optimizer.Scalars,
		optimizer.Clip{},
		optimizer.Common{},
		optimizer.EMA{},
		optimizer.Slot{},
		optimizer.Update{},
	},
	"layer": {
		layer.Class, layer.Classes, layer.Config, layer.Frozen, layer.Name, layer.Register, layer.Summary, layer.FromConfig, layer.New,
		layer.NewContext, layer.NewNetwork, layer.Apply, layer.Variables, layer.Store,
		layer.Builder{},
		layer.Context{},
		layer.Error{},
		layer.LayerSpec{},
		layer.Network{},
		layer.Node{},
		layer.NodeSpec{},
		layer.Spec{},
		layer.SummaryConfig{},
		layer.SummaryStyle(0),
		layer.Variable{},
		layer.VariableConfig{},
		layer.VariableUpdate{},
	},
	"data/csv": {
		csv.New, csv.Read, csv.ReadFile, csv.Fit,
		csv.Column{},
		csv.Config{},
		csv.Error{},
		csv.Fitted{},
		csv.Kind(""), csv.Missing(""), csv.Part(""),
		csv.Preparation{},
		csv.Row{},
		csv.Scale(""),
		csv.Schema{},
		csv.Table{},
		csv.Unknown(""),
	},
	"data/idx":         {idx.Read},
	"data/imagefolder": {imagefolder.Open, imagefolder.Decode, imagefolder.Color(""), imagefolder.Config{}, imagefolder.Folder{}},
	"callback": {
		callback.CSVLogger{},
		callback.EarlyStopping{},
		callback.Func{},
		callback.LearningRateScheduler{},
		callback.ReduceLROnPlateau{},
		callback.SwapEMAWeights{},
		callback.TensorBoard{},
		callback.TerminateOnNaN{},
		callback.Mode(""),
	},
}

// families are the packages whose types are those in a registry.
var families = map[string]func(t *testing.T) []any{
	"activation":  func(t *testing.T) []any { return members(t, activation.Names(), activation.ByName) },
	"initializer": func(t *testing.T) []any { return members(t, initializer.Names(), initializer.ByName) },
	"regularizer": func(t *testing.T) []any { return members(t, regularizer.Names(), regularizer.ByName) },
	"constraint":  func(t *testing.T) []any { return members(t, constraint.Names(), constraint.ByName) },
	"loss":        func(t *testing.T) []any { return members(t, loss.Names(), loss.ByName) },
	"metric":      func(t *testing.T) []any { return members(t, metric.Names(), metric.ByName) },
	"optimizer": func(t *testing.T) []any {
		return append(members(t, optimizer.Names(), optimizer.ByName), members(t, optimizer.ScheduleNames(), optimizer.ScheduleByName)...)
	},
	"layer": func(t *testing.T) []any {
		all := members(t, layer.Classes(), layer.New)
		for i, l := range all {
			all[i] = reflect.ValueOf(l).Elem().Interface()
		}
		return all
	},
}

// beside are types of other packages that arguments may have.
var beside = []any{data.Arrays{}, dataset.Set{}, imagefolder.Folder{}, tensor.Tensor{}, train.Func(nil), train.History{}, train.Progress{}}

// hooks are methods that the library calls with what it has made, and that a user
// writes rather than calls: trainings call them here.
var hooks = []string{
	"Build", "Call", "Update", "Accumulate", "Result", "Results", "Mask",
	"TrainBegin", "TrainEnd", "TestBegin", "TestEnd", "EpochBegin", "EpochEnd", "BatchBegin", "BatchEnd",
}

// handles are what hooks are given. There is no other way to get one.
var handles = []reflect.Type{
	reflect.TypeFor[layer.Builder](), reflect.TypeFor[layer.Context](), reflect.TypeFor[optimizer.Update](),
	reflect.TypeFor[train.State](), reflect.TypeFor[train.StepBuilder](),
}

// Packages below layer, and train, have a test of this kind in internal/house.

// A tester makes calls, one after the other. The calls of two testers made alike
// are the same.
type tester struct {
	functions []reflect.Value
	types     []reflect.Type
	known     []reflect.Type // that an interface may hold
	graph     *graph.Graph   // of the nodes of the present call
	after     []func()       // to be called after it
	call      func(name string, f func())
}

func newTester(t *testing.T) *tester {
	x := &tester{}
	for _, dir := range slices.Sorted(func(yield func(string) bool) {
		for dir := range surface {
			if !yield(dir) {
				return
			}
		}
	}) {
		all := slices.Clone(surface[dir])
		if family := families[dir]; family != nil {
			all = append(all, family(t)...)
		}
		for _, v := range all {
			if r := reflect.ValueOf(v); r.Kind() == reflect.Func && r.Type().Name() == "" {
				x.functions = append(x.functions, r)
			} else {
				x.types = append(x.types, r.Type())
			}
		}
	}
	x.known = slices.Clone(x.types)
	for _, v := range beside {
		x.known = append(x.known, reflect.TypeOf(v))
	}
	return x
}

// numbers are extreme.
var (
	extremeFloats = []float64{0, 1, -1, 1e-300, math.MaxFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}
	extremeInts   = []int64{0, 1, -1, 2, 1000, 1 << 40, math.MaxInt64, math.MinInt64}
	extremeTexts  = []string{"", "x", "\x00\x1b[2J\n", "ä%s%d/../", strings.Repeat("long", 1000)}
)

// good returns a sensible value of a type, an invalid one if there is none but
// the zero value.
func (x *tester) good(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[context.Context]():
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		x.after = append(x.after, cancel)
		return ctx
	case reflect.TypeFor[*graph.Graph]():
		return x.graph
	case reflect.TypeFor[*graph.Node]():
		return x.graph.Input("x", tensor.Shape{tensor.Batch, 3})
	case reflect.TypeFor[*layer.Node]():
		return layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	case reflect.TypeFor[[]*layer.Node]():
		return []*layer.Node{network().Inputs()[0]}
	case reflect.TypeFor[*layer.Network](), reflect.TypeFor[layer.Network]():
		return network()
	case reflect.TypeFor[*layer.Context](), reflect.TypeFor[layer.Context]():
		return layer.NewContext(x.graph, true)
	case reflect.TypeFor[*cornu.Model](), reflect.TypeFor[cornu.Model]():
		return &sampleModel().Model
	case reflect.TypeFor[*cornu.Sequential](), reflect.TypeFor[cornu.Sequential]():
		return sampleModel()
	case reflect.TypeFor[data.Source]():
		return sampleData()
	case reflect.TypeFor[*train.Step](), reflect.TypeFor[train.Step]():
		s, err := train.NewStep(1, func(s *train.StepBuilder) { s.Output(s.Input("x", tensor.Shape{tensor.Batch, 3}).Relu()) })
		if err != nil {
			panic(err)
		}
		return s
	case reflect.TypeFor[*train.Optimizer](), reflect.TypeFor[train.Optimizer]():
		return train.NewOptimizer(optimizer.Adam{})
	case reflect.TypeFor[*csv.Table](), reflect.TypeFor[csv.Table]():
		t, err := csv.New([]string{"x", "y"}, []string{"1", "a"}, []string{"2", "b"}, []string{"", "a"})
		if err != nil {
			panic(err)
		}
		return t
	case reflect.TypeFor[csv.Schema]():
		return csv.Schema{Inputs: []csv.Column{{Name: "x", Missing: csv.Mean}}, Targets: []csv.Column{{Name: "y", Kind: csv.Category}}}
	case reflect.TypeFor[io.Writer]():
		return io.Discard
	case reflect.TypeFor[fs.FS]():
		return fstest.MapFS{}
	case reflect.TypeFor[tensor.Shape]():
		return tensor.Shape{tensor.Batch, 3}
	case reflect.TypeFor[*tensor.Tensor](), reflect.TypeFor[tensor.Tensor]():
		v, err := tensor.Of(make([]float32, 6), 2, 3)
		if err != nil {
			panic(err)
		}
		return v
	case reflect.TypeFor[layer.Layer]():
		return &layer.Dense{Units: 3}
	case reflect.TypeFor[loss.Loss]():
		return loss.MeanSquaredError{}
	case reflect.TypeFor[metric.Metric]():
		return metric.Accuracy{}
	case reflect.TypeFor[optimizer.Optimizer]():
		return optimizer.SGD{}
	case reflect.TypeFor[cornu.CompileConfig]():
		return cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Metrics: []metric.Metric{metric.Accuracy{}}}
	case reflect.TypeFor[cornu.FitConfig]():
		return cornu.FitConfig{Quiet: true, BatchSize: 2}
	case reflect.TypeFor[train.Config]():
		return train.Config{Epochs: 1, BatchSize: 2}
	case reflect.TypeFor[optimizer.Update](), reflect.TypeFor[*optimizer.Update]():
		u := &optimizer.Update{
			Param: x.graph.Param("w", tensor.Shape{9}), Grad: x.graph.Input("g", tensor.Shape{9}), Shapes: []tensor.Shape{{3, 3}}, Offsets: []int{0},
			HostScalar: func(name string, f func(float64, uint64) float64) *graph.Node {
				f(0.5, 1)
				return x.graph.Input(name, tensor.Shape{})
			},
		}
		for range 3 {
			u.Slots = append(u.Slots, x.graph.Input("slot", tensor.Shape{9}))
		}
		return u
	}
	return nil
}

// values returns values of a type: first a sensible one, then the others.
func (x *tester) values(t reflect.Type, depth int) []reflect.Value {
	var out []reflect.Value
	add := func(v any) { out = append(out, reflect.ValueOf(v).Convert(t)) }
	if v := x.good(t); v != nil {
		r := reflect.ValueOf(v)
		if r.Kind() == reflect.Pointer && t.Kind() == reflect.Struct {
			r = r.Elem()
		}
		out = append(out, r)
	} else if t.Kind() != reflect.Pointer {
		out = append(out, reflect.Zero(t))
	}
	switch t.Kind() {
	case reflect.Bool:
		add(true)
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		for _, n := range extremeInts {
			add(n)
		}
	case reflect.Float64, reflect.Float32:
		for _, f := range extremeFloats {
			add(f)
		}
	case reflect.String:
		for _, s := range extremeTexts {
			add(s)
		}
	case reflect.Slice:
		out = append(out, reflect.Zero(t), reflect.MakeSlice(t, 0, 0), reflect.MakeSlice(t, 3, 3))
		if depth > 0 {
			for _, v := range x.values(t.Elem(), depth-1) {
				out = append(out, reflect.Append(reflect.Zero(t), v))
			}
		}
	case reflect.Map:
		m := reflect.MakeMap(t)
		m.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
		out = append(out, reflect.Zero(t), m)
	case reflect.Func:
		out = append(out, reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value {
			var zeros []reflect.Value
			for i := range t.NumOut() {
				zeros = append(zeros, reflect.Zero(t.Out(i)))
			}
			return zeros
		}))
		slices.Reverse(out)
	case reflect.Pointer:
		if len(out) == 0 {
			out = append(out, reflect.New(t.Elem()))
		}
		out = append(out, reflect.Zero(t), reflect.New(t.Elem()))
		if depth > 0 && t.Elem().Kind() != reflect.Struct {
			for _, v := range x.values(t.Elem(), 0) {
				p := reflect.New(t.Elem())
				p.Elem().Set(v)
				out = append(out, p)
			}
		}
		if t == reflect.TypeFor[*graph.Node]() {
			add(graph.New().Input("of another graph", tensor.Shape{tensor.Batch, 3}))
			add(x.graph.Scalar(math.NaN()))
			add(x.graph.Input("empty", tensor.Shape{tensor.Batch, 0}))
			add(x.graph.Input("fixed", tensor.Shape{3}))
		}
	case reflect.Struct:
		out = append(out, reflect.Zero(t))
		if depth > 0 {
			for i := range t.NumField() {
				if !t.Field(i).IsExported() {
					continue
				}
				for _, v := range x.values(t.Field(i).Type, depth-1) {
					s := reflect.New(t).Elem()
					s.Set(out[0])
					s.Field(i).Set(v)
					out = append(out, s)
				}
			}
		}
	case reflect.Interface:
		out = append(out, reflect.Zero(t))
		for _, k := range x.known {
			if k.Implements(t) {
				out = append(out, reflect.Zero(k))
			}
			if p := reflect.PointerTo(k); p.Implements(t) {
				out = append(out, reflect.Zero(p), reflect.New(k))
			}
		}
		if t == reflect.TypeFor[context.Context]() {
			done, cancel := context.WithCancel(context.Background())
			cancel()
			add(done)
		}
		if t == reflect.TypeFor[any]() {
			for _, v := range []any{0, 1.5, "x", []any{nil}, map[string]any{"": nil}, math.NaN()} {
				out = append(out, reflect.ValueOf(&v).Elem())
			}
		}
	}
	return out
}

// try calls f with sensible arguments, and then with one of them at a time
// replaced by each of its other values.
func (x *tester) try(name string, f reflect.Value) {
	t := f.Type()
	counts := make([]int, t.NumIn())
	x.graph = graph.New()
	for i := range counts {
		counts[i] = len(x.values(t.In(i), 1))
	}
	with := func(changed, k int) {
		what := name
		if changed >= 0 {
			what = fmt.Sprintf("%s, argument %d, value %d", name, changed, k)
		}
		x.call(what, func() {
			x.graph = graph.New()
			args := make([]reflect.Value, t.NumIn())
			for i := range args {
				choice := 0
				if i == changed {
					choice = k
				}
				args[i] = x.values(t.In(i), 1)[choice]
			}
			if t.IsVariadic() {
				f.CallSlice(args)
			} else {
				f.Call(args)
			}
		})
	}
	with(-1, 0)
	for i, n := range counts {
		for k := 1; k < n; k++ {
			with(i, k)
		}
	}
}

// all makes all calls.
func (x *tester) all() {
	for _, f := range x.functions {
		x.try(runtime.FuncForPC(f.Pointer()).Name(), f)
	}
	for _, t := range x.types {
		x.graph = graph.New()
		cached := x.values(t, 2)
		n := len(cached)
		value := func(k int) reflect.Value {
			if x.good(t) == nil {
				return cached[k]
			}
			return x.values(t, 2)[k] // which calls may change
		}
		methods := reflect.PointerTo(t)
		for i := range methods.NumMethod() {
			m := methods.Method(i)
			receiver := func(k int) reflect.Value {
				p := reflect.New(t)
				p.Elem().Set(value(k))
				return p
			}
			if slices.Contains(hooks, m.Name) || slices.Contains(handles, t) {
				continue
			}
			// Every value of the type, with sensible arguments.
			for k := range n {
				x.call(fmt.Sprintf("%v.%s of value %d", t, m.Name, k), func() {
					x.graph = graph.New()
					r := receiver(k)
					args := []reflect.Value{r}
					for j := 1; j < m.Type.NumIn(); j++ {
						args = append(args, x.values(m.Type.In(j), 1)[0])
					}
					if m.Type.IsVariadic() {
						m.Func.CallSlice(args)
					} else {
						m.Func.Call(args)
					}
				})
			}
			if m.Type.NumIn() > 1 {
				x.try(fmt.Sprintf("%v.%s", t, m.Name), receiver(0).Method(i))
			}
		}
		every := 16
		if os.Getenv("CORNU_CI") != "" { // the machine has the time
			every = 1
		}
		for k := 0; k < n; k += every {
			x.call(fmt.Sprintf("a training with %v, value %d", t, k), func() {
				x.graph = graph.New()
				use(value(k))
			})
		}
	}
}

// use trains a model with a value of it, if it is one for models.
func use(v reflect.Value) {
	cfg := cornu.CompileConfig{Loss: loss.MeanSquaredError{}}
	fit := cornu.FitConfig{Quiet: true, BatchSize: 2, Epochs: 2, ValidationSplit: 0.5}
	dense := layer.Dense{Units: 3}
	var chain []layer.Layer
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	switch m := v.Interface().(type) {
	case activation.Activation:
		dense.Activation = m
	case initializer.Initializer:
		dense.KernelInitializer = m
	case regularizer.Regularizer:
		dense.KernelRegularizer, dense.ActivityRegularizer = m, m
	case constraint.Constraint:
		dense.KernelConstraint = m
	case loss.Loss:
		cfg.Loss = m
	case metric.Metric:
		cfg.Metrics = []metric.Metric{m}
	case optimizer.Optimizer:
		cfg.Optimizer = m
	case optimizer.Schedule:
		cfg.Optimizer = optimizer.SGD{Schedule: m}
	default:
		switch m := p.Interface().(type) {
		case layer.Layer:
			chain = append(chain, m)
		case train.Callback:
			fit.Callbacks = []train.Callback{m}
		default:
			return
		}
	}
	in := cornu.Input(3)
	x := cornu.Apply(&dense, in)
	for _, l := range chain {
		x = cornu.Apply(l, x)
		if x.Err() != nil { // or of two
			y := cornu.Apply(&dense, in)
			x = cornu.Apply(l, y, y)
		}
		x = cornu.Apply(&layer.Dense{Units: 3}, x)
	}
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{x})
	if err := model.Compile(cfg); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := model.Fit(ctx, sampleData(), fit); err != nil {
		return
	}
	rows, err := tensor.Of(make([]float32, 6), 2, 3)
	if err != nil {
		panic(err)
	}
	model.Evaluate(ctx, sampleData(), cornu.EvaluateConfig{Quiet: true})
	model.Predict(ctx, rows)
	model.Summary(io.Discard)
}

// network makes a network once, and not before there is a test that wants it: the
// limit on memory is read then.
var network = sync.OnceValue(func() *layer.Network {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(&layer.Dense{Units: 3}, x)})
	if err != nil {
		panic(err)
	}
	return n
})

func sampleModel() *cornu.Sequential {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 3})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
		panic(err)
	}
	return model
}

func sampleData() *data.Arrays {
	rows := [][]float32{{0, 1, 2}, {1, 0, 0}, {0, 1, 0}, {3, 2, 1}}
	a, err := data.FromRows(rows, rows)
	if err != nil {
		panic(err)
	}
	return a
}

const (
	surfaceVariable = "CORNU_SURFACE" // where the child begins
	callLimit       = 30 * time.Second
	memoryLimit     = 1 << 30
)

// surfaceChild makes the calls from the one of that number on, and says before
// each what it is.
func surfaceChild(t *testing.T, from int) {
	to := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout, os.Stderr = null, null
	if err := os.Chdir(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	limitMemory(2 * memoryLimit)

	watchdog := time.AfterFunc(callLimit, func() {
		stack := make([]byte, 1<<16)
		fmt.Fprintf(to, "failed: it hangs: %s\n", oneLine(stack[:runtime.Stack(stack, true)]))
		os.Exit(3)
	})
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapInuse+m.StackInuse > memoryLimit {
				fmt.Fprintf(to, "failed: it takes %d MB\n", (m.HeapInuse+m.StackInuse)>>20)
				os.Exit(3)
			}
		}
	}()
	x := newTester(t)
	number := 0
	x.call = func(name string, f func()) {
		number++
		if number <= from {
			return
		}
		fmt.Fprintf(to, "call: %d %s\n", number, strconv.Quote(name))
		watchdog.Reset(callLimit)
		defer func() {
			if r := recover(); r != nil {
				fmt.Fprintf(to, "failed: panic: %s\n", oneLine([]byte(fmt.Sprint(r, "\n", string(debug.Stack())))))
			}
		}()
		f()
		cornu.SetMemoryLimit(memoryLimit / 4)
		cornu.SetThreads(2)
		for _, cancel := range x.after {
			cancel()
		}
		x.after = nil
	}
	x.all()
	fmt.Fprintln(to, "done:")
}

// oneLine keeps what matters of a stack: where in the library it is.
func oneLine(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	out := lines[:1]
	for _, l := range lines {
		if strings.Contains(l, ".go:") && !strings.Contains(l, "/src/") && !strings.Contains(l, "surface_test.go") && len(out) < 6 {
			l, _, _ = strings.Cut(strings.TrimSpace(l), " +")
			out = append(out, l)
		}
	}
	return strings.Join(out, " ← ")
}

func TestNothingThatIsExportedPanicsOrHangsOrTakesMuchMemory(t *testing.T) {
	if from := os.Getenv(surfaceVariable); from != "" {
		n, err := strconv.Atoi(from)
		if err != nil {
			t.Fatal(err)
		}
		surfaceChild(t, n)
		return
	}
	number, places := 0, map[string]int{}
	fail := func(name, what string) {
		message, place, _ := strings.Cut(what, " ← ")
		if place == "" {
			place = message
		}
		if places[place]++; places[place] == 1 {
			t.Errorf("call %d, %s: %s", number, name, what)
		}
	}
	for done, ends := false, 0; !done && ends < 100; {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=10m")
		child.Env = append(os.Environ(), surfaceVariable+"="+strconv.Itoa(number))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var errorText strings.Builder
		child.Stderr = &errorText
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		began, name, failed := number, "", false
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			kind, rest, _ := strings.Cut(lines.Text(), ": ")
			switch kind {
			case "call":
				text, quoted, _ := strings.Cut(rest, " ")
				number, _ = strconv.Atoi(text)
				name, failed = quoted, false
			case "failed":
				fail(name, rest)
				failed = true
			case "done:":
				done = true
			}
		}
		err = child.Wait()
		ends++
		if !done && !failed {
			head, _, _ := strings.Cut(errorText.String(), "\n")
			fail(name, fmt.Sprintf("the program ends: %v: %s", err, oneLine([]byte(head+"\n"+errorText.String()))))
		}
		if !done && number == began {
			t.Fatalf("the child makes no call: %v\n%s", err, errorText.String())
		}
	}
	t.Logf("%d calls", number)
	for place, n := range places {
		if n > 1 {
			t.Logf("%d failures like the one at %s", n, place)
		}
	}
}

// The table at the head of this file is complete.
func TestTheSurfaceIsWhole(t *testing.T) {
	for dir, all := range surface {
		known := map[string]bool{}
		if family := families[dir]; family != nil {
			all = append(slices.Clone(all), family(t)...)
		}
		for _, v := range all {
			r := reflect.ValueOf(v)
			name := r.Type().Name()
			if r.Kind() == reflect.Func && name == "" {
				name = runtime.FuncForPC(r.Pointer()).Name()
				name = strings.TrimSuffix(name, "[...]")
				name = name[strings.LastIndexByte(name, '.')+1:]
			}
			known[name] = true
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), dir+"/"+file.Name(), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for name := range exported(f) {
				if !known[name] && name != "Accumulate" { // a hook

					t.Errorf("%s.%s is not in the table of this test", dir, name)
				}
			}
		}
	}
}

// exported lists the functions of a file and its types, but for interfaces and
// other names of types.
func exported(f *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				names[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() && !s.Assign.IsValid() {
					if _, isInterface := s.Type.(*ast.InterfaceType); !isInterface {
						names[s.Name.Name] = true
					}
				}
			}
		}
	}
	return names
}
