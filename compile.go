package cornu

// This file says what a model is trained for, and traces its steps.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/number"
	"github.com/cornu-ml/cornu/internal/slab"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/tensor"
	"github.com/cornu-ml/cornu/train"
)

// A CompileConfig says what a model is trained for.
type CompileConfig struct {
	Loss          loss.Loss           // of every output; see Losses
	Losses        []loss.Loss         // of each output in its place, instead of Loss; a nil one has none
	LossWeights   []float64           // of each output; nil: all 1
	Optimizer     optimizer.Optimizer // nil: RMSprop, as in Keras
	Metrics       []metric.Metric     // of every output
	OutputMetrics [][]metric.Metric   // of each output, beside Metrics

	// WeightedMetrics are of every output, and count the samples by their
	// weights, as the loss does. Metrics and OutputMetrics don't.
	WeightedMetrics       []metric.Metric
	OutputWeightedMetrics [][]metric.Metric // of each output, beside WeightedMetrics

	// Outputs says by the names of the outputs, those of their layers, what each is
	// trained for, instead of Loss and of what says it by their places. All outputs
	// are named.
	Outputs map[string]OutputConfig
}

// An OutputConfig says what one output of a model is trained for.
type OutputConfig struct {
	Loss            loss.Loss // nil: none
	LossWeight      *float64  // in the total loss; nil is 1
	Metrics         []metric.Metric
	WeightedMetrics []metric.Metric
}

// A ShapeError says that data, a layer and what is asked of them don't fit.
type ShapeError struct {
	Layer string       // the layer that the data meet
	What  string       // "input", "target" or "sample weight"
	Got   tensor.Shape // of the data
	Want  tensor.Shape // of the layer
}

// Error describes the misfit.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("cornu: layer %q: the data's %s has shape %v, want %v", e.Layer, e.What, e.Got, e.Want)
}

// A BytesError says that bytes became other numbers than those that the model was trained on.
type BytesError struct {
	Input int        // of the model
	Got   data.Range // what bytes 0 and 255 became now
	Want  data.Range // and in the training
}

// Error describes the misfit.
func (e *BytesError) Error() string {
	return fmt.Sprintf("cornu: input %d holds bytes as numbers from %v to %v, but the model was trained on bytes as numbers from %v to %v: scale them alike, by data.Scaled (data.Pixels: 0 to 1) or tensor.FromBytes(x, %v, %v)",
		e.Input, e.Got.Low, e.Got.High, e.Want.Low, e.Want.High, e.Want.Low, e.Want.High)
}

// Compile says what the model is trained for. It returns the first mistake made
// in building the model, and checks that the losses fit the outputs; after an
// error all is as it was. Compiling again starts with a fresh optimizer.
func (m *Model) Compile(cfg CompileConfig) error {
	if err := m.hold("Compile"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	return m.compile(cfg)
}

func (m *Model) compile(cfg CompileConfig) error {
	if cfg.Optimizer == nil {
		cfg.Optimizer = optimizer.RMSprop{}
	}
	if err := cfg.usable(); err != nil {
		return fmt.Errorf("cornu: Compile: %w", err)
	}
	if m.err != nil {
		return m.err
	}
	if m.net == nil && !m.sequential {
		return errors.New("cornu: the model has no layers")
	}
	if m.net != nil {
		if err := m.place(&cfg); err != nil {
			return err
		}
		if err := m.check(&cfg); err != nil {
			return err
		}
	}
	m.compiled, m.steps = &cfg, nil
	m.optimizer = train.NewOptimizer(cfg.Optimizer)
	return nil
}

// Compiled returns what the model was compiled with, or what the file says that it was
// loaded from: defaults are filled in, and what was said of outputs by their names stands
// in their places. It is false if the model is not compiled.
func (m *Model) Compiled() (cfg CompileConfig, ok bool) {
	if m.compiled == nil {
		return CompileConfig{}, false
	}
	return *m.compiled, true
}

// place puts what cfg says of outputs by name in their places.
func (m *Model) place(cfg *CompileConfig) error {
	if cfg.Outputs == nil {
		return nil
	}
	outputs, err := byOutput(m, cfg.Outputs)
	if err != nil {
		return fmt.Errorf("cornu: Compile: Outputs: %w", err)
	}
	names := m.outputNames()
	for i, out := range outputs {
		if _, ok := cfg.Outputs[names[i]]; !ok {
			return fmt.Errorf("cornu: Compile: Outputs lacks %q, an output of the model: an entry without a Loss leaves it without one", names[i])
		}
		weight := 1.0
		if out.LossWeight != nil {
			weight = *out.LossWeight
		}
		cfg.Losses = append(cfg.Losses, out.Loss)
		cfg.LossWeights = append(cfg.LossWeights, weight)
		cfg.OutputMetrics = append(cfg.OutputMetrics, out.Metrics)
		cfg.OutputWeightedMetrics = append(cfg.OutputWeightedMetrics, out.WeightedMetrics)
	}
	cfg.Outputs = nil
	return nil
}

// ByOutput puts values that are given by the names of the model's outputs in the
// order of the outputs: the targets of a source, say, or the weights of samples.
//
//	y, err := cornu.ByOutput(model, map[string]data.Column{"kind": kinds, "size": sizes})
//
// Where an output has none there is a zero value. A name that no output has is
// an error.
func ByOutput[T any](m *Model, values map[string]T) ([]T, error) {
	if m == nil {
		return nil, errNotBuilt
	}
	m.settle()
	if m.err != nil {
		return nil, m.err
	}
	if m.net == nil {
		return nil, errNotBuilt
	}
	list, err := byOutput(m, values)
	if err != nil {
		return nil, fmt.Errorf("cornu: ByOutput: %w", err)
	}
	return list, nil
}

func byOutput[T any](m *Model, values map[string]T) ([]T, error) {
	names := m.outputNames()
	list := make([]T, len(names))
	found := 0
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("two outputs are called %q: go by their places", name)
		}
		value, ok := values[name]
		if ok {
			found++
		}
		list[i] = value
	}
	if found < len(values) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("no output is called %q: the model's are %s", name, strings.Join(names, ", "))
			}
		}
	}
	return list, nil
}

