package cornu_test

// This file tests models whose sequences have several lengths: inputs of the shape (None, …), and sources of buckets.

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// anyLengthLayers are those of a network that reads numbers of words; all that is random in a network is in them.
func anyLengthLayers() []layer.Layer {
	return []layer.Layer{
		&layer.Embedding{InputDim: 12, OutputDim: 4, MaskZero: true},
		&layer.Dropout{Rate: 0.25},
		&layer.Bidirectional{Layer: &layer.LSTM{Units: 3, RecurrentDropout: 0.25, ReturnSequences: true}},
		&layer.GRU{Units: 3},
		&layer.Dense{Units: 2},
	}
}

func anyLength(t testing.TB) *cornu.Sequential {
	t.Helper()
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{tensor.None}})
	model.Add(anyLengthLayers()...)
	model.Seed(7)
	err := model.Compile(cornu.CompileConfig{
		Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{LearningRate: 0.01}, Metrics: []metric.Metric{metric.MeanAbsoluteError{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// sentences are so many, of so many words, of which the last may be padding.
func sentences(n, words int, seed uint32) []float32 {
	x := wave(n*words, seed)
	for i, v := range x {
		if x[i] = float32(int(6.5 + float64(5.4*v))); i%words >= words-i/words%words {
			x[i] = 0
		}
	}
	return x
}

// bucket is a source of sentences.
func bucket(t testing.TB, n, words int, seed uint32) *data.Arrays {
	t.Helper()
	return &data.Arrays{X: []data.Column{column(t, sentences(n, words, seed), words)}, Y: []data.Column{column(t, wave(2*n, seed+1), 2)}}
}

func bucketed(t testing.TB, sources ...data.Source) data.Source {
	t.Helper()
	s, err := data.Bucketed(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATrainingOverBucketsIsThatOfStepsTracedAfresh(t *testing.T) {
	model := anyLength(t)
	history := fit(t, model, bucketed(t, bucket(t, 7, 5, 1), bucket(t, 4, 9, 2)), cornu.FitConfig{Epochs: 2, BatchSize: 4, NoShuffle: true})

	// The same by hand: each batch has a step of its own.
	layers, rule := anyLengthLayers(), train.NewOptimizer(optimizer.Adam{LearningRate: 0.01})
	var variables []*layer.Variable
	batch := func(n, words int, x, y []float32) float64 {
		in := layer.Apply(&layer.Input{Shape: tensor.Shape{words}})
		out := in
		for _, l := range layers {
			out = layer.Apply(l, out)
		}
		net, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{out})
		if err != nil {
			t.Fatal(err)
		}
		variables = net.Variables()
		for i, v := range variables {
			if err := v.Draw(7, i); err != nil {
				t.Fatal(err)
			}
		}
		step, err := train.NewStep(7, func(s *train.StepBuilder) {
			y, _ := s.Network(net, true, s.Input("x", tensor.Shape{tensor.Batch, words}))
			l := loss.Of(loss.MeanSquaredError{}, s.Target("y", tensor.Shape{tensor.Batch, 2}), y[0], nil)
			s.Mean("loss", l)
			s.Minimize(l, rule, variables...)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := step.Run(data.Batch{X: [][]float32{x}, Y: [][]float32{y}}); err != nil {
			t.Fatal(err)
		}
		value, _ := step.Log("loss")
		return float64(n) * value
	}
	x5, x9, y5, y9 := sentences(7, 5, 1), sentences(4, 9, 2), wave(14, 2), wave(8, 3)
	for epoch := range 2 {
		sum := batch(4, 5, x5[:20], y5[:8])
		sum += batch(3, 5, x5[20:], y5[8:])
		sum += batch(4, 9, x9, y9)
		if got := history.Values["loss"][epoch]; math.Abs(got-sum/11) > 1e-12 {
			t.Errorf("epoch %d: the loss is %v, want %v", epoch, got, sum/11)
		}
	}
	var want []uint32
	for _, v := range variables {
		for _, w := range v.Value() {
			want = append(want, math.Float32bits(w))
		}
	}
	sameBits(t, "a training over buckets", bits(t, model), want)
}

func TestATrainingOverBucketsGoesOnFromACheckpoint(t *testing.T) {
	source := func() data.Source {
		return bucketed(t, bucket(t, 9, 5, 1), bucket(t, 6, 9, 2), bucket(t, 3, 3, 3))
	}
	run := func(cfg cornu.FitConfig) (map[string]any, error) {
		model := anyLength(t)
		cfg.Epochs, cfg.BatchSize, cfg.Quiet = 3, 4, true
		cfg.ValidationData = bucketed(t, bucket(t, 5, 4, 8), bucket(t, 2, 9, 9))
		history, err := model.Fit(ctx, source(), cfg)
		if err != nil {
			return nil, err
		}
		return stateOf(t, model, history, t.TempDir()), nil
	}
	want, err := run(cornu.FitConfig{})
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := cornu.Checkpoint{Dir: t.TempDir(), EverySteps: 1}
	var got map[string]any
	for n := 0; got == nil; n++ {
		cfg := cornu.FitConfig{Checkpoint: checkpoint}
		if n < 3 {
			cfg.Callbacks = []train.Callback{&crash{3 + n}}
		}
		if got, err = run(cfg); err != nil && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
	}
	diff(t, "buckets", got, want)
}

// Shuffled, the batches of the buckets are mixed, and each sample is there once.
func TestBucketsAreMixed(t *testing.T) {
	var seen []int
	batches := 0
	model := anyLength(t)
	source := bucketed(t, bucket(t, 40, 5, 1), bucket(t, 40, 9, 2))
	fit(t, model, source, cornu.FitConfig{BatchSize: 8, Callbacks: []train.Callback{callback.Func{OnBatchEnd: func(s *train.State) error {
		batches = s.Batches
		return nil
	}}}})
	if batches != 10 {
		t.Errorf("there are %d batches, want 10", batches)
	}
	b, err := data.Epoch(ctx, data.Prefetch(data.Map(source, func(data.Sample, *data.Random) error { return nil }), 3), data.EpochConfig{BatchSize: 8, Shuffle: true, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	found := map[float32]bool{}
	for range 10 {
		n, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		words := data.ShapesOf(b, data.Spec{}).X[0][0]
		seen = append(seen, words)
		to := data.Batch{X: [][]float32{make([]float32, n*words)}, Y: [][]float32{make([]float32, 2*n)}}
		if err := b.Read(&to, nil); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			found[to.Y[0][2*i]] = true
		}
	}
	if slices.IsSorted(seen) || len(found) != 80 {
		t.Errorf("the lengths are %v, and %d of 80 samples were there", seen, len(found))
	}
}

func TestEvaluateAndPredictTakeAllLengths(t *testing.T) {
	model := anyLength(t)
	one, other := bucket(t, 7, 5, 1), bucket(t, 4, 9, 2)
	evaluate := func(s data.Source) map[string]float64 {
		t.Helper()
		result, err := model.Evaluate(ctx, s, cornu.EvaluateConfig{BatchSize: 4, Quiet: true})
		if err != nil {
			t.Fatal(err)
		}
		return result.Metrics
	}
	a, b, all := evaluate(one), evaluate(other), evaluate(bucketed(t, one, other))
	for name, got := range all {
		if want := (7*a[name] + 4*b[name]) / 11; math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	// A row predicts the same, however much it is padded, alone or not, from many goroutines.
	var wait sync.WaitGroup
	for words := 3; words < 9; words++ {
		wait.Go(func() {
			x := make([]float32, 2*words)
			copy(x, []float32{3, 1, 4})
			copy(x[words:], []float32{1, 5, 9})
			y, err := model.Predict(ctx, tensorOf(t, x, 2, words))
			if err != nil {
				t.Error(err)
				return
			}
			alone, err := model.Predict(ctx, tensorOf(t, []float32{1, 5, 9}, 1, 3))
			if err != nil {
				t.Error(err)
				return
			}
			if got, want := floats(t, y)[2:], floats(t, alone); !slices.Equal(got, want) {
				t.Errorf("padded to %d words it predicts %v, alone %v", words, got, want)
			}
		})
	}
	wait.Wait()
	y, err := model.PredictSource(ctx, bucketed(t, one, other), cornu.PredictConfig{BatchSize: 4})
	if err != nil || !y.Shape().Equal(tensor.Shape{11, 2}) {
		t.Errorf("PredictSource: %v, %v", y, err)
	}
}

func TestSequencesOfAnyLengthComeBackFromAFile(t *testing.T) {
	model := anyLength(t)
	var summary strings.Builder
	if err := model.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(summary.String(), "(None, None, 6)") {
		t.Errorf("the summary is\n%s", summary.String())
	}
	for _, name := range []string{"m.keras", "m.h5"} {
		again := reloaded(t, &model.Model, name)
		if got := again.Inputs()[0].Shape(); !got.Equal(tensor.Shape{tensor.Batch, tensor.None}) {
			t.Errorf("%s: the input has the shape %v", name, got)
		}
		for _, words := range []int{4, 11} {
			x := tensorOf(t, sentences(3, words, 4), 3, words)
			want, err := model.Predict(ctx, x)
			if err != nil {
				t.Fatal(err)
			}
			got, err := again.Predict(ctx, x)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(floats(t, got), floats(t, want)) {
				t.Errorf("%s, %d words: %v, want %v", name, words, floats(t, got), floats(t, want))
			}
		}
	}
}

// Attention, windows, a model within and targets of each step: all that depends on the length.
func TestALayerOfEachKindTakesAllLengths(t *testing.T) {
	inner := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{tensor.None, 4}}, &layer.Conv1D{Filters: 4, KernelSize: 3, Padding: "same"}, &layer.BatchNormalization{})
	x := cornu.Input(tensor.None, 4)
	y := cornu.Apply(&layer.Add{}, x, cornu.Apply(&layer.SinePositionEncoding{}, x))
	y = cornu.Apply(&layer.Add{}, y, cornu.Apply(&layer.PositionEmbedding{SequenceLength: 20}, y))
	y = cornu.Apply(inner.AsLayer(), y)
	y = cornu.Apply(&layer.MultiHeadAttention{NumHeads: 2, KeyDim: 2, UseCausalMask: true}, y, y)
	y = cornu.Apply(&layer.LayerNormalization{}, y)
	y = cornu.Apply(&layer.TimeDistributed{Layer: &layer.Dense{Units: 3}}, y)
	y = cornu.Apply(&layer.Bidirectional{Layer: &layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{&layer.GRUCell{Units: 2}, &layer.LSTMCell{Units: 3}}}, ReturnSequences: true}}, y)
	pooled := cornu.Apply(&layer.MaxPooling1D{PoolSize: 2}, y)
	steps := cornu.Apply(&layer.Dense{Units: 1}, y)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{steps, cornu.Apply(&layer.GlobalMaxPooling1D{}, pooled)})
	if got := fmt.Sprint(pooled.Shape(), steps.Shape()); got != "(None, None, 6) (None, None, 1)" {
		t.Errorf("the shapes are %s", got)
	}
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}, WeightedMetrics: []metric.Metric{metric.MeanAbsoluteError{}}}); err != nil {
		t.Fatal(err)
	}
	source := func(n, steps int) *data.Arrays {
		return &data.Arrays{
			X:             []data.Column{column(t, wave(4*n*steps, 1), steps, 4)},
			Y:             []data.Column{column(t, wave(n*steps, 2), steps, 1), column(t, wave(6*n, 3), 6)},
			TargetWeights: []data.Column{column(t, wave(n*steps, 4), steps), nil},
		}
	}
	first := fit(t, model, bucketed(t, source(6, 7), source(9, 12)), cornu.FitConfig{Epochs: 3, BatchSize: 4}).Values["loss"]
	if len(first) != 3 || !(first[2] == first[2]) {
		t.Errorf("the losses are %v", first)
	}
	if _, err := model.TrainOnBatch(source(3, 18)); err != nil {
		t.Error(err)
	}
	if _, err := model.TrainOnBatch(source(3, 21)); err == nil || !strings.Contains(err.Error(), `layer "position_embedding"`) {
		t.Errorf("more steps than positions: %v", err)
	}
	if text, err := model.Plan(bucketed(t, source(6, 7), source(9, 12)), 4); err != nil || !strings.Contains(text, "(4, 7, 4)") {
		t.Errorf("the plan is %v\n%s", err, text)
	}
	out, err := model.PredictAll(ctx, tensorOf(t, wave(4*2*9, 5), 2, 9, 4))
	if err != nil || !out[0].Shape().Equal(tensor.Shape{2, 9, 1}) {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := model.PredictSource(ctx, bucketed(t, source(6, 7), source(9, 12)), cornu.PredictConfig{}); err == nil || !strings.Contains(err.Error(), "predict the buckets one by one") {
		t.Errorf("PredictSource of steps: %v", err)
	}
}

func TestALengthThatHasNoPlaceIsAnError(t *testing.T) {
	x := cornu.Input(tensor.None, 3)
	if err := cornu.Apply(&layer.Dense{Units: 2}, cornu.Apply(&layer.Flatten{}, x)).Err(); err == nil || !strings.Contains(err.Error(), `layer "dense" (Dense)`) || !strings.Contains(err.Error(), "GlobalAveragePooling1D") {
		t.Errorf("weights that depend on the length: %v", err)
	}
	if err := cornu.Apply(&layer.LSTM{Units: -1}, x).Err(); err == nil || strings.Contains(err.Error(), "None) must") {
		t.Errorf("a wrong layer: %v", err)
	}
	if err := cornu.Apply(&layer.TextVectorization{}, layer.Apply(&layer.Input{Shape: tensor.Shape{tensor.None}, DType: tensor.String})).Err(); err == nil {
		t.Error("texts of any number are no error")
	}
	y := cornu.Apply(&layer.LSTM{Units: 2}, cornu.Apply(&layer.Conv1D{Filters: 2, KernelSize: 6}, x))
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
		t.Fatal(err)
	}
	source := func(n, steps, features int) *data.Arrays {
		return &data.Arrays{X: []data.Column{column(t, wave(n*steps*features, 1), steps, features)}, Y: []data.Column{column(t, wave(2*n, 2), 2)}}
	}
	before := bits(t, model)
	for what, c := range map[string]struct {
		source data.Source
		want   string
	}{
		"fewer steps than the window": {bucketed(t, source(4, 8, 3), source(4, 5, 3)), `layer "conv1d" (Conv1D) of (None, 5, 3)`},
		"other features":              {bucketed(t, source(4, 8, 2), source(4, 9, 2)), "has shape (None, None, 2), want (None, None, 3)"},
	} {
		if _, err := model.Fit(ctx, c.source, cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	sameBits(t, "after errors", bits(t, model), before)
	if _, err := model.TrainOnBatch(bucketed(t, source(4, 8, 3), source(4, 7, 3))); err == nil || !strings.Contains(err.Error(), "2 buckets") {
		t.Errorf("TrainOnBatch: %v", err)
	}
	if err := model.PredictInto(make([]float32, 2), make([]float32, 24)); err == nil || !strings.Contains(err.Error(), "Predict does that") {
		t.Errorf("PredictInto: %v", err)
	}
	fixed := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8, 3}}, &layer.LSTM{Units: 2})
	if err := fixed.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := fixed.Fit(ctx, bucketed(t, source(4, 8, 3), source(4, 7, 3)), cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), "(None, None, 3), want (None, 8, 3)") {
		t.Errorf("a model of one length: %v", err)
	}
	for what, sources := range map[string][]data.Source{
		"none": nil, "nil": {nil}, "of other axes": {source(4, 8, 3), bucket(t, 3, 5, 1)}, "within another": {bucketed(t, source(4, 8, 3), source(4, 7, 3))},
	} {
		if _, err := data.Bucketed(sources...); err == nil {
			t.Errorf("Bucketed, %s: no error", what)
		}
	}
}

