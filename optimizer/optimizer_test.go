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

// A run trains a kernel and a bias, which lie in one slab with gaps behind them,
// as a trainer would.
type run struct {
	rule         optimizer.Optimizer
	shapes       []tensor.Shape
	offsets      []int
	param, slots []float64 // slots one behind the other
	step         uint64
}

// newRun begins with those values.
func newRun(rule optimizer.Optimizer, kernel, bias golden.Tensor) *run {
	behind := (len(kernel.Data)/16 + 1) * 16
	r := &run{
		rule: rule, shapes: []tensor.Shape{kernel.Shape, bias.Shape}, offsets: []int{0, behind},
		param: make([]float64, behind+(len(bias.Data)/16+1)*16),
	}
	copy(r.param, float64s(kernel.Data))
	copy(r.param[behind:], float64s(bias.Data))
	return r
}

func (r *run) train(t *testing.T, grads ...[]float64) {
	t.Helper()
	size, shapes, offsets := len(r.param), r.shapes, r.offsets
	g := graph.New()
	feed := map[*graph.Node][]float64{}
	node := func(value []float64, shape ...int) *graph.Node {
		n := g.Input("", shape)
		feed[n] = value
		return n
	}
	common := optimizer.CommonOf(r.rule)
	rate, every := common.Rate(r.step), uint64(max(common.GradientAccumulationSteps, 1))
	update := r.step/every + 1
	r.step++
	given := []*graph.Node{node(grads[0], shapes[0]...), node(grads[1], shapes[1]...)}
	if common.LossScaleFactor > 0 { // as if the loss had been scaled
		for i := range given {
			given[i] = given[i].Div(g.Scalar(common.LossScaleFactor))
		}
	}
	u := &optimizer.Update{
		Param: node(r.param, size), Shapes: shapes, Offsets: offsets, Paths: []string{"kernel", "bias"},
		HostScalar: func(_ string, f func(float64, uint64) float64) *graph.Node {
			return node([]float64{f(rate, update)})
		},
	}
	for k, slot := range optimizer.Slots(r.rule) {
		if r.step == 1 {
			for i := range size {
				r.slots = append(r.slots, slot.Init)
				if slot.FromWeights {
					r.slots[k*size+i] = r.param[i]
				}
			}
		}
		u.Slots = append(u.Slots, node(r.slots[k*size:][:size], size))
	}
	var sums *graph.Node
	if every > 1 {
		u.Due = node([]float64{float64(map[bool]int{true: 1}[r.step%every == 0])})
		last := len(u.Slots) - 1
		var before, after []*graph.Node
		for i, shape := range shapes {
			before = append(before, u.Slots[last].View(offsets[i], shape))
		}
		given, after = common.Accumulate(u.Due, given, before)
		sums, u.Slots = graph.Pack(size, offsets, after...), u.Slots[:last]
	}
	u.Grad = graph.Pack(size, offsets, common.Clip.Gradients(given)...)
	optimizer.Step(r.rule, u)
	if sums != nil {
		u.Slots = append(u.Slots, sums)
	}
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
	for _, c := range golden.Load(t, "optimizers").Cases[1:] {
		rule := configured(t, c)
		for i, want := range c.Numbers["learning_rate"] {
			if got := optimizer.CommonOf(rule).Rate(uint64(i)); math.Abs(got-want) > 1e-6*want {
				t.Errorf("%s: the rate of step %d is %v, want %v", c.Name, i, got, want)
			}
		}
		follow(t, c, rule)
	}
}

// follow makes ten steps and compares the weights after each, and the slots at
// the end, with the golden case.
func follow(t *testing.T, c golden.Case, rule optimizer.Optimizer) {
	t.Helper()
	inputs := golden.Load(t, "optimizers").Case(t, "inputs").Tensors
	r := newRun(rule, inputs["kernel"], inputs["bias"])
	size, offsets := len(r.param), r.offsets
	for i := range 10 {
		r.train(t, float64s(inputs["gradient kernel"].Data[i*12:][:12]), float64s(inputs["gradient bias"].Data[i*4:][:4]))
		kernel, bias := c.Tensors["kernel"].Data[i*12:][:12], c.Tensors["bias"].Data[i*4:][:4]
		if !close(r.param, kernel) || !close(r.param[offsets[1]:], bias) {
			t.Errorf("%s: after step %d the weights are\n%v, want\n%v and %v", c.Name, i, r.param, kernel, bias)
			return
		}
		if gap := r.param[12:16]; !slices.Equal(gap, make([]float64, 4)) {
			t.Errorf("%s: the gap in the slab holds %v", c.Name, gap)
		}
	}
	for k, slot := range optimizer.Slots(rule) {
		for i, name := range []string{"kernel", "bias"} {
			want, ok := c.Tensors["slot "+name+"_"+slot.Name]
			if got := r.slots[k*size+offsets[i]:]; ok && !close(got, want.Data) {
				t.Errorf("%s: slot %s of %s is %v, want %v", c.Name, slot.Name, name, got, want.Data)
			}
		}
	}
}

func TestSchedulesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "schedules").Cases {
		sameRates(t, c, 2e-6, 1e-8) // Keras computed in float32
	}
}

func TestFreshSchedulesAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "schedules").Cases {
		sameRates(t, c, 1e-11, 1e-14)
	}
}

func sameRates(t *testing.T, c golden.Case, relative, absolute float64) {
	t.Helper()
	holder := struct{ S optimizer.Schedule }{}
	if err := config.Decode(map[string]any{"s": map[string]any{"class_name": c.Class, "config": c.Config}}, &holder); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	for i, step := range c.Numbers["steps"] {
		if got, want := holder.S.Rate(uint64(step)), c.Numbers["rates"][i]; !(math.Abs(got-want) <= relative*math.Abs(want)+absolute) {
			t.Errorf("%s: %v: the rate after %v steps is %v, want %v", c.Name, c.Config, step, got, want)
		}
	}
}

// Keras computed fresh runs in float64, so that only the roundings of constants to
// float32, and of what it wrote, are between them and the float64 meaning of ours.
func TestFreshRunsOfOptimizersLeadWhereKerasGoes(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "optimizers").Cases {
		r := newRun(configured(t, c), c.Tensors["initial kernel"], c.Tensors["initial bias"])
		n := [2]int{len(c.Tensors["initial kernel"].Data), len(c.Tensors["initial bias"].Data)}
		part := func(name string, k, step int) []float32 {
			return c.Tensors[name+[]string{"kernel", "bias"}[k]].Data[step*n[k]:][:n[k]]
		}
	steps:
		for i := range c.Tensors["gradient bias"].Shape[0] {
			r.train(t, float64s(part("gradient ", 0, i)), float64s(part("gradient ", 1, i)))
			for k := range 2 {
				got, want := r.param[r.offsets[k]:][:n[k]], part("", k, i)
				moved := 0.0
				for j := range want {
					moved = max(moved, math.Abs(float64(want[j])-float64(part("initial ", k, 0)[j])))
				}
				for j := range want {
					if d := math.Abs(got[j] - float64(want[j])); !(d <= 1e-7*math.Abs(float64(want[j]))+fresh*moved) {
						t.Errorf("%s: %v: after step %d the weights are\n%v, want\n%v: %v off after a way of %v", c.Name, c.Config, i, got, want, d, moved)
						break steps
					}
				}
			}
		}
	}
}

// fresh is how far from Keras's a run's way may lead, as a share of its length.
const fresh = 2e-6

// What the doc comments say of the book's Keras gives its steps.
func TestTenStepsLeadWhereKeras2Goes(t *testing.T) {
	decay := func(rate float64) optimizer.Schedule {
		return optimizer.InverseTimeDecay{InitialLearningRate: rate, DecaySteps: 1, DecayRate: 0.5}
	}
	for name, rule := range map[string]optimizer.Optimizer{
		"SGD":                            optimizer.SGD{},
		"SGD momentum=0.9":               optimizer.SGD{Momentum: 0.9},
		"SGD momentum=0.9 nesterov=True": optimizer.SGD{Momentum: 0.9, Nesterov: true},
		"SGD decay=0.5":                  optimizer.SGD{Schedule: decay(0.01)},
		"SGD clipnorm=1.0":               optimizer.SGD{Clip: optimizer.Clip{GlobalNorm: 1}},
		"RMSprop":                        optimizer.RMSprop{EpsilonOutside: true},
		"Adagrad":                        optimizer.Adagrad{LearningRate: 0.01, InitialAccumulatorValue: new(0.0), EpsilonOutside: true},
		"Adadelta":                       optimizer.Adadelta{LearningRate: 1},
		"Adam":                           optimizer.Adam{},
		"Adam amsgrad=True":              optimizer.Adam{AMSGrad: true},
		"Adam decay=0.5":                 optimizer.Adam{Schedule: decay(0.001)},
		"Adamax":                         optimizer.Adamax{LearningRate: 0.002},
		"Nadam":                          optimizer.Nadam{LearningRate: 0.002, ScheduleDecay: new(0.004)},
	} {
		follow(t, golden.Load(t, "keras2").Case(t, "optimizer "+name), rule)
	}
}

