package plan

// This file tests which slices are views, and that kernels read and write them where
// they are.

import (
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// called counts the units that are work by the op of their root, "program" for those
// that are elementwise.
func (p *Plan) called() map[string]int {
	ops := map[string]int{}
	for _, u := range p.units {
		switch {
		case !u.called():
		case u.root == nil:
			ops["program"]++
		default:
			ops[u.root.op.String()]++
		}
	}
	return ops
}

// The four gates of a recurrent cell are read where the product has left them, the steps of
// a sequence where they are in it, and the gradients of both computed where they belong.
func TestGatesAndStepsAreNotCopied(t *testing.T) {
	for _, layers := range []int{1, 3} {
		p := compile(t, recurrent(10, layers), Config{Batch: 32})
		called := p.called()
		if n := called["Slice"] + called["Pad"] + called["Transpose"] + called["Concat"]; n > 0 || called["BroadcastTo"] > 3*layers {
			t.Errorf("%d layers: %v are called: slices are copied", layers, called)
		}
	}
}

func TestWhatIsJoinedIsComputedInPlace(t *testing.T) {
	for name, c := range map[string]struct {
		build  func(x *graph.Node) *graph.Node
		called bool
	}{
		"elementwise": {func(x *graph.Node) *graph.Node { return graph.Concat(1, x.Neg(), x.Exp()) }, false},
		"products": {func(x *graph.Node) *graph.Node {
			w := x.Graph().Param("w", tensor.Shape{16, 24})
			return graph.Concat(1, x.MatMul(w).Relu(), x.Neg().MatMul(w))
		}, false},
		"rows": {func(x *graph.Node) *graph.Node {
			return graph.Concat(0, x.Reshape(1, 48).Neg(), x.Reshape(1, 48).Softmax(-1))
		}, false},
		"a result that is read": {func(x *graph.Node) *graph.Node {
			y := x.Neg()
			return graph.Concat(1, y, y.Exp()).Mul(graph.Concat(1, y, y))
		}, true},
		"read by a product": {func(x *graph.Node) *graph.Node {
			y := x.Neg()
			return graph.Concat(1, y, y.MatMul(x.Graph().Param("w", tensor.Shape{16, 16})))
		}, false},
		"read by a sum": {func(x *graph.Node) *graph.Node { y := x.Neg(); return graph.Concat(1, y, y.Sub(y.MeanKeep(1))) }, false},
		"joined again":  {func(x *graph.Node) *graph.Node { return graph.Concat(1, graph.Concat(1, x.Neg(), x.Exp()), x.Tanh()) }, false},
		"rows joined, then columns": {func(x *graph.Node) *graph.Node {
			return graph.Concat(1, graph.Concat(0, x.Neg(), x.Exp()), graph.Concat(0, x.Tanh(), x.Sin()))
		}, true},
		"joined again along another axis": {func(x *graph.Node) *graph.Node {
			return graph.Concat(0, graph.Concat(1, x.Neg(), x.Exp()), graph.Concat(1, x.Tanh(), x.Sin()))
		}, false},
		"narrow":            {func(x *graph.Node) *graph.Node { y := x.SliceAxis(1, 0, 2); return graph.Concat(1, y.Neg(), y.Exp()) }, true},
		"an input":          {func(x *graph.Node) *graph.Node { return graph.Concat(1, x, x.Exp()) }, true},
		"twice the same":    {func(x *graph.Node) *graph.Node { y := x.Neg(); return graph.Concat(1, y, y) }, true},
		"of rows elsewhere": {func(x *graph.Node) *graph.Node { return graph.Concat(1, x.Softmax(-1), x.Exp()) }, true},
	} {
		g := graph.New()
		out := c.build(g.Input("x", tensor.Shape{3, 16}))
		program := Program{Graph: g, Outputs: []*graph.Node{out}}
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		called := compile(t, program, Config{}).called()
		if got := called["Concat"] > 0; got != c.called {
			t.Errorf("%s: %v are called", name, called)
		}
		samePasses(t, program, 1)
	}
}

func TestSlicesThatAKernelDoesNotTakeAreCopied(t *testing.T) {
	x := func(g *graph.Graph) *graph.Node { return g.Input("x", tensor.Shape{batch, 4, 6}) }
	for name, c := range map[string]struct {
		build  func(x *graph.Node) *graph.Node
		copies int
	}{
		"elementwise": {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 1, 4).Tanh() }, 0},
		"elementwise, another row": {func(x *graph.Node) *graph.Node {
			return x.SliceAxis(1, 1, 3).Add(x.Graph().Input("row", tensor.Shape{6}))
		}, 1},
		"a slice of a slice": {func(x *graph.Node) *graph.Node { return x.SliceAxis(1, 1, 3).SliceAxis(1, 1, 2).Tanh() }, 0},
		"across":             {func(x *graph.Node) *graph.Node { return x.SliceAxis(1, 1, 3).SliceAxis(2, 1, 2).Tanh() }, 1},
		"a step, reshaped":   {func(x *graph.Node) *graph.Node { return x.SliceAxis(1, 2, 3).Reshape(batch, 6).Tanh() }, 0},
		"a product": {func(x *graph.Node) *graph.Node {
			return x.SliceAxis(2, 0, 3).MatMul(x.Graph().Const(ascending(6), 3, 2))
		}, 0},
		"a product of rows": {func(x *graph.Node) *graph.Node {
			return x.SliceAxis(1, 0, 3).MatMul(x.Graph().Const(ascending(12), 6, 2))
		}, 1},
		"a sum":              {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 3).Sum(2) }, 0},
		"a sum over rows":    {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 3).Sum(0, 1) }, 0},
		"a greatest of rows": {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 1, 4).ReduceMax(1) }, 0},
		"a sum over what lies further apart than its results": {func(x *graph.Node) *graph.Node { return x.Transpose(1, 0, 2).Sum(1) }, 0},
		"a sum over all":        {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 3).Sum() }, 1},
		"a sum over transposed": {func(x *graph.Node) *graph.Node { return x.Transpose(0, 2, 1).SliceAxis(2, 0, 3).Sum(2) }, 0},
		"two readers of one copy": {func(x *graph.Node) *graph.Node {
			s := x.SliceAxis(2, 0, 3)
			return s.LogSoftmax(-1).Sum(2).Add(s.Softmax(-1).Sum(2))
		}, 1},
		"an output": {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 3) }, 1},
		"every step": {func(x *graph.Node) *graph.Node {
			return x.Slice([]int{0, 0, 0}, []int{graph.End, 4, 6}, []int{1, 1, 2}).Tanh()
		}, 1},
	} {
		g := graph.New()
		out := c.build(x(g))
		program := Program{Graph: g, Outputs: []*graph.Node{out}}
		called := compile(t, program, Config{Batch: 5}).called()
		if n := called["Slice"] + called["BroadcastTo"]; n != c.copies {
			t.Errorf("%s: %d copies, want %d: %v", name, n, c.copies, called)
		}
		samePasses(t, program, 5)
	}
}

