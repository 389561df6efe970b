package isa

import (
	"cmp"
	"fmt"
	"os"
	"strings"
)

// This file chooses between the kernels of the instruction sets. Which one runs
// changes no result.

// A Tier is a set of kernels for one instruction set.
type Tier int

// The tiers, from the plainest.
const (
	Generic Tier = iota // plain Go
	AVX2                // AVX2 and FMA
	AVX512              // AVX-512 F, BW, DQ and VL
	NEON                // arm64
)

var tierNames = [...]string{"generic", "avx2", "avx512", "neon"}

// String returns the tier's name, as CORNU_CPU takes it.
func (t Tier) String() string {
	if t < 0 || int(t) >= len(tierNames) {
		return fmt.Sprintf("Tier(%d)", int(t))
	}
	return tierNames[t]
}

var (
	active  Tier
	tierErr error
)

func init() {
	supported := Supported()
	active = supported[len(supported)-1]
	if name := os.Getenv("CORNU_CPU"); name != "" {
		tierErr = choose(name)
	}
}

// choose makes the named tier the active one.
func choose(name string) error {
	for i, known := range tierNames {
		if name == known {
			return Force(Tier(i))
		}
	}
	active = Generic
	return fmt.Errorf("CORNU_CPU=%q: no such tier; known are %s", name, strings.Join(tierNames[:], ", "))
}

// Active returns the tier in use.
func Active() Tier { return active }

// Err returns why the value of CORNU_CPU or of CORNU_CACHE is not in use, or nil.
func Err() error { return cmp.Or(tierErr, cacheErr) }

// Force makes t the active tier, or Generic, with an error, if the machine doesn't support t. It must not be called while
// kernels run.
func Force(t Tier) error {
	for _, s := range Supported() {
		if s == t {
			active = t
			return nil
		}
	}
	active = Generic
	return fmt.Errorf("CORNU_CPU=%s: this machine lacks that tier; it has %v", t, Supported())
}
