package product

import (
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes convolutions of few filters, and gradients of images of few channels. Along those, lanes would be empty, so
// they lie along pixels. What taps see is transposed once, some rows of an image at a time: each channel is a plane then,
// in which what a tap sees at neighbouring pixels lies side by side, and tiles multiply planes and kernel as they lie. They go on from
// row to row, and what they compute between rows is left. Columns of pixels at the border are rows of a product of patches.

// A narrow is a product of few columns.
type narrow struct {
	x *implicit // the same product; it has those classes that are left to it

	data     []float32 // [batch, size..., channels], stride elements from pixel to pixel
	batch    int
	size     [3]int
	channels int
	stride   int
	results  [3]int // pixels of a result
	kernel   matrix // a row for each of their numbers

	kernels *gemmKernels
	parts   []narrowPart
	bands   int // of rows of results, in each sample
	plane   int // elements from plane to plane
}

// A narrowPart is pixels that see the same taps: these columns of these rows.
type narrowPart struct {
	rows, cols *span
	list       []int32 // where the kernel and the planes are for each k
}

const (
	// Of more numbers at each pixel lanes are full enough.
	narrowNumbers = 4

	// So many columns of pixels are a part.
	narrowCols = 16

	// So many pixels are fetched before they are transposed.
	narrowFetch = 64
)

// prepare cuts the product into tasks and reports whether it is a better way than that of patches, which is not prepared yet. at
// returns the column of the kernel that belongs to a channel of a tap.
func (z *narrow) prepare(w *Window, at func(tap, channel int) int) bool {
	x, k := z.x, gemmTiers[isa.Active()]
	if k.indirect == nil || x.n > narrowNumbers || x.groups > 1 || x.depth > chain || w.Taps[0]*w.Image[0]*w.Places[0] > 1 || w.Low[0] != 0 {
		return false
	}
	z.kernels = k
	line := z.size[2]
	var left []class
	for i := range x.spans[1] {
		for j := range x.spans[2] {
			rows, cols := &x.spans[1][i], &x.spans[2][j]
			if rows.stride == 1 && cols.stride == 1 && cols.count >= max(narrowCols, line*2/3) && len(rows.taps)*len(cols.taps) > 0 {
				z.parts = append(z.parts, narrowPart{rows: rows, cols: cols})
			} else {
				left = append(left, x.classes[i*len(x.spans[2])+j])
			}
		}
	}
	if z.parts == nil {
		return false
	}
	// The planes of a band fill five eighths of the second-level cache.
	_, l2, _ := cacheElements()
	most := l2 * 5 / 8 / z.channels
	z.bands = min(ceilDiv(8, z.batch), volume(z.results)*x.n*x.depth/taskWork+1, z.results[1])
	for z.planeRows()*line > most && z.bands < z.results[1] {
		z.bands = min(z.bands+z.bands/8+1, z.results[1])
	}
	if z.planeRows()*line > 4*most {
		return false
	}
	z.plane = oddLines(z.planeRows() * line)
	for i := range z.parts {
		p := &z.parts[i]
		for a, th := range p.rows.taps {
			for b, tw := range p.cols.taps {
				seen := (p.rows.offsets[a]-p.rows.offsets[0])*line + p.cols.offsets[b] - p.cols.offsets[0]
				for c := range z.channels {
					p.list = append(p.list, int32(4*at(th*w.Taps[2]+tw, c)), int32(4*(c*z.plane+seen)))
				}
			}
		}
	}
	if x.classes = left; left != nil {
		x.prepare()
	}
	return true
}

// band returns the rows of results of a band.
func (z *narrow) band(i int) (h0, h1 int) {
	return i * z.results[1] / z.bands, (i + 1) * z.results[1] / z.bands
}

// between returns which pixels of a span are from h0 to h1-1.
func (s *span) between(h0, h1 int) (j0, j1 int) {
	j0 = min(max(ceilDiv(h0-s.first, s.step), 0), s.count)
	return j0, min(max(ceilDiv(h1-s.first, s.step), j0), s.count)
}

// sees returns the rows that the taps of parts see of rows h0 … h1-1 of results.
func (z *narrow) sees(h0, h1 int) (p0, p1 int) {
	p0 = z.size[1]
	for i := range z.parts {
		rows := z.parts[i].rows
		if j0, j1 := rows.between(h0, h1); j0 < j1 {
			first, last := rows.offsets[0], rows.offsets[len(rows.offsets)-1]
			p0, p1 = min(p0, rows.from+j0+min(first, last)), max(p1, rows.from+j1+max(first, last))
		}
	}
	return min(p0, p1), p1
}

// planeRows returns the most rows that a band sees.
func (z *narrow) planeRows() (most int) {
	for i := range z.bands {
		p0, p1 := z.sees(z.band(i))
		most = max(most, p1-p0)
	}
	return most
}

// Run computes the product.
func (z *narrow) Run(p *par.Pool) {
	p.Run(z, z.batch*z.bands)
	if z.x.classes != nil {
		z.x.Run(p)
	}
}

// Do computes the parts of a band.
func (z *narrow) Do(worker, index int) {
	sample := index / z.bands
	h0, h1 := z.band(index % z.bands)
	p0, p1 := z.sees(h0, h1)
	if p0 == p1 {
		return
	}
	l1, _, _ := cacheElements()
	s, n, line := acquireScratch(worker, z.kernels), z.x.n, z.size[2]
	s.pass = 0 // what was packed of A for a pass is overwritten
	tiles := z.kernels.indirect[n]
	room := z.channels*z.plane + tiles[len(tiles)-1].vectors*z.kernels.lanes // the last tile reads beyond the last plane
	planes := matrix{data: grow(&s.a, room), ld: z.plane}
	seen, pixels := matrix{data: z.data[(sample*z.size[1]+p0)*line*z.stride:], ld: z.stride}, (p1-p0)*line
	for at := 0; at < pixels; at += narrowFetch {
		n := min(narrowFetch, pixels-at)
		s.fetch(seen.from(at, 0).data[:(n-1)*z.stride+z.channels])
		s.transpose(planes.from(0, at), seen.from(at, 0), n, z.channels)
	}
	for i := range z.parts {
		p := &z.parts[i]
		j0, j1 := p.rows.between(h0, h1)
		if j0 == j1 {
			continue
		}
		lanes := (j1-j0-1)*line + p.cols.count
		m := tiles[0]
		for _, wider := range tiles[1:] {
			if m.vectors*m.lanes < lanes && z.channels*wider.vectors*wider.lanes <= l1*3/4 { // of all channels, since the next tap sees the same
				m = wider
			}
		}
		t, width := &s.tile, m.vectors*m.lanes
		t.count = ceilDiv(lanes, width)
		t.aStep, t.bStep, t.cStep = 0, 4*width, 4*width
		t.list, t.k, t.resume = &p.list[0], len(p.list)/2, 0
		sums := matrix{data: grow(&s.c, n*t.count*width), ld: t.count * width}
		first := (p.rows.from+j0+p.rows.offsets[0]-p0)*line + p.cols.from + p.cols.offsets[0]
		s.multiply(m, z.kernel, planes.from(0, first), sums, width)
		for j := j0; j < j1; j++ {
			row := (sample*z.results[1]+p.rows.first+j*p.rows.step)*z.results[2] + p.cols.first
			z.store(worker, p.cols, row, sums.from(0, (j-j0)*line))
		}
	}
	releaseScratch(worker, s)
}

// fetch reads a number of each line of the cache, so that the lines come side by side: transposes read one after the other.
func (s *gemmScratch) fetch(x []float32) {
	var sum float32
	for i := 0; i < len(x); i += isa.LineFloats {
		sum += x[i]
	}
	s.fetched = sum
}

// store transposes the sums of columns of a row to their pixels, which begin with number first, and runs the epilogue on them.
func (z *narrow) store(worker int, cols *span, first int, sums matrix) {
	x, count, step := z.x, cols.count, cols.step
	for i := range x.n {
		to := x.c[first*x.ldc+i:]
		for j, v := range sums.from(i, 0).data[:count] {
			to[j*step*x.ldc] = v
		}
	}
	switch {
	case x.epilogue == nil:
	case step == 1:
		x.epilogue.Region(worker, first, first+count, 0, x.n)
	default:
		for j := range count {
			x.epilogue.Region(worker, first+j*step, first+j*step+1, 0, x.n)
		}
	}
}
