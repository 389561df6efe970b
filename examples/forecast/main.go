// Forecast predicts next year's sunspots from those of the last years, by a recurrent network.
//
//	go run ./examples/forecast
//
// The series is the yearly mean of sunspots from 1700 to 2008, which is in the public domain, as the Python package statsmodels
// has it (statsmodels/datasets/sunspots). The network learns the years before 1950, the last of which say when it has learnt
// enough, and is tested on those after. Beside its mean error stand two that are simple: what comes of saying last year's
// number again, and that of a line through the same years.
package main

import (
	"context"
	_ "embed" // the series
	"encoding/csv"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/signal"
	"strconv"
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

//go:embed sunspots.csv
var series string

const (
	window = 22   // years that a forecast is made of: two cycles of the sun
	split  = 1950 // the first year of the test
)

func main() {
	log.SetFlags(0)
	epochs := flag.Int("epochs", 400, "how often to go through the years, at most")
	limit := flag.Int("limit", 0, "use only the first windows of the training, so many; 0 uses all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *epochs, *limit); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, epochs, limit int) error {
	first, x, err := read()
	if err != nil {
		return err
	}
	after, err := x.Rows(window, x.Dim(0)) // the year that follows each window
	if err != nil {
		return err
	}
	windows := func(begin, end int) (*data.Arrays, error) {
		return data.TimeseriesWindows(x, after, data.TimeseriesConfig{SequenceLength: window, StartIndex: begin, EndIndex: end})
	}
	at := split - first
	past, err := windows(0, at-1) // whose last target is the year before the split
	if err != nil {
		return err
	}
	test, err := windows(at-window, x.Dim(0)-1)
	if err != nil {
		return err
	}
	if limit > 0 {
		past = past.Take(limit)
	}

	known, err := x.Rows(0, at)
	if err != nil {
		return err
	}
	for _, network := range []struct {
		name   string
		layers []layer.Layer
	}{
		{"a line through the window", []layer.Layer{&layer.Flatten{}, &layer.Dense{Units: 1}}},
		{"a recurrent network", []layer.Layer{&layer.GRU{Units: 24}, &layer.Dense{Units: 1}}},
	} {
		scale, back := &layer.Normalization{}, &layer.Normalization{Invert: true}
		for _, l := range []*layer.Normalization{scale, back} {
			if err := l.Adapt(known); err != nil {
				return err
			}
		}
		layers := append([]layer.Layer{&layer.Input{Shape: tensor.Shape{window, 1}}, scale}, network.layers...)
		model := cornu.NewSequential(append(layers, back)...)
		rate := optimizer.ExponentialDecay{InitialLearningRate: 0.005, DecaySteps: 1000, DecayRate: 0.5}
		if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{Schedule: rate}}); err != nil {
			return err
		}
		if _, err := model.Fit(ctx, past, cornu.FitConfig{
			Epochs: epochs, BatchSize: 32, ValidationSplit: 0.2, Quiet: true,
			Callbacks: []train.Callback{&callback.EarlyStopping{Patience: 40, RestoreBestWeights: true}},
		}); err != nil {
			return err
		}
		y, err := model.PredictSource(ctx, test, cornu.PredictConfig{})
		if err != nil {
			return err
		}
		forecasts, err := tensor.Data[float32](y)
		if err != nil {
			return err
		}
		if err := report(network.name, x, at, forecasts); err != nil {
			return err
		}
	}
	values, err := tensor.Data[float32](x)
	if err != nil {
		return err
	}
	return report("last year's number", x, at, values[at-1:len(values)-1])
}

// report prints how far forecasts of the years from at on are off.
func report(name string, x *tensor.Tensor, at int, forecasts []float32) error {
	values, err := tensor.Data[float32](x)
	if err != nil {
		return err
	}
	values = values[at:]
	if len(values) != len(forecasts) {
		return fmt.Errorf("%d forecasts of %d years", len(forecasts), len(values))
	}
	sum := 0.0
	for i, v := range values {
		sum += math.Abs(float64(v) - float64(forecasts[i]))
	}
	fmt.Printf("%-26s is off by %4.1f sunspots a year, over %d years\n", name, sum/float64(len(values)), len(values))
	return nil
}

// read returns the first year and the sunspots of all.
func read() (first int, x *tensor.Tensor, err error) {
	rows, err := csv.NewReader(strings.NewReader(series)).ReadAll()
	if err != nil {
		return 0, nil, err
	}
	rows = rows[1:] // without the names
	if first, err = strconv.Atoi(rows[0][0]); err != nil {
		return 0, nil, err
	}
	var values []float32
	for _, row := range rows {
		v, err := strconv.ParseFloat(row[1], 32)
		if err != nil {
			return 0, nil, err
		}
		values = append(values, float32(v))
	}
	x, err = tensor.Of(values, len(values), 1)
	return first, x, err
}
