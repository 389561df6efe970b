package optimizer

// This file has gradient descent.

import "github.com/cornu-ml/cornu/internal/config"

// SGD is gradient descent, w -= rate·g, with Momentum if it isn't 0:
//
//	v = Momentum·v - rate·g
//	w += v                       or, with Nesterov, w += Momentum·v - rate·g
type SGD struct {
	LearningRate              float64  `zero:"0.01"` // 0: 0.01
	Schedule                  Schedule // if set, in place of LearningRate; InverseTimeDecay is Keras 2.2's decay
	Momentum                  float64
	Nesterov                  bool
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "sgd".
func (SGD) Name() string { return "sgd" }

// Slots returns the momentum, if it is in use.
func (o SGD) Slots() []Slot {
	if config.Resolve(o).Momentum == 0 {
		return nil
	}
	return []Slot{{Name: "momentum"}}
}

// Update emits the rule.
func (o SGD) Update(u *Update) {
	o = config.Resolve(o)
	step := u.Grad.Mul(u.LR())
	if o.Momentum == 0 {
		u.Param = u.Param.Sub(step)
		return
	}
	momentum := u.scalar(o.Momentum)
	v := u.Slots[0].Mul(momentum).Sub(step)
	u.Slots[0] = v
	if o.Nesterov {
		v = v.Mul(momentum).Sub(step)
	}
	u.Param = u.Param.Add(v)
}

// still reports whether a weight without gradient stays as it is.
func (o SGD) still() bool { return o.Momentum == 0 }
