package cpu

import "unsafe"

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

// keepSize is the number of elements whose mask is made at once. The buffer has
// room for rows that don't begin at a byte, and for what the loops write and
// read beyond.
const keepSize = 8192

// masked splits region g, of a matrix with cols columns, into parts whose masks
// fit in the scratch space, and calls f for each with the loop's mask bound.
func (d *Dropout) masked(s *scratch, g region, cols int, f func(region)) {
	if s.keep == nil {
		s.keep = make([]byte, keepSize/8+64)
	}
	l := &s.loop
	l.keep = &s.keep[0]
	l.keepStride = cols / 8
	// Rows that follow one another and begin at bytes have one mask.
	width, height := min(g.cols, keepSize), 1
	if g.cols == cols && cols%8 == 0 {
		height = max(min(keepSize/width, g.rows), 1)
	}
	for c := 0; c < g.cols; c += width {
		for r := 0; r < g.rows; r += height {
			t := region{g.r + r, g.c + c, min(height, g.rows-r), min(width, g.cols-c)}
			start := uint64(t.r*cols + t.c)
			l.keepShift = int(start % 8)
			d.bits(s.keep, start-start%8, l.keepShift+t.rows*t.cols)
			f(t)
		}
	}
}

// dropout runs an OpDropout over a tile.
func (e *Elementwise) dropout(s *scratch, d *Dropout, dst, a *float32, t region) {
	d.masked(s, t, e.Cols, func(u region) {
		first := (u.r-t.r)*t.cols + u.c - t.c
		x := unsafe.Slice(offset(a, first), u.rows*u.cols)
		y := unsafe.Slice(offset(dst, first), u.rows*u.cols)
		for i := range y {
			b := s.loop.keepShift + i
			if s.keep[b>>3]>>(b&7)&1 != 0 {
				y[i] = x[i] * d.Scale
			} else {
				y[i] = 0
			}
		}
	})
}
