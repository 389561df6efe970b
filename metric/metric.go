// Package metric has the measures that training and evaluation report.
//
// A Metric is a value. For every batch it emits sums, which the loop adds up in
// float64, and at the end it makes one number of the totals. So a metric is
// right over batches of unequal size, and has no state to reset.
package metric

// This file defines Metric and finds one by its name.

import (
	"github.com/cornu-ml/cornu/graph"
	"github.com/cornu-ml/cornu/internal/config"
)

// Zero says 0 for a field whose zero value means another default.
const Zero = config.Zero

// A Metric measures predictions.
type Metric interface {
	// Name returns Keras's name, the key of logs and histories: "accuracy".
	Name() string
	// Update emits what the batch adds to each total, nodes of any shape that
	// does not depend on the batch. weight is the weight of each sample, or nil.
	Update(yTrue, yPred, weight *graph.Node) []*graph.Node
	// Result makes a number of the totals, one slice for each node of Update.
	Result(totals [][]float64) float64
}

var registry = config.NewRegistry[Metric](
	"metric",
	Accuracy{}, BinaryAccuracy{}, CategoricalAccuracy{}, SparseCategoricalAccuracy{},
)

func init() { registry.Register(Accuracy{}, "acc") }

// ByName returns the metric that Keras knows by the name, with its defaults. The
// error of an unknown name lists the known ones.
func ByName(name string) (Metric, error) { return registry.ByName(name) }

// Names lists the names that ByName knows.
func Names() []string { return registry.Names() }

// Register makes a metric known to ByName and to files, by its Name.
func Register(m Metric) { registry.Register(m) }

// mean is the update of a metric that averages values, one for each sample:
// their weighted sum and the sum of the weights.
func mean(values, weight *graph.Node) []*graph.Node {
	if weight == nil {
		return []*graph.Node{values.Sum(), values.Numel()}
	}
	if missing := values.Rank() - weight.Rank(); missing > 0 {
		shape := weight.Shape().Clone()
		for range missing {
			shape = append(shape, 1)
		}
		weight = weight.Reshape(shape...).BroadcastTo(values.Shape())
	}
	return []*graph.Node{values.Mul(weight).Sum(), weight.Sum()}
}

// ratio is the result of a metric that averages: the first total over the
// second, 0 if there is nothing to average.
func ratio(totals [][]float64) float64 {
	if totals[1][0] == 0 {
		return 0
	}
	return totals[0][0] / totals[1][0]
}
