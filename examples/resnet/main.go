// Resnet trains a residual network (He et al. 2015, 2016) on small gray pictures: MNIST's digits, or with -data FOLDER
// Fashion-MNIST, which is downloaded there.
//
//	go run ./examples/resnet -data fashion
//
// Version 1 adds the input of a block of two convolutions to its output, and then rectifies; version 2 normalizes and
// rectifies before each of a block's three convolutions, of which two are of single pixels, so that the sum is passed on
// as it is. Both have three stages of blocks; each but the first halves the sides and has more filters. With -blocks 3
// version 1 is ResNet-20, and so is version 2 with -blocks 2.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/examples/internal/pictures"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
)

func main() {
	log.SetFlags(0)
	folder := flag.String("data", "", "the `folder` of Fashion-MNIST; without it MNIST")
	version := flag.Int("version", 1, "of the network: 1 or 2")
	blocks := flag.Int("blocks", 3, "blocks of a stage")
	epochs := flag.Int("epochs", 8, "how often to go through the pictures")
	limit := flag.Int("limit", 0, "use only the first pictures, so many; 0 uses all")
	save := flag.String("save", "", "keep the trained network in a `file`, .keras or .h5")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *folder, *version, *blocks, *epochs, *limit, *save); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, version, blocks, epochs, limit int, save string) error {
	if version != 1 && version != 2 {
		return fmt.Errorf("-version: there is no version %d, only 1 and 2", version)
	}
	train, test, err := pictures.Load(ctx, folder, limit)
	if err != nil {
		return err
	}
	train, test = train.Channel(), test.Channel()

	// What is learnt must hold for pictures that are shifted a little, and for clothes that are turned around.
	x := cornu.Input(train.Rows, train.Columns, 1)
	y := cornu.Apply(&layer.RandomTranslation{
		HeightFactor: [2]float64{-0.08, 0.08}, WidthFactor: [2]float64{-0.08, 0.08}, FillMode: "constant",
	}, x)
	if folder != "" {
		y = cornu.Apply(&layer.RandomFlip{Mode: "horizontal"}, y)
	}
	if version == 2 {
		y = version2(y, blocks)
	} else {
		y = version1(y, blocks)
	}
	y = cornu.Apply(&layer.GlobalAveragePooling2D{}, y)
	y = cornu.Apply(&layer.Dense{Units: train.Classes, Activation: activation.Softmax{}, KernelInitializer: initializer.HeNormal{}}, y)
	model := cornu.NewModel([]*cornu.Node{x}, []*cornu.Node{y})
	model.Name = fmt.Sprintf("resnet_v%d", version)

	const batch = 128
	steps := epochs * ((train.Len() + batch - 1) / batch)
	err = model.Compile(cornu.CompileConfig{
		Loss: loss.SparseCategoricalCrossentropy{},
		Optimizer: optimizer.SGD{
			Momentum: 0.9, Nesterov: true,
			Schedule: optimizer.CosineDecay{InitialLearningRate: 0.01, WarmupTarget: new(0.1), WarmupSteps: steps / 8, DecaySteps: steps - steps/8},
		},
		Metrics: []metric.Metric{metric.SparseCategoricalAccuracy{}},
	})
	if err != nil {
		return err
	}
	if _, err := model.Fit(ctx, train, cornu.FitConfig{Epochs: epochs, BatchSize: batch, ValidationData: test}); err != nil {
		return err
	}
	result, err := model.Evaluate(ctx, test, cornu.EvaluateConfig{BatchSize: batch})
	if err != nil {
		return err
	}
	accuracy, err := result.Metric("sparse_categorical_accuracy")
	if err != nil {
		return err
	}
	fmt.Printf("test accuracy %.2f%%\n", 100*accuracy)
	if save != "" {
		return model.Save(save)
	}
	return nil
}

// conv is a convolution of a size at every so many places. A batch normalization before or after it has the bias.
func conv(x *cornu.Node, filters, size, stride int) *cornu.Node {
	return cornu.Apply(&layer.Conv2D{
		Filters: filters, KernelSize: [2]int{size, size}, Strides: [2]int{stride, stride}, Padding: "same",
		KernelInitializer: initializer.HeNormal{}, KernelRegularizer: regularizer.L2{L2: 1e-4},
	}, x)
}

func normalize(x *cornu.Node) *cornu.Node {
	return cornu.Apply(&layer.BatchNormalization{Momentum: new(0.9)}, x)
}

func rectify(x *cornu.Node) *cornu.Node {
	return cornu.Apply(&layer.Activation{Func: activation.ReLU{}}, x)
}

// version1 has three stages of 16, 32 and 64 filters.
func version1(x *cornu.Node, blocks int) *cornu.Node {
	x = rectify(normalize(conv(x, 16, 3, 1)))
	for stage := range 3 {
		filters := 16 << stage
		for block := range blocks {
			stride, shortcut := 1, x
			if stage > 0 && block == 0 {
				stride = 2
				shortcut = conv(x, filters, 1, stride)
			}
			y := rectify(normalize(conv(x, filters, 3, stride)))
			y = normalize(conv(y, filters, 3, 1))
			x = rectify(cornu.Apply(&layer.Add{}, shortcut, y))
		}
	}
	return x
}

// version2 has three stages whose blocks take in 16, 64 and 128 filters, narrow them, and give out 64, 128 and 256.
func version2(x *cornu.Node, blocks int) *cornu.Node {
	x = rectify(normalize(conv(x, 16, 3, 1)))
	for stage := range 3 {
		narrow, wide := []int{16, 64, 128}[stage], []int{64, 128, 256}[stage]
		for block := range blocks {
			stride, shortcut, y := 1, x, x
			if stage > 0 && block == 0 {
				stride = 2
			}
			if stage > 0 || block > 0 { // what comes first is normalized already
				y = rectify(normalize(y))
			}
			y = conv(y, narrow, 1, stride)
			y = conv(rectify(normalize(y)), narrow, 3, 1)
			y = conv(rectify(normalize(y)), wide, 1, 1)
			if block == 0 {
				shortcut = conv(x, wide, 1, stride)
			}
			x = cornu.Apply(&layer.Add{}, shortcut, y)
		}
	}
	return rectify(normalize(x))
}
