package layer

// This file has the layers that change the colors of images: at random in training, each image by itself, and elsewhere not at
// all; but for AutoContrast, which does the same always.

import (
	"errors"
	"math"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("RandomGrayscale", func() Layer { return &RandomGrayscale{} })
	Register("RandomHue", func() Layer { return &RandomHue{} })
	Register("RandomSaturation", func() Layer { return &RandomSaturation{} })
	Register("RandomColorDegeneration", func() Layer { return &RandomColorDegeneration{} })
	Register("RandomColorJitter", func() Layer { return &RandomColorJitter{} })
	Register("RandomInvert", func() Layer { return &RandomInvert{} })
	Register("RandomPosterization", func() Layer { return &RandomPosterization{} })
	Register("RandomSharpness", func() Layer { return &RandomSharpness{} })
	Register("RandomGaussianBlur", func() Layer { return &RandomGaussianBlur{} })
	Register("RandomElasticTransform", func() Layer { return &RandomElasticTransform{} })
	Register("RandAugment", func() Layer { return &RandAugment{} })
	Register("Solarization", func() Layer { return &Solarization{} })
	Register("AutoContrast", func() Layer { return &AutoContrast{} })
	Register("Equalization", func() Layer { return &Equalization{} })
	Register("ContrastLimitedAdaptiveHistogramEqualization", func() Layer { return &ContrastLimitedAdaptiveHistogramEqualization{} })
}

// ofBytes is the range of images whose pixels are bytes.
var ofBytes = [2]float64{0, 255}

// checkColors returns an error unless there are images with one of these numbers of channels, and a range of their pixels.
func checkColors(b *Builder, in []tensor.Shape, format string, r [2]float64, channels ...int) error {
	if err := spatial(b, in, 2, format); err != nil {
		return err
	}
	if n := in[0][channelAxis(format)]; len(channels) > 0 && !slices.Contains(channels, n) {
		return b.Errorf("the images have %d channels, they need 3: red, green and blue", n)
	}
	if !(r[0] < r[1]) || math.IsInf(r[1]-r[0], 0) {
		return b.Errorf("ValueRange is %v, it must be the least and the greatest that a pixel can be", r)
	}
	return nil
}

// channelAxis is where the channels of an image are.
func channelAxis(format string) int {
	if format == channelsFirst {
		return 1
	}
	return 3
}

// channel returns one of the channels of images, of size 1.
func channel(x *graph.Node, format string, i int) *graph.Node {
	return x.SliceAxis(channelAxis(format), i, i+1)
}

// ranged brings pixels from one range to another.
func ranged(x *graph.Node, from, to [2]float64) *graph.Node {
	if from == to {
		return x
	}
	return x.AddScalar(-from[0]).MulScalar((to[1] - to[0]) / (from[1] - from[0])).AddScalar(to[0])
}

// happens is 1 for images to which something happens: with a probability that is drawn between two for each.
func happens(c *Context, factor [2]float64) *graph.Node {
	return drawn(c, 0, 1, 1, 1, 1).Less(drawn(c, factor[0], factor[1], 1, 1, 1))
}

// gray is the brightness of images of three channels, which the eye sees most green.
func gray(x *graph.Node, format string) *graph.Node {
	if !x.Valid() || x.Shape()[channelAxis(format)] == 1 {
		return x
	}
	red, green, blue := channel(x, format, 0), channel(x, format, 1), channel(x, format, 2)
	return red.MulScalar(0.2989).Add(green.MulScalar(0.587)).Add(blue.MulScalar(0.114))
}

