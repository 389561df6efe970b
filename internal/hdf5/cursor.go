package hdf5

// This file reads fields from a block of a file, all of them little-endian.

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A cursor reads the fields of a block one after another. Past the end of the block fields
// are 0, and err is set.
type cursor struct {
	f     *File
	b     []byte
	at    int
	what  string
	start uint64 // where the block is in the file
	err   error
}

// bytes returns the next n bytes, nil if there are fewer.
func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b)-c.at {
		if c.err == nil {
			c.err = fmt.Errorf("%s at %#x: damaged: it ends after %d bytes, in the middle of a field", c.what, c.start, len(c.b))
		}
		c.at = len(c.b)
		return nil
	}
	b := c.b[c.at : c.at+n : c.at+n]
	c.at += n
	return b
}

func (c *cursor) skip(n int) { c.bytes(n) }

func (c *cursor) left() int { return len(c.b) - c.at }

// uint reads an integer of up to 8 bytes.
func (c *cursor) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], c.bytes(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u8() uint8   { return uint8(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }

// offset reads an address. An address with all bits set is undefined.
func (c *cursor) offset() uint64 {
	n := c.f.sizeOffset
	if v := c.uint(n); v != 1<<(8*n-1)<<1-1 {
		return v
	}
	return undefined
}

func (c *cursor) length() uint64 { return c.uint(c.f.sizeLength) }

// size reads the length, in n bytes, of something that is to be held in memory: at most 2^40.
func (c *cursor) size(n int) int {
	v := c.uint(n)
	if v > 1<<40 {
		if c.err == nil {
			c.err = fmt.Errorf("%s at %#x: damaged: a size of %d", c.what, c.start, v)
		}
		return 0
	}
	return int(v)
}

// text reads a text that a zero byte ends.
func (c *cursor) text() string {
	for i, x := range c.b[c.at:] {
		if x == 0 {
			s := string(c.b[c.at : c.at+i])
			c.at += i + 1
			return s
		}
	}
	c.bytes(c.left() + 1)
	return ""
}

// checksum returns an error unless the next 4 bytes are the checksum of those before.
func (c *cursor) checksum() error {
	sum := lookup3(c.b[:c.at])
	if got := c.u32(); c.err == nil && got != sum {
		return fmt.Errorf("%s at %#x: damaged: its checksum is %08x and should be %08x", c.what, c.start, got, sum)
	}
	return c.err
}

// lookup3 is Bob Jenkins's hashlittle (2006) with an initial value of 0, HDF5's checksum of metadata.
func lookup3(k []byte) uint32 {
	a := 0xdeadbeef + uint32(len(k))
	b, c := a, a
	for ; len(k) > 12; k = k[12:] {
		a += binary.LittleEndian.Uint32(k)
		b += binary.LittleEndian.Uint32(k[4:])
		c += binary.LittleEndian.Uint32(k[8:])
		rot := bits.RotateLeft32
		a = (a - c) ^ rot(c, 4)
		c += b
		b = (b - a) ^ rot(a, 6)
		a += c
		c = (c - b) ^ rot(b, 8)
		b += a
		a = (a - c) ^ rot(c, 16)
		c += b
		b = (b - a) ^ rot(a, 19)
		a += c
		c = (c - b) ^ rot(b, 4)
		b += a
	}
	if len(k) == 0 {
		return c
	}
	var tail [12]byte
	copy(tail[:], k)
	a += binary.LittleEndian.Uint32(tail[:])
	b += binary.LittleEndian.Uint32(tail[4:])
	c += binary.LittleEndian.Uint32(tail[8:])
	rot := func(x uint32, n int) uint32 { return bits.RotateLeft32(x, n) }
	c = (c ^ b) - rot(b, 14)
	a = (a ^ c) - rot(c, 11)
	b = (b ^ a) - rot(a, 25)
	c = (c ^ b) - rot(b, 16)
	a = (a ^ c) - rot(c, 4)
	b = (b ^ a) - rot(a, 14)
	c = (c ^ b) - rot(b, 24)
	return c
}
