package product

import "sync/atomic"

// This file lets the gradient of a kernel go over the border of the image. The taps of a convolution with padding
// are inside the image at different places, and to go over each tap's places apart is slow where it has few
// channels. So all taps go over all places, with zeros for what is outside.
//
// What is outside the image is in no chain, and yet no bit changes. If dy is finite, the zeros can but turn a chain at
// −0 into +0, and then the chain ends at zero, since what is added to the one is added to the other. So the rows of
// a tap that has such a chain, or one that isn't finite, are computed again without the padding. There is no
// need to where all that is summed is zero anyway: where a filter had no gradient, or a channel was zero.

// Padded is the patches of all taps at all places, with zeros outside the image.
type padded struct {
	window  *Window
	data    []float32
	group   int
	spans   [3][]span
	spanOf  [3][]int   // of each place
	classes []*patches // of the places, for the first sample
}

const (
	// A tap of as many channels fills tiles of its own.
	fewChannels = 32
	// All multiplications may be so many times those that are not by padding: more cost as much as is gained.
	mostPadding = 1.35
)

// padsWell reports whether it is worthwhile to multiply by padding: there is some, and not much.
func (w *Window) padsWell() bool {
	if w.Channels/w.Groups >= fewChannels {
		return false
	}
	all, inside := 1., 1.
	for d := range 3 {
		n := 0
		for o := range w.Places[d] {
			t0, t1 := w.inside(d, o)
			n += t1 - t0
		}
		all *= float64(w.Places[d] * w.Taps[d])
		inside *= float64(n)
	}
	return all > inside && all <= mostPadding*inside
}

func newPadded(w *Window, data []float32, group int) *padded {
	p := &padded{window: w, data: data, group: group}
	channels := w.Channels / w.Groups
	for d := range 3 {
		p.spans[d] = w.placeSpans(d)
		for i, s := range p.spans[d] {
			for range s.count {
				p.spanOf[d] = append(p.spanOf[d], i)
			}
		}
	}
	tap := func(d, h, l int) int { return ((d*w.Taps[1]+h)*w.Taps[2] + l) * channels }
	for _, c := range classes(p.spans, 1, func(_ int, spans [3]*span) *patches {
		return patchesOf(data, 1, w.ImageStride, 0, channels, w.Image, w.Places, spans, tap)
	}) {
		p.classes = append(p.classes, c.patches[0])
	}
	return p
}

func (p *padded) pack(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	w := p.window
	row := [3]int{w.Image[1] * w.Image[2] * w.ImageStride, w.Image[2] * w.ImageStride, w.ImageStride}
	for r := r0; r < r1; {
		sample, rest := r/volume(w.Places), r%volume(w.Places)
		d, h, l := split(rest, w.Places)
		at := p.spanOf[2][l]
		last := &p.spans[2][at]
		run := min(last.first+last.count-l, r1-r)
		from := sample*volume(w.Image)*w.ImageStride + w.pixel(0, d, 0)*row[0] + w.pixel(1, h, 0)*row[1] + w.pixel(2, l, 0)*row[2] + p.group*(w.Channels/w.Groups)
		class := p.classes[(p.spanOf[0][d]*len(p.spans[1])+p.spanOf[1][h])*len(p.spans[2])+at]
		if class.cols < volume(w.Taps)*(w.Channels/w.Groups) {
			for i := range run {
				clear(to.data[(r-r0+i)*to.ld:][:c1-c0])
			}
		}
		for _, g := range class.segments {
			if c, end := max(g.k, c0), min(g.k+g.n, c1); c < end {
				src := matrix{data: p.data[from+g.from+c-g.k:], ld: w.Stride[2] * w.ImageStride}
				s.copyWide(matrix{data: to.data[(r-r0)*to.ld+c-c0:], ld: to.ld}, src, run, end-c)
			}
		}
		r += run
	}
}

// Whether a filter's gradient, or a channel, is zero at all places of a chain.
const (
	unknown = iota
	someNonzero
	allZero
)

// allZeroOf returns what the state says, if need be after a look at every step-th of the elements.
func allZeroOf(state *atomic.Int32, x []float32, step int) bool {
	if state.Load() == unknown {
		now := int32(allZero)
		for i := 0; i < len(x); i += step {
			if x[i] != 0 {
				now = someNonzero
				break
			}
		}
		state.Store(now)
	}
	return state.Load() == allZero
}

// verify notes for which taps of a task the padding may have changed a chain.
func (k *kernelGrad) verify(t *gradTask, number int, c matrix) {
	for i := range t.class.parts {
		part := &t.class.parts[i]
		first := part.row - t.class.row
		if part.x.lattice.rows == t.class.x.lattice.rows || t.again[i].Load() {
			continue
		}
		for row := max(first, t.m0); row < min(first+part.x.cols, t.m1); row++ {
			for j, v := range c.from(row-t.m0, 0).data[:k.n] {
				if v-v != 0 || v == 0 && !k.harmless(t.class, number, t.class.row+row, j) {
					t.again[i].Store(true)
				}
			}
		}
	}
}

// harmless reports whether the chain of an element sums zeros alone.
func (k *kernelGrad) harmless(class *tapClass, number, row, col int) bool {
	w := k.window
	p0, p1 := class.begins[number], class.begins[number+1]
	filter := class.group*k.n + col
	if allZeroOf(&k.filters[number*w.Filters+filter], k.dy[p0*w.ResultStride+filter:(p1-1)*w.ResultStride+filter+1], w.ResultStride) {
		return true
	}
	channels := w.Channels / w.Groups
	channel := class.group*channels + row%channels
	image := volume(w.Image) * w.ImageStride
	first, last := p0/volume(w.Places), (p1-1)/volume(w.Places)
	return allZeroOf(&k.channels[number*w.Channels+channel], class.padded.data[first*image+channel:(last+1)*image-w.ImageStride+channel+1], w.ImageStride)
}

// again computes rows without the padding.
func (k *kernelGrad) again(worker int, t *gradTask) {
	for i := range t.class.parts {
		if !t.again[i].Load() {
			continue
		}
		part := &t.class.parts[i]
		first := part.row - t.class.row
		k.rows(worker, &gradTask{class: part, m0: max(t.m0-first, 0), m1: min(t.m1-first, part.x.cols)})
	}
}

// forget forgets what verify found in the run before.
func (k *kernelGrad) forget() {
	for i := range k.tasks {
		for j := range k.tasks[i].again {
			k.tasks[i].again[j].Store(false)
		}
	}
	for _, states := range [][]atomic.Int32{k.filters, k.channels} {
		for i := range states {
			states[i].Store(unknown)
		}
	}
}
