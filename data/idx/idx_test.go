package idx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/internal/hostile"
	"github.com/cornu-ml/cornu/tensor"
)

// idxFile is an IDX file of these dimensions and bytes.
func idxFile(kind byte, dims []uint32, elements ...byte) []byte {
	b := []byte{0, 0, kind, byte(len(dims))}
	for _, d := range dims {
		b = append(b, byte(d>>24), byte(d>>16), byte(d>>8), byte(d))
	}
	return append(b, elements...)
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func elementsOf(t *testing.T, x *tensor.Tensor) any {
	t.Helper()
	var data any
	var err error
	switch x.DType() {
	case tensor.Uint8:
		data, err = tensor.Data[uint8](x)
	case tensor.Int32:
		data, err = tensor.Data[int32](x)
	case tensor.Float32:
		data, err = tensor.Data[float32](x)
	case tensor.Float64:
		data, err = tensor.Data[float64](x)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadKnowsEveryElementType(t *testing.T) {
	for _, c := range []struct {
		kind  byte
		bytes []byte
		want  any
	}{
		{0x08, []byte{0, 255}, []uint8{0, 255}},
		{0x09, []byte{0x7F, 0x80}, []int32{127, -128}},
		{0x0B, []byte{0x7F, 0xFF, 0x80, 0x00}, []int32{32767, -32768}},
		{0x0C, []byte{0, 1, 2, 3, 0xFF, 0xFF, 0xFF, 0xFE}, []int32{0x010203, -2}},
		{0x0D, []byte{0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0}, []float32{1, -2}},
		{0x0E, []byte{0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0}, []float64{1, -2}},
	} {
		x, err := Read(bytes.NewReader(idxFile(c.kind, []uint32{1, 2}, c.bytes...)), 0)
		if err != nil {
			t.Fatalf("type %#02x: %v", c.kind, err)
		}
		if got := elementsOf(t, x); !reflect.DeepEqual(got, c.want) || !x.Shape().Equal(tensor.Shape{1, 2}) {
			t.Errorf("type %#02x: %v %v, want %v", c.kind, x, got, c.want)
		}
	}
}

func TestReadTakesAnyReaderAndGzip(t *testing.T) {
	elements := make([]byte, 100_000)
	for i := range elements {
		elements[i] = byte(i * 7)
	}
	plain := idxFile(0x08, []uint32{100, 1000}, elements...)
	for name, r := range map[string]io.Reader{
		"plain":          bytes.NewReader(plain),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(plain)),
		"gzip":           bytes.NewReader(compress(plain)),
		"gzip, in parts": iotest.HalfReader(bytes.NewReader(compress(plain))),
	} {
		x, err := Read(r, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := elementsOf(t, x).([]uint8); !bytes.Equal(got, elements) {
			t.Errorf("%s: the elements differ", name)
		}
	}
}

func TestReadTakesAnEmptyDimension(t *testing.T) {
	x, err := Read(bytes.NewReader(idxFile(0x0D, []uint32{0, 28})), 0)
	if err != nil || !x.Shape().Equal(tensor.Shape{0, 28}) {
		t.Fatal(x, err)
	}
}

// hostiles are files that Read must refuse, with what the error says.
var hostiles = []hostile.File{
	{"empty.idx", nil, "unexpected EOF"},
	{"short_magic.idx", []byte{0, 0, 8}, "unexpected EOF"},
	{"text.idx", []byte("hello, world"), "not an IDX file"},
	{"unknown_type.idx", idxFile(0x0A, []uint32{1}, 1), "not an IDX file"},
	{"no_dimensions.idx", idxFile(0x08, nil, 1), "no dimensions"},
	{"cut_in_dimensions.idx", idxFile(0x08, []uint32{1, 2})[:9], "dimension 1 of 2: unexpected EOF"},
	{"cut_in_elements.idx", idxFile(0x08, []uint32{2, 2}, 1, 2, 3), "unexpected EOF"},
	{"cut_in_an_element.idx", idxFile(0x0D, []uint32{1}, 1, 2, 3), "unexpected EOF"},
	{"trailing_byte.idx", idxFile(0x08, []uint32{2}, 1, 2, 3), "data follow"},
	{"huge_no_data.idx", idxFile(0x08, []uint32{1 << 29}), "unexpected EOF"},
	{"over_the_budget.idx", idxFile(0x0E, []uint32{1 << 28}), "budget"},
	{"negative_dimension.idx", idxFile(0x08, []uint32{1 << 31}), "too large"},
	{"overflow.idx", idxFile(0x08, []uint32{1 << 30, 1 << 30, 1 << 30}), "too many elements"},
	{"overflow_to_zero.idx", idxFile(0x08, []uint32{1 << 16, 1 << 16, 1 << 16, 1 << 16}), "too many elements"},
	{"255_dimensions.idx", idxFile(0x08, make255(2)), "too many elements"},
	{"gzip_header_only.idx", []byte{0x1F, 0x8B, 8, 0}, "EOF"},
	{"gzip_cut.idx", compress(idxFile(0x08, []uint32{2}, 1, 2))[:20], "EOF"},
	{"gzip_wrong_checksum.idx", flip(compress(idxFile(0x08, []uint32{2}, 1, 2)), -6), "checksum"},
	{"gzip_bomb.idx", compress(idxFile(0x08, []uint32{10}, make([]byte, 1<<20)...)), "data follow"},
	{"gzip_then_garbage.idx", append(compress(idxFile(0x08, []uint32{1}, 1)), 1, 2, 3), ""},
}

func make255(d uint32) []uint32 {
	dims := make([]uint32, 255)
	for i := range dims {
		dims[i] = d
	}
	return dims
}

func flip(b []byte, at int) []byte {
	b[len(b)+at] ^= 1
	return b
}

func TestReadRefusesHostileFiles(t *testing.T) {
	hostile.Check(t, "testdata/hostile", hostiles, func(b []byte) error {
		_, err := Read(bytes.NewReader(b), 0)
		return err
	})
}

func TestReadKeepsToTheBudget(t *testing.T) {
	f := idxFile(0x0C, []uint32{4}, make([]byte, 16)...)
	if _, err := Read(bytes.NewReader(f), 16); err != nil {
		t.Error(err)
	}
	if _, err := Read(bytes.NewReader(f), 15); err == nil {
		t.Error("16 bytes fit a budget of 15")
	}
}

// A header that promises much takes no memory before the elements come.
func TestReadDoesNotTrustTheHeader(t *testing.T) {
	f := idxFile(0x0E, []uint32{1 << 26}, make([]byte, 1000)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(bytes.NewReader(f), 0); err == nil {
		t.Fatal("read")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(f))
	}
}

func TestReadReturnsTheReadersError(t *testing.T) {
	cause := errors.New("disk on fire")
	r := io.MultiReader(bytes.NewReader(idxFile(0x08, []uint32{9}, 1, 2)), iotest.ErrReader(cause))
	if _, err := Read(r, 0); !errors.Is(err, cause) {
		t.Errorf("%v doesn't wrap %v", err, cause)
	}
}

// seeds are good and hostile files.
func seeds() [][]byte {
	list := [][]byte{idxFile(0x0B, []uint32{1, 2}, 1, 2, 3, 4), compress(idxFile(0x08, []uint32{1, 2}, 1, 2))}
	for _, h := range hostiles {
		list = append(list, h.Content)
	}
	return list
}

func FuzzRead(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const budget = 1 << 20
		x, err := Read(bytes.NewReader(b), budget)
		if err != nil {
			return
		}
		if x.Numel()*x.DType().Size() > budget {
			t.Errorf("%v is over the budget", x)
		}
		if err := x.Shape().Check(); err != nil {
			t.Error(err)
		}
	})
}

// silent gives nothing for ever.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestAReaderThatGivesNothingIsGivenUp(t *testing.T) {
	whole := idxFile(0x0E, []uint32{1 << 16}, make([]byte, 100)...)
	for _, begun := range [][]byte{nil, whole[:3], whole[:8], whole, compress(whole)[:20]} {
		if _, err := Read(io.MultiReader(bytes.NewReader(begun), silent{}), 0); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("after %d bytes: %v", len(begun), err)
		}
	}
	for _, r := range []io.Reader{nil, (*bytes.Reader)(nil)} {
		if _, err := Read(r, 0); err == nil {
			t.Error("no reader: no error")
		}
	}
}

// zeros gives zeros for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestReadingTakesNoMoreThanTheBudget(t *testing.T) {
	const budget, program = 128 << 20, 96 << 20
	for name, n := range map[string]uint32{"all of it": budget / 4, "growing": budget / 6} {
		t.Run(name, func(t *testing.T) {
			capped.Run(t, budget+program, func() {
				head := bytes.NewReader(idxFile(0x0D, []uint32{n}))
				if x, err := Read(io.MultiReader(head, io.LimitReader(zeros{}, 4*int64(n))), budget); err != nil {
					t.Errorf("%v, %v", x, err)
				}
			})
		})
	}
}

func TestWhateverAFileHoldsReadingItEndsInLittleMemory(t *testing.T) {
	hostile.Try(t, seeds(), func(b []byte) { Read(bytes.NewReader(b), 1<<20) })
}
