package loss

// This file has the losses on probabilities of classes.

import (
	"errors"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// epsilon is Keras's: probabilities are kept within [epsilon, 1-epsilon].
const epsilon = 1e-7

// CategoricalCrossentropy is -Σ yTrue · log yPred over the last axis, the
// classes. Targets are one-hot, or probabilities.
//
// Outputs are probabilities unless FromLogits. Keras scales them to a sum of 1
// and keeps them within [1e-7, 1-1e-7], so that a sample whose true class has a
// probability below 1e-7 gets no gradient. FromLogits has no such limit.
type CategoricalCrossentropy struct {
	FromLogits     bool
	LabelSmoothing float64 // in [0, 1]: targets become yTrue·(1-s) + s/classes
}

// Name returns "categorical_crossentropy".
func (CategoricalCrossentropy) Name() string { return "categorical_crossentropy" }

// TargetShape returns the shape of the output.
func (CategoricalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return output, classes(output, "binary_crossentropy")
}

// Loss emits the loss of each sample.
func (l CategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	if s := l.LabelSmoothing; s != 0 {
		n := yTrue.Numel(-1)
		yTrue = yTrue.MulScalar(1 - s).Add(yTrue.Graph().Scalar(s).Div(n))
	}
	if l.FromLogits {
		return graph.SoftmaxCrossentropy(yPred, yTrue, 0, false)
	}
	if logits := logitsOf(yPred); logits != nil {
		return graph.SoftmaxCrossentropy(logits, yTrue, epsilon, false)
	}
	return yTrue.Mul(logProbability(yPred)).Sum(-1).Neg()
}

// SparseCategoricalCrossentropy is CategoricalCrossentropy for targets that are
// the index of the class.
type SparseCategoricalCrossentropy struct {
	FromLogits bool
}

// Name returns "sparse_categorical_crossentropy".
func (SparseCategoricalCrossentropy) Name() string { return "sparse_categorical_crossentropy" }

// TargetShape returns the shape of the output without the classes.
func (SparseCategoricalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	if err := classes(output, "binary_crossentropy"); err != nil {
		return nil, err
	}
	return output[:len(output)-1], nil
}

// Loss emits the loss of each sample.
func (l SparseCategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue = indices(yTrue, yPred)
	if l.FromLogits {
		return graph.SoftmaxCrossentropy(yPred, yTrue, 0, true)
	}
	if logits := logitsOf(yPred); logits != nil {
		return graph.SoftmaxCrossentropy(logits, yTrue, epsilon, true)
	}
	return yTrue.OneHot(depth(yPred)).Mul(logProbability(yPred)).Sum(-1).Neg()
}

// classes returns an error unless the last axis of the output can be classes.
func classes(output tensor.Shape, instead string) error {
	switch {
	case len(output) < 2:
		return errors.New("the output needs a last axis, the classes")
	case output[len(output)-1] == 1:
		return errors.New("one class alone always has probability 1: for a choice of two use " + instead)
	}
	return nil
}

// indices drops a last dimension of 1 from targets that are class indices.
func indices(yTrue, yPred *graph.Node) *graph.Node {
	if s := yTrue.Shape(); len(s) > 0 && len(s) == yPred.Rank() && s[len(s)-1] == 1 {
		return yTrue.Reshape(s[:len(s)-1]...)
	}
	return yTrue
}

func depth(yPred *graph.Node) int {
	s := yPred.Shape()
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// logitsOf returns what the softmax over the last axis was taken of, or nil.
// From there the loss and its gradient are one operation.
func logitsOf(yPred *graph.Node) *graph.Node {
	if yPred.Op() != graph.OpSoftmax || yPred.Attr().Axes[0] != yPred.Rank()-1 {
		return nil
	}
	return yPred.Inputs()[0]
}

// logProbability scales the probabilities to a sum of 1, clips them and takes
// the logarithm.
func logProbability(p *graph.Node) *graph.Node {
	return p.Div(p.SumKeep(-1)).Clip(epsilon, 1-epsilon).Log()
}
