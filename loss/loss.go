// Package loss has the functions that training makes small.
//
// A Loss is a value that emits, for every sample of a batch, how far a
// prediction is from its target. Of makes one number of them. One of your own is
// made of a function, by Func.
//
// A field that is left out has Keras's default, which its tag shows where that
// isn't Go's zero value; nil is the default of a pointer, and new(0.0) says 0.
package loss

// This file defines Loss, finds one by its name, and checks that it fits.

import (
	"errors"
	"fmt"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

// A Loss compares predictions with targets.
type Loss interface {
	// Name returns Keras's name: "categorical_crossentropy".
	Name() string
	// Loss emits one value a sample: the shape of yPred without its last axis, or
	// without those that the loss is taken along.
	Loss(yTrue, yPred *graph.Node) *graph.Node
}

// A Fitter is a Loss that knows which targets and outputs it can compare. One that
// takes targets of several shapes also has a method Fits(target, output tensor.Shape) bool.
type Fitter interface {
	// TargetShape returns the shape that the target of an output has. It is an
	// error if the loss can't be taken of such an output at all.
	TargetShape(output tensor.Shape) (tensor.Shape, error)
}

// A Classifier is a Loss whose targets are indices of classes. A label that is none
// ends training with an error.
type Classifier interface {
	// Classes returns how many classes the output tells apart, from 0, and which
	// other labels are allowed. It is 0 for an output that doesn't fit.
	Classes(output tensor.Shape) (classes int, others []int)
}

// An Error says that a loss, the output of a layer and its target don't fit.
type Error struct {
	Loss   string       // the loss's name
	Layer  string       // the layer whose output it is
	Output tensor.Shape // that output's shape
	Target tensor.Shape // the target's shape
	Msg    string       // what was expected
}

// Error describes the misfit.
func (e *Error) Error() string {
	return fmt.Sprintf("loss %s of layer %q: output %v and target %v do not fit: %s", e.Loss, e.Layer, e.Output, e.Target, e.Msg)
}

// Check returns an *Error unless the loss can compare the output of the layer
// with a target of that shape.
func Check(l Loss, layer string, target, output tensor.Shape) error {
	if err := config.Check("its loss", l); err != nil {
		return fmt.Errorf("layer %q: %w", layer, err)
	}
	misfit := func(format string, args ...any) error {
		return &Error{l.Name(), layer, output, target, fmt.Sprintf(format, args...)}
	}
	fitter, ok := l.(Fitter)
	if !ok {
		return nil
	}
	want, err := fitter.TargetShape(output)
	if err != nil {
		return misfit("%v", err)
	}
	fits := sameButOne(target, want)
	if f, ok := l.(interface {
		Fits(target, output tensor.Shape) bool
	}); ok {
		fits = f.Fits(target, output)
	}
	if !fits {
		return misfit("the target must be %v", want)
	}
	return nil
}

// sameButOne reports whether the shapes are equal, but for a last dimension of
// 1 that one of them may lack, as Keras has it.
func sameButOne(a, b tensor.Shape) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a) == len(b)+1 && a[len(a)-1] == 1 {
		a = a[:len(a)-1]
	}
	return a.Equal(b)
}

var registry = config.NewRegistry[Loss](
	"loss",
	MeanSquaredError{}, MeanAbsoluteError{}, MeanAbsolutePercentageError{}, MeanSquaredLogarithmicError{},
	Huber{}, LogCosh{}, CosineSimilarity{}, Poisson{},
	BinaryCrossentropy{}, BinaryFocalCrossentropy{}, CategoricalCrossentropy{}, CategoricalFocalCrossentropy{},
	SparseCategoricalCrossentropy{}, CategoricalGeneralizedCrossEntropy{}, KLDivergence{},
	Hinge{}, SquaredHinge{}, CategoricalHinge{}, Dice{}, Tversky{}, Circle{}, CTC{},
)

func init() {
	registry.Register(MeanSquaredError{}, "mse", "MSE")
	registry.Register(MeanAbsoluteError{}, "mae", "MAE")
	registry.Register(MeanAbsolutePercentageError{}, "mape", "MAPE")
	registry.Register(MeanSquaredLogarithmicError{}, "msle", "MSLE")
	registry.Register(BinaryCrossentropy{}, "bce", "BCE")
	registry.Register(KLDivergence{}, "kld", "KLD", "kullback_leibler_divergence")
	registry.Register(LogCosh{}, "logcosh")
	registry.Register(CosineSimilarity{}, "cosine_proximity")
}

// ByName returns the loss that Keras knows by the name, with its defaults. The
// error of an unknown name lists the known ones.
func ByName(name string) (Loss, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a loss known to ByName and to files, by its Name.
func Register(l Loss) { registry.Register(l) }

// Func makes a loss of a function, which returns one value a sample. A model that was compiled with it is saved, and
// loaded again, if Register knows it: a file has its name alone, as Keras's files have that of a function of Python.
func Func(name string, f func(yTrue, yPred *graph.Node) *graph.Node) Loss { return function{name, f} }

type function struct {
	name string
	f    func(yTrue, yPred *graph.Node) *graph.Node
}

func (l function) Name() string { return l.name }

// Class returns the name, by which files know a function.
func (l function) Class() string { return l.name }

func (l function) Loss(yTrue, yPred *graph.Node) *graph.Node {
	if err := l.Check(); err != nil {
		return yPred.Graph().Fail("%v", err)
	}
	return l.f(yTrue, yPred)
}

func (l function) Check() error {
	if l.f == nil {
		return fmt.Errorf("loss %s: its function is nil", l.name)
	}
	return nil
}

// align makes the ranks of target and output equal where one of them has a last
// dimension of 1 that the other lacks.
func align(yTrue, yPred *graph.Node) (*graph.Node, *graph.Node) {
	a, b := yTrue.Shape(), yPred.Shape()
	switch {
	case len(a) == len(b)+1 && a[len(a)-1] == 1:
		yTrue = yTrue.Reshape(a[:len(a)-1]...)
	case len(b) == len(a)+1 && b[len(b)-1] == 1:
		yTrue = yTrue.Reshape(b...)
	}
	return yTrue, yPred
}

// same is the TargetShape of losses that compare number by number.
func same(output tensor.Shape) (tensor.Shape, error) {
	if len(output) < 2 {
		return nil, errors.New("the output needs an axis beside the batch")
	}
	return output, nil
}

// along is the TargetShape of those that do so along an axis, which is not the batch's.
func along(output tensor.Shape, axis int) (tensor.Shape, error) {
	if at := place(axis, len(output)); len(output) > 1 && (at < 1 || at >= len(output)) {
		return nil, fmt.Errorf("it has no axis %d beside the batch", axis)
	}
	return same(output)
}
