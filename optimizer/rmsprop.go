package optimizer

// This file has RMSprop.

import "github.com/cornu-ml/cornu/internal/config"

// RMSprop divides by a moving root mean square of the gradients (Tieleman and
// Hinton, lecture 6.5 of Coursera's Neural Networks, 2012):
//
//	a = Rho·a + (1 - Rho)·g²
//	w -= rate·g / √(a + Epsilon)
//
// Centered subtracts the square of a moving mean of g from a; Momentum, if it
// isn't 0, gathers what is subtracted from w.
//
// Keras 2.2 has Epsilon outside the root: EpsilonOutside gives that.
type RMSprop struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Rho                       *float64 `default:"0.9"`
	Momentum                  float64
	Epsilon                   *float64 `default:"1e-7"`
	Centered                  bool
	EpsilonOutside            bool `keras:",ours"` // √a + Epsilon, as in Keras 2.2
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "rmsprop".
func (RMSprop) Name() string { return "rmsprop" }

// Slots returns the mean square, the momentum and the mean, as far as they are
// in use.
func (o RMSprop) Slots() []Slot {
	o = config.Resolve(o)
	slots := []Slot{{Name: "velocity"}}
	if o.Momentum > 0 {
		slots = append(slots, Slot{Name: "momentum"})
	}
	if o.Centered {
		slots = append(slots, Slot{Name: "average_gradient"})
	}
	return slots
}

// Update emits the rule.
func (o RMSprop) Update(u *Update) {
	o = config.Resolve(o)
	rho, rest := u.scalar(*o.Rho), u.scalar(1-*o.Rho)
	a := rho.Mul(u.Slots[0]).Add(rest.Mul(u.Grad.Square()))
	u.Slots[0] = a
	if o.Centered {
		last := len(u.Slots) - 1
		mean := rho.Mul(u.Slots[last]).Add(rest.Mul(u.Grad))
		u.Slots[last] = mean
		a = a.Sub(mean.Square())
	}
	step := u.LR().Mul(u.Grad).Div(u.root(a, *o.Epsilon, o.EpsilonOutside))
	if o.Momentum > 0 {
		step = u.scalar(o.Momentum).Mul(u.Slots[1]).Add(step)
		u.Slots[1] = step
	}
	u.Param = u.Param.Sub(step)
}