// A Sequential that has no Input is built for what comes.
func TestASequentialWithoutAnInputTakesBuckets(t *testing.T) {
	source, err := data.BucketBySequenceLength([][]int32{{1, 2}, {3, 4, 5}, {6}, {7, 8, 9, 10, 11}}, tensorOf(t, []float32{1, 2, 3, 4}, 4, 1), data.PadConfig{}, 2, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	if spec := source.Spec(); spec.Len != 4 || len(spec.Buckets) != 3 || spec.Batches(2) != 3 {
		t.Errorf("the source is %+v", spec)
	}
	model := cornu.NewSequential(&layer.Embedding{InputDim: 12, OutputDim: 3, MaskZero: true}, &layer.SimpleRNN{Units: 2}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.05}}); err != nil {
		t.Fatal(err)
	}
	losses := fit(t, model, source, cornu.FitConfig{Epochs: 40, BatchSize: 2}).Values["loss"]
	if !(losses[39] < losses[0]/2) {
		t.Errorf("the losses are %v", losses)
	}
	out, err := model.PredictSource(ctx, source, cornu.PredictConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if y := floats(t, out); !(y[0] < y[2]) { // of sequences 0 and 2, then 1, then 3
		t.Errorf("it predicts %v", y)
	}
}

func TestTrainingsOverTwoLengthsAreKerass(t *testing.T) {
	for _, c := range golden.Load(t, "lengths").Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, y := numbered(c, "x"), numbered(c, "y")
			shape := x[0].Shape[1:]
			shape = append([]int{tensor.None}, shape[1:]...)
			in := cornu.Input(shape...)
			out := in
			for _, l := range layersOf(t, c) {
				out = cornu.Apply(l, out)
			}
			model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{out})
			cfg := cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{LearningRate: 0.05}, Metrics: []metric.Metric{metric.MeanAbsoluteError{}}}
			if c.Bool("classes") {
				cfg.Loss, cfg.Metrics = loss.SparseCategoricalCrossentropy{FromLogits: true}, []metric.Metric{metric.SparseCategoricalAccuracy{}}
			}
			cfg.WeightedMetrics = cfg.Metrics
			if err := model.Compile(cfg); err != nil {
				t.Fatal(err)
			}
			if err := model.SetWeights(tensorsOf(t, numbered(c, "initial "))); err != nil {
				t.Fatal(err)
			}
			weights := numbered(c, "w")
			source := func(i int) *data.Arrays {
				a := &data.Arrays{X: columnsOf(t, x[i:i+1]), Y: columnsOf(t, y[i:i+1])}
				if len(weights) > 0 {
					a.TargetWeights = columnsOf(t, weights[i:i+1])
				}
				return a
			}
			for i := range x {
				result, err := model.TrainOnBatch(source(i))
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range c.Numbers {
					if name, ok := strings.CutPrefix(name, fmt.Sprintf("step %d ", i)); ok {
						near(t, fmt.Sprintf("step %d: %s", i, name), []float32{float32(result.Metrics[name])}, want, tolerance)
					}
				}
			}
			sameTensors(t, "final weights", weightsOf(t, model), numbered(c, "final "))
			out2, err := model.Evaluate(ctx, bucketed(t, source(0), source(1)), cornu.EvaluateConfig{Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "the loss of both lengths", []float32{float32(out2.Loss)}, c.Numbers["evaluate"], tolerance)
		})
	}
}
