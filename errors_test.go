package cornu_test

// This file makes mistakes, and wants to be told what they are, with nothing
// lost.

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// as returns the error of that type in err's chain, or fails.
func as[E error](t *testing.T, err error) (target E) {
	t.Helper()
	if !errors.As(err, &target) {
		t.Fatalf("got error %v (%T), want a %T", err, err, target)
	}
	return target
}

// says fails unless the error says all of the parts.
func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got error %v, want one that says %q", err, part)
		}
	}
}

// sources are ways by which the same samples come.
func sources(t *testing.T, a *data.Arrays) map[string]data.Source {
	t.Helper()
	return map[string]data.Source{"arrays": a, "prefetch": data.Prefetch(a, 1), "a generator": generated(t, a)}
}

// generated yields the samples of arrays one by one.
func generated(t *testing.T, a *data.Arrays) data.Source {
	t.Helper()
	spec := a.Spec()
	return data.Func(spec, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for i := range a.Len() {
				s := data.Sample{X: [][]float32{make([]float32, spec.X[0].Numel())}, Y: [][]float32{make([]float32, spec.Y[0].Numel())}}
				a.X[0].Kernel(s.X[0], []int32{int32(i)}).Run(nil)
				a.Y[0].Kernel(s.Y[0], []int32{int32(i)}).Run(nil)
				if !yield(s, nil) {
					return
				}
			}
		}
	})
}

func TestDataOfTheWrongWidth(t *testing.T) {
	model := compiled(t, 0, optimizer.Adam{})
	wide := points(t, 10)
	wide.X[0] = column(t, wave(90, 1), 9)
	_, fitErr := model.Fit(ctx, wide, cornu.FitConfig{Quiet: true})
	_, evaluateErr := model.Evaluate(ctx, wide, cornu.EvaluateConfig{Quiet: true})
	_, batchErr := model.TrainOnBatch(wide)
	_, predictErr := model.Predict(ctx, tensorOf(t, wave(90, 1), 10, 9))
	_, validationErr := model.Fit(ctx, points(t, 10), cornu.FitConfig{Quiet: true, ValidationData: wide})
	for call, err := range map[string]error{
		"Fit": fitErr, "Evaluate": evaluateErr, "TrainOnBatch": batchErr, "Predict": predictErr, "validation": validationErr,
	} {
		e := as[*cornu.ShapeError](t, err)
		if e.Layer != "input_layer" || !e.Got.Equal(tensor.Shape{tensor.Batch, 9}) || !e.Want.Equal(tensor.Shape{tensor.Batch, 8}) {
			t.Errorf("%s: got %+v", call, e)
		}
		says(t, err, `layer "input_layer"`, "(None, 9)", "(None, 8)")
	}
	if err := model.PredictInto(make([]float32, 3), wave(9, 1)); err == nil {
		t.Error("PredictInto takes rows of any width")
	}
}

func TestTargetsOfTheWrongWidth(t *testing.T) {
	model := compiled(t, 0, optimizer.Adam{})
	source := points(t, 10)
	source.Y[0] = column(t, wave(40, 1), 4)
	_, err := model.Fit(ctx, source, cornu.FitConfig{Quiet: true})
	e := as[*loss.Error](t, err)
	if e.Layer != "dense_2" || !e.Output.Equal(tensor.Shape{tensor.Batch, 3}) || !e.Target.Equal(tensor.Shape{tensor.Batch, 4}) {
		t.Errorf("got %+v", e)
	}
	says(t, err, `"dense_2"`, "(None, 3)", "(None, 4)", "categorical_crossentropy")
}

