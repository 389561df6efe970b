package layer

// This file has the layers that move, repeat, cut and pad.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Permute", func() Layer { return &Permute{} })
	Register("RepeatVector", func() Layer { return &RepeatVector{} })
	Register("ZeroPadding1D", func() Layer { return &ZeroPadding1D{} })
	Register("ZeroPadding2D", func() Layer { return &ZeroPadding2D{} })
	Register("ZeroPadding3D", func() Layer { return &ZeroPadding3D{} })
	Register("Cropping1D", func() Layer { return &Cropping1D{} })
	Register("Cropping2D", func() Layer { return &Cropping2D{} })
	Register("Cropping3D", func() Layer { return &Cropping3D{} })
	Register("UpSampling1D", func() Layer { return &UpSampling1D{} })
	Register("UpSampling2D", func() Layer { return &UpSampling2D{} })
	Register("UpSampling3D", func() Layer { return &UpSampling3D{} })
}

// Keras's values of a field DataFormat, which says where the channels of images are.
const (
	channelsLast  = "channels_last"
	channelsFirst = "channels_first"
)

// firstSpatial returns the axis of the first spatial dimension.
func firstSpatial(format string) int {
	if format == channelsFirst {
		return 2
	}
	return 1
}

// spatial returns an error unless there is one input of so many spatial dimensions, with a
// batch and channels, in a format that is known.
func spatial(b *Builder, in []tensor.Shape, dims int, format string) error {
	if err := one(b, in); err != nil {
		return err
	}
	if format != "" && format != channelsLast && format != channelsFirst {
		return b.Errorf("DataFormat is %q, it must be %q or %q", format, channelsLast, channelsFirst)
	}
	if len(in[0]) != dims+2 {
		return b.Errorf("the input needs %d dimensions: the batch, %d in space and the channels", dims+2, dims)
	}
	return nil
}

// Permute puts the axes of a sample in another order: axis i of the result is axis Dims[i-1]
// of the input, and 0 is the batch.
//
// Shapes: (batch, d1, d2, …) → (batch, d of Dims[0], d of Dims[1], …)
type Permute struct {
	Name string
	Dims []int // the numbers from 1 on, in any order
}

// Build checks that Dims is a permutation of the axes.
func (l *Permute) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	sorted := slices.Sorted(slices.Values(l.Dims))
	for i := range max(len(sorted), len(in[0])-1) {
		if len(sorted) != len(in[0])-1 || sorted[i] != i+1 {
			return b.Errorf("Dims is %v, it must name each of the axes 1 to %d once", l.Dims, len(in[0])-1)
		}
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Permute) Call(_ *Context, in []*graph.Node) *graph.Node {
	return in[0].Transpose(append([]int{0}, l.Dims...)...)
}

// RepeatVector repeats a vector N times.
//
// Shapes: (batch, features) → (batch, N, features)
type RepeatVector struct {
	Name string
	N    int
}

