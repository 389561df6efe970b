package main

// This file tells the version, and what the machine is and can.

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/mem"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), version()) },
	}
}

// version is one line: "cornu 0.1.0 (go1.26.0, linux/amd64 v1)".
func version() string {
	target := runtime.GOOS + "/" + runtime.GOARCH
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "GOAMD64", "GOARM64":
				target += " " + s.Value
			case "vcs.revision":
				revision = ", commit " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return fmt.Sprintf("cornu %s (%s, %s%s)", cornu.Version, runtime.Version(), target, revision)
}

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell the kernels in use, the caches, the cores and the measured peak",
		Long:  "Doctor tells which kernels are in use, how large the caches are, how many cores, and the most floating-point operations that fused\nmultiply-adds of registers alone reach here: the limit that a training can be measured against.",
		Args:  noArguments,
		RunE:  doctor,
	}
}

func doctor(c *cobra.Command, _ []string) error {
	out := c.OutOrStdout()
	fmt.Fprintln(out, version())
	if name := processor(); name != "" {
		fmt.Fprintf(out, "processor  %s\n", name)
	}
	var supported []string
	for _, tier := range isa.Supported() {
		supported = append(supported, tier.String())
	}
	tier, err := cornu.Tier()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "kernels    %s, of %s (CORNU_CPU chooses)\n", tier, strings.Join(supported, ", "))
	fmt.Fprintf(out, "caches     %v (CORNU_CACHE chooses)\n", isa.Caches())
	fmt.Fprintf(out, "cores      %d, of which %d are used (GOMAXPROCS, --threads)\n", runtime.NumCPU(), cornu.Threads())
	fmt.Fprintf(out, "memory     %s may be taken at once (CORNU_MEMORY)\n", mem.Format(float64(cornu.MemoryLimit())))
	peak := fmt.Sprintf("FMA peak   %.1f GFLOP/s on 1 thread", isa.PeakFMA(1))
	if n := cornu.Threads(); n > 1 && c.Context().Err() == nil {
		peak += fmt.Sprintf(", %.1f on %d", isa.PeakFMA(n), n)
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	fmt.Fprintln(out, peak)
	return nil
}

// processor returns the processor's name where the system tells it, else "".
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
