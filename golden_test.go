package cornu_test

// This file holds whole trainings to what Keras computed: histories, evaluations,
// weights and predictions.

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A training is how one of the golden cases differs from the listing trained by
// Adam on categorical cross-entropy.
type training struct {
	dense     layer.Dense // what all Dense layers have in common
	logits    bool        // no softmax
	loss      loss.Loss
	optimizer optimizer.Optimizer
}

var trainings = map[string]training{
	"listing":                            {},
	"listing, sgd":                       {optimizer: optimizer.SGD{}},
	"listing, rmsprop":                   {optimizer: optimizer.RMSprop{}},
	"sgd with momentum and nesterov":     {optimizer: optimizer.SGD{LearningRate: 0.05, Momentum: 0.9, Nesterov: true}},
	"validation split":                   {},
	"validation data":                    {},
	"validation data with weights":       {},
	"validation steps":                   {},
	"class weight":                       {},
	"sample weight":                      {},
	"sample weight and validation split": {},
	"sparse":                             {loss: loss.SparseCategoricalCrossentropy{}},
	"from logits":                        {loss: loss.CategoricalCrossentropy{FromLogits: true}, logits: true},
	"mean squared error":                 {loss: loss.MeanSquaredError{}},
	"l2 and l1": {dense: layer.Dense{
		KernelRegularizer: regularizer.L1L2{L1: 0.001, L2: 0.01}, BiasRegularizer: regularizer.L2{L2: 0.01},
	}},
	"constraint":               {dense: layer.Dense{KernelConstraint: constraint.MaxNorm{MaxValue: new(1.0)}}},
	"activity l2":              {dense: layer.Dense{ActivityRegularizer: regularizer.L2{L2: 0.01}}},
	"activity orthogonal":      {dense: layer.Dense{ActivityRegularizer: regularizer.Orthogonal{Factor: 0.05, Mode: "columns"}}},
	"activity orthogonal rows": {dense: layer.Dense{ActivityRegularizer: regularizer.Orthogonal{Factor: 0.05}}},
	"clipnorm":                 {optimizer: optimizer.Adam{Clip: optimizer.Clip{Norm: 0.05}}},
	"global clipnorm":          {optimizer: optimizer.Adam{Clip: optimizer.Clip{GlobalNorm: 0.05}}},
}

// tolerance is of losses, weights and predictions: Keras computes in float32.
const tolerance = 1e-5

func TestTrainingsAreKerasTrainings(t *testing.T) {
	for _, c := range golden.Load(t, "trainings").Cases {
		if c.Name == "two inputs and outputs" {
			continue // is the next test
		}
		t.Run(c.Name, func(t *testing.T) {
			how, ok := trainings[c.Name]
			if !ok {
				t.Fatal("this golden case is compared with nothing")
			}
			model := how.model(t)
			startFrom(t, model, c)
			source := sourceOf(t, c, "x", "y", "sample_weight")
			cfg := cornu.FitConfig{Epochs: 3, BatchSize: 4, NoShuffle: true, Quiet: true}
			if split := c.Numbers["validation_split"]; split != nil {
				cfg.ValidationSplit = split[0]
			}
			if _, ok := c.Tensors["validation x"]; ok {
				cfg.ValidationData = sourceOf(t, c, "validation x", "validation y", "validation sample_weight")
			}
			if steps := c.Numbers["validation_steps"]; steps != nil {
				cfg.ValidationSteps, cfg.ValidationBatchSize = int(steps[0]), int(c.Numbers["validation_batch_size"][0])
			}
			if weights := c.Numbers["class_weight"]; weights != nil {
				cfg.ClassWeight = map[int]float64{}
				for class, w := range weights {
					cfg.ClassWeight[class] = w
				}
			}
			history, err := model.Fit(context.Background(), source, cfg)
			if err != nil {
				t.Fatal(err)
			}
			result, err := model.Evaluate(context.Background(), sourceOf(t, c, "x", "y", ""), cornu.EvaluateConfig{BatchSize: 4, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			sameMeasures(t, c, history, result)
			sameWeights(t, c, &model.Model)
			x := c.Tensors["x"]
			predictions, err := model.Predict(context.Background(), tensorOf(t, x.Data, x.Shape...))
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "prediction", floats(t, predictions), c.Tensors["predict"].Data)
		})
	}
}

// model returns the small network of the golden cases.
func (how training) model(t *testing.T) *cornu.Sequential {
	dense := func(units int) layer.Layer {
		d := how.dense
		d.Units = units
		return &d
	}
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{8}},
		dense(6), &layer.Activation{Func: activation.ReLU{}},
		dense(5), &layer.Activation{Func: activation.ReLU{}},
		dense(3),
	)
	if !how.logits {
		model.Add(&layer.Activation{Func: activation.Softmax{}})
	}
	cfg := cornu.CompileConfig{Loss: how.loss, Optimizer: how.optimizer, Metrics: []metric.Metric{metric.Accuracy{}}}
	if cfg.Loss == nil {
		cfg.Loss = loss.CategoricalCrossentropy{}
	}
	if cfg.Optimizer == nil {
		cfg.Optimizer = optimizer.Adam{}
	}
	if err := model.Compile(cfg); err != nil {
		t.Fatal(err)
	}
	return model
}

