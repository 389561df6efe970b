// Dcgan trains a deep convolutional generative adversarial network (Radford et al. 2015): a generator makes pictures of
// noise, and a discriminator tells them from real ones.
//
//	go run ./examples/dcgan
//
// It learns MNIST's digits, or with -data FOLDER the clothes of Fashion-MNIST. After each epoch it draws, in
// generated.png, what the generator makes of the same noise.
package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/examples/internal/pictures"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

const noise = 64 // numbers that a picture is made of

func main() { pictures.Main(run) }

func run(ctx context.Context, folder, out string, epochs, limit int) error {
	images, _, err := pictures.Load(ctx, folder, limit)
	if err != nil {
		return err
	}
	images = images.Channel()
	images.Y = nil // nothing is given but pictures

	upsample := func(filters int) layer.Layer {
		return &layer.Conv2DTranspose{Filters: filters, KernelSize: [2]int{4, 4}, Strides: [2]int{2, 2}, Padding: "same", NoBias: true}
	}
	generator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{noise}},
		&layer.Dense{Units: 7 * 7 * 64, NoBias: true},
		&layer.BatchNormalization{Momentum: new(0.9)},
		&layer.ReLU{},
		&layer.Reshape{TargetShape: []int{7, 7, 64}},
		upsample(64),
		&layer.BatchNormalization{Momentum: new(0.9)},
		&layer.ReLU{},
		upsample(32),
		&layer.BatchNormalization{Momentum: new(0.9)},
		&layer.ReLU{},
		&layer.Conv2D{Filters: 1, KernelSize: [2]int{5, 5}, Padding: "same", Activation: activation.Sigmoid{}},
	)
	downsample := func(filters int) layer.Layer {
		return &layer.Conv2D{Filters: filters, KernelSize: [2]int{4, 4}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.LeakyReLU{}}
	}
	discriminator := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{images.Rows, images.Columns, 1}},
		downsample(32),
		&layer.Dropout{Rate: 0.3},
		downsample(64),
		&layer.Dropout{Rate: 0.3},
		&layer.Flatten{},
		&layer.Dense{Units: 1}, // a logit: that the picture is real
	)

	// One step trains both, each by its optimizer: the discriminator on real and on made pictures, through which no
	// gradient reaches the generator, and the generator on what the discriminator takes for real.
	step, err := train.NewStep(1, func(s *train.StepBuilder) {
		real := s.Input("picture", tensor.Shape{tensor.Batch, images.Rows, images.Columns, 1})
		z := real.Reshape(tensor.Batch, images.Rows*images.Columns).SliceAxis(1, 0, noise).RandomNormal() // numbers of its shape, new ones every step
		made, _ := s.Network(generator.Network(), true, z)

		of := func(x *graph.Node) *graph.Node {
			logit, _ := s.Network(discriminator.Network(), true, x)
			return logit[0]
		}
		isReal, isMade := of(real), of(made[0].StopGradient())
		zeros := isReal.MulScalar(0)
		ones := zeros.AddScalar(1)
		right := loss.BinaryCrossentropy{FromLogits: true}
		caught := loss.Of(right, ones, isReal, nil).Add(loss.Of(right, zeros, isMade, nil))
		fooled := loss.Of(right, ones, of(made[0]), nil)

		s.Mean("discriminator", caught)
		s.Mean("generator", fooled)
		adam := func() *train.Optimizer {
			return train.NewOptimizer(optimizer.Adam{LearningRate: 0.0002, Beta1: new(0.5)})
		}
		s.Minimize(caught, adam(), discriminator.Network().TrainableVariables()...)
		s.Minimize(fooled, adam(), generator.Network().TrainableVariables()...)
	})
	if err != nil {
		return err
	}

	const n = 100
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, n*noise)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	z, err := tensor.Of(values, n, noise)
	if err != nil {
		return err
	}
	draw := train.Func(func(*train.State) error {
		y, err := generator.Predict(ctx, z)
		if err != nil {
			return err
		}
		made, err := tensor.Data[float32](y)
		if err != nil {
			return err
		}
		return pictures.Save(filepath.Join(out, "generated.png"), 10, made)
	})
	_, err = train.Fit(ctx, step, nil, images, train.Config{Epochs: epochs, BatchSize: 64, Callbacks: []train.Callback{draw}})
	return err
}
