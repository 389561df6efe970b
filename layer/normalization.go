package layer

// This file has the layers that bring means to 0 and deviations to 1, over the batch or within
// each sample.
//
// A variance is the mean of the squares of x - mean, as in Keras: two passes. The mean of the
// squares less the square of the mean would take one, and lose as many digits as the square of
// mean/deviation has. For the same reason a result is (x - mean)·scale + offset, where Keras
// multiplies x out: its rounding error grows with the mean.

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("BatchNormalization", func() Layer { return &BatchNormalization{} })
	Register("LayerNormalization", func() Layer { return &LayerNormalization{} })
	Register("GroupNormalization", func() Layer { return &GroupNormalization{} })
	Register("RMSNormalization", func() Layer { return &RMSNormalization{} })
	Register("UnitNormalization", func() Layer { return &UnitNormalization{} })
}

// BatchNormalization brings each channel to mean 0 and variance 1, and then scales and shifts
// it by gamma and beta, which are trained (Ioffe and Szegedy 2015):
//
//	y = (x - mean) / √(variance + Epsilon) · gamma + beta
//
// In training, mean and variance are those of the batch, over all axes but the channels', and
// the moving statistics follow them: moving = moving·Momentum + batch·(1 - Momentum). The
// variance is the biased one, as in Keras 3, and sample weights are not used. In inference,
// and in training if the layer is frozen, mean and variance are the moving statistics, which
// don't change then.
//
// Renorm is batch renormalization (Ioffe 2017), for batches that are small or whose samples are alike: training then normalizes
// nearly as inference does. A normalized x becomes x·r + d, with r = σ / renorm_stddev and d = (mean - renorm_mean) /
// renorm_stddev, where σ is the deviation of the batch; no gradient flows through r and d. The moving variance is then computed
// from a moving deviation.
//
// Shapes: any → the same; gamma, beta, moving_mean and moving_variance, and with Renorm moving_stddev, renorm_mean and
// renorm_stddev (channels).
type BatchNormalization struct {
	Name     string
	Frozen   bool
	Axis     int      `zero:"-1"` // of the channels; the batch can't be meant
	Momentum *float64 `default:"0.99"`
	Epsilon  *float64 `default:"0.001"`
	NoCenter bool     `keras:"center,not"` // no beta
	NoScale  bool     `keras:"scale,not"`  // no gamma

	Renorm         bool
	RenormClipping *RenormClipping // of the corrections; nil: none
	RenormMomentum *float64        `default:"0.99"` // of renorm_mean and renorm_stddev

	BetaInitializer           initializer.Initializer `default:"zeros"`
	GammaInitializer          initializer.Initializer `default:"ones"`
	MovingMeanInitializer     initializer.Initializer `default:"zeros"`
	MovingVarianceInitializer initializer.Initializer `default:"ones"`
	BetaRegularizer           regularizer.Regularizer
	GammaRegularizer          regularizer.Regularizer
	BetaConstraint            constraint.Constraint
	GammaConstraint           constraint.Constraint

	gamma, beta, mean, variance            *Variable
	deviation, renormMean, renormDeviation *Variable // with Renorm
}

// RenormClipping bounds the corrections of a BatchNormalization with Renorm: r to [RMin, RMax] and d to [-DMax, DMax]. A field
// that is nil is no bound.
type RenormClipping struct {
	RMax *float64 `keras:"rmax"`
	RMin *float64 `keras:"rmin"`
	DMax *float64 `keras:"dmax"`
}

