package layer

// This file has the layers that change images at random in training, each image by itself, and elsewhere return them.
// What is drawn depends on the seed, the step and the place of the image in its batch.

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("RandomFlip", func() Layer { return &RandomFlip{} })
	Register("RandomTranslation", func() Layer { return &RandomTranslation{} })
	Register("RandomZoom", func() Layer { return &RandomZoom{} })
	Register("RandomRotation", func() Layer { return &RandomRotation{} })
	Register("RandomShear", func() Layer { return &RandomShear{} })
	Register("RandomPerspective", func() Layer { return &RandomPerspective{} })
	Register("RandomCrop", func() Layer { return &RandomCrop{} })
	Register("RandomBrightness", func() Layer { return &RandomBrightness{} })
	Register("RandomContrast", func() Layer { return &RandomContrast{} })
	Register("RandomErasing", func() Layer { return &RandomErasing{} })
}

// drawn returns numbers in [low, high) of the shape, one for each sample.
func drawn(c *Context, low, high float64, shape ...int) *graph.Node {
	u := c.Graph().Scalar(0).BroadcastTo(append(tensor.Shape{tensor.Batch}, shape...)).RandomUniform()
	return u.MulScalar(high - low).AddScalar(low)
}

// RandomFlip turns images around, each with a probability of one half. Mode is "horizontal", "vertical" or
// "horizontal_and_vertical", which turns an image around both ways or not at all.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomFlip struct {
	Name       string
	Mode       string `default:"horizontal_and_vertical"`
	DataFormat string `default:"channels_last"`
}

// Build checks the mode.
func (l *RandomFlip) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if modes := []string{"horizontal", "vertical", "horizontal_and_vertical"}; !slices.Contains(modes, cfg.Mode) {
		return b.Errorf("Mode is %q, it must be one of %q", cfg.Mode, modes)
	}
	return spatial(b, in, 2, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *RandomFlip) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	first := firstSpatial(cfg.DataFormat)
	axes := map[string][]int{"vertical": {first}, "horizontal": {first + 1}, "horizontal_and_vertical": {first, first + 1}}[cfg.Mode]
	flips := drawn(c, 0, 1, 1, 1, 1).LessEqual(c.Graph().Scalar(0.5))
	return graph.Select(flips, in[0].Reverse(axes...), in[0])
}

// RandomTranslation shifts images. What comes in is, by FillMode, their mirror image ("reflect"), their other side
// ("wrap"), their edge ("nearest") or FillValue ("constant"). Interpolation is "bilinear" or "nearest".
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomTranslation struct {
	Name          string
	HeightFactor  [2]float64 // the least and the greatest shift, as part of the height, within [-1, 1]: -0.1 and 0.1 for one
	WidthFactor   [2]float64 // as part of the width
	FillMode      string     `default:"reflect"`
	Interpolation string     `default:"bilinear"`
	FillValue     float64
	DataFormat    string `default:"channels_last"`
}

// Build checks the factors.
func (l *RandomTranslation) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkSampling(b, in, cfg.FillMode, cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"HeightFactor": l.HeightFactor, "WidthFactor": l.WidthFactor})
}

// Call emits the layer's nodes.
func (l *RandomTranslation) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{cfg.FillMode, cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	one := c.Graph().Scalar(1)
	first := firstSpatial(cfg.DataFormat)
	height, width := in[0].Shape()[first], in[0].Shape()[first+1]
	down := drawn(c, l.HeightFactor[0], l.HeightFactor[1], 1).MulScalar(float64(height))
	right := drawn(c, l.WidthFactor[0], l.WidthFactor[1], 1).MulScalar(float64(width))
	return s.sample(in[0], [2]*graph.Node{one, one}, [2]*graph.Node{down.Neg(), right.Neg()}, [2]int{height, width})
}

// RandomZoom makes what images show smaller or larger, by a factor of the rows and one of the columns. A factor of
// 0.2 takes a fifth more of the image, one of -0.2 a fifth less. FillMode and Interpolation are as of
// RandomTranslation.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomZoom struct {
	Name          string
	HeightFactor  [2]float64  // the least and the greatest, within (-1, 1]: -0.2 and 0.2 for one
	WidthFactor   *[2]float64 // nil: that of the height, which then keeps the ratio
	FillMode      string      `default:"reflect"`
	Interpolation string      `default:"bilinear"`
	FillValue     float64
	DataFormat    string `default:"channels_last"`
}

