package plan

// This file keeps weights packed, as products read them fast, for programs that only predict.

import (
	"sync"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
)

// Packed has copies of weights that the Execs of a program, for any size of the batch, have in common. They are made by the first run after
// the weights have changed. The zero Packed has none yet.
type Packed struct {
	mu       sync.Mutex
	kept     product.Kept
	slabs    []*slab.Slab // of the Params
	versions []uint64     // that the copies are of
	done     int          // tasks of kept that have packed these
	from     packedFrom
}

// packedShare is the part of the memory that the program may use that the copies may take: one in so many.
const packedShare = 8

// BindPacked is Bind for a program that doesn't update its Params, whose slabs are locked while it runs. All that have the same Packed have
// the same storage.
func (p *Plan) BindPacked(storage map[*graph.Node]slab.Span, packed *Packed) *Exec {
	packed.mu.Lock()
	defer packed.mu.Unlock()
	if packed.slabs == nil {
		for _, span := range storage {
			packed.slabs = append(packed.slabs, span.Slab)
		}
		packed.slabs = slab.Ordered(packed.slabs)
		packed.versions = make([]uint64, len(packed.slabs))
		packed.kept.Room = int(min(mem.Limit()/packedShare/4, 1<<40))
		packed.from.Kept = &packed.kept
	}
	return p.bind(storage, &packed.kept, packed)
}

// renew packs what has changed.
func (x *Packed) renew(p *par.Pool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, s := range x.slabs {
		if v := s.Version(); v != x.versions[i] {
			x.versions[i], x.done = v, 0
		}
	}
	if n := x.kept.Tasks(); x.done < n {
		x.from.first = x.done
		p.Run(&x.from, n-x.done)
		x.done = n
	}
}

// packedFrom is the tasks from number first on.
type packedFrom struct {
	*product.Kept
	first int
}

// Do does one.
func (x *packedFrom) Do(worker, index int) { x.Kept.Do(worker, x.first+index) }