// recolored changes the hue, in turns, and the saturation of images of three channels.
func recolored(x *graph.Node, format string, change func(hue, saturation *graph.Node) (*graph.Node, *graph.Node)) *graph.Node {
	if !x.Valid() {
		return x
	}
	g := x.Graph()
	zero, one := g.Scalar(0), g.Scalar(1)
	red, green, blue := channel(x, format, 0), channel(x, format, 1), channel(x, format, 2)
	value := red.Max(green).Max(blue)
	span := value.Sub(red.Min(green).Min(blue))
	saturation := graph.Select(value.Greater(zero), span.Div(graph.Select(value.Greater(zero), value, one)), zero)
	sixth := one.Div(graph.Select(span.Greater(zero), span, one).MulScalar(6))
	hue := graph.Select(value.Equal(green), blue.Sub(red).Mul(sixth).AddScalar(2.0/6), red.Sub(green).Mul(sixth).AddScalar(4.0/6))
	hue = graph.Select(value.Equal(red), green.Sub(blue).Mul(sixth), hue)
	hue, saturation = change(hue, saturation)
	around := hue.Sub(hue.Floor()).MulScalar(6)
	paint := func(d *graph.Node) *graph.Node {
		return value.Mul(one.Sub(saturation).Add(saturation.Mul(d.Clip(0, 1))))
	}
	return graph.Concat(channelAxis(format),
		paint(around.AddScalar(-3).Abs().AddScalar(-1)),
		paint(around.AddScalar(-2).Abs().Neg().AddScalar(2)),
		paint(around.AddScalar(-4).Abs().Neg().AddScalar(2)))
}

// RandomGrayscale takes the colors from images, each with the probability Factor: all three channels become the brightness.
//
// Shapes: (batch, rows, columns, 3 or 1), or with the channels before the rows → the same.
type RandomGrayscale struct {
	Name       string
	Factor     *float64 `default:"0.5"`
	DataFormat string   `default:"channels_last"`
}

// Build checks the factor and the channels.
func (l *RandomGrayscale) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if !(*cfg.Factor >= 0 && *cfg.Factor <= 1) {
		return b.Errorf("Factor is %v, it must be within [0, 1]", *cfg.Factor)
	}
	return checkColors(b, in, cfg.DataFormat, ofBytes, 3, 1)
}

// Call emits the layer's nodes.
func (l *RandomGrayscale) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	return graph.Select(drawn(c, 0, 1, 1, 1, 1).Less(c.Graph().Scalar(*cfg.Factor)), gray(in[0], cfg.DataFormat), in[0])
}

// RandomHue turns the hue of images, one way or the other, by a part of half a turn that is drawn between Factor[0] and Factor[1].
//
// Shapes: (batch, rows, columns, 3), or with the channels before the rows → the same.
type RandomHue struct {
	Name       string
	Factor     [2]float64 // the least and the greatest, within [0, 1]
	ValueRange [2]float64 `default:"0,255"`
	DataFormat string     `default:"channels_last"`
}

// Build checks the factor and the channels.
func (l *RandomHue) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange, 3); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomHue) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	way := drawn(c, 0, 1, 1, 1, 1).Greater(c.Graph().Scalar(0.5)).MulScalar(-2).AddScalar(1)
	turns := drawn(c, l.Factor[0], l.Factor[1], 1, 1, 1).Mul(way).MulScalar(0.5)
	return turnHue(in[0], turns, cfg.ValueRange, cfg.DataFormat)
}

func turnHue(x, turns *graph.Node, r [2]float64, format string) *graph.Node {
	y := recolored(ranged(x, r, [2]float64{0, 1}), format, func(hue, saturation *graph.Node) (*graph.Node, *graph.Node) {
		return hue.Add(turns), saturation
	})
	return ranged(y.Clip(0, 1), [2]float64{0, 1}, r)
}

// RandomSaturation makes the colors of images stronger or weaker: a factor f is drawn between Factor[0] and Factor[1], and the saturation
// multiplied by f/(1-f). So 0 is gray, 0.5 as it was, and 1 as colorful as can be.
//
// Shapes: (batch, rows, columns, 3), or with the channels before the rows → the same.
type RandomSaturation struct {
	Name       string
	Factor     [2]float64 // the least and the greatest, within [-1, 1]; what is less than 0 is as 0
	ValueRange [2]float64 `default:"0,255"` // of the pixels, which stay in it
	DataFormat string     `default:"channels_last"`
}

// Build checks the factor and the channels.
func (l *RandomSaturation) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange, 3); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomSaturation) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	factor := drawn(c, l.Factor[0], l.Factor[1], 1, 1, 1)
	factor = factor.Div(factor.Neg().AddScalar(1 + 1e-7))
	return recolored(in[0], config.Resolve(*l).DataFormat, func(hue, saturation *graph.Node) (*graph.Node, *graph.Node) {
		return hue, saturation.Mul(factor).Clip(0, 1)
	})
}

