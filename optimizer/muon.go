package optimizer

// This file has Muon.

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// Muon moves a matrix of weights by the nearest orthogonal matrix to its momentum,
// which NSSteps of a Newton-Schulz iteration approximate (Jordan et al. 2024; Liu et
// al. 2025, arXiv 2502.16982, for RMSRate):
//
//	m = Momentum·m + g
//	x = g + Momentum·m           or, without Nesterov, x = m
//	x = x / (‖x‖ + 1e-7), then NSSteps times
//	a = x·xᵀ, x = MuonA·x + (MuonB·a + MuonC·a·a)·x
//	w -= rate·x·√(the longer side)·RMSRate
//
// Weights that aren't matrices, those of embeddings, and those that ExcludeLayers
// names are trained by AdamW, at AdamLRRatio times the rate. The last Dense of a
// classifier should be one of them.
type Muon struct {
	LearningRate              float64  `zero:"0.001"` // 0: 0.001
	Schedule                  Schedule // if set, in place of LearningRate
	AdamBeta1                 *float64 `default:"0.9" keras:"adam_beta_1"`
	AdamBeta2                 *float64 `default:"0.999" keras:"adam_beta_2"`
	AdamWeightDecay           *float64 `default:"0.004"` // of the weights that AdamW trains
	Epsilon                   *float64 `default:"1e-7"`  // of AdamW
	WeightDecay               *float64 `default:"0.004"` // of the other weights
	ExcludeLayers             []string // regular expressions, each searched in the path, "dense_1/kernel"
	IncludeEmbeddings         bool     `keras:"exclude_embeddings,not"` // Muon trains weights with "embedding" in their path too
	MuonA                     *float64 `default:"3.4445"`
	MuonB                     *float64 `default:"-4.7750"`
	MuonC                     *float64 `default:"2.0315"`
	AdamLRRatio               *float64 `default:"1" keras:"adam_lr_ratio"`
	Momentum                  *float64 `default:"0.95"`
	NSSteps                   *int     `default:"5" keras:"ns_steps"`
	NoNesterov                bool     `keras:"nesterov,not"`
	RMSRate                   float64  `zero:"0.2" keras:"rms_rate"` // 0: 0.2
	NoRMSRate                 bool     `keras:",ours"`               // Keras's rms_rate of None: w -= rate·x
	Clip                      Clip
	EMA                       EMA
	GradientAccumulationSteps int      `zero:"none"`
	LossScaleFactor           float64  `zero:"none"`
	ExcludeFromWeightDecay    []string `keras:",ours"`
}

// Name returns "muon".
func (Muon) Name() string { return "muon" }

// Check returns an error unless the fields are in range.
func (o Muon) Check() error {
	if n := *config.Resolve(o).NSSteps; n < 0 || n > 1000 {
		return fmt.Errorf("NSSteps is %d, it must be within [0, 1000]", n)
	}
	for _, pattern := range o.ExcludeLayers {
		if _, err := regexp.Compile(pattern); err != nil {
			return fmt.Errorf("ExcludeLayers: %w", err)
		}
	}
	return nil
}

// byAdam reports whether AdamW trains the weights.
func (o Muon) byAdam(path string, shape tensor.Shape) bool {
	return len(shape) != 2 ||
		!o.IncludeEmbeddings && strings.Contains(strings.ToLower(path), "embedding") ||
		slices.ContainsFunc(o.ExcludeLayers, func(pattern string) bool { return found(pattern, path) })
}

// Slots returns m, of AdamW too, and AdamW's v.
func (o Muon) Slots() []Slot {
	velocity := func(path string, shape tensor.Shape) int {
		if o.byAdam(path, shape) {
			return shape.Numel()
		}
		return 0
	}
	return []Slot{{Name: "momentum"}, {Name: "velocity", Size: velocity}}
}

// decayOf is how fast weights decay.
func (o Muon) decayOf(path string, shape tensor.Shape) float64 {
	o = config.Resolve(o)
	if o.byAdam(path, shape) {
		return *o.AdamWeightDecay
	}
	return *o.WeightDecay
}

// Update emits the rule.
func (o Muon) Update(u *Update) {
	o = config.Resolve(o)
	ratio, beta1, beta2 := *o.AdamLRRatio, *o.AdamBeta1, *o.AdamBeta2
	alpha := u.HostScalar("alpha", func(rate float64, step uint64) float64 {
		return rate * ratio * math.Sqrt(1-power(beta2, step)) / (1 - power(beta1, step))
	})
	u.each(func(i int, w, g *graph.Node, slots []*graph.Node) *graph.Node {
		m := slots[0].View(0, w.Shape())
		if o.byAdam(u.path(i), w.Shape()) {
			v := slots[1].View(0, w.Shape())
			m = m.Add(g.Sub(m).Mul(u.scalar(1 - beta1)))
			v = v.Add(g.Square().Sub(v).Mul(u.scalar(1 - beta2)))
			slots[0], slots[1] = m, v
			return w.Sub(m.Mul(alpha).Div(v.Sqrt().Add(u.scalar(*o.Epsilon))))
		}
		m = m.Add(g.Add(m.Mul(u.scalar(*o.Momentum - 1))))
		slots[0] = m
		if !o.NoNesterov {
			m = g.Add(u.scalar(*o.Momentum).Mul(m))
		}
		step := u.LR().Mul(o.orthogonal(u, m))
		if !o.NoRMSRate {
			long := max(w.Shape()[0], w.Shape()[1])
			step = step.Mul(u.scalar(math.Sqrt(float64(long)))).Mul(u.scalar(o.RMSRate))
		}
		return w.Sub(step)
	})
}

// orthogonal is about the nearest orthogonal matrix to x: its singular values
// become numbers around 1.
func (o Muon) orthogonal(u *Update, x *graph.Node) *graph.Node {
	tall := x.Shape()[0] > x.Shape()[1]
	if tall {
		x = x.Transpose(1, 0)
	}
	a, b, c := u.scalar(*o.MuonA), u.scalar(*o.MuonB), u.scalar(*o.MuonC)
	x = x.Div(x.Square().Sum().Sqrt().Add(u.scalar(1e-7)))
	for range *o.NSSteps {
		square := x.MatMulT(x, false, true)
		x = a.Mul(x).Add(b.Mul(square).Add(c.Mul(square).MatMul(square)).MatMul(x))
	}
	if tall {
		x = x.Transpose(1, 0)
	}
	return x
}
