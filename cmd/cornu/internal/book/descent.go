package book

// This file computes functions, their slopes, and descents along them.

import (
	"context"
	"iter"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// slope is the derivative.
func (f function) slope() function {
	return func(x *graph.Node) *graph.Node { return graph.Gradients(f(x).Sum(), x)[0] }
}

// compute returns f at each x.
func compute(f function, x []float64) ([]float64, error) {
	step, err := train.NewStep(0, func(s *train.StepBuilder) {
		s.Output(f(s.Input("x", tensor.Shape{tensor.Batch})))
	})
	if err != nil {
		return nil, err
	}
	in, out := make([]float32, len(x)), make([]float32, len(x))
	for i, v := range x {
		in[i] = float32(v)
	}
	if err := train.PredictInto(step, out, in, len(x)); err != nil {
		return nil, err
	}
	y := make([]float64, len(x))
	for i, v := range out {
		y[i] = float64(v)
	}
	return y, nil
}

// descend goes downhill on f by gradient descent and returns where it stopped: first the start, then after each step.
func descend(f function, start, rate float64, steps int) (path []float64, err error) {
	x := &layer.Variable{Name: "x", Path: "x", Trainable: true, Initializer: initializer.Constant{Value: start}}
	step, err := train.NewStep(0, func(s *train.StepBuilder) {
		y := f(s.Variable(x))
		s.Mean("y", y)
		s.Minimize(y, train.NewOptimizer(optimizer.SGD{LearningRate: rate}), x)
	})
	if err != nil {
		return nil, err
	}
	path = []float64{start}
	// There is nothing to learn from but f: an epoch is one step, on a sample of nothing.
	nothing := data.Func(data.Spec{Len: 1}, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) { yield(data.Sample{}, nil) }
	})
	_, err = train.Fit(context.Background(), step, nil, nothing, train.Config{
		Epochs: steps, BatchSize: 1, Quiet: true, Callbacks: []train.Callback{train.Func(func(*train.State) error {
			path = append(path, float64(x.Value()[0]))
			return nil
		})},
	})
	return path, err
}
