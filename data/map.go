package data

// This file changes samples at random on their way.

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/rng"
)

// Map is a source of the samples of s as f changes them: images that are shifted, turned around, covered in part. f gets
// each sample in memory of its own and changes its numbers there; their shapes stay. What s has as integers, such as labels, f
// gets as integers. Where targets or weights aren't wanted, as in Predict, it gets none.
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
	b := &mappedBatches{Batches: inner, f: m.f, config: c}
	b.x.areInts, b.y.areInts = integersOf(inner)
	return b, nil
}

type mappedBatches struct {
	Batches
	f       func(Sample, *Random) error
	config  EpochConfig
	count   int // samples before the present batch
	n       int // of the present batch
	x, y    typed
	batch   Batch    // what f changes
	changes []change // one for each sample of a batch
}

// typed are the inputs or the targets of a batch as f gets them: integers where the source has them, whatever is wanted.
type typed struct {
	areInts  []bool // which of them are integers
	numbers  [][]float32
	integers [][]int32
	own      [][]int32 // the integers that are wanted as numbers
}

// bind has what is read be where it is wanted, but for integers that are wanted as numbers.
func (t *typed) bind(numbers [][]float32, integers [][]int32) {
	t.numbers, t.integers = t.numbers[:0], t.integers[:0]
	for i := range max(len(numbers), len(integers)) {
		values, ints := at(numbers, i), at(integers, i)
		if ints == nil && at(t.areInts, i) {
			if t.own == nil {
				t.own = make([][]int32, len(t.areInts))
			}
			t.own[i] = room(t.own[i], len(values), mem.Make[int32])
			values, ints = nil, t.own[i]
		}
		t.numbers, t.integers = append(t.numbers, values), append(t.integers, ints)
	}
}

// convert writes integers to where numbers are wanted.
func (t *typed) convert(name string, numbers [][]float32) error {
	for i, dst := range numbers {
		if len(dst) > 0 && at(t.areInts, i) {
			if err := copyPart(dst, nil, nil, t.integers[i]); err != nil {
				return fmt.Errorf("data: %s: %w", part(name, i), err)
			}
		}
	}
	return nil
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

// Integers reports which inputs and targets are integers.
func (b *mappedBatches) Integers() (x, y []bool) { return b.x.areInts, b.y.areInts }

func (b *mappedBatches) Read(batch *Batch, p *Pool) error {
	b.x.bind(batch.X, batch.IntX)
	b.y.bind(batch.Y, batch.IntY)
	b.batch = Batch{X: b.x.numbers, IntX: b.x.integers, Y: b.y.numbers, IntY: b.y.integers, W: batch.W, T: batch.T}
	if err := b.Batches.Read(&b.batch, p); err != nil {
		return err
	}
	if len(b.changes) < b.n {
		b.changes = make([]change, b.n)
	}
	p.Run(b, b.n)
	for i := range b.changes[:b.n] {
		if err := b.changes[i].err; err != nil {
			return fmt.Errorf("data: sample %d of the epoch: %w", b.count+i, err)
		}
	}
	if err := b.x.convert("x", batch.X); err != nil {
		return err
	}
	return b.y.convert("y", batch.Y)
}

// Shapes describes the samples of the present batch.
func (b *mappedBatches) Shapes() Spec { return ShapesOf(b.Batches, Spec{}) }

// Do changes sample i of the batch.
func (b *mappedBatches) Do(_, i int) {
	c, all := &b.changes[i], &b.batch
	c.sample = Sample{
		X: rowOf(c.sample.X, all.X, i, b.n), Y: rowOf(c.sample.Y, all.Y, i, b.n), W: rowOf(c.sample.W, all.W, i, b.n), T: rowOf(c.sample.T, all.T, i, b.n),
		IntX: rowOf(c.sample.IntX, all.IntX, i, b.n), IntY: rowOf(c.sample.IntY, all.IntY, i, b.n),
	}
	// Each sample begins where none before it comes to: it may draw 2²⁴ words.
	c.random.reader = rng.New(b.config.Seed, rng.MapStream, b.config.Epoch).ReaderAt(uint64(b.count+i) << 24)
	c.err = b.f(c.sample, &c.random)
}

// rowOf returns what sample i of n has of each part of a batch, in a list that may be used again.
func rowOf[T any](list, parts [][]T, i, n int) [][]T {
	list = list[:0]
	for _, values := range parts {
		width := len(values) / n
		list = append(list, values[i*width:][:width:width])
	}
	return list
}
