package cpu

import (
	"fmt"
	"testing"
)

// A kernel whose arrays are one element too short panics in Go, before any loop in
// assembly reads or writes what isn't its own.
func TestNoKernelReachesBeyondItsArrays(t *testing.T) {
	short := func(n, by int) []float32 {
		memory := make([]float32, n+64) // what lies behind is not the kernel's
		return memory[: n-by : n-by]
	}
	one := []Instr{{Op: OpRelu}}
	kernels := map[string]struct {
		arrays int
		make   func(by []int) Kernel
	}{
		"elementwise": {2, func(by []int) Kernel {
			return &Elementwise{
				Program: &Program{Operands: 1, Code: one, Outputs: []uint8{1}}, Rows: 9, Cols: 17,
				In: []Operand{{Data: short(9*17, by[0]), RowStride: 17, ColStride: 1}}, Out: []Operand{{Data: short(9*17, by[1]), RowStride: 17, ColStride: 1}},
			}
		}},
		"elementwise, a row and a column": {3, func(by []int) Kernel {
			return &Elementwise{
				Program: &Program{Operands: 2, Code: []Instr{{Op: OpAdd, A: 0, B: 1}}, Outputs: []uint8{2}}, Rows: 9, Cols: 17,
				In:  []Operand{{Data: short(17, by[0]), RowStride: 0, ColStride: 1}, {Data: short(9, by[1]), RowStride: 1, ColStride: 0}},
				Out: []Operand{{Data: short(9*17, by[2]), RowStride: 17, ColStride: 1}},
			}
		}},
		"softmax": {2, func(by []int) Kernel { return &Softmax{X: short(8*10, by[0]), Y: short(8*10, by[1]), Rows: 8, N: 10} }},
		"log softmax": {2, func(by []int) Kernel {
			return &LogSoftmax{X: short(8*40, by[0]), Y: short(8*40, by[1]), Rows: 8, N: 40}
		}},
		"all finite": {0, func([]int) Kernel {
			return &AllFinite{X: short(100, 0), Bad: new(uint32)}
		}},
		"fill": {0, func([]int) Kernel { return &Fill{Dst: short(100, 0), Value: 1} }},
		"one-hot": {2, func(by []int) Kernel {
			return &OneHot{Labels: short(8, by[0]), Y: short(8*10, by[1]), Rows: 8, Depth: 10}
		}},
		"transpose": {2, func(by []int) Kernel {
			return &StridedCopy{Src: short(9*17, by[0]), Dst: short(9*17, by[1]), Dims: []int{17, 9}, SrcStrides: []int{1, 17}, DstStrides: []int{9, 1}}
		}},
		"gather": {2, func(by []int) Kernel {
			return &GatherFloat32{Src: short(3*17, by[0]), Dst: short(3*17, by[1]), Width: 17, Rows: []int32{2, 1, 0}}
		}},
	}
	for _, sparse := range []bool{false, true} {
		for _, n := range []int{10, 40} {
			target := 8
			if !sparse {
				target *= n
			}
			kernels[fmt.Sprintf("cross-entropy, %v, %d", sparse, n)] = struct {
				arrays int
				make   func(by []int) Kernel
			}{3, func(by []int) Kernel {
				return &SoftmaxCrossentropy{Logits: short(8*n, by[0]), Target: short(target, by[1]), Loss: short(8, by[2]), Rows: 8, N: n, Sparse: sparse}
			}}
			kernels[fmt.Sprintf("its gradient, %v, %d", sparse, n)] = struct {
				arrays int
				make   func(by []int) Kernel
			}{4, func(by []int) Kernel {
				return &SoftmaxCrossentropyGrad{
					Logits: short(8*n, by[0]), Target: short(target, by[1]), DLoss: short(8, by[2]), DLogits: short(8*n, by[3]), Rows: 8, N: n, Sparse: sparse,
				}
			}}
		}
	}
	for _, size := range [][3]int{{1, 1, 1}, {3, 17, 5}, {1, 64, 300}, {40, 50, 60}, {130, 70, 500}} {
		for trans := range 4 {
			m, n, k := size[0], size[1], size[2]
			kernels[fmt.Sprintf("product %v, transposed %02b", size, trans)] = struct {
				arrays int
				make   func(by []int) Kernel
			}{3, func(by []int) Kernel {
				g := &Gemm{
					M: m, N: n, K: k, TransA: trans&1 > 0, TransB: trans&2 > 0, LDA: k, LDB: n, LDC: n,
					A: short(m*k, by[0]), B: short(k*n, by[1]), C: short(m*n, by[2]),
				}
				if g.TransA {
					g.LDA = m
				}
				if g.TransB {
					g.LDB = k
				}
				return g
			}}
		}
	}
	for _, op := range []ReduceOp{ReduceSum, ReduceMax, ReduceMin, ArgMax} {
		for _, size := range [][3]int{{4, 100, 1}, {3, 7, 33}, {1, 9000, 5}, {1, 1, 1}} {
			o, n, i := size[0], size[1], size[2]
			kernels[fmt.Sprintf("reduction %d of %v", op, size)] = struct {
				arrays int
				make   func(by []int) Kernel
			}{2, func(by []int) Kernel {
				k := &Reduce{Op: op, X: short(o*n*i, by[0]), Y: short(o*i, by[1]), Outer: o, N: n, Inner: i}
				k.Prepare()
				return k
			}}
		}
	}
	panics := func(f func()) (yes bool) {
		defer func() { yes = recover() != nil }()
		f()
		return false
	}
	eachTier(t, func(t *testing.T) {
		for name, c := range kernels {
			if panics(func() { c.make(make([]int, c.arrays)).Run(nil) }) {
				t.Errorf("%s panics with arrays that are long enough", name)
			}
			for i := range c.arrays {
				by := make([]int, c.arrays)
				by[i] = 1
				if !panics(func() { c.make(by).Run(nil) }) {
					t.Errorf("%s: array %d is too short, and was used", name, i)
				}
			}
		}
	})
}
