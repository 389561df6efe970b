package cpu

import (
	"unsafe"

	"github.com/cornu-ml/cornu/internal/par"
)

// This file runs programs over matrices: tile by tile, so that the values
// between two operations stay in the first-level cache.

// An Operand is a matrix that an [Elementwise] kernel reads or writes: element
// (r, c) is Data[r*RowStride+c*ColStride]. ColStride is 1, or 0 for what is the
// same in every column; RowStride is 0 for what is the same in every row. Those
// that are written have no 0 strides, unless they have one row or one column.
type Operand struct {
	Data                 []float32
	RowStride, ColStride int
}

// An Elementwise kernel runs a program for each element of a Rows×Cols matrix.
// In has the program's operands, Out its outputs. An output may be the same
// memory as an operand with the same strides, and may not overlap one otherwise.
type Elementwise struct {
	Program    *Program
	Rows, Cols int
	In, Out    []Operand
	Dropouts   []Dropout

	prepared bool
	flat     bool    // every operand is one run of elements, or one value
	code     []instr // the program with its registers placed
	regs     int     // registers of the placed program
	tiles    int     // tiles of scratch
	scratch  [par.MaxWorkers]*scratch

	chunkRows, chunkCols, gridCols, grid int
}

// tileSize is the number of elements that pass through a program together.
const tileSize = 512

// instr is an instruction of the placed program.
type instr struct {
	op           EOp
	dst, a, b, c uint8
	mask         uint8
}

// scratch is what one worker needs to interpret a program.
type scratch struct {
	regs  [256]*float32 // where each register's tile is
	tiles []float32
	keep  []byte // dropout's bits for one tile
}

// Prepare binds the kernel: it is to be called once after the fields are set and
// before Region is called from several workers. Run calls it if need be.
func (e *Elementwise) Prepare() {
	if e.prepared {
		return
	}
	e.prepared = true
	e.flat = true
	for _, o := range e.In {
		e.flat = e.flat && (o.isFlat(e.Rows, e.Cols) || o.isScalar(e.Rows, e.Cols))
	}
	for _, o := range e.Out {
		e.flat = e.flat && o.isFlat(e.Rows, e.Cols)
	}
	e.place()
	e.split()
}

// isFlat reports whether o's rows×cols elements follow one another.
func (o Operand) isFlat(rows, cols int) bool {
	return (o.ColStride == 1 || cols == 1) && (o.RowStride == cols || rows == 1)
}

// isScalar reports whether o is one value.
func (o Operand) isScalar(rows, cols int) bool {
	return (o.ColStride == 0 || cols == 1) && (o.RowStride == 0 || rows == 1)
}

// place turns the program into code. A register is a place for a tile: the
// program's registers, then one for each output. Only the registers whose last
// use has passed give their tile back, so that few of them are in the cache.
func (e *Elementwise) place() {
	p := e.Program
	first := p.Operands + len(p.Consts)
	e.regs = first + len(p.Code)
	e.code = make([]instr, len(p.Code))
	for i, in := range p.Code {
		c := instr{op: in.Op, dst: uint8(first + i), a: in.A, b: in.A, c: in.A}
		switch n := in.Op.Arity(); {
		case n == 3:
			c.b, c.c = in.B, in.C
		case n == 2:
			c.b = in.B
		}
		if in.Op == OpDropout {
			c.mask = in.B
		}
		e.code[i] = c
	}
	e.tiles = e.regs + 1
}

// grainCost is the cost of a chunk of work that is worth handing to another
// core, in additions (a few microseconds).
const grainCost = 1 << 17

// split cuts the matrix into the chunks of Run. It looks at the shape and the
// program alone.
func (e *Elementwise) split() {
	rows, cols := e.Rows, e.Cols
	if e.flat {
		rows, cols = 1, e.Rows*e.Cols
	}
	grain := max(grainCost/e.Program.cost(), tileSize) / tileSize * tileSize
	e.chunkRows = min(max(grain/max(cols, 1), 1), rows)
	e.chunkCols = cols
	if e.chunkRows == 1 && cols > grain {
		e.chunkCols = grain
	}
	if rows*cols == 0 {
		e.grid = 0
		return
	}
	e.gridCols = (cols + e.chunkCols - 1) / e.chunkCols
	e.grid = e.gridCols * ((rows + e.chunkRows - 1) / e.chunkRows)
}

// Run runs the program over the whole matrix.
func (e *Elementwise) Run(p *par.Pool) {
	e.Prepare()
	p.Run(e, e.grid)
}

