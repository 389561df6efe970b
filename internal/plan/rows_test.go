package plan

// Rows of tables that are named by their indices.

import (
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/tensor"
)

func sameBitsOf(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// What has the same index is added up in the order of a product with the indices' one-hot vectors, also where its sums are cut.
func TestScatterAddIsTheProductOfOneHotVectors(t *testing.T) {
	for _, batch := range []int{1, 30, 4096, 4097, 9000} {
		for _, noPasses := range []bool{true, false} {
			g := graph.New()
			x, at := g.Input("x", tensor.Shape{tensor.Batch, 5}), g.Input("at", tensor.Shape{tensor.Batch})
			sums, product := x.ScatterAdd(at, 7), at.OneHot(7).MatMulT(x, true, false)
			rows, found := x.GroupSum(at, 7), product.Gather(at)
			e := compile(t, Program{Graph: g, Outputs: []*graph.Node{sums, product, rows, found}}, Config{Batch: batch, NoPasses: noPasses}).Bind(nil)
			random(e.Value(x), 3, 1)
			for i := range e.Value(at) {
				e.Value(at)[i] = float32(i * i % 8) // one of which is no index
			}
			e.Compute(nil)
			sameBitsOf(t, "scatter", e.Value(sums), e.Value(product))
			sameBitsOf(t, "group", e.Value(rows), e.Value(found))
		}
	}
}

// Indices and tables are read as they are stored.
func TestRowsAreLookedUpWhereTheyAreStored(t *testing.T) {
	const rows, width, count = 9, 3, 6
	for _, kind := range []number.Kind{number.Float32, number.BFloat16, number.Float16} {
		for _, dtype := range []graph.DType{graph.Float32, graph.Int32, graph.Uint8} {
			var want []float32
			for _, noPasses := range []bool{true, false} {
				g := graph.New()
				at := g.Input("at", tensor.Shape{tensor.Batch})
				if dtype == graph.Uint8 {
					at = g.Bytes("at", tensor.Shape{tensor.Batch})
				}
				param := g.Stored("w", tensor.Shape{rows * width}, map[number.Kind]graph.DType{number.Float32: graph.Float32, number.BFloat16: graph.BFloat16, number.Float16: graph.Float16}[kind])
				table := param.View(0, tensor.Shape{rows, width}).Float32()
				indices := at.Float32().Integers(rows)
				if dtype == graph.Int32 {
					at.StoreIntegers()
				}
				y := table.Gather(indices)
				sums := y.MulScalar(2).GroupSum(indices, rows)
				all := slab.New(rows*width, kind)
				values := make([]float32, rows*width)
				random(values, 1, 1)
				all.All().Write(values)
				p := compile(t, Program{Graph: g, Outputs: []*graph.Node{y, sums}}, Config{Batch: count, NoPasses: noPasses})
				if text := p.String(); !noPasses && strings.Contains(text, "cast") {
					t.Errorf("%v, %v: something is converted:\n%s", kind, dtype, text)
				}
				if n := at.Attr().Domain.N; n != rows {
					t.Errorf("%v: the domain of the indices is %d", dtype, n)
				}
				e := p.Bind(map[*graph.Node]slab.Span{param: all.All()})
				for i := range count {
					switch index := i * 5 % rows; dtype {
					case graph.Int32:
						e.Int32s(at)[i] = int32(index)
					case graph.Uint8:
						e.Bytes(at)[i] = uint8(index)
					default:
						e.Value(at)[i] = float32(index)
					}
				}
				e.Compute(nil)
				got := append(append([]float32{}, e.Value(y)...), e.Value(sums)...)
				if want == nil {
					want = got
				}
				sameBitsOf(t, dtype.String(), got, want)
			}
		}
	}
}

// An update of rows changes those that are named, from values of before.
func TestAnUpdateOfRowsLeavesTheOthersAlone(t *testing.T) {
	const rows, width = 6, 2
	for _, noPasses := range []bool{true, false} {
		g := graph.New()
		at := g.Input("at", tensor.Shape{tensor.Batch, 2})
		param := g.Param("w", tensor.Shape{2 + rows*width})
		table, other := param.View(2, tensor.Shape{rows, width}), param.View(0, tensor.Shape{2})
		flipped := at.Reverse(1)
		p := compile(t, Program{Graph: g, Updates: []Update{
			{Param: table, Value: table.Gather(flipped).MulScalar(10), Rows: flipped},
			{Param: other, Value: other.Add(table.Gather(at).Sum())},
		}}, Config{Batch: 2, NoPasses: noPasses})
		all := slab.New(2+rows*width, number.Float32)
		values := make([]float32, 2+rows*width)
		for i := range values {
			values[i] = float32(i)
		}
		all.All().Write(values)
		e := p.Bind(map[*graph.Node]slab.Span{param: all.All()})
		copy(e.Value(at), []float32{1, 4, 1, 7}) // 7 is no row
		e.Compute(nil)
		e.Update(nil)
		want := []float32{0 + 4 + 5 + 10 + 11 + 4 + 5, 1 + 4 + 5 + 10 + 11 + 4 + 5, 2, 3, 40, 50, 6, 7, 8, 9, 100, 110, 12, 13}
		sameBitsOf(t, "the parameter", all.All().View(), want)
	}
}

// Integers that a float32 can't tell apart name other rows, also after they were moved, and update other rows.
func TestIntegersBeyondFloat32NameTheirRows(t *testing.T) {
	const rows = 1<<24 + 8
	names := []int32{1<<24 + 1, 1<<24 + 3, 1 << 24, 1<<24 + 1}
	for _, noPasses := range []bool{true, false} {
		g := graph.New()
		at, x := g.Input("at", tensor.Shape{tensor.Batch, 2}), g.Input("x", tensor.Shape{tensor.Batch, 2})
		indices := at.Transpose(1, 0).Integers(rows).Transpose(1, 0)
		at.StoreIntegers()
		sums := x.GroupSum(indices, rows)
		param := g.Param("w", tensor.Shape{rows})
		p := compile(t, Program{Graph: g, Outputs: []*graph.Node{sums, at}, Updates: []Update{
			{Param: param, Value: param.Gather(indices).Add(sums), Rows: indices},
		}}, Config{Batch: 2, NoPasses: noPasses})
		all := slab.New(rows, number.Float32)
		bound := p.Bind(map[*graph.Node]slab.Span{param: all.All()})
		copy(bound.Int32s(at), names)
		copy(bound.Value(x), []float32{1, 2, 4, 8})
		bound.Compute(nil)
		bound.Update(nil)
		sameBitsOf(t, "the sums", bound.Value(sums), []float32{9, 2, 4, 9})
		sameBitsOf(t, "the integers as numbers", bound.Value(at), []float32{1 << 24, 1<<24 + 4, 1 << 24, 1 << 24})
		sameBitsOf(t, "the rows", all.All().View()[1<<24:], []float32{4, 9, 0, 2, 0, 0, 0, 0})
	}
}
