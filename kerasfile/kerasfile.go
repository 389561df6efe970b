// Package kerasfile reads and writes models in the files of Keras 3: .keras, the
// whole model, and .weights.h5, its weights.
//
// A file is data and never code: what would run something, such as a Lambda layer,
// is refused, no other file is opened, and no more memory is taken than the file
// and the limits allow.
package kerasfile

// This file says what is in a model's file.

import (
	"errors"
	"fmt"
	"io"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/internal/hdf5"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// A Model is what a file holds of a model.
type Model struct {
	Name       string
	Sequential bool
	Network    *layer.Spec
	Compile    *Compile // nil: the model was not compiled
	Seed       uint64   // of what is random, of which Keras knows nothing
	// Bytes says what the bytes became that the model was trained on, of each input; nil: of none.
	Bytes []data.Range
	Notes []string // what of the file Cornu reads in another way, for people
}

// A Compile is what a model was compiled with. What is said of outputs is in their
// places.
type Compile struct {
	Optimizer       optimizer.Optimizer
	Losses          []loss.Loss // of each output; a nil one has none
	LossWeights     []float64   // of each output; nil: all 1
	Metrics         [][]metric.Metric
	WeightedMetrics [][]metric.Metric
}

// A CompileError says that what a model was compiled with can't be read. OpenNetwork reads the model without it.
type CompileError struct{ Err error }

// Error describes what can't be read.
func (e *CompileError) Error() string { return fmt.Sprintf("compile_config: %v", e.Err) }

// Unwrap returns the error that it wraps.
func (e *CompileError) Unwrap() error { return e.Err }

// Limits bound what a file may make its reader take, whatever the file's size. They are compared
// with what the file says before memory is taken for it; an error names the limit that is in
// the way. A field of 0 means its default.
type Limits struct {
	Bytes      int64 // of a model's weights, of its optimizer's state, of all vocabularies, and of each other part of the file that is read whole; 0 is 4 GiB
	Parameters int64 // of a model, trained or not; 0 is 2³⁰
	Depth      int   // of values in values of a configuration, and of groups in groups of arrays; 0 is 64
	Objects    int   // of a configuration, objects and lists, of the weights, groups and arrays, and of a vocabulary, words; 0 is 1,000,000
	Rank       int   // dimensions of a shape, the batch's included; 0 is 32
}

// OrDefaults returns the limits with the defaults in the place of zeros.
func (l Limits) OrDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 4 << 30
	}
	if l.Parameters <= 0 {
		l.Parameters = 1 << 30
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	if l.Objects <= 0 {
		l.Objects = 1_000_000
	}
	if l.Rank <= 0 {
		l.Rank = 32
	}
	return l
}

// A Weights is the weights of a file, which are read when they are asked for.
type Weights struct {
	root   *hdf5.Group
	legacy bool         // in the .h5 files of whole models, by layers' names
	old    bool         // of Keras 2
	second archive2     // how Keras 2 names the groups of a .keras file
	member *file.Summed // of an archive; nil: it is a file of its own, or was read whole
}

// Verify returns an error if the weights are not those whose checksum the archive has. Call it when what is wanted of
// them has been read, and before that is believed: the rest is read now. Files that have no checksum are taken as
// they are.
func (w *Weights) Verify() error {
	if w.member == nil {
		return nil
	}
	return w.member.Verify()
}

// Old reports whether Keras 2 wrote the file.
func (w *Weights) Old() bool { return w.old }

// An Array is an array of a file.
type Array struct {
	Path string
	d    *hdf5.Dataset
}

// Shape returns the array's dimensions.
func (a *Array) Shape() tensor.Shape { return a.d.Shape() }

// Type returns the type of the elements in the file: "float32".
func (a *Array) Type() string { return a.d.Kind().String() }

// Read fills dst with the elements, rounded to float32.
func (a *Array) Read(dst []float32) error { return a.d.Float32s(dst) }

// OpenWeights reads the structure of size bytes of HDF5 that r reads: a .weights.h5 file, or
// the .h5 file of a whole model or of its weights.
func OpenWeights(r io.ReaderAt, size int64, limits Limits) (*Weights, error) {
	if r == nil {
		return nil, errors.New("kerasfile: there is no reader of the weights")
	}
	limits = limits.OrDefaults()
	f, err := hdf5.Open(r, size, hdf5.Limits{Bytes: limits.Bytes, Objects: limits.Objects, Depth: limits.Depth, Rank: limits.Rank})
	if err != nil {
		return nil, err
	}
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	names, err := root.Attribute("layer_names0")
	if err == nil && names == nil {
		names, err = root.Attribute("layer_names")
	}
	if err != nil {
		return nil, err
	}
	return &Weights{root: root, legacy: names != nil || root.Has("model_weights"), second: archive2Of(root.Names())}, nil
}