func TestTwoInputsAndOutputsTrainAsInKeras(t *testing.T) {
	c := golden.Load(t, "trainings").Case(t, "two inputs and outputs")
	a, b := cornu.Input(8), cornu.Input(8)
	shared := &layer.Dense{Name: "shared", Units: 5, Activation: activation.Tanh{}}
	joined := cornu.Apply(&layer.Concatenate{Name: "joined"}, cornu.Apply(shared, a), cornu.Apply(shared, b))
	kind := cornu.Apply(&layer.Dense{Name: "kind", Units: 3, Activation: activation.Softmax{}}, joined)
	size := cornu.Apply(&layer.Dense{Name: "size", Units: 2}, joined)
	model := cornu.NewModel([]*cornu.Node{a, b}, []*cornu.Node{kind, size})
	err := model.Compile(cornu.CompileConfig{
		Losses:        []loss.Loss{loss.CategoricalCrossentropy{}, loss.MeanSquaredError{}},
		LossWeights:   []float64{1, 0.3},
		Optimizer:     optimizer.Adam{LearningRate: 0.01},
		OutputMetrics: [][]metric.Metric{{metric.Accuracy{}}, {mae{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	startFrom(t, model, c)
	source := &data.Arrays{
		X: []data.Column{columnOf(t, c, "a"), columnOf(t, c, "b")},
		Y: []data.Column{columnOf(t, c, "kind"), columnOf(t, c, "size")},
	}
	history, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 3, BatchSize: 4, NoShuffle: true, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	result, err := model.Evaluate(context.Background(), source, cornu.EvaluateConfig{BatchSize: 4, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	sameMeasures(t, c, history, result)
	sameWeights(t, c, model)
}

// Layers whose outputs are added have biases of one gradient, and weights too if
// they share an input. The numbers are Keras's.
func TestLayersOfOneGradientAreAllTrained(t *testing.T) {
	x := cornu.Input(2)
	a, b := cornu.Apply(&layer.Dense{Units: 1}, x), cornu.Apply(&layer.Dense{Units: 1}, x)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&layer.Add{}, a, b)})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
		t.Fatal(err)
	}
	weights := []*tensor.Tensor{
		tensorOf(t, []float32{1, 2}, 2, 1), tensorOf(t, []float32{0}, 1),
		tensorOf(t, []float32{3, 4}, 2, 1), tensorOf(t, []float32{0}, 1),
	}
	if err := model.SetWeights(weights); err != nil {
		t.Fatal(err)
	}
	source := &data.Arrays{X: []data.Column{column(t, []float32{1, 2, 3, 4}, 2)}, Y: []data.Column{column(t, []float32{1, 1}, 1)}}
	if _, err := model.TrainOnBatch(source); err != nil {
		t.Fatal(err)
	}
	after, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{-11, -15}, {-5}, {-9, -13}, {-5}} {
		closeTo(t, fmt.Sprintf("variable %d", i), floats(t, after[i]), want)
	}
}

// mae goes by the short name that Keras was given.
type mae struct{ metric.MeanAbsoluteError }

func (mae) Name() string { return "mae" }

// startFrom sets the weights that Keras began with.
func startFrom(t *testing.T, model trainer, c golden.Case) {
	t.Helper()
	variables, err := model.Variables()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		w, ok := c.Tensors["initial "+v.Path]
		if !ok || !v.Shape.Equal(w.Shape) {
			t.Fatalf("Keras has no variable %q of shape %v", v.Path, v.Shape)
		}
		if err := v.Assign(w.Data); err != nil {
			t.Fatal(err)
		}
	}
}

// sameMeasures compares what was measured, under the same names.
func sameMeasures(t *testing.T, c golden.Case, history *cornu.History, result cornu.Result) {
	t.Helper()
	seen := 0
	for name, want := range c.Numbers {
		what, name, ok := strings.Cut(name, " ")
		var got []float64
		switch {
		case !ok:
			continue
		case what == "history":
			got = history.Values[name]
		case what == "evaluate":
			got = []float64{result.Metrics[name]}
		}
		seen++
		if len(got) != len(want) {
			t.Errorf("%s of %s has %d values, want %d", what, name, len(got), len(want))
			continue
		}
		for i := range want {
			if d := math.Abs(got[i] - want[i]); !(d <= tolerance) {
				t.Errorf("%s of %s, value %d, is %v, want %v", what, name, i, got[i], want[i])
			}
		}
	}
	if n := len(history.Values) + len(result.Metrics); n != seen {
		t.Errorf("%d measures were taken, Keras takes %d: %v, %v", n, seen, history.Names(), result.Metrics)
	}
}

func sameWeights(t *testing.T, c golden.Case, model *cornu.Model) {
	t.Helper()
	variables, err := model.Variables()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		closeTo(t, v.Path, v.Value(), c.Tensors["final "+v.Path].Data)
	}
}

func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tolerance) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func columnOf(t *testing.T, c golden.Case, name string) data.Column {
	t.Helper()
	x, ok := c.Tensors[name]
	if !ok {
		t.Fatalf("there is no tensor %q", name)
	}
	column, err := data.Floats(x.Data, x.Shape[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return column
}

// sourceOf makes a source of a case's tensors, with the weights if there are some
// of that name.
func sourceOf(t *testing.T, c golden.Case, x, y, weights string) *data.Arrays {
	t.Helper()
	a := &data.Arrays{X: []data.Column{columnOf(t, c, x)}, Y: []data.Column{columnOf(t, c, y)}}
	if w, ok := c.Tensors[weights]; ok {
		a.Weights = w.Data
	}
	return a
}

func tensorOf[T float32 | float64 | uint8 | int32](t testing.TB, values []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func floats(t testing.TB, x *tensor.Tensor) []float32 {
	t.Helper()
	values, err := tensor.Data[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}
