package loss

// This file has the losses of the largest margin.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// Hinge is the mean of max(1 - yTrue·yPred, 0) over the last axis. Targets are -1
// and 1; if all of a batch are 0 or 1, they are taken for those.
type Hinge struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "hinge".
func (Hinge) Name() string { return "hinge" }

// TargetShape returns the shape of the output.
func (Hinge) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (Hinge) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return margin(yTrue, yPred).Mean(-1)
}

// SquaredHinge is the mean of max(1 - yTrue·yPred, 0)² over the last axis; see
// Hinge.
type SquaredHinge struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "squared_hinge".
func (SquaredHinge) Name() string { return "squared_hinge" }

// TargetShape returns the shape of the output.
func (SquaredHinge) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (SquaredHinge) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return margin(yTrue, yPred).Square().Mean(-1)
}

func margin(yTrue, yPred *graph.Node) *graph.Node {
	g := yPred.Graph()
	one := g.Scalar(1)
	bits := yTrue.Equal(g.Scalar(0)).Max(yTrue.Equal(one)).ReduceMin()
	yTrue = graph.Select(bits, yTrue.MulScalar(2).Sub(one), yTrue)
	return one.Sub(yTrue.Mul(yPred)).Relu()
}

// CategoricalHinge is max(neg - pos + 1, 0), where pos is the output of the target's
// class and neg the greatest of the others. Targets are one-hot.
type CategoricalHinge struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_hinge".
func (CategoricalHinge) Name() string { return "categorical_hinge" }

// TargetShape returns the shape of the output.
func (CategoricalHinge) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (CategoricalHinge) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	one := yPred.Graph().Scalar(1)
	pos := yTrue.Mul(yPred).Sum(-1)
	neg := one.Sub(yTrue).Mul(yPred).ReduceMax(-1)
	return neg.Sub(pos).Add(one).Relu()
}
