package tensor_test

// .npy and .npz files: NumPy's own are read and written to the byte, and what
// is broken is refused.

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/internal/hostile"
	"github.com/cornu-ml/cornu/tensor"
)

func of[T tensor.Element](t testing.TB, data []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// equal reports whether two tensors are the same in type, shape and elements.
func equal(a, b *tensor.Tensor) bool {
	return a != nil && b != nil && a.DType() == b.DType() && a.Shape().Equal(b.Shape()) && reflect.DeepEqual(values(a), values(b))
}

func values(t *tensor.Tensor) any {
	switch t.DType() {
	case tensor.Float32:
		return first(tensor.Data[float32](t))
	case tensor.Float64:
		return first(tensor.Data[float64](t))
	case tensor.Uint8:
		return first(tensor.Data[uint8](t))
	case tensor.Int32:
		return first(tensor.Data[int32](t))
	case tensor.Int64:
		return first(tensor.Data[int64](t))
	case tensor.Bool:
		return first(tensor.Data[bool](t))
	}
	return nil
}

func first[T any](v T, _ error) T { return v }

func scalar(t testing.TB, v float64) *tensor.Tensor {
	x, err := of(t, []float64{v}).Reshape()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func counted[T int32 | float32](n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(i)
	}
	return out
}

func TestNumPysFilesAreReadAndWritten(t *testing.T) {
	for _, c := range []struct {
		file string
		want *tensor.Tensor
		// NumPy's own writer would choose another layout of the header or the elements.
		readOnly bool
	}{
		{file: "float32", want: of(t, []float32{0, .25, .5, .75, 1, 1.25}, 2, 3)},
		{file: "float64", want: of(t, []float64{0, .25, .5, .75, 1, 1.25}, 2, 3)},
		{file: "uint8", want: of(t, []uint8{0, 50, 100, 150, 200, 250}, 2, 3)},
		{file: "int32", want: of(t, []int32{-3, -2, -1, 0, 1, 2}, 2, 3)},
		{file: "int64", want: of(t, []int64{-3 << 40, -2 << 40, -1 << 40, 0, 1 << 40, 2 << 40}, 2, 3)},
		{file: "bool", want: of(t, []bool{false, true, false, true, false, true}, 2, 3)},
		{file: "scalar", want: scalar(t, 2.5)},
		{file: "vector", want: of(t, []float32{0, 1, 2})},
		{file: "empty", want: of(t, []float32{}, 0, 3)},
		{file: "fortran", want: of(t, counted[int32](24), 2, 3, 4), readOnly: true},
		{file: "version2", want: of(t, []float32{0, 1, 2}), readOnly: true},
		{file: "version3", want: of(t, []float32{0, 1, 2}), readOnly: true},
	} {
		t.Run(c.file, func(t *testing.T) {
			file, err := os.ReadFile("testdata/" + c.file + ".npy")
			if err != nil {
				t.Fatal(err)
			}
			got, err := tensor.ReadNpy(bytes.NewReader(file), 0)
			if err != nil {
				t.Fatal(err)
			}
			if !equal(got, c.want) {
				t.Errorf("got %v %v, want %v %v", got, values(got), c.want, values(c.want))
			}
			var b bytes.Buffer
			if err := tensor.WriteNpy(&b, c.want); err != nil {
				t.Fatal(err)
			}
			if !c.readOnly && !bytes.Equal(b.Bytes(), file) {
				t.Errorf("wrote\n%q\nNumPy wrote\n%q", b.Bytes(), file)
			}
		})
	}
}

func TestArraysFollowEachOtherInAStream(t *testing.T) {
	var b bytes.Buffer
	for i := range 3 {
		if err := tensor.WriteNpy(&b, of(t, counted[float32](i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		if x, err := tensor.ReadNpy(&b, 0); err != nil || x.Numel() != i {
			t.Errorf("array %d is %v, %v", i, x, err)
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d bytes are left", b.Len())
	}
}

func TestAHeaderMayBeWrittenAsPythonMay(t *testing.T) {
	for _, header := range []string{
		`{'descr':'<f4','fortran_order':False,'shape':(2,)}`,
		"{ \"shape\" : ( 2L , ) ,\n \"fortran_order\" : True , \"descr\" : \"<f4\" }",
	} {
		if x, err := tensor.ReadNpy(strings.NewReader(npy(header, 8)), 0); err != nil || !x.Shape().Equal(tensor.Shape{2}) {
			t.Errorf("%s: %v, %v", header, x, err)
		}
	}
	if x, err := tensor.ReadNpy(strings.NewReader(npy(`{'descr':'<u1','fortran_order':False,'shape':()}`, 1)), 0); err != nil || x.DType() != tensor.Uint8 {
		t.Errorf("a byte of a stated order: %v, %v", x, err)
	}
}

// npy returns a file of a header and so many bytes of zeros.
func npy(header string, zeros int) string {
	return "\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + strings.Repeat("\x00", zeros)
}

func TestHostileFilesAreRefused(t *testing.T) {
	says := map[string]string{
		"magic":                   "npy: not an .npy file: its magic string is missing",
		"version":                 "npy: version 9.0 of the format is not known",
		"header-longer-than-file": "npy: a header of 65535 bytes is too long",
		"truncated":               "npy: the file ends too soon",
		"no-data":                 "npy: the file ends too soon",
		"terabytes":               "npy: an array of shape (1000000000000,) and type float32 is over the budget of 1073741824 bytes",
		"overflow":                "too many elements",
		"overflow-behind-zero":    "too many elements",
		"number-too-long":         "is out of range",
		"negative":                `expected a dimension at "-3,), }"`,
		"batch":                   `expected a dimension at "-1, 3), }"`,
		"no-dimension":            `expected a dimension at ",), }"`,
		"float-dimension":         `expected ) at ".0,), }"`,
		"open-shape":              `expected a dimension at ", }"`,
		"dimensions":              "is out of range",
		"big-endian":              `the element type ">f4" is not one of <f4, <f8, |u1, <i4, <i8, |b1`,
		"complex":                 `the element type "<c8" is not one of`,
		"object":                  `the element type "|O" is not one of`,
		"record":                  "records are not read",
		"order":                   `expected False at "Maybe,`,
		"code":                    "expected a dimension at",
		"key-missing":             "must all be there",
		"key-twice":               `the key "descr" stands twice`,
		"key-unknown":             `the key "x" is not known`,
		"open-string":             "expected the end of a string",
		"after-the-end":           `expected the end at "1"`,
		"not-a-dictionary":        `expected { at "[]"`,
		"empty-header":            `expected { at ""`,
		"binary-header":           "expected {",
	}
	if strconv.IntSize == 32 { // such dimensions are no ints
		for _, name := range []string{"terabytes", "overflow", "overflow-behind-zero"} {
			says[name] = "is out of range"
		}
	}
	files, err := filepath.Glob("testdata/hostile/*.npy")
	if err != nil || len(files) != len(says) {
		t.Fatalf("%d files for %d messages, %v", len(files), len(says), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".npy")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		x, err := tensor.ReadNpy(bytes.NewReader(data), 0)
		if err == nil || says[name] == "" || !strings.Contains(err.Error(), says[name]) {
			t.Errorf("%s gave %v and %q, want %q", name, x, err, says[name])
		}
	}
}

func TestABudgetIsKept(t *testing.T) {
	file := npy(`{'descr': '<f8', 'fortran_order': False, 'shape': (4,)}`, 32)
	if _, err := tensor.ReadNpy(strings.NewReader(file), 32); err != nil {
		t.Error(err)
	}
	for _, budget := range []int64{31, 1, -1} {
		if x, err := tensor.ReadNpy(strings.NewReader(file), budget); err == nil {
			t.Errorf("a budget of %d gave %v", budget, x)
		}
	}
}

func TestAShortFileTakesLittleMemory(t *testing.T) {
	file := npy(`{'descr': '<f8', 'fortran_order': False, 'shape': (100000000,)}`, 8)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := tensor.ReadNpy(strings.NewReader(file), 0); err == nil {
		t.Fatal("it was read")
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("%d bytes were taken for a file of %d", taken, len(file))
	}
}

type broken struct{ after int }

var errDisk = errors.New("disk full")

func (b *broken) Write(p []byte) (int, error) {
	if b.after -= len(p); b.after < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func (b *broken) Read([]byte) (int, error) { return 0, errDisk }

func TestErrorsOfTheStreamArePassedOn(t *testing.T) {
	x := of(t, counted[float32](100_000))
	for _, after := range []int{0, 64, 100_000} {
		if err := tensor.WriteNpy(&broken{after}, x); !errors.Is(err, errDisk) {
			t.Errorf("writing gave %v", err)
		}
		if err := tensor.WriteNpz(&broken{after}, map[string]*tensor.Tensor{"x": x}); !errors.Is(err, errDisk) {
			t.Errorf("writing an archive gave %v", err)
		}
	}
	start := strings.NewReader(npy(`{'descr': '<f8', 'fortran_order': False, 'shape': (4,)}`, 8))
	if _, err := tensor.ReadNpy(io.MultiReader(start, &broken{}), 0); !errors.Is(err, errDisk) {
		t.Errorf("reading gave %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	if err := tensor.WriteNpy(io.Discard, nil); err == nil {
		t.Error("nil was written")
	}
	if err := tensor.WriteNpz(io.Discard, map[string]*tensor.Tensor{"x": nil}); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("nil was written into an archive: %v", err)
	}
	deep, err := of(t, []float32{1}).Reshape(make65()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := tensor.WriteNpy(io.Discard, deep); err == nil {
		t.Error("more dimensions than NumPy's were written")
	}
}

func make65() []int {
	dims := make([]int, 65)
	for i := range dims {
		dims[i] = 1
	}
	return dims
}

func TestNumPysArchivesAreRead(t *testing.T) {
	want := map[string]*tensor.Tensor{
		"w": of(t, counted[float32](6), 2, 3),
		"b": of(t, make([]float64, 3)),
	}
	for _, file := range []string{"stored.npz", "compressed.npz"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.ReadNpz(bytes.NewReader(data), int64(len(data)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || !equal(got["w"], want["w"]) || !equal(got["b"], want["b"]) {
			t.Errorf("%s holds %v", file, got)
		}
	}
}

func TestAnArchiveComesBack(t *testing.T) {
	want := map[string]*tensor.Tensor{}
	for i := range 20 {
		want[fmt.Sprintf("layer %d/kernel", i)] = of(t, counted[float32](i))
	}
	var a, b bytes.Buffer
	if err := tensor.WriteNpz(&a, want); err != nil {
		t.Fatal(err)
	}
	if err := tensor.WriteNpz(&b, want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same tensors gave different bytes")
	}
	got, err := tensor.ReadNpz(bytes.NewReader(a.Bytes()), int64(a.Len()), 0)
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for name := range want {
		if !equal(got[name], want[name]) {
			t.Errorf("%s came back as %v", name, got[name])
		}
	}
}

// archive zips files of the names, each the same.
func archive(t testing.TB, content string, names ...string) []byte {
	return packed(t, zip.Store, content, names...)
}

func packed(t testing.TB, method uint16, content string, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bytesOf is the header of an array of bytes.
func bytesOf(shape string) string {
	return "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + "}"
}

// archives are those that are refused.
func archives(t testing.TB) []hostile.File {
	t.Helper()
	kilobyte := npy(bytesOf("(1024,)"), 1024)
	corrupt := archive(t, kilobyte, "x.npy")
	corrupt[bytes.Index(corrupt, []byte("NUMPY"))+200] ^= 0xFF
	unknown := bytes.ReplaceAll(packed(t, zip.Deflate, "", "x.npy"), []byte{8, 0, 8, 0}, []byte{8, 0, 99, 0}) // flags and method
	whole := archive(t, kilobyte, "x.npy")
	return []hostile.File{
		{"empty.npz", nil, "npz: zip: not a valid zip file"},
		{"no_archive.npz", []byte("PK"), "npz: zip: not a valid zip file"},
		{"truncated.npz", whole[:len(whole)-10], "npz: zip: not a valid zip file"},
		{"another_kind.npz", archive(t, kilobyte, "readme.txt"), `"readme.txt" is no .npy array`},
		{"folder.npz", packed(t, zip.Store, "", "x.npy/"), `"x.npy/" is no .npy array`},
		{"one_name_twice.npz", archive(t, kilobyte, "x.npy", "x.npy"), `"x" stands twice`},
		{"two_arrays_in_one.npz", archive(t, kilobyte+kilobyte, "x.npy"), `"x": there is more than one array`},
		{"cut_off_array.npz", archive(t, kilobyte[:900], "x.npy"), `"x": the file ends too soon`},
		{"no_array.npz", archive(t, "", "x.npy"), `"x": the file ends too soon`},
		{"over_the_budget_together.npz", archive(t, kilobyte, "a.npy", "b.npy", "c.npy", "d.npy", "e.npy"), `"e": an array of shape (1024,) and type uint8 is over the budget of 0 bytes`},
		{"terabytes.npz", archive(t, npy(bytesOf("(1000000000,)"), 9), "x.npy"), "is over the budget of 4096 bytes"},
		{"bomb.npz", packed(t, zip.Deflate, npy(bytesOf("(1048576,)"), 1<<20), "x.npy"), "is over the budget of 4096 bytes"},
		{"bomb_behind.npz", packed(t, zip.Deflate, npy(bytesOf("(1,)"), 1<<20), "x.npy"), "there is more than one array"},
		{"objects.npz", archive(t, npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8), "x.npy"), `the element type "|O" is not one of`},
		{"corrupt.npz", corrupt, `"x": zip: checksum error`},
		{"unknown_method.npz", unknown, "unsupported compression algorithm"},
		{"overlapping.npz", overlapping(t, kilobyte, 3), "overlap"},
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	hostile.Check(t, "testdata/hostile/archives", archives(t), func(b []byte) error {
		_, err := tensor.ReadNpz(bytes.NewReader(b), int64(len(b)), 4096)
		return err
	})
	kilobyte := npy(bytesOf("(1024,)"), 1024)
	both := archive(t, kilobyte, "x.npy", "y.npy")
	for budget, want := range map[int64]string{2048: "<nil>", 2047: `npz: "y": an array of shape (1024,) and type uint8 is over the budget of 1023 bytes`} {
		if _, err := tensor.ReadNpz(bytes.NewReader(both), int64(len(both)), budget); fmt.Sprint(err) != want {
			t.Errorf("a budget of %d: %v", budget, err)
		}
	}
}

func FuzzReadNpy(f *testing.F) {
	for _, pattern := range []string{"testdata/*.npy", "testdata/hostile/*.npy"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := tensor.ReadNpy(bytes.NewReader(data), 1<<20)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := tensor.WriteNpy(&b, x); err != nil {
			t.Fatal(err)
		}
		again, err := tensor.ReadNpy(&b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var c bytes.Buffer
		if err := tensor.WriteNpy(&c, again); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if err := tensor.WriteNpy(&b, x); err != nil || !bytes.Equal(b.Bytes(), c.Bytes()) {
			t.Fatalf("%v came back as %v", x, again)
		}
	})
}

func FuzzReadNpz(f *testing.F) {
	for _, file := range []string{"testdata/stored.npz", "testdata/compressed.npz"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, h := range archives(f) {
		f.Add(h.Content)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := tensor.ReadNpz(bytes.NewReader(data), int64(len(data)), 1<<20)
		if err == nil && tensor.WriteNpz(io.Discard, got) != nil {
			t.Fatal("what was read cannot be written")
		}
	})
}

func TestWhateverAFileHoldsReadingItEndsInLittleMemory(t *testing.T) {
	var npys, npzs [][]byte
	for _, pattern := range []string{"testdata/*.npy", "testdata/hostile/*.npy", "testdata/*.npz"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, ".npz") {
				npzs = append(npzs, content)
			} else {
				npys = append(npys, content)
			}
		}
	}
	for _, h := range archives(t) {
		npzs = append(npzs, h.Content)
	}
	t.Run("npy", func(t *testing.T) {
		hostile.Try(t, npys, func(b []byte) { tensor.ReadNpy(bytes.NewReader(b), 1<<20) })
	})
	t.Run("npz", func(t *testing.T) {
		hostile.Try(t, npzs, func(b []byte) { tensor.ReadNpz(bytes.NewReader(b), int64(len(b)), 1<<20) })
	})
}
