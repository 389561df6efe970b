package metric_test

import (
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/tensor"
)

// measure returns what metrics make of predictions. The model is one that returns
// what it is given.
func measure(predictions, targets [][]float32, metrics ...metric.Metric) cornu.Result {
	source, err := data.FromRows(predictions, targets)
	if err != nil {
		log.Fatal(err)
	}
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{len(predictions[0])}}, &layer.Flatten{})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Metrics: metrics}); err != nil {
		log.Fatal(err)
	}
	result, err := model.TestOnBatch(source)
	if err != nil {
		log.Fatal(err)
	}
	return result
}

// Four patients, two of them ill: one is found, and one who is well is taken for
// ill. Two metrics of a kind get names of their own.
func Example() {
	ill := [][]float32{{1}, {1}, {0}, {0}}
	predicted := [][]float32{{0.9}, {0.4}, {0.6}, {0.1}}
	result := measure(predicted, ill,
		metric.Accuracy{},
		metric.Precision{},
		metric.Recall{},
		metric.Named("recall at 0.3", metric.Recall{Thresholds: []float64{0.3}}),
		metric.AUC{},
	)
	for _, name := range []string{"accuracy", "precision", "recall", "recall at 0.3", "auc"} {
		fmt.Printf("%s: %.2f\n", name, result.Metrics[name])
	}
	// Output:
	// accuracy: 0.50
	// precision: 0.50
	// recall: 0.50
	// recall at 0.3: 1.00
	// auc: 0.75
}

// A metric of several numbers, such as a confusion matrix, has them in Vectors.
func ExampleRows() {
	classes := [][]float32{{1, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	predicted := [][]float32{{0.8, 0.1, 0.1}, {0.2, 0.7, 0.1}, {0.1, 0.9, 0}, {0, 0.2, 0.8}}
	result := measure(predicted, classes, metric.ConfusionMatrix{})
	for class, row := range metric.Rows(result.Vectors["confusion_matrix"]) {
		fmt.Println(class, "is taken for", row)
	}
	// Output:
	// 0 is taken for [1 1 0]
	// 1 is taken for [0 1 0]
	// 2 is taken for [0 0 1]
}

// What loss has, and functions of one's own, are metrics too.
func ExampleOfLoss() {
	worst := loss.Func("worst", func(yTrue, yPred *graph.Node) *graph.Node {
		return yTrue.Sub(yPred).Abs().ReduceMax(-1)
	})
	result := measure([][]float32{{1, 2}, {3, 4}}, [][]float32{{1, 4}, {2, 4}}, metric.OfLoss(worst), metric.OfLoss(loss.Huber{}))
	fmt.Println(result.Metrics["worst"], result.Metrics[loss.Huber{}.Name()])
	// Output: 1.5 0.5
}
