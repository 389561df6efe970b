package product

import "math"

// This file multiplies patches as they lie in the image, on tiles that go along k in segments: what a tap, or several side by side, sees at a
// row of pixels is a matrix, whose rows overlap where there are several.

// listSegments lists where the segments of a step are: in bytes from the first of the patches, the rows of the kernel from that of the step's
// first k on, with rows ld apart, and how many k there are. It returns nil if they are too far from each other.
func (p *patches) listSegments(u *step, k0, ld int) (list []int32) {
	for i := range p.segments {
		g := &p.segments[i]
		first, end := max(g.first, u.c0), min(g.first+g.n, u.c1)
		if first >= end {
			continue
		}
		from, row := 4*(g.from+first-g.first-p.segments[0].from), 4*(g.k+first-g.first-k0)*ld
		if max(from, -from, row) > math.MaxInt32 {
			return nil
		}
		list = append(list, int32(from), int32(row), int32(end-first))
	}
	return list
}

// segmented computes a step of a block whose patches aren't packed: to where it is stored, or to compact, a row for each of the block's, if that
// has data.
func (x *implicit) segmented(s *gemmScratch, t *implicitTask, b *rowBlock, number int, compact matrix) {
	p, cols, u := b.class.patches[t.group], t.c1-t.c0, &b.class.steps[number]
	last, line := p.lattice.last(), p.lattice.line()
	s.tile.list, s.tile.k, s.tile.resume = &u.list[0], len(u.list)/3, 1
	if u.begins {
		s.tile.resume = 0
	}
	s.segmentsK = u.c1 - u.c0
	for col := 0; col < cols; col += x.panel {
		k0 := number * x.stepK
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
			x.downLines(s, x.kernels.segmented, a, kernel, c.from(0, col), run, lines, line.from, cStep, min(x.panel, cols-col))
			r += run * lines
		}
	}
	s.ahead, s.segmentsK = [2][]float32{}, 0
}
