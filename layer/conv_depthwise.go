package layer

// This file has the convolutions that keep channels apart.

import (
	"cmp"
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
	Register("DepthwiseConv1D", func() Layer { return &DepthwiseConv1D{} })
	Register("DepthwiseConv2D", func() Layer { return &DepthwiseConv2D{} })
	Register("SeparableConv1D", func() Layer { return &SeparableConv1D{} })
	Register("SeparableConv2D", func() Layer { return &SeparableConv2D{} })
}

// DepthwiseConv1D is [Conv1D] of each channel by itself, with DepthMultiplier filters for
// each: the results of one channel stand together.
//
// Shapes: (batch, steps, channels) → (batch, places, channels·DepthMultiplier); kernel
// (size, channels, DepthMultiplier), bias (channels·DepthMultiplier). With DataFormat
// "channels_first" the channels are the second axis.
type DepthwiseConv1D struct {
	Name                 string
	Frozen               bool
	KernelSize           int
	Strides              int                     `zero:"1"`
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DepthMultiplier      int                     `zero:"1"`                // filters of each channel
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         int                     `zero:"1"`
	Activation           activation.Activation   // nil: linear
	NoBias               bool                    `keras:"use_bias,not"`
	DepthwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	DepthwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	kernel, bias *Variable
}

// Build declares kernel and bias.
func (l *DepthwiseConv1D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = depthwiseConv[int](config.Resolve(*l)).build(b, in, 1)
	return err
}

// Call emits the layer's nodes.
func (l *DepthwiseConv1D) Call(c *Context, in []*graph.Node) *graph.Node {
	return depthwiseConv[int](config.Resolve(*l)).call(c, in[0], 1)
}

// DepthwiseConv2D is [Conv2D] of each channel by itself, with DepthMultiplier filters for
// each: the results of one channel stand together.
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places,
// channels·DepthMultiplier); kernel (rows, columns, channels, DepthMultiplier), bias
// (channels·DepthMultiplier). With DataFormat "channels_first" the channels are the second
// axis.
type DepthwiseConv2D struct {
	Name                 string
	Frozen               bool
	KernelSize           [2]int
	Strides              [2]int                  `default:"1"`
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DepthMultiplier      int                     `zero:"1"`                // filters of each channel
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         [2]int                  `default:"1"`
	Activation           activation.Activation   // nil: linear
	NoBias               bool                    `keras:"use_bias,not"`
	DepthwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	DepthwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	kernel, bias *Variable
}

// Build declares kernel and bias.
func (l *DepthwiseConv2D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = depthwiseConv[[2]int](config.Resolve(*l)).build(b, in, 2)
	return err
}

// Call emits the layer's nodes.
func (l *DepthwiseConv2D) Call(c *Context, in []*graph.Node) *graph.Node {
	return depthwiseConv[[2]int](config.Resolve(*l)).call(c, in[0], 2)
}

// depthwiseConv is one of any number of spatial dimensions, with its defaults in.
type depthwiseConv[D size] struct {
	Name                 string
	Frozen               bool
	KernelSize           D
	Strides              D
	Padding              string
	DepthMultiplier      int
	DataFormat           string
	DilationRate         D
	Activation           activation.Activation
	NoBias               bool
	DepthwiseInitializer initializer.Initializer
	BiasInitializer      initializer.Initializer
	DepthwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	kernel, bias *Variable
}

func (l depthwiseConv[D]) window(dims int) *window {
	return &window{
		dims: dims, size: numbers(l.KernelSize), sizeField: "KernelSize", strides: numbers(l.Strides), dilation: numbers(l.DilationRate),
		padding: l.Padding, format: l.DataFormat,
	}
}

func (l depthwiseConv[D]) build(b *Builder, in []tensor.Shape, dims int) (kernel, bias *Variable, err error) {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return nil, nil, err
	}
	if err := cmp.Or(positive(b, "DepthMultiplier", l.DepthMultiplier), l.window(dims).check(b, image, "valid", "same")); err != nil {
		return nil, nil, err
	}
	channels := image[dims+1]
	kernel = b.Variable("kernel", append(numbers(l.KernelSize), channels, l.DepthMultiplier),
		VariableConfig{Initializer: l.DepthwiseInitializer, Regularizer: l.DepthwiseRegularizer, Constraint: l.DepthwiseConstraint})
	return kernel, biasOf(b, l.NoBias, channels*l.DepthMultiplier, VariableConfig{Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint}), nil
}

func (l depthwiseConv[D]) call(c *Context, x *graph.Node, dims int) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	y := depthwise(x, c.Value(l.kernel), l.window(dims))
	return finish(c, y, l.bias, l.DataFormat, l.Activation)
}

// depthwise convolves each channel of an image by itself, with a kernel [taps..., channels,
// filters of each].
func depthwise(x, kernel *graph.Node, w *window) *graph.Node {
	s := kernel.Shape()
	channels := s[w.dims]
	w.groups = channels
	return x.Conv(kernel.Reshape(append(slices.Clone(s[:w.dims]), 1, channels*s[w.dims+1])...), w.over(x.Shape()))
}

