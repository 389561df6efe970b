package main

// This file defines `cornu mnist predict`: what the network makes of one digit.

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/dataset/mnist"
)

func newPredict() *cobra.Command {
	var s settings
	var index int
	c := &cobra.Command{
		Use:   "predict",
		Short: "Train, then tell what one test digit is",
		Long: "Predict trains the classifier as `cornu mnist train` does, then draws one of the test digits and prints the ten\n" +
			"probabilities that the network gives it. It trains each time, for a network can't be kept in a file yet; --epochs 1\n" +
			"is a matter of a moment, and knows most digits.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return s.predict(c, index) },
	}
	c.Flags().SortFlags = false
	c.Flags().IntVar(&index, "index", 0, "which of the 10,000 test digits, from 0")
	s.flags(c)
	return c
}

func (s *settings) predict(c *cobra.Command, index int) error {
	_, digits, err := mnist.Load()
	if err != nil {
		return err
	}
	if index < 0 || index >= digits.Len() {
		return misuse("--index: there are test digits 0 to %d, got %d", digits.Len()-1, index)
	}
	model, _, err := s.trained(c)
	if err != nil {
		return err
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	pixels := make([]float32, mnist.Rows*mnist.Columns)
	for i, p := range digits.Image(index) {
		pixels[i] = float32(p) / 255
	}
	var probabilities [mnist.Classes]float32
	if err := model.PredictInto(probabilities[:], pixels); err != nil {
		return err
	}
	best := 0
	for label, p := range probabilities {
		if p > probabilities[best] {
			best = label
		}
	}

	out := c.OutOrStdout()
	if !s.quiet {
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
