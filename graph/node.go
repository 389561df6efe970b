package graph

// This file makes leaves, and the nodes of elementwise and random operations.

import (
	"github.com/cornu-ml/cornu/tensor"
)

// Input makes a leaf whose value is given with every run.
func (g *Graph) Input(name string, shape tensor.Shape) *Node {
	return g.node(OpInput, Attr{Name: name, Shape: shape})
}

// Param makes a leaf whose value lives between runs: a weight, or the state of
// an optimizer. Its shape may not depend on the batch.
func (g *Graph) Param(name string, shape tensor.Shape) *Node {
	return g.node(OpParam, Attr{Name: name, Shape: shape})
}

// Const makes a constant from a copy of data. With no shape given it is a scalar.
func (g *Graph) Const(data []float32, shape ...int) *Node {
	if data == nil {
		data = []float32{}
	}
	return g.node(OpConst, Attr{Data: data, Shape: append(tensor.Shape{}, shape...)})
}

// Scalar makes a constant of no dimensions, v rounded to float32.
func (g *Graph) Scalar(v float64) *Node { return g.Const([]float32{float32(v)}) }

// Add returns n + b. Like all elementwise operations of two operands it
// broadcasts as NumPy does: shapes are aligned at their last dimension, and a
// dimension of 1, or one that is missing, repeats.
func (n *Node) Add(b *Node) *Node { return apply(OpAdd, Attr{}, n, b) }

// Sub returns n - b.
func (n *Node) Sub(b *Node) *Node { return apply(OpSub, Attr{}, n, b) }

// Mul returns n · b, element by element.
func (n *Node) Mul(b *Node) *Node { return apply(OpMul, Attr{}, n, b) }

// Div returns n / b.
func (n *Node) Div(b *Node) *Node { return apply(OpDiv, Attr{}, n, b) }

// Max returns the greater of n and b, as Go's max: NaN if either is, and +0 is
// greater than -0. On a tie the gradient goes to n, as in TensorFlow.
func (n *Node) Max(b *Node) *Node { return apply(OpMax, Attr{}, n, b) }

// Min returns the lesser of n and b, as Go's min. On a tie the gradient goes to n.
func (n *Node) Min(b *Node) *Node { return apply(OpMin, Attr{}, n, b) }

// Pow returns n to the power b. The gradient to b is 0 where n is not positive,
// and that to n is 0 where b is 0.
func (n *Node) Pow(b *Node) *Node { return apply(OpPow, Attr{}, n, b) }

// Less returns 1 where n < b and 0 elsewhere. Comparisons have no gradient.
func (n *Node) Less(b *Node) *Node { return apply(OpLess, Attr{}, n, b) }

// LessEqual returns 1 where n ≤ b and 0 elsewhere.
func (n *Node) LessEqual(b *Node) *Node { return apply(OpLessEqual, Attr{}, n, b) }

// Equal returns 1 where n = b and 0 elsewhere.
func (n *Node) Equal(b *Node) *Node { return apply(OpEqual, Attr{}, n, b) }

// Greater returns 1 where n > b and 0 elsewhere.
func (n *Node) Greater(b *Node) *Node { return apply(OpLess, Attr{}, b, n) }

// GreaterEqual returns 1 where n ≥ b and 0 elsewhere.
func (n *Node) GreaterEqual(b *Node) *Node { return apply(OpLessEqual, Attr{}, b, n) }

// NotEqual returns 1 where n ≠ b and 0 elsewhere.
func (n *Node) NotEqual(b *Node) *Node {
	equal := n.Equal(b)
	return equal.graph.Scalar(1).Sub(equal)
}

// AddScalar returns n + v, v rounded to float32.
func (n *Node) AddScalar(v float64) *Node { return n.Add(n.Graph().Scalar(v)) }

// MulScalar returns n · v, v rounded to float32.
func (n *Node) MulScalar(v float64) *Node { return n.Mul(n.Graph().Scalar(v)) }

// Clip returns n kept within [low, high]. The gradient passes where n is within,
// the ends included, and is 0 outside.
func (n *Node) Clip(low, high float64) *Node {
	g := n.Graph()
	return n.Max(g.Scalar(low)).Min(g.Scalar(high))
}

// Neg returns -n.
func (n *Node) Neg() *Node { return apply(OpNeg, Attr{}, n) }

// Abs returns the absolute value; its gradient at 0 is 0.
func (n *Node) Abs() *Node { return apply(OpAbs, Attr{}, n) }

// Sign returns -1, 0 or 1 (NaN for NaN). It has no gradient.
func (n *Node) Sign() *Node { return apply(OpSign, Attr{}, n) }

