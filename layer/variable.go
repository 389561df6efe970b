package layer

// This file defines Variable, and Builder, which declares them.

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Variable is an array that a layer keeps from step to step: a weight, or a
// statistic.
type Variable struct {
	Name        string // in its layer: "kernel"
	Path        string // in its network: "dense/kernel"
	Shape       tensor.Shape
	Trainable   bool // by the optimizer, unless its layer is frozen
	Initializer initializer.Initializer
	Regularizer regularizer.Regularizer // nil: none
	Constraint  constraint.Constraint   // nil: none

	kind        number.Kind // what it is stored as: Float32 if that is not said
	held        slab.Span   // its memory, which it gets from the model or the step that first takes it in
	initialized bool        // what it holds is an initial, loaded or trained value
}

// span returns the variable's memory.
func (v *Variable) span() slab.Span {
	storing.Lock()
	defer storing.Unlock()
	return v.held
}

// Value returns a copy of the numbers that the variable holds, in row-major order: nil before a model or a step that has
// the variable is made ready to run. It waits for a step that is changing them.
func (v *Variable) Value() []float32 {
	if v == nil {
		return nil
	}
	span := v.span()
	if span.Slab == nil {
		return nil
	}
	held := []*slab.Slab{span.Slab}
	slab.Acquire(held, false)
	defer slab.Release(held, false)
	return slices.Clone(span.View())
}

// Assign sets the numbers that the variable holds, in row-major order. There must be as many as its shape has. It waits
// for a step that uses them. A variable that is assigned before it is initialized keeps what it was assigned.
func (v *Variable) Assign(value []float32) error {
	if err := slab.Store(v); err != nil {
		return err
	}
	if n := v.Shape.Numel(); len(value) != n {
		return fmt.Errorf("layer: variable %q has shape %v, %d numbers: it can't be assigned %d", v.label(), v.Shape, n, len(value))
	}
	held := []*slab.Slab{v.span().Slab}
	slab.Acquire(held, true)
	defer slab.Release(held, true)
	return slab.Fill([]*Variable{v}, 1, func(_ int, dst []float32) error {
		copy(dst, value)
		return nil
	})
}

// fill lets write set the numbers, for who holds storing.
func (v *Variable) fill(write func(dst []float32) error) error {
	err := v.held.Fill(write)
	v.initialized = v.initialized || err == nil
	return err
}

// label returns the variable's path, or its name before it has one. A layer may be
// applied while another model that shares it is built, which sets the path.
func (v *Variable) label() string {
	records.Lock()
	defer records.Unlock()
	return cmp.Or(v.Path, v.Name)
}

// Draw initializes the variable, if that is still to be done, from the model's
// seed and the variable's place in the model.
func (v *Variable) Draw(seed uint64, place int) error {
	storing.Lock()
	defer storing.Unlock()
	if v.initialized {
		return nil
	}
	if config.IsNil(v.Initializer) {
		return fmt.Errorf("layer: variable %q has no Initializer", cmp.Or(v.Path, v.Name))
	}
	if err := store(v); err != nil {
		return err
	}
	err := v.fill(func(dst []float32) error {
		return v.Initializer.Init(dst, v.Shape, seed, initializerStream+uint16(place))
	})
	if err != nil {
		return fmt.Errorf("variable %s of shape %v: %w", v.Path, v.Shape, err)
	}
	return nil
}

// initializerStream is the first of the random streams that initializers have.
const initializerStream = 0x8000

// A VariableConfig says how a variable begins and what is asked of it. The zero
// value is a variable that is trained and begins as Keras's glorot_uniform.
type VariableConfig struct {
	Initializer  initializer.Initializer
	Regularizer  regularizer.Regularizer
	Constraint   constraint.Constraint
	NonTrainable bool
}

// A Builder takes down what a layer declares while it is built.
type Builder struct {
	node      *Node // the layer's first
	layer     Layer
	in        []tensor.Shape
	variables []*Variable
	states    []*Variable
	inner     []Layer
	err       error
}

// Name returns the layer's name.
func (b *Builder) Name() string { return provisional(b.node) }

// Variable declares a variable of the layer. The shape may not depend on the
// batch.
func (b *Builder) Variable(name string, shape tensor.Shape, cfg VariableConfig) *Variable {
	if cfg.Initializer == nil {
		cfg.Initializer = initializer.GlorotUniform{}
	}
	v := &Variable{
		Name: name, Shape: shape.Clone(), Trainable: !cfg.NonTrainable,
		Initializer: cfg.Initializer, Regularizer: cfg.Regularizer, Constraint: cfg.Constraint,
	}
	err := cmp.Or(shape.Check(), config.CheckFields(&cfg))
	switch {
	case err != nil:
		b.fail(b.Errorf("variable %q: %v", name, err))
	case shape.HasBatch():
		b.fail(b.Errorf("the shape %v of variable %q may not depend on the batch", shape, name))
	default:
		if err := mem.Check(shape.Numel(), 4, "variable %q of shape %v", name, shape); err != nil {
			b.fail(&Error{Layer: b.Name(), Class: Class(b.layer), Shapes: b.in, Msg: err.Error(), Err: err})
		}
	}
	for _, other := range b.variables {
		if other.Name == name {
			b.fail(b.Errorf("two variables are called %q", name))
		}
	}
	b.variables = append(b.variables, v)
	return v
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Errorf returns an error that names the layer, its class and the shapes of its
// inputs, for Build to return.
func (b *Builder) Errorf(format string, args ...any) error {
	return &Error{Layer: b.Name(), Class: Class(b.layer), Shapes: b.in, Msg: fmt.Sprintf(format, args...)}
}

// build declares the variables of n's layer, unless that was done before.
func build(n *Node, in []tensor.Shape) error {
	building := recall(n.layer).building
	if building == nil {
		remember(n.layer, func(r *record) {
			if r.building == nil {
				r.building = new(sync.Mutex)
			}
			building = r.building
		})
	}
	building.Lock()
	defer building.Unlock()
	if recall(n.layer).built {
		return nil
	}
	b := &Builder{node: n, layer: n.layer, in: in}
	err := n.layer.Build(b, in)
	if err == nil {
		err = b.err
	}
	if err == nil {
		remember(n.layer, func(r *record) { r.built, r.variables, r.states, r.inner = true, b.variables, b.states, b.inner })
	}
	return err
}

// An Error says which layer could not be built or applied, on what, and where.
type Error struct {
	Layer  string         // its name
	Class  string         // its class
	Shapes []tensor.Shape // of its inputs
	Pos    graph.Pos      // the line of the user's code
	Msg    string         // what was expected
	Err    error          // the error underneath, or nil
}

// Error returns, for example,
//
//	main.go:31: layer "dense_1" (Dense) of (None, 784): Units is -5, it must be positive
func (e *Error) Error() string {
	s := ""
	if e.Pos.File != "" {
		s = e.Pos.String() + ": "
	}
	s += fmt.Sprintf("layer %q (%s)", e.Layer, e.Class)
	for i, shape := range e.Shapes {
		s += map[bool]string{true: " of ", false: ", "}[i == 0] + shape.String()
	}
	return s + ": " + e.Msg
}

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Err }
