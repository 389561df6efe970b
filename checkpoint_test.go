package cornu_test

// This file holds trainings that are interrupted, and go on from a checkpoint, to the bits of those that are not.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A regime is a way to train.
type regime struct {
	name      string
	optimizer optimizer.Optimizer
	config    cornu.FitConfig
	callbacks func(folder string) []train.Callback // files go to the folder
	layers    func() []layer.Layer                 // nil: all kinds
	samples   func(testing.TB) data.Source         // nil: points
}

func regimes() []regime {
	var all []regime
	for _, name := range optimizer.Names() {
		o, err := optimizer.ByName(name)
		if err != nil {
			panic(err)
		}
		all = append(all, regime{name: name, optimizer: o})
	}
	everything := optimizer.Adam{
		LearningRate: 0.01, WeightDecay: 0.1, Clip: optimizer.Clip{GlobalNorm: 1}, EMA: optimizer.EMA{On: true, Overwrite: 3},
		GradientAccumulationSteps: 3, AMSGrad: true,
	}
	watchers := func(folder string) []train.Callback {
		return []train.Callback{
			&callback.EarlyStopping{Patience: 3, RestoreBestWeights: true, MinDelta: 1},
			&callback.ReduceLROnPlateau{Patience: new(2), MinDelta: new(1.0), Factor: new(0.5)},
			callback.Func{OnBatchEnd: func(s *train.State) error {
				if loss, _ := s.Log("loss"); s.Batch == 0 {
					s.SetLog("loss_of_the_first_batch", loss)
				}
				return nil
			}},
			&callback.CSVLogger{Filename: filepath.Join(folder, "log.csv")},
		}
	}
	return append(all,
		regime{
			name: "all that optimizers have in common, scaled", config: cornu.FitConfig{ValidationSplit: 0.3},
			optimizer: optimizer.LossScaleOptimizer{InnerOptimizer: everything, InitialScale: 1e30, DynamicGrowthSteps: 5},
		},
		regime{
			name: "schedule, class weights", config: cornu.FitConfig{StepsPerEpoch: 2, ClassWeight: map[int]float64{1: 2}},
			optimizer: optimizer.SGD{Momentum: 0.9, Schedule: optimizer.ExponentialDecay{InitialLearningRate: 0.1, DecaySteps: 3, DecayRate: 0.9}},
		},
		regime{
			name: "early stopping", optimizer: optimizer.Adam{}, callbacks: watchers,
			config: cornu.FitConfig{ValidationSplit: 0.3},
		},
		regime{
			name: "averages in place", optimizer: optimizer.Adam{EMA: optimizer.EMA{On: true, Momentum: new(0.5)}},
			config: cornu.FitConfig{ValidationSplit: 0.3, ValidationEvery: 2},
			callbacks: func(string) []train.Callback {
				return []train.Callback{
					&callback.SwapEMAWeights{SwapOnEpoch: true},
					&callback.LearningRateScheduler{Schedule: func(_ int, rate float64) float64 { return 0.8 * rate }},
					&callback.History{},
				}
			},
		},
		regime{
			name: "a batch that stops", optimizer: optimizer.Adam{}, config: cornu.FitConfig{ValidationSplit: 0.3},
			callbacks: func(string) []train.Callback { return []train.Callback{stopper(8)} },
		},
		regime{
			name: "a function", optimizer: optimizer.RMSprop{},
			samples: func(t testing.TB) data.Source { return data.Prefetch(points(t, 60), 2) },
		},
		regime{
			name: "states that last", optimizer: optimizer.Adam{}, config: cornu.FitConfig{ValidationSplit: 0.4, NoShuffle: true},
			layers: func() []layer.Layer {
				return []layer.Layer{
					&layer.Input{Shape: tensor.Shape{8}, BatchSize: 12},
					&layer.Reshape{TargetShape: tensor.Shape{4, 2}},
					&layer.Bidirectional{Layer: &layer.LSTM{Units: 3, Stateful: true, ReturnSequences: true, Dropout: 0.2}},
					&layer.GRU{Units: 4, Stateful: true},
					&layer.Dense{Units: 3, Activation: activation.Softmax{}},
				}
			},
		},
		regime{
			name: "texts, and rows of a table that are trained lazily", optimizer: optimizer.Adam{Lazy: true}, samples: worded(3),
			layers: func() []layer.Layer {
				return []layer.Layer{
					&layer.Input{DType: tensor.String},
					&layer.TextVectorization{Vocabulary: vocabulary[:9], OutputSequenceLength: 4},
					&layer.Embedding{InputDim: 11, OutputDim: 3, MaskZero: true},
					&layer.GlobalAveragePooling1D{},
					&layer.Dense{Units: 3, Activation: activation.Softmax{}},
				}
			},
		},
		regime{
			name: "words", optimizer: optimizer.RMSprop{Lazy: true}, config: cornu.FitConfig{ValidationSplit: 0.3}, samples: worded(1, 1),
			layers: func() []layer.Layer {
				return []layer.Layer{
					&layer.Input{Shape: tensor.Shape{1}, DType: tensor.String},
					&layer.StringLookup{Vocabulary: vocabulary[:9]},
					&layer.Embedding{InputDim: 10, OutputDim: 3},
					&layer.Flatten{},
					&layer.Dense{Units: 3, Activation: activation.Softmax{}},
				}
			},
		},
	)
}

