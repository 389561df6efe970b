package main

// This file defines `cornu summary` and `cornu plot`: what a model in a file looks like.

import (
	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/viz"
)

func newSummary() *cobra.Command {
	return &cobra.Command{
		Use:   "summary MODEL",
		Short: "Print the layers of a model in a file",
		Long:  "Summary prints the table of layers of a model in a .keras or .h5 file, as Keras 3 does.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			return model.Summary(c.OutOrStdout())
		},
	}
}

func newPlot() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "plot MODEL -o FILE",
		Short: "Draw the network of a model in a file",
		Long:  "Plot draws the diagram of a model in a .keras or .h5 file, as .svg or .png.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return misuse("--output: say where the picture goes: -o FILE, .svg or .png")
			}
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			return viz.Save(to, viz.Diagram{Model: model})
		},
	}
	c.Flags().StringVarP(&to, "output", "o", "", "write the picture to `FILE`, .svg or .png")
	return c
}

// load reads a model from a file.
func load(c *cobra.Command, path string) (*cornu.Model, error) {
	return cornu.LoadWith(path, cornu.LoadConfig{Log: c.ErrOrStderr()})
}
