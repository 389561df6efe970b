package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/hostile"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
)

// A goldenArray is what the format's own library wrote: see testdata/make.py.
type goldenArray struct {
	Type  string
	Shape tensor.Shape
	Data  []string
}

func golden(t *testing.T, file string) map[string]goldenArray {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]goldenArray
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all[file]
}

func parse(t *testing.T, text string) float32 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 32)
	if err != nil {
		t.Fatal(err)
	}
	return float32(x)
}

func TestArraysOfAllTypesThatPythonWroteAreReadRoundedToFloat32(t *testing.T) {
	for _, name := range []string{"weights", "types"} {
		want := golden(t, name)
		f, err := safetensors.Open("testdata/" + name + ".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if len(f.Arrays()) != len(want) || len(want) == 0 {
			t.Errorf("%s: %d arrays, want %d", name, len(f.Arrays()), len(want))
		}
		for key, w := range want {
			a := f.Array(key)
			if a == nil || a.Type() != w.Type || !a.Shape().Equal(w.Shape) {
				t.Errorf("%s: %s is %v", name, key, a)
				continue
			}
			x, err := a.Tensor()
			if err != nil {
				t.Fatal(err)
			}
			if x, err = x.Cast(tensor.Float32); err != nil {
				t.Fatal(err)
			}
			got, err := tensor.Data[float32](x)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range w.Data {
				if x := parse(t, text); math.Float32bits(got[i]) != math.Float32bits(x) {
					t.Errorf("%s: %s: element %d is %v, want %v", name, key, i, got[i], x)
				}
			}
			if err := a.Float32s(make([]float32, len(got)+1)); err == nil {
				t.Errorf("%s: %s: room for one more is no error", name, key)
			}
		}
	}
}

// SAFETENSORS_OUT=FOLDER keeps what is written, for make.py to read.
func TestWhatIsWrittenHasTheBytesThatPythonWrites(t *testing.T) {
	arrays := map[string]*tensor.Tensor{}
	for key, a := range golden(t, "weights") {
		x, err := tensor.Zeros(tensor.Float32, a.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		values, err := tensor.Data[float32](x)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range a.Data {
			values[i] = parse(t, text)
		}
		arrays[key] = x
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, arrays, map[string]string{"format": "np"}); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%.400q, Python writes\n%.400q", &b, want)
	}
	if folder := os.Getenv("SAFETENSORS_OUT"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "weights.safetensors"), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTensorsOfEveryTypeComeBack(t *testing.T) {
	arrays := map[string]*tensor.Tensor{}
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.Uint8, tensor.Int32, tensor.Int64, tensor.Bool} {
		x, err := tensor.Of([]int64{1, 0, 1}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if arrays[d.String()], err = x.Cast(d); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, arrays, nil); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), safetensors.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range arrays {
		a := f.Array(name)
		x := make([]float32, 3)
		if err := a.Float32s(x); err != nil || fmt.Sprint(x) != "[1 0 1]" || a.Type() != name {
			t.Errorf("%s: %v of type %s, %v", name, x, a.Type(), err)
		}
		if y, err := a.Tensor(); err != nil || !reflect.DeepEqual(y, arrays[name]) {
			t.Errorf("%s: %v, %v", name, y, err)
		}
	}
}

