package data

// This file weights samples by their classes.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// ClassWeights is the source s with the weights of the classes as sample weights.
// The class of a sample is the largest element of its target, or its only one; a
// class that weights doesn't hold weighs 1. A source that has weights already, or
// not exactly one target, is an error, as in Keras.
func ClassWeights(s Source, weights map[int]float64) (Source, error) {
	if s == nil {
		return nil, errors.New("data: there is no source to weight")
	}
	spec := s.Spec()
	switch {
	case len(spec.Y) != 1:
		return nil, fmt.Errorf("data: class weights need one target, there are %d: weigh the samples of each, by Arrays.TargetWeights", len(spec.Y))
	case len(spec.W) > 0:
		return nil, fmt.Errorf("data: there are sample weights, so there can't be class weights")
	}
	width := spec.Y[0].Numel()
	if width < 1 {
		return nil, fmt.Errorf("data: class weights need targets of one shape, not %v", spec.Y[0])
	}
	for class, w := range weights {
		switch {
		case class < 0 || width > 1 && class >= width:
			return nil, fmt.Errorf("data: there is a weight for class %d, but targets have shape %v", class, spec.Y[0])
		case !(w >= 0 && w <= math.MaxFloat32):
			return nil, fmt.Errorf("data: the weight of class %d is %v, it must be finite and not negative", class, w)
		}
	}
	return &classWeights{s, width, weights}, nil
}

type classWeights struct {
	Source
	width   int
	weights map[int]float64
}

// oneWeight are the shapes of the weights of samples that have one each.
var oneWeight = []tensor.Shape{{}}

func (c *classWeights) Spec() Spec {
	s := c.Source.Spec()
	s.W = oneWeight
	if s.Buckets != nil {
		s.Buckets = slices.Clone(s.Buckets)
		for i := range s.Buckets {
			s.Buckets[i].W = oneWeight
		}
	}
	return s
}

func (c *classWeights) Epoch(ctx context.Context, config EpochConfig) (Batches, error) {
	b, err := c.Source.Epoch(ctx, config)
	if err != nil {
		return nil, err
	}
	return &weightedBatches{b, c}, nil
}

type weightedBatches struct {
	Batches
	classes *classWeights
}

// Shapes describes the samples of the present batch.
func (b *weightedBatches) Shapes() Spec {
	s := ShapesOf(b.Batches, Spec{})
	s.W = oneWeight
	return s
}

// Prompt reports whether the batches wait for nobody but ctx.
func (b *weightedBatches) Prompt() bool {
	inner, ok := b.Batches.(prompter)
	return ok && inner.Prompt()
}

// Integers reports which inputs and targets are integers.
func (b *weightedBatches) Integers() (x, y []bool) { return integersOf(b.Batches) }

func (b *weightedBatches) Read(batch *Batch, p *Pool) error {
	labels := at(batch.IntY, 0)
	if err := b.Batches.Read(batch, p); err != nil || len(batch.Y) == 0 && labels == nil {
		return err
	}
	if len(batch.W) == 0 {
		return nil
	}
	width, weights := b.classes.width, batch.W[0]
	for i := range weights {
		class := 0
		switch {
		case labels != nil && width > 1:
			class = argMax(labels[i*width : (i+1)*width])
		case labels != nil:
			class = int(labels[i])
		case width > 1:
			class = argMax(batch.Y[0][i*width : (i+1)*width])
		default:
			class = int(batch.Y[0][i])
		}
		if w, ok := b.classes.weights[class]; ok {
			weights[i] = float32(w)
		}
	}
	return nil
}

func argMax[T float32 | int32](x []T) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
