package layer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

func chain(layers ...layer.Layer) (*layer.Network, error) {
	in := layer.Apply(layers[0])
	x := in
	for _, l := range layers[1:] {
		x = layer.Apply(l, x)
	}
	return layer.NewNetwork([]*layer.Node{in}, []*layer.Node{x})
}

func TestTheListingHasKerasNamesShapesAndCounts(t *testing.T) {
	n, err := chain(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	if err != nil {
		t.Fatal(err)
	}
	var names, paths []string
	for _, l := range n.Layers() {
		names = append(names, n.Name(l))
	}
	total := 0
	for _, v := range n.Variables() {
		paths = append(paths, v.Path+v.Shape.String())
		total += v.Shape.Numel()
	}
	if got, want := strings.Join(names, " "), "input_layer dense activation dropout dense_1 activation_1 dropout_1 dense_2 activation_2"; got != want {
		t.Errorf("names are %q, want %q", got, want)
	}
	if got, want := strings.Join(paths, " "), "dense/kernel(784, 256) dense/bias(256,) dense_1/kernel(256, 256) dense_1/bias(256,) dense_2/kernel(256, 10) dense_2/bias(10,)"; got != want {
		t.Errorf("variables are %q, want %q", got, want)
	}
	if total != 269322 {
		t.Errorf("%d parameters, want 269322", total)
	}

	g := graph.New()
	c := layer.NewContext(g, true)
	out := n.Trace(c, []*graph.Node{g.Input("x", tensor.Shape{tensor.Batch, 784})})
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	if out[0].Op() != graph.OpSoftmax || !out[0].Shape().Equal(tensor.Shape{tensor.Batch, 10}) {
		t.Errorf("the output is %v", out[0])
	}
}

func TestErrorsNameTheLayerItsInputAndTheUsersLine(t *testing.T) {
	for _, test := range []struct {
		layer layer.Layer
		want  string
	}{
		{&layer.Dense{Units: -5}, `layer "dense_1" (Dense) of (None, 4): Units is -5, it must be positive`},
		{&layer.Dropout{Rate: 1}, `layer "dropout" (Dropout) of (None, 4): Rate is 1, it must be at least 0 and less than 1`},
		{&layer.Reshape{TargetShape: tensor.Shape{3, -1}}, `layer "reshape" (Reshape) of (None, 4): the 4 elements of a sample do not fill TargetShape [3 -1]`},
		{&gram{}, `layer "gram" (gram) of (None, 4): the result: shape (None, None) has 2 symbolic dimensions, at most one is allowed`},
		{&layer.Activation{Name: "act"}, `layer "act" (Activation) of (None, 4): Func is nil: say which activation, activation.ReLU{} for one`},
	} {
		_, err := chain(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Units: 4}, test.layer)
		var e *layer.Error
		if !errors.As(err, &e) {
			t.Errorf("%v is no *layer.Error", err)
			continue
		}
		if !strings.HasSuffix(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "network_test.go:") {
			t.Errorf("got  %v\nwant %v", err, test.want)
		}
	}
}

// gram multiplies each sample of a batch with each.
type gram struct{}

func (*gram) Build(*layer.Builder, []tensor.Shape) error { return nil }
func (*gram) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].MatMulT(in[0], false, true)
}

func TestASharedLayerHasOneSetOfWeightsInAllNetworks(t *testing.T) {
	shared := &layer.Dense{Units: 2}
	a, err := chain(&layer.Input{Shape: tensor.Shape{3}}, shared, &layer.Dense{Units: 3}, shared)
	if err != nil {
		t.Fatal(err)
	}
	b, err := chain(&layer.Input{Shape: tensor.Shape{3}}, shared)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Variables()) != 4 || len(b.Variables()) != 2 || a.Variables()[0] != b.Variables()[0] {
		t.Errorf("variables %v and %v", a.Variables(), b.Variables())
	}
	if _, err := chain(&layer.Input{Shape: tensor.Shape{5}}, shared); err == nil || !strings.Contains(err.Error(), "(None, 5) and (3, 2)") {
		t.Errorf("an input of another width gives %v", err)
	}
}

