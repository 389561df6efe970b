package tensor_test

// Labels, indices of the greatest, norms, and the bytes of images.

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/tensor"
)

func made[T tensor.Element](t *testing.T, data []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func check[T tensor.Element](t *testing.T, name string, x *tensor.Tensor, err error, shape tensor.Shape, want []T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := tensor.Data[T](x)
	if err != nil || !x.Shape().Equal(shape) || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v %v, %v; want %v of shape %v", name, x, got, err, want, shape)
	}
}

func TestToCategoricalIsOneAtTheLabel(t *testing.T) {
	x, err := tensor.ToCategorical([]uint8{0, 2, 1}, 4)
	check(t, "four classes", x, err, tensor.Shape{3, 4}, []float32{1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0})
	x, err = tensor.ToCategorical([]int{1, 2}, 0)
	check(t, "as many as the labels ask for", x, err, tensor.Shape{2, 3}, []float32{0, 1, 0, 0, 0, 1})
	x, err = tensor.ToCategorical([]int64{}, 0)
	check(t, "no labels", x, err, tensor.Shape{0, 0}, []float32{})
	for want, labels := range map[string][]int64{
		"label 1 is 3: with 3 classes, labels go from 0 to 2":  {0, 3},
		"label 0 is -1: with 3 classes, labels go from 0 to 2": {-1},
		"label 2 is 9223372036854775807":                       {0, 1, math.MaxInt64},
	} {
		if _, err := tensor.ToCategorical(labels, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", labels, err, want)
		}
	}
	if _, err := tensor.ToCategorical([]int64{math.MaxInt64 - 1}, 0); err == nil {
		t.Error("more classes than memory")
	}
	if _, err := tensor.ToCategorical([]int64{math.MaxInt64}, 0); err == nil {
		t.Error("more classes than numbers")
	}
	if _, err := tensor.ToCategorical([]int{1}, -1); err == nil {
		t.Error("a negative number of classes")
	}
}

