package dataset

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

// three are images of 1 × 2 with the labels 2, 0 and 2 of three classes.
func three(t *testing.T) *Set {
	t.Helper()
	s, err := New([]uint8{0, 51, 102, 153, 204, 255}, []uint8{2, 0, 2}, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASetIsASourceOfSeveralKinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    *Set
		shapes []tensor.Shape
		x, y   []float32 // of the first two images
	}{
		{"images and labels", three(t), []tensor.Shape{{1, 2}, {}}, []float32{0, 0.2, 0.4, 0.6}, []float32{2, 0}},
		{"flat", three(t).Flat(), []tensor.Shape{{2}, {}}, []float32{0, 0.2, 0.4, 0.6}, []float32{2, 0}},
		{"of one channel", three(t).Channel(), []tensor.Shape{{1, 2, 1}, {}}, []float32{0, 0.2, 0.4, 0.6}, []float32{2, 0}},
		{"one-hot, of one channel", three(t).Channel().OneHot().Limit(2), []tensor.Shape{{1, 2, 1}, {3}}, []float32{0, 0.2, 0.4, 0.6}, []float32{0, 0, 1, 1, 0, 0}},
		{"one-hot", three(t).OneHot(), []tensor.Shape{{1, 2}, {3}}, []float32{0, 0.2, 0.4, 0.6}, []float32{0, 0, 1, 1, 0, 0}},
		{"all at once", three(t).Limit(2).OneHot().Flat(), []tensor.Shape{{2}, {3}}, []float32{0, 0.2, 0.4, 0.6}, []float32{0, 0, 1, 1, 0, 0}},
		{"in another order", three(t).Flat().OneHot().Limit(2), []tensor.Shape{{2}, {3}}, []float32{0, 0.2, 0.4, 0.6}, []float32{0, 0, 1, 1, 0, 0}},
	} {
		spec := c.set.Spec()
		if !spec.X[0].Equal(c.shapes[0]) || !spec.Y[0].Equal(c.shapes[1]) || spec.Len != c.set.Len() {
			t.Errorf("%s: %+v", c.name, spec)
		}
		b, err := c.set.Epoch(t.Context(), data.EpochConfig{BatchSize: 2})
		if err != nil {
			t.Fatal(err)
		}
		batch := data.Batch{X: [][]float32{make([]float32, len(c.x))}, Y: [][]float32{make([]float32, len(c.y))}}
		if n, err := b.Next(); n != 2 || err != nil {
			t.Fatalf("%s: %d images, %v", c.name, n, err)
		}
		if err := b.Read(&batch, nil); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if !slices.Equal(batch.X[0], c.x) || !slices.Equal(batch.Y[0], c.y) {
			t.Errorf("%s: %v", c.name, batch)
		}
	}
}

func TestASetKnowsItsImages(t *testing.T) {
	s := three(t)
	if got := s.Image(1); !slices.Equal(got, []uint8{102, 153}) {
		t.Errorf("image 1 is %v", got)
	}
	if got := s.Counts(); !slices.Equal(got, []int{1, 0, 2}) {
		t.Errorf("there are %v", got)
	}
	if s.Limit(2).Len() != 2 || s.Limit(9).Len() != 3 || s.Limit(-1).Len() != 0 {
		t.Error("limits are not kept")
	}
	if _, err := s.Limit(0).Epoch(t.Context(), data.EpochConfig{BatchSize: 1}); !errors.Is(err, data.ErrEmpty) {
		t.Errorf("an epoch of nothing: %v", err)
	}
}

