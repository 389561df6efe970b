package data

// Integers are given as int32 to who asks for them so, and as float32 to all others.

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

const beyond = 1<<24 + 1 // float32 doesn't have it

// words are three samples of two numbers of words, with a label each.
func words(t *testing.T, last int64) *Arrays {
	t.Helper()
	return &Arrays{
		X: []Column{must[Column](t)(Floats([]float32{1, 2, 3})), must[Column](t)(Integers([]int64{1, 2, 3, 4, 5, last}, 2))},
		Y: []Column{must[Column](t)(Labels([]uint8{7, 8, 9}))},
	}
}

// wanted returns a batch for n samples of words that wants integers.
func wanted(n int) Batch {
	return Batch{
		X: [][]float32{make([]float32, n), nil}, IntX: [][]int32{nil, make([]int32, 2*n)}, IntY: [][]int32{make([]int32, n)},
		W: [][]float32{make([]float32, n)},
	}
}

// first reads the first batch of a source.
func first(t *testing.T, s Source, n int, batch *Batch) error {
	t.Helper()
	b := must[Batches](t)(Epoch(t.Context(), s, EpochConfig{BatchSize: n}))
	defer b.Close()
	if _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	return b.Read(batch, nil)
}

// yielded is what words are, from a generator, which uses its memory again.
func yielded(t *testing.T, last int32) Source {
	spec := words(t, int64(last)).Spec()
	return Func(spec, func(context.Context, EpochConfig) iter.Seq2[Sample, error] {
		return func(yield func(Sample, error) bool) {
			x, y := make([]int32, 2), make([]int32, 1)
			for i := range int32(3) {
				x[0], x[1], y[0] = 2*i+1, 2*i+2, i+7
				if i == 2 {
					x[1] = last
				}
				if !yield(Sample{X: [][]float32{{float32(i + 1)}}, IntX: [][]int32{nil, x}, IntY: [][]int32{y}}, nil) {
					return
				}
			}
		}
	})
}

// up changes words that are a step below what they shall be: integers in place, whatever is wanted.
func up(s Sample, _ *Random) error {
	s.IntX[1][0]++
	s.IntX[1][1]++
	s.IntY[0][0]++
	return nil
}

// below are words before up.
func below(t *testing.T, last int64) *Arrays {
	a := words(t, last)
	a.X[1] = must[Column](t)(Integers([]int64{0, 1, 2, 3, 4, last - 1}, 2))
	a.Y[0] = must[Column](t)(Labels([]uint8{6, 7, 8}))
	return a
}

func TestIntegersAreReadAsIntegers(t *testing.T) {
	weighted := func(s Source) Source { return must[Source](t)(ClassWeights(s, map[int]float64{8: 3})) }
	for name, s := range map[string]Source{
		"arrays":            words(t, beyond),
		"read ahead":        Prefetch(words(t, beyond), 2),
		"weighted":          weighted(words(t, beyond)),
		"read ahead, twice": Prefetch(Prefetch(weighted(words(t, beyond)), 1), 1),
		"mapped":            Map(below(t, beyond), up),
		"generated":         yielded(t, beyond),
	} {
		batch := wanted(3)
		if err := first(t, s, 3, &batch); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(batch.IntX[1], []int32{1, 2, 3, 4, 5, beyond}) || !slices.Equal(batch.IntY[0], []int32{7, 8, 9}) || !slices.Equal(batch.X[0], []float32{1, 2, 3}) {
			t.Errorf("%s: %v", name, batch)
		}
		if w, want := batch.W[0], map[bool]float32{true: 3, false: 1}[name == "weighted" || name == "read ahead, twice"]; w[0] != 1 || w[1] != want {
			t.Errorf("%s: weights %v", name, w)
		}
		numbers := newBatch(s.Spec(), 3)
		if err := first(t, s, 3, &numbers); err == nil || !strings.Contains(err.Error(), "x[1]: value 5 is 16777217, but only integers up to 16777216 are exact") {
			t.Errorf("%s, as numbers: %v", name, err)
		}
		mixed := Batch{X: numbers.X, IntX: [][]int32{make([]int32, 3)}}
		if err := first(t, s, 3, &mixed); err == nil || !strings.Contains(err.Error(), "x[0] is wanted as numbers and as integers") {
			t.Errorf("%s, both: %v", name, err)
		}
		mixed = Batch{X: [][]float32{nil, nil}, IntX: [][]int32{make([]int32, 3), make([]int32, 6)}}
		if err := first(t, s, 3, &mixed); err == nil || !strings.Contains(err.Error(), "x[0] is wanted as integers, and can be read as float32 alone") {
			t.Errorf("%s, numbers as integers: %v", name, err)
		}
	}
}

