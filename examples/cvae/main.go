// Cvae trains a conditional variational autoencoder (Kingma and Welling 2013, Sohn et al. 2015): an encoder turns a picture
// and its class into the mean and the variance of a few numbers, and a decoder makes a picture of such numbers and of a class.
//
//	go run ./examples/cvae
//
// It learns MNIST's digits, or with -data FOLDER the clothes of Fashion-MNIST, and draws, in conditioned.png, a row for
// each class, and in a column what the decoder makes of the same numbers: so a column has one handwriting.
package main

import (
	"context"
	"path/filepath"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/examples/internal/pictures"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

const latent = 2 // numbers beside the class

func main() { pictures.Main(run) }

// A sampling draws numbers around its first input, the mean, with the variance of which its second is the logarithm, and
// adds to the loss how far they are from the standard normal distribution: KL = -½ Σ (1 + log σ² - μ² - σ²). In inference
// it is the mean.
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

func run(ctx context.Context, folder, out string, epochs, limit int) error {
	train, test, err := pictures.Load(ctx, folder, limit)
	if err != nil {
		return err
	}
	train, test = train.Channel().OneHot(), test.Channel().OneHot()
	for _, s := range []*dataset.Set{train, test} { // a picture and its class are the inputs, and the picture the target
		s.X, s.Y = []data.Column{s.X[0], s.Y[0]}, s.X
	}
	rows, columns, classes := train.Rows, train.Columns, train.Classes

	picture, class := cornu.Input(rows, columns, 1), cornu.Input(classes)
	plane := cornu.Apply(&layer.Dense{Units: rows * columns}, class) // the class as another channel
	plane = cornu.Apply(&layer.Reshape{TargetShape: []int{rows, columns, 1}}, plane)
	x := cornu.Apply(&layer.Concatenate{}, picture, plane)
	for _, filters := range []int{32, 64} {
		x = cornu.Apply(&layer.Conv2D{Filters: filters, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}}, x)
	}
	x = cornu.Apply(&layer.Flatten{}, x)
	x = cornu.Apply(&layer.Dense{Units: 32, Activation: activation.ReLU{}}, x)
	encoder := cornu.NewModel([]*cornu.Node{picture, class}, []*cornu.Node{
		cornu.Apply(&layer.Dense{Name: "mean", Units: latent}, x),
		cornu.Apply(&layer.Dense{Name: "log_variance", Units: latent}, x),
	})
	encoder.Name = "encoder"

	z, class := cornu.Input(latent), cornu.Input(classes)
	y := cornu.Apply(&layer.Concatenate{}, z, class)
	y = cornu.Apply(&layer.Dense{Units: 7 * 7 * 64, Activation: activation.ReLU{}}, y)
	y = cornu.Apply(&layer.Reshape{TargetShape: []int{7, 7, 64}}, y)
	for _, filters := range []int{64, 32} {
		y = cornu.Apply(&layer.Conv2DTranspose{Filters: filters, KernelSize: [2]int{3, 3}, Strides: [2]int{2, 2}, Padding: "same", Activation: activation.ReLU{}}, y)
	}
	y = cornu.Apply(&layer.Conv2DTranspose{Filters: 1, KernelSize: [2]int{3, 3}, Padding: "same", Activation: activation.Sigmoid{}}, y)
	decoder := cornu.NewModel([]*cornu.Node{z, class}, []*cornu.Node{y})
	decoder.Name = "decoder"

	picture, class = cornu.Input(rows, columns, 1), cornu.Input(classes)
	drawn := cornu.Apply(&sampling{}, cornu.ApplyAll(encoder.AsLayer(), picture, class)...)
	model := cornu.NewModel([]*cornu.Node{picture, class}, []*cornu.Node{cornu.Apply(decoder.AsLayer(), drawn, class)})
	// The cross-entropy of a picture is that of all its pixels.
	pixels := loss.Func("pixels", func(yTrue, yPred *graph.Node) *graph.Node {
		return loss.BinaryCrossentropy{}.Loss(yTrue, yPred).MulScalar(float64(rows * columns))
	})
	if err := model.Compile(cornu.CompileConfig{Loss: pixels, Optimizer: optimizer.Adam{}}); err != nil {
		return err
	}
	if _, err := model.Fit(ctx, train, cornu.FitConfig{Epochs: epochs, BatchSize: 128, ValidationData: test}); err != nil {
		return err
	}

	const n = 10
	points := make([]float32, 0, classes*n*latent)
	labels := make([]int, 0, classes*n)
	for label := range classes {
		for i := range n {
			at := float32(3*i)/(n-1) - 1.5 // through the middle of the plane from one corner to the other
			points, labels = append(points, at, -at), append(labels, label)
		}
	}
	at, err := tensor.Of(points, len(labels), latent)
	if err != nil {
		return err
	}
	of, err := tensor.ToCategorical(labels, classes)
	if err != nil {
		return err
	}
	result, err := decoder.Predict(ctx, at, of)
	if err != nil {
		return err
	}
	made, err := tensor.Data[float32](result)
	if err != nil {
		return err
	}
	return pictures.Save(filepath.Join(out, "conditioned.png"), n, made)
}
