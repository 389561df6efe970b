package layer

// This file has the layers in which the steps of one sequence look at those of another, or of the same.

import (
	"math"
	"slices"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("MultiHeadAttention", func() Layer { return &MultiHeadAttention{} })
	Register("GroupQueryAttention", func() Layer { return &GroupQueryAttention{} })
	Register("Attention", func() Layer { return &Attention{} })
	Register("AdditiveAttention", func() Layer { return &AdditiveAttention{} })
}

// MultiHeadAttention lets each step of a query look at all steps of a value, with several heads at once (Vaswani et al.
// 2017, "Attention is all you need"). A head projects queries, keys and values, weighs the values by
// softmax(query·key/√KeyDim), and all heads' results are projected to the output.
//
// It is applied to a query and a value, with the value as the key too; to a query, a value and a key; or to these and a
// mask, (batch, query steps, value steps), which is 0 where a step of the query may not look at one of the value. For attention
// of a sequence to itself query and value are the same node. A step of the value that a mask hides, this one or that of Masking,
// has weight 0. A step of the query that may look at no step, or is masked itself, gets zeros from every head. If there are several
// axes between the batch and the features, the steps are along all of them, or along AttentionAxes.
//
// Shapes: (batch, T, features), (batch, S, features of values)[, (batch, S, features of keys)[, (batch, T, S)]] →
// (batch, T, OutputShape...), and with ReturnAttentionScores the weights, (batch, NumHeads, T, S). Kernels of query and key
// (features, NumHeads, KeyDim), of value (features, NumHeads, ValueDim), of attention_output (NumHeads, ValueDim,
// OutputShape...), each with a bias.
type MultiHeadAttention struct {
	Name                  string
	Frozen                bool
	NumHeads              int
	KeyDim                int                     // of a head's queries and keys
	ValueDim              int                     `zero:"none"` // of a head's values; 0: KeyDim
	Dropout               float64                 // the share of weights that training drops
	NoBias                bool                    `keras:"use_bias,not"`
	UseGate               bool                    // multiply what heads give by the sigmoid of one more projection of the query (Qiu et al. 2025)
	OutputShape           []int                   `zero:"none"`                          // nil: the features of the query
	AttentionAxes         []int                   `zero:"none"`                          // nil: all but batch and features
	SlidingWindow         int                     `zero:"none"`                          // steps that are so far from each other, or farther, don't see each other; 0: all do
	UseCausalMask         bool                    `keras:"use_causal_mask,ours"`         // a step of the query sees no later one of the value: an argument of the call in Keras
	ReturnAttentionScores bool                    `keras:"return_attention_scores,ours"` // a second output: an argument of the call in Keras
	KernelInitializer     initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer       initializer.Initializer `default:"zeros"`
	KernelRegularizer     regularizer.Regularizer
	BiasRegularizer       regularizer.Regularizer
	ActivityRegularizer   regularizer.Regularizer // of each projection
	KernelConstraint      constraint.Constraint
	BiasConstraint        constraint.Constraint

	projections
}

// GroupQueryAttention is MultiHeadAttention whose heads share keys and values in groups: NumQueryHeads heads have
// NumKeyValueHeads of these (Ainslie et al. 2023, "GQA"). It is applied to the same nodes.
//
// Shapes: (batch, T, features), (batch, S, features)[, (batch, S, features)[, (batch, T, S)]] → (batch, T, features), and
// with ReturnAttentionScores the weights, (batch, NumQueryHeads, T, S). Kernels of query (features, NumQueryHeads, HeadDim), of key and
// value (features, NumKeyValueHeads, HeadDim), of attention_output (NumQueryHeads, HeadDim, features), each with a bias.
type GroupQueryAttention struct {
	Name                  string
	Frozen                bool
	HeadDim               int
	NumQueryHeads         int
	NumKeyValueHeads      int                     // divides NumQueryHeads
	Dropout               float64                 // the share of weights that training drops
	NoBias                bool                    `keras:"use_bias,not"`
	UseGate               bool                    // see MultiHeadAttention
	SlidingWindow         int                     `zero:"none"`                          // see MultiHeadAttention
	UseCausalMask         bool                    `keras:"use_causal_mask,ours"`         // see MultiHeadAttention
	ReturnAttentionScores bool                    `keras:"return_attention_scores,ours"` // see MultiHeadAttention
	KernelInitializer     initializer.Initializer `default:"glorot_uniform"`
	BiasInitializer       initializer.Initializer `default:"zeros"`
	KernelRegularizer     regularizer.Regularizer
	BiasRegularizer       regularizer.Regularizer
	ActivityRegularizer   regularizer.Regularizer // of each projection, and, as in Keras, of the outputs once more
	KernelConstraint      constraint.Constraint
	BiasConstraint        constraint.Constraint

	projections
}