// As in Keras, a layer keeps the name that it once had, unless another of the
// network has it.
func TestASharedLayerKeepsItsName(t *testing.T) {
	input := func() layer.Layer { return &layer.Input{Shape: tensor.Shape{3}} }
	shared, other := &layer.Dense{Units: 3}, &layer.Dense{Units: 3}
	for _, layers := range [][]layer.Layer{{input(), shared}, {input(), other}} {
		if _, err := chain(layers...); err != nil {
			t.Fatal(err)
		}
	}
	n, err := chain(input(), &layer.Dense{Units: 3}, shared, other, &layer.Dense{Units: 3, Name: "dense_1"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range n.Layers()[1:] {
		names = append(names, n.Name(l))
	}
	if got, want := strings.Join(names, " "), "dense_2 dense dense_3 dense_1"; got != want {
		t.Errorf("the names are %q, want %q", got, want)
	}
}

func TestTwoLayersOfOneNameAreAnError(t *testing.T) {
	_, err := chain(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Name: "a", Units: 1}, &layer.Flatten{Name: "a"})
	var e *layer.Error
	if !errors.As(err, &e) || e.Error() != `layer "a" (Flatten) of (None, 1), (None, 1): another layer, a Dense, has the same name: names must be unique in a network` {
		t.Errorf("got %v", err)
	}
}

type broken struct {
	Name string
	call func(c *layer.Context, in []*graph.Node) *graph.Node
}

func (*broken) Build(*layer.Builder, []tensor.Shape) error { return errors.New("out of order") }

type calls struct{ broken }

func (*calls) Build(*layer.Builder, []tensor.Shape) error            { return nil }
func (l *calls) Call(c *layer.Context, in []*graph.Node) *graph.Node { return l.call(c, in) }
func (l *broken) Call(*layer.Context, []*graph.Node) *graph.Node     { return nil }

type byValue struct{}

func (byValue) Build(*layer.Builder, []tensor.Shape) error          { return nil }
func (byValue) Call(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0] }

// Whatever a layer of the user's does, building says what was wrong and where.
func TestLayersThatMisbehaveAreErrors(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	does := func(f func(c *layer.Context, in []*graph.Node) *graph.Node) layer.Layer {
		return &calls{broken{call: f}}
	}
	for want, n := range map[string]*layer.Node{
		`layer "broken" (broken) of (None, 3): out of order`: layer.Apply(&broken{}, x),
		"Call returned no node":                              layer.Apply(does(func(*layer.Context, []*graph.Node) *graph.Node { return nil }), x),
		"Call returned a node of another graph": layer.Apply(does(func(*layer.Context, []*graph.Node) *graph.Node {
			return graph.New().Scalar(1)
		}), x),
		"a variable is nil: Build must declare it": layer.Apply(does(func(c *layer.Context, _ []*graph.Node) *graph.Node {
			return c.Value(nil)
		}), x),
		"a layer is a pointer to a struct":                                   layer.Apply(byValue{}, x),
		"it is nil: a layer is &layer.Dense{…}":                              layer.Apply((*layer.Dense)(nil), x),
		"an input is nil":                                                    layer.Apply(&layer.Flatten{}, nil),
		"an Input takes no nodes, and every other layer at least one; got 1": layer.Apply(&layer.Input{}, x),
		"every other layer at least one; got 0":                              layer.Apply(&layer.Flatten{}),
		"dimension 1 of shape [-1 -3] is negative":                           layer.Apply(&layer.Input{Shape: tensor.Shape{-3}}),
	} {
		if n.Err() == nil || !strings.Contains(n.Err().Error(), want) || !strings.HasPrefix(n.Err().Error(), "network_test.go:") {
			t.Errorf("got %v, want %s", n.Err(), want)
		}
		if after := layer.Apply(&layer.Flatten{}, n); after.Err() != n.Err() {
			t.Errorf("what follows says %v", after.Err())
		}
	}
}

func TestNetworksThatDoNotHoldTogetherAreErrors(t *testing.T) {
	x, other := layer.Apply(&layer.Input{Shape: tensor.Shape{3}}), layer.Apply(&layer.Input{Shape: tensor.Shape{4}})
	y := layer.Apply(&layer.Dense{Units: 2}, x)
	nodes := func(n ...*layer.Node) []*layer.Node { return n }
	for want, test := range map[string][2][]*layer.Node{
		"needs an input and an output, got 0 and 1":               {nil, nodes(y)},
		"an input or output of the network is nil":                {nodes(nil), nodes(y)},
		"depend on an Input of shape (None, 3) that is not among": {nodes(other), nodes(y)},
		"input 0 of the network is the output of a Dense":         {nodes(y), nodes(y)},
		"input 1 of the network is given twice":                   {nodes(x, x), nodes(y)},
	} {
		if _, err := layer.NewNetwork(test[0], test[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	n, err := layer.NewNetwork(nodes(x, other), nodes(y))
	if err != nil || len(n.Layers()) != 3 {
		t.Errorf("an input that nothing depends on: %v", err)
	}
}
