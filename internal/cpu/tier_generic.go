//go:build !amd64 && !arm64

package cpu

// Supported lists the tiers that this machine can run, from the plainest.
func Supported() []Tier { return []Tier{Generic} }
