package callback

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// averaged is a weight that learns w·1 = 1 and whose average is kept.
func averaged(t *testing.T, ema optimizer.EMA) *cornu.Sequential {
	t.Helper()
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1, NoBias: true, KernelInitializer: initializer.Zeros{}})
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1, EMA: ema}}); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestValidationSeesTheAveragesAsInKeras(t *testing.T) {
	for _, c := range golden.Load(t, "averages").Cases {
		swap := &SwapEMAWeights{}
		configure(t, c, swap)
		m := averaged(t, optimizer.EMA{On: true, Momentum: new(0.6)})
		var weights []float64
		history, err := m.Fit(t.Context(), ones(t), cornu.FitConfig{
			Epochs: 4, BatchSize: 2, ValidationData: ones(t), Quiet: true,
			Callbacks: []train.Callback{swap, train.Func(func(s *train.State) error {
				weights = append(weights, float64(s.Variables()[0].Value()[0]))
				return nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.Name+": loss", history.Values["loss"], c.Numbers["loss"])
		near(t, c.Name+": validation's loss", history.Values["val_loss"], c.Numbers["val_loss"])
		near(t, c.Name+": weights after each epoch", weights, c.Numbers["weights"])
		near(t, c.Name+": the weight in the end", []float64{weightOf(t, m)}, c.Numbers["final"])
	}
}

// However training ends, the weights end where they belong: the averages after a
// training that was stopped, the weights themselves after one that went wrong.
func TestAveragesEndInTheirPlace(t *testing.T) {
	fit := func(swap train.Callback, end error) float64 {
		m := averaged(t, optimizer.EMA{On: true, Momentum: new(0.6)})
		stop := func(s *train.State) error {
			if s.Epoch == 2 {
				return end
			}
			return nil
		}
		callbacks := []train.Callback{train.Func(stop)}
		if swap != nil {
			callbacks = append(callbacks, swap)
		}
		_, err := m.Fit(t.Context(), ones(t), cornu.FitConfig{Epochs: 9, BatchSize: 2, ValidationData: ones(t), Quiet: true, Callbacks: callbacks})
		if (err == nil) != errors.Is(end, train.ErrStop) {
			t.Fatal(err)
		}
		return weightOf(t, m)
	}
	for name, end := range map[string]error{"stopped": train.ErrStop, "gone wrong": errors.New("wrong")} {
		if with, without := fit(&SwapEMAWeights{SwapOnEpoch: true}, end), fit(nil, end); with != without {
			t.Errorf("a training that was %s ends with %v, without the callback with %v", name, with, without)
		}
	}
}

func TestSwapEMAWeightsNeedsAverages(t *testing.T) {
	m := averaged(t, optimizer.EMA{})
	if _, err := fit(t, m, 1, &SwapEMAWeights{}); err == nil || !strings.Contains(err.Error(), "set its EMA.On") {
		t.Errorf("got error %v", err)
	}
}

// A weight that is trained only later has an average that begins with it, not
// with 0.
func TestTheAverageOfAThawedWeightBeginsWithIt(t *testing.T) {
	frozen := &layer.Dense{Units: 1, NoBias: true, KernelInitializer: initializer.Constant{Value: 5}, Frozen: true}
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1}, frozen)
	if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 1e-6, EMA: optimizer.EMA{On: true}}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Fit(context.Background(), ones(t), cornu.FitConfig{Quiet: true}); err != nil {
			t.Fatal(err)
		}
		frozen.Frozen = false
	}
	if w := layer.Variables(frozen)[0].Value()[0]; math.Abs(float64(w)-5) > 1e-3 {
		t.Errorf("the weight becomes %v", w)
	}
}
