package metric_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/tensor"
)

// configured returns the metric that the golden case is of.
func configured(t *testing.T, c golden.Case) metric.Metric {
	t.Helper()
	switch c.Config["fn"] {
	case "huber":
		return metric.OfLoss(loss.Huber{Delta: c.Config["delta"].(float64)})
	case "sparse_categorical_crossentropy":
		return metric.OfLoss(loss.SparseCategoricalCrossentropy{IgnoreClass: new(int(c.Config["ignore_class"].(float64)))})
	}
	holder := struct{ M metric.Metric }{}
	member := map[string]any{"class_name": c.Class, "config": c.Config}
	if err := config.Decode(map[string]any{"m": member}, &holder); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return holder.M
}

// update adds what a batch has to the totals, as the kernels compute it.
func update(t *testing.T, m metric.Metric, totals [][]float64, yTrue, yPred golden.Tensor, weight *golden.Tensor) [][]float64 {
	t.Helper()
	g := graph.New()
	feed := map[*graph.Node][]float32{}
	input := func(x golden.Tensor) *graph.Node {
		shape := tensor.Shape(x.Shape).Clone()
		shape[0] = tensor.Batch
		n := g.Input("", shape)
		feed[n] = x.Data
		return n
	}
	var w *graph.Node
	if weight != nil {
		w = input(*weight)
	}
	nodes := m.Update(input(yTrue), input(yPred), w)
	for _, n := range nodes {
		if n.Shape().HasBatch() {
			t.Fatalf("%s: a total has the shape %v", m.Name(), n.Shape())
		}
	}
	p, err := plan.Compile(plan.Program{Graph: g, Outputs: nodes}, plan.Config{Batch: yTrue.Shape[0]})
	if err != nil {
		t.Fatal(err)
	}
	e := p.Bind(nil)
	for n, x := range feed {
		copy(e.Value(n), x)
	}
	e.Compute(par.Default())
	if totals == nil {
		totals = make([][]float64, len(nodes))
	}
	for i, n := range nodes {
		for j, x := range e.Value(n) {
			if len(totals[i]) <= j {
				totals[i] = append(totals[i], 0)
			}
			totals[i][j] += float64(x)
		}
	}
	return totals
}

func TestEveryMetricIsComparedWithKeras(t *testing.T) {
	compared := map[string]bool{"accuracy": true} // of Keras it is three others
	for _, c := range golden.Load(t, "metrics").Cases {
		compared[c.Class] = true
	}
	for _, name := range metric.Names() {
		m, err := metric.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if !compared[config.Class(m)] {
			t.Errorf("%s is not", name)
		}
	}
}

func TestEveryMetricOfKerasIsThere(t *testing.T) {
	for _, name := range strings.Fields(golden.Load(t, "names").Case(t, "metrics").Texts["names"]) {
		if _, err := metric.ByName(name); err != nil {
			t.Error(err)
		}
	}
}

// Keras's results stay right over batches of unequal size, and so do ours.
func TestRunningResultsAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.Load(t, "metrics").Cases {
		compare(t, c)
	}
}

func TestFreshRunningResultsAreThoseOfKeras(t *testing.T) {
	for _, c := range golden.LoadFresh(t, "metrics").Cases {
		compare(t, c)
	}
}

func compare(t *testing.T, c golden.Case) {
	t.Helper()
	results, ok := c.Tensors["results"]
	if !ok {
		return
	}
	m := configured(t, c)
	var totals [][]float64
	width := len(results.Data) / results.Shape[0]
	for i := range results.Shape[0] {
		var weight *golden.Tensor
		if w, ok := c.Tensors[fmt.Sprintf("sample_weight %d", i)]; ok {
			weight = &w
		}
		totals = update(t, m, totals, c.Tensors[fmt.Sprintf("y_true %d", i)], c.Tensors[fmt.Sprintf("y_pred %d", i)], weight)
		got := []float64{m.Result(totals)}
		if width > 1 {
			got = m.(metric.Vector).Results(totals)
		}
		for k, want := range results.Data[i*width:][:width] {
			if w := float64(want); !(math.Abs(got[k]-w) <= 3e-6*math.Abs(w)+1e-6 || math.IsNaN(got[k]) && math.IsNaN(w)) {
				t.Errorf("%s: result %d after batch %d is %v, want %v", c.Name, k, i, got[k], want)
			}
		}
	}
}

