package loss_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

// configured returns the loss that the golden case is of.
func configured(t *testing.T, c golden.Case) loss.Loss {
	t.Helper()
	holder := struct{ L loss.Loss }{}
	member := map[string]any{"class_name": c.Class, "config": c.Config}
	if err := config.Decode(map[string]any{"l": member}, &holder); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return holder.L
}

// reduced returns l with another reduction.
func reduced(t *testing.T, l loss.Loss, r loss.Reduction) loss.Loss {
	t.Helper()
	cfg, err := config.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	cfg["reduction"] = string(r)
	holder := struct{ L loss.Loss }{}
	member := map[string]any{"class_name": config.Class(l), "config": cfg}
	if err := config.Decode(map[string]any{"l": member}, &holder); err != nil {
		t.Fatal(err)
	}
	return holder.L
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

// close allows for what float32 lost in Keras.
func close(got, want float64) bool {
	return math.Abs(got-want) <= 3e-5*math.Abs(want)+2e-6 || math.IsNaN(got) && math.IsNaN(want)
}

func TestEveryLossIsComparedWithKeras(t *testing.T) {
	compared := map[string]bool{}
	for _, c := range golden.Load(t, "losses").Cases {
		compared[c.Class] = true
	}
	for _, name := range loss.Names() {
		l, err := loss.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if !compared[config.Class(l)] {
			t.Errorf("%s is not", name)
		}
	}
}

func TestEveryLossOfKerasIsThere(t *testing.T) {
	for _, name := range strings.Fields(golden.Load(t, "names").Case(t, "losses").Texts["names"]) {
		if _, err := loss.ByName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestLossesAndTheirDerivativesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "losses").Cases {
		compare(t, c)
	}
}

func TestFreshLossesAndTheirDerivativesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "losses").Cases {
		compare(t, c)
	}
}

// compare holds the values of a case, their reductions and the gradients to Keras's, by the float64 meaning of the
// graph and by its kernels.
func compare(t *testing.T, c golden.Case) {
	t.Helper()
	l := configured(t, c)
	g := graph.New()
	yTrue := g.Input("y_true", c.Tensors["y_true"].Shape)
	yPred := g.Input("y_pred", c.Tensors["y_pred"].Shape)
	weight := g.Input("sample_weight", c.Tensors["sample_weight"].Shape)
	feed := map[*graph.Node][]float32{
		yTrue: c.Tensors["y_true"].Data, yPred: c.Tensors["y_pred"].Data, weight: c.Tensors["sample_weight"].Data,
	}
	mean, weighted := loss.Of(l, yTrue, yPred, nil), loss.Of(l, yTrue, yPred, weight)
	results := []struct {
		name string
		node *graph.Node
		want []float64
	}{
		{"loss", l.Loss(yTrue, yPred), float64s(c.Tensors["loss"].Data)},
		{"dy_pred", graph.Gradients(mean, yPred)[0], float64s(c.Tensors["dy_pred"].Data)},
		{"weighted dy_pred", graph.Gradients(weighted, yPred)[0], float64s(c.Tensors["weighted dy_pred"].Data)},
		{"sum_over_batch_size", mean, c.Numbers["sum_over_batch_size"]},
		{"weighted sum_over_batch_size", weighted, c.Numbers["weighted sum_over_batch_size"]},
		{"sum", loss.Of(reduced(t, l, loss.Sum), yTrue, yPred, nil), c.Numbers["sum"]},
		{"weighted sum", loss.Of(reduced(t, l, loss.Sum), yTrue, yPred, weight), c.Numbers["weighted sum"]},
		{
			"weighted mean_with_sample_weight", loss.Of(reduced(t, l, loss.MeanWithSampleWeight), yTrue, yPred, weight),
			c.Numbers["weighted mean_with_sample_weight"],
		},
	}
	if err := g.Err(); err != nil {
		t.Errorf("%s: %v", c.Name, err)
		return
	}
	var nodes []*graph.Node
	for _, r := range results {
		nodes = append(nodes, r.node)
	}
	for how, out := range map[string][][]float64{"meaning": meant(t, g, feed, nodes), "kernels": computed(t, g, feed, nodes)} {
		for k, r := range results {
			if len(out[k]) != len(r.want) {
				t.Errorf("%s: %s has %d values, want %d", c.Name, r.name, len(out[k]), len(r.want))
				continue
			}
			for i, want := range r.want {
				if halved := c.Name == "KLDivergence clipped" && i == 0; halved && strings.Contains(r.name, "dy") {
					want *= 2 // at the very end of the clip JAX takes half the derivative
				}
				// In an exponent of 80·d² the rounding of a cosine is 80 times as large.
				if c.Class == "Circle" && math.Abs(out[k][i]-want) < 3e-4*math.Abs(want)+1e-5 {
					continue
				}
				if !close(out[k][i], want) {
					t.Errorf("%s: by %s %s[%d] is %v, want %v", c.Name, how, r.name, i, out[k][i], want)
				}
			}
		}
	}
}

