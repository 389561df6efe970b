package cornu_test

// This file asks for more than there is.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/capped"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// Sizes that no memory has. An int of 32 bits ends before.
const (
	tera = int(min(int64(1)<<40, math.MaxInt))
	peta = int(min(int64(1)<<50, math.MaxInt))
	huge = math.MaxInt >> 7
	exa  = int(min(int64(1)<<62, math.MaxInt))
)

var squared = cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.Adam{}}

func sequential(layers ...layer.Layer) *cornu.Sequential {
	return cornu.NewSequential(append([]layer.Layer{&layer.Input{Shape: tensor.Shape{784}}}, layers...)...)
}

// convolutional is the chapter's second network, of images that come as rows of numbers.
func convolutional() *cornu.Sequential {
	convolve := func() layer.Layer {
		return &layer.Conv2D{Filters: 64, KernelSize: [2]int{3, 3}, Activation: activation.ReLU{}}
	}
	return sequential(&layer.Reshape{TargetShape: []int{28, 28, 1}}, convolve(), &layer.MaxPooling2D{}, convolve(), &layer.MaxPooling2D{}, convolve(), &layer.Flatten{}, &layer.Dense{Units: 1})
}

func TestWhatDoesNotFitInMemoryIsAnErrorThatSaysHowMuch(t *testing.T) {
	capped.Run(t, 3<<28, func() {
		cornu.SetMemoryLimit(7 << 26) // what the library takes for the machine's, it may have looked up before
		x, err := data.Floats(make([]float32, 100_000), 1)
		if err != nil {
			t.Fatal(err)
		}
		y, err := data.OneHot(make([]uint8, 100_000), 20_000)
		if err != nil {
			t.Fatal(err)
		}
		arrays := &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
		generator := func(width, length int) data.Source {
			spec := data.Spec{X: []tensor.Shape{{width}}, Y: []tensor.Shape{{1}}, Len: length}
			return data.Func(spec, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
				return func(yield func(data.Sample, error) bool) {
					for i := 0; i < length || length < 0; i++ {
						if !yield(data.Sample{X: [][]float32{make([]float32, width)}, Y: [][]float32{{1}}}, nil) {
							return
						}
					}
				}
			})
		}
		fit := func(m *cornu.Sequential, s data.Source, cfg cornu.FitConfig) error {
			if err := m.Compile(squared); err != nil {
				return err
			}
			_, err := m.Fit(t.Context(), s, cfg)
			return err
		}
		vast := func() *cornu.Sequential {
			return cornu.NewSequential(&layer.Input{Shape: tensor.Shape{huge}}, &layer.Activation{Func: activation.Tanh{}})
		}
		wide := &rogue{next: func(int, int) (int, error) { return 1 << 10, nil }, spec: func(data.Spec) data.Spec {
			return data.Spec{X: []tensor.Shape{{huge}}, Y: []tensor.Shape{{huge}}, Len: 1 << 20}
		}}
		second := func(_ any, err error) error { return err }
		for name, c := range map[string]struct {
			err  error
			says string // the layer or what else it is
		}{
			"a Dense":                 {sequential(&layer.Dense{Units: tera - 1}).Compile(squared), `layer "dense" (Dense)`},
			"a Dense of 2⁴⁰":          {sequential(&layer.Dense{Units: tera, Name: "wide"}).Compile(squared), `layer "wide"`},
			"a Dense of 2⁶²":          {sequential(&layer.Dense{Units: exa, Name: "wide"}).Compile(squared), `layer "wide"`},
			"two of 100,000":          {sequential(&layer.Dense{Units: 100_000}, &layer.Dense{Units: 100_000}).Compile(squared), `layer "dense_1"`},
			"many that fit alone":     {sequential(&layer.Dense{Units: 4_000}, &layer.Dense{Units: 4_000, Name: "b"}, &layer.Dense{Units: 4_000}, &layer.Dense{Units: 4_000}).Compile(squared), `"b/kernel"`},
			"slots":                   {sequential(&layer.Dense{Units: 7_500, Name: "a"}, &layer.Dense{Units: 7_500, Name: "b"}).Compile(squared), `"b/kernel"`},
			"PReLU":                   {cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1 << 20, 1 << 20}}, &layer.PReLU{}).Compile(squared), `layer "p_re_lu"`},
			"a batch":                 {fit(sequential(&layer.Dense{Units: 1}), generator(784, -1), cornu.FitConfig{BatchSize: 1 << 24, StepsPerEpoch: 1, Quiet: true}), "a batch"},
			"a batch of arrays":       {fit(cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1}}, &layer.Dense{Units: 20_000}), arrays, cornu.FitConfig{BatchSize: 1 << 24, Quiet: true}), "for a batch of 100000"},
			"a batch of images":       {fit(convolutional(), generator(784, -1), cornu.FitConfig{BatchSize: 1 << 13, StepsPerEpoch: 1, Quiet: true}), "for a batch of 8192"},
			"a large image":           {cornu.NewSequential(&layer.Input{Shape: tensor.Shape{1 << 14, 1 << 14, 3}}, &layer.Conv2D{Filters: 64, KernelSize: [2]int{3, 3}}, &layer.Flatten{}, &layer.Dense{Units: 1}).Compile(squared), `layer "dense`},
			"a batch read ahead":      {fit(sequential(&layer.Dense{Units: 1}), data.Prefetch(generator(784, -1), 2), cornu.FitConfig{BatchSize: 1 << 24, StepsPerEpoch: 1, Quiet: true}), "read ahead"},
			"reading far ahead":       {fit(sequential(&layer.Dense{Units: 1}), data.Prefetch(generator(784, -1), exa), cornu.FitConfig{StepsPerEpoch: 1, Quiet: true}), "read ahead"},
			"samples beyond counting": {fit(vast(), wide, cornu.FitConfig{BatchSize: 1 << 10, Quiet: true}), "for a batch of 1024"},
			"such, read ahead":        {fit(vast(), data.Prefetch(wide, 2), cornu.FitConfig{BatchSize: 1 << 10, Quiet: true}), "read ahead"},
			"tensor.Zeros":            {second(tensor.Zeros(tensor.Float32, tera)), fmt.Sprintf("(%d,)", tera)},
			"tensor.Zeros, bytes":     {second(tensor.Zeros(tensor.Uint8, peta)), fmt.Sprintf("(%d,)", peta)},
			"ToCategorical":           {second(tensor.ToCategorical([]int{tera - 1}, 0)), fmt.Sprint(tera, " classes")},
			"ToCategorical, classes":  {second(tensor.ToCategorical([]int{1, 2}, tera)), fmt.Sprint(tera, " classes")},
		} {
			var memory *cornu.MemoryError
			switch {
			case c.err == nil:
				t.Errorf("%s: no error", name)
			case !errors.As(c.err, &memory) && !strings.Contains(c.err.Error(), "too many elements"):
				t.Errorf("%s: %v is no MemoryError", name, c.err)
			case !strings.Contains(c.err.Error(), c.says):
				t.Errorf("%s: %v doesn't say %q", name, c.err, c.says)
			default:
				t.Logf("%s: %v", name, c.err)
			}
		}
	})
}