func TestTheConfusionMatrixIsThatOfKeras(t *testing.T) {
	c := golden.Load(t, "metrics").Case(t, "confusion matrix")
	m := metric.ConfusionMatrix{NumClasses: 5}
	totals := update(t, m, nil, c.Tensors["y_true"], c.Tensors["y_pred"], nil)
	for i, want := range c.Tensors["matrix"].Data {
		if got := m.Results(totals)[i]; got != float64(want) {
			t.Errorf("entry %d is %v, want %v", i, got, want)
		}
	}
	if got := m.Result(totals); got <= 0 || got >= 1 {
		t.Errorf("the share that is right is %v", got)
	}
}

func TestClassesMayLieAlongAnyAxis(t *testing.T) {
	// Two images of 2 by 2, of three classes: along the last axis, and along the first of an image.
	last := golden.Tensor{Shape: []int{2, 2, 2, 3}, Data: make([]float32, 24)}
	first := golden.Tensor{Shape: []int{2, 3, 2, 2}, Data: make([]float32, 24)}
	truth := golden.Tensor{Shape: []int{2, 2, 2}, Data: []float32{0, 1, 2, 0, 1, 1, 2, 0}}
	for i := range 8 {
		for k := range 3 {
			v := float32((i*i*5 + k*(i+3)) % 7)
			last.Data[i*3+k], first.Data[i/4*12+k*4+i%4] = v, v
		}
	}
	want := metric.MeanIoU{NumClasses: 3, DenseYPred: true}
	got := metric.MeanIoU{NumClasses: 3, DenseYPred: true, Axis: 1}
	a, b := want.Result(update(t, want, nil, truth, last, nil)), got.Result(update(t, got, nil, truth, first, nil))
	if a != b || a == 0 {
		t.Errorf("along the last axis %v, along the first %v", a, b)
	}
}

func TestAccuracyChoosesItsFormByTheShapes(t *testing.T) {
	for _, test := range []struct {
		yTrue, yPred golden.Tensor
		want         float64
	}{
		{golden.Tensor{Shape: []int{2, 1}, Data: []float32{1, 0}}, golden.Tensor{Shape: []int{2, 1}, Data: []float32{0.7, 0.7}}, 0.5},
		{golden.Tensor{Shape: []int{2}, Data: []float32{1, 0}}, golden.Tensor{Shape: []int{2, 1}, Data: []float32{0.7, 0.2}}, 1},
		{golden.Tensor{Shape: []int{2}, Data: []float32{2, 1}}, golden.Tensor{Shape: []int{2, 3}, Data: []float32{0.1, 0.2, 0.7, 0.5, 0.3, 0.2}}, 0.5},
		{golden.Tensor{Shape: []int{2, 1}, Data: []float32{2, 0}}, golden.Tensor{Shape: []int{2, 3}, Data: []float32{0.1, 0.2, 0.7, 0.5, 0.3, 0.2}}, 1},
		{golden.Tensor{Shape: []int{2, 3}, Data: []float32{0, 0, 1, 0, 1, 0}}, golden.Tensor{Shape: []int{2, 3}, Data: []float32{0.1, 0.2, 0.7, 0.5, 0.3, 0.2}}, 0.5},
	} {
		m := metric.Accuracy{}
		if got := m.Result(update(t, m, nil, test.yTrue, test.yPred, nil)); got != test.want {
			t.Errorf("targets %v and outputs %v give %v, want %v", test.yTrue, test.yPred, got, test.want)
		}
	}
}

