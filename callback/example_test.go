package callback_test

import (
	"context"
	"fmt"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A line is learned until that is no longer worth the while. A callback of one's
// own adds to the logs.
func Example() {
	x, _ := data.Floats([]float32{-1, -0.5, 0, 0.5, 1}, 1)
	y, _ := data.Floats([]float32{-3, -2, -1, 0, 1}, 1) // 2x − 1
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: 0.1}}); err != nil {
		fmt.Println(err)
		return
	}
	history, err := model.Fit(context.Background(), &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}, cornu.FitConfig{
		Epochs: 1000,
		Quiet:  true,
		Callbacks: []train.Callback{
			&callback.EarlyStopping{Monitor: "loss", MinDelta: 1e-6, Patience: 2},
			callback.Func{OnEpochEnd: func(s *train.State) error {
				s.SetLog("slope", float64(s.Variables()[0].Value[0]))
				return nil
			}},
			&callback.LearningRateScheduler{Schedule: func(epoch int, rate float64) float64 {
				if epoch < 50 {
					return rate
				}
				return 0.05
			}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	slope, _ := history.Last("slope")
	rate, _ := history.Last("learning_rate")
	fmt.Printf("it stops early: %v; the slope is %.2f, the rate %v\n", len(history.Epoch) < 1000, slope, rate)
	// Output: it stops early: true; the slope is 2.00, the rate 0.05
}
