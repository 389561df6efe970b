package main

// This file is Cornu as a contender: this program, started again in one of its roles.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/cpu/isa"
	"github.com/cornu-ml/cornu/internal/cpu/product"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// roles says what this program can be besides the one who asks.
var roles = map[string]string{
	"answer":  "a contender",
	"program": "the chapter's whole program, which says when its first step was done",
	"hog":     "a process that keeps one processor busy until its input ends",
}

func answer(role string) error {
	if err := isa.Err(); err != nil {
		return err
	}
	switch role {
	case "program":
		return wholeProgram()
	case "hog":
		return hog(os.Stdin)
	}
	return (&answers{}).serve(os.Stdin, os.Stdout)
}

// network returns a network of the chapter's kind, compiled as there.
func network(width, depth int) (*cornu.Sequential, error) {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{784}})
	for range depth {
		model.Add(&layer.Dense{Units: width}, &layer.Activation{Func: activation.ReLU{}}, &layer.Dropout{Rate: 0.45})
	}
	model.Add(&layer.Dense{Units: 10}, &layer.Activation{Func: activation.Softmax{}})
	return compiled(model)
}

// convolutional returns the chapter's second network, compiled as there.
func convolutional() (*cornu.Sequential, error) {
	convolve := func() layer.Layer {
		return &layer.Conv2D{Filters: 64, KernelSize: [2]int{3, 3}, Activation: activation.ReLU{}}
	}
	pool := func() layer.Layer { return &layer.MaxPooling2D{PoolSize: [2]int{2, 2}} }
	return compiled(cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{mnist.Rows, mnist.Columns, 1}},
		convolve(), pool(), convolve(), pool(), convolve(),
		&layer.Flatten{}, &layer.Dropout{Rate: 0.2}, &layer.Dense{Units: 10}, &layer.Activation{Func: activation.Softmax{}},
	))
}

// chapter returns the network that BENCH_MODEL says, and the digits in its form, those for training BENCH_DIGITS of them.
func chapter() (model *cornu.Sequential, train, test *mnist.Set, err error) {
	if train, test, err = mnist.Load(); err != nil {
		return nil, nil, nil, err
	}
	if digits, err := strconv.Atoi(os.Getenv("BENCH_DIGITS")); err == nil {
		train = train.Limit(digits)
	}
	switch os.Getenv("BENCH_MODEL") {
	case "cnn":
		model, err = convolutional()
		return model, train.Channel().OneHot(), test.Channel().OneHot(), err
	case "rnn":
		model, err = recurrent()
		return model, train.OneHot(), test.OneHot(), err
	}
	model, err = network(256, 2)
	return model, train.Flat().OneHot(), test.Flat().OneHot(), err
}

func compiled(model *cornu.Sequential) (*cornu.Sequential, error) {
	return compiledWith(model, optimizer.Adam{})
}

func compiledWith(model *cornu.Sequential, o optimizer.Optimizer) (*cornu.Sequential, error) {
	return model, model.Compile(cornu.CompileConfig{
		Loss:      loss.CategoricalCrossentropy{},
		Optimizer: o,
		Metrics:   []metric.Metric{metric.Accuracy{}},
	})
}

// stepFlops is the arithmetic of a training step of such a network: forward and weight gradients of all layers, and
// input gradients of all but the first.
func stepFlops(width, depth, batch int) float64 {
	hidden := float64(depth-1)*float64(width)*float64(width) + 10*float64(width)
	return 2 * float64(batch) * (2*784*float64(width) + 3*hidden)
}

// forwardFlops is the arithmetic of a prediction.
func forwardFlops(width, depth, batch int) float64 {
	return 2 * float64(batch) * (784*float64(width) + float64(depth-1)*float64(width)*float64(width) + 10*float64(width))
}

// answers holds what questions share.
type answers struct {
	model       *cornu.Sequential
	train, test *mnist.Set
	epoch       int
}

