package product

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// This file looks at the assembly for arm64, on any machine.

// The kernels of the tallest tile should do little but multiply and add. There is no
// arm64 to time them on everywhere, so instructions are counted.
func TestNEONLoopsAreMostlyMultiplyAdds(t *testing.T) {
	code, err := os.ReadFile("gemm_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	loops := map[string]string{}
	for _, f := range strings.Split(string(code), "\nTEXT ·")[1:] {
		name, _, _ := strings.Cut(f, "(")
		for _, label := range []string{"unrolled", "listed"} {
			if _, loop, ok := strings.Cut(f, "\n"+label+":\n"); ok {
				loops[name], _, _ = strings.Cut(loop, "\n\n")
			}
		}
	}
	instruction := regexp.MustCompile(`(?m)^\t\w.*$`)
	for _, kernel := range []struct {
		name string
		most float64
	}{
		{"tile6x16RowsNEON", 1.2},
		{"tile6x16ColsNEON", 1.25},
		{"tile1x64RowsNEON", 1.65},
		{"tile3x32RowsListedNEON", 1.5},
		{"tile1x64RowsListedNEON", 1.85},
	} {
		all := instruction.FindAllString(loops[kernel.name], -1)
		adds := strings.Count(loops[kernel.name], "// FMLA ")
		if adds == 0 {
			t.Fatalf("%s has no loop of multiply-adds", kernel.name)
		}
		each := float64(len(all)) / float64(adds)
		t.Logf("%s: %d instructions for %d multiply-adds of four lanes, %.3f each", kernel.name, len(all), adds, each)
		if each > kernel.most {
			t.Errorf("%s: %.3f instructions for each multiply-add, want at most %v", kernel.name, each, kernel.most)
		}
	}
}
