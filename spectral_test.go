package cornu_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/golden"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func TestSpectralNormalizationTrainsAsInKerasOnTensorFlow(t *testing.T) {
	for _, c := range golden.Load(t, "spectral").Cases {
		t.Run(c.Name, func(t *testing.T) {
			model := cornu.NewSequential(
				&layer.Input{Shape: tensor.Shape{5}},
				&layer.SpectralNormalization{
					Layer: &layer.Dense{Units: 4, Activation: activation.Tanh{}, KernelRegularizer: regularizer.L2{L2: 0.01}}, PowerIterations: 2,
				},
				&layer.SpectralNormalization{Layer: &layer.Dense{Units: 2}},
			)
			if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1, Momentum: 0.9}}); err != nil {
				t.Fatal(err)
			}
			wide := func(name string) (list []float64) {
				for _, v := range c.Tensors[name].Data {
					list = append(list, float64(v))
				}
				return list
			}
			var weights []*tensor.Tensor
			for i := 0; c.Tensors[fmt.Sprint("initial ", i)].Data != nil; i++ {
				w := c.Tensors[fmt.Sprint("initial ", i)]
				weights = append(weights, tensorOf(t, w.Data, w.Shape...))
			}
			if err := model.SetWeights(weights); err != nil {
				t.Fatal(err)
			}
			source := &data.Arrays{X: []data.Column{columnOf(t, c, "x")}, Y: []data.Column{columnOf(t, c, "y")}}
			for range 3 {
				if _, err := model.TrainOnBatch(source); err != nil {
					t.Fatal(err)
				}
			}
			for i, w := range weightsOf(t, &model.Model) {
				near(t, fmt.Sprint("final weights ", i), w, wide(fmt.Sprint("final ", i)), nestedBound)
			}
			x := c.Tensors["x"]
			y, err := model.Predict(context.Background(), tensorOf(t, x.Data, x.Shape...))
			if err != nil {
				t.Fatal(err)
			}
			near(t, "prediction", floats(t, y), wide("predict"), nestedBound)
		})
	}
}
