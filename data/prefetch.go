package data

// This file reads batches ahead of their use.

import "context"

// Prefetch is a source that reads up to n batches of s ahead, on a goroutine of
// its own, while the network computes. It is worth its copy where s does much for
// a sample: reads files, decodes, augments. The order stays.
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
	inner, err := p.Source.Epoch(ctx, c)
	if err != nil {
		return nil, err
	}
	b := &prefetched{
		spec:  p.Spec(),
		ready: make(chan *buffer, p.ahead),
		free:  make(chan *buffer, p.ahead+1),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	size := c.BatchSize
	if b.spec.Len >= 0 {
		size = min(size, b.spec.Len)
	}
	for range p.ahead + 1 {
		b.free <- &buffer{whole: newBatch(b.spec, size)}
	}
	go b.load(inner)
	return b, nil
}

// prefetched hands buffers from one goroutine to another and back.
type prefetched struct {
	spec        Spec
	ready, free chan *buffer
	quit        chan struct{} // closed by Close
	done        chan struct{} // closed when load has ended
	current     *buffer
	closed      bool
}

// A buffer holds what Next and Read have given.
type buffer struct {
	whole Batch // of BatchSize samples
	batch Batch // the first n
	n     int
	err   error
}

// load reads batches until the end, an error, or Close.
func (b *prefetched) load(inner Batches) {
	defer close(b.done)
	defer inner.Close()
	for {
		var next *buffer
		select {
		case next = <-b.free:
		case <-b.quit:
			return
		}
		next.fill(inner, b.spec)
		select {
		case b.ready <- next:
		case <-b.quit:
			return
		}
		if next.err != nil {
			return
		}
	}
}

func (b *buffer) fill(inner Batches, s Spec) {
	n, err := inner.Next()
	if b.err = err; err != nil {
		return
	}
	if n != b.n {
		b.n = n
		b.batch = Batch{}
		for i, shape := range s.X {
			b.batch.X = append(b.batch.X, b.whole.X[i][:n*shape.Numel()])
		}
		for i, shape := range s.Y {
			b.batch.Y = append(b.batch.Y, b.whole.Y[i][:n*shape.Numel()])
		}
		for i, shape := range s.W {
			b.batch.W = append(b.batch.W, b.whole.W[i][:n*shape.Numel()])
		}
	}
	b.err = inner.Read(&b.batch, nil)
}

func (b *prefetched) Next() (int, error) {
	if b.current != nil {
		if b.current.err != nil {
			return 0, b.current.err
		}
		b.free <- b.current
	}
	b.current = <-b.ready
	return b.current.n, b.current.err
}

func (b *prefetched) Read(batch *Batch, _ *Pool) error {
	if b.current == nil || b.current.err != nil {
		return errNoBatch
	}
	if err := checkBatch(batch, b.spec, b.current.n); err != nil {
		return err
	}
	copyBatch(batch, &b.current.batch)
	return nil
}

func (b *prefetched) Close() {
	if !b.closed {
		b.closed = true
		close(b.quit)
		<-b.done
	}
}
