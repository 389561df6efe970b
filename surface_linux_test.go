//go:build !race

package cornu_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// limitMemory keeps the process from asking for more than so many bytes beyond
// those that it has.
func limitMemory(more uint64) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		return
	}
	limit := pages*uint64(os.Getpagesize()) + more
	syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit})
}