func TestOfEqualOutputsTheFirstAreAmongTheGreatest(t *testing.T) {
	m := metric.Recall{TopK: 2}
	y := golden.Tensor{Shape: []int{1, 4}, Data: []float32{1, 1, 1, 1}}
	equal := golden.Tensor{Shape: []int{1, 4}, Data: []float32{0.5, 0.5, 0.5, 0.5}}
	if got := m.Result(update(t, m, nil, y, equal, nil)); got != 0.5 {
		t.Errorf("two of four are found: %v", got)
	}
}

func TestWhereNothingIsMissedTheCountOfTheMissedIsZero(t *testing.T) {
	n := 130
	y, p, w := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range y {
		w[i] = float32(math.Mod(float64((i+1)*(i+1))*0.6180339887498949, 1))
		if p[i] = 0.2; i%3 > 0 {
			y[i], p[i] = 1, 0.9
		}
	}
	column := func(x []float32) golden.Tensor { return golden.Tensor{Shape: []int{n, 1}, Data: x} }
	weight := golden.Tensor{Shape: []int{n}, Data: w}
	for want, metrics := range map[float64][]metric.Metric{
		0: {metric.FalseNegatives{}, metric.FalsePositives{}},
		1: {
			metric.PrecisionAtRecall{Recall: 1},
			metric.RecallAtPrecision{Precision: 1},
			metric.SpecificityAtSensitivity{Sensitivity: 1},
			metric.SensitivityAtSpecificity{Specificity: 1},
			metric.Precision{},
			metric.Recall{},
		},
	} {
		for _, m := range metrics {
			if got := m.Result(update(t, m, nil, column(y), column(p), &weight)); got != want {
				t.Errorf("%s is %v, want %v", m.Name(), got, want)
			}
		}
	}
}

func TestTheR2ScoreOfTargetsFarFromZeroIsPrecise(t *testing.T) {
	for _, offset := range []float64{0, 1e3, 1e5} {
		m := metric.Named("fit", metric.R2Score{})
		var totals [][]float64
		var y, p, w []float64
		for _, n := range []int{40, 7, 129, 1} {
			batch := [3]golden.Tensor{{Shape: []int{n, 1}}, {Shape: []int{n, 1}}, {Shape: []int{n}}}
			for i := range n {
				k := float64(len(y))
				values := [3]float32{float32(offset + 0.75*k - float64(i)), float32(offset + 0.5*k), float32(i%4) / 2}
				for j, v := range values {
					batch[j].Data = append(batch[j].Data, v)
				}
				y, p, w = append(y, float64(values[0])), append(p, float64(values[1])), append(w, float64(values[2]))
			}
			totals = update(t, m, totals, batch[0], batch[1], &batch[2])
		}
		mean, all, about, left := 0.0, 0.0, 0.0, 0.0
		for i := range y {
			mean, all = mean+w[i]*y[i], all+w[i]
		}
		mean /= all
		for i := range y {
			about, left = about+w[i]*(y[i]-mean)*(y[i]-mean), left+w[i]*(y[i]-p[i])*(y[i]-p[i])
		}
		if got, want := m.Result(totals), 1-left/about; math.Abs(got-want) > 1e-6 {
			t.Errorf("offset %v: %v, want %v", offset, got, want)
		}
	}
}

func TestNothingSeenGivesNumbersNotPanics(t *testing.T) {
	for _, name := range metric.Names() {
		m, err := metric.ByName(name)
		if err != nil || m.Name() != name {
			t.Errorf("%s: %v, %v", name, m, err)
			continue
		}
		switch name {
		case "accuracy", "io_u", "mean_io_u", "one_hot_io_u", "one_hot_mean_io_u":
			continue // need more to be said
		}
		g := graph.New()
		y := g.Input("y", tensor.Shape{tensor.Batch, 3})
		nodes := m.Update(y, y, nil)
		if strings.HasPrefix(name, "sparse_") {
			g = graph.New()
			nodes = m.Update(g.Input("y", tensor.Shape{tensor.Batch}), g.Input("p", tensor.Shape{tensor.Batch, 3}), nil)
		}
		if err := g.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var totals [][]float64
		for _, n := range nodes {
			totals = append(totals, make([]float64, n.Shape().Numel()))
		}
		m.Result(totals)
	}
}

