// Package train runs compiled steps: it holds the loop of Fit and Evaluate, the
// callbacks' interface, the history and the progress line.
//
// A Step is a graph with inputs, results and updates, traced once and then
// compiled for each batch size that comes. Most users meet it through a model's
// Compile and Fit; NewStep is for those who write a training step of their own.
package train

// This file defines Step, which compiles and runs, and what it measures.

import (
	"errors"
	"fmt"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/par"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/tensor"
)

// A Step is one call of a network: forward alone, or forward, backward and the
// optimizer's update. Step values are made by NewStep and by models, and run by
// Run, batch by batch, or by Fit and Evaluate. One goroutine at a time may use a
// Step; a Step of Predict may be used by several.
type Step struct {
	program    plan.Program
	storage    map[*graph.Node]slab.Span
	networks   []*layer.Network
	variables  []*layer.Variable
	slabs      []*slab.Slab  // of the variables
	writes     bool          // to the variables
	rows       int           // that all batches have; 0: any number
	inputs     []*graph.Node // fed from a batch's X
	targets    []*graph.Node // from its Y
	feeds      []feed        // the inputs, then the targets
	weights    []*graph.Node // from its W
	outputs    []*graph.Node // results that are read whole
	meters     []*meter
	optimizers []*Optimizer
	losses     []*graph.Node // those that are scaled
	scalars    []scalar
	seed       uint64
	runs       uint64 // since Reset

	plans  plans
	shapes data.Spec                      // of the samples, if there are steps for others
	trace  func(data.Spec) (*Step, error) // makes the steps for samples of other shapes; nil: there are none
	of     *Step                          // whose trace has made the step, or nil
}

// A scalar is an input that is computed before each update.
type scalar struct {
	node      *graph.Node
	optimizer *Optimizer
	value     func(o *Optimizer) float64
}

// A meter accumulates a measure over batches, in float64.
type meter struct {
	name      string
	direction metric.Direction
	nodes     []*graph.Node // what each batch adds
	mean      bool          // the mean of a scalar over samples instead
	state     [][]float64
	result    func(state [][]float64) float64
	vector    func(state [][]float64) []float64 // nil if there is one result
}

var errNotNew = errors.New("train: the step was not made by NewStep")

// made reports whether NewStep has made s: the zero Step does nothing.
func (s *Step) made() bool { return s != nil && s.program.Graph != nil }

// held returns how many float32s of weights and slots the step works on.
func (s *Step) held() int {
	n := 0
	for _, span := range s.storage {
		n += (span.Len*span.Slab.Kind().Size() + 3) / 4
	}
	return n
}

// A mode is how a step is run.
type mode struct {
	// forward computes the outputs and no more: nothing is measured or counted, nor updated but for states of layers. So many
	// goroutines may run the step at once. key tells apart the random numbers of batches.
	forward bool
	key     uint64

	allowNonFinite bool // updates although a loss or a gradient is not finite
}

// run runs the step on a batch of n samples: fill brings the batch, then the step is computed, checked, updated and
// measured, and take, unless it is nil, reads the outputs. Whatever runs a step does it by this method.
func (s *Step) run(n int, m mode, fill func(b *bound, pool *par.Pool) error, take func(outputs [][]float32)) error {
	b, err := s.bind(n)
	if err != nil {
		return err
	}
	pool := b.tuner.Begin(par.Default())
	if err = fill(b, pool); b.lost {
		return err // b is not used again: a source that was given up may still write to it
	}
	switch {
	case err != nil && !m.forward:
		err = fmt.Errorf("in the batch: %w", err)
	case err != nil:
	case m.forward:
		s.compute(b, pool, m.key)
	default:
		err = s.train(b, pool, m.allowNonFinite)
	}
	b.tuner.End()
	if err == nil && take != nil {
		take(b.outputs)
	}
	s.release(b)
	return err
}

// compute runs the step forward.
func (s *Step) compute(b *bound, pool *par.Pool, key uint64) {
	keeps := s.rows > 0 && len(s.optimizers) == 0 // states of layers, and changes nothing else
	slab.Acquire(s.slabs, keeps)
	defer slab.Release(s.slabs, keeps)
	b.exec.Seed, b.exec.Step = s.seed, key
	b.exec.Compute(pool)
	if keeps {
		b.exec.Update(pool)
	}
}

