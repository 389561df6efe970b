package cornu

// This file reads the bytes of files: a large array on all cores, and no longer than a context allows.

import (
	"context"
	"io"
	"sync"

	"github.com/cornu-ml/cornu/internal/config"
)

// A reading reads what r reads. A large piece is copied by as many goroutines as there are threads: most of
// the time goes into the pages of fresh memory, which each core gets for itself.
type reading struct {
	ctx context.Context
	r   io.ReaderAt
}

func newReading(ctx context.Context, r io.ReaderAt) *reading {
	if config.IsNil(ctx) {
		ctx = context.Background()
	}
	return &reading{ctx, r}
}

// leastPiece is how many bytes are worth a goroutine: two huge pages.
const leastPiece = 4 << 20

// ReadAt reads as io.ReaderAt says.
func (r *reading) ReadAt(b []byte, at int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	pieces := (len(b) + leastPiece - 1) / leastPiece
	threads := min(Threads(), pieces)
	if threads <= 1 {
		return r.r.ReadAt(b, at)
	}
	read := make([]int, pieces)
	errs := make([]error, pieces)
	var all sync.WaitGroup
	for t := range threads {
		all.Go(func() {
			for i := t; i < pieces; i += threads {
				if errs[i] = r.ctx.Err(); errs[i] != nil {
					return
				}
				piece := b[i*leastPiece : min((i+1)*leastPiece, len(b))]
				read[i], errs[i] = r.r.ReadAt(piece, at+int64(i)*leastPiece)
			}
		})
	}
	all.Wait()
	n := 0
	for i := range pieces {
		n += read[i]
		if whole := min(leastPiece, len(b)-i*leastPiece); read[i] < whole {
			if errs[i] == nil {
				errs[i] = r.ctx.Err()
			}
			return n, errs[i]
		}
	}
	return n, errs[pieces-1]
}
