// Package data brings samples to a network: arrays in memory, generators, and
// what is done with them before training, such as splitting, limiting and
// weighting.
//
// A [Source] says what its samples look like and gives the batches of an epoch.
// [Arrays] is the usual one; it gathers shuffled rows straight into the memory
// that the network computes on, converting bytes on the way. [Func] makes a
// source of a generator, [Map] changes samples at random, and [Prefetch] reads ahead.
package data

import (
	"context"
	"errors"
	"slices"

	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// A Spec describes the samples of a source.
type Spec struct {
	X, Y []tensor.Shape // of one sample, without the batch: the inputs, the targets
	// W has the shapes of the weights of a sample. It is empty if all samples weigh 1.
	// If it has one shape, (), a sample has one weight, for all targets. Else it has a
	// shape for each target: (), or that of the target's first axes, whose steps then
	// have a weight each.
	W   []tensor.Shape
	Len int // samples of an epoch, -1 if that is not known

	// Buckets says of a source whose batches differ in their shapes what it is made of: samples of one shape each, of which a batch
	// has those of one bucket. X, Y and W have tensor.None then where shapes differ, and Len is the sum of theirs. It may be nil
	// although there are several shapes, if they aren't known before.
	Buckets []Spec

	// Types has an entry for each of X, or is nil: tensor.String says that an input is texts, all else that it is numbers.
	Types []tensor.DType

	// Bytes has for each of X the range of numbers that bytes were converted to, a zero
	// Range for an input that wasn't made of bytes. It is nil if no input was. A model
	// that was trained on bytes in one range refuses bytes in another.
	Bytes []Range
}

// texts reports whether input i is texts.
func (s Spec) texts(i int) bool { return i < len(s.Types) && s.Types[i] == tensor.String }

// open reports whether batches may differ in their shapes.
func (s Spec) open() bool {
	for _, shapes := range [][]tensor.Shape{s.X, s.Y, s.W} {
		for _, shape := range shapes {
			if slices.Contains(shape, tensor.None) {
				return true
			}
		}
	}
	return false
}

// fitsIn reports whether samples of shapes are among those of a pattern.
func (s Spec) fitsIn(pattern Spec) bool {
	fit := func(list, patterns []tensor.Shape) bool { return slices.EqualFunc(list, patterns, tensor.Shape.Fits) }
	return fit(s.X, pattern.X) && fit(s.Y, pattern.Y) && fit(s.W, pattern.W)
}

// Batches returns how many batches of a size an epoch has, 0 if that is not known.
func (s Spec) Batches(size int) int {
	if size < 1 || s.Len < 1 {
		return 0
	}
	if s.Buckets == nil {
		return (s.Len-1)/size + 1
	}
	n := 0
	for _, b := range s.Buckets {
		n += b.Batches(size)
	}
	return n
}

// A Range is the numbers that the bytes 0 and 255 were converted to. Those between are
// evenly spaced.
type Range struct{ Low, High float64 }

// An EpochConfig says how to go through the samples once.
type EpochConfig struct {
	BatchSize int
	Shuffle   bool
	Seed      uint64 // of the shuffle, together with Epoch
	Epoch     uint64
}

// A Source has samples.
type Source interface {
	Spec() Spec
	// Epoch starts an epoch. Epochs may overlap, as when one is validated while
	// another is under way. ctx is that of the training or evaluation: when it
	// ends, what waits in Next or Read returns its error.
	Epoch(ctx context.Context, c EpochConfig) (Batches, error)
}

// A LabelChecker is a source that can look at its labels before training.
type LabelChecker interface {
	// CheckLabels returns a *LabelError if target i, which holds labels, has one
	// that is not a whole number from 0 to classes-1.
	CheckLabels(i, classes int) error
}

// A Splitter is a source of which a part can be held back for validation.
type Splitter interface {
	// Split returns the samples without the last fraction of them, and that
	// fraction.
	Split(fraction float64) (train, validation *Arrays, err error)
}

// Batches are the batches of one epoch, for one goroutine.
type Batches interface {
	// Next goes to the next batch and returns how many samples it has: BatchSize,
	// but for the last. At the end it returns io.EOF.
	Next() (n int, err error)
	// Read fills b, which has room for the samples of this batch. It is called at
	// most once after each Next. It may work on the pool.
	Read(b *Batch, p *Pool) error
	// Close ends the epoch, finished or not.
	Close()
}

// Shaped are the batches of a source whose Spec has shapes with tensor.None.
type Shaped interface {
	Batches
	// Shapes describes the samples of the batch that Next went to: X, Y and W, without tensor.None.
	Shapes() Spec
}

// ShapesOf describes the samples of the batch that Next went to, of a source that a Spec describes.
func ShapesOf(b Batches, s Spec) Spec {
	if shaped, ok := b.(Shaped); ok {
		return shaped.Shapes()
	}
	return s
}

// A Batch is the memory that samples are read into: the inputs and targets in the
// order of the source's Spec, each with the samples of the batch one after
// another. Whoever reads gives it, and says so what is wanted.
type Batch struct {
	X, Y [][]float32 // Y is empty where targets aren't wanted
	W    [][]float32 // the weights; empty if not wanted, 1 if the source has none
	T    [][]string  // the inputs that are texts, in the places of X, where they are nil; empty if there are none

	// IntX and IntY are the inputs and the targets that are wanted as integers, in the places of X and Y, where they are nil.
	// They may be shorter. Only of IntegerBatches can they be wanted.
	IntX, IntY [][]int32
}

// IntegerBatches are batches that have integers, such as labels and the numbers of words, and give them as int32 to who
// wants them so. As float32 they give them too, or say that a float32 can't hold one. A source that wraps another gives what
// its own methods do: Batches that are embedded have only those of the interface, and are of float32.
type IntegerBatches interface {
	Batches
	// Integers reports which of the inputs and of the targets can be read as integers. What the lists lack can't.
	Integers() (x, y []bool)
}

// integersOf returns what the batches say of themselves.
func integersOf(b Batches) (x, y []bool) {
	if b, ok := b.(IntegerBatches); ok {
		return b.Integers()
	}
	return nil, nil
}

// at returns element i of a list, its zero value if there is none.
func at[T any](list []T, i int) (none T) {
	if 0 <= i && i < len(list) {
		return list[i]
	}
	return none
}

// A Pool is the set of workers that the library computes on. A source or a column
// need not use it. To do n pieces of work at the same time, it calls p.Run(job, n)
// with a value that has the method Do(worker, index int); a nil Pool is one
// worker, the caller.
type Pool = par.Pool

var errNoBatch = errors.New("data: Read without a batch from Next")
