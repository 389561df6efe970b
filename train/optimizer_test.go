package train_test

// This file tests optimizers in use: in steps that are compiled and run.

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// weights is a layer that holds a kernel and a bias.
type weights struct {
	Name         string
	shapes       [2]tensor.Shape
	kernel, bias *layer.Variable
}

func (l *weights) Build(b *layer.Builder, _ []tensor.Shape) error {
	l.kernel = b.Variable("kernel", l.shapes[0], layer.VariableConfig{Initializer: initializer.Zeros{}})
	l.bias = b.Variable("bias", l.shapes[1], layer.VariableConfig{Initializer: initializer.Zeros{}})
	return nil
}

func (l *weights) Call(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0] }

// begin returns a kernel of 3 × 4 and a bias of 4 of those values.
func begin(t *testing.T, kernel, bias []float32) *weights {
	t.Helper()
	return beginAt(t, golden.Tensor{Shape: []int{3, 4}, Data: kernel}, golden.Tensor{Shape: []int{4}, Data: bias})
}

func assign(t *testing.T, v *layer.Variable, value []float32) {
	t.Helper()
	if err := v.Assign(value); err != nil {
		t.Fatal(err)
	}
}

// beginAt returns weights of those values, called as in Keras's test, where there is
// no layer.
func beginAt(t *testing.T, kernel, bias golden.Tensor) *weights {
	t.Helper()
	w := &weights{shapes: [2]tensor.Shape{kernel.Shape, bias.Shape}}
	net := network(t, 1, w)
	slab.Store(net.Variables()...)
	for i, v := range net.Variables() {
		if err := v.Draw(0, i); err != nil {
			t.Fatal(err)
		}
		v.Path = v.Path[strings.LastIndexByte(v.Path, '/')+1:]
	}
	if kernel.Data != nil {
		assign(t, w.kernel, kernel.Data)
		assign(t, w.bias, bias.Data)
	}
	return w
}

// descent is a step that is given the gradients to go by.
func descent(t *testing.T, o *train.Optimizer, w *weights) *train.Step {
	t.Helper()
	return step(t, func(s *train.StepBuilder) {
		kernel, bias := s.Variable(w.kernel), s.Variable(w.bias)
		loss := kernel.Mul(s.Input("kernel", w.shapes[0])).Sum().Add(bias.Mul(s.Input("bias", w.shapes[1])).Sum())
		s.Mean("loss", loss)
		s.Minimize(loss, o, w.kernel, w.bias)
	})
}

func TestCompiledStepsLeadWhereKerasGoes(t *testing.T) {
	file := golden.Load(t, "optimizers")
	inputs := file.Case(t, "inputs").Tensors
	near := func(got, want []float32) bool {
		for i := range want {
			if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 4e-5*math.Abs(float64(want[i]))+1e-6) {
				return false
			}
		}
		return len(got) == len(want)
	}
	for _, c := range file.Cases[1:] {
		rule := ruleOf(t, c)
		scaled := optimizer.LossScaleOptimizer{InnerOptimizer: rule, InitialScale: 16, DynamicGrowthSteps: 3}
		for _, rule := range []optimizer.Optimizer{rule, scaled} {
			o, w := train.NewOptimizer(rule), begin(t, inputs["kernel"].Data, inputs["bias"].Data)
			s := descent(t, o, w)
			for i := range 10 {
				kernel, bias := slices.Clone(inputs["gradient kernel"].Data[i*12:][:12]), slices.Clone(inputs["gradient bias"].Data[i*4:][:4])
				if f := optimizer.CommonOf(rule).LossScaleFactor; f > 0 { // Keras was given gradients as if the loss had been scaled
					for _, g := range [][]float32{kernel, bias} {
						for i := range g {
							g[i] /= float32(f)
						}
					}
				}
				run(t, s, x(kernel, bias))
				if kernel, bias := c.Tensors["kernel"].Data[i*12:][:12], c.Tensors["bias"].Data[i*4:][:4]; !near(w.kernel.Value(), kernel) || !near(w.bias.Value(), bias) {
					t.Errorf("%s, %s: after step %d the weights are\n%v %v, want\n%v %v", c.Name, rule.Name(), i, w.kernel.Value(), w.bias.Value(), kernel, bias)
					break
				}
			}
			for _, slot := range o.Slots() {
				if want, ok := c.Tensors["slot "+slot.Variable.Path+"_"+slot.Name]; ok && !near(slot.Value(), want.Data) {
					t.Errorf("%s, %s: slot %s of %s is %v, want %v", c.Name, rule.Name(), slot.Name, slot.Variable.Path, slot.Value(), want.Data)
				}
			}
		}
	}
}

