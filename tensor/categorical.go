package tensor

// This file goes from labels to one-hot vectors and back: keras.utils.
// to_categorical and numpy.argmax.

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/mem"
)

// ToCategorical returns the labels as one-hot vectors: float32 of shape
// (len(labels), classes), 1 at the label and 0 elsewhere. With 0 classes there
// are as many as the greatest label asks for.
//
// For training, data.OneHot makes the vectors batch by batch and keeps no more
// than the labels in memory.
func ToCategorical[T ~uint8 | ~int32 | ~int64 | ~int](labels []T, classes int) (*Tensor, error) {
	if classes < 0 {
		return nil, fmt.Errorf("tensor: ToCategorical: there can't be %d classes", classes)
	}
	highest := int64(classes) - 1
	if classes == 0 {
		for _, label := range labels {
			highest = max(highest, int64(label))
		}
	}
	for i, label := range labels {
		if label < 0 || int64(label) > highest {
			return nil, fmt.Errorf("tensor: ToCategorical: label %d is %d: with %d classes, labels go from 0 to %d", i, label, highest+1, highest)
		}
	}
	shape := Shape{len(labels), int(highest + 1)}
	if int64(shape[1]) != highest+1 || shape.Check() != nil {
		return nil, fmt.Errorf("tensor: ToCategorical: %d vectors of %d classes are too many elements", len(labels), highest+1)
	}
	if err := mem.Check(shape.Numel(), 4, "tensor: ToCategorical: %d vectors of %d classes", len(labels), highest+1); err != nil {
		return nil, err
	}
	vectors := make([]float32, shape.Numel())
	for i, label := range labels {
		vectors[i*shape[1]+int(label)] = 1
	}
	return Of(vectors, shape...)
}

// ToLabels returns the class that each row of predictions says: that of the greatest
// of its numbers or, if there are two classes and a row has one number, a
// probability, the second if it is above 0.5. Predictions have the shape
// (rows, len(classes)), or (rows, 1) or (rows,) if a row has one number; integers
// of that shape, as ArgMax returns them, are indices of classes.
func ToLabels(predictions *Tensor, classes []string) ([]string, error) {
	if predictions == nil || len(predictions.shape) == 0 {
		return nil, fmt.Errorf("tensor: ToLabels: %v has no rows", predictions)
	}
	integers := predictions.dtype == Int32 || predictions.dtype == Int64
	width := predictions.shape[1:].Numel()
	if several := width == len(classes) && width > 1 && !integers; !several && (width != 1 || !integers && len(classes) != 2) {
		return nil, fmt.Errorf("tensor: ToLabels: predictions %v aren't those of %d classes", predictions, len(classes))
	}
	wide, err := predictions.Cast(Float64)
	if err != nil {
		return nil, fmt.Errorf("tensor: ToLabels: %w", err)
	}
	rows, err := ToRows[float64](wide)
	if err != nil {
		return nil, err
	}
	labels := make([]string, len(rows))
	for i, row := range rows {
		class := 0
		for k, v := range row {
			if v != v {
				return nil, fmt.Errorf("tensor: ToLabels: the prediction of row %d is NaN", i)
			}
			if v > row[class] {
				class = k
			}
		}
		switch {
		case integers && !(row[0] >= 0 && row[0] < float64(len(classes))):
			return nil, fmt.Errorf("tensor: ToLabels: row %d is %v: with %d classes, indices go from 0 to %d", i, row[0], len(classes), len(classes)-1)
		case integers:
			class = int(row[0])
		case width == 1 && row[0] > 0.5:
			class = 1
		}
		labels[i] = classes[class]
	}
	return labels, nil
}

// ArgMax returns the indices, as Int64, of the greatest elements along an axis,
// which the result lacks; a negative axis counts from the end. Of equal elements
// the first counts, and NaN is greater than all numbers.
func (t *Tensor) ArgMax(axis int) (*Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("tensor: ArgMax of a nil tensor")
	}
	at := axis
	if at < 0 {
		at += len(t.shape)
	}
	switch {
	case at < 0 || at >= len(t.shape):
		return nil, fmt.Errorf("tensor: ArgMax: shape %v has no axis %d", t.shape, axis)
	case t.shape[at] == 0:
		return nil, fmt.Errorf("tensor: ArgMax: axis %d of shape %v is empty", axis, t.shape)
	}
	shape := append(t.shape[:at].Clone(), t.shape[at+1:]...)
	outer, n, inner := t.shape[:at].Numel(), t.shape[at], t.shape[at+1:].Numel()
	out := make([]int64, outer*inner)
	switch data := t.data.(type) {
	case []float32:
		argMax(out, data, n, inner)
	case []float64:
		argMax(out, data, n, inner)
	case []uint8:
		argMax(out, data, n, inner)
	case []int32:
		argMax(out, data, n, inner)
	case []int64:
		argMax(out, data, n, inner)
	default:
		return nil, fmt.Errorf("tensor: ArgMax of %v elements", t.dtype)
	}
	return wrap(out, shape)
}

func argMax[T float32 | float64 | uint8 | int32 | int64](out []int64, data []T, n, inner int) {
	for i := range out {
		line := data[i/inner*n*inner+i%inner:]
		best := line[0]
		for j := 1; j < n && best == best; j++ {
			if v := line[j*inner]; v > best || v != v {
				best, out[i] = v, int64(j)
			}
		}
	}
}