// RandomColorDegeneration makes the colors of images duller: a part of them that is drawn between Factor[0] and Factor[1] gives way to
// the brightness. The result is clipped to ValueRange.
//
// Shapes: (batch, rows, columns, 3), or with the channels before the rows → the same.
type RandomColorDegeneration struct {
	Name       string
	Factor     [2]float64 // the least and the greatest, within [-1, 1]; less than 0 makes colors stronger
	ValueRange [2]float64 `default:"0,255"`
	DataFormat string     `default:"channels_last"`
}

// Build checks the factor and the channels.
func (l *RandomColorDegeneration) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange, 3); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomColorDegeneration) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	x, factor := in[0], drawn(c, l.Factor[0], l.Factor[1], 1, 1, 1)
	return x.Add(factor.Mul(gray(x, cfg.DataFormat).Sub(x))).Clip(cfg.ValueRange[0], cfg.ValueRange[1])
}

// RandomColorJitter is RandomBrightness, RandomContrast, RandomSaturation and RandomHue, one behind the other, of those whose factor is
// given.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. Saturation and hue need 3 channels.
type RandomColorJitter struct {
	Name             string
	ValueRange       [2]float64  `default:"0,255"`
	BrightnessFactor *[2]float64 // the Factor of RandomBrightness, and so on; nil: none
	ContrastFactor   *[2]float64
	SaturationFactor *[2]float64
	HueFactor        *[2]float64
	DataFormat       string `default:"channels_last"`
}

func (l *RandomColorJitter) layers() (list []Layer) {
	cfg := config.Resolve(*l)
	r, format := cfg.ValueRange, cfg.DataFormat
	if f := l.BrightnessFactor; f != nil {
		list = append(list, &RandomBrightness{Factor: *f, ValueRange: r})
	}
	if f := l.ContrastFactor; f != nil {
		list = append(list, &RandomContrast{Factor: *f, ValueRange: r, DataFormat: format})
	}
	if f := l.SaturationFactor; f != nil {
		list = append(list, &RandomSaturation{Factor: *f, ValueRange: r, DataFormat: format})
	}
	if f := l.HueFactor; f != nil {
		list = append(list, &RandomHue{Factor: *f, ValueRange: r, DataFormat: format})
	}
	return list
}

// Build checks the factors, as the four layers do.
func (l *RandomColorJitter) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	return buildAll(b, in, l.layers())
}

// buildAll builds layers without variables that leave shapes as they are.
func buildAll(b *Builder, in []tensor.Shape, layers []Layer) error {
	for _, l := range layers {
		if err := l.Build(b, in); err != nil {
			if e := (*Error)(nil); errors.As(err, &e) {
				return b.Errorf("its %s: %s", Class(l), e.Msg)
			}
			return err
		}
	}
	return nil
}

// Call emits the layer's nodes.
func (l *RandomColorJitter) Call(c *Context, in []*graph.Node) *graph.Node {
	x := in[0]
	for _, one := range l.layers() {
		x = one.Call(c, []*graph.Node{x})
	}
	return x
}

// RandomInvert turns light into dark, the greatest of ValueRange less the pixel, with a probability that is drawn for each image between
// Factor[0] and Factor[1].
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomInvert struct {
	Name       string
	Factor     *[2]float64 `default:"0,1"`
	ValueRange [2]float64  `default:"0,255"`
}

// Build checks the factor.
func (l *RandomInvert) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, "", cfg.ValueRange); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor})
}

// Call emits the layer's nodes.
func (l *RandomInvert) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	return graph.Select(happens(c, *cfg.Factor), in[0].Neg().AddScalar(cfg.ValueRange[1]), in[0])
}

// RandomPosterization leaves of the eight bits of a pixel the first few, as posters have few colors: a number of them that is drawn for
// each image, at least Factor[0] and less than Factor[1], or Factor[0] if that is Factor[1].
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomPosterization struct {
	Name       string
	Factor     [2]int     // bits, within [1, 8]
	ValueRange [2]float64 `default:"0,255"`
}

// Build checks the factor.
func (l *RandomPosterization) Build(b *Builder, in []tensor.Shape) error {
	if err := checkColors(b, in, "", config.Resolve(*l).ValueRange); err != nil {
		return err
	}
	if f := l.Factor; f[0] < 1 || f[1] < f[0] || f[1] > 8 {
		return b.Errorf("Factor is %v, it must be the least and the greatest number of bits, within [1, 8]", f)
	}
	return nil
}

