package layer

// This file has the recurrent layers. Each is written so that what does not depend on the state is computed before the
// scan, for all steps at once: the products of the inputs and the biases that go with them. See docs/adr/0016-scan.md.

import (
	"fmt"
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
	Stateful             bool // not supported
	Unroll               bool // changes nothing: a scan needs no unrolling
	ZeroOutputForMask    bool

	recurrent
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
	Stateful             bool // not supported
	Unroll               bool // changes nothing
	ZeroOutputForMask    bool

	recurrent
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
	Stateful             bool // not supported
	Unroll               bool // changes nothing
	ResetBefore          bool `keras:"reset_after,not"` // the reset gate comes before the product
	ZeroOutputForMask    bool

	recurrent
}

// recurrent is what recurrent layers have in common: their variables.
type recurrent struct {
	kernel, recurrentKernel, bias *Variable
}

// recurrence is their configuration, as far as they share it.
type recurrence struct {
	units, gates, states      int
	kernel, recurrent, bias   VariableConfig
	biasShape                 tensor.Shape // nil: there is none
	dropout, recurrentDropout float64
	sequences, state          bool
	backwards, stateful, zero bool
}

// build declares the variables.
func (v *recurrent) build(b *Builder, in []tensor.Shape, r recurrence) error {
	switch {
	case r.units <= 0:
		return b.Errorf("Units is %d, it must be positive", r.units)
	case r.stateful:
		return b.Errorf("Stateful is not supported: give the state as a second input, and take it with ReturnState")
	case !(r.dropout >= 0 && r.dropout < 1):
		return b.Errorf("Dropout is %v, it must be at least 0 and less than 1", r.dropout)
	case !(r.recurrentDropout >= 0 && r.recurrentDropout < 1):
		return b.Errorf("RecurrentDropout is %v, it must be at least 0 and less than 1", r.recurrentDropout)
	case len(in) != 1 && len(in) != 1+r.states:
		return b.Errorf("takes a sequence, or a sequence and %d to begin with, got %d inputs", r.states, len(in))
	case len(in[0]) != 3:
		return b.Errorf("takes a sequence, (batch, steps, features), got an input of shape %v", in[0])
	}
	for i, s := range in[1:] {
		if want := (tensor.Shape{tensor.Batch, r.units}); !s.Equal(want) {
			return b.Errorf("state %d to begin with has the shape %v, it must be %v", i, s, want)
		}
	}
	v.kernel = b.Variable("kernel", tensor.Shape{in[0][2], r.gates * r.units}, r.kernel)
	v.recurrentKernel = b.Variable("recurrent_kernel", tensor.Shape{r.units, r.gates * r.units}, r.recurrent)
	if r.biasShape != nil {
		v.bias = b.Variable("bias", r.biasShape, r.bias)
	}
	return nil
}

// A product returns h · recurrent kernel for the gates from … to-1, without the parts of h that RecurrentDropout drops.
type product func(h *graph.Node, from, to int) *graph.Node

