package data

// This file holds the source over a generator.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/tensor"
)

// A Sample is one sample: its inputs and targets in the order of the source's
// Spec, each in row-major order, and its weights. Inputs that are texts are in T, in the places of X, where they are nil, and
// inputs and targets that are integers, such as labels and the numbers of words, in IntX and IntY. These may be nil if there are none.
type Sample struct {
	X, Y, W    [][]float32
	T          [][]string
	IntX, IntY [][]int32
}

// Func is a source whose samples are generated. samples is called for each epoch
// and yields its samples one after another; a yielded sample is copied at once. It
// may go on for ever if training has a number of steps per epoch, and an error
// that it yields ends the training. What waits for its samples gives up when ctx
// ends. Shuffling is its own affair: it is told what was asked for.
//
// The first sample of an epoch, for which Epoch waits, says which inputs and targets are integers in all of them.
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
	if s.spec.open() {
		return nil, fmt.Errorf("data: the samples of a Func have one shape, not %v and %v: Bucketed makes one source of several", s.spec.X, s.spec.Y)
	}
	if s.samples == nil {
		return nil, errors.New("data: the function that yields the samples is nil")
	}
	if err := s.spec.fits(s.spec.atMost(c.BatchSize), 1, "a batch"); err != nil {
		return nil, err
	}
	b := &streamBatches{spec: s.spec, size: c.BatchSize}
	b.pull, b.stop = iter.Pull2(s.samples(ctx, c))
	b.first, b.err, b.ok = b.pull()
	b.intX, b.intY = areGiven(b.first.IntX), areGiven(b.first.IntY)
	return b, nil
}

// areGiven reports which of a sample's integers there are.
func areGiven(list [][]int32) []bool {
	given := make([]bool, len(list))
	for i, v := range list {
		given[i] = v != nil
	}
	return given
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

	first      Sample // what the first pull gave, until it is put in a batch
	err        error
	ok         bool
	intX, intY []bool // which inputs and targets are integers
}

func (b *streamBatches) Close() { b.stop() }

// Integers reports which inputs and targets are integers.
func (b *streamBatches) Integers() (x, y []bool) { return b.intX, b.intY }

// sample returns the next sample of the epoch.
func (b *streamBatches) sample() (Sample, error, bool) {
	if b.count+b.n == 0 {
		return b.first, b.err, b.ok
	}
	return b.pull()
}

func (b *streamBatches) Next() (int, error) {
	b.count += b.n
	b.batch.resize(b.spec, 0, b.intX, b.intY)
	for b.n = 0; b.n < b.size; b.n++ {
		if b.n > 0 && b.count+b.n == b.spec.Len {
			break // the next batch is empty, or one too many
		}
		s, err, ok := b.sample()
		if !ok {
			break
		}
		if err == nil && b.count+b.n == b.spec.Len {
			err = fmt.Errorf("the source's spec says that there are %d", b.spec.Len)
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

// put adds a sample to the batch, which grows with them: there may be fewer than were
// asked for.
func (b *streamBatches) put(s Sample) error {
	put := func(name string, dst, values [][]float32, dstInts, ints [][]int32, areInts []bool, shapes []tensor.Shape) error {
		if got := max(len(values), len(ints)); got != len(shapes) {
			return fmt.Errorf("there are %d of %s, the source's spec has %d", got, name, len(shapes))
		}
		for i, shape := range shapes {
			if name == "x" && b.spec.texts(i) {
				if len(at(s.T, i)) != shape.Numel() {
					return fmt.Errorf("%s is texts, of shape %v: T[%d] must have as many", part(name, i), shape, i)
				}
				b.batch.T[i] = append(b.batch.T[i], s.T[i]...)
				continue
			}
			numbers, integers := at(values, i), at(ints, i)
			switch {
			case (integers != nil) != at(areInts, i):
				return fmt.Errorf("%s is integers in some samples and numbers in others: it must be one of them in all", part(name, i))
			case integers != nil && len(numbers) > 0:
				return fmt.Errorf("%s is given as numbers and as integers, it can be either", part(name, i))
			}
			if got := len(numbers) + len(integers); got != shape.Numel() {
				return fmt.Errorf("%s has %d values, shape %v needs %d", part(name, i), got, shape, shape.Numel())
			}
			if integers != nil {
				dstInts[i] = append(dstInts[i], integers...)
			} else {
				dst[i] = append(dst[i], numbers...)
			}
		}
		return nil
	}
	if err := put("x", b.batch.X, s.X, b.batch.IntX, s.IntX, b.intX, b.spec.X); err != nil {
		return err
	}
	if err := put("y", b.batch.Y, s.Y, b.batch.IntY, s.IntY, b.intY, b.spec.Y); err != nil {
		return err
	}
	return put("weights", b.batch.W, s.W, nil, nil, nil, b.spec.W)
}

func (b *streamBatches) Read(batch *Batch, _ *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	if err := checkBatch(batch, b.spec, b.n, b.intX, b.intY); err != nil {
		return err
	}
	return copyBatch(batch, &b.batch)
}

// copyBatch copies as much as dst has room for. Integers that are wanted as numbers must be exact in float32.
func copyBatch(dst, src *Batch) error {
	for i := range dst.T {
		copy(dst.T[i], at(src.T, i))
	}
	for i := range src.X {
		if err := copyPart(at(dst.X, i), at(dst.IntX, i), src.X[i], at(src.IntX, i)); err != nil {
			return fmt.Errorf("data: %s: %w", part("x", i), err)
		}
	}
	for i := range src.Y {
		if err := copyPart(at(dst.Y, i), at(dst.IntY, i), src.Y[i], at(src.IntY, i)); err != nil {
			return fmt.Errorf("data: %s: %w", part("y", i), err)
		}
	}
	for i := range dst.W {
		if i < len(src.W) {
			copy(dst.W[i], src.W[i])
		} else {
			ones(dst.W[i]).Run(nil)
		}
	}
	return nil
}

// copyPart copies numbers or integers, or writes integers as numbers.
func copyPart(dst []float32, dstInts []int32, src []float32, ints []int32) error {
	copy(dst, src)
	copy(dstInts, ints)
	if len(ints) < len(dst) {
		return nil // there are none
	}
	for i := range dst {
		v := ints[i]
		if v > number.MaxInteger || v < -number.MaxInteger {
			return inexact(i, int64(v))
		}
		dst[i] = float32(v)
	}
	return nil
}
