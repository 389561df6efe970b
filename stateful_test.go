package cornu_test

// This file tests layers that keep states from batch to batch.

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
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestStatesLastAsInKeras(t *testing.T) {
	for _, c := range golden.Load(t, "stateful").Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, y, first := numbered(c, "x"), numbered(c, "y"), numbered(c, "first ")
			model := cornu.NewSequential(&layer.Input{Shape: x[0].Shape[1:], BatchSize: x[0].Shape[0]})
			for _, l := range layersOf(t, c) {
				model.Add(l)
			}
			if err := model.SetWeights(tensorsOf(t, numbered(c, "initial "))); err != nil {
				t.Fatal(err)
			}
			predict := func(x golden.Tensor, what string, want golden.Tensor) {
				t.Helper()
				got, err := model.Predict(context.Background(), tensorOf(t, x.Data, x.Shape...))
				if err != nil {
					t.Fatal(err)
				}
				closeTo(t, what, floats(t, got), want.Data)
			}
			reset := func() {
				t.Helper()
				if err := model.ResetStates(); err != nil {
					t.Fatal(err)
				}
			}
			for i := range x {
				predict(x[i], fmt.Sprint("prediction ", i), first[i])
			}
			reset()
			// The batches of one call follow one another too.
			var all []float32
			for _, x := range x {
				all = append(all, x.Data...)
			}
			got, err := model.Predict(context.Background(), tensorOf(t, all, append([]int{len(x) * x[0].Shape[0]}, x[0].Shape[1:]...)...))
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "the last of three batches", floats(t, got)[2*len(first[0].Data):], first[2].Data)
			reset()
			predict(x[1], "after a reset", c.Tensors["reset"])
			reset()
			if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.2}}); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				source := &data.Arrays{X: columnsOf(t, x[i:i+1]), Y: columnsOf(t, y[i:i+1])}
				if _, err := model.TrainOnBatch(source); err != nil {
					t.Fatal(err)
				}
			}
			sameTensors(t, "final weights", weightsOf(t, &model.Model), numbered(c, "final "))
			predict(x[0], "after training", c.Tensors["last"])
			result, err := model.Evaluate(context.Background(), &data.Arrays{X: columnsOf(t, x[1:2]), Y: columnsOf(t, y[1:2])}, cornu.EvaluateConfig{BatchSize: 2, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "loss", []float32{float32(result.Loss)}, c.Numbers["evaluate"], tolerance)
		})
	}
}

func statefulModel(t *testing.T) *cornu.Sequential {
	t.Helper()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{3, 2}, BatchSize: 4},
		&layer.Bidirectional{Layer: &layer.LSTM{Name: "memory", Units: 3, Stateful: true, ReturnSequences: true}},
		&layer.GRU{Units: 2, Stateful: true},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
		t.Fatal(err)
	}
	return model
}

func TestABatchOfAnotherSizeThanTheStatesIsAnError(t *testing.T) {
	model := statefulModel(t)
	for rows, batch := range map[int]int{3: 3, 6: 2} {
		_, err := model.Predict(context.Background(), tensorOf(t, wave(rows*6, 1), rows, 3, 2))
		if want := fmt.Sprintf("of 4 samples: a batch of %d can't", batch); err == nil || !strings.Contains(err.Error(), `layer "`) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d rows: %v, want %q", rows, err, want)
		}
	}
	source := &data.Arrays{X: []data.Column{column(t, wave(12*6, 1), 3, 2)}, Y: []data.Column{column(t, wave(12*2, 2), 2)}}
	if _, err := model.Fit(context.Background(), source, cornu.FitConfig{BatchSize: 6, NoShuffle: true, Quiet: true}); err == nil || !strings.Contains(err.Error(), "a batch of 6 can't") {
		t.Errorf("Fit: %v", err)
	}
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	if err := layer.Apply(&layer.LSTM{Units: 2, Stateful: true}, x).Err(); err == nil || !strings.Contains(err.Error(), "layer.Input{BatchSize: …}") {
		t.Errorf("without a size: %v", err)
	}
}

// States are no weights, and files say that a layer is stateful.
func TestAStatefulModelComesBackFromAFile(t *testing.T) {
	model := statefulModel(t)
	x := tensorOf(t, wave(8*6, 1), 8, 3, 2)
	predict := func(m *cornu.Model) []float32 {
		t.Helper()
		y, err := m.Predict(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		return floats(t, y)
	}
	first := predict(&model.Model)
	for _, name := range []string{"model.keras", "model.h5"} {
		again := reloaded(t, &model.Model, name)
		if got := predict(again); !slices.Equal(got, first) {
			t.Errorf("%s predicts %v, want %v", name, got, first)
		}
		if slices.Equal(predict(again), first) {
			t.Errorf("%s keeps no states", name)
		}
	}
}

// A model that takes texts keeps states too, of batches of any size.
func TestAStatefulModelOfTextsPredictsBatchByBatch(t *testing.T) {
	const size, rows = 3, 300
	texts := make([]string, rows)
	for i := range texts {
		texts[i] = []string{"one two", "two", "three one two", "three three"}[i*i%4]
	}
	x, err := tensor.Of(texts, rows)
	if err != nil {
		t.Fatal(err)
	}
	words := &layer.TextVectorization{OutputSequenceLength: 3}
	if err := words.Adapt(x); err != nil {
		t.Fatal(err)
	}
	model := cornu.NewSequential(
		&layer.Input{BatchSize: size, DType: tensor.String}, words,
		&layer.Embedding{InputDim: 6, OutputDim: 2}, &layer.SimpleRNN{Units: 2, Stateful: true},
	)
	y, err := model.Predict(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	if err := model.ResetStates(); err != nil {
		t.Fatal(err)
	}
	all := floats(t, y)
	for i := 0; i < rows; i += size {
		part, err := tensor.Of(texts[i:i+size], size)
		if err != nil {
			t.Fatal(err)
		}
		y, err := model.Predict(context.Background(), part)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := floats(t, y), all[2*i:][:2*size]; !slices.Equal(got, want) {
			t.Fatalf("batch %d is %v, among others %v", i/size, got, want)
		}
	}
	if err := model.ResetStates(); err != nil {
		t.Fatal(err)
	}
	other, err := tensor.Of(texts[:299], 299)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Predict(context.Background(), other); err == nil || !strings.Contains(err.Error(), "of 3 samples") {
		t.Errorf("299 rows: %v", err)
	}
	if y, err = model.Predict(context.Background(), x); err != nil || !slices.Equal(floats(t, y), all) {
		t.Errorf("after an error the states are other ones: %v", err)
	}
}
