package viz

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// listing is the network of the book's listing 1.3.2.
func listing() *cornu.Sequential {
	return cornu.NewSequential(
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
}

// branched is the network of that name in the scripts of internal/golden.
func branched() *cornu.Model {
	left := cornu.Apply(&layer.Input{Name: "left", Shape: tensor.Shape{16}})
	right := cornu.Apply(&layer.Input{Name: "right", Shape: tensor.Shape{16}})
	shared := &layer.Dense{Units: 32, Activation: activation.ReLU{}}
	joined := cornu.Apply(&layer.Concatenate{}, cornu.Apply(shared, left), cornu.Apply(shared, right))
	hidden := cornu.Apply(&layer.Dense{Units: 64, Name: "a_layer_with_quite_a_long_name_indeed"}, joined)
	added := cornu.Apply(&layer.Add{}, joined, hidden)
	frozen := cornu.Apply(&layer.Dense{Units: 8, Frozen: true}, added)
	kind := cornu.Apply(&layer.Dense{Units: 3, Activation: activation.Softmax{}, Name: "kind"}, frozen)
	size := cornu.Apply(&layer.Dense{Units: 1, Name: "size"}, added)
	return cornu.NewModel([]*cornu.Node{left, right}, []*cornu.Node{kind, size})
}

func TestTheTextForGraphvizIsKeras3s(t *testing.T) {
	file := golden.Load(t, "texts")
	for name, model := range map[string]Model{"listing": listing(), "branched": branched()} {
		want := file.Case(t, name).Texts
		for key, d := range map[string]Diagram{
			"dot":                                    {HideShapes: true},
			"dot with shapes":                        {},
			"dot with shapes, names and activations": {Activations: true},
		} {
			d.Model = model
			if got := dot(t, d); got != want[key] {
				t.Errorf("%s, %s:\n%s\nwant\n%s", name, key, got, want[key])
			}
		}
	}
}

// numbered gives the layers the names that Keras 2.2 would: dense_1, dense_2.
func numbered(t *testing.T, m Model) Model {
	t.Helper()
	used := map[string]int{}
	n := m.Network()
	for _, l := range n.Layers() {
		if _, ok := l.(*layer.Input); ok || layer.Name(l) != "" {
			continue
		}
		name := strings.ToLower(layer.Class(l))
		used[name]++
		reflect.ValueOf(l).Elem().FieldByName("Name").SetString(fmt.Sprintf("%s_%d", name, used[name]))
	}
	n, err := layer.NewNetwork(n.Inputs(), n.Outputs())
	if err != nil {
		t.Fatal(err)
	}
	return network{n}
}

type network struct{ n *layer.Network }

func (n network) Network() *layer.Network { return n.n }

func TestTheTextForGraphvizIsKeras2s(t *testing.T) {
	file := golden.Load(t, "keras2")
	for key, hide := range map[string]bool{"dot": true, "dot with shapes": false} {
		want := file.Case(t, "texts of branched").Texts[key]
		if got := dot(t, Diagram{Model: numbered(t, branched()), Style: layer.Keras2, HideShapes: hide}); got != want {
			t.Errorf("branched, %s:\n%s\nwant\n%s", key, got, want)
		}
	}
	// Keras 2.2.4 has an edge from a box without a label to a Sequential's first layer. Ours is the input's, as in the
	// releases before, and comes first.
	got := dot(t, Diagram{Model: numbered(t, listing()), Style: layer.Keras2})
	if !strings.Contains(got, `n0 [label="input_layer: InputLayer\n|{input:|output:}|{{(None, 784)}|{(None, 784)}}"];`) {
		t.Errorf("no box for the input in\n%s", got)
	}
	for line := range strings.Lines(file.Case(t, "texts of listing").Texts["dot with shapes"]) {
		if _, label, ok := strings.Cut(line, "["); ok && !strings.Contains(got, label) {
			t.Errorf("no %s in\n%s", label, got)
		}
	}
	if n := strings.Count(got, " -> "); n != 8 {
		t.Errorf("%d edges, want 8", n)
	}
}

// recurrent is a network whose layers take what they have put out themselves.
func recurrent() *cornu.Model {
	x := cornu.Input(6)
	in, again, other := x, &layer.Dense{Units: 6}, &layer.Dense{Units: 6}
	for _, l := range []layer.Layer{again, again, other, again} {
		x = cornu.Apply(l, x)
	}
	return cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 1}, x)})
}