// Build checks the factors.
func (l *RandomZoom) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkSampling(b, in, cfg.FillMode, cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	factors := map[string][2]float64{"HeightFactor": l.HeightFactor}
	if l.WidthFactor != nil {
		factors["WidthFactor"] = *l.WidthFactor
	}
	if err := within(b, -1, 1, factors); err != nil {
		return err
	}
	for name, f := range factors {
		if f[0] == -1 {
			return b.Errorf("%s is %v, it must be greater than -1, which takes nothing of the image", name, f)
		}
	}
	return nil
}

// Call emits the layer's nodes.
func (l *RandomZoom) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{cfg.FillMode, cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	zooms := [2]*graph.Node{drawn(c, 1+l.HeightFactor[0], 1+l.HeightFactor[1], 1)}
	zooms[1] = zooms[0]
	if l.WidthFactor != nil {
		zooms[1] = drawn(c, 1+l.WidthFactor[0], 1+l.WidthFactor[1], 1)
	}
	return s.zoom(in[0], zooms)
}

// zoom takes as many times the rows and the columns of images.
func (s sampling) zoom(x *graph.Node, zooms [2]*graph.Node) *graph.Node {
	first := firstSpatial(s.format)
	size := [2]int{x.Shape()[first], x.Shape()[first+1]}
	var offsets [2]*graph.Node // the middle stays
	for i, z := range zooms {
		offsets[i] = z.Neg().AddScalar(1).MulScalar(float64(size[i]-1) / 2)
	}
	return s.sample(x, zooms, offsets, size)
}

// RandomRotation rotates images about their centre, by a random angle between Factor[0] and Factor[1] turns; a positive one is
// counterclockwise.
// FillMode and Interpolation are as of RandomTranslation.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type RandomRotation struct {
	Name          string
	Factor        [2]float64 // the least and the greatest part of a turn, within [-1, 1]: -0.1 and 0.1 for one
	FillMode      string     `default:"reflect"`
	Interpolation string     `default:"bilinear"`
	FillValue     float64
	DataFormat    string `default:"channels_last"`
}

// Build checks the factor.
func (l *RandomRotation) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, cfg.FillMode, cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomRotation) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{cfg.FillMode, cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	angle := drawn(c, l.Factor[0], l.Factor[1], 1, 1).MulScalar(2 * math.Pi)
	cos, sin := angle.Cos(), angle.Sin()
	first := firstSpatial(s.format)
	x, y := float64(in[0].Shape()[first+1]-1)/2, float64(in[0].Shape()[first]-1)/2 // the middle, which stays
	stay := func(at float64, row [2]*graph.Node) [3]*graph.Node {
		offset := c.Graph().Scalar(at).Sub(row[0].MulScalar(x)).Sub(row[1].MulScalar(y))
		return [3]*graph.Node{row[0], row[1], offset}
	}
	return s.affine(in[0], stay(x, [2]*graph.Node{cos, sin.Neg()}), stay(y, [2]*graph.Node{sin, cos}))
}

// RandomShear shifts the rows of images the further right the lower they are, and the columns the further down the further
// right: by random factors between XFactor[0] and XFactor[1], and YFactor[0] and YFactor[1], for half of the images the other way. FillMode and
// Interpolation are as of RandomTranslation.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type RandomShear struct {
	Name          string
	XFactor       [2]float64 // the least and the greatest, within [-1, 1], in columns for each row: -0.1 and 0.1 for one
	YFactor       [2]float64 // in rows for each column
	Interpolation string     `default:"bilinear"`
	FillMode      string     `default:"reflect"`
	FillValue     float64
	DataFormat    string `default:"channels_last"`
}

// Build checks the factors.
func (l *RandomShear) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, cfg.FillMode, cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"XFactor": l.XFactor, "YFactor": l.YFactor})
}

// Call emits the layer's nodes.
func (l *RandomShear) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{cfg.FillMode, cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	way := drawn(c, 0, 1, 1, 1).Greater(c.Graph().Scalar(0.5)).MulScalar(-2).AddScalar(1)
	return s.shear(in[0], drawn(c, l.XFactor[0], l.XFactor[1], 1, 1).Mul(way), drawn(c, l.YFactor[0], l.YFactor[1], 1, 1).Mul(way))
}

