// Package tensorfile reads and writes the headers of files in the format of safetensors
// (https://github.com/huggingface/safetensors): eight bytes with the length of the header, the header (JSON with the names,
// types, shapes and places of the arrays), and the arrays one after the other.
//
// Files are untrusted: one that breaks a rule of the format is an error.
package tensorfile

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

	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/strictjson"
)

// A Header says what is in a file.
type Header struct {
	Metadata map[string]string // texts by name, nil if there are none
	Arrays   []Array           // in the order of their bytes
}

// An Array is one of a file.
type Array struct {
	Name  string
	Kind  Kind
	Shape []int

	At, Bytes int64 // in the file
}

// A Kind is a type of elements. Number is "" if Cornu has no such type.
type Kind struct {
	Name   string // in files
	Size   int    // bytes
	Number number.Kind
}

// kinds are in the order in which arrays are written, the reverse of the reference's: arrays of larger elements first, so
// that all are aligned.
var kinds = []Kind{
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

// KindOf returns the kind of a name, the zero Kind if there is none.
func KindOf(name string) Kind {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}
	}
	return kinds[i]
}

// KindFor returns the kind that has numbers of a type, the zero Kind if there is none.
func KindFor(n number.Kind) Kind {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Number == n })
	if i < 0 {
		return Kind{}
	}
	return kinds[i]
}

const metadataName = "__metadata__"

// Sort brings arrays into the order in which they are aligned: those of larger elements first, then by their names.
func Sort(arrays []Array) {
	place := func(a Array) int { return slices.Index(kinds, a.Kind) }
	slices.SortFunc(arrays, func(a, b Array) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name)) })
}