// Call emits the layer's nodes.
func (l *RandomPosterization) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	r := config.Resolve(*l).ValueRange
	low, high := float64(l.Factor[0]), float64(l.Factor[1])
	bits := drawn(c, low, high, 1, 1, 1).Floor().Clip(low, max(low, high-1)) // a sum may be rounded up to high
	units := make([]float32, 9)                                              // by the bits that are left
	for i := range units {
		units[i] = float32(int(1) << (8 - i))
	}
	unit := c.Graph().Const(units, len(units)).Gather(bits)
	x := ranged(in[0], r, ofBytes)
	return ranged(x.Div(unit).Floor().Mul(unit), ofBytes, r)
}

// RandomSharpness makes images sharper or softer. A factor is drawn between Factor[0] and Factor[1]: 0 is the mean with the eight pixels
// around, 0.5 as it was, 1 as much sharper as 0 is softer. The result is clipped to ValueRange.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomSharpness struct {
	Name       string
	Factor     [2]float64 // the least and the greatest, within [0, 1]
	ValueRange [2]float64 `default:"0,255"`
	DataFormat string     `default:"channels_last"`
}

// Build checks the factor.
func (l *RandomSharpness) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomSharpness) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	x, ok := imageOf(in[0], 2, cfg.DataFormat)
	if !ok {
		return x
	}
	channels := x.Shape()[3]
	weights := slices.Repeat([]float32{1.0 / 13}, 9*channels)
	for i := range channels {
		weights[4*channels+i] = 5.0 / 13 // in the middle
	}
	kernel := c.Graph().Const(weights, 3, 3, 1, channels)
	smooth := x.Conv(kernel, graph.Window{Low: []int{1, 1}, High: []int{1, 1}, Groups: channels})
	factor := drawn(c, l.Factor[0], l.Factor[1], 1, 1, 1).MulScalar(-2).AddScalar(1)
	y := x.Add(factor.Mul(smooth.Sub(x))).Clip(cfg.ValueRange[0], cfg.ValueRange[1])
	return formatted(y, cfg.DataFormat)
}

// RandomGaussianBlur blurs images, with a probability that is drawn for each between Factor[0] and Factor[1]: by a bell whose deviations
// along columns and along rows are drawn between Sigma[0] and Sigma[1] pixels, cut off to KernelSize[0] columns and KernelSize[1] rows.
// Beyond the edges is black. The result is clipped to ValueRange.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomGaussianBlur struct {
	Name       string
	Factor     *[2]float64 `default:"0,1"`
	KernelSize [2]int      `default:"3"` // odd
	Sigma      *[2]float64 `default:"0,1"`
	ValueRange [2]float64  `default:"0,255"`
	DataFormat string      `default:"channels_last"`
}

// widest bounds the kernel of a blur.
const widest = 1<<12 - 1

// Build checks the factor, the kernel and the deviation.
func (l *RandomGaussianBlur) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	for _, n := range cfg.KernelSize {
		if n < 1 || n > widest || n%2 == 0 {
			return b.Errorf("KernelSize is %v, its numbers must be odd, from 1 to %d", cfg.KernelSize, widest)
		}
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor, "Sigma": *cfg.Sigma})
}

// Call emits the layer's nodes.
func (l *RandomGaussianBlur) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	first := firstSpatial(cfg.DataFormat)
	blurred := happens(c, *cfg.Factor)
	y := in[0]
	for i, size := range cfg.KernelSize {
		sigma := drawn(c, cfg.Sigma[0], cfg.Sigma[1], 1, 1).AddScalar(1e-6)
		y = along(y, first+1-i, bell(sigma, c.Graph().Scalar(float64(size/2)), size/2, y.Shape()[first+1-i]))
	}
	return graph.Select(blurred, y, in[0]).Clip(cfg.ValueRange[0], cfg.ValueRange[1])
}

