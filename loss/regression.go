package loss

// This file has the losses on numbers.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// MeanSquaredError is the mean of (yTrue - yPred)² over the last axis.
type MeanSquaredError struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "mean_squared_error".
func (MeanSquaredError) Name() string { return "mean_squared_error" }

// TargetShape returns the shape of the output.
func (MeanSquaredError) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (MeanSquaredError) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return yTrue.Sub(yPred).Square().Mean(-1)
}

// MeanAbsoluteError is the mean of |yTrue - yPred| over the last axis.
type MeanAbsoluteError struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "mean_absolute_error".
func (MeanAbsoluteError) Name() string { return "mean_absolute_error" }

// TargetShape returns the shape of the output.
func (MeanAbsoluteError) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (MeanAbsoluteError) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return yTrue.Sub(yPred).Abs().Mean(-1)
}

// MeanAbsolutePercentageError is the mean of 100 · |(yTrue - yPred) / yTrue| over
// the last axis. A target closer to 0 than 1e-7 is divided by as 1e-7.
type MeanAbsolutePercentageError struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "mean_absolute_percentage_error".
func (MeanAbsolutePercentageError) Name() string { return "mean_absolute_percentage_error" }

// TargetShape returns the shape of the output.
func (MeanAbsolutePercentageError) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return same(output)
}

// Loss emits the loss of each sample.
func (MeanAbsolutePercentageError) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	g := yPred.Graph()
	size := yTrue.Abs().Max(g.Scalar(epsilon))
	return yTrue.Sub(yPred).Div(size).Abs().Mean(-1).MulScalar(100)
}

// MeanSquaredLogarithmicError is the mean of (log(1 + yTrue) - log(1 + yPred))²
// over the last axis. What is below 1e-7 counts as 1e-7.
type MeanSquaredLogarithmicError struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "mean_squared_logarithmic_error".
func (MeanSquaredLogarithmicError) Name() string { return "mean_squared_logarithmic_error" }

// TargetShape returns the shape of the output.
func (MeanSquaredLogarithmicError) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return same(output)
}

// Loss emits the loss of each sample.
func (MeanSquaredLogarithmicError) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	least := yPred.Graph().Scalar(epsilon)
	difference := yPred.Max(least).Log1p().Sub(yTrue.Max(least).Log1p())
	return difference.Square().Mean(-1)
}

// Huber is the mean over the last axis of e²/2 where |e| = |yTrue - yPred| is at most
// Delta, and of Delta·|e| - Delta²/2 elsewhere (Huber 1964).
type Huber struct {
	Delta     float64   `zero:"1"` // 0: 1
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "huber".
func (Huber) Name() string { return "huber" }

// TargetShape returns the shape of the output.
func (Huber) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (l Huber) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	g := yPred.Graph()
	delta := config.Resolve(l).Delta
	e := yPred.Sub(yTrue)
	size := e.Abs()
	near := e.Square().MulScalar(0.5)
	far := size.MulScalar(delta).AddScalar(-0.5 * delta * delta)
	return graph.Select(size.LessEqual(g.Scalar(delta)), near, far).Mean(-1)
}

// LogCosh is the mean of log(cosh(yPred - yTrue)) over the last axis.
type LogCosh struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "log_cosh".
func (LogCosh) Name() string { return "log_cosh" }

// TargetShape returns the shape of the output.
func (LogCosh) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (LogCosh) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	e := yPred.Sub(yTrue)
	return e.Add(e.MulScalar(-2).Softplus()).AddScalar(-ln2).Mean(-1)
}

const ln2 = 0.693147180559945309417232121458

// CosineSimilarity is minus the cosine of the angle between yTrue and yPred along
// an axis: -1 where they point the same way.
type CosineSimilarity struct {
	Axis      int       `zero:"-1"` // 0: the last
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "cosine_similarity".
func (CosineSimilarity) Name() string { return "cosine_similarity" }

// TargetShape returns the shape of the output.
func (l CosineSimilarity) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	return along(output, l.Axis)
}

// Loss emits the loss of each sample.
func (l CosineSimilarity) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	axis := place(l.Axis, yPred.Rank())
	return unit(yTrue, axis).Mul(unit(yPred, axis)).Sum(axis).Neg()
}

// unit scales x to a norm of 1 along the axis. What is shorter than epsilon stays
// short, and zeros have a derivative.
func unit(x *graph.Node, axis int) *graph.Node {
	return x.Div(x.Square().SumKeep(axis).Max(x.Graph().Scalar(epsilon * epsilon)).Sqrt())
}

// Poisson is the mean of yPred - yTrue·log(yPred) over the last axis: yPred is the
// rate of a Poisson distribution.
type Poisson struct {
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "poisson".
func (Poisson) Name() string { return "poisson" }

// TargetShape returns the shape of the output.
func (Poisson) TargetShape(output tensor.Shape) (tensor.Shape, error) { return same(output) }

// Loss emits the loss of each sample.
func (Poisson) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	return yPred.Sub(yTrue.Mul(yPred.AddScalar(epsilon).Log())).Mean(-1)
}
