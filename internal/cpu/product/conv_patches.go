package product

// This file tells where the operands of a convolution are: which pixels are summed over the same
// taps, and where each tap finds what it is multiplied with.

// A latticeAxis is one along which pixels are counted.
type latticeAxis struct {
	count int
	from  int // elements between neighbours where they are read
	to    int // pixels between neighbours where results are counted
}

// A lattice is pixels that are computed alike: at each of them the same taps are inside the image.
// They are counted through the samples, planes, rows and columns, and a row of a product belongs to each.
type lattice struct {
	axes     [4]latticeAxis // those of one pixel come first
	from, to int            // of the first pixel
	rows     int
	dense    bool // results of neighbours are neighbours
}

// newLattice returns the lattice of the axes.
func newLattice(from, to int, axes [4]latticeAxis) lattice {
	l := lattice{from: from, to: to, rows: 1, dense: true}
	at := len(axes)
	for i := len(axes) - 1; i >= 0; i-- {
		if a := axes[i]; a.count != 1 {
			l.dense = l.dense && a.to == l.rows
			l.rows *= a.count
			at--
			l.axes[at] = a
		}
	}
	for i := range at {
		l.axes[i].count = 1
	}
	return l
}

// last is the axis along which neighbouring rows are.
func (l *lattice) last() *latticeAxis { return &l.axes[len(l.axes)-1] }

// at returns where row r is read and where its result is counted, and how many rows from it on are
// neighbours along the last axis.
func (l *lattice) at(r int) (from, to, run int) {
	from, to = l.from, l.to
	for i := len(l.axes) - 1; i >= 0; i-- {
		a := &l.axes[i]
		j := r % a.count
		if i == len(l.axes)-1 {
			run = a.count - j
		}
		r /= a.count
		from += j * a.from
		to += j * a.to
	}
	return from, to, run
}

// line is the axis along which runs of neighbouring rows are.
func (l *lattice) line() *latticeAxis { return &l.axes[len(l.axes)-2] }

// grid is at, and returns how many runs of neighbours from row r on, the first of which may be a part of one, are evenly apart before end.
func (l *lattice) grid(r, end int) (from, to, run, lines int) {
	from, to, run = l.at(r)
	if run = min(run, end-r); run < l.last().count {
		return from, to, run, 1
	}
	return from, to, run, min((end-r)/run, l.line().count-r/run%l.line().count)
}

// turned is the lattice with its first axis along the rows of a tile. Results of neighbours are not neighbours then.
func (l lattice) turned() lattice {
	at := 0
	for at < len(l.axes)-1 && l.axes[at].count == 1 {
		at++
	}
	first := l.axes[at]
	copy(l.axes[at:], l.axes[at+1:])
	l.axes[len(l.axes)-1] = first
	l.dense = l.dense && at == len(l.axes)-1
	return l
}