func TestIntegersThatNoTensorHoldsAreAnError(t *testing.T) {
	b := made(`{"a":`+array(`"U64"`, "[2]", "[0,16]")+"}", 8)
	for n, want := range map[uint64]string{math.MaxInt64: "", math.MaxInt64 + 1: `"a": element 1 is 9223372036854775808`} {
		b := binary.LittleEndian.AppendUint64(b, n)
		f, err := safetensors.Read(bytes.NewReader(b), int64(len(b)), safetensors.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := f.Array("a").Tensor()
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d: %v, %v", n, x, err)
		}
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	x, err := tensor.Zeros(tensor.Float32, 2)
	if err != nil {
		t.Fatal(err)
	}
	for want, write := range map[string]error{
		"can't be the name":  safetensors.Write(&bytes.Buffer{}, map[string]*tensor.Tensor{"__metadata__": x}, nil),
		"no text of UTF-8":   safetensors.Write(&bytes.Buffer{}, map[string]*tensor.Tensor{"\xff": x}, nil),
		"the tensor is nil":  safetensors.Write(&bytes.Buffer{}, map[string]*tensor.Tensor{"x": nil}, nil),
		"the writer is nil":  safetensors.Write((*bytes.Buffer)(nil), nil, nil),
		"is no text":         safetensors.Write(&bytes.Buffer{}, nil, map[string]string{"x": "\xff"}),
		"there is no room":   safetensors.Write(full{}, map[string]*tensor.Tensor{"x": x}, nil),
		"there is no reader": second(safetensors.Read(nil, 100, safetensors.Limits{})),
		"which is too short": second(safetensors.Read(strings.NewReader(""), -1, safetensors.Limits{})),
		"no such file":       second(safetensors.Open("testdata/none")),
		"no regular file":    second(safetensors.Open("testdata")),
	} {
		if write == nil || !strings.Contains(write.Error(), want) {
			t.Errorf("got %v, want an error with %s", write, want)
		}
	}
	for range 20 { // maps have no order, errors have
		arrays := safetensors.Write(&bytes.Buffer{}, map[string]*tensor.Tensor{"b": nil, "a": nil, "c": nil}, nil)
		texts := safetensors.Write(&bytes.Buffer{}, nil, map[string]string{"b": "\xff2", "a": "\xff1", "c": "\xff3"})
		if fmt.Sprint(arrays) != `safetensors: "a": the tensor is nil` || fmt.Sprint(texts) != `safetensors: "\xff1" is no text of UTF-8` {
			t.Fatalf("of three mistakes it is said that %v, %v", arrays, texts)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("there is no room") }

func second[T any](_ T, err error) error { return err }

// A file that is cut off while it is mapped gives an error, and no fault.
func TestAFileThatIsShortenedWhileItIsReadIsAnError(t *testing.T) {
	x, err := tensor.Zeros(tensor.Float32, 1<<18)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]*tensor.Tensor{"x": x}, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 1<<12); err != nil {
		t.Skip(err) // Windows keeps what is open
	}
	if err := f.Array("x").Float32s(make([]float32, 1<<18)); err == nil {
		t.Error("no error")
	}
}

// made is a file with that header and so many bytes behind it.
func made(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func array(dtype, shape, offsets string) string {
	return fmt.Sprintf(`{"dtype":%s,"shape":%s,"data_offsets":%s}`, dtype, shape, offsets)
}

var hostiles = []hostile.File{
	{"empty.safetensors", nil, "the file has 0 bytes"},
	{"short.safetensors", []byte{2, 0, 0, 0}, "the file has 4 bytes"},
	{"no-header.safetensors", make([]byte, 8), "doesn't begin with {"},
	{"header-longer-than-file.safetensors", binary.LittleEndian.AppendUint64(nil, 1<<40), "a header of 1099511627776 bytes in a file of 8"},
	{"header-of-all-bits.safetensors", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "a header of 18446744073709551615 bytes"},
	{"space-before.safetensors", made(" {}", 0), "doesn't begin with {"},
	{"list.safetensors", made("[]", 0), "doesn't begin with {"},
	{"not-json.safetensors", made(`{"a":`, 0), "ends too soon"},
	{"two-values.safetensors", made(`{}{}`, 0), "something follows the end"},
	{"not-utf-8.safetensors", made("{\"\xff\":"+array(`"F32"`, "[1]", "[0,4]")+"}", 4), "not UTF-8"},
	{"half-a-surrogate.safetensors", made(`{"\ud800":`+array(`"F32"`, "[1]", "[0,4]")+"}", 4), "has a character that is none"},
	{"name-twice.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[0,4]")+`,"a":`+array(`"F32"`, "[1]", "[4,8]")+"}", 8), `the name "a" is twice`},
	{"key-twice.safetensors", made(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), `the name "dtype" is twice`},
	{"key-unknown.safetensors", made(`{"a":{"dtype":"F32","scale":2,"shape":[1],"data_offsets":[0,4]}}`, 4), `the entry "scale" is not known`},
	{"type-missing.safetensors", made(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4), "the type <nil> is not known"},
	{"type-unknown.safetensors", made(`{"a":`+array(`"Q4"`, "[1]", "[0,4]")+"}", 4), "the type Q4 is not known"},
	{"shape-missing.safetensors", made(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "the shape <nil> is no list"},
	{"offsets-missing.safetensors", made(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "data_offsets are <nil>"},
	{"one-offset.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[0]")+"}", 4), "data_offsets are [0]"},
	{"deep.safetensors", made(`{"a":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+"}", 0), "too deep"},
	{"negative-dimension.safetensors", made(`{"a":`+array(`"F32"`, "[-1]", "[0,4]")+"}", 4), "-1 is no dimension"},
	{"negative-zero.safetensors", made(`{"a":`+array(`"F32"`, "[-0]", "[0,0]")+"}", 0), "-0 is no dimension"},
	{"float-dimension.safetensors", made(`{"a":`+array(`"F32"`, "[1.0]", "[0,4]")+"}", 4), "1.0 is no dimension"},
	{"text-dimension.safetensors", made(`{"a":`+array(`"F32"`, `["1"]`, "[0,4]")+"}", 4), "1 is no dimension"},
	{"overflow.safetensors", made(`{"a":`+array(`"F32"`, "[4294967296,4294967296]", "[0,4]")+"}", 4), "too many elements"},
	{"overflow-behind-zero.safetensors", made(`{"a":`+array(`"F32"`, "[0,4294967296,4294967296,4294967296]", "[0,0]")+"}", 0), ""},
	{"overflow-of-bytes.safetensors", made(`{"a":`+array(`"F64"`, "[2305843009213693952]", "[0,0]")+"}", 0), ""},
	{"rank.safetensors", made(`{"a":`+array(`"F32"`, "["+strings.Repeat("1,", 64)+"1]", "[0,4]")+"}", 4), "65 dimensions are over the budget of 64"},
	{"backwards.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[4,0]")+"}", 4), "data_offsets are 4 and 0"},
	{"past-the-end.safetensors", made(`{"a":`+array(`"F32"`, "[4]", "[0,16]")+"}", 4), "header and arrays have"},
	{"last-offset.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[9223372036854775803,9223372036854775807]")+"}", 4), "no gaps and no overlaps"},
	{"beyond-int64.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[0,18446744073709551616]")+"}", 4), "is no number of elements or bytes"},
	{"size-differs.safetensors", made(`{"a":`+array(`"F32"`, "[2]", "[0,4]")+"}", 4), "it has 4 bytes, shape [2] of F32 has 8"},
	{"gap-before.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[4,8]")+"}", 8), "no gaps and no overlaps"},
	{"gap.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[0,4]")+`,"b":`+array(`"F32"`, "[1]", "[8,12]")+"}", 12), "no gaps and no overlaps"},
	{"gap-behind.safetensors", made(`{"a":`+array(`"F32"`, "[1]", "[0,4]")+"}", 5), "the file has"},
	{"overlap.safetensors", made(`{"a":`+array(`"F32"`, "[2]", "[0,8]")+`,"b":`+array(`"F32"`, "[2]", "[4,12]")+"}", 12), "no gaps and no overlaps"},
	{"same-bytes.safetensors", made(`{"a":`+array(`"F32"`, "[2]", "[0,8]")+`,"b":`+array(`"F32"`, "[2]", "[0,8]")+"}", 8), "no gaps and no overlaps"},
	{"nothing-inside.safetensors", made(`{"a":`+array(`"F32"`, "[2]", "[0,8]")+`,"b":`+array(`"F32"`, "[0]", "[4,4]")+"}", 8), "no gaps and no overlaps"},
	{"metadata-of-numbers.safetensors", made(`{"__metadata__":{"a":1}}`, 0), `"__metadata__": "a" is no text`},
	{"metadata-is-a-list.safetensors", made(`{"__metadata__":[]}`, 0), `"__metadata__" is no object`},
	{"truncated.safetensors", made(`{"a":`+array(`"F32"`, "[4]", "[0,16]")+"}", 15), "the file has"},
}

func TestFilesThatBreakARuleAreRefused(t *testing.T) {
	hostile.Check(t, "testdata/hostile", hostiles, func(b []byte) error {
		return second(safetensors.Read(bytes.NewReader(b), int64(len(b)), safetensors.Limits{}))
	})
	header := made(`{"a":`+array(`"F32"`, "[1]", "[0,4]")+"}", 4)
	_, err := safetensors.Read(bytes.NewReader(header), int64(len(header)), safetensors.Limits{Header: 20})
	if err == nil || !strings.Contains(err.Error(), "over the budget of 20") {
		t.Errorf("a header over the budget: %v", err)
	}
	spaced := made(`{}   `, 0)
	if _, err := safetensors.Read(bytes.NewReader(spaced), int64(len(spaced)), safetensors.Limits{}); err != nil {
		t.Errorf("spaces behind the header: %v", err)
	}
}

func read(b []byte) {
	f, err := safetensors.Read(bytes.NewReader(b), int64(len(b)), safetensors.Limits{})
	if err != nil {
		return
	}
	for _, a := range f.Arrays() {
		a.Tensor()
	}
}

func seeds(t testing.TB) (list [][]byte) {
	t.Helper()
	for _, name := range []string{"weights", "types"} {
		b, err := os.ReadFile("testdata/" + name + ".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	for _, h := range hostiles {
		list = append(list, h.Content)
	}
	return list
}

func TestWhateverAFileHoldsReadingItEndsInLittleMemory(t *testing.T) {
	hostile.Try(t, seeds(t), read)
}

func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) { read(b) })
}
