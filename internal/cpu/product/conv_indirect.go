package product

import "math"

// This file chooses whether patches are packed, or multiplied as they lie in the image, and multiplies those of few channels, on tiles whose
// operands are where a list says for each k (Dukhan, The Indirect Convolution Algorithm, 2019). Rows of a tile are pixels that are equally far
// from each other, so a tile ends where a row of the image does: it pays where rows of the image fill tiles.

// What costs as much as so many multiply-adds of 8 lanes, found by measuring on AVX2. Where there are more lanes, so many more are
// done meanwhile.
const (
	packElement  = 6       // to pack an element of a patch,
	packPiece    = 128     // and to begin with elements that lie side by side
	storeElement = 4       // to copy an element of the result from where it was computed
	tileCall     = 1 << 10 // to call a microkernel

	// Segments of fewer k are listed one by one.
	shortSegment = 16
)

// A reading is how patches come to tiles.
type reading int

const (
	packedPatches    reading = iota // copied, a block of rows and a step of k at a time
	listedPatches                   // as they lie: a list says where each k is
	segmentedPatches                // as they lie: a list says where each segment of k begins (conv_segmented.go)
)

// order returns the lattice of patches that are multiplied as they lie: turned, if rows of pixels are lower than good tiles, and samples are more.
func (x *implicit) order(p *patches) *lattice {
	const good = 8 // rows of a tile
	l, t := &p.lattice, p.lattice.turned()
	waste := func(run int) float64 { return max(1, float64(ceilDiv(run, x.tallest)*good)/float64(run)) }
	if x.pool == nil && t.last().from%1024 != 0 && waste(t.last().count) < waste(l.last().count) {
		return &t
	}
	return l
}

// chooseReading returns the reading that takes least time.
func (x *implicit) chooseReading() reading {
	if x.kernels.indirect == nil {
		return packedPatches
	}
	lanes, least := ceilDiv(x.n, x.kernels.lanes)*x.kernels.lanes, 10/x.vectors // rows of a tile with enough chains at a time
	meanwhile := x.kernels.lanes / 8
	way := segmentedPatches
	if p := x.classes[0].patches[0]; p.cols < shortSegment*len(p.segments) && x.depth <= chain {
		way = listedPatches
	}
	packed, asTheyLie := 0, 0
	for i := range x.classes {
		p := x.classes[i].patches[0]
		if p.contiguous() && p.lattice.last().count > 1 && x.kernels.lanes == 8 { // those are packed faster there
			return packedPatches
		}
		run := x.order(p).last().count
		packed += max(p.lattice.rows, least)*p.cols*lanes + p.lattice.rows*(p.cols*packElement+len(p.segments)*packPiece)*meanwhile
		if !p.lattice.dense {
			packed += p.lattice.rows * lanes * storeElement * meanwhile
		}
		tiles := ceilDiv(run, x.tallest)
		height := max(run, tiles*least)
		if way == listedPatches { // takes the time of five quarters of a row longer
			height += tiles * 5 / 4
		}
		asTheyLie += p.lattice.rows / run * (height*p.cols*lanes + ceilDiv(x.n, x.panel)*tileCall*meanwhile)
	}
	if asTheyLie >= packed {
		return packedPatches
	}
	return way
}

// listPatches lists for each class that has columns where they and the kernel are.
func (x *implicit) listPatches() {
	ld := x.panel // from row to row of the kernel
	if x.inPlace {
		ld = x.asItIs.ld
	}
	for i := range x.classes {
		c := &x.classes[i]
		if x.reading != packedPatches {
			for _, p := range c.patches {
				p.lattice = *x.order(p)
			}
		}
		switch x.reading {
		case listedPatches:
			c.list = c.patches[0].list(ld)
			c.lies = c.list != nil
		case segmentedPatches:
			c.lies = c.patches[0].cols > 0
			for j := range c.steps {
				u := &c.steps[j]
				u.list = c.patches[0].listSegments(u, j*x.stepK, ld)
				c.lies = c.lies && (u.list != nil || len(u.runs) == 0)
			}
		}
	}
}

// list returns where each column is, in bytes from the first, and its row of a kernel with rows ld apart; nil if there are no columns, or
// if they are too far from each other.
func (p *patches) list(ld int) (list []int32) {
	for _, g := range p.segments {
		for i := range g.n {
			column, row := 4*(g.from+i-p.segments[0].from), 4*(g.k+i)*ld
			if max(column, -column, row) > math.MaxInt32 {
				return nil
			}
			list = append(list, int32(column), int32(row))
		}
	}
	return list
}

// asTheyLie computes the columns of a task for a block, whose patches aren't packed, to where they are stored.
func (x *implicit) asTheyLie(worker int, s *gemmScratch, t *implicitTask, b *rowBlock) {
	s.tile.list, s.tile.k, s.tile.resume = &b.class.list[0], len(b.class.list)/2, 0
	x.multiplyRuns(s, t, b, x.kernels.indirect, x.result(worker, s, t, b, 0, 0), 0)
	x.finish(worker, s, t, b, matrix{})
}