// projections are the layers within those of several heads.
type projections struct {
	query, key, gate, value, output *EinsumDense
}

// heads is what MultiHeadAttention and GroupQueryAttention have in common.
type heads struct {
	heads, groups      int // of queries, and of keys and values
	keyDim, valueDim   int
	dropout            float64
	axes               []int // of attention; nil: all
	window             int
	causal             bool
	scores             bool
	gated, bias        bool
	output             []int // nil: the features of the query
	projection         EinsumDense
	headsName, dimName string
}

func (l *MultiHeadAttention) heads() heads {
	cfg := config.Resolve(*l)
	h := heads{
		heads: l.NumHeads, groups: l.NumHeads, keyDim: l.KeyDim, valueDim: l.ValueDim, dropout: l.Dropout, axes: l.AttentionAxes,
		window: l.SlidingWindow, causal: l.UseCausalMask, scores: l.ReturnAttentionScores, gated: l.UseGate, bias: !l.NoBias, output: l.OutputShape,
		headsName: "NumHeads", dimName: "KeyDim",
		projection: EinsumDense{
			KernelInitializer: cfg.KernelInitializer, BiasInitializer: cfg.BiasInitializer,
			KernelRegularizer: l.KernelRegularizer, BiasRegularizer: l.BiasRegularizer, ActivityRegularizer: l.ActivityRegularizer,
			KernelConstraint: l.KernelConstraint, BiasConstraint: l.BiasConstraint,
		},
	}
	if h.valueDim == 0 {
		h.valueDim = h.keyDim
	}
	return h
}

func (l *GroupQueryAttention) heads() heads {
	cfg := config.Resolve(*l)
	return heads{
		heads: l.NumQueryHeads, groups: l.NumKeyValueHeads, keyDim: l.HeadDim, valueDim: l.HeadDim, dropout: l.Dropout,
		window: l.SlidingWindow, causal: l.UseCausalMask, scores: l.ReturnAttentionScores, gated: l.UseGate, bias: !l.NoBias,
		headsName: "NumQueryHeads", dimName: "HeadDim",
		projection: EinsumDense{
			KernelInitializer: cfg.KernelInitializer, BiasInitializer: cfg.BiasInitializer,
			KernelRegularizer: l.KernelRegularizer, BiasRegularizer: l.BiasRegularizer, ActivityRegularizer: l.ActivityRegularizer,
			KernelConstraint: l.KernelConstraint, BiasConstraint: l.BiasConstraint,
		},
	}
}

// Build builds the projections.
func (l *MultiHeadAttention) Build(b *Builder, in []tensor.Shape) error {
	h := l.heads()
	if l.ValueDim < 0 {
		return b.Errorf("ValueDim is %d, it must be positive, or 0 for KeyDim", l.ValueDim)
	}
	return l.build(b, in, &h)
}

// Build builds the projections.
func (l *GroupQueryAttention) Build(b *Builder, in []tensor.Shape) error {
	h := l.heads()
	switch {
	case l.NumQueryHeads > 0 && (l.NumKeyValueHeads <= 0 || l.NumQueryHeads%l.NumKeyValueHeads != 0):
		return b.Errorf("NumKeyValueHeads is %d: it must divide NumQueryHeads, %d", l.NumKeyValueHeads, l.NumQueryHeads)
	case len(in) > 1 && len(in[0]) != 3:
		return b.Errorf("takes sequences, (batch, steps, features)")
	case len(in) > 1 && in[0][2] != in[1][len(in[1])-1]:
		return b.Errorf("query and value must have as many features, they have %d and %d", in[0][2], in[1][len(in[1])-1])
	}
	return l.build(b, in, &h)
}

