package train

// This file defines what a callback is and what it is given.

import (
	"context"
	"errors"
	"strings"

	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
)

// ErrStop ends training after the present batch or epoch when a callback returns
// it, alone or wrapped. Fit then returns no error.
var ErrStop = errors.New("stop training")

// A Callback is told of the end of every epoch. It may implement any of
// TrainBeginner, TrainEnder, EpochBeginner, BatchBeginner, BatchEnder, TestBeginner
// and TestEnder too; hooks that it lacks cost nothing. An error ends training and is
// returned by Fit; see ErrStop.
type Callback interface {
	EpochEnd(s *State) error
}

// A TrainBeginner is told before the first epoch.
type TrainBeginner interface{ TrainBegin(s *State) error }

// A TrainEnder is told after the last epoch, however training ended but for a
// panic.
type TrainEnder interface{ TrainEnd(s *State) error }

// An EpochBeginner is told before the first batch of each epoch.
type EpochBeginner interface{ EpochBegin(s *State) error }

// A BatchBeginner is told before each batch.
type BatchBeginner interface{ BatchBegin(s *State) error }

// A BatchEnder is told after each batch.
type BatchEnder interface{ BatchEnd(s *State) error }

// A TestBeginner is told before each validation.
type TestBeginner interface{ TestBegin(s *State) error }

// A TestEnder is told after each validation, whether it went well or not.
type TestEnder interface{ TestEnd(s *State) error }

// Func makes a Callback of a function that is called at the end of each epoch.
type Func func(s *State) error

// EpochEnd calls f.
func (f Func) EpochEnd(s *State) error {
	if f == nil {
		return errors.New("train: a Func is nil")
	}
	return f(s)
}

// State is what a callback sees and may change. It is valid during the call.
type State struct {
	Epoch   int    // the present epoch, from 0
	Epochs  int    // the epoch that training would end before
	Batch   int    // the present batch of the epoch, from 0
	Batches int    // batches of an epoch, 0 if unknown
	Step    uint64 // updates done, over all calls of Fit
	History *History
	Err     error // at the end of training: what went wrong, nil if nothing did
	Resumed bool  // training goes on from a checkpoint

	ctx  context.Context
	step *Step
	logs *logs

	saver func(path string, weightsOnly bool) (func() error, error)
}

// Saver returns a function that writes the model that is trained to a file, or its weights
// alone, by the path's ending, as cornu's Model.Save and SaveWeights do. It is an error if
// there is no such ending, or what is trained is no model.
func (s *State) Saver(path string, weightsOnly bool) (func() error, error) {
	if s.saver == nil {
		return nil, errors.New("what is trained is no model that can be saved")
	}
	return s.saver(path, weightsOnly)
}

// Context returns the context that Fit was given: a callback that waits should end
// with it.
func (s *State) Context() context.Context {
	if s.ctx == nil {
		return context.Background()
	}
	return s.ctx
}

// Logs lists the names of what is measured: sorted, training before validation.
func (s *State) Logs() []string { return s.known().names }

// Log returns the present value of what is measured under that name: the mean
// over the epoch so far. The names of validation start with "val_" and are known
// at the end of an epoch.
func (s *State) Log(name string) (value float64, ok bool) { return s.known().get(name) }

// known returns the logs of a state that Fit has made, and empty ones otherwise.
func (s *State) known() *logs {
	if s.logs == nil {
		s.logs = &logs{}
	}
	return s.logs
}

// trained returns the step of a state that Fit has made, and an empty one otherwise.
func (s *State) trained() *Step {
	if s.step == nil {
		return &Step{}
	}
	return s.step
}

// SetLog adds a value of the caller's own to the epoch's logs: later callbacks
// and the history see it, and the progress line as long as the epoch lasts.
func (s *State) SetLog(name string, value float64) {
	known := s.known().put(name, value)
	h := s.History
	if h == nil {
		return
	}
	if n := len(h.Epoch); n == 0 || h.Epoch[n-1] != s.Epoch {
		return // the epoch isn't in the history yet
	}
	if values := h.Values[name]; known && len(values) > 0 {
		values[len(values)-1] = value
	} else {
		h.append(name, s.Epoch, value)
	}
}

// Direction says which values of what is measured under that name are better.
// Those of losses are known by the name, those of metrics by what the metric
// says.
func (s *State) Direction(name string) metric.Direction {
	name = strings.TrimPrefix(name, "val_")
	if name == "loss" || strings.HasSuffix(name, "_loss") {
		return metric.Down
	}
	for _, m := range s.trained().meters {
		if m.name == name {
			return m.direction
		}
	}
	return metric.Unknown
}

// Networks lists the networks in training: a model's step has one.
func (s *State) Networks() []*layer.Network { return s.trained().networks }

// Variables lists the variables of the network in training, in model order. A
// callback may read and write their values.
func (s *State) Variables() []*layer.Variable { return s.trained().variables }

// LearningRate returns the rate of the next step, 0 if nothing is optimized.
func (s *State) LearningRate() float64 {
	if len(s.trained().optimizers) == 0 {
		return 0
	}
	return s.trained().optimizers[0].LearningRate()
}

// SetLearningRate sets the rate of the steps that follow. It takes the place of
// a schedule.
func (s *State) SetLearningRate(rate float64) {
	for _, o := range s.trained().optimizers {
		o.SetLearningRate(rate)
	}
}

// Optimizers returns the optimizers in use, for saving and restoring training: a
// model's step has one.
func (s *State) Optimizers() []*Optimizer { return s.trained().optimizers }

// hooks holds the callbacks by the moments they asked for, found once.
type hooks struct {
	trainBegin []func(*State) error
	trainEnd   []func(*State) error
	epochBegin []func(*State) error
	epochEnd   []func(*State) error
	batchBegin []func(*State) error
	batchEnd   []func(*State) error
	testBegin  []func(*State) error
	testEnd    []func(*State) error
}

func hooksOf(callbacks []Callback) *hooks {
	h := &hooks{}
	for _, c := range callbacks {
		h.epochEnd = append(h.epochEnd, c.EpochEnd)
		if c, ok := c.(TrainBeginner); ok {
			h.trainBegin = append(h.trainBegin, c.TrainBegin)
		}
		if c, ok := c.(TrainEnder); ok {
			h.trainEnd = append(h.trainEnd, c.TrainEnd)
		}
		if c, ok := c.(EpochBeginner); ok {
			h.epochBegin = append(h.epochBegin, c.EpochBegin)
		}
		if c, ok := c.(BatchBeginner); ok {
			h.batchBegin = append(h.batchBegin, c.BatchBegin)
		}
		if c, ok := c.(BatchEnder); ok {
			h.batchEnd = append(h.batchEnd, c.BatchEnd)
		}
		if c, ok := c.(TestBeginner); ok {
			h.testBegin = append(h.testBegin, c.TestBegin)
		}
		if c, ok := c.(TestEnder); ok {
			h.testEnd = append(h.testEnd, c.TestEnd)
		}
	}
	return h
}

// call calls every hook of one moment, and returns the first error; ErrStop is
// returned only if there is no other.
func call(hooks []func(*State) error, s *State) error {
	var first error
	for _, hook := range hooks {
		first = worse(first, hook(s))
	}
	return first
}

// worse returns the first of two errors, unless it is no more than ErrStop.
func worse(first, second error) error {
	if second == nil || first != nil && !errors.Is(first, ErrStop) {
		return first
	}
	return second
}
