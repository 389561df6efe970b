package train

// This file traces steps: NewStep and what its function is given.

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/mem"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
)

// noPasses turns the compiler's passes off, to show that they change no bit.
var noPasses = os.Getenv("CORNU_PASSES") == "off"

// keepZeros lets products multiply by zeros, to measure what it costs.
var keepZeros = os.Getenv("CORNU_ZEROS") == "keep"

// A StepBuilder traces one step. What goes wrong is kept and returned by
// NewStep, so that the functions here can be chained without checks.
type StepBuilder struct {
	step    *Step
	graph   *graph.Graph
	slabs   map[*slab.Slab]*graph.Node
	nodes   map[*layer.Variable]*graph.Node
	updated map[*layer.Variable]bool          // by the step
	given   map[*layer.Variable][]*graph.Node // the values that networks gave, the last is the present one
	masks   map[*graph.Node]*graph.Node       // of networks' outputs
	err     error
	memory  error // there is not enough, and what else is wrong follows from that
}

// NewStep traces build once and returns the step that it describes. seed keys
// the step's random numbers: dropout's and those of shuffles.
func NewStep(seed uint64, build func(s *StepBuilder)) (*Step, error) {
	s := &StepBuilder{}
	s.made()
	s.step.seed = seed
	if build == nil {
		return nil, errors.New("train: NewStep needs a function that says what the step does")
	}
	build(s)
	if err := cmp.Or(s.memory, s.graph.Err(), s.err); err != nil {
		return nil, err
	}
	s.step.program.Graph = s.graph
	s.step.feeds = feedsOf(s.step.inputs, s.step.targets)
	for _, m := range s.step.meters {
		s.step.program.Outputs = append(s.step.program.Outputs, m.nodes...)
	}
	s.step.program.Outputs = append(s.step.program.Outputs, s.step.outputs...)
	for _, n := range s.graph.Nodes() {
		s.step.rows = max(s.step.rows, n.Attr().Rows)
	}
	s.step.slabs, s.step.writes = slab.Ordered(slices.Collect(maps.Keys(s.slabs))), len(s.step.program.Updates) > 0
	return s.step, nil
}

// made gives the zero value, which NewStep has not made, what the methods use, so that none panics.
func (s *StepBuilder) made() {
	if s.graph != nil {
		return
	}
	*s = StepBuilder{
		graph: graph.New(),
		step:  &Step{storage: map[*graph.Node]slab.Span{}},
		slabs: map[*slab.Slab]*graph.Node{}, nodes: map[*layer.Variable]*graph.Node{},
		updated: map[*layer.Variable]bool{}, given: map[*layer.Variable][]*graph.Node{},
	}
}

// Graph returns the graph that the step is traced into.
func (s *StepBuilder) Graph() *graph.Graph {
	s.made()
	return s.graph
}

// Fail makes NewStep return err, unless it has an error already.
func (s *StepBuilder) Fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Input returns a node that is fed from the next of the batch's inputs. shape
// begins with tensor.Batch, or is the same for batches of all sizes. If it is held to
// integers, by the node's Integers, a batch with another number ends in a *data.IntegerError.
func (s *StepBuilder) Input(name string, shape tensor.Shape) *graph.Node {
	s.made()
	n := s.feed(name, shape, func() *graph.Node { return s.graph.Input(name, shape) })
	s.step.inputs = append(s.step.inputs, n)
	return n
}

// Target returns a node that is fed from the next of the batch's targets.
func (s *StepBuilder) Target(name string, shape tensor.Shape) *graph.Node {
	s.made()
	n := s.feed(name, shape, func() *graph.Node { return s.graph.Input(name, shape) })
	s.step.targets = append(s.step.targets, n)
	return n
}

// feed returns what input makes, if the shape can be that of what is fed.
func (s *StepBuilder) feed(name string, shape tensor.Shape, input func() *graph.Node) *graph.Node {
	if len(shape) > 0 && shape[1:].HasBatch() {
		return s.graph.Fail("input %q of shape %v: only the first dimension may be that of the batch", name, shape)
	}
	return input()
}

// Labels is Target for labels: a batch with a label that is neither a whole number
// from 0 to classes-1 nor one of the others ends in a *data.LabelError.
func (s *StepBuilder) Labels(name string, shape tensor.Shape, classes int, others ...int) *graph.Node {
	s.made()
	n := s.feed(name, shape, func() *graph.Node { return s.graph.Integers(name, shape, classes, others...) })
	s.step.targets = append(s.step.targets, n)
	return n
}

