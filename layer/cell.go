package layer

// This file has the cells of recurrent networks: what they do at one step. Each is written so that what does not depend on
// the state is computed before the scan, for all steps at once: the products of the inputs and the biases that go with
// them. See docs/adr/0016-scan.md.

import (
	"cmp"
	"fmt"
	"reflect"
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
	Register("SimpleRNNCell", func() Layer { return &SimpleRNNCell{} })
	Register("LSTMCell", func() Layer { return &LSTMCell{} })
	Register("GRUCell", func() Layer { return &GRUCell{} })
	Register("StackedRNNCells", func() Layer { return &StackedRNNCells{} })
	config.RegisterFamily(newCell, func(c Cell) string { return Class(c) }, true)
}

// A Cell is a layer that computes one step of a recurrent network. RNN applies it to all steps of a sequence, as one node of
// the graph. Build gets the shape of one step, (batch, …), and nothing about the state. CallAll gets a step, followed by the parts
// of the state before it; it returns the output, followed by the parts of the state after it, as many and of the same shapes. A
// cell must compute each sample without regard to the others of the batch, and must not draw random numbers, add losses or update
// variables.
//
// At a masked step the output is that of the step before. As in Keras, the first part of the state is taken for it.
type Cell interface {
	Several
	// StateShapes returns the shapes of the parts of the state, without the batch. Build was called before.
	StateShapes() []tensor.Shape
}

// newCell returns a new cell of a registered class.
func newCell(class string) (Cell, error) {
	l, err := New(class)
	if err != nil {
		return nil, err
	}
	c, ok := l.(Cell)
	if !ok {
		return nil, fmt.Errorf("a %s is no cell of a recurrent network", class)
	}
	return c, nil
}

// SimpleRNNCell is a step of SimpleRNN.
//
// Shapes: (batch, features) and the state, (batch, Units) → the output and the state, (batch, Units) each.
type SimpleRNNCell struct {
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
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state, in [0, 1)

	cellVariables
}

// LSTMCell is a step of LSTM.
//
// Shapes: (batch, features) and the state, h and c, (batch, Units) each → the output, h and c.
type LSTMCell struct {
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
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state h, in [0, 1)

	cellVariables
}

// GRUCell is a step of GRU.
//
// Shapes: as SimpleRNNCell's.
type GRUCell struct {
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
	KernelConstraint     constraint.Constraint
	RecurrentConstraint  constraint.Constraint
	BiasConstraint       constraint.Constraint
	Dropout              float64 // of the inputs, in [0, 1)
	RecurrentDropout     float64 // of the state, in [0, 1)
	ResetBefore          bool    `keras:"reset_after,not"` // the reset gate comes before the product

	cellVariables
}

// Build declares kernel, recurrent_kernel and bias.
func (l *SimpleRNNCell) Build(b *Builder, in []tensor.Shape) error {
	return l.declareCell(b, in, &simple, settingsOf(l))
}

// Call emits the cell's nodes and returns the output.
func (l *SimpleRNNCell) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the cell's nodes.
func (l *SimpleRNNCell) CallAll(c *Context, in []*graph.Node) []*graph.Node { return step(c, l, in) }

// StateShapes returns (Units).
func (l *SimpleRNNCell) StateShapes() []tensor.Shape { return simple.shapes(l.Units) }

func (l *SimpleRNNCell) body(c *Context, x tensor.Shape) cellBody {
	return l.dense(c, &simple, settingsOf(l), x)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *LSTMCell) Build(b *Builder, in []tensor.Shape) error {
	return l.declareCell(b, in, &lstm, settingsOf(l))
}

// Call emits the cell's nodes and returns the output.
func (l *LSTMCell) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the cell's nodes.
func (l *LSTMCell) CallAll(c *Context, in []*graph.Node) []*graph.Node { return step(c, l, in) }

// StateShapes returns (Units), twice.
func (l *LSTMCell) StateShapes() []tensor.Shape { return lstm.shapes(l.Units) }

func (l *LSTMCell) body(c *Context, x tensor.Shape) cellBody {
	return l.dense(c, &lstm, settingsOf(l), x)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *GRUCell) Build(b *Builder, in []tensor.Shape) error {
	return l.declareCell(b, in, &gru, settingsOf(l))
}

// Call emits the cell's nodes and returns the output.
func (l *GRUCell) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the cell's nodes.
func (l *GRUCell) CallAll(c *Context, in []*graph.Node) []*graph.Node { return step(c, l, in) }

