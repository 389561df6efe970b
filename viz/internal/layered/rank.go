package layered

// This file gives each box its rank, the row that it stands in.

import "slices"

// ranks puts every box below all that lead to it, and then as close to its neighbours as that permits. No edges may
// close a circle.
func ranks(n int, edges []Edge) []int {
	in, out := make([][]int, n), make([][]int, n)
	for _, e := range edges {
		in[e.To] = append(in[e.To], e.From)
		out[e.From] = append(out[e.From], e.To)
	}

	// The longest path from a source.
	rank, waiting := make([]int, n), make([]int, n)
	var ready, sorted []int
	for v := range n {
		if waiting[v] = len(in[v]); waiting[v] == 0 {
			ready = append(ready, v)
		}
	}
	for len(ready) > 0 {
		v := ready[0]
		ready, sorted = ready[1:], append(sorted, v)
		for _, w := range out[v] {
			rank[w] = max(rank[w], rank[v]+1)
			if waiting[w]--; waiting[w] == 0 {
				ready = append(ready, w)
			}
		}
	}

	// A box with more edges below than above shortens them by moving down, and the other way round. Each move makes the
	// edges shorter together, so this ends.
	for moved := true; moved; {
		moved = false
		for _, v := range slices.Backward(sorted) {
			low, high := 0, n
			for _, u := range in[v] {
				low = max(low, rank[u]+1)
			}
			for _, w := range out[v] {
				high = min(high, rank[w]-1)
			}
			to := rank[v]
			switch {
			case len(out[v]) > len(in[v]):
				to = high
			case len(in[v]) > len(out[v]):
				to = low
			}
			if to != rank[v] {
				rank[v], moved = to, true
			}
		}
	}
	if n > 0 {
		first := slices.Min(rank)
		for v := range rank {
			rank[v] -= first
		}
	}
	return rank
}
