package isa

// Supported lists the tiers that this machine can run, from the plainest. Every arm64
// has NEON.
func Supported() []Tier { return []Tier{Generic, NEON} }