// Do runs chunk index of Run.
func (e *Elementwise) Do(worker, index int) {
	rows, cols := e.Rows, e.Cols
	if e.flat {
		rows, cols = 1, e.Rows*e.Cols
	}
	r0 := index / e.gridCols * e.chunkRows
	c0 := index % e.gridCols * e.chunkCols
	e.region(worker, r0, min(r0+e.chunkRows, rows), c0, min(c0+e.chunkCols, cols), e.flat)
}

// Region runs the program over rows r0 … r1-1 and columns c0 … c1-1. Calls that
// overlap in time have different workers and disjoint regions.
func (e *Elementwise) Region(worker, r0, r1, c0, c1 int) {
	if e.flat && (c0 == 0 && c1 == e.Cols || r1-r0 == 1) {
		e.region(worker, 0, 1, r0*e.Cols+c0, (r1-1)*e.Cols+c1, true)
		return
	}
	e.region(worker, r0, r1, c0, c1, false)
}

// region is Region; flat says that the matrix is taken as one row.
func (e *Elementwise) region(worker, r0, r1, c0, c1 int, flat bool) {
	if r0 >= r1 || c0 >= c1 {
		return
	}
	e.interpret(worker, r0, r1, c0, c1, flat)
}

// interpret runs the program tile by tile. A tile is a piece of one row, or
// several whole rows of a narrow region.
func (e *Elementwise) interpret(worker, r0, r1, c0, c1 int, flat bool) {
	s := e.scratch[worker]
	if s == nil {
		s = e.newScratch()
		e.scratch[worker] = s
	}
	rows, cols := e.Rows, e.Cols
	if flat {
		rows, cols = 1, rows*cols
	}
	for i, c := range e.Program.Consts {
		fill(s.tile(e.Program.Operands+i), c)
	}
	for i, o := range e.In {
		if o.isScalar(e.Rows, e.Cols) {
			fill(s.tile(i), o.Data[0])
			s.regs[i] = &s.tile(i)[0]
		}
	}
	width := min(c1-c0, tileSize)
	height := min(tileSize/width, r1-r0)
	for c := c0; c < c1; c += width {
		w := min(width, c1-c)
		for i, o := range e.In {
			if !o.isScalar(e.Rows, e.Cols) && !flat && o.RowStride == 0 && height > 1 {
				s.pack(i, o, 0, height, c, w)
			}
		}
		for r := r0; r < r1; r += height {
			h := min(height, r1-r)
			for i, o := range e.In {
				switch {
				case o.isScalar(e.Rows, e.Cols):
				case flat:
					s.regs[i] = &o.Data[c]
				case o.RowStride == 0 && height > 1:
				case o.ColStride == 1 && (h == 1 || o.RowStride == w):
					s.regs[i] = &o.Data[r*o.RowStride+c]
				default:
					s.pack(i, o, r, h, c, w)
				}
			}
			for _, in := range e.code {
				dst, a := s.regs[in.dst], s.regs[in.a]
				if in.op == OpDropout {
					e.dropout(s, dst, a, int(in.mask), r, h, c, w, cols)
					continue
				}
				genericOps[in.op](dst, a, s.regs[in.b], s.regs[in.c], h*w)
			}
			for k, o := range e.Out {
				from := s.regs[e.Program.Outputs[k]]
				if flat || rows == 1 {
					copy(o.Data[c:c+w], unsafe.Slice(from, w))
					continue
				}
				for j := range h {
					v := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(from), 4*j*w)), w)
					copy(o.Data[(r+j)*o.RowStride+c*max(o.ColStride, 0):], v)
				}
			}
		}
	}
}

func (e *Elementwise) newScratch() *scratch {
	s := &scratch{tiles: make([]float32, e.tiles*tileSize), keep: make([]byte, tileSize/8+8)}
	for i := range e.regs {
		s.regs[i] = &s.tile(i)[0]
	}
	return s
}

func (s *scratch) tile(i int) []float32 { return s.tiles[i*tileSize : (i+1)*tileSize] }

// pack copies h rows of w elements of o to the tile of register i.
func (s *scratch) pack(i int, o Operand, r, h, c, w int) {
	t := s.tile(i)
	s.regs[i] = &t[0]
	for j := range h {
		if row := t[j*w : (j+1)*w]; o.ColStride == 0 {
			fill(row, o.Data[(r+j)*o.RowStride])
		} else {
			copy(row, o.Data[(r+j)*o.RowStride+c:])
		}
	}
}
