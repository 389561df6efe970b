package activation

// This file defines the activations.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// Linear is the identity.
type Linear struct{}

// Name returns "linear".
func (Linear) Name() string { return "linear" }

// Apply emits the function.
func (Linear) Apply(x *graph.Node) *graph.Node { return x }

// ReLU is the rectified linear unit, max(x, 0), with Keras's options:
//
//	MaxValue                          if x ≥ MaxValue
//	x                                 if Threshold < x < MaxValue
//	NegativeSlope · (x - Threshold)   otherwise
type ReLU struct {
	NegativeSlope float64
	MaxValue      *float64 // nil: no ceiling
	Threshold     float64
}

// Name returns "relu".
func (ReLU) Name() string { return "relu" }

// Apply emits the function.
func (a ReLU) Apply(x *graph.Node) *graph.Node {
	if a.Threshold == 0 && a.MaxValue == nil && a.NegativeSlope != 0 {
		return leaky(x, a.NegativeSlope)
	}
	g := x.Graph()
	y := x.Relu()
	if a.Threshold != 0 {
		y = graph.Select(x.Greater(g.Scalar(a.Threshold)), x, g.Scalar(0))
	}
	if a.MaxValue != nil {
		y = g.Scalar(*a.MaxValue).Min(y)
	}
	if a.NegativeSlope != 0 {
		below := g.Scalar(a.Threshold).Sub(x).Relu()
		y = y.Sub(below.MulScalar(a.NegativeSlope))
	}
	return y
}

// ReLU6 is min(max(x, 0), 6).
type ReLU6 struct{}

// Name returns "relu6".
func (ReLU6) Name() string { return "relu6" }

// Apply emits the function.
func (ReLU6) Apply(x *graph.Node) *graph.Node { return relu6(x) }

// relu6 takes its minimum so that the gradient at the ceiling is 0.
func relu6(x *graph.Node) *graph.Node { return x.Graph().Scalar(6).Min(x.Relu()) }

// LeakyReLU is x for x ≥ 0 and NegativeSlope · x below (Maas et al. 2013).
type LeakyReLU struct {
	NegativeSlope *float64 `default:"0.2"` // the layer of this name has 0.3
}

// Name returns "leaky_relu".
func (LeakyReLU) Name() string { return "leaky_relu" }

// Apply emits the function.
func (a LeakyReLU) Apply(x *graph.Node) *graph.Node {
	return leaky(x, *config.Resolve(a).NegativeSlope)
}

func leaky(x *graph.Node, slope float64) *graph.Node {
	return graph.Select(x.GreaterEqual(x.Graph().Scalar(0)), x, x.MulScalar(slope))
}

// ELU is x for x > 0 and Alpha · (exp(x) - 1) below (Clevert et al. 2015).
type ELU struct {
	Alpha *float64 `default:"1"`
}

// Name returns "elu".
func (ELU) Name() string { return "elu" }

// Apply emits the function.
func (a ELU) Apply(x *graph.Node) *graph.Node { return elu(x, *config.Resolve(a).Alpha) }

// elu keeps the exponential from what is positive, where it would overflow.
func elu(x *graph.Node, alpha float64) *graph.Node {
	return x.Relu().Add(x.Min(x.Graph().Scalar(0)).Expm1().MulScalar(alpha))
}

// SELU is scale · ELU with the alpha and the scale that keep mean 0 and variance 1
// from layer to layer (Klambauer et al. 2017): alpha = 1.67326324, scale = 1.05070099.
type SELU struct{}

// Name returns "selu".
func (SELU) Name() string { return "selu" }

// Apply emits the function.
func (SELU) Apply(x *graph.Node) *graph.Node { return elu(x, SELUAlpha).MulScalar(SELUScale) }

// The constants of SELU.
const (
	SELUAlpha = 1.6732632423543772848170429916717
	SELUScale = 1.0507009873554804934193349852946
)

// CELU is max(x, 0) + min(Alpha · (exp(x/Alpha) - 1), 0) (Barron 2017).
type CELU struct {
	Alpha float64 `zero:"1"` // 0: 1
}

// Name returns "celu".
func (CELU) Name() string { return "celu" }

// Apply emits the function.
func (a CELU) Apply(x *graph.Node) *graph.Node {
	alpha := config.Resolve(a).Alpha
	g := x.Graph()
	below := x.Min(g.Scalar(0)).Div(g.Scalar(alpha))
	return x.Relu().Add(below.Expm1().MulScalar(alpha))
}

// Softplus is log(1 + exp(x)).
type Softplus struct{}

// Name returns "softplus".
func (Softplus) Name() string { return "softplus" }

// Apply emits the function.
func (Softplus) Apply(x *graph.Node) *graph.Node { return x.Softplus() }

// Softsign is x / (|x| + 1).
type Softsign struct{}

// Name returns "softsign".
func (Softsign) Name() string { return "softsign" }

// Apply emits the function.
func (Softsign) Apply(x *graph.Node) *graph.Node { return x.Div(x.Abs().AddScalar(1)) }

