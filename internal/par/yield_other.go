//go:build !linux

package par

// yield would let another thread have the core; Go offers no portable way.
func yield() {}
