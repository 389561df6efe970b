package rng

// This file splits rows into two parts.

import (
	"cmp"
	"math"
	"slices"
)

// Cut returns how many of n rows come before the last fraction of them. ok is false if
// one of the parts would be empty.
func Cut(n int, fraction float64) (at int, ok bool) {
	if !(fraction > 0 && fraction < 1) {
		return 0, false
	}
	at = int(math.Floor(float64(n) * (1 - fraction)))
	return at, at > 0 && at < n
}

// Split shuffles the rows 0 … n-1 and returns them without the last fraction of
// them, and that fraction. ok is false if Cut's is, or if n is beyond an int32.
func Split(n int, fraction float64, seed uint64) (first, last []int32, ok bool) {
	at, ok := Cut(n, fraction)
	if !ok || n > math.MaxInt32 {
		return nil, nil, false
	}
	order := make([]int32, n)
	Perm(order, seed, 0)
	return order[:at], order[at:], true
}

// StratifiedSplit is Split, but of the rows of each class the same fraction is in
// the last part, as nearly as whole rows permit. Classes are 0, 1, 2, ….
func StratifiedSplit(classes []int32, fraction float64, seed uint64) (first, last []int32, ok bool) {
	n := len(classes)
	first, last, ok = Split(n, fraction, seed)
	if !ok {
		return nil, nil, false
	}
	counts := make([]int, slices.Max(classes)+1)
	for _, c := range classes {
		counts[c]++
	}
	// Each class gives its share of rows, rounded down. The classes that lost most by
	// rounding give one more each, until there are enough.
	held, rests, left := make([]int, len(counts)), make([]float64, len(counts)), len(last)
	byRest := make([]int, len(counts))
	for c, count := range counts {
		share := float64(count) * float64(len(last)) / float64(n)
		held[c] = int(share)
		left -= held[c]
		rests[c], byRest[c] = share-float64(held[c]), c
	}
	slices.SortStableFunc(byRest, func(a, b int) int { return cmp.Compare(rests[b], rests[a]) })
	for _, c := range byRest[:max(left, 0)] {
		held[c]++
	}
	order := append(slices.Clone(first), last...)
	first, last = nil, nil
	for _, row := range order {
		if c := classes[row]; counts[c] > held[c] {
			counts[c]--
			first = append(first, row)
		} else {
			last = append(last, row)
		}
	}
	return first, last, true
}
