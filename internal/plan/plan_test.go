package plan

import (
	"fmt"
	"math"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/rng"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/tensor"
)

// listing builds the training step of a small network like the chapter's: two
// hidden layers with relu and dropout, softmax, cross-entropy, and SGD over one
// slab.
func listing(sizes ...int) (Program, *graph.Node) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Batch, sizes[0]})
	y := g.Input("y", tensor.Shape{tensor.Batch, sizes[len(sizes)-1]})
	total := 0
	var offsets []int
	round := func(n int) int { return (n + 15) / 16 * 16 }
	for i := range sizes[1:] {
		offsets = append(offsets, total, total+round(sizes[i]*sizes[i+1]))
		total += round(sizes[i]*sizes[i+1]) + round(sizes[i+1])
	}
	slab := g.Param("slab", tensor.Shape{total})
	h := x
	var vars []*graph.Node
	for i := range sizes[1:] {
		g.PushScope(fmt.Sprintf("dense_%d", i))
		w := slab.View(offsets[2*i], tensor.Shape{sizes[i], sizes[i+1]})
		b := slab.View(offsets[2*i+1], tensor.Shape{sizes[i+1]})
		vars = append(vars, w, b)
		h = h.MatMul(w).Add(b)
		if i < len(sizes)-2 {
			h = h.Relu().Dropout(0.45, g.NextStream())
		}
		g.PopScope()
	}
	loss := graph.SoftmaxCrossentropy(h, y, 1e-7, false).Mean()
	correct := h.Softmax(-1).ArgMax(-1).Equal(y.ArgMax(-1)).Sum()
	grads := graph.Gradients(loss, vars...)
	grad := graph.Pack(total, offsets, grads...)
	lr := g.Input("lr", tensor.Shape{})
	return Program{
		Graph:   g,
		Outputs: []*graph.Node{loss, correct},
		Checks:  []*graph.Node{loss, grad},
		Updates: []Update{{Param: slab, Value: slab.Sub(grad.Mul(lr))}},
	}, slab
}

// random fills s with numbers in [-scale, scale).
func random(s []float32, scale float32, stream uint16) {
	r := rng.New(1, stream, 0)
	for i := range s {
		s[i] = float32(scale * float32(float32(2*r.Float32(uint64(i)))-1))
	}
}

// steps runs steps of the listing and returns the bits of all that comes of them.
func steps(t *testing.T, c Config, infinite bool, sizes ...int) []uint32 {
	program, slab := listing(sizes...)
	p, err := Compile(program, c)
	if err != nil {
		t.Fatal(err)
	}
	if !c.NoPasses {
		t.Logf("\n%v", p)
	}
	weights := make([]float32, slab.Shape()[0])
	random(weights, 0.5, 0)
	if infinite {
		weights[3] = float32(math.Inf(1))
	}
	e := p.Bind(held(map[*graph.Node][]float32{slab: weights}))
	e.Seed = 7
	nodes := program.Graph.Nodes()
	x := e.Value(nodes[0])
	random(x, 1, 1)
	for i := range x {
		if i%sizes[0]/8%3 > 0 { // where images are dark
			x[i] = 0
		}
	}
	classes := sizes[len(sizes)-1]
	for i := range c.Batch {
		e.Value(nodes[1])[i*classes+i%classes] = 1
	}
	for _, n := range nodes {
		if n.Attr().Name == "lr" {
			e.Value(n)[0] = 0.1
		}
	}
	var got []uint32
	for step := range 5 {
		e.Step = uint64(step)
		e.Compute(nil)
		if !infinite && !e.Finite() {
			t.Fatal("not finite")
		}
		e.Update(nil)
		for _, out := range program.Outputs {
			got = append(got, math.Float32bits(e.Value(out)[0]))
		}
	}
	for _, w := range weights {
		got = append(got, math.Float32bits(w))
	}
	return got
}

func TestTheListingIsOfFewCallsAndPassesChangeNoBit(t *testing.T) {
	for _, infinite := range []bool{false, true} {
		for _, sizes := range [][]int{{20, 32, 17, 5}, {300, 160, 140, 5}} {
			batch := sizes[0] / 3
			want := steps(t, Config{Batch: batch, NoPasses: true}, infinite, sizes...)
			for _, keep := range []bool{false, true} {
				got := steps(t, Config{Batch: batch, KeepZeros: keep}, infinite, sizes...)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("%v, zeros kept %v, infinite %v: value %d: %08x without passes, %08x with", sizes, keep, infinite, i, want[i], got[i])
					}
				}
			}
		}
	}
}

// held is memory to bind parameters to.
func held(storage map[*graph.Node][]float32) map[*graph.Node]slab.Span {
	spans := map[*graph.Node]slab.Span{}
	for n, data := range storage {
		spans[n] = slab.Of(data)
	}
	return spans
}
