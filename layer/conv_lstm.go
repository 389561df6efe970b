package layer

// This file has the recurrent layers whose states are images.

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("ConvLSTM1D", func() Layer { return &ConvLSTM1D{} })
	Register("ConvLSTM2D", func() Layer { return &ConvLSTM2D{} })
	Register("ConvLSTM3D", func() Layer { return &ConvLSTM3D{} })
}

// ConvLSTM1D is [ConvLSTM2D] over sequences of rows of pixels.
//
// Shapes: (batch, steps, pixels, channels) → (batch, places, Filters); kernel (size, channels, 4·Filters), recurrent_kernel (size,
// Filters, 4·Filters), bias (4·Filters).
type ConvLSTM1D struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           int
	Strides              int                     `zero:"1"`                // other than 1 only if DilationRate is 1
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         int                     `zero:"1"`
	Activation           activation.Activation   `default:"tanh"`
	RecurrentActivation  activation.Activation   `default:"sigmoid"`
	NoBias               bool                    `keras:"use_bias,not"`
	KernelInitializer    initializer.Initializer `default:"glorot_uniform"`
	RecurrentInitializer initializer.Initializer `default:"orthogonal"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	NoUnitForgetBias     bool                    `keras:"unit_forget_bias,not"` // the forget gate's bias does not begin at 1
	KernelRegularizer    regularizer.Regularizer
	RecurrentRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state h, in [0, 1)
	ReturnSequences      bool
	ReturnState          bool
	GoBackwards          bool // begin with the last step; a sequence that is returned begins with it too
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask    bool

	cellVariables
	image tensor.Shape // of a part of the state, channels last
}

// ConvLSTM2D is the LSTM of Shi et al. (2015), whose inputs and states are images: convolutions take the place of products.
// Strides, Padding and DilationRate are those of the convolution of the inputs; that of the state h has neither strides nor
// dilation, and pads, so that the state keeps its size. For the rest see LSTM.
//
// Shapes: (batch, steps, rows, columns, channels) → (batch, places, places, Filters), the state h after the last step; with
// ReturnSequences after all steps, (batch, steps, …); with ReturnState the states h and c are further outputs. kernel (rows, columns,
// channels, 4·Filters), recurrent_kernel (rows, columns, Filters, 4·Filters), bias (4·Filters). With DataFormat
// "channels_first" the channels come before the rows.
type ConvLSTM2D struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           [2]int
	Strides              [2]int                  `default:"1"`             // other than 1 only if DilationRate is 1
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         [2]int                  `default:"1"`
	Activation           activation.Activation   `default:"tanh"`
	RecurrentActivation  activation.Activation   `default:"sigmoid"`
	NoBias               bool                    `keras:"use_bias,not"`
	KernelInitializer    initializer.Initializer `default:"glorot_uniform"`
	RecurrentInitializer initializer.Initializer `default:"orthogonal"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	NoUnitForgetBias     bool                    `keras:"unit_forget_bias,not"` // the forget gate's bias does not begin at 1
	KernelRegularizer    regularizer.Regularizer
	RecurrentRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state h, in [0, 1)
	ReturnSequences      bool
	ReturnState          bool
	GoBackwards          bool // begin with the last step; a sequence that is returned begins with it too
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask    bool

	cellVariables
	image tensor.Shape // of a part of the state, channels last
}