func (a *answers) serve(in io.Reader, out io.Writer) error {
	say := json.NewEncoder(out)
	if err := say.Encode(Answer{Versions: map[string]string{"Cornu": cornu.Version}}); err != nil {
		return err
	}
	questions := bufio.NewScanner(in)
	for questions.Scan() {
		words := strings.Fields(questions.Text())
		numbers := make([]int, len(words)-1)
		for i, word := range words[1:] {
			numbers[i], _ = strconv.Atoi(word)
		}
		// The peak drifts with the processor's clock: it is the better of what is measured before and after.
		peak := isa.PeakFMA(cornu.Threads())
		reply, err := a.ask(words[0], numbers)
		reply.Peak = max(peak, isa.PeakFMA(cornu.Threads()))
		if err != nil {
			reply.Error = err.Error()
		}
		if err := say.Encode(reply); err != nil {
			return err
		}
	}
	return questions.Err()
}

// listing makes the network on first use, and trains it for an epoch.
func (a *answers) listing() error {
	if a.model != nil {
		return nil
	}
	var err error
	if a.model, a.train, a.test, err = chapter(); err != nil {
		return err
	}
	return a.fit()
}

// fit trains for an epoch.
func (a *answers) fit() error {
	a.epoch++
	_, err := a.model.Fit(context.Background(), a.train, cornu.FitConfig{InitialEpoch: a.epoch - 1, Epochs: a.epoch, BatchSize: 128, Quiet: true})
	return err
}

func (a *answers) ask(question string, n []int) (Answer, error) {
	switch question {
	case "gemm":
		return Answer{Seconds: multiply(n[0], n[1], n[2], n[3] == 1, n[4] == 1)}, nil
	case "scale":
		seconds, err := scale(n[0], n[1], n[2])
		return Answer{Seconds: seconds}, err
	case "sequence":
		return sequenceAnswer(n[0], n[1], n[2] == 1)
	case "make", "read", "keep", "load", "write", "save":
		return fileAnswer(question)
	case "forward", "image", "kernel":
		return convolve(question, n)
	case "memory":
		return arena(n[0])
	}
	if err := a.listing(); err != nil {
		return Answer{}, err
	}
	switch question {
	case "epoch":
		start := time.Now()
		err := a.fit()
		return Answer{Seconds: time.Since(start).Seconds()}, err
	case "evaluate":
		return timed(func() error {
			_, err := a.model.Evaluate(context.Background(), a.test, cornu.EvaluateConfig{BatchSize: n[0], Quiet: true})
			return err
		})
	case "predict":
		x, _ := a.rows(n[0])
		y := make([]float32, n[0]*10)
		return timed(func() error { return a.model.PredictInto(y, x) })
	case "call":
		_, x := a.rows(n[0])
		return timed(func() error {
			_, err := a.model.Predict(context.Background(), x)
			return err
		})
	case "allocs":
		return a.allocs()
	}
	return Answer{}, errors.New("not measured")
}

// rows returns the first test digits as numbers.
func (a *answers) rows(n int) ([]float32, *tensor.Tensor) {
	x := make([]float32, n*784)
	for i := range x {
		x[i] = float32(a.test.Images[i]) / 255
	}
	t, err := tensor.Of(x, n, 784) // of the first network
	if err != nil {
		panic(err) // the sizes are right above
	}
	return x, t
}

// allocs counts what is allocated in a prediction of one row, after the first.
func (a *answers) allocs() (Answer, error) {
	x, _ := a.rows(1)
	y := make([]float32, 10)
	if err := a.model.PredictInto(y, x); err != nil {
		return Answer{}, err
	}
	const calls = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if err := a.model.PredictInto(y, x); err != nil {
			return Answer{}, err
		}
	}
	runtime.ReadMemStats(&after)
	return Answer{Allocs: float64((after.Mallocs - before.Mallocs) / calls)}, nil
}

// arena returns how many bytes a training step on a batch works in, beside weights and slots, as its plan says.
func arena(batch int) (Answer, error) {
	model, digits, _, err := chapter()
	if err != nil {
		return Answer{}, err
	}
	plan, err := model.Plan(digits, batch)
	if err != nil {
		return Answer{}, err
	}
	_, size, _ := strings.Cut(plan, "arena of ")
	var numbers int
	_, err = fmt.Sscanf(size, "%d float32", &numbers)
	return Answer{Bytes: 4 * float64(numbers)}, err
}