// bell returns the matrices (batch, n, n) that weigh the pixels of an axis by a bell of deviations (batch, 1, 1), which ends reach pixels
// from its middle, a node too, and at most most.
func bell(sigma, reach *graph.Node, most, n int) *graph.Node {
	g := sigma.Graph()
	weigh := func(d *graph.Node) *graph.Node {
		return d.Square().MulScalar(-0.5).Div(sigma.Square()).Exp().Mul(d.LessEqual(reach))
	}
	taps, pixels := places(g, 2*most+1).AddScalar(-float64(most)), places(g, n).Sub(places(g, n).Reshape(n, 1))
	return weigh(pixels.Abs()).Div(weigh(taps.Abs()).SumKeep(2))
}

// Solarization turns what is bright into dark, as a film does that saw too much light: to the pixels, as numbers from 0 to 255, is added
// one that is drawn between AdditionFactor[0] and AdditionFactor[1] times 255, and what isn't less then than one between ThresholdFactor[0] and
// ThresholdFactor[1] times 255 is taken from 255.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type Solarization struct {
	Name            string
	AdditionFactor  [2]float64 // the least and the greatest, within [0, 1]
	ThresholdFactor [2]float64 // the same of the threshold, by default 0, from which on all is turned
	ValueRange      [2]float64 `default:"0,255"`
}

// Build checks the factors.
func (l *Solarization) Build(b *Builder, in []tensor.Shape) error {
	if err := checkColors(b, in, "", config.Resolve(*l).ValueRange); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"AdditionFactor": l.AdditionFactor, "ThresholdFactor": l.ThresholdFactor})
}

// Call emits the layer's nodes.
func (l *Solarization) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	addition := drawn(c, 255*l.AdditionFactor[0], 255*l.AdditionFactor[1], 1, 1, 1)
	threshold := drawn(c, 255*l.ThresholdFactor[0], 255*l.ThresholdFactor[1], 1, 1, 1)
	return solarized(in[0], addition, threshold, config.Resolve(*l).ValueRange)
}

func solarized(x, addition, threshold *graph.Node, r [2]float64) *graph.Node {
	y := ranged(x, r, ofBytes).Add(addition).Clip(0, 255)
	return ranged(graph.Select(y.Less(threshold), y, y.Neg().AddScalar(255)), ofBytes, r)
}

// AutoContrast spreads the pixels of each channel of an image over the whole ValueRange, in training and elsewhere. A channel of one
// value stays as it is.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type AutoContrast struct {
	Name       string
	ValueRange [2]float64 `default:"0,255"`
	DataFormat string     `default:"channels_last" keras:"data_format,ours"`
}

// Build checks the range.
func (l *AutoContrast) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	if first := firstSpatial(cfg.DataFormat); in[0][first] == 0 || in[0][first+1] == 0 {
		return b.Errorf("the images have no pixels")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *AutoContrast) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x, r, first := in[0], cfg.ValueRange, firstSpatial(cfg.DataFormat)
	low := x.ReduceMinKeep(first, first+1)
	span := x.ReduceMaxKeep(first, first+1).Sub(low)
	several := span.Greater(x.Graph().Scalar(0))
	part := x.Sub(low).Div(graph.Select(several, span, x.Graph().Scalar(1)))
	return graph.Select(several, part.MulScalar(r[1]-r[0]).AddScalar(r[0]).Clip(r[0], r[1]), x)
}

// Equalization makes all values of the pixels of a channel about equally frequent, in training: it counts those of each image in Bins
// bins of the ValueRange, and puts in the place of a pixel the part of all pixels that isn't brighter. A channel whose pixels are in one bin stays as it is.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type Equalization struct {
	Name       string
	ValueRange [2]float64 `default:"0,255"`
	Bins       int        `zero:"256"`
	DataFormat string     `default:"channels_last"`
}