// train runs the step on the batch that b holds: compute, check, update, measure.
func (s *Step) train(b *bound, pool *par.Pool, allowNonFinite bool) error {
	for i := range s.scalars {
		sc := &s.scalars[i]
		b.scalars[i][0] = float32(sc.value(sc.optimizer)) // a user's schedule may look at variables
	}
	slab.Acquire(s.slabs, s.writes)
	defer slab.Release(s.slabs, s.writes)
	b.exec.Seed, b.exec.Step = s.seed, s.Iterations()
	for _, o := range s.optimizers {
		o.fill()
	}
	b.exec.Compute(pool)
	switch {
	case b.exec.Finite():
		s.update(b, pool)
	case s.scaleDown(b, allowNonFinite):
	case !allowNonFinite:
		return s.nonFinite(b, pool)
	default:
		s.update(b, pool)
	}
	s.whole().runs++
	for i, m := range s.meters {
		m.add(b.n, b.meters[i])
	}
	return nil
}

// update stores what the step that b just computed changes.
func (s *Step) update(b *bound, pool *par.Pool) {
	b.exec.Update(pool)
	for _, o := range s.optimizers {
		o.iterations++
		o.scale.grow()
	}
}

// scaleDown halves the scales of the losses after a step whose gradients, scaled,
// were not finite. It reports false, and does nothing, if that is not to blame: no
// loss is scaled, one is not finite itself, or a scale is next to nothing already.
func (s *Step) scaleDown(b *bound, allowNonFinite bool) bool {
	scaled := false
	for _, o := range s.optimizers {
		scaled = scaled || o.scale != nil && (o.scale.value > minScale || allowNonFinite)
	}
	for _, loss := range s.losses {
		if x := b.exec.Value(loss)[0]; x-x != 0 && !allowNonFinite {
			return false
		}
	}
	if !scaled {
		return false
	}
	for _, o := range s.optimizers {
		o.scale.shrink()
	}
	return true
}

// add accumulates what a batch of n samples adds.
func (m *meter) add(n int, adds [][]float32) {
	if m.mean {
		m.state[0][0] += float64(float64(n) * float64(adds[0][0]))
		m.state[1][0] += float64(n)
		return
	}
	for i, list := range adds {
		for j, v := range list {
			m.state[i][j] += float64(v)
		}
	}
}

// Run does one step on a batch of the caller's. Its X holds the inputs and its Y
// the targets, in the order in which the step asked for them, or IntX and IntY those that are given as integers, and W the
// weights, if the step wants some and not all are 1; how many samples
// there are follows from their lengths. Run returns what was given to
// StepBuilder.Output, in memory that is valid until the next Run. What the step
// measures adds up until Reset. After an error nothing has changed.
func (s *Step) Run(batch data.Batch) (outputs [][]float32, err error) {
	n, err := s.samples(&batch)
	if err != nil {
		return nil, err
	}
	err = s.run(n, mode{}, func(b *bound, _ *par.Pool) error {
		for i := range s.feeds {
			f := &s.feeds[i]
			numbers, integers := f.given(&batch)
			if err := f.put(b, numbers, integers); err != nil {
				return err
			}
		}
		for i, w := range b.batch.W {
			if len(batch.W) > 0 {
				copy(w, batch.W[i])
				continue
			}
			for j := range w {
				w[j] = 1
			}
		}
		return nil
	}, func(results [][]float32) { outputs = results })
	return outputs, err
}

// samples returns how many samples a batch holds, or an error if its parts don't
// fit the step.
func (s *Step) samples(batch *data.Batch) (int, error) {
	n := -1
	check := func(node *graph.Node, numbers []float32, integers []int32) error {
		if len(numbers) > 0 && len(integers) > 0 {
			return fmt.Errorf("%q is given as numbers and as integers, it must be either", node.Attr().Name)
		}
		width, rows, got := node.Shape(), 1, len(numbers)+len(integers)
		if len(width) > 0 && width[0] == tensor.Batch {
			width = width[1:]
			if n < 0 {
				n = got / max(1, width.Numel())
			}
			rows = n
		}
		if want := rows * width.Numel(); got != want || rows == 0 {
			return fmt.Errorf("%q has shape %v, %d numbers for a batch of %d, got %d", node.Attr().Name, node.Shape(), want, rows, got)
		}
		return nil
	}
	if got := max(len(batch.X), len(batch.IntX)); got != len(s.inputs) {
		return 0, fmt.Errorf("the step takes %d inputs, the batch has %d", len(s.inputs), got)
	}
	if got := max(len(batch.Y), len(batch.IntY)); got != len(s.targets) {
		return 0, fmt.Errorf("the step takes %d targets, the batch has %d", len(s.targets), got)
	}
	for i := range s.feeds {
		numbers, integers := s.feeds[i].given(batch)
		if err := check(s.feeds[i].node, numbers, integers); err != nil {
			return 0, err
		}
	}
	if len(batch.W) == 0 { // all are 1
		return max(n, 1), nil
	}
	if len(batch.W) != len(s.weights) {
		return 0, fmt.Errorf("the step takes %d weights, the batch has %d", len(s.weights), len(batch.W))
	}
	for i, node := range s.weights {
		if err := check(node, batch.W[i], nil); err != nil {
			return 0, err
		}
	}
	return max(n, 1), nil
}

