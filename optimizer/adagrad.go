package optimizer

// This file has the rules that gather squares of gradients.

import "github.com/cornu-ml/cornu/internal/config"

// Adagrad gives every weight a rate of its own, which falls as its squared
// gradients add up (Duchi et al. 2011):
//
//	a += g²
//	w -= rate·g / √(a + Epsilon)
//
// In Keras 2.2 the rate is 0.01, a begins at 0 and Epsilon is outside the root:
// Adagrad{LearningRate: 0.01, InitialAccumulatorValue: new(0.0), EpsilonOutside: true}.
type Adagrad struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	InitialAccumulatorValue   *float64 `default:"0.1"` // what a begins with
	Epsilon                   *float64 `default:"1e-7"`
	EpsilonOutside            bool     `keras:",ours"` // √a + Epsilon, as in Keras 2.2
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "adagrad".
func (Adagrad) Name() string { return "adagrad" }

// Slots returns a.
func (o Adagrad) Slots() []Slot {
	return []Slot{{Name: "accumulator", Init: *config.Resolve(o).InitialAccumulatorValue}}
}

// Update emits the rule.
func (o Adagrad) Update(u *Update) {
	o = config.Resolve(o)
	a := u.Slots[0].Add(u.Grad.Square())
	u.Slots[0] = a
	u.Param = u.Param.Sub(u.LR().Mul(u.Grad).Div(u.root(a, *o.Epsilon, o.EpsilonOutside)))
}

// still reports whether a weight without gradient stays as it is: what it divides by isn't 0.
func (o Adagrad) still() bool {
	o = config.Resolve(o)
	return *o.Epsilon > 0 || *o.InitialAccumulatorValue > 0
}

// Adadelta makes steps in proportion to the root mean square of the steps before,
// so that the rate has no unit (Zeiler 2012):
//
//	a = Rho·a + (1 - Rho)·g²
//	d = -√(b + Epsilon)·g / √(a + Epsilon)
//	b = Rho·b + (1 - Rho)·d²
//	w += rate·d
//
// The rate of Keras 2.2, and of the paper, is 1.
type Adadelta struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Rho                       *float64 `default:"0.95"`
	Epsilon                   *float64 `default:"1e-7"`
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "adadelta".
func (Adadelta) Name() string { return "adadelta" }

// Slots returns a and b.
func (Adadelta) Slots() []Slot {
	return []Slot{{Name: "accumulated_grad"}, {Name: "accumulated_delta_var"}}
}

// Update emits the rule.
func (o Adadelta) Update(u *Update) {
	o = config.Resolve(o)
	rho, rest := u.scalar(*o.Rho), u.scalar(1-*o.Rho)
	a, b := u.Slots[0], u.Slots[1]
	a = rho.Mul(a).Add(rest.Mul(u.Grad.Square()))
	delta := u.root(b, *o.Epsilon, false).Mul(u.Grad).Div(u.root(a, *o.Epsilon, false)).Neg()
	b = rho.Mul(b).Add(rest.Mul(delta.Square()))
	u.Slots[0], u.Slots[1] = a, b
	u.Param = u.Param.Add(u.LR().Mul(delta))
}

// Ftrl follows the regularized leader, which keeps weights at 0 that L1 holds
// there (McMahan et al. 2013). With p = -LearningRatePower:
//
//	n = a + g²
//	l += (g + 2·L2Shrinkage·w) - (nᵖ - aᵖ)/rate·w
//	w = (clip(l, -L1, L1) - l) / (nᵖ/rate + 2·(L2 + Beta/(2·rate)))
//	a = n
type Ftrl struct {
	LearningRate                      float64  `zero:"0.001"` // 0: 0.001
	Schedule                          Schedule // if set, in place of LearningRate
	LearningRatePower                 *float64 `default:"-0.5"`
	InitialAccumulatorValue           *float64 `default:"0.1"` // what a begins with
	L1RegularizationStrength          float64
	L2RegularizationStrength          float64
	L2ShrinkageRegularizationStrength float64
	Beta                              float64
	WeightDecay                       float64
	Clip                              Clip
	EMA                               EMA
	GradientAccumulationSteps         int      `zero:"none"`
	LossScaleFactor                   float64  `zero:"none"`
	ExcludeFromWeightDecay            []string `keras:",ours"`
}

// Name returns "ftrl".
func (Ftrl) Name() string { return "ftrl" }

// Slots returns a and l.
func (o Ftrl) Slots() []Slot {
	return []Slot{{Name: "accumulator", Init: *config.Resolve(o).InitialAccumulatorValue}, {Name: "linear"}}
}

// Update emits the rule.
func (o Ftrl) Update(u *Update) {
	o = config.Resolve(o)
	p, rate := u.scalar(-*o.LearningRatePower), u.LR()
	l2 := u.HostScalar("l2", func(rate float64, _ uint64) float64 {
		return 2 * (o.L2RegularizationStrength + o.Beta/(2*rate))
	})
	before, l := u.Slots[0], u.Slots[1]
	g := u.Grad.Add(u.scalar(2 * o.L2ShrinkageRegularizationStrength).Mul(u.Param))
	a := before.Add(u.Grad.Square())
	l = l.Add(g.Sub(a.Pow(p).Sub(before.Pow(p)).Div(rate).Mul(u.Param)))
	u.Slots[0], u.Slots[1] = a, l
	held := l.Clip(-o.L1RegularizationStrength, o.L1RegularizationStrength)
	u.Param = held.Sub(l).Div(a.Pow(p).Div(rate).Add(l2))
}
