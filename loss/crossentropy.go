package loss

// This file has the losses on probabilities of classes.

import (
	"errors"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
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
	LabelSmoothing float64   // in [0, 1]: targets become yTrue·(1-s) + s/classes
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_crossentropy".
func (CategoricalCrossentropy) Name() string { return "categorical_crossentropy" }

// TargetShape returns the shape of the output.
func (CategoricalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return output, classes(output, "binary_crossentropy")
}

// Loss emits the loss of each sample.
func (l CategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue = smoothed(yTrue, l.LabelSmoothing)
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
	FromLogits  bool
	IgnoreClass *int      // targets of this class have no loss, and don't count; nil: none
	Reduction   Reduction `default:"sum_over_batch_size"`
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

// Mask emits 0 at the targets to ignore and 1 at the others; nil if all count.
func (l SparseCategoricalCrossentropy) Mask(yTrue, yPred *graph.Node) *graph.Node {
	if l.IgnoreClass == nil {
		return nil
	}
	return indices(yTrue, yPred).NotEqual(yPred.Graph().Scalar(float64(*l.IgnoreClass)))
}

// Loss emits the loss of each sample.
func (l SparseCategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue = indices(yTrue, yPred)
	clip := epsilon
	if logits := logitsOf(yPred); logits != nil && !l.FromLogits {
		yPred, l.FromLogits = logits, true
	} else if l.FromLogits {
		clip = 0
	}
	mask := l.Mask(yTrue, yPred)
	if mask != nil {
		// Whatever the output is there, an infinity or 0/0 too, nothing comes of it.
		yPred = graph.Select(mask.Reshape(append(mask.Shape().Clone(), 1)...), yPred, yPred.Graph().Scalar(1))
	}
	var values *graph.Node
	if l.FromLogits {
		values = graph.SoftmaxCrossentropy(yPred, yTrue, clip, true)
	} else {
		values = yTrue.OneHot(depth(yPred)).Mul(logProbability(yPred)).Sum(-1).Neg()
	}
	if mask != nil {
		values = graph.Select(mask, values, yPred.Graph().Scalar(0))
	}
	return values
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

// smoothed takes some of the targets' certainty.
func smoothed(yTrue *graph.Node, s float64) *graph.Node {
	if s == 0 {
		return yTrue
	}
	return yTrue.MulScalar(1 - s).Add(yTrue.Graph().Scalar(s).Div(yTrue.Numel(-1)))
}

// CategoricalFocalCrossentropy is CategoricalCrossentropy in which samples that
// are predicted well weigh less (Lin et al. 2018): each term has the factor
// Alpha · (1 - p)^Gamma.
type CategoricalFocalCrossentropy struct {
	Alpha          *float64  `default:"0.25"`
	Gamma          *float64  `default:"2"`
	FromLogits     bool      // outputs go through a softmax first
	LabelSmoothing float64   // in [0, 1]: targets become yTrue·(1-s) + s/classes
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_focal_crossentropy".
func (CategoricalFocalCrossentropy) Name() string { return "categorical_focal_crossentropy" }

// TargetShape returns the shape of the output.
func (CategoricalFocalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return output, classes(output, "binary_focal_crossentropy")
}

// Loss emits the loss of each sample.
func (l CategoricalFocalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	l = config.Resolve(l)
	g := yPred.Graph()
	yTrue = smoothed(yTrue, l.LabelSmoothing)
	if l.FromLogits {
		yPred = yPred.Softmax(-1)
	}
	p := yPred.Div(yPred.SumKeep(-1)).Clip(epsilon, 1-epsilon)
	factor := g.Scalar(1).Sub(p).Pow(g.Scalar(*l.Gamma)).MulScalar(*l.Alpha)
	return factor.Mul(yTrue.Mul(p.Log())).Sum(-1).Neg()
}

// BinaryCrossentropy is the mean of -yTrue·log yPred - (1 - yTrue)·log(1 - yPred)
// over the last axis: every output is a probability of its own. Outputs are kept
// within [1e-7, 1-1e-7], unless FromLogits.
type BinaryCrossentropy struct {
	FromLogits     bool
	LabelSmoothing float64   // in [0, 1]: targets become yTrue·(1-s) + s/2
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "binary_crossentropy".
func (BinaryCrossentropy) Name() string { return "binary_crossentropy" }

// TargetShape returns the shape of the output.
func (BinaryCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (l BinaryCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	yTrue = halved(yTrue, l.LabelSmoothing)
	if l.FromLogits {
		rest := yTrue.Graph().Scalar(1).Sub(yTrue)
		return yTrue.Mul(yPred.Neg().Softplus()).Add(rest.Mul(yPred.Softplus())).Mean(-1)
	}
	return binary(yTrue, yPred).Mean(-1)
}

// halved takes some of the targets' certainty, of two classes.
func halved(yTrue *graph.Node, s float64) *graph.Node {
	if s == 0 {
		return yTrue
	}
	return yTrue.MulScalar(1 - s).AddScalar(0.5 * s)
}

// binary is the cross-entropy of every element.
func binary(yTrue, yPred *graph.Node) *graph.Node {
	one := yPred.Graph().Scalar(1)
	p := yPred.Clip(epsilon, 1-epsilon)
	hit, miss := yTrue.Mul(p.Log()), one.Sub(yTrue).Mul(one.Sub(p).Log())
	return hit.Add(miss).Neg()
}

// BinaryFocalCrossentropy is BinaryCrossentropy in which outputs that are right
// weigh less (Lin et al. 2018): each has the factor (1 - p)^Gamma, p the
// probability of what the target says.
type BinaryFocalCrossentropy struct {
	ApplyClassBalancing bool      // the factor Alpha for targets of 1, and 1-Alpha for those of 0
	Alpha               *float64  `default:"0.25"`
	Gamma               *float64  `default:"2"`
	FromLogits          bool      // outputs go through a sigmoid first
	LabelSmoothing      float64   // in [0, 1]: targets become yTrue·(1-s) + s/2
	Reduction           Reduction `default:"sum_over_batch_size"`
}

// Name returns "binary_focal_crossentropy".
func (BinaryFocalCrossentropy) Name() string { return "binary_focal_crossentropy" }

// TargetShape returns the shape of the output.
func (BinaryFocalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return same(output)
}

// Loss emits the loss of each sample.
func (l BinaryFocalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	l = config.Resolve(l)
	yTrue, yPred = align(yTrue, yPred)
	g := yPred.Graph()
	one := g.Scalar(1)
	yTrue = halved(yTrue, l.LabelSmoothing)
	if l.FromLogits {
		yPred = yPred.Sigmoid()
	}
	rest := one.Sub(yTrue)
	right := yTrue.Mul(yPred).Add(rest.Mul(one.Sub(yPred)))
	focal := one.Sub(right).Pow(g.Scalar(*l.Gamma)).Mul(binary(yTrue, yPred))
	if l.ApplyClassBalancing {
		focal = yTrue.MulScalar(*l.Alpha).Add(rest.MulScalar(1 - *l.Alpha)).Mul(focal)
	}
	return focal.Mean(-1)
}

// KLDivergence is Σ yTrue · log(yTrue / yPred) over the last axis (Kullback and
// Leibler 1951), both kept within [1e-7, 1].
type KLDivergence struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "kl_divergence".
func (KLDivergence) Name() string { return "kl_divergence" }

// TargetShape returns the shape of the output.
func (KLDivergence) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (KLDivergence) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	yTrue, yPred = yTrue.Clip(epsilon, 1), yPred.Clip(epsilon, 1)
	return yTrue.Mul(yTrue.Div(yPred).Log()).Sum(-1)
}
