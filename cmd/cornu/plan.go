package main

// This file defines `cornu mnist plan`: what one step of the training is compiled into.

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
)

func newPlan() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   "plan",
		Short: "Print the kernel calls of one training step",
		Long:  "Plan prints what a step of `cornu mnist train` with the same flags is compiled into, and trains nothing.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			model, err := s.model()
			if err != nil {
				return err
			}
			cornu.SetThreads(s.threads)
			train, _, err := s.data()
			if err != nil {
				return err
			}
			text, err := model.Plan(train, s.batch)
			if err := cmp.Or(unless(c.Context()), err); err != nil {
				return err
			}
			_, err = fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	s.epochs = 1
	s.stepFlags(c)
	return c
}