// StateShapes returns (Units).
func (l *GRUCell) StateShapes() []tensor.Shape { return gru.shapes(l.Units) }

func (l *GRUCell) body(c *Context, x tensor.Shape) cellBody {
	return l.dense(c, &gru, settingsOf(l), x)
}

// settings is what recurrent layers and their cells have among them, with defaults in.
type settings struct {
	Units                                                    int
	Activation, RecurrentActivation                          activation.Activation
	NoBias, NoUnitForgetBias, ResetBefore                    bool
	KernelInitializer, RecurrentInitializer, BiasInitializer initializer.Initializer
	KernelRegularizer, RecurrentRegularizer, BiasRegularizer regularizer.Regularizer
	KernelConstraint, RecurrentConstraint, BiasConstraint    constraint.Constraint
	Dropout, RecurrentDropout                                float64
	ReturnSequences, ReturnState, GoBackwards, Stateful      bool
	ZeroOutputForMask                                        bool
}

// settingsOf returns the fields that l has of settings.
func settingsOf[T any](l *T) *settings {
	s := &settings{}
	copyFields(s, l)
	return s
}

// copyFields sets the fields of a struct to those of the same names that l has, with defaults in. It returns the latter.
func copyFields[T any](dst any, l *T) reflect.Value {
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(config.Resolve(*l))
	for i := range to.NumField() {
		if f := from.FieldByName(to.Type().Field(i).Name); f.IsValid() {
			to.Field(i).Set(f)
		}
	}
	return from
}

func (s *settings) kernel() VariableConfig {
	return VariableConfig{Initializer: s.KernelInitializer, Regularizer: s.KernelRegularizer, Constraint: s.KernelConstraint}
}

func (s *settings) recurrent() VariableConfig {
	return VariableConfig{Initializer: s.RecurrentInitializer, Regularizer: s.RecurrentRegularizer, Constraint: s.RecurrentConstraint}
}

// bias is that of a layer whose second gate of four, if it has one, forgets.
func (s *settings) bias(forgets bool) VariableConfig {
	cfg := VariableConfig{Initializer: s.BiasInitializer, Regularizer: s.BiasRegularizer, Constraint: s.BiasConstraint}
	if forgets && !s.NoUnitForgetBias {
		cfg.Initializer = unitForgetBias{cfg.Initializer}
	}
	return cfg
}

