package plan

// This file runs random programs: with passes, without, and with zeros kept, on one
// thread and on several, they give the same bits, and those are within the bounds of
// what the float64 meaning allows. A program that fails is made small and printed.

import (
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/tensor"
)

// A randomProgram is a program with what it is run on. It is a function of bytes.
type randomProgram struct {
	Program
	batch  int
	feed   map[*graph.Node][]float64 // of each input and parameter
	limit  int                       // how many numbers a node may have
	dims   []int                     // what shapes are made of, beside 1 and the batch
	pool   []*graph.Node
	leaves []*graph.Node
	odd    bool // numbers that are not finite occur
}

// most is how many nodes a program may have; derivatives of derivatives grow.
const most = 500

// newProgram makes a program of bytes. A part that a graph can't hold is left out.
func newProgram(data []byte) *randomProgram {
	left := map[int]bool{}
	for {
		p, at := buildProgram(data, left)
		err := p.Graph.Err()
		if err == nil {
			return p
		}
		if text := err.Error(); !strings.Contains(text, "symbolic dimensions") && !strings.Contains(text, "at most 6 dimensions") {
			panic(fmt.Sprintf("a program is wrong: %v", err))
		}
		left[at] = true
	}
}

// buildProgram makes a program of all parts but those left out, up to the part at fault.
func buildProgram(data []byte, left map[int]bool) (program *randomProgram, at int) {
	blocks := choice.Blocks(data)
	head := choice.Next(&blocks)
	p := &randomProgram{feed: map[*graph.Node][]float64{}, limit: 3000}
	p.Graph = graph.New()
	p.batch = []int{2, 1, 3, 4, 7, 16, 33, 0}[head.Of(8)]
	p.dims = []int{[]int{2, 3, 4, 6, 8, 17}[head.Of(6)], []int{3, 2, 1, 5, 16, 40}[head.Of(6)]}
	if head.Once(32) {
		p.dims[1] = 0
	}
	if head.Once(24) { // of many tasks
		p.limit, p.batch, p.dims = 200_000, 300, []int{64, 130}
	}
	p.odd = head.Once(8)
	outputs := head.Of(4)
	tail := choice.Next(&blocks)

	p.leaf(graph.OpInput, tail)
	for ; len(blocks) > 0; at++ {
		b := choice.Next(&blocks)
		if left[at] {
			continue
		}
		op := b.Of(len(randomOps))
		x := p.pick(b, func(*graph.Node) bool { return true })
		n := randomOps[op](p, b, x)
		if n == nil {
			n = x
		}
		if p.Graph.Err() != nil {
			return p, at
		}
		p.keep(n)
		if len(p.Graph.Nodes()) > most {
			break
		}
	}
	p.Outputs = []*graph.Node{p.pool[len(p.pool)-1]}
	for range outputs {
		p.Outputs = append(p.Outputs, p.pick(tail, func(*graph.Node) bool { return true }))
	}
	return p, at
}

// keep makes a node an operand of later ones, if it isn't too large.
func (p *randomProgram) keep(n *graph.Node) {
	if n.Shape().Concrete(p.batch).Numel() <= p.limit {
		p.pool = append(p.pool, n)
	}
}

// pick returns a node that fits: the last one for 0. It is nil if there is none.
func (p *randomProgram) pick(b *choice.Block, fits func(*graph.Node) bool) *graph.Node {
	var list []*graph.Node
	for _, n := range slices.Backward(p.pool) {
		if fits(n) {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		b.Byte()
		return nil
	}
	return list[b.Of(len(list))]
}

// like picks a node of n's shape.
func (p *randomProgram) like(b *choice.Block, n *graph.Node) *graph.Node {
	return p.pick(b, func(y *graph.Node) bool { return y.Shape().Equal(n.Shape()) })
}

// beside picks a node that broadcasts with n.
func (p *randomProgram) beside(b *choice.Block, n *graph.Node) *graph.Node {
	return p.pick(b, func(y *graph.Node) bool { return p.broadcasts(n.Shape(), y.Shape()) })
}

// broadcasts says whether an operation may have operands of these shapes. With two
// batches the product of dimensions would be too much.
func (p *randomProgram) broadcasts(a, b tensor.Shape) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i, d := range b {
		j := len(a) - len(b) + i
		if a[j] != d && a[j] != 1 && d != 1 {
			return false
		}
		if a[j] == 1 {
			out[j] = d
		}
	}
	batches := 0
	for _, d := range out {
		if d == batch {
			batches++
		}
	}
	return batches < 2 && out.Concrete(p.batch).Numel() <= p.limit
}

// shape makes a shape: (batch, d) for zeros.
func (p *randomProgram) shape(b *choice.Block, batched bool) tensor.Shape {
	kind, bits := b.Of(12), b.Byte()
	d := func(i int) int { return p.dims[bits>>i&1] }
	shape := []tensor.Shape{
		{batch, d(0)},
		{d(0)},
		{d(0), d(1)},
		{},
		{batch, 1},
		{batch},
		{1, d(0)},
		{d(0), 1},
		{batch, d(0), d(1)},
		{d(0), batch},
		{d(0), batch, d(1)},
		{batch, 1, d(0), d(1)},
	}[kind]
	if !batched {
		shape = shape.Concrete(d(2))
	}
	return shape
}

// leaf makes an input, a parameter or a constant with numbers of some kind.
func (p *randomProgram) leaf(op graph.Op, b *choice.Block) *graph.Node {
	shape := p.shape(b, op == graph.OpInput)
	if shape.Concrete(p.batch).Numel() > p.limit {
		shape = tensor.Shape{}
	}
	return p.leafOf(op, b, shape)
}

