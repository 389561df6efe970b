package file

// This file shares reading out among the cores.

import (
	"sync"
	"sync/atomic"
)

// Piece is how many bytes of a large array are worth a goroutine: two huge pages.
const Piece = 4 << 20

// InPieces calls do for pieces of n bytes that leave nothing out, from the first on, on at most so many goroutines. Most
// of what a large array costs goes into the pages of fresh memory, which each core gets for itself. After an error no
// piece is begun; that of the piece nearest to the beginning is returned.
func InPieces(n int64, threads int, do func(from, to int64) error) error {
	if n <= Piece {
		return do(0, n)
	}
	return Each(int((n+Piece-1)/Piece), threads, func(i int) error {
		from := int64(i) * Piece
		return do(from, min(from+Piece, n))
	})
}

// Each calls do for the numbers below n, from 0 on, on at most so many goroutines. After an error none is begun; that of the least number is
// returned.
func Each(n, threads int, do func(i int) error) error {
	var next atomic.Int64
	var mu sync.Mutex // of what follows
	var first error
	at := n // that failed
	work := func() {
		for {
			i := int(next.Add(1) - 1)
			mu.Lock()
			end := i >= n || first != nil
			mu.Unlock()
			if end {
				return
			}
			if err := do(i); err != nil {
				mu.Lock()
				if i < at {
					first, at = err, i
				}
				mu.Unlock()
			}
		}
	}
	var all sync.WaitGroup
	for range min(threads, n) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	return first
}
