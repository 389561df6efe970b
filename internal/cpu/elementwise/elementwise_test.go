package elementwise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/rng"
)

// A primitive does on every tier what the scalar loop does, for every length
// and alignment, and touches nothing else.
func TestPrimitivesEqualTheScalarLoop(t *testing.T) {
	const longest = 4*16 + 1
	for _, atStart := range []bool{false, true} {
		var page [4][]float32 // dst, a, b, c
		for k := range page {
			page[k] = cputest.Fenced[float32](t, longest+16, atStart)
		}
		cputest.EachTier(t, func(t *testing.T) {
			ops := Primitives(isa.Active())
			cases := cputest.SampleOf(11)
			for op := range Op(NumOps) {
				if genericOps[op] == nil {
					continue
				}
				r := rand.New(rand.NewPCG(uint64(op), 1))
				for n := 1; n <= longest; n++ {
					for offset := range 16 {
						if !cases.Has() {
							continue
						}
						var x [4][]float32
						for k := range x {
							x[k] = page[k][offset:][:n]
							if !atStart {
								x[k] = page[k][len(page[k])-offset-n:][:n]
							}
							cputest.FillMixed(r, x[k])
						}
						want := make([]float32, n)
						genericOps[op](&want[0], &x[1][0], &x[2][0], &x[3][0], n)
						ops[op](&x[0][0], &x[1][0], &x[2][0], &x[3][0], n)
						if i := cputest.FirstDifference(x[0], want); i >= 0 {
							t.Fatalf("%v of %v, %v, %v (%d of %d elements, offset %d) is %v, want %v",
								op, x[1][i], x[2][i], x[3][i], i, n, offset, x[0][i], want[i])
						}
					}
				}
			}
		})
	}
}

// The functions agree on a sample of all float32.
func TestFunctionsEqualTheScalarsOnAllMagnitudes(t *testing.T) {
	const n = 4096
	stride := uint64(1<<20/choice.Effort(4, 16) - 15)
	x, y, want := make([]float32, n), make([]float32, n), make([]float32, n)
	for op := range Op(NumOps) {
		if genericOps[op] == nil || op.arity() != 1 {
			continue
		}
		for b := uint64(0); b < 1<<32; b += n * stride {
			for i := range x {
				x[i] = math.Float32frombits(uint32(b + uint64(i)*stride))
			}
			genericOps[op](&want[0], &x[0], &x[0], &x[0], n)
			for _, tier := range isa.Supported() {
				Primitives(tier)[op](&y[0], &x[0], &x[0], &x[0], n)
				if i := cputest.FirstDifference(y, want); i >= 0 {
					t.Fatalf("%v of %v (%x) on %v is %v, want %v", op, x[i], math.Float32bits(x[i]), tier, y[i], want[i])
				}
			}
		}
	}
}

// evaluate runs e's program for element (r, c) by itself: the oracle of the
// kernels. in are the operands as they were.
func evaluate(e *Kernel, in []Operand, r, c int) []float32 {
	p := e.Program
	var v []float32
	for _, o := range in {
		v = append(v, o.Data[r*o.RowStride+c*o.ColStride])
	}
	v = append(v, p.Consts...)
	for _, in := range p.Code {
		var y float32
		if in.Op == OpDropout {
			d := e.Dropouts[in.B]
			index := uint64(r*e.Cols + c)
			var keep [1]byte
			rng.DropoutBits(keep[:], rng.New(*d.Seed, d.Stream, *d.Step), index&^7, 8, d.Threshold)
			if keep[0]>>(index%8)&1 != 0 {
				y = v[in.A] * d.Scale
			}
		} else {
			genericOps[in.Op](&y, &v[in.A], &v[in.B], &v[in.C], 1)
		}
		v = append(v, y)
	}
	var out []float32
	for _, o := range p.Outputs {
		out = append(out, v[o])
	}
	return out
}

// A layout says how an operand of a test lies in memory.
type layout int

const (
	full   layout = iota // rows×cols, one after another
	spaced               // rows that are further apart than they are long
	row                  // the same in every row
	column               // the same in every column
	scalar
	layouts
)

func (l layout) operand(r *rand.Rand, rows, cols int) Operand {
	o := Operand{RowStride: cols, ColStride: 1}
	n := rows * cols
	switch l {
	case spaced:
		o.RowStride = cols + 3
		n = rows * o.RowStride
	case row:
		o.RowStride, n = 0, cols
	case column:
		o.RowStride, o.ColStride, n = 1, 0, rows
	case scalar:
		o.RowStride, o.ColStride, n = 0, 0, 1
	}
	o.Data = make([]float32, n)
	for i := range o.Data {
		o.Data[i] = float32(r.NormFloat64())
	}
	return o
}

