// Package hdf5 reads and writes those parts of the HDF5 format that networks are kept in.
// It reads what Keras, h5py and PyTables write, and groups and attributes in every form
// that libhdf5 has. It knows the filters deflate, shuffle and Fletcher's checksum; the
// error for a file with another filter names it. It follows the HDF5 File Format
// Specification, version 3.0,
// https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
//
// A file is untrusted: nothing that it says of its own size is believed, what it
// points to is read when it is asked for, and no other file is ever opened.
package hdf5

// This file opens a file: its superblock, and the budget of reading it.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// Limits bound what reading a file may take. A field of 0 means its default.
type Limits struct {
	Bytes   int64 // of one array, decoded; 0 is 4 GiB
	Objects int   // groups and arrays that a walk may meet, and links of one group; 0 is 1,000,000
	Depth   int   // of groups in groups, and of links to links; 0 is 128
	Rank    int   // of an array; 0 is 32, HDF5's own
}

func (l Limits) orDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 4 << 30
	}
	if l.Objects <= 0 {
		l.Objects = 1_000_000
	}
	if l.Depth <= 0 {
		l.Depth = 128
	}
	if l.Rank <= 0 {
		l.Rank = maxRank
	}
	return l
}

// ErrFormat says that a file is not HDF5.
var ErrFormat = errors.New("not an HDF5 file: its signature is missing")

// A File is an HDF5 file that is being read. It may be used from many goroutines
// if its reader may.
type File struct {
	r      io.ReaderAt
	size   int64
	limits Limits

	base       uint64 // the byte of the file that addresses count from
	sizeOffset int    // bytes of an address
	sizeLength int    // bytes of a length
	root       uint64 // the root group's object header
	extension  uint64 // the superblock's object header, undefined if it has none

	recent struct { // the group of each depth that was opened last: who looks for one object after the other passes the same ones
		sync.Mutex
		groups map[int]*Group
	}
	heap struct { // the collection of the global heap that was read last
		sync.Mutex
		at      uint64
		content []byte
	}
	shared struct { // the heaps of messages that objects share, read when one is asked for
		sync.Once
		indexes []sharedIndex
		err     error
	}
}

const signature = "\x89HDF\r\n\x1a\n"

// undefined is the address of what isn't there.
const undefined = math.MaxUint64

// Open reads the superblock of the file of size bytes that r reads.
func Open(r io.ReaderAt, size int64, limits Limits) (*File, error) {
	f := &File{r: r, size: size, limits: limits.orDefaults(), sizeOffset: 8, sizeLength: 8, extension: undefined}
	// The superblock is at 0, or behind a user's block of 512, 1024, 2048… bytes.
	for at := int64(0); at+int64(len(signature)) <= size; at = max(512, 2*at) {
		var magic [len(signature)]byte
		if _, err := r.ReadAt(magic[:], at); err != nil {
			return nil, fmt.Errorf("hdf5: %w", err)
		}
		if string(magic[:]) != signature {
			continue
		}
		if err := f.superblock(uint64(at)); err != nil {
			return nil, fmt.Errorf("hdf5: superblock: %w", err)
		}
		return f, nil
	}
	return nil, ErrFormat
}

func (f *File) superblock(at uint64) error {
	c, err := f.block(at, uint64(min(f.size-int64(at), 128)), "superblock")
	if err != nil {
		return err
	}
	c.skip(len(signature))
	switch version := c.u8(); version {
	case 0, 1:
		c.skip(4) // versions of the free space, the root entry and shared messages; a reserved byte
		f.sizeOffset, f.sizeLength = int(c.u8()), int(c.u8())
		if err := f.sizes(); err != nil {
			return err
		}
		c.skip(1 + 2 + 2 + 4) // reserved, the K of leaves and nodes, flags
		if version == 1 {
			c.skip(4) // the K of chunks
		}
		base := c.offset()
		c.offset() // free space
		c.offset() // end of file
		if c.offset() != undefined {
			return errors.New("the file is spread over several files by a driver, which is not read")
		}
		c.offset() // name of the root
		f.base, f.root = base, c.offset()
	case 2, 3:
		f.sizeOffset, f.sizeLength = int(c.u8()), int(c.u8())
		if err := f.sizes(); err != nil {
			return err
		}
		c.skip(1) // flags
		base := c.offset()
		extension := c.offset()
		c.offset() // end of file
		root := c.offset()
		if err := c.checksum(); err != nil {
			return err
		}
		f.base, f.root, f.extension = base, root, extension
	default:
		return fmt.Errorf("version %d is not known", version)
	}
	if c.err != nil {
		return c.err
	}
	if f.base != at && f.base != 0 || f.root == undefined {
		return fmt.Errorf("its addresses count from byte %d, its signature is at %d", f.base, at)
	}
	f.base = at // a user's block that was put before the file moves it
	return nil
}

func (f *File) sizes() error {
	for _, n := range []int{f.sizeOffset, f.sizeLength} {
		if n != 2 && n != 4 && n != 8 {
			return fmt.Errorf("addresses of %d and lengths of %d bytes are not known", f.sizeOffset, f.sizeLength)
		}
	}
	return nil
}

// Root returns the root group.
func (f *File) Root() (*Group, error) {
	o, err := f.object(f.root, "/")
	if err != nil {
		return nil, err
	}
	return o.group()
}

// block returns the n bytes at an address. what names them in errors.
func (f *File) block(at, n uint64, what string) (*cursor, error) {
	b, err := f.bytes(at, n, what)
	if err != nil {
		return nil, err
	}
	return &cursor{f: f, b: b, what: what, start: at}, nil
}

// bytes reads n bytes at an address.
func (f *File) bytes(at, n uint64, what string) ([]byte, error) {
	if err := f.inside(at, n, what); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if err := f.readAt(b, at, what); err != nil {
		return nil, err
	}
	return b, nil
}

// inside returns an error unless the file has n bytes at an address.
func (f *File) inside(at, n uint64, what string) error {
	size := uint64(f.size)
	if at == undefined || at > size-f.base || n > size-f.base-at {
		return fmt.Errorf("%s: %d bytes at %#x are beyond the end of the file, which has %d: it is cut off or damaged", what, n, at, f.size)
	}
	return nil
}

func (f *File) readAt(b []byte, at uint64, what string) error {
	if n, err := f.r.ReadAt(b, int64(f.base+at)); n < len(b) {
		return fmt.Errorf("%s: reading %d bytes at %#x: %w", what, len(b), at, err)
	}
	return nil
}

// expect returns an error unless the block begins with a signature of four letters.
func (c *cursor) expect(magic string) error {
	if got := c.bytes(4); c.err == nil && !bytes.Equal(got, []byte(magic)) {
		return fmt.Errorf("%s at %#x: damaged: it should begin with %q", c.what, c.start, magic)
	}
	return c.err
}