// leafOf makes one of a shape.
func (p *randomProgram) leafOf(op graph.Op, b *choice.Block, shape tensor.Shape) *graph.Node {
	concrete := shape.Concrete(p.batch)
	kind, seed := b.Of(6), uint64(b.Byte())
	bytes := choice.Random(seed, concrete.Numel()/choice.BlockSize+1)
	if seed == 0 {
		clear(bytes)
	}
	values := make([]float64, concrete.Numel())
	for i := range values {
		v := float64(int8(bytes[i])) / 32
		switch kind {
		case 0: // whole and small, so that there are ties, and sums are exact
			v = math.Floor(v)
		case 2: // mostly zeros
			if i%3 > 0 {
				v = 0
			}
		case 3:
			v = math.Abs(v) + 1./16
		case 4:
			v = math.Exp(2 * v)
		case 5:
			v /= 3
			if p.odd && bytes[i]%16 == 1 {
				v = []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), 1e-42, 3e38}[i%6]
			}
		}
		values[i] = float64(float32(v))
	}
	var n *graph.Node
	switch op {
	case graph.OpConst:
		data := make([]float32, len(values))
		for i, v := range values {
			data[i] = float32(v)
		}
		return p.Graph.Const(data, shape...)
	case graph.OpParam:
		n = p.Graph.Param(fmt.Sprint("p", len(p.leaves)), shape)
	default:
		n = p.Graph.Input(fmt.Sprint("x", len(p.leaves)), shape)
	}
	p.leaves = append(p.leaves, n)
	p.feed[n] = values
	if len(p.leaves) == 1 {
		p.pool = append(p.pool, n)
	}
	return n
}

// image picks a node that is an image, or makes an input that is.
func (p *randomProgram) image(b *choice.Block) *graph.Node {
	x := p.pick(b, func(x *graph.Node) bool {
		s := x.Shape()
		return len(s) > 2 && len(s) < 6 && !s[1:].HasBatch() && !hasZero(s[1:len(s)-1])
	})
	if x == nil {
		bits := b.Byte()
		shape := tensor.Shape{batch, 1 + bits&3, 1 + bits>>2&3, 1 + bits>>4&3}
		if shape.Concrete(p.batch).Numel() > p.limit {
			return nil
		}
		x = p.leafOf(graph.OpInput, b, shape)
		p.keep(x)
	}
	return x
}

// window makes a window that fits an image: of one tap and without more for zeros.
func (p *randomProgram) window(b *choice.Block, image tensor.Shape, dilated bool) graph.Window {
	var w graph.Window
	for _, n := range image[1 : len(image)-1] {
		bits := b.Byte()
		size, step, dilation, low, high := 1+bits&3%3, 1+bits>>2&1, 1, bits>>4&1, bits>>5&1
		if dilated {
			dilation += bits >> 3 & 1
		} else if size == 1 {
			low, high = 0, 0
		}
		if (size-1)*dilation >= n+low+high {
			size, low, high = 1, 0, 0
		}
		w.Size, w.Stride, w.Dilation = append(w.Size, size), append(w.Stride, step), append(w.Dilation, dilation)
		w.Low, w.High = append(w.Low, low), append(w.High, high)
	}
	return w
}

// convolution convolves an image, or does it the other way round.
func convolution(p *randomProgram, b *choice.Block, _ *graph.Node) *graph.Node {
	x := p.image(b)
	if x == nil {
		return nil
	}
	s := x.Shape()
	dims, channels := len(s)-2, s[len(s)-1]
	w := p.window(b, s, true)
	bits := b.Byte()
	filters := 1 + bits&3
	if bits>>2&3 == 3 && channels > 0 {
		w.Groups, filters = channels, channels*(1+bits&1)
	}
	groups := max(w.Groups, 1)
	kernel := append(tensor.Shape{}, w.Size...)
	transposed := bits>>4&3 == 3
	if transposed {
		kernel = append(kernel, filters/groups, channels)
		if channels%groups != 0 || filters%groups != 0 {
			return nil
		}
	} else {
		kernel = append(kernel, channels/groups, filters)
	}
	if kernel.Numel() > p.limit {
		return nil
	}
	k := p.leafOf(graph.OpParam, b, kernel)
	p.keep(k)
	if !transposed {
		return p.small(x.Conv(k, w))
	}
	spatial := make([]int, dims)
	for i, n := range s[1 : dims+1] {
		spatial[i] = (n-1)*w.Stride[i] + (w.Size[i]-1)*w.Dilation[i] + 1 - w.Low[i] - w.High[i]
		if spatial[i] < 1 {
			return nil
		}
	}
	return p.small(x.ConvTranspose(k, w, spatial...))
}

// pooling pools an image.
func pooling(p *randomProgram, b *choice.Block, _ *graph.Node) *graph.Node {
	x := p.image(b)
	if x == nil {
		return nil
	}
	w := p.window(b, x.Shape(), false)
	switch b.Of(5) {
	case 2, 3:
		return x.AveragePool(w)
	case 4:
		return x.ArgMaxPool(w)
	}
	return x.MaxPool(w)
}

// emit makes one node of x and others. It is nil where x doesn't fit.
type emit = func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node

func one(f func(x *graph.Node) *graph.Node) emit {
	return func(_ *randomProgram, _ *choice.Block, x *graph.Node) *graph.Node { return f(x) }
}

func two(f func(x, y *graph.Node) *graph.Node) emit {
	return func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		y := p.beside(b, x)
		if y == nil {
			return nil
		}
		if b.Once(3) {
			x, y = y, x
		}
		return f(x, y)
	}
}

// along gives f an axis of x that isn't empty.
func along(f func(x *graph.Node, axis int, keep bool) *graph.Node) emit {
	return func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		if x.Rank() == 0 {
			return nil
		}
		axis := x.Rank() - 1 - b.Of(x.Rank())
		return f(x, axis, b.Once(2))
	}
}

// over gives f axes of x, all of them for 0.
func over(f func(x *graph.Node, axes []int, keep bool) *graph.Node) emit {
	return func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		var axes []int
		bits := b.Byte()
		for i := range x.Rank() {
			if bits>>i&1 == 1 {
				axes = append(axes, i)
			}
		}
		return f(x, axes, b.Once(2))
	}
}

func hasZero(s tensor.Shape) bool { return slices.Contains(s, 0) }

