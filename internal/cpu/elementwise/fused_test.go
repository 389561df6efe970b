package elementwise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
)

// kernelOf makes a kernel of a fused program over operands of rows×cols.
func kernelOf(f *fusedProgram, r *rand.Rand, rows, cols int, vectors layout) *Kernel {
	p := f.program
	e := &Kernel{Program: &p, Rows: rows, Cols: cols, Dropouts: []Dropout{testDropout(3)}}
	for k := range p.Operands {
		l := vectors
		switch {
		case k >= f.vectors && k%2 == 0:
			l = scalar
		case k >= f.vectors:
			l = column
		case k == 1:
			l = (vectors + layout(rows)) % 3
		}
		o := l.operand(r, rows, cols)
		for i, v := range o.Data {
			o.Data[i] = v*v + 1e-3 // variances are positive
		}
		e.In = append(e.In, o)
	}
	for range p.Outputs {
		e.Out = append(e.Out, vectors.operand(r, rows, cols))
	}
	return e
}

// The loop of a program does what the program says.
func TestFusedLoopsEqualTheirPrograms(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(11)
		for i := range fusedPrograms {
			f := &fusedPrograms[i]
			for _, shape := range testShapes {
				for _, vectors := range []layout{full, spaced} {
					if !cases.Has() {
						continue
					}
					t.Run(fmt.Sprintf("%s %dx%d %d", f.name, shape[0], shape[1], vectors), func(t *testing.T) {
						e := kernelOf(f, rand.New(rand.NewPCG(1, 2)), shape[0], shape[1], vectors)
						e.Prepare()
						if shape[1] > 1 && (e.fused == nil || e.fused.name != f.name) {
							t.Fatal("the program doesn't find its loop")
						}
						checkKernel(t, e, func() { e.Run(cputest.Pools[3]) })
					})
				}
			}
		}
	})
}

// So it does for numbers at the edge: a moment that decays becomes denormal and stays so.
func TestFusedLoopsOfNumbersAtTheEdge(t *testing.T) {
	edge := []float32{
		0, float32(math.Copysign(0, -1)), 1, -3, 5.6e-45, -1e-42, 1e-39, 1.5e-38, -1e-36, 1e-30, 1e-20, 1e-7,
		0x1p100, 0x1.8p103, 0x1p104, -0x1p120, math.MaxFloat32, float32(math.Inf(1)), float32(math.NaN()),
	}
	cputest.EachTier(t, func(t *testing.T) {
		for i := range fusedPrograms {
			f := &fusedPrograms[i]
			r := rand.New(rand.NewPCG(3, 4))
			for range choice.Effort(4, 40) {
				e := kernelOf(f, r, 1, 320, full)
				for _, o := range e.In {
					for i := range o.Data {
						o.Data[i] = edge[r.IntN(len(edge))]
					}
				}
				checkKernel(t, e, func() { e.Run(nil) })
			}
		}
	})
}

// And for averages that decay with the usual rates, of which every bit of a denormal
// number counts: their loops take a way of their own.
func TestFusedLoopsOfTinyNumbers(t *testing.T) {
	rates := []float32{0.1, 0.9, 0.001, 0.01, 1e-7, 1, 0.05, 0.3}
	cputest.EachTier(t, func(t *testing.T) {
		for i := range fusedPrograms {
			f := &fusedPrograms[i]
			r := rand.New(rand.NewPCG(5, 6))
			tiny := func() float32 {
				switch bits := r.Uint32N(math.Float32bits(0x1p-90)); r.IntN(4) {
				case 0:
					return 0
				case 1:
					return math.Float32frombits(bits&(1<<23-1) | r.Uint32N(2)<<31) // denormal
				case 2:
					return math.Float32frombits(bits&15 | r.Uint32N(2)<<31)
				default:
					return math.Float32frombits(bits | r.Uint32N(2)<<31)
				}
			}
			for range choice.Effort(4, 40) {
				e := kernelOf(f, r, 1, 700, full)
				for k, o := range e.In {
					for i := range o.Data {
						switch {
						case k >= f.vectors:
							o.Data[i] = rates[r.IntN(len(rates))]
						case k == f.vectors-1 && (f.name == "Adam" || f.name == "AdamW" || f.name == "RMSprop"):
							o.Data[i] = float32(math.Abs(float64(tiny()))) // a variance
						default:
							o.Data[i] = tiny()
						}
					}
				}
				checkKernel(t, e, func() { e.Run(nil) })
			}
		}
	})
}

