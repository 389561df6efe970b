package choice

import "os"

// Thorough reports whether tests go through all of their cases, as .ci/run asks for by CORNU_CI, and not through a part
// that takes seconds.
func Thorough() bool { return os.Getenv("CORNU_CI") != "" }

// Effort returns the number that a test takes: the second where tests are thorough, a quarter of the first under the race
// detector. More is more work.
func Effort(quick, thorough int) int {
	switch {
	case Thorough():
		return thorough
	case raced:
		return max(quick/4, 1)
	}
	return quick
}
