// Package safetensors reads and writes arrays by name in the format of
// https://github.com/huggingface/safetensors: a header of JSON, and the bytes of the arrays, one
// behind the other.
//
// A file is data that nobody vouches for. One that breaks a rule of the format is an error, and
// no more memory is taken than its size and the limits allow.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/strictjson"
	"github.com/cornu-ml/cornu/tensor"
)

// Limits bound what reading a file may take. A field of 0 means its default.
type Limits struct {
	Header int64 // bytes of the header; 0 is 100,000,000
	Rank   int   // dimensions of an array; 0 is 64
}

func (l Limits) orDefaults() Limits {
	if l.Header <= 0 {
		l.Header = 100_000_000
	}
	if l.Rank <= 0 {
		l.Rank = 64
	}
	return l
}

// A File has been opened. What is in its arrays is read when it is asked for.
type File struct {
	Metadata map[string]string // texts by name, nil if there are none

	arrays []*Array
	byName map[string]*Array
	r      io.ReaderAt
	close  func() error
	limits Limits
}

// An Array is one of a file.
type Array struct {
	file  *File
	name  string
	kind  kind
	shape tensor.Shape
	at    int64 // in the file
	bytes int64
}

// A kind is a type of elements: number is "" if they aren't converted.
type kind struct {
	name   string // in files
	size   int    // bytes
	number number.Kind
}

// kinds are in the order in which arrays are written, the reverse of the reference's: arrays
// of larger elements first, so that all are aligned.
var kinds = []kind{
	{"U64", 8, number.Uint64},
	{"I64", 8, number.Int64},
	{"F64", 8, number.Float64},
	{"C64", 8, ""},
	{"F32", 4, number.Float32},
	{"U32", 4, number.Uint32},
	{"I32", 4, number.Int32},
	{"BF16", 2, number.BFloat16},
	{"F16", 2, number.Float16},
	{"U16", 2, number.Uint16},
	{"I16", 2, number.Int16},
	{"F8_E8M0", 1, ""},
	{"F8_E4M3", 1, ""},
	{"F8_E5M2", 1, ""},
	{"I8", 1, number.Int8},
	{"U8", 1, number.Uint8},
	{"BOOL", 1, number.Bool},
}

const metadataName = "__metadata__"

// Open opens a file, mapped into memory where the system can. It must be closed.
func Open(path string) (*File, error) {
	m, err := file.OpenMapped(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Read(m, m.Size(), Limits{})
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.close = m.Close
	return f, nil
}

// Close closes what Open has opened. Nothing may be read after it.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// Read reads the header of size bytes that r reads, and nothing of the arrays.
func Read(r io.ReaderAt, size int64, limits Limits) (*File, error) {
	f := &File{r: r, limits: limits.orDefaults(), byName: map[string]*Array{}}
	if config.IsNil(r) {
		return nil, errors.New("safetensors: there is no reader")
	}
	if err := f.read(size); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func (f *File) read(size int64) error {
	var head [8]byte
	if size < int64(len(head)) {
		return fmt.Errorf("the file has %d bytes, which is too short", size)
	}
	if _, err := f.r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > uint64(size-8) {
		return fmt.Errorf("a header of %d bytes in a file of %d: it is damaged or no safetensors file", n, size)
	}
	if n > uint64(f.limits.Header) {
		return fmt.Errorf("a header of %d bytes is over the budget of %d", n, f.limits.Header)
	}
	text := make([]byte, n)
	if _, err := f.r.ReadAt(text, 8); err != nil && err != io.EOF {
		return err
	}
	if !bytes.HasPrefix(text, []byte("{")) {
		return errors.New("the header doesn't begin with {: it is damaged or no safetensors file")
	}
	// Objects of arrays of numbers: three levels.
	v, err := strictjson.Parse(text, 3, math.MaxInt, func(n json.Number) (any, error) { return n, nil })
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	header := v.(map[string]any) // it begins with {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		entry, ok := header[name].(map[string]any)
		if !ok {
			return fmt.Errorf("header: %q is no object", name)
		}
		if name == metadataName {
			f.Metadata, err = metadata(entry)
		} else {
			err = f.array(name, entry, 8+int64(n))
		}
		if err != nil {
			return fmt.Errorf("header: %q: %w", name, err)
		}
	}
	// The arrays are all that is behind the header: no byte is nobody's, and none is of two.
	slices.SortStableFunc(f.arrays, func(a, b *Array) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.bytes, b.bytes)) })
	at := 8 + int64(n)
	for _, a := range f.arrays {
		if a.at != at {
			return fmt.Errorf("header: %q begins at byte %d of the arrays, the one before it ends at %d: there may be no gaps and no overlaps", a.name, a.at-8-int64(n), at-8-int64(n))
		}
		at += a.bytes
	}
	if at != size {
		return fmt.Errorf("the file has %d bytes, header and arrays have %d", size, at)
	}
	return nil
}

