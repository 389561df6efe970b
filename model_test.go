package cornu_test

// This file tests how models are built, compiled, and keep their weights, and
// has the small models and data that all tests use.

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

var ctx = context.Background()

// wave returns n numbers in [-1, 1] that look random.
func wave(n int, seed uint32) []float32 {
	x := make([]float32, n)
	for i := range x {
		seed = seed*1664525 + 1013904223
		x[i] = float32(seed>>8)/(1<<23) - 1
	}
	return x
}

// points returns n samples of 8 numbers, each of one of 3 classes.
func points(t testing.TB, n int) *data.Arrays {
	t.Helper()
	x := wave(8*n, 1)
	return withTargets(t, x, classesOf(x))
}

// classesOf returns the class of each sample: where its first numbers are largest.
func classesOf(x []float32) []int {
	var labels []int
	for i := 0; i < len(x); i += 8 {
		label := 0
		for j := range 3 {
			if x[i+j] > x[i+label] {
				label = j
			}
		}
		labels = append(labels, label)
	}
	return labels
}

func withTargets(t testing.TB, x []float32, labels []int) *data.Arrays {
	t.Helper()
	columnX, err := data.Floats(x, 8)
	if err != nil {
		t.Fatal(err)
	}
	columnY, err := data.OneHot(labels, 3)
	if err != nil {
		t.Fatal(err)
	}
	return &data.Arrays{X: []data.Column{columnX}, Y: []data.Column{columnY}}
}

// slice returns the samples from begin to end.
func slice(t testing.TB, begin, end int) *data.Arrays {
	t.Helper()
	x := wave(8*end, 1)
	return withTargets(t, x[8*begin:], classesOf(x)[begin:])
}

// small returns a network of two hidden layers with dropout, like the listing's.
func small(rate float64) *cornu.Sequential {
	return cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{8}},
		&layer.Dense{Units: 17, Activation: activation.ReLU{}},
		&layer.Dropout{Rate: rate},
		&layer.Dense{Units: 9},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: rate},
		&layer.Dense{Units: 3, Activation: activation.Softmax{}},
	)
}

// classifier is what the small network is trained for.
func classifier(o optimizer.Optimizer) cornu.CompileConfig {
	return cornu.CompileConfig{Loss: loss.CategoricalCrossentropy{}, Optimizer: o, Metrics: []metric.Metric{metric.Accuracy{}}}
}

// compiled returns the small network, compiled.
func compiled(t testing.TB, rate float64, o optimizer.Optimizer) *cornu.Sequential {
	t.Helper()
	model := small(rate)
	if err := model.Compile(classifier(o)); err != nil {
		t.Fatal(err)
	}
	return model
}

// A trainer is a *cornu.Model or a *cornu.Sequential.
type trainer interface {
	Fit(context.Context, data.Source, cornu.FitConfig) (*cornu.History, error)
	Variables() ([]*layer.Variable, error)
}

// fit trains quietly, in batches of 16 unless cfg says otherwise.
func fit(t testing.TB, model trainer, source data.Source, cfg cornu.FitConfig) *cornu.History {
	t.Helper()
	cfg.Quiet = true
	if cfg.BatchSize == 0 {
		cfg.BatchSize = 16
	}
	history, err := model.Fit(ctx, source, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return history
}

// bits returns the bits of all weights in model order.
func bits(t testing.TB, model trainer) []uint32 {
	t.Helper()
	variables, err := model.Variables()
	if err != nil {
		t.Fatal(err)
	}
	var list []uint32
	for _, v := range variables {
		for _, x := range v.Value() {
			list = append(list, math.Float32bits(x))
		}
	}
	return list
}

// layerBits returns the bits of one layer's weights.
func layerBits(l layer.Layer) []uint32 {
	var list []uint32
	for _, v := range layer.Variables(l) {
		for _, x := range v.Value() {
			list = append(list, math.Float32bits(x))
		}
	}
	return list
}

func sameBits(t testing.TB, what string, got, want []uint32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the bits differ", what)
	}
}

func TestOneSeedGivesOneSetOfWeights(t *testing.T) {
	weights := func(seed uint64) []uint32 {
		model := small(0)
		if seed > 0 {
			model.Seed(seed)
		}
		return bits(t, model)
	}
	sameBits(t, "seed 7 twice", weights(7), weights(7))
	if slices.Equal(weights(7), weights(8)) {
		t.Error("seeds 7 and 8 give the same weights")
	}
	model := small(0)
	model.Seed(0)
	sameBits(t, "no seed and seed 0", bits(t, model), weights(0))
}

