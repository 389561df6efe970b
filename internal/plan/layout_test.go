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

// The four gates of a recurrent cell are read where the product has left them, and the
// steps of a sequence where they are in it.
func TestGatesAndStepsAreNotCopied(t *testing.T) {
	const steps = 10
	p := compile(t, lstm(steps), Config{Batch: 32})
	called := p.called()
	if n := called["Slice"] + called["Pad"] + called["Transpose"]; n > 0 || called["BroadcastTo"] > 2 {
		t.Errorf("%v are called: slices are copied", called)
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
		"a sum": {func(x *graph.Node) *graph.Node { return x.SliceAxis(2, 0, 3).Sum(2) }, 1},
		"two readers of one copy": {func(x *graph.Node) *graph.Node {
			s := x.SliceAxis(2, 0, 3)
			return s.Sum(2).Add(s.Softmax(-1).Sum(2))
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
