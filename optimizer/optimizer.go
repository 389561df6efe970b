// Package optimizer has the rules by which training changes weights.
//
// An Optimizer is a value. Its Update emits elementwise nodes over slabs, flat
// arrays that hold all weights that are trained; its state is slots, slabs of
// the same size. Formulas, defaults and the order of operations are Keras 3's;
// where the Keras 2.2 of older books differs, the doc comment says so.
//
// A field that is left out has Keras's default, which its tag shows. Fields that
// may be 0 and have another default are pointers: Adam{Beta1: new(0.5)}. What all
// optimizers have in common is explained at Common.
package optimizer

// This file defines Optimizer and Update, finds an optimizer by its name, and
// wraps what all of them share around the rule of one.

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// An Optimizer changes weights by their gradients.
//
// The exported fields named as in Common are read by CommonOf; an optimizer
// without one of them goes without.
type Optimizer interface {
	// Name returns Keras's name: "adam".
	Name() string
	// Slots lists the state that each weight has.
	Slots() []Slot
	// Update replaces u.Param and u.Slots by their new values.
	Update(u *Update)
}

// A Slot is a number of state for each weight.
type Slot struct {
	Name        string  // "momentum"
	Init        float64 // what it holds before the first step
	FromWeights bool    // it holds what the weights are before the first step

	// Size returns how many of the slot's numbers an array of weights of that path
	// ("dense/kernel") and shape makes use of, the first ones; nil: all.
	Size func(path string, shape tensor.Shape) int
}

// An Update is one step over a slab.
type Update struct {
	Param *graph.Node   // the weights, [n]
	Grad  *graph.Node   // their gradients, clipped, [n]
	Slots []*graph.Node // the state, each [n], in the order of Optimizer.Slots

	// Shapes and Offsets say where in the slab each array of weights lies, and Paths
	// what it is called ("dense/kernel"), for the rules that need to know.
	Shapes  []tensor.Shape
	Offsets []int
	Paths   []string

	// Due is 1 in the steps that change the weights and 0 in those that only
	// accumulate gradients; nil if all steps change them.
	Due *graph.Node

	// HostScalar returns a scalar node whose value is computed on the host, in
	// float64, before every step: f gets the learning rate and the number of the
	// step, from 1. Equal names within one update give one node.
	HostScalar func(name string, f func(rate float64, step uint64) float64) *graph.Node

	rateless string // the name of the optimizer, if it has no learning rate
}

// LR returns the learning rate.
func (u *Update) LR() *graph.Node {
	if u.rateless != "" {
		return u.Param.Graph().Fail("optimizer %s asks for the learning rate, and has no field LearningRate float64", u.rateless)
	}
	return u.HostScalar("learning_rate", func(rate float64, _ uint64) float64 { return rate })
}

// scalar returns a constant.
func (u *Update) scalar(v float64) *graph.Node { return u.Param.Graph().Scalar(v) }

// root returns √(x + epsilon), or √x + epsilon.
func (u *Update) root(x *graph.Node, epsilon float64, outside bool) *graph.Node {
	if outside {
		return x.Sqrt().Add(u.scalar(epsilon))
	}
	return x.Add(u.scalar(epsilon)).Sqrt()
}

// each applies a rule to every array of weights on its own. The rule gets its
// number, the weights and their gradient in their shape, and for each slot what is
// stored of it, flat; it returns the weights' new value and replaces the slots by
// theirs, of any shape that isn't larger.
func (u *Update) each(rule func(i int, w, g *graph.Node, slots []*graph.Node) *graph.Node) {
	size := u.Param.Shape().Numel()
	if len(u.Shapes) == 0 || len(u.Shapes) != len(u.Offsets) {
		u.Param = u.Param.Graph().Fail("the optimizer needs the shapes of the weights, and was given %d with %d offsets", len(u.Shapes), len(u.Offsets))
		return
	}
	params := make([]*graph.Node, len(u.Shapes))
	slots := make([][]*graph.Node, len(u.Slots))
	for i, shape := range u.Shapes {
		own := make([]*graph.Node, len(u.Slots))
		for k, slot := range u.Slots {
			own[k] = slot.View(u.Offsets[i], tensor.Shape{shape.Numel()})
		}
		params[i] = rule(i, u.Param.View(u.Offsets[i], shape), u.Grad.View(u.Offsets[i], shape), own)
		for k := range own {
			slots[k] = append(slots[k], own[k])
		}
	}
	u.Param = graph.Pack(size, u.Offsets, params...)
	for k := range u.Slots {
		u.Slots[k] = graph.Pack(size, u.Offsets, slots[k]...)
	}
}

