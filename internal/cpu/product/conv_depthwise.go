package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes depthwise convolutions, whose channels are kept apart, and their gradients: lanes lie along the channels. There is
// little to multiply for what is read and written, so all goes row by row, in the order in which it lies in memory.

// depthwiseTaps is the most taps that are in one chain.
const depthwiseTaps = chain

// depthwisePixels is how many pixels a call computes: all channels of so many as are summed at the same time, so that memory is read in its order.
const depthwisePixels = 4

// depthwise reports whether each channel has a filter of its own, and one.
func (w *Window) depthwise() bool {
	return w.Groups > 1 && w.Groups == w.Channels && w.Channels == w.Filters && volume(w.Taps) <= depthwiseTaps
}

// channelwise is a depthwise convolution, or the gradient of its image.
type channelwise struct {
	window        *Window
	x, k, y       []float32
	size, results [3]int // pixels of x and of y
	ldx, ldy      int    // elements from pixel to pixel
	spans         spans  // of y, which see x
	epilogue      cpu.Epilogue

	kernels *gemmKernels
	offsets [][]int    // for each combination of spans: where each tap is from the first one, and its row of the kernel, in bytes
	tasks   rowTasksOf // rows of y
}

// Spans are those along each dimension.
type spans struct {
	along [3][]span
	at    [3][]spanAt // of each result
}

// A spanAt says of a result to which span it belongs, and at which pixel its first tap is, if it has any.
type spanAt struct{ span, first int }

// spansOf finds out what is seen along each dimension of so many results.
func spansOf(along [3][]span, results [3]int) spans {
	s := spans{along: along}
	for d := range along {
		s.at[d] = make([]spanAt, results[d])
		for i := range along[d] {
			p := &along[d][i]
			for j := range p.count {
				at := spanAt{span: i}
				if len(p.taps) > 0 {
					at.first = p.from + j*p.stride + p.offsets[0]
				}
				s.at[d][p.first+j*p.step] = at
			}
		}
	}
	return s
}

// prepare cuts the convolution into tasks.
func (c *channelwise) prepare() *channelwise {
	c.kernels = gemmTiers[isa.Active()]
	w := c.window
	row := [3]int{c.size[1] * c.size[2] * c.ldx, c.size[2] * c.ldx, c.ldx}
	for _, depth := range c.spans.along[0] {
		for _, down := range c.spans.along[1] {
			for _, across := range c.spans.along[2] {
				var offsets []int
				for i, td := range depth.taps {
					for j, th := range down.taps {
						for l, tw := range across.taps {
							at := (depth.offsets[i]-depth.offsets[0])*row[0] + (down.offsets[j]-down.offsets[0])*row[1] + (across.offsets[l]-across.offsets[0])*row[2]
							offsets = append(offsets, 4*at, 4*((td*w.Taps[1]+th)*w.Taps[2]+tw)*w.Channels)
						}
					}
				}
				c.offsets = append(c.offsets, offsets)
			}
		}
	}
	// A multiply-add of these takes as long as several of a product.
	c.tasks.cut(w.Batch*c.results[0]*c.results[1], c.results[2]*w.Channels, 8*volume(w.Taps)+StoreWork)
	return c
}

// Run computes the convolution.
func (c *channelwise) Run(p *par.Pool) { p.Run(c, c.tasks.count) }

// Do computes rows of y.
func (c *channelwise) Do(worker, index int) {
	s := acquireScratch(worker, c.kernels)
	r0, r1 := c.tasks.rows(index, 1)
	for row := r0; row < r1; row++ {
		c.row(&s.depthwise, row)
		if c.epilogue != nil {
			c.epilogue.Region(worker, row*c.results[2], (row+1)*c.results[2], 0, c.window.Channels)
		}
	}
	releaseScratch(worker, s)
}

