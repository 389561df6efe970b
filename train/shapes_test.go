package train

// This file tests steps of several shapes, and what a step costs by its sizes.

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// varying is a step that doubles its input, whatever the number of steps.
func varying(t *testing.T) *Step {
	t.Helper()
	trace := func(shapes data.Spec) (*Step, error) {
		if shapes.X[0][0] == 13 {
			return nil, errors.New("bad luck")
		}
		return NewStep(1, func(s *StepBuilder) {
			x := s.Input("x", append(tensor.Shape{tensor.Batch}, shapes.X[0]...))
			s.Output(x.MulScalar(2))
			s.Mean("mean", x.Mean())
		})
	}
	s, err := trace(stepsOf(1))
	if err != nil {
		t.Fatal(err)
	}
	s.Vary(stepsOf(1), trace)
	return s
}

func stepsOf(n int) data.Spec { return data.Spec{X: []tensor.Shape{{n, 3}}} }

func TestStepsOfManyShapesShareWhatTheyMeasureAndTheirPlans(t *testing.T) {
	s := varying(t)
	for n := 1; n <= maxPlans+12; n++ {
		if n == 13 {
			continue
		}
		one, err := s.For(stepsOf(n))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.For(stepsOf(n)); again != one || err != nil {
			t.Fatalf("%d steps are traced twice: %v", n, err)
		}
		x := make([]float32, 2*3*n)
		for i := range x {
			x[i] = float32(n)
		}
		out, err := one.Run(data.Batch{X: [][]float32{x}})
		if err != nil || out[0][0] != float32(2*n) {
			t.Fatalf("%d steps: %v, %v", n, out, err)
		}
	}
	if len(s.plans.bySize) != maxPlans || len(s.plans.shaped) > maxPlans {
		t.Errorf("%d plans of %d shapes are kept, want %d", len(s.plans.bySize), len(s.plans.shaped), maxPlans)
	}
	sum := float64((maxPlans+12)*(maxPlans+13)/2 - 13)
	if mean, ok := s.Log("mean"); !ok || mean != sum/float64(maxPlans+11) || s.Iterations() != maxPlans+11 {
		t.Errorf("the mean is %v, want %v; %d runs", mean, sum/float64(maxPlans+11), s.Iterations())
	}
	if s.Reset(); s.Iterations() != 0 {
		t.Error("Reset forgets nothing")
	}
	if _, err := s.For(stepsOf(13)); err == nil || !strings.Contains(err.Error(), "(13, 3)") || !strings.Contains(err.Error(), "bad luck") {
		t.Errorf("a shape that is not possible: %v", err)
	}
}

func TestStepsThatMeasureOtherThingsDoNotJoin(t *testing.T) {
	s := varying(t)
	s.Vary(stepsOf(1), func(data.Spec) (*Step, error) { return NewStep(1, func(*StepBuilder) {}) })
	if _, err := s.For(stepsOf(2)); err == nil || !strings.Contains(err.Error(), "measures other things") {
		t.Errorf("got %v", err)
	}
}

// trainingOf is the plan of a step that trains a network on one input of a shape.
func trainingOf(t *testing.T, rule optimizer.Optimizer, shape tensor.Shape, layers ...layer.Layer) *sized {
	t.Helper()
	in := layer.Apply(&layer.Input{Shape: shape})
	y := in
	for _, l := range layers {
		y = layer.Apply(l, y)
	}
	net, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{y})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewStep(1, func(s *StepBuilder) {
		out, _ := s.Network(net, true, s.Input("x", append(tensor.Shape{tensor.Batch}, shape...)))
		s.Minimize(out[0].Square().Mean(), NewOptimizer(rule), net.TrainableVariables()...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return bind(t, s, 4).of
}

// What a step works in, and how many kernels it has, depends on the batch, and not on how many rows a table has.
func TestAStepOverATableDependsOnTheBatch(t *testing.T) {
	for _, rule := range []optimizer.Optimizer{optimizer.SGD{}, optimizer.Adagrad{}, optimizer.Adam{Lazy: true}} {
		of := func(rows int) (arena, kernels int) {
			p := trainingOf(t, rule, tensor.Shape{6}, &layer.Embedding{InputDim: rows, OutputDim: 2}, &layer.GlobalAveragePooling1D{}, &layer.Dense{Units: 1}).plan
			return p.Arena(), strings.Count(p.String(), "\n")
		}
		arena, kernels := of(1_000)
		if a, k := of(50_000); a != arena || k != kernels {
			t.Errorf("%T: %d numbers and %d kernels for 50,000 rows, %d and %d for 1,000", rule, a, k, arena, kernels)
		}
	}
}

// A step over more steps of time has as many kernels, and works in memory that is a straight line in their number.
func TestAStepOverALongSequenceIsAStraightLine(t *testing.T) {
	for _, l := range []layer.Layer{&layer.LSTM{Units: 8}, &layer.GRU{Units: 8, ReturnSequences: true}, &layer.Bidirectional{Layer: &layer.SimpleRNN{Units: 8}}} {
		t.Run(fmt.Sprintf("%T", l), func(t *testing.T) {
			of := func(steps int) (arena, kernels int) {
				p := trainingOf(t, optimizer.SGD{}, tensor.Shape{steps, 8}, l).plan
				return p.Arena(), strings.Count(p.String(), "\n")
			}
			a, k := of(64)
			b, m := of(128)
			c, n := of(256)
			if k != m || m != n {
				t.Errorf("%d, %d, %d kernels for 64, 128, 256 steps", k, m, n)
			}
			if slope := float64(c-b) / float64(2*(b-a)); slope < 0.9 || slope > 1.1 {
				t.Errorf("%d, %d, %d numbers for 64, 128, 256 steps", a, b, c)
			}
		})
	}
}
