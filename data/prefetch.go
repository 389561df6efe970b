package data

// This file reads batches ahead of their use.

import (
	"context"
	"io"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// Prefetch is a source that reads up to n batches of s ahead, on goroutines of
// its own, as many as the library computes on, while the network computes. It is worth its copy where s does much for
// a sample: reads files, decodes, augments. The order stays. It holds s to its word,
// as Epoch does.
func Prefetch(s Source, n int) Source {
	if s == nil {
		return nil
	}
	return &prefetch{s, max(n, 1)}
}

type prefetch struct {
	Source
	ahead int
}

func (p *prefetch) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	spec, err := SpecOf(p.Source)
	if err != nil {
		return nil, err
	}
	size, ahead := spec.atMost(max(c.BatchSize, 1)), p.ahead
	if spec.Len >= 0 {
		ahead = min(ahead, spec.Len/max(size, 1)+1)
	}
	if err := spec.fits(size, float64(ahead)+1, "the batches that are read ahead"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	inner, err := Epoch(ctx, p.Source, c)
	if err != nil {
		cancel()
		return nil, err
	}
	intX, intY := integersOf(inner)
	b := &prefetched{
		ctx:    ctx,
		cancel: cancel,
		spec:   spec,
		intX:   intX,
		intY:   intY,
		ready:  make(chan *buffer, ahead),
		free:   make(chan *buffer, ahead+1),
		done:   make(chan struct{}),
	}
	go b.load(inner, ahead+1)
	return b, nil
}

// prefetched hands buffers from one goroutine to another and back.
type prefetched struct {
	ctx         context.Context // ends with Close
	cancel      context.CancelFunc
	spec        Spec
	intX, intY  []bool // which inputs and targets are integers, and are read so
	ready, free chan *buffer
	done        chan struct{} // closed when load has ended
	current     *buffer
	end         error // what Next returns from now on
}

// A buffer holds what Next and Read have given.
type buffer struct {
	batch  Batch
	n      int
	shapes Spec
	err    error
}

// load reads batches until the end, an error, or Close, into so many buffers at most.
func (b *prefetched) load(inner Batches, buffers int) {
	defer close(b.done)
	defer inner.Close()
	pool := par.New(par.Default().Workers()) // not that of the network, which is busy
	defer pool.Close()
	for {
		next := &buffer{}
		if buffers > 0 {
			buffers--
		} else {
			select {
			case next = <-b.free:
			case <-b.ctx.Done():
				return
			}
		}
		next.fill(inner, b, pool)
		select {
		case b.ready <- next:
		case <-b.ctx.Done():
			return
		}
		if next.err != nil {
			return
		}
	}
}

func (b *buffer) fill(inner Batches, of *prefetched, p *Pool) {
	n, err := inner.Next()
	if b.err = err; err != nil {
		return
	}
	b.n = n
	b.shapes = ShapesOf(inner, of.spec)
	b.batch.resize(b.shapes, n, of.intX, of.intY)
	b.err = inner.Read(&b.batch, p)
}

func (b *prefetched) Next() (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	if b.current != nil {
		b.free <- b.current
		b.current = nil
	}
	select {
	case next := <-b.ready:
		if next.err != nil {
			b.end = next.err
			return 0, b.end
		}
		b.current = next
		return next.n, nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func (b *prefetched) Read(batch *Batch, _ *Pool) error {
	if b.current == nil {
		return errNoBatch
	}
	if err := checkBatch(batch, b.current.shapes, b.current.n, b.intX, b.intY); err != nil {
		return err
	}
	return copyBatch(batch, &b.current.batch)
}

func (b *prefetched) Close() {
	if b.end != io.EOF {
		b.end, b.current = io.EOF, nil
	}
	b.cancel()
	<-b.done
}

// Shapes describes the samples of the present batch.
func (b *prefetched) Shapes() Spec {
	if b.current == nil {
		return b.spec
	}
	return b.current.shapes
}

// Prompt reports that the batches wait for nobody but ctx.
func (b *prefetched) Prompt() bool { return true }

// Integers reports which inputs and targets are integers.
func (b *prefetched) Integers() (x, y []bool) { return b.intX, b.intY }

// resize gives a batch the room of n samples, for integers where intX and intY say so. What it held is lost.
func (b *Batch) resize(s Spec, n int, intX, intY []bool) {
	b.X, b.Y, b.W = listOf(b.X, s.X), listOf(b.Y, s.Y), listOf(b.W, s.W)
	for i, shape := range s.X {
		switch width := n * shape.Numel(); {
		case s.texts(i):
			b.T = listOf(b.T, s.X)
			b.T[i] = room(b.T[i], width, func(n int) []string { return make([]string, n) })
		case at(intX, i):
			b.IntX = listOf(b.IntX, s.X)
			b.IntX[i] = room(b.IntX[i], width, mem.Make[int32])
		default:
			b.X[i] = room(b.X[i], width, mem.Make[float32])
		}
	}
	for i, shape := range s.Y {
		if width := n * shape.Numel(); at(intY, i) {
			b.IntY = listOf(b.IntY, s.Y)
			b.IntY[i] = room(b.IntY[i], width, mem.Make[int32])
		} else {
			b.Y[i] = room(b.Y[i], width, mem.Make[float32])
		}
	}
	for i, shape := range s.W {
		b.W[i] = room(b.W[i], n*shape.Numel(), mem.Make[float32])
	}
}

// listOf returns a list of parts of a batch, as it was or a new one.
func listOf[T any](list [][]T, shapes []tensor.Shape) [][]T {
	if list == nil {
		return make([][]T, len(shapes))
	}
	return list
}

// room returns memory for n values: what there was, if it is enough, or what alloc makes.
func room[T any](had []T, n int, alloc func(n int) []T) []T {
	if cap(had) < n {
		return alloc(n)
	}
	return had[:n]
}
