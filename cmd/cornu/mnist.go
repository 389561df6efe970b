package main

// This file defines `cornu mnist`: the networks of listings 1.3.2, 1.4.1 and 1.5.1 and the flags that change them.

import (
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cornu-ml/cornu"
	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/dataset/mnist"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func newMNIST() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:   "mnist",
		Short: "Handwritten digits: train, predict, look at them",
		Long:  "Mnist trains the classifier of handwritten digits of the book's listing 1.3.2 on the 60,000 digits in this program,\nor with --model cnn that of listing 1.4.1, with --model rnn that of listing 1.5.1, and measures it on 10,000 others. Without a command it is `cornu mnist train`.",
		Args:  commandsOnly,
		RunE:  func(c *cobra.Command, _ []string) error { return s.train(c) },
	}
	s.flags(c)
	s.outputs(c)
	c.AddCommand(newTrain(), newEvaluate(), newPredict(), newSamples(), newTable(), newPlan())
	return c
}

// settings are the flags that say what is trained, and how.
type settings struct {
	network    string // mlp, which is "" too, cnn or rnn
	hidden     sizes
	activation string
	dropout    float64
	l1, l2     float64
	optimizer  string
	rate       float64
	epochs     int
	batch      int
	seed       uint64
	limit      int
	threads    int
	quiet      bool
	said       func(flag string) bool // whether a flag is on the command line; nil: all are meant as they are
	maps       string                 // the file that feature maps are drawn to, "" for none
	filters    string                 // the file that filters are drawn to

	plot, tensorboard string // a file and a folder, "" for none
	keeping
}

// flags adds those that say what is trained, and how.
func (s *settings) flags(c *cobra.Command) {
	s.stepFlags(c)
	f := c.Flags()
	f.IntVar(&s.epochs, "epochs", 20, "how often to go through the digits; of cnn 10 times")
	f.Uint64Var(&s.seed, "seed", 0, "of weights, shuffles and dropout: one seed, one result")
	f.BoolVar(&s.quiet, "quiet", false, "print the results alone")
}

// stepFlags adds those that say what a step of the training is.
func (s *settings) stepFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	s.said = f.Changed
	f.StringVar(&s.network, "model", mlp, "the network: mlp, of dense layers, cnn, of convolutions, or rnn, a recurrent one")
	s.hidden = sizes{256, 256}
	f.Var(&s.hidden, "hidden", "units of the hidden layers; \"\" is none")
	f.StringVar(&s.activation, "activation", "relu", "activation of the hidden layers; of rnn tanh")
	f.Float64Var(&s.dropout, "dropout", 0.45, "share of the hidden units that each step drops; of cnn 0.2, of rnn 0.2 of the inputs")
	f.Float64Var(&s.l1, "l1", 0, "penalty on the sum of the hidden layers' absolute weights")
	f.Float64Var(&s.l2, "l2", 0, "penalty on the sum of the hidden layers' squared weights")
	f.StringVar(&s.optimizer, "optimizer", "adam", "how weights follow their gradients; of rnn sgd")
	f.Float64Var(&s.rate, "lr", 0, "learning rate; 0 is the optimizer's own")
	f.IntVar(&s.batch, "batch", 128, "digits in a step")
	f.IntVar(&s.limit, "limit", 0, "train on the first `N` digits alone; 0 is all")
	f.IntVar(&s.threads, "threads", 0, "threads to compute on; 0 is all cores")
}

// outputs adds the flags for what a training leaves behind.
func (s *settings) outputs(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.save, "save", "", "write the trained model to `FILE`, "+modelEndings+"; an interrupted training's too")
	s.checkpointFlags(c)
	f.StringVar(&s.plot, "plot", "", "draw the network's diagram to `FILE`, .svg or .png")
	f.StringVar(&s.curves, "curves", "", "draw loss and accuracy by epoch, on the test digits too, to `FILE`, .svg or .png")
	f.StringVar(&s.tensorboard, "tensorboard", "", "log the training to `FOLDER` for TensorBoard")
}

// The networks: of listing 1.3.2, of listing 1.4.1 and of listing 1.5.1.
const mlp, cnn, rnn = "mlp", "cnn", "rnn"

