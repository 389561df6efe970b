package train

// This file trains random networks: with passes, without, and with zeros kept they
// take the same bits, the first update is within the bounds of what its float64
// meaning allows, and what has a gradient changes. Networks often have what random
// graphs have rarely: layers of one gradient, layers in two places, frozen ones.

import (
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/data"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/choice"
	"github.com/cornu-ml/cornu/internal/plan"
	"github.com/cornu-ml/cornu/internal/ref"
	"github.com/cornu-ml/cornu/layer"
	"github.com/cornu-ml/cornu/loss"
	"github.com/cornu-ml/cornu/metric"
	"github.com/cornu-ml/cornu/optimizer"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

const randomSteps = 3

// A randomModel is a network with what it is trained by and on. It is a function of
// bytes.
type randomModel struct {
	data   []byte
	nodes  []*layer.Node
	dense  []*layer.Dense
	width  map[*layer.Dense]int
	inputs []*layer.Node
	reach  map[*layer.Node]int // which inputs a node depends on, as bits
	names  map[*layer.Node]string
	losses []loss.Loss
	rule   optimizer.Optimizer
	batch  int
	times  int // as many units and features as usual: networks of several tasks have more
	net    *layer.Network
	outs   []*layer.Node
	weigh  bool
	words  map[*layer.Node]int // the inputs that hold whole numbers, and how many there are
	text   []string
}

// newModel makes a model of bytes. Models of the same bytes share nothing.
func newModel(bytes []byte) (*randomModel, error) {
	m := &randomModel{data: bytes, width: map[*layer.Dense]int{}, reach: map[*layer.Node]int{}, names: map[*layer.Node]string{}, words: map[*layer.Node]int{}}
	blocks := choice.Blocks(bytes)
	head := choice.Next(&blocks)
	m.batch, m.times = []int{2, 1, 5, 17}[head.Of(4)], 1
	if head.Once(24) {
		m.batch, m.times = 130, 37
	}
	outputs := 1 + head.Of(3)
	m.weigh = head.Once(3)
	last := choice.Next(&blocks)
	m.optimizer(choice.Next(&blocks))
	m.input(last)
	for len(blocks) > 0 {
		m.layer(choice.Next(&blocks))
	}
	need := 0
	for range outputs {
		// Every output has weights of its own, so that there is something to train.
		l := &layer.Dense{Name: fmt.Sprint("out", len(m.outs)), Units: 1 + last.Of(3), Activation: m.activation(last, 3)}
		out := m.apply(l, m.pick(last, anything))
		m.outs = append(m.outs, out)
		m.losses = append(m.losses, m.loss(last))
		need |= m.reach[out]
	}
	var inputs []*layer.Node
	for i, in := range m.inputs {
		if need>>i&1 == 1 {
			inputs = append(inputs, in)
		}
	}
	m.inputs = inputs
	var err error
	m.net, err = layer.NewNetwork(inputs, m.outs)
	return m, err
}

func anything(*layer.Node) bool { return true }

func (m *randomModel) pick(b *choice.Block, fits func(*layer.Node) bool) *layer.Node {
	var list []*layer.Node
	for i := range m.nodes {
		if n := m.nodes[len(m.nodes)-1-i]; fits(n) {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[b.Of(len(list))]
}

func (m *randomModel) input(b *choice.Block) {
	shape := []tensor.Shape{{2 * m.times}, {3 * m.times}, {4 * m.times}, {17}, {2, 3 * m.times}, {1}}[b.Of(6)]
	n := layer.Apply(&layer.Input{Name: fmt.Sprint("in", len(m.inputs)), Shape: shape})
	m.reach[n] = 1 << len(m.inputs)
	m.inputs = append(m.inputs, n)
	m.add(n, fmt.Sprintf("Input(%v)", shape))
}

// sentence makes an input of numbers of words, which an Embedding looks up: of a few words, or of more than a batch has.
func (m *randomModel) sentence(b *choice.Block) {
	n := layer.Apply(&layer.Input{Name: fmt.Sprint("in", len(m.inputs)), Shape: tensor.Shape{1 + b.Of(3)}})
	m.reach[n] = 1 << len(m.inputs)
	m.inputs, m.words[n] = append(m.inputs, n), []int{5, 500}[b.Of(2)]
	m.names[n] = fmt.Sprint("n", len(m.names))
	m.text = append(m.text, fmt.Sprintf("%s := Input(%v), of words", m.names[n], n.Shape()))
	m.apply(&layer.Embedding{InputDim: m.words[n], OutputDim: 1 + b.Of(3), MaskZero: b.Once(2)}, n)
}

func (m *randomModel) add(n *layer.Node, text string) {
	m.names[n] = fmt.Sprint("n", len(m.names))
	m.nodes = append(m.nodes, n)
	m.text = append(m.text, m.names[n]+" := "+text)
}

// apply applies a layer to nodes.
func (m *randomModel) apply(l layer.Layer, in ...*layer.Node) *layer.Node {
	n := layer.Apply(l, in...)
	var names []string
	for _, x := range in {
		m.reach[n] |= m.reach[x]
		names = append(names, m.names[x])
	}
	m.add(n, fmt.Sprintf("Apply(%s, %s)", literal(l), strings.Join(names, ", ")))
	return n
}

// literal writes a layer as Go, its fields that aren't zero.
func literal(v any) string {
	s := reflect.Indirect(reflect.ValueOf(v))
	var fields []string
	for i := range s.NumField() {
		if f := s.Type().Field(i); f.IsExported() && !s.Field(i).IsZero() {
			fields = append(fields, fmt.Sprintf("%s: %#v", f.Name, s.Field(i).Interface()))
		}
	}
	return fmt.Sprintf("&%v{%s}", s.Type(), strings.Join(fields, ", "))
}

func (m *randomModel) activation(b *choice.Block, most int) activation.Activation {
	return []activation.Activation{
		nil,
		activation.Tanh{},
		activation.Softmax{},
		activation.ReLU{},
		activation.Sigmoid{},
		activation.ELU{},
		activation.GELU{},
		activation.Softplus{},
		activation.HardSigmoid{},
		activation.SiLU{},
		activation.Softsign{},
		activation.LeakyReLU{},
	}[b.Of(most)]
}

// units returns how many units a layer has.
func (m *randomModel) units(b *choice.Block) int {
	return []int{2 * m.times, 1, 3 * m.times, 4 * m.times, 20}[b.Of(5)]
}

// layer applies a random layer.
func (m *randomModel) layer(b *choice.Block) {
	kind := b.Of(15)
	x := m.pick(b, anything)
	like := func(y *layer.Node) bool { return y.Shape().Equal(x.Shape()) }
	merges := []func() layer.Layer{
		func() layer.Layer { return &layer.Add{} }, func() layer.Layer { return &layer.Multiply{} },
		func() layer.Layer { return &layer.Average{} }, func() layer.Layer { return &layer.Maximum{} },
		func() layer.Layer { return &layer.Minimum{} }, func() layer.Layer { return &layer.Concatenate{} },
	}
	switch kind {
	case 4, 5: // a layer that is there already
		for _, l := range m.dense {
			if m.width[l] == x.Shape()[x.Shape().Rank()-1] {
				m.apply(l, x)
				return
			}
		}
	case 6, 7, 8:
		in := []*layer.Node{x, m.pick(b, like)}
		merge := merges[b.Of(len(merges))]()
		if b.Once(3) {
			in = append(in, m.pick(b, like))
		}
		m.apply(merge, in...)
		return
	case 9:
		m.apply(&layer.Subtract{}, x, m.pick(b, like))
		return
	case 14: // a window over steps
		if x.Shape().Rank() == 2 {
			x = m.apply(&layer.Reshape{TargetShape: tensor.Shape{x.Shape()[1], 1}}, x)
		}
		if x.Shape().Rank() != 3 {
			return
		}
		bits := b.Byte()
		size, stride, padding := 1+bits&3, 1+bits>>2&1, []string{"same", "causal"}[bits>>3&1]
		if b.Once(4) { // that looks at itself
			y := m.apply([]layer.Layer{
				&layer.MultiHeadAttention{NumHeads: 2, KeyDim: size, UseCausalMask: stride > 1},
				&layer.MultiHeadAttention{NumHeads: 1, KeyDim: 2, Dropout: 0.25, UseGate: stride > 1},
				&layer.GroupQueryAttention{HeadDim: 2, NumQueryHeads: 2, NumKeyValueHeads: stride, SlidingWindow: size},
				&layer.Attention{UseScale: true, UseCausalMask: stride > 1},
				&layer.AdditiveAttention{},
			}[b.Of(5)], x, x)
			m.apply(&layer.Add{}, x, y)
			return
		}
		if b.Once(12) { // whose steps are images of one row
			x = m.apply(&layer.Reshape{TargetShape: tensor.Shape{x.Shape()[1], x.Shape()[2], 1}}, x)
			y := m.apply(&layer.ConvLSTM1D{Filters: 2, KernelSize: size, Padding: "same", ReturnSequences: stride > 1}, x)
			m.apply(&layer.Flatten{}, y)
			return
		}
		y := m.apply([]layer.Layer{
			&layer.Conv1D{Filters: 3, KernelSize: size, Strides: stride, Padding: padding, Activation: activation.ReLU{}},
			&layer.Conv1D{Filters: x.Shape()[2], KernelSize: size, Groups: x.Shape()[2], Padding: padding, DilationRate: stride},
			&layer.Conv1DTranspose{Filters: 2, KernelSize: size, Strides: stride},
			&layer.SeparableConv1D{Filters: 2, KernelSize: size, Strides: stride, Padding: "same", DepthMultiplier: 2},
			&layer.MaxPooling1D{PoolSize: size, Strides: stride, Padding: "same"},
			&layer.AveragePooling1D{PoolSize: size, Strides: stride, Padding: "same"},
			&layer.GlobalMaxPooling1D{KeepDims: stride > 1},
			&layer.GlobalAveragePooling1D{},
			&layer.SimpleRNN{Units: 2, ReturnSequences: stride > 1, Dropout: 0.25, RecurrentDropout: 0.25},
			&layer.LSTM{Units: 3, ReturnSequences: size > 2, GoBackwards: stride > 1, RecurrentDropout: float64(size-1) / 8},
			&layer.GRU{Units: 2, ReturnSequences: size > 2, ResetBefore: stride > 1, Dropout: 0.25},
			&layer.RNN{Cell: &layer.StackedRNNCells{Cells: []layer.Cell{&layer.GRUCell{Units: 2, RecurrentDropout: 0.25}, &layer.LSTMCell{Units: 2}}}, ReturnSequences: size > 2},
			&layer.Bidirectional{Layer: &layer.RNN{Cell: &layer.LSTMCell{Units: 2, Dropout: 0.25}, ReturnSequences: size > 2}},
		}[b.Of(13)], x)
		if y.Shape().Rank() == 3 && b.Once(2) {
			m.apply(&layer.Flatten{}, y)
		}
		return
	case 10:
		m.apply([]layer.Layer{
			&layer.Dropout{Rate: 0.5}, &layer.GaussianNoise{Stddev: 0.5}, &layer.GaussianDropout{Rate: 0.25}, &layer.AlphaDropout{Rate: 0.25},
			&layer.BatchNormalization{}, &layer.LayerNormalization{}, &layer.RMSNormalization{}, &layer.UnitNormalization{},
		}[b.Of(8)], x)
		return
	case 11:
		m.apply([]layer.Layer{
			&layer.Activation{Func: m.activation(b, 12)}, &layer.ReLU{}, &layer.LeakyReLU{}, &layer.PReLU{}, &layer.Softmax{},
			&layer.Rescaling{Scale: 0.5, Offset: 1},
		}[1+b.Of(5)], x)
		return
	case 12:
		if x.Shape().Rank() > 2 {
			m.apply(&layer.Flatten{}, x)
			return
		}
	case 13:
		if len(m.inputs) < 3 {
			if b.Once(2) {
				m.sentence(b)
			} else {
				m.input(b)
			}
			return
		}
	}
	if kind == 3 { // two branches that meet
		units := m.units(b)
		merge := merges[b.Of(len(merges))]()
		left := m.apply(&layer.Dense{Units: units, Activation: m.activation(b, 4)}, x)
		m.apply(merge, left, m.apply(&layer.Dense{Units: units}, m.pick(b, func(y *layer.Node) bool {
			return y.Shape()[:y.Shape().Rank()-1].Equal(x.Shape()[:x.Shape().Rank()-1])
		})))
		return
	}
	l := &layer.Dense{Units: m.units(b), Activation: m.activation(b, 12)}
	odd := b.Byte()
	l.NoBias, l.Frozen = odd%4 == 3, odd/4%8 == 7
	switch odd / 32 {
	case 5:
		l.KernelRegularizer = regularizer.L2{L2: 0.01}
	case 6:
		l.KernelConstraint = constraint.MaxNorm{}
	case 7:
		l.ActivityRegularizer = regularizer.L1{L1: 0.01}
	}
	m.width[l] = x.Shape()[x.Shape().Rank()-1]
	m.dense = append(m.dense, l)
	m.apply(l, x)
}

func (m *randomModel) loss(b *choice.Block) loss.Loss {
	return []loss.Loss{
		loss.MeanSquaredError{},
		loss.CategoricalCrossentropy{},
		loss.MeanAbsoluteError{},
		loss.Huber{},
		loss.LogCosh{},
		loss.CategoricalCrossentropy{FromLogits: true},
		loss.BinaryCrossentropy{},
		loss.CategoricalHinge{},
		loss.Hinge{},
		loss.KLDivergence{},
		loss.Poisson{},
		loss.CosineSimilarity{},
		loss.SquaredHinge{},
		loss.MeanSquaredLogarithmicError{},
		loss.CategoricalHinge{Reduction: loss.MeanWithSampleWeight},
		loss.BinaryCrossentropy{FromLogits: true},
	}[b.Of(16)]
}

func (m *randomModel) optimizer(b *choice.Block) {
	clip := []optimizer.Clip{{}, {}, {Norm: 0.5}, {GlobalNorm: 0.5}, {Value: 0.1}}[b.Of(5)]
	ema := optimizer.EMA{On: b.Once(6)}
	m.rule = []optimizer.Optimizer{
		optimizer.SGD{LearningRate: 0.1, Clip: clip, EMA: ema},
		optimizer.SGD{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, Clip: clip},
		optimizer.Adam{LearningRate: 0.1, Clip: clip, EMA: ema},
		optimizer.Adam{AMSGrad: true, WeightDecay: 0.01},
		optimizer.AdamW{Clip: clip},
		optimizer.RMSprop{Centered: true, Momentum: 0.5, Clip: clip},
		optimizer.Adamax{},
		optimizer.Nadam{Clip: clip},
		optimizer.Adagrad{},
		optimizer.Adadelta{LearningRate: 1},
		optimizer.Ftrl{Clip: clip},
		optimizer.Lion{Clip: clip},
		optimizer.Lamb{},
		optimizer.Adafactor{},
		optimizer.Muon{ExcludeFromWeightDecay: []string{"bias"}},
		optimizer.ScheduleFreeAdamW{WarmupSteps: 2, Clip: clip},
		optimizer.LossScaleOptimizer{InnerOptimizer: optimizer.Adam{Clip: clip, EMA: ema}},
		optimizer.SGD{LearningRate: 0.1, GradientAccumulationSteps: 2, Clip: clip, EMA: ema},
		optimizer.Adam{LearningRate: 0.1, Lazy: true, Clip: clip},
		optimizer.SGD{LearningRate: 0.1, Momentum: 0.9, Lazy: true, Clip: clip},
	}[b.Of(20)]
}

// numbers returns n numbers from 0 to 1, most of them 0 if there are many.
func numbers(seed uint64, n int) []float32 {
	bytes := choice.Random(seed, n/choice.BlockSize+1)
	list := make([]float32, n)
	for i := range list {
		if list[i] = float32(bytes[i]) / 256; n > 5000 && i%8 > 1 {
			list[i] = 0
		}
	}
	return list
}

// A trained is a model's step before it has run.
type trained struct {
	*Step
	model *randomModel
	grads []*graph.Node // of the trained variables
	vars  []*layer.Variable
	input data.Batch
	start map[*graph.Node][]float32 // the variables' and the optimizer's state before the first step
}

// step traces a training step, as a model does.
func (m *randomModel) step() (*trained, error) {
	tr := &trained{model: m}
	for _, v := range m.net.Variables() {
		if m.net.Trainable(v) {
			tr.vars = append(tr.vars, v)
		}
	}
	var err error
	tr.Step, err = NewStep(5, func(s *StepBuilder) {
		var inputs []*graph.Node
		for i, in := range m.inputs {
			inputs = append(inputs, s.Input(m.net.Name(in.Layer()), in.Shape()))
			x := numbers(uint64(i+1), in.Shape().Concrete(m.batch).Numel())
			for k := range x {
				if n := m.words[in]; n > 0 {
					x[k] = float32(int(x[k] * float32(n)))
				}
			}
			tr.input.X = append(tr.input.X, x)
		}
		outputs, total := s.Network(m.net, true, inputs...)
		var weight *graph.Node
		if m.weigh {
			weight = s.SampleWeight()
			tr.input.W = [][]float32{numbers(7, m.batch)}
		}
		for i, out := range outputs {
			yTrue := s.Target(fmt.Sprint("y", i), out.Shape())
			tr.input.Y = append(tr.input.Y, numbers(uint64(i+20), out.Shape().Concrete(m.batch).Numel()))
			part := loss.Of(m.losses[i], yTrue, out, weight)
			s.Mean(fmt.Sprint("loss", i), part)
			s.Metric(fmt.Sprint("mae", i), metric.MeanAbsoluteError{}, yTrue, out, weight)
			if total == nil {
				total = part
			} else {
				total = part.Add(total)
			}
		}
		s.Mean("loss", total)
		s.Minimize(total, NewOptimizer(m.rule), tr.vars...)
		if s.graph.Err() == nil {
			var nodes []*graph.Node
			for _, v := range tr.vars {
				nodes = append(nodes, s.Variable(v))
			}
			tr.grads = graph.Gradients(total, nodes...)
		}
	})
	return tr, err
}

// checkModel trains the model of some bytes in all ways and says what is wrong, or nothing.
func checkModel(bytes []byte, count *atomic.Int64) (wrong string, model *randomModel) {
	defer choice.Caught(&wrong)
	model, err := newModel(bytes)
	if err != nil {
		return err.Error(), model
	}
	s, err := model.step()
	if err != nil {
		return err.Error(), model
	}
	for place, v := range s.variables {
		if err := v.Draw(s.seed, place); err != nil {
			return err.Error(), model
		}
	}
	for _, o := range s.optimizers {
		o.fill()
	}
	s.start = map[*graph.Node][]float32{}
	for n, values := range s.storage {
		s.start[n] = slices.Clone(values.View())
	}
	names := []string{"without passes", "with passes", "with zeros kept"}
	var want [randomSteps][]uint32
	for i, config := range []plan.Config{{NoPasses: true}, {}, {KeepZeros: true}} {
		if err := s.compile(config); err != nil {
			return err.Error(), model
		}
		if i == 0 {
			if wrong := s.first(count); wrong != "" {
				return wrong, model
			}
			s.restart()
		}
		for k := range randomSteps {
			_, err := s.Run(s.input)
			got := s.bits(err)
			if i == 0 {
				want[k] = got
			}
			for at, bits := range want[k] {
				if got[at] != bits {
					return fmt.Sprintf("%s: step %d: number %d is %v, without passes %v\n%v", names[i], k, at,
						math.Float32frombits(got[at]), math.Float32frombits(bits), s.plans.bySize[batchKind{s.Step, model.batch}].plan), model
				}
			}
		}
	}
	return "", model
}

// compile compiles the step anew and goes back to its start.
func (s *trained) compile(config plan.Config) error {
	config.Batch = s.model.batch
	p, err := plan.Compile(s.program, config)
	of := &sized{ready: make(chan struct{}), plan: p}
	close(of.ready)
	s.plans.bySize = map[batchKind]*sized{{s.Step, config.Batch}: of}
	s.restart()
	return err
}

// restart gives variables and optimizer the state that they began with.
func (s *trained) restart() {
	for n, values := range s.start {
		s.storage[n].Write(values)
	}
	for _, o := range s.optimizers {
		o.iterations = 0
		if o.scale != nil {
			o.scale = NewOptimizer(s.model.rule).scale
		}
	}
	s.Reset()
}

// first holds the first update to the bounds of its meaning.
func (s *trained) first(count *atomic.Int64) (wrong string) {
	feed := map[*graph.Node][]float64{}
	put := func(n *graph.Node, values []float32) {
		wide := make([]float64, len(values))
		for i, v := range values {
			wide[i] = float64(v)
		}
		feed[n] = wide
	}
	for i, n := range s.inputs {
		put(n, s.input.X[i])
	}
	for i, n := range s.targets {
		put(n, s.input.Y[i])
	}
	for i, n := range s.weights {
		put(n, s.input.W[i])
	}
	for _, sc := range s.scalars {
		put(sc.node, []float32{float32(sc.value(sc.optimizer))})
	}
	for n, values := range s.start {
		put(n, values)
	}
	wants := slices.Clone(s.grads)
	for _, u := range s.program.Updates {
		wants = append(wants, u.Value)
	}
	rows := map[int]int{} // where the indices are of an update of rows
	for i, u := range s.program.Updates {
		if u.Rows != nil {
			rows[i] = len(wants)
			wants = append(wants, u.Rows)
		}
	}
	lo, hi, err := ref.Run{Batch: s.model.batch, Seed: s.seed, Feed: feed}.Bounds(s.program.Graph, wants...)
	if err != nil {
		return err.Error()
	}
	old := map[*layer.Variable][]float32{}
	for _, v := range s.model.net.Variables() {
		old[v] = v.Value()
	}
	gathers := s.optimizers[0].due() == 0 // gradients, and changes nothing yet
	if _, err := s.Run(s.input); err != nil {
		return "" // not finite, which the caller sees
	}
	for i, v := range s.vars {
		moved := gathers
		for k, now := range v.Value() {
			moved = moved || math.Float32bits(now) != math.Float32bits(old[v][k])
		}
		for k := range lo[i] {
			if least := max(lo[i][k], -hi[i][k]); least > 1e-3 && !moved && v.Constraint == nil {
				return fmt.Sprintf("%s stays as it was; its gradient at %d is within [%v, %v]", v.Path, k, lo[i][k], hi[i][k])
			}
		}
	}
	for _, v := range s.model.net.Variables() {
		for k, now := range v.Value() {
			if !s.model.net.Trainable(v) && v.Trainable && now != old[v][k] {
				return fmt.Sprintf("%s is frozen, and changes", v.Path)
			}
		}
	}
	for i, u := range s.program.Updates {
		at, root := 0, u.Param
		if root.Op() == graph.OpView {
			at, root = root.Attr().Offsets[0], root.Inputs()[0]
		}
		var indices []float64
		if k, ok := rows[i]; ok {
			indices = lo[k]
		}
		i += len(s.grads)
		for k := range lo[i] {
			place := at + k
			if width := len(lo[i]) / max(len(indices), 1); indices != nil {
				place = at + int(indices[k/width])*width + k%width
			}
			if x := float64(s.storage[root].View()[place]); lo[i][k] == lo[i][k] {
				count.Add(1)
				if !(lo[i][k] <= x && x <= hi[i][k]) {
					return fmt.Sprintf("after a step, %s at %d is %v, its meaning is within [%v, %v]", root.Attr().Name, at+k, x, lo[i][k], hi[i][k])
				}
			}
		}
	}
	return ""
}

// bits returns the bits of all that a step leaves.
func (s *trained) bits(err error) []uint32 {
	var list []uint32
	add := func(values ...float32) {
		for _, v := range values {
			if v != v {
				v = float32(math.NaN())
			}
			list = append(list, math.Float32bits(v))
		}
	}
	for _, m := range s.meters {
		for _, state := range m.state {
			for _, v := range state {
				add(float32(v))
			}
		}
	}
	for _, v := range s.model.net.Variables() {
		add(v.Value()...)
	}
	for _, o := range s.optimizers {
		for _, slot := range o.Slots() {
			add(slot.Value()...)
		}
	}
	if err != nil {
		add(1)
	}
	return list
}

// String writes the model as Go.
func (m *randomModel) String() string {
	var outs []string
	for _, n := range m.outs {
		outs = append(outs, m.names[n])
	}
	return fmt.Sprintf("%s\nOutputs: %s\nLosses: %#v\nOptimizer: %#v\na batch of %d, weighted %v",
		strings.Join(m.text, "\n"), strings.Join(outs, ", "), m.losses, m.rule, m.batch, m.weigh)
}

var firstModel = flag.Uint64("model", 0, "the first random model")

func TestRandomModelsTrainAsWithoutPasses(t *testing.T) {
	models := uint64(choice.Effort(15, 300))
	var count atomic.Int64
	blocks := func(n uint64) int { return int(4 + n%12) }
	done := choice.Search(t, "model", *firstModel, models, blocks, func() (choice.Check, func()) {
		return func(data []byte) (string, fmt.Stringer) { return checkModel(data, &count) }, func() {}
	})
	t.Logf("%d models, %d numbers held to bounds", done, count.Load())
}
