// Package constraint has projections that a weight goes through after every
// step of the optimizer. One is a field of a layer:
//
//	&layer.Dense{Units: 64, KernelConstraint: constraint.MaxNorm{MaxValue: new(3.0)}}
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0.
package constraint

// This file defines Constraint and its members.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// A Constraint maps a weight to the nearest that is allowed.
type Constraint interface {
	// Name returns Keras's name: "non_neg".
	Name() string
	// Project emits the weight's new value, of its shape.
	Project(w *graph.Node) *graph.Node
}

var registry = config.NewRegistry[Constraint]("constraint", MaxNorm{}, MinMaxNorm{}, NonNeg{}, UnitNorm{})

// ByName returns the constraint that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Constraint, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a constraint known to ByName and to files, by its Name.
func Register(c Constraint) { registry.Register(c) }

// epsilon is Keras's: it keeps a norm of 0 from being divided by.
const epsilon = 1e-7

// NonNeg keeps weights from being negative.
type NonNeg struct{}

// Name returns "non_neg".
func (NonNeg) Name() string { return "non_neg" }

// Project emits the weight's new value.
func (NonNeg) Project(w *graph.Node) *graph.Node { return w.Max(w.Graph().Scalar(0)) }

// MaxNorm keeps norms from being greater than MaxValue. A norm is √Σw² along the
// axes: along 0, a dense layer's kernel has one for each unit; along 0, 1, 2, a
// two-dimensional convolution's has one for each filter.
type MaxNorm struct {
	MaxValue *float64 `default:"2"`
	Axis     []int    `default:"0"` // nil: 0
}

// Name returns "max_norm".
func (MaxNorm) Name() string { return "max_norm" }

// Project emits the weight's new value.
func (c MaxNorm) Project(w *graph.Node) *graph.Node {
	c = config.Resolve(c)
	norm := norms(w, c.Axis)
	return scale(w, norm.Clip(0, *c.MaxValue), norm)
}

// UnitNorm makes norms 1; see MaxNorm.
type UnitNorm struct {
	Axis []int `default:"0"` // nil: 0
}

// Name returns "unit_norm".
func (UnitNorm) Name() string { return "unit_norm" }

// Project emits the weight's new value.
func (c UnitNorm) Project(w *graph.Node) *graph.Node {
	return w.Div(norms(w, config.Resolve(c).Axis).AddScalar(epsilon))
}

// MinMaxNorm brings norms into [MinValue, MaxValue], by the part Rate of what is
// missing at every step; see MaxNorm.
type MinMaxNorm struct {
	MinValue float64
	MaxValue *float64 `default:"1"`
	Rate     *float64 `default:"1"`
	Axis     []int    `default:"0"` // nil: 0
}

// Name returns "min_max_norm".
func (MinMaxNorm) Name() string { return "min_max_norm" }

// Project emits the weight's new value.
func (c MinMaxNorm) Project(w *graph.Node) *graph.Node {
	c = config.Resolve(c)
	norm := norms(w, c.Axis)
	wanted := norm.Clip(c.MinValue, *c.MaxValue).MulScalar(*c.Rate).Add(norm.MulScalar(1 - *c.Rate))
	return scale(w, wanted, norm)
}

func norms(w *graph.Node, axis []int) *graph.Node {
	return w.Square().SumKeep(axis...).Sqrt()
}

// scale gives what has the norm the wanted one.
func scale(w, wanted, norm *graph.Node) *graph.Node {
	return w.Mul(wanted.Div(norm.AddScalar(epsilon)))
}
