package plan

// Values that are stored as other types than float32.

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/tensor"
)

func TestInputsOfIntegersAreReadAsFloats(t *testing.T) {
	const rows = 5
	build := func(typed bool) (g *graph.Graph, bytes, ints, out *graph.Node) {
		g = graph.New()
		bytes, ints = g.Input("bytes", tensor.Shape{tensor.Batch, 7}), g.Input("ints", tensor.Shape{tensor.Batch})
		if typed {
			g = graph.New()
			bytes, ints = g.Bytes("bytes", tensor.Shape{tensor.Batch, 7}), g.Input("ints", tensor.Shape{tensor.Batch})
		}
		weights := g.Input("weights", tensor.Shape{7, 3})
		column := ints.Reshape(tensor.Batch, 1)
		moved := graph.Concat(-1, column, column).Reverse(1).SliceAxis(1, 0, 1)
		rows := g.Const([]float32{10, 20, 30}, 3).Gather(moved)
		out = bytes.Float32().MulScalar(1. / 255).MatMul(weights).Relu().Mul(ints.OneHot(3))
		out = graph.Concat(-1, out, column, moved, rows, column.AddScalar(0.5))
		if ints.Integers(1000); typed && !ints.StoreIntegers() {
			t.Fatal("the integers are not stored as such")
		}
		return g, bytes, ints, out
	}
	want := []float32(nil)
	for _, typed := range []bool{false, true} {
		for _, noPasses := range []bool{true, false} {
			g, bytes, ints, out := build(typed)
			p := compile(t, Program{Graph: g, Outputs: []*graph.Node{out}}, Config{Batch: rows, NoPasses: noPasses})
			e := p.Bind(nil)
			for i := range 7 * rows {
				if u := uint8(37 * i); typed {
					e.Bytes(bytes)[i] = u
				} else {
					e.Value(bytes)[i] = float32(u)
				}
			}
			for i := range rows {
				if n := int32(i%3) << (7 * (i / 3)); typed {
					e.Int32s(ints)[i] = n
				} else {
					e.Value(ints)[i] = float32(n)
				}
			}
			if typed && (e.Value(bytes) != nil || e.Int32s(bytes) != nil || e.Bytes(out) != nil) {
				t.Error("memory is given as another type than it is")
			}
			weights := e.Value(g.Nodes()[2])
			for i := range weights {
				weights[i] = float32(i-10) / 8
			}
			e.Compute(nil)
			if c, err := e.FirstNonFinite(nil); c != nil || err != nil {
				t.Errorf("%v %v is not finite", c, err)
			}
			got := slices.Clone(e.Value(out))
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("typed %v, without passes %v: %v, want %v", typed, noPasses, got, want)
			}
		}
	}
}

func TestStoredParametersTakeNoRoomForLongerThanTheyAreRead(t *testing.T) {
	const width, depth = 64, 20
	for _, product := range []bool{true, false} {
		g := graph.New()
		x := g.Input("x", tensor.Shape{tensor.Batch, width})
		storage := map[*graph.Node]slab.Span{}
		for range depth {
			w := g.Stored("w", tensor.Shape{width * width}, graph.BFloat16)
			s := slab.New(width*width, number.BFloat16)
			numbers := make([]float32, width*width)
			for i := range numbers {
				numbers[i] = float32(i%7-3) / 8
			}
			s.All().Write(numbers)
			storage[w] = s.All()
			kernel := w.View(0, tensor.Shape{width, width}).Float32()
			if !product {
				kernel = kernel.MulScalar(0.5) // what reads it is no product
			}
			x = x.MatMul(kernel).Relu()
		}
		program := Program{Graph: g, Outputs: []*graph.Node{x}}
		p := compile(t, program, Config{Batch: 2})
		least := 4 * 2 * width
		most := 3*least + 2*align
		if !product {
			most += 3 * (4*width*width + align) // a copy, what is computed of it, and one level more
		}
		if p.arena > most {
			t.Errorf("read by products %v: the arena has %d bytes, want at most %d", product, p.arena, most)
		}
		if text := p.String(); strings.Contains(text, "cast") == product || !strings.Contains(text, "bfloat16") {
			t.Errorf("read by products %v:\n%s", product, text)
		}
		before := compile(t, program, Config{Batch: 2, NoPasses: true}).Bind(storage)
		after := p.Bind(storage)
		for _, e := range []*Exec{before, after} {
			for i := range e.Value(g.Nodes()[0]) {
				e.Value(g.Nodes()[0])[i] = float32(i%11) / 4
			}
			e.Compute(nil)
		}
		for i, v := range before.Value(x) {
			if math.Float32bits(v) != math.Float32bits(after.Value(x)[i]) {
				t.Fatalf("read by products %v: element %d is %v, without passes %v", product, i, after.Value(x)[i], v)
			}
		}
	}
}

func TestOperandsOfOtherTypesAreAnError(t *testing.T) {
	for want, build := range map[string]func(g *graph.Graph){
		"takes float32, an operand is stored as uint8: Float32 makes it that": func(g *graph.Graph) {
			g.Bytes("x", tensor.Shape{3}).Neg()
		},
		"a parameter is float32, bfloat16 or float16, not int32": func(g *graph.Graph) {
			g.Stored("x", tensor.Shape{3}, graph.Int32)
		},
	} {
		g := graph.New()
		build(g)
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
