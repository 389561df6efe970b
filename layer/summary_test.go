package layer_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

func listing(t *testing.T) *layer.Network {
	t.Helper()
	n, err := chain(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// branched is branched_model of internal/golden/keras_golden.py.
func branched(t *testing.T) *layer.Network {
	t.Helper()
	left := layer.Apply(&layer.Input{Name: "left", Shape: tensor.Shape{16}})
	right := layer.Apply(&layer.Input{Name: "right", Shape: tensor.Shape{16}})
	shared := &layer.Dense{Units: 32, Activation: activation.ReLU{}}
	a, b := layer.Apply(shared, left), layer.Apply(shared, right)
	joined := layer.Apply(&layer.Concatenate{}, a, b)
	hidden := layer.Apply(&layer.Dense{Units: 64, Name: "a_layer_with_quite_a_long_name_indeed"}, joined)
	added := layer.Apply(&layer.Add{}, joined, hidden)
	frozen := layer.Apply(&layer.Dense{Units: 8, Frozen: true}, added)
	kind := layer.Apply(&layer.Dense{Units: 3, Activation: activation.Softmax{}, Name: "kind"}, frozen)
	size := layer.Apply(&layer.Dense{Units: 1, Name: "size"}, added)
	n, err := layer.NewNetwork([]*layer.Node{left, right}, []*layer.Node{kind, size})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSummaryIsKerasOwnText(t *testing.T) {
	file := golden.Load(t, "texts")
	text := func(model, name string) string { return file.Case(t, model).Texts[name] }
	listing, branched := listing(t), branched(t)
	plain := layer.SummaryConfig{Sequential: true}
	forked := layer.SummaryConfig{Model: "branched"}
	for _, test := range []struct {
		model, name string
		n           *layer.Network
		cfg         layer.SummaryConfig
	}{
		{"listing", "summary", listing, plain},
		{"listing", "summary trained", listing, layer.SummaryConfig{Sequential: true, Optimizer: 2*269322 + 2}},
		{"branched", "summary", branched, forked},
	} {
		check(t, test.n, test.cfg, text(test.model, test.name))
	}
	for name, width := range map[string]int{"summary width 65": 65, "summary width 80": 80, "summary width 100": 100, "summary width 120": 120} {
		plain.Width, forked.Width = width, width
		check(t, listing, plain, text("listing", name))
		check(t, branched, forked, text("branched", name))
	}
	plain = layer.SummaryConfig{Sequential: true, Columns: 84}
	forked = layer.SummaryConfig{Model: "branched", Columns: 84}
	check(t, listing, plain, text("listing", "summary width 80"))
	check(t, branched, forked, text("branched", "summary width 80"))
	plain = layer.SummaryConfig{Sequential: true, Trainable: true}
	forked = layer.SummaryConfig{Model: "branched", Trainable: true, Columns: 120}
	check(t, listing, plain, text("listing", "summary with trainable"))
	check(t, branched, forked, text("branched", "summary with trainable"))
	for name, width := range map[string]int{"summary with trainable, width 50": 50, "summary with trainable, width 60": 60, "summary with trainable, width 75": 75} {
		plain.Width, forked.Width = width, width
		check(t, listing, plain, text("listing", name))
		check(t, branched, forked, text("branched", name))
	}
}

func check(t *testing.T, n *layer.Network, cfg layer.SummaryConfig, want string) {
	t.Helper()
	var b strings.Builder
	if err := layer.Summary(&b, n, cfg); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(b.String()) != strings.TrimSpace(want) {
		t.Errorf("%+v gives\n%swant\n%s", cfg, b.String(), want)
	}
}

// numbered gives the layers the names that Keras 2.2 would: dense_1, dense_2.
func numbered(t *testing.T, n *layer.Network) *layer.Network {
	t.Helper()
	used := map[string]int{}
	for _, l := range n.Layers() {
		if _, ok := l.(*layer.Input); ok || layer.Name(l) != "" {
			continue
		}
		name := strings.ToLower(layer.Class(l))
		used[name]++
		reflect.ValueOf(l).Elem().FieldByName("Name").SetString(fmt.Sprintf("%s_%d", name, used[name]))
	}
	n, err := layer.NewNetwork(n.Inputs(), n.Outputs())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whoever reads a name in an error finds it in the summary.
func TestSummariesNameLayersAsErrorsDo(t *testing.T) {
	n := branched(t)
	for _, style := range []layer.SummaryStyle{layer.Keras3, layer.Keras2} {
		var b strings.Builder
		if err := layer.Summary(&b, n, layer.SummaryConfig{Style: style, Width: 200}); err != nil {
			t.Fatal(err)
		}
		for _, l := range n.Layers() {
			if row := " " + n.Name(l) + " (" + layer.Class(l) + ") "; !strings.Contains(strings.ReplaceAll("\n"+b.String(), "\n", " "), row) {
				t.Errorf("style %d has no%sin\n%s", style, row, b.String())
			}
		}
	}
}

func TestSummaryInTheOldStyleIsTheTextOfKeras2(t *testing.T) {
	file := golden.Load(t, "keras2")
	for name, width := range map[string]int{"summary": 0, "summary width 80": 80, "summary width 120": 120} {
		for model, n := range map[string]*layer.Network{"listing": listing(t), "branched": branched(t)} {
			n = numbered(t, n)
			cfg := layer.SummaryConfig{Style: layer.Keras2, Sequential: model == "listing", Width: width}
			check(t, n, cfg, file.Case(t, "texts of "+model).Texts[name])
		}
	}
}

// As in Keras, whose shapes have the size of the batches where an input says it.
func TestASummaryShowsTheSizeOfBatchesThatIsFixed(t *testing.T) {
	n, err := chain(&layer.Input{Shape: tensor.Shape{3, 2}, BatchSize: 4}, &layer.LSTM{Units: 5, Stateful: true}, &layer.Dense{Units: 6})
	if err != nil {
		t.Fatal(err)
	}
	for _, style := range []layer.SummaryStyle{layer.Keras3, layer.Keras2} {
		var b strings.Builder
		if err := layer.Summary(&b, n, layer.SummaryConfig{Style: style}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"(4, 3, 2)", "(4, 5)", "(4, 6)"} {
			if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "None") {
				t.Errorf("no %s in\n%s", want, &b)
			}
		}
	}
	if x := layer.Apply(&layer.Input{Shape: tensor.Shape{2}, BatchSize: -1}); x.Err() == nil || !strings.Contains(x.Err().Error(), "BatchSize is -1, it must be positive, or 0 for any") {
		t.Error(x.Err())
	}
}
