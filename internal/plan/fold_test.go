package plan

// This file tests what is computed when a plan is made: operations on constants.

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
)

func TestConstantsOfDifferentShapesAreComputedAsAnythingElse(t *testing.T) {
	for name, c := range map[string]struct {
		build func(g *graph.Graph) *graph.Node
		want  []float32
	}{
		"a matrix by its rows' sums": {func(g *graph.Graph) *graph.Node {
			m := g.Const([]float32{2, 2, 1, 3}, 2, 2)
			return m.Div(m.SumKeep(1))
		}, []float32{0.5, 0.5, 0.25, 0.75}},
		"a matrix and a row": {func(g *graph.Graph) *graph.Node {
			return g.Const([]float32{1, 2, 3, 4}, 2, 2).Add(g.Const([]float32{10, 20}, 2))
		}, []float32{11, 22, 13, 24}},
		"a column and a row": {func(g *graph.Graph) *graph.Node {
			return g.Const(ascending(40), 40, 1).Add(g.Const(ascending(30), 30)).Slice([]int{38, 28}, []int{40, 30}, nil)
		}, []float32{66, 67, 67, 68}},
		"a choice by columns": {func(g *graph.Graph) *graph.Node {
			return graph.Select(g.Const([]float32{0, 1}, 2, 1), g.Const([]float32{1, 2, 3, 4}, 2, 2), g.Scalar(-1))
		}, []float32{-1, -1, 3, 4}},
		"a product": {func(g *graph.Graph) *graph.Node {
			return g.Const([]float32{1, 2, 3, 4}, 2, 2).MatMul(g.Const([]float32{1, 10}, 2, 1))
		}, []float32{21, 43}},
		"products of a batch": {func(g *graph.Graph) *graph.Node {
			return g.Const([]float32{1, 2, 3, 4}, 2, 1, 2).BatchMatMul(g.Const([]float32{1, 10, 100, 1000}, 2, 2, 1), false, false)
		}, []float32{21, 4300}},
		"a slab": {func(g *graph.Graph) *graph.Node {
			return graph.Pack(6, []int{0, 3}, g.Const([]float32{1, 2}, 2), g.Const([]float32{3, 4}, 2).Neg())
		}, []float32{1, 2, 0, -3, -4, 0}},
	} {
		for _, noPasses := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, passes %v", name, !noPasses), func(t *testing.T) {
				g := graph.New()
				out := c.build(g)
				if got := evaluate(t, g, 1, noPasses, nil, out); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
	}
}

// ascending returns 0, 1, … n-1.
func ascending(n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(i)
	}
	return list
}
