package layer

// This file folds batch normalizations into the convolutions and dense layers before them, for inference: of
// conv(x) + bias, which is then brought to its mean and deviation, one multiplication and one addition are left, and both are
// done where the product is stored.

import (
	"os"

	"github.com/cornu-ml/cornu/activation"
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
	"github.com/cornu-ml/cornu/regularizer"
)

// noFolding leaves batch normalizations as they are, so that inference has the bits of training with frozen layers.
var noFolding = os.Getenv("CORNU_FOLD") == "off"

// folded returns the batch normalizations that can be folded, by the nodes that they normalize: those that nothing else reads.
func (n *Network) folded() map[*Node]*BatchNormalization {
	if noFolding {
		return nil
	}
	readers := map[*Node]int{}
	for _, x := range n.outputs {
		readers[x]++
	}
	for _, x := range n.nodes {
		for _, y := range x.in {
			readers[y]++
		}
	}
	list := map[*Node]*BatchNormalization{}
	for _, x := range n.nodes {
		if bn, ok := x.layer.(*BatchNormalization); ok && len(x.in) == 1 && readers[x.in[0]] == 1 {
			axis := counted([]int{config.Resolve(*bn).Axis}, len(x.shape))[0]
			if affine(x.in[0].layer, axis, len(x.shape)) {
				list[x.in[0]] = bn
			}
		}
	}
	return list
}

// affine reports whether what a layer puts out is a sum of products plus a bias, with a filter or a unit for each place along the axis.
func affine(l Layer, axis, rank int) bool {
	switch l.(type) {
	case *Dense, *Conv1D, *Conv2D, *Conv3D, *Conv1DTranspose, *Conv2DTranspose, *Conv3DTranspose,
		*DepthwiseConv1D, *DepthwiseConv2D, *SeparableConv1D, *SeparableConv2D:
	default:
		return false
	}
	if field[activation.Activation](l, "Activation") != nil || field[regularizer.Regularizer](l, "ActivityRegularizer") != nil {
		return false
	}
	if field[string](l, "DataFormat") == channelsFirst {
		return axis == 1
	}
	return axis == rank-1
}

// biased adds the bias of a layer, if it has one, to its products, whose last axis is that of the filters or units, and
// normalizes them if a batch normalization is folded into the layer: with a scale s = gamma / √(variance + Epsilon), to
// y·s + ((bias - mean)·s + beta).
func (c *Context) biased(y *graph.Node, bias *Variable) *graph.Node {
	l := c.fold
	switch {
	case l == nil && bias == nil:
		return y
	case l == nil:
		return y.Add(c.Value(bias))
	}
	scale := c.Value(l.variance).AddScalar(*config.Resolve(*l).Epsilon).Sqrt()
	if l.gamma != nil {
		scale = c.Value(l.gamma).Div(scale)
	} else {
		scale = c.Graph().Scalar(1).Div(scale)
	}
	shift := c.Value(l.mean).Neg()
	if bias != nil {
		shift = c.Value(bias).Sub(c.Value(l.mean))
	}
	shift = shift.Mul(scale)
	if l.beta != nil {
		shift = shift.Add(c.Value(l.beta))
	}
	return y.Mul(scale).Add(shift)
}
