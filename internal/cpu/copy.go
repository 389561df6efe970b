package cpu

import "github.com/cornu-ml/cornu/internal/par"

// This file holds the kernels that move values and compute nothing.

// A StridedCopy kernel copies an array of at most 6 dimensions: element
// (i0, i1, …) goes from Src[SrcOff + Σ i·SrcStrides] to Dst[DstOff +
// Σ i·DstStrides]. Transposes, slices, concatenations, padding and broadcasts
// are made of it. Src and Dst don't overlap.
type StridedCopy struct {
	Src, Dst               []float32
	Dims                   []int
	SrcStrides, DstStrides []int
	SrcOff, DstOff         int

	prepared        bool
	n               int // dimensions that are left when mergeable ones are merged
	dims, src, dst  [6]int
	chunk, elements int // chunks are cut along dimension 0
}

// Run copies.
func (k *StridedCopy) Run(p *par.Pool) {
	if !k.prepared {
		k.prepare()
	}
	if k.elements == 0 {
		return
	}
	p.Run(k, (k.dims[0]+k.chunk-1)/k.chunk)
}

// prepare merges dimensions that are one run in both arrays.
func (k *StridedCopy) prepare() {
	k.prepared = true
	k.elements = 1
	for i, d := range k.Dims {
		k.elements *= d
		if d == 1 {
			continue
		}
		s, t := k.SrcStrides[i], k.DstStrides[i]
		if j := k.n - 1; j >= 0 && k.src[j] == s*d && k.dst[j] == t*d {
			k.dims[j] *= d
			k.src[j], k.dst[j] = s, t
			continue
		}
		k.dims[k.n], k.src[k.n], k.dst[k.n] = d, s, t
		k.n++
	}
	if k.n == 0 {
		k.dims[0], k.n = 1, 1
	}
	const grain = 1 << 14
	k.chunk = min(max(grain*k.dims[0]/max(k.elements, 1), 1), max(k.dims[0], 1))
}

// Do copies chunk index of Run.
func (k *StridedCopy) Do(_, index int) {
	i0 := index * k.chunk
	i1 := min(i0+k.chunk, k.dims[0])
	dims := k.dims
	dims[0] = i1 - i0
	copyStrided(k.Dst, k.Src, k.DstOff+i0*k.dst[0], k.SrcOff+i0*k.src[0], dims[:k.n], k.dst[:k.n], k.src[:k.n])
}

func copyStrided(dst, src []float32, d, s int, dims, ds, ss []int) {
	n := dims[0]
	if len(dims) > 1 {
		for range n {
			copyStrided(dst, src, d, s, dims[1:], ds[1:], ss[1:])
			d += ds[0]
			s += ss[0]
		}
		return
	}
	switch {
	case ds[0] == 1 && ss[0] == 1:
		copy(dst[d:d+n], src[s:s+n])
	case ds[0] == 1 && ss[0] == 0:
		fill(dst[d:d+n], src[s])
	default:
		for range n {
			dst[d] = src[s]
			d += ds[0]
			s += ss[0]
		}
	}
}

// A OneHot kernel writes 1 to column Labels[r] of each row r of Y [Rows, Depth],
// and 0 elsewhere. A label that is no column gives a row of zeros.
type OneHot struct {
	Labels, Y   []float32
	Rows, Depth int
}

// Run computes Y.
func (k *OneHot) Run(*par.Pool) {
	fill(k.Y[:k.Rows*k.Depth], 0)
	for r, l := range k.Labels[:k.Rows] {
		if l >= 0 && l < float32(k.Depth) {
			k.Y[r*k.Depth+int(l)] = 1
		}
	}
}

// A Fill kernel sets every element of Dst to Value.
type Fill struct {
	Dst   []float32
	Value float32
}

// Run fills Dst.
func (k *Fill) Run(*par.Pool) { fill(k.Dst, k.Value) }

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
