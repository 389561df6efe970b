package train

// This file holds an optimizer in use: its rule and its state.

import (
	"slices"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
)

// An Optimizer is a rule with its state: the slots of the variables, the number
// of updates done, and the learning rate where that was changed. Steps that
// share it go on where the other stopped.
type Optimizer struct {
	rule       optimizer.Optimizer
	common     optimizer.Common
	rateSet    bool // by a callback or the user, which overrides the schedule
	rate       float64
	iterations uint64
	slots      []Slot
	slabs      map[*layer.Slab][][]float32 // the slots of what lies in a slab, in the same places
}

// A Slot is the optimizer's state for one variable.
type Slot struct {
	Variable *layer.Variable
	Name     string    // "momentum"
	Value    []float32 // in the variable's order; writing to it changes the state
}

// NewOptimizer returns the rule with a fresh state.
func NewOptimizer(rule optimizer.Optimizer) *Optimizer {
	return &Optimizer{rule: rule, common: optimizer.CommonOf(rule), slabs: map[*layer.Slab][][]float32{}}
}

// Iterations returns the number of updates done.
func (o *Optimizer) Iterations() uint64 { return o.iterations }

// SetIterations says how many updates were done: for going on with a training
// that was saved.
func (o *Optimizer) SetIterations(n uint64) { o.iterations = n }

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

// Size returns how many numbers the state is made of, as Keras counts them: the
// slots, the number of updates and the learning rate. It is 0 before the first
// step is made.
func (o *Optimizer) Size() int {
	if len(o.slabs) == 0 {
		return 0
	}
	n := 2
	for _, slot := range o.slots {
		n += len(slot.Value)
	}
	return n
}

// average sets the variables to their moving averages.
func (o *Optimizer) average() {
	for _, slot := range o.slots {
		if slot.Name == "average" {
			copy(slot.Variable.Value, slot.Value)
		}
	}
}

// state returns the slots of variables that lie next to each other, size numbers
// in all, as one flat array each. A variable keeps its state whichever others it
// is trained with.
func (o *Optimizer) state(variables []*layer.Variable, size int) [][]float32 {
	slab, begin := variables[0].Slab, variables[0].Offset
	slots := optimizer.Slots(o.rule)
	whole, ok := o.slabs[slab]
	if !ok {
		for _, slot := range slots {
			data := mem.Make[float32](len(slab.Data)) // what isn't trained isn't touched, and takes no memory
			if slot.Init != 0 {
				for i := range data {
					data[i] = float32(slot.Init)
				}
			}
			whole = append(whole, data)
		}
		o.slabs[slab] = whole
	}
	var run [][]float32
	for i, data := range whole {
		run = append(run, data[begin:][:size:size])
		for _, v := range variables {
			known := func(s Slot) bool { return s.Variable == v && s.Name == slots[i].Name }
			if !slices.ContainsFunc(o.slots, known) {
				o.slots = append(o.slots, Slot{v, slots[i].Name, data[v.Offset:][:len(v.Value):len(v.Value)]})
			}
		}
	}
	return run
}
