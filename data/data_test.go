package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// counting is a source of n samples: x is (i, -i), y is i, the weight is i+0.5.
func counting(t *testing.T, n int) *Arrays {
	t.Helper()
	x, y, w := make([]float32, 2*n), make([]int, n), make([]float32, n)
	for i := range n {
		x[2*i], x[2*i+1], y[i], w[i] = float32(i), -float32(i), i, float32(i)+0.5
	}
	return &Arrays{
		X:       []Column{must[Column](t)(Floats(x, 2))},
		Y:       []Column{must[Column](t)(Labels(y))},
		Weights: w,
	}
}

// read goes through an epoch and returns the sizes of its batches and all that
// was read, joined.
func read(t *testing.T, s Source, c EpochConfig) (sizes []int, all Batch) {
	t.Helper()
	sizes, all, err := tryRead(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return sizes, all
}

func tryRead(s Source, c EpochConfig) (sizes []int, all Batch, err error) {
	b, err := s.Epoch(context.Background(), c)
	if err != nil {
		return nil, all, err
	}
	defer b.Close()
	all = newBatch(s.Spec(), 0)
	for {
		n, err := b.Next()
		if err == io.EOF {
			return sizes, all, nil
		}
		batch := newBatch(s.Spec(), n)
		if err == nil {
			err = b.Read(&batch, nil)
		}
		if err != nil {
			return sizes, all, err
		}
		sizes = append(sizes, n)
		for i := range batch.X {
			all.X[i] = append(all.X[i], batch.X[i]...)
		}
		for i := range batch.Y {
			all.Y[i] = append(all.Y[i], batch.Y[i]...)
		}
		for i := range batch.W {
			all.W[i] = append(all.W[i], batch.W[i]...)
		}
	}
}

func upTo(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i)
	}
	return v
}

func TestAnEpochHasEverySampleOnce(t *testing.T) {
	for _, c := range []struct {
		n, batch int
		sizes    []int
	}{
		{10, 3, []int{3, 3, 3, 1}},
		{10, 5, []int{5, 5}},
		{10, 100, []int{10}},
		{1, 1, []int{1}},
	} {
		for _, shuffle := range []bool{false, true} {
			sizes, all := read(t, counting(t, c.n), EpochConfig{BatchSize: c.batch, Shuffle: shuffle, Seed: 1})
			if !slices.Equal(sizes, c.sizes) {
				t.Errorf("%d samples in batches of %d: sizes %v, want %v", c.n, c.batch, sizes, c.sizes)
			}
			for i, y := range all.Y[0] {
				if all.X[0][2*i] != y || all.X[0][2*i+1] != -y || all.W[0][i] != y+0.5 {
					t.Errorf("sample %v has x (%v, %v) and weight %v", y, all.X[0][2*i], all.X[0][2*i+1], all.W[0][i])
				}
			}
			y := slices.Clone(all.Y[0])
			if shuffle {
				slices.Sort(y)
			}
			if !slices.Equal(y, upTo(c.n)) {
				t.Errorf("shuffle %v: samples %v", shuffle, y)
			}
		}
	}
}

func TestAShuffleIsKeyedBySeedAndEpoch(t *testing.T) {
	a := counting(t, 50)
	order := func(seed, epoch uint64) []float32 {
		_, all := read(t, a, EpochConfig{BatchSize: 7, Shuffle: true, Seed: seed, Epoch: epoch})
		return all.Y[0]
	}
	first := order(1, 1)
	if !slices.Equal(first, order(1, 1)) {
		t.Error("one seed and epoch, two orders")
	}
	if slices.Equal(first, order(1, 2)) || slices.Equal(first, order(2, 1)) {
		t.Error("another seed or epoch, the same order")
	}
}

func TestEpochsOfOneSourceMayOverlap(t *testing.T) {
	a := counting(t, 100)
	var readers sync.WaitGroup
	for g := range uint64(4) {
		readers.Go(func() {
			for epoch := range uint64(5) {
				_, all, err := tryRead(a, EpochConfig{BatchSize: 9, Shuffle: true, Seed: g, Epoch: epoch})
				if err != nil {
					t.Error(err)
					return
				}
				slices.Sort(all.Y[0])
				if !slices.Equal(all.Y[0], upTo(100)) {
					t.Errorf("reader %d: samples are missing", g)
				}
			}
		})
	}
	readers.Wait()
}