// What knows nothing of integers reads them as numbers, and a generator may give them so.
func TestIntegersAreReadAsNumbersToo(t *testing.T) {
	spec := words(t, 6).Spec()
	generated := Func(spec, func(context.Context, EpochConfig) iter.Seq2[Sample, error] {
		return func(yield func(Sample, error) bool) {
			for i := range 3 {
				x := [][]float32{{float32(i + 1)}, {float32(2*i + 1), float32(2*i + 2)}}
				if !yield(Sample{X: x, Y: [][]float32{{float32(i + 7)}}}, nil) {
					return
				}
			}
		}
	})
	for name, s := range map[string]Source{
		"arrays":                words(t, 6),
		"read ahead":            Prefetch(words(t, 6), 2),
		"mapped":                Map(below(t, 6), up),
		"generated":             yielded(t, 6),
		"generated, as numbers": generated,
	} {
		batch := newBatch(spec, 3)
		if err := first(t, s, 3, &batch); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(batch.X[1], []float32{1, 2, 3, 4, 5, 6}) || !slices.Equal(batch.Y[0], []float32{7, 8, 9}) {
			t.Errorf("%s: %v", name, batch)
		}
		integers := wanted(3)
		if err := first(t, s, 3, &integers); (err == nil) != (name != "generated, as numbers") {
			t.Errorf("%s, as integers: %v", name, err)
		}
	}
}

// The first sample says what is integers in all.
func TestAGeneratorsSamplesAreOfOneKind(t *testing.T) {
	spec := Spec{X: []tensor.Shape{{2}}, Y: []tensor.Shape{{}}, Len: -1}
	good := Sample{X: [][]float32{{1, 2}}, IntY: [][]int32{{3}}}
	for want, second := range map[string]Sample{
		"sample 1 of the epoch: y[0] is integers in some samples and numbers in others: it must be one of them in all": {X: good.X, Y: [][]float32{{3}}},
		"sample 1 of the epoch: x[0] is integers in some samples and numbers in others: it must be one of them in all": {IntX: [][]int32{{1, 2}}, IntY: good.IntY},
		"sample 1 of the epoch: y[0] is given as numbers and as integers, it can be either":                            {X: good.X, Y: [][]float32{{3}}, IntY: good.IntY},
		"sample 1 of the epoch: y[0] has 2 values, shape () needs 1":                                                   {X: good.X, IntY: [][]int32{{3, 4}}},
		"sample 1 of the epoch: there are 0 of y, the source's spec has 1":                                             {X: good.X},
		"sample 1 of the epoch: there are 2 of y, the source's spec has 1":                                             {X: good.X, IntY: [][]int32{{3}, {4}}},
	} {
		s := Func(spec, func(context.Context, EpochConfig) iter.Seq2[Sample, error] {
			return func(yield func(Sample, error) bool) { _ = yield(good, nil) && yield(second, nil) }
		})
		b := must[Batches](t)(Epoch(t.Context(), s, EpochConfig{BatchSize: 2}))
		if _, err := b.Next(); err == nil || err.Error() != "data: "+want {
			t.Errorf("error %v, want %s", err, want)
		}
		b.Close()
	}
}