// Build checks the range and the bins.
func (l *Equalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, "constant", nearest, cfg.DataFormat); err != nil {
		return err
	}
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	if channels := max(in[0][channelAxis(cfg.DataFormat)], 1); cfg.Bins < 1 || cfg.Bins > 1<<24/channels {
		return b.Errorf("Bins is %d, it must be from 1 to %d for images of %d channels", cfg.Bins, 1<<24/channels, channels)
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Equalization) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	x, ok := imageOf(in[0], 2, cfg.DataFormat)
	if !ok {
		return x
	}
	g, channels, bins := c.Graph(), x.Shape()[3], cfg.Bins
	x = ranged(x, cfg.ValueRange, ofBytes)
	bin := x.MulScalar(float64(bins-1)).Div(g.Scalar(255)).Clip(0, float64(bins-1)).Floor()
	bin = bin.Add(places(g, channels).MulScalar(float64(bins))) // each channel has its own
	counts := g.Scalar(1).BroadcastTo(bin.Shape()).BatchScatterAdd(bin, channels*bins).Reshape(tensor.Batch, channels, bins)
	up := cumulated(counts)
	all := up.ReduceMaxKeep(2)
	first := graph.Select(up.Greater(g.Scalar(0)), up, all).ReduceMinKeep(2)
	table := up.Sub(first).MulScalar(255).Div(all.Sub(first).Max(g.Scalar(1))).Round().Clip(0, 255)
	y := table.Reshape(tensor.Batch, channels*bins).BatchGather(bin)
	several := counts.Greater(g.Scalar(0)).Sum(2).Greater(g.Scalar(1)).Reshape(tensor.Batch, 1, 1, channels)
	return formatted(ranged(graph.Select(several, y, x), ofBytes, cfg.ValueRange), cfg.DataFormat)
}

// RandAugment changes each image NumOps times in one of eleven ways that is drawn (Cubuk et al. 2020): RandomShear, RandomTranslation,
// RandomRotation, RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness, RandomPosterization, Solarization, AutoContrast and
// Equalization, with Factor for theirs, and up to 8·Factor[1] bits. All of them are computed each time.
//
// Shapes: (batch, rows, columns, 3), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type RandAugment struct {
	Name          string
	ValueRange    [2]float64  `default:"0,255"`
	NumOps        int         `zero:"2"`
	Factor        *[2]float64 `default:"0,0.5"`
	Interpolation string      `default:"bilinear"`
	DataFormat    string      `default:"channels_last"`
}

// mostOps bounds how often RandAugment changes an image, since each time is a graph of its own.
const mostOps = 16

func (l *RandAugment) layers() []Layer {
	cfg := config.Resolve(*l)
	f, r, format := *cfg.Factor, cfg.ValueRange, cfg.DataFormat
	return []Layer{
		&RandomShear{XFactor: f, YFactor: f, Interpolation: cfg.Interpolation, DataFormat: format},
		&RandomTranslation{HeightFactor: f, WidthFactor: f, Interpolation: cfg.Interpolation, DataFormat: format},
		&RandomRotation{Factor: f, Interpolation: cfg.Interpolation, DataFormat: format},
		&RandomBrightness{Factor: f, ValueRange: r},
		&RandomColorDegeneration{Factor: f, ValueRange: r, DataFormat: format},
		&RandomContrast{Factor: f, ValueRange: r, DataFormat: format},
		&RandomSharpness{Factor: f, ValueRange: r, DataFormat: format},
		&RandomPosterization{Factor: [2]int{1, max(1, int(8*f[1]))}, ValueRange: r},
		&Solarization{AdditionFactor: f, ThresholdFactor: f, ValueRange: r},
		&AutoContrast{ValueRange: r, DataFormat: format},
		&Equalization{ValueRange: r, DataFormat: format},
	}
}

// Build checks the number of changes, the factor and the channels.
func (l *RandAugment) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange, 3); err != nil {
		return err
	}
	if cfg.NumOps < 1 || cfg.NumOps > mostOps {
		return b.Errorf("NumOps is %d, it must be from 1 to %d", cfg.NumOps, mostOps)
	}
	if err := within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor}); err != nil {
		return err
	}
	return buildAll(b, in, l.layers())
}

// Call emits the layer's nodes.
func (l *RandAugment) Call(c *Context, in []*graph.Node) *graph.Node {
	x := in[0]
	if !c.Training() {
		return x
	}
	layers := l.layers()
	for range config.Resolve(*l).NumOps {
		which, y := drawn(c, 0, float64(len(layers)), 1, 1, 1).Floor(), x
		for i, one := range layers {
			y = graph.Select(which.Equal(c.Graph().Scalar(float64(i))), one.Call(c, []*graph.Node{x}), y)
		}
		x = y
	}
	return x
}

