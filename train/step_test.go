package train_test

// This file tests steps of the user's own.

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

const batch = tensor.Batch

// network chains layers from an input of that width.
func network(t testing.TB, width int, layers ...layer.Layer) *layer.Network {
	t.Helper()
	in := layer.Apply(&layer.Input{Shape: tensor.Shape{width}})
	out := in
	for _, l := range layers {
		out = layer.Apply(l, out)
	}
	n, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{out})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func step(t testing.TB, build func(s *train.StepBuilder)) *train.Step {
	t.Helper()
	s, err := train.NewStep(1, build)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t testing.TB, s *train.Step, b data.Batch) [][]float32 {
	t.Helper()
	out, err := s.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func x(lists ...[]float32) data.Batch { return data.Batch{X: lists} }

func TestAStepComputesWhatItsBuilderSays(t *testing.T) {
	s := step(t, func(s *train.StepBuilder) {
		a := s.Input("a", tensor.Shape{batch, 2})
		b := s.Input("b", tensor.Shape{batch})
		scale := s.Input("scale", nil)
		y := s.Target("y", tensor.Shape{batch, 2})
		s.Output(a.Add(y).Mul(scale))
		s.Output(b.Mul(s.SampleWeight()))
		s.Mean("sum", b.Sum())
	})
	two := data.Batch{X: [][]float32{{1, 2, 3, 4}, {5, 6}, {10}}, Y: [][]float32{{1, 1, 1, 1}}, W: [][]float32{{2, 3}}}
	out := run(t, s, two)
	for i, want := range [][]float32{{20, 30, 40, 50}, {10, 18}} {
		for j := range want {
			if out[i][j] != want[j] {
				t.Errorf("output %d is %v, want %v", i, out[i], want)
				break
			}
		}
	}
	one := data.Batch{X: [][]float32{{1, 2}, {5}, {1}}, Y: [][]float32{{0, 0}}}
	if out := run(t, s, one); len(out[0]) != 2 || out[1][0] != 5 {
		t.Errorf("a batch of one sample and no weights gives %v", out)
	}
	if v, ok := s.Log("sum"); !ok || v != (2*11+5)/3. {
		t.Errorf("the mean over three samples is %v, %v", v, ok)
	}
	if _, ok := s.Log("nothing"); ok {
		t.Error("a measure that nobody took has a value")
	}
	s.Reset()
	if _, ok := s.Log("sum"); ok {
		t.Error("after Reset there is a value before there is a batch")
	}
	run(t, s, one)
	if v, _ := s.Log("sum"); v != 5 {
		t.Errorf("after Reset and one batch the mean is %v", v)
	}

	for want, b := range map[string]data.Batch{
		"takes 3 inputs, the batch has 1":                          x([]float32{1}),
		"takes 1 targets, the batch has 0":                         {X: one.X},
		`"a" has shape (None, 2), 2 numbers for a batch of 1`:      {X: [][]float32{{1, 2, 3}, {5}, {1}}, Y: one.Y},
		`"b" has shape (None,), 1 numbers for a batch of 1`:        {X: [][]float32{{1, 2}, {5, 6}, {1}}, Y: one.Y},
		`"scale" has shape (), 1 numbers`:                          {X: [][]float32{{1, 2}, {5}, nil}, Y: one.Y},
		`"a" has shape (None, 2), 0 numbers for a batch of 0, got`: {X: [][]float32{{}, {}, {1}}, Y: [][]float32{{}}},
		"takes 1 weights, the batch has 2":                         {X: one.X, Y: one.Y, W: [][]float32{{1}, {1}}},
		`"sample_weight" has shape (None,), 1 numbers`:             {X: one.X, Y: one.Y, W: [][]float32{{1, 1}}},
	} {
		if _, err := s.Run(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
}

// counter is a layer that counts how often it is applied in training.
type counter struct {
	Name  string
	count *layer.Variable
}

func (l *counter) Build(b *layer.Builder, _ []tensor.Shape) error {
	l.count = b.Variable("count", tensor.Shape{1}, layer.VariableConfig{Initializer: initializer.Zeros{}, NonTrainable: true})
	return nil
}

func (l *counter) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	if c.Training() {
		c.Update(l.count, c.Value(l.count).AddScalar(1))
	}
	return in[0]
}

func TestWhatLayersKeepTrackOfGoesOnFromUseToUse(t *testing.T) {
	count := &counter{}
	in := layer.Apply(&layer.Input{Shape: tensor.Shape{2}})
	twice := layer.Apply(count, layer.Apply(count, in))
	net, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{twice})
	if err != nil {
		t.Fatal(err)
	}
	for uses := range 3 {
		s := step(t, func(s *train.StepBuilder) {
			a := s.Input("a", tensor.Shape{batch, 2})
			for range uses {
				out, _ := s.Network(net, true, a)
				s.Output(out[0])
			}
			out, _ := s.Network(net, false, a)
			s.Output(out[0])
		})
		before := float32(0)
		if v := count.count.Value(); v != nil {
			before = v[0]
		}
		run(t, s, x([]float32{1, 2}))
		if n := count.count.Value()[0] - before; n != float32(2*uses) {
			t.Errorf("a network of two uses, traced %d times, counts %v", uses, n)
		}
	}
}

func TestAStepHasTwoOptimizers(t *testing.T) {
	// Two players, each of which has a number: one makes the product small, the
	// other makes it large.
	a, b := &layer.Dense{Units: 1, NoBias: true}, &layer.Dense{Units: 1, NoBias: true}
	netA, netB := network(t, 1, a), network(t, 1, b)
	slow, fast := train.NewOptimizer(optimizer.SGD{LearningRate: 0.125}), train.NewOptimizer(optimizer.SGD{LearningRate: 0.5})
	s := step(t, func(s *train.StepBuilder) {
		one := s.Input("one", tensor.Shape{batch, 1})
		ya, _ := s.Network(netA, true, one)
		yb, _ := s.Network(netB, true, one)
		product := ya[0].Mul(yb[0]).Mean()
		s.Mean("product", product)
		s.Minimize(product, slow, netA.TrainableVariables()...)
		s.Minimize(product.Neg(), fast, netB.TrainableVariables()...)
	})
	kernelA, kernelB := layer.Variables(a)[0], layer.Variables(b)[0]
	var wa, wb float32
	for i := range 5 {
		if i > 0 {
			wa, wb = wa-float32(0.125*wb), wb+float32(0.5*wa)
		}
		run(t, s, x([]float32{1}))
		if i == 0 {
			wa, wb = kernelA.Value()[0], kernelB.Value()[0]
			continue
		}
		if kernelA.Value()[0] != wa || kernelB.Value()[0] != wb {
			t.Fatalf("after step %d the numbers are %v and %v, want %v and %v", i, kernelA.Value()[0], kernelB.Value()[0], wa, wb)
		}
	}
	if slow.Iterations() != 5 || fast.Iterations() != 5 || s.Iterations() != 5 {
		t.Errorf("5 steps are counted as %d, %d and %d", slow.Iterations(), fast.Iterations(), s.Iterations())
	}
}

func TestStepsShareAnOptimizer(t *testing.T) {
	// Trained by two steps in turn, of which one trains less, each weight has one
	// momentum.
	first, second := &layer.Dense{Units: 1, NoBias: true}, &layer.Dense{Units: 1, NoBias: true}
	net := network(t, 1, first, second)
	slab.Store(net.Variables()...)
	o := train.NewOptimizer(optimizer.SGD{LearningRate: 0.5, Momentum: 0.5})
	build := func(variables ...*layer.Variable) *train.Step {
		return step(t, func(s *train.StepBuilder) {
			one := s.Input("one", tensor.Shape{batch, 1})
			// The gradient of every weight is 1, whatever it is.
			loss := one.Sum()
			for _, v := range variables {
				loss = loss.Add(s.Variable(v).Sum())
			}
			s.Minimize(loss, o, variables...)
		})
	}
	v := net.TrainableVariables()
	both, last := build(v...), build(v[1])
	run(t, both, x([]float32{1}))
	begin := v[1].Value()[0]
	run(t, last, x([]float32{1}))
	run(t, both, x([]float32{1}))
	// v = -½, then -¾, then -⅞
	if d := v[1].Value()[0] - begin; math.Abs(float64(d)+0.75+0.875) > 1e-6 {
		t.Errorf("two more steps moved the weight by %v, want %v", d, -0.75-0.875)
	}
	if o.Iterations() != 3 || len(o.Slots()) != 2 {
		t.Errorf("3 steps over 2 weights are counted as %d over %d", o.Iterations(), len(o.Slots()))
	}
}

func TestAssignComputesFromTheOldValues(t *testing.T) {
	count := network(t, 1, &counter{Name: "a"})
	other := network(t, 1, &counter{Name: "b"})
	a, b := count.Variables()[0], other.Variables()[0]
	s := step(t, func(s *train.StepBuilder) {
		one := s.Input("one", tensor.Shape{batch})
		s.Assign(a, s.Variable(b).Add(one.Sum()))
		s.Assign(b, s.Variable(a))
	})
	run(t, s, x([]float32{1, 1})) // a, b = 2, 0
	run(t, s, x([]float32{5}))    // a, b = 5, 2
	run(t, s, x([]float32{1}))    // a, b = 3, 5
	if a.Value()[0] != 3 || b.Value()[0] != 5 {
		t.Errorf("got %v and %v, want 3 and 5", a.Value()[0], b.Value()[0])
	}
}

func TestRandomNumbersAreNewInEveryRunAndOldAfterReset(t *testing.T) {
	s := step(t, func(s *train.StepBuilder) { s.Output(s.Input("like", tensor.Shape{batch, 4}).RandomUniform()) })
	draw := func() [4]float32 { return [4]float32(run(t, s, x(make([]float32, 4)))[0]) }
	first, second := draw(), draw()
	if first == second {
		t.Error("two runs draw the same numbers")
	}
	s.Reset()
	if draw() != first {
		t.Error("after Reset other numbers are drawn")
	}
}

func TestWhatIsNotFiniteChangesNothing(t *testing.T) {
	dense := &layer.Dense{Units: 1}
	net := network(t, 1, dense)
	o := train.NewOptimizer(optimizer.Adam{})
	s := step(t, func(s *train.StepBuilder) {
		out, _ := s.Network(net, true, s.Input("in", tensor.Shape{batch, 1}))
		loss := out[0].Mean()
		s.Mean("loss", loss)
		s.Minimize(loss, o, net.TrainableVariables()...)
	})
	run(t, s, x([]float32{1, 2}))
	before := layer.Variables(dense)[0].Value()[0]
	_, err := s.Run(x([]float32{1, float32(math.Inf(1))}))
	var e *train.NonFiniteError
	if !errors.As(err, &e) || e.Step != 1 || !strings.Contains(err.Error(), `input "in", row 1`) {
		t.Errorf("got error %v", err)
	}
	if layer.Variables(dense)[0].Value()[0] != before || o.Iterations() != 1 {
		t.Error("the step that failed changed something")
	}
}

func TestMistakesInAStepAreErrorsOfNewStep(t *testing.T) {
	net := network(t, 2, &layer.Dense{Units: 1})
	v := net.Variables()[0]
	o := train.NewOptimizer(optimizer.Adam{})
	elsewhere := graph.New().Scalar(1)
	for want, build := range map[string]func(s *train.StepBuilder, in *graph.Node){
		"a node is nil or of another graph": func(s *train.StepBuilder, _ *graph.Node) { s.Output(nil) },
		"nil or of another":                 func(s *train.StepBuilder, _ *graph.Node) { s.Output(elsewhere) },
		"of another graph":                  func(s *train.StepBuilder, _ *graph.Node) { s.Mean("m", elsewhere) },
		"of a scalar for each batch":        func(s *train.StepBuilder, in *graph.Node) { s.Mean("m", in) },
		"two measures are called \"m\"": func(s *train.StepBuilder, in *graph.Node) {
			s.Mean("m", in.Sum())
			s.Mean("m", in.Mean())
		},
		"metric \"m\" is nil":         func(s *train.StepBuilder, in *graph.Node) { s.Metric("m", nil, in, in, nil) },
		"nil: the model is not built": func(s *train.StepBuilder, in *graph.Node) { s.Network(nil, true, in) },
		"the network has 1 inputs":    func(s *train.StepBuilder, _ *graph.Node) { s.Network(net, true) },
		"MatMul": func(s *train.StepBuilder, in *graph.Node) {
			s.Network(net, true, s.Input("wide", tensor.Shape{batch, 5}))
		},
		"a variable is nil":         func(s *train.StepBuilder, in *graph.Node) { s.Variable(nil) },
		"the optimizer is nil":      func(s *train.StepBuilder, in *graph.Node) { s.Minimize(in.Sum(), nil, v) },
		"the loss must be a scalar": func(s *train.StepBuilder, in *graph.Node) { s.Minimize(in, o, v) },
		"the loss depends on none of the 1 variables, of which dense/kernel is the first": func(s *train.StepBuilder, in *graph.Node) {
			s.Minimize(in.Sum().Add(s.Variable(v).StopGradient().Sum()), o, v)
		},
		"changed twice in one step":   func(s *train.StepBuilder, in *graph.Node) { s.Minimize(in.Sum(), o, v, v) },
		"only the first dimension":    func(s *train.StepBuilder, in *graph.Node) { s.Input("odd", tensor.Shape{2, batch}) },
		"its new value has (1,)":      func(s *train.StepBuilder, in *graph.Node) { s.Assign(v, s.Graph().Const([]float32{1}, 1)) },
		"(Assign) nil or of another":  nil,
		"depends on the batch":        func(s *train.StepBuilder, in *graph.Node) { s.Metric("m", perSample{}, in, in, nil) },
		"the user's own, and no more": func(s *train.StepBuilder, in *graph.Node) { s.Fail(errors.New("the user's own, and no more")) },
	} {
		if build == nil {
			want, build = "is nil or of another", func(s *train.StepBuilder, in *graph.Node) { s.Assign(v, nil) }
		}
		_, err := train.NewStep(1, func(s *train.StepBuilder) { build(s, s.Input("in", tensor.Shape{batch, 2})) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
	if _, err := train.NewStep(1, nil); err == nil {
		t.Error("a step of nothing is no error")
	}
}

// perSample is a metric that keeps what it should add up.
type perSample struct{ metric.Accuracy }

func (perSample) Update(yTrue, _, _ *graph.Node) []*graph.Node { return []*graph.Node{yTrue} }

func TestFitRunsAnyStep(t *testing.T) {
	net := network(t, 4, &layer.Dense{Units: 3, Activation: activation.Tanh{}}, &layer.Dense{Units: 4})
	// An autoencoder needs no targets.
	s := step(t, func(s *train.StepBuilder) {
		in := s.Input("in", tensor.Shape{batch, 4})
		out, _ := s.Network(net, true, in)
		loss := out[0].Sub(in).Square().Mean()
		s.Mean("loss", loss)
		s.Minimize(loss, train.NewOptimizer(optimizer.Adam{LearningRate: 0.05}), net.TrainableVariables()...)
	})
	values := make([]float32, 4*20)
	for i := range values {
		values[i] = float32(math.Sin(float64(i * i)))
	}
	column, err := data.Floats(values, 4)
	if err != nil {
		t.Fatal(err)
	}
	source := &data.Arrays{X: []data.Column{column}}
	history, err := train.Fit(t.Context(), s, nil, source, train.Config{Epochs: 50, BatchSize: 8, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	losses := history.Values["loss"]
	if first, last := losses[0], losses[49]; !(last < first/2) {
		t.Errorf("the loss went from %v to %v", first, last)
	}

	for want, cfg := range map[string]train.Config{
		"batch size is -1":       {BatchSize: -1},
		"no step to evaluate":    {Epochs: 1, BatchSize: 1, ValidationData: source},
		"a callback is nil":      {Epochs: 1, BatchSize: 1, Callbacks: []train.Callback{nil}},
		"from epoch -1 to":       {InitialEpoch: -1, BatchSize: 1},
		"steps per epoch -1":     {StepsPerEpoch: -1, BatchSize: 1},
		"validation to the next": {ValidationEvery: -1, BatchSize: 1},
	} {
		if _, err := train.Fit(t.Context(), s, nil, source, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
	if _, err := train.Fit(t.Context(), nil, nil, source, train.Config{Quiet: true}); err == nil {
		t.Error("Fit of no step is no error")
	}
	if _, err := train.Evaluate(t.Context(), s, nil, train.EvaluateConfig{Quiet: true}); err == nil {
		t.Error("Evaluate of no source is no error")
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	net := network(t, 4, &layer.Dense{Units: 3}, &layer.Dropout{Rate: 0.5})
	s := step(t, func(s *train.StepBuilder) {
		out, _ := s.Network(net, true, s.Input("in", tensor.Shape{batch, 4}))
		s.Output(out[0])
		s.Mean("loss", out[0].Square().Mean())
		s.Minimize(out[0].Square().Mean(), train.NewOptimizer(optimizer.Adam{}), net.TrainableVariables()...)
	})
	b := x(make([]float32, 4*7))
	if n := testing.AllocsPerRun(20, func() { run(t, s, b) }); n > 0 {
		t.Errorf("%v objects are allocated", n)
	}
}
