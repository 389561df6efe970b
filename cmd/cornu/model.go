package main

// This file defines `cornu summary` and `cornu plot`: what a model in a file looks like.

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/kerasfile"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/viz"
)

func newSummary() *cobra.Command {
	var cfg layer.SummaryConfig
	c := &cobra.Command{
		Use:   "summary MODEL",
		Short: "Print the layers of a model in a file",
		Long:  "Summary prints the table of layers of a model in a .keras or .h5 file, as Keras 3 does.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			return model.SummaryWith(c.OutOrStdout(), cfg)
		},
	}
	expandFlag(c, &cfg.ExpandNested)
	return c
}

// expandFlag defines the flag that shows what is in models that are layers.
func expandFlag(c *cobra.Command, expand *bool) {
	c.Flags().BoolVar(expand, "expand-nested", false, "show the layers of models that are layers")
}

func newPlot() *cobra.Command {
	var to string
	var diagram viz.Diagram
	c := &cobra.Command{
		Use:   "plot MODEL -o FILE",
		Short: "Draw the network of a model in a file",
		Long:  "Plot draws the diagram of a model in a .keras or .h5 file, as .svg or .png.",
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return misuse("--output: say where the picture goes: -o FILE, .svg or .png")
			}
			var err error
			if diagram.Model, err = load(c, args[0]); err != nil {
				return err
			}
			return viz.Save(to, diagram)
		},
	}
	c.Flags().StringVarP(&to, "output", "o", "", "write the picture to `FILE`, .svg or .png")
	expandFlag(c, &diagram.ExpandNested)
	return c
}

// load reads a model from a file. A loss that isn't known is no reason not to look at the model, or to have it predict: it is read
// without what it was compiled with then.
func load(c *cobra.Command, path string) (*cornu.Model, error) {
	model, err := cornu.LoadWith(path, cornu.LoadConfig{Log: c.ErrOrStderr()})
	if foreign := (*kerasfile.CompileError)(nil); errors.As(err, &foreign) {
		if model, err = cornu.LoadWith(path, cornu.LoadConfig{Log: c.ErrOrStderr(), Uncompiled: true}); err == nil {
			fmt.Fprintf(c.ErrOrStderr(), "cornu: %s is read without what it was compiled with: %v\n", path, foreign.Err)
		}
	}
	return model, err
}