// rates checks what is dropped.
func (s *settings) rates(b *Builder) error {
	return cmp.Or(checkShare(b, "Dropout", s.Dropout), checkShare(b, "RecurrentDropout", s.RecurrentDropout))
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

// A cellBody is what a cell does in a scan: first what does not depend on the state, for all steps, and then the steps.
type cellBody struct {
	input []*graph.Node // what project is given: weights and the like, and what is drawn at random
	inner []*graph.Node // what step is given
	// project emits what step needs of the inputs, of one step, (batch, …), or of several, (steps, batch, …).
	project func(x *graph.Node, input []*graph.Node) *graph.Node
	// step emits a step of what project has made, from the state before it to the output and the state after it.
	step func(x *graph.Node, state, inner []*graph.Node) (y *graph.Node, next []*graph.Node)
	// sequence, if it is not nil, is project of a whole sequence, (batch, steps, …), steps first.
	sequence func(x *graph.Node) *graph.Node
	output   int // which part of the state is the output of the step before
}

// bodyOf returns what a cell does in a scan over steps of a shape, (batch, …).
func bodyOf(c *Context, cell Cell, x tensor.Shape) cellBody {
	switch l := cell.(type) { // a type of one's own may have one of these within
	case *SimpleRNNCell:
		return l.body(c, x)
	case *LSTMCell:
		return l.body(c, x)
	case *GRUCell:
		return l.body(c, x)
	case *StackedRNNCells:
		return l.body(c)
	}
	variables := Variables(cell)
	var values []*graph.Node
	for _, v := range variables {
		values = append(values, c.Value(v))
	}
	return cellBody{
		inner:   values,
		project: func(x *graph.Node, _ []*graph.Node) *graph.Node { return x },
		step: func(x *graph.Node, state, inner []*graph.Node) (*graph.Node, []*graph.Node) {
			within := NewContext(x.Graph(), c.training)
			within.frozen = c.frozen
			for i, v := range variables {
				within.Bind(v, inner[i])
			}
			out := within.Layer(cell, append([]*graph.Node{x}, state...)...)
			switch {
			case len(within.losses) > 0 || len(within.updates) > 0:
				out = []*graph.Node{x.Graph().Fail("a cell of a recurrent network can neither add a loss nor update a variable")}
			case len(out) != 1+len(state) && out[0].Valid():
				out = []*graph.Node{x.Graph().Fail("CallAll of a cell returned %d nodes: it must be the output and the state, of %d", len(out), len(state))}
			}
			if len(out) != 1+len(state) {
				out = slices.Repeat(out[:1], 1+len(state))
			}
			return out[0], out[1:]
		},
	}
}

// step applies a cell that has a method body to one step.
func step(c *Context, cell Cell, in []*graph.Node) []*graph.Node {
	if n := len(cell.StateShapes()); len(in) != 1+n {
		return []*graph.Node{c.graph.Fail("takes a step and a state, of %d, got %d inputs", n, len(in))}
	}
	body := bodyOf(c, cell, in[0].Shape())
	y, next := body.step(body.project(in[0], body.input), in[1:], body.inner)
	return append([]*graph.Node{y}, next...)
}

// A kind is what tells the cells of Keras apart.
type kind struct {
	gates, states int
	// step emits the next state, of which the first part is the output. x is what is projected of the inputs, second the part of a bias that
	// belongs to the products of h, or nil.
	step func(s *settings, state []*graph.Node, x *graph.Node, times product, second *graph.Node) []*graph.Node
}

// A product returns h · recurrent kernel for the gates from … to-1, without the parts of h that RecurrentDropout drops.
type product func(h *graph.Node, from, to int) *graph.Node

// part returns part i of units columns of z.
func part(z *graph.Node, i, units int) *graph.Node {
	return z.SliceAxis(z.Rank()-1, i*units, (i+1)*units)
}

var simple = kind{1, 1, func(s *settings, state []*graph.Node, x *graph.Node, times product, _ *graph.Node) []*graph.Node {
	return []*graph.Node{s.Activation.Apply(x.Add(times(state[0], 0, 1)))}
}}

var lstm = kind{4, 2, func(s *settings, state []*graph.Node, x *graph.Node, times product, _ *graph.Node) []*graph.Node {
	f, gate := s.Activation, s.RecurrentActivation
	z := x.Add(times(state[0], 0, 4))
	kept := gate.Apply(part(z, 1, s.Units)).Mul(state[1])
	memory := kept.Add(gate.Apply(part(z, 0, s.Units)).Mul(f.Apply(part(z, 2, s.Units))))
	return []*graph.Node{gate.Apply(part(z, 3, s.Units)).Mul(f.Apply(memory)), memory}
}}

var gru = kind{3, 1, func(s *settings, state []*graph.Node, x *graph.Node, times product, second *graph.Node) []*graph.Node {
	f, gate, units := s.Activation, s.RecurrentActivation, s.Units
	h := state[0]
	inner := times(h, 0, s.together(3))
	if second != nil {
		inner = inner.Add(second)
	}
	update := gate.Apply(part(x, 0, units).Add(part(inner, 0, units)))
	reset := gate.Apply(part(x, 1, units).Add(part(inner, 1, units)))
	var candidate *graph.Node
	if s.ResetBefore {
		candidate = times(reset.Mul(h), 2, 3)
	} else {
		candidate = reset.Mul(part(inner, 2, units))
	}
	candidate = f.Apply(part(x, 2, units).Add(candidate))
	return []*graph.Node{update.Mul(h).Add(update.Graph().Scalar(1).Sub(update).Mul(candidate))}
}}

func (k *kind) shapes(units int) []tensor.Shape {
	return slices.Repeat([]tensor.Shape{{units}}, k.states)
}

// together returns how many of the gates have one product with the state.
func (s *settings) together(gates int) int {
	if s.ResetBefore {
		return gates - 1
	}
	return gates
}

// cellVariables are those of a cell, or of a layer that has one.
type cellVariables struct {
	kernel, recurrentKernel, bias *Variable
}

// declareCell declares the variables of a cell.
func (v *cellVariables) declareCell(b *Builder, in []tensor.Shape, k *kind, s *settings) error {
	if len(in) != 1 && len(in) != 1+k.states || len(in[0]) != 2 {
		return b.Errorf("takes a step, (batch, features), and a state, of %d: put it into layer.RNN{Cell: …} to run over a sequence", k.states)
	}
	if err := v.declare(b, in[0][1], k, s); err != nil {
		return err
	}
	return statesFit(b, in[1:], k.shapes(s.Units))
}

// declare declares the variables, for so many features.
func (v *cellVariables) declare(b *Builder, features int, k *kind, s *settings) error {
	if err := positive(b, "Units", s.Units); err != nil {
		return err
	}
	if err := s.rates(b); err != nil {
		return err
	}
	width := k.gates * s.Units
	v.kernel = b.Variable("kernel", tensor.Shape{features, width}, s.kernel())
	v.recurrentKernel = b.Variable("recurrent_kernel", tensor.Shape{s.Units, width}, s.recurrent())
	if !s.NoBias {
		shape := tensor.Shape{width}
		if k == &gru && !s.ResetBefore {
			shape = tensor.Shape{2, width}
		}
		v.bias = b.Variable("bias", shape, s.bias(k == &lstm))
	}
	return nil
}

// A linear is how a cell multiplies: its inputs, of one step or of several, and its state.
type linear struct {
	input func(x, kernel *graph.Node) *graph.Node
	state func(h, kernel *graph.Node) *graph.Node
	drop  func(x, mask *graph.Node) *graph.Node // of the inputs
	apart bool                                  // all gates see others of the inputs, if some are dropped
	shape tensor.Shape                          // of a part of the state
}

// dense returns what a cell does that multiplies matrices. As in Keras, all gates see the same inputs unless there is
// RecurrentDropout, and then each one others.
func (v *cellVariables) dense(c *Context, k *kind, s *settings, x tensor.Shape) cellBody {
	return v.body(c, k, s, x, linear{
		input: (*graph.Node).MatMul, state: (*graph.Node).MatMul, drop: (*graph.Node).Mul,
		apart: s.RecurrentDropout > 0, shape: tensor.Shape{s.Units},
	})
}

// body returns what the cell does over steps of a shape, (batch, …).
func (v *cellVariables) body(c *Context, k *kind, s *settings, x tensor.Shape, l linear) cellBody {
	gates := func(w *graph.Node, from, to int) *graph.Node {
		if to-from == k.gates {
			return w
		}
		return w.SliceAxis(w.Rank()-1, from*s.Units, to*s.Units)
	}
	dropped, masked := c.Training() && s.Dropout > 0, c.Training() && s.RecurrentDropout > 0
	var input, inner []*graph.Node
	products := 1 // of the inputs
	if dropped && l.apart {
		products = k.gates
	}
	for i := range products {
		input = append(input, gates(c.Value(v.kernel), i*k.gates/products, (i+1)*k.gates/products))
		if dropped {
			input = append(input, mask(c, s.Dropout, x))
		}
	}
	var second []*graph.Node
	if v.bias != nil {
		bias := c.Value(v.bias)
		if bias.Rank() == 2 {
			half := func(i int) *graph.Node { return bias.SliceAxis(0, i, i+1).Reshape(bias.Shape()[1]) }
			bias, second = half(0), []*graph.Node{half(1)}
		}
		input = append(input, bias)
	}
	ends := []int{s.together(k.gates), k.gates} // of the gates that have a product with the state together
	if masked {
		ends = nil
		for i := range k.gates {
			ends = append(ends, i+1)
		}
	}
	ends = slices.Compact(ends)
	from := 0
	for _, to := range ends {
		inner = append(inner, gates(c.Value(v.recurrentKernel), from, to))
		if masked {
			inner = append(inner, mask(c, s.RecurrentDropout, append(tensor.Shape{tensor.Batch}, l.shape...)))
		}
		from = to
	}
	return cellBody{
		input: input, inner: append(inner, second...),
		project: func(x *graph.Node, input []*graph.Node) *graph.Node {
			var parts []*graph.Node
			for range products {
				kernel, seen := input[0], x
				if input = input[1:]; dropped {
					seen, input = l.drop(x, input[0]), input[1:]
				}
				parts = append(parts, l.input(seen, kernel))
			}
			y := beside(parts)
			if len(input) > 0 {
				y = y.Add(input[0])
			}
			return y
		},
		step: func(x *graph.Node, state, inner []*graph.Node) (*graph.Node, []*graph.Node) {
			times := func(h *graph.Node, from, to int) *graph.Node {
				var parts []*graph.Node
				for i, end := range ends {
					switch {
					case end <= from || end > to:
					case masked:
						parts = append(parts, l.state(h.Mul(inner[2*i+1]), inner[2*i]))
					default:
						parts = append(parts, l.state(h, inner[i]))
					}
				}
				return beside(parts)
			}
			var more *graph.Node
			if second != nil {
				more = inner[len(inner)-1]
			}
			next := k.step(s, state, x, times, more)
			return next[0], next
		},
	}
}

// beside joins nodes along the last axis.
func beside(parts []*graph.Node) *graph.Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return graph.Concat(parts[0].Rank()-1, parts...)
}

