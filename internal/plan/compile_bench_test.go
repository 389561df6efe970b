package plan

// This file measures how long graphs of thousands of nodes take to compile: go test
// -bench Compile. What a node costs should not depend on how many there are. And how long
// a step of a recurrent network runs, which is many small kernels.

import (
	"fmt"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/tensor"
)

// lstm is the training step of a recurrent network (Hochreiter and Schmidhuber 1997)
// written out for so many time steps.
func lstm(steps int) Program { return recurrent(steps, 1) }

// recurrent has so many layers, each of which gets all that the one below it has returned.
func recurrent(steps, layers int) Program {
	const units = 16
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Batch, steps, units / 2})
	var params []*graph.Node
	for range layers {
		width := x.Shape()[2]
		w := g.Param("w", tensor.Shape{width, 4 * units})
		r := g.Param("r", tensor.Shape{units, 4 * units})
		b := g.Param("b", tensor.Shape{4 * units})
		params = append(params, w, r, b)
		zero := x.SliceAxis(1, 0, 1).Reshape(tensor.Batch, width).Sum(1).MulScalar(0).Reshape(tensor.Batch, 1).BroadcastTo(tensor.Shape{tensor.Batch, units})
		h, c := zero, zero
		var all []*graph.Node
		for t := range steps {
			z := x.SliceAxis(1, t, t+1).Reshape(tensor.Batch, width).MatMul(w).Add(h.MatMul(r)).Add(b)
			gate := func(i int) *graph.Node { return z.SliceAxis(1, i*units, (i+1)*units) }
			c = gate(1).Sigmoid().Mul(c).Add(gate(0).Sigmoid().Mul(gate(2).Tanh()))
			h = gate(3).Sigmoid().Mul(c.Tanh())
			all = append(all, h.Reshape(tensor.Batch, 1, units))
		}
		if layers == 1 {
			return trained(h.Square().Mean(), params...)
		}
		x = graph.Concat(1, all...)
	}
	return trained(x.Square().Mean(), params...)
}

// trained descends along the gradients of a loss.
func trained(loss *graph.Node, params ...*graph.Node) Program {
	p := Program{Graph: loss.Graph(), Outputs: []*graph.Node{loss}}
	for i, grad := range graph.Gradients(loss, params...) {
		p.Updates = append(p.Updates, Update{Param: params[i], Value: params[i].Sub(grad.MulScalar(0.01))})
	}
	return p
}

// deep is the training step of a network of so many layers; every fourth adds what
// came before.
func deep(layers int) Program {
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Batch, 16})
	var params []*graph.Node
	before := x
	for i := range layers {
		w, b := g.Param("w", tensor.Shape{16, 16}), g.Param("b", tensor.Shape{16})
		params = append(params, w, b)
		x = x.MatMul(w).Add(b).Relu()
		if i%4 == 3 {
			x = x.Add(before)
			before = x
		}
	}
	return trained(x.Square().Mean(), params...)
}

// formula is an elementwise expression of so many nodes, with a sum now and then.
func formula(nodes int) Program {
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{tensor.Batch, 16}), g.Input("y", tensor.Shape{tensor.Batch, 16})
	z := x
	for i := range nodes / 4 {
		z = z.Mul(y).Tanh().Add(x).MulScalar(0.5)
		if i%50 == 49 {
			z = z.Sub(z.MeanKeep(1))
		}
	}
	return Program{Graph: g, Outputs: []*graph.Node{z.Sum()}}
}

// ensemble is many small networks side by side, whose results are added up.
func ensemble(networks int) Program {
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Batch, 8})
	var params []*graph.Node
	var sum *graph.Node
	for range networks {
		w, b := g.Param("w", tensor.Shape{8, 8}), g.Param("b", tensor.Shape{8})
		params = append(params, w, b)
		y := x.MatMul(w).Add(b).Relu()
		if sum == nil {
			sum = y
		} else {
			sum = sum.Add(y)
		}
	}
	return trained(sum.Square().Mean(), params...)
}

