package attention

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file computes the gradient of attention.

// A Gradient kernel computes DQ, DK and DV, the gradients at Q, K and V, from DY, the gradient at Y = attention of Q, K, V. It
// computes the weights P again. With dP = DY·Vᵀ and δ = Σ DY·Y of each query,
//
//	dS = P·(dP - δ), DQ = Scale·dS·K, DK = dSᵀ·(Scale·Q), DV = Pᵀ·DY
//
// Where there is a dropout, dP is dropped as P is for DV.
//
// DK and DV are sums over queries: over the heads of a group in order, and in each head over its queries in order, in chains
// of 4096 as in [product.Gemm]. A key that no query of a block of 64 sees gets nothing from that block.
//
// DQ, DK and DV have Rows rows for each sample. Rows after the last query, or after the last key, are set to zeros.
type Gradient struct {
	Sizes
	Q, K, V, Y, DY Array
	Mask           Mask
	DQ, DK, DV     Array
	Rows           int

	spaces par.FreeList[space]
}

// chain is the number of products in one chain of a sum. The next chain begins at +0; when it is complete it is added to the
// sum.
const chain = 4096

// Prepare checks the arrays. It is called once after the fields are set.
func (k *Gradient) Prepare() {
	k.check(k.Q, k.K, k.V, k.Y, k.Mask)
	k.check(k.Q, k.K, k.V, k.DY, k.Mask)
	for _, x := range []struct {
		Array
		n int
	}{{k.DQ, k.Heads * k.KeyDim}, {k.DK, k.Groups * k.KeyDim}, {k.DV, k.Groups * k.ValueDim}} {
		if rows := k.Batch * k.Rows; rows*x.n > 0 {
			cpu.Reaches("derivatives of attention", x.Data, (rows-1)*x.LD+x.n)
		}
	}
}

// Tasks returns the number of tasks that Run is made of.
func (k *Gradient) Tasks() int { return k.Batch * k.Groups }

// Run computes DQ, DK and DV.
func (k *Gradient) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task: the heads of one group of one sample.
func (k *Gradient) Do(worker, index int) {
	b, g := index/k.Groups, index%k.Groups
	share := k.Heads / k.Groups
	dk, dv := k.DK.group(b, k.Rows, g, k.KeyDim), k.DV.group(b, k.Rows, g, k.ValueDim)
	clearRows(dk, 0, k.Rows, k.KeyDim)
	clearRows(dv, 0, k.Rows, k.ValueDim)
	s := k.spaces.Get()
	s.reserve(&k.Sizes, true)
	s.see(&k.Sizes, k.Mask, b)
	if k.Keys > 0 {
		keys, values := k.K.group(b, k.Keys, g, k.KeyDim), k.V.group(b, k.Keys, g, k.ValueDim)
		product.Transpose(worker, s.keys, s.ld, keys.Data, keys.LD, k.Keys, k.KeyDim)
		product.Transpose(worker, s.turned, s.ld, values.Data, values.LD, k.Keys, k.ValueDim)
		if s.rows = keys; share*k.blocks() > 1 { // several blocks read the keys: copy them to where they have no gaps
			copyRows(s.plainKeys, keys.Data, keys.LD, k.Keys, k.KeyDim)
			s.rows = Array{s.plainKeys, k.KeyDim}
		}
	}
	for h := range share {
		head := g*share + h
		dq := k.DQ.group(b, k.Rows, head, k.KeyDim)
		clearRows(dq, k.Queries, k.Rows, k.KeyDim)
		for from := 0; from < k.Queries; from += block {
			k.block(worker, s, b, head, h*k.Queries, from, dq, dk, dv)
		}
	}
	if share*k.Queries > chain {
		k.endChain(s, dk, dv)
	}
	k.spaces.Put(s)
}

// clearRows writes zeros to rows from … to-1 of n elements.
func clearRows(x Array, from, to, n int) {
	for i := from; i < to && n > 0; i++ {
		clear(x.rows(i)[:n])
	}
}