// Encode returns the bytes of a file before the arrays, and sets At and Bytes of each array: they follow one another without
// gaps. The same header gives the same bytes.
func (h *Header) Encode() ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8, 64<<10))
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	put := func(v any) { e.Encode(v); b.Truncate(b.Len() - 1) } // no error: v is a text or a map of texts
	b.WriteByte('{')
	if h.Metadata != nil {
		for _, name := range slices.Sorted(maps.Keys(h.Metadata)) {
			v := h.Metadata[name]
			if err := text(name); err != nil {
				return nil, err
			}
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("%q is no text of UTF-8", v)
			}
		}
		put(metadataName)
		b.WriteByte(':')
		put(h.Metadata)
	}
	at := int64(0)
	for i := range h.Arrays {
		a := &h.Arrays[i]
		if a.Kind.Size == 0 {
			return nil, fmt.Errorf("%q: the format has no elements of its type", a.Name)
		}
		if a.Name == metadataName {
			return nil, fmt.Errorf("%q can't be the name of an array", a.Name)
		}
		if err := text(a.Name); err != nil {
			return nil, err
		}
		n, err := size(a.Shape, a.Kind)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", a.Name, err)
		}
		a.At, a.Bytes = at, n
		at += n
		if i > 0 || h.Metadata != nil {
			b.WriteByte(',')
		}
		put(a.Name)
		dimensions := make([]string, len(a.Shape))
		for k, d := range a.Shape {
			dimensions[k] = strconv.Itoa(d)
		}
		fmt.Fprintf(b, `:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, a.Kind.Name, strings.Join(dimensions, ","), a.At, at)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	head := b.Bytes()
	binary.LittleEndian.PutUint64(head, uint64(len(head)-8))
	for i := range h.Arrays {
		h.Arrays[i].At += int64(len(head))
	}
	return head, nil
}

// text returns an error unless s is UTF-8, as JSON must be.
func text(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return fmt.Errorf("%q is no text of UTF-8", s)
	}
	return nil
}

// size returns how many bytes an array has. The product of its dimensions, without those that are 0, times 8 must fit an int;
// else it is an error.
func size(shape []int, k Kind) (int64, error) {
	n, none := int64(1), false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("there is no shape %v", shape)
		case d == 0:
			none = true
		case n > math.MaxInt/8/int64(d):
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		default:
			n *= int64(d)
		}
	}
	if none {
		return 0, nil
	}
	return n * int64(k.Size), nil
}

// Read reads the header of a file of size bytes, and nothing of the arrays. The header may have at most most bytes, an array at
// most rank dimensions.
func Read(r io.ReaderAt, size, most int64, rank int) (*Header, error) {
	var head [8]byte
	if size < int64(len(head)) {
		return nil, fmt.Errorf("the file has %d bytes, which is too short", size)
	}
	if _, err := r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > uint64(size-8) {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: it is cut off, damaged or no safetensors file", n, size)
	}
	if n > uint64(most) {
		return nil, fmt.Errorf("a header of %d bytes is over the budget of %d", n, most)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.HasPrefix(text, []byte("{")) {
		return nil, errors.New("the header doesn't begin with {: it is damaged or no safetensors file")
	}
	h, err := parse(text, rank)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	// The arrays fill the rest of the file, without gaps and without overlaps.
	at := 8 + int64(n)
	for i := range h.Arrays {
		a := &h.Arrays[i]
		if a.At != at-8-int64(n) {
			return nil, fmt.Errorf("header: %q begins at byte %d of the arrays, the one before it ends at %d: there may be no gaps and no overlaps", a.Name, a.At, at-8-int64(n))
		}
		if a.Bytes > size-at {
			return nil, fmt.Errorf("the file has %d bytes, header and arrays have more: %q ends %d bytes behind it", size, a.Name, a.Bytes-(size-at))
		}
		a.At = at
		at += a.Bytes
	}
	if at != size {
		return nil, fmt.Errorf("the file has %d bytes, header and arrays have %d", size, at)
	}
	return h, nil
}

// parse reads the JSON of a header. At counts from the end of the header.
func parse(text []byte, rank int) (*Header, error) {
	// An object of objects of lists: three levels.
	v, err := strictjson.Parse(text, 3, math.MaxInt, func(n json.Number) (any, error) { return n, nil })
	if err != nil {
		return nil, err
	}
	h := &Header{}
	all := v.(map[string]any) // it begins with {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		entry, ok := all[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%q is no object", name)
		}
		if name == metadataName {
			h.Metadata, err = metadata(entry)
		} else {
			var a Array
			a, err = array(name, entry, rank)
			h.Arrays = append(h.Arrays, a)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	slices.SortStableFunc(h.Arrays, func(a, b Array) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Bytes, b.Bytes)) })
	return h, nil
}

func metadata(entry map[string]any) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(entry)) {
		text, ok := entry[name].(string)
		if !ok {
			return nil, fmt.Errorf("%q is no text", name)
		}
		out[name] = text
	}
	return out, nil
}

// array reads the entry of an array.
func array(name string, entry map[string]any, rank int) (Array, error) {
	a := Array{Name: name, Shape: []int{}}
	for _, key := range slices.Sorted(maps.Keys(entry)) {
		if key != "dtype" && key != "shape" && key != "data_offsets" {
			return a, fmt.Errorf("the entry %q is not known", key)
		}
	}
	kind, _ := entry["dtype"].(string)
	if a.Kind = KindOf(kind); a.Kind.Size == 0 {
		return a, fmt.Errorf("the type %v is not known", entry["dtype"])
	}
	dimensions, ok := entry["shape"].([]any)
	if !ok {
		return a, fmt.Errorf("the shape %v is no list", entry["shape"])
	}
	if len(dimensions) > rank {
		return a, fmt.Errorf("%d dimensions are over the budget of %d", len(dimensions), rank)
	}
	for _, x := range dimensions {
		d, err := count(x)
		if err != nil || d > math.MaxInt {
			return a, fmt.Errorf("shape: %v is no dimension", x)
		}
		a.Shape = append(a.Shape, int(d))
	}
	want, err := size(a.Shape, a.Kind)
	if err != nil {
		return a, err
	}
	offsets, ok := entry["data_offsets"].([]any)
	if !ok || len(offsets) != 2 {
		return a, fmt.Errorf("data_offsets are %v, the first byte and the one after the last were expected", entry["data_offsets"])
	}
	if a.At, err = count(offsets[0]); err != nil {
		return a, err
	}
	last, err := count(offsets[1])
	if err != nil {
		return a, err
	}
	if last < a.At {
		return a, fmt.Errorf("data_offsets are %d and %d", a.At, last)
	}
	if a.Bytes = last - a.At; a.Bytes != want {
		return a, fmt.Errorf("it has %d bytes, shape %v of %s has %d", a.Bytes, a.Shape, a.Kind.Name, want)
	}
	return a, nil
}

// count returns an integer that is not negative and written as one: 3, neither 3.0 nor 3e0.
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
