package tensor_test

import (
	"fmt"
	"log"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/tensor"
)

func TestRowsBecomeATensorAndComeBack(t *testing.T) {
	rows := [][]float64{{1, 2, 3}, {4, 5, 6}}
	x, err := tensor.FromRows(rows)
	if err != nil || !x.Shape().Equal(tensor.Shape{2, 3}) || x.DType() != tensor.Float64 {
		t.Fatalf("%v, %v", x, err)
	}
	rows[0][0] = 9 // they were copied
	back, err := tensor.ToRows[float64](x)
	if err != nil || len(back) != 2 || !slices.Equal(back[0], []float64{1, 2, 3}) || !slices.Equal(back[1], []float64{4, 5, 6}) {
		t.Errorf("%v, %v", back, err)
	}
	image, err := x.Reshape(1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if back, err = tensor.ToRows[float64](image); err != nil || len(back) != 1 || len(back[0]) != 6 {
		t.Errorf("of three dimensions: %v, %v", back, err)
	}
}

func TestRowsThatAreNoTensorAreAnError(t *testing.T) {
	for want, rows := range map[string][][]float32{
		"row 1 has 1 elements, row 0 has 2": {{1, 2}, {3}},
		"there are no rows":                 {},
	} {
		if _, err := tensor.FromRows(rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", rows, err, want)
		}
	}
	x := of(t, []float32{1, 2}, 2, 1)
	if _, err := tensor.ToRows[float64](x); err == nil {
		t.Error("rows of another type: no error")
	}
	if _, err := tensor.ToRows[float32](nil); err == nil {
		t.Error("rows of nil: no error")
	}
	if _, err := tensor.ToRows[float64](scalar(t, 1)); err == nil {
		t.Error("rows of a scalar: no error")
	}
}

func ExampleFromRows() {
	x, err := tensor.FromRows([][]float32{{1, 2, 3}, {4, 5, 6}})
	if err != nil {
		log.Fatal(err)
	}
	last, err := x.ArgMax(-1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x, last)
	// Output: float32(2, 3) int64(2,)
}

func TestPredictionsBecomeLabels(t *testing.T) {
	three, two := []string{"cat", "dog", "fox"}, []string{"no", "yes"}
	nan := float32(math.NaN())
	for _, c := range []struct {
		x       *tensor.Tensor
		classes []string
		want    []string // nil: an error
	}{
		{of(t, []float32{0.1, 0.2, 0.7, 0.5, 0.3, 0.2}, 2, 3), three, []string{"fox", "cat"}},
		{of(t, []float64{-3, -1, -2}, 1, 3), three, []string{"dog"}},
		{of(t, []float32{0.5, 0.6}, 2, 1), two, []string{"no", "yes"}},
		{of(t, []float32{0.5, 0.6}, 2), two, []string{"no", "yes"}},
		{of(t, []int64{2, 0}), three, []string{"fox", "cat"}},
		{of(t, []int32{1, 0}, 2, 1), two, []string{"yes", "no"}},
		{of(t, []float32{}, 0, 3), three, []string{}},
		{of(t, []int64{3}), three, nil},
		{of(t, []int64{-1}), three, nil},
		{of(t, []float32{0, nan, 0}, 1, 3), three, nil},
		{of(t, []float32{nan}, 1, 1), two, nil},
		{of(t, []float32{0.5}, 1, 1), three, nil},
		{of(t, []float32{0.5, 0.5}, 1, 2), three, nil},
		{of(t, []int64{0, 1, 2}, 1, 3), three, nil},
		{scalar(t, 1), two, nil},
		{nil, two, nil},
		{of(t, []int64{0}), nil, nil},
		{of(t, []float32{}, 1, 0), nil, nil},
	} {
		got, err := tensor.ToLabels(c.x, c.classes)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, %v, want %q", c.x, got, err, c.want)
		}
	}
}