// multiplyRuns multiplies the patches of a block as they lie, on tiles whose list is set, by the kernel from row k0 on: to compact, a row for
// each of the block's, or, if that has no data, to where they are stored.
func (x *implicit) multiplyRuns(s *gemmScratch, t *implicitTask, b *rowBlock, tiles []microkernels, compact matrix, k0 int) {
	p, cols := b.class.patches[t.group], t.c1-t.c0
	last, line := p.lattice.last(), p.lattice.line()
	for col := 0; col < cols; col += x.panel {
		kernel := x.kernel(s, t, k0, col)
		if x.far { // the next panel comes nearer meanwhile
			next := 0 // of the next block
			if col+x.panel < cols {
				next = col + x.panel
			}
			s.ahead[0], s.aheadDense = x.kernel(s, t, k0, next).data[:(min(k0+x.stepK, x.depth)-k0)*x.panel], false
		}
		for r := b.r0; r < b.r1; {
			from, to, run, lines := p.lattice.grid(r, b.r1)
			a := matrix{data: p.data[from+p.segments[0].from:], ld: last.from}
			c, cStep := compact, run*compact.ld
			if c.data == nil {
				c, cStep = matrix{data: x.c[to*x.ldc+t.group*x.n+t.c0:], ld: last.to * x.ldc}, line.to*x.ldc
			} else {
				c = c.from(r-b.r0, 0)
			}
			x.downLines(s, tiles, a, kernel, c.from(0, col), run, lines, line.from, cStep, min(x.panel, cols-col))
			r += run * lines
		}
	}
}

// liesWell reports whether patches are better multiplied as they lie in the image than packed.
func (k *kernelGrad) liesWell() bool {
	if k.kernels.indirect == nil || len(k.classes[0].x.data) > math.MaxInt32/4 {
		return false
	}
	lanes, least := ceilDiv(k.n, k.kernels.lanes)*k.kernels.lanes, 10/k.vectors
	packed, asTheyLie := 0, 0
	for i := range k.classes {
		c := &k.classes[i]
		if c.padded != nil || c.x.contiguous() { // those are packed faster
			return false
		}
		packed += c.x.lattice.rows * c.x.cols * (lanes + packElement*k.kernels.lanes/8)
		for _, g := range c.x.segments {
			tiles := ceilDiv(g.n, k.tallest)
			asTheyLie += c.x.lattice.rows * (max(g.n, tiles*least) + tiles*5/4) * lanes
		}
	}
	return asTheyLie < packed
}

// turn chooses whether the transpose is computed, in which lanes lie along the channels of taps: if that takes no more multiply-adds than with lanes along
// filters, which fill a vector at most. Tiles are several vectors wide then, and load less for each multiply-add.
func (k *kernelGrad) turn() {
	n, lanes := k.segments(&k.classes[0])[0].n, k.kernels.lanes
	if k.n > lanes || ceilDiv(n, lanes)*k.n > n {
		return
	}
	t := &k.turned
	t.kernels = k.kernels
	for count := 1; count <= k.n; count++ { // of tiles, for all filters
		height := ceilDiv(k.n, count)
		if height >= len(k.kernels.indirect) {
			continue
		}
		for _, m := range k.kernels.indirect[height] {
			if height*m.vectors > t.tallest*t.vectors {
				t.vectors, t.tallest = m.vectors, height
			}
		}
	}
}

// listRun lists places of which each is nextX elements of the image and nextDY elements of the gradient of the result behind the one before: what is read number by number comes
// first of each pair.
//
//go:noinline
func listRun(list []int32, x, dy, nextX, nextDY int, turned bool) {
	if turned {
		x, dy, nextX, nextDY = dy, x, nextDY, nextX
	}
	a, b, nextA, nextB := int32(4*x), int32(4*dy), int32(4*nextX), int32(4*nextDY)
	for ; len(list) > 1; list = list[2:] {
		list[0], list[1] = a, b
		a, b = a+nextA, b+nextB
	}
}

// listPlaces lists where places r0 … r1-1 of a class are from the first one, and their rows of dy, in place or packed.
func (k *kernelGrad) listPlaces(s *gemmScratch, c *tapClass, r0, r1 int, inPlace bool) {
	list := grow(&s.list, 2*(r1-r0))
	x0, _, _ := c.x.lattice.at(r0)
	y0, _, _ := c.dy.lattice.at(r0)
	nextX, nextY := c.x.lattice.last().from, k.panel
	if inPlace {
		nextY = c.dy.lattice.last().from
	}
	for r := r0; r < r1; {
		x, _, run := c.x.lattice.at(r)
		y, _, _ := c.dy.lattice.at(r)
		if !inPlace {
			y = y0 + (r-r0)*k.panel
		}
		run = min(run, r1-r)
		listRun(list[2*(r-r0):2*(r-r0+run)], x-x0, y-y0, nextX, nextY, k.turned.vectors > 0)
		r += run
	}
}

// multiplyListed multiplies patches of places r0 … r1-1, which are listed, with the gradients there: the first of the list is read at an element of x.
func (k *kernelGrad) multiplyListed(s *gemmScratch, t *gradTask, r0, r1 int, list []int32, x []float32, at int, dy panels, c matrix) {
	taps := k.segments(t.class)
	for col := 0; col < k.n; col += k.panel { // of the transpose there is one panel
		for i := range taps {
			g := &taps[i]
			first, end := max(g.first, t.m0), min(g.first+g.n, t.m1)
			p0, p1 := r0, r1
			if p := t.class.padded; p != nil {
				p0, p1 = p.inside(g, r0, r1)
			}
			if first >= end || p0 == p1 {
				continue
			}
			s.tile.list, s.tile.k = &list[2*(p0-r0)], p1-p0
			seen := matrix{data: x[at+g.from+first-g.first:], ld: 1}
			if k.turned.vectors > 0 {
				k.turned.down(s, k.kernels.indirect, matrix{data: dy.data, ld: 1}, seen, c.from(0, first-t.m0), k.n, end-first)
			} else {
				k.down(s, k.kernels.indirect, seen, dy.panel(col/k.panel), c.from(first-t.m0, col), end-first, min(k.panel, k.n-col))
			}
		}
	}
}
