package optimizer

// This file has Adam and its kin.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
)

// Adam (Kingma and Ba 2014), in the form of that paper's section 2 whose epsilon
// is added to √v before the correction of the bias ("epsilon hat"):
//
//	m += (g - m)·(1 - Beta1)
//	v += (g² - v)·(1 - Beta2)
//	w -= m·rate·√(1 - Beta2ᵗ)/(1 - Beta1ᵗ) / (√v + Epsilon)
type Adam struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Beta1                     *float64 `default:"0.9" keras:"beta_1"`
	Beta2                     *float64 `default:"0.999" keras:"beta_2"`
	Epsilon                   *float64 `default:"1e-7"`
	AMSGrad                   bool     `keras:"amsgrad"` // the greatest v so far in place of v (Reddi et al. 2018)
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "adam".
func (Adam) Name() string { return "adam" }

// Slots returns m and v, and the greatest v.
func (o Adam) Slots() []Slot {
	slots := []Slot{{Name: "momentum"}, {Name: "velocity"}}
	if o.AMSGrad {
		slots = append(slots, Slot{Name: "velocity_hat"})
	}
	return slots
}

// Update emits the rule.
func (o Adam) Update(u *Update) {
	o = config.Resolve(o)
	alpha := u.HostScalar("alpha", func(rate float64, step uint64) float64 {
		return rate * math.Sqrt(1-power(*o.Beta2, step)) / (1 - power(*o.Beta1, step))
	})
	m, v := moments(u, *o.Beta1, *o.Beta2)
	if o.AMSGrad {
		v = u.Slots[2].Max(v)
		u.Slots[2] = v
	}
	u.Param = u.Param.Sub(m.Mul(alpha).Div(v.Sqrt().Add(u.scalar(*o.Epsilon))))
}

// moments moves the means of the gradient and of its square, the first two slots.
func moments(u *Update, beta1, beta2 float64) (m, v *graph.Node) {
	m, v = u.Slots[0], u.Slots[1]
	m = m.Add(u.Grad.Sub(m).Mul(u.scalar(1 - beta1)))
	v = v.Add(u.Grad.Square().Sub(v).Mul(u.scalar(1 - beta2)))
	u.Slots[0], u.Slots[1] = m, v
	return m, v
}

// power returns beta to the power of the step, by squaring: products alone, so
// that it is the same on every machine.
func power(beta float64, step uint64) float64 {
	p := 1.0
	for ; step > 0; step >>= 1 {
		if step&1 == 1 {
			p *= beta
		}
		beta *= beta
	}
	return p
}

// AdamW is Adam with a weight decay that isn't a penalty on the loss (Loshchilov
// and Hutter 2019): weights shrink by WeightDecay·rate a step.
type AdamW struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	WeightDecay               *float64 `default:"0.004"`
	Beta1                     *float64 `default:"0.9" keras:"beta_1"`
	Beta2                     *float64 `default:"0.999" keras:"beta_2"`
	Epsilon                   *float64 `default:"1e-7"`
	AMSGrad                   bool     `keras:"amsgrad"` // the greatest v so far in place of v
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "adamw".
func (AdamW) Name() string { return "adamw" }

func (o AdamW) adam() Adam {
	return Adam{Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, AMSGrad: o.AMSGrad}
}

// Slots returns Adam's.
func (o AdamW) Slots() []Slot { return o.adam().Slots() }

// Update emits Adam's rule.
func (o AdamW) Update(u *Update) { o.adam().Update(u) }

// Adamax is Adam with the greatest gradient, fading, in place of the root mean
// square (Kingma and Ba 2014, section 7):
//
//	m += (g - m)·(1 - Beta1)
//	n = max(Beta2·n, |g|)
//	w -= rate·m / ((1 - Beta1ᵗ)·(n + Epsilon))
//
// Keras 2.2's rate is 0.002.
type Adamax struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Beta1                     *float64 `default:"0.9" keras:"beta_1"`
	Beta2                     *float64 `default:"0.999" keras:"beta_2"`
	Epsilon                   *float64 `default:"1e-7"`
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "adamax".
func (Adamax) Name() string { return "adamax" }

// Slots returns m and n.
func (Adamax) Slots() []Slot { return []Slot{{Name: "momentum"}, {Name: "norm"}} }

