package optimizer

// This file has Adam and its kin.

import (
	"math"

	"github.com/cornu-ml/cornu/internal/config"
)

// Adam (Kingma and Ba 2014), in the form of that paper's section 2 whose epsilon
// is added to √v before the correction of the bias ("epsilon hat"):
//
//	m += (g - m)·(1 - Beta1)
//	v += (g² - v)·(1 - Beta2)
//	w -= m·rate·√(1 - Beta2ᵗ)/(1 - Beta1ᵗ) / (√v + Epsilon)
type Adam struct {
	LearningRate float64  `default:"0.001"`
	Schedule     Schedule // if set, in place of LearningRate
	Beta1        float64  `default:"0.9"`
	Beta2        float64  `default:"0.999"`
	Epsilon      float64  `default:"1e-7"`
	AMSGrad      bool     `keras:"amsgrad"` // the greatest v so far in place of v (Reddi et al. 2018)
	WeightDecay  float64
	Clip         Clip
	EMA          EMA
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
		return rate * math.Sqrt(1-power(o.Beta2, step)) / (1 - power(o.Beta1, step))
	})
	m, v := u.Slots[0], u.Slots[1]
	m = m.Add(u.Grad.Sub(m).Mul(u.scalar(1 - o.Beta1)))
	v = v.Add(u.Grad.Square().Sub(v).Mul(u.scalar(1 - o.Beta2)))
	u.Slots[0], u.Slots[1] = m, v
	if o.AMSGrad {
		v = u.Slots[2].Max(v)
		u.Slots[2] = v
	}
	u.Param = u.Param.Sub(m.Mul(alpha).Div(v.Sqrt().Add(u.scalar(o.Epsilon))))
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
