package cornu_test

// This file tests Predict and its kin.

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

func TestAPredictionDoesNotDependOnItsBatchMates(t *testing.T) {
	model := compiled(t, 0.3, optimizer.Adam{})
	fit(t, model, points(t, 40), cornu.FitConfig{})
	const most = 700
	x := wave(8*most, 5)
	want := make([]float32, 3*most)
	for i := range most {
		if err := model.PredictInto(want[3*i:][:3], x[8*i:][:8]); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33, 64, 100, 129, 255, 256, 257, 300, 512, 513, most} {
		got, err := model.Predict(ctx, tensorOf(t, x[:8*n], n, 8))
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range floats(t, got) {
			if math.Float32bits(y) != math.Float32bits(want[i]) {
				t.Errorf("of %d rows, row %d is predicted as %v, alone as %v", n, i/3, y, want[i])
				break
			}
		}
	}
}

func TestManyGoroutinesPredictAtOnce(t *testing.T) {
	model := small(0.3)
	x := wave(8*300, 5)
	want, err := model.Predict(ctx, tensorOf(t, x, 300, 8))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 20 {
				n := 1 + (37*g+11*i)%300
				got, err := model.Predict(ctx, tensorOf(t, x[:8*n], n, 8))
				if err != nil {
					t.Error(err)
					return
				}
				for j, y := range floats(t, got) {
					if y != floats(t, want)[j] {
						t.Errorf("goroutine %d: element %d of %d rows is wrong", g, j, n)
						return
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestAModelInTrainingDoesNotPredict(t *testing.T) {
	model := compiled(t, 0, still)
	x := tensorOf(t, wave(8, 1), 1, 8)
	busy := func(what string, err error) {
		if !errors.Is(err, cornu.ErrBusy) || !strings.Contains(err.Error(), what) {
			t.Errorf("got error %v, want ErrBusy of %s", err, what)
		}
	}
	fit(t, model, points(t, 16), cornu.FitConfig{Callbacks: []train.Callback{train.Func(func(*train.State) error {
		_, err := model.Predict(ctx, x)
		busy("Predict", err)
		busy("Predict", model.PredictInto(make([]float32, 3), wave(8, 1)))
		_, err = model.Fit(ctx, points(t, 16), cornu.FitConfig{})
		busy("Fit", err)
		_, err = model.Evaluate(ctx, points(t, 16), cornu.EvaluateConfig{})
		busy("Evaluate", err)
		_, err = model.TrainOnBatch(points(t, 16))
		busy("TrainOnBatch", err)
		busy("Compile", model.Compile(classifier(still)))
		busy("Build", model.Build(8))
		return nil
	})}})
	if _, err := model.Predict(ctx, x); err != nil {
		t.Errorf("after the training: %v", err)
	}
}

func TestPredictTakesAnyTypeOfNumbers(t *testing.T) {
	model := small(0)
	bytes := []uint8{0, 1, 2, 3, 4, 5, 6, 255}
	single, double := make([]float32, 8), make([]float64, 8)
	for i, b := range bytes {
		single[i], double[i] = float32(b), float64(b)
	}
	want, err := model.Predict(ctx, tensorOf(t, single, 1, 8))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*tensor.Tensor{tensorOf(t, double, 1, 8), tensorOf(t, bytes, 1, 8)} {
		got, err := model.Predict(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range floats(t, got) {
			if y != floats(t, want)[i] {
				t.Errorf("%v: element %d is %v, of float32 it is %v", x.DType(), i, y, floats(t, want)[i])
			}
		}
	}
}

func TestPredictionsHaveTheShapesOfTheOutputs(t *testing.T) {
	a, b := cornu.Input(2, 3), cornu.Input(4)
	flat := cornu.Apply(&layer.Flatten{}, a)
	joined := cornu.Apply(&layer.Concatenate{}, flat, b)
	y := cornu.Apply(&layer.Dense{Units: 6, Activation: activation.Tanh{}}, joined)
	z := cornu.Apply(&layer.Reshape{TargetShape: tensor.Shape{3, 2}}, y)
	model := cornu.NewModel([]*cornu.Node{a, b}, []*cornu.Node{z, y})
	for _, rows := range []int{0, 1, 5, 260} {
		out, err := model.PredictAll(ctx, tensorOf(t, wave(6*rows, 1), rows, 2, 3), tensorOf(t, wave(4*rows, 2), rows, 4))
		if err != nil {
			t.Fatal(err)
		}
		if got := out[0].Shape(); !got.Equal(tensor.Shape{rows, 3, 2}) {
			t.Errorf("%d rows: output 0 has shape %v", rows, got)
		}
		if got := out[1].Shape(); !got.Equal(tensor.Shape{rows, 6}) {
			t.Errorf("%d rows: output 1 has shape %v", rows, got)
		}
		for i, x := range floats(t, out[0]) {
			if x != floats(t, out[1])[i] {
				t.Fatalf("%d rows: the outputs differ at element %d", rows, i)
			}
		}
	}
}

func TestPredictHeedsItsContext(t *testing.T) {
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := small(0).Predict(stopped, tensorOf(t, wave(8, 1), 1, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want the context's", err)
	}
}

// A prediction after training is of the new weights, and so is one after
// SetWeights.
func TestPredictionsFollowTheWeights(t *testing.T) {
	model := compiled(t, 0, optimizer.Adam{LearningRate: 0.1})
	first, err := model.Weights()
	if err != nil {
		t.Fatal(err)
	}
	predict := func() float32 {
		y := make([]float32, 3)
		if err := model.PredictInto(y, wave(8, 1)); err != nil {
			t.Fatal(err)
		}
		return y[0]
	}
	before := predict()
	fit(t, model, points(t, 30), cornu.FitConfig{})
	if predict() == before {
		t.Error("training changes no prediction")
	}
	if err := model.SetWeights(first); err != nil {
		t.Fatal(err)
	}
	if predict() != before {
		t.Error("with the first weights the prediction isn't the first one")
	}
}

func TestThePartsOfASplitArePredicted(t *testing.T) {
	model := small(0.3)
	all := points(t, 70)
	first, last, err := all.TrainTestSplit(0.3, 5)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]data.Source{
		"all": all, "the first part": first, "the last": last, "read ahead": data.Prefetch(last, 2),
		"without targets": &data.Arrays{X: all.X},
	} {
		x := inputs(t, source)
		want, err := model.Predict(ctx, tensorOf(t, x, len(x)/8, 8))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 1, 7, 1000} {
			got, err := model.PredictSource(ctx, source, cornu.PredictConfig{BatchSize: size})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !got.Shape().Equal(want.Shape()) || !slices.Equal(floats(t, got), floats(t, want)) {
				t.Errorf("%s, by %d: %v, want %v", name, size, got, want)
			}
		}
	}
	some, err := model.PredictSource(ctx, all, cornu.PredictConfig{BatchSize: 4, Steps: 3})
	if err != nil || some.Dim(0) != 12 {
		t.Errorf("three batches of four: %v, %v", some, err)
	}
}

// inputs are those of an epoch of a source, read by hand.
func inputs(t *testing.T, source data.Source) (x []float32) {
	t.Helper()
	batches, err := source.Epoch(ctx, data.EpochConfig{BatchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Close()
	for {
		n, err := batches.Next()
		if err == io.EOF {
			return x
		}
		batch := data.Batch{X: [][]float32{make([]float32, n*source.Spec().X[0].Numel())}}
		if err == nil {
			err = batches.Read(&batch, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, batch.X[0]...)
	}
}

func TestWhatCannotBePredictedFromASourceIsAnError(t *testing.T) {
	model := small(0)
	other, err := data.FromRows([][]float32{{1, 2}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	for name, c := range map[string]struct {
		ctx    context.Context
		source data.Source
		cfg    cornu.PredictConfig
		want   string
	}{
		"nothing":            {ctx, nil, cornu.PredictConfig{}, "the data source is nil"},
		"a nil pointer":      {ctx, (*data.Arrays)(nil), cornu.PredictConfig{}, "the data source is nil"},
		"no samples":         {ctx, &data.Arrays{}, cornu.PredictConfig{}, "the data have 0 inputs"},
		"another width":      {ctx, other, cornu.PredictConfig{}, "(None, 2)"},
		"a negative batch":   {ctx, points(t, 4), cornu.PredictConfig{BatchSize: -1}, "the batch size is -1"},
		"a negative end":     {ctx, points(t, 4), cornu.PredictConfig{Steps: -1}, "-1 steps"},
		"a context that end": {stopped, points(t, 4), cornu.PredictConfig{}, "canceled"},
	} {
		if _, err := model.PredictSource(c.ctx, c.source, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A source that never ends is given up before its predictions take all memory.
func TestPredictionsWithoutEndAreAnError(t *testing.T) {
	cornu.SetMemoryLimit(2 << 20)
	defer cornu.SetMemoryLimit(0)
	sample := data.Sample{X: [][]float32{wave(8, 1)}}
	endless := data.Func(data.Spec{X: []tensor.Shape{{8}}, Len: -1}, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for yield(sample, nil) {
			}
		}
	})
	_, err := small(0).PredictSource(ctx, endless, cornu.PredictConfig{BatchSize: 5_000})
	var limit *cornu.MemoryError
	if !errors.As(err, &limit) {
		t.Errorf("the error is %v", err)
	}
}
