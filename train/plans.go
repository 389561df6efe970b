package train

// This file keeps a step's plans, one for each batch size and shape of samples that came, and their arenas.

import (
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/plan"
)

// plans are compiled when a batch size first comes, outside the lock: those who run
// batches of other sizes do not wait. Of too many the one that was used longest ago goes,
// and of idle arenas that take too much memory those of plans that were.
type plans struct {
	mu      sync.Mutex
	bySize  map[batchKind]*sized
	shaped  []*Step    // for samples of other shapes, of which there are plans
	tracing sync.Mutex // held by who traces one
	uses    uint64     // how many batches have come
	idle    int        // bytes of the arenas that no one uses
	limit   int        // on idle; the arena that was used last stays however large it is
	packed  plan.Packed
}

// A batchKind is what a plan is for: the step, of which there is one for each shape of samples, and the number of samples.
type batchKind struct {
	step *Step
	n    int
}

// sized is the plan for batches of one size.
type sized struct {
	ready chan struct{} // closed when plan and err are there
	plan  *plan.Plan
	err   error
	used  uint64 // the number of the last batch of this size
	idle  []*bound
}

// maxPlans is how many batch sizes are kept compiled.
const maxPlans = 32

// A bound is the step bound for a batch size, with an arena of its own.
type bound struct {
	batchKind
	of      *sized
	exec    *plan.Exec
	tuner   par.WorkerTuner
	batch   data.Batch  // where the step reads what it is fed with
	given   data.Batch  // where a source writes that: the same, or staged
	staged  [][]float32 // for each feed, numbers that are to be integers
	lost    bool        // a source may still write to it
	scalars [][]float32
	outputs [][]float32
	meters  [][][]float32
}

// bind returns the step for batches of n, compiled at the first use. It is given
// back with release.
func (s *Step) bind(n int) (*bound, error) {
	if !s.made() {
		return nil, errNotNew
	}
	of, b, first := s.whole().plans.take(batchKind{s, n})
	if b != nil {
		return b, nil
	}
	if first {
		s.compile(n, of)
	}
	<-of.ready
	if of.err != nil {
		return nil, of.err
	}
	return s.bound(n, of), nil
}

// compile makes the plan for batches of n. After an error it is tried again the next time.
func (s *Step) compile(n int, of *sized) {
	defer func() {
		if of.plan == nil {
			s.whole().plans.forget(batchKind{s, n}, of)
		}
		close(of.ready)
	}()
	if of.err = s.draw(); of.err != nil {
		return
	}
	of.plan, of.err = plan.Compile(s.program, plan.Config{Batch: n, NoPasses: noPasses, KeepZeros: keepZeros, Held: s.held()})
}

// bound binds a plan to an arena.
func (s *Step) bound(n int, of *sized) *bound {
	b := &bound{batchKind: batchKind{s, n}, of: of, batch: s.lists(), given: s.lists(), staged: make([][]float32, len(s.feeds))}
	if s.writes || len(s.meters) > 0 {
		b.exec = of.plan.Bind(s.storage)
	} else {
		b.exec = of.plan.BindPacked(s.storage, &s.whole().plans.packed)
	}
	for i := range s.feeds {
		if numbers, integers := s.feeds[i].of(&b.batch); s.feeds[i].ints {
			*integers = b.exec.Int32s(s.feeds[i].node)
		} else {
			*numbers = b.exec.Value(s.feeds[i].node)
		}
	}
	for i, in := range s.weights {
		b.batch.W[i] = b.exec.Value(in)
		b.given.W[i] = b.batch.W[i]
	}
	for _, sc := range s.scalars {
		b.scalars = append(b.scalars, b.exec.Value(sc.node))
	}
	for _, out := range s.outputs {
		b.outputs = append(b.outputs, b.exec.Value(out))
	}
	for _, m := range s.meters {
		var adds [][]float32
		for _, n := range m.nodes {
			adds = append(adds, b.exec.Value(n))
		}
		b.meters = append(b.meters, adds)
	}
	return b
}

func (s *Step) release(b *bound) { s.whole().plans.release(b) }

// take returns an arena for batches of a kind that no one uses, or else the plan for them,
// and whether the caller is the first to ask and has to compile it.
func (p *plans) take(kind batchKind) (of *sized, b *bound, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses++
	of = p.bySize[kind]
	if of == nil {
		if p.bySize == nil {
			p.bySize = map[batchKind]*sized{}
		}
		if len(p.bySize) >= maxPlans {
			p.forgetOldest()
		}
		if p.limit == 0 {
			p.limit = int(min(mem.Limit()/idleShare, 1<<40))
		}
		of, first = &sized{ready: make(chan struct{})}, true
		p.bySize[kind] = of
	}
	of.used = p.uses
	if last := len(of.idle) - 1; last >= 0 {
		b = of.idle[last]
		of.idle = slices.Delete(of.idle, last, last+1)
		p.idle -= of.plan.Arena()
	}
	return of, b, first
}

// idleShare is the part of the memory that the program may use that idle arenas may take:
// one in so many.
const idleShare = 4

// release keeps an arena for the next batch of its size.
func (p *plans) release(b *bound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bySize[b.batchKind] != b.of { // it was forgotten meanwhile
		return
	}
	b.of.idle = append(b.of.idle, b)
	p.idle += b.of.plan.Arena()
	for p.idle > p.limit {
		var oldest *sized
		for _, of := range p.bySize {
			others := len(of.idle)
			if of == b.of {
				others--
			}
			if others > 0 && (oldest == nil || of.used < oldest.used) {
				oldest = of
			}
		}
		if oldest == nil {
			return
		}
		oldest.idle = slices.Delete(oldest.idle, 0, 1)
		p.idle -= oldest.plan.Arena()
	}
}

// forgetOldest drops the plan that was used longest ago.
func (p *plans) forgetOldest() {
	var oldest batchKind
	used := p.uses
	for kind, of := range p.bySize {
		if of.used < used {
			oldest, used = kind, of.used
		}
	}
	p.drop(oldest)
}

// forget drops a plan.
func (p *plans) forget(kind batchKind, of *sized) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bySize[kind] == of {
		p.drop(kind)
	}
}

// drop forgets a plan, and the step for its shapes if that has no other.
func (p *plans) drop(kind batchKind) {
	if of := p.bySize[kind]; len(of.idle) > 0 {
		p.idle -= len(of.idle) * of.plan.Arena()
	}
	delete(p.bySize, kind)
	for other := range p.bySize {
		if other.step == kind.step {
			return
		}
	}
	p.shaped = slices.DeleteFunc(p.shaped, func(s *Step) bool { return s == kind.step })
}
