package cornu

// This file writes models to files.

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// Save writes the model: the network, the weights, what it was compiled with and the state of
// the optimizer. A path that ends in .keras gets Keras 3's format; one that ends in .h5 gets
// the older one of whole models, which Keras 2 opens too, though it begins with a fresh
// optimizer. The file is complete or the old one is left as it was. The same model gives the
// same bytes.
func (m *Model) Save(path string) error {
	write, err := m.modelTo(path)
	if err != nil {
		return fmt.Errorf("cornu: Save: %w", err)
	}
	return m.save("Save", path, write)
}

// modelTo returns what writes the model to a file, by the path's ending.
func (m *Model) modelTo(path string) (func(io.Writer) error, error) {
	write := kerasfile.Write
	switch {
	case strings.HasSuffix(path, weightsEnding):
		return nil, fmt.Errorf("%s is the name of a file of weights: SaveWeights writes those, Save writes models to .keras and .h5 files", path)
	case strings.HasSuffix(path, legacyEnding):
		write = kerasfile.WriteH5
	case !strings.HasSuffix(path, modelEnding):
		return nil, fmt.Errorf("%s: models are written to .keras and .h5 files, so the name must end with .keras or .h5", path)
	}
	return func(w io.Writer) error {
		net, err := m.inKerasOrder()
		if err != nil {
			return err
		}
		spec, err := net.Spec()
		if err != nil {
			return err
		}
		state, err := m.state(net)
		if err != nil {
			return err
		}
		return write(w, &kerasfile.Model{Name: m.name(), Sequential: m.sequential, Network: spec, Compile: m.compileSpec(), Seed: m.seed, Bytes: m.bytes}, state)
	}, nil
}

// SaveWeights writes the weights by the path's ending: .weights.h5 as Keras's save_weights
// does, with the state of the optimizer; any other .h5 as that of Keras 2 does, .safetensors and
// .npz (NumPy's) as arrays by the paths of the variables, dense/kernel, without it.
func (m *Model) SaveWeights(path string) error {
	write, err := m.weightsTo(path)
	if err != nil {
		return fmt.Errorf("cornu: SaveWeights: %w", err)
	}
	return m.save("SaveWeights", path, write)
}

// weightsTo returns what writes the weights to a file, by the path's ending.
func (m *Model) weightsTo(path string) (func(io.Writer) error, error) {
	switch {
	case strings.HasSuffix(path, weightsEnding):
		return func(w io.Writer) error { return m.writeState(w, kerasfile.WriteWeights) }, nil
	case strings.HasSuffix(path, legacyEnding):
		return func(w io.Writer) error { return m.writeState(w, kerasfile.WriteWeightsH5) }, nil
	case strings.HasSuffix(path, tensorsEnding):
		return func(w io.Writer) error { return m.writeNamed(w, safetensorsOf) }, nil
	case strings.HasSuffix(path, npzEnding):
		return func(w io.Writer) error { return m.writeNamed(w, tensor.WriteNpz) }, nil
	}
	return nil, fmt.Errorf("%s: weights are written to files whose names end in %s, %s, %s or %s", path, weightsEnding, legacyEnding, tensorsEnding, npzEnding)
}

// saver returns what writes the model, or its weights, while it is trained.
func (m *Model) saver(path string, weightsOnly bool) (func() error, error) {
	to := m.modelTo
	if weightsOnly {
		to = m.weightsTo
	}
	write, err := to(path)
	return func() error { return file.WriteFunc(path, write) }, err
}

// writeState writes all arrays of the model.
func (m *Model) writeState(w io.Writer, write func(io.Writer, *kerasfile.State) error) error {
	net, err := m.inKerasOrder()
	if err != nil {
		net = m.net // which Keras has no file of, but its weights may be
	}
	state, err := m.state(net)
	if err != nil {
		return err
	}
	return write(w, state)
}

// writeNamed writes the variables by their paths.
func (m *Model) writeNamed(w io.Writer, write func(io.Writer, map[string]*tensor.Tensor) error) error {
	arrays := map[string]*tensor.Tensor{}
	for _, v := range m.net.Variables() {
		t, err := tensorOf(v)
		if err != nil {
			return err
		}
		if arrays[v.Path] != nil {
			return fmt.Errorf("two variables have the path %s", v.Path)
		}
		arrays[v.Path] = t
	}
	return write(w, arrays)
}

func safetensorsOf(w io.Writer, arrays map[string]*tensor.Tensor) error {
	return safetensors.Write(w, arrays, nil)
}

// tensorOf returns a tensor that shares a variable's memory.
func tensorOf(v *layer.Variable) (*tensor.Tensor, error) {
	t, err := tensor.Of(slab.SpanOf(v).View())
	if err != nil {
		return nil, err
	}
	return t.Reshape(v.Shape...)
}

const (
	modelEnding   = ".keras"
	legacyEnding  = ".h5"
	weightsEnding = ".weights.h5"
	tensorsEnding = ".safetensors"
	npzEnding     = ".npz"
)