// SampleWeight returns the node of shape [batch] that is fed with the weights of
// the samples: the first of the batch's weights.
func (s *StepBuilder) SampleWeight() *graph.Node {
	s.made()
	if len(s.step.weights) > 0 {
		return s.step.weights[0]
	}
	return s.Weight("sample_weight", tensor.Shape{tensor.Batch})
}

// Weight returns a node that is fed from the next of the batch's weights.
func (s *StepBuilder) Weight(name string, shape tensor.Shape) *graph.Node {
	s.made()
	n := s.feed(name, shape, func() *graph.Node { return s.graph.Input(name, shape) })
	s.step.weights = append(s.step.weights, n)
	return n
}

// fits keeps an error that says that there is not enough memory.
func (s *StepBuilder) fits(err error) bool {
	s.memory = cmp.Or(s.memory, err)
	return err == nil
}

// Variable returns the node of a variable: the part of its slab that holds it.
func (s *StepBuilder) Variable(v *layer.Variable) *graph.Node {
	s.made()
	if v == nil {
		return s.graph.Fail("a variable is nil")
	}
	if n := s.nodes[v]; n != nil {
		return n
	}
	if !s.fits(slab.Store(v)) {
		return s.graph.Fail("variable %q has no storage", v.Path)
	}
	span := slab.SpanOf(v)
	whole := s.slabs[span.Slab]
	if whole == nil {
		whole = s.state(fmt.Sprintf("weights_%d", len(s.slabs)), span.Slab.All())
		s.slabs[span.Slab] = whole
	}
	n := whole.View(span.Offset, v.Shape).Float32()
	s.nodes[v] = n
	s.step.variables = append(s.step.variables, v)
	return n
}

// state returns a Param node stored in a span.
func (s *StepBuilder) state(name string, span slab.Span) *graph.Node {
	n := s.graph.Stored(name, tensor.Shape{span.Len}, dtypes[span.Slab.Kind()])
	s.step.storage[n] = span
	return n
}

// dtypes are the element types that slabs have.
var dtypes = map[number.Kind]graph.DType{number.Float32: graph.Float32, number.BFloat16: graph.BFloat16, number.Float16: graph.Float16}

// Network emits a network's nodes. The penalties of its regularizers and the
// losses that layers added come back as one scalar, nil if there are none. A
// network may be traced into a step more than once; what its layers keep track of
// then goes on from one to the next.
func (s *StepBuilder) Network(n *layer.Network, training bool, in ...*graph.Node) (out []*graph.Node, penalty *graph.Node) {
	s.made()
	if n == nil {
		return []*graph.Node{s.graph.Fail("a network is nil: the model is not built")}, nil
	}
	if !slices.Contains(s.step.networks, n) {
		s.step.networks = append(s.step.networks, n)
	}
	if !s.fits(slab.Store(n.Variables()...)) || !s.fits(slab.Store(n.States()...)) {
		return []*graph.Node{s.graph.Fail("the network's variables have no storage")}, nil
	}
	c := layer.NewContext(s.graph, training)
	for _, v := range slices.Concat(n.Variables(), n.States()) {
		c.Bind(v, s.present(v))
	}
	out = n.Trace(c, in)
	for _, y := range out {
		if m := c.Mask(y); m != nil {
			if s.masks == nil {
				s.masks = map[*graph.Node]*graph.Node{}
			}
			s.masks[y] = m
		}
	}
	for _, u := range c.Updates() {
		s.release(u.Variable) // where the same network was traced before
		s.Assign(u.Variable, u.Value)
		s.given[u.Variable] = append(s.given[u.Variable], u.Value)
	}
	for _, l := range append(c.Losses(), n.Penalties(c)...) {
		if penalty == nil {
			penalty = l
		} else {
			penalty = penalty.Add(l)
		}
	}
	return out, penalty
}

// Mask returns which steps of an output of Network count: (batch, steps), 1 or 0; nil if all do.
func (s *StepBuilder) Mask(output *graph.Node) *graph.Node { return s.masks[output] }

// present returns the node of a variable, or what a network has given it.
func (s *StepBuilder) present(v *layer.Variable) *graph.Node {
	if given := s.given[v]; len(given) > 0 {
		return given[len(given)-1]
	}
	return s.Variable(v)
}

// release takes back that a network has given v a value.
func (s *StepBuilder) release(v *layer.Variable) {
	if s.given[v] != nil {
		s.updated[v] = false
		s.step.program.Updates = slices.DeleteFunc(s.step.program.Updates, func(old plan.Update) bool { return old.Param == s.nodes[v] })
	}
}