func TestReadingAllocatesNothingAfterTheFirstBatches(t *testing.T) {
	pool := par.New(2)
	defer pool.Close()
	a := counting(t, 10_000)
	b := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 32, Shuffle: true}))
	defer b.Close()
	batch := newBatch(a.Spec(), 32)
	step := func() {
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
		if err := b.Read(&batch, pool); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestColumns(t *testing.T) {
	of := must[*tensor.Tensor](t)
	column := must[Column](t)
	for _, c := range []struct {
		name   string
		column Column
		shape  tensor.Shape
		want   []float32 // of rows 2, 0, 2
	}{
		{"floats", column(Floats([]float32{1, 2, 3})), tensor.Shape{}, []float32{3, 1, 3}},
		{"floats of a shape", column(Floats([]float32{1, 2, 3, 4, 5, 6}, 1, 2)), tensor.Shape{1, 2}, []float32{5, 6, 1, 2, 5, 6}},
		{"bytes", column(Bytes([]uint8{0, 1, 255})), tensor.Shape{}, []float32{255, 0, 255}},
		{"scaled bytes", column(Scaled([]uint8{0, 51, 255}, -1, 1)), tensor.Shape{}, []float32{1, -1, 1}},
		{"pixels", column(Pixels([]uint8{51, 1, 255})), tensor.Shape{}, []float32{1, 51. / 255, 1}},
		{"one-hot", column(OneHot([]uint8{0, 1, 2}, 3)), tensor.Shape{3}, []float32{0, 0, 1, 1, 0, 0, 0, 0, 1}},
		{"labels", column(Labels([]int32{-7, 1, 1 << 24})), tensor.Shape{}, []float32{1 << 24, -7, 1 << 24}},
		{"float32 tensor", column(FromTensor(of(tensor.Of([]float32{1, 2, 3})))), tensor.Shape{}, []float32{3, 1, 3}},
		{"float64 tensor", column(FromTensor(of(tensor.Of([]float64{1, 2, 0.1}, 3, 1)))), tensor.Shape{1}, []float32{0.1, 1, 0.1}},
		{"uint8 tensor", column(FromTensor(of(tensor.Of([]uint8{1, 2, 255})))), tensor.Shape{}, []float32{255, 1, 255}},
		{"integers", column(Integers([]int{4, 5, 6, 7, 8, 9}, 2)), tensor.Shape{2}, []float32{8, 9, 4, 5, 8, 9}},
		{"int32 tensor", column(FromTensor(of(tensor.Of([]int32{1, 2, -3})))), tensor.Shape{}, []float32{-3, 1, -3}},
		{"int64 tensor", column(FromTensor(of(tensor.Of([]int64{1, 2, 3})))), tensor.Shape{}, []float32{3, 1, 3}},
		{"bool tensor", column(FromTensor(of(tensor.Of([]bool{false, true, true})))), tensor.Shape{}, []float32{1, 0, 1}},
	} {
		if c.column.Len() != 3 || !c.column.Shape().Equal(c.shape) {
			t.Errorf("%s: %d samples of shape %v", c.name, c.column.Len(), c.column.Shape())
		}
		got := make([]float32, len(c.want))
		for i := range got {
			got[i] = float32(math.NaN()) // whatever was there
		}
		c.column.Kernel(got, []int32{2, 0, 2}).Run(nil)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: rows 2, 0, 2 are %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhatIsNoColumnIsAnError(t *testing.T) {
	scalar := must[*tensor.Tensor](t)(tensor.Zeros(tensor.Float32))
	big := must[*tensor.Tensor](t)(tensor.Of([]int64{0, 1 << 31}))
	for name, f := range map[string]func() (Column, error){
		"values that don't fill a sample": func() (Column, error) { return Floats(make([]float32, 5), 2) },
		"bytes scaled to nothing":         func() (Column, error) { return Scaled(make([]uint8, 4), 1, 1, 2) },
		"bytes that don't fill a sample":  func() (Column, error) { return Pixels(make([]uint8, 5), 2) },
		"samples without values":          func() (Column, error) { return Floats(nil, 3, 0) },
		"a negative dimension":            func() (Column, error) { return Bytes(nil, -2) },
		"a scalar":                        func() (Column, error) { return FromTensor(scalar) },
		"no tensor":                       func() (Column, error) { return FromTensor(nil) },
		"an integer too large":            func() (Column, error) { return FromTensor(big) },
		"integers that are too large":     func() (Column, error) { return Integers([]int64{1, -1 << 31}, 2) },
		"half a sample of integers":       func() (Column, error) { return Integers([]int{1, 2, 3}, 2) },
		"a label too large":               func() (Column, error) { return Labels([]int64{1 << 31}) },
	} {
		if c, err := f(); err == nil {
			t.Errorf("%s: made a column %v", name, c)
		}
	}
}

func TestALabelOutsideTheClassesNamesItsRow(t *testing.T) {
	check := func(err error, want LabelError) {
		t.Helper()
		var label *LabelError
		if !errors.As(err, &label) || !reflect.DeepEqual(*label, want) {
			t.Errorf("error %v, want %+v", err, want)
		}
	}
	_, err := OneHot([]int{0, 9, 10, 3}, 10)
	check(err, LabelError{Row: 2, Label: 10, Classes: 10})
	_, err = OneHot([]int32{0, -1}, 10)
	check(err, LabelError{Row: 1, Label: -1, Classes: 10})
	if want := "the label of row 1 is -1: with 10 classes, labels are whole numbers from 0 to 9"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q doesn't say %q", err, want)
	}

	a := counting(t, 1000)
	if err := a.CheckLabels(0, 1000); err != nil {
		t.Error(err)
	}
	check(a.CheckLabels(0, 900), LabelError{Row: 900, Label: 900, Classes: 900})
	a.Y[0] = must[Column](t)(Floats([]float32{0, 1, 0.5}))
	a.X[0] = must[Column](t)(Floats(make([]float32, 3)))
	a.Weights = nil
	check(a.CheckLabels(0, 2), LabelError{Row: 2, Label: 0.5, Classes: 2})
	if err := a.CheckLabels(1, 2); err == nil {
		t.Error("there is no second target, and no error")
	}
}

func TestPartsOfDifferentLengthsAreAnError(t *testing.T) {
	x := must[*tensor.Tensor](t)(tensor.Zeros(tensor.Float32, 100, 4))
	y := must[*tensor.Tensor](t)(tensor.Zeros(tensor.Float32, 99))
	_, err := New(x, y)
	var length *LengthError
	if !errors.As(err, &length) || length.LenA != 100 || length.LenB != 99 {
		t.Errorf("New: %v", err)
	}
	if want := "data: x[0] has 100 samples, but y[0] has 99"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}

	a := counting(t, 5)
	a.Weights = a.Weights[:4]
	if _, err := a.Epoch(t.Context(), EpochConfig{BatchSize: 1}); !errors.As(err, &length) || length.B != "weights" {
		t.Errorf("Epoch: %v", err)
	}
}

func TestNoSamplesAreAnError(t *testing.T) {
	none := must[*tensor.Tensor](t)(tensor.Zeros(tensor.Float32, 0, 4))
	if _, err := New(none, none); !errors.Is(err, ErrEmpty) {
		t.Errorf("New: %v", err)
	}
	for _, a := range []*Arrays{{}, counting(t, 3).Take(0), counting(t, 3).Take(-1)} {
		if _, err := a.Epoch(t.Context(), EpochConfig{BatchSize: 1}); !errors.Is(err, ErrEmpty) {
			t.Errorf("Epoch: %v", err)
		}
	}
}

func TestAColumnThatIsNilIsAnError(t *testing.T) {
	a := counting(t, 3)
	a.Y = append(a.Y, nil)
	if err := a.Check(); err == nil || !strings.Contains(err.Error(), "y[1] is nil") {
		t.Error(err)
	}
}

func TestASpecOfNoShapeIsAnError(t *testing.T) {
	for _, shape := range []tensor.Shape{{tensor.Batch, 3}, {0}, {-5}} {
		s := Func(Spec{X: []tensor.Shape{shape}, Len: -1}, nil)
		if _, err := s.Epoch(t.Context(), EpochConfig{BatchSize: 1}); err == nil {
			t.Errorf("samples of shape %v", shape)
		}
	}
}

func TestReadNeedsABatch(t *testing.T) {
	for _, s := range []Source{counting(t, 1), generated(1), Prefetch(generated(1), 1)} {
		b := must[Batches](t)(s.Epoch(t.Context(), EpochConfig{BatchSize: 1}))
		batch := newBatch(s.Spec(), 1)
		read := func(when string) {
			t.Helper()
			if err := b.Read(&batch, nil); err == nil {
				t.Errorf("%T: read %s", s, when)
			}
		}
		read("before Next")
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := b.Next(); err != io.EOF {
				t.Errorf("%T: after the end: %v", s, err)
			}
			read("after the end")
		}
		b.Close()
	}
}

