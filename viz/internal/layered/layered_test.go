package layered

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

var options = Options{BoxGap: 30, RankGap: 40, TrackGap: 12}

// graphs are a few shapes that networks have, and random ones.
func graphs() map[string]struct {
	boxes []Size
	edges []Edge
} {
	type graph = struct {
		boxes []Size
		edges []Edge
	}
	boxes := func(n int) (list []Size) {
		for i := range n {
			list = append(list, Size{float64(80 + 40*(i%4)), float64(30 + 10*(i%3))})
		}
		return list
	}
	all := map[string]graph{
		"one box":        {boxes(1), nil},
		"a chain":        {boxes(5), []Edge{{0, 1}, {1, 2}, {2, 3}, {3, 4}}},
		"a skip":         {boxes(4), []Edge{{0, 1}, {1, 2}, {2, 3}, {0, 3}}},
		"a diamond":      {boxes(4), []Edge{{0, 1}, {0, 2}, {1, 3}, {2, 3}}},
		"two pieces":     {boxes(4), []Edge{{0, 1}, {2, 3}}},
		"inception":      {boxes(9), []Edge{{0, 1}, {0, 2}, {0, 3}, {0, 4}, {2, 5}, {3, 6}, {4, 7}, {1, 8}, {5, 8}, {6, 8}, {7, 8}}},
		"dense block":    {boxes(6), []Edge{{0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {2, 3}, {2, 4}, {2, 5}, {3, 4}, {3, 5}, {4, 5}}},
		"a double edge":  {boxes(2), []Edge{{0, 1}, {0, 1}}},
		"edges upwards":  {boxes(3), []Edge{{2, 1}, {1, 0}}},
		"a late input":   {boxes(5), []Edge{{0, 1}, {1, 2}, {2, 3}, {4, 3}}},
		"crossed inputs": {boxes(4), []Edge{{0, 3}, {1, 2}, {0, 2}}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		n := 2 + random.IntN(18)
		g := graph{boxes: boxes(n)}
		for to := 1; to < n; to++ {
			for range 1 + random.IntN(3) {
				g.edges = append(g.edges, Edge{random.IntN(to), to})
			}
		}
		all[fmt.Sprintf("random %d", i)] = g
	}
	return all
}

func TestBoxesDontOverlapAndStandBelowThoseThatLeadToThem(t *testing.T) {
	for name, g := range graphs() {
		d := layout(t, g.boxes, g.edges, options)
		for i, a := range d.Boxes {
			if a.X-g.boxes[i].Width/2 < -1e-9 || a.X+g.boxes[i].Width/2 > d.Width+1e-9 || a.Y-g.boxes[i].Height/2 < -1e-9 || a.Y+g.boxes[i].Height/2 > d.Height+1e-9 {
				t.Errorf("%s: box %d sticks out of the drawing", name, i)
			}
			for j, b := range d.Boxes[:i] {
				if math.Abs(a.X-b.X) < (g.boxes[i].Width+g.boxes[j].Width)/2 && math.Abs(a.Y-b.Y) < (g.boxes[i].Height+g.boxes[j].Height)/2 {
					t.Errorf("%s: boxes %d and %d overlap", name, i, j)
				}
			}
		}
		for _, e := range g.edges {
			if d.Boxes[e.From].Y >= d.Boxes[e.To].Y {
				t.Errorf("%s: box %d is not below box %d", name, e.To, e.From)
			}
		}
	}
}

func TestRoutesTouchTheirBoxesAndRunThroughNone(t *testing.T) {
	for name, g := range graphs() {
		for _, curved := range []bool{false, true} {
			o := options
			o.Curved = curved
			d := layout(t, g.boxes, g.edges, o)
			for i, e := range g.edges {
				route := d.Routes[i]
				from, to := route[0], route[len(route)-1]
				if !onSide(from, d.Boxes[e.From], g.boxes[e.From], +1) || !onSide(to, d.Boxes[e.To], g.boxes[e.To], -1) {
					t.Errorf("%s: the route from box %d to box %d runs from %v to %v", name, e.From, e.To, from, to)
				}
				if curved {
					if len(route)%3 != 1 {
						t.Fatalf("%s: a curve of %d points", name, len(route))
					}
					for b, centre := range d.Boxes {
						if b != e.From && b != e.To && curveHits(route, centre, g.boxes[b]) {
							t.Errorf("%s: the curve from box %d to box %d runs through box %d", name, e.From, e.To, b)
						}
					}
					continue
				}
				for k := range route[1:] {
					p, q := route[k], route[k+1]
					if p.X != q.X && p.Y != q.Y {
						t.Errorf("%s: a line from %v to %v isn't level nor upright", name, p, q)
					}
					for b, centre := range d.Boxes {
						if b != e.From && b != e.To && hits(p, q, centre, g.boxes[b]) {
							t.Errorf("%s: the edge from box %d to box %d runs through box %d", name, e.From, e.To, b)
						}
					}
				}
			}
		}
	}
}

// Two edges that share no end never run along each other.
func TestRoutesDontLieOnEachOther(t *testing.T) {
	overlaps, lines := 0, 0
	for _, g := range graphs() {
		d := layout(t, g.boxes, g.edges, options)
		for i, a := range d.Routes {
			lines += len(a) - 1
			for j, b := range d.Routes[:i] {
				e, f := g.edges[i], g.edges[j]
				if e.From == f.From || e.To == f.To || e.From == f.To || e.To == f.From {
					continue
				}
				for k := range a[1:] {
					for l := range b[1:] {
						if along(a[k], a[k+1], b[l], b[l+1]) {
							overlaps++
						}
					}
				}
			}
		}
	}
	if overlaps > lines/100 {
		t.Errorf("%d of %d lines lie on another", overlaps, lines)
	}
}

func TestAChainIsOneStraightLine(t *testing.T) {
	g := graphs()["a chain"]
	for _, route := range layout(t, g.boxes, g.edges, options).Routes {
		if len(route) != 2 || route[0].X != route[1].X {
			t.Errorf("a route of the chain is %v", route)
		}
	}
}

func TestNothingCrossesWhereNothingMust(t *testing.T) {
	for _, name := range []string{"a chain", "a skip", "a diamond", "two pieces", "inception", "crossed inputs"} {
		g := graphs()[name]
		n := proper(g.boxes, g.edges, ranks(len(g.boxes), g.edges))
		n.order()
		if c := n.crossings(); c != 0 {
			t.Errorf("%s: %d crossings", name, c)
		}
	}
}

func TestEdgesThatCloseCirclesLeadBack(t *testing.T) {
	boxes := []Size{{80, 30}, {160, 50}, {120, 40}, {60, 30}}
	for name, test := range map[string]struct {
		edges []Edge
		back  []int // which of them lead back
	}{
		"itself":               {[]Edge{{0, 0}, {1, 1}, {2, 2}, {3, 3}}, nil},
		"itself in a chain":    {[]Edge{{0, 1}, {1, 1}, {1, 2}, {2, 3}}, nil},
		"itself, side by side": {[]Edge{{0, 1}, {0, 2}, {1, 1}, {2, 2}, {1, 3}, {2, 3}, {0, 3}}, nil},
		"to and fro":           {[]Edge{{0, 1}, {1, 2}, {2, 1}, {2, 3}}, []int{2}},
		"a long way back":      {[]Edge{{0, 1}, {1, 2}, {2, 3}, {3, 0}, {3, 1}}, []int{3, 4}},
		"nothing but circle":   {[]Edge{{1, 0}, {0, 3}, {3, 2}, {2, 1}}, []int{0}},
	} {
		for _, curved := range []bool{false, true} {
			o := options
			o.Curved = curved
			d := layout(t, boxes, test.edges, o)
			for i, e := range test.edges {
				route := d.Routes[i]
				from, to := route[0], route[len(route)-1]
				a, b := d.Boxes[e.From], d.Boxes[e.To]
				back := slices.Contains(test.back, i)
				switch {
				case e.From == e.To:
					right := a.X + boxes[e.From].Width/2
					if from.X != right || to.X != right || !(a.Y < from.Y && from.Y < a.Y+boxes[e.From].Height/2 && from.Y-a.Y == a.Y-to.Y) {
						t.Errorf("%s: the route from box %d to itself is %v", name, e.From, route)
					}
				case back && (a.Y <= b.Y || !onSide(from, a, boxes[e.From], -1) || !onSide(to, b, boxes[e.To], +1)),
					!back && (a.Y >= b.Y || !onSide(from, a, boxes[e.From], +1) || !onSide(to, b, boxes[e.To], -1)):
					t.Errorf("%s: the route from box %d to box %d runs from %v to %v", name, e.From, e.To, from, to)
				}
				for v, centre := range d.Boxes {
					if v == e.From || v == e.To {
						continue
					}
					hit := curved && curveHits(route, centre, boxes[v])
					for k := range route[1:] {
						hit = hit || !curved && hits(route[k], route[k+1], centre, boxes[v])
					}
					if hit {
						t.Errorf("%s: the edge from box %d to box %d runs through box %d", name, e.From, e.To, v)
					}
				}
				for _, p := range route {
					if !curved && (p.X < 0 || p.X > d.Width || p.Y < 0 || p.Y > d.Height) {
						t.Errorf("%s: the edge from box %d to box %d leaves the drawing at %v", name, e.From, e.To, p)
					}
				}
			}
		}
	}
}

func TestALateInputStandsBesideWhatItJoins(t *testing.T) {
	g := graphs()["a late input"]
	d := layout(t, g.boxes, g.edges, options)
	if d.Boxes[4].Y != d.Boxes[2].Y {
		t.Errorf("box 4 stands at %v, box 2 at %v", d.Boxes[4].Y, d.Boxes[2].Y)
	}
}

func TestTheSameGraphGivesTheSameDrawing(t *testing.T) {
	for name, g := range graphs() {
		if a, b := layout(t, g.boxes, g.edges, options), layout(t, g.boxes, g.edges, options); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two drawings differ", name)
		}
	}
}

func TestGraphsThatCannotBeDrawnAreErrors(t *testing.T) {
	for _, edges := range [][]Edge{{{0, 2}}, {{-1, 0}}} {
		if _, err := Layout(make([]Size, 2), edges, options); err == nil {
			t.Errorf("no error for %v", edges)
		}
	}
	if d, err := Layout(nil, nil, options); err != nil || d.Width != 0 {
		t.Errorf("the empty graph: %v, %v", d, err)
	}
}

func layout(t *testing.T, boxes []Size, edges []Edge, o Options) *Drawing {
	t.Helper()
	d, err := Layout(boxes, edges, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// onSide says whether p lies on the lower (+1) or upper (-1) side of a box.
func onSide(p, centre Point, size Size, side float64) bool {
	return math.Abs(p.X-centre.X) <= size.Width/2 && math.Abs(p.Y-(centre.Y+side*size.Height/2)) < 1e-9
}

// hits says whether a level or upright line runs through the inside of a box.
func hits(p, q, centre Point, size Size) bool {
	return min(p.X, q.X) < centre.X+size.Width/2 && max(p.X, q.X) > centre.X-size.Width/2 &&
		min(p.Y, q.Y) < centre.Y+size.Height/2 && max(p.Y, q.Y) > centre.Y-size.Height/2
}

// curveHits says whether a chain of Bézier curves runs through the inside of a box.
func curveHits(route []Point, centre Point, size Size) bool {
	for i := 0; i+3 < len(route); i += 3 {
		for k := range 101 {
			t := float64(k) / 100
			at := func(a, b, c, d float64) float64 {
				return (1-t)*(1-t)*(1-t)*a + 3*(1-t)*(1-t)*t*b + 3*(1-t)*t*t*c + t*t*t*d
			}
			p := Point{
				at(route[i].X, route[i+1].X, route[i+2].X, route[i+3].X),
				at(route[i].Y, route[i+1].Y, route[i+2].Y, route[i+3].Y),
			}
			if math.Abs(p.X-centre.X) < size.Width/2-1e-9 && math.Abs(p.Y-centre.Y) < size.Height/2-1e-9 {
				return true
			}
		}
	}
	return false
}

// along says whether two level or upright lines have more than a point in common.
func along(a, b, c, d Point) bool {
	switch {
	case a.X == b.X && c.X == d.X && a.X == c.X:
		return min(max(a.Y, b.Y), max(c.Y, d.Y))-max(min(a.Y, b.Y), min(c.Y, d.Y)) > 1e-9
	case a.Y == b.Y && c.Y == d.Y && a.Y == c.Y:
		return min(max(a.X, b.X), max(c.X, d.X))-max(min(a.X, b.X), min(c.X, d.X)) > 1e-9
	}
	return false
}
