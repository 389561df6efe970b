package callback

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// oneWeight is the model of the golden file: one weight w, from 0, that learns
// w·1 = 1.
func oneWeight(t testing.TB, rate float64) *cornu.Sequential {
	t.Helper()
	m := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{1}},
		&layer.Dense{Units: 1, NoBias: true, KernelInitializer: initializer.Zeros{}},
	)
	err := m.Compile(cornu.CompileConfig{
		Loss:      loss.MeanSquaredError{},
		Optimizer: optimizer.SGD{LearningRate: rate},
		Metrics:   []metric.Metric{metric.MeanAbsoluteError{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ones are four samples of 1 with the target 1.
func ones(t testing.TB) *data.Arrays {
	t.Helper()
	values, err := data.Floats([]float32{1, 1, 1, 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &data.Arrays{X: []data.Column{values}, Y: []data.Column{values}}
}

func weightOf(t testing.TB, m *cornu.Sequential) float64 {
	t.Helper()
	variables, err := m.Variables()
	if err != nil {
		t.Fatal(err)
	}
	return float64(variables[0].Value()[0])
}

// fit trains a model, one step an epoch.
func fit(t testing.TB, m *cornu.Sequential, epochs int, callbacks ...train.Callback) (*cornu.History, error) {
	t.Helper()
	return m.Fit(context.Background(), ones(t), cornu.FitConfig{Epochs: epochs, Quiet: true, Callbacks: callbacks})
}

// A prescribed puts values[epoch] into the logs under a name, unless it is NaN,
// and takes the weight down.
type prescribed struct {
	name    string
	values  []float64
	weights []float64
}

func (p *prescribed) EpochEnd(s *train.State) error {
	p.weights = append(p.weights, float64(s.Variables()[0].Value()[0]))
	if v := p.values[s.Epoch]; !math.IsNaN(v) {
		s.SetLog(p.name, v)
	}
	return nil
}

// configure sets a callback to a golden case's configuration.
func configure(t *testing.T, c golden.Case, callback any) {
	t.Helper()
	if err := config.Decode(c.Config, callback); err != nil {
		t.Fatal(err)
	}
}

func monitored(c golden.Case) string {
	if name := c.String("monitor"); name != "" {
		return name
	}
	return "val_loss"
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	equal := func(a, b float64) bool {
		return math.Abs(a-b) <= 2e-7*max(1, math.Abs(b)) || math.IsNaN(a) && math.IsNaN(b)
	}
	if !slices.EqualFunc(got, want, equal) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// cases are the golden cases of a class.
func cases(t *testing.T, class string) []golden.Case {
	t.Helper()
	all := slices.DeleteFunc(golden.Load(t, "callbacks").Cases, func(c golden.Case) bool { return c.Class != class })
	if len(all) == 0 {
		t.Fatalf("no golden case of %s", class)
	}
	return all
}

func TestEarlyStoppingStopsWhereKerasDoes(t *testing.T) {
	for _, c := range cases(t, "EarlyStopping") {
		t.Run(c.Name, func(t *testing.T) {
			stop := &EarlyStopping{}
			configure(t, c, stop)
			first := &prescribed{name: monitored(c), values: c.Numbers["values"]}
			m := oneWeight(t, 0.1)
			if _, err := fit(t, m, len(first.values), first, stop); err != nil {
				t.Fatal(err)
			}
			near(t, "weights", first.weights, c.Numbers["weights"])
			near(t, "the weight in the end", []float64{weightOf(t, m)}, c.Numbers["final"])
			near(t, "stopped and best epoch", []float64{float64(stop.StoppedEpoch()), float64(stop.BestEpoch())},
				slices.Concat(c.Numbers["stopped_epoch"], c.Numbers["best_epoch"]))
		})
	}
}

func TestReduceLROnPlateauReducesAsKerasDoes(t *testing.T) {
	for _, c := range cases(t, "ReduceLROnPlateau") {
		t.Run(c.Name, func(t *testing.T) {
			reduce := &ReduceLROnPlateau{}
			configure(t, c, reduce)
			first := &prescribed{name: monitored(c), values: c.Numbers["values"]}
			m := oneWeight(t, 0.1)
			rate := 0.0
			last := train.Func(func(s *train.State) error { rate = s.LearningRate(); return nil })
			history, err := fit(t, m, len(first.values), first, reduce, last)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "rates", history.Values["learning_rate"], c.Numbers["learning_rate"])
			near(t, "the last rate", []float64{rate}, c.Numbers["final_rate"])
			near(t, "weights", first.weights, c.Numbers["weights"])
		})
	}
}

func TestLearningRateSchedulerSetsTheRateOfEachEpoch(t *testing.T) {
	c := cases(t, "LearningRateScheduler")[0]
	first := &prescribed{values: []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}}
	schedule := &LearningRateScheduler{Schedule: func(epoch int, rate float64) float64 {
		if epoch < 2 {
			return rate
		}
		return rate * 0.5
	}}
	history, err := fit(t, oneWeight(t, 0.1), 6, first, schedule)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "rates", history.Values["learning_rate"], c.Numbers["learning_rate"])
	near(t, "weights", first.weights, c.Numbers["weights"])
}

func TestEarlyStoppingSaysWhatItDoesInKerassWords(t *testing.T) {
	var log strings.Builder
	stop := &EarlyStopping{RestoreBestWeights: true, Log: &log}
	if _, err := fit(t, oneWeight(t, 0.1), 9, &prescribed{name: "val_loss", values: []float64{3, 2, 5}}, stop); err != nil {
		t.Fatal(err)
	}
	want := "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
	if log.String() != want {
		t.Errorf("it says %q, want %q", log.String(), want)
	}
	if best, ok := stop.Best(); best != 2 || !ok {
		t.Errorf("the best value is %v, %v", best, ok)
	}
}

func TestEarlyStoppingCanBeUsedForTheNextTraining(t *testing.T) {
	stop := &EarlyStopping{RestoreBestWeights: true}
	for range 2 {
		first := &prescribed{name: "val_loss", values: []float64{3, 2, 5}}
		m := oneWeight(t, 0.1)
		if _, err := fit(t, m, 9, first, stop); err != nil {
			t.Fatal(err)
		}
		if len(first.weights) != 3 || weightOf(t, m) != first.weights[1] {
			t.Errorf("%d epochs, the weight is %v of %v", len(first.weights), weightOf(t, m), first.weights)
		}
	}
}

func TestATrainingThatIsInterruptedKeepsItsLastWeights(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	first := &prescribed{name: "val_loss", values: []float64{1, 2, 3, 4}}
	m := oneWeight(t, 0.1)
	interrupt := train.Func(func(s *train.State) error {
		if s.Epoch == 2 {
			cancel()
		}
		return nil
	})
	_, err := m.Fit(ctx, ones(t), cornu.FitConfig{Epochs: 4, Quiet: true, Callbacks: []train.Callback{
		first, &EarlyStopping{Patience: 9, RestoreBestWeights: true}, interrupt,
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Fit returns %v", err)
	}
	if weightOf(t, m) != first.weights[2] {
		t.Errorf("the weight is %v, want that of the third epoch of %v", weightOf(t, m), first.weights)
	}
}

func TestWhatIsNotANumberIsNoImprovement(t *testing.T) {
	nan := func(epochs ...int) train.Func {
		return func(s *train.State) error {
			value := 1.0
			if slices.Contains(epochs, s.Epoch) {
				value = math.NaN()
			}
			s.SetLog("val_loss", value)
			return nil
		}
	}
	stop := &EarlyStopping{Patience: 3}
	if _, err := fit(t, oneWeight(t, 0.1), 9, nan(0, 1), stop); err != nil {
		t.Fatal(err)
	}
	if stop.StoppedEpoch() != 5 || stop.BestEpoch() != 2 {
		t.Errorf("stopped after epoch %d, best %d; want 5 and 2", stop.StoppedEpoch(), stop.BestEpoch())
	}
}

func TestAutoModeAsksTheMetric(t *testing.T) {
	values := []float64{1, 2, 1.5, 1.2}
	for _, c := range []struct {
		monitor string
		best    int
	}{
		{"val_loss", 0},
		{"val_mean_absolute_error", 0},
		{"val_cosine_similarity", 1},
	} {
		m := oneWeight(t, 0.1)
		err := m.Compile(cornu.CompileConfig{
			Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{},
			Metrics: []metric.Metric{metric.MeanAbsoluteError{}, metric.CosineSimilarity{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		stop := &EarlyStopping{Monitor: c.monitor, Patience: 9}
		if _, err := fit(t, m, 4, &prescribed{name: c.monitor, values: values}, stop); err != nil {
			t.Fatal(err)
		}
		if stop.BestEpoch() != c.best {
			t.Errorf("%s: the best epoch is %d, want %d", c.monitor, stop.BestEpoch(), c.best)
		}
	}
}

func TestMisuseIsAnErrorThatSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name     string
		callback train.Callback
		want     string
	}{
		{"a name that nothing has", &EarlyStopping{Monitor: "val_charm"}, `EarlyStopping: "val_charm" is not measured, only loss, mean_absolute_error; of what a callback adds, Mode must say Max or Min`},
		{"no validation", &EarlyStopping{}, `"val_loss" is not measured, only loss, mean_absolute_error: give Fit validation data`},
		{"no such measure", &ReduceLROnPlateau{Monitor: "charm", Mode: Max}, `"charm" is not measured, only learning_rate, loss`},
		{"no such mode", &EarlyStopping{Mode: "best"}, `unknown mode "best": the known ones are auto, max, min`},
		{"negative patience", &EarlyStopping{Patience: -1}, "Patience is -1"},
		{"a factor that raises the rate", &ReduceLROnPlateau{Factor: new(2.0)}, "Factor is 2"},
		{"a factor that is no number", &ReduceLROnPlateau{Factor: new(math.NaN())}, "Factor is NaN"},
		{"no schedule", &LearningRateScheduler{}, "Schedule is nil"},
		{"a rate that is no number", &LearningRateScheduler{Schedule: func(int, float64) float64 { return math.NaN() }}, "the rate of epoch 1 would be NaN"},
		{"a folder that is not there", &CSVLogger{Filename: "no/such/folder/log.csv"}, "no/such/folder/log.csv"},
		{"no file name", &CSVLogger{}, "CSVLogger: open"},
		{"a long separator", &CSVLogger{Filename: t.TempDir() + "/log.csv", Separator: "; "}, "it must be one character"},
		{"a negative frequency", &TensorBoard{HistogramFreq: -1}, "HistogramFreq is -1"},
	} {
		_, err := fit(t, oneWeight(t, 0.1), 2, c.callback)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestKerasShortNamesCanBeMonitored(t *testing.T) {
	for _, name := range []string{"mae", "MeanAbsoluteError", "mean_absolute_error"} {
		stop := &EarlyStopping{Monitor: name}
		if _, err := fit(t, oneWeight(t, 0.1), 2, stop); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, ok := stop.Best(); !ok {
			t.Errorf("%s: no value was seen", name)
		}
	}
}

func TestAnErrorIsNotHiddenByAStop(t *testing.T) {
	broken := errors.New("broken")
	fails := train.Func(func(s *train.State) error { return broken })
	stops := train.Func(func(s *train.State) error { return train.ErrStop })
	for _, order := range [][]train.Callback{{fails, stops}, {stops, fails}} {
		if _, err := fit(t, oneWeight(t, 0.1), 2, order...); !errors.Is(err, broken) {
			t.Errorf("Fit returns %v", err)
		}
	}
	end := Func{OnTrainEnd: func(*train.State) error { return broken }}
	if _, err := fit(t, oneWeight(t, 0.1), 2, stops, end); !errors.Is(err, broken) {
		t.Errorf("Fit returns %v", err)
	}
}

func TestTerminateOnNaNEndsATrainingThatIsToldToGoOn(t *testing.T) {
	for _, raise := range []bool{false, true} {
		var log strings.Builder
		batches := 0
		history, err := oneWeight(t, 1e30).Fit(context.Background(), ones(t), cornu.FitConfig{
			Epochs: 3, BatchSize: 1, AllowNonFinite: true, Quiet: true,
			Callbacks: []train.Callback{
				Func{OnBatchEnd: func(*train.State) error { batches++; return nil }},
				&TerminateOnNaN{RaiseError: raise, Log: &log},
			},
		})
		// The weight is 0, then 2e30, whose square is infinite.
		if raise {
			if err == nil || !strings.Contains(err.Error(), "the loss is +Inf after batch 2 of epoch 1") {
				t.Errorf("the error is %v", err)
			}
			continue
		}
		if err != nil || batches != 2 || len(history.Epoch) != 1 {
			t.Errorf("%d batches, %v epochs, error %v; want 2, 1 and none", batches, history.Epoch, err)
		}
		if log.String() != "Batch 1: Invalid loss, terminating training\n" {
			t.Errorf("it says %q", log.String())
		}
	}
}

func TestFuncCallsWhatItIsGiven(t *testing.T) {
	var calls []string
	note := func(name string) func(*train.State) error {
		return func(*train.State) error { calls = append(calls, name); return nil }
	}
	all := Func{
		OnTrainBegin: note("train begins"), OnTrainEnd: note("train ends"),
		OnEpochBegin: note("epoch begins"), OnEpochEnd: note("epoch ends"),
		OnBatchBegin: note("batch begins"), OnBatchEnd: note("batch ends"),
	}
	if _, err := fit(t, oneWeight(t, 0.1), 1, all, Func{}); err != nil {
		t.Fatal(err)
	}
	want := "train begins, epoch begins, batch begins, batch ends, epoch ends, train ends"
	if got := strings.Join(calls, ", "); got != want {
		t.Errorf("it calls %s\nwant     %s", got, want)
	}
}