// call scans a sequence. The step gets the state, the product of x, with the bias if that is a vector, and the
// constants. It returns the state, of which the first part is the output. first is how many gates have one product
// with the state.
//
// As in Keras, all gates see the same inputs unless there is RecurrentDropout, and then each one others.
func (v *recurrent) call(c *Context, in []*graph.Node, r recurrence, first int, more []*graph.Node,
	step func(state []*graph.Node, x *graph.Node, times product, more []*graph.Node) []*graph.Node,
) []*graph.Node {
	g := c.Graph()
	columns := func(w *graph.Node, from, to int) *graph.Node {
		if to-from == r.gates {
			return w
		}
		return w.SliceAxis(1, from*r.units, to*r.units)
	}
	masked := c.Training() && r.recurrentDropout > 0
	x := in[0].Transpose(1, 0, 2) // steps first
	kernel := c.Value(v.kernel)
	switch {
	case !c.Training() || r.dropout == 0:
		x = x.MatMul(kernel)
	case masked && r.gates > 1:
		var parts []*graph.Node
		for i := range r.gates {
			parts = append(parts, x.Mul(mask(c, r.dropout, x.Shape()[1:])).MatMul(columns(kernel, i, i+1)))
		}
		x = graph.Concat(2, parts...)
	default:
		x = x.Mul(mask(c, r.dropout, x.Shape()[1:])).MatMul(kernel)
	}
	if v.bias != nil {
		bias := c.Value(v.bias)
		if bias.Rank() == 2 {
			bias = bias.SliceAxis(0, 0, 1).Reshape(bias.Shape()[1])
		}
		x = x.Add(bias)
	}
	state := in[1:]
	if len(state) == 0 {
		for range r.states {
			state = append(state, g.Scalar(0).BroadcastTo(tensor.Shape{tensor.Batch, r.units}))
		}
	}
	ends := []int{first, r.gates} // of the gates that have a product together
	if masked {
		ends = nil
		for i := range r.gates {
			ends = append(ends, i+1)
		}
	}
	ends = slices.Compact(ends)
	var constants []*graph.Node
	from := 0
	for _, to := range ends {
		constants = append(constants, columns(c.Value(v.recurrentKernel), from, to))
		if masked {
			constants = append(constants, mask(c, r.recurrentDropout, tensor.Shape{tensor.Batch, r.units}))
		}
		from = to
	}
	sequences := []*graph.Node{x}
	var counts *graph.Node // (steps, batch, 1)
	// As in Keras 3, no steps are left out where a state is given.
	if m := c.Mask(in[0]); m != nil && len(in) == 1 {
		counts = m.Transpose(1, 0).Reshape(append(x.Shape()[:2:2], 1)...)
		sequences = append(sequences, counts)
	}
	s := graph.Recurrence{
		Init: state, Sequences: sequences, Constants: append(slices.Clone(constants), more...), Reverse: r.backwards,
		Step: func(state, x, given []*graph.Node) (next, outputs []*graph.Node) {
			times := func(h *graph.Node, from, to int) *graph.Node {
				var parts []*graph.Node
				for i, end := range ends {
					switch {
					case end <= from || end > to:
					case masked:
						parts = append(parts, h.Mul(given[2*i+1]).MatMul(given[2*i]))
					default:
						parts = append(parts, h.MatMul(given[i]))
					}
				}
				if len(parts) == 1 {
					return parts[0]
				}
				return graph.Concat(1, parts...)
			}
			next = step(state, x[0], times, given[len(constants):])
			if len(x) > 1 { // a step that doesn't count leaves the state as it is
				for i := range next {
					next[i] = graph.Select(x[1], next[i], state[i])
				}
			}
			return next, nil
		},
	}.Scan(g)
	var out []*graph.Node
	zero := counts != nil && (r.zero || c.bothWays) // of steps that don't count
	if r.sequences {
		y := s.State(0)
		if zero {
			y = graph.Select(counts, y, g.Scalar(0))
		}
		if r.backwards {
			y = y.Reverse(0)
		}
		out = append(out, y.Transpose(1, 0, 2))
		c.SetMask(out[0], c.Mask(in[0]))
	} else {
		y := s.Final(0)
		if zero && !c.bothWays {
			at := counts.Shape()[0] - 1
			if r.backwards {
				at = 0
			}
			y = graph.Select(counts.SliceAxis(0, at, at+1).Reshape(tensor.Batch, 1), y, g.Scalar(0))
		}
		out = append(out, y)
	}
	if r.state {
		for i := range r.states {
			out = append(out, s.Final(i))
		}
	}
	return out
}

// part returns part i of units columns of z.
func part(z *graph.Node, i, units int) *graph.Node { return z.SliceAxis(1, i*units, (i+1)*units) }

func (l *SimpleRNN) recurrence() recurrence {
	cfg := config.Resolve(*l)
	r := recurrence{
		units: l.Units, gates: 1, states: 1,
		kernel:    VariableConfig{Initializer: cfg.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint},
		recurrent: VariableConfig{Initializer: cfg.RecurrentInitializer, Regularizer: l.RecurrentRegularizer, Constraint: l.RecurrentConstraint},
		bias:      VariableConfig{Initializer: cfg.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint},
		dropout:   cfg.Dropout, recurrentDropout: cfg.RecurrentDropout,
		sequences: l.ReturnSequences, state: l.ReturnState, backwards: l.GoBackwards, stateful: l.Stateful, zero: l.ZeroOutputForMask,
	}
	if !l.NoBias {
		r.biasShape = tensor.Shape{l.Units}
	}
	return r
}

// Build declares kernel, recurrent_kernel and bias.
func (l *SimpleRNN) Build(b *Builder, in []tensor.Shape) error {
	return l.build(b, in, l.recurrence())
}

// Call emits the layer's nodes and returns the first output.
func (l *SimpleRNN) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *SimpleRNN) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	f := config.Resolve(*l).Activation
	return l.call(c, in, l.recurrence(), 1, nil, func(state []*graph.Node, x *graph.Node, times product, _ []*graph.Node) []*graph.Node {
		return []*graph.Node{f.Apply(x.Add(times(state[0], 0, 1)))}
	})
}