// StackedRNNCells is cells one behind the other as one: each gets the output of the one before it. The state is those of all,
// the first cell's first.
//
// Shapes: those of the cells.
type StackedRNNCells struct {
	Name   string
	Frozen bool
	Cells  []Cell

	steps []tensor.Shape // what each cell gets
}

// Build builds the cells.
func (l *StackedRNNCells) Build(b *Builder, in []tensor.Shape) error {
	if len(l.Cells) == 0 {
		return b.Errorf("Cells is empty: say what is stacked, []layer.Cell{&layer.LSTMCell{Units: 8}, &layer.LSTMCell{Units: 8}} for one")
	}
	if len(in) == 0 {
		return b.Errorf("takes a step and a state")
	}
	l.steps = nil
	used := map[string]int{}
	x := in[0]
	for i, cell := range l.Cells {
		if config.IsNil(cell) {
			return b.Errorf("cell %d is nil", i)
		}
		if err := b.Layer(cell, x); err != nil {
			return err
		}
		name := snake(cell)
		if n := used[name]; n > 0 {
			name = fmt.Sprintf("%s_%d", name, n)
		}
		used[snake(cell)]++
		remember(cell, func(r *record) { r.name = cmp.Or(r.name, name) })
		l.steps = append(l.steps, x)
		c := NewContext(graph.New(), false)
		nodes := []*graph.Node{c.graph.Input("", x)}
		for _, s := range cell.StateShapes() {
			nodes = append(nodes, c.graph.Input("", append(tensor.Shape{tensor.Batch}, s...)))
		}
		y := c.Layer(cell, nodes...)[0]
		if err := c.graph.Err(); err != nil {
			return b.Errorf("cell %d, a %s: %v", i, Class(cell), err)
		}
		x = y.Shape()
	}
	return statesFit(b, in[1:], l.StateShapes())
}

