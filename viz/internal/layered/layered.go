// Package layered lays out directed graphs from top to bottom, in the four steps of Sugiyama, Tagawa and Toda, "Methods
// for Visual Understanding of Hierarchical System Structures" (1981): ranks, order within ranks, positions, routes. It
// knows boxes and lines, and nothing of what they mean.
package layered

// This file has the types, and Layout, which goes through the steps.

import (
	"fmt"
	"slices"
)

// A Point is a place in the layout. x grows to the right and y downwards.
type Point struct{ X, Y float64 }

// A Size is that of a box.
type Size struct{ Width, Height float64 }

// An Edge leads from one box, by its index, to another.
type Edge struct{ From, To int }

// Options are the distances of a layout.
type Options struct {
	BoxGap   float64 // between boxes side by side
	RankGap  float64 // between ranks; more where many lines run
	TrackGap float64 // between lines side by side
	Curved   bool    // routes are curves; else they have right angles
}

// A Drawing says where everything is.
type Drawing struct {
	Width, Height float64
	Boxes         []Point // the centre of each box
	// Routes has a route for each edge, from the lower side of one box to the upper side of another: the corners of a
	// line or, if Curved, 3n+1 points of n cubic Bézier curves. The route of an edge that closes a circle leads up, from
	// an upper side to a lower one; that of a box to itself begins and ends at the right.
	Routes [][]Point
}

// mostBends is how many ranks all edges together may pass, each of which takes memory: a hundred boxes joined each to
// each are a tenth of it.
const mostBends = 2 << 20

// Layout places the boxes and routes the edges. The same graph always gives the same drawing.
func Layout(boxes []Size, edges []Edge, o Options) (*Drawing, error) {
	for _, e := range edges {
		if e.From < 0 || e.From >= len(boxes) || e.To < 0 || e.To >= len(boxes) {
			return nil, fmt.Errorf("an edge from %d to %d of %d boxes", e.From, e.To, len(boxes))
		}
	}
	// Edges that lead back are laid out as if they led forward.
	var forward []Edge
	back := backward(len(boxes), edges)
	for i, e := range edges {
		switch {
		case e.From == e.To:
		case back[i]:
			forward = append(forward, Edge{e.To, e.From})
		default:
			forward = append(forward, e)
		}
	}
	rank := ranks(len(boxes), forward)
	bends := 0
	for _, e := range forward {
		bends += rank[e.To] - rank[e.From] - 1
	}
	if bends > mostBends {
		return nil, fmt.Errorf("%d edges that pass %d boxes: more than can be drawn", len(edges), bends)
	}
	g := proper(boxes, forward, rank)
	g.options = o
	for _, e := range edges {
		if e.From == e.To {
			g.vertices[e.From].side = clearance + o.TrackGap
		}
	}
	g.order()
	g.position()
	d := g.route(forward)
	routes := d.Routes
	d.Routes = nil
	for i, e := range edges {
		if e.From == e.To {
			d.Routes = append(d.Routes, g.loop(e.From, d.Boxes[e.From]))
			continue
		}
		if back[i] {
			slices.Reverse(routes[0])
		}
		d.Routes, routes = append(d.Routes, routes[0]), routes[1:]
	}
	return d, nil
}

// backward says which edges close a circle, on a walk from the first boxes.
func backward(n int, edges []Edge) []bool {
	out := make([][]int, n)
	for i, e := range edges {
		out[e.From] = append(out[e.From], i)
	}
	back := make([]bool, len(edges))
	seen, left := make([]bool, n), make([]bool, n)
	var visit func(v int)
	visit = func(v int) {
		seen[v] = true
		for _, i := range out[v] {
			if to := edges[i].To; !seen[to] {
				visit(to)
			} else if !left[to] {
				back[i] = true
			}
		}
		left[v] = true
	}
	for v := range n {
		if !seen[v] {
			visit(v)
		}
	}
	return back
}

// A net is a proper layered graph: every link leads from one rank to the next, because edges over several ranks are cut
// by bends, which are vertices without a size.
type net struct {
	options  Options
	vertices []vertex
	ranks    [][]int // the vertices of each rank, from left to right
	chains   [][]int // the vertices of each edge, both ends included

	places [2][]int // memory for crossingsOf
}

type vertex struct {
	Size
	bend     bool
	side     float64 // room that an edge from a box to itself takes beside it
	rank     int
	index    int   // within its rank
	up, down []int // the vertices linked to it in the ranks above and below
	x        float64
}

// proper cuts the edges at every rank that they cross.
func proper(boxes []Size, edges []Edge, rank []int) *net {
	g := &net{}
	for i, size := range boxes {
		g.vertices = append(g.vertices, vertex{Size: size, rank: rank[i]})
	}
	for _, e := range edges {
		chain := []int{e.From}
		for r := rank[e.From] + 1; r < rank[e.To]; r++ {
			g.vertices = append(g.vertices, vertex{bend: true, rank: r})
			chain = append(chain, len(g.vertices)-1)
		}
		chain = append(chain, e.To)
		for i := range chain[1:] {
			upper, lower := chain[i], chain[i+1]
			g.vertices[upper].down = append(g.vertices[upper].down, lower)
			g.vertices[lower].up = append(g.vertices[lower].up, upper)
		}
		g.chains = append(g.chains, chain)
	}
	return g
}
