package train

// This file has steps whose batches differ in the shapes of their samples: sequences in buckets of some lengths. There is a step for each
// shape, with a graph and plans of its own. All have the same variables, optimizers, random numbers and measures, so that they are
// one training.

import (
	"fmt"
	"slices"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/tensor"
)

// Vary makes s the step of batches of samples of several shapes. s itself is for those that shapes has (X, Y and W). For others trace
// makes a step when they first come, of the same variables, optimizers and measures. Fit, Evaluate and Batch take for each batch the step
// that is for it. There are as many plans as a step of one shape has for batches of several sizes.
func (s *Step) Vary(shapes data.Spec, trace func(shapes data.Spec) (*Step, error)) {
	if s.made() {
		s.shapes, s.trace = shapes, trace
	}
}

// For returns the step for samples of these shapes: s, unless it has been told by Vary how others are made. Measures, and
// what Reset forgets, are those of s.
func (s *Step) For(shapes data.Spec) (*Step, error) {
	if !s.made() {
		return nil, errNotNew
	}
	if s.trace == nil || alike(s.shapes, shapes) {
		return s, nil
	}
	if one := s.plans.find(shapes); one != nil {
		return one, nil
	}
	s.plans.tracing.Lock()
	defer s.plans.tracing.Unlock()
	if one := s.plans.find(shapes); one != nil {
		return one, nil
	}
	one, err := s.trace(shapes)
	if err == nil && !one.made() {
		err = errNotNew
	}
	if err != nil {
		return nil, fmt.Errorf("samples of shapes %v to %v: %w", shapes.X, shapes.Y, err)
	}
	one.shapes = data.Spec{X: cloned(shapes.X), Y: cloned(shapes.Y), W: cloned(shapes.W)}
	if err := one.join(s); err != nil {
		return nil, err
	}
	s.plans.mu.Lock()
	defer s.plans.mu.Unlock()
	s.plans.shaped = append(s.plans.shaped, one)
	return one, nil
}

// join lets one measure what s measures.
func (s *Step) join(whole *Step) error {
	same := func(a, b *meter) bool {
		return a.name == b.name && slices.EqualFunc(a.state, b.state, func(x, y []float64) bool { return len(x) == len(y) })
	}
	if !slices.EqualFunc(s.meters, whole.meters, same) {
		return fmt.Errorf("train: a step for samples of shapes %v measures other things than that for %v: totals can't depend on the shape of samples", s.shapes.X, whole.shapes.X)
	}
	for i, m := range whole.meters {
		s.meters[i].state = m.state
	}
	s.of = whole
	return nil
}

// whole returns the step that counts and measures for s.
func (s *Step) whole() *Step {
	if s.of != nil {
		return s.of
	}
	return s
}

// find returns the step for samples of shapes, nil if there is none.
func (p *plans) find(shapes data.Spec) *Step {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.shaped {
		if alike(s.shapes, shapes) {
			return s
		}
	}
	return nil
}

// alike reports whether samples have the same shapes.
func alike(a, b data.Spec) bool {
	same := func(a, b []tensor.Shape) bool { return slices.EqualFunc(a, b, tensor.Shape.Equal) }
	return same(a.X, b.X) && same(a.Y, b.Y) && same(a.W, b.W)
}

func cloned(shapes []tensor.Shape) []tensor.Shape {
	list := make([]tensor.Shape, len(shapes))
	for i, s := range shapes {
		list[i] = s.Clone()
	}
	return list
}

// forBatch returns the step for the batch that Next went to.
func (s *Step) forBatch(batches data.Batches) (*Step, error) {
	if s.trace == nil {
		return s, nil
	}
	return s.For(data.ShapesOf(batches, s.shapes))
}

// forAll makes the steps for all buckets of a source whose shapes are known, so that one that is not possible is an error before the first
// step.
func (s *Step) forAll(source data.Source) error {
	spec, err := data.SpecOf(source)
	if err != nil || s.trace == nil || len(spec.Buckets) > maxPlans {
		return err
	}
	for _, b := range spec.Buckets {
		if slices.ContainsFunc(slices.Concat(b.X, b.Y, b.W), tensor.Shape.HasBatch) {
			continue
		}
		if _, err := s.For(b); err != nil {
			return err
		}
	}
	return nil
}

// OutputShapes returns the shapes of what was given to StepBuilder.Output.
func (s *Step) OutputShapes() []tensor.Shape {
	if !s.made() {
		return nil
	}
	var list []tensor.Shape
	for _, n := range s.outputs {
		list = append(list, n.Shape())
	}
	return list
}
