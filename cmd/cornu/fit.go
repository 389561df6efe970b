package main

// This file defines `cornu fit` and `cornu evaluate`: a model in a file is trained and tested on anybody's data.

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
)

// fitting are the flags of `cornu fit`.
type fitting struct {
	dataFlags
	validation string
	split      float64
	epochs     int
	batch      int
	seed       uint64
	threads    int
	quiet      bool

	loss, optimizer string
	rate            float64
	metrics         []string

	keeping
}

func newFit() *cobra.Command {
	var s fitting
	c := &cobra.Command{
		Use:   "fit MODEL --data DATA -o MODEL",
		Short: "Train a model in a file on your data",
		Long: "Fit trains a model in a .keras or .h5 file, one that Keras has saved for instance, from where its training stopped,\n" +
			"and writes it to a file that Keras opens. The file is written when all is done, or when Ctrl-C ends the training after\n" +
			"the present step, and is complete or not there: it may be the one that was read.\n\n" +
			aboutData + "\n\nA model that isn't compiled is compiled by --loss, --optimizer, --lr and --metrics, and so is one that is anew, with a\nfresh optimizer.",
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error { return s.run(c, args[0]) },
	}
	f := c.Flags()
	f.SortFlags = false
	s.dataFlags.flags(c)
	f.StringVar(&s.validation, "validation", "", "`DATA` that the model is tested on after each epoch")
	f.Float64Var(&s.split, "validation-split", 0, "the share of the data, from their end, that is tested on and not trained on")
	f.IntVar(&s.epochs, "epochs", 1, "how often to go through the data")
	f.IntVar(&s.batch, "batch", 32, "samples in a step")
	f.Uint64Var(&s.seed, "seed", 0, "of shuffles and dropout, if not the one in the file")
	f.IntVar(&s.threads, "threads", 0, "threads to compute on; 0 is all cores")
	f.BoolVar(&s.quiet, "quiet", false, "print errors alone")
	f.StringVar(&s.loss, "loss", "", "compile the model anew with a loss of Keras's `NAME`")
	f.StringVar(&s.optimizer, "optimizer", "", "compile it anew with an optimizer of Keras's `NAME`")
	f.Float64Var(&s.rate, "lr", 0, "compile it anew with that learning rate")
	f.StringSliceVar(&s.metrics, "metrics", nil, "compile it anew with metrics of Keras's `NAMES`")
	f.StringVar(&s.curves, "curves", "", "draw loss and metrics by epoch to `FILE`, .svg or .png")
	s.checkpointFlags(c)
	f.StringVarP(&s.save, "output", "o", "", "write the trained `MODEL` to this file, "+modelEndings)
	return c
}

// check returns an error about the first flag whose value makes no sense.
func (s *fitting) check(c *cobra.Command) error {
	switch {
	case s.save == "":
		return misuse("--output: say where the trained model goes: -o MODEL, %s", modelEndings)
	case s.epochs < 1:
		return misuse("--epochs: must be at least 1, got %d", s.epochs)
	case s.split != 0 && !(s.split > 0 && s.split < 1):
		return misuse("--validation-split: a share is between 0 and 1, got %v", s.split)
	case s.split != 0 && s.validation != "":
		return misuse("--validation and --validation-split: give one or the other")
	case s.prepared != "" && s.validation == "-", s.path == "-" && s.validation == "-":
		return misuse("--validation: the standard input can be read only once")
	case s.rate < 0:
		return misuse("--lr: the learning rate must be positive, got %v", s.rate)
	}
	if err := errors.Join(checkCommon(s.batch, s.threads), s.keeping.check("--output")); err != nil {
		return err
	}
	if s.prepared != "" {
		if err := file.Check(s.prepared); err != nil {
			return misuse("--prepared: %w", err)
		}
	}
	return s.dataFlags.check(c)
}

// checkCommon checks the flags that several commands have.
func checkCommon(batch, threads int) error {
	switch {
	case batch < 1:
		return misuse("--batch: must be at least 1, got %d", batch)
	case threads < 0:
		return misuse("--threads: must not be negative, got %d", threads)
	}
	return nil
}