func TestWhatIsNoSetIsAnError(t *testing.T) {
	var label *data.LabelError
	if _, err := New(make([]uint8, 4), []uint8{2, 3}, 1, 2, 3); !errors.As(err, &label) || label.Row != 1 {
		t.Errorf("a label that is no class: %v", err)
	}
	for name, size := range map[string][2]int{"another size": {1, 3}, "no size": {0, 2}, "fewer images": {2, 2}} {
		if _, err := New(make([]uint8, 4), []uint8{0, 1}, size[0], size[1], 3); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := (&Set{}).Flat().Epoch(t.Context(), data.EpochConfig{BatchSize: 1}); err == nil {
		t.Error("a set that New didn't make: no error")
	}
}

func TestInputsAreWhatTheSourceGives(t *testing.T) {
	pixels, labels := make([]uint8, 256), make([]uint8, 128)
	for u := range pixels {
		pixels[u] = uint8(u)
	}
	set, err := New(pixels, labels, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set   *Set
		shape tensor.Shape
	}{{set, tensor.Shape{100, 1, 2}}, {set.Flat(), tensor.Shape{100, 2}}} {
		x, err := c.set.Inputs(20, 120)
		if err != nil || !x.Shape().Equal(c.shape) {
			t.Fatalf("%v, %v", x, err)
		}
		b, err := c.set.Epoch(t.Context(), data.EpochConfig{BatchSize: 128})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, 256)
		if _, err := b.Next(); err != nil {
			t.Fatal(err)
		}
		if err := b.Read(&data.Batch{X: [][]float32{want}}, nil); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if got, _ := tensor.Data[float32](x); !slices.Equal(got, want[40:240]) {
			t.Errorf("%v, want %v", got, want[40:240])
		}
	}
	for _, at := range [][2]int{{-1, 2}, {3, 2}, {0, 129}} {
		if _, err := set.Inputs(at[0], at[1]); err == nil {
			t.Errorf("images %v: no error", at)
		}
	}
}

func TestASetThatNewDidNotMakeIsAnErrorEverywhere(t *testing.T) {
	var none *Set
	for i, s := range []*Set{none, {}, {Labels: []uint8{1, 2}}, {Labels: []uint8{1, 200}, Images: make([]uint8, 2), Rows: 1, Columns: 1, Classes: 3}, {Rows: -1, Columns: -1}, {Rows: math.MaxInt/2 + 1, Columns: 4}} {
		s.Spec()
		s.Counts()
		for _, v := range []*Set{s, s.Flat(), s.OneHot(), s.Limit(1), s.Limit(-1), s.Flat().OneHot().Limit(9)} {
			v.Spec()
			v.Len()
			v.Counts()
			if _, err := v.Epoch(t.Context(), data.EpochConfig{BatchSize: 1}); err == nil {
				t.Errorf("set %d: an epoch", i)
			}
			if v.Check() == nil || v.CheckLabels(0, 3) == nil {
				t.Errorf("set %d: it is said to be right", i)
			}
			if _, _, err := v.Split(0.5); err == nil {
				t.Errorf("set %d: it was split", i)
			}
			if _, _, err := v.TrainTestSplit(0.5, 1); err == nil {
				t.Errorf("set %d: it was split", i)
			}
			v.Take(1)
			if i < 3 {
				if _, err := v.Inputs(0, 1); err == nil {
					t.Errorf("set %d: it has inputs", i)
				}
			}
			v.Image(0)
			v.Image(-1)
		}
	}
	if _, err := New(make([]uint8, 4), []uint8{0, 0, 0, 0}, math.MaxInt/2+1, 4, 1); err == nil {
		t.Error("images of more pixels than there are numbers: no error")
	}
	if _, err := New(make([]uint8, 4), []uint8{0, 0, 0, 0}, -1, -1, 1); err == nil {
		t.Error("images of a negative size: no error")
	}
}

func TestLabelsThatAreChangedAreAnError(t *testing.T) {
	s := three(t)
	s.Labels[1] = 9
	if counts := s.Counts(); !slices.Equal(counts, []int{0, 0, 2}) {
		t.Errorf("there are %v", counts)
	}
	for _, v := range []*Set{s, s.OneHot()} {
		if _, err := v.Epoch(t.Context(), data.EpochConfig{BatchSize: 1}); !errors.As(err, new(*data.LabelError)) {
			t.Errorf("the error is %v", err)
		}
	}
}
