package plan

// This file tests where values are placed, and that updates see what was there
// before any of them.

import (
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/tensor"
)

func compile(t *testing.T, program Program, config Config) *Plan {
	t.Helper()
	p, err := Compile(program, config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stored adds up all values that are stored in the arena.
func (p *Plan) stored() int {
	n := 0
	for _, u := range p.units {
		for _, v := range u.stored {
			if root, _ := v.root(); root == v && v.konst == nil && v.op != graph.OpParam && (v.buffer == nil || v.buffer.param == nil) {
				n += v.n
			}
		}
	}
	return n
}

func TestAnArenaIsSmallerThanWhatItHoldsInTurn(t *testing.T) {
	program, _ := listing(784, 256, 256, 10)
	p := compile(t, program, Config{Batch: 128})
	if total := 4 * p.stored(); p.arena >= total {
		t.Errorf("a training step of values of %d bytes has an arena of %d", total, p.arena)
	}

	// Deep inference needs an input, and two layers at a time.
	const width, batch, depth = 64, 100, 20
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Batch, width})
	for range depth {
		x = x.MatMul(g.Param("w", tensor.Shape{width, width})).Relu()
	}
	deep := compile(t, Program{Graph: g, Outputs: []*graph.Node{x}}, Config{Batch: batch})
	if most := 4*3*batch*width + 2*align; deep.arena > most {
		t.Errorf("%d layers of %d bytes have an arena of %d, want at most %d", depth, 4*batch*width, deep.arena, most)
	}
}

func TestOptimizersUpdateInPlace(t *testing.T) {
	program, slab := listing(20, 32, 17, 5)
	p := compile(t, program, Config{Batch: 6})
	if len(p.moves) > 0 {
		t.Errorf("%d updates are computed aside", len(p.moves))
	}
	updates := 0
	for _, u := range p.units {
		for _, v := range u.stored {
			if v.buffer != nil && v.buffer.param == p.nodes[slab] && v.op != graph.OpParam {
				updates++
			}
		}
	}
	if updates != 1 {
		t.Errorf("%d values are written to the parameters, want 1", updates)
	}
}

// All updates are computed from the values before any of them, whoever reads
// whom.
func TestUpdatesHappenAllAtOnce(t *testing.T) {
	shape := tensor.Shape{4}
	for name, build := range map[string]func(a, b, c *graph.Node) [3]*graph.Node{
		"swap":   func(a, b, c *graph.Node) [3]*graph.Node { return [3]*graph.Node{b, a, c} },
		"rotate": func(a, b, c *graph.Node) [3]*graph.Node { return [3]*graph.Node{c, a, b} },
		"chain":  func(a, b, c *graph.Node) [3]*graph.Node { return [3]*graph.Node{a.Add(b), a, b.Mul(c)} },
		"all read all": func(a, b, c *graph.Node) [3]*graph.Node {
			s := a.Add(b).Add(c)
			return [3]*graph.Node{s, s.Sub(a), s.Sub(b)}
		},
		"one value": func(a, b, c *graph.Node) [3]*graph.Node { s := a.Neg(); return [3]*graph.Node{s, s, s} },
		"through a view": func(a, b, c *graph.Node) [3]*graph.Node {
			return [3]*graph.Node{b.Reshape(2, 2).Reshape(4), a.Neg(), a}
		},
		"reversed": func(a, b, c *graph.Node) [3]*graph.Node { return [3]*graph.Node{a.Reverse(0), a, b} },
	} {
		for _, noPasses := range []bool{false, true} {
			g := graph.New()
			params := [3]*graph.Node{g.Param("a", shape), g.Param("b", shape), g.Param("c", shape)}
			values := build(params[0], params[1], params[2])
			program := Program{Graph: g}
			for i := range params {
				program.Updates = append(program.Updates, Update{Param: params[i], Value: values[i]})
			}
			fresh := func() map[*graph.Node][]float32 {
				return map[*graph.Node][]float32{params[0]: {1, 2, 3, 4}, params[1]: {5, 6, 7, 8}, params[2]: {-1, -2, -3, -4}}
			}
			before := compile(t, Program{Graph: g, Outputs: values[:]}, Config{NoPasses: true}).Bind(held(fresh()))
			before.Compute(nil)

			storage := fresh()
			e := compile(t, program, Config{NoPasses: noPasses}).Bind(held(storage))
			e.Compute(nil)
			e.Update(nil)
			for i := range params {
				if want := before.Value(values[i]); !slices.Equal(storage[params[i]], want) {
					t.Errorf("%s, passes %v: parameter %d becomes %v, want %v", name, !noPasses, i, storage[params[i]], want)
				}
			}
		}
	}
}

// Two results of one kernel that reads an operand for the last time may not both
// be stored over it, even if they are read in the same task.
func TestAnOperandGivesItsMemoryToOneResult(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{batch, 8})
	negative := x.Softmax(-1).Neg()
	samePasses(t, Program{Graph: g, Outputs: []*graph.Node{graph.Concat(-1, negative, negative.Exp())}}, 3)
}

