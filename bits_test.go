package cornu_test

// This file holds whole trainings to one set of bits, whatever they are computed
// on.

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

// hashedTrainings are of networks that meet most of what there is to compute.
func hashedTrainings() []func(*testing.T) (*cornu.Model, *data.Arrays) {
	var list []func(*testing.T) (*cornu.Model, *data.Arrays)
	for _, o := range []optimizer.Optimizer{
		optimizer.Adam{},
		optimizer.SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, Clip: optimizer.Clip{Norm: 0.5}},
		optimizer.RMSprop{Clip: optimizer.Clip{GlobalNorm: 0.5}},
		optimizer.Muon{ExcludeLayers: []string{"^dense_2/"}, ExcludeFromWeightDecay: []string{"bias"}},
		optimizer.ScheduleFreeAdamW{WarmupSteps: 5, GradientAccumulationSteps: 3, EMA: optimizer.EMA{On: true, Overwrite: 4}},
		optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.Nadam{Clip: optimizer.Clip{Norm: 0.5}}, DynamicGrowthSteps: 5},
	} {
		list = append(list, func(t *testing.T) (*cornu.Model, *data.Arrays) { return chapter(t, o), chapterData(t) })
	}
	return append(list, branched, pictures, convolutions, recurrence)
}

// hashes returns two hashes of each training: of the weights and predictions, and of the measures. It does them once.
func hashes(t *testing.T) []string {
	t.Helper()
	if len(hashed) == 0 {
		for _, training := range hashedTrainings() {
			model, source := training(t)
			hashed = append(hashed, hashesOf(t, model, source)...)
		}
	}
	return hashed
}

var hashed []string

// recurrence is a network of recurrent layers, on sequences of which some steps don't count, and on images in time.
func recurrence(t *testing.T) (*cornu.Model, *data.Arrays) {
	t.Helper()
	x, images := cornu.Input(9, 5), cornu.Input(3, 5, 4, 2)
	y := x
	for _, l := range []layer.Layer{
		&layer.Masking{},
		&layer.Bidirectional{Layer: &layer.LSTM{Units: 17, ReturnSequences: true, Dropout: 0.2, RecurrentDropout: 0.1}},
		&layer.BatchNormalization{},
		&layer.GRU{Units: 19, ReturnSequences: true, GoBackwards: true, Dropout: 0.1},
		&layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{
			&layer.GRUCell{Units: 11, ResetBefore: true, RecurrentDropout: 0.2}, &layer.LSTMCell{Units: 7, Dropout: 0.2}, &layer.SimpleRNNCell{Units: 18},
		}}, ReturnSequences: true},
		&layer.SimpleRNN{Units: 23},
	} {
		y = cornu.Apply(l, y)
	}
	z := cornu.Apply(&layer.ConvLSTM2D{Filters: 6, KernelSize: [2]int{3, 2}, Padding: "same", RecurrentDropout: 0.1}, images)
	z = cornu.Apply(&layer.GlobalAveragePooling2D{}, z)
	out := cornu.Apply(&layer.Dense{Units: 10, Activation: activation.Softmax{}}, cornu.Apply(&layer.Concatenate{}, y, z))
	model := cornu.NewModel([]*cornu.Node{x, images}, []*cornu.Node{out})
	model.Seed(7)
	if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
		t.Fatal(err)
	}
	const n = 60
	steps := wave(n*9*5, 3)
	for row := range n { // of other lengths
		clear(steps[row*45+row%10*5 : row*45+45])
	}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * i % 10
	}
	targets, err := data.OneHot(labels, 10)
	if err != nil {
		t.Fatal(err)
	}
	return model, &data.Arrays{X: []data.Column{column(t, steps, 9, 5), column(t, wave(n*3*5*4*2, 5), 3, 5, 4, 2)}, Y: []data.Column{targets}}
}

