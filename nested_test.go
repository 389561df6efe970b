package cornu_test

// This file tests models that are made of models and of parts of models.

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// family is the model of the golden cases: a Sequential and a model of two outputs, each applied
// twice.
func family(t *testing.T) (model *cornu.Model, base *layer.Model) {
	t.Helper()
	sequential := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{4}},
		&layer.Dense{Name: "inner", Units: 3, Activation: activation.Tanh{}},
		&layer.BatchNormalization{Momentum: new(0.5)},
	)
	sequential.Name = "base"
	base = sequential.AsLayer()
	e := layer.Apply(&layer.Input{Name: "e", Shape: tensor.Shape{3}})
	two := cornu.NewModel([]*cornu.Node{e}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Name: "mean", Units: 2, KernelRegularizer: regularizer.L2{L2: 0.01}}, e),
		cornu.Apply(&layer.Dense{Units: 2}, e),
	})
	two.Name = "encoder"
	encoder := two.AsLayer()
	a := layer.Apply(&layer.Input{Name: "a", Shape: tensor.Shape{4}})
	first := cornu.ApplyAll(encoder, cornu.Apply(base, cornu.Apply(&layer.Dense{Name: "pre", Units: 4}, a)))
	second := cornu.ApplyAll(encoder, cornu.Apply(&layer.Dense{Name: "skip", Units: 3}, a))
	model = cornu.NewModel([]*cornu.Node{a}, []*cornu.Node{cornu.Apply(&layer.Add{}, first[0], second[1]), second[0]})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1, Momentum: 0.9}}); err != nil {
		t.Fatal(err)
	}
	return model, base
}

// Keras computes in float32 in orders of its own: three steps with momentum of values around 1.
const nestedBound = 2e-6

func TestModelsOfModelsTrainAsInKeras(t *testing.T) {
	for _, c := range golden.Load(t, "nested").Cases {
		t.Run(c.Name, func(t *testing.T) {
			model, base := family(t)
			base.Frozen = c.Name == "base frozen"
			if c.Name == "a layer frozen" {
				mean, err := model.Layer("encoder/mean")
				if err != nil {
					t.Fatal(err)
				}
				mean.(*layer.Dense).Frozen = true
			}
			for name, cfg := range map[string]layer.SummaryConfig{
				"summary": {}, "expanded": {ExpandNested: true}, "trainable": {ExpandNested: true, Trainable: true},
			} {
				var b strings.Builder
				cfg.Columns = 120
				if err := model.SummaryWith(&b, cfg); err != nil {
					t.Fatal(err)
				}
				if got, want := b.String(), c.Texts[name]; got != strings.TrimSuffix(want, "\n") {
					t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
				}
			}
			var weights []*tensor.Tensor
			for i := 0; c.Tensors[fmt.Sprint("initial ", i)].Data != nil; i++ {
				w := c.Tensors[fmt.Sprint("initial ", i)]
				weights = append(weights, tensorOf(t, w.Data, w.Shape...))
			}
			if err := model.SetWeights(weights); err != nil {
				t.Fatal(err)
			}
			source := &data.Arrays{X: []data.Column{columnOf(t, c, "x")}, Y: []data.Column{columnOf(t, c, "y0"), columnOf(t, c, "y1")}}
			for range 3 {
				if _, err := model.TrainOnBatch(source); err != nil {
					t.Fatal(err)
				}
			}
			wide := func(name string) (list []float64) {
				for _, v := range c.Tensors[name].Data {
					list = append(list, float64(v))
				}
				return list
			}
			for i, w := range weightsOf(t, model) {
				near(t, fmt.Sprint("final weights ", i), w, wide(fmt.Sprint("final ", i)), nestedBound)
			}
			x := c.Tensors["x"]
			out, err := model.PredictAll(context.Background(), tensorOf(t, x.Data, x.Shape...))
			if err != nil {
				t.Fatal(err)
			}
			for i, y := range out {
				near(t, fmt.Sprint("prediction ", i), floats(t, y), wide(fmt.Sprint("predict ", i)), nestedBound)
			}
		})
	}
}

// trainOnce does one step towards zeros.
func trainOnce(t *testing.T, model *cornu.Model, features, outputs int) {
	t.Helper()
	source := &data.Arrays{X: []data.Column{column(t, wave(6*features, 1), features)}, Y: []data.Column{column(t, make([]float32, 6*outputs), outputs)}}
	if _, err := model.TrainOnBatch(source); err != nil {
		t.Fatal(err)
	}
}

func toZero(t *testing.T, model *cornu.Model) *cornu.Model {
	t.Helper()
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
		t.Fatal(err)
	}
	return model
}

