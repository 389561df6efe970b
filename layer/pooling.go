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
	Register("AdaptiveMaxPooling1D", func() Layer { return &AdaptiveMaxPooling1D{} })
	Register("AdaptiveMaxPooling2D", func() Layer { return &AdaptiveMaxPooling2D{} })
	Register("AdaptiveMaxPooling3D", func() Layer { return &AdaptiveMaxPooling3D{} })
	Register("AdaptiveAveragePooling1D", func() Layer { return &AdaptiveAveragePooling1D{} })
	Register("AdaptiveAveragePooling2D", func() Layer { return &AdaptiveAveragePooling2D{} })
	Register("AdaptiveAveragePooling3D", func() Layer { return &AdaptiveAveragePooling3D{} })
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

// AdaptiveMaxPooling1D divides the steps into OutputSize windows and takes the greatest element of each, channel by channel.
// Window i is that of the steps from ⌊i·steps/OutputSize⌋ up to but not ⌈(i+1)·steps/OutputSize⌉: windows overlap where OutputSize doesn't
// divide the steps. If several elements are the greatest, one of them gets the gradient.
//
// Shapes: (batch, steps, channels) → (batch, OutputSize, channels). With DataFormat "channels_first" the channels are the second axis.
type AdaptiveMaxPooling1D struct {
	Name       string
	OutputSize int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveMaxPooling1D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[int](config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *AdaptiveMaxPooling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[int](config.Resolve(*l)).call(in[0], 1, (*graph.Node).MaxPool)
}

// AdaptiveMaxPooling2D divides the rows and the columns of images into OutputSize[0] and OutputSize[1] windows, as AdaptiveMaxPooling1D
// does with steps, and takes the greatest element of each, channel by channel.
//
// Shapes: (batch, rows, columns, channels) → (batch, OutputSize..., channels). With DataFormat "channels_first" the channels are the
// second axis.
type AdaptiveMaxPooling2D struct {
	Name       string
	OutputSize [2]int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveMaxPooling2D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[[2]int](config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *AdaptiveMaxPooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[[2]int](config.Resolve(*l)).call(in[0], 2, (*graph.Node).MaxPool)
}

// AdaptiveMaxPooling3D divides the planes, the rows and the columns of volumes into OutputSize windows, as AdaptiveMaxPooling1D does with
// steps, and takes the greatest element of each, channel by channel.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, OutputSize..., channels). With DataFormat "channels_first" the channels are
// the second axis.
type AdaptiveMaxPooling3D struct {
	Name       string
	OutputSize [3]int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveMaxPooling3D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[[3]int](config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *AdaptiveMaxPooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[[3]int](config.Resolve(*l)).call(in[0], 3, (*graph.Node).MaxPool)
}

// AdaptiveAveragePooling1D divides the steps into OutputSize windows and takes the mean of each, channel by channel. Window i is that of
// the steps from ⌊i·steps/OutputSize⌋ up to but not ⌈(i+1)·steps/OutputSize⌉: windows overlap where OutputSize doesn't divide the steps.
//
// Shapes: (batch, steps, channels) → (batch, OutputSize, channels). With DataFormat "channels_first" the channels are the second axis.
type AdaptiveAveragePooling1D struct {
	Name       string
	OutputSize int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveAveragePooling1D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[int](config.Resolve(*l)).check(b, in, 1)
}

// Call emits the layer's nodes.
func (l *AdaptiveAveragePooling1D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[int](config.Resolve(*l)).call(in[0], 1, (*graph.Node).AveragePool)
}

// AdaptiveAveragePooling2D divides the rows and the columns of images into OutputSize[0] and OutputSize[1] windows, as
// AdaptiveAveragePooling1D does with steps, and takes the mean of each, channel by channel.
//
// Shapes: (batch, rows, columns, channels) → (batch, OutputSize..., channels). With DataFormat "channels_first" the channels are the
// second axis.
type AdaptiveAveragePooling2D struct {
	Name       string
	OutputSize [2]int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveAveragePooling2D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[[2]int](config.Resolve(*l)).check(b, in, 2)
}

// Call emits the layer's nodes.
func (l *AdaptiveAveragePooling2D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[[2]int](config.Resolve(*l)).call(in[0], 2, (*graph.Node).AveragePool)
}

// AdaptiveAveragePooling3D divides the planes, the rows and the columns of volumes into OutputSize windows, as AdaptiveAveragePooling1D
// does with steps, and takes the mean of each, channel by channel.
//
// Shapes: (batch, planes, rows, columns, channels) → (batch, OutputSize..., channels). With DataFormat "channels_first" the channels are
// the second axis.
type AdaptiveAveragePooling3D struct {
	Name       string
	OutputSize [3]int
	DataFormat string `default:"channels_last"` // or "channels_first"
}

// Build checks the number of windows.
func (l *AdaptiveAveragePooling3D) Build(b *Builder, in []tensor.Shape) error {
	return adaptivePooling[[3]int](config.Resolve(*l)).check(b, in, 3)
}

// Call emits the layer's nodes.
func (l *AdaptiveAveragePooling3D) Call(_ *Context, in []*graph.Node) *graph.Node {
	return adaptivePooling[[3]int](config.Resolve(*l)).call(in[0], 3, (*graph.Node).AveragePool)
}

// adaptivePooling is one of any number of spatial dimensions, with its defaults in.
type adaptivePooling[D size] struct {
	Name       string
	OutputSize D
	DataFormat string
}

// mostPlaces bounds how many windows an axis is divided into, since each may be a node.
const mostPlaces = 1 << 12

func (l adaptivePooling[D]) check(b *Builder, in []tensor.Shape, dims int) error {
	image, err := checkImage(b, in, dims, l.DataFormat)
	if err != nil {
		return err
	}
	places := numbers(l.OutputSize)
	for i, axis := range spatialAxes[dims] {
		switch {
		case places[i] < 1 || places[i] > mostPlaces:
			return b.Errorf("OutputSize is %s, it must be from 1 to %d along %s", listed(places), mostPlaces, spatialNames(dims))
		case image[i+1] == 0:
			return b.Errorf("there are no %s to pool", axis)
		}
	}
	return nil
}

func (l adaptivePooling[D]) call(x *graph.Node, dims int, pool func(x *graph.Node, w graph.Window) *graph.Node) *graph.Node {
	x, ok := imageOf(x, dims, l.DataFormat)
	if !ok {
		return x
	}
	even, places := still(dims), numbers(l.OutputSize)
	for i, n := range places {
		if pixels := x.Shape()[i+1]; pixels%n == 0 {
			even.Size[i], even.Stride[i] = pixels/n, pixels/n
		}
	}
	if slices.Max(even.Size) > 1 { // windows that don't overlap, of all such axes at once
		x = pool(x, even)
	}
	for i, n := range places {
		x = adapt(x, i, n, dims, pool)
	}
	return formatted(x, l.DataFormat)
}

// still is the window of one pixel, at each.
func still(dims int) graph.Window {
	return graph.Window{Size: slices.Repeat([]int{1}, dims), Stride: slices.Repeat([]int{1}, dims)}
}

// adapt pools n windows of different sizes along spatial axis i. Their sizes repeat: with the greatest common divisor d of pixels and
// windows, window j+n/d is window j moved by pixels/d. So there are n/d pools of d places each.
func adapt(x *graph.Node, i, n, dims int, pool func(x *graph.Node, w graph.Window) *graph.Node) *graph.Node {
	if !x.Valid() || x.Shape()[i+1] == n {
		return x
	}
	shape := x.Shape()
	pixels, d := shape[i+1], n
	for r := pixels; r != 0; {
		d, r = r, d%r
	}
	before, behind := shape[1:i+1].Numel()*d, shape[i+2:].Numel()
	var parts []*graph.Node
	for j := range n / d {
		start, end := j*pixels/n, ((j+1)*pixels+n-1)/n
		w := still(dims)
		w.Size[i], w.Stride[i] = end-start, pixels/d
		part := pool(x.SliceAxis(i+1, start, end+(d-1)*(pixels/d)), w)
		parts = append(parts, part.Reshape(tensor.Batch, before, 1, behind))
	}
	out := shape.Clone()
	out[i+1] = n
	return graph.Concat(2, parts...).Reshape(out...)
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
