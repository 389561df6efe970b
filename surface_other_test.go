//go:build !linux

package cornu_test

// limitMemory does nothing: the child watches its memory by itself.
func limitMemory(uint64) {}
