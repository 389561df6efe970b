package layer

// This file has what layers have in common that learn from data before a network is trained.

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// An Adapter is a layer with Keras's adapt: it learns from data before a network is trained, as a Normalization learns means
// and variances and a TextVectorization its vocabulary. Call Adapt before the layer is applied. If the shape of the layer's
// output doesn't depend on what it learns, Adapt may also be called later, until the network is run.
type Adapter interface {
	Layer
	// Adapt learns from all of the data, and forgets what it has learnt before. Each tensor is a part of them, whose
	// first dimension counts the samples.
	Adapt(data ...*tensor.Tensor) error
	// AdaptTo is Adapt for data that come in batches, one after the other. An error among them ends it, and what was
	// learnt before stays. data.Adapt goes through a data.Source.
	AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error
}

// batches gives tensors as AdaptTo takes them.
func batches(data []*tensor.Tensor) iter.Seq2[*tensor.Tensor, error] {
	return func(yield func(*tensor.Tensor, error) bool) {
		for _, t := range data {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// adapting calls learn with each batch that has samples. It is an error if there are none.
func adapting(l Layer, batches iter.Seq2[*tensor.Tensor, error], learn func(t *tensor.Tensor) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("layer: Adapt of %s: %w", describe(l), err)
		}
	}()
	if batches == nil {
		return errNoData
	}
	samples := 0
	for t, err := range batches {
		switch {
		case err != nil:
			return err
		case t == nil || len(t.Shape()) == 0:
			return fmt.Errorf("data must be tensors whose first dimension counts the samples, got %v", t)
		case t.Numel() == 0:
			continue
		}
		samples += t.Dim(0)
		if err := learn(t); err != nil {
			return err
		}
	}
	if samples == 0 {
		return errNoData
	}
	return nil
}

var errNoData = errors.New("there are no data to learn from")

// describe names a layer by its class, and by its name if it has one.
func describe(l Layer) string {
	if name := Name(l); name != "" {
		return fmt.Sprintf("layer %q (%s)", name, Class(l))
	}
	return "a " + Class(l)
}

// moments64 are means and variances of some numbers each, in float64.
type moments64 struct {
	shape          tensor.Shape // of the means
	count          float64      // numbers of each
	mean, variance []float64
}

// add takes in the numbers of a tensor, whose axes to keep are given, sorted. Of two parts the variance is that within
// them and that between their means.
func (m *moments64) add(t *tensor.Tensor, axes []int) error {
	wide, err := t.Cast(tensor.Float64)
	if err != nil {
		return err
	}
	values, err := tensor.Data[float64](wide)
	if err != nil {
		return err
	}
	shape := sizes(t.Shape(), axes)
	if m.shape == nil {
		*m = moments64{shape: shape, mean: make([]float64, shape.Numel()), variance: make([]float64, shape.Numel())}
	}
	if !shape.Equal(m.shape) {
		return fmt.Errorf("the sizes of the axes that have means of their own are %v, in data of shape %v they are %v", m.shape, t.Shape(), shape)
	}
	n := float64(len(values) / shape.Numel())
	place := meanOf(t.Shape(), axes)
	mean, variance := make([]float64, len(m.mean)), make([]float64, len(m.mean))
	for i, v := range values {
		mean[place(i)] += v
	}
	for k := range mean {
		mean[k] /= n
	}
	for i, v := range values {
		d := v - mean[place(i)]
		variance[place(i)] += float64(d * d)
	}
	m.count += n
	weight := n / m.count
	for k := range mean {
		d := mean[k] - m.mean[k]
		m.mean[k] += float64(weight * d)
		m.variance[k] += float64(weight * (variance[k]/n - m.variance[k]))
		m.variance[k] += float64(float64(weight*(1-weight)) * float64(d*d))
	}
	return nil
}

// meanOf returns a function from the place of a number in a tensor to that of its mean.
func meanOf(shape tensor.Shape, axes []int) func(i int) int {
	type axis struct{ below, size, step int }
	var kept []axis
	step := 1
	for _, a := range slices.Backward(axes) {
		kept = append(kept, axis{shape[a+1:].Numel(), shape[a], step})
		step *= shape[a]
	}
	return func(i int) int {
		k := 0
		for _, a := range kept {
			k += i / a.below % a.size * a.step
		}
		return k
	}
}

// keptAxes returns the axes of a layer's field Axis in data of that rank, sorted; none if the field is empty and not
// nil.
func keptAxes(axes []int, rank int) ([]int, error) {
	list := counted(axes, rank)
	for i, a := range list {
		if a < 1 || a >= rank || slices.Contains(list[:i], a) {
			return nil, fmt.Errorf("its Axis is %v: its axes must be some of 1 to %d, each once, or of -1 to %d from the end; an empty list that is not nil is none", axes, rank-1, 1-rank)
		}
	}
	return list, nil
}

func float32Of(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

var _ Adapter = (*Normalization)(nil)

func init() { Register("Normalization", func() Layer { return &Normalization{} }) }

// Normalization brings numbers to mean 0 and variance 1, by means and variances that are known before training:
//
//	y = (x - mean) / max(√variance, 1e-7)
//
// Adapt computes them from data, or the fields Mean and Variance give them. To run a model that has neither is an error, where
// Keras takes 0 and 1. The layer has no trainable variables.
//
// Shapes: any → the same; mean and variance have the sizes of the axes; count, which Keras's files have, is 0.
type Normalization struct {
	Name string
	Axis []int `default:"-1"` // axes whose every index has a mean of its own; []int{}, which isn't nil: there is one for all numbers

	// Mean and Variance are said together, or neither: one number for all, or one for each index of the last axes of
	// Axis, in row-major order.
	Mean, Variance []float64
	Invert         bool // turn what was normalized back: y = mean + x · max(√variance, 1e-7)

	mean, variance *Variable
	learnt         *moments64
}

// Build declares the variables, unless Mean and Variance say what they are.
func (l *Normalization) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	axes, err := keptAxes(config.Resolve(*l).Axis, len(in[0]))
	if err != nil {
		return b.Errorf("%v", err)
	}
	shape := sizes(in[0], axes)
	switch {
	case (l.Mean == nil) != (l.Variance == nil):
		return b.Errorf("Mean and Variance must be said together, or found together by Adapt")
	case l.Mean == nil && l.learnt != nil && l.learnt.count > 0 && !l.learnt.shape.Equal(shape):
		return b.Errorf("it was adapted to data whose axes %v have the sizes %v, here they have %v", axes, l.learnt.shape, shape)
	case l.Mean == nil:
		if l.learnt == nil {
			l.learnt = &moments64{}
		}
		l.mean = b.Variable("mean", shape, VariableConfig{Initializer: adapted{l.learnt, false}, NonTrainable: true})
		l.variance = b.Variable("variance", shape, VariableConfig{Initializer: adapted{l.learnt, true}, NonTrainable: true})
		b.Variable("count", tensor.Shape{}, VariableConfig{Initializer: initializer.Zeros{}, NonTrainable: true})
		return nil
	case len(l.Mean) != len(l.Variance):
		return b.Errorf("Mean has %d numbers and Variance %d, they must have as many", len(l.Mean), len(l.Variance))
	}
	if given(l.Mean, shape) == nil {
		return b.Errorf("Mean has %d numbers: axes of sizes %v take one, or one for each index of the last of them", len(l.Mean), shape)
	}
	for _, v := range l.Variance {
		if !(v >= 0) {
			return b.Errorf("Variance has %v, which is none", v)
		}
	}
	return nil
}

// given returns the shape of values that are said of axes of some sizes: of the last of them, or of none if they are
// one number. It is nil if they have another number.
func given(values []float64, sizes tensor.Shape) tensor.Shape {
	for i := len(sizes); i >= 0; i-- {
		if sizes[i:].Numel() == len(values) {
			return append(tensor.Shape{}, sizes[i:]...)
		}
	}
	return nil
}

// adapted initializes a variable with what Adapt has found. It doesn't hold the layer, which is forgotten when nobody else
// holds it.
type adapted struct {
	moments  *moments64
	variance bool
}

// Name names the rule.
func (adapted) Name() string { return "adapted" }

// Init copies what was found. It is an error if nothing was.
func (a adapted) Init(dst []float32, _ tensor.Shape, _ uint64, _ uint16) error {
	switch m := a.moments; {
	case len(m.mean) != len(dst):
		return errors.New("the Normalization has not seen data: call its Adapt, or say Mean and Variance")
	case a.variance:
		copy(dst, float32Of(m.variance))
	default:
		copy(dst, float32Of(m.mean))
	}
	return nil
}

// Adapt finds means and variances in float64: those of all data together.
func (l *Normalization) Adapt(data ...*tensor.Tensor) error { return l.AdaptTo(batches(data)) }

// AdaptTo is Adapt for batches.
func (l *Normalization) AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error {
	var m moments64
	err := adapting(l, batches, func(t *tensor.Tensor) error {
		if l.Mean != nil || l.Variance != nil {
			return fmt.Errorf("its Mean and Variance say already what it would find")
		}
		axes, err := keptAxes(config.Resolve(*l).Axis, len(t.Shape()))
		if err == nil && l.mean != nil && !sizes(t.Shape(), axes).Equal(l.mean.Shape) {
			err = fmt.Errorf("the data have shape %v, and the layer was applied to what has axes %v of sizes %v", t.Shape(), axes, l.mean.Shape)
		}
		if err != nil {
			return err
		}
		return m.add(t, axes)
	})
	if err != nil {
		return err
	}
	if l.learnt == nil {
		l.learnt = new(moments64)
	}
	*l.learnt = m
	if l.mean == nil {
		return nil
	}
	if err := l.mean.Assign(float32Of(m.mean)); err != nil {
		return err
	}
	return l.variance.Assign(float32Of(m.variance))
}

// Call emits the layer's nodes.
func (l *Normalization) Call(c *Context, in []*graph.Node) *graph.Node {
	x := in[0]
	axes, _ := keptAxes(config.Resolve(*l).Axis, x.Rank()) // Build has looked at them
	mean, variance := spread(c, l.mean, x, axes), spread(c, l.variance, x, axes)
	if l.Mean != nil && x.Valid() {
		along := func(values []float64) *graph.Node {
			said := given(values, sizes(x.Shape(), axes))
			shape := slices.Repeat(tensor.Shape{1}, x.Rank())
			for i, size := range said {
				shape[axes[len(axes)-len(said)+i]] = size
			}
			return c.Graph().Const(float32Of(values), shape[1:]...)
		}
		mean, variance = along(l.Mean), along(l.Variance)
	}
	deviation := variance.Sqrt().Max(c.Graph().Scalar(1e-7))
	if l.Invert {
		return mean.Add(x.Mul(deviation))
	}
	return x.Sub(mean).Div(deviation)
}
