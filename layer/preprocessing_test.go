package layer_test

// This file holds the layers that stand before a network to what Keras makes with them: see keras_preprocessing.py.

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// shown returns what a case has under a name: numbers, or texts.
func shown(t *testing.T, c golden.Case, name string) (*tensor.Tensor, bool) {
	t.Helper()
	if x, ok := c.Tensors[name]; ok {
		y, err := tensor.Of(x.Data, x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		return y, true
	}
	text, ok := c.Texts[name]
	if !ok {
		return nil, false
	}
	var rows [][]string
	if err := json.Unmarshal([]byte(text), &rows); err == nil {
		y, err := tensor.FromRows(rows)
		if err != nil {
			t.Fatal(err)
		}
		return y, true
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	y, err := tensor.Of(list)
	if err != nil {
		t.Fatal(err)
	}
	return y, true
}

// parted cuts a tensor as numpy.array_split does.
func parted(t *testing.T, x *tensor.Tensor, n int) []*tensor.Tensor {
	var parts []*tensor.Tensor
	for i, at := 0, 0; i < n; i++ {
		size := x.Dim(0) / n
		if i < x.Dim(0)%n {
			size++
		}
		part, err := x.Rows(at, at+size)
		if err != nil {
			t.Fatal(err)
		}
		parts, at = append(parts, part), at+size
	}
	return parts
}

func TestWhatPrecedesTheNetworkIsKeras(t *testing.T) {
	for _, c := range golden.Load(t, "preprocessing").Cases {
		if _, err := layer.New(c.Class); err != nil {
			continue // of package data
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Name == "fingerprints" {
				t.Skip("see package hash")
			}
			l, err := layer.FromConfig(c.Class, c.Config)
			if err != nil {
				t.Fatal(err)
			}
			if x, ok := shown(t, c, "data"); ok {
				parts := []*tensor.Tensor{x}
				if n, err := strconv.Atoi(c.Texts["batches"]); err == nil {
					parts = parted(t, x, n)
				}
				if err := l.(layer.Adapter).Adapt(parts...); err != nil {
					t.Fatal(err)
				}
			}
			var in []*tensor.Tensor
			for i := 0; ; i++ {
				x, ok := shown(t, c, fmt.Sprint("x", i))
				if !ok {
					break
				}
				in = append(in, x)
			}
			var got []float64
			var shape tensor.Shape
			if h, ok := l.(layer.Host); ok {
				y, err := layer.Transform(h, in...)
				if err != nil {
					t.Fatal(err)
				}
				shape = y.Shape()
				if y, err = y.Cast(tensor.Float64); err == nil {
					got, err = tensor.Data[float64](y)
				}
				if err != nil {
					t.Fatal(err)
				}
			} else {
				got, shape = computed(t, l, in)
			}
			want := c.Tensors["y"]
			if !shape.Equal(want.Shape) {
				t.Fatalf("it has shape %v, Keras's %v", shape, want.Shape)
			}
			for i, w := range want.Data {
				if d := math.Abs(got[i] - float64(w)); !(d <= 2e-6*max(1, math.Abs(float64(w)))) {
					t.Fatalf("number %d is %v, Keras's %v", i, got[i], w)
				}
			}
			checkVocabulary(t, l, c.Texts["vocabulary"])
			if d, ok := l.(*layer.Discretization); ok {
				var boundaries []float32
				for _, b := range d.BinBoundaries {
					boundaries = append(boundaries, float32(b))
				}
				if want := c.Tensors["boundaries"].Data; !slices.Equal(boundaries, want) {
					t.Errorf("the boundaries are %v, Keras's %v", boundaries, want)
				}
			}
		})
	}
}

// computed runs a layer of the graph.
func computed(t *testing.T, l layer.Layer, in []*tensor.Tensor) ([]float64, tensor.Shape) {
	t.Helper()
	var nodes []*layer.Node
	for _, x := range in {
		nodes = append(nodes, layer.Apply(&layer.Input{Shape: x.Shape()[1:]}, nodes[:0]...))
	}
	n, err := layer.NewNetwork(nodes, []*layer.Node{layer.Apply(l, nodes...)})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	c := layer.NewContext(g, false)
	feed := map[*graph.Node][]float64{}
	for i, v := range n.Variables() {
		if err := v.Draw(0, i); err != nil {
			t.Fatal(err)
		}
		for _, x := range v.Value() {
			feed[c.Value(v)] = append(feed[c.Value(v)], float64(x))
		}
	}
	var inputs []*graph.Node
	batch := 0
	for i, x := range nodes {
		node := g.Input(fmt.Sprint("x", i), x.Shape())
		inputs = append(inputs, node)
		batch = in[i].Dim(0)
		wide, err := in[i].Cast(tensor.Float64)
		if err != nil {
			t.Fatal(err)
		}
		if feed[node], err = tensor.Data[float64](wide); err != nil {
			t.Fatal(err)
		}
	}
	y := n.Trace(c, inputs)[0]
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	out, err := ref.Eval(g, batch, feed, y)
	if err != nil {
		t.Fatal(err)
	}
	return out[0], y.Shape().Concrete(batch)
}

func checkVocabulary(t *testing.T, l layer.Layer, text string) {
	t.Helper()
	var got, want any
	switch l := l.(type) {
	case interface{ GetVocabulary() []string }:
		var list []string
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		got, want = l.GetVocabulary(), list
	case interface{ GetVocabulary() []int }:
		var list []int
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		got, want = l.GetVocabulary(), list
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the vocabulary is %q, Keras's %q", got, want)
	}
}

// What a layer has learnt comes back from a file the same.
func TestAVocabularyIsKept(t *testing.T) {
	texts, err := tensor.Of([]string{"b a\u2028 a", "c", "c c\nb"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*layer.TextVectorization{
		{OutputSequenceLength: 3},
		{OutputMode: "tf_idf", MaxTokens: 9, PadToMaxTokens: true},
		{OutputMode: "count", Split: "character", Standardize: "none"}, // tokens that are line breaks
	} {
		if err := l.Adapt(texts); err != nil {
			t.Fatal(err)
		}
		in := layer.Apply(&layer.Input{DType: tensor.String})
		n, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{layer.Apply(l, in)})
		if err != nil {
			t.Fatal(err)
		}
		spec, err := n.Spec()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := spec.Network(); err != nil {
			t.Error(err)
		} else if other := again.Layers()[1].(*layer.TextVectorization); !slices.Equal(other.GetVocabulary(), l.GetVocabulary()) {
			t.Errorf("%q comes back as %q", l.GetVocabulary(), other.GetVocabulary())
		} else {
			a, err1 := layer.Transform(l, texts)
			b, err2 := layer.Transform(other, texts)
			if err1 != nil || err2 != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("it makes %v, %v of the texts after it has come back", err1, err2)
			}
		}
	}
}

func TestALookupThatIsInvertedMakesTextsOfNumbers(t *testing.T) {
	mask := ""
	l := &layer.StringLookup{Vocabulary: []string{"a", "b"}, MaskToken: &mask, Invert: true}
	numbers, err := tensor.Of([]float32{0, 1, 2, 3, 4, -1, 2.5, 3}, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	made, err := layer.Transform(l, numbers)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := tensor.Data[string](made)
	// Keras 3.15.1 gives as much for the integers among them.
	if want := []string{"", "[UNK]", "a", "b", "[UNK]", "[UNK]", "[UNK]", "b"}; err != nil || !slices.Equal(texts, want) || !made.Shape().Equal(tensor.Shape{4, 2}) {
		t.Errorf("%v of shape %v, %v; want %v", texts, made.Shape(), err, want)
	}
	if _, err := layer.Transform(&layer.StringLookup{Invert: true}, numbers); err == nil || !strings.Contains(err.Error(), "it has no vocabulary") {
		t.Errorf("without a vocabulary: %v", err)
	}
	if _, err := layer.Transform(l, made); err == nil || !strings.Contains(err.Error(), "it takes numbers, not texts") {
		t.Errorf("of texts: %v", err)
	}
}

func TestMistakesBeforeTheNetworkAreErrors(t *testing.T) {
	texts := layer.Apply(&layer.Input{Shape: tensor.Shape{1}, DType: tensor.String})
	numbers := layer.Apply(&layer.Input{Shape: tensor.Shape{1}})
	said := func() *layer.StringLookup { return &layer.StringLookup{Vocabulary: []string{"a", "b"}} }
	for _, c := range []struct {
		want string
		n    *layer.Node
	}{
		{"the input is texts, and it takes numbers", layer.Apply(&layer.Dense{Units: 1}, texts)},
		{"it works on the host, ahead of the graph, on inputs", layer.Apply(&layer.Hashing{NumBins: 2}, layer.Apply(&layer.Dense{Units: 1}, numbers))},
		{"it has no vocabulary: call its Adapt", layer.Apply(&layer.StringLookup{}, texts)},
		{"the input is numbers, it takes texts", layer.Apply(said(), numbers)},
		{"the input is texts, it takes integers", layer.Apply(&layer.IntegerLookup{Vocabulary: []int{1}}, texts)},
		{`the vocabulary has "b" twice`, layer.Apply(&layer.StringLookup{Vocabulary: []string{"b", "b"}}, texts)},
		{"the vocabulary is empty", layer.Apply(&layer.StringLookup{Vocabulary: []string{}}, texts)},
		{`the vocabulary has "m", which is a special token`, layer.Apply(&layer.StringLookup{Vocabulary: []string{"a", "m"}, MaskToken: new("m")}, texts)},
		{"MaxTokens is 2 and at most", layer.Apply(&layer.StringLookup{Vocabulary: []string{"a", "b"}, MaxTokens: 2}, texts)},
		{"needs IDFWeights", layer.Apply(&layer.StringLookup{Vocabulary: []string{"a", "b"}, OutputMode: "tf_idf"}, texts)},
		{"OutputMode is \"many\"", layer.Apply(&layer.StringLookup{Vocabulary: []string{"a"}, OutputMode: "many"}, texts)},
		{"with Invert it makes texts", layer.Apply(&layer.StringLookup{Vocabulary: []string{"a"}, Invert: true}, numbers)},
		{"Standardize is \"upper\"", layer.Apply(&layer.TextVectorization{Vocabulary: []string{"a"}, Standardize: "upper"}, texts)},
		{"it needs BinBoundaries, or NumBins", layer.Apply(&layer.Discretization{}, numbers)},
		{"it has not seen data: call its Adapt before", layer.Apply(&layer.Discretization{NumBins: 3}, numbers)},
		{"must be finite and in increasing order, number 1", layer.Apply(&layer.Discretization{BinBoundaries: []float64{1, 0}}, numbers)},
		{"NumTokens is 0", layer.Apply(&layer.CategoryEncoding{}, numbers)},
		{"Mean and Variance must be said together", layer.Apply(&layer.Normalization{Mean: []float64{1}}, numbers)},
		{"Axis is [0]", layer.Apply(&layer.Normalization{Axis: []int{0}}, numbers)},
		{"Mean has 2 numbers", layer.Apply(&layer.Normalization{Mean: []float64{1, 2}, Variance: []float64{1, 2}}, numbers)},
		{"takes at least two inputs", layer.Apply(&layer.HashedCrossing{NumBins: 2}, texts)},
		{"NumBins is 0", layer.Apply(&layer.Hashing{}, texts)},
		{"so the input must be (batch, numbers)", layer.Apply(&layer.Discretization{BinBoundaries: []float64{1}, OutputMode: "count"}, layer.Apply(&layer.Input{Shape: tensor.Shape{2, 2}}))},
		{"it works on the host, ahead of the graph, and can't be a part", layer.Apply(&layer.TimeDistributed{Layer: &layer.Hashing{NumBins: 3}}, layer.Apply(&layer.Input{Shape: tensor.Shape{2, 1}}))},
	} {
		if err := c.n.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if _, err := layer.NewNetwork([]*layer.Node{texts}, []*layer.Node{texts}); err == nil {
		t.Error("texts are an output")
	}
	empty, _ := tensor.Of([]string{})
	none, _ := tensor.Of([]float32{})
	nan, _ := tensor.Of([]float32{float32(math.NaN())})
	words, _ := tensor.Of([]string{"a", "q"})
	for want, err := range map[string]error{
		"there are no data to learn from": (&layer.TextVectorization{}).Adapt(),
		"Vocabulary says":                 said().Adapt(words),
		"there are no data":               (&layer.Normalization{}).Adapt(none),
		"no data to learn":                (&layer.StringLookup{}).Adapt(empty),
		"not string":                      (&layer.StringLookup{}).Adapt(nan),
		"not finite":                      (&layer.Discretization{NumBins: 2}).Adapt(nan),
		"NumBins is 0":                    (&layer.Discretization{}).Adapt(nan),
		"say already":                     (&layer.Normalization{Mean: []float64{0}, Variance: []float64{1}}).Adapt(words),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	strict := said()
	strict.NumOOVIndices = new(0)
	if _, err := layer.Transform(strict, words); err == nil || !strings.Contains(err.Error(), `row 1: "q" is not in the vocabulary`) {
		t.Error(err)
	}
}

func TestAHostIsGivenWhatItTakes(t *testing.T) {
	texts, numbers := layer.Apply(&layer.Input{Shape: tensor.Shape{1}, DType: tensor.String}), layer.Apply(&layer.Input{Shape: tensor.Shape{1}})
	words, values := layer.Values{Texts: []string{"a"}}, layer.Values{Numbers: []float32{1}}
	both := layer.Values{Texts: []string{"a"}, Numbers: []float32{1}}
	out := make([]float32, 1)
	for _, c := range []struct {
		layer layer.Host
		of    []*layer.Node
		in    []layer.Values
		out   []float32
		want  string
	}{
		{&layer.StringLookup{Vocabulary: []string{"a"}}, []*layer.Node{texts}, []layer.Values{values}, out, "takes texts"},
		{&layer.IntegerLookup{Vocabulary: []int{1}}, []*layer.Node{numbers}, []layer.Values{words}, out, "takes integers"},
		{&layer.IntegerLookup{Vocabulary: []int{1}}, []*layer.Node{numbers}, []layer.Values{{Numbers: []float32{0x1p63}}}, out, "row 0: 9.223372e+18 is no integer"},
		{&layer.Hashing{NumBins: 2}, []*layer.Node{texts}, []layer.Values{both}, out, "is values of two kinds"},
		{&layer.HashedCrossing{NumBins: 2}, []*layer.Node{texts, numbers}, []layer.Values{{}, {}}, nil, "takes one value a sample"},
	} {
		if err := layer.Apply(c.layer, c.of...).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.layer.Transform(1, c.in, c.out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.layer, err, c.want)
		}
	}
	if err := layer.Apply(&shapeless{}, numbers).Err(); err == nil || !strings.Contains(err.Error(), "must begin with the batch") {
		t.Error(err)
	}
}

// A shapeless is a Host that doesn't say what it makes.
type shapeless struct{ layer.Hashing }

func (*shapeless) Build(*layer.Builder, []tensor.Shape) error { return nil }
func (*shapeless) Output([]tensor.Shape) tensor.Shape         { return nil }

func TestIntegersThatFloat32DoesNotHoldAreValues(t *testing.T) {
	ints := []int32{1 << 24, 1<<24 + 1, -1<<24 - 1, math.MaxInt32}
	wide, texts := make([]int64, len(ints)), make([]string, len(ints))
	for i, n := range ints {
		wide[i], texts[i] = int64(n), strconv.Itoa(int(n))
	}
	narrow, err := tensor.Of(ints, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	long, err := tensor.Of(wide, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	words, err := tensor.Of(texts, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	made := func(l layer.Host, of *tensor.Tensor) []int32 {
		t.Helper()
		y, err := layer.Transform(l, of)
		if err != nil {
			t.Fatal(err)
		}
		list, err := tensor.Data[int32](y)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	bins := made(&layer.Hashing{NumBins: 1 << 20}, words)
	for _, x := range []*tensor.Tensor{narrow, long} {
		values, err := layer.ValuesOf(x)
		if err != nil || !slices.Equal(values.Integers, ints) {
			t.Errorf("%v: %v, %v", x.DType(), values, err)
		}
		if _, err := values.Float32(); err == nil || !strings.Contains(err.Error(), "value 1 is 16777217, but only integers up to 16777216") {
			t.Errorf("as float32: %v", err)
		}
		if got := made(&layer.Hashing{NumBins: 1 << 20}, x); !slices.Equal(got, bins) {
			t.Errorf("%v: bins %v, of the digits %v", x.DType(), got, bins)
		}
		if got := made(&layer.IntegerLookup{Vocabulary: []int{1 << 24, 1<<24 + 1}}, x); !slices.Equal(got, []int32{1, 2, 0, 0}) {
			t.Errorf("%v: looked up %v", x.DType(), got)
		}
	}
	beyond, err := tensor.Of([]int64{0, 1 << 31})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layer.ValuesOf(beyond); err == nil || !strings.Contains(err.Error(), "value 1 is 2147483648, but integers are at most 2147483647") {
		t.Error(err)
	}
}
