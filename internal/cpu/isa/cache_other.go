//go:build !amd64 && !linux && !darwin

package isa

// machineCaches returns no size: the system tells none.
func machineCaches() CacheSizes { return CacheSizes{} }
