package data

// This file has what layers do with samples on the host, ahead of a network, and shows data to those that learn from them.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// Preprocess returns a source of the samples of s after layers that work on the host, such as a TextVectorization, a
// StringLookup or a Hashing. The first layer is applied to all inputs of s, each further one to the output of the layer before
// it. The output of the last layer is the only input of the new samples; targets and weights stay.
//
// A model that begins with such layers does this by itself. Preprocess does it once for several models, or ahead of training:
// Prefetch(Preprocess(s, vectorize), 2).
func Preprocess(s Source, layers ...layer.Host) (Source, error) {
	spec, err := SpecOf(s)
	if err != nil {
		return nil, err
	}
	if len(layers) == 0 {
		return nil, errors.New("data: Preprocess needs a layer")
	}
	var inputs []*layer.Node
	for i, shape := range spec.X {
		input := &layer.Input{Shape: shape}
		if spec.texts(i) {
			input.DType = tensor.String
		}
		inputs = append(inputs, layer.Apply(input))
	}
	nodes := inputs
	for _, l := range layers {
		nodes = []*layer.Node{layer.Apply(l, nodes...)}
	}
	n, err := layer.NewNetwork(inputs, nodes)
	if err != nil {
		return nil, fmt.Errorf("data: Preprocess: %w", err)
	}
	return Ahead(s, n), nil
}

// Ahead returns a source of the samples of s after those layers of the network n that work on the host. s has the inputs of n,
// the new source those of its graph: n.Feeds. If no layer works on the host, it is s. Models do this by themselves; Ahead is for
// steps of one's own, made by train.NewStep.
func Ahead(s Source, n *layer.Network) Source {
	if s == nil || n == nil || n.Front() == nil {
		return s
	}
	return &ahead{s, n}
}

type ahead struct {
	Source
	network *layer.Network
}

func (a *ahead) Spec() Spec {
	s := a.made(a.Source.Spec())
	s.Buckets = slices.Clone(s.Buckets)
	for i, b := range s.Buckets {
		s.Buckets[i] = a.made(b)
	}
	return s
}

// made describes what is made of samples that s describes.
func (a *ahead) made(s Spec) Spec {
	var shapes []tensor.Shape
	if !s.open() {
		if front, err := a.network.Front().At(s.X, 0, nil); err == nil {
			shapes = front.Shapes()
		}
	}
	if shapes == nil {
		for _, x := range a.network.Feeds() {
			shapes = append(shapes, x.Shape()[1:])
		}
	}
	was := s.Bytes
	s.X, s.Types, s.Bytes = shapes, nil, nil
	if was != nil {
		for _, x := range a.network.Feeds() {
			s.Bytes = append(s.Bytes, at(was, slices.Index(a.network.Inputs(), x)))
		}
	}
	return s
}

// CheckLabels asks the source, if it can say.
func (a *ahead) CheckLabels(i, classes int) error {
	if c, ok := a.Source.(LabelChecker); ok {
		return c.CheckLabels(i, classes)
	}
	return nil
}

func (a *ahead) Epoch(ctx context.Context, c EpochConfig) (Batches, error) {
	spec, err := SpecOf(a.Source)
	if err != nil {
		return nil, err
	}
	inputs := a.network.Inputs()
	if len(spec.X) != len(inputs) {
		return nil, fmt.Errorf("data: there are %d inputs, the network has %d", len(spec.X), len(inputs))
	}
	for i, x := range inputs {
		if !spec.X[i].Fits(x.Shape()[1:]) || spec.texts(i) != x.Texts() {
			return nil, fmt.Errorf("data: %s is %s of shape %v, the network takes %s of shape %v", part("x", i), kind(spec.texts(i)), spec.X[i], kind(x.Texts()), x.Shape()[1:])
		}
	}
	if err := spec.fits(spec.atMost(max(c.BatchSize, 1)), 1, "a batch"); err != nil {
		return nil, err
	}
	inner, err := Epoch(ctx, a.Source, c)
	if err != nil {
		return nil, err
	}
	b := &aheadBatches{Batches: inner, network: a.network, front: a.network.Front(), spec: spec, made: a.Spec()}
	b.open = b.made.open()
	b.inX, b.intY = integersOf(inner)
	for _, x := range a.network.Feeds() {
		from := slices.Index(inputs, x)
		b.from, b.intX = append(b.from, from), append(b.intX, from >= 0 && at(b.inX, from))
	}
	return b, nil
}

// kind names what an input is.
func kind(texts bool) string {
	if texts {
		return "texts"
	}
	return "numbers"
}

