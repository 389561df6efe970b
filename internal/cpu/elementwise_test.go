package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/rng"
)

// sameBits reports whether a and b are the same float32; all NaNs are one.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// evaluate runs e's program for element (r, c) by itself: the oracle of the
// kernels.
func evaluate(e *Elementwise, r, c int) []float32 {
	p := e.Program
	var v []float32
	for _, o := range e.In {
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

func randomSlice(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// A program runs over matrices of every layout as it does over single elements.
func TestProgramsRunOverMatricesAsOverElements(t *testing.T) {
	seed, step := uint64(7), uint64(3)
	p := &Program{
		Operands: 4,
		Consts:   []float32{0.25},
		Code: []Instr{
			{Op: OpAdd, A: 0, B: 1},
			{Op: OpMul, A: 5, B: 2},
			{Op: OpSub, A: 6, B: 3},
			{Op: OpTanh, A: 7},
			{Op: OpMul, A: 8, B: 4},
			{Op: OpDropout, A: 9, B: 0},
		},
		Outputs: []uint8{10, 7},
	}
	for _, workers := range []int{1, 3} {
		pool := par.New(workers)
		for _, rows := range []int{1, 2, 7, 130} {
			for _, cols := range []int{1, 3, 10, 64, 513, 1500} {
				t.Run(fmt.Sprintf("%dx%d on %d", rows, cols, workers), func(t *testing.T) {
					r := rand.New(rand.NewPCG(1, 2))
					e := &Elementwise{Program: p, Rows: rows, Cols: cols,
						Dropouts: []Dropout{{Seed: &seed, Step: &step, Stream: 5, Threshold: rng.Threshold(0.45), Scale: 1 / 0.55}},
						In: []Operand{
							{Data: randomSlice(r, rows*cols), RowStride: cols, ColStride: 1},
							{Data: randomSlice(r, cols), ColStride: 1},
							{Data: randomSlice(r, rows), RowStride: 1},
							{Data: randomSlice(r, 1)},
						},
						Out: []Operand{
							{Data: make([]float32, rows*cols), RowStride: cols, ColStride: 1},
							{Data: make([]float32, rows*cols), RowStride: cols, ColStride: 1},
						}}
					e.Run(pool)
					for i := range rows {
						for j := range cols {
							for k, want := range evaluate(e, i, j) {
								if got := e.Out[k].Data[i*cols+j]; !sameBits(got, want) {
									t.Fatalf("output %d at (%d, %d) is %v, want %v", k, i, j, got, want)
								}
							}
						}
					}
				})
			}
		}
	}
}
