package graph_test

// Bodies of scans: what they may be, and derivatives of recurrent networks in small.

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

// simple is a step of h = tanh(x + h·W + b).
func simple(state, x, c nodes) (next, outputs nodes) {
	return nodes{x[0].Add(state[0].MatMul(c[0])).Add(c[1]).Tanh()}, nil
}

// gated is a step of an LSTM whose gates come from one product, with a mask on the state.
func gated(state, x, c nodes) (next, outputs nodes) {
	h, cell := state[0], state[1]
	n := h.Shape()[1]
	z := x[0].Add(h.Mul(c[1]).MatMul(c[0]))
	gate := func(i int) *graph.Node { return z.SliceAxis(1, i*n, (i+1)*n) }
	after := gate(1).Sigmoid().Mul(cell).Add(gate(0).Sigmoid().Mul(gate(2).Tanh()))
	out := gate(3).Sigmoid().Mul(after.Tanh())
	return nodes{out, after}, nodes{out.Square()}
}

// kept is a step with a part that is masked, and a weight that is used twice, once transposed and once scaled.
func kept(state, x, c nodes) (next, outputs nodes) {
	h := state[0]
	w := c[0].MulScalar(0.5)
	y := h.Mul(x[0].Sigmoid()).MatMulT(w, false, true).Add(h.MatMul(c[0])).Tanh()
	return nodes{graph.Select(x[1], y, h)}, nodes{y}
}

func scanOf(reverse bool, states, sequences int, step func(state, x, c nodes) (next, outputs nodes), result func(s *graph.Scanned) *graph.Node) func(nodes) *graph.Node {
	return func(in nodes) *graph.Node {
		s := graph.Recurrence{
			Init: in[:states], Sequences: in[states:][:sequences], Constants: in[states+sequences:], Reverse: reverse, Step: step,
		}.Scan(in[0].Graph())
		return result(s)
	}
}

var (
	state = func(i int) func(s *graph.Scanned) *graph.Node {
		return func(s *graph.Scanned) *graph.Node { return s.State(i) }
	}
	final = func(i int) func(s *graph.Scanned) *graph.Node {
		return func(s *graph.Scanned) *graph.Node { return s.Final(i) }
	}
	output = func(s *graph.Scanned) *graph.Node { return s.Output(0) }
	all    = func(s *graph.Scanned) *graph.Node { return s.State(0).Add(s.Output(0)).Mul(s.Final(0)) }
)

var scans = []derivative{
	{"Scan, all steps", graph.OpScan, scanOf(false, 1, 1, simple, state(0)), nil, [][]tensor.Shape{{{batch, 2}, {3, batch, 2}, {2, 2}, {2}}, {{batch, 1}, {1, batch, 1}, {1, 1}, {1}}, {{batch, 1}, {0, batch, 1}, {1, 1}, {1}}}},
	{"Scan of two products, one behind the other", graph.OpScan, scanOf(false, 1, 1, func(state, x, c nodes) (next, outputs nodes) {
		return nodes{x[0].Add(state[0].MatMul(c[0])).Tanh().MatMul(c[0])}, nil
	}, state(0)), nil, [][]tensor.Shape{{{batch, 2}, {2, batch, 2}, {2, 2}}}},
	{"Scan of convolutions", graph.OpScan, scanOf(true, 1, 1, func(state, x, c nodes) (next, outputs nodes) {
		return nodes{x[0].Add(state[0].Conv(c[0], graph.Window{Low: []int{1}})).Tanh()}, nil
	}, state(0)), nil, [][]tensor.Shape{{{batch, 3, 2}, {2, batch, 3, 2}, {2, 2, 2}}}},
	{"Scan that is read at its end alone", graph.OpScan, func(in nodes) *graph.Node {
		s := graph.Recurrence{Init: in[:2], Sequences: in[2:3], Constants: in[3:], Reverse: true, Last: true, Unread: []bool{false, true}, Step: gated}.Scan(in[0].Graph())
		return s.Final(0).Mul(s.LastOutput(0))
	}, nil, [][]tensor.Shape{{{batch, 2}, {batch, 2}, {2, batch, 8}, {2, 8}, {batch, 2}}, {{batch, 1}, {batch, 1}, {0, batch, 4}, {1, 4}, {batch, 1}}}},
	{"Scan, the last step", graph.OpScan, scanOf(false, 1, 1, simple, final(0)), nil, [][]tensor.Shape{{{batch, 2}, {3, batch, 2}, {2, 2}, {2}}}},
	{"Scan backwards", graph.OpScan, scanOf(true, 1, 1, simple, all2), nil, [][]tensor.Shape{{{batch, 2}, {3, batch, 2}, {2, 2}, {2}}}},
	{"Scan of two states", graph.OpScan, scanOf(false, 2, 1, gated, output), nil, [][]tensor.Shape{{{batch, 2}, {batch, 2}, {2, batch, 8}, {2, 8}, {batch, 2}}}},
	{"Scan of two states, all results", graph.OpScan, scanOf(true, 2, 1, gated, all), nil, [][]tensor.Shape{{{batch, 1}, {batch, 1}, {2, batch, 4}, {1, 4}, {batch, 1}}}},
	{"Scan from zeros", graph.OpScan, func(in nodes) *graph.Node {
		h := in[0].Graph().Scalar(0).BroadcastTo(tensor.Shape{batch, 2})
		return scanOf(false, 2, 1, gated, final(0))(append(nodes{h, h}, in...))
	}, nil, [][]tensor.Shape{{{2, batch, 8}, {2, 8}, {batch, 2}}}},
	{"Scan with a mask", graph.OpScan, scanOf(false, 1, 2, kept, all), nil, [][]tensor.Shape{{{batch, 2}, {2, batch, 2}, {2, batch, 1}, {2, 2}}}},
}

