package main

import "slices"

// This file says which tiles there are.

// A sizes has the sizes of tile that suit an instruction set.
type sizes struct {
	rows int // the tallest tile

	tallest int // of two vectors

	// vectors lists the widths of the tiles of so many rows, in vectors. Two
	// multiply-adds of latency 4 a cycle want 8 accumulators or more.
	vectors func(rows int) []int

	tallestListed int    // of the tiles whose k are listed
	threeVectors  [2]int // the least and the most rows of tiles of three vectors whose operands are listed, besides others
	squares       int    // the most rows of tiles of a transposed B
}

// How wide tiles whose k are listed are best, in vectors: for zeros at the same k in
// neighbouring rows, and for zeros anywhere.
const structured, unstructured = 4, 8

// threeTaps is how wide tiles are of three taps that lie side by side, of 64 channels each on AVX-512: for the gradient of a kernel.
const threeTaps = 12

var avx512 = sizes{rows: 14, tallest: 14, tallestListed: 6, threeVectors: [2]int{5, 9}, squares: 4, vectors: func(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, 4, 8, 16}
	case rows == 2:
		return []int{1, 2, 4, 8}
	case rows <= 6:
		return []int{1, 2, 4}
	}
	return []int{1, 2}
}}

var avx2 = sizes{rows: 12, tallest: 6, tallestListed: 3, squares: 2, vectors: func(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, 4, 12}
	case rows == 2:
		return []int{1, 2, 6}
	case rows == 3:
		return []int{1, 2, 4}
	case rows == 4:
		return []int{1, 2, 3}
	case rows <= 6:
		return []int{1, 2}
	}
	return []int{1}
}}

// listed is vectors for the tiles whose k are listed.
func (s sizes) listed(rows int) []int {
	switch {
	case rows == 1:
		return []int{1, 2, structured, unstructured, threeTaps}
	case rows <= s.tallestListed:
		return []int{1, 2, structured}
	}
	return nil
}

// indirect is vectors for the tiles whose operands are listed. Those of three vectors load less for each multiply-add than those of one.
func (s sizes) indirect(rows int) []int {
	vectors := s.vectors(rows)
	if rows >= s.threeVectors[0] && rows <= s.threeVectors[1] {
		vectors = append(vectors, 3)
		slices.Sort(vectors)
	}
	return vectors
}

// transposedB is vectors for the tiles of a transposed B.
func (s sizes) transposedB(rows int) []int {
	if rows > s.squares {
		return nil
	}
	return []int{1}
}
