package cornu_test

// This file holds the steps of training and inference to allocating nothing.

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// An allocationMeter counts what is allocated between the second batch of each
// epoch and the last.
type allocationMeter struct {
	mallocs [64]uint64 // after each batch of the epoch
	most    uint64
}

func (m *allocationMeter) BatchEnd(s *train.State) error {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.mallocs[s.Batch] = stats.Mallocs
	return nil
}

func (m *allocationMeter) EpochEnd(s *train.State) error {
	if s.Epoch > 0 { // the first epoch makes the plans
		m.most = max(m.most, m.mallocs[s.Batch-1]-m.mallocs[0])
	}
	return nil
}

// allocations trains for a few epochs of so many steps, or of all with a last batch that
// is smaller, and returns the most objects that the steps of one epoch allocated after the
// first.
func allocations(t *testing.T, model *cornu.Sequential, source data.Source, steps int) uint64 {
	t.Helper()
	return allocationsOf(t, model, source, cornu.FitConfig{StepsPerEpoch: steps})
}

func allocationsOf(t *testing.T, model *cornu.Sequential, source data.Source, cfg cornu.FitConfig) uint64 {
	t.Helper()
	// Now and then the runtime allocates something of its own.
	least := ^uint64(0)
	for range 3 {
		m := &allocationMeter{}
		cfg.Epochs, cfg.BatchSize, cfg.Callbacks = 3, 4, []train.Callback{m}
		if cfg.Checkpoint.EverySteps > 0 {
			cfg.Checkpoint.Dir = t.TempDir()
		}
		fit(t, model, source, cfg)
		if least = min(least, m.most); least == 0 {
			break
		}
	}
	return least
}

// What layers keep track of, and what images are changed by, takes no memory either.
func TestAStepOfStatisticsAndImagesAllocatesNothing(t *testing.T) {
	source := points(t, 30)
	width, targets := source.X[0].Shape().Numel(), source.Y[0].Shape().Numel()
	inner := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{width}}, &layer.Dense{Units: 12}, &layer.BatchNormalization{})
	for _, threads := range []int{1, 2} {
		cornu.SetThreads(threads)
		defer cornu.SetThreads(0)
		model := cornu.NewSequential(
			&layer.Input{Shape: tensor.Shape{width}}, inner.AsLayer(), &layer.Reshape{TargetShape: tensor.Shape{3, 4, 1}},
			&layer.RandomTranslation{HeightFactor: [2]float64{-0.3, 0.3}}, &layer.RandomRotation{Factor: [2]float64{-0.1, 0.2}}, &layer.RandomErasing{},
			&layer.Equalization{}, &layer.RandomGaussianBlur{}, &layer.AdaptiveMaxPooling2D{OutputSize: [2]int{2, 3}}, &layer.Resizing{Height: 4, Width: 3},
			&layer.GroupNormalization{Groups: 1}, &layer.Flatten{}, &layer.SpectralNormalization{Layer: &layer.Dense{Units: targets}},
		)
		if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
			t.Fatal(err)
		}
		if n := allocations(t, model, source, 0); n > 0 {
			t.Errorf("%d threads: steps allocate %d objects", threads, n)
		}
	}
}

func TestAStepAllocatesNothingWithAnyOptimizer(t *testing.T) {
	for _, threads := range []int{1, 2} {
		cornu.SetThreads(threads)
		defer cornu.SetThreads(0)
		for _, name := range optimizer.Names() {
			o, err := optimizer.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			if n := allocations(t, compiled(t, 0.3, o), points(t, 30), 0); n > 0 {
				t.Errorf("%s on %d threads: the steps of an epoch allocate %d objects", name, threads, n)
			}
		}
		all := optimizer.Adam{
			WeightDecay: 0.1, Clip: optimizer.Clip{GlobalNorm: 1}, EMA: optimizer.EMA{On: true, Overwrite: 3},
			GradientAccumulationSteps: 2, ExcludeFromWeightDecay: []string{"bias"},
		}
		if n := allocations(t, compiled(t, 0.3, optimizer.LossScaleOptimizer{InnerOptimizer: all}), points(t, 30), 0); n > 0 {
			t.Errorf("on %d threads, the steps of an epoch allocate %d objects with all that optimizers have in common", threads, n)
		}
	}
}

func TestAStepAllocatesNothingBetweenCheckpoints(t *testing.T) {
	cfg := cornu.FitConfig{Checkpoint: cornu.Checkpoint{EverySteps: 1000, Every: time.Hour}}
	if n := allocationsOf(t, compiled(t, 0.3, optimizer.Adam{}), points(t, 30), cfg); n > 0 {
		t.Errorf("the steps of an epoch allocate %d objects", n)
	}
}

