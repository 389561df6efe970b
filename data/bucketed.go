package data

// This file makes one source of several whose samples differ in shape: of sequences in buckets of some lengths.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// Bucketed is the source of all samples of sources that differ in the sizes of axes, such as sequences of some lengths, each of which
// has as many inputs, targets and weights as the others, with as many axes. A batch has samples of one source, so that all of a
// batch have one shape; the last batch of each source may be smaller. When samples are shuffled, so is which source comes next. A
// model takes them whose Input has tensor.None where they differ.
//
// The number of samples of each must be known.
func Bucketed(sources ...Source) (Source, error) {
	if len(sources) == 0 {
		return nil, fmt.Errorf("data: Bucketed: %w", ErrEmpty)
	}
	b := &bucketed{sources: slices.Clone(sources)}
	for i, s := range sources {
		spec, err := SpecOf(s)
		switch {
		case err != nil:
			return nil, fmt.Errorf("data: Bucketed: source %d: %w", i, err)
		case spec.Len < 1:
			return nil, fmt.Errorf("data: Bucketed: source %d has %d samples: they must be known, and at least 1", i, spec.Len)
		case spec.open():
			return nil, fmt.Errorf("data: Bucketed: source %d has samples of several shapes, %v and %v", i, spec.X, spec.Y)
		}
		all := b.spec
		b.spec = Spec{Len: all.Len + spec.Len, Types: spec.Types, Bytes: spec.Bytes, Buckets: append(all.Buckets, spec)}
		if i == 0 {
			b.spec.X, b.spec.Y, b.spec.W = spec.X, spec.Y, spec.W
			continue
		}
		var ok [3]bool
		b.spec.X, ok[0] = joined(all.X, spec.X)
		b.spec.Y, ok[1] = joined(all.Y, spec.Y)
		b.spec.W, ok[2] = joined(all.W, spec.W)
		switch {
		case ok != [3]bool{true, true, true}:
			return nil, fmt.Errorf("data: Bucketed: source %d has samples of shapes %v to %v, weights %v, those before it %v to %v, weights %v: there must be as many, with as many axes",
				i, spec.X, spec.Y, spec.W, all.X, all.Y, all.W)
		case !slices.Equal(spec.Types, all.Types) || !slices.Equal(spec.Bytes, all.Bytes):
			return nil, fmt.Errorf("data: Bucketed: the inputs of source %d are of other types than those before it, or bytes that became other numbers", i)
		}
	}
	return b, nil
}

// joined returns shapes that are those of both lists, with tensor.None where these differ. ok is false if they have not as many axes.
func joined(a, b []tensor.Shape) (list []tensor.Shape, ok bool) {
	if len(a) != len(b) {
		return nil, false
	}
	for i, shape := range a {
		if len(shape) != len(b[i]) {
			return nil, false
		}
		shape = shape.Clone()
		for k, d := range b[i] {
			if shape[k] != d {
				shape[k] = tensor.None
			}
		}
		list = append(list, shape)
	}
	return list, true
}

// BucketBySequenceLength is Buckets with PadSequences and Bucketed: the source of all sequences, in batches of sequences of similar
// lengths, which are padded with zeros to the length of their bucket. Row i of y is the target of sequence i; y is nil if there are no
// targets.
func BucketBySequenceLength[T tensor.Element](sequences [][]T, y *tensor.Tensor, pad PadConfig, bounds ...int) (Source, error) {
	buckets, err := Buckets(sequences, bounds...)
	switch {
	case err != nil:
		return nil, err
	case pad.MaxLen != 0:
		return nil, errors.New("data: BucketBySequenceLength: MaxLen is the bound of each bucket, it can't be given")
	case y != nil && (len(y.Shape()) == 0 || y.Dim(0) != len(sequences)):
		return nil, fmt.Errorf("data: BucketBySequenceLength: there are %d sequences, the targets have the shape %v", len(sequences), y.Shape())
	case y != nil && y.DType() == tensor.String:
		return nil, errors.New("data: BucketBySequenceLength: the targets are texts: a StringLookup makes numbers of classes")
	}
	var sources []Source
	for _, b := range buckets {
		list := make([][]T, len(b.Rows))
		rows := make([]int32, len(b.Rows))
		for i, row := range b.Rows {
			list[i], rows[i] = sequences[row], int32(row)
		}
		var zero T
		pad.MaxLen = b.Bound
		x, err := PadSequences(list, zero, pad)
		if err != nil {
			return nil, err
		}
		a, err := New(x, nil)
		if err == nil && y != nil {
			a.Y, err = rowsOf(y, rows)
		}
		if err != nil {
			return nil, err
		}
		sources = append(sources, a)
	}
	return Bucketed(sources...)
}

