package hdf5

// This file reads heaps: the global heap, which holds elements of variable length, and
// fractal heaps, which hold the links and attributes of objects that have many, and messages
// that several objects share. Fractal heaps may be compressed.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// globalObject returns object index of the collection at an address.
func (f *File) globalObject(at uint64, index uint32) ([]byte, error) {
	const what = "global heap"
	c, err := f.collection(at)
	if err != nil {
		return nil, err
	}
	for c.left() >= 8+f.sizeLength {
		i := uint32(c.u16())
		c.skip(6)
		n := c.length()
		if i == 0 || n > uint64(c.left()) { // free space
			break
		}
		if i == index {
			return c.bytes(int(n)), nil
		}
		c.skip(min(int(n+7)/8*8, c.left()))
	}
	return nil, fmt.Errorf("%s at %#x: damaged: it has no object %d", what, at, index)
}

// collection returns a cursor at the objects of a collection of the global heap. It keeps
// the bytes of the last collection, since texts that were written together are in one.
func (f *File) collection(at uint64) (*cursor, error) {
	const what = "global heap"
	f.heap.Lock()
	defer f.heap.Unlock()
	head := 8 + f.sizeLength
	if f.heap.content == nil || f.heap.at != at {
		c, err := f.block(at, uint64(head), what)
		if err != nil {
			return nil, err
		}
		if err := c.expect("GCOL"); err != nil {
			return nil, err
		}
		c.skip(4)
		b, err := f.bytes(at, max(c.length(), uint64(head)), what)
		if err != nil {
			return nil, err
		}
		f.heap.at, f.heap.content = at, b
	}
	return &cursor{f: f, b: f.heap.content, at: head, what: what, start: at}, nil
}

// A fractalHeap is a heap whose blocks are found by arithmetic. They form a table whose rows
// have width blocks each; blocks double in size from row to row, from the third row on.
type fractalHeap struct {
	f          *File
	at         uint64
	idSize     int
	checksums  bool   // of direct blocks
	huge       uint64 // the B-tree of huge objects
	width      int
	start, max uint64 // the sizes of direct blocks
	bits       int    // of an offset in the heap
	root       uint64
	rows       int // of the root, 0 if it is a direct block
	lengthSize int // bytes of an object's length

	filters  []filter // of direct blocks and of huge objects
	rootSize uint64   // the bytes that a filtered root takes in the file
	rootMask uint32
	unpacked map[packed][]byte // direct blocks and huge objects that were read, without the filters; nil if there are no filters
	budget   int64             // how many more bytes may be unpacked
}

// A packed is the place of a block or an object that filters were applied to.
type packed struct {
	at, size uint64 // in the file
	mask     uint32 // of the filters that were not applied
	n        uint64 // bytes without the filters
}

func (f *File) fractalHeap(at uint64) (*fractalHeap, error) {
	const what = "fractal heap"
	o, l := f.sizeOffset, f.sizeLength
	c, err := f.block(at, 4+1+2+2, what)
	if err != nil {
		return nil, err
	}
	if err := c.expect("FRHP"); err != nil {
		return nil, err
	}
	version := c.u8()
	h := &fractalHeap{f: f, at: at, idSize: int(c.u16()), budget: f.limits.Bytes}
	filters := int(c.u16()) // bytes of their message
	size, head := 4+1+2+2+1+4+l+o+l+o+8*l+2+l+l+2+2+o+2+4, c.at
	if filters > 0 {
		size += l + 4 + filters
	}
	if c, err = f.block(at, uint64(size), what); err != nil {
		return nil, err
	}
	c.skip(head)
	h.checksums = c.u8()&2 != 0
	most := c.u32() // of a managed object
	c.length()      // the next huge object's number
	h.huge = c.offset()
	c.length() // free space
	c.offset() // its manager
	c.skip(8 * l)
	h.width = int(c.u16())
	h.start, h.max = c.length(), c.length()
	h.bits = int(c.u16())
	c.skip(2) // rows to start with
	h.root = c.offset()
	h.rows = int(c.u16())
	var pipeline *cursor
	if filters > 0 {
		h.rootSize, h.rootMask = c.length(), c.u32()
		pipeline = &cursor{f: f, start: at + uint64(c.at), b: c.bytes(filters), what: what}
	}
	if err := c.checksum(); err != nil {
		return nil, err
	}
	if pipeline != nil {
		if h.filters, err = readFilters(pipeline); err != nil {
			return nil, fmt.Errorf("%s at %#x: %w", what, at, err)
		}
		h.unpacked = map[packed][]byte{}
	}
	if version != 0 || h.width == 0 || h.start == 0 || h.start&(h.start-1) != 0 || h.max&(h.max-1) != 0 || h.max < h.start ||
		h.max > 1<<32 || h.bits > 64 || h.bits == 0 || h.width&(h.width-1) != 0 || h.rows > 64 {
		return nil, fmt.Errorf("%s at %#x: damaged: version %d, rows of %d blocks of %d to %d bytes, %d bits", what, at, version, h.width, h.start, h.max, h.bits)
	}
	h.lengthSize = min(encodedSize(h.max), encodedSize(uint64(most)))
	return h, nil
}

