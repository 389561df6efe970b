package cornu

// This file reads the bytes of files: a large array on all cores, and no longer than a context allows.

import (
	"context"
	"io"
	"sync"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/file"
)

// A reading reads what r reads.
type reading struct {
	ctx context.Context
	r   io.ReaderAt
}

func newReading(ctx context.Context, r io.ReaderAt) *reading { return &reading{orBackground(ctx), r} }

// orBackground returns a context that never ends for nil.
func orBackground(ctx context.Context) context.Context {
	if config.IsNil(ctx) {
		return context.Background()
	}
	return ctx
}

// ReadAt reads as io.ReaderAt says.
func (r *reading) ReadAt(b []byte, at int64) (int, error) {
	var failing sync.Mutex
	read := int64(len(b))
	err := file.InPieces(read, Threads(), func(from, to int64) error {
		n, err := 0, r.ctx.Err()
		if err == nil {
			n, err = r.r.ReadAt(b[from:to], at+from)
		}
		if int64(n) < to-from {
			failing.Lock()
			defer failing.Unlock()
			read = min(read, from+int64(n))
		}
		return err
	})
	return int(read), err
}

// A stream reads what r reads, in order.
type stream struct {
	ctx context.Context
	r   io.Reader
}

// Read reads as io.Reader says.
func (s stream) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}
