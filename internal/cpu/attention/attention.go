package attention

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file defines attention and computes its forward pass.

// Sizes are the dimensions and the options of attention.
type Sizes struct {
	Batch, Queries, Keys int // samples, and for each its queries and its keys; there are as many values as keys
	Heads, Groups        int // heads of queries, and groups of them that share one head of keys and values
	KeyDim, ValueDim     int // elements of a key (or query) and of a value, in one head
	Scale                float32
	Causal               bool // query i sees keys 0 … i alone
	Window               int  // if it is not 0, query i sees no key j with |i - j| ≥ Window

	// Dropout drops weights, elements of [Batch, Heads, Queries, Keys], after the softmax; nil: none.
	Dropout *elementwise.Dropout
}

// An Array has a row for each step of each sample, in which the heads are side by side. A row begins LD elements after the
// one before it.
type Array struct {
	Data []float32
	LD   int
}

// An Attention kernel computes for each query of each head
//
//	Y = softmax(Scale·Q·Kᵀ)·V
//
// of Q [Batch, Queries, Heads·KeyDim], K [Batch, Keys, Groups·KeyDim] and V [Batch, Keys, Groups·ValueDim]. The softmax of a
// query is over the keys that it sees; a query that sees none gives zeros.
//
// Products sum in the order of [product.Gemm]. The softmax of a query sums in the order of [reduce.Reduction], from the first
// key that it sees to the last. So where each query sees all keys, the blocks change no bit. Where queries of a block see
// different keys, a query's weight is +0 for those that only others see.
type Attention struct {
	Sizes
	Q, K, V, Y Array
	Mask       Mask

	splits int // tasks that share the queries of one group of heads
	spaces par.FreeList[space]
}

// A Mask hides the keys at which it is 0: [Batch or 1, Queries or 1, Keys]. With nil Data it hides none.
type Mask struct {
	Data           []float32
	Batch, Queries bool // whether these axes have their full size, not 1
}

// block is the number of queries whose weights are computed together. Results depend on it only where values are not finite,
// and in the sign of zeros.
const block = 64

// manyTasks is the number of tasks that Prepare aims at.
const manyTasks = 32

// band returns the keys lo … hi-1 that query i may see by Causal and Window.
func (s *Sizes) band(i int) (lo, hi int) {
	hi = s.Keys
	if s.Window > 0 {
		lo = max(0, i-s.Window+1)
		if s.Window < hi-i { // which is no i+Window, that may be too large
			hi = i + s.Window
		}
	}
	if s.Causal {
		hi = min(hi, i+1)
	}
	return min(lo, hi), hi
}

func (s *Sizes) check(q, k, v, y Array, mask Mask) {
	reaches := func(what string, x Array, steps, n int) {
		if rows := s.Batch * steps; rows*n > 0 {
			cpu.Reaches(what, x.Data, (rows-1)*x.LD+n)
		}
	}
	reaches("queries", q, s.Queries, s.Heads*s.KeyDim)
	reaches("keys", k, s.Keys, s.Groups*s.KeyDim)
	reaches("values", v, s.Keys, s.Groups*s.ValueDim)
	reaches("what attention gives", y, s.Queries, s.Heads*s.ValueDim)
	if mask.Data != nil {
		n := s.Keys
		if mask.Batch {
			n *= s.Batch
		}
		if mask.Queries {
			n *= s.Queries
		}
		cpu.Reaches("a mask", mask.Data, n)
	}
}

// blocks returns the number of blocks into which the queries of a head are cut.
func (s *Sizes) blocks() int { return (s.Queries + block - 1) / block }

// Prepare cuts the work into tasks. It is called once after the fields are set.
func (k *Attention) Prepare() {
	k.check(k.Q, k.K, k.V, k.Y, k.Mask)
	pairs := max(k.Batch*k.Groups, 1)
	k.splits = max(min((manyTasks+pairs-1)/pairs, k.blocks()), 1)
}

// Tasks returns the number of tasks that Run is made of.
func (k *Attention) Tasks() int {
	if k.Queries*k.ValueDim == 0 {
		return 0
	}
	return k.Batch * k.Groups * k.splits
}

// Run computes Y.
func (k *Attention) Run(p *par.Pool) { p.Run(k, k.Tasks()) }

// Do does one task: some blocks of queries of the heads of one group of one sample.
func (k *Attention) Do(worker, index int) {
	pair, split := index/k.splits, index%k.splits
	b, g := pair/k.Groups, pair%k.Groups
	first, end := split*k.blocks()/k.splits, (split+1)*k.blocks()/k.splits
	s := k.spaces.Get()
	s.reserve(&k.Sizes, false)
	lo, _ := k.band(first * block)
	_, hi := k.band(min(end*block, k.Queries) - 1)
	s.see(&k.Sizes, k.Mask, b)
	lo, hi = s.within(lo, hi)
	keys := k.K.group(b, k.Keys, g, k.KeyDim)
	values := k.V.group(b, k.Keys, g, k.ValueDim)
	product.Transpose(worker, s.keys[lo:], s.ld, keys.rows(lo), keys.LD, hi-lo, k.KeyDim)
	share := k.Heads / k.Groups
	if share*(end-first) > 1 { // several blocks read the values: copy them to where they have no gaps
		copyRows(s.values[lo*k.ValueDim:], values.rows(lo), values.LD, hi-lo, k.ValueDim)
		values = Array{s.values, k.ValueDim}
	}
	for h := g * share; h < (g+1)*share; h++ {
		q, y := k.Q.group(b, k.Queries, h, k.KeyDim), k.Y.group(b, k.Queries, h, k.ValueDim)
		for i := first; i < end; i++ {
			from, to := i*block, min((i+1)*block, k.Queries)
			lo, hi := s.weigh(worker, &k.Sizes, q, from, to)
			s.dropped(s.weights, &k.Sizes, (b*k.Heads+h)*k.Queries+from, to-from, lo, hi)
			product.Multiply(worker, product.Matrix{Data: y.rows(from), LD: y.LD}, product.Matrix{Data: s.weights, LD: s.ld},
				product.Matrix{Data: values.rows(lo), LD: values.LD}, to-from, k.ValueDim, hi-lo, false)
		}
	}
	k.spaces.Put(s)
}

