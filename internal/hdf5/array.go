package hdf5

// This file reads two of HDF5's indexes of chunks, fixed arrays and extensible arrays. They hold the places of chunks in
// the order of the chunks' numbers.

import (
	"fmt"
	"math/bits"
)

// elements reads the places of n chunks from c, the first of which has number first, and
// calls visit for those with numbers below count. Where there are filters, a place has the
// chunk's size and filter mask too.
func (c *cursor) elements(first, n, count, size int, filtered bool, visit func(int, chunkPlace) error) error {
	for i := range n {
		p := chunkPlace{at: c.offset()}
		if filtered {
			p.size, p.mask = c.uint(size-c.f.sizeOffset-4), c.u32()
		}
		if c.err != nil {
			return c.err
		}
		if first+i >= count {
			continue
		}
		if err := visit(first+i, p); err != nil {
			return err
		}
	}
	return nil
}

// checkElement returns an error unless the place of a chunk can take size bytes. client is 1
// where there are filters, else 0.
func (f *File) checkElement(what string, size int, client uint8) error {
	if client == 0 && size == f.sizeOffset || client == 1 && size > f.sizeOffset+4 && size <= f.sizeOffset+12 {
		return nil
	}
	return fmt.Errorf("%s: damaged: elements of kind %d and %d bytes", what, client, size)
}

// isSet reports whether bit i of a bit map is set, the high bits first.
func isSet(b []byte, i int) bool { return b[i/8]&(0x80>>(i%8)) != 0 }

// fixedArray visits the chunks numbered below count.
func (f *File) fixedArray(at uint64, count int, visit func(int, chunkPlace) error) error {
	const what = "fixed array"
	c, err := f.block(at, uint64(8+f.sizeLength+f.sizeOffset+4), what)
	if err != nil {
		return err
	}
	if err := c.expect("FAHD"); err != nil {
		return err
	}
	c.skip(1)
	client, size, pageBits := c.u8(), int(c.u8()), c.u8()
	n, block := c.length(), c.offset()
	if err := c.checksum(); err != nil {
		return err
	}
	if err := f.checkElement(what, size, client); err != nil {
		return err
	}
	if n > uint64(f.size) || pageBits > 32 {
		return fmt.Errorf("%s: damaged: %d elements in pages of 2^%d", what, n, pageBits)
	}
	if block == undefined {
		return nil
	}
	page := uint64(1) << pageBits
	head := uint64(6 + f.sizeOffset)
	if n <= page {
		c, err := f.block(block, head+n*uint64(size)+4, what)
		if err != nil {
			return err
		}
		return c.page(head, "FADB", 0, int(n), count, size, client == 1, visit)
	}
	pages := (n + page - 1) / page
	head += (pages + 7) / 8
	if c, err = f.block(block, head+4, what); err != nil {
		return err
	}
	if err := c.expect("FADB"); err != nil {
		return err
	}
	c.skip(2 + f.sizeOffset)
	used := c.bytes(int(pages+7) / 8)
	if err := c.checksum(); err != nil {
		return err
	}
	for i := range pages {
		if !isSet(used, int(i)) {
			continue
		}
		in := min(page, n-i*page)
		c, err := f.block(block+head+4+i*(page*uint64(size)+4), in*uint64(size)+4, what)
		if err != nil {
			return err
		}
		if err := c.page(0, "", int(i*page), int(in), count, size, client == 1, visit); err != nil {
			return err
		}
	}
	return nil
}

// page visits n elements that begin at byte head of a block or page, whose last 4 bytes are
// its checksum. A block begins with the signature magic; a page has none.
func (c *cursor) page(head uint64, magic string, first, n, count, size int, filtered bool, visit func(int, chunkPlace) error) error {
	if magic != "" {
		if err := c.expect(magic); err != nil {
			return err
		}
	}
	end := &cursor{f: c.f, b: c.b, at: len(c.b) - 4, what: c.what, start: c.start}
	if err := end.checksum(); err != nil {
		return err
	}
	c.at = int(head)
	return c.elements(first, n, count, size, filtered, visit)
}

// An extensibleArray has its first elements in an index block, the next in data blocks
// that the index block points to, and the rest in data blocks of super blocks. Super
// block u has 2^(u/2) data blocks of 2^((u+1)/2) times the least size.
type extensibleArray struct {
	f        *File
	size     int // of an element
	filtered bool
	least    int // elements of the smallest data block
	page     int // elements of a page
	prefix   int // bytes before the content of a data or super block
	count    int
	visit    func(int, chunkPlace) error
}

