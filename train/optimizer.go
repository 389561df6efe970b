package train

// This file holds an optimizer in use: its rule and its state.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
)

// An Optimizer is a rule with its state: the slots of the variables, the number
// of updates done, and the learning rate where that was changed. Steps that
// share it go on where the other stopped.
type Optimizer struct {
	err        error // of the rule
	given      optimizer.Optimizer
	rule       optimizer.Optimizer
	common     optimizer.Common
	rateSet    bool // by a callback or the user, which overrides the schedule
	rate       float64
	iterations uint64
	averaged   bool // the weights' averages are in their place
	slots      []Slot
	fresh      []Slot                      // those that are to begin as the weights
	slabs      map[*slab.Slab][]*slab.Slab // the slots of what lies in a slab, in the same places
	scalars    int                         // that Keras counts beside the slots
	scale      *lossScale                  // nil: the loss is not scaled, or by a constant
}

// A lossScale is what optimizer.LossScaleOptimizer does.
type lossScale struct {
	value  float64
	growth int // finite steps that double it
	steps  int // finite steps since it changed
}

// minScale is a scale that is too small to be the cure.
const minScale = 1e-30

// grow counts a step whose gradients were finite.
func (l *lossScale) grow() {
	if l == nil {
		return
	}
	if l.steps++; l.steps == l.growth {
		l.value, l.steps = 2*l.value, 0
	}
}

// shrink answers a step whose gradients were not finite.
func (l *lossScale) shrink() {
	if l != nil {
		l.value, l.steps = l.value/2, 0
	}
}

// A Slot is the optimizer's state for one variable.
type Slot struct {
	Variable *layer.Variable
	Name     string // "momentum"
	held     slab.Span
}

func init() { slab.Slots(func(slot any) slab.Span { return slot.(Slot).held }) }

// Value returns a copy of the slot's numbers: in the variable's order, if there are as many. It waits for a step that is
// changing them.
func (s Slot) Value() []float32 {
	if s.held.Slab == nil {
		return nil
	}
	held := []*slab.Slab{slab.SpanOf(s.Variable).Slab}
	slab.Acquire(held, false)
	defer slab.Release(held, false)
	return slices.Clone(s.held.View())
}

// Assign sets the slot's numbers. There must be as many. It waits for a step that uses them.
func (s Slot) Assign(value []float32) error {
	if s.held.Slab == nil {
		return errors.New("train: the slot is none of an optimizer's: Slots and Prepare return those")
	}
	if len(value) != s.held.Len {
		return fmt.Errorf("train: the slot %q of variable %q has %d numbers: it can't be assigned %d", s.Name, s.Variable.Path, s.held.Len, len(value))
	}
	held := []*slab.Slab{slab.SpanOf(s.Variable).Slab}
	slab.Acquire(held, true)
	defer slab.Release(held, true)
	s.held.Write(value)
	return nil
}

// NewOptimizer returns the rule with a fresh state. A rule that can't be used is an
// error of the step that Minimize is called for.
func NewOptimizer(rule optimizer.Optimizer) *Optimizer {
	if err := optimizer.Check(rule); err != nil {
		return &Optimizer{err: err}
	}
	o := &Optimizer{
		given: rule, rule: rule, common: optimizer.CommonOf(rule), scalars: optimizer.Scalars(rule),
		slabs: map[*slab.Slab][]*slab.Slab{},
	}
	if scaled, ok := rule.(optimizer.LossScaleOptimizer); ok {
		scaled = config.Resolve(scaled)
		o.rule = scaled.InnerOptimizer
		o.common.LossScaleFactor = 0
		o.scale = &lossScale{value: scaled.InitialScale, growth: scaled.DynamicGrowthSteps}
	}
	return o
}

// Iterations returns the number of steps done. Where gradients are accumulated
// there are fewer updates.
func (o *Optimizer) Iterations() uint64 { return o.iterations }

// SetIterations says how many steps were done: for going on with a training that
// was saved, whose slots are in place.
func (o *Optimizer) SetIterations(n uint64) { o.iterations, o.fresh = n, nil }

// LossScale returns what the loss of the next step is multiplied by before its
// gradients are computed.
func (o *Optimizer) LossScale() float64 {
	if o.scale != nil {
		return o.scale.value
	}
	return cmp.Or(o.common.LossScaleFactor, 1)
}

// DynamicScale returns the scale of a LossScaleOptimizer, and for how many steps it has been
// that. ok is false for other optimizers.
func (o *Optimizer) DynamicScale() (scale float64, steps int, ok bool) {
	if o.scale == nil {
		return 0, 0, false
	}
	return o.scale.value, o.scale.steps, true
}

// SetDynamicScale sets what DynamicScale returns.
func (o *Optimizer) SetDynamicScale(scale float64, steps int) {
	if o.scale != nil {
		o.scale.value, o.scale.steps = scale, steps
	}
}

