package hdf5

// This file undoes the filters that chunks and blocks of heaps went through: deflate,
// shuffle and Fletcher's checksum.

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The filters that are read, by HDF5's numbers.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
)

var filterNames = map[int]string{4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd"}

type filter struct {
	id     int
	values []uint32
}

const maxFilters = 32

func readFilters(c *cursor) ([]filter, error) {
	version, n := c.u8(), int(c.u8())
	if version != 1 && version != 2 || n > maxFilters {
		return nil, fmt.Errorf("filters: damaged: %d of version %d", n, version)
	}
	if version == 1 {
		c.skip(6)
	}
	filters := make([]filter, n)
	for i := range filters {
		f := &filters[i]
		f.id = int(c.u16())
		name := 0
		if version == 1 || f.id >= 256 {
			name = int(c.u16())
		}
		c.skip(2) // flags
		count := int(c.u16())
		if version == 1 {
			name = (name + 7) / 8 * 8
		}
		c.skip(name)
		if 4*count > c.left() {
			return nil, fmt.Errorf("filters: damaged: one with %d values", count)
		}
		for range count {
			f.values = append(f.values, c.u32())
		}
		if version == 1 && count%2 == 1 {
			c.skip(4)
		}
	}
	return filters, c.err
}

// undo returns the n bytes of a chunk or a block that filters made b of. Bit i of mask says that filter i was not applied.
func undo(filters []filter, b []byte, mask uint32, n int) ([]byte, error) {
	// A filter's input was at most the chunk and a checksum of 4 bytes by each filter before it.
	most := n + 4*len(filters)
	for i := len(filters) - 1; i >= 0; i-- {
		if mask&(1<<i) != 0 {
			continue
		}
		var err error
		switch f := filters[i]; f.id {
		case filterDeflate:
			b, err = inflate(b, most)
		case filterShuffle:
			if len(f.values) != 1 || f.values[0] == 0 {
				return nil, errors.New("damaged: a shuffle without the size of elements")
			}
			b = unshuffle(b, int(f.values[0]))
		case filterFletcher32:
			b, err = checkFletcher32(b)
		default:
			name := filterNames[f.id]
			if name == "" {
				name = "unknown"
			}
			return nil, fmt.Errorf("it is compressed by filter %d (%s), which is not read: write it with gzip, or with no compression", f.id, name)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(b) != n {
		return nil, fmt.Errorf("damaged: it has %d bytes and should have %d", len(b), n)
	}
	return b, nil
}

func inflate(b []byte, most int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	// Deflate compresses 1032 bytes into one at best: the input bounds how much memory is needed.
	out := make([]byte, min(most, 1032*len(b))+1)
	n, err := io.ReadFull(r, out)
	if err == nil {
		return nil, fmt.Errorf("damaged: it has more than %d bytes", most)
	}
	if err != io.EOF && err != io.ErrUnexpectedEOF || n < len(out) && !ended(r) {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return out[:n], nil
}

// ended reports whether r is at its end and not cut off.
func ended(r io.Reader) bool {
	_, err := r.Read(make([]byte, 1))
	return err == io.EOF
}

// unshuffle brings the bytes of each element together again. Shuffled, the first bytes of
// all elements come first, then all second ones, and so on; bytes after the last whole
// element stay where they are.
func unshuffle(b []byte, size int) []byte {
	n := len(b) / size
	if size == 1 || n <= 1 {
		return b
	}
	out := make([]byte, len(b))
	for j := range size {
		for i, x := range b[j*n:][:n] {
			out[i*size+j] = x
		}
	}
	copy(out[n*size:], b[n*size:])
	return out
}

// checkFletcher32 checks the checksum in the last 4 bytes of b, and returns the bytes before
// it. (HDF5 takes the words that it adds as big-endian.)
func checkFletcher32(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errors.New("damaged: it is shorter than its checksum")
	}
	data := b[:len(b)-4]
	want, got := fletcher32(data), binary.LittleEndian.Uint32(b[len(b)-4:])
	if want != got {
		return nil, fmt.Errorf("damaged: its checksum is %08x and should be %08x", got, want)
	}
	return data, nil
}

func fletcher32(b []byte) uint32 {
	var sum1, sum2 uint32
	fold := func() {
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	for len(b) >= 2 {
		n := min(len(b)/2, 360) // so many words can be added without overflow
		for i := range n {
			sum1 += uint32(binary.BigEndian.Uint16(b[2*i:]))
			sum2 += sum1
		}
		fold()
		b = b[2*n:]
	}
	if len(b) == 1 {
		sum1 += uint32(b[0]) << 8
		sum2 += sum1
		fold()
	}
	fold()
	return sum2<<16 | sum1
}
