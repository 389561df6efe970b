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

// Apply returns x.
func (Linear) Apply(x *graph.Node) *graph.Node { return x }

// ReLU is the rectified linear unit, max(x, 0), with Keras's options:
//
//	MaxValue                          if x ≥ MaxValue
//	x                                 if Threshold ≤ x < MaxValue
//	NegativeSlope · (x - Threshold)   otherwise
type ReLU struct {
	NegativeSlope float64
	MaxValue      float64 // 0: no ceiling
	Threshold     float64
}

// Name returns "relu".
func (ReLU) Name() string { return "relu" }

// Apply emits the function.
func (a ReLU) Apply(x *graph.Node) *graph.Node {
	a = config.Resolve(a)
	if a == (ReLU{}) {
		return x.Relu()
	}
	g := x.Graph()
	var y *graph.Node
	if a.Threshold == 0 {
		y = x.Relu()
	} else {
		y = x.Mul(x.Greater(g.Scalar(a.Threshold)))
	}
	if a.MaxValue != 0 {
		y = y.Min(g.Scalar(a.MaxValue))
	}
	if a.NegativeSlope != 0 {
		below := g.Scalar(a.Threshold).Sub(x).Relu()
		y = y.Sub(below.MulScalar(a.NegativeSlope))
	}
	return y
}

// Sigmoid is 1 / (1 + exp(-x)).
type Sigmoid struct{}

// Name returns "sigmoid".
func (Sigmoid) Name() string { return "sigmoid" }

// Apply emits the function.
func (Sigmoid) Apply(x *graph.Node) *graph.Node { return x.Sigmoid() }

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Name returns "tanh".
func (Tanh) Name() string { return "tanh" }

// Apply emits the function.
func (Tanh) Apply(x *graph.Node) *graph.Node { return x.Tanh() }

// Softmax is exp(x) / Σ exp(x), the sum along an axis.
type Softmax struct {
	Axis int `default:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Name returns "softmax".
func (Softmax) Name() string { return "softmax" }

// Apply emits the function.
func (a Softmax) Apply(x *graph.Node) *graph.Node { return x.Softmax(config.Resolve(a).Axis) }
