// Package checkpoint keeps the state of a training in files, so that it can go on after the program was ended: format.go
// writes and reads one file and its checksum, folder.go keeps the newest files of a training.
package checkpoint

// This file writes and reads one state. The format is that of safetensors, so that many tools can show what is in a file:
// eight bytes with the length of the header, the header (JSON), the arrays one after the other. The last array is the
// checksum (CRC-32C) of all bytes before it. See docs/adr/0013-checkpoints.md.

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cornu-ml/cornu/internal/tensorfile"
)

// A Type is the type of an array's elements, by its name in safetensors files.
type Type string

// The types.
const (
	Float32 Type = "F32"
	Float64 Type = "F64"
	Int64   Type = "I64"
	Byte    Type = "U8"
)

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
	State  string // all that is not an array, as JSON
	Arrays []Array

	byName map[string]int // indices of Arrays, nil before Find is called
}

// Find returns the array of that name, which must be of type t. It doesn't find arrays that were added after its first call.
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

	checksumName = "crc32c"
	maxHeader    = 64 << 20
	maxRank      = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

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

// header returns all bytes of the file before the arrays.
func (c *Content) header() ([]byte, error) {
	h := tensorfile.Header{Metadata: map[string]string{"format": format, "version": version, "state": c.State}}
	for _, a := range append(slices.Clip(c.Arrays), Array{Name: checksumName, Type: Byte, Shape: []int{4}, Data: make([]byte, 4)}) {
		h.Arrays = append(h.Arrays, tensorfile.Array{Name: a.Name, Kind: tensorfile.KindOf(string(a.Type)), Shape: a.Shape})
	}
	header, err := h.Encode()
	if err != nil {
		return nil, err
	}
	for i, a := range c.Arrays {
		if int64(len(a.Data)) != h.Arrays[i].Bytes {
			return nil, fmt.Errorf("the array %q of shape %v and type %s has %d bytes", a.Name, a.Shape, a.Type, len(a.Data))
		}
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than %d", len(header), maxHeader)
	}
	return header, nil
}

// Why an undamaged file may be refused.
var (
	errVersion = errors.New("it was written by another version of Cornu")
	errLimit   = errors.New("it is too large")
)

// Parse reads a content from the bytes of a file. Its arrays are parts of b. It is an error if the checksum shows that b is
// not what Write has written.
func Parse(b []byte) (*Content, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("it has %d bytes: it is cut off", len(b))
	}
	last := len(b) - 4
	if crc32.Checksum(b[:last], castagnoli) != binary.LittleEndian.Uint32(b[last:]) {
		return nil, errors.New("its checksum is not that of its bytes: it is damaged or cut off")
	}
	h, err := tensorfile.Read(bytes.NewReader(b), int64(len(b)), maxHeader, maxRank)
	if err != nil {
		return nil, err
	}
	end := len(h.Arrays) - 1
	switch {
	case h.Metadata["format"] != format:
		return nil, fmt.Errorf("its format is %q, not %q", h.Metadata["format"], format)
	case h.Metadata["version"] != version:
		return nil, fmt.Errorf("%w: its format is version %q, this program's is %s", errVersion, h.Metadata["version"], version)
	case end < 0 || h.Arrays[end].Name != checksumName || h.Arrays[end].Bytes != 4:
		return nil, errors.New("its last array is not its checksum")
	}
	c := &Content{State: h.Metadata["state"]}
	for _, a := range h.Arrays[:end] {
		to := a.At + a.Bytes
		c.Arrays = append(c.Arrays, Array{a.Name, Type(a.Kind.Name), a.Shape, b[a.At:to:to]})
	}
	return c, nil
}
