package tensor_test

import (
	"fmt"
	"log"
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