// normalizer is a model with all that behaves differently in training.
func normalizer(frozen bool) *cornu.Sequential {
	return cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{3}},
		&layer.Dense{Name: "features", Units: 4, Frozen: frozen},
		&layer.BatchNormalization{Name: "norm", Momentum: new(0.5)},
		&layer.Dropout{Rate: 0.5},
	)
}

// changed says which of a model's variables a step changes.
func changed(t *testing.T, model *cornu.Model, step func()) string {
	t.Helper()
	before := weightsOf(t, model)
	step()
	variables, err := model.Variables()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, w := range weightsOf(t, model) {
		if fmt.Sprint(w) != fmt.Sprint(before[i]) {
			list = append(list, variables[i].Path)
		}
	}
	return strings.Join(list, " ")
}

func TestFreezingAndInferenceKeepWhatTheySay(t *testing.T) {
	const features, norm, statistics, head = "features/kernel features/bias", " norm/gamma norm/beta", " norm/moving_mean norm/moving_variance", " head/kernel head/bias"
	for _, test := range []struct {
		name             string
		frozen, whole    bool
		infer, normFixed bool
		want             string
	}{
		{name: "nothing is frozen", want: features + norm + statistics + head},
		{name: "the first layer is frozen", frozen: true, want: (norm + statistics + head)[1:]},
		{name: "the model is frozen", whole: true, want: head[1:]},
		{name: "in inference weights are trained and statistics kept", infer: true, want: features + norm + head},
		{name: "a frozen BatchNormalization keeps its statistics", normFixed: true, want: features + head},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := normalizer(test.frozen)
			base.AsLayer().Frozen = test.whole
			x := cornu.Input(3)
			y := cornu.Apply(base.AsLayer(), x)
			if test.infer {
				y = cornu.Infer(base.AsLayer(), x)
			}
			if test.normFixed {
				l, err := base.Layer("norm")
				if err != nil {
					t.Fatal(err)
				}
				l.(*layer.BatchNormalization).Frozen = true
			}
			y = cornu.Apply(&layer.Dense{Name: "head", Units: 2, BiasInitializer: initializer.Ones{}}, y)
			model := toZero(t, cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y}))
			if got := changed(t, model, func() { trainOnce(t, model, 3, 2) }); got != test.want {
				t.Errorf("a step changes %s, want %s", got, test.want)
			}
			// Thawed, without compiling again, all is trained.
			layer.Freeze(base.AsLayer(), false)
			want := features + norm + statistics + head
			if test.infer {
				want = features + norm + head
			}
			if got := changed(t, model, func() { trainOnce(t, model, 3, 2) }); got != want {
				t.Errorf("thawed, a step changes %s, want %s", got, want)
			}
		})
	}
}

// As Keras's model.trainable = False: the model's own steps, its summary and its file keep to it, and its BatchNormalization.
func TestAFrozenModelTrainsNothingItself(t *testing.T) {
	x := cornu.Input(3)
	y := cornu.Apply(&layer.BatchNormalization{Name: "norm"}, cornu.Apply(&layer.Dense{Name: "features", Units: 2, Activation: activation.Tanh{}}, x))
	model := toZero(t, cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y}))
	for _, frozen := range []bool{false, true, false, true} {
		model.AsLayer().Frozen = frozen
		want, trained := "features/kernel features/bias norm/gamma norm/beta norm/moving_mean norm/moving_variance", 4
		if frozen {
			want, trained = "", 0
		}
		if got := changed(t, model, func() { trainOnce(t, model, 3, 2) }); got != want {
			t.Errorf("frozen %t: a step changes %q, want %q", frozen, got, want)
		}
		if n := len(model.Network().TrainableVariables()); n != trained {
			t.Errorf("frozen %t: %d variables can be trained", frozen, n)
		}
	}
	path := filepath.Join(t.TempDir(), "m.keras")
	if err := model.Save(path); err != nil {
		t.Fatal(err)
	}
	again := loadQuiet(t, path)
	if got := changed(t, again, func() { trainOnce(t, again, 3, 2) }); got != "" {
		t.Errorf("from a file, a step changes %s", got)
	}
}

