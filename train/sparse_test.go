package train_test

// Tables of which a batch names a few rows are trained at the cost of these, with the bits of the whole.

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

const words, texts, steps = 3000, 8, 5 // of a vocabulary, of a batch, of a text

// A lookUp is a network that reads texts, with what trains it.
type lookUp struct {
	net  *layer.Network
	rule *train.Optimizer
	step *train.Step
}

func (l *lookUp) table() *layer.Variable { return l.net.Variables()[0] }

// newLookUp makes one whose table is looked up in that many texts.
func newLookUp(t testing.TB, rule optimizer.Optimizer, table *layer.Embedding, inputs int) *lookUp {
	t.Helper()
	var in, read []*layer.Node
	for range inputs {
		x := layer.Apply(&layer.Input{Shape: tensor.Shape{steps}, DType: tensor.Int32})
		in, read = append(in, x), append(read, layer.Apply(&layer.SimpleRNN{Units: 3}, layer.Apply(table, x)))
	}
	y := read[0]
	if inputs > 1 {
		y = layer.Apply(&layer.Concatenate{}, read...)
	}
	net, err := layer.NewNetwork(in, []*layer.Node{layer.Apply(&layer.Dense{Units: 2}, y)})
	if err != nil {
		t.Fatal(err)
	}
	l := &lookUp{net: net, rule: train.NewOptimizer(rule)}
	l.step = step(t, func(s *train.StepBuilder) {
		var x []*graph.Node
		for i := range inputs {
			x = append(x, s.Input(fmt.Sprint("words", i), tensor.Shape{batch, steps}))
		}
		out, penalty := s.Network(net, true, x...)
		loss := out[0].Square().Mean()
		if penalty != nil {
			loss = loss.Add(penalty)
		}
		s.Minimize(loss, l.rule, net.TrainableVariables()...)
	})
	return l
}

// batchOf names words; some come often, and the first is no word.
func batchOf(seed, inputs, among int) data.Batch {
	var b data.Batch
	for k := range inputs {
		x := make([]float32, texts*steps)
		for i := range x {
			x[i] = float32((seed*977 + k*31 + i*i*131) % among)
			if i%7 == 3 {
				x[i] = float32(i % 2)
			}
		}
		b.X = append(b.X, x)
	}
	return b
}