var (
	testSeed = uint64(0x0123_4567_89AB_CDEF)
	testStep = uint64(1)<<40 + 3
)

func testDropout(stream uint16) Dropout {
	return Dropout{Seed: &testSeed, Step: &testStep, Stream: stream, Threshold: rng.Threshold(0.45), Scale: 1 / 0.55}
}

// checkKernel runs e with run and compares every output with evaluate.
func checkKernel(t *testing.T, e *Kernel, run func()) {
	t.Helper()
	in := slices.Clone(e.In)
	for i := range in {
		in[i].Data = slices.Clone(in[i].Data) // the kernel may work in place
	}
	run()
	for i := range e.Rows {
		for j := range e.Cols {
			for k, want := range evaluate(e, in, i, j) {
				o := e.Out[k]
				if got := o.Data[i*o.RowStride+j*o.ColStride]; !cputest.SameBits(got, want) {
					t.Fatalf("output %d at (%d, %d) is %v, want %v", k, i, j, got, want)
				}
			}
		}
	}
}

var testShapes = [][2]int{
	{1, 1}, {1, 7}, {3, 1}, {2, 10}, {5, 16}, {7, 33}, {130, 10}, {3, 512}, {9, 513}, {2, 1500}, {67, 256}, {1, 30_000},
}

// longProgram has a constant and an operand among its outputs, and two masks.
func longProgram() *Program {
	return &Program{
		Operands: 4,
		Consts:   []float32{0.25},
		Code: []Instr{
			{Op: OpAdd, A: 0, B: 1},           // 5
			{Op: OpMul, A: 5, B: 2},           // 6
			{Op: OpSub, A: 6, B: 3},           // 7
			{Op: OpTanh, A: 7},                // 8
			{Op: OpMul, A: 8, B: 4},           // 9
			{Op: OpDropout, A: 9, B: 1},       // 10
			{Op: OpSelect, A: 10, B: 0, C: 7}, // 11
			{Op: OpDropout, A: 11, B: 0},      // 12
		},
		Outputs: []uint8{12, 7, 4, 1},
	}
}

// A program runs over matrices of every layout, on any number of threads and on
// every tier, as it does over single elements.
func TestProgramsRunOverMatricesAsOverElements(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(5)
		for _, workers := range []int{1, 2, 3, 7} {
			pool := cputest.Pools[workers]
			for s, shape := range testShapes {
				if !cases.Has() {
					continue
				}
				rows, cols := shape[0], shape[1]
				t.Run(fmt.Sprintf("%dx%d on %d", rows, cols, workers), func(t *testing.T) {
					r := rand.New(rand.NewPCG(1, uint64(s)))
					e := &Kernel{
						Program: longProgram(), Rows: rows, Cols: cols,
						Dropouts: []Dropout{testDropout(5), testDropout(6)},
					}
					for k := range 4 {
						e.In = append(e.In, layout((s+k)%int(layouts)).operand(r, rows, cols))
						e.Out = append(e.Out, layout((s+k)%2).operand(r, rows, cols))
					}
					checkKernel(t, e, func() { e.Run(pool) })
				})
			}
		}
	})
}

// A kernel may write where it reads, also when another output still needs what
// was there.
func TestProgramsRunInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cputest.EachTier(t, func(t *testing.T) {
		for _, rows := range []int{1, 3} {
			x, y := full.operand(r, rows, 700), full.operand(r, rows, 700)
			e := &Kernel{
				Program: &Program{
					Operands: 2,
					Code:     []Instr{{Op: OpAdd, A: 0, B: 1}, {Op: OpSub, A: 0, B: 1}, {Op: OpMul, A: 3, B: 1}},
					Outputs:  []uint8{2, 4},
				},
				Rows: rows, Cols: 700, In: []Operand{x, y}, Out: []Operand{x, y},
			}
			checkKernel(t, e, func() { e.Run(nil) })
			swap := &Kernel{
				Program: &Program{Operands: 2, Outputs: []uint8{1, 0}},
				Rows:    rows, Cols: 700, In: []Operand{x, y}, Out: []Operand{x, y},
			}
			checkKernel(t, swap, func() { swap.Run(nil) })
		}
	})
}

