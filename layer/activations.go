package layer

// This file has the activations that are layers of their own in Keras.

import (
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("ReLU", func() Layer { return &ReLU{} })
	Register("LeakyReLU", func() Layer { return &LeakyReLU{} })
	Register("ELU", func() Layer { return &ELU{} })
	Register("PReLU", func() Layer { return &PReLU{} })
	Register("Softmax", func() Layer { return &Softmax{} })
	Register("ActivityRegularization", func() Layer { return &ActivityRegularization{} })
}

// ReLU is the layer of activation.ReLU.
//
// Shapes: any → the same.
type ReLU struct {
	Name          string
	MaxValue      *float64 // nil: no ceiling
	NegativeSlope float64
	Threshold     float64
}

// Build checks that no field is negative.
func (l *ReLU) Build(b *Builder, in []tensor.Shape) error {
	switch {
	case l.MaxValue != nil && *l.MaxValue < 0:
		return b.Errorf("MaxValue is %v, it cannot be negative", *l.MaxValue)
	case l.NegativeSlope < 0 || l.Threshold < 0:
		return b.Errorf("NegativeSlope is %v and Threshold %v, they cannot be negative", l.NegativeSlope, l.Threshold)
	}
	return one(b, in)
}

// Call emits the layer's nodes.
func (l *ReLU) Call(_ *Context, in []*graph.Node) *graph.Node {
	return activation.ReLU{MaxValue: l.MaxValue, NegativeSlope: l.NegativeSlope, Threshold: l.Threshold}.Apply(in[0])
}

// LeakyReLU is the layer of activation.LeakyReLU.
//
// Shapes: any → the same.
type LeakyReLU struct {
	Name          string
	NegativeSlope *float64 `default:"0.3"` // activation.LeakyReLU has 0.2
}

// Build checks the slope.
func (l *LeakyReLU) Build(b *Builder, in []tensor.Shape) error {
	if slope := *config.Resolve(*l).NegativeSlope; slope < 0 {
		return b.Errorf("NegativeSlope is %v, it cannot be negative", slope)
	}
	return one(b, in)
}

// Call emits the layer's nodes.
func (l *LeakyReLU) Call(_ *Context, in []*graph.Node) *graph.Node {
	return activation.LeakyReLU{NegativeSlope: config.Resolve(*l).NegativeSlope}.Apply(in[0])
}

// ELU is the layer of activation.ELU.
//
// Shapes: any → the same.
type ELU struct {
	Name  string
	Alpha *float64 `default:"1"`
}

// Build checks the number of inputs.
func (l *ELU) Build(b *Builder, in []tensor.Shape) error { return one(b, in) }

// Call emits the layer's nodes.
func (l *ELU) Call(_ *Context, in []*graph.Node) *graph.Node {
	return activation.ELU{Alpha: l.Alpha}.Apply(in[0])
}

// PReLU is x for x > 0 and alpha·x below, where alpha is learned (He et al. 2015).
//
// Shapes: (batch, …) → the same; alpha has the shape of a sample, but 1 along the
// shared axes.
type PReLU struct {
	Name                string
	Frozen              bool
	AlphaInitializer    initializer.Initializer `default:"zeros"`
	AlphaRegularizer    regularizer.Regularizer
	AlphaConstraint     constraint.Constraint
	ActivityRegularizer regularizer.Regularizer
	SharedAxes          []int // along which alpha is one number; 1 is the first after the batch

	alpha *Variable
}

// Build declares alpha.
func (l *PReLU) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	if len(in[0]) < 2 {
		return b.Errorf("the input needs an axis beside the batch")
	}
	shape := in[0][1:].Clone()
	for _, axis := range l.SharedAxes {
		if axis < 1 || axis > len(shape) {
			return b.Errorf("SharedAxes %v: the axes are 1 to %d", l.SharedAxes, len(shape))
		}
		shape[axis-1] = 1
	}
	l.alpha = b.Variable("alpha", shape, VariableConfig{
		Initializer: config.Resolve(*l).AlphaInitializer, Regularizer: l.AlphaRegularizer, Constraint: l.AlphaConstraint,
	})
	return nil
}

// Call emits the layer's nodes.
func (l *PReLU) Call(c *Context, in []*graph.Node) *graph.Node {
	below := c.Value(l.alpha).Neg().Mul(in[0].Neg().Relu())
	return in[0].Relu().Add(below)
}

// Softmax is the layer of activation.Softmax.
//
// Shapes: any → the same.
type Softmax struct {
	Name string
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Build checks the number of inputs.
func (l *Softmax) Build(b *Builder, in []tensor.Shape) error { return one(b, in) }

// Call emits the layer's nodes.
func (l *Softmax) Call(_ *Context, in []*graph.Node) *graph.Node {
	return activation.Softmax{Axis: l.Axis}.Apply(in[0])
}

// ActivityRegularization adds a penalty on its input to the loss, L1·Σ|x| + L2·Σx²,
// divided by the size of the batch, and returns the input.
//
// Shapes: any → the same.
type ActivityRegularization struct {
	Name   string
	L1, L2 float64
}

// Build checks the number of inputs.
func (l *ActivityRegularization) Build(b *Builder, in []tensor.Shape) error { return one(b, in) }

// Call emits the layer's nodes.
func (l *ActivityRegularization) Call(c *Context, in []*graph.Node) *graph.Node {
	c.penalize(in[0], regularizer.L1L2{L1: l.L1, L2: l.L2})
	return in[0]
}