// shear reads images at columns that go on by x with each row and at rows that go on by y with each column, (batch, 1, 1).
func (s sampling) shear(images, x, y *graph.Node) *graph.Node {
	one, zero := x.Graph().Scalar(1), x.Graph().Scalar(0)
	return s.affine(images, [3]*graph.Node{one, x, zero}, [3]*graph.Node{y, one, zero})
}

// RandomPerspective shows images as from aside: its corners but the first are moved, each along the sides that meet there by a
// part of their lengths that is drawn, up to half of Scale either way. That is done with a probability that is drawn between
// Factor's. What comes in is FillValue. Interpolation is as of RandomTranslation.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same. An image has at most 2²⁴ pixels.
type RandomPerspective struct {
	Name          string
	Factor        *[2]float64 `default:"0,1"`
	Scale         *float64    `default:"1"`
	Interpolation string      `default:"bilinear"`
	FillValue     float64
	DataFormat    string `default:"channels_last"`
}

// Build checks the factor and the scale.
func (l *RandomPerspective) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := checkReading(b, in, "constant", cfg.Interpolation, cfg.DataFormat); err != nil {
		return err
	}
	if !(*cfg.Scale >= 0 && *cfg.Scale <= 1) {
		return b.Errorf("Scale is %v, it must be within [0, 1]", *cfg.Scale)
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor})
}

// Call emits the layer's nodes.
func (l *RandomPerspective) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	s := sampling{"constant", cfg.Interpolation, cfg.FillValue, cfg.DataFormat}
	half := float64(*cfg.Scale / 2)
	var corners [4]*graph.Node
	for i := range corners {
		corners[i] = drawn(c, 1-half, 1+half, 1, 1)
	}
	y := s.perspective(in[0], corners)
	return graph.Select(happens(c, *cfg.Factor), y, in[0])
}

// perspective moves corners of images, that at the top right to corners[0] of the width, that at the bottom left to corners[1] of the
// height, and the last to corners[2] of the width and corners[3] of the height, (batch, 1, 1). In parts of the width and of the height
// the pixel at (x, y) is read at (a·x, b·y) / (g·x + h·y + 1), which brings each corner back to its place.
func (s sampling) perspective(images *graph.Node, corners [4]*graph.Node) *graph.Node {
	first := firstSpatial(s.format)
	height, width := images.Shape()[first], images.Shape()[first+1]
	one := images.Graph().Scalar(1)
	right, down, x1, y1 := corners[0], corners[1], corners[2], corners[3]
	g, h := y1.Div(down).Sub(one).Div(x1), x1.Div(right).Sub(one).Div(y1)
	a, b := g.Add(one.Div(right)), h.Add(one.Div(down))
	x, y := places(images.Graph(), width), places(images.Graph(), height).Reshape(height, 1)
	scale := x.Mul(g.MulScalar(1 / float64(max(width-1, 1)))).Add(y.Mul(h.MulScalar(1 / float64(max(height-1, 1))))).Add(one)
	scale = graph.Select(scale.Equal(images.Graph().Scalar(0)), images.Graph().Scalar(1e-30), scale) // what is infinitely far is outside
	return s.read(images, y.Mul(b).Div(scale), x.Mul(a).Div(scale))
}

// RandomCrop cuts Height × Width pixels out of each image in training, at a random place. In inference, and where images are too
// small, it does what CenterCrop does with images that are too small.
//
// Shapes: (batch, rows, columns, channels) → (batch, Height, Width, channels), or with the channels before the rows.
type RandomCrop struct {
	Name          string
	Height, Width int
	DataFormat    string `default:"channels_last"`
}

// Build checks the size.
func (l *RandomCrop) Build(b *Builder, in []tensor.Shape) error {
	return toSize(b, in, l.Height, l.Width, config.Resolve(*l).DataFormat)
}