func (m *Model) save(call, path string, write func(io.Writer) error) error {
	if err := m.hold(call); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := m.ready(); err != nil {
		return err
	}
	slabs := slabsOf(m.net.Variables())
	slab.Acquire(slabs, false)
	defer slab.Release(slabs, false)
	if err := file.WriteFunc(path, write); err != nil {
		return fmt.Errorf("cornu: %s: %w", call, err)
	}
	return nil
}

// name returns the model's name, Keras's if it has none.
func (m *Model) name() string {
	switch {
	case m.Name != "":
		return m.Name
	case m.sequential:
		return "sequential"
	}
	return "functional"
}

// compileSpec returns what the model was compiled with as files have it, nil if it was not.
func (m *Model) compileSpec() *kerasfile.Compile {
	cfg := m.compiled
	if cfg == nil {
		return nil
	}
	c := &kerasfile.Compile{Optimizer: cfg.Optimizer, LossWeights: cfg.LossWeights}
	some := func(lists [][]metric.Metric) [][]metric.Metric {
		for _, list := range lists {
			if len(list) > 0 {
				return lists
			}
		}
		return nil
	}
	for i := range m.net.Outputs() {
		c.Losses = append(c.Losses, cfg.lossOf(i))
		c.Metrics = append(c.Metrics, cfg.metricsOf(i))
		c.WeightedMetrics = append(c.WeightedMetrics, cfg.weightedMetricsOf(i))
	}
	c.Metrics, c.WeightedMetrics = some(c.Metrics), some(c.WeightedMetrics)
	return c
}

// inKerasOrder returns the network with its layers in the order in which Keras reads them.
func (m *Model) inKerasOrder() (*layer.Network, error) {
	spec, err := m.net.Spec()
	if err != nil {
		return nil, err
	}
	return m.net.Reordered(kerasfile.Order(spec)), nil
}

// state returns the arrays of the model, which are its own, in the order of net, which is the model's network.
func (m *Model) state(net *layer.Network) (*kerasfile.State, error) {
	s := &kerasfile.State{Name: m.name(), Sequential: m.sequential}
	for _, l := range net.Layers() {
		one := layerState(l, m.net.Name(l))
		variables := m.net.VariablesOf(l)
		order := m.legacyOrder(l)
		if len(order) > 0 {
			one.All = make([]kerasfile.Values, 1+slices.Max(order))
		}
		for i, place := range order {
			one.All[place] = valuesOf(variables[i])
		}
		s.Layers = append(s.Layers, one)
	}
	o := m.optimizer
	if o == nil || o.Iterations() == 0 && len(o.Slots()) == 0 {
		return s, nil
	}
	rule := m.compiled.Optimizer
	state := &kerasfile.OptimizerState{
		Optimizer: rule, Iterations: o.Iterations(), Rate: o.LearningRate(), Scheduled: o.Scheduled(),
	}
	if scale, steps, ok := o.DynamicScale(); ok {
		state.Scale = &kerasfile.LossScale{Value: scale, Steps: steps}
	}
	slots, err := m.slots(o, net)
	if err != nil {
		return nil, err
	}
	for _, slot := range slots {
		shape := kerasfile.SlotShape(rule, slot.Name, slot.Variable.Shape)
		state.Slots = append(state.Slots, kerasfile.Values{Shape: shape, Data: slab.SpanOfSlot(slot).Part(0, shape.Numel()).View()})
	}
	s.Optimizer = state
	return s, nil
}

// layerState returns the arrays of a layer, and of the layers that it is made of.
func layerState(l layer.Layer, name string) kerasfile.LayerState {
	s := kerasfile.LayerState{Class: layer.Class(l), Name: name}
	for _, v := range layer.Own(l) {
		s.Arrays = append(s.Arrays, valuesOf(v))
	}
	if k, ok := l.(layer.Keeper); ok {
		s.Kept = k.Keep().Arrays
	}
	for _, inner := range layer.Inner(l) {
		s.Inner = append(s.Inner, layerState(inner, innerName(l, inner)))
	}
	return s
}

func valuesOf(v *layer.Variable) kerasfile.Values {
	return kerasfile.Values{Path: v.Path, Shape: v.Shape, Data: slab.SpanOf(v).View()}
}

// innerName returns the name of a layer that another is made of.
func innerName(l, inner layer.Layer) string {
	if m, ok := l.(*layer.Model); ok {
		return m.Network().Name(inner)
	}
	return layer.Name(inner)
}

// slots returns the optimizer's slots of the variables that are trained, in the order of net.
func (m *Model) slots(o *train.Optimizer, net *layer.Network) ([]train.Slot, error) {
	type key struct {
		v    *layer.Variable
		name string
	}
	variables := net.TrainableVariables()
	byKey := map[key]train.Slot{}
	all, err := o.Prepare(variables...)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		byKey[key{s.Variable, s.Name}] = s
	}
	var list []train.Slot
	for _, group := range kerasfile.Groups(m.compiled.Optimizer) {
		for _, v := range variables {
			for _, name := range group {
				if s, ok := byKey[key{v, name}]; ok {
					list = append(list, s)
				}
			}
		}
	}
	return list, nil
}
