package optimizer_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// configured returns the optimizer that the golden case is of. Keras has
// schedules in the place of the learning rate.
func configured(t *testing.T, c golden.Case) optimizer.Optimizer {
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

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

// A run trains a kernel of 3 × 4 and a bias of 4, which lie in one slab with a
// gap between them, as a trainer would.
type run struct {
	rule         optimizer.Optimizer
	param, slots []float64 // slots one behind the other
	step         uint64
}

var (
	shapes  = []tensor.Shape{{3, 4}, {4}}
	offsets = []int{0, 16}
)

const size = 32

func (r *run) train(t *testing.T, grads ...[]float64) {
	t.Helper()
	g := graph.New()
	feed := map[*graph.Node][]float64{}
	node := func(value []float64, shape ...int) *graph.Node {
		n := g.Input("", shape)
		feed[n] = value
		return n
	}
	common := optimizer.CommonOf(r.rule)
	rate := common.Rate(r.step)
	r.step++
	clipped := common.Clip.Gradients([]*graph.Node{node(grads[0], shapes[0]...), node(grads[1], shapes[1]...)})
	u := &optimizer.Update{
		Param: node(r.param, size), Grad: graph.Pack(size, offsets, clipped...),
		Shapes: shapes, Offsets: offsets,
		HostScalar: func(_ string, f func(float64, uint64) float64) *graph.Node {
			return node([]float64{f(rate, r.step)})
		},
	}
	for k, slot := range optimizer.Slots(r.rule) {
		if r.step == 1 {
			for range size {
				r.slots = append(r.slots, slot.Init)
			}
		}
		u.Slots = append(u.Slots, node(r.slots[k*size:][:size], size))
	}
	optimizer.Step(r.rule, u)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range append([]*graph.Node{u.Param}, u.Slots...) {
		if !n.Shape().Equal(tensor.Shape{size}) {
			t.Fatalf("the slab becomes %v", n.Shape())
		}
	}
	out, err := ref.Eval(g, 1, feed, append([]*graph.Node{u.Param}, u.Slots...)...)
	if err != nil {
		t.Fatal(err)
	}
	r.param, r.slots = out[0], slices.Concat(out[1:]...)
}

func close(got []float64, want []float32) bool {
	for i, w := range want {
		if !(math.Abs(got[i]-float64(w)) <= 2e-5*math.Abs(float64(w))+2e-7) {
			return false
		}
	}
	return true
}

func TestTenStepsLeadWhereKerasGoes(t *testing.T) {
	cases := golden.Load(t, "optimizers")
	inputs := cases.Case(t, "inputs").Tensors
	for _, c := range cases.Cases[1:] {
		r := &run{rule: configured(t, c), param: make([]float64, size)}
		copy(r.param, float64s(inputs["kernel"].Data))
		copy(r.param[offsets[1]:], float64s(inputs["bias"].Data))
		for i := range 10 {
			if got, want := optimizer.CommonOf(r.rule).Rate(uint64(i)), c.Numbers["learning_rate"][i]; math.Abs(got-want) > 1e-6*want {
				t.Errorf("%s: the rate of step %d is %v, want %v", c.Name, i, got, want)
			}
			r.train(t, float64s(inputs["gradient kernel"].Data[i*12:][:12]), float64s(inputs["gradient bias"].Data[i*4:][:4]))
			kernel, bias := c.Tensors["kernel"].Data[i*12:][:12], c.Tensors["bias"].Data[i*4:][:4]
			if !close(r.param, kernel) || !close(r.param[offsets[1]:], bias) {
				t.Errorf("%s: after step %d the weights are\n%v, want\n%v and %v", c.Name, i, r.param, kernel, bias)
				break
			}
			if gap := r.param[12:16]; !slices.Equal(gap, make([]float64, 4)) {
				t.Errorf("%s: the gap in the slab holds %v", c.Name, gap)
			}
		}
		for k, slot := range optimizer.Slots(r.rule) {
			for i, name := range []string{"kernel", "bias"} {
				want, ok := c.Tensors["slot "+name+"_"+slot.Name]
				if got := r.slots[k*size+offsets[i]:]; ok && !close(got, want.Data) {
					t.Errorf("%s: slot %s of %s is %v, want %v", c.Name, slot.Name, name, got, want.Data)
				}
			}
		}
	}
}

func TestSchedulesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "schedules").Cases {
		holder := struct{ S optimizer.Schedule }{}
		if err := config.Decode(map[string]any{"s": map[string]any{"class_name": c.Class, "config": c.Config}}, &holder); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for i, step := range c.Numbers["steps"] {
			if got, want := holder.S.Rate(uint64(step)), c.Numbers["rates"][i]; math.Abs(got-want) > 2e-6*math.Abs(want)+1e-8 {
				t.Errorf("%s: the rate after %v steps is %v, want %v", c.Name, step, got, want)
			}
		}
	}
}

