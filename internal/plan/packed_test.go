package plan

import (
	"sync"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/tensor"
)

// twoProducts is a program of two weights, 300 × 200 each in one slab, that only predicts.
func twoProducts() (program Program, x *graph.Node, storage map[*graph.Node]slab.Span) {
	g := graph.New()
	x = g.Input("x", tensor.Shape{tensor.Batch, 300})
	first, second := g.Param("first", tensor.Shape{300, 200}), g.Param("second", tensor.Shape{300, 200})
	y := x.MatMul(first).Relu().MatMulT(second, false, true)
	all := slab.Of(make([]float32, 2*300*200))
	storage = map[*graph.Node]slab.Span{first: all.Part(0, 300*200), second: all.Part(300*200, 300*200)}
	return Program{Graph: g, Outputs: []*graph.Node{y}}, x, storage
}

// fill writes other weights, as a step that trains does.
func fill(storage map[*graph.Node]slab.Span, round int) {
	for _, span := range storage {
		slabs := []*slab.Slab{span.Slab}
		slab.Acquire(slabs, true)
		for i := range span.Host() {
			span.Host()[i] = float32((i*7919+round*104729)%1000)/1000 - 0.5
		}
		slab.Release(slabs, true)
	}
}

// Plans for several sizes of the batch share what is packed, and after weights have changed predict with these.
func TestPackedWeightsFollowWhatTheyAreOf(t *testing.T) {
	program, x, storage := twoProducts()
	y := program.Outputs[0]
	pool := par.New(2)
	defer pool.Close()
	packed := new(Packed)
	type pair struct{ plain, fast *Exec }
	var pairs []pair
	for _, batch := range []int{20, 64, 200} {
		p := compile(t, program, Config{Batch: batch})
		e := pair{p.Bind(storage), p.BindPacked(storage, packed)}
		if len(pairs) > 0 && packed.kept.Tasks() != pairs[0].fast.kept.Tasks() {
			t.Errorf("a batch of %d packs weights again", batch)
		}
		pairs = append(pairs, e)
	}
	if packed.kept.Tasks() == 0 {
		t.Fatal("no weight is packed")
	}
	for round := range 4 {
		if round != 2 { // then they are as before
			fill(storage, round)
		}
		var running sync.WaitGroup
		for _, e := range pairs {
			for i := range e.plain.Value(x) {
				value := float32(i*31%997)/997 - 0.25
				e.plain.Value(x)[i], e.fast.Value(x)[i] = value, value
			}
			running.Go(func() { e.fast.Compute(pool) })
		}
		running.Wait()
		for _, e := range pairs {
			e.plain.Compute(pool)
			if i := cputest.FirstDifference(e.fast.Value(y), e.plain.Value(y)); i >= 0 {
				t.Fatalf("round %d, batch of %d: element %d is %v, without packed weights %v", round, e.fast.plan.config.Batch, i, e.fast.Value(y)[i], e.plain.Value(y)[i])
			}
		}
		if packed.done != packed.kept.Tasks() {
			t.Errorf("round %d: %d of %d tasks have packed", round, packed.done, packed.kept.Tasks())
		}
	}
	if n := testing.AllocsPerRun(10, func() { pairs[1].fast.Compute(pool) }); n > 0 {
		t.Errorf("a prediction allocates %v times", n)
	}
}

// So do scans, which share what is packed of their weights.
func TestScansFollowPackedWeights(t *testing.T) {
	const units = 128
	g := graph.New()
	x, w := g.Input("x", tensor.Shape{3, batch, units}), g.Param("w", tensor.Shape{units, units})
	h := recur(false, func(s *graph.Scanned) *graph.Node { return s.Final(0) })([]*graph.Node{g.Scalar(0.5).BroadcastTo(tensor.Shape{batch, units}), x, w})
	storage := map[*graph.Node]slab.Span{w: slab.Of(make([]float32, units*units))}
	p := compile(t, Program{Graph: g, Outputs: []*graph.Node{h}}, Config{Batch: 64})
	packed := new(Packed)
	plain, fast := p.Bind(storage), p.BindPacked(storage, packed)
	if packed.kept.Tasks() == 0 {
		t.Fatal("the scan packs its weight at each run")
	}
	for round := range 3 {
		fill(storage, round)
		random(fast.Value(x), 1, 9)
		random(plain.Value(x), 1, 9)
		fast.Compute(nil)
		plain.Compute(nil)
		if i := cputest.FirstDifference(fast.Value(h), plain.Value(h)); i >= 0 {
			t.Fatalf("round %d: element %d is %v, want %v", round, i, fast.Value(h)[i], plain.Value(h)[i])
		}
	}
}

func TestPackedWeightsHaveAPartOfTheMemory(t *testing.T) {
	defer mem.SetLimit(0)
	mem.SetLimit(packedShare * 4 * 300 * 200 * 3 / 2)
	program, _, storage := twoProducts()
	packed := new(Packed)
	compile(t, program, Config{Batch: 64}).BindPacked(storage, packed)
	all := new(Packed)
	mem.SetLimit(0)
	compile(t, program, Config{Batch: 64}).BindPacked(storage, all)
	if got, want := packed.kept.Tasks(), all.kept.Tasks(); got == 0 || got >= want {
		t.Errorf("%d tasks pack weights, %d if there is memory for all: there is for one", got, want)
	}
}
