//go:build !amd64 && !linux && !darwin

package cpu

// machineCaches returns no size: the system tells none.
func machineCaches() CacheSizes { return CacheSizes{} }
