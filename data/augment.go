package data

// This file has what layers change at random done to samples on their way.

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// Augment returns a source of the samples of s whose first input, images, layers have changed as in training, one behind the other:
// RandomFlip, RandomRotation, RandomCrop, RandAugment, or Resizing. They have no weights. All else of a sample stays. It is for the data of a
// training alone: those of its validation stay as they are.
//
// What is drawn depends on the seed of the training, the epoch and the place of the sample in the epoch. So it is other in every
// epoch, and the same for any size of the batches and any number of cores. As layers of a model, the same layers draw by the
// step and the place in the batch, and the network waits for them; here they work on other cores if the samples are read ahead:
// Prefetch(augmented, 2).
func Augment(s Source, layers ...layer.Layer) (Source, error) {
	spec, err := SpecOf(s)
	switch {
	case err != nil:
		return nil, err
	case len(layers) == 0:
		return nil, errors.New("data: Augment needs a layer")
	case len(spec.X) == 0 || spec.texts(0):
		return nil, errors.New("data: Augment: the samples need images as their first input")
	case spec.X[0].HasBatch():
		return nil, fmt.Errorf("data: Augment: images must be of one size, not of shape %v", spec.X[0])
	}
	x := layer.Apply(&layer.Input{Shape: spec.X[0]})
	y := x
	for _, l := range layers {
		y = layer.Apply(l, y)
	}
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
	if err != nil {
		return nil, fmt.Errorf("data: Augment: %w", err)
	}
	g := graph.New()
	a := &augmented{Source: s, in: g.Input("images", x.Shape())}
	switch to := y.Shape(); {
	case n.Front() != nil:
		return nil, errors.New("data: Augment: there is a layer that works on the host: see Preprocess")
	case len(n.Variables()) > 0:
		return nil, fmt.Errorf("data: Augment: there are weights, %q: a layer that learns belongs in a model", n.Variables()[0].Path)
	case len(to) == 0 || to[0] != tensor.Batch:
		return nil, fmt.Errorf("data: Augment: what comes out has shape %v: its first dimension must be that of the batch", to)
	default:
		a.to = to[1:]
	}
	a.out = n.Trace(layer.NewContext(g, true), []*graph.Node{a.in})[0]
	if a.plan, err = plan.Compile(plan.Program{Graph: g, Outputs: []*graph.Node{a.out}}, plan.Config{Batch: 1}); err != nil {
		return nil, fmt.Errorf("data: Augment: %w", err)
	}
	return a, nil
}

type augmented struct {
	Source
	to      tensor.Shape // of a changed image
	plan    *plan.Plan   // of one
	in, out *graph.Node
}

func (a *augmented) Spec() Spec {
	s := a.Source.Spec()
	if s.X = slices.Clone(s.X); len(s.X) > 0 {
		s.X[0] = a.to
	}
	return s
}

// CheckLabels asks the source, if it can say.
func (a *augmented) CheckLabels(i, classes int) error {
	if c, ok := a.Source.(LabelChecker); ok {
		return c.CheckLabels(i, classes)
	}
	return nil
}

func (a *augmented) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	spec, err := SpecOf(a.Source)
	if err != nil {
		return nil, err
	}
	if from := a.in.Shape()[1:]; len(spec.X) == 0 || !spec.X[0].Equal(from) {
		return nil, fmt.Errorf("data: Augment: the first input had shape %v, and has others now: %v", from, spec.X)
	}
	if err := spec.fits(spec.atMost(max(c.BatchSize, 1)), 1, "a batch"); err != nil {
		return nil, err
	}
	inner, err := Epoch(ctx, a.Source, c)
	if err != nil {
		return nil, err
	}
	r := rng.New(c.Seed, rng.AugmentStream, c.Epoch).Reader()
	low, high := uint64(r.Uint32()), uint64(r.Uint32())
	return &augmentedBatches{Batches: inner, of: a, from: Spec{X: spec.X[:1]}, seed: low | high<<32}, nil
}

type augmentedBatches struct {
	Batches
	of      *augmented
	from    Spec   // of the images alone
	seed    uint64 // of the epoch's random numbers
	count   int    // samples before the present batch
	n       int    // of the present batch
	raw     Batch  // the images as the source has them
	full    Batch  // and what stays
	changed []float32
	execs   []*plan.Exec // one for each worker
}

func (b *augmentedBatches) Next() (int, error) {
	b.count += b.n
	n, err := b.Batches.Next()
	b.n = n
	return n, err
}

// Integers reports which inputs and targets are integers. The images are numbers, whatever they were.
func (b *augmentedBatches) Integers() (x, y []bool) {
	x, y = integersOf(b.Batches)
	if len(x) > 0 {
		x = slices.Clone(x)
		x[0] = false
	}
	return x, y
}

func (b *augmentedBatches) Read(batch *Batch, p *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	b.raw.resize(b.from, b.n, nil, nil)
	b.full.X = append(append(b.full.X[:0], b.raw.X[0]), batch.X[1:]...)
	b.full.T, b.full.IntX, b.full.Y, b.full.IntY, b.full.W = batch.T, batch.IntX, batch.Y, batch.IntY, batch.W
	if err := b.Batches.Read(&b.full, p); err != nil {
		return err
	}
	if len(b.execs) < p.Workers() {
		b.execs = append(b.execs, make([]*plan.Exec, p.Workers()-len(b.execs))...)
	}
	b.changed = batch.X[0]
	p.Run(b, b.n)
	return nil
}

// Do changes sample i of the batch.
func (b *augmentedBatches) Do(worker, i int) {
	e := b.execs[worker]
	if e == nil {
		e = b.of.plan.Bind(nil)
		b.execs[worker] = e
	}
	in, out := e.Value(b.of.in), e.Value(b.of.out)
	e.Seed, e.Step = b.seed, uint64(b.count+i)
	copy(in, b.raw.X[0][i*len(b.raw.X[0])/b.n:])
	e.Compute(nil)
	copy(b.changed[i*len(out):], out)
}
