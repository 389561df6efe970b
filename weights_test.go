package cornu_test

// This file tests weights of outputs and of steps, and what is said of outputs by
// their names.

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

func kindAndSize() *cornu.Model {
	in := cornu.Input(6)
	hidden := cornu.Apply(&layer.Dense{Name: "hidden", Units: 5, Activation: activation.Tanh{}}, in)
	kind := cornu.Apply(&layer.Dense{Name: "kind", Units: 3, Activation: activation.Softmax{}}, hidden)
	return cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{kind, cornu.Apply(&layer.Dense{Name: "size", Units: 2}, hidden)})
}

func kindAndTag(withKind bool) *cornu.Model {
	a, b := cornu.Input(6), cornu.Input(4, 3)
	kind := cornu.Apply(&layer.Dense{Name: "kind", Units: 3, Activation: activation.Softmax{}}, a)
	hidden := cornu.Apply(&layer.Dense{Name: "hidden", Units: 4, Activation: activation.Tanh{}}, b)
	tag := cornu.Apply(&layer.Dense{Name: "tag", Units: 2, Activation: activation.Softmax{}}, hidden)
	if !withKind {
		return cornu.NewModel([]*cornu.Node{b}, []*cornu.Node{tag})
	}
	return cornu.NewModel([]*cornu.Node{a, b}, []*cornu.Node{kind, tag})
}

