//go:build !amd64

package isa

import (
	"fmt"
	"os"
	"strings"
)

// machineCaches reads the sizes from the files in /sys.
func machineCaches() (c CacheSizes) {
	for i := range 8 {
		read := func(name string) string {
			text, _ := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, name))
			return strings.TrimSpace(string(text))
		}
		if read("type") == "Instruction" {
			continue
		}
		var level, size int
		if fmt.Sscan(read("level"), &level); level > 0 {
			fmt.Sscanf(read("size"), "%dK", &size)
			c.set(level, size<<10)
		}
	}
	return c
}
