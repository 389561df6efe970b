package metric

// This file has means and sums: of losses, of correlations and of outputs.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/loss"
)

// MeanSquaredError is the mean of loss.MeanSquaredError.
type MeanSquaredError struct{ lower }

// Name returns "mean_squared_error".
func (MeanSquaredError) Name() string { return "mean_squared_error" }

// Update emits the sums of the batch.
func (MeanSquaredError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.MeanSquaredError{}.Loss(yTrue, yPred), weight)
}

// MeanAbsoluteError is the mean of loss.MeanAbsoluteError.
type MeanAbsoluteError struct{ lower }

// Name returns "mean_absolute_error".
func (MeanAbsoluteError) Name() string { return "mean_absolute_error" }

// Update emits the sums of the batch.
func (MeanAbsoluteError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.MeanAbsoluteError{}.Loss(yTrue, yPred), weight)
}

// MeanAbsolutePercentageError is the mean of loss.MeanAbsolutePercentageError.
type MeanAbsolutePercentageError struct{ lower }

// Name returns "mean_absolute_percentage_error".
func (MeanAbsolutePercentageError) Name() string { return "mean_absolute_percentage_error" }

// Update emits the sums of the batch.
func (MeanAbsolutePercentageError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.MeanAbsolutePercentageError{}.Loss(yTrue, yPred), weight)
}

// MeanSquaredLogarithmicError is the mean of loss.MeanSquaredLogarithmicError.
type MeanSquaredLogarithmicError struct{ lower }

// Name returns "mean_squared_logarithmic_error".
func (MeanSquaredLogarithmicError) Name() string { return "mean_squared_logarithmic_error" }

// Update emits the sums of the batch.
func (MeanSquaredLogarithmicError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.MeanSquaredLogarithmicError{}.Loss(yTrue, yPred), weight)
}

// LogCoshError is the mean of loss.LogCosh.
type LogCoshError struct{ lower }

// Name returns "logcosh".
func (LogCoshError) Name() string { return "logcosh" }

// Update emits the sums of the batch.
func (LogCoshError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.LogCosh{}.Loss(yTrue, yPred), weight)
}

// Poisson is the mean of loss.Poisson.
type Poisson struct{ lower }

// Name returns "poisson".
func (Poisson) Name() string { return "poisson" }

// Update emits the sums of the batch.
func (Poisson) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.Poisson{}.Loss(yTrue, yPred), weight)
}

// CosineSimilarity is the mean cosine of the angle between outputs and targets along
// an axis: 1 where they point the same way, the negative of
// loss.CosineSimilarity.
type CosineSimilarity struct {
	higher
	Axis int `zero:"-1"` // 0: the last
}

// Name returns "cosine_similarity".
func (CosineSimilarity) Name() string { return "cosine_similarity" }

// Update emits the sums of the batch.
func (m CosineSimilarity) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.CosineSimilarity{Axis: m.Axis}.Loss(yTrue, yPred).Neg(), weight)
}

// BinaryCrossentropy is the mean of loss.BinaryCrossentropy.
type BinaryCrossentropy struct {
	lower
	FromLogits     bool
	LabelSmoothing float64
}

// Name returns "binary_crossentropy".
func (BinaryCrossentropy) Name() string { return "binary_crossentropy" }

// Update emits the sums of the batch.
func (m BinaryCrossentropy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.BinaryCrossentropy{FromLogits: m.FromLogits, LabelSmoothing: m.LabelSmoothing}.Loss(yTrue, yPred), weight)
}

// CategoricalCrossentropy is the mean of loss.CategoricalCrossentropy.
type CategoricalCrossentropy struct {
	lower
	FromLogits     bool
	LabelSmoothing float64
	Axis           int `zero:"-1"` // of the classes; 0: the last
}

// Name returns "categorical_crossentropy".
func (CategoricalCrossentropy) Name() string { return "categorical_crossentropy" }

// Update emits the sums of the batch.
func (m CategoricalCrossentropy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.CategoricalCrossentropy{FromLogits: m.FromLogits, LabelSmoothing: m.LabelSmoothing, Axis: m.Axis}.Loss(yTrue, yPred), weight)
}

// SparseCategoricalCrossentropy is the mean of loss.SparseCategoricalCrossentropy.
type SparseCategoricalCrossentropy struct {
	lower
	FromLogits  bool
	IgnoreClass *int // as OfLoss has it; nil: none
	Axis        int  `zero:"-1"` // of the classes; 0: the last
}

// Name returns "sparse_categorical_crossentropy".
func (SparseCategoricalCrossentropy) Name() string { return "sparse_categorical_crossentropy" }

// Update emits the sums of the batch.
func (m SparseCategoricalCrossentropy) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	l := loss.SparseCategoricalCrossentropy{FromLogits: m.FromLogits, IgnoreClass: m.IgnoreClass, Axis: m.Axis}
	return OfLoss(l).Update(yTrue, yPred, weight)
}

// KLDivergence is the mean of loss.KLDivergence.
type KLDivergence struct{ lower }

// Name returns "kl_divergence".
func (KLDivergence) Name() string { return "kl_divergence" }

// Update emits the sums of the batch.
func (KLDivergence) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.KLDivergence{}.Loss(yTrue, yPred), weight)
}

// Hinge is the mean of loss.Hinge.
type Hinge struct{ lower }

// Name returns "hinge".
func (Hinge) Name() string { return "hinge" }