func TestTheSeedCanBeSaidAfterCompile(t *testing.T) {
	early, late := small(0.3), small(0.3)
	early.Seed(7)
	for _, model := range []*cornu.Sequential{early, late} {
		if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
			t.Fatal(err)
		}
	}
	late.Seed(7)
	fit(t, early, points(t, 40), cornu.FitConfig{})
	fit(t, late, points(t, 40), cornu.FitConfig{})
	sameBits(t, "after a step", bits(t, late), bits(t, early))
}

func TestWeightsGoOutAndIn(t *testing.T) {
	from, to := small(0), small(0)
	from.Seed(1)
	weights, err := from.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.SetWeights(weights); err != nil {
		t.Fatal(err)
	}
	sameBits(t, "copied weights", bits(t, to), bits(t, from))

	floats(t, weights[0])[0] = 42
	sameBits(t, "the model after its copy was changed", bits(t, to), bits(t, from))

	before := bits(t, to)
	for name, wrong := range map[string][]*tensor.Tensor{
		"array 5, for variable \"dense_2/bias\", is nil": append(slices.Clone(weights[:5]), nil),
		"got 5 arrays, the model has 6 variables":        weights[:5],
		"array 0 has shape (17,), variable":              append([]*tensor.Tensor{weights[1]}, weights[1:]...),
		"array 5, for variable \"dense_2/bias\"":         append(slices.Clone(weights[:5]), tensorOf(t, make([]float64, 3), 3)),
	} {
		if err := to.SetWeights(wrong); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want one that says %s", err, name)
		}
		sameBits(t, "the model after "+name, bits(t, to), before)
	}
}

func TestASequentialWithoutInputIsBuiltByFit(t *testing.T) {
	model := cornu.NewSequential(&layer.Dense{Units: 5, Activation: activation.ReLU{}}, &layer.Dense{Units: 3, Activation: activation.Softmax{}})
	if err := model.Compile(classifier(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := model.Weights(); err == nil || !strings.Contains(err.Error(), "not built") {
		t.Errorf("weights before the shape is known: got error %v", err)
	}
	fit(t, model, points(t, 20), cornu.FitConfig{})
	if n := len(bits(t, model)); n != 8*5+5+5*3+3 {
		t.Errorf("the model has %d weights", n)
	}

	// Another layer may follow, and the ones before keep what they have learnt.
	first := model.Layers()[0]
	learnt := layerBits(first)
	model.Add(&layer.Dense{Units: 3, Activation: activation.Softmax{}})
	if _, err := model.Fit(ctx, points(t, 20), cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), "Compile") {
		t.Errorf("Fit after Add: got error %v, want one that asks for Compile", err)
	}
	if n := len(bits(t, model)); n != 8*5+5+5*3+3+3*3+3 {
		t.Errorf("after Add the model has %d weights", n)
	}
	sameBits(t, "the first layer after Add", layerBits(first), learnt)
	if err := model.Compile(classifier(nil)); err != nil {
		t.Fatal(err)
	}
	fit(t, model, points(t, 20), cornu.FitConfig{})
}

func TestADataShapeThatDoesNotFitLeavesASequentialUnbuilt(t *testing.T) {
	model := cornu.NewSequential(&layer.Reshape{TargetShape: tensor.Shape{2, 4}}, &layer.Flatten{}, &layer.Dense{Units: 3, Activation: activation.Softmax{}})
	if err := model.Compile(classifier(nil)); err != nil {
		t.Fatal(err)
	}
	wide := &data.Arrays{X: []data.Column{column(t, wave(90, 1), 9)}, Y: points(t, 10).Y}
	if _, err := model.Fit(ctx, wide, cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), "reshape") {
		t.Errorf("got error %v, want one that names the layer", err)
	}
	fit(t, model, points(t, 10), cornu.FitConfig{})
}