// Images that layers change are numbers, all else stays what it is.
func TestIntegersBesideImagesThatAreChanged(t *testing.T) {
	a := words(t, beyond)
	a.X[0] = must[Column](t)(Integers([]int64{1, 2, 3}, 1, 1, 1))
	s := must[Source](t)(Augment(a, &layer.RandomFlip{}))
	batch := wanted(3)
	if err := first(t, s, 3, &batch); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(batch.IntX[1], []int32{1, 2, 3, 4, 5, beyond}) || !slices.Equal(batch.IntY[0], []int32{7, 8, 9}) || !slices.Equal(batch.X[0], []float32{1, 2, 3}) {
		t.Errorf("%v", batch)
	}
}

// A layer on the host is given any integers, and what the graph is fed with beside it stays what it is.
func TestIntegersPassLayersOnTheHost(t *testing.T) {
	id := layer.Apply(&layer.Input{Shape: tensor.Shape{1}})
	bin := layer.Apply(&layer.Hashing{NumBins: 1000}, id)
	n, err := layer.NewNetwork([]*layer.Node{id}, []*layer.Node{layer.Apply(&layer.Concatenate{}, bin, id)})
	if err != nil {
		t.Fatal(err)
	}
	ids := &Arrays{X: []Column{must[Column](t)(Integers([]int32{beyond - 1, beyond, beyond + 1}, 1))}}
	s := Prefetch(Ahead(ids, n), 1)
	batch := Batch{X: [][]float32{nil, make([]float32, 3)}, IntX: [][]int32{make([]int32, 3)}}
	if err := first(t, s, 3, &batch); err != nil {
		t.Fatal(err)
	}
	bins := batch.X[1]
	if !slices.Equal(batch.IntX[0], []int32{beyond - 1, beyond, beyond + 1}) || bins[0] == bins[1] || bins[1] == bins[2] {
		t.Errorf("%v", batch)
	}
	numbers := newBatch(s.Spec(), 3)
	if err := first(t, s, 3, &numbers); err == nil || !strings.Contains(err.Error(), "16777217") {
		t.Errorf("as numbers: %v", err)
	}
}

func TestLabelsAreCheckedAsIntegers(t *testing.T) {
	a := &Arrays{X: []Column{must[Column](t)(Floats([]float32{1, 2}))}, Y: []Column{must[Column](t)(Labels([]int64{1, beyond}))}}
	err := a.CheckLabels(0, 3)
	if err == nil || err.Error() != "data: the label of row 1 is 16777217: with 3 classes, labels are whole numbers from 0 to 2" {
		t.Error(err)
	}
}

func TestIntegersInBuckets(t *testing.T) {
	y := must[*tensor.Tensor](t)(tensor.Of([]int32{7, 8, 9}))
	s := must[Source](t)(BucketBySequenceLength([][]int64{{1, beyond}, {2}, {beyond, 3}}, y, PadConfig{After: true}, 1, 2))
	for name, s := range map[string]Source{"buckets": s, "read ahead": Prefetch(s, 1)} {
		b := must[Batches](t)(Epoch(t.Context(), s, EpochConfig{BatchSize: 2}))
		for _, want := range []struct{ x, y []int32 }{{[]int32{2}, []int32{8}}, {[]int32{1, beyond, beyond, 3}, []int32{7, 9}}} {
			if _, err := b.Next(); err != nil {
				t.Fatal(err)
			}
			batch := Batch{IntX: [][]int32{make([]int32, len(want.x))}, IntY: [][]int32{make([]int32, len(want.y))}}
			if err := b.Read(&batch, nil); err != nil || !slices.Equal(batch.IntX[0], want.x) || !slices.Equal(batch.IntY[0], want.y) {
				t.Errorf("%s: %v, %v", name, batch, err)
			}
		}
		b.Close()
	}
}
