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
	u := &b.class.steps[number]
	s.tile.list, s.tile.k, s.tile.resume = &u.list[0], len(u.list)/3, 1
	if u.begins {
		s.tile.resume = 0
	}
	s.segmentsK = u.c1 - u.c0
	x.multiplyRuns(s, t, b, x.kernels.segmented, compact, number*x.stepK)
	s.ahead, s.segmentsK = [2][]float32{}, 0
}
