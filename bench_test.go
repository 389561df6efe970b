package cornu_test

// This file measures the chapter's network through the public API.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// listing returns the chapter's network, compiled as there.
func listing(tb testing.TB) *cornu.Sequential {
	tb.Helper()
	model := cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{784}},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 256},
		&layer.Activation{Func: activation.ReLU{}},
		&layer.Dropout{Rate: 0.45},
		&layer.Dense{Units: 10},
		&layer.Activation{Func: activation.Softmax{}},
	)
	err := model.Compile(cornu.CompileConfig{
		Loss:      loss.CategoricalCrossentropy{},
		Optimizer: optimizer.Adam{},
		Metrics:   []metric.Metric{metric.Accuracy{}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return model
}

// stepFlops is the arithmetic of one sample of the listing: forward and weight
// gradients of all three layers, and input gradients of the last two.
const stepFlops = 2 * (2*(784*256+256*256+256*10) + 256*256 + 256*10)

// forwardFlops is that of one sample's prediction.
const forwardFlops = 2 * (784*256 + 256*256 + 256*10)

// BenchmarkFit times epochs of the listing on all 60,000 digits: shuffle,
// dropout and metrics on. The peak is measured between the epochs.
func BenchmarkFit(b *testing.B) {
	digits, _, err := mnist.Load()
	if err != nil {
		b.Fatal(err)
	}
	source := digits.Flat().OneHot()
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			cornu.SetThreads(threads)
			defer cornu.SetThreads(0)
			model := listing(b)
			fit := func(from, to int) {
				_, err := model.Fit(context.Background(), source, cornu.FitConfig{InitialEpoch: from, Epochs: to, BatchSize: 128, Quiet: true})
				if err != nil {
					b.Fatal(err)
				}
			}
			fit(0, 1)
			var epochs, fractions []float64
			for i := 0; b.Loop(); i++ {
				peak := isa.PeakFMA(threads)
				start := time.Now()
				fit(i+1, i+2)
				seconds := time.Since(start).Seconds()
				peak = max(peak, isa.PeakFMA(threads))
				epochs = append(epochs, seconds)
				fractions = append(fractions, 60000*stepFlops/seconds/1e9/peak)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(epochs), "s/epoch")
			b.ReportMetric(median(fractions), "of-peak")
		})
	}
}

// BenchmarkCheckpoint trains the listing with a checkpoint after each 200 steps, and compares
// the 100 steps that one is written beside with the 100 that follow: the ratio of their
// medians is what a checkpoint each 100 steps costs.
func BenchmarkCheckpoint(b *testing.B) {
	digits, _, err := mnist.Load()
	if err != nil {
		b.Fatal(err)
	}
	var times [2][]float64 // of 100 steps: with, without
	var begin time.Time
	steps := 0
	for b.Loop() {
		_, err := listing(b).Fit(context.Background(), digits.Flat().OneHot(), cornu.FitConfig{
			Epochs: 10, BatchSize: 128, Quiet: true, Checkpoint: cornu.Checkpoint{Dir: b.TempDir(), EverySteps: 200},
			Callbacks: []train.Callback{callback.Func{OnBatchEnd: func(s *train.State) error {
				if steps++; steps%100 == 0 {
					if now := time.Now(); s.Step > 200 { // before, memory is new
						times[(steps/100+1)%2] = append(times[(steps/100+1)%2], now.Sub(begin).Seconds())
						begin = now
					} else {
						begin = now
					}
				}
				return nil
			}}},
		})
		if err != nil {
			b.Fatal(err)
		}
		steps = 0
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1e3*median(times[1]), "ms/100steps")
	b.ReportMetric(median(times[0])/median(times[1]), "ratio")
	b.ReportMetric(slices.Min(times[0])/slices.Min(times[1]), "least-ratio")
}

// large returns a model of 25 million parameters, in a file.
func large(b *testing.B) (*cornu.Sequential, string) {
	b.Helper()
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{2500}})
	for range 4 {
		m.Add(&layer.Dense{Units: 2500})
	}
	path := filepath.Join(b.TempDir(), "large.keras")
	if err := m.Save(path); err != nil {
		b.Fatal(err)
	}
	return m, path
}

// BenchmarkLoad loads a model of 25 million parameters and predicts a row, in turn with reading the bytes of the
// file into a small buffer, as cat does: ratio is that of the medians, least-ratio of the least.
func BenchmarkLoad(b *testing.B) {
	_, path := large(b)
	x, err := tensor.Zeros(tensor.Float32, 1, 2500)
	if err != nil {
		b.Fatal(err)
	}
	var loads, reads []float64
	buffer := make([]byte, 128<<10)
	for b.Loop() {
		begin := time.Now()
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = f.Read(buffer)
		}
		f.Close()
		reads = append(reads, time.Since(begin).Seconds())
		begin = time.Now()
		m, err := cornu.Load(path)
		if err == nil {
			_, err = m.Predict(context.Background(), x)
		}
		if err != nil {
			b.Fatal(err)
		}
		loads = append(loads, time.Since(begin).Seconds())
	}
	compare(b, loads, reads)
}

// BenchmarkSave saves a model of 25 million parameters, in turn with writing as many bytes to the disk.
func BenchmarkSave(b *testing.B) {
	m, path := large(b)
	content, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var saves, writes []float64
	for b.Loop() {
		begin := time.Now()
		if err := file.Write(path+".bytes", content); err != nil {
			b.Fatal(err)
		}
		writes = append(writes, time.Since(begin).Seconds())
		begin = time.Now()
		if err := m.Save(path); err != nil {
			b.Fatal(err)
		}
		saves = append(saves, time.Since(begin).Seconds())
	}
	compare(b, saves, writes)
}

func compare(b *testing.B, times, with []float64) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1e3*median(times), "ms")
	b.ReportMetric(median(times)/median(with), "ratio")
	b.ReportMetric(slices.Min(times)/slices.Min(with), "least-ratio")
}

// BenchmarkEvaluate times the evaluation of the 10,000 test digits.
func BenchmarkEvaluate(b *testing.B) {
	_, test, err := mnist.Load()
	if err != nil {
		b.Fatal(err)
	}
	source := test.Flat().OneHot()
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			cornu.SetThreads(threads)
			defer cornu.SetThreads(0)
			model := listing(b)
			var times, fractions []float64
			for b.Loop() {
				peak := isa.PeakFMA(threads)
				start := time.Now()
				if _, err := model.Evaluate(context.Background(), source, cornu.EvaluateConfig{BatchSize: 128, Quiet: true}); err != nil {
					b.Fatal(err)
				}
				seconds := time.Since(start).Seconds()
				times = append(times, seconds)
				fractions = append(fractions, 10000*forwardFlops/seconds/1e9/peak)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(times)*1e3, "ms")
			b.ReportMetric(median(fractions), "of-peak")
		})
	}
}

// BenchmarkPredict times the prediction of few rows through the public API.
func BenchmarkPredict(b *testing.B) {
	for _, rows := range []int{1, 32, 128} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			cornu.SetThreads(1)
			defer cornu.SetThreads(0)
			model := listing(b)
			x, y := make([]float32, rows*784), make([]float32, rows*10)
			for i := range x {
				x[i] = float32(i%256) / 255
			}
			if err := model.PredictInto(y, x); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := model.PredictInto(y, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
