package plan

// This file holds scans to what they may copy and where they keep what is the same at each step.

import (
	"slices"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/cpu/cputest"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/tensor"
)

// cell runs a step with gates, of which the products are added up before the scan, over a sequence.
func cell(r graph.Recurrence, g *graph.Graph, units int) *graph.Scanned {
	part := func(x *graph.Node, i int) *graph.Node { return x.SliceAxis(1, i*units, (i+1)*units) }
	r.Step = func(state, x, c []*graph.Node) (next, outputs []*graph.Node) {
		z := x[0].Add(state[0].MatMul(c[0]))
		memory := part(z, 1).Sigmoid().Mul(state[1]).Add(part(z, 0).Sigmoid().Mul(part(z, 2).Tanh()))
		return []*graph.Node{part(z, 3).Sigmoid().Mul(memory.Tanh()), memory}, nil
	}
	return r.Scan(g)
}

func TestAScanOfGatesCopiesNothing(t *testing.T) {
	const units = 16
	for _, c := range []struct {
		name     string
		training bool
		reverse  bool
	}{{"forwards", false, false}, {"backwards", false, true}, {"trained", true, false}} {
		g := graph.New()
		x, w := g.Input("x", tensor.Shape{4, batch, 4 * units}), g.Param("w", tensor.Shape{units, 4 * units})
		zero := g.Scalar(0).BroadcastTo(tensor.Shape{batch, units})
		r := graph.Recurrence{Init: []*graph.Node{zero, zero}, Sequences: []*graph.Node{x}, Constants: []*graph.Node{w}, Reverse: c.reverse}
		if !c.training {
			r.Last, r.Unread = true, []bool{false, true}
		}
		last := cell(r, g, units).Final(0)
		outputs := []*graph.Node{last}
		if c.training {
			outputs = graph.Gradients(last.Square().Sum(), w, x)
		}
		program := Program{Graph: g, Outputs: outputs}
		p := compile(t, program, Config{Batch: 40})
		scans := 0
		for _, v := range p.values {
			for _, b := range v.bodies {
				scans++
				for n := range b.program.Windows {
					if !b.opens(n) {
						t.Errorf("%s: %v is copied at each step:\n%v", c.name, n, b)
					}
				}
			}
		}
		if scans == 0 {
			t.Fatal("there is no scan")
		}
		weights := make([]float32, units*4*units)
		random(weights, 1, 1)
		var want [][]float32
		for _, config := range []Config{{Batch: 40, NoPasses: true}, {Batch: 40}} {
			p := compile(t, program, config)
			cputest.EachTier(t, func(t *testing.T) {
				e := p.Bind(held(map[*graph.Node][]float32{w: weights}))
				random(e.Value(x), 1, 2)
				for range 2 { // the second time what a scan has kept is there
					e.Compute(nil)
				}
				for i, n := range outputs {
					if len(want) == i {
						want = append(want, append([]float32{}, e.Value(n)...))
					}
					if at := cputest.FirstDifference(e.Value(n), want[i]); at >= 0 {
						t.Errorf("%s: number %d of output %d is %v, want %v", c.name, at, i, e.Value(n)[at], want[i][at])
					}
				}
			})
		}
	}
}

// What the steps of a scan read is packed before they run, so a scan of another weight reads that.
func TestAScanFollowsItsWeights(t *testing.T) {
	const units = 32
	g := graph.New()
	x, w := g.Input("x", tensor.Shape{3, batch, units}), g.Param("w", tensor.Shape{units, units})
	h := recur(false, func(s *graph.Scanned) *graph.Node { return s.Final(0) })([]*graph.Node{g.Scalar(0.5).BroadcastTo(tensor.Shape{batch, units}), x, w})
	weights := make([]float32, units*units)
	storage := held(map[*graph.Node][]float32{w: weights})
	program := Program{Graph: g, Outputs: []*graph.Node{h}}
	fast, plain := compile(t, program, Config{Batch: 64}).Bind(storage), compile(t, program, Config{Batch: 64, NoPasses: true}).Bind(storage)
	for round := range 2 {
		random(weights, 1, uint16(round))
		random(fast.Value(x), 1, 9)
		random(plain.Value(x), 1, 9)
		fast.Compute(nil)
		plain.Compute(nil)
		if at := cputest.FirstDifference(fast.Value(h), plain.Value(h)); at >= 0 {
			t.Errorf("round %d: number %d is %v, want %v", round, at, fast.Value(h)[at], plain.Value(h)[at])
		}
	}
}

