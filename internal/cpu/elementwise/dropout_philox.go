//go:build amd64 || arm64

package elementwise

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/rng"
)

// This file makes dropout's masks with the tiers' loops.

// philoxArgs is what the mask loops read. The generators read this declaration.
type philoxArgs struct {
	list   *uint64   // the indices of the blocks of a group, relative
	stride int       // bytes from there to those of the next group
	index  uint64    // what is added to the first group's
	step   uint64    // and what more to each next group's
	key    [2]uint32 // Philox's key
	upper  [2]uint32 // the upper words of its counter
	high   [4]uint16 // the upper half of the threshold
}

// inOrder is the list of blocks that follow one another.
var inOrder = func() (list [32]uint64) {
	for i := range list {
		list[i] = uint64(i)
	}
	return list
}()

// bits is bitsGeneric, in groups of as many blocks as the tier's loop takes.
func (d *Dropout) bits(k *keep, start, rows, blocks, cols int) {
	group := 8
	switch isa.Active() {
	case isa.Generic:
		d.bitsGeneric(k, start, rows, blocks, cols)
		return
	case isa.AVX512:
		group = 32
	}
	high, step := uint16(d.Threshold>>16), *d.Step
	args := philoxArgs{
		list: &inOrder[0],
		step: uint64(group),
		key:  [2]uint32{uint32(*d.Seed), uint32(*d.Seed >> 32)},
		// As rng.New lays them out.
		upper: [2]uint32{uint32(step), uint32(step>>32)<<16 | uint32(d.Stream)},
		high:  [4]uint16{high, high, high, high},
	}
	// block is the index of the i-th block.
	block := func(i int) uint64 { return uint64(start+i/blocks*cols)/8 + uint64(i%blocks) }
	base := block(0)
	switch {
	case rows == 1 || cols == 8*blocks:
		// They follow one another.
	case cols%8 == 0 && group%blocks == 0:
		// A group is some whole rows, and all groups are alike.
		for i := range group {
			k.list[i] = block(i) - base
		}
		args.list = &k.list[0]
		args.step = uint64(group / blocks * cols / 8)
	default:
		for r := range rows {
			first := uint64(start+r*cols) / 8
			for i := range blocks {
				k.list[r*blocks+i] = first + uint64(i)
			}
		}
		base, args.step, args.stride = 0, 0, 8*group
	}
	for i, n := 0, rows*blocks; i < n; i += group {
		args.index = base + args.step*uint64(i/group)
		if args.stride != 0 {
			args.list = &k.list[i]
		}
		i += dropoutBits(&k.bits[i], n-i, &args)
		// If there is more, a lane of the next group ties with the threshold.
		for j := i; j < min(i+group, n); j++ {
			rng.DropoutBits(k.bits[j:], d.source(), 8*block(j), 8, d.Threshold)
		}
	}
}