func TestClosingTwiceLeavesOtherEpochsAlone(t *testing.T) {
	a := counting(t, 10)
	first := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 2}))
	first.Close()
	second := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 5}))
	first.Close()
	if _, err := first.Next(); err != io.EOF {
		t.Errorf("a closed epoch goes on: %v", err)
	}
	if n, err := second.Next(); n != 5 || err != nil {
		t.Errorf("the other epoch has a batch of %d, %v", n, err)
	}
}

func TestABatchSizeMustBePositive(t *testing.T) {
	for _, s := range []Source{counting(t, 3), generated(3)} {
		for _, size := range []int{0, -1} {
			if _, err := s.Epoch(t.Context(), EpochConfig{BatchSize: size}); err == nil || !strings.Contains(err.Error(), "batch size") {
				t.Errorf("batch size %d: %v", size, err)
			}
		}
	}
}

func TestABatchOfAnotherShapeIsAnError(t *testing.T) {
	for _, s := range []Source{counting(t, 4), generated(4), Prefetch(counting(t, 4), 2)} {
		for name, batch := range map[string]Batch{
			"x too wide":     {X: [][]float32{make([]float32, 12)}},
			"x too short":    {X: [][]float32{make([]float32, 7)}},
			"no x":           {},
			"a second x":     {X: [][]float32{make([]float32, 8), make([]float32, 8)}},
			"y too wide":     {X: [][]float32{make([]float32, 8)}, Y: [][]float32{make([]float32, 8)}},
			"too many w":     {X: [][]float32{make([]float32, 8)}, W: [][]float32{make([]float32, 5)}},
			"an empty first": {X: [][]float32{{}}},
		} {
			b := must[Batches](t)(s.Epoch(t.Context(), EpochConfig{BatchSize: 4}))
			if _, err := b.Next(); err != nil {
				t.Fatal(err)
			}
			if err := b.Read(&batch, nil); err == nil {
				t.Errorf("%T, %s: read", s, name)
			}
			b.Close()
		}
	}
}

