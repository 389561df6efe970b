package plan

// This file holds attention to what it is in products and softmax, and to what it may keep in memory.

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// Blocks of queries change no bit: attention and its gradient sum as the products and the softmax that they are made of.
func TestAttentionHasTheBitsOfItsProducts(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	for _, c := range []struct {
		steps, keys, keyDim, valueDim int
		heads                         graph.Heads
		mask                          tensor.Shape // or nil
	}{
		{1, 1, 1, 1, graph.Heads{Heads: 1, Scale: 0.5}, nil},
		{5, 9, 3, 2, graph.Heads{Heads: 2, Scale: 0.5}, nil},
		{130, 30, 8, 5, graph.Heads{Heads: 2, Scale: 0.25}, nil},
		{66, 40, 17, 16, graph.Heads{Heads: 4, Groups: 2, Scale: 0.25}, nil},
		{129, 129, 3, 2, graph.Heads{Heads: 1, Scale: 0.25, Causal: true}, nil},
		{70, 66, 4, 3, graph.Heads{Heads: 2, Groups: 1, Scale: 0.25, Causal: true}, nil},
		{66, 40, 17, 16, graph.Heads{Heads: 4, Groups: 2, Scale: 0.25, Rate: 0.3, Stream: 7}, nil},
		{129, 129, 3, 2, graph.Heads{Heads: 1, Scale: 0.25, Causal: true, Rate: 0.5}, nil},
		{1100, 3, 2, 1, graph.Heads{Heads: 4, Groups: 1, Scale: 1}, nil}, // chains of more than 4096 queries
		{2, 4200, 2, 2, graph.Heads{Heads: 1, Scale: 1}, nil},            // and of keys
		{66, 40, 3, 2, graph.Heads{Heads: 2, Scale: 0.25}, tensor.Shape{batch, 1, 40}},
		{66, 40, 3, 2, graph.Heads{Heads: 2, Groups: 1, Scale: 0.25}, tensor.Shape{1, 66, 40}},
		{40, 66, 3, 2, graph.Heads{Heads: 1, Scale: 0.25, Causal: true}, tensor.Shape{batch, 40, 66}},
		{66, 40, 3, 2, graph.Heads{Heads: 2, Groups: 1, Scale: 0.25, Rate: 0.1, Stream: 1}, tensor.Shape{1, 66, 40}},
	} {
		groups := max(c.heads.Groups, 1)
		if c.heads.Groups == 0 {
			groups = c.heads.Heads
		}
		g := graph.New()
		q, k := g.Input("q", tensor.Shape{batch, c.steps, c.heads.Heads * c.keyDim}), g.Input("k", tensor.Shape{batch, c.keys, groups * c.keyDim})
		v := g.Input("v", tensor.Shape{batch, c.keys, groups * c.valueDim})
		in := []*graph.Node{q, k, v}
		if c.mask != nil {
			in = append(in, g.Input("mask", c.mask))
		}
		y := g.Node(graph.OpAttention, graph.Attr{Heads: c.heads}, in...)
		dy := g.Input("dy", y.Shape())
		grad := g.Node(graph.OpAttentionGrad, graph.Attr{Heads: c.heads}, slices.Insert(slices.Clone(in), 3, y, dy)...)
		outputs := []*graph.Node{y, grad, y.Expand(in...), grad.Expand(grad.Inputs()...)}
		if err := g.Err(); err != nil {
			t.Fatal(err)
		}
		p := compile(t, Program{Graph: g, Outputs: outputs}, Config{Batch: 1})
		cputest.EachTier(t, func(t *testing.T) {
			e := p.Bind(nil)
			for i, n := range []*graph.Node{q, k, v, dy} {
				random(e.Value(n), 1, uint16(i))
			}
			for _, mask := range in[3:] { // of which each query sees the first key, as the order of sums is from there
				random(e.Value(mask), 1, 4)
				for i, x := range e.Value(mask) {
					if x < 0 {
						e.Value(mask)[i] = 0
					}
					if i%c.keys == 0 {
						e.Value(mask)[i] = 1
					}
				}
			}
			for _, pool := range []*par.Pool{nil, pool} {
				e.Compute(pool)
				for i := range 2 {
					got, want := e.Value(outputs[i]), e.Value(outputs[i+2])
					if at := cputest.FirstDifference(got, want); at >= 0 {
						t.Errorf("%+v, output %d: number %d is %v, want %v", c, i, at, got[at], want[at])
					}
				}
			}
		})
	}
}

