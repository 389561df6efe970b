package choice

// This file looks for cases that fail.

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Check says what is wrong with the case of some bytes, or nothing, and returns
// the case, to be printed.
type Check func(data []byte) (wrong string, made fmt.Stringer)

// Search checks cases on all processors until one fails, which it makes small and
// reports as an error of t. Case n has the bytes that Random returns for n and
// blocks(n). It begins with case number first and ends after so many, or, where the
// environment variable FUZZTIME says how long, then. It returns how many it has
// checked.
//
// Each processor calls checker for a check of its own, which nobody else uses, and
// for what ends it.
func Search(t *testing.T, what string, first, cases uint64, blocks func(n uint64) int, checker func() (check Check, end func())) uint64 {
	t.Helper()
	until := time.Now().Add(time.Hour)
	if text := os.Getenv("FUZZTIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		cases, until = 1<<60, time.Now().Add(d)
	}
	begin := time.Now()
	var next, done atomic.Uint64
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			check, end := checker()
			defer end()
			for !t.Failed() && time.Now().Before(until) {
				i := next.Add(1) - 1
				if i >= cases {
					return
				}
				n := first + i
				data := Random(n, blocks(n))
				wrong, _ := check(data)
				done.Add(1)
				if wrong != "" {
					found := time.Since(begin)
					data = shrink(data, 3000, func(data []byte) bool { wrong, _ := check(data); return wrong != "" })
					line, _, _ := strings.Cut(wrong, "\n")
					wrong, made := check(data)
					t.Errorf("%s %d, found after %v: %s\nmade small: %s\n%v", what, n, found, line, wrong, made)
				}
			}
		})
	}
	group.Wait()
	return done.Load()
}

// Caught makes a panic what is wrong with a case. It is deferred.
func Caught(wrong *string) {
	if value := recover(); value != nil {
		stack := make([]byte, 4096)
		*wrong = fmt.Sprintf("panic: %v\n%s", value, stack[:runtime.Stack(stack, false)])
	}
}
