package regularizer_test

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestPenaltiesAndTheirDerivativesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "regularizers").Cases {
		var holder struct{ R regularizer.Regularizer }
		if err := config.Decode(map[string]any{"r": map[string]any{"class_name": c.Class, "config": c.Config}}, &holder); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		g := graph.New()
		w := g.Param("w", c.Tensors["w"].Shape)
		penalty := holder.R.Penalty(w)
		dw := graph.Gradients(penalty, w)[0]
		if err := g.Err(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		in := make([]float64, len(c.Tensors["w"].Data))
		for i, v := range c.Tensors["w"].Data {
			in[i] = float64(v)
		}
		out, err := ref.Eval(g, 1, map[*graph.Node][]float64{w: in}, penalty, dw)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := out[0][0], c.Numbers["penalty"][0]; math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: the penalty is %v, want %v", c.Name, got, want)
		}
		for i, want := range c.Tensors["dw"].Data {
			if got := out[1][i]; math.Abs(got-float64(want)) > 1e-6*math.Abs(got)+1e-8 {
				t.Errorf("%s: derivative %d is %v, want %v", c.Name, i, got, want)
			}
		}
	}
}

func TestAnOrthogonalRegularizerThatDoesNotFitIsAnError(t *testing.T) {
	for want, test := range map[string]struct {
		r     regularizer.Orthogonal
		shape tensor.Shape
	}{
		`Mode is "diagonals"`:           {regularizer.Orthogonal{Mode: "diagonals"}, tensor.Shape{2, 2}},
		"needs a matrix, got the shape": {regularizer.Orthogonal{}, tensor.Shape{2}},
	} {
		g := graph.New()
		test.r.Penalty(g.Input("w", test.shape))
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
