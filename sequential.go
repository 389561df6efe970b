package cornu

// This file defines Sequential, a chain of layers.

import (
	"fmt"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Sequential is a model that is a chain of layers. If the first is not an
// Input, the network is built by Build, or by Fit from the shape of its data.
type Sequential struct {
	Model
	layers []layer.Layer
}

// NewSequential returns the chain of the layers.
func NewSequential(layers ...layer.Layer) *Sequential {
	m := &Sequential{}
	m.Add(layers...)
	return m
}

// Add appends layers. A model that was compiled has to be compiled again.
func (m *Sequential) Add(layers ...layer.Layer) {
	m.sequential = true
	for i, l := range layers {
		if l == nil {
			m.fail(fmt.Errorf("cornu: layer %d of the Sequential is nil", len(m.layers)+i))
			return
		}
	}
	first := len(m.layers) == 0
	m.layers = append(m.layers, layers...)
	if ends := m.grown; ends != nil {
		m.chain(ends[0], ends[1], layers)
	} else if m.net != nil {
		m.chain(m.net.Inputs()[0], m.net.Outputs()[0], layers)
	} else if first && len(layers) > 0 {
		if in, ok := layers[0].(*layer.Input); ok {
			x := layer.Apply(in)
			m.chain(x, x, layers[1:])
		}
	}
}

// Layers returns the layers, the Input included if there is one.
func (m *Sequential) Layers() []layer.Layer { return m.layers }

// Build builds the network for samples of the shape, which doesn't count the
// batch. It is needed only if the first layer is not an Input.
func (m *Sequential) Build(shape ...int) error {
	if err := m.hold("Build"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	return m.buildFor(shape, tensor.Float32)
}

func (m *Sequential) buildFor(shape tensor.Shape, dtype tensor.DType) error {
	if len(m.layers) == 0 {
		return fmt.Errorf("cornu: a Sequential needs at least one layer")
	}
	if m.net != nil || m.err != nil {
		return m.err
	}
	x := layer.Apply(&layer.Input{Shape: shape, DType: dtype})
	m.chain(x, x, m.layers)
	m.settle()
	err := m.err
	m.err = nil // another shape may do
	return err
}

func (m *Sequential) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// chain makes the network that m is to be: the layers are applied, one after the other, to x,
// which comes of input.
func (m *Sequential) chain(input, x *Node, layers []layer.Layer) {
	if m.err != nil {
		return
	}
	for _, l := range layers {
		x = layer.Apply(l, x)
	}
	m.grown = []*Node{input, x}
}