// Call emits the layer's nodes.
func (l *RandomCrop) Call(c *Context, in []*graph.Node) *graph.Node {
	format := config.Resolve(*l).DataFormat
	x := in[0]
	first := firstSpatial(format)
	rows, columns := x.Shape()[first]-l.Height, x.Shape()[first+1]-l.Width
	if !c.Training() || rows < 0 || columns < 0 {
		return resize(cropToRatio(x, l.Height, l.Width, format), l.Height, l.Width, "bilinear", false, format)
	}
	one := c.Graph().Scalar(1)
	s := sampling{"nearest", nearest, 0, format}
	return s.sample(x, [2]*graph.Node{one, one}, [2]*graph.Node{
		drawn(c, 0, float64(rows+1), 1).Floor(), drawn(c, 0, float64(columns+1), 1).Floor(),
	}, [2]int{l.Height, l.Width})
}

// A sampling says how images are read between their pixels and beyond their edges.
type sampling struct {
	mode, interpolation string
	fill                float64
	format              string
}

var fillModes = []string{"constant", "nearest", "reflect", "wrap"}

func checkSampling(b *Builder, in []tensor.Shape, mode, interpolation, format string) error {
	if !slices.Contains(fillModes, mode) {
		return b.Errorf("FillMode is %q, it must be one of %q", mode, fillModes)
	}
	if interpolation != nearest && interpolation != "bilinear" {
		return b.Errorf("Interpolation is %q, it must be \"bilinear\" or %q", interpolation, nearest)
	}
	return spatial(b, in, 2, format)
}

// checkReading is checkSampling of what names pixels by numbers in float32.
func checkReading(b *Builder, in []tensor.Shape, mode, interpolation, format string) error {
	if err := checkSampling(b, in, mode, interpolation, format); err != nil {
		return err
	}
	first := firstSpatial(format)
	if height, width := in[0][first], in[0][first+1]; width > 0 && height > 1<<24/width {
		return b.Errorf("images of %d × %d have more than %d pixels: resize them before", height, width, 1<<24)
	}
	return nil
}

// within returns an error unless factors rise and are within [low, high].
func within(b *Builder, low, high float64, factors map[string][2]float64) error {
	for _, name := range []string{"Factor", "Scale", "Sigma", "HeightFactor", "WidthFactor", "XFactor", "YFactor", "AdditionFactor", "ThresholdFactor"} {
		if f, ok := factors[name]; ok && !(low <= f[0] && f[0] <= f[1] && f[1] <= high) {
			return b.Errorf("%s is %v, it must be the least and the greatest, within [%v, %v]", name, f, low, high)
		}
	}
	return nil
}

// sample reads each image, whose rows and columns come first and second, at step·place + offset, for each place of
// an image of a size. Both axes are products with matrices that weigh the pixels.
func (s sampling) sample(x *graph.Node, step, offset [2]*graph.Node, size [2]int) *graph.Node {
	first := firstSpatial(s.format)
	var inside [2]*graph.Node
	for i := range size {
		axis := first + i
		at := places(x.Graph(), size[i]).Mul(step[i]).Add(offset[i]) // (batch, size)
		m := s.matrix(at, x.Shape()[axis])
		inside[i] = m.Sum(2)
		x = along(x, axis, m)
	}
	if s.mode != "constant" || s.fill == 0 {
		return x
	}
	rows, columns := inside[0].Reshape(tensor.Batch, size[0], 1, 1), inside[1].Reshape(tensor.Batch, 1, size[1], 1)
	if s.format == channelsFirst {
		rows, columns = inside[0].Reshape(tensor.Batch, 1, size[0], 1), inside[1].Reshape(tensor.Batch, 1, 1, size[1])
	}
	return x.Add(rows.Mul(columns).Neg().AddScalar(1).MulScalar(s.fill))
}

// places returns 0, 1, …, n-1.
func places(g *graph.Graph, n int) *graph.Node {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(i)
	}
	return g.Const(list, n)
}

// A neighbour is a pixel of an axis, a whole number, and what it weighs for the place that is read; nil is 1.
type neighbour struct{ pixel, weight *graph.Node }

// neighbours returns the pixels of an axis that places between them are read from.
func (s sampling) neighbours(at *graph.Node) []neighbour {
	if s.interpolation == nearest {
		// Halves are rounded away from 0, as in JAX.
		return []neighbour{{at.Abs().AddScalar(0.5).Floor().Mul(at.Sign()), nil}}
	}
	low := at.Floor()
	part := at.Sub(low)
	return []neighbour{{low, at.Graph().Scalar(1).Sub(part)}, {low.AddScalar(1), part}}
}