func TestLossesThatDoNotFitAreErrorsOfCompile(t *testing.T) {
	one := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, &layer.Dense{Units: 1})
	for _, l := range []loss.Loss{loss.CategoricalCrossentropy{}, loss.SparseCategoricalCrossentropy{}} {
		e := as[*loss.Error](t, one.Compile(cornu.CompileConfig{Loss: l}))
		if e.Layer != "dense" || e.Loss != l.Name() {
			t.Errorf("got %+v", e)
		}
	}
	for name, cfg := range map[string]cornu.CompileConfig{
		"needs a Loss":                            {},
		"no output has a loss":                    {Losses: []loss.Loss{nil}},
		"Losses has 2 entries":                    {Losses: []loss.Loss{loss.MeanSquaredError{}, nil}},
		"LossWeights has 2 entries":               {Loss: loss.MeanSquaredError{}, LossWeights: []float64{1, 2}},
		"OutputMetrics has 0 entries":             {Loss: loss.MeanSquaredError{}, OutputMetrics: [][]metric.Metric{}},
		"a metric is nil":                         {Loss: loss.MeanSquaredError{}, Metrics: []metric.Metric{nil}},
		"unknown reduction":                       {Loss: loss.CategoricalCrossentropy{Reduction: "median"}},
		"MatMul":                                  {Loss: loss.Func("mine", func(a, b *graph.Node) *graph.Node { return a.MatMul(b) })},
		"leaves several values, and training":     {Loss: loss.CategoricalCrossentropy{Reduction: loss.None}},
		"it gives no value":                       {Loss: loss.Func("mine", func(a, b *graph.Node) *graph.Node { return nil })},
		"a total of shape (None,) depends on the": {Loss: loss.MeanSquaredError{}, Metrics: []metric.Metric{everySample{}}},
	} {
		says(t, small(0).Compile(cfg), name)
	}
}

// A layer that is nil is said of the model whatever is added behind it.
func TestALayerThatIsNilIsAnErrorOfCompile(t *testing.T) {
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, &layer.Dense{Units: 4})
	m.Add(nil)
	m.Add(&layer.Dense{Units: 3})
	says(t, m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}), "layer 2 of the Sequential is nil")
}

// everySample is a metric that keeps what it should add up.
type everySample struct{ metric.CategoricalAccuracy }

func (everySample) Update(yTrue, yPred, _ *graph.Node) []*graph.Node {
	return []*graph.Node{yTrue.Sub(yPred).Sum(-1)}
}

// sparse returns a classifier of labels, and samples of which one has a label.
func sparse(t *testing.T, l loss.Loss, row int, label float32) (*cornu.Sequential, *data.Arrays) {
	t.Helper()
	model := small(0)
	if err := model.Compile(cornu.CompileConfig{Loss: l, Optimizer: optimizer.Adam{}}); err != nil {
		t.Fatal(err)
	}
	source := points(t, 20)
	labels := make([]float32, 20)
	for i, c := range classesOf(wave(8*20, 1)) {
		labels[i] = float32(c)
	}
	labels[row] = label
	source.Y[0] = column(t, labels)
	return model, source
}

func TestLabelsThatAreNoClasses(t *testing.T) {
	for _, label := range []float32{3, -1, 0.5, float32(math.NaN()), float32(math.Inf(1)), 1e30} {
		_, labelled := sparse(t, loss.SparseCategoricalCrossentropy{}, 17, label)
		for name, source := range sources(t, labelled) {
			model, _ := sparse(t, loss.SparseCategoricalCrossentropy{}, 17, label)
			before := bits(t, model)
			check := func(call string, err error, row int) {
				t.Helper()
				e := as[*data.LabelError](t, err)
				if e.Row != row || e.Classes != 3 || e.Label != float64(label) && label == label {
					t.Errorf("%s, %s: got %+v", name, call, e)
				}
			}
			row := map[bool]int{true: 17, false: 1}[name == "arrays"] // in the batch, where the data can't be seen before
			_, err := model.Fit(ctx, source, cornu.FitConfig{BatchSize: 16, NoShuffle: true, Quiet: true})
			check("Fit", err, row)
			_, err = model.Fit(ctx, source, cornu.FitConfig{BatchSize: 16, NoShuffle: true, Quiet: true, ClassWeight: map[int]float64{0: 2}})
			check("Fit with class weights", err, row)
			_, err = model.Evaluate(ctx, source, cornu.EvaluateConfig{BatchSize: 16, Quiet: true})
			check("Evaluate", err, row)
			_, err = model.TrainOnBatch(source)
			check("TrainOnBatch", err, 17)
			if name == "arrays" {
				sameBits(t, "weights after labels that were seen in time", bits(t, model), before)
			}
		}
	}
}