// learner returns a network that is compiled with a loss, and samples of the targets that
// the loss asks for.
func learner(t *testing.T, name string) (*cornu.Sequential, *data.Arrays) {
	t.Helper()
	l, err := loss.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{8}},
		&layer.Dense{Units: 5, Activation: activation.Tanh{}},
	)
	source := points(t, 30)
	classes := classesOf(wave(8*30, 1))
	switch name {
	case "ctc": // four steps spell two labels
		model.Add(&layer.Dense{Units: 12})
		model.Add(&layer.Reshape{TargetShape: tensor.Shape{4, 3}})
		var spelled []float32
		for _, class := range classes {
			spelled = append(spelled, float32(1+class%2), float32(class/2))
		}
		source.Y[0] = column(t, spelled, 2)
	case "circle":
		model.Add(&layer.Dense{Units: 3})
		model.Add(&unitNormalization{})
	default:
		model.Add(&layer.Dense{Units: 3, Activation: activation.Sigmoid{}})
	}
	if fitter, ok := l.(loss.Fitter); ok {
		if shape, err := fitter.TargetShape(tensor.Shape{tensor.Batch, 3}); err == nil && len(shape) == 1 {
			source.Y[0] = labelsOf(t, source)
		}
	}
	if err := model.Compile(cornu.CompileConfig{Loss: l, Optimizer: optimizer.Adam{LearningRate: 0.01}}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return model, source
}

// unitNormalization makes vectors of norm 1.
type unitNormalization struct{}

func (*unitNormalization) Build(*layer.Builder, []tensor.Shape) error { return nil }

func (*unitNormalization) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Div(in[0].Square().SumKeep(-1).Sqrt())
}

func TestAStepAllocatesNothingWithAnyLoss(t *testing.T) {
	for _, name := range loss.Names() {
		model, source := learner(t, name)
		if n := allocations(t, model, source, 0); n > 0 {
			t.Errorf("%s: the steps of an epoch allocate %d objects", name, n)
		}
	}
}

func TestEveryLossFallsInTraining(t *testing.T) {
	for _, name := range loss.Names() {
		model, source := learner(t, name)
		history := fit(t, model, source, cornu.FitConfig{Epochs: 10, BatchSize: 8})
		losses := history.Values["loss"]
		if first, last := losses[0], losses[len(losses)-1]; !(last < first) {
			t.Errorf("%s: the loss goes from %v to %v", name, first, last)
		}
	}
}

// labelsOf returns the classes of points as labels.
func labelsOf(t *testing.T, points *data.Arrays) data.Column {
	t.Helper()
	labels, err := data.Labels(classesOf(wave(8*points.Len(), 1)))
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

func TestAStepAllocatesNothingWithAnyMetric(t *testing.T) {
	for _, name := range metric.Names() {
		m, err := metric.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		switch name { // these need to be told the classes
		case "io_u":
			m = metric.IoU{NumClasses: 3, TargetClassIDs: []int{1}, DenseYTrue: true, DenseYPred: true}
		case "mean_io_u":
			m = metric.MeanIoU{NumClasses: 3, DenseYTrue: true, DenseYPred: true}
		case "one_hot_io_u":
			m = metric.OneHotIoU{NumClasses: 3, TargetClassIDs: []int{1}}
		case "one_hot_mean_io_u":
			m = metric.OneHotMeanIoU{NumClasses: 3}
		}
		model := small(0)
		cfg := classifier(optimizer.SGD{})
		cfg.Metrics = []metric.Metric{m}
		source := points(t, 30)
		if strings.HasPrefix(name, "sparse_") {
			cfg.Loss = loss.SparseCategoricalCrossentropy{}
			source.Y[0] = labelsOf(t, source)
		}
		if err := model.Compile(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := allocations(t, model, source, 0); n > 0 {
			t.Errorf("%s: the steps of an epoch allocate %d objects", name, n)
		}
	}
}

func TestAStepAllocatesNothingWhereverItsBatchesComeFrom(t *testing.T) {
	weighted := points(t, 30)
	weighted.Weights = wave(30, 3)
	for i := range weighted.Weights {
		weighted.Weights[i]++
	}
	classes, err := data.ClassWeights(points(t, 30), map[int]float64{1: 2})
	if err != nil {
		t.Fatal(err)
	}
	spec := points(t, 30).Spec()
	for name, source := range map[string]data.Source{
		"arrays": points(t, 30), "weights": weighted, "class weights": classes,
		"a generator": endless(spec, data.Sample{X: [][]float32{wave(8, 1)}, Y: [][]float32{{0, 1, 0}}}),
	} {
		if n := allocations(t, compiled(t, 0.3, optimizer.Adam{}), source, 8); n > 0 {
			t.Errorf("%s: the steps of an epoch allocate %d objects", name, n)
		}
	}
}

func TestPredictIntoAllocatesNothing(t *testing.T) {
	model := small(0)
	for _, rows := range []int{1, 2, 3, 17, 300} {
		for _, threads := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d rows, %d threads", rows, threads), func(t *testing.T) {
				cornu.SetThreads(threads)
				defer cornu.SetThreads(0)
				x, y := wave(8*rows, 1), make([]float32, 3*rows)
				n := testing.AllocsPerRun(20, func() {
					if err := model.PredictInto(y, x); err != nil {
						t.Fatal(err)
					}
				})
				if n > 0 {
					t.Errorf("%v objects are allocated", n)
				}
			})
		}
	}
}