// The book's Keras: RMSprop and Adagrad have their epsilon outside the root.
func TestEpsilonOutsideIsTheRuleOfKeras2(t *testing.T) {
	for _, test := range []struct {
		rule optimizer.Optimizer
		want float64
	}{
		{optimizer.RMSprop{Epsilon: 0.5, EpsilonOutside: true}, 1 - 0.001*2/(math.Sqrt(0.1*4)+0.5)},
		{optimizer.RMSprop{Epsilon: 0.5}, 1 - 0.001*2/math.Sqrt(0.1*4+0.5)},
		{optimizer.Adagrad{LearningRate: 0.01, InitialAccumulatorValue: optimizer.Zero, Epsilon: 0.5, EpsilonOutside: true}, 1 - 0.01*2/(2+0.5)},
	} {
		r := &run{rule: test.rule, param: make([]float64, size)}
		r.param[0] = 1
		kernel := make([]float64, 12)
		kernel[0] = 2
		r.train(t, kernel, make([]float64, 4))
		if math.Abs(r.param[0]-test.want) > 1e-9 {
			t.Errorf("%+v: the weight becomes %v, want %v", test.rule, r.param[0], test.want)
		}
	}
}

func TestOptimizersOutOfRangeAreErrors(t *testing.T) {
	for want, rule := range map[string]optimizer.Optimizer{
		"sgd: LearningRate is -1":                 optimizer.SGD{LearningRate: -1},
		"adam: Clip has 2 of Value, Norm":         optimizer.Adam{Clip: optimizer.Clip{Value: 1, Norm: 1}},
		"adam: Clip has -1":                       optimizer.Adam{Clip: optimizer.Clip{Value: -1}},
		"EMA.Momentum is 2":                       optimizer.Lion{EMA: optimizer.EMA{On: true, Momentum: 2}},
		"EMA.Overwrite is -1":                     optimizer.Lion{EMA: optimizer.EMA{Overwrite: -1}},
		"ExponentialDecay: DecaySteps is 0":       optimizer.SGD{Schedule: optimizer.ExponentialDecay{}},
		"1 Boundaries need 2 Values, got 1":       optimizer.SGD{Schedule: optimizer.PiecewiseConstantDecay{Boundaries: []int{1}, Values: []float64{1}}},
		"the Boundaries [3 3] do not rise from 0": optimizer.SGD{Schedule: optimizer.PiecewiseConstantDecay{Boundaries: []int{3, 3}, Values: []float64{1, 2, 3}}},
	} {
		if err := optimizer.Check(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", rule, err, want)
		}
	}
	for _, name := range optimizer.Names() {
		o, err := optimizer.ByName(name)
		if err != nil || o.Name() != name || optimizer.Check(o) != nil {
			t.Errorf("%s: %v, %v, %v", name, o, err, optimizer.Check(o))
		}
	}
	if _, err := optimizer.ByName("adm"); err == nil || !strings.Contains(err.Error(), `unknown optimizer "adm": the known ones are adadelta, adafactor, adagrad, adam, `) {
		t.Error(err)
	}
}

// 0 can be said for every field whose default is another number.
func TestZeroSurvivesTheRoundTrip(t *testing.T) {
	o := optimizer.Adam{LearningRate: optimizer.Zero, Beta1: optimizer.Zero, Clip: optimizer.Clip{Norm: 2}, EMA: optimizer.EMA{On: true, Momentum: optimizer.Zero}}
	cfg, err := config.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"learning_rate", "beta_1", "ema_momentum"} {
		if cfg[name] != 0.0 {
			t.Errorf("%s is stored as %v", name, cfg[name])
		}
	}
	var back optimizer.Adam
	if err := config.Decode(cfg, &back); err != nil || back != o {
		t.Errorf("%+v comes back as %+v, %v", o, back, err)
	}
	if c := optimizer.CommonOf(o); c.LearningRate != 0 || c.EMA.Momentum != 0 || c.Clip.Norm != 2 {
		t.Errorf("%+v", c)
	}
}
