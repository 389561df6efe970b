package elementwise

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/rng"
)

// A Dropout is the random mask of an OpDropout. Element (r, c) of the kernel's
// matrix has the index r*Cols + c; it is dropped with the probability
// Threshold/2³², as rng.DropoutBits defines, and multiplied by Scale otherwise.
// Seed and Step are read at every run.
type Dropout struct {
	Seed, Step *uint64
	Stream     uint16
	Threshold  uint32
	Scale      float32
}

func (d *Dropout) source() rng.Source { return rng.New(*d.Seed, d.Stream, *d.Step) }

// keepBlocks is the number of blocks, of eight elements each, whose mask is made
// at once.
const keepBlocks = 1024

// keep is a worker's space for masks. The loops write up to 31 bytes beyond the
// blocks, and read up to 8.
type keep struct {
	bits [keepBlocks + 32]byte
	list [keepBlocks + 32]uint64 // the indices of blocks
}

// masked splits region g, of a matrix with cols columns, into parts whose masks
// fit in the scratch space, and calls f for each with the loop's mask bound.
func (d *Dropout) masked(s *scratch, g region, cols int, f func(region)) {
	if s.keep == nil {
		s.keep = new(keep)
	}
	l := &s.loop
	l.keep = &s.keep.bits[0]
	l.shiftStep = cols % 8
	width := min(g.cols, (keepBlocks-2)*8)
	for c := 0; c < g.cols; c += width {
		w := min(width, g.cols-c)
		// A row may begin within a block: at the same place in all, or anywhere.
		blocks := ((g.c+c)%8 + w + 7) / 8
		if cols%8 != 0 && g.rows > 1 {
			blocks = (7 + w + 7) / 8
		} else if g.r*cols%8 != 0 {
			blocks = ((g.r*cols+g.c+c)%8 + w + 7) / 8
		}
		height := min(keepBlocks/blocks, g.rows)
		l.keepStride = blocks
		for r := 0; r < g.rows; r += height {
			t := region{g.r + r, g.c + c, min(height, g.rows-r), w}
			start := t.r*cols + t.c
			l.keepShift = start % 8
			d.bits(s.keep, start, t.rows, blocks, cols)
			f(t)
		}
	}
}

// bitsGeneric makes the masks of rows rows of so many blocks; element 0 of row r
// is element start + r*cols of the matrix, somewhere in the row's first block.
func (d *Dropout) bitsGeneric(k *keep, start, rows, blocks, cols int) {
	source := d.source()
	for r := range rows {
		rng.DropoutBits(k.bits[r*blocks:], source, uint64(start+r*cols)&^7, 8*blocks, d.Threshold)
	}
}

// dropout runs an OpDropout over a tile.
func (e *Kernel) dropout(s *scratch, d *Dropout, dst, a *float32, t region) {
	d.masked(s, t, e.Cols, func(u region) {
		l := &s.loop
		first := (u.r-t.r)*t.cols + u.c - t.c
		l.rows, l.cols = u.rows, u.cols
		l.in[0], l.inStride[0] = offset(a, first), 4*t.cols
		l.in[1], l.inStride[1] = &d.Scale, 0
		l.out[0], l.outStride[0] = offset(dst, first), 4*t.cols
		applyDropout(l)
	})
}

// A Drop drops elements of parts of a matrix of Cols columns, as its Dropout says. One goroutine at a time may use it.
type Drop struct {
	Dropout
	Cols int

	scratch scratch
}

// Rows drops what there is of columns c0 … c0+cols-1 of rows r0 … r0+rows-1 in x, in which rows begin ld elements after one another.
func (d *Drop) Rows(x []float32, ld, r0, rows, c0, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	cpu.Reaches("what is dropped", x, (rows-1)*ld+cols)
	d.masked(&d.scratch, region{r0, c0, rows, cols}, d.Cols, func(u region) {
		l := &d.scratch.loop
		p := &x[(u.r-r0)*ld+u.c-c0]
		l.rows, l.cols = u.rows, u.cols
		l.in[0], l.inStride[0] = p, 4*ld
		l.in[1], l.inStride[1] = &d.Scale, 0
		l.out[0], l.outStride[0] = p, 4*ld
		applyDropout(l)
	})
}

// applyDropoutGeneric is the loop of the program that is an OpDropout alone.
func applyDropoutGeneric(l *fusedLoop) {
	scale := *l.in[1]
	for r := range l.rows {
		x := unsafe.Slice(offset(l.in[0], r*l.inStride[0]/4), l.cols)
		y := unsafe.Slice(offset(l.out[0], r*l.outStride[0]/4), l.cols)
		shift := (l.keepShift + r*l.shiftStep) & 7
		bits := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(l.keep), r*l.keepStride)), (shift+l.cols+7)/8)
		for i, v := range x {
			if b := shift + i; bits[b>>3]>>(b&7)&1 != 0 {
				y[i] = v * scale
			} else {
				y[i] = 0
			}
		}
	}
}