func metadata(entry map[string]any) (map[string]string, error) {
	out := map[string]string{}
	for name, v := range entry {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%q is no text", name)
		}
		out[name] = text
	}
	return out, nil
}

// array reads the entry of an array. The arrays begin at that byte of the file.
func (f *File) array(name string, entry map[string]any, begin int64) error {
	a := &Array{file: f, name: name, shape: tensor.Shape{}}
	for key := range entry {
		if key != "dtype" && key != "shape" && key != "data_offsets" {
			return fmt.Errorf("the entry %q is not known", key)
		}
	}
	text, ok := entry["dtype"].(string)
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == text })
	if !ok || i < 0 {
		return fmt.Errorf("the type %v is not known", entry["dtype"])
	}
	a.kind = kinds[i]
	dimensions, ok := entry["shape"].([]any)
	if !ok {
		return fmt.Errorf("the shape %v is no list", entry["shape"])
	}
	if len(dimensions) > f.limits.Rank {
		return fmt.Errorf("%d dimensions are over the budget of %d", len(dimensions), f.limits.Rank)
	}
	for _, x := range dimensions {
		d, err := count(x)
		if err != nil || d > math.MaxInt {
			return fmt.Errorf("shape: %v is no dimension", x)
		}
		a.shape = append(a.shape, int(d))
	}
	if err := a.shape.Check(); err != nil {
		return err
	}
	n := a.shape.Numel()
	if int64(n) > math.MaxInt64/int64(a.kind.size) {
		return fmt.Errorf("shape %v is too large", a.shape)
	}
	offsets, ok := entry["data_offsets"].([]any)
	if !ok || len(offsets) != 2 {
		return fmt.Errorf("data_offsets are %v, the first byte and the one after the last were expected", entry["data_offsets"])
	}
	first, err := count(offsets[0])
	if err != nil {
		return err
	}
	last, err := count(offsets[1])
	if err != nil {
		return err
	}
	if last < first || last > math.MaxInt64-begin {
		return fmt.Errorf("data_offsets are %d and %d", first, last)
	}
	a.at, a.bytes = begin+first, last-first
	if want := int64(n) * int64(a.kind.size); a.bytes != want {
		return fmt.Errorf("it has %d bytes, shape %v of %s has %d", a.bytes, a.shape, a.kind.name, want)
	}
	f.arrays, f.byName[name] = append(f.arrays, a), a
	return nil
}

// count reads a number that counts, written as one: 3, and neither 3.0 nor 3e0.
func count(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%v is no number", v)
	}
	x, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || x < 0 || n.String()[0] == '-' {
		return 0, fmt.Errorf("%s is no number of elements or bytes", n)
	}
	return x, nil
}

// Arrays lists the arrays, in the order of their bytes.
func (f *File) Arrays() []*Array { return slices.Clone(f.arrays) }

// Array returns the array of that name, nil if there is none.
func (f *File) Array(name string) *Array { return f.byName[name] }

// Name returns the array's name.
func (a *Array) Name() string { return a.name }

// Shape returns the array's dimensions.
func (a *Array) Shape() tensor.Shape { return a.shape.Clone() }

// Type returns the type of the elements in the file as NumPy calls it, float32 or bfloat16, or,
// if they aren't read, as the format does, F8_E4M3.
func (a *Array) Type() string { return cmp.Or(string(a.kind.number), a.kind.name) }

// Bytes returns how many bytes the array has in the file.
func (a *Array) Bytes() int64 { return a.bytes }

