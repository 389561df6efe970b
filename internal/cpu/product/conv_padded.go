package product

import (
	"math"
	"sync/atomic"
)

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
	taps    []segment  // of a copy with zeros around: those of a row, if they see what lies side by side
	step    int        // places that are multiplied at once, or
	rows    int        // so many of their rows, if several fit and several such steps are a sample
	steps   int        // of a copy
}

const (
	// A tap of as many channels fills tiles of its own.
	fewChannels = 64
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
	p := &padded{window: w, data: data, group: group, spans: along(w.placeSpans)}
	channels := w.Channels / w.Groups
	for d := range p.spans {
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
	across := w.Taps[2]
	if w.Dilation[2] > 1 {
		across = 1
	}
	for t := 0; t < volume(w.Taps); t += across {
		h, l := t/w.Taps[2], t%w.Taps[2]
		p.taps = append(p.taps, segment{(h*w.Dilation[1]*w.spread(2) + l*w.Dilation[2]) * channels, t * channels, across * channels, t * channels})
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

// What all taps see at the places of a chain can be copied with zeros around it: it is multiplied as it lies there (conv_indirect.go).

const (
	// A copy has at most so many elements.
	surroundedRoom = 1 << 22

	// So few tasks are enough, since each copies what it multiplies.
	surroundedTasks = 8
)

// asItLies reports whether patches may be multiplied in a copy of the image that has zeros around it: the copy is not much larger.
func (p *padded) asItLies(k *gemmKernels) bool {
	w := p.window
	samples := chain/volume(w.Places) + 2 // that a chain sees at most
	return k.indirect != nil && w.Groups == 1 && w.Taps[0]*w.Image[0]*w.Places[0] == 1 && w.Low[0] == 0 && w.ImageStride == w.Channels &&
		w.Stride[1] <= w.Taps[1] && w.Stride[2] <= w.Taps[2] && samples*w.spread(1)*w.spread(2)*w.Channels <= surroundedRoom
}

// spread returns how many pixels there are along a dimension from the first that a tap is at to the last, outside the image too.
func (w *Window) spread(dim int) int {
	return (w.Places[dim]-1)*w.Stride[dim] + (w.Taps[dim]-1)*w.Dilation[dim] + 1
}

// surround copies what the taps see at places p0 … p1-1. It lists where each place is, and its row of dy: rows are ld apart.
func (p *padded) surround(s *gemmScratch, p0, p1, ld int, turned bool) []float32 {
	w, all := p.window, volume(p.window.Places)
	line := w.spread(2) * w.Channels
	beyond := (w.Taps[1]-1)*w.Dilation[1] + 1
	room := 0
	for at := p0; at < p1; at += all - at%all {
		room += ((min(at-at%all+all, p1)-1)%all/w.Places[2]-at%all/w.Places[2])*w.Stride[1] + beyond
	}
	x := grow(&s.a, room*line)
	list := grow(&s.list, 2*(p1-p0))
	row := 0
	for at := p0; at < p1; {
		sample, end := at/all, min(at-at%all+all, p1)
		first, rows := at%all/w.Places[2], ((end-1)%all/w.Places[2]-at%all/w.Places[2])*w.Stride[1]+beyond
		for i := range rows {
			p.surroundRow(x[(row+i)*line:][:line], sample, w.pixel(1, first, 0)+i)
		}
		for at < end { // places of a row
			h, l := at%all/w.Places[2]-first, at%w.Places[2]
			n := min(w.Places[2]-l, end-at)
			x := (row+h*w.Stride[1])*line + l*w.Stride[2]*w.Channels
			listRun(list[2*(at-p0):2*(at+n-p0)], x, (at-p0)*ld, w.Stride[2]*w.Channels, ld, turned)
			at += n
		}
		row += rows
	}
	return x
}

// cut cuts places into steps of at most so many, and says of how many of them a copy is made: that it has four times as many rows as are copied again for the next.
func (p *padded) cut(most int) {
	w := p.window
	p.step, p.rows = most, most/w.Places[2]
	if p.rows < 4 || p.rows >= w.Places[1] {
		p.rows = 0
	} else {
		p.rows = ceilDiv(w.Places[1], ceilDiv(w.Places[1], p.rows))
		p.step = p.rows * w.Places[2]
	}
	p.steps = max(ceilDiv(4*(w.Taps[1]-1)*w.Dilation[1]*w.Places[2], w.Stride[1]*p.step), 1) // one tap high reaches over no rows
}

// endOfStep returns where so many steps end that begin at a place, at the latest at an end.
func (p *padded) endOfStep(place, steps, end int) int {
	w := p.window
	for range steps {
		if p.rows == 0 {
			place += p.step
			continue
		}
		first := place - place%volume(w.Places)
		row := (place - first) / w.Places[2]
		place = first + min((row/p.rows+1)*p.rows, w.Places[1])*w.Places[2]
	}
	return min(place, end)
}

// inside returns at which of places r0 … r1-1 taps are inside the image, if the places are a sample's: they may be outside beside it, but not above or below.
func (p *padded) inside(taps *segment, r0, r1 int) (p0, p1 int) {
	w, all := p.window, volume(p.window.Places)
	first := r0 - r0%all
	if r1 > first+all {
		return r0, r1
	}
	h0, h1 := w.visiting(1, taps.k/(w.Taps[2]*w.Channels))
	p0 = max(r0, first+h0*w.Places[2])
	return p0, max(min(r1, first+h1*w.Places[2]), p0)
}

// multiplyCopies computes the chains of places begin … end-1 for the rows of a task, on copies of what some steps see, with zeros around.
func (k *kernelGrad) multiplyCopies(s *gemmScratch, t *gradTask, begin, end int, inPlace bool, c matrix) {
	p, ld, steps := t.class.padded, k.panel, 1
	if inPlace {
		ld, steps = k.window.ResultStride, p.steps
	}
	cols, rows := k.n, t.m1-t.m0
	if k.turned.vectors > 0 {
		cols, rows = rows, cols
	}
	for i := range rows {
		clear(c.from(i, 0).data[:cols])
	}
	s.tile.resume = 1
	for q0 := begin; q0 < end; {
		q1 := p.endOfStep(q0, steps, end)
		x := p.surround(s, q0, q1, ld, k.turned.vectors > 0)
		s.ahead[1] = p.rowsOf(q1, p.endOfStep(q1, steps, end))
		dy := k.gradients(s, t.class, q0, q1, inPlace)
		for r0 := q0; r0 < q1; {
			r1 := p.endOfStep(r0, 1, q1)
			s.tile.k = r1 - r0
			k.fetchAhead(s, t, r1, p.endOfStep(r1, 1, end))
			k.multiplyListed(s, t, r0, r1, s.list[2*(r0-q0):], x, 0, dy, c)
			r0 = r1
		}
		q0 = q1
	}
}

// rowsOf returns the rows of the image that the taps see at places p0 … p1-1, but not at those before.
func (p *padded) rowsOf(p0, p1 int) []float32 {
	w := p.window
	seen := func(place int) int { // rows that the taps see before a place
		if place--; place < 0 {
			return 0
		}
		sample, h := place/volume(w.Places), place%volume(w.Places)/w.Places[2]
		return sample*w.Image[1] + min(max(w.pixel(1, h, w.Taps[1]-1)+1, 0), w.Image[1])
	}
	row := w.Image[2] * w.Channels
	return p.data[seen(p0)*row : seen(p1)*row]
}

// surroundRow copies row h of a sample, which may be outside the image, with zeros on both sides.
func (p *padded) surroundRow(to []float32, sample, h int) {
	w := p.window
	if h < 0 || h >= w.Image[1] {
		clear(to)
		return
	}
	left := min(w.Low[2]*w.Channels, len(to))
	clear(to[:left])
	n := copy(to[left:], p.data[(sample*w.Image[1]+h)*w.Image[2]*w.Channels:][:w.Image[2]*w.Channels])
	clear(to[left+n:])
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
			if !suspicious(c.from(row-t.m0, 0).data[:k.n]) {
				continue
			}
			for j, v := range c.from(row-t.m0, 0).data[:k.n] {
				if v-v != 0 || v == 0 && !k.harmless(t.class, number, t.class.row+row, j) {
					t.again[i].Store(true)
				}
			}
		}
	}
}

// suspicious reports whether any of some numbers is zero or not finite.
func suspicious(x []float32) bool {
	var a, b uint32 // the greatest bits without the sign, less one: then those of zero are the greatest of all
	for ; len(x) > 1; x = x[2:] {
		a, b = max(a, math.Float32bits(x[0])<<1-1), max(b, math.Float32bits(x[1])<<1-1)
	}
	for _, v := range x {
		a = max(a, math.Float32bits(v)<<1-1)
	}
	return max(a, b) >= math.Float32bits(float32(math.Inf(1)))<<1-1
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
