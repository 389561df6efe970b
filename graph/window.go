package graph

// This file makes the nodes of convolutions and of pooling: what slides a window
// over an image. Images have their channels last: [N, spatial..., C], with one to
// three spatial dimensions.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/tensor"
)

// A Window says how a convolution or a pool slides over the spatial dimensions of
// an image. Each list has a number for each of them, or is nil for its default. At
// output o tap t looks at pixel o·Stride − Low + t·Dilation of the image, and at
// nothing if that is outside.
type Window struct {
	Size     []int // the taps; a convolution takes them from its kernel
	Stride   []int // default 1
	Dilation []int // default 1; a pool has no other
	Low      []int // pixels of padding before the first, default 0
	High     []int // and behind the last
	Groups   int   // of channels that a convolution keeps apart; default 1
}

func (w Window) clone() Window {
	for _, list := range []*[]int{&w.Size, &w.Stride, &w.Dilation, &w.Low, &w.High} {
		*list = slices.Clone(*list)
	}
	return w
}

// Stacked returns the window over images that are stacked along a further dimension before the spatial ones, each by itself: over the
// steps of a sequence, say.
func (w Window) Stacked() Window {
	w = w.clone()
	for _, field := range []struct {
		list *[]int
		all  int
	}{{&w.Size, 1}, {&w.Stride, 1}, {&w.Dilation, 1}, {&w.Low, 0}, {&w.High, 0}} {
		if *field.list != nil {
			*field.list = slices.Insert(*field.list, 0, field.all)
		}
	}
	return w
}

// stacked reports whether the images along the first spatial dimension are each by itself.
func (w *Window) stacked() bool {
	return w.Size[0] == 1 && w.Stride[0] == 1 && w.Low[0] == 0 && w.High[0] == 0
}

// key writes the window as a string that is equal exactly when it is.
func (w *Window) key() string {
	return fmt.Sprint(w.Size, w.Stride, w.Dilation, w.Low, w.High, w.Groups)
}

// places returns how many places a window has along spatial dimension i of so
// many pixels: none if that, with its padding, is less than the window reaches over.
func (w *Window) places(i, pixels int) int {
	if room := pixels + w.Low[i] + w.High[i] - w.reach(i); room >= 0 {
		return room/w.Stride[i] + 1
	}
	return 0
}

// reach returns how many pixels a window reaches over along spatial dimension i.
func (w *Window) reach(i int) int { return (w.Size[i]-1)*w.Dilation[i] + 1 }

// Conv returns the convolution of an image [N, spatial..., C] with a kernel
// [taps..., C/Groups, F], in the sense of neural networks: the kernel isn't turned
// around. The result is [N, outputs..., F], with the filters of group g in the g-th
// part of its channels; each is the sum over the taps, then the channels of its
// group, of pixel times kernel.
func (n *Node) Conv(kernel *Node, w Window) *Node {
	return apply(OpConv, Attr{Window: w}, n, kernel)
}

// ConvTranspose is the transpose of the convolution that Conv computes, which is its
// gradient: it takes what has the shape of that one's result to the shape of its
// image, here the spatial dimensions of it. Those say which of the images that give as
// many outputs is meant.
func (n *Node) ConvTranspose(kernel *Node, w Window, spatial ...int) *Node {
	if !n.Valid() || !kernel.Valid() || n.Rank() == 0 || kernel.Rank() < 2 {
		return apply(OpConvInputGrad, Attr{Window: w}, n, kernel)
	}
	shape := append(tensor.Shape{n.shape[0]}, spatial...)
	return apply(OpConvInputGrad, Attr{Window: w, Shape: append(shape, kernel.shape[kernel.Rank()-2]*max(w.Groups, 1))}, n, kernel)
}

// ConvKernelGrad returns the gradient of a convolution's kernel, of as many taps as
// the window has: that of the product of dy with the convolution of n.
func (n *Node) ConvKernelGrad(dy *Node, w Window) *Node {
	return apply(OpConvKernelGrad, Attr{Window: w}, n, dy)
}