func all2(s *graph.Scanned) *graph.Node { return s.State(0).Add(s.Final(0)) }

func init() { derivatives = append(derivatives, scans...) }

func TestWhatABodyMayNotDo(t *testing.T) {
	for _, c := range []struct {
		step func(state, x, c nodes) (next, outputs nodes)
		want string
	}{
		{func(s, x, c nodes) (nodes, nodes) { return nil, nil }, "it returns 0 states, it was given 1"},
		{func(s, x, c nodes) (nodes, nodes) { return nodes{s[0].Sum(1)}, nil }, "state 0 has the shape (None,) after it and (None, 2) before"},
		{func(s, x, c nodes) (nodes, nodes) { return nodes{s[0].Sub(s[0].MeanKeep(0))}, nil }, "mixes the rows of the batch"},
		{func(s, x, c nodes) (nodes, nodes) { return nodes{s[0].Softmax(0)}, nil }, "mixes its rows"},
		{func(s, x, c nodes) (nodes, nodes) { return nodes{s[0].RandomUniform()}, nil }, "draws random numbers"},
		{func(s, x, c nodes) (nodes, nodes) { return s, nodes{c[0]} }, "it returns a node of shape (2, 2), whose first dimension must be the batch"},
		{func(s, x, c nodes) (nodes, nodes) { return s, nodes{graph.New().Scalar(1)} }, "it returns a node that it has not made of its own operands"},
		{func(s, x, c nodes) (nodes, nodes) { return nodes{s[0].MatMul(x[0])}, nil }, "the inner dimensions, 2 and None, must be equal"},
	} {
		g := graph.New()
		s := graph.Recurrence{
			Init: nodes{g.Input("h", tensor.Shape{batch, 2})}, Sequences: nodes{g.Input("x", tensor.Shape{5, batch, 2})},
			Constants: nodes{g.Param("w", tensor.Shape{2, 2})}, Step: c.step,
		}.Scan(g)
		s.State(0)
		s.Final(0)
		s.Output(0)
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	g := graph.New()
	x := g.Input("x", tensor.Shape{2, batch, 1})
	graph.Recurrence{Sequences: nodes{x}, Step: func(_, x, _ nodes) (next, outputs nodes) { return nil, x }}.Scan(g).Output(1)
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "the scan has no output 1") {
		t.Errorf("got %v", err)
	}
	g = graph.New()
	graph.Recurrence{Step: simple}.Scan(g)
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "a scan needs a sequence") {
		t.Errorf("got %v", err)
	}
}

// A gradient that hundreds of steps have made so small that it would soon be denormal goes no further; one that isn't goes as it is.
func TestVanishingGradientsEndAtZero(t *testing.T) {
	const steps = 200
	g := graph.New()
	h, x, scale := g.Input("h", tensor.Shape{batch, 1}), g.Input("x", tensor.Shape{steps, batch, 1}), g.Input("scale", tensor.Shape{batch, 1})
	s := graph.Recurrence{Init: nodes{h}, Sequences: nodes{x}, Step: func(s, x, _ nodes) (next, outputs nodes) {
		return nodes{s[0].MulScalar(0.5).Add(x[0])}, nil
	}}.Scan(g)
	grads := graph.Gradients(s.Final(0).Mul(scale).Sum(0, 1), h, x)
	for _, factor := range []float64{1, -1, math.NaN()} {
		values, err := ref.Eval(g, 1, map[*graph.Node][]float64{h: {0}, x: make([]float64, steps), scale: {factor}}, grads...)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range append(values[0], values[1]...) { // the first state's, which is one step before the first input's
			want := math.Ldexp(factor, max(i-1, 0)-(steps-1))
			if math.Abs(want) < 0x1p-100 {
				want = 0
			}
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("from a gradient of %v, number %d is %v, want %v", factor, i, got, want)
			}
		}
	}
}
