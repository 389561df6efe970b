package layer

// This file has the layers that join several inputs.

import (
	"slices"

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
	Register("Dot", func() Layer { return &Dot{} })
}

// several returns an error unless there are two inputs or more.
func several(b *Builder, in []tensor.Shape) error {
	if len(in) < 2 {
		return b.Errorf("takes two inputs or more, got %d", len(in))
	}
	return nil
}

// two returns an error unless there are two inputs.
func two(b *Builder, in []tensor.Shape) error {
	if len(in) != 2 {
		return b.Errorf("takes two inputs, got %d", len(in))
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
func (*Subtract) Build(b *Builder, in []tensor.Shape) error { return two(b, in) }

// Call emits the layer's nodes.
func (*Subtract) Call(_ *Context, in []*graph.Node) *graph.Node { return in[0].Sub(in[1]) }

// Multiply is the product of its inputs, element by element. In it a step that is masked counts as 1, and one that is masked in all of them
// is 0.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Multiply struct{ Name string }

// Build checks the number of inputs.
func (*Multiply) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Multiply) Call(c *Context, in []*graph.Node) *graph.Node { return c.product(in) }

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
func (*Maximum) Call(c *Context, in []*graph.Node) *graph.Node {
	return c.extreme(in, (*graph.Node).Max)
}

// Minimum is the least of its inputs, element by element.
//
// Shapes: of two inputs or more, which broadcast → the broadcast shape.
type Minimum struct{ Name string }

// Build checks the number of inputs.
func (*Minimum) Build(b *Builder, in []tensor.Shape) error { return several(b, in) }

// Call emits the layer's nodes.
func (*Minimum) Call(c *Context, in []*graph.Node) *graph.Node {
	return c.extreme(in, (*graph.Node).Min)
}

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

// Dot is the scalar product of two inputs, sample by sample: along one axis of each, for all
// places along the others.
//
// Shapes: (batch, …), (batch, …) → (batch, the first's other axes, the second's other axes),
// and (batch, 1) where neither has any.
type Dot struct {
	Name string
	// Axes has the axis of each input. It must be given; the batch can't be meant. A negative
	// one counts from the end.
	Axes      [2]int
	Normalize bool // the vectors along the axes to length 1 first: the product is their cosine
}

// Build checks that the axes are of one size.
func (l *Dot) Build(b *Builder, in []tensor.Shape) error {
	if err := two(b, in); err != nil {
		return err
	}
	axes := l.axes(in[0], in[1])
	for i, axis := range axes {
		if axis < 1 || axis >= len(in[i]) {
			return b.Errorf("Axes is %v: the axes of input %d are 1 to %d, or -1 to %d from the end", l.Axes, i, len(in[i])-1, 1-len(in[i]))
		}
	}
	if n, m := in[0][axes[0]], in[1][axes[1]]; n != m {
		return b.Errorf("Axes is %v: the axes must be of one size, they are %d and %d", l.Axes, n, m)
	}
	return nil
}

// axes returns Axes, counted from the begin.
func (l *Dot) axes(in ...tensor.Shape) [2]int {
	axes := l.Axes
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += len(in[i])
		}
	}
	return axes
}

// Call emits the layer's nodes.
func (l *Dot) Call(_ *Context, in []*graph.Node) *graph.Node {
	axes := l.axes(in[0].Shape(), in[1].Shape())
	out := tensor.Shape{tensor.Batch}
	var matrices [2]*graph.Node // (batch, places, size)
	for i, x := range in {
		if l.Normalize {
			x = normalize(x, 1e-7, axes[i])
		}
		others := slices.Delete(x.Shape().Clone(), axes[i], axes[i]+1)[1:]
		out = append(out, others...)
		size := x.Shape()[axes[i]]
		matrices[i] = last(x, axes[i]).Reshape(tensor.Batch, others.Numel(), size)
	}
	if len(out) == 1 {
		out = append(out, 1)
	}
	return matrices[0].BatchMatMul(matrices[1], false, true).Reshape(out...)
}

// last moves an axis to the end.
func last(x *graph.Node, axis int) *graph.Node {
	if axis == x.Rank()-1 {
		return x
	}
	var order []int
	for i := range x.Rank() {
		if i != axis {
			order = append(order, i)
		}
	}
	return x.Transpose(append(order, axis)...)
}

// normalize brings the vectors along axes to length 1. Those that are shorter than epsilon
// become x/epsilon, whose gradient is finite at 0 too.
func normalize(x *graph.Node, epsilon float64, axes ...int) *graph.Node {
	square := x.Square().SumKeep(axes...)
	return x.Div(square.Max(x.Graph().Scalar(epsilon * epsilon)).Sqrt())
}