var vocabulary = []string{"and", "of", "the", "in", "to", "was", "he", "that", "it", "one", "two"}

// worded returns samples that are texts of so many words, of which a vocabulary of some has not all.
func worded(n int, shape ...int) func(testing.TB) data.Source {
	return func(t testing.TB) data.Source {
		t.Helper()
		a, values := points(t, 60), make([]string, 60)
		for i := range values {
			for k := range n {
				values[i] += " " + vocabulary[(i*i+5*k*i)%len(vocabulary)]
			}
			values[i] = strings.TrimSpace(values[i])
		}
		a.X = []data.Column{columnFrom(t, textsOf(t, values, append([]int{60}, shape...)...))}
		return a
	}
}

// A stopper ends a training at a step.
type stopper uint64

func (stopper) EpochEnd(*train.State) error { return nil }

func (n stopper) BatchEnd(s *train.State) error {
	if s.Step >= uint64(n) {
		return train.ErrStop
	}
	return nil
}

// A crash ends a training with an error after so many batches, as if the process were killed: nothing is written then.
type crash struct{ left int }

var errCrash = errors.New("crash")

func (*crash) EpochEnd(*train.State) error { return nil }

func (c *crash) BatchEnd(*train.State) error {
	if c.left--; c.left == 0 {
		return errCrash
	}
	return nil
}

