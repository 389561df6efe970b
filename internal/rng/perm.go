package rng

import "math/bits"

// This file draws numbers one after another, and shuffles.

// A Reader draws the words of a source one after another, for algorithms that
// need an unknown number of them.
type Reader struct {
	source Source
	next   uint64
	block  [4]uint32
}

// Reader returns a reader that starts at word 0.
func (s Source) Reader() Reader { return Reader{source: s} }

// ReaderAt returns a reader that starts at a word, a multiple of 4.
func (s Source) ReaderAt(word uint64) Reader { return Reader{source: s, next: word} }

// Uint32 returns the next word.
func (r *Reader) Uint32() uint32 {
	if r.next%4 == 0 {
		r.block = r.source.Block(r.next / 4)
	}
	w := r.block[r.next%4]
	r.next++
	return w
}

// Uint32n returns an unbiased number in [0, n), n > 0: Lemire, "Fast random
// integer generation in an interval" (2019).
func (r *Reader) Uint32n(n uint32) uint32 {
	high, low := bits.Mul32(r.Uint32(), n)
	if low < n {
		for reject := -n % n; low < reject; {
			high, low = bits.Mul32(r.Uint32(), n)
		}
	}
	return high
}

// Perm fills dst with a random order of 0 … len(dst)−1, the shuffle of one
// epoch: Fisher–Yates from the last element down, keyed by (seed, epoch).
func Perm(dst []int32, seed, epoch uint64) {
	for i := range dst {
		dst[i] = int32(i)
	}
	r := New(seed, ShuffleStream, epoch).Reader()
	for i := len(dst) - 1; i > 0; i-- {
		j := r.Uint32n(uint32(i) + 1)
		dst[i], dst[j] = dst[j], dst[i]
	}
}
