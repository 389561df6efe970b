package attention

import (
	"github.com/cornu-ml/cornu/internal/cpu"
	"github.com/cornu-ml/cornu/internal/cpu/elementwise"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/cpu/reduce"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
)

// This file says what attention is, and computes it.

// Sizes are those of attention.
type Sizes struct {
	Batch, Queries, Keys int // Keys for each sample: as many as values
	Heads, Groups        int // a group of heads has one set of keys and values
	KeyDim, ValueDim     int // of a head
	Scale                float32
	Causal               bool // query i sees keys 0 … i alone
	Window               int  // and of these, or of all, those less than so far from it; 0: however far
}

// An Array is rows of heads side by side, one row for each step of each sample, LD elements from row to row.
type Array struct {
	Data []float32
	LD   int
}

// An Attention kernel computes for each query of each head
//
//	Y = softmax(Scale·Q·Kᵀ)·V
//
// of [Batch, Queries, Heads·KeyDim], [Batch, Keys, Groups·KeyDim] and [Batch, Keys, Groups·ValueDim]. Keys that a query doesn't
// see aren't there for it; one that sees none has zeros.
//
// The weights of a block of 64 queries at a time are in memory. A product sums in the order of [product.Gemm], a softmax, from the first
// key to the last that the query sees, in that of [reduce.Reduction]: so if it sees all, a block changes no bit. Of the keys
// that others of its block see, a query's own weight is +0.
type Attention struct {
	Sizes
	Q, K, V, Y Array
	Mask       Mask

	splits int // tasks of the queries of one group of heads
	spaces par.FreeList[space]
}

// A Mask says by a 0 which keys aren't seen: [Batch or 1, Queries or 1, Keys]. Nil data is no mask.
type Mask struct {
	Data           []float32
	Batch, Queries bool // whether it has these axes
}

// block is the number of queries whose weights are computed together. It is part of what is computed only where values are
// not finite, or +0 and -0 differ.
const block = 64

// manyTasks is how many tasks are worth having.
const manyTasks = 32

// band returns the keys that query i may see, as far as places decide.
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

// blocks is the number of blocks of queries of a head.
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
	if share*(end-first) > 1 { // what several blocks read is copied to where it lies together
		copyRows(s.values[lo*k.ValueDim:], values.rows(lo), values.LD, hi-lo, k.ValueDim)
		values = Array{s.values, k.ValueDim}
	}
	for h := g * share; h < (g+1)*share; h++ {
		q, y := k.Q.group(b, k.Queries, h, k.KeyDim), k.Y.group(b, k.Queries, h, k.ValueDim)
		for i := first; i < end; i++ {
			from, to := i*block, min((i+1)*block, k.Queries)
			lo, hi := s.weigh(worker, &k.Sizes, q, from, to)
			product.Multiply(worker, product.Matrix{Data: y.rows(from), LD: y.LD}, product.Matrix{Data: s.weights, LD: s.ld},
				product.Matrix{Data: values.rows(lo), LD: values.LD}, to-from, k.ValueDim, hi-lo, false)
		}
	}
	k.spaces.Put(s)
}

// group returns the rows of sample b, of so many steps, from group g of n columns on.
func (x Array) group(b, steps, g, n int) Array {
	x.Data = x.Data[min(b*steps*x.LD+g*n, len(x.Data)):]
	return x
}

// rows returns x from row i on.
func (x Array) rows(i int) []float32 { return x.Data[min(i*x.LD, len(x.Data)):] }

// copyRows copies rows of n elements, ld elements apart, to where they have no gaps.
func copyRows(dst, src []float32, ld, rows, n int) {
	for i := range rows {
		copy(dst[i*n:][:n], src[i*ld:])
	}
}

// A space is what a task works in.
type space struct {
	ld      int       // between the rows of weights, of keys and of transposed values
	query   []float32 // those of a block, scaled
	keys    []float32 // transposed
	values  []float32
	weights []float32
	softmax reduce.Softmax

	mask   Mask // of the present sample
	first  int  // the first and behind the last key that its mask lets anyone see, if it is the same for all queries
	end    int
	gaps   bool          // it leaves out keys between them
	ranges [block][2]int // the keys that each query of a block sees first, and behind the last

	// For derivatives.
	plainKeys  []float32
	rows       Array     // the keys: these, or where they are
	turned     []float32 // the values, transposed
	dweights   []float32 // then of the scores
	dquery     []float32
	terms      []float32 // of delta
	delta      []float32
	chain      []float32 // of the derivatives of keys and values, after the first chain
	sum        reduce.Reduction
	difference elementwise.Kernel
}

// reserve sees to it that a space is large enough. All tasks of a kernel have the same sizes.
func (s *space) reserve(x *Sizes, derivatives bool) {
	if s.weights != nil {
		return
	}
	s.ld = (x.Keys+15)/16*16 + 16 // rows don't begin in the same set of the cache
	s.query = mem.Make[float32](block * x.KeyDim)
	s.keys = mem.Make[float32](x.KeyDim * s.ld)
	s.values = mem.Make[float32](x.Keys * x.ValueDim)
	s.weights = mem.Make[float32](block * s.ld)
	if !derivatives {
		return
	}
	s.plainKeys = mem.Make[float32](x.Keys * x.KeyDim)
	s.turned = mem.Make[float32](x.ValueDim * s.ld)
	s.dweights = mem.Make[float32](block * s.ld)
	s.dquery = mem.Make[float32](block * x.KeyDim)
	s.terms = mem.Make[float32](block * x.ValueDim)
	s.delta = mem.Make[float32](block)
	if x.Queries*(x.Heads/x.Groups) > chain {
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