// MaxPool returns the greatest pixel under each place of a window, channel by
// channel: [N, spatial..., C] → [N, outputs..., C]; NaN if one is. Padding doesn't
// count. The gradient goes to the first of those that tie.
func (n *Node) MaxPool(w Window) *Node { return apply(OpMaxPool, Attr{Window: w}, n) }

// ArgMaxPool returns which tap of the window is at what MaxPool returns, counted in
// row-major order: the first of those that tie, and of NaNs if there is one.
func (n *Node) ArgMaxPool(w Window) *Node { return apply(OpArgMaxPool, Attr{Window: w}, n) }

// AveragePool returns the mean of the pixels under each place of a window, channel
// by channel: [N, spatial..., C] → [N, outputs..., C]. Padding doesn't count.
func (n *Node) AveragePool(w Window) *Node { return apply(OpAveragePool, Attr{Window: w}, n) }

// farthest bounds the numbers of a window, so that places of taps don't overflow.
const farthest = 1 << 28

// normal checks a window over so many spatial dimensions and writes its defaults out.
func (w *Window) normal(dims int) string {
	if dims < 1 || dims > 4 {
		return "an image is [N, spatial..., channels], with one to three spatial dimensions, or four of which the first stacks images"
	}
	for _, field := range []struct {
		name  string
		list  *[]int
		least int
	}{{"size", &w.Size, 1}, {"stride", &w.Stride, 1}, {"dilation", &w.Dilation, 1}, {"low padding", &w.Low, 0}, {"high padding", &w.High, 0}} {
		if *field.list == nil && field.name != "size" {
			*field.list = slices.Repeat([]int{field.least}, dims)
		}
		if len(*field.list) != dims {
			return fmt.Sprintf("the window's %s %v needs one number for each of the %d spatial dimensions", field.name, *field.list, dims)
		}
		for _, v := range *field.list {
			if v < field.least || v > farthest {
				return fmt.Sprintf("the window's %s is %d, it must be %d … %d", field.name, v, field.least, farthest)
			}
		}
	}
	if dims == 4 && !w.stacked() {
		return "an image has up to three spatial dimensions, and one before them along which images are stacked: there a window has one tap, a stride of 1 and no padding"
	}
	for i, d := range w.Dilation {
		switch {
		case w.Size[i] == 1:
			w.Dilation[i] = 1
		case d > farthest/(w.Size[i]-1):
			return fmt.Sprintf("a window of %d taps dilated by %d is too large", w.Size[i], d)
		}
	}
	if w.Groups == 0 {
		w.Groups = 1
	}
	if w.Groups < 1 {
		return fmt.Sprintf("the window's groups are %d, there must be at least 1", w.Groups)
	}
	return ""
}

// spatial returns the spatial dimensions of an image, which must be known.
func spatial(image tensor.Shape) (tensor.Shape, string) {
	if len(image) < 3 || len(image) > 6 {
		return nil, fmt.Sprintf("an image is [N, spatial..., channels], with one to three spatial dimensions, not %v", image)
	}
	if image[1:].HasBatch() {
		return nil, fmt.Sprintf("only the first dimension of the image %v may be the batch", image)
	}
	return image[1 : len(image)-1], ""
}

// outputs returns the shape that a window over an image gives, with so many channels.
func (w *Window) outputs(image tensor.Shape, channels int) (tensor.Shape, string) {
	pixels, msg := spatial(image)
	if msg != "" {
		return nil, msg
	}
	if msg := w.normal(len(pixels)); msg != "" {
		return nil, msg
	}
	out := tensor.Shape{image[0]}
	for i, n := range pixels {
		places := w.places(i, n)
		if places == 0 {
			padded := ""
			if w.Low[i]+w.High[i] > 0 {
				padded = " with its padding"
			}
			return nil, fmt.Sprintf("along spatial dimension %d the window reaches over %d pixels, the image has %d%s", i, w.reach(i), n+w.Low[i]+w.High[i], padded)
		}
		out = append(out, places)
	}
	return append(out, channels), ""
}