func bitsOf(lists ...[]float32) []uint32 {
	var bits []uint32
	for _, list := range lists {
		for _, v := range list {
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

// state returns the bits of all weights and slots.
func (l *lookUp) state() []uint32 {
	var bits []uint32
	for _, v := range l.net.Variables() {
		bits = append(bits, bitsOf(v.Value())...)
	}
	slots, _ := l.rule.Prepare(l.net.Variables()...)
	for _, v := range l.net.Variables() {
		for _, s := range slots {
			if s.Variable == v {
				bits = append(bits, bitsOf(s.Value())...)
			}
		}
	}
	return bits
}

// whole turns the training of rows off, and changes no bit: its limit is beyond all norms, and its powers of two are exact.
var whole = optimizer.Clip{GlobalNorm: 1 << 40}

func TestRowsAreTrainedWithTheBitsOfTheWholeTable(t *testing.T) {
	for name, pair := range map[string][2]optimizer.Optimizer{
		"SGD":         {optimizer.SGD{LearningRate: 0.1}, optimizer.SGD{LearningRate: 0.1, Clip: whole}},
		"Adagrad":     {optimizer.Adagrad{LearningRate: 0.1}, optimizer.Adagrad{LearningRate: 0.1, Clip: whole}},
		"a clip":      {optimizer.SGD{LearningRate: 0.1, Clip: optimizer.Clip{Value: 0x1p-9}}, nil},
		"of no words": {optimizer.SGD{LearningRate: 0.1}, optimizer.SGD{LearningRate: 0.1, Clip: whole}},
	} {
		for inputs := 1; inputs <= 2; inputs++ {
			table := func() *layer.Embedding {
				return &layer.Embedding{InputDim: words, OutputDim: 3, MaskZero: name == "of no words"}
			}
			rows := newLookUp(t, pair[0], table(), inputs)
			if pair[1] == nil { // a moving average that is never read makes it whole
				pair[1] = optimizer.SGD{LearningRate: 0.1, Clip: optimizer.Clip{Value: 0x1p-9}, EMA: optimizer.EMA{On: true}}
			}
			all := newLookUp(t, pair[1], table(), inputs)
			for i := range 4 {
				b := batchOf(i, inputs, words)
				run(t, rows.step, b)
				run(t, all.step, b)
			}
			for i, v := range rows.net.Variables() {
				if !slices.Equal(bitsOf(v.Value()), bitsOf(all.net.Variables()[i].Value())) {
					t.Errorf("%s, %d inputs: %s has other bits", name, inputs, v.Path)
				}
			}
			plan := func(l *lookUp) string {
				text, err := l.step.Plan(texts)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			if text := plan(rows); !strings.Contains(text, "groupsum") || strings.Contains(text, "scatteradd") || !strings.Contains(text, "to rows") {
				t.Errorf("%s, %d inputs: the table is trained as a whole:\n%s", name, inputs, text)
			}
			if text := plan(all); !strings.Contains(text, "scatteradd") || strings.Contains(text, "to rows") {
				t.Errorf("%s, %d inputs: the table isn't trained as a whole:\n%s", name, inputs, text)
			}
		}
	}
}

// Where each batch names all rows, a lazy rule is the rule itself.
func TestALazyRuleIsTheRuleForRowsThatAreNamed(t *testing.T) {
	const few = 4
	for _, pair := range [][2]optimizer.Optimizer{
		{optimizer.Adam{Lazy: true}, optimizer.Adam{}},
		{optimizer.Adam{Lazy: true, AMSGrad: true, Clip: optimizer.Clip{Norm: 0.001}}, optimizer.Adam{AMSGrad: true, Clip: optimizer.Clip{Norm: 0.001}}},
		{optimizer.AdamW{Lazy: true}, optimizer.AdamW{}},
		{optimizer.Adamax{Lazy: true}, optimizer.Adamax{}},
		{optimizer.Nadam{Lazy: true}, optimizer.Nadam{}},
		{optimizer.RMSprop{Lazy: true, Momentum: 0.5, Centered: true}, optimizer.RMSprop{Momentum: 0.5, Centered: true}},
		{optimizer.SGD{Lazy: true, Momentum: 0.9, Nesterov: true}, optimizer.SGD{Momentum: 0.9, Nesterov: true}},
		{optimizer.Adam{Lazy: true}, optimizer.Adam{Clip: whole}},
	} {
		table := func() *layer.Embedding { return &layer.Embedding{InputDim: few, OutputDim: 3} }
		lazy, dense := newLookUp(t, pair[0], table(), 1), newLookUp(t, pair[1], table(), 1)
		for i := range 4 {
			b := batchOf(i, 1, few)
			copy(b.X[0], []float32{0, 1, 2, 3})
			run(t, lazy.step, b)
			run(t, dense.step, b)
		}
		if !slices.Equal(lazy.state(), dense.state()) {
			t.Errorf("%#v: other bits than those of the rule itself", pair[0])
		}
	}
}

// Rows that a batch doesn't name stay, with all that the rule keeps of them.
func TestALazyRuleLeavesOtherRowsAlone(t *testing.T) {
	l := newLookUp(t, optimizer.AdamW{Lazy: true}, &layer.Embedding{InputDim: 6, OutputDim: 3}, 1)
	first := batchOf(0, 1, 6)
	copy(first.X[0], []float32{0, 1, 2, 3, 4, 5})
	run(t, l.step, first)
	slots, err := l.rule.Prepare(l.table())
	if err != nil {
		t.Fatal(err)
	}
	rows := func(from int) []uint32 {
		lists := [][]float32{l.table().Value()[3*from:][:3]}
		for _, s := range slots {
			if s.Variable == l.table() {
				lists = append(lists, s.Value()[3*from:][:3])
			}
		}
		return bitsOf(lists...)
	}
	before := [][]uint32{rows(0), rows(1), rows(2), rows(3), rows(4), rows(5)}
	run(t, l.step, batchOf(1, 1, 2))
	for row, was := range before {
		if stays := slices.Equal(rows(row), was); stays != (row >= 2) {
			t.Errorf("row %d stays: %v", row, stays)
		}
	}
}

// What needs more than the rows that are named has it.
func TestATableThatIsMoreThanLookedUpIsTrainedAsAWhole(t *testing.T) {
	for name, l := range map[string]*lookUp{
		"a regularizer": newLookUp(t, optimizer.SGD{}, &layer.Embedding{InputDim: words, OutputDim: 3, EmbeddingsRegularizer: regularizer.L2{L2: 0.1}}, 1),
		"a few words":   newLookUp(t, optimizer.SGD{}, &layer.Embedding{InputDim: 10, OutputDim: 3}, 1),
		"momentum":      newLookUp(t, optimizer.SGD{Momentum: 0.5}, &layer.Embedding{InputDim: words, OutputDim: 3}, 1),
		"weight decay":  newLookUp(t, optimizer.SGD{WeightDecay: 0.5}, &layer.Embedding{InputDim: words, OutputDim: 3}, 1),
		"accumulation":  newLookUp(t, optimizer.SGD{GradientAccumulationSteps: 2}, &layer.Embedding{InputDim: words, OutputDim: 3}, 1),
		"a scaled loss": newLookUp(t, optimizer.SGD{LossScaleFactor: 8}, &layer.Embedding{InputDim: words, OutputDim: 3}, 1),
	} {
		text, err := l.step.Plan(texts)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "to rows") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

// A step over tables of up to a million rows: go test -bench Table -benchtime 20x ./train
func BenchmarkTable(b *testing.B) {
	const width, texts, length = 64, 32, 20
	for _, c := range []struct {
		name string
		rule optimizer.Optimizer
	}{
		{"SGD", optimizer.SGD{}},
		{"SGD dense", optimizer.SGD{Clip: whole}},
		{"Adam lazy", optimizer.Adam{Lazy: true}},
		{"Adam dense", optimizer.Adam{}},
	} {
		for _, rows := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/rows=%d", c.name, rows), func(b *testing.B) {
				in := layer.Apply(&layer.Input{Shape: tensor.Shape{length}})
				y := layer.Apply(&layer.GlobalAveragePooling1D{}, layer.Apply(&layer.Embedding{InputDim: rows, OutputDim: width}, in))
				net, err := layer.NewNetwork([]*layer.Node{in}, []*layer.Node{layer.Apply(&layer.Dense{Units: 1}, y)})
				if err != nil {
					b.Fatal(err)
				}
				if err := slab.Store(net.Variables()...); err != nil {
					b.Fatal(err)
				}
				s := step(b, func(s *train.StepBuilder) {
					out, _ := s.Network(net, true, s.Input("words", tensor.Shape{batch, length}))
					s.Minimize(out[0].Square().Mean(), train.NewOptimizer(c.rule), net.TrainableVariables()...)
				})
				x := make([]float32, texts*length)
				for i := range x {
					x[i] = float32(i * 7919 * 31 % rows)
				}
				run(b, s, data.Batch{X: [][]float32{x}})
				b.ResetTimer()
				for range b.N {
					run(b, s, data.Batch{X: [][]float32{x}})
				}
			})
		}
	}
}