func TestProductsReadTransposedMatricesWhereTheyAre(t *testing.T) {
	for name, build := range map[string]func(x, y *graph.Node) *graph.Node{
		"the left": func(x, y *graph.Node) *graph.Node { return x.Transpose().MatMul(y.Reshape(5, 12)) },
		"the right": func(x, y *graph.Node) *graph.Node {
			return x.Transpose().MatMulT(y.Reshape(12, 5).Transpose().Neg().Transpose(), false, true)
		},
		"both":       func(x, y *graph.Node) *graph.Node { return x.Transpose().MatMul(y.Reshape(12, 5).Transpose()) },
		"of a batch": func(x, y *graph.Node) *graph.Node { return y.BatchMatMul(y.Transpose(0, 2, 1), false, false) },
		"rows of all": func(_, y *graph.Node) *graph.Node {
			return y.MatMul(y.Graph().Input("w", tensor.Shape{6, 4}).Transpose())
		},
		"not transposed": func(x, y *graph.Node) *graph.Node { return x.Transpose().MatMulT(x.Transpose(), true, false) },
	} {
		g := graph.New()
		out := build(g.Input("x", tensor.Shape{5, 6}), g.Input("y", tensor.Shape{3, 5, 4}))
		program := Program{Graph: g, Outputs: []*graph.Node{out}}
		if err := g.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		called := compile(t, program, Config{}).called()
		most := 0
		if name == "the right" {
			most = 1 // Neg reads one that is copied
		}
		if called["Transpose"] > most {
			t.Errorf("%s: %v are called", name, called)
		}
		samePasses(t, program, 1)
	}
}

// Attention (Vaswani et al. 2017) splits its operands into heads by a transpose, which the
// products of matrices read where it comes from.
func TestHeadsOfAttentionAreNotCopied(t *testing.T) {
	const heads, size = 4, 6
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 5, heads * size})
	head := func(x *graph.Node) *graph.Node {
		return x.Reshape(batch, 5, heads, size).Transpose(0, 2, 1, 3)
	}
	x = x.MulScalar(0.01)
	q, k, v := head(x.Tanh()), head(x.Neg()), head(x.Exp())
	score := q.BatchMatMul(k, false, true).MulScalar(0.25).Softmax(-1)
	out := score.BatchMatMul(v, false, false)
	program := Program{Graph: g, Outputs: []*graph.Node{out, q.Transpose(0, 1, 3, 2).BatchMatMul(k, true, true).Transpose(0, 2, 1, 3)}}
	called := compile(t, program, Config{Batch: 3}).called()
	if called["Transpose"] > 0 || called["BroadcastTo"] > 1 {
		t.Errorf("%v are called", called)
	}
	samePasses(t, program, 3)
}