// Build checks N.
func (l *RepeatVector) Build(b *Builder, in []tensor.Shape) error {
	if err := one(b, in); err != nil {
		return err
	}
	switch {
	case l.N < 1:
		return b.Errorf("N is %d, it must be positive", l.N)
	case len(in[0]) != 2:
		return b.Errorf("the input needs 2 dimensions: the batch and the features")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *RepeatVector) Call(_ *Context, in []*graph.Node) *graph.Node {
	features := in[0].Shape()[1]
	return in[0].Reshape(tensor.Batch, 1, features).BroadcastTo(tensor.Shape{tensor.Batch, l.N, features})
}

// ZeroPadding1D puts zeros before and after the steps.
//
// Shapes: (batch, steps, features) → (batch, padded steps, features), or, channels first,
// (batch, features, steps) → (batch, features, padded steps)
type ZeroPadding1D struct {
	Name       string
	Padding    *[2]int `default:"1"` // before and after
	DataFormat string  `default:"channels_last"`
}

// Build checks the padding.
func (l *ZeroPadding1D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkSides(b, in, "Padding", 1, [][2]int{*cfg.Padding}, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *ZeroPadding1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	return pad(in[0], [][2]int{*cfg.Padding}, cfg.DataFormat)
}

// ZeroPadding2D puts zeros around images.
//
// Shapes: (batch, rows, columns, channels) → (batch, padded rows, padded columns, channels),
// or with the channels before the rows.
type ZeroPadding2D struct {
	Name       string
	Padding    [][2]int `default:"1,1"` // above and below, left and right
	DataFormat string   `default:"channels_last"`
}

// Build checks the padding.
func (l *ZeroPadding2D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkSides(b, in, "Padding", 2, cfg.Padding, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *ZeroPadding2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	return pad(in[0], cfg.Padding, cfg.DataFormat)
}

// ZeroPadding3D puts zeros around volumes.
//
// Shapes: (batch, d1, d2, d3, channels) → (batch, padded d1, padded d2, padded d3, channels),
// or with the channels before d1.
type ZeroPadding3D struct {
	Name       string
	Padding    [][2]int `default:"1,1,1"` // before and after, of each dimension
	DataFormat string   `default:"channels_last"`
}

// Build checks the padding.
func (l *ZeroPadding3D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkSides(b, in, "Padding", 3, cfg.Padding, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *ZeroPadding3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	return pad(in[0], cfg.Padding, cfg.DataFormat)
}

// checkSides returns an error unless there are two sizes that aren't negative for each spatial
// dimension of the input.
func checkSides(b *Builder, in []tensor.Shape, what string, dims int, sides [][2]int, format string) error {
	if err := spatial(b, in, dims, format); err != nil {
		return err
	}
	if len(sides) != dims {
		return b.Errorf("%s is %v, it must have two numbers for each of the %d dimensions in space", what, sides, dims)
	}
	for _, s := range sides {
		if s[0] < 0 || s[1] < 0 {
			return b.Errorf("%s is %v, no number of it may be negative", what, sides)
		}
	}
	return nil
}

func pad(x *graph.Node, sides [][2]int, format string) *graph.Node {
	before, after := make([]int, x.Rank()), make([]int, x.Rank())
	for i, s := range sides {
		before[firstSpatial(format)+i], after[firstSpatial(format)+i] = s[0], s[1]
	}
	return x.Pad(before, after)
}

// Cropping1D cuts steps off.
//
// Shapes: (batch, steps, features) → (batch, steps that are left, features)
type Cropping1D struct {
	Name     string
	Cropping *[2]int `default:"1"` // from the begin and from the end
}

// Build checks that something is left.
func (l *Cropping1D) Build(b *Builder, in []tensor.Shape) error {
	return checkCropping(b, in, [][2]int{*config.Resolve(*l).Cropping}, 1, "")
}

// Call emits the layer's nodes.
func (l *Cropping1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return crop(in[0], [][2]int{*config.Resolve(*l).Cropping}, channelsLast)
}

// Cropping2D cuts the edges of images off.
//
// Shapes: (batch, rows, columns, channels) → (batch, rows and columns that are left,
// channels), or with the channels before the rows.
type Cropping2D struct {
	Name       string
	Cropping   [][2]int `default:"0,0"` // above and below, left and right
	DataFormat string   `default:"channels_last"`
}

// Build checks that something is left.
func (l *Cropping2D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkCropping(b, in, cfg.Cropping, 2, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *Cropping2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	return crop(in[0], cfg.Cropping, cfg.DataFormat)
}

// Cropping3D cuts the edges of volumes off.
//
// Shapes: (batch, d1, d2, d3, channels) → (batch, what is left of d1, d2 and d3, channels), or
// with the channels before d1.
type Cropping3D struct {
	Name       string
	Cropping   [][2]int `default:"1,1,1"` // from both ends of each dimension
	DataFormat string   `default:"channels_last"`
}

// Build checks that something is left.
func (l *Cropping3D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkCropping(b, in, cfg.Cropping, 3, cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *Cropping3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	return crop(in[0], cfg.Cropping, cfg.DataFormat)
}

func checkCropping(b *Builder, in []tensor.Shape, sides [][2]int, dims int, format string) error {
	if err := checkSides(b, in, "Cropping", dims, sides, format); err != nil {
		return err
	}
	for i, s := range sides {
		if size := in[0][firstSpatial(format)+i]; s[0] >= size || s[1] >= size-s[0] {
			return b.Errorf("Cropping %v leaves nothing of a size of %d: the two numbers must sum to less", sides, size)
		}
	}
	return nil
}

func crop(x *graph.Node, sides [][2]int, format string) *graph.Node {
	for i, s := range sides {
		at := firstSpatial(format) + i
		if s != [2]int{} {
			x = x.SliceAxis(at, s[0], x.Shape()[at]-s[1])
		}
	}
	return x
}

// UpSampling1D repeats each step Size times.
//
// Shapes: (batch, steps, features) → (batch, Size·steps, features)
type UpSampling1D struct {
	Name string
	Size int `zero:"2"`
}

// Build checks the size.
func (l *UpSampling1D) Build(b *Builder, in []tensor.Shape) error {
	return checkSize(b, in, []int{config.Resolve(*l).Size}, "")
}

// Call emits the layer's nodes.
func (l *UpSampling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return repeat(in[0], 1, config.Resolve(*l).Size)
}

// UpSampling2D makes images larger by whole factors. What stands between the pixels is found
// by Interpolation: "nearest" repeats them; "bilinear", "bicubic", "lanczos3" and "lanczos5"
// weigh those that are near.
//
// Shapes: (batch, rows, columns, channels) → (batch, Size[0]·rows, Size[1]·columns,
// channels), or with the channels before the rows.
type UpSampling2D struct {
	Name          string
	Size          [2]int `default:"2"` // of rows and columns
	DataFormat    string `default:"channels_last"`
	Interpolation string `default:"nearest"`
}

// Build checks the size and the interpolation.
func (l *UpSampling2D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := interpolates(b, cfg.Interpolation); err != nil {
		return err
	}
	return checkSize(b, in, cfg.Size[:], cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *UpSampling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	y := in[0]
	for i, size := range cfg.Size {
		axis := firstSpatial(cfg.DataFormat) + i
		if cfg.Interpolation == nearest {
			y = repeat(y, axis, size)
		} else {
			y = interpolate(y, axis, size*y.Shape()[axis], cfg.Interpolation, false)
		}
	}
	return y
}

// UpSampling3D repeats the rows, columns and layers of volumes.
//
// Shapes: (batch, d1, d2, d3, channels) → (batch, Size[0]·d1, Size[1]·d2, Size[2]·d3,
// channels), or with the channels before d1.
type UpSampling3D struct {
	Name       string
	Size       [3]int `default:"2"`
	DataFormat string `default:"channels_last"`
}

// Build checks the size.
func (l *UpSampling3D) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	return checkSize(b, in, cfg.Size[:], cfg.DataFormat)
}

// Call emits the layer's nodes.
func (l *UpSampling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	y := in[0]
	for i, size := range cfg.Size {
		y = repeat(y, firstSpatial(cfg.DataFormat)+i, size)
	}
	return y
}

func checkSize(b *Builder, in []tensor.Shape, size []int, format string) error {
	for _, n := range size {
		if n < 1 {
			return b.Errorf("Size is %v, it must be positive", size)
		}
	}
	return spatial(b, in, len(size), format)
}

// repeat repeats each element n times along an axis.
func repeat(x *graph.Node, axis, n int) *graph.Node {
	if n == 1 || !x.Valid() {
		return x
	}
	shape := x.Shape()
	// Axes are joined, for a node may not have more than six.
	apart := tensor.Shape{tensor.Batch, shape[1 : axis+1].Numel(), 1, shape[axis+1:].Numel()}
	spread := apart.Clone()
	spread[2] = n
	out := shape.Clone()
	out[axis] *= n
	return x.Reshape(apart...).BroadcastTo(spread).Reshape(out...)
}
