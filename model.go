package cornu

// This file defines Model: a network with what it takes to train and run it.

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/internal/terminal"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A Node is a symbolic tensor: what Input and Apply return and NewModel is made
// of.
type Node = layer.Node

// Input returns a node that stands for an input of a network. shape is that of
// one sample, without the batch.
func Input(shape ...int) *Node { return layer.Apply(&layer.Input{Shape: shape}) }

// Apply applies a layer to nodes. The mistakes that are found are kept in the
// node and returned by Compile.
func Apply(l layer.Layer, nodes ...*Node) *Node { return layer.Apply(l, nodes...) }

// ErrBusy says that a model is in use: trained, evaluated or compiled, or run while
// it should be trained.
var ErrBusy = errors.New("the model is in use by another Fit, Evaluate or Predict")

// ErrNotCompiled says that a model must be compiled before it can be trained or
// evaluated.
var ErrNotCompiled = errors.New("the model is not compiled: call Compile first, and again after Add")

// A Model is a network that can be trained, evaluated and run.
//
// Predict and its kin may be called from many goroutines at once. What trains,
// evaluates or compiles is for one goroutine at a time, or it returns ErrBusy, as
// Predict does meanwhile; so may not be called at the same time as anything else
// what builds the model or reads or sets its weights.
//
// Different models may be used at the same time, and share the processor's cores.
// If they share layers, each step of one waits for that of the other: nothing is
// torn, but which weights a step sees depends on who came first.
type Model struct {
	// Name is the model's name in summaries and files. "" is Keras's: "model"
	// or "sequential".
	Name string

	net        *layer.Network
	layer      *layer.Model // net as a layer, nil until AsLayer is called
	grown      []*Node      // input and output of a Sequential that net isn't of yet
	err        error        // of building
	sequential bool
	seed       uint64

	bytes []data.Range // what the bytes became that the model was trained on last

	compiled  *CompileConfig
	optimizer *train.Optimizer
	steps     map[stepKey]*train.Step

	mu       sync.RWMutex // held by Fit for writing, by Predict for reading
	predict  *train.Step
	predicts sync.Mutex // guards predict
}

// NewModel returns the model of all that lies between the inputs and the
// outputs. A mistake in it is returned by Compile.
func NewModel(inputs, outputs []*Node) *Model {
	m := &Model{}
	m.build(inputs, outputs)
	return m
}

func (m *Model) build(inputs, outputs []*Node) {
	m.net, m.err = layer.NewNetwork(inputs, outputs)
	for i, out := range outputs {
		if m.err != nil {
			break
		}
		if s := out.Shape(); len(s) == 0 || s[0] != tensor.Batch {
			m.net, m.err = nil, fmt.Errorf("cornu: output %d of the model has shape %v: its first dimension must be that of the batch", i, s)
		}
	}
	if m.err == nil {
		m.compiled, m.optimizer, m.steps, m.predict, m.bytes = nil, nil, nil, nil, nil
	}
}

// Seed keys all that is random: the initial weights, shuffles and dropout. Call
// it before anything reads or trains the weights, which are drawn at the first
// use. Two runs of a program with the same seed give the same bits; a model that
// was given none has the seed 0.
func (m *Model) Seed(seed uint64) {
	m.seed = seed
	m.steps, m.predict = nil, nil
}

// Network returns the network, nil before it is built.
func (m *Model) Network() *layer.Network {
	m.settle()
	return m.net
}

// settle makes the network of a Sequential that has grown. That takes as long as there
// are layers, so Add leaves it to the first who needs it.
func (m *Model) settle() {
	if ends := m.grown; ends != nil {
		m.grown = nil
		if m.err != nil { // of a later Add
			return
		}
		m.build(ends[:1], ends[1:])
	}
}

// hold makes the model the caller's, who gives it back with m.mu.Unlock, or returns
// ErrBusy.
func (m *Model) hold(call string) error {
	if !m.mu.TryLock() {
		return fmt.Errorf("cornu: %s: %w", call, ErrBusy)
	}
	m.settle()
	return nil
}

var errNotBuilt = errors.New("cornu: the model is not built: its first layer should be an Input, or Fit or Build should tell the shape of the data first")