func TestALabelMayBeIgnored(t *testing.T) {
	ignore := -1
	model, source := sparse(t, loss.SparseCategoricalCrossentropy{IgnoreClass: &ignore}, 17, -1)
	fit(t, model, source, cornu.FitConfig{})
	model, source = sparse(t, loss.SparseCategoricalCrossentropy{IgnoreClass: &ignore}, 17, -2)
	_, err := model.Fit(ctx, source, cornu.FitConfig{Quiet: true})
	as[*data.LabelError](t, err)
}

func TestPartsOfDifferentLengths(t *testing.T) {
	source := points(t, 20)
	source.Y = points(t, 19).Y
	_, err := compiled(t, 0, still).Fit(ctx, source, cornu.FitConfig{Quiet: true})
	e := as[*data.LengthError](t, err)
	if e.LenA != 20 || e.LenB != 19 {
		t.Errorf("got %+v", e)
	}
	model, labelled := sparse(t, loss.SparseCategoricalCrossentropy{}, 0, 0)
	labelled.Y[0] = column(t, make([]float32, 19))
	_, err = model.Fit(ctx, labelled, cornu.FitConfig{Quiet: true})
	as[*data.LengthError](t, err)
	_, err = model.Fit(ctx, labelled, cornu.FitConfig{Quiet: true, ValidationSplit: 0.5})
	as[*data.LengthError](t, err)
}

func TestDataThatAreEmpty(t *testing.T) {
	model := compiled(t, 0, still)
	empty := points(t, 20).Take(0)
	_, fitErr := model.Fit(ctx, empty, cornu.FitConfig{Quiet: true})
	_, evaluateErr := model.Evaluate(ctx, empty, cornu.EvaluateConfig{Quiet: true})
	_, validationErr := model.Fit(ctx, points(t, 20), cornu.FitConfig{Quiet: true, ValidationData: empty})
	_, splitErr := model.Fit(ctx, points(t, 1), cornu.FitConfig{Quiet: true, ValidationSplit: 0.5})
	for call, err := range map[string]error{"Fit": fitErr, "Evaluate": evaluateErr, "validation": validationErr, "split": splitErr} {
		if !errors.Is(err, data.ErrEmpty) {
			t.Errorf("%s: got error %v", call, err)
		}
	}
	nothing := data.Func(data.Spec{X: []tensor.Shape{{8}}, Y: []tensor.Shape{{3}}, Len: -1}, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(func(data.Sample, error) bool) {}
	})
	_, err := model.Fit(ctx, nothing, cornu.FitConfig{Quiet: true})
	says(t, err, "no batch")
	_, err = model.Evaluate(ctx, nothing, cornu.EvaluateConfig{Quiet: true})
	says(t, err, "no batch")
}

func TestASourceThatFails(t *testing.T) {
	broken := errors.New("the cable is loose")
	source := data.Func(points(t, 20).Spec(), func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) { yield(data.Sample{}, broken) }
	})
	model := compiled(t, 0, still)
	if _, err := model.Fit(ctx, source, cornu.FitConfig{Quiet: true}); !errors.Is(err, broken) {
		t.Errorf("Fit: got error %v", err)
	}
	if _, err := model.Fit(ctx, points(t, 20), cornu.FitConfig{Quiet: true, ValidationData: source}); !errors.Is(err, broken) {
		t.Errorf("validation: got error %v", err)
	}
}

