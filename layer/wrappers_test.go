package layer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestWhatALayerCannotWrapSaysWhy(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	flat := layer.Apply(&layer.Input{Shape: tensor.Shape{3}})
	rnn := &layer.SimpleRNN{Units: 2}
	for _, c := range []struct {
		layer layer.Layer
		in    *layer.Node
		want  string
	}{
		{&layer.Bidirectional{}, x, "Layer is nil"},
		{&layer.Bidirectional{Layer: &layer.Dense{Units: 2}}, x, "has no field GoBackwards"},
		{&layer.Bidirectional{Layer: rnn, MergeMode: "avg"}, x, `MergeMode is "avg"`},
		{&layer.Bidirectional{Layer: rnn, BackwardLayer: &layer.GRU{Units: 2}}, x, "GoBackwards is false of both"},
		{&layer.Bidirectional{Layer: rnn, BackwardLayer: &layer.GRU{Units: 2, GoBackwards: true, ReturnState: true}}, x, "must be the same of both"},
		{&layer.Bidirectional{Layer: rnn}, flat, "takes a sequence"},
		{&layer.TimeDistributed{}, x, "Layer is nil"},
		{&layer.TimeDistributed{Layer: &layer.Dense{Units: 2}}, flat, "takes one sequence"},
		{&layer.TimeDistributed{Layer: &layer.Dense{}}, x, "Units is 0"},
	} {
		if err := layer.Apply(c.layer, c.in).Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.layer, err, c.want)
		}
	}
}

// With none there are two outputs, and the states of both layers come after and go in as they come out.
func TestStatesOfBothDirectionsGoInAsTheyComeOut(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	l := &layer.Bidirectional{Layer: &layer.LSTM{Units: 4, ReturnSequences: true, ReturnState: true}, MergeMode: "none"}
	y := layer.ApplyAll(l, x)
	again := layer.ApplyAll(l, append([]*layer.Node{x}, y[2:]...)...)
	n, err := layer.NewNetwork([]*layer.Node{x}, again)
	if err != nil {
		t.Fatal(err)
	}
	want := "[(None, 3, 4) (None, 3, 4) (None, 4) (None, 4) (None, 4) (None, 4)]"
	var shapes []tensor.Shape
	for _, node := range again {
		shapes = append(shapes, node.Shape())
	}
	if got := fmt.Sprint(shapes); got != want {
		t.Errorf("the shapes are %s, want %s", got, want)
	}
	var paths []string
	for _, v := range n.Variables() {
		paths = append(paths, v.Path)
	}
	if got := strings.Join(paths, " "); !strings.HasPrefix(got, "bidirectional/forward_lstm/kernel") || !strings.Contains(got, " bidirectional/backward_lstm/kernel") {
		t.Errorf("the variables are %s", got)
	}
	l.Frozen = true
	if list := n.TrainableVariables(); len(list) > 0 {
		t.Errorf("frozen, it trains %d variables", len(list))
	}
}

// A frozen TimeDistributed keeps the statistics of what is in it.
func TestAFrozenWrapperFreezesWhatIsInIt(t *testing.T) {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{3, 2}})
	l := &layer.TimeDistributed{Layer: &layer.BatchNormalization{}}
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(l, x)})
	if err != nil {
		t.Fatal(err)
	}
	for _, frozen := range []bool{false, true} {
		l.Frozen = frozen
		g := graph.New()
		c := layer.NewContext(g, true)
		n.Trace(c, []*graph.Node{g.Input("x", x.Shape())})
		if got := len(c.Updates()) == 0; got != frozen {
			t.Errorf("frozen %v: it updates %d variables", frozen, len(c.Updates()))
		}
	}
}
