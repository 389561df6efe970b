package train_test

// This file lets trainings of steps of the user's own go on from checkpoints.

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A game is a step with two networks, whose variables have the same names, and an optimizer for each.
type game struct {
	step       *train.Step
	networks   [2]*layer.Network
	optimizers [2]*train.Optimizer
}

func newGame(t *testing.T, second optimizer.Optimizer) *game {
	g := &game{optimizers: [2]*train.Optimizer{
		train.NewOptimizer(optimizer.Adam{LearningRate: 0.1}), train.NewOptimizer(second),
	}}
	for i := range g.networks {
		g.networks[i] = network(t, 2, &layer.Dense{Units: 3}, &layer.Dropout{Rate: 0.2}, &layer.Dense{Units: 1})
	}
	g.step = step(t, func(s *train.StepBuilder) {
		in := s.Input("in", tensor.Shape{batch, 2})
		a, _ := s.Network(g.networks[0], true, in)
		b, _ := s.Network(g.networks[1], true, in)
		product := a[0].Mul(b[0]).Mean()
		s.Mean("product", product)
		s.Minimize(product.Square(), g.optimizers[0], g.networks[0].TrainableVariables()...)
		s.Minimize(product.AddScalar(-1).Square(), g.optimizers[1], g.networks[1].TrainableVariables()...)
	})
	return g
}

// numbers yields samples for ever, in an order that the epoch's number says.
func numbers() data.Source {
	return data.Func(data.Spec{X: []tensor.Shape{{2}}, Len: -1}, func(_ context.Context, c data.EpochConfig) iter.Seq2[data.Sample, error] {
		random := rand.New(rand.NewPCG(c.Seed, c.Epoch))
		return func(yield func(data.Sample, error) bool) {
			for yield(data.Sample{X: [][]float32{{random.Float32(), random.Float32()}}}, nil) {
			}
		}
	})
}

// left is what the game comes to.
func (g *game) left(h *train.History) (bits []uint32) {
	for i, n := range g.networks {
		for _, v := range n.Variables() {
			for _, x := range v.Value() {
				bits = append(bits, math.Float32bits(x))
			}
		}
		for _, slot := range g.optimizers[i].Slots() {
			for _, x := range slot.Value() {
				bits = append(bits, math.Float32bits(x))
			}
		}
		bits = append(bits, uint32(g.optimizers[i].Iterations()))
	}
	for _, v := range h.Values["product"] {
		bits = append(bits, uint32(math.Float64bits(v)>>32), uint32(math.Float64bits(v)))
	}
	return bits
}

// A tally is a callback with a state.
type tally struct {
	Batches, Epochs int
	Resumed         []int // the batches when the state was set
	crash           int
}

var errTally = errors.New("enough")

func (c *tally) EpochEnd(*train.State) error { c.Epochs++; return nil }

func (c *tally) BatchEnd(*train.State) error {
	if c.Batches++; c.Batches == c.crash {
		return errTally
	}
	return nil
}

func (c *tally) SaveState(_ *train.State, b []byte) ([]byte, error) {
	text, err := json.Marshal(c)
	return append(b, text...), err
}

func (c *tally) LoadState(s *train.State, b []byte) error {
	if !s.Resumed {
		return errors.New("it is not resumed")
	}
	err := json.Unmarshal(b, c)
	c.Resumed = append(c.Resumed, c.Batches)
	return err
}

func TestAStepOfOnesOwnGoesOnFromACheckpoint(t *testing.T) {
	fit := func(g *game, dir string, c *tally) (*train.History, error) {
		return train.Fit(t.Context(), g.step, nil, numbers(), train.Config{
			Epochs: 3, BatchSize: 4, StepsPerEpoch: 7, Quiet: true, Callbacks: []train.Callback{c},
			Checkpoint: train.Checkpoint{Dir: dir, EverySteps: 2},
			Facts:      []train.Fact{{Name: "number of the data", Value: "7"}},
		})
	}
	whole := newGame(t, optimizer.RMSprop{})
	_, err := fit(whole, "", &tally{})
	if err == nil || !strings.Contains(err.Error(), "needs a Dir") {
		t.Errorf("without a folder: %v", err)
	}
	history, err := fit(whole, t.TempDir(), &tally{})
	if err != nil {
		t.Fatal(err)
	}
	want := whole.left(history)
	dir := t.TempDir()
	for _, crash := range []int{6, 11, 18, 0} {
		g, c := newGame(t, optimizer.RMSprop{}), &tally{crash: crash}
		history, err := fit(g, dir, c)
		if crash > 0 {
			if !errors.Is(err, errTally) {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := g.left(history); !reflect.DeepEqual(got, want) {
			t.Error("it comes to other bits")
		}
		if c.Batches != 21 || c.Epochs != 3 || len(c.Resumed) == 0 {
			t.Errorf("the callback has counted %+v", *c)
		}
	}
	if _, err := fit(newGame(t, optimizer.Adam{}), dir, &tally{}); err == nil || !strings.Contains(err.Error(), "its optimizer 2 is optimizer.RMSprop, this one's is optimizer.Adam") {
		t.Errorf("another optimizer: %v", err)
	}
	_, err = train.Fit(t.Context(), newGame(t, optimizer.RMSprop{}).step, nil, numbers(), train.Config{
		Epochs: 3, BatchSize: 4, StepsPerEpoch: 7, Quiet: true, Callbacks: []train.Callback{&tally{}},
		Checkpoint: train.Checkpoint{Dir: dir}, Facts: []train.Fact{{Name: "number of the data", Value: "8"}},
	})
	if err == nil || !strings.Contains(err.Error(), "its number of the data is 7, this one's is 8") {
		t.Errorf("another fact: %v", err)
	}
}

// A source that has become shorter is noticed, though it doesn't say how long it is.
func TestASourceThatHasFewerBatchesThanTheCheckpointIsAnError(t *testing.T) {
	samples := 40
	source := data.Func(data.Spec{X: []tensor.Shape{{2}}, Len: -1}, func(context.Context, data.EpochConfig) iter.Seq2[data.Sample, error] {
		return func(yield func(data.Sample, error) bool) {
			for i := 0; i < samples && yield(data.Sample{X: [][]float32{{float32(i), 1}}}, nil); i++ {
			}
		}
	})
	dir := t.TempDir()
	fit := func(until int) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		batches := 0
		_, err := train.Fit(ctx, newGame(t, optimizer.SGD{}).step, nil, source, train.Config{
			BatchSize: 4, Quiet: true, Checkpoint: train.Checkpoint{Dir: dir},
			Callbacks: []train.Callback{onBatch(func() {
				if batches++; batches == until {
					cancel()
				}
			})},
		})
		return err
	}
	if err := fit(9); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "checkpoint-000001.safetensors holds") {
		t.Fatal(err)
	}
	samples = 3
	if err := fit(0); err == nil || !strings.Contains(err.Error(), "the source has fewer now") {
		t.Errorf("the error is %v", err)
	}
}

// onBatch is called after each batch.
type onBatch func()

func (onBatch) EpochEnd(*train.State) error { return nil }

func (f onBatch) BatchEnd(*train.State) error { f(); return nil }
