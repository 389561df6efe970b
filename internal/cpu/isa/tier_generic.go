//go:build !amd64 && !arm64

package isa

// Supported lists the tiers that this machine can run, from the plainest.
func Supported() []Tier { return []Tier{Generic} }
