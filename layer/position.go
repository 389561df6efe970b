package layer

// This file has the layers that say where in a sequence a step is, for attention, which doesn't know it. They are those of
// keras_hub, and go by its names in files.

import (
	"cmp"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/internal/fmath"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("keras_hub>SinePositionEncoding", func() Layer { return &SinePositionEncoding{} })
	Register("keras_hub>PositionEmbedding", func() Layer { return &PositionEmbedding{} })
}

// SinePositionEncoding gives each step numbers that depend on its place alone: sines and cosines of place/MaxWavelength^(2i/features), by
// turns (Vaswani et al. 2017, section 3.5; keras_hub's layer of this name). Add them to what it is applied to.
//
// Shapes: (batch, steps, features) → the same.
type SinePositionEncoding struct {
	Name          string
	MaxWavelength float64 `zero:"10000"`
}

// Build checks the input.
func (l *SinePositionEncoding) Build(b *Builder, in []tensor.Shape) error {
	if !(l.MaxWavelength >= 0) {
		return b.Errorf("MaxWavelength is %v, it must be positive, or 0 for 10000", l.MaxWavelength)
	}
	return sequence(b, in)
}

// sequence returns an error unless there is one input, and it is a sequence.
func sequence(b *Builder, in []tensor.Shape) error {
	if len(in) != 1 || len(in[0]) != 3 {
		return b.Errorf("takes one sequence, (batch, steps, features)")
	}
	return nil
}

// Call emits the layer's nodes.
func (l *SinePositionEncoding) Call(c *Context, in []*graph.Node) *graph.Node {
	shape := in[0].Shape()
	longest := config.Resolve(*l).MaxWavelength
	steps, features := shape[1], shape[2]
	table := make([]float32, steps*features)
	for i := range features {
		rate := fmath.Pow64(longest, -float64(i/2*2)/float64(features))
		for place := range steps {
			angle := float64(place) * rate
			if i%2 == 0 {
				table[place*features+i] = float32(fmath.Sin64(angle))
			} else {
				table[place*features+i] = float32(fmath.Cos64(angle))
			}
		}
	}
	return c.Graph().Const(table, steps, features).BroadcastTo(shape)
}

// PositionEmbedding gives each step numbers that are learnt for its place (Devlin et al. 2019, "BERT"; keras_hub's layer of this name).
// Add them to what it is applied to.
//
// Shapes: (batch, steps, features) → the same; embeddings (SequenceLength, features).
type PositionEmbedding struct {
	Name           string
	Frozen         bool
	SequenceLength int                     // the most steps that a sequence may have
	Initializer    initializer.Initializer `default:"glorot_uniform"`

	embeddings *Variable
}

// Build declares embeddings.
func (l *PositionEmbedding) Build(b *Builder, in []tensor.Shape) error {
	if err := cmp.Or(sequence(b, in), positive(b, "SequenceLength", l.SequenceLength)); err != nil {
		return err
	}
	if steps := in[0][1]; steps > l.SequenceLength {
		return b.Errorf("SequenceLength is %d: the input has more steps, %d", l.SequenceLength, steps)
	}
	l.embeddings = b.Variable("embeddings", tensor.Shape{l.SequenceLength, in[0][2]}, VariableConfig{Initializer: config.Resolve(*l).Initializer})
	return nil
}

// Call emits the layer's nodes.
func (l *PositionEmbedding) Call(c *Context, in []*graph.Node) *graph.Node {
	shape := in[0].Shape()
	return c.Value(l.embeddings).SliceAxis(0, 0, shape[1]).BroadcastTo(shape)
}
