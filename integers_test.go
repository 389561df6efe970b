package cornu_test

// Inputs that hold integers, from 0 to some bound: each way in says of a number that is none.

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// bagOfWords counts each of some words in a text of word numbers: a layer whose input holds integers.
type bagOfWords struct{ Words int }

func (*bagOfWords) Build(*layer.Builder, []tensor.Shape) error { return nil }

func (b *bagOfWords) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Integers(b.Words).OneHot(b.Words).Sum(1)
}

const words, length = 6, 4

// reader classifies texts.
func reader(t *testing.T) *cornu.Sequential {
	t.Helper()
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{length}}, &bagOfWords{words}, &layer.Dense{Units: 2})
	err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// texts are rows of word numbers, of which the one at that place is v.
func texts(rows, row, at int, v float32) []float32 {
	x := make([]float32, rows*length)
	for i := range x {
		x[i] = float32(i % words)
	}
	x[row*length+at] = v
	return x
}

func TestEveryWayInChecksIntegers(t *testing.T) {
	const rows, row, at = 300, 270, 2 // in the second part of a prediction
	for _, v := range []float32{words, -1, 1.5, float32(math.NaN()), float32(math.Inf(1)), 3e9} {
		x := texts(rows, row, at, v)
		source := &data.Arrays{X: []data.Column{column(t, x, length)}, Y: []data.Column{column(t, wave(2*rows, 1), 2)}}
		good := &data.Arrays{X: []data.Column{column(t, texts(rows, 0, 0, 0), length)}, Y: source.Y}
		model := reader(t)
		fit(t, model, good, cornu.FitConfig{BatchSize: 20})
		before := bits(t, model)
		check := func(way string, err error, row int) {
			t.Helper()
			var wrong *data.IntegerError
			if !errors.As(err, &wrong) {
				t.Errorf("%s of %v: error %v", way, v, err)
				return
			}
			if same := wrong.Value == float64(v) || v != v && wrong.Value != wrong.Value; !same || wrong.Row != row || wrong.N != words || !slices.Equal(wrong.At, []int{at}) || !strings.HasPrefix(wrong.Input, "input") {
				t.Errorf("%s of %v: %+v", way, v, wrong)
			}
		}
		_, err := model.Fit(ctx, source, cornu.FitConfig{BatchSize: rows, NoShuffle: true, Quiet: true})
		check("Fit", err, row)
		sameBits(t, "weights after that", bits(t, model), before)
		_, err = model.Fit(ctx, good, cornu.FitConfig{BatchSize: rows, ValidationData: source, ValidationBatchSize: 16, Quiet: true})
		check("validation", err, row%16)
		_, err = model.Evaluate(ctx, source, cornu.EvaluateConfig{BatchSize: 16, Quiet: true})
		check("Evaluate", err, row%16)
		_, err = model.TrainOnBatch(source)
		check("TrainOnBatch", err, row)
		_, err = model.Predict(ctx, tensorOf(t, x, rows, length))
		check("Predict", err, row)
		_, err = model.PredictSource(ctx, source, cornu.PredictConfig{BatchSize: 100})
		check("PredictSource", err, row)
		check("PredictInto", model.PredictInto(make([]float32, 2*rows), x), row)

		if _, err := model.Predict(ctx, tensorOf(t, texts(rows, 0, 0, words-1), rows, length)); err != nil {
			t.Errorf("the largest is an error: %v", err)
		}
	}
}

func TestAStepOfOnesOwnChecksIntegers(t *testing.T) {
	step, err := train.NewStep(0, func(s *train.StepBuilder) {
		x := s.Input("words", tensor.Shape{tensor.Batch, 2, 3}).Integers(5)
		s.Output(x.Add(s.Labels("kind", tensor.Shape{tensor.Batch, 1, 3}, 2, 9)))
	})
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float32, 4*6), make([]float32, 4*3)
	y[0] = 9
	run := func() error {
		_, err := step.Run(data.Batch{X: [][]float32{x}, Y: [][]float32{y}})
		return err
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	x[2*6+4] = 5
	want := `in the batch: data: input "words" has 5 at row 2, [1 1]: its numbers are whole and from 0 to 4`
	if err := run(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	x[2*6+4] = 4
	y[3*3+1] = 2
	want = "in the batch: data: the label of row 3, [0 1] is 2: with 2 classes, labels are whole numbers from 0 to 1"
	if err := run(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// However integers are given, an Embedding looks up the same, and a loss of labels takes them.
func TestAnEmbeddingTakesIntegersOfAnyType(t *testing.T) {
	const rows = 40
	values := texts(rows, 3, 1, 5)
	ints, narrow, bytes := make([]int, len(values)), make([]int32, len(values)), make([]uint8, len(values))
	labels := make([]int32, rows)
	for i, v := range values {
		ints[i], narrow[i], bytes[i] = int(v), int32(v), uint8(v)
	}
	for i := range labels {
		labels[i] = int32(i % 2)
	}
	columnOf := func(c data.Column, err error) data.Column {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	y := columnOf(data.Labels(labels))
	var want []uint32
	for name, x := range map[string]data.Column{
		"int":     columnOf(data.Integers(ints, length)),
		"int32":   columnOf(data.FromTensor(tensorOf(t, narrow, rows, length))),
		"uint8":   columnOf(data.Integers(bytes, length)),
		"float32": column(t, values, length),
	} {
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{length}, DType: tensor.Int32},
			&layer.Embedding{InputDim: words, OutputDim: 3, MaskZero: true}, &layer.LSTM{Units: 2}, &layer.Dense{Units: 2})
		if err := model.Compile(cornu.CompileConfig{Loss: loss.SparseCategoricalCrossentropy{FromLogits: true}, Optimizer: optimizer.Adam{Lazy: true}}); err != nil {
			t.Fatal(err)
		}
		source := &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
		fit(t, model, source, cornu.FitConfig{BatchSize: 7, Epochs: 2})
		got := bits(t, model)
		if want == nil {
			want = got
		}
		sameBits(t, name, got, want)
		predicted, err := model.Predict(ctx, tensorOf(t, narrow, rows, length))
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.PredictSource(ctx, source, cornu.PredictConfig{BatchSize: 9})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(floats(t, predicted), floats(t, again)) {
			t.Errorf("%s: other predictions", name)
		}
		was := narrow[2*length+1]
		narrow[2*length+1] = words
		_, err = model.Predict(ctx, tensorOf(t, narrow, rows, length))
		if want := "has 6 at row 2, [1]: its numbers are whole and from 0 to 5"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		narrow[2*length+1] = was
	}
}