// Keys behind the last that a mask lets anyone see may hold anything.
func TestPaddedKeysAreNotRead(t *testing.T) {
	g := graph.New()
	q, k, v := g.Input("q", tensor.Shape{batch, 3, 4}), g.Input("k", tensor.Shape{batch, 5, 4}), g.Input("v", tensor.Shape{batch, 5, 4})
	mask := g.Input("mask", tensor.Shape{batch, 1, 5})
	y := q.Attention(k, v, mask, graph.Heads{Heads: 2, Scale: 0.5})
	grads := graph.Gradients(y.Sum(), q, k, v)
	p := compile(t, Program{Graph: g, Outputs: append(grads, y)}, Config{Batch: 1})
	e := p.Bind(nil)
	for i, n := range []*graph.Node{q, k, v} {
		random(e.Value(n), 1, uint16(i))
	}
	for i := 12; i < 20; i++ {
		e.Value(k)[i], e.Value(v)[i] = float32(math.NaN()), float32(math.Inf(1))
	}
	copy(e.Value(mask), []float32{1, 1, 1, 0, 0})
	e.Compute(nil)
	for _, n := range append(grads[:1:1], y) {
		for _, x := range e.Value(n) {
			if x != x {
				t.Fatalf("%v: %v", n, e.Value(n))
			}
		}
	}
}

// An arena grows with the length of sequences, in training too, not with its square.
func TestMemoryOfAttentionIsLinear(t *testing.T) {
	for _, training := range []bool{false, true} {
		heads := graph.Heads{Heads: 4, Scale: 0.5, Causal: true}
		if training {
			heads.Rate = 0.1
		}
		arena := func(steps int) int {
			b := &builder{Graph: graph.New()}
			x := b.Input("x", tensor.Shape{batch, steps, 16})
			y := b.dense(x, 16).Attention(b.dense(x, 16), b.dense(x, 16), nil, heads)
			y = b.dense(y, 16)
			program := Program{Graph: b.Graph, Outputs: []*graph.Node{y}}
			if training {
				program = trained(y.Square().Mean(), b.params...)
			}
			return compile(t, program, Config{Batch: 2}).Arena()
		}
		short, long := arena(512), arena(4096)
		if long > 8*short {
			t.Errorf("training %v: %d bytes for 512 steps, %d for 4096", training, short, long)
		}
		if n := 30 * 2 * 4096 * 16 * 4; long > n {
			t.Errorf("training %v: %d bytes for 4096 steps, at most %d were expected", training, long, n)
		}
	}
}

// What attention works in is allocated by the first steps.
func TestAttentionAllocatesNothing(t *testing.T) {
	b := &builder{Graph: graph.New()}
	x := b.Input("x", tensor.Shape{batch, 70, 8})
	mask := b.Input("mask", tensor.Shape{batch, 1, 70})
	y := b.dense(x, 8).Attention(b.dense(x, 8), b.dense(x, 4), mask, graph.Heads{Heads: 2, Scale: 0.5})
	p := compile(t, trained(y.Square().Mean(), b.params...), Config{Batch: 3})
	storage := map[*graph.Node][]float32{}
	for _, n := range b.params {
		storage[n] = make([]float32, n.Shape().Numel())
	}
	e := p.Bind(held(storage))
	random(e.Value(x), 1, 1)
	random(e.Value(mask), 1, 2)
	if n := testing.AllocsPerRun(5, func() { e.Compute(nil) }); n > 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

// BenchmarkAttention is of 8 heads of 64 numbers over sequences of some lengths, and of what a training step needs besides.
func BenchmarkAttention(b *testing.B) {
	for _, steps := range []int{32, 128, 512, 2048} {
		for _, causal := range []bool{false, true} {
			for _, training := range []bool{false, true} {
				b.Run(fmt.Sprintf("steps=%d/causal=%v/training=%v", steps, causal, training), func(b *testing.B) {
					g := graph.New()
					shape := tensor.Shape{batch, steps, 512}
					q, k, v := g.Input("q", shape), g.Input("k", shape), g.Input("v", shape)
					y := q.Attention(k, v, nil, graph.Heads{Heads: 8, Scale: 0.125, Causal: causal})
					outputs := []*graph.Node{y}
					if training {
						outputs = graph.Gradients(y.Square().Sum(), q, k, v)
					}
					p, err := Compile(Program{Graph: g, Outputs: outputs}, Config{Batch: max(2048/steps, 1)})
					if err != nil {
						b.Fatal(err)
					}
					e := p.Bind(nil)
					for i, n := range []*graph.Node{q, k, v} {
						random(e.Value(n), 1, uint16(i))
					}
					for b.Loop() {
						e.Compute(nil)
					}
					flops := 4 * 2048 * steps * 512
					if training {
						flops = 14 * 2048 * steps * 512
					}
					if causal {
						flops /= 2
					}
					b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
