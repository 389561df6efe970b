package hdf5

// This file finds the bytes of an array: in its header, in one piece, or in chunks.

import (
	"errors"
	"fmt"
	"math/bits"
)

// The ways an array is stored.
const (
	compact    = 0
	contiguous = 1
	chunked    = 2
	virtual    = 3
)

// The kinds of index that chunks are found by.
const (
	indexTree1      = 0 // a version 1 B-tree, in layouts before version 4
	indexSingle     = 1 // there is one chunk
	indexImplicit   = 2 // one after the other
	indexFixed      = 3 // a fixed array
	indexExtensible = 4 // an extensible array
	indexTree2      = 5 // a version 2 B-tree
)

type layout struct {
	class uint8
	at    uint64 // of the bytes, or of the index of the chunks
	data  []byte // the bytes, if the layout is compact

	chunk        []int
	index        uint8
	single       chunkPlace // the chunk of indexSingle
	wholeEdges   bool       // no filters were applied to chunks that extend beyond the array
	chunkInBytes int
}

// A chunkPlace is where a chunk is stored.
type chunkPlace struct {
	at   uint64
	size uint64 // bytes in the file; 0 is as many as in memory
	mask uint32
}

func (d *Dataset) readLayout(c *cursor) error {
	l := &d.layout
	version := c.u8()
	switch version {
	case 1, 2:
		rank := int(c.u8())
		l.class = c.u8()
		c.skip(5)
		if l.class != compact {
			l.at = c.offset()
		}
		if l.class == chunked {
			return d.readChunk(c, rank, 4)
		}
		c.skip(4 * rank)
		if l.class == compact {
			l.data = c.bytes(c.size(4))
		}
	case 3, 4, 5:
		l.class = c.u8()
		switch l.class {
		case compact:
			l.data = c.bytes(int(c.u16()))
		case contiguous:
			l.at = c.offset()
			c.length()
		case chunked:
			if version == 3 {
				rank := int(c.u8())
				l.at = c.offset()
				return d.readChunk(c, rank, 4)
			}
			flags, rank, size := c.u8(), int(c.u8()), int(c.u8())
			if size < 1 || size > 8 {
				return fmt.Errorf("layout: damaged: dimensions of %d bytes", size)
			}
			if err := d.readChunk(c, rank, size); err != nil {
				return err
			}
			l.wholeEdges = flags&1 != 0
			l.index = c.u8()
			switch l.index {
			case indexSingle:
				if flags&2 != 0 {
					l.single = chunkPlace{size: c.length(), mask: c.u32()}
				}
			case indexImplicit:
			case indexFixed:
				c.skip(1)
			case indexExtensible:
				c.skip(5)
			case indexTree2:
				c.skip(6)
			default:
				return fmt.Errorf("layout: chunks are found by way %d, which is not known", l.index)
			}
			l.at = c.offset()
		}
	default:
		return fmt.Errorf("layout: version %d is not known", version)
	}
	switch l.class {
	case virtual:
		return errors.New("it is a virtual array, whose parts are in other files, which are not opened")
	case compact:
		if c.err == nil && len(l.data) != d.bytes() {
			return fmt.Errorf("layout: damaged: %d bytes for %v elements of %d", len(l.data), d.shape, d.typ.Size)
		}
	case contiguous, chunked:
		if len(d.filters) > 0 && l.class == contiguous {
			return errors.New("layout: damaged: filters without chunks")
		}
	default:
		return fmt.Errorf("layout: class %d is not known", l.class)
	}
	return c.err
}

// readChunk reads the rank dimensions of a chunk, size bytes each. The last of them is the
// size of an element.
func (d *Dataset) readChunk(c *cursor, rank, size int) error {
	if rank != len(d.shape)+1 {
		return fmt.Errorf("layout: damaged: chunks of %d dimensions of an array of %d", rank-1, len(d.shape))
	}
	total := uint64(d.typ.Size)
	for range d.shape {
		n := c.uint(size)
		if n == 0 || n > 1<<40 || total > 1<<40/n {
			return fmt.Errorf("layout: damaged: chunks of %v × %d elements", d.layout.chunk, n)
		}
		total *= n
		d.layout.chunk = append(d.layout.chunk, int(n))
	}
	if total > uint64(d.f.limits.Bytes) {
		return fmt.Errorf("layout: chunks of %v are over the budget of %d bytes: see Limits.Bytes", d.layout.chunk, d.f.limits.Bytes)
	}
	d.layout.chunkInBytes = int(total)
	if n := c.uint(size); c.err == nil && n != uint64(d.typ.Size) {
		return fmt.Errorf("layout: damaged: elements of %d and of %d bytes", n, d.typ.Size)
	}
	return c.err
}