// Assign gives v a new value at the end of the step. All new values are computed
// from the old ones, whatever the order.
func (s *StepBuilder) Assign(v *layer.Variable, value *graph.Node) {
	s.made()
	param := s.Variable(v)
	if !param.Valid() || !s.claim(v) {
		return
	}
	if value.Valid() && !value.Shape().Equal(v.Shape) {
		s.graph.Fail("variable %q has shape %v, its new value has %v", v.Path, v.Shape, value.Shape())
		return
	}
	s.step.program.Updates = append(s.step.program.Updates, plan.Update{Param: param, Value: s.owned(value)})
}

// claim makes sure that nothing else in the step changes v.
func (s *StepBuilder) claim(v *layer.Variable) bool {
	if kind := slab.SpanOf(v).Slab.Kind(); kind != number.Float32 {
		s.graph.Fail("variable %q is stored as %s, which a step can't change: a model is trained with weights that are float32", v.Path, kind)
		return false
	}
	if s.updated[v] {
		s.graph.Fail("variable %q is changed twice in one step", v.Path)
		return false
	}
	s.updated[v] = true
	return true
}

// owned returns n if it is a node of this step's graph, and else a poisoned node.
func (s *StepBuilder) owned(n *graph.Node) *graph.Node {
	if !n.Valid() || n.Graph() != s.graph {
		return s.graph.Fail("a node is nil or of another graph")
	}
	return n
}

// Output keeps a result to be read whole after each run.
func (s *StepBuilder) Output(n *graph.Node) {
	s.made()
	s.step.outputs = append(s.step.outputs, s.owned(n))
}

// Mean measures the mean of a scalar over the samples of all batches under the
// name.
func (s *StepBuilder) Mean(name string, n *graph.Node) {
	s.made()
	if n = s.owned(n); n.Valid() && n.Rank() != 0 {
		s.graph.Fail("the mean of %q is taken of a scalar for each batch, got shape %v", name, n.Shape())
	}
	s.fresh(name)
	s.step.meters = append(s.step.meters, &meter{
		name: name, nodes: []*graph.Node{n}, mean: true, state: [][]float64{{0}, {0}}, result: meanResult,
	})
}

// Metric measures a metric of an output under the name. weight may be nil.
func (s *StepBuilder) Metric(name string, m metric.Metric, yTrue, yPred, weight *graph.Node) {
	s.made()
	if err := config.Check(fmt.Sprintf("metric %q", name), m); err != nil {
		s.graph.Fail("%v", err)
		return
	}
	s.fresh(name)
	meter := &meter{name: name, direction: metric.DirectionOf(m), nodes: m.Update(yTrue, yPred, weight), result: m.Result}
	if v, ok := m.(metric.Vector); ok {
		meter.vector = v.Results
	}
	for i, n := range meter.nodes {
		meter.nodes[i] = s.owned(n)
		if n.Shape().HasBatch() {
			s.Fail(fmt.Errorf("metric %s: a total of shape %v depends on the batch; its size must be fixed", name, n.Shape()))
			return
		}
		if !s.fits(mem.Check(n.Shape().Numel(), 8, "metric %s: totals of shape %v", name, n.Shape())) {
			return
		}
		meter.state = append(meter.state, make([]float64, n.Shape().Numel()))
	}
	s.step.meters = append(s.step.meters, meter)
}

// fresh makes sure that a name of a measure is the only one.
func (s *StepBuilder) fresh(name string) {
	if slices.ContainsFunc(s.step.meters, func(m *meter) bool { return m.name == name }) {
		s.graph.Fail("two measures are called %q", name)
	}
}

// reaches reports whether a node is made of one of others, other than as a constant.
func reaches(from *graph.Node, others []*graph.Node) bool {
	wanted, seen := map[*graph.Node]bool{}, map[*graph.Node]bool{}
	for _, n := range others {
		wanted[n] = true
	}
	next := []*graph.Node{from}
	for len(next) > 0 {
		n := next[len(next)-1]
		next = next[:len(next)-1]
		if wanted[n] {
			return true
		}
		if !seen[n] && n.Op() != graph.OpStopGradient {
			next = append(next, n.Inputs()...)
		}
		seen[n] = true
	}
	return false
}

