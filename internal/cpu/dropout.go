package cpu

import (
	"unsafe"

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

// dropout runs an OpDropout over a tile of h rows of w elements from (r, c) of a
// matrix with cols columns.
func (e *Elementwise) dropout(s *scratch, dst, a *float32, mask, r, h, c, w, cols int) {
	d := &e.Dropouts[mask]
	src := rng.New(*d.Seed, d.Stream, *d.Step)
	if w == cols {
		w, h = w*h, 1
	}
	for j := range h {
		index := uint64((r+j)*cols + c)
		off := int(index % 8)
		rng.DropoutBits(s.keep, src, index-uint64(off), off+w, d.Threshold)
		x := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(a), 4*j*w)), w)
		y := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(dst), 4*j*w)), w)
		for i := range y {
			y[i] = 0
			if b := off + i; s.keep[b>>3]>>(b&7)&1 != 0 {
				y[i] = x[i] * d.Scale
			}
		}
	}
}
