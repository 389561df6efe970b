package graph

// This file makes the nodes that reduce or normalise along axes. A negative
// axis counts from the end; no axes given means all of them.

import "github.com/cornu-ml/cornu/tensor"

// Sum adds up the axes, which vanish.
func (n *Node) Sum(axes ...int) *Node { return n.sum(axes, false) }

// SumKeep adds up the axes, which stay, of size 1.
func (n *Node) SumKeep(axes ...int) *Node { return n.sum(axes, true) }

func (n *Node) sum(axes []int, keep bool) *Node {
	if n.Valid() && n.Rank() == 0 && len(axes) == 0 {
		return n
	}
	return apply(OpSum, Attr{Axes: axes, Keep: keep}, n)
}

// Mean averages over the axes, which vanish. The mean of nothing is NaN.
func (n *Node) Mean(axes ...int) *Node { return n.Sum(axes...).Div(n.Numel(axes...)) }

// MeanKeep averages over the axes, which stay, of size 1.
func (n *Node) MeanKeep(axes ...int) *Node { return n.SumKeep(axes...).Div(n.Numel(axes...)) }

// ReduceMax returns the greatest element along the axes, which vanish; NaN if
// one is. Elements that tie share the gradient evenly, as in TensorFlow.
func (n *Node) ReduceMax(axes ...int) *Node { return apply(OpReduceMax, Attr{Axes: axes}, n) }

// ReduceMaxKeep is ReduceMax with the axes kept, of size 1.
func (n *Node) ReduceMaxKeep(axes ...int) *Node {
	return apply(OpReduceMax, Attr{Axes: axes, Keep: true}, n)
}

// ReduceMin returns the least element along the axes, which vanish; NaN if one
// is. Elements that tie share the gradient evenly.
func (n *Node) ReduceMin(axes ...int) *Node { return apply(OpReduceMin, Attr{Axes: axes}, n) }

// ReduceMinKeep is ReduceMin with the axes kept, of size 1.
func (n *Node) ReduceMinKeep(axes ...int) *Node {
	return apply(OpReduceMin, Attr{Axes: axes, Keep: true}, n)
}

// ArgMax returns the index of the first greatest element along the axis, which
// vanishes. NaN counts as greatest, as in NumPy.
func (n *Node) ArgMax(axis int) *Node { return apply(OpArgMax, Attr{Axes: []int{axis}}, n) }

// Numel returns the scalar product of the sizes of the axes. It is a constant
// unless one of them is the batch.
func (n *Node) Numel(list ...int) *Node {
	all, msg := axes(list, n.Rank())
	if !n.Valid() || msg != "" {
		return apply(OpNumel, Attr{Axes: list}, n)
	}
	count := 1
	for _, i := range all {
		if n.shape[i] == tensor.Batch {
			return apply(OpNumel, Attr{Axes: list}, n)
		}
		count *= n.shape[i]
	}
	return n.Graph().Scalar(float64(count))
}

// Softmax returns exp(n) / Σ exp(n), the sum along the axis.
func (n *Node) Softmax(axis int) *Node { return apply(OpSoftmax, Attr{Axes: []int{axis}}, n) }

// LogSoftmax returns n - log Σ exp(n), the sum along the axis.
func (n *Node) LogSoftmax(axis int) *Node { return apply(OpLogSoftmax, Attr{Axes: []int{axis}}, n) }

// SoftmaxCrossentropy returns the cross-entropy -Σ target · log softmax(logits)
// over the last axis, which vanishes.
//
// With clip > 0 it is Keras's loss on probabilities: they are kept within
// [clip, 1-clip] before the logarithm, and no gradient flows through one that
// was outside. With clip 0 it is the loss from logits, by log-softmax.
//
// The target has the logits' shape or, if sparse, that without the last axis,
// and holds class indices; a number that is no index counts as a target of zeros.
func SoftmaxCrossentropy(logits, target *Node, clip float64, sparse bool) *Node {
	return apply(OpSoftmaxCrossentropy, Attr{Clip: clip, Sparse: sparse}, logits, target)
}