// choose puts in what the other networks are trained with where the command line says nothing.
func (s *settings) choose() error {
	switch s.network {
	case "", mlp:
		return nil
	case cnn, rnn:
	default:
		return misuse("--model: unknown network %q: the known ones are %s, %s and %s", s.network, mlp, cnn, rnn)
	}
	if s.said == nil {
		return nil
	}
	if s.said("hidden") {
		if s.network == rnn {
			return misuse("--hidden: the sizes of dense layers, which --model rnn doesn't have: its recurrent layer has %d units", recurrentUnits)
		}
		return misuse("--hidden: the sizes of dense layers, which --model cnn doesn't have: each of its convolutions has %d filters", filters)
	}
	if s.network == rnn {
		if !s.said("activation") {
			s.activation = activation.Tanh{}.Name()
		}
		if !s.said("optimizer") {
			s.optimizer = optimizer.SGD{}.Name()
		}
	} else if !s.said("epochs") {
		s.epochs = 10
	}
	if !s.said("dropout") {
		s.dropout = 0.2
	}
	return nil
}

// check returns an error about the first flag whose value makes no sense.
func (s *settings) check() error {
	if err := s.choose(); err != nil {
		return err
	}
	switch {
	case !(s.dropout >= 0 && s.dropout < 1):
		return misuse("--dropout: the share must be at least 0 and less than 1, got %v", s.dropout)
	case !(s.l1 >= 0 && s.l1 <= math.MaxFloat32):
		return misuse("--l1: the penalty must not be negative, nor beyond float32, got %v", s.l1)
	case !(s.l2 >= 0 && s.l2 <= math.MaxFloat32):
		return misuse("--l2: the penalty must not be negative, nor beyond float32, got %v", s.l2)
	case !(s.rate >= 0 && s.rate <= math.MaxFloat32) || s.rate > 0 && float32(s.rate) == 0:
		return misuse("--lr: the learning rate must be positive, and a float32, got %v", s.rate)
	case s.epochs < 1:
		return misuse("--epochs: must be at least 1, got %d", s.epochs)
	case s.batch < 1:
		return misuse("--batch: must be at least 1, got %d", s.batch)
	case s.limit < 0:
		return misuse("--limit: must not be negative, got %d", s.limit)
	case s.threads < 0:
		return misuse("--threads: must not be negative, got %d", s.threads)
	}
	if _, err := activation.ByName(s.activation); err != nil {
		return misuse("--activation: %v", err)
	}
	if !slices.Contains(optimizers(), s.optimizer) {
		return misuse("--optimizer: unknown optimizer %q: the known ones are %s", s.optimizer, strings.Join(optimizers(), ", "))
	}
	if s.plot != "" && s.curves != "" && filepath.Clean(s.plot) == filepath.Clean(s.curves) {
		return misuse("--plot and --curves: both write %s", s.plot)
	}
	// Before a training, not after it.
	if err := checkPicture("--plot", s.plot); err != nil {
		return err
	}
	return s.keeping.check("--save")
}

// checkPicture returns an error if a picture surely can't be written to a file.
func checkPicture(flag, path string) error {
	if path == "" {
		return nil
	}
	if ending := strings.ToLower(filepath.Ext(path)); ending != ".svg" && ending != ".png" {
		return misuse("%s: a file of .svg or .png, got %s", flag, path)
	}
	if err := file.Check(path); err != nil {
		return misuse("%s: %w", flag, err)
	}
	return nil
}

// dense returns the network of listing 1.3.2 with the flags' values in it.
func (s *settings) dense(hidden activation.Activation) *cornu.Sequential {
	model := cornu.NewSequential(&layer.Input{Shape: tensor.Shape{mnist.Rows * mnist.Columns}})
	for _, units := range s.hidden {
		model.Add(&layer.Dense{Units: units, KernelRegularizer: s.penalty()})
		model.Add(&layer.Activation{Func: hidden})
		model.Add(&layer.Dropout{Rate: s.dropout})
	}
	model.Add(&layer.Dense{Units: mnist.Classes})
	model.Add(&layer.Activation{Func: activation.Softmax{}})
	return model
}

// filters is how many each convolution has.
const filters = 64