// row computes a row of y, which is counted through the batch.
func (c *channelwise) row(x *depthwise, row int) {
	channels, along := c.window.Channels, &c.spans.along
	d, h := c.spans.at[0][row/c.results[1]%c.results[0]], c.spans.at[1][row%c.results[1]]
	sample := row / (c.results[0] * c.results[1])
	for i := range along[2] {
		across := &along[2][i]
		offsets := c.offsets[(d.span*len(along[1])+h.span)*len(along[2])+i]
		to := row*c.results[2] + across.first
		if len(offsets) == 0 {
			for j := range across.count {
				clear(c.y[(to+j*across.step)*c.ldy:][:channels])
			}
			continue
		}
		from := ((sample*c.size[0]+d.first)*c.size[1]+h.first)*c.size[2] + across.from + across.offsets[0]
		x.b, x.offsets, x.k, x.cols, x.resume = &c.k[0], &offsets[0], len(offsets)/2, channels, 0
		x.aStep, x.cStep = 4*across.stride*c.ldx, 4*across.step*c.ldy
		for j := 0; j < across.count; j += depthwisePixels {
			x.a, x.c = &c.x[(from+j*across.stride)*c.ldx], &c.y[(to+j*across.step)*c.ldy]
			x.count = min(across.count-j, depthwisePixels)
			c.kernels.depthwise(x)
		}
	}
}

// depthwisePlaces is how many places of a gradient of a kernel a call sums up: of all channels of so many, before the next, for the same reason.
const depthwisePlaces = 6

// channelwiseGrad is the gradient of the kernel of a depthwise convolution: a task is a chain of all taps, of which those that are side by side are
// summed at the same time. Channels are shared out only if there are fewer chains than workers want: a task would read a part of each pixel, and leave the rest
// of what comes from memory with it.
type channelwiseGrad struct {
	*ConvKernelGrad
	kernels *gemmKernels
	spans   spans  // of places
	steps   []int  // of neighbouring places in the image and in the gradient of the result, in bytes
	chains  int    // of an element
	exist   []bool // [chains, taps]: there are products

	parts int       // of channels, while it runs,
	sums  []float32 // and [chains, taps, channels]
}

func newChannelwiseGrad(k *ConvKernelGrad) *channelwiseGrad {
	w := &k.Window
	c := &channelwiseGrad{
		ConvKernelGrad: k, kernels: gemmTiers[isa.Active()], spans: spansOf(along(w.placeSpans), w.Places),
		chains: ceilDiv(w.Batch*volume(w.Places), chain),
	}
	for j := range w.Places[2] {
		c.steps = append(c.steps, 4*j*w.Stride[2]*w.ImageStride, 4*j*w.ResultStride)
	}
	for number := range c.chains {
		for tap := range volume(w.Taps) {
			c.exist = append(c.exist, c.visits(number, tap))
		}
	}
	return c
}

// visits reports whether a tap is inside the image at a place of a chain.
func (c *channelwiseGrad) visits(number, tap int) bool {
	td, th, tw := split(tap, c.Taps)
	d0, d1 := c.visiting(0, td)
	h0, h1 := c.visiting(1, th)
	w0, w1 := c.visiting(2, tw)
	for place, end := c.chain(number); place < end; {
		row := place / c.Places[2]
		d, h, first := row/c.Places[1]%c.Places[0], row%c.Places[1], place-row*c.Places[2]
		if d >= d0 && d < d1 && h >= h0 && h < h1 && max(first, w0) < min(first+end-place, w1) {
			return true
		}
		place = (row + 1) * c.Places[2]
	}
	return false
}

// chain returns the places of a chain.
func (c *channelwiseGrad) chain(number int) (first, end int) {
	return number * chain, min((number+1)*chain, c.Batch*volume(c.Places))
}

// Run computes the gradient.
func (c *channelwiseGrad) Run(p *par.Pool) {
	c.parts = max(min(ceilDiv(p.Workers(), c.chains), c.Channels/64), 1)
	space := gemmSpaces.Get()
	c.sums = grow(&space.c, c.chains*volume(c.Taps)*c.Channels)
	p.Run(c, c.chains*c.parts)
	p.Run((*channelwiseSums)(c), volume(c.Taps))
	c.sums = nil
	gemmSpaces.Put(space)
}

