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
type Accuracy struct{}

// Name returns "accuracy".
func (Accuracy) Name() string { return "accuracy" }

// Update emits the sums of the batch.
func (Accuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return formOf(yTrue.Shape(), yPred.Shape()).Update(yTrue, yPred, weight)
}

// formOf chooses as keras/src/trainers/compile_utils.py does.
func formOf(target, output tensor.Shape) Metric {
	width := func(s tensor.Shape) int {
		if len(s) == 0 {
			return 1
		}
		return s[len(s)-1]
	}
	switch {
	case width(output) == 1:
		return BinaryAccuracy{}
	case len(target) < len(output) || width(target) == 1 && width(output) > 1:
		return SparseCategoricalAccuracy{}
	}
	return CategoricalAccuracy{}
}

// Result returns the share.
func (Accuracy) Result(totals [][]float64) float64 { return ratio(totals) }

// BinaryAccuracy is the share of outputs that are on the target's side of the
// threshold.
type BinaryAccuracy struct {
	Threshold float64 `default:"0.5"`
}

// Name returns "binary_accuracy".
func (BinaryAccuracy) Name() string { return "binary_accuracy" }

// Update emits the sums of the batch.
func (m BinaryAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	side := yPred.Greater(yPred.Graph().Scalar(config.Resolve(m).Threshold))
	return mean(yTrue.Equal(side).Mean(-1), weight)
}

// Result returns the share.
func (BinaryAccuracy) Result(totals [][]float64) float64 { return ratio(totals) }

// CategoricalAccuracy is the share of samples whose greatest output is at the
// target's class. Targets are one-hot.
type CategoricalAccuracy struct{}

// Name returns "categorical_accuracy".
func (CategoricalAccuracy) Name() string { return "categorical_accuracy" }

// Update emits the sums of the batch.
func (CategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(yTrue.ArgMax(-1).Equal(yPred.ArgMax(-1)), weight)
}

// Result returns the share.
func (CategoricalAccuracy) Result(totals [][]float64) float64 { return ratio(totals) }

// SparseCategoricalAccuracy is CategoricalAccuracy for targets that are the
// index of the class.
type SparseCategoricalAccuracy struct{}

// Name returns "sparse_categorical_accuracy".
func (SparseCategoricalAccuracy) Name() string { return "sparse_categorical_accuracy" }

// Update emits the sums of the batch.
func (SparseCategoricalAccuracy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(indices(yTrue, yPred).Equal(yPred.ArgMax(-1)), weight)
}

// Result returns the share.
func (SparseCategoricalAccuracy) Result(totals [][]float64) float64 { return ratio(totals) }

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