// present returns an error if the file is too short to hold the array's bytes. It is called
// before memory is allocated for them.
func (d *Dataset) present() error {
	if d.layout.class == contiguous && d.layout.at != undefined && d.bytes() > 0 {
		if err := d.f.inside(d.layout.at, uint64(d.bytes()), "elements"); err != nil {
			return fmt.Errorf("hdf5: %s: %w", d.path, err)
		}
	}
	return nil
}

// read fills b with all elements.
func (l *layout) read(d *Dataset, b []byte) error {
	switch {
	case len(b) == 0:
		return nil
	case l.class == compact:
		copy(b, l.data)
		return nil
	case l.at == undefined:
		d.fillIn(b)
		return nil
	case l.class == contiguous:
		if err := d.f.inside(l.at, uint64(len(b)), "elements"); err != nil {
			return err
		}
		return d.f.readAt(b, l.at, "elements")
	}
	d.fillIn(b)
	left := 1 // the number of chunks that the array has: a longer index has some of them twice
	for i, n := range d.shape {
		left *= (n + l.chunk[i] - 1) / l.chunk[i]
	}
	return l.chunks(d, func(origin []int, p chunkPlace) error {
		if left--; left < 0 {
			return errors.New("damaged: it has more chunks than have room in it")
		}
		return d.readPlace(b, origin, p)
	})
}

func (d *Dataset) fillIn(b []byte) {
	if d.fill == nil {
		clear(b)
		return
	}
	for i := 0; i < len(b); i += len(d.fill) {
		copy(b[i:], d.fill)
	}
}

// readPlace reads the chunk whose first element is at origin, and copies the part of it that
// is inside the array to b.
func (d *Dataset) readPlace(b []byte, origin []int, p chunkPlace) error {
	l := &d.layout
	edge := false
	for i, o := range origin {
		if o < 0 || o >= d.shape[i] || o%l.chunk[i] != 0 {
			return fmt.Errorf("damaged: a chunk at %v of %v", origin, d.shape)
		}
		edge = edge || o > d.shape[i]-l.chunk[i]
	}
	size := p.size
	if size == 0 {
		size = uint64(l.chunkInBytes)
	}
	data, err := d.f.bytes(p.at, size, "chunk")
	if err != nil {
		return err
	}
	filters := d.filters
	if edge && l.wholeEdges {
		filters = nil
	}
	if data, err = undo(filters, data, p.mask, l.chunkInBytes); err != nil {
		return fmt.Errorf("chunk at %v: %w", origin, err)
	}
	d.copyChunk(b, data, origin, 0)
	return nil
}

// copyChunk copies a chunk along dimension axis and those after it, as far as it is inside
// the array.
func (d *Dataset) copyChunk(b, chunk []byte, origin []int, axis int) {
	n := min(d.layout.chunk[axis], d.shape[axis]-origin[axis])
	to, from := d.typ.Size, d.typ.Size
	for i := axis + 1; i < len(d.shape); i++ {
		to *= d.shape[i]
		from *= d.layout.chunk[i]
	}
	b = b[origin[axis]*to:]
	if axis == len(d.shape)-1 {
		copy(b[:n*to], chunk)
		return
	}
	for i := range n {
		d.copyChunk(b[i*to:], chunk[i*from:], origin, axis+1)
	}
}

