package layer

// This file has the layer that keeps the greatest singular value of another's kernel at 1.

import (
	"slices"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/initializer"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/tensor"
)

func init() {
	Register("SpectralNormalization", func() Layer { return &SpectralNormalization{} })
}

// SpectralNormalization wraps another layer. In training, before each application, it divides that layer's kernel by the
// kernel's greatest singular value (Miyato et al. 2018), and the kernel stays divided, as in Keras on TensorFlow and PyTorch.
// The singular value is found by PowerIterations steps of power iteration,
//
//	v = u·Wᵀ / |u·Wᵀ|, u = v·W / |v·W|
//
// from the vector u of the application before; W is the kernel as a matrix with as many columns as its last axis has
// elements. The optimizer updates the divided kernel, and no gradient flows through the division. In inference, and in
// training if the layer is frozen, the kernel is used as it is.
//
// Shapes: those of Layer; vector_u (1, the last axis of the kernel).
type SpectralNormalization struct {
	Name            string
	Frozen          bool
	Layer           Layer // whose variable kernel, or embeddings, is meant
	PowerIterations int   `zero:"1"`

	kernel, u *Variable
}

// Build builds the layer within and declares vector_u.
func (l *SpectralNormalization) Build(b *Builder, in []tensor.Shape) error {
	cfg := config.Resolve(*l)
	switch {
	case l.Layer == nil:
		return b.Errorf("Layer is nil: say whose kernel is to be normalized, &layer.Dense{Units: 1} for one")
	case cfg.PowerIterations < 1:
		return b.Errorf("PowerIterations is %d, it must be positive", cfg.PowerIterations)
	}
	if err := b.Layer(l.Layer, in...); err != nil {
		return err
	}
	own := Own(l.Layer)
	i := slices.IndexFunc(own, func(v *Variable) bool { return v.Name == "kernel" || v.Name == "embeddings" })
	if i < 0 {
		return b.Errorf("Layer, a %s, has no variable kernel or embeddings", Class(l.Layer))
	}
	l.kernel = own[i]
	b.variables = append(b.variables, l.kernel) // as in Keras, it counts as this layer's own too
	last := l.kernel.Shape[len(l.kernel.Shape)-1]
	l.u = b.Variable("vector_u", tensor.Shape{1, last}, VariableConfig{
		Initializer: initializer.TruncatedNormal{Stddev: new(0.02)}, NonTrainable: true,
	})
	return nil
}

// Call emits the layer's nodes.
func (l *SpectralNormalization) Call(c *Context, in []*graph.Node) *graph.Node {
	if c.Training() && !c.Frozen(l) && !c.Frozen(l.Layer) {
		l.normalize(c)
	}
	return c.Layer(l.Layer, in...)[0]
}

// normalize gives the kernel and the vector new values.
func (l *SpectralNormalization) normalize(c *Context) {
	shape := l.kernel.Shape
	kernel, u := c.Value(l.kernel), c.Value(l.u)
	w := kernel.Reshape(shape[:len(shape)-1].Numel(), shape[len(shape)-1])
	var v *graph.Node
	next := u
	for range config.Resolve(*l).PowerIterations {
		v = normalize(next.MatMulT(w, false, true), 1e-7, 0, 1)
		next = normalize(v.MatMul(w), 1e-7, 0, 1)
	}
	sigma := v.MatMul(w).MatMulT(next, false, true).Reshape()
	// A kernel of zeros stays.
	zero := kernel.Abs().ReduceMax().Equal(c.Graph().Scalar(0))
	c.Update(l.kernel, graph.Select(zero, kernel, kernel.Div(sigma)).StopGradient())
	c.Update(l.u, graph.Select(zero, u, next).StopGradient())
}
