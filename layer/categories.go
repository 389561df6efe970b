package layer

// This file has the layers that make categories of numbers: ranges of them, and vectors of what is said by its number.

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Discretization", func() Layer { return &Discretization{} })
	Register("CategoryEncoding", func() Layer { return &CategoryEncoding{} })
}

// What a layer makes of categories that have numbers.
const (
	modeInt      = "int"       // the numbers as they are
	modeOneHot   = "one_hot"   // a vector for each of them
	modeMultiHot = "multi_hot" // a vector for each sample, 1 at the numbers that are in it
	modeCount    = "count"     // a vector for each sample: how often each number is in it
	modeTFIDF    = "tf_idf"    // the same, times a weight of each number
)

// encodable returns an error unless inputs of a shape can be encoded in a mode, which must be one of modes.
func encodable(b *Builder, in tensor.Shape, mode string, modes ...string) error {
	switch {
	case !slices.Contains(modes, mode):
		return b.Errorf("OutputMode is %q, it must be one of %q", mode, modes)
	case (mode == modeMultiHot || mode == modeCount || mode == modeTFIDF) && len(in) != 2:
		return b.Errorf("OutputMode %q makes one vector of the numbers of a sample, so the input must be (batch, numbers)", mode)
	}
	return nil
}

// encoded makes of categories by their numbers, which are below depth, what the mode says. Weights, unless they are nil, are
// what each of them counts.
func encoded(x *graph.Node, mode string, depth int, weights *graph.Node) *graph.Node {
	switch mode {
	case modeInt:
		return x
	case modeMultiHot:
		return x.OneHot(depth).ReduceMax(1)
	case modeCount:
		hot := x.OneHot(depth)
		if weights != nil && weights.Valid() {
			hot = hot.Mul(weights.Reshape(append(weights.Shape().Clone(), 1)...))
		}
		return hot.Sum(1)
	}
	if last := x.Rank() - 1; last > 0 && x.Shape()[last] == 1 {
		x = x.Reshape(x.Shape()[:last]...)
	}
	return x.OneHot(depth)
}

// Discretization turns each number x into the number of the range that x is in. BinBoundaries 0, 1 and 2 make four ranges:
// 0 for x < 0, 1 for 0 ≤ x < 1, 2 for 1 ≤ x < 2, and 3 for 2 ≤ x. NaN is in the last range.
//
// BinBoundaries are given, or Adapt finds them in data, before the layer is applied, so that NumBins ranges hold about equally
// many of the data's numbers.
//
// OutputMode is "int", the number of the range; "one_hot", a vector for each number; or, for inputs (batch, numbers), a vector
// for each sample: "multi_hot", which is 1 at each range that one of the sample's numbers is in, or "count", which has how many
// of its numbers are in each range.
//
// Shapes: any → the same; one_hot: (batch, …, 1) → (batch, …, ranges) and (batch, …) → (batch, …, ranges); multi_hot and
// count: (batch, numbers) → (batch, ranges).
type Discretization struct {
	Name          string
	BinBoundaries []float64 // in increasing order; Adapt sets them
	NumBins       int       `zero:"none"` // that Adapt is to find
	Epsilon       float64   `zero:"0.01"` // how exact Adapt is: the share of the data by which a boundary may be off
	OutputMode    string    `default:"int"`
}

// Build checks the boundaries.
func (l *Discretization) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	switch {
	case l.BinBoundaries == nil && l.NumBins == 0:
		return b.Errorf("it needs BinBoundaries, or NumBins that Adapt is to find")
	case l.BinBoundaries == nil:
		return b.Errorf("it has not seen data: call its Adapt before it is applied, or say BinBoundaries")
	}
	if err := increasing(l.BinBoundaries); err != nil {
		return b.Errorf("%v", err)
	}
	return encodable(b, in[0], config.Resolve(*l).OutputMode, modeInt, modeOneHot, modeMultiHot, modeCount)
}

