package reduce

import (
	"math"
	"sync/atomic"

	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/move"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file reduces one axis of an array to its sum, its maximum, its minimum or the index of its maximum.

// An Op is what a [Reduction] kernel computes.
type Op uint8

// The reductions.
const (
	Sum    Op = iota
	Max       // Go's max; -Inf of nothing
	Min       // Go's min; +Inf of nothing
	ArgMax    // the index of the first maximum; NaN counts as the maximum
)

// A Reduction kernel reduces the middle axis of X [Outer, N, Inner] to Y [Outer,
// Inner].
//
// The order of a sum is fixed: the N elements of an output are cut into blocks of
// 4096, and the blocks are added in order. If Inner is 1, virtual lane l of 16
// adds the elements l, l+16, … of a block, starting from +0, and lanes 8 apart are
// added, then 4, 2 and 1 apart. Otherwise a block is one chain from +0 in
// increasing n.
type Reduction struct {
	Op              Op
	X, Y            []float32
	Outer, N, Inner int

	// OuterStride and Stride are the distances in X, in elements, from one index to the next along Outer and along N. 0
	// means that X has no gaps there: N·Stride and Inner. If Inner is 1, Stride is 1.
	OuterStride, Stride int

	// Lanes says that sums are added by 16 lanes, in the order of Inner = 1, whatever Inner is.
	Lanes bool

	blocks  int            // in the sum of each output, one task each; 1 if a task computes whole outputs
	partial []float32      // [Outer, blocks, Inner], the blocks' sums
	pending []atomic.Int32 // for each index of Outer and each chunk of Inner: how many blocks are not summed yet
}

// sumBlock is the number of elements in a block of a sum. Each block is summed from +0, then the blocks' sums are added.
const sumBlock = 4096

// Prepare allocates what the tasks share. It is called once, when all fields are set, before Run.
func (k *Reduction) Prepare() {
	if k.Stride == 0 {
		k.Stride = k.Inner
	}
	if k.OuterStride == 0 {
		k.OuterStride = k.N * k.Stride
	}
	if k.Outer*k.N*k.Inner > 0 {
		cpu.Reaches("what is reduced", k.X, (k.Outer-1)*k.OuterStride+(k.N-1)*k.Stride+k.Inner)
	}
	cpu.Reaches("what it is reduced to", k.Y, k.Outer*k.Inner)
	k.blocks = 1
	if k.Op != Sum || k.Inner <= 1 || k.N <= sumBlock || k.Lanes {
		return
	}
	k.blocks = (k.N + sumBlock - 1) / sumBlock
	k.partial = make([]float32, k.Outer*k.blocks*k.Inner)
	_, inner := k.chunk()
	k.pending = make([]atomic.Int32, k.Outer*((k.Inner+inner-1)/inner))
	for i := range k.pending {
		k.pending[i].Store(int32(k.blocks))
	}
}

// reduceGrain is about the number of elements that one task reduces: fewer are not worth handing to another core.
const reduceGrain = 1 << 15

// chunk returns how many outputs one task computes, along Outer and along Inner.
func (k *Reduction) chunk() (outer, inner int) {
	n := max(k.N, 1)
	inner = min(k.Inner, max(reduceGrain/n, 128)/128*128)
	if k.blocks > 1 {
		return 1, inner
	}
	return min(k.Outer, max(reduceGrain/(n*inner), 1)), inner
}

// Tasks returns the number of tasks that Run is made of.
func (k *Reduction) Tasks() int {
	if k.Outer*k.Inner == 0 {
		return 0
	}
	outer, inner := k.chunk()
	return (k.Outer + outer - 1) / outer * ((k.Inner + inner - 1) / inner) * max(k.blocks, 1)
}

// Run computes Y.
func (k *Reduction) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *Reduction) Do(_, index int) {
	outer, inner := k.chunk()
	grid := (k.Inner + inner - 1) / inner
	if k.blocks > 1 {
		k.doBlock(index/k.blocks, index%k.blocks, index/k.blocks/grid, index/k.blocks%grid*inner, inner)
		return
	}
	o0, i0 := index/grid*outer, index%grid*inner
	o1, i1 := min(o0+outer, k.Outer), min(i0+inner, k.Inner)
	if k.Inner == 1 && k.OuterStride == k.N {
		reduceRows(k.Op, k.Y[o0:o1], k.X[o0*k.N:o1*k.N], k.N)
		return
	}
	for o := o0; o < o1; o++ {
		x := k.X[min(o*k.OuterStride, len(k.X)):]
		switch {
		case k.Inner == 1:
			reduceRows(k.Op, k.Y[o:o+1], x[:k.N], k.N)
		case k.Lanes && k.Op == Sum:
			sumByLanes(k.Y[o*k.Inner+i0:o*k.Inner+i1], x[min(i0, len(x)):], k.N, k.Stride)
		default:
			reduceColumns(k.Op, k.Y[o*k.Inner+i0:o*k.Inner+i1], x[min(i0, len(x)):], k.N, k.Stride)
		}
	}
}

