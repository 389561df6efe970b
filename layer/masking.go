package layer

// This file has masks, which say which steps of sequences count: the layer Masking, which makes one, and how masks travel, from
// the outputs of layers to their inputs, in Context.Mask, SetMask and pass. See docs/adr/0017-masks.md.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() { Register("Masking", func() Layer { return &Masking{} }) }

// Masking masks the steps all of whose features are MaskValue, and makes their features zeros. Recurrent layers skip masked
// steps, layers that work on each step by itself pass the mask on, losses and metrics leave masked steps out.
//
// Shapes: (batch, steps, …, features) → the same.
type Masking struct {
	Name      string
	MaskValue float64
}

// Build checks the input.
func (l *Masking) Build(b *Builder, in []tensor.Shape) error {
	if len(in) != 1 || len(in[0]) < 3 {
		return b.Errorf("takes one sequence, (batch, steps, features)")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *Masking) Call(c *Context, in []*graph.Node) *graph.Node {
	x := in[0]
	last := x.Rank() - 1
	counts := x.NotEqual(c.Graph().Scalar(l.MaskValue)).ReduceMaxKeep(last).StopGradient()
	y := graph.Select(counts, x, c.Graph().Scalar(0))
	if counts.Valid() {
		c.SetMask(y, counts.Reshape(counts.Shape()[:last]...))
	}
	return y
}

// Mask returns the mask of x: (batch, steps), 1 for a step that counts and 0 for one that is masked. It is nil if all steps count.
func (c *Context) Mask(x *graph.Node) *graph.Node { return c.masks[x] }

// SetMask sets the mask of x, an output of this layer, for the layers that x is an input of: (batch, steps), 1 for a step that
// counts and 0 for one that is masked. A mask that is nil changes nothing. The output of a layer of one's own has no mask unless
// the layer calls SetMask.
func (c *Context) SetMask(x, mask *graph.Node) {
	if mask == nil {
		return
	}
	if c.masks == nil {
		c.masks = map[*graph.Node]*graph.Node{}
	}
	c.masks[x] = mask
}

// pass gives the output of one of Keras's layers the mask that it has in Keras.
func (c *Context) pass(l Layer, in, out []*graph.Node) {
	if len(c.masks) == 0 {
		return
	}
	switch l := l.(type) {
	case *Activation, *ReLU, *LeakyReLU, *ELU, *PReLU, *Softmax, *ActivityRegularization, *Dense, *Identity, *Rescaling, *TimeDistributed,
		*Dropout, *SpatialDropout1D, *SpatialDropout2D, *SpatialDropout3D, *AlphaDropout, *GaussianDropout, *GaussianNoise,
		*BatchNormalization, *LayerNormalization, *GroupNormalization, *UnitNormalization, *Normalization,
		*MultiHeadAttention, *GroupQueryAttention, *Attention, *AdditiveAttention, *SinePositionEncoding, *PositionEmbedding:
		c.SetMask(out[0], c.Mask(in[0]))
	case *Add, *Subtract, *Multiply, *Average, *Maximum, *Minimum:
		c.SetMask(out[0], c.either(in))
	case *Concatenate:
		axis := config.Resolve(*l).Axis
		if axis < 0 {
			axis += in[0].Rank()
		}
		switch axis {
		case 1:
			c.SetMask(out[0], c.joined(in))
		case in[0].Rank() - 1:
			c.SetMask(out[0], c.either(in))
		}
	}
}

// either returns a mask of the steps that count in any input, nil if all steps of one do.
func (c *Context) either(in []*graph.Node) *graph.Node {
	var mask *graph.Node
	for _, x := range in {
		m := c.Mask(x)
		switch {
		case m == nil:
			return nil
		case mask == nil:
			mask = m
		default:
			mask = mask.Max(m)
		}
	}
	return mask
}

// joined returns the masks of sequences one behind the other, nil if none has one.
func (c *Context) joined(in []*graph.Node) *graph.Node {
	var masks []*graph.Node
	some := false
	for _, x := range in {
		m := c.Mask(x)
		some = some || m != nil
		if m == nil {
			m = c.graph.Scalar(1).BroadcastTo(x.Shape()[:2])
		}
		masks = append(masks, m)
	}
	if !some {
		return nil
	}
	return graph.Concat(1, masks...)
}

// product is the product of its inputs, without the steps that are masked in some of them, and 0 where all are, as in Keras.
func (c *Context) product(in []*graph.Node) *graph.Node {
	factors := slices.Clone(in)
	for i, x := range in {
		if m := c.Mask(x); m != nil {
			factors[i] = graph.Select(m.WithRank(x.Rank()), x, c.graph.Scalar(1))
		}
	}
	y := fold(factors, (*graph.Node).Mul)
	if m := c.either(in); m != nil {
		y = graph.Select(m.WithRank(y.Rank()), y, c.graph.Scalar(0))
	}
	return y
}

// extreme is the greatest or least of its inputs, without the steps that are masked in some of them, as in Keras.
func (c *Context) extreme(in []*graph.Node, f func(a, b *graph.Node) *graph.Node) *graph.Node {
	y, mask := in[0], c.Mask(in[0])
	for _, x := range in[1:] {
		m := c.Mask(x)
		a, b := y, x
		if m != nil {
			b = graph.Select(m.WithRank(x.Rank()), x, y)
		}
		if mask != nil {
			a = graph.Select(mask.WithRank(y.Rank()), y, b)
		}
		if m == nil || mask == nil {
			mask = nil
		} else {
			mask = mask.Max(m)
		}
		y = f(a, b)
	}
	return y
}