// RandomElasticTransform distorts images as if they were on rubber (Simard et al. 2003), with a probability that is drawn for each
// between Factor[0] and Factor[1]: each pixel is moved by random numbers that its neighbours nearly share. How far goes with a number that is
// drawn between Scale[0] and Scale[1]. The result is clipped to ValueRange; FillMode and Interpolation are as of RandomTranslation.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type RandomElasticTransform struct {
	Name          string
	Factor        *[2]float64 `default:"0,1"`
	Scale         *[2]float64 `default:"0,1"`
	Interpolation string      `default:"bilinear"`
	FillMode      string      `default:"reflect"`
	FillValue     float64
	ValueRange    [2]float64 `default:"0,255"`
	DataFormat    string     `default:"channels_last"`
}

// Build checks the factor and the scale.
func (l *RandomElasticTransform) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, cfg.FillMode, cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor, "Scale": *cfg.Scale})
}

// Call emits the layer's nodes.
func (l *RandomElasticTransform) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{cfg.FillMode, cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	distorted, scale := happens(c, *cfg.Factor), drawn(c, cfg.Scale[0], cfg.Scale[1], 1, 1)
	first := firstSpatial(s.format)
	noise := c.Graph().Scalar(0).BroadcastTo(tensor.Shape{tensor.Batch, in[0].Shape()[first], in[0].Shape()[first+1]})
	y := s.elastic(in[0], scale, noise.RandomNormal(), noise.RandomNormal())
	return graph.Select(distorted, y, in[0]).Clip(cfg.ValueRange[0], cfg.ValueRange[1])
}

// elastic reads images at places that are moved by blurred noise, (batch, rows, columns), the further the greater scale is, (batch, 1, 1).
func (s sampling) elastic(images, scale, right, down *graph.Node) *graph.Node {
	first := firstSpatial(s.format)
	height, width := images.Shape()[first], images.Shape()[first+1]
	sigma := scale.MulScalar(0.05 * float64(min(height, width))).AddScalar(1e-6)
	reach, most := sigma.MulScalar(3).Floor(), int(0.15*float64(min(height, width)))+1
	vertical, horizontal := bell(sigma, reach, most, height), bell(sigma, reach, most, width)
	far := sigma.Mul(scale).MulScalar(0.1 * float64(max(height, width)))
	moved := func(noise *graph.Node) *graph.Node { return along(along(noise, 1, vertical), 2, horizontal).Mul(far) }
	g := images.Graph()
	return s.read(images, moved(down).Add(places(g, height).Reshape(height, 1)), moved(right).Add(places(g, width)))
}

// ContrastLimitedAdaptiveHistogramEqualization makes all values about equally frequent in each of TileGridSize parts of an image, in training
// and elsewhere (Zuiderveld 1994): what Equalization does, with tables that change smoothly from part to part. A value counts in its part at most ClipLimit
// times as often as all on average, if that is positive, so that noise isn't made to stand out.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type ContrastLimitedAdaptiveHistogramEqualization struct {
	Name         string
	ValueRange   [2]float64 `default:"0,255"`
	ClipLimit    *float64   `default:"4"`
	TileGridSize [2]int     `default:"8"` // rows and columns of parts
	DataFormat   string     `default:"channels_last"`
}

// Build checks the range and the parts.
func (l *ContrastLimitedAdaptiveHistogramEqualization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, "constant", nearest, cfg.DataFormat); err != nil {
		return err
	}
	if err := checkColors(b, in, cfg.DataFormat, cfg.ValueRange); err != nil {
		return err
	}
	first := firstSpatial(cfg.DataFormat)
	if in[0][first] == 0 || in[0][first+1] == 0 {
		return b.Errorf("the images have no pixels")
	}
	const tables = 1 << 24 / 256 // whose entries float32 tells apart
	channels := max(in[0][channelAxis(cfg.DataFormat)], 1)
	if g := cfg.TileGridSize; g[0] < 1 || g[1] < 1 || g[0] > tables/channels/g[1] {
		return b.Errorf("TileGridSize is %v, it must be positive, and at most %d parts for images of %d channels", g, tables/channels, channels)
	}
	return nil
}