// Build declares the variables.
func (l *BatchNormalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	axes, err := normalized(b, in, *cfg.Epsilon, cfg.Axis)
	if err != nil {
		return err
	}
	if m := *cfg.Momentum; !(m >= 0 && m <= 1) {
		return b.Errorf("Momentum is %v, it must be within [0, 1]", m)
	}
	if m := *cfg.RenormMomentum; !(m >= 0 && m <= 1) {
		return b.Errorf("RenormMomentum is %v, it must be within [0, 1]", m)
	}
	if clip := cfg.RenormClipping; clip != nil {
		switch {
		case clip.RMax != nil && clip.RMin != nil && !(*clip.RMin <= *clip.RMax):
			return b.Errorf("RenormClipping has RMin %v and RMax %v, which must not be less", *clip.RMin, *clip.RMax)
		case clip.DMax != nil && !(*clip.DMax >= 0):
			return b.Errorf("RenormClipping has DMax %v, it must not be negative", *clip.DMax)
		}
	}
	shape := tensor.Shape{in[0][axes[0]]}
	if !l.NoScale {
		l.gamma = b.Variable("gamma", shape, VariableConfig{Initializer: cfg.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if !l.NoCenter {
		l.beta = b.Variable("beta", shape, VariableConfig{Initializer: cfg.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	l.mean = b.Variable("moving_mean", shape, VariableConfig{Initializer: cfg.MovingMeanInitializer, NonTrainable: true})
	l.variance = b.Variable("moving_variance", shape, VariableConfig{Initializer: cfg.MovingVarianceInitializer, NonTrainable: true})
	if l.Renorm {
		root := VariableConfig{Initializer: rootOf{cfg.MovingVarianceInitializer}, NonTrainable: true}
		l.deviation = b.Variable("moving_stddev", shape, root)
		l.renormMean = b.Variable("renorm_mean", shape, VariableConfig{Initializer: cfg.MovingMeanInitializer, NonTrainable: true})
		l.renormDeviation = b.Variable("renorm_stddev", shape, root)
	}
	return nil
}

// rootOf initializes with the roots of what another initializer gives.
type rootOf struct{ initializer.Initializer }

// Init fills dst.
func (i rootOf) Init(dst []float32, shape tensor.Shape, seed uint64, stream uint16) error {
	err := i.Initializer.Init(dst, shape, seed, stream)
	for j, v := range dst {
		dst[j] = float32(math.Sqrt(float64(v)))
	}
	return err
}

// normalized returns the axes of a normalization, counted from the begin and sorted, or an
// error if they aren't ones of the only input, or epsilon is negative.
func normalized(b *Builder, in []tensor.Shape, epsilon float64, axes ...int) ([]int, error) {
	if err := one(b, in); err != nil {
		return nil, err
	}
	axes = counted(axes, len(in[0]))
	for i, axis := range axes {
		if axis < 1 || axis >= len(in[0]) || slices.Contains(axes[:i], axis) {
			return nil, b.Errorf("the axes %v must be some of 1 to %d, each once, or of -1 to %d from the end", axes, len(in[0])-1, 1-len(in[0]))
		}
	}
	if len(axes) == 0 {
		return nil, b.Errorf("Axis is empty, it must have an axis")
	}
	if !(epsilon >= 0) {
		return nil, b.Errorf("Epsilon is %v, it must not be negative", epsilon)
	}
	return axes, nil
}

// counted counts axes from the begin, and sorts them.
func counted(axes []int, rank int) []int {
	axes = slices.Clone(axes)
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += rank
		}
	}
	slices.Sort(axes)
	return axes
}

// others returns the axes of x that aren't given.
func others(x *graph.Node, axes ...int) []int {
	var rest []int
	for i := range x.Rank() {
		if !slices.Contains(axes, i) {
			rest = append(rest, i)
		}
	}
	return rest
}

// Call emits the layer's nodes.
func (l *BatchNormalization) Call(c *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x := in[0]
	axis := counted([]int{cfg.Axis}, x.Rank())
	along := func(v *Variable) *graph.Node { return spread(c, v, x, axis) }
	var mean, variance, r, d *graph.Node
	if c.Training() && !c.Frozen(l) {
		mean, variance = moments(x, others(x, axis...))
		if m := c.Mask(x); m != nil {
			mean, variance = momentsOf(x, m.WithRank(x.Rank()), others(x, axis...))
		}
		follow := func(v *Variable, now *graph.Node, m float64) *graph.Node {
			next := c.Value(v).MulScalar(m).Add(now.Reshape(v.Shape...).MulScalar(1 - m)).StopGradient()
			c.Update(v, next)
			return next
		}
		follow(l.mean, mean, *cfg.Momentum)
		if l.Renorm {
			deviation := variance.AddScalar(*cfg.Epsilon).Sqrt()
			r, d = l.corrections(mean, deviation, along(l.renormMean), along(l.renormDeviation))
			follow(l.renormMean, mean, *cfg.RenormMomentum)
			follow(l.renormDeviation, deviation, *cfg.RenormMomentum)
			c.Update(l.variance, follow(l.deviation, deviation, *cfg.Momentum).Square().AddScalar(-*cfg.Epsilon).Relu())
		} else {
			follow(l.variance, variance, *cfg.Momentum)
		}
	} else {
		mean, variance = along(l.mean), along(l.variance)
	}
	gamma, beta := along(l.gamma), along(l.beta)
	if r != nil {
		gamma, beta = corrected(gamma, beta, r, d)
	}
	return standardized(x, mean, variance, *cfg.Epsilon, gamma, beta)
}

// corrections returns r and d, given the renormalizing mean and deviation before this batch.
func (l *BatchNormalization) corrections(mean, deviation, meanBefore, deviationBefore *graph.Node) (r, d *graph.Node) {
	cfg := config.Resolve(*l)
	g := mean.Graph()
	before := deviationBefore.Max(g.Scalar(math.Sqrt(*cfg.Epsilon)))
	r, d = deviation.Div(before), mean.Sub(meanBefore).Div(before)
	if clip := cfg.RenormClipping; clip != nil {
		if clip.RMin != nil {
			r = r.Max(g.Scalar(*clip.RMin))
		}
		if clip.RMax != nil {
			r = r.Min(g.Scalar(*clip.RMax))
		}
		if clip.DMax != nil {
			d = d.Clip(-*clip.DMax, *clip.DMax)
		}
	}
	return r.StopGradient(), d.StopGradient()
}

// corrected returns gamma and beta with the corrections: (x·r + d)·gamma + beta is x·(r·gamma) + (d·gamma + beta).
func corrected(gamma, beta, r, d *graph.Node) (scale, shift *graph.Node) {
	if gamma != nil {
		r, d = r.Mul(gamma), d.Mul(gamma)
	}
	if beta != nil {
		d = d.Add(beta)
	}
	return r, d
}

// moments returns the mean and the variance along the axes, which stay, of size 1.
func moments(x *graph.Node, axes []int) (mean, variance *graph.Node) {
	mean = x.MeanKeep(axes...)
	return mean, x.Sub(mean).Square().MeanKeep(axes...)
}

// momentsOf returns the mean and the variance of the steps that count, as Keras has them: where none does both are near 0.
func momentsOf(x, counts *graph.Node, axes []int) (mean, variance *graph.Node) {
	counts = counts.BroadcastTo(x.Shape())
	n := counts.SumKeep(axes...).AddScalar(1e-7)
	zero := x.Graph().Scalar(0)
	mean = graph.Select(counts, x, zero).SumKeep(axes...).Div(n)
	return mean, graph.Select(counts, x.Sub(mean), zero).Square().SumKeep(axes...).Div(n)
}

// standardized returns (x - mean) / √(variance + epsilon) · gamma + beta. What is nil is left out.
func standardized(x, mean, variance *graph.Node, epsilon float64, gamma, beta *graph.Node) *graph.Node {
	if gamma == nil {
		gamma = x.Graph().Scalar(1)
	}
	y := x.Sub(mean).Mul(gamma.Div(variance.AddScalar(epsilon).Sqrt()))
	if beta != nil {
		y = y.Add(beta)
	}
	return y
}

// spread returns a variable that has a number for each place along the axes of x, in a shape
// that broadcasts with x; nil for nil.
func spread(c *Context, v *Variable, x *graph.Node, axes []int) *graph.Node {
	if v == nil {
		return nil
	}
	shape := make(tensor.Shape, x.Rank())
	for i := range shape {
		shape[i] = 1
	}
	for k, axis := range axes {
		if k < len(v.Shape) && axis < len(shape) {
			shape[axis] = v.Shape[k]
		}
	}
	first := slices.IndexFunc(shape, func(d int) bool { return d != 1 })
	return c.Value(v).Reshape(shape[max(first, 0):]...)
}

// LayerNormalization brings each sample to mean 0 and variance 1 along some axes, and then
// scales and shifts it by gamma and beta, which are trained (Ba et al. 2016). It is the same in
// training and in inference.
//
// Shapes: any → the same; gamma and beta have the sizes of the axes.
type LayerNormalization struct {
	Name     string
	Frozen   bool
	Axis     []int    `default:"-1"`
	Epsilon  *float64 `default:"0.001"`
	NoCenter bool     `keras:"center,not"` // no beta
	NoScale  bool     `keras:"scale,not"`  // no gamma

	BetaInitializer  initializer.Initializer `default:"zeros"`
	GammaInitializer initializer.Initializer `default:"ones"`
	BetaRegularizer  regularizer.Regularizer
	GammaRegularizer regularizer.Regularizer
	BetaConstraint   constraint.Constraint
	GammaConstraint  constraint.Constraint

	gamma, beta *Variable
}

// Build declares the variables.
func (l *LayerNormalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	axes, err := normalized(b, in, *cfg.Epsilon, cfg.Axis...)
	if err != nil {
		return err
	}
	shape := sizes(in[0], axes)
	if !l.NoScale {
		l.gamma = b.Variable("gamma", shape, VariableConfig{Initializer: cfg.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if !l.NoCenter {
		l.beta = b.Variable("beta", shape, VariableConfig{Initializer: cfg.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	return nil
}

// sizes returns the sizes of the axes.
func sizes(s tensor.Shape, axes []int) tensor.Shape {
	var out tensor.Shape
	for _, axis := range axes {
		out = append(out, s[axis])
	}
	return out
}

// Call emits the layer's nodes.
func (l *LayerNormalization) Call(c *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x := in[0]
	axes := counted(cfg.Axis, x.Rank())
	mean, variance := moments(x, axes)
	return standardized(x, mean, variance, *cfg.Epsilon, spread(c, l.gamma, x, axes), spread(c, l.beta, x, axes))
}

// GroupNormalization brings each group of channels of each sample to mean 0 and variance 1,
// and then scales and shifts each channel by gamma and beta, which are trained (Wu and He
// 2018). It is the same in training and in inference.
//
// Shapes: any → the same; gamma and beta (channels).
type GroupNormalization struct {
	Name     string
	Frozen   bool
	Groups   int      `zero:"32"` // into which the channels are divided; -1: each is one
	Axis     int      `zero:"-1"` // of the channels; the batch can't be meant
	Epsilon  *float64 `default:"0.001"`
	NoCenter bool     `keras:"center,not"` // no beta
	NoScale  bool     `keras:"scale,not"`  // no gamma

	BetaInitializer  initializer.Initializer `default:"zeros"`
	GammaInitializer initializer.Initializer `default:"ones"`
	BetaRegularizer  regularizer.Regularizer
	GammaRegularizer regularizer.Regularizer
	BetaConstraint   constraint.Constraint
	GammaConstraint  constraint.Constraint

	gamma, beta *Variable
}

// Build declares the variables.
func (l *GroupNormalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	axes, err := normalized(b, in, *cfg.Epsilon, cfg.Axis)
	if err != nil {
		return err
	}
	channels := in[0][axes[0]]
	if g := cfg.Groups; g < -1 || g > 0 && channels%g != 0 {
		return b.Errorf("Groups is %d, it must divide the %d channels, or be -1 for one channel a group", g, channels)
	}
	shape := tensor.Shape{channels}
	if !l.NoScale {
		l.gamma = b.Variable("gamma", shape, VariableConfig{Initializer: cfg.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if !l.NoCenter {
		l.beta = b.Variable("beta", shape, VariableConfig{Initializer: cfg.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	return nil
}

// Call emits the layer's nodes.
func (l *GroupNormalization) Call(c *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x := in[0]
	axis := counted([]int{cfg.Axis}, x.Rank())
	shape := x.Shape()
	channels := shape[axis[0]]
	groups := cfg.Groups
	if groups == -1 {
		groups = channels
	}
	// The axes before the channels and those behind are joined: (batch, before, groups, of a
	// group, behind).
	before, behind := shape[1:axis[0]].Numel(), shape[axis[0]+1:].Numel()
	apart := x.Reshape(tensor.Batch, before, groups, channels/max(groups, 1), behind)
	mean, variance := moments(apart, []int{1, 3, 4})
	along := func(v *Variable) *graph.Node {
		if v == nil {
			return nil
		}
		return c.Value(v).Reshape(groups, channels/max(groups, 1), 1)
	}
	return standardized(apart, mean, variance, *cfg.Epsilon, along(l.gamma), along(l.beta)).Reshape(shape...)
}

// RMSNormalization brings the root mean square along some axes to 1, and then scales it by a
// trained scale (Zhang and Sennrich 2019): x / √(mean(x²) + Epsilon) · scale.
//
// Shapes: any → the same; scale has the sizes of the axes.
type RMSNormalization struct {
	Name    string
	Frozen  bool
	Axis    []int    `default:"-1"`
	Epsilon *float64 `default:"1e-6"`

	scale *Variable
}

// Build declares scale.
func (l *RMSNormalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	axes, err := normalized(b, in, *cfg.Epsilon, cfg.Axis...)
	if err != nil {
		return err
	}
	l.scale = b.Variable("scale", sizes(in[0], axes), VariableConfig{Initializer: initializer.Ones{}})
	return nil
}

// Call emits the layer's nodes.
func (l *RMSNormalization) Call(c *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x := in[0]
	axes := counted(cfg.Axis, x.Rank())
	mean := x.Square().MeanKeep(axes...)
	return x.Div(mean.AddScalar(*cfg.Epsilon).Sqrt()).Mul(spread(c, l.scale, x, axes))
}

// UnitNormalization brings the vectors along some axes to length 1. A vector of zeros stays.
//
// Shapes: any → the same.
type UnitNormalization struct {
	Name string
	Axis []int `default:"-1"`
}

// Build checks the axes.
func (l *UnitNormalization) Build(b *Builder, in []tensor.Shape) error {
	_, err := normalized(b, in, 0, config.Resolve(*l).Axis...)
	return err
}

// Call emits the layer's nodes.
func (l *UnitNormalization) Call(_ *Context, in []*graph.Node) *graph.Node {
	return normalize(in[0], 1e-12, counted(config.Resolve(*l).Axis, in[0].Rank())...)
}
