package layer

// This file has the layers that pool images.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("MaxPooling1D", func() Layer { return &MaxPooling1D{} })
	Register("MaxPooling2D", func() Layer { return &MaxPooling2D{} })
	Register("MaxPooling3D", func() Layer { return &MaxPooling3D{} })
	Register("AveragePooling1D", func() Layer { return &AveragePooling1D{} })
	Register("AveragePooling2D", func() Layer { return &AveragePooling2D{} })
	Register("AveragePooling3D", func() Layer { return &AveragePooling3D{} })
	Register("GlobalMaxPooling1D", func() Layer { return &GlobalMaxPooling1D{} })
	Register("GlobalMaxPooling2D", func() Layer { return &GlobalMaxPooling2D{} })
	Register("GlobalMaxPooling3D", func() Layer { return &GlobalMaxPooling3D{} })
	Register("GlobalAveragePooling1D", func() Layer { return &GlobalAveragePooling1D{} })
	Register("GlobalAveragePooling2D", func() Layer { return &GlobalAveragePooling2D{} })
	Register("GlobalAveragePooling3D", func() Layer { return &GlobalAveragePooling3D{} })
}

// MaxPooling1D is the greatest element at each place of a window over the steps, channel
// by channel. With Padding "same" there are ⌈steps/Strides⌉ places, and what is outside of the
// sequence doesn't count. If several elements are the greatest, the first gets the gradient.
//
// Shapes: (batch, steps, channels) → (batch, places, channels). With DataFormat
// "channels_first" the channels are the second axis.
type MaxPooling1D struct {
	Name       string
	PoolSize   int    `zero:"2"`
	Strides    int    `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *MaxPooling1D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[int](config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *MaxPooling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[int](config.Resolve(*l)).call(in[0], 1, (*graph.Node).MaxPool)
}

// MaxPooling2D is the greatest element at each place of a window over the rows and columns
// of an image, channel by channel. With Padding "same" there are ⌈size/stride⌉ places along
// each axis, and what is outside of the image doesn't count. If several elements are the
// greatest, the first gets the gradient.
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places, channels). With
// DataFormat "channels_first" the channels are the second axis.
type MaxPooling2D struct {
	Name       string
	PoolSize   [2]int `default:"2"`
	Strides    [2]int `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *MaxPooling2D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[[2]int](config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *MaxPooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[[2]int](config.Resolve(*l)).call(in[0], 2, (*graph.Node).MaxPool)
}

// MaxPooling3D is the greatest element at each place of a window over the planes, rows and
// columns of a volume, channel by channel. With Padding "same" there are ⌈size/stride⌉ places
// along each axis, and what is outside of the volume doesn't count. If several elements are
// the greatest, the first gets the gradient.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, places, places, places,
// channels). With DataFormat "channels_first" the channels are the second axis.
type MaxPooling3D struct {
	Name       string
	PoolSize   [3]int `default:"2"`
	Strides    [3]int `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *MaxPooling3D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[[3]int](config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *MaxPooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[[3]int](config.Resolve(*l)).call(in[0], 3, (*graph.Node).MaxPool)
}

// AveragePooling1D is the mean at each place of a window over the steps, channel by
// channel. With Padding "same" there are ⌈steps/Strides⌉ places, and what is outside of the
// sequence doesn't count.
//
// Shapes: (batch, steps, channels) → (batch, places, channels). With DataFormat
// "channels_first" the channels are the second axis.
type AveragePooling1D struct {
	Name       string
	PoolSize   int    `zero:"2"`
	Strides    int    `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *AveragePooling1D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[int](config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *AveragePooling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[int](config.Resolve(*l)).call(in[0], 1, (*graph.Node).AveragePool)
}

// AveragePooling2D is the mean at each place of a window over the rows and columns of an
// image, channel by channel. With Padding "same" there are ⌈size/stride⌉ places along each
// axis, and what is outside of the image doesn't count.
//
// Shapes: (batch, rows, columns, channels) → (batch, places, places, channels). With
// DataFormat "channels_first" the channels are the second axis.
type AveragePooling2D struct {
	Name       string
	PoolSize   [2]int `default:"2"`
	Strides    [2]int `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *AveragePooling2D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[[2]int](config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *AveragePooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[[2]int](config.Resolve(*l)).call(in[0], 2, (*graph.Node).AveragePool)
}

// AveragePooling3D is the mean at each place of a window over the planes, rows and columns
// of a volume, channel by channel. With Padding "same" there are ⌈size/stride⌉ places along
// each axis, and what is outside of the volume doesn't count.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, places, places, places,
// channels). With DataFormat "channels_first" the channels are the second axis.
type AveragePooling3D struct {
	Name       string
	PoolSize   [3]int `default:"2"`
	Strides    [3]int `zero:"none"`             // 0: PoolSize
	Padding    string `default:"valid"`         // "valid" or "same"
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks that the window fits.
func (l *AveragePooling3D) Build(b *Builder, in []tensor.Shape) error {
	return pooling[[3]int](config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *AveragePooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return pooling[[3]int](config.Resolve(*l)).call(in[0], 3, (*graph.Node).AveragePool)
}

// pooling is a pool of any number of spatial dimensions, with its defaults in.
type pooling[D size] struct {
	Name       string
	PoolSize   D
	Strides    D
	Padding    string
	DataFormat string
}

func (l pooling[D]) window(dims int) *window {
	w := &window{dims: dims, size: numbers(l.PoolSize), sizeField: "PoolSize", strides: numbers(l.Strides), padding: l.Padding, format: l.DataFormat}
	if l.Strides == *new(D) {
		w.strides = w.size
	}
	return w
}

func (l pooling[D]) check(b *Builder, in []tensor.Shape, dims int) error {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return err
	}
	return l.window(dims).check(b, image, "valid", "same")
}

func (l pooling[D]) call(x *graph.Node, dims int, pool func(x *graph.Node, w graph.Window) *graph.Node) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	return formatted(pool(x, l.window(dims).over(x.Shape())), l.DataFormat)
}

// GlobalMaxPooling1D is the greatest element of all steps, channel by channel. If several
// elements are the greatest, they share the gradient.
//
// Shapes: (batch, steps, channels) → (batch, channels), or with KeepDims (batch, 1,
// channels). With DataFormat "channels_first" the channels are the second axis.
type GlobalMaxPooling1D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalMaxPooling1D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *GlobalMaxPooling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).ReduceMax, (*graph.Node).ReduceMaxKeep)
}

// GlobalMaxPooling2D is the greatest element of all pixels of an image, channel by
// channel. If several elements are the greatest, they share the gradient.
//
// Shapes: (batch, rows, columns, channels) → (batch, channels), or with KeepDims (batch,
// 1, 1, channels). With DataFormat "channels_first" the channels are the second axis.
type GlobalMaxPooling2D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalMaxPooling2D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *GlobalMaxPooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).ReduceMax, (*graph.Node).ReduceMaxKeep)
}

// GlobalMaxPooling3D is the greatest element of all of a volume, channel by channel. If
// several elements are the greatest, they share the gradient.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, channels), or with KeepDims
// (batch, 1, 1, 1, channels). With DataFormat "channels_first" the channels are the second
// axis.
type GlobalMaxPooling3D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalMaxPooling3D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *GlobalMaxPooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).ReduceMax, (*graph.Node).ReduceMaxKeep)
}

// GlobalAveragePooling1D is the mean of all steps, channel by channel.
//
// Shapes: (batch, steps, channels) → (batch, channels), or with KeepDims (batch, 1,
// channels). With DataFormat "channels_first" the channels are the second axis.
type GlobalAveragePooling1D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalAveragePooling1D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *GlobalAveragePooling1D) Call(c *Context, in []*graph.Node) *graph.Node {
	if m := c.Mask(in[0]); m != nil && m.Valid() { // the mean of the steps that count
		axis, other := 1, 2
		if config.Resolve(*l).DataFormat == channelsFirst {
			axis, other = 2, 1
		}
		s := m.Shape()
		m = m.Reshape(slices.Insert(s.Clone(), other, 1)...)
		x := graph.Select(m, in[0], c.Graph().Scalar(0))
		if l.KeepDims {
			return x.SumKeep(axis).Div(m.SumKeep(axis))
		}
		return x.Sum(axis).Div(m.Sum(axis))
	}
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).Mean, (*graph.Node).MeanKeep)
}

// GlobalAveragePooling2D is the mean of all pixels of an image, channel by channel.
//
// Shapes: (batch, rows, columns, channels) → (batch, channels), or with KeepDims (batch,
// 1, 1, channels). With DataFormat "channels_first" the channels are the second axis.
type GlobalAveragePooling2D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalAveragePooling2D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *GlobalAveragePooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).Mean, (*graph.Node).MeanKeep)
}

// GlobalAveragePooling3D is the mean of all of a volume, channel by channel.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, channels), or with KeepDims
// (batch, 1, 1, 1, channels). With DataFormat "channels_first" the channels are the second
// axis.
type GlobalAveragePooling3D struct {
	Name       string
	DataFormat string `default:"channels_last"` // or "channels_first"
	KeepDims   bool   `keras:"keepdims"`
}

// Build checks the number of axes.
func (l *GlobalAveragePooling3D) Build(b *Builder, in []tensor.Shape) error {
	return globalPooling(config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *GlobalAveragePooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return globalPooling(config.Resolve(*l)).call(in[0], (*graph.Node).Mean, (*graph.Node).MeanKeep)
}

// globalPooling is one of any number of spatial dimensions, with its defaults in.
type globalPooling struct {
	Name       string
	DataFormat string
	KeepDims   bool
}

func (l globalPooling) check(b *Builder, in []tensor.Shape, dims int) error {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return err
	}
	for i, axis := range spatialAxes[dims] {
		if image[i+1] == 0 {
			return b.Errorf("there are no %s to pool", axis)
		}
	}
	return nil
}

func (l globalPooling) call(x *graph.Node, gone, kept func(x *graph.Node, axes ...int) *graph.Node) *graph.Node {
	var axes []int
	for i := 1; i < x.Rank()-1; i++ {
		if l.DataFormat == channelsFirst {
			axes = append(axes, i+1)
		} else {
			axes = append(axes, i)
		}
	}
	if l.KeepDims {
		return kept(x, axes...)
	}
	return gone(x, axes...)
}
