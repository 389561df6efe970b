package cpu

import (
	"math"

	"github.com/cornu-ml/cornu/internal/fmath"
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

	chunkOuter, chunkInner, gridInner int
}

const sumBlock = 4096

// Run computes Y.
func (k *Reduce) Run(p *par.Pool) {
	if k.Outer*k.Inner == 0 {
		return
	}
	const grain = 1 << 16
	per := max(k.N, 1)
	k.chunkInner = min(k.Inner, max(grain/per, 64))
	k.chunkOuter = min(k.Outer, max(grain/(per*k.Inner), 1))
	k.gridInner = (k.Inner + k.chunkInner - 1) / k.chunkInner
	p.Run(k, k.gridInner*((k.Outer+k.chunkOuter-1)/k.chunkOuter))
}

// Do computes chunk index of Run.
func (k *Reduce) Do(_, index int) {
	o0 := index / k.gridInner * k.chunkOuter
	i0 := index % k.gridInner * k.chunkInner
	i1 := min(i0+k.chunkInner, k.Inner)
	for o := o0; o < min(o0+k.chunkOuter, k.Outer); o++ {
		if k.Inner == 1 {
			k.Y[o] = reduceRow(k.Op, k.X[o*k.N:(o+1)*k.N])
		} else {
			reduceColumns(k.Op, k.Y[o*k.Inner+i0:o*k.Inner+i1], k.X[o*k.N*k.Inner+i0:], k.N, k.Inner)
		}
	}
}

func reduceRow(op ReduceOp, x []float32) float32 {
	switch op {
	case ReduceSum:
		return sumRow(x)
	case ReduceMax:
		return maxRow(x)
	case ReduceMin:
		y := float32(math.Inf(1))
		for _, v := range x {
			y = min(y, v)
		}
		return y
	}
	best := 0
	for i, v := range x {
		if beats(v, x[best]) {
			best = i
		}
	}
	return float32(best)
}

// beats reports whether v, which comes later, takes the place of the maximum m.
func beats(v, m float32) bool { return v > m || v != v && m == m }

func maxRow(x []float32) float32 {
	y := float32(math.Inf(-1))
	for _, v := range x {
		y = max(y, v)
	}
	return y
}

func sumRow(x []float32) float32 {
	if len(x) <= sumBlock {
		return sumLanes(x)
	}
	var y float32
	for ; len(x) > sumBlock; x = x[sumBlock:] {
		y += sumLanes(x[:sumBlock])
	}
	return y + sumLanes(x)
}

func sumLanes(x []float32) float32 {
	var lane [16]float32
	for ; len(x) >= 16; x = x[16:] {
		for l, v := range x[:16] {
			lane[l] += v
		}
	}
	for l, v := range x {
		lane[l] += v
	}
	return sumTree(&lane)
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

// reduceColumns reduces each column of y over the n rows of x, stride apart.
func reduceColumns(op ReduceOp, y, x []float32, n, stride int) {
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
				y[i] = fmath.Max(y[i], v)
			}
		}
	case ReduceMin:
		fill(y, float32(math.Inf(1)))
		for r := range n {
			for i, v := range x[r*stride:][:len(y)] {
				y[i] = fmath.Min(y[i], v)
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
