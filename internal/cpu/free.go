package cpu

import "sync"

// A freeList holds what no task works in at the moment.
type freeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// get returns what was put last, or a new T.
func (l *freeList[T]) get() *T {
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

func (l *freeList[T]) put(x *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, x)
}
