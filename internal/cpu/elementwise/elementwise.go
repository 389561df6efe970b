package elementwise

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file runs programs over matrices: by the loop of a program that has one,
// else tile by tile, so that the values between two operations stay in the
// first-level cache.

// An Operand is a matrix that a [Kernel] reads or writes: element
// (r, c) is Data[r*RowStride+c*ColStride]. ColStride is 1, or 0 for what is the
// same in every column; RowStride is 0 for what is the same in every row. What
// is written has ColStride 1 and rows that don't overlap. Where the rows are in
// blocks, that is so for the first block, and Outer has a stride for each dimension
// of the array of blocks.
type Operand struct {
	Data                 []float32
	RowStride, ColStride int
	Outer                []int
}

// A Kernel runs a program for each element of a Rows×Cols matrix.
// In has the program's operands, Out its outputs. An output may be the same
// memory as an operand with the same strides, and may not overlap one otherwise.
type Kernel struct {
	Program    *Program
	Rows, Cols int
	Outer      []int // the dimensions of an array of blocks that the rows come in, or nil
	In, Out    []Operand
	Dropouts   []Dropout

	// Parts, if not nil, says where in the matrix, taken as one row, parts begin that
	// were computed by kernels of their own. Tasks then come in the order of theirs.
	Parts []int

	prepared bool
	block    int           // rows of a block
	flat     bool          // every operand is one run of elements, or one value
	fused    *fusedBinding // the loop for the program, if there is one
	code     []instr       // the program for the interpreter
	results  []uint16      // the registers of the outputs
	direct   []bool        // whether output k may be computed where it belongs
	tileOf   []int         // where in scratch a register's tile is
	tiles    int
	scratch  [par.MaxWorkers]*scratch

	chunk          region // what one call of Do does, but for the edges
	gridCols, grid int
	pieces         [][2]int // or where what it does begins and ends, if there are parts
}

// tileSize is the number of elements that pass through a program together.
const tileSize = 512

// instr is an instruction for the interpreter. Registers are the program's,
// followed by copies of those operands and constants that are outputs.
type instr struct {
	op           Op
	mask         uint8
	dst, a, b, c uint16
}

// opCopy makes a register of an operand.
const opCopy = NumOps

// scratch is what one worker needs.
type scratch struct {
	loop  fusedLoop
	keep  *keep
	regs  []*float32 // where each register's tile is
	tiles []float32
}

// Prepare binds the kernel: it is to be called once after the fields are set and
// before Region is called from several workers. Run calls it if need be.
func (e *Kernel) Prepare() {
	if e.prepared {
		return
	}
	e.prepared = true
	e.block = e.Rows
	for _, d := range e.Outer {
		e.block /= max(d, 1)
	}
	e.check()
	e.flat = len(e.Outer) == 0
	for i, o := range e.In {
		e.In[i] = o.normal(e.block, e.Cols)
		e.flat = e.flat && (e.In[i].isScalar() || e.In[i].RowStride == e.Cols && e.In[i].ColStride == 1)
	}
	for k, o := range e.Out {
		e.Out[k] = o.normal(e.block, e.Cols)
		e.flat = e.flat && e.Out[k].RowStride == e.Cols
	}
	e.fused = bindFused(e)
	e.place()
	e.split()
}

// check panics if the matrix is of more than its operands hold.
func (e *Kernel) check() {
	if e.Rows == 0 || e.Cols == 0 {
		return
	}
	for _, list := range [][]Operand{e.In, e.Out} {
		for _, o := range list {
			n := (e.block-1)*o.RowStride + (e.Cols-1)*o.ColStride + 1
			for i, d := range e.Outer {
				n += (d - 1) * o.Outer[i]
			}
			cpu.Reaches("an operand", o.Data, n)
		}
	}
}

// normal returns o with the strides that are usual where others would do.
func (o Operand) normal(rows, cols int) Operand {
	switch {
	case (o.ColStride == 0 || cols == 1) && (o.RowStride == 0 || rows == 1):
		o.RowStride, o.ColStride = 0, 0
	case (o.ColStride == 1 || cols == 1) && (o.RowStride == cols || rows == 1):
		o.RowStride, o.ColStride = cols, 1
	}
	return o
}

// isScalar reports whether o is one value, isRow whether its rows are the same.
func (o *Operand) isScalar() bool { return o.RowStride == 0 && o.ColStride == 0 }
func (o *Operand) isRow() bool    { return o.RowStride == 0 && o.ColStride == 1 }