func TestADiagramMayLeadBack(t *testing.T) {
	text := dot(t, Diagram{Model: recurrent()})
	for _, edge := range []string{"n0 -> n1 ", "n1 -> n1 ", "n2 -> n1 ", "n1 -> n2 ", "n1 -> n3 "} {
		if strings.Count(text, edge) != 1 {
			t.Errorf("the edge %sis not there once:\n%s", edge, text)
		}
	}
}

func TestADiagramOfAnUnbuiltModelIsAnError(t *testing.T) {
	for _, m := range []Model{nil, cornu.NewSequential(&layer.Dense{Units: 3})} {
		if _, err := (Diagram{Model: m}).DOT(); err == nil || !strings.Contains(err.Error(), "not built") {
			t.Errorf("DOT: %v", err)
		}
		if err := Save(t.TempDir()+"/model.png", Diagram{Model: m}); err == nil || !strings.Contains(err.Error(), "not built") {
			t.Errorf("Save: %v", err)
		}
	}
}

func dot(t *testing.T, d Diagram) string {
	t.Helper()
	text, err := d.DOT()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A model that is a layer is one box, with the shapes of all its outputs; each layer that takes one of them has one arrow.
func TestADiagramShowsAModelAsALayer(t *testing.T) {
	e := cornu.Input(3)
	inner := cornu.NewModel([]*cornu.Node{e}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 2}, e), cornu.Apply(&layer.Dense{Units: 2}, e)})
	inner.Name = "encoder"
	inner.AsLayer().Frozen = true
	x := layer.Apply(&layer.Input{Name: "x", Shape: tensor.Shape{3}})
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&layer.Add{}, cornu.ApplyAll(inner.AsLayer(), x)...)})
	text := dot(t, Diagram{Model: model, Trainable: true})
	for _, part := range []string{"encoder", "Functional", "[(None, 2), (None, 2)]", "Non-trainable"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	if n := strings.Count(text, " -> "); n != 2 {
		t.Errorf("%d arrows, want 2:\n%s", n, text)
	}
}

// A model that is a layer may be a frame around its layers: arrows lead to its inputs and from its outputs.
func TestADiagramMayShowWhatIsInAModel(t *testing.T) {
	e := cornu.Apply(&layer.Input{Name: "e", Shape: tensor.Shape{3}})
	core := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Dense{Name: "deep", Units: 2})
	core.Name = "core"
	mean := cornu.Apply(&layer.Dense{Name: "mean", Units: 2}, e)
	inner := cornu.NewModel([]*cornu.Node{e}, []*cornu.Node{mean, cornu.Apply(core.AsLayer(), e)})
	inner.Name = "encoder"
	x := cornu.Apply(&layer.Input{Name: "x", Shape: tensor.Shape{3}})
	outputs := cornu.ApplyAll(inner.AsLayer(), x)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&layer.Add{Name: "sum"}, outputs...), outputs[0]})
	d := Diagram{Model: model, ExpandNested: true, HideShapes: true}
	c, err := d.chart()
	if err != nil {
		t.Fatal(err)
	}
	var edges []string
	for _, edge := range distinct(c.edges) {
		edges = append(edges, c.boxes[edge.From].name+" -> "+c.boxes[edge.To].name)
	}
	slices.Sort(edges)
	want := []string{"deep -> sum", "e -> input_layer", "e -> mean", "input_layer -> deep", "mean -> sum", "x -> e"}
	if !slices.Equal(edges, want) {
		t.Errorf("the arrows are %q, want %q", edges, want)
	}
	var frames []string
	for _, f := range c.frames {
		names := f.name + ":"
		for _, i := range f.members {
			names += " " + c.boxes[i].name
		}
		frames = append(frames, names)
	}
	if want := []string{"core: input_layer deep", "encoder: e mean input_layer deep"}; !slices.Equal(frames, want) {
		t.Errorf("the frames are %q, want %q", frames, want)
	}
	if text := dot(t, d); strings.Count(text, "subgraph cluster_") != 2 {
		t.Errorf("no two clusters in\n%s", text)
	}
	var picture bytes.Buffer
	if err := Write(&picture, PNG, d); err != nil {
		t.Error(err)
	}
}
