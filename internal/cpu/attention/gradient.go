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

	// Where there are few samples and groups of heads, the cores share the queries of each: so many blocks at a time, with a space each.
	// First each task computes the weights of a block, then each adds to some keys.
	together int
	slots    []space
	step     gradientStep
}

// chain is the number of products in one chain of a sum. The next chain begins at +0; when it is complete it is added to the
// sum.
const chain = 4096

// fewPairs is the number of samples and groups of heads from which each is one task.
const fewPairs = 8

// Prepare checks the arrays and cuts the work into tasks. It is called once after the fields are set.
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
	if pairs := k.Batch * k.Groups; pairs > 0 && pairs < fewPairs && k.blocks() > 1 && k.Keys > 0 {
		k.together = min((fewPairs+pairs-1)/pairs, k.blocks())
		k.slots = make([]space, pairs*k.together)
	}
}

// Tasks returns the number of tasks that Run is made of, or 0 if they come in steps.
func (k *Gradient) Tasks() int {
	if k.together > 0 {
		return 0
	}
	return k.Batch * k.Groups
}

// Run computes DQ, DK and DV.
func (k *Gradient) Run(p *par.Pool) {
	if k.together == 0 {
		p.Run(k, k.Tasks())
		return
	}
	pairs := k.Batch * k.Groups
	k.step = gradientStep{k: k}
	p.Run(&k.step, pairs)
	for k.step.head = range k.Heads / k.Groups {
		for k.step.first = 0; k.step.first < k.blocks(); k.step.first += k.together {
			k.step.phase, k.step.blocks = weighing, min(k.together, k.blocks()-k.step.first)
			p.Run(&k.step, pairs*k.step.blocks)
			k.step.phase = adding
			p.Run(&k.step, pairs*keyPieces)
		}
	}
	for i := range pairs {
		k.end(&k.slots[i*k.together])
	}
}

// A gradientStep is one of those that all tasks have done before the next begins: for some blocks of queries of one head of each group.
type gradientStep struct {
	k             *Gradient
	phase         int
	head          int // among those of a group
	first, blocks int
}

const (
	beginning = iota // a task is a sample and a group of heads
	weighing         // and a block of queries
	adding           // and some keys
)

// keyPieces is how many tasks share the keys.
const keyPieces = 8

// Do does one task of the step.
func (t *gradientStep) Do(worker, index int) {
	k := t.k
	switch t.phase {
	case beginning:
		k.begin(worker, &k.slots[index*k.together], index)
	case weighing:
		pair, i := index/t.blocks, index%t.blocks
		s, of := &k.slots[pair*k.together+i], &k.slots[pair*k.together]
		s.share(&k.Sizes, of)
		k.weigh(worker, s, t.head, (t.first+i)*block)
	default:
		pair, piece := index/keyPieces, index%keyPieces
		slots := k.slots[pair*k.together:]
		for i := range t.blocks {
			k.add(worker, &slots[0], &slots[i], piece*k.Keys/keyPieces, (piece+1)*k.Keys/keyPieces)
		}
	}
}

// Do does one task: the heads of one group of one sample.
func (k *Gradient) Do(worker, index int) {
	s := k.spaces.Get()
	k.begin(worker, s, index)
	for h := range k.Heads / k.Groups {
		for from := 0; from < k.Queries; from += block {
			k.weigh(worker, s, h, from)
			k.add(worker, s, s, 0, k.Keys)
		}
	}
	k.end(s)
	k.spaces.Put(s)
}

// clearRows writes zeros to rows from … to-1 of n elements.
func clearRows(x Array, from, to, n int) {
	for i := from; i < to && n > 0; i++ {
		clear(x.rows(i)[:n])
	}
}

// keyRows returns the rows of DK and DV of a space's sample and group.
func (k *Gradient) keyRows(s *space) (dk, dv Array) {
	return k.DK.group(s.sample, k.Rows, s.group, k.KeyDim), k.DV.group(s.sample, k.Rows, s.group, k.ValueDim)
}

// queryRows returns the rows of DQ of a head of the group.
func (k *Gradient) queryRows(s *space, h int) Array {
	return k.DQ.group(s.sample, k.Rows, s.group*(k.Heads/k.Groups)+h, k.KeyDim)
}