// meant evaluates nodes in float64, by the reference.
func meant(t *testing.T, g *graph.Graph, feed map[*graph.Node][]float32, nodes []*graph.Node) [][]float64 {
	t.Helper()
	in := map[*graph.Node][]float64{}
	for n, x := range feed {
		in[n] = float64s(x)
	}
	out, err := ref.Eval(g, 1, in, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// computed evaluates nodes in float32, by the kernels.
func computed(t *testing.T, g *graph.Graph, feed map[*graph.Node][]float32, nodes []*graph.Node) [][]float64 {
	t.Helper()
	p, err := plan.Compile(plan.Program{Graph: g, Outputs: nodes}, plan.Config{Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := p.Bind(nil)
	for n, x := range feed {
		copy(e.Value(n), x)
	}
	e.Compute(par.Default())
	var out [][]float64
	for _, n := range nodes {
		out = append(out, float64s(e.Value(n)))
	}
	return out
}

// A softmax that leads to the loss makes it one operation. It means the same.
func TestALossOnASoftmaxIsFusedAndMeansTheSame(t *testing.T) {
	for _, test := range []struct {
		l      loss.Loss
		target tensor.Shape
		y      []float64
	}{
		{loss.CategoricalCrossentropy{}, tensor.Shape{2, 3}, []float64{0, 1, 0, 0.5, 0, 0.5}},
		{loss.CategoricalCrossentropy{LabelSmoothing: 0.1}, tensor.Shape{2, 3}, []float64{0, 1, 0, 1, 0, 0}},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{2}, []float64{1, 2}},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{2, 1}, []float64{1, 2}},
		{loss.SparseCategoricalCrossentropy{IgnoreClass: new(2)}, tensor.Shape{2}, []float64{1, 2}},
	} {
		g := graph.New()
		logits, yTrue := g.Input("logits", tensor.Shape{2, 3}), g.Input("y", test.target)
		p := logits.Softmax(-1)
		fused := test.l.Loss(yTrue, p)
		plain := test.l.Loss(yTrue, p.MulScalar(1)) // its origin can't be seen
		inner := fused
		if fused.Op() == graph.OpSelect { // of what is not ignored
			inner = fused.Inputs()[1]
		}
		if inner.Op() != graph.OpSoftmaxCrossentropy || plain.Op() == graph.OpSoftmaxCrossentropy {
			t.Errorf("%+v: %v and %v", test.l, fused, plain)
		}
		feed := map[*graph.Node][]float64{logits: {1, 2, 3, -1, 0.5, 30}, yTrue: test.y}
		out, err := ref.Eval(g, 1, feed, fused, plain, graph.Gradients(fused.Sum(), logits)[0], graph.Gradients(plain.Sum(), logits)[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2][]float64{{out[0], out[1]}, {out[2], out[3]}} {
			for i := range pair[0] {
				if !close(pair[0][i], pair[1][i]) {
					t.Errorf("%+v: fused %v, plain %v", test.l, pair[0], pair[1])
				}
			}
		}
	}
}

func TestALossOnASoftmaxAlongItsAxisIsFused(t *testing.T) {
	for _, test := range []struct {
		l      loss.Loss
		target tensor.Shape
		y      []float64
	}{
		{loss.CategoricalCrossentropy{Axis: 1}, tensor.Shape{2, 3, 2}, []float64{0, 1, 0, 0, 1, 0, 0.5, 0, 0, 0, 0.5, 1}},
		{loss.SparseCategoricalCrossentropy{Axis: -2}, tensor.Shape{2, 2}, []float64{0, 1, 2, 1}},
	} {
		g := graph.New()
		logits, yTrue := g.Input("logits", tensor.Shape{2, 3, 2}), g.Input("y", test.target)
		fused, across := test.l.Loss(yTrue, logits.Softmax(1)), test.l.Loss(yTrue, logits.Softmax(-1))
		plain := test.l.Loss(yTrue, logits.Softmax(1).MulScalar(1))
		if fused.Op() != graph.OpSoftmaxCrossentropy || across.Op() == graph.OpSoftmaxCrossentropy {
			t.Errorf("%+v: %v, and %v of a softmax along another axis", test.l, fused, across)
		}
		feed := map[*graph.Node][]float64{logits: {1, 2, 3, -1, 0.5, 4, 0, 1, -2, 3, 1, 1}, yTrue: test.y}
		out, err := ref.Eval(g, 1, feed, fused, plain, graph.Gradients(fused.Sum(), logits)[0], graph.Gradients(plain.Sum(), logits)[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2][]float64{{out[0], out[1]}, {out[2], out[3]}} {
			for i := range pair[0] {
				if !close(pair[0][i], pair[1][i]) {
					t.Errorf("%+v: fused %v, plain %v", test.l, pair[0], pair[1])
				}
			}
		}
	}
}

func TestWhatIsIgnoredDoesNotCountWhateverItIs(t *testing.T) {
	for _, fromLogits := range []bool{false, true} {
		for _, class := range []float64{0, -1} {
			for _, output := range []float64{0, 1, math.Inf(1), math.Inf(-1), math.NaN()} {
				g := graph.New()
				yTrue, yPred := g.Input("a", tensor.Shape{2}), g.Input("b", tensor.Shape{2, 2})
				l := loss.SparseCategoricalCrossentropy{IgnoreClass: new(int(class)), FromLogits: fromLogits}
				value := loss.Of(l, yTrue, yPred, nil)
				feed := map[*graph.Node][]float64{yTrue: {class, 1}, yPred: {output, output, 0.5, 0.5}}
				out, err := ref.Eval(g, 1, feed, value, graph.Gradients(value, yPred)[0])
				if err != nil {
					t.Fatal(err)
				}
				if math.Abs(out[0][0]-math.Ln2) > 1e-6 || out[1][0] != 0 || out[1][1] != 0 || !(out[1][3] < 0) {
					t.Errorf("FromLogits %v, outputs of %v: the loss is %v, its gradient %v", fromLogits, output, out[0][0], out[1])
				}
			}
		}
	}
}

func TestLossesThatDoNotFitNameTheLayerAndBothShapes(t *testing.T) {
	for _, test := range []struct {
		l              loss.Loss
		output, target tensor.Shape
		want           string
	}{
		{loss.CategoricalCrossentropy{}, tensor.Shape{-1, 1}, tensor.Shape{-1, 1}, "use binary_crossentropy"},
		{loss.CategoricalCrossentropy{}, tensor.Shape{-1, 10}, tensor.Shape{-1}, "the target must be (None, 10)"},
		{loss.CategoricalCrossentropy{}, tensor.Shape{-1}, tensor.Shape{-1}, "needs a last axis, the classes"},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{-1, 10}, tensor.Shape{-1, 10}, "the target must be (None,)"},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{-1, 1}, tensor.Shape{-1}, "use binary_crossentropy"},
		{loss.MeanSquaredError{}, tensor.Shape{-1, 3}, tensor.Shape{-1, 4}, "the target must be (None, 3)"},
		{loss.MeanSquaredError{}, tensor.Shape{-1}, tensor.Shape{-1}, "needs an axis beside the batch"},
		{loss.CategoricalCrossentropy{Axis: 2}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "axis 2 can't be the classes: it must be one of 1 … 1"},
		{loss.SparseCategoricalCrossentropy{Axis: 1}, tensor.Shape{-1, 4, 3}, tensor.Shape{-1, 4}, "the target must be (None, 3)"},
		{loss.SparseCategoricalCrossentropy{Axis: -3}, tensor.Shape{-1, 4, 3}, tensor.Shape{-1, 4}, "axis -3 can't be the classes"},
		{loss.CosineSimilarity{Axis: 4}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "it has no axis 4 beside the batch"},
		{loss.Dice{Axis: []int{1, -1}}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "axes [1 -1]: each must be one of the output's, and only once"},
		{loss.Tversky{Axis: []int{2}}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "axes [2]: each must be one of the output's"},
		{loss.Circle{}, tensor.Shape{-1, 3, 2}, tensor.Shape{-1}, "each output must be one vector"},
		{loss.Circle{}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "the target must be (None,)"},
		{loss.CategoricalGeneralizedCrossEntropy{Q: 1}, tensor.Shape{-1, 3}, tensor.Shape{-1}, "the exponent Q is 1: it must be between 0 and 1"},
		{loss.CTC{}, tensor.Shape{-1, 3}, tensor.Shape{-1, 3}, "each output must be steps of logits"},
		{loss.CTC{}, tensor.Shape{-1, 8, 3}, tensor.Shape{-1, 2, 3}, "the target must be (None, 8)"},
	} {
		err := loss.Check(test.l, "dense_7", test.target, test.output)
		var e *loss.Error
		if !errors.As(err, &e) {
			t.Errorf("%s of %v and %v: %v is no *loss.Error", test.l.Name(), test.output, test.target, err)
			continue
		}
		for _, part := range []string{`"dense_7"`, test.output.String(), test.target.String(), test.want} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
	for _, test := range []struct {
		l              loss.Loss
		output, target tensor.Shape
	}{
		{loss.CategoricalCrossentropy{}, tensor.Shape{-1, 10}, tensor.Shape{-1, 10}},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{-1, 10}, tensor.Shape{-1}},
		{loss.SparseCategoricalCrossentropy{}, tensor.Shape{-1, 10}, tensor.Shape{-1, 1}},
		{loss.MeanSquaredError{}, tensor.Shape{-1, 1}, tensor.Shape{-1}},
		{loss.Func("mine", func(_, yPred *graph.Node) *graph.Node { return yPred }), tensor.Shape{-1, 1}, tensor.Shape{-1, 7}},
		{loss.CTC{}, tensor.Shape{-1, 8, 3}, tensor.Shape{-1, 5}},
		{loss.Circle{}, tensor.Shape{-1, 3}, tensor.Shape{-1, 1}},
	} {
		if err := loss.Check(test.l, "dense", test.target, test.output); err != nil {
			t.Error(err)
		}
	}
}

func TestAnUnknownReductionIsAnError(t *testing.T) {
	g := graph.New()
	y := g.Input("y", tensor.Shape{tensor.Batch, 1})
	loss.Of(loss.MeanSquaredError{Reduction: "most"}, y, y, nil)
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), `unknown reduction "most": the known ones are sum_over_batch_size`) {
		t.Error(err)
	}
}