// A Clip bounds gradients. At most one field may be set. A gradient's norm is
// √Σg² over the weight that it is of.
//
// The clipnorm of Keras 2.2 is GlobalNorm.
type Clip struct {
	Value      float64 `keras:"clipvalue" zero:"none"`       // each element is kept within ±Value
	Norm       float64 `keras:"clipnorm" zero:"none"`        // each gradient's norm is at most Norm
	GlobalNorm float64 `keras:"global_clipnorm" zero:"none"` // the norm of all gradients together is at most GlobalNorm
}

// An EMA keeps a moving average of the weights,
// average = Momentum·average + (1-Momentum)·weight. It is in use if On.
type EMA struct {
	On        bool     `keras:"use_ema"`
	Momentum  *float64 `keras:"ema_momentum" default:"0.99"`
	Overwrite int      `keras:"ema_overwrite_frequency" zero:"none"` // the weights become the average every so many steps; 0: at the end of training
}

// Common is the configuration that all optimizers share.
type Common struct {
	LearningRate float64  // of every step, unless there is a Schedule
	Schedule     Schedule // nil: none
	Clip         Clip
	WeightDecay  float64 // weights shrink by WeightDecay·rate a step, before the update
	EMA          EMA

	// GradientAccumulationSteps is how many steps have their gradients averaged
	// before the weights are changed once by the mean, as if their batches were one;
	// 0: each step changes them. Clipping, weight decay and the slots go by the
	// means, and so does the number of the step that the rule goes by; the learning
	// rate's schedule counts all steps.
	GradientAccumulationSteps int

	// LossScaleFactor multiplies the loss before its gradients are computed, and
	// divides these, so that small gradients don't become 0 on the way; 0: 1. A
	// power of two changes no bit otherwise.
	LossScaleFactor float64

	// ExcludeFromWeightDecay has regular expressions. Weights whose name ("bias")
	// one of them is found in don't decay. One with a slash is held against the
	// whole path instead, and must match all of it: "dense_1/kernel", "block/.*".
	ExcludeFromWeightDecay []string

	// Lazy trains an Embedding at the cost of the rows that a batch names: the others stay as they are, whatever their
	// momentum or weight decay would do to them. It is another rule than Keras's, which moves all rows in every step, and is
	// for tables that batches name a small part of. SGD without momentum and Adagrad, by which a row without gradient stays as
	// it is, have that cost by themselves, and the same bits. A table that has a regularizer or a constraint, that is used
	// otherwise than by looking rows up, or whose loss is scaled is trained whole as ever; a clip by norms, which are of whole
	// gradients, costs as the table is large.
	Lazy bool
}

// Rate returns the learning rate after so many steps.
func (c Common) Rate(steps uint64) float64 {
	if !config.IsNil(c.Schedule) {
		return c.Schedule.Rate(steps)
	}
	return c.LearningRate
}

// CommonOf returns what o's fields say, defaults put in.
func CommonOf(o Optimizer) Common {
	c, _ := commonOf(o)
	return c
}