// Call emits the cells' nodes and returns the output of the last.
func (l *StackedRNNCells) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the cells' nodes.
func (l *StackedRNNCells) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	if wrong := exchanged(c, l, l.Cells...); wrong != nil {
		return []*graph.Node{wrong}
	}
	return step(c, l, in)
}

// exchanged returns the node of an error if l has other cells than those that it was built with, and else nil.
func exchanged(c *Context, l Layer, cells ...Cell) *graph.Node {
	if !slices.EqualFunc(recall(l).inner, cells, func(was Layer, cell Cell) bool { return was == Layer(cell) }) {
		return c.graph.Fail("the cells of a %s were exchanged after it was applied, and it has the weights of those that it had: make another one", Class(l))
	}
	for _, cell := range cells {
		if stacked, ok := cell.(*StackedRNNCells); ok {
			if wrong := exchanged(c, stacked, stacked.Cells...); wrong != nil {
				return wrong
			}
		}
	}
	return nil
}

// StateShapes returns those of all cells.
func (l *StackedRNNCells) StateShapes() []tensor.Shape {
	var list []tensor.Shape
	for _, cell := range l.Cells {
		if !config.IsNil(cell) {
			list = append(list, cell.StateShapes()...)
		}
	}
	return list
}

func (l *StackedRNNCells) body(c *Context) cellBody {
	defer c.freeze(l)()
	var cells []cellBody
	var all cellBody
	states := 0
	for i, cell := range l.Cells {
		body := bodyOf(c, cell, l.steps[i])
		if i == 0 {
			all.input, all.project, all.sequence = body.input, body.project, body.sequence
		} else {
			all.inner = append(all.inner, body.input...)
		}
		all.inner = append(all.inner, body.inner...)
		all.output = states + body.output
		states += len(cell.StateShapes())
		cells = append(cells, body)
	}
	all.step = func(x *graph.Node, state, inner []*graph.Node) (y *graph.Node, next []*graph.Node) {
		take := func(n int) (list []*graph.Node) {
			list, inner = inner[:n], inner[n:]
			return list
		}
		y = x
		for i, body := range cells {
			if i > 0 {
				y = body.project(y, take(len(body.input)))
			}
			n := len(l.Cells[i].StateShapes())
			var own []*graph.Node
			y, own = body.step(y, state[:n], take(len(body.inner)))
			state, next = state[n:], append(next, own...)
		}
		return y, next
	}
	return all
}