func TestNumbersThatMakeNoSense(t *testing.T) {
	model := compiled(t, 0, still)
	for want, cfg := range map[string]cornu.FitConfig{
		"batch size is -1":                 {BatchSize: -1},
		"at most 16777216":                 {BatchSize: math.MaxInt},
		"from epoch 0 to epoch -2":         {Epochs: -2},
		"from epoch 5 to epoch 3":          {InitialEpoch: 5, Epochs: 3},
		"from epoch -1":                    {InitialEpoch: -1, Epochs: 3},
		"steps per epoch -1":               {StepsPerEpoch: -1},
		"next -1":                          {ValidationEvery: -1},
		"validation: the batch size is -1": {ValidationBatchSize: -1},
		"steps -1":                         {ValidationSteps: -1},
		"fraction of 1 ":                   {ValidationSplit: 1},
		"fraction of -0.1 ":                {ValidationSplit: -0.1},
		"fraction of NaN ":                 {ValidationSplit: math.NaN()},
		"class 7":                          {ClassWeight: map[int]float64{7: 1}},
		"class 0 is -1":                    {ClassWeight: map[int]float64{0: -1}},
		"not both":                         {ValidationSplit: 0.5, ValidationData: points(t, 5)},
		"a callback is nil":                {Callbacks: []train.Callback{nil}},
		"validation data source":           {ValidationData: (*data.Arrays)(nil)},
	} {
		cfg.Quiet = true
		_, err := model.Fit(ctx, points(t, 20), cfg)
		says(t, err, want)
	}
	_, err := model.Evaluate(ctx, points(t, 20), cornu.EvaluateConfig{Quiet: true, Steps: -1})
	says(t, err, "-1")
	_, err = model.Evaluate(ctx, points(t, 20), cornu.EvaluateConfig{Quiet: true, BatchSize: -1})
	says(t, err, "batch size is -1")
	_, err = model.Fit(ctx, generated(t, points(t, 20)), cornu.FitConfig{Quiet: true, ValidationSplit: 0.5})
	says(t, err, "ValidationSplit needs arrays")
	for _, rate := range []float64{-0.1, 1, 2, math.NaN()} {
		says(t, small(rate).Compile(classifier(nil)), `layer "dropout"`, "Rate is")
	}
}

func TestCallsOutOfOrder(t *testing.T) {
	var none cornu.Model
	var empty cornu.Sequential
	shapeless := cornu.NewSequential(&layer.Dense{Units: 3})
	x := tensorOf(t, wave(8, 1), 1, 8)
	for name, err := range map[string]error{
		"zero model, compile":      none.Compile(classifier(nil)),
		"zero model, summary":      none.Summary(new(strings.Builder)),
		"zero model, fit":          second(none.Fit(ctx, points(t, 5), cornu.FitConfig{Quiet: true})),
		"zero model, predict":      second(none.Predict(ctx, x)),
		"zero sequential, fit":     second(empty.Fit(ctx, points(t, 5), cornu.FitConfig{Quiet: true})),
		"shapeless, predict":       second(shapeless.Predict(ctx, x)),
		"shapeless, predict into":  shapeless.PredictInto(make([]float32, 3), wave(8, 1)),
		"shapeless, evaluate":      second(shapeless.Evaluate(ctx, points(t, 5), cornu.EvaluateConfig{Quiet: true})),
		"shapeless, summary":       shapeless.Summary(new(strings.Builder)),
		"shapeless, weights":       second(shapeless.Weights()),
		"shapeless, set weights":   shapeless.SetWeights(nil),
		"not compiled, fit":        second(small(0).Fit(ctx, points(t, 5), cornu.FitConfig{Quiet: true})),
		"not compiled, evaluate":   second(small(0).Evaluate(ctx, points(t, 5), cornu.EvaluateConfig{Quiet: true})),
		"not compiled, on batch":   second(small(0).TrainOnBatch(points(t, 5))),
		"not compiled, plan":       second(small(0).Plan(points(t, 5), 5)),
		"no layers":                second(cornu.NewSequential().Fit(ctx, points(t, 5), cornu.FitConfig{Quiet: true})),
		"a nil layer":              cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, nil).Compile(classifier(nil)),
		"a nil pointer to a layer": cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, (*layer.Dense)(nil)).Compile(classifier(nil)),
		"an Input in the middle":   cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, &layer.Input{Shape: tensor.Shape{8}}).Compile(classifier(nil)),
		"no nodes":                 cornu.NewModel(nil, nil).Compile(classifier(nil)),
		"nil nodes":                cornu.NewModel([]*cornu.Node{nil}, []*cornu.Node{nil}).Compile(classifier(nil)),
		"Apply of nil":             cornu.NewModel([]*cornu.Node{cornu.Input(8)}, []*cornu.Node{cornu.Apply(nil, cornu.Input(8))}).Compile(classifier(nil)),
		"Apply to nil":             cornu.NewModel([]*cornu.Node{cornu.Input(8)}, []*cornu.Node{cornu.Apply(&layer.Flatten{}, nil)}).Compile(classifier(nil)),
		"an Input of no sense":     cornu.NewModel([]*cornu.Node{cornu.Input(-5)}, []*cornu.Node{cornu.Input(-5)}).Compile(classifier(nil)),
		"nil source, fit":          second(compiled(t, 0, nil).Fit(ctx, nil, cornu.FitConfig{})),
		"nil source, evaluate":     second(compiled(t, 0, nil).Evaluate(ctx, nil, cornu.EvaluateConfig{})),
		"nil arrays":               second(compiled(t, 0, nil).Fit(ctx, (*data.Arrays)(nil), cornu.FitConfig{})),
		"arrays of nothing":        second(compiled(t, 0, nil).Fit(ctx, &data.Arrays{}, cornu.FitConfig{})),
		"arrays of nil":            second(compiled(t, 0, nil).Fit(ctx, &data.Arrays{X: []data.Column{nil}, Y: []data.Column{nil}}, cornu.FitConfig{})),
		"predict nothing":          second(compiled(t, 0, nil).Predict(ctx)),
		"predict nil":              second(compiled(t, 0, nil).Predict(ctx, nil)),
		"predict a scalar":         second(compiled(t, 0, nil).Predict(ctx, tensorOf(t, []float32{1}))),
		"predict two":              second(compiled(t, 0, nil).Predict(ctx, x, x)),
		"on no batch":              second(compiled(t, 0, nil).TrainOnBatch(endless(points(t, 5).Spec(), data.Sample{}))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if msg := err.Error(); strings.Contains(msg, "runtime error") || strings.Contains(msg, "%!") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := compiled(t, 0, still).Fit(noContext, points(t, 5), cornu.FitConfig{Quiet: true}); err != nil {
		t.Errorf("a nil context: %v", err)
	}
}