// convolutions is a network of windows over images: some of many channels, with more products than a chain has, and
// some over more places than that.
func convolutions(t *testing.T) (*cornu.Model, *data.Arrays) {
	t.Helper()
	x := cornu.Input(13, 12, 3)
	y := x
	for _, l := range []layer.Layer{
		&layer.Conv2D{Filters: 16, KernelSize: [2]int{3, 3}, Padding: "same", Activation: activation.ReLU{}},
		&layer.MaxPooling2D{},
		&layer.Conv2D{Filters: 18, KernelSize: [2]int{3, 2}, Strides: [2]int{1, 2}, Groups: 2, Activation: activation.ReLU{}},
		&layer.SeparableConv2D{Filters: 12, KernelSize: [2]int{3, 3}, Padding: "same", DilationRate: [2]int{2, 1}},
		&layer.Conv2DTranspose{Filters: 10, KernelSize: [2]int{3, 4}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.Tanh{}},
		&layer.Dropout{Rate: 0.25},
		&layer.AveragePooling2D{PoolSize: [2]int{3, 2}, Strides: [2]int{2, 1}, Padding: "same"},
		&layer.Conv2D{Filters: 480, KernelSize: [2]int{1, 1}, Activation: activation.ReLU{}},
		&layer.Conv2D{Filters: 7, KernelSize: [2]int{3, 3}, Padding: "same", DataFormat: "channels_last"},
		&layer.GlobalAveragePooling2D{},
		&layer.Dense{Units: 10, Activation: activation.Softmax{}},
	} {
		y = cornu.Apply(l, y)
	}
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
	model.Seed(7)
	if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
		t.Fatal(err)
	}
	const n = 40
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * i % 10
	}
	images, err := data.Floats(wave(n*13*12*3, 3), 13, 12, 3)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := data.OneHot(labels, 10)
	if err != nil {
		t.Fatal(err)
	}
	return model, &data.Arrays{X: []data.Column{images}, Y: []data.Column{targets}}
}

// pictures is a network that changes images at random, cuts and enlarges them, and normalizes.
func pictures(t *testing.T) (*cornu.Model, *data.Arrays) {
	t.Helper()
	x := cornu.Input(5, 7, 3)
	y := x
	for _, l := range []layer.Layer{
		&layer.RandomFlip{},
		&layer.RandomTranslation{HeightFactor: [2]float64{-0.2, 0.2}, WidthFactor: [2]float64{-0.1, 0.3}},
		&layer.RandomZoom{HeightFactor: [2]float64{-0.3, 0.3}, FillMode: "constant", FillValue: 0.5},
		&layer.RandomPerspective{Scale: new(0.4)},
		&layer.RandomShear{XFactor: [2]float64{0.1, 0.5}, FillMode: "wrap", Interpolation: "nearest"},
		&layer.RandomErasing{ValueRange: [2]float64{-1, 1}},
		&layer.RandomContrast{Factor: [2]float64{0.2, 0.2}, ValueRange: [2]float64{-2, 2}},
		&layer.RandomColorJitter{SaturationFactor: &[2]float64{0.3, 0.7}, HueFactor: &[2]float64{0, 0.2}, ValueRange: [2]float64{-2, 2}},
		&layer.RandAugment{NumOps: 1, ValueRange: [2]float64{-2, 2}},
		&layer.RandomGaussianBlur{KernelSize: [2]int{5, 3}, ValueRange: [2]float64{-2, 2}},
		&layer.BatchNormalization{},
		&layer.AdaptiveMaxPooling2D{OutputSize: [2]int{4, 6}},
		&layer.RandomRotation{Factor: [2]float64{-0.2, 0.1}, FillMode: "constant", FillValue: 0.5},
		&layer.ZeroPadding2D{Padding: [][2]int{{1, 0}, {2, 1}}},
		&layer.UpSampling2D{Size: [2]int{2, 1}, Interpolation: "bicubic"},
		&layer.Dense{Units: 8, Activation: activation.ReLU{}},
		&layer.GroupNormalization{Groups: 4},
		&layer.SpatialDropout2D{Rate: 0.2},
		&layer.Cropping2D{Cropping: [][2]int{{3, 2}, {2, 1}}},
		&layer.Permute{Dims: []int{3, 2, 1}},
		&layer.UpSampling2D{},
		&layer.LayerNormalization{Axis: []int{1, 3}},
		&layer.Flatten{},
		&layer.Dense{Units: 19, Activation: activation.Tanh{}},
		&layer.BatchNormalization{Momentum: new(0.5), NoScale: true},
		&layer.RMSNormalization{},
		&layer.UnitNormalization{},
		&layer.Dense{Units: 10, Activation: activation.Softmax{}},
	} {
		y = cornu.Apply(l, y)
	}
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
	model.Seed(7)
	if err := model.Compile(classifier(optimizer.Adam{})); err != nil {
		t.Fatal(err)
	}
	const n = 34
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * i % 10
	}
	images, err := data.Floats(wave(n*5*7*3, 3), 5, 7, 3)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := data.OneHot(labels, 10)
	if err != nil {
		t.Fatal(err)
	}
	return model, &data.Arrays{X: []data.Column{images}, Y: []data.Column{targets}}
}

