package loss

// This file has the loss that brings what is alike together.

import (
	"errors"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Circle compares each sample of a batch with each other (Sun et al. 2020). With d the
// distance 1 - cosine of two outputs,
//
//	log(1 + Σ exp(Gamma·(1+Margin-d)·(1-Margin-d)) · Σ exp(-Gamma·(Margin+d)·(Margin-d)))
//
// the first sum over the samples of other labels, the second over those of the same
// label. Outputs are vectors of norm 1, and targets one number each, the label. A sample
// whose loss is 0, as that of one without its like, doesn't count.
type Circle struct {
	Gamma        *float64  `default:"80"`
	Margin       *float64  `default:"0.4"`
	KeepDiagonal bool      `keras:"remove_diagonal,not"` // a sample is its own like
	Reduction    Reduction `default:"sum_over_batch_size"`
}

// Name returns "circle".
func (Circle) Name() string { return "circle" }

// TargetShape returns [batch].
func (Circle) TargetShape(output tensor.Shape) (tensor.Shape, error) {
	if len(output) != 2 {
		return nil, errors.New("each output must be one vector")
	}
	return output[:1], nil
}

// Mask emits 1 at the samples that have a loss.
func (l Circle) Mask(yTrue, yPred *graph.Node) *graph.Node {
	return l.Loss(yTrue, yPred).Greater(yPred.Graph().Scalar(0))
}

// Loss emits the loss of each sample.
func (l Circle) Loss(yTrue, yPred *graph.Node) *graph.Node {
	l = config.Resolve(l)
	g := yPred.Graph()
	zero, one := g.Scalar(0), g.Scalar(1)
	if !yPred.Valid() {
		return yPred
	}
	if yPred.Rank() != 2 {
		return g.Fail("loss circle: each output must be one vector, got shape %v", yPred.Shape())
	}
	label := yTrue.Reshape(yPred.Shape()[0], 1)
	ones := label.Equal(label)
	// Products are what makes numbers for each two samples: y·1 - 1·y' is exact.
	alike := graph.Concat(1, label, ones).MatMulT(graph.Concat(1, ones, label.Neg()), false, true).Equal(zero)
	distance := one.Sub(yPred.MatMulT(yPred, false, true)).Relu()

	near := func(d *graph.Node) *graph.Node {
		return d.AddScalar(*l.Margin).Relu().Mul(g.Scalar(*l.Margin).Sub(d)).MulScalar(-*l.Gamma)
	}
	far := g.Scalar(1 + *l.Margin).Sub(distance).Relu().Mul(g.Scalar(1 - *l.Margin).Sub(distance)).MulScalar(*l.Gamma)
	most := func(mask, x *graph.Node) *graph.Node {
		return graph.Select(mask, x, g.Scalar(lowest)).ReduceMax(-1).StopGradient()
	}
	sum := func(mask, x, most *graph.Node) *graph.Node {
		return graph.Select(mask, x.Sub(column(most)), g.Scalar(lowest)).Exp().Sum(-1)
	}

	pull := near(distance)
	mostPull, others := most(alike, pull), alike.Sum(-1)
	pulls := sum(alike, pull, mostPull)
	if !l.KeepDiagonal {
		self := near(one.Sub(yPred.Square().Sum(-1)).Relu())
		pulls, others = pulls.Sub(self.Sub(mostPull).Exp()), others.Sub(one)
	}
	unlike := one.Sub(alike)
	mostPush := most(unlike, far)
	pushes := sum(unlike, far, mostPush)

	both := others.Mul(unlike.Sum(-1))
	log := func(x *graph.Node) *graph.Node { return graph.Select(both, x.Max(g.Scalar(least)), one).Log() }
	value := log(pulls).Add(mostPull).Add(log(pushes).Add(mostPush)).Softplus()
	return graph.Select(both, value, zero)
}

const (
	lowest = -1e30 // stands for -∞ where a difference of two must not be NaN
	least  = 1e-30
)

// column gives x a last axis of 1.
func column(x *graph.Node) *graph.Node { return x.Reshape(append(x.Shape().Clone(), 1)...) }
