package layer

// This file has the recurrent layers that have cells of their own.

import (
	"cmp"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("SimpleRNN", func() Layer { return &SimpleRNN{} })
	Register("LSTM", func() Layer { return &LSTM{} })
	Register("GRU", func() Layer { return &GRU{} })
}

// SimpleRNN is h = Activation(x · kernel + bias + h · recurrent kernel), step by step (Elman 1990).
//
// It takes a sequence and, if there is one, the state to begin with, which is else zero. In training
// Dropout and RecurrentDropout drop the same inputs and the same parts of the state at all steps (Gal and Ghahramani 2016).
//
// Shapes: (batch, steps, features) → (batch, Units), the state after the last step; (batch, steps, Units) with
// ReturnSequences, the states after all steps; with ReturnState the last state, (batch, Units), is a second output.
// kernel (features, Units), recurrent_kernel (Units, Units), bias (Units).
type SimpleRNN struct {
	Name                 string
	Frozen               bool
	Units                int
	Activation           activation.Activation   `default:"tanh"`
	NoBias               bool                    `keras:"use_bias,not"`
	KernelInitializer    initializer.Initializer `default:"glorot_uniform"`
	RecurrentInitializer initializer.Initializer `default:"orthogonal"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	KernelRegularizer    regularizer.Regularizer
	RecurrentRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state, in [0, 1)
	ReturnSequences      bool
	ReturnState          bool
	GoBackwards          bool // begin with the last step; a sequence that is returned begins with it too
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask    bool

	cellVariables
}

// LSTM is the long short-term memory of Hochreiter and Schmidhuber (1997), with a forget gate (Gers et al. 2000):
//
//	z = x · kernel + bias + h · recurrent kernel, in four parts of Units: i, f, g, o
//	c = σ(f) · c + σ(i) · Activation(g)
//	h = σ(o) · Activation(c)
//
// where σ is RecurrentActivation. For the rest see SimpleRNN; the states are h and c.
//
// Shapes: as SimpleRNN's; kernel (features, 4·Units), recurrent_kernel (Units, 4·Units), bias (4·Units).
type LSTM struct {
	Name                 string
	Frozen               bool
	Units                int
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
	GoBackwards          bool
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing
	ZeroOutputForMask    bool

	cellVariables
}

// GRU is the gated recurrent unit of Cho et al. (2014):
//
//	z = σ(x·kernel_z + h·recurrent_z), r = σ(x·kernel_r + h·recurrent_r)
//	g = Activation(x·kernel_h + r · (h·recurrent_h))       or, with ResetBefore,
//	g = Activation(x·kernel_h + (r·h) · recurrent_h)
//	h = z · h + (1 - z) · g
//
// with biases, where σ is RecurrentActivation. For the rest see SimpleRNN.
//
// Shapes: as SimpleRNN's; kernel (features, 3·Units), recurrent_kernel (Units, 3·Units), bias (2, 3·Units), the
// second row of which belongs to the products of h, or (3·Units) with ResetBefore.
type GRU struct {
	Name                 string
	Frozen               bool
	Units                int
	Activation           activation.Activation   `default:"tanh"`
	RecurrentActivation  activation.Activation   `default:"sigmoid"`
	NoBias               bool                    `keras:"use_bias,not"`
	KernelInitializer    initializer.Initializer `default:"glorot_uniform"`
	RecurrentInitializer initializer.Initializer `default:"orthogonal"`
	BiasInitializer      initializer.Initializer `default:"zeros"`
	KernelRegularizer    regularizer.Regularizer
	RecurrentRegularizer regularizer.Regularizer
	BiasRegularizer      regularizer.Regularizer
	ActivityRegularizer  regularizer.Regularizer
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state, in [0, 1)
	ReturnSequences      bool
	ReturnState          bool
	GoBackwards          bool
	Stateful             bool // begin with the state that the last batch has left; Input.BatchSize says how many rows all batches have
	Unroll               bool // changes nothing
	ResetBefore          bool `keras:"reset_after,not"` // the reset gate comes before the product
	ZeroOutputForMask    bool

	cellVariables
}

// Build declares kernel, recurrent_kernel and bias.
func (l *SimpleRNN) Build(b *Builder, in []tensor.Shape) error {
	return l.declareLayer(b, in, &simple, settingsOf(l))
}

// Call emits the layer's nodes and returns the first output.
func (l *SimpleRNN) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *SimpleRNN) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scan(c, l, in, &simple, settingsOf(l))
}

// Build declares kernel, recurrent_kernel and bias.
func (l *LSTM) Build(b *Builder, in []tensor.Shape) error {
	return l.declareLayer(b, in, &lstm, settingsOf(l))
}

// Call emits the layer's nodes and returns the first output.
func (l *LSTM) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *LSTM) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scan(c, l, in, &lstm, settingsOf(l))
}

// Build declares kernel, recurrent_kernel and bias.
func (l *GRU) Build(b *Builder, in []tensor.Shape) error {
	return l.declareLayer(b, in, &gru, settingsOf(l))
}

// Call emits the layer's nodes and returns the first output.
func (l *GRU) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *GRU) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	return l.scan(c, l, in, &gru, settingsOf(l))
}

// declareLayer declares the variables of a layer.
func (v *cellVariables) declareLayer(b *Builder, in []tensor.Shape, k *kind, s *settings) error {
	if len(in) == 0 || len(in[0]) != 3 {
		return b.Errorf("takes a sequence, (batch, steps, features)")
	}
	if err := v.declare(b, in[0][2], k, s); err != nil {
		return err
	}
	return cmp.Or(statesFit(b, in[1:], k.shapes(s.Units)), s.states(b, k.shapes(s.Units)))
}

// scan runs over a sequence what the cell of layer l does.
func (v *cellVariables) scan(c *Context, l Layer, in []*graph.Node, k *kind, s *settings) []*graph.Node {
	return s.scan(c, in, v.dense(c, k, s, stepOf(in[0].Shape())), k.shapes(s.Units), recall(l).states)
}