// deeper returns x with an axis of 1 behind.
func deeper(x *graph.Node) *graph.Node { return x.Reshape(append(x.Shape().Clone(), 1)...) }

// matrix returns the weights (batch, places, size) of the pixels at places between them.
func (s sampling) matrix(at *graph.Node, size int) *graph.Node {
	var m *graph.Node
	for _, n := range s.neighbours(at) {
		w := s.index(n.pixel, size).OneHot(size)
		if n.weight != nil {
			w = w.Mul(deeper(n.weight))
		}
		m = plus(m, w)
	}
	return m
}

// plus adds x to a sum, which is nil before the first term.
func plus(sum, x *graph.Node) *graph.Node {
	if sum == nil {
		return x
	}
	return sum.Add(x)
}

// affine reads images, for the pixel in column x and row y, in the column a[0]·x + a[1]·y + a[2] and in the row that b says alike,
// each (batch, 1, 1).
func (s sampling) affine(images *graph.Node, a, b [3]*graph.Node) *graph.Node {
	first := firstSpatial(s.format)
	height, width := images.Shape()[first], images.Shape()[first+1]
	x, y := places(images.Graph(), width), places(images.Graph(), height).Reshape(height, 1)
	at := func(m [3]*graph.Node) *graph.Node { return x.Mul(m[0]).Add(y.Mul(m[1])).Add(m[2]) }
	return s.read(images, at(b), at(a))
}

// read reads each image, a table of its pixels, at the places in rows and columns (batch, height, width).
func (s sampling) read(images, rows, columns *graph.Node) *graph.Node {
	if s.format == channelsFirst {
		s.format = channelsLast
		return unlast(s.read(last(images, 1), rows, columns), 1)
	}
	shape := images.Shape()
	height, width := shape[1], shape[2]
	pixels := images.Reshape(tensor.Batch, height*width, shape[3])
	var sum *graph.Node
	for _, row := range s.neighbours(rows) {
		for _, column := range s.neighbours(columns) {
			x := pixels.BatchGather(s.index(row.pixel, height).MulScalar(float64(width)).Add(s.index(column.pixel, width)))
			if s.mode == "constant" {
				there := inside(row.pixel, height).Mul(inside(column.pixel, width))
				x = graph.Select(deeper(there), x, x.Graph().Scalar(s.fill))
			}
			if row.weight != nil {
				x = x.Mul(deeper(row.weight.Mul(column.weight)))
			}
			sum = plus(sum, x)
		}
	}
	return sum
}

// inside says which pixels an axis of a size has.
func inside(pixel *graph.Node, size int) *graph.Node {
	g := pixel.Graph()
	return g.Scalar(0).LessEqual(pixel).Mul(pixel.Less(g.Scalar(float64(size))))
}

// index brings indices beyond the edges back.
func (s sampling) index(i *graph.Node, size int) *graph.Node {
	n := float64(size)
	mod := func(x *graph.Node, n float64) *graph.Node { // of whole numbers, and exact
		return x.Sub(x.Div(x.Graph().Scalar(n)).Floor().MulScalar(n))
	}
	switch s.mode {
	case "nearest":
		return i.Clip(0, n-1)
	case "wrap":
		return mod(i, n)
	case "reflect": // a b c d | d c b a
		k := mod(i, 2*n)
		return k.Min(k.Neg().AddScalar(2*n - 1))
	}
	return i // one that is none has no weight
}

// along multiplies an axis of each sample by its matrix (batch, places, size).
func along(x *graph.Node, axis int, m *graph.Node) *graph.Node {
	places := m.Shape()[1]
	moved := last(x, axis) // (batch, others, size)
	shape := moved.Shape().Clone()
	size := shape[len(shape)-1]
	shape[len(shape)-1] = places
	y := moved.Reshape(tensor.Batch, shape[1:len(shape)-1].Numel(), size).BatchMatMul(m, false, true).Reshape(shape...)
	return unlast(y, axis)
}

// RandomBrightness adds a random number to all of an image, between Factor[0] and Factor[1] times the width of ValueRange. The
// result is clipped to ValueRange.
//
// Shapes: (batch, rows, columns, channels) → the same.
type RandomBrightness struct {
	Name       string
	Factor     [2]float64 // the least and the greatest, within [-1, 1]: -0.2 and 0.2 for one
	ValueRange [2]float64 `default:"0,255"`
}