// Where a sequence that is a product would leave the caches, a scan of many rows multiplies at each step, to the same bits, unless others
// need the product too.
func TestAScanMultipliesWhatWouldLeaveTheCaches(t *testing.T) {
	defer isa.ForceCaches(isa.Caches())
	isa.ForceCaches(isa.CacheSizes{L1: 32 << 10, L2: 36 << 10, L3: 1 << 20})
	const steps, units, features = 5, 16, 64
	for _, c := range []struct {
		name                    string
		rows                    int
		training, bias, reverse bool
		beside, inside          bool
	}{
		{"predicted", 40, false, true, false, false, true},
		{"without a bias, backwards", 70, false, false, true, false, true},
		{"trained", 70, true, true, false, false, false},
		{"of few rows", 31, false, true, false, false, false},
		{"read beside", 40, false, true, false, true, false},
	} {
		g := graph.New()
		x := g.Input("x", tensor.Shape{batch, steps, features})
		kernel, w, bias := g.Param("kernel", tensor.Shape{features, 4 * units}), g.Param("w", tensor.Shape{units, 4 * units}), g.Param("bias", tensor.Shape{4 * units})
		y := x.Transpose(1, 0, 2).MatMul(kernel)
		if c.bias {
			y = y.Add(bias)
		}
		zero := g.Scalar(0).BroadcastTo(tensor.Shape{batch, units})
		r := graph.Recurrence{Init: []*graph.Node{zero, zero}, Sequences: []*graph.Node{y}, Constants: []*graph.Node{w}, Reverse: c.reverse}
		r.Last = !c.training
		last := cell(r, g, units).Final(0)
		outputs := []*graph.Node{last}
		if c.training {
			outputs = append(outputs, graph.Gradients(last.Square().Sum(), kernel, w, bias, x)...)
		}
		if c.beside {
			outputs = append(outputs, y.Sum(0))
		}
		storage := map[*graph.Node][]float32{}
		for i, n := range []*graph.Node{kernel, w, bias} {
			storage[n] = make([]float32, n.Shape().Numel())
			random(storage[n], 1, uint16(i))
		}
		program := Program{Graph: g, Outputs: outputs}
		var want [][]float32
		for _, config := range []Config{{Batch: c.rows, NoPasses: true}, {Batch: c.rows}} {
			p := compile(t, program, config)
			stored := slices.ContainsFunc(p.values, func(v *value) bool {
				return v.op == graph.OpMatMul && slices.Equal(v.shape, tensor.Shape{steps, c.rows, 4 * units})
			})
			if inside := !stored; inside != (c.inside && !config.NoPasses) {
				t.Errorf("%s: the scan multiplies: %v\n%v", c.name, inside, p)
			}
			cputest.EachTier(t, func(t *testing.T) {
				e := p.Bind(held(storage))
				random(e.Value(x), 1, 9)
				for range 2 {
					e.Compute(nil)
				}
				for i, n := range outputs {
					if len(want) == i {
						want = append(want, slices.Clone(e.Value(n)))
					}
					if at := cputest.FirstDifference(e.Value(n), want[i]); at >= 0 {
						t.Errorf("%s: number %d of output %d is %v, want %v", c.name, at, i, e.Value(n)[at], want[i][at])
					}
				}
			})
		}
	}
}

// A state that a step leaves as it is stays what it was, where it is a column of the result beside others.
func TestAStateThatStaysIsKept(t *testing.T) {
	g := graph.New()
	x, init := g.Input("x", tensor.Shape{3, batch, 16}), g.Input("init", tensor.Shape{batch, 16})
	scan := graph.Recurrence{
		Init: []*graph.Node{init, init}, Sequences: []*graph.Node{x},
		Step: func(state, x, _ []*graph.Node) (next, outputs []*graph.Node) {
			return []*graph.Node{state[0].Add(x[0]).Tanh(), state[1]}, []*graph.Node{state[1]}
		},
	}.Scan(g)
	kept, seen := scan.Final(1), scan.Output(0)
	p := compile(t, Program{Graph: g, Outputs: []*graph.Node{kept, seen}}, Config{Batch: 2})
	e := p.Bind(nil)
	random(e.Value(x), 1, 1)
	random(e.Value(init), 1, 2)
	for range 2 {
		e.Compute(nil)
		for _, n := range []*graph.Node{kept, seen} {
			for i, v := range e.Value(n) {
				if want := e.Value(init)[i%32]; v != want {
					t.Fatalf("%v: number %d is %v, want %v", n, i, v, want)
				}
			}
		}
	}
}
