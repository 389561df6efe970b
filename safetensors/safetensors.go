// Package safetensors reads and writes arrays by name in the format of
// https://github.com/huggingface/safetensors: a header of JSON, and the bytes of the arrays, one
// behind the other.
//
// A file is data that nobody vouches for. One that breaks a rule of the format is an error, and
// no more memory is taken than its size and the limits allow.
package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/tensorfile"
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
}

// An Array is one of a file.
type Array struct {
	file *File
	head tensorfile.Array
}

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
	if config.IsNil(r) {
		return nil, errors.New("safetensors: there is no reader")
	}
	limits = limits.orDefaults()
	h, err := tensorfile.Read(r, size, limits.Header, limits.Rank)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f := &File{Metadata: h.Metadata, r: r, byName: map[string]*Array{}}
	for _, a := range h.Arrays {
		one := &Array{f, a}
		f.arrays, f.byName[a.Name] = append(f.arrays, one), one
	}
	return f, nil
}

// Arrays lists the arrays, in the order of their bytes.
func (f *File) Arrays() []*Array { return slices.Clone(f.arrays) }

// Array returns the array of that name, nil if there is none.
func (f *File) Array(name string) *Array { return f.byName[name] }

// Name returns the array's name.
func (a *Array) Name() string { return a.head.Name }

// Shape returns the array's dimensions.
func (a *Array) Shape() tensor.Shape { return slices.Clone(a.head.Shape) }

// Type returns the type of the elements in the file as NumPy calls it, float32 or bfloat16, or,
// if they aren't read, as the format does, F8_E4M3.
func (a *Array) Type() string { return cmp.Or(string(a.head.Kind.Number), a.head.Kind.Name) }

// Bytes returns how many bytes the array has in the file.
func (a *Array) Bytes() int64 { return a.head.Bytes }

// Float32s fills dst, which must have as many elements as the array, with its elements in
// row-major order, rounded to float32.
func (a *Array) Float32s(dst []float32) error {
	name, kind := a.head.Name, a.head.Kind
	if n := a.Shape().Numel(); len(dst) != n {
		return fmt.Errorf("safetensors: %q has %d elements, %d were asked for", name, n, len(dst))
	}
	if kind.Number == "" {
		return fmt.Errorf("safetensors: %q: elements of type %s are not read", name, kind.Name)
	}
	if kind.Number == number.Float32 && number.LittleEndian {
		return a.readAt(number.Bytes(dst), 0)
	}
	return a.pieces(func(at, n int, b []byte) error {
		return number.Float32s(dst[at:][:n], b, kind.Number, binary.LittleEndian)
	})
}

// pieces reads the elements, and calls do with some of them at a time: n from number at on, whose bytes are b.
func (a *Array) pieces(do func(at, n int, b []byte) error) error {
	const most = 1 << 16
	all, size := a.Shape().Numel(), a.head.Kind.Size
	b := make([]byte, size*min(all, most))
	for at := 0; at < all; at += most {
		n := min(most, all-at)
		if err := a.readAt(b[:size*n], int64(size*at)); err != nil {
			return err
		}
		if err := do(at, n, b[:size*n]); err != nil {
			return fmt.Errorf("safetensors: %q: %w", a.head.Name, err)
		}
	}
	return nil
}

func (a *Array) readAt(b []byte, at int64) error {
	if n, err := a.file.r.ReadAt(b, a.head.At+at); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("safetensors: %q: %w", a.head.Name, err)
	}
	return nil
}

// dtypes are the types of tensors that hold all numbers of a type, but for the greatest of uint64.
var dtypes = map[number.Kind]tensor.DType{
	number.Float16: tensor.Float32, number.BFloat16: tensor.Float32, number.Float32: tensor.Float32, number.Float64: tensor.Float64,
	number.Int8: tensor.Int32, number.Int16: tensor.Int32, number.Uint16: tensor.Int32, number.Int32: tensor.Int32,
	number.Uint32: tensor.Int64, number.Uint64: tensor.Int64, number.Int64: tensor.Int64,
	number.Uint8: tensor.Uint8, number.Bool: tensor.Bool,
}

// Tensor returns the array as a tensor of its type or, where tensors have none, of one that holds it: float16 and bfloat16 become
// Float32, int8, int16 and uint16 Int32, uint32 and uint64 Int64. A uint64 that is greater than all of Int64 is an error.
func (a *Array) Tensor() (*tensor.Tensor, error) {
	kind := a.head.Kind
	dtype, ok := dtypes[kind.Number]
	if !ok {
		return nil, fmt.Errorf("safetensors: %q: elements of type %s are not read", a.head.Name, kind.Name)
	}
	t, err := tensor.Zeros(dtype, a.head.Shape...)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %q: %w", a.head.Name, err)
	}
	switch dtype {
	case tensor.Float64:
		err = fill(t, a, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	case tensor.Int32:
		err = fill(t, a, func(b []byte) int32 { return int32(number.Integer(b, kind.Number, binary.LittleEndian)) })
	case tensor.Int64:
		err = fill(t, a, func(b []byte) int64 { return number.Integer(b, kind.Number, binary.LittleEndian) })
	case tensor.Uint8:
		err = fill(t, a, func(b []byte) uint8 { return b[0] })
	case tensor.Bool:
		err = fill(t, a, func(b []byte) bool { return b[0] != 0 })
	default:
		var x []float32
		if x, err = tensor.Data[float32](t); err == nil {
			err = a.Float32s(x)
		}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// fill gives a tensor the elements of an array.
func fill[T tensor.Element](t *tensor.Tensor, a *Array, decode func(b []byte) T) error {
	x, err := tensor.Data[T](t)
	if err != nil {
		return err
	}
	kind := a.head.Kind
	return a.pieces(func(at, n int, b []byte) error {
		for i := range n {
			one := b[i*kind.Size:][:kind.Size]
			if kind.Number == number.Uint64 && number.Integer(one, kind.Number, binary.LittleEndian) < 0 {
				return fmt.Errorf("element %d is %d, beyond what an int64 holds: Float32s rounds it", at+i, binary.LittleEndian.Uint64(one))
			}
			x[at+i] = decode(one)
		}
		return nil
	})
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
	h := tensorfile.Header{Metadata: metadata}
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		t := arrays[name]
		if t == nil {
			return fmt.Errorf("%q: the tensor is nil", name)
		}
		if t.DType() == tensor.String {
			return fmt.Errorf("%q: the format has no texts", name)
		}
		h.Arrays = append(h.Arrays, tensorfile.Array{Name: name, Kind: tensorfile.KindFor(number.Kind(t.DType().String())), Shape: t.Shape()})
	}
	tensorfile.Sort(h.Arrays)
	head, err := h.Encode()
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, a := range h.Arrays {
		if err := arrays[a.Name].WriteElements(w); err != nil {
			return err
		}
	}
	return nil
}
