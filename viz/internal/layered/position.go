package layered

// This file finds the x of every vertex: Brandes and Köpf, "Fast and Simple Horizontal Coordinate Assignment" (2001).
// Vertices are put on vertical lines with one of their neighbours, blocks of aligned vertices are packed, and of four
// such solutions, to the left and right, downwards and upwards, the median is taken.

import (
	"math"
	"slices"
)

func (g *net) position() {
	crossed := g.crossedLinks()
	var solutions [][]float64
	narrowest, least := 0, math.Inf(1)
	for _, upwards := range []bool{false, true} {
		for _, rightwards := range []bool{false, true} {
			ranks := g.snapshot()
			if upwards {
				slices.Reverse(ranks)
			}
			if rightwards {
				for _, rank := range ranks {
					slices.Reverse(rank)
				}
			}
			x := g.pack(ranks, g.align(ranks, upwards, crossed))
			if rightwards {
				for i := range x {
					x[i] = -x[i]
				}
			}
			if low, high := g.extent(x); high-low < least {
				narrowest, least = len(solutions), high-low
			}
			solutions = append(solutions, x)
		}
	}

	// The four are laid over each other: those to the left by their left sides, the others by their right ones.
	low, high := g.extent(solutions[narrowest])
	for i, x := range solutions {
		from, to := g.extent(x)
		shift := low - from
		if i%2 == 1 {
			shift = high - to
		}
		for v := range x {
			x[v] += shift
		}
	}
	for v := range g.vertices {
		four := []float64{solutions[0][v], solutions[1][v], solutions[2][v], solutions[3][v]}
		slices.Sort(four)
		g.vertices[v].x = (four[1] + four[2]) / 2
	}
}

// A link leads down from one vertex to another.
type link struct{ upper, lower int }

// crossedLinks returns the links that cross one between two bends: they must not be made vertical, for that one is to be.
func (g *net) crossedLinks() map[link]bool {
	crossed := map[link]bool{}
	for r := range len(g.ranks) - 1 {
		// A link crosses one between bends if that begins to its left and ends to its right, or the other way round. Of two
		// between bends that cross, the one that begins farther to the right gives way.
		rank := g.ranks[r]
		rightmost, leftmost := make([]int, len(rank)+1), make([]int, len(rank)+1) // the ends of those that begin before, or not before, a place
		rightmost[0], leftmost[len(rank)] = -1, math.MaxInt
		for i, u := range rank {
			rightmost[i+1] = rightmost[i]
			if w, ok := g.inner(u); ok {
				rightmost[i+1] = max(rightmost[i], g.vertices[w].index)
			}
		}
		for i, u := range slices.Backward(rank) {
			leftmost[i] = leftmost[i+1]
			if w, ok := g.inner(u); ok {
				leftmost[i] = min(leftmost[i+1], g.vertices[w].index)
			}
		}
		for i, u := range rank {
			for _, w := range g.vertices[u].down {
				end := g.vertices[w].index
				_, inner := g.inner(u)
				if rightmost[i] > end || !inner && leftmost[i+1] < end {
					crossed[link{u, w}] = true
				}
			}
		}
	}
	return crossed
}

// inner returns the bend below a bend, if that is what is below it.
func (g *net) inner(u int) (int, bool) {
	if !g.vertices[u].bend {
		return 0, false
	}
	w := g.vertices[u].down[0]
	return w, g.vertices[w].bend
}

// align joins vertices to blocks that stand in one line, and returns the first vertex of each one's block.
func (g *net) align(ranks [][]int, upwards bool, crossed map[link]bool) (root []int) {
	root, next := make([]int, len(g.vertices)), make([]int, len(g.vertices))
	place := make([]int, len(g.vertices))
	for _, rank := range ranks {
		for i, v := range rank {
			root[v], next[v], place[v] = v, v, i
		}
	}
	for _, rank := range ranks {
		last := -1
		for _, v := range rank {
			beside := g.vertices[v].up
			if upwards {
				beside = g.vertices[v].down
			}
			if len(beside) == 0 {
				continue
			}
			beside = slices.Clone(beside)
			slices.SortFunc(beside, func(a, b int) int { return place[a] - place[b] })
			for i := (len(beside) - 1) / 2; i <= len(beside)/2; i++ { // the median, or both
				u := beside[i]
				l := link{u, v}
				if upwards {
					l = link{v, u}
				}
				if next[v] == v && last < place[u] && !crossed[l] {
					next[u] = v
					root[v] = root[u]
					next[v] = root[v]
					last = place[u]
				}
			}
		}
	}
	return root
}

// pack moves the blocks as far to the left as their neighbours permit, and then to the right where there is room.
func (g *net) pack(ranks [][]int, root []int) []float64 {
	type gap struct {
		to   int
		size float64
	}
	right, left := make([][]gap, len(g.vertices)), make([][]gap, len(g.vertices))
	for _, rank := range ranks {
		for i := range len(rank) - 1 {
			a, b := root[rank[i]], root[rank[i+1]]
			size := g.separation(rank[i], rank[i+1])
			right[a] = append(right[a], gap{b, size})
			left[b] = append(left[b], gap{a, size})
		}
	}
	x := make([]float64, len(g.vertices))
	var sorted []int // blocks, each after those to its left
	done := make([]bool, len(g.vertices))
	var visit func(v int)
	visit = func(v int) {
		if done[v] {
			return
		}
		done[v] = true
		for _, l := range left[v] {
			visit(l.to)
			x[v] = max(x[v], x[l.to]+l.size)
		}
		sorted = append(sorted, v)
	}
	for _, rank := range ranks {
		for _, v := range rank {
			visit(root[v])
		}
	}
	for _, v := range slices.Backward(sorted) {
		limit := math.Inf(1)
		for _, r := range right[v] {
			limit = min(limit, x[r.to]-r.size)
		}
		if !math.IsInf(limit, 1) {
			x[v] = max(x[v], limit)
		}
	}
	for v := range x {
		x[v] = x[root[v]]
	}
	return x
}

// separation is the least distance between the centres of two vertices side by side.
func (g *net) separation(a, b int) float64 {
	gap := g.options.BoxGap
	if g.vertices[a].bend && g.vertices[b].bend {
		gap = g.options.TrackGap
	}
	return (g.vertices[a].Width+g.vertices[b].Width)/2 + g.vertices[a].side + g.vertices[b].side + gap
}

func (g *net) extent(x []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for v := range x {
		half := g.vertices[v].Width / 2
		low, high = min(low, x[v]-half), max(high, x[v]+half)
	}
	return low, high
}
