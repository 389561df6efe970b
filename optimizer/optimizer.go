// Package optimizer has the rules by which training changes weights.
//
// An Optimizer is a value. Its Update emits elementwise nodes over slabs, flat
// arrays that hold all weights that are trained; its state is slots, slabs of
// the same size. Formulas, defaults and the order of operations are Keras 3's;
// where the Keras 2.2 of older books differs, the doc comment says so.
package optimizer

// This file defines Optimizer and Update, finds an optimizer by its name, and
// wraps what all of them share around the rule of one.

import (
	"reflect"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// Zero says 0 for a field whose zero value means another default: Adam{Beta1: Zero}.
const Zero = config.Zero

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
	Name string  // "momentum"
	Init float64 // what it holds before the first step
}

// An Update is one step over a slab.
type Update struct {
	Param *graph.Node   // the weights, [n]
	Grad  *graph.Node   // their gradients, clipped, [n]
	Slots []*graph.Node // the state, each [n], in the order of Optimizer.Slots

	// HostScalar returns a scalar node whose value is computed on the host, in
	// float64, before every step: f gets the learning rate and the number of the
	// step, from 1. Equal names within one update give one node.
	HostScalar func(name string, f func(rate float64, step uint64) float64) *graph.Node
}

// LR returns the learning rate.
func (u *Update) LR() *graph.Node {
	return u.HostScalar("learning_rate", func(rate float64, _ uint64) float64 { return rate })
}

// scalar returns a constant.
func (u *Update) scalar(v float64) *graph.Node { return u.Param.Graph().Scalar(v) }

// A Schedule gives the learning rate of every step.
type Schedule interface {
	// Name returns Keras's name of the class: "ExponentialDecay".
	Name() string
	// Rate returns the learning rate after so many steps: Rate(0) is that of the
	// first.
	Rate(steps uint64) float64
}

// A Clip bounds gradients. At most one field may be set. A gradient's norm is
// √Σg² over the weight that it is of.
//
// The clipnorm of Keras 2.2 is GlobalNorm.
type Clip struct {
	Value      float64 `keras:"clipvalue"`       // each element is kept within ±Value
	Norm       float64 `keras:"clipnorm"`        // each gradient's norm is at most Norm
	GlobalNorm float64 `keras:"global_clipnorm"` // the norm of all gradients together is at most GlobalNorm
}

// An EMA keeps a moving average of the weights,
// average = Momentum·average + (1-Momentum)·weight. It is in use if On.
type EMA struct {
	On        bool    `keras:"use_ema"`
	Momentum  float64 `keras:"ema_momentum" default:"0.99"`
	Overwrite int     `keras:"ema_overwrite_frequency"` // the weights become the average every so many steps; 0: at the end of training
}

// Common is the configuration that all optimizers share.
type Common struct {
	LearningRate float64  // of every step, unless there is a Schedule
	Schedule     Schedule // nil: none
	Clip         Clip
	WeightDecay  float64 // weights shrink by WeightDecay·rate a step, before the update
	EMA          EMA
}

// Rate returns the learning rate after so many steps.
func (c Common) Rate(steps uint64) float64 {
	if c.Schedule != nil {
		return c.Schedule.Rate(steps)
	}
	return c.LearningRate
}

// CommonOf returns what o's fields say, defaults put in.
func CommonOf(o Optimizer) Common {
	var c Common
	from := reflect.Indirect(reflect.ValueOf(config.Resolve(o)))
	if from.Kind() != reflect.Struct {
		return c
	}
	to := reflect.ValueOf(&c).Elem()
	for i := range to.NumField() {
		f := from.FieldByName(to.Type().Field(i).Name)
		if f.IsValid() && f.Type() == to.Field(i).Type() {
			to.Field(i).Set(f)
		}
	}
	return c
}

var registry = config.NewRegistry[Optimizer]("optimizer", SGD{}, RMSprop{}, Adam{})

// ByName returns the optimizer that Keras knows by the name, with its defaults.
// The error of an unknown name lists the known ones.
func ByName(name string) (Optimizer, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes an optimizer known to ByName and to files, by its Name.
func Register(o Optimizer) { registry.Register(o) }

// Slots lists the state of o, the moving average included.
func Slots(o Optimizer) []Slot {
	slots := o.Slots()
	if CommonOf(o).EMA.On {
		slots = append(slots[:len(slots):len(slots)], Slot{Name: "average"})
	}
	return slots
}

// Step emits a whole step: weight decay, o's own rule, and the moving average,
// whose slot is the last. Gradients are clipped before; constraints come after.
func Step(o Optimizer, u *Update) {
	c := CommonOf(o)
	if c.WeightDecay != 0 {
		u.Param = u.Param.Sub(u.Param.Mul(u.scalar(c.WeightDecay)).Mul(u.LR()))
	}
	if !c.EMA.On {
		o.Update(u)
		return
	}
	last := len(u.Slots) - 1
	average := u.Slots[last]
	u.Slots = u.Slots[:last:last]
	o.Update(u)
	momentum := u.HostScalar("ema_momentum", func(_ float64, step uint64) float64 {
		if step == 1 {
			return 0
		}
		return c.EMA.Momentum
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
