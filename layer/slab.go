package layer

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/internal/mem"
)

// This file stores variables next to each other.

// A Slab is one run of memory that holds the variables of a network, so that an
// optimizer's step over all of them is one pass. A variable stays in its slab
// for life, whichever networks share it.
type Slab struct {
	Data []float32

	// A step holds use while it computes: for writing if it trains, else for reading.
	// So networks that share layers may be trained and run at the same time.
	use   sync.RWMutex
	place uint64 // in the order in which steps take them
}

var (
	storing sync.Mutex // held by who stores or draws variables, which networks may share
	slabs   uint64     // that were made
)

// Acquire waits for the slabs, which Ordered has put in order, and Release gives them
// back.
func Acquire(slabs []*Slab, write bool) {
	for _, s := range slabs {
		if write {
			s.use.Lock()
		} else {
			s.use.RLock()
		}
	}
}

// Release gives back what Acquire has acquired.
func Release(slabs []*Slab, write bool) {
	for _, s := range slabs {
		if write {
			s.use.Unlock()
		} else {
			s.use.RUnlock()
		}
	}
}

// Ordered lists the slabs of variables that are stored, each once, in the order in which
// Acquire takes them.
func Ordered(variables []*Variable) []*Slab {
	storing.Lock()
	defer storing.Unlock()
	var list []*Slab
	for _, v := range variables {
		if s := v.Slab; s != nil && !slices.Contains(list, s) {
			if s.place == 0 { // it is the user's
				slabs++
				s.place = slabs
			}
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *Slab) int { return cmp.Compare(a.place, b.place) })
	return list
}

// slabAlign is the granularity of variables in a slab, in float32s: a cache
// line, and a vector of every instruction set.
const slabAlign = 16

// Padded returns the room that n numbers take in a slab.
func Padded(n int) int { return (n + slabAlign - 1) / slabAlign * slabAlign }

// Store gives the variables that have no storage a slab of their own: those that
// are trained first, in order. If that takes more memory than the limit, it does
// nothing and returns an error.
func Store(variables ...*Variable) error {
	storing.Lock()
	defer storing.Unlock()
	return store(variables...)
}

func store(variables ...*Variable) error {
	var fresh []*Variable
	size := 0
	for _, trainable := range []bool{true, false} {
		for _, v := range variables {
			if v.Slab == nil && v.Trainable == trainable {
				if err := v.Shape.Check(); err != nil || v.Shape.HasBatch() {
					return fmt.Errorf("layer: variable %q can't have the shape %v", v.Path, v.Shape)
				}
				fresh = append(fresh, v)
			}
		}
	}
	if err := Fits(fresh, nil, 0); err != nil || len(fresh) == 0 {
		return err
	}
	for _, v := range fresh {
		size += Padded(v.Shape.Numel())
	}
	slabs++
	slab := &Slab{Data: mem.Make[float32](size), place: slabs}
	offset := 0
	for _, v := range fresh {
		n := v.Shape.Numel()
		v.Slab, v.Offset, v.Value = slab, offset, slab.Data[offset:][:n:n]
		offset += Padded(n)
	}
	return nil
}

// Fits returns an error if the variables, and copies of those that are trained, take
// more memory than the limit. It names the largest.
func Fits(variables, trained []*Variable, copies int) error {
	total, most := 0.0, (*Variable)(nil)
	for _, v := range variables {
		n := v.Shape.Numel()
		total += 4 * float64(n)
		if most == nil || n > most.Shape.Numel() {
			most = v
		}
	}
	if most == nil {
		return nil
	}
	what := "the variables"
	if copies > 0 {
		what = "the variables with their gradients and the optimizer's slots"
	}
	for _, v := range trained {
		total += float64(4 * float64(copies) * float64(v.Shape.Numel()))
	}
	return mem.Check(1, total, "variable %q has shape %v: %s", most.Path, most.Shape, what)
}