// place turns the program into code for the interpreter and gives each register
// a tile. A tile is used again after the last use of its register, so that few
// of them are in the cache.
func (e *Kernel) place() {
	p := e.Program
	first := p.Operands + len(p.Consts)
	regs := first + len(p.Code)
	e.code = make([]instr, 0, len(p.Code)+len(p.Outputs))
	e.results = make([]uint16, len(p.Outputs))
	e.direct = make([]bool, len(p.Outputs))
	for k, o := range p.Outputs {
		e.results[k] = uint16(o)
		if int(o) < first {
			e.results[k] = uint16(regs)
			e.code = append(e.code, instr{op: opCopy, dst: uint16(regs), a: uint16(o), b: uint16(o), c: uint16(o)})
			regs++
		}
	}
	for i, in := range p.Code {
		c := instr{op: in.Op, dst: uint16(first + i), a: uint16(in.A), b: uint16(in.A), c: uint16(in.A)}
		switch n := in.Op.arity(); {
		case n > 2:
			c.b, c.c = uint16(in.B), uint16(in.C)
		case n > 1:
			c.b = uint16(in.B)
		case in.Op == OpDropout:
			c.mask = in.B
		}
		e.code = append(e.code, c)
	}

	last := make([]int, regs) // the last instruction that uses a register
	for i, in := range e.code {
		last[in.dst], last[in.a], last[in.b], last[in.c] = i, i, i, i
	}
	for _, r := range e.results {
		last[r] = len(e.code)
	}
	e.tileOf = make([]int, regs)
	for r := range first {
		e.tileOf[r] = r
	}
	e.tiles = first
	var free []int
	for i, in := range e.code {
		if n := len(free); n > 0 {
			e.tileOf[in.dst], free = free[n-1], free[:n-1]
		} else {
			e.tileOf[in.dst] = e.tiles
			e.tiles++
		}
		for r := first; r < regs; r++ {
			if last[r] == i {
				free = append(free, e.tileOf[r])
			}
		}
	}
	// An output can be computed where it belongs if no later instruction reads
	// that memory.
	for k, r := range e.results {
		for i := len(e.code) - 1; i >= 0; i-- {
			in := e.code[i]
			if in.dst == r {
				e.direct[k] = true
				break
			}
			if e.reads(in.a, k) || e.reads(in.b, k) || e.reads(in.c, k) {
				break
			}
		}
		e.direct[k] = e.direct[k] && !slices.Contains(e.results[:k], r)
	}
}

// reads reports whether register r is an operand in the memory of output k.
func (e *Kernel) reads(r uint16, k int) bool {
	return int(r) < e.Program.Operands && overlap(e.In[r].Data, e.Out[k].Data)
}

func overlap(a, b []float32) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	return uintptr(unsafe.Pointer(&a[0])) <= uintptr(unsafe.Pointer(&b[len(b)-1])) &&
		uintptr(unsafe.Pointer(&b[0])) <= uintptr(unsafe.Pointer(&a[len(a)-1]))
}

// grainCost is the cost of a chunk of work that is worth handing to another
// core, in additions (a few microseconds).
const grainCost = 1 << 17

// A part of fewer tasks is not cut in halves, but with those behind it.
const partTasks = 4

// split cuts the matrix into the chunks of Run. It looks at the shape and the
// program alone.
func (e *Kernel) split() {
	rows, cols := e.Rows, e.Cols
	if e.flat {
		rows, cols = 1, rows*cols
	}
	if rows*cols == 0 {
		return
	}
	grain := max(grainCost/e.Program.cost(), tileSize) / tileSize * tileSize
	if e.flat && len(e.Parts) > 1 && cols > partTasks*grain {
		e.splitParts(cols, grain)
		return
	}
	e.chunk = region{rows: min(max(grain/cols, 1), rows), cols: cols}
	if e.chunk.rows == 1 {
		e.chunk.cols = min(grain, cols)
	}
	e.gridCols = (cols + e.chunk.cols - 1) / e.chunk.cols
	e.grid = e.gridCols * ((rows + e.chunk.rows - 1) / e.chunk.rows)
}

// splitParts cuts n elements into the front halves of all parts, then their back halves:
// the workers of a pool claim tasks from both ends, so each core keeps to its half of a
// gradient, and of the weight and what belongs to it. Parts of few tasks stay together.
func (e *Kernel) splitParts(n, grain int) {
	var front, back [][2]int
	for begin, i := 0, 0; begin < n; {
		end := begin
		for end < n && end-begin < partTasks*grain {
			if i++; i < len(e.Parts) {
				end = e.Parts[i]
			} else {
				end = n
			}
		}
		middle := begin + (end-begin)/(2*isa.LineFloats)*isa.LineFloats
		front = pieces(front, begin, middle, grain)
		back = pieces(back, middle, end, grain)
		begin = end
	}
	e.pieces = append(front, back...)
	e.grid = len(e.pieces)
}