// Minimize emits the gradients of loss, a scalar, and one step of the optimizer
// over the variables. The step fails, and changes nothing, if the loss or a
// gradient is not finite. Where a network has given a variable new values, as
// layer.SpectralNormalization does, its gradient is the sum of those of all its values, and
// the optimizer goes on from the last.
func (s *StepBuilder) Minimize(loss *graph.Node, o *Optimizer, variables ...*layer.Variable) {
	s.made()
	loss = s.owned(loss)
	switch {
	case o == nil || o.rule == nil && o.err == nil:
		s.graph.Fail("Minimize: the optimizer is nil: NewOptimizer makes one")
	case o.err != nil:
		s.graph.Fail("Minimize: %v", o.err)
	case loss.Valid() && loss.Rank() != 0:
		s.graph.Fail("Minimize: the loss must be a scalar, it has shape %v", loss.Shape())
	}
	for _, v := range variables {
		if s.Variable(v).Valid() {
			s.release(v)
			s.claim(v)
		}
	}
	if s.graph.Err() != nil {
		return
	}
	var arrays []slab.Array
	for _, v := range s.step.variables {
		arrays = append(arrays, slab.Array{Path: v.Path, Shape: v.Shape})
		if slices.Contains(variables, v) {
			arrays[len(arrays)-1].Copies = 1 + len(optimizer.Slots(o.rule))
		}
	}
	if !s.fits(slab.Fit(arrays)) {
		return
	}
	s.step.optimizers = append(s.step.optimizers, o)
	s.step.program.Checks = append(s.step.program.Checks, loss)
	variables = slices.Clone(variables)
	order := map[*slab.Slab]int{}
	for _, v := range variables {
		if in := slab.SpanOf(v).Slab; order[in] == 0 {
			order[in] = 1 + len(order)
		}
	}
	slices.SortStableFunc(variables, func(a, b *layer.Variable) int {
		p, q := slab.SpanOf(a), slab.SpanOf(b)
		return cmp.Or(cmp.Compare(order[p.Slab], order[q.Slab]), cmp.Compare(p.Offset, q.Offset))
	})
	var nodes []*graph.Node
	for _, v := range variables {
		nodes = append(append(nodes, s.Variable(v)), s.given[v]...)
	}
	if len(nodes) > 0 && !reaches(loss, nodes) {
		s.graph.Fail("Minimize: the loss depends on none of the %d variables, of which %s is the first: no gradient reaches them", len(variables), variables[0].Path)
		return
	}
	scalars := map[string]*graph.Node{}
	host := func(name string, f func(o *Optimizer) float64) *graph.Node {
		if scalars[name] == nil {
			scalars[name] = s.graph.Input(name, tensor.Shape{})
			s.step.scalars = append(s.step.scalars, scalar{scalars[name], o, f})
		}
		return scalars[name]
	}
	u := optimizer.Update{HostScalar: func(name string, f func(rate float64, step uint64) float64) *graph.Node {
		return host(name, func(o *Optimizer) float64 { return f(o.LearningRate(), o.update()) })
	}}
	grads := s.total(variables, s.gradients(loss, o, host, nodes))
	tables := s.tables(o, variables, grads)
	whole := slices.DeleteFunc(slices.Clone(variables), func(v *layer.Variable) bool { return tables[v] != nil })
	runs := runsOf(whole)
	if o.common.GradientAccumulationSteps > 0 {
		u.Due = host("due", (*Optimizer).due)
		for i := range runs {
			s.accumulate(o, u.Due, &runs[i], grads)
		}
	}
	grads = o.common.Clip.Gradients(grads)
	var rest []*graph.Node
	for i, v := range variables {
		if tables[v] == nil {
			rest = append(rest, grads[i])
		} else {
			s.optimizeRows(o, u, v, tables[v], grads[i])
		}
	}
	for i := range runs {
		s.optimize(o, u, &runs[i], rest)
	}
}

// total adds up the gradients of each variable's values.
func (s *StepBuilder) total(variables []*layer.Variable, all []*graph.Node) []*graph.Node {
	grads := make([]*graph.Node, len(variables))
	for i, v := range variables {
		grads[i] = all[0]
		for _, g := range all[1:][:len(s.given[v])] {
			grads[i] = grads[i].Add(g)
		}
		all = all[1+len(s.given[v]):]
	}
	return grads
}

// gradients emits the gradients of loss, which is scaled before them if o says so,
// and they back.
func (s *StepBuilder) gradients(loss *graph.Node, o *Optimizer, host func(string, func(*Optimizer) float64) *graph.Node, nodes []*graph.Node) []*graph.Node {
	var scale *graph.Node
	switch {
	case o.scale != nil:
		scale = host("loss_scale", (*Optimizer).LossScale)
	case o.common.LossScaleFactor > 0:
		scale = s.graph.Scalar(o.common.LossScaleFactor)
	default:
		return graph.Gradients(loss, nodes...)
	}
	grads := graph.Gradients(loss.Mul(scale), nodes...)
	if o.scale != nil { // clipping could hide what is not finite
		s.step.losses = append(s.step.losses, loss)
		s.step.program.Outputs = append(s.step.program.Outputs, loss)
		s.step.program.Checks = append(s.step.program.Checks, grads...)
	}
	for i := range grads {
		grads[i] = grads[i].Div(scale)
	}
	return grads
}

