package cornu_test

// This file shows what else can be built and trained. Trainings print the same
// numbers on every machine, so what they print is checked.

import (
	"context"
	"fmt"
	"iter"
	"log"
	"math"
	"os"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// curve returns n points of a function of [-1, 1].
func curve(n int, f func(x float64) float64) *data.Arrays {
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		at := 2*float64(i)/float64(n-1) - 1
		x[i], y[i] = float32(at), float32(f(at))
	}
	columnX, err := data.Floats(x, 1)
	if err != nil {
		log.Fatal(err)
	}
	columnY, err := data.Floats(y, 1)
	if err != nil {
		log.Fatal(err)
	}
	return &data.Arrays{X: []data.Column{columnX}, Y: []data.Column{columnY}}
}

// Two branches, one of which is a shortcut, and two outputs, each with its loss
// and its metrics.
func Example_branches() {
	x := cornu.Input(1)
	deep := cornu.Apply(&layer.Dense{Units: 16, Activation: activation.Tanh{}}, x)
	deep = cornu.Apply(&layer.Dense{Units: 8, Activation: activation.Tanh{}}, deep)
	both := cornu.Apply(&layer.Concatenate{}, deep, x)
	height := cornu.Apply(&layer.Dense{Name: "height", Units: 1}, both)
	above := cornu.Apply(&layer.Dense{Name: "above", Units: 1, Activation: activation.Sigmoid{}}, both)

	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{height, above})
	if err := model.Summary(os.Stdout); err != nil {
		log.Fatal(err)
	}
	err := model.Compile(cornu.CompileConfig{
		Losses:        []loss.Loss{loss.MeanSquaredError{}, loss.BinaryCrossentropy{}},
		LossWeights:   []float64{1, 0.2},
		Optimizer:     optimizer.Adam{LearningRate: 0.01},
		OutputMetrics: [][]metric.Metric{nil, {metric.Accuracy{}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	wave := func(x float64) float64 { return 4*x*x*x - 3*x }
	source := curve(200, wave)
	source.Y = append(source.Y, curve(200, func(x float64) float64 { return math.Round((1 + wave(x)) / 2) }).Y...)
	history, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 30, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range history.Names() {
		last, _ := history.Last(name)
		fmt.Printf("%s: %.1f\n", name, last)
	}
	// Output:
	// Model: "functional"
	// ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
	// ┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃
	// ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
	// │ input_layer (InputLayer)      │ (None, 1)                 │               0 │ -                          │
	// ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
	// │ dense (Dense)                 │ (None, 16)                │              32 │ input_layer[0][0]          │
	// ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
	// │ dense_1 (Dense)               │ (None, 8)                 │             136 │ dense[0][0]                │
	// ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
	// │ concatenate (Concatenate)     │ (None, 9)                 │               0 │ dense_1[0][0],             │
	// │                               │                           │                 │ input_layer[0][0]          │
	// ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
	// │ height (Dense)                │ (None, 1)                 │              10 │ concatenate[0][0]          │
	// ├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
	// │ above (Dense)                 │ (None, 1)                 │              10 │ concatenate[0][0]          │
	// └───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘
	//  Total params: 188 (752.00 B)
	//  Trainable params: 188 (752.00 B)
	//  Non-trainable params: 0 (0.00 B)
	// above_accuracy: 0.9
	// above_loss: 0.4
	// height_loss: 0.1
	// loss: 0.2
}

// Scale is a layer of the user's own: it multiplies each feature by a number that
// is learnt.
type Scale struct {
	Name   string
	Frozen bool

	factor *layer.Variable
}

// Build declares the factors.
func (l *Scale) Build(b *layer.Builder, in []tensor.Shape) error {
	features := in[0][len(in[0])-1]
	l.factor = b.Variable("factor", tensor.Shape{features}, layer.VariableConfig{Initializer: initializer.Ones{}})
	return nil
}

// Call emits the product. Its derivative follows.
func (l *Scale) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	return in[0].Mul(c.Value(l.factor))
}

// A layer of one's own has two methods: Build declares what it learns, Call says
// what it computes.
func Example_customLayer() {
	scale := &Scale{}
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, scale)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.3}}); err != nil {
		log.Fatal(err)
	}
	source := curve(64, func(x float64) float64 { return 2.5 * x })
	if _, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 30, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	for _, v := range layer.Variables(scale) {
		fmt.Printf("%s: %.3f\n", v.Path, v.Value())
	}
	// Output: scale/factor: [2.500]
}

