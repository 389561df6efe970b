package main

// This file defines `cornu convert`: a model, or its weights, in a file of another format.

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/safetensors"
	"github.com/cornu-ml/cornu/tensor"
)

func newConvert() *cobra.Command {
	var network string
	c := &cobra.Command{
		Use:   "convert FROM TO",
		Short: "Write a model or its weights in another format",
		Long: "Convert reads a file and writes another, in the formats that their endings say. " + modelEndings + " hold a model: its\n" +
			"network, its weights, what it was compiled with. " + weightsEndings + " holds arrays alone: what is made of a\n" +
			"model has its weights, and a model is made of them if --model names a file that has its network.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return misuse("%s takes two files, got %d arguments", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return convert(c, args[0], args[1], network) },
	}
	c.Flags().StringVar(&network, "model", "", "a `MODEL` with the network that the weights in FROM are for")
	return c
}

// A holding is what a file of some ending holds.
type holding int

const (
	nothing holding = iota
	aModel
	itsWeights // and, in .weights.h5, the optimizer's state
	arrays     // by names
)

const weightsEndings = ".weights.h5, .safetensors or .npz"

// contentOf returns what a file holds by its ending.
func contentOf(path string) holding {
	switch {
	case strings.HasSuffix(path, ".weights.h5"):
		return itsWeights
	case strings.HasSuffix(path, ".safetensors"), strings.HasSuffix(path, ".npz"):
		return arrays
	case strings.HasSuffix(path, ".keras"), strings.HasSuffix(path, ".h5"), strings.HasSuffix(path, ".hdf5"):
		return aModel
	}
	return nothing
}

func convert(c *cobra.Command, from, to, network string) error {
	holds, wanted := contentOf(from), contentOf(to)
	for _, path := range []string{from, to} {
		if contentOf(path) == nothing {
			return misuse("%s: a file of a model ends with .keras or .h5, one of weights with %s", path, weightsEndings)
		}
	}
	switch {
	case network == "" && holds != aModel && wanted == aModel:
		return misuse("%s holds arrays, not the network that they are the weights of: name a file that has it with --model", from)
	case network == "" && holds != aModel && (holds == itsWeights || wanted == itsWeights):
		return misuse("%s names its arrays by the layers of a network: name a file that has it with --model", map[bool]string{true: from, false: to}[holds == itsWeights])
	}
	if wanted == aModel {
		if err := checkModel("TO", to); err != nil {
			return err
		}
	} else if err := file.Check(to); err != nil {
		return misuse("TO: %w", err)
	}
	if holds != aModel && network == "" {
		return copyArrays(c, from, to)
	}
	source := from
	if network != "" {
		source = network
	}
	model, err := load(c, source)
	if err != nil {
		return err
	}
	if network != "" {
		if err := model.LoadWeights(from); err != nil {
			return err
		}
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	return saving(func() error {
		if wanted == aModel {
			return model.Save(to)
		}
		if err := model.SaveWeights(to); err != nil {
			return err
		}
		_, compiled := model.Compiled()
		fmt.Fprintln(c.ErrOrStderr(), "cornu:", left(source, to, wanted, compiled))
		return nil
	})
}

// left says what a file of weights hasn't of a model.
func left(from, to string, holds holding, compiled bool) string {
	text := "the network"
	if compiled {
		text += ", what it was compiled with"
		if holds == arrays {
			text += ", the optimizer's state"
		}
	}
	return fmt.Sprintf("%s holds weights alone; only %s has %s", to, from, text)
}

// copyArrays writes arrays by their names in the other format.
func copyArrays(c *cobra.Command, from, to string) error {
	all, err := readArrays(c, from)
	if err != nil {
		return err
	}
	return file.WriteFunc(to, func(w io.Writer) error {
		if strings.HasSuffix(to, ".npz") {
			return tensor.WriteNpz(w, all)
		}
		return safetensors.Write(w, all, nil)
	})
}

func readArrays(c *cobra.Command, path string) (map[string]*tensor.Tensor, error) {
	all, converted := map[string]*tensor.Tensor{}, map[string]bool{}
	note := func(kind string, t *tensor.Tensor) {
		if kind != t.DType().String() && !converted[kind] {
			converted[kind] = true
			fmt.Fprintf(c.ErrOrStderr(), "cornu: %s: arrays of type %s are converted to %v\n", path, kind, t.DType())
		}
	}
	if strings.HasSuffix(path, ".npz") {
		all, names, types, err := readNpz(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, name := range names {
			if kind, ok := types[name]; ok {
				note(kind, all[name])
			}
		}
		return all, nil
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, a := range f.Arrays() {
		t, err := a.Tensor()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		note(a.Type(), t)
		all[a.Name()] = t
	}
	if len(f.Metadata) > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "cornu: %s: the texts beside the arrays are left out\n", path)
	}
	return all, nil
}