// ready returns an error unless the network is built, and draws its weights.
func (m *Model) ready() error {
	m.settle()
	if m.err != nil {
		return m.err
	}
	if m.net == nil {
		return errNotBuilt
	}
	if err := cmp.Or(isa.Err(), mem.Err()); err != nil {
		return err
	}
	variables := m.net.Variables()
	if err := slab.Store(variables...); err != nil {
		return fmt.Errorf("cornu: %w", err)
	}
	for i, v := range variables {
		if err := v.Draw(m.seed, i); err != nil {
			return err
		}
	}
	return nil
}

// Summary writes the table of layers, as Keras 3 prints it.
func (m *Model) Summary(w io.Writer) error { return m.SummaryWith(w, layer.SummaryConfig{}) }

// SummaryWith writes the table of layers in a style and width of the caller's
// choice. What the configuration says of the model itself is filled in, and the
// width of a terminal.
func (m *Model) SummaryWith(w io.Writer, cfg layer.SummaryConfig) error {
	m.settle()
	if m.err != nil {
		return m.err
	}
	if m.net == nil {
		return errNotBuilt
	}
	cfg.Model, cfg.Sequential = m.Name, m.sequential
	if m.optimizer != nil {
		cfg.Optimizer = m.optimizer.Size()
	}
	if cfg.Columns == 0 {
		cfg.Columns = terminal.Columns(w)
	}
	return layer.Summary(w, m.net, cfg)
}

// Weights returns a copy of all weights and statistics, in model order.
func (m *Model) Weights() ([]*tensor.Tensor, error) {
	if err := m.ready(); err != nil {
		return nil, err
	}
	slabs := slabsOf(m.net.Variables())
	slab.Acquire(slabs, false)
	defer slab.Release(slabs, false)
	var weights []*tensor.Tensor
	for _, v := range m.net.Variables() {
		t, err := tensor.Of(slices.Clone(slab.SpanOf(v).View()), v.Shape...)
		if err != nil {
			return nil, err
		}
		weights = append(weights, t)
	}
	return weights, nil
}

// SetWeights sets all weights and statistics, in the order of Weights. Nothing
// is changed if one of them doesn't fit.
func (m *Model) SetWeights(weights []*tensor.Tensor) error {
	if err := m.ready(); err != nil {
		return err
	}
	variables := m.net.Variables()
	if len(weights) != len(variables) {
		return fmt.Errorf("cornu: SetWeights: got %d arrays, the model has %d variables", len(weights), len(variables))
	}
	content := make([][]float32, len(weights))
	for i, v := range variables {
		if weights[i] == nil {
			return fmt.Errorf("cornu: SetWeights: array %d, for variable %q, is nil", i, v.Path)
		}
		if !weights[i].Shape().Equal(v.Shape) {
			return fmt.Errorf("cornu: SetWeights: array %d has shape %v, variable %q has %v", i, weights[i].Shape(), v.Path, v.Shape)
		}
		var err error
		if content[i], err = tensor.Data[float32](weights[i]); err != nil {
			return fmt.Errorf("cornu: SetWeights: array %d, for variable %q: %w", i, v.Path, err)
		}
		if err := slab.SpanOf(v).Fits(content[i]); err != nil {
			return fmt.Errorf("cornu: SetWeights: array %d, for variable %q: %w", i, v.Path, err)
		}
	}
	slabs := slabsOf(variables)
	slab.Acquire(slabs, true)
	defer slab.Release(slabs, true)
	for i, v := range variables {
		slab.SpanOf(v).Write(content[i])
	}
	return nil
}

// slabsOf lists the memory of the variables, for slab.Acquire.
func slabsOf(variables []*layer.Variable) []*slab.Slab {
	var slabs []*slab.Slab
	for _, v := range variables {
		if s := slab.SpanOf(v).Slab; s != nil {
			slabs = append(slabs, s)
		}
	}
	return slab.Ordered(slabs)
}

// Variables lists the variables in model order, which are the model's own.
func (m *Model) Variables() ([]*layer.Variable, error) {
	if err := m.ready(); err != nil {
		return nil, err
	}
	return m.net.Variables(), nil
}

// ResetStates makes the states that layers keep from batch to batch, where they are Stateful, what they were in the beginning: zeros. It
// waits for a step that uses them.
func (m *Model) ResetStates() error {
	if err := m.ready(); err != nil {
		return err
	}
	for _, l := range m.net.Layers() {
		if err := layer.ResetStates(l); err != nil {
			return fmt.Errorf("cornu: ResetStates: %w", err)
		}
	}
	return nil
}
