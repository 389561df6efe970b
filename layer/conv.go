package layer

// This file has the convolutions.

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
	Register("Conv1D", func() Layer { return &Conv1D{} })
	Register("Conv2D", func() Layer { return &Conv2D{} })
	Register("Conv3D", func() Layer { return &Conv3D{} })
}

// Conv1D is a convolution over the steps of a sequence, Activation(x ∗ kernel + bias). A
// window of KernelSize steps moves along the sequence, by Strides steps at a time. At each
// of its places, and for each filter, the output is the sum of input times kernel over the
// window and over the channels of the filter's group. With Padding "valid" the places are
// those where the window fits. With "same" there are ⌈steps/Strides⌉ places: zeros are added
// on both sides, one more at the end if their number is odd. With "causal" all zeros are
// added at the beginning, so that no output depends on a later step.
//
// Shapes: (batch, steps, channels) → (batch, places, Filters); kernel (size,
// channels/Groups, Filters), bias (Filters). With DataFormat "channels_first" the channels
// are the second axis.
type Conv1D struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          int
	Strides             int                     `zero:"1"`                // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"`         // "valid", "same" or "causal"
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        int                     `zero:"1"`
	Groups              int                     `zero:"1"`
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
func (l *Conv1D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = conv[int](config.Resolve(*l)).build(b, in, 1)
	return err
}

// Call emits the layer's nodes.
func (l *Conv1D) Call(c *Context, in []*graph.Node) *graph.Node {
	return conv[int](config.Resolve(*l)).call(c, in[0], 1)
}

// Conv2D is a convolution over the rows and columns of an image, Activation(x ∗ kernel +
// bias) (Fukushima 1980; LeCun et al. 1989). A window of KernelSize moves over the image, by
// Strides at a time. At each of its places, and for each filter, the output is the sum of
// pixel times kernel over the window and over the channels of the filter's group. With
// Padding "valid" the places are those where the window fits. With "same" there are
// ⌈rows/stride⌉ times ⌈columns/stride⌉ places: zeros are added on both sides, one more at the
// end if their number is odd.
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places, Filters); kernel
// (rows, columns, channels/Groups, Filters), bias (Filters). With DataFormat
// "channels_first" the channels are the second axis.
type Conv2D struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          [2]int
	Strides             [2]int                  `default:"1"`             // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"`         // "valid" or "same"
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        [2]int                  `default:"1"`
	Groups              int                     `zero:"1"`
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
func (l *Conv2D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = conv[[2]int](config.Resolve(*l)).build(b, in, 2)
	return err
}

// Call emits the layer's nodes.
func (l *Conv2D) Call(c *Context, in []*graph.Node) *graph.Node {
	return conv[[2]int](config.Resolve(*l)).call(c, in[0], 2)
}

// Conv3D is [Conv2D] over the planes, rows and columns of a volume.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, places, places, places,
// Filters); kernel (planes, rows, columns, channels/Groups, Filters), bias (Filters). With
// DataFormat "channels_first" the channels are the second axis.
type Conv3D struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          [3]int
	Strides             [3]int                  `default:"1"`             // other than 1 only if DilationRate is 1
	Padding             string                  `default:"valid"`         // "valid" or "same"
	DataFormat          string                  `default:"channels_last"` // or "channels_first"
	DilationRate        [3]int                  `default:"1"`
	Groups              int                     `zero:"1"`
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
func (l *Conv3D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.kernel, l.bias, err = conv[[3]int](config.Resolve(*l)).build(b, in, 3)
	return err
}

// Call emits the layer's nodes.
func (l *Conv3D) Call(c *Context, in []*graph.Node) *graph.Node {
	return conv[[3]int](config.Resolve(*l)).call(c, in[0], 3)
}

// conv is a convolution of any number of spatial dimensions, with its defaults in.
type conv[D size] struct {
	Name                string
	Frozen              bool
	Filters             int
	KernelSize          D
	Strides             D
	Padding             string
	DataFormat          string
	DilationRate        D
	Groups              int
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

func (l conv[D]) window(dims int) *window {
	return &window{
		dims: dims, size: numbers(l.KernelSize), sizeField: "KernelSize", strides: numbers(l.Strides), dilation: numbers(l.DilationRate),
		padding: l.Padding, format: l.DataFormat, groups: l.Groups, either: true,
	}
}

func (l conv[D]) build(b *Builder, in []tensor.Shape, dims int) (kernel, bias *Variable, err error) {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return nil, nil, err
	}
	paddings := []string{"valid", "same"}
	if dims == 1 {
		paddings = append(paddings, "causal")
	}
	w := l.window(dims)
	if err := cmp.Or(positive(b, "Filters", l.Filters), w.check(b, image, paddings...)); err != nil {
		return nil, nil, err
	}
	channels := image[dims+1]
	switch {
	case l.Groups < 1:
		return nil, nil, b.Errorf("Groups is %d, it must be positive", l.Groups)
	case channels%l.Groups != 0 || l.Filters%l.Groups != 0:
		return nil, nil, b.Errorf("Groups is %d, it must divide the %d channels of the input and the %d Filters", l.Groups, channels, l.Filters)
	}
	kernel = b.Variable("kernel", append(numbers(l.KernelSize), channels/l.Groups, l.Filters),
		VariableConfig{Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	return kernel, biasOf(b, l.NoBias, l.Filters, VariableConfig{Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint}), nil
}

func (l conv[D]) call(c *Context, x *graph.Node, dims int) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	y := x.Conv(c.Value(l.kernel), l.window(dims).over(x.Shape()))
	return finish(c, y, l.bias, l.DataFormat, l.Activation)
}

func positive(b *Builder, field string, n int) error {
	if n <= 0 {
		return b.Errorf("%s is %d, it must be positive", field, n)
	}
	return nil
}

// biasOf declares the bias of a layer that has one.
func biasOf(b *Builder, none bool, size int, cfg VariableConfig) *Variable {
	if none {
		return nil
	}
	return b.Variable("bias", tensor.Shape{size}, cfg)
}

// finish adds the bias of a convolution, if it has one, and the normalization that is folded into it, brings the result to its format, and
// applies the activation, if there is one.
func finish(c *Context, y *graph.Node, bias *Variable, format string, f activation.Activation) *graph.Node {
	y = formatted(c.biased(y, bias), format)
	if f != nil {
		y = f.Apply(y)
	}
	return y
}