// noContext is what some pass who have none.
var noContext context.Context

func second[T any](_ T, err error) error { return err }

func TestWhatIsNotFiniteEndsTrainingWithTheLastFiniteWeights(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	spoilt := func(value float32) *data.Arrays {
		x := wave(8*40, 1)
		labels := classesOf(x)
		x[8*35+2] = value
		return withTargets(t, x, labels)
	}
	clean := compiled(t, 0.3, optimizer.Adam{})
	fit(t, clean, points(t, 40), cornu.FitConfig{NoShuffle: true, StepsPerEpoch: 2})
	for _, value := range []float32{nan, inf, -inf} {
		model := compiled(t, 0.3, optimizer.Adam{})
		history, err := model.Fit(ctx, spoilt(value), cornu.FitConfig{BatchSize: 16, NoShuffle: true, Epochs: 2, Quiet: true})
		e := as[*train.NonFiniteError](t, err)
		if e.Step != 2 || e.Layer != "" {
			t.Errorf("got %+v", e)
		}
		says(t, err, "step 2", `input "input_layer"`, "row 3 ", "the last finite step", "AllowNonFinite")
		sameBits(t, "after a step on NaN", bits(t, model), bits(t, clean))
		if len(history.Epoch) != 0 {
			t.Errorf("the history is of epochs %v", history.Epoch)
		}

		// What went wrong once is forgotten with the data that it came from.
		fit(t, model, slice(t, 32, 40), cornu.FitConfig{BatchSize: 8, NoShuffle: true})
		other := compiled(t, 0.3, optimizer.Adam{})
		fit(t, other, points(t, 40), cornu.FitConfig{NoShuffle: true})
		sameBits(t, "after the batch was mended", bits(t, model), bits(t, other))

		model = compiled(t, 0.3, optimizer.Adam{})
		history = fit(t, model, spoilt(value), cornu.FitConfig{NoShuffle: true, Epochs: 2, AllowNonFinite: true})
		if l, _ := history.Last("loss"); !math.IsNaN(l) {
			t.Errorf("what is not finite was allowed, yet the loss is %v", l)
		}
	}
}

