package layer

// This file has the layers of plain networks.

import (
	"slices"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("InputLayer", func() Layer { return &Input{} })
	Register("Dense", func() Layer { return &Dense{} })
	Register("Activation", func() Layer { return &Activation{} })
	Register("Flatten", func() Layer { return &Flatten{} })
	Register("Reshape", func() Layer { return &Reshape{} })
	Register("Identity", func() Layer { return &Identity{} })
	Register("Rescaling", func() Layer { return &Rescaling{} })
}

// Input is where data enter a network. It is applied to no node.
//
// Shapes: → (batch, Shape...)
type Input struct {
	Name string

	// Shape is that of a sample, without the batch. An axis of the size tensor.None, Keras's None, has another size in each batch:
	// sequences of several lengths, or images of several sizes. No weight can depend on it. For each size that comes the model is
	// compiled once; data.Bucketed gives batches of a few sizes.
	Shape     tensor.Shape
	BatchSize int `zero:"none"` // the size of all batches, which layers that are Stateful ask for; 0: any

	// DType is what the data are, as Keras keeps and checks it. It is for files: here data of any type are taken. Labels and
	// indices stay integers, and what is computed with becomes float32, exactly or with an error. Only tensor.String means something: texts, which a layer such as
	// TextVectorization makes numbers of.
	DType tensor.DType `keras:"dtype"`
}

// Build declares nothing.
func (*Input) Build(*Builder, []tensor.Shape) error { return nil }

// Call returns its input.
func (*Input) Call(_ *Context, in []*graph.Node) *graph.Node { return in[0] }

// Dense is Activation(x · kernel + bias), over the last axis.
//
// Shapes: (batch, …, features) → (batch, …, Units); kernel (features, Units),
// bias (Units).
type Dense struct {
	Name                string
	Frozen              bool
	Units               int
	Activation          activation.Activation   // nil: linear
	NoBias              bool                    `keras:"use_bias,not"`
	KernelInitializer   initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer     initializer.Initializer `default:"zeros"`
	KernelRegularizer   regularizer.Regularizer
	BiasRegularizer     regularizer.Regularizer
	ActivityRegularizer regularizer.Regularizer
	KernelConstraint    constraint.Constraint
	BiasConstraint      constraint.Constraint

	kernel, bias *Variable
}