func TestFieldsOutOfRangeAreErrors(t *testing.T) {
	for want, m := range map[string]metric.Metric{
		`unknown Curve "ROK": the known ones are ROC, PR`:      metric.AUC{Curve: "ROK"},
		`unknown SummationMethod "sum"`:                        metric.AUC{SummationMethod: "sum"},
		`2 LabelWeights for outputs of shape (None, 3)`:        metric.AUC{LabelWeights: []float64{1, 2}},
		`unknown Average "all": the known ones are macro`:      metric.F1Score{Average: "all"},
		`unknown ClassAggregation "none": the known ones are `: metric.R2Score{ClassAggregation: "none"},
		`confusion_matrix: needs two classes or more, got 1`:   metric.ConfusionMatrix{NumClasses: 1},
		`mean_io_u: NumClasses is 0: it must be said`:          metric.MeanIoU{},
		`io_u: no TargetClassIDs: say the classes that`:        metric.IoU{NumClasses: 3},
		`one_hot_io_u: no TargetClassIDs: say the`:             metric.OneHotIoU{NumClasses: 3},
		`binary_io_u: no TargetClassIDs: say the`:              metric.BinaryIoU{TargetClassIDs: []int{}},
		`binary_io_u: the target class 2 is none of 0 … 1`:     metric.BinaryIoU{TargetClassIDs: []int{2}},
		`targets (None, 3) and outputs (None,) are not as`:     metric.MeanIoU{NumClasses: 3, DenseYPred: true},
		`axis 5 is not one of`:                                 metric.PearsonCorrelation{Axis: 5},
		`7 to 8 by 1 is not within its size, 3`:                metric.Precision{ClassID: new(7)},
	} {
		g := graph.New()
		y := g.Input("y", tensor.Shape{tensor.Batch, 3})
		m.Update(y, y, nil)
		if err := g.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", m, err, want)
		}
	}
}

func TestWhatKerasCallsNoneIsNotWrittenAsNothing(t *testing.T) {
	for name, m := range map[string]metric.Metric{"average": metric.F1Score{}, "target_class_ids": metric.BinaryIoU{}} {
		cfg, err := config.Encode(m)
		if v, ok := cfg[name]; ok || err != nil {
			t.Errorf("%s: %s is written as %v, %v; Keras would refuse it", m.Name(), name, v, err)
		}
	}
	if cfg, _ := config.Encode(metric.F1Score{Average: "micro"}); cfg["average"] != "micro" {
		t.Errorf("an average is written as %v", cfg["average"])
	}
}

func TestAFunctionIsAMetric(t *testing.T) {
	m := metric.OfLoss(loss.Func("distance", func(yTrue, yPred *graph.Node) *graph.Node { return yTrue.Sub(yPred).Abs().Sum(-1) }))
	y, p := golden.Tensor{Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, golden.Tensor{Shape: []int{2, 2}, Data: []float32{0, 4, 3, 9}}
	weight := golden.Tensor{Shape: []int{2}, Data: []float32{1, 3}}
	if got := m.Result(update(t, m, nil, y, p, nil)); got != 4 || m.Name() != "distance" || metric.DirectionOf(m) != metric.Down {
		t.Errorf("the mean %s of 3 and 5 is %v", m.Name(), got)
	}
	if got := m.Result(update(t, m, nil, y, p, &weight)); got != 4.5 {
		t.Errorf("the weighted mean of 3 and 5 is %v", got)
	}
}

func TestAMetricCanHaveAnotherName(t *testing.T) {
	m := metric.Named("pr_auc", metric.AUC{Curve: "PR"})
	if m.Name() != "pr_auc" || metric.DirectionOf(m) != metric.Up {
		t.Errorf("%v %v", m.Name(), metric.DirectionOf(m))
	}
	if d := metric.DirectionOf(metric.MeanSquaredError{}); d != metric.Down {
		t.Errorf("less error is better, not %v", d)
	}
}
