package cornu_test

// This file uses models from many goroutines. The race detector is what makes most of it
// a test: CGO_ENABLED=1 go test -race -run AtOnce .

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"testing"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// atOnce runs f from n goroutines.
func atOnce(n int, f func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { f(i) })
	}
	wait.Wait()
}

func TestFitsAtOnceOfAModelThatIsNotBuilt(t *testing.T) {
	for range 5 {
		m := cornu.NewSequential(&layer.Dense{Units: 5, Activation: activation.Tanh{}}, &layer.Dense{Units: 3})
		if err := m.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		trained := 0
		atOnce(8, func(int) {
			_, err := m.Fit(ctx, points(t, 20), cornu.FitConfig{Quiet: true})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				trained++
			} else if !errors.Is(err, cornu.ErrBusy) {
				t.Error(err)
			}
		})
		if trained == 0 {
			t.Error("no one has trained")
		}
	}
}

func TestTrainingsAtOnceOfModelsThatShareALayer(t *testing.T) {
	for range 5 {
		shared := &layer.Dense{Units: 5, Activation: activation.Tanh{}}
		models := make([]*cornu.Model, 6)
		atOnce(len(models), func(i int) { // the layer is built by whoever comes first
			in := cornu.Input(8)
			models[i] = cornu.NewModel([]*cornu.Node{in}, []*cornu.Node{cornu.Apply(&layer.Dense{Units: 3}, cornu.Apply(shared, in))})
			if err := models[i].Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{}}); err != nil {
				t.Error(err)
			}
		})
		atOnce(len(models), func(i int) {
			if i%2 == 0 {
				if _, err := models[i].Fit(ctx, points(t, 40), cornu.FitConfig{Epochs: 3, BatchSize: 4, Quiet: true}); err != nil {
					t.Error(err)
				}
				return
			}
			for range 20 {
				if _, err := models[i].Predict(ctx, tensorOf(t, wave(8, 1), 1, 8)); err != nil {
					t.Error(err)
				}
				weights, err := models[i].Weights()
				if err != nil {
					t.Error(err)
				}
				if err := models[i].SetWeights(weights); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTrainingsAtOnceGiveTheBitsOfTrainingsInTurn(t *testing.T) {
	train := func(seed uint64) []*tensor.Tensor {
		m := small(0.3)
		m.Seed(seed)
		if err := m.Compile(classifier(optimizer.Adam{})); err != nil {
			t.Error(err)
			return nil
		}
		if _, err := m.Fit(ctx, points(t, 40), cornu.FitConfig{Epochs: 3, BatchSize: 4, Quiet: true}); err != nil {
			t.Error(err)
		}
		weights, err := m.Weights()
		if err != nil {
			t.Error(err)
		}
		return weights
	}
	got := make([][]*tensor.Tensor, 6)
	atOnce(len(got), func(i int) { got[i] = train(uint64(i)) })
	for i := range got {
		for j, want := range train(uint64(i)) {
			for k, v := range floats(t, want) {
				if floats(t, got[i][j])[k] != v {
					t.Fatalf("seed %d: weight %d of array %d differs", i, k, j)
				}
			}
		}
	}
}

// Trainings that have nothing in common may run side by side, each in a goroutine of its
// own, and give the bits that they give alone: to try several rates, say. They share the
// cores; where a step is short, two trainings on two cores end sooner than one after the
// other.
func Example_parallel() {
	xor, err := data.FromRows([][]float32{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, [][]float32{{0}, {1}, {1}, {0}})
	if err != nil {
		log.Fatal(err)
	}
	rates := []float64{0.001, 0.01, 0.05}
	losses := make([]float64, len(rates))
	var wait sync.WaitGroup
	for i, rate := range rates {
		wait.Go(func() {
			model := cornu.NewSequential( // layers of its own
				&layer.Input{Shape: tensor.Shape{2}},
				&layer.Dense{Units: 8, Activation: activation.Tanh{}},
				&layer.Dense{Units: 1},
			)
			if err := model.Compile(cornu.CompileConfig{Loss: loss.MeanSquaredError{}, Optimizer: optimizer.SGD{LearningRate: rate}}); err != nil {
				log.Fatal(err)
			}
			history, err := model.Fit(context.Background(), xor, cornu.FitConfig{Epochs: 100, Quiet: true})
			if err != nil {
				log.Fatal(err)
			}
			losses[i] = history.Values["loss"][99]
		})
	}
	wait.Wait()
	fmt.Println("the higher rate has learned more:", losses[0] > losses[1] && losses[1] > losses[2])
	// Output: the higher rate has learned more: true
}

// A panicky layer panics when it is told to.
type panicky struct{ now *bool }

func (l *panicky) Build(*layer.Builder, []tensor.Shape) error { return nil }
func (l *panicky) Call(_ *layer.Context, in []*graph.Node) *graph.Node {
	if *l.now {
		panic("as told")
	}
	return in[0]
}

func TestAModelIsNotInUseAfterAPanic(t *testing.T) {
	now := false
	m := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{8}}, &layer.Dense{Units: 3}, &panicky{&now})
	if err := m.Compile(classifier(optimizer.SGD{})); err != nil {
		t.Fatal(err)
	}
	x := tensorOf(t, wave(8, 1), 1, 8)
	for name, call := range map[string]func() error{
		"Fit":      func() error { _, err := m.Fit(ctx, points(t, 8), cornu.FitConfig{Quiet: true}); return err },
		"Evaluate": func() error { _, err := m.Evaluate(ctx, points(t, 8), cornu.EvaluateConfig{Quiet: true}); return err },
		"Predict":  func() error { _, err := m.Predict(ctx, x); return err },
		"Compile":  func() error { return m.Compile(classifier(optimizer.SGD{})) },
	} {
		m.Seed(1) // forgets the steps
		now = true
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s doesn't panic", name)
				}
			}()
			_ = call()
		}()
		now = false
		if err := call(); err != nil {
			t.Errorf("%s after a panic: %v", name, err)
		}
	}
}
