package loss_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A loss is looked at by itself: the model returns what it is given, and
// TestOnBatch measures it.
func Example() {
	targets := [][]float32{{0, 1, 0}, {0, 0, 1}}
	predictions := [][]float32{{0.05, 0.95, 0}, {0.1, 0.8, 0.1}}
	source, err := data.FromRows(predictions, targets)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range []loss.Loss{
		loss.CategoricalCrossentropy{},
		loss.CategoricalCrossentropy{Reduction: loss.Sum},
		loss.CategoricalCrossentropy{LabelSmoothing: 0.1},
		loss.MeanAbsoluteError{},
	} {
		model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{3}}, &layer.Flatten{})
		if err := model.Compile(cornu.CompileConfig{Loss: l}); err != nil {
			log.Fatal(err)
		}
		result, err := model.TestOnBatch(source)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.3f\n", l.Name(), result.Loss)
	}
	// Output:
	// categorical_crossentropy: 1.177
	// categorical_crossentropy: 2.354
	// categorical_crossentropy: 1.459
	// mean_absolute_error: 0.317
}

// A loss of one's own is made of nodes and needs no derivative. This one is the
// pinball loss, whose minimum is a quantile: too low costs nine times as much as
// too high, so a constant that is learned becomes the 90th percentile.
func ExampleFunc() {
	pinball := loss.Func("pinball", func(yTrue, yPred *graph.Node) *graph.Node {
		miss := yTrue.Sub(yPred)
		return miss.MulScalar(0.9).Max(miss.MulScalar(-0.1)).Mean(-1)
	})
	var x, y [][]float64
	for i := range 101 { // 0, 1, … 100
		x, y = append(x, []float64{0}), append(y, []float64{float64(i)})
	}
	source, err := data.FromRows(x, y)
	if err != nil {
		log.Fatal(err)
	}
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: pinball, Optimizer: optimizer.SGD{LearningRate: 10}}); err != nil {
		log.Fatal(err)
	}
	if _, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 200, BatchSize: 101, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	weights, err := model.Weights()
	if err != nil {
		log.Fatal(err)
	}
	bias, err := tensor.Data[float32](weights[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.0f\n", bias)
	// Output: [90]
}
