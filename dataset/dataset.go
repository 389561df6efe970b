// Package dataset has what the data sets of small grey images have in common:
// MNIST and those made in its likeness. Each is a package of its own below.
package dataset

import (
	"context"
	"fmt"

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

	flat, oneHot bool
	err          error // of the source
}

// New returns a set of images of that size. It shares images and labels.
func New(images, labels []uint8, rows, columns, classes int) (*Set, error) {
	s := Set{Images: images, Labels: labels, Rows: rows, Columns: columns, Classes: classes}
	if size := rows * columns; size <= 0 || len(images)%size != 0 || len(images)/size != len(labels) {
		return nil, fmt.Errorf("dataset: %d labels and %d pixels are not of images of %d × %d", len(labels), len(images), rows, columns)
	}
	if v := s.with(false, true); v.err != nil { // a label that is no class
		return nil, v.err
	}
	return s.with(false, false), nil
}

// with returns the images as a source of that kind.
func (s *Set) with(flat, oneHot bool) *Set {
	v := *s
	v.Arrays, v.flat, v.oneHot = &data.Arrays{}, flat, oneHot
	shape := []int{s.Rows, s.Columns}
	if flat {
		shape = []int{s.Rows * s.Columns}
	}
	x, err := data.Pixels(s.Images, shape...)
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

// Epoch starts an epoch.
func (s *Set) Epoch(ctx context.Context, c data.EpochConfig) (data.Batches, error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.Arrays.Epoch(ctx, c)
}

// Flat returns the set with images of shape (Rows·Columns,).
func (s *Set) Flat() *Set { return s.with(true, s.oneHot) }

// OneHot returns the set with targets of shape (Classes,), 1 at the label and 0
// elsewhere.
func (s *Set) OneHot() *Set { return s.with(s.flat, true) }

// Limit returns the first n images, or all if there are fewer.
func (s *Set) Limit(n int) *Set {
	n = max(min(n, len(s.Labels)), 0)
	v := *s
	v.Images, v.Labels = s.Images[:n*s.Rows*s.Columns], s.Labels[:n]
	return v.with(s.flat, s.oneHot)
}

// Len returns the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Inputs returns the images begin ≤ i < end as the network is given them: float32
// of shape (end−begin, Rows, Columns), or (end−begin, Rows·Columns) if the set is
// flat, from 0 to 1. A model that was trained on the set predicts them.
func (s *Set) Inputs(begin, end int) (*tensor.Tensor, error) {
	if begin < 0 || begin > end || end > s.Len() {
		return nil, fmt.Errorf("dataset: images %d:%d are not within 0:%d", begin, end, s.Len())
	}
	shape := []int{end - begin, s.Rows, s.Columns}
	if s.flat {
		shape = []int{end - begin, s.Rows * s.Columns}
	}
	size := s.Rows * s.Columns
	x, err := tensor.Of(s.Images[begin*size:end*size], shape...)
	if err != nil {
		return nil, err
	}
	return tensor.FromBytes(x, 0, 1)
}

// Image returns the pixels of image i, from 0 to 255. Inputs is what a network
// predicts.
func (s *Set) Image(i int) []uint8 {
	size := s.Rows * s.Columns
	return s.Images[i*size : (i+1)*size : (i+1)*size]
}

// Counts returns how many images there are of each label.
func (s *Set) Counts() []int {
	counts := make([]int, s.Classes)
	for _, label := range s.Labels {
		counts[label]++
	}
	return counts
}