func TestArgMaxIsWhereTheFirstGreatestIs(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		x     *tensor.Tensor
		axis  int
		shape tensor.Shape
		want  []int64
	}{
		{"the last axis", made(t, []float32{1, 3, 2, 9, 8, 7}, 2, 3), -1, tensor.Shape{2}, []int64{1, 0}},
		{"the first axis", made(t, []float32{1, 3, 2, 9, 2, 7}, 2, 3), 0, tensor.Shape{3}, []int64{1, 0, 1}},
		{"an axis within", made(t, []int32{1, 2, 3, 0, -1, -2, 7, -3}, 2, 2, 2), 1, tensor.Shape{2, 2}, []int64{1, 0, 1, 0}},
		{"equal elements", made(t, []uint8{5, 5, 5}, 3), 0, tensor.Shape{}, []int64{0}},
		{"NaN", made(t, []float32{1, nan, inf, nan}, 4), 0, tensor.Shape{}, []int64{1}},
		{"NaN first", made(t, []float64{math.NaN(), 3}, 2), 0, tensor.Shape{}, []int64{0}},
		{"only minus infinity", made(t, []float32{-inf, -inf}, 2), 0, tensor.Shape{}, []int64{0}},
		{"great integers", made(t, []int64{math.MaxInt64 - 1, math.MaxInt64}, 2), 0, tensor.Shape{}, []int64{1}},
		{"nothing", made(t, []float32{}, 0, 3), 1, tensor.Shape{0}, []int64{}},
	} {
		got, err := c.x.ArgMax(c.axis)
		check(t, c.name, got, err, c.shape, c.want)
	}
	for name, try := range map[string]func() (*tensor.Tensor, error){
		"no such axis":  func() (*tensor.Tensor, error) { return made(t, []float32{1}, 1).ArgMax(1) },
		"nor this one":  func() (*tensor.Tensor, error) { return made(t, []float32{1}, 1).ArgMax(-2) },
		"an empty axis": func() (*tensor.Tensor, error) { return made(t, []float32{}, 2, 0).ArgMax(1) },
		"truth":         func() (*tensor.Tensor, error) { return made(t, []bool{true}, 1).ArgMax(0) },
		"nil":           func() (*tensor.Tensor, error) { return (*tensor.Tensor)(nil).ArgMax(0) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The numbers are those of keras.utils.normalize.
func TestNormalizeDividesByTheNorm(t *testing.T) {
	x := made(t, []float32{3, 4, 0, 0, 5, -12}, 3, 2)
	for _, c := range []struct {
		name  string
		axis  int
		order float64
		want  []float64
	}{
		{"rows", -1, 2, []float64{0.6, 0.8, 0, 0, 5. / 13, -12. / 13}},
		{"rows by the sum", 1, 1, []float64{3. / 7, 4. / 7, 0, 0, 5. / 17, -12. / 17}},
		{"rows by the greatest", 1, math.Inf(1), []float64{0.75, 1, 0, 0, 5. / 12, -1}},
		{"columns", 0, 2, []float64{3 / math.Sqrt(34), 4 / math.Sqrt(160), 0, 0, 5 / math.Sqrt(34), -12 / math.Sqrt(160)}},
		{"rows by cubes", 1, 3, []float64{3 / math.Cbrt(91), 4 / math.Cbrt(91), 0, 0, 5 / math.Cbrt(1853), -12 / math.Cbrt(1853)}},
	} {
		y, err := tensor.Normalize(x, c.axis, c.order)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := tensor.Data[float32](y)
		if err != nil || !y.Shape().Equal(x.Shape()) {
			t.Fatalf("%s: %v, %v", c.name, y, err)
		}
		for i, v := range got {
			if math.Abs(float64(v)-c.want[i]) > 1e-7 {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
	}
	for axis := range 2 {
		if y, err := tensor.Normalize(made(t, []float32{}, 0, 3), axis, 2); err != nil || !y.Shape().Equal(tensor.Shape{0, 3}) {
			t.Errorf("nothing, along axis %d: %v, %v", axis, y, err)
		}
	}
	y, err := tensor.Normalize(made(t, []float64{3, 4}, 2), 0, 2)
	check(t, "float64", y, err, tensor.Shape{2}, []float64{0.6, 0.8})
	y, err = tensor.Normalize(made(t, []uint8{3, 4}, 2), 0, 2)
	check(t, "bytes", y, err, tensor.Shape{2}, []float32{0.6, 0.8})
	if v, _ := tensor.Data[float32](x); v[0] != 3 {
		t.Error("the tensor itself was changed")
	}
	for name, c := range map[string]struct {
		x     *tensor.Tensor
		axis  int
		order float64
	}{
		"nil": {nil, 0, 2}, "no axis": {x, 2, 2}, "no such axis": {x, -3, 2},
		"no order": {x, 0, 0}, "an order that is no number": {x, 0, math.NaN()},
	} {
		if _, err := tensor.Normalize(c.x, c.axis, c.order); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBytesComeBackFromEveryRange(t *testing.T) {
	all := make([]uint8, 256)
	for u := range all {
		all[u] = uint8(u)
	}
	image := made(t, all, 16, 16)
	for _, r := range [][2]float64{{0, 1}, {-1, 1}, {0, 255}, {-0.5, 0.5}, {1e-3, 1e3}} {
		x, err := tensor.FromBytes(image, r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		values, _ := tensor.Data[float32](x)
		if values[0] != float32(r[0]) || values[255] != float32(r[1]) {
			t.Errorf("0 and 255 become %v and %v, want %v", values[0], values[255], r)
		}
		back, err := tensor.ToBytes(x, r[0], r[1])
		check(t, "back", back, err, tensor.Shape{16, 16}, all)
	}
	x, err := tensor.FromBytes(image, 0, 1)
	check(t, "the unit range", x, err, tensor.Shape{16, 16}, fmath.ByteToUnit[:])
}

func TestToBytesTakesTheNearestByte(t *testing.T) {
	inf := math.Inf(1)
	x := made(t, []float64{-inf, -0.1, 0, 0.49 / 255, 0.51 / 255, 0.5, 1, 1.1, inf, math.NaN()}, 10)
	y, err := tensor.ToBytes(x, 0, 1)
	check(t, "from 0 to 1", y, err, tensor.Shape{10}, []uint8{0, 0, 0, 0, 1, 128, 255, 255, 255, 0})
	y, err = tensor.ToBytes(made(t, []float32{-1, 0, 1}, 3), -1, 1)
	check(t, "from -1 to 1", y, err, tensor.Shape{3}, []uint8{0, 128, 255})
	for name, c := range map[string]struct {
		x         *tensor.Tensor
		low, high float64
	}{
		"an empty range": {x, 1, 1}, "a range turned round": {x, 1, 0}, "an endless range": {x, 0, inf},
		"no range": {x, math.NaN(), 1}, "nil": {nil, 0, 1},
	} {
		if _, err := tensor.ToBytes(c.x, c.low, c.high); err == nil {
			t.Errorf("ToBytes of %s: no error", name)
		}
		if _, err := tensor.FromBytes(c.x, c.low, c.high); err == nil {
			t.Errorf("FromBytes of %s: no error", name)
		}
	}
	if _, err := tensor.FromBytes(x, 0, 1); err == nil {
		t.Error("FromBytes of numbers: no error")
	}
}
