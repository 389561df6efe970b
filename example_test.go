package cornu_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// The listing of the README, on fewer digits and for one epoch.
func Example() {
	ctx, out := context.Background(), io.Discard

	train, test, err := mnist.Load() // 60,000 + 10,000 digits, in the binary
	if err != nil {
		log.Fatal(err)
	}
	train = train.Limit(3840)

	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	model.Summary(out)

	err = model.Compile(cornu.CompileConfig{
		Loss:      loss.CategoricalCrossentropy{},
		Optimizer: optimizer.Adam{},
		Metrics:   []metric.Metric{metric.Accuracy{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = model.Fit(ctx, train.Flat().OneHot(), cornu.FitConfig{Epochs: 1, BatchSize: 128, Log: out})
	if err != nil {
		log.Fatal(err)
	}
	result, err := model.Evaluate(ctx, test.Flat().OneHot(), cornu.EvaluateConfig{BatchSize: 128, Log: out})
	if err != nil {
		log.Fatal(err)
	}
	accuracy, err := result.Metric("accuracy")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Test accuracy: %.1f%%\n", 100*accuracy)
	// Output: Test accuracy: 83.1%
}
