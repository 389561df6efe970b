package product

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

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
	ldy      int // elements from pixel to pixel of y
	x, k, y  []float32
	epilogue cpu.Epilogue
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
func newChannelwise(x, k, y []float32, channels, ldy int, classes []class, e cpu.Epilogue) *channelwise {
	c := &channelwise{kernels: gemmTiers[isa.Active()], channels: channels, ldy: ldy, x: x, k: k, y: y, epilogue: e}
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
	last := l.last()
	x := &s.depthwise
	for r := t.r0; r < t.r1; {
		from, to, run := l.at(r)
		run = min(run, t.r1-r)
		if len(t.class.offsets) == 0 {
			for i := range run {
				clear(c.y[(to+i*last.to)*c.ldy:][:c.channels])
			}
		} else {
			x.a, x.b, x.c, x.offsets = &c.x[from], &c.k[0], &c.y[to*c.ldy], &t.class.offsets[0]
			x.k, x.cols, x.count, x.resume = len(t.class.offsets)/2, c.channels, run, 0
			x.aStep, x.cStep = 4*last.from, 4*last.to*c.ldy
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

// channelwiseGrad is the gradient of the kernel of a depthwise convolution: a task is some channels of all
// taps. It goes over the places some at a time, so that what all taps see there stays in the first-level cache.
type channelwiseGrad struct {
	grad  *kernelGrad // whose classes are those of the taps
	taps  int
	at    [][]int       // of each class its taps, and where they are from a pixel
	steps [][]int       // of neighbouring places of each class in the image and in the gradient of the result, in bytes
	tasks []channelGrad // some channels each
}

// A channelGrad is how far a task of a channelwiseGrad is.
type channelGrad struct {
	c0, c1       int
	rows         []int  // of each class
	begun, added []bool // of each tap: there are products in the present chain, or there is a sum
}

// stagePlaces is about how many places all taps go over before the next ones.
const stagePlaces = 64

func newChannelwiseGrad(x []float32, g *kernelGrad) *channelwiseGrad {
	g.kernels = gemmTiers[isa.Active()]
	g.tapClasses(x)
	channels := g.window.Channels
	c := &channelwiseGrad{grad: g, taps: volume(g.window.Taps)}
	for i := range g.classes {
		class := &g.classes[i]
		last := len(class.x.lattice.axes) - 1
		var steps, at []int
		for j := range class.x.lattice.axes[last].count {
			steps = append(steps, 4*j*class.x.lattice.axes[last].from, 4*j*class.dy.lattice.axes[last].from)
		}
		for j, offsets := 0, class.x.tapOffsets(channels); j < len(offsets); j += 2 {
			at = append(at, class.row/channels+j/2, offsets[j]/4)
		}
		c.at, c.steps = append(c.at, at), append(c.steps, steps)
	}
	parts := max(channels/64, 1)
	for i := range parts {
		c.tasks = append(c.tasks, channelGrad{
			i * channels / parts, (i + 1) * channels / parts,
			make([]int, len(g.classes)), make([]bool, c.taps), make([]bool, c.taps),
		})
	}
	return c
}

// Run computes the gradient.
func (c *channelwiseGrad) Run(p *par.Pool) { p.Run(c, len(c.tasks)) }

// Do computes some channels.
func (c *channelwiseGrad) Do(worker, index int) {
	g, t := c.grad, &c.tasks[index]
	w := g.window
	s := acquireScratch(worker, g.kernels)
	sums := grow(&s.c, c.taps*(t.c1-t.c0))
	clear(t.rows)
	clear(t.added)
	stage := max(stagePlaces/w.Places[2], 1) * w.Places[2]
	for p0, end := 0, w.Batch*volume(w.Places); p0 < end; {
		p1 := min(p0+stage, (p0/chain+1)*chain, end)
		for i := range g.classes {
			c.stage(s, t, i, p1, sums)
		}
		if p1%chain == 0 || p1 == end {
			c.add(t, sums)
		}
		p0 = p1
	}
	releaseScratch(worker, s)
	for tap := range c.taps {
		if !t.added[tap] {
			clear(g.c[tap*w.Channels+t.c0 : tap*w.Channels+t.c1])
		}
	}
	if g.epilogue != nil {
		g.epilogue.Region(worker, 0, c.taps, t.c0, t.c1)
	}
}

// stage adds the products of the places before p1 to the chains of the taps of a class.
func (c *channelwiseGrad) stage(s *gemmScratch, t *channelGrad, class, p1 int, sums []float32) {
	g, cols := c.grad, t.c1-t.c0
	k, x := &g.classes[class], &s.depthwise
	l := &k.x.lattice
	x.cols, x.count, x.aStep, x.cStep = cols, 1, 0, 0
	for t.rows[class] < l.rows {
		from, place, run := l.at(t.rows[class])
		if place >= p1 {
			return
		}
		dy, _, _ := k.dy.lattice.at(t.rows[class])
		run = min(run, ceilDiv(p1-place, max(l.axes[len(l.axes)-1].to, 1)))
		x.b, x.offsets, x.k = &g.dy[dy+t.c0], &c.steps[class][0], run
		for at := c.at[class]; len(at) > 0; at = at[2:] {
			tap := at[0]
			x.a, x.c, x.resume = &k.x.data[from+at[1]+t.c0], &sums[tap*cols], 0
			if t.begun[tap] {
				x.resume = 1
			}
			g.kernels.depthwise(x)
			t.begun[tap] = true
		}
		t.rows[class] += run
	}
}

// add ends the chains and adds them to those before.
func (c *channelwiseGrad) add(t *channelGrad, sums []float32) {
	cols := t.c1 - t.c0
	for tap := range c.taps {
		if !t.begun[tap] {
			continue
		}
		y, sum := c.grad.c[tap*c.grad.window.Channels+t.c0:][:cols], sums[tap*cols:][:cols]
		if t.added[tap] {
			for i, v := range sum {
				y[i] += v
			}
		} else {
			copy(y, sum)
		}
		t.begun[tap], t.added[tap] = false, true
	}
}