// Fresh runs of Keras are in float64; ours here is what the kernels do in float32.
func TestFreshCompiledStepsLeadWhereKerasGoes(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "optimizers").Cases {
		o, w := train.NewOptimizer(ruleOf(t, c)), beginAt(t, c.Tensors["initial kernel"], c.Tensors["initial bias"])
		s := descent(t, o, w)
		values := [2][]float32{w.kernel.Value(), w.bias.Value()}
		part := func(name string, k, step int) []float32 {
			n := len(values[k])
			return c.Tensors[name+[]string{"kernel", "bias"}[k]].Data[step*n:][:n]
		}
	steps:
		for i := range c.Tensors["gradient bias"].Shape[0] {
			run(t, s, x(part("gradient ", 0, i), part("gradient ", 1, i)))
			values = [2][]float32{w.kernel.Value(), w.bias.Value()}
			for k := range 2 {
				want, moved := part("", k, i), 0.0
				for j := range want {
					moved = max(moved, math.Abs(float64(want[j])-float64(part("initial ", k, 0)[j])))
				}
				for j := range want {
					if d := math.Abs(float64(values[k][j]) - float64(want[j])); !(d <= 3e-7*float64(i+1)*math.Abs(float64(want[j]))+2e-4*moved) {
						t.Errorf("%s: %v: after step %d the weights are\n%v, want\n%v: %v off after a way of %v", c.Name, c.Config, i, values[k], want, d, moved)
						break steps
					}
				}
			}
		}
	}
}

func TestAnOptimizerIsAsLargeAsKerasCounts(t *testing.T) {
	decay := optimizer.ExponentialDecay{InitialLearningRate: 0.1, DecaySteps: 10, DecayRate: 0.5}
	for _, c := range []struct {
		rule optimizer.Optimizer
		size int // by Keras 3.15, of a kernel of 3 × 4 and a bias of 4
	}{
		{optimizer.SGD{}, 2},
		{optimizer.SGD{Momentum: 0.9}, 18},
		{optimizer.RMSprop{}, 18},
		{optimizer.Adam{}, 34},
		{optimizer.Adam{AMSGrad: true}, 50},
		{optimizer.Adam{Schedule: decay}, 33},
		{optimizer.Adam{EMA: optimizer.EMA{On: true}}, 50},
		{optimizer.Adamax{}, 34},
		{optimizer.Nadam{}, 35},
		{optimizer.Adagrad{}, 18},
		{optimizer.Adadelta{}, 34},
		{optimizer.Adafactor{}, 27},
		{optimizer.Lion{}, 18},
		{optimizer.Ftrl{}, 34},
		{optimizer.Lamb{}, 34},
		{optimizer.Muon{}, 22},
		{optimizer.ScheduleFreeAdamW{}, 34},
		{optimizer.SGD{GradientAccumulationSteps: 2}, 18},
		{optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.Adam{}}, 38},
	} {
		o := train.NewOptimizer(c.rule)
		descent(t, o, begin(t, nil, nil))
		if o.Size() != c.size {
			t.Errorf("%+v has %d numbers, want %d", c.rule, o.Size(), c.size)
		}
	}
}

func TestAGradientThatIsNotFiniteHalvesTheScaleOfTheLoss(t *testing.T) {
	o := train.NewOptimizer(optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.Adam{Clip: optimizer.Clip{Value: 1}}, DynamicGrowthSteps: 2})
	w := begin(t, nil, nil)
	s := descent(t, o, w)
	small, large := x(make([]float32, 12), make([]float32, 4)), x(make([]float32, 12), []float32{1.5e34, 0, 0, 0})
	for i, want := range []struct {
		batch  data.Batch
		scale  float64
		update uint64
	}{
		{small, 32768, 1},
		{large, 16384, 1}, // 1.5e34·32768 is not finite
		{small, 16384, 2},
		{large, 16384 * 2, 3}, // the second finite one
		{large, 16384, 3},
		{large, 16384, 4},
	} {
		before := slices.Clone(w.bias.Value())
		run(t, s, want.batch)
		if o.LossScale() != want.scale || o.Iterations() != want.update {
			t.Errorf("after step %d the scale is %v and there were %d updates, want %v and %d", i, o.LossScale(), o.Iterations(), want.scale, want.update)
		}
		if moved := i == 3 || i == 5; slices.Equal(before, w.bias.Value()) == moved {
			t.Errorf("step %d moves the bias from %v to %v", i, before, w.bias.Value())
		}
	}
	if v, ok := s.Log("loss"); !ok || v != v {
		t.Errorf("the loss is %v, %v", v, ok)
	}

	// A loss that is not finite is no matter of its scale.
	var e *train.NonFiniteError
	bias := w.bias.Value()
	bias[0] = 1e5
	assign(t, w.bias, bias)
	if _, err := s.Run(large); !errors.As(err, &e) {
		t.Errorf("got error %v", err)
	}
}

func ruleOf(t *testing.T, c golden.Case) optimizer.Optimizer {
	t.Helper()
	cfg := map[string]any{}
	for name, v := range c.Config {
		if schedule, ok := v.(map[string]any); ok {
			class := schedule["class_name"]
			delete(schedule, "class_name")
			delete(schedule, "name")
			name, v = "schedule", map[string]any{"class_name": class, "config": schedule}
		}
		cfg[name] = v
	}
	holder := struct{ O optimizer.Optimizer }{}
	if err := config.Decode(map[string]any{"o": map[string]any{"class_name": c.Class, "config": cfg}}, &holder); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return holder.O
}
