package data

// This file holds parts of arrays, which share their columns, and a look at their
// labels.

import (
	"fmt"

	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/rng"
)

// Take returns the first n samples, or all if there are fewer. As all parts of arrays do, it shares their columns: X and Y have
// all rows, of which the part knows its own.
func (a *Arrays) Take(n int) *Arrays {
	return a.part(a.indices()[:max(min(n, a.Len()), 0)])
}

// Split returns the samples without the last fraction of them, and that last
// fraction: Keras's validation_split. Nothing is shuffled. Both parts must have
// samples.
func (a *Arrays) Split(fraction float64) (train, validation *Arrays, err error) {
	return a.split(a.indices(), fraction)
}

// TrainTestSplit shuffles the samples and then splits them as Split does.
func (a *Arrays) TrainTestSplit(fraction float64, seed uint64) (train, test *Arrays, err error) {
	if err := a.Check(); err != nil {
		return nil, nil, err
	}
	order := make([]int32, a.Len())
	rng.Perm(order, seed, 0)
	indices := a.indices()
	for i, j := range order {
		order[i] = indices[j]
	}
	return a.split(order, fraction)
}

// StratifiedSplit is TrainTestSplit, but both parts have the same share of the
// samples of each class, as nearly as whole samples permit. There is one target, and
// the class of a sample is the largest element of it, or its only one.
func (a *Arrays) StratifiedSplit(fraction float64, seed uint64) (train, test *Arrays, err error) {
	if err := a.Check(); err != nil {
		return nil, nil, err
	}
	if len(a.Y) != 1 {
		return nil, nil, fmt.Errorf("data: StratifiedSplit needs one target, there are %d", len(a.Y))
	}
	var classes []int32
	codes := map[float32]int32{}
	err = eachTarget(a, 0, a.Y[0].Kernel, func(row int, target []float32) error {
		class := target[0]
		if len(target) > 1 {
			class = float32(argMax(target))
		}
		if _, ok := codes[class]; !ok {
			if codes[class] = int32(len(codes)); class != class {
				return fmt.Errorf("data: the target of row %d is NaN, which is no class", row)
			}
		}
		classes = append(classes, codes[class])
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	first, last, ok := rng.StratifiedSplit(classes, fraction, seed)
	if !ok {
		return nil, nil, fmt.Errorf("data: a fraction of %v of %d samples can't be split off: it must be between 0 and 1, and both parts have samples", fraction, len(classes))
	}
	indices := a.indices()
	for _, part := range [][]int32{first, last} {
		for i, sample := range part {
			part[i] = indices[sample]
		}
	}
	return a.part(first), a.part(last), nil
}

func (a *Arrays) split(indices []int32, fraction float64) (first, last *Arrays, err error) {
	if err := a.Check(); err != nil {
		return nil, nil, err
	}
	if !(fraction > 0 && fraction < 1) {
		return nil, nil, fmt.Errorf("data: a fraction of %v can't be split off: it must be between 0 and 1", fraction)
	}
	at, ok := rng.Cut(len(indices), fraction)
	if !ok {
		return nil, nil, fmt.Errorf("%w in one part if %v of %d are split off", ErrEmpty, fraction, len(indices))
	}
	return a.part(indices[:at]), a.part(indices[at:]), nil
}

func (a *Arrays) part(view []int32) *Arrays {
	if a == nil {
		return &Arrays{}
	}
	of := a.rows()
	if a.view != nil {
		of = a.of
	}
	return &Arrays{X: a.X, Y: a.Y, Weights: a.Weights, TargetWeights: a.TargetWeights, view: view, of: of}
}

// indices returns the rows of all samples.
func (a *Arrays) indices() []int32 {
	if a != nil && a.view != nil {
		return a.view
	}
	indices := make([]int32, a.rows())
	for i := range indices {
		indices[i] = int32(i)
	}
	return indices
}

// CheckLabels returns a *LabelError if target i, which holds labels, has one that
// is not a whole number from 0 to classes-1.
func (a *Arrays) CheckLabels(i, classes int) error {
	if err := a.Check(); err != nil {
		return err
	}
	if i < 0 || i >= len(a.Y) {
		return fmt.Errorf("data: there is no target %d among %d", i, len(a.Y))
	}
	if c, ok := a.Y[i].(integerColumn); ok {
		return eachTarget(a, i, c.integers, func(row int, target []int32) error {
			for _, label := range target {
				if label < 0 || int(label) >= classes {
					return &LabelError{Row: row, Label: float64(label), Classes: classes}
				}
			}
			return nil
		})
	}
	return eachTarget(a, i, a.Y[i].Kernel, func(row int, target []float32) error {
		for _, label := range target {
			if !(label >= 0 && label < float32(classes)) || label != float32(int(label)) {
				return &LabelError{Row: row, Label: float64(label), Classes: classes}
			}
		}
		return nil
	})
}

// eachTarget calls f with target i of every row, which kernel reads, until an error.
func eachTarget[T float32 | int32](a *Arrays, i int, kernel func(dst []T, rows []int32) Kernel, f func(row int, target []T) error) error {
	shape := a.Y[i].Shape()
	width := shape.Numel()
	if err := mem.Check(width, 4, "data: a sample of %s, of shape %v,", part("y", i), shape); err != nil {
		return err
	}
	chunk := max(min(256, 1<<20/width), 1)
	values := make([]T, chunk*width)
	indices := a.indices()
	for len(indices) > 0 {
		rows := indices[:min(chunk, len(indices))]
		indices = indices[len(rows):]
		kernel(values[:len(rows)*width], rows).Run(nil)
		for j, row := range rows {
			if err := f(int(row), values[j*width:(j+1)*width]); err != nil {
				return err
			}
		}
	}
	return nil
}