// commonOf returns an error if a field that should be one of the common ones has
// another type: it would have no effect.
func commonOf(o Optimizer) (c Common, err error) {
	if config.IsNil(o) {
		return c, errors.New("it is nil")
	}
	if scaled, ok := o.(LossScaleOptimizer); ok {
		return commonOf(scaled.inner())
	}
	from := reflect.Indirect(reflect.ValueOf(config.Resolve(o)))
	if from.Kind() != reflect.Struct {
		return c, nil
	}
	to := reflect.ValueOf(&c).Elem()
	for i := range to.NumField() {
		name, want := to.Type().Field(i).Name, to.Field(i).Type()
		field, ok := from.Type().FieldByName(name)
		if !ok {
			continue
		}
		f, broken := from.FieldByIndexErr(field.Index)
		if broken != nil {
			continue // an embedded struct that isn't there
		}
		if f.Type() == reflect.PointerTo(want) && !f.IsNil() {
			f = f.Elem() // a field with a default, AdamW's WeightDecay
		}
		if f.Type() != want {
			err = cmp.Or(err, fmt.Errorf("its field %s is a %v, and would have no effect: it must be a %v", name, f.Type(), want))
			continue
		}
		to.Field(i).Set(f)
	}
	return c, err
}

// hasRate reports whether o says what the learning rate is.
func hasRate(o Optimizer) bool {
	v := reflect.Indirect(reflect.ValueOf(o))
	if v.Kind() != reflect.Struct {
		return false
	}
	_, rate := v.Type().FieldByName("LearningRate")
	_, schedule := v.Type().FieldByName("Schedule")
	return rate || schedule
}

// Check returns an error unless o is a value whose common fields have the types
// of Common's and are in range.
func Check(o Optimizer) error {
	if err := config.Check("the optimizer", o); err != nil {
		return err
	}
	failed := func(format string, args ...any) error {
		return fmt.Errorf("optimizer %s: %w", o.Name(), fmt.Errorf(format, args...))
	}
	c, err := commonOf(o)
	if err != nil {
		return failed("%w", err)
	}
	if c.LearningRate == 0 && c.Schedule == nil && hasRate(o) {
		return failed("LearningRate is 0, and nothing would be learned: give one, or a Schedule")
	}
	if c.LearningRate < 0 || math.IsNaN(c.LearningRate) || math.IsInf(c.LearningRate, 0) {
		return failed("LearningRate is %v, it must be a number of at least 0", c.LearningRate)
	}
	set := 0
	for _, limit := range []float64{c.Clip.Value, c.Clip.Norm, c.Clip.GlobalNorm} {
		if !(limit >= 0) {
			return failed("Clip has %v, it cannot be negative", limit)
		}
		if limit > 0 {
			set++
		}
	}
	if set > 1 {
		return failed("Clip has %d of Value, Norm and GlobalNorm, it can have one", set)
	}
	if c.EMA.On && !(*c.EMA.Momentum >= 0 && *c.EMA.Momentum <= 1) {
		return failed("EMA.Momentum is %v, it must be within [0, 1]", *c.EMA.Momentum)
	}
	if c.EMA.Overwrite < 0 {
		return failed("EMA.Overwrite is %d, it cannot be negative", c.EMA.Overwrite)
	}
	if c.GradientAccumulationSteps < 0 || c.GradientAccumulationSteps == 1 {
		return failed("GradientAccumulationSteps is %d, it must be at least 2, or 0 for none", c.GradientAccumulationSteps)
	}
	if c.Lazy && (c.EMA.On || c.GradientAccumulationSteps > 0) {
		return failed("Lazy leaves rows alone that a batch doesn't name, and what EMA averages and GradientAccumulationSteps gathers is all rows: give one or the other")
	}
	if !(c.LossScaleFactor >= 0) || math.IsInf(c.LossScaleFactor, 0) {
		return failed("LossScaleFactor is %v, it must be positive, or 0 for none", c.LossScaleFactor)
	}
	for _, pattern := range c.ExcludeFromWeightDecay {
		if _, err := regexp.Compile(pattern); err != nil {
			return failed("ExcludeFromWeightDecay: %w", err)
		}
	}
	return nil
}