// A loss of one's own is a function that emits one value a sample. This one
// forgives errors below 0.1.
func Example_customLoss() {
	tube := loss.Func("tube", func(yTrue, yPred *graph.Node) *graph.Node {
		return yPred.Sub(yTrue).Abs().AddScalar(-0.1).Relu().Mean(-1)
	})
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{1}},
		&layer.Dense{Units: 16, Activation: activation.Tanh{}},
		&layer.Dense{Units: 1},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: tube, Optimizer: optimizer.Adam{LearningRate: 0.02}}); err != nil {
		log.Fatal(err)
	}
	source := curve(128, math.Abs)
	if _, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 40, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	result, err := model.Evaluate(context.Background(), source, cornu.EvaluateConfig{Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("loss: %.2f\n", result.Loss)
	// Output: loss: 0.00
}

// Samples may come from a function, without end: then the training is told how
// many steps an epoch has. What is drawn depends on the epoch, so that a training
// can go on later where it stopped.
func Example_generator() {
	spec := data.Spec{X: []tensor.Shape{{2}}, Y: []tensor.Shape{{1}}, Len: -1}
	source := data.Func(spec, func(_ context.Context, c data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			state := 1 + 7919*c.Epoch
			draw := func() float32 {
				state = state*6364136223846793005 + 1442695040888963407
				return float32(state>>40) / (1 << 23)
			}
			for {
				a, b := draw(), draw()
				if !yield(data.Sample{X: [][]float32{{a, b}}, Y: [][]float32{{a - 2*b}}}, nil) {
					return
				}
			}
		}
	})
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.2}}); err != nil {
		log.Fatal(err)
	}
	_, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 4, StepsPerEpoch: 50, BatchSize: 8, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	weights, err := model.Weights()
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := tensor.Data[float32](weights[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", kernel)
	// Output: [1.000 -2.000]
}

// A step of one's own: two networks play against each other (Goodfellow et al.
// 2014), each with its optimizer. The generator learns to draw from the
// distribution of the samples, which it never sees.
func Example_customStep() {
	generator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{1}},
		&layer.Dense{Units: 8, Activation: activation.Tanh{}},
		&layer.Dense{Units: 1},
	)
	discriminator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{1}},
		&layer.Dense{Units: 16, Activation: activation.Tanh{}},
		&layer.Dense{Units: 1},
	)
	g, d := generator.Network(), discriminator.Network()
	slow, fast := train.NewOptimizer(optimizer.Adam{LearningRate: 0.002, Beta1: new(0.5)}), train.NewOptimizer(optimizer.Adam{LearningRate: 0.008, Beta1: new(0.5)})

	play, err := train.NewStep(1, func(s *train.StepBuilder) {
		real := s.Input("real", tensor.Shape{tensor.Batch, 1})
		drawn, _ := s.Network(g, true, real.RandomNormal())
		onReal, _ := s.Network(d, true, real)
		onDrawn, _ := s.Network(d, true, drawn[0])

		// The losses of a discriminator that gives logits: softplus(-z) is the cross
		// entropy with 1, softplus(z) that with 0.
		fooled := onDrawn[0].Neg().Softplus().Mean()
		told := onReal[0].Neg().Softplus().Mean().Add(onDrawn[0].Softplus().Mean())
		s.Mean("generator", fooled)
		s.Mean("discriminator", told)
		s.Minimize(fooled, slow, g.TrainableVariables()...)
		s.Minimize(told, fast, d.TrainableVariables()...)
		s.Output(drawn[0])
	})
	if err != nil {
		log.Fatal(err)
	}

	batch := make([]float32, 64)
	var drawn [][]float32
	for range 1500 {
		for i := range batch {
			batch[i] = 3 + float32(i%8)/8 // real samples lie in [3, 4)
		}
		if drawn, err = play.Run(data.Batch{X: [][]float32{batch}}); err != nil {
			log.Fatal(err)
		}
	}
	inside := 0
	for _, y := range drawn[0] {
		if y > 2.9 && y < 4 {
			inside++
		}
	}
	fmt.Println("most of what is drawn lies where the real samples do:", inside > len(drawn[0])*3/4)
	// Output: most of what is drawn lies where the real samples do: true
}
