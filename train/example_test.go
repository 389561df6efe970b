package train_test

import (
	"context"
	"fmt"
	"log"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// line returns points of y = 2x − 1.
func line() data.Source {
	var x, y [][]float32
	for i := range 64 {
		at := float32(i)/32 - 1
		x, y = append(x, []float32{at}), append(y, []float32{2*at - 1})
	}
	source, err := data.FromRows(x, y)
	if err != nil {
		log.Fatal(err)
	}
	return source
}

// neuron returns a network of one unit.
func neuron() *layer.Network {
	x := layer.Apply(&layer.Input{Shape: tensor.Shape{1}})
	network, err := layer.NewNetwork([]*layer.Node{x}, []*layer.Node{layer.Apply(&layer.Dense{Units: 1}, x)})
	if err != nil {
		log.Fatal(err)
	}
	return network
}

// A step of one's own is traced once and then trained as a model's is. This one
// applies the network twice: the output should be near the target, and should
// change little when the input does.
func ExampleNewStep() {
	network := neuron()
	step, err := train.NewStep(1, func(s *train.StepBuilder) {
		x := s.Input("x", tensor.Shape{tensor.Batch, 1})
		y := s.Target("y", tensor.Shape{tensor.Batch, 1})
		out, _ := s.Network(network, true, x)
		beside, _ := s.Network(network, true, x.AddScalar(0.1))
		miss := out[0].Sub(y).Square().Mean()
		change := beside[0].Sub(out[0]).Square().Mean()
		s.Mean("miss", miss)
		s.Mean("change", change)
		s.Minimize(miss.Add(change), train.NewOptimizer(optimizer.SGD{LearningRate: 0.1}), network.TrainableVariables()...)
	})
	if err != nil {
		log.Fatal(err)
	}
	history, err := train.Fit(context.Background(), step, nil, line(), train.Config{Epochs: 20, BatchSize: 16, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range history.Names() {
		last, _ := history.Last(name)
		fmt.Printf("%s: %.4f\n", name, last)
	}
	// Output:
	// change: 0.0375
	// miss: 0.0013
}

// A callback looks at each epoch, changes the rate, and ends the training when
// the loss is small.
func ExampleFunc() {
	network := neuron()
	step, err := train.NewStep(1, func(s *train.StepBuilder) {
		y := s.Target("y", tensor.Shape{tensor.Batch, 1})
		out, _ := s.Network(network, true, s.Input("x", tensor.Shape{tensor.Batch, 1}))
		loss := out[0].Sub(y).Square().Mean()
		s.Mean("loss", loss)
		s.Minimize(loss, train.NewOptimizer(optimizer.SGD{LearningRate: 0.2}), network.TrainableVariables()...)
	})
	if err != nil {
		log.Fatal(err)
	}
	watch := train.Func(func(s *train.State) error {
		value, _ := s.Log("loss")
		fmt.Printf("epoch %d: loss %.3f at rate %.3f\n", s.Epoch, value, s.LearningRate())
		if value < 0.1 {
			return train.ErrStop
		}
		s.SetLearningRate(0.8 * s.LearningRate())
		return nil
	})
	_, err = train.Fit(context.Background(), step, nil, line(), train.Config{Epochs: 100, Callbacks: []train.Callback{watch}, Quiet: true})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// epoch 0: loss 1.176 at rate 0.200
	// epoch 1: loss 0.357 at rate 0.160
	// epoch 2: loss 0.188 at rate 0.128
	// epoch 3: loss 0.127 at rate 0.102
	// epoch 4: loss 0.093 at rate 0.082
}