// chapter is the listing's network, narrower.
func chapter(t *testing.T, o optimizer.Optimizer) *cornu.Model {
	t.Helper()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{101}},
		&layer.Dense{Units: 67},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 33},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	model.Seed(7)
	if err := model.Compile(classifier(o)); err != nil {
		t.Fatal(err)
	}
	return &model.Model
}

func chapterData(t *testing.T) *data.Arrays {
	t.Helper()
	const n = 300
	pixels := make([]uint8, n*101)
	labels := make([]int, n)
	for i, x := range wave(len(pixels), 9) {
		pixels[i] = uint8(int(128 + 128*x))
	}
	for i := range labels {
		labels[i] = int(pixels[101*i]) * 10 / 256
	}
	x, err := data.Pixels(pixels, 101)
	if err != nil {
		t.Fatal(err)
	}
	y, err := data.OneHot(labels, 10)
	if err != nil {
		t.Fatal(err)
	}
	return &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
}

// branched has a shared layer, two outputs, penalties, constraints and other
// activations and losses.
func branched(t *testing.T) (*cornu.Model, *data.Arrays) {
	t.Helper()
	a, b := cornu.Input(8), cornu.Input(8)
	shared := &layer.Dense{Units: 19, Activation: activation.Tanh{}, KernelRegularizer: regularizer.L2{}, KernelConstraint: constraint.MaxNorm{}}
	both := cornu.Apply(&layer.Concatenate{}, cornu.Apply(shared, a), cornu.Apply(shared, b))
	frozen := cornu.Apply(&layer.Dense{Units: 11, Frozen: true, Activation: activation.Sigmoid{}}, both)
	kind := cornu.Apply(&layer.Dense{Name: "kind", Units: 3, ActivityRegularizer: regularizer.L1{}}, frozen)
	size := cornu.Apply(&layer.Dense{Name: "size", Units: 2, Activation: activation.Softplus{}}, cornu.Apply(&layer.Dropout{Rate: 0.1}, both))
	model := cornu.NewModel([]*cornu.Node{a, b}, []*cornu.Node{kind, size})
	model.Seed(3)
	err := model.Compile(cornu.CompileConfig{
		Losses:      []loss.Loss{loss.CategoricalCrossentropy{FromLogits: true, LabelSmoothing: 0.1}, loss.Huber{}},
		LossWeights: []float64{1, 0.3},
		Optimizer:   optimizer.Adam{LearningRate: 0.01, AMSGrad: true, WeightDecay: 0.01, EMA: optimizer.EMA{On: true}},
		Metrics:     []metric.Metric{metric.MeanAbsoluteError{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	source := points(t, 90)
	source.X = append(source.X, column(t, wave(8*90, 2), 8))
	source.Y = append(source.Y, column(t, wave(2*90, 3), 2))
	source.Weights = wave(90, 4)
	for i := range source.Weights {
		source.Weights[i]++
	}
	return model, source
}

func hashesOf(t *testing.T, model *cornu.Model, source *data.Arrays) []string {
	t.Helper()
	history := fit(t, model, source, cornu.FitConfig{Epochs: 3, BatchSize: 32, ValidationSplit: 0.2})
	weights, measures := sha256.New(), sha256.New()
	binary.Write(weights, binary.LittleEndian, bits(t, model))
	for _, name := range history.Names() {
		binary.Write(measures, binary.LittleEndian, history.Values[name])
	}
	var x []*tensor.Tensor
	for i, c := range source.X {
		width := c.Shape().Numel()
		x = append(x, tensorOf(t, wave(13*width, uint32(i)), append([]int{13}, c.Shape()...)...))
	}
	out, err := model.PredictAll(ctx, x...)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range out {
		binary.Write(weights, binary.LittleEndian, floats(t, y))
	}
	return []string{hex.EncodeToString(weights.Sum(nil)), hex.EncodeToString(measures.Sum(nil))}
}

// What other machines and earlier versions computed.
func TestATrainingHasTheBitsThatItHad(t *testing.T) {
	const file = "testdata/bits.golden"
	var got strings.Builder
	for i, hash := range hashes(t) {
		fmt.Fprintf(&got, "training %d, %s %s\n", i/2, []string{"weights and predictions", "measures"}[i%2], hash)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("bits have changed; if they have to, say so in CHANGELOG.md under Bits and run go test -run %s -update .\n got %s\nwant %s", t.Name(), got.String(), want)
	}
}

func TestATrainingHasTheSameBitsOnEveryTierAndAnyNumberOfThreads(t *testing.T) {
	want := hashes(t)
	active := isa.Active()
	defer isa.Force(active)
	defer cornu.SetThreads(0)
	for _, tier := range isa.Supported() {
		if err := isa.Force(tier); err != nil {
			t.Fatal(err)
		}
		for i, training := range hashedTrainings() {
			threads := []int{1, 2, 3, 7}
			if !choice.Thorough() {
				// One in so many. Plain Go takes ten times as long; its convolutions are compared where they are.
				few := 4
				switch tier {
				case isa.Generic:
					few = 6
				case active:
					few = 3
				}
				if i%few != int(tier)%few {
					continue
				}
				threads = []int{1 + 2*((i+int(tier))%2)}
			}
			for _, n := range threads {
				cornu.SetThreads(n)
				model, source := training(t)
				if got := hashesOf(t, model, source); !slices.Equal(got, want[2*i:][:2]) {
					t.Errorf("training %d on %v with %d threads has other bits", i, tier, n)
				}
			}
		}
	}
}

// The passes are chosen when the process starts, so another one goes without.
func TestATrainingHasTheSameBitsWithoutPasses(t *testing.T) {
	const mark = "hashes: "
	tried := func(i int) bool { return i%2 > 0 || choice.Thorough() }
	if os.Getenv("CORNU_TEST_HASHES") != "" {
		fmt.Print(mark)
		for i, training := range hashedTrainings() {
			if tried(i) {
				model, source := training(t)
				fmt.Print(strings.Join(hashesOf(t, model, source), " "), " ")
			}
		}
		fmt.Println()
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Skip("the test can't run itself: ", err)
	}
	child := exec.Command(self, "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "CORNU_PASSES=off", "CORNU_TEST_HASHES=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), mark)
	line, _, _ := strings.Cut(rest, "\n")
	var want []string
	for i := range hashedTrainings() {
		if tried(i) {
			want = append(want, hashes(t)[2*i:][:2]...)
		}
	}
	if !slices.Equal(strings.Fields(line), want) {
		t.Errorf("without passes the hashes are %s\nwant %s", out, want)
	}
}
