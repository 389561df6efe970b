package layer

// This file has the layers that bring images to a size.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("Resizing", func() Layer { return &Resizing{} })
	Register("CenterCrop", func() Layer { return &CenterCrop{} })
}

// Resizing makes images of a size. Interpolation is "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5"; with
// Antialias a picture that shrinks is smoothed before.
//
// Shapes: (batch, rows, columns, channels) → (batch, Height, Width, channels), or with the channels before the rows.
type Resizing struct {
	Name              string
	Height, Width     int
	Interpolation     string  `default:"bilinear"`
	CropToAspectRatio bool    // cut off evenly what would be distorted
	PadToAspectRatio  bool    // put FillValue around instead
	FillMode          string  `default:"constant"` // the only one
	FillValue         float64 // of PadToAspectRatio
	Antialias         bool
	DataFormat        string `default:"channels_last"`
}

// Build checks the size.
func (l *Resizing) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	if err := toSize(b, in, l.Height, l.Width, cfg.DataFormat); err != nil {
		return err
	}
	switch err := interpolates(b, cfg.Interpolation); {
	case err != nil:
		return err
	case l.CropToAspectRatio && l.PadToAspectRatio:
		return b.Errorf("CropToAspectRatio and PadToAspectRatio can't both be true")
	case cfg.FillMode != "constant":
		return b.Errorf("FillMode is %q, it can only be \"constant\"", cfg.FillMode)
	}
	return nil
}

// toSize returns an error unless there are images to be brought to a size.
func toSize(b *Builder, in []tensor.Shape, height, width int, format string) error {
	if err := spatial(b, in, 2, format); err != nil {
		return err
	}
	if height < 1 || width < 1 {
		return b.Errorf("Height and Width are %d and %d, they must be positive", height, width)
	}
	if first := firstSpatial(format); in[0][first] == 0 || in[0][first+1] == 0 {
		return b.Errorf("the images have no pixels")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Resizing) Call(_ *Context, in []*graph.Node) *graph.Node {
	cfg := config.Resolve(*l)
	x := in[0]
	switch {
	case l.CropToAspectRatio:
		x = cropToRatio(x, l.Height, l.Width, cfg.DataFormat)
	case l.PadToAspectRatio:
		x = padToRatio(x, l.Height, l.Width, l.FillValue, cfg.DataFormat)
	}
	return resize(x, l.Height, l.Width, cfg.Interpolation, l.Antialias, cfg.DataFormat)
}

func resize(x *graph.Node, height, width int, interpolation string, antialias bool, format string) *graph.Node {
	for i, n := range []int{height, width} {
		axis := firstSpatial(format) + i
		if interpolation == nearest {
			x = pickNearest(x, axis, n)
		} else {
			x = interpolate(x, axis, n, interpolation, antialias)
		}
	}
	return x
}

// ratio returns the size that images of a size have with the ratio of another: the larger one within, or the
// smaller one around.
func ratio(x *graph.Node, height, width int, format string) (size, other [2]int) {
	first := firstSpatial(format)
	size = [2]int{x.Shape()[first], x.Shape()[first+1]}
	return size, [2]int{
		int(float64(size[1]*height) / float64(width)), int(float64(size[0]*width) / float64(height)),
	}
}

// cropToRatio cuts the greatest part of a ratio out of the middle.
func cropToRatio(x *graph.Node, height, width int, format string) *graph.Node {
	size, part := ratio(x, height, width, format)
	var sides [][2]int
	for i := range size {
		n := max(min(size[i], part[i]), 1)
		before := (size[i] - n) / 2
		sides = append(sides, [2]int{before, size[i] - n - before})
	}
	return crop(x, sides, format)
}

// padToRatio puts a number on both sides, as often on one as on the other.
func padToRatio(x *graph.Node, height, width int, fill float64, format string) *graph.Node {
	size, whole := ratio(x, height, width, format)
	for i := range size {
		if n := (max(size[i], whole[i]) - size[i]) / 2; n > 0 {
			var sides [2][2]int
			sides[i] = [2]int{n, n}
			x = pad(x, sides[:], format)
			if fill != 0 {
				shape := tensor.Shape{1, size[0], size[1], 1}
				if format == channelsFirst {
					shape = tensor.Shape{1, 1, size[0], size[1]}
				}
				image := pad(x.Graph().Scalar(1).BroadcastTo(shape), sides[:], format)
				x = x.Add(image.Neg().AddScalar(1).MulScalar(fill))
			}
			break // the other side fits
		}
	}
	return x
}

// pickNearest makes an axis n long by taking for each pixel the one that its middle falls into.
func pickNearest(x *graph.Node, axis, n int) *graph.Node {
	if !x.Valid() {
		return x
	}
	size := x.Shape()[axis]
	switch {
	case size == n:
		return x
	case n%size == 0:
		return repeat(x, axis, n/size)
	}
	var parts []*graph.Node
	for j := range n {
		at := (2*j + 1) * size / (2 * n)
		parts = append(parts, x.SliceAxis(axis, at, at+1))
	}
	return graph.Concat(axis, parts...)
}

// CenterCrop cuts Height × Width pixels out of the middle of images. If images are too small for that, their middle part with the
// ratio of Height to Width, as large as possible, is resized to Height × Width by bilinear interpolation.
//
// Shapes: (batch, rows, columns, channels) → (batch, Height, Width, channels), or with the channels before the rows.
type CenterCrop struct {
	Name          string
	Height, Width int
	DataFormat    string `default:"channels_last"`
}

// Build checks the size.
func (l *CenterCrop) Build(b *Builder, in []tensor.Shape) error {
	return toSize(b, in, l.Height, l.Width, config.Resolve(*l).DataFormat)
}

// Call emits the layer's nodes.
func (l *CenterCrop) Call(_ *Context, in []*graph.Node) *graph.Node {
	format := config.Resolve(*l).DataFormat
	x := in[0]
	first := firstSpatial(format)
	rows, columns := x.Shape()[first]-l.Height, x.Shape()[first+1]-l.Width
	if rows < 0 || columns < 0 {
		return resize(cropToRatio(x, l.Height, l.Width, format), l.Height, l.Width, "bilinear", false, format)
	}
	return crop(x, [][2]int{{rows / 2, rows - rows/2}, {columns / 2, columns - columns/2}}, format)
}
