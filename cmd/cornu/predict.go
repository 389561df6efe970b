package main

// This file defines `cornu mnist predict` and `cornu mnist evaluate`: what a network makes of one digit, and of all.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/tensor"
)

func newPredict() *cobra.Command {
	var s settings
	var index int
	c := &cobra.Command{
		Use:   "predict [MODEL]",
		Short: "Tell what one test digit is",
		Long: "Predict draws one of the test digits and prints the ten probabilities that a network gives it: the one in the file\n" +
			"MODEL, .keras or .h5, or else one that is trained first, as `cornu mnist train` does; --epochs 1 is a matter of a\n" +
			"moment, and knows most digits.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			// What says how to train says nothing to a model that is trained.
			var idle []string
			c.Flags().Visit(func(f *pflag.Flag) {
				if f.Name != "index" && f.Name != "quiet" {
					idle = append(idle, "--"+f.Name)
				}
			})
			if len(idle) > 0 {
				return misuse("%s: with a MODEL nothing is trained, and %s has no meaning", c.CommandPath(), strings.Join(idle, ", "))
			}
			return oneFile(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error { return s.predict(c, args, index) },
	}
	c.Flags().SortFlags = false
	c.Flags().IntVar(&index, "index", 0, "which of the 10,000 test digits, from 0")
	s.flags(c)
	return c
}

func (s *settings) predict(c *cobra.Command, args []string, index int) error {
	_, digits, err := mnist.Load()
	if err != nil {
		return err
	}
	if index < 0 || index >= digits.Len() {
		return misuse("--index: there are test digits 0 to %d, got %d", digits.Len()-1, index)
	}
	model, err := s.loaded(c, args)
	if err != nil {
		return err
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	inputs, err := mnistShaped(model, digits).Inputs(index, index+1)
	if err != nil {
		return err
	}
	y, err := model.Predict(c.Context(), inputs)
	if err != nil {
		return err
	}
	probabilities, err := tensor.Data[float32](y)
	if err == nil && len(probabilities) != mnist.Classes {
		err = fmt.Errorf("the model gives a digit %d numbers, and there are %d classes", len(probabilities), mnist.Classes)
	}
	if err != nil {
		return err
	}
	best := 0
	for label, p := range probabilities {
		if p > probabilities[best] {
			best = label
		}
	}

	out := c.OutOrStdout()
	if !s.quiet && len(args) == 0 {
		fmt.Fprintln(out)
	}
	drawDigit(out, digits.Image(index), isTerminal(out))
	fmt.Fprintln(out)
	for label, p := range probabilities {
		line := fmt.Sprintf("%d  %.4f  %s", label, p, strings.Repeat("▇", int(p*40+0.5)))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	fmt.Fprintf(out, "\ntest digit %d is a %d, the network says %d\n", index, digits.Labels[index], best)
	return nil
}

// loaded returns the model of the file that the arguments name, or trains one if they don't.
func (s *settings) loaded(c *cobra.Command, args []string) (*cornu.Model, error) {
	if len(args) > 0 {
		return load(c, args[0])
	}
	model, _, err := s.trained(c)
	if err != nil {
		return nil, err
	}
	return &model.Model, nil
}

// mnistShaped returns the digits as the model takes them: as images, or as vectors of their pixels.
func mnistShaped(model *cornu.Model, digits *mnist.Set) *mnist.Set {
	if inputs := model.Network().Inputs(); len(inputs) == 1 && len(inputs[0].Shape()) == 2 {
		return digits.Flat()
	}
	return digits
}

func newEvaluate() *cobra.Command {
	var batch, threads int
	c := &cobra.Command{
		Use:   "evaluate MODEL",
		Short: "Test a model in a file on the 10,000 test digits",
		Long:  "Evaluate measures a model in a .keras or .h5 file on the 10,000 test digits: its loss and the metrics that it was compiled with.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			if batch < 1 {
				return misuse("--batch: must be at least 1, got %d", batch)
			}
			if threads < 0 {
				return misuse("--threads: must not be negative, got %d", threads)
			}
			cornu.SetThreads(threads)
			_, digits, err := mnist.Load()
			if err != nil {
				return err
			}
			// Losses of labels and of one-hot rows take targets of different shapes.
			digits = mnistShaped(model, digits)
			cfg := cornu.EvaluateConfig{BatchSize: batch, Quiet: true}
			result, err := model.Evaluate(c.Context(), digits.OneHot(), cfg)
			if misfit := (*loss.Error)(nil); errors.As(err, &misfit) {
				if sparse, again := model.Evaluate(c.Context(), digits, cfg); again == nil {
					result, err = sparse, nil
				}
			}
			if err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(result.Metrics)) {
				fmt.Fprintf(c.OutOrStdout(), "%s: %.4f\n", name, result.Metrics[name])
			}
			return nil
		},
	}
	c.Flags().IntVar(&batch, "batch", 128, "digits in a step")
	c.Flags().IntVar(&threads, "threads", 0, "threads to compute on; 0 is all cores")
	return c
}
