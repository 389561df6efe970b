package product

import (
	"math"
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file is the definition of what the assembly of products does.

// gemmKernels is the assembly of one instruction set.
type gemmKernels struct {
	lanes           int // of a vector
	partial         int // the widest tile whose last vector may be partly filled, in vectors
	tiles           tiles
	transposedB     tiles          // that transpose B in registers; may be none
	indirect        []microkernels // whose operands are where a list says, by their height; or none
	segmented       []microkernels // whose k comes in segments; or none
	copy, transpose func(*block)
	depthwise       func(*depthwise)
	depthwise3x3    func(*depthwise) // or nil

	// What leaves out zeros, and how wide such tiles are, in vectors.
	listed                   tiles
	structured, unstructured int
	nonzero                  func(*search) // in rows
	nonzeroDown              func(*search) // in columns, or nil
	list                     func(*listing)
}

// tiles are microkernels for A as it is and for A transposed, by their height.
type tiles [2][]microkernels

// microkernels are those for tiles of some number of rows, by their width.
type microkernels []microkernel

// A microkernel computes tiles that are so many vectors wide.
type microkernel struct {
	vectors, lanes int
	run            func(*tile)
}

// by returns the microkernels by their height, for A as it is or transposed.
func (t *tiles) by(trans bool) []microkernels {
	if trans {
		return t[1]
	}
	return t[0]
}

// of returns the microkernels of a height, for A as it is or transposed.
func (t *tiles) of(trans bool, height int) microkernels { return t.by(trans)[height] }

// tallest returns the most rows of a tile that is so many vectors wide.
func (t *tiles) tallest(vectors int) int {
	height := 0
	for h, list := range t[0] {
		for _, m := range list {
			if m.vectors == vectors {
				height = h
			}
		}
	}
	return height
}

// fits reports whether a tile of so many vectors is no wider than the columns are, but for
// a last vector that the microkernels can fill in part.
func (k *gemmKernels) fits(vectors, cols int) bool {
	return vectors*k.lanes <= cols || vectors <= k.partial && (vectors-1)*k.lanes < cols
}

// widest returns the microkernel of a list for a tile at the left of so many columns,
// and the tile's width: at most so many vectors, and no wider than the columns are
// unless the microkernel can do with less.
func (k *gemmKernels) widest(list microkernels, vectors, cols int) (microkernel, int) {
	best := list[0]
	for _, m := range list[1:] {
		if m.vectors <= vectors && k.fits(m.vectors, cols) {
			best = m
		}
	}
	return best, best.vectors * k.lanes
}

// kernelsGeneric is plain Go.
var kernelsGeneric = gemmKernels{
	lanes: genericLanes, partial: 1, copy: copyGeneric, depthwise: depthwiseGeneric, transpose: transposeGeneric, tiles: genericTiles((*tile).generic),
	structured: 1, unstructured: 1, nonzero: nonzeroGeneric, list: listGeneric, listed: genericTiles((*tile).genericListed),
	indirect:  genericTiles(func(t *tile, rows int, _ bool) { t.genericIndirect(rows) })[0],
	segmented: genericTiles(func(t *tile, rows int, _ bool) { t.genericSegmented(rows) })[0],
}

const (
	genericLanes = 8
	genericRows  = 4
)

func genericTiles(do func(t *tile, rows int, trans bool)) (t tiles) {
	for order := range t {
		t[order] = []microkernels{nil}
		for rows := 1; rows <= genericRows; rows++ {
			run := func(t *tile) { do(t, rows, order == 1) }
			t[order] = append(t[order], microkernels{{1, genericLanes, run}})
		}
	}
	return t
}

// generic is a microkernel of one vector.
func (t *tile) generic(rows int, trans bool) {
	a, b, c := unsafe.Pointer(t.a), unsafe.Pointer(t.b), unsafe.Pointer(t.c)
	nextRow, nextK := t.lda, 4
	if trans {
		nextRow, nextK = 4, t.lda
	}
	for n := range t.count {
		a, b, c := unsafe.Add(a, n*t.aStep), unsafe.Add(b, n*t.bStep), unsafe.Add(c, n*t.cStep)
		for i := range rows {
			out := vectorAt(unsafe.Add(c, i*t.ldc), t.tail)
			var chains [genericLanes]float32
			if t.resume != 0 {
				copy(chains[:], out)
			}
			for p := range t.k {
				x := *(*float32)(unsafe.Add(a, i*nextRow+p*nextK))
				for j, y := range vectorAt(unsafe.Add(b, p*t.ldb), t.tail) {
					chains[j] = fmath.FMA(x, y, chains[j])
				}
			}
			copy(out, chains[:])
		}
	}
}

// genericListed is a microkernel of one vector for listed p.
func (t *tile) genericListed(rows int, trans bool) {
	nextRow, nextK := t.lda, 4
	if trans {
		nextRow, nextK = 4, t.lda
	}
	for n := 0; t.count > 0; n, t.count = n+1, t.count-1 {
		a, c := unsafe.Add(unsafe.Pointer(t.a), n*t.aStep), unsafe.Add(unsafe.Pointer(t.c), n*t.cStep)
		list, ks := unsafe.Add(unsafe.Pointer(t.list), n*t.listStep), unsafe.Add(unsafe.Pointer(t.ks), n*t.ksStep)
		var chains [genericRows][genericLanes]float32
		for i := range rows {
			if t.resume != 0 {
				copy(chains[i][:], vectorAt(unsafe.Add(c, i*t.ldc), t.tail))
			}
			for _, p := range unsafe.Slice((*int32)(list), *(*int32)(ks)) {
				x := *(*float32)(unsafe.Add(a, i*nextRow+int(p)*nextK))
				for j, y := range vectorAt(unsafe.Add(unsafe.Pointer(t.b), int(p)*t.ldb), t.tail) {
					chains[i][j] = fmath.FMA(x, y, chains[i][j])
				}
			}
			for _, sum := range chains[i] {
				if math.Float32bits(sum) == 1<<31 || sum-sum != 0 {
					return
				}
			}
		}
		for i := range rows {
			copy(vectorAt(unsafe.Add(c, i*t.ldc), t.tail), chains[i][:])
		}
	}
}

// genericIndirect is a microkernel of one vector whose operands are where a list says.
func (t *tile) genericIndirect(rows int) {
	for n := range t.count {
		a, b, c := unsafe.Add(unsafe.Pointer(t.a), n*t.aStep), unsafe.Add(unsafe.Pointer(t.b), n*t.bStep), unsafe.Add(unsafe.Pointer(t.c), n*t.cStep)
		for i := range rows {
			out := vectorAt(unsafe.Add(c, i*t.ldc), t.tail)
			if t.resume == 0 {
				clear(out)
			}
			for list := unsafe.Slice(t.list, 2*t.k); len(list) > 0; list = list[2:] {
				x := *(*float32)(unsafe.Add(a, int(list[0])+i*t.lda))
				for j, y := range vectorAt(unsafe.Add(b, int(list[1])), t.tail) {
					out[j] = fmath.FMA(x, y, out[j])
				}
			}
		}
	}
}

// genericSegmented is a microkernel of one vector whose k comes in segments.
func (t *tile) genericSegmented(rows int) {
	part := *t
	part.count = 1
	for n := range t.count {
		part.c, part.resume = (*float32)(unsafe.Add(unsafe.Pointer(t.c), n*t.cStep)), t.resume
		for list := unsafe.Slice(t.list, 3*t.k); len(list) > 0; list = list[3:] {
			part.a = (*float32)(unsafe.Add(unsafe.Pointer(t.a), n*t.aStep+int(list[0])))
			part.b = (*float32)(unsafe.Add(unsafe.Pointer(t.b), n*t.bStep+int(list[1])))
			part.k = int(list[2])
			part.generic(rows, false)
			part.resume = 1
		}
	}
}

// copyGeneric copies each of x's matrices.
func copyGeneric(x *block) {
	for i := range x.rows {
		src, dst := unsafe.Add(unsafe.Pointer(x.src), i*x.lds), unsafe.Add(unsafe.Pointer(x.dst), i*x.ldd)
		for n := range x.count {
			copy(vectorAt(unsafe.Add(dst, n*x.dstStep), x.cols), vectorAt(unsafe.Add(src, 4*n*x.cols), x.cols))
		}
	}
}

// depthwiseGeneric sums products column by column.
func depthwiseGeneric(t *depthwise) {
	for n := range t.count {
		c := vectorAt(unsafe.Add(unsafe.Pointer(t.c), n*t.cStep), t.cols)
		if t.resume == 0 {
			clear(c)
		}
		for offsets := unsafe.Slice(t.offsets, 2*t.k); len(offsets) > 0; offsets = offsets[2:] {
			a := vectorAt(unsafe.Add(unsafe.Pointer(t.a), n*t.aStep+offsets[0]), t.cols)
			for j, b := range vectorAt(unsafe.Add(unsafe.Pointer(t.b), offsets[1]), t.cols) {
				c[j] = fmath.FMA(a[j], b, c[j])
			}
		}
	}
}

// transposeGeneric copies element (i, j) of x.src to (j, i) of x.dst.
func transposeGeneric(x *block) {
	for i := range x.rows {
		for j, v := range vectorAt(unsafe.Add(unsafe.Pointer(x.src), i*x.lds), x.cols) {
			*(*float32)(unsafe.Add(unsafe.Pointer(x.dst), j*x.ldd+4*i)) = v
		}
	}
}

func vectorAt(p unsafe.Pointer, n int) []float32 { return unsafe.Slice((*float32)(p), n) }
