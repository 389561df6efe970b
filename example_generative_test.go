package cornu_test

// This file shows networks that make digits: two that are trained against each other, and one
// whose middle has a loss of its own.

import (
	"context"
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// digits returns images of handwritten digits, of 784 numbers each.
func digits(n int) *data.Arrays {
	images, _, err := mnist.Load()
	if err != nil {
		log.Fatal(err)
	}
	return images.Flat().Take(n)
}

// A generative adversarial network (Goodfellow et al. 2014): a generator makes digits of noise, and
// a discriminator tells them from real ones. One step trains both, each by its optimizer: the
// discriminator on real and on made digits, through which no gradient reaches the generator, and
// the generator on what the discriminator takes for real.
func Example_adversarial() {
	const noise = 16
	generator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{noise}},
		&layer.Dense{Units: 64, Activation: activation.LeakyReLU{}},
		&layer.BatchNormalization{Momentum: new(0.8)},
		&layer.Dense{Units: 784, Activation: activation.Sigmoid{}},
	)
	discriminator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 64, Activation: activation.LeakyReLU{}},
		&layer.Dropout{Rate: 0.3},
		&layer.Dense{Units: 1},
	)
	right := loss.BinaryCrossentropy{FromLogits: true}
	step, err := train.NewStep(1, func(s *train.StepBuilder) {
		real := s.Input("digit", tensor.Shape{tensor.Batch, 784})
		z := real.SliceAxis(1, 0, noise).RandomNormal() // numbers of its shape, new ones every step
		made, _ := s.Network(generator.Network(), true, z)

		of := func(x *graph.Node) *graph.Node {
			logit, _ := s.Network(discriminator.Network(), true, x)
			return logit[0]
		}
		isReal, isMade := of(real), of(made[0].StopGradient())
		ones := isReal.MulScalar(0).AddScalar(1)
		zeros := isReal.MulScalar(0)
		caught := loss.Of(right, ones, isReal, nil).Add(loss.Of(right, zeros, isMade, nil))
		fooled := loss.Of(right, ones, of(made[0]), nil)

		s.Mean("discriminator", caught)
		s.Mean("generator", fooled)
		s.Metric("told apart", metric.BinaryAccuracy{Threshold: new(0.0)}, ones, isReal, nil)
		s.Minimize(caught, train.NewOptimizer(optimizer.Adam{LearningRate: 0.0002, Beta1: new(0.5)}), discriminator.Network().TrainableVariables()...)
		s.Minimize(fooled, train.NewOptimizer(optimizer.Adam{LearningRate: 0.001, Beta1: new(0.5)}), generator.Network().TrainableVariables()...)
	})
	if err != nil {
		log.Fatal(err)
	}
	source := digits(2048)
	source.Y = nil // nothing is given but digits
	history, err := train.Fit(context.Background(), step, nil, source, train.Config{Epochs: 10, BatchSize: 64, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range history.Names() {
		last, _ := history.Last(name)
		fmt.Printf("%s: %.2f\n", name, last)
	}
	// A digit of noise, by the statistics that the BatchNormalization has kept.
	z, err := tensor.Zeros(tensor.Float32, 1, noise)
	if err != nil {
		log.Fatal(err)
	}
	digit, err := generator.Predict(context.Background(), z)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digit.Shape())
	// Output:
	// discriminator: 0.96
	// generator: 1.50
	// told apart: 0.66
	// (1, 784)
}

// A sampling draws z around its first input, the mean, with the variance of which its second is
// the logarithm, and adds to the loss how far that is from the standard normal distribution
// (Kingma and Welling 2014): KL = -½ Σ (1 + log σ² - μ² - σ²). In inference it is the mean.
type sampling struct{ Name string }

func (*sampling) Build(b *layer.Builder, in []tensor.Shape) error {
	if len(in) != 2 || !in[0].Equal(in[1]) {
		return b.Errorf("takes means and logarithms of variances, of one shape")
	}
	return nil
}

func (*sampling) Call(c *layer.Context, in []*graph.Node) *graph.Node {
	mean, logVariance := in[0], in[1]
	kl := logVariance.AddScalar(1).Sub(mean.Square()).Sub(logVariance.Exp()).Sum(1).MulScalar(-0.5)
	c.AddLoss(kl.Mean())
	if !c.Training() {
		return mean
	}
	return mean.Add(logVariance.MulScalar(0.5).Exp().Mul(mean.RandomNormal()))
}

