package layer

// This file has the layer that looks vectors up. Its gradient is ScatterAdd, in graph/gather.go; train/sparse.go makes that
// sparse, so that a step updates only the vectors that its batch looked up.

import (
	"cmp"
	"math"

	"github.com/cornu-ml/cornu/constraint"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
	"github.com/cornu-ml/cornu/tensor"
)

func init() { Register("Embedding", func() Layer { return &Embedding{} }) }

// Embedding looks up a vector for each integer from 0 to InputDim-1, such as the number of a word, and trains the vectors. Any
// other number in the data is a *data.IntegerError; in Keras its effect depends on the backend. With MaskZero the integer 0 is
// padding, which makes sequences equally long: its steps are masked, as by Masking.
//
// To use vectors that were trained elsewhere, set them by Variable.Assign. To load an Embedding that was adapted by LoRA or
// quantized is an error, which names the entry of the file that says so.
//
// Shapes: (batch, …) → (batch, …, OutputDim); embeddings (InputDim, OutputDim).
type Embedding struct {
	Name                  string
	Frozen                bool
	InputDim              int // how many integers there are, at most 2³¹-1
	OutputDim             int
	EmbeddingsInitializer initializer.Initializer `default:"random_uniform"`
	EmbeddingsRegularizer regularizer.Regularizer
	ActivityRegularizer   regularizer.Regularizer
	EmbeddingsConstraint  constraint.Constraint
	MaskZero              bool

	embeddings *Variable
}

// Build declares embeddings.
func (l *Embedding) Build(b *Builder, in []tensor.Shape) error {
	if err := cmp.Or(one(b, in), positive(b, "OutputDim", l.OutputDim)); err != nil {
		return err
	}
	cfg := config.Resolve(*l)
	switch {
	case l.InputDim <= 0 || l.InputDim > math.MaxInt32:
		return b.Errorf("InputDim is %d, it must be the number of integers that there are: at least 1 and at most %d", l.InputDim, math.MaxInt32)
	case l.MaskZero && len(in[0]) != 2:
		return b.Errorf("MaskZero is of sequences of integers, (batch, steps)")
	}
	l.embeddings = b.Variable("embeddings", tensor.Shape{l.InputDim, l.OutputDim},
		VariableConfig{Initializer: cfg.EmbeddingsInitializer, Regularizer: l.EmbeddingsRegularizer, Constraint: l.EmbeddingsConstraint})
	return nil
}

// Call emits the layer's nodes.
func (l *Embedding) Call(c *Context, in []*graph.Node) *graph.Node {
	indices := in[0].Integers(l.InputDim)
	y := c.Value(l.embeddings).Gather(indices)
	if l.MaskZero {
		c.SetMask(y, indices.NotEqual(c.Graph().Scalar(0)))
	}
	return y
}
