package par

import "sync"

// A FreeList holds what no task works in at the moment.
type FreeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// Get returns what was put last, or a new T.
func (l *FreeList[T]) Get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return new(T)
	}
	x := l.free[n-1]
	l.free = l.free[:n-1]
	return x
}

// Put adds x to what Get returns.
func (l *FreeList[T]) Put(x *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, x)
}
