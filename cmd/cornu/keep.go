package main

// This file trains, and keeps what a training reaches: the model, its curves, its checkpoints.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/train"
	"github.com/cornu-ml/cornu/viz"
)

// keeping says what a training leaves behind.
type keeping struct {
	save            string // the file that the trained model goes to, "" for none
	curves          string // the picture's file, "" for none
	checkpoint      string // the folder that the training's state is kept in, "" for none
	checkpointEvery int    // steps
}

// checkpointFlags adds those for checkpoints.
func (k *keeping) checkpointFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&k.checkpoint, "checkpoint", "", "keep the state of the training in `FOLDER`, and go on from what is there")
	f.IntVar(&k.checkpointEvery, "checkpoint-every", 100, "steps from one checkpoint to the next")
}

// check returns an error if something surely can't be written: before a training, not after it.
func (k *keeping) check(saveFlag string) error {
	if k.checkpoint != "" && k.checkpointEvery < 1 { // other commands have no such flag
		return misuse("--checkpoint-every: must be at least 1, got %d", k.checkpointEvery)
	}
	if k.save != "" {
		if err := checkModel(saveFlag, k.save); err != nil {
			return err
		}
	}
	return checkPicture("--curves", k.curves)
}

// modelEndings are those of the files that models are written to.
const modelEndings = ".keras or .h5"

// checkModel returns an error if a model surely can't be written to a file.
func checkModel(flag, path string) error {
	if strings.HasSuffix(path, ".weights.h5") || !strings.HasSuffix(path, ".keras") && !strings.HasSuffix(path, ".h5") {
		return misuse("%s: models are written to files that end with %s, got %s", flag, modelEndings, path)
	}
	if err := file.Check(path); err != nil {
		return misuse("%s: %w", flag, err)
	}
	return nil
}

// fit trains a model and keeps what it reached, before an error too, which is err. unwritten is about what could not be
// kept.
func (k *keeping) fit(c *cobra.Command, model *cornu.Model, source data.Source, cfg cornu.FitConfig) (err, unwritten error) {
	var reached progress
	cfg.Callbacks = append(cfg.Callbacks, &reached)
	cfg.Checkpoint = k.checkpoints(c.ErrOrStderr())
	var history *cornu.History
	fit := func() error {
		history, err = model.Fit(c.Context(), source, cfg)
		return err
	}
	if k.checkpoint != "" {
		err = saving(fit) // its last checkpoint has time
	} else {
		err = fit()
	}
	kept := k.save != "" && (reached.done > 0 || reached.resumed)
	if kept {
		unwritten = saving(func() error { return model.Save(k.save) })
	}
	if errors.Is(err, context.Canceled) {
		lost := (*train.CheckpointError)(nil)
		if errors.As(err, &lost) {
			unwritten = errors.Join(unwritten, lost)
		}
		err = &interruption{reached.tell(k.fate(unwritten))}
	} else if err != nil && kept && unwritten == nil {
		err = fmt.Errorf("%w; the weights of the step before were saved to %s", err, k.save)
	}
	if k.curves != "" && history != nil && len(history.Epoch) > 0 {
		unwritten = errors.Join(unwritten, viz.Save(k.curves, viz.Curves{History: history}))
	}
	return err, unwritten
}

// progress remembers how far a training has come.
type progress struct {
	epoch, batches, batch, done int
	resumed                     bool
}

func (p *progress) TrainBegin(s *train.State) error {
	p.resumed = s.Resumed
	return nil
}

func (p *progress) BatchEnd(s *train.State) error {
	p.epoch, p.batch, p.batches = s.Epoch, s.Batch, s.Batches
	p.done++
	return nil
}

func (p *progress) EpochEnd(*train.State) error { return nil }

// tell says what has been reached, for whoever interrupts a training, and what became of it.
func (p progress) tell(fate string) string {
	switch {
	case p.done == 0 && p.resumed:
		return "before the first step: nothing more was trained"
	case p.done == 0:
		return "before the first step: nothing was trained"
	}
	return fmt.Sprintf("after step %d of %d in epoch %d: the weights of that step were %s", p.batch+1, p.batches, p.epoch+1, fate)
}

// fate says what became of the weights of a training.
func (k *keeping) fate(unwritten error) string {
	switch {
	case unwritten != nil:
		return "not saved"
	case k.save != "" && k.checkpoint != "":
		return "saved to " + k.save + ", and the same command goes on from the checkpoint in " + k.checkpoint
	case k.save != "":
		return "saved to " + k.save
	case k.checkpoint != "":
		return "kept in " + k.checkpoint + ": the same command goes on from there"
	}
	return "not saved"
}

// checkpoints says where the state of the training is kept.
func (k *keeping) checkpoints(log io.Writer) cornu.Checkpoint {
	if k.checkpoint == "" {
		return cornu.Checkpoint{}
	}
	return cornu.Checkpoint{Dir: k.checkpoint, EverySteps: k.checkpointEvery, Log: log}
}