// Update emits the rule.
func (o Adamax) Update(u *Update) {
	o = config.Resolve(o)
	rest := u.HostScalar("rest", func(_ float64, step uint64) float64 { return 1 - power(*o.Beta1, step) })
	m := u.Slots[0]
	m = m.Add(u.Grad.Sub(m).Mul(u.scalar(1 - *o.Beta1)))
	n := u.scalar(*o.Beta2).Mul(u.Slots[1]).Max(u.Grad.Abs())
	u.Slots[0], u.Slots[1] = m, n
	u.Param = u.Param.Sub(u.LR().Mul(m).Div(rest.Mul(n.Add(u.scalar(*o.Epsilon)))))
}

// Nadam is Adam with Nesterov's momentum, which warms up as
// μₜ = Beta1·(1 - 0.96^(t·ScheduleDecay)/2) (Dozat 2016). With Πₜ = μ₁·…·μₜ:
//
//	m += (g - m)·(1 - Beta1)
//	v += (g² - v)·(1 - Beta2)
//	m̂ = μₜ₊₁·m/(1 - Πₜ₊₁) + (1 - μₜ)·g/(1 - Πₜ)
//	w -= m̂·rate / (√(v/(1 - Beta2ᵗ)) + Epsilon)
//
// Keras 2.2's is Nadam{LearningRate: 0.002, ScheduleDecay: new(0.004)}.
type Nadam struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Beta1                     *float64 `default:"0.9" keras:"beta_1"`
	Beta2                     *float64 `default:"0.999" keras:"beta_2"`
	Epsilon                   *float64 `default:"1e-7"`
	ScheduleDecay             *float64 `default:"1" keras:",ours"`
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
	Lazy                      bool     `keras:",ours"`
}

// Name returns "nadam".
func (Nadam) Name() string { return "nadam" }

// scalars is 1: Keras keeps Πₜ.
func (Nadam) scalars() int { return 1 }

// Slots returns m and v.
func (Nadam) Slots() []Slot { return []Slot{{Name: "momentum"}, {Name: "velocity"}} }

// Update emits the rule.
func (o Nadam) Update(u *Update) {
	o = config.Resolve(o)
	beta1, mu := *o.Beta1, o.momentum()
	product := products(mu)
	scalar := func(name string, f func(step uint64) float64) *graph.Node {
		return u.HostScalar(name, func(_ float64, step uint64) float64 { return f(step) })
	}
	next := scalar("next_momentum", func(t uint64) float64 { return mu(t + 1) })
	restNext := scalar("rest_next", func(t uint64) float64 { return 1 - float64(product(t)*mu(t+1)) })
	now := scalar("gradient_share", func(t uint64) float64 { return 1 - mu(t) })
	rest := scalar("rest", func(t uint64) float64 { return 1 - product(t) })
	restSquare := scalar("rest_square", func(t uint64) float64 { return 1 - power(*o.Beta2, t) })
	m, v := moments(u, beta1, *o.Beta2)
	ahead := next.Mul(m).Div(restNext).Add(now.Mul(u.Grad).Div(rest))
	root := v.Div(restSquare).Sqrt().Add(u.scalar(*o.Epsilon))
	u.Param = u.Param.Sub(ahead.Mul(u.LR()).Div(root))
}

// momentum returns the schedule of the momentum, μ of the step.
func (o Nadam) momentum() func(step uint64) float64 {
	beta1, decay := *o.Beta1, *o.ScheduleDecay
	return func(step uint64) float64 {
		return beta1 * (1 - float64(0.5*fmath.Pow64(0.96, float64(step)*decay)))
	}
}

// Product returns Π, the product of the momenta, after so many steps: Keras's files have it.
func (o Nadam) Product(steps uint64) float64 {
	const most = 1 << 22 // reached if Beta1 is all but 1
	return products(config.Resolve(o).momentum())(min(steps, most))
}

// products returns the function f(1)·…·f(step), which remembers where it was, so
// that steps in a row cost one product each. A product below 2⁻¹⁰²² stays what it is:
// it is 0 in float32, and would never come to 0 by halves in float64.
func products(f func(uint64) float64) func(step uint64) float64 {
	done, product := uint64(0), 1.0
	return func(step uint64) float64 {
		if step < done {
			done, product = 0, 1
		}
		for done < step && product >= 0x1p-1022 {
			done++
			product *= f(done)
		}
		return product
	}
}
