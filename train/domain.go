package train

// This file checks what is fed to inputs that hold integers, before a kernel sees it.

import (
	"fmt"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/tensor"
)

// A domain says which numbers one of a step's inputs, or of its targets, may hold.
type domain struct {
	node   *graph.Node
	target bool
	index  int // among the inputs, or the targets
}

// domainsOf lists the domains of nodes that are held to integers.
func domainsOf(target bool, nodes []*graph.Node) []domain {
	var list []domain
	for i, n := range nodes {
		if n.Attr().Domain.N > 0 {
			list = append(list, domain{n, target, i})
		}
	}
	return list
}

// inDomain returns an error if the batch that b holds has a number that its input, or its target, can't hold. Predictions
// have no targets.
func (s *Step) inDomain(b *bound, forward bool) error {
	for i := range s.domains {
		d := &s.domains[i]
		values := b.batch.Y
		if !d.target {
			values = b.batch.X
		} else if forward {
			continue
		}
		if err := d.check(values[d.index]); err != nil {
			if !forward {
				err = fmt.Errorf("in the batch: %w", err)
			}
			return err
		}
	}
	return nil
}

// check returns an error if one of the values is not in the domain.
func (d *domain) check(values []float32) error {
	allowed := d.node.Attr().Domain
	for i, v := range values {
		if !allowed.Has(v) {
			return d.wrong(i, v)
		}
	}
	return nil
}

// wrong is the error of element i.
func (d *domain) wrong(i int, v float32) error {
	attr, shape := d.node.Attr(), d.node.Shape()
	if len(shape) > 0 && shape[0] == tensor.Batch {
		shape = shape[1:]
	}
	width := shape.Numel()
	row, rest := i/width, i%width
	var at []int
	if width > 1 {
		at = make([]int, len(shape))
		for k := len(at) - 1; k >= 0; k-- {
			at[k] = rest % shape[k]
			rest /= shape[k]
		}
	}
	if d.target {
		return &data.LabelError{Row: row, At: at, Label: float64(v), Classes: attr.Domain.N}
	}
	return &data.IntegerError{Input: attr.Name, Row: row, At: at, Value: float64(v), N: attr.Domain.N}
}