// Where a kernel reads an operand whole and the first row of it for every row, no
// result may be stored over that row.
func TestAnOperandThatIsReadInPartTooKeepsItsMemory(t *testing.T) {
	const rows = 100_000 // of more than one task
	g := graph.New()
	x := g.Input("x", tensor.Shape{rows, 3})
	y := x.MulScalar(1e-5).Softmax(-1)
	first := y.Reshape(3*rows).View(0, tensor.Shape{3})
	samePasses(t, Program{Graph: g, Outputs: []*graph.Node{y.Sub(first)}}, 1)
}

// A value that a slab has twice is copied to the second place.
func TestASlabMayHaveAValueTwice(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{4})
	y := x.Square()
	slab := graph.Pack(14, []int{0, 5, 9}, y, y, x.Square())
	program := Program{Graph: g, Outputs: []*graph.Node{slab}, Checks: []*graph.Node{slab}}
	samePasses(t, program, 1)
}

// samePasses runs a program with passes and without, on ascending numbers, and
// compares its outputs.
func samePasses(t *testing.T, program Program, rows int) {
	t.Helper()
	var want [][]float32
	for _, noPasses := range []bool{true, false} {
		p := compile(t, program, Config{Batch: rows, NoPasses: noPasses})
		storage := map[*graph.Node][]float32{}
		for _, n := range program.Graph.Nodes() {
			if n.Op() == graph.OpParam {
				storage[n] = ascending(n.Shape().Numel())
			}
		}
		e := p.Bind(held(storage))
		for _, n := range program.Graph.Nodes() {
			if n.Op() == graph.OpInput {
				copy(e.Value(n), ascending(len(e.Value(n))))
			}
		}
		e.Compute(nil)
		for i, out := range program.Outputs {
			if noPasses {
				want = append(want, slices.Clone(e.Value(out)))
			} else if got := e.Value(out); !slices.Equal(got, want[i]) {
				at := 0
				for got[at] == want[i][at] {
					at++
				}
				t.Errorf("output %d, element %d is %v with passes, %v without\n%v", i, at, got[at], want[i][at], p)
			}
		}
	}
}

// The result b joins the kernel of a, which an earlier kernel reads: so the sum of
// that and f, on which b depends, can't join the kernel of f.
func TestKernelsThatWouldWaitForEachOtherStayApart(t *testing.T) {
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{batch, 4}), g.Input("y", tensor.Shape{batch, 4})
	a := x.Neg()
	early := a.Softmax(-1)
	f := y.Neg()
	b := f.Softmax(-1).Add(a)
	samePasses(t, Program{Graph: g, Outputs: []*graph.Node{b, f.Add(early)}}, 3)
}

// What an update stores is computed, even if all else that reads it is empty.
func TestAnEmptyReaderLeavesNothingOut(t *testing.T) {
	for _, noPasses := range []bool{false, true} {
		g := graph.New()
		w := g.Param("w", tensor.Shape{3, 2})
		value := w.Neg()
		none := value.SliceAxis(0, 1, 1)
		storage := []float32{1, 2, 3, 4, 5, 6}
		program := Program{Graph: g, Outputs: []*graph.Node{none}, Updates: []Update{{Param: w, Value: value}}}
		e := compile(t, program, Config{NoPasses: noPasses}).Bind(held(map[*graph.Node][]float32{w: storage}))
		e.Compute(nil)
		e.Update(nil)
		if want := []float32{-1, -2, -3, -4, -5, -6}; !slices.Equal(storage, want) {
			t.Errorf("passes %v: the parameter becomes %v, want %v", !noPasses, storage, want)
		}
	}
}

// An update that stores another shape of what a task computes does not make the task wait
// for the update.
func TestAViewForAnUpdateMovesNoTask(t *testing.T) {
	g := graph.New()
	x, w, p := g.Input("x", tensor.Shape{1, 3}), g.Param("w", tensor.Shape{2, 2}), g.Param("p", tensor.Shape{3})
	y := x.Neg()
	sum := y.Sum()
	program := Program{
		Graph: g, Outputs: []*graph.Node{sum.Mul(w).Sum()},
		Updates: []Update{{Param: w, Value: w.Sub(sum.MulScalar(0.25))}, {Param: p, Value: y.Reshape(3)}},
	}
	samePasses(t, program, 1)
}

// What a max pool puts into the gradient of the first convolution is read by the gradients of its kernel and its bias alone, which put it as they
// go. Where the gradient of an image is asked for as well, it is stored.
func TestWhatAPoolPutsIsStoredForImagesAlone(t *testing.T) {
	if isa.Active() == isa.Generic {
		t.Skip("plain Go stores it")
	}
	build := func(trainable bool) Program {
		b := &builder{Graph: graph.New()}
		x := b.Input("x", tensor.Shape{tensor.Batch, 12, 12, 1})
		if trainable {
			x = x.Add(b.param(12, 12, 1))
		}
		y := x.Conv(b.param(3, 3, 1, 32), graph.Window{}).Add(b.param(32)).Relu().MaxPool(graph.Window{Size: []int{2, 2}, Stride: []int{2, 2}})
		return trained(y.Square().Mean(), b.params...)
	}
	without, with := compile(t, build(false), Config{Batch: 64}), compile(t, build(true), Config{Batch: 64})
	if n := without.called()["PoolPut"]; n != 0 {
		t.Errorf("what a pool puts is stored\n%v", without)
	}
	if n := with.called()["PoolPut"]; n != 1 {
		t.Errorf("of what a pool puts %d are stored, want 1\n%v", n, with)
	}
}