// The regions of a matrix, in any order, make the whole.
func TestRegionsMakeTheWhole(t *testing.T) {
	dropoutNet := &Program{
		Operands: 2,
		Code:     []Instr{{Op: OpAdd, A: 0, B: 1}, {Op: OpRelu, A: 2}, {Op: OpDropout, A: 3}},
		Outputs:  []uint8{4},
	}
	cputest.EachTier(t, func(t *testing.T) {
		for _, p := range []*Program{dropoutNet, longProgram()} {
			for _, shape := range [][2]int{{29, 70}, {30, 256}, {28, 61}} {
				rows, cols := shape[0], shape[1]
				for _, step := range [][2]int{{14, 32}, {6, 16}, {1, 7}, {14, cols}, {rows, 5}} {
					r := rand.New(rand.NewPCG(1, 2))
					e := &Kernel{Program: p, Rows: rows, Cols: cols, Dropouts: []Dropout{testDropout(1), testDropout(2)}}
					for k := range p.Operands {
						e.In = append(e.In, []layout{full, row, column, scalar}[k].operand(r, rows, cols))
					}
					for range p.Outputs {
						e.Out = append(e.Out, full.operand(r, rows, cols))
					}
					e.Prepare()
					checkKernel(t, e, func() {
						for r0 := 0; r0 < rows; r0 += step[0] {
							for c0 := 0; c0 < cols; c0 += step[1] {
								e.Region(r0%3, r0, min(r0+step[0], rows), c0, min(c0+step[1], cols))
							}
						}
					})
				}
			}
		}
	})
}

func TestRunAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	net := &Program{
		Operands: 2,
		Code:     []Instr{{Op: OpAdd, A: 0, B: 1}, {Op: OpRelu, A: 2}, {Op: OpDropout, A: 3}},
		Outputs:  []uint8{4},
	}
	for _, p := range []*Program{longProgram(), net} {
		e := &Kernel{Program: p, Rows: 40, Cols: 300, Dropouts: []Dropout{testDropout(1), testDropout(2)}}
		for k := range p.Operands {
			e.In = append(e.In, []layout{full, row, column, scalar}[k].operand(r, 40, 300))
		}
		for range p.Outputs {
			e.Out = append(e.Out, full.operand(r, 40, 300))
		}
		e.Run(nil)
		if n := testing.AllocsPerRun(10, func() { e.Run(nil) }); n != 0 {
			t.Errorf("a run allocates %v times", n)
		}
	}
}

// Parts change the order of tasks alone: what they do is all elements, each once, the front
// half of every large part before any back half.
func TestPartsAreCutInHalves(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var parts []int
		n := 0
		for range 2 + r.IntN(6) {
			parts = append(parts, n)
			n += 16 * (1 + r.IntN(1<<r.IntN(14)))
		}
		n -= r.IntN(16) // the last part may end within a line
		x := make([]float32, n)
		e := &Kernel{
			Program: &Program{Operands: 1, Consts: []float32{1}, Code: []Instr{{Op: OpAdd, A: 0, B: 1}}, Outputs: []uint8{2}},
			Rows:    1, Cols: n, In: []Operand{{Data: x, RowStride: n, ColStride: 1}}, Out: []Operand{{Data: x, RowStride: n, ColStride: 1}}, Parts: parts,
		}
		e.Run(cputest.Pools[3])
		for i, v := range x {
			if v != 1 {
				t.Fatalf("parts %v of %d: element %d was done %v times", parts, n, i, v)
			}
		}
		turns := 0 // from one part's end to another's beginning
		for i, p := range e.pieces {
			if p[0]%isa.LineFloats != 0 || p[0] >= p[1] {
				t.Errorf("parts %v of %d: piece %v", parts, n, p)
			}
			if i > 0 && p[0] < e.pieces[i-1][0] {
				turns++
			}
		}
		if turns > 1 {
			t.Errorf("parts %v of %d are gone over more than twice: %v", parts, n, e.pieces)
		}
	}
}