// Sigmoid is 1 / (1 + exp(-x)).
type Sigmoid struct{}

// Name returns "sigmoid".
func (Sigmoid) Name() string { return "sigmoid" }

// Apply emits the function.
func (Sigmoid) Apply(x *graph.Node) *graph.Node { return x.Sigmoid() }

// HardSigmoid is relu6(x + 3) / 6. That of Keras 2.2 is min(max(0.2x + 0.5, 0), 1):
// HardSigmoid{Old: true}.
type HardSigmoid struct {
	Old bool `keras:",ours"` // as Keras 2.2 has it
}

// Name returns "hard_sigmoid".
func (HardSigmoid) Name() string { return "hard_sigmoid" }

// Apply emits the function.
func (a HardSigmoid) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	if a.Old {
		return x.MulScalar(0.2).AddScalar(0.5).Clip(0, 1)
	}
	return relu6(x.AddScalar(3)).Div(g.Scalar(6))
}

// LogSigmoid is log(1 / (1 + exp(-x))).
type LogSigmoid struct{}

// Name returns "log_sigmoid".
func (LogSigmoid) Name() string { return "log_sigmoid" }

// Apply emits the function.
func (LogSigmoid) Apply(x *graph.Node) *graph.Node { return x.Neg().Softplus().Neg() }

// SparseSigmoid is (x + 1) / 2 kept within [0, 1].
type SparseSigmoid struct{}

// Name returns "sparse_sigmoid".
func (SparseSigmoid) Name() string { return "sparse_sigmoid" }

// Apply emits the function.
func (SparseSigmoid) Apply(x *graph.Node) *graph.Node {
	return x.AddScalar(1).Clip(0, 2).MulScalar(0.5)
}

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Name returns "tanh".
func (Tanh) Name() string { return "tanh" }

// Apply emits the function.
func (Tanh) Apply(x *graph.Node) *graph.Node { return x.Tanh() }

// HardTanh is x kept within [-1, 1].
type HardTanh struct{}

// Name returns "hard_tanh".
func (HardTanh) Name() string { return "hard_tanh" }

// Apply emits the function.
func (HardTanh) Apply(x *graph.Node) *graph.Node { return x.Clip(-1, 1) }

// TanhShrink is x - tanh(x).
type TanhShrink struct{}

// Name returns "tanh_shrink".
func (TanhShrink) Name() string { return "tanh_shrink" }

// Apply emits the function.
func (TanhShrink) Apply(x *graph.Node) *graph.Node { return x.Sub(x.Tanh()) }

// Softmax is exp(x) / Σ exp(x), the sum along an axis.
type Softmax struct {
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Name returns "softmax".
func (Softmax) Name() string { return "softmax" }

// Apply emits the function.
func (a Softmax) Apply(x *graph.Node) *graph.Node { return x.Softmax(config.Resolve(a).Axis) }

// LogSoftmax is x - log Σ exp(x), the sum along an axis.
type LogSoftmax struct {
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Name returns "log_softmax".
func (LogSoftmax) Name() string { return "log_softmax" }

// Apply emits the function.
func (a LogSoftmax) Apply(x *graph.Node) *graph.Node { return x.LogSoftmax(config.Resolve(a).Axis) }

// Exponential is exp(x).
type Exponential struct{}

// Name returns "exponential".
func (Exponential) Name() string { return "exponential" }

// Apply emits the function.
func (Exponential) Apply(x *graph.Node) *graph.Node { return x.Exp() }

// GELU is x · Φ(x), Φ the distribution function of the standard normal
// (Hendrycks and Gimpel 2016):
//
//	x/2 · (1 + erf(x/√2))
//	x/2 · (1 + tanh(√(2/π) · (x + 0.044715x³)))   if Approximate
type GELU struct {
	Approximate bool
}

// Name returns "gelu".
func (GELU) Name() string { return "gelu" }

// Apply emits the function.
func (a GELU) Apply(x *graph.Node) *graph.Node {
	const (
		halfRoot = 0.70710678118654752440 // 1/√2
		root     = 0.79788456080286535588 // √(2/π)
	)
	half := x.MulScalar(0.5)
	if a.Approximate {
		cube := x.Square().Mul(x).MulScalar(0.044715)
		return half.Mul(x.Add(cube).MulScalar(root).Tanh().AddScalar(1))
	}
	return half.Mul(x.MulScalar(halfRoot).Erf().AddScalar(1))
}

// SiLU is x · sigmoid(x), also called swish (Ramachandran et al. 2017).
type SiLU struct{}

// Name returns "silu".
func (SiLU) Name() string { return "silu" }

// Apply emits the function.
func (SiLU) Apply(x *graph.Node) *graph.Node { return x.Mul(x.Sigmoid()) }

// HardSiLU is x · HardSigmoid(x), also called hard_swish (Howard et al. 2019).
type HardSiLU struct{}

// Name returns "hard_silu".
func (HardSiLU) Name() string { return "hard_silu" }

// Apply emits the function.
func (HardSiLU) Apply(x *graph.Node) *graph.Node { return x.Mul(HardSigmoid{}.Apply(x)) }

// Mish is x · tanh(softplus(x)) (Misra 2019).
type Mish struct{}

// Name returns "mish".
func (Mish) Name() string { return "mish" }

// Apply emits the function.
func (Mish) Apply(x *graph.Node) *graph.Node { return x.Mul(x.Softplus().Tanh()) }

// SoftShrink brings x closer to 0 by Threshold, and no farther than 0.
type SoftShrink struct {
	Threshold *float64 `default:"0.5"`
}

// Name returns "soft_shrink".
func (SoftShrink) Name() string { return "soft_shrink" }

// Apply emits the function.
func (a SoftShrink) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	limit := g.Scalar(*config.Resolve(a).Threshold)
	below := graph.Select(x.Less(limit.Neg()), x.Add(limit), g.Scalar(0))
	return graph.Select(x.Greater(limit), x.Sub(limit), below)
}

// HardShrink is x where |x| > Threshold and 0 elsewhere.
type HardShrink struct {
	Threshold *float64 `default:"0.5"`
}

// Name returns "hard_shrink".
func (HardShrink) Name() string { return "hard_shrink" }

// Apply emits the function.
func (a HardShrink) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	far := x.Abs().Greater(g.Scalar(*config.Resolve(a).Threshold))
	return graph.Select(far, x, g.Scalar(0))
}

