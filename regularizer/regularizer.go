// Package regularizer has penalties on weights and outputs, which are added to
// the loss. One is a field of a layer:
//
//	&layer.Dense{Units: 64, KernelRegularizer: regularizer.L2{L2: 1e-4}}
//
// A coefficient that is left out is 0. The names "l1" and "l2" by themselves, which
// ByName knows, have Keras's 0.01.
package regularizer

// This file defines Regularizer and its members.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Regularizer turns a weight, or the output of a layer, into a penalty.
type Regularizer interface {
	// Name returns Keras's name: "l2".
	Name() string
	// Penalty emits a scalar.
	Penalty(w *graph.Node) *graph.Node
}

var registry = config.NewRegistry[Regularizer]("regularizer", L1{0.01}, L2{0.01}, L1L2{}, Orthogonal{Factor: 0.01})

// ByName returns the regularizer that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Regularizer, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a regularizer known to ByName and to files, by its Name.
func Register(r Regularizer) { registry.Register(r) }

// L1 is L1 · Σ|w|. Keras's factor is 0.01, which is that of ByName("l1"); L1{} has
// 0, and no effect.
type L1 struct {
	L1 float64
}

// Name returns "l1".
func (L1) Name() string { return "l1" }

// Penalty emits the penalty.
func (r L1) Penalty(w *graph.Node) *graph.Node {
	return w.Abs().Sum().MulScalar(r.L1)
}

// L2 is L2 · Σw². Keras's factor is 0.01, which is that of ByName("l2"); L2{} has
// 0, and no effect.
type L2 struct {
	L2 float64
}

// Name returns "l2".
func (L2) Name() string { return "l2" }

// Penalty emits the penalty.
func (r L2) Penalty(w *graph.Node) *graph.Node {
	return w.Square().Sum().MulScalar(r.L2)
}

// L1L2 is L1 · Σ|w| + L2 · Σw². The factors of ByName("l1_l2") are 0, as in Keras.
type L1L2 struct {
	L1, L2 float64
}

// Name returns "l1_l2".
func (L1L2) Name() string { return "l1_l2" }

// Penalty emits the penalty.
func (r L1L2) Penalty(w *graph.Node) *graph.Node {
	sum := w.Graph().Scalar(0)
	if r.L1 != 0 {
		sum = sum.Add(w.Abs().Sum().MulScalar(r.L1))
	}
	if r.L2 != 0 {
		sum = sum.Add(w.Square().Sum().MulScalar(r.L2))
	}
	return sum
}

// Orthogonal wants the rows of a matrix, or its columns, to be orthogonal to each
// other: Factor times the mean of |cosine| over all pairs of them. The rows of a
// layer's output are the samples of a batch. Keras's factor is 0.01.
type Orthogonal struct {
	Factor float64
	Mode   string `default:"rows"` // or "columns"
}

// Name returns "orthogonal_regularizer".
func (Orthogonal) Name() string { return "orthogonal_regularizer" }

// Class returns "OrthogonalRegularizer", which is what Keras calls it.
func (Orthogonal) Class() string { return "OrthogonalRegularizer" }

// Penalty emits the penalty. w has two dimensions.
func (r Orthogonal) Penalty(w *graph.Node) *graph.Node {
	r = config.Resolve(r)
	g := w.Graph()
	switch {
	case !w.Valid():
		return w
	case r.Mode != "rows" && r.Mode != "columns":
		return g.Fail("regularizer %s: Mode is %q, it must be rows or columns", r.Name(), r.Mode)
	case w.Rank() != 2:
		return g.Fail("regularizer %s: needs a matrix, got the shape %v", r.Name(), w.Shape())
	}
	if r.Mode == "columns" {
		w = w.Transpose(1, 0)
	}
	norm := w.Square().SumKeep(1).Max(g.Scalar(1e-14)).Sqrt() // a row of zeros stays one
	unit := w.Div(norm)
	cosines := unit.MatMulT(unit, false, true).Abs()
	n := w.Shape()[0]
	if n == tensor.Batch {
		others := cosines.Sum().Sub(unit.Square().Sum())
		size := w.Numel(0)
		return others.Div(size.Mul(size.AddScalar(-1)).Max(g.Scalar(1))).MulScalar(r.Factor)
	}
	others := make([]float32, n*n)
	for i := range others {
		if i/n != i%n {
			others[i] = 1
		}
	}
	return cosines.Mul(g.Const(others, n, n)).Sum().MulScalar(r.Factor / float64(max(n*(n-1), 1)))
}