func (h *fractalHeap) damaged(format string, args ...any) error {
	return fmt.Errorf("fractal heap at %#x: damaged: %s", h.at, fmt.Sprintf(format, args...))
}

// object returns the object that an ID names.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := &cursor{f: h.f, b: id, what: "fractal heap's ID", start: h.at}
	head := c.u8()
	switch head >> 4 & 3 {
	case 0: // managed
		offset := c.uint((h.bits + 7) / 8)
		n := c.uint(h.lengthSize)
		if c.err != nil {
			return nil, c.err
		}
		return h.managed(offset, n)
	case 1: // huge
		return h.hugeObject(c)
	case 2: // tiny: in the ID itself
		n := int(head&15) + 1
		if h.idSize > 17 {
			n = int(head&15)<<8 + int(c.u8()) + 1
		}
		return c.bytes(n), c.err
	}
	return nil, h.damaged("an ID of kind %d", head>>4&3)
}

// hugePlace reads the place of a huge object.
func (h *fractalHeap) hugePlace(c *cursor) packed {
	p := packed{at: c.offset(), size: c.length()}
	if h.filtered() {
		p.mask, p.n = c.u32(), c.length()
	}
	return p
}

func (h *fractalHeap) hugeObject(c *cursor) ([]byte, error) {
	const what = "huge object"
	read := func(p packed) ([]byte, error) {
		if h.filtered() {
			return h.unpack(p, what)
		}
		return h.f.bytes(p.at, p.size, what)
	}
	kind, place := uint8(1), h.f.sizeOffset+h.f.sizeLength
	if h.filtered() {
		kind, place = 2, place+4+h.f.sizeLength
	}
	if c.left() >= place { // the ID says where it is
		return read(h.hugePlace(c))
	}
	key := c.uint(min(c.left(), h.f.sizeLength))
	if h.huge == undefined {
		return nil, h.damaged("it has no huge objects")
	}
	var found []byte
	stop := errors.New("found")
	err := h.f.walkTree2(h.huge, []uint8{kind}, func(r *cursor, _ int) error {
		p := h.hugePlace(r)
		if r.length() != key {
			return nil
		}
		var err error
		if found, err = read(p); err != nil {
			return err
		}
		return stop
	})
	if err == stop {
		return found, nil
	}
	if err == nil {
		err = h.damaged("it has no huge object %d", key)
	}
	return nil, err
}

func (h *fractalHeap) filtered() bool { return h.unpacked != nil }

// unpack undoes the filters of a direct block or a huge object. It keeps the result, since a
// block holds many objects.
func (h *fractalHeap) unpack(p packed, what string) ([]byte, error) {
	if b, ok := h.unpacked[p]; ok {
		return b, nil
	}
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("fractal heap at %#x: %s at %#x: %w", h.at, what, p.at, err)
	}
	if p.n > uint64(h.budget) {
		return fail(fmt.Errorf("its %d bytes are over the budget of %d bytes for a heap", p.n, h.f.limits.Bytes))
	}
	b, err := h.f.bytes(p.at, p.size, what)
	if err != nil {
		return nil, err
	}
	if b, err = undo(h.filters, b, p.mask, int(p.n)); err != nil {
		return fail(err)
	}
	h.budget -= int64(p.n)
	h.unpacked[p] = b
	return b, nil
}