func TestDerivativesAreThoseOfCentralDifferences(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, test := range []struct {
		l              loss.Loss
		target, output tensor.Shape
		classes        int // of the targets; 0: any number between 0 and 1
	}{
		{loss.Dice{Axis: []int{1}}, tensor.Shape{3, 4}, tensor.Shape{3, 4}, 0},
		{loss.Tversky{Alpha: new(0.2)}, tensor.Shape{3, 4}, tensor.Shape{3, 4}, 0},
		{loss.Circle{Gamma: new(3.0)}, tensor.Shape{6}, tensor.Shape{6, 3}, 2},
		{loss.Circle{Gamma: new(3.0), KeepDiagonal: true}, tensor.Shape{6}, tensor.Shape{6, 3}, 2},
		{loss.CategoricalGeneralizedCrossEntropy{}, tensor.Shape{3}, tensor.Shape{3, 4}, 4},
		{loss.CTC{}, tensor.Shape{2, 3}, tensor.Shape{2, 7, 4}, 4},
		{loss.CosineSimilarity{Axis: 1}, tensor.Shape{2, 3, 4}, tensor.Shape{2, 3, 4}, 0},
		{loss.CategoricalCrossentropy{Axis: 1}, tensor.Shape{2, 3, 4}, tensor.Shape{2, 3, 4}, 0},
		{loss.SparseCategoricalCrossentropy{Axis: 1, IgnoreClass: new(1)}, tensor.Shape{2, 4}, tensor.Shape{2, 3, 4}, 3},
	} {
		g := graph.New()
		yTrue, yPred := g.Input("y", test.target), g.Input("p", test.output)
		value := loss.Of(test.l, yTrue, yPred, nil)
		dy := graph.Gradients(value, yPred)[0]
		feed := map[*graph.Node][]float64{}
		for range test.target.Numel() {
			if y := random.Float64(); test.classes > 0 {
				feed[yTrue] = append(feed[yTrue], math.Floor(y*float64(test.classes)))
			} else {
				feed[yTrue] = append(feed[yTrue], y)
			}
		}
		for range test.output.Numel() {
			feed[yPred] = append(feed[yPred], 0.1+0.3*random.Float64())
		}
		at := func(i int, by float64) float64 {
			feed[yPred][i] += by
			out, err := ref.Eval(g, 1, feed, value)
			if err != nil {
				t.Fatal(err)
			}
			feed[yPred][i] -= by
			return out[0][0]
		}
		out, err := ref.Eval(g, 1, feed, dy)
		if err != nil {
			t.Fatal(err)
		}
		const step = 1e-5
		for i, got := range out[0] {
			if want := (at(i, step) - at(i, -step)) / (2 * step); math.Abs(got-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("%+v: the derivative at %d is %v, by differences %v", test.l, i, got, want)
			}
		}
	}
}

