package par

import (
	"runtime"
	"sync/atomic"
)

// This file keeps the pool that the library's work runs on.

var shared atomic.Pointer[Pool]

// Default returns the pool that the library's work runs on: GOMAXPROCS workers,
// started at the first use, unless SetDefault said otherwise.
func Default() *Pool {
	if p := shared.Load(); p != nil {
		return p
	}
	p := New(runtime.GOMAXPROCS(0))
	if !shared.CompareAndSwap(nil, p) {
		p.Close()
		return shared.Load()
	}
	return p
}

// SetDefault replaces the default pool by one of threads workers; 0 means
// GOMAXPROCS. Whoever holds the old pool can go on using it; it ends when it is
// garbage.
func SetDefault(threads int) {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	if p := shared.Load(); p == nil || p.Workers() != threads {
		shared.Store(New(threads))
	}
}
