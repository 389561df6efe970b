package optimizer

// This file has Lion.

import "github.com/cornu-ml/cornu/internal/config"

// Lion moves every weight by the rate, up or down (Chen et al. 2023):
//
//	w -= rate·sign(Beta1·m + (1 - Beta1)·g)
//	m = Beta2·m + (1 - Beta2)·g
//
// Its rate should be three to ten times smaller than AdamW's.
type Lion struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Beta1                     *float64 `default:"0.9" keras:"beta_1"`
	Beta2                     *float64 `default:"0.99" keras:"beta_2"`
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "lion".
func (Lion) Name() string { return "lion" }

// Slots returns m.
func (Lion) Slots() []Slot { return []Slot{{Name: "momentum"}} }

// Update emits the rule.
func (o Lion) Update(u *Update) {
	o = config.Resolve(o)
	m, g := u.Slots[0], u.Grad
	way := m.Mul(u.scalar(*o.Beta1)).Add(g.Mul(u.scalar(1 - *o.Beta1))).Sign()
	u.Param = u.Param.Sub(u.LR().Mul(way))
	u.Slots[0] = m.Mul(u.scalar(*o.Beta2)).Add(g.Mul(u.scalar(1 - *o.Beta2)))
}