// ConvLSTM3D is [ConvLSTM2D] over sequences of volumes.
//
// Shapes: (batch, steps, planes, rows, columns, channels) → (batch, places, places, places, Filters); kernel (planes, rows, columns,
// channels, 4·Filters), recurrent_kernel (planes, rows, columns, Filters, 4·Filters), bias (4·Filters).
type ConvLSTM3D struct {
	Name                 string
	Frozen               bool
	Filters              int
	KernelSize           [3]int
	Strides              [3]int                  `default:"1"`             // other than 1 only if DilationRate is 1
	Padding              string                  `default:"valid"`         // "valid" or "same"
	DataFormat           string                  `default:"channels_last"` // or "channels_first"
	DilationRate         [3]int                  `default:"1"`
	Activation           activation.Activation   `default:"tanh"`
	RecurrentActivation  activation.Activation   `default:"sigmoid"`
	NoBias               bool                    `keras:"use_bias,not"`
	KernelInitializer    initializer.Initializer `default:"glorot_uniform"`
	RecurrentInitializer initializer.Initializer `default:"orthogonal"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	NoUnitForgetBias     bool                    `keras:"unit_forget_bias,not"` // the forget gate's bias does not begin at 1
	KernelRegularizer    regularizer.Regularizer
	RecurrentRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state h, in [0, 1)
	ReturnSequences      bool
	ReturnState          bool
	GoBackwards          bool // begin with the last step; a sequence that is returned begins with it too
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask    bool

	cellVariables
	image tensor.Shape // of a part of the state, channels last
}

// Build declares kernel, recurrent_kernel and bias.
func (l *ConvLSTM1D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.image, err = l.declareImages(b, in, convLSTMOf(l, 1))
	return err
}

// Call emits the layer's nodes and returns the first output.
func (l *ConvLSTM1D) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *ConvLSTM1D) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scanImages(c, l, in, convLSTMOf(l, 1), l.image)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *ConvLSTM2D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.image, err = l.declareImages(b, in, convLSTMOf(l, 2))
	return err
}

// Call emits the layer's nodes and returns the first output.
func (l *ConvLSTM2D) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *ConvLSTM2D) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scanImages(c, l, in, convLSTMOf(l, 2), l.image)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *ConvLSTM3D) Build(b *Builder, in []tensor.Shape) (err error) {
	l.image, err = l.declareImages(b, in, convLSTMOf(l, 3))
	return err
}

// Call emits the layer's nodes and returns the first output.
func (l *ConvLSTM3D) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *ConvLSTM3D) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scanImages(c, l, in, convLSTMOf(l, 3), l.image)
}

// A convLSTM is what the layers have in common, with defaults in.
type convLSTM struct {
	*settings
	window window // over the inputs
}

// convLSTMOf returns what l says, which slides over images of so many dimensions.
func convLSTMOf[T any](l *T, dims int) convLSTM {
	s := settingsOf(l)
	own := struct {
		Filters             int
		Padding, DataFormat string
	}{}
	from := copyFields(&own, l)
	of := func(name string) []int {
		switch d := from.FieldByName(name).Interface().(type) {
		case [2]int:
			return numbers(d)
		case [3]int:
			return numbers(d)
		case int:
			return numbers(d)
		}
		return nil
	}
	s.Units = own.Filters
	return convLSTM{s, window{
		dims: dims, size: of("KernelSize"), sizeField: "KernelSize", strides: of("Strides"), dilation: of("DilationRate"),
		padding: own.Padding, format: own.DataFormat, groups: 1, either: true,
	}}
}

// inner is the window over the state h.
func (l *convLSTM) inner() *window {
	return &window{dims: l.window.dims, size: l.window.size, padding: "same", groups: 1}
}

// inFormat returns the shape of an image whose channels are last in the layer's data format.
func (l *convLSTM) inFormat(image tensor.Shape) tensor.Shape {
	if l.window.format == channelsFirst {
		return append(image[len(image)-1:].Clone(), image[:len(image)-1]...)
	}
	return image
}

// declareImages declares the variables, and returns the shape of a part of the state.
func (v *cellVariables) declareImages(b *Builder, in []tensor.Shape, l convLSTM) (tensor.Shape, error) {
	if len(in) == 0 || len(in[0]) != l.window.dims+3 {
		return nil, b.Errorf("takes a sequence, of %d axes: behind that of the batch one of steps, each of which is %s",
			l.window.dims+3, strings.Replace(axesOf(l.window.dims, l.window.format), "batch, ", "", 1))
	}
	step, err := checkImage(b, []tensor.Shape{stepOf(in[0])}, l.window.dims, l.window.format)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(positive(b, "Filters", l.Units), l.window.check(b, step, "valid", "same"), l.rates(b)); err != nil {
		return nil, err
	}
	channels := step[len(step)-1]
	kernel := append(slices.Clone(tensor.Shape(l.window.size)), channels, 4*l.Units)
	inner := append(slices.Clone(tensor.Shape(l.window.size)), l.Units, 4*l.Units)
	v.kernel = b.Variable("kernel", kernel, l.kernel())
	v.recurrentKernel = b.Variable("recurrent_kernel", inner, l.recurrent())
	if !l.NoBias {
		v.bias = b.Variable("bias", tensor.Shape{4 * l.Units}, l.bias(true))
	}
	if b.err != nil {
		return nil, b.err
	}
	g := graph.New()
	image := g.Input("", step).Conv(g.Param("", kernel), l.window.over(step)).Shape()
	if err := g.Err(); err != nil {
		return nil, b.Errorf("%v", err)
	}
	image = append(image[1:len(image)-1].Clone(), l.Units)
	shapes := []tensor.Shape{image, image}
	return image, cmp.Or(statesFit(b, in[1:], []tensor.Shape{l.inFormat(image), l.inFormat(image)}), l.states(b, shapes))
}

// scanImages runs over a sequence what the cell of a layer does, whose state has two parts of the shape of image.
func (v *cellVariables) scanImages(c *Context, of Layer, in []*graph.Node, l convLSTM, image tensor.Shape) []*graph.Node {
	x, dims := in[0], l.window.dims
	if x.Rank() != dims+3 {
		return []*graph.Node{c.graph.Fail("takes a sequence of images, of %d axes, got the shape %v", dims+3, x.Shape())}
	}
	in = slices.Clone(in)
	if l.window.format == channelsFirst {
		in[0] = x.Transpose(ofSequences(toLast(dims + 2))...)
		c.SetMask(in[0], c.Mask(x))
		for i := range in[1:] {
			in[1+i] = in[1+i].Transpose(toLast(dims + 2)...)
		}
	}
	step := stepOf(in[0].Shape())
	inputs, state := l.window.over(step), l.inner().over(append(tensor.Shape{tensor.Batch}, image...))
	body := v.body(c, &lstm, l.settings, step, linear{
		input: func(x, kernel *graph.Node) *graph.Node { // of a whole sequence
			return x.Conv(kernel.Reshape(append(tensor.Shape{1}, kernel.Shape()...)...), inputs.Stacked())
		},
		state: func(h, kernel *graph.Node) *graph.Node { return h.Conv(kernel, state) },
		drop: func(x, mask *graph.Node) *graph.Node {
			return x.Mul(mask.Reshape(slices.Insert(mask.Shape().Clone(), 1, 1)...))
		},
		apart: true, shape: image,
	})
	body.sequence = func(x *graph.Node) *graph.Node { return swapped(body.project(x, body.input)) }
	out := l.scan(c, in, body, []tensor.Shape{image, image}, recall(of).states)
	if l.window.format == channelsFirst {
		for i, y := range out {
			perm := toFirst(dims + 2)
			if i == 0 && l.ReturnSequences {
				perm = ofSequences(perm)
			}
			if !y.Valid() {
				continue
			}
			out[i] = y.Transpose(perm...)
			c.SetMask(out[i], c.Mask(y))
		}
	}
	return out
}

// ofSequences is a permutation of the axes of images, of those of sequences of them.
func ofSequences(perm []int) []int {
	list := []int{0, 1}
	for _, axis := range perm[1:] {
		list = append(list, axis+1)
	}
	return list
}