func (l *LSTM) recurrence() recurrence {
	cfg := config.Resolve(*l)
	r := recurrence{
		units: l.Units, gates: 4, states: 2,
		kernel:    VariableConfig{Initializer: cfg.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint},
		recurrent: VariableConfig{Initializer: cfg.RecurrentInitializer, Regularizer: l.RecurrentRegularizer, Constraint: l.RecurrentConstraint},
		bias:      VariableConfig{Initializer: cfg.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint},
		dropout:   cfg.Dropout, recurrentDropout: cfg.RecurrentDropout,
		sequences: l.ReturnSequences, state: l.ReturnState, backwards: l.GoBackwards, stateful: l.Stateful, zero: l.ZeroOutputForMask,
	}
	if !l.NoBias {
		r.biasShape = tensor.Shape{4 * l.Units}
		if !l.NoUnitForgetBias {
			r.bias.Initializer = unitForgetBias{r.bias.Initializer}
		}
	}
	return r
}

// unitForgetBias sets the second quarter of a bias to 1.
type unitForgetBias struct{ others initializer.Initializer }

// Name says what it is: it is in no file.
func (i unitForgetBias) Name() string { return "unit_forget_bias" }

// Init fills dst. As in Keras, the other quarters are drawn as a vector each, or as one of two.
func (i unitForgetBias) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	if len(shape) != 1 || shape[0]%4 != 0 {
		return fmt.Errorf("a bias of shape %v has no four parts", shape)
	}
	n := shape[0] / 4
	if err := i.others.Init(dst[:n], tensor.Shape{n}, seed, stream); err != nil {
		return err
	}
	if err := i.others.Init(dst[2*n:], tensor.Shape{2 * n}, seed, stream); err != nil {
		return err
	}
	return initializer.Ones{}.Init(dst[n:2*n], tensor.Shape{n}, seed, stream)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *LSTM) Build(b *Builder, in []tensor.Shape) error { return l.build(b, in, l.recurrence()) }

// Call emits the layer's nodes and returns the first output.
func (l *LSTM) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *LSTM) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	cfg := config.Resolve(*l)
	f, gate := cfg.Activation, cfg.RecurrentActivation
	return l.call(c, in, l.recurrence(), 4, nil, func(state []*graph.Node, x *graph.Node, times product, _ []*graph.Node) []*graph.Node {
		z := x.Add(times(state[0], 0, 4))
		kept := gate.Apply(part(z, 1, l.Units)).Mul(state[1])
		memory := kept.Add(gate.Apply(part(z, 0, l.Units)).Mul(f.Apply(part(z, 2, l.Units))))
		return []*graph.Node{gate.Apply(part(z, 3, l.Units)).Mul(f.Apply(memory)), memory}
	})
}

func (l *GRU) recurrence() recurrence {
	cfg := config.Resolve(*l)
	r := recurrence{
		units: l.Units, gates: 3, states: 1,
		kernel:    VariableConfig{Initializer: cfg.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint},
		recurrent: VariableConfig{Initializer: cfg.RecurrentInitializer, Regularizer: l.RecurrentRegularizer, Constraint: l.RecurrentConstraint},
		bias:      VariableConfig{Initializer: cfg.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint},
		dropout:   cfg.Dropout, recurrentDropout: cfg.RecurrentDropout,
		sequences: l.ReturnSequences, state: l.ReturnState, backwards: l.GoBackwards, stateful: l.Stateful, zero: l.ZeroOutputForMask,
	}
	switch {
	case l.NoBias:
	case l.ResetBefore:
		r.biasShape = tensor.Shape{3 * l.Units}
	default:
		r.biasShape = tensor.Shape{2, 3 * l.Units}
	}
	return r
}

// Build declares kernel, recurrent_kernel and bias.
func (l *GRU) Build(b *Builder, in []tensor.Shape) error { return l.build(b, in, l.recurrence()) }

// Call emits the layer's nodes and returns the first output.
func (l *GRU) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *GRU) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	cfg := config.Resolve(*l)
	f, gate, units := cfg.Activation, cfg.RecurrentActivation, l.Units
	first := 3
	var more []*graph.Node
	switch {
	case l.ResetBefore:
		first = 2
	case l.bias != nil:
		more = append(more, c.Value(l.bias).SliceAxis(0, 1, 2).Reshape(3*units))
	}
	return l.call(c, in, l.recurrence(), first, more, func(state []*graph.Node, x *graph.Node, times product, more []*graph.Node) []*graph.Node {
		h := state[0]
		inner := times(h, 0, first)
		if len(more) > 0 {
			inner = inner.Add(more[0])
		}
		update := gate.Apply(part(x, 0, units).Add(part(inner, 0, units)))
		reset := gate.Apply(part(x, 1, units).Add(part(inner, 1, units)))
		var candidate *graph.Node
		if l.ResetBefore {
			candidate = times(reset.Mul(h), 2, 3)
		} else {
			candidate = reset.Mul(part(inner, 2, units))
		}
		candidate = f.Apply(part(x, 2, units).Add(candidate))
		return []*graph.Node{update.Mul(h).Add(update.Graph().Scalar(1).Sub(update).Mul(candidate))}
	})
}
