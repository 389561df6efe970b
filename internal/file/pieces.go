package file

// This file shares the bytes of a large array out among the cores.

import (
	"sync"
	"sync/atomic"
)

// piece is how many bytes are worth a goroutine: two huge pages.
const piece = 4 << 20

// InPieces calls do for pieces of n bytes that leave nothing out, from the first on, on at most so many goroutines. Most
// of what a large array costs goes into the pages of fresh memory, which each core gets for itself. After an error no
// piece is begun; that of the piece nearest to the beginning is returned.
func InPieces(n int64, threads int, do func(from, to int64) error) error {
	if n <= piece {
		return do(0, n)
	}
	var next atomic.Int64
	var mu sync.Mutex // of what follows
	var first error
	at := n // that failed
	work := func() {
		for {
			to := next.Add(piece)
			from := to - piece
			mu.Lock()
			end := from >= n || first != nil
			mu.Unlock()
			if end {
				return
			}
			if err := do(from, min(to, n)); err != nil {
				mu.Lock()
				if from < at {
					first, at = err, from
				}
				mu.Unlock()
			}
		}
	}
	var all sync.WaitGroup
	for range min(int64(threads), (n+piece-1)/piece) - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	return first
}