// Build declares kernel and bias.
func (l *Dense) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	switch {
	case l.Units <= 0:
		return b.Errorf("Units is %d, it must be positive", l.Units)
	case len(in) != 1:
		return b.Errorf("takes one input, got %d", len(in))
	case len(in[0]) < 2:
		return b.Errorf("the input needs an axis beside the batch")
	}
	features := in[0][len(in[0])-1]
	l.kernel = b.Variable("kernel", tensor.Shape{features, l.Units},
		VariableConfig{Initializer: cfg.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if !l.NoBias {
		l.bias = b.Variable("bias", tensor.Shape{l.Units},
			VariableConfig{Initializer: cfg.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Dense) Call(c *Context, in []*graph.Node) *graph.Node {
	y := c.biased(in[0].MatMul(c.Value(l.kernel)), l.bias)
	if l.Activation != nil {
		y = l.Activation.Apply(y)
	}
	return y
}

// Activation applies a function to every element.
//
// Shapes: any → the same.
type Activation struct {
	Name                string
	Func                activation.Activation `keras:"activation"`
	ActivityRegularizer regularizer.Regularizer
}

// Build checks that there is a function.
func (l *Activation) Build(b *Builder, in []tensor.Shape) error {
	if l.Func == nil {
		return b.Errorf("Func is nil: say which activation, activation.ReLU{} for one")
	}
	return one(b, in)
}

// Call emits the layer's nodes.
func (l *Activation) Call(_ *Context, in []*graph.Node) *graph.Node { return l.Func.Apply(in[0]) }

// Flatten joins all axes but the batch.
//
// Shapes: (batch, a, b, …) → (batch, a·b·…)
type Flatten struct {
	Name string
}

// Build checks the number of inputs.
func (l *Flatten) Build(b *Builder, in []tensor.Shape) error { return one(b, in) }

// Call emits the layer's nodes.
func (l *Flatten) Call(_ *Context, in []*graph.Node) *graph.Node {
	return in[0].Reshape(tensor.Batch, perSample(in[0].Shape()))
}

// perSample returns the number of elements of each sample.
func perSample(s tensor.Shape) int {
	if len(s) == 0 {
		return 1
	}
	return s[1:].Numel()
}

// Reshape gives each sample another shape. One dimension of TargetShape may be
// -1, which is then what is left over.
//
// Shapes: (batch, …) → (batch, TargetShape...)
type Reshape struct {
	Name        string
	TargetShape tensor.Shape
}

// Build checks that the numbers of elements agree.
func (l *Reshape) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	if err := l.TargetShape.Check(); err != nil {
		return b.Errorf("TargetShape: %v", err)
	}
	if _, ok := l.target(perSample(in[0])); !ok {
		return b.Errorf("the %d elements of a sample do not fill TargetShape %v", perSample(in[0]), []int(l.TargetShape))
	}
	return nil
}

// target returns TargetShape for samples of n elements, the -1 found.
func (l *Reshape) target(n int) (tensor.Shape, bool) {
	s := l.TargetShape.Clone()
	if i := slices.Index(s, -1); i >= 0 {
		s[i] = 1
		rest := s.Numel()
		if rest == 0 || n%rest != 0 {
			return nil, false
		}
		s[i] = n / rest
	}
	return s, s.Numel() == n
}

// Call emits the layer's nodes.
func (l *Reshape) Call(c *Context, in []*graph.Node) *graph.Node {
	s, ok := l.target(perSample(in[0].Shape()))
	if !ok {
		return c.Graph().Fail("the shape %v does not fill TargetShape %v", in[0].Shape(), []int(l.TargetShape))
	}
	return in[0].Reshape(append(tensor.Shape{tensor.Batch}, s...)...)
}

// Identity returns its input.
//
// Shapes: any → the same.
type Identity struct{ Name string }

// Build checks the number of inputs.
func (*Identity) Build(b *Builder, in []tensor.Shape) error { return one(b, in) }

// Call returns its input.
func (*Identity) Call(_ *Context, in []*graph.Node) *graph.Node { return in[0] }

// Lambda applies a function of the program's. It has no variables, and a model with it can't be
// saved: a file holds no code. A type with Build and Call that Register knows can.
//
// Shapes: what the function makes of them.
type Lambda struct {
	Name string
	Func func(c *Context, in []*graph.Node) *graph.Node
}

// Build checks that there is a function.
func (l *Lambda) Build(b *Builder, _ []tensor.Shape) error {
	if l.Func == nil {
		return b.Errorf("Func is nil: say what the layer does")
	}
	return nil
}

// Call calls the function.
func (l *Lambda) Call(c *Context, in []*graph.Node) *graph.Node { return l.Func(c, in) }

// Rescaling is x · Scale + Offset.
//
// Shapes: any → the same.
type Rescaling struct {
	Name   string
	Scale  float64 // must be given; 1.0/255 brings bytes to [0, 1]
	Offset float64

	// Scales and Offsets have a number for each index of the last axis, in the place of Scale and Offset.
	Scales  []float64 `keras:"scales,ours"`
	Offsets []float64 `keras:"offsets,ours"`
}

// Build checks that there is a scale.
func (l *Rescaling) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	for _, list := range []struct {
		name   string
		values []float64
	}{{"Scales", l.Scales}, {"Offsets", l.Offsets}} {
		if n := len(list.values); n > 0 && (len(in[0]) < 2 || in[0][len(in[0])-1] != n) {
			return b.Errorf("%s has %d numbers, they are for the last axis", list.name, n)
		}
	}
	switch {
	case l.Scale == 0 && len(l.Scales) == 0:
		return b.Errorf("Scale is 0, it must be given: 1 changes nothing, and a 255th is 1.0/255, for Go's 1/255 is 0")
	case l.Scale != 0 && len(l.Scales) > 0:
		return b.Errorf("Scale and Scales: give one of them")
	case l.Offset != 0 && len(l.Offsets) > 0:
		return b.Errorf("Offset and Offsets: give one of them")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Rescaling) Call(c *Context, in []*graph.Node) *graph.Node {
	y := in[0]
	if len(l.Scales) > 0 {
		y = y.Mul(perChannel(c, l.Scales))
	} else {
		y = y.MulScalar(l.Scale)
	}
	switch {
	case len(l.Offsets) > 0:
		y = y.Add(perChannel(c, l.Offsets))
	case l.Offset != 0:
		y = y.AddScalar(l.Offset)
	}
	return y
}

// perChannel is a constant that numbers along the last axis meet.
func perChannel(c *Context, values []float64) *graph.Node {
	list := make([]float32, len(values))
	for i, v := range values {
		list[i] = float32(v)
	}
	return c.Graph().Const(list, len(list))
}

// one returns an error unless there is one input.
func one(b *Builder, in []tensor.Shape) error {
	if len(in) != 1 {
		return b.Errorf("takes one input, got %d", len(in))
	}
	return nil
}
