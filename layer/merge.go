package layer

// This file has the layers that join several inputs.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Add", func() Layer { return &Add{} })
	Register("Subtract", func() Layer { return &Subtract{} })
	Register("Multiply", func() Layer { return &Multiply{} })
	Register("Average", func() Layer { return &Average{} })
	Register("Maximum", func() Layer { return &Maximum{} })
	Register("Minimum", func() Layer { return &Minimum{} })
	Register("Concatenate", func() Layer { return &Concatenate{} })
}

// several returns an error unless there are two inputs or more.
func several(b *Builder, in []tensor.Shape) error {
	if len(in) < 2 {
		return b.Errorf("takes two inputs or more, got %d", len(in))
	}
	return nil
}

// fold joins the inputs from left to right.
func fold(in []*graph.Node, f func(a, b *graph.Node) *graph.Node) *graph.Node {
	y := in[0]
	for _, x := range in[1:] {
		y = f(y, x)
	}
	return y
}

// Add is the sum of its inputs.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Add struct{ Name string }

// Build checks the number of inputs.
func (*Add) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Add) Call(_ *Context, in []*graph.Node) *graph.Node { return fold(in, (*graph.Node).Add) }

// Subtract is the first input minus the second.
//
// Shapes: of two inputs, which broadcast → the broadcast shape.
type Subtract struct{ Name string }

// Build checks the number of inputs.
func (*Subtract) Build(b *Builder, in []tensor.Shape) error {
	if len(in) != 2 {
		return b.Errorf("takes two inputs, got %d", len(in))
	}
	return nil
}

// Call emits the layer's nodes.
func (*Subtract) Call(_ *Context, in []*graph.Node) *graph.Node { return in[0].Sub(in[1]) }

// Multiply is the product of its inputs, element by element.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Multiply struct{ Name string }

// Build checks the number of inputs.
func (*Multiply) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Multiply) Call(_ *Context, in []*graph.Node) *graph.Node { return fold(in, (*graph.Node).Mul) }

// Average is the mean of its inputs.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Average struct{ Name string }

// Build checks the number of inputs.
func (*Average) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Average) Call(c *Context, in []*graph.Node) *graph.Node {
	return fold(in, (*graph.Node).Add).Div(c.Graph().Scalar(float64(len(in))))
}

// Maximum is the greatest of its inputs, element by element.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Maximum struct{ Name string }

// Build checks the number of inputs.
func (*Maximum) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Maximum) Call(_ *Context, in []*graph.Node) *graph.Node { return fold(in, (*graph.Node).Max) }

// Minimum is the least of its inputs, element by element.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Minimum struct{ Name string }

// Build checks the number of inputs.
func (*Minimum) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Minimum) Call(_ *Context, in []*graph.Node) *graph.Node { return fold(in, (*graph.Node).Min) }

// Concatenate joins its inputs along an axis.
//
// Shapes: of two inputs or more, equal but for the axis → the same with the axis
// summed.
type Concatenate struct {
	Name string
	Axis int `zero:"-1"` // 0: the last; the axis of the batch cannot be meant
}

// Build checks the number of inputs.
func (*Concatenate) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (l *Concatenate) Call(_ *Context, in []*graph.Node) *graph.Node {
	return graph.Concat(config.Resolve(*l).Axis, in...)
}