func TestAModelOfInnerNodesSharesTheWeights(t *testing.T) {
	base := normalizer(false)
	features := cornu.NewModel(base.Inputs(), []*cornu.Node{base.Node("features"), base.Node("norm")})
	x := tensorOf(t, wave(6, 1), 2, 3)
	before, err := features.PredictAll(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	toZero(t, &base.Model)
	trainOnce(t, &base.Model, 3, 4)
	after, err := features.PredictAll(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if fmt.Sprint(floats(t, before[i])) == fmt.Sprint(floats(t, after[i])) {
			t.Errorf("output %d doesn't change where the weights are trained", i)
		}
	}
}

func TestMistakesWithModelsOfModelsSayWhatWouldDo(t *testing.T) {
	base := normalizer(false)
	two := cornu.NewModel(base.Inputs(), []*cornu.Node{base.Node("features"), base.Node("norm")})
	unbuilt := cornu.NewSequential(&layer.Dense{Units: 2})
	x := cornu.Input(3)
	for _, test := range []struct {
		node *cornu.Node
		want string
	}{
		{cornu.Apply(two.AsLayer(), x), `nested_test.go:*: layer "functional" (Functional) of (None, 3): it has 2 outputs: ApplyAll returns them`},
		{cornu.Infer(two.AsLayer(), x), `nested_test.go:*: layer "functional" (Functional) of (None, 3): it has 2 outputs: ApplyAll returns them`},
		{cornu.Apply(base.AsLayer(), cornu.Input(5)), `nested_test.go:*: layer "sequential" (Sequential) of (None, 5): its input 0, "input_layer", has shape (None, 3), not (None, 5)`},
		{cornu.Apply(base.AsLayer(), x, x), `nested_test.go:*: layer "sequential" (Sequential) of (None, 3), (None, 3): takes 1 inputs, got 2`},
		{cornu.Apply(unbuilt.AsLayer(), x), `nested_test.go:*: layer "sequential" (Sequential) of (None, 3): it has no network: the model is not built, or Compile returns what is wrong with it`},
		{base.Node("feature"), `cornu: Node: unknown layer "feature": the known ones are input_layer, features, norm, dropout`},
		{unbuilt.Node("dense"), "cornu: the model is not built: its first layer should be an Input, or Fit or Build should tell the shape of the data first"},
		{unbuilt.Inputs()[0], "cornu: the model is not built: its first layer should be an Input, or Fit or Build should tell the shape of the data first"},
	} {
		err := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(&layer.Flatten{}, test.node)}).Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}})
		if err == nil {
			t.Errorf("no error, want %s", test.want)
			continue
		}
		got := regexp.MustCompile(`_test.go:\d+`).ReplaceAllString(err.Error(), "_test.go:*")
		if got != test.want {
			t.Errorf("got\n%s, want\n%s", got, test.want)
		}
	}
	lambda := &layer.Lambda{Name: "own", Func: func(_ *layer.Context, in []*graph.Node) *graph.Node { return in[0].Sin() }}
	unsaved := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, lambda)
	if err := unsaved.Save(filepath.Join(t.TempDir(), "m.keras")); err == nil || !strings.Contains(err.Error(), `layer "own" is a Lambda, whose function no file can hold`) {
		t.Error(err)
	}
	outer := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{cornu.Apply(base.AsLayer(), x)})
	if _, err := outer.Layer("sequential/norn"); err == nil || !strings.Contains(err.Error(), `unknown layer "norn": the known ones are input_layer, features, norm, dropout, in "sequential/norn"`) {
		t.Error(err)
	}
	if l, err := outer.Layer("sequential/norm"); err != nil || layer.Name(l) != "norm" {
		t.Errorf("%v, %v", l, err)
	}
}

func TestATrainingOfStatisticsGoesOnFromItsCheckpointToTheSameBits(t *testing.T) {
	source := points(t, 60)
	width, targets := source.X[0].Shape().Numel(), source.Y[0].Shape().Numel()
	build := func() *cornu.Sequential {
		inner := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{width}}, &layer.Dense{Units: 4}, &layer.BatchNormalization{Momentum: new(0.5)})
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{width}}, inner.AsLayer(), &layer.SpectralNormalization{Layer: &layer.Dense{Units: targets}})
		model.Seed(5)
		if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
			t.Fatal(err)
		}
		return model
	}
	folder, stop := t.TempDir(), errors.New("stop")
	want := build()
	fit(t, &want.Model, source, cornu.FitConfig{Epochs: 4, BatchSize: 16})
	_, err := build().Fit(ctx, source, cornu.FitConfig{
		Epochs: 4, BatchSize: 16, Quiet: true, Checkpoint: train.Checkpoint{Dir: folder, EverySteps: 1},
		Callbacks: []train.Callback{callback.Func{OnEpochBegin: func(s *train.State) error {
			if s.Epoch == 2 {
				return stop
			}
			return nil
		}}},
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	again := build()
	history, err := again.Fit(ctx, source, cornu.FitConfig{Epochs: 4, BatchSize: 16, Quiet: true, Checkpoint: train.Checkpoint{Dir: folder}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bits(t, &again.Model), bits(t, &want.Model); !slices.Equal(got, want) || len(history.Epoch) != 4 {
		t.Errorf("the bits differ after epochs %v", history.Epoch)
	}
}
