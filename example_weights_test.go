package cornu_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// save writes the weights of a model to an .npz file, by their names.
func save(w io.Writer, model *cornu.Model) error {
	variables, err := model.Variables()
	if err != nil {
		return err
	}
	weights, err := model.Weights()
	if err != nil {
		return err
	}
	named := map[string]*tensor.Tensor{}
	for i, v := range variables {
		named[v.Path] = weights[i]
	}
	return tensor.WriteNpz(w, named)
}

// load sets the weights of a model of the same layers.
func load(r io.ReaderAt, size int64, model *cornu.Model) error {
	named, err := tensor.ReadNpz(r, size, 0)
	if err != nil {
		return err
	}
	variables, err := model.Variables()
	if err != nil {
		return err
	}
	var weights []*tensor.Tensor
	for _, v := range variables {
		if named[v.Path] == nil {
			return fmt.Errorf("the file has no weight %q", v.Path)
		}
		weights = append(weights, named[v.Path])
	}
	return model.SetWeights(weights)
}

// Weights go to a file and come back, into another model of the same layers,
// which predicts the same to the bit.
func ExampleModel_Weights() {
	network := func() *cornu.Sequential {
		return cornu.NewSequential(
			&layer.Input{Shape: tensor.Shape{2}},
			&layer.Dense{Units: 8, Activation: activation.Tanh{}},
			&layer.Dense{Units: 1, Activation: activation.Sigmoid{}},
		)
	}
	x := [][]float64{{0, 0}, {0, 1}, {1, 0}, {1, 1}}
	xor, err := data.FromRows(x, [][]float64{{0}, {1}, {1}, {0}})
	if err != nil {
		log.Fatal(err)
	}
	trained := network()
	if err := trained.Compile(cornu.CompileConfig{Loss: loss.BinaryCrossentropy{}, Optimizer: optimizer.Adam{LearningRate: 0.1}}); err != nil {
		log.Fatal(err)
	}
	if _, err := trained.Fit(context.Background(), xor, cornu.FitConfig{Epochs: 100, Quiet: true}); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer // or what os.Create returns
	if err := save(&file, &trained.Model); err != nil {
		log.Fatal(err)
	}

	other := network()
	if err := load(bytes.NewReader(file.Bytes()), int64(file.Len()), &other.Model); err != nil {
		log.Fatal(err)
	}
	questions, err := tensor.FromRows(x)
	if err != nil {
		log.Fatal(err)
	}
	for _, model := range []*cornu.Sequential{trained, other} {
		y, err := model.Predict(context.Background(), questions)
		if err != nil {
			log.Fatal(err)
		}
		answers, err := tensor.ToRows[float32](y)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", answers)
	}
	// Output:
	// [[0.00] [1.00] [1.00] [0.00]]
	// [[0.00] [1.00] [1.00] [0.00]]
}