func (p *projections) build(b *Builder, in []tensor.Shape, h *heads) error {
	switch {
	case len(in) < 2 || len(in) > 4:
		return b.Errorf("takes a query and a value, then perhaps a key and a mask, got %d inputs: a sequence that looks at itself is both query and value", len(in))
	case h.heads <= 0 || h.keyDim <= 0:
		return b.Errorf("%s is %d and %s %d, both must be positive", h.headsName, h.heads, h.dimName, h.keyDim)
	case h.window < 0:
		return b.Errorf("SlidingWindow is %d, it must be positive, or 0 for none", h.window)
	}
	if err := checkShare(b, "Dropout", h.dropout); err != nil {
		return err
	}
	query, value, key := in[0], in[1], in[1]
	if len(in) > 2 {
		key = in[2]
	}
	const letters = "abcdefghijklmnopqrstuvw" // of the axes but x, y and z
	switch {
	case len(query) < 3 || len(value) != len(query) || len(key) != len(query):
		return b.Errorf("query, value and key must have a batch, steps and features, and as many axes as each other")
	case len(query) > len(letters):
		return b.Errorf("query, value and key have %d axes, they may have %d", len(query), len(letters))
	}
	features := len(query) - 1
	axes, msg := h.attentionAxes(features)
	if msg != "" {
		return b.Errorf("%s", msg)
	}
	for i := 1; i < features; i++ {
		switch {
		case value[i] != key[i]:
			return b.Errorf("value and key must have the same steps, axis %d has %d and %d", i, value[i], key[i])
		case !slices.Contains(axes, i) && query[i] != value[i]:
			return b.Errorf("query and value must be of one size along axis %d, which is not among AttentionAxes: they have %d and %d", i, query[i], value[i])
		}
	}
	if (h.causal || h.window > 0) && len(axes) != 1 {
		return b.Errorf("UseCausalMask and SlidingWindow are for steps along one axis: say which by AttentionAxes, now it is %v", axes)
	}
	if len(in) > 3 {
		if _, msg := h.spread(in[3], query, value, axes); msg != "" {
			return b.Errorf("%s", msg)
		}
	}
	free := letters[:features]
	into := func(name string, heads, dim int) *EinsumDense {
		d := h.projection
		d.Name, d.Equation, d.OutputShape = name, free+"x,xyz->"+free+"yz", append(make([]int, features-1), heads, dim)
		if h.bias {
			d.BiasAxes = "yz"
		}
		return &d
	}
	p.query, p.key, p.value = into("query", h.heads, h.keyDim), into("key", h.groups, h.keyDim), into("value", h.groups, h.valueDim)
	layers := []*EinsumDense{p.query, p.key, p.value}
	shapes := []tensor.Shape{query, key, value}
	if h.gated {
		p.gate = into("gate", h.heads, h.valueDim)
		p.gate.Activation = activation.Sigmoid{}
		layers, shapes = slices.Insert(layers, 2, p.gate), slices.Insert(shapes, 2, query)
	}
	output := h.output
	if output == nil {
		output = []int{query[features]}
	}
	if len(output) == 0 || len(output) > len(letters)-features {
		return b.Errorf("OutputShape is %v: it must have sizes, or be nil for the features of the query", output)
	}
	d := h.projection
	to := letters[features:][:len(output)]
	d.Name, d.Equation, d.OutputShape = "attention_output", free+"yz,yz"+to+"->"+free+to, append(make([]int, features-1), output...)
	if h.bias {
		d.BiasAxes = to
	}
	p.output = &d
	layers, shapes = append(layers, p.output), append(shapes, append(query[:features:features], h.heads, h.valueDim))
	for i, inner := range layers {
		if err := b.Layer(inner, shapes[i]); err != nil {
			return err
		}
	}
	return nil
}

// attentionAxes returns the axes of attention, counted from the first, for inputs whose features are that axis.
func (h *heads) attentionAxes(features int) (axes []int, msg string) {
	if h.axes == nil {
		for i := 1; i < features; i++ {
			axes = append(axes, i)
		}
		return axes, ""
	}
	for _, i := range h.axes {
		if i < 0 {
			i += features + 1
		}
		if i < 1 || i >= features || slices.Contains(axes, i) {
			return nil, "AttentionAxes must name axes between the batch and the features, each once"
		}
		axes = append(axes, i)
	}
	if len(axes) == 0 {
		return nil, "AttentionAxes names no axis"
	}
	return axes, ""
}

// otherAxes returns the axes between batch and features that are not among axes.
func otherAxes(axes []int, features int) []int {
	var list []int
	for i := 1; i < features; i++ {
		if !slices.Contains(axes, i) {
			list = append(list, i)
		}
	}
	return list
}

