package layer

import "github.com/cornu-ml/cornu/internal/mem"

// This file stores variables next to each other.

// A Slab is one run of memory that holds the variables of a network, so that an
// optimizer's step over all of them is one pass. A variable stays in its slab
// for life, whichever networks share it.
type Slab struct{ Data []float32 }

// slabAlign is the granularity of variables in a slab, in float32s: a cache
// line, and a vector of every instruction set.
const slabAlign = 16

// Padded returns the room that n numbers take in a slab.
func Padded(n int) int { return (n + slabAlign - 1) / slabAlign * slabAlign }

// Store gives the variables that have no storage a slab of their own: those that
// are trained first, in order.
func Store(variables ...*Variable) {
	var fresh []*Variable
	size := 0
	for _, trainable := range []bool{true, false} {
		for _, v := range variables {
			if v.Slab == nil && v.Trainable == trainable {
				fresh = append(fresh, v)
				size += Padded(v.Shape.Numel())
			}
		}
	}
	if len(fresh) == 0 {
		return
	}
	slab := &Slab{mem.Make[float32](size)}
	offset := 0
	for _, v := range fresh {
		n := v.Shape.Numel()
		v.Slab, v.Offset, v.Value = slab, offset, slab.Data[offset:][:n:n]
		offset += Padded(n)
	}
}