// unpackBlock undoes the filters of a direct block, which were applied to its head too, and
// checks its checksum.
func (h *fractalHeap) unpackBlock(p packed) ([]byte, error) {
	const what = "direct block"
	_, seen := h.unpacked[p]
	b, err := h.unpack(p, what)
	if err != nil || seen {
		return b, err
	}
	c := &cursor{f: h.f, b: b, what: what, start: p.at}
	if err := c.expect("FHDB"); err != nil {
		return nil, err
	}
	c.skip(1 + h.f.sizeOffset + (h.bits+7)/8)
	if !h.checksums {
		return b, c.err
	}
	field := c.bytes(4)
	if c.err != nil {
		return nil, c.err
	}
	want := binary.LittleEndian.Uint32(field)
	clear(field) // the checksum was computed with zeros in its own place
	if got := lookup3(b); got != want {
		return nil, h.damaged("the checksum of the direct block at %#x is %08x and should be %08x", p.at, want, got)
	}
	return b, nil
}

// rowSize is the size of a block in a row.
func (h *fractalHeap) rowSize(row int) uint64 {
	if row == 0 {
		return h.start
	}
	return h.start << (row - 1)
}

// directRows is how many rows hold direct blocks.
func (h *fractalHeap) directRows() int { return bits.Len64(h.max) - bits.Len64(h.start) + 2 }

// managed returns n bytes at an offset of the heap's address space.
func (h *fractalHeap) managed(offset, n uint64) ([]byte, error) {
	block, rows, from := h.root, h.rows, uint64(0) // where the block begins in the address space
	stored, mask := h.rootSize, h.rootMask
	size := h.start // of a direct block
	for rows > 0 {
		at, table, err := h.indirect(block, rows)
		if err != nil {
			return nil, err
		}
		// Find the block that has the offset.
		row, in := 0, offset-from
		for ; row < rows; row++ {
			if span := h.rowSize(row) * uint64(h.width); in >= span {
				in -= span
				from += span
				continue
			}
			break
		}
		if row == rows {
			return nil, h.damaged("an offset of %d", offset)
		}
		size = h.rowSize(row)
		column := in / size
		from += column * size
		table.at = at + h.tableSize(row, int(column))
		block = table.offset()
		if h.filtered() && row < h.directRows() {
			stored, mask = table.length(), table.u32()
		}
		if table.err != nil {
			return nil, table.err
		}
		if row < h.directRows() {
			rows = 0
		} else {
			below := bits.Len64(size) - bits.Len64(h.start*uint64(h.width)) + 1
			if below <= 0 || below >= rows {
				return nil, h.damaged("a block of %d bytes in a table of %d rows", size, rows)
			}
			rows = below
		}
	}
	in := offset - from
	if in > size || n > size-in {
		return nil, h.damaged("%d bytes at %d of a block of %d", n, in, size)
	}
	if h.filtered() {
		b, err := h.unpackBlock(packed{block, stored, mask, size})
		if err != nil {
			return nil, err
		}
		return b[in:][:n:n], nil
	}
	head, err := h.f.block(block, 5, "direct block")
	if err != nil {
		return nil, err
	}
	if err := head.expect("FHDB"); err != nil {
		return nil, err
	}
	return h.f.bytes(block+in, n, "object in a fractal heap")
}

// tableSize is how many bytes an indirect block's table takes before a row and column.
func (h *fractalHeap) tableSize(row, column int) int {
	n := row*h.width + column
	size := n * h.f.sizeOffset
	if h.filtered() { // the sizes and masks of direct blocks
		size += min(n, h.directRows()*h.width) * (h.f.sizeLength + 4)
	}
	return size
}

// indirect reads an indirect block and returns where its table begins.
func (h *fractalHeap) indirect(block uint64, rows int) (int, *cursor, error) {
	const what = "indirect block"
	head := 5 + h.f.sizeOffset + (h.bits+7)/8
	c, err := h.f.block(block, uint64(head+h.tableSize(rows, 0)+4), what)
	if err != nil {
		return 0, nil, err
	}
	if err := c.expect("FHIB"); err != nil {
		return 0, nil, err
	}
	end := &cursor{f: h.f, b: c.b, at: len(c.b) - 4, what: what, start: block}
	if err := end.checksum(); err != nil {
		return 0, nil, err
	}
	return head, c, nil
}