func TestOptimizersOutOfRangeAreErrors(t *testing.T) {
	for want, rule := range map[string]optimizer.Optimizer{
		"sgd: LearningRate is -1":                  optimizer.SGD{LearningRate: -1},
		"adam: Clip has 2 of Value, Norm":          optimizer.Adam{Clip: optimizer.Clip{Value: 1, Norm: 1}},
		"adam: Clip has -1":                        optimizer.Adam{Clip: optimizer.Clip{Value: -1}},
		"EMA.Momentum is 2":                        optimizer.Lion{EMA: optimizer.EMA{On: true, Momentum: new(2.0)}},
		"GradientAccumulationSteps is 1, it must":  optimizer.Adam{GradientAccumulationSteps: 1},
		"GradientAccumulationSteps is -2":          optimizer.Adam{GradientAccumulationSteps: -2},
		"LossScaleFactor is -1":                    optimizer.Adam{LossScaleFactor: -1},
		"ExcludeFromWeightDecay: error parsing":    optimizer.Adam{ExcludeFromWeightDecay: []string{"("}},
		"ExcludeLayers: error parsing":             optimizer.Muon{ExcludeLayers: []string{"[a"}},
		"NSSteps is -1":                            optimizer.Muon{NSSteps: new(-1)},
		"WarmupSteps is -1, it cannot be negative": optimizer.ScheduleFreeAdamW{WarmupSteps: -1},
		"InitialScale is -1":                       optimizer.LossScaleOptimizer{InitialScale: -1},
		"DynamicGrowthSteps is -1":                 optimizer.LossScaleOptimizer{DynamicGrowthSteps: -1},
		"InnerOptimizer is a LossScaleOptimizer":   optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.LossScaleOptimizer{}},
		"is a pointer to optimizer.Adam":           optimizer.LossScaleOptimizer{InnerOptimizer: &optimizer.Adam{}},
		"sgd: LearningRate is -2":                  optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.SGD{LearningRate: -2}},
		"EMA.Overwrite is -1":                      optimizer.Lion{EMA: optimizer.EMA{Overwrite: -1}},
		"ExponentialDecay: DecaySteps is 0":        optimizer.SGD{Schedule: optimizer.ExponentialDecay{}},
		"1 Boundaries need 2 Values, got 1":        optimizer.SGD{Schedule: optimizer.PiecewiseConstantDecay{Boundaries: []int{1}, Values: []float64{1}}},
		"the Boundaries [3 3] do not rise from 0":  optimizer.SGD{Schedule: optimizer.PiecewiseConstantDecay{Boundaries: []int{3, 3}, Values: []float64{1, 2, 3}}},
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

// narrow has a rate of a type that nobody reads.
type narrow struct{ LearningRate float32 }

// silent has a rate that is 0 unless it is given.
type silent struct{ LearningRate float64 }

// rateless has none, and asks for it.
type rateless struct{}

func (narrow) Name() string                 { return "narrow" }
func (narrow) Slots() []optimizer.Slot      { return nil }
func (narrow) Update(u *optimizer.Update)   { u.Param = u.Param.Sub(u.Grad.Mul(u.LR())) }
func (silent) Name() string                 { return "silent" }
func (silent) Slots() []optimizer.Slot      { return nil }
func (silent) Update(u *optimizer.Update)   { narrow{}.Update(u) }
func (rateless) Name() string               { return "rateless" }
func (rateless) Slots() []optimizer.Slot    { return nil }
func (rateless) Update(u *optimizer.Update) { narrow{}.Update(u) }

func TestAnOptimizerOfOnesOwnThatCannotLearnIsAnError(t *testing.T) {
	for want, rule := range map[string]optimizer.Optimizer{
		"optimizer narrow: its field LearningRate is a float32, and would have no effect: it must be a float64": narrow{0.1},
		"optimizer silent: LearningRate is 0, and nothing would be learned":                                     silent{},
	} {
		if err := optimizer.Check(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", rule, err, want)
		}
	}
	if err := optimizer.Check(silent{0.1}); err != nil {
		t.Error(err)
	}
	g := graph.New()
	optimizer.Step(rateless{}, &optimizer.Update{
		Param: g.Param("w", tensor.Shape{1}), Grad: g.Input("g", tensor.Shape{1}),
		HostScalar: func(name string, _ func(float64, uint64) float64) *graph.Node { return g.Input(name, tensor.Shape{}) },
	})
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "optimizer rateless asks for the learning rate, and has no field LearningRate float64") {
		t.Error(err)
	}
}

// What all optimizers share is read of each, whatever its field is: AdamW's
// WeightDecay has a default.
func TestCommonFieldsAreReadWithTheirDefaults(t *testing.T) {
	if c := optimizer.CommonOf(optimizer.AdamW{}); c.LearningRate != 0.001 || c.WeightDecay != 0.004 || *c.EMA.Momentum != 0.99 {
		t.Errorf("%+v", c)
	}
	o := optimizer.AdamW{WeightDecay: new(0.0), Clip: optimizer.Clip{Norm: 2}, EMA: optimizer.EMA{On: true, Momentum: new(0.0)}}
	if c := optimizer.CommonOf(o); c.WeightDecay != 0 || *c.EMA.Momentum != 0 || c.Clip.Norm != 2 {
		t.Errorf("%+v", c)
	}
}
