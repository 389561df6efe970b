package layered

// This file orders the vertices within their ranks so that few links cross.

import (
	"cmp"
	"slices"
)

// sweeps is how often the order is improved downwards and upwards.
const sweeps = 24

// patience is how many pairs of neighbours are looked at for an exchange, all together: more than it takes to order
// networks that can be looked at, and a second's work.
const patience = 8 << 20

// order begins with the order of a walk along the links, sorts each rank by the means of its neighbours' places, down
// and up again, exchanges neighbours as long as that helps, and keeps the best.
func (g *net) order() {
	g.walk()
	best, fewest := g.snapshot(), g.crossings()
	left := patience
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
		left = g.exchange(left)
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
	for r := range g.ranks {
		g.numberRank(r)
	}
}

func (g *net) numberRank(r int) {
	for i, v := range g.ranks[r] {
		g.vertices[v].index = i
	}
}

// sort orders a rank by the means of the places of each vertex's neighbours. Those without any stay where they are.
func (g *net) sort(r int, neighbours func(*vertex) []int) {
	type place struct {
		v    int
		mean float64
	}
	rank := g.ranks[r]
	var movable []place
	for _, v := range rank {
		beside := neighbours(&g.vertices[v])
		if len(beside) == 0 {
			continue
		}
		sum := 0
		for _, u := range beside {
			sum += g.vertices[u].index
		}
		movable = append(movable, place{v, float64(sum) / float64(len(beside))})
	}
	slices.SortStableFunc(movable, func(a, b place) int { return cmp.Compare(a.mean, b.mean) })
	for i, v := range rank {
		if len(neighbours(&g.vertices[v])) > 0 {
			rank[i], movable = movable[0].v, movable[1:]
		}
	}
	g.numberRank(r)
}

// exchange swaps neighbours in a rank while fewer links cross for it, and returns what is left of its patience.
func (g *net) exchange(patience int) (left int) {
	// A rank is looked at again when it, or one beside it, has changed.
	due := make([]bool, len(g.ranks)+2) // of the rank before the first to that after the last
	for r := range due {
		due[r] = true
	}
	for improved := true; improved; {
		improved = false
		for r, rank := range g.ranks {
			if !due[r+1] || patience < len(rank) {
				continue
			}
			due[r+1] = false
			patience -= len(rank)
			for i := range len(rank) - 1 {
				a, b := rank[i], rank[i+1]
				if now, exchanged := g.crossingsOf(a, b); now > exchanged {
					rank[i], rank[i+1] = b, a
					g.vertices[a].index, g.vertices[b].index = i+1, i
					improved, due[r], due[r+1], due[r+2] = true, true, true, true
				}
			}
		}
	}
	return patience
}

// crossingsOf counts the crossings of a's links with b's if a stands to the left of b, and if it stands to the right.
func (g *net) crossingsOf(a, b int) (left, right int) {
	for _, side := range [][2][]int{{g.vertices[a].up, g.vertices[b].up}, {g.vertices[a].down, g.vertices[b].down}} {
		if len(side[0]) == 1 && len(side[1]) == 1 { // as of bends
			switch u, w := g.vertices[side[0][0]].index, g.vertices[side[1][0]].index; {
			case u > w:
				left++
			case u < w:
				right++
			}
			continue
		}
		g.places[0], g.places[1] = g.sorted(g.places[0], side[0]), g.sorted(g.places[1], side[1])
		left += greater(g.places[0], g.places[1])
		right += greater(g.places[1], g.places[0])
	}
	return left, right
}

// sorted returns the places of vertices in their ranks, in order.
func (g *net) sorted(places, vertices []int) []int {
	places = places[:0]
	for _, v := range vertices {
		places = append(places, g.vertices[v].index)
	}
	slices.Sort(places)
	return places
}

// greater counts the pairs of which the number of a is greater than that of b. Both are sorted.
func greater(a, b []int) int {
	count, less := 0, 0
	for _, u := range a {
		for less < len(b) && b[less] < u {
			less++
		}
		count += less
	}
	return count
}

// crossings counts all crossings: for each link those to the left of it that end to its right, in a tree of sums
// (Barth, Jünger and Mutzel, "Simple and Efficient Bilayer Cross Counting", 2002; Fenwick 1994).
func (g *net) crossings() int {
	count := 0
	for r := range len(g.ranks) - 1 {
		sums, links := make([]int, len(g.ranks[r+1])+1), 0
		for _, v := range g.ranks[r] {
			for _, w := range g.vertices[v].down {
				count += links
				for i := g.vertices[w].index + 1; i > 0; i &= i - 1 {
					count -= sums[i]
				}
			}
			for _, w := range g.vertices[v].down {
				for i := g.vertices[w].index + 1; i < len(sums); i += i & -i {
					sums[i]++
				}
			}
			links += len(g.vertices[v].down)
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
