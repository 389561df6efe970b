package cputest

// This file chooses the cases that tests go through when they don't go through all.

import (
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
)

// A sample is one case in so many, or all of them where tests are thorough. Each tier has a sample of its own, so that
// the tiers together go through most cases.
type sample struct{ oneIn, next int }

// SampleOf returns a sample of the present tier's cases.
func SampleOf(oneIn int) *sample { return &sample{oneIn, int(isa.Active())} }

// Has reports whether the next case is in the sample.
func (s *sample) Has() bool {
	s.next++
	return choice.Thorough() || s.next%s.oneIn == 0
}
