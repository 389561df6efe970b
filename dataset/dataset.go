// Package dataset has what the data sets of small grey images have in common:
// MNIST and those made in its likeness. Each is a package of its own below.
package dataset

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

// A Set is a number of images with their labels. It is a source whose inputs are
// images of shape (Rows, Columns), with numbers from 0, black, to 1, and whose
// targets are the labels; Flat and OneHot change that.
type Set struct {
	Images []uint8 // Rows×Columns for each image, row by row from the top; 0 is black, 255 white
	Labels []uint8 // 0 … Classes-1

	Rows, Columns int // of an image
	Classes       int

	*data.Arrays // the source

	form   form
	oneHot bool
	err    error // of the source
}

// A form is the shape that images have as inputs.
type form int

const (
	plane   form = iota // (Rows, Columns)
	flat                // (Rows·Columns,)
	channel             // (Rows, Columns, 1)
)

// shape returns that shape.
func (s *Set) shape() []int {
	switch s.form {
	case flat:
		return []int{s.Rows * s.Columns}
	case channel:
		return []int{s.Rows, s.Columns, 1}
	}
	return []int{s.Rows, s.Columns}
}

// New returns a set of images of that size. It shares images and labels. There are
// at most 256 classes.
func New(images, labels []uint8, rows, columns, classes int) (*Set, error) {
	s := &Set{Images: images, Labels: labels, Rows: rows, Columns: columns, Classes: classes}
	if err := s.fits(); err != nil {
		return nil, err
	}
	s = s.with(plane, false)
	return s, s.err
}

var errNotMade = errors.New("dataset: a Set that New didn't make")

// fits returns an error unless there is a label that is a class for each image.
func (s *Set) fits() error {
	if s == nil {
		return errNotMade
	}
	if size := s.size(); size == 0 || len(s.Images)%size != 0 || len(s.Images)/size != len(s.Labels) {
		return fmt.Errorf("dataset: %d labels and %d pixels are not of images of %d × %d", len(s.Labels), len(s.Images), s.Rows, s.Columns)
	}
	if s.Classes < 1 || s.Classes > 256 {
		return fmt.Errorf("dataset: there are %d classes: at least one is wanted, and at most 256", s.Classes)
	}
	for row, label := range s.Labels {
		if int(label) >= s.Classes {
			return &data.LabelError{Row: row, Label: float64(label), Classes: s.Classes}
		}
	}
	return nil
}

// size is how many pixels an image has, 0 if there are no such images.
func (s *Set) size() int {
	if s == nil || s.Rows < 1 || s.Columns < 1 || s.Rows > math.MaxInt/s.Columns {
		return 0
	}
	return s.Rows * s.Columns
}

// with returns the images as a source of that kind.
func (s *Set) with(f form, oneHot bool) *Set {
	v := Set{err: s.fits(), Arrays: &data.Arrays{}}
	if v.err != nil {
		return &v
	}
	v = *s
	v.Arrays, v.form, v.oneHot = &data.Arrays{}, f, oneHot
	x, err := data.Pixels(s.Images, v.shape()...)
	if err != nil {
		v.err = err
		return &v
	}
	y, err := data.Bytes(s.Labels)
	if oneHot {
		y, err = data.OneHot(s.Labels, s.Classes)
	}
	if err != nil {
		v.err = err
		return &v
	}
	v.X, v.Y = []data.Column{x}, []data.Column{y}
	return &v
}

// source is what the set is as a source, which is empty if New didn't make it.
func (s *Set) source() *data.Arrays {
	if s == nil || s.Arrays == nil {
		return &data.Arrays{}
	}
	return s.Arrays
}

// Check returns an error unless there is a label that is a class for each image.
func (s *Set) Check() error {
	if s != nil && s.err != nil {
		return s.err
	}
	if s == nil || s.Arrays == nil {
		return errNotMade
	}
	if err := s.Arrays.Check(); err != nil {
		return err
	}
	return s.fits()
}

// CheckLabels returns a *data.LabelError if there are more classes than that.
func (s *Set) CheckLabels(i, classes int) error {
	if err := s.Check(); err != nil {
		return err
	}
	return s.Arrays.CheckLabels(i, classes)
}

// Spec describes the samples.
func (s *Set) Spec() data.Spec { return s.source().Spec() }

// Split returns the images without the last fraction of them, and that fraction.
func (s *Set) Split(fraction float64) (train, validation *data.Arrays, err error) {
	return s.source().Split(fraction)
}

// TrainTestSplit shuffles the images and then splits them as Split does.
func (s *Set) TrainTestSplit(fraction float64, seed uint64) (train, test *data.Arrays, err error) {
	return s.source().TrainTestSplit(fraction, seed)
}

// Take returns the first n images as a source; Limit returns them as a set.
func (s *Set) Take(n int) *data.Arrays { return s.source().Take(n) }

// Epoch starts an epoch.
func (s *Set) Epoch(ctx context.Context, c data.EpochConfig) (data.Batches, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s.Arrays.Epoch(ctx, c)
}

// Flat returns the set with images of shape (Rows·Columns,).
func (s *Set) Flat() *Set { return s.with(flat, s != nil && s.oneHot) }

// Channel returns the set with images of shape (Rows, Columns, 1), as convolutions
// take them.
func (s *Set) Channel() *Set { return s.with(channel, s != nil && s.oneHot) }

// OneHot returns the set with targets of shape (Classes,), 1 at the label and 0
// elsewhere.
func (s *Set) OneHot() *Set {
	if s == nil {
		return s.with(plane, true)
	}
	return s.with(s.form, true)
}

// Limit returns the first n images, or all if there are fewer.
func (s *Set) Limit(n int) *Set {
	if err := s.fits(); err != nil {
		return s.with(plane, false)
	}
	n = max(min(n, len(s.Labels)), 0)
	v := *s
	v.Images, v.Labels = s.Images[:n*s.Rows*s.Columns], s.Labels[:n]
	return v.with(s.form, s.oneHot)
}

// Len returns the number of images.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.Labels)
}

// Inputs returns the images begin ≤ i < end as the network is given them: float32
// of shape (end−begin, Rows, Columns), or that of Flat or Channel if the set comes of
// them, from 0 to 1. A model that was trained on the set predicts them.
func (s *Set) Inputs(begin, end int) (*tensor.Tensor, error) {
	if err := s.fits(); err != nil {
		return nil, err
	}
	if begin < 0 || begin > end || end > s.Len() {
		return nil, fmt.Errorf("dataset: images %d:%d are not within 0:%d", begin, end, s.Len())
	}
	size := s.Rows * s.Columns
	x, err := tensor.Of(s.Images[begin*size:end*size], append([]int{end - begin}, s.shape()...)...)
	if err != nil {
		return nil, err
	}
	return tensor.FromBytes(x, 0, 1)
}

// Image returns the pixels of image i, from 0 to 255, nil if there is no such image.
// Inputs is what a network predicts.
func (s *Set) Image(i int) []uint8 {
	size := s.size()
	if size == 0 || i < 0 || i >= len(s.Images)/size {
		return nil
	}
	return s.Images[i*size : (i+1)*size : (i+1)*size]
}

// Counts returns how many images there are of each label.
func (s *Set) Counts() []int {
	if s == nil {
		return nil
	}
	counts := make([]int, min(max(s.Classes, 0), 256))
	for _, label := range s.Labels {
		if int(label) < len(counts) {
			counts[label]++
		}
	}
	return counts
}
