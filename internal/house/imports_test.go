package house

// Imports point down. The order is the design of the house: whoever changes it changes the table here first.

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors lists every package from the top of the house to its foundations. A package may import only what stands on a
// lower floor, so packages of one floor don't know each other. "" is the root package, cornu.
var floors = [][]string{
	{"bench", "examples/resnet", "examples/autoencoder", "examples/dcgan", "examples/cvae", "examples/charlm", "examples/forecast", "examples/languages", "examples"},
	{"examples/internal/pictures"},
	{"cmd/cornu"},
	{"cmd/cornu/internal/book"},
	{"serve"},
	{"viz"},
	{""},
	{"kerasfile", "onnx", "safetensors"},
	{"callback", "callback/remote"},
	{"train"},
	{"dataset/mnist", "dataset/fashionmnist"},
	{"dataset", "data/csv", "data/imagefolder"},
	{"data"},
	{"data/idx", "data/download"},
	{"layer"},
	{"metric"},
	{"activation", "initializer", "regularizer", "constraint", "loss", "optimizer"},
	{"internal/plan"},
	{"internal/ref"},
	{"graph"},
	{"internal/slab"},
	{"tensor"},
	{"internal/cpu/attention"},
	{"internal/cpu/product"},
	{"internal/cpu/elementwise", "internal/cpu/reduce"},
	{"internal/cpu/move"},
	{"internal/cpu/cputest"},
	{"internal/cpu"},
	{"internal/resample"},
	{"internal/par"},
	{"internal/rng", "internal/mem"},
	{"internal/hdf5", "internal/pb", "internal/checkpoint"},
	{"internal/tensorfile"},
	{"internal/faulty"},
	{"internal/config", "internal/file", "internal/hash", "viz/internal/layered", "internal/terminal", "internal/number", "internal/strictjson"},
	{"internal/crc"},
	{"internal/cpu/isa"},
	{"internal/fmath"},
	{"internal/hostile"},
	{"internal/choice", "internal/golden", "internal/capped", "internal/house", "docs"},
}

// outside says which packages may import a module that isn't ours, by the path's beginning.
var outside = map[string][]string{
	"golang.org/x/sys/cpu":                          {"internal/cpu/isa"},
	"golang.org/x/sys/windows":                      {"internal/file"},
	"golang.org/x/term":                             {"internal/terminal"},
	"github.com/spf13/cobra":                        {"cmd/cornu"},
	"github.com/spf13/pflag":                        {"cmd/cornu"},
	"gonum.org/v1/plot/":                            {"viz"},
	"codeberg.org/go-fonts/liberation/":             {"viz"},
	"golang.org/x/image/":                           {"viz"},
	"google.golang.org/protobuf/encoding/protowire": {"internal/pb"},
}

// internal reports whether the package in that folder is for this module alone.
func internal(dir string) bool { return strings.Contains("/"+dir+"/", "/internal/") }

// forTests lists the packages that are for tests.
var forTests = []string{"internal/choice", "internal/golden", "internal/capped", "internal/faulty", "internal/hostile", "internal/cpu/cputest"}

func TestImportsPointDown(t *testing.T) {
	floor := map[string]int{}
	for i, names := range floors {
		for _, name := range names {
			if _, twice := floor[name]; twice {
				t.Errorf("%s stands on two floors", name)
			}
			floor[name] = i
		}
	}
	packages := source(t)
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		here, known := floor[dir]
		if !known {
			t.Errorf("%s stands on no floor: give it one in the table of this test", name(dir))
			continue
		}
		for imported := range imports(packages[dir]) {
			there, ours := strings.CutPrefix(imported+"/", module+"/")
			if !ours {
				if !standard(imported) && !allowed(imported, dir) {
					t.Errorf("%s imports %s, which the table of this test keeps to %v", name(dir), imported, owners(imported))
				}
				continue
			}
			there = strings.TrimSuffix(there, "/")
			if below, known := floor[there]; known && below <= here {
				t.Errorf("%s imports %s: imports point down, and it stands higher or beside", name(dir), name(there))
			}
			if slices.Contains(forTests, there) && !slices.Contains(forTests, dir) {
				t.Errorf("%s imports %s, which is for tests", name(dir), there)
			}
		}
	}
}

// A program that uses the library links neither the command line nor the plotting.
func TestTheLibraryLinksOnlyWhatItComputesWith(t *testing.T) {
	packages := source(t)
	seen := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		if seen[dir] || packages[dir] == nil {
			return
		}
		seen[dir] = true
		for imported := range imports(packages[dir]) {
			if there, ours := strings.CutPrefix(imported+"/", module+"/"); ours {
				walk(strings.TrimSuffix(there, "/"))
			} else if !standard(imported) && !strings.HasPrefix(imported, "golang.org/x/sys/") && !strings.HasPrefix(imported, "golang.org/x/term") {
				t.Errorf("the root package links %s through %s", imported, name(dir))
			}
		}
	}
	walk("")
	if !seen[""] {
		t.Skip("there is no root package yet")
	}
}

func imports(p *pkg) map[string]bool {
	all := map[string]bool{}
	for _, file := range p.files {
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			all[imported] = true
		}
	}
	return all
}

// standard says whether a package is of Go's own library: no dot in the first element of its path.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func owners(imported string) []string {
	for prefix, dirs := range outside {
		if strings.HasPrefix(imported, prefix) {
			return dirs
		}
	}
	return nil
}

func allowed(imported, dir string) bool { return slices.Contains(owners(imported), dir) }

// name is how messages call a package.
func name(dir string) string {
	if dir == "" {
		return "cornu"
	}
	return dir
}
