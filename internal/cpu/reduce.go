package cpu

import (
	"math"

	"github.com/cornu-ml/cornu/internal/par"
)

// A ReduceOp is what a [Reduce] kernel computes.
type ReduceOp uint8

// The reductions.
const (
	ReduceSum ReduceOp = iota
	ReduceMax          // Go's max; -Inf of nothing
	ReduceMin          // Go's min; +Inf of nothing
	ArgMax             // the index of the first maximum; NaN counts as the maximum
)

// A Reduce kernel reduces the middle axis of X [Outer, N, Inner] to Y [Outer,
// Inner].
//
// The order of a sum is fixed. If Inner is 1, a row is cut into blocks of 4096;
// in a block, virtual lane l of 16 adds the elements l, l+16, …, starting from
// +0, and lanes 8 apart are added, then 4, 2 and 1 apart; the blocks are added in
// order. Otherwise each output is one chain from +0 in increasing n.
type Reduce struct {
	Op              ReduceOp
	X, Y            []float32
	Outer, N, Inner int
}

// sumBlock is the number of elements of a row that the 16 lanes add.
const sumBlock = 4096

// reduceGrain is the number of elements that are worth handing to another core.
const reduceGrain = 1 << 15

// chunk returns the outputs of one task: so many along Outer and along Inner.
func (k *Reduce) chunk() (outer, inner int) {
	n := max(k.N, 1)
	inner = min(k.Inner, max(reduceGrain/n, 128)/128*128)
	return min(k.Outer, max(reduceGrain/(n*inner), 1)), inner
}

// Tasks returns the number of tasks that Run is made of.
func (k *Reduce) Tasks() int {
	if k.Outer*k.Inner == 0 {
		return 0
	}
	outer, inner := k.chunk()
	return (k.Outer + outer - 1) / outer * ((k.Inner + inner - 1) / inner)
}

// Run computes Y.
func (k *Reduce) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *Reduce) Do(_, index int) {
	outer, inner := k.chunk()
	grid := (k.Inner + inner - 1) / inner
	o0, i0 := index/grid*outer, index%grid*inner
	o1, i1 := min(o0+outer, k.Outer), min(i0+inner, k.Inner)
	if k.Inner == 1 {
		reduceRows(k.Op, k.Y[o0:o1], k.X[o0*k.N:o1*k.N], k.N)
		return
	}
	for o := o0; o < o1; o++ {
		x := k.X[o*k.N*k.Inner:][:k.N*k.Inner]
		reduceColumns(k.Op, k.Y[o*k.Inner+i0:o*k.Inner+i1], x[min(i0, len(x)):], k.N, k.Inner)
	}
}

// reduceRows reduces each row of x, n elements wide.
func reduceRows(op ReduceOp, y, x []float32, n int) {
	switch {
	case n == 0:
		fill(y, map[ReduceOp]float32{ReduceMax: float32(math.Inf(-1)), ReduceMin: float32(math.Inf(1))}[op])
	case op == ArgMax:
		argMaxRows(y, x, n)
	case op == ReduceSum && n <= sumBlock:
		sumRows(y, x, n)
	default:
		for r := range y {
			row := x[r*n:][:n]
			switch op {
			case ReduceSum:
				y[r] = sumRow(row)
			case ReduceMax:
				y[r] = maxRow(row)
			case ReduceMin:
				y[r] = minRow(row)
			}
		}
	}
}

// sumRow returns the sum of a row of any length.
func sumRow(x []float32) float32 {
	var sum float32
	var part [16]float32
	for first := true; first || len(x) > 0; first = false {
		// Whole blocks together, then what is left.
		n := min(len(x)/sumBlock, len(part))
		size := sumBlock
		if n == 0 {
			n, size = 1, len(x)
		}
		sumRows(part[:n], x[:n*size], size)
		for i, s := range part[:n] {
			if first && i == 0 {
				sum = s
			} else {
				sum += s
			}
		}
		x = x[n*size:]
	}
	return sum
}

// The definitions: what follows is plain Go, and the vector kernels equal it.

// sumRowsGeneric sums the rows of x, n <= 4096 elements wide.
func sumRowsGeneric(y, x []float32, n int) {
	for r := range y {
		var lane [16]float32
		row := x[r*n:][:n]
		for ; len(row) >= 16; row = row[16:] {
			for l, v := range row[:16] {
				lane[l] += v
			}
		}
		for l, v := range row {
			lane[l] += v
		}
		y[r] = sumTree(&lane)
	}
}

// sumTree adds lanes 8 apart, then 4, 2 and 1 apart.
func sumTree(lane *[16]float32) float32 {
	for d := 8; d > 0; d /= 2 {
		for l := range d {
			lane[l] += lane[l+d]
		}
	}
	return lane[0]
}

func maxRowGeneric(x []float32) float32 {
	y := float32(math.Inf(-1))
	for _, v := range x {
		y = max(y, v)
	}
	return y
}

func minRowGeneric(x []float32) float32 {
	y := float32(math.Inf(1))
	for _, v := range x {
		y = min(y, v)
	}
	return y
}

// argMaxRowsGeneric finds the first maximum of each row of x, n elements wide.
func argMaxRowsGeneric(y, x []float32, n int) {
	for r := range y {
		row := x[r*n:][:n]
		best := 0
		for i, v := range row {
			if beats(v, row[best]) {
				best = i
			}
		}
		y[r] = float32(best)
	}
}

// beats reports whether v, which comes later, takes the place of the maximum m.
func beats(v, m float32) bool { return v > m || v != v && m == m }

// reduceColumnsGeneric reduces each column of y over the n rows of x, stride
// apart.
func reduceColumnsGeneric(op ReduceOp, y, x []float32, n, stride int) {
	switch op {
	case ReduceSum:
		fill(y, 0)
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] += v
			}
		}
	case ReduceMax:
		fill(y, float32(math.Inf(-1)))
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] = max(y[i], v)
			}
		}
	case ReduceMin:
		fill(y, float32(math.Inf(1)))
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] = min(y[i], v)
			}
		}
	case ArgMax:
		for i := range y {
			best := 0
			for r := 1; r < n; r++ {
				if beats(x[r*stride+i], x[best*stride+i]) {
					best = r
				}
			}
			y[i] = float32(best)
		}
	}
}