// spread returns the shape of a mask with an axis for all that it may differ in: (batch, other axes..., heads, query
// steps..., value steps...), where it is 1 if it doesn't.
func (h *heads) spread(mask, query, value tensor.Shape, axes []int) (tensor.Shape, string) {
	features := len(query) - 1
	rest := otherAxes(axes, features)
	full := slices.Concat(query[:1], sizes(query, rest), tensor.Shape{h.heads}, sizes(query, axes), sizes(value, axes))
	missing := len(full) - len(mask)
	lead := len(mask) - 2*len(axes)
	if missing < 0 || lead < 1 {
		return nil, "the mask, the fourth input, must have the axes (batch, steps of the query, steps of the value)"
	}
	shape := slices.Concat(mask[:lead], slices.Repeat(tensor.Shape{1}, missing), mask[lead:])
	for i, n := range shape {
		if n != full[i] && n != 1 {
			return nil, "the mask, the fourth input, must be of the shape (batch, steps of the query, steps of the value), or 1 where it is the same for all"
		}
	}
	return shape, ""
}

// Call emits the layer's nodes and returns the first output.
func (l *MultiHeadAttention) Call(c *Context, in []*graph.Node) *graph.Node {
	return l.CallAll(c, in)[0]
}

// CallAll emits the layer's nodes.
func (l *MultiHeadAttention) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	defer c.freeze(l)()
	h := l.heads()
	return l.call(c, in, &h)
}

// Call emits the layer's nodes and returns the first output.
func (l *GroupQueryAttention) Call(c *Context, in []*graph.Node) *graph.Node {
	return l.CallAll(c, in)[0]
}

// CallAll emits the layer's nodes.
func (l *GroupQueryAttention) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	defer c.freeze(l)()
	h := l.heads()
	return l.call(c, in, &h)
}

func (p *projections) call(c *Context, in []*graph.Node, h *heads) []*graph.Node {
	query, value, key := in[0], in[1], in[1]
	if len(in) > 2 {
		key = in[2]
	}
	features := query.Rank() - 1
	axes, _ := h.attentionAxes(features)
	rest := otherAxes(axes, features)
	order := slices.Concat([]int{0}, axes, rest, []int{features, features + 1}) // steps, the other axes and the heads, the numbers of a head
	straight := slices.IsSorted(order)
	// apart projects x to (batch, steps, the other axes and the heads, numbers).
	apart := func(l *EinsumDense, x *graph.Node, heads, dim int) *graph.Node {
		shape := x.Shape()
		y := c.Layer(l, x)[0]
		if !straight {
			y = y.Transpose(order...)
		}
		return y.Reshape(tensor.Batch, sizes(shape, axes).Numel(), sizes(shape, rest).Numel()*heads, dim)
	}
	a := attention{scale: 1 / math.Sqrt(float64(h.keyDim)), causal: h.causal, window: h.window, dropout: h.dropout}
	if len(axes) == 1 && axes[0] == 1 {
		a.queryMask, a.keyMask = c.Mask(query), c.Mask(value)
		if m := c.Mask(key); len(in) > 2 && m != nil {
			if a.keyMask == nil {
				a.keyMask = m
			} else {
				a.keyMask = a.keyMask.Mul(m)
			}
		}
	}
	q, k, v := query.Shape(), key.Shape(), value.Shape()
	if len(in) > 3 {
		shape, msg := h.spread(in[3].Shape(), q, v, axes)
		if msg != "" {
			return []*graph.Node{c.Graph().Fail("%s", msg)}
		}
		a.mask = in[3].NotEqual(c.Graph().Scalar(0)).Reshape(shape...)
		between := len(rest) + 2 // batch, the other axes, heads
		heads := tensor.Shape(shape[1:between]).Numel()
		if heads > 1 && len(rest) > 0 {
			lead := append(sizes(q, rest), h.heads)
			a.mask = a.mask.BroadcastTo(slices.Concat(shape[:1], lead, shape[between:]))
			heads = lead.Numel()
		}
		steps := shape[between:]
		a.mask = a.mask.Reshape(shape[0], heads, steps[:len(axes)].Numel(), steps[len(axes):].Numel())
	}
	y, scores := a.apply(c, apart(p.query, query, h.heads, h.keyDim), apart(p.key, key, h.groups, h.keyDim), apart(p.value, value, h.groups, h.valueDim), h.scores)
	y = y.Reshape(slices.Concat(q[:1], sizes(q, axes), sizes(q, rest), tensor.Shape{h.heads, h.valueDim})...)
	if !straight {
		back := make([]int, len(order))
		for to, from := range order {
			back[from] = to
		}
		y = y.Transpose(back...)
	}
	if p.gate != nil {
		y = y.Mul(c.Layer(p.gate, query)[0])
	}
	out := []*graph.Node{c.Layer(p.output, y)[0]}
	if h.scores {
		out = append(out, scores.Reshape(slices.Concat(q[:1], sizes(q, rest), tensor.Shape{h.heads}, sizes(q, axes), sizes(k, axes))...))
	}
	return out
}

