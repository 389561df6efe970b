// Package activation has the functions that Keras calls activations, as small
// values that emit graph nodes.
//
// One is used as a layer, layer.Activation{Func: activation.ReLU{}}, as a field
// of a layer, layer.Dense{Activation: activation.ReLU{}}, or as a function on
// nodes, activation.ReLU{}.Apply(x). One of your own has the methods of Activation; its
// derivative is made of those of the operations that it emits, which package graph has.
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0.
package activation

// This file defines Activation and finds one by its name.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// An Activation maps a node to one of the same shape; only GLU halves an axis.
type Activation interface {
	// Name returns Keras's name: "relu".
	Name() string
	// Apply emits the function of x.
	Apply(x *graph.Node) *graph.Node
}

var registry = config.NewRegistry[Activation](
	"activation",
	Linear{}, ReLU{}, ReLU6{}, LeakyReLU{}, ELU{}, SELU{}, CELU{},
	Softplus{}, Softsign{}, Sigmoid{}, HardSigmoid{}, LogSigmoid{}, SparseSigmoid{}, Tanh{},
	HardTanh{}, TanhShrink{}, Softmax{}, LogSoftmax{}, Exponential{}, GELU{}, SiLU{},
	HardSiLU{}, Mish{}, SoftShrink{}, HardShrink{}, SparsePlus{}, Squareplus{},
	GLU{}, Threshold{}, Sparsemax{},
)

func init() {
	registry.Register(SiLU{}, "swish")
	registry.Register(HardSiLU{}, "hard_swish")
}

// ByName returns the activation that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Activation, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes an activation known to ByName and to files, by its Name.
func Register(a Activation) { registry.Register(a) }
