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

	"github.com/cornu-ml/cornu/data"
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
type Set struct {
	Images []uint8 // Rows×Columns for each digit, row by row from the top; 0 is black
	Labels []uint8 // 0 … 9

	*data.Arrays // the source

	flat, oneHot bool
	err          error // of the source
}

// Load returns the digits for training and those for testing. They are inflated
// at the first call and then shared: don't change them.
func Load() (train, test *Set, err error) {
	sets, err := load()
	return sets[0], sets[1], err
}

var load = sync.OnceValues(func() (sets [2]*Set, err error) {
	var train, test Set
	jobs := []struct {
		dst    *[]uint8
		file   string
		header string
		size   int
	}{
		{&train.Images, trainImages, "\x00\x00\x08\x03\x00\x00\xEA\x60\x00\x00\x00\x1C\x00\x00\x00\x1C", trainLen * Rows * Columns},
		{&train.Labels, trainLabels, "\x00\x00\x08\x01\x00\x00\xEA\x60", trainLen},
		{&test.Images, testImages, "\x00\x00\x08\x03\x00\x00\x27\x10\x00\x00\x00\x1C\x00\x00\x00\x1C", testLen * Rows * Columns},
		{&test.Labels, testLabels, "\x00\x00\x08\x01\x00\x00\x27\x10", testLen},
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
	return [2]*Set{train.with(false, false), test.with(false, false)}, nil
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
	elements := make([]uint8, size)
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

// with returns the digits as a source of that kind.
func (s *Set) with(flat, oneHot bool) *Set {
	v := &Set{Images: s.Images, Labels: s.Labels, Arrays: &data.Arrays{}, flat: flat, oneHot: oneHot}
	shape := []int{Rows, Columns}
	if flat {
		shape = []int{Rows * Columns}
	}
	x, err := data.Pixels(s.Images, shape...)
	if err != nil {
		v.err = err
		return v
	}
	y, err := data.Bytes(s.Labels)
	if oneHot {
		y, err = data.OneHot(s.Labels, Classes)
	}
	if err != nil {
		v.err = err
		return v
	}
	v.X, v.Y = []data.Column{x}, []data.Column{y}
	return v
}

// Epoch starts an epoch.
func (s *Set) Epoch(c data.EpochConfig) (data.Batches, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Arrays.Epoch(c)
}

// Flat returns the set with images of shape (784,).
func (s *Set) Flat() *Set { return s.with(true, s.oneHot) }

// OneHot returns the set with targets of shape (10,), 1 at the label and 0
// elsewhere.
func (s *Set) OneHot() *Set { return s.with(s.flat, true) }

// Limit returns the first n digits, or all if there are fewer.
func (s *Set) Limit(n int) *Set {
	n = max(min(n, len(s.Labels)), 0)
	return (&Set{Images: s.Images[:n*Rows*Columns], Labels: s.Labels[:n]}).with(s.flat, s.oneHot)
}

// Len returns the number of digits.
func (s *Set) Len() int { return len(s.Labels) }

// Image returns the pixels of digit i.
func (s *Set) Image(i int) []uint8 {
	const size = Rows * Columns
	return s.Images[i*size : (i+1)*size : (i+1)*size]
}

// Counts returns how many digits there are of each label.
func (s *Set) Counts() [Classes]int {
	var counts [Classes]int
	for _, label := range s.Labels {
		counts[label]++
	}
	return counts
}