// An attention is the weighted means of values, with what says which have a weight.
type attention struct {
	scale              float64
	causal             bool
	window             int
	dropout            float64
	queryMask, keyMask *graph.Node // (batch, steps), 1 or 0; nil: all count
	mask               *graph.Node // (batch or 1, heads or 1, T or 1, S or 1), 1 or 0; nil: all count
}

// apply emits softmax(scale·q·kᵀ)·v for q (batch, T, heads, d), k (batch, S, groups, d) and v (batch, S, groups, e): (batch,
// T, heads, e), and, if they are wanted, the weights, (batch, heads, T, S).
func (a *attention) apply(c *Context, q, k, v *graph.Node, wanted bool) (y, weights *graph.Node) {
	if !q.Valid() || !k.Valid() || !v.Valid() {
		return q, q
	}
	steps, heads, dim := q.Shape()[1], q.Shape()[2], q.Shape()[3]
	values, groups, numbers := k.Shape()[1], k.Shape()[2], v.Shape()[3]
	if !wanted && (a.mask == nil || a.mask.Shape()[1] == 1) {
		h := graph.Heads{Heads: heads, Groups: groups, Scale: a.scale, Causal: a.causal, Window: a.window}
		if a.drops(c) {
			h.Rate, h.Stream = a.dropout, c.Graph().NextStream()
		}
		flat := func(x *graph.Node) *graph.Node {
			s := x.Shape()
			return x.Reshape(tensor.Batch, s[1], s[2]*s[3])
		}
		y := flat(q).Attention(flat(k), flat(v), a.pairMask(values), h)
		if a.queryMask != nil {
			y = graph.Select(a.queryMask.WithRank(3), y, c.Graph().Scalar(0))
		}
		return y.Reshape(tensor.Batch, steps, heads, numbers), nil
	}
	share := heads / groups // heads that have the same keys and values
	if a.scale != 1 {
		q = q.MulScalar(a.scale)
	}
	if share == 1 {
		q = q.Transpose(0, 2, 1, 3)
	} else {
		q = q.Reshape(tensor.Batch, steps, groups, share, dim).Transpose(0, 2, 3, 1, 4).Reshape(tensor.Batch, groups, share*steps, dim)
	}
	scores := q.BatchMatMul(k.Transpose(0, 2, 1, 3), false, true).Reshape(tensor.Batch, heads, steps, values)
	weights, kept := a.weights(c, scores)
	y = kept.Reshape(tensor.Batch, groups, share*steps, values).BatchMatMul(v.Transpose(0, 2, 1, 3), false, false)
	return y.Reshape(tensor.Batch, heads, steps, numbers).Transpose(0, 2, 1, 3), weights
}

// drops reports whether weights are dropped.
func (a *attention) drops(c *Context) bool { return c.Training() && a.dropout > 0 }

// weights returns the softmax of scores (batch, heads, T, S) over what counts, and what training doesn't drop of it.
func (a *attention) weights(c *Context, scores *graph.Node) (weights, kept *graph.Node) {
	if !scores.Valid() {
		return scores, scores
	}
	counts := a.counts(c, scores.Shape()[2], scores.Shape()[3])
	if counts != nil {
		scores = graph.Select(counts, scores, c.Graph().Scalar(-1e9))
	}
	weights = scores.Softmax(-1)
	if counts != nil {
		weights = graph.Select(counts, weights, c.Graph().Scalar(0)) // of who sees nothing
	}
	if !a.drops(c) {
		return weights, weights
	}
	return weights, weights.Dropout(a.dropout, c.Graph().NextStream())
}

