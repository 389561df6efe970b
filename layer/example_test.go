package layer_test

import (
	"fmt"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Scale multiplies every feature by a factor that is learned.
type Scale struct {
	Name   string
	Frozen bool

	factor *layer.Variable
}

func (l *Scale) Build(b *layer.Builder, in []tensor.Shape) error {
	if len(in) != 1 || len(in[0]) < 2 {
		return b.Errorf("takes one input with an axis beside the batch")
	}
	features := in[0][len(in[0])-1]
	l.factor = b.Variable("factor", tensor.Shape{features}, layer.VariableConfig{Initializer: initializer.Ones{}})
	return nil
}

func (l *Scale) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Mul(c.Value(l.factor))
}

// A layer of one's own, in a network that branches.
func Example() {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{4}})
	a := layer.Apply(&layer.Dense{Units: 8, Activation: activation.ReLU{}}, x)
	b := layer.Apply(&Scale{}, a)
	y := layer.Apply(&layer.Add{}, a, b)
	network, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range network.Layers() {
		fmt.Println(network.Name(l))
	}
	for _, v := range network.Variables() {
		fmt.Println(v.Path, v.Shape)
	}
	// Output:
	// input_layer
	// dense
	// scale
	// add
	// dense/kernel (4, 8)
	// dense/bias (8,)
	// scale/factor (8,)
}

// A block of a transformer's encoder: each step looks at all steps.
func ExampleMultiHeadAttention() {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{16, 32}})
	x = layer.Apply(&layer.Add{}, x, layer.Apply(&layer.SinePositionEncoding{}, x))
	y := layer.Apply(&layer.MultiHeadAttention{NumHeads: 4, KeyDim: 8}, x, x)
	x = layer.Apply(&layer.LayerNormalization{}, layer.Apply(&layer.Add{}, x, y))
	y = layer.Apply(&layer.Dense{Units: 64, Activation: activation.ReLU{}}, x)
	y = layer.Apply(&layer.Dense{Units: 32}, y)
	x = layer.Apply(&layer.LayerNormalization{}, layer.Apply(&layer.Add{}, x, y))
	fmt.Println(x.Shape(), x.Err())
	// Output: (None, 16, 32) <nil>
}