// Update emits the sums of the batch.
func (Hinge) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.Hinge{}.Loss(yTrue, yPred), weight)
}

// SquaredHinge is the mean of loss.SquaredHinge.
type SquaredHinge struct{ lower }

// Name returns "squared_hinge".
func (SquaredHinge) Name() string { return "squared_hinge" }

// Update emits the sums of the batch.
func (SquaredHinge) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.SquaredHinge{}.Loss(yTrue, yPred), weight)
}

// CategoricalHinge is the mean of loss.CategoricalHinge.
type CategoricalHinge struct{ lower }

// Name returns "categorical_hinge".
func (CategoricalHinge) Name() string { return "categorical_hinge" }

// Update emits the sums of the batch.
func (CategoricalHinge) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return mean(loss.CategoricalHinge{}.Loss(yTrue, yPred), weight)
}

// OfLoss returns the mean of a loss, under the loss's name: of one that has no
// metric here, or, with loss.Func, of a function of one's own. It is Keras's
// MeanMetricWrapper; the loss's Reduction doesn't matter. A model that was compiled with it is saved if Register knows it.
func OfLoss(l loss.Loss) Metric { return ofLoss{l: l} }

type ofLoss struct {
	lower
	l loss.Loss
}

func (m ofLoss) Name() string {
	if config.IsNil(m.l) {
		return "the mean of no loss"
	}
	return m.l.Name()
}

// Class returns the name, by which files know the mean of a loss.
func (m ofLoss) Class() string { return m.Name() }

func (m ofLoss) Check() error { return config.Check("its loss", m.l) }

func (m ofLoss) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	// Without weights, what the loss ignores counts as samples without an error:
	// so it is in Keras.
	if masker, ok := m.l.(loss.Masker); ok && weight != nil {
		if mask := masker.Mask(yTrue, yPred); mask != nil {
			weight = mask.Mul(expand(weight, mask))
		}
	}
	return mean(m.l.Loss(yTrue, yPred), weight)
}

// RootMeanSquaredError is the square root of MeanSquaredError.
type RootMeanSquaredError struct{ lower }

// Name returns "root_mean_squared_error".
func (RootMeanSquaredError) Name() string { return "root_mean_squared_error" }

// Update emits the sums of the batch.
func (RootMeanSquaredError) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	return MeanSquaredError{}.Update(yTrue, yPred, weight)
}

// Result returns the root.
func (m RootMeanSquaredError) Result(totals [][]float64) float64 {
	return math.Sqrt(m.lower.Result(totals))
}

// PearsonCorrelation is the mean of Pearson's correlation of outputs and targets along
// an axis: 1 where one is a linear function of the other. It is NaN where one of them
// doesn't vary.
type PearsonCorrelation struct {
	higher
	Axis int `zero:"-1"` // 0: the last
}

// Name returns "pearson_correlation".
func (PearsonCorrelation) Name() string { return "pearson_correlation" }

// Update emits the sums of the batch.
func (m PearsonCorrelation) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	axis := config.Resolve(m).Axis
	unit := func(y *graph.Node) *graph.Node {
		y = y.Sub(y.MeanKeep(axis))
		return y.Div(y.Square().MeanKeep(axis).Sqrt())
	}
	return mean(unit(yTrue).Mul(unit(yPred)).Mean(axis), weight)
}

// ConcordanceCorrelation is the mean of Lin's correlation of outputs and targets along
// an axis (1989): 1 only where they are the same.
type ConcordanceCorrelation struct {
	higher
	Axis int `zero:"-1"` // 0: the last
}

// Name returns "concordance_correlation".
func (ConcordanceCorrelation) Name() string { return "concordance_correlation" }

// Update emits the sums of the batch.
func (m ConcordanceCorrelation) Update(yTrue, yPred, weight *graph.Node) []*graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	axis := config.Resolve(m).Axis
	meanTrue, meanPred := yTrue.MeanKeep(axis), yPred.MeanKeep(axis)
	aboutTrue, aboutPred := yTrue.Sub(meanTrue), yPred.Sub(meanPred)
	norm := aboutTrue.Square().MeanKeep(axis).Add(aboutPred.Square().MeanKeep(axis)).Add(meanTrue.Sub(meanPred).Square())
	return mean(aboutTrue.Mul(aboutPred).MulScalar(2).Div(norm.AddScalar(epsilon)).Mean(axis), weight)
}

// Mean is the mean of the outputs; the targets don't matter. It is what a step of one's
// own, train.StepBuilder, keeps of values that aren't measured against anything.
type Mean struct{}

// Name returns "mean".
func (Mean) Name() string { return "mean" }

// Update emits the sums of the batch. yTrue may be nil.
func (Mean) Update(_, yPred, weight *graph.Node) []*graph.Node { return mean(yPred, weight) }

// Result returns the mean.
func (Mean) Result(totals [][]float64) float64 { return ratio(totals[0][0], totals[1][0]) }

// Sum is the sum of the outputs, each times its sample's weight; the targets don't
// matter.
type Sum struct{}

// Name returns "sum".
func (Sum) Name() string { return "sum" }

// Update emits the sum of the batch. yTrue may be nil.
func (Sum) Update(_, yPred, weight *graph.Node) []*graph.Node { return mean(yPred, weight)[:1] }

// Result returns the sum.
func (Sum) Result(totals [][]float64) float64 { return totals[0][0] }
