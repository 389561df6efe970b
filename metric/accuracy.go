package metric

// This file has the share of predictions that are right, in its several forms.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Accuracy is the share of samples that are predicted right, in the form that
// the shapes ask for, as Keras's "accuracy" does: BinaryAccuracy for outputs of
// width 1, SparseCategoricalAccuracy for targets of width 1 (or of one dimension
// less), CategoricalAccuracy for one-hot targets.
type Accuracy struct{ higher }

// Name returns "accuracy".
func (Accuracy) Name() string { return "accuracy" }

// Class returns "accuracy": the class that Keras calls Accuracy is ExactAccuracy.
func (Accuracy) Class() string { return "accuracy" }

// Update emits the sums of the batch.
func (Accuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return formOf(yTrue.Shape(), yPred.Shape()).Update(yTrue, yPred, weight)
}

// formOf chooses as keras/src/trainers/compile_utils.py does.
func formOf(target, output tensor.Shape) Metric {
	switch {
	case last(output) == 1:
		return BinaryAccuracy{}
	case len(target) < len(output) || last(target) == 1 && last(output) > 1:
		return SparseCategoricalAccuracy{}
	}
	return CategoricalAccuracy{}
}

// last returns the last dimension, 1 for a scalar.
func last(s tensor.Shape) int {
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// ExactAccuracy is the share of outputs that equal their targets. It is the class
// Accuracy of Keras, which the name "accuracy" doesn't mean there either.
type ExactAccuracy struct{ higher }

// Name returns "exact_accuracy".
func (ExactAccuracy) Name() string { return "exact_accuracy" }

// Class returns "Accuracy".
func (ExactAccuracy) Class() string { return "Accuracy" }

// Update emits the sums of the batch.
func (ExactAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return mean(yTrue.Equal(yPred), weight)
}

// BinaryAccuracy is the share of outputs that are on the target's side of the
// threshold.
type BinaryAccuracy struct {
	higher
	Threshold *float64 `default:"0.5"`
}

// Name returns "binary_accuracy".
func (BinaryAccuracy) Name() string { return "binary_accuracy" }

// Update emits the sums of the batch.
func (m BinaryAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	side := yPred.Greater(yPred.Graph().Scalar(*config.Resolve(m).Threshold))
	return mean(yTrue.Equal(side).Mean(-1), weight)
}

// CategoricalAccuracy is the share of samples whose greatest output is at the
// target's class. Targets are one-hot.
type CategoricalAccuracy struct{ higher }

// Name returns "categorical_accuracy".
func (CategoricalAccuracy) Name() string { return "categorical_accuracy" }

// Update emits the sums of the batch.
func (CategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(yTrue.ArgMax(-1).Equal(yPred.ArgMax(-1)), weight)
}

// SparseCategoricalAccuracy is CategoricalAccuracy for targets that are the
// index of the class.
type SparseCategoricalAccuracy struct{ higher }

// Name returns "sparse_categorical_accuracy".
func (SparseCategoricalAccuracy) Name() string { return "sparse_categorical_accuracy" }

// Update emits the sums of the batch.
func (SparseCategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(indices(yTrue, yPred).Equal(yPred.ArgMax(-1)), weight)
}

// TopKCategoricalAccuracy is the share of samples whose class is among the K
// greatest outputs. Targets are one-hot.
type TopKCategoricalAccuracy struct {
	higher
	K int `zero:"5"` // 0: 5
}

// Name returns "top_k_categorical_accuracy".
func (TopKCategoricalAccuracy) Name() string { return "top_k_categorical_accuracy" }

// Update emits the sums of the batch.
func (m TopKCategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(inTopK(yTrue.ArgMax(-1), yPred, config.Resolve(m).K), weight)
}

// SparseTopKCategoricalAccuracy is TopKCategoricalAccuracy for targets that are
// the index of the class.
type SparseTopKCategoricalAccuracy struct {
	higher
	K             int  `zero:"5"`                // 0: 5
	FromSortedIDs bool `keras:"from_sorted_ids"` // outputs are classes, the likeliest first
}

// Name returns "sparse_top_k_categorical_accuracy".
func (SparseTopKCategoricalAccuracy) Name() string { return "sparse_top_k_categorical_accuracy" }

// Update emits the sums of the batch.
func (m SparseTopKCategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	k := config.Resolve(m).K
	label := indices(yTrue, yPred)
	if m.FromSortedIDs {
		first := yPred.SliceAxis(-1, 0, max(min(k, last(yPred.Shape())), 0))
		return mean(column(label).Equal(first).ReduceMax(-1), weight)
	}
	return mean(inTopK(label, yPred, k), weight)
}

// inTopK is 1 where less than k outputs are greater than that of the label.
func inTopK(label, yPred *graph.Node, k int) *graph.Node {
	g := yPred.Graph()
	own := graph.Select(label.OneHot(last(yPred.Shape())), yPred, g.Scalar(0)).SumKeep(-1)
	return yPred.Greater(own).Sum(-1).Less(g.Scalar(float64(k)))
}

// indices drops a last dimension of 1 from targets that are class indices.
func indices(yTrue, yPred *graph.Node) *graph.Node {
	if s := yTrue.Shape(); len(s) > 0 && len(s) == yPred.Rank() && s[len(s)-1] == 1 {
		return yTrue.Reshape(s[:len(s)-1]...)
	}
	return yTrue
}

// align makes the ranks of target and output equal where one of them has a last
// dimension of 1 that the other lacks.
func align(yTrue, yPred *graph.Node) (*graph.Node, *graph.Node) {
	a, b := yTrue.Shape(), yPred.Shape()
	switch {
	case len(a) == len(b)+1 && a[len(a)-1] == 1:
		yTrue = yTrue.Reshape(a[:len(a)-1]...)
	case len(b) == len(a)+1 && b[len(b)-1] == 1:
		yTrue = yTrue.Reshape(b...)
	}
	return yTrue, yPred
}