// Float32s fills dst, which must have as many elements as the array, with its elements in
// row-major order, rounded to float32.
func (a *Array) Float32s(dst []float32) error {
	if len(dst) != a.shape.Numel() {
		return fmt.Errorf("safetensors: %q has %d elements, %d were asked for", a.name, a.shape.Numel(), len(dst))
	}
	if a.kind.number == "" {
		return fmt.Errorf("safetensors: %q: elements of type %s are not read", a.name, a.kind.name)
	}
	if a.kind.number == number.Float32 && number.LittleEndian {
		return a.readAt(number.Bytes(dst), 0)
	}
	const chunk = 1 << 16 // elements
	b := make([]byte, a.kind.size*min(len(dst), chunk))
	for done := 0; done < len(dst); done += chunk {
		part := dst[done:min(done+chunk, len(dst))]
		b := b[:a.kind.size*len(part)]
		if err := a.readAt(b, int64(a.kind.size*done)); err != nil {
			return err
		}
		if err := number.Float32s(part, b, a.kind.number, binary.LittleEndian); err != nil {
			return fmt.Errorf("safetensors: %q: %w", a.name, err)
		}
	}
	return nil
}

func (a *Array) readAt(b []byte, at int64) error {
	if n, err := a.file.r.ReadAt(b, a.at+at); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("safetensors: %q: %w", a.name, err)
	}
	return nil
}

// Tensor returns the array as a tensor of float32.
func (a *Array) Tensor() (*tensor.Tensor, error) {
	t, err := tensor.Zeros(tensor.Float32, a.shape...)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %q: %w", a.name, err)
	}
	x, err := tensor.Data[float32](t)
	if err != nil {
		return nil, err
	}
	return t, a.Float32s(x)
}

// Write writes tensors by name, and texts by name beside them, as the format's own library
// does: the same bytes every time.
func Write(w io.Writer, arrays map[string]*tensor.Tensor, metadata map[string]string) error {
	if config.IsNil(w) {
		return errors.New("safetensors: there is nothing to write to: the writer is nil")
	}
	if err := write(w, arrays, metadata); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

func write(w io.Writer, arrays map[string]*tensor.Tensor, metadata map[string]string) error {
	rank := map[string]int{} // of the kind
	for name, t := range arrays {
		if t == nil {
			return fmt.Errorf("%q: the tensor is nil", name)
		}
		if name == metadataName {
			return fmt.Errorf("%q can't be the name of an array", name)
		}
		if err := text(name); err != nil {
			return err
		}
		rank[name] = slices.IndexFunc(kinds, func(k kind) bool { return string(k.number) == t.DType().String() })
	}
	names := slices.SortedFunc(maps.Keys(arrays), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b))
	})
	var head bytes.Buffer
	e := json.NewEncoder(&head)
	e.SetEscapeHTML(false)
	put := func(v any) { e.Encode(v); head.Truncate(head.Len() - 1) } // texts and lists of them can be encoded
	head.WriteByte('{')
	if metadata != nil {
		for name, v := range metadata {
			if err := errors.Join(text(name), text(v)); err != nil {
				return err
			}
		}
		put(metadataName)
		head.WriteByte(':')
		put(metadata)
	}
	at := int64(0)
	for _, name := range names {
		if head.Len() > 1 {
			head.WriteByte(',')
		}
		t, k := arrays[name], kinds[rank[name]]
		put(name)
		end := at + int64(t.Shape().Numel())*int64(k.size)
		dimensions := make([]string, t.Shape().Rank())
		for i, d := range t.Shape() {
			dimensions[i] = strconv.Itoa(d)
		}
		fmt.Fprintf(&head, `:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, k.name, strings.Join(dimensions, ","), at, end)
		at = end
	}
	head.WriteByte('}')
	for head.Len()%8 != 0 {
		head.WriteByte(' ')
	}
	out := &keeper{w: w}
	binary.Write(out, binary.LittleEndian, uint64(head.Len()))
	out.Write(head.Bytes())
	for _, name := range names {
		arrays[name].WriteElements(out)
	}
	return out.err
}

// text returns an error unless s can be in JSON.
func text(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return fmt.Errorf("%q is no text of UTF-8", s)
	}
	return nil
}

// A keeper keeps the first error.
type keeper struct {
	w   io.Writer
	err error
}

func (k *keeper) Write(b []byte) (int, error) {
	if k.err == nil {
		_, k.err = k.w.Write(b)
	}
	return len(b), k.err
}
