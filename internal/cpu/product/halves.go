package product

import (
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file reads numbers that are stored as 16 bits.

// Halves are numbers that are stored as binary16, or as bfloat16 if Brain.
type Halves struct {
	Data  []uint16
	Brain bool
}

// from returns the numbers from i on.
func (h Halves) from(i int) Halves { return Halves{h.Data[i:], h.Brain} }

// widen sets dst to the first numbers.
func (h Halves) widen(dst []float32) {
	src := h.Data[:len(dst)]
	switch {
	case widenFast(dst, Halves{src, h.Brain}):
	case h.Brain:
		for i, x := range src {
			dst[i] = number.FromBFloat16(x)
		}
	default:
		for i, x := range src {
			dst[i] = number.FromFloat16(x)
		}
	}
}

// A Widen kernel sets Dst to the numbers of Src, as many.
type Widen struct {
	Src Halves
	Dst []float32
}

// widenGrain is how many numbers a task has.
const widenGrain = 1 << 14

// Tasks returns the number of tasks that Run is made of.
func (k *Widen) Tasks() int { return (len(k.Dst) + widenGrain - 1) / widenGrain }

// Run computes Dst.
func (k *Widen) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *Widen) Do(_, index int) {
	from := index * widenGrain
	to := min(from+widenGrain, len(k.Dst))
	k.Src.from(from).widen(k.Dst[from:to])
}

// A halfMatrix is a source of products: a matrix of halves. Its rows are widened a few at a time, which then stay in the
// first-level cache until they are packed.
type halfMatrix struct {
	Halves
	ld int
}

// widenBlock is how many numbers are widened at a time, but for a longer row.
const widenBlock = 1 << 11

// wide returns columns c0 … c1-1 of rows r0 … r1-1 as a matrix.
func (m halfMatrix) wide(s *gemmScratch, r0, r1, c0, c1 int) matrix {
	cols := c1 - c0
	w := matrix{data: grow(&s.wide, (r1-r0)*cols), ld: cols}
	for r := r0; r < r1; r++ {
		m.from(r*m.ld + c0).widen(w.data[(r-r0)*cols:][:cols])
	}
	return w
}

func (m halfMatrix) pack(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	step := max(widenBlock/(c1-c0), 1)
	for r := r0; r < r1; r += step {
		n := min(step, r1-r)
		part := to
		part.data = to.data[(r-r0)*to.ld:]
		m.wide(s, r, r+n, c0, c1).pack(s, part, 0, n, 0, c1-c0)
	}
}

func (m halfMatrix) packTransposed(s *gemmScratch, to panels, r0, r1, c0, c1 int) {
	for r := r0; r < r1; r += to.width { // a panel
		n := min(to.width, r1-r)
		part := to
		part.data = to.data[(r-r0)/to.width*to.step:]
		m.wide(s, r, r+n, c0, c1).packTransposed(s, part, 0, n, 0, c1-c0)
	}
}

// A GatherHalves kernel is a move.GatherRows of rows that are stored as halves.
type GatherHalves struct {
	Src         Halves
	Dst         []float32
	Rows, Width int
	move.Indices
}

// Tasks returns the number of tasks that Run is made of.
func (k *GatherHalves) Tasks() int { return par.RowTasks(k.Len(), k.Width) }

// Run computes Dst.
func (k *GatherHalves) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *GatherHalves) Do(_, index int) {
	r0, r1 := par.TaskRows(index, k.Len(), k.Width)
	for i := r0; i < r1; i++ {
		dst := k.Dst[i*k.Width:][:k.Width]
		if row := k.Row(i, k.Rows); row >= 0 {
			k.Src.from(row * k.Width).widen(dst)
		} else {
			move.SetAll(dst, 0)
		}
	}
}
