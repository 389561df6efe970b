package layer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// Types without fields, whose values may all have one address.
type (
	square  struct{}
	refuses struct{}
	flat    struct{}
)

func (*square) Build(*layer.Builder, []tensor.Shape) error          { return nil }
func (*square) Call(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0].Square() }

func (*refuses) Build(*layer.Builder, []tensor.Shape) error          { return errors.New("refuses is built") }
func (*refuses) Call(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0] }
func (*flat) Call(_ *layer.Context, in []*graph.Node) *graph.Node    { return in[0] }
func (*flat) Build(b *layer.Builder, in []tensor.Shape) error {
	if len(in[0]) != 2 {
		return b.Errorf("the input must be flat")
	}
	return nil
}

// A block has the address of its first field.
type block struct {
	dense layer.Dense
	scale *layer.Variable
}

func (l *block) Build(b *layer.Builder, in []tensor.Shape) error {
	l.scale = b.Variable("scale", tensor.Shape{1}, layer.VariableConfig{Initializer: initializer.Ones{}})
	return nil
}

func (l *block) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Mul(c.Value(l.scale))
}

func TestEveryLayerOfATypeWithoutFieldsIsBuilt(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	x = layer.Apply(&square{}, x)
	if y := layer.Apply(&refuses{}, x); y.Err() == nil || !strings.Contains(y.Err().Error(), "refuses is built") {
		t.Errorf("after one of another type: %v", y.Err())
	}
	x = layer.Apply(&flat{}, x)
	deep := layer.Apply(&layer.Reshape{TargetShape: tensor.Shape{3, 1}}, x)
	if y := layer.Apply(&flat{}, deep); y.Err() == nil || !strings.Contains(y.Err().Error(), "the input must be flat") {
		t.Errorf("after one of the same type: %v", y.Err())
	}
}

func TestLayersOfATypeWithoutFieldsHaveNamesOfTheirOwn(t *testing.T) {
	in := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	out := layer.Apply(&square{}, layer.Apply(&square{}, in))
	n, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{out})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range n.Layers() {
		names = append(names, n.Name(l))
	}
	if got := strings.Join(names[1:], " "); got != "square square_1" {
		t.Errorf("they are called %s", got)
	}
}

func TestALayerIsNotTakenForItsFirstField(t *testing.T) {
	l := &block{dense: layer.Dense{Units: 2}}
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	y := layer.Apply(&l.dense, layer.Apply(l, x))
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(n.Variables()); got != 3 {
		t.Errorf("there are %d variables, want the block's scale, and the kernel and the bias of its field", got)
	}
}
