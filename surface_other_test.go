//go:build !linux || race

package cornu_test

// limitMemory does nothing: the child watches its memory by itself, and the race
// detector has shadows of all memory.
func limitMemory(uint64) {}