// SparsePlus is 0 for x ≤ -1, x for x ≥ 1, and (x + 1)²/4 between.
type SparsePlus struct{}

// Name returns "sparse_plus".
func (SparsePlus) Name() string { return "sparse_plus" }

// Apply emits the function.
func (SparsePlus) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	between := x.Clip(-1, 1).AddScalar(1).Square().MulScalar(0.25)
	return graph.Select(x.Less(g.Scalar(1)), between, x)
}

// Squareplus is (x + √(x² + B)) / 2 (Barron 2021).
type Squareplus struct {
	B *float64 `default:"4"`
}

// Name returns "squareplus".
func (Squareplus) Name() string { return "squareplus" }

// Apply emits the function.
func (a Squareplus) Apply(x *graph.Node) *graph.Node {
	return x.Add(x.Square().AddScalar(*config.Resolve(a).B).Sqrt()).MulScalar(0.5)
}

// GLU is the gated linear unit a · sigmoid(b), where a and b are the halves of x along
// an axis (Dauphin et al. 2017). The result is half as long there.
type GLU struct {
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Name returns "glu".
func (GLU) Name() string { return "glu" }

// Apply emits the function.
func (a GLU) Apply(x *graph.Node) *graph.Node {
	axis := config.Resolve(a).Axis
	if !x.Valid() {
		return x
	}
	at := axis
	if at < 0 {
		at += x.Rank()
	}
	if at < 1 || at >= x.Rank() {
		return x.Graph().Fail("activation glu: axis %d of shape %v: it must be one of 1 … %d, or count from the end", axis, x.Shape(), x.Rank()-1)
	}
	size := x.Shape()[at]
	if size < 0 || size%2 != 0 {
		return x.Graph().Fail("activation glu: the size of axis %d of shape %v is odd: it is cut in two halves", axis, x.Shape())
	}
	return x.SliceAxis(at, 0, size/2).Mul(x.SliceAxis(at, size/2, size).Sigmoid())
}

// Threshold is x where x > Threshold, and DefaultValue elsewhere.
type Threshold struct {
	Threshold    float64
	DefaultValue float64
}

// Name returns "threshold".
func (Threshold) Name() string { return "threshold" }

// Apply emits the function.
func (a Threshold) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	return graph.Select(x.Greater(g.Scalar(a.Threshold)), x, g.Scalar(a.DefaultValue))
}

// Sparsemax is the point of the simplex that is nearest to x, max(x - τ, 0) with the τ
// for which the sum along an axis is 1 (Martins and Astudillo 2016). Unlike softmax's,
// small values become 0.
type Sparsemax struct {
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Name returns "sparsemax".
func (Sparsemax) Name() string { return "sparsemax" }

// Apply emits the function. It finds τ by bisection, down to the last bit that
// a float32 between 0 and 1 has, and takes one step of Newton's from there: that
// needs no sorting, and finds the support, of which the derivative is.
func (a Sparsemax) Apply(x *graph.Node) *graph.Node {
	g := x.Graph()
	axis := config.Resolve(a).Axis
	x = x.Sub(x.ReduceMaxKeep(axis).StopGradient()) // so that τ is in [-1, 0)
	low := g.Scalar(-1)
	for step := 0.5; step >= 1.0/(1<<24); step /= 2 {
		middle := low.AddScalar(step)
		above := x.Sub(middle).Relu().SumKeep(axis)
		low = graph.Select(above.GreaterEqual(g.Scalar(1)), middle, low)
	}
	support := x.Greater(low.StopGradient())
	tau := graph.Select(support, x, g.Scalar(0)).SumKeep(axis).AddScalar(-1).Div(support.SumKeep(axis))
	return x.Sub(tau).Relu()
}
