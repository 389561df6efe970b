package callback

// This file logs a training for TensorBoard, with the tags that Keras gives.

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/pb"
	"github.com/cornu-ml/cornu/train"
)

// TensorBoard writes a training's measures, its weights and its network to event
// files, for `tensorboard --logdir logs` to show: those of training in the folder
// train of LogDir, those of validation in validation. Each run of Fit writes
// files of its own; one that goes on from a checkpoint goes on in those of before,
// without what they have of later steps. The tags are Keras's:
//
//	epoch_loss, epoch_accuracy, …        after each epoch, at the epoch
//	epoch_learning_rate                  as well, in train
//	batch_loss, batch_accuracy, …        if UpdateFreq is set, at the update
//	evaluation_loss_vs_iterations, …     after each validation, at the update
//	epoch_steps_per_second, batch_steps_per_second
//	dense/kernel/histogram, …            if HistogramFreq is set, at the epoch
type TensorBoard struct {
	LogDir              string `default:"logs"`
	HistogramFreq       int    // epochs from one set of histograms to the next; 0: there are none
	NoGraph             bool   `keras:"write_graph,not"` // don't write the network
	WriteStepsPerSecond bool   // log how fast training is
	UpdateFreq          int    // batches from one set of their measures to the next; 0: there are none

	train, validation *eventFile
	epochStart        time.Time
	epochSteps        uint64 // updates before the epoch
	batchStart        time.Time
}

// TrainBegin writes the network.
func (t *TensorBoard) TrainBegin(s *train.State) error {
	if t.HistogramFreq < 0 || t.UpdateFreq < 0 {
		return fmt.Errorf("callback: TensorBoard: HistogramFreq is %d and UpdateFreq %d, they can't be negative", t.HistogramFreq, t.UpdateFreq)
	}
	dir := config.Resolve(*t).LogDir
	t.train, t.validation = newEventFile(filepath.Join(dir, "train")), newEventFile(filepath.Join(dir, "validation"))
	if s.Resumed {
		return nil // LoadState sees to it
	}
	return t.network(s)
}

func (t *TensorBoard) network(s *train.State) error {
	if t.NoGraph || len(s.Networks()) == 0 {
		return nil
	}
	return t.write(t.train, 0, eventGraphDef, graphDef(s.Networks()))
}

// write appends an event to a file.
func (t *TensorBoard) write(f *eventFile, step int64, field int, content pb.Message) error {
	if err := f.write(step, field, content); err != nil {
		return fmt.Errorf("callback: TensorBoard: %w", err)
	}
	return nil
}

// EpochBegin starts the clock.
func (t *TensorBoard) EpochBegin(s *train.State) error {
	t.epochStart, t.epochSteps = time.Now(), s.Step
	return nil
}

// BatchBegin starts the clock.
func (t *TensorBoard) BatchBegin(*train.State) error {
	if t.UpdateFreq > 0 && t.WriteStepsPerSecond {
		t.batchStart = time.Now()
	}
	return nil
}

// BatchEnd writes the measures of a batch.
func (t *TensorBoard) BatchEnd(s *train.State) error {
	if t.UpdateFreq == 0 || s.Step%uint64(t.UpdateFreq) != 0 {
		return nil
	}
	var batch summary
	if t.WriteStepsPerSecond {
		batch.scalar("batch_steps_per_second", 1/time.Since(t.batchStart).Seconds())
	}
	each(s, false, func(name string, value float64) { batch.scalar("batch_"+name, value) })
	return t.write(t.train, int64(s.Step), eventSummary, batch.Message)
}

// EpochEnd writes the measures of an epoch.
func (t *TensorBoard) EpochEnd(s *train.State) error {
	if err := t.validated(s); err != nil {
		return err
	}
	var epoch summary
	each(s, false, func(name string, value float64) {
		if name != "learning_rate" {
			epoch.scalar("epoch_"+name, value)
		}
	})
	if len(s.Optimizers()) > 0 {
		epoch.scalar("epoch_learning_rate", s.LearningRate())
	}
	if t.WriteStepsPerSecond {
		epoch.scalar("epoch_steps_per_second", float64(s.Step-t.epochSteps)/time.Since(t.epochStart).Seconds())
	}
	if t.HistogramFreq > 0 && s.Epoch%t.HistogramFreq == 0 {
		for _, v := range s.Variables() {
			epoch.histogram(v.Path+"/histogram", v.Value())
		}
	}
	return t.write(t.train, int64(s.Epoch), eventSummary, epoch.Message)
}

// validated writes the measures of validation, if there was one.
func (t *TensorBoard) validated(s *train.State) error {
	var evaluation, epoch summary
	each(s, true, func(name string, value float64) {
		evaluation.scalar("evaluation_"+name+"_vs_iterations", value)
		epoch.scalar("epoch_"+name, value)
	})
	if epoch.Message == nil {
		return nil
	}
	if err := t.write(t.validation, int64(s.Step), eventSummary, evaluation.Message); err != nil {
		return err
	}
	return t.write(t.validation, int64(s.Epoch), eventSummary, epoch.Message)
}

// each calls f with what is known: of validation, without "val_", or of training.
func each(s *train.State, validation bool, f func(name string, value float64)) {
	for _, name := range s.Logs() {
		value, ok := s.Log(name)
		bare, isValidation := strings.CutPrefix(name, "val_")
		if ok && isValidation == validation {
			f(bare, value)
		}
	}
}

// TrainEnd closes the files.
func (t *TensorBoard) TrainEnd(*train.State) error {
	err := errors.Join(t.train.close(), t.validation.close())
	t.train, t.validation = nil, nil
	if err != nil {
		return fmt.Errorf("callback: TensorBoard: %w", err)
	}
	return nil
}
