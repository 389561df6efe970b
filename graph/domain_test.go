package graph_test

// Which nodes can be held to integers, and which inputs that narrows.

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

func TestInputsAreHeldToIntegersThroughWhatMovesThem(t *testing.T) {
	for name, move := range map[string]func(x *graph.Node) *graph.Node{
		"itself":        func(x *graph.Node) *graph.Node { return x },
		"another shape": func(x *graph.Node) *graph.Node { return x.Reshape(batch, 2, 3) },
		"another order": func(x *graph.Node) *graph.Node { return x.Reshape(batch, 2, 3).Transpose(0, 2, 1) },
		"a part":        func(x *graph.Node) *graph.Node { return x.Slice([]int{0, 1}, []int{batch, 3}, []int{1, 1}) },
		"twice":         func(x *graph.Node) *graph.Node { return graph.Concat(1, x, x) },
		"with constants": func(x *graph.Node) *graph.Node {
			return graph.Concat(1, x.Graph().Const(make([]float32, 2), 1, 2).BroadcastTo(tensor.Shape{batch, 2}), x)
		},
	} {
		g := graph.New()
		x, other := g.Input("x", tensor.Shape{batch, 6}), g.Input("other", tensor.Shape{batch})
		moved := move(x)
		if n := moved.Integers(5); n != moved || g.Err() != nil {
			t.Errorf("%s: %v, %v", name, n, g.Err())
		}
		if d := x.Attr().Domain; d.N != 5 || other.Attr().Domain.N != 0 {
			t.Errorf("%s: the input holds %+v", name, d)
		}
	}
}

func TestTheNarrowestDomainHolds(t *testing.T) {
	g := graph.New()
	x := g.Integers("x", tensor.Shape{batch}, 10, -1)
	for bound, want := range map[int]int{20: 10, 7: 7} {
		if x.Integers(bound); x.Attr().Domain.N > want {
			t.Errorf("after %d it is %+v", bound, x.Attr().Domain)
		}
	}
	if d := x.Attr().Domain; d.N != 7 || d.Has(-1) {
		t.Errorf("-1 is still in %+v", d)
	}
}

func TestADomainHasWholeNumbersBelowItsBound(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	d := graph.Domain{N: 3, Others: []int{-1, 255}}
	for _, v := range []float32{0, float32(math.Copysign(0, -1)), 1, 2, -1, 255} {
		if !d.Has(v) {
			t.Errorf("%v is not in it", v)
		}
	}
	for _, v := range []float32{3, 0.5, -2, 254, inf, -inf, nan, 1e30, -1e30, 0x1p63, -0x1p63, 0x1p31, -0x1p31, 1e-40} {
		if d.Has(v) {
			t.Errorf("%v is in it", v)
		}
	}
	if any := (graph.Domain{}); !any.Has(nan) || !any.Has(0.5) {
		t.Error("an input holds any numbers")
	}
}

func TestWhatIsComputedIsHeldToIntegersOnlyIfItIsSome(t *testing.T) {
	tooMany := math.MaxInt32
	tooMany++ // where an int has 32 bits, it is less than 1
	for name, c := range map[string]struct {
		node func(x *graph.Node) *graph.Node
		want string
	}{
		"a sum":              {func(x *graph.Node) *graph.Node { return x.AddScalar(1) }, "Add may hold other numbers than integers from 0 to 2"},
		"one of three":       {func(x *graph.Node) *graph.Node { return x.ArgMax(1) }, ""},
		"one of six":         {func(x *graph.Node) *graph.Node { return graph.Concat(1, x, x).ArgMax(1) }, "ArgMax may hold"},
		"a comparison":       {func(x *graph.Node) *graph.Node { return x.Less(x.Graph().Scalar(1)) }, ""},
		"constants":          {func(x *graph.Node) *graph.Node { return x.Graph().Const([]float32{0, 2}, 2) }, ""},
		"other constants":    {func(x *graph.Node) *graph.Node { return x.Graph().Const([]float32{0, 3}, 2) }, "Const may hold"},
		"no integers":        {func(x *graph.Node) *graph.Node { return x.Integers(0) }, "must be at least 1"},
		"too many":           {func(x *graph.Node) *graph.Node { return x.Integers(tooMany) }, "at most 2147483647"},
		"no integers at all": {func(x *graph.Node) *graph.Node { return x.Graph().Integers("y", tensor.Shape{batch}, -1) }, `input "y"`},
		"a weight":           {func(x *graph.Node) *graph.Node { return x.Graph().Param("w", tensor.Shape{3}) }, "Param may hold"},
	} {
		g := graph.New()
		c.node(g.Input("x", tensor.Shape{batch, 3})).Integers(3)
		if err := g.Err(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

func TestIntegersBeyondWhatFloat32TellsApart(t *testing.T) {
	d := graph.Domain{N: 1 << 30}
	for _, i := range []int{0, 1<<24 + 1, 1<<30 - 1} {
		if !d.HasInteger(i) {
			t.Errorf("%d is not in it", i)
		}
	}
	if !d.Has(1<<24) || d.Has(1<<24+2) || d.HasInteger(1<<30) || d.HasInteger(-1) {
		t.Error("a float32 beyond 2²⁴ is in it, or 2²⁴ is not, or an integer beyond its bound is")
	}
	g := graph.New()
	x, other := g.Input("x", tensor.Shape{batch}), g.Input("other", tensor.Shape{batch})
	x.Integers(1 << 30)
	if !x.StoreIntegers() || x.Attr().DType != graph.Int32 || other.StoreIntegers() || x.Neg().StoreIntegers() || (*graph.Node)(nil).StoreIntegers() {
		t.Errorf("x is stored as %v, other as %v", x.Attr().DType, other.Attr().DType)
	}
}
