package cornu_test

// This file holds recurrent networks, on sequences of which some steps don't count, to what Keras computed.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
)

// chain makes the network of a golden case: its layers one behind the other, of which the recurrent one begins with the states that
// are inputs too. Its outputs are those of the last layer.
func chain(t *testing.T, c golden.Case, inputs int) *cornu.Model {
	t.Helper()
	var in []*cornu.Node
	for i := range inputs {
		in = append(in, cornu.Input(c.Tensors[fmt.Sprint("x", i)].Shape[1:]...))
	}
	out := in[:1]
	for _, l := range layersOf(t, c) {
		apply := out[:1]
		switch l.(type) {
		case *layer.SimpleRNN, *layer.LSTM, *layer.GRU, *layer.Bidirectional:
			apply = append(slices.Clone(apply), in[1:]...)
		}
		out = cornu.ApplyAll(l, apply...)
	}
	return cornu.NewModel(in, out)
}

func TestMaskedTrainingsAreKerasTrainings(t *testing.T) {
	for _, c := range golden.Load(t, "masked").Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, y := numbered(c, "x"), numbered(c, "y")
			model := chain(t, c, len(x))
			if err := model.SetWeights(tensorsOf(t, numbered(c, "initial "))); err != nil {
				t.Fatal(err)
			}
			cfg := cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.2, Momentum: 0.9}}
			if len(y) == 1 {
				cfg.Metrics, cfg.WeightedMetrics = []metric.Metric{metric.MeanAbsoluteError{}}, []metric.Metric{metric.MeanSquaredError{}}
			}
			if err := model.Compile(cfg); err != nil {
				t.Fatal(err)
			}
			source := &data.Arrays{X: columnsOf(t, x), Y: columnsOf(t, y)}
			if w, ok := c.Tensors["weights"]; ok {
				if len(w.Shape) == 1 {
					source.Weights = w.Data
				} else {
					source.TargetWeights = []data.Column{columnsOf(t, []golden.Tensor{w})[0]}
				}
			}
			check := func(when, prefix string) {
				t.Helper()
				result, err := model.Evaluate(context.Background(), source, cornu.EvaluateConfig{BatchSize: x[0].Shape[0], Quiet: true})
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range c.Numbers {
					if name, ok := strings.CutPrefix(name, when+" "); ok {
						near(t, when+" "+name, []float32{float32(result.Metrics[name])}, want, tolerance)
					}
				}
				out, err := model.PredictAll(context.Background(), tensorsOf(t, x)...)
				if err != nil {
					t.Fatal(err)
				}
				var got [][]float32
				for _, y := range out {
					got = append(got, floats(t, y))
				}
				sameTensors(t, when+" prediction", got, numbered(c, prefix+" "))
			}
			check("before", "first")
			for range 3 {
				if _, err := model.TrainOnBatch(source); err != nil {
					t.Fatal(err)
				}
			}
			check("after", "last")
			sameTensors(t, "final weights", weightsOf(t, model), numbered(c, "final "))
		})
	}
}
