package product

// This file holds the geometry of what slides a window over an image.

// A Window is the geometry of a convolution or a pool: which pixels its taps are at.
// Images are [Batch, Image..., Channels], results [Batch, Places..., Filters], with three
// spatial dimensions; where a network has less, the first ones have 1 pixel, place and tap.
// At place o tap t is at pixel o·Stride − Low + t·Dilation, or at nothing if that is
// outside the image.
type Window struct {
	Batch                     int
	Image, Places, Taps       [3]int
	Stride, Dilation, Low     [3]int
	Channels, Filters, Groups int // a pool has Channels alone

	// ImageStride and ResultStride are the distances of neighbouring pixels and of neighbouring
	// places in memory, where they have more than their channels between them; 0 is none.
	ImageStride, ResultStride int
}

// close sets the strides of what has no gaps.
func (w *Window) close(channels, filters int) {
	w.ImageStride, w.ResultStride = max(w.ImageStride, channels), max(w.ResultStride, filters)
}

// extent is how many numbers an array reaches over: so many pixels, which are stride apart, of so many channels.
func extent(pixels, stride, channels int) int {
	if pixels == 0 {
		return 0
	}
	return (pixels-1)*stride + channels
}

// pixel returns where tap t is at place o along a dimension.
func (w *Window) pixel(dim, o, t int) int { return o*w.Stride[dim] - w.Low[dim] + t*w.Dilation[dim] }

// inside returns the taps that are inside the image at place o along a dimension: the
// first, and the one behind the last.
func (w *Window) inside(dim, o int) (t0, t1 int) {
	at, d := w.pixel(dim, o, 0), w.Dilation[dim]
	t0, t1 = ceilDiv(max(-at, 0), d), min(ceilDiv(max(w.Image[dim]-at, 0), d), w.Taps[dim])
	return min(t0, t1), t1
}

// visiting returns the places at which tap t is inside the image along a dimension: the
// first, and the one behind the last.
func (w *Window) visiting(dim, t int) (o0, o1 int) {
	at, s := w.pixel(dim, 0, t), w.Stride[dim]
	o0, o1 = ceilDiv(max(-at, 0), s), min(ceilDiv(max(w.Image[dim]-at, 0), s), w.Places[dim])
	return min(o0, o1), o1
}

// place returns at which place tap t is at pixel i along a dimension, if it is at any.
func (w *Window) place(dim, i, t int) (o int, ok bool) {
	from := i + w.Low[dim] - t*w.Dilation[dim]
	o = from / w.Stride[dim]
	return o, from >= 0 && from%w.Stride[dim] == 0 && o < w.Places[dim]
}

// touching returns the places from which a tap of a window that isn't dilated is at pixel
// i along a dimension: the first, and the one behind the last.
func (w *Window) touching(dim, i int) (o0, o1 int) {
	at, s := i+w.Low[dim], w.Stride[dim]
	o0, o1 = ceilDiv(max(at-w.Taps[dim]+1, 0), s), min(at/s+1, w.Places[dim])
	return min(o0, o1), o1
}

// split returns the indices of element i of an array of three dimensions.
func split(i int, dims [3]int) (d, h, w int) {
	return i / (dims[1] * dims[2]), i / dims[2] % dims[1], i % dims[2]
}

func volume(dims [3]int) int { return dims[0] * dims[1] * dims[2] }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// rowTasksOf cuts rows into tasks.
type rowTasksOf struct {
	known           bool
	count, per, all int // tasks, rows of each, rows
}

// windowGrain is the work, in multiply-adds, that is worth handing to another core.
const windowGrain = 1 << 16

// cut cuts so many rows, of so many elements that take so much work each. What has no
// elements is no task.
func (t *rowTasksOf) cut(rows, elements, work int) {
	*t = rowTasksOf{known: true, all: rows}
	if elements > 0 {
		t.per = max(windowGrain/(elements*max(work, 1)), 1)
		t.count = ceilDiv(rows, t.per)
	}
}

// rows returns where the rows of a task begin and end, in units of so many to a row.
func (t *rowTasksOf) rows(index, units int) (r0, r1 int) {
	return index * t.per * units, min((index+1)*t.per, t.all) * units
}
