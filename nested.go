package cornu

// This file puts models together of models and of parts of models.

import (
	"fmt"

	"github.com/cornu-ml/cornu/layer"
)

// ApplyAll is Apply for layers of several outputs, such as models, and returns them all.
func ApplyAll(l layer.Layer, nodes ...*Node) []*Node { return layer.ApplyAll(l, nodes...) }

// Infer applies a layer, or a model as one, that behaves as in inference even in training, as if
// Keras's call had training=False: dropout drops nothing, and BatchNormalization uses its moving
// statistics and keeps them. What in it is not frozen is trained all the same. It is for models
// that are tuned finely on other data than they were trained on.
func Infer(l layer.Layer, nodes ...*Node) *Node {
	if all := layer.Infer(l, nodes...); len(all) == 1 {
		return all[0]
	}
	return layer.Apply(l, nodes...) // which says that there are several
}

// AsLayer returns the model as a layer of another, which shares its weights:
//
//	features := cornu.Apply(base.AsLayer(), x)
//
// It is the same layer at every call; its field Frozen keeps other models from training
// anything in it, and the model itself. A Sequential can't grow any more after it.
func (m *Model) AsLayer() *layer.Model {
	m.settle()
	if m.layer == nil || m.layer.Network() != m.net {
		m.layer = layer.NewModel(m.net, m.sequential)
		m.layer.Name = m.Name
	}
	return m.layer
}

// Inputs returns the nodes of the model's inputs.
func (m *Model) Inputs() []*Node {
	m.settle()
	if m.net == nil {
		return []*Node{m.broken()}
	}
	return m.net.Inputs()
}

// Node returns what the layer of that name puts out, where it is first applied, as Keras's
// get_layer(name).output: a model of the inputs and of such nodes shares the layers up to them. A
// name that no layer has is an error of the model that is made with the node.
func (m *Model) Node(name string) *Node {
	m.settle()
	if m.net == nil {
		return m.broken()
	}
	n, err := m.net.Output(name)
	if err != nil {
		return layer.Broken(fmt.Errorf("cornu: Node: %w", err))
	}
	return n
}

// broken is a node of a model that isn't built.
func (m *Model) broken() *Node {
	if m.err != nil {
		return layer.Broken(m.err)
	}
	return layer.Broken(errNotBuilt)
}

// Layer returns the layer of that name, as Keras's get_layer. Names joined by slashes find layers
// of models that are layers: "encoder/dense". The error of an unknown name lists the known ones.
func (m *Model) Layer(name string) (layer.Layer, error) {
	m.settle()
	if m.net == nil {
		if m.err != nil {
			return nil, m.err
		}
		return nil, errNotBuilt
	}
	l, err := m.net.Find(name)
	if err != nil {
		return nil, fmt.Errorf("cornu: Layer: %w", err)
	}
	return l, nil
}