// A run is variables that lie next to each other, and are updated as one flat
// array.
type run struct {
	first     int // the place of the first among all
	place     slab.Span
	variables []*layer.Variable
	offsets   []int // from the begin of the run
	size      int
	slots     []*graph.Node
	sum       *graph.Node // what the slot of accumulated gradients becomes
}

// runsOf cuts variables, which are in the order of their places, into runs.
func runsOf(variables []*layer.Variable) []run {
	var runs []run
	for first := 0; first < len(variables); {
		r := run{first: first, place: slab.SpanOf(variables[first])}
		for _, v := range variables[first:] {
			place := slab.SpanOf(v)
			at := place.Offset - r.place.Offset
			if place.Slab != r.place.Slab || at != r.size {
				break
			}
			r.offsets = append(r.offsets, at)
			r.size += slab.Padded(place.Len)
		}
		first += len(r.offsets)
		r.variables = variables[r.first:first]
		runs = append(runs, r)
	}
	return runs
}

// slots returns o's state of a run.
func (s *StepBuilder) slots(o *Optimizer, r *run) []*graph.Node {
	if r.slots == nil {
		for i, span := range o.state(r) {
			r.slots = append(r.slots, s.state(optimizer.Slots(o.rule)[i].Name, span))
		}
	}
	return r.slots
}

// accumulate replaces the gradients of a run by their means over the steps that
// are accumulated.
func (s *StepBuilder) accumulate(o *Optimizer, due *graph.Node, r *run, grads []*graph.Node) {
	grads = grads[r.first:][:len(r.variables)]
	slots := s.slots(o, r)
	var sums []*graph.Node
	for i, v := range r.variables {
		sums = append(sums, slots[len(slots)-1].View(r.offsets[i], v.Shape))
	}
	means, next := o.common.Accumulate(due, grads, sums)
	copy(grads, means)
	r.sum = graph.Pack(r.size, r.offsets, next...)
}

// optimize emits the update of a run.
func (s *StepBuilder) optimize(o *Optimizer, u optimizer.Update, r *run, grads []*graph.Node) {
	u.Offsets = r.offsets
	for _, v := range r.variables {
		u.Shapes = append(u.Shapes, v.Shape)
		u.Paths = append(u.Paths, v.Path)
	}
	param := s.slabs[r.place.Slab].View(r.place.Offset, tensor.Shape{r.size})
	u.Param, u.Grad = s.presentRun(param, r), graph.Pack(r.size, r.offsets, grads[r.first:][:len(r.variables)]...)
	s.step.program.Checks = append(s.step.program.Checks, u.Grad)
	u.Slots = slices.Clone(s.slots(o, r))
	if r.sum != nil {
		u.Slots = u.Slots[:len(u.Slots)-1]
	}
	s.graph.PushScope(o.rule.Name())
	optimizer.Step(o.rule, &u)
	s.graph.PopScope()
	if r.sum != nil {
		u.Slots = append(u.Slots, r.sum)
	}
	if slices.ContainsFunc(r.variables, func(v *layer.Variable) bool { return v.Constraint != nil }) {
		u.Param = constrained(u.Param, r.size, r.offsets, r.variables)
	}
	s.step.program.Updates = append(s.step.program.Updates, plan.Update{Param: param, Value: u.Param})
	for i, slot := range r.slots {
		s.step.program.Updates = append(s.step.program.Updates, plan.Update{Param: slot, Value: u.Slots[i]})
	}
}

// presentRun returns the variables of a run, param where no network has given one of them a value.
func (s *StepBuilder) presentRun(param *graph.Node, r *run) *graph.Node {
	if !slices.ContainsFunc(r.variables, func(v *layer.Variable) bool { return s.given[v] != nil }) {
		return param
	}
	parts := make([]*graph.Node, len(r.variables))
	for i, v := range r.variables {
		parts[i] = s.present(v)
	}
	return graph.Pack(r.size, r.offsets, parts...)
}

// constrained projects the variables that have a constraint.
func constrained(param *graph.Node, size int, offsets []int, variables []*layer.Variable) *graph.Node {
	parts := make([]*graph.Node, len(variables))
	for i, v := range variables {
		parts[i] = param.View(offsets[i], v.Shape)
		if v.Constraint != nil {
			parts[i] = v.Constraint.Project(parts[i])
		}
	}
	return graph.Pack(size, offsets, parts...)
}