// pieces appends pieces of about grain elements, of whole lines of the cache.
func pieces(list [][2]int, begin, end, grain int) [][2]int {
	lines := (end - begin + isa.LineFloats - 1) / isa.LineFloats
	count := max(lines*isa.LineFloats/grain, 1)
	at := func(i int) int { return min(begin+lines*i/count*isa.LineFloats, end) }
	for i := range count {
		if at(i) < at(i+1) {
			list = append(list, [2]int{at(i), at(i + 1)})
		}
	}
	return list
}

// Tasks returns the number of tasks that Run is made of.
func (e *Kernel) Tasks() int {
	e.Prepare()
	return e.grid
}

// Run runs the program over the whole matrix.
func (e *Kernel) Run(p *par.Pool) { p.Run(e, e.Tasks()) }

// Do does one task.
func (e *Kernel) Do(worker, index int) {
	if e.pieces != nil {
		p := e.pieces[index]
		e.run(worker, region{0, p[0], 1, p[1] - p[0]})
		return
	}
	rows, cols := e.Rows, e.Cols
	if e.flat {
		rows, cols = 1, rows*cols
	}
	r := index / e.gridCols * e.chunk.rows
	c := index % e.gridCols * e.chunk.cols
	e.run(worker, region{r, c, min(e.chunk.rows, rows-r), min(e.chunk.cols, cols-c)})
}

// Region runs the program over rows r0 … r1-1 and columns c0 … c1-1, after
// Prepare. Calls that overlap in time have different workers and disjoint
// regions. It does best with whole rows.
func (e *Kernel) Region(worker, r0, r1, c0, c1 int) {
	if r0 >= r1 || c0 >= c1 {
		return
	}
	if r0 < 0 || r1 > e.Rows || c0 < 0 || c1 > e.Cols {
		panic(fmt.Sprintf("cpu: rows %d:%d and columns %d:%d of a matrix of %d × %d", r0, r1, c0, c1, e.Rows, e.Cols))
	}
	g := region{r0, c0, r1 - r0, c1 - c0}
	if e.flat && g.cols == e.Cols {
		g = region{0, r0 * e.Cols, 1, g.rows * g.cols}
	}
	e.run(worker, g)
}

// A region is a part of the matrix that begins at (r, c). If every operand is
// flat the matrix may also be taken as one row, since then element (r, c) is
// element (0, r*Cols+c).
type region struct{ r, c, rows, cols int }

// at returns where o's part of the region begins, and how far apart its rows are.
func (e *Kernel) at(o *Operand, g region) (p *float32, stride int) {
	at, r := g.c*o.ColStride, g.r
	if len(e.Outer) > 0 {
		block := r / e.block
		r %= e.block
		for i, d := range slices.Backward(e.Outer) {
			at += block % d * o.Outer[i]
			block /= d
		}
	}
	return &o.Data[at+r*o.RowStride], o.RowStride
}

// run runs the program over a region, block by block.
func (e *Kernel) run(worker int, g region) {
	if len(e.Outer) == 0 {
		e.runBlock(worker, g)
		return
	}
	for end := g.r + g.rows; g.r < end; g.r += g.rows {
		g.rows = min(end-g.r, e.block-g.r%e.block)
		e.runBlock(worker, g)
	}
}

// runBlock runs the program over a region of one block.
func (e *Kernel) runBlock(worker int, g region) {
	tier := isa.Active()
	s := e.scratch[worker]
	if s == nil {
		s = new(scratch)
		e.scratch[worker] = s
	}
	if e.fused != nil {
		if loop := e.fused.loop(tier); loop != nil {
			e.runFused(s, loop, g)
			return
		}
	}
	e.interpret(s, Primitives(tier), g)
}

// runFused runs the loop of the program.
func (e *Kernel) runFused(s *scratch, loop func(*fusedLoop), g region) {
	if e.fused.mask < 0 {
		e.bindLoop(&s.loop, g)
		loop(&s.loop)
		return
	}
	d := &e.Dropouts[e.fused.mask]
	d.masked(s, g, e.Cols, func(g region) {
		e.bindLoop(&s.loop, g)
		loop(&s.loop)
	})
}

// bindLoop points l to the operands of region g.
func (e *Kernel) bindLoop(l *fusedLoop, g region) {
	f, p := e.fused, e.Program
	l.rows, l.cols = g.rows, g.cols
	for i, k := range f.in[:f.n] {
		switch {
		case k < p.Operands:
			l.in[i], l.inStride[i] = e.at(&e.In[k], g)
			l.inStride[i] *= 4
		case k < scaleOf:
			l.in[i], l.inStride[i] = &p.Consts[k-p.Operands], 0
		default:
			l.in[i], l.inStride[i] = &e.Dropouts[k-scaleOf].Scale, 0
		}
	}
	for i, k := range f.out[:len(f.program.Outputs)] {
		l.out[i], l.outStride[i] = e.at(&e.Out[k], g)
		l.outStride[i] *= 4
	}
}

