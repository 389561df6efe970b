package loss

// This file has the losses on numbers.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// MeanSquaredError is the mean of (yTrue - yPred)² over the last axis.
type MeanSquaredError struct{}

// Name returns "mean_squared_error".
func (MeanSquaredError) Name() string { return "mean_squared_error" }

// TargetShape returns the shape of the output.
func (MeanSquaredError) TargetShape(output tensor.Shape) (tensor.Shape, error) { return output, nil }

// Loss emits the loss of each sample.
func (MeanSquaredError) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return yTrue.Sub(yPred).Square().Mean(-1)
}
