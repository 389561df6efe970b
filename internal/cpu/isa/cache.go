package isa

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// This file finds the sizes of the machine's caches, by which products choose their tiles. No result depends on them.

// CacheSizes are the sizes in bytes of the data caches between a core and memory. The first two levels are the core's own,
// the third is often shared.
type CacheSizes struct{ L1, L2, L3 int }

// String returns the sizes as CORNU_CACHE takes them: "48K,2M,32M".
func (c CacheSizes) String() string {
	text := func(n int) string {
		if n%(1<<20) == 0 {
			return fmt.Sprintf("%dM", n>>20)
		}
		return fmt.Sprintf("%dK", n>>10)
	}
	return text(c.L1) + "," + text(c.L2) + "," + text(c.L3)
}

// LineFloats is the number of float32 in a line of the caches.
const LineFloats = 16

// assumedCaches are the sizes for a machine that doesn't report its own.
var assumedCaches = CacheSizes{32 << 10, 512 << 10, 8 << 20}

var (
	caches   = assumedCaches
	cacheErr error
)

func init() {
	caches = machineCaches().completed()
	if text, ok := os.LookupEnv("CORNU_CACHE"); ok && text != "" {
		asked, err := parseCaches(text)
		if cacheErr = err; err == nil {
			caches = asked
		}
	}
}

// Caches returns the sizes that products are cut by: the machine's, or those of CORNU_CACHE.
func Caches() CacheSizes { return caches }

// ForceCaches makes c the sizes that products are cut by. It must not be called while kernels run.
func ForceCaches(c CacheSizes) { caches = c }

// completed returns c with an assumed size for each that is not known. A machine without a third level gets one too: its
// memory is taken to be as fast as the third level of others.
func (c CacheSizes) completed() CacheSizes {
	if c.L1 <= 0 {
		c.L1 = assumedCaches.L1
	}
	if c.L2 < c.L1 {
		c.L2 = max(assumedCaches.L2, c.L1)
	}
	if c.L3 < c.L2 {
		c.L3 = max(assumedCaches.L3, c.L2)
	}
	return c
}

// set sets the size of a level, in bytes.
func (c *CacheSizes) set(level, size int) {
	switch level {
	case 1:
		c.L1 = size
	case 2:
		c.L2 = size
	case 3:
		c.L3 = size
	}
}

// parseCaches reads the sizes of three levels: "48K,2M,32M".
func parseCaches(text string) (c CacheSizes, err error) {
	wrong := func(why string) (CacheSizes, error) {
		return CacheSizes{}, fmt.Errorf("CORNU_CACHE=%q: %s; it must be the sizes of the data caches of one core, from the first level to the third, such as 48K,2M,32M", text, why)
	}
	fields := strings.Split(text, ",")
	if len(fields) != 3 {
		return wrong(fmt.Sprintf("%d of them, not 3", len(fields)))
	}
	var sizes [3]int
	for i, field := range fields {
		field = strings.TrimSpace(field)
		number, unit := strings.TrimSuffix(field, "K"), 1<<10
		if m, ok := strings.CutSuffix(field, "M"); ok {
			number, unit = m, 1<<20
		}
		n, err := strconv.Atoi(number)
		if err != nil || number == field {
			return wrong(fmt.Sprintf("%q is no whole number of K or M", field))
		}
		if n <= 0 || n > (1<<30)/unit {
			return wrong(fmt.Sprintf("%q is not between 1K and 1024M", field))
		}
		sizes[i] = n * unit
	}
	c = CacheSizes{sizes[0], sizes[1], sizes[2]}
	if c.L1 > c.L2 || c.L2 > c.L3 {
		return wrong("a level is smaller than the one before")
	}
	return c, nil
}