func TestWithoutReductionEachSampleHasItsLoss(t *testing.T) {
	g := graph.New()
	yTrue, yPred, weight := g.Input("y", tensor.Shape{3, 1}), g.Input("p", tensor.Shape{3, 1}), g.Input("w", tensor.Shape{3})
	feed := map[*graph.Node][]float32{yTrue: {1, 2, 3}, yPred: {1, 4, 6}, weight: {5, 0.5, 0}}
	l := loss.MeanAbsoluteError{Reduction: loss.None}
	out := computed(t, g, feed, []*graph.Node{loss.Of(l, yTrue, yPred, nil), loss.Of(l, yTrue, yPred, weight)})
	if !slices.Equal(out[0], []float64{0, 2, 3}) || !slices.Equal(out[1], []float64{0, 1, 0}) {
		t.Errorf("%v, weighted %v", out[0], out[1])
	}
}

// The loss of a sample of one class has the factor of this class.
func TestAFocalLossWeighsEachClass(t *testing.T) {
	alphas := []float64{0.1, 0.7, 0}
	losses := func(l loss.CategoricalFocalCrossentropy) []float64 {
		g := graph.New()
		y, p := g.Input("y", tensor.Shape{3, 3}), g.Input("p", tensor.Shape{3, 3})
		feed := map[*graph.Node][]float32{y: {1, 0, 0, 0, 1, 0, 0, 0, 1}, p: {0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.25, 0.25}}
		return computed(t, g, feed, []*graph.Node{l.Loss(y, p)})[0]
	}
	got := losses(loss.CategoricalFocalCrossentropy{Alphas: alphas})
	for i, a := range alphas {
		if want := losses(loss.CategoricalFocalCrossentropy{Alpha: &a})[i]; !close(got[i], want) {
			t.Errorf("class %d: the loss is %v, want %v", i, got[i], want)
		}
	}
	if _, err := (loss.CategoricalFocalCrossentropy{Alphas: alphas}).TargetShape(tensor.Shape{tensor.Batch, 4}); err == nil || err.Error() != "there are 3 Alphas, and 4 classes" {
		t.Errorf("got %v", err)
	}
}

