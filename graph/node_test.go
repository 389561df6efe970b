package graph_test

// What a graph says of its nodes.

import (
	"fmt"
	"math"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

func TestNodesAreInOrder(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 3})
	graph.Gradients(x.Softmax(-1).Square().Mean(), x)
	for i, n := range g.Nodes() {
		if n.ID() != i {
			t.Errorf("node %d is at %d", n.ID(), i)
		}
		for _, in := range n.Inputs() {
			if in.ID() >= i {
				t.Errorf("node %d uses node %d", i, in.ID())
			}
		}
	}
}

// key is equal for two nodes of one graph by which they hold equal values, as the compiler sees it: inputs and
// parameters are equal only to themselves.
func key(n *graph.Node) string {
	var list []int
	if n.Op().Leaf() && n.Op() != graph.OpConst {
		list = append(list, n.ID())
	}
	for _, in := range n.Inputs() {
		list = append(list, in.ID())
	}
	return fmt.Sprint(n.Op(), list, n.Attr().Key(), n.Shape())
}

func TestKeysAreEqualWhereValuesAre(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{batch, 3}), g.Input("x", tensor.Shape{batch, 3})
	long := make([]float32, 100)
	for _, c := range []struct {
		name  string
		a, b  *graph.Node
		equal bool
	}{
		{"the same op of the same node", x.Exp(), x.Exp(), true},
		{"another op", x.Exp(), x.Log(), false},
		{"another node", x.Exp(), y.Exp(), false},
		{"two inputs of one name", x, y, false},
		{"axes counted from either end", x.Sum(1), x.Sum(-1), true},
		{"axes kept or not", x.Sum(1), x.SumKeep(1), false},
		{"operands in another order", x.Add(y), y.Add(x), false},
		{"equal constants", g.Scalar(2), g.Scalar(2), true},
		{"a constant of another shape", g.Scalar(2), g.Const([]float32{2}, 1), false},
		{"zeros of both signs", g.Scalar(0), g.Scalar(math.Copysign(0, -1)), false},
		{"equal long constants", g.Const(long, 100), g.Const(long, 100), true},
		{"another long constant", g.Const(long, 100), g.Const(append([]float32{1}, long[1:]...), 100), false},
		{"another NaN", g.Const([]float32{float32(math.NaN())}), g.Const([]float32{math.Float32frombits(0x7FC00001)}), false},
		{"empty constants", g.Const(nil, 0), g.Const([]float32{}, 0), true},
		{"one stream", x.Dropout(0.5, 1), x.Dropout(0.5, 1), true},
		{"two streams", x.Dropout(0.5, 1), x.Dropout(0.5, 2), false},
		{"two draws", x.RandomUniform(), x.RandomUniform(), false},
		{"another target of a reshape", x.Reshape(batch, 1, 3), x.Reshape(batch, 3, 1), false},
		{"another clip", graph.SoftmaxCrossentropy(x, y, 0, false), graph.SoftmaxCrossentropy(x, y, 1e-7, false), false},
		{"a step that makes no difference", x.Slice([]int{0, 0}, []int{batch, 1}, []int{1, 1}), x.Slice([]int{0, 0}, []int{batch, 1}, []int{1, 2}), true},
	} {
		if !c.a.Valid() || !c.b.Valid() {
			t.Fatalf("%s: %v", c.name, g.Err())
		}
		if equal := key(c.a) == key(c.b); equal != c.equal {
			t.Errorf("%s: equal is %v: %q and %q", c.name, equal, key(c.a), key(c.b))
		}
	}
}

func TestWhatWouldChangeNothingIsNotMade(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 3})
	for name, n := range map[string]*graph.Node{
		"Reshape":     x.Reshape(batch, 3),
		"BroadcastTo": x.BroadcastTo(tensor.Shape{batch, 3}),
		"Dropout":     x.Dropout(0, 1),
	} {
		if n != x {
			t.Errorf("%s made %v", name, n)
		}
	}
	if n := x.Numel(1); n.Op() != graph.OpConst || n.Attr().Data[0] != 3 {
		t.Errorf("the size of a known axis is %v", n)
	}
}

func TestAttributesAreCopied(t *testing.T) {
	g := graph.New()
	data, shape, axes := []float32{1, 2}, tensor.Shape{batch, 2}, []int{0}
	c, x := g.Const(data, 2), g.Input("x", shape)
	s := x.Sum(axes...)
	data[0], shape[1], axes[0] = 7, 7, 1
	if c.Attr().Data[0] != 1 || x.Shape()[1] != 2 || s.Attr().Axes[0] != 0 {
		t.Error("a node changed with its caller's slice")
	}
}

func TestScopesNest(t *testing.T) {
	g := graph.New()
	g.PopScope() // of nothing
	g.PushScope("encoder")
	g.PushScope("dense")
	inner := g.Scalar(1)
	g.PopScope()
	outer := g.Scalar(1)
	g.PopScope()
	none := g.Scalar(1)
	if inner.Scope() != "encoder/dense" || outer.Scope() != "encoder" || none.Scope() != "" {
		t.Errorf("the scopes are %q, %q, %q", inner.Scope(), outer.Scope(), none.Scope())
	}
}

func TestStreamsAreNumberedInOrder(t *testing.T) {
	g := graph.New()
	for want := range uint16(0x8000) {
		if got := g.NextStream(); got != want {
			t.Fatalf("got stream %d, want %d", got, want)
		}
	}
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	g.NextStream()
	if g.Err() == nil {
		t.Error("there is no end of streams")
	}
}

func TestANodeDescribesItself(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 784})
	w := g.Param("w", tensor.Shape{784, 10})
	for _, c := range []struct {
		node *graph.Node
		want string
	}{
		{x.MatMul(w), "%2 = MatMul(%0, %1) (None, 10)"},
		{w.Sum(0), "%3 = Sum(%1) {axes=[0]} (10,)"},
		{g.Scalar(.5), "%4 = Const() {shape=() data=[0.5]} ()"},
		{g.Fail("no"), "%! = invalid"},
	} {
		if got := c.node.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestAxesOfOneAreAppended(t *testing.T) {
	x := graph.New().Input("x", tensor.Shape{tensor.Batch, 3})
	if y := x.WithRank(4); !y.Shape().Equal(tensor.Shape{tensor.Batch, 3, 1, 1}) {
		t.Errorf("it has the shape %v", y.Shape())
	}
	if y := x.WithRank(1); y != x {
		t.Errorf("with as many axes it is %v", y.Shape())
	}
	if y := x.WithRank(math.MaxInt); y.Valid() {
		t.Errorf("too many axes give the shape %v", y.Shape())
	}
}
