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
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
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
	want := `in the batch: data: input "words" has 5 at row 2, [1 1]: its numbers are whole and from 0 to 4, as the layer that looks them up says (an Embedding by its InputDim)`
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

// However integers are given, an Embedding looks up the same, and a loss of labels takes them: as integers of any type or as
// float32, read ahead, or through what knows of float32 alone.
func TestAnEmbeddingTakesIntegersOfAnyType(t *testing.T) {
	const rows = 40
	values := texts(rows, 3, 1, 5)
	ints, narrow, bytes := make([]int, len(values)), make([]int32, len(values)), make([]uint8, len(values))
	labels, same := make([]int32, rows), make([]float32, rows)
	for i, v := range values {
		ints[i], narrow[i], bytes[i] = int(v), int32(v), uint8(v)
	}
	for i := range labels {
		labels[i], same[i] = int32(i%2), float32(i%2)
	}
	y := integers(t, labels)
	var want []uint32
	for name, source := range map[string]data.Source{
		"int":        &data.Arrays{X: []data.Column{integers(t, ints, length)}, Y: []data.Column{y}},
		"int32":      must(data.New(tensorOf(t, narrow, rows, length), tensorOf(t, labels, rows))),
		"uint8":      &data.Arrays{X: []data.Column{integers(t, bytes, length)}, Y: []data.Column{y}},
		"float32":    &data.Arrays{X: []data.Column{column(t, values, length)}, Y: []data.Column{column(t, same)}},
		"mixed":      &data.Arrays{X: []data.Column{column(t, values, length)}, Y: []data.Column{y}},
		"read ahead": data.Prefetch(&data.Arrays{X: []data.Column{integers(t, ints, length)}, Y: []data.Column{y}}, 2),
		"mapped": data.Map(&data.Arrays{X: []data.Column{integers(t, ints, length)}, Y: []data.Column{y}},
			func(data.Sample, *data.Random) error { return nil }),
	} {
		model := embedding(t, words)
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

// must returns what there is no error of.
func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// integers is a column of integers.
func integers[T data.Integer](t *testing.T, values []T, shape ...int) data.Column {
	t.Helper()
	c, err := data.Integers(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// embedding classifies texts of so many words.
func embedding(t *testing.T, words int) *cornu.Sequential {
	t.Helper()
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{length}, DType: tensor.Int32},
		&layer.Embedding{InputDim: words, OutputDim: 3, MaskZero: true}, &layer.LSTM{Units: 2}, &layer.Dense{Units: 2})
	if err := model.Compile(cornu.CompileConfig{
		Loss: loss.SparseCategoricalCrossentropy{FromLogits: true}, Optimizer: optimizer.Adam{Lazy: true},
		Metrics: []metric.Metric{metric.SparseCategoricalAccuracy{}, metric.SparseTopKCategoricalAccuracy{K: 1}, metric.MeanIoU{NumClasses: 2, DenseYPred: true}},
	}); err != nil {
		t.Fatal(err)
	}
	return model
}

func TestAStepOfIntegersAllocatesNothing(t *testing.T) {
	const rows = 30
	values, labels := texts(rows, 3, 1, 5), make([]float32, rows)
	ints, classes := make([]int64, len(values)), make([]uint8, rows)
	for i, v := range values {
		ints[i] = int64(v)
	}
	for name, source := range map[string]data.Source{
		"integers": &data.Arrays{X: []data.Column{integers(t, ints, length)}, Y: []data.Column{integers(t, classes)}},
		"numbers":  &data.Arrays{X: []data.Column{column(t, values, length)}, Y: []data.Column{column(t, labels)}},
	} {
		model := embedding(t, words)
		if n := allocations(t, model, source, 0); n > 0 {
			t.Errorf("%s: the steps of an epoch allocate %d objects", name, n)
		}
		out := make([]float32, 2*rows)
		if n := testing.AllocsPerRun(10, func() {
			if err := model.PredictInto(out, values); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: a prediction allocates %v objects", name, n)
		}
	}
}

// Integers that a float32 can't tell apart stay apart from the data to the table and back. What is computed with is float32, and
// says so of such.
func TestIntegersBeyondFloat32StayWhatTheyAre(t *testing.T) {
	const many = 1<<24 + 4
	ids := []int64{many - 3, many - 1}
	near := tensorOf(t, []int32{many - 4, many - 3, many - 2, many - 1}, 2, 2)
	arrays := func() *data.Arrays {
		return &data.Arrays{X: []data.Column{integers(t, ids, 2)}, Y: []data.Column{column(t, []float32{1, 2}, 2)}}
	}
	for name, source := range map[string]data.Source{"arrays": arrays(), "read ahead": data.Prefetch(arrays(), 1)} {
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}},
			&layer.Embedding{InputDim: many, OutputDim: 1, EmbeddingsInitializer: initializer.Zeros{}}, &layer.Flatten{})
		if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 1}}); err != nil {
			t.Fatal(err)
		}
		fit(t, model, source, cornu.FitConfig{})
		y, err := model.Predict(ctx, near)
		if err != nil {
			t.Fatal(err)
		}
		if got := floats(t, y); !slices.Equal(got, []float32{0, 1, 0, 2}) {
			t.Errorf("%s: the rows are %v", name, got)
		}
		if y, err = model.PredictSource(ctx, source, cornu.PredictConfig{}); err != nil || !slices.Equal(floats(t, y), []float32{1, 2}) {
			t.Errorf("%s: PredictSource: %v, %v", name, y, err)
		}
		var wrong *data.IntegerError
		if _, err := model.Predict(ctx, tensorOf(t, []int32{0, 1, 2, many}, 2, 2)); !errors.As(err, &wrong) || wrong.Value != many || wrong.Row != 1 || !slices.Equal(wrong.At, []int{1}) {
			t.Errorf("%s: one too large: %v", name, err)
		}
		if err := model.PredictInto(make([]float32, 2), []float32{0, many - 2}); !errors.As(err, &wrong) || wrong.Value != many-2 {
			t.Errorf("%s: a number beyond what float32 tells apart: %v", name, err)
		}
		if !choice.Thorough() {
			return // whichever it was
		}
	}
}

