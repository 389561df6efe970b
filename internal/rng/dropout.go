package rng

// This file defines dropout's masks: which elements of a tensor are kept. Its random bits are those of Source, in rng.go.
//
// Element i is dropped iff u(i) < threshold for a 32-bit u(i), so its
// probability is exact to 2⁻³². The top half of u(i) is 16-bit lane i of the
// source, and that alone decides all but one element in 65,536: only when it
// equals the threshold's top half does the low half of u(i) count, which is the
// same lane of the block with the top bit of c1 set.

// lowHalves is the bit of a block's index that selects the low halves of u.
const lowHalves = 1 << 63

// Threshold returns round(rate·2³²), at most 2³²−1, for a rate in [0, 1).
func Threshold(rate float64) uint32 {
	t := float64(rate*0x1p32) + 0.5
	if t >= 0x1p32 {
		return 1<<32 - 1
	}
	return uint32(t)
}

// DropoutBits writes the mask of elements start … start+n−1, eight to a byte:
// bit j of dst[k] is 1 if element start+8k+j is kept. start is a multiple of 8;
// the last byte is written whole, its bits past n as if those elements existed.
//
// It is the definition that the vectorised kernels equal.
func DropoutBits(dst []byte, s Source, start uint64, n int, threshold uint32) {
	high, low := uint16(threshold>>16), uint16(threshold)
	for k := range (n + 7) / 8 {
		index := start/8 + uint64(k)
		block := s.Block(index)
		var keep byte
		for j := range uint64(8) {
			u := lane(block, j)
			if u > high || u == high && lane(s.Block(index|lowHalves), j) >= low {
				keep |= 1 << j
			}
		}
		dst[k] = keep
	}
}