// block sets the rows of dq of one block of queries, and adds its parts of dk and dv. The block begins at query from of a
// head, and before is the number of queries in the heads of the group before that one.
func (k *Gradient) block(worker int, s *space, b, head, before, from int, dq, dk, dv Array) {
	to := min(from+block, k.Queries)
	y, dy := k.Y.group(b, k.Queries, head, k.ValueDim), k.DY.group(b, k.Queries, head, k.ValueDim)
	lo, hi := s.weigh(worker, &k.Sizes, k.Q.group(b, k.Queries, head, k.KeyDim), from, to)
	if lo == hi {
		clearRows(dq, from, to, k.KeyDim)
	} else {
		for i := from; i < to; i++ {
			terms, d := s.terms[(i-from)*k.ValueDim:][:k.ValueDim], dy.rows(i)
			for j, v := range y.rows(i)[:k.ValueDim] {
				terms[j] = v * d[j]
			}
		}
		s.sum.Outer = to - from
		s.sum.Run(nil)
		dweights := product.Matrix{Data: s.dweights, LD: s.ld}
		product.Multiply(worker, dweights, product.Matrix{Data: dy.rows(from), LD: dy.LD},
			product.Matrix{Data: s.turned[lo:], LD: s.ld}, to-from, hi-lo, k.ValueDim, false)
		first := (b*k.Heads+head)*k.Queries + from // of all rows of weights
		s.dropped(s.dweights, &k.Sizes, first, to-from, lo, hi)
		s.difference.Region(0, 0, to-from, 0, hi-lo)
		s.dropped(s.weights, &k.Sizes, first, to-from, lo, hi)
		product.Multiply(worker, product.Matrix{Data: s.dquery, LD: k.KeyDim}, dweights,
			product.Matrix{Data: s.rows.rows(lo), LD: s.rows.LD}, to-from, k.KeyDim, hi-lo, false)
		for i := from; i < to; i++ {
			row := dq.rows(i)[:k.KeyDim]
			for j, v := range s.dquery[(i-from)*k.KeyDim:][:k.KeyDim] {
				row[j] = v * k.Scale
			}
		}
	}
	for i := from; i < to; { // in each round the queries up to the end of a chain
		number := before + i
		end := min(to, i+chain-number%chain)
		if number%chain == 0 && number > 0 {
			if number > chain {
				k.endChain(s, dk, dv)
			}
			clear(s.chain)
		}
		toK, toV := dk, dv
		if number >= chain {
			toK, toV = Array{s.chain, k.KeyDim}, Array{s.chain[k.Keys*k.KeyDim:], k.ValueDim}
		}
		if lo < hi {
			part := func(x []float32) product.Matrix {
				return product.Matrix{Data: x[(i-from)*s.ld:], LD: s.ld, Trans: true}
			}
			product.Multiply(worker, product.Matrix{Data: toK.rows(lo), LD: toK.LD}, part(s.dweights),
				product.Matrix{Data: s.query[(i-from)*k.KeyDim:], LD: k.KeyDim}, hi-lo, k.KeyDim, end-i, true)
			product.Multiply(worker, product.Matrix{Data: toV.rows(lo), LD: toV.LD}, part(s.weights),
				product.Matrix{Data: dy.rows(i), LD: dy.LD}, hi-lo, k.ValueDim, end-i, true)
		}
		i = end
	}
}

// endChain adds the chain that was summed last to DK and DV.
func (k *Gradient) endChain(s *space, dk, dv Array) {
	for _, x := range []struct {
		to   Array
		from []float32
		n    int
	}{{dk, s.chain, k.KeyDim}, {dv, s.chain[k.Keys*k.KeyDim:], k.ValueDim}} {
		for i := range k.Keys {
			row := x.to.rows(i)
			for j, v := range x.from[i*x.n:][:x.n] {
				row[j] += v
			}
		}
	}
}
