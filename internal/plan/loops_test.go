package plan

// This file holds what recurrent layers are trained by to the loops that there are for it. A program that finds none is interpreted, to the
// same bits: nothing else would tell.

import (
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// loops returns the loops of the elementwise programs of a plan, and what those compute that have none.
func (p *Plan) loops() (named, interpreted []string) {
	storage := map[*graph.Node][]float32{}
	for _, n := range p.program.Graph.Nodes() {
		if n.Op() == graph.OpParam {
			storage[n] = make([]float32, n.Shape().Numel())
		}
	}
	for n, stride := range p.program.Windows {
		storage[n] = make([]float32, p.config.Batch*stride)
	}
	e := p.Bind(held(storage))
	for _, u := range p.units {
		if len(u.members) == 0 || !u.called() {
			continue
		}
		if name := u.program(e.data, e).Loop(); name != "" {
			named = append(named, name)
			continue
		}
		var b strings.Builder
		u.dump(&b)
		interpreted = append(interpreted, b.String())
	}
	return named, interpreted
}

// trainedLayers returns the plan of the loss of layers, one behind the other, and its derivative.
func trainedLayers(t *testing.T, in tensor.Shape, layers ...layer.Layer) *Plan {
	t.Helper()
	x := layer.Apply(&layer.Input{Shape: in})
	y := x
	for _, l := range layers {
		y = layer.Apply(l, y)
	}
	n, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	c := layer.NewContext(g, true)
	loss := n.Trace(c, []*graph.Node{g.Input("x", append(tensor.Shape{batch}, in...))})[0].Square().Mean()
	var weights []*graph.Node
	for _, v := range n.Variables() {
		weights = append(weights, c.Value(v))
	}
	return compile(t, Program{Graph: g, Outputs: append(graph.Gradients(loss, weights...), loss)}, Config{Batch: 64})
}

func TestTrainedRecurrentLayersFindTheirLoops(t *testing.T) {
	simple := func(l layer.SimpleRNN) layer.Layer { l.Units = 32; return &l }
	lstm := func(l layer.LSTM) layer.Layer { l.Units = 32; return &l }
	gru := func(l layer.GRU) layer.Layer { l.Units = 32; return &l }
	both := func(l layer.Layer) layer.Layer { return &layer.Bidirectional{Layer: l} }
	for _, c := range []struct {
		name        string
		layers      []layer.Layer
		loops       string
		interpreted int // how many programs have no loop
	}{
		{"SimpleRNN", []layer.Layer{simple(layer.SimpleRNN{})}, "BiasTanh TanhGrad", 0},
		{"SimpleRNN, dropout", []layer.Layer{simple(layer.SimpleRNN{Dropout: 0.2})}, "BiasTanh TanhGrad", 0},
		{"SimpleRNN, sequences", []layer.Layer{simple(layer.SimpleRNN{ReturnSequences: true})}, "BiasTanh TanhGradSequence", 0},
		{"SimpleRNN, backwards", []layer.Layer{simple(layer.SimpleRNN{GoBackwards: true})}, "BiasTanh TanhGrad", 0},
		{"SimpleRNN, both ways", []layer.Layer{both(simple(layer.SimpleRNN{}))}, "BiasTanh TanhGrad", 0},
		{"LSTM", []layer.Layer{lstm(layer.LSTM{})}, "Bias LSTMGrad LSTMKept", 0},
		{"LSTM, no bias, dropout", []layer.Layer{lstm(layer.LSTM{NoBias: true, Dropout: 0.2})}, "Bias LSTMGrad LSTMKept", 0},
		{"LSTM, sequences", []layer.Layer{lstm(layer.LSTM{ReturnSequences: true})}, "Bias LSTMGradSequence LSTMKept", 0},
		{"LSTM, backwards", []layer.Layer{lstm(layer.LSTM{GoBackwards: true})}, "Bias LSTMGrad LSTMKept", 0},
		{"LSTM, both ways", []layer.Layer{both(lstm(layer.LSTM{}))}, "Bias LSTMGrad LSTMKept", 0},
		{"LSTM, both ways, sequences", []layer.Layer{both(lstm(layer.LSTM{ReturnSequences: true}))}, "Bias LSTMGradSequence LSTMKept", 0},
		{"two LSTMs", []layer.Layer{lstm(layer.LSTM{ReturnSequences: true}), lstm(layer.LSTM{})}, "Bias LSTMGrad LSTMGradSequence LSTMKept", 0},
		{"GRU", []layer.Layer{gru(layer.GRU{})}, "Bias GRUGrad GRUKept", 0},
		{"GRU, dropout", []layer.Layer{gru(layer.GRU{Dropout: 0.2})}, "Bias GRUGrad GRUKept", 0},
		{"GRU, sequences", []layer.Layer{gru(layer.GRU{ReturnSequences: true})}, "Bias GRUGradSequence GRUKept", 0},
		{"GRU, both ways", []layer.Layer{both(gru(layer.GRU{}))}, "Bias GRUGrad GRUKept", 0},
		{"two GRUs", []layer.Layer{gru(layer.GRU{ReturnSequences: true}), gru(layer.GRU{})}, "Bias GRUGrad GRUGradSequence GRUKept", 0},
		{"GRU, reset before", []layer.Layer{gru(layer.GRU{ResetBefore: true})}, "BiasAdd GRUMixed GRUMixedGrad GRUReset GRUResetGrad", 1},
		{"GRU, reset before, sequences", []layer.Layer{gru(layer.GRU{ResetBefore: true, ReturnSequences: true})}, "BiasAdd GRUMixed GRUMixedGradSequence GRUReset GRUResetGrad", 1},
		// Steps that don't count leave the state as it is, by programs of their own; what is dropped of the state is multiplied apart.
		{"SimpleRNN, masked", []layer.Layer{&layer.Masking{}, simple(layer.SimpleRNN{})}, "Bias", 2},
		{"LSTM, masked", []layer.Layer{&layer.Masking{}, lstm(layer.LSTM{})}, "Bias", 2},
		{"GRU, masked", []layer.Layer{&layer.Masking{}, gru(layer.GRU{})}, "Bias BiasAdd", 2},
		{"SimpleRNN, recurrent dropout", []layer.Layer{simple(layer.SimpleRNN{RecurrentDropout: 0.2})}, "BiasTanh TanhGrad", 3},
		{"LSTM, recurrent dropout", []layer.Layer{lstm(layer.LSTM{RecurrentDropout: 0.2})}, "Bias LSTMGrad LSTMKept", 12},
	} {
		p := trainedLayers(t, tensor.Shape{5, 16}, c.layers...)
		cputest.EachTier(t, func(t *testing.T) {
			if isa.Active() == isa.Generic {
				t.Skip("there are no loops")
			}
			var all, others []string
			for _, v := range p.values {
				for _, b := range v.bodies {
					named, interpreted := b.loops()
					all = append(all, named...)
					others = append(others, interpreted...)
				}
			}
			if len(others) != c.interpreted {
				t.Errorf("%s: programs without a loop are %d, want %d:\n%s", c.name, len(others), c.interpreted, strings.Join(others, ""))
			}
			slices.Sort(all)
			if got := strings.Join(slices.Compact(all), " "); got != c.loops {
				t.Errorf("%s: the loops are %s, want %s", c.name, got, c.loops)
			}
		})
	}
}
