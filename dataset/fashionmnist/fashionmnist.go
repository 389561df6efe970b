// Package fashionmnist reads the Fashion-MNIST data set: 60,000 pictures of
// clothes to train on and 10,000 to test with, each of 28 × 28 pixels. It has the
// shape of MNIST and is harder.
//
//	err := fashionmnist.Download(ctx, "data/fashion-mnist") // does nothing if they are there
//	train, test, err := fashionmnist.Load("data/fashion-mnist")
//
// The data are of Zalando SE, under the MIT license; see Xiao, Rasul and Vollgraf,
// "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
// Algorithms" (2017), https://arxiv.org/abs/1708.07747.
package fashionmnist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/cornu-ml/cornu/data/download"
	"github.com/cornu-ml/cornu/data/idx"
	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/internal/file"
	"github.com/cornu-ml/cornu/tensor"
)

// The sizes of the data set.
const (
	Rows    = 28
	Columns = 28
	Classes = 10
)

// Names says what the labels mean.
var Names = [Classes]string{
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
}

// A Set is a number of pictures with their labels. It is a source whose inputs are
// images of shape (28, 28), with numbers from 0, black, to 1, and whose targets
// are the labels; Flat and OneHot change that.
type Set = dataset.Set

// files are the four files and the SHA-256 of each.
var files = []struct{ name, sha256 string }{
	{"train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
	{"train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
	{"t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
	{"t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
}

// origin is where the authors keep them.
const origin = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"

// Download fetches those of the four files that aren't in the folder: 31 MB.
func Download(ctx context.Context, dir string) error { return fetch(ctx, dir, origin) }

func fetch(ctx context.Context, dir, origin string) error {
	for _, f := range files {
		cfg := download.Config{URL: origin + f.name, SHA256: f.sha256, MaxSize: maxBytes}
		if err := download.File(ctx, filepath.Join(dir, f.name), cfg); err != nil {
			return fmt.Errorf("fashionmnist: %w", err)
		}
	}
	return nil
}

// maxBytes is more than a file of the data set has, inflated.
const maxBytes = 64 << 20

// Load reads the four files from a folder: train-images-idx3-ubyte,
// train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
// with the ending .gz or, inflated, without.
func Load(dir string) (train, test *Set, err error) {
	if train, err = load(dir, "train"); err == nil {
		test, err = load(dir, "t10k")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("fashionmnist: %w", err)
	}
	return train, test, nil
}

func load(dir, part string) (*Set, error) {
	images, err := read(dir, part+"-images-idx3-ubyte", tensor.Shape{tensor.Batch, Rows, Columns})
	if err != nil {
		return nil, err
	}
	labels, err := read(dir, part+"-labels-idx1-ubyte", tensor.Shape{tensor.Batch})
	if err != nil {
		return nil, err
	}
	s, err := dataset.New(images, labels, Rows, Columns, Classes)
	if err != nil {
		return nil, fmt.Errorf("%s: %s-*: %w", dir, part, err)
	}
	return s, nil
}

// read returns the bytes of an IDX file of that shape.
func read(dir, name string, shape tensor.Shape) ([]uint8, error) {
	path := filepath.Join(dir, name+".gz")
	f, err := file.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(dir, name)
		f, err = file.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w, nor %s.gz: Download fetches it", err, name)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := idx.Read(f, maxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	elements, err := tensor.Data[uint8](t)
	if err != nil || !t.Shape().Equal(shape.Concrete(t.Dim(0))) {
		return nil, fmt.Errorf("%s holds %v, want bytes of shape %v", path, t, shape)
	}
	return elements, nil
}
