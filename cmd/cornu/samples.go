package main

// This file defines `cornu mnist samples`: listing 1.3.1, the counts of the labels and a picture of 25 digits.

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/viz"
)

func newSamples() *cobra.Command {
	var file string
	var seed uint64
	c := &cobra.Command{
		Use:   "samples",
		Short: "Count the labels, and draw 25 digits",
		Long:  "Samples is the book's listing 1.3.1: it counts the digits by label, draws 25 of the training digits (with\nreplacement) and writes them as a picture of 5 × 5, PNG or SVG by the file's ending.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return misuse("--output: a file of .svg or .png, got none")
			}
			if err := checkPicture("--output", file); err != nil {
				return err
			}
			train, test, err := loadDigits()
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "Train labels:  %s\n", counts(train))
			fmt.Fprintf(out, "Test labels:  %s\n", counts(test))
			if err := unless(c.Context()); err != nil {
				return err
			}
			return viz.Save(file, book.Sample(train, 25, seed))
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "mnist-samples.png", "the picture's `FILE`")
	c.Flags().Uint64Var(&seed, "seed", 0, "which digits are drawn")
	return c
}

// counts writes how many digits there are of each label as Python prints a dictionary.
func counts(digits *mnist.Set) string {
	var parts []string
	for label, n := range digits.Counts() {
		parts = append(parts, fmt.Sprintf("%d: %d", label, n))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
