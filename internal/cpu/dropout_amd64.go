package cpu

import "github.com/cornu-ml/cornu/internal/rng"

// philoxArgs is what the mask loops read. The generator knows this layout.
type philoxArgs struct {
	index uint64    // of the first block
	key   [2]uint32 // Philox's key
	step  [2]uint32 // the upper words of its counter
	high  [4]uint16 // the upper half of the threshold
}

// bits writes the mask of n elements from start, a multiple of 8, as
// rng.DropoutBits does. It may write 31 bytes more than that has.
func (d *Dropout) bits(dst []byte, start uint64, n int) {
	tier, step := Active(), *d.Step
	source := rng.New(*d.Seed, d.Stream, step)
	var group int // the blocks that are made at once
	switch tier {
	case AVX2:
		group = 8
	case AVX512:
		group = 32
	default:
		rng.DropoutBits(dst, source, start, n, d.Threshold)
		return
	}
	high := uint16(d.Threshold >> 16)
	args := philoxArgs{
		key:  [2]uint32{uint32(*d.Seed), uint32(*d.Seed >> 32)},
		step: [2]uint32{uint32(step), uint32(step>>32)<<16 | uint32(d.Stream)},
		high: [4]uint16{high, high, high, high},
	}
	blocks := (n + 7) / 8
	for done := 0; done < blocks; {
		args.index = start/8 + uint64(done)
		if tier == AVX512 {
			done += dropoutBitsAVX512(&dst[done], blocks-done, &args)
		} else {
			done += dropoutBitsAVX2(&dst[done], blocks-done, &args)
		}
		if done < blocks { // a tie
			rng.DropoutBits(dst[done:], source, start+8*uint64(done), 8*group, d.Threshold)
			done += group
		}
	}
}