// update returns the number of the update that the next step is of, from 1.
func (o *Optimizer) update() uint64 {
	return o.iterations/uint64(max(o.common.GradientAccumulationSteps, 1)) + 1
}

// due returns 1 if the next step changes the weights, and 0 if it only accumulates
// gradients.
func (o *Optimizer) due() float64 {
	if (o.iterations+1)%uint64(max(o.common.GradientAccumulationSteps, 1)) == 0 {
		return 1
	}
	return 0
}

// fill lets slots begin as the weights are at the first step.
func (o *Optimizer) fill() {
	for _, slot := range o.fresh {
		slot.held.Write(slab.SpanOf(slot.Variable).View())
	}
	o.fresh = nil
}

// LearningRate returns the rate of the next update.
func (o *Optimizer) LearningRate() float64 {
	if o.rateSet {
		return o.rate
	}
	return o.common.Rate(o.iterations)
}

// SetLearningRate sets the rate of the updates that follow, in place of the
// rule's own rate or schedule.
func (o *Optimizer) SetLearningRate(rate float64) { o.rateSet, o.rate = true, rate }

// Slots lists the state, in the order in which steps asked for it.
func (o *Optimizer) Slots() []Slot { return o.slots }

// Scheduled reports whether the learning rate follows a schedule.
func (o *Optimizer) Scheduled() bool { return o.common.Schedule != nil }

// Prepare makes the slots of the variables, which otherwise come with the first step, and
// returns them: to set a state that was saved.
func (o *Optimizer) Prepare(variables ...*layer.Variable) ([]Slot, error) {
	switch {
	case o == nil || o.rule == nil && o.err == nil:
		return nil, errors.New("train: Prepare: the optimizer has no rule: NewOptimizer makes one that has")
	case o.err != nil:
		return nil, o.err
	case slices.Contains(variables, nil):
		return nil, errors.New("train: Prepare: a variable is nil")
	}
	if err := slab.Store(variables...); err != nil {
		return nil, err
	}
	for i := range variables {
		o.state(&runsOf(variables[i : i+1])[0])
	}
	return o.slots, nil
}

// Size returns how many numbers the state is made of, as Keras counts them: the
// slots, the number of steps, the learning rate unless there is a schedule, and what
// else some rules keep. It is 0 before the first step is made.
func (o *Optimizer) Size() int {
	if len(o.slabs) == 0 {
		return 0
	}
	n := o.scalars
	for _, slot := range o.slots {
		n += slot.held.Len
	}
	return n
}

// UseAverages exchanges the weights for their moving averages, and back when on is
// false. It reports whether there are averages: whether the rule's EMA is on.
func (o *Optimizer) UseAverages(on bool) bool {
	if o.common.EMA.On && on != o.averaged {
		o.averaged = on
		for _, slot := range o.averages() {
			slab.Swap(slab.SpanOf(slot.Variable), slot.held)
		}
	}
	return o.common.EMA.On
}

// average sets the variables to their moving averages, at the end of a training.
func (o *Optimizer) average() {
	for _, slot := range o.averages() {
		if o.averaged {
			slot.held.Write(slab.SpanOf(slot.Variable).View())
		} else {
			slab.SpanOf(slot.Variable).Write(slot.held.View())
		}
	}
	o.averaged = false
}

// averages lists the slots that hold the moving averages.
func (o *Optimizer) averages() []Slot {
	return slices.DeleteFunc(slices.Clone(o.slots), func(s Slot) bool { return s.Name != "average" })
}

// state returns the slots of a run of variables, each slot as one span. A
// variable keeps its state whichever others it is trained with.
func (o *Optimizer) state(r *run) []slab.Span {
	slots := optimizer.Slots(o.rule)
	whole, ok := o.slabs[r.place.Slab]
	if !ok {
		for _, slot := range slots {
			all := slab.New(r.place.Slab.All().Len, number.Float32) // what isn't trained isn't touched, and takes no memory
			if slot.Init != 0 {
				_ = all.All().Fill(func(dst []float32) error {
					for i := range dst {
						dst[i] = float32(slot.Init)
					}
					return nil
				})
			}
			whole = append(whole, all)
		}
		o.slabs[r.place.Slab] = whole
	}
	var state []slab.Span
	for i, all := range whole {
		span := all.All().Part(r.place.Offset, r.size)
		state = append(state, span)
		for j, v := range r.variables {
			known := func(s Slot) bool { return s.Variable == v && s.Name == slots[i].Name }
			if slices.ContainsFunc(o.slots, known) {
				continue
			}
			n := slab.SpanOf(v).Len
			if slots[i].Size != nil {
				n = slots[i].Size(v.Path, v.Shape)
			}
			slot := Slot{v, slots[i].Name, span.Part(r.offsets[j], n)}
			if n > 0 {
				o.slots = append(o.slots, slot)
			}
			if slots[i].FromWeights {
				o.fresh = append(o.fresh, slot)
			}
		}
	}
	return state
}