// resumable returns a network of layers, or with all kinds of them, compiled.
func resumable(t testing.TB, o optimizer.Optimizer, layers ...layer.Layer) *cornu.Sequential {
	t.Helper()
	if layers == nil {
		layers = []layer.Layer{
			&layer.Input{Shape: tensor.Shape{8}},
			&layer.Dense{Units: 17, Activation: activation.ReLU{}, KernelRegularizer: regularizer.L2{L2: 0.01}},
			&layer.Dropout{Rate: 0.3},
			&layer.GaussianNoise{Stddev: 0.1},
			&layer.BatchNormalization{},
			&layer.Dense{Units: 3, Activation: activation.Softmax{}},
		}
	}
	model := cornu.NewSequential(layers...)
	model.Seed(5)
	err := model.Compile(cornu.CompileConfig{
		Loss: loss.CategoricalCrossentropy{}, Optimizer: o, Metrics: []metric.Metric{metric.Accuracy{}, metric.AUC{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// state is all that a training leaves: bits of weights and slots, history, files.
func stateOf(t testing.TB, model *cornu.Sequential, history *cornu.History, folder string) map[string]any {
	t.Helper()
	all := map[string]any{"weights": bits(t, model)}
	path := filepath.Join(t.TempDir(), "m.weights.h5")
	if err := model.SaveWeights(path); err != nil { // with the optimizer's state
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all["file"] = string(content)
	all["epochs"] = history.Epoch
	for name, values := range history.Values {
		var bits []uint64
		for _, v := range values {
			bits = append(bits, math.Float64bits(v))
		}
		all["history "+name] = bits
		all["epochs "+name] = history.Epochs(name)
	}
	if content, err := os.ReadFile(filepath.Join(folder, "log.csv")); err == nil {
		all["log"] = string(content)
	}
	return all
}

// train trains a regime as far as it goes.
func (r regime) train(t testing.TB, ctx context.Context, folder string, config func(*cornu.FitConfig)) (map[string]any, error) {
	t.Helper()
	var layers []layer.Layer
	if r.layers != nil {
		layers = r.layers()
	}
	model, source := resumable(t, r.optimizer, layers...), data.Source(points(t, 60))
	if r.samples != nil {
		source = r.samples(t)
	}
	cfg := r.config
	cfg.Epochs, cfg.BatchSize, cfg.Quiet = 4, 12, true
	if r.callbacks != nil {
		cfg.Callbacks = r.callbacks(folder)
	}
	config(&cfg)
	history, err := model.Fit(ctx, source, cfg)
	if err != nil {
		return nil, err
	}
	return stateOf(t, model, history, folder), nil
}

func diff(t *testing.T, what string, got, want map[string]any) {
	t.Helper()
	for name, w := range want {
		if !reflect.DeepEqual(got[name], w) {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: there are %d parts, not %d", what, len(got), len(want))
	}
}

func TestATrainingThatGoesOnComesToTheBitsOfOneThatWasNotInterrupted(t *testing.T) {
	for i, r := range regimes() {
		alone := slices.Contains(optimizer.Names(), r.name) && os.Getenv("CORNU_CI") == "" // what is not the optimizer's is tried once
		want, err := r.train(t, ctx, t.TempDir(), func(*cornu.FitConfig) {})
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		all := []int{0, 1, 3}
		if os.Getenv("CORNU_CI") == "" {
			all = all[i%3:][:1]
		}
		for _, every := range all {
			folder := t.TempDir()
			dir := filepath.Join(folder, "checkpoints")
			var got map[string]any
			// It crashes after few batches, is cancelled after few others, crashes again … until it comes to its end.
			for n := 0; got == nil; n++ {
				if n > 100 {
					t.Fatalf("%s, every %d: it doesn't come to an end", r.name, every)
				}
				ctx, cancel := context.WithCancel(ctx)
				got, err = r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
					cfg.Checkpoint = cornu.Checkpoint{Dir: dir, EverySteps: every}
					switch {
					case n > 1 && os.Getenv("CORNU_CI") == "", n > 0 && alone:
						// These are enough.
					case n%2 == 0:
						cfg.Callbacks = append(cfg.Callbacks, &crash{5 + n%3 + every})
					default:
						k := 0
						cfg.Callbacks = append(cfg.Callbacks, callback.Func{OnBatchEnd: func(*train.State) error {
							if k++; k == 3 {
								cancel()
							}
							return nil
						}})
					}
				})
				cancel()
				if err != nil && !errors.Is(err, errCrash) && !errors.Is(err, context.Canceled) {
					t.Fatalf("%s, every %d: %v", r.name, every, err)
				}
			}
			diff(t, fmt.Sprintf("%s, every %d steps", r.name, every), got, want)
			if alone {
				continue
			}
			// Nothing is left to do.
			again, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
				cfg.Checkpoint = cornu.Checkpoint{Dir: dir, EverySteps: every}
				cfg.Callbacks = append(cfg.Callbacks, callback.Func{OnBatchEnd: func(*train.State) error {
					t.Errorf("%s, every %d: a training that is done goes on", r.name, every)
					return nil
				}})
			})
			if err != nil {
				t.Fatal(err)
			}
			diff(t, r.name+", again", again, want)
			if left, _ := filepath.Glob(filepath.Join(dir, "checkpoint-*")); len(left) > 2 {
				t.Errorf("%s: %v are left", r.name, left)
			}
		}
	}
}

func TestATrainingThatHasEndedGoesOnToMoreEpochs(t *testing.T) {
	r := regime{optimizer: optimizer.Adam{EMA: optimizer.EMA{On: true}}}
	want, err := r.train(t, ctx, t.TempDir(), func(*cornu.FitConfig) {})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for epochs := 1; epochs <= 4; epochs++ {
		got, err := r.train(t, ctx, folder, func(cfg *cornu.FitConfig) {
			cfg.Checkpoint.Dir, cfg.Epochs = folder, epochs
		})
		if err != nil {
			t.Fatal(err)
		}
		if epochs == 4 {
			diff(t, "epoch by epoch", got, want)
		}
	}
}

func TestACheckpointOfAnotherTrainingIsAnErrorThatSaysWhatDiffers(t *testing.T) {
	folder := t.TempDir()
	begin := func(change func(r *regime, cfg *cornu.FitConfig, build *func() *cornu.Sequential, source *data.Source)) error {
		r := regime{optimizer: optimizer.Adam{}}
		cfg := cornu.FitConfig{Epochs: 2, BatchSize: 12, Quiet: true, Checkpoint: cornu.Checkpoint{Dir: folder}}
		build := func() *cornu.Sequential { return resumable(t, r.optimizer) }
		source := data.Source(points(t, 60))
		change(&r, &cfg, &build, &source)
		_, err := build().Fit(ctx, source, cfg)
		return err
	}
	if err := begin(func(*regime, *cornu.FitConfig, *func() *cornu.Sequential, *data.Source) {}); err != nil {
		t.Fatal(err)
	}
	before := files(t, folder)
	other := func(units int, rate float64) func() *cornu.Sequential {
		return func() *cornu.Sequential {
			model := cornu.NewSequential(
				&layer.Input{Shape: tensor.Shape{8}},
				&layer.Dense{Units: units, Activation: activation.ReLU{}, KernelRegularizer: regularizer.L2{L2: 0.01}},
				&layer.Dropout{Rate: rate},
				&layer.GaussianNoise{Stddev: 0.1},
				&layer.BatchNormalization{},
				&layer.Dense{Units: 3, Activation: activation.Softmax{}},
			)
			model.Seed(5)
			if err := model.Compile(cornu.CompileConfig{
				Loss: loss.CategoricalCrossentropy{}, Optimizer: optimizer.Adam{}, Metrics: []metric.Metric{metric.Accuracy{}, metric.AUC{}},
			}); err != nil {
				t.Fatal(err)
			}
			return model
		}
	}
	for want, change := range map[string]func(r *regime, cfg *cornu.FitConfig, build *func() *cornu.Sequential, source *data.Source){
		"batch size is 12, this one's is 13": func(_ *regime, cfg *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			cfg.BatchSize = 13
		},
		"seed is 5, this one's is 6": func(_ *regime, _ *cornu.FitConfig, build *func() *cornu.Sequential, _ *data.Source) {
			was := *build
			*build = func() *cornu.Sequential { m := was(); m.Seed(6); return m }
		},
		"number of samples is 60, this one's is 61": func(_ *regime, _ *cornu.FitConfig, _ *func() *cornu.Sequential, source *data.Source) {
			*source = points(t, 61)
		},
		"optimizer is optimizer.Adam, this one's is optimizer.Lion": func(r *regime, _ *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			r.optimizer = optimizer.Lion{}
		},
		"optimizer's learning_rate is 0.001, this one's is 0.002": func(r *regime, _ *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			r.optimizer = optimizer.Adam{LearningRate: 0.002}
		},
		"shuffling is true, this one's is false": func(_ *regime, cfg *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			cfg.NoShuffle = true
		},
		`layer "dense"'s units is 17, this one's is 18`: func(_ *regime, _ *cornu.FitConfig, build *func() *cornu.Sequential, _ *data.Source) {
			*build = other(18, 0.3)
		},
		`layer "dropout"'s rate is 0.3, this one's is 0.4`: func(_ *regime, _ *cornu.FitConfig, build *func() *cornu.Sequential, _ *data.Source) {
			*build = other(17, 0.4)
		},
		"loss is loss.CategoricalCrossentropy, this one's is loss.MeanSquaredError": func(_ *regime, _ *cornu.FitConfig, build *func() *cornu.Sequential, _ *data.Source) {
			was := *build
			*build = func() *cornu.Sequential {
				m := was()
				if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
					t.Fatal(err)
				}
				return m
			}
		},
		"weight of class 1 is not there, this one's is 2": func(_ *regime, cfg *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			cfg.ClassWeight = map[int]float64{1: 2}
		},
		"validation is none, this one's is each 1 epochs": func(_ *regime, cfg *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			cfg.ValidationData = points(t, 12)
		},
		"the callbacks [], this training has [*callback.EarlyStopping]": func(_ *regime, cfg *cornu.FitConfig, _ *func() *cornu.Sequential, _ *data.Source) {
			cfg.Callbacks = []train.Callback{&callback.EarlyStopping{Monitor: "loss"}}
		},
	} {
		if err := begin(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	if !slices.Equal(files(t, folder), before) {
		t.Error("the checkpoints have changed")
	}
}

func files(t testing.TB, folder string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == ".lock" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+string(content))
	}
	return all
}

// What is in a checkpoint can be looked at as in any file of safetensors.
func TestACheckpointIsASafetensorsFile(t *testing.T) {
	folder := t.TempDir()
	model := resumable(t, optimizer.Adam{})
	fit(t, model, points(t, 60), cornu.FitConfig{Epochs: 2, Checkpoint: cornu.Checkpoint{Dir: folder}})
	f, err := safetensors.Open(filepath.Join(folder, "checkpoint-000002.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	variables, err := model.Variables()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		a := f.Array("weights/" + v.Path)
		if a == nil || !a.Shape().Equal(v.Shape) {
			t.Fatalf("%s is %v", v.Path, a)
		}
		got := make([]float32, len(v.Value()))
		if err := a.Float32s(got); err != nil || !slices.Equal(got, v.Value()) {
			t.Errorf("%s is other than in the model, %v", v.Path, err)
		}
	}
	if f.Metadata["format"] != "cornu checkpoint" || f.Metadata["version"] != "1" || !strings.Contains(f.Metadata["state"], `"epoch":1`) {
		t.Errorf("the texts are %v", f.Metadata)
	}
}

func TestADamagedCheckpointIsToldAndAnOlderOneIsUsed(t *testing.T) {
	r := regime{optimizer: optimizer.Adam{}}
	want, err := r.train(t, ctx, t.TempDir(), func(*cornu.FitConfig) {})
	if err != nil {
		t.Fatal(err)
	}
	master := t.TempDir()
	_, err = r.train(t, ctx, master, func(cfg *cornu.FitConfig) {
		cfg.Checkpoint = cornu.Checkpoint{Dir: master, EverySteps: 2}
		cfg.Callbacks = []train.Callback{callback.Func{OnBatchEnd: func(s *train.State) error {
			// Checkpoints are written beside the steps, and put off if these are too fast.
			if paths, _ := filepath.Glob(filepath.Join(master, "checkpoint-*")); s.Step >= 8 && len(paths) == 2 {
				return errCrash
			}
			time.Sleep(20 * time.Millisecond)
			return nil
		}}}
	})
	if !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob(filepath.Join(master, "checkpoint-*"))
	if len(paths) != 2 {
		t.Fatalf("there are %v", paths)
	}
	newest, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{"empty": {}, "longer": append(slices.Clip(newest), 0)}
	places := []int{1, 7, 8, 20, 500, len(newest) / 2, len(newest) - 5, len(newest) - 1}
	if os.Getenv("CORNU_CI") == "" {
		places = []int{8, len(newest) / 2} // internal/checkpoint goes over all
	}
	for _, n := range places {
		damaged[fmt.Sprintf("cut off at %d", n)] = newest[:n]
		flipped := slices.Clone(newest)
		flipped[n] ^= 1 << (n % 8)
		damaged[fmt.Sprintf("flipped at %d", n)] = flipped
	}
	for name, content := range damaged {
		dir := t.TempDir()
		write := func(path string, content []byte) {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		write(paths[0], older)
		write(paths[1], content)
		var log strings.Builder
		got, err := r.train(t, ctx, dir, func(cfg *cornu.FitConfig) {
			cfg.Checkpoint = cornu.Checkpoint{Dir: dir, EverySteps: 2, Log: &log}
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		diff(t, name, got, want)
		if !strings.Contains(log.String(), filepath.Base(paths[1])) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: it said %q", name, log.String())
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.Base(paths[1]))); err == nil {
			t.Errorf("%s: it is still there", name)
		}
		// With no other, there is nothing to go on from, and beginning anew would be a loss unsaid.
		dir = t.TempDir()
		write(paths[1], content)
		_, err = r.train(t, ctx, dir, func(cfg *cornu.FitConfig) {
			cfg.Checkpoint = cornu.Checkpoint{Dir: dir, Log: io.Discard}
		})
		if err == nil || !strings.Contains(err.Error(), filepath.Base(paths[1])) {
			t.Errorf("%s, alone: %v", name, err)
		}
	}
}
