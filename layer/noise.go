package layer

// This file has the layers that disturb their input in training, and elsewhere
// return it. The random numbers come from internal/rng, keyed by seed, step and layer.

import (
	"math"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Dropout", func() Layer { return &Dropout{} })
	Register("SpatialDropout1D", func() Layer { return &SpatialDropout1D{} })
	Register("SpatialDropout2D", func() Layer { return &SpatialDropout2D{} })
	Register("SpatialDropout3D", func() Layer { return &SpatialDropout3D{} })
	Register("GaussianNoise", func() Layer { return &GaussianNoise{} })
	Register("GaussianDropout", func() Layer { return &GaussianDropout{} })
	Register("AlphaDropout", func() Layer { return &AlphaDropout{} })
}

// Dropout sets elements to 0 at random, each with probability Rate, and scales
// the others by 1/(1-Rate) (Srivastava et al. 2014).
//
// Shapes: any → the same.
type Dropout struct {
	Name       string
	Rate       float64 // in [0, 1)
	NoiseShape []int   // of the mask, which is repeated along axes of size 1; -1 is the input's size; nil: the input's shape
}

// Build checks the rate.
func (l *Dropout) Build(b *Builder, in []tensor.Shape) error {
	if l.NoiseShape != nil && len(in) == 1 {
		if len(l.NoiseShape) != len(in[0]) {
			return b.Errorf("NoiseShape %v needs %d dimensions", l.NoiseShape, len(in[0]))
		}
		for i, d := range l.NoiseShape {
			if d != -1 && d != 1 && d != in[0][i] {
				return b.Errorf("NoiseShape %v: dimension %d must be 1, -1 or the input's", l.NoiseShape, i)
			}
		}
	}
	return checkRate(b, in, l.Rate)
}

func checkRate(b *Builder, in []tensor.Shape, rate float64) error {
	if err := checkShare(b, "Rate", rate); err != nil {
		return err
	}
	return one(b, in)
}