func TestWhatFitsInMemoryWorks(t *testing.T) {
	capped.Run(t, 2<<30, func() {
		cornu.SetMemoryLimit(7 << 28) // what the library takes for the machine's, it may have looked up before
		x, err := tensor.Zeros(tensor.Float32, 4, 784)
		if err != nil {
			t.Fatal(err)
		}
		y, err := tensor.Zeros(tensor.Float32, 4, 1)
		if err != nil {
			t.Fatal(err)
		}
		arrays, err := data.New(x, y)
		if err != nil {
			t.Fatal(err)
		}
		m := sequential(&layer.Dense{Units: 1})
		if err := m.Compile(squared); err != nil {
			t.Fatal(err)
		}
		four := data.Func(data.Spec{X: []tensor.Shape{{784}}, Y: []tensor.Shape{{1}}, Len: 4}, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
			return func(yield func(data.Sample, error) bool) {
				for range 4 {
					if !yield(data.Sample{X: [][]float32{make([]float32, 784)}, Y: [][]float32{{1}}}, nil) {
						return
					}
				}
			}
		})
		for name, source := range map[string]data.Source{
			"arrays": arrays, "a generator": four, "ahead": data.Prefetch(four, 3), "far ahead": data.Prefetch(arrays, exa),
		} {
			if _, err := m.Fit(t.Context(), source, cornu.FitConfig{BatchSize: 1 << 24, Quiet: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// 5000² comparisons for each sample of a batch would be 3 GB
		const classes = 5000
		wide := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{4}}, &layer.Dense{Units: classes})
		cfg := cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Metrics: []metric.Metric{metric.Precision{TopK: 5}, metric.Recall{TopK: 5}}}
		if err := wide.Compile(cfg); err != nil {
			t.Fatal(err)
		}
		column := func(width int) data.Column {
			c, err := data.Floats(make([]float32, 64*width), width)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		if _, err := wide.Fit(t.Context(), &data.Arrays{X: []data.Column{column(4)}, Y: []data.Column{column(classes)}}, cornu.FitConfig{Quiet: true}); err != nil {
			t.Error(err)
		}
	})
}

