package cpu

import "github.com/cornu-ml/cornu/internal/par"

// This file computes depthwise convolutions, whose channels are kept apart, and their gradients: lanes lie
// along the channels, which are columns, and a row is a pixel or a tap.

// depthwiseTaps is the most taps that are in one chain.
const depthwiseTaps = chain

// depthwise reports whether each channel has a filter of its own, and one.
func (w *Window) depthwise() bool {
	return w.Groups > 1 && w.Groups == w.Channels && w.Channels == w.Filters && volume(w.Taps) <= depthwiseTaps
}

// channelwise is a depthwise convolution, or the gradient of its image.
type channelwise struct {
	kernels  *gemmKernels
	channels int
	x, k, y  []float32
	epilogue Epilogue
	classes  []channelClass
	tasks    []channelTask
}

// A channelClass is pixels that see the same taps, at these offsets of the image and of the kernel.
type channelClass struct {
	lattice lattice
	offsets []int
}

// A channelTask is rows of a class.
type channelTask struct {
	class  *channelClass
	r0, r1 int
}

// newChannelwise returns the convolution that goes over the classes.
func newChannelwise(x, k, y []float32, channels int, classes []class, e Epilogue) *channelwise {
	c := &channelwise{kernels: gemmTiers[Active()], channels: channels, x: x, k: k, y: y, epilogue: e}
	for i := range classes {
		p := classes[i].patches[0]
		l := channelClass{p.lattice, p.tapOffsets(channels)}
		if len(l.offsets) > 0 { // rows begin at what the first tap sees: the pixel itself may be outside
			first := l.offsets[0]
			l.lattice.from += first / 4
			for j := 0; j < len(l.offsets); j += 2 {
				l.offsets[j] -= first
			}
		}
		c.classes = append(c.classes, l)
	}
	for i := range c.classes {
		l := &c.classes[i]
		work := channels * (len(l.offsets)/2*8 + StoreWork) // a multiply-add of these takes as long as several of a product
		per := max(taskWork/work, 1)
		for r := 0; r < l.lattice.rows; r += per {
			c.tasks = append(c.tasks, channelTask{l, r, min(r+per, l.lattice.rows)})
		}
	}
	return c
}

// tapOffsets returns where each tap is that patches of so many channels see, and its row of the kernel, in
// bytes.
func (p *patches) tapOffsets(channels int) (offsets []int) {
	for _, g := range p.segments {
		for i := 0; i < g.n; i += channels {
			offsets = append(offsets, 4*(g.from+i), 4*(g.k+i))
		}
	}
	return offsets
}

// Run computes the convolution.
func (c *channelwise) Run(p *par.Pool) { p.Run(c, len(c.tasks)) }

// Do computes rows of a class.
func (c *channelwise) Do(worker, index int) {
	t := &c.tasks[index]
	s := acquireScratch(worker, c.kernels)
	l := &t.class.lattice
	last := &l.axes[len(l.axes)-1]
	x := &s.depthwise
	for r := t.r0; r < t.r1; {
		from, to, run := l.at(r)
		run = min(run, t.r1-r)
		if len(t.class.offsets) == 0 {
			for i := range run {
				clear(c.y[(to+i*last.to)*c.channels:][:c.channels])
			}
		} else {
			x.a, x.b, x.c, x.offsets = &c.x[from], &c.k[0], &c.y[to*c.channels], &t.class.offsets[0]
			x.k, x.cols, x.count, x.resume = len(t.class.offsets)/2, c.channels, run, 0
			x.aStep, x.cStep = 4*last.from, 4*last.to*c.channels
			c.kernels.depthwise(x)
		}
		if c.epilogue != nil {
			if last.to == 1 || run == 1 {
				c.epilogue.Region(worker, to, to+run, 0, c.channels)
			} else {
				for i := range run {
					c.epilogue.Region(worker, to+i*last.to, to+i*last.to+1, 0, c.channels)
				}
			}
		}
		r += run
	}
	releaseScratch(worker, s)
}

// channelwiseGrad is the gradient of the kernel of a depthwise convolution: a task is a tap, or some
// channels of it.
type channelwiseGrad struct {
	grad  *kernelGrad // whose classes are those of the taps
	taps  []channelTap
	parts int // of the channels of a tap
}

// A channelTap is a tap of a class.
type channelTap struct {
	class   *tapClass
	from    int   // where it is from a pixel
	row     int   // the tap
	offsets []int // of neighbouring places in the image and in the gradient of the result, in bytes
}

func newChannelwiseGrad(x []float32, g *kernelGrad) *channelwiseGrad {
	g.kernels = gemmTiers[Active()]
	g.tapClasses(x)
	channels := g.window.Channels
	c := &channelwiseGrad{grad: g, parts: max(channels/64, 1)}
	for i := range g.classes {
		class := &g.classes[i]
		last := len(class.x.lattice.axes) - 1
		var places []int
		for j := range class.x.lattice.axes[last].count {
			places = append(places, 4*j*class.x.lattice.axes[last].from, 4*j*class.dy.lattice.axes[last].from)
		}
		for j, taps := 0, class.x.tapOffsets(channels); j < len(taps); j += 2 {
			c.taps = append(c.taps, channelTap{class, taps[j] / 4, class.row/channels + j/2, places})
		}
	}
	return c
}

// Run computes the gradient.
func (c *channelwiseGrad) Run(p *par.Pool) { p.Run(c, len(c.taps)*c.parts) }

// Do computes some channels of a tap.
func (c *channelwiseGrad) Do(worker, index int) {
	g, t, part := c.grad, &c.taps[index/c.parts], index%c.parts
	channels := g.window.Channels
	c0, c1 := part*channels/c.parts, (part+1)*channels/c.parts
	y := g.c[t.row*channels+c0 : t.row*channels+c1]
	s := acquireScratch(worker, g.kernels)
	clear(y)
	x := &s.depthwise
	for i := range len(t.class.begins) - 1 {
		sum := y
		if i > 0 {
			sum = grow(&s.c, len(y))
		}
		x.resume = 0
		for r, end := t.class.begins[i], t.class.begins[i+1]; r < end; {
			from, _, run := t.class.x.lattice.at(r)
			dy, _, _ := t.class.dy.lattice.at(r)
			run = min(run, end-r)
			x.a, x.b, x.c, x.offsets = &t.class.x.data[from+t.from+c0], &g.dy[dy+c0], &sum[0], &t.offsets[0]
			x.k, x.cols, x.count = run, len(y), 1
			g.kernels.depthwise(x)
			x.resume = 1
			r += run
		}
		if i > 0 {
			for j, v := range sum {
				y[j] += v
			}
		}
	}
	releaseScratch(worker, s)
	if g.epilogue != nil {
		g.epilogue.Region(worker, t.row, t.row+1, c0, c1)
	}
}