// chunks calls visit for every chunk that is stored.
func (l *layout) chunks(d *Dataset, visit func(origin []int, p chunkPlace) error) error {
	f, rank := d.f, len(d.shape)
	origin := make([]int, rank)
	// place sets origin to the position that c has, in units of elements or of chunks.
	place := func(c *cursor, unit func(i int) uint64) error {
		for i := range origin {
			n, step := c.uint(8), unit(i)
			if n > uint64(d.shape[i])/step {
				return fmt.Errorf("damaged: a chunk beyond the array's %v", d.shape)
			}
			origin[i] = int(n * step)
		}
		return c.err
	}
	ones := func(int) uint64 { return 1 }
	sizes := func(i int) uint64 { return uint64(l.chunk[i]) }
	switch l.index {
	case indexTree1:
		return f.walkTree(l.at, 1, 8+8*(rank+1), func(key *cursor, at uint64) error {
			p := chunkPlace{at: at, size: uint64(key.u32()), mask: key.u32()}
			if err := place(key, ones); err != nil {
				return err
			}
			return visit(origin, p)
		})
	case indexTree2:
		return f.walkTree2(l.at, []uint8{10, 11}, func(r *cursor, size int) error {
			p := chunkPlace{at: r.offset()}
			if n := size - f.sizeOffset - 8*rank; n > 4 {
				p.size, p.mask = r.uint(min(n-4, 8)), r.u32()
			}
			if err := place(r, sizes); err != nil {
				return err
			}
			return visit(origin, p)
		})
	case indexSingle:
		p := l.single
		p.at = l.at
		return visit(origin, p)
	}
	grid, err := d.grid(l.index == indexExtensible)
	if err != nil {
		return err
	}
	each := func(n int, p chunkPlace) error {
		if p.at == undefined {
			return nil
		}
		inside := grid.origin(n, l.chunk, origin)
		for i, o := range origin {
			inside = inside && o < d.shape[i]
		}
		if !inside { // the array has been made smaller since the chunk was written
			return nil
		}
		return visit(origin, p)
	}
	switch l.index {
	case indexImplicit:
		if high, size := bits.Mul64(uint64(grid.count), uint64(l.chunkInBytes)); high != 0 || f.inside(l.at, size, "chunks") != nil {
			return fmt.Errorf("damaged: the file is too short for %d chunks", grid.count)
		}
		for n := range grid.count {
			if err := each(n, chunkPlace{at: l.at + uint64(n)*uint64(l.chunkInBytes)}); err != nil {
				return err
			}
		}
		return nil
	case indexFixed:
		return f.fixedArray(l.at, grid.count, each)
	default:
		return f.extensibleArray(l.at, grid.count, each)
	}
}

// A chunkGrid numbers the chunks of an array.
type chunkGrid struct {
	axes  []int // from the slowest to the fastest
	sizes []int // chunks along each axis, as far as the array may grow
	count int   // chunks with this number or a greater one are outside the array as it is
}

// grid returns the numbering of an array's chunks: row-major, over the dimensions up to which
// the array may grow. For an extensible array the axis without bound is the slowest.
func (d *Dataset) grid(extensible bool) (chunkGrid, error) {
	var g chunkGrid
	for i := range d.shape {
		g.axes = append(g.axes, i)
		if extensible && d.most[i] < 0 {
			copy(g.axes[1:], g.axes[:i])
			g.axes[0] = i
		}
	}
	g.count = 1
	for n, i := range g.axes {
		size := d.most[i]
		if size < 0 || n == 0 {
			size = d.shape[i] // the numbers don't depend on the bound of the slowest axis
		}
		size = (size + d.layout.chunk[i] - 1) / d.layout.chunk[i]
		if high, low := bits.Mul64(uint64(g.count), uint64(size)); high != 0 || low > 1<<40 {
			return g, fmt.Errorf("damaged: %d × %d chunks", g.count, size)
		}
		g.count *= size
		g.sizes = append(g.sizes, size)
	}
	return g, nil
}

// origin sets origin to the position of the first element of chunk n. It reports false if the
// array has no chunk n.
func (g *chunkGrid) origin(n int, chunk, origin []int) bool {
	for k := len(g.axes) - 1; k >= 0; k-- {
		i := g.axes[k]
		if g.sizes[k] == 0 {
			return false
		}
		origin[i] = n % g.sizes[k] * chunk[i]
		n /= g.sizes[k]
	}
	return n == 0
}
