package data

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// pictures is a source of n images of one row of four pixels, 4i, …, 4i+3, whose target is i, and which have a second input.
func pictures(t *testing.T, n int) *Arrays {
	t.Helper()
	x, y, other := make([]float32, 4*n), make([]int, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i)
		y[i/4], other[i/4] = i/4, float32(-i/4)
	}
	return &Arrays{X: []Column{must[Column](t)(Floats(x, 1, 4, 1)), must[Column](t)(Floats(other))}, Y: []Column{must[Column](t)(Labels(y))}}
}

func TestImagesAreChangedBySeedEpochAndPlaceAlone(t *testing.T) {
	const n = 40
	source := must[Source](t)(Augment(pictures(t, n), &layer.RandomFlip{Mode: "horizontal"}, &layer.RandomCrop{Height: 1, Width: 3}))
	if shape := source.Spec().X[0]; !shape.Equal(tensor.Shape{1, 3, 1}) {
		t.Errorf("images of 1 × 4 that are cut to 1 × 3 have the shape %v", shape)
	}
	c := EpochConfig{BatchSize: n, Shuffle: true, Seed: 3, Epoch: 2}
	_, want := read(t, source, c)
	pool := par.New(3)
	defer pool.Close()
	for _, size := range []int{1, 3, n} {
		c.BatchSize = size
		for name, s := range map[string]Source{"": source, ", ahead": Prefetch(source, 2)} {
			if _, got := read(t, s, c); !reflect.DeepEqual(got, want) {
				t.Errorf("batches of %d%s: %v, want %v", size, name, got, want)
			}
		}
		b := must[Batches](t)(source.Epoch(t.Context(), c))
		first := must[int](t)(b.Next())
		batch := newBatch(source.Spec(), first)
		if err := b.Read(&batch, pool); err != nil || !slices.Equal(batch.X[0], want.X[0][:3*first]) {
			t.Errorf("on three cores: %v, %v, want %v", batch.X[0], err, want.X[0][:3*first])
		}
		b.Close()
	}
	kinds := map[string]int{}
	for i, label := range want.Y[0] {
		image := want.X[0][3*i:][:3]
		kind := map[float32]string{0: "left", 1: "right", 2: "right, turned", 3: "left, turned"}[image[0]-4*label]
		if step := image[1] - image[0]; step != 1 && step != -1 || image[2]-image[1] != step || want.X[1][i] != -label {
			t.Errorf("sample %v has the image %v and %v beside it", label, image, want.X[1][i])
		}
		kinds[kind]++
	}
	if len(kinds) != 4 {
		t.Errorf("of 40 images %v are cut out", kinds)
	}
	for _, c := range []EpochConfig{{BatchSize: n, Seed: 3, Epoch: 3}, {BatchSize: n, Seed: 4, Epoch: 2}} {
		_, a := read(t, source, c)
		if _, b := read(t, source, EpochConfig{BatchSize: n, Seed: 3, Epoch: 2}); reflect.DeepEqual(a, b) {
			t.Errorf("%+v draws what another epoch or seed does", c)
		}
	}
}

func TestWhatCannotBeAugmentedIsAnError(t *testing.T) {
	flip := &layer.RandomFlip{}
	for _, c := range []struct {
		source Source
		layers []layer.Layer
		want   string
	}{
		{nil, []layer.Layer{flip}, "source"},
		{pictures(t, 2), nil, "needs a layer"},
		{pictures(t, 2), []layer.Layer{nil}, "layer"},
		{counting(t, 2), []layer.Layer{flip}, "the input needs 4 dimensions"},
		{pictures(t, 2), []layer.Layer{&layer.Dense{Units: 1}}, `there are weights, "dense/kernel": a layer that learns belongs in a model`},
		{pictures(t, 2), []layer.Layer{&layer.Hashing{NumBins: 3}}, "see Preprocess"},
		{pictures(t, 2), []layer.Layer{&layer.Lambda{Func: func(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0].Sum() }}}, "its first dimension must be that of the batch"},
		{&Arrays{X: []Column{must[Column](t)(Texts([]string{"a"}))}}, []layer.Layer{flip}, "images as their first input"},
	} {
		if _, err := Augment(c.source, c.layers...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T and %v: %v, want %q", c.source, c.layers, err, c.want)
		}
	}
	a := must[Source](t)(Augment(pictures(t, 2), flip))
	a.(*augmented).Source = counting(t, 2)
	if _, err := a.Epoch(context.Background(), EpochConfig{BatchSize: 1}); err == nil || !strings.Contains(err.Error(), "the first input had shape (1, 4, 1)") {
		t.Errorf("images that have another shape than before: %v", err)
	}
}
