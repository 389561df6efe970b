//go:build !amd64 && !linux && !darwin

package isa

// machineCaches returns zeros: this system doesn't report the sizes.
func machineCaches() CacheSizes { return CacheSizes{} }
