// Package checkpoint keeps the states of trainings in files.
package checkpoint

// This file writes and reads one state. The format is that of safetensors, so that what is in a file can be looked at
// with any tool: eight bytes with the length of the header, the header (JSON), the arrays one after the other. The last
// array is the checksum of all that is before it. See docs/adr/0013-checkpoints.md.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// A Type is that of an array's elements, with safetensors' name.
type Type string

// The types.
const (
	Float32 Type = "F32"
	Float64 Type = "F64"
	Int64   Type = "I64"
	Byte    Type = "U8"
)

// size returns the bytes of an element, 0 if the type is none.
func (t Type) size() int {
	switch t {
	case Float32:
		return 4
	case Float64, Int64:
		return 8
	case Byte:
		return 1
	}
	return 0
}

// An Array is a part of a state: its elements, little-endian.
type Array struct {
	Name  string
	Type  Type
	Shape []int
	Data  []byte
}

// A Content is what is in a file: text and arrays. Arrays of larger elements come first, so that all lie at multiples of
// their elements' sizes.
type Content struct {
	State  string // what else there is to say, as JSON
	Arrays []Array

	byName map[string]int // which array it is, nil before Find is called
}

// Find returns the array of that name, of that type. What is found is among the arrays that were there when it was first called.
func (c *Content) Find(name string, t Type) (Array, error) {
	if c.byName == nil {
		c.byName = make(map[string]int, len(c.Arrays))
		for i, a := range c.Arrays {
			c.byName[a.Name] = i
		}
	}
	i, ok := c.byName[name]
	if !ok {
		return Array{}, fmt.Errorf("there is no array %q", name)
	}
	if a := c.Arrays[i]; a.Type != t {
		return a, fmt.Errorf("the array %q is of type %s, not %s", name, a.Type, t)
	}
	return c.Arrays[i], nil
}

const (
	format  = "cornu checkpoint"
	version = "1"

	metadataName = "__metadata__"
	checksumName = "crc32c"
	maxHeader    = 64 << 20
	maxRank      = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type metadata struct {
	Format  string `json:"format"`
	Version string `json:"version"`
	State   string `json:"state"`
}

type entry struct {
	Type    Type     `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// Write writes a content. The same content gives the same bytes.
func Write(w io.Writer, c *Content) error {
	header, err := c.header()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10) // it keeps the first error, and Flush returns it
	out.Write(header)
	sum := crc32.Checksum(header, castagnoli)
	for _, a := range c.Arrays {
		out.Write(a.Data)
		sum = crc32.Update(sum, castagnoli, a.Data)
	}
	out.Write(binary.LittleEndian.AppendUint32(nil, sum))
	return out.Flush()
}

// header returns all that is before the arrays.
func (c *Content) header() ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	put := func(name string, value any) {
		n, _ := json.Marshal(name)
		v, _ := json.Marshal(value)
		b.Write(n)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('{')
	put(metadataName, metadata{format, version, c.State})
	at := uint64(0)
	for _, a := range append(slices.Clip(c.Arrays), Array{Name: checksumName, Type: Byte, Shape: []int{4}, Data: make([]byte, 4)}) {
		if n, err := elements(a.Shape); err != nil || n*uint64(a.Type.size()) != uint64(len(a.Data)) {
			return nil, fmt.Errorf("the array %q of shape %v and type %s has %d bytes", a.Name, a.Shape, a.Type, len(a.Data))
		}
		end := at + uint64(len(a.Data))
		b.WriteByte(',')
		put(a.Name, entry{a.Type, append([]int{}, a.Shape...), []uint64{at, end}})
		at = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	if len(header) > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than %d", len(header), maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// elements returns how many elements a shape has.
func elements(shape []int) (uint64, error) {
	n := uint64(1)
	for _, d := range shape {
		if d < 0 || d != 0 && n > math.MaxInt64/8/uint64(d) {
			return 0, fmt.Errorf("there is no shape %v", shape)
		}
		n *= uint64(d)
	}
	return n, nil
}

// What a file that is whole may be refused for.
var (
	errVersion = errors.New("it was written by another version of Cornu")
	errLimit   = errors.New("it is too large")
)

// Parse reads a content, whose arrays are parts of b. It is an error, and nothing else happens, if b is not, byte by
// byte, what Write has written.
func Parse(b []byte) (*Content, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("it has %d bytes: it is cut off", len(b))
	}
	last := len(b) - 4
	if crc32.Checksum(b[:last], castagnoli) != binary.LittleEndian.Uint32(b[last:]) {
		return nil, errors.New("its checksum is not that of its bytes: it is damaged or cut off")
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return nil, fmt.Errorf("its header would have %d bytes", n)
	}
	c, err := parse(b[8:8+n], b[8+n:])
	if err != nil && !errors.Is(err, errVersion) {
		err = fmt.Errorf("its header: %w", err)
	}
	return c, err
}

// parse reads the header.
func parse(header, data []byte) (*Content, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	c := &Content{}
	seen := map[string]bool{}
	at, summed := uint64(0), false
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if seen[name] {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		first := len(seen) == 0
		seen[name] = true
		if first != (name == metadataName) || summed {
			return nil, fmt.Errorf("%q is not in its place", name)
		}
		if first {
			var m metadata
			if err := d.Decode(&m); err != nil {
				return nil, err
			}
			if m.Format != format {
				return nil, fmt.Errorf("its format is %q, not %q", m.Format, format)
			}
			if m.Version != version {
				return nil, fmt.Errorf("%w: its format is version %q, this program's is %s", errVersion, m.Version, version)
			}
			c.State = m.State
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, err
		}
		size, err := elements(e.Shape)
		switch {
		case err != nil:
			return nil, fmt.Errorf("array %q: %w", name, err)
		case e.Type.size() == 0 || len(e.Shape) > maxRank:
			return nil, fmt.Errorf("array %q: its type is %q and its rank %d", name, e.Type, len(e.Shape))
		case len(e.Offsets) != 2 || e.Offsets[0] != at || e.Offsets[1] < at || e.Offsets[1] > uint64(len(data)) || e.Offsets[1]-at != size*uint64(e.Type.size()):
			return nil, fmt.Errorf("array %q of shape %v lies at %v of %d bytes, and the one before it ends at %d", name, e.Shape, e.Offsets, len(data), at)
		}
		a := Array{name, e.Type, e.Shape, data[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]}
		at = e.Offsets[1]
		if summed = name == checksumName; !summed {
			c.Arrays = append(c.Arrays, a)
		} else if a.Type != Byte || len(a.Data) != 4 {
			return nil, errors.New("its checksum is none")
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if rest := bytes.TrimRight(header[d.InputOffset():], " "); len(rest) > 0 || at != uint64(len(data)) || !summed {
		return nil, errors.New("something is missing, or something else follows")
	}
	return c, nil
}
