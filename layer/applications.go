package layer

// This file has the layers that networks of keras.applications bring along.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("LayerScale", func() Layer { return &LayerScale{} })
	Register("StochasticDepth", func() Layer { return &StochasticDepth{} })
	Register("CustomScaleLayer", func() Layer { return &CustomScaleLayer{} })
}

// LayerScale multiplies each channel by a number that is learnt (Touvron et al. 2021, "Going deeper with image transformers"):
// ConvNeXt's.
//
// Shapes: (batch, …, ProjectionDim) → the same; gamma (ProjectionDim).
type LayerScale struct {
	Name          string
	Frozen        bool
	InitValues    float64 // of gamma
	ProjectionDim int     // the channels of what it is applied to

	gamma *Variable
}

// Build declares gamma.
func (l *LayerScale) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	if n := len(in[0]); n < 2 || in[0][n-1] != l.ProjectionDim {
		return b.Errorf("ProjectionDim is %d, it must be the size of the last axis", l.ProjectionDim)
	}
	l.gamma = b.Variable("gamma", tensor.Shape{l.ProjectionDim}, VariableConfig{Initializer: initializer.Constant{Value: l.InitValues}})
	return nil
}

// Call emits the layer's nodes.
func (l *LayerScale) Call(c *Context, in []*graph.Node) *graph.Node {
	return in[0].Mul(c.Value(l.gamma))
}

// StochasticDepth is Dropout of whole samples, behind which a shortcut leads past a block of the network (Huang et al. 2016):
// ConvNeXt's.
//
// Shapes: any → the same.
type StochasticDepth struct {
	Name         string
	DropPathRate float64 // in [0, 1)
}

// Build checks the rate.
func (l *StochasticDepth) Build(b *Builder, in []tensor.Shape) error {
	if err := checkShare(b, "DropPathRate", l.DropPathRate); err != nil {
		return err
	}
	return one(b, in)
}

// Call emits the layer's nodes.
func (l *StochasticDepth) Call(c *Context, in []*graph.Node) *graph.Node {
	rate := config.Resolve(*l).DropPathRate
	if !c.Training() || rate == 0 {
		return in[0]
	}
	shape := in[0].Shape().Clone()
	for i := range shape[1:] {
		shape[1+i] = 1
	}
	return in[0].Mul(mask(c, rate, shape))
}

// CustomScaleLayer is the first of two inputs plus Scale times the second: Inception-ResNet's.
//
// Shapes: of two inputs, which broadcast → the broadcast shape.
type CustomScaleLayer struct {
	Name  string
	Scale float64
}

// Build checks the number of inputs.
func (*CustomScaleLayer) Build(b *Builder, in []tensor.Shape) error { return two(b, in) }

// Call emits the layer's nodes.
func (l *CustomScaleLayer) Call(_ *Context, in []*graph.Node) *graph.Node {
	return in[0].Add(in[1].MulScalar(l.Scale))
}
