package layered

// This file draws the edges: it chooses where they leave and meet their boxes, and where they run between the ranks.

import (
	"cmp"
	"math"
	"slices"
)

// clearance is the least height between a box and a line that turns: room for the head of an arrow.
const clearance = 16

// A segment is the part of an edge between two ranks.
type segment struct {
	link
	top, bottom float64 // the x at both ends
	track       int     // the level at which it turns, counted from above
	arrives     bool    // it ends at a box
}

// route returns the finished drawing, moved so that it begins at 0.
func (g *net) route(edges []Edge) *Drawing {
	gaps := g.segments()
	d := &Drawing{Boxes: make([]Point, 0), Routes: make([][]Point, len(edges))}
	low, high := math.Inf(1), math.Inf(-1)
	for v := range g.vertices {
		half := g.vertices[v].Width / 2
		low, high = min(low, g.vertices[v].x-half), max(high, g.vertices[v].x+half+g.vertices[v].side)
	}
	if len(g.vertices) == 0 {
		return d
	}
	d.Width = high - low

	// From above, rank by rank: each is as high as its highest box, and the gaps as high as their turns need.
	centre, heights := make([]float64, len(g.ranks)), make([]float64, len(g.ranks))
	turns := make([]func(track int) float64, len(g.ranks))
	y := 0.0
	for r, rank := range g.ranks {
		for _, v := range rank {
			heights[r] = max(heights[r], g.vertices[v].Height)
		}
		centre[r] = y + heights[r]/2
		y += heights[r]
		if r == len(g.ranks)-1 {
			break
		}
		tracks := 0
		for _, s := range gaps[r] {
			tracks = max(tracks, s.track+1)
		}
		gap := max(g.options.RankGap, 2*clearance+g.options.TrackGap*float64(tracks-1))
		first := y + (gap-g.options.TrackGap*float64(tracks-1))/2
		turns[r] = func(track int) float64 { return first + g.options.TrackGap*float64(track) }
		y += gap
	}
	d.Height = y

	// An edge passes a rank upright, beside the boxes as high as the rank.
	height := func(v int) float64 {
		if g.vertices[v].bend {
			return heights[g.vertices[v].rank]
		}
		return g.vertices[v].Height
	}
	for v := range g.vertices {
		if !g.vertices[v].bend {
			d.Boxes = append(d.Boxes, Point{g.vertices[v].x - low, centre[g.vertices[v].rank]})
		}
	}
	for e, chain := range g.chains {
		for i := range chain[1:] {
			upper, lower := chain[i], chain[i+1]
			r := g.vertices[upper].rank
			s := gaps[r][link{upper, lower}]
			from := Point{s.top - low, centre[r] + height(upper)/2}
			to := Point{s.bottom - low, centre[r+1] - height(lower)/2}
			if g.options.Curved {
				d.Routes[e] = appendCurve(d.Routes[e], from, to)
			} else {
				d.Routes[e] = appendLine(d.Routes[e], from, to, turns[r](s.track))
			}
		}
	}
	return d
}

// loop leads from a box, whose centre is given, to itself.
func (g *net) loop(v int, centre Point) []Point {
	right, quarter := centre.X+g.vertices[v].Width/2, g.vertices[v].Height/4
	out := right + g.vertices[v].side
	if g.options.Curved {
		out = right + g.vertices[v].side*4/3 // where a curve's points must be for it to go three quarters as far
	}
	return []Point{{right, centre.Y + quarter}, {out, centre.Y + quarter}, {out, centre.Y - quarter}, {right, centre.Y - quarter}}
}

// appendLine goes on with a line that turns at y, if it has to.
func appendLine(route []Point, from, to Point, y float64) []Point {
	for _, p := range []Point{from, {from.X, y}, {to.X, y}, to} {
		// A point in the middle of a straight line is no corner.
		if n := len(route); n > 1 && route[n-1].X == p.X && route[n-2].X == p.X {
			route[n-1] = p
		} else if n == 0 || route[n-1] != p {
			route = append(route, p)
		}
	}
	return route
}

// appendCurve goes on with a curve that leaves and arrives upright.
func appendCurve(route []Point, from, to Point) []Point {
	if n := len(route); n == 0 {
		route = append(route, from)
	} else if last := route[n-1]; last != from {
		route = append(route, last, from, from)
	}
	bow := 0.45 * (to.Y - from.Y)
	return append(route, Point{from.X, from.Y + bow}, Point{to.X, to.Y - bow}, to)
}

