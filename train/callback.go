package train

// This file defines what a callback is and what it is given.

import (
	"errors"

	"github.com/cornu-ml/cornu/layer"
)

// ErrStop ends training after the present batch or epoch when a callback returns
// it, alone or wrapped. Fit then returns no error.
var ErrStop = errors.New("stop training")

// A Callback is told of the end of every epoch. It may implement any of
// TrainBeginner, TrainEnder, EpochBeginner, BatchBeginner and BatchEnder too;
// hooks that it lacks cost nothing. An error ends training and is returned by
// Fit; see ErrStop.
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

// Func makes a Callback of a function that is called at the end of each epoch.
type Func func(s *State) error

// EpochEnd calls f.
func (f Func) EpochEnd(s *State) error { return f(s) }

// State is what a callback sees and may change. It is valid during the call.
type State struct {
	Epoch   int    // the present epoch, from 0
	Epochs  int    // the epoch that training would end before
	Batch   int    // the present batch of the epoch, from 0
	Batches int    // batches of an epoch, 0 if unknown
	Step    uint64 // updates done, over all calls of Fit
	History *History

	step *Step
	logs *logs
}

// Logs lists the names of what is measured: sorted, training before validation.
func (s *State) Logs() []string { return s.logs.names }

// Log returns the present value of what is measured under that name: the mean
// over the epoch so far. The names of validation start with "val_" and are known
// at the end of an epoch.
func (s *State) Log(name string) (value float64, ok bool) { return s.logs.get(name) }

// Variables lists the variables of the network in training, in model order. A
// callback may read and write their values.
func (s *State) Variables() []*layer.Variable { return s.step.variables }

// LearningRate returns the rate of the next step.
func (s *State) LearningRate() float64 { return s.step.optimizers[0].LearningRate() }

// SetLearningRate sets the rate of the steps that follow. It takes the place of
// a schedule.
func (s *State) SetLearningRate(rate float64) {
	for _, o := range s.step.optimizers {
		o.SetLearningRate(rate)
	}
}

// Optimizers returns the optimizers in use, for saving and restoring training: a
// model's step has one.
func (s *State) Optimizers() []*Optimizer { return s.step.optimizers }

// hooks holds the callbacks by the moments they asked for, found once.
type hooks struct {
	trainBegin []func(*State) error
	trainEnd   []func(*State) error
	epochBegin []func(*State) error
	epochEnd   []func(*State) error
	batchBegin []func(*State) error
	batchEnd   []func(*State) error
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
	}
	return h
}

// call calls every hook of one moment, and returns the first error.
func call(hooks []func(*State) error, s *State) error {
	var first error
	for _, hook := range hooks {
		if err := hook(s); err != nil && first == nil {
			first = err
		}
	}
	return first
}