// checkShare returns an error unless a field is a share that may be dropped.
func checkShare(b *Builder, field string, share float64) error {
	if !(share >= 0 && share < 1) {
		return b.Errorf("%s is %v, it must be at least 0 and less than 1", field, share)
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Dropout) Call(c *Context, in []*graph.Node) *graph.Node {
	rate := config.Resolve(*l).Rate
	if !c.Training() || rate == 0 {
		return in[0]
	}
	if l.NoiseShape == nil {
		return in[0].Dropout(rate, c.Graph().NextStream())
	}
	shape := in[0].Shape().Clone()
	for i, d := range l.NoiseShape {
		if i < len(shape) && d == 1 {
			shape[i] = 1
		}
	}
	return in[0].Mul(mask(c, rate, shape))
}

// mask emits what Dropout makes of ones.
func mask(c *Context, rate float64, shape tensor.Shape) *graph.Node {
	return c.Graph().Scalar(1).BroadcastTo(shape).Dropout(rate, c.Graph().NextStream())
}

// SpatialDropout1D is Dropout of whole features: all steps of one keep or lose
// it together (Tompson et al. 2014).
//
// Shapes: (batch, steps, features) → the same.
type SpatialDropout1D struct {
	Name string
	Rate float64 // in [0, 1)
}

// Build checks the rate.
func (l *SpatialDropout1D) Build(b *Builder, in []tensor.Shape) error {
	return checkSpatialDropout(b, in, 1, "", l.Rate)
}

// Call emits the layer's nodes.
func (l *SpatialDropout1D) Call(c *Context, in []*graph.Node) *graph.Node {
	return spatialDropout(c, in[0], l.Rate, channelsLast)
}

// SpatialDropout2D is Dropout of whole channels of images (Tompson et al. 2014).
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type SpatialDropout2D struct {
	Name       string
	Rate       float64 // in [0, 1)
	DataFormat string  `default:"channels_last"`
}

// Build checks the rate.
func (l *SpatialDropout2D) Build(b *Builder, in []tensor.Shape) error {
	return checkSpatialDropout(b, in, 2, l.DataFormat, l.Rate)
}

// Call emits the layer's nodes.
func (l *SpatialDropout2D) Call(c *Context, in []*graph.Node) *graph.Node {
	return spatialDropout(c, in[0], l.Rate, l.DataFormat)
}

// SpatialDropout3D is Dropout of whole channels of volumes (Tompson et al. 2014).
//
// Shapes: (batch, d1, d2, d3, channels), or with the channels before d1 → the same.
type SpatialDropout3D struct {
	Name       string
	Rate       float64 // in [0, 1)
	DataFormat string  `default:"channels_last"`
}

// Build checks the rate.
func (l *SpatialDropout3D) Build(b *Builder, in []tensor.Shape) error {
	return checkSpatialDropout(b, in, 3, l.DataFormat, l.Rate)
}

// Call emits the layer's nodes.
func (l *SpatialDropout3D) Call(c *Context, in []*graph.Node) *graph.Node {
	return spatialDropout(c, in[0], l.Rate, l.DataFormat)
}

func checkSpatialDropout(b *Builder, in []tensor.Shape, dims int, format string, rate float64) error {
	if err := checkRate(b, in, rate); err != nil {
		return err
	}
	return spatial(b, in, dims, format)
}

// spatialDropout drops samples' channels alone.
func spatialDropout(c *Context, x *graph.Node, rate float64, format string) *graph.Node {
	if !c.Training() || rate == 0 {
		return x
	}
	shape := x.Shape().Clone()
	first := firstSpatial(format)
	for i := range len(shape) - 2 {
		shape[first+i] = 1
	}
	return x.Mul(mask(c, rate, shape))
}

// GaussianNoise adds normally distributed numbers.
//
// Shapes: any → the same.
type GaussianNoise struct {
	Name   string
	Stddev float64 // in [0, 1]
}

// Build checks the standard deviation.
func (l *GaussianNoise) Build(b *Builder, in []tensor.Shape) error {
	if !(l.Stddev >= 0 && l.Stddev <= 1) {
		return b.Errorf("Stddev is %v, it must be within [0, 1]", l.Stddev)
	}
	return one(b, in)
}

// Call emits the layer's nodes.
func (l *GaussianNoise) Call(c *Context, in []*graph.Node) *graph.Node {
	stddev := config.Resolve(*l).Stddev
	if !c.Training() || stddev == 0 {
		return in[0]
	}
	return in[0].Add(in[0].RandomNormal().MulScalar(stddev))
}

// GaussianDropout multiplies by normally distributed numbers of mean 1 and
// standard deviation √(Rate/(1-Rate)), which is Dropout's.
//
// Shapes: any → the same.
type GaussianDropout struct {
	Name string
	Rate float64 // in [0, 1)
}

// Build checks the rate.
func (l *GaussianDropout) Build(b *Builder, in []tensor.Shape) error {
	return checkRate(b, in, l.Rate)
}

// Call emits the layer's nodes.
func (l *GaussianDropout) Call(c *Context, in []*graph.Node) *graph.Node {
	rate := config.Resolve(*l).Rate
	if !c.Training() || rate == 0 {
		return in[0]
	}
	noise := in[0].RandomNormal().MulScalar(math.Sqrt(rate / (1 - rate)))
	return in[0].Mul(noise.AddScalar(1))
}

// AlphaDropout is Dropout for networks of SELU: what is dropped takes SELU's
// value at minus infinity, and the whole is scaled to keep its mean and variance
// (Klambauer et al. 2017).
//
// Shapes: any → the same.
type AlphaDropout struct {
	Name string
	Rate float64 // in [0, 1)
}

// Build checks the rate.
func (l *AlphaDropout) Build(b *Builder, in []tensor.Shape) error {
	return checkRate(b, in, l.Rate)
}

// Call emits the layer's nodes.
func (l *AlphaDropout) Call(c *Context, in []*graph.Node) *graph.Node {
	rate := config.Resolve(*l).Rate
	if !c.Training() || rate == 0 {
		return in[0]
	}
	const floor = -activation.SELUAlpha * activation.SELUScale
	a := 1 / math.Sqrt((1-rate)*(1+float64(rate*floor*floor)))
	b := -a * floor * rate
	g := c.Graph()
	kept := mask(c, rate, in[0].Shape()).Greater(g.Scalar(0))
	return graph.Select(kept, in[0], g.Scalar(floor)).MulScalar(a).AddScalar(b)
}