// increasing returns an error unless boundaries are in order.
func increasing(boundaries []float64) error {
	for i, v := range boundaries {
		if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && v < boundaries[i-1] {
			return fmt.Errorf("BinBoundaries must be finite and in increasing order, number %d is %v", i, v)
		}
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Discretization) Call(c *Context, in []*graph.Node) *graph.Node {
	x := in[0]
	if !x.Valid() {
		return x
	}
	// The number of the range is the first boundary that x is below, and the number of all if it is below none.
	shape := append(x.Shape().Clone(), 1)
	below := c.Graph().Scalar(1).BroadcastTo(shape)
	if n := len(l.BinBoundaries); n > 0 {
		below = graph.Concat(x.Rank(), x.Reshape(shape...).Less(c.Graph().Const(float32Of(l.BinBoundaries), n)), below)
	}
	return encoded(below.ArgMax(x.Rank()), config.Resolve(*l).OutputMode, len(l.BinBoundaries)+1, nil)
}

// Adapt finds BinBoundaries: those of NumBins quantiles of all numbers, with the error that Epsilon allows.
func (l *Discretization) Adapt(data ...*tensor.Tensor) error { return l.AdaptTo(batches(data)) }

// AdaptTo is Adapt for batches.
func (l *Discretization) AdaptTo(batches iter.Seq2[*tensor.Tensor, error]) error {
	cfg := config.Resolve(*l)
	var all summary32
	err := adapting(l, batches, func(t *tensor.Tensor) error {
		switch {
		case recall(l).built:
			return errors.New("it was applied already, with the boundaries that it had")
		case l.NumBins < 1:
			return fmt.Errorf("NumBins is %d: say how many ranges it is to find", l.NumBins)
		case !(cfg.Epsilon > 0 && cfg.Epsilon <= 1):
			return fmt.Errorf("its Epsilon is %v, it must be above 0 and at most 1", cfg.Epsilon)
		}
		narrow, err := t.Cast(tensor.Float32)
		if err != nil {
			return err
		}
		values, err := tensor.Data[float32](narrow)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(values, func(v float32) bool { return v-v != 0 }) {
			return errors.New("the data have numbers that are not finite")
		}
		all = summarize(values, cfg.Epsilon).merge(all).compress(cfg.Epsilon)
		return nil
	})
	if err != nil {
		return err
	}
	found := all.compress(1 / float64(l.NumBins)).values
	l.BinBoundaries = []float64{}
	for _, v := range found[:len(found)-1] {
		l.BinBoundaries = append(l.BinBoundaries, float64(v))
	}
	return nil
}

// A summary32 stands for many numbers: values in increasing order, and how many numbers each of them stands for. How it is
// made is Keras's, keras/src/layers/preprocessing/discretization.py, and so is what it rounds to float32.
type summary32 struct{ values, weights []float32 }

func summarize(values []float32, epsilon float64) summary32 {
	values = slices.Sorted(slices.Values(values))
	step := max(float64(len(values))/(1/epsilon), 1)
	var s summary32
	for i := int(step - 1); i < len(values); i += int(step) {
		s.values, s.weights = append(s.values, values[i]), append(s.weights, float32(step))
	}
	return s
}

// merge puts two summaries together.
func (s summary32) merge(other summary32) summary32 {
	values := slices.Concat(s.values, other.values)
	weights := slices.Concat(s.weights, other.weights)
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	var out summary32
	for _, i := range order {
		out.values, out.weights = append(out.values, values[i]), append(out.weights, weights[i])
	}
	return out
}

// compress returns a summary of 1/epsilon values, those that interpolation finds at as many quantiles, unless s has fewer.
func (s summary32) compress(epsilon float64) summary32 {
	if float64(len(s.values))*epsilon < 1 {
		return s
	}
	sums, shares := make([]float32, len(s.weights)), make([]float64, len(s.weights))
	sum := float32(0)
	for i, w := range s.weights {
		sum += w
		sums[i] = sum
	}
	for i := range sums {
		shares[i] = float64(sums[i] / sum)
	}
	var out summary32
	before := 0.0
	for i := range int(math.Ceil(1 / epsilon)) {
		at := epsilon + float64(float64(i)*epsilon)
		here := interpolated(at, shares, sums)
		out.values = append(out.values, float32(interpolated(at, shares, s.values)))
		out.weights = append(out.weights, float32(here-before))
		before = here
	}
	return out
}

// interpolated is numpy.interp: the value at x of the line through the points (at, values).
func interpolated(x float64, at []float64, values []float32) float64 {
	last := len(at) - 1
	// i is the last point that is not beyond x.
	i, exact := slices.BinarySearch(at, x)
	for exact && i < last && at[i+1] == x {
		i++
	}
	if !exact {
		i--
	}
	switch {
	case i < 0:
		return float64(values[0])
	case i >= last || at[i] == x:
		return float64(values[min(i, last)])
	}
	slope := (float64(values[i+1]) - float64(values[i])) / (at[i+1] - at[i])
	return float64(slope*(x-at[i])) + float64(values[i])
}

// CategoryEncoding turns the numbers of categories, integers from 0 to NumTokens-1, into vectors. Any other number in the data
// is a *data.IntegerError.
//
// OutputMode is "multi_hot", a vector for each sample that is 1 at each number in the sample; "count", a vector of how often
// each number is in the sample; or "one_hot", a vector for each number. In mode "count" a second input of the same shape may
// give each number a weight, which is counted in place of 1.
//
// Shapes: (batch, numbers) → (batch, NumTokens); one_hot: (batch, …, 1) → (batch, …, NumTokens) and (batch, …) →
// (batch, …, NumTokens).
type CategoryEncoding struct {
	Name       string
	NumTokens  int
	OutputMode string `default:"multi_hot"`
}

// Build checks the configuration.
func (l *CategoryEncoding) Build(b *Builder, in []tensor.Shape) error {
	mode := config.Resolve(*l).OutputMode
	switch {
	case len(in) == 2 && mode != modeCount:
		return b.Errorf("a second input weighs the numbers, which OutputMode %q doesn't: only %q does", mode, modeCount)
	case len(in) == 2 && !in[0].Equal(in[1]):
		return b.Errorf("the second input weighs the numbers of the first: both must have the same shape")
	case len(in) != 1 && len(in) != 2:
		return b.Errorf("takes one input, or a second one that weighs it, got %d", len(in))
	case l.NumTokens < 1:
		return b.Errorf("NumTokens is %d, it must be at least 1", l.NumTokens)
	}
	return encodable(b, in[0], mode, modeOneHot, modeMultiHot, modeCount)
}

// Call emits the layer's nodes.
func (l *CategoryEncoding) Call(_ *Context, in []*graph.Node) *graph.Node {
	var weights *graph.Node
	if len(in) > 1 {
		weights = in[1]
	}
	return encoded(in[0].Integers(l.NumTokens), config.Resolve(*l).OutputMode, l.NumTokens, weights)
}
