package plan

// This file tests graphs of many thousand nodes, which a search of all for each would
// take minutes for.

import (
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/tensor"
)

func TestDerivativesThroughManySteps(t *testing.T) {
	steps := choice.Effort(1200, 7000) // of more buffers than are held against each other
	for name, step := range map[string]func(h, w *graph.Node) *graph.Node{
		"products":          func(h, w *graph.Node) *graph.Node { return h.MatMul(w).Abs() },
		"products of views": func(h, w *graph.Node) *graph.Node { return h.MatMul(w.Reshape(1).View(0, tensor.Shape{1, 1})).Abs() },
		"sums":              func(h, w *graph.Node) *graph.Node { return h.Mul(w).SumKeep(0) },
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, w := g.Input("x", tensor.Shape{1, 1}), g.Param("w", tensor.Shape{1, 1})
			y := x
			for range steps {
				y = step(y, w)
			}
			out := append(graph.Gradients(y.Sum(), x, w), y)
			p := compile(t, Program{Graph: g, Outputs: out}, Config{})
			e := p.Bind(held(map[*graph.Node][]float32{w: {1}}))
			e.Value(x)[0] = 1
			e.Compute(nil)
			for i, want := range []float32{1, float32(steps), 1} {
				if got := e.Value(out[i])[0]; got != want {
					t.Errorf("result %d is %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestBuffersOfOneTimeDoNotOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		buffers := make([]*buffer, 300)
		for i := range buffers {
			from := r.IntN(100) - 1
			buffers[i] = &buffer{size: r.IntN(5) * r.IntN(40), from: from, to: from + r.IntN(r.IntN(100)+1)}
		}
		arena := packByTime(buffers)
		for i, b := range buffers {
			if b.offset%align != 0 || b.offset+b.size > arena {
				t.Fatalf("a buffer of %d at %d, in an arena of %d", b.size, b.offset, arena)
			}
			for _, other := range buffers[:i] {
				if b.from <= other.to && other.from <= b.to && b.offset < other.offset+other.size && other.offset < b.offset+b.size {
					t.Fatalf("buffers %+v and %+v overlap", b, other)
				}
			}
		}
	}
}
