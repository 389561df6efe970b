//go:build !amd64

package isa

import "syscall"

// machineCaches asks the system for the caches of its faster cores. The cores of a cluster share the second level; the
// system reports no third.
func machineCaches() (c CacheSizes) {
	for level, names := range map[int][]string{
		1: {"hw.perflevel0.l1dcachesize", "hw.l1dcachesize"},
		2: {"hw.perflevel0.l2cachesize", "hw.l2cachesize"},
		3: {"hw.perflevel0.l3cachesize", "hw.l3cachesize"},
	} {
		for _, name := range names {
			// A number is returned as its bytes, without zeros at the end.
			bytes, err := syscall.Sysctl(name)
			size := 0
			for i := len(bytes) - 1; i >= 0; i-- {
				size = size<<8 | int(bytes[i])
			}
			if err == nil && size > 0 {
				c.set(level, size)
				break
			}
		}
	}
	return c
}