// A batch that is too large is an error that says which one isn't.
func TestABatchThatDoesNotFitIsAnErrorThatSaysWhichWould(t *testing.T) {
	defer cornu.SetMemoryLimit(0)
	cornu.SetMemoryLimit(32 << 20)
	model := convolutional()
	if err := model.Compile(squared); err != nil {
		t.Fatal(err)
	}
	fit := func(batch int) error {
		source := &data.Arrays{X: []data.Column{column(t, make([]float32, batch*784), 784)}, Y: []data.Column{column(t, make([]float32, batch), 1)}}
		_, err := model.Fit(t.Context(), source, cornu.FitConfig{BatchSize: batch, Quiet: true})
		return err
	}
	var memory *cornu.MemoryError
	if err := fit(1000); !errors.As(err, &memory) || memory.Batch < 20 || !strings.Contains(err.Error(), fmt.Sprintf("so a batch of about %d would fit", memory.Batch)) {
		t.Fatalf("a batch of 1000: %v", err)
	}
	about := memory.Batch // gradients of weights are in the memory too, which are as large for any batch
	if err := fit(about * 9 / 10); err != nil {
		t.Errorf("a batch of %d: %v", about*9/10, err)
	}
	if err := fit(about * 11 / 10); !errors.As(err, &memory) {
		t.Errorf("a batch of %d: %v", about*11/10, err)
	}
}

func TestTheMemoryLimitCanBeSet(t *testing.T) {
	defer cornu.SetMemoryLimit(0)
	before := cornu.MemoryLimit()
	cornu.SetMemoryLimit(1 << 20)
	m := sequential(&layer.Dense{Units: 1000})
	var memory *cornu.MemoryError
	if err := m.Compile(squared); !errors.As(err, &memory) || memory.Limit != 1<<20 || memory.Bytes < 4*784*1000 {
		t.Errorf("784·1000 weights in 1 MiB: %v", err)
	}
	cornu.SetMemoryLimit(0)
	if now := cornu.MemoryLimit(); now != before || now < 1<<20 {
		t.Errorf("the limit is %d, it was %d", now, before)
	}
	if err := sequential(&layer.Dense{Units: 1000}).Compile(squared); err != nil {
		t.Error(err)
	}
}

func TestImpossibleNumbersAreErrors(t *testing.T) {
	capped.Run(t, 2<<30, func() {
		cornu.SetMemoryLimit(7 << 28) // what the library takes for the machine's, it may have looked up before
		for _, m := range []metric.Metric{
			metric.AUC{NumThresholds: tera},
			metric.AUC{NumThresholds: -1},
			metric.PrecisionAtRecall{NumThresholds: peta, Recall: 0.5},
			metric.SensitivityAtSpecificity{NumThresholds: -7},
			metric.Precision{TopK: -1},
		} {
			cfg := squared
			cfg.Metrics = []metric.Metric{m}
			if err := sequential(&layer.Dense{Units: 3}).Compile(cfg); err == nil {
				t.Errorf("%+v compiles", m)
			}
		}
		m := sequential(&layer.Dense{Units: 3})
		for _, cfg := range []layer.SummaryConfig{
			{Width: tera}, {Width: -1}, {Width: tera, Style: layer.Keras2},
		} {
			if err := m.SummaryWith(io.Discard, cfg); err == nil {
				t.Errorf("a summary of %+v was written", cfg)
			}
		}
		for _, cfg := range []layer.SummaryConfig{
			{Columns: tera}, {Columns: 1}, {Columns: -5}, {Width: 1}, {Width: 1, Style: layer.Keras2}, {Columns: 1, Trainable: true},
		} {
			if err := m.SummaryWith(io.Discard, cfg); err != nil {
				t.Errorf("a summary of %+v: %v", cfg, err)
			}
		}
	})
}
