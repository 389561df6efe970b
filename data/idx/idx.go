// Package idx reads IDX files, the format of the MNIST data set and of those that
// followed it (Fashion-MNIST, EMNIST, KMNIST).
//
// An IDX file is, all numbers big-endian: two zero bytes; a byte that names the
// element type; a byte with the number of dimensions; the dimensions, 32 bits
// each; the elements, the last dimension fastest.
package idx

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/tensor"
)

// Read reads one IDX file from r, to its end, and decompresses it if it is a gzip
// file. The tensor has the file's element type, except that signed integers of 8
// and 16 bits become Int32.
//
// A tensor of more than budget bytes is an error (0 means tensor.DefaultBudget),
// and all that is allocated for its elements stays within it. Little memory is
// taken for elements that never come, unless the tensor is nearly all of the
// budget.
func Read(r io.Reader, budget int64) (*tensor.Tensor, error) {
	if config.IsNil(r) {
		return nil, errors.New("idx: there is no reader")
	}
	t, err := read(file.Steady(r), budget)
	if err != nil {
		return nil, fmt.Errorf("idx: %w", err)
	}
	return t, nil
}

func read(r io.Reader, budget int64) (*tensor.Tensor, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1F && magic[1] == 0x8B {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	kind, shape, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	if budget == 0 {
		budget = tensor.DefaultBudget
	}
	n := shape.Numel()
	most := budget / int64(kind.dtype.Size())
	if int64(n) > most {
		return nil, fmt.Errorf("shape %v of %v is over the budget of %d bytes", shape, kind.dtype, budget)
	}
	t, err := kind.read(in, shape, int(min(most, math.MaxInt)))
	if err != nil {
		return nil, fmt.Errorf("elements of shape %v: %w", shape, unexpected(err))
	}
	switch _, err := in.ReadByte(); err {
	case io.EOF:
		return t, nil
	case nil:
		return nil, fmt.Errorf("data follow the elements of shape %v", shape)
	default:
		return nil, err
	}
}

// A kind is an element type of the format.
type kind struct {
	dtype tensor.DType
	read  func(r io.Reader, shape tensor.Shape, most int) (*tensor.Tensor, error)
}

// kinds are the element types by their byte in the header.
var kinds = map[byte]kind{
	0x08: {tensor.Uint8, elements(1, func(b []byte) uint8 { return b[0] })},
	0x09: {tensor.Int32, elements(1, func(b []byte) int32 { return int32(int8(b[0])) })},
	0x0B: {tensor.Int32, elements(2, func(b []byte) int32 { return int32(int16(binary.BigEndian.Uint16(b))) })},
	0x0C: {tensor.Int32, elements(4, func(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) })},
	0x0D: {tensor.Float32, elements(4, func(b []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b)) })},
	0x0E: {tensor.Float64, elements(8, func(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) })},
}

func readHeader(r io.Reader) (kind, tensor.Shape, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return kind{}, nil, fmt.Errorf("header: %w", unexpected(err))
	}
	k, ok := kinds[magic[2]]
	if magic[0] != 0 || magic[1] != 0 || !ok {
		return kind{}, nil, fmt.Errorf("not an IDX file: it begins with % x", magic)
	}
	if magic[3] == 0 {
		return kind{}, nil, errors.New("the file has no dimensions")
	}
	shape := make(tensor.Shape, magic[3])
	for i := range shape {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return kind{}, nil, fmt.Errorf("dimension %d of %d: %w", i, len(shape), unexpected(err))
		}
		d := binary.BigEndian.Uint32(b[:])
		if d > math.MaxInt32 {
			return kind{}, nil, fmt.Errorf("dimension %d of %d is %d, too large", i, len(shape), d)
		}
		shape[i] = int(d)
	}
	return k, shape, shape.Check()
}

// elements returns a function that reads elements of size bytes each. Memory grows
// with the elements read, and all that is allocated are most elements.
func elements[T uint8 | int32 | float32 | float64](size int, decode func([]byte) T) func(io.Reader, tensor.Shape, int) (*tensor.Tensor, error) {
	return func(r io.Reader, shape tensor.Shape, most int) (*tensor.Tensor, error) {
		n := shape.Numel()
		chunk := make([]byte, min(n, 8<<10)*size)
		var data []T
		for len(data) < n {
			if len(data) == cap(data) {
				data = mem.Grow(data, n, most)
			}
			count := min(len(chunk)/size, cap(data)-len(data))
			if _, err := io.ReadFull(r, chunk[:count*size]); err != nil {
				return nil, err
			}
			data = data[:len(data)+count]
			for i, x := 0, data[len(data)-count:]; i < count; i++ {
				x[i] = decode(chunk[i*size:])
			}
		}
		return tensor.Of(data, shape...)
	}
}

// unexpected makes an end of the file within it an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