// outputNames lists the names of the outputs.
func (m *Model) outputNames() []string {
	var names []string
	for _, out := range m.net.Outputs() {
		names = append(names, m.net.Name(out.Layer()))
	}
	return names
}

// usable returns an error unless everything in the configuration can be used.
func (cfg *CompileConfig) usable() error {
	if err := optimizer.Check(cfg.Optimizer); err != nil {
		return err
	}
	if cfg.Loss == nil && cfg.Losses == nil && cfg.Outputs == nil {
		return errors.New("it needs a Loss")
	}
	if cfg.Outputs != nil && (cfg.Loss != nil || cfg.Losses != nil || cfg.LossWeights != nil || cfg.OutputMetrics != nil || cfg.OutputWeightedMetrics != nil) {
		return errors.New("the field Outputs takes the place of Loss, Losses, LossWeights, OutputMetrics and OutputWeightedMetrics: give one or the other")
	}
	losses := append([]loss.Loss{cfg.Loss}, cfg.Losses...)
	metrics := slices.Concat([][]metric.Metric{cfg.Metrics, cfg.WeightedMetrics}, cfg.OutputMetrics, cfg.OutputWeightedMetrics)
	for _, name := range slices.Sorted(maps.Keys(cfg.Outputs)) {
		out := cfg.Outputs[name]
		losses, metrics = append(losses, out.Loss), append(metrics, out.Metrics, out.WeightedMetrics)
	}
	for _, l := range losses {
		if l == nil {
			continue // an output without a loss
		}
		if err := config.Check("a loss", l); err != nil {
			return err
		}
	}
	for _, m := range slices.Concat(metrics...) {
		if err := config.Check("a metric", m); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error unless the losses fit the outputs. It traces a training
// step for the targets that the losses expect.
func (m *Model) check(cfg *CompileConfig) error {
	outputs := m.net.Outputs()
	if err := lengths(cfg, len(outputs)); err != nil {
		return err
	}
	net, err := m.net.Example()
	if err != nil {
		return fmt.Errorf("cornu: Compile: %w", err)
	}
	spec := data.Spec{X: samples(net.Feeds())}
	for i, out := range net.Outputs() {
		target := out.Shape()
		if fitter, ok := cfg.lossOf(i).(loss.Fitter); ok {
			want, err := fitter.TargetShape(target)
			if err != nil {
				return &loss.Error{Loss: cfg.lossOf(i).Name(), Layer: m.net.Name(out.Layer()), Output: target, Target: target, Msg: err.Error()}
			}
			target = want
		}
		spec.Y = append(spec.Y, target[1:])
	}
	copies := 1 + len(optimizer.Slots(cfg.Optimizer)) // of what is trained: its gradient and slots
	o := train.NewOptimizer(cfg.Optimizer)
	if m.untrainable() != nil {
		copies, o = 0, nil
	}
	var arrays []slab.Array
	for _, v := range m.net.Variables() {
		arrays = append(arrays, slab.Array{Path: v.Path, Shape: v.Shape})
		if s := slab.SpanOf(v).Slab; s != nil {
			arrays[len(arrays)-1].Size = s.Kind().Size()
		}
		if m.net.Trainable(v) {
			arrays[len(arrays)-1].Copies = copies
		}
	}
	if err := slab.Fit(arrays); err != nil {
		return fmt.Errorf("cornu: Compile: %w", err)
	}
	if err := slab.Store(m.net.Variables()...); err != nil {
		return fmt.Errorf("cornu: Compile: %w", err)
	}
	_, err = m.trace(cfg, o, spec)
	return err
}

// untrainable returns an error if a variable that would be trained is stored as less than float32.
func (m *Model) untrainable() error {
	for _, v := range m.net.Variables() {
		if s := slab.SpanOf(v).Slab; s != nil && s.Kind() != number.Float32 && m.net.Trainable(v) {
			return fmt.Errorf("weights such as %s are kept as %s, which predicts and evaluates but can't be trained: load the model without LoadConfig.Weights", v.Path, s.Kind())
		}
	}
	return nil
}

func lengths(cfg *CompileConfig, outputs int) error {
	for _, list := range []struct {
		name string
		n    int
		set  bool
	}{
		{"Losses", len(cfg.Losses), cfg.Losses != nil},
		{"LossWeights", len(cfg.LossWeights), cfg.LossWeights != nil},
		{"OutputMetrics", len(cfg.OutputMetrics), cfg.OutputMetrics != nil},
		{"OutputWeightedMetrics", len(cfg.OutputWeightedMetrics), cfg.OutputWeightedMetrics != nil},
	} {
		if list.set && list.n != outputs {
			return fmt.Errorf("cornu: Compile: %s has %d entries, the model has %d outputs", list.name, list.n, outputs)
		}
	}
	return nil
}

// lossOf returns the loss of output i, nil if it has none.
func (cfg *CompileConfig) lossOf(i int) loss.Loss {
	if cfg.Losses != nil {
		return cfg.Losses[i]
	}
	return cfg.Loss
}

// losses returns how many of the outputs have a loss.
func (cfg *CompileConfig) losses(outputs int) int {
	n := 0
	for i := range outputs {
		if cfg.lossOf(i) != nil {
			n++
		}
	}
	return n
}

// labels returns how many classes there are if the targets of output i are labels,
// else 0, and which other labels the loss allows.
func (cfg *CompileConfig) labels(i int, output tensor.Shape) (classes int, others []int) {
	if c, ok := cfg.lossOf(i).(loss.Classifier); ok {
		return c.Classes(output)
	}
	return 0, nil
}

func (cfg *CompileConfig) metricsOf(i int) []metric.Metric {
	metrics := cfg.Metrics
	if cfg.OutputMetrics != nil {
		metrics = append(metrics[:len(metrics):len(metrics)], cfg.OutputMetrics[i]...)
	}
	return metrics
}

func (cfg *CompileConfig) weightedMetricsOf(i int) []metric.Metric {
	metrics := cfg.WeightedMetrics
	if cfg.OutputWeightedMetrics != nil {
		metrics = append(metrics[:len(metrics):len(metrics)], cfg.OutputWeightedMetrics[i]...)
	}
	return metrics
}

// samples returns the shapes of nodes, without the batch.
func samples(nodes []*layer.Node) []tensor.Shape {
	var shapes []tensor.Shape
	for _, x := range nodes {
		shapes = append(shapes, x.Shape()[1:])
	}
	return shapes
}

// A stepKey tells steps apart: by what they do, by the data's shapes, and by the
// layers that are frozen, which may change at any time.
type stepKey struct {
	training bool
	shapes   string
	frozen   string
}

// step returns the step for training or evaluation on data of the source's
// description, whose labels are labels'.
func (m *Model) step(training bool, source, labels data.Source) (*train.Step, error) {
	spec, err := data.SpecOf(source)
	if err != nil {
		return nil, fmt.Errorf("cornu: %w", err)
	}
	if err := m.ready(); err != nil {
		return nil, err
	}
	if m.compiled == nil {
		return nil, fmt.Errorf("cornu: %w", ErrNotCompiled)
	}
	if err := m.fits(spec, labels); err != nil {
		return nil, err
	}
	if training {
		if err := m.untrainable(); err != nil {
			return nil, fmt.Errorf("cornu: %w", err)
		}
	} else if err := m.sees(spec.Bytes); err != nil {
		return nil, err
	}
	if spec, err = m.fed(source); err != nil {
		return nil, fmt.Errorf("cornu: %w", err)
	}
	key := stepKey{training, fmt.Sprint(spec.X, spec.Y, spec.W), m.frozen()}
	if m.net.Open() {
		key.shapes = fmt.Sprint(ranks(spec.X), ranks(spec.Y), ranks(spec.W)) // one step has all sizes
	}
	if s := m.steps[key]; s != nil {
		return s, nil
	}
	var o *train.Optimizer
	if training {
		o = m.optimizer
	}
	cfg := m.compiled
	s, err := m.varying(spec, func(spec data.Spec) (*train.Step, error) { return m.trace(cfg, o, spec) })
	if err != nil {
		return nil, err
	}
	if m.steps == nil {
		m.steps = map[stepKey]*train.Step{}
	}
	m.steps[key] = s
	return s, nil
}

// varying returns the step that trace makes, for all sizes that what the network is fed with may have.
func (m *Model) varying(spec data.Spec, trace func(data.Spec) (*train.Step, error)) (*train.Step, error) {
	if !m.net.Open() {
		return trace(spec)
	}
	spec, err := m.known(spec)
	if err != nil {
		return nil, fmt.Errorf("cornu: %w", err)
	}
	s, err := trace(spec)
	if err == nil {
		s.Vary(spec, trace)
	}
	return s, err
}

// known returns a spec in which the sizes that aren't known are those of some batch: of the first bucket, or of an example.
func (m *Model) known(spec data.Spec) (data.Spec, error) {
	if len(spec.Buckets) > 0 && !slices.ContainsFunc(spec.Buckets[0].X, tensor.Shape.HasBatch) {
		return spec.Buckets[0], nil
	}
	net, err := m.net.Example()
	if err != nil {
		return spec, err
	}
	fill := func(list, from []tensor.Shape) []tensor.Shape {
		list = slices.Clone(list)
		for i, shape := range list {
			shape = shape.Clone()
			for k, d := range shape {
				if d == tensor.None && k < len(from[min(i, len(from)-1)]) {
					shape[k] = from[min(i, len(from)-1)][k]
				}
			}
			list[i] = shape
		}
		return list
	}
	spec.X = fill(spec.X, samples(net.Feeds()))
	if net, err = m.net.At(spec.X); err != nil {
		return spec, err
	}
	spec.Y, spec.W = fill(spec.Y, samples(net.Outputs())), fill(spec.W, samples(net.Outputs()))
	return spec, nil
}

// ranks returns how many axes each shape has.
func ranks(shapes []tensor.Shape) []int {
	list := make([]int, len(shapes))
	for i, s := range shapes {
		list[i] = len(s)
	}
	return list
}

// frozen says of each layer whether it is frozen, by itself or with the model. One without variables
// that are trained may ask for it too.
func (m *Model) frozen() string {
	var b strings.Builder
	all := m.net.Frozen()
	for _, l := range m.net.All() {
		if all || layer.Frozen(l) {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

// fits returns an error unless the data have the model's inputs and outputs, and
// labels that are classes.
func (m *Model) fits(spec data.Spec, labels data.Source) error {
	if c, ok := labels.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return fmt.Errorf("cornu: %w", err)
		}
	}
	if spec.Len == 0 {
		return fmt.Errorf("cornu: %w", data.ErrEmpty)
	}
	if err := m.inputsFit(spec.X, spec.Types); err != nil {
		return err
	}
	outputs := m.net.Outputs()
	if len(spec.Y) != len(outputs) {
		return fmt.Errorf("cornu: the data have %d targets, the model has %d outputs", len(spec.Y), len(outputs))
	}
	if n := len(spec.W); n > 1 && n != len(outputs) {
		return fmt.Errorf("cornu: the data have %d weights for each sample, the model has %d outputs", n, len(outputs))
	}
	checker, ok := labels.(data.LabelChecker)
	for i, out := range outputs {
		classes, ignored := m.compiled.labels(i, out.Shape())
		if !ok || classes == 0 || ignored != nil {
			continue // a step looks at the labels too, batch by batch
		}
		if err := checker.CheckLabels(i, classes); err != nil {
			return fmt.Errorf("cornu: layer %q has %d classes: %w", m.net.Name(out.Layer()), classes, err)
		}
	}
	return nil
}

// inputsFit returns an error unless inputs of these shapes and types are the model's. There is a type for each, or none.
func (m *Model) inputsFit(shapes []tensor.Shape, types []tensor.DType) error {
	inputs := m.net.Inputs()
	if len(shapes) != len(inputs) {
		return fmt.Errorf("cornu: the data have %d inputs, the model has %d", len(shapes), len(inputs))
	}
	for i, in := range inputs {
		switch texts := i < len(types) && types[i] == tensor.String; {
		case in.Texts() && !texts:
			return fmt.Errorf("cornu: input %q takes texts, the data have numbers: see tensor.Of and data.Texts for texts", m.net.Name(in.Layer()))
		case !in.Texts() && texts:
			return fmt.Errorf("cornu: input %q takes numbers, the data have texts: an Input whose DType is tensor.String takes them, and a layer such as TextVectorization makes numbers of them", m.net.Name(in.Layer()))
		}
		if !shapes[i].Fits(in.Shape()[1:]) {
			return &ShapeError{Layer: m.net.Name(in.Layer()), What: "input", Got: batched(shapes[i]), Want: in.Shape()}
		}
	}
	return nil
}

// sees returns an error if bytes became other numbers than those that the model was
// trained on. What a model makes of them would look like predictions.
func (m *Model) sees(ranges []data.Range) error {
	for i, was := range m.bytes {
		none := data.Range{}
		if i < len(ranges) && ranges[i] != was && ranges[i] != none && was != none {
			return &BytesError{i, ranges[i], was}
		}
	}
	return nil
}

// batched puts the batch before the shape of a sample.
func batched(sample tensor.Shape) tensor.Shape {
	return append(tensor.Shape{tensor.Batch}, sample...)
}

// trace makes the step: of training if there is an optimizer, else of
// evaluation.
func (m *Model) trace(cfg *CompileConfig, o *train.Optimizer, spec data.Spec) (*train.Step, error) {
	net, err := m.net.At(spec.X)
	if err != nil {
		return nil, fmt.Errorf("cornu: %w", err)
	}
	return train.NewStep(m.seed, func(s *train.StepBuilder) {
		var inputs []*graph.Node
		for _, in := range net.Feeds() {
			inputs = append(inputs, s.Input(net.Name(in.Layer()), in.Shape()))
		}
		outputs, penalty := s.Network(m.net, o != nil, inputs...)
		var weights []*graph.Node
		for i, shape := range spec.W {
			name := "sample_weight"
			if len(spec.W) > 1 {
				name = net.Name(net.Outputs()[i].Layer()) + "_sample_weight"
			}
			weights = append(weights, s.Weight(name, batched(shape)))
		}
		t := tracing{s, net, cfg, weights, map[string]int{"loss": 1}}
		total := penalty
		for i, out := range outputs {
			if part := t.output(i, out, batched(spec.Y[i])); part != nil {
				total = plus(part, total)
			}
		}
		if total == nil {
			s.Fail(errors.New("cornu: no output has a loss"))
			return
		}
		s.Mean("loss", total)
		if o != nil {
			var variables []*layer.Variable
			for _, v := range net.Variables() {
				if net.Trainable(v) {
					variables = append(variables, v)
				}
			}
			s.Minimize(total, o, variables...)
		}
	})
}

func plus(a, b *graph.Node) *graph.Node {
	if b == nil {
		return a
	}
	return a.Add(b)
}

// A tracing is what the outputs of a step have in common.
type tracing struct {
	*train.StepBuilder
	net     *layer.Network
	cfg     *CompileConfig
	weights []*graph.Node  // of the samples: none, one, or one for each output
	taken   map[string]int // how often each name of a measure was asked for
}

// weight returns the weights of an output's samples, or of their steps, nil if all
// are 1. Weights may have an axis of 1 too many at the end.
func (t *tracing) weight(i int, out *layer.Node) *graph.Node {
	if len(t.weights) == 0 {
		return nil
	}
	w := t.weights[min(i, len(t.weights)-1)]
	got, want := w.Shape(), out.Shape()
	want = want[:max(len(want)-1, 1)]
	if last := len(got) - 1; got[last] == 1 && last > 0 && (last >= len(want) || want[last] != 1) {
		got = got[:last]
		w = w.Reshape(got...)
	}
	if len(got) > len(want) || !got.Equal(want[:len(got)]) {
		t.Fail(&ShapeError{Layer: t.net.Name(out.Layer()), What: "sample weight", Got: w.Shape(), Want: want[:min(len(got), len(want))]})
		return nil
	}
	return w
}

// output emits the loss and the metrics of one output, and returns the part that
// it has in the total loss, nil if none.
func (t *tracing) output(i int, yPred *graph.Node, target tensor.Shape) *graph.Node {
	node := t.net.Outputs()[i]
	name := t.net.Name(node.Layer())
	prefix := ""
	if len(t.net.Outputs()) > 1 {
		prefix = name + "_"
	}
	l := t.cfg.lossOf(i)
	if l != nil {
		if err := loss.Check(l, name, target, node.Shape()); err != nil {
			t.Fail(err)
			return nil
		}
	}
	var yTrue *graph.Node
	if classes, ignored := t.cfg.labels(i, node.Shape()); classes > 0 {
		yTrue = t.Labels(name+"_target", target, classes, ignored...)
	} else {
		yTrue = t.Target(name+"_target", target)
	}
	weight, mask := t.weight(i, node), t.Mask(yPred)
	for _, m := range t.cfg.metricsOf(i) {
		t.Metric(t.unique(prefix+m.Name()), m, yTrue, yPred, masked(m, nil, mask))
	}
	for _, m := range t.cfg.weightedMetricsOf(i) {
		name := prefix + m.Name()
		if t.taken[name] > 0 && !numbered(m) {
			name = prefix + "weighted_" + m.Name()
		}
		t.Metric(t.unique(name), m, yTrue, yPred, masked(m, weight, mask))
	}
	if l == nil {
		return nil
	}
	value := loss.Masked(l, yTrue, yPred, weight, mask)
	if !value.Valid() {
		t.Fail(&loss.Error{Loss: l.Name(), Layer: name, Output: node.Shape(), Target: target, Msg: "it gives no value"})
		return nil
	}
	if value.Rank() > 0 {
		t.Fail(&loss.Error{Loss: l.Name(), Layer: name, Output: node.Shape(), Target: target, Msg: "its reduction, none, leaves several values, and training needs one: use sum_over_batch_size or sum"})
		return nil
	}
	if t.cfg.losses(len(t.net.Outputs())) > 1 {
		t.Mean(t.unique(prefix+"loss"), value)
	}
	if t.cfg.LossWeights != nil {
		value = value.MulScalar(t.cfg.LossWeights[i])
	}
	return value
}

// masked returns the weights that a metric is given: where steps don't count they are 0, of those metrics that are
// means over all steps, as in Keras.
func masked(m metric.Metric, weight, mask *graph.Node) *graph.Node {
	m = metric.Unnamed(m)
	switch m.(type) {
	case metric.FBetaScore, metric.F1Score, metric.R2Score, metric.ConfusionMatrix, metric.RootMeanSquaredError, metric.Mean, metric.Sum:
		return weight
	}
	switch {
	case mask == nil || numbered(m):
		return weight
	case weight == nil:
		return mask
	}
	return mask.Mul(weight.WithRank(mask.Rank()))
}

// numbered reports whether Keras numbers the objects of m's class, which have no name
// of their own: the second is auc_1, weighted or not.
func numbered(m metric.Metric) bool {
	switch m.(type) {
	case metric.AUC, metric.Precision, metric.Recall,
		metric.IoU, metric.BinaryIoU, metric.MeanIoU, metric.OneHotIoU, metric.OneHotMeanIoU,
		metric.TruePositives, metric.TrueNegatives, metric.FalsePositives, metric.FalseNegatives,
		metric.SensitivityAtSpecificity, metric.SpecificityAtSensitivity, metric.PrecisionAtRecall, metric.RecallAtPrecision:
		return true
	}
	return false
}

// unique returns the name under which a measure is kept, as
// keras/src/trainers/compile_utils.py chooses it: accuracy, accuracy_1, …
func (t *tracing) unique(name string) string {
	n := t.taken[name]
	t.taken[name]++
	if n == 0 {
		return name
	}
	return t.unique(fmt.Sprintf("%s_%d", name, n))
}
