package constraint_test

import (
	"math"
	"testing"

	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
)

func TestProjectionsAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "constraints").Cases {
		var holder struct{ C constraint.Constraint }
		if err := config.Decode(map[string]any{"c": map[string]any{"class_name": c.Class, "config": c.Config}}, &holder); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		g := graph.New()
		w := g.Param("w", c.Tensors["w"].Shape)
		projected := holder.C.Project(w)
		if err := g.Err(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		in := make([]float64, len(c.Tensors["w"].Data))
		for i, v := range c.Tensors["w"].Data {
			in[i] = float64(v)
		}
		out, err := ref.Eval(g, 1, map[*graph.Node][]float64{w: in}, projected)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Tensors["projected"].Data {
			if got := out[0][i]; math.Abs(got-float64(want)) > 1e-6*math.Abs(got) {
				t.Errorf("%s: weight %d becomes %v, want %v", c.Name, i, got, want)
			}
		}
	}
}
