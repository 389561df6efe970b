package main

// This file defines `cornu predict`: what a model in a file makes of anybody's data.

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/tensor"
)

func newPredictData() *cobra.Command {
	var d dataFlags
	var batch, threads int
	var to string
	c := &cobra.Command{
		Use:   "predict MODEL --data DATA",
		Short: "Print what a model in a file makes of your data",
		Long: "Predict runs a model in a .keras or .h5 file on data, and prints a row for each sample: the class, if the model tells\n" +
			"classes apart, and the numbers of its outputs. -o writes them to a file instead: .csv and .json hold the same table,\n" +
			".npy the array of the output, .npz those of several by their names.\n\n" + aboutData,
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(checkCommon(batch, threads), checkResults(to, "csv", "json", "npy", "npz")); err != nil {
				return err
			}
			if err := d.check(c); err != nil {
				return err
			}
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			_, outputs, err := wantedBy(model)
			if err != nil {
				return err
			}
			if ending(to) == "npy" && len(outputs) > 1 {
				return misuse("--output: the model has %s, and an .npy file holds one array: .npz holds several", many(len(outputs), "output"))
			}
			cornu.SetThreads(threads)
			samples, err := d.read(c, model, d.path, toPredict)
			if err != nil {
				return err
			}
			y, err := model.PredictSourceAll(c.Context(), samples.Source, cornu.PredictConfig{BatchSize: batch})
			if err != nil {
				return err
			}
			write := func(w io.Writer) error {
				t, err := predicted(samples, outputs, y)
				if err != nil {
					return err
				}
				return t.write(w, ending(to))
			}
			switch ending(to) {
			case "":
				return write(c.OutOrStdout())
			case "npy":
				write = func(w io.Writer) error { return tensor.WriteNpy(w, y[0]) }
			case "npz":
				arrays := map[string]*tensor.Tensor{}
				for i, out := range outputs {
					arrays[out.name] = y[i]
				}
				write = func(w io.Writer) error { return tensor.WriteNpz(w, arrays) }
			}
			return file.WriteFunc(to, write)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	d.flags(c)
	f.IntVar(&batch, "batch", 32, "samples in a step")
	f.IntVar(&threads, "threads", 0, "threads to compute on; 0 is all cores")
	f.StringVarP(&to, "output", "o", "", "write the predictions to `FILE`, .csv, .json, .npy or .npz, instead of printing them")
	return c
}

// predicted is the table of predictions: of each output the class, if there are classes, and the numbers.
func predicted(s *sampling, outputs []wanted, y []*tensor.Tensor) (*sheet, error) {
	t := &sheet{rows: make([][]any, y[0].Dim(0))}
	add := func(name string, cell func(i int) any) {
		t.header = append(t.header, name)
		for i := range t.rows {
			t.rows[i] = append(t.rows[i], cell(i))
		}
	}
	if s.files != nil {
		add("file", func(i int) any { return s.files[i] })
	}
	for k, out := range outputs {
		values, err := tensor.Data[float32](y[k])
		if err != nil {
			return nil, err
		}
		before := ""
		if len(outputs) > 1 {
			before = out.name + "."
		}
		out.shape = y[k].Shape()[1:] // that of the model may be open
		width := out.shape.Numel()
		if out.classes > 0 && (out.classes == width || width == 1) {
			add(before+"class", func(i int) any {
				best := classOf(values[i*width : (i+1)*width])
				if len(s.classes) > best {
					return s.classes[best]
				}
				return best
			})
		}
		if s.back != nil { // in the units of the table
			rows, err := s.back(y[k])
			if err != nil {
				return nil, err
			}
			for j := range width {
				add(s.targets[j], func(i int) any { return rows[i][j] })
			}
			continue
		}
		for j, name := range numbers(s, out, width) {
			add(before+name, func(i int) any { return float64(values[i*width+j]) })
		}
	}
	return t, nil
}

// classOf returns the class that the numbers of an output say: the greatest, or whether the only one is over a half.
func classOf(values []float32) int {
	if len(values) == 1 {
		if values[0] > 0.5 {
			return 1
		}
		return 0
	}
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// numbers names the numbers of an output: by the classes, the targets, or their places.
func numbers(s *sampling, out wanted, width int) (names []string) {
	switch {
	case len(s.classes) == width && width > 1:
		return s.classes
	case out.classes == 0 && len(s.targets) == width:
		return s.targets
	case width == 1:
		return []string{"y"}
	}
	for i := range width {
		place := make([]string, len(out.shape))
		rest := i
		for k := len(place) - 1; k >= 0; k-- {
			place[k] = fmt.Sprint(rest % out.shape[k])
			rest /= out.shape[k]
		}
		names = append(names, "y"+strings.Join(place, "_"))
	}
	return names
}