// begin prepares a space for the heads of a group of a sample, and sets its rows of DK and DV, and what is behind the rows of DQ, to zeros.
func (k *Gradient) begin(worker int, s *space, pair int) {
	s.reserve(&k.Sizes, true)
	s.sample, s.group = pair/k.Groups, pair%k.Groups
	s.see(&k.Sizes, k.Mask, s.sample)
	dk, dv := k.keyRows(s)
	clearRows(dk, 0, k.Rows, k.KeyDim)
	clearRows(dv, 0, k.Rows, k.ValueDim)
	for h := range k.Heads / k.Groups {
		clearRows(k.queryRows(s, h), k.Queries, k.Rows, k.KeyDim)
	}
	if k.Keys > 0 {
		keys, values := k.K.group(s.sample, k.Keys, s.group, k.KeyDim), k.V.group(s.sample, k.Keys, s.group, k.ValueDim)
		product.Transpose(worker, s.keys, s.ld, keys.Data, keys.LD, k.Keys, k.KeyDim)
		product.Transpose(worker, s.turned, s.ld, values.Data, values.LD, k.Keys, k.ValueDim)
		if s.rows = keys; k.Heads/k.Groups*k.blocks() > 1 { // several blocks read the keys: copy them to where they have no gaps
			copyRows(s.plainKeys, keys.Data, keys.LD, k.Keys, k.KeyDim)
			s.rows = Array{s.plainKeys, k.KeyDim}
		}
	}
}

// end adds what is left of DK and DV.
func (k *Gradient) end(s *space) {
	if k.Heads/k.Groups*k.Queries > chain {
		k.endChain(s, 0, k.Keys)
	}
}

// weigh computes the weights of a block of queries, which begins at query from of a head of the space's group, and the gradient at their
// scores. It sets the block's rows of DQ.
func (k *Gradient) weigh(worker int, s *space, h, from int) {
	b, head := s.sample, s.group*(k.Heads/k.Groups)+h
	to := min(from+block, k.Queries)
	y, dy := k.Y.group(b, k.Queries, head, k.ValueDim), k.DY.group(b, k.Queries, head, k.ValueDim)
	dq := k.queryRows(s, h)
	s.head, s.from, s.to = h, from, to
	s.lo, s.hi = s.weigh(worker, &k.Sizes, k.Q.group(b, k.Queries, head, k.KeyDim), from, to)
	lo, hi := s.lo, s.hi
	if lo == hi {
		clearRows(dq, from, to, k.KeyDim)
		return
	}
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
	s.scaled(&k.Sizes, Array{dq.rows(from), dq.LD}, Array{s.dquery, k.KeyDim}, to-from)
}

// add adds what a block of queries, whose weights are in s, gives to rows first … end-1 of DK and DV. The chain that is under way is in to.
func (k *Gradient) add(worker int, to, s *space, first, end int) {
	dk, dv := k.keyRows(s)
	dy := k.DY.group(s.sample, k.Queries, s.group*(k.Heads/k.Groups)+s.head, k.ValueDim)
	lo, hi := max(s.lo, first), min(s.hi, end)
	for i := s.from; i < s.to; { // in each round the queries up to the end of a chain
		number := s.head*k.Queries + i
		stop := min(s.to, i+chain-number%chain)
		if number%chain == 0 && number > 0 {
			if number > chain {
				k.endChain(to, first, end)
			}
			clear(to.chain[first*k.KeyDim : end*k.KeyDim])
			clear(to.chain[k.Keys*k.KeyDim:][first*k.ValueDim : end*k.ValueDim])
		}
		toK, toV := dk, dv
		if number >= chain {
			toK, toV = Array{to.chain, k.KeyDim}, Array{to.chain[k.Keys*k.KeyDim:], k.ValueDim}
		}
		if lo < hi {
			part := func(x []float32) product.Matrix {
				return product.Matrix{Data: x[(i-s.from)*s.ld+lo-s.lo:], LD: s.ld, Trans: true}
			}
			product.Multiply(worker, product.Matrix{Data: toK.rows(lo), LD: toK.LD}, part(s.dweights),
				product.Matrix{Data: s.query[(i-s.from)*k.KeyDim:], LD: k.KeyDim}, hi-lo, k.KeyDim, stop-i, true)
			product.Multiply(worker, product.Matrix{Data: toV.rows(lo), LD: toV.LD}, part(s.weights),
				product.Matrix{Data: dy.rows(i), LD: dy.LD}, hi-lo, k.ValueDim, stop-i, true)
		}
		i = stop
	}
}

// endChain adds rows first … end-1 of the chain that was summed last to DK and DV.
func (k *Gradient) endChain(s *space, first, end int) {
	dk, dv := k.keyRows(s)
	for _, x := range []struct {
		to   Array
		from []float32
		n    int
	}{{dk, s.chain, k.KeyDim}, {dv, s.chain[k.Keys*k.KeyDim:], k.ValueDim}} {
		for i := first; i < end; i++ {
			row := x.to.rows(i)
			for j, v := range x.from[i*x.n:][:x.n] {
				row[j] += v
			}
		}
	}
}