func column(t testing.TB, values []float32, shape ...int) data.Column {
	t.Helper()
	c, err := data.Floats(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACompileThatFailsChangesNothing(t *testing.T) {
	model, other := compiled(t, 0, optimizer.Adam{}), compiled(t, 0, optimizer.Adam{})
	fit(t, model, points(t, 40), cornu.FitConfig{})
	err := model.Compile(cornu.CompileConfig{Losses: []loss.Loss{loss.MeanSquaredError{}, loss.MeanSquaredError{}}})
	if err == nil {
		t.Fatal("two losses for one output are no error")
	}
	fit(t, model, points(t, 40), cornu.FitConfig{InitialEpoch: 1})
	fit(t, other, points(t, 40), cornu.FitConfig{Epochs: 2})
	sameBits(t, "a training with a failing Compile in it", bits(t, model), bits(t, other))
}

func TestAModelSaysWhatItWasCompiledWith(t *testing.T) {
	in := cornu.Input(2)
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Name: "a", Units: 1}, in), cornu.Apply(&layer.Dense{Name: "b", Units: 1}, in),
	})
	if cfg, ok := model.Compiled(); ok {
		t.Errorf("before Compile it is %v", cfg)
	}
	err := model.Compile(cornu.CompileConfig{Outputs: map[string]cornu.OutputConfig{"b": {Loss: loss.Huber{}}, "a": {}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, ok := model.Compiled()
	if want := []loss.Loss{nil, loss.Huber{}}; !ok || !slices.Equal(cfg.Losses, want) || cfg.Optimizer.Name() != "rmsprop" {
		t.Errorf("it is %v, %v", cfg, ok)
	}
}

func TestCompileAgainStartsAFreshOptimizer(t *testing.T) {
	model, other := compiled(t, 0, optimizer.Adam{}), compiled(t, 0, optimizer.Adam{})
	source := points(t, 40)
	fit(t, model, source, cornu.FitConfig{})
	weights, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
		t.Fatal(err)
	}
	if err := other.SetWeights(weights); err != nil {
		t.Fatal(err)
	}
	fit(t, model, source, cornu.FitConfig{})
	fit(t, other, source, cornu.FitConfig{})
	sameBits(t, "trained after Compile", bits(t, model), bits(t, other))
}

func TestMeasuresAreNamedAsInKeras(t *testing.T) {
	twice := cornu.CompileConfig{
		Loss:            loss.CategoricalCrossentropy{},
		Metrics:         []metric.Metric{metric.Accuracy{}, metric.Accuracy{}, named("loss"), metric.AUC{}, metric.Named("p", metric.Precision{})},
		WeightedMetrics: []metric.Metric{metric.Accuracy{}, metric.CategoricalAccuracy{}, metric.Accuracy{}, metric.AUC{}, metric.AUC{}, metric.Named("p", metric.Precision{})},
	}
	one := small(0)
	if err := one.Compile(twice); err != nil {
		t.Fatal(err)
	}
	history := fit(t, one, points(t, 20), cornu.FitConfig{ValidationSplit: 0.5})
	want := []string{"accuracy", "accuracy_1", "auc", "auc_1", "auc_2", "categorical_accuracy", "loss", "loss_1", "p", "weighted_accuracy", "weighted_accuracy_1", "weighted_p"}
	for _, name := range slices.Clone(want) {
		want = append(want, "val_"+name)
	}
	if got := history.Names(); !slices.Equal(got, want) {
		t.Errorf("one output: got %v, want %v", got, want)
	}

	x := cornu.Input(8)
	a := cornu.Apply(&layer.Dense{Name: "a", Units: 3, Activation: activation.Softmax{}}, x)
	b := cornu.Apply(&layer.Dense{Name: "b", Units: 3, Activation: activation.Softmax{}}, x)
	two := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{a, b})
	err := two.Compile(cornu.CompileConfig{
		Losses:        []loss.Loss{loss.CategoricalCrossentropy{}, nil},
		OutputMetrics: [][]metric.Metric{nil, {metric.Accuracy{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	source := points(t, 20)
	source.Y = append(source.Y, source.Y[0])
	history = fit(t, two, source, cornu.FitConfig{})
	if got, want := history.Names(), []string{"b_accuracy", "loss"}; !slices.Equal(got, want) {
		t.Errorf("two outputs, one loss: got %v, want %v", got, want)
	}
	if err := two.Compile(classifier(nil)); err != nil {
		t.Fatal(err)
	}
	history = fit(t, two, source, cornu.FitConfig{})
	if got, want := history.Names(), []string{"a_accuracy", "a_loss", "b_accuracy", "b_loss", "loss"}; !slices.Equal(got, want) {
		t.Errorf("two outputs, two losses: got %v, want %v", got, want)
	}
}

// named is an accuracy of another name.
type namedAccuracy struct {
	metric.CategoricalAccuracy
	name string
}

func named(name string) metric.Metric { return namedAccuracy{name: name} }
func (m namedAccuracy) Name() string  { return m.name }

func TestAnOutputWithoutTheBatchIsAnError(t *testing.T) {
	x := cornu.Input(8)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&total{}, x)})
	if err := model.Compile(classifier(nil)); err == nil || !strings.Contains(err.Error(), "batch") {
		t.Errorf("got error %v", err)
	}
}

func TestTwoLayersOfOneNameAreAnError(t *testing.T) {
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{8}},
		&layer.Dense{Name: "twin", Units: 3},
		&layer.Dense{Name: "twin", Units: 3},
	)
	err := model.Compile(classifier(nil))
	if err == nil || !strings.Contains(err.Error(), `"twin"`) {
		t.Errorf("got error %v, want one that names the layer", err)
	}
}