// convolutional returns the network of listing 1.4.1 with the flags' values in it.
func (s *settings) convolutional(hidden activation.Activation) *cornu.Sequential {
	conv := func() layer.Layer {
		return &layer.Conv2D{Filters: filters, KernelSize: [2]int{3, 3}, Activation: hidden, KernelRegularizer: s.penalty()}
	}
	return cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{mnist.Rows, mnist.Columns, 1}},
		conv(),
		&layer.MaxPooling2D{PoolSize: [2]int{2, 2}},
		conv(),
		&layer.MaxPooling2D{PoolSize: [2]int{2, 2}},
		conv(),
		&layer.Flatten{},
		&layer.Dropout{Rate: s.dropout},
		&layer.Dense{Units: mnist.Classes},
		&layer.Activation{Func: activation.Softmax{}},
	)
}

// recurrentUnits is how many the recurrent layer has.
const recurrentUnits = 256

// recurrent returns the network of listing 1.5.1, whose steps are the rows of an image, with the flags' values in it.
func (s *settings) recurrent(hidden activation.Activation) *cornu.Sequential {
	return cornu.NewSequential(
		&layer.Input{Shape: tensor.Shape{mnist.Rows, mnist.Columns}},
		&layer.SimpleRNN{Units: recurrentUnits, Activation: hidden, Dropout: s.dropout, KernelRegularizer: s.penalty()},
		&layer.Dense{Units: mnist.Classes},
		&layer.Activation{Func: activation.Softmax{}},
	)
}

// model returns the network, compiled.
func (s *settings) model() (*cornu.Sequential, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	hidden, err := activation.ByName(s.activation)
	if err != nil {
		return nil, err
	}
	rule, err := optimizer.ByName(s.optimizer)
	if err != nil {
		return nil, err
	}
	if s.rate > 0 {
		rule = withRate(rule, s.rate)
	}
	model := s.dense(hidden)
	switch s.network {
	case cnn:
		model = s.convolutional(hidden)
	case rnn:
		model = s.recurrent(hidden)
	}
	model.Seed(s.seed)
	return model, model.Compile(cornu.CompileConfig{
		Loss:      loss.CategoricalCrossentropy{},
		Optimizer: rule,
		Metrics:   []metric.Metric{metric.Accuracy{}},
	})
}

// penalty returns the regularizer of the hidden layers, nil if there is none.
func (s *settings) penalty() regularizer.Regularizer {
	if s.l1 == 0 && s.l2 == 0 {
		return nil
	}
	return regularizer.L1L2{L1: s.l1, L2: s.l2}
}

// loadDigits returns the digits for training and for testing. Tests of what has nothing to do with them have fewer.
var loadDigits = mnist.Load

// data returns the digits for training and for testing, as the network takes them.
func (s *settings) data() (train, test *mnist.Set, err error) {
	train, test, err = loadDigits()
	if err != nil {
		return nil, nil, err
	}
	switch s.network {
	case cnn:
		train, test = train.Channel(), test.Channel()
	case rnn: // rows are steps
	default:
		train, test = train.Flat(), test.Flat()
	}
	train, test = train.OneHot(), test.OneHot()
	if s.limit > 0 {
		train = train.Limit(s.limit)
	}
	return train, test, nil
}

// optimizers lists those that can be chosen by a name and a learning rate. One that only wraps another can't.
func optimizers() []string {
	return slices.DeleteFunc(optimizer.Names(), func(name string) bool {
		o, err := optimizer.ByName(name)
		return err != nil || !reflect.ValueOf(o).FieldByName("LearningRate").IsValid()
	})
}

// withRate returns the optimizer with its field LearningRate set, which all of optimizers have.
func withRate(o optimizer.Optimizer, rate float64) optimizer.Optimizer {
	changed, _ := rateable(o, rate)
	return changed
}

// rateable returns an optimizer with its field LearningRate set, if it has one, instead of a schedule.
func rateable(o optimizer.Optimizer, rate float64) (optimizer.Optimizer, bool) {
	changed := reflect.New(reflect.TypeOf(o)).Elem()
	changed.Set(reflect.ValueOf(o))
	field := changed.FieldByName("LearningRate")
	if !field.IsValid() {
		return o, false
	}
	field.SetFloat(rate)
	if schedule := changed.FieldByName("Schedule"); schedule.IsValid() {
		schedule.SetZero()
	}
	return changed.Interface().(optimizer.Optimizer), true
}
