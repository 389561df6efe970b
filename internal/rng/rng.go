// Package rng is Cornu's counter-based random number generator.
//
// A number is a pure function of (seed, stream, step, index): nothing is drawn
// "next", so initializers, dropout masks and shuffles can be computed in any
// order, on any thread, in any SIMD width, and a training resumes exactly. The
// function is Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011).
//
// The 128-bit counter of a block is
//
//	c0, c1  the block's index, low word first
//	c2      bits 0..31 of the step
//	c3      bits 32..47 of the step in the high half, the stream in the low half
//
// and the 64-bit key is the seed. One block holds four 32-bit words, which are
// also eight 16-bit lanes in little-endian order.
package rng

// Streams keep the uses of one seed apart. Layers that draw at every step, such
// as dropout, count from 0 in topological order; variables count from
// InitStream in the model's order.
const (
	InitStream    uint16 = 0x8000
	AugmentStream uint16 = 0xFFFD // for data.Augment
	MapStream     uint16 = 0xFFFE // for data.Map, which changes samples at random
	ShuffleStream uint16 = 0xFFFF // for Perm
)

// Philox's multipliers and the Weyl increments of its key.
const (
	mul0, mul1   = 0xD2511F53, 0xCD9E8D57
	weyl0, weyl1 = 0x9E3779B9, 0xBB67AE85
)

// philox4x32 encrypts the counter ctr under key with ten rounds.
func philox4x32(ctr [4]uint32, key [2]uint32) [4]uint32 {
	c0, c1, c2, c3 := ctr[0], ctr[1], ctr[2], ctr[3]
	k0, k1 := key[0], key[1]
	for range 10 {
		p0 := mul0 * uint64(c0)
		p1 := mul1 * uint64(c2)
		c0, c1, c2, c3 = uint32(p1>>32)^c1^k0, uint32(p1), uint32(p0>>32)^c3^k1, uint32(p0)
		k0 += weyl0
		k1 += weyl1
	}
	return [4]uint32{c0, c1, c2, c3}
}

// A Source is one stream at one step: an endless sequence that is read by index.
// It is a small value without state; copies are free and safe to share.
type Source struct {
	key    [2]uint32
	c2, c3 uint32
}

// New returns the source of a stream at a step; only the low 48 bits of step count.
func New(seed uint64, stream uint16, step uint64) Source {
	return Source{
		key: [2]uint32{uint32(seed), uint32(seed >> 32)},
		c2:  uint32(step),
		c3:  uint32(step>>32)<<16 | uint32(stream),
	}
}

// Block returns the four words of block i.
func (s Source) Block(i uint64) [4]uint32 {
	return philox4x32([4]uint32{uint32(i), uint32(i >> 32), s.c2, s.c3}, s.key)
}

// Uint32 returns the i-th 32-bit word: word i%4 of block i/4.
func (s Source) Uint32(i uint64) uint32 {
	return s.Block(i / 4)[i%4]
}

// Uint16 returns the i-th 16-bit lane: lane i%8 of block i/8.
func (s Source) Uint16(i uint64) uint16 {
	return lane(s.Block(i/8), i%8)
}

// Uint64 returns the i-th 64-bit word: words 2i (low) and 2i+1 (high).
func (s Source) Uint64(i uint64) uint64 {
	b := s.Block(i / 2)
	w := i % 2 * 2
	return uint64(b[w]) | uint64(b[w+1])<<32
}

// Float32 returns the i-th uniform number in [0, 1), a multiple of 2⁻²⁴.
func (s Source) Float32(i uint64) float32 {
	return float32(s.Uint32(i)>>8) * 0x1p-24
}

// Float64 returns the i-th uniform number in [0, 1), a multiple of 2⁻⁵³.
func (s Source) Float64(i uint64) float64 {
	return float64(s.Uint64(i)>>11) * 0x1p-53
}

func lane(b [4]uint32, j uint64) uint16 {
	return uint16(b[j/2] >> (j % 2 * 16))
}