// group returns x from sample b on, each of which has so many steps, and from column g·n on: head g, of n elements.
func (x Array) group(b, steps, g, n int) Array {
	x.Data = x.Data[min(b*steps*x.LD+g*n, len(x.Data)):]
	return x
}

// rows returns x from row i on.
func (x Array) rows(i int) []float32 { return x.Data[min(i*x.LD, len(x.Data)):] }

// copyRows copies rows of n elements, which are ld elements apart in src and have no gaps in dst.
func copyRows(dst, src []float32, ld, rows, n int) {
	for i := range rows {
		copy(dst[i*n:][:n], src[i*ld:])
	}
}

// A space is the scratch memory of a task.
type space struct {
	ld      int       // elements from row to row of keys, weights, turned and dweights
	query   []float32 // the queries of a block, times Scale
	keys    []float32 // transposed
	values  []float32 // without gaps
	weights []float32 // of a block
	drop    elementwise.Drop
	loop    elementwise.Loop // that scales rows
	bound   bool             // if there is one

	mask   Mask // of the present sample
	first  int  // a mask that is the same for all queries shows no keys but first … end-1
	end    int
	gaps   bool          // and hides some of these
	ranges [block][2]int // for each query of a block: the first key that it sees, and the one after the last

	// For the gradient.
	sample     int // whose queries are weighed, of which group and head of that
	group      int
	head       int
	from, to   int       // the queries of the block
	lo, hi     int       // the keys that weights are of
	plainKeys  []float32 // the keys without gaps
	rows       Array     // the keys, not transposed: plainKeys, or K itself
	turned     []float32 // the values, transposed
	dweights   []float32 // the gradient at the block's weights, then at its scores
	dquery     []float32 // the gradient at the block's scaled queries
	terms      []float32 // DY·Y, element by element
	delta      []float32 // its sum for each query
	chain      []float32 // of DK and DV: the chain of sums that is under way, if it is not the first
	sum        reduce.Reduction
	difference elementwise.Kernel
}

// shortRow is how many weights a row may have at most to have no gap behind it: then softmax takes all rows at once.
const shortRow = 16

// share makes a space like another, of the same keys and values, that has memory of its own for a block of queries.
func (s *space) share(x *Sizes, of *space) {
	if s == of {
		return
	}
	s.keys, s.turned, s.plainKeys = of.keys, of.turned, of.plainKeys
	s.reserve(x, true)
	s.rows, s.sample, s.group = of.rows, of.sample, of.group
	s.mask, s.first, s.end, s.gaps = of.mask, of.first, of.end, of.gaps
}

// reserve allocates what a space lacks. All tasks of a kernel have the same sizes, so it does so once.
func (s *space) reserve(x *Sizes, derivatives bool) {
	if s.weights != nil {
		return
	}
	shares := s.keys != nil
	if s.ld = x.Keys; s.ld > shortRow {
		s.ld = (x.Keys+15)/16*16 + 16 // 16 more, so that rows don't all begin in the same set of the cache
	}
	s.bound = s.loop.Bind("Scale")
	s.query = mem.Make[float32](block * x.KeyDim)
	if !shares {
		s.keys = mem.Make[float32](x.KeyDim * s.ld)
	}
	if !derivatives {
		s.values = mem.Make[float32](x.Keys * x.ValueDim)
	}
	s.weights = mem.Make[float32](block * s.ld)
	if x.Dropout != nil {
		s.drop.Dropout, s.drop.Cols = *x.Dropout, x.Keys
	}
	if !derivatives {
		return
	}
	if !shares {
		s.plainKeys = mem.Make[float32](x.Keys * x.KeyDim)
		s.turned = mem.Make[float32](x.ValueDim * s.ld)
	}
	s.dweights = mem.Make[float32](block * s.ld)
	s.dquery = mem.Make[float32](block * x.KeyDim)
	s.terms = mem.Make[float32](block * x.ValueDim)
	s.delta = mem.Make[float32](block)
	if !shares && x.Queries*(x.Heads/x.Groups) > chain {
		s.chain = mem.Make[float32](x.Keys * (x.KeyDim + x.ValueDim))
	}
	s.sum = reduce.Reduction{Op: reduce.Sum, X: s.terms, Y: s.delta, Outer: block, N: x.ValueDim, Inner: 1}
	s.sum.Prepare()
	s.difference = elementwise.Kernel{
		Program: &elementwise.Program{
			Operands: 3,
			Code:     []elementwise.Instr{{Op: elementwise.OpSub, A: 0, B: 1}, {Op: elementwise.OpMul, A: 2, B: 3}},
			Outputs:  []uint8{4},
		},
		Rows: block, Cols: s.ld,
		In: []elementwise.Operand{
			{Data: s.dweights, RowStride: s.ld, ColStride: 1}, {Data: s.delta, RowStride: 1}, {Data: s.weights, RowStride: s.ld, ColStride: 1},
		},
		Out: []elementwise.Operand{{Data: s.dweights, RowStride: s.ld, ColStride: 1}},
	}
	s.difference.Prepare()
}