// towers is two networks side by side, the first of which gives each of its layers'
// results to the second, which is written after it.
func towers(layers int) Program {
	g := graph.New()
	x, y := g.Input("x", tensor.Shape{tensor.Batch, 16}), g.Input("y", tensor.Shape{tensor.Batch, 16})
	var lateral []*graph.Node
	for range layers {
		x = x.Softmax(-1).Relu()
		lateral = append(lateral, x)
	}
	for _, x := range lateral {
		y = y.Softmax(-1).Add(x)
	}
	return Program{Graph: g, Outputs: []*graph.Node{y}}
}

// statistics is a network that keeps track of so many moving means in one slab, as
// batch normalization does.
func statistics(layers int) Program {
	g := graph.New()
	x, slab := g.Input("x", tensor.Shape{tensor.Batch, 16}), g.Param("slab", tensor.Shape{16 * layers})
	p := Program{Graph: g}
	for i := range layers {
		mean := slab.View(16*i, tensor.Shape{16})
		p.Updates = append(p.Updates, Update{Param: mean, Value: mean.MulScalar(0.99).Add(x.Mean(0).MulScalar(0.01))})
		x = x.Sub(mean).Tanh()
	}
	p.Outputs = []*graph.Node{x}
	return p
}

// reshapes is so many shapes of one value, each made of the one before.
func reshapes(nodes int) Program {
	g := graph.New()
	x := g.Input("x", tensor.Shape{16})
	var all []*graph.Node
	for i := range nodes / 2 {
		x = x.Reshape([]int{4, 4}...).Reshape(16)
		if i%10 == 0 {
			all = append(all, x.Sum())
		}
	}
	return Program{Graph: g, Outputs: append(all, x.Neg())}
}

// chain of products has four buffers a step.
func products(steps int) Program {
	g := graph.New()
	x, w := g.Input("x", tensor.Shape{tensor.Batch, 4}), g.Param("w", tensor.Shape{4, 4})
	for range steps {
		x = x.MatMul(w).Tanh()
	}
	return trained(x.Sum(), w)
}

var large = []struct {
	name  string
	build func(size int) Program
	sizes []int
}{
	{"LSTM steps", lstm, []int{25, 100, 400}},
	{"deep layers", deep, []int{125, 500, 2000}},
	{"formula nodes", formula, []int{2500, 10_000, 40_000}},
	{"ensemble networks", ensemble, []int{125, 500, 2000}},
	{"towers layers", towers, []int{600, 2500, 10_000}},
	{"statistics layers", statistics, []int{600, 2500, 10_000}},
	{"reshapes nodes", reshapes, []int{600, 2500, 10_000}},
	{"products steps", products, []int{600, 2500, 6000}},
}

func BenchmarkCompile(b *testing.B) {
	for _, c := range large {
		for _, size := range c.sizes {
			b.Run(fmt.Sprintf("%s=%d", c.name, size), func(b *testing.B) {
				program := c.build(size)
				if err := program.Graph.Err(); err != nil {
					b.Fatal(err)
				}
				nodes := len(program.Graph.Nodes())
				for b.Loop() {
					if _, err := Compile(program, Config{Batch: 32}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*nodes), "µs/node")
				b.ReportMetric(float64(nodes), "nodes")
			})
		}
	}
}

// BenchmarkRecurrentStep trains two recurrent layers for one step.
func BenchmarkRecurrentStep(b *testing.B) {
	program := recurrent(50, 2)
	p, err := Compile(program, Config{Batch: 32})
	if err != nil {
		b.Fatal(err)
	}
	storage := map[*graph.Node][]float32{}
	for _, n := range program.Graph.Nodes() {
		if n.Op() == graph.OpParam {
			storage[n] = make([]float32, n.Shape().Numel())
			random(storage[n], 0.2, 1)
		}
	}
	e := p.Bind(held(storage))
	random(e.Value(program.Graph.Nodes()[0]), 1, 2)
	pool := par.New(2)
	defer pool.Close()
	for b.Loop() {
		e.Compute(pool)
		e.Update(pool)
	}
	b.ReportMetric(float64(p.calls()), "calls")
	b.ReportMetric(float64(p.arena), "bytes")
}
