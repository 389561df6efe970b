package golden_test

import (
	"math"
	"testing"

	"github.com/cornu-ml/cornu/internal/golden"
)

func TestNumbersReadBackToTheirBits(t *testing.T) {
	c := golden.Load(t, "activations").Case(t, "linear")
	x, y := c.Tensors["x"].Data, c.Tensors["y"].Data
	seen := map[uint32]bool{}
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			t.Errorf("linear(%v) = %v", x[i], y[i])
		}
		seen[math.Float32bits(x[i])] = true
	}
	// The grid holds both zeros, both infinities and the smallest denormals.
	for _, bits := range []uint32{0, 0x80000000, 0x7F800000, 0xFF800000, 1, 0x80000001} {
		if !seen[bits] {
			t.Errorf("the grid lacks %#08x", bits)
		}
	}
}

func TestEveryFileReadsAndItsNamesAreUnique(t *testing.T) {
	for _, name := range []string{
		"activations", "losses", "metrics", "regularizers", "constraints", "optimizers",
		"schedules", "initializers", "trainings", "texts", "keras2", "callbacks", "images", "names",
	} {
		file, seen := golden.Load(t, name), map[string]bool{}
		if file.MadeBy["keras"] == "" {
			t.Errorf("%s doesn't say which Keras made it", name)
		}
		for _, c := range file.Cases {
			if seen[c.Name] {
				t.Errorf("%s: two cases %q", name, c.Name)
			}
			seen[c.Name] = true
		}
	}
}