func TestAFunctionIsALoss(t *testing.T) {
	l := loss.Func("distance", func(yTrue, yPred *graph.Node) *graph.Node { return yTrue.Sub(yPred).Abs().Sum(-1) })
	g := graph.New()
	yTrue, yPred := g.Input("a", tensor.Shape{tensor.Batch, 2}), g.Input("b", tensor.Shape{tensor.Batch, 2})
	out, err := ref.Eval(g, 2, map[*graph.Node][]float64{yTrue: {1, 2, 3, 4}, yPred: {0, 4, 3, 9}}, loss.Of(l, yTrue, yPred, nil))
	if err != nil || l.Name() != "distance" || out[0][0] != 4 {
		t.Error(out, err)
	}
	if _, err := config.Encode(struct{ L loss.Loss }{l}); err == nil {
		t.Error("a function was written as a configuration")
	}
}

func TestByNameKnowsKerasNamesAndListsThem(t *testing.T) {
	for alias, name := range map[string]string{"mse": "mean_squared_error", "MAE": "mean_absolute_error", "kld": "kl_divergence", "Huber": "huber"} {
		if l, err := loss.ByName(alias); err != nil || l.Name() != name {
			t.Errorf("%s: %v, %v", alias, l, err)
		}
	}
	if _, err := loss.ByName("crossentropy"); err == nil || !strings.Contains(err.Error(), "the known ones are binary_crossentropy, ") {
		t.Error(err)
	}
}

// The gradient of the greatest score takes two results from one operand.
func TestACategoricalHingeOfWeightedSamplesHasItsGradient(t *testing.T) {
	g := graph.New()
	yTrue := g.Const([]float32{1, 0, 0, 0, 1, 0}, 2, 3)
	p := g.Input("p", tensor.Shape{2, 3})
	weight := g.Input("w", tensor.Shape{2})
	l := loss.Of(loss.CategoricalHinge{Reduction: loss.MeanWithSampleWeight}, yTrue, p, weight)
	dp := graph.Gradients(l, p)[0]
	compiled, err := plan.Compile(plan.Program{Graph: g, Outputs: []*graph.Node{dp}}, plan.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := compiled.Bind(nil)
	copy(e.Value(p), []float32{.2, .5, .1, .3, .4, .6})
	copy(e.Value(weight), []float32{1, 3})
	e.Compute(nil)
	if got, want := e.Value(dp), []float32{-.25, .25, 0, 0, -.75, .75}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