type aheadBatches struct {
	Batches
	network    *layer.Network
	spec, made Spec // of the source, and of what the graph is fed with
	open       bool // batches may differ in their shapes: Next reads them, to know these
	front      *layer.Front
	n          int
	inX        []bool // which of the source's inputs are integers
	intX, intY []bool // which of what the graph is fed with, and of the targets
	from       []int  // which input is passed on to the graph; -1: it is made of some
	raw        Batch  // the inputs as the source has them
	in         []layer.Values
}

// Integers reports which of what the graph is fed with are integers.
func (b *aheadBatches) Integers() (x, y []bool) { return b.intX, b.intY }

func (b *aheadBatches) Next() (int, error) {
	n, err := b.Batches.Next()
	if b.n = n; err != nil || !b.open {
		return n, err
	}
	shapes := ShapesOf(b.Batches, b.spec)
	b.made.X, b.made.Y, b.made.W = nil, shapes.Y, shapes.W
	b.raw.resize(Spec{X: shapes.X, Y: shapes.Y, W: shapes.W, Types: b.spec.Types}, n, b.inX, b.intY)
	if err = b.Batches.Read(&b.raw, nil); err == nil {
		b.list()
		b.front, err = b.network.Front().At(shapes.X, n, b.in)
	}
	if err != nil {
		b.n = 0
		return 0, err
	}
	b.made.X = b.front.Shapes()
	return n, nil
}

// list puts the inputs of a batch that was read where layers take them.
func (b *aheadBatches) list() {
	b.in = b.in[:0]
	for i := range b.spec.X {
		b.in = append(b.in, layer.Values{Texts: at(b.raw.T, i), Numbers: b.raw.X[i], Integers: at(b.raw.IntX, i)})
	}
}

// Shapes describes what is made of the present batch.
func (b *aheadBatches) Shapes() Spec { return b.made }

func (b *aheadBatches) Read(batch *Batch, p *Pool) error {
	if b.n == 0 {
		return errNoBatch
	}
	if err := checkBatch(batch, b.made, b.n, b.intX, b.intY); err != nil {
		return err
	}
	if b.open {
		targets := Batch{Y: batch.Y, IntY: batch.IntY, W: batch.W}
		if err := copyBatch(&targets, &Batch{Y: b.raw.Y, IntY: b.raw.IntY, W: b.raw.W}); err != nil {
			return err
		}
	} else {
		b.raw.resize(Spec{X: b.spec.X, Types: b.spec.Types}, b.n, b.inX, nil)
		b.raw.Y, b.raw.IntY, b.raw.W = batch.Y, batch.IntY, batch.W
		if err := b.Batches.Read(&b.raw, p); err != nil {
			return err
		}
		b.list()
		b.raw.Y, b.raw.IntY, b.raw.W = nil, nil, nil
	}
	for i, dst := range batch.IntX {
		if dst != nil {
			copy(dst, b.raw.IntX[b.from[i]])
		}
	}
	out := batch.X
	if len(out) < len(b.from) {
		out = append(slices.Clone(out), make([][]float32, len(b.from)-len(out))...)
	}
	return b.front.Transform(p, b.n, b.in, out)
}

// Prompt reports that the batches wait for nobody but ctx.
func (b *aheadBatches) Prompt() bool { return true }

// Adapt lets a layer learn, as Keras's adapt does, from input i of all samples of s. It reads them once, in their order.
func Adapt(ctx context.Context, l layer.Adapter, s Source, i int) error {
	spec, err := SpecOf(s)
	switch {
	case err != nil:
		return err
	case config.IsNil(l):
		return errors.New("data: Adapt: the layer is nil")
	case i < 0 || i >= len(spec.X):
		return fmt.Errorf("data: Adapt: there is no input %d among %d", i, len(spec.X))
	}
	const size = 256 // samples that are read at once
	if err := spec.fits(spec.atMost(size), 1, "a batch"); err != nil {
		return err
	}
	batches, err := Epoch(ctx, s, EpochConfig{BatchSize: size})
	if err != nil {
		return err
	}
	defer batches.Close()
	integers, _ := integersOf(batches)
	return l.AdaptTo(func(yield func(*tensor.Tensor, error) bool) {
		var raw Batch
		for {
			n, err := batches.Next()
			if err == io.EOF {
				return
			}
			var t *tensor.Tensor
			if err == nil {
				raw.resize(Spec{X: spec.X, Types: spec.Types}, n, integers, nil)
				err = batches.Read(&raw, nil)
			}
			shape := append(tensor.Shape{n}, spec.X[i]...)
			switch {
			case err != nil:
			case at(integers, i):
				t, err = tensor.Of(raw.IntX[i], shape...)
			case spec.texts(i):
				t, err = tensor.Of(raw.T[i], shape...)
			default:
				t, err = tensor.Of(raw.X[i], shape...)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	})
}
