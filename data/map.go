package data

// This file changes samples at random on their way.

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/rng"
)

// Map is a source of the samples of s as f changes them: images that are shifted, turned around, covered in part. f gets
// each sample in memory of its own and changes its numbers there; their shapes stay. Where targets or weights aren't
// wanted, as in Predict, it gets none.
//
// What r draws depends on the seed of the training, the epoch and the place of the sample in the epoch. So it is other in
// every epoch, and the same for any size of the batches and any number of cores, on which f is called at the same time.
//
// The samples of a batch are changed while training waits for them, unless they are read ahead: Prefetch(Map(s, f), 2).
func Map(s Source, f func(sample Sample, r *Random) error) Source {
	if s == nil {
		return nil
	}
	return &mapped{s, f}
}

// A Random draws random numbers that are the same on every machine.
type Random struct{ reader rng.Reader }

// IntN returns a whole number from 0 to n-1, and 0 if n is less than 1 or more than 2³²-1.
func (r *Random) IntN(n int) int {
	if n < 1 || uint64(n) > math.MaxUint32 {
		return 0
	}
	return int(r.reader.Uint32n(uint32(n)))
}

// Uniform returns a number in [low, high).
func (r *Random) Uniform(low, high float64) float64 {
	return low + float64((high-low)*r.unit())
}

// Normal returns a number of the standard normal distribution.
func (r *Random) Normal() float64 { return fmath.NormalQuantile64(r.unit() + 0x1p-54) }

// unit returns a multiple of 2⁻⁵³ in [0, 1).
func (r *Random) unit() float64 {
	low, high := uint64(r.reader.Uint32()), uint64(r.reader.Uint32())
	return float64((low|high<<32)>>11) * 0x1p-53
}

type mapped struct {
	Source
	f func(Sample, *Random) error
}

func (m *mapped) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	if m.f == nil {
		return nil, errors.New("data: the function that changes the samples is nil")
	}
	inner, err := Epoch(ctx, m.Source, c)
	if err != nil {
		return nil, err
	}
	return &mappedBatches{Batches: inner, f: m.f, config: c}, nil
}

type mappedBatches struct {
	Batches
	f       func(Sample, *Random) error
	config  EpochConfig
	count   int // samples before the present batch
	n       int // of the present batch
	batch   *Batch
	changes []change // one for each sample of a batch
}

// A change is what f is given for a sample, and what it returns.
type change struct {
	sample Sample
	random Random
	err    error
}

func (b *mappedBatches) Next() (int, error) {
	b.count += b.n
	n, err := b.Batches.Next()
	b.n = n
	return n, err
}

func (b *mappedBatches) Read(batch *Batch, p *Pool) error {
	if err := b.Batches.Read(batch, p); err != nil {
		return err
	}
	if len(b.changes) < b.n {
		b.changes = make([]change, b.n)
	}
	b.batch = batch
	p.Run(b, b.n)
	for i := range b.changes[:b.n] {
		if err := b.changes[i].err; err != nil {
			return fmt.Errorf("data: sample %d of the epoch: %w", b.count+i, err)
		}
	}
	return nil
}

// Shapes describes the samples of the present batch.
func (b *mappedBatches) Shapes() Spec { return ShapesOf(b.Batches, Spec{}) }

// Do changes sample i of the batch.
func (b *mappedBatches) Do(_, i int) {
	c := &b.changes[i]
	part := func(parts, list [][]float32) [][]float32 {
		parts = parts[:0]
		for _, values := range list {
			width := len(values) / b.n
			parts = append(parts, values[i*width:][:width:width])
		}
		return parts
	}
	texts := c.sample.T[:0]
	for _, values := range b.batch.T {
		width := len(values) / b.n
		texts = append(texts, values[i*width:][:width:width])
	}
	c.sample = Sample{X: part(c.sample.X, b.batch.X), Y: part(c.sample.Y, b.batch.Y), W: part(c.sample.W, b.batch.W), T: texts}
	// Each sample begins where none before it comes to: it may draw 2²⁴ words.
	c.random.reader = rng.New(b.config.Seed, rng.MapStream, b.config.Epoch).ReaderAt(uint64(b.count+i) << 24)
	c.err = b.f(c.sample, &c.random)
}
