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
	cfg := cornu.FitConfig{Epochs: s.epochs, BatchSize: s.batch, Quiet: s.quiet, Log: out}
	if s.tensorboard != "" {
		cfg.Callbacks = append(cfg.Callbacks, &callback.TensorBoard{LogDir: s.tensorboard})
	}
	if s.curves != "" {
		cfg.ValidationData = test
	}
	err, unwritten := s.fit(c, &model.Model, digits, cfg)
	if err != nil {
		return nil, nil, errors.Join(err, unwritten)
	}
	return model, test, unwritten
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
		elements := make([]byte, 0, 4*v.Shape.Numel())
		for _, w := range v.Value() {
			elements = binary.LittleEndian.AppendUint32(elements, math.Float32bits(w))
		}
		hash.Write(elements)
	}
	return hash.Sum(nil), nil
}