var registry = config.NewRegistry[Optimizer](
	"optimizer",
	SGD{}, RMSprop{}, Adam{}, AdamW{}, Adamax{}, Nadam{}, Adagrad{}, Adadelta{}, Adafactor{}, Lion{}, Ftrl{}, Lamb{},
	Muon{}, ScheduleFreeAdamW{}, LossScaleOptimizer{},
)

// ByName returns the optimizer that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Optimizer, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes an optimizer known to ByName and to files, by its Name.
func Register(o Optimizer) { registry.Register(o) }

// Slots lists the state of o: that of its rule, then the moving average, then
// the gradients that are accumulated.
func Slots(o Optimizer) []Slot {
	if config.IsNil(o) {
		return nil
	}
	slots, c := slices.Clip(o.Slots()), CommonOf(o)
	if c.EMA.On {
		slots = append(slots, Slot{Name: "average", FromWeights: true})
	}
	if c.GradientAccumulationSteps > 0 {
		slots = append(slots, Slot{Name: "gradient_accumulator"})
	}
	return slots
}

// ByRows reports whether a step may change no other rows of a table than those that the batch names: because o moves none
// without a gradient, or because it is Lazy.
func ByRows(o Optimizer) (ok, lazy bool) {
	if config.IsNil(o) {
		return false, false
	}
	c := CommonOf(o)
	still, known := o.(interface{ still() bool })
	ok = c.Lazy || known && still.still() && c.WeightDecay == 0 && !c.EMA.On && c.GradientAccumulationSteps == 0
	return ok, c.Lazy
}

// Scalars returns how many numbers Keras counts as o's state beside its slots: the
// number of steps, the learning rate unless there is a schedule, and what some
// rules have of their own.
func Scalars(o Optimizer) int {
	if config.IsNil(o) {
		return 0
	}
	if scaled, ok := o.(LossScaleOptimizer); ok {
		// The scale, the finite steps, and a number of steps and a rate not in use.
		return 4 + Scalars(scaled.inner())
	}
	n := 2
	if CommonOf(o).Schedule != nil {
		n--
	}
	if own, ok := o.(interface{ scalars() int }); ok {
		n += own.scalars()
	}
	return n
}

// Accumulate returns the gradients to go by, the means of those and of what the
// steps before have gathered in sums, and what to gather in sums from now on.
func (c Common) Accumulate(due *graph.Node, grads, sums []*graph.Node) (means, next []*graph.Node) {
	for i, grad := range grads[:min(len(grads), len(sums))] {
		g := grad.Graph()
		sum := grad.Add(sums[i])
		means = append(means, sum.Div(g.Scalar(float64(c.GradientAccumulationSteps))))
		next = append(next, graph.Select(due, g.Scalar(0), sum))
	}
	return means, next
}

// decay shrinks the weights, before the update.
func (u *Update) decay(o Optimizer, c Common) {
	rates := make([]float64, len(u.Shapes))
	own, special := o.(interface {
		decayOf(path string, shape tensor.Shape) float64
	})
	for i, shape := range u.Shapes {
		rates[i] = c.WeightDecay
		if special {
			rates[i] = own.decayOf(u.path(i), shape)
		}
		if c.excluded(u.path(i)) {
			rates[i] = 0
		}
	}
	shrink := func(w *graph.Node, rate float64) *graph.Node {
		if rate == 0 {
			return w
		}
		return w.Sub(w.Mul(u.scalar(rate)).Mul(u.LR()))
	}
	if len(rates) == 0 {
		u.Param = shrink(u.Param, c.WeightDecay)
		return
	}
	if !slices.ContainsFunc(rates, func(rate float64) bool { return rate != rates[0] }) {
		u.Param = shrink(u.Param, rates[0])
		return
	}
	parts := make([]*graph.Node, len(rates))
	for i, shape := range u.Shapes {
		parts[i] = shrink(u.Param.View(u.Offsets[i], shape), rates[i])
	}
	u.Param = graph.Pack(u.Param.Shape().Numel(), u.Offsets, parts...)
}

// path returns the path of an array of weights, "" if it is not known.
func (u *Update) path(i int) string {
	if i < len(u.Paths) {
		return u.Paths[i]
	}
	return ""
}