// SeparableConv1D is [DepthwiseConv1D], without a bias of its own, and a [Conv1D] of one
// pixel behind it that mixes the channels (Chollet 2017).
//
// Shapes: (batch, steps, channels) → (batch, places, Filters); depthwise_kernel (size,
// channels, DepthMultiplier), pointwise_kernel (1, channels·DepthMultiplier, Filters),
// bias (Filters). With DataFormat "channels_first" the channels are the second axis.
type SeparableConv1D struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           int
	Strides              int                     `zero:"1"`
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         int                     `zero:"1"`
	DepthMultiplier      int                     `zero:"1"` // of each channel, before they are mixed
	Activation           activation.Activation   // nil: linear
	NoBias               bool                    `keras:"use_bias,not"`
	DepthwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	PointwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	DepthwiseRegularizer regularizer.Regularizer
	PointwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	PointwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	depthwise, pointwise, bias *Variable
}

// Build declares both kernels and the bias.
func (l *SeparableConv1D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.depthwise, l.pointwise, l.bias, err = separableConv[int](config.Resolve(*l)).build(b, in, 1)
	return err
}

// Call emits the layer's nodes.
func (l *SeparableConv1D) Call(c *Context, in []*graph.Node) *graph.Node {
	return separableConv[int](config.Resolve(*l)).call(c, in[0], 1)
}

// SeparableConv2D is [DepthwiseConv2D], without a bias of its own, and a [Conv2D] of one
// pixel behind it that mixes the channels (Chollet 2017).
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places, Filters);
// depthwise_kernel (rows, columns, channels, DepthMultiplier), pointwise_kernel (1, 1,
// channels·DepthMultiplier, Filters), bias (Filters). With DataFormat "channels_first" the
// channels are the second axis.
type SeparableConv2D struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           [2]int
	Strides              [2]int                  `default:"1"`
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         [2]int                  `default:"1"`
	DepthMultiplier      int                     `zero:"1"` // of each channel, before they are mixed
	Activation           activation.Activation   // nil: linear
	NoBias               bool                    `keras:"use_bias,not"`
	DepthwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	PointwiseInitializer initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	DepthwiseRegularizer regularizer.Regularizer
	PointwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	PointwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	depthwise, pointwise, bias *Variable
}

// Build declares both kernels and the bias.
func (l *SeparableConv2D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.depthwise, l.pointwise, l.bias, err = separableConv[[2]int](config.Resolve(*l)).build(b, in, 2)
	return err
}

// Call emits the layer's nodes.
func (l *SeparableConv2D) Call(c *Context, in []*graph.Node) *graph.Node {
	return separableConv[[2]int](config.Resolve(*l)).call(c, in[0], 2)
}

// separableConv is one of any number of spatial dimensions, with its defaults in.
type separableConv[D size] struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           D
	Strides              D
	Padding              string
	DataFormat           string
	DilationRate         D
	DepthMultiplier      int
	Activation           activation.Activation
	NoBias               bool
	DepthwiseInitializer initializer.Initializer
	PointwiseInitializer initializer.Initializer
	BiasInitializer      initializer.Initializer
	DepthwiseRegularizer regularizer.Regularizer
	PointwiseRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	DepthwiseConstraint  constraint.Constraint
	PointwiseConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint

	depthwise, pointwise, bias *Variable
}

func (l separableConv[D]) window(dims int) *window {
	return &window{
		dims: dims, size: numbers(l.KernelSize), sizeField: "KernelSize", strides: numbers(l.Strides), dilation: numbers(l.DilationRate),
		padding: l.Padding, format: l.DataFormat,
	}
}

func (l separableConv[D]) build(b *Builder, in []tensor.Shape, dims int) (depthwise, pointwise, bias *Variable, err error) {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := cmp.Or(positive(b, "Filters", l.Filters), positive(b, "DepthMultiplier", l.DepthMultiplier), l.window(dims).check(b, image, "valid", "same")); err != nil {
		return nil, nil, nil, err
	}
	channels := image[dims+1]
	depthwise = b.Variable("depthwise_kernel", append(numbers(l.KernelSize), channels, l.DepthMultiplier),
		VariableConfig{Initializer: l.DepthwiseInitializer, Regularizer: l.DepthwiseRegularizer, Constraint: l.DepthwiseConstraint})
	pointwise = b.Variable("pointwise_kernel", append(slices.Repeat([]int{1}, dims), channels*l.DepthMultiplier, l.Filters),
		VariableConfig{Initializer: l.PointwiseInitializer, Regularizer: l.PointwiseRegularizer, Constraint: l.PointwiseConstraint})
	bias = biasOf(b, l.NoBias, l.Filters, VariableConfig{Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	return depthwise, pointwise, bias, nil
}

func (l separableConv[D]) call(c *Context, x *graph.Node, dims int) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	y := depthwise(x, c.Value(l.depthwise), l.window(dims))
	return finish(c, y.Conv(c.Value(l.pointwise), graph.Window{}), l.bias, l.DataFormat, l.Activation)
}
