// Autoencoder trains a denoising autoencoder (Vincent et al. 2008): a network that squeezes a noisy picture into 16
// numbers and is to give back the picture without the noise.
//
//	go run ./examples/autoencoder
//
// It learns MNIST's digits, or with -data FOLDER the clothes of Fashion-MNIST, and draws denoised.png: pictures that it
// was not trained on in the first row, the same with noise below, and below these what the network makes of the noisy ones.
package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/examples/internal/pictures"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

const noise = 0.5 // the deviation

func main() { pictures.Main(run) }

func run(ctx context.Context, folder, out string, epochs, limit int) error {
	train, test, err := pictures.Load(ctx, folder, limit)
	if err != nil {
		return err
	}
	train, test = train.Channel(), test.Channel()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{train.Rows, train.Columns, 1}},
		// In training alone there is other noise every time; what leaves the range of a picture's numbers is cut off.
		&layer.GaussianNoise{Stddev: noise},
		&layer.ReLU{MaxValue: new(1.0)},
		&layer.Conv2D{Filters: 32, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}},
		&layer.Conv2D{Filters: 64, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}},
		&layer.Flatten{},
		&layer.Dense{Name: "latent", Units: 16},
		&layer.Dense{Units: 7 * 7 * 64},
		&layer.Reshape{TargetShape: []int{7, 7, 64}},
		&layer.Conv2DTranspose{Filters: 64, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}},
		&layer.Conv2DTranspose{Filters: 32, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}},
		&layer.Conv2DTranspose{Filters: 1, KernelSize: [2]int{3, 3}, Padding: "same", Activation: activation.Sigmoid{}},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}); err != nil {
		return err
	}
	train.Y, test.Y = train.X, test.X // a picture is its own target
	if _, err := model.Fit(ctx, train, cornu.FitConfig{Epochs: epochs, BatchSize: 128, ValidationData: test}); err != nil {
		return err
	}

	const n = 10
	inputs, err := test.Inputs(0, n)
	if err != nil {
		return err
	}
	clean, err := tensor.Data[float32](inputs)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	noisy := make([]float32, len(clean))
	for i, v := range clean {
		noisy[i] = min(max(v+float32(noise*random.NormFloat64()), 0), 1)
	}
	x, err := tensor.Of(noisy, n, test.Rows, test.Columns, 1)
	if err != nil {
		return err
	}
	y, err := model.Predict(ctx, x)
	if err != nil {
		return err
	}
	denoised, err := tensor.Data[float32](y)
	if err != nil {
		return err
	}
	return pictures.Save(filepath.Join(out, "denoised.png"), n, clean, noisy, denoised)
}