func (f *File) extensibleArray(at uint64, count int, visit func(int, chunkPlace) error) error {
	const what = "extensible array"
	c, err := f.block(at, uint64(12+6*f.sizeLength+f.sizeOffset+4), what)
	if err != nil {
		return err
	}
	if err := c.expect("EAHD"); err != nil {
		return err
	}
	c.skip(1)
	client, size := c.u8(), int(c.u8())
	maxBits, inIndex, least, pointers, pageBits := int(c.u8()), int(c.u8()), int(c.u8()), int(c.u8()), int(c.u8())
	c.skip(6 * f.sizeLength)
	index := c.offset()
	if err := c.checksum(); err != nil {
		return err
	}
	if err := f.checkElement(what, size, client); err != nil {
		return err
	}
	power := func(n int) bool { return n > 0 && n&(n-1) == 0 }
	if maxBits > 64 || !power(least) || !power(pointers) || pointers < 2 || pageBits > 32 || bits.Len(uint(least)) > maxBits {
		return fmt.Errorf("%s: damaged: %d bits, blocks of %d elements, %d pointers, pages of 2^%d", what, maxBits, least, pointers, pageBits)
	}
	if index == undefined {
		return nil
	}
	a := &extensibleArray{
		f: f, size: size, filtered: client == 1, least: least, page: 1 << pageBits,
		prefix: 6 + f.sizeOffset + (maxBits+7)/8, count: count, visit: visit,
	}
	direct := 2 * (pointers - 1)                                 // data blocks of the index block
	supers := 2 * (bits.Len(uint(pointers)) - 1)                 // the super blocks whose data blocks these are
	beyond := 1 + maxBits - (bits.Len(uint(least)) - 1) - supers // super blocks
	if beyond < 0 {
		return fmt.Errorf("%s: damaged: %d bits, %d pointers", what, maxBits, pointers)
	}
	head := 6 + f.sizeOffset
	if c, err = f.block(index, uint64(head+inIndex*size+(direct+beyond)*f.sizeOffset+4), what); err != nil {
		return err
	}
	if err := c.page(uint64(head), "EAIB", 0, inIndex, count, size, a.filtered, visit); err != nil {
		return err
	}
	first := inIndex
	for u := 0; u < supers+beyond && first < count; u++ {
		n, each := 1<<(u/2), least<<((u+1)/2)
		if u >= supers {
			if err := a.superBlock(c.offset(), first, n, each); err != nil {
				return err
			}
			first += n * each
			continue
		}
		for range n {
			if err := a.dataBlock(c.offset(), first, each, nil); err != nil {
				return err
			}
			first += each
		}
	}
	return c.err
}

func (a *extensibleArray) superBlock(at uint64, first, n, each int) error {
	const what = "super block"
	if at == undefined {
		return nil
	}
	// One bit says whether a page is there. The bits of the data blocks follow one another without gaps, though the
	// bit map is as long as if each data block's bits began at a new byte.
	pages := each / a.page
	if pages <= 1 {
		pages = 0
	}
	bitmap := n * ((pages + 7) / 8)
	c, err := a.f.block(at, uint64(a.prefix+bitmap+n*a.f.sizeOffset+4), what)
	if err != nil {
		return err
	}
	if err := c.page(uint64(a.prefix), "EASB", 0, 0, 0, 0, false, nil); err != nil {
		return err
	}
	used := c.bytes(bitmap)
	for i := 0; i < n && first < a.count; i++ {
		if err := a.dataBlock(c.offset(), first, each, func(page int) bool { return isSet(used, i*pages+page) }); err != nil {
			return err
		}
		first += each
	}
	return c.err
}

// dataBlock visits the n elements of a data block. If they are in pages, used says which
// pages are there.
func (a *extensibleArray) dataBlock(at uint64, first, n int, used func(page int) bool) error {
	const what = "data block"
	if at == undefined || first >= a.count {
		return nil
	}
	if n <= a.page {
		c, err := a.f.block(at, uint64(a.prefix+n*a.size+4), what)
		if err != nil {
			return err
		}
		return c.page(uint64(a.prefix), "EADB", first, n, a.count, a.size, a.filtered, a.visit)
	}
	at += uint64(a.prefix + 4)
	for i := 0; i < n/a.page && first < a.count; i++ {
		if used == nil || used(i) {
			c, err := a.f.block(at, uint64(a.page*a.size+4), what)
			if err != nil {
				return err
			}
			if err := c.page(0, "", first, a.page, a.count, a.size, a.filtered, a.visit); err != nil {
				return err
			}
		}
		at += uint64(a.page*a.size + 4)
		first += a.page
	}
	return nil
}
