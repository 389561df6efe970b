package layer

// This file has the transposed convolutions.

import (
	"cmp"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Conv1DTranspose", func() Layer { return &Conv1DTranspose{} })
	Register("Conv2DTranspose", func() Layer { return &Conv2DTranspose{} })
	Register("Conv3DTranspose", func() Layer { return &Conv3DTranspose{} })
}

// Conv1DTranspose is a transposed convolution, which enlarges a sequence where [Conv1D]
// shrinks it (Zeiler et al. 2010). Each step of the input times the kernel is added to a
// window of the output, and the windows of two steps are Strides apart; then come bias and
// Activation. Without these it is the gradient of a Conv1D: x is the gradient at its output,
// the result is the gradient at its input.
//
// A window reaches over r = (KernelSize−1)·DilationRate + 1 steps. From n steps the layer
// makes (n−1)·Strides + max(r, Strides) with Padding "valid", and n·Strides with "same". With
// OutputPadding p it makes (n−1)·Strides + r + p with "valid", and (n−1)·Strides + r mod 2 + p
// with "same".
//
// Shapes: (batch, steps, channels) → (batch, places, Filters); kernel (size, Filters,
// channels), bias (Filters). With DataFormat "channels_first" the channels are the second
// axis.
type Conv1DTranspose struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          int
	Strides             int                     `zero:"1"`        // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"` // "valid" or "same"
	OutputPadding       *int                    // less than Strides; nil: what Padding says
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        int                     `zero:"1"`
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
func (l *Conv1DTranspose) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = convTranspose[int](config.Resolve(*l)).build(b, in, 1)
	return err
}

// Call emits the layer's nodes.
func (l *Conv1DTranspose) Call(c *Context, in []*graph.Node) *graph.Node {
	return convTranspose[int](config.Resolve(*l)).call(c, in[0], 1)
}

// Conv2DTranspose is the transposed convolution that belongs to [Conv2D]; along each axis it
// is as [Conv1DTranspose].
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places, Filters); kernel
// (rows, columns, Filters, channels), bias (Filters). With DataFormat "channels_first" the
// channels are the second axis.
type Conv2DTranspose struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          [2]int
	Strides             [2]int                  `default:"1"`     // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"` // "valid" or "same"
	OutputPadding       *[2]int                 // less than Strides; nil: what Padding says
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        [2]int                  `default:"1"`
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
func (l *Conv2DTranspose) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = convTranspose[[2]int](config.Resolve(*l)).build(b, in, 2)
	return err
}

// Call emits the layer's nodes.
func (l *Conv2DTranspose) Call(c *Context, in []*graph.Node) *graph.Node {
	return convTranspose[[2]int](config.Resolve(*l)).call(c, in[0], 2)
}

// Conv3DTranspose is the transposed convolution that belongs to [Conv3D]; along each axis it
// is as [Conv1DTranspose].
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, places, places, places,
// Filters); kernel (planes, rows, columns, Filters, channels), bias (Filters). With
// DataFormat "channels_first" the channels are the second axis.
type Conv3DTranspose struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          [3]int
	Strides             [3]int                  `default:"1"`     // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"` // "valid" or "same"
	OutputPadding       *[3]int                 // less than Strides; nil: what Padding says
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        [3]int                  `default:"1"`
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
func (l *Conv3DTranspose) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = convTranspose[[3]int](config.Resolve(*l)).build(b, in, 3)
	return err
}

// Call emits the layer's nodes.
func (l *Conv3DTranspose) Call(c *Context, in []*graph.Node) *graph.Node {
	return convTranspose[[3]int](config.Resolve(*l)).call(c, in[0], 3)
}

// convTranspose is one of any number of spatial dimensions, with its defaults in.
type convTranspose[D size] struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          D
	Strides             D
	Padding             string
	OutputPadding       *D
	DataFormat          string
	DilationRate        D
	Activation          activation.Activation
	NoBias              bool
	KernelInitializer   initializer.Initializer
	BiasInitializer     initializer.Initializer
	KernelRegularizer   regularizer.Regularizer
	BiasRegularizer     regularizer.Regularizer
	ActivityRegularizer regularizer.Regularizer
	KernelConstraint    constraint.Constraint
	BiasConstraint      constraint.Constraint

	kernel, bias *Variable
}

func (l convTranspose[D]) window(dims int) *window {
	return &window{
		dims: dims, size: numbers(l.KernelSize), sizeField: "KernelSize", strides: numbers(l.Strides), dilation: numbers(l.DilationRate),
		padding: l.Padding, format: l.DataFormat, either: true,
	}
}

func (l convTranspose[D]) build(b *Builder, in []tensor.Shape, dims int) (kernel, bias *Variable, err error) {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return nil, nil, err
	}
	w := l.window(dims)
	if err := cmp.Or(positive(b, "Filters", l.Filters), w.checkForm(b, "valid", "same")); err != nil {
		return nil, nil, err
	}
	if err := l.checkOutput(b, image, dims); err != nil {
		return nil, nil, err
	}
	kernel = b.Variable("kernel", append(numbers(l.KernelSize), l.Filters, image[dims+1]),
		VariableConfig{Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	return kernel, biasOf(b, l.NoBias, l.Filters, VariableConfig{Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint}), nil
}

// checkOutput returns an error unless there is an output.
func (l convTranspose[D]) checkOutput(b *Builder, image tensor.Shape, dims int) error {
	if l.OutputPadding != nil {
		for i, p := range numbers(*l.OutputPadding) {
			if p < 0 || p >= numbers(l.Strides)[i] {
				return b.Errorf("OutputPadding is %v, it must be at least 0 and less than Strides, %v", *l.OutputPadding, l.Strides)
			}
		}
	}
	_, spatial := l.over(image, dims)
	for i, n := range spatial {
		if n <= 0 {
			return b.Errorf("the output would have %d %s: make OutputPadding larger, or leave it out", n, spatialAxes[dims][i])
		}
	}
	return nil
}

// over returns the convolution whose gradient the layer is on an image, and the spatial
// dimensions of its result. Padding is reckoned as Keras does.
func (l convTranspose[D]) over(image tensor.Shape, dims int) (graph.Window, []int) {
	w := l.window(dims)
	g := graph.Window{Size: w.size, Stride: w.strides, Dilation: w.dilation}
	var spatial []int
	for i := range dims {
		reach, stride := w.reach(i), w.strides[i]
		// left and right are how far the window may hang over the first and the last
		// pixel when it is turned around.
		left, right := reach-1, reach-1+max(reach, stride)-reach
		switch {
		case l.Padding == "same":
			all := stride + reach - 2
			if l.OutputPadding != nil {
				all = reach + reach%2 - 2 + numbers(*l.OutputPadding)[i]
			}
			left = min(all/2+all%2, reach-1)
			right = all - left
		case l.OutputPadding != nil:
			right = reach - 1 + numbers(*l.OutputPadding)[i]
		}
		spatial = append(spatial, (image[i+1]-1)*stride+1+left+right-(reach-1))
		g.Low, g.High = append(g.Low, reach-1-left), append(g.High, max(reach-1-right, 0))
	}
	return g, spatial
}

func (l convTranspose[D]) call(c *Context, x *graph.Node, dims int) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	g, spatial := l.over(x.Shape(), dims)
	return finish(c, x.ConvTranspose(c.Value(l.kernel), g, spatial...), l.bias, l.DataFormat, l.Activation)
}