// search returns the first row whose result is counted to or beyond so many.
func (l *lattice) search(to int) int {
	low, high := 0, l.rows
	for low < high {
		mid := (low + high) / 2
		if _, t, _ := l.at(mid); t < to {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// A segment is columns of patches that lie side by side: those of one tap, or of several.
type segment struct {
	from  int // elements from where its row is read
	first int // its first column
	n     int
	k     int // the number of the first in the sum that its column belongs to
}

// Patches are what the taps of a window see: a row for each pixel of a lattice, a column for each
// channel of each tap. They are never stored as a whole; a product packs those that its tiles
// are about to read.
type patches struct {
	data     []float32
	lattice  lattice
	segments []segment
	cols     int
}

// add adds the columns of a tap, to the last segment if they go on from it.
func (p *patches) add(from, k, n int) {
	if last := len(p.segments) - 1; last >= 0 {
		if s := &p.segments[last]; s.from+s.n == from && s.k+s.n == k {
			s.n += n
			p.cols += n
			return
		}
	}
	p.segments = append(p.segments, segment{from, p.cols, n, k})
	p.cols += n
}

func (p *patches) pack(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	last := p.lattice.last().from
	for r := r0; r < r1; {
		from, _, run := p.lattice.at(r)
		run = min(run, r1-r)
		for i := range p.segments {
			g := &p.segments[i]
			if g.first+g.n <= c0 {
				continue
			}
			if g.first >= c1 {
				break
			}
			src := matrix{data: p.data, ld: last}
			for c, end := max(g.first, c0), min(g.first+g.n, c1); c < end; {
				panel, col := (c-c0)/to.width, (c-c0)%to.width
				n := min(end-c, to.width-col)
				src.data = p.data[from+g.from+c-g.first:]
				s.copyWide(to.panel(panel).from(r-r0, col), src, run, s.whole(n, min(to.width-col, len(src.data)-(run-1)*last)))
				c += n
			}
		}
		r += run
	}
}

// contiguous reports whether what a tap sees at neighbouring pixels lies side by side, as in an image of one channel.
func (p *patches) contiguous() bool { return p.lattice.last().from == 1 }

// packColumns copies columns c0 … c1-1 of rows r0 … r1-1, each to a row of to. It is for patches that are contiguous: a column is
// then copied in long runs, where their rows are a few numbers for each row of taps.
func (p *patches) packColumns(to matrix, r0, r1, c0, c1 int) {
	for r := r0; r < r1; {
		from, _, run := p.lattice.at(r)
		run = min(run, r1-r)
		for i := range p.segments {
			g := &p.segments[i]
			for c := max(g.first, c0); c < min(g.first+g.n, c1); c++ {
				copy(to.data[(c-c0)*to.ld+r-r0:][:run], p.data[from+g.from+c-g.first:])
			}
		}
		r += run
	}
}

// whole returns the width of so many columns in pairs of vectors or whole vectors, which are copied faster, if there is room for
// so many. What is too much is in columns that are copied later, or in none.
func (s *gemmScratch) whole(cols, room int) int {
	for _, unit := range [2]int{2 * s.kernels.lanes, s.kernels.lanes} {
		if wide := ceilDiv(cols, unit) * unit; wide <= room {
			return wide
		}
	}
	return cols
}

// copyWide copies a matrix of any width.
func (s *gemmScratch) copyWide(dst, src matrix, rows, cols int) {
	two := 2 * s.kernels.lanes
	full := cols / two * two
	s.copy(dst, src, rows, two, cols/two, two)
	if full < cols {
		s.copy(dst.from(0, full), src.from(0, full), rows, cols-full, 1, 0)
	}
}

// A span is pixels along one dimension of a convolution at which the same taps meet something.
type span struct {
	first, count, step int   // the pixels
	from, stride       int   // what the first of them sees at offset 0, and the distance of the next one's
	taps               []int // which taps
	offsets            []int // of what they see
}

// along returns the spans along each dimension.
func along(spans func(dim int) []span) [3][]span { return [3][]span{spans(0), spans(1), spans(2)} }

// placeSpans are spans of places along a dimension, which see pixels.
func (w *Window) placeSpans(dim int) (spans []span) {
	for o := 0; o < w.Places[dim]; o++ {
		t0, t1 := w.inside(dim, o)
		if last := len(spans) - 1; last >= 0 && spans[last].covers(t0, t1) {
			spans[last].count++
			continue
		}
		s := span{first: o, count: 1, step: 1, from: w.pixel(dim, o, 0), stride: w.Stride[dim]}
		for t := t0; t < t1; t++ {
			s.taps, s.offsets = append(s.taps, t), append(s.offsets, t*w.Dilation[dim])
		}
		spans = append(spans, s)
	}
	return spans
}

// covers reports whether the taps are t0 … t1-1.
func (s *span) covers(t0, t1 int) bool {
	return len(s.taps) == t1-t0 && (t0 == t1 || s.taps[0] == t0)
}

// pixelSpans are spans of pixels along a dimension, which see places: those of them that are a stride
// apart see neighbours.
func (w *Window) pixelSpans(dim int) (spans []span) {
	for first := range min(w.Stride[dim], w.Image[dim]) {
		begun := len(spans)
		for i := first; i < w.Image[dim]; i += w.Stride[dim] {
			s := span{first: i, count: 1, step: w.Stride[dim], stride: 1}
			for t := range w.Taps[dim] {
				if o, ok := w.place(dim, i, t); ok {
					s.taps, s.offsets = append(s.taps, t), append(s.offsets, o)
				}
			}
			if last := len(spans) - 1; last >= begun && spans[last].goesOn(&s) {
				spans[last].count++
			} else {
				spans = append(spans, s)
			}
		}
	}
	return spans
}

// goesOn reports whether the next pixel sees, with the same taps, what is next.
func (s *span) goesOn(next *span) bool {
	if len(s.taps) != len(next.taps) {
		return false
	}
	for i, t := range next.taps {
		if s.taps[i] != t || s.offsets[i]+s.count != next.offsets[i] {
			return false
		}
	}
	return true
}

// patchesOf returns the patches of a data set of pixels [batch, size..., …], which are stride apart, that spans of
// results [batch, results..., …] see, of n channels from first on. tap says the number k of a tap's first column.
func patchesOf(data []float32, batch, stride, first, n int, size, results [3]int, spans [3]*span, tap func(d, h, w int) int) *patches {
	row := [3]int{size[1] * size[2] * stride, size[2] * stride, stride}
	result := [3]int{results[1] * results[2], results[2], 1}
	axes := [4]latticeAxis{{batch, size[0] * row[0], results[0] * result[0]}}
	from, to := first, 0
	for i, s := range spans {
		axes[i+1] = latticeAxis{s.count, s.stride * row[i], s.step * result[i]}
		from += s.from * row[i]
		to += s.first * result[i]
	}
	p := &patches{data: data, lattice: newLattice(from, to, axes)}
	for i, d := range spans[0].taps {
		for j, h := range spans[1].taps {
			for k, w := range spans[2].taps {
				p.add(spans[0].offsets[i]*row[0]+spans[1].offsets[j]*row[1]+spans[2].offsets[k]*row[2], tap(d, h, w), n)
			}
		}
	}
	return p
}
