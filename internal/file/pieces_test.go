package file

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestEachDoesAllOnceAndReturnsTheFirstError(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 7} {
		for _, n := range []int{0, 1, 5, 100} {
			var mu sync.Mutex
			done := make([]int, n)
			err := Each(n, threads, func(i int) error {
				mu.Lock()
				defer mu.Unlock()
				done[i]++
				return nil
			})
			for i, times := range done {
				if times != 1 || err != nil {
					t.Errorf("%d on %d: number %d was done %d times, %v", n, threads, i, times, err)
				}
			}
		}
		want := errors.New("number 30")
		begun := 0
		var mu sync.Mutex
		err := Each(1000, threads, func(i int) error {
			mu.Lock()
			defer mu.Unlock()
			begun++
			switch {
			case i == 30:
				return want
			case i > 30:
				return fmt.Errorf("number %d", i)
			}
			return nil
		})
		if err != want || begun > 31+max(threads, 1) {
			t.Errorf("on %d: %v, after %d were begun", threads, err, begun)
		}
	}
}
