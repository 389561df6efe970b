// Package mnist holds the MNIST data set in the program: 60,000 handwritten
// digits to train on and 10,000 to test with, each of 28 × 28 pixels.
//
//	train, test, err := mnist.Load()
//	model.Fit(ctx, train.Flat().OneHot(), …)
//
// The data are the four original files of Yann LeCun, Corinna Cortes and
// Christopher J. C. Burges, who made them of NIST's Special Databases 1 and 3; see
// LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
// recognition" (1998). Yann LeCun and Corinna Cortes hold their copyright; they are
// available under the Creative Commons Attribution-Share Alike 3.0 license. A
// program that imports this package grows by 11.6 MB.
package mnist

import (
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/cornu-ml/cornu/dataset"
	"github.com/cornu-ml/cornu/internal/mem"
)

// The sizes of the data set.
const (
	Rows    = 28
	Columns = 28
	Classes = 10

	trainLen = 60_000
	testLen  = 10_000
)

var (
	//go:embed train-images-idx3-ubyte.gz
	trainImages string
	//go:embed train-labels-idx1-ubyte.gz
	trainLabels string
	//go:embed t10k-images-idx3-ubyte.gz
	testImages string
	//go:embed t10k-labels-idx1-ubyte.gz
	testLabels string
)

// A Set is a number of digits with their labels. It is a source whose inputs are
// images of shape (28, 28), with numbers from 0, black, to 1, and whose targets
// are the labels; Flat and OneHot change that.
type Set = dataset.Set

// Load returns the digits for training and those for testing. They are inflated
// at the first call and then shared: don't change them.
func Load() (train, test *Set, err error) {
	sets, err := load()
	return sets[0], sets[1], err
}

var load = sync.OnceValues(func() (sets [2]*Set, err error) {
	var parts [2]struct{ images, labels []uint8 }
	jobs := []struct {
		dst    *[]uint8
		file   string
		header string
		size   int
	}{
		{&parts[0].images, trainImages, "\x00\x00\x08\x03\x00\x00\xEA\x60\x00\x00\x00\x1C\x00\x00\x00\x1C", trainLen * Rows * Columns},
		{&parts[0].labels, trainLabels, "\x00\x00\x08\x01\x00\x00\xEA\x60", trainLen},
		{&parts[1].images, testImages, "\x00\x00\x08\x03\x00\x00\x27\x10\x00\x00\x00\x1C\x00\x00\x00\x1C", testLen * Rows * Columns},
		{&parts[1].labels, testLabels, "\x00\x00\x08\x01\x00\x00\x27\x10", testLen},
	}
	errs := make([]error, len(jobs))
	var inflating sync.WaitGroup
	for i, j := range jobs {
		inflating.Go(func() { *j.dst, errs[i] = inflate(j.file, j.header, j.size) })
	}
	inflating.Wait()
	for _, err := range errs {
		if err != nil {
			return sets, fmt.Errorf("mnist: the data in this program are damaged: %w", err)
		}
	}
	for i, p := range parts {
		if sets[i], err = dataset.New(p.images, p.labels, Rows, Columns, Classes); err != nil {
			return sets, err
		}
	}
	return sets, nil
})

// inflate returns the elements of an IDX file of which all but they is known.
func inflate(file, header string, size int) ([]uint8, error) {
	z, err := gzip.NewReader(strings.NewReader(file))
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(header))
	if _, err := io.ReadFull(z, head); err != nil {
		return nil, err
	}
	if string(head) != header {
		return nil, fmt.Errorf("a file begins with % x", head)
	}
	elements := mem.Make[uint8](size)
	if _, err := io.ReadFull(z, elements); err != nil {
		return nil, err
	}
	// The checksum comes with the end.
	switch n, err := z.Read(head); {
	case n > 0:
		return nil, fmt.Errorf("a file goes on after %d elements", size)
	case err != io.EOF:
		return nil, err
	}
	return elements, nil
}