// Build checks the factor.
func (l *RandomBrightness) Build(b *Builder, in []tensor.Shape) error {
	if err := spatial(b, in, 2, ""); err != nil {
		return err
	}
	return within(b, -1, 1, map[string][2]float64{"Factor": l.Factor})
}

// Call emits the layer's nodes.
func (l *RandomBrightness) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	r := config.Resolve(*l).ValueRange
	delta := drawn(c, l.Factor[0], l.Factor[1], 1, 1, 1).MulScalar(r[1] - r[0])
	return in[0].Add(delta).Clip(r[0], r[1])
}

// RandomContrast multiplies the differences between the pixels of a channel and their mean by a random factor, between
// 1 - Factor[0] and 1 + Factor[1]. The result is clipped to ValueRange.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomContrast struct {
	Name       string
	Factor     [2]float64 // how much less and how much more, within [0, 1]
	ValueRange [2]float64 `default:"0,255"`
	DataFormat string     `default:"channels_last"`
}

// Build checks the factor.
func (l *RandomContrast) Build(b *Builder, in []tensor.Shape) error {
	if err := spatial(b, in, 2, l.DataFormat); err != nil {
		return err
	}
	for _, f := range l.Factor {
		if !(f >= 0 && f <= 1) {
			return b.Errorf("Factor is %v, its numbers must be within [0, 1]", l.Factor)
		}
	}
	return nil
}

// Call emits the layer's nodes.
func (l *RandomContrast) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	return contrast(in[0], drawn(c, 1-l.Factor[0], 1+l.Factor[1], 1, 1, 1), cfg.ValueRange, cfg.DataFormat)
}

func contrast(x, factor *graph.Node, r [2]float64, format string) *graph.Node {
	first := firstSpatial(format)
	mean := x.MeanKeep(first, first+1)
	return x.Sub(mean).Mul(factor).Add(mean).Clip(r[0], r[1])
}

// RandomErasing covers a random rectangle of an image with FillValue, or with noise (Zhong et al. 2020). For each image the
// probability is drawn between Factor[0] and Factor[1]. The rectangle has between Scale[0] and Scale[1] of the image's area.
//
// Shapes: (batch, rows, columns, channels), or with the channels before the rows → the same.
type RandomErasing struct {
	Name       string
	Factor     *[2]float64 `default:"0,1"`
	Scale      [2]float64  `default:"0.02,0.33"`
	FillValue  *float64    // nil: normal noise times the greatest of ValueRange
	ValueRange [2]float64  `default:"0,255"`
	DataFormat string      `default:"channels_last"`
}

// Build checks the factor and the scale.
func (l *RandomErasing) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := spatial(b, in, 2, l.DataFormat); err != nil {
		return err
	}
	return within(b, 0, 1, map[string][2]float64{"Factor": *cfg.Factor, "Scale": cfg.Scale})
}

// Call emits the layer's nodes.
func (l *RandomErasing) Call(c *Context, in []*graph.Node) *graph.Node {
	if !c.Training() {
		return in[0]
	}
	cfg := config.Resolve(*l)
	x, g := in[0], c.Graph()
	first := firstSpatial(cfg.DataFormat)
	covered := happens(c, *cfg.Factor)
	for i := range 2 {
		n := x.Shape()[first+i]
		length := drawn(c, cfg.Scale[0], cfg.Scale[1], 1, 1, 1).Sqrt().MulScalar(float64(n))
		start := drawn(c, 0, 1, 1, 1, 1).Mul(length.Neg().AddScalar(float64(n)))
		shape := tensor.Shape{1, 1, 1}
		shape[first+i-1] = n
		at := places(g, n).Reshape(shape...)
		covered = covered.Mul(start.LessEqual(at)).Mul(at.Less(start.Add(length)))
	}
	r := cfg.ValueRange
	var fill *graph.Node
	if l.FillValue != nil {
		fill = g.Scalar(min(max(*l.FillValue, r[0]), r[1]))
	} else {
		fill = x.RandomNormal().MulScalar(r[1]).Clip(r[0], r[1])
	}
	return graph.Select(covered, fill, x)
}
