package tensor

// This file reads and writes NumPy's .npy format, versions 1 to 3:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
// A reader believes nothing that a file says of its own size.

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
)

// DefaultBudget is how many bytes of elements a reader accepts if it is not
// told otherwise: 1 GiB.
const DefaultBudget = 1 << 30

// What a header may be at most: 10,000 bytes and 64 dimensions, as in NumPy.
const (
	maxHeader = 10_000
	maxRank   = 64
)

const npyMagic = "\x93NUMPY"

var descrs = [...]string{
	Float32: "<f4",
	Float64: "<f8",
	Uint8:   "|u1",
	Int32:   "<i4",
	Int64:   "<i8",
	Bool:    "|b1",
}

// A narrow type is one that tensors don't have: its elements become those of another, which holds them all.
type narrow struct {
	dtype DType
	read  func(r io.Reader, shape Shape, most int) (*Tensor, error)
}

var narrows = map[string]narrow{
	"<f2": {Float32, widened(2, func(b []byte) float32 { return number.FromFloat16(binary.LittleEndian.Uint16(b)) })},
	"<V2": {Float32, widened(2, func(b []byte) float32 { return number.FromBFloat16(binary.LittleEndian.Uint16(b)) })}, // bfloat16: NumPy's own V2 has no order
	"|i1": {Int32, widened(1, func(b []byte) int32 { return int32(int8(b[0])) })},
	"<i2": {Int32, widened(2, func(b []byte) int32 { return int32(int16(binary.LittleEndian.Uint16(b))) })},
	"<u2": {Int32, widened(2, func(b []byte) int32 { return int32(binary.LittleEndian.Uint16(b)) })},
	"<u4": {Int64, widened(4, func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) })},
}

// widened returns what reads elements of size bytes.
func widened[T float32 | int32 | int64](size int, decode func([]byte) T) func(io.Reader, Shape, int) (*Tensor, error) {
	return func(r io.Reader, shape Shape, most int) (*Tensor, error) {
		return elements(r, shape, most, size, decode)
	}
}

// ReadNpy reads one .npy array and nothing after it. An array whose elements take
// more than budget bytes is an error (0 means DefaultBudget), and all that is
// allocated for them stays within it. Fortran's order is turned into C's, which
// takes as much again. Little memory is taken for elements that never come, unless
// the array is nearly all of the budget. What tensors have no type for becomes the next
// one that holds it: float16 and bfloat16 Float32, int8, int16 and uint16 Int32, uint32 Int64.
func ReadNpy(r io.Reader, budget int64) (*Tensor, error) {
	if config.IsNil(r) {
		return nil, errors.New("npy: there is no reader")
	}
	if budget == 0 {
		budget = DefaultBudget
	}
	t, _, err := readNpy(file.Steady(r), budget)
	if err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	return t, nil
}

// readNpy also returns how many bytes it has allocated for elements and kept.
func readNpy(r io.Reader, budget int64) (t *Tensor, taken int64, err error) {
	text, err := readHeader(r)
	if err != nil {
		return nil, 0, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, 0, fmt.Errorf("header %s: %w", excerpt(text), err)
	}
	if err := concrete(h.shape); err != nil {
		return nil, 0, err
	}
	n, size := h.shape.Numel(), int64(h.dtype.Size())
	switch {
	case int64(n) > budget/size:
		return nil, 0, fmt.Errorf("an array of shape %v and type %v is over the budget of %d bytes", h.shape, h.dtype, budget)
	case h.fortran && int64(n) > budget/size/2:
		return nil, 0, fmt.Errorf("an array of shape %v and type %v in Fortran's order takes twice its size, which is over the budget of %d bytes", h.shape, h.dtype, budget)
	}
	stored := h.shape
	if h.fortran {
		stored, budget = reverse(h.shape), budget/2
	}
	read := h.read
	if read == nil {
		read = func(r io.Reader, shape Shape, most int) (*Tensor, error) {
			return readElements(r, h.dtype, shape, most)
		}
	}
	if t, err = read(r, stored, int(min(budget/size, math.MaxInt))); err != nil {
		return nil, 0, err
	}
	if h.fortran {
		t = t.transposed()
	}
	return t, int64(n) * size, nil
}