func TestTheFirstMistakeInBuildingIsReturnedByAll(t *testing.T) {
	x := cornu.Input(8)
	y := cornu.Apply(&layer.Dropout{Rate: 1.5}, x)
	y = cornu.Apply(&layer.Dense{Units: -1}, y)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
	var first *layer.Error
	if err := model.Compile(classifier(nil)); !errors.As(err, &first) || first.Layer != "dropout" || !strings.Contains(err.Error(), "model_test.go:") {
		t.Fatalf("Compile: got error %v, want the dropout's, with its line", err)
	}
	_, fitErr := model.Fit(ctx, points(t, 10), cornu.FitConfig{Quiet: true})
	_, evaluateErr := model.Evaluate(ctx, points(t, 10), cornu.EvaluateConfig{Quiet: true})
	_, predictErr := model.Predict(ctx, tensorOf(t, wave(8, 1), 1, 8))
	_, weightsErr := model.Weights()
	for name, err := range map[string]error{
		"Fit": fitErr, "Evaluate": evaluateErr, "Predict": predictErr, "Weights": weightsErr,
		"Summary": model.Summary(new(strings.Builder)),
	} {
		if !errors.Is(err, first) {
			t.Errorf("%s: got error %v, want the first mistake", name, err)
		}
	}
}

func TestModelsShareLayers(t *testing.T) {
	source := points(t, 40)
	build := func() (encoder *layer.Dense, a, b *cornu.Model) {
		encoder = &layer.Dense{Name: "encoder", Units: 6, Activation: activation.Tanh{}}
		head := func(name string) *cornu.Model {
			x := cornu.Input(8)
			y := cornu.Apply(&layer.Dense{Name: name, Units: 3, Activation: activation.Softmax{}}, cornu.Apply(encoder, x))
			model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
			if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
				t.Fatal(err)
			}
			return model
		}
		return encoder, head("a"), head("b")
	}
	encoder, a, b := build()
	fit(t, a, source, cornu.FitConfig{})
	shared := layerBits(encoder)
	if got := bits(t, b)[:len(shared)]; !slices.Equal(got, shared) {
		t.Error("what one model has learnt the other doesn't have")
	}
	fit(t, b, source, cornu.FitConfig{})
	if slices.Equal(layerBits(encoder), shared) {
		t.Error("the second model doesn't train the shared layer")
	}
	encoder.Frozen = true
	shared = layerBits(encoder)
	fit(t, a, source, cornu.FitConfig{})
	fit(t, b, source, cornu.FitConfig{})
	sameBits(t, "the shared layer after it was frozen", layerBits(encoder), shared)
}

func TestOddNetworksTrain(t *testing.T) {
	used, unused := cornu.Input(8), cornu.Input(5)
	y := cornu.Apply(&layer.Dense{Name: "y", Units: 3, Activation: activation.Softmax{}}, used)
	model := cornu.NewModel([]*cornu.Node{used, unused}, []*cornu.Node{y, y})
	if err := model.Compile(classifier(nil)); err != nil {
		t.Fatal(err)
	}
	source := points(t, 20)
	source.X = append(source.X, column(t, wave(5*20, 1), 5))
	source.Y = append(source.Y, source.Y[0])
	history := fit(t, model, source, cornu.FitConfig{})
	if got, want := history.Names(), []string{"loss", "y_accuracy", "y_accuracy_1", "y_loss", "y_loss_1"}; !slices.Equal(got, want) {
		t.Errorf("one node as two outputs is measured as %v, want %v", got, want)
	}
	out, err := model.PredictAll(ctx, tensorOf(t, wave(16, 1), 2, 8), tensorOf(t, wave(10, 1), 2, 5))
	if err != nil || !slices.Equal(floats(t, out[0]), floats(t, out[1])) {
		t.Errorf("one node as two outputs predicts %v, %v", out, err)
	}

	weightless := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, &layer.Reshape{TargetShape: tensor.Shape{8}}, &layer.Activation{Func: activation.Softmax{}})
	if err := weightless.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
		t.Fatal(err)
	}
	fit(t, weightless, &data.Arrays{X: source.X[:1], Y: source.X[:1]}, cornu.FitConfig{})
	if _, err := weightless.Weights(); err != nil {
		t.Error(err)
	}
}

func TestALayerCostsAsMuchAtAnyDepth(t *testing.T) {
	chain := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}})
	x := cornu.Input(2)
	cost := func(layers int) float64 {
		return testing.AllocsPerRun(layers, func() {
			chain.Add(&layer.Dense{Units: 2})
			x = cornu.Apply(&layer.Dense{Units: 2}, x)
		})
	}
	first := cost(100)
	cost(1000)
	if last := cost(100); last > 2*first {
		t.Errorf("adding and applying a layer allocates %v objects at first, and %v at a depth of 1000", first, last)
	}
	if n := len(chain.Network().Layers()); n != 1204 {
		t.Errorf("%d layers", n)
	}
}
