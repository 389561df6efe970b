package layer

// This file has what the layers that slide a window over images have in common: how they
// are told where it goes, and what they say if it fits nowhere.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// A size has a number for each spatial axis.
type size interface{ int | [2]int | [3]int }

func numbers[D size](d D) []int {
	switch d := any(d).(type) {
	case [2]int:
		return d[:]
	case [3]int:
		return d[:]
	case int:
		return []int{d}
	}
	return nil
}

// spatialAxes names the spatial axes of images that have one, two or three.
var spatialAxes = [][]string{1: {"steps"}, 2: {"rows", "columns"}, 3: {"planes", "rows", "columns"}}

func spatialNames(dims int) string { return strings.Join(spatialAxes[dims], ", ") }

// axesOf names all axes of an image in the order of a data format.
func axesOf(dims int, format string) string {
	spatial := spatialNames(dims)
	if format == channelsFirst {
		return "(batch, channels, " + spatial + ")"
	}
	return "(batch, " + spatial + ", channels)"
}

// toLast is the permutation that brings the channels of an image to the end, toFirst the one
// that brings them back.
func toLast(rank int) []int {
	perm := []int{0}
	for i := 2; i < rank; i++ {
		perm = append(perm, i)
	}
	return append(perm, 1)
}

func toFirst(rank int) []int {
	perm := []int{0, rank - 1}
	for i := 1; i < rank-1; i++ {
		perm = append(perm, i)
	}
	return perm
}

// imageOf returns an image of so many spatial dimensions with its channels last. If x, to
// which a layer is applied again, is none, it returns a poisoned node, and false.
func imageOf(x *graph.Node, dims int, format string) (*graph.Node, bool) {
	switch {
	case x.Valid() && x.Rank() != dims+2:
		return x.Graph().Fail("the shape %v needs %d axes, %s", x.Shape(), dims+2, axesOf(dims, format)), false
	case x.Valid() && format == channelsFirst:
		x = x.Transpose(toLast(x.Rank())...)
	}
	return x, x.Valid()
}

// formatted returns an image whose channels are last in a data format.
func formatted(x *graph.Node, format string) *graph.Node {
	if format == channelsFirst {
		return x.Transpose(toFirst(x.Rank())...)
	}
	return x
}

// checkImage checks that a layer has one input, an image of so many spatial dimensions, and
// returns its shape with the channels last.
func checkImage(b *Builder, in []tensor.Shape, dims int, format string) (tensor.Shape, error) {
	if format != channelsFirst && format != channelsLast {
		return nil, b.Errorf("DataFormat is %q, it must be %q or %q", format, channelsLast, channelsFirst)
	}
	if err := one(b, in); err != nil {
		return nil, err
	}
	s := in[0]
	if len(s) == dims+1 {
		with := append(slices.Clone(s[1:]), 1)
		if format == channelsFirst {
			with = append(tensor.Shape{1}, s[1:]...)
		}
		return nil, b.Errorf("the input needs %d axes, %s: if it has one channel, put layer.Reshape{TargetShape: tensor.Shape{%s}} before", dims+2, axesOf(dims, format), listed(with))
	}
	if len(s) != dims+2 {
		return nil, b.Errorf("the input needs %d axes, %s", dims+2, axesOf(dims, format))
	}
	if s[1:].HasBatch() || s[0] != tensor.Batch {
		return nil, b.Errorf("the first axis must be the batch, and the only one whose size isn't known")
	}
	image := s.Clone()
	if format == channelsFirst {
		for i, from := range toLast(len(s)) {
			image[i] = s[from]
		}
	}
	return image, nil
}

func listed(list []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
}

// A window is how a layer slides over images.
type window struct {
	dims              int
	size              []int
	sizeField         string // what the layer calls it
	strides, dilation []int  // nil: 1
	padding           string // "valid", "same", or "causal"
	format            string
	groups            int
	either            bool // strides or dilation must be 1
}

// checkForm returns an error unless the window is one.
func (w *window) checkForm(b *Builder, paddings ...string) error {
	for _, f := range []struct {
		name string
		list []int
	}{{w.sizeField, w.size}, {"Strides", w.strides}, {"DilationRate", w.dilation}} {
		for _, v := range f.list {
			if v < 1 || v > farthest {
				return b.Errorf("%s is %s, it must be from 1 to %d along %s", f.name, listed(f.list), farthest, spatialNames(w.dims))
			}
		}
	}
	if !slices.Contains(paddings, w.padding) {
		return b.Errorf("Padding is %q, it must be one of %q", w.padding, paddings)
	}
	if w.either && slices.Max(w.strides) > 1 && slices.Max(w.dilation) > 1 {
		return b.Errorf("Strides are %s and DilationRate is %s: one of them must be 1", listed(w.strides), listed(w.dilation))
	}
	return nil
}

// check returns an error unless the window is one, and has a place in an image, whose
// channels are last.
func (w *window) check(b *Builder, image tensor.Shape, paddings ...string) error {
	if err := w.checkForm(b, paddings...); err != nil {
		return err
	}
	for i, axis := range spatialAxes[w.dims] {
		reach := w.reach(i)
		if image[i+1] == 0 {
			return b.Errorf("the image has no %s", axis)
		}
		if w.padding != "valid" || reach <= image[i+1] {
			continue
		}
		dilated := ""
		if reach != w.size[i] {
			dilated = fmt.Sprintf(", with DilationRate %s,", listed(w.dilation))
		}
		hint := ""
		if channels := image[len(image)-1]; w.format == channelsLast && channels >= reach && image[1] <= 4 {
			hint = fmt.Sprintf("; if the first %d are channels, say DataFormat: %q", image[1], channelsFirst)
		} else if w.format == channelsFirst && channels >= reach && image[len(image)-2] <= 4 {
			hint = fmt.Sprintf("; if the last %d are channels, leave DataFormat out", image[len(image)-2])
		}
		return b.Errorf("%s %s%s reaches over %d %s, the image has %d: make it smaller, or say Padding: %q%s", w.sizeField, listed(w.size), dilated, reach, axis, image[i+1], "same", hint)
	}
	return nil
}

// farthest bounds what fields may say, as graphs do.
const farthest = 1 << 28

func (w *window) stride(i int) int {
	if w.strides == nil {
		return 1
	}
	return w.strides[i]
}

// reach returns how many pixels the window reaches over along a spatial axis.
func (w *window) reach(i int) int {
	if w.dilation == nil {
		return w.size[i]
	}
	return (w.size[i]-1)*w.dilation[i] + 1
}

// over returns the window for an image, whose channels are last.
func (w *window) over(image tensor.Shape) graph.Window {
	g := graph.Window{Size: w.size, Stride: w.strides, Dilation: w.dilation, Groups: w.groups}
	for i := range w.dims {
		low, high := 0, 0
		switch w.padding {
		case "same": // as many places as there are strides in the image
			pixels, stride := image[i+1], w.stride(i)
			places := (pixels + stride - 1) / stride
			all := max((places-1)*stride+w.reach(i)-pixels, 0)
			low, high = all/2, all-all/2
		case "causal": // none sees what comes behind it
			low = w.reach(i) - 1
		}
		g.Low, g.High = append(g.Low, low), append(g.High, high)
	}
	return g
}
