package cornu_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// Plain slices go in and come out: the smallest problem that a line can't solve.
func Example_xor() {
	xor, err := data.FromRows([][]float64{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, [][]float64{{0}, {1}, {1}, {0}})
	if err != nil {
		log.Fatal(err)
	}
	model := cornu.NewSequential(
		&layer.Dense{Units: 8, Activation: activation.Tanh{}},
		&layer.Dense{Units: 1, Activation: activation.Sigmoid{}},
	)
	if err := model.Compile(cornu.CompileConfig{Loss: loss.BinaryCrossentropy{}, Optimizer: optimizer.Adam{LearningRate: 0.1}}); err != nil {
		log.Fatal(err)
	}
	if _, err := model.Fit(context.Background(), xor, cornu.FitConfig{Epochs: 100, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	y, err := model.PredictSource(context.Background(), xor, cornu.PredictConfig{})
	if err != nil {
		log.Fatal(err)
	}
	rows, err := tensor.ToRows[float32](y)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f\n", rows)
	// Output: [[0.00] [1.00] [1.00] [0.00]]
}