// pairMask returns the masks of keys and of pairs as one, (batch or 1, T or 1, S), nil if there is none.
func (a *attention) pairMask(values int) *graph.Node {
	var seen *graph.Node
	if a.keyMask != nil {
		seen = a.keyMask.Reshape(tensor.Batch, 1, values)
	}
	if a.mask != nil {
		s := a.mask.Shape()
		pairs := a.mask.Reshape(s[0], s[2], s[3])
		if seen != nil {
			return pairs.Mul(seen)
		}
		seen = pairs.BroadcastTo(tensor.Shape{s[0], s[2], values})
	}
	return seen
}

// counts returns what broadcasts to (batch, heads, steps, values), 1 where a step sees a value and 0 where not; nil if each
// sees all.
func (a *attention) counts(c *Context, steps, values int) *graph.Node {
	counts := a.mask
	and := func(m *graph.Node) {
		if counts == nil {
			counts = m
		} else {
			counts = counts.Mul(m)
		}
	}
	if a.queryMask != nil {
		and(a.queryMask.Reshape(tensor.Batch, 1, steps, 1))
	}
	if a.keyMask != nil {
		and(a.keyMask.Reshape(tensor.Batch, 1, 1, values))
	}
	if band := c.Graph().Band(steps, values, a.causal, a.window); band != nil {
		and(band)
	}
	return counts
}

// Attention weighs the steps of a value by how well their keys fit a query: softmax(query·key) (Luong et al. 2015). It
// is applied to a query and a value, with the value as the key too, or to a query, a value and a key. Steps of the value that
// Masking leaves out have no weight, steps of the query that it does are zeros.
//
// Shapes: (batch, T, features), (batch, S, features of values)[, (batch, S, features)] → (batch, T, features of values), and
// with ReturnAttentionScores the weights, (batch, T, S).
type Attention struct {
	Name                  string
	Frozen                bool
	UseScale              bool    // multiply scores by a number that is learnt, scale
	ScoreMode             string  `default:"dot"` // dot; or concat, the sum of tanh(query + key) times a number that is learnt, concat_score_weight
	Dropout               float64 // the share of weights that training drops
	UseCausalMask         bool    `keras:"use_causal_mask,ours"`         // a step of the query sees no later one of the value: an argument of the call in Keras
	ReturnAttentionScores bool    `keras:"return_attention_scores,ours"` // a second output: an argument of the call in Keras

	scale, weight *Variable
}

// AdditiveAttention weighs the steps of a value by the sum of scale·tanh(query + key) (Bahdanau et al. 2015). It is applied
// as Attention is.
//
// Shapes: those of Attention; scale (features).
type AdditiveAttention struct {
	Name                  string
	Frozen                bool
	NoScale               bool    `keras:"use_scale,not"` // a scale of 1, which isn't learnt
	Dropout               float64 // the share of weights that training drops
	UseCausalMask         bool    `keras:"use_causal_mask,ours"`         // see Attention
	ReturnAttentionScores bool    `keras:"return_attention_scores,ours"` // see Attention

	scale *Variable
}

// checkAttention checks the inputs of Attention and AdditiveAttention.
func checkAttention(b *Builder, in []tensor.Shape, dropout float64) error {
	if len(in) != 2 && len(in) != 3 {
		return b.Errorf("takes a query and a value, then perhaps a key, got %d inputs: a sequence that looks at itself is both query and value", len(in))
	}
	query, value, key := in[0], in[1], in[len(in)-1]
	switch {
	case len(query) != 3 || len(value) != 3 || len(key) != 3:
		return b.Errorf("takes sequences, (batch, steps, features)")
	case key[1] != value[1]:
		return b.Errorf("value and key must have as many steps, they have %d and %d", value[1], key[1])
	case key[2] != query[2]:
		return b.Errorf("query and key must have as many features, they have %d and %d", query[2], key[2])
	}
	return checkShare(b, "Dropout", dropout)
}

// Build declares scale and concat_score_weight, if they are used.
func (l *Attention) Build(b *Builder, in []tensor.Shape) error {
	if err := checkAttention(b, in, l.Dropout); err != nil {
		return err
	}
	mode := config.Resolve(*l).ScoreMode
	if mode != "dot" && mode != "concat" {
		return b.Errorf("ScoreMode is %q, it must be dot or concat", mode)
	}
	if l.UseScale {
		l.scale = b.Variable("scale", tensor.Shape{}, VariableConfig{Initializer: initializer.Ones{}})
	}
	if mode == "concat" {
		l.weight = b.Variable("concat_score_weight", tensor.Shape{}, VariableConfig{Initializer: initializer.Ones{}})
	}
	return nil
}