func TestTheFirstLayerAtFaultIsNamed(t *testing.T) {
	model := compiled(t, 0, optimizer.SGD{LearningRate: 1e30})
	_, err := model.Fit(ctx, points(t, 64), cornu.FitConfig{BatchSize: 16, Quiet: true})
	e := as[*train.NonFiniteError](t, err)
	if e.Step != 1 || e.Layer != "dense_1" {
		t.Errorf("a training that explodes: got %+v", e)
	}
	says(t, err, `layer "dense_1"`, "step 1", "(None, 9)")

	layers := func(at int) []layer.Layer {
		return []layer.Layer{
			&layer.Input{Shape: tensor.Shape{8}}, &layer.Dense{Units: 4}, &layer.Rescaling{Name: "low", Scale: 1e-30, Offset: -2},
			&rooted{Name: "rooted"}, &layer.Dense{Units: 3, Activation: activation.Softmax{}},
		}[:at]
	}
	model = cornu.NewSequential(layers(5)...)
	if err := model.Compile(classifier(optimizer.SGD{})); err != nil {
		t.Fatal(err)
	}
	_, err = model.TrainOnBatch(points(t, 16))
	if e := as[*train.NonFiniteError](t, err); e.Layer != "rooted" {
		t.Errorf("the root of negative numbers: got %+v", e)
	}

	model = compiled(t, 0, optimizer.SGD{})
	weights, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	floats(t, weights[3])[4] = float32(math.Inf(1))
	if err := model.SetWeights(weights); err != nil {
		t.Fatal(err)
	}
	_, err = model.TrainOnBatch(points(t, 16))
	says(t, err, `weight "dense_1/bias" is not finite`)
}

// rooted is a layer that is wrong about the sign of its input.
type rooted struct{ Name string }

func (*rooted) Build(*layer.Builder, []tensor.Shape) error { return nil }
func (*rooted) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Sqrt()
}

