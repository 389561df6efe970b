package csv

// This file goes back from predictions to what stands in tables.

import (
	"errors"
	"fmt"

	"github.com/cornu-ml/cornu/tensor"
)

// Classes lists the categories of the target, in the order of a network's output.
// It is nil if the target isn't a category.
func (p *Preparation) Classes() []string {
	if p == nil || len(p.Targets) != 1 {
		return nil
	}
	return p.Targets[0].Categories
}

// Values brings predictions back to the units of the targets: y has the shape
// (rows, len(Targets)), and so has the result.
func (p *Preparation) Values(y *tensor.Tensor) ([][]float64, error) {
	_, targets, err := p.encoders()
	switch {
	case err != nil:
		return nil, fmt.Errorf("csv: %w", err)
	case len(targets) == 0 || targets[0].Kind != Number:
		return nil, errors.New("csv: Values: the targets aren't numbers; Labels is for a category")
	}
	rows, err := predictions(y)
	if err != nil {
		return nil, fmt.Errorf("csv: Values: %w", err)
	}
	if y.Shape()[1:].Numel() != len(targets) {
		return nil, fmt.Errorf("csv: Values: predictions of shape %v aren't those of %d targets", y.Shape(), len(targets))
	}
	for _, row := range rows {
		for k, e := range targets {
			if len(e.Divisor) > 0 {
				row[k] = float64(row[k]*e.Divisor[0]) + e.Offset[0]
			}
		}
	}
	return rows, nil
}

// Labels returns the category of the target that each row of predictions says, as
// tensor.ToLabels does.
func (p *Preparation) Labels(y *tensor.Tensor) ([]string, error) {
	classes := p.Classes()
	if classes == nil {
		return nil, errors.New("csv: Labels: the target isn't a category; Values is for numbers")
	}
	labels, err := tensor.ToLabels(y, classes)
	if err != nil {
		return nil, fmt.Errorf("csv: Labels: %w", err)
	}
	return labels, nil
}

// predictions returns a copy of the rows of a tensor.
func predictions(y *tensor.Tensor) ([][]float64, error) {
	wide, err := y.Cast(tensor.Float64)
	if err != nil {
		return nil, err
	}
	return tensor.ToRows[float64](wide)
}
