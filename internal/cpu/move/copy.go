package move

import "github.com/cornu-ml/cornu/internal/par"

// This file holds copies between arrays of any strides, one-hot rows and fills.

// A StridedCopy kernel copies an array of any rank: element (i0, i1, …) goes
// from Src[SrcOff + Σ i·SrcStrides] to Dst[DstOff + Σ i·DstStrides]. Transposes,
// slices, concatenations, padding and broadcasts are made of it. Src and Dst
// don't overlap.
type StridedCopy struct {
	Src, Dst               []float32
	Dims                   []int
	SrcStrides, DstStrides []int
	SrcOff, DstOff         int

	axes   []axis // the dimensions after merging
	tasks  int
	chunk  int // indices of axes[0] that one task copies
	merged bool
}

// An axis is a dimension of a copy: its size, and its strides in the source and in the destination, in elements.
type axis struct{ n, src, dst int }

// copyGrain is about the number of elements that one task copies: fewer are not worth handing to another core.
const copyGrain = 1 << 15

// Tasks returns the number of tasks that Run is made of.
func (k *StridedCopy) Tasks() int {
	if !k.merged {
		k.merge()
	}
	return k.tasks
}

// merge drops dimensions of size 1, and merges neighbours that are contiguous in both arrays.
func (k *StridedCopy) merge() {
	k.merged = true
	elements := 1
	for i, n := range k.Dims {
		elements *= n
		a := axis{n, k.SrcStrides[i], k.DstStrides[i]}
		if n == 1 {
			continue
		}
		if j := len(k.axes) - 1; j >= 0 && k.axes[j].src == a.src*n && k.axes[j].dst == a.dst*n {
			a.n *= k.axes[j].n
			k.axes[j] = a
			continue
		}
		k.axes = append(k.axes, a)
	}
	if len(k.axes) == 0 {
		k.axes = []axis{{1, 1, 1}}
	}
	if elements > 0 {
		n := k.axes[0].n
		k.chunk = max(min(n, copyGrain*n/elements), 1)
		k.tasks = (n + k.chunk - 1) / k.chunk
	}
}

// Run copies.
func (k *StridedCopy) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *StridedCopy) Do(_, index int) {
	i := index * k.chunk
	a := k.axes[0]
	a.n = min(k.chunk, a.n-i)
	copyAxes(k.Dst, k.Src, k.DstOff+i*a.dst, k.SrcOff+i*a.src, a, k.axes[1:])
}

// copyAxes copies along dimension a and, nested in it, the dimensions inner, from src[s] on to dst[d] on.
func copyAxes(dst, src []float32, d, s int, a axis, inner []axis) {
	switch {
	case len(inner) == 1 && a.dst == 1 && inner[0].src == 1:
		copyTransposed(dst, src, d, s, inner[0], a)
	case len(inner) == 1 && a.src == 1 && inner[0].dst == 1:
		copyTransposed(dst, src, d, s, a, inner[0])
	case len(inner) > 0:
		for i := range a.n {
			copyAxes(dst, src, d+i*a.dst, s+i*a.src, inner[0], inner[1:])
		}
	case a.src == 1 && a.dst == 1:
		copy(dst[d:d+a.n], src[s:])
	case a.src == 0 && a.dst == 1:
		SetAll(dst[d:d+a.n], src[s])
	default:
		for i := range a.n {
			dst[d+i*a.dst] = src[s+i*a.src]
		}
	}
}

// copyTransposed copies a matrix whose rows run along a in the source, where
// a.src is 1, and along b in the destination, where b.dst is 1. It copies 16×16
// elements at a time, which stay in the cache on both sides.
func copyTransposed(dst, src []float32, d, s int, a, b axis) {
	const square = 16
	for i0 := 0; i0 < a.n; i0 += square {
		i1 := min(i0+square, a.n)
		for j0 := 0; j0 < b.n; j0 += square {
			n := min(square, b.n-j0)
			for i := i0; i < i1; i++ {
				to, from := dst[d+i*a.dst+j0:][:n], s+i+j0*b.src
				for j := range to {
					to[j] = src[from+j*b.src]
				}
			}
		}
	}
}

// A OneHot kernel writes 1 to the column that index r names of each row r of Y [Rows, Depth],
// and 0 elsewhere. An index that names no column gives a row of zeros.
type OneHot struct {
	Indices
	Y           []float32
	Rows, Depth int
}

// Tasks returns the number of tasks that Run is made of.
func (k *OneHot) Tasks() int { return par.RowTasks(k.Rows, k.Depth) }

// Run computes Y.
func (k *OneHot) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *OneHot) Do(_, index int) {
	r0, r1 := par.TaskRows(index, k.Rows, k.Depth)
	SetAll(k.Y[r0*k.Depth:r1*k.Depth], 0)
	for r := r0; r < r1; r++ {
		if i := k.Row(r, k.Depth); i >= 0 {
			k.Y[r*k.Depth+i] = 1
		}
	}
}

// LabelIndex returns a label as the index of one of n classes, or -1 if it is not an integer from 0 to n-1.
func LabelIndex(label float32, n int) int {
	if i := int(label); label >= 0 && label < float32(n) && float32(i) == label {
		return i
	}
	return -1
}

// A Fill kernel sets every element of Dst to Value.
type Fill struct {
	Dst   []float32
	Value float32
}

// Tasks returns the number of tasks that Run is made of.
func (k *Fill) Tasks() int { return (len(k.Dst) + copyGrain - 1) / copyGrain }

// Run fills Dst.
func (k *Fill) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task.
func (k *Fill) Do(_, index int) {
	i := index * copyGrain
	SetAll(k.Dst[i:min(i+copyGrain, len(k.Dst))], k.Value)
}

func fillGeneric(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