// sumByLanes sets y[i] to the sum of column i of x, over n rows that are stride apart, added in the order of sumRow.
func sumByLanes(y, x []float32, n, stride int) {
	const width = 64
	var lane [16][width]float32
	for c := 0; c < len(y); c += width {
		to := y[c:min(c+width, len(y))]
		for b := 0; b == 0 || b < n; b += sumBlock {
			rows := min(n-b, sumBlock)
			for l := range lane {
				reduceColumns(Sum, lane[l][:len(to)], x[min((b+l)*stride+c, len(x)):], (rows-l+15)/16, 16*stride)
			}
			for d := 8; d > 0; d /= 2 {
				for l := range d {
					for i, v := range lane[l+d][:len(to)] {
						lane[l][i] += v
					}
				}
			}
			if b == 0 {
				copy(to, lane[0][:])
				continue
			}
			for i, v := range lane[0][:len(to)] {
				to[i] += v
			}
		}
	}
}

// doBlock sums block b of the columns [i0, i0+inner) at index o of Outer. place numbers these columns at this index.
// Whichever task finishes the last block of a place adds up the sums of all its blocks, in order.
func (k *Reduction) doBlock(place, b, o, i0, inner int) {
	i1 := min(i0+inner, k.Inner)
	first := b * sumBlock
	partial := k.partial[o*k.blocks*k.Inner:][:k.blocks*k.Inner]
	reduceColumns(Sum, partial[b*k.Inner+i0:b*k.Inner+i1], k.X[o*k.OuterStride+first*k.Stride+i0:], min(sumBlock, k.N-first), k.Stride)
	if k.pending[place].Add(-1) == 0 {
		k.pending[place].Store(int32(k.blocks))
		// No block's sum is −0, since its chain began at +0: to begin at +0 again changes no bit.
		reduceColumns(Sum, k.Y[o*k.Inner+i0:o*k.Inner+i1], partial[i0:], k.blocks, k.Inner)
	}
}

// reduceRows reduces each row of x, n elements wide.
func reduceRows(op Op, y, x []float32, n int) {
	switch {
	case n == 0:
		move.SetAll(y, map[Op]float32{Max: float32(math.Inf(-1)), Min: float32(math.Inf(1))}[op])
	case op == ArgMax:
		argMaxRows(y, x, n)
	case op == Sum && n <= sumBlock:
		sumRows(y, x, n)
	default:
		for r := range y {
			row := x[r*n:][:n]
			switch op {
			case Sum:
				y[r] = sumRow(row)
			case Max:
				y[r] = maxRow(row)
			case Min:
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
func reduceColumnsGeneric(op Op, y, x []float32, n, stride int) {
	switch op {
	case Sum:
		move.SetAll(y, 0)
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] += v
			}
		}
	case Max:
		move.SetAll(y, float32(math.Inf(-1)))
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] = max(y[i], v)
			}
		}
	case Min:
		move.SetAll(y, float32(math.Inf(1)))
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