// Do computes a chain of some channels.
func (c *channelwiseGrad) Do(worker, index int) {
	number, part, taps, width := index/c.parts, index%c.parts, volume(c.Taps), c.Places[2]
	c0, c1 := part*c.Channels/c.parts, (part+1)*c.Channels/c.parts
	sums := c.sums[number*taps*c.Channels:]
	for tap := range taps {
		clear(sums[tap*c.Channels+c0 : tap*c.Channels+c1])
	}
	s := acquireScratch(worker, c.kernels)
	for place, end := c.chain(number); place < end; {
		row := place / width
		next := min((row+1)*width, end)
		c.row(&s.depthwise, row, place-row*width, next-row*width, c0, c1, sums)
		place = next
	}
	releaseScratch(worker, s)
}

// row adds the products of places w0 … w1-1 of a row, which is counted through the batch, to the chains of the taps, for channels c0 … c1-1.
func (c *channelwiseGrad) row(x *depthwise, row, w0, w1, c0, c1 int, sums []float32) {
	d, h := c.spans.at[0][row/c.Places[1]%c.Places[0]], c.spans.at[1][row%c.Places[1]]
	depth, down := &c.spans.along[0][d.span], &c.spans.along[1][h.span]
	sample := row / (c.Places[0] * c.Places[1])
	x.offsets, x.cols, x.aStep, x.cStep, x.resume = &c.steps[0], c1-c0, 4*c.Dilation[2]*c.ImageStride, 4*c.Channels, 1
	x.lineStep = 4 * c.Dilation[1] * c.Image[2] * c.ImageStride
	for i, td := range depth.taps {
		for l := range c.spans.along[2] {
			across := &c.spans.along[2][l]
			j0, j1 := across.between(w0, w1)
			if len(across.taps) == 0 {
				continue
			}
			x.count = len(across.taps)
			kernel, lines := c.kernels.depthwise, 1 // of taps that are summed at once
			if square := c.kernels.depthwise3x3; square != nil && len(down.taps) == 3 && c.Taps[2] == 3 && x.count == 3 {
				kernel, lines = square, 3
			}
			for ; j0 < j1; j0 += depthwisePlaces {
				x.b, x.k = &c.DY[(row*c.Places[2]+across.first+j0)*c.ResultStride+c0], min(j1-j0, depthwisePlaces)
				for j := 0; j < len(down.taps); j += lines {
					line := (sample*c.Image[0]+d.first+depth.offsets[i]-depth.offsets[0])*c.Image[1] + h.first + down.offsets[j] - down.offsets[0]
					pixel := line*c.Image[2] + across.from + j0*across.stride + across.offsets[0]
					first := (td*c.Taps[1]+down.taps[j])*c.Taps[2] + across.taps[0]
					x.a, x.c = &c.X[pixel*c.ImageStride+c0], &sums[first*c.Channels+c0]
					kernel(x)
				}
			}
		}
	}
}

// channelwiseSums is the job of adding up the chains of a tap.
type channelwiseSums channelwiseGrad

// Do adds the chains of a tap in order.
func (j *channelwiseSums) Do(worker, tap int) {
	c := (*channelwiseGrad)(j)
	taps, y := volume(c.Taps), c.DK[tap*c.Channels:][:c.Channels]
	clear(y)
	added := false
	for number := range c.chains {
		sum := c.sums[(number*taps+tap)*c.Channels:][:len(y)]
		switch {
		case !c.exist[number*taps+tap]:
		case added:
			addRows(matrix{data: y}, matrix{data: sum}, 1, len(y))
		default:
			copy(y, sum)
			added = true
		}
	}
	if c.Epilogue != nil {
		c.Epilogue.Region(worker, tap, tap+1, 0, c.Channels)
	}
}