// readHeader reads up to the elements and returns the header's dictionary.
func readHeader(r io.Reader) (string, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return "", truncated(err)
	}
	if string(start[:6]) != npyMagic {
		return "", errors.New("not an .npy file: its magic string is missing")
	}
	width := 4
	switch start[6] {
	case 1:
		width = 2
	case 2, 3:
	default:
		return "", fmt.Errorf("version %d.%d of the format is not known", start[6], start[7])
	}
	var size [4]byte
	if _, err := io.ReadFull(r, size[:width]); err != nil {
		return "", truncated(err)
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxHeader {
		return "", fmt.Errorf("a header of %d bytes is too long", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", truncated(err)
	}
	return string(text), nil
}

func truncated(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file ends too soon")
	}
	return err
}

type npyHeader struct {
	narrow
	fortran bool
	shape   Shape
}

// parseHeader reads a dictionary as Python prints it, of the three keys that
// the format has, in any order:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
func parseHeader(text string) (npyHeader, error) {
	var h npyHeader
	p := &literal{rest: text}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.text()
		p.expect(":")
		if p.err == nil && seen[key] {
			return h, fmt.Errorf("the key %q stands twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if strings.HasPrefix(p.peek(), "[") {
				return h, errors.New("records are not read, only arrays of one type")
			}
			descr := p.text()
			found := false
			for d, known := range descrs {
				if descr == known || known[0] == '|' && descr == "<"+known[1:] {
					h.dtype, found = DType(d), true
				}
			}
			if narrow, ok := narrows[descr]; ok {
				h.narrow, found = narrow, true
			}
			if p.err == nil && !found {
				return h, fmt.Errorf("the element type %q is not one of %s", descr, strings.Join(append(descrs[:], slices.Sorted(maps.Keys(narrows))...), ", "))
			}
		case "fortran_order":
			h.fortran = p.accept("True")
			if !h.fortran {
				p.expect("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			if p.err == nil {
				return h, fmt.Errorf("the key %q is not known", key)
			}
		}
		if !p.accept(",") && p.err == nil {
			p.expect("}")
			break
		}
	}
	if p.err == nil && p.peek() != "" {
		p.fail("the end")
	}
	if p.err == nil && len(seen) != 3 {
		p.err = errors.New("the keys descr, fortran_order and shape must all be there")
	}
	return h, p.err
}

// literal is what is left to read of a Python literal. After an error it reads
// nothing.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("expected %s at %s", want, excerpt(p.rest))
	}
}

func (p *literal) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	return p.rest
}

func (p *literal) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.peek(), token)
	if ok && p.err == nil {
		p.rest = rest
		return true
	}
	return false
}

func (p *literal) expect(token string) {
	if !p.accept(token) {
		p.fail(token)
	}
}

// text reads a quoted string. None that is legal needs an escape.
func (p *literal) text() string {
	quote := "'"
	if !p.accept(quote) {
		quote = `"`
		p.expect(quote)
	}
	s, rest, ok := strings.Cut(p.rest, quote)
	if !ok {
		p.fail("the end of a string")
	}
	if p.err != nil {
		return ""
	}
	p.rest = rest
	return s
}

// tuple reads (), (3,), (3, 4) and so on; Python 2 wrote 3L.
func (p *literal) tuple() Shape {
	shape := Shape{}
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		p.peek()
		end := strings.IndexFunc(p.rest, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 {
			p.fail("a dimension")
			break
		}
		d, err := strconv.Atoi(p.rest[:end])
		if err != nil || len(shape) == maxRank {
			p.err = fmt.Errorf("the shape %s is out of range", excerpt(p.rest))
			break
		}
		p.rest = p.rest[end:]
		p.accept("L")
		shape = append(shape, d)
		if !p.accept(",") {
			p.expect(")")
			break
		}
	}
	return shape
}

// excerpt quotes the beginning of a text.
func excerpt(s string) string {
	s = strings.TrimRight(s, " \n")
	if len(s) > 80 {
		return fmt.Sprintf("%.80q…", s)
	}
	return strconv.Quote(s)
}

