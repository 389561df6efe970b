// Package initializer has the rules by which Keras draws the first weights of a
// network, with Keras's names and defaults.
//
// Every value is a function of the model's seed, the variable's place in the
// model, and the element's index. It is computed in float64 and rounded once, so
// it depends neither on the order in which weights are drawn nor on the machine.
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0.
package initializer

// This file defines Initializer and finds one by its name.

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/tensor"
)

// An Initializer sets the first values of a variable.
type Initializer interface {
	// Name returns Keras's name: "glorot_uniform".
	Name() string
	// Init fills dst, the elements of a variable of that shape, with values that
	// depend on seed and stream alone. It is an error if the initializer has no
	// meaning for the shape, or its fields are out of range.
	Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error
}

var registry = config.NewRegistry[Initializer](
	"initializer",
	Zeros{}, Ones{}, Constant{}, Identity{}, Orthogonal{},
	RandomUniform{}, RandomNormal{}, TruncatedNormal{}, VarianceScaling{},
	GlorotUniform{}, GlorotNormal{}, HeUniform{}, HeNormal{}, LecunUniform{}, LecunNormal{},
)

func init() {
	for name, i := range map[string]Initializer{
		"zero": Zeros{}, "one": Ones{}, "normal": RandomNormal{}, "uniform": RandomUniform{},
		"IdentityInitializer": Identity{}, "OrthogonalInitializer": Orthogonal{},
	} {
		registry.Register(i, name)
	}
}

// ByName returns the initializer that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Initializer, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes an initializer known to ByName and to files, by its Name.
func Register(i Initializer) { registry.Register(i) }

// check returns an error unless dst is as long as the shape says.
func check(i Initializer, dst []float32, shape tensor.Shape) error {
	if n := shape.Numel(); n != len(dst) {
		return errorf(i, "shape %v has %d elements, the variable has %d", shape, n, len(dst))
	}
	return nil
}

func errorf(i Initializer, format string, args ...any) error {
	return fmt.Errorf("initializer %s: %w", i.Name(), fmt.Errorf(format, args...))
}

// draw sets element i to f of the i-th 64 random bits.
func draw(dst []float32, seed uint64, stream uint16, f func(random uint64) float64) {
	s := rng.New(seed, stream, 0)
	for i := 0; i < len(dst); i += 2 {
		b := s.Block(uint64(i) / 2)
		dst[i] = float32(f(uint64(b[0]) | uint64(b[1])<<32))
		if i+1 < len(dst) {
			dst[i+1] = float32(f(uint64(b[2]) | uint64(b[3])<<32))
		}
	}
}
