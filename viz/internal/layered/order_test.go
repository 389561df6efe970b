package layered

import (
	"math/rand/v2"
	"testing"
)

// Counts that look at each pair of links once are what the fast ones are held against.
func TestCrossingsAreCountedAsPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 2 + r.IntN(14)
		var edges []Edge
		for range r.IntN(3 * n) {
			if a, b := r.IntN(n), r.IntN(n); a < b {
				edges = append(edges, Edge{a, b})
			}
		}
		g := proper(make([]Size, n), edges, ranks(n, edges))
		g.walk()
		for _, rank := range g.ranks {
			r.Shuffle(len(rank), func(i, j int) { rank[i], rank[j] = rank[j], rank[i] })
		}
		g.number()

		var links []link
		count, crossed := 0, map[link]bool{}
		for _, rank := range g.ranks {
			for _, u := range rank {
				for _, w := range g.vertices[u].down {
					links = append(links, link{u, w})
				}
			}
		}
		cross := func(a, b link) bool {
			if g.vertices[a.upper].rank != g.vertices[b.upper].rank {
				return false
			}
			return (g.vertices[a.upper].index-g.vertices[b.upper].index)*(g.vertices[a.lower].index-g.vertices[b.lower].index) < 0
		}
		for i, a := range links {
			_, innerA := g.inner(a.upper)
			for _, b := range links[i+1:] {
				if !cross(a, b) {
					continue
				}
				count++
				if _, innerB := g.inner(b.upper); innerA {
					crossed[b] = true
				} else if innerB {
					crossed[a] = true
				}
			}
		}
		if got := g.crossings(); got != count {
			t.Errorf("%d crossings, want %d, of the edges %v", got, count, edges)
		}
		got := g.crossedLinks()
		if len(got) != len(crossed) {
			t.Errorf("%d links cross others between bends, want %d", len(got), len(crossed))
		}
		for l := range crossed {
			if !got[l] {
				t.Errorf("the link %v isn't among those that cross others between bends", l)
			}
		}
		for _, rank := range g.ranks {
			for i := range len(rank) - 1 {
				a, b := rank[i], rank[i+1]
				left, right := g.crossingsOf(a, b)
				before := g.crossings()
				rank[i], rank[i+1] = b, a
				g.number()
				if after := g.crossings(); after-before != right-left {
					t.Errorf("an exchange makes %d crossings of %d, not %+d", after, before, right-left)
				}
				rank[i], rank[i+1] = a, b
				g.number()
			}
		}
	}
}

func TestMoreEdgesThanCanBeDrawnAreAnError(t *testing.T) {
	const n = 300 // joined each to each
	var edges []Edge
	for a := range n {
		for b := range a {
			edges = append(edges, Edge{b, a})
		}
	}
	if _, err := Layout(make([]Size, n), edges, Options{}); err == nil {
		t.Error("no error")
	}
}
