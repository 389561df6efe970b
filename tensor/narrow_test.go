package tensor_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cornu-ml/cornu/tensor"
)

// NumPy's types that tensors don't have are read as those that hold all of their numbers.
func TestNarrowTypesOfNumPyAreReadAsWiderOnes(t *testing.T) {
	for _, c := range []struct {
		descr    string
		elements any
		want     string
	}{
		{"<f2", []uint16{0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x3555}, "float32 [1 -2 5.9604645e-08 65504 -Inf 0.33325195]"},
		{"<V2", []uint16{0x3f80, 0xc000, 0x0000, 0x7f7f, 0xff80, 0x3eab}, "float32 [1 -2 0 3.3895314e+38 -Inf 0.33398438]"},
		{"|i1", []int8{0, 1, -1, 127, -128, 5}, "int32 [0 1 -1 127 -128 5]"},
		{"<i2", []int16{0, 1, -1, 32767, -32768, 5}, "int32 [0 1 -1 32767 -32768 5]"},
		{"<u2", []uint16{0, 1, 2, 32767, 32768, 65535}, "int32 [0 1 2 32767 32768 65535]"},
		{"<u4", []uint32{0, 1, 2, 1 << 31, 1<<32 - 1, 5}, "int64 [0 1 2 2147483648 4294967295 5]"},
	} {
		for _, fortran := range []string{"False", "True"} {
			head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (6, 1), }\n", c.descr, fortran)
			file := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), 0)
			file, err := binary.Append(append(file, head...), binary.LittleEndian, c.elements)
			if err != nil {
				t.Fatal(err)
			}
			x, err := tensor.ReadNpy(bytes.NewReader(file), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(x.DType(), " ", numbers(t, x)); got != c.want || !x.Shape().Equal(tensor.Shape{6, 1}) {
				t.Errorf("%s: %s of shape %v, want %s", c.descr, got, x.Shape(), c.want)
			}
			if _, err := tensor.ReadNpy(bytes.NewReader(file[:len(file)-1]), 0); err == nil {
				t.Errorf("%s: a byte is missing, and there is no error", c.descr)
			}
		}
	}
}

func numbers(t *testing.T, x *tensor.Tensor) any {
	t.Helper()
	var err error
	var all any
	switch x.DType() {
	case tensor.Float32:
		all, err = tensor.Data[float32](x)
	case tensor.Int32:
		all, err = tensor.Data[int32](x)
	default:
		all, err = tensor.Data[int64](x)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}
