package house

// The Go specification lets a compiler fuse x*y + z into one instruction with one rounding, across statements and
// inlined calls. arm64 and riscv64 do, and amd64 does from GOAMD64=v3 on. Then the same source gives other bits on
// other machines, so the sources write float32(x*y) + z, and this test reads the machine code. It compiles the module
// for three architectures, so only .ci/run does it, which sets CORNU_CI.

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fused matches the instructions of arm64, riscv64 and amd64 that multiply and add with one rounding.
var fused = regexp.MustCompile(`\s(V?FN?M(?:ADD|SUB)\w*)\s`)

// location matches "file.go:123" at the beginning of a line of a disassembly.
var location = regexp.MustCompile(`^\s+(\S+\.go):(\d+)\s`)

func TestNoInstructionFusesWithoutBeingAsked(t *testing.T) {
	if os.Getenv("CORNU_CI") == "" {
		t.Skip("compiles the module for three architectures, which .ci/run does")
	}
	said := sayFMA(t)
	for _, target := range []string{"GOARCH=arm64", "GOARCH=riscv64", "GOARCH=amd64 GOAMD64=v3"} {
		t.Run(target, func(t *testing.T) {
			for _, object := range objects(t, target) {
				if draws(object.path) {
					continue
				}
				for _, found := range scan(t, object, said) {
					t.Error(found)
				}
			}
		})
	}
}

// The test would pass on any code if it couldn't see a fused instruction: fmath asks for some.
func TestTheScanSeesInstructionsThatAreAskedFor(t *testing.T) {
	if os.Getenv("CORNU_CI") == "" {
		t.Skip("compiles the module for arm64, which .ci/run does")
	}
	found := 0
	for _, object := range objects(t, "GOARCH=arm64") {
		if strings.HasSuffix(object.path, "/internal/fmath") {
			found += len(scan(t, object, nil))
		}
	}
	if found == 0 {
		t.Error("no fused instruction in internal/fmath for arm64, which calls math.FMA")
	}
}

// draws says whether a package makes pictures and lines of text, which are looked at and not computed with.
func draws(path string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(path, module+"/"), "/")
	return slices.Contains([]string{"bench", "cmd", "serve", "viz"}, top)
}

// An object is a compiled package.
type object struct{ path, file string }

// objects compiles every package of the module for a target, given as variables of the environment.
func objects(t *testing.T, target string) []object {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-f", "{{.ImportPath}} {{.Export}}", "./...")
	list.Dir = root
	list.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS="), strings.Fields(target)...)
	var complaints bytes.Buffer
	list.Stderr = &complaints
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaints.String())
	}
	var all []object
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 2 {
			all = append(all, object{f[0], f[1]})
		}
	}
	return all
}

// scan lists the fused instructions of a package that were compiled from Go and that no line of source asks for.
// Assembly is left out: there an FMA is written by hand or by a generator.
func scan(t *testing.T, o object, said map[string]bool) []string {
	t.Helper()
	dump := exec.Command("go", "tool", "objdump", o.file)
	out, err := dump.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dump.Start(); err != nil {
		t.Fatal(err)
	}
	var found []string
	function, assembly := "", false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "TEXT "); ok {
			function, rest, _ = strings.Cut(rest, "(SB) ")
			assembly = strings.HasSuffix(rest, ".s")
			continue
		}
		instruction := fused.FindStringSubmatch(line)
		if instruction == nil || assembly {
			continue
		}
		at := location.FindStringSubmatch(line)
		if at == nil {
			found = append(found, fmt.Sprintf("%s: %s, of no line of source", function, instruction[1]))
		} else if place := at[1] + ":" + at[2]; !said[place] {
			found = append(found, fmt.Sprintf("%s: %s from %s: write float32(x*y) + z, or call FMA", function, instruction[1], place))
		}
	}
	if err := dump.Wait(); err != nil {
		t.Fatalf("go tool objdump %s: %v", o.path, err)
	}
	return found
}

// sayFMA lists the lines of the module that ask for a fused instruction by name, as "file.go:line".
func sayFMA(t *testing.T) map[string]bool {
	t.Helper()
	said := map[string]bool{}
	source(t)
	for file := range positions.Iterate {
		name := file.Name()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if code, _, _ := strings.Cut(line, "//"); strings.Contains(code, "FMA(") {
				said[fmt.Sprintf("%s:%d", filepath.Base(name), number)] = true
			}
		}
	}
	return said
}