// interpret runs the program tile by tile. A tile is a piece of one row, or
// several rows of a narrow region.
func (e *Kernel) interpret(s *scratch, ops *[NumOps]Primitive, g region) {
	if s.regs == nil {
		e.makeTiles(s)
	}
	width := min(g.cols, tileSize)
	height := min(tileSize/width, g.rows)
	for i := range e.In {
		if o := &e.In[i]; o.isScalar() {
			p, _ := e.at(o, g)
			move.SetAll(s.tile(e, i)[:width*height], *p)
		}
	}
	for c := 0; c < g.cols; c += width {
		w := min(width, g.cols-c)
		for i := range e.In {
			if o := &e.In[i]; o.isRow() {
				s.load(e, i, region{g.r, g.c + c, height, w})
			}
		}
		for r := 0; r < g.rows; r += height {
			e.interpretTile(s, ops, region{g.r + r, g.c + c, min(height, g.rows-r), w})
		}
	}
}

// makeTiles gives each register its tile, and constants their values.
func (e *Kernel) makeTiles(s *scratch) {
	s.tiles = make([]float32, e.tiles*tileSize)
	s.regs = make([]*float32, len(e.tileOf))
	for r := range s.regs {
		s.regs[r] = &s.tile(e, r)[0]
	}
	for i, c := range e.Program.Consts {
		move.SetAll(s.tile(e, e.Program.Operands+i), c)
	}
}

// tile returns the tile of register r.
func (s *scratch) tile(e *Kernel, r int) []float32 {
	return s.tiles[e.tileOf[r]*tileSize:][:tileSize]
}

// load points register i to operand i's part of the region if that is one run of
// elements, else it copies it to the register's tile.
func (s *scratch) load(e *Kernel, i int, t region) {
	o := &e.In[i]
	p, stride := e.at(o, t)
	if o.ColStride == 1 && (t.rows == 1 || stride == t.cols) {
		s.regs[i] = p
		return
	}
	tile := &s.tile(e, i)[0]
	s.regs[i] = tile
	s.move(tile, p, t.rows, t.cols, t.cols, stride, o.ColStride == 0)
}

// move copies rows of cols elements, the strides apart; with splat it repeats the
// first element of each source row instead.
func (s *scratch) move(dst, src *float32, rows, cols, dstStride, srcStride int, splat bool) {
	l := &s.loop
	l.rows, l.cols = rows, cols
	l.in[0], l.inStride[0] = src, 4*srcStride
	l.out[0], l.outStride[0] = dst, 4*dstStride
	if splat {
		splatRows(l)
	} else {
		copyRows(l)
	}
}

// copyRowsGeneric and splatRowsGeneric do what move says.
func copyRowsGeneric(l *fusedLoop) {
	for r := range l.rows {
		copy(l.outRow(r), unsafe.Slice(offset(l.in[0], r*l.inStride[0]/4), l.cols))
	}
}

func splatRowsGeneric(l *fusedLoop) {
	for r := range l.rows {
		move.SetAll(l.outRow(r), *offset(l.in[0], r*l.inStride[0]/4))
	}
}

// outRow is row r of the first output.
func (l *fusedLoop) outRow(r int) []float32 {
	return unsafe.Slice(offset(l.out[0], r*l.outStride[0]/4), l.cols)
}

func offset(p *float32, n int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n))
}

// interpretTile runs the program over one tile.
func (e *Kernel) interpretTile(s *scratch, ops *[NumOps]Primitive, t region) {
	n := t.rows * t.cols
	for i := range e.In {
		if o := &e.In[i]; !o.isScalar() && !o.isRow() {
			s.load(e, i, t)
		}
	}
	for k, r := range e.results {
		p, stride := e.at(&e.Out[k], t)
		if e.direct[k] && (t.rows == 1 || stride == t.cols) {
			s.regs[r] = p
		} else {
			s.regs[r] = &s.tile(e, int(r))[0]
		}
	}
	for _, in := range e.code {
		dst, a := s.regs[in.dst], s.regs[in.a]
		switch in.op {
		case opCopy:
			copy(unsafe.Slice(dst, n), unsafe.Slice(a, n))
		case OpDropout:
			e.dropout(s, &e.Dropouts[in.mask], dst, a, t)
		default:
			ops[in.op](dst, a, s.regs[in.b], s.regs[in.c], n)
		}
	}
	for k, r := range e.results {
		p, stride := e.at(&e.Out[k], t)
		if s.regs[r] != p {
			s.move(p, s.regs[r], t.rows, t.cols, stride, t.cols, false)
		}
	}
}