func readElements(r io.Reader, dtype DType, shape Shape, most int) (*Tensor, error) {
	switch dtype {
	case Float32:
		return elements(r, shape, most, dtype.Size(), func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
	case Float64:
		return elements(r, shape, most, dtype.Size(), func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	case Uint8:
		return elements(r, shape, most, dtype.Size(), func(b []byte) uint8 { return b[0] })
	case Int32:
		return elements(r, shape, most, dtype.Size(), func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
	case Int64:
		return elements(r, shape, most, dtype.Size(), func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	default:
		return elements(r, shape, most, dtype.Size(), func(b []byte) bool { return b[0] != 0 })
	}
}

// elements reads a tensor chunk by chunk: its memory grows with what has come, and
// all that is allocated are most elements. In the file each has size bytes.
func elements[T float32 | float64 | uint8 | int32 | int64 | bool](r io.Reader, shape Shape, most, size int, decode func([]byte) T) (*Tensor, error) {
	const chunk = 1 << 16 // bytes
	n := shape.Numel()
	data := []T{}
	buffer := make([]byte, min(n*size, chunk))
	for len(data) < n {
		if len(data) == cap(data) {
			data = mem.Grow(data, n, most)
		}
		b := buffer[:min((cap(data)-len(data))*size, len(buffer))]
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, truncated(err)
		}
		for i := 0; i < len(b); i += size {
			data = append(data, decode(b[i:]))
		}
	}
	return wrap(data, shape)
}

// transposed returns a copy with the order of the axes reversed.
func (t *Tensor) transposed() *Tensor {
	out := &Tensor{t.dtype, reverse(t.shape), alloc(t.dtype, t.Numel())}
	switch d := out.data.(type) {
	case []float32:
		transpose(d, t.data.([]float32), t.shape)
	case []float64:
		transpose(d, t.data.([]float64), t.shape)
	case []uint8:
		transpose(d, t.data.([]uint8), t.shape)
	case []int32:
		transpose(d, t.data.([]int32), t.shape)
	case []int64:
		transpose(d, t.data.([]int64), t.shape)
	case []bool:
		transpose(d, t.data.([]bool), t.shape)
	}
	return out
}

func transpose[T Element](dst, src []T, from Shape) {
	index := make([]int, len(from)) // of src, the last axis fastest
	steps := make([]int, len(from)) // in dst, where the first axis is fastest
	step := 1
	for i, d := range from {
		steps[i] = step
		step *= d
	}
	at := 0
	for _, v := range src {
		dst[at] = v
		for i := len(from) - 1; i >= 0; i-- {
			index[i]++
			at += steps[i]
			if index[i] < from[i] {
				break
			}
			at -= from[i] * steps[i]
			index[i] = 0
		}
	}
}

func reverse(s Shape) Shape {
	out := make(Shape, len(s))
	for i, d := range s {
		out[len(s)-1-i] = d
	}
	return out
}

// WriteNpy writes a tensor as .npy, byte for byte as NumPy does.
func WriteNpy(w io.Writer, t *Tensor) error {
	if w == nil {
		return errors.New("npy: there is nothing to write to: the writer is nil")
	}
	if t == nil {
		return errors.New("npy: nil tensor")
	}
	if t.dtype == String {
		return errors.New("npy: texts are not written, numbers are")
	}
	if len(t.shape) > maxRank {
		return fmt.Errorf("npy: %d dimensions are more than NumPy's %d", len(t.shape), maxRank)
	}
	_, err := w.Write(header(t))
	if err == nil {
		err = t.WriteElements(w)
	}
	if err != nil {
		return fmt.Errorf("npy: %w", err)
	}
	return nil
}

// WriteElements writes the elements alone, in row-major order, little-endian, a boolean as
// a byte. Texts are an error.
func (t *Tensor) WriteElements(w io.Writer) error {
	if config.IsNil(w) {
		return errors.New("tensor: there is nothing to write to: the writer is nil")
	}
	if t.dtype == String {
		return errors.New("tensor: texts are not written, numbers are")
	}
	if data, ok := t.data.([]float32); ok {
		return number.Write(w, data)
	}
	b := bufio.NewWriterSize(w, 1<<16)
	var word [8]byte
	switch data := t.data.(type) {
	case []float64:
		for _, v := range data {
			b.Write(binary.LittleEndian.AppendUint64(word[:0], math.Float64bits(v)))
		}
	case []uint8:
		b.Write(data)
	case []int32:
		for _, v := range data {
			b.Write(binary.LittleEndian.AppendUint32(word[:0], uint32(v)))
		}
	case []int64:
		for _, v := range data {
			b.Write(binary.LittleEndian.AppendUint64(word[:0], uint64(v)))
		}
	case []bool:
		for _, v := range data {
			var bit byte
			if v {
				bit = 1
			}
			b.WriteByte(bit)
		}
	}
	return b.Flush() // a bufio.Writer keeps its first error
}

// header returns all that stands before the elements. NumPy leaves room for the
// first dimension to grow to 21 digits, and ends on a multiple of 64 bytes.
func header(t *Tensor) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %v, }", descrs[t.dtype], t.shape)
	if len(t.shape) > 0 {
		text += strings.Repeat(" ", 21-len(strconv.Itoa(t.shape[0])))
	}
	const before = len(npyMagic) + 2 + 2 // the version and the header's length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n"
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