// Call emits the layer's nodes.
func (l *ContrastLimitedAdaptiveHistogramEqualization) Call(c *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x, ok := imageOf(in[0], 2, cfg.DataFormat)
	if !ok {
		return x
	}
	const values = 256
	g, parts, channels := c.Graph(), cfg.TileGridSize, x.Shape()[3]
	size := [2]int{x.Shape()[1], x.Shape()[2]}
	var part, whole [2]int // of rows and columns; the whole is mirrored beyond the image
	for i := range size {
		part[i] = (size[i] + parts[i] - 1) / parts[i]
		whole[i] = part[i] * parts[i]
	}
	x = ranged(x, cfg.ValueRange, ofBytes)
	beyond := x
	if whole != size {
		zero, one := g.Scalar(0).BroadcastTo(tensor.Shape{tensor.Batch, 1}), g.Scalar(1)
		beyond = sampling{"reflect", nearest, 0, channelsLast}.sample(x, [2]*graph.Node{one, one}, [2]*graph.Node{zero, zero}, whole)
	}

	// each has a number for each pixel of an axis, tables where the table of each pixel and channel begins.
	each := func(axis, n int, of func(pixel int) float32) *graph.Node {
		list := make([]float32, n)
		for i := range list {
			list[i] = of(i)
		}
		return g.Const(list, [][]int{{n, 1, 1}, {n, 1}}[axis]...)
	}
	tables := func(size [2]int, of func(axis, pixel int) int) *graph.Node {
		down := each(0, size[0], func(pixel int) float32 { return float32(of(0, pixel) * parts[1] * channels * values) })
		across := each(1, size[1], func(pixel int) float32 { return float32(of(1, pixel) * channels * values) })
		return down.Add(across).Add(places(g, channels).MulScalar(values))
	}
	level := func(x *graph.Node) *graph.Node { return x.Clip(0, values-1).Floor() }
	at := level(beyond).Add(tables(whole, func(axis, pixel int) int { return pixel / part[axis] }))
	all, pixels := parts[0]*parts[1]*channels, float64(part[0]*part[1])
	counts := g.Scalar(1).BroadcastTo(at.Shape()).BatchScatterAdd(at, all*values).Reshape(tensor.Batch, all, values)
	if *cfg.ClipLimit > 0 {
		few := counts.Min(g.Scalar(*cfg.ClipLimit * pixels / values))
		counts = few.Add(counts.Sub(few).SumKeep(2).MulScalar(1.0 / values))
	}
	up := cumulated(counts)
	least := up.ReduceMinKeep(2)
	rest := least.Neg().AddScalar(pixels)
	table := up.Sub(least).MulScalar(255).Div(graph.Select(rest.Equal(g.Scalar(0)), g.Scalar(1), rest)).Clip(0, 255)
	table = table.Reshape(tensor.Batch, all*values)

	// A pixel is between the middles of four parts.
	between := func(axis, pixel int) (low int, weight float32) {
		place := float64(2*pixel-part[axis]) / float64(2*part[axis])
		low = int(math.Floor(place))
		return low, float32(place - float64(low))
	}
	weights := func(axis int) *graph.Node {
		return each(axis, size[axis], func(pixel int) float32 {
			_, weight := between(axis, pixel)
			return weight
		})
	}
	value := level(x)
	read := func(below, behind int) *graph.Node {
		return table.BatchGather(value.Add(tables(size, func(axis, pixel int) int {
			low, _ := between(axis, pixel)
			return min(max(low+[2]int{below, behind}[axis], 0), parts[axis]-1)
		})))
	}
	mixed := func(a, b, weight *graph.Node) *graph.Node {
		return a.Mul(g.Scalar(1).Sub(weight)).Add(b.Mul(weight))
	}
	across := weights(1)
	y := mixed(mixed(read(0, 0), read(0, 1), across), mixed(read(1, 0), read(1, 1), across), weights(0))
	return formatted(ranged(y, ofBytes, cfg.ValueRange), cfg.DataFormat)
}

// cumulated adds up the last of three axes: what is at each place and before it, by adding what is one place before, then two, four, ….
func cumulated(x *graph.Node) *graph.Node {
	if !x.Valid() {
		return x
	}
	for n, all := 1, x.Shape()[2]; n < all; n *= 2 {
		x = x.Add(x.SliceAxis(2, 0, all-n).Pad([]int{0, 0, n}, []int{0, 0, 0}))
	}
	return x
}
