package cornu_test

// This file tests recurrent networks of cells of one's own.

import (
	"context"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A leakyCell forgets at the same rate all the time.
type leakyCell struct {
	Name   string
	Frozen bool
	Units  int
	Rate   float64

	kernel *layer.Variable
}

func init() { layer.Register("tests>LeakyCell", func() layer.Layer { return &leakyCell{} }) }

func (l *leakyCell) Build(b *layer.Builder, in []tensor.Shape) error {
	l.kernel = b.Variable("kernel", tensor.Shape{in[0][1] + l.Units, l.Units}, layer.VariableConfig{})
	return nil
}

func (l *leakyCell) Call(c *layer.Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

func (l *leakyCell) CallAll(c *layer.Context, in []*graph.Node) []*graph.Node {
	h := in[1].MulScalar(l.Rate).Add(graph.Concat(1, in...).MatMul(c.Value(l.kernel)).Tanh())
	return []*graph.Node{h.Square(), h}
}

func (l *leakyCell) StateShapes() []tensor.Shape { return []tensor.Shape{{l.Units}} }

func TestACellOfOnesOwnIsTrainedAndComesBackFromAFile(t *testing.T) {
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{5, 3}},
		&layer.RNN{Cell: &leakyCell{Units: 4, Rate: 0.5}, ReturnSequences: true},
		&layer.Bidirectional{Layer: &layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{
			&layer.LSTMCell{Units: 3}, &leakyCell{Units: 2, Rate: 0.25}, &layer.LSTMCell{Units: 3},
		}}}},
		&layer.Dense{Units: 2},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{LearningRate: 0.01}}); err != nil {
		t.Fatal(err)
	}
	first := fit(t, &model.Model, &data.Arrays{X: []data.Column{column(t, wave(24*15, 1), 5, 3)}, Y: []data.Column{column(t, wave(24*2, 2), 2)}}, cornu.FitConfig{Epochs: 3, BatchSize: 8}).Values["loss"]
	if !(first[2] < first[0]) {
		t.Errorf("the losses are %v", first)
	}
	x := tensorOf(t, wave(7*15, 3), 7, 5, 3)
	want, err := model.Predict(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model.keras", "model.h5"} {
		again := reloaded(t, &model.Model, name)
		got, err := again.Predict(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(floats(t, got), floats(t, want)) {
			t.Errorf("%s predicts %v, want %v", name, floats(t, got), floats(t, want))
		}
	}
}
