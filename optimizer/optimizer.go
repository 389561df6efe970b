// Package optimizer has the rules by which training changes weights.
//
// An Optimizer is a value. Its Update emits elementwise nodes over slabs, flat
// arrays that hold all weights that are trained; its state is slots, slabs of
// the same size. Formulas, defaults and the order of operations are Keras 3's;
// where the Keras 2.2 of older books differs, the doc comment says so.
//
// A field that is left out has Keras's default, which its tag shows. Fields that
// may be 0 and have another default are pointers: Adam{Beta1: new(0.5)}.
package optimizer

// This file defines Optimizer and Update, finds an optimizer by its name, and
// wraps what all of them share around the rule of one.

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"

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
	Name string  // "momentum"
	Init float64 // what it holds before the first step
}

// An Update is one step over a slab.
type Update struct {
	Param *graph.Node   // the weights, [n]
	Grad  *graph.Node   // their gradients, clipped, [n]
	Slots []*graph.Node // the state, each [n], in the order of Optimizer.Slots

	// Shapes and Offsets say where in the slab each weight lies, for the rules
	// that need to know.
	Shapes  []tensor.Shape
	Offsets []int

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

// each applies a rule to every weight on its own. The rule gets the weight and
// its gradient in the weight's shape, and for each slot what is stored of it,
// flat; it returns the weight's new value and replaces the slots by theirs, of
// any shape that isn't larger.
func (u *Update) each(rule func(w, g *graph.Node, slots []*graph.Node) *graph.Node) {
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
		params[i] = rule(u.Param.View(u.Offsets[i], shape), u.Grad.View(u.Offsets[i], shape), own)
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
	c, _ := commonOf(o)
	return c
}

// commonOf returns an error if a field that should be one of the common ones has
// another type: it would have no effect.
func commonOf(o Optimizer) (c Common, err error) {
	if config.IsNil(o) {
		return c, errors.New("it is nil")
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
	return nil
}

var registry = config.NewRegistry[Optimizer](
	"optimizer",
	SGD{}, RMSprop{}, Adam{}, AdamW{}, Adamax{}, Nadam{}, Adagrad{}, Adadelta{}, Adafactor{}, Lion{}, Ftrl{}, Lamb{},
)

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
	if !hasRate(o) {
		u.rateless = o.Name()
	}
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