// kernelOf takes the size of a window from a kernel [taps..., channels, filters],
// over an image of so many channels.
func (w *Window) kernelOf(kernel tensor.Shape, image tensor.Shape) string {
	pixels, msg := spatial(image)
	if msg != "" {
		return msg
	}
	dims, channels := len(pixels), image[len(image)-1]
	if len(kernel) != dims+2 || kernel.HasBatch() {
		return fmt.Sprintf("the kernel of a convolution over %d spatial dimensions is [taps..., channels, filters], of %d dimensions, not %v", dims, dims+2, kernel)
	}
	w.Size = slices.Clone(kernel[:dims])
	if msg := w.normal(dims); msg != "" {
		return msg
	}
	switch filters := kernel[dims+1]; {
	case channels%w.Groups != 0 || filters%w.Groups != 0:
		return fmt.Sprintf("the groups, %d, must divide the channels, %d, and the filters, %d", w.Groups, channels, filters)
	case kernel[dims] != channels/w.Groups:
		return fmt.Sprintf("the kernel %v has %d channels, the image %d in %d groups", kernel, kernel[dims], channels, w.Groups)
	}
	return ""
}

func convShape(a *Attr, in []*Node) (tensor.Shape, string) {
	image, kernel := in[0].shape, in[1].shape
	if msg := a.Window.kernelOf(kernel, image); msg != "" {
		return nil, msg
	}
	return a.Window.outputs(image, kernel[len(kernel)-1])
}

func convInputGradShape(a *Attr, in []*Node) (tensor.Shape, string) {
	dy, kernel := in[0].shape, in[1].shape
	if err := a.Shape.Check(); err != nil {
		return nil, err.Error()
	}
	if msg := a.Window.kernelOf(kernel, a.Shape); msg != "" {
		return nil, msg
	}
	out, msg := a.Window.outputs(a.Shape, kernel[len(kernel)-1])
	if msg == "" && !out.Equal(dy) {
		msg = fmt.Sprintf("the window over an image %v gives %v, not %v", a.Shape, out, dy)
	}
	return a.Shape, msg
}

func convKernelGradShape(a *Attr, in []*Node) (tensor.Shape, string) {
	image, dy := in[0].shape, in[1].shape
	pixels, msg := spatial(image)
	if msg != "" {
		return nil, msg
	}
	if len(dy) != len(image) || dy[1:].HasBatch() {
		return nil, fmt.Sprintf("the gradient of the convolution of %v has as many dimensions, not %v", image, dy)
	}
	filters, groups := dy[len(dy)-1], max(a.Window.Groups, 1)
	if len(a.Window.Size) != len(pixels) {
		return nil, fmt.Sprintf("the window's size %v needs one number for each of the %d spatial dimensions", a.Window.Size, len(pixels))
	}
	kernel := append(tensor.Shape(slices.Clone(a.Window.Size)), image[len(image)-1]/groups, filters)
	if msg := a.Window.kernelOf(kernel, image); msg != "" {
		return nil, msg
	}
	out, msg := a.Window.outputs(image, filters)
	if msg == "" && !out.Equal(dy) {
		msg = fmt.Sprintf("the window over an image %v gives %v, not %v", image, out, dy)
	}
	return kernel, msg
}

func poolShape(a *Attr, in []*Node) (tensor.Shape, string) { return a.Window.pool(in[0].shape) }