// randomOps make nodes; the first ones are the simplest.
var randomOps = []emit{
	one(func(x *graph.Node) *graph.Node { return x }),
	one((*graph.Node).Neg),
	two((*graph.Node).Add), two((*graph.Node).Mul), two((*graph.Node).Sub), two((*graph.Node).Add), two((*graph.Node).Mul),
	one((*graph.Node).Square), one((*graph.Node).Relu), one((*graph.Node).Tanh), one((*graph.Node).Exp), one((*graph.Node).Abs),
	one((*graph.Node).Sign), one((*graph.Node).Sqrt), one((*graph.Node).Expm1), one((*graph.Node).Log), one((*graph.Node).Log1p),
	one((*graph.Node).Sigmoid), one((*graph.Node).Erf), one((*graph.Node).Softplus), one((*graph.Node).Sin), one((*graph.Node).Cos),
	one((*graph.Node).Floor), one((*graph.Node).StopGradient), one((*graph.Node).Round),
	two((*graph.Node).Div), two((*graph.Node).Max), two((*graph.Node).Min), two((*graph.Node).Pow),
	two((*graph.Node).Less), two((*graph.Node).LessEqual), two((*graph.Node).Equal),
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpInput, b) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpParam, b) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpConst, b) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpInput, b) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpParam, b) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return p.leaf(graph.OpConst, b) },
	func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return x.MulScalar(float64(b.Of(7))/4 - 0.5)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { return x.ReluGrad(p.like(b, x)) },
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return p.Graph.Node(graph.OpMaskScale, graph.Attr{Scale: 1 + float64(b.Of(4))/4}, x, p.like(b, x))
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		y := p.beside(b, x)
		if y == nil {
			return nil
		}
		z := p.pick(b, func(z *graph.Node) bool {
			return p.broadcasts(x.Shape(), z.Shape()) && p.broadcasts(y.Shape(), z.Shape()) && p.broadcasts(x.Add(y).Shape(), z.Shape())
		})
		if z == nil {
			return nil
		}
		return graph.Select(x, y, z)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return x.Dropout(float64(1+b.Of(3))/4, p.Graph.NextStream())
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { // a layer's, whose gradient meets the mask again
		return x.Relu().Dropout(float64(b.Of(3))/4, p.Graph.NextStream())
	},
	one((*graph.Node).RandomUniform),
	over(func(x *graph.Node, axes []int, keep bool) *graph.Node {
		if keep {
			return x.SumKeep(axes...)
		}
		return x.Sum(axes...)
	}),
	over(func(x *graph.Node, axes []int, keep bool) *graph.Node {
		if keep {
			return x.MeanKeep(axes...)
		}
		return x.Mean(axes...)
	}),
	over(func(x *graph.Node, axes []int, _ bool) *graph.Node { return x.Numel(axes...) }),
	over(func(x *graph.Node, axes []int, keep bool) *graph.Node {
		switch {
		case hasZero(x.Shape()):
			return nil
		case keep:
			return x.ReduceMaxKeep(axes...)
		}
		return x.ReduceMax(axes...)
	}),
	over(func(x *graph.Node, axes []int, keep bool) *graph.Node {
		switch {
		case hasZero(x.Shape()):
			return nil
		case keep:
			return x.ReduceMinKeep(axes...)
		}
		return x.ReduceMin(axes...)
	}),
	along(func(x *graph.Node, axis int, _ bool) *graph.Node {
		if x.Shape()[axis] == 0 {
			return nil
		}
		return x.ArgMax(axis)
	}),
	along(func(x *graph.Node, axis int, _ bool) *graph.Node { return x.Softmax(axis) }),
	along(func(x *graph.Node, axis int, _ bool) *graph.Node { return x.LogSoftmax(axis) }),
	along(func(x *graph.Node, axis int, _ bool) *graph.Node {
		if x.Shape()[axis] == batch {
			return nil
		}
		return x.Reverse(axis)
	}),
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		if last := x.Rank() - 1; last < 0 || x.Shape()[last] == batch {
			return nil
		}
		sparse, clip := b.Once(2), []float64{0, 1e-7, 0.125}[b.Of(3)]
		target := p.like(b, x)
		if sparse {
			rows := x.Shape()[:x.Rank()-1]
			target = p.pick(b, func(y *graph.Node) bool { return y.Shape().Equal(rows) })
		}
		if target == nil {
			return nil
		}
		return graph.SoftmaxCrossentropy(x, target, clip, sparse)
	},
	matrixProduct, matrixProduct, matrixProduct, attends,
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		if x.Rank() < 3 {
			return nil
		}
		bits := b.Byte()
		ta, tb := bits&1 > 0, bits&2 > 0
		at := x.Rank() - 1
		if ta {
			at--
		}
		y := p.pick(b, func(y *graph.Node) bool {
			n := x.Rank() - 2
			if y.Rank() != x.Rank() || !y.Shape()[:n].Equal(x.Shape()[:n]) {
				return false
			}
			k := n
			if tb {
				k++
			}
			rows, columns := x.Shape()[2*n+1-at], y.Shape()[2*n+1-k]
			return y.Shape()[k] == x.Shape()[at] && !(rows == batch && columns == batch)
		})
		if y == nil {
			return nil
		}
		return p.small(x.BatchMatMul(y, ta, tb))
	},
	func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return x.Reshape(reshaped(b, x.Shape())...)
	},
	func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return x.Reshape(reshaped(b, x.Shape())...)
	},
	func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		perm := make([]int, x.Rank())
		for i := range perm {
			perm[i] = i
		}
		for i := range perm {
			j := i + b.Of(len(perm)-i)
			perm[i], perm[j] = perm[j], perm[i]
		}
		return x.Transpose(perm...)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		y := p.pick(b, func(y *graph.Node) bool {
			a, s := x.Shape(), y.Shape()
			if !p.broadcasts(a, s) || len(a) > len(s) {
				return false
			}
			for i, d := range a {
				if at := s[len(s)-len(a)+i]; d != at && d != 1 {
					return false
				}
			}
			return true
		})
		if y == nil {
			return nil
		}
		return x.BroadcastTo(y.Shape())
	},
	func(_ *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		begin, end, step := make([]int, x.Rank()), make([]int, x.Rank()), make([]int, x.Rank())
		for i, d := range x.Shape() {
			end[i], step[i] = graph.End, 1
			if cut := b.Byte(); d > 0 {
				begin[i] = cut % 2
				end[i] = max(begin[i], d-cut/2%2)
				step[i] = 1 + cut/4%3
			}
		}
		return x.Slice(begin, end, step)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		before, after := make([]int, x.Rank()), make([]int, x.Rank())
		for i, d := range x.Shape() {
			if bits := b.Byte(); d >= 0 {
				before[i], after[i] = bits&1, bits>>1&1
			}
		}
		return p.small(x.Pad(before, after))
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		if x.Rank() == 0 {
			return nil
		}
		axis := x.Rank() - 1 - b.Of(x.Rank())
		if x.Shape()[axis] == batch {
			return nil
		}
		list := []*graph.Node{x}
		for range 1 + b.Of(2) {
			list = append(list, p.pick(b, func(y *graph.Node) bool {
				return y.Rank() == x.Rank() && y.Shape()[axis] != batch &&
					y.Shape()[:axis].Equal(x.Shape()[:axis]) && y.Shape()[axis+1:].Equal(x.Shape()[axis+1:])
			}))
		}
		return p.small(graph.Concat(axis, list...))
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { // a slab, in which values may come twice
		fixed := func(y *graph.Node) bool { return !y.Shape().HasBatch() }
		gap := b.Of(3)
		var list []*graph.Node
		for range 1 + b.Of(4) {
			if y := p.pick(b, fixed); y != nil {
				list = append(list, y)
			}
		}
		if len(list) == 0 {
			return nil
		}
		return p.pack(gap, list)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { // a part of a slab
		if x.Rank() != 1 || x.Shape()[0] == batch {
			return nil
		}
		size := x.Shape()[0]
		offset := min(b.Of(4), size)
		shape := p.shape(b, false)
		if offset+shape.Numel() > size {
			shape = tensor.Shape{size - offset}
		}
		return x.View(offset, shape)
	},
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
		return p.small(x.OneHot(1 + b.Of(5)))
	},
	lookUp, lookUp,
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { // the whole and its first row
		s := x.Shape()
		if len(s) < 2 || s.HasBatch() || s[0] == 0 {
			return nil
		}
		first := x.Reshape(s.Numel()).View(0, s[1:])
		if b.Once(2) {
			return x.Div(first).Erf()
		}
		return x.Sub(first).Sigmoid()
	},
	gradients, gradients, gradients, gradients,
	convolution, convolution, convolution, pooling, pooling,
	cut, cut, gates, gates, heads, branches, branches, stem, stem, standardized, standardized,
	func(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node { // something that must be finite
		p.Checks = append(p.Checks, x)
		return nil
	},
	assign, assign, descend, descend,
	recurrence, recurrence,
}

// recurrence runs a step over an axis of x, to which the batch comes second.
func recurrence(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	s := x.Shape()
	if len(s) != 3 || !s.HasBatch() || hasZero(s) || s[2] == batch || s[2] > 16 {
		return nil
	}
	if s[0] == batch {
		x = x.Transpose(1, 0, 2)
	}
	size := x.Shape()[2]
	weight := p.pick(b, func(w *graph.Node) bool { return w.Shape().Equal(tensor.Shape{size, size}) })
	if weight == nil {
		numbers := make([]float32, size*size)
		for i := range numbers {
			numbers[i] = float32(i*i%7)/8 - 0.375
		}
		weight = p.Graph.Const(numbers, size, size)
	}
	init := p.pick(b, func(h *graph.Node) bool { return h.Shape().Equal(tensor.Shape{batch, size}) })
	if init == nil {
		init = p.Graph.Scalar(0.5).BroadcastTo(tensor.Shape{batch, size})
	}
	bits := b.Byte()
	r := graph.Recurrence{
		Init: []*graph.Node{init, init}, Sequences: []*graph.Node{x}, Constants: []*graph.Node{weight, init}, Reverse: bits&1 == 1,
		Step: func(state, x, c []*graph.Node) (next, outputs []*graph.Node) {
			h, memory := state[0], state[1]
			z := x[0].Add(h.MatMulT(c[0], false, bits&2 == 2))
			if bits&4 == 4 {
				z = z.Mul(c[1])
			}
			y := z.Tanh()
			if bits&8 == 8 {
				memory = memory.Add(y).MulScalar(0.5)
				y = graph.Select(x[0].SliceAxis(1, 0, 1), y, h)
			}
			return []*graph.Node{y, memory}, []*graph.Node{z, y.Softmax(-1)}
		},
	}
	if bits>>4&3 == 1 && bits&64 == 64 {
		r.Last, r.Unread = true, []bool{bits&128 == 128, true}
	}
	scanned := r.Scan(p.Graph)
	switch bits >> 4 & 3 {
	case 0:
		return scanned.State(0)
	case 1:
		if r.Last && r.Unread[0] {
			return scanned.LastOutput(1)
		}
		return scanned.Final(0)
	case 2:
		return scanned.Final(1).Mul(scanned.Output(1).Sum(0))
	}
	return scanned.Output(0).Add(scanned.State(1))
}

// cut slices one axis.
func cut(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	if x.Rank() == 0 {
		return nil
	}
	axis, size, from := x.Rank()-1-b.Of(x.Rank()), b.Byte(), b.Byte()
	d := x.Shape()[axis]
	if d < 1 {
		return nil
	}
	size = 1 + size%d
	from %= d - size + 1
	return x.SliceAxis(axis, from, from+size)
}

// gates takes x apart along an axis, computes something of each part, and of two together,
// and joins what comes of it, or goes on with some of it.
func gates(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	if x.Rank() == 0 {
		return nil
	}
	axis, bits := x.Rank()-1-b.Of(x.Rank()), b.Byte()
	n := 2 + bits&1
	d := x.Shape()[axis]
	if d < n || d%n != 0 {
		return nil
	}
	var parts []*graph.Node
	for i := range n {
		part := x.SliceAxis(axis, i*d/n, (i+1)*d/n)
		switch bits >> (1 + i) & 3 {
		case 0:
			part = part.Sigmoid()
		case 1:
			part = part.Tanh()
		case 2:
			part = part.Neg()
		}
		p.keep(part)
		parts = append(parts, part)
	}
	product := parts[0].Mul(parts[1])
	p.keep(product)
	if bits>>5&1 == 0 {
		return product.Tanh()
	}
	parts[bits>>6&1] = product
	return graph.Concat(axis, parts...)
}

// heads splits the last axis in two, moves a part of it forward, and multiplies the matrices
// that there are then by each other.
func heads(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	last := x.Rank() - 1
	bits := b.Byte()
	if last < 1 || last > 3 || x.Shape()[last] < 2 || x.Shape()[last]%2 != 0 {
		return nil
	}
	dims := append(slices.Clone(x.Shape()[:last]), 2, x.Shape()[last]/2)
	perm := make([]int, len(dims))
	for i := range perm {
		perm[i] = i
	}
	from := last - 1 - bits>>2&1
	if from < 0 {
		from = 0
	}
	perm[from], perm[last] = perm[last], perm[from]
	if bits>>3&1 == 1 {
		perm[last], perm[last+1] = perm[last+1], perm[last]
	}
	y := x.Reshape(dims...).Transpose(perm...)
	p.keep(y)
	z := y
	if bits>>4&1 == 1 {
		z = p.like(b, y)
	}
	ta := bits&1 > 0
	at := y.Rank() - 2
	if ta {
		at++
	}
	if y.Shape()[at] == batch || y.Shape().Concrete(max(p.batch, 1)).Numel()*y.Shape().Concrete(max(p.batch, 1))[at] > p.limit {
		return y
	}
	return y.BatchMatMul(z, ta, !ta)
}

// standardized is x without its mean along some axes, by numbers that are spread along others.
func standardized(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	bits := b.Byte()
	var axes []int
	spread := x.Shape().Clone()
	for i, d := range spread {
		if bits>>i&1 > 0 {
			axes = append(axes, i)
		}
		if d == batch || b.Byte()&1 > 0 {
			spread[i] = 1
		}
	}
	if len(axes) > 0 {
		mean := x.MeanKeep(axes...)
		p.keep(mean)
		x = x.Sub(mean)
	}
	scale := p.leafOf(graph.OpParam, b, spread)
	p.keep(scale)
	return x.Mul(scale)
}

// branches computes something of an image, or of some of its channels, in several ways, and joins what comes of it
// along the channels, with the image too, or with what was joined before.
func branches(p *randomProgram, b *choice.Block, _ *graph.Node) *graph.Node {
	x := p.image(b)
	if x == nil || x.Shape()[x.Rank()-1] == 0 {
		return nil
	}
	last := x.Rank() - 1
	w := graph.Window{}
	for range last - 1 {
		w.Size, w.Low, w.High = append(w.Size, 3), append(w.Low, 1), append(w.High, 1)
	}
	list := []*graph.Node{}
	bits := b.Byte()
	if bits&1 > 0 {
		list = append(list, x)
	}
	for range 1 + bits>>1&3 {
		how, part := b.Byte(), x
		if channels := x.Shape()[last]; how&1 > 0 && channels > 1 {
			part = x.SliceAxis(last, channels/2, channels)
		}
		kernel := tensor.Shape{}
		for _, n := range w.Size {
			if how>>1&1 > 0 {
				n = 1
			}
			kernel = append(kernel, n)
		}
		switch how >> 2 & 3 {
		case 0:
			part = part.MaxPool(w)
		case 1:
			part = part.AveragePool(w)
		default:
			at := w
			if how>>1&1 > 0 {
				at = graph.Window{}
			}
			k := p.leafOf(graph.OpParam, b, append(kernel, part.Shape()[last], 7+how>>4&3))
			p.keep(k)
			part = part.Conv(k, at)
		}
		switch how >> 6 {
		case 0:
			part = part.Relu()
		case 1:
			part = part.Add(p.leafOf(graph.OpParam, b, tensor.Shape{part.Shape()[last]})).Tanh()
		case 2:
			part = part.Sub(part.MeanKeep(0))
		}
		p.keep(part)
		list = append(list, part)
		if bits>>3&1 > 0 {
			list = []*graph.Node{p.small(graph.Concat(last, list...))}
			if list[0] == nil {
				return nil
			}
			p.keep(list[0])
		}
	}
	return p.small(graph.Concat(last, list...))
}

// stem convolves an image, goes on element by element, and pools, as the first layers of a network do; it may take the
// gradients, too, which go back through all of that.
func stem(p *randomProgram, b *choice.Block, _ *graph.Node) *graph.Node {
	bits, more := b.Byte(), b.Byte()
	channels, taps, filters := 1+bits&1, 1+bits>>1&1, 1+bits>>2&3
	x := p.leafOf(graph.OpInput, b, tensor.Shape{batch, 3 + bits>>4&3, 3 + bits>>6, channels})
	if p.small(x) == nil {
		return nil
	}
	kernel := p.leafOf(graph.OpParam, b, tensor.Shape{taps, 2, channels, filters})
	bias := p.leafOf(graph.OpParam, b, tensor.Shape{filters})
	y := x.Conv(kernel, graph.Window{Stride: []int{1, 1 + more&1}})
	if more>>1&1 > 0 {
		y = y.Add(bias)
	}
	switch more >> 2 & 3 {
	case 0:
		y = y.Tanh()
	case 1, 2:
		y = y.Relu()
	}
	if s := y.Shape(); s[1] < 2 || s[2] < 2 {
		return y
	}
	if more>>6 == 0 {
		p.keep(y)
	}
	w := graph.Window{Size: []int{2, 2}, Stride: []int{2, 2}}
	top := y.MaxPool(w)
	if more>>4&1 > 0 {
		p.keep(top)
		of := []*graph.Node{kernel, bias, x}[:2+more>>7] // without the image's, nobody needs what the pool puts as a whole
		for _, n := range graph.Gradients(top.Square().Sum(), of...) {
			p.keep(n)
		}
	}
	if more>>5&1 > 0 {
		p.keep(y.ArgMaxPool(w))
	}
	return top
}

// small returns n, or nil if it is too large.
func (p *randomProgram) small(n *graph.Node) *graph.Node {
	if n.Shape().Concrete(p.batch).Numel() > p.limit {
		return nil
	}
	return n
}

// attends is attention of x to what has as many numbers, with heads side by side or in a group, and perhaps a mask.
func attends(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	bits := b.Byte()
	steps := func(n *graph.Node) bool {
		return n.Rank() == 3 && n.Shape()[0] == x.Shape()[0] && !n.Shape()[1:].HasBatch()
	}
	if x.Rank() != 3 || !steps(x) {
		return nil
	}
	h := graph.Heads{Heads: 1 + int(bits&1), Scale: 0.5, Causal: bits>>1&1 == 1, Window: []int{0, 0, 1, 3}[bits>>2&3]}
	if h.Heads > 1 && bits>>4&1 == 1 {
		h.Groups = 1
	}
	if bits>>7&1 == 1 {
		h.Rate, h.Stream = 0.5, x.Graph().NextStream()
	}
	groups := max(h.Groups, 1)
	if h.Groups == 0 {
		groups = h.Heads
	}
	keys := p.pick(b, func(n *graph.Node) bool { return steps(n) && n.Shape()[2]*h.Heads == x.Shape()[2]*groups })
	if keys == nil || x.Shape()[2] == 0 || x.Shape()[2]%h.Heads != 0 {
		return nil
	}
	values := p.pick(b, func(n *graph.Node) bool {
		return steps(n) && n.Shape()[1] == keys.Shape()[1] && n.Shape()[2] > 0 && n.Shape()[2]%groups == 0
	})
	if values == nil {
		return nil
	}
	var mask *graph.Node
	if bits>>5&1 == 1 {
		mask = p.pick(b, func(n *graph.Node) bool {
			s := n.Shape()
			return len(s) == 3 && (s[0] == x.Shape()[0] || s[0] == 1) && (s[1] == x.Shape()[1] || s[1] == 1) && s[2] == keys.Shape()[1]
		})
		if mask != nil && bits>>6&1 == 1 {
			mask = mask.Greater(mask.Graph().Scalar(0))
		}
	}
	return p.small(x.Attention(keys, values, mask, h))
}

// matrixProduct multiplies x by a matrix, transposed or not.
func matrixProduct(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	if x.Rank() == 0 {
		return nil
	}
	bits := b.Byte()
	ta, tb := bits&1 > 0, bits&2 > 0
	s := x.Shape()
	y := p.pick(b, func(y *graph.Node) bool {
		r := y.Shape()
		switch {
		case ta && tb:
			return len(s) == 2 && len(r) == 2 && s[0] == r[1] && !(s[1] == batch && r[0] == batch)
		case ta:
			return len(r) > 0 && s[:len(s)-1].Equal(r[:len(r)-1]) && !(s[len(s)-1] == batch && r[len(r)-1] == batch)
		case tb:
			return len(r) == 2 && s[len(s)-1] == r[1] && !(s.HasBatch() && r[0] == batch)
		}
		return len(r) == 2 && s[len(s)-1] == r[0] && !(s.HasBatch() && r[1] == batch)
	})
	if y == nil {
		return nil
	}
	return p.small(x.MatMulT(y, ta, tb))
}

// reshaped returns another shape of as many elements.
func reshaped(b *choice.Block, s tensor.Shape) tensor.Shape {
	out := s.Clone()
	at := b.Byte()
	switch b.Of(4) {
	case 0: // all in one row, but for the batch
		if !s.HasBatch() {
			return tensor.Shape{s.Numel()}
		}
		return tensor.Shape{batch, s.Concrete(1).Numel()}
	case 1: // another 1
		if len(s) < 4 {
			return slices.Insert(out, at%(len(s)+1), 1)
		}
	case 2: // one split in two
		if len(s) > 0 && len(s) < 4 {
			i := at % len(s)
			if s[i] > 0 && s[i]%2 == 0 {
				out[i] = 2
				return slices.Insert(out, i+1, s[i]/2)
			}
		}
	case 3: // two joined
		if len(s) > 1 {
			i := at % (len(s) - 1)
			if s[i] >= 0 && s[i+1] >= 0 {
				out[i] *= s[i+1]
				return slices.Delete(out, i+1, i+2)
			}
		}
	}
	return out
}

// pack lays nodes into a slab, with gaps.
func (p *randomProgram) pack(gap int, list []*graph.Node) *graph.Node {
	var offsets []int
	size := 0
	for _, n := range list {
		offsets = append(offsets, size)
		size += n.Shape().Numel() + gap
	}
	if size > p.limit {
		return nil
	}
	return graph.Pack(size, offsets, list...)
}

// gradients takes derivatives of x, or of its squares' mean, with respect to up to three nodes.
func gradients(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	if len(p.Graph.Nodes()) > most/3 {
		return nil
	}
	y := x
	if x.Rank() > 0 {
		y = x.Sum()
		if b.Once(3) {
			y = x.Square().Mean()
		}
	}
	var wrt []*graph.Node
	for range 1 + b.Of(3) {
		wrt = append(wrt, p.pick(b, func(*graph.Node) bool { return true }))
	}
	out := graph.Gradients(y, wrt...)
	for _, n := range out[1:] {
		p.keep(n)
	}
	return out[0]
}

// assign gives a parameter, or the front or the back of a slab, a new value.
func assign(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	param := p.pick(b, func(n *graph.Node) bool { return n.Op() == graph.OpParam })
	if param == nil || x.Shape().HasBatch() {
		return nil
	}
	to := param
	if size := param.Shape().Numel(); param.Rank() == 1 && b.Once(2) {
		half := size / 2
		if b.Once(2) {
			to = param.View(half, tensor.Shape{size - half})
		} else {
			to = param.View(0, tensor.Shape{half})
		}
	}
	value := p.like(b, to)
	if value == nil || value == to {
		if !p.broadcasts(to.Shape(), x.Shape()) || x.Rank() > to.Rank() {
			return nil
		}
		value = to.Sub(x)
	}
	if value.Shape().Equal(to.Shape()) {
		p.update(to, value)
	}
	return value
}

// update adds an update unless it overlaps another.
func (p *randomProgram) update(to, value *graph.Node) {
	span := func(n *graph.Node) (root *graph.Node, first, last int) {
		if n.Op() == graph.OpView {
			return n.Inputs()[0], n.Attr().Offsets[0], n.Attr().Offsets[0] + n.Shape().Numel()
		}
		return n, 0, n.Shape().Numel()
	}
	root, first, last := span(to)
	for _, u := range p.Updates {
		if r, f, l := span(u.Param); r == root && (f < last && first < l || f == l || first == last) {
			return
		}
	}
	p.Updates = append(p.Updates, Update{Param: to, Value: value})
}

// descend trains as a step does: the gradients of x's sum with respect to parts of a
// parameter, packed, checked, and taken from it.
func descend(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	if len(p.Graph.Nodes()) > most/3 {
		return nil
	}
	shape := p.shape(b, false)
	n := 1 + b.Of(3)
	size := shape.Numel()
	if n*(size+1) > p.limit {
		return nil
	}
	slab := p.Graph.Param(fmt.Sprint("p", len(p.leaves)), tensor.Shape{n * (size + 1)})
	p.leaves = append(p.leaves, slab)
	values := make([]float64, n*(size+1))
	for i := range values {
		values[i] = float64(i%7)/4 - 0.5
	}
	p.feed[slab] = values
	y := x
	var views []*graph.Node
	var offsets []int
	for i := range n {
		offsets = append(offsets, i*(size+1))
		views = append(views, slab.View(offsets[i], shape))
		p.keep(views[i])
		switch {
		case b.Once(2) && y.Rank() > 0 && shape.Numel() > 0 && len(shape) == 2 && y.Shape()[y.Rank()-1] == shape[0]:
			y = y.MatMul(views[i])
		case p.broadcasts(y.Shape(), shape):
			y = y.Add(views[i])
		default:
			y = y.Sum().Mul(views[i])
		}
	}
	if b.Once(3) {
		y = y.Square()
	}
	if y.Rank() > 0 {
		y = y.Sum()
	}
	grad := graph.Pack(len(values), offsets, graph.Gradients(y, views...)...)
	p.Checks = append(p.Checks, y, grad)
	p.update(slab, slab.Sub(grad.MulScalar(0.25)))
	return y
}

// pools runs programs on one thread and on several.
type pools [3]*par.Pool

func newPools() *pools { return &pools{nil, par.New(2), par.New(3)} }

func (p *pools) close() {
	for _, pool := range p[1:] {
		pool.Close()
	}
}

// A tally counts the numbers that were compared, and those of them that have bounds.
type tally struct{ numbers, bounded atomic.Int64 }

// check runs a program in all ways and says what is wrong with it, or nothing.
func (p *randomProgram) check(pools *pools, count *tally) (wrong string) {
	defer choice.Caught(&wrong)
	names := []string{"without passes", "with passes", "with zeros kept"}
	var want [][]uint32
	for i, config := range []Config{{NoPasses: true}, {}, {KeepZeros: true}} {
		config.Batch = p.batch
		plan, err := Compile(p.Program, config)
		if err != nil {
			return fmt.Sprintf("%s: %v", names[i], err)
		}
		for _, pool := range pools {
			storage := map[*graph.Node][]float32{}
			for _, n := range p.leaves {
				if n.Op() == graph.OpParam {
					storage[n] = p.fed(n)
				}
			}
			e := plan.Bind(held(storage))
			e.poison()
			got := p.run(e, pool, storage)
			if want == nil {
				want = got
				if wrong := p.bounded(got, count); wrong != "" {
					return wrong
				}
			}
			for at := range want {
				for k, bits := range want[at] {
					if got[at][k] != bits {
						return fmt.Sprintf("%s, %d threads: %s, element %d is %v, without passes on one thread %v\n%v", names[i], pool.Workers(),
							p.result(at), k, math.Float32frombits(got[at][k]), math.Float32frombits(bits), plan)
					}
				}
			}
		}
	}
	return ""
}

func (p *randomProgram) fed(n *graph.Node) []float32 {
	data := make([]float32, len(p.feed[n]))
	for i, v := range p.feed[n] {
		data[i] = float32(v)
	}
	return data
}

// poison fills the arena with NaN, but for what must be zero.
func (e *Exec) poison() {
	for _, v := range e.plan.values {
		if b := v.buffer; b != nil && b.param == nil && b.konst == nil && !b.zero {
			for i, numbers := 0, elements[float32](e.arena, b.offset, b.size/4); i < len(numbers); i++ {
				numbers[i] = float32(math.NaN())
			}
		}
	}
}

const runs = 2

// run runs the program twice, the second time on the parameters that the first leaves, and
// returns the bits of each run's outputs, of whether it was finite, and of the parameters.
func (p *randomProgram) run(e *Exec, pool *par.Pool, storage map[*graph.Node][]float32) [][]uint32 {
	for _, n := range p.leaves {
		if ints := e.Int32s(n); ints != nil {
			for i, v := range p.fed(n) {
				ints[i] = int32(v)
			}
		} else if n.Op() == graph.OpInput {
			copy(e.Value(n), p.fed(n))
		}
	}
	var got [][]uint32
	e.Seed = 3
	for step := range runs {
		e.Step = uint64(step)
		e.Compute(pool)
		for _, n := range p.Outputs {
			got = append(got, bitsOf(e.Value(n)))
		}
		finite := float32(0)
		if e.Finite() {
			finite = 1
		}
		got = append(got, bitsOf([]float32{finite}))
		e.Update(pool)
		for _, u := range p.Updates {
			got = append(got, bitsOf(storage[rootOf(u.Param)]))
		}
	}
	return got
}

// result names result i of run.
func (p *randomProgram) result(i int) string {
	each := len(p.Outputs) + 1 + len(p.Updates)
	run := i / each
	switch i %= each; {
	case i < len(p.Outputs):
		return fmt.Sprintf("run %d, output n%d", run, p.Outputs[i].ID())
	case i == len(p.Outputs):
		return fmt.Sprintf("run %d, whether all is finite", run)
	}
	return fmt.Sprintf("run %d, parameter n%d after the update", run, rootOf(p.Updates[i-len(p.Outputs)-1].Param).ID())
}

func rootOf(n *graph.Node) *graph.Node {
	if n.Op() == graph.OpView {
		return n.Inputs()[0]
	}
	return n
}

// bitsOf returns the bits of numbers; any NaN is like any other.
func bitsOf(x []float32) []uint32 {
	list := make([]uint32, len(x))
	for i, v := range x {
		if v != v {
			v = float32(math.NaN())
		}
		list[i] = math.Float32bits(v)
	}
	return list
}

// bounded holds the first run's results to what the float64 meaning allows.
func (p *randomProgram) bounded(got [][]uint32, count *tally) (wrong string) {
	want := slices.Clone(p.Outputs)
	for _, u := range p.Updates {
		want = append(want, u.Value)
	}
	lo, hi, err := ref.Run{Batch: p.batch, Seed: 3, Feed: p.feed}.Bounds(p.Graph, want...)
	if err != nil {
		return err.Error()
	}
	for i, n := range want {
		at, offset := i, 0
		if i >= len(p.Outputs) {
			at++
			if to := p.Updates[i-len(p.Outputs)].Param; to.Op() == graph.OpView {
				offset = to.Attr().Offsets[0]
			}
		}
		for k := range lo[i] {
			x := float64(math.Float32frombits(got[at][offset+k]))
			count.numbers.Add(1)
			if lo[i][k] != lo[i][k] {
				continue
			}
			count.bounded.Add(1)
			if !(lo[i][k] <= x && x <= hi[i][k]) {
				return fmt.Sprintf("n%d, element %d is %v, its meaning is within [%v, %v]", n.ID(), k, x, lo[i][k], hi[i][k])
			}
		}
	}
	return ""
}

// String writes the program as Go.
func (p *randomProgram) String() string {
	var b strings.Builder
	need := map[*graph.Node]bool{}
	var visit func(n *graph.Node)
	visit = func(n *graph.Node) {
		if !need[n] {
			need[n] = true
			for _, in := range n.Inputs() {
				visit(in)
			}
		}
	}
	for _, list := range [][]*graph.Node{p.Outputs, p.Checks} {
		for _, n := range list {
			visit(n)
		}
	}
	for _, u := range p.Updates {
		visit(u.Param)
		visit(u.Value)
	}
	name := func(n *graph.Node) string { return fmt.Sprint("n", n.ID()) }
	names := func(list []*graph.Node) string {
		var all []string
		for _, n := range list {
			all = append(all, name(n))
		}
		return strings.Join(all, ", ")
	}
	fmt.Fprintf(&b, "g := graph.New() // a batch of %d\n", p.batch)
	for _, n := range p.Graph.Nodes() {
		if !need[n] {
			continue
		}
		var fields []string
		attr := reflect.ValueOf(*n.Attr())
		for i := range attr.NumField() {
			if f := attr.Field(i); !f.IsZero() {
				fields = append(fields, fmt.Sprintf("%s: %#v", attr.Type().Field(i).Name, f.Interface()))
			}
		}
		in := ""
		if len(n.Inputs()) > 0 {
			in = ", " + names(n.Inputs())
		}
		fmt.Fprintf(&b, "%s := g.Node(graph.Op%v, graph.Attr{%s}%s) // %v", name(n), n.Op(), strings.Join(fields, ", "), in, n.Shape())
		if values, ok := p.feed[n]; ok {
			if len(values) > 40 {
				fmt.Fprintf(&b, ", %d numbers from %v", len(values), values[:40])
			} else {
				fmt.Fprintf(&b, " %v", values)
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Outputs: %s\n", names(p.Outputs))
	if len(p.Checks) > 0 {
		fmt.Fprintf(&b, "Checks: %s\n", names(p.Checks))
	}
	for _, u := range p.Updates {
		fmt.Fprintf(&b, "Update: %s = %s\n", name(u.Param), name(u.Value))
	}
	return b.String()
}

var firstProgram = flag.Uint64("program", 0, "the first random program")

func TestRandomProgramsHaveTheBitsTheyHaveWithoutPasses(t *testing.T) {
	programs := uint64(choice.Effort(300, 4000))
	if testing.Short() {
		programs = 300
	}
	var count tally
	blocks := func(n uint64) int { return int(2 + n%26) }
	done := choice.Search(t, "program", *firstProgram, programs, blocks, func() (choice.Check, func()) {
		pools := newPools()
		return func(data []byte) (string, fmt.Stringer) {
			p := newProgram(data)
			return p.check(pools, &count), p
		}, pools.close
	})
	all, bounded := count.numbers.Load(), count.bounded.Load()
	t.Logf("%d programs; of their %d numbers %.1f%% were held to bounds", done, all, 100*float64(bounded)/float64(max(1, all)))
	if bounded < all/2 {
		t.Errorf("of %d numbers only %d have bounds", all, bounded)
	}
}

func FuzzPlan(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(choice.Random(seed, 8))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64*choice.BlockSize {
			return
		}
		pools := newPools()
		defer pools.close()
		p := newProgram(data)
		if wrong := p.check(pools, new(tally)); wrong != "" {
			t.Errorf("%s\n%v", wrong, p)
		}
	})
}

// integers makes an input that is stored as integers, which others may compute with too.
func (p *randomProgram) integers(b *choice.Block, shape tensor.Shape) *graph.Node {
	n := p.leafOf(graph.OpInput, b, shape)
	for i, v := range p.feed[n] {
		if p.feed[n][i] = math.Floor(math.Mod(math.Abs(v), 8)); v-v != 0 {
			p.feed[n][i] = 7
		}
	}
	n.Integers(8).StoreIntegers()
	p.keep(n)
	if last := n.Rank() - 1; last > 0 && n.Shape()[last] != batch && b.Once(2) {
		return n.Reverse(last)
	}
	return n
}

// lookUp looks rows of a table up, or adds up those of one index; of each sample by itself too.
func lookUp(p *randomProgram, b *choice.Block, x *graph.Node) *graph.Node {
	kind, rows := b.Of(6), 1+b.Of(7)
	at := x.Floor()
	switch {
	case b.Once(3):
		at = p.integers(b, x.Shape())
	case b.Once(2):
		at = at.Abs()
	}
	if kind < 2 {
		table := p.pick(b, func(y *graph.Node) bool {
			s := y.Shape()
			return len(s) > 0 && !s.HasBatch() && len(s)+x.Rank() < 6 && at.Shape().Concrete(p.batch).Numel()*s[1:].Numel() <= p.limit
		})
		if table == nil {
			return nil
		}
		return table.Gather(at)
	}
	if kind == 2 {
		tables := p.pick(b, func(y *graph.Node) bool {
			s := y.Shape()
			return len(s) > 1 && x.Rank() > 0 && s[0] == x.Shape()[0] && !s[1:].HasBatch() && len(s)+x.Rank() < 7 && at.Shape().Concrete(p.batch).Numel()*s[2:].Numel() <= p.limit
		})
		if tables == nil {
			return nil
		}
		return tables.BatchGather(at)
	}
	y := p.pick(b, func(y *graph.Node) bool {
		s := y.Shape()
		return len(s) >= x.Rank() && s[:x.Rank()].Equal(x.Shape()) && !s[x.Rank():].HasBatch()
	})
	switch {
	case kind == 3:
		return p.small(y.ScatterAdd(at, rows))
	case kind == 4 && x.Rank() > 0 && y.Rank() < 6:
		return p.small(y.BatchScatterAdd(at, rows))
	}
	return y.GroupSum(at, rows)
}
