// Package constraint has projections that a weight goes through after every
// step of the optimizer.
package constraint

// This file defines Constraint and its members.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// Zero says 0 for a field whose zero value means another default.
const Zero = config.Zero

// A Constraint maps a weight to the nearest that is allowed.
type Constraint interface {
	// Name returns Keras's name: "non_neg".
	Name() string
	// Project emits the weight's new value, of its shape.
	Project(w *graph.Node) *graph.Node
}

var registry = config.NewRegistry[Constraint]("constraint", NonNeg{})

// ByName returns the constraint that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Constraint, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a constraint known to ByName and to files, by its Name.
func Register(c Constraint) { registry.Register(c) }

// NonNeg keeps weights from being negative.
type NonNeg struct{}

// Name returns "non_neg".
func (NonNeg) Name() string { return "non_neg" }

// Project emits the weight's new value.
func (NonNeg) Project(w *graph.Node) *graph.Node {
	return w.Mul(w.GreaterEqual(w.Graph().Scalar(0)))
}
