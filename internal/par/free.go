package par

import "sync"

// This file keeps scratch memory for later tasks.

// A FreeList keeps scratch memory, values of type T, that no task is using.
type FreeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// Get returns the value that was put last, or a new one.
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

// Put keeps x for a later Get.
func (l *FreeList[T]) Put(x *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, x)
}