// excluded reports whether the weights of that path don't decay.
func (c Common) excluded(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return slices.ContainsFunc(c.ExcludeFromWeightDecay, func(pattern string) bool {
		if strings.Contains(pattern, "/") {
			return found("^(?:"+pattern+")$", path)
		}
		return found(pattern, name)
	})
}

// found reports whether a pattern, which Check has looked at, is found in text.
func found(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

// Step emits a whole step: weight decay, o's own rule, and the moving average,
// whose slot is the last. Gradients are accumulated and clipped before; constraints
// come after.
func Step(o Optimizer, u *Update) {
	switch err := config.Check("the optimizer", o); {
	case u == nil:
		return
	case err != nil:
		u.Param = u.Param.Graph().Fail("%v", err)
		return
	case !u.Param.Valid() || u.HostScalar == nil || len(u.Slots) < len(o.Slots()):
		u.Param = u.Param.Graph().Fail("optimizer %s: an Update needs the weights, HostScalar and the slots that Slots lists", o.Name())
		return
	}
	if scaled, ok := o.(LossScaleOptimizer); ok {
		o = scaled.inner()
	}
	c := CommonOf(o)
	if !hasRate(o) {
		u.rateless = o.Name()
	}
	if !c.EMA.On {
		step(o, c, u)
		return
	}
	last := len(u.Slots) - 1
	if last < len(o.Slots()) {
		u.Param = u.Param.Graph().Fail("optimizer %s: an Update lacks the slot of the moving average", o.Name())
		return
	}
	average := u.Slots[last]
	u.Slots = u.Slots[:last:last]
	step(o, c, u)
	keep := *c.EMA.Momentum
	momentum := u.HostScalar("ema_momentum", func(_ float64, step uint64) float64 {
		if step == 1 {
			return 0
		}
		return keep
	})
	average = momentum.Mul(average).Add(u.scalar(1).Sub(momentum).Mul(u.Param))
	if every := uint64(c.EMA.Overwrite); every > 0 {
		now := u.HostScalar("ema_overwrite", func(_ float64, step uint64) float64 {
			if step%every == 0 {
				return 1
			}
			return 0
		})
		u.Param = graph.Select(now, average, u.Param)
	}
	u.Slots = append(u.Slots, average)
}

// step emits weight decay and o's rule, where they are due.
func step(o Optimizer, c Common, u *Update) {
	param, slots := u.Param, slices.Clone(u.Slots)
	u.decay(o, c)
	o.Update(u)
	if u.Due == nil {
		return
	}
	u.Param = graph.Select(u.Due, u.Param, param)
	for i := range u.Slots {
		u.Slots[i] = graph.Select(u.Due, u.Slots[i], slots[i])
	}
}

// Gradients returns the gradients of the weights, each in its weight's shape,
// clipped.
func (c Clip) Gradients(grads []*graph.Node) []*graph.Node {
	c = config.Resolve(c)
	out := make([]*graph.Node, len(grads))
	copy(out, grads)
	if len(grads) == 0 {
		return out
	}
	g := grads[0].Graph()
	switch {
	case c.Norm > 0:
		limit := g.Scalar(c.Norm)
		for i, grad := range grads {
			norm := grad.Square().Sum().Sqrt()
			out[i] = grad.Mul(limit).Div(norm.Max(limit))
		}
	case c.GlobalNorm > 0:
		sum := grads[0].Square().Sum()
		for _, grad := range grads[1:] {
			sum = sum.Add(grad.Square().Sum())
		}
		norm := sum.Sqrt()
		one, limit := g.Scalar(1), g.Scalar(c.GlobalNorm)
		scale := limit.Mul(one.Div(norm).Min(one.Div(limit)))
		for i, grad := range grads {
			out[i] = grad.Mul(scale)
		}
	case c.Value > 0:
		for i, grad := range grads {
			out[i] = grad.Clip(-c.Value, c.Value)
		}
	}
	return out
}