func TestIntegersThatAreComputedWithMustBeExact(t *testing.T) {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
		t.Fatal(err)
	}
	x := tensorOf(t, []int32{1, 2, 3, 1<<24 + 1}, 2, 2)
	const want = `has 16777217 at row 1, [1]: it is computed with as float32, and only integers up to 16777216 are exact in that`
	if _, err := model.Predict(ctx, x); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Predict: %v", err)
	}
	source := must(data.New(x, tensorOf(t, []float32{1, 2}, 2, 1)))
	if _, err := model.PredictSource(ctx, source, cornu.PredictConfig{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("PredictSource: %v", err)
	}
	if _, err := model.Fit(ctx, source, cornu.FitConfig{Quiet: true}); err == nil || !strings.Contains(err.Error(), "x[0]: value 3 is 16777217, but only integers up to 16777216 are exact in float32") {
		t.Errorf("Fit: %v", err)
	}
}

// A step of one's own takes integers and numbers.
func TestAStepOfOnesOwnTakesIntegers(t *testing.T) {
	step, err := train.NewStep(0, func(s *train.StepBuilder) {
		x, scale := s.Input("words", tensor.Shape{tensor.Batch, 2}), s.Input("scale", tensor.Shape{tensor.Batch, 2})
		s.Output(x.Integers(1 << 30).Mul(scale).Add(s.Labels("kind", tensor.Shape{tensor.Batch, 2}, 3)))
	})
	if err != nil {
		t.Fatal(err)
	}
	words, twos := [][]int32{{1, 2, 3, 4}}, []float32{2, 2, 2, 2}
	for name, b := range map[string]data.Batch{
		"integers":          {IntX: words, X: [][]float32{nil, twos}, IntY: [][]int32{{0, 1, 2, 0}}},
		"numbers":           {X: [][]float32{{1, 2, 3, 4}, twos}, Y: [][]float32{{0, 1, 2, 0}}},
		"all are integers":  {IntX: [][]int32{words[0], {2, 2, 2, 2}}, IntY: [][]int32{{0, 1, 2, 0}}},
		"a number is given": {IntX: words, X: [][]float32{nil, twos}, Y: [][]float32{{0, 1, 2, 0}}},
	} {
		out, err := step.Run(b)
		if err != nil || !slices.Equal(out[0], []float32{2, 5, 8, 8}) {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	for want, b := range map[string]data.Batch{
		`"words" is given as numbers and as integers`:                 {IntX: words, X: [][]float32{{1, 2, 3, 4}, twos}, IntY: [][]int32{{0, 1, 2, 0}}},
		`"kind" has shape (None, 2), 4 numbers for a batch of 2`:      {IntX: words, X: [][]float32{nil, twos}, IntY: [][]int32{{0, 1}}},
		"the label of row 0, [1] is 3: with 3 classes":                {IntX: words, X: [][]float32{nil, twos}, IntY: [][]int32{{0, 3, 2, 0}}},
		`input "words" has 1073741824 at row 1, [0]: its numbers are`: {IntX: [][]int32{{1, 2, 1 << 30, 4}}, X: [][]float32{nil, twos}, IntY: [][]int32{{0, 1, 2, 0}}},
		`input "scale" has -16777217 at row 0, [0]: it is computed`:   {IntX: [][]int32{words[0], {-1<<24 - 1, 2, 2, 2}}, IntY: [][]int32{{0, 1, 2, 0}}},
	} {
		if _, err := step.Run(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