// A variational autoencoder: an encoder of two outputs, a layer that samples and has a loss of its own, and a decoder,
// which makes digits of points of a plane. The parts are models, which the whole trains.
func Example_variational() {
	x := cornu.Input(784)
	h := cornu.Apply(&layer.Dense{Units: 64, Activation: activation.ReLU{}}, x)
	encoder := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Name: "mean", Units: 2}, h),
		cornu.Apply(&layer.Dense{Name: "log_variance", Units: 2}, h),
	})
	encoder.Name = "encoder"
	decoder := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{2}},
		&layer.Dense{Units: 64, Activation: activation.ReLU{}},
		&layer.Dense{Units: 784, Activation: activation.Sigmoid{}},
	)
	decoder.Name = "decoder"

	digit := cornu.Input(784)
	z := cornu.Apply(&sampling{}, cornu.ApplyAll(encoder.AsLayer(), digit)...)
	model := cornu.NewModel([]*cornu.Node{digit}, []*cornu.Node{cornu.Apply(decoder.AsLayer(), z)})
	model.Seed(3)
	// The cross-entropy of a digit is that of all its pixels.
	pixels := loss.Func("pixels", func(yTrue, yPred *graph.Node) *graph.Node {
		return loss.BinaryCrossentropy{}.Loss(yTrue, yPred).MulScalar(784)
	})
	err := model.Compile(cornu.CompileConfig{Loss: pixels, Optimizer: optimizer.Adam{LearningRate: 0.002}})
	if err != nil {
		log.Fatal(err)
	}
	source := digits(2048)
	source.Y = source.X // a digit is its own target
	history, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 8, BatchSize: 64, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	losses := history.Values["loss"]
	fmt.Printf("loss: %.0f, then %.0f\n", losses[0], losses[len(losses)-1])

	// What the encoder makes of a digit, and the decoder of any point.
	point, err := tensor.Of([]float32{0.5, -1}, 1, 2)
	if err != nil {
		log.Fatal(err)
	}
	made, err := decoder.Predict(context.Background(), point)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Shape())
	// Output:
	// loss: 376, then 187
	// (1, 784)
}

// Fine-tuning, as Keras's guide does it: what a model has learnt of one task is kept for another, of which there are
// few examples. A model from its inputs to an inner layer shares that layer; it is a frozen layer of
// the new model until the new last layer is trained, and then learns a little too.
func Example_fineTuning() {
	images, test, err := mnist.Load()
	if err != nil {
		log.Fatal(err)
	}
	classifier := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 64},
		&layer.BatchNormalization{},
		&layer.Activation{Name: "features", Func: activation.ReLU{}},
		&layer.Dense{Units: 10, Activation: activation.Softmax{}},
	)
	fit := func(model *cornu.Model, source data.Source, rate float64, epochs int, l loss.Loss, m metric.Metric) {
		err := model.Compile(cornu.CompileConfig{Loss: l, Optimizer: optimizer.Adam{LearningRate: rate}, Metrics: []metric.Metric{m}})
		if err != nil {
			log.Fatal(err)
		}
		if _, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: epochs, BatchSize: 50, Quiet: true}); err != nil {
			log.Fatal(err)
		}
	}
	fit(&classifier.Model, images.Flat().Take(5000), 0.001, 3, loss.SparseCategoricalCrossentropy{}, metric.SparseCategoricalAccuracy{})

	// The other task: is there a loop in the digit?
	loops := func(s *mnist.Set, n int) *data.Arrays {
		s = s.Flat().Limit(n)
		y := make([]float32, n)
		for i, digit := range s.Labels[:n] {
			if digit == 0 || digit == 6 || digit == 8 || digit == 9 {
				y[i] = 1
			}
		}
		source := s.Take(n)
		target, err := data.Floats(y, 1)
		if err != nil {
			log.Fatal(err)
		}
		source.Y = []data.Column{target}
		return source
	}
	base := cornu.NewModel(classifier.Inputs(), []*cornu.Node{classifier.Node("features")})
	base.AsLayer().Frozen = true
	x := cornu.Input(784)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Units: 1, Activation: activation.Sigmoid{}}, cornu.Infer(base.AsLayer(), x)),
	})
	for _, rate := range []float64{0.01, 0.0001} {
		fit(model, loops(images, 500), rate, 8, loss.BinaryCrossentropy{}, metric.BinaryAccuracy{})
		result, err := model.Evaluate(context.Background(), loops(test, 2000), cornu.EvaluateConfig{Quiet: true})
		if err != nil {
			log.Fatal(err)
		}
		accuracy, err := result.Metric("binary_accuracy")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d variables trained, accuracy %.1f%%\n", len(model.Network().TrainableVariables()), 100*accuracy)
		base.AsLayer().Frozen = false
	}
	// Output:
	// 2 variables trained, accuracy 88.6%
	// 6 variables trained, accuracy 90.2%
}
