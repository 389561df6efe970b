package loss

// This file has the losses on probabilities of classes.

import (
	"errors"
	"fmt"
	"slices"

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
	Axis           int       `zero:"-1"` // of the classes; 0: the last
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_crossentropy".
func (CategoricalCrossentropy) Name() string { return "categorical_crossentropy" }

// TargetShape returns the shape of the output.
func (l CategoricalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return output, classes(output, l.Axis, "binary_crossentropy")
}

// Loss emits the loss of each sample.
func (l CategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue = smoothed(last(yTrue, l.Axis), l.LabelSmoothing)
	if l.FromLogits {
		return graph.SoftmaxCrossentropy(last(yPred, l.Axis), yTrue, 0, false)
	}
	if logits := logitsOf(yPred, l.Axis); logits != nil {
		return graph.SoftmaxCrossentropy(last(logits, l.Axis), yTrue, epsilon, false)
	}
	return yTrue.Mul(logProbability(last(yPred, l.Axis))).Sum(-1).Neg()
}

// SparseCategoricalCrossentropy is CategoricalCrossentropy for targets that are
// the index of the class.
type SparseCategoricalCrossentropy struct {
	FromLogits  bool
	IgnoreClass *int      // targets of this class have no loss, and don't count; nil: none
	Axis        int       `zero:"-1"` // of the classes; 0: the last
	Reduction   Reduction `default:"sum_over_batch_size"`
}

// Name returns "sparse_categorical_crossentropy".
func (SparseCategoricalCrossentropy) Name() string { return "sparse_categorical_crossentropy" }

// TargetShape returns the shape of the output without the classes.
func (l SparseCategoricalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	if err := classes(output, l.Axis, "binary_crossentropy"); err != nil {
		return nil, err
	}
	at := place(l.Axis, len(output))
	return slices.Delete(output.Clone(), at, at+1), nil
}

// Classes returns the size of the output's axis of classes, and the class to ignore.
func (l SparseCategoricalCrossentropy) Classes(output tensor.Shape) (classes int, others []int) {
	if _, err := l.TargetShape(output); err != nil {
		return 0, nil
	}
	if l.IgnoreClass != nil {
		others = []int{*l.IgnoreClass}
	}
	return output[place(l.Axis, len(output))], others
}

// Mask emits 0 at the targets to ignore and 1 at the others; nil if all count.
func (l SparseCategoricalCrossentropy) Mask(yTrue, yPred *graph.Node) *graph.Node {
	if l.IgnoreClass == nil {
		return nil
	}
	return indices(yTrue, yPred, l.Axis).NotEqual(yPred.Graph().Scalar(float64(*l.IgnoreClass)))
}

// Loss emits the loss of each sample.
func (l SparseCategoricalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue = indices(yTrue, yPred, l.Axis)
	clip := epsilon
	if logits := logitsOf(yPred, l.Axis); logits != nil && !l.FromLogits {
		yPred, l.FromLogits = logits, true
	} else if l.FromLogits {
		clip = 0
	}
	yPred = last(yPred, l.Axis)
	mask := SparseCategoricalCrossentropy{IgnoreClass: l.IgnoreClass}.Mask(yTrue, yPred)
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

// classes returns an error unless that axis of the output can be classes.
func classes(output tensor.Shape, axis int, instead string) error {
	switch at := place(axis, len(output)); {
	case len(output) < 2:
		return errors.New("the output needs a last axis, the classes")
	case at < 1 || at >= len(output):
		return fmt.Errorf("axis %d can't be the classes: it must be one of 1 … %d, or count from the end", axis, len(output)-1)
	case output[at] == 1:
		return errors.New("one class alone always has probability 1: for a choice of two use " + instead)
	}
	return nil
}

// place returns the axis, counted from the beginning. 0 is the last.
func place(axis, rank int) int {
	switch {
	case axis == 0:
		return rank - 1
	case axis < 0:
		return axis + rank
	}
	return axis
}

// last makes the axis the last one.
func last(x *graph.Node, axis int) *graph.Node {
	at := place(axis, x.Rank())
	if at == x.Rank()-1 || !x.Valid() {
		return x
	}
	var order []int
	for i := range x.Rank() {
		if i != at {
			order = append(order, i)
		}
	}
	return x.Transpose(append(order, at)...)
}

// indices drops a dimension of 1 at the axis from targets that are class indices.
func indices(yTrue, yPred *graph.Node, axis int) *graph.Node {
	s := yTrue.Shape()
	if at := place(axis, len(s)); len(s) > 0 && len(s) == yPred.Rank() && at >= 0 && at < len(s) && s[at] == 1 {
		return yTrue.Reshape(slices.Delete(s.Clone(), at, at+1)...)
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

// logitsOf returns what the softmax over the axis was taken of, or nil.
// From there the loss and its gradient are one operation.
func logitsOf(yPred *graph.Node, axis int) *graph.Node {
	if yPred.Op() != graph.OpSoftmax || yPred.Attr().Axes[0] != place(axis, yPred.Rank()) {
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
	Alphas         []float64 `keras:"alphas,ours"` // one for each class, in the place of Alpha
	Gamma          *float64  `default:"2"`
	FromLogits     bool      // outputs go through a softmax first
	LabelSmoothing float64   // in [0, 1]: targets become yTrue·(1-s) + s/classes
	Axis           int       `zero:"-1"` // of the classes; 0: the last
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_focal_crossentropy".
func (CategoricalFocalCrossentropy) Name() string { return "categorical_focal_crossentropy" }

// TargetShape returns the shape of the output.
func (l CategoricalFocalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	err := classes(output, l.Axis, "binary_focal_crossentropy")
	if n := len(l.Alphas); err == nil && n > 0 && output[place(l.Axis, len(output))] != n {
		err = fmt.Errorf("there are %d Alphas, and %d classes", n, output[place(l.Axis, len(output))])
	}
	return output, err
}

// Loss emits the loss of each sample.
func (l CategoricalFocalCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	l = config.Resolve(l)
	g := yPred.Graph()
	yTrue, yPred = smoothed(last(yTrue, l.Axis), l.LabelSmoothing), last(yPred, l.Axis)
	if l.FromLogits {
		yPred = yPred.Softmax(-1)
	}
	p := yPred.Div(yPred.SumKeep(-1)).Clip(epsilon, 1-epsilon)
	factor := g.Scalar(1).Sub(p).Pow(g.Scalar(*l.Gamma))
	if len(l.Alphas) == 0 {
		factor = factor.MulScalar(*l.Alpha)
	} else {
		alphas := make([]float32, len(l.Alphas))
		for i, a := range l.Alphas {
			alphas[i] = float32(a)
		}
		factor = factor.Mul(g.Const(alphas, len(alphas)))
	}
	return factor.Mul(yTrue.Mul(p.Log())).Sum(-1).Neg()
}

// CategoricalGeneralizedCrossEntropy is (1 - p^Q) / Q, p the probability of the
// target's class: between cross-entropy, for a small Q, and the mean absolute error,
// for one near 1, which wrong labels disturb less (Zhang and Sabuncu 2018). Targets
// are the index of the class.
type CategoricalGeneralizedCrossEntropy struct {
	Q         float64   `zero:"0.5"` // in (0, 1); 0: 0.5
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "categorical_generalized_cross_entropy".
func (CategoricalGeneralizedCrossEntropy) Name() string {
	return "categorical_generalized_cross_entropy"
}

// TargetShape returns the shape of the output without the classes.
func (l CategoricalGeneralizedCrossEntropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	if q := config.Resolve(l).Q; !(q > 0 && q < 1) {
		return nil, fmt.Errorf("the exponent Q is %v: it must be between 0 and 1", q)
	}
	return SparseCategoricalCrossentropy{}.TargetShape(output)
}

// Classes returns the size of the output's last axis.
func (CategoricalGeneralizedCrossEntropy) Classes(output tensor.Shape) (classes int, others []int) {
	return SparseCategoricalCrossentropy{}.Classes(output)
}

// Loss emits the loss of each sample.
func (l CategoricalGeneralizedCrossEntropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	g := yPred.Graph()
	q := config.Resolve(l).Q
	hot := indices(yTrue, yPred, -1).OneHot(depth(yPred))
	p := graph.Select(hot, yPred, g.Scalar(0)).Sum(-1)
	return g.Scalar(1).Sub(p.Pow(g.Scalar(q))).Div(g.Scalar(q))
}

// BinaryCrossentropy is the mean of -yTrue·log yPred - (1 - yTrue)·log(1 - yPred)
// over the last axis: every output is a probability of its own. Outputs are kept
// within [1e-7, 1-1e-7], unless FromLogits.
type BinaryCrossentropy struct {
	FromLogits     bool
	LabelSmoothing float64   // in [0, 1]: targets become yTrue·(1-s) + s/2
	Axis           int       `zero:"-1"` // that the mean is over; 0: the last
	Reduction      Reduction `default:"sum_over_batch_size"`
}

// Name returns "binary_crossentropy".
func (BinaryCrossentropy) Name() string { return "binary_crossentropy" }

// TargetShape returns the shape of the output.
func (l BinaryCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return along(output, l.Axis)
}

// Loss emits the loss of each sample.
func (l BinaryCrossentropy) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	yTrue = halved(yTrue, l.LabelSmoothing)
	if l.FromLogits {
		rest := yTrue.Graph().Scalar(1).Sub(yTrue)
		return yTrue.Mul(yPred.Neg().Softplus()).Add(rest.Mul(yPred.Softplus())).Mean(place(l.Axis, yPred.Rank()))
	}
	return binary(yTrue, yPred).Mean(place(l.Axis, yPred.Rank()))
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
	Axis                int       `zero:"-1"` // that the mean is over; 0: the last
	Reduction           Reduction `default:"sum_over_batch_size"`
}

// Name returns "binary_focal_crossentropy".
func (BinaryFocalCrossentropy) Name() string { return "binary_focal_crossentropy" }

// TargetShape returns the shape of the output.
func (l BinaryFocalCrossentropy) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return along(output, l.Axis)
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
	return focal.Mean(place(l.Axis, yPred.Rank()))
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
