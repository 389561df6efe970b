package data

// This file holds the source over a generator.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/tensor"
)

// A Sample is one sample: its inputs and targets in the order of the source's
// Spec, each in row-major order, and its weights.
type Sample struct{ X, Y, W [][]float32 }

// Func is a source whose samples are generated. samples is called for each epoch
// and yields its samples one after another; a yielded sample is copied at once. It
// may go on for ever if training has a number of steps per epoch, and an error
// that it yields ends the training. What waits for its samples gives up when ctx
// ends. Shuffling is its own affair: it is told what
// was asked for.
func Func(spec Spec, samples func(ctx context.Context, c EpochConfig) iter.Seq2[Sample, error]) Source {
	return &stream{spec, samples}
}

type stream struct {
	spec    Spec
	samples func(context.Context, EpochConfig) iter.Seq2[Sample, error]
}

func (s *stream) Spec() Spec { return s.spec }

func (s *stream) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	if c.BatchSize < 1 {
		return nil, fmt.Errorf("data: the batch size is %d, it must be at least 1", c.BatchSize)
	}
	if err := s.spec.check(); err != nil {
		return nil, err
	}
	if s.samples == nil {
		return nil, errors.New("data: the function that yields the samples is nil")
	}
	b := &streamBatches{spec: s.spec, size: c.BatchSize, batch: newBatch(s.spec, c.BatchSize)}
	b.pull, b.stop = iter.Pull2(s.samples(ctx, c))
	return b, nil
}

// check returns an error unless samples of the spec can be made.
func (s Spec) check() error {
	for name, shapes := range map[string][]tensor.Shape{"x": s.X, "y": s.Y, "weights": s.W} {
		for i, shape := range shapes {
			if _, err := widthOf(0, shape); err != nil {
				return fmt.Errorf("%s: %w", part(name, i), err)
			}
		}
	}
	return nil
}

// newBatch makes a batch of n samples.
func newBatch(s Spec, n int) Batch {
	var b Batch
	for _, shape := range s.X {
		b.X = append(b.X, mem.Make[float32](n*shape.Numel()))
	}
	for _, shape := range s.Y {
		b.Y = append(b.Y, mem.Make[float32](n*shape.Numel()))
	}
	for _, shape := range s.W {
		b.W = append(b.W, mem.Make[float32](n*shape.Numel()))
	}
	return b
}

// A streamBatches collects samples in a batch of its own, since only then it
// knows how many there are.
type streamBatches struct {
	spec  Spec
	size  int
	pull  func() (Sample, error, bool)
	stop  func()
	batch Batch
	n     int // samples in batch
	count int // samples before it
}

func (b *streamBatches) Close() { b.stop() }

func (b *streamBatches) Next() (int, error) {
	b.count += b.n
	for b.n = 0; b.n < b.size; b.n++ {
		s, err, ok := b.pull()
		if !ok {
			break
		}
		if err == nil {
			err = b.put(s)
		}
		if err != nil {
			return 0, fmt.Errorf("data: sample %d of the epoch: %w", b.count+b.n, err)
		}
	}
	if b.n == 0 {
		return 0, io.EOF
	}
	return b.n, nil
}

// put copies a sample to the batch.
func (b *streamBatches) put(s Sample) error {
	put := func(name string, dst, values [][]float32, shapes []tensor.Shape) error {
		if len(values) != len(shapes) {
			return fmt.Errorf("there are %d of %s, the source's spec has %d", len(values), name, len(shapes))
		}
		for i, v := range values {
			width := shapes[i].Numel()
			if len(v) != width {
				return fmt.Errorf("%s has %d values, shape %v needs %d", part(name, i), len(v), shapes[i], width)
			}
			copy(dst[i][b.n*width:], v)
		}
		return nil
	}
	if err := put("x", b.batch.X, s.X, b.spec.X); err != nil {
		return err
	}
	if err := put("y", b.batch.Y, s.Y, b.spec.Y); err != nil {
		return err
	}
	return put("weights", b.batch.W, s.W, b.spec.W)
}

func (b *streamBatches) Read(batch *Batch, _ *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	if err := checkBatch(batch, b.spec, b.n); err != nil {
		return err
	}
	copyBatch(batch, &b.batch)
	return nil
}

// copyBatch copies as much as dst has room for.
func copyBatch(dst, src *Batch) {
	for i := range dst.X {
		copy(dst.X[i], src.X[i])
	}
	for i := range dst.Y {
		copy(dst.Y[i], src.Y[i])
	}
	for i := range dst.W {
		if i < len(src.W) {
			copy(dst.W[i], src.W[i])
		} else {
			ones(dst.W[i]).Run(nil)
		}
	}
}
