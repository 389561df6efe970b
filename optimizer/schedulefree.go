package optimizer

// This file has the optimizer that needs no schedule.

import (
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/internal/config"
)

// ScheduleFreeAdamW is Adam without a schedule of the learning rate: gradients move
// z, the average of z over all steps is x, and the weights that are trained lie
// between the two (Defazio et al. 2024):
//
//	v += (g² - v)·(1 - Beta2)
//	z -= rate·min(t/WarmupSteps, 1)·g / (√(v/(1 - Beta2ᵗ)) + Epsilon)
//	x = (1 - 1/t)·x + z/t        where x was (w - (1 - Beta1)·z)/Beta1
//	w = (1 - Beta1)·z + Beta1·x
type ScheduleFreeAdamW struct {
	LearningRate              float64  `zero:"0.0025"` // 0: 0.0025
	Schedule                  Schedule // if set, in place of LearningRate
	Beta1                     float64  `zero:"0.9" keras:"beta_1"` // 0: 0.9
	Beta2                     *float64 `default:"0.999" keras:"beta_2"`
	Epsilon                   *float64 `default:"1e-8"`
	WarmupSteps               int      // steps in which the rate rises from 0
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "schedulefreeadamw".
func (ScheduleFreeAdamW) Name() string { return "schedulefreeadamw" }

// Check returns an error unless the fields are in range.
func (o ScheduleFreeAdamW) Check() error {
	if o.WarmupSteps < 0 {
		return fmt.Errorf("WarmupSteps is %d, it cannot be negative", o.WarmupSteps)
	}
	return nil
}

// Slots returns z, which begins as the weights, and v.
func (ScheduleFreeAdamW) Slots() []Slot {
	return []Slot{{Name: "momentum", FromWeights: true}, {Name: "velocity"}}
}

// Update emits the rule.
func (o ScheduleFreeAdamW) Update(u *Update) {
	o = config.Resolve(o)
	beta2, warmup := *o.Beta2, float64(o.WarmupSteps)
	rate := u.HostScalar("warm_rate", func(rate float64, step uint64) float64 {
		if warmup > 0 {
			rate *= math.Min(float64(step)/warmup, 1)
		}
		return rate
	})
	restSquare := u.HostScalar("rest_square", func(_ float64, step uint64) float64 { return 1 - power(beta2, step) })
	share := u.HostScalar("share", func(_ float64, step uint64) float64 { return 1 / float64(step) })
	one, beta, rest := u.scalar(1), u.scalar(o.Beta1), u.scalar(1-o.Beta1)
	z, v := u.Slots[0], u.Slots[1]
	v = v.Add(u.Grad.Square().Sub(v).Mul(u.scalar(1 - beta2)))
	x := u.Param.Sub(rest.Mul(z)).Div(beta)
	z = z.Sub(rate.Mul(u.Grad).Div(v.Div(restSquare).Sqrt().Add(u.scalar(*o.Epsilon))))
	u.Slots[0], u.Slots[1] = z, v
	x = one.Sub(share).Mul(x).Add(share.Mul(z))
	u.Param = rest.Mul(z).Add(beta.Mul(x))
}