// rowsOf returns a column of some rows of y.
func rowsOf(y *tensor.Tensor, rows []int32) ([]Column, error) {
	all, err := FromTensor(y)
	if err != nil {
		return nil, err
	}
	shape := all.Shape()
	if err := mem.Check(len(rows), 4*float64(shape.Numel()), "data: targets of shape %v of %d sequences", shape, len(rows)); err != nil {
		return nil, err
	}
	var column Column
	if c, ok := all.(integerColumn); ok {
		values := make([]int32, len(rows)*shape.Numel())
		c.integers(values, rows).Run(nil)
		column, err = Integers(values, shape...)
	} else {
		values := make([]float32, len(rows)*shape.Numel())
		all.Kernel(values, rows).Run(nil)
		column, err = Floats(values, shape...)
	}
	return []Column{column}, err
}

type bucketed struct {
	sources []Source
	spec    Spec
}

func (b *bucketed) Spec() Spec { return b.spec }

// CheckLabels asks the sources that can say.
func (b *bucketed) CheckLabels(i, classes int) error {
	for k, s := range b.sources {
		if c, ok := s.(LabelChecker); ok {
			if err := c.CheckLabels(i, classes); err != nil {
				return fmt.Errorf("bucket %d: %w", k, err)
			}
		}
	}
	return nil
}

// streams keeps apart the shuffles of the sources, and that of the order in which they come: a fraction of the golden ratio.
const streams = 0x9E3779B97F4A7C15

func (b *bucketed) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	all := &bucketedBatches{specs: b.spec.Buckets, current: -1}
	for i, s := range b.sources {
		one := c
		one.Seed += streams * uint64(i)
		batches, err := Epoch(ctx, s, one)
		if err != nil {
			all.Close()
			return nil, err
		}
		all.parts = append(all.parts, batches)
		for range b.spec.Buckets[i].Batches(c.BatchSize) {
			all.order = append(all.order, int32(i))
		}
	}
	if c.Shuffle {
		perm := make([]int32, len(all.order))
		rng.Perm(perm, c.Seed+streams*uint64(len(b.sources)), c.Epoch)
		for i, at := range perm {
			perm[i] = all.order[at]
		}
		all.order = perm
	}
	return all, nil
}

type bucketedBatches struct {
	specs   []Spec
	parts   []Batches
	order   []int32 // which source each batch is of
	next    int     // in order
	current int     // the source of the present batch, -1 if there is none
}

func (b *bucketedBatches) Next() (int, error) {
	if b.next == len(b.order) {
		b.current = -1
		return 0, io.EOF
	}
	b.current = int(b.order[b.next])
	b.next++
	n, err := b.parts[b.current].Next()
	if err == io.EOF {
		err = errors.New("data: a source of Bucketed gave batches of fewer samples than were asked for, before its last")
	}
	return n, err
}

func (b *bucketedBatches) Read(batch *Batch, p *Pool) error {
	if b.current < 0 {
		return errNoBatch
	}
	return b.parts[b.current].Read(batch, p)
}

// Integers reports which inputs and targets are integers in all sources.
func (b *bucketedBatches) Integers() (x, y []bool) {
	for i, part := range b.parts {
		inX, inY := integersOf(part)
		if i == 0 {
			x, y = slices.Clone(inX), slices.Clone(inY)
		}
		for k := range x {
			x[k] = x[k] && at(inX, k)
		}
		for k := range y {
			y[k] = y[k] && at(inY, k)
		}
	}
	return x, y
}

// Shapes describes the samples of the present batch.
func (b *bucketedBatches) Shapes() Spec { return b.specs[max(b.current, 0)] }

func (b *bucketedBatches) Close() {
	for _, part := range b.parts {
		part.Close()
	}
}

// Prompt reports that the batches wait for nobody but ctx.
func (b *bucketedBatches) Prompt() bool { return true }