func (s *fitting) run(c *cobra.Command, from string) error {
	if err := s.check(c); err != nil {
		return err
	}
	model, err := load(c, from)
	if err != nil {
		return err
	}
	if err := s.compile(model); err != nil {
		return err
	}
	cornu.SetThreads(s.threads)
	samples, err := s.read(c, model, s.path, toTrain)
	if err != nil {
		return err
	}
	var validation data.Source
	if s.validation != "" {
		d := s.dataFlags
		if d.schema != "" { // what was learnt of the training
			if d.prepared == "" {
				return misuse("--validation: with --schema, what is learnt of the training is wanted for the validation: add --prepared FILE")
			}
			d.schema = ""
		}
		v, err := d.read(c, model, s.validation, toTest)
		if err != nil {
			return fmt.Errorf("validation: %w", err)
		}
		if !slices.Equal(v.classes, samples.classes) {
			return fmt.Errorf("validation: its classes are %s, those of the training are %s", some(v.classes), some(samples.classes))
		}
		validation = v.Source
	}
	out := c.OutOrStdout()
	if !s.quiet && len(samples.classes) > 0 {
		fmt.Fprintf(out, "Classes: %s\n", numberedClasses(samples.classes))
	}
	if c.Flags().Changed("seed") {
		model.Seed(s.seed)
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	err, unwritten := s.fit(c, model, samples.Source, cornu.FitConfig{
		Epochs: s.epochs, BatchSize: s.batch, ValidationData: validation, ValidationSplit: s.split, Quiet: s.quiet, Log: out,
	})
	return errors.Join(err, unwritten)
}

// compile compiles the model if the flags say what for, or it isn't.
func (s *fitting) compile(model *cornu.Model) error {
	cfg, ok := model.Compiled()
	if s.loss == "" && s.optimizer == "" && s.rate == 0 && s.metrics == nil {
		if !ok {
			return errors.New("the model's file doesn't say what it is trained for, for it wasn't compiled when it was saved: say it with --loss, and --optimizer, --lr and --metrics")
		}
		return nil
	}
	if s.loss != "" {
		l, err := loss.ByName(s.loss)
		if err != nil {
			return misuse("--loss: %v", err)
		}
		cfg.Loss, cfg.Losses, cfg.LossWeights = l, nil, nil
	}
	if s.optimizer != "" {
		if !slices.Contains(optimizers(), s.optimizer) {
			return misuse("--optimizer: unknown optimizer %q: the known ones are %s", s.optimizer, strings.Join(optimizers(), ", "))
		}
		o, err := optimizer.ByName(s.optimizer)
		if err != nil {
			return err
		}
		cfg.Optimizer = o
	}
	if cfg.Optimizer == nil {
		cfg.Optimizer = optimizer.RMSprop{}
	}
	if s.rate > 0 {
		rated, ok := rateable(cfg.Optimizer, s.rate)
		if !ok {
			return misuse("--lr: %s has no learning rate of its own: name another with --optimizer", cfg.Optimizer.Name())
		}
		cfg.Optimizer = rated
	}
	if s.metrics != nil {
		cfg.Metrics, cfg.OutputMetrics = nil, nil
		for _, name := range s.metrics {
			m, err := metric.ByName(name)
			if err != nil {
				return misuse("--metrics: %v", err)
			}
			cfg.Metrics = append(cfg.Metrics, m)
		}
	}
	return model.Compile(cfg)
}

func numberedClasses(names []string) string {
	var list []string
	for i, name := range names {
		list = append(list, fmt.Sprintf("%d %s", i, name))
	}
	return some(list)
}

func newEvaluateData() *cobra.Command {
	var d dataFlags
	var batch, threads int
	var to string
	c := &cobra.Command{
		Use:   "evaluate MODEL --data DATA",
		Short: "Test a model in a file on your data",
		Long:  "Evaluate measures a model in a .keras or .h5 file on data: its loss and the metrics that it was compiled with.\n\n" + aboutData,
		Args:  oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(checkCommon(batch, threads), checkResults(to, "csv", "json")); err != nil {
				return err
			}
			if err := d.check(c); err != nil {
				return err
			}
			model, err := load(c, args[0])
			if err != nil {
				return err
			}
			if _, ok := model.Compiled(); !ok {
				return errors.New("the model's file doesn't say what to measure, for it wasn't compiled when it was saved: `cornu fit --loss` compiles it")
			}
			cornu.SetThreads(threads)
			samples, err := d.read(c, model, d.path, toTest)
			if err != nil {
				return err
			}
			return measure(c, model, samples.Source, batch, to)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	d.flags(c)
	f.IntVar(&batch, "batch", 32, "samples in a step")
	f.IntVar(&threads, "threads", 0, "threads to compute on; 0 is all cores")
	f.StringVarP(&to, "output", "o", "", "write the results to `FILE`, .csv or .json, instead of printing them")
	return c
}

// measure tests a model and prints what came of it, or writes it to a file.
func measure(c *cobra.Command, model *cornu.Model, source data.Source, batch int, to string) error {
	result, err := model.Evaluate(c.Context(), source, cornu.EvaluateConfig{BatchSize: batch, Quiet: true})
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(result.Metrics))
	if to == "" {
		for _, name := range names {
			fmt.Fprintf(c.OutOrStdout(), "%s: %.4f\n", name, result.Metrics[name])
		}
		return nil
	}
	t := sheet{header: names}
	var row []any
	for _, name := range names {
		row = append(row, result.Metrics[name])
	}
	t.rows = [][]any{row}
	return file.WriteFunc(to, func(w io.Writer) error { return t.write(w, ending(to)) })
}
