package activation_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

// configured returns the activation that the golden case is of.
func configured(t *testing.T, c golden.Case) activation.Activation {
	t.Helper()
	holder := struct{ F activation.Activation }{}
	member := map[string]any{"class_name": c.Class, "config": c.Config}
	if err := config.Decode(map[string]any{"f": member}, &holder); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return holder.F
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

// close reports whether got is want, which was rounded to float32.
func close(got float64, want float32) bool {
	w := float64(want)
	if math.IsNaN(w) || math.IsInf(w, 0) {
		return math.IsNaN(got) == math.IsNaN(w) && (math.IsNaN(got) || math.Abs(got) > math.MaxFloat32 && got*w > 0)
	}
	return math.Abs(got-w) <= 1e-6*math.Abs(w)+1e-8
}

// undecided reports whether the derivative at x is a matter of taste: at a
// ceiling or floor, where JAX takes the mean of both sides, at NaN, and where the
// branch of a function that isn't taken makes it NaN in JAX.
func undecided(c golden.Case, x float64) bool {
	switch c.Class {
	case "relu":
		return c.Config["max_value"] == x || math.IsNaN(x)
	case "sparse_sigmoid":
		return math.Abs(x) == 1 || math.IsNaN(x)
	case "sparse_plus":
		return math.IsInf(x, 0) || math.IsNaN(x)
	}
	return math.IsNaN(x)
}

func TestEveryActivationOfKerasIsThere(t *testing.T) {
	for _, name := range strings.Fields(golden.Load(t, "names").Case(t, "activations").Texts["names"]) {
		if _, err := activation.ByName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryActivationIsComparedWithKeras(t *testing.T) {
	compared := map[string]bool{}
	for _, c := range golden.Load(t, "activations").Cases {
		compared[c.Class] = true
	}
	for _, name := range activation.Names() {
		if !compared[name] {
			t.Errorf("%s is not", name)
		}
	}
}

func TestValuesAndDerivativesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "activations").Cases {
		compare(t, c)
	}
}

func TestFreshValuesAndDerivativesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "activations").Cases {
		compare(t, c)
	}
}

func compare(t *testing.T, c golden.Case) {
	t.Helper()
	g := graph.New()
	x := g.Input("x", c.Tensors["x"].Shape)
	y := configured(t, c).Apply(x)
	sum := y
	if dy, ok := c.Tensors["dy"]; ok {
		sum = y.Mul(g.Const(dy.Data, dy.Shape...))
	}
	dx := graph.Gradients(sum.Sum(), x)[0]
	if err := g.Err(); err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	in := float64s(c.Tensors["x"].Data)
	out, err := ref.Eval(g, 1, map[*graph.Node][]float64{x: in}, y, dx)
	if err != nil {
		t.Fatal(err)
	}
	for k, name := range []string{"y", "dx"} {
		if got, want := len(out[k]), len(c.Tensors[name].Data); got != want {
			t.Errorf("%s: %s has %d values, want %d", c.Name, name, got, want)
			continue
		}
		for i, want := range c.Tensors[name].Data {
			if name == "dx" && undecided(c, in[i]) {
				continue
			}
			if !close(out[k][i], want) {
				t.Errorf("%s: %s[%d] is %v, want %v", c.Name, name, i, out[k][i], want)
			}
		}
	}
}

func TestTheOldHardSigmoidIsThatOfKeras2(t *testing.T) {
	c := golden.Load(t, "keras2").Case(t, "activation hard_sigmoid")
	g := graph.New()
	x := g.Input("x", c.Tensors["x"].Shape)
	out, err := ref.Eval(g, 1, map[*graph.Node][]float64{x: float64s(c.Tensors["x"].Data)}, activation.HardSigmoid{Old: true}.Apply(x))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Tensors["y"].Data {
		if math.Abs(out[0][i]-float64(want)) > 1e-6 {
			t.Errorf("at %v it is %v, want %v", c.Tensors["x"].Data[i], out[0][i], want)
		}
	}
}

// project returns the point of the simplex that is nearest to x, as Martins and Astudillo (2016) find it, and the
// product of dy with the Jacobian there, which is that of a mean over the support.
func project(x, dy []float64) (y, dx []float64) {
	sorted := slices.Sorted(slices.Values(x))
	slices.Reverse(sorted)
	sum, tau := 0.0, 0.0
	for k, z := range sorted {
		if sum += z; 1+float64(k+1)*z > sum {
			tau = (sum - 1) / float64(k+1)
		}
	}
	mean, n := 0.0, 0.0
	for i := range x {
		if x[i] > tau {
			mean, n = mean+dy[i], n+1
		}
	}
	for i := range x {
		y, dx = append(y, max(x[i]-tau, 0)), append(dx, 0)
		if x[i] > tau {
			dx[i] = dy[i] - mean/n
		}
	}
	return y, dx
}

func TestSparsemaxIsTheNearestPointOfTheSimplex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 10, 100, 1000} {
		for _, size := range []float64{0, 1e-3, 0.1, 1, 10, 1e4} {
			g := graph.New()
			x, dy := g.Input("x", tensor.Shape{1, n}), g.Input("dy", tensor.Shape{1, n})
			y := activation.Sparsemax{}.Apply(x)
			dx := graph.Gradients(y.Mul(dy).Sum(), x)[0]
			feed := map[*graph.Node][]float64{}
			for range n {
				feed[x] = append(feed[x], size*float64(float32(random.NormFloat64())))
				feed[dy] = append(feed[dy], random.NormFloat64())
			}
			out, err := ref.Eval(g, 1, feed, y, dx)
			if err != nil {
				t.Fatal(err)
			}
			wantY, wantDX := project(feed[x], feed[dy])
			for i := range n {
				if math.Abs(out[0][i]-wantY[i]) > 1e-7 || math.Abs(out[1][i]-wantDX[i]) > 1e-6 {
					t.Errorf("%d numbers of size %v: y[%d] is %v, want %v; dx is %v, want %v", n, size, i, out[0][i], wantY[i], out[1][i], wantDX[i])
				}
			}
		}
	}
}

func TestShapesThatDoNotFitAreErrors(t *testing.T) {
	for want, apply := range map[string]func(x *graph.Node) *graph.Node{
		"activation glu: the size of axis -1 of shape (None, 3) is odd": activation.GLU{}.Apply,
		"activation glu: axis 2 of shape (None, 3): it must be one of":  activation.GLU{Axis: 2}.Apply,
		"activation glu: axis -2 of shape (None, 3): it must be":        activation.GLU{Axis: -2}.Apply,
		"axis 4 is not one of": activation.Sparsemax{Axis: 4}.Apply,
	} {
		g := graph.New()
		apply(g.Input("x", tensor.Shape{tensor.Batch, 3}))
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestByNameKnowsKerasNamesAndListsThem(t *testing.T) {
	for _, name := range activation.Names() {
		a, err := activation.ByName(name)
		if err != nil || a.Name() != name {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	if a, err := activation.ByName("swish"); err != nil || a.Name() != "silu" {
		t.Errorf("swish: %v, %v", a, err)
	}
	_, err := activation.ByName("rleu")
	if err == nil || !strings.Contains(err.Error(), `unknown activation "rleu": the known ones are celu, elu, exponential, `) {
		t.Error(err)
	}
}