// The interpreter gives the bits of the loop.
func TestFusedLoopsEqualTheInterpreter(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		for i := range fusedPrograms {
			f := &fusedPrograms[i]
			e := kernelOf(f, rand.New(rand.NewPCG(1, 2)), 7, 300, full)
			e.Prepare()
			e.fused = nil
			checkKernel(t, e, func() { e.Run(nil) })
		}
	})
}

// A loop touches only what it is given, at every length and alignment.
func TestFusedLoopsKeepToTheirOperands(t *testing.T) {
	cputest.EachTier(t, func(t *testing.T) {
		cases := cputest.SampleOf(7)
		for i := range fusedPrograms {
			f := &fusedPrograms[i]
			t.Run(f.name, func(t *testing.T) { // fences are the system's, which has not enough for all of them
				for _, atStart := range []bool{false, true} {
					for n := 1; n <= 65; n++ {
						if !cases.Has() {
							continue
						}
						e := kernelOf(f, rand.New(rand.NewPCG(1, 2)), 1, n, full)
						for k, o := range e.In {
							e.In[k].Data = cputest.Fenced[float32](t, len(o.Data), atStart)
							copy(e.In[k].Data, o.Data)
						}
						for k, o := range e.Out {
							e.Out[k].Data = cputest.Fenced[float32](t, len(o.Data), atStart)
						}
						checkKernel(t, e, func() { e.Run(nil) })
					}
				}
			})
		}
	})
}

// Programs that say the same find the same loop.
func TestProgramsFindTheirLoop(t *testing.T) {
	adam := func(swap bool) *Program {
		// p g m v | alpha eps | c1 c2 as constants
		p := &Program{
			Operands: 6,
			Consts:   []float32{0.1, 0.001},
			Code: []Instr{
				{Op: OpSquare, A: 1},      // 8
				{Op: OpSub, A: 8, B: 3},   // 9
				{Op: OpMul, A: 7, B: 9},   // 10
				{Op: OpAdd, A: 3, B: 10},  // 11 v
				{Op: OpSub, A: 1, B: 2},   // 12
				{Op: OpMul, A: 12, B: 6},  // 13
				{Op: OpAdd, A: 13, B: 2},  // 14 m
				{Op: OpSqrt, A: 11},       // 15
				{Op: OpAdd, A: 15, B: 5},  // 16
				{Op: OpMul, A: 4, B: 14},  // 17
				{Op: OpDiv, A: 17, B: 16}, // 18
				{Op: OpSub, A: 0, B: 18},  // 19 p
			},
			Outputs: []uint8{11, 14, 19},
		}
		if swap {
			p.Outputs = []uint8{19, 11, 14}
		}
		return p
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, swap := range []bool{false, true} {
		e := &Kernel{Program: adam(swap), Rows: 1, Cols: 1000}
		for range 4 {
			o := full.operand(r, 1, 1000)
			for i, v := range o.Data {
				o.Data[i] = v * v
			}
			e.In = append(e.In, o)
		}
		e.In = append(e.In, scalar.operand(r, 1, 1), scalar.operand(r, 1, 1))
		e.In[5].Data[0] = 1e-7
		for _, k := range []int{3, 2, 0} { // in place
			e.Out = append(e.Out, e.In[k])
		}
		if swap {
			e.Out = []Operand{e.Out[2], e.Out[0], e.Out[1]}
		}
		e.Prepare()
		if len(fusedPrograms) > 0 && (e.fused == nil || e.fused.name != "Adam") {
			t.Error("Adam doesn't find its loop")
		}
		checkKernel(t, e, func() { e.Run(nil) })
	}
	other := adam(false)
	other.Code[11].Op = OpAdd
	e := &Kernel{Program: other, In: make([]Operand, 6)}
	if b := bindFused(e); b != nil {
		t.Errorf("another program finds the loop of %s", b.name)
	}
}
