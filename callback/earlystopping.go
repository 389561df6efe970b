package callback

// This file stops a training that no longer improves.

import (
	"fmt"
	"io"
	"slices"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/train"
)

// EarlyStopping ends a training when what it monitors has stopped improving.
type EarlyStopping struct {
	Monitor  string   `default:"val_loss"` // the name in the logs
	MinDelta float64  // an improvement by less is none
	Patience int      // training ends after this many epochs in a row without improvement
	Mode     Mode     `default:"auto"`
	Baseline *float64 // until this is bettered too, improvements don't restore the patience; nil: there is none

	// RestoreBestWeights ends with the weights of the best epoch in place of the
	// last one's. An epoch counts as the best even if it is no better than the
	// Baseline. A training that an error ended keeps its last weights.
	RestoreBestWeights bool

	StartFromEpoch int // epochs before this one, counted from 0, are not looked at

	Log io.Writer // where it says that it ends a training; nil is nowhere

	cfg       *EarlyStopping // with defaults
	monitor   monitor
	wait      int
	stopped   int
	bestEpoch int
	weights   [][]float32 // of the best epoch
	kept      bool        // weights holds them
}

// StoppedEpoch returns the epoch after which it ended the training, 0 if it did
// not.
func (e *EarlyStopping) StoppedEpoch() int { return e.stopped }

// BestEpoch returns the epoch with the best value, counted from 0.
func (e *EarlyStopping) BestEpoch() int { return e.bestEpoch }

// Best returns the best value, and whether there was one.
func (e *EarlyStopping) Best() (value float64, ok bool) { return e.monitor.best, e.monitor.any }

// TrainBegin forgets a training before this one.
func (e *EarlyStopping) TrainBegin(s *train.State) error {
	cfg := config.Resolve(*e)
	e.cfg = &cfg
	e.wait, e.stopped, e.bestEpoch, e.kept = 0, 0, 0, false
	if cfg.Patience < 0 {
		return fmt.Errorf("callback: EarlyStopping: Patience is %d, it can't be negative", cfg.Patience)
	}
	var err error
	e.monitor, err = newMonitor(s, "EarlyStopping", cfg.Monitor, cfg.Mode, cfg.MinDelta)
	return err
}

// EpochEnd looks whether the epoch has improved anything.
func (e *EarlyStopping) EpochEnd(s *train.State) error {
	value, ok, err := e.monitor.value(s)
	if err != nil || !ok || s.Epoch < e.cfg.StartFromEpoch {
		return err
	}
	e.wait++
	improved := e.monitor.improves(value)
	if improved || !e.kept {
		e.bestEpoch = s.Epoch
		e.keep(s)
	}
	if improved {
		if e.cfg.Baseline == nil || e.monitor.better(value, *e.cfg.Baseline) {
			e.wait = 0
		}
		return nil
	}
	if e.wait >= e.cfg.Patience && s.Epoch > 0 {
		e.stopped = s.Epoch
		return train.ErrStop
	}
	return nil
}

// keep takes down the weights.
func (e *EarlyStopping) keep(s *train.State) {
	e.kept = true
	if !e.cfg.RestoreBestWeights {
		return
	}
	variables := s.Variables()
	e.weights = slices.Grow(e.weights[:0], len(variables))[:len(variables)]
	for i, v := range variables {
		e.weights[i] = append(e.weights[i][:0], slab.SpanOf(v).View()...)
	}
}

// TrainEnd puts the best weights back.
func (e *EarlyStopping) TrainEnd(s *train.State) error {
	if e.stopped > 0 {
		say(e.Log, "Epoch %d: early stopping", e.stopped+1)
	}
	if e.cfg == nil || !e.cfg.RestoreBestWeights || !e.kept || s.Err != nil {
		return nil
	}
	say(e.Log, "Restoring model weights from the end of the best epoch: %d.", e.bestEpoch+1)
	for i, v := range s.Variables() {
		if err := v.Assign(e.weights[i]); err != nil {
			return err
		}
	}
	return nil
}
