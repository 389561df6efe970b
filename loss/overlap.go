package loss

// This file has the losses on how much two regions have in common.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Dice is 1 - 2·Σ yTrue·yPred / (Σ yTrue + Σ yPred + 1e-7), the sums over Axis: 0 where
// the regions are the same, 1 where they have nothing in common. Outputs and targets are
// probabilities.
type Dice struct {
	Axis      []int     // that the sums are over; nil: all, the batch too, which gives one value a batch
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "dice".
func (Dice) Name() string { return "dice" }

// TargetShape returns the shape of the output.
func (l Dice) TargetShape(output tensor.Shape) (tensor.Shape, error) { return over(output, l.Axis) }

// Loss emits a loss for each place along the axes that the sums are not over.
func (l Dice) Loss(yTrue, yPred *graph.Node) *graph.Node {
	yTrue, yPred = align(yTrue, yPred)
	common := yTrue.Mul(yPred).Sum(l.Axis...)
	all := yTrue.Sum(l.Axis...).Add(yPred.Sum(l.Axis...))
	return yPred.Graph().Scalar(1).Sub(common.MulScalar(2).Div(all.AddScalar(epsilon)))
}

// Tversky is 1 - S / (S + Alpha·Σ yTrue·(1-yPred) + Beta·Σ (1-yTrue)·yPred + 1e-7) with
// S = Σ yTrue·yPred, the sums over Axis (Salehi et al. 2017): Dice's, if both are 0.5. As
// in Keras it is Alpha that weighs what is missed, and Beta what is found wrongly.
type Tversky struct {
	Alpha     *float64  `default:"0.5"`
	Beta      *float64  `default:"0.5"`
	Axis      []int     // that the sums are over; nil: all, the batch too, which gives one value a batch
	Reduction Reduction `default:"sum_over_batch_size"`
}

// Name returns "tversky".
func (Tversky) Name() string { return "tversky" }

// TargetShape returns the shape of the output.
func (l Tversky) TargetShape(output tensor.Shape) (tensor.Shape, error) { return over(output, l.Axis) }

// Loss emits a loss for each place along the axes that the sums are not over.
func (l Tversky) Loss(yTrue, yPred *graph.Node) *graph.Node {
	l = config.Resolve(l)
	yTrue, yPred = align(yTrue, yPred)
	one := yPred.Graph().Scalar(1)
	common := yTrue.Mul(yPred).Sum(l.Axis...)
	missed := yTrue.Mul(one.Sub(yPred)).Sum(l.Axis...)
	wrong := one.Sub(yTrue).Mul(yPred).Sum(l.Axis...)
	all := common.Add(missed.MulScalar(*l.Alpha)).Add(wrong.MulScalar(*l.Beta)).AddScalar(epsilon)
	return one.Sub(common.Div(all))
}

// over is the TargetShape of losses that sum over axes.
func over(output tensor.Shape, axes []int) (tensor.Shape, error) {
	var seen []int
	for _, axis := range axes {
		at := axis
		if at < 0 {
			at += len(output)
		}
		if at < 0 || at >= len(output) || slices.Contains(seen, at) {
			return nil, fmt.Errorf("axes %v: each must be one of the output's, and only once", axes)
		}
		seen = append(seen, at)
	}
	return same(output)
}
