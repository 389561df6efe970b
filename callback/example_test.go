package callback_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

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
				s.SetLog("slope", float64(s.Variables()[0].Value()[0]))
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

// line is a model of one weight and a bias, and data to learn 2x − 1 from.
func line(o optimizer.Optimizer) (*cornu.Sequential, *data.Arrays) {
	x, _ := data.Floats([]float32{-1, -0.5, 0, 0.5, 1}, 1)
	y, _ := data.Floats([]float32{-3, -2, -1, 0, 1}, 1)
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 1})
	if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: o}); err != nil {
		fmt.Println(err)
	}
	return model, &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
}

// Training ends when the loss has not improved for three epochs, with the weights
// of the best.
func ExampleEarlyStopping() {
	model, source := line(optimizer.SGD{LearningRate: 0.1})
	stop := &callback.EarlyStopping{Monitor: "loss", MinDelta: 1e-6, Patience: 3, RestoreBestWeights: true}
	_, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 1000, Quiet: true, Callbacks: []train.Callback{stop}})
	best, ok := stop.Best()
	fmt.Println(stop.StoppedEpoch() < 999, best < 1e-5, ok, err)
	// Output: true true true <nil>
}

// Each epoch without improvement makes the rate half as high.
func ExampleReduceLROnPlateau() {
	model, source := line(optimizer.SGD{LearningRate: 4}) // much too high
	reduce := &callback.ReduceLROnPlateau{Monitor: "loss", Factor: new(0.5), Patience: new(0)}
	history, err := model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 40, Quiet: true, Callbacks: []train.Callback{reduce}})
	rate, _ := history.Last("learning_rate")
	last, _ := history.Last("loss")
	fmt.Println(rate < 4, last < 1, err)
	// Output: true true <nil>
}

// Validation sees the moving averages of the weights, and so do the callbacks that
// come after.
func ExampleSwapEMAWeights() {
	model, source := line(optimizer.SGD{LearningRate: 0.1, EMA: optimizer.EMA{On: true, Momentum: new(0.9)}})
	history, err := model.Fit(context.Background(), source, cornu.FitConfig{
		Epochs: 5, Quiet: true, ValidationData: source,
		Callbacks: []train.Callback{&callback.SwapEMAWeights{SwapOnEpoch: true}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	averaged, _ := history.Last("val_loss")
	last, _ := history.Last("loss")
	fmt.Println(averaged > last) // the averages are behind
	// Output: true
}

// Fit with a line in a file for each epoch.
func ExampleCSVLogger() {
	dir, err := os.MkdirTemp("", "cornu")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "training.csv")
	model, source := line(optimizer.SGD{LearningRate: 0.1})
	_, err = model.Fit(context.Background(), source, cornu.FitConfig{Epochs: 3, Quiet: true, Callbacks: []train.Callback{&callback.CSVLogger{Filename: name}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := os.ReadFile(name)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	fmt.Println(len(lines), strings.TrimSpace(lines[0]))
	// Output: 4 epoch,loss,val_loss
}

// The best model is kept, and a name tells which it is.
func ExampleModelCheckpoint() {
	folder, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(folder)
	model, source := line(optimizer.SGD{LearningRate: 0.1})
	_, err := model.Fit(context.Background(), source, cornu.FitConfig{
		Epochs: 3,
		Quiet:  true,
		Callbacks: []train.Callback{&callback.ModelCheckpoint{
			Filepath:     filepath.Join(folder, "line-{epoch:02d}.keras"),
			Monitor:      "loss",
			SaveBestOnly: true,
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	best, err := cornu.Load(filepath.Join(folder, "line-03.keras"))
	if err != nil {
		fmt.Println(err)
		return
	}
	best.Summary(io.Discard)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// line-01.keras
	// line-02.keras
	// line-03.keras
}