// pool is the shape rule of pools of an image.
func (w *Window) pool(image tensor.Shape) (tensor.Shape, string) {
	if len(image) == 0 {
		return nil, "an image is [N, spatial..., channels], a scalar is none"
	}
	out, msg := w.outputs(image, image[len(image)-1])
	if msg != "" {
		return nil, msg
	}
	for i, size := range w.Size {
		switch {
		case w.Dilation[i] != 1 || w.Groups != 1:
			return nil, "the window of a pool has neither dilation nor groups"
		case w.Low[i] >= size || w.High[i] >= size:
			return nil, fmt.Sprintf("along spatial dimension %d padding of %d and %d would let a window of %d see nothing else", i, w.Low[i], w.High[i], size)
		case image[i+1] == 0:
			return nil, fmt.Sprintf("spatial dimension %d is empty: there is nothing to pool", i)
		}
	}
	return out, ""
}

// poolTakeShape: the taps that are taken come first, then the image.
func poolTakeShape(a *Attr, in []*Node) (tensor.Shape, string) {
	out, msg := a.Window.pool(in[1].shape)
	if msg == "" && !out.Equal(in[0].shape) {
		msg = fmt.Sprintf("the window over an image %v gives %v, not %v", in[1].shape, out, in[0].shape)
	}
	return out, msg
}

func poolPutShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if !in[0].shape.Equal(in[1].shape) {
		return nil, "the shapes must be equal"
	}
	return averagePoolGradShape(a, in)
}

func averagePoolGradShape(a *Attr, in []*Node) (tensor.Shape, string) {
	if err := a.Shape.Check(); err != nil {
		return nil, err.Error()
	}
	out, msg := a.Window.pool(a.Shape)
	if msg == "" && !out.Equal(in[0].shape) {
		msg = fmt.Sprintf("the window over an image %v gives %v, not %v", a.Shape, out, in[0].shape)
	}
	return a.Shape, msg
}

// The convolution, and the gradients of its image and of its kernel, are one trilinear
// form, without the one or the other of its three operands. So each has the other two
// as its derivatives.

func convVJP(n, dy *Node, i int) *Node {
	if i == 0 {
		return apply(OpConvInputGrad, Attr{Window: n.attr.Window, Shape: n.inputs[0].shape}, dy, n.inputs[1])
	}
	return apply(OpConvKernelGrad, Attr{Window: n.attr.Window}, n.inputs[0], dy)
}

func convInputGradVJP(n, image *Node, i int) *Node {
	if i == 0 {
		return apply(OpConv, Attr{Window: n.attr.Window}, image, n.inputs[1])
	}
	return apply(OpConvKernelGrad, Attr{Window: n.attr.Window}, image, n.inputs[0])
}

func convKernelGradVJP(n, kernel *Node, i int) *Node {
	image, dy := n.inputs[0], n.inputs[1]
	if i == 0 {
		return apply(OpConvInputGrad, Attr{Window: n.attr.Window, Shape: image.shape}, dy, kernel)
	}
	return apply(OpConv, Attr{Window: n.attr.Window}, image, kernel)
}

// MaxPool's gradient is put where the maxima are: PoolPut, whose transpose is PoolTake.

func maxPoolVJP(n, dy *Node, _ int) *Node {
	x := n.inputs[0]
	return apply(OpPoolPut, Attr{Window: n.attr.Window, Shape: x.shape}, x.ArgMaxPool(n.attr.Window), dy)
}

func poolTakeVJP(n, dy *Node, i int) *Node {
	if i == 0 {
		return nil
	}
	return apply(OpPoolPut, Attr{Window: n.attr.Window, Shape: n.inputs[1].shape}, n.inputs[0], dy)
}

func poolPutVJP(n, dx *Node, i int) *Node {
	if i == 0 {
		return nil
	}
	return apply(OpPoolTake, Attr{Window: n.attr.Window}, n.inputs[0], dx)
}

func averagePoolVJP(n, dy *Node, _ int) *Node {
	return apply(OpAveragePoolGrad, Attr{Window: n.attr.Window, Shape: n.inputs[0].shape}, dy)
}

func averagePoolGradVJP(n, dx *Node, _ int) *Node {
	return apply(OpAveragePool, Attr{Window: n.attr.Window}, dx)
}
