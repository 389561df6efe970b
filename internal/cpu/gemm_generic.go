package cpu

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/fmath"
)

// This file is the definition of what the assembly of products does.

// gemmKernels is the assembly of one instruction set.
type gemmKernels struct {
	lanes           int // of a vector
	partial         int // the widest tile whose last vector may be partly filled, in vectors
	tiles           [2][]microkernels
	copy, transpose func(*block)
}

// microkernels are those for tiles of some number of rows, by their width.
type microkernels []microkernel

// A microkernel computes tiles that are so many vectors wide.
type microkernel struct {
	vectors, lanes int
	run            func(*tile)
}

// of returns the microkernels of a height, for A as it is or transposed.
func (k *gemmKernels) of(trans bool, height int) microkernels {
	if trans {
		return k.tiles[1][height]
	}
	return k.tiles[0][height]
}

// tallest returns the most rows of a tile that is so many vectors wide.
func (k *gemmKernels) tallest(vectors int) int {
	height := 0
	for h, list := range k.tiles[0] {
		for _, m := range list {
			if m.vectors == vectors {
				height = h
			}
		}
	}
	return height
}

// widest returns the microkernel for a tile at the left of so many columns, and the
// tile's width: at most so many vectors, and no wider than the columns are unless
// the microkernel can do with less.
func (k *gemmKernels) widest(trans bool, height, vectors, cols int) (microkernel, int) {
	list := k.of(trans, height)
	best := list[0]
	for _, m := range list[1:] {
		if m.vectors <= vectors && (m.vectors*k.lanes <= cols || m.vectors <= k.partial && (m.vectors-1)*k.lanes < cols) {
			best = m
		}
	}
	return best, best.vectors * k.lanes
}

// kernelsGeneric is plain Go.
var kernelsGeneric = gemmKernels{lanes: genericLanes, partial: 1, copy: copyGeneric, transpose: transposeGeneric, tiles: genericTiles()}

const (
	genericLanes = 8
	genericRows  = 4
)

func genericTiles() (tiles [2][]microkernels) {
	for order := range tiles {
		tiles[order] = []microkernels{nil}
		for rows := 1; rows <= genericRows; rows++ {
			run := func(t *tile) { t.generic(rows, order == 1) }
			tiles[order] = append(tiles[order], microkernels{{1, genericLanes, run}})
		}
	}
	return tiles
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

// copyGeneric copies each of x's matrices.
func copyGeneric(x *block) {
	for i := range x.rows {
		src, dst := unsafe.Add(unsafe.Pointer(x.src), i*x.lds), unsafe.Add(unsafe.Pointer(x.dst), i*x.ldd)
		for n := range x.count {
			copy(vectorAt(unsafe.Add(dst, n*x.dstStep), x.cols), vectorAt(unsafe.Add(src, 4*n*x.cols), x.cols))
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