// Build declares scale, if it is learnt.
func (l *AdditiveAttention) Build(b *Builder, in []tensor.Shape) error {
	if err := checkAttention(b, in, l.Dropout); err != nil {
		return err
	}
	if !l.NoScale {
		l.scale = b.Variable("scale", tensor.Shape{in[0][2]}, VariableConfig{})
	}
	return nil
}

// Call emits the layer's nodes and returns the first output.
func (l *Attention) Call(c *Context, in []*graph.Node) *graph.Node { return l.CallAll(c, in)[0] }

// CallAll emits the layer's nodes.
func (l *Attention) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	query, value, key := in[0], in[1], in[len(in)-1]
	a := attention{scale: 1, causal: l.UseCausalMask, dropout: l.Dropout, keyMask: c.Mask(value)}
	if l.weight == nil {
		if l.scale != nil {
			query = query.Mul(c.Value(l.scale))
		}
		return c.zeroed(a.oneHead(c, query, key, value, l.ReturnAttentionScores), in[0])
	}
	sum := pairSums(query, key)
	if l.scale != nil {
		sum = sum.Mul(c.Value(l.scale))
	}
	return c.zeroed(a.ofScores(c, sum.Tanh().Sum(-1).Mul(c.Value(l.weight)), value, l.ReturnAttentionScores), in[0])
}

// Call emits the layer's nodes and returns the first output.
func (l *AdditiveAttention) Call(c *Context, in []*graph.Node) *graph.Node {
	return l.CallAll(c, in)[0]
}

// CallAll emits the layer's nodes.
func (l *AdditiveAttention) CallAll(c *Context, in []*graph.Node) []*graph.Node {
	query, value, key := in[0], in[1], in[len(in)-1]
	a := attention{causal: l.UseCausalMask, dropout: l.Dropout, keyMask: c.Mask(value)}
	scores := pairSums(query, key).Tanh()
	if l.scale != nil {
		scores = scores.Mul(c.Value(l.scale))
	}
	return c.zeroed(a.ofScores(c, scores.Sum(-1), value, l.ReturnAttentionScores), in[0])
}

// pairSums returns the sum of each step of a query and each one of a key: (batch, T, S, features).
func pairSums(query, key *graph.Node) *graph.Node {
	if !query.Valid() || !key.Valid() {
		return query
	}
	q, k := query.Shape(), key.Shape()
	return query.Reshape(tensor.Batch, q[1], 1, q[2]).Add(key.Reshape(tensor.Batch, 1, k[1], k[2]))
}

// oneHead is apply for one head: of (batch, T, d), (batch, S, d) and (batch, S, e). It returns a layer's outputs.
func (a *attention) oneHead(c *Context, q, k, v *graph.Node, wanted bool) []*graph.Node {
	if !q.Valid() || !k.Valid() || !v.Valid() {
		return []*graph.Node{q}
	}
	head := func(x *graph.Node) *graph.Node { return x.Reshape(tensor.Batch, x.Shape()[1], 1, x.Shape()[2]) }
	y, weights := a.apply(c, head(q), head(k), head(v), wanted)
	steps, values := q.Shape()[1], k.Shape()[1]
	out := []*graph.Node{y.Reshape(tensor.Batch, steps, v.Shape()[2])}
	if wanted {
		out = append(out, weights.Reshape(tensor.Batch, steps, values))
	}
	return out
}

// ofScores returns a layer's outputs for scores (batch, T, S) of the steps of v.
func (a *attention) ofScores(c *Context, scores, v *graph.Node, wanted bool) []*graph.Node {
	if !scores.Valid() || !v.Valid() {
		return []*graph.Node{scores}
	}
	s := scores.Shape()
	weights, kept := a.weights(c, scores.Reshape(tensor.Batch, 1, s[1], s[2]))
	out := []*graph.Node{kept.Reshape(s...).BatchMatMul(v, false, false)}
	if wanted {
		out = append(out, weights.Reshape(s...))
	}
	return out
}

// zeroed makes the first output zeros at the steps that the query's mask leaves out.
func (c *Context) zeroed(out []*graph.Node, query *graph.Node) []*graph.Node {
	if m := c.Mask(query); m != nil {
		out[0] = graph.Select(m.WithRank(3), out[0], c.Graph().Scalar(0))
	}
	return out
}