// Rows that come in blocks are as if each operand had been copied out.
func TestBlocksOfRowsAreLikeOneMatrix(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	programs := []Program{
		{Operands: 3, Code: []Instr{{Op: OpMul, A: 0, B: 1}, {Op: OpAdd, A: 3, B: 2}}, Outputs: []uint8{4}},                                   // which has a loop
		{Operands: 3, Code: []Instr{{Op: OpTanh, A: 0}, {Op: OpSub, A: 3, B: 1}, {Op: OpMax, A: 4, B: 2}}, Outputs: []uint8{4, 5}},            // none
		{Operands: 3, Code: []Instr{{Op: OpSub, A: 0, B: 1}, {Op: OpDropout, A: 3}, {Op: OpMul, A: 4, B: 2}}, Outputs: []uint8{5}},            // counts elements
		{Operands: 3, Consts: []float32{2}, Code: []Instr{{Op: OpMul, A: 0, B: 3}, {Op: OpAdd, A: 1, B: 2}}, Outputs: []uint8{0, 4, 3, 5, 1}}, // gives operands
	}
	var seed, step uint64
	for range choice.Effort(24, 60) {
		dims := [4]int{1 + r.IntN(4), 1 + r.IntN(4), 1 + r.IntN(30), 1 + r.IntN(40)} // blocks, rows, columns
		if r.IntN(8) == 0 {
			dims[3] += 1000
		}
		n := dims[0] * dims[1] * dims[2] * dims[3]
		rows, cols := n/dims[3], dims[3]
		program := programs[r.IntN(len(programs))]
		in, copied := make([]Operand, program.Operands), make([]Operand, program.Operands)
		for i := range in {
			size, strides := 1, [4]int{}
			for k := 3; k >= 0; k-- {
				if r.IntN(3) > 0 {
					strides[k] = size
					size *= dims[k] + r.IntN(2)
				} else if k == 3 {
					size = 1
				}
			}
			x := cputest.WithZeros(r, size)
			in[i] = Operand{Data: x, RowStride: strides[2], ColStride: strides[3], Outer: strides[:2]}
			whole := make([]float32, n)
			for k := range whole {
				at, rest := 0, k
				for d := 3; d >= 0; d-- {
					at += rest % dims[d] * strides[d]
					rest /= dims[d]
				}
				whole[k] = x[at]
			}
			copied[i] = Operand{Data: whole, RowStride: cols, ColStride: 1}
		}
		run := func(e *Kernel) (results [][]float32) {
			for range program.Outputs {
				y := make([]float32, n)
				results = append(results, y)
				out := Operand{Data: y, RowStride: cols, ColStride: 1}
				if e.Outer != nil {
					out.Outer = []int{n / dims[0], n / dims[0] / dims[1]}
				}
				e.Out = append(e.Out, out)
			}
			e.Program, e.Rows, e.Cols = &program, rows, cols
			e.Dropouts = []Dropout{{Seed: &seed, Step: &step, Threshold: 1 << 31, Scale: 2}}
			if r.IntN(2) == 0 {
				e.Run(cputest.Pools[3])
				return results
			}
			e.Prepare()
			for at := 0; at < rows; { // as an epilogue is called
				to := min(at+1+r.IntN(rows), rows)
				e.Region(0, at, to, 0, cols/2)
				e.Region(0, at, to, cols/2, cols)
				at = to
			}
			return results
		}
		cputest.EachTier(t, func(t *testing.T) {
			want := run(&Kernel{In: slices.Clone(copied)})
			got := run(&Kernel{In: slices.Clone(in), Outer: dims[:2]})
			for k := range want {
				for i, v := range want[k] {
					if !cputest.SameBits(got[k][i], v) {
						t.Fatalf("blocks of %v, %+v: output %d, element %d is %v, want %v", dims, program, k, i, got[k][i], v)
					}
				}
			}
		})
	}
}

func TestNoProgramReachesBeyondItsOperands(t *testing.T) {
	cputest.CheckBounds(t, map[string]func(short func(int) []float32) cpu.Kernel{
		"full": func(short func(int) []float32) cpu.Kernel {
			return &Kernel{
				Program: &Program{Operands: 1, Code: []Instr{{Op: OpRelu}}, Outputs: []uint8{1}}, Rows: 9, Cols: 17,
				In: []Operand{{Data: short(9 * 17), RowStride: 17, ColStride: 1}}, Out: []Operand{{Data: short(9 * 17), RowStride: 17, ColStride: 1}},
			}
		},
		"a row and a column": func(short func(int) []float32) cpu.Kernel {
			return &Kernel{
				Program: &Program{Operands: 2, Code: []Instr{{Op: OpAdd, A: 0, B: 1}}, Outputs: []uint8{2}}, Rows: 9, Cols: 17,
				In:  []Operand{{Data: short(17), RowStride: 0, ColStride: 1}, {Data: short(9), RowStride: 1, ColStride: 0}},
				Out: []Operand{{Data: short(9 * 17), RowStride: 17, ColStride: 1}},
			}
		},
	})
}
