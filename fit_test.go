package cornu_test

// This file tests what Fit means: epochs, batches, measures, callbacks, frozen
// layers, and how a training ends.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// still is an optimizer that changes nothing.
var still = optimizer.SGD{Schedule: optimizer.PiecewiseConstantDecay{Values: []float64{0}}}

func TestTheLossOfAnEpochIsTheMeanOverItsSamples(t *testing.T) {
	model := compiled(t, 0, still)
	whole, err := model.TestOnBatch(points(t, 22))
	if err != nil {
		t.Fatal(err)
	}
	history := fit(t, model, points(t, 22), cornu.FitConfig{BatchSize: 4})
	evaluated, err := model.Evaluate(ctx, points(t, 22), cornu.EvaluateConfig{BatchSize: 5, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"loss", "accuracy"} {
		fitted, _ := history.Last(name)
		for how, got := range map[string]float64{"Fit": fitted, "Evaluate": evaluated.Metrics[name]} {
			if want := whole.Metrics[name]; math.Abs(got-want) > 1e-6 {
				t.Errorf("%s in unequal batches: %s is %v, over all samples at once it is %v", how, name, got, want)
			}
		}
	}
}

func TestMeasuresInTrainingAreTheRunningOnesWithDropoutOn(t *testing.T) {
	model := compiled(t, 0, still)
	source := points(t, 22)
	var losses []float64
	fit(t, model, source, cornu.FitConfig{BatchSize: 8, NoShuffle: true, Callbacks: []train.Callback{
		batchEnd(func(s *train.State) error {
			l, _ := s.Log("loss")
			losses = append(losses, l)
			return nil
		}),
	}})
	sum, n := 0.0, 0
	for i, begin := range []int{0, 8, 16} {
		end := min(begin+8, 22)
		r, err := model.TestOnBatch(slice(t, begin, end))
		if err != nil {
			t.Fatal(err)
		}
		sum += r.Loss * float64(end-begin)
		n = end
		if math.Abs(losses[i]-sum/float64(n)) > 1e-6 {
			t.Errorf("after batch %d the loss is %v, want %v", i, losses[i], sum/float64(n))
		}
	}

	dropping := compiled(t, 0.5, still)
	history := fit(t, dropping, source, cornu.FitConfig{})
	evaluated, err := dropping.Evaluate(ctx, source, cornu.EvaluateConfig{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	if l, _ := history.Last("loss"); math.Abs(l-evaluated.Loss) < 1e-4 {
		t.Errorf("the training's loss is the evaluation's, %v, though dropout is on", l)
	}
}

// batchEnd makes a callback of a function that is called after each batch.
type batchEnd func(*train.State) error

func (f batchEnd) BatchEnd(s *train.State) error { return f(s) }
func (batchEnd) EpochEnd(*train.State) error     { return nil }

func TestTheValidationSplitIsTheEndOfTheDataBeforeShuffling(t *testing.T) {
	x := wave(8*20, 1)
	labels := classesOf(x)
	for i := 8 * 15; i < len(x); i++ {
		x[i] = float32(math.NaN())
	}
	history := fit(t, compiled(t, 0, optimizer.Adam{}), withTargets(t, x, labels), cornu.FitConfig{ValidationSplit: 0.25, Epochs: 2})
	if l, _ := history.Last("loss"); math.IsNaN(l) {
		t.Error("the samples that are held back were trained on")
	}
	if l, _ := history.Last("val_loss"); !math.IsNaN(l) {
		t.Error("the last samples were not validated on")
	}
}

func TestATrainingGoesOnFromItsInitialEpoch(t *testing.T) {
	once, twice := compiled(t, 0.3, optimizer.Adam{}), compiled(t, 0.3, optimizer.Adam{})
	source := points(t, 50)
	fit(t, once, source, cornu.FitConfig{Epochs: 4})
	fit(t, twice, source, cornu.FitConfig{Epochs: 2})
	history := fit(t, twice, source, cornu.FitConfig{InitialEpoch: 2, Epochs: 4})
	sameBits(t, "two trainings, one after the other", bits(t, twice), bits(t, once))
	if !slices.Equal(history.Epoch, []int{2, 3}) || len(history.Values["loss"]) != 2 {
		t.Errorf("the second history is of epochs %v", history.Epoch)
	}
}

func TestEpochsOfSomeStepsShareAPassOverTheData(t *testing.T) {
	for _, noShuffle := range []bool{true, false} {
		whole, parts := compiled(t, 0.3, optimizer.Adam{}), compiled(t, 0.3, optimizer.Adam{})
		source := points(t, 70) // 5 batches
		fit(t, whole, source, cornu.FitConfig{Epochs: 2, NoShuffle: noShuffle})
		var steps []int
		fit(t, parts, source, cornu.FitConfig{Epochs: 6, StepsPerEpoch: 2, NoShuffle: noShuffle, Callbacks: []train.Callback{
			train.Func(func(s *train.State) error {
				if s.Batch != s.Batches {
					t.Errorf("epoch %d ended after %d batches of %d", s.Epoch, s.Batch, s.Batches)
				}
				steps = append(steps, s.Batch)
				return nil
			}),
		}})
		sameBits(t, "two passes in six epochs", bits(t, parts), bits(t, whole))
		if want := []int{2, 2, 1, 2, 2, 1}; !slices.Equal(steps, want) {
			t.Errorf("the epochs had %v steps, want %v", steps, want)
		}
	}
}

// A recorder notes every hook that is called.
type recorder struct {
	name   string
	calls  *[]string
	failAt string // the hook that returns err
	err    error
	endErr error // what TrainEnd saw
}

func (r *recorder) note(hook string, s *train.State) error {
	*r.calls = append(*r.calls, fmt.Sprintf("%s%s %d.%d", r.name, hook, s.Epoch, s.Batch))
	if hook == r.failAt {
		return r.err
	}
	return nil
}

func (r *recorder) TrainBegin(s *train.State) error { return r.note("TrainBegin", s) }
func (r *recorder) TrainEnd(s *train.State) error {
	r.endErr = s.Err
	return r.note("TrainEnd", s)
}
func (r *recorder) EpochBegin(s *train.State) error { return r.note("EpochBegin", s) }
func (r *recorder) EpochEnd(s *train.State) error   { return r.note("EpochEnd", s) }
func (r *recorder) BatchBegin(s *train.State) error { return r.note("BatchBegin", s) }
func (r *recorder) BatchEnd(s *train.State) error   { return r.note("BatchEnd", s) }

func TestCallbacksAreToldOfEverythingInOrder(t *testing.T) {
	var calls []string
	a, b := &recorder{name: "a.", calls: &calls}, &recorder{name: "b.", calls: &calls}
	fit(t, compiled(t, 0, still), points(t, 32), cornu.FitConfig{Epochs: 2, Callbacks: []train.Callback{a, b}})
	var want []string
	both := func(hook string, epoch, batch int) {
		for _, name := range []string{"a.", "b."} {
			want = append(want, fmt.Sprintf("%s%s %d.%d", name, hook, epoch, batch))
		}
	}
	both("TrainBegin", 0, 0)
	for epoch := range 2 {
		both("EpochBegin", epoch, 0)
		for batch := range 2 {
			both("BatchBegin", epoch, batch)
			both("BatchEnd", epoch, batch)
		}
		both("EpochEnd", epoch, 2)
	}
	both("TrainEnd", 1, 2)
	if !slices.Equal(calls, want) {
		t.Errorf("got %v\nwant %v", calls, want)
	}
}

func TestACallbackStopsTrainingCleanly(t *testing.T) {
	for hook, steps := range map[string]uint64{"TrainBegin": 0, "EpochBegin": 0, "BatchBegin": 0, "BatchEnd": 1, "EpochEnd": 2, "TrainEnd": 4} {
		var calls []string
		r := &recorder{calls: &calls, failAt: hook, err: fmt.Errorf("enough: %w", train.ErrStop)}
		done := uint64(0)
		count := batchEnd(func(s *train.State) error { done = s.Step; return nil })
		model := compiled(t, 0, still)
		history, err := model.Fit(ctx, points(t, 32), cornu.FitConfig{Epochs: 2, BatchSize: 16, Quiet: true, Callbacks: []train.Callback{count, r}})
		if err != nil {
			t.Errorf("stopped in %s: got error %v", hook, err)
		}
		if n := len(history.Epoch); n != len(history.Values["loss"]) {
			t.Errorf("stopped in %s: the history has %d epochs and %d losses", hook, n, len(history.Values["loss"]))
		}
		if done != steps {
			t.Errorf("stopped in %s: %d steps were done, want %d", hook, done, steps)
		}
		if last := calls[len(calls)-1]; !strings.HasPrefix(last, "TrainEnd") || r.endErr != nil {
			t.Errorf("stopped in %s: the last call is %s, with error %v", hook, last, r.endErr)
		}
	}
}

func TestAnErrorOfACallbackEndsTraining(t *testing.T) {
	mine := errors.New("the disk is full")
	for _, hook := range []string{"TrainBegin", "EpochBegin", "BatchBegin", "BatchEnd", "EpochEnd", "TrainEnd"} {
		var calls []string
		r := &recorder{calls: &calls, failAt: hook, err: mine}
		stop := train.Func(func(*train.State) error { return train.ErrStop })
		_, err := compiled(t, 0, still).Fit(ctx, points(t, 32), cornu.FitConfig{BatchSize: 16, Quiet: true, Callbacks: []train.Callback{stop, r}})
		if !errors.Is(err, mine) {
			t.Errorf("failed in %s: got error %v", hook, err)
		}
		if last := calls[len(calls)-1]; !strings.HasPrefix(last, "TrainEnd") {
			t.Errorf("failed in %s: the last call is %s", hook, last)
		}
		if hook != "TrainEnd" && !errors.Is(r.endErr, mine) {
			t.Errorf("failed in %s: TrainEnd was told of %v", hook, r.endErr)
		}
	}
}

func TestAContextThatEndsKeepsTheWeightsOfTheLastStep(t *testing.T) {
	model, other := compiled(t, 0.3, optimizer.Adam{}), compiled(t, 0.3, optimizer.Adam{})
	source := points(t, 64)
	stop, cancel := context.WithCancel(ctx)
	var kept []uint32
	history, err := model.Fit(stop, source, cornu.FitConfig{Epochs: 3, BatchSize: 16, Quiet: true, Callbacks: []train.Callback{
		batchEnd(func(s *train.State) error {
			if s.Step == 6 {
				cancel()
				for _, v := range s.Variables() {
					for _, x := range v.Value() {
						kept = append(kept, math.Float32bits(x))
					}
				}
			}
			return nil
		}),
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want the context's", err)
	}
	for _, part := range []string{"epoch 2", "after 2 of its batches", "after step 6"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q doesn't say %q", err, part)
		}
	}
	sameBits(t, "after the context's end", bits(t, model), kept)
	if !slices.Equal(history.Epoch, []int{0}) {
		t.Errorf("the history is of epochs %v, want the first alone", history.Epoch)
	}

	if _, err := other.Fit(stop, source, cornu.FitConfig{Quiet: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended before: got error %v", err)
	}
	fresh := compiled(t, 0.3, optimizer.Adam{})
	sameBits(t, "a training that never began", bits(t, other), bits(t, fresh))
}

func TestATrainOnBatchIsAStepOfFit(t *testing.T) {
	one, other := compiled(t, 0.3, optimizer.Adam{}), compiled(t, 0.3, optimizer.Adam{})
	source := points(t, 24)
	for epoch := range 3 {
		history := fit(t, one, source, cornu.FitConfig{BatchSize: 24, NoShuffle: true, InitialEpoch: epoch})
		result, err := other.TrainOnBatch(source)
		if err != nil {
			t.Fatal(err)
		}
		if l, _ := history.Last("loss"); l != result.Loss || result.Metrics["loss"] != l {
			t.Errorf("step %d: the loss is %v, Fit's %v", epoch, result.Loss, l)
		}
	}
	sameBits(t, "three steps", bits(t, other), bits(t, one))
	before, err := other.TestOnBatch(source)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, err := other.Evaluate(ctx, source, cornu.EvaluateConfig{BatchSize: 24, Quiet: true})
	if err != nil || before.Loss != evaluated.Loss {
		t.Errorf("TestOnBatch gives %v, Evaluate %v, %v", before.Loss, evaluated.Loss, err)
	}
}

func TestMetricsOfSeveralResultsGiveThemAll(t *testing.T) {
	model := small(0)
	cfg := classifier(still)
	cfg.Metrics = []metric.Metric{
		metric.Accuracy{},
		metric.Named("matrix", metric.ConfusionMatrix{}), metric.Named("again", metric.Accuracy{}),
		metric.Recall{Thresholds: []float64{0.1, 0.9}},
	}
	if err := model.Compile(cfg); err != nil {
		t.Fatal(err)
	}
	const n = 50
	result, err := model.Evaluate(ctx, points(t, n), cornu.EvaluateConfig{BatchSize: 16, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	x := wave(8*n, 1)
	predictions, err := model.Predict(ctx, tensorOf(t, x, n, 8))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 9)
	for i, label := range classesOf(x) {
		row, guess := floats(t, predictions)[3*i:][:3], 0
		for j, p := range row {
			if p > row[guess] {
				guess = j
			}
		}
		want[3*label+guess]++
	}
	matrix := metric.Rows(result.Vectors["matrix"])
	if got := slices.Concat(matrix...); len(matrix) != 3 || !slices.Equal(got, want) {
		t.Errorf("the confusion matrix is %v, want %v", matrix, want)
	}
	if recalls := result.Vectors["recall"]; len(recalls) != 2 || recalls[0] < recalls[1] {
		t.Errorf("the recalls at two thresholds are %v", recalls)
	}
	if len(result.Vectors) != 2 || result.Metrics["matrix"] != result.Metrics["accuracy"] {
		t.Errorf("the measures are %v and %v", result.Metrics, result.Vectors)
	}
	if on, err := model.TestOnBatch(points(t, n)); err != nil || !slices.Equal(on.Vectors["matrix"], want) {
		t.Errorf("on one batch it is %v, %v", on.Vectors["matrix"], err)
	}
}

func TestClassWeightsAreSampleWeights(t *testing.T) {
	byClass, bySample := compiled(t, 0, optimizer.Adam{}), compiled(t, 0, optimizer.Adam{})
	source := points(t, 30)
	weighted := points(t, 30)
	for _, label := range classesOf(wave(8*30, 1)) {
		weighted.Weights = append(weighted.Weights, []float32{2, 1, 0.5}[label])
	}
	fit(t, byClass, source, cornu.FitConfig{Epochs: 2, ClassWeight: map[int]float64{0: 2, 2: 0.5}})
	fit(t, bySample, weighted, cornu.FitConfig{Epochs: 2})
	sameBits(t, "weighted trainings", bits(t, byClass), bits(t, bySample))
}

func TestFrozenLayersAreNotTrained(t *testing.T) {
	source := points(t, 40)
	for _, frozen := range [][]int{{0}, {1}, {2}, {0, 2}, {0, 1, 2}} {
		layers := []*layer.Dense{
			{Units: 7, Activation: activation.ReLU{}},
			{Units: 5, Activation: activation.ReLU{}},
			{Units: 3, Activation: activation.Softmax{}},
		}
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, layers[0], layers[1], layers[2])
		for _, i := range frozen {
			layers[i].Frozen = true
		}
		if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
			t.Fatal(err)
		}
		var before [][]uint32
		bits(t, model)
		for _, l := range layers {
			before = append(before, layerBits(l))
		}
		fit(t, model, source, cornu.FitConfig{})
		for i, l := range layers {
			if changed := !slices.Equal(layerBits(l), before[i]); changed == slices.Contains(frozen, i) {
				t.Errorf("frozen %v: layer %d changed: %v", frozen, i, changed)
			}
		}
	}
}

// A layer that is frozen and thawed goes on with the state that it had, and what
// is trained meanwhile is trained as ever.
func TestLayersMayBeFrozenAfterCompile(t *testing.T) {
	source := points(t, 16)
	run := func(thaw bool) (first, last []uint32) {
		model := small(0)
		head := model.Layers()[1].(*layer.Dense)
		if err := model.Compile(classifier(optimizer.SGD{LearningRate: 0.1, Momentum: 0.9})); err != nil {
			t.Fatal(err)
		}
		fit(t, model, source, cornu.FitConfig{NoShuffle: true})
		head.Frozen = true
		frozen := layerBits(head)
		fit(t, model, source, cornu.FitConfig{NoShuffle: true})
		sameBits(t, "the frozen layer", layerBits(head), frozen)
		head.Frozen = !thaw
		fit(t, model, source, cornu.FitConfig{NoShuffle: true})
		return frozen, layerBits(head)
	}
	if before, after := run(true); slices.Equal(before, after) {
		t.Error("a thawed layer isn't trained")
	}
	if before, after := run(false); !slices.Equal(before, after) {
		t.Error("a frozen layer is trained")
	}
}

func TestGradientsAreClippedByValue(t *testing.T) {
	model := compiled(t, 0, optimizer.SGD{LearningRate: 1, Clip: optimizer.Clip{Value: 1e-3}})
	before, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	fit(t, model, points(t, 16), cornu.FitConfig{})
	after, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for i := range before {
		a, b := floats(t, before[i]), floats(t, after[i])
		for j := range a {
			largest = max(largest, math.Abs(float64(b[j])-float64(a[j])))
		}
	}
	if math.Abs(largest-1e-3) > 1e-6 {
		t.Errorf("the largest change is %v, want the bound, 0.001", largest)
	}
}

func TestAveragedWeightsTakeTheirPlaceAtTheEnd(t *testing.T) {
	const momentum = 0.75
	source := points(t, 48)
	plain := compiled(t, 0, optimizer.SGD{LearningRate: 0.5})
	averaged := compiled(t, 0, optimizer.SGD{LearningRate: 0.5, EMA: optimizer.EMA{On: true, Momentum: new(momentum)}})
	var want []float64
	fit(t, plain, source, cornu.FitConfig{Callbacks: []train.Callback{batchEnd(func(s *train.State) error {
		i := 0
		for _, v := range s.Variables() {
			for _, w := range v.Value() {
				if s.Step == 1 {
					want = append(want, float64(w))
				} else {
					want[i] = momentum*want[i] + (1-momentum)*float64(w)
				}
				i++
			}
		}
		return nil
	})}})
	fit(t, averaged, source, cornu.FitConfig{})
	for i, b := range bits(t, averaged) {
		if got := float64(math.Float32frombits(b)); math.Abs(got-want[i]) > 1e-6 {
			t.Fatalf("weight %d is %v, its average %v", i, got, want[i])
		}
	}
}

func TestTheLearningRateFollowsItsScheduleUntilItIsSet(t *testing.T) {
	model := compiled(t, 0, optimizer.SGD{Schedule: halving{}})
	var rates []float64
	fit(t, model, points(t, 48), cornu.FitConfig{Epochs: 2, Callbacks: []train.Callback{batchEnd(func(s *train.State) error {
		rates = append(rates, s.LearningRate())
		if s.Step == 4 {
			s.SetLearningRate(0.125)
		}
		return nil
	})}})
	if want := []float64{0.5, 0.25, 0.125, 0.0625, 0.125, 0.125}; !slices.Equal(rates, want) {
		t.Errorf("the rates are %v, want %v", rates, want)
	}
}

// halving is a schedule of the user's own.
type halving struct{}

func (halving) Name() string              { return "halving" }
func (halving) Rate(steps uint64) float64 { return math.Ldexp(1, -int(steps)) }

func TestAMeasureIsFoundByKerasNamesOrNotAtAll(t *testing.T) {
	result := cornu.Result{Metrics: map[string]float64{"loss": 1, "accuracy": 2, "mean_absolute_error": 3, "kind_mean_squared_error": 4, "val_top_k_categorical_accuracy": 5}}
	for name, want := range map[string]float64{
		"loss": 1, "accuracy": 2, "acc": 2, "mae": 3, "MAE": 3, "kind_mse": 4, "val_TopKCategoricalAccuracy": 5,
	} {
		if got, err := result.Metric(name); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "acuracy", "mse", "val_acc", "accuracy_1", "_acc"} {
		_, err := result.Metric(name)
		if want := strconv.Quote(name) + " is not measured, only accuracy, kind_mean_squared_error, loss, mean_absolute_error, val_top_k_categorical_accuracy"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if _, err := (cornu.Result{}).Metric("loss"); err == nil {
		t.Error("nothing was measured, and it has a loss")
	}
}

// gate has no variables, and doubles unless it is frozen.
type gate struct{ Frozen bool }

func (*gate) Build(*layer.Builder, []tensor.Shape) error { return nil }

func (l *gate) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	if l.Frozen {
		return in[0]
	}
	return in[0].MulScalar(2)
}

func TestALayerWithoutVariablesCanBeFrozenAtAnyTime(t *testing.T) {
	l := &gate{}
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, l)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
		t.Fatal(err)
	}
	x, err := data.FromRows([][]float32{{1}}, [][]float32{{0}})
	if err != nil {
		t.Fatal(err)
	}
	for frozen, want := range map[bool]float64{false: 4, true: 1} {
		l.Frozen = frozen
		if result, err := model.TestOnBatch(x); err != nil || result.Loss != want {
			t.Errorf("frozen %v: the loss is %v, %v, want %v", frozen, result.Loss, err, want)
		}
	}
}

func TestValidationMayBeRare(t *testing.T) {
	history := fit(t, compiled(t, 0, still), points(t, 20), cornu.FitConfig{Epochs: 5, ValidationEvery: 2, ValidationData: points(t, 10)})
	if n, v := len(history.Values["loss"]), len(history.Values["val_loss"]); n != 5 || v != 2 {
		t.Errorf("5 epochs with every second validated have %d losses and %d of validation", n, v)
	}
	if loss, v := history.Epochs("loss"), history.Epochs("val_loss"); !slices.Equal(loss, []int{0, 1, 2, 3, 4}) || !slices.Equal(v, []int{1, 3}) {
		t.Errorf("the losses are of the epochs %v, those of validation of %v", loss, v)
	}
	if v, err := history.Last("val_acc"); err != nil || v != history.Values["val_accuracy"][1] {
		t.Errorf("the accuracy of validation is %v, %v", v, err)
	}
	if _, err := history.Last("nothing"); err == nil || !strings.Contains(err.Error(), `"nothing" is not measured, only accuracy, loss, val_accuracy, val_loss`) {
		t.Errorf("a measure that nobody took: %v", err)
	}
}

func TestPenaltiesAreNoMattersOfFrozenWeights(t *testing.T) {
	dense := &layer.Dense{Units: 3, Activation: activation.Softmax{}, KernelRegularizer: squares{}}
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, dense)
	if err := model.Compile(classifier(still)); err != nil {
		t.Fatal(err)
	}
	with, err := model.TestOnBatch(points(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	dense.Frozen = true
	without, err := model.TestOnBatch(points(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	penalty := 0.0
	for _, w := range layer.Variables(dense)[0].Value() {
		penalty += float64(w) * float64(w)
	}
	if d := with.Loss - without.Loss; math.Abs(d-penalty) > 1e-5 {
		t.Errorf("the penalty is %v, want %v", d, penalty)
	}
}

// squares is a regularizer of the user's own.
type squares struct{}

func (squares) Name() string                      { return "squares" }
func (squares) Penalty(w *graph.Node) *graph.Node { return w.Square().Sum() }

// total is a layer that forgets the batch.
type total struct{ Name string }

func (*total) Build(*layer.Builder, []tensor.Shape) error { return nil }
func (*total) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Sum()
}

// endless yields one sample again and again.
func endless(spec data.Spec, s data.Sample) data.Source {
	return data.Func(spec, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for yield(s, nil) {
			}
		}
	})
}

func TestAGeneratorTrainsSoManySteps(t *testing.T) {
	spec := data.Spec{X: []tensor.Shape{{8}}, Y: []tensor.Shape{{3}}, Len: -1}
	source := endless(spec, data.Sample{X: [][]float32{wave(8, 1)}, Y: [][]float32{{0, 1, 0}}})
	steps := uint64(0)
	history := fit(t, compiled(t, 0, optimizer.Adam{LearningRate: 0.1}), source, cornu.FitConfig{Epochs: 4, StepsPerEpoch: 5, Callbacks: []train.Callback{
		train.Func(func(s *train.State) error { steps = s.Step; return nil }),
	}})
	if steps != 20 {
		t.Errorf("%d steps were done, want 20", steps)
	}
	if l, _ := history.Last("loss"); l > 1e-2 {
		t.Errorf("after 20 steps on one sample the loss is %v", l)
	}
}

func TestProgressElsewhereIsOneLineAnEpoch(t *testing.T) {
	var b strings.Builder
	model := compiled(t, 0, still)
	_, err := model.Fit(ctx, points(t, 40), cornu.FitConfig{Epochs: 3, BatchSize: 16, ValidationSplit: 0.5, Log: &b})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Evaluate(ctx, points(t, 40), cornu.EvaluateConfig{Log: &b}); err != nil {
		t.Fatal(err)
	}
	const measures = ` - accuracy: \d\.\d{4} - loss: \d\.\d{4}`
	const validation = ` - val_accuracy: \d\.\d{4} - val_loss: \d\.\d{4}`
	lines := strings.SplitAfter(b.String(), "\n")
	for i, want := range []string{
		`^Epoch 1/3 - 2/2 - \d+s - \d+[mu]?s/step` + measures + validation + "\n$",
		`^Epoch 2/3 - 2/2 - \d+s - \d+[mu]?s/step` + measures + validation + "\n$",
		`^Epoch 3/3 - 2/2 - \d+s - \d+[mu]?s/step` + measures + validation + "\n$",
		`^2/2 - \d+s - \d+[mu]?s/step` + measures + "\n$",
		"^$",
	} {
		if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Fatalf("got %q, line %d should be like %s", b.String(), i, want)
		}
	}
	b.Reset()
	if _, err := model.Fit(ctx, points(t, 40), cornu.FitConfig{Quiet: true, Log: &b}); err != nil || b.Len() > 0 {
		t.Errorf("a quiet training wrote %q, %v", b.String(), err)
	}
}

// A writer that fails is no reason to lose a training.
func TestAFullDiskUnderTheLogDoesNotEndTraining(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if _, err := compiled(t, 0, still).Fit(ctx, points(t, 40), cornu.FitConfig{Log: w}); err != nil {
		t.Error(err)
	}
}

func TestAHistoryAndAProgressCanBeGivenAsCallbacks(t *testing.T) {
	model := compiled(t, 0, optimizer.SGD{})
	var all callback.History
	var written strings.Builder
	var own []float64
	for range 2 {
		h := fit(t, model, points(t, 22), cornu.FitConfig{
			Epochs: 3,
			Callbacks: []train.Callback{
				&all,
				&callback.LearningRateScheduler{Schedule: func(int, float64) float64 { return 0.01 }},
				&callback.Progress{Log: &written}, // tells what those before it have logged
			},
		})
		own = append(own, h.Values["loss"]...)
	}
	if !slices.Equal(all.Values["loss"], own) || !slices.Equal(all.Epoch, []int{0, 1, 2, 0, 1, 2}) {
		t.Errorf("gathered %v of epochs %v, Fit returned %v", all.Values["loss"], all.Epoch, own)
	}
	if lines := strings.Split(strings.TrimSpace(written.String()), "\n"); len(lines) != 6 || !strings.Contains(lines[0], "learning_rate: 0.0100") {
		t.Errorf("the progress is\n%s", written.String())
	}
}