// timed returns the median seconds of a call of f that has run before: of at least 3 and at most 1,000 calls in 0.2 s, of long ones of those
// that begin in 2 s.
func timed(f func() error) (Answer, error) {
	if err := f(); err != nil {
		return Answer{}, err
	}
	var times []float64
	for begin := time.Now(); len(times) == 0 || time.Since(begin) < 2*time.Second && (len(times) < 3 || len(times) < 1000 && time.Since(begin) < 200*time.Millisecond); {
		start := time.Now()
		if err := f(); err != nil {
			return Answer{}, err
		}
		times = append(times, time.Since(start).Seconds())
	}
	return Answer{Seconds: median(times)}, nil
}

// multiply returns the seconds of a matrix product: the median of 3 series of some milliseconds, after as many as give the
// system time to let threads that slept have cores of their own, and of a long one the better of 2, as in peers/gemm.c.
func multiply(m, n, k int, transA, transB bool) float64 {
	fill := func(n int) []float32 {
		x := mem.Make[float32](n)
		for i := range x {
			x[i] = float32(i*7919%1000)/1000 - 0.5
		}
		return x
	}
	g := product.Gemm{
		M: m, N: n, K: k, TransA: transA, TransB: transB,
		A: fill(m * k), B: fill(k * n), C: mem.Make[float32](m * n), LDA: k, LDB: n, LDC: n,
	}
	if transA {
		g.LDA = m
	}
	if transB {
		g.LDB = k
	}
	g.Prepare()
	pool := par.Default()
	run := func(calls int) float64 {
		start := time.Now()
		for range calls {
			g.Run(pool)
		}
		return time.Since(start).Seconds() / float64(calls)
	}
	if run(1) > 0.1 {
		return min(run(1), run(1))
	}
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		run(1)
	}
	calls := int(4e-3/(run(1)+1e-8)) + 1
	return median([]float64{run(calls), run(calls), run(calls)})
}

// scale returns the seconds of a training step of a network of any size.
func scale(width, depth, batch int) (float64, error) {
	model, err := network(width, depth)
	if err != nil {
		return 0, err
	}
	steps := min(max(1024/batch, 4), 64)
	samples := steps * batch
	pixels, labels := make([]uint8, samples*784), make([]uint8, samples)
	for i := range pixels {
		pixels[i] = uint8(i * 7919 >> 3)
	}
	for i := range labels {
		labels[i] = uint8(i % 10)
	}
	x, err := data.Pixels(pixels, 784)
	if err != nil {
		return 0, err
	}
	y, err := data.OneHot(labels, 10)
	if err != nil {
		return 0, err
	}
	source := &data.Arrays{X: []data.Column{x}, Y: []data.Column{y}}
	epoch := 0
	t, err := timed(func() error {
		epoch++
		_, err := model.Fit(context.Background(), source, cornu.FitConfig{InitialEpoch: epoch - 1, Epochs: epoch, BatchSize: batch, Quiet: true, AllowNonFinite: true})
		return err
	})
	return t.Seconds / float64(steps), err
}

// firstStep is a callback that remembers when the first step was done.
type firstStep struct{ at time.Time }

func (f *firstStep) BatchEnd(*train.State) error {
	if f.at.IsZero() {
		f.at = time.Now()
	}
	return nil
}

func (f *firstStep) EpochEnd(*train.State) error { return nil }

// wholeProgram trains the network for all epochs and tests it.
func wholeProgram() error {
	epochs, err := strconv.Atoi(os.Getenv("BENCH_EPOCHS"))
	if err != nil {
		return err
	}
	model, digits, test, err := chapter()
	if err != nil {
		return err
	}
	var first firstStep
	_, err = model.Fit(context.Background(), digits, cornu.FitConfig{Epochs: epochs, BatchSize: 128, Quiet: true, Callbacks: []train.Callback{&first}})
	if err != nil {
		return err
	}
	result, err := model.Evaluate(context.Background(), test, cornu.EvaluateConfig{BatchSize: 128, Quiet: true})
	if err != nil {
		return err
	}
	accuracy, err := result.Metric("accuracy")
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(Answer{First: float64(first.at.UnixMicro()) / 1e6, Accuracy: accuracy})
}

// sink keeps a loop from being taken out.
var sink atomic.Int64

// hog keeps a processor busy until in ends.
func hog(in io.Reader) error {
	fmt.Println("{}")
	go func() {
		io.Copy(io.Discard, in)
		os.Exit(0)
	}()
	for n := 0; ; n++ {
		sink.Store(int64(n))
	}
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
