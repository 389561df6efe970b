package data

// This file reads batches ahead of their use.

import (
	"context"
	"io"
	"slices"

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
	if err := spec.fits(float64(size)*(float64(ahead)+1), "the batches that are read ahead"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	inner, err := Epoch(ctx, p.Source, c)
	if err != nil {
		cancel()
		return nil, err
	}
	b := &prefetched{
		ctx:    ctx,
		cancel: cancel,
		spec:   spec,
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
		next.fill(inner, b.spec, pool)
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

func (b *buffer) fill(inner Batches, s Spec, p *Pool) {
	n, err := inner.Next()
	if b.err = err; err != nil {
		return
	}
	b.n = n
	b.shapes = ShapesOf(inner, s)
	b.batch.resize(b.shapes, n)
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
	if err := checkBatch(batch, b.current.shapes, b.current.n); err != nil {
		return err
	}
	copyBatch(batch, &b.current.batch)
	return nil
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

// resize gives a batch the room of n samples. What it held is lost.
func (b *Batch) resize(s Spec, n int) {
	room := func(list [][]float32, shapes []tensor.Shape, inputs bool) [][]float32 {
		if list == nil {
			list = make([][]float32, len(shapes))
		}
		for i, shape := range shapes {
			if inputs && s.texts(i) {
				continue
			}
			if width := n * shape.Numel(); cap(list[i]) < width {
				list[i] = mem.Make[float32](width)
			} else {
				list[i] = list[i][:width]
			}
		}
		return list
	}
	b.X, b.Y, b.W = room(b.X, s.X, true), room(b.Y, s.Y, false), room(b.W, s.W, false)
	if !slices.Contains(s.Types, tensor.String) {
		return
	}
	if b.T == nil {
		b.T = make([][]string, len(s.X))
	}
	for i, shape := range s.X {
		if !s.texts(i) {
			continue
		}
		if width := n * shape.Numel(); cap(b.T[i]) < width {
			b.T[i] = make([]string, width)
		} else {
			b.T[i] = b.T[i][:width]
		}
	}
}