// segments finds all segments below each rank, with the places where they begin, turn and end.
func (g *net) segments() []map[link]*segment {
	gaps := make([]map[link]*segment, len(g.ranks))
	for r := range gaps {
		gaps[r] = map[link]*segment{}
	}
	var all []*segment
	for _, chain := range g.chains {
		for i := range chain[1:] {
			l := link{chain[i], chain[i+1]}
			r := g.vertices[l.upper].rank
			if gaps[r][l] == nil {
				s := &segment{link: l, arrives: !g.vertices[l.lower].bend}
				s.top, s.bottom = g.facing(l)
				gaps[r][l] = s
				all = append(all, s)
			}
		}
	}
	for v := range g.vertices {
		if g.vertices[v].bend {
			continue
		}
		g.spread(v, all, func(s *segment) (int, int, *float64) { return s.upper, s.lower, &s.top })
		g.spread(v, all, func(s *segment) (int, int, *float64) { return s.lower, s.upper, &s.bottom })
	}
	g.straighten(all)
	below := make([][]*segment, len(g.ranks))
	for _, s := range all {
		r := g.vertices[s.upper].rank
		below[r] = append(below[r], s)
	}
	for _, segments := range below {
		assignTracks(segments)
	}
	return gaps
}

// span is the part of a vertex's side where edges may end.
func (g *net) span(v int) (low, high float64) {
	inset := min(12, g.vertices[v].Width/4)
	return g.vertices[v].x - g.vertices[v].Width/2 + inset, g.vertices[v].x + g.vertices[v].Width/2 - inset
}

// facing returns where a link would best end: in a vertical line if the sides face each other, else where they come
// closest.
func (g *net) facing(l link) (top, bottom float64) {
	lowA, highA := g.span(l.upper)
	lowB, highB := g.span(l.lower)
	a, b := g.vertices[l.upper].x, g.vertices[l.lower].x
	if low, high := max(lowA, lowB), min(highA, highB); low <= high {
		x := min(max((a+b)/2, low), high)
		return x, x
	}
	return min(max(b, lowA), highA), min(max(a, lowB), highB)
}

// spread moves the ends at one side of a box apart, in the order of where they come from.
func (g *net) spread(v int, all []*segment, end func(*segment) (here, there int, x *float64)) {
	var ends []*segment
	for _, s := range all {
		if here, _, _ := end(s); here == v {
			ends = append(ends, s)
		}
	}
	if len(ends) < 2 {
		return
	}
	slices.SortStableFunc(ends, func(a, b *segment) int {
		_, u, x := end(a)
		_, w, y := end(b)
		return cmp.Or(cmp.Compare(*x, *y), cmp.Compare(g.vertices[u].x, g.vertices[w].x))
	})
	low, high := g.span(v)
	apart := min(g.options.TrackGap, (high-low)/float64(len(ends)-1))
	previous := math.Inf(-1)
	for _, s := range ends {
		_, _, x := end(s)
		*x = max(*x, previous+apart)
		previous = *x
	}
	limit := high
	for _, s := range slices.Backward(ends) {
		_, _, x := end(s)
		*x = min(*x, limit)
		limit = *x - apart
	}
}

// straighten removes steps that spreading has made, where one of the ends is alone at its side and may move.
func (g *net) straighten(all []*segment) {
	tops, bottoms := map[int]int{}, map[int]int{}
	for _, s := range all {
		tops[s.upper]++
		bottoms[s.lower]++
	}
	for _, s := range all {
		lowA, highA := g.span(s.upper)
		lowB, highB := g.span(s.lower)
		switch {
		case s.top == s.bottom:
		case tops[s.upper] == 1 && !g.vertices[s.upper].bend && lowA <= s.bottom && s.bottom <= highA:
			s.top = s.bottom
		case bottoms[s.lower] == 1 && !g.vertices[s.lower].bend && lowB <= s.top && s.top <= highB:
			s.bottom = s.top
		}
	}
}

// assignTracks chooses the levels at which the segments between two ranks turn: two that overlap turn at different
// ones, and those that begin farther along their way turn first, so that they don't cross.
func assignTracks(segments []*segment) {
	var turning []*segment
	for _, s := range segments {
		if s.top != s.bottom {
			turning = append(turning, s)
		}
	}
	slices.SortStableFunc(turning, func(a, b *segment) int {
		rightA, rightB := a.bottom > a.top, b.bottom > b.top
		switch {
		case rightA && rightB:
			return cmp.Compare(b.top, a.top)
		case !rightA && !rightB:
			return cmp.Compare(a.top, b.top)
		case rightA:
			return -1
		}
		return 1
	})
	for i, s := range turning {
		for _, placed := range turning[:i] {
			if min(s.top, s.bottom) <= max(placed.top, placed.bottom) && min(placed.top, placed.bottom) <= max(s.top, s.bottom) {
				s.track = max(s.track, placed.track+1)
			}
		}
	}
}