func TestOutputsAndStepsAreWeightedAsInKeras(t *testing.T) {
	cce, accuracy := loss.CategoricalCrossentropy{}, []metric.Metric{metric.CategoricalAccuracy{}}
	named := cornu.CompileConfig{Outputs: map[string]cornu.OutputConfig{
		"size": {Loss: loss.MeanSquaredError{}, LossWeight: new(0.3), WeightedMetrics: []metric.Metric{metric.MeanAbsoluteError{}}},
		"kind": {Loss: cce, Metrics: accuracy},
	}}
	measured := cornu.CompileConfig{
		Loss: cce, Metrics: []metric.Metric{metric.MeanSquaredError{}},
		WeightedMetrics: []metric.Metric{metric.CategoricalAccuracy{}, metric.CategoricalCrossentropy{}},
	}
	both := cornu.CompileConfig{Losses: []loss.Loss{cce, cce}, OutputWeightedMetrics: [][]metric.Metric{accuracy, accuracy}}
	for _, c := range golden.Load(t, "weights").Cases {
		var model *cornu.Model
		var cfg cornu.CompileConfig
		switch c.Name {
		case "each output has weights", "one output has weights", "all outputs have one weight":
			model, cfg = kindAndSize(), named
		case "steps have weights", "some steps weigh nothing":
			model, cfg = kindAndTag(false), measured
		case "samples and steps":
			model, cfg = kindAndTag(true), both
		default:
			t.Fatalf("%s is compared with nothing", c.Name)
		}
		columns := func(prefix string) (list []data.Column) {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s %d", prefix, i)
				if _, ok := c.Tensors[name]; !ok {
					return list
				}
				list = append(list, columnOf(t, c, name))
			}
		}
		source := &data.Arrays{X: columns("x"), Y: columns("y"), TargetWeights: columns("w")}
		switch c.Name {
		case "all outputs have one weight":
			source.TargetWeights, source.Weights = nil, c.Tensors["w 0"].Data
		case "one output has weights":
			source.TargetWeights[0] = nil
		}
		t.Run(c.Name, func(t *testing.T) {
			cfg.Optimizer = optimizer.SGD{LearningRate: 0.1}
			if err := model.Compile(cfg); err != nil {
				t.Fatal(err)
			}
			startFrom(t, model, c)
			history, err := model.Fit(t.Context(), data.Prefetch(source, 2), cornu.FitConfig{Epochs: 3, BatchSize: 8, NoShuffle: true, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			result, err := model.Evaluate(t.Context(), generator(source), cornu.EvaluateConfig{BatchSize: 8, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			sameMeasures(t, c, history, result)
			sameWeights(t, c, model)
		})
	}
}

// generator yields the samples of arrays one by one.
func generator(a *data.Arrays) data.Source {
	spec := a.Spec()
	return data.Func(spec, func(ctx context.Context, _ data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			batches, err := a.Epoch(ctx, data.EpochConfig{BatchSize: 1})
			if err != nil {
				yield(data.Sample{}, err)
				return
			}
			defer batches.Close()
			room := func(shapes []tensor.Shape) (list [][]float32) {
				for _, shape := range shapes {
					list = append(list, make([]float32, shape.Numel()))
				}
				return list
			}
			b := data.Batch{X: room(spec.X), Y: room(spec.Y), W: room(spec.W)}
			for {
				if _, err := batches.Next(); err != nil {
					return
				}
				if err := batches.Read(&b, nil); !yield(data.Sample{X: b.X, Y: b.Y, W: b.W, T: b.T}, err) {
					return
				}
			}
		}
	})
}

func TestPartsOfWeightedOutputsKeepTheirWeights(t *testing.T) {
	c := golden.Load(t, "weights").Case(t, "each output has weights")
	source := &data.Arrays{
		X: []data.Column{columnOf(t, c, "x 0")}, Y: []data.Column{columnOf(t, c, "y 0"), columnOf(t, c, "y 1")},
		TargetWeights: []data.Column{columnOf(t, c, "w 0"), columnOf(t, c, "w 1")},
	}
	_, last, err := source.Split(0.25)
	if err != nil {
		t.Fatal(err)
	}
	batches, err := last.Epoch(t.Context(), data.EpochConfig{BatchSize: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Close()
	if _, err := batches.Next(); err != nil {
		t.Fatal(err)
	}
	b := data.Batch{X: [][]float32{make([]float32, 30)}, W: [][]float32{make([]float32, 5), make([]float32, 5)}}
	if err := batches.Read(&b, nil); err != nil {
		t.Fatal(err)
	}
	for i, w := range b.W {
		if want := c.Tensors[fmt.Sprintf("w %d", i)].Data[15:]; !slices.Equal(w, want) {
			t.Errorf("weights %d of the last quarter are %v, want %v", i, w, want)
		}
	}
}

func TestMistakesInOutputsAndWeightsAreErrors(t *testing.T) {
	mse := loss.MeanSquaredError{}
	for want, cfg := range map[string]cornu.CompileConfig{
		`no output is called "knid": the model's are kind, size`: {Outputs: map[string]cornu.OutputConfig{"knid": {Loss: mse}, "size": {Loss: mse}}},
		`Outputs lacks "size"`:                      {Outputs: map[string]cornu.OutputConfig{"kind": {Loss: mse}}},
		"the field Outputs takes the place of Loss": {Loss: mse, Outputs: map[string]cornu.OutputConfig{"kind": {}, "size": {}}},
		"a metric is nil":                           {Outputs: map[string]cornu.OutputConfig{"kind": {Loss: mse, Metrics: []metric.Metric{nil}}, "size": {}}},
		"no output has a loss":                      {Outputs: map[string]cornu.OutputConfig{"kind": {}, "size": {}}},
		"OutputWeightedMetrics has 1":               {Loss: mse, OutputWeightedMetrics: [][]metric.Metric{nil}},
	} {
		if err := kindAndSize().Compile(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
	model := kindAndTag(false)
	if err := model.Compile(cornu.CompileConfig{Outputs: map[string]cornu.OutputConfig{"tag": {Loss: mse}}}); err != nil {
		t.Fatal(err)
	}
	column := func(shape ...int) data.Column {
		c, err := data.Floats(make([]float32, 2*tensor.Shape(shape).Numel()), shape...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	x, y := []data.Column{column(4, 3)}, []data.Column{column(4, 2)}
	for want, source := range map[string]*data.Arrays{
		`layer "tag": the data's sample weight has shape (None, 3), want (None, 4)`:    {X: x, Y: y, TargetWeights: []data.Column{column(3)}},
		`layer "tag": the data's sample weight has shape (None, 4, 2), want (None, 4)`: {X: x, Y: y, TargetWeights: []data.Column{column(4, 2)}},
		"there are 2 TargetWeights for 1 targets":                                      {X: x, Y: y, TargetWeights: []data.Column{nil, nil}},
		"there are Weights and TargetWeights":                                          {X: x, Y: y, Weights: []float32{1, 1}, TargetWeights: []data.Column{nil}},
		"weights has 3":                                                                {X: x, Y: y, Weights: []float32{1, 1, 1}},
	} {
		if _, err := model.TrainOnBatch(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
	for _, shape := range [][]int{nil, {1}, {4}, {4, 1}} {
		if _, err := model.TrainOnBatch(&data.Arrays{X: x, Y: y, TargetWeights: []data.Column{column(shape...)}}); err != nil {
			t.Errorf("weights of shape %v: %v", shape, err)
		}
	}
}

func ExampleByOutput() {
	in := cornu.Input(2)
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Name: "kind", Units: 3}, in),
		cornu.Apply(&layer.Dense{Name: "size", Units: 1}, in),
	})
	sizes, _ := data.Floats([]float32{0.5, 2}, 1)
	kinds, _ := data.OneHot([]int{2, 0}, 3)
	y, err := cornu.ByOutput(model, map[string]data.Column{"size": sizes, "kind": kinds})
	fmt.Println(y[0].Shape(), y[1].Shape(), err)
	_, err = cornu.ByOutput(model, map[string]data.Column{"sise": sizes})
	fmt.Println(err)
	// Output:
	// (3,) (1,) <nil>
	// cornu: ByOutput: no output is called "sise": the model's are kind, size
}
