package loss

// This file makes one number of the values of the samples.

import (
	"reflect"

	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// A Reduction says how the values of the samples become one number.
type Reduction string

// Keras's reductions.
const (
	SumOverBatchSize     Reduction = "sum_over_batch_size"     // Σ value·weight / the number of values; the default
	Mean                 Reduction = "mean"                    // the same
	MeanWithSampleWeight Reduction = "mean_with_sample_weight" // Σ value·weight / Σ weight
	Sum                  Reduction = "sum"                     // Σ value·weight
	None                 Reduction = "none"                    // each value·weight by itself: not for training, which needs one number
)

// A Masker is a Loss that leaves some values out. Mask is 1 at those that count
// and 0 at the others.
type Masker interface {
	Mask(yTrue, yPred *graph.Node) *graph.Node
}

// Of emits the loss of a batch, a scalar unless the reduction is None: l's values,
// weighted and reduced by the rule in l's field Reduction. weight is the weight of
// each sample, or nil.
func Of(l Loss, yTrue, yPred, weight *graph.Node) *graph.Node {
	return Masked(l, yTrue, yPred, weight, nil)
}

// Masked is Of with a mask of the values that count, 1 or 0, or nil: as in Keras, a mean is over those alone.
func Masked(l Loss, yTrue, yPred, weight, mask *graph.Node) *graph.Node {
	if err := config.Check("the loss", l); err != nil {
		return yPred.Graph().Fail("%v", err)
	}
	rule := reductionOf(l)
	switch rule {
	case "", SumOverBatchSize, Mean, MeanWithSampleWeight, Sum, None:
	default:
		return yPred.Graph().Fail("loss %s: unknown reduction %q: the known ones are %s, %s, %s, %s, %s",
			l.Name(), rule, SumOverBatchSize, Mean, MeanWithSampleWeight, Sum, None)
	}
	values := l.Loss(yTrue, yPred)
	if m, ok := l.(Masker); ok {
		if own := m.Mask(yTrue, yPred); own != nil && mask != nil {
			mask = mask.Mul(own)
		} else if own != nil {
			mask = own
		}
	}
	if mask != nil {
		if rule == "" || rule == SumOverBatchSize || rule == Mean {
			// The mean is over the values that count.
			mask = mask.Mul(ratio(mask.Numel(), mask.Sum()))
		}
		if weight != nil {
			mask = mask.Mul(weight.WithRank(mask.Rank()))
		}
		weight = mask
	}
	return reduce(values, weight, rule)
}

func reduce(values, weight *graph.Node, rule Reduction) *graph.Node {
	if weight != nil {
		weight = weight.WithRank(values.Rank())
		values = values.Mul(weight)
		if rule == MeanWithSampleWeight && values.Valid() {
			return ratio(values.Sum(), weight.BroadcastTo(values.Shape()).Sum())
		}
	}
	switch {
	case values.Rank() == 0 || rule == None:
		return values
	case rule == Sum:
		return values.Sum()
	}
	return ratio(values.Sum(), values.Numel())
}

// ratio is a/b, or 0 if b is.
func ratio(a, b *graph.Node) *graph.Node {
	if b.Op() != graph.OpConst && b.Op() != graph.OpNumel {
		g := b.Graph()
		return graph.Select(b, a.Div(graph.Select(b, b, g.Scalar(1))), g.Scalar(0))
	}
	return a.Div(b)
}

// reductionOf returns l's field Reduction, "" if it has none.
func reductionOf(l Loss) Reduction {
	if v := reflect.Indirect(reflect.ValueOf(l)); v.Kind() == reflect.Struct {
		if f := v.FieldByName("Reduction"); f.IsValid() {
			rule, _ := f.Interface().(Reduction)
			return rule
		}
	}
	return ""
}
