// Package callback has what watches a training and acts on it: Keras's
// callbacks, with its names and defaults.
//
//	history, err := model.Fit(ctx, source, cornu.FitConfig{
//		Epochs:          100,
//		ValidationSplit: 0.1,
//		Callbacks: []train.Callback{
//			&callback.EarlyStopping{Patience: 5, RestoreBestWeights: true},
//			&callback.CSVLogger{Filename: "training.csv"},
//		},
//	})
//
// A callback is a pointer to a struct whose exported fields configure it; it may
// be used for one training after another, not for two at once. They are called
// in the order in which they are given, so that one sees what those before it
// have added to the logs.
//
// Keras's RemoteMonitor is in package callback/remote.
//
// One of your own needs the method of train.Callback, or Func; and those of
// train.Stateful, if checkpoints should keep what it has seen.
package callback

// This file has Func, and what the callbacks have in common.

import (
	"fmt"
	"io"

	"github.com/cornu-ml/cornu/train"
)

// History gathers what is measured. Fit returns one of its own; given as a
// callback it can gather several trainings.
type History = train.History

// Progress writes the progress of training. Fit has one of its own unless it is
// told to be quiet.
type Progress = train.Progress

// Func makes a callback of functions, as Keras's LambdaCallback does. Those that
// are nil are not called.
type Func struct {
	OnTrainBegin, OnTrainEnd func(s *train.State) error
	OnEpochBegin, OnEpochEnd func(s *train.State) error
	OnBatchBegin, OnBatchEnd func(s *train.State) error
}

// TrainBegin calls OnTrainBegin.
func (f Func) TrainBegin(s *train.State) error { return call(f.OnTrainBegin, s) }

// TrainEnd calls OnTrainEnd.
func (f Func) TrainEnd(s *train.State) error { return call(f.OnTrainEnd, s) }

// EpochBegin calls OnEpochBegin.
func (f Func) EpochBegin(s *train.State) error { return call(f.OnEpochBegin, s) }

// EpochEnd calls OnEpochEnd.
func (f Func) EpochEnd(s *train.State) error { return call(f.OnEpochEnd, s) }

// BatchBegin calls OnBatchBegin.
func (f Func) BatchBegin(s *train.State) error { return call(f.OnBatchBegin, s) }

// BatchEnd calls OnBatchEnd.
func (f Func) BatchEnd(s *train.State) error { return call(f.OnBatchEnd, s) }

func call(f func(*train.State) error, s *train.State) error {
	if f == nil {
		return nil
	}
	return f(s)
}

// say writes a line to w, unless that is nil.
func say(w io.Writer, format string, args ...any) {
	if w != nil {
		fmt.Fprintf(w, format+"\n", args...)
	}
}