// FuzzMisuse calls a model's methods in any order with any of some arguments,
// good and bad. It may get errors, but must not panic.
func FuzzMisuse(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		program := make([]byte, 24)
		for i := range program {
			program[i] = byte(r.Uint32())
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		next := func(n int) int {
			if len(program) == 0 {
				return 0
			}
			b := int(program[0])
			program = program[1:]
			return b % n
		}
		layers := func() layer.Layer {
			return []layer.Layer{
				&layer.Input{Shape: tensor.Shape{8}}, &layer.Input{}, &layer.Input{Shape: tensor.Shape{2, 4}}, nil, (*layer.Dense)(nil),
				&layer.Dense{Units: 3}, &layer.Dense{Units: 3, Activation: activation.Softmax{}}, &layer.Dense{}, &layer.Dense{Name: "a", Units: 3},
				&layer.Dropout{Rate: 0.5}, &layer.Dropout{Rate: 1}, &layer.Activation{}, &layer.Activation{Func: activation.Softmax{}},
				&layer.Flatten{}, &layer.Reshape{TargetShape: tensor.Shape{4, -1}}, &layer.Reshape{TargetShape: tensor.Shape{3}}, &layer.Rescaling{},
				&layer.Add{}, &layer.Concatenate{Axis: 7}, &total{}, &rooted{},
			}[next(21)]
		}
		labels, err := data.Labels([]int{0, 1, 2, 0, 1})
		if err != nil {
			t.Fatal(err)
		}
		source := func() data.Source {
			a := points(t, 5)
			return []data.Source{
				a, points(t, 33), nil, (*data.Arrays)(nil), &data.Arrays{}, a.Take(0), a.Take(1),
				&data.Arrays{X: a.X, Y: []data.Column{labels}}, &data.Arrays{X: a.X}, &data.Arrays{X: a.X, Y: a.X},
				&data.Arrays{X: append(a.X, a.X...), Y: a.Y}, &data.Arrays{X: a.X, Y: points(t, 4).Y}, &data.Arrays{X: a.X, Y: a.Y, Weights: []float32{1}},
				data.Func(data.Spec{}, nil), data.Func(data.Spec{X: []tensor.Shape{{8}}, Y: []tensor.Shape{{3}}, Len: -1}, nil),
				data.Func(a.Spec(), func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
					return func(yield func(data.Sample, error) bool) { yield(data.Sample{}, nil) }
				}),
				endless(data.Spec{X: []tensor.Shape{{8}}, Y: []tensor.Shape{{3}}, Len: 10}, data.Sample{X: [][]float32{wave(8, 1)}, Y: [][]float32{{0, 0, 1}}}),
				data.Prefetch(a, 0), data.Prefetch(&data.Arrays{}, 1),
				liar{a},
			}[next(20)]
		}
		losses := func() loss.Loss {
			return []loss.Loss{
				loss.CategoricalCrossentropy{},
				loss.SparseCategoricalCrossentropy{},
				loss.MeanSquaredError{},
				nil,
				loss.Func("x", func(a, b *graph.Node) *graph.Node { return nil }), loss.Func("y", func(a, b *graph.Node) *graph.Node { return graph.New().Scalar(1) }),
				loss.Func("z", nil), loss.Func("w", func(a, b *graph.Node) *graph.Node { return b.Sum() }),
			}[next(8)]
		}
		var model *cornu.Sequential
		switch next(3) {
		case 0:
			model = new(cornu.Sequential)
		case 1:
			model = cornu.NewSequential(layers(), layers(), layers())
		case 2:
			model = small(0.2)
		}
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		for len(program) > 0 {
			var err error
			switch next(12) {
			case 0:
				model.Add(layers())
			case 1:
				err = model.Compile(cornu.CompileConfig{Loss: losses(), Metrics: []metric.Metric{metric.Accuracy{}}[:next(2)]})
			case 2:
				err = model.Compile(cornu.CompileConfig{
					Losses: []loss.Loss{losses(), losses()}[:next(3)], LossWeights: []float64{1}[:next(2)], Optimizer: optimizer.SGD{LearningRate: -1},
					WeightedMetrics: []metric.Metric{metric.Accuracy{}, nil}[:next(3)],
				})
			case 3, 4, 5:
				c := noContext
				if next(4) == 0 {
					c = stopped
				}
				_, err = model.Fit(c, source(), cornu.FitConfig{
					Quiet: true, Epochs: next(4) - 1, InitialEpoch: next(2), BatchSize: next(9) - 1, StepsPerEpoch: next(4) - 1, ValidationEvery: next(3) - 1,
					ValidationSplit: []float64{0, 0, 0.4, 1, -1}[next(5)], NoShuffle: next(2) == 0, AllowNonFinite: next(2) == 0,
					ClassWeight: []map[int]float64{nil, {0: 2}, {-1: 1}}[next(3)],
				})
			case 6:
				_, err = model.Evaluate(noContext, source(), cornu.EvaluateConfig{Quiet: true, Steps: next(4) - 1, BatchSize: next(4) - 1})
			case 7:
				_, err = model.Predict(noContext, []*tensor.Tensor{nil, tensorOf(t, wave(8, 1), 1, 8), tensorOf(t, wave(8, 1), 8), tensorOf(t, wave(8, 1)[:0], 0, 8)}[next(4)])
			case 8:
				err = model.PredictInto(make([]float32, next(9)), wave(8*next(4), 1))
			case 9:
				_, err = model.TrainOnBatch(source())
			case 10:
				err = model.Build([][]int{nil, {8}, {-1}, {0}, {2, 4}, {math.MaxInt, math.MaxInt}}[next(6)]...)
			case 11:
				_, err = model.Plan(source(), next(5)-1)
				model.Seed(uint64(next(3)))
				model.Summary(new(strings.Builder))
			}
			if err != nil && strings.Contains(err.Error(), "%!") {
				t.Errorf("a garbled error: %v", err)
			}
		}
	})
}

// liar is a source that gives less than it promises.
type liar struct{ *data.Arrays }

func (l liar) Epoch(context.Context, data.EpochConfig) (data.Batches, error) {
	return liarBatches{}, nil
}

type liarBatches struct{}

func (liarBatches) Next() (int, error)                 { return -3, nil }
func (liarBatches) Read(*data.Batch, *data.Pool) error { return nil }
func (liarBatches) Close()                             {}