func TestTargetsAndWeightsAreReadOnlyIfWanted(t *testing.T) {
	a := counting(t, 4)
	a.Weights = nil
	b := must[Batches](t)(a.Epoch(t.Context(), EpochConfig{BatchSize: 4}))
	defer b.Close()
	if _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	batch := Batch{X: [][]float32{make([]float32, 8)}}
	if err := b.Read(&batch, nil); err != nil {
		t.Error(err)
	}
	batch = Batch{X: batch.X, W: [][]float32{make([]float32, 4)}}
	if err := b.Read(&batch, nil); err != nil {
		t.Error(err)
	}
	if !slices.Equal(batch.W[0], []float32{1, 1, 1, 1}) {
		t.Errorf("the weights of a source without weights are %v", batch.W)
	}
}

func targets(t *testing.T, s Source) []float32 {
	t.Helper()
	_, all := read(t, s, EpochConfig{BatchSize: 4})
	return all.Y[0]
}

func TestPartsOfArrays(t *testing.T) {
	a := counting(t, 10)
	if got := targets(t, a.Take(3)); !slices.Equal(got, []float32{0, 1, 2}) {
		t.Errorf("Take(3): %v", got)
	}
	if got := a.Take(99).Len(); got != 10 {
		t.Errorf("Take(99) of 10 has %d samples", got)
	}
	train, validation, err := a.Split(0.25)
	if err != nil {
		t.Fatal(err)
	}
	if got := targets(t, train); !slices.Equal(got, upTo(7)) {
		t.Errorf("Split(0.25) trains on %v", got)
	}
	if got := targets(t, validation); !slices.Equal(got, []float32{7, 8, 9}) {
		t.Errorf("Split(0.25) validates on %v", got)
	}
	_, all := read(t, train, EpochConfig{BatchSize: 3, Shuffle: true, Seed: 4})
	slices.Sort(all.Y[0])
	if !slices.Equal(all.Y[0], upTo(7)) {
		t.Errorf("the shuffled part has %v", all.Y[0])
	}
	if got := targets(t, train.Take(2)); !slices.Equal(got, []float32{0, 1}) {
		t.Errorf("a part of a part: %v", got)
	}

	train, test, err := a.TrainTestSplit(0.3, 5)
	if err != nil {
		t.Fatal(err)
	}
	both := append(targets(t, train), targets(t, test)...)
	if len(both) != 10 || test.Len() != 3 || slices.IsSorted(both) {
		t.Errorf("TrainTestSplit(0.3): %v", both)
	}
	if slices.Sort(both); !slices.Equal(both, upTo(10)) {
		t.Errorf("TrainTestSplit(0.3): %v", both)
	}
}

