package cornu_test

// This file tests models that take texts of any length, and states that sequences of any length begin with.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

var vocabulary9 = []string{"a", "b", "c", "d", "e", "f", "g"} // with padding and what is unknown

// spelt are so many texts of from one to most words.
func spelt(n, most int) []string {
	texts := make([]string, n)
	for i := range texts {
		var words []string
		for k := range 1 + (i*i+i/3)%most {
			words = append(words, string(rune('a'+(i*5+k*k*3)%8))) // h is no word of the vocabulary
		}
		texts[i] = strings.Join(words, " ")
	}
	return texts
}

// numberedWords returns the numbers of the words of texts, padded to some length.
func numberedWords(texts []string, length int) []int32 {
	var list []int32
	for _, text := range texts {
		words := strings.Fields(text)
		for k := range length {
			switch {
			case k >= len(words):
				list = append(list, 0)
			default:
				list = append(list, int32(2+slices.Index(vocabulary9, words[k])))
			}
		}
	}
	return list
}

// wordReader is a network that reads words, of texts if vectorize is not nil, or else of their numbers.
func wordReader(t *testing.T, vectorize *layer.TextVectorization, attend bool) *cornu.Model {
	t.Helper()
	in := cornu.Input(tensor.None)
	x := in
	if vectorize != nil {
		in = layer.Apply(&layer.Input{DType: tensor.String})
		x = cornu.Apply(vectorize, in)
	}
	x = cornu.Apply(&layer.Embedding{InputDim: 9, OutputDim: 4, MaskZero: true}, x)
	x = cornu.Apply(&layer.Dropout{Rate: 0.25}, x)
	if attend {
		x = cornu.Apply(&layer.MultiHeadAttention{NumHeads: 2, KeyDim: 3, Dropout: 0.2}, x, x)
		x = cornu.Apply(&layer.GlobalAveragePooling1D{}, x)
	} else {
		x = cornu.Apply(&layer.Bidirectional{Layer: &layer.LSTM{Units: 3}}, x)
	}
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 3}, x)})
	model.Seed(7)
	err := model.Compile(cornu.CompileConfig{
		Loss: loss.SparseCategoricalCrossentropy{FromLogits: true}, Optimizer: optimizer.Adam{LearningRate: 0.01},
		Metrics: []metric.Metric{metric.SparseCategoricalAccuracy{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func textColumn(t *testing.T, texts []string) data.Column {
	t.Helper()
	return columnFrom(t, textsOf(t, texts))
}

// labelled is a source of samples with labels and weights.
func labelled(t *testing.T, x data.Column, first, n int) data.Source {
	t.Helper()
	labels := make([]int32, n)
	weights := make([]float32, n)
	for i := range labels {
		labels[i], weights[i] = int32((first+i)%3), 1+float32((first+i)%2)
	}
	y, err := data.Integers(labels, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}, Weights: weights}
}

// Texts of any length train and predict as the numbers of their words do, padded by hand to the few lengths that come.
func TestTextsOfAnyLengthAreThoseOfTheirWords(t *testing.T) {
	short, long := spelt(5, 3), spelt(4, 11)
	parts := [][]string{short[:3], short[3:], long[:3], long[3:]}
	lengths := make([]int, len(parts))
	var padded []data.Source
	for i, part := range parts {
		for _, text := range part {
			lengths[i] = max(lengths[i], len(strings.Fields(text)))
		}
		lengths[i] = []int{0, 1, 2, 3, 4, 6, 6, 8, 8, 12, 12, 12}[lengths[i]]
		x, err := data.Integers(numberedWords(part, lengths[i]), lengths[i])
		if err != nil {
			t.Fatal(err)
		}
		padded = append(padded, labelled(t, x, 3*i, len(part)))
	}
	if lengths[0] == lengths[2] {
		t.Fatalf("the lengths are %v", lengths)
	}
	for _, attend := range []bool{false, true} {
		t.Run(fmt.Sprintf("attention=%v", attend), func(t *testing.T) {
			vectorize := &layer.TextVectorization{Vocabulary: vocabulary9}
			model, numbers := wordReader(t, vectorize, attend), wordReader(t, nil, attend)
			texts := bucketed(t, labelled(t, textColumn(t, short), 0, 5), labelled(t, textColumn(t, long), 6, 4))
			cfg := cornu.FitConfig{Epochs: 3, BatchSize: 3, NoShuffle: true}
			cfg.ValidationData = labelled(t, textColumn(t, long), 0, 4)
			got := fit(t, model, texts, cfg).Values
			cfg.ValidationData = nil
			want := fit(t, numbers, bucketed(t, padded...), cfg).Values
			sameBits(t, "a training on texts", bits(t, model), bits(t, numbers))
			if !slices.Equal(got["loss"], want["loss"]) || len(got["val_loss"]) != 3 {
				t.Errorf("the losses are %v, of numbers %v", got, want["loss"])
			}

			// Which rows are beside it changes nothing in a prediction.
			many := make([]string, 0, 600)
			for i := range 300 {
				many = append(many, long[i%4], short[i%5])
			}
			y, err := model.Predict(ctx, textsOf(t, many))
			all := numbersOf(t, y, err)
			for i, text := range append(slices.Clone(short), long...) {
				n := len(strings.Fields(text))
				alone, err := tensor.Of(numberedWords([]string{text}, n), 1, n)
				if err != nil {
					t.Fatal(err)
				}
				y, err := numbers.Predict(ctx, alone)
				row := 2*i + 1
				if i >= 5 {
					row = 2 * (i - 5)
				}
				if got, want := all[3*row:][:3], numbersOf(t, y, err); !slices.Equal(got, want) {
					t.Errorf("%q gives %v, alone %v", text, got, want)
				}
			}
			y, err = model.PredictSource(ctx, texts, cornu.PredictConfig{BatchSize: 2})
			if list := numbersOf(t, y, err); !slices.Equal(list[:3], all[3:6]) {
				t.Errorf("a source gives %v, want %v", list[:3], all[3:6])
			}
			a, err := model.Evaluate(ctx, texts, cornu.EvaluateConfig{BatchSize: 3, Quiet: true})
			if err != nil {
				t.Fatal(err)
			}
			b, err := numbers.Evaluate(ctx, bucketed(t, padded...), cornu.EvaluateConfig{BatchSize: 3, Quiet: true})
			if err != nil || a.Loss != b.Loss {
				t.Errorf("the loss is %v, of numbers %v, %v", a.Loss, b.Loss, err)
			}
			if _, err := model.TrainOnBatch(labelled(t, textColumn(t, short), 0, 5)); err != nil {
				t.Error(err)
			}
			if text, err := model.Plan(texts, 3); err != nil || !strings.Contains(text, "embedding") {
				t.Errorf("the plan is %q, %v", text, err)
			}

			again := reloaded(t, model, "texts.keras")
			want1, err := model.Predict(ctx, textsOf(t, many))
			got1, err1 := again.Predict(ctx, textsOf(t, many))
			if !slices.Equal(numbersOf(t, got1, err1), numbersOf(t, want1, err)) {
				t.Error("what comes back from a file predicts something else")
			}
		})
	}
}

// Keras pads texts to the longest of a batch, and masks what it has padded.
func TestKerasTextsOfSeveralLengths(t *testing.T) {
	text, err := os.ReadFile("kerasfile/testdata/text_lengths.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Reviews [][]string
		Predict [][]float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	x, err := tensor.FromRows(want.Reviews)
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(cmp.Or(os.Getenv("KERASFILE_OUT"), t.TempDir()), "text_lengths.keras")
	m := loadQuiet(t, "kerasfile/testdata/text_lengths.keras")
	if err := m.Save(saved); err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string]*cornu.Model{"of Keras": m, "of Cornu": loadQuiet(t, saved)} {
		y, err := m.Predict(ctx, x)
		near(t, what, numbersOf(t, y, err), slices.Concat(want.Predict...), 2e-6)
	}
}

// Where the results themselves have a length, all rows have that of the longest.
func TestResultsOfTextsHaveTheLengthOfTheLongest(t *testing.T) {
	in := layer.Apply(&layer.Input{DType: tensor.String})
	numbers := cornu.Apply(&layer.TextVectorization{Vocabulary: vocabulary9}, in)
	if got := numbers.Shape(); !got.Equal(tensor.Shape{tensor.Batch, tensor.None}) {
		t.Errorf("the shape is %v", got)
	}
	steps := cornu.Apply(&layer.GRU{Units: 2, ReturnSequences: true}, cornu.Apply(&layer.Embedding{InputDim: 9, OutputDim: 3, MaskZero: true}, numbers))
	model := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{numbers, steps})
	texts := slices.Repeat([]string{"a", "b c d e f", "", "g h"}, 100)
	out, err := model.PredictAll(ctx, textsOf(t, texts))
	if err != nil {
		t.Fatal(err)
	}
	if !out[0].Shape().Equal(tensor.Shape{400, 6}) || !out[1].Shape().Equal(tensor.Shape{400, 6, 2}) {
		t.Errorf("the shapes are %v and %v", out[0].Shape(), out[1].Shape())
	}
	for i, v := range floats(t, out[0]) {
		if want := numberedWords(texts[i/6:i/6+1], 6)[i%6]; v != float32(want) {
			t.Fatalf("number %d is %v, want %v", i, v, want)
		}
	}
	if err := model.PredictInto(nil, nil); err == nil || !strings.Contains(err.Error(), "Predict does that") {
		t.Errorf("PredictInto: %v", err)
	}
}

// Lists of words come in buckets as lists of numbers do, with a layer on the host that takes each by itself.
func TestLayersOnTheHostTakeBuckets(t *testing.T) {
	var words [][]string
	var numbers [][]int32
	for _, text := range spelt(14, 7) {
		words = append(words, strings.Fields(text))
		numbers = append(numbers, numberedWords([]string{text}, len(words[len(words)-1])))
	}
	y := tensorOf(t, wave(14, 3), 14, 1)
	texts, err := data.BucketBySequenceLength(words, y, data.PadConfig{After: true}, 2, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	integers, err := data.BucketBySequenceLength(numbers, y, data.PadConfig{After: true}, 2, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	model := func(in *cornu.Node, x *cornu.Node) *cornu.Model {
		x = cornu.Apply(&layer.GRU{Units: 2}, cornu.Apply(&layer.Embedding{InputDim: 9, OutputDim: 3, MaskZero: true}, x))
		m := cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, x)})
		m.Seed(3)
		if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	in, plain := layer.Apply(&layer.Input{Shape: tensor.Shape{tensor.None}, DType: tensor.String}), cornu.Input(tensor.None)
	none := ""
	lookup := &layer.StringLookup{Vocabulary: vocabulary9, MaskToken: &none}
	a, b := model(in, cornu.Apply(lookup, in)), model(plain, plain)
	cfg := cornu.FitConfig{Epochs: 3, BatchSize: 3}
	got, want := fit(t, a, texts, cfg).Values["loss"], fit(t, b, integers, cfg).Values["loss"]
	if !slices.Equal(got, want) {
		t.Errorf("the losses are %v, of numbers %v", got, want)
	}
	sameBits(t, "a training on lists of words", bits(t, a), bits(t, b))
	x, err := tensor.FromRows([][]string{{"a", "b", "c"}, {"g", "", ""}})
	if err != nil {
		t.Fatal(err)
	}
	y1, err := a.Predict(ctx, x)
	y2, err2 := b.Predict(ctx, tensorOf(t, []float32{2, 3, 4, 8, 0, 0}, 2, 3))
	if got, want := numbersOf(t, y1, err), numbersOf(t, y2, err2); !slices.Equal(got, want) {
		t.Errorf("it predicts %v, of numbers %v", got, want)
	}
	// As a step of the data.
	made, err := data.Preprocess(texts, &layer.StringLookup{Vocabulary: vocabulary9, MaskToken: &none})
	if err != nil {
		t.Fatal(err)
	}
	if spec := made.Spec(); len(spec.Buckets) != 3 || !spec.Buckets[1].X[0].Equal(tensor.Shape{4}) || !spec.X[0].Equal(tensor.Shape{tensor.None}) {
		t.Errorf("the source is %+v", spec)
	}
	plain = cornu.Input(tensor.None)
	c := model(plain, plain)
	fit(t, c, data.Prefetch(made, 2), cfg)
	sameBits(t, "a training on what was made before", bits(t, c), bits(t, b))
}

// What a recurrent layer begins with comes from another input, from another layer's last state, or from the last batch, whatever the
// lengths are; and it is as with a model for one length alone.
func TestSequencesOfAnyLengthBeginWithAState(t *testing.T) {
	for _, c := range []struct {
		name     string
		stateful bool
		model    func(steps int) *cornu.Model
	}{
		{"of another input", false, func(steps int) *cornu.Model {
			x, state := cornu.Input(steps, 3), cornu.Input(4)
			y := cornu.Apply(&layer.GRU{Units: 4}, x, state)
			return cornu.NewModel([]*cornu.Node{x, state}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, y)})
		}},
		{"of another layer", false, func(steps int) *cornu.Model {
			x, state := cornu.Input(steps, 3), cornu.Input(4)
			first := cornu.ApplyAll(&layer.LSTM{Units: 4, ReturnState: true, ReturnSequences: true}, cornu.Apply(&layer.Masking{}, x))
			y := cornu.Apply(&layer.LSTM{Units: 4}, first...)
			y = cornu.Apply(&layer.Add{}, y, state)
			return cornu.NewModel([]*cornu.Node{x, state}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, y)})
		}},
		{"of the last batch", true, func(steps int) *cornu.Model {
			x := layer.Apply(&layer.Input{Shape: tensor.Shape{steps, 3}, BatchSize: 2})
			state := layer.Apply(&layer.Input{Shape: tensor.Shape{4}, BatchSize: 2})
			y := cornu.Apply(&layer.SimpleRNN{Units: 4, Stateful: true}, x)
			y = cornu.Apply(&layer.Add{}, y, state)
			return cornu.NewModel([]*cornu.Node{x, state}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, y)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			model := func(steps int) *cornu.Model {
				m := c.model(steps)
				m.Seed(5)
				if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
					t.Fatal(err)
				}
				return m
			}
			source := func(n, steps int) data.Source {
				return &data.Arrays{
					X: []data.Column{column(t, wave(3*n*steps, uint32(steps)), steps, 3), column(t, wave(4*n, 2), 4)},
					Y: []data.Column{column(t, wave(n, 3), 1)},
				}
			}
			cfg := cornu.FitConfig{BatchSize: 2, NoShuffle: true}
			all := model(tensor.None)
			fit(t, all, source(4, 5), cfg)
			one := model(5)
			fit(t, one, source(4, 5), cfg)
			sameBits(t, "one length", bits(t, all), bits(t, one))

			if c.stateful {
				if err := all.ResetStates(); err != nil {
					t.Fatal(err)
				}
			}
			x := []*tensor.Tensor{tensorOf(t, wave(42, 7), 2, 7, 3), tensorOf(t, wave(8, 8), 2, 4)}
			want, err := all.Predict(ctx, x...)
			seven := model(7)
			variables, err2 := one.Variables()
			if err2 != nil {
				t.Fatal(err2)
			}
			to, err2 := seven.Variables()
			if err2 != nil {
				t.Fatal(err2)
			}
			for i, v := range variables {
				if err := to[i].Assign(v.Value()); err != nil {
					t.Fatal(err)
				}
			}
			got, err2 := seven.Predict(ctx, x...)
			if a, b := numbersOf(t, got, err2), numbersOf(t, want, err); !slices.Equal(a, b) {
				t.Errorf("7 steps: %v, with a model for 7 %v", b, a)
			}
			if c.stateful { // 5 steps after 2 are 7
				if err := all.ResetStates(); err != nil {
					t.Fatal(err)
				}
				var last []float32
				for _, part := range [][2]int{{0, 2}, {2, 7}} {
					var steps []float32
					for row := range 2 {
						steps = append(steps, floats(t, x[0])[3*(7*row+part[0]):3*(7*row+part[1])]...)
					}
					y, err := all.Predict(ctx, tensorOf(t, steps, 2, part[1]-part[0], 3), x[1])
					last = numbersOf(t, y, err)
				}
				if !slices.Equal(last, floats(t, want)) {
					t.Errorf("5 steps after 2: %v, at once %v", last, floats(t, want))
				}
			}
			again := model(tensor.None)
			fit(t, again, bucketed(t, source(4, 5), source(2, 8), source(2, 3)), cornu.FitConfig{BatchSize: 2, Epochs: 2})
		})
	}
}
