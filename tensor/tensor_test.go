package tensor_test

// Shapes, element types, and what is done to tensors.

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/tensor"
)

func TestAShapeIsWrittenAsKerasWritesIt(t *testing.T) {
	for want, s := range map[string]tensor.Shape{
		"()":               {},
		"(3,)":             {3},
		"(None,)":          {tensor.Batch},
		"(None, 28, 28)":   {tensor.Batch, 28, 28},
		"(2, None, 0, 10)": {2, tensor.Batch, 0, 10},
	} {
		if got := s.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestShape(t *testing.T) {
	s := tensor.Shape{tensor.Batch, 3, 5}
	if s.Rank() != 3 || s.Numel() != tensor.Batch || !s.HasBatch() {
		t.Errorf("%v: rank %d, %d elements, batch %v", s, s.Rank(), s.Numel(), s.HasBatch())
	}
	c := s.Concrete(2)
	if !c.Equal(tensor.Shape{2, 3, 5}) || c.Numel() != 30 || c.HasBatch() {
		t.Errorf("with a batch of 2 it is %v", c)
	}
	if s[0] != tensor.Batch {
		t.Error("Concrete changed its receiver")
	}
	if n := (tensor.Shape{}).Numel(); n != 1 {
		t.Errorf("a scalar has %d elements", n)
	}
	if tensor.Shape(nil).Clone() == nil {
		t.Error("a clone is nil")
	}
}

func TestShapesThatNoTensorHas(t *testing.T) {
	for _, s := range []tensor.Shape{
		{-2},
		{tensor.Batch, tensor.Batch},
		{math.MaxInt},
		{math.MaxInt / 32, 5},
		{0, math.MaxInt / 32, 5},
	} {
		if s.Check() == nil {
			t.Errorf("%v is allowed", []int(s))
		}
	}
	for _, s := range []tensor.Shape{nil, {0}, {tensor.Batch, 3}, {math.MaxInt / 8}} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestDTypes(t *testing.T) {
	for d, want := range map[tensor.DType]string{
		tensor.Float32: "float32 4",
		tensor.Float64: "float64 8",
		tensor.Uint8:   "uint8 1",
		tensor.Int32:   "int32 4",
		tensor.Int64:   "int64 8",
		tensor.Bool:    "bool 1",
		99:             "dtype(99) 0",
	} {
		if got := fmt.Sprint(d, d.Size()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestElementsComeBack(t *testing.T) {
	comesBack(t, []float32{1, 2})
	comesBack(t, []float64{1, 2})
	comesBack(t, []uint8{1, 2})
	comesBack(t, []int32{1, 2})
	comesBack(t, []int64{1, 2})
	comesBack(t, []bool{true, false})
}

func comesBack[T tensor.Element](t *testing.T, data []T) {
	x := of(t, data, 1, 2)
	got, err := tensor.Data[T](x)
	if err != nil || &got[0] != &data[0] || len(got) != 2 || x.DType() != tensor.DTypeOf[T]() {
		t.Errorf("%v of %v gave %v, %v", x, data, got, err)
	}
	zeros, err := tensor.Zeros(x.DType(), 1, 2)
	if err != nil || !equal(zeros, of(t, make([]T, 2), 1, 2)) {
		t.Errorf("zeros are %v, %v", zeros, err)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	x := of(t, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	var none *tensor.Tensor
	for says, f := range map[string]func() (*tensor.Tensor, error){
		"shape (2, 2) needs 4 elements, got 3":        func() (*tensor.Tensor, error) { return tensor.Of([]float32{1, 2, 3}, 2, 2) },
		"shape [-1]: a tensor's dimensions cannot be": func() (*tensor.Tensor, error) { return tensor.Of([]float32{1}, -1) },
		"dimension 0 of shape [-7] is negative":       func() (*tensor.Tensor, error) { return tensor.Zeros(tensor.Bool, -7) },
		"no such element type: dtype(99)":             func() (*tensor.Tensor, error) { return tensor.Zeros(99, 3) },
		"elements are float32, not uint8":             func() (*tensor.Tensor, error) { _, err := tensor.Data[uint8](x); return nil, err },
		"Data of a nil tensor":                        func() (*tensor.Tensor, error) { _, err := tensor.Data[uint8](none); return nil, err },
		"6 elements do not fill the shape (7,)":       func() (*tensor.Tensor, error) { return x.Reshape(7) },
		"6 elements do not fill the shape [-1 4]":     func() (*tensor.Tensor, error) { return x.Reshape(-1, 4) },
		"6 elements do not fill the shape [-1 0]":     func() (*tensor.Tensor, error) { return x.Reshape(-1, 0) },
		"2 symbolic dimensions":                       func() (*tensor.Tensor, error) { return x.Reshape(-1, -1) },
		"Reshape of a nil tensor":                     func() (*tensor.Tensor, error) { return none.Reshape(1) },
		"slice 1:3 is not within 0:2, axis 0":         func() (*tensor.Tensor, error) { return x.Rows(1, 3) },
		"slice 2:1 is not within 0:3, axis 1":         func() (*tensor.Tensor, error) { return x.Slice(-1, 2, 1) },
		"shape (2, 3) has no such axis to slice":      func() (*tensor.Tensor, error) { return x.Slice(2, 0, 1) },
		"shape () has no such axis to slice":          func() (*tensor.Tensor, error) { return scalar(t, 1).Rows(0, 0) },
		"slice of a nil tensor":                       func() (*tensor.Tensor, error) { return none.Slice(0, 0, 0) },
		"Concat of nothing":                           func() (*tensor.Tensor, error) { return tensor.Concat(0) },
		"operand 1 of Concat is nil":                  func() (*tensor.Tensor, error) { return tensor.Concat(0, x, nil) },
		"no such axis to concatenate":                 func() (*tensor.Tensor, error) { return tensor.Concat(-3, x) },
		"operand 1 of Concat is bool":                 func() (*tensor.Tensor, error) { return tensor.Concat(0, x, of(t, []bool{true})) },
		"they must be equal but for axis 1":           func() (*tensor.Tensor, error) { return tensor.Concat(1, x, of(t, []float32{1})) },
		"Cast of a nil tensor":                        func() (*tensor.Tensor, error) { return none.Cast(tensor.Bool) },
		"tensor: no such element type: dtype(98)":     func() (*tensor.Tensor, error) { return x.Cast(98) },
	} {
		if got, err := f(); got != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v and %v, want %q", got, err, says)
		}
	}
}

func TestReshapeSharesElements(t *testing.T) {
	x := of(t, counted[float32](6), 2, 3)
	y, err := x.Reshape(3, -1)
	if err != nil || !y.Shape().Equal(tensor.Shape{3, 2}) {
		t.Fatalf("got %v, %v", y, err)
	}
	values(y).([]float32)[0] = 9
	if values(x).([]float32)[0] != 9 {
		t.Error("elements were copied")
	}
	if y, err := x.Reshape(); err == nil {
		t.Errorf("6 elements became %v", y)
	}
}

// all runs f over tensors 0, 1, 2 … of each type but bool.
func all(t *testing.T, f func(t *testing.T, make func(shape []int, v ...int) *tensor.Tensor)) {
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.Uint8, tensor.Int32, tensor.Int64} {
		t.Run(dtype.String(), func(t *testing.T) {
			f(t, func(shape []int, v ...int) *tensor.Tensor {
				wide := make([]int64, len(v))
				for i := range v {
					wide[i] = int64(v[i])
				}
				x, err := of(t, wide, shape...).Cast(dtype)
				if err != nil {
					t.Fatal(err)
				}
				return x
			})
		})
	}
}

func TestSliceAndConcat(t *testing.T) {
	all(t, func(t *testing.T, make func(shape []int, v ...int) *tensor.Tensor) {
		x := make([]int{2, 3}, 0, 1, 2, 3, 4, 5)
		row, err := x.Rows(1, 2)
		if err != nil || !equal(row, make([]int{1, 3}, 3, 4, 5)) {
			t.Errorf("row 1 is %v, %v", row, err)
		}
		left, err := x.Slice(1, 0, 1)
		if err != nil || !equal(left, make([]int{2, 1}, 0, 3)) {
			t.Errorf("the left is %v, %v", left, err)
		}
		right, err := x.Slice(-1, 1, 3)
		if err != nil || !equal(right, make([]int{2, 2}, 1, 2, 4, 5)) {
			t.Errorf("the right is %v, %v", right, err)
		}
		if both, err := tensor.Concat(-1, left, right); err != nil || !equal(both, x) {
			t.Errorf("together they are %v, %v", both, err)
		}
		if twice, err := tensor.Concat(0, x, row); err != nil || !equal(twice, make([]int{3, 3}, 0, 1, 2, 3, 4, 5, 3, 4, 5)) {
			t.Errorf("rows joined are %v, %v", twice, err)
		}
	})
	b := of(t, []bool{true, false, true})
	tail, err := b.Rows(1, 3)
	if err != nil || !equal(tail, of(t, []bool{false, true})) {
		t.Errorf("the tail is %v, %v", tail, err)
	}
	if joined, err := tensor.Concat(0, b, tail); err != nil || !equal(joined, of(t, []bool{true, false, true, false, true})) {
		t.Errorf("joined they are %v, %v", joined, err)
	}
	if none, err := b.Slice(0, 3, 3); err != nil || !equal(none, of(t, []bool{})) {
		t.Errorf("nothing is %v, %v", none, err)
	}
}

func TestRowsOfATensorCannotGrowIntoTheNext(t *testing.T) {
	data := []float32{1, 2, 3}
	row, err := of(t, data).Rows(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(values(row).([]float32), 9)
	if data[1] != 2 {
		t.Error("an append reached the next row")
	}
}

func TestCast(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	real := of(t, []float64{-inf, -1e30, -1.9, -0.5, 0, 0.5, 1.9, 255.9, 1e30, inf, nan})
	whole := of(t, []int64{math.MinInt64, -1, 0, 1, 300, math.MaxInt64})
	truth := of(t, []bool{false, true})
	for _, c := range []struct {
		from *tensor.Tensor
		want any
	}{
		{real, []uint8{0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 0}},
		{real, []int32{math.MinInt32, math.MinInt32, -1, 0, 0, 0, 1, 255, math.MaxInt32, math.MaxInt32, 0}},
		{real, []int64{math.MinInt64, math.MinInt64, -1, 0, 0, 0, 1, 255, math.MaxInt64, math.MaxInt64, 0}},
		{real, []bool{true, true, true, true, false, true, true, true, true, true, true}},
		{whole, []uint8{0, 0, 0, 1, 255, 255}},
		{whole, []int32{math.MinInt32, -1, 0, 1, 300, math.MaxInt32}},
		{whole, []int64{math.MinInt64, -1, 0, 1, 300, math.MaxInt64}},
		{whole, []float32{-0x1p63, -1, 0, 1, 300, 0x1p63}},
		{whole, []float64{-0x1p63, -1, 0, 1, 300, 0x1p63}},
		{whole, []bool{true, true, false, true, true, true}},
		{truth, []float32{0, 1}},
		{truth, []uint8{0, 1}},
		{truth, []bool{false, true}},
		{of(t, []float32{0.1}), []float64{float64(float32(0.1))}},
		{of(t, []float64{0.1}), []float32{0.1}},
		{of(t, []uint8{200}), []int32{200}},
		{of(t, []int32{-200}), []float32{-200}},
	} {
		to := map[reflect.Type]tensor.DType{
			reflect.TypeFor[[]float32](): tensor.Float32,
			reflect.TypeFor[[]float64](): tensor.Float64,
			reflect.TypeFor[[]uint8]():   tensor.Uint8,
			reflect.TypeFor[[]int32]():   tensor.Int32,
			reflect.TypeFor[[]int64]():   tensor.Int64,
			reflect.TypeFor[[]bool]():    tensor.Bool,
		}[reflect.TypeOf(c.want)]
		got, err := c.from.Cast(to)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(values(got), c.want) {
			t.Errorf("%v as %v is %v, want %v", values(c.from), to, values(got), c.want)
		}
	}
}

func TestDim(t *testing.T) {
	x := of(t, counted[float32](6), 2, 3)
	if x.Dim(0) != 2 || x.Dim(1) != 3 || x.Dim(2) != 0 || x.Dim(-1) != 0 {
		t.Errorf("%v has dimensions %d, %d, %d, %d", x, x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(-1))
	}
}

func ExampleOf() {
	x, err := tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(x, err)
	_, err = tensor.Of([]float32{1, 2, 3}, 2, 2)
	fmt.Println(err)
	// Output:
	// float32(2, 3) <nil>
	// tensor: shape (2, 2) needs 4 elements, got 3
}
