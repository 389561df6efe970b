package main

// This file defines `cornu mnist train` and what its relatives need of it.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/callback"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/train"
	"github.com/cornu-ml/cornu/viz"
)

func newTrain() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   "train",
		Short: "Train the classifier and test it",
		Long:  "Train runs the book's listing 1.3.2: the summary, the epochs, the accuracy on the test digits. The last line is a\nhash of all weights, the same on every machine for the same flags.",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return s.train(c) },
	}
	s.flags(c)
	s.outputs(c)
	return c
}

func (s *settings) train(c *cobra.Command) error {
	model, test, err := s.trained(c)
	if model == nil {
		return err
	}
	// Curves that can't be written don't take the accuracy with them.
	return errors.Join(s.test(c, model, test), err)
}

// test prints what the trained network comes to.
func (s *settings) test(c *cobra.Command, model *cornu.Sequential, digits *mnist.Set) error {
	out := c.OutOrStdout()
	result, err := model.Evaluate(c.Context(), digits, cornu.EvaluateConfig{BatchSize: s.batch, Quiet: s.quiet, Log: out})
	if errors.Is(err, context.Canceled) {
		return &interruption{fmt.Sprintf("while it was tested: the training was done, all %d epochs of it, and its weights were %s", s.epochs, s.fate(nil))}
	} else if err != nil {
		return err
	}
	if !s.quiet {
		fmt.Fprintln(out)
	}
	accuracy, err := result.Metric("accuracy")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Test accuracy: %.1f%%\n", 100*accuracy)
	hash, err := hashOf(model)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "weights sha256:%x\n", hash)
	return nil
}

// trained builds the network, trains it, and returns it with the digits to test it on. Unless quiet, it prints the
// summary and the progress. With a model, an error is about what it should leave beside it.
func (s *settings) trained(c *cobra.Command) (*cornu.Sequential, *mnist.Set, error) {
	model, err := s.model()
	if err != nil {
		return nil, nil, err
	}
	cornu.SetThreads(s.threads)
	digits, test, err := s.data()
	if err != nil {
		return nil, nil, err
	}
	out := c.OutOrStdout()
	if !s.quiet {
		if err := model.SummaryWith(out, layer.SummaryConfig{Style: layer.Keras2}); err != nil {
			return nil, nil, err
		}
	}
	if s.plot != "" {
		if err := viz.Save(s.plot, viz.Diagram{Model: model, Style: layer.Keras2}); err != nil {
			return nil, nil, err
		}
	}
	var reached progress
	callbacks := []train.Callback{&reached}
	if s.tensorboard != "" {
		callbacks = append(callbacks, &callback.TensorBoard{LogDir: s.tensorboard})
	}
	cfg := cornu.FitConfig{
		Epochs: s.epochs, BatchSize: s.batch, Callbacks: callbacks, Quiet: s.quiet, Log: out,
		Checkpoint: s.checkpoints(c.ErrOrStderr()),
	}
	if s.curves != "" {
		cfg.ValidationData = test
	}
	var history *cornu.History
	fit := func() error {
		history, err = model.Fit(c.Context(), digits, cfg)
		return err
	}
	if s.checkpoint != "" {
		err = saving(fit) // its last checkpoint has time
	} else {
		err = fit()
	}
	// What was reached before an error is kept and shown too.
	var unwritten error
	if s.save != "" && (reached.done > 0 || reached.resumed) {
		unwritten = saving(func() error { return model.Save(s.save) })
	}
	if errors.Is(err, context.Canceled) {
		lost := (*train.CheckpointError)(nil)
		if errors.As(err, &lost) {
			unwritten = errors.Join(unwritten, lost)
		}
		err = &interruption{reached.tell(s.fate(unwritten))}
	}
	if s.curves != "" && history != nil && len(history.Epoch) > 0 {
		unwritten = errors.Join(unwritten, viz.Save(s.curves, viz.Curves{History: history}))
	}
	if err != nil {
		return nil, nil, errors.Join(err, unwritten)
	}
	return model, test, unwritten
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
func (s *settings) fate(unwritten error) string {
	switch {
	case unwritten != nil:
		return "not saved"
	case s.save != "" && s.checkpoint != "":
		return "saved to " + s.save + ", and the same command goes on from the checkpoint in " + s.checkpoint
	case s.save != "":
		return "saved to " + s.save
	case s.checkpoint != "":
		return "kept in " + s.checkpoint + ": the same command goes on from there"
	}
	return "not saved"
}

// checkpoints says where the state of the training is kept.
func (s *settings) checkpoints(log io.Writer) cornu.Checkpoint {
	if s.checkpoint == "" {
		return cornu.Checkpoint{}
	}
	return cornu.Checkpoint{Dir: s.checkpoint, EverySteps: s.checkpointEvery, Log: log}
}

// hashOf returns the SHA-256 of all weights in model order: for each the name, a zero byte, the number of dimensions
// and the dimensions as little-endian 64-bit integers, and the elements as little-endian float32.
func hashOf(model *cornu.Sequential) ([]byte, error) {
	variables, err := model.Variables()
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	for _, v := range variables {
		io.WriteString(hash, v.Path+"\x00")
		sizes := binary.LittleEndian.AppendUint64(nil, uint64(len(v.Shape)))
		for _, size := range v.Shape {
			sizes = binary.LittleEndian.AppendUint64(sizes, uint64(size))
		}
		hash.Write(sizes)
		elements := make([]byte, 0, 4*len(v.Value))
		for _, w := range v.Value {
			elements = binary.LittleEndian.AppendUint32(elements, math.Float32bits(w))
		}
		hash.Write(elements)
	}
	return hash.Sum(nil), nil
}
