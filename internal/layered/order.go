package layered

// This file orders the vertices within their ranks so that few links cross.

import (
	"cmp"
	"slices"
)

// sweeps is how often the order is improved downwards and upwards.
const sweeps = 24

// order begins with the order of a walk along the links, sorts each rank by the means of its neighbours' places, down
// and up again, exchanges neighbours as long as that helps, and keeps the best.
func (g *net) order() {
	g.walk()
	best, fewest := g.snapshot(), g.crossings()
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		if sweep%2 == 0 {
			for r := 1; r < len(g.ranks); r++ {
				g.sort(r, func(v *vertex) []int { return v.up })
			}
		} else {
			for r := len(g.ranks) - 2; r >= 0; r-- {
				g.sort(r, func(v *vertex) []int { return v.down })
			}
		}
		g.exchange()
		if n := g.crossings(); n < fewest {
			best, fewest = g.snapshot(), n
		}
	}
	g.restore(best)
}

// walk fills the ranks in the order of a depth-first walk from the first boxes.
func (g *net) walk() {
	deepest := 0
	for _, v := range g.vertices {
		deepest = max(deepest, v.rank)
	}
	g.ranks = make([][]int, deepest+1)
	seen := make([]bool, len(g.vertices))
	var visit func(v int)
	visit = func(v int) {
		if seen[v] {
			return
		}
		seen[v] = true
		r := g.vertices[v].rank
		g.ranks[r] = append(g.ranks[r], v)
		for _, w := range g.vertices[v].down {
			visit(w)
		}
	}
	for v := range g.vertices {
		if len(g.vertices[v].up) == 0 {
			visit(v)
		}
	}
	g.number()
}

// number notes each vertex's place in its rank.
func (g *net) number() {
	for _, rank := range g.ranks {
		for i, v := range rank {
			g.vertices[v].index = i
		}
	}
}

// sort orders a rank by the means of the places of each vertex's neighbours. Those without any stay where they are.
func (g *net) sort(r int, neighbours func(*vertex) []int) {
	rank := g.ranks[r]
	mean := map[int]float64{}
	var movable []int
	for _, v := range rank {
		beside := neighbours(&g.vertices[v])
		if len(beside) == 0 {
			continue
		}
		sum := 0
		for _, u := range beside {
			sum += g.vertices[u].index
		}
		mean[v] = float64(sum) / float64(len(beside))
		movable = append(movable, v)
	}
	slices.SortStableFunc(movable, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
	for i, v := range rank {
		if _, ok := mean[v]; ok {
			rank[i], movable = movable[0], movable[1:]
		}
	}
	g.number()
}

// exchange swaps neighbours in a rank while fewer links cross for it.
func (g *net) exchange() {
	for improved := true; improved; {
		improved = false
		for _, rank := range g.ranks {
			for i := range len(rank) - 1 {
				a, b := rank[i], rank[i+1]
				if g.crossingsOf(a, b) > g.crossingsOf(b, a) {
					rank[i], rank[i+1] = b, a
					g.vertices[a].index, g.vertices[b].index = i+1, i
					improved = true
				}
			}
		}
	}
}

// crossingsOf counts the crossings of a's links with b's if a stands to the left of b.
func (g *net) crossingsOf(a, b int) int {
	count := 0
	for _, side := range [][2][]int{{g.vertices[a].up, g.vertices[b].up}, {g.vertices[a].down, g.vertices[b].down}} {
		for _, u := range side[0] {
			for _, w := range side[1] {
				if g.vertices[u].index > g.vertices[w].index {
					count++
				}
			}
		}
	}
	return count
}

// crossings counts all crossings.
func (g *net) crossings() int {
	count := 0
	for _, rank := range g.ranks {
		for i, a := range rank {
			for _, b := range rank[i+1:] {
				for _, u := range g.vertices[a].down {
					for _, w := range g.vertices[b].down {
						if g.vertices[u].index > g.vertices[w].index {
							count++
						}
					}
				}
			}
		}
	}
	return count
}

func (g *net) snapshot() [][]int {
	ranks := make([][]int, len(g.ranks))
	for r, rank := range g.ranks {
		ranks[r] = slices.Clone(rank)
	}
	return ranks
}

func (g *net) restore(ranks [][]int) {
	g.ranks = ranks
	g.number()
}
