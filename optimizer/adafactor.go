package optimizer

// This file has the rules that look at each weight array as a whole.

import (
	"math"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/tensor"
)

// Adafactor is Adam without momentum whose mean square of a matrix's gradient is
// made of the means of its rows and of its columns (Shazeer and Stern 2018). With
// ρ = min(rate, 1/√t) and β = 1 - t^Beta2Decay:
//
//	r = β·r + (1 - β)·mean of (g² + Epsilon1) along rows, c = … along columns
//	v = r/mean(r) ⊗ c         or v = β·v + (1 - β)·(g² + Epsilon1) of a vector
//	u = g/√v
//	w -= max(Epsilon2, rms(w))·ρ · u / max(1, rms(u)/ClipThreshold)
//
// Its slots take as much memory as Adam's and more: here it is for its rule.
type Adafactor struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	Beta2Decay                *float64 `default:"-0.8" keras:"beta_2_decay"`
	Epsilon1                  *float64 `default:"1e-30" keras:"epsilon_1"`
	Epsilon2                  *float64 `default:"0.001" keras:"epsilon_2"`
	ClipThreshold             float64  `zero:"1"`                  // 0: 1
	NoRelativeStep            bool     `keras:"relative_step,not"` // has no effect on the rule, in Keras neither
	WeightDecay               float64
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "adafactor".
func (Adafactor) Name() string { return "adafactor" }

// Slots returns r, c and v; the first two are used as far as they are needed.
func (Adafactor) Slots() []Slot {
	// Keras has one number in place of each, too, where there are no rows.
	rows := func(_ string, shape tensor.Shape) int { return shape[:max(len(shape)-1, 0)].Numel() }
	columns := func(_ string, shape tensor.Shape) int {
		if len(shape) < 2 {
			return 1
		}
		return shape.Numel() / shape[len(shape)-2]
	}
	return []Slot{{Name: "rows", Size: rows}, {Name: "columns", Size: columns}, {Name: "velocity"}}
}

// Update emits the rule.
func (o Adafactor) Update(u *Update) {
	o = config.Resolve(o)
	rho := u.HostScalar("relative_rate", func(rate float64, step uint64) float64 {
		return min(rate, 1/math.Sqrt(float64(step)))
	})
	beta := u.HostScalar("beta_2", func(_ float64, step uint64) float64 {
		return 1 - fmath.Pow64(float64(step), *o.Beta2Decay)
	})
	u.each(func(_ int, w, g *graph.Node, slots []*graph.Node) *graph.Node {
		one := u.scalar(1)
		move := func(state, value *graph.Node) *graph.Node {
			return beta.Mul(state).Add(one.Sub(beta).Mul(value))
		}
		alpha := u.scalar(*o.Epsilon2).Max(rms(w)).Mul(rho)
		square := g.Square().Add(u.scalar(*o.Epsilon1))
		var v *graph.Node
		if rank := w.Rank(); rank >= 2 {
			shape := w.Shape()
			r := slots[0].View(0, shape[:rank-1])
			c := slots[1].View(0, append(shape[:rank-2:rank-2], shape[rank-1]))
			r, c = move(r, square.Mean(-1)), move(c, square.Mean(-2))
			slots[0], slots[1] = r, c
			share := r.Div(r.MeanKeep(-1))
			v = share.Reshape(append(share.Shape().Clone(), 1)...).Mul(
				c.Reshape(append(append(shape[:rank-2:rank-2], 1), shape[rank-1])...))
		} else {
			v = move(slots[2].View(0, w.Shape()), square)
		}
		slots[2] = v
		step := g.Div(v.Sqrt())
		step = step.Div(one.Max(rms(step).Div(u.scalar(o.ClipThreshold))))
		return w.Sub(alpha.Mul(step))
	})
}

func rms(x *graph.Node) *graph.Node { return x.Square().Mean().Sqrt() }

// Lamb is Adam whose step in each array of weights is as long as the weights are,
// times the rate: for very large batches (You et al. 2020).
type Lamb struct {
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
}

// Name returns "lamb".
func (Lamb) Name() string { return "lamb" }

// Slots returns Adam's.
func (Lamb) Slots() []Slot { return []Slot{{Name: "momentum"}, {Name: "velocity"}} }

// Update emits the rule.
func (o Lamb) Update(u *Update) {
	o = config.Resolve(o)
	rest := u.HostScalar("rest", func(_ float64, step uint64) float64 { return 1 - power(*o.Beta1, step) })
	restSquare := u.HostScalar("rest_square", func(_ float64, step uint64) float64 { return 1 - power(*o.Beta2, step) })
	m, v := moments(u, *o.Beta1, *o.Beta2)
	step := m.Div(rest).Div(v.Div(restSquare).Sqrt().Add(u.scalar(*o.Epsilon)))
	u.Grad = step
	u.each(func(_ int, w, step *graph.Node, _ []*graph.Node) *graph.Node {
		one := u.scalar(1)
		length, stepLength := w.Square().Sum().Sqrt(), step.Square().Sum().Sqrt()
		ratio := graph.Select(length, graph.Select(stepLength, length.Div(stepLength), one), one)
		return w.Sub(ratio.Mul(u.LR()).Mul(step))
	})
}