// Keras: split_at = floor(n·(1 - fraction)).
func TestSplitRoundsAsKeras(t *testing.T) {
	for _, c := range []struct {
		n        int
		fraction float64
		train    int
	}{{60000, 0.1, 54000}, {10, 0.33, 6}, {3, 0.5, 1}, {100, 0.01, 99}} {
		train, _, err := counting(t, c.n).Split(c.fraction)
		if err != nil || train.Len() != c.train {
			t.Errorf("%v of %d leaves %d, want %d (%v)", c.fraction, c.n, train.Len(), c.train, err)
		}
	}
	for _, fraction := range []float64{0, 1, -0.5, 1.5, math.NaN(), 1e-30, 0.9999} {
		if _, _, err := counting(t, 10).Split(fraction); err == nil {
			t.Errorf("10 samples were split by %v", fraction)
		}
	}
}

func TestClassWeights(t *testing.T) {
	labels := []int{2, 0, 1, 2}
	x := must[Column](t)(Floats(make([]float32, 4)))
	for name, y := range map[string]Column{
		"labels":  must[Column](t)(Labels(labels)),
		"one-hot": must[Column](t)(OneHot(labels, 3)),
	} {
		s, err := ClassWeights(&Arrays{X: []Column{x}, Y: []Column{y}}, map[int]float64{0: 3, 2: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Spec().W) != 1 {
			t.Errorf("%s: the source doesn't say that it is weighted", name)
		}
		if _, all := read(t, s, EpochConfig{BatchSize: 3}); !slices.Equal(all.W[0], []float32{0.5, 3, 1, 0.5}) {
			t.Errorf("%s: weights %v", name, all.W)
		}
	}

	oneHot := &Arrays{X: []Column{x}, Y: []Column{must[Column](t)(OneHot(labels, 3))}}
	for name, f := range map[string]func() (Source, error){
		"a class outside": func() (Source, error) { return ClassWeights(oneHot, map[int]float64{3: 1}) },
		"a class below 0": func() (Source, error) { return ClassWeights(oneHot, map[int]float64{-1: 1}) },
		"a negative":      func() (Source, error) { return ClassWeights(oneHot, map[int]float64{1: -1}) },
		"no target":       func() (Source, error) { return ClassWeights(&Arrays{X: []Column{x}}, nil) },
		"sample weights":  func() (Source, error) { return ClassWeights(counting(t, 3), nil) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// generated is counting as a generator.
func generated(n int) Source {
	spec := Spec{X: []tensor.Shape{{2}}, Y: []tensor.Shape{{}}, W: []tensor.Shape{{}}, Len: -1}
	return Func(spec, func(context.Context, EpochConfig) iter.Seq2[Sample, error] {
		return func(yield func(Sample, error) bool) {
			var x [2]float32 // the same memory for all
			for i := 0; i < n; i++ {
				x = [2]float32{float32(i), -float32(i)}
				if !yield(Sample{X: [][]float32{x[:]}, Y: [][]float32{{float32(i)}}, W: [][]float32{{float32(i) + 0.5}}}, nil) {
					return
				}
			}
		}
	})
}

func TestSourcesAgree(t *testing.T) {
	for _, n := range []int{1, 9, 10} {
		c := EpochConfig{BatchSize: 3}
		wantSizes, want := read(t, counting(t, n), c)
		for name, s := range map[string]Source{
			"generator":            generated(n),
			"arrays ahead":         Prefetch(counting(t, n), 1),
			"generator far ahead":  Prefetch(generated(n), 20),
			"arrays ahead of time": Prefetch(Prefetch(counting(t, n), 2), 2),
		} {
			sizes, got := read(t, s, c)
			if !slices.Equal(sizes, wantSizes) || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v %v, want %v %v", name, sizes, got, wantSizes, want)
			}
		}
	}
}

func TestAnEndlessGeneratorCanBeLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, s := range []Source{generated(math.MaxInt), Prefetch(generated(math.MaxInt), 3)} {
		b := must[Batches](t)(s.Epoch(t.Context(), EpochConfig{BatchSize: 5}))
		batch := newBatch(s.Spec(), 5)
		for range 10 {
			if n, err := b.Next(); n != 5 || err != nil {
				t.Fatal(n, err)
			}
			if err := b.Read(&batch, nil); err != nil {
				t.Fatal(err)
			}
		}
		if batch.Y[0][4] != 49 {
			t.Errorf("the fiftieth sample is %v", batch.Y[0][4])
		}
		b.Close()
		b.Close()
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}

func TestAGeneratorsErrorsAreReported(t *testing.T) {
	spec := Spec{X: []tensor.Shape{{2}}, Len: -1}
	broken := errors.New("no more film")
	for name, c := range map[string]struct {
		sample Sample
		err    error
		want   string
	}{
		"its own error":    {Sample{}, broken, "sample 3 of the epoch: no more film"},
		"x of wrong width": {Sample{X: [][]float32{{1}}}, nil, "sample 3 of the epoch: x[0] has 1 values, shape (2,) needs 2"},
		"no x":             {Sample{}, nil, "sample 3 of the epoch: there are 0 of x"},
		"a y too many":     {Sample{X: [][]float32{{1, 2}}, Y: [][]float32{{1}}}, nil, "sample 3 of the epoch: there are 1 of y"},
	} {
		s := Func(spec, func(context.Context, EpochConfig) iter.Seq2[Sample, error] {
			return func(yield func(Sample, error) bool) {
				for range 3 {
					yield(Sample{X: [][]float32{{1, 2}}}, nil)
				}
				yield(c.sample, c.err)
			}
		})
		for _, s := range []Source{s, Prefetch(s, 2)} {
			sizes, _, err := tryRead(s, EpochConfig{BatchSize: 2})
			if err == nil || !strings.Contains(err.Error(), c.want) || !slices.Equal(sizes, []int{2}) {
				t.Errorf("%s, %T: batches %v, error %v, want %q", name, s, sizes, err, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%v doesn't wrap the generator's error", err)
			}
		}
	}
}

func ExampleNew() {
	x, _ := tensor.Of([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
	y, _ := tensor.Of([]float32{0, 1, 1, 0}, 4, 1)
	xor, err := New(x, y)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := xor.Spec()
	fmt.Println(s.Len, "samples, inputs", s.X, "targets", s.Y)
	// Output: 4 samples, inputs [(2,)] targets [(1,)]
}

func BenchmarkGather(b *testing.B) {
	const n = 60_000
	x, _ := Pixels(make([]uint8, n*784), 784)
	y, _ := OneHot(make([]uint8, n), 10)
	a := &Arrays{X: []Column{x}, Y: []Column{y}}
	batch := newBatch(a.Spec(), 128)
	batch.W = nil
	b.SetBytes(128 * 784)
	it, _ := a.Epoch(b.Context(), EpochConfig{BatchSize: 128, Shuffle: true})
	for b.Loop() {
		if n, err := it.Next(); n < 128 || err != nil {
			it.Close()
			it, _ = a.Epoch(b.Context(), EpochConfig{BatchSize: 128, Shuffle: true})
			it.Next()
		}
		it.Read(&batch, nil)
	}
}

func TestRowsAreASource(t *testing.T) {
	a, err := FromRows([][]float64{{1, 2}, {3, 4}, {5, 6}}, [][]float64{{1}, {2}, {3}})
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Spec(); s.Len != 3 || !s.X[0].Equal(tensor.Shape{2}) || !s.Y[0].Equal(tensor.Shape{1}) {
		t.Errorf("%+v", s)
	}
	if a, err = FromRows([][]uint8{{1, 255}}, nil); err != nil || a.Y != nil {
		t.Errorf("no targets: %+v, %v", a, err)
	}
	var length *LengthError
	if _, err := FromRows([][]float32{{1}, {2}}, [][]float32{{1}}); !errors.As(err, &length) {
		t.Errorf("fewer targets: %v", err)
	}
	if _, err := FromRows([][]float32{}, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no rows: %v", err)
	}
	if _, err := FromRows([][]float32{{1}, {2}}, [][]float32{{1}, {2, 3}}); err == nil || !strings.Contains(err.Error(), "y: ") {
		t.Errorf("targets of two lengths: %v", err)
	}
}

// newBatch makes a batch of n samples.
func newBatch(s Spec, n int) (b Batch) {
	b.resize(s, n, nil, nil)
	return b
}

func TestAStratifiedSplitKeepsTheSharesOfClasses(t *testing.T) {
	labels := make([]uint8, 90)
	numbers := make([]float32, 90)
	for i := range labels {
		numbers[i] = float32(i)
		if i%9 == 0 {
			labels[i] = 2
		}
	}
	x := must[Column](t)(Floats(numbers))
	for name, y := range map[string]Column{"labels": must[Column](t)(Labels(labels)), "vectors": must[Column](t)(OneHot(labels, 3))} {
		all := &Arrays{X: []Column{x}, Y: []Column{y}}
		part := all.Take(45) // a part of a part
		for _, a := range []*Arrays{all, part} {
			train, test, err := a.StratifiedSplit(0.2, 5)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[int32]bool{}
			count := func(a *Arrays) (rare int) {
				for _, row := range a.view {
					if seen[row] || int(row) >= a.rows() {
						t.Errorf("%s: row %d is there twice", name, row)
					}
					seen[row] = true
					if labels[row] == 2 {
						rare++
					}
				}
				return rare
			}
			if n := a.Len(); test.Len() != n/5 || count(train) != n/9*4/5 || count(test) != n/9/5 || len(seen) != n {
				t.Errorf("%s of %d: %d and %d samples", name, n, train.Len(), test.Len())
			}
		}
		if _, _, err := all.StratifiedSplit(1, 5); err == nil {
			t.Errorf("%s: all of it was split off", name)
		}
	}
	for name, a := range map[string]*Arrays{
		"nil": nil, "empty": {}, "no target": {X: []Column{x}},
		"NaN": {X: []Column{x}, Y: []Column{must[Column](t)(Floats(slices.Repeat([]float32{float32(math.NaN())}, 90)))}},
	} {
		if _, _, err := a.StratifiedSplit(0.5, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