// Square returns n · n.
func (n *Node) Square() *Node { return apply(OpSquare, Attr{}, n) }

// Sqrt returns the square root.
func (n *Node) Sqrt() *Node { return apply(OpSqrt, Attr{}, n) }

// Exp returns e to the power n.
func (n *Node) Exp() *Node { return apply(OpExp, Attr{}, n) }

// Expm1 returns exp(n) - 1, precise near 0.
func (n *Node) Expm1() *Node { return apply(OpExpm1, Attr{}, n) }

// Log returns the natural logarithm.
func (n *Node) Log() *Node { return apply(OpLog, Attr{}, n) }

// Log1p returns log(1 + n), precise near 0.
func (n *Node) Log1p() *Node { return apply(OpLog1p, Attr{}, n) }

// Tanh returns the hyperbolic tangent.
func (n *Node) Tanh() *Node { return apply(OpTanh, Attr{}, n) }

// Sigmoid returns 1 / (1 + exp(-n)).
func (n *Node) Sigmoid() *Node { return apply(OpSigmoid, Attr{}, n) }

// Erf returns the error function.
func (n *Node) Erf() *Node { return apply(OpErf, Attr{}, n) }

// Relu returns n where it is positive and +0 elsewhere, NaN for NaN. Its
// gradient at 0 is 0.
func (n *Node) Relu() *Node { return apply(OpRelu, Attr{}, n) }

// Softplus returns log(1 + exp(n)).
func (n *Node) Softplus() *Node { return apply(OpSoftplus, Attr{}, n) }

// Sin returns the sine.
func (n *Node) Sin() *Node { return apply(OpSin, Attr{}, n) }

// Cos returns the cosine.
func (n *Node) Cos() *Node { return apply(OpCos, Attr{}, n) }

// Floor returns the greatest integer not above n. It has no gradient.
func (n *Node) Floor() *Node { return apply(OpFloor, Attr{}, n) }

// Round returns the nearest integer, the even one of two, as NumPy and
// TensorFlow do. It has no gradient. It is made of exact operations: with
// f = ⌊n⌋, n - f is exact, and f is odd where f/2 is no integer.
func (n *Node) Round() *Node {
	floor := n.Floor()
	rest := n.Sub(floor)
	half := floor.MulScalar(0.5)
	odd := half.Sub(half.Floor()).MulScalar(2)
	half = n.Graph().Scalar(0.5)
	up := rest.Greater(half).Max(rest.Equal(half).Mul(odd))
	return floor.Add(up).StopGradient()
}

// ReluGrad returns n where y > 0 and +0 elsewhere: the gradient of y = Relu(x)
// when n is y's. Shapes are equal.
func (n *Node) ReluGrad(y *Node) *Node { return apply(OpReluGrad, Attr{}, n, y) }

// Select returns a where cond is not 0, and b elsewhere. The three broadcast.
func Select(cond, a, b *Node) *Node { return apply(OpSelect, Attr{}, cond, a, b) }

// Dropout returns n with elements set to 0 at random, each with probability
// rate, and the rest scaled by 1/(1-rate) (Srivastava et al. 2014, inverted).
// The rate is in [0, 1). The mask depends on the seed, the stream, the step and
// the place of the element, and the gradient meets the same mask.
func (n *Node) Dropout(rate float64, stream uint16) *Node {
	if rate == 0 && n.Valid() {
		return n
	}
	return apply(OpDropout, Attr{Rate: rate, Stream: stream}, n)
}

// RandomUniform returns numbers in [0, 1), new ones every step, in the shape of
// n, whose values do not matter. It takes a stream of its own.
func (n *Node) RandomUniform() *Node {
	return apply(OpRandomUniform, Attr{Stream: n.Graph().NextStream()}, n)
}

// RandomNormal returns numbers of a standard normal distribution in the shape
// of n, by Box and Muller's transform (1958) of two uniform draws.
func (n *Node) RandomNormal() *Node {
	const tau = 6.283185307179586
	radius := n.RandomUniform().Neg().Log1p().MulScalar(-2).Sqrt()
	angle := n.RandomUniform().MulScalar(tau)
	return radius.Mul(angle.Cos())
}

// StopGradient returns n, through which no gradient flows.
func (n *Node) StopGradient() *Node { return apply(OpStopGradient, Attr{}, n) }

// OneHot adds a last axis of size depth, 1 at the index that n holds and 0
// elsewhere; all zeros for a number that is no index.
func (n *Node) OneHot(depth int) *Node { return apply(OpOneHot, Attr{Depth: depth}, n) }
