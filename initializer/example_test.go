package initializer_test

import (
	"fmt"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/tensor"
)

// Checkers is an initializer of one's own: ±Value in turn, whatever the seed.
type Checkers struct{ Value float64 }

func (Checkers) Name() string { return "checkers" }

func (c Checkers) Init(dst []float32, shape tensor.Shape, _ uint64, _ uint16) error {
	if len(shape) != 2 {
		return fmt.Errorf("checkers: want a matrix, got the shape %v", shape)
	}
	for i := range dst {
		row, column := i/shape[1], i%shape[1]
		dst[i] = float32(c.Value)
		if (row+column)%2 == 1 {
			dst[i] = -dst[i]
		}
	}
	return nil
}

// Weights are drawn by the layer's initializers, from the model's seed.
func Example() {
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{2}},
		&layer.Dense{Units: 3, KernelInitializer: Checkers{0.5}, BiasInitializer: initializer.Constant{Value: 1}},
		&layer.Dense{Units: 2, KernelInitializer: initializer.HeNormal{}},
	)
	model.Seed(7)
	weights, err := model.Weights()
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range weights {
		values, err := tensor.Data[float32](w)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v %.2f\n", w.Shape(), values)
	}
	// Output:
	// (2, 3) [0.50 -0.50 0.50 -0.50 0.50 -0.50]
	// (3,) [1.00 1.00 1.00]
	// (3, 2) [-0.06 0.51 -0.82 -0.35 -1.26 1.30]
	// (2,) [0.00 0.00]
}