// Log returns what the step measures under that name, over the batches since
// Reset. ok is false if it measures no such thing, or had no batch.
func (s *Step) Log(name string) (value float64, ok bool) {
	for _, m := range s.meters {
		if m.name == name && s.whole().runs > 0 {
			return m.result(m.state), true
		}
	}
	return 0, false
}

// Reset begins measuring anew.
func (s *Step) Reset() {
	s.whole().runs = 0
	for _, m := range s.meters {
		m.reset()
	}
}

// reset forgets all batches.
func (m *meter) reset() {
	for _, list := range m.state {
		clear(list)
	}
}

// meanResult is the result of a meter of Σ and count.
func meanResult(state [][]float64) float64 { return state[0][0] / state[1][0] }

// finish ends a training: where an optimizer has averaged the weights, they become
// the averages.
func (s *Step) finish() {
	slab.Acquire(s.slabs, true)
	defer slab.Release(s.slabs, true)
	for _, o := range s.optimizers {
		if o.common.EMA.On && o.iterations > 0 {
			o.average()
		}
	}
}

// Iterations returns the number of updates that the step's first optimizer has
// done; it keys the random numbers of the next run. For a step without one, such
// as an evaluation, it is the number of runs since Reset.
func (s *Step) Iterations() uint64 {
	if len(s.optimizers) == 0 {
		return s.whole().runs
	}
	return s.optimizers[0].iterations
}

// Plan returns the kernel calls of the step for batches of n, as text.
func (s *Step) Plan(n int) (string, error) {
	if !s.made() {
		return "", errNotNew
	}
	p, err := plan.Compile(s.program, plan.Config{Batch: n, NoPasses: noPasses, KeepZeros: keepZeros})
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// A NonFiniteError says that a step computed a value that is not a finite
// number. The variables are as they were before that step.
type NonFiniteError struct {
	Step  uint64 // from 0
	Layer string // the first layer at fault, "" if it is the data or the loss
	What  string // the value at fault
}

func (e *NonFiniteError) Error() string {
	at := e.What
	if e.Layer != "" {
		at = fmt.Sprintf("layer %q: %s", e.Layer, e.What)
	}
	return fmt.Sprintf("step %d: %s is not finite; the weights are those after the last finite step. "+
		"Look for NaN in the data, lower the learning rate or clip the gradients; AllowNonFinite goes on regardless", e.Step, at)
}

// nonFinite finds out what went wrong in the step that b just computed.
func (s *Step) nonFinite(b *bound, pool *par.Pool) error {
	e := &NonFiniteError{Step: s.Iterations(), What: "the loss or a gradient"}
	c, err := b.exec.FirstNonFinite(pool)
	if err != nil || c == nil {
		return e
	}
	n := c.Node
	switch n.Op() {
	case graph.OpParam:
		e.What = fmt.Sprintf("the optimizer's %s", n.Attr().Name)
		for _, v := range s.variables {
			if p := slab.SpanOf(v); p.Slab == s.storage[n].Slab && c.Index >= p.Offset && c.Index < p.Offset+p.Len {
				e.What = fmt.Sprintf("weight %q", v.Path)
			}
		}
	case graph.OpInput:
		e.What = fmt.Sprintf("input %q", n.Attr().Name)
		if c.Row >= 0 {
			e.What += fmt.Sprintf(", row %d of the batch,", c.Row)
		}
	default:
		e.Layer = n.Scope()
		e.What = fmt.Sprintf("the result of %v, shape %v,", n.Op(), n.Shape())
	}
	return e
}
