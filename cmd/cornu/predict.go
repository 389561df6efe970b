package main

// This file defines `cornu mnist predict` and `cornu mnist evaluate`: what a network makes of one digit, which may be
// anybody's picture, and of all.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/cmd/cornu/internal/book"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/viz"
)

func newPredict() *cobra.Command {
	var s settings
	var index int
	c := &cobra.Command{
		Use:   "predict [MODEL] [FILE | --index N]",
		Short: "Tell what one digit is",
		Long: "Predict draws a digit and prints the ten probabilities that a network gives it: the one in the file MODEL, .keras or\n" +
			".h5, or else one that is trained first, as `cornu mnist train` does; --epochs 1 is a matter of a moment, and knows most\n" +
			"digits. The digit is one of the test digits, or the one in FILE, a picture of one that is written by hand, .png or\n" +
			".jpg: of any size, dark or bright, anywhere in the picture. It is cut out and scaled as MNIST's are.",
		Args: func(c *cobra.Command, args []string) error {
			model, picture := modelAndPicture(args)
			if len(args) > 2 || len(args) == 2 && (model == "" || picture == "") {
				return misuse("%s takes a MODEL, .keras or .h5, and a picture, .png or .jpg; got %s", c.CommandPath(), strings.Join(args, ", "))
			}
			if picture != "" && c.Flags().Changed("index") {
				return misuse("%s and --index: give one or the other", picture)
			}
			if model == "" {
				return nil
			}
			// What says how to train says nothing to a model that is trained.
			var idle []string
			c.Flags().Visit(func(f *pflag.Flag) {
				if !slices.Contains([]string{"index", "quiet", "maps", "filters"}, f.Name) {
					idle = append(idle, "--"+f.Name)
				}
			})
			if len(idle) > 0 {
				return misuse("%s: with a MODEL nothing is trained, and %s has no meaning", c.CommandPath(), strings.Join(idle, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return s.predict(c, args, index) },
	}
	c.Flags().SortFlags = false
	c.Flags().IntVar(&index, "index", 0, "which of the 10,000 test digits, from 0")
	c.Flags().StringVar(&s.maps, "maps", "", "draw what each filter of the network's first convolution sees in the digit to `FILE`, .svg or .png")
	c.Flags().StringVar(&s.filters, "filters", "", "draw those filters to `FILE`, .svg or .png")
	s.flags(c)
	return c
}

// modelAndPicture tells the arguments apart by their endings.
func modelAndPicture(args []string) (model, picture string) {
	for _, arg := range args {
		switch ending(arg) {
		case "png", "jpg", "jpeg":
			picture = arg
		default:
			model = arg
		}
	}
	return model, picture
}

func (s *settings) predict(c *cobra.Command, args []string, index int) error {
	_, digits, err := loadDigits()
	if err != nil {
		return err
	}
	if index < 0 || index >= digits.Len() {
		return misuse("--index: there are test digits 0 to %d, got %d", digits.Len()-1, index)
	}
	drawn := []struct{ flag, file string }{{"--maps", s.maps}, {"--filters", s.filters}}
	for _, d := range drawn {
		if err := checkPicture(d.flag, d.file); err != nil {
			return err
		}
		if d.file != "" && len(args) == 0 && s.network != cnn {
			return misuse("%s: the network that is trained has no convolution: say --model cnn", d.flag)
		}
	}
	file, picture := modelAndPicture(args)
	pixels := digits.Image(index)
	if picture != "" {
		if pixels, err = readDigit(picture); err != nil {
			return err
		}
	}
	model, err := s.loaded(c, file)
	if err != nil {
		return err
	}
	if err := unless(c.Context()); err != nil {
		return err
	}
	probabilities, err := digitProbabilities(c.Context(), model, pixels)
	if err != nil {
		return err
	}
	for _, d := range drawn {
		if d.file == "" {
			continue
		}
		l := book.FirstConvolution(model)
		if l == nil {
			return misuse("%s: the network in %s has no convolution", d.flag, file)
		}
		picture := book.Filters(model, l)
		if d.flag == "--maps" {
			digit, err := digitsFor(model, pixels, []uint8{0}, toPredict)
			if err != nil {
				return err
			}
			if picture, err = book.FeatureMaps(c.Context(), model, l, digit); err != nil {
				return err
			}
		}
		if err := viz.Save(d.file, picture); err != nil {
			return err
		}
	}
	best := classOf(probabilities)
	out := c.OutOrStdout()
	if !s.quiet && file == "" {
		fmt.Fprintln(out)
	}
	drawDigit(out, pixels, isTerminal(out))
	fmt.Fprintln(out)
	for label, p := range probabilities {
		line := fmt.Sprintf("%d  %.4f  %s", label, p, strings.Repeat("▇", int(max(min(p, 1), 0)*40+0.5)))
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	if picture != "" {
		fmt.Fprintf(out, "\n%s: the network says %d\n", picture, best)
	} else {
		fmt.Fprintf(out, "\ntest digit %d is a %d, the network says %d\n", index, digits.Labels[index], best)
	}
	return nil
}

// digitProbabilities returns what a model gives each of the ten classes for the pixels of a digit.
func digitProbabilities(ctx context.Context, model *cornu.Model, pixels []uint8) ([]float32, error) {
	source, err := digitsFor(model, pixels, []uint8{0}, toPredict)
	if err != nil {
		return nil, err
	}
	y, err := model.PredictSource(ctx, source, cornu.PredictConfig{})
	if err != nil {
		return nil, err
	}
	probabilities, err := tensor.Data[float32](y)
	if err == nil && len(probabilities) != mnist.Classes {
		err = fmt.Errorf("the model gives a digit %d numbers, and there are %d classes", len(probabilities), mnist.Classes)
	}
	return probabilities, err
}

// digitsFor returns digits as the model takes them, images or vectors of their pixels, from 0 to 1, and their labels as its
// loss wants them.
func digitsFor(model *cornu.Model, images, labels []uint8, use purpose) (data.Source, error) {
	inputs, outputs, err := wantedBy(model)
	if err != nil {
		return nil, err
	}
	if len(inputs) != 1 || len(outputs) != 1 {
		return nil, fmt.Errorf("a digit is one input, and its label one output: the model has %s and %s", many(len(inputs), "input"), many(len(outputs), "output"))
	}
	x, err := tensor.Of(images, len(labels), mnist.Rows, mnist.Columns)
	if err != nil {
		return nil, err
	}
	y, err := tensor.Of(labels, len(labels))
	if err != nil {
		return nil, err
	}
	r := reader{dataFlags: &dataFlags{scale: scale{0, 1, true}}, use: use, inputs: inputs, outputs: outputs}
	s, err := r.pair([]*tensor.Tensor{x}, []*tensor.Tensor{y}, nil, []string{"the digits", "their labels"})
	if err != nil {
		return nil, err
	}
	return s.Source, nil
}

// loaded returns the model of the file, or trains one if there is none.
func (s *settings) loaded(c *cobra.Command, file string) (*cornu.Model, error) {
	if file != "" {
		return load(c, file)
	}
	model, _, err := s.trained(c)
	if err != nil {
		return nil, err
	}
	return &model.Model, nil
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
			if err := checkCommon(batch, threads); err != nil {
				return err
			}
			cornu.SetThreads(threads)
			_, digits, err := loadDigits()
			if err != nil {
				return err
			}
			source, err := digitsFor(model, digits.Images, digits.Labels, toTest)
			if err != nil {
				return err
			}
			return measure(c, model, source, batch, "")
		},
	}
	c.Flags().IntVar(&batch, "batch", 128, "digits in a step")
	c.Flags().IntVar(&threads, "threads", 0, "threads to compute on; 0 is all cores")
	return c
}
