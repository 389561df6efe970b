package data_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// read returns all numbers and texts of an epoch, of the first input, and those of the first target.
func read(t *testing.T, s data.Source, batch int) (x []float32, texts []string, y []float32) {
	t.Helper()
	spec, err := data.SpecOf(s)
	if err != nil {
		t.Fatal(err)
	}
	batches, err := data.Epoch(context.Background(), s, data.EpochConfig{BatchSize: batch})
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Close()
	for {
		n, err := batches.Next()
		if err == io.EOF {
			return x, texts, y
		}
		b := data.Batch{X: [][]float32{nil}, Y: [][]float32{}, T: [][]string{nil}}
		width := n * spec.X[0].Numel()
		if len(spec.Types) > 0 && spec.Types[0] == tensor.String {
			b.T[0] = make([]string, width)
		} else {
			b.X[0] = make([]float32, width)
		}
		for _, shape := range spec.Y {
			b.Y = append(b.Y, make([]float32, n*shape.Numel()))
		}
		if err == nil {
			err = batches.Read(&b, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		x, texts = append(x, b.X[0]...), append(texts, b.T[0]...)
		if len(b.Y) > 0 {
			y = append(y, b.Y[0]...)
		}
	}
}

func TestWindowsAreKerasTimeseries(t *testing.T) {
	for _, c := range golden.Load(t, "preprocessing").Cases {
		if c.Class != "timeseries_dataset_from_array" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			n := func(name string) int { return int(c.Float(name, 0)) }
			of := func(name string) *tensor.Tensor {
				x, err := tensor.Of(c.Tensors[name].Data, c.Tensors[name].Shape...)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			s, err := data.TimeseriesWindows(of("x0"), of("x1"), data.TimeseriesConfig{
				SequenceLength: n("sequence_length"), SequenceStride: n("sequence_stride"), SamplingRate: n("sampling_rate"),
				StartIndex: n("start_index"), EndIndex: n("end_index"),
			})
			if err != nil {
				t.Fatal(err)
			}
			x, _, y := read(t, s, 4)
			if !slices.Equal(x, c.Tensors["x"].Data) || !slices.Equal(y, c.Tensors["y"].Data) {
				t.Errorf("the windows are %v of %v, Keras's %v of %v", x, y, c.Tensors["x"].Data, c.Tensors["y"].Data)
			}
		})
	}
}

func TestASeriesMayBeOfAnyNumbers(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.Uint8, tensor.Int32, tensor.Int64} {
		series, err := tensor.Of([]float32{1, 2, 3, 4})
		if err == nil {
			series, err = series.Cast(dtype)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := data.TimeseriesWindows(series, series, data.TimeseriesConfig{SequenceLength: 2, SequenceStride: 2})
		if err != nil {
			t.Fatalf("%v: %v", dtype, err)
		}
		if x, _, y := read(t, s, 4); !slices.Equal(x, []float32{1, 2, 3, 4}) || !slices.Equal(y, []float32{1, 3}) {
			t.Errorf("%v: %v, %v", dtype, x, y)
		}
	}
	words, err := tensor.Of([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.TimeseriesWindows(words, nil, data.TimeseriesConfig{SequenceLength: 1}); err == nil || !strings.Contains(err.Error(), "texts, not numbers") {
		t.Error(err)
	}
}

func TestSequencesAreFilledUpAsKerasDoes(t *testing.T) {
	for _, c := range golden.Load(t, "preprocessing").Cases {
		if c.Class != "pad_sequences" {
			continue
		}
		var lists [][]int32
		if err := json.Unmarshal([]byte(c.Texts["x"]), &lists); err != nil {
			t.Fatal(err)
		}
		got, err := data.PadSequences(lists, int32(c.Float("value", 0)), data.PadConfig{
			MaxLen: int(c.Float("maxlen", 0)), After: c.String("padding") == "post", CutAfter: c.String("truncating") == "post",
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := tensor.Of(c.Tensors["y"].Data, c.Tensors["y"].Shape...)
		if err == nil {
			want, err = want.Cast(tensor.Int32)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", c.Name, got, err)
		}
	}
}

func TestBucketsHoldSequencesOfSimilarLengths(t *testing.T) {
	lists := make([][]float32, 6)
	for i, n := range []int{3, 9, 1, 4, 20, 0} {
		lists[i] = make([]float32, n)
	}
	got, err := data.Buckets(lists, 2, 4, 8, 10)
	want := []data.Bucket{{2, []int{2, 5}}, {4, []int{0, 3}}, {10, []int{1, 4}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bounds := range [][]int{nil, {0}, {3, 3}} {
		if _, err := data.Buckets(lists, bounds...); err == nil {
			t.Errorf("the bounds %v are taken", bounds)
		}
	}
}

func TestWindowsThatDoNotFitAreErrors(t *testing.T) {
	x, err := tensor.Of(make([]float32, 10))
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]data.TimeseriesConfig{
		"SequenceLength is 0":                    {},
		"10 steps are fewer than a window of 11": {SequenceLength: 11},
		"10 steps are fewer than a window of 4":  {SequenceLength: 4, SamplingRate: 4},
		"neither can be negative":                {SequenceLength: 1, SequenceStride: -1},
		"EndIndex 11":                            {SequenceLength: 1, EndIndex: 11},
		"StartIndex is 5 and EndIndex 5":         {SequenceLength: 1, StartIndex: 5, EndIndex: 5},
	} {
		if _, err := data.TimeseriesWindows(x, nil, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := data.TimeseriesWindows(x, x, data.TimeseriesConfig{SequenceLength: 1 << 62, SamplingRate: 1 << 62}); err == nil {
		t.Error("a window as long as nothing is taken")
	}
}

// Texts go through all that stands between a source and a network.
func TestTextsArePassedOn(t *testing.T) {
	words := []string{"b", "a", "c", "a", "b", "a"}
	column, err := data.Texts(words, 2)
	if err != nil {
		t.Fatal(err)
	}
	arrays := &data.Arrays{X: []data.Column{column}}
	spec := arrays.Spec()
	generated := data.Func(spec, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for i := range 3 {
				if !yield(data.Sample{X: [][]float32{nil}, T: [][]string{words[2*i:][:2]}}, nil) {
					return
				}
			}
		}
	})
	upper := func(s data.Sample, _ *data.Random) error {
		s.T[0][1] += "!"
		return nil
	}
	changed := []string{"b", "a!", "c", "a!", "b", "a!"}
	for name, c := range map[string]struct {
		s    data.Source
		want []string
	}{
		"arrays": {arrays, words}, "a part": {arrays.Take(2), words[:4]}, "a generator": {generated, words},
		"read ahead": {data.Prefetch(generated, 2), words}, "changed": {data.Map(arrays, upper), changed},
	} {
		if _, got, _ := read(t, c.s, 2); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	lookup := &layer.StringLookup{}
	if err := data.Adapt(context.Background(), lookup, generated, 0); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(lookup.GetVocabulary()); got != "[[UNK] a b c]" {
		t.Error(got)
	}
	s, err := data.Preprocess(data.Prefetch(arrays, 1), lookup)
	if err != nil {
		t.Fatal(err)
	}
	if x, _, _ := read(t, s, 2); !slices.Equal(x, []float32{2, 1, 3, 1, 2, 1}) {
		t.Error(x)
	}
	lookup = &layer.StringLookup{Vocabulary: []string{"a", "b"}, NumOOVIndices: new(0)}
	if s, err = data.Preprocess(arrays, lookup); err != nil {
		t.Fatal(err)
	}
	batches, err := data.Epoch(context.Background(), s, data.EpochConfig{BatchSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer batches.Close()
	n, err := batches.Next()
	if err != nil {
		t.Fatal(err)
	}
	var wrong *layer.RowError
	if err := batches.Read(&data.Batch{X: [][]float32{make([]float32, n*2)}}, nil); !errors.As(err, &wrong) || wrong.Row != 1 {
		t.Error(err)
	}
}
